//! Chapter: statistics, norms, and distances.

use crate::capi::arguments::{CBool, size, slice};
use crate::capi::graph::TenonValue;
use crate::capi::ops_reduce::reduction;
use crate::capi::record::{self, record, record_several, record_with, try_record};
use crate::error::Result;
use crate::ir::Value;
use crate::ops::Trace;

fn with_mean(
    name: &str,
    x: TenonValue,
    axes: (*const i64, usize),
    outputs: (*mut TenonValue, usize),
    body: impl FnOnce(&mut Trace, Value, &[usize]) -> Result<[Value; 2]>,
) {
    record_several(name, [x], [], outputs.0, outputs.1, |g, [x], []| {
        let (named, rank) = (slice(axes.0, axes.1, "axes")?, g.rank(x));
        let axes = if named.is_empty() { (0..rank).collect() } else { record::axes(named, rank)? };
        Ok(body(g, x, &axes)?.to_vec())
    });
}

/// The sum of squares of x - mean over axes, divided by their number of elements minus ddof: 0 (MindSpore's default) for
/// the biased variance, 1 (PyTorch's) for the unbiased one. NaN where nothing is left to divide by.
#[unsafe(no_mangle)]
pub extern "C" fn tenon_var(x: TenonValue, axes: *const i64, axis_count: usize, ddof: i64, keep_dims: CBool) -> TenonValue {
    try_reduction("var", x, axes, axis_count, |g, x, axes| Ok(g.var(x, axes, size(ddof, "ddof")?, keep_dims.get())))
}

/// The root of tenon_var; slope 0 where it is 0.
#[unsafe(no_mangle)]
pub extern "C" fn tenon_std(x: TenonValue, axes: *const i64, axis_count: usize, ddof: i64, keep_dims: CBool) -> TenonValue {
    try_reduction("std", x, axes, axis_count, |g, x, axes| Ok(g.std(x, axes, size(ddof, "ddof")?, keep_dims.get())))
}

fn try_reduction(
    name: &str,
    x: TenonValue,
    axes: *const i64,
    axis_count: usize,
    body: impl FnOnce(&mut Trace, Value, &[usize]) -> Result<Value>,
) -> TenonValue {
    reduction(name, x, axes, axis_count, |g, x, axes| {
        let y = body(g, x, axes).map_err(|error| error.within(name));
        g.settle(y)
    })
}

/// Writes two values: tenon_var and tenon_mean over axes.
#[unsafe(no_mangle)]
pub extern "C" fn tenon_var_mean(
    x: TenonValue,
    axes: *const i64,
    axis_count: usize,
    ddof: i64,
    keep_dims: CBool,
    outputs: *mut TenonValue,
    output_count: usize,
) {
    with_mean("var_mean", x, (axes, axis_count), (outputs, output_count), |g, x, axes| {
        Ok(g.var_mean(x, axes, size(ddof, "ddof")?, keep_dims.get()))
    });
}

/// Writes two values: tenon_std and tenon_mean over axes.
#[unsafe(no_mangle)]
pub extern "C" fn tenon_std_mean(
    x: TenonValue,
    axes: *const i64,
    axis_count: usize,
    ddof: i64,
    keep_dims: CBool,
    outputs: *mut TenonValue,
    output_count: usize,
) {
    with_mean("std_mean", x, (axes, axis_count), (outputs, output_count), |g, x, axes| {
        Ok(g.std_mean(x, axes, size(ddof, "ddof")?, keep_dims.get()))
    });
}

/// (sum |x|^p)^(1/p) over axes; p infinite: the largest |x|; minus infinite: the smallest; 0: how many are not 0. Slope 0
/// where the norm is 0, and for p below 1 where x is.
#[unsafe(no_mangle)]
pub extern "C" fn tenon_norm(x: TenonValue, p: f64, axes: *const i64, axis_count: usize, keep_dims: CBool) -> TenonValue {
    reduction("norm", x, axes, axis_count, |g, x, axes| g.norm(x, p, axes, keep_dims.get()))
}

/// The sum over axes of the elements that are not NaN.
#[unsafe(no_mangle)]
pub extern "C" fn tenon_nansum(x: TenonValue, axes: *const i64, axis_count: usize, keep_dims: CBool) -> TenonValue {
    reduction("nansum", x, axes, axis_count, |g, x, axes| g.nansum(x, axes, keep_dims.get()))
}

/// The mean over axes of the elements that are not NaN; NaN if all are.
#[unsafe(no_mangle)]
pub extern "C" fn tenon_nanmean(x: TenonValue, axes: *const i64, axis_count: usize, keep_dims: CBool) -> TenonValue {
    reduction("nanmean", x, axes, axis_count, |g, x, axes| g.nanmean(x, axes, keep_dims.get()))
}

/// How many elements over axes are not 0 (i64); NaN is not 0. Any dtype, slope 0.
#[unsafe(no_mangle)]
pub extern "C" fn tenon_count_nonzero(x: TenonValue, axes: *const i64, axis_count: usize, keep_dims: CBool) -> TenonValue {
    reduction("count_nonzero", x, axes, axis_count, |g, x, axes| g.count_nonzero(x, axes, keep_dims.get()))
}

/// The integral of y along an axis by the trapezoidal rule, over points x: a vector or in the shape of y; or, with x of
/// all zero bytes, over points that are `step` apart.
#[unsafe(no_mangle)]
pub extern "C" fn tenon_trapz(y: TenonValue, x: TenonValue, step: f64, axis: i64) -> TenonValue {
    record_with("trapz", [y], [x], |g, [y], [x]| {
        let axis = record::axis(axis, g.rank(y))?;
        Ok(match x {
            Some(x) => g.trapz_at(y, x, axis),
            None => g.trapz(y, step, axis),
        })
    })
}

/// The covariance of the rows of x [n, m], which hold m observations each, over m - ddof: [n, n]. Of a vector a scalar.
#[unsafe(no_mangle)]
pub extern "C" fn tenon_cov(x: TenonValue, ddof: i64) -> TenonValue {
    try_record("cov", [x], |g, [x]| Ok(g.cov(x, size(ddof, "ddof")?)))
}

/// The correlation of the rows of x [n, m]: [n, n], each between -1 and 1. Of a vector a scalar.
#[unsafe(no_mangle)]
pub extern "C" fn tenon_corrcoef(x: TenonValue) -> TenonValue {
    record("corrcoef", [x], |g, [x]| g.corrcoef(x))
}

/// The p-norm of all elements of a - b, which broadcast: a scalar.
#[unsafe(no_mangle)]
pub extern "C" fn tenon_dist(a: TenonValue, b: TenonValue, p: f64) -> TenonValue {
    record("dist", [a, b], |g, [a, b]| g.dist(a, b, p))
}

/// For each row of a [..., n, d] and each row of b [..., m, d] the p-norm of their difference: [..., n, m]. Leading
/// dimensions broadcast.
#[unsafe(no_mangle)]
pub extern "C" fn tenon_cdist(a: TenonValue, b: TenonValue, p: f64) -> TenonValue {
    record("cdist", [a, b], |g, [a, b]| g.cdist(a, b, p))
}

/// The p-norms of the differences of rows i and j of x [..., n, d] for all i < j, row by row: [..., n (n - 1) / 2].
#[unsafe(no_mangle)]
pub extern "C" fn tenon_pdist(x: TenonValue, p: f64) -> TenonValue {
    record("pdist", [x], |g, [x]| g.pdist(x, p))
}

/// The p-norm of a - b + epsilon along the last axis; usual are p = 2 and an epsilon of 1e-6.
#[unsafe(no_mangle)]
pub extern "C" fn tenon_pairwise_distance(a: TenonValue, b: TenonValue, p: f64, epsilon: f64, keep_dims: CBool) -> TenonValue {
    record("pairwise_distance", [a, b], |g, [a, b]| g.pairwise_distance(a, b, p, epsilon, keep_dims.get()))
}

/// The cosine of the angle between a and b, which broadcast, along an axis of the shape that they broadcast to; lengths
/// count at least epsilon, usually 1e-8.
#[unsafe(no_mangle)]
pub extern "C" fn tenon_cosine_similarity(a: TenonValue, b: TenonValue, axis: i64, epsilon: f64) -> TenonValue {
    try_record("cosine_similarity", [a, b], |g, [a, b]| {
        let axis = record::axis(axis, g.rank(a).max(g.rank(b)))?;
        Ok(g.cosine_similarity(a, b, axis, epsilon))
    })
}
