//! Checks that a graph is well formed: what holds for every graph whatever its operations mean. Types are checked a layer above,
//! by [`crate::ops::validate`].

use crate::error::{Error, Result};
use crate::ir::{Graph, Node, Op, Type, Value};
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
    } else if node.inputs.is_empty() {
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
        | Op::Random { .. } => Some(1),
        Op::Binary(_) | Op::Compare(_) | Op::Pad { .. } | Op::MatMul { .. } | Op::Gather { .. } => Some(2),
        Op::Select | Op::ScatterAdd { .. } => Some(3),
        Op::Concat(_) => None,
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
