//! Functions made from functions: gradients.

use crate::autodiff::reverse;
use crate::error::{Error, Result};
use crate::ir::Value;
use crate::nn::Parameter;
use crate::ops::Trace;
use crate::train::Function;
use crate::train::wrt::{Wrt, differentiated, no_aux};

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

/// [`value_and_grad`] with seeds: takes the inputs of `f`, then what each differentiated output is weighted with; returns the outputs of `f`, then
/// the product of the weights with the Jacobian for each position and weight.
pub fn vjp(f: &Function, options: GradOptions) -> Result<Function> {
    differentiate(f, GradOptions { sens_param: true, ..options }, true)
}

fn differentiate(f: &Function, options: GradOptions, with_values: bool) -> Result<Function> {
    let GradOptions { positions, weights, has_aux, sens_param } = options;
    let wrt = Wrt::new("grad", f, positions, weights)?;
    if has_aux && f.output_count().is_some_and(|count| count < 2) {
        return Err(no_aux("grad", f.output_count().unwrap_or(0)));
    }
    // How many of the inputs are seeds, as far as it is known before the function was recorded.
    let seed_count = match (sens_param, has_aux) {
        (false, _) => Some(0),
        (true, true) => Some(1),
        (true, false) => f.output_count(),
    };
    let input_count = f.input_count().zip(seed_count).map(|(inputs, seeds)| inputs + seeds);
    let values = |count: usize| match (with_values, has_aux) {
        (true, _) => count,
        (false, true) => count - 1,
        (false, false) => 0,
    };
    let output_count = f.output_count().map(|count| wrt.count() + values(count));
    // Where the gradients stand among the outputs.
    let first = if with_values { f.output_count() } else { Some(0) };
    let ids = first.map(|first| (first, wrt.ids()));
    let plan = Plan { f: f.clone(), wrt, has_aux, sens_param, seed_count, with_values };
    Ok(Function::with_counts(f.context(), input_count, output_count, move |g, inputs| plan.record(g, inputs)).with_gradient_ids(ids))
}

struct Plan {
    f: Function,
    wrt: Wrt,
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
        let (inputs, wrt) = self.wrt.begin("grad", g, inputs)?;
        let outputs = self.f.record(g, &inputs)?;
        let differentiated = differentiated("grad", g, &outputs, self.has_aux)?;
        if self.sens_param && seeds.len() != differentiated.len() {
            let text = format!("grad: {} seeds (sens) for {} differentiated outputs", seeds.len(), differentiated.len());
            return Err(Error::invalid(text));
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
