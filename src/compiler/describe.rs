//! A plan as text: what a person reads to see what was fused.

use crate::compiler::{Access, BufferId, Extent, Kind, Loop, LoopOp, Matrix, Place, Plan, Product, Step};
use std::fmt::{self, Display, Formatter, Write};

impl Display for Plan {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        writeln!(f, "program: {} steps, {} bytes of intermediates", self.steps.len(), self.arena_bytes)?;
        for (number, step) in self.steps.iter().enumerate() {
            if number == self.commit {
                writeln!(f, "-- from here on results are written --")?;
            }
            write!(f, "{number:3}: ")?;
            match step {
                Step::Loop(body) => self.loop_text(f, body)?,
                Step::Product(product) => writeln!(f, "{}", self.product_text(product))?,
                Step::Kernel(step) => {
                    let names = |buffers: &mut dyn Iterator<Item = Option<BufferId>>| {
                        buffers.map(|buffer| buffer.map_or("_".to_string(), |buffer| self.name(buffer))).collect::<Vec<_>>().join(", ")
                    };
                    let inputs = names(&mut step.inputs.iter().copied().map(Some));
                    let outputs = names(&mut step.outputs.iter().copied());
                    writeln!(f, "{outputs} = {} {inputs}", step.op.name())?;
                    if let Some(body) = &step.body {
                        for line in body.to_string().lines() {
                            writeln!(f, "       | {line}")?;
                        }
                    }
                }
                Step::Assemble(step) => {
                    let pieces: Vec<String> = step.pieces.iter().map(|piece| self.name(piece.source)).collect();
                    writeln!(f, "{} = assemble {}", self.name(step.out), pieces.join(", "))?;
                }
                Step::Copy { from, to } => writeln!(f, "{} = copy {}", self.name(*to), self.name(*from))?,
            }
        }
        Ok(())
    }
}

impl Plan {
    /// What a buffer is called: a variable by its name, others by place and number.
    fn name(&self, buffer: BufferId) -> String {
        let info = &self.buffers[buffer.0 as usize];
        match info.place {
            Place::Variable(id) => self.graph.variables[id.0 as usize].name(),
            Place::Input(i) => format!("input{i}"),
            Place::Output(i) => format!("output{i}"),
            Place::Constant(_) => format!("constant{}", info.value.index()),
            Place::Arena(_) => format!("t{}", info.value.index()),
        }
    }

    fn loop_text(&self, f: &mut Formatter<'_>, body: &Loop) -> fmt::Result {
        match &body.product {
            Some(product) => writeln!(f, "{} with loop over [{}, {}]", self.product_text(product), body.rows, body.columns)?,
            None => writeln!(f, "loop over [{}, {}]", body.rows, body.columns)?,
        }
        for (register, op) in body.ops.iter().enumerate() {
            writeln!(f, "       r{register} = {}", self.op_text(op))?;
        }
        Ok(())
    }

    fn op_text(&self, op: &LoopOp) -> String {
        let mut text = match &op.kind {
            Kind::Load(access) => format!("load {}", self.access_text(access)),
            Kind::Positions(access) => format!("positions{}", strides_text(access)),
            Kind::Product => "product".to_string(),
            Kind::Constant(literal) => format!("{literal:?}"),
            Kind::Unary(op) => format!("{op:?}"),
            Kind::Binary(op) => format!("{op:?}"),
            Kind::Compare(op) => format!("{op:?}"),
            Kind::Select => "Select".to_string(),
            Kind::Cast => format!("Cast to {}", op.dtype),
            Kind::MulAdd => "MulAdd".to_string(),
            Kind::NegMulAdd => "NegMulAdd".to_string(),
            Kind::MulSub => "MulSub".to_string(),
            Kind::Random { distribution, state, start } => format!("random {distribution:?} of {} + {start}", self.name(*state)),
            Kind::RowReduce(kind) => format!("{kind:?} of each row of"),
            Kind::RowArgMax => "ArgMax of each row of".to_string(),
            Kind::RowArgMin => "ArgMin of each row of".to_string(),
            Kind::ColumnReduce(kind) => format!("{kind:?} of each column of"),
            Kind::TotalReduce { kind, over: Extent::Row } => format!("{kind:?} of all rows of"),
            Kind::TotalReduce { kind, .. } => format!("{kind:?} of all of"),
        };
        for (i, input) in op.inputs.iter().enumerate() {
            let _ = write!(text, "{} r{input}", if i == 0 { "" } else { "," });
        }
        let extent = match op.extent {
            Extent::Full => "",
            Extent::Row => " per row",
            Extent::Column => " per column",
            Extent::Scalar => " scalar",
        };
        let _ = write!(text, " : {}{extent}", op.dtype);
        if let Some(buffer) = op.store {
            let _ = write!(text, " -> {}", self.name(buffer));
        }
        text
    }

    fn access_text(&self, access: &Access) -> String {
        let name = access.buffer.map_or_else(String::new, |buffer| self.name(buffer));
        let dense = access.offset == 0 && access.extent() == Extent::Full && access.rows.len() <= 1 && access.columns.len() <= 1;
        if dense { name } else { format!("{name}{}", strides_text(access)) }
    }

    fn product_text(&self, product: &Product) -> String {
        let batch = if product.batch == 1 { String::new() } else { format!("{} x ", product.batch) };
        let target = product.out.map_or_else(String::new, |out| format!("{} = ", self.name(out)));
        let (a, b) = (self.matrix_text(&product.a), self.matrix_text(&product.b));
        format!("{target}matmul {a} {b} : {batch}[{}, {}, {}] {}", product.m, product.k, product.n, product.dtype)
    }

    fn matrix_text(&self, matrix: &Matrix) -> String {
        let transposed = if matrix.row_stride == 1 && matrix.column_stride != 1 { "^T" } else { "" };
        format!("{}{transposed}", self.name(matrix.buffer))
    }
}

fn strides_text(access: &Access) -> String {
    format!("@{}{:?}{:?}", access.offset, access.rows, access.columns)
}
