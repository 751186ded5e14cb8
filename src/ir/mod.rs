//! The intermediate representation: plain data in SSA form. Rules live in [`crate::ops`].

mod graph;
mod linalg;
mod op;
mod print;
mod region;
mod validate;
mod variable;
mod window;

pub use crate::random::Draw;
pub use graph::{Graph, Literal, Node, NodeId, Type, Value, VariableId};
pub use linalg::{Linalg, TriangularSolve};
pub use op::{
    Attention, Binary, Class, Compare, ConvolutionRole, CumulativeKind, Distribution, Kernel, Op, ReduceKind, ScatterKind, Unary,
    WindowRole,
};
pub use region::{Call, CallGradient, HostArray, HostCall, HostFunction, Scan, Shared};
pub use validate::validate;
pub use variable::Variable;
pub use window::WindowAxis;
