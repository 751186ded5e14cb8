//! Shapes, joins, and parts.

use super::{Entry, Many, One};
use crate::call::{Call, wrap};
use tenon::ir::Value;
use tenon::ops::Trace;

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
    let dims = g.dims(a.t(0));
    let lead = wanted.len() - dims.len();
    let sizes: Vec<usize> =
        wanted.iter().enumerate().map(|(axis, size)| if *size < 0 { dims[axis - lead] } else { *size as usize }).collect();
    g.broadcast_to(a.t(0), &sizes)
}

fn permuted(g: &mut Trace, x: Value, order: &[i64]) -> Value {
    let rank = g.rank(x);
    let order: Vec<usize> = order.iter().map(|axis| wrap(*axis, rank)).collect();
    g.transpose(x, &order)
}

/// Parts of these sizes along an axis.
fn parts(g: &mut Trace, x: Value, sizes: &[usize], axis: usize) -> Vec<Value> {
    let mut start = 0;
    let mut part = |size: &usize| {
        start += size;
        g.narrow(x, axis, start - size, *size)
    };
    sizes.iter().map(&mut part).collect()
}

fn equal_parts(total: usize, size: usize) -> Vec<usize> {
    (0..total.div_ceil(size.max(1)).max(1)).map(|part| size.min(total - part * size)).collect()
}

/// `count` parts as even as they can be, or between indices.
fn tensor_split(g: &mut Trace, a: &Call, axis: usize) -> Vec<Value> {
    let total = g.dims(a.t(0))[axis];
    let how = a.at(1, "");
    let is_list = how.form.is_array() || how.tensor().is_some_and(|value| g.rank(value) == 1);
    let mut sizes = Vec::new();
    if is_list {
        let mut start = 0;
        for index in how.integers() {
            let index = (if index < 0 { index + total as i64 } else { index }).clamp(0, total as i64) as usize;
            sizes.push(index.saturating_sub(start));
            start = index;
        }
        sizes.push(total - start);
    } else {
        let count = how.size_or(1);
        sizes = (0..count).map(|part| total / count + (part < total % count) as usize).collect();
    }
    parts(g, a.t(0), &sizes, axis)
}

/// With dimensions in front, so that there are `rank`.
fn at_least(g: &mut Trace, x: Value, rank: usize) -> Value {
    let mut dims = g.dims(x);
    while dims.len() < rank {
        dims.insert(if rank == 3 && dims.len() == 2 { 2 } else { 0 }, 1);
    }
    g.reshape(x, &dims)
}

fn each(g: &mut Trace, a: &Call, function: fn(&mut Trace, Value) -> Value) -> Vec<Value> {
    a.tensors().into_iter().map(|x| function(g, x)).collect()
}

fn join(g: &mut Trace, parts: &[Value], axis: usize) -> Value {
    g.concat(parts, axis)
}

pub const ENTRIES: &[Entry] = &[
    ("reshape", One(reshaped)),
    ("view", One(reshaped)),
    ("reshape_as", One(same_shape)),
    ("view_as", One(same_shape)),
    (
        "ravel",
        One(|g, a| {
            let all = g.shape(a.t(0)).elements();
            g.reshape(a.t(0), &[all])
        }),
    ),
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
            g.reshape(a.t(0), &[&dims[..axis], &sizes, &dims[axis + 1..]].concat())
        }),
    ),
    ("permute", One(|g, a| permuted(g, a.t(0), &a.at(1, "dims").integers()))),
    (
        "transpose",
        One(|g, a| {
            let rank = g.rank(a.t(0));
            let mut order: Vec<i64> = (0..rank as i64).collect();
            if rank > 0 {
                order.swap(a.at(1, "dim0").axis_or(0, rank), a.at(2, "dim1").axis_or(0, rank));
            }
            permuted(g, a.t(0), &order)
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
            let mut order = vec![usize::MAX; rank];
            from.iter().zip(&to).for_each(|(from, to)| order[*to] = *from);
            let mut rest = (0..rank).filter(|axis| !from.contains(axis));
            let order: Vec<i64> =
                order.into_iter().map(|axis| if axis == usize::MAX { rest.next().unwrap() } else { axis } as i64).collect();
            permuted(g, a.t(0), &order)
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
    (
        "broadcast_tensors",
        Many(|g, a| {
            let all = a.tensors();
            let mut dims = vec![1; all.iter().map(|x| g.rank(*x)).max().unwrap_or(0)];
            for x in &all {
                let own = g.dims(*x);
                let lead = dims.len() - own.len();
                own.iter().enumerate().for_each(|(axis, size)| {
                    if *size != 1 {
                        dims[lead + axis] = *size
                    }
                });
            }
            all.into_iter().map(|x| g.broadcast_to(x, &dims)).collect()
        }),
    ),
    ("atleast_1d", Many(|g, a| each(g, a, |g, x| at_least(g, x, 1)))),
    ("atleast_2d", Many(|g, a| each(g, a, |g, x| at_least(g, x, 2)))),
    ("atleast_3d", Many(|g, a| each(g, a, |g, x| at_least(g, x, 3)))),
    (
        "cat",
        One(|g, a| {
            let all = a.tensors();
            // An empty vector joins anything there.
            let others = all.iter().any(|x| g.dims(*x) != [0]);
            let all: Vec<Value> = all.iter().copied().filter(|x| !others || g.dims(*x) != [0]).collect();
            let rank = g.rank(all[0]);
            join(g, &all, a.at(1, "dim").axis_or(0, rank))
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
    (
        "hstack",
        One(|g, a| {
            let all = each(g, a, |g, x| at_least(g, x, 1));
            let axis = (g.rank(all[0]) > 1) as usize;
            join(g, &all, axis)
        }),
    ),
    (
        "vstack",
        One(|g, a| {
            let all = each(g, a, |g, x| at_least(g, x, 2));
            join(g, &all, 0)
        }),
    ),
    (
        "dstack",
        One(|g, a| {
            let all = each(g, a, |g, x| at_least(g, x, 3));
            join(g, &all, 2)
        }),
    ),
    (
        "column_stack",
        One(|g, a| {
            let all = each(g, a, |g, x| {
                let elements = g.shape(x).elements();
                if g.rank(x) < 2 { g.reshape(x, &[elements, 1]) } else { x }
            });
            join(g, &all, 1)
        }),
    ),
    (
        "chunk",
        Many(|g, a| {
            let axis = a.at(2, "dim").axis_or(0, g.rank(a.t(0)));
            let total = g.dims(a.t(0))[axis];
            parts(g, a.t(0), &equal_parts(total, total.div_ceil(a.at(1, "chunks").size_or(1))), axis)
        }),
    ),
    (
        "split",
        Many(|g, a| {
            let axis = a.at(2, "dim").axis_or(0, g.rank(a.t(0)));
            let total = g.dims(a.t(0))[axis];
            parts(g, a.t(0), &equal_parts(total, a.at(1, "").size_or(1)), axis)
        }),
    ),
    (
        "split/list_args",
        Many(|g, a| {
            let axis = a.at(2, "dim").axis_or(0, g.rank(a.t(0)));
            parts(g, a.t(0), &a.at(1, "").sizes(), axis)
        }),
    ),
    (
        "split_with_sizes",
        Many(|g, a| {
            let axis = a.at(2, "dim").axis_or(0, g.rank(a.t(0)));
            parts(g, a.t(0), &a.at(1, "").sizes(), axis)
        }),
    ),
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
            let sizes = vec![1; g.dims(a.t(0))[axis]];
            parts(g, a.t(0), &sizes, axis).into_iter().map(|part| g.squeeze(part, &[axis])).collect()
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
            let dims = g.dims(a.t(0));
            let axis = a.at(1, "dim").axis_or(0, dims.len());
            let part = g.narrow(a.t(0), axis, wrap(a.at(2, "index").integer_or(0), dims[axis]), 1);
            g.squeeze(part, &[axis])
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
