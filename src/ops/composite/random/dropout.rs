//! Dropout: elements, or whole channels, that are 0 with some probability.
//!
//! By Hinton et al. (2012, arXiv:1207.0580), scaled while it is drawn, so that the mean stays and inference needs nothing; whole channels by
//! Tompson et al. (2015, arXiv:1411.4280), since pixels beside each other would tell what a single one loses.

use super::seeded;
use crate::error::Error;
use crate::ir::{Value, Variable};
use crate::ops::Trace;
use crate::ops::catalog::{Row, Values};

const REAL: Values = Values::Uniform(-1.0, 1.0);

pub(in crate::ops) const ROWS: &[Row] = &[
    Row {
        name: "dropout",
        meaning: "0 with probability p, else x / (1 - p)",
        shapes: "x [...] -> the same",
        torch: "torch.nn.functional.dropout",
        build: |g, x| seeded(g, |g, from| g.dropout(x[0], 0.4, from)),
        samples: &[&[(&[3, 4], REAL)]],
        ..Row::COMMON
    },
    Row {
        name: "feature_dropout",
        meaning: "whole channels that are 0 with probability p, else x / (1 - p)",
        shapes: "x [N, C, ...] -> the same",
        torch: "torch.nn.functional.dropout2d",
        mindspore: "mindspore.ops.dropout2d",
        build: |g, x| seeded(g, |g, from| g.feature_dropout(x[0], 0.4, from)),
        samples: &[&[(&[2, 3, 2], REAL)]],
        ..Row::COMMON
    },
];

impl Trace {
    /// 0 with probability p, else x / (1 - p); floats of any shape. Each element has a draw of its own, and gradients pass by the same ones. p = 0
    /// gives x, and p = 1 zeros, whatever x holds, without a draw. Fails with INVALID_ARGUMENT unless p is at least 0 and at most 1, with
    /// DTYPE_MISMATCH for what is no float.
    pub fn dropout(&mut self, x: Value, p: f64, generator: &Variable) -> Value {
        let rank = if self.contains(x) { self.rank(x) } else { 0 };
        self.dropped("dropout", x, p, rank, generator)
    }
    /// [`Trace::dropout`] by the probability that an element is kept, which 1 - p would round.
    pub(crate) fn dropout_keeping(&mut self, x: Value, keep_prob: f64, generator: &Variable) -> Value {
        let rank = if self.contains(x) { self.rank(x) } else { 0 };
        self.kept("dropout", x, keep_prob, rank, generator)
    }
    /// [`Trace::dropout`] of whole channels: x is \[N, C, ...], and what has the same two positions in front shares a draw. Fails with
    /// SHAPE_MISMATCH if there are fewer dimensions.
    pub fn feature_dropout(&mut self, x: Value, p: f64, generator: &Variable) -> Value {
        if self.contains(x) && self.rank(x) < 2 {
            let shape = self.shape(x);
            return self.fail(Error::shape(format!("feature_dropout: the input is {shape}, not [N, C, ...]")));
        }
        self.dropped("feature_dropout", x, p, 2, generator)
    }
    /// Dropout with a draw for each position in the first `drawn` dimensions.
    fn dropped(&mut self, name: &str, x: Value, p: f64, drawn: usize, generator: &Variable) -> Value {
        if self.knows(name, &[x]) && !(0.0..=1.0).contains(&p) {
            return self.fail(Error::invalid(format!("{name}: the probability p is at least 0 and at most 1, not {p}")));
        }
        self.kept(name, x, 1.0 - p, drawn, generator)
    }
    /// The same by the probability that a position is kept, from 0 to 1.
    fn kept(&mut self, name: &str, x: Value, keep_prob: f64, drawn: usize, generator: &Variable) -> Value {
        if !self.knows(name, &[x]) {
            return Value::INVALID;
        }
        let ty = self.ty(x);
        if !ty.dtype.is_float() {
            return self.fail(Error::dtype(format!("{name}: the input is {ty}, not floats")));
        }
        if keep_prob == 1.0 {
            return x;
        }
        if keep_prob == 0.0 {
            return self.zeros_like(x);
        }
        let mut dims = self.dims(x);
        dims[drawn..].fill(1);
        let kept = self.random_bernoulli(keep_prob, &dims, generator);
        let scaled = self.mul_scalar(x, 1.0 / keep_prob);
        // Chosen, not multiplied: what is dropped is 0 also where x is not finite.
        let zero = self.scalar(ty.dtype, 0.0);
        self.select(kept, scaled, zero)
    }
}
