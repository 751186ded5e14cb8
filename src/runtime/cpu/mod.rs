//! The CPU: SIMD kernels, matrix products, and the interpreter that runs loops over tiles.

mod allocate;
mod executable;
mod kernels;
mod lower;
pub mod matmul;
mod random;
pub mod simd;
mod special;
mod strided;
mod tile;

pub use executable::Executable;
