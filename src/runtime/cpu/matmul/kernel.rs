//! The inner kernels of the matrix product: one tile of the result, held in registers while its sum over k runs.
//!
//! A tile has R rows and V vectors of columns. Each step along k loads V vectors of the right operand, broadcasts R elements of the left one,
//! and does R x V fused multiply-adds. The rows of the left operand are read where they lie, whatever their strides; the right one must
//! have its columns side by side, in its own place or packed.
//!
//! Every element is summed along k one after the other, so its bits depend neither on the tile it falls into nor on its lane.

use super::Level;
use super::pack::{Matrix, pack};
use super::slide::{Dots, Rows, Slide, dots, slide};

/// One tile's work. Strides in elements.
pub(in crate::runtime::cpu) struct Tile<T> {
    pub k: usize,
    pub left: *const T,
    pub left_row_stride: isize,
    pub left_k_stride: isize,
    /// Columns side by side.
    pub right: *const T,
    pub right_k_stride: isize,
    /// Columns side by side.
    pub result: *mut T,
    pub result_row_stride: isize,
    /// Columns in the last vector; all lanes for a whole one.
    pub last: usize,
    /// Adds to the result instead of overwriting it.
    pub accumulate: bool,
    /// What streaming kernels fetch into the second-level cache on the way; others do not look at it.
    pub ahead: *const Ahead<T>,
}

/// Memory that tiles after this one read. Of each of the three rows a piece per step, so that fetching never gets in the way of the tile.
#[derive(Clone, Copy)]
pub(in crate::runtime::cpu) struct Ahead<T> {
    pub rows: [*const T; 3],
    /// Elements from step to step.
    pub advance: [isize; 3],
}

/// # Safety
/// The tile's pointers and strides must reach valid memory for R rows, (V - 1) * lanes + last columns, and k steps; the result must not
/// overlap the operands; the machine must have the instruction set of the table that the kernel is from. A streaming kernel needs
/// [`Tile::ahead`].
pub(in crate::runtime::cpu) type Kernel<T> = unsafe fn(&Tile<T>);

/// Packs `steps` rows of `columns` elements of the right operand, each padded with zeros to `padded`, a multiple of the lanes:
/// (steps, columns, padded, from, to).
///
/// # Safety
/// `from` is readable for `steps` rows of `columns` columns, `to` is writable for `steps * padded` elements, and the machine has the instruction set.
pub(in crate::runtime::cpu) type Pack<T> = unsafe fn(usize, usize, usize, Matrix<T>, *mut T);

/// Copies rows of elements that lie side by side: (rows, elements of a row, from, to, elements from row to row of `to`).
///
/// # Safety
/// `from`, whose column stride is 1, is readable for the rows, and `to` writable; they do not overlap, and the machine has the instruction set.
pub(in crate::runtime::cpu) type CopyRows<T> = unsafe fn(usize, usize, Matrix<T>, *mut T, usize);

/// Copies elements that lie side by side to every second place: (elements, from, to).
///
/// # Safety
/// `from` is readable for the elements, `to` writable at their places; they do not overlap, and the machine has the instruction set.
pub(in crate::runtime::cpu) type CopyApart<T> = unsafe fn(usize, *const T, *mut T);

/// The kernels of one instruction set: `whole[V - 1][R - 1]` for whole vectors, `ragged` for a last vector with fewer columns.
pub(in crate::runtime::cpu) struct Kernels<T: 'static> {
    pub lanes: usize,
    pub pack_panel: Pack<T>,
    pub copy_rows: CopyRows<T>,
    pub copy_apart: CopyApart<T>,
    pub slide: Slide<T>,
    pub dots: Dots<T>,
    /// The largest tile of those that packed panels are cut for, as (vectors, rows, kernel): it fetches [`Tile::ahead`].
    pub streaming: (usize, usize, Kernel<T>),
    pub whole: &'static [&'static [Kernel<T>]],
    pub ragged: &'static [&'static [Kernel<T>]],
}

/// The widest tile of all levels in columns, and the tallest in rows.
pub(super) const MAX_COLUMNS: usize = 64;
pub(super) const MAX_ROWS: usize = 8;

/// How many steps along k the right operand is fetched ahead: packed panels live in the second-level cache.
const PREFETCH_STEPS: isize = 8;

/// How many elements of a column are fetched ahead when columns are transposed: sixteen lines in flight at a time.
#[cfg(target_arch = "x86_64")]
const PREFETCH_TRANSPOSED: usize = 64;

/// A vector register of one instruction set.
pub(super) trait Lanes {
    type Element: Copy;
    type Vector: Copy;
    type Mask: Copy;
    const COUNT: usize;
    unsafe fn zero() -> Self::Vector;
    unsafe fn splat(value: Self::Element) -> Self::Vector;
    /// a * b + c
    unsafe fn multiply_add(a: Self::Vector, b: Self::Vector, c: Self::Vector) -> Self::Vector;
    unsafe fn add(a: Self::Vector, b: Self::Vector) -> Self::Vector;
    unsafe fn load(from: *const Self::Element) -> Self::Vector;
    unsafe fn store(to: *mut Self::Element, value: Self::Vector);
    /// Selects the first `count` lanes, 1 ..= COUNT. The others are neither read nor written.
    unsafe fn mask(count: usize) -> Self::Mask;
    unsafe fn load_masked(from: *const Self::Element, mask: Self::Mask) -> Self::Vector;
    unsafe fn store_masked(to: *mut Self::Element, value: Self::Vector, mask: Self::Mask);
    /// A hint that this line is used soon. Any address will do.
    #[inline(always)]
    fn prefetch(_address: *const Self::Element) {}
    /// As [`Lanes::prefetch`], into the second-level cache.
    #[inline(always)]
    fn prefetch_far(_address: *const Self::Element) {}
    /// Columns that [`Lanes::transpose`] handles at a time; 0 without one.
    const TRANSPOSE: usize = 0;
    /// Packs TRANSPOSE columns, each with its steps side by side, over `steps`, a multiple of 4.
    #[inline(always)]
    unsafe fn transpose(_steps: usize, _from: *const Self::Element, _column_stride: isize, _to: *mut Self::Element, _padded: usize) {}
    /// Writes the lanes to every second place from `to` on and leaves the places between as they are.
    #[inline(always)]
    unsafe fn store_apart(to: *mut Self::Element, value: Self::Vector) {
        const MOST: usize = 16;
        let mut lanes = std::mem::MaybeUninit::<[Self::Element; MOST]>::uninit();
        let lanes = lanes.as_mut_ptr().cast::<Self::Element>();
        // SAFETY: there is room for all lanes; the caller's `to` reaches 2 COUNT - 1 elements.
        unsafe {
            Self::store(lanes, value);
            for lane in 0..Self::COUNT {
                *to.add(2 * lane) = *lanes.add(lane);
            }
        }
    }
}

/// Packs a panel of the right operand: `steps` rows of `columns` elements, padded with zeros to `padded`, a multiple of the lanes.
#[inline(always)]
unsafe fn pack_panel<L: Lanes<Element: Float + super::pack::Stored<Wide = L::Element>>>(
    steps: usize,
    columns: usize,
    padded: usize,
    from: Matrix<L::Element>,
    to: *mut L::Element,
) {
    // SAFETY: the contract of `Pack`; sub-panels lie inside the panel.
    unsafe {
        if from.column_stride == 1 {
            let last = padded - L::COUNT;
            let mask = L::mask(columns - last);
            for step in 0..steps {
                let (source, target) = (from.at(step, 0), to.add(step * padded));
                for first in (0..last).step_by(L::COUNT) {
                    L::prefetch(source.wrapping_offset(first as isize + PREFETCH_STEPS * from.row_stride));
                    L::store(target.add(first), L::load(source.add(first)));
                }
                L::prefetch(source.wrapping_offset(last as isize + PREFETCH_STEPS * from.row_stride));
                L::store(target.add(last), L::load_masked(source.add(last), mask));
            }
            return;
        }
        let (mut done_columns, mut done_steps) = (0, 0);
        if L::TRANSPOSE > 0 && from.row_stride == 1 {
            done_columns = columns / L::TRANSPOSE * L::TRANSPOSE;
            done_steps = steps / 4 * 4;
            for column in (0..done_columns).step_by(L::TRANSPOSE) {
                L::transpose(done_steps, from.at(0, column), from.column_stride, to.add(column), padded);
            }
        }
        let rest = to.add(done_steps * padded);
        pack(steps - done_steps, done_columns, done_columns, padded, from.from(done_steps, 0), rest);
        pack(steps, columns - done_columns, padded - done_columns, padded, from.from(0, done_columns), to.add(done_columns));
    }
}

/// The contract of [`CopyRows`].
#[inline(always)]
unsafe fn copy_rows<L: Lanes>(rows: usize, columns: usize, from: Matrix<L::Element>, to: *mut L::Element, pitch: usize) {
    if columns == 0 {
        return;
    }
    // SAFETY: the caller's promise.
    unsafe {
        let last = (columns - 1) / L::COUNT * L::COUNT;
        let mask = L::mask(columns - last);
        for row in 0..rows {
            let (source, target) = (from.at(row, 0), to.add(row * pitch));
            for first in (0..last).step_by(L::COUNT) {
                L::store(target.add(first), L::load(source.add(first)));
            }
            if columns - last == L::COUNT {
                L::store(target.add(last), L::load(source.add(last)));
            } else {
                L::store_masked(target.add(last), L::load_masked(source.add(last), mask), mask);
            }
        }
    }
}

/// The contract of [`CopyApart`].
#[inline(always)]
unsafe fn copy_apart<L: Lanes>(count: usize, from: *const L::Element, to: *mut L::Element) {
    let whole = count / L::COUNT * L::COUNT;
    // SAFETY: the caller's promise.
    unsafe {
        for first in (0..whole).step_by(L::COUNT) {
            L::store_apart(to.add(2 * first), L::load(from.add(first)));
        }
        for index in whole..count {
            *to.add(2 * index) = *from.add(index);
        }
    }
}

/// The kernel itself; inlined into a function that switches its instruction set on. Counted loops over rows and vectors unroll into registers.
#[inline(always)]
#[allow(clippy::needless_range_loop)]
unsafe fn tile<L: Lanes, const V: usize, const R: usize, const RAGGED: bool, const STREAMING: bool>(tile: &Tile<L::Element>) {
    // SAFETY: the contract of `Kernel`: all accesses stay within the tile's rows, columns, and steps.
    unsafe {
        let mask = L::mask(if RAGGED { tile.last } else { L::COUNT });
        let mut sums = [[L::zero(); V]; R];
        for r in 0..R {
            let row = tile.result.wrapping_offset(r as isize * tile.result_row_stride);
            for v in 0..V {
                L::prefetch(row.wrapping_add(v * L::COUNT));
            }
        }
        let mut left = tile.left;
        let mut right = tile.right;
        let mut ahead = if STREAMING { (*tile.ahead).rows } else { [tile.left; 3] };
        let advance = if STREAMING { (*tile.ahead).advance } else { [0; 3] };
        for _ in 0..tile.k {
            if STREAMING {
                for (address, advance) in ahead.iter_mut().zip(advance) {
                    L::prefetch_far(*address);
                    *address = address.wrapping_offset(advance);
                }
            }
            let mut columns = [L::zero(); V];
            for v in 0..V {
                let from = right.wrapping_add(v * L::COUNT);
                L::prefetch(from.wrapping_offset(PREFETCH_STEPS * tile.right_k_stride));
                columns[v] = if RAGGED && v == V - 1 { L::load_masked(from, mask) } else { L::load(from) };
            }
            for r in 0..R {
                let element = L::splat(*left.wrapping_offset(r as isize * tile.left_row_stride));
                for v in 0..V {
                    sums[r][v] = L::multiply_add(element, columns[v], sums[r][v]);
                }
            }
            left = left.wrapping_offset(tile.left_k_stride);
            right = right.wrapping_offset(tile.right_k_stride);
        }
        for r in 0..R {
            let row = tile.result.wrapping_offset(r as isize * tile.result_row_stride);
            for v in 0..V {
                let to = row.wrapping_add(v * L::COUNT);
                if RAGGED && v == V - 1 {
                    let sum = if tile.accumulate { L::add(L::load_masked(to, mask), sums[r][v]) } else { sums[r][v] };
                    L::store_masked(to, sum, mask);
                } else {
                    let sum = if tile.accumulate { L::add(L::load(to), sums[r][v]) } else { sums[r][v] };
                    L::store(to, sum);
                }
            }
        }
    }
}

/// The table of an instruction set: a function for each tile shape that its registers can hold.
macro_rules! kernels {
    ($name:ident, $lanes:ty, $element:ty $(, $feature:literal)?; streaming $stream_vectors:literal $stream_rows:literal; $($vectors:literal: $($rows:literal)*),*) => {
        pub(super) static $name: Kernels<$element> = {
            $(#[target_feature(enable = $feature)])?
            unsafe fn kernel<const V: usize, const R: usize, const RAGGED: bool, const STREAMING: bool>(work: &Tile<$element>) {
                // SAFETY: the caller's promise.
                unsafe { tile::<$lanes, V, R, RAGGED, STREAMING>(work) }
            }
            $(#[target_feature(enable = $feature)])?
            unsafe fn panel(steps: usize, columns: usize, padded: usize, from: Matrix<$element>, to: *mut $element) {
                // SAFETY: the caller's promise.
                unsafe { pack_panel::<$lanes>(steps, columns, padded, from, to) }
            }
            $(#[target_feature(enable = $feature)])?
            unsafe fn rows(rows: usize, columns: usize, from: Matrix<$element>, to: *mut $element, pitch: usize) {
                // SAFETY: the caller's promise.
                unsafe { copy_rows::<$lanes>(rows, columns, from, to, pitch) }
            }
            $(#[target_feature(enable = $feature)])?
            unsafe fn apart(count: usize, from: *const $element, to: *mut $element) {
                // SAFETY: the caller's promise.
                unsafe { copy_apart::<$lanes>(count, from, to) }
            }
            $(#[target_feature(enable = $feature)])?
            unsafe fn sliding(count: usize, out: *mut $element, x: *const $element, offsets: &[usize], weights: *const $element) {
                // SAFETY: the caller's promise.
                unsafe { slide::<$lanes>(count, out, x, offsets, weights) }
            }
            $(#[target_feature(enable = $feature)])?
            unsafe fn dotting(rows: &Rows<$element>, offsets: &[usize], sums: *mut $element) {
                // SAFETY: the caller's promise.
                unsafe { dots::<$lanes>(rows, offsets, sums) }
            }
            Kernels {
                lanes: <$lanes as Lanes>::COUNT,
                pack_panel: panel,
                copy_rows: rows,
                copy_apart: apart,
                slide: sliding,
                dots: dotting,
                streaming: ($stream_vectors, $stream_rows, kernel::<$stream_vectors, $stream_rows, false, true>),
                whole: &[$(&[$(kernel::<$vectors, $rows, false, false>),*]),*],
                ragged: &[$(&[$(kernel::<$vectors, $rows, true, false>),*]),*],
            }
        };
    };
}

/// Element types that have vector kernels.
pub(in crate::runtime::cpu) trait Float: Copy + std::ops::Add<Output = Self> + 'static {
    const ZERO: Self;
    fn kernels(level: Level) -> &'static Kernels<Self>;
}

impl Float for f32 {
    const ZERO: f32 = 0.0;
    fn kernels(level: Level) -> &'static Kernels<f32> {
        match level {
            #[cfg(target_arch = "x86_64")]
            Level::Avx512 => &x86::AVX512_F32,
            #[cfg(target_arch = "x86_64")]
            Level::Avx2 => &x86::AVX2_F32,
            #[cfg(target_arch = "aarch64")]
            Level::Neon => &neon::NEON_F32,
            _ => &PORTABLE_F32,
        }
    }
}

impl Float for f64 {
    const ZERO: f64 = 0.0;
    fn kernels(level: Level) -> &'static Kernels<f64> {
        match level {
            #[cfg(target_arch = "x86_64")]
            Level::Avx512 => &x86::AVX512_F64,
            #[cfg(target_arch = "x86_64")]
            Level::Avx2 => &x86::AVX2_F64,
            #[cfg(target_arch = "aarch64")]
            Level::Neon => &neon::NEON_F64,
            _ => &PORTABLE_F64,
        }
    }
}

/// Sixteen bytes as an array, which compilers turn into whatever vector the target has. Multiplies and adds apart: without the
/// instruction, a fused multiply-add is a slow function call.
struct Portable<T>(T);

macro_rules! portable {
    ($element:ty, $count:literal) => {
        impl Lanes for Portable<$element> {
            type Element = $element;
            type Vector = [$element; $count];
            type Mask = usize;
            const COUNT: usize = $count;
            #[inline(always)]
            unsafe fn zero() -> Self::Vector {
                [0.0; $count]
            }
            #[inline(always)]
            unsafe fn splat(value: $element) -> Self::Vector {
                [value; $count]
            }
            #[inline(always)]
            unsafe fn multiply_add(a: Self::Vector, b: Self::Vector, c: Self::Vector) -> Self::Vector {
                std::array::from_fn(|lane| a[lane] * b[lane] + c[lane])
            }
            #[inline(always)]
            unsafe fn add(a: Self::Vector, b: Self::Vector) -> Self::Vector {
                std::array::from_fn(|lane| a[lane] + b[lane])
            }
            #[inline(always)]
            unsafe fn load(from: *const $element) -> Self::Vector {
                // SAFETY: the caller's promise.
                unsafe { from.cast::<Self::Vector>().read_unaligned() }
            }
            #[inline(always)]
            unsafe fn store(to: *mut $element, value: Self::Vector) {
                // SAFETY: the caller's promise.
                unsafe { to.cast::<Self::Vector>().write_unaligned(value) }
            }
            #[inline(always)]
            unsafe fn mask(count: usize) -> usize {
                count
            }
            #[inline(always)]
            unsafe fn load_masked(from: *const $element, count: usize) -> Self::Vector {
                // SAFETY: the caller's promise; only the first `count` lanes are read.
                std::array::from_fn(|lane| if lane < count { unsafe { *from.add(lane) } } else { 0.0 })
            }
            #[inline(always)]
            unsafe fn store_masked(to: *mut $element, value: Self::Vector, count: usize) {
                for lane in 0..$count {
                    if lane < count {
                        // SAFETY: the caller's promise; only the first `count` lanes are written.
                        unsafe { *to.add(lane) = value[lane] }
                    }
                }
            }
        }
    };
}
portable!(f32, 4);
portable!(f64, 2);
kernels!(PORTABLE_F32, Portable<f32>, f32; streaming 2 4; 1: 1 2 3 4 5 6 7 8, 2: 1 2 3 4 5);
kernels!(PORTABLE_F64, Portable<f64>, f64; streaming 2 4; 1: 1 2 3 4 5 6 7 8, 2: 1 2 3 4 5);

#[cfg(target_arch = "x86_64")]
mod x86 {
    use super::*;
    use std::arch::x86_64::*;

    /// A vector type of this architecture from its intrinsics; `$mask` makes a mask of the first `$count` lanes.
    macro_rules! lanes {
        ($name:ident, $element:ty, $vector:ty, $mask_type:ty, $lanes:literal, $zero:ident, $splat:ident, $fma:ident, $add:ident, $load:ident, $store:ident,
         |$count:ident| $mask:expr, |$from:ident, $m1:ident| $load_masked:expr, |$to:ident, $value:ident, $m2:ident| $store_masked:expr $(, transpose $transpose:ident $columns:literal)? $(, apart $apart:ident)?) => {
            struct $name;
            // SAFETY (all functions): called only from kernels that have switched the instruction set on, with the caller's promise for pointers.
            impl Lanes for $name {
                type Element = $element;
                type Vector = $vector;
                type Mask = $mask_type;
                const COUNT: usize = $lanes;
                #[inline(always)]
                unsafe fn zero() -> $vector {
                    // SAFETY: see above.
                    unsafe { $zero() }
                }
                #[inline(always)]
                unsafe fn splat(value: $element) -> $vector {
                    // SAFETY: see above.
                    unsafe { $splat(value) }
                }
                #[inline(always)]
                unsafe fn multiply_add(a: $vector, b: $vector, c: $vector) -> $vector {
                    // SAFETY: see above.
                    unsafe { $fma(a, b, c) }
                }
                #[inline(always)]
                unsafe fn add(a: $vector, b: $vector) -> $vector {
                    // SAFETY: see above.
                    unsafe { $add(a, b) }
                }
                #[inline(always)]
                unsafe fn load(from: *const $element) -> $vector {
                    // SAFETY: see above.
                    unsafe { $load(from) }
                }
                #[inline(always)]
                unsafe fn store(to: *mut $element, value: $vector) {
                    // SAFETY: see above.
                    unsafe { $store(to, value) }
                }
                #[inline(always)]
                unsafe fn mask($count: usize) -> $mask_type {
                    $mask
                }
                #[inline(always)]
                unsafe fn load_masked($from: *const $element, $m1: $mask_type) -> $vector {
                    // SAFETY: see above; lanes outside the mask are not read.
                    unsafe { $load_masked }
                }
                #[inline(always)]
                unsafe fn store_masked($to: *mut $element, $value: $vector, $m2: $mask_type) {
                    // SAFETY: see above; lanes outside the mask are not written.
                    unsafe { $store_masked }
                }
                #[inline(always)]
                fn prefetch(address: *const $element) {
                    // SAFETY: a prefetch may name any address.
                    unsafe { _mm_prefetch::<_MM_HINT_T0>(address.cast()) }
                }
                #[inline(always)]
                fn prefetch_far(address: *const $element) {
                    // SAFETY: a prefetch may name any address.
                    unsafe { _mm_prefetch::<_MM_HINT_T1>(address.cast()) }
                }
                $(
                    const TRANSPOSE: usize = $columns;
                    #[inline(always)]
                    unsafe fn transpose(steps: usize, from: *const $element, column_stride: isize, to: *mut $element, padded: usize) {
                        // SAFETY: see above.
                        unsafe { $transpose(steps, from, column_stride, to, padded) }
                    }
                )?
                $(
                    #[inline(always)]
                    unsafe fn store_apart(to: *mut $element, value: $vector) {
                        // SAFETY: see above.
                        unsafe { $apart(to, value) }
                    }
                )?
            }
        };
    }

    // SAFETY: plain data of the mask's size; loads from these windows give `count` set lanes, then clear ones.
    static MASKS_32: [i32; 16] = [-1, -1, -1, -1, -1, -1, -1, -1, 0, 0, 0, 0, 0, 0, 0, 0];
    static MASKS_64: [i64; 8] = [-1, -1, -1, -1, 0, 0, 0, 0];

    lanes!(
        Avx512F32, f32, __m512, __mmask16, 16, _mm512_setzero_ps, _mm512_set1_ps, _mm512_fmadd_ps, _mm512_add_ps, _mm512_loadu_ps, _mm512_storeu_ps,
        |count| ((1u32 << count) - 1) as __mmask16,
        |from, mask| _mm512_maskz_loadu_ps(mask, from),
        |to, value, mask| _mm512_mask_storeu_ps(to, mask, value),
        transpose transpose_16 16,
        apart store_apart_16
    );
    lanes!(
        Avx512F64,
        f64,
        __m512d,
        __mmask8,
        8,
        _mm512_setzero_pd,
        _mm512_set1_pd,
        _mm512_fmadd_pd,
        _mm512_add_pd,
        _mm512_loadu_pd,
        _mm512_storeu_pd,
        |count| ((1u32 << count) - 1) as __mmask8,
        |from, mask| _mm512_maskz_loadu_pd(mask, from),
        |to, value, mask| _mm512_mask_storeu_pd(to, mask, value)
    );
    lanes!(
        Avx2F32, f32, __m256, __m256i, 8, _mm256_setzero_ps, _mm256_set1_ps, _mm256_fmadd_ps, _mm256_add_ps, _mm256_loadu_ps, _mm256_storeu_ps,
        // SAFETY: `count` lies in 1 ..= 8, so the window lies inside the table.
        |count| unsafe { _mm256_loadu_si256(MASKS_32.as_ptr().add(8 - count).cast()) },
        |from, mask| _mm256_maskload_ps(from, mask),
        |to, value, mask| _mm256_maskstore_ps(to, mask, value),
        transpose transpose_8 8
    );
    lanes!(
        Avx2F64,
        f64,
        __m256d,
        __m256i,
        4,
        _mm256_setzero_pd,
        _mm256_set1_pd,
        _mm256_fmadd_pd,
        _mm256_add_pd,
        _mm256_loadu_pd,
        _mm256_storeu_pd,
        // SAFETY: `count` lies in 1 ..= 4, so the window lies inside the table.
        |count| unsafe { _mm256_loadu_si256(MASKS_64.as_ptr().add(4 - count).cast()) },
        |from, mask| _mm256_maskload_pd(from, mask),
        |to, value, mask| _mm256_maskstore_pd(to, mask, value)
    );

    /// Eight lanes at a time, expanded to the even ones of a vector; the odd ones are not written.
    #[inline(always)]
    unsafe fn store_apart_16(to: *mut f32, value: __m512) {
        const EVEN: __mmask16 = 0x5555;
        // SAFETY: the contract of `Lanes::store_apart`.
        unsafe {
            _mm512_mask_storeu_ps(to, EVEN, _mm512_maskz_expand_ps(EVEN, value));
            let upper = _mm512_shuffle_f32x4::<0b11_10_11_10>(value, value);
            _mm512_mask_storeu_ps(to.add(16), EVEN, _mm512_maskz_expand_ps(EVEN, upper));
        }
    }

    /// Sixteen columns, sixteen steps at a time, so that each cache line is loaded once: columns often lie a power of two apart and push each
    /// other out of the first-level cache.
    #[inline(always)]
    #[allow(clippy::needless_range_loop)]
    unsafe fn transpose_16(steps: usize, from: *const f32, column_stride: isize, to: *mut f32, padded: usize) {
        // SAFETY: the contract of `Lanes::transpose`: sixteen columns of `steps` elements, `steps` a multiple of 4.
        unsafe {
            let square = steps / 16 * 16;
            for step in (0..square).step_by(16) {
                // Counted loops only: closures inside library functions would not have the instruction set.
                let mut columns = [_mm512_setzero_ps(); 16];
                for i in 0..16 {
                    let from = from.wrapping_offset(i as isize * column_stride).wrapping_add(step);
                    _mm_prefetch::<_MM_HINT_T0>(from.wrapping_add(PREFETCH_TRANSPOSED).cast());
                    columns[i] = _mm512_loadu_ps(from);
                }
                // Four columns by four steps within the quarters, then the quarters themselves.
                let mut groups = [[_mm512_setzero_ps(); 4]; 4];
                for i in 0..4 {
                    let [a, b, c, d] = [columns[4 * i], columns[4 * i + 1], columns[4 * i + 2], columns[4 * i + 3]];
                    let (ab_low, ab_high) = (_mm512_unpacklo_ps(a, b), _mm512_unpackhi_ps(a, b));
                    let (cd_low, cd_high) = (_mm512_unpacklo_ps(c, d), _mm512_unpackhi_ps(c, d));
                    groups[i] = [
                        _mm512_shuffle_ps::<0b01_00_01_00>(ab_low, cd_low),
                        _mm512_shuffle_ps::<0b11_10_11_10>(ab_low, cd_low),
                        _mm512_shuffle_ps::<0b01_00_01_00>(ab_high, cd_high),
                        _mm512_shuffle_ps::<0b11_10_11_10>(ab_high, cd_high),
                    ];
                }
                for i in 0..4 {
                    let [a, b, c, d] = [groups[0][i], groups[1][i], groups[2][i], groups[3][i]];
                    let (ab_even, ab_odd) = (_mm512_shuffle_f32x4::<0b10_00_10_00>(a, b), _mm512_shuffle_f32x4::<0b11_01_11_01>(a, b));
                    let (cd_even, cd_odd) = (_mm512_shuffle_f32x4::<0b10_00_10_00>(c, d), _mm512_shuffle_f32x4::<0b11_01_11_01>(c, d));
                    let target = to.add((step + i) * padded);
                    _mm512_storeu_ps(target, _mm512_shuffle_f32x4::<0b10_00_10_00>(ab_even, cd_even));
                    _mm512_storeu_ps(target.add(4 * padded), _mm512_shuffle_f32x4::<0b10_00_10_00>(ab_odd, cd_odd));
                    _mm512_storeu_ps(target.add(8 * padded), _mm512_shuffle_f32x4::<0b11_01_11_01>(ab_even, cd_even));
                    _mm512_storeu_ps(target.add(12 * padded), _mm512_shuffle_f32x4::<0b11_01_11_01>(ab_odd, cd_odd));
                }
            }
            for step in (square..steps).step_by(4) {
                let quarter = |column: usize| _mm_loadu_ps(from.wrapping_offset(column as isize * column_stride).wrapping_add(step));
                let gathered = |first: usize| {
                    let columns = _mm512_castps128_ps512(quarter(first));
                    let columns = _mm512_insertf32x4::<1>(columns, quarter(first + 4));
                    let columns = _mm512_insertf32x4::<2>(columns, quarter(first + 8));
                    _mm512_insertf32x4::<3>(columns, quarter(first + 12))
                };
                let [a, b, c, d] = [gathered(0), gathered(1), gathered(2), gathered(3)];
                let (ab_low, ab_high) = (_mm512_unpacklo_ps(a, b), _mm512_unpackhi_ps(a, b));
                let (cd_low, cd_high) = (_mm512_unpacklo_ps(c, d), _mm512_unpackhi_ps(c, d));
                let target = to.add(step * padded);
                _mm512_storeu_ps(target, _mm512_shuffle_ps::<0b01_00_01_00>(ab_low, cd_low));
                _mm512_storeu_ps(target.add(padded), _mm512_shuffle_ps::<0b11_10_11_10>(ab_low, cd_low));
                _mm512_storeu_ps(target.add(2 * padded), _mm512_shuffle_ps::<0b01_00_01_00>(ab_high, cd_high));
                _mm512_storeu_ps(target.add(3 * padded), _mm512_shuffle_ps::<0b11_10_11_10>(ab_high, cd_high));
            }
        }
    }

    /// Eight columns, as [`transpose_16`].
    #[inline(always)]
    unsafe fn transpose_8(steps: usize, from: *const f32, column_stride: isize, to: *mut f32, padded: usize) {
        // SAFETY: the contract of `Lanes::transpose`: eight columns of `steps` elements, `steps` a multiple of 4.
        unsafe {
            for step in (0..steps).step_by(4) {
                let quarter = |column: usize| _mm_loadu_ps(from.wrapping_offset(column as isize * column_stride).wrapping_add(step));
                let gathered = |first: usize| _mm256_insertf128_ps::<1>(_mm256_castps128_ps256(quarter(first)), quarter(first + 4));
                let [a, b, c, d] = [gathered(0), gathered(1), gathered(2), gathered(3)];
                let (ab_low, ab_high) = (_mm256_unpacklo_ps(a, b), _mm256_unpackhi_ps(a, b));
                let (cd_low, cd_high) = (_mm256_unpacklo_ps(c, d), _mm256_unpackhi_ps(c, d));
                let target = to.add(step * padded);
                _mm256_storeu_ps(target, _mm256_shuffle_ps::<0b01_00_01_00>(ab_low, cd_low));
                _mm256_storeu_ps(target.add(padded), _mm256_shuffle_ps::<0b11_10_11_10>(ab_low, cd_low));
                _mm256_storeu_ps(target.add(2 * padded), _mm256_shuffle_ps::<0b01_00_01_00>(ab_high, cd_high));
                _mm256_storeu_ps(target.add(3 * padded), _mm256_shuffle_ps::<0b11_10_11_10>(ab_high, cd_high));
            }
        }
    }

    // 32 registers: up to 24 sums. 16 registers: up to 12.
    kernels!(AVX512_F32, Avx512F32, f32, "avx512f"; streaming 4 6; 1: 1 2 3 4 5 6 7 8, 2: 1 2 3 4 5 6 7 8, 3: 1 2 3 4 5 6 7 8, 4: 1 2 3 4 5 6);
    kernels!(AVX512_F64, Avx512F64, f64, "avx512f"; streaming 4 6; 1: 1 2 3 4 5 6 7 8, 2: 1 2 3 4 5 6 7 8, 3: 1 2 3 4 5 6 7 8, 4: 1 2 3 4 5 6);
    kernels!(AVX2_F32, Avx2F32, f32, "avx2,fma"; streaming 2 6; 1: 1 2 3 4 5 6 7 8, 2: 1 2 3 4 5 6);
    kernels!(AVX2_F64, Avx2F64, f64, "avx2,fma"; streaming 2 6; 1: 1 2 3 4 5 6 7 8, 2: 1 2 3 4 5 6);
}

#[cfg(target_arch = "aarch64")]
mod neon {
    use super::*;
    use std::arch::aarch64::*;

    macro_rules! lanes {
        ($name:ident, $element:ty, $vector:ty, $lanes:literal, $splat:ident, $fma:ident, $add:ident, $load:ident, $store:ident) => {
            struct $name;
            // SAFETY (all functions): NEON is part of the architecture; the caller's promise for pointers.
            impl Lanes for $name {
                type Element = $element;
                type Vector = $vector;
                type Mask = usize;
                const COUNT: usize = $lanes;
                #[inline(always)]
                unsafe fn zero() -> $vector {
                    // SAFETY: see above.
                    unsafe { $splat(0.0) }
                }
                #[inline(always)]
                unsafe fn splat(value: $element) -> $vector {
                    // SAFETY: see above.
                    unsafe { $splat(value) }
                }
                #[inline(always)]
                unsafe fn multiply_add(a: $vector, b: $vector, c: $vector) -> $vector {
                    // SAFETY: see above.
                    unsafe { $fma(c, a, b) }
                }
                #[inline(always)]
                unsafe fn add(a: $vector, b: $vector) -> $vector {
                    // SAFETY: see above.
                    unsafe { $add(a, b) }
                }
                #[inline(always)]
                unsafe fn load(from: *const $element) -> $vector {
                    // SAFETY: see above.
                    unsafe { $load(from) }
                }
                #[inline(always)]
                unsafe fn store(to: *mut $element, value: $vector) {
                    // SAFETY: see above.
                    unsafe { $store(to, value) }
                }
                #[inline(always)]
                unsafe fn mask(count: usize) -> usize {
                    count
                }
                #[inline(always)]
                unsafe fn load_masked(from: *const $element, count: usize) -> $vector {
                    let mut lanes = [0.0; $lanes];
                    // SAFETY: see above; `count` is at most the number of lanes.
                    unsafe {
                        for lane in 0..count {
                            lanes[lane] = *from.add(lane);
                        }
                        $load(lanes.as_ptr())
                    }
                }
                #[inline(always)]
                unsafe fn store_masked(to: *mut $element, value: $vector, count: usize) {
                    let mut lanes = [0.0; $lanes];
                    // SAFETY: see above; `count` is at most the number of lanes.
                    unsafe {
                        $store(lanes.as_mut_ptr(), value);
                        for lane in 0..count {
                            *to.add(lane) = lanes[lane];
                        }
                    }
                }
            }
        };
    }
    lanes!(NeonF32, f32, float32x4_t, 4, vdupq_n_f32, vfmaq_f32, vaddq_f32, vld1q_f32, vst1q_f32);
    lanes!(NeonF64, f64, float64x2_t, 2, vdupq_n_f64, vfmaq_f64, vaddq_f64, vld1q_f64, vst1q_f64);

    // 32 registers: up to 24 sums.
    kernels!(NEON_F32, NeonF32, f32, "neon"; streaming 4 6; 1: 1 2 3 4 5 6 7 8, 2: 1 2 3 4 5 6 7 8, 3: 1 2 3 4 5 6 7 8, 4: 1 2 3 4 5 6);
    kernels!(NEON_F64, NeonF64, f64, "neon"; streaming 4 6; 1: 1 2 3 4 5 6 7 8, 2: 1 2 3 4 5 6 7 8, 3: 1 2 3 4 5 6 7 8, 4: 1 2 3 4 5 6);
}
