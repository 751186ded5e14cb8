//! Graphs inside nodes: calls, counted loops, and functions of the host.
//!
//! The inputs of such a graph are the node's operands, its outputs the node's results, which are the node's [`Op::Part`](crate::ir::Op)s. It
//! reads and assigns no variables: what it needs of them comes in as an operand and goes out as a result.

use crate::error::Result;
use crate::ir::{Graph, Type, Value};
use std::any::Any;
use std::fmt;
use std::ops::Deref;
use std::sync::Arc;

/// Data that many nodes may share. Equal are clones only.
pub struct Shared<T: ?Sized>(Arc<T>);

impl<T> Shared<T> {
    pub fn new(data: T) -> Shared<T> {
        Shared(Arc::new(data))
    }
}
impl<T: ?Sized> From<Arc<T>> for Shared<T> {
    fn from(data: Arc<T>) -> Shared<T> {
        Shared(data)
    }
}
impl<T: ?Sized> Clone for Shared<T> {
    fn clone(&self) -> Shared<T> {
        Shared(self.0.clone())
    }
}
impl<T: ?Sized> Deref for Shared<T> {
    type Target = T;
    fn deref(&self) -> &T {
        &self.0
    }
}
impl<T: ?Sized> PartialEq for Shared<T> {
    fn eq(&self, other: &Shared<T>) -> bool {
        Arc::ptr_eq(&self.0, &other.0)
    }
}
impl<T: ?Sized> fmt::Debug for Shared<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "@{:p}", Arc::as_ptr(&self.0))
    }
}

/// A part of a computation whose gradient is made in a way of its own. Compiled programs run its graph like any other nodes.
pub struct Call {
    /// What people know it by.
    pub name: String,
    pub body: Graph,
    /// How many operands were passed; the others stand for variables and tensors that the body reads.
    pub inputs: usize,
    /// How many results are handed back; the others are assigned to variables.
    pub outputs: usize,
    pub gradient: CallGradient,
}

pub enum CallGradient {
    /// The body's own, of a body that runs again when the gradient is wanted: nothing inside it is kept until then.
    Recompute,
    /// A rule that the layer above knows the meaning of.
    Custom(Arc<dyn Any + Send + Sync>),
}

/// A loop that runs its body a fixed number of times.
///
/// Operands: carries, then slices, then constants. The body's inputs are the carries as the step before left them, element t of the first dimension of each
/// slice, and the constants; its outputs are the carries for the next step, then what is stacked. The node's results are the last carries, then
/// the stacks [length, ...] of the body's other outputs, then those of all values of the body, in their order, which gradients draw on.
pub struct Scan {
    pub body: Graph,
    pub length: usize,
    pub carries: usize,
    pub slices: usize,
    /// Whether t counts down from length - 1 to 0.
    pub reverse: bool,
}

impl Scan {
    /// The number of the result that stacks a value of the body.
    pub fn stack_of(&self, value: Value) -> usize {
        self.body.outputs.len() + value.index()
    }
    /// The value of the body that result `number` is a stack of; none for a carry.
    pub fn stacked(&self, number: usize) -> Option<Value> {
        match number {
            _ if number < self.carries => None,
            _ if number < self.body.outputs.len() => Some(self.body.outputs[number]),
            _ => Some(Value::from_index(number - self.body.outputs.len())),
        }
    }
}

/// Elements of an operand or result of a host's function, row-major without gaps.
#[derive(Clone, Copy, Debug)]
pub struct HostArray {
    pub ty: Type,
    pub data: *mut u8,
}

/// An operation that the host computes.
pub trait HostFunction: Send + Sync {
    /// What people know it by.
    fn name(&self) -> &str;
    /// The types of its results, or why operands of these types are refused.
    fn infer(&self, inputs: &[Type]) -> Result<Vec<Type>>;
    /// Computes the results from the operands. Results must depend on the operands alone.
    ///
    /// # Safety
    /// The arrays hold their elements; results overlap nothing else; nobody else touches them.
    unsafe fn run(&self, inputs: &[HostArray], outputs: &[HostArray]) -> Result<()>;
}

/// A host's function with the types that it was recorded with.
pub struct HostCall {
    pub function: Arc<dyn HostFunction>,
    pub results: Vec<Type>,
}
