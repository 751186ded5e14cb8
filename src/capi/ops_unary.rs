//! Chapter: elementwise functions of one value.

use crate::capi::graph::TenonValue;
use crate::capi::record::record;

/// x itself. A place that a gradient can be taken at. Any dtype.
#[unsafe(no_mangle)]
pub extern "C" fn tenon_identity(x: TenonValue) -> TenonValue {
    record("identity", [x], |g, [x]| g.identity(x))
}

/// x, with gradient zero. Any dtype.
#[unsafe(no_mangle)]
pub extern "C" fn tenon_stop_gradient(x: TenonValue) -> TenonValue {
    record("stop_gradient", [x], |g, [x]| g.stop_gradient(x))
}

/// -x. Floats and integers.
#[unsafe(no_mangle)]
pub extern "C" fn tenon_neg(x: TenonValue) -> TenonValue {
    record("neg", [x], |g, [x]| g.neg(x))
}

/// |x|; slope 0 at 0. Floats and integers.
#[unsafe(no_mangle)]
pub extern "C" fn tenon_abs(x: TenonValue) -> TenonValue {
    record("abs", [x], |g, [x]| g.abs(x))
}

/// -1, 0 or 1; NaN stays NaN; slope 0. Floats and integers.
#[unsafe(no_mangle)]
pub extern "C" fn tenon_sign(x: TenonValue) -> TenonValue {
    record("sign", [x], |g, [x]| g.sign(x))
}

/// e^x. Floats.
#[unsafe(no_mangle)]
pub extern "C" fn tenon_exp(x: TenonValue) -> TenonValue {
    record("exp", [x], |g, [x]| g.exp(x))
}

/// e^x - 1, exact near 0. Floats.
#[unsafe(no_mangle)]
pub extern "C" fn tenon_expm1(x: TenonValue) -> TenonValue {
    record("expm1", [x], |g, [x]| g.expm1(x))
}

/// The natural logarithm. Floats.
#[unsafe(no_mangle)]
pub extern "C" fn tenon_log(x: TenonValue) -> TenonValue {
    record("log", [x], |g, [x]| g.log(x))
}

/// ln(1 + x), exact near 0. Floats.
#[unsafe(no_mangle)]
pub extern "C" fn tenon_log1p(x: TenonValue) -> TenonValue {
    record("log1p", [x], |g, [x]| g.log1p(x))
}

/// The square root; slope infinite at 0. Floats.
#[unsafe(no_mangle)]
pub extern "C" fn tenon_sqrt(x: TenonValue) -> TenonValue {
    record("sqrt", [x], |g, [x]| g.sqrt(x))
}

/// 1 / sqrt(x). Floats.
#[unsafe(no_mangle)]
pub extern "C" fn tenon_rsqrt(x: TenonValue) -> TenonValue {
    record("rsqrt", [x], |g, [x]| g.rsqrt(x))
}

/// 1 / x. Floats.
#[unsafe(no_mangle)]
pub extern "C" fn tenon_reciprocal(x: TenonValue) -> TenonValue {
    record("reciprocal", [x], |g, [x]| g.reciprocal(x))
}

/// x^2. Floats and integers.
#[unsafe(no_mangle)]
pub extern "C" fn tenon_square(x: TenonValue) -> TenonValue {
    record("square", [x], |g, [x]| g.square(x))
}

/// The sine. Floats.
#[unsafe(no_mangle)]
pub extern "C" fn tenon_sin(x: TenonValue) -> TenonValue {
    record("sin", [x], |g, [x]| g.sin(x))
}

/// The cosine. Floats.
#[unsafe(no_mangle)]
pub extern "C" fn tenon_cos(x: TenonValue) -> TenonValue {
    record("cos", [x], |g, [x]| g.cos(x))
}

/// The hyperbolic tangent. Floats.
#[unsafe(no_mangle)]
pub extern "C" fn tenon_tanh(x: TenonValue) -> TenonValue {
    record("tanh", [x], |g, [x]| g.tanh(x))
}

/// 1 / (1 + e^-x). Floats.
#[unsafe(no_mangle)]
pub extern "C" fn tenon_sigmoid(x: TenonValue) -> TenonValue {
    record("sigmoid", [x], |g, [x]| g.sigmoid(x))
}

/// The error function. Floats.
#[unsafe(no_mangle)]
pub extern "C" fn tenon_erf(x: TenonValue) -> TenonValue {
    record("erf", [x], |g, [x]| g.erf(x))
}

/// The largest integer not above x; slope 0. Floats.
#[unsafe(no_mangle)]
pub extern "C" fn tenon_floor(x: TenonValue) -> TenonValue {
    record("floor", [x], |g, [x]| g.floor(x))
}

/// The smallest integer not below x; slope 0. Floats.
#[unsafe(no_mangle)]
pub extern "C" fn tenon_ceil(x: TenonValue) -> TenonValue {
    record("ceil", [x], |g, [x]| g.ceil(x))
}

/// The nearest integer, halves to even; slope 0. Floats.
#[unsafe(no_mangle)]
pub extern "C" fn tenon_round(x: TenonValue) -> TenonValue {
    record("round", [x], |g, [x]| g.round(x))
}

/// x without its fraction; slope 0. Floats.
#[unsafe(no_mangle)]
pub extern "C" fn tenon_trunc(x: TenonValue) -> TenonValue {
    record("trunc", [x], |g, [x]| g.trunc(x))
}

/// max(x, 0); slope 0 at 0. Floats and integers.
#[unsafe(no_mangle)]
pub extern "C" fn tenon_relu(x: TenonValue) -> TenonValue {
    record("relu", [x], |g, [x]| g.relu(x))
}

/// not x; bitwise for integers. Integers and bool.
#[unsafe(no_mangle)]
pub extern "C" fn tenon_logical_not(x: TenonValue) -> TenonValue {
    record("logical_not", [x], |g, [x]| g.logical_not(x))
}

/// Whether x is NaN, as bool. Floats.
#[unsafe(no_mangle)]
pub extern "C" fn tenon_is_nan(x: TenonValue) -> TenonValue {
    record("is_nan", [x], |g, [x]| g.is_nan(x))
}

/// Whether x is infinite, as bool. Floats.
#[unsafe(no_mangle)]
pub extern "C" fn tenon_is_inf(x: TenonValue) -> TenonValue {
    record("is_inf", [x], |g, [x]| g.is_inf(x))
}

/// Whether x is neither infinite nor NaN, as bool. Floats.
#[unsafe(no_mangle)]
pub extern "C" fn tenon_is_finite(x: TenonValue) -> TenonValue {
    record("is_finite", [x], |g, [x]| g.is_finite(x))
}

/// x held between low and high; slope 1 at both; NaN stays NaN. Floats and integers. Fails for low above high, or NaN.
#[unsafe(no_mangle)]
pub extern "C" fn tenon_clamp(x: TenonValue, low: f64, high: f64) -> TenonValue {
    record("clamp", [x], |g, [x]| g.clamp(x, low, high))
}

/// x + number, in the dtype of x. Floats and integers.
#[unsafe(no_mangle)]
pub extern "C" fn tenon_add_scalar(x: TenonValue, number: f64) -> TenonValue {
    record("add", [x], |g, [x]| g.add_scalar(x, number))
}

/// x times number, in the dtype of x. Floats and integers.
#[unsafe(no_mangle)]
pub extern "C" fn tenon_mul_scalar(x: TenonValue, number: f64) -> TenonValue {
    record("mul", [x], |g, [x]| g.mul_scalar(x, number))
}
