//! Chapter: products and indices.

use crate::capi::arguments::size;
use crate::capi::graph::TenonValue;
use crate::capi::record::{self, record, try_record};
use crate::capi::tensor::TenonDType;
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

/// x with updates added at the places that tenon_gather would read; equal positions add up in order.
#[unsafe(no_mangle)]
pub extern "C" fn tenon_scatter_add(x: TenonValue, indices: TenonValue, updates: TenonValue, axis: i64) -> TenonValue {
    try_record("scatter_add", [x, indices, updates], |g, [x, indices, updates]| {
        let axis = record::axis(axis, g.rank(x))?;
        Ok(g.scatter_add(x, indices, updates, axis))
    })
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
