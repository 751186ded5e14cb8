//! Values: dtypes, shapes, storage, and the [`Tensor`] that joins them.

mod dtype;
mod shape;
#[allow(clippy::module_inception)]
mod tensor;

pub use dtype::{DType, Element};
pub use shape::{MAX_RANK, Shape};
pub use tensor::Tensor;
