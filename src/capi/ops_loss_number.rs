//! Chapter: losses of numbers, margins, and distances.

use crate::capi::arguments::CBool;
use crate::capi::graph::TenonValue;
use crate::capi::ops_loss::{TenonReduction, reduction_of};
use crate::capi::record::{record, record_with, try_record};
use crate::error::Error;
use crate::ops::composite::loss::{MultiMargin, TripletMargin};

/// |prediction - target|; slope 0 where they meet. Shapes are equal.
#[unsafe(no_mangle)]
pub extern "C" fn tenon_l1_loss(prediction: TenonValue, target: TenonValue, reduction: TenonReduction) -> TenonValue {
    try_record("l1_loss", [prediction, target], |g, [x, y]| Ok(g.l1_loss(x, y, reduction_of(reduction)?)))
}

/// d^2 / (2 beta) where d = |prediction - target| is below beta, else d - beta / 2. beta is at least 0; PyTorch's and
/// MindSpore's default is 1. MindSpore's function reduces by none. Shapes are equal.
#[unsafe(no_mangle)]
pub extern "C" fn tenon_smooth_l1_loss(prediction: TenonValue, target: TenonValue, beta: f64, reduction: TenonReduction) -> TenonValue {
    try_record("smooth_l1_loss", [prediction, target], |g, [x, y]| Ok(g.smooth_l1_loss(x, y, beta, reduction_of(reduction)?)))
}

/// d^2 / 2 where d = |prediction - target| is at most delta, else delta (d - delta / 2). delta is above 0; the usual one
/// is 1. Shapes are equal.
#[unsafe(no_mangle)]
pub extern "C" fn tenon_huber_loss(prediction: TenonValue, target: TenonValue, delta: f64, reduction: TenonReduction) -> TenonValue {
    try_record("huber_loss", [prediction, target], |g, [x, y]| Ok(g.huber_loss(x, y, delta, reduction_of(reduction)?)))
}

/// The root of the mean of (prediction - target)^2; slope 0 where it is 0. Shapes are equal.
#[unsafe(no_mangle)]
pub extern "C" fn tenon_rmse_loss(prediction: TenonValue, target: TenonValue) -> TenonValue {
    record("rmse_loss", [prediction, target], |g, [x, y]| g.rmse_loss(x, y))
}

/// The negative log-likelihood of counts under Poisson rates: e^x - y x of logarithms of rates (log_input, the usual
/// way), else x - y ln(x + epsilon) of rates, with 1e-8 the usual epsilon. full adds y ln y - y + ln(2 pi y) / 2 where
/// y > 1. Shapes are equal.
#[unsafe(no_mangle)]
pub extern "C" fn tenon_poisson_nll_loss(
    x: TenonValue,
    target: TenonValue,
    log_input: CBool,
    full: CBool,
    epsilon: f64,
    reduction: TenonReduction,
) -> TenonValue {
    try_record("poisson_nll_loss", [x, target], |g, [x, y]| {
        Ok(g.poisson_nll_loss(x, y, log_input.get(), full.get(), epsilon, reduction_of(reduction)?))
    })
}

/// The negative log-likelihood of a target under normal distributions with mean x: (ln v + (x - y)^2 / v) / 2 with v the
/// variance, which counts at least epsilon (usually 1e-6) and broadcasts. full adds ln(2 pi) / 2.
#[unsafe(no_mangle)]
pub extern "C" fn tenon_gaussian_nll_loss(
    x: TenonValue,
    target: TenonValue,
    variance: TenonValue,
    full: CBool,
    epsilon: f64,
    reduction: TenonReduction,
) -> TenonValue {
    try_record("gaussian_nll_loss", [x, target, variance], |g, [x, y, variance]| {
        Ok(g.gaussian_nll_loss(x, y, variance, full.get(), epsilon, reduction_of(reduction)?))
    })
}

/// 1 - 2 sum x y / (sum x^2 + sum y^2 + smooth) over all elements; MindSpore's smooth is 1e-5. Shapes are equal.
#[unsafe(no_mangle)]
pub extern "C" fn tenon_dice_loss(prediction: TenonValue, target: TenonValue, smooth: f64) -> TenonValue {
    record("dice_loss", [prediction, target], |g, [x, y]| g.dice_loss(x, y, smooth))
}

/// max(0, margin - y (x1 - x2)): y is 1 where x1 should be above x2, else -1. All broadcast. The usual margin is 0.
#[unsafe(no_mangle)]
pub extern "C" fn tenon_margin_ranking_loss(
    x1: TenonValue,
    x2: TenonValue,
    y: TenonValue,
    margin: f64,
    reduction: TenonReduction,
) -> TenonValue {
    try_record("margin_ranking_loss", [x1, x2, y], |g, [x1, x2, y]| Ok(g.margin_ranking_loss(x1, x2, y, margin, reduction_of(reduction)?)))
}

/// x where y is 1, max(0, margin - x) where y is -1. Shapes are equal. The usual margin is 1.
#[unsafe(no_mangle)]
pub extern "C" fn tenon_hinge_embedding_loss(x: TenonValue, y: TenonValue, margin: f64, reduction: TenonReduction) -> TenonValue {
    try_record("hinge_embedding_loss", [x, y], |g, [x, y]| Ok(g.hinge_embedding_loss(x, y, margin, reduction_of(reduction)?)))
}

/// ln(1 + e^(-y x)), without overflow; y is 1 or -1. Shapes are equal.
#[unsafe(no_mangle)]
pub extern "C" fn tenon_soft_margin_loss(x: TenonValue, y: TenonValue, reduction: TenonReduction) -> TenonValue {
    try_record("soft_margin_loss", [x, y], |g, [x, y]| Ok(g.soft_margin_loss(x, y, reduction_of(reduction)?)))
}

/// The mean over the classes of max(0, margin - x[target] + x)^power, without the target itself, times the weight of the
/// target. x is [N, C] or [C], the target holds class indices [N] or []; the weight is [C], or all zero bytes for none.
/// The power is 1 or 2; the usual margin is 1. A class index outside 0..C makes the loss NaN.
#[unsafe(no_mangle)]
pub extern "C" fn tenon_multi_margin_loss(
    x: TenonValue,
    target: TenonValue,
    weight: TenonValue,
    power: i32,
    margin: f64,
    reduction: TenonReduction,
) -> TenonValue {
    record_with("multi_margin_loss", [x, target], [weight], |g, [x, target], [weight]| {
        let power = u32::try_from(power).map_err(|_| Error::invalid(format!("the power is {power}, not 1 or 2")))?;
        Ok(g.multi_margin_loss(x, target, weight, MultiMargin { reduction: reduction_of(reduction)?, power, margin }))
    })
}

/// The sum over targets j and other classes i of max(0, 1 - x[j] + x[i]), divided by the number of classes. x and target
/// are [N, C] or [C]; the target holds class indices, of which those in front of the first negative one count. A class
/// index of C or more makes the loss NaN.
#[unsafe(no_mangle)]
pub extern "C" fn tenon_multilabel_margin_loss(x: TenonValue, target: TenonValue, reduction: TenonReduction) -> TenonValue {
    try_record("multilabel_margin_loss", [x, target], |g, [x, y]| Ok(g.multilabel_margin_loss(x, y, reduction_of(reduction)?)))
}

/// 1 - cos(x1, x2) where y is 1, max(0, cos(x1, x2) - margin) where y is -1, with the cosine along the last axis. y has
/// the leading dimensions. The usual margin is 0.
#[unsafe(no_mangle)]
pub extern "C" fn tenon_cosine_embedding_loss(
    x1: TenonValue,
    x2: TenonValue,
    y: TenonValue,
    margin: f64,
    reduction: TenonReduction,
) -> TenonValue {
    try_record("cosine_embedding_loss", [x1, x2, y], |g, [x1, x2, y]| {
        Ok(g.cosine_embedding_loss(x1, x2, y, margin, reduction_of(reduction)?))
    })
}

/// max(0, margin + d(anchor, positive) - d(anchor, negative)) with d(a, b) = |a - b + epsilon|_p along the last axis;
/// with swap, the distance of positive and negative counts where it is below the anchor's to the negative. Usual are a
/// margin of 1, p = 2, and an epsilon of 1e-6.
#[unsafe(no_mangle)]
pub extern "C" fn tenon_triplet_margin_loss(
    anchor: TenonValue,
    positive: TenonValue,
    negative: TenonValue,
    margin: f64,
    p: f64,
    epsilon: f64,
    swap: CBool,
    reduction: TenonReduction,
) -> TenonValue {
    try_record("triplet_margin_loss", [anchor, positive, negative], |g, [anchor, positive, negative]| {
        let options = TripletMargin { reduction: reduction_of(reduction)?, margin, p, epsilon, swap: swap.get() };
        Ok(g.triplet_margin_loss(anchor, positive, negative, options))
    })
}
