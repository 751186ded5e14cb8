//! The CPU matrix product: how one is cut into tasks, and how one thread computes a task.
//!
//! [`split`] cuts a product by shape and layout, never by worker count, so that results have the same bits for any number of workers. [`block`] computes one
//! task in the calling thread, with packing space from the caller: it allocates nothing and keeps no state.
//!
//! The result's contiguous direction is the direction of the vectors: a row-major result takes its right operand in vectors of
//! columns and broadcasts the left one, a column-major result is computed as the transposed product.

pub(in crate::runtime::cpu) mod kernel;
pub(in crate::runtime::cpu) mod pack;
mod packing;
pub(in crate::runtime::cpu) mod slide;
#[cfg(test)]
mod tests;

use crate::runtime::cpu::simd::Level;
use crate::tensor::DType;
use kernel::{Ahead, Float, Kernels, MAX_COLUMNS, MAX_ROWS, Tile};
use pack::{Matrix, Stored, pack_left_tiles, pack_right};
pub use packing::Packing;
use std::ops::Range;

/// Steps along k that are summed in registers at a stretch: a packed panel of the right operand stays in the second-level cache.
const K_STRETCH: usize = 512;
/// Columns of the right operand that are packed at a time, as long a stretch of the result as a row of tiles writes.
const PACKED_COLUMNS: usize = 256;
/// Rows of a left operand that are packed at a time.
const PACKED_ROWS: usize = 256;
/// Bytes of memory that a panel may span to be read where it lies: its lines do not push each other out of the first cache levels.
const PANEL_IN_PLACE: usize = 64 * 1024;

/// One operand of a product: the first element's address, and the distances between neighbours in elements, of any sign.
#[derive(Clone, Copy, Debug)]
pub struct Operand {
    pub pointer: *const u8,
    pub row_stride: isize,
    pub column_stride: isize,
}

/// Where a product goes, as [`Operand`].
#[derive(Clone, Copy, Debug)]
pub struct Destination {
    pub pointer: *mut u8,
    pub row_stride: isize,
    pub column_stride: isize,
}

/// How a product is cut into tasks. It follows from the shape and the left operand's layout alone.
///
/// Tasks are numbered by product of the batch, block of rows, block of columns, and stretch of k, the last one fastest. Tasks of different
/// stretches of k share a part of the result: with more than one stretch each writes its own copy, and [`add_partials`] sums the copies.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Split {
    pub batch: usize,
    pub m: usize,
    pub n: usize,
    pub k: usize,
    pub row_blocks: usize,
    pub column_blocks: usize,
    pub k_blocks: usize,
}

/// The part of a product that one task computes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Task {
    pub batch: usize,
    pub rows: Range<usize>,
    pub columns: Range<usize>,
    pub steps: Range<usize>,
    /// Which stretch of k `steps` is.
    pub k_block: usize,
}

/// Multiply-adds of a task at least: below twice this, cutting costs more than a second worker gains.
const TASK_WORK: usize = 1 << 20;
/// Rows of a task at least, if rows are cut at all: every block of rows packs the right operand again, which costs 2 % of the work at this height
/// and 17 % at a quarter of it.
const TASK_ROWS: usize = 512;
/// The same for a left operand that is packed too, because its neighbours along k lie apart: then every block of columns packs that one again,
/// and fewer columns and more rows are cut. Also where all tasks share packed operands: cutting rows is free then, and loops that ride on the
/// product run over longer parts of rows.
const TASK_ROWS_PACKED: usize = 256;
/// Elements of a task's part of the result where rows are cut freely: it is still in the second-level cache when the epilogue comes.
const TASK_RESULT: usize = 1 << 16;
/// Columns of a task at most. Cutting columns is almost free.
const TASK_COLUMNS: usize = 512;
/// Tasks wanted: cutting goes no further than to keep this many workers busy.
pub const TASKS: usize = 8;
/// The shortest stretch of k.
const TASK_STEPS: usize = 1024;

/// Cuts `batch` products `[m, k] x [k, n]` into tasks.
///
/// Rows are cut first. Columns are cut when there are too few rows for enough tasks, or more than 512 columns; an epilogue that needs whole rows may
/// set `column_blocks` to 1. A long sum whose result is too small to be cut (the gradient of a weight over a large batch) is cut along k.
///
/// `left_k_contiguous` says that the left operand's neighbours along k lie side by side (its `column_stride` is 1), as in a forward pass; in the
/// gradient of a weight they do not.
///
/// `packed` says that the operands are packed once for all tasks ([`Packing`]): then nothing is packed twice, however the product is cut.
pub fn split(batch: usize, m: usize, n: usize, k: usize, left_k_contiguous: bool, packed: bool) -> Split {
    let work = m.saturating_mul(n).saturating_mul(k);
    let whole = Split { batch, m, n, k, row_blocks: 1, column_blocks: 1, k_blocks: 1 };
    if work < 2 * TASK_WORK || batch == 0 {
        return whole;
    }
    let by_work = work / TASK_WORK;
    let least = if left_k_contiguous && !packed { TASK_ROWS } else { TASK_ROWS_PACKED };
    let row_blocks = (m / least.max(TASK_RESULT / n)).max((m / least).min(TASKS)).clamp(1, by_work);
    let wanted = TASKS.div_ceil(batch.saturating_mul(row_blocks)).min(by_work / row_blocks).min(n / MAX_COLUMNS);
    let column_blocks = wanted.max(n.div_ceil(TASK_COLUMNS));
    if batch.saturating_mul(row_blocks * column_blocks) < TASKS / 2 && m * n <= TASK_RESULT {
        let k_blocks = (k / TASK_STEPS).min(by_work).min(TASKS);
        if k_blocks > 1 {
            return Split { k_blocks, ..whole };
        }
    }
    Split { row_blocks, column_blocks, ..whole }
}

impl Split {
    /// How many tasks there are.
    pub fn tasks(&self) -> usize {
        self.batch * self.row_blocks * self.column_blocks * self.k_blocks
    }

    /// What task `index` computes; `index` is below [`Split::tasks`].
    pub fn task(&self, index: usize) -> Task {
        let (rest, k_block) = (index / self.k_blocks, index % self.k_blocks);
        let (rest, column_block) = (rest / self.column_blocks, rest % self.column_blocks);
        let (batch, row_block) = (rest / self.row_blocks, rest % self.row_blocks);
        Task {
            batch,
            rows: piece(self.m, self.row_blocks, row_block, ROW_GRAIN),
            columns: piece(self.n, self.column_blocks, column_block, MAX_COLUMNS),
            steps: piece(self.k, self.k_blocks, k_block, ROW_GRAIN),
            k_block,
        }
    }

    /// The elements of one copy of the result that [`add_partials`] sums, all products of the batch; 0 when k is not cut. Copies are row-major,
    /// one after the other: copy, product, row, column; [`Split::partial_bytes`] says how much memory they take.
    pub fn partial_elements(&self) -> usize {
        if self.k_blocks > 1 { self.batch * self.m * self.n } else { 0 }
    }

    /// The bytes of all copies of the result, for a product with operands of this dtype.
    pub fn partial_bytes(&self, dtype: DType) -> usize {
        self.partial_elements() * self.k_blocks * if matches!(dtype, DType::F16 | DType::BF16) { 4 } else { dtype.size() }
    }

    /// The workspace that [`block`] needs for the largest task.
    pub fn workspace_bytes(&self, dtype: DType) -> usize {
        let largest =
            |length: usize, count: usize, grain: usize| (0..count).map(|index| piece(length, count, index, grain).len()).max().unwrap_or(0);
        let rows = largest(self.m, self.row_blocks, ROW_GRAIN);
        let columns = largest(self.n, self.column_blocks, MAX_COLUMNS);
        workspace_bytes(dtype, rows, columns, largest(self.k, self.k_blocks, ROW_GRAIN))
    }
}

/// The multiple that blocks of rows and stretches of k are cut at: whole tiles.
const ROW_GRAIN: usize = 24;

/// Piece `index` of `count` of `0..length`, cut at multiples of `grain`.
fn piece(length: usize, count: usize, index: usize, grain: usize) -> Range<usize> {
    let cut =
        |index: usize| if index == count { length } else { (length as u128 * index as u128 / count as u128) as usize / grain * grain };
    cut(index)..cut(index + 1)
}

/// Sums the copies of a result that was cut along k, in order: `destination[i] = p[0][i] + p[1][i] + ...` for the elements in `range`, or `+=`.
///
/// `dtype` is the result's: F32, F64, I64, I32, or U8. Both sides are row-major and without gaps; elements may be shared out among threads in
/// any way.
///
/// # Safety
/// `partials` holds `copies` times `elements` elements, `destination` is writable in `range`, which lies below `elements`; they do not overlap.
pub unsafe fn add_partials(
    dtype: DType,
    destination: *mut u8,
    partials: *const u8,
    copies: usize,
    elements: usize,
    range: Range<usize>,
    accumulate: bool,
) {
    /// A column of copies at a time, short enough for registers.
    unsafe fn sum<T: Copy>(
        to: *mut T,
        from: *const T,
        [copies, elements]: [usize; 2],
        range: Range<usize>,
        accumulate: bool,
        add: impl Fn(T, T) -> T,
    ) {
        for index in range {
            // SAFETY: the caller's promise.
            unsafe {
                let mut total = *from.add(index);
                for copy in 1..copies {
                    total = add(total, *from.add(copy * elements + index));
                }
                *to.add(index) = if accumulate { add(*to.add(index), total) } else { total };
            }
        }
    }
    let sizes = [copies, elements];
    // SAFETY: the caller's promise.
    unsafe {
        match dtype {
            DType::F64 => sum::<f64>(destination.cast(), partials.cast(), sizes, range, accumulate, |a, b| a + b),
            DType::F32 | DType::F16 | DType::BF16 => {
                sum::<f32>(destination.cast(), partials.cast(), sizes, range, accumulate, |a, b| a + b)
            }
            DType::I64 => sum(destination.cast(), partials.cast(), sizes, range, accumulate, i64::wrapping_add),
            DType::I32 => sum(destination.cast(), partials.cast(), sizes, range, accumulate, i32::wrapping_add),
            DType::U8 => sum(destination.cast(), partials, sizes, range, accumulate, u8::wrapping_add),
            DType::Bool => panic!("bool has no matrix product"),
        }
    }
}

/// The bytes of workspace that [`block`] needs for these sizes, whatever the strides and the level.
pub fn workspace_bytes(dtype: DType, m: usize, n: usize, k: usize) -> usize {
    let element = match dtype {
        DType::F64 => 8,
        DType::F32 | DType::F16 | DType::BF16 => 4,
        _ => return 0,
    };
    if m == 0 || n == 0 {
        return 0;
    }
    let longer = m.max(n);
    k.min(K_STRETCH) * (packed_columns(longer) + longer.min(PACKED_ROWS)) * element
}

/// The columns that packed panels of an operand with `n` columns take at most, padding included.
fn packed_columns(n: usize) -> usize {
    n.next_multiple_of(MAX_COLUMNS).min(PACKED_COLUMNS)
}

/// `destination[m, n] = left[m, k] * right[k, n]`, or `+=` with `accumulate`, in the calling thread. With k = 0 the product is zero.
///
/// `dtype` is the operands': F64, F32, F16, BF16, I64, I32, or U8. The destination has the same dtype, but **F32 for F16 and BF16**: their
/// products are exact in f32 and summed there, and the caller rounds at the end. Integers wrap around.
///
/// `workspace` is [`workspace_bytes`] long and aligned to 64 bytes; its contents are overwritten.
///
/// # Safety
/// The operands are readable and the destination is writable for all elements that sizes and strides reach; the destination overlaps neither an
/// operand nor itself; the machine has the level's instructions; elements are aligned to their size.
///
/// # Panics
/// `Bool` has no product.
#[allow(clippy::too_many_arguments)]
pub unsafe fn block(
    level: Level,
    dtype: DType,
    m: usize,
    n: usize,
    k: usize,
    destination: Destination,
    left: Operand,
    right: Operand,
    accumulate: bool,
    workspace: *mut u8,
) {
    // SAFETY: the caller's promises are those of the functions below.
    unsafe {
        match dtype {
            DType::F32 => product::<f32>(level, [m, n, k], destination, left, right, accumulate, workspace),
            DType::F64 => product::<f64>(level, [m, n, k], destination, left, right, accumulate, workspace),
            DType::F16 => product::<half::f16>(level, [m, n, k], destination, left, right, accumulate, workspace),
            DType::BF16 => product::<half::bf16>(level, [m, n, k], destination, left, right, accumulate, workspace),
            DType::I64 => integers(m, n, k, destination, left, right, accumulate, i64::wrapping_mul, i64::wrapping_add),
            DType::I32 => integers(m, n, k, destination, left, right, accumulate, i32::wrapping_mul, i32::wrapping_add),
            DType::U8 => integers(m, n, k, destination, left, right, accumulate, u8::wrapping_mul, u8::wrapping_add),
            DType::Bool => panic!("bool has no matrix product"),
        }
    }
}

unsafe fn product<S: Stored>(
    level: Level,
    [m, n, k]: [usize; 3],
    destination: Destination,
    left: Operand,
    right: Operand,
    accumulate: bool,
    workspace: *mut u8,
) {
    let matrix = |operand: Operand| Matrix {
        pointer: operand.pointer.cast::<S>(),
        row_stride: operand.row_stride,
        column_stride: operand.column_stride,
    };
    let result = Matrix {
        pointer: destination.pointer.cast::<S::Wide>().cast_const(),
        row_stride: destination.row_stride,
        column_stride: destination.column_stride,
    };
    let kernels = S::Wide::kernels(level);
    let workspace = workspace.cast();
    // SAFETY: the caller's promises; transposing all three matrices leaves every element's product what it is.
    unsafe {
        if destination.row_stride == 1 && (destination.column_stride != 1 || n < m) {
            let work = Product {
                kernels,
                m: n,
                n: m,
                k,
                result: result.transposed(),
                left: matrix(right).transposed(),
                right: matrix(left).transposed(),
                workspace,
            };
            work.run(accumulate);
        } else {
            Product { kernels, m, n, k, result, left: matrix(left), right: matrix(right), workspace }.run(accumulate);
        }
    }
}

/// Elements that are wanted soon, from `start` on.
#[derive(Clone, Copy)]
struct Next<T> {
    start: *const T,
    elements: usize,
}

/// A product whose vectors run along the result's columns.
struct Product<S: Stored> {
    kernels: &'static Kernels<S::Wide>,
    m: usize,
    n: usize,
    k: usize,
    /// Written through, although the pointer says const.
    result: Matrix<S::Wide>,
    left: Matrix<S>,
    right: Matrix<S>,
    workspace: *mut S::Wide,
}

impl<S: Stored> Product<S> {
    unsafe fn run(&self, accumulate: bool) {
        let Product { m, n, k, .. } = *self;
        if m == 0 || n == 0 {
            return;
        }
        // SAFETY: all sub-blocks below lie inside the matrices that the caller of `block` vouches for.
        unsafe {
            if k == 0 {
                if !accumulate {
                    for (row, column) in (0..m).flat_map(|row| (0..n).map(move |column| (row, column))) {
                        *self.result.at(row, column).cast_mut() = S::Wide::ZERO;
                    }
                }
                return;
            }
            let pack_left = left_is_packed(S::IN_PLACE, self.left.column_stride, n);
            let row_chunk = if pack_left { PACKED_ROWS } else { m };
            for steps in pieces(k, k.div_ceil(K_STRETCH)) {
                for first_row in (0..m).step_by(row_chunk) {
                    let rows = (m - first_row).min(row_chunk);
                    self.stretch(steps.clone(), first_row, rows, pack_left, accumulate || steps.start > 0);
                }
            }
        }
    }

    /// Some steps along k of some rows, for all columns.
    unsafe fn stretch(&self, steps: Range<usize>, first_row: usize, rows: usize, pack_left: bool, accumulate: bool) {
        let Product { kernels, n, .. } = *self;
        let (k, lanes) = (steps.len(), kernels.lanes);
        let left = self.left.from(first_row, steps.start);
        let packed_left = self.workspace.wrapping_add(k * packed_columns(n));
        let vectors = n.div_ceil(lanes);
        let panels = vectors.div_ceil(kernels.whole.len());
        // Packed tiles must have the same height for every panel, so it is that of the widest.
        let tallest = kernels.whole[vectors.div_ceil(panels) - 1].len();
        let tiles = rows.div_ceil(tallest);
        // SAFETY: see `run`; the workspace holds MAX_COLUMNS columns and PACKED_ROWS rows of k steps.
        unsafe {
            if pack_left {
                pack_left_tiles(k, pieces(rows, tiles), left, packed_left);
            }
            let in_place = S::IN_PLACE && self.right.column_stride == 1 && self.right_stays_in_cache(k, rows);
            let width = vectors.div_ceil(panels) * lanes;
            for chunk in pieces(panels, panels.div_ceil(PACKED_COLUMNS / width)) {
                let chunk_panels = pieces(vectors, panels).skip(chunk.start).take(chunk.len());
                if !in_place {
                    for (index, panel) in chunk_panels.clone().enumerate() {
                        let (first_column, padded) = (panel.start * lanes, panel.len() * lanes);
                        let right = self.right.from(steps.start, first_column);
                        pack_right(kernels, k, (n - first_column).min(padded), padded, right, self.workspace.add(index * width * k));
                    }
                }
                let nothing = Next { start: std::ptr::null(), elements: 0 };
                let left = |tile: &Range<usize>| {
                    if pack_left {
                        (packed_left.add(tile.start * k).cast_const(), 1, tile.len() as isize)
                    } else {
                        (left.at(tile.start, 0).cast(), left.row_stride, left.column_stride)
                    }
                };
                let right = |index: usize, panel: &Range<usize>| {
                    if in_place {
                        (self.right.at(steps.start, panel.start * lanes).cast(), self.right.row_stride)
                    } else {
                        (self.workspace.add(index * width * k).cast_const(), (panel.len() * lanes) as isize)
                    }
                };
                self.tiles::<false>(k, first_row, pieces(rows, tiles), chunk_panels, left, right, accumulate, nothing);
            }
        }
    }

    /// Some steps along k of tiles times panels. `left` and `right` say where the kernels find an operand: its address and its strides, of the
    /// left one for rows and steps, of the right one for steps. Tiles are rows behind `first_row`, panels are vectors of columns. With STREAMING
    /// the left operand of the next tile is fetched on the way, and so are the elements of `next`, which are wanted after these tiles.
    ///
    /// # Safety
    /// The addresses hold the tile's rows and the panel's columns for `k` steps; the tiles and panels lie inside the result.
    #[inline(always)]
    #[allow(clippy::too_many_arguments)]
    unsafe fn tiles<const STREAMING: bool>(
        &self,
        k: usize,
        first_row: usize,
        tiles: impl Iterator<Item = Range<usize>>,
        panels: impl Iterator<Item = Range<usize>> + Clone,
        left: impl Fn(&Range<usize>) -> (*const S::Wide, isize, isize),
        right: impl Fn(usize, &Range<usize>) -> (*const S::Wide, isize),
        accumulate: bool,
        next: Next<S::Wide>,
    ) {
        let (kernels, lanes) = (self.kernels, self.kernels.lanes);
        let (stream_vectors, stream_rows, streaming) = kernels.streaming;
        let (mut share, mut advance) = (next.start, 0);
        if STREAMING {
            // Each kernel call fetches as many elements at every step.
            let steps = self.m.div_ceil(stream_rows) * panels.clone().count() * k;
            advance = next.elements.div_ceil(steps.max(1));
        }
        for tile in tiles {
            let height = tile.len();
            let (left, left_row_stride, left_k_stride) = left(&tile);
            for (index, panel) in panels.clone().enumerate() {
                let first_column = panel.start * lanes;
                let columns = (self.n - first_column).min(panel.len() * lanes);
                let last = columns - (panel.len() - 1) * lanes;
                let (right, right_k_stride) = right(index, &panel);
                let mut kernel = if last == lanes { kernels.whole } else { kernels.ragged }[panel.len() - 1][height - 1];
                let result = self.result.at(first_row + tile.start, first_column).cast_mut();
                let result_row_stride = self.result.row_stride;
                let mut ahead = Ahead { rows: [left; 3], advance: [0; 3] };
                if STREAMING && (panel.len(), height, last) == (stream_vectors, stream_rows, lanes) {
                    kernel = streaming;
                    // Two rows of the next tile where they lie, or as many elements of a packed one.
                    let (row, distance) = match left_k_stride {
                        1 => (left.wrapping_offset((height + 2 * index) as isize * left_row_stride), left_row_stride),
                        _ => (left.wrapping_add((height + 2 * index) * k), k as isize),
                    };
                    ahead = Ahead { rows: [row, row.wrapping_offset(distance), share], advance: [1, 1, advance as isize] };
                    share = share.wrapping_add(advance * k);
                }
                let work = Tile {
                    k,
                    left,
                    left_row_stride,
                    left_k_stride,
                    right,
                    right_k_stride,
                    result,
                    result_row_stride,
                    last,
                    accumulate,
                    ahead: if STREAMING { &ahead } else { std::ptr::null() },
                };
                // SAFETY: the caller's promise.
                unsafe {
                    if self.result.column_stride == 1 {
                        kernel(&work);
                    } else {
                        self.scattered(kernel, work, height, columns);
                    }
                }
            }
        }
    }

    /// Whether a panel of the right operand may be read where it lies, once for each tile of rows: when it is read but a few times, or
    /// spans so little memory that its lines do not push each other out of the cache.
    fn right_stays_in_cache(&self, k: usize, rows: usize) -> bool {
        let stride = self.right.row_stride.unsigned_abs() * size_of::<S>();
        rows <= 32 || k * stride <= PANEL_IN_PLACE || (rows <= 128 && !stride.is_multiple_of(1024))
    }

    /// A tile whose columns do not lie side by side in the result.
    unsafe fn scattered(&self, kernel: kernel::Kernel<S::Wide>, work: Tile<S::Wide>, rows: usize, columns: usize) {
        let mut sums = [S::Wide::ZERO; MAX_ROWS * MAX_COLUMNS];
        let (to, row_stride, accumulate) = (work.result, work.result_row_stride, work.accumulate);
        // SAFETY: a tile has at most MAX_ROWS rows and MAX_COLUMNS columns; see `run` for the result.
        unsafe {
            kernel(&Tile { result: sums.as_mut_ptr(), result_row_stride: MAX_COLUMNS as isize, accumulate: false, ..work });
            for row in 0..rows {
                for column in 0..columns {
                    let to = to.wrapping_offset(row as isize * row_stride + column as isize * self.result.column_stride);
                    let sum = sums[row * MAX_COLUMNS + column];
                    *to = if accumulate { *to + sum } else { sum };
                }
            }
        }
    }
}

/// Whether a left operand is packed: reading one with distant steps over and over costs more than packing it once.
fn left_is_packed(in_place: bool, column_stride: isize, n: usize) -> bool {
    !in_place || (column_stride != 1 && n > 2 * MAX_COLUMNS)
}

/// `count` neighbouring ranges that cover `0..length` and differ by one at most in length. `count` is at least 1.
pub(super) fn pieces(length: usize, count: usize) -> impl Iterator<Item = Range<usize>> + Clone {
    let (each, longer) = (length / count, length % count);
    let mut start = 0;
    (0..count).map(move |index| {
        let end = start + each + (index < longer) as usize;
        std::mem::replace(&mut start, end)..end
    })
}

/// Integers: rows of the right operand times one element, added to a row of the result. Correct for every stride, fast enough for counting.
#[allow(clippy::too_many_arguments)]
unsafe fn integers<T: Copy + Default>(
    m: usize,
    n: usize,
    k: usize,
    destination: Destination,
    left: Operand,
    right: Operand,
    accumulate: bool,
    multiply: impl Fn(T, T) -> T,
    add: impl Fn(T, T) -> T,
) {
    let matrix = |pointer: *const u8, row_stride, column_stride| Matrix { pointer: pointer.cast::<T>(), row_stride, column_stride };
    let result = matrix(destination.pointer, destination.row_stride, destination.column_stride);
    let left = matrix(left.pointer, left.row_stride, left.column_stride);
    let right = matrix(right.pointer, right.row_stride, right.column_stride);
    // SAFETY: rows, columns, and steps stay below m, n, and k; the caller of `block` vouches for the matrices.
    unsafe {
        for row in 0..m {
            if !accumulate {
                for column in 0..n {
                    *result.at(row, column).cast_mut() = T::default();
                }
            }
            for step in 0..k {
                let factor = *left.at(row, step);
                for column in 0..n {
                    let to = result.at(row, column).cast_mut();
                    *to = add(*to, multiply(factor, *right.at(step, column)));
                }
            }
        }
    }
}
