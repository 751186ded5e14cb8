//! Chapter: normalization.

use crate::capi::arguments::{size, slice};
use crate::capi::graph::TenonValue;
use crate::capi::record::{self, record, record_several, record_with, try_record};

/// (x - mean) / sqrt(variance + epsilon) over the last `count` dimensions, at least one, with the biased variance, times
/// scale plus offset, which have the shape of those dimensions. PyTorch's epsilon is 1e-5, MindSpore's 1e-7.
#[unsafe(no_mangle)]
pub extern "C" fn tenon_layer_norm(x: TenonValue, scale: TenonValue, offset: TenonValue, count: i64, epsilon: f64) -> TenonValue {
    record_with("layer_norm", [x], [scale, offset], |g, [x], [scale, offset]| {
        Ok(g.layer_norm(x, scale, offset, size(count, "count")?, epsilon))
    })
}

/// x / sqrt(mean x^2 + epsilon) over the last `count` dimensions, at least one, times scale, which has their shape.
#[unsafe(no_mangle)]
pub extern "C" fn tenon_rms_norm(x: TenonValue, scale: TenonValue, count: i64, epsilon: f64) -> TenonValue {
    record_with("rms_norm", [x], [scale], |g, [x], [scale]| Ok(g.rms_norm(x, scale, size(count, "count")?, epsilon)))
}

/// x [N, C, ...] normalized in each of `groups` groups of channels of each sample; scale and offset are [C]. The usual
/// epsilon is 1e-5.
#[unsafe(no_mangle)]
pub extern "C" fn tenon_group_norm(x: TenonValue, groups: i64, scale: TenonValue, offset: TenonValue, epsilon: f64) -> TenonValue {
    record_with("group_norm", [x], [scale, offset], |g, [x], [scale, offset]| {
        Ok(g.group_norm(x, size(groups, "groups")?, scale, offset, epsilon))
    })
}

/// x [N, C, ...] normalized in each channel of each sample; scale and offset are [C]. The usual epsilon is 1e-5.
#[unsafe(no_mangle)]
pub extern "C" fn tenon_instance_norm(x: TenonValue, scale: TenonValue, offset: TenonValue, epsilon: f64) -> TenonValue {
    record_with("instance_norm", [x], [scale, offset], |g, [x], [scale, offset]| Ok(g.instance_norm(x, scale, offset, epsilon)))
}

/// scale (x - mean) / sqrt(variance + epsilon) + offset with statistics that are given, as in inference; x is
/// [N, C, ...], all others are [C]. The usual epsilon is 1e-5.
#[unsafe(no_mangle)]
pub extern "C" fn tenon_batch_norm(
    x: TenonValue,
    mean: TenonValue,
    variance: TenonValue,
    scale: TenonValue,
    offset: TenonValue,
    epsilon: f64,
) -> TenonValue {
    record_with("batch_norm", [x, mean, variance], [scale, offset], |g, [x, mean, variance], [scale, offset]| {
        Ok(g.batch_norm(x, mean, variance, scale, offset, epsilon))
    })
}

/// tenon_batch_norm with the statistics of the batch, as in training. Writes three values: the result, normalized by the
/// biased variance; the mean [C]; the unbiased variance [C], NaN for one value per channel. Moving statistics follow with
/// tenon_moving_average and tenon_parameter_assign_value.
#[unsafe(no_mangle)]
pub extern "C" fn tenon_batch_norm_train(
    x: TenonValue,
    scale: TenonValue,
    offset: TenonValue,
    epsilon: f64,
    outputs: *mut TenonValue,
    output_count: usize,
) {
    record_several("batch_norm_train", [x], [scale, offset], outputs, output_count, |g, [x], [scale, offset]| {
        Ok(g.batch_norm_train(x, scale, offset, epsilon).to_vec())
    });
}

/// momentum moving + (1 - momentum) of_batch: the next moving statistic, through which no gradient passes. MindSpore's
/// momentum is 0.9; PyTorch's counts the other way, 0.1. Shapes are equal.
#[unsafe(no_mangle)]
pub extern "C" fn tenon_moving_average(moving: TenonValue, of_batch: TenonValue, momentum: f64) -> TenonValue {
    record("moving_average", [moving, of_batch], |g, [moving, of_batch]| g.moving_average(moving, of_batch, momentum))
}

/// x divided by its p-norm along an axis, which counts at least epsilon; usual are p = 2 and an epsilon of 1e-12.
/// Negative axes count from the last.
#[unsafe(no_mangle)]
pub extern "C" fn tenon_normalize(x: TenonValue, p: f64, axis: i64, epsilon: f64) -> TenonValue {
    try_record("normalize", [x], |g, [x]| {
        let axis = record::axis(axis, g.rank(x))?;
        Ok(g.normalize(x, p, axis, epsilon))
    })
}

/// (x - mean) / sqrt(variance + epsilon) over axes, all of them if none is named (NULL, 0), with the biased variance.
#[unsafe(no_mangle)]
pub extern "C" fn tenon_standardize(x: TenonValue, axes: *const i64, axis_count: usize, epsilon: f64) -> TenonValue {
    try_record("standardize", [x], |g, [x]| {
        let (named, rank) = (slice(axes, axis_count, "axes")?, g.rank(x));
        let axes = if named.is_empty() { (0..rank).collect() } else { record::axes(named, rank)? };
        Ok(g.standardize(x, &axes, epsilon))
    })
}
