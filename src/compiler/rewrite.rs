//! Rebuilding a graph node by node, with equal nodes recorded once.

use crate::error::Result;
use crate::ir::{Graph, Literal, Op, Type, Value};
use crate::ops;
use crate::tensor::{DType, Shape};
use std::collections::HashMap;
use std::hash::{DefaultHasher, Hash, Hasher};

/// A graph under construction that never records the same computation twice.
pub(super) struct Rewriter {
    pub graph: Graph,
    known: HashMap<u64, Vec<Value>>,
    /// The path that new nodes get.
    pub path: u32,
}

impl Rewriter {
    /// An empty graph over the variables and paths of `from`.
    pub fn new(from: &Graph) -> Rewriter {
        let graph = Graph { variables: from.variables.clone(), paths: from.paths.clone(), ..Graph::new() };
        Rewriter { graph, known: HashMap::new(), path: 0 }
    }
    /// The number of this path.
    pub fn path_index(&mut self, path: &str) -> u32 {
        let known = self.graph.paths.iter().position(|known| known == path);
        known.unwrap_or_else(|| {
            self.graph.paths.push(path.to_string());
            self.graph.paths.len() - 1
        }) as u32
    }
    /// The value of this computation, recorded now or before.
    pub fn push(&mut self, op: Op, inputs: &[Value]) -> Result<Value> {
        let ty = ops::infer_in(&self.graph, &op, inputs)?;
        self.push_typed(op, inputs, ty)
    }
    pub fn push_typed(&mut self, op: Op, inputs: &[Value], ty: Type) -> Result<Value> {
        let mut hasher = DefaultHasher::new();
        std::mem::discriminant(&op).hash(&mut hasher);
        match &op {
            Op::Unary(op) => op.hash(&mut hasher),
            Op::Binary(op) => op.hash(&mut hasher),
            Op::Constant(literal) => literal.hash(&mut hasher),
            _ => {}
        }
        (inputs, ty).hash(&mut hasher);
        let key = hasher.finish();
        let candidates = self.known.entry(key).or_default();
        for candidate in candidates.iter() {
            let node = self.graph.node(*candidate);
            if node.op == op && node.inputs == inputs && node.ty == ty {
                return Ok(*candidate);
            }
        }
        let value = self.graph.append(op, inputs.to_vec(), ty, self.path)?;
        candidates.push(value);
        Ok(value)
    }
    pub fn constant(&mut self, dtype: DType, literal: Literal) -> Result<Value> {
        self.push_typed(Op::Constant(literal), &[], Type::new(dtype, Shape::SCALAR))
    }
    pub fn op(&self, value: Value) -> &Op {
        &self.graph.node(value).op
    }
    pub fn input_of(&self, value: Value, position: usize) -> Value {
        self.graph.node(value).inputs[position]
    }
    /// The number that every element of `value` is, if that is known.
    pub fn splat(&self, mut value: Value) -> Option<Literal> {
        loop {
            match self.op(value) {
                Op::Constant(literal) => return Some(*literal),
                Op::Broadcast { .. } | Op::Reshape(_) => value = self.input_of(value, 0),
                _ => return None,
            }
        }
    }
}

/// Rebuilds `graph`: `visit` is asked for each live node with its new operands, and may answer with another value.
pub(super) fn rebuild(graph: &Graph, mut visit: impl FnMut(&mut Rewriter, &Op, &[Value], Type) -> Result<Value>) -> Result<Graph> {
    let live = live(graph);
    let mut rewriter = Rewriter::new(graph);
    let mut map = vec![Value::INVALID; graph.nodes.len()];
    // Inputs keep their positions, whether they are used or not.
    for input in &graph.inputs {
        let node = graph.node(*input);
        rewriter.path = node.path;
        map[input.index()] = rewriter.push_typed(node.op.clone(), &[], node.ty)?;
    }
    rewriter.graph.inputs = graph.inputs.iter().map(|input| map[input.index()]).collect();
    for (index, node) in graph.nodes.iter().enumerate() {
        if !live[index] || map[index].is_valid() {
            continue;
        }
        let inputs: Vec<Value> = node.inputs.iter().map(|input| map[input.index()]).collect();
        rewriter.path = node.path;
        map[index] = visit(&mut rewriter, &node.op, &inputs, node.ty)?;
        debug_assert_eq!(rewriter.graph.ty(map[index]), node.ty, "{:?}", node.op);
    }
    rewriter.graph.outputs = graph.outputs.iter().map(|value| map[value.index()]).collect();
    rewriter.graph.assignments = graph.assignments.iter().map(|(variable, value)| (*variable, map[value.index()])).collect();
    Ok(rewriter.graph)
}

/// Which nodes the results depend on.
pub(super) fn live(graph: &Graph) -> Vec<bool> {
    let mut live = vec![false; graph.nodes.len()];
    for value in graph.results() {
        live[value.index()] = true;
    }
    for index in (0..graph.nodes.len()).rev() {
        if live[index] {
            for input in &graph.nodes[index].inputs {
                live[input.index()] = true;
            }
        }
    }
    live
}
