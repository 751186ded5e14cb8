//! Reading, writing, and collecting by position, on top of gather and scatter.

use crate::error::{Error, Result};
use crate::ir::{Binary, Op, ScatterKind, Value};
use crate::ops::Trace;
use crate::ops::catalog::{Differentiable, Domain, Row, Values};
use crate::tensor::DType;

const REAL: Values = Values::Uniform(-1.0, 1.0);

/// How updates are joined with what is there, and with one another.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Join {
    /// The update takes the place; of several for one place the last.
    Replace,
    Add,
    Mul,
    Max,
    Min,
    /// Floats only.
    Mean,
}

impl Join {
    fn kind(self) -> ScatterKind {
        match self {
            Join::Replace => ScatterKind::Replace,
            Join::Add | Join::Mean => ScatterKind::Add,
            Join::Mul => ScatterKind::Mul,
            Join::Max => ScatterKind::Max,
            Join::Min => ScatterKind::Min,
        }
    }
}

pub(in crate::ops) const ROWS: &[Row] = &[
    Row {
        name: "scatter_mean",
        meaning: "the mean of x and slices at the given positions",
        shapes: "x [a.., n, b..], indices [k..], updates [a.., k.., b..] -> x",
        torch: "torch.index_reduce",
        mindspore: "-",
        build: |g, x| g.scatter(x[0], x[1], x[2], 0, Join::Mean, true),
        samples: &[&[(&[4, 2], REAL), (&[5], Values::Integers(0, 4)), (&[5, 2], REAL)]],
        ..Row::COMMON
    },
    Row {
        name: "scatter_along_mean",
        meaning: "the mean of elements at positions along the axis, without those of x where there are any",
        shapes: "x [..., n, ...], indices and updates [..., k, ...] -> x",
        torch: "torch.scatter_reduce",
        mindspore: "-",
        build: |g, x| g.scatter_along(x[0], x[1], x[2], 1, Join::Mean, false),
        samples: &[&[(&[2, 4], REAL), (&[2, 3], Values::Integers(0, 4)), (&[2, 3], REAL)]],
        ..Row::COMMON
    },
    Row {
        name: "index_add",
        meaning: "x with alpha times slices added at the given positions",
        domain: Domain::Number,
        shapes: "x [..., n, ...], indices [k], updates [..., k, ...] -> x",
        build: |g, x| g.index_add(x[0], x[1], x[2], 1, 2.0),
        samples: &[&[(&[2, 4], REAL), (&[3], Values::Integers(0, 4)), (&[2, 3], REAL)]],
        ..Row::COMMON
    },
    Row {
        name: "index_fill",
        meaning: "x with one value at the given positions along the axis",
        domain: Domain::Any,
        shapes: "x [..., n, ...], indices [k], value [] -> x",
        build: |g, x| g.index_fill(x[0], x[1], x[2], 1),
        samples: &[&[(&[2, 5], REAL), (&[3], Values::Integers(0, 5)), (&[], REAL)]],
        ..Row::COMMON
    },
    Row {
        name: "take",
        meaning: "elements of x, seen as a vector, at the given positions",
        domain: Domain::Any,
        shapes: "x [any], indices [k..] -> [k..]",
        build: |g, x| g.take(x[0], x[1]),
        samples: &[&[(&[2, 3], REAL), (&[2, 2], Values::Integers(-6, 6))]],
        ..Row::COMMON
    },
    Row {
        name: "put",
        meaning: "x, seen as a vector, with elements replaced at or added to the given positions",
        domain: Domain::Any,
        shapes: "x [any], indices and values [k..] -> x",
        mindspore: "-",
        build: |g, x| g.put(x[0], x[1], x[2], false),
        samples: &[&[(&[2, 3], REAL), (&[4], Values::Integers(0, 6)), (&[4], REAL)]],
        ..Row::COMMON
    },
    Row {
        name: "gather_nd",
        meaning: "slices of x at positions in its first dimensions",
        domain: Domain::Any,
        shapes: "x [n1, .., nk, rest..], indices [a.., k] -> [a.., rest..]",
        torch: "-",
        build: |g, x| g.gather_nd(x[0], x[1]),
        samples: &[&[(&[3, 3, 2], REAL), (&[2, 2], Values::Integers(-3, 3))]],
        ..Row::COMMON
    },
    Row {
        name: "scatter_nd",
        meaning: "zeros with slices added at positions in the first dimensions",
        domain: Domain::Number,
        shapes: "indices [a.., k], updates [a.., rest..] -> [n1, .., nk, rest..]",
        torch: "-",
        build: |g, x| g.scatter_nd(x[0], x[1], &[3, 3, 2]),
        samples: &[&[(&[4, 2], Values::Integers(0, 3)), (&[4, 2], REAL)]],
        ..Row::COMMON
    },
    Row {
        name: "scatter_nd_into",
        meaning: "x with slices joined at positions in its first dimensions",
        domain: Domain::Any,
        shapes: "x [n1, .., nk, rest..], indices [a.., k], updates [a.., rest..] -> x",
        torch: "-",
        mindspore: "mindspore.ops.tensor_scatter_add",
        build: |g, x| g.scatter_nd_into(x[0], x[1], x[2], Join::Max),
        samples: &[&[(&[3, 3, 2], REAL), (&[4, 2], Values::Integers(0, 3)), (&[4, 2], REAL)]],
        ..Row::COMMON
    },
    Row {
        name: "segment",
        meaning: "slices with the same number joined",
        domain: Domain::Number,
        shapes: "x [k.., rest..], ids [k..] -> [segments, rest..]",
        torch: "torch.segment_reduce",
        mindspore: "mindspore.ops.unsorted_segment_sum",
        build: |g, x| g.segment(x[0], x[1], 3, Join::Mean),
        samples: &[&[(&[5, 2], REAL), (&[5], Values::Integers(0, 3))]],
        ..Row::COMMON
    },
    Row {
        name: "embedding",
        meaning: "rows of a table",
        shapes: "table [n, d], indices [k..] -> [k.., d]",
        torch: "torch.nn.functional.embedding",
        build: |g, x| g.embedding(x[0], x[1], None),
        samples: &[&[(&[4, 2], REAL), (&[2, 3], Values::Integers(0, 4))]],
        ..Row::COMMON
    },
    Row {
        name: "embedding_bag",
        meaning: "rows of a table, joined over the last axis of the indices",
        shapes: "table [n, d], indices [k.., l] -> [k.., d]",
        torch: "torch.nn.functional.embedding_bag",
        mindspore: "-",
        build: |g, x| g.embedding_bag(x[0], x[1], Join::Mean, Some(0)),
        samples: &[&[(&[4, 2], REAL), (&[2, 4], Values::Integers(0, 4))]],
        ..Row::COMMON
    },
    Row {
        name: "bincount",
        meaning: "how often each number occurs, or the sum of the weights of its occurrences",
        domain: Domain::Integral,
        shapes: "x [any], weights [same] -> [size]",
        operands: Some((1, 2)),
        build: |g, x| g.bincount(x[0], x.get(1).copied(), 5),
        samples: &[&[(&[7], Values::Integers(0, 5)), (&[7], REAL)]],
        ..Row::COMMON
    },
    Row {
        name: "histc",
        meaning: "how many elements lie in each of equal intervals",
        differentiable: Differentiable::Zero("counts are piecewise constant"),
        shapes: "x [any] -> [bins]",
        build: |g, x| g.histc(x[0], 4, -1.0, 1.0),
        samples: &[&[(&[9], REAL)]],
        ..Row::COMMON
    },
    Row {
        name: "nonzero",
        meaning: "the positions of the first `size` elements that are not 0",
        domain: Domain::Any,
        differentiable: Differentiable::Zero("positions are integers"),
        shapes: "x [any] -> [size, rank]",
        build: |g, x| g.nonzero(x[0], 5, -1).0,
        samples: &[&[(&[2, 3], Values::Integers(0, 2))]],
        ..Row::COMMON
    },
    Row {
        name: "masked_select",
        meaning: "the first `size` elements of x where the mask holds",
        domain: Domain::Any,
        shapes: "x and mask [any] -> [size]",
        build: |g, x| g.masked_select(x[0], x[1], 4, 0.5).0,
        samples: &[&[(&[3, 3], REAL), (&[3, 3], Values::Bools)]],
        ..Row::COMMON
    },
    Row {
        name: "masked_scatter",
        meaning: "x with the elements of a source put one after the other where the mask holds",
        domain: Domain::Any,
        shapes: "x and mask [any], source [k..] -> x",
        build: |g, x| g.masked_scatter(x[0], x[1], x[2]),
        samples: &[&[(&[3, 3], REAL), (&[3, 3], Values::Bools), (&[9], REAL)]],
        ..Row::COMMON
    },
];

impl Trace {
    /// x with `updates` joined to the slices that [`Trace::gather`] would read, for several of one position in their order. Without
    /// `include_self` elements of x take no part where there are updates.
    pub fn scatter(&mut self, x: Value, indices: Value, updates: Value, axis: usize, join: Join, include_self: bool) -> Value {
        let kind = join.kind();
        if !self.can_join(join, x) || axis >= self.rank(x) {
            // Pushing says what is wrong.
            return self.scatter_into(kind, x, indices, updates, axis);
        }
        let dtype = self.dtype(x);
        let mut base = x;
        if !include_self && join != Join::Replace {
            let start = self.start_of(kind, dtype);
            let start = self.broadcast_to(start, &self.dims(updates));
            base = self.scatter_into(ScatterKind::Replace, x, indices, start, axis);
        }
        let joined = self.scatter_into(kind, base, indices, updates, axis);
        if join != Join::Mean || !joined.is_valid() {
            return joined;
        }
        let dims = self.dims(x);
        let ones = self.full(dtype, &self.dims(indices), 1.0);
        let own = self.scalar(dtype, if include_self { 1.0 } else { 0.0 });
        let count = self.scatter_over(ScatterKind::Add, own, &dims[axis..=axis], indices, ones, 0);
        let count = self.broadcast_in(count, &dims, &[axis]);
        self.divided(joined, count)
    }
    /// x with `updates` joined to the elements that [`Trace::take_along`] would read, for several of one place in their order. Updates beyond
    /// the sizes of the indices take no part; without `include_self` neither do elements of x where there are updates.
    pub fn scatter_along(&mut self, x: Value, indices: Value, updates: Value, axis: usize, join: Join, include_self: bool) -> Value {
        let kind = join.kind();
        let (sizes, given) = (self.dims(indices), self.dims(updates));
        let larger = sizes.len() == given.len() && sizes != given && sizes.iter().zip(&given).all(|(size, given)| size <= given);
        let updates = if larger { self.slice(updates, &vec![0; sizes.len()], &sizes, &vec![1; sizes.len()]) } else { updates };
        if !self.can_join(join, x) {
            return self.scatter_along_into(kind, x, indices, updates, axis);
        }
        let dtype = self.dtype(x);
        let mut base = x;
        if !include_self && join != Join::Replace {
            let start = self.start_of(kind, dtype);
            let start = self.broadcast_to(start, &self.dims(updates));
            base = self.scatter_along_into(ScatterKind::Replace, x, indices, start, axis);
        }
        let joined = self.scatter_along_into(kind, base, indices, updates, axis);
        if join != Join::Mean || !joined.is_valid() {
            return joined;
        }
        let ones = self.full(dtype, &sizes, 1.0);
        let own = self.scalar(dtype, if include_self { 1.0 } else { 0.0 });
        let dims = self.dims(x);
        let count = self.scatter_along_over(ScatterKind::Add, own, &dims, indices, ones, axis);
        self.divided(joined, count)
    }
    /// Whether the join is defined for the dtype of x; if not, that sticks.
    fn can_join(&mut self, join: Join, x: Value) -> bool {
        if join == Join::Mean && self.contains(x) && !self.dtype(x).is_float() {
            let dtype = self.dtype(x);
            self.fail(Error::dtype(format!("scatter: the mean is defined for floats, not {dtype}")));
        }
        self.contains(x) && self.error().is_none()
    }
    /// What changes nothing when something is joined to it.
    fn start_of(&mut self, kind: ScatterKind, dtype: DType) -> Value {
        let extreme = |largest: bool| match dtype {
            DType::I64 => {
                if largest {
                    i64::MAX
                } else {
                    i64::MIN
                }
            }
            DType::I32 => {
                if largest {
                    i32::MAX as i64
                } else {
                    i32::MIN as i64
                }
            }
            _ => {
                if largest {
                    u8::MAX as i64
                } else {
                    0
                }
            }
        };
        match kind {
            ScatterKind::Replace | ScatterKind::Add => self.scalar(dtype, 0.0),
            ScatterKind::Mul => self.scalar(dtype, 1.0),
            ScatterKind::Max if dtype.is_float() => self.scalar(dtype, f64::NEG_INFINITY),
            ScatterKind::Min if dtype.is_float() => self.scalar(dtype, f64::INFINITY),
            ScatterKind::Max => self.integer(dtype, extreme(false)),
            ScatterKind::Min => self.integer(dtype, extreme(true)),
        }
    }
    /// A sum divided by its number of parts, 0 of none.
    fn divided(&mut self, sum: Value, count: Value) -> Value {
        let one = self.scalar(self.dtype(count), 1.0);
        let count = self.maximum(count, one);
        self.div(sum, count)
    }

    /// x with `alpha` times `updates` added at the positions along `axis`.
    pub fn index_add(&mut self, x: Value, indices: Value, updates: Value, axis: usize, alpha: f64) -> Value {
        let updates = if alpha == 1.0 { updates } else { self.mul_scalar(updates, alpha) };
        self.scatter_add(x, indices, updates, axis)
    }
    /// x with the scalar `value` at the positions along `axis`.
    pub fn index_fill(&mut self, x: Value, indices: Value, value: Value, axis: usize) -> Value {
        if !self.contains(x) || axis >= self.rank(x) {
            return self.scatter_into(ScatterKind::Replace, x, indices, value, axis);
        }
        let (value, dims) = (self.cast(value, self.dtype(x)), self.dims(x));
        let dims = [&dims[..axis], &self.dims(indices), &dims[axis + 1..]].concat();
        let updates = self.broadcast_to(value, &dims);
        self.scatter_into(ScatterKind::Replace, x, indices, updates, axis)
    }

    fn as_vector(&mut self, x: Value) -> Value {
        let elements = self.shape(x).elements();
        self.reshape(x, &[elements])
    }
    /// Elements of x, seen as a vector, at the positions, in their shape. Negative positions count from the end.
    pub fn take(&mut self, x: Value, indices: Value) -> Value {
        let x = self.as_vector(x);
        self.gather(x, indices, 0)
    }
    /// x, seen as a vector, with `values` at the positions, of one position the last; with `accumulate` added to them.
    pub fn put(&mut self, x: Value, indices: Value, values: Value, accumulate: bool) -> Value {
        let (dims, flat) = (self.dims(x), self.as_vector(x));
        let values = self.reshape(values, &self.dims(indices));
        let kind = if accumulate { ScatterKind::Add } else { ScatterKind::Replace };
        let y = self.scatter_into(kind, flat, indices, values, 0);
        self.reshape(y, &dims)
    }

    /// The place in a tensor of these sizes that each position, a vector along the last axis of the indices, names; one that no element has
    /// where it is out of range. None if something is wrong, which then sticks.
    fn flat_positions(&mut self, name: &str, indices: Value, dims: &[usize]) -> Option<(Value, usize)> {
        if !self.contains(indices) {
            self.push(Op::Gather { axis: 0 }, &[indices, indices]);
            return None;
        }
        let shape = self.dims(indices);
        let depth = match shape.last() {
            Some(depth) if *depth <= dims.len() => *depth,
            _ => {
                let text = format!("{name}: positions {} do not name places in {dims:?}", self.shape(indices));
                self.fail(Error::shape(text));
                return None;
            }
        };
        if let Err(error) = crate::ops::index::check_indices(self.ty(indices)) {
            self.fail(error.within(name));
            return None;
        }
        let indices = self.cast(indices, DType::I64);
        let total: usize = dims[..depth].iter().product();
        let last = shape.len() - 1;
        let mut flat = self.full(DType::I64, &shape[..last], 0.0);
        let mut is_inside = self.full(DType::Bool, &shape[..last], 1.0);
        for (number, size) in dims[..depth].iter().enumerate() {
            let one = self.narrow(indices, last, number, 1);
            let one = self.reshape(one, &shape[..last]);
            let (zero, size) = (self.integer(DType::I64, 0), self.integer(DType::I64, *size as i64));
            let is_negative = self.less(one, zero);
            let from_end = self.add(one, size);
            let one = self.select(is_negative, from_end, one);
            let (low, high) = (self.greater_equal(one, zero), self.less(one, size));
            is_inside = self.logical_and(is_inside, low);
            is_inside = self.logical_and(is_inside, high);
            flat = self.mul(flat, size);
            flat = self.add(flat, one);
        }
        let outside = self.integer(DType::I64, total as i64);
        Some((self.select(is_inside, flat, outside), depth))
    }
    /// Slices of x at the positions in its first k dimensions that the last axis of the indices (i32 or i64, [..., k]) holds. Negative
    /// positions count from the end. A position out of range fails the run.
    pub fn gather_nd(&mut self, x: Value, indices: Value) -> Value {
        let dims = self.dims(x);
        let Some((flat, depth)) = self.flat_positions("gather_nd", indices, &dims) else { return Value::INVALID };
        let rows = [&[dims[..depth].iter().product()], &dims[depth..]].concat();
        let x = self.reshape(x, &rows);
        self.gather(x, flat, 0)
    }
    /// x with `updates` joined to the slices that [`Trace::gather_nd`] would read.
    pub fn scatter_nd_into(&mut self, x: Value, indices: Value, updates: Value, join: Join) -> Value {
        let dims = self.dims(x);
        let Some((flat, depth)) = self.flat_positions("scatter_nd", indices, &dims) else { return Value::INVALID };
        let rows = [&[dims[..depth].iter().product()], &dims[depth..]].concat();
        let x = self.reshape(x, &rows);
        let y = self.scatter(x, flat, updates, 0, join, true);
        self.reshape(y, &dims)
    }
    /// Zeros of these sizes with `updates` added to the slices that [`Trace::gather_nd`] would read.
    pub fn scatter_nd(&mut self, indices: Value, updates: Value, dims: &[usize]) -> Value {
        if let Err(error) = crate::tensor::Shape::new(dims) {
            return self.fail(error.within("scatter_nd"));
        }
        let Some((flat, depth)) = self.flat_positions("scatter_nd", indices, dims) else { return Value::INVALID };
        let rows = [&[dims[..depth].iter().product()], &dims[depth..]].concat();
        let zero = self.scalar(self.dtype(updates), 0.0);
        let y = self.scatter_over(ScatterKind::Add, zero, &rows, flat, updates, 0);
        self.reshape(y, dims)
    }

    /// Slices of x whose `ids` (in the shape of the first dimensions of x) are equal, joined: slice i of the result is that of id i. A segment
    /// of nothing is 0, 1 for a product, the least number for a maximum, the largest for a minimum. Replace keeps the last.
    pub fn segment(&mut self, x: Value, ids: Value, segments: usize, join: Join) -> Value {
        if !self.can_join(join, x) {
            return if self.error().is_some() { Value::INVALID } else { self.gather(x, ids, 0) };
        }
        let (kind, dims, shape) = (join.kind(), self.dims(x), self.dims(ids));
        if shape.len() > dims.len() || dims[..shape.len()] != shape[..] {
            let text = format!("segment: ids {} are not the first dimensions of {}", self.shape(ids), self.shape(x));
            return self.fail(Error::shape(text));
        }
        let start = self.start_of(kind, self.dtype(x));
        let dims = [&[segments], &dims[shape.len()..]].concat();
        let y = self.scatter_over(kind, start, &dims, ids, x, 0);
        if join != Join::Mean || !y.is_valid() {
            return y;
        }
        let dtype = self.dtype(x);
        let (zero, ones) = (self.scalar(dtype, 0.0), self.full(dtype, &shape, 1.0));
        let count = self.scatter_over(ScatterKind::Add, zero, &[segments], ids, ones, 0);
        let count = self.broadcast_in(count, &dims, &[0]);
        self.divided(y, count)
    }

    /// Rows of `table` [n, d] at the indices. No gradient passes to the row `padding`, which may count from the end.
    pub fn embedding(&mut self, table: Value, indices: Value, padding: Option<i64>) -> Value {
        if self.contains(table) && self.rank(table) != 2 {
            let shape = self.shape(table);
            return self.fail(Error::shape(format!("embedding: the table has two dimensions, not {shape}")));
        }
        let rows = self.gather(table, indices, 0);
        let Some(padding) = padding else { return rows };
        let Some(is_padding) = self.is_row(indices, padding, self.dims(table)[0]) else { return Value::INVALID };
        let (is_padding, still) = (self.unsqueeze(is_padding, self.rank(indices)), self.stop_gradient(rows));
        self.select(is_padding, still, rows)
    }
    /// Rows of `table` [n, d] at the indices [..., l], joined over the last axis of the indices by Add, Mean, or Max. The row `padding`
    /// takes no part; what nothing takes part in is 0.
    pub fn embedding_bag(&mut self, table: Value, indices: Value, join: Join, padding: Option<i64>) -> Value {
        if !matches!(join, Join::Add | Join::Mean | Join::Max) {
            return self.fail(Error::invalid("embedding_bag: rows are joined by sum, mean, or maximum"));
        }
        let rows = self.embedding(table, indices, None);
        if !rows.is_valid() {
            return rows;
        }
        if self.rank(indices) == 0 {
            return self.fail(Error::shape("embedding_bag: the indices have at least one dimension, which is joined"));
        }
        let dims = self.dims(rows);
        let axis = dims.len() - 2;
        let takes_part = match padding {
            Some(padding) => {
                let Some(is_padding) = self.is_row(indices, padding, self.dims(table)[0]) else { return Value::INVALID };
                self.logical_not(is_padding)
            }
            None => self.full(DType::Bool, &self.dims(indices), 1.0),
        };
        let dtype = self.dtype(rows);
        let part = self.unsqueeze(takes_part, self.rank(indices));
        let (zero, lowest) = (self.scalar(dtype, 0.0), self.scalar(dtype, f64::NEG_INFINITY));
        if join == Join::Max {
            let candidates = self.select(part, rows, lowest);
            let empty = [&dims[..axis], &dims[axis + 1..]].concat();
            if dims[axis] == 0 {
                return self.full(dtype, &empty, 0.0);
            }
            let largest = self.max(candidates, &[axis], false);
            let any = self.any(part, &[axis], false);
            return self.select(any, largest, zero);
        }
        let rows = self.select(part, rows, zero);
        let sum = self.sum(rows, &[axis], false);
        if join == Join::Add {
            return sum;
        }
        let part = self.cast(part, dtype);
        let count = self.sum(part, &[axis], false);
        self.divided(sum, count)
    }
    /// Whether each index names this row of `size`; both may count from the end.
    fn is_row(&mut self, indices: Value, row: i64, size: usize) -> Option<Value> {
        let size = size as i64;
        if row < -size || row >= size {
            self.fail(Error::invalid(format!("embedding: padding is row {row} of {size}")));
            return None;
        }
        let row = if row < 0 { row + size } else { row };
        let dtype = self.dtype(indices);
        let (from_start, from_end) = (self.integer(dtype, row), self.integer(dtype, row - size));
        let (a, b) = (self.equal(indices, from_start), self.equal(indices, from_end));
        Some(self.logical_or(a, b))
    }

    /// How often each of the numbers 0 to `size` - 1 occurs in x (i32 or i64), as i64; or the sum of the weights (in the shape of x) of its
    /// occurrences. Another number fails the run, but negative ones from -size count from the end.
    pub fn bincount(&mut self, x: Value, weights: Option<Value>, size: usize) -> Value {
        let weights = weights.unwrap_or_else(|| self.full(DType::I64, &self.dims(x), 1.0));
        self.segment(weights, x, size, Join::Add)
    }
    /// How many elements of x lie in each of `bins` equal intervals from `low` to `high`, in the dtype of x; elements outside count nowhere.
    /// With `low` = `high` the range is that of x.
    pub fn histc(&mut self, x: Value, bins: usize, low: f64, high: f64) -> Value {
        if bins == 0 || !low.is_finite() || !high.is_finite() || low > high {
            return self.fail(Error::invalid(format!("histc: {bins} bins from {low} to {high} are no intervals")));
        }
        if self.contains(x) && !self.dtype(x).is_float() {
            let dtype = self.dtype(x);
            return self.fail(Error::dtype(format!("histc: defined for floats, not {dtype}")));
        }
        let (dtype, flat) = (self.dtype(x), self.as_vector(x));
        if self.contains(x) && self.shape(x).elements() == 0 {
            return self.full(dtype, &[bins], 0.0);
        }
        // In f32 at least, so that the counts of 16-bit floats are right.
        let wide = if dtype == DType::F64 { DType::F64 } else { DType::F32 };
        let flat = self.cast(flat, wide);
        let (mut low_value, mut high_value) = (self.scalar(wide, low), self.scalar(wide, high));
        if low == high {
            let (least, most) = (self.min(flat, &[0], false), self.max(flat, &[0], false));
            let (is_point, one) = (self.equal(least, most), self.scalar(wide, 1.0));
            let (below, above) = (self.sub(least, one), self.add(most, one));
            (low_value, high_value) = (self.select(is_point, below, least), self.select(is_point, above, most));
        }
        let (from, range) = (self.sub(flat, low_value), self.sub(high_value, low_value));
        let scaled = self.mul_scalar(from, bins as f64);
        let place = self.div(scaled, range);
        let place = self.cast(place, DType::I64);
        let last = self.integer(DType::I64, bins as i64 - 1);
        let place = self.minimum(place, last);
        let (above, below) = (self.greater_equal(flat, low_value), self.less_equal(flat, high_value));
        let is_inside = self.logical_and(above, below);
        let nowhere = self.integer(DType::I64, bins as i64);
        let place = self.select(is_inside, place, nowhere);
        let counts = self.bincount(place, None, bins + 1);
        let counts = self.narrow(counts, 0, 0, bins);
        self.cast(counts, dtype)
    }

    /// Where the elements of a mask (bool) that hold go, one after the other: (their number before each, their number in all).
    fn ranks(&mut self, mask: Value) -> (Value, Value) {
        let flat = self.as_vector(mask);
        let counts = self.cumsum(flat, 0, false, true);
        let total = self.sum(flat, &[0], false);
        (counts, total)
    }
    /// The places, in a vector, of the first `size` elements of the mask that hold, and how many hold in all; `fill` where there are
    /// fewer.
    pub(in crate::ops) fn compressed(&mut self, mask: Value, size: usize, fill: i64) -> (Value, Value) {
        let (ranks, total) = self.ranks(mask);
        let flat = self.as_vector(mask);
        let beyond = self.integer(DType::I64, size as i64);
        let ranks = self.minimum(ranks, beyond);
        let targets = self.select(flat, ranks, beyond);
        let places = self.iota(DType::I64, &[self.shape(mask).elements()], 0);
        let fill = self.integer(DType::I64, fill);
        let kept = self.scatter_over(ScatterKind::Replace, fill, &[size.saturating_add(1)], targets, places, 0);
        (self.narrow(kept, 0, 0, size), total)
    }
    /// The positions (i64 [size, rank]) of the first `size` elements of x that are not 0, in row-major order, and how many there are in all
    /// (i64). Shapes do not depend on values: rows beyond the number hold `fill`.
    pub fn nonzero(&mut self, x: Value, size: usize, fill: i64) -> (Value, Value) {
        let mask = self.cast(x, DType::Bool);
        if !mask.is_valid() {
            return (mask, mask);
        }
        let dims = self.dims(x);
        let (flat, total) = self.compressed(mask, size, -1);
        let (none, fill) = (self.integer(DType::I64, 0), self.integer(DType::I64, fill));
        let is_real = self.greater_equal(flat, none);
        let mut columns = Vec::with_capacity(dims.len());
        let mut rest = flat;
        for size in dims.iter().rev() {
            let size = self.integer(DType::I64, (*size).max(1) as i64);
            columns.push(self.fmod(rest, size));
            let divisor = self.broadcast_to(size, &self.dims(rest));
            rest = self.push(Op::Binary(Binary::Div), &[rest, divisor]);
        }
        columns.reverse();
        let columns: Vec<Value> = columns.into_iter().map(|column| self.select(is_real, column, fill)).collect();
        let positions = if columns.is_empty() { self.full(DType::I64, &[size, 0], 0.0) } else { self.stack(&columns, 1) };
        (positions, total)
    }
    /// The first `size` elements of x where the mask (bool, broadcast to x) holds, in row-major order, and how many there are in all (i64).
    /// Shapes do not depend on values: elements beyond the number are `fill`.
    pub fn masked_select(&mut self, x: Value, mask: Value, size: usize, fill: f64) -> (Value, Value) {
        let (x, mask) = match self.masked("masked_select", x, mask) {
            Ok(pair) => pair,
            Err(error) => {
                let failed = self.fail(error);
                return (failed, failed);
            }
        };
        let (places, total) = self.compressed(mask, size, -1);
        let fill = self.scalar(self.dtype(x), fill);
        if self.shape(x).elements() == 0 {
            return (self.broadcast_to(fill, &[size]), total);
        }
        // Position -1 names the last element, which is not taken.
        let taken = self.take(x, places);
        let none = self.integer(DType::I64, 0);
        let is_real = self.greater_equal(places, none);
        (self.select(is_real, taken, fill), total)
    }
    /// x with the elements of `source`, in row-major order, where the mask (bool, broadcast to x) holds. Fails the run if the source has fewer
    /// elements than the mask has places.
    pub fn masked_scatter(&mut self, x: Value, mask: Value, source: Value) -> Value {
        let (x, mask) = match self.masked("masked_scatter", x, mask) {
            Ok(pair) => pair,
            Err(error) => return self.fail(error),
        };
        if self.contains(source) && self.dtype(source) != self.dtype(x) {
            let text = format!("masked_scatter: operand {}, source {}", self.ty(x), self.ty(source));
            return self.fail(Error::dtype(text));
        }
        let dims = self.dims(x);
        // What stands for places where the mask does not hold comes first, so that there is always something to read.
        let (first, source) = (self.full(self.dtype(x), &[1], 0.0), self.as_vector(source));
        let source = self.concat(&[first, source], 0);
        let (ranks, _) = self.ranks(mask);
        let ranks = self.reshape(ranks, &dims);
        let (one, none) = (self.integer(DType::I64, 1), self.integer(DType::I64, 0));
        let behind = self.add(ranks, one);
        let places = self.select(mask, behind, none);
        let taken = self.gather(source, places, 0);
        self.select(mask, taken, x)
    }
    fn masked(&mut self, name: &str, x: Value, mask: Value) -> Result<(Value, Value)> {
        if !self.contains(x) || !self.contains(mask) {
            return Err(Error::invalid(format!("{name}: an operand is not a value of this graph")));
        }
        if self.dtype(mask) != DType::Bool {
            return Err(Error::dtype(format!("{name}: the mask is {}, not bool", self.ty(mask))));
        }
        let shape = crate::ops::shape::broadcast_shape(&self.shape(x), &self.shape(mask)).map_err(|error| error.within(name))?;
        Ok((self.broadcast_to(x, shape.dims()), self.broadcast_to(mask, shape.dims())))
    }
}
