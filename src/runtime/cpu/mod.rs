//! The CPU device: matrix products and the kernels that run between them.

pub mod matmul;
