//! Operations that move elements, and positions.

use super::{Array, Data, place, positions};
use crate::error::{Error, Result};
use crate::tensor::{DType, Shape};

pub(super) fn broadcast(x: &Array, shape: &Shape, axes: &[u8]) -> Data {
    let dims = x.dims().to_vec();
    x.data.pick(positions(shape).map(|at| {
        let source: Vec<usize> = axes.iter().zip(&dims).map(|(axis, size)| if *size == 1 { 0 } else { at[*axis as usize] }).collect();
        place(&dims, &source)
    }))
}

pub(super) fn transpose(x: &Array, shape: &Shape, permutation: &[u8]) -> Data {
    x.data.pick(positions(shape).map(|at| {
        let mut source = [0; crate::tensor::MAX_RANK];
        for (i, axis) in permutation.iter().enumerate() {
            source[*axis as usize] = at[i];
        }
        place(x.dims(), &source)
    }))
}

pub(super) fn slice(x: &Array, shape: &Shape, start: &[usize], step: &[usize]) -> Data {
    x.data.pick(positions(shape).map(|at| {
        let source: Vec<usize> = (0..start.len()).map(|axis| start[axis] + at[axis] * step[axis]).collect();
        place(x.dims(), &source)
    }))
}

pub(super) fn reverse(x: &Array, axes: &[u8]) -> Data {
    x.data.pick(positions(&x.ty.shape).map(|mut at| {
        for axis in axes {
            at[*axis as usize] = x.dims()[*axis as usize] - 1 - at[*axis as usize];
        }
        place(x.dims(), &at)
    }))
}

/// Several operands' elements as one list.
fn join(parts: &[&Array]) -> Result<Data> {
    let floats = parts.iter().all(|part| matches!(part.data, Data::Floats(_)));
    if !floats {
        return Ok(Data::Ints(parts.iter().map(|part| part.ints()).collect::<Result<Vec<_>>>()?.concat()));
    }
    let mut all = Vec::new();
    for part in parts {
        if let Data::Floats(data) = &part.data {
            all.extend_from_slice(data);
        }
    }
    Ok(Data::Floats(all))
}

pub(super) fn pad(x: &Array, value: &Array, shape: &Shape, low: &[usize], interior: &[usize]) -> Result<Data> {
    let padding = x.data.len();
    let all = join(&[x, value])?;
    Ok(all.pick(positions(shape).map(|at| {
        let mut source = [0; crate::tensor::MAX_RANK];
        for axis in 0..shape.rank() {
            let step = interior[axis] + 1;
            let inside =
                at[axis] >= low[axis] && (at[axis] - low[axis]).is_multiple_of(step) && (at[axis] - low[axis]) / step < x.dims()[axis];
            if !inside {
                return padding;
            }
            source[axis] = (at[axis] - low[axis]) / step;
        }
        place(x.dims(), &source)
    })))
}

pub(super) fn concat(parts: &[&Array], shape: &Shape, axis: usize) -> Result<Data> {
    let all = join(parts)?;
    Ok(all.pick(positions(shape).map(|mut at| {
        let mut before = 0;
        for part in parts {
            if at[axis] < part.dims()[axis] {
                return before + place(part.dims(), &at);
            }
            at[axis] -= part.dims()[axis];
            before += part.data.len();
        }
        unreachable!("the sizes along the axis add up to the result's")
    })))
}

/// The places along the axis that the indices name. Negative indices count from the end.
pub(super) fn resolve(indices: &Array, size: usize) -> Result<Vec<usize>> {
    let resolve = |index: &i64| {
        let place = if *index < 0 { index.checked_add_unsigned(size as u64) } else { Some(*index) };
        let place = place.and_then(|place| usize::try_from(place).ok()).filter(|place| *place < size);
        place.ok_or_else(|| Error::invalid(format!("index {index} is outside the axis of size {size}")))
    };
    indices.ints()?.iter().map(resolve).collect()
}

/// For each element of the gathered shape, its place in the operand.
pub(super) fn gathered(dims: &[usize], indices: &Array, shape: &Shape, axis: usize) -> Result<Vec<usize>> {
    let along = resolve(indices, dims[axis])?;
    let rank = indices.ty.shape.rank();
    Ok(positions(shape)
        .map(|at| {
            let index = place(indices.dims(), &at[axis..axis + rank]);
            let source = [&at[..axis], &[along[index]], &at[axis + rank..shape.rank()]].concat();
            place(dims, &source)
        })
        .collect())
}

pub(super) fn gather(x: &Array, indices: &Array, shape: &Shape, axis: usize) -> Result<Data> {
    Ok(x.data.pick(gathered(x.dims(), indices, shape, axis)?.into_iter()))
}

pub(super) fn iota(shape: &Shape, axis: usize, dtype: DType) -> Data {
    let along = positions(shape).map(|at| at[axis]);
    if dtype.is_float() { Data::Floats(along.map(|at| at as f64).collect()) } else { Data::Ints(along.map(|at| at as i64).collect()) }
}
