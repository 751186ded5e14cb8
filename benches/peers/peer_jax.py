"""JAX with optax on the workloads: the whole step (loss, gradients, update) is one jitted function with donated state."""

import os

import workloads
from workloads import ConvNet, Gpt, LeNet, Lstm, Mlp

OPTIONS = workloads.arguments(__doc__)
if OPTIONS.threads == 1:  # XLA reads its flags when it is loaded; other numbers of threads follow from the CPU affinity
    os.environ["XLA_FLAGS"] = os.environ.get("XLA_FLAGS", "") + " --xla_cpu_multi_thread_eigen=false intra_op_parallelism_threads=1"
os.environ.setdefault("JAX_PLATFORMS", "cpu")

import jax
import jax.numpy as jnp
import optax

ACTIVATIONS = {"tanh": jnp.tanh, "relu": jax.nn.relu}


class Keys:
    """One fresh random key at each call."""

    def __init__(self, seed):
        self.key = jax.random.PRNGKey(seed)

    def __call__(self):
        self.key, fresh = jax.random.split(self.key)
        return fresh


KEYS = Keys(0)


def uniform(shape, fan_in):
    bound = fan_in**-0.5
    return jax.random.uniform(KEYS(), shape, minval=-bound, maxval=bound)


def dense_parameters(inputs, outputs, bias=True):
    parameters = {"weight": uniform((inputs, outputs), inputs)}
    if bias:
        parameters["bias"] = uniform((outputs,), inputs)
    return parameters


def dense(parameters, x):
    y = x @ parameters["weight"]
    return y + parameters["bias"] if "bias" in parameters else y


def convolution_parameters(inputs, outputs, size):
    fan_in = inputs * size * size
    return {"weight": uniform((outputs, inputs, size, size), fan_in), "bias": uniform((outputs,), fan_in)}


def convolution(parameters, x, padding):
    return jax.lax.conv_general_dilated(x, parameters["weight"], (1, 1), padding) + parameters["bias"][:, None, None]


def max_pool(x):
    return jax.lax.reduce_window(x, -jnp.inf, jax.lax.max, (1, 1, 2, 2), (1, 1, 2, 2), "VALID")


def norm_parameters(width):
    return {"scale": jnp.ones(width), "shift": jnp.zeros(width)}


def normalize(x, axes):
    mean, variance = x.mean(axes, keepdims=True), x.var(axes, keepdims=True)
    return (x - mean) * jax.lax.rsqrt(variance + 1e-5)


def layer_norm(parameters, x):
    return normalize(x, -1) * parameters["scale"] + parameters["shift"]


def mlp(model):
    activation = ACTIVATIONS[model.activation]

    def forward(layers, x):
        for layer in layers[:-1]:
            x = activation(dense(layer, x))
        return dense(layers[-1], x)

    return [dense_parameters(*pair) for pair in zip(model.widths, model.widths[1:])], forward


def lenet(model):
    head, head_forward = mlp(Mlp(model.widths, "relu"))
    first, second = model.channels
    parameters = {"first": convolution_parameters(1, first, 5), "second": convolution_parameters(first, second, 5), "head": head}

    def forward(parameters, x):
        for name in ("first", "second"):
            x = max_pool(jax.nn.relu(convolution(parameters[name], x, "VALID")))
        return head_forward(parameters["head"], x.reshape(x.shape[0], -1))

    return parameters, forward


def convnet(model):
    pairs = zip((3,) + model.channels, model.channels)
    stages = [{"convolution": convolution_parameters(*pair, 3), "norm": norm_parameters(pair[1])} for pair in pairs]

    def forward(parameters, x):
        for stage in parameters["stages"]:
            x = normalize(convolution(stage["convolution"], x, "SAME"), (0, 2, 3))
            x = x * stage["norm"]["scale"][:, None, None] + stage["norm"]["shift"][:, None, None]
            x = max_pool(jax.nn.relu(x))
        return dense(parameters["out"], x.reshape(x.shape[0], -1))

    return {"stages": stages, "out": dense_parameters(model.features, model.classes)}, forward


def lstm(model):
    parameters = {
        "embedding": jax.random.normal(KEYS(), (model.vocabulary, model.embedding)),
        "inputs": dense_parameters(model.embedding, 4 * model.hidden),
        "hidden": dense_parameters(model.hidden, 4 * model.hidden),
        "out": dense_parameters(model.hidden, model.vocabulary),
    }

    def forward(parameters, tokens):
        projected = dense(parameters["inputs"], parameters["embedding"][tokens]).swapaxes(0, 1)

        def advance(state, x):
            hidden, memory = state
            entry, forget, candidate, exit_ = jnp.split(x + dense(parameters["hidden"], hidden), 4, -1)
            memory = jax.nn.sigmoid(forget) * memory + jax.nn.sigmoid(entry) * jnp.tanh(candidate)
            hidden = jax.nn.sigmoid(exit_) * jnp.tanh(memory)
            return (hidden, memory), hidden

        zeros = jnp.zeros((tokens.shape[0], model.hidden))
        _, hidden = jax.lax.scan(advance, (zeros, zeros), projected)
        return dense(parameters["out"], hidden.swapaxes(0, 1)).reshape(-1, model.vocabulary)

    return parameters, forward


def gpt(model):
    width = model.width

    def block():
        return {
            "attention_norm": norm_parameters(width),
            "query_key_value": dense_parameters(width, 3 * width),
            "project": dense_parameters(width, width),
            "mlp_norm": norm_parameters(width),
            "up": dense_parameters(width, 4 * width),
            "down": dense_parameters(4 * width, width),
        }

    parameters = {
        "tokens": jax.random.normal(KEYS(), (model.vocabulary, width)),
        "positions": jax.random.normal(KEYS(), (model.length, width)),
        "blocks": [block() for _ in range(model.layers)],
        "norm": norm_parameters(width),
        "out": dense_parameters(width, model.vocabulary, bias=False),
    }
    visible = jnp.tril(jnp.ones((model.length, model.length), bool))

    def attention(parameters, x):
        batch, length, _ = x.shape
        joined = dense(parameters["query_key_value"], x).reshape(batch, length, 3, model.heads, width // model.heads)
        query, key, value = joined.transpose(2, 0, 3, 1, 4)
        scores = query @ key.swapaxes(-1, -2) * (width // model.heads) ** -0.5
        attended = jax.nn.softmax(jnp.where(visible, scores, -jnp.inf)) @ value
        return dense(parameters["project"], attended.transpose(0, 2, 1, 3).reshape(batch, length, width))

    def forward(parameters, tokens):
        x = parameters["tokens"][tokens] + parameters["positions"]
        for each in parameters["blocks"]:
            x = x + attention(each, layer_norm(each["attention_norm"], x))
            x = x + dense(each["down"], jax.nn.gelu(dense(each["up"], layer_norm(each["mlp_norm"], x))))
        return dense(parameters["out"], layer_norm(parameters["norm"], x)).reshape(-1, model.vocabulary)

    return parameters, forward


def mse(outputs, targets):
    return ((outputs - targets) ** 2).mean()


def cross_entropy(logits, labels):
    return optax.softmax_cross_entropy_with_integer_labels(logits, labels).mean()


MODELS = {Mlp: mlp, LeNet: lenet, ConvNet: convnet, Lstm: lstm, Gpt: gpt}
LOSSES = {"mse": mse, "cross_entropy": cross_entropy}


def optimizer(description):
    if description.kind == "sgd":
        return optax.sgd(description.learning_rate, description.momentum or None)
    return {"adam": optax.adam, "adamw": optax.adamw}[description.kind](description.learning_rate)


def data(description):
    if description.classes is None:
        return jax.random.normal(KEYS(), description.shape)
    return jax.random.randint(KEYS(), description.shape, 0, description.classes)


def training_step(workload):
    parameters, forward = MODELS[type(workload.model)](workload.model)
    loss, update = LOSSES[workload.loss], optimizer(workload.optimizer)
    inputs, targets = data(workload.inputs), data(workload.targets)

    def program(parameters, slots, inputs, targets):
        value, gradients = jax.value_and_grad(lambda p: loss(forward(p, inputs), targets))(parameters)
        updates, slots = update.update(gradients, slots, parameters)
        return optax.apply_updates(parameters, updates), slots, value

    program = jax.jit(program, donate_argnums=(0, 1))
    state = [parameters, update.init(parameters)]

    def step():
        state[0], state[1], value = program(*state, inputs, targets)
        value.block_until_ready()

    return step


def main():
    for workload in workloads.selected(OPTIONS):
        workloads.report(workload, "jax", OPTIONS, training_step(workload))


if __name__ == "__main__":
    main()
