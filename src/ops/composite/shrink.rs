//! Activations that cut or pull values at thresholds. At a kink the slope is that of the side where it is less steep, as in PyTorch: a table
//! in `docs/kinks.md` lists them.

use crate::error::Error;
use crate::ir::Value;
use crate::ops::Trace;
use crate::ops::catalog::{Domain, Row, Values};

macro_rules! shrink {
    ($name:literal, $meaning:literal, [$torch:literal, $mindspore:literal], $build:expr, [$($low:literal .. $high:literal),*]) => {
        Row {
            name: $name,
            meaning: $meaning,
            domain: Domain::Float,
            torch: $torch,
            mindspore: $mindspore,
            build: $build,
            samples: &[$(&[(&[3, 5], Values::Uniform($low, $high))]),*],
            ..Row::COMMON
        }
    };
}

pub(in crate::ops) const ROWS: &[Row] = &[
    shrink!(
        "hard_shrink",
        "x where |x| > lambda, else 0",
        ["torch.nn.functional.hardshrink", "mindspore.ops.hardshrink"],
        |g, x| g.hard_shrink(x[0], 0.5),
        [-2.0..2.0]
    ),
    shrink!(
        "soft_shrink",
        "x pulled towards 0 by lambda, 0 within it",
        ["torch.nn.functional.softshrink", "mindspore.ops.softshrink"],
        |g, x| g.soft_shrink(x[0], 0.5),
        [-2.0..2.0]
    ),
    shrink!(
        "hardtanh",
        "x held between two bounds; slope 0 at both",
        ["torch.nn.functional.hardtanh", ""],
        |g, x| g.hardtanh(x[0], -1.0, 1.0),
        [-2.0..2.0]
    ),
    shrink!(
        "threshold",
        "x where x > threshold, else a value",
        ["torch.nn.functional.threshold", ""],
        |g, x| g.threshold(x[0], 0.3, -0.5),
        [-2.0..2.0]
    ),
];

impl Trace {
    /// x where |x| > lambda, else 0. lambda is not negative.
    pub fn hard_shrink(&mut self, x: Value, lambda: f64) -> Value {
        let Some((low, high)) = self.interval("hard_shrink", x, -lambda, lambda) else { return Value::INVALID };
        let zero = self.zeros_like(x);
        let (over, under) = (self.greater_equal(x, low), self.less_equal(x, high));
        let within = self.bitwise_and(over, under);
        self.select(within, zero, x)
    }
    /// x - lambda above lambda, x + lambda below -lambda, else 0. lambda is not negative.
    pub fn soft_shrink(&mut self, x: Value, lambda: f64) -> Value {
        let Some((low, high)) = self.interval("soft_shrink", x, -lambda, lambda) else { return Value::INVALID };
        let zero = self.zeros_like(x);
        let (left, right) = (self.sub(x, low), self.sub(x, high));
        let (is_left, is_within) = (self.less(x, low), self.less_equal(x, high));
        let y = self.select(is_within, zero, right);
        self.select(is_left, left, y)
    }
    /// x held between `low` and `high`; unlike [`Trace::clamp`] with slope 0 at both.
    pub fn hardtanh(&mut self, x: Value, low: f64, high: f64) -> Value {
        let Some((low, high)) = self.interval("hardtanh", x, low, high) else { return Value::INVALID };
        let (under, over) = (self.less_equal(x, low), self.greater_equal(x, high));
        let y = self.select(under, low, x);
        self.select(over, high, y)
    }
    /// x where x > threshold, else `value`. NaN stays NaN.
    pub fn threshold(&mut self, x: Value, threshold: f64, value: f64) -> Value {
        let dtype = self.dtype(x);
        let (threshold, value) = (self.scalar(dtype, threshold), self.scalar(dtype, value));
        let is_under = self.less_equal(x, threshold);
        self.select(is_under, value, x)
    }
    /// Two bounds in the dtype of x; fails if they are no range, or x is no float.
    fn interval(&mut self, name: &str, x: Value, low: f64, high: f64) -> Option<(Value, Value)> {
        let dtype = self.dtype(x);
        if low.is_nan() || high.is_nan() || low > high {
            self.fail(Error::invalid(format!("{name}: {low} to {high} is no range")));
            return None;
        }
        if !dtype.is_float() {
            self.fail(Error::dtype(format!("{name}: defined for floats, not {dtype}")));
            return None;
        }
        Some((self.scalar(dtype, low), self.scalar(dtype, high)))
    }
}
