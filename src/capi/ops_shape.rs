//! Chapter: operations on shapes.

use crate::capi::arguments::{size as size_argument, slice};
use crate::capi::graph::TenonValue;
use crate::capi::record::{self, record_list, sizes, try_record};
use crate::error::{Error, Result};

/// The sizes that a host asks for, -1 replaced by what is left of `elements`.
pub(super) fn wanted(shape: &[i64], elements: usize) -> Result<Vec<usize>> {
    if shape.iter().filter(|size| **size == -1).count() > 1 {
        return Err(Error::shape("the shape has -1 twice"));
    }
    let known: Vec<i64> = shape.iter().copied().filter(|size| *size != -1).collect();
    let product = sizes(&known, "the shape")?.iter().try_fold(1usize, |product, size| product.checked_mul(*size));
    let product = product.ok_or_else(|| Error::shape("the shape has more elements than any memory"))?;
    if known.len() < shape.len() && (product == 0 || !elements.is_multiple_of(product)) {
        return Err(Error::shape(format!("{elements} elements do not fill {shape:?}")));
    }
    Ok(shape.iter().map(|size| if *size == -1 { elements / product } else { *size as usize }).collect())
}

/// The same elements, row-major, in another shape with the same number of elements. One size may be -1: what is left
/// for it.
#[unsafe(no_mangle)]
pub extern "C" fn tenon_reshape(x: TenonValue, shape: *const i64, rank: usize) -> TenonValue {
    try_record("reshape", [x], |g, [x]| {
        let dims = wanted(slice(shape, rank, "shape")?, g.shape(x).elements())?;
        Ok(g.reshape(x, &dims))
    })
}

/// x repeated to a shape: aligned at the last dimension, sizes are equal or 1.
#[unsafe(no_mangle)]
pub extern "C" fn tenon_broadcast_to(x: TenonValue, shape: *const i64, rank: usize) -> TenonValue {
    try_record("broadcast_to", [x], |g, [x]| {
        let dims = sizes(slice(shape, rank, "shape")?, "shape")?;
        Ok(g.broadcast_to(x, &dims))
    })
}

/// Dimension i of the result is dimension permutation[i] of x; the permutation has one entry for each dimension. None
/// at all (NULL, 0) reverses their order.
#[unsafe(no_mangle)]
pub extern "C" fn tenon_transpose(x: TenonValue, permutation: *const i64, count: usize) -> TenonValue {
    try_record("transpose", [x], |g, [x]| {
        let named = slice(permutation, count, "permutation")?;
        let rank = g.rank(x);
        let permutation = if named.is_empty() { (0..rank).rev().collect() } else { record::axes(named, rank)? };
        Ok(g.transpose(x, &permutation))
    })
}

/// The elements that a host means of dimensions: starts, stops, and steps.
pub(super) fn bounds(dims: &[usize], start: *const i64, stop: *const i64, step: *const i64, rank: usize) -> Result<[Vec<usize>; 3]> {
    let (start, stop) = (slice(start, rank, "start")?, slice(stop, rank, "stop")?);
    let step = if step.is_null() { vec![1; rank.min(dims.len())] } else { sizes(slice(step, rank, "step")?, "step")? };
    if rank != dims.len() {
        return Err(Error::shape(format!("{rank} starts and stops for {} dimensions", dims.len())));
    }
    let from_end = |position: i64, size: usize| {
        let counted = if position < 0 { position.saturating_add(size as i64).max(0) } else { position };
        (counted as u64).min(size as u64) as usize
    };
    let starts: Vec<usize> = start.iter().zip(dims).map(|(start, size)| from_end(*start, *size)).collect();
    let stops = stop.iter().zip(dims).zip(&starts).map(|((stop, size), start)| from_end(*stop, *size).max(*start)).collect();
    Ok([starts, stops, step])
}

/// Elements start, start + step, ... below stop of each dimension; the arrays have one entry for each dimension.
/// Negative starts and stops count from the end; stops beyond the end are the end. Steps are at least 1; NULL stands
/// for ones.
#[unsafe(no_mangle)]
pub extern "C" fn tenon_slice(x: TenonValue, start: *const i64, stop: *const i64, step: *const i64, rank: usize) -> TenonValue {
    try_record("slice", [x], |g, [x]| {
        let [starts, stops, step] = bounds(&g.dims(x), start, stop, step, rank)?;
        Ok(g.slice(x, &starts, &stops, &step))
    })
}

/// size elements of one axis, from start on. Fails if they reach beyond the end.
#[unsafe(no_mangle)]
pub extern "C" fn tenon_narrow(x: TenonValue, axis: i64, start: i64, size: i64) -> TenonValue {
    try_record("narrow", [x], |g, [x]| {
        let axis = record::axis(axis, g.rank(x))?;
        Ok(g.narrow(x, axis, size_argument(start, "start")?, size_argument(size, "size")?))
    })
}

/// x with low[i] and high[i] copies of a scalar value of the same dtype around dimension i, and interior[i] between
/// neighbours; the arrays have one entry for each dimension, NULL interior stands for zeros.
#[unsafe(no_mangle)]
pub extern "C" fn tenon_pad(
    x: TenonValue,
    value: TenonValue,
    low: *const i64,
    high: *const i64,
    interior: *const i64,
    rank: usize,
) -> TenonValue {
    try_record("pad", [x, value], |g, [x, value]| {
        let (low, high) = (sizes(slice(low, rank, "low")?, "low")?, sizes(slice(high, rank, "high")?, "high")?);
        let interior = if interior.is_null() { vec![0; low.len()] } else { sizes(slice(interior, rank, "interior")?, "interior")? };
        Ok(g.pad(x, value, &low, &high, &interior))
    })
}

/// Values one behind the other along an axis; at least one; the other dimensions agree, dtypes promote.
#[unsafe(no_mangle)]
pub extern "C" fn tenon_concat(parts: *const TenonValue, count: usize, axis: i64) -> TenonValue {
    record_list("concat", parts, count, |g, parts| {
        let axis = record::axis(axis, g.rank(parts[0]))?;
        Ok(g.concat(parts, axis))
    })
}

/// Values of one shape along a new dimension, which is number axis of the result; at least one; dtypes promote.
#[unsafe(no_mangle)]
pub extern "C" fn tenon_stack(parts: *const TenonValue, count: usize, axis: i64) -> TenonValue {
    record_list("stack", parts, count, |g, parts| {
        let axis = record::axis(axis, g.rank(parts[0]) + 1)?;
        Ok(g.stack(parts, axis))
    })
}

/// Elements in reverse order along these axes, all of them if there is none (NULL, 0).
#[unsafe(no_mangle)]
pub extern "C" fn tenon_reverse(x: TenonValue, axes: *const i64, axis_count: usize) -> TenonValue {
    try_record("reverse", [x], |g, [x]| {
        let named = slice(axes, axis_count, "axes")?;
        let rank = g.rank(x);
        let axes = if named.is_empty() { (0..rank).collect() } else { record::axes(named, rank)? };
        Ok(g.reverse(x, &axes))
    })
}

/// x without these dimensions, which must have size 1; without all that have, if none is named (NULL, 0).
#[unsafe(no_mangle)]
pub extern "C" fn tenon_squeeze(x: TenonValue, axes: *const i64, axis_count: usize) -> TenonValue {
    try_record("squeeze", [x], |g, [x]| {
        let named = slice(axes, axis_count, "axes")?;
        let dims = g.dims(x);
        let axes =
            if named.is_empty() { (0..dims.len()).filter(|axis| dims[*axis] == 1).collect() } else { record::axes(named, dims.len())? };
        Ok(g.squeeze(x, &axes))
    })
}

/// x with a new dimension of size 1, which is number axis of the result.
#[unsafe(no_mangle)]
pub extern "C" fn tenon_unsqueeze(x: TenonValue, axis: i64) -> TenonValue {
    try_record("unsqueeze", [x], |g, [x]| {
        let axis = record::axis(axis, g.rank(x) + 1)?;
        Ok(g.unsqueeze(x, axis))
    })
}

/// The dimensions from start on joined into one. A scalar becomes a vector of one element.
#[unsafe(no_mangle)]
pub extern "C" fn tenon_flatten(x: TenonValue, start: i64) -> TenonValue {
    try_record("flatten", [x], |g, [x]| {
        let start = record::axis(start, g.rank(x).max(1))?;
        Ok(g.flatten(x, start))
    })
}
