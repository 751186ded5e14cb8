//! Matrix products and linear algebra.

use super::{Binary, Entry, One};
use crate::call::{Argument, Call, wrap};
use tenon::ir::Value;
use tenon::ops::{AttentionOptions, Trace};

/// beta and alpha.
fn factors(a: &Call) -> (f64, f64) {
    (a.named("beta").number_or(1.0), a.named("alpha").number_or(1.0))
}

type Plus = fn(&mut Trace, Value, Value, Value, f64, f64) -> Value;

fn plus(g: &mut Trace, a: &Call, record: Plus) -> Value {
    let (beta, alpha) = factors(a);
    record(g, a.t(0), a.t(1), a.t(2), beta, alpha)
}

fn cross(g: &mut Trace, a: &Call) -> Value {
    let rank = g.rank(a.t(0)).max(g.rank(a.t(1)));
    g.cross(a.t(0), a.t(1), a.named("dim").axis_or(-1, rank))
}

/// The axes to sum over: so many at the end of the first and at the beginning of the second, or both lists.
fn tensordot(g: &mut Trace, a: &Call) -> Value {
    let ranks = [g.rank(a.t(0)), g.rank(a.t(1))];
    let dims = a.named("dims");
    let lists: Vec<Argument> = dims.list();
    let axes = |side: usize| lists[side].integers().into_iter().map(|axis| wrap(axis, ranks[side])).collect::<Vec<usize>>();
    let (first, second) = match lists.is_empty() {
        true => ((ranks[0] - dims.size_or(2)..ranks[0]).collect(), (0..dims.size_or(2)).collect()),
        false => (axes(0), axes(1)),
    };
    g.tensordot(a.t(0), a.t(1), &first, &second)
}

pub const ENTRIES: &[Entry] = &[
    ("matmul", Binary(Trace::matmul)),
    ("__rmatmul__", Binary(|g, a, b| g.matmul(b, a))),
    ("mm", Binary(Trace::matmul)),
    ("bmm", Binary(Trace::bmm)),
    ("mv", Binary(Trace::mv)),
    ("dot", Binary(Trace::dot)),
    ("vdot", Binary(Trace::vdot)),
    (
        "linalg.vecdot",
        One(|g, a| {
            let rank = g.rank(a.t(0)).max(g.rank(a.t(1)));
            g.vecdot(a.t(0), a.t(1), a.named("dim").axis_or(-1, rank))
        }),
    ),
    ("inner", Binary(Trace::inner)),
    ("outer", Binary(Trace::outer)),
    ("addmm", One(|g, a| plus(g, a, Trace::addmm))),
    ("addmv", One(|g, a| plus(g, a, Trace::addmv))),
    ("addr", One(|g, a| plus(g, a, Trace::addr))),
    ("addbmm", One(|g, a| plus(g, a, Trace::addbmm))),
    ("baddbmm", One(|g, a| plus(g, a, Trace::baddbmm))),
    ("tensordot", One(tensordot)),
    ("einsum", One(|g, a| g.einsum(a.at(1, "").text(), &a.tensors()))),
    ("linalg.multi_dot", One(|g, a| g.multi_dot(&a.tensors()))),
    ("cross", One(cross)),
    ("linalg.cross", One(cross)),
    (
        "renorm",
        One(|g, a| {
            let axis = a.at(2, "dim").axis_or(0, g.rank(a.t(0)));
            g.renorm(a.t(0), a.at(1, "p").number_or(2.0), axis, a.at(3, "maxnorm").number_or(1.0))
        }),
    ),
    ("nn.functional.pdist", One(|g, a| g.pdist(a.t(0), a.named("p").number_or(2.0)))),
    ("isin", Binary(Trace::isin)),
    ("trace", One(|g, a| g.trace(a.t(0), 0, 0, 1))),
    (
        "nn.functional.scaled_dot_product_attention",
        One(|g, a| {
            let (causal, enable_gqa) = (a.named("is_causal").flag(), a.named("enable_gqa").flag());
            g.scaled_dot_product_attention(a.t(0), a.t(1), a.t(2), AttentionOptions { causal, enable_gqa, ..AttentionOptions::default() })
        }),
    ),
    ("nn.functional.linear", One(|g, a| g.linear(a.t(0), a.t(1), a.at(2, "bias").tensor()))),
    ("nn.functional.bilinear", One(|g, a| g.bilinear(a.t(0), a.t(1), a.t(2), a.at(3, "bias").tensor()))),
];
