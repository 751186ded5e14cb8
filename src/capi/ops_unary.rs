//! Chapter: elementwise functions of one value. Written by `cargo run -p header` from the rows of `src/ops/unary.rs`; never edited by hand.

use crate::capi::graph::TenonValue;
use crate::capi::record::record;

/// x. Any dtype.
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

/// 2^x. Floats.
#[unsafe(no_mangle)]
pub extern "C" fn tenon_exp2(x: TenonValue) -> TenonValue {
    record("exp2", [x], |g, [x]| g.exp2(x))
}

/// Natural logarithm. Floats.
#[unsafe(no_mangle)]
pub extern "C" fn tenon_log(x: TenonValue) -> TenonValue {
    record("log", [x], |g, [x]| g.log(x))
}

/// ln(1 + x), exact near 0. Floats.
#[unsafe(no_mangle)]
pub extern "C" fn tenon_log1p(x: TenonValue) -> TenonValue {
    record("log1p", [x], |g, [x]| g.log1p(x))
}

/// Logarithm to base 2. Floats.
#[unsafe(no_mangle)]
pub extern "C" fn tenon_log2(x: TenonValue) -> TenonValue {
    record("log2", [x], |g, [x]| g.log2(x))
}

/// Logarithm to base 10. Floats.
#[unsafe(no_mangle)]
pub extern "C" fn tenon_log10(x: TenonValue) -> TenonValue {
    record("log10", [x], |g, [x]| g.log10(x))
}

/// Square root; slope infinite at 0. Floats.
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

/// Sine. Floats.
#[unsafe(no_mangle)]
pub extern "C" fn tenon_sin(x: TenonValue) -> TenonValue {
    record("sin", [x], |g, [x]| g.sin(x))
}

/// Cosine. Floats.
#[unsafe(no_mangle)]
pub extern "C" fn tenon_cos(x: TenonValue) -> TenonValue {
    record("cos", [x], |g, [x]| g.cos(x))
}

/// Tangent. Floats.
#[unsafe(no_mangle)]
pub extern "C" fn tenon_tan(x: TenonValue) -> TenonValue {
    record("tan", [x], |g, [x]| g.tan(x))
}

/// Angle from -pi/2 to pi/2 whose sine is x; NaN beyond 1. Floats.
#[unsafe(no_mangle)]
pub extern "C" fn tenon_asin(x: TenonValue) -> TenonValue {
    record("asin", [x], |g, [x]| g.asin(x))
}

/// Angle from 0 to pi whose cosine is x; NaN beyond 1. Floats.
#[unsafe(no_mangle)]
pub extern "C" fn tenon_acos(x: TenonValue) -> TenonValue {
    record("acos", [x], |g, [x]| g.acos(x))
}

/// Angle from -pi/2 to pi/2 whose tangent is x. Floats.
#[unsafe(no_mangle)]
pub extern "C" fn tenon_atan(x: TenonValue) -> TenonValue {
    record("atan", [x], |g, [x]| g.atan(x))
}

/// Hyperbolic sine. Floats.
#[unsafe(no_mangle)]
pub extern "C" fn tenon_sinh(x: TenonValue) -> TenonValue {
    record("sinh", [x], |g, [x]| g.sinh(x))
}

/// Hyperbolic cosine. Floats.
#[unsafe(no_mangle)]
pub extern "C" fn tenon_cosh(x: TenonValue) -> TenonValue {
    record("cosh", [x], |g, [x]| g.cosh(x))
}

/// Hyperbolic tangent. Floats.
#[unsafe(no_mangle)]
pub extern "C" fn tenon_tanh(x: TenonValue) -> TenonValue {
    record("tanh", [x], |g, [x]| g.tanh(x))
}

/// Inverse of the hyperbolic sine. Floats.
#[unsafe(no_mangle)]
pub extern "C" fn tenon_asinh(x: TenonValue) -> TenonValue {
    record("asinh", [x], |g, [x]| g.asinh(x))
}

/// Inverse of the hyperbolic cosine, not negative; NaN below 1. Floats.
#[unsafe(no_mangle)]
pub extern "C" fn tenon_acosh(x: TenonValue) -> TenonValue {
    record("acosh", [x], |g, [x]| g.acosh(x))
}

/// Inverse of the hyperbolic tangent; NaN beyond 1. Floats.
#[unsafe(no_mangle)]
pub extern "C" fn tenon_atanh(x: TenonValue) -> TenonValue {
    record("atanh", [x], |g, [x]| g.atanh(x))
}

/// x - tanh x, exact near 0. Floats.
#[unsafe(no_mangle)]
pub extern "C" fn tenon_tanhshrink(x: TenonValue) -> TenonValue {
    record("tanhshrink", [x], |g, [x]| g.tanhshrink(x))
}

/// sin(pi x) / (pi x), 1 at 0. Floats.
#[unsafe(no_mangle)]
pub extern "C" fn tenon_sinc(x: TenonValue) -> TenonValue {
    record("sinc", [x], |g, [x]| g.sinc(x))
}

/// 1 / (1 + e^-x). Floats.
#[unsafe(no_mangle)]
pub extern "C" fn tenon_sigmoid(x: TenonValue) -> TenonValue {
    record("sigmoid", [x], |g, [x]| g.sigmoid(x))
}

/// Error function. Floats.
#[unsafe(no_mangle)]
pub extern "C" fn tenon_erf(x: TenonValue) -> TenonValue {
    record("erf", [x], |g, [x]| g.erf(x))
}

/// 1 - erf(x), exact for large x. Floats.
#[unsafe(no_mangle)]
pub extern "C" fn tenon_erfc(x: TenonValue) -> TenonValue {
    record("erfc", [x], |g, [x]| g.erfc(x))
}

/// e^(x^2) erfc(x), without overflow for x above 0. Floats.
#[unsafe(no_mangle)]
pub extern "C" fn tenon_erfcx(x: TenonValue) -> TenonValue {
    record("erfcx", [x], |g, [x]| g.erfcx(x))
}

/// x -> y with erf(y) = x; infinite at 1, NaN beyond. Floats.
#[unsafe(no_mangle)]
pub extern "C" fn tenon_erfinv(x: TenonValue) -> TenonValue {
    record("erfinv", [x], |g, [x]| g.erfinv(x))
}

/// Normal distribution function. Floats.
#[unsafe(no_mangle)]
pub extern "C" fn tenon_ndtr(x: TenonValue) -> TenonValue {
    record("ndtr", [x], |g, [x]| g.ndtr(x))
}

/// Logarithm of the normal distribution function. Floats.
#[unsafe(no_mangle)]
pub extern "C" fn tenon_log_ndtr(x: TenonValue) -> TenonValue {
    record("log_ndtr", [x], |g, [x]| g.log_ndtr(x))
}

/// ln |Gamma(x)|; infinite at 0, -1, -2 .... Floats.
#[unsafe(no_mangle)]
pub extern "C" fn tenon_lgamma(x: TenonValue) -> TenonValue {
    record("lgamma", [x], |g, [x]| g.lgamma(x))
}

/// Slope of ln Gamma(x); NaN at -1, -2 .... Floats.
#[unsafe(no_mangle)]
pub extern "C" fn tenon_digamma(x: TenonValue) -> TenonValue {
    record("digamma", [x], |g, [x]| g.digamma(x))
}

/// Modified Bessel function of the first kind, order 0. Floats.
#[unsafe(no_mangle)]
pub extern "C" fn tenon_i0(x: TenonValue) -> TenonValue {
    record("i0", [x], |g, [x]| g.i0(x))
}

/// e^-|x| i0(x). Floats.
#[unsafe(no_mangle)]
pub extern "C" fn tenon_i0e(x: TenonValue) -> TenonValue {
    record("i0e", [x], |g, [x]| g.i0e(x))
}

/// Modified Bessel function of the first kind, order 1. Floats.
#[unsafe(no_mangle)]
pub extern "C" fn tenon_i1(x: TenonValue) -> TenonValue {
    record("i1", [x], |g, [x]| g.i1(x))
}

/// e^-|x| i1(x). Floats.
#[unsafe(no_mangle)]
pub extern "C" fn tenon_i1e(x: TenonValue) -> TenonValue {
    record("i1e", [x], |g, [x]| g.i1e(x))
}

/// Bessel function of the first kind, order 0. Floats.
#[unsafe(no_mangle)]
pub extern "C" fn tenon_bessel_j0(x: TenonValue) -> TenonValue {
    record("bessel_j0", [x], |g, [x]| g.bessel_j0(x))
}

/// Bessel function of the first kind, order 1. Floats.
#[unsafe(no_mangle)]
pub extern "C" fn tenon_bessel_j1(x: TenonValue) -> TenonValue {
    record("bessel_j1", [x], |g, [x]| g.bessel_j1(x))
}

/// -x ln x; 0 at 0, -inf below. Floats.
#[unsafe(no_mangle)]
pub extern "C" fn tenon_entr(x: TenonValue) -> TenonValue {
    record("entr", [x], |g, [x]| g.entr(x))
}

/// Largest integer not above x; slope 0. Floats.
#[unsafe(no_mangle)]
pub extern "C" fn tenon_floor(x: TenonValue) -> TenonValue {
    record("floor", [x], |g, [x]| g.floor(x))
}

/// Smallest integer not below x; slope 0. Floats.
#[unsafe(no_mangle)]
pub extern "C" fn tenon_ceil(x: TenonValue) -> TenonValue {
    record("ceil", [x], |g, [x]| g.ceil(x))
}

/// Nearest integer, halves to even; slope 0. Floats.
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

/// Every bit of x inverted; not x for bool. Integers and bool.
#[unsafe(no_mangle)]
pub extern "C" fn tenon_bitwise_not(x: TenonValue) -> TenonValue {
    record("bitwise_not", [x], |g, [x]| g.bitwise_not(x))
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

/// Whether the sign bit of x is set, also that of -0 and of a NaN, as bool. Floats.
#[unsafe(no_mangle)]
pub extern "C" fn tenon_signbit(x: TenonValue) -> TenonValue {
    record("signbit", [x], |g, [x]| g.signbit(x))
}
