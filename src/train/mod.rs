//! Functions and what is made from them: gradients and training steps.

mod cache;
mod function;
mod step;
#[cfg(test)]
mod tests;
mod transform;
mod update;

pub use function::{CACHED_PROGRAMS, Function, Recorder};
pub use step::{StepOutputs, TrainStep};
pub use transform::{GradOptions, grad, value_and_grad};
