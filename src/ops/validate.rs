//! Checks that a graph is well formed and well typed.

use crate::error::{Error, Result, Status};
use crate::ir::{Graph, Op, Type, Value};
use crate::ops::infer;

/// Whether the graph keeps all rules: its structure ([`crate::ir::validate`]), and the type of every node, which is what the shape rule
/// makes of its operands. Fails with INTERNAL and a text that names the node.
pub fn validate(graph: &Graph) -> Result<()> {
    crate::ir::validate(graph)?;
    for (index, node) in graph.nodes.iter().enumerate() {
        if matches!(node.op, Op::Input(_) | Op::Constant(_) | Op::ConstantTensor(_) | Op::Read(_)) {
            continue;
        }
        let types: Vec<Type> = node.inputs.iter().map(|value| graph.ty(*value)).collect();
        let place = format!("node {:?}: {}", Value::from_index(index), node.op.name());
        let inferred = infer(&node.op, &types).map_err(|error| Error::new(Status::Internal, error.message()).within(&place))?;
        if inferred != node.ty {
            return Err(Error::internal(format!("{place}: its type is {}, the rule says {inferred}", node.ty)));
        }
    }
    Ok(())
}
