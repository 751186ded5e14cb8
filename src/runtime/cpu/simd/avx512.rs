//! AVX-512 (F, BW, DQ, VL): 16 lanes, masks in mask registers.

use super::elementwise::Operation;
use super::reduce::{ColumnRoutine, FillRoutine, RowRoutine};
use super::vector::{Float, Integer, Mask, Simd, Vector, entry_points};
use super::{ColumnReduce, Fill, Kernel, RowReduce};
use std::arch::x86_64::*;

#[derive(Clone, Copy)]
pub struct Avx512;
#[derive(Clone, Copy)]
pub struct F32(__m512);
#[derive(Clone, Copy)]
pub struct I32(__m512i);
#[derive(Clone, Copy)]
pub struct F64(__m512d, __m512d);
#[derive(Clone, Copy)]
pub struct I64(__m512i, __m512i);

const LANES: usize = 16;

/// Methods whose bodies are intrinsics.
macro_rules! intrinsics {
    ($(fn $name:ident $(<const $constant:ident: $kind:ty>)? ($($argument:ident: $type:ty),*) -> $result:ty $body:block)*) => {$(
        #[inline(always)]
        #[allow(unused_unsafe)] // Some bodies only combine other methods.
        fn $name $(<const $constant: $kind>)? ($($argument: $type),*) -> $result {
            // SAFETY: vectors of this level live only in functions compiled for it (see `vector`).
            unsafe { $body }
        }
    )*};
}

/// The first `count` bits.
#[inline(always)]
fn head(count: usize) -> u32 {
    (1u32 << count) - 1
}

impl Mask for __mmask16 {
    #[inline(always)]
    fn and(self, other: Self) -> Self {
        self & other
    }
    #[inline(always)]
    fn or(self, other: Self) -> Self {
        self | other
    }
    #[inline(always)]
    fn not(self) -> Self {
        !self
    }
    #[inline(always)]
    fn bits(self) -> u32 {
        self as u32
    }
    #[inline(always)]
    fn head(count: usize) -> Self {
        head(count) as u16
    }
}

#[inline(always)]
fn join(low: __mmask8, high: __mmask8) -> __mmask16 {
    low as u16 | (high as u16) << 8
}
#[inline(always)]
fn split(mask: __mmask16) -> (__mmask8, __mmask8) {
    (mask as u8, (mask >> 8) as u8)
}

impl Vector for F32 {
    type Element = f32;
    type Mask = __mmask16;
    const LANES: usize = LANES;
    #[inline(always)]
    unsafe fn load(source: *const f32) -> Self {
        // SAFETY: the caller's.
        Self(unsafe { _mm512_loadu_ps(source) })
    }
    #[inline(always)]
    unsafe fn store(self, target: *mut f32) {
        // SAFETY: the caller's.
        unsafe { _mm512_storeu_ps(target, self.0) }
    }
    #[inline(always)]
    unsafe fn load_head(source: *const f32, count: usize) -> Self {
        // SAFETY: masked lanes are not read.
        Self(unsafe { _mm512_maskz_loadu_ps(head(count) as u16, source) })
    }
    #[inline(always)]
    unsafe fn store_head(self, target: *mut f32, count: usize) {
        // SAFETY: masked lanes are not written.
        unsafe { _mm512_mask_storeu_ps(target, head(count) as u16, self.0) }
    }
    intrinsics! {
        fn splat(value: f32) -> Self { Self(_mm512_set1_ps(value)) }
        fn add(self: Self, other: Self) -> Self { Self(_mm512_add_ps(self.0, other.0)) }
        fn sub(self: Self, other: Self) -> Self { Self(_mm512_sub_ps(self.0, other.0)) }
        fn mul(self: Self, other: Self) -> Self { Self(_mm512_mul_ps(self.0, other.0)) }
        fn neg(self: Self) -> Self { Self(_mm512_xor_ps(self.0, _mm512_set1_ps(-0.0))) }
        fn abs(self: Self) -> Self { Self(_mm512_abs_ps(self.0)) }
        // The instruction gives its second operand where either is NaN; only a NaN in the first is left to be put back.
        fn max(self: Self, other: Self) -> Self {
            Self(_mm512_mask_mov_ps(_mm512_max_ps(self.0, other.0), _mm512_cmp_ps_mask::<_CMP_UNORD_Q>(self.0, self.0), self.0))
        }
        fn min(self: Self, other: Self) -> Self {
            Self(_mm512_mask_mov_ps(_mm512_min_ps(self.0, other.0), _mm512_cmp_ps_mask::<_CMP_UNORD_Q>(self.0, self.0), self.0))
        }
        fn eq(self: Self, other: Self) -> __mmask16 { _mm512_cmp_ps_mask::<_CMP_EQ_OQ>(self.0, other.0) }
        fn lt(self: Self, other: Self) -> __mmask16 { _mm512_cmp_ps_mask::<_CMP_LT_OQ>(self.0, other.0) }
        fn le(self: Self, other: Self) -> __mmask16 { _mm512_cmp_ps_mask::<_CMP_LE_OQ>(self.0, other.0) }
        fn select(mask: __mmask16, yes: Self, no: Self) -> Self { Self(_mm512_mask_blend_ps(mask, no.0, yes.0)) }
        fn first(self: Self) -> f32 { _mm512_cvtss_f32(self.0) }
        fn exchange<const STEP: usize>(self: Self) -> Self {
            Self(match STEP {
                8 => _mm512_shuffle_f32x4::<0b01_00_11_10>(self.0, self.0),
                4 => _mm512_shuffle_f32x4::<0b10_11_00_01>(self.0, self.0),
                2 => _mm512_permute_ps::<0b01_00_11_10>(self.0),
                _ => _mm512_permute_ps::<0b10_11_00_01>(self.0),
            })
        }
    }
}

impl Float for F32 {
    intrinsics! {
        fn div(self: Self, other: Self) -> Self { Self(_mm512_div_ps(self.0, other.0)) }
        fn sqrt(self: Self) -> Self { Self(_mm512_sqrt_ps(self.0)) }
        fn mul_add(self: Self, b: Self, c: Self) -> Self { Self(_mm512_fmadd_ps(self.0, b.0, c.0)) }
        fn neg_mul_add(self: Self, b: Self, c: Self) -> Self { Self(_mm512_fnmadd_ps(self.0, b.0, c.0)) }
        fn mul_sub(self: Self, b: Self, c: Self) -> Self { Self(_mm512_fmsub_ps(self.0, b.0, c.0)) }
        fn fused(self: Self, b: Self, c: Self) -> Self { Self(_mm512_fmadd_ps(self.0, b.0, c.0)) }
        fn floor(self: Self) -> Self { Self(_mm512_roundscale_ps::<0b1001>(self.0)) }
        fn ceil(self: Self) -> Self { Self(_mm512_roundscale_ps::<0b1010>(self.0)) }
        fn round(self: Self) -> Self { Self(_mm512_roundscale_ps::<0b1000>(self.0)) }
        fn trunc(self: Self) -> Self { Self(_mm512_roundscale_ps::<0b1011>(self.0)) }
        fn at_least(self: Self, bound: Self) -> Self { Self(_mm512_max_ps(bound.0, self.0)) }
        fn at_most(self: Self, bound: Self) -> Self { Self(_mm512_min_ps(bound.0, self.0)) }
        fn copysign(self: Self, sign: Self) -> Self {
            // Bit by bit: the third operand chooses between the first and the second.
            Self(_mm512_castsi512_ps(_mm512_ternarylogic_epi32::<0xb8>(
                _mm512_castps_si512(self.0), _mm512_set1_epi32(i32::MIN), _mm512_castps_si512(sign.0),
            )))
        }
    }
}

impl Vector for I32 {
    type Element = i32;
    type Mask = __mmask16;
    const LANES: usize = LANES;
    #[inline(always)]
    unsafe fn load(source: *const i32) -> Self {
        // SAFETY: the caller's.
        Self(unsafe { _mm512_loadu_si512(source.cast()) })
    }
    #[inline(always)]
    unsafe fn store(self, target: *mut i32) {
        // SAFETY: the caller's.
        unsafe { _mm512_storeu_si512(target.cast(), self.0) }
    }
    #[inline(always)]
    unsafe fn load_head(source: *const i32, count: usize) -> Self {
        // SAFETY: masked lanes are not read.
        Self(unsafe { _mm512_maskz_loadu_epi32(head(count) as u16, source) })
    }
    #[inline(always)]
    unsafe fn store_head(self, target: *mut i32, count: usize) {
        // SAFETY: masked lanes are not written.
        unsafe { _mm512_mask_storeu_epi32(target, head(count) as u16, self.0) }
    }
    intrinsics! {
        fn splat(value: i32) -> Self { Self(_mm512_set1_epi32(value)) }
        fn add(self: Self, other: Self) -> Self { Self(_mm512_add_epi32(self.0, other.0)) }
        fn sub(self: Self, other: Self) -> Self { Self(_mm512_sub_epi32(self.0, other.0)) }
        fn mul(self: Self, other: Self) -> Self { Self(_mm512_mullo_epi32(self.0, other.0)) }
        fn neg(self: Self) -> Self { Self(_mm512_sub_epi32(_mm512_setzero_si512(), self.0)) }
        fn abs(self: Self) -> Self { Self(_mm512_abs_epi32(self.0)) }
        fn max(self: Self, other: Self) -> Self { Self(_mm512_max_epi32(self.0, other.0)) }
        fn min(self: Self, other: Self) -> Self { Self(_mm512_min_epi32(self.0, other.0)) }
        fn eq(self: Self, other: Self) -> __mmask16 { _mm512_cmpeq_epi32_mask(self.0, other.0) }
        fn lt(self: Self, other: Self) -> __mmask16 { _mm512_cmplt_epi32_mask(self.0, other.0) }
        fn le(self: Self, other: Self) -> __mmask16 { _mm512_cmple_epi32_mask(self.0, other.0) }
        fn select(mask: __mmask16, yes: Self, no: Self) -> Self { Self(_mm512_mask_blend_epi32(mask, no.0, yes.0)) }
        fn first(self: Self) -> i32 { _mm512_cvtsi512_si32(self.0) }
        fn exchange<const STEP: usize>(self: Self) -> Self {
            Self(match STEP {
                8 => _mm512_shuffle_i32x4::<0b01_00_11_10>(self.0, self.0),
                4 => _mm512_shuffle_i32x4::<0b10_11_00_01>(self.0, self.0),
                2 => _mm512_shuffle_epi32::<0b01_00_11_10>(self.0),
                _ => _mm512_shuffle_epi32::<0b10_11_00_01>(self.0),
            })
        }
    }
}

impl Integer for I32 {
    intrinsics! {
        fn and(self: Self, other: Self) -> Self { Self(_mm512_and_si512(self.0, other.0)) }
        fn or(self: Self, other: Self) -> Self { Self(_mm512_or_si512(self.0, other.0)) }
        fn xor(self: Self, other: Self) -> Self { Self(_mm512_xor_si512(self.0, other.0)) }
    }
}

impl Vector for F64 {
    type Element = f64;
    type Mask = __mmask16;
    const LANES: usize = LANES;
    #[inline(always)]
    unsafe fn load(source: *const f64) -> Self {
        // SAFETY: the caller's.
        unsafe { Self(_mm512_loadu_pd(source), _mm512_loadu_pd(source.add(8))) }
    }
    #[inline(always)]
    unsafe fn store(self, target: *mut f64) {
        // SAFETY: the caller's.
        unsafe {
            _mm512_storeu_pd(target, self.0);
            _mm512_storeu_pd(target.add(8), self.1);
        }
    }
    #[inline(always)]
    unsafe fn load_head(source: *const f64, count: usize) -> Self {
        let (low, high) = split(head(count) as u16);
        // SAFETY: masked lanes are not read.
        unsafe { Self(_mm512_maskz_loadu_pd(low, source), _mm512_maskz_loadu_pd(high, source.wrapping_add(8))) }
    }
    #[inline(always)]
    unsafe fn store_head(self, target: *mut f64, count: usize) {
        let (low, high) = split(head(count) as u16);
        // SAFETY: masked lanes are not written.
        unsafe {
            _mm512_mask_storeu_pd(target, low, self.0);
            _mm512_mask_storeu_pd(target.wrapping_add(8), high, self.1);
        }
    }
    intrinsics! {
        fn splat(value: f64) -> Self { Self(_mm512_set1_pd(value), _mm512_set1_pd(value)) }
        fn add(self: Self, other: Self) -> Self { Self(_mm512_add_pd(self.0, other.0), _mm512_add_pd(self.1, other.1)) }
        fn sub(self: Self, other: Self) -> Self { Self(_mm512_sub_pd(self.0, other.0), _mm512_sub_pd(self.1, other.1)) }
        fn mul(self: Self, other: Self) -> Self { Self(_mm512_mul_pd(self.0, other.0), _mm512_mul_pd(self.1, other.1)) }
        fn neg(self: Self) -> Self {
            Self(_mm512_xor_pd(self.0, _mm512_set1_pd(-0.0)), _mm512_xor_pd(self.1, _mm512_set1_pd(-0.0)))
        }
        fn abs(self: Self) -> Self { Self(_mm512_abs_pd(self.0), _mm512_abs_pd(self.1)) }
        fn max(self: Self, other: Self) -> Self {
            Self(
                _mm512_mask_mov_pd(_mm512_max_pd(self.0, other.0), _mm512_cmp_pd_mask::<_CMP_UNORD_Q>(self.0, self.0), self.0),
                _mm512_mask_mov_pd(_mm512_max_pd(self.1, other.1), _mm512_cmp_pd_mask::<_CMP_UNORD_Q>(self.1, self.1), self.1),
            )
        }
        fn min(self: Self, other: Self) -> Self {
            Self(
                _mm512_mask_mov_pd(_mm512_min_pd(self.0, other.0), _mm512_cmp_pd_mask::<_CMP_UNORD_Q>(self.0, self.0), self.0),
                _mm512_mask_mov_pd(_mm512_min_pd(self.1, other.1), _mm512_cmp_pd_mask::<_CMP_UNORD_Q>(self.1, self.1), self.1),
            )
        }
        fn eq(self: Self, other: Self) -> __mmask16 {
            join(_mm512_cmp_pd_mask::<_CMP_EQ_OQ>(self.0, other.0), _mm512_cmp_pd_mask::<_CMP_EQ_OQ>(self.1, other.1))
        }
        fn lt(self: Self, other: Self) -> __mmask16 {
            join(_mm512_cmp_pd_mask::<_CMP_LT_OQ>(self.0, other.0), _mm512_cmp_pd_mask::<_CMP_LT_OQ>(self.1, other.1))
        }
        fn le(self: Self, other: Self) -> __mmask16 {
            join(_mm512_cmp_pd_mask::<_CMP_LE_OQ>(self.0, other.0), _mm512_cmp_pd_mask::<_CMP_LE_OQ>(self.1, other.1))
        }
        fn select(mask: __mmask16, yes: Self, no: Self) -> Self {
            let (low, high) = split(mask);
            Self(_mm512_mask_blend_pd(low, no.0, yes.0), _mm512_mask_blend_pd(high, no.1, yes.1))
        }
        fn first(self: Self) -> f64 { _mm512_cvtsd_f64(self.0) }
        fn exchange<const STEP: usize>(self: Self) -> Self {
            match STEP {
                8 => Self(self.1, self.0),
                4 => Self(
                    _mm512_shuffle_f64x2::<0b01_00_11_10>(self.0, self.0),
                    _mm512_shuffle_f64x2::<0b01_00_11_10>(self.1, self.1),
                ),
                2 => Self(
                    _mm512_shuffle_f64x2::<0b10_11_00_01>(self.0, self.0),
                    _mm512_shuffle_f64x2::<0b10_11_00_01>(self.1, self.1),
                ),
                _ => Self(_mm512_permute_pd::<0b0101_0101>(self.0), _mm512_permute_pd::<0b0101_0101>(self.1)),
            }
        }
    }
}

impl Float for F64 {
    intrinsics! {
        fn div(self: Self, other: Self) -> Self { Self(_mm512_div_pd(self.0, other.0), _mm512_div_pd(self.1, other.1)) }
        fn sqrt(self: Self) -> Self { Self(_mm512_sqrt_pd(self.0), _mm512_sqrt_pd(self.1)) }
        fn mul_add(self: Self, b: Self, c: Self) -> Self {
            Self(_mm512_fmadd_pd(self.0, b.0, c.0), _mm512_fmadd_pd(self.1, b.1, c.1))
        }
        fn neg_mul_add(self: Self, b: Self, c: Self) -> Self {
            Self(_mm512_fnmadd_pd(self.0, b.0, c.0), _mm512_fnmadd_pd(self.1, b.1, c.1))
        }
        fn mul_sub(self: Self, b: Self, c: Self) -> Self {
            Self(_mm512_fmsub_pd(self.0, b.0, c.0), _mm512_fmsub_pd(self.1, b.1, c.1))
        }
        fn fused(self: Self, b: Self, c: Self) -> Self {
            Self(_mm512_fmadd_pd(self.0, b.0, c.0), _mm512_fmadd_pd(self.1, b.1, c.1))
        }
        fn floor(self: Self) -> Self { Self(_mm512_roundscale_pd::<0b1001>(self.0), _mm512_roundscale_pd::<0b1001>(self.1)) }
        fn ceil(self: Self) -> Self { Self(_mm512_roundscale_pd::<0b1010>(self.0), _mm512_roundscale_pd::<0b1010>(self.1)) }
        fn round(self: Self) -> Self { Self(_mm512_roundscale_pd::<0b1000>(self.0), _mm512_roundscale_pd::<0b1000>(self.1)) }
        fn trunc(self: Self) -> Self { Self(_mm512_roundscale_pd::<0b1011>(self.0), _mm512_roundscale_pd::<0b1011>(self.1)) }
        fn at_least(self: Self, bound: Self) -> Self { Self(_mm512_max_pd(bound.0, self.0), _mm512_max_pd(bound.1, self.1)) }
        fn at_most(self: Self, bound: Self) -> Self { Self(_mm512_min_pd(bound.0, self.0), _mm512_min_pd(bound.1, self.1)) }
        fn copysign(self: Self, sign: Self) -> Self {
            let bit = _mm512_set1_pd(-0.0);
            Self(
                _mm512_or_pd(_mm512_andnot_pd(bit, self.0), _mm512_and_pd(bit, sign.0)),
                _mm512_or_pd(_mm512_andnot_pd(bit, self.1), _mm512_and_pd(bit, sign.1)),
            )
        }
    }
}

impl Vector for I64 {
    type Element = i64;
    type Mask = __mmask16;
    const LANES: usize = LANES;
    #[inline(always)]
    unsafe fn load(source: *const i64) -> Self {
        // SAFETY: the caller's.
        unsafe { Self(_mm512_loadu_si512(source.cast()), _mm512_loadu_si512(source.add(8).cast())) }
    }
    #[inline(always)]
    unsafe fn store(self, target: *mut i64) {
        // SAFETY: the caller's.
        unsafe {
            _mm512_storeu_si512(target.cast(), self.0);
            _mm512_storeu_si512(target.add(8).cast(), self.1);
        }
    }
    #[inline(always)]
    unsafe fn load_head(source: *const i64, count: usize) -> Self {
        let (low, high) = split(head(count) as u16);
        // SAFETY: masked lanes are not read.
        unsafe { Self(_mm512_maskz_loadu_epi64(low, source), _mm512_maskz_loadu_epi64(high, source.wrapping_add(8))) }
    }
    #[inline(always)]
    unsafe fn store_head(self, target: *mut i64, count: usize) {
        let (low, high) = split(head(count) as u16);
        // SAFETY: masked lanes are not written.
        unsafe {
            _mm512_mask_storeu_epi64(target, low, self.0);
            _mm512_mask_storeu_epi64(target.wrapping_add(8), high, self.1);
        }
    }
    intrinsics! {
        fn splat(value: i64) -> Self { Self(_mm512_set1_epi64(value), _mm512_set1_epi64(value)) }
        fn add(self: Self, other: Self) -> Self { Self(_mm512_add_epi64(self.0, other.0), _mm512_add_epi64(self.1, other.1)) }
        fn sub(self: Self, other: Self) -> Self { Self(_mm512_sub_epi64(self.0, other.0), _mm512_sub_epi64(self.1, other.1)) }
        fn mul(self: Self, other: Self) -> Self { Self(_mm512_mullo_epi64(self.0, other.0), _mm512_mullo_epi64(self.1, other.1)) }
        fn neg(self: Self) -> Self { Self::splat(0).sub(self) }
        fn abs(self: Self) -> Self { Self(_mm512_abs_epi64(self.0), _mm512_abs_epi64(self.1)) }
        fn max(self: Self, other: Self) -> Self { Self(_mm512_max_epi64(self.0, other.0), _mm512_max_epi64(self.1, other.1)) }
        fn min(self: Self, other: Self) -> Self { Self(_mm512_min_epi64(self.0, other.0), _mm512_min_epi64(self.1, other.1)) }
        fn eq(self: Self, other: Self) -> __mmask16 {
            join(_mm512_cmpeq_epi64_mask(self.0, other.0), _mm512_cmpeq_epi64_mask(self.1, other.1))
        }
        fn lt(self: Self, other: Self) -> __mmask16 {
            join(_mm512_cmplt_epi64_mask(self.0, other.0), _mm512_cmplt_epi64_mask(self.1, other.1))
        }
        fn le(self: Self, other: Self) -> __mmask16 {
            join(_mm512_cmple_epi64_mask(self.0, other.0), _mm512_cmple_epi64_mask(self.1, other.1))
        }
        fn select(mask: __mmask16, yes: Self, no: Self) -> Self {
            let (low, high) = split(mask);
            Self(_mm512_mask_blend_epi64(low, no.0, yes.0), _mm512_mask_blend_epi64(high, no.1, yes.1))
        }
        fn exchange<const STEP: usize>(self: Self) -> Self {
            match STEP {
                8 => Self(self.1, self.0),
                4 => Self(
                    _mm512_shuffle_i64x2::<0b01_00_11_10>(self.0, self.0),
                    _mm512_shuffle_i64x2::<0b01_00_11_10>(self.1, self.1),
                ),
                2 => Self(
                    _mm512_shuffle_i64x2::<0b10_11_00_01>(self.0, self.0),
                    _mm512_shuffle_i64x2::<0b10_11_00_01>(self.1, self.1),
                ),
                _ => Self(_mm512_shuffle_epi32::<0b01_00_11_10>(self.0), _mm512_shuffle_epi32::<0b01_00_11_10>(self.1)),
            }
        }
    }
}

impl Integer for I64 {
    intrinsics! {
        fn and(self: Self, other: Self) -> Self { Self(_mm512_and_si512(self.0, other.0), _mm512_and_si512(self.1, other.1)) }
        fn or(self: Self, other: Self) -> Self { Self(_mm512_or_si512(self.0, other.0), _mm512_or_si512(self.1, other.1)) }
        fn xor(self: Self, other: Self) -> Self { Self(_mm512_xor_si512(self.0, other.0), _mm512_xor_si512(self.1, other.1)) }
    }
}

#[inline(always)]
unsafe fn halves(x: __m512i) -> (__m256i, __m256i) {
    // SAFETY: the caller's.
    unsafe { (_mm512_castsi512_si256(x), _mm512_extracti64x4_epi64::<1>(x)) }
}

impl Simd for Avx512 {
    const LANES: usize = LANES;
    const TABLES: bool = true;
    type Mask = __mmask16;
    type F32 = F32;
    type I32 = I32;
    type F64 = F64;
    type I64 = I64;

    intrinsics! {
        fn bits(x: F32) -> I32 { I32(_mm512_castps_si512(x.0)) }
        fn from_bits(x: I32) -> F32 { F32(_mm512_castsi512_ps(x.0)) }
        fn ones(mask: __mmask16) -> I32 { I32(_mm512_maskz_set1_epi32(mask, 1)) }
        fn shift_left<const BY: u32>(x: I32) -> I32 { I32(_mm512_slli_epi32::<BY>(x.0)) }
        fn shift_right<const BY: u32>(x: I32) -> I32 { I32(_mm512_srai_epi32::<BY>(x.0)) }
        fn shift_right_logical<const BY: u32>(x: I32) -> I32 { I32(_mm512_srli_epi32::<BY>(x.0)) }
        fn power_of_two(n: I32) -> F64 {
            let biased = Self::i32_to_i64(n.add(I32::splat(1023)));
            F64(_mm512_castsi512_pd(_mm512_slli_epi64::<52>(biased.0)), _mm512_castsi512_pd(_mm512_slli_epi64::<52>(biased.1)))
        }
        fn f32_to_i32(x: F32) -> I32 {
            // The instruction answers MIN for all that it cannot represent.
            let numbers = _mm512_maskz_cvttps_epi32(_mm512_cmp_ps_mask::<_CMP_ORD_Q>(x.0, x.0), x.0);
            let large = _mm512_cmp_ps_mask::<_CMP_GE_OQ>(x.0, _mm512_set1_ps(2147483648.0));
            I32(_mm512_mask_set1_epi32(numbers, large, i32::MAX))
        }
        fn i32_to_f32(x: I32) -> F32 { F32(_mm512_cvtepi32_ps(x.0)) }
        fn f32_to_f64(x: F32) -> F64 {
            F64(_mm512_cvtps_pd(_mm512_castps512_ps256(x.0)), _mm512_cvtps_pd(_mm512_extractf32x8_ps::<1>(x.0)))
        }
        fn f64_to_f32(x: F64) -> F32 {
            F32(_mm512_insertf32x8::<1>(_mm512_castps256_ps512(_mm512_cvtpd_ps(x.0)), _mm512_cvtpd_ps(x.1)))
        }
        fn i32_to_f64(x: I32) -> F64 {
            let (low, high) = halves(x.0);
            F64(_mm512_cvtepi32_pd(low), _mm512_cvtepi32_pd(high))
        }
        fn f64_to_i32(x: F64) -> I32 {
            let bound = _mm512_set1_pd(i32::MAX as f64);
            let low = _mm512_maskz_cvttpd_epi32(_mm512_cmp_pd_mask::<_CMP_ORD_Q>(x.0, x.0), _mm512_min_pd(bound, x.0));
            let high = _mm512_maskz_cvttpd_epi32(_mm512_cmp_pd_mask::<_CMP_ORD_Q>(x.1, x.1), _mm512_min_pd(bound, x.1));
            I32(_mm512_inserti64x4::<1>(_mm512_castsi256_si512(low), high))
        }
        fn i32_to_i64(x: I32) -> I64 {
            let (low, high) = halves(x.0);
            I64(_mm512_cvtepi32_epi64(low), _mm512_cvtepi32_epi64(high))
        }
        fn i64_to_i32(x: I64) -> I32 {
            I32(_mm512_inserti64x4::<1>(_mm512_castsi256_si512(_mm512_cvtepi64_epi32(x.0)), _mm512_cvtepi64_epi32(x.1)))
        }
        fn i64_to_f32(x: I64) -> F32 {
            F32(_mm512_insertf32x8::<1>(_mm512_castps256_ps512(_mm512_cvtepi64_ps(x.0)), _mm512_cvtepi64_ps(x.1)))
        }
        fn i64_to_f64(x: I64) -> F64 { F64(_mm512_cvtepi64_pd(x.0), _mm512_cvtepi64_pd(x.1)) }
        fn f64_to_i64(x: F64) -> I64 {
            let bound = _mm512_set1_pd(9223372036854775808.0);
            let low = _mm512_maskz_cvttpd_epi64(_mm512_cmp_pd_mask::<_CMP_ORD_Q>(x.0, x.0), x.0);
            let high = _mm512_maskz_cvttpd_epi64(_mm512_cmp_pd_mask::<_CMP_ORD_Q>(x.1, x.1), x.1);
            I64(
                _mm512_mask_set1_epi64(low, _mm512_cmp_pd_mask::<_CMP_GE_OQ>(x.0, bound), i64::MAX),
                _mm512_mask_set1_epi64(high, _mm512_cmp_pd_mask::<_CMP_GE_OQ>(x.1, bound), i64::MAX),
            )
        }
        // One Newton step brings the 14 bits of the reciprocal to about 23; the remainder of the quotient does the rest. A division takes
        // three times as long.
        fn quotient(a: F32, b: F32) -> F32 {
            let estimate = _mm512_rcp14_ps(b.0);
            let reciprocal = _mm512_fmadd_ps(_mm512_fnmadd_ps(b.0, estimate, _mm512_set1_ps(1.0)), estimate, estimate);
            let quotient = _mm512_mul_ps(a.0, reciprocal);
            F32(_mm512_fmadd_ps(_mm512_fnmadd_ps(quotient, b.0, a.0), reciprocal, quotient))
        }
        fn lookup(table: &[f32; 32], index: I32) -> F32 {
            F32(_mm512_permutex2var_ps(_mm512_loadu_ps(table.as_ptr()), index.0, _mm512_loadu_ps(table[16..].as_ptr())))
        }
        fn scale(x: F32, n: F32, _integer: I32) -> F32 { F32(_mm512_scalef_ps(x.0, n.0)) }
        fn f16_to_f32(x: I32) -> F32 { F32(_mm512_cvtph_ps(_mm512_cvtepi32_epi16(x.0))) }
        fn f32_to_f16(x: F32) -> I32 { I32(_mm512_cvtepu16_epi32(_mm512_cvtps_ph::<_MM_FROUND_TO_NEAREST_INT>(x.0))) }
    }
    #[inline(always)]
    unsafe fn load_u16(source: *const u16) -> I32 {
        // SAFETY: the caller's.
        unsafe { I32(_mm512_cvtepu16_epi32(_mm256_loadu_si256(source.cast()))) }
    }
    #[inline(always)]
    unsafe fn store_u16(x: I32, target: *mut u16) {
        // SAFETY: the caller's.
        unsafe { _mm256_storeu_si256(target.cast(), _mm512_cvtepi32_epi16(x.0)) }
    }
    #[inline(always)]
    unsafe fn load_u8(source: *const u8) -> I32 {
        // SAFETY: the caller's.
        unsafe { I32(_mm512_cvtepu8_epi32(_mm_loadu_si128(source.cast()))) }
    }
    #[inline(always)]
    unsafe fn store_u8(x: I32, target: *mut u8) {
        // SAFETY: the caller's.
        unsafe { _mm_storeu_si128(target.cast(), _mm512_cvtepi32_epi8(x.0)) }
    }

    entry_points!(Avx512, "avx512f,avx512bw,avx512dq,avx512vl,avx2,fma,f16c,bmi1,bmi2");
}
