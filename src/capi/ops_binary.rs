//! Chapter: elementwise functions of two values, choice, conversion.

use crate::capi::graph::TenonValue;
use crate::capi::record::{record, try_record};
use crate::capi::tensor::TenonDType;
use crate::tensor::DType;

/// a + b. Floats and integers; integers wrap.
#[unsafe(no_mangle)]
pub extern "C" fn tenon_add(a: TenonValue, b: TenonValue) -> TenonValue {
    record("add", [a, b], |g, [a, b]| g.add(a, b))
}

/// a - b. Floats and integers; integers wrap.
#[unsafe(no_mangle)]
pub extern "C" fn tenon_sub(a: TenonValue, b: TenonValue) -> TenonValue {
    record("sub", [a, b], |g, [a, b]| g.sub(a, b))
}

/// a times b. Floats and integers; integers wrap.
#[unsafe(no_mangle)]
pub extern "C" fn tenon_mul(a: TenonValue, b: TenonValue) -> TenonValue {
    record("mul", [a, b], |g, [a, b]| g.mul(a, b))
}

/// a / b. Floats; integers divide as f32 numbers.
#[unsafe(no_mangle)]
pub extern "C" fn tenon_div(a: TenonValue, b: TenonValue) -> TenonValue {
    record("div", [a, b], |g, [a, b]| g.div(a, b))
}

/// The remainder of a / b with the sign of a; 0 for integers with b = 0. Floats and integers.
#[unsafe(no_mangle)]
pub extern "C" fn tenon_fmod(a: TenonValue, b: TenonValue) -> TenonValue {
    record("fmod", [a, b], |g, [a, b]| g.fmod(a, b))
}

/// a to the power b. Floats and integers.
#[unsafe(no_mangle)]
pub extern "C" fn tenon_pow(a: TenonValue, b: TenonValue) -> TenonValue {
    record("pow", [a, b], |g, [a, b]| g.pow(a, b))
}

/// The larger of both; NaN if either is; ties share the gradient. Floats and integers.
#[unsafe(no_mangle)]
pub extern "C" fn tenon_maximum(a: TenonValue, b: TenonValue) -> TenonValue {
    record("maximum", [a, b], |g, [a, b]| g.maximum(a, b))
}

/// The smaller of both; NaN if either is; ties share the gradient. Floats and integers.
#[unsafe(no_mangle)]
pub extern "C" fn tenon_minimum(a: TenonValue, b: TenonValue) -> TenonValue {
    record("minimum", [a, b], |g, [a, b]| g.minimum(a, b))
}

/// The bits that both have; a and b for bool. Integers and bool.
#[unsafe(no_mangle)]
pub extern "C" fn tenon_bitwise_and(a: TenonValue, b: TenonValue) -> TenonValue {
    record("bitwise_and", [a, b], |g, [a, b]| g.bitwise_and(a, b))
}

/// The bits that either has; a or b for bool. Integers and bool.
#[unsafe(no_mangle)]
pub extern "C" fn tenon_bitwise_or(a: TenonValue, b: TenonValue) -> TenonValue {
    record("bitwise_or", [a, b], |g, [a, b]| g.bitwise_or(a, b))
}

/// The bits that exactly one has; exactly one for bool. Integers and bool.
#[unsafe(no_mangle)]
pub extern "C" fn tenon_bitwise_xor(a: TenonValue, b: TenonValue) -> TenonValue {
    record("bitwise_xor", [a, b], |g, [a, b]| g.bitwise_xor(a, b))
}

/// a 2^b, wrapping; 0 for b below 0 or beyond the width. Integers.
#[unsafe(no_mangle)]
pub extern "C" fn tenon_bitwise_left_shift(a: TenonValue, b: TenonValue) -> TenonValue {
    record("bitwise_left_shift", [a, b], |g, [a, b]| g.bitwise_left_shift(a, b))
}

/// a / 2^b rounded down; 0, or -1 for negative a, for b below 0 or beyond the width. Integers.
#[unsafe(no_mangle)]
pub extern "C" fn tenon_bitwise_right_shift(a: TenonValue, b: TenonValue) -> TenonValue {
    record("bitwise_right_shift", [a, b], |g, [a, b]| g.bitwise_right_shift(a, b))
}

/// The angle of the point (b, a), from -pi to pi. Floats; integers as f32 numbers.
#[unsafe(no_mangle)]
pub extern "C" fn tenon_atan2(a: TenonValue, b: TenonValue) -> TenonValue {
    record("atan2", [a, b], |g, [a, b]| g.atan2(a, b))
}

/// sqrt(a^2 + b^2), without overflow. Floats; integers as f32 numbers.
#[unsafe(no_mangle)]
pub extern "C" fn tenon_hypot(a: TenonValue, b: TenonValue) -> TenonValue {
    record("hypot", [a, b], |g, [a, b]| g.hypot(a, b))
}

/// The next number from a towards b; slope 1 in a, 0 in b. f64 and f32; integers as f32 numbers.
#[unsafe(no_mangle)]
pub extern "C" fn tenon_nextafter(a: TenonValue, b: TenonValue) -> TenonValue {
    record("nextafter", [a, b], |g, [a, b]| g.nextafter(a, b))
}

/// Whether a = b, as bool. Any dtype.
#[unsafe(no_mangle)]
pub extern "C" fn tenon_equal(a: TenonValue, b: TenonValue) -> TenonValue {
    record("equal", [a, b], |g, [a, b]| g.equal(a, b))
}

/// Whether a differs from b, as bool; NaN differs from everything. Any dtype.
#[unsafe(no_mangle)]
pub extern "C" fn tenon_not_equal(a: TenonValue, b: TenonValue) -> TenonValue {
    record("not_equal", [a, b], |g, [a, b]| g.not_equal(a, b))
}

/// Whether a < b, as bool. Any dtype.
#[unsafe(no_mangle)]
pub extern "C" fn tenon_less(a: TenonValue, b: TenonValue) -> TenonValue {
    record("less", [a, b], |g, [a, b]| g.less(a, b))
}

/// Whether a <= b, as bool. Any dtype.
#[unsafe(no_mangle)]
pub extern "C" fn tenon_less_equal(a: TenonValue, b: TenonValue) -> TenonValue {
    record("less_equal", [a, b], |g, [a, b]| g.less_equal(a, b))
}

/// Whether a > b, as bool. Any dtype.
#[unsafe(no_mangle)]
pub extern "C" fn tenon_greater(a: TenonValue, b: TenonValue) -> TenonValue {
    record("greater", [a, b], |g, [a, b]| g.greater(a, b))
}

/// Whether a >= b, as bool. Any dtype.
#[unsafe(no_mangle)]
pub extern "C" fn tenon_greater_equal(a: TenonValue, b: TenonValue) -> TenonValue {
    record("greater_equal", [a, b], |g, [a, b]| g.greater_equal(a, b))
}

/// a where the condition (bool) holds, else b. All three broadcast, a and b promote.
#[unsafe(no_mangle)]
pub extern "C" fn tenon_select(condition: TenonValue, a: TenonValue, b: TenonValue) -> TenonValue {
    record("select", [condition, a, b], |g, [condition, a, b]| g.select(condition, a, b))
}

/// x in another dtype. Floats to integers drop their fraction and stay within the range, NaN becomes 0; integers to
/// integers keep their low bits; to bool: whether not zero.
#[unsafe(no_mangle)]
pub extern "C" fn tenon_cast(x: TenonValue, dtype: TenonDType) -> TenonValue {
    try_record("cast", [x], |g, [x]| Ok(g.cast(x, DType::from_code(dtype)?)))
}
