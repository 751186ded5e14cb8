//! Any processor: arrays of 8 lanes and plain loops, which the compiler turns into what the baseline has (SSE2 on x86-64).

use super::elementwise::Operation;
use super::reduce::{ColumnRoutine, FillRoutine, RowRoutine};
use super::vector::{Float, Integer, Mask, Simd, Vector, entry_points};
use super::{ColumnReduce, Fill, Kernel, RowReduce};

const LANES: usize = 8;

/// One expression for each lane, written out: iterators and closures over arrays would not be inlined everywhere.
macro_rules! lanes {
    ($i:ident => $lane:expr) => {
        [
            {
                const $i: usize = 0;
                $lane
            },
            {
                const $i: usize = 1;
                $lane
            },
            {
                const $i: usize = 2;
                $lane
            },
            {
                const $i: usize = 3;
                $lane
            },
            {
                const $i: usize = 4;
                $lane
            },
            {
                const $i: usize = 5;
                $lane
            },
            {
                const $i: usize = 6;
                $lane
            },
            {
                const $i: usize = 7;
                $lane
            },
        ]
    };
}

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
        Self(lanes!(I => self.0[I] & other.0[I]))
    }
    #[inline(always)]
    fn or(self, other: Self) -> Self {
        Self(lanes!(I => self.0[I] | other.0[I]))
    }
    #[inline(always)]
    fn not(self) -> Self {
        Self(lanes!(I => !self.0[I]))
    }
    #[inline(always)]
    fn bits(self) -> u32 {
        let b = lanes!(I => (self.0[I] & 1) << I);
        b[0] | b[1] | b[2] | b[3] | b[4] | b[5] | b[6] | b[7]
    }
    #[inline(always)]
    fn head(count: usize) -> Self {
        Self(lanes!(I => ((I < count) as u32).wrapping_neg()))
    }
    #[inline(always)]
    fn any(self) -> bool {
        let m = self.0;
        m[0] | m[1] | m[2] | m[3] | m[4] | m[5] | m[6] | m[7] != 0
    }
}

macro_rules! common {
    ($type:ty) => {
        type Element = $type;
        type Mask = Truth;
        const LANES: usize = LANES;
        const IS_WIDE: bool = true;
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
            Truth(lanes!(I => ((self.0[I] == other.0[I]) as u32).wrapping_neg()))
        }
        #[inline(always)]
        fn lt(self, other: Self) -> Truth {
            Truth(lanes!(I => ((self.0[I] < other.0[I]) as u32).wrapping_neg()))
        }
        #[inline(always)]
        fn le(self, other: Self) -> Truth {
            Truth(lanes!(I => ((self.0[I] <= other.0[I]) as u32).wrapping_neg()))
        }
        #[inline(always)]
        fn select(mask: Truth, yes: Self, no: Self) -> Self {
            Self(lanes!(I => if mask.0[I] != 0 { yes.0[I] } else { no.0[I] }))
        }
        #[inline(always)]
        fn exchange<const STEP: usize>(self) -> Self {
            Self(lanes!(I => self.0[I ^ STEP]))
        }
        #[inline(always)]
        fn first(self) -> $type {
            self.0[0]
        }
    };
}

macro_rules! float {
    ($type:ty, $integral:expr) => {
        impl Vector for Lanes<$type> {
            common!($type);
            #[inline(always)]
            fn add(self, other: Self) -> Self {
                Self(lanes!(I => self.0[I] + other.0[I]))
            }
            #[inline(always)]
            fn sub(self, other: Self) -> Self {
                Self(lanes!(I => self.0[I] - other.0[I]))
            }
            #[inline(always)]
            fn mul(self, other: Self) -> Self {
                Self(lanes!(I => self.0[I] * other.0[I]))
            }
            #[inline(always)]
            fn neg(self) -> Self {
                Self(lanes!(I => -self.0[I]))
            }
            #[inline(always)]
            fn abs(self) -> Self {
                Self(lanes!(I => self.0[I].abs()))
            }
            #[inline(always)]
            fn max(self, other: Self) -> Self {
                Self(lanes!(I => if self.0[I] > other.0[I] || self.0[I] != self.0[I] { self.0[I] } else { other.0[I] }))
            }
            #[inline(always)]
            fn min(self, other: Self) -> Self {
                Self(lanes!(I => if self.0[I] < other.0[I] || self.0[I] != self.0[I] { self.0[I] } else { other.0[I] }))
            }
        }

        impl Float for Lanes<$type> {
            #[inline(always)]
            fn div(self, other: Self) -> Self {
                Self(lanes!(I => self.0[I] / other.0[I]))
            }
            #[inline(always)]
            fn sqrt(self) -> Self {
                Self(lanes!(I => self.0[I].sqrt()))
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
                Self(lanes!(I => self.0[I].mul_add(b.0[I], c.0[I])))
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
                Self(lanes!(I => if bound.0[I] > self.0[I] { bound.0[I] } else { self.0[I] }))
            }
            #[inline(always)]
            fn at_most(self, bound: Self) -> Self {
                Self(lanes!(I => if bound.0[I] < self.0[I] { bound.0[I] } else { self.0[I] }))
            }
            #[inline(always)]
            fn copysign(self, sign: Self) -> Self {
                Self(lanes!(I => self.0[I].copysign(sign.0[I])))
            }
        }
    };
}
float!(f32, 8388608.0);
float!(f64, 4503599627370496.0);

macro_rules! integer {
    ($type:ty) => {
        impl Vector for Lanes<$type> {
            common!($type);
            #[inline(always)]
            fn add(self, other: Self) -> Self {
                Self(lanes!(I => self.0[I].wrapping_add(other.0[I])))
            }
            #[inline(always)]
            fn sub(self, other: Self) -> Self {
                Self(lanes!(I => self.0[I].wrapping_sub(other.0[I])))
            }
            #[inline(always)]
            fn mul(self, other: Self) -> Self {
                Self(lanes!(I => self.0[I].wrapping_mul(other.0[I])))
            }
            #[inline(always)]
            fn neg(self) -> Self {
                Self(lanes!(I => self.0[I].wrapping_neg()))
            }
            #[inline(always)]
            fn abs(self) -> Self {
                Self(lanes!(I => self.0[I].wrapping_abs()))
            }
            #[inline(always)]
            fn max(self, other: Self) -> Self {
                Self(lanes!(I => self.0[I].max(other.0[I])))
            }
            #[inline(always)]
            fn min(self, other: Self) -> Self {
                Self(lanes!(I => self.0[I].min(other.0[I])))
            }
        }

        impl Integer for Lanes<$type> {
            #[inline(always)]
            fn and(self, other: Self) -> Self {
                Self(lanes!(I => self.0[I] & other.0[I]))
            }
            #[inline(always)]
            fn or(self, other: Self) -> Self {
                Self(lanes!(I => self.0[I] | other.0[I]))
            }
            #[inline(always)]
            fn xor(self, other: Self) -> Self {
                Self(lanes!(I => self.0[I] ^ other.0[I]))
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
        Lanes(lanes!(I => x.0[I].to_bits() as i32))
    }
    #[inline(always)]
    fn from_bits(x: Self::I32) -> Self::F32 {
        Lanes(lanes!(I => f32::from_bits(x.0[I] as u32)))
    }
    #[inline(always)]
    fn ones(mask: Truth) -> Self::I32 {
        Lanes(lanes!(I => (mask.0[I] & 1) as i32))
    }
    #[inline(always)]
    fn shift_left<const BY: u32>(x: Self::I32) -> Self::I32 {
        Lanes(lanes!(I => x.0[I] << BY))
    }
    #[inline(always)]
    fn shift_right<const BY: u32>(x: Self::I32) -> Self::I32 {
        Lanes(lanes!(I => x.0[I] >> BY))
    }
    #[inline(always)]
    fn shift_right_logical<const BY: u32>(x: Self::I32) -> Self::I32 {
        Lanes(lanes!(I => (x.0[I] as u32 >> BY) as i32))
    }
    #[inline(always)]
    fn power_of_two(n: Self::I32) -> Self::F64 {
        Lanes(lanes!(I => f64::from_bits(((n.0[I] + 1023) as u64) << 52)))
    }
    #[inline(always)]
    fn f32_to_i32(x: Self::F32) -> Self::I32 {
        Lanes(lanes!(I => x.0[I] as i32))
    }
    #[inline(always)]
    fn i32_to_f32(x: Self::I32) -> Self::F32 {
        Lanes(lanes!(I => x.0[I] as f32))
    }
    #[inline(always)]
    fn f32_to_f64(x: Self::F32) -> Self::F64 {
        Lanes(lanes!(I => x.0[I] as f64))
    }
    #[inline(always)]
    fn f64_to_f32(x: Self::F64) -> Self::F32 {
        Lanes(lanes!(I => x.0[I] as f32))
    }
    #[inline(always)]
    fn i32_to_f64(x: Self::I32) -> Self::F64 {
        Lanes(lanes!(I => x.0[I] as f64))
    }
    #[inline(always)]
    fn f64_to_i32(x: Self::F64) -> Self::I32 {
        Lanes(lanes!(I => x.0[I] as i32))
    }
    #[inline(always)]
    fn i32_to_i64(x: Self::I32) -> Self::I64 {
        Lanes(lanes!(I => x.0[I] as i64))
    }
    #[inline(always)]
    fn i64_to_i32(x: Self::I64) -> Self::I32 {
        Lanes(lanes!(I => x.0[I] as i32))
    }

    entry_points!(Portable);
}
