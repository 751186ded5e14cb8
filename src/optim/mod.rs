//! Optimizers: formulas in graph operations over parameter, gradient, state, and hyperparameters.
//!
//! [`Optimizer`] holds groups of parameters, their hyperparameters, and state; a [`Rule`] is the formula. What a host may change between
//! steps is read when the program runs: no change of a hyperparameter records or compiles anything.

mod adam;
mod momentum;
mod optimizer;
mod rule;
mod sgd;
#[cfg(test)]
mod tests;

pub use adam::{AdamOptions, AdamWOptions, adam, adamw};
pub use momentum::{MomentumOptions, momentum};
pub use optimizer::{Optimizer, ParameterGroup, Slot};
pub use rule::{Hyper, Hyperparameter, Range, Rule, Updated};
pub use sgd::{SgdOptions, sgd};
