//! Operations that move elements without changing them. Un-broadcasting, the gradient of broadcasting, is here and nowhere else.

use crate::error::{Error, Result};
use crate::ir::{Op, ReduceKind, Type, Value};
use crate::ops::Trace;
use crate::ops::catalog::{Differentiable, Domain, Row, Values};
use crate::ops::rules::Contribution;
use crate::tensor::Shape;

const REAL: Values = Values::Uniform(-1.0, 1.0);

macro_rules! moves {
    ($name:literal, $meaning:literal, $build:expr, [$($shape:expr),*]) => {
        Row {
            name: $name,
            meaning: $meaning,
            domain: Domain::Any,
            differentiable: Differentiable::Yes,
            build: $build,
            samples: &[&[$((&$shape, REAL)),*]],
            ..Row::COMMON
        }
    };
}

pub(super) const ROWS: &[Row] = &[
    moves!("broadcast_to", "x repeated to a larger shape", |g, x| g.broadcast_to(x[0], &[2, 3, 4]), [[3, 1]])
        .shaped("x [s...] -> [shape...], aligned at the last dimension"),
    moves!("reshape", "the same elements in another shape", |g, x| g.reshape(x[0], &[3, 4]), [[2, 6]])
        .shaped("x [s...] -> [shape...] with as many elements"),
    moves!("transpose", "dimensions in another order", |g, x| g.transpose(x[0], &[2, 0, 1]), [[2, 3, 4]])
        .shaped("x [s0, s1, ...] -> [s of permutation 0, s of permutation 1, ...]")
        .called("torch.permute", ""),
    moves!("slice", "every step-th element from start to stop", |g, x| g.slice(x[0], &[1, 0], &[4, 5], &[1, 2]), [[4, 5]])
        .shaped("x [s...] -> [(stop - start) / step ...], rounded up")
        .called("torch.Tensor.__getitem__", "mindspore.ops.strided_slice"),
    moves!("reverse", "elements in reverse order along axes", |g, x| g.reverse(x[0], &[1]), [[3, 4]])
        .shaped("x [s...] -> [s...]")
        .called("torch.flip", "mindspore.ops.flip"),
    moves!("concat", "tensors one behind the other along an axis", |g, x| g.concat(x, 1), [[2, 3], [2, 1], [2, 2]])
        .shaped("each [..., n, ...] -> [..., sum of n, ...]")
        .called("torch.cat", "mindspore.ops.cat")
        .taking(1, usize::MAX),
    moves!("pad", "x with a value around it", |g, x| g.pad(x[0], x[1], &[1, 0], &[0, 2], &[0, 1]), [[2, 3], []])
        .shaped("x [n, ...], value [] -> [low + n + (n - 1) interior + high, ...]")
        .called("torch.nn.functional.pad", ""),
    moves!("squeeze", "without dimensions of size 1", |g, x| g.squeeze(x[0], &[1]), [[2, 1, 3]]).shaped("x [..., 1, ...] -> [..., ...]"),
    moves!("unsqueeze", "with a new dimension of size 1", |g, x| g.unsqueeze(x[0], 1), [[2, 3]])
        .shaped("x [..., ...] -> [..., 1, ...]")
        .called("", "mindspore.ops.unsqueeze"),
    moves!("flatten", "dimensions joined from an axis on", |g, x| g.flatten(x[0], 1), [[2, 3, 4]])
        .shaped("x [a..., b...] -> [a..., product of b]"),
    moves!("stack", "tensors along a new dimension", |g, x| g.stack(x, 1), [[2, 3], [2, 3]])
        .shaped("k times x [..., ...] -> [..., k, ...]")
        .taking(1, usize::MAX),
];

// ---- shape rules ----

/// The shape that two shapes broadcast to: aligned at the last dimension, sizes equal or 1.
pub fn broadcast_shape(a: &Shape, b: &Shape) -> Result<Shape> {
    let rank = a.rank().max(b.rank());
    let size = |shape: &Shape, axis: usize| if axis + shape.rank() >= rank { shape.dims()[axis + shape.rank() - rank] } else { 1 };
    let mut dims = vec![0; rank];
    for (axis, dim) in dims.iter_mut().enumerate() {
        *dim = match (size(a, axis), size(b, axis)) {
            (x, y) if x == y => x,
            (1, y) => y,
            (x, 1) => x,
            (x, y) => return Err(Error::shape(format!("{a} and {b} do not broadcast: {x} is not {y}"))),
        };
    }
    Shape::new(&dims)
}

pub(super) fn infer_broadcast(x: Type, shape: Shape, axes: &[u8]) -> Result<Type> {
    let ascending = axes.windows(2).all(|pair| pair[0] < pair[1]);
    if axes.len() != x.shape.rank() || !ascending || axes.iter().any(|axis| *axis as usize >= shape.rank()) {
        return Err(Error::shape(format!("axes {axes:?} do not place {} in {shape}", x.shape)));
    }
    for (size, axis) in x.shape.dims().iter().zip(axes) {
        if *size != 1 && *size != shape.dims()[*axis as usize] {
            return Err(Error::shape(format!("{} does not broadcast to {shape}", x.shape)));
        }
    }
    Ok(Type::new(x.dtype, shape))
}

pub(super) fn infer_reshape(x: Type, shape: Shape) -> Result<Type> {
    if x.shape.elements() != shape.elements() {
        return Err(Error::shape(format!("{} has {} elements, {shape} has {}", x.shape, x.shape.elements(), shape.elements())));
    }
    Ok(Type::new(x.dtype, shape))
}

pub(super) fn infer_transpose(x: Type, permutation: &[u8]) -> Result<Type> {
    let mut seen = [false; crate::tensor::MAX_RANK];
    let valid = permutation.len() == x.shape.rank()
        && permutation.iter().all(|axis| (*axis as usize) < x.shape.rank() && !std::mem::replace(&mut seen[*axis as usize], true));
    if !valid {
        return Err(Error::shape(format!("{permutation:?} is no permutation of the dimensions of {}", x.shape)));
    }
    let dims: Vec<usize> = permutation.iter().map(|axis| x.shape.dims()[*axis as usize]).collect();
    Ok(Type::new(x.dtype, Shape::new(&dims)?))
}

pub(super) fn infer_slice(x: Type, start: &[usize], stop: &[usize], step: &[usize]) -> Result<Type> {
    let rank = x.shape.rank();
    if start.len() != rank || stop.len() != rank || step.len() != rank {
        return Err(Error::shape(format!("bounds for {} dimensions are wanted, for {}", rank, x.shape)));
    }
    let mut dims = Vec::with_capacity(rank);
    for axis in 0..rank {
        let size = x.shape.dims()[axis];
        if step[axis] == 0 || start[axis] > stop[axis] || stop[axis] > size {
            let (start, stop, step) = (start[axis], stop[axis], step[axis]);
            return Err(Error::shape(format!("{start}..{stop} by {step} is no range of axis {axis} with {size} elements")));
        }
        dims.push((stop[axis] - start[axis]).div_ceil(step[axis]));
    }
    Ok(Type::new(x.dtype, Shape::new(&dims)?))
}

pub(super) fn infer_pad(x: Type, value: Type, low: &[usize], high: &[usize], interior: &[usize]) -> Result<Type> {
    let rank = x.shape.rank();
    if value != Type::new(x.dtype, Shape::SCALAR) {
        return Err(Error::dtype(format!("the padding value is {value}, not a scalar {}", x.dtype)));
    }
    if low.len() != rank || high.len() != rank || interior.len() != rank {
        return Err(Error::shape(format!("padding for {} dimensions is wanted, for {}", rank, x.shape)));
    }
    let mut dims = Vec::with_capacity(rank);
    for axis in 0..rank {
        let size = x.shape.dims()[axis];
        let padded = size
            .saturating_sub(1)
            .checked_mul(interior[axis])
            .and_then(|gaps| gaps.checked_add(size))
            .and_then(|sum| sum.checked_add(low[axis]))
            .and_then(|sum| sum.checked_add(high[axis]))
            .ok_or_else(|| Error::shape(format!("axis {axis} of {} would be too large", x.shape)))?;
        dims.push(padded);
    }
    Ok(Type::new(x.dtype, Shape::new(&dims)?))
}

pub(super) fn infer_concat(inputs: &[Type], axis: u8) -> Result<Type> {
    let axis = axis as usize;
    let first = inputs.first().ok_or_else(|| Error::invalid("nothing to join"))?;
    if axis >= first.shape.rank() {
        return Err(Error::shape(format!("there is no axis {axis} in {}", first.shape)));
    }
    let mut dims = first.shape.dims().to_vec();
    for other in &inputs[1..] {
        if other.dtype != first.dtype {
            return Err(Error::dtype(format!("operands are {first} and {other}")));
        }
        let fits = other.shape.rank() == dims.len() && (0..dims.len()).all(|i| i == axis || other.shape.dims()[i] == dims[i]);
        if !fits {
            return Err(Error::shape(format!("{} and {} differ off axis {axis}", first.shape, other.shape)));
        }
        dims[axis] = dims[axis].saturating_add(other.shape.dims()[axis]);
    }
    Ok(Type::new(first.dtype, Shape::new(&dims)?))
}

pub(super) fn infer_reverse(x: Type, axes: &[u8]) -> Result<Type> {
    super::reduce::check_axes(&x.shape, axes)?;
    Ok(x)
}

// ---- gradient rules ----

/// Un-broadcasting: the sum over what was repeated, in the operand's shape.
pub(super) fn gradient_broadcast(g: &mut Trace, x: Value, shape: &Shape, axes: &[u8], dy: Value) -> Contribution {
    let source = g.dims(x);
    let repeated: Vec<usize> = (0..shape.rank())
        .filter(|axis| match axes.iter().position(|a| *a as usize == *axis) {
            None => true,
            Some(i) => source[i] == 1 && shape.dims()[*axis] != 1,
        })
        .collect();
    let sum = g.reduce(ReduceKind::Sum, dy, &repeated, false);
    Contribution::One(g.reshape(sum, &source))
}

pub(super) fn gradient_transpose(g: &mut Trace, permutation: &[u8], dy: Value) -> Contribution {
    let mut inverse = vec![0; permutation.len()];
    for (i, axis) in permutation.iter().enumerate() {
        inverse[*axis as usize] = i;
    }
    Contribution::One(g.transpose(dy, &inverse))
}

pub(super) fn gradient_slice(g: &mut Trace, x: Value, start: &[usize], step: &[usize], dy: Value) -> Contribution {
    let (source, taken) = (g.dims(x), g.dims(dy));
    let interior: Vec<usize> = step.iter().map(|step| step - 1).collect();
    let span = |axis: usize| taken[axis] + taken[axis].saturating_sub(1) * interior[axis];
    if taken.contains(&0) {
        return Contribution::One(g.zeros_like(x));
    }
    let high: Vec<usize> = (0..source.len()).map(|axis| source[axis] - start[axis] - span(axis)).collect();
    let zero = g.scalar(g.dtype(dy), 0.0);
    Contribution::One(g.pad(dy, zero, start, &high, &interior))
}

pub(super) fn gradient_pad(g: &mut Trace, x: Value, low: &[usize], interior: &[usize], dy: Value) -> Contribution {
    let source = g.dims(x);
    let step: Vec<usize> = interior.iter().map(|gap| gap + 1).collect();
    let stop: Vec<usize> =
        (0..source.len()).map(|i| if source[i] == 0 { low[i] } else { low[i] + (source[i] - 1) * step[i] + 1 }).collect();
    let dx = g.slice(dy, low, &stop, &step);
    // Everything that is not an element of x is the padding value.
    let all: Vec<usize> = (0..source.len()).collect();
    let total = g.reduce(ReduceKind::Sum, dy, &all, false);
    let inside = g.reduce(ReduceKind::Sum, dx, &all, false);
    let dvalue = g.sub(total, inside);
    Contribution::Two(dx, dvalue)
}

pub(super) fn gradient_concat(g: &mut Trace, inputs: &[Value], axis: u8, dy: Value) -> Contribution {
    let axis = axis as usize;
    let mut parts = Vec::with_capacity(inputs.len());
    let mut start = 0;
    for input in inputs {
        let size = g.dims(*input)[axis];
        parts.push(Some(g.narrow(dy, axis, start, size)));
        start += size;
    }
    Contribution::Many(parts)
}

// ---- recording ----

fn to_u8(axes: &[usize]) -> Vec<u8> {
    axes.iter().map(|axis| (*axis).min(255) as u8).collect()
}

impl Trace {
    /// x repeated to `dims`: aligned at the last dimension, sizes equal or 1.
    pub fn broadcast_to(&mut self, x: Value, dims: &[usize]) -> Value {
        let source = self.shape(x);
        if source.dims() == dims {
            return x;
        }
        let shape = match Shape::new(dims) {
            Ok(shape) if shape.rank() >= source.rank() => shape,
            Ok(shape) => return self.fail(Error::shape(format!("broadcast_to: {source} has more dimensions than {shape}"))),
            Err(error) => return self.fail(error.within("broadcast_to")),
        };
        let axes = (shape.rank() - source.rank()..shape.rank()).map(|axis| axis as u8).collect();
        self.push(Op::Broadcast { shape, axes }, &[x])
    }
    /// x placed in `dims` with dimension i of x at `axes[i]` (ascending), repeated along the others.
    pub fn broadcast_in(&mut self, x: Value, dims: &[usize], axes: &[usize]) -> Value {
        match Shape::new(dims) {
            Ok(shape) => self.push(Op::Broadcast { shape, axes: to_u8(axes) }, &[x]),
            Err(error) => self.fail(error.within("broadcast")),
        }
    }
    /// The same elements in another shape with the same number of elements.
    pub fn reshape(&mut self, x: Value, dims: &[usize]) -> Value {
        if self.shape(x).dims() == dims && self.contains(x) {
            return x;
        }
        match Shape::new(dims) {
            Ok(shape) => self.push(Op::Reshape(shape), &[x]),
            Err(error) => self.fail(error.within("reshape")),
        }
    }
    /// Dimension i of the result is dimension `permutation[i]` of x.
    pub fn transpose(&mut self, x: Value, permutation: &[usize]) -> Value {
        if self.contains(x) && permutation.len() == self.rank(x) && permutation.iter().enumerate().all(|(i, axis)| i == *axis) {
            return x;
        }
        self.push(Op::Transpose(to_u8(permutation)), &[x])
    }
    /// The last two dimensions swapped.
    pub fn swap_last(&mut self, x: Value) -> Value {
        let rank = self.rank(x);
        let mut permutation: Vec<usize> = (0..rank).collect();
        if rank >= 2 {
            permutation.swap(rank - 1, rank - 2);
        }
        self.transpose(x, &permutation)
    }
    /// Elements start, start + step, ... below stop of each dimension.
    pub fn slice(&mut self, x: Value, start: &[usize], stop: &[usize], step: &[usize]) -> Value {
        self.push(Op::Slice { start: start.to_vec(), stop: stop.to_vec(), step: step.to_vec() }, &[x])
    }
    /// `size` elements from `start` on along one axis.
    pub fn narrow(&mut self, x: Value, axis: usize, start: usize, size: usize) -> Value {
        let dims = self.dims(x);
        if axis >= dims.len() {
            return self.fail(Error::shape(format!("narrow: there is no axis {axis} in {dims:?}")));
        }
        let (mut from, mut to) = (vec![0; dims.len()], dims.clone());
        from[axis] = start;
        to[axis] = start.saturating_add(size);
        self.slice(x, &from, &to, &vec![1; dims.len()])
    }
    /// x with `low` and `high` copies of the scalar `value` around each dimension and `interior` between neighbours.
    pub fn pad(&mut self, x: Value, value: Value, low: &[usize], high: &[usize], interior: &[usize]) -> Value {
        self.push(Op::Pad { low: low.to_vec(), high: high.to_vec(), interior: interior.to_vec() }, &[x, value])
    }
    /// Tensors one behind the other along `axis`; the other dimensions agree. Dtypes promote.
    pub fn concat(&mut self, parts: &[Value], axis: usize) -> Value {
        let dtype = self.promoted(parts);
        let parts: Vec<Value> = parts.iter().map(|part| self.cast(*part, dtype.expect("there are parts"))).collect();
        self.push(Op::Concat(axis.min(255) as u8), &parts)
    }
    /// Tensors of one shape along a new dimension `axis`.
    pub fn stack(&mut self, parts: &[Value], axis: usize) -> Value {
        let parts: Vec<Value> = parts.iter().map(|part| self.unsqueeze(*part, axis)).collect();
        self.concat(&parts, axis)
    }
    /// Elements in reverse order along the axes.
    pub fn reverse(&mut self, x: Value, axes: &[usize]) -> Value {
        let mut axes = to_u8(axes);
        axes.sort_unstable();
        self.push(Op::Reverse(axes), &[x])
    }
    /// Without these dimensions, which must have size 1.
    pub fn squeeze(&mut self, x: Value, axes: &[usize]) -> Value {
        let dims = self.dims(x);
        if let Some(axis) = axes.iter().find(|axis| **axis >= dims.len() || dims[**axis] != 1) {
            return self.fail(Error::shape(format!("squeeze: axis {axis} of {dims:?} is not of size 1")));
        }
        let kept: Vec<usize> = (0..dims.len()).filter(|axis| !axes.contains(axis)).map(|axis| dims[axis]).collect();
        self.reshape(x, &kept)
    }
    /// With a new dimension of size 1 at `axis`.
    pub fn unsqueeze(&mut self, x: Value, axis: usize) -> Value {
        let mut dims = self.dims(x);
        if axis > dims.len() {
            return self.fail(Error::shape(format!("unsqueeze: axis {axis} is beyond {dims:?}")));
        }
        dims.insert(axis, 1);
        self.reshape(x, &dims)
    }
    /// Dimensions from `start` on joined into one.
    pub fn flatten(&mut self, x: Value, start: usize) -> Value {
        let dims = self.dims(x);
        if start > dims.len() {
            return self.fail(Error::shape(format!("flatten: axis {start} is beyond {dims:?}")));
        }
        let mut joined = dims[..start].to_vec();
        joined.push(dims[start..].iter().product());
        self.reshape(x, &joined)
    }
}
