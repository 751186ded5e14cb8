//! Single elements at computed positions along an axis: reading them, and joining others to them.

use super::element::{around, get, index_at, resolve, set, with_size};
use super::join::{Join, start};
use super::{Kernel, Memory, Shared, TASK};
use crate::compiler::KernelStep;
use crate::error::{Error, Result};
use crate::ir::ScatterKind;
use crate::runtime::jobs::Jobs;
use crate::tensor::{DType, MAX_RANK};
use std::sync::atomic::{AtomicUsize, Ordering};

/// Where the indices (outer, count, inner) lie in an operand (outer, size, inner) that may be larger off the axis.
struct Lines {
    name: &'static str,
    indices: DType,
    outer: usize,
    count: usize,
    inner: usize,
    size: usize,
    /// Sizes of indices and operand before the axis, and behind it.
    before: Sizes,
    behind: Sizes,
    /// Pieces of the inner elements that are tasks of their own.
    pieces: usize,
}

/// The same dimensions in the indices and in the operand.
struct Sizes {
    own: [usize; MAX_RANK],
    other: [usize; MAX_RANK],
    rank: usize,
    is_same: bool,
    /// Elements of the operand.
    elements: usize,
}

impl Sizes {
    fn new(own: &[usize], other: &[usize]) -> Sizes {
        let mut sizes = Sizes {
            own: [1; MAX_RANK],
            other: [1; MAX_RANK],
            rank: own.len(),
            // A shorter first dimension changes no place.
            is_same: own.get(1..) == other.get(1..),
            elements: other.iter().product(),
        };
        sizes.own[..own.len()].copy_from_slice(own);
        sizes.other[..own.len()].copy_from_slice(other);
        sizes
    }
    /// The operand's place of the indices' place.
    #[inline(always)]
    fn place(&self, mut own: usize) -> usize {
        if self.is_same {
            return own;
        }
        let (mut place, mut stride) = (0, 1);
        for axis in (0..self.rank).rev() {
            place += own % self.own[axis] * stride;
            own /= self.own[axis];
            stride *= self.other[axis];
        }
        place
    }
}

impl Lines {
    fn new(step: &KernelStep, name: &'static str, operand: &[usize], axis: usize) -> Lines {
        let indices = step.input_types[1];
        let dims = indices.shape.dims();
        let (outer, count, inner) = around(dims, axis);
        let wanted = (outer * count * inner / TASK).clamp(1, 64);
        let pieces = wanted.div_ceil(outer.max(1)).min(inner.div_ceil(16)).max(1);
        let (before, behind) = (Sizes::new(&dims[..axis], &operand[..axis]), Sizes::new(&dims[axis + 1..], &operand[axis + 1..]));
        Lines { name, indices: indices.dtype, outer, count, inner, size: operand[axis], before, behind, pieces }
    }

    /// Calls `visit` with the first of indices that lie side by side and the operand's places that they name; tasks have whole lines, in
    /// their order.
    ///
    /// # Safety
    /// `indices` holds the indices.
    unsafe fn each(&self, indices: Shared, jobs: &Jobs, visit: &(dyn Fn(usize, &[usize]) + Sync)) -> Result<()> {
        let Lines { outer, count, inner, size, pieces, .. } = *self;
        let width = inner.div_ceil(pieces);
        let per_task = (TASK / (count * width).max(1)).clamp(1, outer.max(1));
        let first_bad = AtomicUsize::new(usize::MAX);
        jobs.parallel_for(outer.div_ceil(per_task) * pieces, &|task, _| {
            let (group, piece) = (task / pieces, task % pieces);
            let mut run = Run { first: 0, count: 0, places: [0; RUN] };
            for o in group * per_task..((group + 1) * per_task).min(outer) {
                let base = self.before.place(o) * size;
                for i in 0..count {
                    for r in (piece * width).min(inner)..((piece + 1) * width).min(inner) {
                        let at = (o * count + i) * inner + r;
                        // SAFETY: the caller's promise.
                        match resolve(unsafe { index_at(self.indices, indices.get(), at) }, size) {
                            Some(position) => run.add(at, (base + position) * self.behind.elements + self.behind.place(r), visit),
                            None => {
                                first_bad.fetch_min(at, Ordering::Relaxed);
                            }
                        }
                    }
                }
            }
            visit(run.first, &run.places[..run.count]);
        })?;
        match first_bad.into_inner() {
            usize::MAX => Ok(()),
            at => {
                // SAFETY: as above.
                let (name, index) = (self.name, unsafe { index_at(self.indices, indices.get(), at) });
                Err(Error::invalid(format!("{name}: index {index} at element {at} is out of range for an axis of {size} elements")))
            }
        }
    }
}

/// Indices in a run at most.
const RUN: usize = 64;

/// The places of indices that lie side by side, which wait to be visited together.
struct Run {
    first: usize,
    count: usize,
    places: [usize; RUN],
}

impl Run {
    #[inline(always)]
    fn add(&mut self, at: usize, place: usize, visit: &(dyn Fn(usize, &[usize]) + Sync)) {
        if self.count == RUN || at != self.first + self.count {
            visit(self.first, &self.places[..self.count]);
            (self.first, self.count) = (at, 0);
        }
        self.places[self.count] = place;
        self.count += 1;
    }
}

/// out[o, i, r] = x[o, indices[o, i, r], r]
pub struct TakeAlong {
    lines: Lines,
    dtype: DType,
}

impl TakeAlong {
    pub fn new(step: &KernelStep, axis: usize) -> TakeAlong {
        let x = step.input_types[0];
        TakeAlong { lines: Lines::new(step, "take_along", x.shape.dims(), axis), dtype: x.dtype }
    }
}

impl Kernel for TakeAlong {
    unsafe fn run(&self, memory: &Memory, jobs: &Jobs) -> Result<()> {
        let (x, indices, out) = (memory.input(0), memory.input(1), memory.output(0));
        // SAFETY: places lie within the operand; each index has an element of the result.
        unsafe {
            with_size!(self.dtype, T => self.lines.each(indices, jobs, &|first, places| take::<T>(out.get(), first, x.get(), places)))
        }
    }
}

/// # Safety
/// `x` has elements of type T at the places, `out` from `first` on room for as many.
unsafe fn take<T: Copy>(out: *mut u8, first: usize, x: *const u8, places: &[usize]) {
    for (i, place) in places.iter().enumerate() {
        // SAFETY: the caller's promise.
        unsafe { set::<T>(out, first + i, get(x, *place)) }
    }
}

/// out = x; out[o, indices[o, i, r], r] joins updates[o, i, r] in the order of i.
pub struct ScatterAlong {
    join: Join,
    lines: Lines,
    dtype: DType,
    elements: usize,
    /// x is one element, which stands for all.
    fills: bool,
}

impl ScatterAlong {
    pub fn new(step: &KernelStep, kind: ScatterKind, axis: usize, fills: bool) -> ScatterAlong {
        let y = step.output_types[0];
        let lines = Lines::new(step, "scatter_along", y.shape.dims(), axis);
        ScatterAlong { join: Join::new(kind, y.dtype), lines, dtype: y.dtype, elements: y.shape.elements(), fills }
    }
}

impl Kernel for ScatterAlong {
    unsafe fn run(&self, memory: &Memory, jobs: &Jobs) -> Result<()> {
        let (x, indices, updates, out) = (memory.input(0), memory.input(1), memory.input(2), memory.output(0));
        let size = self.dtype.size();
        jobs.parallel_for(self.elements.div_ceil(TASK), &|task, _| {
            let (first, end) = (task * TASK, ((task + 1) * TASK).min(self.elements));
            // SAFETY: within the operands; tasks own different elements.
            unsafe { start(self.dtype, self.fills, x, out, first, end - first) }
        })?;
        // SAFETY: places lie within the result; lines of different tasks are different elements of it.
        let visit = |first, places: &[usize]| unsafe { (self.join.places)(out.get(), updates.get().add(first * size), places) };
        // SAFETY: the buffer holds what the step says.
        unsafe { self.lines.each(indices, jobs, &visit) }
    }
}
