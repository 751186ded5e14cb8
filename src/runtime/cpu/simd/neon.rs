//! 64-bit Arm: 4 lanes.

use super::elementwise::Operation;
use super::reduce::{ColumnRoutine, FillRoutine, RowRoutine};
use super::vector::{Float, Integer, Mask, Simd, Vector, entry_points};
use super::{ColumnReduce, Fill, Kernel, RowReduce};
use std::arch::aarch64::*;

#[derive(Clone, Copy)]
pub struct Neon;
#[derive(Clone, Copy)]
pub struct F32(float32x4_t);
#[derive(Clone, Copy)]
pub struct I32(int32x4_t);
#[derive(Clone, Copy)]
pub struct F64(float64x2_t, float64x2_t);
#[derive(Clone, Copy)]
pub struct I64(int64x2_t, int64x2_t);
/// Four lanes of 32 bits, all ones or all zeros.
#[derive(Clone, Copy)]
pub struct Lanes(uint32x4_t);

const LANES: usize = 4;

/// Methods whose bodies are intrinsics. NEON belongs to the baseline of the architecture.
macro_rules! intrinsics {
    ($(fn $name:ident $(<const $constant:ident: $kind:ty>)? ($($argument:ident: $type:ty),*) -> $result:ty $body:block)*) => {$(
        #[inline(always)]
        #[allow(unused_unsafe)] // Some bodies only combine other methods.
        fn $name $(<const $constant: $kind>)? ($($argument: $type),*) -> $result {
            // SAFETY: every 64-bit Arm has these instructions.
            unsafe { $body }
        }
    )*};
}

impl Mask for Lanes {
    intrinsics! {
        fn and(self: Self, other: Self) -> Self { Self(vandq_u32(self.0, other.0)) }
        fn or(self: Self, other: Self) -> Self { Self(vorrq_u32(self.0, other.0)) }
        fn not(self: Self) -> Self { Self(vmvnq_u32(self.0)) }
        fn bits(self: Self) -> u32 { vaddvq_u32(vandq_u32(self.0, vld1q_u32([1, 2, 4, 8].as_ptr()))) }
        fn head(count: usize) -> Self { Self(vcltq_u32(vld1q_u32([0, 1, 2, 3].as_ptr()), vdupq_n_u32(count as u32))) }
        fn any(self: Self) -> bool { vmaxvq_u32(self.0) != 0 }
    }
}

impl Lanes {
    intrinsics! {
        // Two masks of two 64-bit lanes as one.
        fn join(low: uint64x2_t, high: uint64x2_t) -> Self { Self(vcombine_u32(vmovn_u64(low), vmovn_u64(high))) }
        fn low(self: Self) -> uint64x2_t { vreinterpretq_u64_s64(vmovl_s32(vget_low_s32(vreinterpretq_s32_u32(self.0)))) }
        fn high(self: Self) -> uint64x2_t { vreinterpretq_u64_s64(vmovl_high_s32(vreinterpretq_s32_u32(self.0))) }
    }
}

/// What all classes of 32 bits write the same way, and all of 64 bits.
macro_rules! narrow {
    ($element:ty, $load:ident, $store:ident, $splat:ident, $add:ident, $sub:ident, $mul:ident, $neg:ident, $abs:ident, $max:ident, $min:ident, $eq:ident, $lt:ident, $le:ident, $select:ident, $first:ident, $swap:ident, $halves:ident) => {
        type Element = $element;
        type Mask = Lanes;
        const LANES: usize = LANES;
        #[inline(always)]
        unsafe fn load(source: *const $element) -> Self {
            // SAFETY: the caller's.
            Self(unsafe { $load(source) })
        }
        #[inline(always)]
        unsafe fn store(self, target: *mut $element) {
            // SAFETY: the caller's.
            unsafe { $store(target, self.0) }
        }
        intrinsics! {
            fn splat(value: $element) -> Self { Self($splat(value)) }
            fn add(self: Self, other: Self) -> Self { Self($add(self.0, other.0)) }
            fn sub(self: Self, other: Self) -> Self { Self($sub(self.0, other.0)) }
            fn mul(self: Self, other: Self) -> Self { Self($mul(self.0, other.0)) }
            fn neg(self: Self) -> Self { Self($neg(self.0)) }
            fn abs(self: Self) -> Self { Self($abs(self.0)) }
            // Floats: these instructions give NaN where either operand is NaN.
            fn max(self: Self, other: Self) -> Self { Self($max(self.0, other.0)) }
            fn min(self: Self, other: Self) -> Self { Self($min(self.0, other.0)) }
            fn eq(self: Self, other: Self) -> Lanes { Lanes($eq(self.0, other.0)) }
            fn lt(self: Self, other: Self) -> Lanes { Lanes($lt(self.0, other.0)) }
            fn le(self: Self, other: Self) -> Lanes { Lanes($le(self.0, other.0)) }
            fn select(mask: Lanes, yes: Self, no: Self) -> Self { Self($select(mask.0, yes.0, no.0)) }
            fn first(self: Self) -> $element { $first::<0>(self.0) }
            fn exchange<const STEP: usize>(self: Self) -> Self {
                Self(if STEP == 2 { $halves::<2>(self.0, self.0) } else { $swap(self.0) })
            }
        }
    };
}

macro_rules! wide {
    ($element:ty, $load:ident, $store:ident, $splat:ident, $add:ident, $sub:ident, $neg:ident, $abs:ident, $eq:ident, $lt:ident, $le:ident, $select:ident, $first:ident, $halves:ident) => {
        type Element = $element;
        type Mask = Lanes;
        const LANES: usize = LANES;
        #[inline(always)]
        unsafe fn load(source: *const $element) -> Self {
            // SAFETY: the caller's.
            unsafe { Self($load(source), $load(source.add(2))) }
        }
        #[inline(always)]
        unsafe fn store(self, target: *mut $element) {
            // SAFETY: the caller's.
            unsafe {
                $store(target, self.0);
                $store(target.add(2), self.1);
            }
        }
        intrinsics! {
            fn splat(value: $element) -> Self { Self($splat(value), $splat(value)) }
            fn add(self: Self, other: Self) -> Self { Self($add(self.0, other.0), $add(self.1, other.1)) }
            fn sub(self: Self, other: Self) -> Self { Self($sub(self.0, other.0), $sub(self.1, other.1)) }
            fn neg(self: Self) -> Self { Self($neg(self.0), $neg(self.1)) }
            fn abs(self: Self) -> Self { Self($abs(self.0), $abs(self.1)) }
            fn eq(self: Self, other: Self) -> Lanes { Lanes::join($eq(self.0, other.0), $eq(self.1, other.1)) }
            fn lt(self: Self, other: Self) -> Lanes { Lanes::join($lt(self.0, other.0), $lt(self.1, other.1)) }
            fn le(self: Self, other: Self) -> Lanes { Lanes::join($le(self.0, other.0), $le(self.1, other.1)) }
            fn select(mask: Lanes, yes: Self, no: Self) -> Self {
                Self($select(mask.low(), yes.0, no.0), $select(mask.high(), yes.1, no.1))
            }
            fn first(self: Self) -> $element { $first::<0>(self.0) }
            fn exchange<const STEP: usize>(self: Self) -> Self {
                if STEP == 2 { Self(self.1, self.0) } else { Self($halves::<1>(self.0, self.0), $halves::<1>(self.1, self.1)) }
            }
        }
    };
}

impl Vector for F32 {
    narrow!(
        f32,
        vld1q_f32,
        vst1q_f32,
        vdupq_n_f32,
        vaddq_f32,
        vsubq_f32,
        vmulq_f32,
        vnegq_f32,
        vabsq_f32,
        vmaxq_f32,
        vminq_f32,
        vceqq_f32,
        vcltq_f32,
        vcleq_f32,
        vbslq_f32,
        vgetq_lane_f32,
        vrev64q_f32,
        vextq_f32
    );
}

impl Vector for I32 {
    narrow!(
        i32,
        vld1q_s32,
        vst1q_s32,
        vdupq_n_s32,
        vaddq_s32,
        vsubq_s32,
        vmulq_s32,
        vnegq_s32,
        vabsq_s32,
        vmaxq_s32,
        vminq_s32,
        vceqq_s32,
        vcltq_s32,
        vcleq_s32,
        vbslq_s32,
        vgetq_lane_s32,
        vrev64q_s32,
        vextq_s32
    );
}

impl Vector for F64 {
    wide!(
        f64,
        vld1q_f64,
        vst1q_f64,
        vdupq_n_f64,
        vaddq_f64,
        vsubq_f64,
        vnegq_f64,
        vabsq_f64,
        vceqq_f64,
        vcltq_f64,
        vcleq_f64,
        vbslq_f64,
        vgetq_lane_f64,
        vextq_f64
    );
    intrinsics! {
        fn mul(self: Self, other: Self) -> Self { Self(vmulq_f64(self.0, other.0), vmulq_f64(self.1, other.1)) }
        fn max(self: Self, other: Self) -> Self { Self(vmaxq_f64(self.0, other.0), vmaxq_f64(self.1, other.1)) }
        fn min(self: Self, other: Self) -> Self { Self(vminq_f64(self.0, other.0), vminq_f64(self.1, other.1)) }
    }
}

impl Vector for I64 {
    wide!(
        i64,
        vld1q_s64,
        vst1q_s64,
        vdupq_n_s64,
        vaddq_s64,
        vsubq_s64,
        vnegq_s64,
        vabsq_s64,
        vceqq_s64,
        vcltq_s64,
        vcleq_s64,
        vbslq_s64,
        vgetq_lane_s64,
        vextq_s64
    );
    intrinsics! {
        // There is no instruction for products of 64 bits.
        fn mul(self: Self, other: Self) -> Self { self.zip(other, i64::wrapping_mul) }
        fn max(self: Self, other: Self) -> Self { Self::select(other.lt(self), self, other) }
        fn min(self: Self, other: Self) -> Self { Self::select(self.lt(other), self, other) }
    }
}

impl Integer for I32 {
    intrinsics! {
        fn and(self: Self, other: Self) -> Self { Self(vandq_s32(self.0, other.0)) }
        fn or(self: Self, other: Self) -> Self { Self(vorrq_s32(self.0, other.0)) }
        fn xor(self: Self, other: Self) -> Self { Self(veorq_s32(self.0, other.0)) }
    }
}

impl Integer for I64 {
    intrinsics! {
        fn and(self: Self, other: Self) -> Self { Self(vandq_s64(self.0, other.0), vandq_s64(self.1, other.1)) }
        fn or(self: Self, other: Self) -> Self { Self(vorrq_s64(self.0, other.0), vorrq_s64(self.1, other.1)) }
        fn xor(self: Self, other: Self) -> Self { Self(veorq_s64(self.0, other.0), veorq_s64(self.1, other.1)) }
    }
}

impl Float for F32 {
    intrinsics! {
        fn div(self: Self, other: Self) -> Self { Self(vdivq_f32(self.0, other.0)) }
        fn sqrt(self: Self) -> Self { Self(vsqrtq_f32(self.0)) }
        fn mul_add(self: Self, b: Self, c: Self) -> Self { Self(vfmaq_f32(c.0, self.0, b.0)) }
        fn neg_mul_add(self: Self, b: Self, c: Self) -> Self { Self(vfmsq_f32(c.0, self.0, b.0)) }
        fn mul_sub(self: Self, b: Self, c: Self) -> Self { Self(vfmaq_f32(vnegq_f32(c.0), self.0, b.0)) }
        fn fused(self: Self, b: Self, c: Self) -> Self { Self(vfmaq_f32(c.0, self.0, b.0)) }
        fn floor(self: Self) -> Self { Self(vrndmq_f32(self.0)) }
        fn ceil(self: Self) -> Self { Self(vrndpq_f32(self.0)) }
        fn round(self: Self) -> Self { Self(vrndnq_f32(self.0)) }
        fn trunc(self: Self) -> Self { Self(vrndq_f32(self.0)) }
        fn at_least(self: Self, bound: Self) -> Self { Self(vmaxq_f32(self.0, bound.0)) }
        fn at_most(self: Self, bound: Self) -> Self { Self(vminq_f32(self.0, bound.0)) }
        fn copysign(self: Self, sign: Self) -> Self { Self(vbslq_f32(vdupq_n_u32(1 << 31), sign.0, self.0)) }
    }
}

impl Float for F64 {
    intrinsics! {
        fn div(self: Self, other: Self) -> Self { Self(vdivq_f64(self.0, other.0), vdivq_f64(self.1, other.1)) }
        fn sqrt(self: Self) -> Self { Self(vsqrtq_f64(self.0), vsqrtq_f64(self.1)) }
        fn mul_add(self: Self, b: Self, c: Self) -> Self { Self(vfmaq_f64(c.0, self.0, b.0), vfmaq_f64(c.1, self.1, b.1)) }
        fn neg_mul_add(self: Self, b: Self, c: Self) -> Self { Self(vfmsq_f64(c.0, self.0, b.0), vfmsq_f64(c.1, self.1, b.1)) }
        fn mul_sub(self: Self, b: Self, c: Self) -> Self { self.mul_add(b, c.neg()) }
        fn fused(self: Self, b: Self, c: Self) -> Self { self.mul_add(b, c) }
        fn floor(self: Self) -> Self { Self(vrndmq_f64(self.0), vrndmq_f64(self.1)) }
        fn ceil(self: Self) -> Self { Self(vrndpq_f64(self.0), vrndpq_f64(self.1)) }
        fn round(self: Self) -> Self { Self(vrndnq_f64(self.0), vrndnq_f64(self.1)) }
        fn trunc(self: Self) -> Self { Self(vrndq_f64(self.0), vrndq_f64(self.1)) }
        fn at_least(self: Self, bound: Self) -> Self { self.max(bound) }
        fn at_most(self: Self, bound: Self) -> Self { self.min(bound) }
        fn copysign(self: Self, sign: Self) -> Self {
            let bit = vdupq_n_u64(1 << 63);
            Self(vbslq_f64(bit, sign.0, self.0), vbslq_f64(bit, sign.1, self.1))
        }
    }
}

impl Simd for Neon {
    const LANES: usize = LANES;
    type Mask = Lanes;
    type F32 = F32;
    type I32 = I32;
    type F64 = F64;
    type I64 = I64;

    intrinsics! {
        fn bits(x: F32) -> I32 { I32(vreinterpretq_s32_f32(x.0)) }
        fn from_bits(x: I32) -> F32 { F32(vreinterpretq_f32_s32(x.0)) }
        fn ones(mask: Lanes) -> I32 { I32(vreinterpretq_s32_u32(vandq_u32(mask.0, vdupq_n_u32(1)))) }
        // Shifts by a vector turn into immediate ones, as their counts are constants; negative counts shift right.
        fn shift_left<const BY: u32>(x: I32) -> I32 { I32(vshlq_s32(x.0, vdupq_n_s32(BY as i32))) }
        fn shift_right<const BY: u32>(x: I32) -> I32 { I32(vshlq_s32(x.0, vdupq_n_s32(-(BY as i32)))) }
        fn shift_right_logical<const BY: u32>(x: I32) -> I32 {
            I32(vreinterpretq_s32_u32(vshlq_u32(vreinterpretq_u32_s32(x.0), vdupq_n_s32(-(BY as i32)))))
        }
        fn power_of_two(n: I32) -> F64 {
            let biased = Self::i32_to_i64(n.add(I32::splat(1023)));
            F64(vreinterpretq_f64_s64(vshlq_n_s64::<52>(biased.0)), vreinterpretq_f64_s64(vshlq_n_s64::<52>(biased.1)))
        }
        // These conversions saturate and give 0 for NaN by themselves.
        fn f32_to_i32(x: F32) -> I32 { I32(vcvtq_s32_f32(x.0)) }
        fn i32_to_f32(x: I32) -> F32 { F32(vcvtq_f32_s32(x.0)) }
        fn f32_to_f64(x: F32) -> F64 { F64(vcvt_f64_f32(vget_low_f32(x.0)), vcvt_high_f64_f32(x.0)) }
        fn f64_to_f32(x: F64) -> F32 { F32(vcvt_high_f32_f64(vcvt_f32_f64(x.0), x.1)) }
        fn i32_to_f64(x: I32) -> F64 { Self::i64_to_f64(Self::i32_to_i64(x)) }
        fn f64_to_i32(x: F64) -> I32 {
            I32(vcombine_s32(vqmovn_s64(vcvtq_s64_f64(x.0)), vqmovn_s64(vcvtq_s64_f64(x.1))))
        }
        fn i32_to_i64(x: I32) -> I64 { I64(vmovl_s32(vget_low_s32(x.0)), vmovl_high_s32(x.0)) }
        fn i64_to_i32(x: I64) -> I32 { I32(vcombine_s32(vmovn_s64(x.0), vmovn_s64(x.1))) }
        fn i64_to_f64(x: I64) -> F64 { F64(vcvtq_f64_s64(x.0), vcvtq_f64_s64(x.1)) }
        fn f64_to_i64(x: F64) -> I64 { I64(vcvtq_s64_f64(x.0), vcvtq_s64_f64(x.1)) }
    }
    #[inline(always)]
    unsafe fn load_u16(source: *const u16) -> I32 {
        // SAFETY: the caller's.
        unsafe { I32(vreinterpretq_s32_u32(vmovl_u16(vld1_u16(source)))) }
    }
    #[inline(always)]
    unsafe fn store_u16(x: I32, target: *mut u16) {
        // SAFETY: the caller's.
        unsafe { vst1_u16(target, vmovn_u32(vreinterpretq_u32_s32(x.0))) }
    }

    entry_points!(Neon, "neon");
}
