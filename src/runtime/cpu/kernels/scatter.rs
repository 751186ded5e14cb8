//! Joining slices to computed positions along an axis.

use super::element::{Element, around, get, index_at, resolve, set, with_element, with_size};
use super::{Kernel, Memory, Shared, TASK};
use crate::compiler::KernelStep;
use crate::error::{Error, Result};
use crate::ir::ScatterKind;
use crate::runtime::jobs::Jobs;
use crate::tensor::DType;
use std::ops::Range;

/// out = x; out[o, indices[i], r] joins updates[o, i, r] in the order of i. (outer, size, inner) are the dimensions before, at, and behind the
/// axis.
pub struct Scatter {
    kind: ScatterKind,
    outer: usize,
    size: usize,
    inner: usize,
    dtype: DType,
    indices: DType,
    count: usize,
    /// x is one element, which stands for all.
    fills: bool,
    /// Stretches of the axis and of the inner elements that are tasks of their own.
    stretches: usize,
    pieces: usize,
}

impl Scatter {
    pub fn new(step: &KernelStep, kind: ScatterKind, axis: usize, fills: bool) -> Scatter {
        let x = step.output_types[0];
        let (outer, size, inner) = around(x.shape.dims(), axis);
        let count = step.input_types[1].shape.elements();
        // Equal indices are joined in their order: a task owns a part of the target, and looks through all indices for it.
        let wanted = (size.saturating_add(count).saturating_mul(inner).saturating_mul(outer) / TASK).clamp(1, 64);
        let stretches = wanted.div_ceil(outer.max(1)).clamp(1, 16).min(size.max(1));
        let pieces = wanted.div_ceil(outer.max(1) * stretches).min(inner.div_ceil(64)).clamp(1, 16);
        Scatter { kind, outer, size, inner, dtype: x.dtype, indices: step.input_types[1].dtype, count, fills, stretches, pieces }
    }

    /// Runs `join(target, source, elements)` for each stretch of each slice: so many elements from these places on.
    ///
    /// # Safety
    /// As [`Kernel::run`]; `positions` are `count` resolved indices.
    unsafe fn each(&self, memory: &Memory, jobs: &Jobs, join: &(dyn Fn(usize, usize, usize) + Sync)) -> Result<()> {
        let Scatter { size, inner, count, stretches, pieces, .. } = *self;
        let (x, out, positions) = (memory.input(0), memory.output(0), memory.shared());
        let (height, width) = (size.div_ceil(stretches), inner.div_ceil(pieces));
        jobs.parallel_for(self.outer * stretches * pieces, &|task, _| {
            let (o, stretch, piece) = (task / pieces / stretches, task / pieces % stretches, task % pieces);
            let rows = (stretch * height).min(size)..((stretch + 1) * height).min(size);
            let columns = (piece * width).min(inner)..((piece + 1) * width).min(inner);
            let place = |row: usize| (o * size + row) * inner;
            // SAFETY: positions lie within the axis; tasks own different elements.
            unsafe {
                if columns.len() == inner {
                    // Whole rows lie one behind the other.
                    put_before(self.dtype, self.fills, place(rows.start)..place(rows.end), x, out);
                } else {
                    rows.clone().for_each(|row| {
                        put_before(self.dtype, self.fills, place(row) + columns.start..place(row) + columns.end, x, out);
                    });
                }
                for i in 0..count {
                    let row: usize = get(positions.get(), i);
                    if rows.contains(&row) {
                        join(place(row) + columns.start, (o * count + i) * inner + columns.start, columns.len());
                    }
                }
            }
        })
    }

    /// # Safety
    /// As above; elements are of type T.
    unsafe fn join<T: Copy>(&self, memory: &Memory, jobs: &Jobs, join: impl Fn(T, T) -> T + Sync) -> Result<()> {
        let (updates, out) = (memory.input(2), memory.output(0));
        // SAFETY: the caller's promise.
        unsafe {
            self.each(memory, jobs, &|target, source, elements| {
                for i in 0..elements {
                    set(out.get(), target + i, join(get(out.get(), target + i), get(updates.get(), source + i)));
                }
            })
        }
    }
}

/// Puts elements where others are to join them: those of x, or with `fills` its one element everywhere.
///
/// # Safety
/// The elements exist in `out`, and in x unless it `fills`; nobody else touches them.
pub(super) unsafe fn put_before(dtype: DType, fills: bool, elements: Range<usize>, x: Shared, out: Shared) {
    let size = dtype.size();
    // SAFETY: the caller's promise.
    unsafe {
        if fills {
            with_size!(dtype, T => {
                let fill: T = get(x.get(), 0);
                elements.for_each(|i| set(out.get(), i, fill));
            });
        } else {
            let (from, to) = (x.get().add(elements.start * size), out.get().add(elements.start * size));
            std::ptr::copy_nonoverlapping(from, to, elements.len() * size);
        }
    }
}

impl Kernel for Scatter {
    fn shared_bytes(&self) -> usize {
        self.count * size_of::<usize>()
    }
    unsafe fn run(&self, memory: &Memory, jobs: &Jobs) -> Result<()> {
        let (indices, positions) = (memory.input(1), memory.shared());
        for i in 0..self.count {
            // SAFETY: the buffer holds what the step says; the shared memory has room for `count` positions.
            unsafe {
                let index = index_at(self.indices, indices.get(), i);
                let Some(position) = resolve(index, self.size) else {
                    let (name, size) = (self.kind.name(), self.size);
                    return Err(Error::invalid(format!(
                        "{name}: index {index} at position {i} is out of range for an axis of {size} elements"
                    )));
                };
                set(positions.get(), i, position);
            }
        }
        // SAFETY: the caller's promise.
        unsafe {
            match self.kind {
                ScatterKind::Replace => with_size!(self.dtype, T => self.join::<T>(memory, jobs, |_, new| new)),
                ScatterKind::Add => with_element!(self.dtype, T => self.join::<T>(memory, jobs, T::add)),
                ScatterKind::Mul => with_element!(self.dtype, T => self.join::<T>(memory, jobs, T::mul)),
                ScatterKind::Max => with_element!(self.dtype, T => self.join::<T>(memory, jobs, T::larger)),
                ScatterKind::Min => with_element!(self.dtype, T => self.join::<T>(memory, jobs, T::smaller)),
            }
        }
    }
}
