//! What a transform differentiates with respect to: inputs by position, and parameters.

use crate::error::{Error, Result, Status};
use crate::ir::Value;
use crate::nn::Parameter;
use crate::ops::Trace;
use crate::train::Function;

/// The number of an output of a gradient function, as what it is the gradient of.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum GradientId {
    /// The function's input of this position.
    Position(usize),
    /// The parameter of this name.
    Weight(String),
}

#[derive(Clone, Default)]
pub(super) struct Wrt {
    pub positions: Vec<usize>,
    pub weights: Vec<Parameter>,
}

impl Wrt {
    /// Checked against the function as far as it is known. `name` is the transform's.
    pub fn new(name: &str, f: &Function, positions: Option<Vec<usize>>, weights: Vec<Parameter>) -> Result<Wrt> {
        let positions = match positions {
            Some(positions) => positions,
            None if weights.is_empty() => vec![0],
            None => Vec::new(),
        };
        if positions.is_empty() && weights.is_empty() {
            return Err(Error::invalid(format!(
                "{name}: there is nothing to differentiate with respect to: neither positions nor weights"
            )));
        }
        for (index, position) in positions.iter().enumerate() {
            if positions[..index].contains(position) {
                return Err(Error::invalid(format!("{name}: position {position} is named twice")));
            }
            if let Some(count) = f.input_count()
                && *position >= count
            {
                return Err(Error::invalid(format!("{name}: there is no position {position}, the function takes {count} inputs")));
            }
        }
        for (index, weight) in weights.iter().enumerate() {
            if weights[..index].contains(weight) {
                return Err(Error::invalid(format!("{name}: the weight {} is named twice", weight.name())));
            }
            if weight.context() != f.context() {
                return Err(Error::invalid(format!("{name}: the weight {} belongs to another context", weight.name())));
            }
        }
        Ok(Wrt { positions, weights })
    }
    pub fn count(&self) -> usize {
        self.positions.len() + self.weights.len()
    }
    pub fn ids(&self) -> Vec<GradientId> {
        let positions = self.positions.iter().map(|position| GradientId::Position(*position));
        positions.chain(self.weights.iter().map(|weight| GradientId::Weight(weight.name()))).collect()
    }
    /// The function's inputs with a node of its own in each position (gradients stay apart even where one value stands in two), and the
    /// values to differentiate at.
    pub fn begin(&self, name: &str, g: &mut Trace, inputs: &[Value]) -> Result<(Vec<Value>, Vec<Value>)> {
        let count = inputs.len();
        if let Some(position) = self.positions.iter().find(|position| **position >= count) {
            return Err(Error::invalid(format!("{name}: there is no position {position}, the function was called with {count} inputs")));
        }
        let mut inputs = inputs.to_vec();
        let mut wrt = Vec::with_capacity(self.count());
        for position in &self.positions {
            inputs[*position] = g.identity(inputs[*position]);
            wrt.push(inputs[*position]);
        }
        for weight in &self.weights {
            if !weight.requires_grad_in(g) {
                return Err(Error::invalid(format!("{name}: {} does not require a gradient", weight.name())));
            }
            wrt.push(weight.read(g));
        }
        Ok((inputs, wrt))
    }
}

/// The outputs that are differentiated: all, or the first of at least two.
pub(super) fn differentiated<'a>(name: &str, g: &Trace, outputs: &'a [Value], has_aux: bool) -> Result<&'a [Value]> {
    if has_aux && outputs.len() < 2 {
        return Err(no_aux(name, outputs.len()));
    }
    let differentiated = if has_aux { &outputs[..1] } else { outputs };
    if !differentiated.iter().any(|output| g.dtype(*output).is_float()) {
        return Err(Error::new(Status::NotDifferentiable, format!("{name}: none of the differentiated outputs is a float")));
    }
    Ok(differentiated)
}

pub(super) fn no_aux(name: &str, count: usize) -> Error {
    Error::invalid(format!("{name}: has_aux needs at least two outputs, the function has {count}"))
}
