//! Operations written with primitives. The compiler fuses them; they need no kernels and no gradient rules.

pub mod activation;
pub mod arithmetic;
pub mod loss;
pub mod softmax;

pub use loss::Reduction;
