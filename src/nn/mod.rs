//! Networks: [`Cell`], the tree that names and holds [`Parameter`]s, and the built-in cells.

mod activation;
mod cell;
mod dense;
mod dropout;
mod flatten;
mod initializer;
mod parameter;
mod sequential;
#[cfg(test)]
mod tests;

pub use activation::{ACTIVATIONS, Activation, activation};
pub use cell::{Cell, Construct, MAX_DEPTH};
pub use dense::{DenseOptions, dense};
pub use dropout::{DropoutOptions, dropout};
pub use flatten::flatten;
pub use initializer::{Fan, Initializer, Nonlinearity, calculate_gain};
pub use parameter::Parameter;
pub use sequential::sequential;

use crate::error::Error;
use crate::ir::Value;
use crate::ops::Trace;

/// The one input of a cell that takes one; anything else sticks to `g`.
pub(crate) fn one_input(kind: &str, g: &mut Trace, inputs: &[Value]) -> Value {
    match inputs {
        [input] => *input,
        _ => g.fail(Error::invalid(format!("{kind} takes one input, not {}", inputs.len()))),
    }
}
