//! Losses: of numbers, of probabilities, of classes, of margins and distances, of sequences.

pub mod binary;
pub mod cross_entropy;
pub mod ctc;
pub mod distance;
pub mod margin;
pub mod regression;

pub use binary::Bce;
pub use cross_entropy::{CrossEntropy, Nll};
pub use ctc::Ctc;
pub use distance::TripletMargin;
pub use margin::MultiMargin;

use crate::ir::Value;
use crate::ops::Trace;

/// How the losses of the elements become the result.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Reduction {
    Mean,
    Sum,
    None,
    /// Their sum divided by the size of the first dimension.
    BatchMean,
}

impl Trace {
    /// The losses of the elements joined: their mean, their sum, or themselves.
    pub fn reduce_loss(&mut self, losses: Value, reduction: Reduction) -> Value {
        let axes: Vec<usize> = (0..self.rank(losses)).collect();
        match reduction {
            Reduction::Mean => self.mean(losses, &axes, false),
            Reduction::Sum => self.sum(losses, &axes, false),
            Reduction::None => losses,
            Reduction::BatchMean if !self.contains(losses) => losses,
            Reduction::BatchMean => {
                let batch = self.dims(losses).first().copied().unwrap_or(1);
                let sum = self.sum(losses, &axes, false);
                self.mul_scalar(sum, 1.0 / batch as f64)
            }
        }
    }
    /// A loss of a prediction and a target of one shape, both floats in `body`.
    fn loss_of(
        &mut self,
        name: &str,
        prediction: Value,
        target: Value,
        reduction: Reduction,
        body: impl FnOnce(&mut Trace, Value, Value) -> Value,
    ) -> Value {
        let words = |prediction, target| format!("the prediction is {prediction}, the target {target}");
        if !self.same_shapes_in_words(name, prediction, target, words) {
            return Value::INVALID;
        }
        self.in_float(name, &[prediction, target], |g, x| {
            let losses = body(g, x[0], x[1]);
            g.reduce_loss(losses, reduction)
        })
    }
}
