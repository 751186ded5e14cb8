//! Operations written with primitives. The compiler fuses them; they need no kernels and no gradient rules.

pub mod activation;
pub mod arithmetic;
pub mod distance;
pub mod loss;
pub mod norm;
pub mod softmax;
pub mod statistics;
mod support;

pub use loss::Reduction;
