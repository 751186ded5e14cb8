//! Vector mathematics in f32, each function within 2 ulp of the true value over the whole range, with or without a fused multiply-add.
//!
//! The polynomials are minimax fits made for these intervals, coefficients rounded to f32 one after the other with the rest refitted.
//! The C library's rules hold at infinities, NaN and signed zeros.

use super::vector::{Float, Integer, Mask, Simd, Vector};

/// 1.5 * 2^23: adding it rounds to an integer, which then stands in the low bits.
pub(super) const ROUNDER: f32 = 12582912.0;
/// ln 2 in two parts; the first has 15 bits, so that its product with an exponent is exact.
pub(super) const LN_2_HIGH: f32 = 0.693_145_75;
pub(super) const LN_2_LOW: f32 = 1.428_606_8e-6;

/// lowest + x * (next + x * ...), for coefficients from the lowest up.
#[inline(always)]
pub fn polynomial<V: Float, const N: usize>(x: V, coefficients: [V::Element; N]) -> V {
    let mut sum = V::splat(coefficients[N - 1]);
    for coefficient in coefficients[..N - 1].iter().rev() {
        sum = sum.mul_add(x, V::splat(*coefficient));
    }
    sum
}

/// x = n ln 2 + r with |r| <= ln 2 / 2.
struct Reduced<S: Simd> {
    n: S::F32,
    integer: S::I32,
    r: S::F32,
}

#[inline(always)]
fn reduce<S: Simd>(x: S::F32) -> Reduced<S> {
    let shifted = x.mul_add(S::F32::splat(std::f32::consts::LOG2_E), S::F32::splat(ROUNDER));
    let n = shifted.sub(S::F32::splat(ROUNDER));
    let r = n.neg_mul_add(S::F32::splat(LN_2_HIGH), x);
    let r = n.neg_mul_add(S::F32::splat(LN_2_LOW), r);
    let integer = S::bits(shifted).sub(S::I32::splat(ROUNDER.to_bits() as i32));
    Reduced { n, integer, r }
}

/// (e^r - 1 - r) / r^2 for |r| <= ln 2 / 2.
const EXP: [f32; 5] = [4.9999997e-1, 1.6666546e-1, 4.1667435e-2, 8.366272e-3, 1.3870695e-3];

/// e^x.
#[inline(always)]
pub fn exp<S: Simd>(x: S::F32) -> S::F32 {
    // Beyond these bounds the result is infinity or zero, as it is at them.
    let x = x.at_most(S::F32::splat(89.0)).at_least(S::F32::splat(-104.0));
    let Reduced { n, integer, r, .. } = reduce::<S>(x);
    let one = S::F32::splat(1.0);
    S::scale(expm1_reduced(r).add(one), n, integer)
}

/// 2^x.
#[inline(always)]
pub fn exp2<S: Simd>(x: S::F32) -> S::F32 {
    // Beyond these bounds the result is infinity or zero, as it is at them.
    let x = x.at_most(S::F32::splat(128.0)).at_least(S::F32::splat(-151.0));
    let shifted = x.add(S::F32::splat(ROUNDER));
    let n = shifted.sub(S::F32::splat(ROUNDER));
    let integer = S::bits(shifted).sub(S::I32::splat(ROUNDER.to_bits() as i32));
    let r = x.sub(n).mul(S::F32::splat(std::f32::consts::LN_2));
    S::scale(expm1_reduced(r).add(S::F32::splat(1.0)), n, integer)
}

/// e^r - 1 for |r| <= ln 2 / 2.
#[inline(always)]
fn expm1_reduced<V: Float<Element = f32>>(r: V) -> V {
    polynomial(r, EXP).mul_add(r.mul(r), r)
}

/// e^x - 1 = 2^n (e^r - 1) + (2^n - 1), computed at half that size so that n = 128 does not overflow.
#[inline(always)]
pub fn expm1<S: Simd>(x: S::F32) -> S::F32 {
    let bounded = x.at_most(S::F32::splat(89.0)).at_least(S::F32::splat(-20.0));
    let Reduced { integer, r, .. } = reduce::<S>(bounded);
    let half = S::from_bits(S::shift_left::<23>(integer.add(S::I32::splat(126))));
    let sum = expm1_reduced(r).mul_add(half, half.sub(S::F32::splat(0.5)));
    let result = sum.add(sum);
    // Keeps -0 and what is too small to be squared.
    S::F32::select(x.abs().lt(S::F32::splat(1e-8)), x, result)
}

/// 1 / (1 + e^-x), from e^-|x| so that nothing overflows and small results keep their digits.
#[inline(always)]
pub fn sigmoid<S: Simd>(x: S::F32) -> S::F32 {
    let one = S::F32::splat(1.0);
    let small = exp_of_negative::<S>(x.abs().neg());
    let numerator = S::F32::select(x.lt(S::F32::splat(0.0)), small, one);
    let sum = small.add(one);
    let quotient = S::quotient(numerator, sum);
    // What rounding took from the sum would be too much together with the other roundings; a rough 1 / sum on [1, 2] is enough for it.
    let lost = small.sub(sum.sub(one));
    let inverse = sum.neg_mul_add(S::F32::splat(0.4857), S::F32::splat(1.457));
    quotient.neg_mul_add(lost.mul(inverse), quotient)
}

/// e^x for x <= 0.
#[inline(always)]
fn exp_of_negative<S: Simd>(x: S::F32) -> S::F32 {
    let Reduced { n, integer, r, .. } = reduce::<S>(x.at_least(S::F32::splat(-104.0)));
    let one = S::F32::splat(1.0);
    S::scale(expm1_reduced(r).add(one), n, integer)
}

/// (ln(1 + f) - f + f^2 / 2) / f^3 for |f| <= 1/3.
const LOG: [f32; 8] = [3.3333215e-1, -2.4999806e-1, 2.0010427e-1, -1.6680196e-1, 1.4005734e-1, -1.21874765e-1, 1.3984594e-1, -1.2880069e-1];

/// Exponent of a positive normal number whose mantissa is taken from [2/3, 4/3), in bits 23 and up.
#[inline(always)]
fn exponent_bits<S: Simd>(bits: S::I32) -> S::I32 {
    bits.sub(S::I32::splat((2.0f32 / 3.0).to_bits() as i32)).and(S::I32::splat(0xff80_0000_u32 as i32))
}

/// ln(1 + f) + e ln 2.
#[inline(always)]
fn log_sum<S: Simd>(f: S::F32, e: S::F32) -> S::F32 {
    let p = polynomial(f, LOG).mul_sub(f, S::F32::splat(0.5));
    let tail = e.mul_add(S::F32::splat(LN_2_LOW), p.mul(f).mul(f));
    e.mul_add(S::F32::splat(LN_2_HIGH), f.add(tail))
}

/// ln x.
#[inline(always)]
pub fn log<S: Simd>(x: S::F32) -> S::F32 {
    let bits = S::bits(x);
    // One unsigned comparison, turned into a signed one, finds all that is not a positive normal number.
    let minimum = S::I32::splat(i32::MIN);
    let ordinary = bits.sub(S::I32::splat(0x0080_0000)).add(minimum).lt(S::I32::splat(0x7f00_0000).add(minimum));
    let special = ordinary.not().any();
    let (mut scaled, mut shift) = (bits, S::F32::splat(0.0));
    if special {
        let tiny = bits.lt(S::I32::splat(0x0080_0000));
        scaled = S::I32::select(tiny, S::bits(x.mul(S::F32::splat(8388608.0))), bits);
        shift = S::F32::select(tiny, S::F32::splat(-23.0), shift);
    }
    let exponent = exponent_bits::<S>(scaled);
    let f = S::from_bits(scaled.sub(exponent)).sub(S::F32::splat(1.0));
    let e = S::i32_to_f32(S::shift_right::<23>(exponent)).add(shift);
    let result = log_sum::<S>(f, e);
    if special { log_special::<S>(x, result) } else { result }
}

/// The result with the values at and beyond the ends of ln's domain put in.
#[inline(always)]
pub(super) fn log_special<S: Simd>(x: S::F32, result: S::F32) -> S::F32 {
    let zero = S::F32::splat(0.0);
    let infinity = S::F32::splat(f32::INFINITY);
    let result = S::F32::select(x.eq(infinity), infinity, result);
    let result = S::F32::select(x.eq(zero), infinity.neg(), result);
    S::F32::select(zero.le(x), result, S::F32::splat(f32::NAN))
}

/// ln(1 + x): the logarithm of the rounded sum, its mantissa corrected by what rounding took away.
#[inline(always)]
pub fn log1p<S: Simd>(x: S::F32) -> S::F32 {
    let one = S::F32::splat(1.0);
    let u = x.add(one);
    // The larger term first: then the difference is exact.
    let lost = S::F32::select(x.lt(one), x.sub(u.sub(one)), one.sub(u.sub(x)));
    let bits = S::bits(u);
    let exponent = exponent_bits::<S>(bits);
    // Where the exponent is the largest one nothing was lost.
    let shrink = S::from_bits(S::I32::splat(1.0f32.to_bits() as i32).sub(exponent).max(S::I32::splat(0)));
    let f = lost.mul_add(shrink, S::from_bits(bits.sub(exponent)).sub(one));
    let result = log_sum::<S>(f, S::i32_to_f32(S::shift_right::<23>(exponent)));
    let result = S::F32::select(u.lt(S::F32::splat(f32::INFINITY)).and(S::F32::splat(0.0).lt(u)), result, log_special::<S>(u, result));
    // Keeps -0.
    S::F32::select(x.eq(S::F32::splat(0.0)), x, result)
}

/// x^2 terms of sin r / r and cos r for |r| <= pi / 4.
const SIN: [f32; 3] = [-1.6666655e-1, 8.332189e-3, -1.9518286e-4];
const COS: [f32; 3] = [4.1666646e-2, -1.388731e-3, 2.4432327e-5];
/// Up to here n has 24 bits.
const REDUCIBLE: f32 = 16777216.0;
/// pi / 2: the first 29 bits, whose products with n are exact, and the rest.
const HALF_PI_HIGH: f64 = f64::from_bits(0x3ff9_21fb_5400_0000);
const HALF_PI_LOW: f64 = 9.920935796805404e-10;

/// sin x.
#[inline(always)]
pub fn sin<S: Simd>(x: S::F32) -> S::F32 {
    circular::<S, 0>(x, libm::sinf)
}

/// cos x.
#[inline(always)]
pub fn cos<S: Simd>(x: S::F32) -> S::F32 {
    circular::<S, 1>(x, libm::cosf)
}

/// Which lanes can be reduced, n, and r with x = n pi/2 + r and |r| <= pi / 4; 0 and 0 in the other lanes.
#[inline(always)]
pub(super) fn quarter_turns<S: Simd>(x: S::F32) -> (S::Mask, S::I32, S::F64) {
    let reducible = x.abs().le(S::F32::splat(REDUCIBLE));
    let wide = S::f32_to_f64(S::F32::select(reducible, x, S::F32::splat(0.0)));
    // 1.5 * 2^52 rounds as ROUNDER does.
    let rounder = S::F64::splat(6755399441055744.0);
    let n = wide.mul_add(S::F64::splat(std::f64::consts::FRAC_2_PI), rounder).sub(rounder);
    let r = n.neg_mul_add(S::F64::splat(HALF_PI_HIGH), wide);
    (reducible, S::f64_to_i32(n), n.neg_mul_add(S::F64::splat(HALF_PI_LOW), r))
}

/// sin(x + SHIFT pi/2): x = n pi/2 + r in f64, then the sine or cosine of r by the quadrant n + SHIFT; `huge` beyond the reducible range.
#[inline(always)]
fn circular<S: Simd, const SHIFT: i32>(x: S::F32, huge: impl Fn(f32) -> f32) -> S::F32 {
    let (reducible, quadrant, r) = quarter_turns::<S>(x);
    let r = S::f64_to_f32(r);
    let quadrant = quadrant.add(S::I32::splat(SHIFT));

    let square = r.mul(r);
    let sine = polynomial(square, SIN).mul(square).mul_add(r, r);
    let half = square.mul(S::F32::splat(0.5));
    let cosine = polynomial(square, COS).mul(square).mul_sub(square, half).add(S::F32::splat(1.0));
    let even = quadrant.and(S::I32::splat(1)).eq(S::I32::splat(0));
    let sign = S::shift_left::<30>(quadrant.and(S::I32::splat(2)));
    let result = S::from_bits(S::bits(S::F32::select(even, sine, cosine)).xor(sign));
    // The sine of -0 is -0, which the sum above lost.
    let result = if SHIFT == 0 { S::F32::select(x.eq(S::F32::splat(0.0)), x, result) } else { result };
    if reducible.not().any() { S::F32::select(reducible, result, x.map(huge)) } else { result }
}

/// erf(x) / x - 1 in x^2, for x^2 <= 0.9.
const ERF_SMALL: [f32; 7] = [1.2837917e-1, -3.761263e-1, 1.1283626e-1, -2.685574e-2, 5.1924605e-3, -8.050803e-4, 8.0027596e-5];
/// -ln(1 - erf x) / x - 1, for 0.93 <= x <= 4.
const ERF_LARGE: [f32; 7] = [1.2865423e-1, 6.351281e-1, 1.0627521e-1, -2.3795e-2, 3.6579964e-3, -3.2661716e-4, 1.1611558e-5];

/// The error function.
#[inline(always)]
pub fn erf<S: Simd>(x: S::F32) -> S::F32 {
    let y = x.abs();
    let small = polynomial(x.mul(x), ERF_SMALL).mul_add(x, x);
    // From 3.92 on the result is 1.
    let bounded = y.at_most(S::F32::splat(4.0));
    let exponent = polynomial(bounded, ERF_LARGE).mul_add(bounded, bounded).neg();
    let large = S::F32::splat(1.0).sub(exp_of_negative::<S>(exponent)).copysign(x);
    S::F32::select(y.lt(S::F32::splat(0.94)), small, large)
}

/// log2((1 + s) / (1 - s)) / s in s^2, for mantissas in [sqrt 1/2, sqrt 2).
const LOG2: [f64; 7] = [
    2.8853900817779268,
    0.961796693923526,
    0.5770780175795651,
    0.41219835510550124,
    0.3206193961444376,
    0.26135502251597126,
    0.24391265455624922,
];
/// 2^r for |r| <= 1/2.
const EXP2: [f64; 9] = [
    0.999999999999762,
    0.6931471805464932,
    0.24022650698885462,
    0.05550410939429765,
    0.009618128542081028,
    0.001333345197665731,
    0.00015403852082921085,
    1.5309760338999063e-5,
    1.3175825572859666e-6,
];

/// log2 of positive finite numbers, to about 1e-10 of its value.
#[inline(always)]
pub(super) fn log2_wide<S: Simd>(x: S::F32) -> S::F64 {
    let tiny = x.lt(S::F32::splat(f32::MIN_POSITIVE));
    let normal = S::F32::select(tiny, x.mul(S::F32::splat(8388608.0)), x);
    let bits = S::bits(normal);
    let exponent = bits.sub(S::I32::splat(std::f32::consts::FRAC_1_SQRT_2.to_bits() as i32)).and(S::I32::splat(0xff80_0000_u32 as i32));
    let mantissa = S::f32_to_f64(S::from_bits(bits.sub(exponent)));
    let e = S::shift_right::<23>(exponent).sub(S::I32::select(tiny, S::I32::splat(23), S::I32::splat(0)));
    let s = mantissa.sub(S::F64::splat(1.0)).div(mantissa.add(S::F64::splat(1.0)));
    polynomial(s.mul(s), LOG2).mul_add(s, S::i32_to_f64(e))
}

/// 2^x, to about 1e-12 of its value; beyond the range of f32 some number beyond it.
#[inline(always)]
pub(super) fn exp2_wide<S: Simd>(x: S::F64) -> S::F64 {
    let x = x.at_most(S::F64::splat(200.0)).at_least(S::F64::splat(-200.0));
    let rounder = S::F64::splat(6755399441055744.0);
    let n = x.add(rounder).sub(rounder);
    polynomial(x.sub(n), EXP2).mul(S::power_of_two(S::f64_to_i32(n)))
}

/// x^y = 2^(y log2 |x|), both functions in f64, with C's rules for signs and special values.
#[inline(always)]
pub fn pow<S: Simd>(x: S::F32, y: S::F32) -> S::F32 {
    let (zero, one) = (S::F32::splat(0.0), S::F32::splat(1.0));
    let infinity = S::F32::splat(f32::INFINITY);
    let magnitude = x.abs();
    let log2 = log2_wide::<S>(magnitude);

    let mut result = S::f64_to_f32(exp2_wide::<S>(S::f32_to_f64(y).mul(log2)));

    // |x| of 0 or infinity, whose logarithm is none; |y| infinite is handled by the bounds above, but for log2 = 0.
    let grows = zero.lt(y);
    let ends = magnitude.eq(zero).or(magnitude.eq(infinity));
    let end = S::F32::select(magnitude.eq(zero), S::F32::select(grows, zero, infinity), S::F32::select(grows, infinity, zero));
    result = S::F32::select(ends, end, result);
    // A negative base: the sign of odd powers, NaN for those that are not integers. -0 counts as negative for the sign only.
    let negative = S::bits(x).lt(S::I32::splat(0));
    let halved = y.mul(S::F32::splat(0.5));
    let integral = y.trunc().eq(y);
    let odd = integral.and(halved.trunc().eq(halved).not());
    result = S::F32::select(negative.and(odd), result.neg(), result);
    result = S::F32::select(x.lt(zero).and(integral.not()).and(magnitude.lt(infinity)), S::F32::splat(f32::NAN), result);
    result = S::F32::select(x.is_nan().or(y.is_nan()), x.add(y), result);
    let unity = y.eq(zero).or(x.eq(one)).or(magnitude.eq(one).and(y.abs().eq(infinity)));
    S::F32::select(unity, one, result)
}
