//! The gradients of query, key, and value: weights are computed again, tile by tile, from the denominators.
//!
//! A task owns a stripe of key blocks of one matrix of keys, with all matrices of queries that look at it. Where there are fewer matrices than tasks
//! are wanted, keys are cut into several stripes; each then sums its own copy of what queries get, and the copies are added in order. Memory for
//! that is a few times the queries'.

use super::{Attention, Cutter, Real, Tile, transpose};
use crate::compiler::KernelStep;
use crate::error::Result;
use crate::ir;
use crate::runtime::cpu::kernels::{Kernel, Memory, TASK};
use crate::runtime::cpu::matmul::{TASKS, add_partials, workspace_bytes};
use crate::runtime::cpu::simd::Level;
use crate::runtime::jobs::Jobs;
use crate::tensor::DType;

pub struct Gradient {
    attention: Attention,
    /// Matrices of queries in the order of their matrices of keys.
    queries_of: Vec<usize>,
    /// Where in that order those of each matrix of keys begin, and the end.
    first: Vec<usize>,
    /// Block b of keys belongs to stripe b mod stripes.
    stripes: usize,
    parts: Parts,
    /// The operand behind those of the attention itself.
    given: usize,
}

/// Where a task's scratch has what, in bytes.
struct Parts {
    /// The block's keys transposed, with the scale; as they are, with the scale; its values transposed.
    key_transposed: usize,
    key: usize,
    value_transposed: usize,
    /// What the block's keys and values get.
    key_gradient: usize,
    value_gradient: usize,
    weights: usize,
    slopes: usize,
    /// Weights after dropout, if there is any.
    dropped: usize,
    base: usize,
    lanes: usize,
    factors: usize,
    workspace: usize,
    end: usize,
}

impl Gradient {
    pub fn new(step: &KernelStep, op: &ir::Attention, level: Level) -> Result<Gradient> {
        let attention = Attention::new(step, op, level)?;
        let (dtype, width, depth) = (attention.dtype, attention.width, attention.depth);
        let mut order: Vec<(u64, u64)> = (0..attention.batch).map(|matrix| (attention.key_of[matrix] as u64, matrix as u64)).collect();
        order.sort_unstable();
        let before = |key: usize| order.partition_point(|(of, _)| (*of as usize) < key);
        let first = (0..=attention.key_batch).map(before).collect();
        let queries_of: Vec<usize> = order.iter().map(|(_, matrix)| *matrix as usize).collect();
        let stripes = TASKS.div_ceil(attention.key_batch.max(1)).min(attention.key_blocks()).max(1);
        let (queries, keys) = attention.largest();
        let workspace =
            [(queries, keys, width), (queries, keys, depth), (keys, depth, queries), (keys, width, queries), (queries, width, keys)]
                .into_iter()
                .map(|(m, n, k)| workspace_bytes(dtype, m, n, k))
                .max()
                .unwrap_or(0);
        let mut cutter = Cutter::new(dtype);
        let parts = Parts {
            key_transposed: cutter.elements(keys * width),
            key: cutter.elements(keys * width),
            value_transposed: cutter.elements(keys * depth),
            key_gradient: cutter.elements(keys * width),
            value_gradient: cutter.elements(keys * depth),
            weights: cutter.elements(queries * keys),
            slopes: cutter.elements(queries * keys),
            dropped: cutter.elements(if op.dropout > 0.0 { queries * keys } else { 0 }),
            base: cutter.elements(queries),
            lanes: cutter.bytes(4 * keys),
            factors: cutter.elements(keys),
            workspace: cutter.bytes(workspace),
            end: cutter.bytes,
        };
        let given = step.inputs.len() - 3;
        Ok(Gradient { attention, queries_of, first, stripes, parts, given })
    }

    /// Elements of what all queries get.
    fn query_elements(&self) -> usize {
        self.attention.batch * self.attention.queries * self.attention.width
    }

    unsafe fn run_typed<T: Real>(&self, memory: &Memory, jobs: &Jobs) -> Result<()> {
        jobs.parallel_for(self.attention.key_batch * self.stripes, &|task, scratch| {
            let scratch = scratch.pointer(self.parts.end);
            // SAFETY: see `Kernel::run`; stripes lie apart, and each has its own copy of what queries get.
            unsafe { self.stripe::<T>(memory, task / self.stripes, task % self.stripes, scratch) };
        })?;
        let (to, copies) = (memory.output(0), memory.shared());
        if self.stripes == 1 || to.get().is_null() {
            return Ok(());
        }
        let elements = self.query_elements();
        jobs.parallel_for(elements.div_ceil(TASK), &|task, _| {
            let range = task * TASK..((task + 1) * TASK).min(elements);
            // SAFETY: ranges lie apart; every copy was written.
            unsafe { add_partials(self.attention.dtype, to.get(), copies.get(), self.stripes, elements, range, false) };
        })
    }

    /// One stripe of a matrix of keys.
    unsafe fn stripe<T: Real>(&self, memory: &Memory, key_matrix: usize, stripe: usize, scratch: *mut u8) {
        let attention = &self.attention;
        let Attention { queries, keys, width, depth, .. } = *attention;
        let parts = &self.parts;
        let matrices = &self.queries_of[self.first[key_matrix]..self.first[key_matrix + 1]];
        let none = std::ptr::null();
        // SAFETY: the parts lie in the scratch; rows and keys inside operands and results.
        unsafe {
            let part = |at: usize| scratch.add(at).cast::<T>();
            let input = |number: usize| memory.input(number).get().cast::<T>().cast_const();
            let mut query_gradient = memory.output(0).get().cast::<T>();
            if self.stripes > 1 && !query_gradient.is_null() {
                query_gradient = memory.shared().get().cast::<T>().add(stripe * self.query_elements());
            }
            if !query_gradient.is_null() {
                for matrix in matrices {
                    std::slice::from_raw_parts_mut(query_gradient.add(matrix * queries * width), queries * width).fill(T::ZERO);
                }
            }
            let scale = T::of(attention.scale);
            for number in (stripe..attention.key_blocks()).step_by(self.stripes) {
                let block = attention.key_block(number);
                let count = block.len();
                let first = key_matrix * keys + block.start;
                let (key, value) = (input(1).add(first * width), input(2).add(first * depth));
                let (key_gradient, value_gradient) = (part(parts.key_gradient), part(parts.value_gradient));
                transpose(count, width, key, part(parts.key_transposed), scale);
                transpose(count, depth, value, part(parts.value_transposed), T::of(1.0));
                let scaled: *mut u8 = part(parts.key).cast();
                (attention.tiles.mul_scalar)(count * width, scaled, key.cast(), (&raw const scale).cast(), none);
                std::slice::from_raw_parts_mut(key_gradient, count * width).fill(T::ZERO);
                std::slice::from_raw_parts_mut(value_gradient, count * depth).fill(T::ZERO);
                for matrix in matrices {
                    for rows in (0..attention.query_blocks()).map(|number| attention.query_block(number)) {
                        let columns = attention.seen(&rows, block.clone());
                        if !columns.is_empty() {
                            let tile = Tile { matrix: *matrix, rows, columns };
                            self.tile::<T>(memory, &tile, count, query_gradient, scratch);
                        }
                    }
                }
                let (to_key, to_value) = (memory.output(1).get().cast::<T>(), memory.output(2).get().cast::<T>());
                if !to_key.is_null() {
                    let to: *mut u8 = to_key.add(first * width).cast();
                    (attention.tiles.mul_scalar)(count * width, to, key_gradient.cast(), (&raw const scale).cast(), none);
                }
                if !to_value.is_null() {
                    std::ptr::copy_nonoverlapping(value_gradient, to_value.add(first * depth), count * depth);
                }
            }
        }
    }

    /// Adds what one tile gives. `panel` is the number of keys of its whole block.
    unsafe fn tile<T: Real>(&self, memory: &Memory, tile: &Tile, panel: usize, query_gradient: *mut T, scratch: *mut u8) {
        let attention = &self.attention;
        let Attention { queries, width, depth, .. } = *attention;
        let (tiles, parts) = (&attention.tiles, &self.parts);
        let (count, across) = (tile.rows.len(), tile.columns.len());
        let none = std::ptr::null();
        // SAFETY: as `stripe`.
        unsafe {
            let part = |at: usize| scratch.add(at).cast::<T>();
            let input = |number: usize| memory.input(number).get().cast::<T>().cast_const();
            let (weights, slopes, base) = (part(parts.weights), part(parts.slopes), part(parts.base));
            let (lanes, workspace) = (scratch.add(parts.lanes), scratch.add(parts.workspace));
            let first = tile.matrix * queries + tile.rows.start;
            let (query, gradient) = (input(0).add(first * width), input(self.given + 2).add(first * depth));
            let (denominators, delta) = (input(self.given).add(first), input(self.given + 1).add(first));
            let (to_key, to_value) = (memory.output(1).get(), memory.output(2).get());

            let key_transposed = part(parts.key_transposed).cast_const();
            attention.product([count, across, width], (weights, across), (query, [width, 1]), (key_transposed, panel), false, workspace);
            if attention.mask.is_some() || attention.causal && tile.columns.end > tile.rows.start + 1 {
                let mask = attention.mask.as_ref().map_or(none, |mask| memory.input(mask.input).get().cast_const());
                attention.mask(tile, weights, mask, lanes);
            }
            for row in 0..count {
                let denominator = *denominators.add(row);
                *base.add(row) = if denominator == T::LOWEST { T::ZERO } else { denominator };
                let weights: *mut u8 = weights.add(row * across).cast();
                (tiles.exp_of_difference)(across, weights, weights, base.add(row).cast(), none);
            }
            let value_transposed = part(parts.value_transposed).cast_const();
            attention.product(
                [count, across, depth],
                (slopes, across),
                (gradient, [depth, 1]),
                (value_transposed, panel),
                false,
                workspace,
            );
            let mut dropped = weights;
            if let Some(dropout) = &attention.dropout {
                dropped = part(parts.dropped);
                let state = memory.input(dropout.input).get();
                attention.each_row_with_factors(tile, state, lanes, part(parts.factors), |row, factors| {
                    for (column, factor) in factors.iter().enumerate() {
                        let place = row * across + column;
                        *dropped.add(place) = *weights.add(place) * *factor;
                        *slopes.add(place) = *slopes.add(place) * *factor;
                    }
                });
            }
            if !to_value.is_null() {
                let to = (part(parts.value_gradient), depth);
                attention.product([across, depth, count], to, (dropped, [1, across]), (gradient, depth), true, workspace);
            }
            if to_key.is_null() && query_gradient.is_null() {
                return;
            }
            for row in 0..count {
                let (weights, slopes) = (weights.add(row * across).cast(), slopes.add(row * across).cast());
                (tiles.mul_difference)(across, slopes, weights, slopes, delta.add(row).cast());
            }
            if !to_key.is_null() {
                let to = (part(parts.key_gradient), width);
                attention.product([across, width, count], to, (slopes, [1, across]), (query, width), true, workspace);
            }
            if !query_gradient.is_null() {
                let key = part(parts.key).cast_const();
                let to = (query_gradient.add(first * width), width);
                attention.product([count, width, across], to, (slopes, [across, 1]), (key, width), true, workspace);
            }
        }
    }
}

impl Kernel for Gradient {
    fn scratch_bytes(&self) -> usize {
        self.parts.end
    }
    fn shared_bytes(&self) -> usize {
        if self.stripes > 1 { self.stripes * self.query_elements() * self.attention.dtype.size() } else { 0 }
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
