//! The interpreter: runs a loop's instructions over tiles that stay in the first-level cache.
//!
//! A task is a rectangle of the iteration space; it runs tile by tile. Each instruction is one call of a kernel over the whole tile.
//! Nothing here looks at shapes or allocates: addresses are a base from the task's pointer table plus steps for rows and columns.

use super::random::fill_random;
use super::simd::{ColumnReduce, Fill, Kernel, RowReduce};
use super::strided::{copy_positions, copy_strided};
use crate::compiler::{Access, BufferId};
use crate::ir::Distribution;

/// Elements of a tile: with f32 lanes eight registers fill about two thirds of a 48 KB cache.
const TILE: usize = 1024;
/// Elements of a task: small enough to share out, large enough that sharing costs nothing.
const TASK: usize = 32 * 1024;

/// Entries of a task's pointer table before the buffers.
pub(super) const SCRATCH: u16 = 0;
pub(super) const PRODUCT: u16 = 1;
pub(super) const CONSTANTS: u16 = 2;
pub(super) const FIRST_BUFFER: usize = 3;
/// Partial results count downwards from here.
pub(super) const FIRST_PARTIAL: u16 = u16::MAX - 1;
const NO_BASE: u16 = u16::MAX;

/// An address: `table[base] + offset + row * row_step + column * column_step`, in bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Slot {
    pub base: u16,
    pub offset: isize,
    pub row_step: isize,
    pub column_step: isize,
}

impl Slot {
    pub const NONE: Slot = Slot { base: NO_BASE, offset: 0, row_step: 0, column_step: 0 };
}

/// How many elements a kernel is called for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Count {
    Full,
    Rows,
    Columns,
    One,
    /// All columns of the task, in the prologue.
    TaskColumns,
}

pub(super) struct Instruction {
    pub code: Code,
    pub target: Slot,
    pub operands: [Slot; 3],
}

pub(super) enum Code {
    Kernel(Kernel, Count),
    RowReduce(RowReduce),
    ColumnReduce(ColumnReduce),
    TotalReduce {
        reduce: RowReduce,
        combine: Kernel,
        count: Count,
    },
    ExpandRows(RowReduce),
    /// A row of lanes of this many bytes repeated for each row of the tile.
    ExpandColumns(usize),
    Strided {
        access: Box<Access>,
        size: usize,
        count: Count,
    },
    Positions {
        access: Box<Access>,
        fill: Fill,
        size: usize,
        count: Count,
    },
    Random {
        distribution: Distribution,
        start: u64,
        wide: bool,
        count: Count,
        columns: usize,
        convert: Option<Kernel>,
    },
}

/// How a space is cut into tasks and tiles. It follows from the shape alone.
#[derive(Clone, Copy, Debug)]
pub(super) struct Geometry {
    pub rows: usize,
    pub columns: usize,
    pub tile_rows: usize,
    pub tile_columns: usize,
    pub task_rows: usize,
    pub task_columns: usize,
}

impl Geometry {
    /// `task` gives the rows and columns of a task, where a product that the loop rides on says them; columns only if rows may be cut.
    pub fn new(rows: usize, columns: usize, whole_rows: bool, task: Option<(usize, usize)>) -> Geometry {
        let cut = !whole_rows && columns > TILE;
        let task_columns = match task {
            Some((_, task_columns)) => task_columns,
            None if cut && columns > TASK => TASK,
            None => columns,
        };
        let tile_columns = if cut || task_columns < columns { task_columns.min(TILE) } else { columns };
        // Parts of rows are tiles of one row: memory is dense along a row only.
        let tile_rows = if tile_columns < columns { 1 } else { (TILE / columns.max(1)).clamp(1, rows.max(1)) };
        let task_rows = match task {
            Some((task_rows, _)) => task_rows,
            None => (TASK / task_columns.max(1)).next_multiple_of(tile_rows).max(tile_rows),
        };
        Geometry { rows, columns, tile_rows, tile_columns, task_rows: task_rows.min(rows.max(1)), task_columns }
    }
    pub fn tile_elements(&self) -> usize {
        self.tile_rows * self.tile_columns
    }
    /// The slots of `code` that [`TileProgram::streams`] holds.
    pub fn streams(&self, code: &[Instruction]) -> Vec<Slot> {
        let mut streams = Vec::new();
        if self.is_cut() {
            for slot in code.iter().flat_map(|instruction| instruction.operands.iter().chain([&instruction.target])) {
                let in_memory = slot.base == PRODUCT || (FIRST_BUFFER as u16..NO_BASE).contains(&slot.base);
                if in_memory && slot.row_step != 0 && slot.column_step > 0 && !streams.contains(slot) {
                    streams.push(*slot);
                }
            }
        }
        streams
    }
    /// Whether tiles hold parts of rows.
    pub fn is_cut(&self) -> bool {
        self.tile_columns < self.columns
    }
    pub fn row_tasks(&self) -> usize {
        self.rows.div_ceil(self.task_rows)
    }
    pub fn column_tasks(&self) -> usize {
        self.columns.div_ceil(self.task_columns)
    }
    pub fn tasks(&self) -> usize {
        self.row_tasks() * self.column_tasks()
    }
}

/// A reduction over tasks: each task has a copy of the result, joined when all have run.
pub(super) struct Partial {
    /// Bytes from the start of the step's partial results.
    pub offset: usize,
    /// Elements of a copy.
    pub width: usize,
    pub copies: usize,
    /// Bytes from copy to copy.
    pub stride: usize,
    /// One copy for each block of rows; else one for each task.
    pub by_column: bool,
    pub combine: Kernel,
    pub store: Kernel,
    pub target: BufferId,
}

pub(super) struct TileProgram {
    pub geometry: Geometry,
    /// The buffers of the pointer table, from [`FIRST_BUFFER`] on.
    pub locals: Vec<BufferId>,
    pub constants: Vec<u64>,
    /// Once for each task.
    pub prologue: Vec<Instruction>,
    /// Once for each tile.
    pub code: Vec<Instruction>,
    pub partials: Vec<Partial>,
    pub partial_bytes: usize,
    pub register_bytes: usize,
    /// Where tiles are parts of rows: what each tile reads and writes in memory, fetched a row ahead. Neighbouring rows lie too far apart for the
    /// machine to see the pattern.
    pub streams: Vec<Slot>,
}

/// The part of the space that an instruction works on.
#[derive(Clone, Copy)]
struct Tile {
    row: usize,
    rows: usize,
    column: usize,
    columns: usize,
}

impl Tile {
    fn count(&self, count: Count) -> usize {
        match count {
            Count::Full => self.rows * self.columns,
            Count::Rows => self.rows,
            Count::Columns | Count::TaskColumns => self.columns,
            Count::One => 1,
        }
    }
}

impl TileProgram {
    /// Bytes of scratch that a task needs.
    pub fn scratch_bytes(&self) -> usize {
        self.table_bytes() + self.register_bytes
    }
    fn table_bytes(&self) -> usize {
        ((FIRST_BUFFER + self.locals.len()) * size_of::<*mut u8>()).next_multiple_of(64)
    }

    /// Runs the task with this number.
    ///
    /// # Safety
    /// `buffers[i]` points to the memory of buffer i, of the size and in the state that the plan says; no other task or thread touches
    /// what this one writes. `partials` has `partial_bytes` bytes. `scratch` has `scratch_bytes()` bytes, aligned to 64. `product` is the
    /// address that row 0 of the product would have.
    pub unsafe fn run_task(&self, number: usize, buffers: &[*mut u8], partials: *mut u8, product: *mut u8, scratch: *mut u8) {
        let g = &self.geometry;
        let (row_task, column_task) = (number / g.column_tasks(), number % g.column_tasks());
        let (row, column) = (row_task * g.task_rows, column_task * g.task_columns);
        let (row_end, column_end) = ((row + g.task_rows).min(g.rows), (column + g.task_columns).min(g.columns));
        let table = scratch.cast::<*mut u8>();
        // SAFETY: the scratch begins with room for the table, and everything below stays inside what the caller vouches for.
        unsafe {
            *table.add(SCRATCH as usize) = scratch.add(self.table_bytes());
            *table.add(PRODUCT as usize) = product;
            *table.add(CONSTANTS as usize) = self.constants.as_ptr().cast_mut().cast();
            for (i, local) in self.locals.iter().enumerate() {
                *table.add(FIRST_BUFFER + i) = buffers[local.0 as usize];
            }
            let task = Run { program: self, table, partials, row_task, task: number };
            let whole = Tile { row, rows: g.tile_rows, column, columns: column_end - column };
            let first = Tile { columns: g.tile_columns.min(column_end - column), ..whole };
            for instruction in &self.prologue {
                let of_task = matches!(instruction.code, Code::Kernel(_, Count::TaskColumns));
                task.step(instruction, if of_task { whole } else { first });
            }
            let mut tile_row = row;
            while tile_row < row_end {
                let rows = g.tile_rows.min(row_end - tile_row);
                let mut tile_column = column;
                while tile_column < column_end {
                    let columns = g.tile_columns.min(column_end - tile_column);
                    let tile = Tile { row: tile_row, rows, column: tile_column, columns };
                    if tile_row + 1 < row_end {
                        for slot in &self.streams {
                            let first = task.address(slot, &Tile { row: tile_row + 1, ..tile });
                            for offset in (0..columns * slot.column_step.unsigned_abs()).step_by(64) {
                                prefetch(first.wrapping_add(offset));
                            }
                        }
                    }
                    for instruction in &self.code {
                        task.step(instruction, tile);
                    }
                    tile_column += columns;
                }
                tile_row += rows;
            }
        }
    }

    /// Joins the partial results of all tasks, pairwise in a fixed tree, and stores them.
    ///
    /// # Safety
    /// As for [`TileProgram::run_task`]; all tasks have run.
    pub unsafe fn finish(&self, buffers: &[*mut u8], partials: *mut u8) {
        for partial in &self.partials {
            // SAFETY: copies lie one behind the other from the partial's offset on.
            unsafe {
                let copy = |i: usize| partials.add(partial.offset + i * partial.stride);
                let mut reach = 1;
                while reach < partial.copies {
                    let mut i = 0;
                    while i + reach < partial.copies {
                        (partial.combine)(partial.width, copy(i), copy(i), copy(i + reach), std::ptr::null());
                        i += 2 * reach;
                    }
                    reach *= 2;
                }
                let target = buffers[partial.target.0 as usize];
                (partial.store)(partial.width, target, copy(0), std::ptr::null(), std::ptr::null());
            }
        }
    }
}

/// A hint that the line at this address is used soon.
#[inline(always)]
fn prefetch(_address: *const u8) {
    #[cfg(target_arch = "x86_64")]
    // SAFETY: a prefetch may name any address, and every machine of this architecture has it.
    unsafe {
        std::arch::x86_64::_mm_prefetch::<{ std::arch::x86_64::_MM_HINT_T0 }>(_address.cast());
    }
}

/// One task that runs.
struct Run<'a> {
    program: &'a TileProgram,
    table: *mut *mut u8,
    partials: *mut u8,
    row_task: usize,
    task: usize,
}

impl Run<'_> {
    #[inline(always)]
    unsafe fn address(&self, slot: &Slot, tile: &Tile) -> *mut u8 {
        // SAFETY: slots were made for this table; NONE is never read through.
        unsafe {
            let base = if (slot.base as usize) < FIRST_BUFFER + self.program.locals.len() {
                *self.table.add(slot.base as usize)
            } else if slot.base == NO_BASE {
                return std::ptr::null_mut();
            } else {
                self.partial(slot.base)
            };
            base.wrapping_offset(slot.offset + tile.row as isize * slot.row_step + tile.column as isize * slot.column_step)
        }
    }
    #[cold]
    unsafe fn partial(&self, base: u16) -> *mut u8 {
        let partial = &self.program.partials[(FIRST_PARTIAL - base) as usize];
        let copy = if partial.by_column { self.row_task } else { self.task };
        self.partials.wrapping_add(partial.offset + copy * partial.stride)
    }

    #[inline(always)]
    unsafe fn step(&self, instruction: &Instruction, tile: Tile) {
        // SAFETY: the compiler of the program gave every slot the room that its instruction needs; see `run_task`.
        unsafe {
            let target = self.address(&instruction.target, &tile);
            let a = self.address(&instruction.operands[0], &tile);
            match &instruction.code {
                Code::Kernel(kernel, count) => {
                    let b = self.address(&instruction.operands[1], &tile);
                    let c = self.address(&instruction.operands[2], &tile);
                    kernel(tile.count(*count), target, a, b, c);
                }
                Code::RowReduce(reduce) => reduce(tile.rows, tile.columns, target, a),
                Code::ColumnReduce(reduce) => reduce(tile.rows, tile.columns, target, a),
                Code::TotalReduce { reduce, combine, count } => {
                    let mut sum = [0u64; 1];
                    let sum = sum.as_mut_ptr().cast::<u8>();
                    reduce(1, tile.count(*count), sum, a);
                    combine(1, target, target, sum, std::ptr::null());
                }
                Code::ExpandRows(expand) => expand(tile.rows, tile.columns, target, a),
                Code::ExpandColumns(lane) => {
                    for row in 0..tile.rows {
                        std::ptr::copy_nonoverlapping(a, target.add(row * tile.columns * lane), tile.columns * lane);
                    }
                }
                Code::Strided { access, size, count } => copy_strided(access, *size, part(&tile, *count), target, a),
                Code::Positions { access, fill, size, count } => copy_positions(access, *fill, *size, part(&tile, *count), target),
                Code::Random { distribution, start, wide, count, columns, convert } => {
                    let first = if *count == Count::Rows { tile.row } else { tile.row * columns + tile.column };
                    fill_random(*distribution, *start, *wide, first, tile.count(*count), *convert, target, a);
                }
            }
        }
    }
}

/// First row, rows, first column, columns of what an access is read for.
fn part(tile: &Tile, count: Count) -> [usize; 4] {
    match count {
        Count::Full => [tile.row, tile.rows, tile.column, tile.columns],
        Count::Rows => [tile.row, tile.rows, 0, 1],
        Count::Columns | Count::TaskColumns => [0, 1, tile.column, tile.columns],
        Count::One => [0, 1, 0, 1],
    }
}
