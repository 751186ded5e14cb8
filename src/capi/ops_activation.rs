//! Chapter: activations.

use crate::capi::arguments::CBool;
use crate::capi::generator::TenonGenerator;
use crate::capi::graph::{TenonGraph, TenonValue};
use crate::capi::handle::Handle;
use crate::capi::ops_random::generator_of;
use crate::capi::record::{self, record, try_record};

/// x held between 0 and 6; slope 0 at 0 and 1 at 6. Floats.
#[unsafe(no_mangle)]
pub extern "C" fn tenon_relu6(x: TenonValue) -> TenonValue {
    record("relu6", [x], |g, [x]| g.relu6(x))
}

/// x sigmoid(x). Floats.
#[unsafe(no_mangle)]
pub extern "C" fn tenon_silu(x: TenonValue) -> TenonValue {
    record("silu", [x], |g, [x]| g.silu(x))
}

/// relu6(x + 3) / 6; slope 0 at both kinks. Floats.
#[unsafe(no_mangle)]
pub extern "C" fn tenon_hard_sigmoid(x: TenonValue) -> TenonValue {
    record("hard_sigmoid", [x], |g, [x]| g.hard_sigmoid(x))
}

/// x relu6(x + 3) / 6; slopes -0.5 at -3 and 1.5 at 3. Floats.
#[unsafe(no_mangle)]
pub extern "C" fn tenon_hard_swish(x: TenonValue) -> TenonValue {
    record("hard_swish", [x], |g, [x]| g.hard_swish(x))
}

/// ln(1 + e^x), without overflow. Floats.
#[unsafe(no_mangle)]
pub extern "C" fn tenon_softplus(x: TenonValue) -> TenonValue {
    record("softplus", [x], |g, [x]| g.softplus(x))
}

/// ln sigmoid(x), without overflow. Floats.
#[unsafe(no_mangle)]
pub extern "C" fn tenon_log_sigmoid(x: TenonValue) -> TenonValue {
    record("log_sigmoid", [x], |g, [x]| g.log_sigmoid(x))
}

/// x where x > 0, else alpha x; slope (1 + alpha) / 2 at 0. Floats.
#[unsafe(no_mangle)]
pub extern "C" fn tenon_leaky_relu(x: TenonValue, alpha: f64) -> TenonValue {
    record("leaky_relu", [x], |g, [x]| g.leaky_relu(x, alpha))
}

/// x where x > 0, else alpha (e^x - 1); slope alpha at 0. Floats.
#[unsafe(no_mangle)]
pub extern "C" fn tenon_elu(x: TenonValue, alpha: f64) -> TenonValue {
    record("elu", [x], |g, [x]| g.elu(x, alpha))
}

/// x times the standard normal distribution function, or its tanh approximation (Hendrycks & Gimpel, 2016). Floats.
#[unsafe(no_mangle)]
pub extern "C" fn tenon_gelu(x: TenonValue, approximate: CBool) -> TenonValue {
    record("gelu", [x], |g, [x]| g.gelu(x, approximate.get()))
}

/// e^x / sum e^x along an axis. Floats. Negative axes count from the last.
#[unsafe(no_mangle)]
pub extern "C" fn tenon_softmax(x: TenonValue, axis: i64) -> TenonValue {
    try_record("softmax", [x], |g, [x]| {
        let axis = record::axis(axis, g.rank(x))?;
        Ok(g.softmax(x, axis))
    })
}

/// x - ln sum e^x along an axis. Floats. Negative axes count from the last.
#[unsafe(no_mangle)]
pub extern "C" fn tenon_log_softmax(x: TenonValue, axis: i64) -> TenonValue {
    try_record("log_softmax", [x], |g, [x]| {
        let axis = record::axis(axis, g.rank(x))?;
        Ok(g.log_softmax(x, axis))
    })
}

/// ln(1 + e^(beta x)) / beta; x itself where beta x > threshold, with slope 1. Floats. PyTorch's defaults are 1 and 20.
/// Fails for beta = 0.
#[unsafe(no_mangle)]
pub extern "C" fn tenon_softplus_with(x: TenonValue, beta: f64, threshold: f64) -> TenonValue {
    record("softplus_with", [x], |g, [x]| g.softplus_with(x, beta, threshold))
}

/// x where x > 0, else alpha (e^(x / alpha) - 1); slope 1 at 0. Floats. Fails for alpha = 0.
#[unsafe(no_mangle)]
pub extern "C" fn tenon_celu(x: TenonValue, alpha: f64) -> TenonValue {
    record("celu", [x], |g, [x]| g.celu(x, alpha))
}

/// 1.0507 times elu with alpha 1.67326, which keeps mean 0 and variance 1 (Klambauer et al., 2017). Floats.
#[unsafe(no_mangle)]
pub extern "C" fn tenon_selu(x: TenonValue) -> TenonValue {
    record("selu", [x], |g, [x]| g.selu(x))
}

/// x sigmoid(1.702 x). Floats.
#[unsafe(no_mangle)]
pub extern "C" fn tenon_fast_gelu(x: TenonValue) -> TenonValue {
    record("fast_gelu", [x], |g, [x]| g.fast_gelu(x))
}

/// x tanh(softplus(x)). Floats.
#[unsafe(no_mangle)]
pub extern "C" fn tenon_mish(x: TenonValue) -> TenonValue {
    record("mish", [x], |g, [x]| g.mish(x))
}

/// x / (1 + |x|). Floats.
#[unsafe(no_mangle)]
pub extern "C" fn tenon_softsign(x: TenonValue) -> TenonValue {
    record("softsign", [x], |g, [x]| g.softsign(x))
}

/// x where |x| > lambda, else 0; slope 0 at lambda. Floats. lambda is not negative; its usual value is 0.5.
#[unsafe(no_mangle)]
pub extern "C" fn tenon_hard_shrink(x: TenonValue, lambda: f64) -> TenonValue {
    record("hard_shrink", [x], |g, [x]| g.hard_shrink(x, lambda))
}

/// x - lambda above lambda, x + lambda below -lambda, else 0; slope 0 at lambda. Floats. lambda is not negative; its usual
/// value is 0.5.
#[unsafe(no_mangle)]
pub extern "C" fn tenon_soft_shrink(x: TenonValue, lambda: f64) -> TenonValue {
    record("soft_shrink", [x], |g, [x]| g.soft_shrink(x, lambda))
}

/// x held between low and high; slope 0 at both, where tenon_clamp has 1. Floats. Fails for low above high, or NaN.
#[unsafe(no_mangle)]
pub extern "C" fn tenon_hardtanh(x: TenonValue, low: f64, high: f64) -> TenonValue {
    record("hardtanh", [x], |g, [x]| g.hardtanh(x, low, high))
}

/// x where x > threshold, else value. Floats and integers.
#[unsafe(no_mangle)]
pub extern "C" fn tenon_threshold(x: TenonValue, threshold: f64, value: f64) -> TenonValue {
    record("threshold", [x], |g, [x]| g.threshold(x, threshold, value))
}

/// The first half of x along an axis times the sigmoid of the second: [..., 2n, ...] -> [..., n, ...]. Floats. Negative
/// axes count from the last.
#[unsafe(no_mangle)]
pub extern "C" fn tenon_glu(x: TenonValue, axis: i64) -> TenonValue {
    try_record("glu", [x], |g, [x]| {
        let axis = record::axis(axis, g.rank(x))?;
        Ok(g.glu(x, axis))
    })
}

/// x where x > 0, else weight x; the slope at 0 is weight. The weight is a scalar or [1], or [C] for x [N, C, ...].
/// Floats.
#[unsafe(no_mangle)]
pub extern "C" fn tenon_prelu(x: TenonValue, weight: TenonValue) -> TenonValue {
    record("prelu", [x, weight], |g, [x, weight]| g.prelu(x, weight))
}

/// x where x > 0, else x times a slope: in training drawn for each element between lower and upper, else their mean.
/// Floats. PyTorch's bounds are 1/8 and 1/3; MindSpore draws outside of training too. A zero generator handle stands for
/// the context's own; the generator moves on when the program has run.
#[unsafe(no_mangle)]
pub extern "C" fn tenon_rrelu(x: TenonValue, lower: f64, upper: f64, training: CBool, generator: TenonGenerator) -> TenonValue {
    let graph = TenonGraph::from_id(x.graph);
    try_record("rrelu", [x], |g, [x]| {
        let generator = generator_of(graph, generator)?.variable().clone();
        Ok(g.rrelu(x, lower, upper, training.get().then_some(&generator)))
    })
}

/// e^-x / sum e^-x along an axis. Floats. Negative axes count from the last.
#[unsafe(no_mangle)]
pub extern "C" fn tenon_softmin(x: TenonValue, axis: i64) -> TenonValue {
    try_record("softmin", [x], |g, [x]| {
        let axis = record::axis(axis, g.rank(x))?;
        Ok(g.softmin(x, axis))
    })
}

/// The softmax over the channels of images [N, C, H, W] or [C, H, W]. Floats.
#[unsafe(no_mangle)]
pub extern "C" fn tenon_softmax2d(x: TenonValue) -> TenonValue {
    record("softmax2d", [x], |g, [x]| g.softmax2d(x))
}

/// The softmax of (logits + Gumbel noise) / temperature along an axis: a sample from the categories, made differentiable
/// (Jang et al., 2017). hard gives the sample as one-hot, with the gradient of the soft result. Floats; temperature is
/// above 0. Negative axes count from the last. A zero generator handle stands for the context's own; the generator moves
/// on when the program has run.
#[unsafe(no_mangle)]
pub extern "C" fn tenon_gumbel_softmax(
    logits: TenonValue,
    temperature: f64,
    hard: CBool,
    axis: i64,
    generator: TenonGenerator,
) -> TenonValue {
    let graph = TenonGraph::from_id(logits.graph);
    try_record("gumbel_softmax", [logits], |g, [logits]| {
        let axis = record::axis(axis, g.rank(logits))?;
        let generator = generator_of(graph, generator)?.variable().clone();
        Ok(g.gumbel_softmax(logits, temperature, hard.get(), axis, &generator))
    })
}
