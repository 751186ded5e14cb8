//! The CPU: SIMD kernels, matrix products, and the interpreter that runs loops over tiles.

pub mod matmul;
pub mod simd;
