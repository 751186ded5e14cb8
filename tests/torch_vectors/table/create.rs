//! New values.

use super::{Entry, One};
use crate::call::Call;
use tenon::DType;
use tenon::ir::Value;
use tenon::ops::Trace;

/// The dtype of the result: f64 stands for the dtype that is compared.
fn dtype(a: &Call) -> DType {
    match a.sample.y[0].dtype() {
        DType::F64 => a.dtype,
        made => made,
    }
}

fn arange(g: &mut Trace, a: &Call) -> Value {
    // A single number is the end.
    let end = a.named("end").number().or(a.at(1, "").number());
    let (start, end) = match end {
        Some(end) => (a.at(0, "").number_or(0.0), end),
        None => (0.0, a.at(0, "").number_or(0.0)),
    };
    g.arange(dtype(a), start, end, a.at(2, "step").number_or(1.0))
}

fn indices(g: &mut Trace, a: &Call, record: fn(&mut Trace, usize, usize, i64) -> Value) -> Value {
    record(g, a.at(0, "").size_or(0), a.at(1, "").size_or(0), a.at(2, "offset").integer_or(0))
}

fn in_shape(g: &mut Trace, a: &Call, position: usize, value: f64) -> Value {
    g.full(dtype(a), &a.at(position, "size").sizes(), value)
}

pub const ENTRIES: &[Entry] = &[
    ("zeros", One(|g, a| g.zeros(dtype(a), &a.at(0, "").sizes()))),
    ("ones", One(|g, a| g.ones(dtype(a), &a.at(0, "").sizes()))),
    ("full", One(|g, a| in_shape(g, a, 0, a.at(1, "").number_or(0.0)))),
    ("new_zeros", One(|g, a| in_shape(g, a, 1, 0.0))),
    ("new_ones", One(|g, a| in_shape(g, a, 1, 1.0))),
    ("new_full", One(|g, a| in_shape(g, a, 1, a.at(2, "").number_or(0.0)))),
    ("zeros_like", One(|g, a| g.zeros_like(a.t(0)))),
    ("ones_like", One(|g, a| g.ones_like(a.t(0)))),
    ("full_like", One(|g, a| g.full_like(a.t(0), a.at(1, "").number_or(0.0)))),
    ("arange", One(arange)),
    ("linspace", One(|g, a| g.linspace(dtype(a), a.at(0, "").number_or(0.0), a.at(1, "").number_or(0.0), a.at(2, "").size_or(0)))),
    (
        "logspace",
        One(|g, a| {
            let (start, end) = (a.at(0, "").number_or(0.0), a.at(1, "").number_or(0.0));
            g.logspace(dtype(a), start, end, a.at(2, "").size_or(0), a.at(3, "base").number_or(10.0))
        }),
    ),
    (
        "eye",
        One(|g, a| {
            let rows = a.at(0, "").size_or(0);
            g.eye(dtype(a), rows, a.at(1, "").size_or(rows))
        }),
    ),
    ("tril_indices", One(|g, a| indices(g, a, Trace::tril_indices))),
    ("triu_indices", One(|g, a| indices(g, a, Trace::triu_indices))),
    (
        "linalg.vander",
        One(|g, a| {
            // A scalar is a vector of one element there.
            let x = g.atleast_1d(a.t(0));
            let dims = g.dims(x);
            g.vander(x, a.named("N").size_or(dims[dims.len() - 1]), true)
        }),
    ),
];
