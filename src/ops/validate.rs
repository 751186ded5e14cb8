//! Checks that a graph is well formed and well typed.

use crate::error::{Error, Result, Status};
use crate::ir::{Graph, Op, Value};
use crate::ops::infer_in;

/// Whether the graph keeps all rules: its structure ([`crate::ir::validate`]), and the type of every node, which is what the shape rule
/// makes of its operands. Fails with INTERNAL and a text that names the node.
pub fn validate(graph: &Graph) -> Result<()> {
    crate::ir::validate(graph)?;
    for (index, node) in graph.nodes.iter().enumerate() {
        if matches!(node.op, Op::Input(_) | Op::Constant(_) | Op::ConstantTensor(_) | Op::Read(_)) {
            continue;
        }
        if let Some(bad) =
            node.inputs.iter().find(|input| graph.node(**input).op.result_count().is_some() != matches!(node.op, Op::Part(_)))
        {
            return Err(Error::internal(format!("node {:?}: {} of {bad:?}", Value::from_index(index), node.op.name())));
        }
        let place = format!("node {:?}: {}", Value::from_index(index), node.op.name());
        let inferred =
            infer_in(graph, &node.op, &node.inputs).map_err(|error| Error::new(Status::Internal, error.message()).within(&place))?;
        if inferred != node.ty {
            return Err(Error::internal(format!("{place}: its type is {}, the rule says {inferred}", node.ty)));
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ir::Type;
    use crate::ops::Trace;
    use crate::tensor::{DType, Shape};

    #[test]
    fn types_must_be_what_the_rules_say() {
        let mut g = Trace::new();
        let x = g.input(Type::new(DType::F32, Shape::new(&[2, 3]).unwrap()));
        let y = g.exp(x);
        let z = g.sum(y, &[1], false);
        let graph = g.finish(&[z]).unwrap();
        assert_eq!(validate(&graph), Ok(()));

        let mut wider = graph.clone();
        wider.nodes[y.index()].ty.dtype = DType::F64;
        assert_eq!(validate(&wider).unwrap_err().message(), "node %1: exp: its type is f64[2, 3], the rule says f32[2, 3]");
        let mut elsewhere = graph.clone();
        elsewhere.nodes[z.index()].op = Op::Reduce { kind: crate::ir::ReduceKind::Sum, axes: vec![2] };
        assert_eq!(validate(&elsewhere).unwrap_err().message(), "node %2: sum: there is no axis 2 in [2, 3]");
        let mut foreign = graph;
        foreign.nodes[y.index()].op = Op::Unary(crate::ir::Unary::Not);
        assert_eq!(validate(&foreign).unwrap_err().message(), "node %1: bitwise_not: defined for integers and bool, not f32");
    }
}
