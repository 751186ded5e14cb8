//! Operands packed once for all tasks of a large product.
//!
//! A task that packs for itself packs what other tasks pack too: the right operand once for each block of rows, the left one once for each block
//! of columns. Large products instead pack in a phase of its own, shared out among the workers, and every task reads the same panels. Operands
//! that the kernels can read in their place are not packed at all.
//!
//! The packed right operand is ordered by stretch of k, then by panel of columns, then by step; the left one by stretch, tile of rows, step. What a
//! task reads at a time lies in one piece.

use super::kernel::{Float, Kernels, MAX_COLUMNS};
use super::pack::{Matrix, Stored, pack_left_tiles, pack_right};
use super::{Destination, K_STRETCH, Next, Operand, PACKED_COLUMNS, Product, ROW_GRAIN, TASK_RESULT, TASK_ROWS, left_is_packed, pieces};
use crate::runtime::cpu::simd::Level;
use crate::tensor::DType;
use std::ops::Range;

/// Multiply-adds of a product at least, for packing it in a phase of its own: a millisecond of one worker.
const LEAST_WORK: usize = 1 << 27;
/// Bytes of packed operands at most. In larger products a task packs for itself, which costs a few percent.
const MOST_BYTES: usize = 64 << 20;
/// Rows of the left operand that a task of the packing phase packs.
const LEFT_ROWS: usize = 16 * ROW_GRAIN;

/// Which operands of a product are packed for all of its tasks. It follows from shape, strides, and dtype alone.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Packing {
    dtype: DType,
    m: usize,
    n: usize,
    k: usize,
    left: bool,
    right: bool,
}

impl Packing {
    /// What is packed of `batch` products `[m, k] x [k, n]`, whose operands' strides (row, column) count elements; `None` where tasks pack for
    /// themselves.
    pub fn new(dtype: DType, batch: usize, [m, n, k]: [usize; 3], left: [isize; 2], right: [isize; 2]) -> Option<Packing> {
        let in_place = match dtype {
            DType::F64 | DType::F32 => true,
            DType::F16 | DType::BF16 => false,
            _ => return None,
        };
        let work = m.saturating_mul(n).saturating_mul(k);
        // A result so small that it is one task's may be cut along k.
        if batch != 1 || work < LEAST_WORK || m.saturating_mul(n) <= TASK_RESULT {
            return None;
        }
        let right_bytes = right[0].unsigned_abs().saturating_mul(k.min(K_STRETCH)).saturating_mul(dtype.size());
        let packing = Packing {
            dtype,
            m,
            n,
            k,
            left: left_is_packed(in_place, left[1], n),
            right: !(in_place && right[1] == 1 && right_bytes <= super::PANEL_IN_PLACE),
        };
        let packed_twice = packing.left && n > PACKED_COLUMNS || packing.right && m > TASK_ROWS;
        (packed_twice && packing.bytes() <= MOST_BYTES).then_some(packing)
    }

    /// The memory that the packed operands take.
    pub fn bytes(&self) -> usize {
        self.left_start().saturating_add(if self.left { self.m * self.k * self.element() } else { 0 })
    }

    /// How many tasks the packing phase has.
    pub fn tasks(&self) -> usize {
        self.stretches() * (self.right_tasks() + self.left_tasks())
    }

    /// Task `index` of the packing phase.
    ///
    /// # Safety
    /// As [`super::block`] for the whole operands; `packed` is [`Packing::bytes`] long, aligned to 64 bytes, and each task writes its own part of it.
    pub unsafe fn pack(&self, level: Level, index: usize, left: Operand, right: Operand, packed: *mut u8) {
        // SAFETY: the caller's promise.
        unsafe {
            match self.dtype {
                DType::F32 => self.pack_stored::<f32>(level, index, left, right, packed),
                DType::F64 => self.pack_stored::<f64>(level, index, left, right, packed),
                DType::F16 => self.pack_stored::<half::f16>(level, index, left, right, packed),
                _ => self.pack_stored::<half::bf16>(level, index, left, right, packed),
            }
        }
    }

    /// `destination[rows, columns] = left[rows, k] * right[k, columns]` from the packed operands, in the calling thread; the destination's address
    /// is that of the block's first element. Its columns lie side by side. Every element has the bits that [`super::block`] gives it.
    ///
    /// # Safety
    /// As [`Packing::pack`], all of whose tasks have run at the same level.
    ///
    /// # Panics
    /// When blocks are not cut at multiples of 24 rows and 64 columns, or their destination's columns lie apart.
    #[allow(clippy::too_many_arguments)]
    pub unsafe fn block(
        &self,
        level: Level,
        rows: Range<usize>,
        columns: Range<usize>,
        destination: Destination,
        left: Operand,
        right: Operand,
        packed: *const u8,
    ) {
        assert!(rows.start.is_multiple_of(ROW_GRAIN) && (rows.end.is_multiple_of(ROW_GRAIN) || rows.end == self.m));
        assert!(columns.start.is_multiple_of(MAX_COLUMNS) && (columns.end.is_multiple_of(MAX_COLUMNS) || columns.end == self.n));
        assert!(destination.column_stride == 1);
        // SAFETY: the caller's promise.
        unsafe {
            match self.dtype {
                DType::F32 => self.block_stored::<f32>(level, rows, columns, destination, left, right, packed),
                DType::F64 => self.block_stored::<f64>(level, rows, columns, destination, left, right, packed),
                DType::F16 => self.block_stored::<half::f16>(level, rows, columns, destination, left, right, packed),
                _ => self.block_stored::<half::bf16>(level, rows, columns, destination, left, right, packed),
            }
        }
    }

    /// Bytes of a packed element.
    fn element(&self) -> usize {
        if self.dtype == DType::F64 { 8 } else { 4 }
    }
    fn stretches(&self) -> usize {
        self.k.div_ceil(K_STRETCH)
    }
    fn right_tasks(&self) -> usize {
        if self.right { self.n.div_ceil(MAX_COLUMNS) } else { 0 }
    }
    fn left_tasks(&self) -> usize {
        if self.left { self.m.div_ceil(LEFT_ROWS) } else { 0 }
    }
    /// Columns of the packed right operand, with room for whole vectors.
    fn packed_columns(&self) -> usize {
        self.n.next_multiple_of(MAX_COLUMNS)
    }
    /// Where the packed left operand begins, behind the right one.
    fn left_start(&self) -> usize {
        if self.right { self.packed_columns().saturating_mul(self.k).saturating_mul(self.element()) } else { 0 }
    }
    fn stretch(&self, index: usize) -> Range<usize> {
        pieces(self.k, self.stretches()).nth(index).expect("an index below the number of stretches")
    }

    unsafe fn pack_stored<S: Stored>(&self, level: Level, index: usize, left: Operand, right: Operand, packed: *mut u8) {
        let kernels = S::Wide::kernels(level);
        let of_stretch = self.right_tasks() + self.left_tasks();
        let (steps, part) = (self.stretch(index / of_stretch), index % of_stretch);
        let k = steps.len();
        // SAFETY: the caller's promise; each part has its own columns or rows.
        unsafe {
            if part < self.right_tasks() {
                let packed = packed.cast::<S::Wide>().add(steps.start * self.packed_columns());
                let all = part * MAX_COLUMNS..((part + 1) * MAX_COLUMNS).min(self.n);
                for columns in runs(all, kernels.lanes * kernels.whole.len()) {
                    let from = matrix::<S>(right).from(steps.start, columns.start);
                    let padded = columns.len().next_multiple_of(kernels.lanes);
                    pack_right(kernels, k, columns.len(), padded, from, packed.add(columns.start * k));
                }
            } else {
                let packed = packed.add(self.left_start()).cast::<S::Wide>().add(steps.start * self.m);
                let first = (part - self.right_tasks()) * LEFT_ROWS;
                let rows = (self.m - first).min(LEFT_ROWS);
                let from = matrix::<S>(left).from(first, steps.start);
                pack_left_tiles(k, runs(0..rows, tile_rows(kernels)), from, packed.add(first * k));
            }
        }
    }

    #[allow(clippy::too_many_arguments)]
    unsafe fn block_stored<S: Stored>(
        &self,
        level: Level,
        rows: Range<usize>,
        columns: Range<usize>,
        destination: Destination,
        left: Operand,
        right: Operand,
        packed: *const u8,
    ) {
        let kernels = S::Wide::kernels(level);
        let (lanes, vectors) = (kernels.lanes, columns.len().div_ceil(kernels.lanes));
        let (left, right) = (matrix::<S>(left), matrix::<S>(right));
        let (m, n) = (rows.len(), columns.len());
        let result = Matrix { pointer: destination.pointer.cast_const().cast(), row_stride: destination.row_stride, column_stride: 1 };
        let product = Product { kernels, m, n, k: self.k, result, left, right, workspace: std::ptr::null_mut() };
        for steps in pieces(self.k, self.stretches()) {
            let k = steps.len();
            // SAFETY: the caller's promise; the block lies inside the product.
            unsafe {
                let packed_right = packed.cast::<S::Wide>().add(steps.start * self.packed_columns());
                let packed_left = packed.add(self.left_start()).cast::<S::Wide>().wrapping_add(steps.start * self.m);
                let left = |tile: &Range<usize>| {
                    let row = rows.start + tile.start;
                    if self.left {
                        (packed_left.add(row * k), 1, tile.len() as isize)
                    } else {
                        (left.at(row, steps.start).cast(), left.row_stride, left.column_stride)
                    }
                };
                let right = |_, panel: &Range<usize>| {
                    let column = columns.start + panel.start * lanes;
                    if self.right {
                        (packed_right.add(column * k), (panel.len() * lanes) as isize)
                    } else {
                        (right.at(steps.start, column).cast(), right.row_stride)
                    }
                };
                let mut chunks = runs(0..vectors, PACKED_COLUMNS / lanes).peekable();
                while let Some(chunk) = chunks.next() {
                    // The next chunk of this stretch, or the first one of the next stretch.
                    let next = match chunks.peek() {
                        Some(next) => {
                            Next { start: packed_right.add((columns.start + next.start * lanes) * k), elements: next.len() * lanes * k }
                        }
                        None => {
                            let start = packed_right.wrapping_add(k * self.packed_columns());
                            let next_k = (self.k - steps.end).min(k);
                            Next { start: start.wrapping_add(columns.start * next_k), elements: columns.len().min(PACKED_COLUMNS) * next_k }
                        }
                    };
                    let panels = runs(chunk, kernels.whole.len());
                    let next = if self.right { next } else { Next { elements: 0, ..next } };
                    product.tiles::<true>(k, 0, runs(0..m, tile_rows(kernels)), panels, &left, &right, steps.start > 0, next);
                }
            }
        }
    }
}

/// Rows of a packed tile. They divide [`ROW_GRAIN`], so that blocks of rows begin with a tile.
fn tile_rows<T>(kernels: &Kernels<T>) -> usize {
    kernels.streaming.1
}

fn matrix<S>(operand: Operand) -> Matrix<S> {
    Matrix { pointer: operand.pointer.cast(), row_stride: operand.row_stride, column_stride: operand.column_stride }
}

/// Neighbouring ranges of `each` that cover `range`; the last one may be shorter.
fn runs(range: Range<usize>, each: usize) -> impl Iterator<Item = Range<usize>> + Clone {
    let end = range.end;
    range.step_by(each).map(move |start| start..(start + each).min(end))
}
