//! Arithmetic on top of the primitives.

use crate::error::Error;
use crate::ir::Value;
use crate::ops::Trace;
use crate::ops::catalog::{Differentiable, Domain, Row, Values};

const REAL: Values = Values::Uniform(-2.0, 2.0);

pub(in crate::ops) const ROWS: &[Row] = &[
    Row {
        name: "clamp",
        meaning: "x held between two bounds; slope 1 at both",
        domain: Domain::Number,
        differentiable: Differentiable::Yes,
        build: |g, x| g.clamp(x[0], -0.7, 0.9),
        samples: &[&[(&[3, 5], REAL)]],
        ..Row::COMMON
    },
    Row {
        name: "square",
        meaning: "x^2",
        domain: Domain::Number,
        differentiable: Differentiable::Yes,
        build: |g, x| g.square(x[0]),
        samples: &[&[(&[3, 5], REAL)]],
        ..Row::COMMON
    },
];

impl Trace {
    /// x held between `low` and `high`; the gradient passes at both bounds. NaN stays NaN.
    pub fn clamp(&mut self, x: Value, low: f64, high: f64) -> Value {
        if low.is_nan() || high.is_nan() || low > high {
            return self.fail(Error::invalid(format!("clamp: {low} to {high} is no range")));
        }
        let dtype = self.dtype(x);
        let (low, high) = (self.scalar(dtype, low), self.scalar(dtype, high));
        let (under, over) = (self.less(x, low), self.greater(x, high));
        let floored = self.select(under, low, x);
        self.select(over, high, floored)
    }
}
