//! Reading slices at computed positions.

use super::element::{around, index_at, resolve};
use super::{Kernel, Memory, TASK};
use crate::compiler::KernelStep;
use crate::error::{Error, Result};
use crate::ir::Type;
use crate::runtime::jobs::Jobs;
use crate::tensor::DType;

/// Positions along one axis of an operand: (outer, size, inner) are its dimensions before, at, and behind the axis.
#[derive(Clone, Copy)]
struct Axis {
    outer: usize,
    size: usize,
    inner: usize,
    dtype: DType,
    indices: DType,
    count: usize,
}

impl Axis {
    fn new(x: Type, indices: Type, axis: usize) -> Axis {
        let (outer, size, inner) = around(x.shape.dims(), axis);
        Axis { outer, size, inner, dtype: x.dtype, indices: indices.dtype, count: indices.shape.elements() }
    }
    /// Fails if an index is out of range, before anything is written.
    ///
    /// # Safety
    /// As [`index_at`].
    unsafe fn check(&self, name: &str, indices: *const u8) -> Result<()> {
        for i in 0..self.count {
            // SAFETY: the caller's promise.
            let index = unsafe { index_at(self.indices, indices, i) };
            if resolve(index, self.size).is_none() {
                let size = self.size;
                return Err(Error::invalid(format!(
                    "{name}: index {index} at position {i} is out of range for an axis of {size} elements"
                )));
            }
        }
        Ok(())
    }
}

/// out[o, i, r] = x[o, indices[i], r]
pub struct Gather(Axis);

impl Gather {
    pub fn new(step: &KernelStep, axis: usize) -> Gather {
        Gather(Axis::new(step.input_types[0], step.input_types[1], axis))
    }
}

impl Kernel for Gather {
    unsafe fn run(&self, memory: &Memory, jobs: &Jobs) -> Result<()> {
        let Axis { outer, size, inner, dtype, indices: index_dtype, count } = self.0;
        let (x, indices, out) = (memory.input(0), memory.input(1), memory.output(0));
        // SAFETY: the buffer holds what the step says.
        unsafe { self.0.check("gather", indices.get())? };
        let bytes = inner * dtype.size();
        let rows = outer * count;
        let per_task = (TASK / inner.max(1)).max(1);
        jobs.parallel_for(rows.div_ceil(per_task), &|task, _| {
            for row in task * per_task..((task + 1) * per_task).min(rows) {
                let (o, i) = (row / count, row % count);
                // SAFETY: indices were checked; rows of different tasks are different.
                unsafe {
                    let from = resolve(index_at(index_dtype, indices.get(), i), size).unwrap_or(0);
                    let source = x.get().add((o * size + from) * bytes);
                    std::ptr::copy_nonoverlapping(source, out.get().add(row * bytes), bytes);
                }
            }
        })
    }
}
