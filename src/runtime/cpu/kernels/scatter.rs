//! Joining slices to computed positions along an axis.

use super::element::{around, get, index_at, resolve, set};
use super::join::{Join, start};
use super::{Kernel, Memory, Shared, TASK};
use crate::compiler::KernelStep;
use crate::error::{Error, Result};
use crate::ir::ScatterKind;
use crate::runtime::jobs::Jobs;
use crate::tensor::DType;

/// out = x; out[o, indices[i], r] joins updates[o, i, r] in the order of i. (outer, size, inner) are the dimensions before, at, and behind the
/// axis.
pub struct Scatter {
    kind: ScatterKind,
    join: Join,
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
        Scatter {
            kind,
            join: Join::new(kind, x.dtype),
            outer,
            size,
            inner,
            dtype: x.dtype,
            indices: step.input_types[1].dtype,
            count,
            fills,
            stretches,
            pieces,
        }
    }

    /// # Safety
    /// As [`Kernel::run`]; `positions` are `count` resolved indices.
    unsafe fn join(&self, memory: &Memory, jobs: &Jobs) -> Result<()> {
        let Scatter { size, inner, count, stretches, pieces, .. } = *self;
        let (x, updates, out, positions) = (memory.input(0), memory.input(2), memory.output(0), memory.shared());
        let (height, width, bytes) = (size.div_ceil(stretches), inner.div_ceil(pieces), self.dtype.size());
        jobs.parallel_for(self.outer * stretches * pieces, &|task, _| {
            let (o, stretch, piece) = (task / pieces / stretches, task / pieces % stretches, task % pieces);
            let rows = (stretch * height).min(size)..((stretch + 1) * height).min(size);
            let columns = (piece * width).min(inner)..((piece + 1) * width).min(inner);
            // SAFETY: positions lie within the axis; tasks own different elements.
            unsafe {
                self.start(o, rows.clone(), columns.clone(), x, out);
                if inner == 1 && stretches == 1 && count > 0 {
                    let positions = std::slice::from_raw_parts(positions.get().cast::<usize>(), count);
                    (self.join.places)(out.get().add(o * size * bytes), updates.get().add(o * count * bytes), positions);
                    return;
                }
                for i in 0..count {
                    let row: usize = get(positions.get(), i);
                    if !rows.contains(&row) {
                        continue;
                    }
                    let (target, source) = ((o * size + row) * inner + columns.start, (o * count + i) * inner + columns.start);
                    (self.join.row)(out.get().add(target * bytes), updates.get().add(source * bytes), columns.len());
                }
            }
        })
    }

    /// Puts what is there before the updates.
    unsafe fn start(&self, o: usize, rows: std::ops::Range<usize>, columns: std::ops::Range<usize>, x: Shared, out: Shared) {
        let (whole, length) = (columns.len() == self.inner, columns.len());
        // Whole rows lie one behind the other.
        let runs = if whole { 1 } else { rows.len() };
        let length = if whole { length * rows.len() } else { length };
        for run in 0..runs {
            let first = (o * self.size + rows.start + run) * self.inner + columns.start;
            // SAFETY: the caller's promise.
            unsafe { start(self.dtype, self.fills, x, out, first, length) }
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
        unsafe { self.join(memory, jobs) }
    }
}
