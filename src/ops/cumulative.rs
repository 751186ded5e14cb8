//! What accumulates along an axis: sums, positions of extremes so far, and the linear recurrence that products are made of.

use crate::error::{Error, Result};
use crate::ir::{CumulativeKind, Op, Type, Value};
use crate::ops::Trace;
use crate::ops::catalog::{Differentiable, Domain, Row, Values};
use crate::ops::rules::Contribution;
use crate::tensor::DType;

const REAL: Values = Values::Uniform(-2.0, 2.0);

pub(super) const ROWS: &[Row] = &[
    Row {
        name: "cumsum",
        shapes: "x -> the same",
        meaning: "the sum of all elements up to each along the axis",
        domain: Domain::Number,
        differentiable: Differentiable::Yes,
        build: |g, x| g.cumsum(x[0], 1, false, false),
        samples: &[&[(&[2, 4], REAL)], &[(&[2, 3, 2], REAL)]],
        ..Row::COMMON
    },
    Row {
        name: "recurrence",
        meaning: "y_0 = b_0, y_i = a_i y_(i-1) + b_i along the axis",
        domain: Domain::Number,
        differentiable: Differentiable::Yes,
        shapes: "a and b [..., n, ...] -> the same",
        torch: "-",
        mindspore: "-",
        build: |g, x| g.recurrence(x[0], x[1], 1, false),
        samples: &[&[(&[2, 4], REAL), (&[2, 4], REAL)], &[(&[1, 3, 2], REAL), (&[1, 3, 2], REAL)]],
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

pub(super) fn infer(kind: CumulativeKind, axis: u8, x: Type) -> Result<Type> {
    check(axis, x)?;
    Ok(Type::new(if kind == CumulativeKind::Sum { x.dtype } else { DType::I64 }, x.shape))
}

pub(super) fn infer_recurrence(axis: u8, a: Type, b: Type) -> Result<Type> {
    super::binary::same(a, b)?;
    check(axis, a)?;
    Ok(a)
}

pub(super) fn gradient(g: &mut Trace, kind: CumulativeKind, axis: u8, reverse: bool, dy: Value) -> Contribution {
    match kind {
        CumulativeKind::Sum => Contribution::One(g.push(Op::Cumulative { kind, axis, reverse: !reverse }, &[dy])),
        CumulativeKind::ArgMax | CumulativeKind::ArgMin => Contribution::Zero,
    }
}

/// db is the recurrence run the other way, each step with the factor of the step that came behind it; da = db times what went into the step.
pub(super) fn gradient_recurrence(g: &mut Trace, axis: u8, reverse: bool, a: Value, y: Value, dy: Value) -> Contribution {
    let axis = axis as usize;
    let behind = g.shift(a, axis, if reverse { 1 } else { -1 }, 0.0);
    let db = g.recurrence(behind, dy, axis, !reverse);
    let before = g.shift(y, axis, if reverse { -1 } else { 1 }, 0.0);
    let da = g.mul(db, before);
    Contribution::Two(da, db)
}

impl Trace {
    /// The sum of all elements up to each along `axis`; from the end with `reverse`; without the element itself if `exclusive`. bool counts
    /// as i64.
    pub fn cumsum(&mut self, x: Value, axis: usize, reverse: bool, exclusive: bool) -> Value {
        let x = if self.contains(x) && self.dtype(x) == DType::Bool { self.cast(x, DType::I64) } else { x };
        let sum = self.push(Op::Cumulative { kind: CumulativeKind::Sum, axis: axis.min(255) as u8, reverse }, &[x]);
        if exclusive { self.shift(sum, axis, if reverse { -1 } else { 1 }, 0.0) } else { sum }
    }
    /// y_0 = b_0 and y_i = a_i y_(i-1) + b_i along `axis`; from the end with `reverse`. a_0 is not used.
    pub fn recurrence(&mut self, a: Value, b: Value, axis: usize, reverse: bool) -> Value {
        self.push(Op::Recurrence { axis: axis.min(255) as u8, reverse }, &[a, b])
    }
    /// The positions (i64) of the last largest (or smallest) element up to each along `axis`; NaN counts as both.
    pub(super) fn cumulative_position(&mut self, x: Value, axis: usize, largest: bool, reverse: bool) -> Value {
        let kind = if largest { CumulativeKind::ArgMax } else { CumulativeKind::ArgMin };
        self.push(Op::Cumulative { kind, axis: axis.min(255) as u8, reverse }, &[x])
    }
    /// x moved one place along `axis`, towards larger positions (1) or smaller ones (-1), with `fill` in the place that comes free.
    pub(super) fn shift(&mut self, x: Value, axis: usize, by: i8, fill: f64) -> Value {
        let dims = self.dims(x);
        if !self.contains(x) || axis >= dims.len() || dims[axis] == 0 {
            return x;
        }
        let kept = self.narrow(x, axis, if by > 0 { 0 } else { 1 }, dims[axis] - 1);
        let (mut low, mut high) = (vec![0; dims.len()], vec![0; dims.len()]);
        if by > 0 {
            low[axis] = 1
        } else {
            high[axis] = 1
        }
        let fill = self.scalar(self.dtype(x), fill);
        let none = vec![0; dims.len()];
        self.pad(kept, fill, &low, &high, &none)
    }
}
