//! Chapter: order.

use crate::capi::arguments::{CBool, size, slice};
use crate::capi::graph::TenonValue;
use crate::capi::record::{self, record, try_record, try_record_more};
use crate::error::{Error, Result};
use crate::ops::composite::QuantileMethod;

/// What lies between two neighbours of a sorted line: one of the numbers below.
pub type TenonQuantileMethod = i32;

/// On the straight line between them.
pub const TENON_QUANTILE_LINEAR: TenonQuantileMethod = 1;
/// The lower one.
pub const TENON_QUANTILE_LOWER: TenonQuantileMethod = 2;
/// The higher one.
pub const TENON_QUANTILE_HIGHER: TenonQuantileMethod = 3;
/// The nearer one; of two equally near ones that at the even position.
pub const TENON_QUANTILE_NEAREST: TenonQuantileMethod = 4;
/// Half way between them.
pub const TENON_QUANTILE_MIDPOINT: TenonQuantileMethod = 5;

fn method_of(interpolation: TenonQuantileMethod) -> Result<QuantileMethod> {
    Ok(match interpolation {
        TENON_QUANTILE_LINEAR => QuantileMethod::Linear,
        TENON_QUANTILE_LOWER => QuantileMethod::Lower,
        TENON_QUANTILE_HIGHER => QuantileMethod::Higher,
        TENON_QUANTILE_NEAREST => QuantileMethod::Nearest,
        TENON_QUANTILE_MIDPOINT => QuantileMethod::Midpoint,
        _ => {
            let text = "1 (linear), 2 (lower), 3 (higher), 4 (nearest), or 5 (midpoint)";
            return Err(Error::invalid(format!("{interpolation} is not an interpolation: {text}")));
        }
    })
}

/// The positions (i64) that sort x along an axis; equal elements keep their order. NaN counts as largest. Negative axes
/// count from the last.
#[unsafe(no_mangle)]
pub extern "C" fn tenon_argsort(x: TenonValue, axis: i64, descending: CBool) -> TenonValue {
    try_record("argsort", [x], |g, [x]| Ok(g.argsort(x, record::axis(axis, g.rank(x))?, descending.get())))
}

/// x in order along an axis; equal elements keep their order; NaN counts as largest. `positions` receives the positions
/// (i64) of the elements in x, unless it is NULL.
#[unsafe(no_mangle)]
pub extern "C" fn tenon_sort(x: TenonValue, axis: i64, descending: CBool, positions: *mut TenonValue) -> TenonValue {
    try_record_more("sort", [x], [(positions, "positions")], |g, [x]| {
        let (values, positions) = g.sort(x, record::axis(axis, g.rank(x))?, descending.get());
        Ok((values, [positions]))
    })
}

/// x in ascending order along its first axis.
#[unsafe(no_mangle)]
pub extern "C" fn tenon_msort(x: TenonValue) -> TenonValue {
    record("msort", [x], |g, [x]| g.sort(x, 0, false).0)
}

/// The k largest or smallest elements along an axis, in their order; of equal ones those that come first; NaN counts as
/// largest. `positions` receives their positions (i64) in x, unless it is NULL.
#[unsafe(no_mangle)]
pub extern "C" fn tenon_topk(x: TenonValue, k: i64, axis: i64, largest: CBool, positions: *mut TenonValue) -> TenonValue {
    try_record_more("topk", [x], [(positions, "positions")], |g, [x]| {
        let (values, positions) = g.topk(x, size(k, "k")?, record::axis(axis, g.rank(x))?, largest.get());
        Ok((values, [positions]))
    })
}

/// The k-th smallest element along an axis, k from 1 on; NaN counts as largest. `position` receives its position (i64) in
/// x, unless it is NULL.
#[unsafe(no_mangle)]
pub extern "C" fn tenon_kthvalue(x: TenonValue, k: i64, axis: i64, keep_dims: CBool, position: *mut TenonValue) -> TenonValue {
    try_record_more("kthvalue", [x], [(position, "position")], |g, [x]| {
        let (value, position) = g.kthvalue(x, size(k, "k")?, record::axis(axis, g.rank(x))?, keep_dims.get());
        Ok((value, [position]))
    })
}

/// The element in the middle of the order along an axis, of an even number the lower one; NaN if any is NaN. `position`
/// receives its position (i64) in x, unless it is NULL.
#[unsafe(no_mangle)]
pub extern "C" fn tenon_median(x: TenonValue, axis: i64, keep_dims: CBool, position: *mut TenonValue) -> TenonValue {
    try_record_more("median", [x], [(position, "position")], |g, [x]| {
        let (value, position) = g.median(x, record::axis(axis, g.rank(x))?, keep_dims.get());
        Ok((value, [position]))
    })
}

/// tenon_median of the elements that are not NaN; NaN if there is none.
#[unsafe(no_mangle)]
pub extern "C" fn tenon_nanmedian(x: TenonValue, axis: i64, keep_dims: CBool, position: *mut TenonValue) -> TenonValue {
    try_record_more("nanmedian", [x], [(position, "position")], |g, [x]| {
        let (value, position) = g.nanmedian(x, record::axis(axis, g.rank(x))?, keep_dims.get());
        Ok((value, [position]))
    })
}

/// The most frequent element along an axis, of equally frequent ones the smallest. `position` receives the last position
/// (i64) of it in x, unless it is NULL.
#[unsafe(no_mangle)]
pub extern "C" fn tenon_mode(x: TenonValue, axis: i64, keep_dims: CBool, position: *mut TenonValue) -> TenonValue {
    try_record_more("mode", [x], [(position, "position")], |g, [x]| {
        let (value, position) = g.mode(x, record::axis(axis, g.rank(x))?, keep_dims.get());
        Ok((value, [position]))
    })
}

/// For each of q (0 to 1), as a new first dimension, the value at that part of the order along an axis, which goes. NaN
/// if any element is NaN. Floats.
#[unsafe(no_mangle)]
pub extern "C" fn tenon_quantile(
    x: TenonValue,
    q: *const f64,
    q_count: usize,
    axis: i64,
    interpolation: TenonQuantileMethod,
) -> TenonValue {
    try_record("quantile", [x], |g, [x]| {
        let (q, axis) = (slice(q, q_count, "q")?, record::axis(axis, g.rank(x))?);
        Ok(g.quantile(x, q, axis, method_of(interpolation)?))
    })
}

/// tenon_quantile of the elements that are not NaN; NaN if there is none.
#[unsafe(no_mangle)]
pub extern "C" fn tenon_nanquantile(
    x: TenonValue,
    q: *const f64,
    q_count: usize,
    axis: i64,
    interpolation: TenonQuantileMethod,
) -> TenonValue {
    try_record("nanquantile", [x], |g, [x]| {
        let (q, axis) = (slice(q, q_count, "q")?, record::axis(axis, g.rank(x))?);
        Ok(g.nanquantile(x, q, axis, method_of(interpolation)?))
    })
}

/// For each value [..., m] the number (i64) of elements of the sequence, which ascends along its last axis, that are
/// smaller, or with right that are not larger. The sequence is [n] or has the leading dimensions of the values. NaN
/// counts as largest; dtypes promote.
#[unsafe(no_mangle)]
pub extern "C" fn tenon_searchsorted(sequence: TenonValue, values: TenonValue, right: CBool) -> TenonValue {
    record("searchsorted", [sequence, values], |g, [sequence, values]| g.searchsorted(sequence, values, right.get()))
}

/// The number (i64) of the interval between boundaries, a vector in ascending order, that each element of x lies in:
/// boundaries[i - 1] < x <= boundaries[i]; with right boundaries[i - 1] <= x < boundaries[i].
#[unsafe(no_mangle)]
pub extern "C" fn tenon_bucketize(x: TenonValue, boundaries: TenonValue, right: CBool) -> TenonValue {
    record("bucketize", [x, boundaries], |g, [x, boundaries]| g.bucketize(x, boundaries, right.get()))
}

/// The different values of x in ascending order, [size]. Shapes do not depend on values: the first size values are given,
/// and what is beyond their number is fill. Unless they are NULL, `inverse` receives for each element of x the number
/// (i64) of its value, `counts` how often each value occurs (i64 [size]), `count` how many values there are (i64).
#[unsafe(no_mangle)]
pub extern "C" fn tenon_unique(
    x: TenonValue,
    size: i64,
    fill: f64,
    inverse: *mut TenonValue,
    counts: *mut TenonValue,
    count: *mut TenonValue,
) -> TenonValue {
    let length = size;
    try_record_more("unique", [x], [(inverse, "inverse"), (counts, "counts"), (count, "count")], |g, [x]| {
        let unique = g.unique(x, self::size(length, "size")?, fill);
        Ok((unique.values, [unique.inverse, unique.counts, unique.count]))
    })
}

/// The values of x, seen as a vector, without those that equal the one before; otherwise as tenon_unique.
#[unsafe(no_mangle)]
pub extern "C" fn tenon_unique_consecutive(
    x: TenonValue,
    size: i64,
    fill: f64,
    inverse: *mut TenonValue,
    counts: *mut TenonValue,
    count: *mut TenonValue,
) -> TenonValue {
    let length = size;
    try_record_more("unique_consecutive", [x], [(inverse, "inverse"), (counts, "counts"), (count, "count")], |g, [x]| {
        let unique = g.unique_consecutive(x, self::size(length, "size")?, fill);
        Ok((unique.values, [unique.inverse, unique.counts, unique.count]))
    })
}

/// All choices of `count` elements (1 to 256) of a vector, as rows: in the order of their positions, the last changing
/// fastest. Each element once, or, with again, any number of times.
#[unsafe(no_mangle)]
pub extern "C" fn tenon_combinations(x: TenonValue, count: i64, again: CBool) -> TenonValue {
    try_record("combinations", [x], |g, [x]| Ok(g.combinations(x, size(count, "count")?, again.get())))
}

/// Whether each element of x equals one of the set's, as bool, in the dtype that both promote to; NaN equals nothing. The
/// set has any shape.
#[unsafe(no_mangle)]
pub extern "C" fn tenon_isin(x: TenonValue, set: TenonValue) -> TenonValue {
    record("isin", [x, set], |g, [x, set]| g.isin(x, set))
}
