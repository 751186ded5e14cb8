//! Elements at computed positions along an axis, and joining values to such places: whole slices, or one position for each element.

use crate::error::{Error, Result};
use crate::ir::{Op, ScatterKind, Type, Value};
use crate::ops::Trace;
use crate::ops::catalog::{Differentiable, Domain, Row, Values};
use crate::ops::index::{check_indices, infer_gather};
use crate::ops::rules::Contribution;
use crate::tensor::{DType, Shape};

const REAL: Values = Values::Uniform(-1.0, 1.0);

macro_rules! scatter_row {
    ($name:literal, $meaning:literal, $kind:ident, $domain:ident, $torch:literal, $mindspore:literal) => {
        Row {
            name: $name,
            meaning: $meaning,
            domain: Domain::$domain,
            differentiable: Differentiable::Yes,
            shapes: "x [a.., n, b..], indices [k..], updates [a.., k.., b..] -> x",
            torch: $torch,
            mindspore: $mindspore,
            build: |g, x| g.scatter_into(ScatterKind::$kind, x[0], x[1], x[2], 0),
            samples: &[
                &[(&[4, 3], REAL), (&[5], Values::Integers(0, 3)), (&[5, 3], REAL)],
                &[(&[5, 2], REAL), (&[2, 2], Values::Integers(0, 4)), (&[2, 2, 2], REAL)],
            ],
            ..Row::COMMON
        }
    };
}

macro_rules! along_row {
    ($name:literal, $meaning:literal, $kind:ident, $domain:ident, $torch:literal, $mindspore:literal) => {
        Row {
            name: $name,
            meaning: $meaning,
            domain: Domain::$domain,
            differentiable: Differentiable::Yes,
            shapes: "x [..., n, ...], indices and updates [..., k, ...] -> x",
            torch: $torch,
            mindspore: $mindspore,
            build: |g, x| g.scatter_along_into(ScatterKind::$kind, x[0], x[1], x[2], 1),
            samples: &[&[(&[2, 4], REAL), (&[2, 5], Values::Integers(0, 4)), (&[2, 5], REAL)]],
            ..Row::COMMON
        }
    };
}

pub(super) const ROWS: &[Row] = &[
    scatter_row!(
        "scatter",
        "x with slices at the given positions replaced; of equal positions the last",
        Replace,
        Any,
        "torch.index_copy",
        "-"
    ),
    scatter_row!("scatter_add", "x with slices added at the given positions", Add, Number, "torch.index_add", "mindspore.ops.index_add"),
    scatter_row!("scatter_mul", "x multiplied by slices at the given positions", Mul, Number, "torch.index_reduce", "-"),
    scatter_row!("scatter_max", "the larger of x and slices at the given positions", Max, Number, "torch.index_reduce", "-"),
    scatter_row!("scatter_min", "the smaller of x and slices at the given positions", Min, Number, "torch.index_reduce", "-"),
    Row {
        name: "take_along",
        meaning: "for each element of the indices, the element of x at that position along the axis",
        domain: Domain::Any,
        differentiable: Differentiable::Yes,
        shapes: "x [..., n, ...], indices [..., k, ...] -> indices",
        torch: "torch.gather",
        mindspore: "mindspore.ops.gather_elements",
        build: |g, x| g.take_along(x[0], x[1], 1),
        samples: &[
            &[(&[2, 4, 2], REAL), (&[2, 3, 2], Values::Integers(0, 4))],
            // Fewer off the axis than x has.
            &[(&[3, 3], REAL), (&[2, 5], Values::Integers(-3, 3))],
        ],
        ..Row::COMMON
    },
    along_row!(
        "scatter_along",
        "x with single elements replaced at positions along the axis; of equal places the last",
        Replace,
        Any,
        "torch.scatter",
        "mindspore.ops.tensor_scatter_elements"
    ),
    along_row!("scatter_along_add", "x with elements added at positions along the axis", Add, Number, "torch.scatter_add", "-"),
    along_row!("scatter_along_mul", "x multiplied by elements at positions along the axis", Mul, Number, "torch.scatter_reduce", "-"),
    along_row!("scatter_along_max", "the larger of x and elements at positions along the axis", Max, Number, "torch.scatter_reduce", "-"),
    along_row!("scatter_along_min", "the smaller of x and elements at positions along the axis", Min, Number, "torch.scatter_reduce", "-"),
];

// ---- shape rules ----

/// The type of what is scattered into.
fn target(fill: Option<Shape>, x: Type) -> Result<Type> {
    match fill {
        None => Ok(x),
        Some(shape) if x.shape.is_scalar() => Ok(Type::new(x.dtype, shape)),
        Some(_) => Err(Error::shape(format!("what fills is a scalar, not {x}"))),
    }
}

fn check_updates(kind: ScatterKind, x: Type, updates: Type, wanted: Shape) -> Result<()> {
    if updates.dtype != x.dtype {
        return Err(Error::dtype(format!("operand {x}, updates {updates}")));
    }
    if x.dtype == DType::Bool && kind != ScatterKind::Replace {
        return Err(Error::dtype("defined for floats and integers, not bool"));
    }
    if updates.shape != wanted {
        return Err(Error::shape(format!("updates are {}, not {wanted}", updates.shape)));
    }
    Ok(())
}

pub(super) fn infer(kind: ScatterKind, axis: u8, fill: Option<Shape>, x: Type, indices: Type, updates: Type) -> Result<Type> {
    let x = target(fill, x)?;
    check_updates(kind, x, updates, infer_gather(axis, x, indices)?.shape)?;
    Ok(x)
}

pub(super) fn infer_take_along(axis: u8, x: Type, indices: Type) -> Result<Type> {
    check_indices(indices)?;
    let axis = axis as usize;
    if axis >= x.shape.rank() {
        return Err(Error::shape(format!("there is no axis {axis} in {}", x.shape)));
    }
    let (from, at) = (x.shape.dims(), indices.shape.dims());
    if from.len() != at.len() || (0..at.len()).any(|i| i != axis && at[i] > from[i]) {
        return Err(Error::shape(format!("indices {} do not lie in {} off axis {axis}", indices.shape, x.shape)));
    }
    if from[axis] == 0 && indices.shape.elements() > 0 {
        return Err(Error::shape(format!("axis {axis} of {} is empty: there is nothing to read", x.shape)));
    }
    Ok(Type::new(x.dtype, indices.shape))
}

pub(super) fn infer_along(kind: ScatterKind, axis: u8, fill: Option<Shape>, x: Type, indices: Type, updates: Type) -> Result<Type> {
    let x = target(fill, x)?;
    check_updates(kind, x, updates, infer_take_along(axis, x, indices)?.shape)?;
    Ok(x)
}

// ---- gradient rules ----

/// Which places indices name: slices along an axis, or single elements.
#[derive(Clone, Copy)]
pub(super) struct Places {
    is_along: bool,
    axis: usize,
}

impl Places {
    pub fn slices(axis: u8) -> Places {
        Places { is_along: false, axis: axis as usize }
    }
    pub fn along(axis: u8) -> Places {
        Places { is_along: true, axis: axis as usize }
    }
    fn read(self, g: &mut Trace, x: Value, indices: Value) -> Value {
        if self.is_along { g.take_along(x, indices, self.axis) } else { g.gather(x, indices, self.axis) }
    }
    fn join(self, g: &mut Trace, kind: ScatterKind, x: Value, indices: Value, updates: Value) -> Value {
        if self.is_along {
            g.scatter_along_into(kind, x, indices, updates, self.axis)
        } else {
            g.scatter_into(kind, x, indices, updates, self.axis)
        }
    }
    /// [`Places::join`] with `fill` everywhere.
    fn join_over(self, g: &mut Trace, kind: ScatterKind, fill: f64, dims: &[usize], indices: Value, updates: Value) -> Value {
        let fill = g.scalar(g.dtype(updates), fill);
        if self.is_along {
            g.scatter_along_over(kind, fill, dims, indices, updates, self.axis)
        } else {
            g.scatter_over(kind, fill, dims, indices, updates, self.axis)
        }
    }
    /// For each update (in dimensions that broadcast to theirs) whether it is the last for its place.
    fn is_last(self, g: &mut Trace, dims: &[usize], indices: Value, updates: Value) -> Value {
        if self.is_along {
            let number = g.iota(DType::I64, &g.dims(indices), self.axis);
            let last = self.join_over(g, ScatterKind::Replace, -1.0, dims, indices, number);
            let last = self.read(g, last, indices);
            return g.equal(last, number);
        }
        let shape = g.dims(indices);
        let number = g.iota(DType::I64, &[g.shape(indices).elements()], 0);
        let number = g.reshape(number, &shape);
        let none = g.integer(DType::I64, -1);
        let last = g.scatter_over(ScatterKind::Replace, none, &dims[self.axis..=self.axis], indices, number, 0);
        let last = g.gather(last, indices, 0);
        let is_last = g.equal(last, number);
        let axes: Vec<usize> = (self.axis..self.axis + shape.len()).collect();
        let dims = g.dims(updates);
        g.broadcast_in(is_last, &dims, &axes)
    }
}

pub(super) fn gradient_take_along(g: &mut Trace, axis: u8, x: Value, indices: Value, dy: Value) -> Contribution {
    let dims = g.dims(x);
    Contribution::One(Places::along(axis).join_over(g, ScatterKind::Add, 0.0, &dims, indices, dy))
}

/// What a scatter hands to its operand and to the updates.
pub(super) fn gradient(
    g: &mut Trace,
    places: Places,
    kind: ScatterKind,
    fill: Option<Shape>,
    [x, indices, updates]: [Value; 3],
    y: Value,
    dy: Value,
) -> Contribution {
    let dims = g.dims(y);
    let base = if fill.is_some() { g.broadcast_to(x, &dims) } else { x };
    let (dx, du) = match kind {
        ScatterKind::Add => (dy, places.read(g, dy, indices)),
        ScatterKind::Replace => {
            let zero = g.zeros_like(updates);
            let dx = places.join(g, kind, dy, indices, zero);
            let taken = places.read(g, dy, indices);
            let is_last = places.is_last(g, &dims, indices, updates);
            (dx, g.select(is_last, taken, zero))
        }
        ScatterKind::Mul => gradient_mul(g, places, [base, indices, updates], y, dy),
        ScatterKind::Max | ScatterKind::Min => {
            // Ties share: dy / (number of candidates equal to the result).
            let dtype = g.dtype(y);
            let (kept, value) = (g.equal(base, y), places.read(g, y, indices));
            let taken = g.equal(updates, value);
            let (kept, taken) = (g.cast(kept, dtype), g.cast(taken, dtype));
            let count = places.join(g, ScatterKind::Add, kept, indices, taken);
            let share = g.div(dy, count);
            let shares = places.read(g, share, indices);
            (g.mul(kept, share), g.mul(taken, shares))
        }
    };
    let dx = if fill.is_some() { g.sum(dx, &(0..dims.len()).collect::<Vec<usize>>(), false) } else { dx };
    Contribution::Many(vec![Some(dx), None, Some(du)])
}

/// The product of all other factors, also where a factor is 0: then that of the ones that are not 0, if it is the only one.
fn gradient_mul(g: &mut Trace, places: Places, [x, indices, updates]: [Value; 3], y: Value, dy: Value) -> (Value, Value) {
    let (dims, dtype) = (g.dims(x), g.dtype(x));
    let factors = places.join_over(g, ScatterKind::Mul, 1.0, &dims, indices, updates);
    let dx = g.mul(dy, factors);
    // The product of the other factors is y / update. Of a place with one update of 0 it is the product without that one.
    let (zero, one) = (g.scalar(dtype, 0.0), g.scalar(dtype, 1.0));
    let is_zero = g.equal(updates, zero);
    let zeros = g.cast(is_zero, dtype);
    let zeros = places.join_over(g, ScatterKind::Add, 0.0, &dims, indices, zeros);
    let zeros = places.read(g, zeros, indices);
    let is_one = g.equal(zeros, one);
    let is_single = g.bitwise_and(is_zero, is_one);
    let without = g.select(is_single, one, updates);
    let product = places.join(g, ScatterKind::Mul, x, indices, without);
    let scaled = g.mul(dy, product);
    let single = places.read(g, scaled, indices);
    let scaled = g.mul(dy, y);
    let scaled = places.read(g, scaled, indices);
    let divisor = g.select(is_zero, one, updates);
    let others = g.div(scaled, divisor);
    (dx, g.select(is_single, single, others))
}

impl Trace {
    /// x with `updates` joined, in their order, to the slices that [`Trace::gather`] would read.
    pub fn scatter_into(&mut self, kind: ScatterKind, x: Value, indices: Value, updates: Value, axis: usize) -> Value {
        self.push(Op::Scatter { kind, axis: axis.min(255) as u8, fill: None }, &[x, indices, updates])
    }
    /// x with `updates` added at the places that [`Trace::gather`] would read; equal positions add up in order.
    pub fn scatter_add(&mut self, x: Value, indices: Value, updates: Value, axis: usize) -> Value {
        self.scatter_into(ScatterKind::Add, x, indices, updates, axis)
    }
    /// [`Trace::scatter_into`] a tensor of these sizes that holds the scalar `fill` everywhere.
    pub fn scatter_over(&mut self, kind: ScatterKind, fill: Value, dims: &[usize], indices: Value, updates: Value, axis: usize) -> Value {
        match Shape::new(dims) {
            Ok(shape) => self.push(Op::Scatter { kind, axis: axis.min(255) as u8, fill: Some(shape) }, &[fill, indices, updates]),
            Err(error) => self.fail(error.within(kind.name())),
        }
    }
    /// In the shape of the indices (i32 or i64), the elements of x at those positions along `axis`. Off the axis the indices have at most the
    /// sizes of x. Negative positions count from the end. A position out of range fails the run.
    pub fn take_along(&mut self, x: Value, indices: Value, axis: usize) -> Value {
        self.push(Op::TakeAlong { axis: axis.min(255) as u8 }, &[x, indices])
    }
    /// x with `updates` joined, in their order, to the elements that [`Trace::take_along`] would read.
    pub fn scatter_along_into(&mut self, kind: ScatterKind, x: Value, indices: Value, updates: Value, axis: usize) -> Value {
        self.push(Op::ScatterAlong { kind, axis: axis.min(255) as u8, fill: None }, &[x, indices, updates])
    }
    /// [`Trace::scatter_along_into`] a tensor of these sizes that holds the scalar `fill` everywhere.
    pub fn scatter_along_over(
        &mut self,
        kind: ScatterKind,
        fill: Value,
        dims: &[usize],
        indices: Value,
        updates: Value,
        axis: usize,
    ) -> Value {
        match Shape::new(dims) {
            Ok(shape) => self.push(Op::ScatterAlong { kind, axis: axis.min(255) as u8, fill: Some(shape) }, &[fill, indices, updates]),
            Err(error) => self.fail(error.within("scatter_along")),
        }
    }
}
