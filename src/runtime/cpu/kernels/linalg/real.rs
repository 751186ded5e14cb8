//! The numbers that decompositions compute with, and the loops over rows that they spend their time in.

use std::ops::{Add, Div, Mul, Neg, Sub};

/// f32 or f64.
pub(super) trait Real:
    Copy
    + PartialOrd
    + Send
    + Sync
    + Add<Output = Self>
    + Sub<Output = Self>
    + Mul<Output = Self>
    + Div<Output = Self>
    + Neg<Output = Self>
    + 'static
{
    const ZERO: Self;
    const ONE: Self;
    const NAN: Self;

    fn abs(self) -> Self;
    fn sqrt(self) -> Self;
    fn is_finite(self) -> bool;
}

macro_rules! real {
    ($($float:ident)*) => {$(
        impl Real for $float {
            const ZERO: $float = 0.0;
            const ONE: $float = 1.0;
            const NAN: $float = $float::NAN;

            fn abs(self) -> $float {
                $float::abs(self)
            }
            fn sqrt(self) -> $float {
                $float::sqrt(self)
            }
            fn is_finite(self) -> bool {
                $float::is_finite(self)
            }
        }
    )*};
}
real!(f32 f64);

/// The sum of products of two rows of one length, in a fixed order.
#[inline]
pub(super) fn dot<T: Real>(a: &[T], b: &[T]) -> T {
    // As many sums as a vector instruction has lanes, and two of those.
    const LANES: usize = 8;
    let mut sums = [T::ZERO; LANES];
    let (a, b) = (&a[..a.len().min(b.len())], &b[..a.len().min(b.len())]);
    let (blocks_a, blocks_b) = (a.chunks_exact(LANES), b.chunks_exact(LANES));
    let rest = blocks_a.remainder().iter().zip(blocks_b.remainder()).fold(T::ZERO, |sum, (x, y)| sum + *x * *y);
    for (x, y) in blocks_a.zip(blocks_b) {
        for lane in 0..LANES {
            sums[lane] = sums[lane] + x[lane] * y[lane];
        }
    }
    let pair = |lane: usize| sums[lane] + sums[lane + 4];
    ((pair(0) + pair(2)) + (pair(1) + pair(3))) + rest
}

/// y - a x, into y.
#[inline]
pub(super) fn subtract<T: Real>(y: &mut [T], a: T, x: &[T]) {
    for (y, x) in y.iter_mut().zip(x) {
        *y = *y - a * *x;
    }
}
