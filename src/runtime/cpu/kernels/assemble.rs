//! Assembly of strided pieces over a fill.

use super::{Shared, TASK};
use crate::compiler::{Assemble, Buffer};
use crate::error::Result;
use crate::runtime::cpu::strided::{copy_piece_run, copy_run, piece_runs};
use crate::runtime::jobs::Jobs;

/// # Safety
/// `pointers[i]` points to the memory of buffer i as the plan says, and nobody else writes it.
pub(in crate::runtime::cpu) unsafe fn assemble(step: &Assemble, buffers: &[Buffer], pointers: &[*mut u8], jobs: &Jobs) -> Result<()> {
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
