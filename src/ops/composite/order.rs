//! Sorted, selected, and counted values.

use crate::error::Error;
use crate::ir::{Binary, Op, ScatterKind, Value};
use crate::ops::Trace;
use crate::ops::catalog::{Differentiable, Domain, Row, Values};
use crate::tensor::DType;

const REAL: Values = Values::Uniform(-1.0, 1.0);

/// What lies between two neighbours of a sorted line.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum QuantileMethod {
    Linear,
    Lower,
    Higher,
    /// The nearer one; of two equally near ones that at the even position.
    Nearest,
    Midpoint,
}

/// [`Trace::unique`].
#[derive(Clone, Copy, Debug)]
pub struct Unique {
    /// The values, then the fill.
    pub values: Value,
    /// For each element of x the number of its value, in the shape of x.
    pub inverse: Value,
    /// How often each value occurs; 0 behind the last.
    pub counts: Value,
    /// How many values there are.
    pub count: Value,
}

pub(in crate::ops) const ROWS: &[Row] = &[
    Row {
        name: "sort",
        shapes: "x -> the same",
        meaning: "x in order along the axis",
        domain: Domain::Number,
        build: |g, x| g.sort(x[0], 1, true).0,
        samples: &[&[(&[2, 4], REAL)]],
        ..Row::COMMON
    },
    Row {
        name: "msort",
        shapes: "x -> the same",
        meaning: "x in order along its first axis",
        domain: Domain::Number,
        build: |g, x| g.sort(x[0], 0, false).0,
        samples: &[&[(&[4, 2], REAL)]],
        ..Row::COMMON
    },
    Row {
        name: "topk",
        meaning: "the k largest or smallest elements along the axis, in order",
        domain: Domain::Number,
        shapes: "x [..., n, ...] -> [..., k, ...]",
        build: |g, x| g.topk(x[0], 2, 1, true).0,
        samples: &[&[(&[2, 5], REAL)]],
        ..Row::COMMON
    },
    Row {
        name: "kthvalue",
        meaning: "the k-th smallest element along the axis",
        domain: Domain::Number,
        shapes: "x [..., n, ...] -> without the axis",
        mindspore: "-",
        build: |g, x| g.kthvalue(x[0], 2, 1, false).0,
        samples: &[&[(&[2, 5], REAL)]],
        ..Row::COMMON
    },
    Row {
        name: "median",
        meaning: "the element in the middle of the order along the axis, of two the lower; NaN if any is NaN",
        domain: Domain::Number,
        shapes: "x [..., n, ...] -> without the axis",
        build: |g, x| g.median(x[0], 1, false).0,
        samples: &[&[(&[2, 4], REAL)]],
        ..Row::COMMON
    },
    Row {
        name: "nanmedian",
        meaning: "the median of the elements along the axis that are not NaN",
        shapes: "x [..., n, ...] -> without the axis",
        mindspore: "-",
        build: |g, x| g.nanmedian(x[0], 1, false).0,
        samples: &[&[(&[2, 4], REAL)]],
        ..Row::COMMON
    },
    Row {
        name: "mode",
        meaning: "the most frequent element along the axis, of equally frequent ones the smallest",
        domain: Domain::Number,
        shapes: "x [..., n, ...] -> without the axis",
        mindspore: "-",
        build: |g, x| g.mode(x[0], 1, false).0,
        samples: &[&[(&[2, 4], REAL)]],
        ..Row::COMMON
    },
    Row {
        name: "quantile",
        meaning: "the values below which given parts of the elements along the axis lie; NaN if any is NaN",
        shapes: "x [..., n, ...] -> [q, ...] without the axis",
        build: |g, x| g.quantile(x[0], &[0.3, 0.85], 1, QuantileMethod::Linear),
        samples: &[&[(&[2, 4], REAL)]],
        ..Row::COMMON
    },
    Row {
        name: "nanquantile",
        meaning: "quantiles of the elements along the axis that are not NaN",
        shapes: "x [..., n, ...] -> [q, ...] without the axis",
        build: |g, x| g.nanquantile(x[0], &[0.5, 0.3], 1, QuantileMethod::Linear),
        samples: &[&[(&[2, 5], REAL)]],
        ..Row::COMMON
    },
    Row {
        name: "bucketize",
        meaning: "in which interval between sorted boundaries each element lies",
        domain: Domain::Number,
        differentiable: Differentiable::Zero("positions are integers"),
        shapes: "x [any], boundaries [n] -> x",
        build: |g, x| g.bucketize(x[0], x[1], false),
        samples: &[&[(&[2, 3], REAL), (&[4], REAL)]],
        ..Row::COMMON
    },
    Row {
        name: "unique",
        meaning: "the different values of x in ascending order, as many as `size`",
        domain: Domain::Number,
        shapes: "x [any] -> [size]",
        build: |g, x| g.unique(x[0], 5, 0.5).values,
        samples: &[&[(&[2, 3], REAL)]],
        ..Row::COMMON
    },
    Row {
        name: "unique_consecutive",
        meaning: "the values of x without those that equal the one before, as many as `size`",
        domain: Domain::Number,
        shapes: "x [any] -> [size]",
        build: |g, x| g.unique_consecutive(x[0], 5, 0.5).values,
        samples: &[&[(&[2, 3], REAL)]],
        ..Row::COMMON
    },
];

impl Trace {
    /// (x in order along `axis`, the positions of its elements as i64); equal elements keep their order; NaN counts as largest.
    pub fn sort(&mut self, x: Value, axis: usize, descending: bool) -> (Value, Value) {
        let positions = self.argsort(x, axis, descending);
        (self.take_along(x, positions, axis), positions)
    }
    /// (The k largest or smallest elements along `axis` in their order, their positions as i64); NaN counts as largest.
    pub fn topk(&mut self, x: Value, k: usize, axis: usize, largest: bool) -> (Value, Value) {
        let positions = self.argtop(x, k, axis, largest);
        (self.take_along(x, positions, axis), positions)
    }
    /// The elements at positions [..., 1, ...] along `axis`, and the positions; without the axis unless `keep_dims`.
    fn taken(&mut self, x: Value, positions: Value, axis: usize, keep_dims: bool) -> (Value, Value) {
        let values = self.take_along(x, positions, axis);
        if keep_dims || !values.is_valid() {
            return (values, positions);
        }
        (self.squeeze(values, &[axis]), self.squeeze(positions, &[axis]))
    }
    /// (The k-th smallest element along `axis`, its position as i64), k from 1 on; NaN counts as largest.
    pub fn kthvalue(&mut self, x: Value, k: usize, axis: usize, keep_dims: bool) -> (Value, Value) {
        if k == 0 {
            let failed = self.fail(Error::invalid("kthvalue: k counts from 1"));
            return (failed, failed);
        }
        let positions = self.argtop(x, k, axis, false);
        let last = self.narrow(positions, axis, k - 1, 1);
        self.taken(x, last, axis, keep_dims)
    }
    /// (The element in the middle of the order along `axis`, its position as i64): of an even number the lower one; NaN if any is NaN.
    pub fn median(&mut self, x: Value, axis: usize, keep_dims: bool) -> (Value, Value) {
        let Some(size) = self.size_along("median", x, axis) else { return (Value::INVALID, Value::INVALID) };
        let positions = self.argtop(x, size.div_ceil(2), axis, false);
        let mut middle = self.narrow(positions, axis, size.div_ceil(2) - 1, 1);
        if self.dtype(x).is_float() {
            let first = self.argmax(x, axis);
            let (first, is_nan) = (self.unsqueeze(first, axis), self.is_nan(x));
            let any = self.any(is_nan, &[axis], true);
            middle = self.select(any, first, middle);
        }
        self.taken(x, middle, axis, keep_dims)
    }
    /// [`Trace::median`] of the elements that are not NaN; NaN if there is none.
    pub fn nanmedian(&mut self, x: Value, axis: usize, keep_dims: bool) -> (Value, Value) {
        if self.contains(x) && !self.dtype(x).is_float() {
            return self.median(x, axis, keep_dims);
        }
        if self.size_along("nanmedian", x, axis).is_none() {
            return (Value::INVALID, Value::INVALID);
        }
        let positions = self.argsort(x, axis, false);
        let count = self.count_numbers(x, axis);
        let (one, two, none) = (self.integer(DType::I64, 1), self.integer(DType::I64, 2), self.integer(DType::I64, 0));
        let (below, two) = (self.sub(count, one), self.broadcast_to(two, &self.dims(count)));
        let middle = self.push(Op::Binary(Binary::Div), &[below, two]);
        let middle = self.maximum(middle, none);
        let middle = self.take_along(positions, middle, axis);
        self.taken(x, middle, axis, keep_dims)
    }
    /// How many elements along `axis` are not NaN, as i64 with the axis kept.
    fn count_numbers(&mut self, x: Value, axis: usize) -> Value {
        let is_nan = self.is_nan(x);
        let is_number = self.logical_not(is_nan);
        self.sum(is_number, &[axis], true)
    }
    fn size_along(&mut self, name: &str, x: Value, axis: usize) -> Option<usize> {
        if !self.contains(x) {
            self.argsort(x, axis, false);
            return None;
        }
        match self.dims(x).get(axis).copied() {
            Some(0) | None => {
                let text = format!("{name}: {} has no elements along axis {axis}", self.shape(x));
                self.fail(Error::shape(text));
                None
            }
            size => size,
        }
    }
    /// (The most frequent element along `axis`, of equally frequent ones the smallest; the last position of it as i64).
    pub fn mode(&mut self, x: Value, axis: usize, keep_dims: bool) -> (Value, Value) {
        if self.size_along("mode", x, axis).is_none() {
            return (Value::INVALID, Value::INVALID);
        }
        let (sorted, positions) = self.sort(x, axis, false);
        let sorted = self.stop_gradient(sorted);
        let number = self.iota(DType::I64, &self.dims(x), axis);
        let begins = self.begins(sorted, axis);
        // The length of the run so far: from its beginning on.
        let none = self.integer(DType::I64, 0);
        let begin = self.select(begins, number, none);
        let begin = self.cummax(begin, axis, false).0;
        let length = self.sub(number, begin);
        let longest = self.argmax(length, axis);
        let longest = self.unsqueeze(longest, axis);
        let position = self.take_along(positions, longest, axis);
        self.taken(x, position, axis, keep_dims)
    }
    /// Whether each element differs from the one before it along `axis`.
    fn begins(&mut self, x: Value, axis: usize) -> Value {
        let dims = self.dims(x);
        if dims[axis] == 0 {
            return self.full(DType::Bool, &dims, 1.0);
        }
        let (high, low) = (self.narrow(x, axis, 1, dims[axis] - 1), self.narrow(x, axis, 0, dims[axis] - 1));
        let differ = self.not_equal(high, low);
        let mut first = dims;
        first[axis] = 1;
        let first = self.full(DType::Bool, &first, 1.0);
        self.concat(&[first, differ], axis)
    }

    fn check_quantiles(&mut self, name: &str, x: Value, q: &[f64], axis: usize) -> Option<usize> {
        if let Some(bad) = q.iter().find(|q| !(0.0..=1.0).contains(*q)) {
            self.fail(Error::invalid(format!("{name}: {bad} is not between 0 and 1")));
            return None;
        }
        if q.is_empty() {
            self.fail(Error::invalid(format!("{name}: no quantile is asked for")));
            return None;
        }
        let size = self.size_along(name, x, axis)?;
        if !self.dtype(x).is_float() {
            let dtype = self.dtype(x);
            self.fail(Error::dtype(format!("{name}: defined for floats, not {dtype}")));
            return None;
        }
        Some(size)
    }
    /// For each of `q` (0 to 1), as a new first dimension, the value at that part of the order along `axis`, which disappears. NaN if any
    /// element is NaN.
    pub fn quantile(&mut self, x: Value, q: &[f64], axis: usize, interpolation: QuantileMethod) -> Value {
        let Some(size) = self.check_quantiles("quantile", x, q, axis) else { return Value::INVALID };
        let (sorted, _) = self.sort(x, axis, false);
        let last = self.narrow(sorted, axis, size - 1, 1);
        let last = self.squeeze(last, &[axis]);
        let last = self.stop_gradient(last);
        let any = self.is_nan(last);
        let mut all = Vec::with_capacity(q.len());
        for q in q {
            let place = q * (size - 1) as f64;
            let (low, part) = (place.floor(), place - place.floor());
            let at = |g: &mut Trace, position: f64| {
                let one = g.narrow(sorted, axis, position as usize, 1);
                g.squeeze(one, &[axis])
            };
            let value = match interpolation {
                QuantileMethod::Nearest => at(self, place.round_ties_even()),
                QuantileMethod::Lower => at(self, low),
                QuantileMethod::Higher => at(self, place.ceil()),
                _ if part == 0.0 => at(self, low),
                _ => {
                    let (low, high) = (at(self, low), at(self, place.ceil()));
                    let part = self.scalar(self.dtype(x), if interpolation == QuantileMethod::Linear { part } else { 0.5 });
                    self.between(low, high, part)
                }
            };
            // The largest is NaN where any is.
            all.push(self.select(any, last, value));
        }
        self.stack(&all, 0)
    }
    fn between(&mut self, low: Value, high: Value, part: Value) -> Value {
        let distance = self.sub(high, low);
        let step = self.mul(distance, part);
        self.add(low, step)
    }
    /// [`Trace::quantile`] of the elements that are not NaN; NaN if there is none.
    pub fn nanquantile(&mut self, x: Value, q: &[f64], axis: usize, interpolation: QuantileMethod) -> Value {
        if self.check_quantiles("nanquantile", x, q, axis).is_none() {
            return Value::INVALID;
        }
        let dtype = self.dtype(x);
        // Positions in f32 at least.
        let wide = if dtype == DType::F64 { DType::F64 } else { DType::F32 };
        let (sorted, _) = self.sort(x, axis, false);
        let count = self.count_numbers(x, axis);
        let (one, zero) = (self.integer(DType::I64, 1), self.scalar(wide, 0.0));
        let last = self.sub(count, one);
        let last = self.cast(last, wide);
        let last = self.maximum(last, zero);
        let mut all = Vec::with_capacity(q.len());
        for q in q {
            let place = self.mul_scalar(last, *q);
            let (low, high) = (self.floor(place), self.ceil(place));
            let at = |g: &mut Trace, position: Value| {
                let position = g.cast(position, DType::I64);
                let one = g.take_along(sorted, position, axis);
                g.squeeze(one, &[axis])
            };
            let value = match interpolation {
                QuantileMethod::Nearest => {
                    let nearest = self.round(place);
                    at(self, nearest)
                }
                QuantileMethod::Lower => at(self, low),
                QuantileMethod::Higher => at(self, high),
                QuantileMethod::Linear | QuantileMethod::Midpoint => {
                    let part = match interpolation {
                        QuantileMethod::Linear => self.sub(place, low),
                        _ => self.full(wide, &self.dims(place), 0.5),
                    };
                    let (part, is_exact) = (self.cast(part, dtype), self.equal(low, high));
                    let (part, is_exact) = (self.squeeze(part, &[axis]), self.squeeze(is_exact, &[axis]));
                    let (low, high) = (at(self, low), at(self, high));
                    let between = self.between(low, high, part);
                    self.select(is_exact, low, between)
                }
            };
            all.push(value);
        }
        self.stack(&all, 0)
    }

    /// The number (i64) of the interval between boundaries, a vector in ascending order, that each element of x lies in: boundaries\[i - 1] < x
    /// <= boundaries\[i]; with `right` boundaries\[i - 1] <= x < boundaries\[i].
    pub fn bucketize(&mut self, x: Value, boundaries: Value, right: bool) -> Value {
        if self.contains(boundaries) && self.rank(boundaries) != 1 {
            let shape = self.shape(boundaries);
            return self.fail(Error::shape(format!("bucketize: the boundaries are a vector, not {shape}")));
        }
        self.searchsorted(boundaries, x, right)
    }

    /// The different values of x in ascending order. Shapes do not depend on values: there is room for `size` of them; what is beyond is `fill`,
    /// and values that do not fit are left out, with their numbers in `inverse` as they would be.
    pub fn unique(&mut self, x: Value, size: usize, fill: f64) -> Unique {
        let elements = self.shape(x).elements();
        let dims = self.dims(x);
        let flat = self.reshape(x, &[elements]);
        let (sorted, positions) = self.sort(flat, 0, false);
        let mut unique = self.runs(sorted, size, fill);
        if !unique.values.is_valid() {
            return unique;
        }
        // Back from the order to the places.
        let none = self.integer(DType::I64, 0);
        let inverse = self.scatter_over(ScatterKind::Replace, none, &[elements], positions, unique.inverse, 0);
        unique.inverse = self.reshape(inverse, &dims);
        unique
    }
    /// The values of x, seen as a vector, without those that equal the one before; shapes as in [`Trace::unique`].
    pub fn unique_consecutive(&mut self, x: Value, size: usize, fill: f64) -> Unique {
        let dims = self.dims(x);
        let flat = self.reshape(x, &[self.shape(x).elements()]);
        let mut unique = self.runs(flat, size, fill);
        if unique.values.is_valid() {
            unique.inverse = self.reshape(unique.inverse, &dims);
        }
        unique
    }
    /// The first elements of runs of equal ones in a vector.
    fn runs(&mut self, flat: Value, size: usize, fill: f64) -> Unique {
        let failed = Unique { values: Value::INVALID, inverse: Value::INVALID, counts: Value::INVALID, count: Value::INVALID };
        if !self.contains(flat) {
            return failed;
        }
        if size == usize::MAX {
            self.fail(Error::shape(format!("unique: there is no room for {size} values")));
            return failed;
        }
        let begins = self.begins(flat, 0);
        let (values, count) = self.masked_select(flat, begins, size, fill);
        let number = self.cumsum(begins, 0, false, false);
        let one = self.integer(DType::I64, 1);
        let inverse = self.sub(number, one);
        let beyond = self.integer(DType::I64, size as i64);
        let targets = self.minimum(inverse, beyond);
        let counts = self.bincount(targets, None, size + 1);
        let counts = self.narrow(counts, 0, 0, size);
        Unique { values, inverse, counts, count }
    }
}
