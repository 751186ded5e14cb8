//! Chapter: reductions.

use crate::capi::arguments::{CBool, slice};
use crate::capi::graph::TenonValue;
use crate::capi::record::{self, try_record};
use crate::ir::Value;
use crate::ops::Trace;

/// A reduction over the host's axes: all of them if it names none.
pub(super) fn reduction(
    name: &str,
    x: TenonValue,
    axes: *const i64,
    axis_count: usize,
    body: impl FnOnce(&mut Trace, Value, &[usize]) -> Value,
) -> TenonValue {
    try_record(name, [x], |g, [x]| {
        let named = slice(axes, axis_count, "axes")?;
        let rank = g.rank(x);
        let axes = if named.is_empty() || !g.contains(x) { (0..rank).collect() } else { record::axes(named, rank)? };
        Ok(body(g, x, &axes))
    })
}

/// The sum over axes; bool counts as i64.
#[unsafe(no_mangle)]
pub extern "C" fn tenon_sum(x: TenonValue, axes: *const i64, axis_count: usize, keep_dims: CBool) -> TenonValue {
    reduction("sum", x, axes, axis_count, |g, x, axes| g.sum(x, axes, keep_dims.get()))
}

/// The mean over axes; integers and bool give f32; the mean of nothing is NaN.
#[unsafe(no_mangle)]
pub extern "C" fn tenon_mean(x: TenonValue, axes: *const i64, axis_count: usize, keep_dims: CBool) -> TenonValue {
    reduction("mean", x, axes, axis_count, |g, x, axes| g.mean(x, axes, keep_dims.get()))
}

/// The product over axes.
#[unsafe(no_mangle)]
pub extern "C" fn tenon_prod(x: TenonValue, axes: *const i64, axis_count: usize, keep_dims: CBool) -> TenonValue {
    reduction("prod", x, axes, axis_count, |g, x, axes| g.prod(x, axes, keep_dims.get()))
}

/// The largest element over axes; NaN if any is NaN; ties share the gradient.
#[unsafe(no_mangle)]
pub extern "C" fn tenon_max(x: TenonValue, axes: *const i64, axis_count: usize, keep_dims: CBool) -> TenonValue {
    reduction("max", x, axes, axis_count, |g, x, axes| g.max(x, axes, keep_dims.get()))
}

/// The smallest element over axes; NaN if any is NaN; ties share the gradient.
#[unsafe(no_mangle)]
pub extern "C" fn tenon_min(x: TenonValue, axes: *const i64, axis_count: usize, keep_dims: CBool) -> TenonValue {
    reduction("min", x, axes, axis_count, |g, x, axes| g.min(x, axes, keep_dims.get()))
}

/// Whether any element over axes is true. Bool.
#[unsafe(no_mangle)]
pub extern "C" fn tenon_any(x: TenonValue, axes: *const i64, axis_count: usize, keep_dims: CBool) -> TenonValue {
    reduction("any", x, axes, axis_count, |g, x, axes| g.any(x, axes, keep_dims.get()))
}

/// Whether all elements over axes are true. Bool.
#[unsafe(no_mangle)]
pub extern "C" fn tenon_all(x: TenonValue, axes: *const i64, axis_count: usize, keep_dims: CBool) -> TenonValue {
    reduction("all", x, axes, axis_count, |g, x, axes| g.all(x, axes, keep_dims.get()))
}

/// ln sum e^x over axes, without overflow. Floats.
#[unsafe(no_mangle)]
pub extern "C" fn tenon_logsumexp(x: TenonValue, axes: *const i64, axis_count: usize, keep_dims: CBool) -> TenonValue {
    reduction("logsumexp", x, axes, axis_count, |g, x, axes| g.logsumexp(x, axes, keep_dims.get()))
}

/// The position (i64) of the first largest element along an axis, which goes; NaN counts as largest. Slope 0.
#[unsafe(no_mangle)]
pub extern "C" fn tenon_argmax(x: TenonValue, axis: i64) -> TenonValue {
    try_record("argmax", [x], |g, [x]| Ok(g.argmax(x, record::axis(axis, g.rank(x))?)))
}

/// The position (i64) of the first smallest element along an axis, which goes; NaN counts as smallest. Slope 0.
#[unsafe(no_mangle)]
pub extern "C" fn tenon_argmin(x: TenonValue, axis: i64) -> TenonValue {
    try_record("argmin", [x], |g, [x]| Ok(g.argmin(x, record::axis(axis, g.rank(x))?)))
}
