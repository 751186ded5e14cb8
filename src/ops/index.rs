//! Reading slices at computed positions.

use crate::error::{Error, Result};
use crate::ir::{Op, ScatterKind, Type, Value};
use crate::ops::Trace;
use crate::ops::catalog::{Differentiable, Domain, Row, Values};
use crate::ops::rules::Contribution;
use crate::tensor::{DType, Shape};

const REAL: Values = Values::Uniform(-1.0, 1.0);

pub(super) const ROWS: &[Row] = &[
    Row {
        name: "gather",
        meaning: "slices of x at the given positions along an axis",
        domain: Domain::Any,
        differentiable: Differentiable::Yes,
        shapes: "x [a..., n, b...], indices [i...] -> [a..., i..., b...]",
        torch: "torch.index_select",
        build: |g, x| g.gather(x[0], x[1], 1),
        samples: &[&[(&[2, 4, 3], REAL), (&[2, 5], Values::Integers(0, 4))], &[(&[3, 2], REAL), (&[], Values::Integers(0, 2))]],
        ..Row::COMMON
    },
    Row {
        name: "one_hot",
        meaning: "1 at the given position, else 0; positions outside give zeros",
        domain: Domain::Integral,
        differentiable: Differentiable::Zero("positions are integers"),
        shapes: "indices [i...] -> [i..., depth]",
        torch: "torch.nn.functional.one_hot",
        build: |g, x| g.one_hot(x[0], 4, DType::F64),
        samples: &[&[(&[5], Values::Integers(-1, 5))]],
        ..Row::COMMON
    },
];

pub(super) fn check_indices(indices: Type) -> Result<()> {
    if !matches!(indices.dtype, DType::I32 | DType::I64) {
        return Err(Error::dtype(format!("positions are i32 or i64, not {}", indices.dtype)));
    }
    Ok(())
}

pub(super) fn infer_gather(axis: u8, x: Type, indices: Type) -> Result<Type> {
    check_indices(indices)?;
    let axis = axis as usize;
    if axis >= x.shape.rank() {
        return Err(Error::shape(format!("there is no axis {axis} in {}", x.shape)));
    }
    let dims = x.shape.dims();
    if dims[axis] == 0 && indices.shape.elements() > 0 {
        return Err(Error::shape(format!("axis {axis} of {} is empty: there is nothing to read", x.shape)));
    }
    let dims = [&dims[..axis], indices.shape.dims(), &dims[axis + 1..]].concat();
    Ok(Type::new(x.dtype, Shape::new(&dims)?))
}

pub(super) fn gradient_gather(g: &mut Trace, axis: u8, x: Value, indices: Value, dy: Value) -> Contribution {
    let zero = g.scalar(g.dtype(dy), 0.0);
    let dims = g.dims(x);
    Contribution::One(g.scatter_over(ScatterKind::Add, zero, &dims, indices, dy, axis as usize))
}

impl Trace {
    /// x with dimension `axis` replaced by the dimensions of the indices (i32 or i64): slices at those positions. Negative
    /// positions count from the end. A position out of range fails the run.
    pub fn gather(&mut self, x: Value, indices: Value, axis: usize) -> Value {
        self.push(Op::Gather { axis: axis.min(255) as u8 }, &[x, indices])
    }
    /// A new last dimension of `depth`: 1 at the position, else 0. Positions outside 0..depth give zeros.
    pub fn one_hot(&mut self, indices: Value, depth: usize, dtype: DType) -> Value {
        if self.contains(indices) && self.dtype(indices).is_float() {
            let dtype = self.dtype(indices);
            return self.fail(Error::dtype(format!("one_hot: positions are integers, not {dtype}")));
        }
        let hit = self.one_hot_mask(indices, depth);
        self.cast(hit, dtype)
    }
    /// [`Trace::one_hot`] as bool.
    pub fn one_hot_mask(&mut self, indices: Value, depth: usize) -> Value {
        let mut dims = self.dims(indices);
        let kept: Vec<usize> = (0..dims.len()).collect();
        dims.push(depth);
        let indices = if self.contains(indices) && self.dtype(indices) == DType::U8 { self.cast(indices, DType::I32) } else { indices };
        let position = self.iota(self.dtype(indices), &dims, dims.len() - 1);
        let wanted = self.broadcast_in(indices, &dims, &kept);
        self.equal(position, wanted)
    }
}
