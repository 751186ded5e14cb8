//! Functions made from functions: gradients of another making.

use crate::ops::CustomGradient;
use crate::train::Function;
use std::sync::Arc;

/// `f`, whose gradient runs `f` again instead of keeping what it makes on the way (checkpointing): less memory for more work. Results and gradients
/// have the same bits.
pub fn recompute(f: &Function) -> Function {
    let inner = f.clone();
    Function::with_counts(f.context(), f.input_count(), f.output_count(), move |g, inputs| {
        g.recompute(inputs, |g, inputs| inner.record(g, inputs))
    })
}

/// `f` with this gradient. Parameters that `f` reads get no gradient through it.
pub fn custom_gradient(f: &Function, rule: Arc<dyn CustomGradient>) -> Function {
    let inner = f.clone();
    Function::with_counts(f.context(), f.input_count(), f.output_count(), move |g, inputs| {
        g.custom_gradient("custom_gradient", inputs, rule.clone(), |g, inputs| inner.record(g, inputs))
    })
}
