//! Chapter: arithmetic that is made of the elementwise functions.

use crate::capi::graph::TenonValue;
use crate::capi::record::record;

/// x^2. Floats and integers.
#[unsafe(no_mangle)]
pub extern "C" fn tenon_square(x: TenonValue) -> TenonValue {
    record("square", [x], |g, [x]| g.square(x))
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

/// x held between the elements of two tensors, which broadcast and promote; each may be all zero bytes, (TenonValue){0},
/// for no bound. The gradient passes to x within and at the bounds, beyond them to the bound. NaN in any makes NaN.
/// Floats and integers.
#[unsafe(no_mangle)]
pub extern "C" fn tenon_clamp_tensor(x: TenonValue, low: TenonValue, high: TenonValue) -> TenonValue {
    match (low.is_zero(), high.is_zero()) {
        (true, true) => record("clamp_tensor", [x], |g, [x]| g.clamp_tensor(x, None, None)),
        (false, true) => record("clamp_tensor", [x, low], |g, [x, low]| g.clamp_tensor(x, Some(low), None)),
        (true, false) => record("clamp_tensor", [x, high], |g, [x, high]| g.clamp_tensor(x, None, Some(high))),
        (false, false) => record("clamp_tensor", [x, low, high], |g, [x, low, high]| g.clamp_tensor(x, Some(low), Some(high))),
    }
}

/// x to the power of a number, in the dtype of x. Floats and integers.
#[unsafe(no_mangle)]
pub extern "C" fn tenon_pow_scalar(x: TenonValue, exponent: f64) -> TenonValue {
    record("pow_scalar", [x], |g, [x]| g.pow_scalar(x, exponent))
}

/// a to the power b, both taken to f64. Any dtype.
#[unsafe(no_mangle)]
pub extern "C" fn tenon_float_power(a: TenonValue, b: TenonValue) -> TenonValue {
    record("float_power", [a, b], |g, [a, b]| g.float_power(a, b))
}

/// x - trunc(x), with the sign of x; slope 1. Floats.
#[unsafe(no_mangle)]
pub extern "C" fn tenon_frac(x: TenonValue) -> TenonValue {
    record("frac", [x], |g, [x]| g.frac(x))
}

/// Degrees as radians. Floats.
#[unsafe(no_mangle)]
pub extern "C" fn tenon_deg2rad(x: TenonValue) -> TenonValue {
    record("deg2rad", [x], |g, [x]| g.deg2rad(x))
}

/// Radians as degrees. Floats.
#[unsafe(no_mangle)]
pub extern "C" fn tenon_rad2deg(x: TenonValue) -> TenonValue {
    record("rad2deg", [x], |g, [x]| g.rad2deg(x))
}

/// The largest integer not above a / b, in the promoted dtype, exact also where a / b rounds up to an integer; slope 0.
/// Floats and integers; 0 for integers with b = 0.
#[unsafe(no_mangle)]
pub extern "C" fn tenon_floor_divide(a: TenonValue, b: TenonValue) -> TenonValue {
    record("floor_divide", [a, b], |g, [a, b]| g.floor_divide(a, b))
}

/// The remainder of a / b with the sign of b (tenon_fmod: of a). Floats and integers; 0 for integers with b = 0.
#[unsafe(no_mangle)]
pub extern "C" fn tenon_remainder(a: TenonValue, b: TenonValue) -> TenonValue {
    record("remainder", [a, b], |g, [a, b]| g.remainder(a, b))
}

/// a + weight (b - a); all three broadcast and promote. Floats.
#[unsafe(no_mangle)]
pub extern "C" fn tenon_lerp(a: TenonValue, b: TenonValue, weight: TenonValue) -> TenonValue {
    record("lerp", [a, b, weight], |g, [a, b, weight]| g.lerp(a, b, weight))
}

/// x + factor a b; all three broadcast and promote. Floats and integers.
#[unsafe(no_mangle)]
pub extern "C" fn tenon_addcmul(x: TenonValue, a: TenonValue, b: TenonValue, factor: f64) -> TenonValue {
    record("addcmul", [x, a, b], |g, [x, a, b]| g.addcmul(x, a, b, factor))
}

/// x + factor a / b; all three broadcast and promote. Floats.
#[unsafe(no_mangle)]
pub extern "C" fn tenon_addcdiv(x: TenonValue, a: TenonValue, b: TenonValue, factor: f64) -> TenonValue {
    record("addcdiv", [x, a, b], |g, [x, a, b]| g.addcdiv(x, a, b, factor))
}

/// |a| with the sign of b, also that of -0 and NaN; slope 0 at a = 0. Floats; integers as f32 numbers.
#[unsafe(no_mangle)]
pub extern "C" fn tenon_copysign(a: TenonValue, b: TenonValue) -> TenonValue {
    record("copysign", [a, b], |g, [a, b]| g.copysign(a, b))
}

/// a 2^b, without overflow on the way. Floats; integers as f32 numbers.
#[unsafe(no_mangle)]
pub extern "C" fn tenon_ldexp(a: TenonValue, b: TenonValue) -> TenonValue {
    record("ldexp", [a, b], |g, [a, b]| g.ldexp(a, b))
}

/// The greatest common divisor, not negative; gcd(0, 0) = 0. Integers.
#[unsafe(no_mangle)]
pub extern "C" fn tenon_gcd(a: TenonValue, b: TenonValue) -> TenonValue {
    record("gcd", [a, b], |g, [a, b]| g.gcd(a, b))
}

/// The least common multiple, not negative; 0 if either is 0; wraps. Integers.
#[unsafe(no_mangle)]
pub extern "C" fn tenon_lcm(a: TenonValue, b: TenonValue) -> TenonValue {
    record("lcm", [a, b], |g, [a, b]| g.lcm(a, b))
}

/// The larger of both, or the other one where one is NaN; ties share the gradient. Floats and integers.
#[unsafe(no_mangle)]
pub extern "C" fn tenon_fmax(a: TenonValue, b: TenonValue) -> TenonValue {
    record("fmax", [a, b], |g, [a, b]| g.fmax(a, b))
}

/// The smaller of both, or the other one where one is NaN; ties share the gradient. Floats and integers.
#[unsafe(no_mangle)]
pub extern "C" fn tenon_fmin(a: TenonValue, b: TenonValue) -> TenonValue {
    record("fmin", [a, b], |g, [a, b]| g.fmin(a, b))
}
