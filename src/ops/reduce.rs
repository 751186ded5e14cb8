//! Reductions over any axes.

use crate::error::{Error, Result};
use crate::ir::{Op, ReduceKind, Type, Value};
use crate::ops::Trace;
use crate::ops::catalog::{Differentiable, Domain, Row, Sample, Values};
use crate::ops::rules::Contribution;
use crate::tensor::{DType, Shape};

const REAL: Values = Values::Uniform(-2.0, 2.0);
const SAMPLES: &[Sample] = &[&[(&[3, 4], REAL)], &[(&[5], REAL)]];

macro_rules! reduce_row {
    ($name:ident, $meaning:literal, $domain:ident, $differentiable:expr, $samples:expr) => {
        Row {
            name: stringify!($name),
            meaning: $meaning,
            domain: Domain::$domain,
            differentiable: $differentiable,
            build: |g, x| {
                let last = g.rank(x[0]) - 1;
                g.$name(x[0], &[last], false)
            },
            samples: $samples,
            ..Row::COMMON
        }
    };
}

pub(super) const ROWS: &[Row] = &[
    reduce_row!(sum, "the sum of the elements", Number, Differentiable::Yes, SAMPLES).shaped("x [...] -> [...] without the axes"),
    reduce_row!(mean, "the mean of the elements", Float, Differentiable::Yes, SAMPLES).shaped("x [...] -> [...] without the axes"),
    reduce_row!(prod, "the product of the elements", Number, Differentiable::Yes, SAMPLES).shaped("x [...] -> [...] without the axes"),
    reduce_row!(max, "the largest element; ties share the gradient", Number, Differentiable::Yes, SAMPLES)
        .shaped("x [...] -> [...] without the axes")
        .called("torch.amax", "mindspore.ops.amax"),
    reduce_row!(min, "the smallest element; ties share the gradient", Number, Differentiable::Yes, SAMPLES)
        .shaped("x [...] -> [...] without the axes")
        .called("torch.amin", "mindspore.ops.amin"),
    reduce_row!(any, "whether any element is true", Bool, Differentiable::Zero("bool"), &[]).shaped("x [...] -> [...] without the axes"),
    reduce_row!(all, "whether all elements are true", Bool, Differentiable::Zero("bool"), &[]).shaped("x [...] -> [...] without the axes"),
    Row {
        name: "argmax",
        meaning: "the position of the first largest element",
        domain: Domain::Number,
        differentiable: Differentiable::Zero("positions are integers"),
        shapes: "x [...] -> i64 [...] without the axis",
        build: |g, x| g.argmax(x[0], 1),
        samples: &[&[(&[3, 4], REAL)]],
        ..Row::COMMON
    },
    Row {
        name: "argmin",
        meaning: "the position of the first smallest element",
        domain: Domain::Number,
        differentiable: Differentiable::Zero("positions are integers"),
        shapes: "x [...] -> i64 [...] without the axis",
        build: |g, x| g.argmin(x[0], 1),
        samples: &[&[(&[3, 4], REAL)]],
        ..Row::COMMON
    },
    Row {
        name: "sum_leading",
        meaning: "the sum over leading and middle axes",
        domain: Domain::Number,
        differentiable: Differentiable::Yes,
        shapes: "x [a, b, c] -> [b, c]",
        torch: "-",
        mindspore: "-",
        build: |g, x| {
            let first = g.sum(x[0], &[0], false);
            let middle = g.max(x[0], &[1], true);
            let middle = g.mean(middle, &[0, 2], true);
            g.add(first, middle)
        },
        samples: &[&[(&[3, 4, 2], REAL)]],
        ..Row::COMMON
    },
];

pub(super) fn check_axes(shape: &Shape, axes: &[u8]) -> Result<()> {
    if let Some(axis) = axes.iter().find(|axis| **axis as usize >= shape.rank()) {
        return Err(Error::shape(format!("there is no axis {axis} in {shape}")));
    }
    if axes.windows(2).any(|pair| pair[0] >= pair[1]) {
        return Err(Error::shape(format!("axes {axes:?} are named twice or out of order")));
    }
    Ok(())
}

fn without(shape: &Shape, axes: &[u8]) -> Result<Shape> {
    let kept: Vec<usize> = (0..shape.rank()).filter(|axis| !axes.contains(&(*axis as u8))).map(|axis| shape.dims()[axis]).collect();
    Shape::new(&kept)
}

pub(super) fn infer(kind: ReduceKind, axes: &[u8], x: Type) -> Result<Type> {
    check_axes(&x.shape, axes)?;
    let boolean = matches!(kind, ReduceKind::Any | ReduceKind::All);
    if boolean != (x.dtype == DType::Bool) {
        return Err(Error::dtype(format!("defined for {}, not {}", if boolean { "bool" } else { "floats and integers" }, x.dtype)));
    }
    let empty = axes.iter().any(|axis| x.shape.dims()[*axis as usize] == 0);
    if empty && matches!(kind, ReduceKind::Max | ReduceKind::Min) {
        return Err(Error::shape(format!("there is no largest or smallest of no elements: {} over {axes:?}", x.shape)));
    }
    Ok(Type::new(x.dtype, without(&x.shape, axes)?))
}

pub(super) fn infer_arg(axis: u8, x: Type) -> Result<Type> {
    check_axes(&x.shape, &[axis])?;
    if x.dtype == DType::Bool {
        return Err(Error::dtype("defined for floats and integers, not bool"));
    }
    if x.shape.dims()[axis as usize] == 0 {
        return Err(Error::shape(format!("there is no largest or smallest of no elements: {} over {axis}", x.shape)));
    }
    Ok(Type::new(DType::I64, without(&x.shape, &[axis])?))
}

pub(super) fn gradient(g: &mut Trace, kind: ReduceKind, axes: &[u8], x: Value, y: Value, dy: Value) -> Contribution {
    let axes: Vec<usize> = axes.iter().map(|axis| *axis as usize).collect();
    match kind {
        ReduceKind::Sum => Contribution::One(g.expand_like(dy, x, &axes)),
        ReduceKind::Max | ReduceKind::Min => {
            // Ties share: dy / (number of elements equal to the result). NaN equals nothing; it takes part as itself.
            let winner = g.expand_like(y, x, &axes);
            let wins = g.equal(x, winner);
            let wins = g.cast(wins, g.dtype(x));
            let count = g.reduce(ReduceKind::Sum, wins, &axes, false);
            let share = g.div(dy, count);
            let share = g.expand_like(share, x, &axes);
            Contribution::One(g.mul(wins, share))
        }
        ReduceKind::Prod => Contribution::One(gradient_prod(g, &axes, x, dy)),
        ReduceKind::Any | ReduceKind::All => Contribution::Zero,
    }
}

/// The product of all other elements, times dy; right also where elements are 0: the elements before and those behind each
/// are multiplied up by doubling, in about 2 log2(n) steps.
fn gradient_prod(g: &mut Trace, axes: &[usize], x: Value, dy: Value) -> Value {
    let dims = g.dims(x);
    let kept: Vec<usize> = (0..dims.len()).filter(|axis| !axes.contains(axis)).collect();
    let order: Vec<usize> = kept.iter().chain(axes).copied().collect();
    let moved = g.transpose(x, &order);
    let moved_dims = g.dims(moved);
    let rows: usize = kept.iter().map(|axis| dims[*axis]).product();
    let length: usize = axes.iter().map(|axis| dims[*axis]).product();
    let flat = g.reshape(moved, &[rows, length]);
    let before = exclusive_product(g, flat, rows, length);
    let turned = g.reverse(flat, &[1]);
    let behind = exclusive_product(g, turned, rows, length);
    let behind = g.reverse(behind, &[1]);
    let others = g.mul(before, behind);
    let dy = g.reshape(dy, &[rows, 1]);
    let dx = g.mul(others, dy);
    let dx = g.reshape(dx, &moved_dims);
    let mut inverse = vec![0; order.len()];
    for (i, axis) in order.iter().enumerate() {
        inverse[*axis] = i;
    }
    g.transpose(dx, &inverse)
}

/// Element i of each row: the product of the elements before i.
fn exclusive_product(g: &mut Trace, x: Value, rows: usize, length: usize) -> Value {
    let one = g.scalar(g.dtype(x), 1.0);
    let shift = |g: &mut Trace, x: Value, by: usize| {
        let by = by.min(length);
        let head = g.slice(x, &[0, 0], &[rows, length - by], &[1, 1]);
        g.pad(head, one, &[0, by], &[0, 0], &[0, 0])
    };
    let mut product = shift(g, x, 1);
    let mut reach = 1;
    while reach < length {
        let shifted = shift(g, product, reach);
        product = g.mul(product, shifted);
        reach *= 2;
    }
    product
}

impl Trace {
    /// Joins the elements along `axes` (any order); with `keep_dims` they stay as dimensions of size 1.
    pub fn reduce(&mut self, kind: ReduceKind, x: Value, axes: &[usize], keep_dims: bool) -> Value {
        let mut sorted: Vec<u8> = axes.iter().map(|axis| (*axis).min(255) as u8).collect();
        sorted.sort_unstable();
        let dims = self.dims(x);
        // Over no axes every element is its own result, if the reduction is defined for it.
        let nothing = sorted.is_empty() && self.contains(x) && infer(kind, &[], self.ty(x)).is_ok();
        let reduced = if nothing { x } else { self.push(Op::Reduce { kind, axes: sorted }, &[x]) };
        if !keep_dims || !reduced.is_valid() {
            return reduced;
        }
        let kept: Vec<usize> = (0..dims.len()).map(|axis| if axes.contains(&axis) { 1 } else { dims[axis] }).collect();
        self.reshape(reduced, &kept)
    }
    /// The sum over `axes`. bool counts as i64.
    pub fn sum(&mut self, x: Value, axes: &[usize], keep_dims: bool) -> Value {
        let x = if self.contains(x) && self.dtype(x) == DType::Bool { self.cast(x, DType::I64) } else { x };
        self.reduce(ReduceKind::Sum, x, axes, keep_dims)
    }
    /// The mean over `axes`: the sum divided by the number of elements. Integers give f32. The mean of nothing is NaN. 16-bit floats
    /// are summed in f32, so that a sum beyond their range has its mean.
    pub fn mean(&mut self, x: Value, axes: &[usize], keep_dims: bool) -> Value {
        let dtype = self.dtype(x);
        if self.contains(x) && matches!(dtype, DType::F16 | DType::BF16) {
            let wide = self.cast(x, DType::F32);
            let mean = self.mean(wide, axes, keep_dims);
            return self.cast(mean, dtype);
        }
        let x = if self.contains(x) && !dtype.is_float() { self.cast(x, DType::F32) } else { x };
        let dims = self.dims(x);
        let count: usize = axes.iter().map(|axis| dims.get(*axis).copied().unwrap_or(1)).product();
        let sum = self.reduce(ReduceKind::Sum, x, axes, keep_dims);
        self.mul_scalar(sum, 1.0 / count as f64)
    }
    /// The product over `axes`.
    pub fn prod(&mut self, x: Value, axes: &[usize], keep_dims: bool) -> Value {
        self.reduce(ReduceKind::Prod, x, axes, keep_dims)
    }
    /// The largest element over `axes`; NaN if any is NaN.
    pub fn max(&mut self, x: Value, axes: &[usize], keep_dims: bool) -> Value {
        self.reduce(ReduceKind::Max, x, axes, keep_dims)
    }
    /// The smallest element over `axes`; NaN if any is NaN.
    pub fn min(&mut self, x: Value, axes: &[usize], keep_dims: bool) -> Value {
        self.reduce(ReduceKind::Min, x, axes, keep_dims)
    }
    /// Whether any element over `axes` is true.
    pub fn any(&mut self, x: Value, axes: &[usize], keep_dims: bool) -> Value {
        self.reduce(ReduceKind::Any, x, axes, keep_dims)
    }
    /// Whether all elements over `axes` are true.
    pub fn all(&mut self, x: Value, axes: &[usize], keep_dims: bool) -> Value {
        self.reduce(ReduceKind::All, x, axes, keep_dims)
    }
    /// The position (i64) of the first largest element along `axis`; NaN counts as largest.
    pub fn argmax(&mut self, x: Value, axis: usize) -> Value {
        self.push(Op::ArgMax(axis.min(255) as u8), &[x])
    }
    /// The position (i64) of the first smallest element along `axis`; NaN counts as smallest.
    pub fn argmin(&mut self, x: Value, axis: usize) -> Value {
        self.push(Op::ArgMin(axis.min(255) as u8), &[x])
    }
    /// A result of reducing x over `axes`, repeated back to the shape of x.
    pub fn expand_like(&mut self, reduced: Value, x: Value, axes: &[usize]) -> Value {
        let dims = self.dims(x);
        let kept: Vec<usize> = (0..dims.len()).filter(|axis| !axes.contains(axis)).collect();
        if kept.len() == dims.len() {
            return reduced;
        }
        self.broadcast_in(reduced, &dims, &kept)
    }
}
