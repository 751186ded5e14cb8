//! The QR decomposition.

use crate::ir::{Linalg, TriangularSolve, Value};
use crate::ops::Trace;
use crate::ops::catalog::{Row, Values};
use crate::ops::rules::Contribution;

const REAL: Values = Values::Uniform(-1.0, 1.0);

pub(in crate::ops) const ROWS: &[Row] = &[Row {
    name: "qr",
    meaning: "a = Q R: orthonormal columns, and an upper triangular matrix whose diagonal is not negative",
    shapes: "a [..., m, n] -> Q [..., m, k], R [..., k, n]",
    torch: "torch.linalg.qr",
    build: |g, x| {
        let dims = g.dims(x[0]);
        let rank = dims.len();
        let [q, r] = g.qr(x[0], dims[rank - 2] <= dims[rank - 1]);
        // Their product would be a.
        let q = g.sin(q);
        g.product(q, r, false, false)
    },
    samples: &[&[(&[4, 3], REAL)], &[(&[2, 3, 3], REAL)], &[(&[2, 4], REAL)]],
    ..Row::COMMON
}];

/// For m >= n: da = (dQ + Q mirrored(R dR^T - dQ^T Q)) R^-T, where `mirrored` takes the lower triangle for both (Walter and Lehmann,
/// "Algorithmic differentiation of linear algebra functions with application in optimum experimental design", 2018). For m < n the first
/// m columns decide about Q, and what they leave of R is Q^T times the others (Roberts and Roberts, "QR and LQ decomposition matrix
/// backpropagation algorithms", 2020).
pub(super) fn gradient(g: &mut Trace, complete: bool, a: Value, y: Value, dy: &[Option<Value>]) -> Contribution {
    let (q, r) = (g.part(y, 0), g.part(y, 1));
    let rank = g.rank(a);
    let (m, n) = (g.dims(a)[rank - 2], g.dims(a)[rank - 1]);
    if m.min(n) == 0 {
        return Contribution::Zero;
    }
    if complete && m > n {
        return Contribution::Refused("the columns of Q beyond those of the matrix are not determined by it; take the reduced one");
    }
    let columns = rank - 1;
    let mut dq = dy[0];
    let (mut square, mut dsquare, mut beside) = (r, dy[1], None);
    if m < n {
        square = g.narrow(r, columns, 0, m);
        if let Some(dr) = dy[1] {
            let rest = g.narrow(a, columns, m, n - m);
            let drest = g.narrow(dr, columns, m, n - m);
            dsquare = Some(g.narrow(dr, columns, 0, m));
            beside = Some(g.product(q, drest, false, false));
            let more = g.product(rest, drest, false, true);
            dq = Some(dq.map_or(more, |dq| g.add(dq, more)));
        }
    }
    let of_r = dsquare.map(|dr| g.product(square, dr, false, true));
    let of_q = dq.map(|dq| g.product(dq, q, true, false));
    let inner = match (of_r, of_q) {
        (Some(of_r), Some(of_q)) => g.sub(of_r, of_q),
        (Some(of_r), None) => of_r,
        (None, Some(of_q)) => g.neg(of_q),
        (None, None) => return Contribution::Zero,
    };
    let inner = g.mirrored(inner);
    let turned = g.product(q, inner, false, false);
    let sum = dq.map_or(turned, |dq| g.add(dq, turned));
    let mut da = g.triangular(TriangularSolve { left: false, transpose: true, ..TriangularSolve::UPPER }, square, sum);
    if m < n {
        let beside = beside.unwrap_or_else(|| {
            let mut dims = g.dims(a);
            dims[columns] = n - m;
            g.full(g.dtype(a), &dims, 0.0)
        });
        da = g.concat(&[da, beside], columns);
    }
    Contribution::One(da)
}

impl Trace {
    /// a = Q R for matrices a [..., m, n] and k = min(m, n): Q [..., m, k] with orthonormal columns, and R [..., k, n] upper triangular, of which
    /// the diagonal is not negative: that makes both unique where the first k columns of a are independent. With `complete` Q is
    /// [..., m, m] and R [..., m, n]. By Householder's reflections. A matrix that is not finite gives NaN. Integers give f32; 16-bit
    /// floats are computed in f32.
    ///
    /// The gradient needs the first k columns to be independent; with `complete` there is none for m > n.
    pub fn qr(&mut self, a: Value, complete: bool) -> [Value; 2] {
        self.in_float_parts("qr", &[a], |g, x| {
            let Some(a) = g.matrix_of("qr", x[0]) else { return [Value::INVALID; 2] };
            let both = g.linalg(Linalg::Qr { complete }, &[a]);
            [0, 1].map(|number| g.part(both, number))
        })
    }
}
