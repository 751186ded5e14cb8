//! A plan made ready for the CPU: instructions for its loops, tasks for its products, and the sizes of what they need.

use super::kernels::{Shared, assemble, gather, scatter_add};
use super::lower::lower;
use super::matmul::{self, Destination, Operand, Split};
use super::simd::Level;
use super::tile::TileProgram;
use crate::compiler::{Buffer, Matrix, Plan, Product, Step};
use crate::error::Result;
use crate::runtime::jobs::Jobs;

/// What runs on the CPU. Immutable; memory is the caller's.
pub struct Executable {
    steps: Vec<Ready>,
    level: Level,
    scratch_bytes: usize,
    /// Memory for partial results, used by one step at a time.
    partial_bytes: usize,
}

/// A step with what was decided for it.
enum Ready {
    Loop { tiles: TileProgram, product: Option<ReadyProduct> },
    Product(ReadyProduct),
    /// The plan's own step says all.
    Plain,
}

struct ReadyProduct {
    split: Split,
    /// Of a loop's product without a buffer: bytes of one task's rows.
    rows_bytes: usize,
    workspace_bytes: usize,
    /// Bytes of the copies of a result that is summed in stretches of k.
    copies_bytes: usize,
}

impl Executable {
    pub fn new(plan: &Plan, level: Level) -> Result<Executable> {
        let mut steps = Vec::with_capacity(plan.steps.len());
        let (mut scratch_bytes, mut partial_bytes) = (0usize, 0usize);
        for step in &plan.steps {
            let ready = match step {
                Step::Loop(body) => {
                    let product = body.product.as_ref().map(ReadyProduct::riding);
                    let rows = body.product.as_ref().map(|product| rows_per_task(product, &ReadyProduct::riding(product).split));
                    let tiles = lower(body, &plan.buffers, level, rows)?;
                    let extra = product.as_ref().map_or(0, |product| product.rows_bytes + product.workspace_bytes);
                    scratch_bytes = scratch_bytes.max(tiles.scratch_bytes().next_multiple_of(64) + extra);
                    let copies = product.as_ref().map_or(0, |product| product.copies_bytes);
                    partial_bytes = partial_bytes.max(tiles.partial_bytes.next_multiple_of(64) + copies);
                    Ready::Loop { tiles, product }
                }
                Step::Product(product) => {
                    let ready = ReadyProduct::alone(product);
                    scratch_bytes = scratch_bytes.max(ready.workspace_bytes);
                    partial_bytes = partial_bytes.max(ready.copies_bytes);
                    Ready::Product(ready)
                }
                Step::Gather(_) | Step::ScatterAdd(_) | Step::Assemble(_) | Step::Copy { .. } => Ready::Plain,
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
                (Step::Loop(body), Ready::Loop { tiles, product: None }) => {
                    let _ = body;
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
                (Step::Gather(step), _) => gather(step, buffers, pointers, jobs),
                (Step::ScatterAdd(step), _) => scatter_add(step, buffers, pointers, jobs),
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
        let row_bytes = product.n * size;
        let copies = shared.get().wrapping_add(tiles.partial_bytes.next_multiple_of(64));
        // SAFETY: see `run_step`.
        unsafe {
            if ready.copies_bytes > 0 {
                self.sum_stretches(product, ready, pointers, copies, jobs)?;
            }
            let copies = Shared(copies);
            jobs.parallel_for(tiles.geometry.tasks(), &|task, scratch| {
                let tile_bytes = tiles.scratch_bytes().next_multiple_of(64);
                let memory = scratch.pointer(tile_bytes + ready.rows_bytes + ready.workspace_bytes);
                let first = task * tiles.geometry.task_rows;
                let rows = tiles.geometry.task_rows.min(tiles.geometry.rows - first);
                let base = match product.out {
                    Some(buffer) => table.get()[buffer.0 as usize],
                    None => memory.add(tile_bytes).wrapping_sub(first * row_bytes),
                };
                let target = base.wrapping_add(first * row_bytes);
                if ready.copies_bytes > 0 {
                    let elements = product.batch * product.m * product.n;
                    let range = first * product.n..(first + rows) * product.n;
                    matmul::add_partials(product.dtype, base, copies.get(), ready.split.k_blocks, elements, range, false);
                } else {
                    let batch = first / product.m;
                    let workspace = memory.add(tile_bytes + ready.rows_bytes);
                    let within = first % product.m;
                    for block in 0..ready.split.column_blocks {
                        let columns = ready.split.task(block).columns;
                        let destination = Destination {
                            pointer: target.add(columns.start * size),
                            row_stride: product.n as isize,
                            column_stride: 1,
                        };
                        let left = operand(&product.a, product, table.get(), batch, within, 0);
                        let right = operand(&product.b, product, table.get(), batch, 0, columns.start);
                        matmul::block(self.level, product.dtype, rows, columns.len(), product.k, destination, left, right, false, workspace);
                    }
                }
                tiles.run_task(task, table.get(), shared.get(), base, memory);
            })?;
            tiles.finish(pointers, partials);
        }
        Ok(())
    }

    /// A product on its own.
    unsafe fn run_alone(&self, product: &Product, ready: &ReadyProduct, pointers: &[*mut u8], partials: *mut u8, jobs: &Jobs) -> Result<()> {
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
            let table = Pointers(pointers);
            let size = product.dtype.size();
            jobs.parallel_for(ready.split.tasks(), &|index, scratch| {
                let task = ready.split.task(index);
                let workspace = scratch.pointer(ready.workspace_bytes);
                let offset = (task.batch * product.m + task.rows.start) * product.n + task.columns.start;
                let target = table.get()[out.0 as usize].add(offset * size);
                let destination = Destination { pointer: target, row_stride: product.n as isize, column_stride: 1 };
                let left = operand(&product.a, product, table.get(), task.batch, task.rows.start, 0);
                let right = operand(&product.b, product, table.get(), task.batch, 0, task.columns.start);
                matmul::block(self.level, product.dtype, task.rows.len(), task.columns.len(), product.k, destination, left, right, false, workspace);
            })
        }
    }

    /// The copies of the result, one for each stretch of k.
    unsafe fn sum_stretches(&self, product: &Product, ready: &ReadyProduct, pointers: &[*mut u8], copies: *mut u8, jobs: &Jobs) -> Result<()> {
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
                let destination = Destination { pointer: copies.get().add(offset * size), row_stride: product.n as isize, column_stride: 1 };
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
    fn new(product: &Product, riding: bool) -> ReadyProduct {
        let split = matmul::split(product.batch, product.m, product.n, product.k);
        let rows = rows_per_task(product, &split);
        let rows_bytes = if riding && product.out.is_none() { (rows * product.n * product.dtype.size()).next_multiple_of(64) } else { 0 };
        let whole_rows = matmul::workspace_bytes(product.dtype, rows, product.n, product.k);
        let workspace_bytes = split.workspace_bytes(product.dtype).max(whole_rows).next_multiple_of(64);
        ReadyProduct { rows_bytes, workspace_bytes, copies_bytes: split.partial_bytes(product.dtype), split }
    }
    fn riding(product: &Product) -> ReadyProduct {
        ReadyProduct::new(product, true)
    }
    fn alone(product: &Product) -> ReadyProduct {
        ReadyProduct::new(product, false)
    }
}

/// Rows of a loop's task that rides on the product: a divisor-free cut of each matrix of the batch, by shape alone.
fn rows_per_task(product: &Product, split: &Split) -> usize {
    if product.batch > 1 {
        // Tasks must not straddle matrices: the largest block that divides the rows of one.
        let wanted = product.m.div_ceil(split.row_blocks);
        return (1..=wanted).rev().find(|rows| product.m % rows == 0).unwrap_or(1);
    }
    let even = product.m.div_ceil(split.row_blocks.max(1));
    if split.row_blocks > 1 { even.next_multiple_of(24) } else { even }
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
