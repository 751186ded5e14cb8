//! Chapter: products and indices.

use crate::capi::arguments::{CBool, size, slice};
use crate::capi::graph::TenonValue;
use crate::capi::record::{self, record, sizes, try_record, try_record_more};
use crate::capi::tensor::TenonDType;
use crate::error::{Error, Result};
use crate::ops::composite::Join;
use crate::tensor::DType;

/// The matrix product. The last two dimensions are multiplied, those in front broadcast; a vector is a row on the left
/// and a column on the right; dtypes promote. Sums of 16-bit floats accumulate in f32.
#[unsafe(no_mangle)]
pub extern "C" fn tenon_matmul(a: TenonValue, b: TenonValue) -> TenonValue {
    record("matmul", [a, b], |g, [a, b]| g.matmul(a, b))
}

/// x weight^T + bias on the last dimension of x [..., in], with weight [out, in] and bias [out]; a bias of all zero
/// bytes, (TenonValue){0}, stands for none.
#[unsafe(no_mangle)]
pub extern "C" fn tenon_linear(x: TenonValue, weight: TenonValue, bias: TenonValue) -> TenonValue {
    if bias.is_zero() {
        record("linear", [x, weight], |g, [x, weight]| g.linear(x, weight, None))
    } else {
        record("linear", [x, weight, bias], |g, [x, weight, bias]| g.linear(x, weight, Some(bias)))
    }
}

/// x with dimension axis replaced by the dimensions of the indices (i32 or i64): its slices at those positions.
/// Negative positions count from the end. A position out of range fails the run.
#[unsafe(no_mangle)]
pub extern "C" fn tenon_gather(x: TenonValue, indices: TenonValue, axis: i64) -> TenonValue {
    try_record("gather", [x, indices], |g, [x, indices]| {
        let axis = record::axis(axis, g.rank(x))?;
        Ok(g.gather(x, indices, axis))
    })
}

/// How updates are joined with what is there, and with one another: one of the numbers below.
pub type TenonJoin = i32;

/// The update takes the place; of several for one place the last.
pub const TENON_JOIN_REPLACE: TenonJoin = 1;
/// Their sum.
pub const TENON_JOIN_ADD: TenonJoin = 2;
/// Their product.
pub const TENON_JOIN_MUL: TenonJoin = 3;
/// The largest; ties share the gradient.
pub const TENON_JOIN_MAX: TenonJoin = 4;
/// The smallest; ties share the gradient.
pub const TENON_JOIN_MIN: TenonJoin = 5;
/// Their mean. Floats.
pub const TENON_JOIN_MEAN: TenonJoin = 6;

fn join_of(join: TenonJoin) -> Result<Join> {
    Ok(match join {
        TENON_JOIN_REPLACE => Join::Replace,
        TENON_JOIN_ADD => Join::Add,
        TENON_JOIN_MUL => Join::Mul,
        TENON_JOIN_MAX => Join::Max,
        TENON_JOIN_MIN => Join::Min,
        TENON_JOIN_MEAN => Join::Mean,
        _ => {
            return Err(Error::invalid(format!(
                "{join} is not a way to join: 1 (replace), 2 (add), 3 (mul), 4 (max), 5 (min), or 6 (mean)"
            )));
        }
    })
}

/// x with updates joined to the slices that tenon_gather would read, several of one position in their order. The
/// updates have the dtype of x and the shape that tenon_gather gives. Without include_self the elements of x take no
/// part where there are updates. A position out of range fails the run.
#[unsafe(no_mangle)]
pub extern "C" fn tenon_scatter(
    x: TenonValue,
    indices: TenonValue,
    updates: TenonValue,
    axis: i64,
    join: TenonJoin,
    include_self: CBool,
) -> TenonValue {
    try_record("scatter", [x, indices, updates], |g, [x, indices, updates]| {
        let (axis, join) = (record::axis(axis, g.rank(x))?, join_of(join)?);
        Ok(g.scatter(x, indices, updates, axis, join, include_self.get()))
    })
}

/// x with updates added at the places that tenon_gather would read; equal positions add up in order.
#[unsafe(no_mangle)]
pub extern "C" fn tenon_scatter_add(x: TenonValue, indices: TenonValue, updates: TenonValue, axis: i64) -> TenonValue {
    try_record("scatter_add", [x, indices, updates], |g, [x, indices, updates]| {
        let axis = record::axis(axis, g.rank(x))?;
        Ok(g.scatter_add(x, indices, updates, axis))
    })
}

/// In the shape of the indices (i32 or i64), the elements of x at those positions along the axis. The indices have as
/// many dimensions as x, and off the axis at most its sizes. Negative positions count from the end. A position out of
/// range fails the run.
#[unsafe(no_mangle)]
pub extern "C" fn tenon_take_along(x: TenonValue, indices: TenonValue, axis: i64) -> TenonValue {
    try_record("take_along", [x, indices], |g, [x, indices]| {
        let axis = record::axis(axis, g.rank(x))?;
        Ok(g.take_along(x, indices, axis))
    })
}

/// x with updates joined to the elements that tenon_take_along would read, several of one place in their order. The
/// updates have the dtype of x and at least the sizes of the indices; what is beyond takes no part. Without include_self
/// neither do elements of x where there are updates. A position out of range fails the run.
#[unsafe(no_mangle)]
pub extern "C" fn tenon_scatter_along(
    x: TenonValue,
    indices: TenonValue,
    updates: TenonValue,
    axis: i64,
    join: TenonJoin,
    include_self: CBool,
) -> TenonValue {
    try_record("scatter_along", [x, indices, updates], |g, [x, indices, updates]| {
        let (axis, join) = (record::axis(axis, g.rank(x))?, join_of(join)?);
        Ok(g.scatter_along(x, indices, updates, axis, join, include_self.get()))
    })
}

/// x with alpha times the updates added at positions (i32 or i64) along the axis.
#[unsafe(no_mangle)]
pub extern "C" fn tenon_index_add(x: TenonValue, indices: TenonValue, updates: TenonValue, axis: i64, alpha: f64) -> TenonValue {
    try_record("index_add", [x, indices, updates], |g, [x, indices, updates]| {
        let axis = record::axis(axis, g.rank(x))?;
        Ok(g.index_add(x, indices, updates, axis, alpha))
    })
}

/// x with value, a scalar, at positions (i32 or i64) along the axis.
#[unsafe(no_mangle)]
pub extern "C" fn tenon_index_fill(x: TenonValue, indices: TenonValue, value: TenonValue, axis: i64) -> TenonValue {
    try_record("index_fill", [x, indices, value], |g, [x, indices, value]| {
        let axis = record::axis(axis, g.rank(x))?;
        Ok(g.index_fill(x, indices, value, axis))
    })
}

/// The elements of x, seen as a vector in row-major order, at positions (i32 or i64), in their shape. Negative positions
/// count from the end. A position out of range fails the run.
#[unsafe(no_mangle)]
pub extern "C" fn tenon_take(x: TenonValue, indices: TenonValue) -> TenonValue {
    record("take", [x, indices], |g, [x, indices]| g.take(x, indices))
}

/// x, seen as a vector, with values at positions (i32 or i64), of one position the last; with accumulate added there. As
/// many values as positions.
#[unsafe(no_mangle)]
pub extern "C" fn tenon_put(x: TenonValue, indices: TenonValue, values: TenonValue, accumulate: CBool) -> TenonValue {
    record("put", [x, indices, values], |g, [x, indices, values]| g.put(x, indices, values, accumulate.get()))
}

/// Slices of x at positions in its first k dimensions, which the last axis of the indices (i32 or i64, [..., k]) holds:
/// [...] and the other dimensions of x. Negative positions count from the end. A position out of range fails the run.
#[unsafe(no_mangle)]
pub extern "C" fn tenon_gather_nd(x: TenonValue, indices: TenonValue) -> TenonValue {
    record("gather_nd", [x, indices], |g, [x, indices]| g.gather_nd(x, indices))
}

/// Zeros of this shape with updates added to the slices that tenon_gather_nd would read.
#[unsafe(no_mangle)]
pub extern "C" fn tenon_scatter_nd(indices: TenonValue, updates: TenonValue, shape: *const i64, rank: usize) -> TenonValue {
    try_record("scatter_nd", [indices, updates], |g, [indices, updates]| {
        let dims = sizes(slice(shape, rank, "shape")?, "shape")?;
        Ok(g.scatter_nd(indices, updates, &dims))
    })
}

/// x with updates joined to the slices that tenon_gather_nd would read.
#[unsafe(no_mangle)]
pub extern "C" fn tenon_scatter_nd_into(x: TenonValue, indices: TenonValue, updates: TenonValue, join: TenonJoin) -> TenonValue {
    try_record("scatter_nd_into", [x, indices, updates], |g, [x, indices, updates]| {
        Ok(g.scatter_nd_into(x, indices, updates, join_of(join)?))
    })
}

/// Slices of x with equal ids (i32 or i64, in the shape of the first dimensions of x), joined: slice i of the result
/// [segments, ...] is that of id i. A segment of nothing is 0, 1 for a product, the least number for a maximum, the
/// largest for a minimum. An id out of range fails the run.
#[unsafe(no_mangle)]
pub extern "C" fn tenon_segment(x: TenonValue, ids: TenonValue, segments: i64, join: TenonJoin) -> TenonValue {
    try_record("segment", [x, ids], |g, [x, ids]| Ok(g.segment(x, ids, size(segments, "segments")?, join_of(join)?)))
}

/// Rows of a table [n, d] at indices (i32 or i64): [..., d]. With has_padding no gradient passes to the row padding,
/// which may count from the end.
#[unsafe(no_mangle)]
pub extern "C" fn tenon_embedding(table: TenonValue, indices: TenonValue, has_padding: CBool, padding: i64) -> TenonValue {
    record("embedding", [table, indices], |g, [table, indices]| g.embedding(table, indices, has_padding.get().then_some(padding)))
}

/// Rows of a table [n, d] at indices (i32 or i64, [..., l]), joined over the last axis of the indices by their sum, mean,
/// or maximum: [..., d]. With has_padding the row padding, which may count from the end, takes no part; what nothing
/// takes part in is 0.
#[unsafe(no_mangle)]
pub extern "C" fn tenon_embedding_bag(
    table: TenonValue,
    indices: TenonValue,
    join: TenonJoin,
    has_padding: CBool,
    padding: i64,
) -> TenonValue {
    try_record("embedding_bag", [table, indices], |g, [table, indices]| {
        Ok(g.embedding_bag(table, indices, join_of(join)?, has_padding.get().then_some(padding)))
    })
}

/// How often each of the numbers 0 to size - 1 occurs in x (i32 or i64), as i64 [size]; or the sum of the weights (in the
/// shape of x) of its occurrences. Weights of all zero bytes, (TenonValue){0}, stand for none. Other numbers fail the
/// run, but for negative ones, which count from the end.
#[unsafe(no_mangle)]
pub extern "C" fn tenon_bincount(x: TenonValue, weights: TenonValue, size: i64) -> TenonValue {
    let length = size;
    if weights.is_zero() {
        try_record("bincount", [x], |g, [x]| Ok(g.bincount(x, None, self::size(length, "size")?)))
    } else {
        try_record("bincount", [x, weights], |g, [x, weights]| Ok(g.bincount(x, Some(weights), self::size(length, "size")?)))
    }
}

/// How many elements of x (floats) lie in each of bins equal intervals from low to high, in the dtype of x; elements
/// outside count nowhere. With low = high the range is that of x.
#[unsafe(no_mangle)]
pub extern "C" fn tenon_histc(x: TenonValue, bins: i64, low: f64, high: f64) -> TenonValue {
    try_record("histc", [x], |g, [x]| Ok(g.histc(x, size(bins, "bins")?, low, high)))
}

/// The positions of the elements of x that are not 0, in row-major order, as i64 [size, rank]. Shapes do not depend on
/// values: the first size positions are given, and rows beyond their number hold fill. `count` receives their number in
/// all (i64), unless it is NULL.
#[unsafe(no_mangle)]
pub extern "C" fn tenon_nonzero(x: TenonValue, size: i64, fill: i64, count: *mut TenonValue) -> TenonValue {
    let length = size;
    try_record_more("nonzero", [x], [(count, "count")], |g, [x]| {
        let (positions, count) = g.nonzero(x, self::size(length, "size")?, fill);
        Ok((positions, [count]))
    })
}

/// The elements of x where the mask (bool, broadcast to x) holds, in row-major order, [size]. Shapes do not depend on
/// values: the first size elements are given, and what is beyond their number is fill. `count` receives their number in
/// all (i64), unless it is NULL.
#[unsafe(no_mangle)]
pub extern "C" fn tenon_masked_select(x: TenonValue, mask: TenonValue, size: i64, fill: f64, count: *mut TenonValue) -> TenonValue {
    let length = size;
    try_record_more("masked_select", [x, mask], [(count, "count")], |g, [x, mask]| {
        let (values, count) = g.masked_select(x, mask, self::size(length, "size")?, fill);
        Ok((values, [count]))
    })
}

/// x with the elements of source, in row-major order, one after the other where the mask (bool, broadcast to x) holds.
/// Fails the run if source has too few.
#[unsafe(no_mangle)]
pub extern "C" fn tenon_masked_scatter(x: TenonValue, mask: TenonValue, source: TenonValue) -> TenonValue {
    record("masked_scatter", [x, mask, source], |g, [x, mask, source]| g.masked_scatter(x, mask, source))
}

/// A new last dimension of size depth: 1 at the index (integers), else 0, in any dtype. Indices outside 0..depth give
/// zeros.
#[unsafe(no_mangle)]
pub extern "C" fn tenon_one_hot(indices: TenonValue, depth: i64, dtype: TenonDType) -> TenonValue {
    try_record("one_hot", [indices], |g, [indices]| {
        let (depth, dtype) = (size(depth, "depth")?, DType::from_code(dtype)?);
        Ok(if g.contains(indices) { g.one_hot(indices, depth, dtype) } else { indices })
    })
}
