//! Graphs: nodes in the order of recording, each with one typed result.

use crate::error::{Error, Result};
use crate::ir::{Op, Variable};
use crate::tensor::{DType, Shape};
use std::fmt;

/// Dtype and shape of a value.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Type {
    pub dtype: DType,
    pub shape: Shape,
}

impl Type {
    pub fn new(dtype: DType, shape: Shape) -> Type {
        Type { dtype, shape }
    }
    /// The type of a node with several results, which are its [`Op::Part`]s: no elements of its own. It counts as a float, since
    /// gradients pass.
    pub fn several() -> Type {
        Type { dtype: DType::F32, shape: Shape::EMPTY }
    }
    pub fn bytes(&self) -> usize {
        self.shape.elements() * self.dtype.size()
    }
}

impl fmt::Display for Type {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}{}", self.dtype, self.shape)
    }
}

/// One result in a graph. `Value::INVALID` stands for a result that could not be recorded; the graph holds the reason.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Value(pub(crate) u32);

/// A node and its one result have the same number.
pub type NodeId = Value;

impl Value {
    pub const INVALID: Value = Value(u32::MAX);

    pub fn is_valid(self) -> bool {
        self != Value::INVALID
    }
    pub fn index(self) -> usize {
        self.0 as usize
    }
    pub fn from_index(index: usize) -> Value {
        Value(index as u32)
    }
}

impl fmt::Debug for Value {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.is_valid() { write!(f, "%{}", self.0) } else { f.write_str("%invalid") }
    }
}

/// The number of a variable within one graph: an index into [`Graph::variables`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct VariableId(pub u32);

/// A scalar known when the graph is recorded. Equality is by bits, so NaN equals itself and 0.0 differs from -0.0.
#[derive(Clone, Copy, Debug)]
pub enum Literal {
    Float(f64),
    /// Integers and booleans.
    Int(i64),
}

impl Literal {
    fn bits(self) -> (bool, u64) {
        match self {
            Literal::Float(value) => (true, value.to_bits()),
            Literal::Int(value) => (false, value as u64),
        }
    }
    pub fn as_f64(self) -> f64 {
        match self {
            Literal::Float(value) => value,
            Literal::Int(value) => value as f64,
        }
    }
    pub fn as_i64(self) -> i64 {
        match self {
            Literal::Float(value) => value as i64,
            Literal::Int(value) => value,
        }
    }
}
impl PartialEq for Literal {
    fn eq(&self, other: &Literal) -> bool {
        self.bits() == other.bits()
    }
}
impl Eq for Literal {}
impl std::hash::Hash for Literal {
    fn hash<H: std::hash::Hasher>(&self, state: &mut H) {
        self.bits().hash(state);
    }
}

/// One operation, its operands, and the type of its result.
#[derive(Clone, Debug)]
pub struct Node {
    pub op: Op,
    pub inputs: Vec<Value>,
    pub ty: Type,
    /// Index into [`Graph::paths`]: the cell that recorded the node.
    pub path: u32,
}

/// A computation in SSA form: operands come before the nodes that use them.
#[derive(Clone, Default)]
pub struct Graph {
    pub nodes: Vec<Node>,
    pub inputs: Vec<Value>,
    pub outputs: Vec<Value>,
    pub variables: Vec<Variable>,
    /// What variables hold when the program has run, at most one entry each.
    pub assignments: Vec<(VariableId, Value)>,
    /// Paths of cells, entry 0 is the empty path.
    pub paths: Vec<String>,
}

impl Graph {
    pub fn new() -> Graph {
        Graph { paths: vec![String::new()], ..Graph::default() }
    }
    pub fn node(&self, value: Value) -> &Node {
        &self.nodes[value.index()]
    }
    pub fn ty(&self, value: Value) -> Type {
        self.nodes[value.index()].ty
    }
    pub fn shape(&self, value: Value) -> &Shape {
        &self.nodes[value.index()].ty.shape
    }
    pub fn dtype(&self, value: Value) -> DType {
        self.nodes[value.index()].ty.dtype
    }
    /// Appends a node whose type is known. Rules and checks are [`crate::ops`]'s.
    pub fn append(&mut self, op: Op, inputs: Vec<Value>, ty: Type, path: u32) -> Result<Value> {
        if self.nodes.len() >= u32::MAX as usize - 1 {
            return Err(Error::invalid("a graph holds at most 2^32 - 2 nodes"));
        }
        let value = Value(self.nodes.len() as u32);
        self.nodes.push(Node { op, inputs, ty, path });
        Ok(value)
    }
    /// All values that the graph hands out: outputs, then what is assigned to variables.
    pub fn results(&self) -> impl Iterator<Item = Value> + '_ {
        self.outputs.iter().copied().chain(self.assignments.iter().map(|(_, value)| *value))
    }
    /// How often each value is used, as an operand or as a result.
    pub fn use_counts(&self) -> Vec<u32> {
        let mut counts = vec![0; self.nodes.len()];
        for value in self.nodes.iter().flat_map(|node| node.inputs.iter().copied()).chain(self.results()) {
            counts[value.index()] += 1;
        }
        counts
    }
}
