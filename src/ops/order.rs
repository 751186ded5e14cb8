//! Positions that sorting and searching find. Values come by way of them, and so do gradients.

use crate::error::{Error, Result};
use crate::ir::{Op, Type, Value};
use crate::ops::Trace;
use crate::ops::catalog::{Differentiable, Domain, Row, Values};
use crate::tensor::{DType, Shape};

const FLAT: Differentiable = Differentiable::Zero("positions are integers");
const REAL: Values = Values::Uniform(-1.0, 1.0);

pub(super) const ROWS: &[Row] = &[
    Row {
        name: "argsort",
        meaning: "the positions that sort x along the axis; equal elements keep their order; NaN counts as largest",
        domain: Domain::Number,
        differentiable: FLAT,
        shapes: "x [..., n, ...] -> [..., n, ...]",
        build: |g, x| g.argsort(x[0], 1, false),
        samples: &[&[(&[2, 5], REAL)]],
        ..Row::COMMON
    },
    Row {
        name: "searchsorted",
        meaning: "where each value is to be put into a sorted sequence",
        domain: Domain::Number,
        differentiable: FLAT,
        shapes: "sequence [..., n], values [..., m] -> [..., m]",
        build: |g, x| g.searchsorted(x[0], x[1], false),
        samples: &[&[(&[2, 4], REAL), (&[2, 3], REAL)]],
        ..Row::COMMON
    },
];

fn check(axis: u8, x: Type) -> Result<()> {
    super::reduce::check_axes(&x.shape, &[axis])?;
    if x.dtype == DType::Bool {
        return Err(Error::dtype("defined for floats and integers, not bool"));
    }
    Ok(())
}

pub(super) fn infer_argsort(axis: u8, x: Type) -> Result<Type> {
    check(axis, x)?;
    Ok(Type::new(DType::I64, x.shape))
}

pub(super) fn infer_top(axis: u8, count: usize, x: Type) -> Result<Type> {
    check(axis, x)?;
    let mut dims = x.shape.dims().to_vec();
    if count > dims[axis as usize] {
        return Err(Error::shape(format!("{count} elements are wanted of axis {axis} of {}", x.shape)));
    }
    dims[axis as usize] = count;
    Ok(Type::new(DType::I64, Shape::new(&dims)?))
}

pub(super) fn infer_search(sequence: Type, values: Type) -> Result<Type> {
    if sequence.dtype != values.dtype || sequence.dtype == DType::Bool {
        return Err(Error::dtype(format!("sequence {sequence}, values {values}")));
    }
    let (from, at) = (sequence.shape.dims(), values.shape.dims());
    let fits = from.len() == 1 || (from.len() == at.len() && !at.is_empty() && from[..from.len() - 1] == at[..at.len() - 1]);
    if !fits {
        let text = "leading dimensions are equal, or the sequence has one dimension";
        return Err(Error::shape(format!("sequence {}, values {}: {text}", sequence.shape, values.shape)));
    }
    Ok(Type::new(DType::I64, values.shape))
}

impl Trace {
    /// The positions (i64) that sort x along `axis`; equal elements keep their order. NaN counts as largest. bool counts as u8.
    pub fn argsort(&mut self, x: Value, axis: usize, descending: bool) -> Value {
        let x = self.ordered(x);
        self.push(Op::ArgSort { axis: axis.min(255) as u8, descending }, &[x])
    }
    /// The positions (i64) of the `count` largest or smallest elements along `axis`, in the order of the elements; of equal ones the first.
    /// NaN counts as largest. bool counts as u8.
    pub fn argtop(&mut self, x: Value, count: usize, axis: usize, largest: bool) -> Value {
        let x = self.ordered(x);
        self.push(Op::ArgTop { axis: axis.min(255) as u8, count, largest }, &[x])
    }
    /// For each value the number (i64) of elements of the sequence, which ascends along its last axis, that are smaller (with `right`: not
    /// larger). The sequence has the leading dimensions of the values, or none. NaN counts as largest. Dtypes promote.
    pub fn searchsorted(&mut self, sequence: Value, values: Value, right: bool) -> Value {
        let dtype = super::binary::promote(self.dtype(sequence), self.dtype(values));
        let (sequence, values) = (self.cast(sequence, dtype), self.cast(values, dtype));
        self.push(Op::SearchSorted { right }, &[sequence, values])
    }
    fn ordered(&mut self, x: Value) -> Value {
        if self.contains(x) && self.dtype(x) == DType::Bool { self.cast(x, DType::U8) } else { x }
    }
}
