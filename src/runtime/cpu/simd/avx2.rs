//! AVX2 with FMA and F16C: 8 lanes, masks as all-ones lanes.

use super::elementwise::Operation;
use super::reduce::{ColumnRoutine, FillRoutine, RowRoutine};
use super::vector::{Float, Integer, Mask, Simd, Vector, entry_points};
use super::{ColumnReduce, Fill, Kernel, RowReduce};
use std::arch::x86_64::*;

#[derive(Clone, Copy)]
pub struct Avx2;
#[derive(Clone, Copy)]
pub struct F32(__m256);
#[derive(Clone, Copy)]
pub struct I32(__m256i);
#[derive(Clone, Copy)]
pub struct F64(__m256d, __m256d);
#[derive(Clone, Copy)]
pub struct I64(__m256i, __m256i);
/// Eight lanes of 32 bits, all ones or all zeros.
#[derive(Clone, Copy)]
pub struct Lanes(__m256i);

const LANES: usize = 8;

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

impl Mask for Lanes {
    intrinsics! {
        fn and(self: Self, other: Self) -> Self { Self(_mm256_and_si256(self.0, other.0)) }
        fn or(self: Self, other: Self) -> Self { Self(_mm256_or_si256(self.0, other.0)) }
        fn not(self: Self) -> Self { Self(_mm256_xor_si256(self.0, _mm256_set1_epi32(-1))) }
        fn bits(self: Self) -> u32 { _mm256_movemask_ps(_mm256_castsi256_ps(self.0)) as u32 }
        fn head(count: usize) -> Self {
            Self(_mm256_cmpgt_epi32(_mm256_set1_epi32(count as i32), _mm256_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7)))
        }
    }
}

impl Lanes {
    intrinsics! {
        // Two masks of four 64-bit lanes as one.
        fn join(low: __m256i, high: __m256i) -> Self {
            // Even 32-bit halves of both, in the order low 0 1, high 0 1, low 2 3, high 2 3; then the middle pairs change places.
            let mixed = _mm256_shuffle_ps::<0b10_00_10_00>(_mm256_castsi256_ps(low), _mm256_castsi256_ps(high));
            Self(_mm256_permute4x64_epi64::<0b11_01_10_00>(_mm256_castps_si256(mixed)))
        }
        fn split(self: Self) -> (__m256i, __m256i) {
            (_mm256_cvtepi32_epi64(_mm256_castsi256_si128(self.0)), _mm256_cvtepi32_epi64(_mm256_extracti128_si256::<1>(self.0)))
        }
        fn join_pd(low: __m256d, high: __m256d) -> Self { Self::join(_mm256_castpd_si256(low), _mm256_castpd_si256(high)) }
    }
}

impl Vector for F32 {
    type Element = f32;
    type Mask = Lanes;
    const LANES: usize = LANES;
    #[inline(always)]
    unsafe fn load(source: *const f32) -> Self {
        // SAFETY: the caller's.
        Self(unsafe { _mm256_loadu_ps(source) })
    }
    #[inline(always)]
    unsafe fn store(self, target: *mut f32) {
        // SAFETY: the caller's.
        unsafe { _mm256_storeu_ps(target, self.0) }
    }
    #[inline(always)]
    unsafe fn load_head(source: *const f32, count: usize) -> Self {
        // SAFETY: masked lanes are not read.
        Self(unsafe { _mm256_maskload_ps(source, Lanes::head(count).0) })
    }
    #[inline(always)]
    unsafe fn store_head(self, target: *mut f32, count: usize) {
        // SAFETY: masked lanes are not written.
        unsafe { _mm256_maskstore_ps(target, Lanes::head(count).0, self.0) }
    }
    intrinsics! {
        fn splat(value: f32) -> Self { Self(_mm256_set1_ps(value)) }
        fn add(self: Self, other: Self) -> Self { Self(_mm256_add_ps(self.0, other.0)) }
        fn sub(self: Self, other: Self) -> Self { Self(_mm256_sub_ps(self.0, other.0)) }
        fn mul(self: Self, other: Self) -> Self { Self(_mm256_mul_ps(self.0, other.0)) }
        fn neg(self: Self) -> Self { Self(_mm256_xor_ps(self.0, _mm256_set1_ps(-0.0))) }
        fn abs(self: Self) -> Self { Self(_mm256_andnot_ps(_mm256_set1_ps(-0.0), self.0)) }
        // The instruction gives its second operand where either is NaN; only a NaN in the first is left to be put back.
        fn max(self: Self, other: Self) -> Self {
            Self(_mm256_blendv_ps(_mm256_max_ps(self.0, other.0), self.0, _mm256_cmp_ps::<_CMP_UNORD_Q>(self.0, self.0)))
        }
        fn min(self: Self, other: Self) -> Self {
            Self(_mm256_blendv_ps(_mm256_min_ps(self.0, other.0), self.0, _mm256_cmp_ps::<_CMP_UNORD_Q>(self.0, self.0)))
        }
        fn eq(self: Self, other: Self) -> Lanes { Lanes(_mm256_castps_si256(_mm256_cmp_ps::<_CMP_EQ_OQ>(self.0, other.0))) }
        fn lt(self: Self, other: Self) -> Lanes { Lanes(_mm256_castps_si256(_mm256_cmp_ps::<_CMP_LT_OQ>(self.0, other.0))) }
        fn le(self: Self, other: Self) -> Lanes { Lanes(_mm256_castps_si256(_mm256_cmp_ps::<_CMP_LE_OQ>(self.0, other.0))) }
        fn select(mask: Lanes, yes: Self, no: Self) -> Self { Self(_mm256_blendv_ps(no.0, yes.0, _mm256_castsi256_ps(mask.0))) }
        fn first(self: Self) -> f32 { _mm256_cvtss_f32(self.0) }
        fn exchange<const STEP: usize>(self: Self) -> Self {
            Self(match STEP {
                4 => _mm256_permute2f128_ps::<1>(self.0, self.0),
                2 => _mm256_permute_ps::<0b01_00_11_10>(self.0),
                _ => _mm256_permute_ps::<0b10_11_00_01>(self.0),
            })
        }
    }
}

impl Float for F32 {
    intrinsics! {
        fn div(self: Self, other: Self) -> Self { Self(_mm256_div_ps(self.0, other.0)) }
        fn sqrt(self: Self) -> Self { Self(_mm256_sqrt_ps(self.0)) }
        fn mul_add(self: Self, b: Self, c: Self) -> Self { Self(_mm256_fmadd_ps(self.0, b.0, c.0)) }
        fn neg_mul_add(self: Self, b: Self, c: Self) -> Self { Self(_mm256_fnmadd_ps(self.0, b.0, c.0)) }
        fn mul_sub(self: Self, b: Self, c: Self) -> Self { Self(_mm256_fmsub_ps(self.0, b.0, c.0)) }
        fn fused(self: Self, b: Self, c: Self) -> Self { Self(_mm256_fmadd_ps(self.0, b.0, c.0)) }
        fn floor(self: Self) -> Self { Self(_mm256_floor_ps(self.0)) }
        fn ceil(self: Self) -> Self { Self(_mm256_ceil_ps(self.0)) }
        fn round(self: Self) -> Self { Self(_mm256_round_ps::<{ _MM_FROUND_TO_NEAREST_INT | _MM_FROUND_NO_EXC }>(self.0)) }
        fn trunc(self: Self) -> Self { Self(_mm256_round_ps::<{ _MM_FROUND_TO_ZERO | _MM_FROUND_NO_EXC }>(self.0)) }
        fn at_least(self: Self, bound: Self) -> Self { Self(_mm256_max_ps(bound.0, self.0)) }
        fn at_most(self: Self, bound: Self) -> Self { Self(_mm256_min_ps(bound.0, self.0)) }
        fn copysign(self: Self, sign: Self) -> Self {
            Self(_mm256_or_ps(self.abs().0, _mm256_and_ps(_mm256_set1_ps(-0.0), sign.0)))
        }
    }
}

impl Vector for I32 {
    type Element = i32;
    type Mask = Lanes;
    const LANES: usize = LANES;
    #[inline(always)]
    unsafe fn load(source: *const i32) -> Self {
        // SAFETY: the caller's.
        Self(unsafe { _mm256_loadu_si256(source.cast()) })
    }
    #[inline(always)]
    unsafe fn store(self, target: *mut i32) {
        // SAFETY: the caller's.
        unsafe { _mm256_storeu_si256(target.cast(), self.0) }
    }
    #[inline(always)]
    unsafe fn load_head(source: *const i32, count: usize) -> Self {
        // SAFETY: masked lanes are not read.
        Self(unsafe { _mm256_maskload_epi32(source, Lanes::head(count).0) })
    }
    #[inline(always)]
    unsafe fn store_head(self, target: *mut i32, count: usize) {
        // SAFETY: masked lanes are not written.
        unsafe { _mm256_maskstore_epi32(target, Lanes::head(count).0, self.0) }
    }
    intrinsics! {
        fn splat(value: i32) -> Self { Self(_mm256_set1_epi32(value)) }
        fn add(self: Self, other: Self) -> Self { Self(_mm256_add_epi32(self.0, other.0)) }
        fn sub(self: Self, other: Self) -> Self { Self(_mm256_sub_epi32(self.0, other.0)) }
        fn mul(self: Self, other: Self) -> Self { Self(_mm256_mullo_epi32(self.0, other.0)) }
        fn neg(self: Self) -> Self { Self(_mm256_sub_epi32(_mm256_setzero_si256(), self.0)) }
        fn abs(self: Self) -> Self { Self(_mm256_abs_epi32(self.0)) }
        fn max(self: Self, other: Self) -> Self { Self(_mm256_max_epi32(self.0, other.0)) }
        fn min(self: Self, other: Self) -> Self { Self(_mm256_min_epi32(self.0, other.0)) }
        fn eq(self: Self, other: Self) -> Lanes { Lanes(_mm256_cmpeq_epi32(self.0, other.0)) }
        fn lt(self: Self, other: Self) -> Lanes { Lanes(_mm256_cmpgt_epi32(other.0, self.0)) }
        fn le(self: Self, other: Self) -> Lanes { other.lt(self).not() }
        fn select(mask: Lanes, yes: Self, no: Self) -> Self { Self(_mm256_blendv_epi8(no.0, yes.0, mask.0)) }
        fn first(self: Self) -> i32 { _mm256_cvtsi256_si32(self.0) }
        fn exchange<const STEP: usize>(self: Self) -> Self {
            Self(match STEP {
                4 => _mm256_permute2x128_si256::<1>(self.0, self.0),
                2 => _mm256_shuffle_epi32::<0b01_00_11_10>(self.0),
                _ => _mm256_shuffle_epi32::<0b10_11_00_01>(self.0),
            })
        }
    }
}

impl Integer for I32 {
    intrinsics! {
        fn and(self: Self, other: Self) -> Self { Self(_mm256_and_si256(self.0, other.0)) }
        fn or(self: Self, other: Self) -> Self { Self(_mm256_or_si256(self.0, other.0)) }
        fn xor(self: Self, other: Self) -> Self { Self(_mm256_xor_si256(self.0, other.0)) }
    }
}

impl Vector for F64 {
    type Element = f64;
    type Mask = Lanes;
    const LANES: usize = LANES;
    #[inline(always)]
    unsafe fn load(source: *const f64) -> Self {
        // SAFETY: the caller's.
        unsafe { Self(_mm256_loadu_pd(source), _mm256_loadu_pd(source.add(4))) }
    }
    #[inline(always)]
    unsafe fn store(self, target: *mut f64) {
        // SAFETY: the caller's.
        unsafe {
            _mm256_storeu_pd(target, self.0);
            _mm256_storeu_pd(target.add(4), self.1);
        }
    }
    #[inline(always)]
    unsafe fn load_head(source: *const f64, count: usize) -> Self {
        let (low, high) = Lanes::head(count).split();
        // SAFETY: masked lanes are not read.
        unsafe { Self(_mm256_maskload_pd(source, low), _mm256_maskload_pd(source.wrapping_add(4), high)) }
    }
    #[inline(always)]
    unsafe fn store_head(self, target: *mut f64, count: usize) {
        let (low, high) = Lanes::head(count).split();
        // SAFETY: masked lanes are not written.
        unsafe {
            _mm256_maskstore_pd(target, low, self.0);
            _mm256_maskstore_pd(target.wrapping_add(4), high, self.1);
        }
    }
    intrinsics! {
        fn splat(value: f64) -> Self { Self(_mm256_set1_pd(value), _mm256_set1_pd(value)) }
        fn add(self: Self, other: Self) -> Self { Self(_mm256_add_pd(self.0, other.0), _mm256_add_pd(self.1, other.1)) }
        fn sub(self: Self, other: Self) -> Self { Self(_mm256_sub_pd(self.0, other.0), _mm256_sub_pd(self.1, other.1)) }
        fn mul(self: Self, other: Self) -> Self { Self(_mm256_mul_pd(self.0, other.0), _mm256_mul_pd(self.1, other.1)) }
        fn neg(self: Self) -> Self {
            Self(_mm256_xor_pd(self.0, _mm256_set1_pd(-0.0)), _mm256_xor_pd(self.1, _mm256_set1_pd(-0.0)))
        }
        fn abs(self: Self) -> Self {
            Self(_mm256_andnot_pd(_mm256_set1_pd(-0.0), self.0), _mm256_andnot_pd(_mm256_set1_pd(-0.0), self.1))
        }
        fn max(self: Self, other: Self) -> Self {
            Self(
                _mm256_blendv_pd(_mm256_max_pd(self.0, other.0), self.0, _mm256_cmp_pd::<_CMP_UNORD_Q>(self.0, self.0)),
                _mm256_blendv_pd(_mm256_max_pd(self.1, other.1), self.1, _mm256_cmp_pd::<_CMP_UNORD_Q>(self.1, self.1)),
            )
        }
        fn min(self: Self, other: Self) -> Self {
            Self(
                _mm256_blendv_pd(_mm256_min_pd(self.0, other.0), self.0, _mm256_cmp_pd::<_CMP_UNORD_Q>(self.0, self.0)),
                _mm256_blendv_pd(_mm256_min_pd(self.1, other.1), self.1, _mm256_cmp_pd::<_CMP_UNORD_Q>(self.1, self.1)),
            )
        }
        fn eq(self: Self, other: Self) -> Lanes {
            Lanes::join_pd(_mm256_cmp_pd::<_CMP_EQ_OQ>(self.0, other.0), _mm256_cmp_pd::<_CMP_EQ_OQ>(self.1, other.1))
        }
        fn lt(self: Self, other: Self) -> Lanes {
            Lanes::join_pd(_mm256_cmp_pd::<_CMP_LT_OQ>(self.0, other.0), _mm256_cmp_pd::<_CMP_LT_OQ>(self.1, other.1))
        }
        fn le(self: Self, other: Self) -> Lanes {
            Lanes::join_pd(_mm256_cmp_pd::<_CMP_LE_OQ>(self.0, other.0), _mm256_cmp_pd::<_CMP_LE_OQ>(self.1, other.1))
        }
        fn select(mask: Lanes, yes: Self, no: Self) -> Self {
            let (low, high) = mask.split();
            Self(
                _mm256_blendv_pd(no.0, yes.0, _mm256_castsi256_pd(low)),
                _mm256_blendv_pd(no.1, yes.1, _mm256_castsi256_pd(high)),
            )
        }
        fn first(self: Self) -> f64 { _mm256_cvtsd_f64(self.0) }
        fn exchange<const STEP: usize>(self: Self) -> Self {
            match STEP {
                4 => Self(self.1, self.0),
                2 => Self(_mm256_permute2f128_pd::<1>(self.0, self.0), _mm256_permute2f128_pd::<1>(self.1, self.1)),
                _ => Self(_mm256_permute_pd::<0b0101>(self.0), _mm256_permute_pd::<0b0101>(self.1)),
            }
        }
    }
}

impl Float for F64 {
    intrinsics! {
        fn div(self: Self, other: Self) -> Self { Self(_mm256_div_pd(self.0, other.0), _mm256_div_pd(self.1, other.1)) }
        fn sqrt(self: Self) -> Self { Self(_mm256_sqrt_pd(self.0), _mm256_sqrt_pd(self.1)) }
        fn mul_add(self: Self, b: Self, c: Self) -> Self {
            Self(_mm256_fmadd_pd(self.0, b.0, c.0), _mm256_fmadd_pd(self.1, b.1, c.1))
        }
        fn neg_mul_add(self: Self, b: Self, c: Self) -> Self {
            Self(_mm256_fnmadd_pd(self.0, b.0, c.0), _mm256_fnmadd_pd(self.1, b.1, c.1))
        }
        fn mul_sub(self: Self, b: Self, c: Self) -> Self {
            Self(_mm256_fmsub_pd(self.0, b.0, c.0), _mm256_fmsub_pd(self.1, b.1, c.1))
        }
        fn fused(self: Self, b: Self, c: Self) -> Self {
            Self(_mm256_fmadd_pd(self.0, b.0, c.0), _mm256_fmadd_pd(self.1, b.1, c.1))
        }
        fn floor(self: Self) -> Self { Self(_mm256_floor_pd(self.0), _mm256_floor_pd(self.1)) }
        fn ceil(self: Self) -> Self { Self(_mm256_ceil_pd(self.0), _mm256_ceil_pd(self.1)) }
        fn round(self: Self) -> Self {
            Self(
                _mm256_round_pd::<{ _MM_FROUND_TO_NEAREST_INT | _MM_FROUND_NO_EXC }>(self.0),
                _mm256_round_pd::<{ _MM_FROUND_TO_NEAREST_INT | _MM_FROUND_NO_EXC }>(self.1),
            )
        }
        fn trunc(self: Self) -> Self {
            Self(
                _mm256_round_pd::<{ _MM_FROUND_TO_ZERO | _MM_FROUND_NO_EXC }>(self.0),
                _mm256_round_pd::<{ _MM_FROUND_TO_ZERO | _MM_FROUND_NO_EXC }>(self.1),
            )
        }
        fn at_least(self: Self, bound: Self) -> Self { Self(_mm256_max_pd(bound.0, self.0), _mm256_max_pd(bound.1, self.1)) }
        fn at_most(self: Self, bound: Self) -> Self { Self(_mm256_min_pd(bound.0, self.0), _mm256_min_pd(bound.1, self.1)) }
        fn copysign(self: Self, sign: Self) -> Self {
            let (magnitude, bit) = (self.abs(), _mm256_set1_pd(-0.0));
            Self(
                _mm256_or_pd(magnitude.0, _mm256_and_pd(bit, sign.0)),
                _mm256_or_pd(magnitude.1, _mm256_and_pd(bit, sign.1)),
            )
        }
    }
}

impl Vector for I64 {
    type Element = i64;
    type Mask = Lanes;
    const LANES: usize = LANES;
    #[inline(always)]
    unsafe fn load(source: *const i64) -> Self {
        // SAFETY: the caller's.
        unsafe { Self(_mm256_loadu_si256(source.cast()), _mm256_loadu_si256(source.add(4).cast())) }
    }
    #[inline(always)]
    unsafe fn store(self, target: *mut i64) {
        // SAFETY: the caller's.
        unsafe {
            _mm256_storeu_si256(target.cast(), self.0);
            _mm256_storeu_si256(target.add(4).cast(), self.1);
        }
    }
    #[inline(always)]
    unsafe fn load_head(source: *const i64, count: usize) -> Self {
        let (low, high) = Lanes::head(count).split();
        // SAFETY: masked lanes are not read.
        unsafe { Self(_mm256_maskload_epi64(source, low), _mm256_maskload_epi64(source.wrapping_add(4), high)) }
    }
    #[inline(always)]
    unsafe fn store_head(self, target: *mut i64, count: usize) {
        let (low, high) = Lanes::head(count).split();
        // SAFETY: masked lanes are not written.
        unsafe {
            _mm256_maskstore_epi64(target, low, self.0);
            _mm256_maskstore_epi64(target.wrapping_add(4), high, self.1);
        }
    }
    intrinsics! {
        fn splat(value: i64) -> Self { Self(_mm256_set1_epi64x(value), _mm256_set1_epi64x(value)) }
        fn add(self: Self, other: Self) -> Self { Self(_mm256_add_epi64(self.0, other.0), _mm256_add_epi64(self.1, other.1)) }
        fn sub(self: Self, other: Self) -> Self { Self(_mm256_sub_epi64(self.0, other.0), _mm256_sub_epi64(self.1, other.1)) }
        fn mul(self: Self, other: Self) -> Self { Self(multiply(self.0, other.0), multiply(self.1, other.1)) }
        fn neg(self: Self) -> Self { Self::splat(0).sub(self) }
        fn abs(self: Self) -> Self { Self::select(self.lt(Self::splat(0)), self.neg(), self) }
        fn max(self: Self, other: Self) -> Self { Self::select(other.lt(self), self, other) }
        fn min(self: Self, other: Self) -> Self { Self::select(self.lt(other), self, other) }
        fn eq(self: Self, other: Self) -> Lanes {
            Lanes::join(_mm256_cmpeq_epi64(self.0, other.0), _mm256_cmpeq_epi64(self.1, other.1))
        }
        fn lt(self: Self, other: Self) -> Lanes {
            Lanes::join(_mm256_cmpgt_epi64(other.0, self.0), _mm256_cmpgt_epi64(other.1, self.1))
        }
        fn le(self: Self, other: Self) -> Lanes { other.lt(self).not() }
        fn select(mask: Lanes, yes: Self, no: Self) -> Self {
            let (low, high) = mask.split();
            Self(_mm256_blendv_epi8(no.0, yes.0, low), _mm256_blendv_epi8(no.1, yes.1, high))
        }
        fn exchange<const STEP: usize>(self: Self) -> Self {
            match STEP {
                4 => Self(self.1, self.0),
                2 => Self(_mm256_permute2x128_si256::<1>(self.0, self.0), _mm256_permute2x128_si256::<1>(self.1, self.1)),
                _ => Self(_mm256_shuffle_epi32::<0b01_00_11_10>(self.0), _mm256_shuffle_epi32::<0b01_00_11_10>(self.1)),
            }
        }
    }
}

/// The low 64 bits of products of 64 bits: low x low + ((high x low + low x high) << 32).
#[inline(always)]
unsafe fn multiply(a: __m256i, b: __m256i) -> __m256i {
    // SAFETY: the caller's.
    unsafe {
        let cross = _mm256_add_epi64(_mm256_mul_epu32(_mm256_srli_epi64::<32>(a), b), _mm256_mul_epu32(a, _mm256_srli_epi64::<32>(b)));
        _mm256_add_epi64(_mm256_mul_epu32(a, b), _mm256_slli_epi64::<32>(cross))
    }
}

impl Integer for I64 {
    intrinsics! {
        fn and(self: Self, other: Self) -> Self { Self(_mm256_and_si256(self.0, other.0), _mm256_and_si256(self.1, other.1)) }
        fn or(self: Self, other: Self) -> Self { Self(_mm256_or_si256(self.0, other.0), _mm256_or_si256(self.1, other.1)) }
        fn xor(self: Self, other: Self) -> Self { Self(_mm256_xor_si256(self.0, other.0), _mm256_xor_si256(self.1, other.1)) }
    }
}

#[inline(always)]
unsafe fn halves(x: __m256i) -> (__m128i, __m128i) {
    // SAFETY: the caller's.
    unsafe { (_mm256_castsi256_si128(x), _mm256_extracti128_si256::<1>(x)) }
}

/// 16-bit words from the low halves of 32-bit lanes.
#[inline(always)]
unsafe fn narrow(x: __m256i) -> __m128i {
    // SAFETY: the caller's.
    unsafe {
        let (low, high) = halves(_mm256_and_si256(x, _mm256_set1_epi32(0xffff)));
        _mm_packus_epi32(low, high)
    }
}

impl Simd for Avx2 {
    const LANES: usize = LANES;
    type Mask = Lanes;
    type F32 = F32;
    type I32 = I32;
    type F64 = F64;
    type I64 = I64;

    intrinsics! {
        fn bits(x: F32) -> I32 { I32(_mm256_castps_si256(x.0)) }
        fn from_bits(x: I32) -> F32 { F32(_mm256_castsi256_ps(x.0)) }
        fn ones(mask: Lanes) -> I32 { I32(_mm256_srli_epi32::<31>(mask.0)) }
        fn shift_left<const BY: u32>(x: I32) -> I32 { I32(_mm256_sll_epi32(x.0, _mm_cvtsi32_si128(BY as i32))) }
        fn shift_right<const BY: u32>(x: I32) -> I32 { I32(_mm256_sra_epi32(x.0, _mm_cvtsi32_si128(BY as i32))) }
        fn shift_right_logical<const BY: u32>(x: I32) -> I32 { I32(_mm256_srl_epi32(x.0, _mm_cvtsi32_si128(BY as i32))) }
        fn power_of_two(n: I32) -> F64 {
            let biased = Self::i32_to_i64(n.add(I32::splat(1023)));
            F64(_mm256_castsi256_pd(_mm256_slli_epi64::<52>(biased.0)), _mm256_castsi256_pd(_mm256_slli_epi64::<52>(biased.1)))
        }
        fn f32_to_i32(x: F32) -> I32 {
            // The instruction answers MIN for all that it cannot represent: right for small numbers, to be flipped to MAX for large ones.
            let numbers = _mm256_and_si256(_mm256_cvttps_epi32(x.0), _mm256_castps_si256(_mm256_cmp_ps::<_CMP_ORD_Q>(x.0, x.0)));
            let large = _mm256_cmp_ps::<_CMP_GE_OQ>(x.0, _mm256_set1_ps(2147483648.0));
            I32(_mm256_xor_si256(numbers, _mm256_castps_si256(large)))
        }
        fn i32_to_f32(x: I32) -> F32 { F32(_mm256_cvtepi32_ps(x.0)) }
        fn f32_to_f64(x: F32) -> F64 {
            F64(_mm256_cvtps_pd(_mm256_castps256_ps128(x.0)), _mm256_cvtps_pd(_mm256_extractf128_ps::<1>(x.0)))
        }
        fn f64_to_f32(x: F64) -> F32 {
            F32(_mm256_insertf128_ps::<1>(_mm256_castps128_ps256(_mm256_cvtpd_ps(x.0)), _mm256_cvtpd_ps(x.1)))
        }
        fn i32_to_f64(x: I32) -> F64 {
            let (low, high) = halves(x.0);
            F64(_mm256_cvtepi32_pd(low), _mm256_cvtepi32_pd(high))
        }
        fn f64_to_i32(x: F64) -> I32 {
            let numbers = F64::select(x.is_nan(), F64::splat(0.0), x.at_most(F64::splat(i32::MAX as f64)));
            I32(_mm256_insertf128_si256::<1>(
                _mm256_castsi128_si256(_mm256_cvttpd_epi32(numbers.0)), _mm256_cvttpd_epi32(numbers.1),
            ))
        }
        fn i32_to_i64(x: I32) -> I64 {
            let (low, high) = halves(x.0);
            I64(_mm256_cvtepi32_epi64(low), _mm256_cvtepi32_epi64(high))
        }
        fn i64_to_i32(x: I64) -> I32 { I32(Lanes::join(x.0, x.1).0) }
        fn f16_to_f32(x: I32) -> F32 { F32(_mm256_cvtph_ps(narrow(x.0))) }
        fn f32_to_f16(x: F32) -> I32 { I32(_mm256_cvtepu16_epi32(_mm256_cvtps_ph::<_MM_FROUND_TO_NEAREST_INT>(x.0))) }
    }
    #[inline(always)]
    unsafe fn load_u16(source: *const u16) -> I32 {
        // SAFETY: the caller's.
        unsafe { I32(_mm256_cvtepu16_epi32(_mm_loadu_si128(source.cast()))) }
    }
    #[inline(always)]
    unsafe fn store_u16(x: I32, target: *mut u16) {
        // SAFETY: the caller's.
        unsafe { _mm_storeu_si128(target.cast(), narrow(x.0)) }
    }
    #[inline(always)]
    unsafe fn load_u8(source: *const u8) -> I32 {
        // SAFETY: the caller's.
        unsafe { I32(_mm256_cvtepu8_epi32(_mm_loadl_epi64(source.cast()))) }
    }
    #[inline(always)]
    unsafe fn store_u8(x: I32, target: *mut u8) {
        // SAFETY: the caller's.
        unsafe {
            let words = narrow(_mm256_and_si256(x.0, _mm256_set1_epi32(0xff)));
            _mm_storel_epi64(target.cast(), _mm_packus_epi16(words, words));
        }
    }

    entry_points!(Avx2, "avx2,fma,f16c,bmi1,bmi2");
}
