//! Functions and what is made from them: gradients and training steps.

mod cache;
mod custom;
mod function;
mod jacobian;
mod step;
#[cfg(test)]
mod tests;
mod transform;
mod update;
mod vmap;
mod wrt;

pub use custom::{custom_gradient, recompute};
pub use function::{CACHED_PROGRAMS, Function, Recorder};
pub use jacobian::{JacobianMode, JacobianOptions, hessian, hvp, jacobian, jvp};
pub use step::{StepOutputs, TrainStep};
pub use transform::{GradOptions, grad, value_and_grad, vjp};
pub use vmap::{VmapOptions, vmap};
pub use wrt::GradientId;
