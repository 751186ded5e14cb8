#!/usr/bin/env python3
"""Writes tests/vectors/composites.json: operands and results of Tenon's compositions, computed by PyTorch.

    python3 -m venv .venv && .venv/bin/pip install torch && .venv/bin/python scripts/make_composite_vectors.py

Each entry says what the row of the same name in Tenon's catalog computes, in PyTorch's words, or, where PyTorch has no such function, by its
formula. Results are computed in f64 from operands rounded to their dtype. The same run writes the same file.
"""

import json
import math
import os

import torch
import torch.nn.functional as F

torch.set_default_dtype(torch.float64)
torch.manual_seed(20240607)
cases = []


def R(*shape, low=-2.0, high=2.0):
    return ("real", shape, low, high)


def I(*shape, low=0, high=2):
    return ("integer", shape, low, high)


def P(*shape):
    return R(*shape, low=0.1, high=0.9)


def drawn(spec, dtype):
    kind, shape, low, high = spec
    if kind == "integer":
        return torch.randint(low, high, shape)
    return torch.empty(shape).uniform_(low, high).to(dtype).double()


def tensor(x, dtype):
    def number(e):
        if isinstance(e, float) and not math.isfinite(e):
            return "nan" if math.isnan(e) else "inf" if e > 0 else "-inf"
        return float(str(torch.tensor(e, dtype=torch.float32).numpy())) if dtype == "f32" and isinstance(e, float) else e

    name = {torch.int64: "i64", torch.bool: "bool"}.get(x.dtype, dtype)
    x = x.to(torch.float32).double() if name == "f32" else x
    return {"dtype": name, "shape": list(x.shape), "data": [number(e) for e in x.reshape(-1).tolist()]}


def check(op, function, *samples):
    for dtype, name in [(torch.float64, "f64"), (torch.float32, "f32")]:
        for sample in samples:
            operands = [drawn(spec, dtype) for spec in sample]
            result = function(*operands)
            cases.append({"op": op, "inputs": [tensor(x, name) for x in operands], "output": tensor(result, name)})


def get(x, i):
    return x[i] if len(x) > i else None


# ---- losses ----

pair = (R(3, 4), R(3, 4))
check("l1_loss", F.l1_loss, pair, (R(), R()))
check("smooth_l1_loss", lambda x, y: F.smooth_l1_loss(x, y, beta=0.7), pair)
check("huber_loss", lambda x, y: F.huber_loss(x, y, delta=0.7, reduction="sum") / x.shape[0], pair)
check("rmse_loss", lambda x, y: ((x - y) ** 2).mean().sqrt(), pair)
check("poisson_nll_loss", lambda x, y: F.poisson_nll_loss(x, y, log_input=False, full=True, eps=1e-8),
      (R(3, 4, low=0.4), R(3, 4, low=0.2, high=4)))
check("gaussian_nll_loss", lambda x, y, v: F.gaussian_nll_loss(x, y, v, full=True), (R(3, 4), R(3, 4), R(3, 4, low=0.4)))
check("dice_loss", lambda x, y: 1 - 2 * (x * y).sum() / ((x * x).sum() + (y * y).sum() + 1e-5), (P(3, 4), P(3, 4)))
check("margin_ranking_loss", lambda a, b, y: F.margin_ranking_loss(a, b, y, margin=0.5), (R(9), R(9), R(9)))
check("hinge_embedding_loss", lambda x, y: F.hinge_embedding_loss(x, 2 * y - 1), (R(9), I(9)))
check("soft_margin_loss", F.soft_margin_loss, pair)
check("multi_margin_loss", lambda x, y, *w: F.multi_margin_loss(x, y, p=2, margin=0.9, weight=get(w, 0)),
      (R(3, 4), I(3, high=4)), (R(4), I(high=4)), (R(3, 4), I(3, high=4), P(4)))
check("multilabel_margin_loss", lambda x, y: F.multilabel_margin_loss(x, y, reduction="sum"),
      (R(3, 4), I(3, 4, low=-1, high=4)), (R(4), I(4, low=-1, high=4)))
check("cosine_embedding_loss", lambda a, b, y: F.cosine_embedding_loss(a, b, 2 * y - 1, margin=0.1), (R(5, 3), R(5, 3), I(5)))
check("triplet_margin_loss", lambda a, p, n: F.triplet_margin_loss(a, p, n, margin=4, swap=True), (R(3, 4), R(3, 4), R(3, 4)))
check("cross_entropy_weighted", lambda x, y, w: F.cross_entropy(x, y, weight=w, ignore_index=1, label_smoothing=0.1),
      (R(5, 3), I(5, high=3), P(3)), (R(2, 3, 4), I(2, 4, high=3), P(3)))
check("cross_entropy_probabilities", lambda x, y, *w: F.cross_entropy(x, y, weight=get(w, 0), reduction="sum"),
      (R(3, 4), P(3, 4)), (R(3, 4), P(3, 4), P(4)))
check("nll_loss", lambda x, y, *w: F.nll_loss(x, y, weight=get(w, 0), ignore_index=1, reduction="sum" if w else "mean"),
      (R(5, 3), I(5, high=3)), (R(2, 3, 4), I(2, 4, high=3), P(3)))
check("softmax_cross_entropy_with_logits", lambda x, y: F.cross_entropy(x, y, reduction="none"), (R(3, 4), P(3, 4)), (R(3, 4), I(3, high=4)))


def focal(x, y, weight=None):
    p = F.nll_loss(F.softmax(x, 1), y, reduction="none").neg()
    w = 1 if weight is None else weight[y]
    return (-w * (1 - p) ** 2 * p.log()).mean()


check("focal_loss", focal, (R(3, 4), I(3, high=4)), (R(2, 3, 4), I(2, 4, high=3), P(3)))
check("bce_loss", lambda x, y, *w: F.binary_cross_entropy(x, y, weight=get(w, 0)), (P(3, 4), P(3, 4)), (P(3, 4), P(3, 4), P(4)))
check("bce_with_logits_loss", lambda x, y, *w: F.binary_cross_entropy_with_logits(x, y, weight=get(w, 0), pos_weight=get(w, 1)),
      (R(3, 4, low=-50, high=50), P(3, 4)), (R(3, 4), P(3, 4), P(3, 1), P(4)))
check("kl_div_loss", lambda x, y: F.kl_div(x, y, reduction="batchmean"), (R(3, 4), P(3, 4)), (R(3, 2), R(3, 2, low=0, high=0)))
check("kl_div_loss_log_target", lambda x, y: F.kl_div(x, y, log_target=True), pair)
check("multilabel_soft_margin_loss", lambda x, y, *w: F.multilabel_soft_margin_loss(x, y, weight=get(w, 0), reduction="sum"),
      (R(3, 4), P(3, 4)), (R(3, 4), P(3, 4), P(4)))

# ---- normalization ----

check("layer_norm", lambda x, *w: F.layer_norm(x, x.shape[-1:] if w or x.dim() == 2 else x.shape[1:], get(w, 0), get(w, 1)),
      (R(3, 5), R(5), R(5)), (R(2, 3, 4),))
check("rms_norm", lambda x, *w: F.rms_norm(x, x.shape[-1:], get(w, 0), 1e-5), (R(3, 5), R(5)), (R(2, 3, 4),))
check("group_norm", lambda x, *w: F.group_norm(x, 2, get(w, 0), get(w, 1)), (R(2, 4, 3), R(4), R(4)), (R(2, 6),), (R(2, 4, 2, 3), R(4), R(4)))
check("instance_norm", lambda x, *w: F.instance_norm(x, weight=get(w, 0), bias=get(w, 1)), (R(2, 3, 4), R(3), R(3)), (R(2, 3, 2, 3),))
check("batch_norm", lambda x, m, v, w, b: F.batch_norm(x, m, v, w, b), (R(4, 3), R(3), P(3), R(3), R(3)), (R(2, 3, 4), R(3), P(3), R(3), R(3)))


def batch_norm_train(x, *w):
    axes = [axis for axis in range(x.dim()) if axis != 1]
    both = x.mean(axes) * x.var(axes)
    return F.batch_norm(x, None, None, get(w, 0), get(w, 1), training=True) + both.reshape([-1] + [1] * (x.dim() - 2))


check("batch_norm_train", batch_norm_train, (R(3, 2, 4), R(2), R(2)), (R(5, 3),), (R(2, 3, 2, 2),))
check("normalize", lambda x: F.normalize(x, dim=1), (R(3, 4),), (R(2, 3, 4),), (R(2, 3, low=0, high=0),))
check("standardize", lambda x: (x - x.mean((0, 2), keepdim=True)) / (x.var((0, 2), correction=0, keepdim=True) + 1e-5).sqrt(), (R(2, 3, 4),))

# ---- statistics ----

check("var", lambda x: x.var(-1), (R(3, 4),), (R(5),), (R(3, 5, low=1000, high=1001),))
check("std", lambda x: x.std(0, correction=0), (R(3, 4),), (R(5),))
check("var_mean", lambda x: x.var(1, keepdim=True) * x.mean(1, keepdim=True), (R(3, 4),))
check("std_mean", lambda x: x.std(0, correction=0) * x.mean(0), (R(3, 4),))
check("norm", lambda x: torch.linalg.vector_norm(x, 2, -1, keepdim=True), (R(3, 4),), (R(5),))
check("norm_p", lambda x: torch.stack([torch.linalg.vector_norm(x, p, 1) for p in [3, 1, 0.5, math.inf, -math.inf, 0]], 1), (R(3, 4),))


def holes(x):
    return torch.where(x.abs() > 1.2, torch.nan, x)


def with_holes(op, function):
    for dtype, name in [(torch.float64, "f64"), (torch.float32, "f32")]:
        x = holes(drawn(R(4, 5), dtype))
        cases.append({"op": op, "inputs": [tensor(x, name)], "output": tensor(function(x), name)})


with_holes("nansum", lambda x: x.nansum(1))
with_holes("nanmean", lambda x: x.nanmean(0))
check("count_nonzero", lambda x: x.count_nonzero(1), (R(3, 4),), (I(3, 4),))
check("trapz", lambda y, *x: torch.trapezoid(y, x[0], dim=-1) if x else torch.trapezoid(y, dx=0.5, dim=0),
      (R(4, 3),), (R(3, 4), R(4)), (R(3, 4), R(3, 4)), (R(1, 4),))
check("cov", torch.cov, (R(3, 5),), (R(5),))
check("corrcoef", torch.corrcoef, (R(3, 5),), (R(5),))
check("dist", torch.dist, (R(3, 4), R(4)))
check("cdist", torch.cdist, (R(3, 2), R(4, 2)), (R(2, 1, 3), R(2, 3)))
check("pairwise_distance", lambda a, b: F.pairwise_distance(a, b, p=3, keepdim=True), pair)
check("cosine_similarity", lambda a, b: F.cosine_similarity(a, b, 1), pair, (R(2, 3, 4), R(1, 3, 1)))

path = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "tests", "vectors", "composites.json")
with open(path, "w") as file:
    file.write("[\n" + ",\n".join(json.dumps(case, separators=(",", ":")) for case in cases) + "\n]\n")
print(f"{len(cases)} cases")
