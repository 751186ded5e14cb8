//! Chapter: gradients held within bounds.

use crate::capi::graph::TenonValue;
use crate::capi::record::{self, record_list, record_list_several, try_record};

/// Writes each value with its elements held between two bounds, as tenon_clamp does: NaN stays, slopes are 1 at both.
#[unsafe(no_mangle)]
pub extern "C" fn tenon_clip_by_value(
    parts: *const TenonValue,
    count: usize,
    low: f64,
    high: f64,
    outputs: *mut TenonValue,
    output_count: usize,
) {
    record_list_several("clip_by_value", parts, count, outputs, output_count, |g, parts| Ok(g.clip_by_value(parts, low, high)));
}

/// Writes each value times most / (n + 1e-6), where that is below 1, and as it is otherwise; n is tenon_global_norm with p,
/// most is finite and above 0. (PyTorch's clip_grad_norm_, MindSpore's clip_by_norm.)
#[unsafe(no_mangle)]
pub extern "C" fn tenon_clip_by_norm(
    parts: *const TenonValue,
    count: usize,
    most: f64,
    p: f64,
    outputs: *mut TenonValue,
    output_count: usize,
) {
    record_list_several("clip_by_norm", parts, count, outputs, output_count, |g, parts| Ok(g.clip_by_norm(parts, most, p)));
}

/// Writes each value times most / max(n, most); n is tenon_global_norm with p = 2, most is finite and above 0.
/// (MindSpore's clip_by_global_norm.)
#[unsafe(no_mangle)]
pub extern "C" fn tenon_clip_by_global_norm(
    parts: *const TenonValue,
    count: usize,
    most: f64,
    outputs: *mut TenonValue,
    output_count: usize,
) {
    record_list_several("clip_by_global_norm", parts, count, outputs, output_count, |g, parts| Ok(g.clip_by_global_norm(parts, most)));
}

/// x with each slice along an axis whose p-norm n is above most multiplied by most / (n + 1e-7); p is above 0, or infinite,
/// most finite and not negative.
#[unsafe(no_mangle)]
pub extern "C" fn tenon_renorm(x: TenonValue, p: f64, axis: i64, most: f64) -> TenonValue {
    try_record("renorm", [x], |g, [x]| {
        let axis = record::axis(axis, g.rank(x))?;
        Ok(g.renorm(x, p, axis, most))
    })
}

/// (sum |x|^p)^(1/p) over all elements of all values, a scalar in the widest of their dtypes, which are floats, and at
/// least f32; p above 0, or infinite: the largest |x|. Slope 0 where it is 0.
#[unsafe(no_mangle)]
pub extern "C" fn tenon_global_norm(parts: *const TenonValue, count: usize, p: f64) -> TenonValue {
    record_list("global_norm", parts, count, |g, parts| Ok(g.global_norm(parts, p)))
}

/// Whether all elements of all values are finite, a scalar bool. Integers and bool are.
#[unsafe(no_mangle)]
pub extern "C" fn tenon_all_finite(parts: *const TenonValue, count: usize) -> TenonValue {
    record_list("all_finite", parts, count, |g, parts| Ok(g.all_finite(parts)))
}
