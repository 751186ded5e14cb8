//! Reading and adding at computed positions.

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
        let dims = x.shape.dims();
        Axis {
            outer: dims[..axis].iter().product(),
            size: dims[axis],
            inner: dims[axis + 1..].iter().product(),
            dtype: x.dtype,
            indices: indices.dtype,
            count: indices.shape.elements(),
        }
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

/// out = x; out[o, indices[i], r] += updates[o, i, r] in the order of i.
pub struct ScatterAdd(Axis);

impl ScatterAdd {
    pub fn new(step: &KernelStep, axis: usize) -> ScatterAdd {
        ScatterAdd(Axis::new(step.input_types[0], step.input_types[1], axis))
    }
}

impl Kernel for ScatterAdd {
    unsafe fn run(&self, memory: &Memory, jobs: &Jobs) -> Result<()> {
        let Axis { outer, size, inner, dtype, indices: index_dtype, count } = self.0;
        let (x, indices, updates, out) = (memory.input(0), memory.input(1), memory.input(2), memory.output(0));
        // SAFETY: the buffer holds what the step says.
        unsafe { self.0.check("scatter_add", indices.get())? };
        let bytes = dtype.size();
        // Equal indices add up in their order: a task owns a range of the inner elements for all of them.
        let pieces = inner.div_ceil(64).clamp(1, 16);
        let width = inner.div_ceil(pieces);
        jobs.parallel_for(outer * pieces, &|task, _| {
            let (o, piece) = (task / pieces, task % pieces);
            let first = (piece * width).min(inner);
            let length = ((piece + 1) * width).min(inner) - first;
            if length == 0 {
                return;
            }
            // SAFETY: indices were checked; tasks own different elements.
            unsafe {
                for row in 0..size {
                    let offset = ((o * size + row) * inner + first) * bytes;
                    std::ptr::copy_nonoverlapping(x.get().add(offset), out.get().add(offset), length * bytes);
                }
                for i in 0..count {
                    let to = resolve(index_at(index_dtype, indices.get(), i), size).unwrap_or(0);
                    let target = out.get().add(((o * size + to) * inner + first) * bytes);
                    let source = updates.get().add(((o * count + i) * inner + first) * bytes);
                    add_to(dtype, target, source, length);
                }
            }
        })
    }
}

/// # Safety
/// `indices` holds `index`, i32 or i64, `count` of them.
unsafe fn index_at(dtype: DType, indices: *const u8, i: usize) -> i64 {
    // SAFETY: the caller's promise.
    unsafe {
        match dtype {
            DType::I32 => indices.cast::<i32>().add(i).read_unaligned() as i64,
            _ => indices.cast::<i64>().add(i).read_unaligned(),
        }
    }
}

/// The element that the index names: negative ones count from the end.
fn resolve(index: i64, size: usize) -> Option<usize> {
    let from_end = if index < 0 { index + size as i64 } else { index };
    (from_end >= 0 && from_end < size as i64).then_some(from_end as usize)
}

/// target += source, elementwise; integers wrap.
///
/// # Safety
/// Both sides hold `length` elements and do not overlap.
unsafe fn add_to(dtype: DType, target: *mut u8, source: *const u8, length: usize) {
    unsafe fn each<T: Copy>(target: *mut u8, source: *const u8, length: usize, add: impl Fn(T, T) -> T) {
        let (target, source) = (target.cast::<T>(), source.cast::<T>());
        for i in 0..length {
            // SAFETY: the caller's promise.
            unsafe { target.add(i).write_unaligned(add(target.add(i).read_unaligned(), source.add(i).read_unaligned())) };
        }
    }
    // SAFETY: the caller's promise.
    unsafe {
        match dtype {
            DType::F64 => each::<f64>(target, source, length, |a, b| a + b),
            DType::F32 => each::<f32>(target, source, length, |a, b| a + b),
            DType::F16 => each::<half::f16>(target, source, length, |a, b| half::f16::from_f32(a.to_f32() + b.to_f32())),
            DType::BF16 => each::<half::bf16>(target, source, length, |a, b| half::bf16::from_f32(a.to_f32() + b.to_f32())),
            DType::I64 => each::<i64>(target, source, length, i64::wrapping_add),
            DType::I32 => each::<i32>(target, source, length, i32::wrapping_add),
            DType::U8 | DType::Bool => each::<u8>(target, source, length, u8::wrapping_add),
        }
    }
}
