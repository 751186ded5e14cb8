#!/usr/bin/env python3
"""Writes tests/vectors/ops.json: operands and results of Tenon's operations, computed by numpy.

    python3 -m venv .venv && .venv/bin/pip install numpy && .venv/bin/python scripts/make_vectors.py

Operands are rounded to their dtype, results are computed in f64 (integers in their own width) from the formulas that the operations
document, and rounded to the dtype of the result. The same run writes the same file.
"""

import itertools
import json
import math
import os

import numpy as np

random = np.random.default_rng(20240607)
cases = []

NUMPY = {"f64": np.float64, "f32": np.float32, "f16": np.float16, "bf16": np.float32,
         "i64": np.int64, "i32": np.int32, "u8": np.uint8, "bool": np.bool_}
FLOATS = ["f64", "f32", "f16", "bf16"]
INTS = ["i64", "i32", "u8"]


def bf16(x):
    """The nearest bfloat16, ties to even, as f32. By way of f64 bits, so that it rounds once."""
    x = np.asarray(x, np.float64)
    mantissa, exponent = np.frexp(np.where(np.isfinite(x), x, 0.0))
    bits = np.minimum(8, np.maximum(0, exponent + 133))  # subnormals have fewer
    rounded = np.ldexp(np.rint(np.ldexp(mantissa, bits)), exponent - bits)
    rounded = np.where(np.abs(rounded) >= 2.0 ** 128, np.sign(rounded) * np.inf, rounded)
    return np.where(np.isfinite(x), rounded, x).astype(np.float32)


def to(dtype, x):
    with np.errstate(over="ignore", invalid="ignore"):
        return bf16(x) if dtype == "bf16" else np.asarray(x).astype(NUMPY[dtype])


def number(dtype, x):
    if dtype in INTS:
        return int(x)
    if dtype == "bool":
        return bool(x)
    if not math.isfinite(x):
        return "nan" if math.isnan(x) else "inf" if x > 0 else "-inf"
    return float(str(x)) if dtype != "f64" else float(x)


def tensor(dtype, x):
    x = to(dtype, x)
    return {"dtype": dtype, "shape": list(x.shape), "data": [number(dtype, e) for e in x.ravel()]}


def case(op, inputs, result, **attributes):
    """inputs: (dtype, values) each, values already of the dtype; result: (dtype, values)."""
    cases.append({"op": op, **({"attributes": attributes} if attributes else {}),
                  "inputs": [tensor(d, x) for d, x in inputs], "output": tensor(*result)})


def uniform(dtype, shape, low=-2.0, high=2.0):
    return to(dtype, random.uniform(low, high, shape))


def wide(x):
    return np.asarray(x, np.float64) if np.asarray(x).dtype.kind == "f" else np.asarray(x)


def each(function):
    return np.vectorize(function, otypes=[np.float64])


nan, inf = math.nan, math.inf
erf = each(math.erf)


def sigmoid(x):
    return 1 / (1 + np.exp(-x))


def softplus(x):
    return np.logaddexp(0, x)


# ---- one value ----

UNARY = {
    "identity": lambda x: x, "stop_gradient": lambda x: x, "neg": lambda x: -x, "abs": np.abs, "sign": np.sign, "exp": np.exp,
    "expm1": np.expm1, "sin": np.sin, "cos": np.cos, "tanh": np.tanh, "sigmoid": sigmoid, "erf": erf, "floor": np.floor,
    "ceil": np.ceil, "round": np.rint, "trunc": np.trunc, "relu": lambda x: np.maximum(x, 0), "square": lambda x: x * x,
    "relu6": lambda x: np.clip(x, 0, 6), "hard_sigmoid": lambda x: np.clip(x + 3, 0, 6) / 6,
    "hard_swish": lambda x: x * np.clip(x + 3, 0, 6) / 6, "softplus": softplus, "log_sigmoid": lambda x: -softplus(-x),
    "gelu": lambda x: 0.5 * x * (1 + erf(x / math.sqrt(2))), "silu": lambda x: x * sigmoid(x),
    "gelu_tanh": lambda x: 0.5 * x * (1 + np.tanh(math.sqrt(2 / math.pi) * (x + 0.044715 * x ** 3))),
}
POSITIVE = {"log": np.log, "log1p": np.log1p, "sqrt": np.sqrt, "rsqrt": lambda x: 1 / np.sqrt(x), "reciprocal": lambda x: 1 / x}
SPREAD = np.array([-9.5, -6, -4, -3, -2.5, -2, -1.5, -1, -0.5, -0.25, -1e-3, 0, 1e-3, 0.25, 0.5, 1, 1.5, 2, 2.5, 3, 4, 6, 9.5])

for dtype in FLOATS:
    for op, function in UNARY.items():
        x = to(dtype, np.concatenate([SPREAD, random.uniform(-8, 8, 9)]))
        case(op, [(dtype, x)], (dtype, function(wide(x))))
    for op, function in POSITIVE.items():
        x = to(dtype, np.concatenate([[1e-3, 0.5, 1, 2, 100], random.uniform(0.01, 8, 9)]))
        case(op, [(dtype, x)], (dtype, function(wide(x))))
    for op, attributes, function in [
        ("leaky_relu", {"alpha": 0.2}, lambda x: np.where(x > 0, x, 0.2 * x)),
        ("leaky_relu", {"alpha": 0.01}, lambda x: np.where(x > 0, x, 0.01 * x)),
        ("elu", {"alpha": 1.0}, lambda x: np.where(x > 0, x, np.expm1(np.minimum(x, 0)))),
        ("elu", {"alpha": 1.5}, lambda x: np.where(x > 0, x, 1.5 * np.expm1(np.minimum(x, 0)))),
        ("clamp", {"low": -1.5, "high": 2.0}, lambda x: np.clip(x, -1.5, 2.0)),
    ]:
        x = to(dtype, SPREAD)
        case(op, [(dtype, x)], (dtype, function(wide(x))), **attributes)

special = np.array([nan, inf, -inf, 0.0, 1.0])
with np.errstate(all="ignore"):
    for dtype in FLOATS:
        for op in ["neg", "abs", "exp", "expm1", "tanh", "sigmoid", "erf", "floor", "round", "relu"]:
            case(op, [(dtype, special)], (dtype, UNARY[op](special)))
        for op in ["log", "sqrt", "reciprocal", "rsqrt"]:
            case(op, [(dtype, np.append(special, -1.0))], (dtype, POSITIVE[op](np.append(special, -1.0))))
        for op, function in [("is_nan", np.isnan), ("is_inf", np.isinf), ("is_finite", np.isfinite)]:
            case(op, [(dtype, special)], ("bool", function(special)))

EDGES = {"i64": [-2 ** 63, -2 ** 63 + 1, -7, -1, 0, 1, 7, 2 ** 53 + 1, 2 ** 63 - 1],
         "i32": [-2 ** 31, -2 ** 31 + 1, -7, -1, 0, 1, 7, 2 ** 31 - 1], "u8": [0, 1, 7, 127, 128, 255], "bool": [False, True]}
for dtype in INTS:
    x = np.array(EDGES[dtype], NUMPY[dtype])
    with np.errstate(over="ignore"):
        for op, function in [("identity", lambda x: x), ("neg", np.negative), ("abs", np.abs), ("sign", np.sign), ("relu", lambda x: np.maximum(x, NUMPY[dtype](0))), ("bitwise_not", np.invert)]:
            case(op, [(dtype, x)], (dtype, function(x)))
case("logical_not", [("bool", np.array([False, True]))], ("bool", np.array([True, False])))


# ---- two values ----

def divide(a, b):
    """Whole-number division of Tenon's primitive: truncated, by zero 0."""
    quotient = [0 if q == 0 else abs(int(p)) // abs(int(q)) * (1 if (p < 0) == (q < 0) else -1) for p, q in zip(a.ravel(), b.ravel())]
    return np.array([wrap(a.dtype, q) for q in quotient], a.dtype).reshape(a.shape)


def remainder(a, b):
    return np.array([0 if q == 0 else abs(int(p)) % abs(int(q)) * (1 if p >= 0 else -1) for p, q in zip(a.ravel(), b.ravel())], a.dtype)


def wrap(dtype, x):
    bits = np.dtype(dtype).itemsize * 8
    x &= (1 << bits) - 1
    return x - (1 << bits) if np.dtype(dtype).kind == "i" and x >> (bits - 1) else x


def power(a, b):
    def one(p, q):
        return wrap(a.dtype, p ** q) if q >= 0 else {1: 1, -1: 1 - 2 * (q & 1)}.get(p, 0)
    return np.array([one(int(p), int(q)) for p, q in zip(a.ravel(), b.ravel())], a.dtype)


BINARY = {"add": np.add, "sub": np.subtract, "mul": np.multiply, "div": np.divide, "fmod": np.fmod, "maximum": np.maximum, "minimum": np.minimum}
for dtype in FLOATS:
    for op, function in BINARY.items():
        for left, right in [((3, 4), (3, 4)), ((2, 1, 4), (3, 1)), ((), (5,))]:
            a, b = uniform(dtype, left), uniform(dtype, right, 0.3, 1.7)
            case(op, [(dtype, a), (dtype, b)], (dtype, function(wide(a), wide(b))))
    a, b = uniform(dtype, (12,), 0.2, 2.5), uniform(dtype, (12,), -2.0, 2.0)
    case("pow", [(dtype, a), (dtype, b)], (dtype, wide(a) ** wide(b)))
    a, b = np.array([-2.0, -2.0, 0.0, 0.0, 0.0, nan, 1.0]), np.array([2.0, 3.0, 0.0, 2.0, -1.0, 0.0, nan])
    with np.errstate(all="ignore"):
        case("pow", [(dtype, a), (dtype, b)], (dtype, a ** b))
        a, b = np.array([nan, 1.0, inf, -inf, 0.0, 1.0]), np.array([1.0, nan, 1.0, inf, 0.0, 0.0])
        for op, function in BINARY.items():
            case(op, [(dtype, a), (dtype, b)], (dtype, function(a, b)))
for dtype in INTS:
    edges = np.array(EDGES[dtype], NUMPY[dtype])
    a, b = [x.ravel() for x in np.meshgrid(edges, edges)]
    with np.errstate(all="ignore"):
        for op, function in [("add", np.add), ("sub", np.subtract), ("mul", np.multiply), ("maximum", np.maximum), ("minimum", np.minimum),
                             ("fmod", remainder), ("divide_whole", divide), ("bitwise_and", np.bitwise_and), ("bitwise_or", np.bitwise_or), ("bitwise_xor", np.bitwise_xor)]:
            case(op, [(dtype, a), (dtype, b)], (dtype, function(a, b)))
    a = np.array([0, 1, 2, 3, 7, 2, 0, 1] + ([-1, -2, -1, 5] if dtype != "u8" else []), NUMPY[dtype])
    b = np.array([0, 5, 7, 4, 30, 0, 3, 9] + ([-3, 3, 4, -2] if dtype != "u8" else []), NUMPY[dtype])
    case("pow", [(dtype, a), (dtype, b)], (dtype, power(a, b)))
    case("div", [(dtype, np.array([7, 1, 0])), (dtype, np.array([2, 3, 5]))], ("f32", np.array([3.5, 1 / 3, 0.0])))
a, b = np.array([False, False, True, True]), np.array([False, True, False, True])
for op, function in [("logical_and", np.logical_and), ("logical_or", np.logical_or), ("logical_xor", np.logical_xor), ("equal", np.equal), ("not_equal", np.not_equal)]:
    case(op, [("bool", a), ("bool", b)], ("bool", function(a, b)))

COMPARE = {"equal": np.equal, "not_equal": np.not_equal, "less": np.less, "less_equal": np.less_equal, "greater": np.greater, "greater_equal": np.greater_equal}
for op, function in COMPARE.items():
    for dtype in FLOATS:
        a, b = np.array([1.0, 2.0, 3.0, nan, nan, inf, -0.0]), np.array([2.0, 2.0, 2.0, 1.0, nan, inf, 0.0])
        case(op, [(dtype, a), (dtype, b)], ("bool", function(a, b)))
    for dtype in INTS:
        edges = np.array(EDGES[dtype], NUMPY[dtype])
        case(op, [(dtype, edges), (dtype, edges[::-1])], ("bool", function(edges, edges[::-1])))
    a, b = uniform("f32", (2, 1)), uniform("f32", (3,))
    case(op, [("f32", a), ("f32", b)], ("bool", function(a, b)))

for left, right, meet in [("i32", "f32", "f32"), ("i64", "f16", "f16"), ("f16", "bf16", "f32"), ("f16", "f32", "f32"), ("bool", "i32", "i32"),
                          ("u8", "i64", "i64"), ("bf16", "f64", "f64"), ("u8", "bool", "u8"), ("i32", "bf16", "bf16")]:
    a, b = to(left, np.array([1, 0, 3])), to(right, np.array([1, 2, 1]))
    case("add", [(left, a), (right, b)], (meet, wide(a).astype(np.float64) + wide(b).astype(np.float64)))

condition = np.array([[True], [False], [True]])
for dtype in FLOATS + INTS + ["bool"]:
    a, b = to(dtype, np.arange(4)), to(dtype, np.arange(12).reshape(3, 4)[:, ::-1])
    case("select", [("bool", condition), (dtype, a), (dtype, b)], (dtype, np.where(condition, a, b)))


# ---- casts: every pair ----

def cast(source, x, target):
    def one(value):
        if target == "bool":
            return value != 0
        if target in INTS and source in FLOATS:
            info = np.iinfo(NUMPY[target])
            return 0 if math.isnan(value) else info.min if value < info.min else info.max if value > info.max else int(value)
        if target in INTS:
            return wrap(NUMPY[target], int(value))
        return value
    values = [one(v.item()) for v in x]
    return np.array(values, NUMPY[target] if target in INTS + ["bool"] else np.float64)


for source in FLOATS + INTS + ["bool"]:
    x = [-1e30, -300.7, -2.5, -1.0, -0.0, 0.3, 1.0, 2.5, 65519.0, 65520.0, 3e9, 1e30, nan, inf, -inf] if source in FLOATS else EDGES[source]
    if source in INTS:
        x = [v for v in x if abs(v) < 2 ** 54 or v < 0] + [100, 200]
    x = to(source, np.array(x))
    for target in FLOATS + INTS + ["bool"]:
        case("cast", [(source, x)], (target, cast(source, x, target)), dtype=target)

# ---- reductions ----

REDUCE = {"sum": np.sum, "prod": np.prod, "max": np.max, "min": np.min, "mean": np.mean}
for dtype in FLOATS + INTS:
    for op, function in REDUCE.items():
        if dtype in INTS and op == "mean":
            continue
        for shape, axes in [((3, 4), [0]), ((3, 4), [1]), ((2, 3, 4), [0, 2]), ((2, 3, 4), [1]), ((2, 3), [0, 1]), ((5,), [0])]:
            x = uniform(dtype, shape, 0.5, 1.5) if dtype in FLOATS else to(dtype, random.integers(0, 9, shape))
            for keep in [False, True]:
                y = function(wide(x), axis=tuple(axes), keepdims=keep)
                case(op, [(dtype, x)], (dtype, y.astype(NUMPY[dtype]) if dtype in INTS else y), axes=axes, keep_dims=keep)
x = np.array([[2 ** 31 - 1, 5], [3, 2 ** 30]], np.int32)
case("sum", [("i32", x)], ("i32", np.array([wrap(np.int32, 2 ** 31 + 2), wrap(np.int32, 5 + 2 ** 30)])), axes=[0], keep_dims=False)
case("sum", [("bool", np.array([[True, True], [False, True]]))], ("i64", np.array([2, 1])), axes=[1], keep_dims=False)
case("mean", [("i32", np.array([[1, 2], [3, 6]]))], ("f32", np.array([1.5, 4.5])), axes=[1], keep_dims=False)
case("sum", [("f32", np.zeros((0, 3)))], ("f32", np.zeros(3)), axes=[0], keep_dims=False)
case("prod", [("f32", np.zeros((0, 3)))], ("f32", np.ones(3)), axes=[0], keep_dims=False)
case("mean", [("f32", np.zeros((0, 2)))], ("f32", np.array([nan, nan])), axes=[0], keep_dims=False)
x = np.array([[1.0, nan, 3.0], [inf, 0.0, -inf]])
for op in REDUCE:
    with np.errstate(invalid="ignore"):
        case(op, [("f32", x)], ("f32", REDUCE[op](x, axis=1)), axes=[1], keep_dims=False)
for op, function in [("any", np.any), ("all", np.all)]:
    x = np.array([[False, True, False], [True, True, True], [False, False, False]])
    case(op, [("bool", x)], ("bool", function(x, axis=1)), axes=[1], keep_dims=False)
    case(op, [("bool", x)], ("bool", function(x, axis=(0, 1))), axes=[0, 1], keep_dims=False)
for op, function in [("argmax", np.argmax), ("argmin", np.argmin)]:
    for dtype in ["f64", "f32", "f16", "i64", "u8"]:
        x = to(dtype, random.integers(0, 3, (4, 5, 3)))  # full of ties
        for axis in range(3):
            case(op, [(dtype, x)], ("i64", function(x, axis=axis)), axis=axis)
    x = np.array([[1.0, nan, 3.0, nan], [inf, 0.0, -inf, inf]])
    case(op, [("f32", x)], ("i64", function(x, axis=1)), axis=1)

# ---- moving elements ----

for dtype in ["f64", "f32", "bf16", "i32", "u8", "bool"]:
    x = to(dtype, np.arange(24).reshape(2, 3, 4) % 7)
    case("reshape", [(dtype, x)], (dtype, x.reshape(4, 6)), shape=[4, 6])
    case("flatten", [(dtype, x)], (dtype, x.reshape(2, 12)), axis=1)
    case("squeeze", [(dtype, x[:, :1])], (dtype, x[:, 0]), axes=[1])
    case("unsqueeze", [(dtype, x)], (dtype, x[:, None]), axis=1)
    for permutation in [[2, 0, 1], [1, 0, 2], [0, 2, 1], [0, 1, 2]]:
        case("transpose", [(dtype, x)], (dtype, x.transpose(permutation)), permutation=permutation)
    case("broadcast_to", [(dtype, x[0, :, :1])], (dtype, np.broadcast_to(x[0, :, :1], (2, 3, 4))), shape=[2, 3, 4])
    case("broadcast_to", [(dtype, x[0, 0, 1])], (dtype, np.broadcast_to(x[0, 0, 1], (2, 3))), shape=[2, 3])
    case("slice", [(dtype, x)], (dtype, x[0:2, 1:3, 0:4:3]), start=[0, 1, 0], stop=[2, 3, 4], step=[1, 1, 3])
    case("slice", [(dtype, x)], (dtype, x[1:1]), start=[1, 0, 0], stop=[1, 3, 4], step=[1, 1, 1])
    case("reverse", [(dtype, x)], (dtype, x[::-1, :, ::-1]), axes=[0, 2])
    case("concat", [(dtype, x), (dtype, x[:, :1]), (dtype, x[:, :0])], (dtype, np.concatenate([x, x[:, :1]], axis=1)), axis=1)
    case("stack", [(dtype, x[0]), (dtype, x[1])], (dtype, np.stack([x[0], x[1]], axis=2)), axis=2)
    value = to(dtype, 1)
    for low, high, interior in [([1, 0, 2], [0, 3, 1], [0, 0, 0]), ([0, 0, 0], [0, 0, 0], [1, 2, 0]), ([2, 1, 0], [1, 0, 1], [0, 1, 3])]:
        sizes = [l + h + n + max(n - 1, 0) * i for l, h, n, i in zip(low, high, x.shape, interior)]
        y = np.full(sizes, value, x.dtype)
        y[tuple(slice(l, l + (n - 1) * (i + 1) + 1, i + 1) for l, n, i in zip(low, x.shape, interior))] = x
        case("pad", [(dtype, x), (dtype, value)], (dtype, y), low=low, high=high, interior=interior)

for dtype in ["f64", "f32", "f16", "i32", "u8"]:
    for position in ["i32", "i64"]:
        x = to(dtype, np.arange(24).reshape(2, 4, 3))
        for indices, axis in [([[0, 3], [3, 1], [2, 2]], 1), ([1, 0, 1, -1, -2], 0), (2, 2), ([], 1)]:
            indices = np.array(indices, np.int64)
            case("gather", [(dtype, x), (position, indices)], (dtype, np.take(x, indices, axis=axis)), axis=axis)
        indices = np.array([0, 2, 2, -1, 0], np.int64)
        updates = to(dtype, np.arange(1, 31).reshape(2, 5, 3))
        y = x.copy()
        with np.errstate(over="ignore"):
            np.add.at(y, (slice(None), indices), updates)
        case("scatter_add", [(dtype, x), (position, indices), (dtype, updates)], (dtype, y), axis=1)
for dtype in ["f32", "i64", "bool"]:
    indices = np.array([[0, 2, -1], [3, 4, 1]])
    case("one_hot", [("i32", indices)], (dtype, to(dtype, indices[..., None] == np.arange(4))), depth=4, dtype=dtype)
for dtype in FLOATS + INTS:
    case("iota", [], (dtype, np.broadcast_to(np.arange(3)[:, None], (2, 3, 4))), dtype=dtype, shape=[2, 3, 4], axis=1)
    case("full", [], (dtype, np.full((2, 2), 3)), dtype=dtype, shape=[2, 2], value=3.0)

# ---- products ----

PRODUCTS = [((3, 4), (4, 2)), ((2, 3, 4), (4, 2)), ((2, 1, 3, 4), (3, 4, 2)), ((3, 4), (5, 4, 2)), ((4,), (4, 2)), ((3, 4), (4,)), ((4,), (4,)),
            ((4,), (2, 4, 3)), ((2, 3, 4), (4,)), ((2, 0), (0, 3)), ((1, 1), (1, 1)), ((17, 9), (9, 13))]
for dtype in FLOATS + ["i32"]:
    for left, right in PRODUCTS:
        a, b = (uniform(dtype, s) if dtype in FLOATS else to(dtype, random.integers(-5, 6, s)) for s in (left, right))
        case("matmul", [(dtype, a), (dtype, b)], (dtype, np.matmul(wide(a), wide(b))))
a = np.array([[2 ** 20, 3]], np.int32)
case("matmul", [("i32", a), ("i32", a.T)], ("i32", np.array([[wrap(np.int32, 2 ** 40 + 9)]])))
x, w, b = uniform("f32", (2, 3, 4)), uniform("f32", (5, 4)), uniform("f32", (5,))
case("linear", [("f32", x), ("f32", w), ("f32", b)], ("f32", wide(x) @ wide(w).T + wide(b)))


# ---- softmax and losses ----

def log_softmax(x, axis):
    shifted = x - x.max(axis=axis, keepdims=True)
    return shifted - np.log(np.exp(shifted).sum(axis=axis, keepdims=True))


for dtype in FLOATS:
    for x, axis in [(uniform(dtype, (3, 5)), 1), (uniform(dtype, (3, 5)), 0), (uniform(dtype, (2, 3, 4)), 1), (to(dtype, [1000.0, 999.0, -1000.0]), 0)]:
        case("log_softmax", [(dtype, x)], (dtype, log_softmax(wide(x), axis)), axis=axis)
        case("softmax", [(dtype, x)], (dtype, np.exp(log_softmax(wide(x), axis))), axis=axis)
        largest = wide(x).max(axis=axis, keepdims=True)
        y = (np.log(np.exp(wide(x) - largest).sum(axis=axis, keepdims=True)) + largest)
        case("logsumexp", [(dtype, x)], (dtype, y.squeeze(axis)), axes=[axis], keep_dims=False)
        case("logsumexp", [(dtype, x)], (dtype, y), axes=[axis], keep_dims=True)


def join(losses, reduction, count=None):
    if reduction == "none":
        return losses
    return losses.sum() if reduction == "sum" else losses.sum() / (losses.size if count is None else count)


def cross_entropy(logits, target, reduction, ignore_index, smoothing):
    axis = 0 if logits.ndim == 1 else 1
    p = log_softmax(logits, axis)
    classes = logits.shape[axis]
    if target.dtype.kind == "f":
        target = target * (1 - smoothing) + smoothing / classes
        return join(-(target * p).sum(axis=axis), reduction)
    skip = target == ignore_index
    picked = np.take_along_axis(p, np.expand_dims(np.where(skip, 0, target), axis), axis).squeeze(axis)
    losses = np.where(skip, 0.0, -(1 - smoothing) * picked - smoothing / classes * p.sum(axis=axis))
    with np.errstate(invalid="ignore"):
        return join(losses, reduction, (~skip).sum())


for dtype in ["f64", "f32"]:
    for reduction in ["mean", "sum", "none"]:
        a, b = uniform(dtype, (3, 4)), uniform(dtype, (3, 4))
        case("mse_loss", [(dtype, a), (dtype, b)], (dtype, join((wide(a) - wide(b)) ** 2, reduction)), reduction=reduction)
        for shape in [(4, 5), (2, 3, 4), (6,)]:
            classes = shape[0] if len(shape) == 1 else shape[1]
            rest = shape[:1] + shape[2:] if len(shape) > 1 else ()
            logits, labels = uniform(dtype, shape), random.integers(0, classes, rest)
            for smoothing in [0.0, 0.1]:
                for ignore in [-100, 1]:
                    y = cross_entropy(wide(logits), np.asarray(labels), reduction, ignore, smoothing)
                    for position in ["i64", "i32"]:
                        case("cross_entropy", [(dtype, logits), (position, labels)], (dtype, y), reduction=reduction, ignore_index=ignore, label_smoothing=smoothing)
                weights = uniform(dtype, shape, 0.1, 1.0)
                y = cross_entropy(wide(logits), wide(weights), reduction, -100, smoothing)
                case("cross_entropy", [(dtype, logits), (dtype, weights)], (dtype, y), reduction=reduction, ignore_index=-100, label_smoothing=smoothing)
logits = uniform("f32", (2, 3))
case("cross_entropy", [("f32", logits), ("i32", np.array([1, 1]))], ("f32", np.array(nan)), reduction="mean", ignore_index=1, label_smoothing=0.0)
case("cross_entropy", [("f32", logits), ("i32", np.array([3, -1]))], ("f32", np.array([nan, nan])), reduction="none", ignore_index=-100, label_smoothing=0.0)

EQUATIONS = [
    ("ij,jk->ik", [(2, 3), (3, 2)]), ("ij,kj", [(2, 3), (4, 3)]), ("ji,jk->ki", [(3, 2), (3, 2)]), ("bij,bjk->bik", [(2, 2, 3), (2, 3, 2)]),
    ("bi,bi->b", [(3, 4), (3, 4)]), ("ij,ij->", [(2, 3), (2, 3)]), ("i,j->ji", [(2,), (3,)]), ("iij->j", [(2, 2, 3)]), ("ii", [(3, 3)]),
    ("...ij,...jk", [(2, 1, 2, 3), (2, 3, 2)]), ("i...->...", [(2, 3)]), ("bA,b", [(2, 3), (2,)]), ("ij,jk,kl->il", [(2, 3), (3, 2), (2, 4)]),
    ("a,b,ab,ac,cd->bd", [(2,), (3,), (2, 3), (2, 2), (2, 2)]),
]
for dtype in FLOATS + ["i64", "i32"]:
    def operand(shape):
        return uniform(dtype, shape) if dtype in FLOATS else to(dtype, random.integers(-5, 6, shape))
    for first, second in [((2, 2), (1, 3)), ((3,), (2, 2)), ((), (2,)), ((2, 1, 2), (2, 3))]:
        a, b = operand(first), operand(second)
        case("kron", [(dtype, a), (dtype, b)], (dtype, np.kron(wide(a), wide(b))))
    for equation, shapes in EQUATIONS:
        # Tenon rounds between contractions.
        if len(shapes) > 2 and dtype in ("f16", "bf16"):
            continue
        x = [operand(shape) for shape in shapes]
        case("einsum", [(dtype, each) for each in x], (dtype, np.einsum(equation, *[wide(each) for each in x])), equation=equation)

for dtype in FLOATS:
    for start, end, step in [(0, 5, 1), (1, 2, 0.25), (2, -1, -0.5), (0.5, 0.5, 1), (-1, 1, 0.3)]:
        case("arange", [], (dtype, start + step * np.arange(math.ceil((end - start) / step))), dtype=dtype, start=start, end=end, step=step)
    for start, end, count in [(-1, 2, 7), (3, 0.1, 4), (5, 9, 1), (0, 1, 0), (0, 1, 2)]:
        case("linspace", [], (dtype, np.linspace(start, end, count)), dtype=dtype, start=start, end=end, count=count)
        for base in [10.0, 2.0]:
            case("logspace", [], (dtype, np.logspace(start, min(end, 3), count, base=base)), dtype=dtype, start=start, end=min(end, 3), count=count, base=base)
    for count, periodic in [(8, True), (7, False), (1, True), (0, False), (2, False), (2, True)]:
        for name in ["hann", "hamming", "blackman", "bartlett", "kaiser"]:
            places = count + 1 if periodic and count > 1 else count
            y = np.kaiser(places, 5.5) if name == "kaiser" else getattr(np, {"hann": "hanning"}.get(name, name))(places)
            case(name + "_window", [], (dtype, y[:count]), dtype=dtype, count=count, periodic=periodic)
    x = uniform(dtype, (3,))
    for count in [0, 1, 4]:
        for increasing in [True, False]:
            case("vander", [(dtype, x)], (dtype, np.vander(wide(x), count, increasing)), count=count, increasing=increasing)
for dtype in INTS:
    for start, end, step in [(0, 5, 1), (9, 2, -3), (4, 4, 1)]:
        case("arange", [], (dtype, np.arange(start, end, step)), dtype=dtype, start=start, end=end, step=step)
for dtype in FLOATS + INTS + ["bool"]:
    for n, m in [(3, 3), (2, 4), (0, 2)]:
        case("eye", [], (dtype, np.eye(n, m)), dtype=dtype, rows=n, columns=m)
    case("zeros", [], (dtype, np.zeros((2, 3))), dtype=dtype, shape=[2, 3])
    case("ones", [], (dtype, np.ones((2, 0))), dtype=dtype, shape=[2, 0])
    case("ones", [], (dtype, np.ones(())), dtype=dtype, shape=[])
    x = to(dtype, random.integers(0, 2, (2, 2)))
    case("zeros_like", [(dtype, x)], (dtype, np.zeros((2, 2))))
    case("ones_like", [(dtype, x)], (dtype, np.ones((2, 2))))
    case("full_like", [(dtype, x)], (dtype, np.ones((2, 2))), value=1.0)
for n, m, offset in [(3, 4, 0), (3, 4, 1), (4, 2, -1), (2, 3, -5), (2, 3, 5), (0, 3, 0)]:
    case("tril_indices", [], ("i64", np.array(np.tril_indices(n, offset, m))), rows=n, columns=m, offset=offset)
    case("triu_indices", [], ("i64", np.array(np.triu_indices(n, offset, m))), rows=n, columns=m, offset=offset)

def total_norm(values, p):
    flat = np.concatenate([np.abs(v).ravel() for v in values])
    return flat.max() if p == inf else (flat ** p).sum() ** (1 / p)


for dtype in FLOATS:
    x = [uniform(dtype, (2, 3)), uniform(dtype, (4,)), uniform(dtype, ())]
    inputs, exact = [(dtype, v) for v in x], [wide(v) for v in x]
    flat = np.concatenate([v.ravel() for v in exact])
    result = dtype if dtype in ("f64", "f32") else "f32"
    for p in [2.0, 1.0, 3.0, inf]:
        n = total_norm(exact, p)
        case("global_norm", inputs, (result, np.array(n)), p="inf" if p == inf else p)
        for most in [1.5, 50.0]:
            case("clip_by_norm", inputs, (dtype, flat * min(most / (n + 1e-6), 1.0)), most=most, p="inf" if p == inf else p)
    for most in [1.5, 50.0]:
        case("clip_by_global_norm", inputs, (dtype, flat * (most / max(total_norm(exact, 2), most))), most=most)
    case("clip_by_value", inputs, (dtype, np.clip(flat, -0.5, 0.75)), low=-0.5, high=0.75)
    case("all_finite", inputs, ("bool", np.array(True)))
    for bad in [nan, inf, -inf]:
        case("all_finite", inputs + [(dtype, np.array([1.0, bad]))], ("bool", np.array(False)))
case("all_finite", [("i32", np.array([1, 2])), ("bool", np.array([True]))], ("bool", np.array(True)))


def spelled(path, blank):
    """The labels that a path of classes stands for."""
    return [c for i, c in enumerate(path) if c != blank and (i == 0 or path[i - 1] != c)]


def ctc(scores, labels, blank):
    """-ln of the summed probabilities of all paths that spell the labels."""
    steps, classes = scores.shape
    paths = itertools.product(range(classes), repeat=steps)
    total = sum(math.exp(sum(scores[t, c] for t, c in enumerate(path))) for path in paths if spelled(path, blank) == labels)
    return -math.log(total) if total > 0 else inf


for dtype in ["f64", "f32"]:
    # Repeated labels, no labels, too few steps, one step.
    for labels, counts, steps, blank in [([[1, 1], [2, 1]], [2, 2], [4, 3], 0), ([[0, 2], [1, 9]], [1, 0], [3, 4], 1),
                                         ([[1, 2], [2, 2]], [2, 2], [2, 2], 0), ([[1, 1], [2, 9]], [1, 1], [1, 4], 0)]:
        labels = [[min(c, 2) for c in row] for row in labels]
        scores = to(dtype, log_softmax(uniform("f64", (4, 2, 3)), 2))
        losses = np.array([ctc(wide(scores)[:steps[i], i], labels[i][:counts[i]], blank) for i in range(2)])
        inputs = [(dtype, scores), ("i64", np.array(labels)), ("i32", np.array(steps)), ("i64", np.array(counts))]
        for zero_infinity in [False, True]:
            kept = np.where(np.isinf(losses), 0.0, losses) if zero_infinity else losses
            for reduction, y in [("none", kept), ("sum", kept.sum()), ("mean", (kept / np.maximum(counts, 1)).mean())]:
                case("ctc_loss", inputs, (dtype, y), blank=blank, reduction=reduction, zero_infinity=zero_infinity)
    case("ctc_loss", [(dtype, scores[:, 0]), ("i64", np.array([1, 2])), ("i64", np.array(3)), ("i64", np.array(2))],
         (dtype, np.array(ctc(wide(scores)[:3, 0], [1, 2], 0))), blank=0, reduction="none", zero_infinity=False)

path = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "tests", "vectors", "ops.json")
with open(path, "w") as file:
    file.write("[\n" + ",\n".join(json.dumps(c, separators=(",", ":")) for c in cases) + "\n]\n")
print(f"{len(cases)} cases, {os.path.getsize(path)} bytes")
