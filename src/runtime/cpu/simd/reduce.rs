//! Reductions along rows and down columns, and the kernels that spread values out again.

use super::vector::{Float, Integer, MAX_LANES, Mask, Simd, Vector};
use super::{Class, ColumnReduce, Fill, RowOp, RowReduce};
use std::marker::PhantomData;

/// How two partial results become one.
pub trait Fold<V: Vector> {
    const IDENTITY: V::Element;
    /// Partial results of blocks are joined separately, so that rounding errors stay small in long rows.
    const BLOCKED: bool;
    fn join(a: V, b: V) -> V;
}

pub struct Sum;
pub struct Product;
pub struct Largest;
pub struct Smallest;

macro_rules! folds {
    ($($class:ty: $vector:ident, $blocked:literal, $low:expr, $high:expr;)*) => {$(
        impl<V: $vector<Element = $class>> Fold<V> for Of<Sum, $class> {
            const IDENTITY: $class = 0 as $class;
            const BLOCKED: bool = $blocked;
            #[inline(always)]
            fn join(a: V, b: V) -> V { a.add(b) }
        }
        impl<V: $vector<Element = $class>> Fold<V> for Of<Product, $class> {
            const IDENTITY: $class = 1 as $class;
            const BLOCKED: bool = $blocked;
            #[inline(always)]
            fn join(a: V, b: V) -> V { a.mul(b) }
        }
        impl<V: $vector<Element = $class>> Fold<V> for Of<Largest, $class> {
            const IDENTITY: $class = $low;
            const BLOCKED: bool = false;
            #[inline(always)]
            fn join(a: V, b: V) -> V { a.max(b) }
        }
        impl<V: $vector<Element = $class>> Fold<V> for Of<Smallest, $class> {
            const IDENTITY: $class = $high;
            const BLOCKED: bool = false;
            #[inline(always)]
            fn join(a: V, b: V) -> V { a.min(b) }
        }
    )*};
}
/// A fold for one element type.
pub struct Of<F, T>(PhantomData<(F, T)>);
folds! {
    f32: Float, true, f32::NEG_INFINITY, f32::INFINITY;
    f64: Float, true, f64::NEG_INFINITY, f64::INFINITY;
    i32: Integer, false, i32::MIN, i32::MAX;
    i64: Integer, false, i64::MIN, i64::MAX;
}

pub trait RowRoutine {
    /// # Safety
    /// As for [`RowReduce`].
    unsafe fn run(rows: usize, columns: usize, target: *mut u8, source: *const u8);
}
pub trait ColumnRoutine {
    /// # Safety
    /// As for [`ColumnReduce`].
    unsafe fn run(rows: usize, columns: usize, sums: *mut u8, source: *const u8);
}
pub trait FillRoutine {
    /// # Safety
    /// As for [`Fill`].
    unsafe fn run(n: usize, target: *mut u8, start: i64, step: i64);
}

/// Vectors that each of the four accumulators takes in before a block ends.
const BLOCK: usize = 32;

/// All lanes joined pairwise: halves, quarters, and so on.
#[inline(always)]
fn across<V: Vector, F: Fold<V>>(mut x: V) -> V::Element {
    if V::LANES > 8 {
        x = F::join(x, x.exchange::<8>());
    }
    if V::LANES > 4 {
        x = F::join(x, x.exchange::<4>());
    }
    x = F::join(x, x.exchange::<2>());
    F::join(x, x.exchange::<1>()).first()
}

/// The row's elements from the last whole vector on, identities behind them.
#[inline(always)]
unsafe fn rest<V: Vector, F: Fold<V>>(source: *const V::Element, count: usize) -> V {
    // SAFETY: the caller's.
    V::select(V::Mask::head(count), unsafe { V::load_head(source, count) }, V::splat(F::IDENTITY))
}

/// Accumulators that keep the processor busy; a vector that is several registers does by itself.
const fn accumulators<V: Vector>() -> usize {
    if V::IS_WIDE { 1 } else { 4 }
}

/// One row. The tree depends on the number of columns and the level only.
#[inline(always)]
unsafe fn reduce_row<V: Vector, F: Fold<V>>(columns: usize, row: *const V::Element) -> V::Element {
    let identity = V::splat(F::IDENTITY);
    let mut total = identity;
    let mut i = 0;
    let turn = const { accumulators::<V>() * V::LANES };
    // SAFETY: every access lies within the row.
    unsafe {
        if columns >= turn {
            let mut totals = [identity; 4];
            while i + turn <= columns {
                let mut sums = [identity; 4];
                let mut turns = (columns - i) / turn;
                if F::BLOCKED {
                    turns = turns.min(BLOCK);
                }
                for _ in 0..turns {
                    for (k, sum) in sums.iter_mut().enumerate().take(const { accumulators::<V>() }) {
                        *sum = F::join(*sum, V::load(row.add(i + k * V::LANES)));
                    }
                    i += turn;
                }
                for (total, sum) in totals.iter_mut().zip(sums).take(const { accumulators::<V>() }) {
                    *total = F::join(*total, sum);
                }
            }
            total = totals[0];
            if const { accumulators::<V>() } == 4 {
                total = F::join(F::join(total, totals[1]), F::join(totals[2], totals[3]));
            }
        }
        while const { accumulators::<V>() } > 1 && i + V::LANES <= columns {
            total = F::join(total, V::load(row.add(i)));
            i += V::LANES;
        }
        if i < columns {
            total = F::join(total, rest::<V, F>(row.add(i), columns - i));
        }
    }
    across::<V, F>(total)
}

/// [`RowReduce`] of one fold.
pub struct Rows<V, F>(PhantomData<(V, F)>);
impl<V: Vector, F: Fold<V>> RowRoutine for Rows<V, F> {
    #[inline(always)]
    unsafe fn run(rows: usize, columns: usize, target: *mut u8, source: *const u8) {
        let (target, source) = (target.cast::<V::Element>(), source.cast::<V::Element>());
        // SAFETY: every row and result lies within what the caller vouches for.
        unsafe {
            if columns <= V::LANES && !V::IS_WIDE {
                // The short way for rows of one vector: nothing but a load and the tree.
                for row in 0..rows {
                    let x = rest::<V, F>(source.add(row * columns), columns);
                    target.add(row).write_unaligned(across::<V, F>(x));
                }
                return;
            }
            for row in 0..rows {
                target.add(row).write_unaligned(reduce_row::<V, F>(columns, source.add(row * columns)));
            }
        }
    }
}

/// [`RowReduce`] to positions: the extreme of the row, then the first place that holds it (or NaN, where it is NaN).
pub struct Positions<S, V, F>(PhantomData<(S, V, F)>);
impl<S: Simd, V: Vector, F: Fold<V>> RowRoutine for Positions<S, V, F> {
    #[inline(always)]
    unsafe fn run(rows: usize, columns: usize, target: *mut u8, source: *const u8) {
        let (target, source) = (target.cast::<i64>(), source.cast::<V::Element>());
        let extremes_of = S::rows::<Rows<V, F>>();
        for first in (0..rows).step_by(MAX_LANES) {
            let mut extremes = [F::IDENTITY; MAX_LANES];
            let count = (rows - first).min(MAX_LANES);
            // SAFETY: every row and result lies within what the caller vouches for.
            unsafe {
                extremes_of(count, columns, extremes.as_mut_ptr().cast(), source.add(first * columns).cast());
                for (row, extreme) in (first..).zip(&extremes[..count]) {
                    let place = position(columns, source.add(row * columns), V::splat(*extreme));
                    target.add(row).write_unaligned(place as i64);
                }
            }
        }
    }
}

/// The first place that holds `wanted`, or 0.
#[inline(always)]
unsafe fn position<V: Vector>(columns: usize, row: *const V::Element, wanted: V) -> usize {
    let mut i = 0;
    while i < columns {
        let count = (columns - i).min(V::LANES);
        // SAFETY: every access lies within the row.
        let x = unsafe { if count == V::LANES { V::load(row.add(i)) } else { V::load_head(row.add(i), count) } };
        let bits = equal_or_both_nan(x, wanted).bits() & (u32::MAX >> (32 - count));
        if bits != 0 {
            return i + bits.trailing_zeros() as usize;
        }
        i += count;
    }
    0
}

#[inline(always)]
fn equal_or_both_nan<V: Vector>(a: V, b: V) -> V::Mask {
    a.eq(b).or(a.eq(a).or(b.eq(b)).not())
}

/// [`ColumnReduce`] of one fold: a strip of columns at a time stays in registers while the rows go by.
pub struct Columns<V, F>(PhantomData<(V, F)>);
impl<V: Vector, F: Fold<V>> ColumnRoutine for Columns<V, F> {
    #[inline(always)]
    unsafe fn run(rows: usize, columns: usize, sums: *mut u8, source: *const u8) {
        let (sums, source) = (sums.cast::<V::Element>(), source.cast::<V::Element>());
        let mut c = 0;
        // SAFETY: every access lies within the columns, which the caller vouches for.
        unsafe {
            while !V::IS_WIDE && c + 4 * V::LANES <= columns {
                let at = |k: usize| c + k * V::LANES;
                let mut strip = [V::load(sums.add(at(0))), V::load(sums.add(at(1))), V::load(sums.add(at(2))), V::load(sums.add(at(3)))];
                for row in 0..rows {
                    for (k, sum) in strip.iter_mut().enumerate() {
                        *sum = F::join(*sum, V::load(source.add(row * columns + at(k))));
                    }
                }
                for (k, sum) in strip.into_iter().enumerate() {
                    sum.store(sums.add(at(k)));
                }
                c += 4 * V::LANES;
            }
            while c + V::LANES <= columns {
                let mut sum = V::load(sums.add(c));
                for row in 0..rows {
                    sum = F::join(sum, V::load(source.add(row * columns + c)));
                }
                sum.store(sums.add(c));
                c += V::LANES;
            }
            if c < columns {
                let count = columns - c;
                let mut sum = V::load_head(sums.add(c), count);
                for row in 0..rows {
                    sum = F::join(sum, V::load_head(source.add(row * columns + c), count));
                }
                sum.store_head(sums.add(c), count);
            }
        }
    }
}

/// Each element `columns` times.
pub struct Expand<V>(PhantomData<V>);
impl<V: Vector> RowRoutine for Expand<V> {
    #[inline(always)]
    unsafe fn run(rows: usize, columns: usize, target: *mut u8, source: *const u8) {
        let (target, source) = (target.cast::<V::Element>(), source.cast::<V::Element>());
        let total = rows * columns;
        for r in 0..rows {
            let (mut i, end) = (r * columns, (r + 1) * columns);
            // SAFETY: whole vectors are written only where they end within the target; what they put into later rows those overwrite.
            unsafe {
                let x = V::splat(source.add(r).read_unaligned());
                while i < end && i + V::LANES <= total {
                    x.store(target.add(i));
                    i += V::LANES;
                }
                if i < end {
                    x.store_head(target.add(i), end - i);
                }
            }
        }
    }
}

/// start + i * step, wrapping; for floats the integer result converted.
pub struct Iota<S, R>(PhantomData<(S, R)>);
impl<S: Simd, R: Index<S>> FillRoutine for Iota<S, R> {
    #[inline(always)]
    unsafe fn run(n: usize, target: *mut u8, start: i64, step: i64) {
        let target = target.cast::<<R::Lanes as Vector>::Element>();
        let mut ramp = [0; MAX_LANES];
        for (i, lane) in ramp.iter_mut().enumerate() {
            *lane = start.wrapping_add(step.wrapping_mul(i as i64));
        }
        // SAFETY: MAX_LANES elements are there; writes stay within n elements.
        unsafe {
            let mut x = S::I64::load(ramp.as_ptr());
            let stride = S::I64::splat(step.wrapping_mul(S::LANES as i64));
            let mut i = 0;
            while i + S::LANES <= n {
                R::lanes(x).store(target.add(i));
                x = x.add(stride);
                i += S::LANES;
            }
            if i < n {
                R::lanes(x).store_head(target.add(i), n - i);
            }
        }
    }
}

/// What an index becomes in each class.
pub trait Index<S: Simd> {
    type Lanes: Vector;
    fn lanes(x: S::I64) -> Self::Lanes;
}

macro_rules! indices {
    ($($class:ident: |$x:ident| $body:expr;)*) => {$(
        pub struct $class;
        impl<S: Simd> Index<S> for $class {
            type Lanes = S::$class;
            #[inline(always)]
            fn lanes($x: S::I64) -> S::$class {
                $body
            }
        }
    )*};
}
indices! {
    F32: |x| S::i64_to_f32(x);
    F64: |x| S::i64_to_f64(x);
    I32: |x| S::i64_to_i32(x);
    I64: |x| x;
}

/// See [`super::row_reduce`].
pub fn rows<S: Simd>(operation: RowOp, class: Class) -> Option<RowReduce> {
    macro_rules! entry {
        ($routine:ident $($level:ident)?: $fold:ident) => {
            match class {
                Class::F32 => S::rows::<$routine<$($level,)? S::F32, Of<$fold, f32>>>(),
                Class::F64 => S::rows::<$routine<$($level,)? S::F64, Of<$fold, f64>>>(),
                Class::I32 => S::rows::<$routine<$($level,)? S::I32, Of<$fold, i32>>>(),
                Class::I64 => S::rows::<$routine<$($level,)? S::I64, Of<$fold, i64>>>(),
            }
        };
    }
    Some(match operation {
        RowOp::Sum => entry!(Rows: Sum),
        RowOp::Prod => entry!(Rows: Product),
        RowOp::Max => entry!(Rows: Largest),
        RowOp::Min => entry!(Rows: Smallest),
        RowOp::ArgMax => entry!(Positions S: Largest),
        RowOp::ArgMin => entry!(Positions S: Smallest),
    })
}

/// See [`super::column_reduce`].
pub fn columns<S: Simd>(operation: RowOp, class: Class) -> Option<ColumnReduce> {
    macro_rules! entry {
        ($fold:ident) => {
            match class {
                Class::F32 => S::columns::<Columns<S::F32, Of<$fold, f32>>>(),
                Class::F64 => S::columns::<Columns<S::F64, Of<$fold, f64>>>(),
                Class::I32 => S::columns::<Columns<S::I32, Of<$fold, i32>>>(),
                Class::I64 => S::columns::<Columns<S::I64, Of<$fold, i64>>>(),
            }
        };
    }
    match operation {
        RowOp::Sum => Some(entry!(Sum)),
        RowOp::Prod => Some(entry!(Product)),
        RowOp::Max => Some(entry!(Largest)),
        RowOp::Min => Some(entry!(Smallest)),
        RowOp::ArgMax | RowOp::ArgMin => None,
    }
}

/// See [`super::expand_rows`].
pub fn expand<S: Simd>(class: Class) -> RowReduce {
    match class {
        Class::F32 | Class::I32 => S::rows::<Expand<S::I32>>(),
        Class::F64 | Class::I64 => S::rows::<Expand<S::I64>>(),
    }
}

/// See [`super::iota`].
pub fn iota<S: Simd>(class: Class) -> Fill {
    match class {
        Class::F32 => S::fill::<Iota<S, F32>>(),
        Class::F64 => S::fill::<Iota<S, F64>>(),
        Class::I32 => S::fill::<Iota<S, I32>>(),
        Class::I64 => S::fill::<Iota<S, I64>>(),
    }
}
