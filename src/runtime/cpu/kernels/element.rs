//! The elements that kernels compute with, written once for all dtypes. 16-bit floats arrive as f32, bool does not arrive.

use crate::tensor::DType;

/// A number of one dtype. Integers wrap.
pub(super) trait Element: Copy + Send + Sync + PartialOrd + 'static {
    /// What sums are kept in.
    type Wide: Copy + Default;
    /// Whether [`Element::key`] has 32 bits.
    const IS_NARROW: bool;

    fn widen(self) -> Self::Wide;
    fn narrow(wide: Self::Wide) -> Self;
    /// a * b + c.
    fn step(a: Self::Wide, b: Self::Wide, c: Self::Wide) -> Self::Wide;
    fn plus(a: Self::Wide, b: Self::Wide) -> Self::Wide;
    fn add(self, other: Self) -> Self;
    fn mul(self, other: Self) -> Self;
    fn is_nan(self) -> bool;
    /// Numbers in the order of the elements: equal for equal ones, the largest for every NaN.
    fn key(self) -> u64;

    /// NaN if either is NaN.
    fn larger(self, other: Self) -> Self {
        if self.is_nan() || self >= other { self } else { other }
    }
    /// NaN if either is NaN.
    fn smaller(self, other: Self) -> Self {
        if self.is_nan() || self <= other { self } else { other }
    }
}

macro_rules! float {
    ($float:ident, $bits:ident, $signed:ident, $is_narrow:literal) => {
        impl Element for $float {
            type Wide = f64;
            const IS_NARROW: bool = $is_narrow;

            fn widen(self) -> f64 {
                self as f64
            }
            fn narrow(wide: f64) -> Self {
                wide as $float
            }
            fn step(a: f64, b: f64, c: f64) -> f64 {
                a * b + c
            }
            fn plus(a: f64, b: f64) -> f64 {
                a + b
            }
            fn add(self, other: Self) -> Self {
                self + other
            }
            fn mul(self, other: Self) -> Self {
                self * other
            }
            fn is_nan(self) -> bool {
                self != self
            }
            fn key(self) -> u64 {
                if self != self {
                    return $bits::MAX as u64;
                }
                // Both zeros are one.
                let bits = (self + 0.0).to_bits();
                let flip = (bits as $signed >> ($bits::BITS - 1)) as $bits | 1 << ($bits::BITS - 1);
                (bits ^ flip) as u64
            }
        }
    };
}

macro_rules! integer {
    ($integer:ident, $bits:ident, $offset:expr, $is_narrow:literal) => {
        impl Element for $integer {
            type Wide = $integer;
            const IS_NARROW: bool = $is_narrow;

            fn widen(self) -> $integer {
                self
            }
            fn narrow(wide: $integer) -> Self {
                wide
            }
            fn step(a: $integer, b: $integer, c: $integer) -> $integer {
                a.wrapping_mul(b).wrapping_add(c)
            }
            fn plus(a: $integer, b: $integer) -> $integer {
                a.wrapping_add(b)
            }
            fn add(self, other: Self) -> Self {
                self.wrapping_add(other)
            }
            fn mul(self, other: Self) -> Self {
                self.wrapping_mul(other)
            }
            fn is_nan(self) -> bool {
                false
            }
            fn key(self) -> u64 {
                (self as $bits ^ $offset) as u64
            }
        }
    };
}

float!(f64, u64, i64, false);
float!(f32, u32, i32, true);
integer!(i64, u64, 1 << 63, false);
integer!(i32, u32, 1 << 31, true);
integer!(u8, u32, 0, true);

/// Runs the expression with the type of the dtype's elements.
macro_rules! with_element {
    ($dtype:expr, $element:ident => $body:expr) => {
        match $dtype {
            crate::tensor::DType::F64 => {
                type $element = f64;
                $body
            }
            crate::tensor::DType::I64 => {
                type $element = i64;
                $body
            }
            crate::tensor::DType::I32 => {
                type $element = i32;
                $body
            }
            crate::tensor::DType::U8 | crate::tensor::DType::Bool => {
                type $element = u8;
                $body
            }
            crate::tensor::DType::F32 | crate::tensor::DType::F16 | crate::tensor::DType::BF16 => {
                type $element = f32;
                $body
            }
        }
    };
}
pub(super) use with_element;

/// Runs the expression with an integer type of the dtype's size, for elements that are only moved.
macro_rules! with_size {
    ($dtype:expr, $element:ident => $body:expr) => {
        match $dtype.size() {
            1 => {
                type $element = u8;
                $body
            }
            2 => {
                type $element = u16;
                $body
            }
            4 => {
                type $element = u32;
                $body
            }
            _ => {
                type $element = u64;
                $body
            }
        }
    };
}
pub(super) use with_size;

/// Element `i`.
///
/// # Safety
/// There is one.
#[inline(always)]
pub(super) unsafe fn get<T: Copy>(pointer: *const u8, i: usize) -> T {
    // SAFETY: the caller's promise.
    unsafe { pointer.cast::<T>().add(i).read_unaligned() }
}

/// Writes element `i`.
///
/// # Safety
/// There is room for it.
#[inline(always)]
pub(super) unsafe fn set<T: Copy>(pointer: *mut u8, i: usize, value: T) {
    // SAFETY: the caller's promise.
    unsafe { pointer.cast::<T>().add(i).write_unaligned(value) }
}

/// The index at `i`, of dtype i32 or i64.
///
/// # Safety
/// There is one.
#[inline(always)]
pub(super) unsafe fn index_at(dtype: DType, indices: *const u8, i: usize) -> i64 {
    // SAFETY: the caller's promise.
    unsafe {
        match dtype {
            DType::I32 => get::<i32>(indices, i) as i64,
            _ => get::<i64>(indices, i),
        }
    }
}

/// The element that the index names: negative ones count from the end.
#[inline(always)]
pub(super) fn resolve(index: i64, size: usize) -> Option<usize> {
    let from_end = if index < 0 { index + size as i64 } else { index };
    (from_end >= 0 && from_end < size as i64).then_some(from_end as usize)
}

/// The sizes before, at, and behind an axis.
pub(super) fn around(dims: &[usize], axis: usize) -> (usize, usize, usize) {
    (dims[..axis].iter().product(), dims[axis], dims[axis + 1..].iter().product())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_are_in_the_order_of_the_elements() {
        let floats = [f64::NEG_INFINITY, -3.0, -f64::MIN_POSITIVE, 0.0, 1e-300, 2.5, f64::INFINITY, f64::NAN];
        assert!(floats.windows(2).all(|pair| pair[0].key() < pair[1].key()));
        assert!(floats.windows(2).all(|pair| (pair[0] as f32).key() <= (pair[1] as f32).key()));
        assert_eq!((-0.0f32).key(), 0.0f32.key());
        assert_eq!((-f32::NAN).key(), f32::NAN.key());
        assert!([i64::MIN, -1, 0, 1, i64::MAX].windows(2).all(|pair| pair[0].key() < pair[1].key()));
        assert!([i32::MIN, -1, 0, 1, i32::MAX].windows(2).all(|pair| pair[0].key() < pair[1].key()));
        assert!(0u8.key() < 255u8.key());
    }

    #[test]
    fn nan_wins_extremes() {
        assert!(f32::NAN.larger(1.0).is_nan() && 1.0f32.larger(f32::NAN).is_nan());
        assert!(f64::NAN.smaller(1.0).is_nan() && 1.0f64.smaller(f64::NAN).is_nan());
        assert_eq!((1.0f64.larger(2.0), 1u8.smaller(2)), (2.0, 1));
    }
}
