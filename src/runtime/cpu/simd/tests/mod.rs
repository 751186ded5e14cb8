//! Facts about the kernels, at every level that the machine can run.

mod accuracy;
mod convert;
mod elementwise;
mod random;
mod reduce;

use super::*;

/// Bytes behind a target that a kernel must leave alone.
const POISON: u8 = 0xa5;

/// Values as kernels see them.
trait Plain: Copy + PartialEq + std::fmt::Debug + Default {
    const CLASS: Class;
    fn bits(self) -> u64;
    /// Numbers and special values for tests.
    fn from_word(word: u64) -> Self;
}

macro_rules! plain {
    ($($type:ty, $class:ident, |$x:ident| $bits:expr, |$word:ident| $value:expr;)*) => {$(
        impl Plain for $type {
            const CLASS: Class = Class::$class;
            fn bits(self) -> u64 { let $x = self; $bits }
            fn from_word($word: u64) -> Self { $value }
        }
    )*};
}
plain! {
    f32, F32, |x| if x.is_nan() { u64::MAX } else { x.to_bits() as u64 }, |w| match w % 11 {
        0 => 0.0, 1 => -0.0, 2 => f32::NAN, 3 => f32::INFINITY, 4 => f32::NEG_INFINITY, 5 => (w >> 9) as i8 as f32,
        6 => (w >> 9) as i8 as f32 + 0.5, 7 => f32::from_bits((w >> 11) as u32), _ => ((w >> 20) as i32 as f32) * 1e-7,
    };
    f64, F64, |x| if x.is_nan() { u64::MAX } else { x.to_bits() }, |w| match w % 11 {
        0 => 0.0, 1 => -0.0, 2 => f64::NAN, 3 => f64::INFINITY, 4 => f64::NEG_INFINITY, 5 => (w >> 9) as i8 as f64,
        6 => (w >> 9) as i8 as f64 + 0.5, 7 => f64::from_bits(w.rotate_left(20)), _ => ((w >> 20) as i32 as f64) * 1e-7,
    };
    i32, I32, |x| x as u32 as u64, |w| match w % 7 { 0 => 0, 1 => i32::MIN, 2 => -1, 3 => i32::MAX, 4 => (w >> 9) as i8 as i32, _ => (w >> 11) as i32 };
    i64, I64, |x| x as u64, |w| match w % 7 { 0 => 0, 1 => i64::MIN, 2 => -1, 3 => i64::MAX, 4 => (w >> 9) as i8 as i64, _ => w.rotate_left(31) as i64 };
}

/// A sequence of words (splitmix64).
fn words(seed: u64, count: usize) -> Vec<u64> {
    (0..count as u64)
        .map(|i| {
            let mut x = (seed << 32 | i).wrapping_mul(0x9e37_79b9_7f4a_7c15);
            x = (x ^ (x >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
            x = (x ^ (x >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
            x ^ (x >> 31)
        })
        .collect()
}

fn values<T: Plain>(seed: u64, count: usize) -> Vec<T> {
    words(seed, count).into_iter().map(T::from_word).collect()
}

fn bits<T: Plain>(values: &[T]) -> Vec<u64> {
    values.iter().map(|x| x.bits()).collect()
}

/// Runs a kernel into a fresh vector, with guards behind its end, everything misaligned by `shift` bytes.
fn run_shifted<A: Copy, R: Copy + Default>(kernel: Kernel, shift: usize, n: usize, operands: [&[A]; 3]) -> Vec<R> {
    let mut target = vec![POISON; n * size_of::<R>() + shift + 128];
    let copies = operands.map(|operand| {
        let mut copy = vec![0u8; size_of_val(operand) + shift];
        // SAFETY: plain numbers as bytes, as many as the copy holds behind the shift.
        unsafe { std::ptr::copy_nonoverlapping(operand.as_ptr().cast(), copy.as_mut_ptr().add(shift), size_of_val(operand)) };
        copy
    });
    let at = |i: usize| copies[i].as_ptr().wrapping_add(shift);
    // SAFETY: the tests hand in kernels of available levels and operands of n elements (or one, if scalar).
    unsafe { kernel(n, target.as_mut_ptr().add(shift), at(0), at(1), at(2)) };
    assert!(target[..shift].iter().all(|byte| *byte == POISON), "wrote before the target");
    assert!(target[shift + n * size_of::<R>()..].iter().all(|byte| *byte == POISON), "wrote behind {n} elements");
    // SAFETY: n results were written, at any alignment.
    (0..n).map(|i| unsafe { target.as_ptr().add(shift).cast::<R>().add(i).read_unaligned() }).collect()
}

fn run<A: Copy, R: Copy + Default>(kernel: Kernel, n: usize, operands: [&[A]; 3]) -> Vec<R> {
    run_shifted(kernel, 0, n, operands)
}

fn unary<A: Copy, R: Copy + Default>(kernel: Kernel, x: &[A]) -> Vec<R> {
    run(kernel, x.len(), [x, &[], &[]])
}

#[test]
fn levels_are_ordered_and_named() {
    let levels = Level::available();
    assert_eq!(levels[0], Level::Portable);
    assert_eq!(levels.last(), Some(&Level::detect()));
    println!("levels: {:?}", levels.iter().map(|level| level.name()).collect::<Vec<_>>());
}

#[test]
fn a_level_of_another_architecture_still_answers() {
    for level in [Level::Avx2, Level::Avx512, Level::Neon] {
        assert!(kernel(level, TileOp::Copy, Class::F32, [false; 3]).is_some());
    }
}
