#!/usr/bin/env python3
"""Writes tests/torch_vectors/op_db.json and op_db.bin: values and gradients of operations from PyTorch's own op database.

    python3 -m venv .venv && .venv/bin/pip install -r scripts/torch_vectors_requirements.txt
    .venv/bin/python scripts/make_torch_vectors.py

The samples are those of torch.testing._internal.common_methods_invocations.op_db (which needs expecttest and numpy): a few of each
operation that OPS names, small ones first, of as many forms of arguments as there are. Operands are rounded to numbers that f32 holds, so
that they serve f32 and f64; everything is computed in f64. The same run writes the same files.

Each line of the index is a sample: the name in op_db (with the variant behind a slash), positional and keyword arguments, and the arrays

    y    the results, tensors only
    d1   gradients of sum(y * w) over all floating results, at each differentiated operand
    d2   gradients of sum(d1 * w), at each differentiated operand; absent where PyTorch has none

with weights w from weights() below, one sequence over all arrays of a sample. An array is [dtype, shape, encoding, offset into the
binary file], the encoding the smallest that holds all its elements exactly (little-endian; z: all are zero, no bytes). In arguments,
{"x": n} is operand n, and {"g": n} operand n that is differentiated.
"""

import hashlib
import json
import math
import os
import pathlib
import random
import sys
import warnings

# op_db walks through sets: their order must be the same in every run.
if os.environ.get("PYTHONHASHSEED") != "0":
    os.execve(sys.executable, [sys.executable, *sys.argv], {**os.environ, "PYTHONHASHSEED": "0"})

import numpy
import torch
from torch.testing._internal.common_methods_invocations import op_db
from torch.utils import _pytree

# Operations of op_db that Tenon has, by family. One that Tenon comes to have belongs here and into tests/torch_vectors/.
OPS = """
    abs acos acosh asin asinh atan atanh ceil cos cosh deg2rad digamma erf erfc erfinv exp exp2 expm1 floor frac i0 isfinite isinf isnan
    isneginf isposinf lgamma log log10 log1p log2 logical_not logit nan_to_num neg positive rad2deg reciprocal round rsqrt sgn sigmoid
    sign signbit sin sinc sinh sqrt square tan tanh trunc bitwise_not clone special.entr special.ndtr special.log_ndtr special.i0e
    special.i1 special.ndtri polygamma/polygamma_n_0 polygamma/polygamma_n_1 polygamma/polygamma_n_2 special.erfcx
    mvlgamma/mvlgamma_p_1 mvlgamma/mvlgamma_p_3

    add addcdiv addcmul atan2 bitwise_and bitwise_or bitwise_xor bitwise_left_shift bitwise_right_shift clamp clamp_max clamp_min
    copysign div/no_rounding_mode div/trunc_rounding div/floor_rounding eq float_power floor_divide fmax fmin fmod gcd ge gt
    heaviside hypot igamma igammac isclose lcm ldexp le lerp logaddexp logaddexp2 logical_and logical_or logical_xor lt masked_fill
    max/binary maximum min/binary minimum mul ne nextafter pow remainder rsub special.xlog1py special.zeta sub true_divide where xlogy
    __radd__ __rdiv__ __rmul__ __rsub__ __rmod__

    all amax amin aminmax any argmax argmin count_nonzero dist logsumexp max/reduction_no_dim max/reduction_with_dim mean median
    min/reduction_no_dim min/reduction_with_dim nanmean nansum nanmedian norm norm/fro norm/inf prod std std/unbiased std_mean std_mean/unbiased sum
    sum_to_size trace var var/unbiased var_mean var_mean/unbiased quantile nanquantile kthvalue mode linalg.norm linalg.vector_norm linalg.matrix_norm
    linalg.vecdot renorm

    cumprod cumsum cummax cummin logcumsumexp cumulative_trapezoid trapezoid trapz diff

    atleast_1d atleast_2d atleast_3d block_diag broadcast_tensors broadcast_to cat chunk column_stack constant_pad_nd diag diag_embed
    diagflat diagonal diagonal_scatter dsplit dstack expand expand_as flatten flip fliplr flipud hsplit hstack mT meshgrid/list_of_tensors
    meshgrid/variadic_tensors movedim narrow permute ravel repeat repeat_interleave reshape reshape_as roll rot90 select select_scatter
    slice split split/list_args split_with_sizes squeeze squeeze/multiple stack t tensor_split tile transpose tril triu unbind
    unflatten unfold unsqueeze view view_as vsplit vstack T linalg.diagonal cartesian_prod combinations

    gather index_add index_copy index_fill index_put index_select masked_scatter masked_select nonzero argwhere scatter scatter_add
    scatter_reduce/sum scatter_reduce/prod scatter_reduce/mean scatter_reduce/amin scatter_reduce/amax index_reduce/mean index_reduce/prod
    index_reduce/amin index_reduce/amax take take_along_dim put searchsorted bucketize unique unique_consecutive isin bincount histc
    _segment_reduce/lengths __getitem__ nn.functional.one_hot nn.functional.embedding

    addbmm addmm addmv addr baddbmm bmm cdist cross cov corrcoef dot einsum inner matmul matrix_exp mm mv outer tensordot vdot linalg.cross
    linalg.cholesky linalg.det linalg.eigh linalg.eigvalsh linalg.inv linalg.lstsq linalg.matrix_power linalg.multi_dot linalg.pinv linalg.qr
    linalg.slogdet linalg.solve linalg.solve_triangular linalg.svdvals linalg.vander linalg.cond cholesky_solve cholesky_inverse
    logdet triangular_solve pinverse __rmatmul__ linalg.svd linalg.tensorsolve linalg.tensorinv linalg.householder_product
    linalg.lu linalg.lu_factor linalg.lu_solve lu_solve linalg.matrix_rank
    linalg.pinv/singular linalg.lstsq/grad_oriented linalg.norm/subgradients_at_zero svd

    softmax softmax/with_dtype log_softmax log_softmax/with_dtype nn.functional.softmin
    nn.functional.celu nn.functional.elu nn.functional.gelu nn.functional.glu nn.functional.hardshrink nn.functional.hardsigmoid
    nn.functional.hardswish nn.functional.hardtanh nn.functional.leaky_relu nn.functional.logsigmoid nn.functional.mish nn.functional.prelu
    nn.functional.relu nn.functional.relu6 nn.functional.selu nn.functional.silu nn.functional.softplus nn.functional.softshrink
    nn.functional.softsign nn.functional.tanhshrink nn.functional.threshold

    nn.functional.binary_cross_entropy nn.functional.binary_cross_entropy_with_logits nn.functional.cosine_embedding_loss
    nn.functional.cosine_similarity nn.functional.cross_entropy nn.functional.gaussian_nll_loss
    nn.functional.hinge_embedding_loss nn.functional.huber_loss nn.functional.kl_div nn.functional.l1_loss nn.functional.margin_ranking_loss
    nn.functional.mse_loss nn.functional.multi_margin_loss nn.functional.multilabel_margin_loss nn.functional.multilabel_soft_margin_loss
    nn.functional.nll_loss nn.functional.pairwise_distance nn.functional.poisson_nll_loss nn.functional.smooth_l1_loss
    nn.functional.soft_margin_loss nn.functional.triplet_margin_loss nn.functional.pdist

    nn.functional.adaptive_avg_pool1d nn.functional.adaptive_avg_pool2d nn.functional.adaptive_avg_pool3d nn.functional.adaptive_max_pool1d
    nn.functional.adaptive_max_pool2d nn.functional.adaptive_max_pool3d nn.functional.avg_pool1d nn.functional.avg_pool2d
    nn.functional.avg_pool3d nn.functional.max_pool1d nn.functional.max_pool2d nn.functional.max_pool3d nn.functional.conv1d
    nn.functional.conv2d nn.functional.conv3d nn.functional.conv_transpose1d nn.functional.conv_transpose2d nn.functional.conv_transpose3d
    nn.functional.batch_norm nn.functional.group_norm nn.functional.instance_norm nn.functional.layer_norm nn.functional.rms_norm
    nn.functional.local_response_norm nn.functional.normalize nn.functional.linear nn.functional.bilinear
    nn.functional.interpolate/nearest nn.functional.interpolate/linear nn.functional.interpolate/bilinear
    nn.functional.interpolate/bicubic nn.functional.interpolate/trilinear nn.functional.interpolate/area nn.functional.interpolate/nearest-exact
    nn.functional.upsample_nearest nn.functional.upsample_bilinear nn.functional.grid_sample
    nn.functional.pad/constant nn.functional.pad/reflect nn.functional.pad/replicate nn.functional.pad/circular nn.functional.pixel_shuffle
    nn.functional.pixel_unshuffle nn.functional.channel_shuffle nn.functional.unfold nn.functional.scaled_dot_product_attention
    nn.functional.max_unpool1d nn.functional.max_unpool2d nn.functional.max_unpool3d

    argsort msort sort topk

    arange eye full full_like linspace logspace ones ones_like tril_indices triu_indices zeros zeros_like new_full new_ones new_zeros fill
""".split()

SAMPLES = 10
ELEMENTS = 60  # of an operand, where there are such samples,
MOST = 500     # and where there are not; of results always, times eight.

FOLDER = pathlib.Path(__file__).resolve().parent.parent / "tests" / "torch_vectors"


def weights():
    """The bits 16..23 of a linear congruential generator, as multiples of 1/64 between -2 and 2, never 0."""
    state = 1
    while True:
        state = (state * 1103515245 + 12345) % 2 ** 31
        yield ((state >> 16) % 256 - 127.5) / 64


def weighted(tensors, sequence):
    total = torch.zeros((), dtype=torch.float64)
    for tensor in tensors:
        w = torch.tensor([next(sequence) for _ in range(tensor.numel())], dtype=torch.float64).reshape(tensor.shape)
        total = total + (tensor * w).sum()
    return total


class Unfit(Exception):
    """A sample that is not for the file."""


DTYPES = {torch.float64: "f64", torch.int64: "i64", torch.bool: "bool", torch.int32: "i32", torch.uint8: "u8", torch.float32: "f32"}


class Arrays:
    """The binary file: equal arrays share their bytes."""

    def __init__(self):
        self.data, self.places = bytearray(), {}

    def add(self, tensor):
        dtype = DTYPES.get(tensor.dtype)
        if dtype is None:
            raise Unfit(f"dtype {tensor.dtype}")
        elements = tensor.detach().contiguous().numpy(force=True).ravel()
        if not elements.any() and not numpy.signbit(elements).any():
            return [dtype, list(tensor.shape), "z", 0]
        for encoding in ("i1", "i2", "f4", "f8", "i8"):
            with numpy.errstate(all="ignore"):
                encoded = elements.astype("<" + encoding)
                back = encoded.astype(elements.dtype)
            if back.tobytes() == elements.tobytes():
                break
        else:
            raise AssertionError(elements.dtype)
        raw = encoded.tobytes()
        key = encoding, raw
        if key not in self.places:
            self.places[key] = len(self.data)
            self.data += raw
        return [dtype, list(tensor.shape), encoding, self.places[key]]


def rounded(tensor):
    """The same tensor with elements that f32 holds."""
    if not tensor.is_floating_point():
        return tensor.detach().clone()
    return tensor.detach().to(torch.float32).to(torch.float64)


def argument(value, operands):
    """What the index says of an argument; tensors are appended to operands."""
    if isinstance(value, torch.Tensor):
        if value.layout is not torch.strided or value.dtype not in DTYPES:
            raise Unfit(f"a tensor {value.dtype}, {value.layout}")
        kind = "g" if value.requires_grad else "x"
        operands.append(rounded(value).requires_grad_(value.requires_grad))
        return {kind: len(operands) - 1}
    if value is None or isinstance(value, (bool, str)):
        return value
    if isinstance(value, int):
        return int(value)
    if isinstance(value, float):
        return float(value) if math.isfinite(value) else {"number": str(value)}
    if isinstance(value, (list, tuple)):
        return [argument(each, operands) for each in value]
    if isinstance(value, slice):
        return {"slice": [value.start, value.stop, value.step]}
    if value is Ellipsis:
        return {"ellipsis": True}
    if isinstance(value, torch.dtype):
        if value not in DTYPES:
            raise Unfit(f"dtype {value}")
        return {"dtype": DTYPES[value]}
    raise Unfit(f"an argument {type(value)}")


def restored(form, operands):
    """The argument that the index says."""
    if isinstance(form, list):
        return tuple(restored(each, operands) for each in form) if any(isinstance(e, dict) and ("slice" in e or "ellipsis" in e) for e in form) \
            else [restored(each, operands) for each in form]
    if not isinstance(form, dict):
        return form
    (kind, value), = form.items()
    if kind in "xg":
        return operands[value]
    if kind == "slice":
        return slice(*value)
    if kind == "ellipsis":
        return Ellipsis
    if kind == "number":
        return float(value)
    return next(dtype for dtype, name in DTYPES.items() if name == value)


def shape_of(form, operands):
    """What samples of one form have in common: everything but sizes and values."""
    if isinstance(form, dict):
        (kind, value), = form.items()
        return f"{kind}{operands[value].dim()}{0 in operands[value].shape}" if kind in "xg" else kind
    if isinstance(form, list):
        return [shape_of(each, operands) for each in form]
    return form if isinstance(form, (bool, str)) or form is None else type(form).__name__


def forward(op, form, operands):
    args = [restored(each, operands) for each in form["args"]]
    kwargs = {name: restored(each, operands) for name, each in form["kwargs"].items()}
    # The other implementations of attention have no second order.
    with torch.nn.attention.sdpa_kernel(torch.nn.attention.SDPBackend.MATH):
        results = op.op(*args, **kwargs)
    tensors = [leaf for leaf in _pytree.tree_leaves(results) if isinstance(leaf, torch.Tensor)]
    if not tensors or any(tensor.layout is not torch.strided or tensor.is_complex() for tensor in tensors):
        raise Unfit("no plain results")
    return tensors


def candidates(op, dtype):
    """(form, operands) of the samples that fit into the file."""
    needs = dtype.is_floating_point and op.supports_autograd
    found = []
    for number, sample in enumerate(op.sample_inputs("cpu", dtype, requires_grad=needs)):
        if number == 400:
            break
        try:
            operands = []
            # Elementwise functions are as good on fewer elements.
            value = sample.input
            if isinstance(value, torch.Tensor) and value.numel() > ELEMENTS and not sample.args and not sample.kwargs \
                    and type(op).__name__ == "UnaryUfuncInfo":
                value = value.detach().reshape(-1)[:ELEMENTS // 2].reshape(5, -1).requires_grad_(value.requires_grad)
            form = {"args": [argument(each, operands) for each in [value, *sample.args]],
                    "kwargs": {name: argument(each, operands) for name, each in sample.kwargs.items()}}
            size = max((operand.numel() for operand in operands), default=0)
            if size <= MOST:
                found.append((size, number, form, operands))
        except Unfit:
            pass
    return found


def unseen_first(entries, key):
    """The same entries, the first of each key in front."""
    seen, front, back = set(), [], []
    for entry in entries:
        (back if key(entry) in seen else front).append(entry)
        seen.add(key(entry))
    return front + back


def chosen(found):
    """At most SAMPLES: of each form of arguments the smallest with elements, forms with options that none had before first; then the next
    of each, with other numbers if there are."""
    fitting = [entry for entry in found if entry[0] <= ELEMENTS] or found
    if len(fitting) < SAMPLES:
        fitting = found
    form = lambda entry: json.dumps(shape_of([entry[2]["args"], sorted(entry[2]["kwargs"].items())], entry[3]))
    options = lambda entry: json.dumps([sorted(entry[2]["kwargs"]), [len(entry[2]["args"])]])
    numbers = lambda entry: json.dumps([entry[2]["args"], sorted(entry[2]["kwargs"].items())])
    groups = {}
    for entry in fitting:
        groups.setdefault(form(entry), []).append(entry)
    # A single element hides which axis something happens along.
    groups = [unseen_first(sorted(group, key=lambda entry: (entry[0] <= 1, entry[0])), numbers) for group in groups.values()]
    order = sorted(groups, key=lambda group: (group[0][0] == 0, group[0][0] == 1, group[0][1]))
    order = unseen_first(order, lambda group: (group[0][0] > 1, options(group[0])))
    picked = []
    for rank in range(SAMPLES):
        picked += [group[rank] for group in order if rank < len(group) and (rank == 0 or group[rank][0] > 1)]
    return sorted(picked[:SAMPLES], key=lambda entry: entry[1])


def vectors(op, form, operands, arrays):
    sequence = weights()
    y = forward(op, form, operands)
    if sum(tensor.numel() for tensor in y) > 8 * MOST:
        raise Unfit("results are too large")
    line = {"op": op.name + ("/" + op.variant_test_name if op.variant_test_name else ""), **form,
            "x": [arrays.add(operand) for operand in operands], "y": [arrays.add(tensor) for tensor in y]}
    active = [operand for operand in operands if operand.requires_grad]
    floats = [tensor for tensor in y if tensor.is_floating_point()]
    total = weighted(floats, sequence)
    if not active or not total.requires_grad:
        return line
    first = torch.autograd.grad(total, active, create_graph=op.supports_gradgrad, allow_unused=True)
    first = [torch.zeros_like(x) if dx is None else dx for x, dx in zip(active, first)]
    if not all(torch.isfinite(dx).any() or dx.numel() == 0 for dx in first):
        raise Unfit("no finite gradient")
    line["d1"] = [arrays.add(dx) for dx in first]
    if op.supports_gradgrad:
        total = weighted(first, sequence)
        if total.requires_grad:
            second = torch.autograd.grad(total, active, allow_unused=True)
            line["d2"] = [arrays.add(torch.zeros_like(x) if dx is None else dx) for x, dx in zip(active, second)]
        else:
            line["d2"] = [arrays.add(torch.zeros_like(x)) for x in active]
    return line


def main():
    warnings.filterwarnings("ignore")
    torch.use_deterministic_algorithms(True, warn_only=True)
    torch.set_num_threads(1)
    arrays, lines, missing = Arrays(), [], set(OPS)
    for op in sorted(op_db, key=lambda op: (op.name, op.variant_test_name)):
        name = op.name + ("/" + op.variant_test_name if op.variant_test_name else "")
        if name not in OPS:
            continue
        missing.discard(name)
        seed = int.from_bytes(hashlib.sha256(name.encode()).digest()[:4], "little")
        torch.manual_seed(seed), numpy.random.seed(seed), random.seed(seed)
        dtype = torch.float64 if torch.float64 in op.dtypes else torch.int64
        count = 0
        for _, _, form, operands in chosen(candidates(op, dtype)):
            try:
                lines.append(json.dumps(vectors(op, form, operands, arrays), separators=(",", ":")))
                count += 1
            except (Unfit, RuntimeError, NotImplementedError) as error:
                print(f"{name}: left out: {str(error).splitlines()[0]}")
        if count == 0:
            print(f"{name}: no samples")
    if missing:
        raise SystemExit(f"not in op_db: {sorted(missing)}")
    (FOLDER / "op_db.json").write_text("[\n" + ",\n".join(lines) + "\n]\n")
    (FOLDER / "op_db.bin").write_bytes(bytes(arrays.data))
    print(f"{len(set(json.loads(line)['op'] for line in lines))} operations, {len(lines)} samples, {len(arrays.data)} bytes")


main()
