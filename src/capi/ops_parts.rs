//! Chapter: parts.

use crate::capi::arguments::{size as size_argument, slice};
use crate::capi::graph::TenonValue;
use crate::capi::ops_shape::bounds;
use crate::capi::record::{self, record_several, try_record};
use crate::error::Result;
use crate::ir::Value;
use crate::ops::Trace;

/// Records parts of x along an axis.
fn parts(
    name: &str,
    x: TenonValue,
    axis: i64,
    outputs: (*mut TenonValue, usize),
    body: impl FnOnce(&mut Trace, Value, usize) -> Result<Vec<Value>>,
) {
    record_several(name, [x], [], outputs.0, outputs.1, |g, [x], []| {
        let axis = record::axis(axis, g.rank(x))?;
        body(g, x, axis)
    });
}

/// Writes the parts of `size` elements along an axis, the last with what is left: as many as outputs has room for, which
/// is n / size, rounded up.
#[unsafe(no_mangle)]
pub extern "C" fn tenon_split(x: TenonValue, size: i64, axis: i64, outputs: *mut TenonValue, output_count: usize) {
    parts("split", x, axis, (outputs, output_count), |g, x, axis| Ok(g.split(x, size_argument(size, "size")?, axis)));
}

/// Writes the parts of the given sizes along an axis, which add up to its size; there is an output for each.
#[unsafe(no_mangle)]
pub extern "C" fn tenon_split_sizes(
    x: TenonValue,
    sizes: *const i64,
    size_count: usize,
    axis: i64,
    outputs: *mut TenonValue,
    output_count: usize,
) {
    parts("split_sizes", x, axis, (outputs, output_count), |g, x, axis| {
        let wanted = record::sizes(slice(sizes, size_count, "sizes")?, "sizes")?;
        Ok(g.split_sizes(x, &wanted, axis))
    });
}

/// Writes at most `count` parts along an axis, of n / count elements rounded up, the last with what is left. outputs has
/// room for as many as there are: fewer than count where n is small.
#[unsafe(no_mangle)]
pub extern "C" fn tenon_chunk(x: TenonValue, count: i64, axis: i64, outputs: *mut TenonValue, output_count: usize) {
    parts("chunk", x, axis, (outputs, output_count), |g, x, axis| Ok(g.chunk(x, size_argument(count, "count")?, axis)));
}

/// Writes output_count parts along an axis, the first of which have one element more where they cannot be even.
#[unsafe(no_mangle)]
pub extern "C" fn tenon_tensor_split(x: TenonValue, axis: i64, outputs: *mut TenonValue, output_count: usize) {
    parts("tensor_split", x, axis, (outputs, output_count), |g, x, axis| Ok(g.tensor_split(x, output_count, axis)));
}

/// Writes the parts of an axis before, between, and behind positions: one more than there are positions. Negative ones
/// count from the end, those outside are the end; where they do not ascend, parts are empty.
#[unsafe(no_mangle)]
pub extern "C" fn tenon_tensor_split_at(
    x: TenonValue,
    positions: *const i64,
    position_count: usize,
    axis: i64,
    outputs: *mut TenonValue,
    output_count: usize,
) {
    parts("tensor_split_at", x, axis, (outputs, output_count), |g, x, axis| {
        Ok(g.tensor_split_at(x, slice(positions, position_count, "positions")?, axis))
    });
}

/// Writes the slices at all positions of an axis, without it.
#[unsafe(no_mangle)]
pub extern "C" fn tenon_unbind(x: TenonValue, axis: i64, outputs: *mut TenonValue, output_count: usize) {
    parts("unbind", x, axis, (outputs, output_count), |g, x, axis| Ok(g.unbind(x, axis)));
}

/// The slice at one position of an axis, without it. Negative positions count from the end.
#[unsafe(no_mangle)]
pub extern "C" fn tenon_slice_at(x: TenonValue, axis: i64, position: i64) -> TenonValue {
    try_record("slice_at", [x], |g, [x]| Ok(g.slice_at(x, record::axis(axis, g.rank(x))?, position)))
}

/// x with the elements that tenon_slice would read replaced by those of source, which has their shape and the dtype of
/// x.
#[unsafe(no_mangle)]
pub extern "C" fn tenon_slice_scatter(
    x: TenonValue,
    source: TenonValue,
    start: *const i64,
    stop: *const i64,
    step: *const i64,
    rank: usize,
) -> TenonValue {
    try_record("slice_scatter", [x, source], |g, [x, source]| {
        let [starts, stops, steps] = bounds(&g.dims(x), start, stop, step, rank)?;
        Ok(g.slice_scatter(x, source, &starts, &stops, &steps))
    })
}

/// x with the slice that tenon_slice_at would read replaced by source, which has its shape and the dtype of x.
#[unsafe(no_mangle)]
pub extern "C" fn tenon_select_scatter(x: TenonValue, source: TenonValue, axis: i64, position: i64) -> TenonValue {
    try_record("select_scatter", [x, source], |g, [x, source]| Ok(g.select_scatter(x, source, record::axis(axis, g.rank(x))?, position)))
}

/// The windows of `size` elements that begin at every step-th position of an axis: their number, (n - size) / step + 1,
/// takes the place of the axis, their elements are a new last dimension.
#[unsafe(no_mangle)]
pub extern "C" fn tenon_sliding_window(x: TenonValue, axis: i64, size: i64, step: i64) -> TenonValue {
    try_record("sliding_window", [x], |g, [x]| {
        let axis = record::axis(axis, g.rank(x))?;
        Ok(g.sliding_window(x, axis, size_argument(size, "size")?, size_argument(step, "step")?))
    })
}
