//! Elements at computed positions along an axis, and joining others to them.

use super::elementwise::{larger, smaller};
use super::movement::{gathered, resolve};
use super::{Array, Data, place, positions};
use crate::error::{Error, Result};
use crate::ir::ScatterKind;
use crate::tensor::Shape;

/// For each element of the indices, its place in a tensor of these sizes.
fn along(dims: &[usize], indices: &Array, axis: usize) -> Result<Vec<usize>> {
    let at_axis = resolve(indices, dims[axis])?;
    Ok(positions(&indices.ty.shape)
        .zip(at_axis)
        .map(|(mut at, index)| {
            at[axis] = index;
            place(dims, &at)
        })
        .collect())
}

pub(super) fn take_along(x: &Array, indices: &Array, axis: usize) -> Result<Data> {
    Ok(x.data.pick(along(x.dims(), indices, axis)?.into_iter()))
}

pub(super) fn scatter_along(kind: ScatterKind, x: &Array, indices: &Array, updates: &Array, shape: &Shape, axis: usize) -> Result<Data> {
    join(kind, x, &along(shape.dims(), indices, axis)?, updates, shape)
}

pub(super) fn scatter(kind: ScatterKind, x: &Array, indices: &Array, updates: &Array, shape: &Shape, axis: usize) -> Result<Data> {
    join(kind, x, &gathered(shape.dims(), indices, &updates.ty.shape, axis)?, updates, shape)
}

fn join(kind: ScatterKind, x: &Array, targets: &[usize], updates: &Array, shape: &Shape) -> Result<Data> {
    let fills = x.data.len() != shape.elements();
    let mut joined = if fills { x.data.pick(std::iter::repeat_n(0, shape.elements())) } else { x.data.clone() };
    match (&mut joined, &updates.data) {
        (Data::Floats(joined), Data::Floats(updates)) => {
            for (target, new) in targets.iter().zip(updates) {
                let old = joined[*target];
                joined[*target] = match kind {
                    ScatterKind::Replace => *new,
                    ScatterKind::Add => old + new,
                    ScatterKind::Mul => old * new,
                    ScatterKind::Max => larger(old, *new),
                    ScatterKind::Min => smaller(old, *new),
                };
            }
        }
        (Data::Ints(joined), Data::Ints(updates)) => {
            for (target, new) in targets.iter().zip(updates) {
                let old = joined[*target];
                joined[*target] = match kind {
                    ScatterKind::Replace => *new,
                    ScatterKind::Add => old.wrapping_add(*new),
                    ScatterKind::Mul => old.wrapping_mul(*new),
                    ScatterKind::Max => old.max(*new),
                    ScatterKind::Min => old.min(*new),
                };
            }
        }
        _ => return Err(Error::internal("operands of different kinds")),
    }
    Ok(joined)
}
