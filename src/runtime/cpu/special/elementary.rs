//! Functions made of elementary ones, and functions of integers.

use std::f64::consts::PI;

/// x - tanh x; up to 1 as (x cosh x - sinh x) / cosh x, whose numerator is a series of positive terms.
pub fn tanhshrink(x: f64) -> f64 {
    if x.abs() > 1.0 || x.is_nan() {
        return x - libm::tanh(x);
    }
    let square = x * x;
    // sum 2k x^(2k + 1) / (2k + 1)!
    let (mut power, mut sum) = (x, 0.0);
    for k in 1..12 {
        let k = f64::from(k);
        power *= square / ((2.0 * k) * (2.0 * k + 1.0));
        sum += 2.0 * k * power;
    }
    sum / libm::cosh(x)
}

/// sin(pi x) / (pi x): the sine of the distance to the nearest integer, so that zeros are exact.
pub fn sinc(x: f64) -> f64 {
    if x == 0.0 {
        return 1.0;
    }
    let near = libm::rint(x);
    let sine = libm::sin(PI * (x - near));
    let is_odd = near.abs() < 9007199254740992.0 && near as i64 & 1 == 1;
    (if is_odd { -sine } else { sine }) / (PI * x)
}

/// -x ln x.
pub fn entr(x: f64) -> f64 {
    if x == 0.0 {
        0.0
    } else if x < 0.0 {
        f64::NEG_INFINITY
    } else {
        -x * libm::log(x)
    }
}

/// By Euclid's algorithm; wraps where the result is 2^63.
pub fn gcd(a: i64, b: i64) -> i64 {
    let (mut a, mut b) = (a.unsigned_abs(), b.unsigned_abs());
    while b != 0 {
        (a, b) = (b, a % b);
    }
    a as i64
}

pub fn shift_left(a: i64, by: i64) -> i64 {
    if (0..64).contains(&by) { a << by } else { 0 }
}

pub fn shift_right(a: i64, by: i64) -> i64 {
    if (0..64).contains(&by) { a >> by } else { a >> 63 }
}

pub fn sigmoid(x: f64) -> f64 {
    let small = libm::exp(-x.abs());
    if x < 0.0 { small / (1.0 + small) } else { 1.0 / (1.0 + small) }
}

/// Rounded towards zero; 0 where the divisor is 0; MIN / -1 wraps.
pub fn divide(a: i64, b: i64) -> i64 {
    if b == 0 { 0 } else { a.wrapping_div(b) }
}

/// With the sign of the dividend; 0 where the divisor is 0.
pub fn remainder(a: i64, b: i64) -> i64 {
    if b == 0 { 0 } else { a.wrapping_rem(b) }
}

/// Wrapping; negative exponents give what truncating the true value gives: 0, but for the bases 1 and -1.
pub fn power(mut base: i64, mut exponent: i64) -> i64 {
    if exponent < 0 {
        return match base {
            1 => 1,
            -1 => 1 - 2 * (exponent & 1),
            _ => 0,
        };
    }
    let mut result: i64 = 1;
    while exponent > 0 {
        if exponent & 1 == 1 {
            result = result.wrapping_mul(base);
        }
        base = base.wrapping_mul(base);
        exponent >>= 1;
    }
    result
}
