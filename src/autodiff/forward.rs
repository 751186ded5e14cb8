//! Forward mode: reverse mode twice. The first gradient is linear in its seed; the gradient of that by the seed is the derivative along a direction.

use crate::autodiff::reverse;
use crate::error::Result;
use crate::ir::Value;
use crate::ops::Trace;

/// The derivatives of `outputs` along directions: what they change by, to first order, when each value moves along its direction.
///
/// `directions` are (value, direction) of one type each; values are taken as independent. An output that is no float has zeros.
pub fn forward(g: &mut Trace, outputs: &[Value], directions: &[(Value, Value)]) -> Result<Vec<Value>> {
    // Seeds stand for any values: what is made of them is linear, and in the end does not depend on them.
    let seeds: Vec<(Value, Value)> = outputs
        .iter()
        .map(|output| {
            let zeros = g.zeros_like(*output);
            (*output, g.identity(zeros))
        })
        .collect();
    let wrt: Vec<Value> = directions.iter().map(|(value, _)| *value).collect();
    let gradients = reverse(g, &seeds, &wrt)?;
    let paired: Vec<(Value, Value)> =
        gradients.into_iter().zip(directions).map(|(gradient, (_, direction))| (gradient, *direction)).collect();
    let seeds: Vec<Value> = seeds.iter().map(|(_, seed)| *seed).collect();
    reverse(g, &paired, &seeds)
}
