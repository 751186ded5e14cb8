//! The hyperbolic tangent, the function that networks call most, in two ways: by tables where an instruction looks up 32 entries at once,
//! else by a quotient.

use super::math::{LN_2_HIGH, LN_2_LOW, ROUNDER, polynomial};
use super::vector::{Float, Simd, Vector};

/// tanh x, within 2 ulp.
#[inline(always)]
pub fn tanh<S: Simd>(x: S::F32) -> S::F32 {
    if S::TABLES { by_tables::<S>(x) } else { by_quotient::<S>(x) }
}

/// (e^r - 1 - r) / r^2 for 0 <= r <= ln 2.
const EXP_ABOVE: [f32; 5] = [5.000009e-1, 1.6664769e-1, 4.179487e-2, 7.962511e-3, 1.8604632e-3];

/// tanh x = (e^2x - 1) / (e^2x + 1), both sums from one e^r - 1, r = 2|x| - n ln 2. Rounding n down keeps all terms positive.
#[inline(always)]
fn by_quotient<S: Simd>(x: S::F32) -> S::F32 {
    let one = S::F32::splat(1.0);
    // From 9.02 on the result is 1.
    let y = x.abs().at_most(S::F32::splat(9.5));
    let scaled = y.mul_add(S::F32::splat(2.0 * std::f32::consts::LOG2_E), S::F32::splat(-0.5));
    let shifted = scaled.add(S::F32::splat(ROUNDER));
    let n = shifted.sub(S::F32::splat(ROUNDER));
    // Half of the remainder; the polynomial's coefficients carry the powers of two.
    let r = n.neg_mul_add(S::F32::splat(LN_2_HIGH / 2.0), y);
    let r = n.neg_mul_add(S::F32::splat(LN_2_LOW / 2.0), r);
    let [c0, c1, c2, c3, c4] = EXP_ABOVE;
    let p = polynomial(r, [c0 * 2.0, c1 * 4.0, c2 * 8.0, c3 * 16.0, c4 * 32.0]);
    let above = p.mul(r.mul(r));
    let half = r.add(above);
    // 2^n, from the low bits of the rounded number; those above leave by the shift.
    let power = S::from_bits(S::shift_left::<23>(S::bits(shifted)).add(S::I32::splat(1.0f32.to_bits() as i32)));
    let double = power.add(power);
    let denominator = half.mul_add(double, power.add(one));
    let numerator = half.mul_add(double, power.sub(one));
    // Where both are large their roundings must not differ: the result is 1 - 2 / denominator, whatever the denominator's error.
    let large = S::F32::splat(ROUNDER + 8.0).le(shifted);
    let numerator = S::F32::select(large, denominator.sub(S::F32::splat(2.0)), numerator);
    // For n = 0, that is r = |x|, the quotient is r + (above - r half) / (1 + half): exact but for a small term.
    let small = shifted.le(S::F32::splat(ROUNDER));
    let correction = r.neg_mul_add(half, above);
    let base = S::F32::select(small, r, S::F32::splat(0.0));
    let numerator = S::F32::select(small, correction.add(correction), numerator);
    S::quotient(numerator, denominator).add(base).copysign(x)
}

/// Polynomials of degree 5 around the centres of 26 intervals of |x|: four for each octave from 1/8 to 9.25 and one below. Row by row the
/// centres and the coefficients from the lowest up; columns by exponent and two bits of mantissa, modulo 32. Below 1/8 the polynomial is
/// x + x^2 (...), so that small results keep their digits.
#[rustfmt::skip]
const TABLES: [[f32; 32]; 7] = [
    [
        2.25e+00, 2.75e+00, 3.25e+00, 3.75e+00, 4.5e+00, 5.5e+00, 6.5e+00, 7.5e+00,
        8.625e+00, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0,
        1.40625e-01, 1.71875e-01, 2.03125e-01, 2.34375e-01, 2.8125e-01, 3.4375e-01, 4.0625e-01, 4.6875e-01,
        5.625e-01, 6.875e-01, 8.125e-01, 9.375e-01, 1.125e+00, 1.375e+00, 1.625e+00, 1.875e+00,
    ],
    [
        9.780261e-01, 9.9185973e-01, 9.9699765e-01, 9.9889445e-01, 9.997532e-01, 9.999666e-01, 9.9999547e-01, 9.999994e-01,
        9.9999994e-01, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0,
        1.397053e-01, 1.7020231e-01, 2.0037672e-01, 2.301757e-01, 2.740616e-01, 3.3082113e-01, 3.8528398e-01, 4.3718877e-01,
        5.0983e-01, 5.9637356e-01, 6.709671e-01, 7.340715e-01, 8.093011e-01, 8.798267e-01, 9.2534626e-01, 9.5404524e-01,
    ],
    [
        4.3464918e-02, 1.6214287e-02, 5.995715e-03, 2.2098923e-03, 4.935174e-04, 6.6804576e-05, 9.041277e-06, 1.2236086e-06,
        1.2896746e-07, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 1.0e+00,
        9.804824e-01, 9.710312e-01, 9.598492e-01, 9.470191e-01, 9.248903e-01, 8.905574e-01, 8.515563e-01, 8.0886596e-01,
        7.4007344e-01, 6.443386e-01, 5.498032e-01, 4.61139e-01, 3.4503177e-01, 2.2590499e-01, 1.4373437e-01, 8.979764e-02,
    ],
    [
        -4.2505678e-02, -1.6082246e-02, -5.9796367e-03, -2.2085751e-03, -4.9172674e-04, -6.747865e-05, -8.731207e-06, -1.7253221e-06,
        -2.2827713e-07, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 3.118999e-07,
        -1.3689688e-01, -1.6548268e-01, -1.9235486e-01, -2.1774302e-01, -2.5348896e-01, -2.9469043e-01, -3.28177e-01, -3.5353884e-01,
        -3.773609e-01, -3.8427168e-01, -3.6895677e-01, -3.3845508e-01, -2.792407e-01, -1.9877124e-01, -1.3301986e-01, -8.5658796e-02,
    ],
    [
        2.7087722e-02, 1.0546324e-02, 3.9610425e-03, 1.4683224e-03, 3.286269e-04, 4.4503067e-05, 6.023837e-06, 8.152371e-07,
        8.584824e-08, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, -3.3335564e-01,
        -3.069776e-01, -2.9648033e-01, -2.8158084e-01, -2.6437378e-01, -2.3895979e-01, -1.9957589e-01, -1.5767261e-01, -1.1491285e-01,
        -5.4405835e-02, 1.4363554e-02, 6.4213395e-02, 9.480615e-02, 1.10975675e-01, 9.956727e-02, 7.516174e-02, 5.180296e-02,
    ],
    [
        -1.2434017e-02, -5.134916e-03, -1.9411783e-03, -7.1890245e-04, -1.7642751e-04, -2.0316033e-05, -4.354491e-06, 1.5823231e-06,
        2.085835e-07, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 4.72844e-04,
        -2.456868e-01, 9.6816605e-01, 2.1634887e-01, -8.387999e-01, 1.6224054e-01, 2.4102604e-01, 2.5792342e-01, 7.783543e-02,
        1.6592304e-01, 1.2079402e-01, 9.4436005e-02, 2.9546667e-02, 3.9458564e-03, -2.0285778e-02, -2.4142787e-02, -2.1634666e-02,
    ],
    [
        3.976935e-03, 1.9146439e-03, 7.6996384e-04, 2.923173e-04, 6.7685934e-05, 9.231082e-06, 1.2486603e-06, 1.6897637e-07,
        1.818389e-08, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 1.2998559e-01,
        -2.613423e+00, 4.2899346e+00, 7.072667e-01, -4.3192973e+00, 1.6286671e-01, 2.2970395e-01, 2.2652033e-01, -1.4644143e-01,
        -2.3884568e-02, -5.716782e-02, -5.2128267e-02, -6.0997758e-02, -3.2044943e-02, -9.272562e-03, 1.5432105e-03, 4.5239897e-03,
    ],
];

/// 18 instructions, seven of them lookups.
#[inline(always)]
fn by_tables<S: Simd>(x: S::F32) -> S::F32 {
    // From 9.02 on the result is 1.
    let y = x.abs().at_most(S::F32::splat(9.2));
    // All that lies below 1/8 has the column before it.
    let index = S::shift_right::<21>(S::bits(y.at_least(S::F32::splat(0.109375))));
    let [centre, c0, c1, c2, c3, c4, c5] = &TABLES;
    let t = y.sub(S::lookup(centre, index));
    let p = S::lookup(c5, index);
    let p = p.mul_add(t, S::lookup(c4, index));
    let p = p.mul_add(t, S::lookup(c3, index));
    let p = p.mul_add(t, S::lookup(c2, index));
    let p = p.mul_add(t, S::lookup(c1, index));
    p.mul_add(t, S::lookup(c0, index)).copysign(x)
}
