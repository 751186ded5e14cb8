//! Reductions beyond the primitive ones: spread, norms, counts.

use crate::error::Error;
use crate::ir::Value;
use crate::ops::Trace;
use crate::ops::catalog::{Differentiable, Values};
use crate::ops::composite::support::{YES, rows};
use crate::tensor::DType;

const REAL: Values = Values::Uniform(-2.0, 2.0);

rows! {
    "var", "the mean square of centred values, over n - ddof", "x [...] -> [...] without axes", "", "", Float, YES =>
        |g, x| g.var(x[0], &[g.rank(x[0]) - 1], 1, false), [&[(&[3, 4], REAL)], &[(&[5], REAL)]];
    "std", "the root of var", "x [...] -> [...] without axes", "", "", Float, YES =>
        |g, x| g.std(x[0], &[0], 0, false), [&[(&[3, 2], REAL)], &[(&[5], REAL)]];
    "var_mean", "var and mean", "x [...] -> [...] without axes", "", "", Float, YES =>
        |g, x| {
            let [variance, mean] = g.var_mean(x[0], &[1], 1, true);
            g.mul(variance, mean)
        },
        [&[(&[3, 4], REAL)]];
    "std_mean", "std and mean", "x [...] -> [...] without axes", "", "", Float, YES =>
        |g, x| {
            let [deviation, mean] = g.std_mean(x[0], &[0], 0, false);
            g.mul(deviation, mean)
        },
        [&[(&[3, 4], REAL)]];
    "norm", "(sum |x|^p)^(1/p)", "x [...] -> [...] without axes", "torch.linalg.vector_norm", "", Float, YES =>
        |g, x| g.norm(x[0], 2.0, &[g.rank(x[0]) - 1], true), [&[(&[3, 4], REAL)], &[(&[5], REAL)]];
    "norm_p", "norm with other p", "x [...] -> [...] without axes", "torch.linalg.vector_norm", "norm", Float, YES =>
        |g, x| {
            let powers = [3.0, 1.0, 0.5, f64::INFINITY, f64::NEG_INFINITY, 0.0];
            let norms: Vec<Value> = powers.iter().map(|p| g.norm(x[0], *p, &[1], false)).collect();
            g.stack(&norms, 1)
        },
        [&[(&[2, 3], Values::Uniform(0.3, 2.0))], &[(&[2, 3], Values::Uniform(-2.0, -0.3))]];
    "nansum", "the sum of what is not NaN", "x [...] -> [...] without axes", "", "", Float, YES =>
        |g, x| g.nansum(x[0], &[1], false), [&[(&[3, 4], REAL)]];
    "nanmean", "the mean of what is not NaN", "x [...] -> [...] without axes", "", "-", Float, YES =>
        |g, x| g.nanmean(x[0], &[0], false), [&[(&[3, 4], REAL)]];
    "count_nonzero", "how many elements are not 0", "x [...] -> [...] without axes", "", "", Any, Differentiable::Zero("counts are integers") =>
        |g, x| g.count_nonzero(x[0], &[1], false), [&[(&[3, 4], REAL)]];
    "trapz", "the integral along an axis by the trapezoidal rule", "y [..., n], x [n] or like y -> [...]", "torch.trapezoid", "", Float, YES =>
        |g, x| match x.get(1) {
            Some(at) => g.trapz_at(x[0], *at, g.rank(x[0]) - 1),
            None => g.trapz(x[0], 0.5, 0),
        },
        [&[(&[3, 2], REAL)], &[(&[2, 4], REAL), (&[4], REAL)], &[(&[2, 3], REAL), (&[2, 3], REAL)]];
    "cov", "the covariance of rows", "x [n, m] or [m] -> [n, n] or []", "", "", Float, YES =>
        |g, x| g.cov(x[0], 1), [&[(&[2, 4], REAL)], &[(&[4], REAL)]];
    "corrcoef", "the correlation of rows", "x [n, m] or [m] -> [n, n] or []", "", "", Float, YES =>
        |g, x| g.corrcoef(x[0]), [&[(&[3, 4], REAL)]];
}

impl Trace {
    /// The sum of squares of x - mean over `axes`, divided by their count minus `ddof` (0: the biased variance; 1: PyTorch's default). NaN
    /// where nothing is left to divide by. Integers give f32.
    pub fn var(&mut self, x: Value, axes: &[usize], ddof: usize, keep_dims: bool) -> Value {
        self.spread("var", x, axes, ddof, keep_dims, |_, variance| variance)
    }
    /// The root of [`Trace::var`]; slope 0 where it is 0.
    pub fn std(&mut self, x: Value, axes: &[usize], ddof: usize, keep_dims: bool) -> Value {
        self.spread("std", x, axes, ddof, keep_dims, |g, variance| g.root(variance))
    }
    /// [`Trace::var`] and [`Trace::mean`].
    pub fn var_mean(&mut self, x: Value, axes: &[usize], ddof: usize, keep_dims: bool) -> [Value; 2] {
        [self.var(x, axes, ddof, keep_dims), self.mean(x, axes, keep_dims)]
    }
    /// [`Trace::std`] and [`Trace::mean`].
    pub fn std_mean(&mut self, x: Value, axes: &[usize], ddof: usize, keep_dims: bool) -> [Value; 2] {
        [self.std(x, axes, ddof, keep_dims), self.mean(x, axes, keep_dims)]
    }
    fn spread(
        &mut self,
        name: &str,
        x: Value,
        axes: &[usize],
        ddof: usize,
        keep_dims: bool,
        finish: impl FnOnce(&mut Trace, Value) -> Value,
    ) -> Value {
        if !self.finds_axes(name, x, axes) {
            return Value::INVALID;
        }
        let dims = self.dims(x);
        let count: usize = axes.iter().map(|axis| dims[*axis]).product();
        self.in_float(name, &[x], |g, x| {
            let mean = g.mean(x[0], axes, false);
            let mean = g.expand_like(mean, x[0], axes);
            let centred = g.sub(x[0], mean);
            let square = g.square(centred);
            let sum = g.sum(square, axes, keep_dims);
            let variance = g.mul_scalar(sum, 1.0 / count.saturating_sub(ddof) as f64);
            finish(g, variance)
        })
    }
    /// (sum |x|^p)^(1/p) over `axes`; p = inf: the largest |x|; p = -inf: the smallest; p = 0: how many are not 0. Slope 0 where the norm is 0;
    /// for p below 1 also where x is 0. Integers give f32.
    pub fn norm(&mut self, x: Value, p: f64, axes: &[usize], keep_dims: bool) -> Value {
        if p.is_nan() {
            return self.fail(Error::invalid("norm: p is NaN"));
        }
        if !self.finds_axes("norm", x, axes) {
            return Value::INVALID;
        }
        self.in_float("norm", &[x], |g, x| {
            let x = x[0];
            if p == 2.0 {
                let square = g.square(x);
                let sum = g.sum(square, axes, keep_dims);
                return g.root(sum);
            }
            if p == 0.0 {
                let counted = g.count_nonzero(x, axes, keep_dims);
                return g.cast(counted, g.dtype(x));
            }
            let size = g.abs(x);
            if p == 1.0 {
                return g.sum(size, axes, keep_dims);
            }
            if p.is_infinite() {
                return if p > 0.0 { g.max(size, axes, keep_dims) } else { g.min(size, axes, keep_dims) };
            }
            let power = |g: &mut Trace, x: Value, p: f64| {
                let p = g.scalar(g.dtype(x), p);
                g.pow(x, p)
            };
            let terms = if p > 0.0 && p < 1.0 { g.away_from_zero(size, |g, size| power(g, size, p)) } else { power(g, size, p) };
            let sum = g.sum(terms, axes, keep_dims);
            if p > 0.0 { g.away_from_zero(sum, |g, sum| power(g, sum, 1.0 / p)) } else { power(g, sum, 1.0 / p) }
        })
    }
    /// The sum over `axes` of the elements that are not NaN.
    pub fn nansum(&mut self, x: Value, axes: &[usize], keep_dims: bool) -> Value {
        if !self.finds_axes("nansum", x, axes) {
            return Value::INVALID;
        }
        if !self.dtype(x).is_float() {
            return self.sum(x, axes, keep_dims);
        }
        let zero = self.scalar(self.dtype(x), 0.0);
        let missing = self.is_nan(x);
        let kept = self.select(missing, zero, x);
        self.sum(kept, axes, keep_dims)
    }
    /// The mean over `axes` of the elements that are not NaN; NaN if all are.
    pub fn nanmean(&mut self, x: Value, axes: &[usize], keep_dims: bool) -> Value {
        if !self.finds_axes("nanmean", x, axes) {
            return Value::INVALID;
        }
        self.in_float("nanmean", &[x], |g, x| {
            let sum = g.nansum(x[0], axes, keep_dims);
            let missing = g.is_nan(x[0]);
            let present = g.logical_not(missing);
            let present = g.cast(present, g.dtype(x[0]));
            let count = g.sum(present, axes, keep_dims);
            g.div(sum, count)
        })
    }
    /// How many elements over `axes` are not 0 (i64); NaN is not 0.
    pub fn count_nonzero(&mut self, x: Value, axes: &[usize], keep_dims: bool) -> Value {
        if !self.finds_axes("count_nonzero", x, axes) {
            return Value::INVALID;
        }
        let there = self.cast(x, DType::Bool);
        self.sum(there, axes, keep_dims)
    }
    /// The integral of y along `axis` by the trapezoidal rule, with points `step` apart.
    pub fn trapz(&mut self, y: Value, step: f64, axis: usize) -> Value {
        if !self.finds_axes("trapz", y, &[axis]) {
            return Value::INVALID;
        }
        self.in_float("trapz", &[y], |g, y| {
            let Some((left, right)) = g.neighbours(y[0], axis) else { return g.nothing_along(y[0], axis) };
            let heights = g.add(left, right);
            let sum = g.sum(heights, &[axis], false);
            g.mul_scalar(sum, 0.5 * step)
        })
    }
    /// [`Trace::trapz`] with the points x: a vector, or in the shape of y.
    pub fn trapz_at(&mut self, y: Value, x: Value, axis: usize) -> Value {
        if !self.finds_axes("trapz", y, &[axis]) || !self.knows("trapz", &[x]) {
            return Value::INVALID;
        }
        let dims = self.dims(y);
        let x = if self.dims(x) == [dims[axis]] { self.broadcast_in(x, &dims, &[axis]) } else { x };
        if !self.same_shapes("trapz", y, x) {
            return Value::INVALID;
        }
        self.in_float("trapz", &[y, x], |g, known| {
            let (Some((left, right)), Some((from, to))) = (g.neighbours(known[0], axis), g.neighbours(known[1], axis)) else {
                return g.nothing_along(known[0], axis);
            };
            let (heights, widths) = (g.add(left, right), g.sub(to, from));
            let areas = g.mul(heights, widths);
            let sum = g.sum(areas, &[axis], false);
            g.mul_scalar(sum, 0.5)
        })
    }
    /// Zeros in the shape of x without an axis.
    fn nothing_along(&mut self, x: Value, axis: usize) -> Value {
        let mut dims = self.dims(x);
        dims.remove(axis);
        self.full(self.dtype(x), &dims, 0.0)
    }
    /// All elements along an axis but the last, and all but the first; `None` for fewer than two.
    fn neighbours(&mut self, x: Value, axis: usize) -> Option<(Value, Value)> {
        let size = self.dims(x)[axis];
        (size > 1).then(|| (self.narrow(x, axis, 0, size - 1), self.narrow(x, axis, 1, size - 1)))
    }
    /// The covariance of the rows of x [n, m], each of which holds m observations, over m - `ddof`: [n, n]. Of a vector: a scalar.
    pub fn cov(&mut self, x: Value, ddof: usize) -> Value {
        let Some((flat, rank)) = self.observations("cov", x) else { return Value::INVALID };
        let count = self.dims(flat)[1];
        self.in_float("cov", &[flat], |g, x| {
            let mean = g.mean(x[0], &[1], true);
            let centred = g.sub(x[0], mean);
            let products = g.product(centred, centred, false, true);
            let covariance = g.mul_scalar(products, 1.0 / count.saturating_sub(ddof) as f64);
            if rank < 2 { g.reshape(covariance, &[]) } else { covariance }
        })
    }
    /// The correlation of the rows of x [n, m]: [n, n], each between -1 and 1. Of a vector: a scalar.
    pub fn corrcoef(&mut self, x: Value) -> Value {
        let Some((flat, rank)) = self.observations("corrcoef", x) else { return Value::INVALID };
        self.in_float("corrcoef", &[flat], |g, x| {
            let covariance = g.cov(x[0], 1);
            let variance = g.var(x[0], &[1], 1, false);
            let inverse = g.rsqrt(variance);
            let n = g.dims(inverse)[0];
            let (rows, columns) = (g.reshape(inverse, &[n, 1]), g.reshape(inverse, &[1, n]));
            let scaled = g.mul(covariance, rows);
            let scaled = g.mul(scaled, columns);
            let held = g.clamp(scaled, -1.0, 1.0);
            if rank < 2 { g.reshape(held, &[]) } else { held }
        })
    }
    /// x [n, m] or [m] as a matrix of rows, and its rank.
    fn observations(&mut self, name: &str, x: Value) -> Option<(Value, usize)> {
        if !self.knows(name, &[x]) {
            return None;
        }
        let dims = self.dims(x);
        match dims[..] {
            [m] => Some((self.reshape(x, &[1, m]), 1)),
            [_, _] => Some((x, 2)),
            _ => {
                self.fail(Error::shape(format!("{name}: the operand is {dims:?}, not [variables, observations] or [observations]")));
                None
            }
        }
    }
}
