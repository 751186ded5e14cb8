//! Reductions, and what runs along an axis.

use super::{Entry, Many, One};
use crate::call::Call;
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

pub const ENTRIES: &[Entry] = &[
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
    (
        "trace",
        One(|g, a| {
            let dims = g.dims(a.t(0));
            let (row, column) = (g.iota(tenon::DType::I64, &dims, 0), g.iota(tenon::DType::I64, &dims, 1));
            let on = g.equal(row, column);
            let zero = g.zeros_like(a.t(0));
            let kept = g.select(on, a.t(0), zero);
            let axes = all_axes(g, kept);
            g.sum(kept, &axes, false)
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
