//! Kernels that are no loops: gather, scatter-add, assembly of strided pieces.

use super::strided::{copy_piece_run, copy_run, piece_runs};
use crate::compiler::{Assemble, Buffer, Gather, ScatterAdd};
use crate::error::{Error, Result};
use crate::runtime::jobs::Jobs;
use crate::tensor::DType;

/// Elements of a task.
const TASK: usize = 32 * 1024;

/// Pointers that tasks share; each task writes its own part.
#[derive(Clone, Copy)]
pub(super) struct Shared(pub *mut u8);
// SAFETY: tasks of one step write disjoint parts of the memory, by the construction of each kernel.
unsafe impl Send for Shared {}
// SAFETY: as above.
unsafe impl Sync for Shared {}

impl Shared {
    pub fn get(&self) -> *mut u8 {
        self.0
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

/// Fails if an index is out of range, before anything is written.
///
/// # Safety
/// As [`index_at`].
unsafe fn check_indices(name: &str, buffer: &Buffer, indices: *const u8, size: usize) -> Result<()> {
    for i in 0..buffer.elements {
        // SAFETY: the caller's promise.
        let index = unsafe { index_at(buffer.dtype, indices, i) };
        if resolve(index, size).is_none() {
            return Err(Error::invalid(format!("{name}: index {index} at position {i} is out of range for an axis of {size} elements")));
        }
    }
    Ok(())
}

/// # Safety
/// `pointers[i]` points to the memory of buffer i as the plan says, and nobody else writes it.
pub(super) unsafe fn gather(step: &Gather, buffers: &[Buffer], pointers: &[*mut u8], jobs: &Jobs) -> Result<()> {
    let at = |buffer: crate::compiler::BufferId| Shared(pointers[buffer.0 as usize]);
    let (x, indices, out) = (at(step.x), at(step.indices), at(step.out));
    let index_buffer = &buffers[step.indices.0 as usize];
    // SAFETY: the buffer holds what it says.
    unsafe { check_indices("gather", index_buffer, indices.get(), step.size)? };
    let count = index_buffer.elements;
    let bytes = step.inner * buffers[step.x.0 as usize].dtype.size();
    let rows = step.outer * count;
    let per_task = (TASK / step.inner.max(1)).max(1);
    jobs.parallel_for(rows.div_ceil(per_task), &|task, _| {
        for row in task * per_task..((task + 1) * per_task).min(rows) {
            let (outer, i) = (row / count, row % count);
            // SAFETY: indices were checked; rows of different tasks are different.
            unsafe {
                let from = resolve(index_at(index_buffer.dtype, indices.get(), i), step.size).unwrap_or(0);
                let source = x.get().add((outer * step.size + from) * bytes);
                std::ptr::copy_nonoverlapping(source, out.get().add(row * bytes), bytes);
            }
        }
    })
}

/// # Safety
/// As [`gather`].
pub(super) unsafe fn scatter_add(step: &ScatterAdd, buffers: &[Buffer], pointers: &[*mut u8], jobs: &Jobs) -> Result<()> {
    let at = |buffer: crate::compiler::BufferId| Shared(pointers[buffer.0 as usize]);
    let (x, indices, updates, out) = (at(step.x), at(step.indices), at(step.updates), at(step.out));
    let index_buffer = &buffers[step.indices.0 as usize];
    // SAFETY: the buffer holds what it says.
    unsafe { check_indices("scatter_add", index_buffer, indices.get(), step.size)? };
    let dtype = buffers[step.x.0 as usize].dtype;
    let (count, size) = (index_buffer.elements, dtype.size());
    // Equal indices add up in their order: a task owns a range of the inner elements for all of them.
    let pieces = step.inner.div_ceil(64).clamp(1, 16);
    let width = step.inner.div_ceil(pieces);
    jobs.parallel_for(step.outer * pieces, &|task, _| {
        let (outer, piece) = (task / pieces, task % pieces);
        let first = (piece * width).min(step.inner);
        let length = ((piece + 1) * width).min(step.inner) - first;
        if length == 0 {
            return;
        }
        // SAFETY: indices were checked; tasks own different elements.
        unsafe {
            for row in 0..step.size {
                let offset = ((outer * step.size + row) * step.inner + first) * size;
                std::ptr::copy_nonoverlapping(x.get().add(offset), out.get().add(offset), length * size);
            }
            for i in 0..count {
                let to = resolve(index_at(index_buffer.dtype, indices.get(), i), step.size).unwrap_or(0);
                let target = out.get().add(((outer * step.size + to) * step.inner + first) * size);
                let source = updates.get().add(((outer * count + i) * step.inner + first) * size);
                add_to(dtype, target, source, length);
            }
        }
    })
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

/// # Safety
/// As [`gather`].
pub(super) unsafe fn assemble(step: &Assemble, buffers: &[Buffer], pointers: &[*mut u8], jobs: &Jobs) -> Result<()> {
    let at = |buffer: crate::compiler::BufferId| Shared(pointers[buffer.0 as usize]);
    let out = at(step.out);
    let buffer = &buffers[step.out.0 as usize];
    let size = buffer.dtype.size();
    if let Some(fill) = step.fill {
        let fill = at(fill);
        jobs.parallel_for(buffer.elements.div_ceil(TASK), &|task, _| {
            let first = task * TASK;
            let length = (buffer.elements - first).min(TASK);
            // SAFETY: tasks own different stretches; a stride of 0 repeats the one element.
            unsafe { copy_run(size, out.get().add(first * size), 1, fill.get(), 0, length) };
        })?;
    }
    for piece in &step.pieces {
        if piece.dims.iter().any(|(length, _, _)| *length == 0) {
            continue;
        }
        let source = at(piece.source);
        let runs = piece_runs(piece);
        let inner = piece.dims.last().map_or(1, |(length, _, _)| *length);
        let per_task = (TASK / inner).max(1);
        jobs.parallel_for(runs.div_ceil(per_task), &|task, _| {
            for run in task * per_task..((task + 1) * per_task).min(runs) {
                // SAFETY: runs of one piece write different elements.
                unsafe { copy_piece_run(piece, size, run, out.get(), source.get()) };
            }
        })?;
    }
    Ok(())
}
