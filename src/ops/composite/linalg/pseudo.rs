//! What singular values say of matrices: norms, condition, rank, pseudoinverse.

use crate::error::{Error, Result};
use crate::ir::Value;
use crate::ops::catalog::{Differentiable, Values};
use crate::ops::composite::support::{YES, rows};
use crate::ops::{CustomGradient, Trace};
use crate::tensor::DType;
use std::sync::Arc;

const REAL: Values = Values::Uniform(-1.0, 1.0);

rows! {
    "pinv", "the pseudoinverse", "a [..., m, n] -> [..., n, m]", "torch.linalg.pinv", "", Float, YES =>
        |g, x| g.pinv(x[0], None, 0.0), [&[(&[3, 2], REAL)], &[(&[2, 2, 3], REAL)], &[(&[2, 2], REAL)]];
    "matrix_rank", "how many singular values are not small beside the largest", "a [..., m, n] -> [...]", "torch.linalg.matrix_rank", "-",
        Float, Differentiable::Zero("ranks are integers") =>
        |g, x| g.matrix_rank(x[0], None, 0.0), [&[(&[2, 3, 3], REAL)]];
    "matrix_norm", "a norm of matrices", "x [...] -> [...] without two axes", "torch.linalg.matrix_norm", "mint.linalg.matrix_norm", Float, YES =>
        |g, x| {
            let norms = MatrixNorm::ALL.map(|norm| g.matrix_norm(x[0], norm, [0, 1], false));
            g.stack(&norms, 0)
        },
        [&[(&[3, 3], REAL)], &[(&[2, 3, 2], REAL)]];
    "cond", "how much larger an error may be in a solution than in the system", "a [..., m, n] -> [...]", "torch.linalg.cond", "", Float, YES =>
        |g, x| {
            let all = [MatrixNorm::Two, MatrixNorm::MinusTwo, MatrixNorm::Frobenius, MatrixNorm::One].map(|norm| g.cond(x[0], norm));
            g.stack(&all, 0)
        },
        [&[(&[3, 3], REAL)], &[(&[2, 2, 2], REAL)]];
}

/// A norm of a matrix, or what takes its place among the smallest.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MatrixNorm {
    /// The root of the sum of squares.
    Frobenius,
    /// The sum of the singular values.
    Nuclear,
    /// The largest sum of sizes of a row.
    Infinity,
    /// The smallest one.
    MinusInfinity,
    /// The largest sum of sizes of a column.
    One,
    /// The smallest one.
    MinusOne,
    /// The largest singular value.
    Two,
    /// The smallest one.
    MinusTwo,
}

impl MatrixNorm {
    pub const ALL: [MatrixNorm; 8] = [
        MatrixNorm::Frobenius,
        MatrixNorm::Nuclear,
        MatrixNorm::Infinity,
        MatrixNorm::MinusInfinity,
        MatrixNorm::One,
        MatrixNorm::MinusOne,
        MatrixNorm::Two,
        MatrixNorm::MinusTwo,
    ];
}

/// The gradient of the pseudoinverse where the rank does not change. Golub and Pereyra, "The differentiation of pseudo-inverses and nonlinear least
/// squares problems whose variables separate", 1973.
struct PinvGradient;

impl CustomGradient for PinvGradient {
    /// From dp = -p da p + p p^T da^T (1 - a p) + (1 - p a) da^T p^T p:
    /// da = -p^T y p^T + (1 - a p) y^T p p^T + p^T p y^T (1 - p a), for y handed to p.
    fn record(&self, g: &mut Trace, inputs: &[Value], outputs: &[Value], dy: &[Value]) -> Result<Vec<Option<Value>>> {
        let (a, p, y) = (inputs[0], outputs[0], dy[0]);
        let left = g.product(p, y, true, false);
        let first = g.product(left, p, false, true);
        // y^T p p^T, and what a p takes of it.
        let of_p = g.product(p, p, false, true);
        let second = g.product(y, of_p, true, false);
        let inside = g.product(p, second, false, false);
        let inside = g.product(a, inside, false, false);
        let second = g.sub(second, inside);
        let of_p = g.product(p, p, true, false);
        let third = g.product(of_p, y, false, true);
        let inside = g.product(third, p, false, false);
        let inside = g.product(inside, a, false, false);
        let third = g.sub(third, inside);
        let sum = g.add(second, third);
        Ok(vec![Some(g.sub(sum, first))])
    }
}

impl Trace {
    /// The singular values of a, and for each matrix the size below which they count as 0: the larger of `atol` and `rtol` times the
    /// largest, where `rtol` is the dtype's epsilon times the larger of rows and columns if neither is given.
    fn cut(&mut self, name: &str, a: Value, s: Value, rtol: Option<f64>, atol: f64) -> Option<Value> {
        let wrong = |x: f64| x.is_nan() || x < 0.0;
        if wrong(atol) || rtol.is_some_and(wrong) {
            self.fail(Error::invalid(format!("{name}: a tolerance is negative or NaN")));
            return None;
        }
        let dims = self.dims(a);
        let largest = dims[dims.len() - 2].max(dims[dims.len() - 1]) as f64;
        let epsilon = if self.dtype(a) == DType::F64 { f64::EPSILON } else { f32::EPSILON as f64 };
        let rtol = rtol.unwrap_or(if atol > 0.0 { 0.0 } else { epsilon * largest });
        let last = self.rank(s) - 1;
        let (dtype, mut all) = (self.dtype(s), self.dims(s));
        all[last] = 1;
        let low = self.full(dtype, &all, atol);
        if self.dims(s)[last] == 0 {
            return Some(low);
        }
        let top = self.narrow(s, last, 0, 1);
        let share = self.mul_scalar(top, rtol);
        Some(self.maximum(share, low))
    }
    /// The pseudoinverse [..., n, m] of matrices a [..., m, n] (Moore and Penrose): the inverse on what a does not make 0, and 0 elsewhere.
    /// Singular values count as 0 up to the larger of `atol` and `rtol` times the largest one. Without `rtol` that is the epsilon of the
    /// dtype times the larger of m and n, or 0 where `atol` is positive.
    ///
    /// The gradient is that of a change which leaves the rank as it is; equal singular values do no harm.
    pub fn pinv(&mut self, a: Value, rtol: Option<f64>, atol: f64) -> Value {
        const NAME: &str = "pinv";
        self.in_float(NAME, &[a], |g, x| {
            let Some(a) = g.matrix_of(NAME, x[0]) else { return Value::INVALID };
            let results = g.custom_gradient(NAME, &[a], Arc::new(PinvGradient), |g, x| {
                let [u, s, vt] = g.svd(x[0]);
                let Some(cut) = g.cut(NAME, x[0], s, rtol, atol) else { return Ok(vec![Value::INVALID]) };
                let zero = g.scalar(g.dtype(s), 0.0);
                let inverse = g.reciprocal(s);
                // NaN is not missing.
                let missing = g.less_equal(s, cut);
                let inverse = g.select(missing, zero, inverse);
                let column = g.unsqueeze(inverse, g.rank(s));
                let scaled = g.mul(vt, column);
                Ok(vec![g.product(scaled, u, true, true)])
            });
            match results {
                Ok(results) => results[0],
                Err(error) => g.fail(error),
            }
        })
    }
    /// How many singular values (i64 [...]) of matrices a [..., m, n] are larger than those that [`Trace::pinv`] takes for 0.
    pub fn matrix_rank(&mut self, a: Value, rtol: Option<f64>, atol: f64) -> Value {
        const NAME: &str = "matrix_rank";
        self.in_float_parts(NAME, &[a], |g, x| {
            let Some(a) = g.matrix_of(NAME, x[0]) else { return [Value::INVALID] };
            let s = g.svdvals(a);
            let Some(cut) = g.cut(NAME, a, s, rtol, atol) else { return [Value::INVALID] };
            let counts = g.greater(s, cut);
            let last = g.rank(s) - 1;
            [g.count_nonzero(counts, &[last], false)]
        })[0]
    }
    /// A norm of the matrices whose rows are along the first of two axes, and columns along the second. Those that take a largest or
    /// smallest one are refused where there is none.
    pub fn matrix_norm(&mut self, x: Value, norm: MatrixNorm, axes: [usize; 2], keep_dims: bool) -> Value {
        const NAME: &str = "matrix_norm";
        if !self.finds_axes(NAME, x, &axes) {
            return Value::INVALID;
        }
        self.in_float(NAME, &[x], |g, x| {
            let x = x[0];
            if norm == MatrixNorm::Frobenius {
                return g.norm(x, 2.0, &axes, keep_dims);
            }
            let rank = g.rank(x);
            let a = g.move_axes(x, &axes, &[rank - 2, rank - 1]);
            let y = match norm {
                MatrixNorm::Frobenius | MatrixNorm::Nuclear | MatrixNorm::Two | MatrixNorm::MinusTwo => {
                    let s = g.svdvals(a);
                    match norm {
                        MatrixNorm::Two => g.max(s, &[rank - 2], false),
                        MatrixNorm::MinusTwo => g.min(s, &[rank - 2], false),
                        _ => g.sum(s, &[rank - 2], false),
                    }
                }
                MatrixNorm::Infinity | MatrixNorm::MinusInfinity | MatrixNorm::One | MatrixNorm::MinusOne => {
                    let size = g.abs(a);
                    let along = matches!(norm, MatrixNorm::Infinity | MatrixNorm::MinusInfinity) as usize;
                    let sums = g.sum(size, &[rank - 2 + along], false);
                    match norm {
                        MatrixNorm::Infinity | MatrixNorm::One => g.max(sums, &[rank - 2], false),
                        _ => g.min(sums, &[rank - 2], false),
                    }
                }
            };
            if !keep_dims || !y.is_valid() {
                return y;
            }
            let mut dims = g.dims(x);
            axes.iter().for_each(|axis| dims[*axis] = 1);
            g.reshape(y, &dims)
        })
    }
    /// The condition of matrices a [..., m, n] with respect to a norm: its largest singular value over the smallest for `Two`, the smallest over
    /// the largest for `MinusTwo`, and for others, of square matrices, the norm of a times that of its inverse. Infinite, or NaN, for a
    /// singular matrix.
    pub fn cond(&mut self, a: Value, norm: MatrixNorm) -> Value {
        const NAME: &str = "cond";
        let by_values = matches!(norm, MatrixNorm::Two | MatrixNorm::MinusTwo);
        if !by_values && !self.is_square(NAME, a) {
            return Value::INVALID;
        }
        self.in_float(NAME, &[a], |g, x| {
            let Some(a) = g.matrix_of(NAME, x[0]) else { return Value::INVALID };
            let last = g.rank(a) - 2;
            if by_values {
                let s = g.svdvals(a);
                let (largest, smallest) = (g.max(s, &[last], false), g.min(s, &[last], false));
                return if norm == MatrixNorm::Two { g.div(largest, smallest) } else { g.div(smallest, largest) };
            }
            let inverse = g.inverse(a);
            let axes = [last, last + 1];
            let (own, of_inverse) = (g.matrix_norm(a, norm, axes, false), g.matrix_norm(inverse, norm, axes, false));
            g.mul(own, of_inverse)
        })
    }
}
