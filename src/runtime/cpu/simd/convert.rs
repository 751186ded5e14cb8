//! Kernels that change types: class to class, storage to class, class to storage.

use super::elementwise::{Absent, Operand, Operation, operations};
use super::vector::{Float, Integer, Mask, Simd, Vector};
use super::{Class, Kernel};
use crate::tensor::DType;
use std::marker::PhantomData;

operations! {
    F32ToI32[S: Simd](x: S::F32) -> S::I32, 1 { S::f32_to_i32(x) }
    F32ToF64[S: Simd](x: S::F32) -> S::F64, 1 { S::f32_to_f64(x) }
    F32ToI64[S: Simd](x: S::F32) -> S::I64, 1 { S::f32_to_i64(x) }
    I32ToF32[S: Simd](x: S::I32) -> S::F32, 1 { S::i32_to_f32(x) }
    I32ToF64[S: Simd](x: S::I32) -> S::F64, 1 { S::i32_to_f64(x) }
    I32ToI64[S: Simd](x: S::I32) -> S::I64, 1 { S::i32_to_i64(x) }
    F64ToF32[S: Simd](x: S::F64) -> S::F32, 1 { S::f64_to_f32(x) }
    F64ToI32[S: Simd](x: S::F64) -> S::I32, 1 { S::f64_to_i32(x) }
    F64ToI64[S: Simd](x: S::F64) -> S::I64, 1 { S::f64_to_i64(x) }
    I64ToF32[S: Simd](x: S::I64) -> S::F32, 1 { S::i64_to_f32(x) }
    I64ToI32[S: Simd](x: S::I64) -> S::I32, 1 { S::i64_to_i32(x) }
    I64ToF64[S: Simd](x: S::I64) -> S::F64, 1 { S::i64_to_f64(x) }

    Load[V: Vector](x: V) -> V, 4 { x }
    LoadF16[S: Simd](x: Words<S>) -> S::F32, 1 { S::f16_to_f32(x.0) }
    LoadBf16[S: Simd](x: Words<S>) -> S::F32, 1 { S::from_bits(S::shift_left::<16>(x.0)) }
    LoadU8[S: Simd](x: Bytes<S>) -> S::I32, 1 { x.0 }
    StoreF16[S: Simd](x: S::F32) -> Words<S>, 1 { Words(S::f32_to_f16(x)) }
    StoreBf16[S: Simd](x: S::F32) -> Words<S>, 1 { Words(f32_to_bf16::<S>(x)) }
    StoreU8[S: Simd](x: S::I32) -> Bytes<S>, 1 { Bytes(x) }
    StoreBool[S: Simd](x: S::I32) -> Bytes<S>, 1 { Bytes(S::ones(x.eq(S::I32::splat(0)).not())) }
}

/// Lanes stored as 16-bit words.
#[derive(Clone, Copy)]
pub struct Words<S: Simd>(S::I32);
/// Lanes stored as bytes.
#[derive(Clone, Copy)]
pub struct Bytes<S: Simd>(S::I32);

macro_rules! narrow_operand {
    ($name:ident, $element:ty, $load:ident, $store:ident) => {
        impl<S: Simd> Operand for $name<S> {
            type Element = $element;
            const LANES: usize = S::LANES;
            #[inline(always)]
            unsafe fn read(source: *const $element) -> Self {
                // SAFETY: the caller's.
                Self(unsafe { S::$load(source) })
            }
            #[inline(always)]
            unsafe fn write(self, target: *mut $element) {
                // SAFETY: the caller's.
                unsafe { S::$store(self.0, target) }
            }
            #[inline(always)]
            fn fill(value: $element) -> Self {
                Self(S::I32::splat(value as i32))
            }
        }
    };
}
narrow_operand!(Words, u16, load_u16, store_u16);
narrow_operand!(Bytes, u8, load_u8, store_u8);

/// The kernel from one class to another one.
pub fn between<S: Simd>(from: Class, to: Class) -> Kernel {
    macro_rules! entry {
        ($operation:ident) => {
            S::elementwise::<$operation<S>, false, false, false>()
        };
    }
    match (from, to) {
        (Class::F32, Class::I32) => entry!(F32ToI32),
        (Class::F32, Class::F64) => entry!(F32ToF64),
        (Class::F32, Class::I64) => entry!(F32ToI64),
        (Class::I32, Class::F32) => entry!(I32ToF32),
        (Class::I32, Class::F64) => entry!(I32ToF64),
        (Class::I32, Class::I64) => entry!(I32ToI64),
        (Class::F64, Class::F32) => entry!(F64ToF32),
        (Class::F64, Class::I32) => entry!(F64ToI32),
        (Class::F64, Class::I64) => entry!(F64ToI64),
        (Class::I64, Class::F32) => entry!(I64ToF32),
        (Class::I64, Class::I32) => entry!(I64ToI32),
        (Class::I64, Class::F64) => entry!(I64ToF64),
        (Class::F32, Class::F32) | (Class::I32, Class::I32) => S::elementwise::<Load<S::I32>, false, false, false>(),
        (Class::F64, Class::F64) | (Class::I64, Class::I64) => S::elementwise::<Load<S::I64>, false, false, false>(),
    }
}

/// The kernel from storage to lanes.
pub fn load<S: Simd>(dtype: DType) -> Kernel {
    match dtype {
        DType::F64 | DType::I64 => S::elementwise::<Load<S::I64>, false, false, false>(),
        DType::F32 | DType::I32 => S::elementwise::<Load<S::I32>, false, false, false>(),
        DType::F16 => S::elementwise::<LoadF16<S>, false, false, false>(),
        DType::BF16 => S::elementwise::<LoadBf16<S>, false, false, false>(),
        DType::U8 | DType::Bool => S::elementwise::<LoadU8<S>, false, false, false>(),
    }
}

/// The kernel from lanes to storage.
pub fn store<S: Simd>(dtype: DType) -> Kernel {
    match dtype {
        DType::F64 | DType::I64 => S::elementwise::<Load<S::I64>, false, false, false>(),
        DType::F32 | DType::I32 => S::elementwise::<Load<S::I32>, false, false, false>(),
        DType::F16 => S::elementwise::<StoreF16<S>, false, false, false>(),
        DType::BF16 => S::elementwise::<StoreBf16<S>, false, false, false>(),
        DType::U8 => S::elementwise::<StoreU8<S>, false, false, false>(),
        DType::Bool => S::elementwise::<StoreBool<S>, false, false, false>(),
    }
}

/// The upper half, rounded to nearest even. NaN keeps its upper bits and becomes quiet: rounding could carry it into infinity or zero.
#[inline(always)]
fn f32_to_bf16<S: Simd>(x: S::F32) -> S::I32 {
    let bits = S::bits(x);
    let odd = S::shift_right_logical::<16>(bits).and(S::I32::splat(1));
    let rounded = bits.add(S::I32::splat(0x7fff)).add(odd);
    S::shift_right_logical::<16>(S::I32::select(x.is_nan(), bits.or(S::I32::splat(0x0040_0000)), rounded))
}

/// See [`Simd::f16_to_f32`]: moved to f32's places a half is 2^112 too small, subnormals included, and a product puts that right.
#[inline(always)]
pub fn f16_to_f32<S: Simd>(x: S::I32) -> S::F32 {
    let magnitude = x.and(S::I32::splat(0x7fff));
    let small = S::from_bits(S::shift_left::<13>(magnitude));
    let finite = S::bits(small.mul(S::F32::splat(f32::from_bits((127 + 112) << 23))));
    let special = S::shift_left::<13>(magnitude).or(S::I32::splat(0x7f80_0000));
    let is_finite = magnitude.lt(S::I32::splat(0x7c00));
    let sign = S::shift_left::<16>(x.and(S::I32::splat(0x8000)));
    S::from_bits(S::I32::select(is_finite, finite, special).or(sign))
}

/// See [`Simd::f32_to_f16`].
#[inline(always)]
pub fn f32_to_f16<S: Simd>(x: S::F32) -> S::I32 {
    let bits = S::bits(x);
    let magnitude = bits.and(S::I32::splat(i32::MAX));
    // Normal halves: rebias, round what lies below the 13 bits that go. From 65520 on the carry makes infinity by itself.
    let odd = S::shift_right_logical::<13>(magnitude).and(S::I32::splat(1));
    let normal = S::shift_right_logical::<13>(magnitude.add(S::I32::splat(0xfff - (112 << 23))).add(odd));
    // Subnormal ones: a sum with 1/2 aligns the bits, and the adder rounds.
    let half = S::F32::splat(0.5);
    let subnormal = S::bits(x.abs().add(half)).sub(S::bits(half));
    let infinity = S::I32::splat(0x7c00);
    let nan = S::shift_right_logical::<13>(magnitude).and(S::I32::splat(0x3ff)).or(S::I32::splat(0x7e00));
    let result = S::I32::select(magnitude.lt(S::I32::splat(113 << 23)), subnormal, normal.min(infinity));
    let result = S::I32::select(x.is_nan(), nan, result);
    result.or(S::shift_right_logical::<16>(bits).and(S::I32::splat(0x8000)))
}
