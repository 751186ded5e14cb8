//! Repeating, turning, grids, diagonals, and parts replaced.

use super::{Entry, Many, One};
use crate::call::{Call, wrap};
use tenon::ir::Value;
use tenon::ops::Trace;

fn meshgrid(g: &mut Trace, a: &Call) -> Vec<Value> {
    g.meshgrid(&a.tensors(), a.named("indexing").text() == "xy")
}

/// Offset and the two axes of a diagonal among `rank`, the last ones where they are not given if `last`.
fn diagonal_of(a: &Call, first: usize, rank: usize, last: bool) -> (i64, usize, usize) {
    let default = if last { (-2, -1) } else { (0, 1) };
    let axes = (a.at(first + 1, "dim1").axis_or(default.0, rank), a.at(first + 2, "dim2").axis_or(default.1, rank));
    (a.at(first, "offset").integer_or(0), axes.0, axes.1)
}

fn diagonal(g: &mut Trace, a: &Call, last: bool) -> Value {
    let (offset, first, second) = diagonal_of(a, 1, g.rank(a.t(0)), last);
    g.diagonal(a.t(0), offset, first, second)
}

pub const ENTRIES: &[Entry] = &[
    ("tile", One(|g, a| g.tile(a.t(0), &a.at(1, "dims").sizes()))),
    ("repeat", One(|g, a| g.tile(a.t(0), &a.at(1, "").sizes()))),
    (
        "repeat_interleave",
        One(|g, a| {
            let (repeats, axis) = (a.named("repeats"), a.named("dim"));
            let counts: Vec<usize> = match repeats.tensor() {
                Some(_) => repeats.numbers().iter().map(|count| *count as usize).collect(),
                None => vec![repeats.size_or(1)],
            };
            match axis.integer() {
                Some(axis) => g.repeat_interleave(a.t(0), &counts, wrap(axis, g.rank(a.t(0)))),
                None => {
                    let flat = g.ravel(a.t(0));
                    g.repeat_interleave(flat, &counts, 0)
                }
            }
        }),
    ),
    (
        "roll",
        One(|g, a| {
            let (shifts, dims) = (a.at(1, "shifts").integers(), g.dims(a.t(0)));
            if !a.at(2, "dims").is_given() {
                let flat = g.ravel(a.t(0));
                let moved = g.roll(flat, &shifts, &[0]);
                return g.reshape(moved, &dims);
            }
            let axes: Vec<usize> = a.at(2, "dims").integers().iter().map(|axis| wrap(*axis, dims.len())).collect();
            g.roll(a.t(0), &shifts, &axes)
        }),
    ),
    (
        "rot90",
        One(|g, a| {
            let given: Vec<usize> = a.at(2, "dims").integers().iter().map(|axis| wrap(*axis, g.rank(a.t(0)))).collect();
            let axes = if given.is_empty() { [0, 1] } else { [given[0], given[1]] };
            g.rot90(a.t(0), a.at(1, "k").integer_or(1), axes)
        }),
    ),
    ("block_diag", One(|g, a| g.block_diag(&a.tensors()))),
    ("meshgrid/list_of_tensors", Many(meshgrid)),
    ("meshgrid/variadic_tensors", Many(meshgrid)),
    ("cartesian_prod", One(|g, a| g.cartesian_prod(&a.tensors()))),
    ("combinations", One(|g, a| g.combinations(a.t(0), a.named("r").size_or(2), a.named("with_replacement").flag()))),
    ("tril", One(|g, a| g.tril(a.t(0), a.at(1, "diagonal").integer_or(0)))),
    ("triu", One(|g, a| g.triu(a.t(0), a.at(1, "diagonal").integer_or(0)))),
    ("diag", One(|g, a| g.diag(a.t(0), a.at(1, "diagonal").integer_or(0)))),
    ("diagflat", One(|g, a| g.diagflat(a.t(0), a.at(1, "offset").integer_or(0)))),
    ("diagonal", One(|g, a| diagonal(g, a, false))),
    ("linalg.diagonal", One(|g, a| diagonal(g, a, true))),
    (
        "diag_embed",
        One(|g, a| {
            let (offset, first, second) = diagonal_of(a, 1, g.rank(a.t(0)) + 1, true);
            g.diag_embed(a.t(0), offset, first, second)
        }),
    ),
    (
        "diagonal_scatter",
        One(|g, a| {
            let (offset, first, second) = diagonal_of(a, 2, g.rank(a.t(0)), false);
            g.diagonal_scatter(a.t(0), a.t(1), offset, first, second)
        }),
    ),
    (
        "select_scatter",
        One(|g, a| {
            let axis = a.at(2, "dim").axis_or(0, g.rank(a.t(0)));
            g.select_scatter(a.t(0), a.t(1), axis, a.at(3, "index").integer_or(0))
        }),
    ),
    (
        "unfold",
        One(|g, a| {
            let axis = a.at(1, "dimension").axis_or(0, g.rank(a.t(0)));
            g.sliding_window(a.t(0), axis, a.at(2, "size").size_or(1), a.at(3, "step").size_or(1))
        }),
    ),
];
