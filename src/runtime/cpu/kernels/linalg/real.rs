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
    fn wide(self) -> f64;
    fn narrow(wide: f64) -> Self;
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
            fn wide(self) -> f64 {
                self as f64
            }
            fn narrow(wide: f64) -> $float {
                wide as $float
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

/// y + a x, into y.
#[inline]
pub(super) fn add<T: Real>(y: &mut [T], a: T, x: &[T]) {
    for (y, x) in y.iter_mut().zip(x) {
        *y = *y + a * *x;
    }
}

/// The two rows turned in their plane: (c x - s y, s x + c y).
#[inline]
pub(super) fn rotate<T: Real>(x: &mut [T], y: &mut [T], c: T, s: T) {
    for (x, y) in x.iter_mut().zip(y) {
        (*x, *y) = (c * *x - s * *y, s * *x + c * *y);
    }
}

/// Two different rows of n elements, `first` before `second`.
#[inline]
pub(super) fn two_rows<T>(a: &mut [T], n: usize, first: usize, second: usize) -> (&mut [T], &mut [T]) {
    let (above, below) = a.split_at_mut(second * n);
    (&mut above[first * n..(first + 1) * n], &mut below[..n])
}

/// Swaps two different rows of n elements, `first` before `second`.
pub(super) fn swap_rows<T>(a: &mut [T], n: usize, first: usize, second: usize) {
    let (x, y) = two_rows(a, n, first, second);
    x.swap_with_slice(y);
}

/// The square root of the sum of squares, which may be beyond the range of the floats itself.
pub(super) fn norm<T: Real>(x: &[T]) -> T {
    let largest = x.iter().fold(T::ZERO, |largest, x| if x.abs() > largest { x.abs() } else { largest });
    if largest == T::ZERO {
        return T::ZERO;
    }
    let sum = x.iter().fold(T::ZERO, |sum, x| sum + (*x / largest) * (*x / largest));
    largest * sum.sqrt()
}

/// The power of two that the largest size of the elements lies at or above; 0 if all are 0. `None` if one is not finite.
pub(super) fn magnitude(x: &[f64]) -> Option<i32> {
    let mut largest = 0.0f64;
    for x in x {
        if !x.is_finite() {
            return None;
        }
        largest = largest.max(x.abs());
    }
    Some(if largest == 0.0 { 0 } else { libm::ilogb(largest) })
}

/// All elements times a power of two.
pub(super) fn scale(x: &mut [f64], power: i32) {
    if power != 0 {
        x.iter_mut().for_each(|x| *x = libm::scalbn(*x, power));
    }
}

/// The number of the component that makes a vector's sign definite by being positive: the first of those within 1 % of the largest, so
/// that rounding does not decide between equal ones.
pub(super) fn leading(x: &[f64]) -> usize {
    let largest = x.iter().fold(0.0f64, |largest, x| largest.max(x.abs()));
    x.iter().position(|x| x.abs() >= 0.99 * largest).unwrap_or(0)
}
