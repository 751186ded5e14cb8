//! Chapter: cumulative operations.

use crate::capi::arguments::{CBool, size};
use crate::capi::graph::TenonValue;
use crate::capi::record::{self, try_record, try_record_more};

/// The sum of all elements up to each along an axis; from the end with reverse; without the element itself if exclusive.
/// bool counts as i64. Negative axes count from the last.
#[unsafe(no_mangle)]
pub extern "C" fn tenon_cumsum(x: TenonValue, axis: i64, reverse: CBool, exclusive: CBool) -> TenonValue {
    try_record("cumsum", [x], |g, [x]| Ok(g.cumsum(x, record::axis(axis, g.rank(x))?, reverse.get(), exclusive.get())))
}

/// The product of all elements up to each along an axis; from the end with reverse; without the element itself if
/// exclusive. The gradient is right at zeros too.
#[unsafe(no_mangle)]
pub extern "C" fn tenon_cumprod(x: TenonValue, axis: i64, reverse: CBool, exclusive: CBool) -> TenonValue {
    try_record("cumprod", [x], |g, [x]| Ok(g.cumprod(x, record::axis(axis, g.rank(x))?, reverse.get(), exclusive.get())))
}

/// The largest element up to each along an axis, of equal ones the last; from the end with reverse; NaN counts as
/// largest. `positions` receives their positions (i64), unless it is NULL.
#[unsafe(no_mangle)]
pub extern "C" fn tenon_cummax(x: TenonValue, axis: i64, reverse: CBool, positions: *mut TenonValue) -> TenonValue {
    try_record_more("cummax", [x], [(positions, "positions")], |g, [x]| {
        let (values, positions) = g.cummax(x, record::axis(axis, g.rank(x))?, reverse.get());
        Ok((values, [positions]))
    })
}

/// The smallest element up to each along an axis, of equal ones the last; from the end with reverse; NaN counts as
/// smallest. `positions` receives their positions (i64), unless it is NULL.
#[unsafe(no_mangle)]
pub extern "C" fn tenon_cummin(x: TenonValue, axis: i64, reverse: CBool, positions: *mut TenonValue) -> TenonValue {
    try_record_more("cummin", [x], [(positions, "positions")], |g, [x]| {
        let (values, positions) = g.cummin(x, record::axis(axis, g.rank(x))?, reverse.get());
        Ok((values, [positions]))
    })
}

/// ln of the sum of e^x up to each along an axis, without overflow; from the end with reverse. Floats.
#[unsafe(no_mangle)]
pub extern "C" fn tenon_logcumsumexp(x: TenonValue, axis: i64, reverse: CBool) -> TenonValue {
    try_record("logcumsumexp", [x], |g, [x]| Ok(g.logcumsumexp(x, record::axis(axis, g.rank(x))?, reverse.get())))
}

/// y with y_0 = b_0 and y_i = a_i y_(i-1) + b_i along an axis; from the end with reverse. a and b have one dtype and one
/// shape.
#[unsafe(no_mangle)]
pub extern "C" fn tenon_recurrence(a: TenonValue, b: TenonValue, axis: i64, reverse: CBool) -> TenonValue {
    try_record("recurrence", [a, b], |g, [a, b]| Ok(g.recurrence(a, b, record::axis(axis, g.rank(a))?, reverse.get())))
}

/// Differences of neighbours along an axis, taken n times; of bool whether they differ.
#[unsafe(no_mangle)]
pub extern "C" fn tenon_diff(x: TenonValue, n: i64, axis: i64) -> TenonValue {
    try_record("diff", [x], |g, [x]| {
        let axis = record::axis(axis, g.rank(x))?;
        // More than the axis has leave nothing.
        let n = size(n, "n")?.min(g.dims(x).get(axis).copied().unwrap_or(0));
        Ok(g.diff(x, n, axis))
    })
}

/// The area under y along an axis by trapezoids. x says where the values lie: in the shape of y, a vector along the axis,
/// or a scalar, the distance of neighbours. Floats.
#[unsafe(no_mangle)]
pub extern "C" fn tenon_trapezoid(y: TenonValue, x: TenonValue, axis: i64) -> TenonValue {
    try_record("trapezoid", [y, x], |g, [y, x]| Ok(g.trapezoid(y, x, record::axis(axis, g.rank(y))?)))
}

/// tenon_trapezoid up to each value but the first.
#[unsafe(no_mangle)]
pub extern "C" fn tenon_cumulative_trapezoid(y: TenonValue, x: TenonValue, axis: i64) -> TenonValue {
    try_record("cumulative_trapezoid", [y, x], |g, [y, x]| Ok(g.cumulative_trapezoid(y, x, record::axis(axis, g.rank(y))?)))
}
