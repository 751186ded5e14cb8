//! Pools: the largest element, or the sum, of each window, and what goes back from windows to elements.
//!
//! A row of windows at a time: for each tap, one pass over the row. Windows of 2 x 2 side by side take all four taps in one pass: see
//! [`quads`]. The inner loops are compiled for each instruction set.

mod quads;

use super::{Kernel, Memory, TASK};
use crate::compiler::KernelStep;
use crate::error::{Error, Result};
use crate::ir::{WindowAxis, WindowRole};
use crate::runtime::cpu::simd::Level;
use crate::runtime::jobs::Jobs;
use crate::tensor::DType;

/// What pools work on.
trait Element: Copy + Default + PartialOrd + Send + Sync + 'static {
    /// Whether its loops are compiled for each instruction set: images of integers are rare, and copies of loops are not free.
    const HAS_VECTORS: bool;
    /// Integers wrap.
    fn plus(self, other: Self) -> Self;
    #[inline(always)]
    fn is_nan(self) -> bool {
        self.partial_cmp(&self).is_none()
    }
}
macro_rules! elements {
    ($($ty:ty: $has_vectors:expr, $plus:expr;)*) => {$(
        impl Element for $ty {
            const HAS_VECTORS: bool = $has_vectors;
            #[inline(always)]
            fn plus(self, other: $ty) -> $ty {
                $plus(self, other)
            }
        }
    )*};
}
elements! {
    f64: true, |a, b| a + b;
    f32: true, |a, b| a + b;
    i64: false, i64::wrapping_add;
    i32: false, i32::wrapping_add;
    u8: false, u8::wrapping_add;
}

/// The loops over a row: `count` windows, whose elements under the tap are `stride` apart.
struct Loops<T> {
    /// (count, best, x, stride): best = the larger one; NaN counts as largest.
    larger: unsafe fn(usize, *mut T, *const T, usize),
    /// (count, best, places, x, place of the first element, stride): the place too, of the first largest.
    place: unsafe fn(usize, *mut T, *mut usize, *const T, usize, usize),
    /// (count, sums, x, stride): sums += x
    add: unsafe fn(usize, *mut T, *const T, usize),
    /// (count, x, values, stride): x += values
    spread: unsafe fn(usize, *mut T, *const T, usize),
}

#[inline(always)]
unsafe fn larger<T: Element>(count: usize, best: *mut T, x: *const T, stride: usize) {
    #[inline(always)]
    unsafe fn run<T: Element>(count: usize, best: *mut T, x: *const T, stride: usize) {
        for i in 0..count {
            // SAFETY: the caller's.
            unsafe {
                let (candidate, so_far) = (*x.add(i * stride), *best.add(i));
                *best.add(i) = if candidate > so_far || candidate.is_nan() { candidate } else { so_far };
            }
        }
    }
    // SAFETY: the caller's. Strides that the compiler knows become vector code.
    unsafe {
        match stride {
            1 => run(count, best, x, 1),
            2 => run(count, best, x, 2),
            _ => run(count, best, x, stride),
        }
    }
}

#[inline(always)]
unsafe fn place<T: Element>(count: usize, best: *mut T, places: *mut usize, x: *const T, first: usize, stride: usize) {
    for i in 0..count {
        // SAFETY: the caller's.
        unsafe {
            let (candidate, so_far) = (*x.add(first + i * stride), *best.add(i));
            let takes = candidate > so_far || (candidate.is_nan() && !so_far.is_nan());
            *best.add(i) = if takes { candidate } else { so_far };
            *places.add(i) = if takes { first + i * stride } else { *places.add(i) };
        }
    }
}

#[inline(always)]
unsafe fn add<T: Element>(count: usize, sums: *mut T, x: *const T, stride: usize) {
    #[inline(always)]
    unsafe fn run<T: Element>(count: usize, sums: *mut T, x: *const T, stride: usize) {
        for i in 0..count {
            // SAFETY: the caller's.
            unsafe { *sums.add(i) = (*sums.add(i)).plus(*x.add(i * stride)) };
        }
    }
    // SAFETY: the caller's.
    unsafe {
        match stride {
            1 => run(count, sums, x, 1),
            2 => run(count, sums, x, 2),
            _ => run(count, sums, x, stride),
        }
    }
}

#[inline(always)]
unsafe fn spread<T: Element>(count: usize, x: *mut T, values: *const T, stride: usize) {
    #[inline(always)]
    unsafe fn run<T: Element>(count: usize, x: *mut T, values: *const T, stride: usize) {
        for i in 0..count {
            // SAFETY: the caller's.
            unsafe { *x.add(i * stride) = (*x.add(i * stride)).plus(*values.add(i)) };
        }
    }
    // SAFETY: the caller's.
    unsafe {
        match stride {
            1 => run(count, x, values, 1),
            2 => run(count, x, values, 2),
            _ => run(count, x, values, stride),
        }
    }
}

/// The loops, compiled with an instruction set.
macro_rules! loops {
    ($name:ident $(, $feature:literal)?) => {
        fn $name<T: Element>() -> Loops<T> {
            $(#[target_feature(enable = $feature)])?
            unsafe fn larger_here<T: Element>(count: usize, best: *mut T, x: *const T, stride: usize) {
                // SAFETY: the caller's.
                unsafe { larger(count, best, x, stride) }
            }
            $(#[target_feature(enable = $feature)])?
            unsafe fn place_here<T: Element>(count: usize, best: *mut T, places: *mut usize, x: *const T, first: usize, stride: usize) {
                // SAFETY: the caller's.
                unsafe { place(count, best, places, x, first, stride) }
            }
            $(#[target_feature(enable = $feature)])?
            unsafe fn add_here<T: Element>(count: usize, sums: *mut T, x: *const T, stride: usize) {
                // SAFETY: the caller's.
                unsafe { add(count, sums, x, stride) }
            }
            $(#[target_feature(enable = $feature)])?
            unsafe fn spread_here<T: Element>(count: usize, x: *mut T, values: *const T, stride: usize) {
                // SAFETY: the caller's.
                unsafe { spread(count, x, values, stride) }
            }
            Loops { larger: larger_here, place: place_here, add: add_here, spread: spread_here }
        }
    };
}
loops!(portable);
#[cfg(target_arch = "x86_64")]
loops!(avx2, "avx2");
#[cfg(target_arch = "x86_64")]
loops!(avx512, "avx512f,avx512bw,avx512dq,avx512vl");

impl<T: Element> Loops<T> {
    fn of(level: Level) -> Loops<T> {
        match level {
            #[cfg(target_arch = "x86_64")]
            Level::Avx2 if T::HAS_VECTORS => avx2(),
            #[cfg(target_arch = "x86_64")]
            Level::Avx512 if T::HAS_VECTORS => avx512(),
            _ => portable(),
        }
    }
}

/// Windows of every leading place; always three axes, the outer ones of size 1 where there are fewer.
#[derive(Clone, Copy)]
struct Geometry {
    lead: usize,
    axes: [WindowAxis; 3],
}

impl Geometry {
    fn elements(&self) -> usize {
        self.axes.iter().map(|axis| axis.size).product()
    }
    fn windows(&self) -> usize {
        self.axes.iter().map(|axis| axis.count).product()
    }
    /// Rows of windows of a leading place.
    fn rows(&self) -> usize {
        self.axes[0].count * self.axes[1].count
    }
    /// The windows of a row under whose tap `tap` there are elements: the first, how many, and the first's column.
    fn along(&self, tap: usize) -> (usize, usize, usize) {
        let WindowAxis { size, stride, dilation, low, count, .. } = self.axes[2];
        let shift = tap * dilation;
        let first = low.saturating_sub(shift).div_ceil(stride).min(count);
        let end = (size + low).saturating_sub(shift).div_ceil(stride).clamp(first, count);
        // Without a window there is no column either.
        (first, end - first, (first * stride + shift).saturating_sub(low))
    }
    /// Calls `visit` with (first window of the row, windows, place of the first element) for each tap with elements, in order.
    fn taps(&self, row: usize, mut visit: impl FnMut(usize, usize, usize)) {
        let [d, h, w] = self.axes;
        let (plane, line) = (row / h.count, row % h.count);
        for i in 0..d.kernel {
            let Some(depth) = d.position(plane, i) else { continue };
            for j in 0..h.kernel {
                let Some(height) = h.position(line, j) else { continue };
                let base = (depth * h.size + height) * w.size;
                for k in 0..w.kernel {
                    let (first, count, column) = self.along(k);
                    if count > 0 {
                        visit(first, count, base + column);
                    }
                }
            }
        }
    }
    /// Whether windows are 2 x 2 elements side by side, none of them padding.
    fn are_quads(&self) -> bool {
        let [d, h, w] = self.axes;
        let is_pair =
            |axis: WindowAxis| axis.kernel == 2 && axis.stride == 2 && axis.dilation == 1 && axis.low == 0 && axis.size >= 2 * axis.count;
        d.kernel == 1 && d.stride == 1 && d.low == 0 && d.size >= d.count && is_pair(h) && is_pair(w)
    }
    /// The place of the first element of each window of a row, which has one.
    fn firsts(&self, row: usize, mut visit: impl FnMut(usize, usize)) {
        let [d, h, w] = self.axes;
        let first = |axis: &WindowAxis, window: usize| {
            let tap = axis.low.saturating_sub(window * axis.stride).div_ceil(axis.dilation);
            window * axis.stride + tap * axis.dilation - axis.low
        };
        let base = (first(&d, row / h.count) * h.size + first(&h, row % h.count)) * w.size;
        for window in 0..w.count {
            visit(window, base + first(&w, window));
        }
    }
}

pub(super) fn ready(step: &KernelStep, role: WindowRole, window: &[WindowAxis], level: Level) -> Result<Box<dyn Kernel>> {
    let mut axes = [WindowAxis { size: 1, kernel: 1, stride: 1, dilation: 1, low: 0, count: 1 }; 3];
    axes[3 - window.len()..].copy_from_slice(window);
    let dims = step.input_types[0].shape;
    let geometry = Geometry { lead: dims.dims()[..dims.rank() - window.len()].iter().product(), axes };
    match step.input_types[0].dtype {
        DType::F64 => ready_of::<f64>(step, role, geometry, level),
        DType::F32 => ready_of::<f32>(step, role, geometry, level),
        DType::I64 => ready_of::<i64>(step, role, geometry, level),
        DType::I32 => ready_of::<i32>(step, role, geometry, level),
        DType::U8 => ready_of::<u8>(step, role, geometry, level),
        other => Err(Error::internal(format!("a pool of {other}"))),
    }
}

fn ready_of<T: Element>(step: &KernelStep, role: WindowRole, geometry: Geometry, level: Level) -> Result<Box<dyn Kernel>> {
    let loops = Loops::<T>::of(level);
    Ok(match role {
        WindowRole::Select if step.inputs[0] == step.inputs[1] && T::HAS_VECTORS && geometry.are_quads() => {
            Box::new(quads::Largest::<T>::new(geometry, level))
        }
        WindowRole::Select if step.inputs[0] == step.inputs[1] => Box::new(Largest { geometry, loops }),
        WindowRole::Select => Box::new(Select { geometry, loops, size: step.output_types[0].dtype.size() }),
        WindowRole::Sum => Box::new(Sum { geometry, loops }),
        WindowRole::Spread => Box::new(Spread { geometry, loops }),
        WindowRole::Scatter if T::HAS_VECTORS && geometry.are_quads() && step.output_types[0].dtype == step.input_types[0].dtype => {
            Box::new(quads::Route::<T>::new(geometry, level))
        }
        WindowRole::Scatter => {
            let (size, add_at) = match step.output_types[0].dtype {
                DType::F64 => (size_of::<f64>(), add_at::<f64> as AddAt),
                DType::F32 => (size_of::<f32>(), add_at::<f32> as AddAt),
                DType::I64 => (size_of::<i64>(), add_at::<i64> as AddAt),
                DType::I32 => (size_of::<i32>(), add_at::<i32> as AddAt),
                DType::U8 => (size_of::<u8>(), add_at::<u8> as AddAt),
                other => return Err(Error::internal(format!("a pool of {other}"))),
            };
            Box::new(Scatter { geometry, loops, size, add_at })
        }
    })
}

/// Runs `body` for every row of windows of every leading place: (leading place, row).
fn for_rows(geometry: &Geometry, jobs: &Jobs, scratch_bytes: usize, body: &(dyn Fn(usize, usize, *mut u8) + Sync)) -> Result<()> {
    let taps: usize = geometry.axes.iter().map(|axis| axis.kernel).product();
    let per_task = (TASK / (geometry.axes[2].count * taps).max(1)).max(1);
    let rows = geometry.lead * geometry.rows();
    jobs.parallel_for(rows.div_ceil(per_task), &|task, scratch| {
        let scratch = scratch.pointer(scratch_bytes);
        for row in task * per_task..((task + 1) * per_task).min(rows) {
            body(row / geometry.rows(), row % geometry.rows(), scratch);
        }
    })
}

/// Runs `body` for every leading place.
fn for_places(geometry: &Geometry, jobs: &Jobs, scratch_bytes: usize, body: &(dyn Fn(usize, *mut u8) + Sync)) -> Result<()> {
    let taps: usize = geometry.axes.iter().map(|axis| axis.kernel).product();
    let per_task = (TASK / (geometry.windows() * taps).max(geometry.elements()).max(1)).max(1);
    jobs.parallel_for(geometry.lead.div_ceil(per_task), &|task, scratch| {
        let scratch = scratch.pointer(scratch_bytes);
        for place in task * per_task..((task + 1) * per_task).min(geometry.lead) {
            body(place, scratch);
        }
    })
}

/// The places of the first largest elements of a row, and the elements themselves.
///
/// # Safety
/// `x` is the leading place's elements; `best` and `places` have room for a row.
unsafe fn find<T: Element>(geometry: &Geometry, loops: &Loops<T>, row: usize, x: *const T, best: *mut T, places: *mut usize) {
    // SAFETY: the caller's promise; places lie inside of the elements.
    unsafe {
        geometry.firsts(row, |window, first| {
            *best.add(window) = *x.add(first);
            *places.add(window) = first;
        });
        geometry.taps(row, |first, count, from| {
            (loops.place)(count, best.add(first), places.add(first), x, from, geometry.axes[2].stride);
        });
    }
}

/// Scratch for [`find`]: places, then elements.
fn find_bytes<T>(geometry: &Geometry) -> usize {
    geometry.axes[2].count * (size_of::<usize>() + size_of::<T>())
}

/// Select where both operands are the same.
struct Largest<T> {
    geometry: Geometry,
    loops: Loops<T>,
}

impl<T: Element> Kernel for Largest<T> {
    unsafe fn run(&self, memory: &Memory, jobs: &Jobs) -> Result<()> {
        let g = &self.geometry;
        let (x, out) = (memory.input(0), memory.output(0));
        for_rows(g, jobs, 0, &|place, row, _| {
            // SAFETY: rows are different parts of the result.
            unsafe {
                let x = x.get().cast::<T>().add(place * g.elements()).cast_const();
                let best = out.get().cast::<T>().add(place * g.windows() + row * g.axes[2].count);
                g.firsts(row, |window, first| *best.add(window) = *x.add(first));
                g.taps(row, |first, count, from| (self.loops.larger)(count, best.add(first), x.add(from), g.axes[2].stride));
            }
        })
    }
}

struct Select<T> {
    geometry: Geometry,
    loops: Loops<T>,
    /// Bytes of an element of v.
    size: usize,
}

impl<T: Element> Kernel for Select<T> {
    fn scratch_bytes(&self) -> usize {
        find_bytes::<T>(&self.geometry)
    }
    unsafe fn run(&self, memory: &Memory, jobs: &Jobs) -> Result<()> {
        let g = &self.geometry;
        let (x, v, out) = (memory.input(0), memory.input(1), memory.output(0));
        let count = g.axes[2].count;
        for_rows(g, jobs, self.scratch_bytes(), &|place, row, scratch| {
            // SAFETY: rows are different parts of the result; places lie inside of the elements.
            unsafe {
                let places = scratch.cast::<usize>();
                find(g, &self.loops, row, x.get().cast::<T>().add(place * g.elements()), places.add(count).cast(), places);
                let v = v.get().add(place * g.elements() * self.size);
                let out = out.get().add((place * g.windows() + row * count) * self.size);
                for window in 0..count {
                    let from = v.add(*places.add(window) * self.size);
                    std::ptr::copy_nonoverlapping(from, out.add(window * self.size), self.size);
                }
            }
        })
    }
}

/// (count, places, values, elements): adds each value to the element at its place.
type AddAt = unsafe fn(usize, *const usize, *const u8, *mut u8);

unsafe fn add_at<V: Element>(count: usize, places: *const usize, values: *const u8, elements: *mut u8) {
    let (values, elements) = (values.cast::<V>(), elements.cast::<V>());
    for i in 0..count {
        // SAFETY: the caller's: places lie inside of the elements.
        unsafe {
            let to = elements.add(*places.add(i));
            *to = (*to).plus(*values.add(i));
        }
    }
}

struct Scatter<T> {
    geometry: Geometry,
    loops: Loops<T>,
    /// Bytes of an element of v, and how they add up.
    size: usize,
    add_at: AddAt,
}

impl<T: Element> Kernel for Scatter<T> {
    fn scratch_bytes(&self) -> usize {
        find_bytes::<T>(&self.geometry)
    }
    unsafe fn run(&self, memory: &Memory, jobs: &Jobs) -> Result<()> {
        let g = &self.geometry;
        let (x, v, out) = (memory.input(0), memory.input(1), memory.output(0));
        let count = g.axes[2].count;
        for_places(g, jobs, self.scratch_bytes(), &|place, scratch| {
            // SAFETY: each leading place has its own part of the result.
            unsafe {
                let places = scratch.cast::<usize>();
                let out = out.get().add(place * g.elements() * self.size);
                out.write_bytes(0, g.elements() * self.size);
                for row in 0..g.rows() {
                    find(g, &self.loops, row, x.get().cast::<T>().add(place * g.elements()), places.add(count).cast(), places);
                    let v = v.get().add((place * g.windows() + row * count) * self.size);
                    (self.add_at)(count, places, v, out);
                }
            }
        })
    }
}

struct Sum<T> {
    geometry: Geometry,
    loops: Loops<T>,
}

impl<T: Element> Kernel for Sum<T> {
    unsafe fn run(&self, memory: &Memory, jobs: &Jobs) -> Result<()> {
        let g = &self.geometry;
        let (x, out) = (memory.input(0), memory.output(0));
        for_rows(g, jobs, 0, &|place, row, _| {
            // SAFETY: rows are different parts of the result.
            unsafe {
                let x = x.get().cast::<T>().add(place * g.elements()).cast_const();
                let sums = out.get().cast::<T>().add(place * g.windows() + row * g.axes[2].count);
                sums.write_bytes(0, g.axes[2].count);
                g.taps(row, |first, count, from| (self.loops.add)(count, sums.add(first), x.add(from), g.axes[2].stride));
            }
        })
    }
}

struct Spread<T> {
    geometry: Geometry,
    loops: Loops<T>,
}

impl<T: Element> Kernel for Spread<T> {
    unsafe fn run(&self, memory: &Memory, jobs: &Jobs) -> Result<()> {
        let g = &self.geometry;
        let (v, out) = (memory.input(0), memory.output(0));
        for_places(g, jobs, 0, &|place, _| {
            // SAFETY: each leading place has its own part of the result.
            unsafe {
                let out = out.get().cast::<T>().add(place * g.elements());
                out.write_bytes(0, g.elements());
                for row in 0..g.rows() {
                    let v = v.get().cast::<T>().add(place * g.windows() + row * g.axes[2].count).cast_const();
                    g.taps(row, |first, count, to| (self.loops.spread)(count, out.add(to), v.add(first), g.axes[2].stride));
                }
            }
        })
    }
}
