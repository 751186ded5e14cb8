//! From a loop to instructions: registers get places in scratch memory, operands get addresses, operations get kernels.

use super::simd::{self, Class, Kernel, Level, RowOp, TileOp, class_of};
use super::tile::{Code, Count, Geometry, Instruction, Partial, SCRATCH, Slot, TileProgram};
use crate::compiler::{Access, Buffer, BufferId, Extent, Kind, Loop, LoopOp, Register};
use crate::error::{Error, Result};
use crate::ir::{Binary, Compare, Literal, ReduceKind, Unary};
use crate::tensor::DType;
use std::collections::HashMap;

/// Whether the loop joins the elements of rows, so that tiles hold whole ones.
pub(super) fn needs_whole_rows(body: &Loop) -> bool {
    body.ops.iter().any(|op| matches!(op.kind, Kind::RowReduce(_) | Kind::RowArgMax | Kind::RowArgMin))
}

/// Whether the loop stores something for each row, so that one task has the whole row.
pub(super) fn stores_rows(body: &Loop) -> bool {
    body.ops.iter().any(|op| op.extent == Extent::Row && op.store.is_some())
}

/// Makes the instructions of `body`. `task` is given for loops that ride on a product, whose tasks are the product's.
pub(super) fn lower(body: &Loop, buffers: &[Buffer], level: Level, task: Option<(usize, usize)>) -> Result<TileProgram> {
    let geometry = Geometry::new(body.rows, body.columns, needs_whole_rows(body), stores_rows(body), task);
    let mut lowering = Lowering {
        body,
        buffers,
        level,
        geometry,
        locals: Vec::new(),
        constants: Vec::new(),
        prologue: Vec::new(),
        code: Vec::new(),
        late: Vec::new(),
        partials: Vec::new(),
        partial_bytes: 0,
        registers: Vec::new(),
        slots: vec![None; body.ops.len()],
        expanded: HashMap::new(),
    };
    for index in 0..body.ops.len() {
        lowering.operation(index)?;
    }
    Ok(lowering.finish())
}

/// A piece of scratch memory before it has a place.
pub(super) struct Virtual {
    pub bytes: usize,
    /// Bytes of one lane.
    pub lane: usize,
    /// Written once for each task, and kept.
    pub permanent: bool,
}

struct Lowering<'a> {
    body: &'a Loop,
    buffers: &'a [Buffer],
    level: Level,
    geometry: Geometry,
    /// Buffers in the order of the task's pointer table, behind the fixed entries.
    locals: Vec<BufferId>,
    constants: Vec<u64>,
    prologue: Vec<Instruction>,
    code: Vec<Instruction>,
    late: Vec<Instruction>,
    partials: Vec<Partial>,
    partial_bytes: usize,
    registers: Vec<Virtual>,
    /// Where each operation's result is.
    slots: Vec<Option<Slot>>,
    /// Row and column registers repeated to the whole tile.
    expanded: HashMap<Register, Slot>,
}

const NONE: Slot = Slot::NONE;

/// A value's bits in the lanes of its class.
fn lane_bits(class: Class, literal: Literal) -> u64 {
    match class {
        Class::F32 => (literal.as_f64() as f32).to_bits() as u64,
        Class::F64 => literal.as_f64().to_bits(),
        Class::I32 => literal.as_i64() as i32 as u32 as u64,
        Class::I64 => literal.as_i64() as u64,
    }
}

/// Whether stored elements are lanes as they stand.
fn is_native(dtype: DType) -> bool {
    matches!(dtype, DType::F32 | DType::F64 | DType::I32 | DType::I64)
}

impl Lowering<'_> {
    fn finish(mut self) -> TileProgram {
        self.code.append(&mut self.late);
        let register_bytes = super::allocate::allocate(&mut self.prologue, &mut self.code, &self.registers);
        let streams = self.geometry.streams(&self.code);
        TileProgram {
            streams,
            geometry: self.geometry,
            locals: self.locals,
            constants: self.constants,
            prologue: self.prologue,
            code: self.code,
            partials: self.partials,
            partial_bytes: self.partial_bytes,
            register_bytes,
        }
    }

    // ---- places ----

    fn local(&mut self, buffer: BufferId) -> u16 {
        let position = self.locals.iter().position(|known| *known == buffer).unwrap_or_else(|| {
            self.locals.push(buffer);
            self.locals.len() - 1
        });
        (position + super::tile::FIRST_BUFFER) as u16
    }
    fn constant(&mut self, bits: u64) -> Slot {
        let position = self.constants.iter().position(|known| *known == bits).unwrap_or_else(|| {
            self.constants.push(bits);
            self.constants.len() - 1
        });
        Slot { base: super::tile::CONSTANTS, offset: (position * 8) as isize, row_step: 0, column_step: 0 }
    }
    fn literal(&mut self, class: Class, value: f64) -> Slot {
        let literal = if matches!(class, Class::F32 | Class::F64) { Literal::Float(value) } else { Literal::Int(value as i64) };
        self.constant(lane_bits(class, literal))
    }
    fn scratch(&mut self, lane: usize, extent: Extent, permanent: bool) -> Slot {
        let elements = match extent {
            Extent::Full => self.geometry.tile_elements(),
            Extent::Row => self.geometry.tile_rows,
            Extent::Column => self.geometry.tile_columns,
            Extent::Scalar => 1,
        };
        self.registers.push(Virtual { bytes: (elements * lane).next_multiple_of(64), lane, permanent });
        Slot { base: SCRATCH, offset: self.registers.len() as isize - 1, row_step: 0, column_step: 0 }
    }
    fn buffer_slot(&mut self, buffer: BufferId, offset: isize, extent: Extent) -> Slot {
        let size = self.buffers[buffer.0 as usize].dtype.size() as isize;
        let columns = self.body.columns as isize;
        let (row_step, column_step) = match extent {
            Extent::Full => (columns * size, size),
            Extent::Row => (size, 0),
            Extent::Column => (0, size),
            Extent::Scalar => (0, 0),
        };
        Slot { base: self.local(buffer), offset: offset * size, row_step, column_step }
    }
    fn count(extent: Extent) -> Count {
        match extent {
            Extent::Full => Count::Full,
            Extent::Row => Count::Rows,
            Extent::Column => Count::Columns,
            Extent::Scalar => Count::One,
        }
    }
    /// Instructions that make something once for a task, or for each tile where columns come in pieces.
    fn once(&mut self, extent: Extent) -> bool {
        match extent {
            Extent::Scalar => true,
            Extent::Column => !self.geometry.is_cut(),
            Extent::Full | Extent::Row => false,
        }
    }
    fn emit(&mut self, once: bool, code: Code, target: Slot, operands: [Slot; 3]) {
        let instruction = Instruction { code, target, operands };
        if once { self.prologue.push(instruction) } else { self.code.push(instruction) }
    }
    fn kernel(&self, op: TileOp, class: Class, scalar: [bool; 3]) -> Result<Kernel> {
        simd::kernel(self.level, op, class, scalar)
            .ok_or_else(|| Error::internal(format!("no kernel for {op:?} on {class:?} with scalars {scalar:?}")))
    }

    // ---- operands ----

    /// The operand of an operation of this extent: its slot, and whether it is one element for all.
    fn operand(&mut self, register: Register, extent: Extent) -> Result<(Slot, bool)> {
        let slot = self.slots[register as usize].ok_or_else(|| Error::internal("an operand has no place"))?;
        let op = &self.body.ops[register as usize];
        Ok(match (op.extent, extent) {
            (Extent::Scalar, _) => (slot, self.body.rows * self.body.columns > 1),
            (own, wanted) if own == wanted => (slot, false),
            (Extent::Row, Extent::Full) if self.geometry.tile_rows == 1 => (slot, true),
            (Extent::Column, Extent::Full) if self.geometry.tile_rows == 1 => (slot, false),
            (Extent::Row, Extent::Full) | (Extent::Column, Extent::Full) => (self.expand(register, slot), false),
            (own, wanted) => return Err(Error::internal(format!("a {own:?} register in a {wanted:?} operation"))),
        })
    }
    /// The operand with an element at every point.
    fn spread(&mut self, register: Register, extent: Extent) -> Result<Slot> {
        let (slot, scalar) = self.operand(register, extent)?;
        if !scalar {
            return Ok(slot);
        }
        let class = class_of(self.body.ops[register as usize].dtype);
        let target = self.scratch(class.size(), extent, false);
        let fill = self.kernel(TileOp::Copy, class, [true, false, false])?;
        self.emit(false, Code::Kernel(fill, Self::count(extent)), target, [slot, NONE, NONE]);
        Ok(target)
    }
    fn expand(&mut self, register: Register, slot: Slot) -> Slot {
        if let Some(known) = self.expanded.get(&register) {
            return *known;
        }
        let op = &self.body.ops[register as usize];
        let class = class_of(op.dtype);
        let by_column = op.extent == Extent::Column;
        let once = by_column && self.once(Extent::Column);
        // A row register may be overwritten in place later on; its expansion is made where it is first needed and kept for the tile.
        let target = self.scratch(class.size(), Extent::Full, once);
        let code = if by_column { Code::ExpandColumns(class.size()) } else { Code::ExpandRows(simd::expand_rows(self.level, class)) };
        self.emit(once, code, target, [slot, NONE, NONE]);
        self.expanded.insert(register, target);
        target
    }

    // ---- operations ----

    fn operation(&mut self, index: usize) -> Result<()> {
        let op = &self.body.ops[index];
        match &op.kind {
            Kind::Constant(literal) => {
                let slot = self.constant(lane_bits(class_of(op.dtype), *literal));
                self.slots[index] = Some(slot);
                Ok(())
            }
            Kind::Load(access) => self.load(index, access),
            Kind::Positions(access) => self.positions(index, access),
            Kind::Product => {
                let size = op.dtype.size() as isize;
                let kept = self.body.product.as_ref().and_then(|product| product.out);
                self.slots[index] = Some(match kept {
                    Some(buffer) => self.buffer_slot(buffer, 0, Extent::Full),
                    // A task's own block: its rows are as far apart as the task is wide.
                    None => {
                        let row_step = self.geometry.task_columns as isize * size;
                        Slot { base: super::tile::PRODUCT, offset: 0, row_step, column_step: size }
                    }
                });
                Ok(())
            }
            Kind::ColumnReduce(kind) => self.accumulate(index, *kind, Extent::Column, Extent::Full),
            Kind::TotalReduce { kind, over } => self.accumulate(index, *kind, Extent::Scalar, *over),
            Kind::Random { distribution, state, start } => {
                let class = class_of(op.dtype);
                let (target, keep) = self.target(index);
                let state = self.buffer_slot(*state, 0, Extent::Scalar);
                let code = Code::Random {
                    distribution: *distribution,
                    start: *start,
                    wide: op.dtype == DType::F64,
                    count: Self::count(op.extent),
                    columns: self.body.columns,
                    convert: match distribution {
                        crate::ir::Distribution::Uniform if class == Class::F32 => {
                            Some(self.kernel(TileOp::UniformFromBits, class, [false; 3])?)
                        }
                        crate::ir::Distribution::Normal if class == Class::F32 => {
                            Some(self.kernel(TileOp::NormalFromBits, class, [false; 3])?)
                        }
                        _ => None,
                    },
                };
                self.emit(false, code, target, [state, NONE, NONE]);
                self.keep(index, target, keep)
            }
            Kind::RowReduce(kind) => {
                let operation = row_op(*kind);
                self.row(index, operation)
            }
            Kind::RowArgMax => self.row(index, RowOp::ArgMax),
            Kind::RowArgMin => self.row(index, RowOp::ArgMin),
            Kind::Cast => self.cast(index),
            _ => self.elementwise(index),
        }
    }

    /// Where the result of the operation is written, and what remains to be done to store it.
    fn target(&mut self, index: usize) -> (Slot, Option<BufferId>) {
        let op = &self.body.ops[index];
        match op.store {
            Some(buffer) if is_native(op.dtype) && !op.store_late => (self.buffer_slot(buffer, 0, op.extent), None),
            store => (self.scratch(class_of(op.dtype).size(), op.extent, false), store),
        }
    }
    /// Records where the result is, and stores it if that remains.
    fn keep(&mut self, index: usize, target: Slot, store: Option<BufferId>) -> Result<()> {
        self.slots[index] = Some(target);
        let op: &LoopOp = &self.body.ops[index];
        let Some(buffer) = store else { return Ok(()) };
        let place = self.buffer_slot(buffer, 0, op.extent);
        let instruction = Instruction {
            code: Code::Kernel(simd::store(self.level, op.dtype), Self::count(op.extent)),
            target: place,
            operands: [target, NONE, NONE],
        };
        if op.store_late {
            self.late.push(instruction)
        } else {
            self.code.push(instruction)
        }
        Ok(())
    }

    fn load(&mut self, index: usize, access: &Access) -> Result<()> {
        let op = &self.body.ops[index];
        let (dtype, class, extent) = (op.dtype, class_of(op.dtype), op.extent);
        let buffer = access.buffer.ok_or_else(|| Error::internal("a load without a buffer"))?;
        let dense = access.is_dense(self.body.columns);
        let native = is_native(dtype);
        let direct = self.buffer_slot(buffer, access.offset, extent);
        if dense && native {
            self.slots[index] = Some(direct);
            return Ok(());
        }
        let once = self.once(extent);
        let mut source = direct;
        if !dense {
            let raw = self.scratch(dtype.size(), extent, once);
            let base = Slot { row_step: 0, column_step: 0, ..direct };
            self.emit(
                once,
                Code::Strided { access: Box::new(access.clone()), size: dtype.size(), count: Self::count(extent) },
                raw,
                [base, NONE, NONE],
            );
            source = raw;
        }
        if !native {
            let lanes = self.scratch(class.size(), extent, once);
            self.emit(once, Code::Kernel(simd::load(self.level, dtype), Self::count(extent)), lanes, [source, NONE, NONE]);
            source = lanes;
        }
        self.slots[index] = Some(source);
        Ok(())
    }

    fn positions(&mut self, index: usize, access: &Access) -> Result<()> {
        let op = &self.body.ops[index];
        let (class, extent) = (class_of(op.dtype), op.extent);
        let once = self.once(extent);
        let target = self.scratch(class.size(), extent, once);
        let code = Code::Positions {
            access: Box::new(access.clone()),
            fill: simd::iota(self.level, class),
            size: class.size(),
            count: Self::count(extent),
        };
        self.emit(once, code, target, [NONE; 3]);
        self.slots[index] = Some(target);
        Ok(())
    }

    fn row(&mut self, index: usize, operation: RowOp) -> Result<()> {
        let input = self.body.ops[index].inputs[0];
        let class = class_of(self.body.ops[input as usize].dtype);
        let source = self.spread(input, Extent::Full)?;
        let reduce = simd::row_reduce(self.level, operation, class).ok_or_else(|| Error::internal("no kernel for a reduction of rows"))?;
        let (target, keep) = self.target(index);
        self.emit(false, Code::RowReduce(reduce), target, [source, NONE, NONE]);
        self.wrap(index, target)?;
        self.keep(index, target, keep)
    }

    /// A reduction of a register's elements at `over` that is complete when the loop has ended.
    fn accumulate(&mut self, index: usize, kind: ReduceKind, extent: Extent, over: Extent) -> Result<()> {
        let op = &self.body.ops[index];
        let Some(buffer) = op.store else { return Ok(()) };
        let input = op.inputs[0];
        let source = self.spread(input, over)?;
        let class = class_of(op.dtype);
        let operation = row_op(kind);
        let width = if extent == Extent::Column { self.body.columns } else { 1 };
        let offset = self.partial_bytes;
        let copies = if extent == Extent::Column { self.geometry.row_tasks() } else { self.geometry.tasks() };
        self.partial_bytes += (width * class.size()).next_multiple_of(64) * copies;
        let combine = self.kernel(TileOp::Binary(binary_of(kind)), class, [false; 3])?;
        let identity = self.identity(kind, class);
        self.partials.push(Partial {
            offset,
            width,
            copies,
            stride: (width * class.size()).next_multiple_of(64),
            by_column: extent == Extent::Column,
            combine,
            store: simd::store(self.level, op.dtype),
            target: buffer,
        });
        let number = self.partials.len() - 1;
        let sums = Slot {
            base: super::tile::FIRST_PARTIAL - number as u16,
            offset: 0,
            row_step: 0,
            column_step: if extent == Extent::Column { class.size() as isize } else { 0 },
        };
        let fill = self.kernel(TileOp::Copy, class, [true, false, false])?;
        let fill_count = if extent == Extent::Column { Count::TaskColumns } else { Count::One };
        self.prologue.push(Instruction { code: Code::Kernel(fill, fill_count), target: sums, operands: [identity, NONE, NONE] });
        let code = if extent == Extent::Column {
            let reduce =
                simd::column_reduce(self.level, operation, class).ok_or_else(|| Error::internal("no kernel for a reduction of columns"))?;
            Code::ColumnReduce(reduce)
        } else {
            let reduce = simd::row_reduce(self.level, operation, class).ok_or_else(|| Error::internal("no kernel for a reduction"))?;
            Code::TotalReduce { reduce, combine, count: Self::count(over) }
        };
        self.code.push(Instruction { code, target: sums, operands: [source, NONE, NONE] });
        Ok(())
    }

    fn identity(&mut self, kind: ReduceKind, class: Class) -> Slot {
        let lowest = |class: Class| match class {
            Class::I32 => Literal::Int(i32::MIN as i64),
            Class::I64 => Literal::Int(i64::MIN),
            _ => Literal::Float(f64::NEG_INFINITY),
        };
        let highest = |class: Class| match class {
            Class::I32 => Literal::Int(i32::MAX as i64),
            Class::I64 => Literal::Int(i64::MAX),
            _ => Literal::Float(f64::INFINITY),
        };
        match kind {
            ReduceKind::Sum => self.constant(0),
            ReduceKind::Prod => self.literal(class, 1.0),
            ReduceKind::Max => self.constant(lane_bits(class, lowest(class))),
            ReduceKind::Min => self.constant(lane_bits(class, highest(class))),
            ReduceKind::Any => self.constant(0),
            ReduceKind::All => self.constant(1),
        }
    }

    fn elementwise(&mut self, index: usize) -> Result<()> {
        let op = &self.body.ops[index];
        let extent = op.extent;
        let inputs = op.inputs.clone();
        // The class that the kernel works in: of the operands, for a selection of what is selected.
        let data = if matches!(op.kind, Kind::Select) { inputs[1] } else { inputs[0] };
        let operand_dtype = self.body.ops[data as usize].dtype;
        let class = class_of(operand_dtype);
        let tile_op = match &op.kind {
            Kind::Unary(Unary::Identity | Unary::StopGradient) => TileOp::Copy,
            Kind::Unary(Unary::Not) if operand_dtype == DType::Bool => {
                let zero = self.constant(0);
                let source = self.spread(inputs[0], extent)?;
                let kernel = self.kernel(TileOp::Compare(Compare::Eq), class, [false, true, false])?;
                let (target, keep) = self.target(index);
                self.emit(false, Code::Kernel(kernel, Self::count(extent)), target, [source, zero, NONE]);
                return self.keep(index, target, keep);
            }
            Kind::Unary(op) => TileOp::Unary(*op),
            Kind::Binary(op) => TileOp::Binary(*op),
            Kind::Compare(op) => TileOp::Compare(*op),
            Kind::Select => TileOp::Select,
            Kind::MulAdd => TileOp::MulAdd,
            Kind::NegMulAdd => TileOp::NegMulAdd,
            Kind::MulSub => TileOp::MulSub,
            _ => return Err(Error::internal("not an elementwise operation")),
        };
        let mut operands = [NONE; 3];
        let mut scalar = [false; 3];
        for (position, input) in inputs.iter().enumerate() {
            (operands[position], scalar[position]) = self.operand(*input, extent)?;
        }
        // Kernels of one operand take no scalar; nor is there one for every operand being scalar.
        if inputs.len() == 1 && scalar[0] && tile_op != TileOp::Copy || simd::kernel(self.level, tile_op, class, scalar).is_none() {
            for (position, input) in inputs.iter().enumerate() {
                if scalar[position] {
                    (operands[position], scalar[position]) = (self.spread(*input, extent)?, false);
                }
            }
        }
        let kernel = self.kernel(tile_op, class, scalar)?;
        let (target, keep) = self.target(index);
        self.emit(false, Code::Kernel(kernel, Self::count(extent)), target, operands);
        self.wrap(index, target)?;
        self.keep(index, target, keep)
    }

    /// u8 lanes are i32: results that left 0..256 come back.
    fn wrap(&mut self, index: usize, target: Slot) -> Result<()> {
        let op = &self.body.ops[index];
        if op.dtype != DType::U8 {
            return Ok(());
        }
        // A target in memory is narrowed by the store; it holds lanes only in scratch.
        let mask = self.constant(255);
        let kernel = self.kernel(TileOp::Binary(Binary::And), Class::I32, [false, true, false])?;
        self.emit(false, Code::Kernel(kernel, Self::count(op.extent)), target, [target, mask, NONE]);
        Ok(())
    }

    fn cast(&mut self, index: usize) -> Result<()> {
        let op = &self.body.ops[index];
        let extent = op.extent;
        let count = Self::count(extent);
        let input = op.inputs[0];
        let from = self.body.ops[input as usize].dtype;
        let (source_class, class) = (class_of(from), class_of(op.dtype));
        let to = op.dtype;
        let mut source = self.spread(input, extent)?;
        let (target, keep) = self.target(index);
        if to == DType::Bool {
            let zero = self.constant(0);
            let kernel = self.kernel(TileOp::Compare(Compare::Ne), source_class, [false, true, false])?;
            self.emit(false, Code::Kernel(kernel, count), target, [source, zero, NONE]);
            return self.keep(index, target, keep);
        }
        if to == DType::U8 && from.is_float() {
            // Saturation at 0 and 255; NaN becomes 0 by the conversion.
            let (zero, most) = (self.literal(source_class, 0.0), self.literal(source_class, 255.0));
            let bounded = self.scratch(source_class.size(), extent, false);
            let max = self.kernel(TileOp::Binary(Binary::Max), source_class, [false, true, false])?;
            let min = self.kernel(TileOp::Binary(Binary::Min), source_class, [false, true, false])?;
            self.emit(false, Code::Kernel(max, count), bounded, [source, zero, NONE]);
            self.emit(false, Code::Kernel(min, count), bounded, [bounded, most, NONE]);
            source = bounded;
        }
        let convert = if source_class == class {
            self.kernel(TileOp::Copy, class, [false; 3])?
        } else {
            self.kernel(TileOp::Convert(class), source_class, [false; 3])?
        };
        self.emit(false, Code::Kernel(convert, count), target, [source, NONE, NONE]);
        if matches!(to, DType::F16 | DType::BF16) && from != to {
            // Rounding to 16 bits is a store and a load.
            let narrow = self.scratch(2, extent, false);
            self.emit(false, Code::Kernel(simd::store(self.level, to), count), narrow, [target, NONE, NONE]);
            self.emit(false, Code::Kernel(simd::load(self.level, to), count), target, [narrow, NONE, NONE]);
        }
        self.wrap(index, target)?;
        self.keep(index, target, keep)
    }
}

fn row_op(kind: ReduceKind) -> RowOp {
    match kind {
        ReduceKind::Sum => RowOp::Sum,
        ReduceKind::Prod => RowOp::Prod,
        ReduceKind::Max | ReduceKind::Any => RowOp::Max,
        ReduceKind::Min | ReduceKind::All => RowOp::Min,
    }
}

fn binary_of(kind: ReduceKind) -> Binary {
    match kind {
        ReduceKind::Sum => Binary::Add,
        ReduceKind::Prod => Binary::Mul,
        ReduceKind::Max | ReduceKind::Any => Binary::Max,
        ReduceKind::Min | ReduceKind::All => Binary::Min,
    }
}
