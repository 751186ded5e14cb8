//! What the operations mean: shape rule, gradient rule, and samples of each stand side by side.
//!
//! [`Trace`] records: its methods check operands, infer shapes, and push nodes. One file holds one family of primitives;
//! [`composite`] holds what is written with them. [`catalog`] lists every operation for tests, documentation, and the
//! coverage query.

mod attention;
mod binary;
mod catalog;
mod choose;
pub mod composite;
mod create;
mod cumulative;
mod draw;
mod index;
mod linalg;
mod matmul;
mod order;
mod reduce;
mod region;
mod rules;
pub(crate) mod scalar;
mod scatter;
mod shape;
mod trace;
mod unary;
mod validate;
mod window;

pub use crate::ir::TriangularSolve;
pub use attention::AttentionOptions;

pub use catalog::{Differentiable, Domain, FAMILIES, Family, Row, Sample, Values, catalog};
pub(crate) use region::reorder_inputs;
pub use region::{CustomGradient, Region, custom_gradient};
pub use rules::{Contribution, definition, gradient, gradient_several, infer, infer_in, infer_several, passes_gradient};
pub use trace::{Dependency, Scope, Trace};
pub(crate) use unary::definition as unary_definition;
pub use validate::validate;
