//! A graph as text that a person can read:
//!
//! ```text
//! graph(%0: f32[32, 64]) -> (%5: f32[32, 10])
//!   %1 = read fc1.weight : f32[10, 64]   # net.fc1
//!   %2 = matmul(%0, %1: transposed) : f32[32, 10]   # net.fc1
//!   %5 = maximum(%2, %4) : f32[32, 10]
//!   fc1.weight <- %9
//! ```
//!
//! A line is a node: its value, its operation with operands and attributes, its type, the path of the cell that recorded it. Scalars
//! that are known stand where they are used, inputs in the first line, what variables will hold in the last lines.

use crate::ir::{Graph, Linalg, Literal, Node, Op, TriangularSolve, Value, WindowAxis};
use crate::random::Draw;
use std::fmt;

impl fmt::Display for Graph {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let typed = |value: &Value| format!("{}: {}", self.operand(*value), self.ty(*value));
        let inputs: Vec<String> = self.inputs.iter().map(typed).collect();
        let outputs: Vec<String> = self.outputs.iter().map(typed).collect();
        writeln!(f, "graph({}) -> ({})", inputs.join(", "), outputs.join(", "))?;
        for (index, node) in self.nodes.iter().enumerate() {
            if matches!(node.op, Op::Input(_) | Op::Constant(_)) {
                continue;
            }
            write!(f, "  {:?} = {} : {}", Value::from_index(index), self.call(node), node.ty)?;
            match self.paths[node.path as usize].as_str() {
                "" => writeln!(f)?,
                path => writeln!(f, "   # {path}")?,
            }
        }
        for (id, value) in &self.assignments {
            writeln!(f, "  {} <- {}", self.variables[id.0 as usize].name(), self.operand(*value))?;
        }
        Ok(())
    }
}

impl fmt::Debug for Graph {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl Graph {
    /// The value's number, or the scalar that it is.
    fn operand(&self, value: Value) -> String {
        match self.nodes.get(value.index()).map(|node| &node.op) {
            Some(Op::Constant(Literal::Float(number))) => format!("{number:?}"),
            Some(Op::Constant(Literal::Int(number))) => number.to_string(),
            _ => format!("{value:?}"),
        }
    }
    /// Operation, operands, attributes. What the type of the result says already is not repeated.
    fn call(&self, node: &Node) -> String {
        let mut parts: Vec<String> = node.inputs.iter().map(|value| self.operand(*value)).collect();
        match &node.op {
            Op::Read(id) => return format!("read {}", self.variables[id.0 as usize].name()),
            Op::ConstantTensor(_) => return "constant".to_string(),
            Op::MatMul { transpose_a, transpose_b } => {
                for (part, transposed) in parts.iter_mut().zip([transpose_a, transpose_b]) {
                    if *transposed {
                        part.push_str(": transposed");
                    }
                }
            }
            Op::Broadcast { axes, .. } => parts.push(format!("to axes {axes:?}")),
            Op::Transpose(permutation) => parts.push(format!("{permutation:?}")),
            Op::Slice { start, stop, step } => {
                let ranges = (0..start.len()).map(|axis| match step[axis] {
                    1 => format!("{}..{}", start[axis], stop[axis]),
                    by => format!("{}..{} by {by}", start[axis], stop[axis]),
                });
                parts.push(format!("[{}]", ranges.collect::<Vec<_>>().join(", ")));
            }
            Op::Pad { low, high, interior } => {
                parts.push(format!("low {low:?}"));
                parts.push(format!("high {high:?}"));
                if interior.iter().any(|gap| *gap > 0) {
                    parts.push(format!("interior {interior:?}"));
                }
            }
            Op::Reverse(axes) | Op::Reduce { axes, .. } => parts.push(format!("axes {axes:?}")),
            Op::Concat(axis)
            | Op::ArgMax(axis)
            | Op::ArgMin(axis)
            | Op::Gather { axis }
            | Op::TakeAlong { axis }
            | Op::Scatter { axis, fill: None, .. }
            | Op::Iota { axis, .. } => parts.push(format!("axis {axis}")),
            Op::Scatter { axis, fill: Some(shape), .. } => {
                parts.push(format!("axis {axis}"));
                parts.push(format!("over {shape}"));
            }
            Op::ScatterAlong { kind, axis, fill } => {
                parts.push(format!("axis {axis}"));
                parts.push(kind.name().to_string());
                parts.extend(fill.map(|shape| format!("over {shape}")));
            }
            Op::ArgSort { axis, descending } => {
                parts.push(format!("axis {axis}{}", if *descending { ", descending" } else { "" }));
            }
            Op::ArgTop { axis, count, largest } => {
                parts.push(format!("axis {axis}, {count} {}", if *largest { "largest" } else { "smallest" }));
            }
            Op::SearchSorted { right } => parts.push(if *right { "right" } else { "left" }.to_string()),
            Op::Cumulative { axis, reverse, .. } | Op::Recurrence { axis, reverse } => {
                parts.push(format!("axis {axis}{}", if *reverse { ", from the end" } else { "" }));
            }
            Op::Random { distribution, start, .. } => {
                parts.push(distribution.name().to_string());
                parts.push(format!("from word {start}"));
            }
            Op::Draw { draw, start, .. } => {
                match draw {
                    Draw::Integers { low, last } => parts.push(format!("{low} to {last}")),
                    Draw::TruncatedNormal { low, high } => parts.push(format!("{low:?} to {high:?}")),
                    _ => {}
                }
                parts.push(format!("from word {start}"));
            }
            Op::Multinomial { count, replacement, start } => {
                parts.push(format!("{count}{}", if *replacement { " with replacement" } else { "" }));
                parts.push(format!("from word {start}"));
            }
            Op::Attention(attention) | Op::AttentionGradient(attention) => {
                parts.push(format!("scale {}", attention.scale));
                if attention.causal {
                    parts.push("causal".to_string());
                }
                if attention.dropout > 0.0 {
                    parts.push(format!("dropout {} from word {}", attention.dropout, attention.start));
                }
            }
            Op::Convolution { window, groups, .. } => {
                parts.extend(window.iter().map(WindowAxis::to_string));
                if *groups != 1 {
                    parts.push(format!("{groups} groups"));
                }
            }
            Op::Window { window, .. } => parts.extend(window.iter().map(WindowAxis::to_string)),
            Op::Linalg(op) => {
                let said = match *op {
                    Linalg::Cholesky | Linalg::Lu | Linalg::Eigh | Linalg::Svd | Linalg::MatrixExp => [None; 4],
                    Linalg::Qr { complete } => [complete.then_some("complete"), None, None, None],
                    Linalg::TriangularSolve(TriangularSolve { left, upper, transpose, unit }) => [
                        Some(if left { "left" } else { "right" }),
                        Some(if upper { "upper" } else { "lower" }),
                        transpose.then_some("transposed"),
                        unit.then_some("unit diagonal"),
                    ],
                    Linalg::Solve { transpose } => [transpose.then_some("transposed"), None, None, None],
                };
                parts.extend(said.into_iter().flatten().map(str::to_string));
            }
            Op::Part(number) => parts.push(number.to_string()),
            Op::Call(call) => parts.insert(0, call.name.clone()),
            Op::Host(call) => parts.insert(0, call.function.name().to_string()),
            Op::Scan(scan) => {
                parts.push(format!("{} steps{}", scan.length, if scan.reverse { " backwards" } else { "" }));
                parts.push(format!("{} carries, {} slices", scan.carries, scan.slices));
            }
            Op::After => {}
            Op::Input(_) | Op::Constant(_) | Op::Unary(_) | Op::Binary(_) | Op::Compare(_) => {}
            Op::Select | Op::Cast(_) | Op::Reshape(_) => {}
        }
        format!("{}({})", node.op.name(), parts.join(", "))
    }
}

#[cfg(test)]
mod tests {
    use crate::ir::{Binary, Distribution, Graph, Literal, Op, ReduceKind, Type, Value, Variable, VariableId};
    use crate::tensor::{Allocator, DType, Shape, Tensor};

    fn ty(dtype: DType, dims: &[usize]) -> Type {
        Type::new(dtype, Shape::new(dims).unwrap())
    }

    #[test]
    fn a_graph_reads_like_this() {
        use DType::{Bool, F32, I64};
        let zeros = |dtype, dims: &[usize]| Tensor::zeros(&Allocator::system(), dtype, Shape::new(dims).unwrap()).unwrap();
        let mut graph = Graph::new();
        graph.paths.push("net.fc1".to_string());
        graph.variables.push(Variable::new("fc1.weight", zeros(F32, &[3, 4])));
        graph.variables.push(Variable::new("generator", zeros(I64, &[3])));
        let push = |graph: &mut Graph, op, inputs: &[Value], ty, path| graph.append(op, inputs.to_vec(), ty, path).unwrap();
        let x = push(&mut graph, Op::Input(0), &[], ty(F32, &[2, 4]), 0);
        graph.inputs.push(x);
        let w = push(&mut graph, Op::Read(VariableId(0)), &[], ty(F32, &[3, 4]), 1);
        let y = push(&mut graph, Op::MatMul { transpose_a: false, transpose_b: true }, &[x, w], ty(F32, &[2, 3]), 1);
        let half = push(&mut graph, Op::Constant(Literal::Float(0.5)), &[], ty(F32, &[]), 0);
        let halves = push(&mut graph, Op::Broadcast { shape: Shape::new(&[3, 4]).unwrap(), axes: vec![] }, &[half], ty(F32, &[3, 4]), 0);
        let smaller = push(&mut graph, Op::Binary(Binary::Mul), &[w, halves], ty(F32, &[3, 4]), 0);
        let table = push(&mut graph, Op::ConstantTensor(zeros(F32, &[2, 3])), &[], ty(F32, &[2, 3]), 0);
        let sum = push(&mut graph, Op::Binary(Binary::Add), &[y, table], ty(F32, &[2, 3]), 0);
        let total = push(&mut graph, Op::Reduce { kind: ReduceKind::Sum, axes: vec![0, 1] }, &[sum], ty(F32, &[]), 0);
        let part = push(&mut graph, Op::Slice { start: vec![0, 1], stop: vec![2, 3], step: vec![1, 2] }, &[sum], ty(F32, &[2, 1]), 0);
        let padded =
            push(&mut graph, Op::Pad { low: vec![1, 0], high: vec![0, 2], interior: vec![0, 0] }, &[part, half], ty(F32, &[3, 3]), 0);
        let state = push(&mut graph, Op::Read(VariableId(1)), &[], ty(I64, &[3]), 0);
        let random = Op::Random { distribution: Distribution::Uniform, shape: Shape::new(&[2]).unwrap(), dtype: F32, start: 6 };
        let random = push(&mut graph, random, &[state], ty(F32, &[2]), 0);
        let mask = push(&mut graph, Op::Compare(crate::ir::Compare::Lt), &[random, random], ty(Bool, &[2]), 0);
        graph.outputs = vec![total, padded, mask, half];
        graph.assignments.push((VariableId(0), smaller));
        let expected = "\
graph(%0: f32[2, 4]) -> (%8: f32[], %10: f32[3, 3], %13: bool[2], 0.5: f32[])
  %1 = read fc1.weight : f32[3, 4]   # net.fc1
  %2 = matmul(%0, %1: transposed) : f32[2, 3]   # net.fc1
  %4 = broadcast(0.5, to axes []) : f32[3, 4]
  %5 = mul(%1, %4) : f32[3, 4]
  %6 = constant : f32[2, 3]
  %7 = add(%2, %6) : f32[2, 3]
  %8 = sum(%7, axes [0, 1]) : f32[]
  %9 = slice(%7, [0..2, 1..3 by 2]) : f32[2, 1]
  %10 = pad(%9, 0.5, low [1, 0], high [0, 2]) : f32[3, 3]
  %11 = read generator : i64[3]
  %12 = random(%11, uniform, from word 6) : f32[2]
  %13 = less(%12, %12) : bool[2]
  fc1.weight <- %5
";
        assert_eq!(graph.to_string(), expected);
    }
}
