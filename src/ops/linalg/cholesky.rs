//! The Cholesky decomposition.

use crate::ir::{Linalg, TriangularSolve, Value};
use crate::ops::Trace;
use crate::ops::catalog::{Row, Values};
use crate::ops::rules::Contribution;

const REAL: Values = Values::Uniform(-1.0, 1.0);

pub(in crate::ops) const ROWS: &[Row] = &[Row {
    name: "cholesky",
    meaning: "the lower triangular L with a = L L^T, or the upper triangular L^T; NaN where a is not positive definite",
    shapes: "a [..., n, n] -> [..., n, n]",
    torch: "torch.linalg.cholesky",
    build: |g, x| {
        // As many columns as rows and one more: positive definite.
        let a = g.product(x[0], x[0], false, true);
        let rank = g.rank(a);
        g.cholesky(a, rank > 2)
    },
    samples: &[&[(&[3, 4], REAL)], &[(&[2, 2, 3], REAL)]],
    ..Row::COMMON
}];

/// da = L^-T mirrored(L^T dL) L^-1 / 2, where `mirrored` takes the lower triangle for both. Murray, "Differentiation of the Cholesky
/// decomposition", 2016, equation 10.
pub(super) fn gradient(g: &mut Trace, l: Value, dl: Value) -> Contribution {
    let inner = g.product(l, dl, true, false);
    let inner = g.mirrored(inner);
    let half = g.mul_scalar(inner, 0.5);
    let left = g.triangular(TriangularSolve { left: true, transpose: true, ..TriangularSolve::LOWER }, l, half);
    let da = g.triangular(TriangularSolve { left: false, ..TriangularSolve::LOWER }, l, left);
    Contribution::One(da)
}

impl Trace {
    /// The lower triangular L with a = L L^T, or with `upper` the upper triangular L^T, of symmetric positive definite matrices a [..., n, n],
    /// of which the lower triangle is read, with `upper` the upper one. A matrix that is not positive definite, or not finite, gives NaN
    /// all over, and the others of a batch what they give alone. Integers give f32; 16-bit floats are computed in f32.
    ///
    /// The gradient is symmetric.
    pub fn cholesky(&mut self, a: Value, upper: bool) -> Value {
        const NAME: &str = "cholesky";
        if !self.is_square(NAME, a) {
            return Value::INVALID;
        }
        self.in_float(NAME, &[a], |g, x| {
            let a = if upper { g.matrix_transposed(x[0]) } else { x[0] };
            let l = g.linalg(Linalg::Cholesky, &[a]);
            if upper { g.matrix_transposed(l) } else { l }
        })
    }
}
