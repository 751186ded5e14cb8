//! Determinants, by the LU decomposition; and its factors as matrices of their own.

use crate::ir::Value;
use crate::ops::Trace;
use crate::ops::catalog::Values;
use crate::ops::composite::support::{YES, rows};

const REAL: Values = Values::Uniform(-1.0, 1.0);

rows! {
    "lu", "a = P L U: permutation, unit lower triangular, upper triangular", "a [..., m, n] -> L [..., m, k], P [..., m, m], U [..., k, n]",
        "torch.linalg.lu", "mindspore.scipy.linalg.lu", Float, YES =>
        |g, x| {
            let [p, l, u] = g.lu(x[0]);
            let l = g.product(p, l, false, false);
            let l = g.sin(l);
            g.product(l, u, false, false)
        },
        [&[(&[3, 3], REAL)], &[(&[2, 3, 2], REAL)], &[(&[2, 3], REAL)]];
    "det", "the determinant", "a [..., n, n] -> [...]", "torch.linalg.det", "", Float, YES =>
        |g, x| g.det(x[0]), [&[(&[3, 3], REAL)], &[(&[2, 2, 2], REAL)]];
    "slogdet", "the sign of the determinant and the logarithm of its size", "a [..., n, n] -> [...], sign [...]", "torch.linalg.slogdet", "",
        Float, YES =>
        |g, x| {
            let [sign, logarithm] = g.slogdet(x[0]);
            g.mul(sign, logarithm)
        },
        [&[(&[3, 3], REAL)], &[(&[2, 2, 2], REAL)]];
    "logdet", "the logarithm of the determinant", "a [..., n, n] -> [...]", "", "", Float, YES =>
        |g, x| {
            let a = g.product(x[0], x[0], false, true);
            g.logdet(a)
        },
        [&[(&[3, 4], REAL)], &[(&[2, 2, 2], REAL)]];
}

impl Trace {
    /// a = P L U for a [..., m, n] and k = min(m, n): a permutation matrix [..., m, m], a lower triangular matrix with ones on its diagonal
    /// [..., m, k], an upper triangular matrix [..., k, n]; see [`Trace::lu_factor`].
    pub fn lu(&mut self, a: Value) -> [Value; 3] {
        self.in_float_parts("lu", &[a], |g, x| {
            let [lu, permutation, _] = g.lu_factor(x[0]);
            if !lu.is_valid() {
                return [Value::INVALID; 3];
            }
            let (dims, dtype) = (g.dims(lu), g.dtype(lu));
            let (rows, columns) = (dims.len() - 2, dims.len() - 1);
            let (m, k) = (dims[rows], dims[rows].min(dims[columns]));
            let left = g.narrow(lu, columns, 0, k);
            let strict = g.tril(left, -1);
            let unit = g.identity_matrices(dtype, &dims[..rows], m);
            let unit = g.narrow(unit, columns, 0, k);
            let lower = g.add(strict, unit);
            let top = g.narrow(lu, rows, 0, k);
            let upper = g.triu(top, 0);
            let exchange = g.one_hot(permutation, m, dtype);
            [g.matrix_transposed(exchange), lower, upper]
        })
    }
    /// Sign and pivots of the LU decomposition.
    fn pivots(&mut self, a: Value) -> (Value, Value) {
        let [lu, _, sign] = self.lu_factor(a);
        let rank = self.rank(lu);
        (sign, self.diagonal(lu, 0, rank - 2, rank - 1))
    }
    /// The determinant of square matrices a [..., n, n]. The gradient of a singular matrix is NaN or infinite.
    pub fn det(&mut self, a: Value) -> Value {
        const NAME: &str = "det";
        if !self.is_square(NAME, a) {
            return Value::INVALID;
        }
        self.in_float(NAME, &[a], |g, x| {
            let (sign, pivots) = g.pivots(x[0]);
            let last = g.rank(pivots).saturating_sub(1);
            let product = g.prod(pivots, &[last], false);
            g.mul(product, sign)
        })
    }
    /// The sign of the determinant of square matrices a [..., n, n], -1, 0, or 1, and the logarithm of its absolute value, -inf for a
    /// singular matrix. A determinant itself is soon too large or too small for its dtype; this is not.
    pub fn slogdet(&mut self, a: Value) -> [Value; 2] {
        const NAME: &str = "slogdet";
        if !self.is_square(NAME, a) {
            return [Value::INVALID; 2];
        }
        self.in_float_parts(NAME, &[a], |g, x| {
            let (exchanges, pivots) = g.pivots(x[0]);
            let last = g.rank(pivots).saturating_sub(1);
            let signs = g.sign(pivots);
            let product = g.prod(signs, &[last], false);
            let sizes = g.abs(pivots);
            let logarithms = g.log(sizes);
            [g.mul(product, exchanges), g.sum(logarithms, &[last], false)]
        })
    }
    /// The logarithm of the determinant of square matrices a [..., n, n]: NaN where it is negative, -inf where it is 0.
    pub fn logdet(&mut self, a: Value) -> Value {
        const NAME: &str = "logdet";
        if !self.is_square(NAME, a) {
            return Value::INVALID;
        }
        self.in_float(NAME, &[a], |g, x| {
            let [sign, logarithm] = g.slogdet(x[0]);
            let dtype = g.dtype(sign);
            let (nothing, undefined) = (g.scalar(dtype, 0.0), g.scalar(dtype, f64::NAN));
            let is_negative = g.less(sign, nothing);
            g.select(is_negative, undefined, logarithm)
        })
    }
}
