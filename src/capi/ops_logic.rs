//! Chapter: truth, comparisons with a tolerance, replacement.

use crate::capi::arguments::CBool;
use crate::capi::graph::TenonValue;
use crate::capi::record::record;
use crate::ops::composite::Tolerance;

/// a and b, as bool; what is not 0 is true. Any dtype.
#[unsafe(no_mangle)]
pub extern "C" fn tenon_logical_and(a: TenonValue, b: TenonValue) -> TenonValue {
    record("logical_and", [a, b], |g, [a, b]| g.logical_and(a, b))
}

/// a or b, as bool; what is not 0 is true. Any dtype.
#[unsafe(no_mangle)]
pub extern "C" fn tenon_logical_or(a: TenonValue, b: TenonValue) -> TenonValue {
    record("logical_or", [a, b], |g, [a, b]| g.logical_or(a, b))
}

/// Exactly one of a and b, as bool; what is not 0 is true. Any dtype.
#[unsafe(no_mangle)]
pub extern "C" fn tenon_logical_xor(a: TenonValue, b: TenonValue) -> TenonValue {
    record("logical_xor", [a, b], |g, [a, b]| g.logical_xor(a, b))
}

/// not x, as bool; what is not 0 is true. Any dtype.
#[unsafe(no_mangle)]
pub extern "C" fn tenon_logical_not(x: TenonValue) -> TenonValue {
    record("logical_not", [x], |g, [x]| g.logical_not(x))
}

/// Whether |a - b| <= absolute + relative |b|, or a = b, as bool. Any dtype: integers are compared as f64, 16-bit floats as
/// f32 numbers. equal_nan: whether NaN is close to NaN. The usual tolerances are 1e-5 (relative) and 1e-8 (absolute);
/// neither is negative.
#[unsafe(no_mangle)]
pub extern "C" fn tenon_isclose(a: TenonValue, b: TenonValue, relative: f64, absolute: f64, equal_nan: CBool) -> TenonValue {
    let tolerance = Tolerance { relative, absolute, equal_nan: equal_nan.get() };
    record("isclose", [a, b], |g, [a, b]| g.isclose(a, b, tolerance))
}

/// Whether tenon_isclose holds for all elements, as a scalar bool.
#[unsafe(no_mangle)]
pub extern "C" fn tenon_allclose(a: TenonValue, b: TenonValue, relative: f64, absolute: f64, equal_nan: CBool) -> TenonValue {
    let tolerance = Tolerance { relative, absolute, equal_nan: equal_nan.get() };
    record("allclose", [a, b], |g, [a, b]| g.allclose(a, b, tolerance))
}

/// Whether a = b for all elements, as a scalar bool; shapes broadcast. NaN is equal to nothing. Any dtype.
#[unsafe(no_mangle)]
pub extern "C" fn tenon_array_equal(a: TenonValue, b: TenonValue) -> TenonValue {
    record("array_equal", [a, b], |g, [a, b]| g.array_equal(a, b))
}

/// Whether x is +inf, as bool. Any dtype.
#[unsafe(no_mangle)]
pub extern "C" fn tenon_is_posinf(x: TenonValue) -> TenonValue {
    record("is_posinf", [x], |g, [x]| g.is_posinf(x))
}

/// Whether x is -inf, as bool. Any dtype.
#[unsafe(no_mangle)]
pub extern "C" fn tenon_is_neginf(x: TenonValue) -> TenonValue {
    record("is_neginf", [x], |g, [x]| g.is_neginf(x))
}

/// Whether x has no imaginary part, as bool: true everywhere. Any dtype.
#[unsafe(no_mangle)]
pub extern "C" fn tenon_is_real(x: TenonValue) -> TenonValue {
    record("is_real", [x], |g, [x]| g.is_real(x))
}

/// A number, rounded to the dtype of x, where the mask (bool) holds, else x; both broadcast. Any dtype.
#[unsafe(no_mangle)]
pub extern "C" fn tenon_masked_fill(x: TenonValue, mask: TenonValue, value: f64) -> TenonValue {
    record("masked_fill", [x, mask], |g, [x, mask]| g.masked_fill(x, mask, value))
}

/// 0 where x is below 0, 1 where it is above, value where it is 0, NaN where it is NaN; both broadcast and promote. The
/// gradient passes to value alone. Floats and integers.
#[unsafe(no_mangle)]
pub extern "C" fn tenon_heaviside(x: TenonValue, value: TenonValue) -> TenonValue {
    record("heaviside", [x, value], |g, [x, value]| g.heaviside(x, value))
}

/// x with these numbers for NaN and the infinities; NaN for positive or negative stands for the largest or lowest number of
/// the dtype. Floats.
#[unsafe(no_mangle)]
pub extern "C" fn tenon_nan_to_num(x: TenonValue, nan: f64, positive: f64, negative: f64) -> TenonValue {
    let given = |number: f64| if number.is_nan() { None } else { Some(number) };
    record("nan_to_num", [x], |g, [x]| g.nan_to_num(x, nan, given(positive), given(negative)))
}
