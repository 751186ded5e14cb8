//! The result of attention, with the softmax built up key block by key block.

use super::{Attention, Cutter, Real, Tile, transpose};
use crate::compiler::KernelStep;
use crate::error::Result;
use crate::ir;
use crate::runtime::cpu::kernels::{Kernel, Memory};
use crate::runtime::cpu::matmul::workspace_bytes;
use crate::runtime::cpu::simd::Level;
use crate::runtime::jobs::Jobs;
use crate::tensor::DType;

/// Multiply-adds of a task at least, where there are many small matrices.
const TASK_WORK: usize = 1 << 19;

/// A task is a block of queries, or several small ones.
pub struct Forward {
    attention: Attention,
    blocks_per_task: usize,
    parts: Parts,
}

/// Where a task's scratch has what, in bytes.
struct Parts {
    scores: usize,
    result: usize,
    /// For each query: the largest score so far, the sum of powers so far, and three numbers of the tile at hand.
    largest: usize,
    total: usize,
    next: usize,
    base: usize,
    factor: usize,
    lanes: usize,
    factors: usize,
    workspace: usize,
    end: usize,
}

impl Forward {
    pub fn new(step: &KernelStep, op: &ir::Attention, level: Level) -> Result<Forward> {
        let attention = Attention::new(step, op, level)?;
        let (dtype, width, depth) = (attention.dtype, attention.width, attention.depth);
        let (queries, keys) = attention.largest();
        let mut cutter = Cutter::new(dtype);
        let workspace = workspace_bytes(dtype, queries, keys, width).max(workspace_bytes(dtype, queries, depth, keys));
        let parts = Parts {
            scores: cutter.elements(queries * keys),
            result: cutter.elements(queries * depth),
            largest: cutter.elements(queries),
            total: cutter.elements(queries),
            next: cutter.elements(queries),
            base: cutter.elements(queries),
            factor: cutter.elements(queries),
            lanes: cutter.bytes(4 * keys),
            factors: cutter.elements(keys),
            workspace: cutter.bytes(workspace),
            end: cutter.bytes,
        };
        let block_work = queries * attention.keys * (width + depth);
        let blocks_per_task = TASK_WORK.div_ceil(block_work.max(1)).max(1);
        Ok(Forward { attention, blocks_per_task, parts })
    }

    unsafe fn run_typed<T: Real>(&self, memory: &Memory, jobs: &Jobs) -> Result<()> {
        let attention = &self.attention;
        let (width, keys) = (attention.width, attention.keys);
        let (key, shared) = (memory.input(1), memory.shared());
        let key_blocks = attention.key_blocks();
        jobs.parallel_for(attention.key_batch * key_blocks, &|task, _| {
            let (matrix, block) = (task / key_blocks, attention.key_block(task % key_blocks));
            let place = (matrix * keys + block.start) * width;
            // SAFETY: blocks of keys lie apart, and so do the transposed ones.
            unsafe {
                let (from, to) = (key.get().cast::<T>().add(place), shared.get().cast::<T>().add(place));
                transpose(block.len(), width, from, to, T::of(attention.scale));
            }
        })?;
        let blocks = attention.batch * attention.query_blocks();
        jobs.parallel_for(blocks.div_ceil(self.blocks_per_task), &|task, scratch| {
            let scratch = scratch.pointer(self.parts.end);
            for block in task * self.blocks_per_task..((task + 1) * self.blocks_per_task).min(blocks) {
                // SAFETY: see `Kernel::run`; blocks of queries lie apart.
                unsafe { self.block::<T>(memory, block, scratch) };
            }
        })
    }

    /// One block of queries.
    unsafe fn block<T: Real>(&self, memory: &Memory, block: usize, scratch: *mut u8) {
        let attention = &self.attention;
        let Attention { tiles, queries, keys, width, depth, .. } = attention;
        let (queries, keys, width, depth) = (*queries, *keys, *width, *depth);
        // Under a causal mask the last blocks are the longest: they begin first.
        let (matrix, number) = (block / attention.query_blocks(), block % attention.query_blocks());
        let rows = attention.query_block(attention.query_blocks() - 1 - number);
        let count = rows.len();
        let parts = &self.parts;
        let none = std::ptr::null();
        // SAFETY: the parts lie in the scratch; rows and keys inside the operands.
        unsafe {
            let part = |at: usize| scratch.add(at).cast::<T>();
            let (scores, result) = (part(parts.scores), part(parts.result));
            let (largest, total) = (part(parts.largest), part(parts.total));
            let (next, base, factor) = (part(parts.next), part(parts.base), part(parts.factor));
            let (lanes, workspace) = (scratch.add(parts.lanes), scratch.add(parts.workspace));
            let first_row = matrix * queries + rows.start;
            let query = memory.input(0).get().cast::<T>().add(first_row * width).cast_const();
            let first_key = attention.key_of[matrix] * keys;
            let transposed = memory.shared().get().cast::<T>().add(first_key * width).cast_const();
            let value = memory.input(2).get().cast::<T>().add(first_key * depth).cast_const();
            let mask = attention.mask.as_ref().map_or(none, |mask| memory.input(mask.input).get().cast_const());
            let state = attention.dropout.as_ref().map_or(none, |dropout| memory.input(dropout.input).get().cast_const());
            std::slice::from_raw_parts_mut(largest, count).fill(T::LOWEST);
            std::slice::from_raw_parts_mut(total, count).fill(T::ZERO);
            let mut is_first = true;
            for key_block in 0..attention.key_blocks() {
                let whole = attention.key_block(key_block);
                let columns = attention.seen(&rows, whole.clone());
                if columns.is_empty() {
                    break;
                }
                let (start, across) = (columns.start, columns.len());
                let panel = transposed.add(start * width);
                attention.product([count, across, width], (scores, across), (query, [width, 1]), (panel, whole.len()), false, workspace);
                let tile = Tile { matrix, rows: rows.clone(), columns };
                if attention.mask.is_some() || attention.causal && tile.columns.end > rows.start + 1 {
                    attention.mask(&tile, scores, mask, lanes);
                }
                // What the largest score becomes, and what it makes of sums so far.
                (tiles.row_max)(count, across, next.cast(), scores.cast());
                (tiles.max)(count, next.cast(), next.cast(), largest.cast(), none);
                for row in 0..count {
                    let next = *next.add(row);
                    // Rows of -inf alone stay powers of 0.
                    *base.add(row) = if next == T::LOWEST { T::ZERO } else { next };
                    let scores: *mut u8 = scores.add(row * across).cast();
                    (tiles.exp_of_difference)(across, scores, scores, base.add(row).cast(), none);
                }
                (tiles.sub)(count, factor.cast(), largest.cast(), base.cast(), none);
                (tiles.exp)(count, factor.cast(), factor.cast(), none, none);
                std::ptr::copy_nonoverlapping(next, largest, count);
                (tiles.row_sum)(count, across, next.cast(), scores.cast());
                for row in 0..count {
                    let by = *factor.add(row);
                    let total = total.add(row);
                    *total = T::of((*total * by).wide() + (*next.add(row)).wide());
                    if !is_first && by != T::of(1.0) {
                        let row: *mut u8 = result.add(row * depth).cast();
                        (tiles.mul_scalar)(depth, row, row, (&raw const by).cast(), none);
                    }
                }
                attention.each_row_with_factors(&tile, state, lanes, part(parts.factors), |row, factors| {
                    for (column, factor) in factors.iter().enumerate() {
                        let weight = scores.add(row * across + column);
                        *weight = *weight * *factor;
                    }
                });
                let value = (value.add(start * depth), depth);
                attention.product([count, depth, across], (result, depth), (scores, [across, 1]), value, !is_first, workspace);
                is_first = false;
            }
            let (out, denominators) = (memory.output(0).get().cast::<T>(), memory.output(1).get().cast::<T>());
            for row in 0..count {
                let (largest, total) = (*largest.add(row), *total.add(row));
                let nothing = total == T::ZERO;
                if !out.is_null() {
                    let to = out.add((first_row + row) * depth);
                    if nothing {
                        std::slice::from_raw_parts_mut(to, depth).fill(T::ZERO);
                    } else {
                        let share = T::of(1.0 / total.wide());
                        (tiles.mul_scalar)(depth, to.cast(), result.add(row * depth).cast(), (&raw const share).cast(), none);
                    }
                }
                if !denominators.is_null() {
                    let logarithm = if nothing { T::LOWEST } else { T::of(largest.wide() + libm::log(total.wide())) };
                    *denominators.add(first_row + row) = logarithm;
                }
            }
        }
    }
}

impl Kernel for Forward {
    fn scratch_bytes(&self) -> usize {
        self.parts.end
    }
    fn shared_bytes(&self) -> usize {
        self.attention.key_batch * self.attention.keys * self.attention.width * self.attention.dtype.size()
    }
    unsafe fn run(&self, memory: &Memory, jobs: &Jobs) -> Result<()> {
        // SAFETY: the caller's promise.
        unsafe {
            match self.attention.dtype {
                DType::F64 => self.run_typed::<f64>(memory, jobs),
                _ => self.run_typed::<f32>(memory, jobs),
            }
        }
    }
}
