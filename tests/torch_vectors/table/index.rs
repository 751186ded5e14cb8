//! Elements at indices.

use super::{Entry, One};
use crate::call::Call;
use tenon::ir::Value;
use tenon::ops::Trace;

/// The first operand, a scalar as a vector of one element; and the axis `dim`.
fn vector_and_axis(g: &mut Trace, a: &Call) -> (Value, usize) {
    let x = if g.rank(a.t(0)) == 0 { g.reshape(a.t(0), &[1]) } else { a.t(0) };
    (x, a.at(1, "dim").axis_or(0, g.rank(x)))
}

/// The result in the shape of the first operand, where that is a scalar.
fn like_first(g: &mut Trace, a: &Call, y: Value) -> Value {
    if g.rank(a.t(0)) == 0 { g.reshape(y, &[]) } else { y }
}

pub const ENTRIES: &[Entry] = &[(
    "index_select",
    One(|g, a| {
        let (x, axis) = vector_and_axis(g, a);
        let indices = if g.rank(a.t(2)) == 0 { g.reshape(a.t(2), &[1]) } else { a.t(2) };
        let y = g.gather(x, indices, axis);
        like_first(g, a, y)
    }),
)];
