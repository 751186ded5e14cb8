//! The pools that most networks have: windows of 2 x 2 side by side. All four elements of a window are looked at together, and as no element
//! lies in two windows, what goes back is written where it belongs, zeros and all.

use super::super::{Kernel, Memory};
use super::{Element, Geometry, for_places, for_rows};
use crate::error::Result;
use crate::runtime::cpu::simd::Level;
use crate::runtime::jobs::Jobs;

/// Whether `candidate` is larger than what comes before it. NaN counts as largest; of equals the first is taken.
#[inline(always)]
fn beats<T: Element>(candidate: T, before: T) -> bool {
    candidate > before || (candidate.is_nan() && !before.is_nan())
}

#[inline(always)]
unsafe fn largest<T: Element>(count: usize, best: *mut T, [upper, lower]: [*const T; 2]) {
    for i in 0..count {
        // SAFETY: the caller's.
        unsafe {
            let mut so_far = *upper.add(2 * i);
            for candidate in [*upper.add(2 * i + 1), *lower.add(2 * i), *lower.add(2 * i + 1)] {
                so_far = if beats(candidate, so_far) { candidate } else { so_far };
            }
            *best.add(i) = so_far;
        }
    }
}

#[inline(always)]
unsafe fn route<T: Element>(count: usize, [upper, lower]: [*const T; 2], v: *const T, [to_upper, to_lower]: [*mut T; 2]) {
    for i in 0..count {
        // SAFETY: the caller's.
        unsafe {
            let (a, b, c, d) = (*upper.add(2 * i), *upper.add(2 * i + 1), *lower.add(2 * i), *lower.add(2 * i + 1));
            let (right, beneath) = (beats(b, a), beats(d, c));
            let (above, below) = (if right { b } else { a }, if beneath { d } else { c });
            let down = beats(below, above);
            let (value, zero) = (*v.add(i), T::default());
            *to_upper.add(2 * i) = if !down & !right { value } else { zero };
            *to_upper.add(2 * i + 1) = if !down & right { value } else { zero };
            *to_lower.add(2 * i) = if down & !beneath { value } else { zero };
            *to_lower.add(2 * i + 1) = if down & beneath { value } else { zero };
        }
    }
}

/// (windows, best, rows of elements): the largest element of each window.
type LargestLoop<T> = unsafe fn(usize, *mut T, [*const T; 2]);
/// (windows, rows of elements, values, rows of the result): each window's value at its first largest element, 0 elsewhere.
type RouteLoop<T> = unsafe fn(usize, [*const T; 2], *const T, [*mut T; 2]);

/// The loops, compiled with an instruction set.
macro_rules! loops {
    ($name:ident $(, $feature:literal)?) => {
        fn $name<T: Element>() -> (LargestLoop<T>, RouteLoop<T>) {
            $(#[target_feature(enable = $feature)])?
            unsafe fn largest_here<T: Element>(count: usize, best: *mut T, x: [*const T; 2]) {
                // SAFETY: the caller's.
                unsafe { largest(count, best, x) }
            }
            $(#[target_feature(enable = $feature)])?
            unsafe fn route_here<T: Element>(count: usize, x: [*const T; 2], v: *const T, to: [*mut T; 2]) {
                // SAFETY: the caller's.
                unsafe { route(count, x, v, to) }
            }
            (largest_here, route_here)
        }
    };
}
loops!(portable);
#[cfg(target_arch = "x86_64")]
loops!(avx2, "avx2");
#[cfg(target_arch = "x86_64")]
loops!(avx512, "avx512f,avx512bw,avx512dq,avx512vl");

fn loops<T: Element>(level: Level) -> (LargestLoop<T>, RouteLoop<T>) {
    match level {
        #[cfg(target_arch = "x86_64")]
        Level::Avx2 if T::HAS_VECTORS => avx2(),
        #[cfg(target_arch = "x86_64")]
        Level::Avx512 if T::HAS_VECTORS => avx512(),
        _ => portable(),
    }
}

/// The place of the first element of a row of windows.
fn start(geometry: &Geometry, row: usize) -> usize {
    let [_, h, w] = geometry.axes;
    (row / h.count * h.size + row % h.count * 2) * w.size
}

pub(super) struct Largest<T> {
    geometry: Geometry,
    largest: LargestLoop<T>,
}

impl<T: Element> Largest<T> {
    pub fn new(geometry: Geometry, level: Level) -> Largest<T> {
        Largest { geometry, largest: loops(level).0 }
    }
}

impl<T: Element> Kernel for Largest<T> {
    unsafe fn run(&self, memory: &Memory, jobs: &Jobs) -> Result<()> {
        let g = &self.geometry;
        let (x, out) = (memory.input(0), memory.output(0));
        let [_, _, w] = g.axes;
        for_rows(g, jobs, 0, &|place, row, _| {
            // SAFETY: rows are different parts of the result; the two rows of elements lie inside of the leading place.
            unsafe {
                let x = x.get().cast::<T>().add(place * g.elements() + start(g, row)).cast_const();
                let best = out.get().cast::<T>().add(place * g.windows() + row * w.count);
                (self.largest)(w.count, best, [x, x.add(w.size)]);
            }
        })
    }
}

/// What windows hand back to the elements that are their first largest.
pub(super) struct Route<T> {
    geometry: Geometry,
    route: RouteLoop<T>,
}

impl<T: Element> Route<T> {
    pub fn new(geometry: Geometry, level: Level) -> Route<T> {
        Route { geometry, route: loops(level).1 }
    }
}

impl<T: Element> Kernel for Route<T> {
    unsafe fn run(&self, memory: &Memory, jobs: &Jobs) -> Result<()> {
        let g = &self.geometry;
        let (x, v, out) = (memory.input(0), memory.input(1), memory.output(0));
        let [d, h, w] = g.axes;
        // Elements behind the last window belong to none.
        let has_rest = d.size > d.count || h.size > 2 * h.count || w.size > 2 * w.count;
        for_places(g, jobs, 0, &|place, _| {
            // SAFETY: each leading place has its own part of the result; the rows lie inside of it.
            unsafe {
                let x = x.get().cast::<T>().add(place * g.elements()).cast_const();
                let v = v.get().cast::<T>().add(place * g.windows()).cast_const();
                let out = out.get().cast::<T>().add(place * g.elements());
                if has_rest {
                    out.write_bytes(0, g.elements());
                }
                for row in 0..g.rows() {
                    let (first, next) = (start(g, row), start(g, row) + w.size);
                    (self.route)(w.count, [x.add(first), x.add(next)], v.add(row * w.count), [out.add(first), out.add(next)]);
                }
            }
        })
    }
}
