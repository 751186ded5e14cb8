//! Values: dtypes, shapes, storage, and the [`Tensor`] that joins them.

mod allocator;
mod convert;
pub mod dlpack;
mod dtype;
mod shape;
mod storage;
mod strided;
#[allow(clippy::module_inception)]
mod tensor;

pub(crate) use convert::{decode, encode};

pub use allocator::{Allocate, Allocator};
pub use convert::{check_convertible, convert, is_convertible};
pub use dtype::{DType, Element};
pub use shape::{MAX_RANK, Shape};
pub use storage::{STORAGE_ALIGN, Storage};
pub use tensor::Tensor;
