//! The vector types that kernels are written with: one trait per kind of lane, implemented once per instruction set.
//!
//! Every vector of a level has the same number of lanes, whatever its class; 64-bit classes spread over two registers. So one mask type
//! serves all classes, and a conversion turns one vector into one vector.
//!
//! Values of these types live only inside functions that `entry_points!` compiles for their instruction set, and those are called only
//! where [`Level::available`](super::Level::available) lists the level. That is what makes the intrinsics behind these safe methods sound.

use super::elementwise::Operation;
use super::reduce::{ColumnRoutine, FillRoutine, RowRoutine};
use super::{ColumnReduce, Fill, Kernel, RowReduce};
use std::mem::MaybeUninit;

/// No level has more lanes than this; sizes the buffers of lane-by-lane fallbacks.
pub const MAX_LANES: usize = 16;

/// One truth value per lane.
pub trait Mask: Copy {
    fn and(self, other: Self) -> Self;
    fn or(self, other: Self) -> Self;
    fn not(self) -> Self;
    /// Lane i as bit i.
    fn bits(self) -> u32;
    /// The first `count` lanes.
    fn head(count: usize) -> Self;
    #[inline(always)]
    fn any(self) -> bool {
        self.bits() != 0
    }
}

/// Lanes of one element type.
pub trait Vector: Copy {
    type Element: Copy + Default + PartialOrd + From<i8> + 'static;
    type Mask: Mask;
    const LANES: usize;
    /// Whether one vector is several registers, which keep the processor busy by themselves.
    const IS_WIDE: bool = false;

    /// # Safety
    /// `source` is readable for `LANES` elements; any alignment.
    unsafe fn load(source: *const Self::Element) -> Self;
    /// # Safety
    /// `target` is writable for `LANES` elements; any alignment.
    unsafe fn store(self, target: *mut Self::Element);
    fn splat(value: Self::Element) -> Self;

    /// The first `count` (at most `LANES`) elements, then zeros.
    /// # Safety
    /// `source` is readable for `count` elements; nothing behind them is touched.
    #[inline(always)]
    unsafe fn load_head(source: *const Self::Element, count: usize) -> Self {
        let mut lanes = [Self::Element::default(); MAX_LANES];
        // SAFETY: count <= LANES <= MAX_LANES.
        unsafe {
            copy_lanes(source.cast(), lanes.as_mut_ptr().cast(), count * size_of::<Self::Element>());
            Self::load(lanes.as_ptr())
        }
    }
    /// Writes the first `count` (at most `LANES`) lanes.
    /// # Safety
    /// `target` is writable for `count` elements; nothing behind them is touched.
    #[inline(always)]
    unsafe fn store_head(self, target: *mut Self::Element, count: usize) {
        let lanes = self.lanes();
        // SAFETY: count <= LANES <= MAX_LANES.
        unsafe { copy_lanes(lanes.as_ptr().cast(), target.cast(), count * size_of::<Self::Element>()) }
    }

    /// Integers wrap in `add`, `sub`, `mul`, `neg`, `abs`.
    fn add(self, other: Self) -> Self;
    fn sub(self, other: Self) -> Self;
    fn mul(self, other: Self) -> Self;
    fn neg(self) -> Self;
    fn abs(self) -> Self;
    /// NaN if either is NaN.
    fn max(self, other: Self) -> Self;
    /// NaN if either is NaN.
    fn min(self, other: Self) -> Self;
    fn eq(self, other: Self) -> Self::Mask;
    fn lt(self, other: Self) -> Self::Mask;
    fn le(self, other: Self) -> Self::Mask;
    fn select(mask: Self::Mask, yes: Self, no: Self) -> Self;
    /// Lane i takes the value of lane i ^ STEP; STEP is a power of two below `LANES`.
    fn exchange<const STEP: usize>(self) -> Self;

    #[inline(always)]
    fn lanes(self) -> [Self::Element; MAX_LANES] {
        let mut lanes = [Self::Element::default(); MAX_LANES];
        // SAFETY: LANES <= MAX_LANES.
        unsafe { self.store(lanes.as_mut_ptr()) };
        lanes
    }
    #[inline(always)]
    fn first(self) -> Self::Element {
        self.lanes()[0]
    }
    /// Lane by lane, for functions that have no vector form.
    #[inline(always)]
    fn map(self, f: impl Fn(Self::Element) -> Self::Element) -> Self {
        let mut lanes = self.lanes();
        for lane in &mut lanes[..Self::LANES] {
            *lane = f(*lane);
        }
        // SAFETY: LANES <= MAX_LANES.
        unsafe { Self::load(lanes.as_ptr()) }
    }
}

/// At most a few dozen bytes: byte by byte would be slow, a call to memcpy too.
#[inline(always)]
unsafe fn copy_lanes(source: *const u8, target: *mut u8, bytes: usize) {
    // SAFETY: the caller's.
    unsafe { std::ptr::copy_nonoverlapping(source, target, bytes) }
}

pub trait Integer: Vector {
    fn and(self, other: Self) -> Self;
    fn or(self, other: Self) -> Self;
    fn xor(self, other: Self) -> Self;
}

pub trait Float: Vector {
    fn div(self, other: Self) -> Self;
    fn sqrt(self) -> Self;
    /// self * b + c, rounded once where the level has the instruction and twice where it has not.
    fn mul_add(self, b: Self, c: Self) -> Self;
    /// c - self * b, rounded as `mul_add`.
    fn neg_mul_add(self, b: Self, c: Self) -> Self;
    /// self * b - c, rounded as `mul_add`.
    fn mul_sub(self, b: Self, c: Self) -> Self;
    /// self * b + c, rounded once at every level.
    fn fused(self, b: Self, c: Self) -> Self;
    fn floor(self) -> Self;
    fn ceil(self) -> Self;
    /// To nearest, halves to even.
    fn round(self) -> Self;
    fn trunc(self) -> Self;
    /// The larger one; where `self` is NaN, `self`. One instruction where that order of operands makes it so.
    fn at_least(self, bound: Self) -> Self;
    /// The smaller one; where `self` is NaN, `self`.
    fn at_most(self, bound: Self) -> Self;
    /// The magnitude of self with the sign of `sign`.
    fn copysign(self, sign: Self) -> Self;
    #[inline(always)]
    fn is_nan(self) -> Self::Mask {
        self.eq(self).not()
    }
}

/// An instruction set: its vector types, what leads from one to another, and the functions compiled for it.
pub trait Simd: Copy + 'static {
    const LANES: usize;
    type Mask: Mask;
    type F32: Float<Element = f32, Mask = Self::Mask>;
    type I32: Integer<Element = i32, Mask = Self::Mask>;
    type F64: Float<Element = f64, Mask = Self::Mask>;
    type I64: Integer<Element = i64, Mask = Self::Mask>;

    fn bits(x: Self::F32) -> Self::I32;
    fn from_bits(x: Self::I32) -> Self::F32;
    /// 1 where the mask holds, else 0.
    fn ones(mask: Self::Mask) -> Self::I32;
    fn shift_left<const BY: u32>(x: Self::I32) -> Self::I32;
    fn shift_right<const BY: u32>(x: Self::I32) -> Self::I32;
    fn shift_right_logical<const BY: u32>(x: Self::I32) -> Self::I32;
    /// 2^n as f64, for n in -1022..=1023.
    fn power_of_two(n: Self::I32) -> Self::F64;

    /// Conversions mean what Rust's `as` means.
    fn f32_to_i32(x: Self::F32) -> Self::I32;
    fn i32_to_f32(x: Self::I32) -> Self::F32;
    fn f32_to_f64(x: Self::F32) -> Self::F64;
    fn f64_to_f32(x: Self::F64) -> Self::F32;
    fn i32_to_f64(x: Self::I32) -> Self::F64;
    fn f64_to_i32(x: Self::F64) -> Self::I32;
    fn i32_to_i64(x: Self::I32) -> Self::I64;
    fn i64_to_i32(x: Self::I64) -> Self::I32;
    #[inline(always)]
    fn f32_to_i64(x: Self::F32) -> Self::I64 {
        Self::f64_to_i64(Self::f32_to_f64(x))
    }
    #[inline(always)]
    fn i64_to_f32(x: Self::I64) -> Self::F32 {
        convert_lanes(x, |x| x as f32)
    }
    #[inline(always)]
    fn i64_to_f64(x: Self::I64) -> Self::F64 {
        convert_lanes(x, |x| x as f64)
    }
    #[inline(always)]
    fn f64_to_i64(x: Self::F64) -> Self::I64 {
        convert_lanes(x, |x| x as i64)
    }

    /// a / b with an error well below one ulp, for finite b whose reciprocal is normal; NaN stays NaN.
    #[inline(always)]
    fn quotient(a: Self::F32, b: Self::F32) -> Self::F32 {
        a.div(b)
    }
    /// x * 2^n, rounded once where it is subnormal; `n` twice, as f32 and as i32, |n| at most 250.
    #[inline(always)]
    fn scale(x: Self::F32, _float: Self::F32, n: Self::I32) -> Self::F32 {
        let half = Self::shift_right::<1>(n);
        let bias = Self::I32::splat(127);
        let low = Self::from_bits(Self::shift_left::<23>(half.add(bias)));
        let high = Self::from_bits(Self::shift_left::<23>(n.sub(half).add(bias)));
        x.mul(low).mul(high)
    }

    /// Whether `lookup` is one instruction.
    const TABLES: bool = false;
    /// Entries of a table by the low five bits of an index.
    #[inline(always)]
    fn lookup(table: &[f32; 32], index: Self::I32) -> Self::F32 {
        convert_lanes(index, |i| table[i as usize & 31])
    }

    /// 16-bit words to zero-extended lanes.
    /// # Safety
    /// `source` is readable for `LANES` words; any alignment.
    #[inline(always)]
    unsafe fn load_u16(source: *const u16) -> Self::I32 {
        // SAFETY: the caller's.
        unsafe { load_widened(source, |x| x as i32) }
    }
    /// The low 16 bits of each lane.
    /// # Safety
    /// `target` is writable for `LANES` words; any alignment.
    #[inline(always)]
    unsafe fn store_u16(x: Self::I32, target: *mut u16) {
        // SAFETY: the caller's.
        unsafe { store_narrowed(x, target, |x| x as u16) }
    }
    /// Bytes to zero-extended lanes.
    /// # Safety
    /// `source` is readable for `LANES` bytes.
    #[inline(always)]
    unsafe fn load_u8(source: *const u8) -> Self::I32 {
        // SAFETY: the caller's.
        unsafe { load_widened(source, |x| x as i32) }
    }
    /// The low 8 bits of each lane.
    /// # Safety
    /// `target` is writable for `LANES` bytes.
    #[inline(always)]
    unsafe fn store_u8(x: Self::I32, target: *mut u8) {
        // SAFETY: the caller's.
        unsafe { store_narrowed(x, target, |x| x as u8) }
    }

    /// IEEE half precision in the low 16 bits to f32, exactly.
    #[inline(always)]
    fn f16_to_f32(x: Self::I32) -> Self::F32 {
        super::convert::f16_to_f32::<Self>(x)
    }
    /// To IEEE half precision, to nearest even, in the low 16 bits; the high ones are undefined.
    #[inline(always)]
    fn f32_to_f16(x: Self::F32) -> Self::I32 {
        super::convert::f32_to_f16::<Self>(x)
    }

    fn elementwise<O: Operation, const A: bool, const B: bool, const C: bool>() -> Kernel;
    fn rows<R: RowRoutine>() -> RowReduce;
    fn columns<R: ColumnRoutine>() -> ColumnReduce;
    fn fill<R: FillRoutine>() -> Fill;
}

/// The functions of a level that callers see: the same bodies for all, compiled with the level's instructions.
macro_rules! entry_points {
    ($level:ty $(, $feature:literal)?) => {
        fn elementwise<O: Operation, const A: bool, const B: bool, const C: bool>() -> Kernel {
            $(#[target_feature(enable = $feature)])?
            unsafe fn entry<O: Operation, const A: bool, const B: bool, const C: bool>(
                n: usize, target: *mut u8, a: *const u8, b: *const u8, c: *const u8,
            ) {
                use crate::runtime::cpu::simd::elementwise::{form, repeats_scalars, run};
                use crate::runtime::cpu::simd::staged::{hold, run_repeated, run_rest};
                // SAFETY: the caller's.
                unsafe {
                    let form = const { form::<O>([A, B, C]) };
                    if repeats_scalars::<O>(A, B, C) {
                        return run_repeated(entry::<O, false, false, false>, form, n, target, [a, b, c]);
                    }
                    let mut held = [0; 3];
                    let operands = hold(form, [a, b, c], &mut held);
                    let done = run::<O, A, B, C>(n, target, operands);
                    if done < n {
                        run_rest(entry::<O, A, B, C>, form, done, n - done, target, operands);
                    }
                }
            }
            entry::<O, A, B, C>
        }
        fn rows<R: RowRoutine>() -> RowReduce {
            $(#[target_feature(enable = $feature)])?
            unsafe fn entry<R: RowRoutine>(rows: usize, columns: usize, target: *mut u8, source: *const u8) {
                // SAFETY: the caller's.
                unsafe { R::run(rows, columns, target, source) }
            }
            entry::<R>
        }
        fn columns<R: ColumnRoutine>() -> ColumnReduce {
            $(#[target_feature(enable = $feature)])?
            unsafe fn entry<R: ColumnRoutine>(rows: usize, columns: usize, sums: *mut u8, source: *const u8) {
                // SAFETY: the caller's.
                unsafe { R::run(rows, columns, sums, source) }
            }
            entry::<R>
        }
        fn fill<R: FillRoutine>() -> Fill {
            $(#[target_feature(enable = $feature)])?
            unsafe fn entry<R: FillRoutine>(n: usize, target: *mut u8, start: i64, step: i64) {
                // SAFETY: the caller's.
                unsafe { R::run(n, target, start, step) }
            }
            entry::<R>
        }
    };
}
pub(super) use entry_points;

#[inline(always)]
pub fn convert_lanes<A: Vector, B: Vector>(x: A, f: impl Fn(A::Element) -> B::Element) -> B {
    let from = x.lanes();
    let mut to = [B::Element::default(); MAX_LANES];
    for i in 0..A::LANES {
        to[i] = f(from[i]);
    }
    // SAFETY: LANES <= MAX_LANES.
    unsafe { B::load(to.as_ptr()) }
}

#[inline(always)]
unsafe fn load_widened<T: Copy, V: Vector>(source: *const T, f: impl Fn(T) -> V::Element) -> V {
    let mut lanes = [V::Element::default(); MAX_LANES];
    for (i, lane) in lanes[..V::LANES].iter_mut().enumerate() {
        // SAFETY: i < LANES.
        *lane = f(unsafe { source.add(i).read_unaligned() });
    }
    // SAFETY: LANES <= MAX_LANES.
    unsafe { V::load(lanes.as_ptr()) }
}

#[inline(always)]
unsafe fn store_narrowed<T: Copy, V: Vector>(x: V, target: *mut T, f: impl Fn(V::Element) -> T) {
    let lanes = x.lanes();
    let mut narrow = [const { MaybeUninit::<T>::uninit() }; MAX_LANES];
    for i in 0..V::LANES {
        narrow[i].write(f(lanes[i]));
    }
    // SAFETY: LANES elements were written and the target holds as many.
    unsafe { std::ptr::copy_nonoverlapping(narrow.as_ptr().cast::<T>(), target, V::LANES) }
}
