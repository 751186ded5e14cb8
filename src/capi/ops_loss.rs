//! Chapter: losses.

use crate::capi::arguments::{CBool, init_options, options, read_options};
use crate::capi::error::{TenonStatus, boundary_status};
use crate::capi::graph::TenonValue;
use crate::capi::record::try_record;
use crate::error::{Error, Result};
use crate::ops::composite::loss::{CrossEntropy, Reduction};

/// How the losses of the elements become the result: one of the numbers below.
pub type TenonReduction = i32;

/// Their mean.
pub const TENON_REDUCTION_MEAN: TenonReduction = 1;
/// Their sum.
pub const TENON_REDUCTION_SUM: TenonReduction = 2;
/// Themselves.
pub const TENON_REDUCTION_NONE: TenonReduction = 3;
/// Their sum divided by the size of the first dimension.
pub const TENON_REDUCTION_BATCH_MEAN: TenonReduction = 4;

pub(super) fn reduction_of(reduction: TenonReduction) -> Result<Reduction> {
    match reduction {
        TENON_REDUCTION_MEAN => Ok(Reduction::Mean),
        TENON_REDUCTION_SUM => Ok(Reduction::Sum),
        TENON_REDUCTION_NONE => Ok(Reduction::None),
        TENON_REDUCTION_BATCH_MEAN => Ok(Reduction::BatchMean),
        _ => Err(Error::invalid(format!("{reduction} is not a reduction: 1 (mean), 2 (sum), 3 (none), or 4 (batch mean)"))),
    }
}

/// Options of tenon_cross_entropy_with.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct TenonCrossEntropyOptions {
    /// sizeof(TenonCrossEntropyOptions), set by tenon_cross_entropy_options_init.
    pub struct_size: usize,
    /// Set by the init function: zeros below are meant. Otherwise a field that is zero has its default.
    pub is_filled: CBool,
    /// Default: TENON_REDUCTION_MEAN.
    pub reduction: TenonReduction,
    /// The share of the target that is spread over all classes, 0 to 1. Default: 0.
    pub label_smoothing: f64,
    /// Samples with this class index count for nothing. Default: -100.
    pub ignore_index: i64,
}
options!(
    TenonCrossEntropyOptions { is_filled, reduction, label_smoothing, ignore_index } | options | {
        if options.reduction == 0 {
            options.reduction = TENON_REDUCTION_MEAN;
        }
        if !options.is_filled.get() {
            options.is_filled = CBool::new(true);
            if options.ignore_index == 0 {
                options.ignore_index = -100;
            }
        }
    }
);

/// Fills options with the defaults. `size` is sizeof(TenonCrossEntropyOptions). Refuses NULL and a size that is no options
/// struct's.
#[unsafe(no_mangle)]
pub extern "C" fn tenon_cross_entropy_options_init(options: *mut TenonCrossEntropyOptions, size: usize) -> TenonStatus {
    boundary_status(|| init_options(options, size))
}

/// (prediction - target)^2, joined by the reduction. Shapes are equal, dtypes promote.
#[unsafe(no_mangle)]
pub extern "C" fn tenon_mse_loss(prediction: TenonValue, target: TenonValue, reduction: TenonReduction) -> TenonValue {
    try_record("mse_loss", [prediction, target], |g, [prediction, target]| Ok(g.mse_loss(prediction, target, reduction_of(reduction)?)))
}

/// Cross-entropy of logits (floats) [N, C, ...] with the classes along axis 1, or [C] for one sample.
///
/// The target holds class indices (integers, in the shape of the logits without the class axis) or probabilities
/// (floats, in the shape of the logits). Samples with index -100 count for nothing; another index outside 0..C makes
/// the loss NaN, so that it is seen. The mean is over the samples that count.
#[unsafe(no_mangle)]
pub extern "C" fn tenon_cross_entropy(logits: TenonValue, target: TenonValue, reduction: TenonReduction) -> TenonValue {
    try_record("cross_entropy", [logits, target], |g, [logits, target]| {
        Ok(g.cross_entropy(logits, target, CrossEntropy { reduction: reduction_of(reduction)?, ..CrossEntropy::default() }))
    })
}

/// tenon_cross_entropy with all its options; NULL options are the defaults.
#[unsafe(no_mangle)]
pub extern "C" fn tenon_cross_entropy_with(logits: TenonValue, target: TenonValue, options: *const TenonCrossEntropyOptions) -> TenonValue {
    try_record("cross_entropy", [logits, target], |g, [logits, target]| {
        let TenonCrossEntropyOptions { reduction, label_smoothing, ignore_index, .. } = read_options(options)?;
        Ok(g.cross_entropy(logits, target, CrossEntropy { reduction: reduction_of(reduction)?, ignore_index, label_smoothing }))
    })
}
