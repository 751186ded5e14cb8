//! f32 functions that are computed in f64 and rounded once: right to the last bit but for rare ties. Coefficients are printed by
//! `scripts/make_coefficients.py`.

use super::math::{exp2_wide, log_special, log2_wide, polynomial, quarter_turns};
use super::vector::{Float, Integer, Mask, Simd, Vector};
use std::f64::consts::{FRAC_PI_2, LOG2_E, LOG10_2, PI};

/// log2 x.
#[inline(always)]
pub fn log2<S: Simd>(x: S::F32) -> S::F32 {
    log_special::<S>(x, S::f64_to_f32(log2_wide::<S>(x)))
}

/// log10 x.
#[inline(always)]
pub fn log10<S: Simd>(x: S::F32) -> S::F32 {
    log_special::<S>(x, S::f64_to_f32(log2_wide::<S>(x).mul(S::F64::splat(LOG10_2))))
}

/// tan x.
#[inline(always)]
pub fn tan<S: Simd>(x: S::F32) -> S::F32 {
    let (reducible, quadrant, r) = quarter_turns::<S>(x);
    let square = r.mul(r);
    let sine = polynomial(square, TAN_SIN).mul(r);
    let cosine = polynomial(square, TAN_COS);
    let even = quadrant.and(S::I32::splat(1)).eq(S::I32::splat(0));
    let result = S::F64::select(even, sine, cosine.neg()).div(S::F64::select(even, cosine, sine));
    // Keeps -0.
    let result = S::F32::select(x.eq(S::F32::splat(0.0)), x, S::f64_to_f32(result));
    if reducible.not().any() { S::F32::select(reducible, result, x.map(libm::tanf)) } else { result }
}

/// The angle, 0 to pi/2, of the point (x, y) with x, y >= 0.
#[inline(always)]
fn angle<S: Simd>(y: S::F64, x: S::F64) -> S::F64 {
    let (zero, one) = (S::F64::splat(0.0), S::F64::splat(1.0));
    let (large, small) = (x.max(y), x.min(y));
    let t = small.div(S::F64::select(large.eq(zero), one, large));
    let t = S::F64::select(small.eq(S::F64::splat(f64::INFINITY)), one, t);
    let p = polynomial(t.mul(t), ATAN).mul(t);
    S::F64::select(x.lt(y), S::F64::splat(FRAC_PI_2).sub(p), p)
}

/// atan x.
#[inline(always)]
pub fn atan<S: Simd>(x: S::F32) -> S::F32 {
    S::f64_to_f32(angle::<S>(S::f32_to_f64(x.abs()), S::F64::splat(1.0))).copysign(x)
}

/// |x| and sqrt(1 - x^2).
#[inline(always)]
fn on_circle<S: Simd>(x: S::F32) -> (S::F64, S::F64) {
    let size = S::f32_to_f64(x.abs());
    let one = S::F64::splat(1.0);
    (size, one.sub(size).mul(one.add(size)).sqrt())
}

/// asin x.
#[inline(always)]
pub fn asin<S: Simd>(x: S::F32) -> S::F32 {
    let (size, rest) = on_circle::<S>(x);
    S::f64_to_f32(angle::<S>(size, rest)).copysign(x)
}

/// acos x.
#[inline(always)]
pub fn acos<S: Simd>(x: S::F32) -> S::F32 {
    let (size, rest) = on_circle::<S>(x);
    let right = angle::<S>(rest, size);
    S::f64_to_f32(S::F64::select(x.lt(S::F32::splat(0.0)), S::F64::splat(PI).sub(right), right))
}

/// The angle of the point (x, y), with C's rules for zeros and infinities.
#[inline(always)]
pub fn atan2<S: Simd>(y: S::F32, x: S::F32) -> S::F32 {
    let right = angle::<S>(S::f32_to_f64(y.abs()), S::f32_to_f64(x.abs()));
    let is_left = S::bits(x).lt(S::I32::splat(0));
    S::f64_to_f32(S::F64::select(is_left, S::F64::splat(PI).sub(right), right)).copysign(y)
}

/// sqrt(x^2 + y^2), infinite if either is.
#[inline(always)]
pub fn hypot<S: Simd>(x: S::F32, y: S::F32) -> S::F32 {
    let (a, b) = (S::f32_to_f64(x), S::f32_to_f64(y));
    let result = S::f64_to_f32(a.mul(a).add(b.mul(b)).sqrt());
    let infinity = S::F32::splat(f32::INFINITY);
    S::F32::select(x.abs().eq(infinity).or(y.abs().eq(infinity)), infinity, result)
}

/// 1 - erf x: e^(-x^2) times a polynomial for positive x, 2 less that for negative ones.
#[inline(always)]
pub fn erfc<S: Simd>(x: S::F32) -> S::F32 {
    // From 10.06 on the result is 0.
    let size = S::f32_to_f64(x.abs()).at_most(S::F64::splat(10.5));
    let two = S::F64::splat(2.0);
    let t = two.div(size.add(two));
    let power = exp2_wide::<S>(size.mul(size).mul(S::F64::splat(-LOG2_E)));
    let above = polynomial(t, ERFC).mul(t).mul(power);
    S::f64_to_f32(S::F64::select(x.lt(S::F32::splat(0.0)), two.sub(above), above))
}

/// atan(t) / t in t^2, for t from 0 to 1.
const ATAN: [f64; 13] = [
    0.9999999999887381,
    -0.3333333295165722,
    0.19999978336217084,
    -0.1428522560816021,
    0.11105306732424464,
    -0.09049179093720577,
    0.07495262378099696,
    -0.06022196387937433,
    0.04364658944281667,
    -0.02600599597760862,
    0.011427633277375594,
    -0.0031954252407363944,
    0.00041922786011272897,
];
/// sin(r) / r in r^2, for |r| <= pi / 4.
const TAN_SIN: [f64; 6] = [
    0.9999999999999957,
    -0.16666666666616625,
    0.008333333323868986,
    -0.00019841263293637903,
    2.7555270903015517e-06,
    -2.4756487429387385e-08,
];
/// cos(r) in r^2, for |r| <= pi / 4.
const TAN_COS: [f64; 6] =
    [0.9999999999999444, -0.4999999999935033, 0.04166666654379226, -0.0013888880387608342, 2.479892747000457e-05, -2.7173337252956946e-07];
/// e^(x^2) erfc(x) / t in t = 2 / (2 + x), for 0 <= x <= 10.5.
const ERFC: [f64; 15] = [
    0.28209418624266885,
    0.28211784968209,
    0.2464361223375156,
    0.18040095907507994,
    0.05550585958258929,
    0.1335366188069588,
    -0.5476515211638211,
    1.2344779108908925,
    -2.4869890955220924,
    3.4961021566224746,
    -3.232751671721254,
    1.9660046257014945,
    -0.7665395216493068,
    0.17522126558370038,
    -0.017965744468660987,
];
