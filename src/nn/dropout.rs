//! Dropout: noise that keeps a network from relying on single features.

use crate::context::{Context, Generator};
use crate::error::{Error, Result};
use crate::ir::Value;
use crate::nn::{Cell, Construct, one_input};
use crate::ops::Trace;

/// Options of [`dropout`].
#[derive(Clone, Copy, Debug)]
pub struct DropoutOptions {
    /// The probability that an element is kept, in (0, 1]. Default 0.5. Counts where `p` is not given.
    pub keep_prob: f64,
    /// The probability that an element is dropped, in [0, 1).
    pub p: Option<f64>,
    /// `None` draws masks from the context's default generator, in the order in which cells are recorded. An op seed draws from
    /// [`Context::generator_for`] of it: networks that train at the same time should not share a generator.
    pub seed: Option<i64>,
}

impl Default for DropoutOptions {
    fn default() -> DropoutOptions {
        DropoutOptions { keep_prob: 0.5, p: None, seed: None }
    }
}

struct Dropout {
    /// The probability that an element is kept.
    keep_prob: f64,
    generator: Generator,
}

/// In training y = x mask / keep_prob, where the mask is 1 with probability keep_prob and 0 else; gradients pass by the same mask.
/// In inference y = x. Fails with INVALID_ARGUMENT for a probability out of range, OUT_OF_MEMORY.
pub fn dropout(context: &Context, options: DropoutOptions) -> Result<Cell> {
    let keep_prob = match options.p {
        Some(p) if (0.0..1.0).contains(&p) => 1.0 - p,
        Some(p) => return Err(Error::invalid(format!("Dropout: p is at least 0 and below 1, not {p}"))),
        None => options.keep_prob,
    };
    if !(keep_prob > 0.0 && keep_prob <= 1.0) {
        return Err(Error::invalid(format!("Dropout: keep_prob is above 0 and at most 1, not {keep_prob}")));
    }
    let generator = match options.seed {
        Some(seed) => context.generator_for(seed)?,
        None => context.generator().clone(),
    };
    Ok(Cell::new(context, Box::new(Dropout { keep_prob, generator })))
}

impl Construct for Dropout {
    fn kind(&self) -> &str {
        "Dropout"
    }
    fn construct(&self, cell: &Cell, g: &mut Trace, inputs: &[Value]) -> Vec<Value> {
        let x = one_input("Dropout", g, inputs);
        if !cell.training_in(g) {
            return vec![x];
        }
        vec![g.dropout_keeping(x, self.keep_prob, self.generator.variable())]
    }
    fn depends_on_training(&self) -> bool {
        false
    }
}
