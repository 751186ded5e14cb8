//! Checks that a graph is well formed: what holds for every graph whatever its operations mean. Types are checked a layer above,
//! by [`crate::ops::validate`].

use crate::error::{Error, Result};
use crate::ir::{Graph, Node, Op, Type, Value, WindowRole};
use std::collections::HashSet;

/// Whether operands come before the nodes that use them and are as many as the operation takes, leaves have the types of what they stand
/// for, inputs are numbered without gaps, variables are listed once and assigned at most once with values of their type, and outputs
/// and paths exist. Fails with INTERNAL and a text that names the place: a graph that was recorded by [`crate::ops::Trace`] passes.
pub fn validate(graph: &Graph) -> Result<()> {
    if graph.paths.first().is_none_or(|path| !path.is_empty()) {
        return Err(Error::internal("path 0 is not the empty path"));
    }
    for (index, node) in graph.nodes.iter().enumerate() {
        validate_node(graph, index, node).map_err(|error| error.within(&format!("node {:?}", Value::from_index(index))))?;
    }
    validate_inputs(graph)?;
    validate_variables(graph)?;
    match graph.outputs.iter().position(|value| value.index() >= graph.nodes.len()) {
        Some(position) => Err(Error::internal(format!("output {position} is no value: {:?}", graph.outputs[position]))),
        None => Ok(()),
    }
}

fn validate_node(graph: &Graph, index: usize, node: &Node) -> Result<()> {
    let name = node.op.name();
    if let Some(late) = node.inputs.iter().find(|input| input.index() >= index) {
        return Err(Error::internal(format!("{name} uses {late:?}, which does not come before it")));
    }
    if let Some(arity) = arity(&node.op) {
        if node.inputs.len() != arity {
            return Err(Error::internal(format!("{name} takes {arity} operands, not {}", node.inputs.len())));
        }
    } else if node.inputs.is_empty() && matches!(node.op, Op::Concat(_) | Op::After) {
        return Err(Error::internal(format!("{name} takes at least one operand")));
    }
    if node.path as usize >= graph.paths.len() {
        return Err(Error::internal(format!("path {} does not exist", node.path)));
    }
    let expected = match &node.op {
        Op::Constant(_) if !node.ty.shape.is_scalar() => {
            return Err(Error::internal(format!("a constant is a scalar, not {}", node.ty)));
        }
        Op::ConstantTensor(tensor) => Type::new(tensor.dtype(), *tensor.shape()),
        Op::Read(id) => match graph.variables.get(id.0 as usize) {
            Some(variable) => variable.ty(),
            None => return Err(Error::internal(format!("reads variable {}, which does not exist", id.0))),
        },
        _ => node.ty,
    };
    if expected != node.ty {
        return Err(Error::internal(format!("{name} is {}, not {expected}", node.ty)));
    }
    Ok(())
}

/// The number of operands; `None` for those that take one or more.
fn arity(op: &Op) -> Option<usize> {
    match op {
        Op::Input(_) | Op::Constant(_) | Op::ConstantTensor(_) | Op::Read(_) | Op::Iota { .. } => Some(0),
        Op::Unary(_)
        | Op::Cast(_)
        | Op::Broadcast { .. }
        | Op::Reshape(_)
        | Op::Transpose(_)
        | Op::Slice { .. }
        | Op::Reverse(_)
        | Op::Reduce { .. }
        | Op::ArgMax(_)
        | Op::ArgMin(_)
        | Op::ArgSort { .. }
        | Op::ArgTop { .. }
        | Op::Cumulative { .. }
        | Op::Part(_)
        | Op::Random { .. } => Some(1),
        Op::Window { role: WindowRole::Sum | WindowRole::Spread, .. } => Some(1),
        Op::Binary(_) | Op::Compare(_) | Op::Pad { .. } | Op::MatMul { .. } | Op::Gather { .. } => Some(2),
        Op::Convolution { .. } | Op::Window { .. } => Some(2),
        Op::TakeAlong { .. } | Op::SearchSorted { .. } | Op::Recurrence { .. } => Some(2),
        Op::Linalg(op) => Some(op.arity()),
        Op::Draw { draw, .. } => Some(1 + draw.parameters()),
        Op::Multinomial { .. } => Some(2),
        Op::Select | Op::Scatter { .. } | Op::ScatterAlong { .. } => Some(3),
        // Their shape rules count operands.
        Op::Concat(_) | Op::After | Op::Call(_) | Op::Scan(_) | Op::Host(_) | Op::Attention(_) | Op::AttentionGradient(_) => None,
    }
}

fn validate_inputs(graph: &Graph) -> Result<()> {
    for (position, value) in graph.inputs.iter().enumerate() {
        let op = graph.nodes.get(value.index()).map(|node| &node.op);
        if op != Some(&Op::Input(position as u32)) {
            return Err(Error::internal(format!("input {position} is {value:?}, which is not that input's node")));
        }
    }
    let count = graph.nodes.iter().filter(|node| matches!(node.op, Op::Input(_))).count();
    if count != graph.inputs.len() {
        return Err(Error::internal(format!("{count} nodes are inputs, {} are listed", graph.inputs.len())));
    }
    Ok(())
}

fn validate_variables(graph: &Graph) -> Result<()> {
    let mut keys = HashSet::new();
    if let Some(twice) = graph.variables.iter().find(|variable| !keys.insert(variable.key())) {
        return Err(Error::internal(format!("variable {} is listed twice", twice.name())));
    }
    let mut assigned = HashSet::new();
    for (id, value) in &graph.assignments {
        let Some(variable) = graph.variables.get(id.0 as usize) else {
            return Err(Error::internal(format!("variable {} is assigned but does not exist", id.0)));
        };
        if !assigned.insert(*id) {
            return Err(Error::internal(format!("variable {} is assigned twice", variable.name())));
        }
        let Some(node) = graph.nodes.get(value.index()) else {
            return Err(Error::internal(format!("variable {} is assigned {value:?}, which is no value", variable.name())));
        };
        if node.ty != variable.ty() {
            return Err(Error::internal(format!("variable {} holds {}, and is assigned {}", variable.name(), variable.ty(), node.ty)));
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::Status;
    use crate::ir::{Binary, Literal, Variable, VariableId};
    use crate::tensor::{Allocator, DType, Shape, Tensor};

    /// input 0, a constant, read w, input 1; a sum; w <- the sum.
    fn sound() -> Graph {
        let ty = Type::new(DType::F32, Shape::SCALAR);
        let mut graph = Graph::new();
        graph.variables.push(Variable::new("w", Tensor::scalar(&Allocator::system(), DType::F32, 1.0).unwrap()));
        let x = graph.append(Op::Input(0), vec![], ty, 0).unwrap();
        graph.append(Op::Constant(Literal::Float(2.0)), vec![], ty, 0).unwrap();
        let w = graph.append(Op::Read(VariableId(0)), vec![], ty, 0).unwrap();
        let y = graph.append(Op::Input(1), vec![], ty, 0).unwrap();
        let sum = graph.append(Op::Binary(Binary::Add), vec![x, w], ty, 0).unwrap();
        graph.inputs = vec![x, y];
        graph.outputs = vec![sum];
        graph.assignments = vec![(VariableId(0), sum)];
        graph
    }

    #[test]
    fn a_sound_graph_passes() {
        assert_eq!(validate(&sound()), Ok(()));
        assert_eq!(validate(&Graph::new()), Ok(()));
    }

    #[test]
    fn every_corruption_is_named() {
        type Corruption = fn(&mut Graph);
        let cases: &[(Corruption, &str)] = &[
            (|g| g.nodes[4].inputs[1] = Value(4), "node %4: add uses %4, which does not come before it"),
            (|g| g.nodes[4].inputs[0] = Value(9), "node %4: add uses %9, which does not come before it"),
            (|g| g.nodes[4].inputs[0] = Value::INVALID, "node %4: add uses %invalid, which does not come before it"),
            (|g| g.nodes[4].inputs.truncate(1), "node %4: add takes 2 operands, not 1"),
            (|g| g.nodes[1].inputs.push(Value(0)), "node %1: constant takes 0 operands, not 1"),
            (
                |g| g.nodes[4] = Node { op: Op::Concat(0), inputs: vec![], ..g.nodes[4].clone() },
                "node %4: concat takes at least one operand",
            ),
            (|g| g.nodes[4].path = 1, "node %4: path 1 does not exist"),
            (|g| g.paths.clear(), "path 0 is not the empty path"),
            (|g| g.nodes[1].ty.shape = Shape::new(&[1]).unwrap(), "node %1: a constant is a scalar, not f32[1]"),
            (|g| g.nodes[2].ty.dtype = DType::F64, "node %2: read is f64[], not f32[]"),
            (|g| g.nodes[2].op = Op::Read(VariableId(1)), "node %2: reads variable 1, which does not exist"),
            (|g| g.nodes[3].op = Op::Input(0), "input 1 is %3, which is not that input's node"),
            (|g| g.inputs.swap(0, 1), "input 0 is %3, which is not that input's node"),
            (|g| g.inputs[1] = Value(77), "input 1 is %77, which is not that input's node"),
            (|g| g.inputs.truncate(1), "2 nodes are inputs, 1 are listed"),
            (|g| g.variables.push(g.variables[0].clone()), "variable w is listed twice"),
            (|g| g.assignments.push(g.assignments[0]), "variable w is assigned twice"),
            (|g| g.assignments[0].0 = VariableId(3), "variable 3 is assigned but does not exist"),
            (|g| g.assignments[0].1 = Value(5), "variable w is assigned %5, which is no value"),
            (|g| g.nodes[4].ty.dtype = DType::I32, "variable w holds f32[], and is assigned i32[]"),
            (|g| g.outputs[0] = Value::INVALID, "output 0 is no value: %invalid"),
        ];
        for (corrupt, text) in cases {
            let mut graph = sound();
            corrupt(&mut graph);
            let error = validate(&graph).expect_err(text);
            assert_eq!((error.status(), error.message()), (Status::Internal, *text));
        }
    }
}
