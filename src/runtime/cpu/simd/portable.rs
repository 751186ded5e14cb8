//! Any processor: arrays of 8 lanes and plain loops, which the compiler turns into what the baseline has (SSE2 on x86-64).

use super::elementwise::Operation;
use super::reduce::{ColumnRoutine, FillRoutine, RowRoutine};
use super::vector::{Float, Integer, Mask, Simd, Vector, convert_lanes, entry_points};
use super::{ColumnReduce, Fill, Kernel, RowReduce};
use std::array::from_fn;

const LANES: usize = 8;

#[derive(Clone, Copy)]
pub struct Portable;
#[derive(Clone, Copy)]
pub struct Lanes<T>([T; LANES]);
/// Each lane all ones or zero: what vector comparisons leave behind, so that they can be left as they are.
#[derive(Clone, Copy)]
pub struct Truth([u32; LANES]);

impl Mask for Truth {
    #[inline(always)]
    fn and(self, other: Self) -> Self {
        Self(from_fn(|i| self.0[i] & other.0[i]))
    }
    #[inline(always)]
    fn or(self, other: Self) -> Self {
        Self(from_fn(|i| self.0[i] | other.0[i]))
    }
    #[inline(always)]
    fn not(self) -> Self {
        Self(from_fn(|i| !self.0[i]))
    }
    #[inline(always)]
    fn bits(self) -> u32 {
        (0..LANES).fold(0, |bits, i| bits | (self.0[i] & 1) << i)
    }
    #[inline(always)]
    fn head(count: usize) -> Self {
        Self::of(|i| i < count)
    }
    #[inline(always)]
    fn any(self) -> bool {
        self.0.iter().fold(0, |any, lane| any | lane) != 0
    }
}

impl Truth {
    #[inline(always)]
    fn of(f: impl Fn(usize) -> bool) -> Self {
        Self(from_fn(|i| (f(i) as u32).wrapping_neg()))
    }
}

macro_rules! common {
    ($type:ty) => {
        type Element = $type;
        type Mask = Truth;
        const LANES: usize = LANES;
        #[inline(always)]
        unsafe fn load(source: *const $type) -> Self {
            // SAFETY: the caller's.
            Self(unsafe { source.cast::<[$type; LANES]>().read_unaligned() })
        }
        #[inline(always)]
        unsafe fn store(self, target: *mut $type) {
            // SAFETY: the caller's.
            unsafe { target.cast::<[$type; LANES]>().write_unaligned(self.0) }
        }
        #[inline(always)]
        fn splat(value: $type) -> Self {
            Self([value; LANES])
        }
        #[inline(always)]
        fn eq(self, other: Self) -> Truth {
            Truth::of(|i| self.0[i] == other.0[i])
        }
        #[inline(always)]
        fn lt(self, other: Self) -> Truth {
            Truth::of(|i| self.0[i] < other.0[i])
        }
        #[inline(always)]
        fn le(self, other: Self) -> Truth {
            Truth::of(|i| self.0[i] <= other.0[i])
        }
        #[inline(always)]
        fn select(mask: Truth, yes: Self, no: Self) -> Self {
            Self(from_fn(|i| if mask.0[i] != 0 { yes.0[i] } else { no.0[i] }))
        }
        #[inline(always)]
        fn exchange<const STEP: usize>(self) -> Self {
            Self(from_fn(|i| self.0[i ^ STEP]))
        }
        #[inline(always)]
        fn first(self) -> $type {
            self.0[0]
        }
    };
}

macro_rules! float {
    ($type:ty, $bits:ty, $integral:expr) => {
        impl Vector for Lanes<$type> {
            common!($type);
            #[inline(always)]
            fn add(self, other: Self) -> Self {
                Self(from_fn(|i| self.0[i] + other.0[i]))
            }
            #[inline(always)]
            fn sub(self, other: Self) -> Self {
                Self(from_fn(|i| self.0[i] - other.0[i]))
            }
            #[inline(always)]
            fn mul(self, other: Self) -> Self {
                Self(from_fn(|i| self.0[i] * other.0[i]))
            }
            #[inline(always)]
            fn neg(self) -> Self {
                Self(self.0.map(|x| -x))
            }
            #[inline(always)]
            fn abs(self) -> Self {
                Self(self.0.map(|x| x.abs()))
            }
            #[inline(always)]
            fn max(self, other: Self) -> Self {
                Self(from_fn(|i| if self.0[i] > other.0[i] || self.0[i] != self.0[i] { self.0[i] } else { other.0[i] }))
            }
            #[inline(always)]
            fn min(self, other: Self) -> Self {
                Self(from_fn(|i| if self.0[i] < other.0[i] || self.0[i] != self.0[i] { self.0[i] } else { other.0[i] }))
            }
        }

        impl Float for Lanes<$type> {
            #[inline(always)]
            fn div(self, other: Self) -> Self {
                Self(from_fn(|i| self.0[i] / other.0[i]))
            }
            #[inline(always)]
            fn sqrt(self) -> Self {
                Self(self.0.map(|x| x.sqrt()))
            }
            #[inline(always)]
            fn mul_add(self, b: Self, c: Self) -> Self {
                self.mul(b).add(c)
            }
            #[inline(always)]
            fn neg_mul_add(self, b: Self, c: Self) -> Self {
                c.sub(self.mul(b))
            }
            #[inline(always)]
            fn mul_sub(self, b: Self, c: Self) -> Self {
                self.mul(b).sub(c)
            }
            #[inline(always)]
            fn fused(self, b: Self, c: Self) -> Self {
                Self(from_fn(|i| self.0[i].mul_add(b.0[i], c.0[i])))
            }
            #[inline(always)]
            fn floor(self) -> Self {
                let nearest = self.round();
                let above = Self::select(self.lt(nearest), Self::splat(1.0), Self::splat(0.0));
                nearest.sub(above).copysign(self)
            }
            #[inline(always)]
            fn ceil(self) -> Self {
                let nearest = self.round();
                let below = Self::select(nearest.lt(self), Self::splat(1.0), Self::splat(0.0));
                nearest.add(below).copysign(self)
            }
            // Adding and taking away 2^23 (2^52) leaves no room for a fraction; from there on everything is integral. The baseline of x86-64
            // has no instruction for this, and a call per lane would cost far more.
            #[inline(always)]
            fn round(self) -> Self {
                let shift = Self::splat($integral).copysign(self);
                let rounded = self.add(shift).sub(shift).copysign(self);
                Self::select(self.abs().lt(Self::splat($integral)), rounded, self)
            }
            #[inline(always)]
            fn trunc(self) -> Self {
                self.abs().floor().copysign(self)
            }
            #[inline(always)]
            fn at_least(self, bound: Self) -> Self {
                Self(from_fn(|i| if bound.0[i] > self.0[i] { bound.0[i] } else { self.0[i] }))
            }
            #[inline(always)]
            fn at_most(self, bound: Self) -> Self {
                Self(from_fn(|i| if bound.0[i] < self.0[i] { bound.0[i] } else { self.0[i] }))
            }
            #[inline(always)]
            fn copysign(self, sign: Self) -> Self {
                Self(from_fn(|i| self.0[i].copysign(sign.0[i])))
            }
        }
    };
}
float!(f32, u32, 8388608.0);
float!(f64, u64, 4503599627370496.0);

macro_rules! integer {
    ($type:ty) => {
        impl Vector for Lanes<$type> {
            common!($type);
            #[inline(always)]
            fn add(self, other: Self) -> Self {
                Self(from_fn(|i| self.0[i].wrapping_add(other.0[i])))
            }
            #[inline(always)]
            fn sub(self, other: Self) -> Self {
                Self(from_fn(|i| self.0[i].wrapping_sub(other.0[i])))
            }
            #[inline(always)]
            fn mul(self, other: Self) -> Self {
                Self(from_fn(|i| self.0[i].wrapping_mul(other.0[i])))
            }
            #[inline(always)]
            fn neg(self) -> Self {
                Self(self.0.map(|x| x.wrapping_neg()))
            }
            #[inline(always)]
            fn abs(self) -> Self {
                Self(self.0.map(|x| x.wrapping_abs()))
            }
            #[inline(always)]
            fn max(self, other: Self) -> Self {
                Self(from_fn(|i| self.0[i].max(other.0[i])))
            }
            #[inline(always)]
            fn min(self, other: Self) -> Self {
                Self(from_fn(|i| self.0[i].min(other.0[i])))
            }
        }

        impl Integer for Lanes<$type> {
            #[inline(always)]
            fn and(self, other: Self) -> Self {
                Self(from_fn(|i| self.0[i] & other.0[i]))
            }
            #[inline(always)]
            fn or(self, other: Self) -> Self {
                Self(from_fn(|i| self.0[i] | other.0[i]))
            }
            #[inline(always)]
            fn xor(self, other: Self) -> Self {
                Self(from_fn(|i| self.0[i] ^ other.0[i]))
            }
        }
    };
}
integer!(i32);
integer!(i64);

impl Simd for Portable {
    const LANES: usize = LANES;
    type Mask = Truth;
    type F32 = Lanes<f32>;
    type I32 = Lanes<i32>;
    type F64 = Lanes<f64>;
    type I64 = Lanes<i64>;

    #[inline(always)]
    fn bits(x: Self::F32) -> Self::I32 {
        Lanes(x.0.map(|x| x.to_bits() as i32))
    }
    #[inline(always)]
    fn from_bits(x: Self::I32) -> Self::F32 {
        Lanes(x.0.map(|x| f32::from_bits(x as u32)))
    }
    #[inline(always)]
    fn ones(mask: Truth) -> Self::I32 {
        Lanes(mask.0.map(|lane| (lane & 1) as i32))
    }
    #[inline(always)]
    fn shift_left<const BY: u32>(x: Self::I32) -> Self::I32 {
        Lanes(x.0.map(|x| x << BY))
    }
    #[inline(always)]
    fn shift_right<const BY: u32>(x: Self::I32) -> Self::I32 {
        Lanes(x.0.map(|x| x >> BY))
    }
    #[inline(always)]
    fn shift_right_logical<const BY: u32>(x: Self::I32) -> Self::I32 {
        Lanes(x.0.map(|x| (x as u32 >> BY) as i32))
    }
    #[inline(always)]
    fn power_of_two(n: Self::I32) -> Self::F64 {
        convert_lanes(n, |n| f64::from_bits(((n + 1023) as u64) << 52))
    }
    #[inline(always)]
    fn f32_to_i32(x: Self::F32) -> Self::I32 {
        convert_lanes(x, |x| x as i32)
    }
    #[inline(always)]
    fn i32_to_f32(x: Self::I32) -> Self::F32 {
        convert_lanes(x, |x| x as f32)
    }
    #[inline(always)]
    fn f32_to_f64(x: Self::F32) -> Self::F64 {
        convert_lanes(x, |x| x as f64)
    }
    #[inline(always)]
    fn f64_to_f32(x: Self::F64) -> Self::F32 {
        convert_lanes(x, |x| x as f32)
    }
    #[inline(always)]
    fn i32_to_f64(x: Self::I32) -> Self::F64 {
        convert_lanes(x, |x| x as f64)
    }
    #[inline(always)]
    fn f64_to_i32(x: Self::F64) -> Self::I32 {
        convert_lanes(x, |x| x as i32)
    }
    #[inline(always)]
    fn i32_to_i64(x: Self::I32) -> Self::I64 {
        convert_lanes(x, |x| x as i64)
    }
    #[inline(always)]
    fn i64_to_i32(x: Self::I64) -> Self::I32 {
        convert_lanes(x, |x| x as i32)
    }

    entry_points!(Portable);
}
