//! Matrix products and linear algebra.

use super::{Binary, Entry, One};
use crate::call::Call;
use tenon::ir::Value;
use tenon::ops::Trace;

/// beta times the first operand plus alpha times `product`.
fn plus(g: &mut Trace, a: &Call, product: Value) -> Value {
    let (beta, alpha) = (a.named("beta").number_or(1.0), a.named("alpha").number_or(1.0));
    let product = g.mul_scalar(product, alpha);
    if beta == 0.0 {
        // There, 0 times NaN is nothing.
        let dims = g.dims(a.t(0));
        return g.broadcast_to(product, &dims);
    }
    let x = g.mul_scalar(a.t(0), beta);
    g.add(x, product)
}

fn plus_matmul(g: &mut Trace, a: &Call) -> Value {
    let product = g.matmul(a.t(1), a.t(2));
    plus(g, a, product)
}

pub fn outer(g: &mut Trace, a: Value, b: Value) -> Value {
    let (column, row) = (g.unsqueeze(a, 1), g.unsqueeze(b, 0));
    g.mul(column, row)
}

pub const ENTRIES: &[Entry] = &[
    ("matmul", Binary(Trace::matmul)),
    ("__rmatmul__", Binary(|g, a, b| g.matmul(b, a))),
    ("mm", Binary(Trace::matmul)),
    ("bmm", Binary(Trace::matmul)),
    ("mv", Binary(Trace::matmul)),
    ("dot", Binary(Trace::matmul)),
    ("vdot", Binary(Trace::matmul)),
    ("addmm", One(plus_matmul)),
    ("addmv", One(plus_matmul)),
    ("baddbmm", One(plus_matmul)),
    (
        "addbmm",
        One(|g, a| {
            let products = g.matmul(a.t(1), a.t(2));
            let sum = g.sum(products, &[0], false);
            plus(g, a, sum)
        }),
    ),
    (
        "addr",
        One(|g, a| {
            let product = outer(g, a.t(1), a.t(2));
            plus(g, a, product)
        }),
    ),
    ("outer", Binary(outer)),
    ("nn.functional.linear", One(|g, a| g.linear(a.t(0), a.t(1), a.at(2, "bias").tensor()))),
];
