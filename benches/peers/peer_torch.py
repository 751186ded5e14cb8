"""PyTorch on the workloads: eager by default, `--compile` for torch.compile around forward pass and loss."""

import workloads
from workloads import ConvNet, Gpt, LeNet, Lstm, Mlp


def own_options(parser):
    parser.add_argument("--compile", action="store_true", help="compile forward pass, loss, and backward pass with torch.compile")


OPTIONS = workloads.arguments(__doc__, own_options)

import torch
import torch.nn as nn
import torch.nn.functional as F

ACTIVATIONS = {"tanh": nn.Tanh, "relu": nn.ReLU}


def mlp(model):
    layers = []
    for inputs, outputs in zip(model.widths, model.widths[1:]):
        layers += [nn.Linear(inputs, outputs), ACTIVATIONS[model.activation]()]
    return nn.Sequential(*layers[:-1])


def lenet(model):
    first, second = model.channels
    convolutions = [nn.Conv2d(1, first, 5), nn.ReLU(), nn.MaxPool2d(2), nn.Conv2d(first, second, 5), nn.ReLU(), nn.MaxPool2d(2)]
    return nn.Sequential(*convolutions, nn.Flatten(), *mlp(Mlp(model.widths, "relu")))


def convnet(model):
    layers, inputs = [], 3
    for outputs in model.channels:
        layers += [nn.Conv2d(inputs, outputs, 3, padding=1), nn.BatchNorm2d(outputs), nn.ReLU(), nn.MaxPool2d(2)]
        inputs = outputs
    return nn.Sequential(*layers, nn.Flatten(), nn.Linear(model.features, model.classes))


class LstmNet(nn.Module):
    def __init__(self, model):
        super().__init__()
        self.embedding = nn.Embedding(model.vocabulary, model.embedding)
        self.lstm = nn.LSTM(model.embedding, model.hidden, batch_first=True)
        self.out = nn.Linear(model.hidden, model.vocabulary)

    def forward(self, tokens):
        hidden, _ = self.lstm(self.embedding(tokens))
        return self.out(hidden).flatten(0, 1)


class Block(nn.Module):
    def __init__(self, model):
        super().__init__()
        width = model.width
        self.heads = model.heads
        self.attention_norm, self.mlp_norm = nn.LayerNorm(width), nn.LayerNorm(width)
        self.query_key_value, self.project = nn.Linear(width, 3 * width), nn.Linear(width, width)
        self.up, self.down = nn.Linear(width, 4 * width), nn.Linear(4 * width, width)

    def forward(self, x):
        batch, length, width = x.shape
        joined = self.query_key_value(self.attention_norm(x)).view(batch, length, 3, self.heads, width // self.heads)
        query, key, value = joined.permute(2, 0, 3, 1, 4)
        attended = F.scaled_dot_product_attention(query, key, value, is_causal=True)
        x = x + self.project(attended.transpose(1, 2).reshape(batch, length, width))
        return x + self.down(F.gelu(self.up(self.mlp_norm(x)), approximate="tanh"))


class GptNet(nn.Module):
    def __init__(self, model):
        super().__init__()
        self.tokens = nn.Embedding(model.vocabulary, model.width)
        self.positions = nn.Embedding(model.length, model.width)
        self.blocks = nn.Sequential(*(Block(model) for _ in range(model.layers)))
        self.norm = nn.LayerNorm(model.width)
        self.out = nn.Linear(model.width, model.vocabulary, bias=False)

    def forward(self, tokens):
        hidden = self.blocks(self.tokens(tokens) + self.positions.weight)
        return self.out(self.norm(hidden)).flatten(0, 1)


MODELS = {Mlp: mlp, LeNet: lenet, ConvNet: convnet, Lstm: LstmNet, Gpt: GptNet}
LOSSES = {"mse": F.mse_loss, "cross_entropy": F.cross_entropy}


def optimizer(description, parameters):
    if description.kind == "sgd":
        return torch.optim.SGD(parameters, description.learning_rate, momentum=description.momentum)
    return {"adam": torch.optim.Adam, "adamw": torch.optim.AdamW}[description.kind](parameters, description.learning_rate)


def data(description):
    return torch.randn(description.shape) if description.classes is None else torch.randint(0, description.classes, description.shape)


def training_step(workload, compiled):
    model = MODELS[type(workload.model)](workload.model).train()
    update = optimizer(workload.optimizer, model.parameters())
    inputs, targets = data(workload.inputs), data(workload.targets)
    loss = LOSSES[workload.loss]

    def forward(inputs, targets):
        return loss(model(inputs), targets)

    if compiled:
        forward = torch.compile(forward)

    def step():
        update.zero_grad(set_to_none=True)
        forward(inputs, targets).backward()
        update.step()

    return step


def main():
    torch.set_num_threads(OPTIONS.threads)
    torch.manual_seed(0)
    who = "torch-compile" if OPTIONS.compile else "torch-eager"
    for workload in workloads.selected(OPTIONS):
        torch.compiler.reset()  # what was compiled for one workload must not bear on the next
        workloads.report(workload, who, OPTIONS, training_step(workload, OPTIONS.compile))


if __name__ == "__main__":
    main()
