//! Reductions, and what runs along an axis.

use super::linalg::matrix_norm;
use super::{Entry, Many, One};
use crate::call::{Argument, Call};
use tenon::ir::Value;
use tenon::ops::Trace;

type Over = fn(&mut Trace, Value, &[usize], bool) -> Value;

/// Over the axes `dim`, all if none are given.
fn over(g: &mut Trace, a: &Call, reduce: Over) -> Value {
    let axes = a.at(1, "dim").axes(g.rank(a.t(0)));
    reduce(g, a.t(0), &axes, a.at(2, "keepdim").flag())
}

fn all_axes(g: &Trace, x: Value) -> Vec<usize> {
    (0..g.rank(x)).collect()
}

/// Positions along one axis, or in the flattened operand.
fn position(g: &mut Trace, a: &Call, find: fn(&mut Trace, Value, usize) -> Value) -> Value {
    let (x, rank) = (a.t(0), g.rank(a.t(0)));
    let axis = a.at(1, "dim");
    if !axis.is_given() || rank == 0 {
        let flat = g.reshape(x, &[g.shape(x).elements()]);
        return find(g, flat, 0);
    }
    let axis = axis.axis_or(0, rank);
    let y = find(g, x, axis);
    if a.at(2, "keepdim").flag() { g.unsqueeze(y, axis) } else { y }
}

/// What is taken from the count: 1 unless the call says otherwise.
fn ddof(a: &Call, position: usize) -> usize {
    let correction = a.named("correction");
    if correction.is_given() {
        return correction.size_or(1);
    }
    a.at(position, "unbiased").flag_or(true) as usize
}

/// Over the axes `dim`, with `unbiased` or `correction`.
fn spread(g: &mut Trace, a: &Call, reduce: fn(&mut Trace, Value, &[usize], usize, bool) -> Value) -> Value {
    let axes = a.at(1, "dim").axes(g.rank(a.t(0)));
    let keep_dims = a.at(usize::MAX, "keepdim").flag();
    reduce(g, a.t(0), &axes, ddof(a, 2), keep_dims)
}

fn spread_of_all(g: &mut Trace, a: &Call, reduce: fn(&mut Trace, Value, &[usize], usize, bool) -> Value) -> Value {
    let axes = all_axes(g, a.t(0));
    reduce(g, a.t(0), &axes, ddof(a, 1), false)
}

/// The p-norm over axes; NaN stands for the Frobenius norm, which is that of all elements.
fn norm(g: &mut Trace, a: &Call, p: Argument, dim: Argument, keepdim: Argument) -> Value {
    let axes = dim.axes(g.rank(a.t(0)));
    g.norm(a.t(0), p.number_or(2.0), &axes, keepdim.flag())
}

/// A norm of matrices along two axes: the largest (smallest, for a negative order) sum along one of them, or that of all elements.
fn linalg_norm(g: &mut Trace, a: &Call) -> Value {
    let (x, rank) = (a.t(0), g.rank(a.t(0)));
    let (order, dim, keepdim) = (a.at(1, "ord"), a.at(2, "dim"), a.at(3, "keepdim"));
    let axes = dim.axes(rank);
    if order.is_given() && axes.len() == 2 {
        return matrix_norm(g, x, order, [axes[0], axes[1]], keepdim.flag());
    }
    norm(g, a, order, dim, keepdim)
}

/// The extremes along an axis and where they are; a scalar is a vector of one element.
fn extremes(g: &mut Trace, a: &Call, value: Over, position: fn(&mut Trace, Value, usize) -> Value) -> Vec<Value> {
    if g.rank(a.t(0)) == 0 {
        let first = g.integer(tenon::DType::I64, 0);
        return vec![a.t(0), first];
    }
    let axis = a.at(1, "dim").axis_or(0, g.rank(a.t(0)));
    let keep_dims = a.at(2, "keepdim").flag();
    let (value, place) = (value(g, a.t(0), &[axis], keep_dims), position(g, a.t(0), axis));
    vec![value, if keep_dims { g.unsqueeze(place, axis) } else { place }]
}

fn cumulative_trapezoid(g: &mut Trace, a: &Call) -> Value {
    let (y, dims) = (a.t(0), g.dims(a.t(0)));
    let axis = a.named("dim").axis_or(-1, dims.len());
    let x = match a.at(1, "x").tensor() {
        Some(x) => g.broadcast_to(x, &dims),
        None => {
            let place = g.iota(g.dtype(y), &dims, axis);
            g.mul_scalar(place, a.named("dx").number_or(1.0))
        }
    };
    g.cumulative_trapezoid(y, x, axis)
}

fn trapezoid(g: &mut Trace, a: &Call) -> Value {
    let axis = a.named("dim").axis_or(-1, g.rank(a.t(0)));
    match a.at(1, "x").tensor() {
        Some(x) => {
            let dims = g.dims(a.t(0));
            let x = if g.rank(x) == 1 { x } else { g.broadcast_to(x, &dims) };
            g.trapz_at(a.t(0), x, axis)
        }
        None => g.trapz(a.t(0), a.named("dx").number_or(1.0), axis),
    }
}

pub const ENTRIES: &[Entry] = &[
    ("var", One(|g, a| spread(g, a, Trace::var))),
    ("std", One(|g, a| spread(g, a, Trace::std))),
    ("var/unbiased", One(|g, a| spread_of_all(g, a, Trace::var))),
    ("std/unbiased", One(|g, a| spread_of_all(g, a, Trace::std))),
    ("var_mean", Many(|g, a| vec![spread(g, a, Trace::var), spread(g, a, |g, x, axes, _, keep| g.mean(x, axes, keep))])),
    ("std_mean", Many(|g, a| vec![spread(g, a, Trace::std), spread(g, a, |g, x, axes, _, keep| g.mean(x, axes, keep))])),
    (
        "var_mean/unbiased",
        Many(|g, a| {
            vec![
                spread_of_all(g, a, Trace::var),
                over(g, a, |g, x, _, _| {
                    let axes = all_axes(g, x);
                    g.mean(x, &axes, false)
                }),
            ]
        }),
    ),
    (
        "std_mean/unbiased",
        Many(|g, a| {
            vec![
                spread_of_all(g, a, Trace::std),
                over(g, a, |g, x, _, _| {
                    let axes = all_axes(g, x);
                    g.mean(x, &axes, false)
                }),
            ]
        }),
    ),
    ("nansum", One(|g, a| over(g, a, Trace::nansum))),
    ("nanmean", One(|g, a| over(g, a, Trace::nanmean))),
    ("count_nonzero", One(|g, a| over(g, a, Trace::count_nonzero))),
    ("norm", One(|g, a| norm(g, a, a.at(1, "p"), a.at(2, "dim"), a.at(3, "keepdim")))),
    ("norm/inf", One(|g, a| norm(g, a, a.at(1, "p"), a.at(2, "dim"), a.at(3, "keepdim")))),
    ("norm/fro", One(|g, a| norm(g, a, a.at(1, "p"), a.at(2, "dim"), a.at(3, "keepdim")))),
    ("linalg.vector_norm", One(|g, a| norm(g, a, a.at(1, "ord"), a.at(2, "dim"), a.at(3, "keepdim")))),
    ("linalg.norm", One(linalg_norm)),
    ("linalg.norm/subgradients_at_zero", One(linalg_norm)),
    (
        "linalg.matrix_norm",
        One(|g, a| {
            let axes = a.at(2, "dim").axes(g.rank(a.t(0)));
            matrix_norm(g, a.t(0), a.at(1, "ord"), [axes[0], axes[1]], a.at(3, "keepdim").flag())
        }),
    ),
    ("dist", One(|g, a| g.dist(a.t(0), a.t(1), a.at(2, "p").number_or(2.0)))),
    ("cdist", One(|g, a| g.cdist(a.t(0), a.t(1), a.at(2, "p").number_or(2.0)))),
    (
        "nn.functional.pairwise_distance",
        One(|g, a| {
            let (p, epsilon) = (a.at(2, "p").number_or(2.0), a.at(3, "eps").number_or(1e-6));
            g.pairwise_distance(a.t(0), a.t(1), p, epsilon, a.at(4, "keepdim").flag())
        }),
    ),
    (
        "nn.functional.cosine_similarity",
        One(|g, a| {
            let rank = g.rank(a.t(0)).max(g.rank(a.t(1)));
            g.cosine_similarity(a.t(0), a.t(1), a.at(2, "dim").axis_or(1, rank), a.at(3, "eps").number_or(1e-8))
        }),
    ),
    ("max/reduction_with_dim", Many(|g, a| extremes(g, a, Trace::max, Trace::argmax))),
    ("min/reduction_with_dim", Many(|g, a| extremes(g, a, Trace::min, Trace::argmin))),
    ("cumulative_trapezoid", One(cumulative_trapezoid)),
    ("trapz", One(trapezoid)),
    ("trapezoid", One(trapezoid)),
    ("cov", One(|g, a| g.cov(a.t(0), a.named("correction").size_or(1)))),
    ("corrcoef", One(|g, a| g.corrcoef(a.t(0)))),
    ("sum", One(|g, a| over(g, a, Trace::sum))),
    ("mean", One(|g, a| over(g, a, Trace::mean))),
    ("amax", One(|g, a| over(g, a, Trace::max))),
    ("amin", One(|g, a| over(g, a, Trace::min))),
    ("prod", One(|g, a| over(g, a, Trace::prod))),
    ("logsumexp", One(|g, a| over(g, a, Trace::logsumexp))),
    ("max/reduction_no_dim", One(|g, a| over(g, a, Trace::max))),
    ("min/reduction_no_dim", One(|g, a| over(g, a, Trace::min))),
    ("aminmax", Many(|g, a| vec![over(g, a, Trace::min), over(g, a, Trace::max)])),
    ("argmax", One(|g, a| position(g, a, Trace::argmax))),
    ("argmin", One(|g, a| position(g, a, Trace::argmin))),
    (
        "sum_to_size",
        One(|g, a| {
            let wanted = match a.sample.args[1].as_array() {
                Some(_) => a.at(1, "").sizes(),
                None => (1..a.count()).map(|position| a.at(position, "").size_or(0)).collect(),
            };
            let dims = g.dims(a.t(0));
            let lead = dims.len() - wanted.len();
            let axes: Vec<usize> = (0..dims.len()).filter(|axis| *axis < lead || (wanted[*axis - lead] == 1 && dims[*axis] != 1)).collect();
            let sum = g.sum(a.t(0), &axes, false);
            g.reshape(sum, &wanted)
        }),
    ),
    (
        "any",
        One(|g, a| {
            let x = a.t(0);
            truth(g, a, x, Trace::any)
        }),
    ),
    (
        "all",
        One(|g, a| {
            let x = a.t(0);
            truth(g, a, x, Trace::all)
        }),
    ),
    ("softmax", One(|g, a| along(g, a, Trace::softmax))),
    ("softmax/with_dtype", One(|g, a| along(g, a, Trace::softmax))),
    ("log_softmax", One(|g, a| along(g, a, Trace::log_softmax))),
    ("log_softmax/with_dtype", One(|g, a| along(g, a, Trace::log_softmax))),
    (
        "nn.functional.softmin",
        One(|g, a| {
            along(g, a, |g, x, axis| {
                let x = g.neg(x);
                g.softmax(x, axis)
            })
        }),
    ),
];

fn truth(g: &mut Trace, a: &Call, x: Value, reduce: Over) -> Value {
    let zero = g.zeros_like(x);
    let set = g.not_equal(x, zero);
    let axes = a.at(1, "dim").axes(g.rank(x));
    reduce(g, set, &axes, a.at(2, "keepdim").flag())
}

/// Along the axis `dim`; a scalar is a vector of one.
pub fn along(g: &mut Trace, a: &Call, function: fn(&mut Trace, Value, usize) -> Value) -> Value {
    let (x, dims) = (a.t(0), g.dims(a.t(0)));
    if dims.is_empty() {
        let one = g.reshape(x, &[1]);
        let y = function(g, one, 0);
        return g.reshape(y, &[]);
    }
    let axis = a.at(1, "dim").axis_or(-1, dims.len());
    function(g, x, axis)
}
