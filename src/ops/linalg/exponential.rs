//! The exponential of matrices.

use crate::ir::{Linalg, Value};
use crate::ops::Trace;
use crate::ops::catalog::{Row, Values};
use crate::ops::rules::Contribution;

pub(in crate::ops) const ROWS: &[Row] = &[Row {
    name: "matrix_exp",
    meaning: "the sum of a^n / n! over all n, with matrix products",
    shapes: "a [..., n, n] -> [..., n, n]",
    torch: "torch.linalg.matrix_exp",
    build: |g, x| g.matrix_exp(x[0]),
    samples: &[&[(&[3, 3], Values::Uniform(-1.0, 1.0))], &[(&[2, 2, 2], Values::Uniform(-6.0, 6.0))]],
    ..Row::COMMON
}];

/// The derivative at a^T in the direction of dy, which is the upper right block of the exponential of [[a^T, dy], [0, a^T]] (Mathias, "A chain
/// rule for matrix functions and applications", 1996).
pub(super) fn gradient(g: &mut Trace, a: Value, dy: Value) -> Contribution {
    let rank = g.rank(a);
    let (rows, columns) = (rank - 2, rank - 1);
    let n = g.dims(a)[columns];
    if n == 0 {
        return Contribution::Zero;
    }
    let transposed = g.matrix_transposed(a);
    let zeros = g.zeros_like(a);
    let (top, bottom) = (g.concat(&[transposed, dy], columns), g.concat(&[zeros, transposed], columns));
    let block = g.concat(&[top, bottom], rows);
    let exponential = g.linalg(Linalg::MatrixExp, &[block]);
    let top = g.narrow(exponential, rows, 0, n);
    Contribution::One(g.narrow(top, columns, n, n))
}

impl Trace {
    /// e^a for square matrices a [..., n, n]: the sum of a^n / n! over all n. A matrix that is not finite gives NaN; what is beyond the dtype
    /// infinity or NaN. Integers give f32; f32 is computed in f64, 16-bit floats in f32. The gradient is the exponential of a matrix
    /// with twice the rows.
    pub fn matrix_exp(&mut self, a: Value) -> Value {
        const NAME: &str = "matrix_exp";
        if !self.is_square(NAME, a) {
            return Value::INVALID;
        }
        self.in_float(NAME, &[a], |g, x| g.linalg(Linalg::MatrixExp, &[x[0]]))
    }
}
