//! Chapter: losses of classes and probabilities.

use crate::capi::arguments::{CBool, read_options, size};
use crate::capi::graph::TenonValue;
use crate::capi::ops_loss::{TenonCrossEntropyOptions, TenonReduction, reduction_of};
use crate::capi::record::{record, record_with, try_record};
use crate::ops::composite::loss::{Bce, CrossEntropy, Ctc, Nll};

/// tenon_cross_entropy_with with weights of the classes [C]. With class indices the mean is the sum of the losses divided
/// by the sum of the weights of their targets. A weight of all zero bytes stands for none, NULL options for the defaults.
#[unsafe(no_mangle)]
pub extern "C" fn tenon_cross_entropy_weighted(
    logits: TenonValue,
    target: TenonValue,
    weight: TenonValue,
    options: *const TenonCrossEntropyOptions,
) -> TenonValue {
    record_with("cross_entropy", [logits, target], [weight], |g, [logits, target], [weight]| {
        let TenonCrossEntropyOptions { reduction, label_smoothing, ignore_index, .. } = read_options(options)?;
        let options = CrossEntropy { reduction: reduction_of(reduction)?, ignore_index, label_smoothing };
        Ok(g.cross_entropy_weighted(logits, target, weight, options))
    })
}

/// -x at the target class of log-probabilities x [N, C, ...] or [C], times the weight [C] of the class; all zero bytes
/// stand for no weight. The target holds class indices [N, ...]; samples with ignore_index (usually -100) count for
/// nothing, another index outside 0..C makes the loss NaN. The mean is divided by the weights of the samples that count.
#[unsafe(no_mangle)]
pub extern "C" fn tenon_nll_loss(
    x: TenonValue,
    target: TenonValue,
    weight: TenonValue,
    ignore_index: i64,
    reduction: TenonReduction,
) -> TenonValue {
    record_with("nll_loss", [x, target], [weight], |g, [x, target], [weight]| {
        Ok(g.nll_loss(x, target, weight, Nll { reduction: reduction_of(reduction)?, ignore_index }))
    })
}

/// The cross-entropy of each row of logits [N, C] with probabilities [N, C] or class indices [N]: [N].
#[unsafe(no_mangle)]
pub extern "C" fn tenon_softmax_cross_entropy_with_logits(logits: TenonValue, target: TenonValue) -> TenonValue {
    record("softmax_cross_entropy_with_logits", [logits, target], |g, [x, y]| g.softmax_cross_entropy_with_logits(x, y))
}

/// -(1 - p)^gamma ln p with p the softmax along axis 1 of logits [N, C, ...] at the target class [N, ...], times the
/// weight [C] of the class; all zero bytes stand for no weight. The mean is over all samples. The usual gamma is 2.
#[unsafe(no_mangle)]
pub extern "C" fn tenon_focal_loss(
    logits: TenonValue,
    target: TenonValue,
    weight: TenonValue,
    gamma: f64,
    reduction: TenonReduction,
) -> TenonValue {
    record_with("focal_loss", [logits, target], [weight], |g, [logits, target], [weight]| {
        Ok(g.focal_loss(logits, target, weight, gamma, reduction_of(reduction)?))
    })
}

/// -(y ln x + (1 - y) ln(1 - x)) of probabilities x, times a weight that broadcasts; all zero bytes stand for none.
///
/// Logarithms count at least log_floor; 0 stands for PyTorch's -100, MindSpore's is ln 1e-12. Their slope is held at
/// 1e12. Where probabilities come from a sigmoid, tenon_bce_with_logits_loss is exact.
#[unsafe(no_mangle)]
pub extern "C" fn tenon_bce_loss(
    x: TenonValue,
    target: TenonValue,
    weight: TenonValue,
    log_floor: f64,
    reduction: TenonReduction,
) -> TenonValue {
    record_with("bce_loss", [x, target], [weight], |g, [x, target], [weight]| {
        let log_floor = if log_floor == 0.0 { Bce::default().log_floor } else { log_floor };
        Ok(g.bce_loss(x, target, weight, Bce { reduction: reduction_of(reduction)?, log_floor }))
    })
}

/// -(p y ln sigmoid(x) + (1 - y) ln sigmoid(-x)) of logits x, without overflow, times a weight. The weight and p, the
/// weight of positive targets, broadcast; all zero bytes stand for none.
#[unsafe(no_mangle)]
pub extern "C" fn tenon_bce_with_logits_loss(
    x: TenonValue,
    target: TenonValue,
    weight: TenonValue,
    positive_weight: TenonValue,
    reduction: TenonReduction,
) -> TenonValue {
    record_with("bce_with_logits_loss", [x, target], [weight, positive_weight], |g, [x, target], [weight, positive]| {
        Ok(g.bce_with_logits_loss(x, target, weight, positive, reduction_of(reduction)?))
    })
}

/// The mean over the last axis, the classes, of tenon_bce_with_logits_loss, then the reduction. The weight broadcasts;
/// all zero bytes stand for none.
#[unsafe(no_mangle)]
pub extern "C" fn tenon_multilabel_soft_margin_loss(
    x: TenonValue,
    target: TenonValue,
    weight: TenonValue,
    reduction: TenonReduction,
) -> TenonValue {
    record_with("multilabel_soft_margin_loss", [x, target], [weight], |g, [x, target], [weight]| {
        Ok(g.multilabel_soft_margin_loss(x, target, weight, reduction_of(reduction)?))
    })
}

/// -ln of the probability that the steps of each sequence spell its labels (connectionist temporal classification, Graves
/// et al., 2006): the sum over all ways to put a label or a blank at each step, so that the labels come out once repeated
/// ones are joined and blanks are left out.
///
/// scores are log-probabilities [T, N, C] (tenon_log_softmax), labels classes [N, S], other than the class blank, which
/// usually is 0. Of each sequence the first steps [N] of T and the first counts [N] of S count: integers, at most T and S.
/// For one sequence: [T, C], [S], and scalars. The mean is that of the losses each divided by its number of labels, at
/// least 1. A sequence that cannot be, for want of steps, has the loss inf, or with zero_infinity 0, and no slope. A label
/// outside 0..C or a count outside 0..=S fails the run; labels behind the count are not looked at, and more steps than T
/// count as T.
#[unsafe(no_mangle)]
pub extern "C" fn tenon_ctc_loss(
    scores: TenonValue,
    labels: TenonValue,
    steps: TenonValue,
    counts: TenonValue,
    blank: i64,
    reduction: TenonReduction,
    zero_infinity: CBool,
) -> TenonValue {
    try_record("ctc_loss", [scores, labels, steps, counts], |g, [scores, labels, steps, counts]| {
        let options = Ctc { blank: size(blank, "blank")?, reduction: reduction_of(reduction)?, zero_infinity: zero_infinity.get() };
        Ok(g.ctc_loss(scores, labels, steps, counts, options))
    })
}

/// y (ln y - x) of log-probabilities x and probabilities y, 0 where y is 0; with log_target, y holds logarithms too.
/// Shapes are equal. The divergence of distributions is the sum, or TENON_REDUCTION_BATCH_MEAN of a batch of them.
#[unsafe(no_mangle)]
pub extern "C" fn tenon_kl_div_loss(x: TenonValue, target: TenonValue, log_target: CBool, reduction: TenonReduction) -> TenonValue {
    try_record("kl_div_loss", [x, target], |g, [x, y]| Ok(g.kl_div_loss(x, y, log_target.get(), reduction_of(reduction)?)))
}
