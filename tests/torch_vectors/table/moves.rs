//! Shapes, joins, and parts.

use super::{Entry, Many, One, Unary};
use crate::call::{Call, wrap};
use tenon::ir::Value;
use tenon::ops::Trace;

/// With `value` around; sizes in front of and behind each axis, the last first. Negative ones take elements away.
fn padded(g: &mut Trace, a: &Call, value: f64) -> Value {
    let dims = g.dims(a.t(0));
    let (mut low, mut high) = (vec![0; dims.len()], vec![0; dims.len()]);
    let (mut start, mut stop) = (vec![0; dims.len()], dims.clone());
    for (pair, axis) in a.at(1, "pad").integers().chunks(2).zip((0..dims.len()).rev()) {
        (low[axis], high[axis]) = (pair[0].max(0) as usize, pair[1].max(0) as usize);
        start[axis] = pair[0].min(0).unsigned_abs() as usize;
        stop[axis] -= pair[1].min(0).unsigned_abs() as usize;
    }
    let kept = g.slice(a.t(0), &start, &stop, &vec![1; dims.len()]);
    let value = g.scalar(g.dtype(kept), value);
    g.pad(kept, value, &low, &high, &vec![0; dims.len()])
}

fn reshaped(g: &mut Trace, a: &Call) -> Value {
    let wanted = match a.sample.args.get(1) {
        Some(serde_json::Value::Array(_)) => a.at(1, "").integers(),
        _ => (1..a.count()).filter_map(|position| a.at(position, "").integer()).collect(),
    };
    let all = g.shape(a.t(0)).elements();
    let known: usize = wanted.iter().filter(|size| **size >= 0).map(|size| *size as usize).product();
    let sizes: Vec<usize> = wanted.iter().map(|size| if *size < 0 { all / known.max(1) } else { *size as usize }).collect();
    g.reshape(a.t(0), &sizes)
}

fn same_shape(g: &mut Trace, a: &Call) -> Value {
    let dims = g.dims(a.t(1));
    g.reshape(a.t(0), &dims)
}

fn expanded(g: &mut Trace, a: &Call) -> Value {
    let wanted = match a.sample.args.get(1) {
        Some(serde_json::Value::Array(_)) => a.at(1, "").integers(),
        _ => (1..a.count()).filter_map(|position| a.at(position, "").integer()).collect(),
    };
    let sizes: Vec<Option<usize>> = wanted.iter().map(|size| usize::try_from(*size).ok()).collect();
    g.expand(a.t(0), &sizes)
}

fn permuted(g: &mut Trace, x: Value, order: &[i64]) -> Value {
    let rank = g.rank(x);
    let order: Vec<usize> = order.iter().map(|axis| wrap(*axis, rank)).collect();
    g.transpose(x, &order)
}

fn split_sizes(g: &mut Trace, a: &Call) -> Vec<Value> {
    let axis = a.at(2, "dim").axis_or(0, g.rank(a.t(0)));
    g.split_sizes(a.t(0), &a.at(1, "").sizes(), axis)
}

/// `count` parts as even as they can be, or between indices.
fn tensor_split(g: &mut Trace, a: &Call, axis: usize) -> Vec<Value> {
    let how = a.at(1, "");
    let is_list = how.form.is_array() || how.tensor().is_some_and(|value| g.rank(value) == 1);
    if is_list { g.tensor_split_at(a.t(0), &how.integers(), axis) } else { g.tensor_split(a.t(0), how.size_or(1), axis) }
}

fn each(g: &mut Trace, a: &Call, function: fn(&mut Trace, Value) -> Value) -> Vec<Value> {
    a.tensors().into_iter().map(|x| function(g, x)).collect()
}

pub const ENTRIES: &[Entry] = &[
    ("reshape", One(reshaped)),
    ("constant_pad_nd", One(|g, a| padded(g, a, a.at(2, "value").number_or(0.0)))),
    ("nn.functional.pad/constant", One(|g, a| padded(g, a, a.at(3, "value").number_or(0.0)))),
    ("view", One(reshaped)),
    ("reshape_as", One(same_shape)),
    ("view_as", One(same_shape)),
    ("ravel", Unary(Trace::ravel)),
    (
        "flatten",
        One(|g, a| {
            let dims = g.dims(a.t(0));
            if dims.is_empty() {
                return g.reshape(a.t(0), &[1]);
            }
            let (start, end) = (a.at(1, "start_dim").axis_or(0, dims.len()), a.at(2, "end_dim").axis_or(-1, dims.len()));
            let joined = dims[start..=end].iter().product();
            g.reshape(a.t(0), &[&dims[..start], &[joined], &dims[end + 1..]].concat())
        }),
    ),
    (
        "unflatten",
        One(|g, a| {
            let dims = g.dims(a.t(0));
            let axis = a.at(1, "dim").axis_or(0, dims.len());
            let wanted = a.at(2, "sizes").integers();
            let known: usize = wanted.iter().filter(|size| **size >= 0).map(|size| *size as usize).product();
            let sizes: Vec<usize> = wanted.iter().map(|size| if *size < 0 { dims[axis] / known.max(1) } else { *size as usize }).collect();
            g.unflatten(a.t(0), axis, &sizes)
        }),
    ),
    ("permute", One(|g, a| permuted(g, a.t(0), &a.at(1, "dims").integers()))),
    (
        "transpose",
        One(|g, a| match g.rank(a.t(0)) {
            0 => a.t(0),
            rank => g.swap_axes(a.t(0), a.at(1, "dim0").axis_or(0, rank), a.at(2, "dim1").axis_or(0, rank)),
        }),
    ),
    ("t", One(|g, a| g.swap_last(a.t(0)))),
    ("T", One(|g, a| g.swap_last(a.t(0)))),
    ("mT", One(|g, a| g.swap_last(a.t(0)))),
    (
        "movedim",
        One(|g, a| {
            let rank = g.rank(a.t(0));
            let (from, to) = (a.at(1, "").axes(rank), a.at(2, "").axes(rank));
            g.move_axes(a.t(0), &from, &to)
        }),
    ),
    (
        "squeeze",
        One(|g, a| {
            let dims = g.dims(a.t(0));
            let axes: Vec<usize> = a.at(1, "dim").axes(dims.len()).into_iter().filter(|axis| dims[*axis] == 1).collect();
            g.squeeze(a.t(0), &axes)
        }),
    ),
    (
        "squeeze/multiple",
        One(|g, a| {
            let dims = g.dims(a.t(0));
            let given = a.at(1, "dim").integers();
            let axes: Vec<usize> = given.iter().map(|axis| wrap(*axis, dims.len())).filter(|axis| dims.get(*axis) == Some(&1)).collect();
            g.squeeze(a.t(0), &axes)
        }),
    ),
    (
        "unsqueeze",
        One(|g, a| {
            let rank = g.rank(a.t(0));
            g.unsqueeze(a.t(0), a.at(1, "dim").axis_or(0, rank + 1))
        }),
    ),
    ("expand", One(expanded)),
    ("broadcast_to", One(expanded)),
    (
        "expand_as",
        One(|g, a| {
            let dims = g.dims(a.t(1));
            g.broadcast_to(a.t(0), &dims)
        }),
    ),
    ("broadcast_tensors", Many(|g, a| g.broadcast_tensors(&a.tensors()))),
    ("atleast_1d", Many(|g, a| each(g, a, Trace::atleast_1d))),
    ("atleast_2d", Many(|g, a| each(g, a, Trace::atleast_2d))),
    ("atleast_3d", Many(|g, a| each(g, a, Trace::atleast_3d))),
    (
        "cat",
        One(|g, a| {
            let all = a.tensors();
            // An empty vector joins anything there.
            let others = all.iter().any(|x| g.dims(*x) != [0]);
            let all: Vec<Value> = all.iter().copied().filter(|x| !others || g.dims(*x) != [0]).collect();
            let rank = g.rank(all[0]);
            g.concat(&all, a.at(1, "dim").axis_or(0, rank))
        }),
    ),
    (
        "stack",
        One(|g, a| {
            let all = a.tensors();
            let rank = g.rank(all[0]);
            g.stack(&all, a.at(1, "dim").axis_or(0, rank + 1))
        }),
    ),
    ("hstack", One(|g, a| g.hstack(&a.tensors()))),
    ("vstack", One(|g, a| g.vstack(&a.tensors()))),
    ("dstack", One(|g, a| g.dstack(&a.tensors()))),
    ("column_stack", One(|g, a| g.column_stack(&a.tensors()))),
    (
        "chunk",
        Many(|g, a| {
            let axis = a.at(2, "dim").axis_or(0, g.rank(a.t(0)));
            g.chunk(a.t(0), a.at(1, "chunks").size_or(1), axis)
        }),
    ),
    (
        "split",
        Many(|g, a| {
            let axis = a.at(2, "dim").axis_or(0, g.rank(a.t(0)));
            g.split(a.t(0), a.at(1, "").size_or(1), axis)
        }),
    ),
    ("split/list_args", Many(split_sizes)),
    ("split_with_sizes", Many(split_sizes)),
    (
        "tensor_split",
        Many(|g, a| {
            let axis = a.at(2, "dim").axis_or(0, g.rank(a.t(0)));
            tensor_split(g, a, axis)
        }),
    ),
    (
        "hsplit",
        Many(|g, a| {
            let axis = (g.rank(a.t(0)) > 1) as usize;
            tensor_split(g, a, axis)
        }),
    ),
    ("vsplit", Many(|g, a| tensor_split(g, a, 0))),
    ("dsplit", Many(|g, a| tensor_split(g, a, 2))),
    (
        "unbind",
        Many(|g, a| {
            let axis = a.at(1, "dim").axis_or(0, g.rank(a.t(0)));
            g.unbind(a.t(0), axis)
        }),
    ),
    (
        "narrow",
        One(|g, a| {
            let dims = g.dims(a.t(0));
            let axis = a.at(1, "dim").axis_or(0, dims.len());
            let start = wrap(a.at(2, "start").integer_or(0), dims[axis]);
            g.narrow(a.t(0), axis, start, a.at(3, "length").size_or(0))
        }),
    ),
    (
        "select",
        One(|g, a| {
            let axis = a.at(1, "dim").axis_or(0, g.rank(a.t(0)));
            g.slice_at(a.t(0), axis, a.at(2, "index").integer_or(0))
        }),
    ),
    (
        "slice",
        One(|g, a| {
            let mut stop = g.dims(a.t(0));
            let rank = stop.len();
            let axis = a.at(1, "dim").axis_or(0, rank);
            let total = stop[axis] as i64;
            let bound = |index: i64| (if index < 0 { index + total } else { index }).clamp(0, total) as usize;
            let (mut start, mut step) = (vec![0; rank], vec![1; rank]);
            start[axis] = bound(a.at(2, "start").integer_or(0));
            stop[axis] = bound(a.at(3, "end").integer_or(total)).max(start[axis]);
            step[axis] = a.at(4, "step").size_or(1);
            g.slice(a.t(0), &start, &stop, &step)
        }),
    ),
    (
        "flip",
        One(|g, a| {
            let rank = g.rank(a.t(0));
            let axes: Vec<usize> = a.at(1, "dims").integers().iter().map(|axis| wrap(*axis, rank)).collect();
            g.reverse(a.t(0), &axes)
        }),
    ),
    ("fliplr", One(|g, a| g.reverse(a.t(0), &[1]))),
    ("flipud", One(|g, a| g.reverse(a.t(0), &[0]))),
    (
        "fill",
        One(|g, a| {
            let dims = g.dims(a.t(0));
            g.full(a.dtype, &dims, a.at(1, "value").number_or(0.0))
        }),
    ),
];
