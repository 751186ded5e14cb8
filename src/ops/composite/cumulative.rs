//! Products, extremes, and logarithms of sums along an axis; differences and areas.

use crate::error::Error;
use crate::ir::Value;
use crate::ops::Trace;
use crate::ops::catalog::{Domain, Row, Values};
use crate::tensor::DType;

const REAL: Values = Values::Uniform(-2.0, 2.0);

pub(in crate::ops) const ROWS: &[Row] = &[
    Row {
        name: "cumprod",
        shapes: "x -> the same",
        meaning: "the product of all elements up to each along the axis",
        domain: Domain::Number,
        build: |g, x| g.cumprod(x[0], 1, false, false),
        samples: &[&[(&[2, 4], REAL)]],
        ..Row::COMMON
    },
    Row {
        name: "cummax",
        shapes: "x -> the same",
        meaning: "the largest element up to each along the axis; of equal ones the last counts",
        domain: Domain::Number,
        build: |g, x| g.cummax(x[0], 1, false).0,
        samples: &[&[(&[2, 5], REAL)]],
        ..Row::COMMON
    },
    Row {
        name: "cummin",
        shapes: "x -> the same",
        meaning: "the smallest element up to each along the axis; of equal ones the last counts",
        domain: Domain::Number,
        build: |g, x| g.cummin(x[0], 1, false).0,
        samples: &[&[(&[2, 5], REAL)]],
        ..Row::COMMON
    },
    Row {
        name: "logcumsumexp",
        shapes: "x -> the same",
        meaning: "ln of the sum of e^x up to each along the axis",
        build: |g, x| g.logcumsumexp(x[0], 1, false),
        samples: &[&[(&[2, 4], REAL)]],
        ..Row::COMMON
    },
    Row {
        name: "diff",
        meaning: "differences of neighbours along the axis, taken n times",
        domain: Domain::Number,
        shapes: "x [..., k, ...] -> [..., k - n, ...]",
        build: |g, x| g.diff(x[0], 2, 1),
        samples: &[&[(&[2, 5], REAL)]],
        ..Row::COMMON
    },
    Row {
        name: "trapezoid",
        meaning: "the area under y along the axis by trapezoids",
        shapes: "y [..., n, ...] -> without the axis",
        mindspore: "mindspore.ops.trapz",
        build: |g, x| g.trapezoid(x[0], x[1], 1),
        samples: &[&[(&[2, 4], REAL), (&[2, 4], REAL)], &[(&[2, 4], REAL), (&[], REAL)]],
        ..Row::COMMON
    },
    Row {
        name: "cumulative_trapezoid",
        meaning: "the area under y along the axis by trapezoids, up to each but the first",
        shapes: "y [..., n, ...] -> [..., n - 1, ...]",
        mindspore: "-",
        build: |g, x| g.cumulative_trapezoid(x[0], x[1], 1),
        samples: &[&[(&[2, 4], REAL), (&[4], REAL)]],
        ..Row::COMMON
    },
];

impl Trace {
    /// The product of all elements up to each along `axis`; from the end with `reverse`; without the element itself if `exclusive`.
    pub fn cumprod(&mut self, x: Value, axis: usize, reverse: bool, exclusive: bool) -> Value {
        let dims = self.dims(x);
        if !self.contains(x) || axis >= dims.len() {
            return self.recurrence(x, x, axis, reverse);
        }
        let x = if self.dtype(x) == DType::Bool { self.cast(x, DType::I64) } else { x };
        let start = self.iota(DType::I64, &dims, axis);
        let first = self.integer(DType::I64, if reverse { dims[axis] as i64 - 1 } else { 0 });
        let (is_first, zero) = (self.equal(start, first), self.scalar(self.dtype(x), 0.0));
        let own = self.select(is_first, x, zero);
        let product = self.recurrence(x, own, axis, reverse);
        if exclusive { self.shift(product, axis, if reverse { -1 } else { 1 }, 1.0) } else { product }
    }
    /// (The largest element up to each along `axis`, its position as i64): of equal ones the last. From the end with `reverse`. NaN counts as
    /// largest.
    pub fn cummax(&mut self, x: Value, axis: usize, reverse: bool) -> (Value, Value) {
        let positions = self.cumulative_position(x, axis, true, reverse);
        (self.take_along(x, positions, axis), positions)
    }
    /// (The smallest element up to each along `axis`, its position as i64): of equal ones the last. From the end with `reverse`. NaN counts as
    /// smallest.
    pub fn cummin(&mut self, x: Value, axis: usize, reverse: bool) -> (Value, Value) {
        let positions = self.cumulative_position(x, axis, false, reverse);
        (self.take_along(x, positions, axis), positions)
    }
    /// ln of the sum of e^x up to each along `axis`, without overflow; from the end with `reverse`.
    pub fn logcumsumexp(&mut self, x: Value, axis: usize, reverse: bool) -> Value {
        if self.contains(x) && !self.dtype(x).is_float() {
            let dtype = self.dtype(x);
            return self.fail(Error::dtype(format!("logcumsumexp: defined for floats, not {dtype}")));
        }
        // Sums are kept in units of e^m, m the largest element so far, of which the result does not depend.
        let largest = self.cummax(x, axis, reverse).0;
        let (largest, zero) = (self.stop_gradient(largest), self.scalar(self.dtype(x), 0.0));
        let is_finite = self.is_finite(largest);
        let unit = self.select(is_finite, largest, zero);
        let before = self.shift(unit, axis, if reverse { -1 } else { 1 }, 0.0);
        let (change, height) = (self.sub(before, unit), self.sub(x, unit));
        let (change, height) = (self.exp(change), self.exp(height));
        let sum = self.recurrence(change, height, axis, reverse);
        let logarithm = self.log(sum);
        self.add(logarithm, unit)
    }
    /// Differences of neighbours along `axis`, taken n times; of bool whether they differ.
    pub fn diff(&mut self, x: Value, n: usize, axis: usize) -> Value {
        let mut y = x;
        for _ in 0..n {
            let dims = self.dims(y);
            if !self.contains(y) || axis >= dims.len() {
                return self.narrow(y, axis, 0, 0);
            }
            if dims[axis] == 0 {
                return y;
            }
            let (high, low) = (self.narrow(y, axis, 1, dims[axis] - 1), self.narrow(y, axis, 0, dims[axis] - 1));
            y = if self.dtype(y) == DType::Bool { self.logical_xor(high, low) } else { self.sub(high, low) };
        }
        y
    }
    /// The areas of the trapezoids between neighbours along `axis`.
    fn trapezoids(&mut self, y: Value, x: Value, axis: usize) -> Value {
        let dims = self.dims(y);
        if !self.contains(y) || axis >= dims.len() || dims[axis] == 0 {
            return self.narrow(y, axis, 0, 0);
        }
        let (high, low) = (self.narrow(y, axis, 1, dims[axis] - 1), self.narrow(y, axis, 0, dims[axis] - 1));
        let width = match self.rank(x) {
            0 => x,
            1 if dims.len() > 1 && self.contains(x) => {
                let places =
                    self.broadcast_in(x, &(0..dims.len()).map(|i| if i == axis { dims[axis] } else { 1 }).collect::<Vec<_>>(), &[axis]);
                self.diff(places, 1, axis)
            }
            _ => self.diff(x, 1, axis),
        };
        let sum = self.add(high, low);
        let half = self.mul_scalar(sum, 0.5);
        self.mul(half, width)
    }
    /// The area under y along `axis` by trapezoids. `x` says where the values lie: in the shape of y, a vector along the axis, or a scalar,
    /// which is the distance of neighbours.
    pub fn trapezoid(&mut self, y: Value, x: Value, axis: usize) -> Value {
        let areas = self.trapezoids(y, x, axis);
        self.sum(areas, &[axis], false)
    }
    /// [`Trace::trapezoid`] up to each value but the first.
    pub fn cumulative_trapezoid(&mut self, y: Value, x: Value, axis: usize) -> Value {
        let areas = self.trapezoids(y, x, axis);
        self.cumsum(areas, axis, false, false)
    }
}
