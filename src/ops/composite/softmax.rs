//! Softmax and its logarithm.

use crate::error::Error;
use crate::ir::{ReduceKind, Value};
use crate::ops::Trace;
use crate::ops::catalog::{Differentiable, Domain, Row, Values};

const REAL: Values = Values::Uniform(-2.0, 2.0);

pub(in crate::ops) const ROWS: &[Row] = &[
    Row {
        name: "softmax",
        meaning: "e^x / sum e^x along an axis",
        domain: Domain::Float,
        differentiable: Differentiable::Yes,
        shapes: "x [...] -> [...], along one axis",
        build: |g, x| g.softmax(x[0], 1),
        samples: &[&[(&[3, 5], REAL)], &[(&[2, 3, 4], REAL)]],
        ..Row::COMMON
    },
    Row {
        name: "log_softmax",
        meaning: "x - ln sum e^x along an axis",
        domain: Domain::Float,
        differentiable: Differentiable::Yes,
        shapes: "x [...] -> [...], along one axis",
        build: |g, x| g.log_softmax(x[0], 1),
        samples: &[&[(&[3, 5], REAL)], &[(&[2, 3, 4], REAL)]],
        ..Row::COMMON
    },
    Row {
        name: "logsumexp",
        meaning: "ln sum e^x over axes",
        domain: Domain::Float,
        differentiable: Differentiable::Yes,
        shapes: "x [...] -> [...] without the axes",
        build: |g, x| g.logsumexp(x[0], &[1], false),
        samples: &[&[(&[3, 5], REAL)]],
        ..Row::COMMON
    },
];

impl Trace {
    /// x minus its largest element along `axis`. The shift does not change the results that are made from it, so no gradient
    /// passes through the largest element. An infinite largest element shifts by nothing, so that rows of -inf stay so.
    fn shifted(&mut self, x: Value, axes: &[usize]) -> (Value, Value) {
        let dims = self.dims(x);
        if axes.iter().any(|axis| dims[*axis] == 0) {
            // Of no elements there is no largest, and nothing to shift.
            let kept: Vec<usize> = (0..dims.len()).filter(|axis| !axes.contains(axis)).map(|axis| dims[axis]).collect();
            return (x, self.full(self.dtype(x), &kept, 0.0));
        }
        let largest = self.reduce(ReduceKind::Max, x, axes, false);
        let largest = self.stop_gradient(largest);
        let finite = self.is_finite(largest);
        let zero = self.zeros_like(largest);
        let shift = self.select(finite, largest, zero);
        let spread = self.expand_like(shift, x, axes);
        (self.sub(x, spread), shift)
    }
    fn has_axis(&mut self, name: &str, x: Value, axis: usize) -> bool {
        if self.contains(x) && axis >= self.rank(x) {
            let shape = self.shape(x);
            self.fail(Error::shape(format!("{name}: there is no axis {axis} in {shape}")));
        }
        self.contains(x) && axis < self.rank(x)
    }
    /// e^x / sum e^x along `axis`.
    pub fn softmax(&mut self, x: Value, axis: usize) -> Value {
        if !self.has_axis("softmax", x, axis) {
            return Value::INVALID;
        }
        let (shifted, _) = self.shifted(x, &[axis]);
        let powers = self.exp(shifted);
        let total = self.sum(powers, &[axis], false);
        let share = self.reciprocal(total);
        let share = self.expand_like(share, x, &[axis]);
        self.mul(powers, share)
    }
    /// x - ln sum e^x along `axis`.
    pub fn log_softmax(&mut self, x: Value, axis: usize) -> Value {
        if !self.has_axis("log_softmax", x, axis) {
            return Value::INVALID;
        }
        let (shifted, _) = self.shifted(x, &[axis]);
        let powers = self.exp(shifted);
        let total = self.sum(powers, &[axis], false);
        let logarithm = self.log(total);
        let spread = self.expand_like(logarithm, x, &[axis]);
        self.sub(shifted, spread)
    }
    /// ln sum e^x over `axes`.
    pub fn logsumexp(&mut self, x: Value, axes: &[usize], keep_dims: bool) -> Value {
        if !axes.iter().all(|axis| self.has_axis("logsumexp", x, *axis)) {
            return Value::INVALID;
        }
        let dims = self.dims(x);
        let (shifted, shift) = self.shifted(x, axes);
        let powers = self.exp(shifted);
        let total = self.sum(powers, axes, false);
        let logarithm = self.log(total);
        let y = self.add(logarithm, shift);
        if !keep_dims {
            return y;
        }
        let kept: Vec<usize> = (0..dims.len()).map(|axis| if axes.contains(&axis) { 1 } else { dims[axis] }).collect();
        self.reshape(y, &kept)
    }
}
