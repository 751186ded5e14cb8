//! From groups to steps: loops with their loads, operations, and stores; kernels with their strides.

use super::fuse::{Fusion, Position};
use super::normalize::{Form, form, is_loop};
use super::plan::*;
use super::schedule::Schedule;
use super::view::{View, cut};
use crate::error::{Error, Result};
use crate::ir::{Binary, Class, Graph, Op, Type, Value, VariableId};
use crate::ops::infer_several;
use crate::tensor::DType;
use std::collections::HashMap;
use std::sync::Arc;

/// Steps and buffers; buffers of the arena have no offsets yet.
pub(super) fn build(graph: &Graph, fusion: &Fusion, schedule: &Schedule) -> Result<(Vec<Buffer>, Vec<Step>)> {
    let mut builder = Builder { graph, fusion, buffers: Vec::new(), of_value: vec![None; graph.nodes.len()], of_variable: HashMap::new() };
    builder.place_results(schedule);
    let mut steps = Vec::with_capacity(schedule.order.len());
    for group in &schedule.order {
        builder.step(*group, &mut steps)?;
    }
    builder.copy_results(schedule, &mut steps);
    Ok((builder.buffers, steps))
}

/// An arena place that memory planning fills in.
pub(super) const UNPLACED: Place = Place::Arena(usize::MAX);

struct Builder<'a> {
    graph: &'a Graph,
    fusion: &'a Fusion,
    buffers: Vec<Buffer>,
    of_value: Vec<Option<BufferId>>,
    of_variable: HashMap<VariableId, BufferId>,
}

impl Builder<'_> {
    fn new_buffer(&mut self, value: Value, place: Place) -> BufferId {
        let ty = self.graph.ty(value);
        self.buffers.push(Buffer { dtype: ty.dtype, elements: ty.shape.elements(), place, value });
        BufferId(self.buffers.len() as u32 - 1)
    }
    fn variable(&mut self, id: VariableId, value: Value) -> BufferId {
        if let Some(buffer) = self.of_variable.get(&id) {
            return *buffer;
        }
        let buffer = self.new_buffer(value, Place::Variable(id));
        self.of_variable.insert(id, buffer);
        buffer
    }
    /// The memory that holds a leaf or a stored value.
    fn buffer(&mut self, value: Value) -> BufferId {
        if let Some(buffer) = self.of_value[value.index()] {
            return buffer;
        }
        let buffer = match &self.graph.node(value).op {
            Op::Read(id) => self.variable(*id, value),
            Op::Input(position) => self.new_buffer(value, Place::Input(*position)),
            Op::ConstantTensor(_) => self.new_buffer(value, Place::Constant(value)),
            _ => self.new_buffer(value, UNPLACED),
        };
        self.of_value[value.index()] = Some(buffer);
        buffer
    }
    fn place_results(&mut self, schedule: &Schedule) {
        for (i, value) in self.graph.outputs.iter().enumerate() {
            if schedule.direct[i] {
                self.of_value[value.index()] = Some(self.new_buffer(*value, Place::Output(i as u32)));
            }
        }
        for (i, (variable, value)) in self.graph.assignments.iter().enumerate() {
            if schedule.direct[self.graph.outputs.len() + i] {
                self.of_value[value.index()] = Some(self.variable(*variable, *value));
            }
        }
    }
    fn copy_results(&mut self, schedule: &Schedule, steps: &mut Vec<Step>) {
        for (i, value) in self.graph.outputs.iter().enumerate() {
            if !schedule.direct[i] {
                let to = self.new_buffer(*value, Place::Output(i as u32));
                steps.push(Step::Copy { from: self.buffer(*value), to });
            }
        }
        for (i, (variable, value)) in self.graph.assignments.iter().enumerate() {
            if !schedule.direct[self.graph.outputs.len() + i] {
                let to = self.variable(*variable, *value);
                steps.push(Step::Copy { from: self.buffer(*value), to });
            }
        }
    }

    fn step(&mut self, group: usize, steps: &mut Vec<Step>) -> Result<()> {
        let first = self.fusion.groups[group].members[0];
        let product = self.fusion.groups[group].product;
        if product.is_some() || is_loop(&self.graph.node(first).op) {
            if self.fusion.groups[group].elements > 0 {
                let step = self.make_loop(group)?;
                steps.push(Step::Loop(step));
            }
            return Ok(());
        }
        if self.graph.shape(first).elements() == 0 && self.graph.node(first).op.result_count().is_none() {
            self.buffer(first);
            return Ok(());
        }
        if matches!(self.graph.node(first).op.class(), Class::Kernel(_)) {
            let step = self.kernel_step(group)?;
            steps.push(Step::Kernel(step));
            return Ok(());
        }
        steps.push(self.kernel(first)?);
        Ok(())
    }

    // ---- kernels ----

    fn kernel_step(&mut self, group: usize) -> Result<KernelStep> {
        let graph = self.graph;
        let members = &self.fusion.groups[group].members;
        let node = graph.node(members[0]);
        let input_types: Vec<Type> = node.inputs.iter().map(|input| graph.ty(*input)).collect();
        let inputs = node.inputs.iter().map(|input| self.stored(*input)).collect();
        let (outputs, output_types) = match node.op.result_count() {
            None => (vec![Some(self.buffer(members[0]))], vec![node.ty]),
            Some(count) => {
                let part = |number: usize| {
                    members[1..].iter().find(|part| matches!(graph.node(**part).op, Op::Part(own) if own as usize == number))
                };
                let outputs = (0..count).map(|number| part(number).map(|part| self.buffer(*part))).collect();
                (outputs, infer_several(&node.op, &input_types)?)
            }
        };
        let body = match &node.op {
            Op::Scan(scan) => Some(Arc::new(super::compile(&scan.body)?)),
            _ => None,
        };
        Ok(KernelStep { op: node.op.clone(), inputs, input_types, outputs, output_types, body })
    }

    fn kernel(&mut self, value: Value) -> Result<Step> {
        let graph = self.graph;
        let node = graph.node(value);
        Ok(match &node.op {
            Op::MatMul { .. } => {
                let out = self.buffer(value);
                Step::Product(self.product(value, Some(out)))
            }
            Op::Concat(axis) => {
                let strides = node.ty.shape.strides();
                let mut target_offset = 0;
                let mut pieces = Vec::with_capacity(node.inputs.len());
                for part in &node.inputs {
                    pieces.push(self.piece(*part, target_offset, &strides[..node.ty.shape.rank()]));
                    target_offset += graph.shape(*part).dims()[*axis as usize] as isize * strides[*axis as usize];
                }
                Step::Assemble(Assemble { out: self.buffer(value), fill: None, pieces })
            }
            Op::Pad { low, interior, .. } => {
                let strides = node.ty.shape.strides();
                let rank = node.ty.shape.rank();
                let target_offset = (0..rank).map(|axis| low[axis] as isize * strides[axis]).sum();
                let spread: Vec<isize> = (0..rank).map(|axis| strides[axis] * (interior[axis] as isize + 1)).collect();
                let pieces = vec![self.piece(node.inputs[0], target_offset, &spread)];
                let fill = self.stored(node.inputs[1]);
                Step::Assemble(Assemble { out: self.buffer(value), fill: Some(fill), pieces })
            }
            _ => return Err(Error::internal(format!("{:?} is no kernel", node.op))),
        })
    }

    /// The buffer of an operand that normalization made contiguous.
    fn stored(&mut self, operand: Value) -> BufferId {
        self.buffer(self.fusion.views[operand.index()].base)
    }

    fn piece(&mut self, source: Value, target_offset: isize, target_strides: &[isize]) -> Piece {
        let view = &self.fusion.views[source.index()];
        let dims = (0..view.dims.len()).map(|axis| (view.dims[axis], view.strides[axis], target_strides[axis])).collect();
        Piece { source: self.buffer(view.base), source_offset: view.offset, target_offset, dims }
    }

    fn product(&mut self, value: Value, out: Option<BufferId>) -> Product {
        let node = self.graph.node(value);
        let Op::MatMul { transpose_a, transpose_b } = node.op else { unreachable!("only products are made products") };
        let dims = node.ty.shape.dims();
        let rank = dims.len();
        let a = self.matrix(node.inputs[0], transpose_a);
        let b = self.matrix(node.inputs[1], transpose_b);
        let inner = self.graph.shape(node.inputs[0]).dims();
        let k = if transpose_a { inner[rank - 2] } else { inner[rank - 1] };
        Product { dtype: node.ty.dtype, m: dims[rank - 2], n: dims[rank - 1], k, batch: dims[..rank - 2].iter().product(), a, b, out }
    }

    fn matrix(&mut self, operand: Value, transposed: bool) -> Matrix {
        let view = &self.fusion.views[operand.index()];
        let rank = view.dims.len();
        let (row_stride, column_stride) = (view.strides[rank - 2], view.strides[rank - 1]);
        let batch = (0..rank - 2).map(|axis| (view.dims[axis], view.strides[axis])).collect();
        let (row_stride, column_stride) = if transposed { (column_stride, row_stride) } else { (row_stride, column_stride) };
        Matrix { buffer: self.buffer(view.base), offset: view.offset, batch, row_stride, column_stride }
    }

    // ---- loops ----

    fn make_loop(&mut self, number: usize) -> Result<Loop> {
        let group = &self.fusion.groups[number];
        let (rows, columns) = group.split.unwrap_or_else(|| self.choose_split(number));
        let mut body = Body { rows, ops: Vec::new(), of_value: HashMap::new() };
        let mut product = None;
        if let Some(value) = group.product {
            let out = self.is_read_outside(value, number).then(|| self.buffer(value));
            product = Some(self.product(value, out));
            let dtype = self.graph.dtype(value);
            let register = body.push(Kind::Product, Vec::new(), dtype, Extent::Full);
            body.of_value.insert(value, register);
        }
        for member in &group.members {
            if Some(*member) == group.product {
                continue;
            }
            let register = self.member(&mut body, *member)?;
            if self.is_read_outside(*member, number) {
                let buffer = self.buffer(*member);
                body.ops[register as usize].store = Some(buffer);
            }
            body.of_value.insert(*member, register);
        }
        contract(&mut body.ops);
        Ok(Loop { rows, columns, ops: body.ops, product })
    }

    fn is_read_outside(&self, value: Value, group: usize) -> bool {
        let outside = |(index, node): (usize, &crate::ir::Node)| {
            self.fusion.group_of[index] != group
                && self.fusion.group_of[index] != usize::MAX
                && node.inputs.iter().any(|input| self.fusion.views[input.index()].base == value)
        };
        self.graph.results().any(|result| result == value) || self.graph.nodes.iter().enumerate().skip(value.index()).any(outside)
    }

    /// Rows and columns for a group that may choose: so that as many operands as possible are read in order.
    fn choose_split(&self, number: usize) -> (usize, usize) {
        let group = &self.fusion.groups[number];
        let mut views: Vec<&View> = Vec::new();
        for member in &group.members {
            for operand in &self.graph.node(*member).inputs {
                let view = &self.fusion.views[operand.index()];
                let outside = self.fusion.group_of[view.base.index()] != number;
                if outside && view.elements() == group.elements && !(view.is_contiguous() && self.has_memory(view.base)) {
                    views.push(view);
                }
            }
        }
        let mut candidates = vec![1];
        for view in &views {
            let mut rows = 1;
            for size in &view.dims {
                rows *= size;
                if rows < group.elements {
                    candidates.push(rows);
                }
            }
        }
        candidates.sort_unstable();
        candidates.dedup();
        let cost = |rows: usize| -> Option<usize> {
            views.iter().try_fold(0, |cost, view| {
                let (outer, inner) = cut(view, rows)?;
                let access = Access { buffer: None, offset: 0, rows: outer, columns: inner };
                Some(cost + !access.is_dense(group.elements / rows) as usize)
            })
        };
        let rows = candidates.into_iter().filter_map(|rows| Some((cost(rows)?, rows))).min().map_or(1, |(_, rows)| rows);
        (rows, group.elements / rows)
    }

    fn has_memory(&self, base: Value) -> bool {
        !matches!(self.graph.node(base).op, Op::Constant(_) | Op::Iota { .. })
    }

    /// Records one member; its result's register.
    fn member(&mut self, body: &mut Body, value: Value) -> Result<Register> {
        let node = self.graph.node(value);
        let position = self.fusion.position[value.index()];
        let extent = if position == Position::Row { Extent::Row } else { Extent::Full };
        let dtype = node.ty.dtype;
        if let Op::Random { distribution, start, .. } = &node.op {
            let state = self.stored(node.inputs[0]);
            return Ok(body.push(Kind::Random { distribution: *distribution, state, start: *start }, Vec::new(), dtype, extent));
        }
        let mut inputs = Vec::with_capacity(node.inputs.len());
        for operand in &node.inputs {
            inputs.push(self.operand(body, *operand, position)?);
        }
        let (kind, extent) = match &node.op {
            Op::Unary(op) => (Kind::Unary(*op), extent),
            Op::Binary(op) => (Kind::Binary(*op), extent),
            Op::Compare(op) => (Kind::Compare(*op), extent),
            Op::Select => (Kind::Select, extent),
            Op::Cast(_) => (Kind::Cast, extent),
            Op::Reduce { kind, axes } => match form(self.graph.shape(node.inputs[0]), axes).0 {
                Form::Row => (Kind::RowReduce(*kind), Extent::Row),
                Form::Column => (Kind::ColumnReduce(*kind), Extent::Column),
                Form::Total => (Kind::TotalReduce { kind: *kind, over: extent }, Extent::Scalar),
            },
            Op::ArgMax(_) => (Kind::RowArgMax, Extent::Row),
            Op::ArgMin(_) => (Kind::RowArgMin, Extent::Row),
            other => return Err(Error::internal(format!("{other:?} is no loop operation"))),
        };
        Ok(body.push(kind, inputs, dtype, extent))
    }

    /// The register of an operand, loaded if it comes from outside.
    fn operand(&mut self, body: &mut Body, operand: Value, position: Position) -> Result<Register> {
        let view = &self.fusion.views[operand.index()];
        if let Some(register) = body.of_value.get(&view.base) {
            return Ok(*register);
        }
        let dtype = self.graph.dtype(operand);
        if let Op::Constant(literal) = &self.graph.node(view.base).op {
            return Ok(body.reuse(Kind::Constant(*literal), dtype, Extent::Scalar));
        }
        let rows = if position == Position::Row { view.elements() } else { body.rows };
        let Some((outer, inner)) = cut(view, rows) else {
            return Err(Error::internal(format!("{view:?} has no cut at {rows} rows")));
        };
        let mut access = Access { buffer: None, offset: view.offset, rows: outer, columns: inner };
        let extent = access.extent();
        if matches!(self.graph.node(view.base).op, Op::Iota { .. }) {
            return Ok(body.reuse(Kind::Positions(access), dtype, extent));
        }
        access.buffer = Some(self.buffer(view.base));
        Ok(body.reuse(Kind::Load(access), dtype, extent))
    }
}

struct Body {
    rows: usize,
    ops: Vec<LoopOp>,
    of_value: HashMap<Value, Register>,
}

impl Body {
    fn push(&mut self, kind: Kind, inputs: Vec<Register>, dtype: DType, extent: Extent) -> Register {
        self.ops.push(LoopOp { kind, inputs, dtype, extent, store: None, store_late: false });
        self.ops.len() as Register - 1
    }
    /// The register of an equal load or constant, or a new one.
    fn reuse(&mut self, kind: Kind, dtype: DType, extent: Extent) -> Register {
        let equal = |op: &LoopOp| {
            op.dtype == dtype
                && match (&op.kind, &kind) {
                    (Kind::Load(a), Kind::Load(b)) | (Kind::Positions(a), Kind::Positions(b)) => a == b,
                    (Kind::Constant(a), Kind::Constant(b)) => a == b,
                    _ => false,
                }
        };
        match self.ops.iter().position(equal) {
            Some(register) => register as Register,
            None => self.push(kind, Vec::new(), dtype, extent),
        }
    }
}

/// Joins products with the sums that alone use them: a * b + c and its kin are one operation with one rounding.
fn contract(ops: &mut Vec<LoopOp>) {
    let mut uses = vec![0u32; ops.len()];
    for op in ops.iter() {
        for input in &op.inputs {
            uses[*input as usize] += 1;
        }
    }
    for index in 0..ops.len() {
        let Kind::Binary(outer @ (Binary::Add | Binary::Sub)) = ops[index].kind else { continue };
        if !matches!(ops[index].dtype, DType::F32 | DType::F64) {
            continue;
        }
        let [left, right] = ops[index].inputs[..] else { continue };
        let extent = ops[index].extent;
        let is_product = |register: Register| {
            let op = &ops[register as usize];
            matches!(op.kind, Kind::Binary(Binary::Mul)) && uses[register as usize] == 1 && op.store.is_none() && op.extent == extent
        };
        let (product, other, kind) = if is_product(right) {
            (right, left, if outer == Binary::Add { Kind::MulAdd } else { Kind::NegMulAdd })
        } else if is_product(left) {
            (left, right, if outer == Binary::Add { Kind::MulAdd } else { Kind::MulSub })
        } else {
            continue;
        };
        let factors = ops[product as usize].inputs.clone();
        ops[index].inputs = vec![factors[0], factors[1], other];
        ops[index].kind = kind;
        ops[product as usize].inputs.clear();
        uses[product as usize] = 0;
    }
    remove_unused(ops, uses);
}

/// Drops products that were joined, and renumbers registers.
fn remove_unused(ops: &mut Vec<LoopOp>, uses: Vec<u32>) {
    let mut map = vec![0; ops.len()];
    let mut kept = Vec::with_capacity(ops.len());
    for (index, mut op) in std::mem::take(ops).into_iter().enumerate() {
        if uses[index] == 0 && matches!(op.kind, Kind::Binary(Binary::Mul)) && op.inputs.is_empty() {
            continue;
        }
        for input in &mut op.inputs {
            *input = map[*input as usize];
        }
        map[index] = kept.len() as Register;
        kept.push(op);
    }
    *ops = kept;
}
