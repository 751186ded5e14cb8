//! Attention, blockwise: weights exist for one tile of queries and keys at a time (Dao et al., 2022). Memory grows with T + S.
//!
//! A tile of scores is a product of a block of queries and a block of keys, both in registers' reach; what becomes of it happens while it lies in
//! the second-level cache. Scores have queries as rows, so that masks and random words are read along their own rows; keys are transposed
//! once, with the scale in them, so that both products read their operands in place.

mod forward;
mod gradient;

pub(in crate::runtime::cpu) use forward::Forward;
pub(in crate::runtime::cpu) use gradient::Gradient;

use crate::compiler::KernelStep;
use crate::error::{Error, Result};
use crate::ir::{self, Binary, Unary};
use crate::random::RandomState;
use crate::runtime::cpu::matmul::{self, Destination, Operand};
use crate::runtime::cpu::simd::{self, Class, Kernel, Level, RowOp, RowReduce, TileOp};
use crate::tensor::DType;
use std::ops::Range;

/// Queries of a tile.
const QUERIES: usize = 64;
/// Keys of a tile.
const KEYS: usize = 128;

/// f32 or f64.
trait Real: Copy + PartialEq + std::ops::Mul<Output = Self> + 'static {
    const ZERO: Self;
    const LOWEST: Self;
    fn of(x: f64) -> Self;
    fn wide(self) -> f64;
}
impl Real for f32 {
    const ZERO: f32 = 0.0;
    const LOWEST: f32 = f32::NEG_INFINITY;
    fn of(x: f64) -> f32 {
        x as f32
    }
    fn wide(self) -> f64 {
        self as f64
    }
}
impl Real for f64 {
    const ZERO: f64 = 0.0;
    const LOWEST: f64 = f64::NEG_INFINITY;
    fn of(x: f64) -> f64 {
        x
    }
    fn wide(self) -> f64 {
        self
    }
}

/// What both directions have to know. A matrix is one choice of leading positions.
struct Attention {
    dtype: DType,
    level: Level,
    causal: bool,
    scale: f64,
    /// Matrices of queries.
    batch: usize,
    /// T, S, E, D.
    queries: usize,
    keys: usize,
    width: usize,
    depth: usize,
    /// For each matrix of queries the number of its matrix of keys.
    key_of: Vec<usize>,
    key_batch: usize,
    mask: Option<Mask>,
    dropout: Option<Dropout>,
    tiles: Tiles,
}

struct Mask {
    input: usize,
    is_bool: bool,
    /// For each matrix of queries the first element.
    first: Vec<usize>,
    row_stride: usize,
    column_stride: usize,
}

struct Dropout {
    /// The operand that is the generator's state.
    input: usize,
    start: u64,
    /// A weight stays where the top 24 bits of its word are below this.
    threshold: u32,
    /// What a weight that stays grows by.
    growth: f64,
}

/// Kernels on rows of tiles.
struct Tiles {
    add: Kernel,
    add_scalar: Kernel,
    sub: Kernel,
    exp: Kernel,
    mul_scalar: Kernel,
    max: Kernel,
    exp_of_difference: Kernel,
    mul_difference: Kernel,
    /// The operand where a condition holds, -inf elsewhere.
    select_scalar: Kernel,
    load_bool: Kernel,
    row_max: RowReduce,
    row_sum: RowReduce,
}

impl Tiles {
    fn new(level: Level, class: Class) -> Result<Tiles> {
        let kernel = |op: TileOp, scalar: [bool; 3]| {
            simd::kernel(level, op, class, scalar).ok_or_else(|| Error::internal(format!("{op:?} has no kernel of {class:?}")))
        };
        let rows = |op| simd::row_reduce(level, op, class).ok_or_else(|| Error::internal("floats have row reductions"));
        let no_scalar = [false; 3];
        let scalar_b = [false, true, false];
        Ok(Tiles {
            add: kernel(TileOp::Binary(Binary::Add), no_scalar)?,
            add_scalar: kernel(TileOp::Binary(Binary::Add), scalar_b)?,
            sub: kernel(TileOp::Binary(Binary::Sub), no_scalar)?,
            exp: kernel(TileOp::Unary(Unary::Exp), no_scalar)?,
            mul_scalar: kernel(TileOp::Binary(Binary::Mul), scalar_b)?,
            max: kernel(TileOp::Binary(Binary::Max), no_scalar)?,
            exp_of_difference: kernel(TileOp::ExpOfDifference, scalar_b)?,
            mul_difference: kernel(TileOp::MulDifference, [false, false, true])?,
            select_scalar: kernel(TileOp::Select, [false, false, true])?,
            load_bool: simd::load(level, DType::Bool),
            row_max: rows(RowOp::Max)?,
            row_sum: rows(RowOp::Sum)?,
        })
    }
}

/// A tile of scores: queries `rows` of matrix `matrix`, keys `columns`. Dense.
struct Tile {
    matrix: usize,
    rows: Range<usize>,
    columns: Range<usize>,
}

impl Attention {
    fn new(step: &KernelStep, op: &ir::Attention, level: Level) -> Result<Attention> {
        let dims = |input: usize| step.input_types[input].shape.dims();
        let (q, k, v) = (dims(0), dims(1), dims(2));
        let lead = q.len() - 2;
        let dtype = step.input_types[0].dtype;
        let batch: usize = q[..lead].iter().product();
        // The place, in a tensor with these leading dimensions, of each matrix of queries.
        let places = |own: &[usize]| -> Vec<usize> {
            let place = |mut matrix: usize| {
                let (mut place, mut stride) = (0, 1);
                for axis in (0..lead).rev() {
                    place += matrix % q[axis] / (q[axis] / own[axis]) * stride;
                    matrix /= q[axis];
                    stride *= own[axis];
                }
                place
            };
            (0..batch).map(place).collect()
        };
        let has_state = op.dropout > 0.0;
        // What stands between the three operands and, in a gradient, three more.
        let optional = step.inputs.len() - if step.output_types.len() == 3 { 6 } else { 3 };
        let mask = (optional > has_state as usize).then(|| {
            let own = dims(3);
            let (rows, columns) = (own[lead], own[lead + 1]);
            let first = places(&own[..lead]).into_iter().map(|place| place * rows * columns).collect();
            // A dimension of size 1 stays where it is.
            let column_stride = usize::from(columns != 1);
            let row_stride = if rows != 1 { columns } else { 0 };
            Mask { input: 3, is_bool: step.input_types[3].dtype == DType::Bool, first, row_stride, column_stride }
        });
        let dropout = has_state.then(|| Dropout {
            input: 2 + optional,
            start: op.start,
            threshold: ((1.0 - op.dropout) as f32 as f64 * 16777216.0).ceil() as u32,
            growth: 1.0 / (1.0 - op.dropout),
        });
        Ok(Attention {
            dtype,
            level,
            causal: op.causal,
            scale: op.scale,
            batch,
            queries: q[lead],
            keys: k[lead],
            width: q[lead + 1],
            depth: v[lead + 1],
            key_of: places(&k[..lead]),
            key_batch: k[..lead].iter().product(),
            mask,
            dropout,
            tiles: Tiles::new(level, simd::class_of(dtype))?,
        })
    }

    fn query_blocks(&self) -> usize {
        self.queries.div_ceil(QUERIES)
    }
    fn key_blocks(&self) -> usize {
        self.keys.div_ceil(KEYS)
    }
    fn query_block(&self, number: usize) -> Range<usize> {
        number * QUERIES..((number + 1) * QUERIES).min(self.queries)
    }
    fn key_block(&self, number: usize) -> Range<usize> {
        number * KEYS..((number + 1) * KEYS).min(self.keys)
    }
    /// Queries and keys of the largest tile.
    fn largest(&self) -> (usize, usize) {
        (self.queries.min(QUERIES), self.keys.min(KEYS))
    }
    /// The keys of a block that any of these queries sees.
    fn seen(&self, rows: &Range<usize>, columns: Range<usize>) -> Range<usize> {
        if self.causal { columns.start..columns.end.min(rows.end).max(columns.start) } else { columns }
    }

    /// A product of dense or strided blocks, strides in elements.
    ///
    /// # Safety
    /// As [`matmul::block`].
    unsafe fn product<T>(
        &self,
        [m, n, k]: [usize; 3],
        (to, to_stride): (*mut T, usize),
        (left, left_strides): (*const T, [usize; 2]),
        (right, right_stride): (*const T, usize),
        accumulate: bool,
        workspace: *mut u8,
    ) {
        let destination = Destination { pointer: to.cast(), row_stride: to_stride as isize, column_stride: 1 };
        let left = Operand { pointer: left.cast(), row_stride: left_strides[0] as isize, column_stride: left_strides[1] as isize };
        let right = Operand { pointer: right.cast(), row_stride: right_stride as isize, column_stride: 1 };
        // SAFETY: the caller's promise.
        unsafe { matmul::block(self.level, self.dtype, m, n, k, destination, left, right, accumulate, workspace) }
    }

    /// Masks a tile of scores: what takes no part becomes -inf. `lanes` has room for a row of i32.
    ///
    /// # Safety
    /// The tile holds its scores, `mask` is the mask's memory.
    unsafe fn mask<T: Real>(&self, tile: &Tile, scores: *mut T, mask: *const u8, lanes: *mut u8) {
        let count = tile.columns.len();
        let lowest = T::LOWEST;
        let none = std::ptr::null();
        for (index, row) in tile.rows.clone().enumerate() {
            // SAFETY: rows and columns lie inside the tile and the mask.
            unsafe {
                let scores = scores.add(index * count);
                if let Some(Mask { is_bool, first, row_stride, column_stride, .. }) = &self.mask {
                    let place = first[tile.matrix] + row * row_stride + tile.columns.start * column_stride;
                    let to: *mut u8 = scores.cast();
                    match (is_bool, column_stride) {
                        (false, 0) => (self.tiles.add_scalar)(count, to, to, mask.cast::<T>().add(place).cast(), none),
                        (false, _) => (self.tiles.add)(count, to, to, mask.cast::<T>().add(place).cast(), none),
                        (true, 0) if *mask.add(place) != 0 => {}
                        (true, 0) => std::slice::from_raw_parts_mut(scores, count).fill(lowest),
                        (true, _) => {
                            (self.tiles.load_bool)(count, lanes, mask.add(place), none, none);
                            (self.tiles.select_scalar)(count, to, lanes, to, (&raw const lowest).cast());
                        }
                    }
                }
                if self.causal && tile.columns.end > row + 1 {
                    let kept = (row + 1).saturating_sub(tile.columns.start);
                    std::slice::from_raw_parts_mut(scores.add(kept), count - kept).fill(lowest);
                }
            }
        }
    }

    /// Calls `visit` with each row of the tile and the dropout's factors for it, if there is dropout. `lanes` has room for a row of u32, `factors`
    /// for one of elements.
    ///
    /// # Safety
    /// `state` is the generator's.
    unsafe fn each_row_with_factors<T: Real>(
        &self,
        tile: &Tile,
        state: *const u8,
        lanes: *mut u8,
        factors: *mut T,
        mut visit: impl FnMut(usize, &[T]),
    ) {
        let Some(Dropout { start, threshold, growth, .. }) = &self.dropout else { return };
        let count = tile.columns.len();
        let growth = T::of(*growth);
        // SAFETY: the caller's promise.
        let (state, words, factors) = unsafe {
            let state = RandomState::from_words(state.cast::<[i64; 3]>().read_unaligned());
            (state, std::slice::from_raw_parts_mut(lanes.cast::<u32>(), count), std::slice::from_raw_parts_mut(factors, count))
        };
        for (index, row) in tile.rows.clone().enumerate() {
            let place = (tile.matrix as u64 * self.queries as u64 + row as u64) * self.keys as u64 + tile.columns.start as u64;
            state.stream().fill_words(state.offset.wrapping_add(*start).wrapping_add(place), words);
            for (factor, word) in factors.iter_mut().zip(&*words) {
                *factor = if *word >> 8 < *threshold { growth } else { T::ZERO };
            }
            visit(index, factors);
        }
    }
}

/// to[column, row] = from[row, column] * factor, both dense.
///
/// # Safety
/// Both sides hold `rows` times `columns` elements and do not overlap.
unsafe fn transpose<T: Real>(rows: usize, columns: usize, from: *const T, to: *mut T, factor: T) {
    // Sixteen rows at a time: their lines stay in the first-level cache until all columns are written.
    for first in (0..rows).step_by(16) {
        let end = (first + 16).min(rows);
        for column in 0..columns {
            for row in first..end {
                // SAFETY: inside both sides.
                unsafe { *to.add(column * rows + row) = *from.add(row * columns + column) * factor };
            }
        }
    }
}

/// Parts of a block of memory, one behind the other at multiples of 64 bytes.
struct Cutter {
    size: usize,
    bytes: usize,
}

impl Cutter {
    fn new(dtype: DType) -> Cutter {
        Cutter { size: dtype.size(), bytes: 0 }
    }
    /// Where a part of so many elements begins, in bytes.
    fn elements(&mut self, count: usize) -> usize {
        self.bytes(count * self.size)
    }
    fn bytes(&mut self, bytes: usize) -> usize {
        let start = self.bytes;
        self.bytes = (start + bytes).next_multiple_of(64);
        start
    }
}
