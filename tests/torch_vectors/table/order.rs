//! Order, scatters, and what accumulates along an axis. PyTorch takes scalars for vectors of one element here.

use super::{Entry, Many, One};
use crate::call::Call;
use tenon::DType;
use tenon::ir::Value;
use tenon::ops::Trace;
use tenon::ops::composite::{Join, QuantileMethod};

fn vector(g: &mut Trace, x: Value) -> Value {
    if g.rank(x) == 0 { g.reshape(x, &[1]) } else { x }
}

/// A result of `x`, as a vector, in the shape of the scalar that x was.
fn restored(g: &mut Trace, was: Value, y: Value) -> Value {
    if g.rank(was) == 0 { g.reshape(y, &[]) } else { y }
}

/// Along the axis at `position`; the last if none is given.
fn along(g: &mut Trace, a: &Call, position: usize, record: fn(&mut Trace, Value, usize) -> Value) -> Value {
    let x = vector(g, a.t(0));
    let axis = a.at(position, "dim").axis_or(-1, g.rank(x));
    let y = record(g, x, axis);
    restored(g, a.t(0), y)
}

/// Values and positions along an axis, with or without it.
fn reduced(g: &mut Trace, a: &Call, dim: usize, record: impl Fn(&mut Trace, Value, usize, bool) -> (Value, Value)) -> Vec<Value> {
    let x = vector(g, a.t(0));
    let axis = a.at(dim, "dim").axis_or(-1, g.rank(x));
    let keep_dims = a.at(dim + 1, "keepdim").flag() && g.rank(a.t(0)) > 0;
    let (values, positions) = record(g, x, axis, keep_dims);
    vec![values, positions]
}

/// Values and positions of all elements together, or along an axis.
fn selected(g: &mut Trace, a: &Call, record: fn(&mut Trace, Value, usize, bool) -> (Value, Value)) -> Vec<Value> {
    if a.at(1, "dim").is_given() {
        return reduced(g, a, 1, record);
    }
    let flat = g.reshape(a.t(0), &[g.shape(a.t(0)).elements()]);
    vec![record(g, flat, 0, false).0]
}

fn quantile(g: &mut Trace, a: &Call, record: fn(&mut Trace, Value, &[f64], usize, QuantileMethod) -> Value) -> Value {
    let x = vector(g, a.t(0));
    let whole = !a.at(2, "dim").is_given();
    let x = if whole { g.reshape(x, &[g.shape(x).elements()]) } else { x };
    let axis = if whole { 0 } else { a.at(2, "dim").axis_or(-1, g.rank(x)) };
    let method = match a.named("interpolation").text() {
        "lower" => QuantileMethod::Lower,
        "higher" => QuantileMethod::Higher,
        "nearest" => QuantileMethod::Nearest,
        "midpoint" => QuantileMethod::Midpoint,
        _ => QuantileMethod::Linear,
    };
    let q = a.at(1, "q");
    let (levels, is_list) = match q.tensor() {
        Some(tensor) => (q.numbers(), g.rank(tensor) > 0),
        None => (vec![q.number().expect("a level")], false),
    };
    let mut y = record(g, x, &levels, axis, method);
    if a.at(3, "keepdim").flag() {
        let mut dims = g.dims(y);
        if whole {
            dims.extend(vec![1; g.rank(a.t(0))]);
        } else {
            dims.insert(axis + 1, 1);
        }
        y = g.reshape(y, &dims);
    }
    if is_list { y } else { g.squeeze(y, &[0]) }
}

fn join(name: &str) -> Join {
    match name {
        "sum" | "add" => Join::Add,
        "prod" | "multiply" => Join::Mul,
        "amax" => Join::Max,
        "amin" => Join::Min,
        "mean" => Join::Mean,
        _ => Join::Replace,
    }
}

/// (x, dim, indices, updates): torch.scatter and its kin, which may leave out parts of indices and updates.
fn scattered(g: &mut Trace, a: &Call) -> Value {
    let x = vector(g, a.t(0));
    let indices = vector(g, a.t(2));
    let axis = a.at(1, "dim").axis_or(0, g.rank(x));
    let mut updates = match a.at(3, "src").tensor() {
        Some(updates) => vector(g, updates),
        None => {
            let number = a.at(3, "value").number().expect("a number");
            let (dtype, dims) = (g.dtype(x), g.dims(indices));
            g.full(dtype, &dims, number)
        }
    };
    let (dims, start) = (g.dims(indices), vec![0; g.rank(indices)]);
    let step = vec![1; dims.len()];
    updates = g.slice(updates, &start, &dims, &step);
    let how = if a.named("reduce").is_given() { a.named("reduce").text() } else { a.at(4, "").text() };
    let how = if a.sample.op == "scatter_add" { "add" } else { how };
    let y = g.scatter_along(x, indices, updates, axis, join(how), a.named("include_self").flag_or(true));
    restored(g, a.t(0), y)
}

/// (x, dim, indices, updates): whole slices.
fn slices(g: &mut Trace, a: &Call, how: Join) -> Value {
    let x = vector(g, a.t(0));
    let indices = vector(g, a.t(2));
    let axis = a.at(1, "dim").axis_or(0, g.rank(x));
    let updates = vector(g, a.t(3));
    let y = g.scatter(x, indices, updates, axis, how, a.named("include_self").flag_or(true));
    restored(g, a.t(0), y)
}

pub const ENTRIES: &[Entry] = &[
    (
        "sort",
        Many(|g, a| {
            let x = vector(g, a.t(0));
            let axis = a.at(1, "dim").axis_or(-1, g.rank(x));
            let (values, positions) = g.sort(x, axis, a.at(2, "descending").flag());
            vec![restored(g, a.t(0), values), restored(g, a.t(0), positions)]
        }),
    ),
    (
        "argsort",
        One(|g, a| {
            let x = vector(g, a.t(0));
            let axis = a.at(1, "dim").axis_or(-1, g.rank(x));
            let y = g.argsort(x, axis, a.at(2, "descending").flag());
            restored(g, a.t(0), y)
        }),
    ),
    ("msort", One(|g, a| g.sort(a.t(0), 0, false).0)),
    (
        "topk",
        Many(|g, a| {
            let x = vector(g, a.t(0));
            let axis = a.at(2, "dim").axis_or(-1, g.rank(x));
            let (values, positions) = g.topk(x, a.at(1, "k").size_or(1), axis, a.at(3, "largest").flag_or(true));
            vec![restored(g, a.t(0), values), restored(g, a.t(0), positions)]
        }),
    ),
    (
        "kthvalue",
        Many(|g, a| {
            let k = a.at(1, "k").size_or(1);
            reduced(g, a, 2, move |g: &mut Trace, x, axis, keep_dims| g.kthvalue(x, k, axis, keep_dims))
        }),
    ),
    ("median", Many(|g, a| selected(g, a, Trace::median))),
    ("nanmedian", Many(|g, a| selected(g, a, Trace::nanmedian))),
    ("mode", Many(|g, a| reduced(g, a, 1, Trace::mode))),
    ("quantile", One(|g, a| quantile(g, a, Trace::quantile))),
    ("nanquantile", One(|g, a| quantile(g, a, Trace::nanquantile))),
    ("cumsum", One(|g, a| along(g, a, 1, |g, x, axis| g.cumsum(x, axis, false, false)))),
    ("cumprod", One(|g, a| along(g, a, 1, |g, x, axis| g.cumprod(x, axis, false, false)))),
    ("logcumsumexp", One(|g, a| along(g, a, 1, |g, x, axis| g.logcumsumexp(x, axis, false)))),
    (
        "cummax",
        Many(|g, a| {
            let values = along(g, a, 1, |g, x, axis| g.cummax(x, axis, false).0);
            vec![values, along(g, a, 1, |g, x, axis| g.cummax(x, axis, false).1)]
        }),
    ),
    (
        "cummin",
        Many(|g, a| {
            let values = along(g, a, 1, |g, x, axis| g.cummin(x, axis, false).0);
            vec![values, along(g, a, 1, |g, x, axis| g.cummin(x, axis, false).1)]
        }),
    ),
    (
        "searchsorted",
        One(|g, a| {
            let values = a.x(g, 1);
            g.searchsorted(a.t(0), values, a.named("right").flag() || a.named("side").text() == "right")
        }),
    ),
    ("bucketize", One(|g, a| g.bucketize(a.t(0), a.t(1), a.named("right").flag()))),
    (
        "gather",
        One(|g, a| {
            let (x, indices) = (vector(g, a.t(0)), vector(g, a.t(2)));
            let axis = a.at(1, "dim").axis_or(0, g.rank(x));
            // Dimensions off the axis may be shorter in the indices.
            let (mut dims, start) = (g.dims(indices), vec![0; g.rank(x)]);
            dims[axis] = g.dims(x)[axis];
            let step = vec![1; dims.len()];
            let x = g.slice(x, &start, &dims, &step);
            let y = g.take_along(x, indices, axis);
            restored(g, a.t(2), y)
        }),
    ),
    (
        "take_along_dim",
        One(|g, a| {
            let (x, indices) = (a.t(0), a.t(1));
            if !a.at(2, "dim").is_given() {
                let flat = g.reshape(indices, &[g.shape(indices).elements()]);
                return g.take(x, flat);
            }
            let axis = a.at(2, "dim").axis_or(0, g.rank(x));
            let (mut dims, mut full) = (g.dims(indices), g.dims(x));
            for other in (0..dims.len()).filter(|other| *other != axis) {
                dims[other] = dims[other].max(full[other]);
                full[other] = dims[other];
            }
            let (x, indices) = (g.broadcast_to(x, &full), g.broadcast_to(indices, &dims));
            g.take_along(x, indices, axis)
        }),
    ),
    ("take", One(|g, a| g.take(a.t(0), a.t(1)))),
    ("put", One(|g, a| g.put(a.t(0), a.t(1), a.t(2), a.at(3, "accumulate").flag()))),
    ("scatter", One(scattered)),
    ("scatter_add", One(scattered)),
    ("scatter_reduce/amax", One(scattered)),
    ("scatter_reduce/amin", One(scattered)),
    ("scatter_reduce/mean", One(scattered)),
    ("scatter_reduce/prod", One(scattered)),
    ("scatter_reduce/sum", One(scattered)),
    (
        "index_add",
        One(|g, a| {
            let (x, indices, updates) = (vector(g, a.t(0)), vector(g, a.t(2)), vector(g, a.t(3)));
            let axis = a.at(1, "dim").axis_or(0, g.rank(x));
            let y = g.index_add(x, indices, updates, axis, a.named("alpha").number_or(1.0));
            restored(g, a.t(0), y)
        }),
    ),
    ("index_copy", One(|g, a| slices(g, a, Join::Replace))),
    (
        "index_fill",
        One(|g, a| {
            let (x, indices) = (vector(g, a.t(0)), vector(g, a.t(2)));
            let axis = a.at(1, "dim").axis_or(0, g.rank(x));
            let value = a.x(g, 3);
            let y = g.index_fill(x, indices, value, axis);
            restored(g, a.t(0), y)
        }),
    ),
    ("index_reduce/amax", One(|g, a| slices(g, a, Join::Max))),
    ("index_reduce/amin", One(|g, a| slices(g, a, Join::Min))),
    ("index_reduce/mean", One(|g, a| slices(g, a, Join::Mean))),
    ("index_reduce/prod", One(|g, a| slices(g, a, Join::Mul))),
    ("nn.functional.embedding", One(|g, a| g.embedding(a.t(0), a.t(1), a.at(2, "padding_idx").integer()))),
    ("masked_scatter", One(|g, a| g.masked_scatter(a.t(0), a.t(1), a.t(2)))),
    (
        "masked_select",
        One(|g, a| {
            // How many there are is data: PyTorch's result says it.
            let size = a.sample.y[0].shape().elements();
            g.masked_select(a.t(0), a.t(1), size, 0.0).0
        }),
    ),
    (
        "diff",
        One(|g, a| {
            let x = a.t(0);
            if a.at(1, "n").size_or(1) == 0 {
                return x;
            }
            let axis = a.at(2, "dim").axis_or(-1, g.rank(x));
            let parts: Vec<Value> = [a.at(3, "prepend").tensor(), Some(x), a.at(4, "append").tensor()].into_iter().flatten().collect();
            let joined = if parts.len() > 1 { g.concat(&parts, axis) } else { x };
            g.diff(joined, a.at(1, "n").size_or(1), axis)
        }),
    ),
    ("histc", One(|g, a| g.histc(a.t(0), a.at(1, "bins").size_or(100), a.at(2, "min").number_or(0.0), a.at(3, "max").number_or(0.0)))),
    (
        "bincount",
        One(|g, a| {
            let size = a.sample.y[0].shape().elements();
            g.bincount(a.t(0), a.named("weights").tensor(), size)
        }),
    ),
    (
        "nn.functional.one_hot",
        One(|g, a| {
            let dims = a.sample.y[0].shape().dims();
            g.one_hot(a.t(0), dims[dims.len() - 1], DType::I64)
        }),
    ),
];
