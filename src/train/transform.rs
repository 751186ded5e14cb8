//! Functions made from functions: gradients.

use crate::autodiff::reverse;
use crate::error::{Error, Result, Status};
use crate::ir::Value;
use crate::nn::Parameter;
use crate::ops::Trace;
use crate::train::Function;

/// Options of [`grad`] and [`value_and_grad`].
#[derive(Clone, Debug, Default)]
pub struct GradOptions {
    /// The inputs to differentiate with respect to. `None` stands for the first input where `weights` is empty, else for no input.
    pub positions: Option<Vec<usize>>,
    /// Parameters to differentiate with respect to.
    pub weights: Vec<Parameter>,
    /// Only the first output is differentiated, the others come along as they are. The function needs at least two.
    pub has_aux: bool,
    /// Gradients are weighted: the last inputs, one for each output that is differentiated and of its type, are the weights (`sens`).
    pub sens_param: bool,
}

/// The function that computes gradients of `f`: one output for each position, then one for each weight, then with `has_aux` the
/// outputs of `f` from the second on.
///
/// They are gradients of the sum of all elements of all float outputs (with `has_aux`, of the first), each weighted by its `sens`, by ones
/// without. What the outputs do not depend on gets zeros, so does an input of integers. Each position has its own gradient, whatever else
/// the same tensor is passed for.
///
/// Fails with INVALID_ARGUMENT for a position that is named twice or that `f` does not have, for no positions and no weights, and for a
/// weight that is named twice. Calls fail with INVALID_ARGUMENT for a weight that does not require a gradient, with NOT_DIFFERENTIABLE if
/// no output is a float.
pub fn grad(f: &Function, options: GradOptions) -> Result<Function> {
    differentiate(f, options, false)
}

/// [`grad`] that returns all outputs of `f` first, then the gradients. The forward pass is there once.
pub fn value_and_grad(f: &Function, options: GradOptions) -> Result<Function> {
    differentiate(f, options, true)
}

fn differentiate(f: &Function, options: GradOptions, with_values: bool) -> Result<Function> {
    let GradOptions { positions, weights, has_aux, sens_param } = options;
    let positions = match positions {
        Some(positions) => positions,
        None if weights.is_empty() => vec![0],
        None => Vec::new(),
    };
    if positions.is_empty() && weights.is_empty() {
        return Err(Error::invalid("grad: there is nothing to differentiate with respect to: neither positions nor weights"));
    }
    for (index, position) in positions.iter().enumerate() {
        if positions[..index].contains(position) {
            return Err(Error::invalid(format!("grad: position {position} is named twice")));
        }
        if let Some(count) = f.input_count()
            && *position >= count
        {
            return Err(Error::invalid(format!("grad: there is no position {position}, the function takes {count} inputs")));
        }
    }
    for (index, weight) in weights.iter().enumerate() {
        if weights[..index].contains(weight) {
            return Err(Error::invalid(format!("grad: the weight {} is named twice", weight.name())));
        }
        if weight.context() != f.context() {
            return Err(Error::invalid(format!("grad: the weight {} belongs to another context", weight.name())));
        }
    }
    if has_aux && f.output_count().is_some_and(|count| count < 2) {
        return Err(no_aux(f.output_count().unwrap_or(0)));
    }
    // How many of the inputs are seeds, as far as it is known before the function was recorded.
    let seed_count = match (sens_param, has_aux) {
        (false, _) => Some(0),
        (true, true) => Some(1),
        (true, false) => f.output_count(),
    };
    let input_count = f.input_count().zip(seed_count).map(|(inputs, seeds)| inputs + seeds);
    let gradients = positions.len() + weights.len();
    let output_count = f.output_count().map(|count| {
        gradients
            + if with_values {
                count
            } else if has_aux {
                count - 1
            } else {
                0
            }
    });
    let plan = Plan { f: f.clone(), positions, weights, has_aux, sens_param, seed_count, with_values };
    Ok(Function::with_counts(f.context(), input_count, output_count, move |g, inputs| plan.record(g, inputs)))
}

struct Plan {
    f: Function,
    positions: Vec<usize>,
    weights: Vec<Parameter>,
    has_aux: bool,
    sens_param: bool,
    seed_count: Option<usize>,
    with_values: bool,
}

impl Plan {
    fn record(&self, g: &mut Trace, inputs: &[Value]) -> Result<Vec<Value>> {
        // Of a function with any number of inputs and outputs the last input is the one seed.
        let seed_count = self.seed_count.or(self.f.input_count().map(|count| inputs.len().saturating_sub(count))).unwrap_or(1);
        let own = inputs.len().checked_sub(seed_count).ok_or_else(|| Error::invalid("grad: the inputs have no seed (sens)"))?;
        let (inputs, seeds) = inputs.split_at(own);
        if let Some(position) = self.positions.iter().find(|position| **position >= own) {
            return Err(Error::invalid(format!("grad: there is no position {position}, the function was called with {own} inputs")));
        }
        // A node of its own for each position: gradients stay apart even where one value stands in two.
        let mut inputs = inputs.to_vec();
        let mut wrt = Vec::with_capacity(self.positions.len() + self.weights.len());
        for position in &self.positions {
            inputs[*position] = g.identity(inputs[*position]);
            wrt.push(inputs[*position]);
        }
        for weight in &self.weights {
            if !weight.requires_grad_in(g) {
                return Err(Error::invalid(format!("grad: {} does not require a gradient", weight.name())));
            }
            wrt.push(weight.read(g));
        }
        let outputs = self.f.record(g, &inputs)?;
        if self.has_aux && outputs.len() < 2 {
            return Err(no_aux(outputs.len()));
        }
        let differentiated = if self.has_aux { &outputs[..1] } else { &outputs[..] };
        if self.sens_param && seeds.len() != differentiated.len() {
            let text = format!("grad: {} seeds (sens) for {} differentiated outputs", seeds.len(), differentiated.len());
            return Err(Error::invalid(text));
        }
        if !differentiated.iter().any(|output| g.dtype(*output).is_float()) {
            return Err(Error::new(Status::NotDifferentiable, "grad: none of the differentiated outputs is a float"));
        }
        let mut seeded = Vec::with_capacity(differentiated.len());
        for (index, output) in differentiated.iter().enumerate() {
            let seed = if self.sens_param { seeds[index] } else { g.ones_like(*output) };
            seeded.push((*output, seed));
        }
        let gradients = reverse(g, &seeded, &wrt)?;
        Ok(if self.with_values {
            [outputs, gradients].concat()
        } else if self.has_aux {
            [gradients, outputs[1..].to_vec()].concat()
        } else {
            gradients
        })
    }
}

fn no_aux(count: usize) -> Error {
    Error::invalid(format!("grad: has_aux needs at least two outputs, the function has {count}"))
}
