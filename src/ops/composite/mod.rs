//! Operations written with primitives. The compiler fuses them; they need no kernels and no gradient rules.

pub mod activation;
pub mod arithmetic;
pub mod arrange;
pub mod clip;
pub mod combine;
pub mod create;
pub mod cumulative;
pub mod distance;
pub mod einsum;
pub mod gate;
pub mod index;
pub mod linalg;
pub mod logic;
pub mod loss;
pub mod norm;
pub mod order;
pub mod parts;
pub mod product;
pub mod random;
pub mod shrink;
pub mod softmax;
pub mod special;
pub mod statistics;
mod support;
#[cfg(test)]
pub(crate) mod testing;
pub mod vision;

pub(crate) use arrange::kept_sizes;
pub use index::Join;
pub use linalg::MatrixNorm;
pub use logic::Tolerance;
pub use loss::Reduction;
pub use order::QuantileMethod;

use crate::ir::Value;
use crate::ops::Trace;
use crate::ops::binary::promote;
use crate::tensor::DType;

/// The dtype that the values meet in, f32 for integers and bool.
fn float_of(g: &Trace, values: &[Value]) -> DType {
    let dtype = values.iter().map(|value| g.dtype(*value)).reduce(promote).unwrap_or(DType::F32);
    if dtype.is_float() { dtype } else { DType::F32 }
}
