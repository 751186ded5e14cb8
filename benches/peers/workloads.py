"""The workloads that every peer runs: one training step each, f32, the same shapes and the same mathematics.

A peer module turns a `Workload` into its own model, data, loss, and optimizer, and hands `report` a function that
runs one step to the end. What is timed is the whole step as a user of that library writes it: forward pass, gradients,
update. Data are random and stay the same from step to step; only time is measured here, not what is learned.
"""

import argparse
import json
import os
import statistics
import time
from dataclasses import dataclass


@dataclass(frozen=True)
class Mlp:
    """Dense layers between these widths, with the activation after each but the last."""

    widths: tuple
    activation: str


@dataclass(frozen=True)
class LeNet:
    """LeNet-5 on 1x28x28 images: two convolutions 5x5 with relu and 2x2 max pooling, then three dense layers."""

    channels: tuple = (6, 16)
    widths: tuple = (256, 120, 84, 10)


@dataclass(frozen=True)
class ConvNet:
    """Three times (convolution 3x3, batch normalization, relu, 2x2 max pooling), then a dense layer."""

    channels: tuple = (32, 64, 128)
    features: int = 128 * 4 * 4
    classes: int = 10


@dataclass(frozen=True)
class Lstm:
    """Embedding, one LSTM layer, and a dense layer on every step of the sequence."""

    vocabulary: int = 64
    embedding: int = 64
    hidden: int = 128
    length: int = 64


@dataclass(frozen=True)
class Gpt:
    """A pre-norm transformer decoder with learned positions, causal attention, and tanh-GELU."""

    layers: int = 4
    width: int = 128
    heads: int = 4
    length: int = 128
    vocabulary: int = 256


@dataclass(frozen=True)
class Data:
    """Random values: normal floats of this shape, or integers in [0, classes)."""

    shape: tuple
    classes: int | None = None


@dataclass(frozen=True)
class Optimizer:
    kind: str  # "sgd" (with momentum when it is not zero), "adam", or "adamw"
    learning_rate: float
    momentum: float = 0.0


@dataclass(frozen=True)
class Workload:
    name: str
    model: object
    inputs: Data
    targets: Data
    loss: str  # "mse" or "cross_entropy" (softmax cross-entropy with class indices, mean)
    optimizer: Optimizer


MOMENTUM = Optimizer("sgd", 0.1, momentum=0.9)
ADAM = Optimizer("adam", 1e-3)

WORKLOADS = (
    Workload("policy", Mlp((48, 64, 64, 12), "tanh"), Data((64, 48)), Data((64, 12)), "mse", ADAM),
    Workload("mnist_mlp", Mlp((784, 128, 10), "relu"), Data((64, 784)), Data((64,), 10), "cross_entropy", MOMENTUM),
    Workload("lenet", LeNet(), Data((64, 1, 28, 28)), Data((64,), 10), "cross_entropy", MOMENTUM),
    Workload("convnet", ConvNet(), Data((64, 3, 32, 32)), Data((64,), 10), "cross_entropy", ADAM),
    Workload("lstm", Lstm(), Data((32, 64), 64), Data((32 * 64,), 64), "cross_entropy", ADAM),
    Workload("gpt", Gpt(), Data((8, 128), 256), Data((8 * 128,), 256), "cross_entropy", Optimizer("adamw", 3e-4)),
    Workload("wide", Mlp((1024, 1024, 1024, 1024), "relu"), Data((1024, 1024)), Data((1024, 1024)), "mse", Optimizer("sgd", 1e-2)),
    Workload("field", Mlp((32, 64, 64, 3), "relu"), Data((16384, 32)), Data((16384, 3)), "mse", ADAM),
)


def arguments(description, extend=lambda parser: None):
    """Reads the command line that all peers share (`extend` adds a peer's own options), and binds the process to as many
    CPUs as it may use threads: not every library keeps to a number of threads, and all keep to this. Called before any
    library starts its threads."""
    parser = argparse.ArgumentParser(description=description)
    parser.add_argument("--workload", action="append", choices=[w.name for w in WORKLOADS], help="run only this one (may be repeated)")
    parser.add_argument("--threads", type=int, default=1, help="compute threads (default 1)")
    parser.add_argument("--seconds", type=float, default=1.5, help="time spent on each workload after warming up (default 1.5)")
    extend(parser)
    options = parser.parse_args()
    if hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(0, sorted(os.sched_getaffinity(0))[: options.threads])
    return options


def selected(options):
    return [w for w in WORKLOADS if not options.workload or w.name in options.workload]


def report(workload, who, options, step):
    """Warms up, runs `step` again and again for the given time, and prints one JSON line."""
    for _ in range(5):
        step()
    durations = []
    end = time.perf_counter() + options.seconds
    while len(durations) < 5 or time.perf_counter() < end:
        start = time.perf_counter()
        step()
        durations.append(time.perf_counter() - start)
    line = {
        "workload": workload.name,
        "threads": options.threads,
        "who": who,
        "us_median": round(statistics.median(durations) * 1e6, 1),
        "us_min": round(min(durations) * 1e6, 1),
    }
    print(json.dumps(line), flush=True)
