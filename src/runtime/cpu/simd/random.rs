//! Random words to numbers, with the same bits at every level and on every device: only operations that IEEE 754 rounds correctly, in a
//! fixed order, and every multiply-add fused.
//!
//! *Uniform*: `(word >> 8) * 2^-24`, in [0, 1).
//!
//! *Normal*: the inverse of the cumulative distribution. The low 31 bits k of the word stand for the tail p = (k + 1/2) 2^-32, the top bit
//! is the sign. With j = 2^31 - 1 - k and u = 1 - 2p = (2 j + 1) 2^-32 the result is
//!
//! ```text
//! u * C(w - 5/2)          for w < 5
//! u * T(sqrt(w) - 3.4)    from there on, to w = 21.5 at p = 2^-33 (z = 6.34)
//! ```
//!
//! where w = -ln(4 p (1 - p)), and C and T are polynomials of degree 8 and 7 that fit sqrt(2) erfinv(u) / u (the form is Giles's, 2010)
//! with relative errors of 1.1e-7 and 4.1e-7.

use super::vector::{Float, Integer, Mask, Simd, Vector};

const CENTRAL: [f32; 9] =
    [2.1233137, 3.488024e-1, -5.9082857e-3, -1.7727551e-3, 3.092049e-4, -6.2871472e-6, -5.002029e-6, 4.918032e-7, 4.1202373e-8];
const TAIL: [f32; 8] = [4.5746746, 1.4236008, 5.621867e-3, -3.541151e-3, 2.086581e-3, -1.6266364e-3, 9.6717704e-4, -2.3896492e-4];
/// (ln(1 + f) - f + f^2 / 2) / f^3 for |f| <= 1/3. Not shared with `math`: a better logarithm there must not change random numbers.
const LOG: [f32; 8] = [3.3333215e-1, -2.4999806e-1, 2.0010427e-1, -1.6680196e-1, 1.4005734e-1, -1.21874765e-1, 1.3984594e-1, -1.2880069e-1];

/// A 32-bit word to [0, 1).
#[inline(always)]
pub fn uniform<S: Simd>(word: S::F32) -> S::F32 {
    S::i32_to_f32(S::shift_right_logical::<8>(S::bits(word))).mul(S::F32::splat(1.0 / 16777216.0))
}

/// A 32-bit word to a standard normal number.
#[inline(always)]
pub fn normal<S: Simd>(word: S::F32) -> S::F32 {
    let word = S::bits(word);
    let k = word.and(S::I32::splat(i32::MAX));
    let j = S::I32::splat(i32::MAX).sub(k);
    let one = S::F32::splat(1.0);
    let (scale, half) = (S::F32::splat(1.0 / 4294967296.0), S::F32::splat(0.5 / 4294967296.0));
    // An exact power of two times an integer: both products and both sums round once.
    let p = S::i32_to_f32(k).fused(scale, half);
    let u = S::i32_to_f32(j).fused(scale, half);
    let u = u.add(u);
    // 4 p (1 - p), between 2^-31 and 1.
    let product = p.mul(S::F32::splat(4.0)).mul(one.sub(p));
    let w = log::<S>(product).neg();

    let mut factor = fused_polynomial(w.sub(S::F32::splat(2.5)), CENTRAL);
    let tail = S::F32::splat(5.0).le(w);
    if tail.any() {
        // Central lanes may hold a w just below zero.
        let root = w.abs().sqrt().sub(S::F32::splat(3.4));
        factor = S::F32::select(tail, fused_polynomial(root, TAIL), factor);
    }
    let magnitude = S::bits(u.mul(factor));
    S::from_bits(magnitude.or(word.and(S::I32::splat(i32::MIN))))
}

/// ln x for positive normal x.
#[inline(always)]
fn log<S: Simd>(x: S::F32) -> S::F32 {
    let bits = S::bits(x);
    let exponent = bits.sub(S::I32::splat((2.0f32 / 3.0).to_bits() as i32)).and(S::I32::splat(0xff80_0000_u32 as i32));
    let f = S::from_bits(bits.sub(exponent)).sub(S::F32::splat(1.0));
    let e = S::i32_to_f32(S::shift_right::<23>(exponent));
    let q = fused_polynomial(f, LOG).fused(f, S::F32::splat(-0.5));
    e.fused(S::F32::splat(std::f32::consts::LN_2), q.mul(f).fused(f, f))
}

#[inline(always)]
fn fused_polynomial<V: Float, const N: usize>(x: V, coefficients: [V::Element; N]) -> V {
    let mut sum = V::splat(coefficients[N - 1]);
    for coefficient in coefficients[..N - 1].iter().rev() {
        sum = sum.fused(x, V::splat(*coefficient));
    }
    sum
}
