//! A plan made ready for the CPU: instructions for its loops, tasks for its products, and the sizes of what they need.

use super::kernels::{Kernel, Memory, Shared, assemble, ready};
use super::lower::{lower, needs_whole_rows, stores_rows};
use super::matmul::{self, Destination, Operand, Packing, Split};
use super::simd::Level;
use super::tile::TileProgram;
use crate::compiler::{Buffer, Matrix, Plan, Product, Step};
use crate::error::Result;
use crate::runtime::jobs::Jobs;
use std::ops::Range;

/// What runs on the CPU. Immutable; memory is the caller's.
pub struct Executable {
    steps: Vec<Ready>,
    level: Level,
    scratch_bytes: usize,
    /// Memory for partial results and packed operands, used by one step at a time.
    partial_bytes: usize,
}

/// Elements of a task that sums the copies of a product.
const SUMMED: usize = 16 * 1024;

/// Columns of a task at least, where rows are cut: tiles are parts of one row then, and short ones cost more calls than they save.
const CUT_COLUMNS: usize = 256;

/// A step with what was decided for it.
enum Ready {
    Loop {
        tiles: Box<TileProgram>,
        product: Option<ReadyProduct>,
    },
    Product(ReadyProduct),
    Kernel(Box<dyn Kernel>),
    /// The plan's own step says all.
    Plain,
}

struct ReadyProduct {
    split: Split,
    /// Of a loop's product without a buffer: bytes of one task's part of the result.
    block_bytes: usize,
    workspace_bytes: usize,
    /// Bytes of the copies of a result that is summed in stretches of k.
    copies_bytes: usize,
    /// Of a product whose operands are packed once for all tasks.
    packing: Option<Packing>,
}

impl Executable {
    pub fn new(plan: &Plan, level: Level) -> Result<Executable> {
        let mut steps = Vec::with_capacity(plan.steps.len());
        let (mut scratch_bytes, mut partial_bytes) = (0usize, 0usize);
        for step in &plan.steps {
            let ready = match step {
                Step::Loop(body) => {
                    let mut product = body.product.as_ref().map(ReadyProduct::new);
                    let task = body
                        .product
                        .as_ref()
                        .zip(product.as_ref())
                        .map(|(of, ready)| ready.task(of, needs_whole_rows(body) || stores_rows(body)));
                    let tiles = lower(body, &plan.buffers, level, task)?;
                    if let (Some(of), Some(ready)) = (&body.product, &mut product) {
                        ready.size_for(of, tiles.geometry.task_rows, tiles.geometry.task_columns);
                    }
                    let extra = product.as_ref().map_or(0, |product| product.block_bytes + product.workspace_bytes);
                    scratch_bytes = scratch_bytes.max(tiles.scratch_bytes().next_multiple_of(64) + extra);
                    let shared = product.as_ref().map_or(0, ReadyProduct::shared_bytes);
                    partial_bytes = partial_bytes.max(tiles.partial_bytes.next_multiple_of(64) + shared);
                    Ready::Loop { tiles: Box::new(tiles), product }
                }
                Step::Product(product) => {
                    let ready = ReadyProduct::new(product);
                    scratch_bytes = scratch_bytes.max(ready.workspace_bytes);
                    partial_bytes = partial_bytes.max(ready.shared_bytes());
                    Ready::Product(ready)
                }
                Step::Kernel(step) => {
                    let kernel = ready(step, level)?;
                    scratch_bytes = scratch_bytes.max(kernel.scratch_bytes());
                    partial_bytes = partial_bytes.max(kernel.shared_bytes());
                    Ready::Kernel(kernel)
                }
                Step::Assemble(_) | Step::Copy { .. } => Ready::Plain,
            };
            steps.push(ready);
        }
        Ok(Executable { steps, level, scratch_bytes, partial_bytes })
    }
    /// Bytes of scratch for each worker.
    pub fn scratch_bytes(&self) -> usize {
        self.scratch_bytes
    }
    /// Bytes behind the plan's arena.
    pub fn partial_bytes(&self) -> usize {
        self.partial_bytes
    }

    /// Runs step `number` of the plan.
    ///
    /// # Safety
    /// `pointers[i]` points to the memory of buffer i of the plan, and nobody else touches what the step writes or writes what it reads.
    /// `partials` has `partial_bytes()` bytes, aligned to 64. The job system's scratch is reserved.
    pub unsafe fn run_step(&self, plan: &Plan, number: usize, pointers: &[*mut u8], partials: *mut u8, jobs: &Jobs) -> Result<()> {
        let buffers = &plan.buffers;
        let table = Pointers(pointers);
        let shared = Shared(partials);
        // SAFETY: the caller's promises are those of the kernels.
        unsafe {
            match (&plan.steps[number], &self.steps[number]) {
                (Step::Loop(_), Ready::Loop { tiles, product: None }) => {
                    jobs.parallel_for(tiles.geometry.tasks(), &|task, scratch| {
                        let scratch = scratch.pointer(tiles.scratch_bytes());
                        tiles.run_task(task, table.get(), shared.get(), std::ptr::null_mut(), scratch);
                    })?;
                    tiles.finish(pointers, partials);
                    Ok(())
                }
                (Step::Loop(body), Ready::Loop { tiles, product: Some(ready) }) => {
                    let product = body.product.as_ref().expect("the loop was made ready with its product");
                    self.run_riding(product, ready, tiles, pointers, partials, jobs)
                }
                (Step::Product(product), Ready::Product(ready)) => self.run_alone(product, ready, pointers, partials, jobs),
                (Step::Kernel(step), Ready::Kernel(kernel)) => kernel.run(&Memory::new(step, pointers, partials), jobs),
                (Step::Assemble(step), _) => assemble(step, buffers, pointers, jobs),
                (Step::Copy { from, to }, _) => {
                    copy(buffers, *from, *to, pointers);
                    Ok(())
                }
                _ => unreachable!("steps are made ready in their order"),
            }
        }
    }

    /// A product whose loop runs over each block of rows while it is in the cache.
    unsafe fn run_riding(
        &self,
        product: &Product,
        ready: &ReadyProduct,
        tiles: &TileProgram,
        pointers: &[*mut u8],
        partials: *mut u8,
        jobs: &Jobs,
    ) -> Result<()> {
        let (table, shared) = (Pointers(pointers), Shared(partials));
        let size = product.dtype.size();
        let copies = shared.get().wrapping_add(tiles.partial_bytes.next_multiple_of(64));
        // SAFETY: see `run_step`.
        unsafe {
            if ready.copies_bytes > 0 {
                self.sum_stretches(product, ready, pointers, copies, jobs)?;
            }
            self.pack(product, ready, pointers, copies, jobs)?;
            let copies = Shared(copies);
            let g = tiles.geometry;
            jobs.parallel_for(g.tasks(), &|task, scratch| {
                let tile_bytes = tiles.scratch_bytes().next_multiple_of(64);
                let memory = scratch.pointer(tile_bytes + ready.block_bytes + ready.workspace_bytes);
                let (row, column) = (task / g.column_tasks() * g.task_rows, task % g.column_tasks() * g.task_columns);
                let (rows, columns) = (g.task_rows.min(g.rows - row), g.task_columns.min(g.columns - column));
                // Where row 0, column 0 of the result would be, and how far its rows are apart.
                let (base, row_elements) = match product.out {
                    Some(buffer) => (table.get()[buffer.0 as usize], g.columns),
                    None => (memory.add(tile_bytes).wrapping_sub((row * g.task_columns + column) * size), g.task_columns),
                };
                if ready.copies_bytes > 0 {
                    let elements = product.batch * product.m * product.n;
                    let range = row * g.columns..(row + rows) * g.columns;
                    matmul::add_partials(product.dtype, base, copies.get(), ready.split.k_blocks, elements, range, false);
                } else {
                    let pointer = base.wrapping_add((row * row_elements + column) * size);
                    let destination = Destination { pointer, row_stride: row_elements as isize, column_stride: 1 };
                    let workspace = memory.add(tile_bytes + ready.block_bytes);
                    let (batch, first) = (row / product.m, row % product.m);
                    let (rows, columns) = (first..first + rows, column..column + columns);
                    self.block(product, ready, table.get(), batch, rows, columns, destination, copies.get(), workspace);
                }
                tiles.run_task(task, table.get(), shared.get(), base, memory);
            })?;
            tiles.finish(pointers, partials);
        }
        Ok(())
    }

    /// A product on its own.
    unsafe fn run_alone(
        &self,
        product: &Product,
        ready: &ReadyProduct,
        pointers: &[*mut u8],
        partials: *mut u8,
        jobs: &Jobs,
    ) -> Result<()> {
        let out = product.out.expect("a product without a loop has a buffer");
        // SAFETY: see `run_step`.
        unsafe {
            if ready.copies_bytes > 0 {
                self.sum_stretches(product, ready, pointers, partials, jobs)?;
                let elements = product.batch * product.m * product.n;
                let target = pointers[out.0 as usize];
                matmul::add_partials(product.dtype, target, partials, ready.split.k_blocks, elements, 0..elements, false);
                return Ok(());
            }
            self.pack(product, ready, pointers, partials, jobs)?;
            let (table, packed) = (Pointers(pointers), Shared(partials));
            let size = product.dtype.size();
            jobs.parallel_for(ready.split.tasks(), &|index, scratch| {
                let task = ready.split.task(index);
                let workspace = scratch.pointer(ready.workspace_bytes);
                let offset = (task.batch * product.m + task.rows.start) * product.n + task.columns.start;
                let target = table.get()[out.0 as usize].add(offset * size);
                let destination = Destination { pointer: target, row_stride: product.n as isize, column_stride: 1 };
                let (rows, columns) = (task.rows.clone(), task.columns.clone());
                self.block(product, ready, table.get(), task.batch, rows, columns, destination, packed.get(), workspace);
            })
        }
    }

    /// Packs the operands of a product that wants it, for all tasks.
    unsafe fn pack(&self, product: &Product, ready: &ReadyProduct, pointers: &[*mut u8], packed: *mut u8, jobs: &Jobs) -> Result<()> {
        let Some(packing) = &ready.packing else { return Ok(()) };
        let (table, packed) = (Pointers(pointers), Shared(packed));
        jobs.parallel_for(packing.tasks(), &|index, _| {
            // SAFETY: see `run_step`; every task packs its own part.
            unsafe {
                let left = operand(&product.a, product, table.get(), 0, 0, 0);
                let right = operand(&product.b, product, table.get(), 0, 0, 0);
                packing.pack(self.level, index, left, right, packed.get());
            }
        })
    }

    /// A block of a product, from its packed operands where it has them.
    ///
    /// # Safety
    /// See `run_step`; the operands are packed.
    #[allow(clippy::too_many_arguments)]
    unsafe fn block(
        &self,
        product: &Product,
        ready: &ReadyProduct,
        pointers: &[*mut u8],
        batch: usize,
        rows: Range<usize>,
        columns: Range<usize>,
        destination: Destination,
        packed: *const u8,
        workspace: *mut u8,
    ) {
        // SAFETY: the caller's promise.
        unsafe {
            if let Some(packing) = &ready.packing {
                let left = operand(&product.a, product, pointers, 0, 0, 0);
                let right = operand(&product.b, product, pointers, 0, 0, 0);
                packing.block(self.level, rows, columns, destination, left, right, packed);
            } else {
                let left = operand(&product.a, product, pointers, batch, rows.start, 0);
                let right = operand(&product.b, product, pointers, batch, 0, columns.start);
                let (m, n, k) = (rows.len(), columns.len(), product.k);
                matmul::block(self.level, product.dtype, m, n, k, destination, left, right, false, workspace);
            }
        }
    }

    /// The copies of the result, one for each stretch of k.
    unsafe fn sum_stretches(
        &self,
        product: &Product,
        ready: &ReadyProduct,
        pointers: &[*mut u8],
        copies: *mut u8,
        jobs: &Jobs,
    ) -> Result<()> {
        let table = Pointers(pointers);
        let copies = Shared(copies);
        let size = product.dtype.size();
        let elements = product.batch * product.m * product.n;
        jobs.parallel_for(ready.split.tasks(), &|index, scratch| {
            let task = ready.split.task(index);
            let workspace = scratch.pointer(ready.workspace_bytes);
            let offset = task.k_block * elements + (task.batch * product.m + task.rows.start) * product.n + task.columns.start;
            // SAFETY: see `run_step`; every task has its own part of the copies.
            unsafe {
                let destination =
                    Destination { pointer: copies.get().add(offset * size), row_stride: product.n as isize, column_stride: 1 };
                let mut left = operand(&product.a, product, table.get(), task.batch, task.rows.start, 0);
                left.pointer = left.pointer.offset(task.steps.start as isize * product.a.column_stride * size as isize);
                let mut right = operand(&product.b, product, table.get(), task.batch, 0, task.columns.start);
                right.pointer = right.pointer.offset(task.steps.start as isize * product.b.row_stride * size as isize);
                let (rows, columns) = (task.rows.len(), task.columns.len());
                matmul::block(self.level, product.dtype, rows, columns, task.steps.len(), destination, left, right, false, workspace);
            }
        })
    }
}

impl ReadyProduct {
    fn new(product: &Product) -> ReadyProduct {
        let Product { dtype, batch, m, n, k, a, b, .. } = product;
        let strides = |matrix: &Matrix| [matrix.row_stride, matrix.column_stride];
        let packing = Packing::new(*dtype, *batch, [*m, *n, *k], strides(a), strides(b));
        let split = matmul::split(*batch, *m, *n, *k, a.column_stride == 1, packing.is_some());
        let workspace_bytes = if packing.is_some() { 0 } else { split.workspace_bytes(*dtype).next_multiple_of(64) };
        let copies_bytes = split.partial_bytes(*dtype);
        ReadyProduct { block_bytes: 0, workspace_bytes, copies_bytes, split, packing }
    }

    /// Bytes that all tasks share: copies of the result, or packed operands.
    fn shared_bytes(&self) -> usize {
        self.copies_bytes + self.packing.map_or(0, |packing| packing.bytes())
    }

    /// Rows and columns of a task of the loop that rides on the product, by shape alone.
    fn task(&self, product: &Product, whole_rows: bool) -> (usize, usize) {
        if self.copies_bytes > 0 {
            // The product has run when the loop begins, which only sums its copies.
            return ((SUMMED / product.n).max(1), product.n);
        }
        let Split { row_blocks, column_blocks, .. } = self.split;
        let columns = product.n.div_ceil(column_blocks).next_multiple_of(64).min(product.n);
        let columns = if whole_rows || columns < CUT_COLUMNS { product.n } else { columns };
        // Whole rows of a product whose operands are packed may be cut freely.
        let blocks = if self.packing.is_some() && columns == product.n { row_blocks.max(matmul::TASKS) } else { row_blocks };
        let rows = product.m.div_ceil(blocks);
        if product.batch == 1 {
            return (if blocks > 1 { rows.next_multiple_of(24) } else { rows }, columns);
        }
        // Tasks must not straddle matrices of the batch: a block that divides their rows, or all of them.
        let even = (1..=rows).rev().find(|rows| product.m.is_multiple_of(*rows)).unwrap_or(1);
        (if even * 2 > rows { even } else { product.m }, columns)
    }

    /// Makes room for tasks of this size.
    fn size_for(&mut self, product: &Product, rows: usize, columns: usize) {
        if product.out.is_none() {
            self.block_bytes = (rows * columns * product.dtype.size()).next_multiple_of(64);
        }
        if self.copies_bytes == 0 && self.packing.is_none() {
            self.workspace_bytes = matmul::workspace_bytes(product.dtype, rows, columns, product.k).next_multiple_of(64);
        }
    }
}

/// The operand's element (row, column) in the batch.
///
/// # Safety
/// The buffer has its memory.
unsafe fn operand(matrix: &Matrix, product: &Product, pointers: &[*mut u8], batch: usize, row: usize, column: usize) -> Operand {
    let mut offset = matrix.offset + row as isize * matrix.row_stride + column as isize * matrix.column_stride;
    let mut index = batch;
    for (size, stride) in matrix.batch.iter().rev() {
        offset += (index % size) as isize * stride;
        index /= size;
    }
    // SAFETY: the view lies inside the buffer.
    let pointer = unsafe { pointers[matrix.buffer.0 as usize].offset(offset * product.dtype.size() as isize) };
    Operand { pointer, row_stride: matrix.row_stride, column_stride: matrix.column_stride }
}

/// # Safety
/// Both buffers have their memory, of one size.
unsafe fn copy(buffers: &[Buffer], from: crate::compiler::BufferId, to: crate::compiler::BufferId, pointers: &[*mut u8]) {
    // SAFETY: the caller's promise; a source and its result are different buffers.
    unsafe { std::ptr::copy(pointers[from.0 as usize], pointers[to.0 as usize], buffers[to.0 as usize].bytes()) };
}

/// The buffers' addresses, for all tasks of a step.
#[derive(Clone, Copy)]
struct Pointers<'a>(&'a [*mut u8]);
// SAFETY: tasks write disjoint parts of what the pointers reach.
unsafe impl Sync for Pointers<'_> {}

impl<'a> Pointers<'a> {
    fn get(&self) -> &'a [*mut u8] {
        self.0
    }
}
