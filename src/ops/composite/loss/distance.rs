//! Losses of distances and angles between vectors.

use super::Reduction;
use crate::error::Error;
use crate::ir::Value;
use crate::ops::Trace;
use crate::ops::catalog::Values;
use crate::ops::composite::support::{YES, rows};
use crate::tensor::DType;

/// Options of [`Trace::triplet_margin_loss`].
#[derive(Clone, Copy, Debug)]
pub struct TripletMargin {
    pub reduction: Reduction,
    pub margin: f64,
    /// Of the norm.
    pub p: f64,
    /// Added to the differences.
    pub epsilon: f64,
    /// Takes the distance of the positive and the negative where that is smaller than the anchor's to the negative.
    pub swap: bool,
}

impl Default for TripletMargin {
    fn default() -> TripletMargin {
        TripletMargin { reduction: Reduction::Mean, margin: 1.0, p: 2.0, epsilon: 1e-6, swap: false }
    }
}

const REAL: Values = Values::Uniform(-2.0, 2.0);
const NEAR: Values = Values::Uniform(0.2, 1.0);
const FAR: Values = Values::Uniform(-1.0, -0.2);

rows! {
    "cosine_embedding_loss", "1 - cos(x1, x2) where y = 1, max(0, cos - margin) where y = -1", "x1, x2 [N, D] or [D], y [N] or [] -> [N] or [], reduced",
        "torch.nn.functional.cosine_embedding_loss", "", Float, YES =>
        |g, x| {
            let two = g.scalar(DType::I64, 2.0);
            let y = g.mul(x[2], two);
            let y = g.add_scalar(y, -1.0);
            g.cosine_embedding_loss(x[0], x[1], y, 0.1, Reduction::Mean)
        },
        [&[(&[5, 3], NEAR), (&[5, 3], NEAR), (&[5], Values::Integers(0, 2))]];
    "triplet_margin_loss", "max(0, margin + |anchor - positive| - |anchor - negative|)", "anchor, positive, negative [..., D] -> [...], reduced",
        "torch.nn.functional.triplet_margin_loss", "", Float, YES =>
        |g, x| g.triplet_margin_loss(x[0], x[1], x[2], TripletMargin { swap: true, margin: 4.0, ..TripletMargin::default() }),
        [&[(&[3, 4], REAL), (&[3, 4], NEAR), (&[3, 4], FAR)]];
}

impl Trace {
    /// 1 - cos(x1, x2) where y = 1, max(0, cos(x1, x2) - margin) where y = -1, with the cosine along the last axis.
    pub fn cosine_embedding_loss(&mut self, x1: Value, x2: Value, y: Value, margin: f64, reduction: Reduction) -> Value {
        const NAME: &str = "cosine_embedding_loss";
        /// What PyTorch adds to squared lengths.
        const EPSILON: f64 = 1e-12;
        if !self.same_shapes(NAME, x1, x2) || !self.knows(NAME, &[y]) {
            return Value::INVALID;
        }
        let dims = self.dims(x1);
        if dims.is_empty() || self.dims(y) != dims[..dims.len() - 1] {
            let (x, y) = (self.shape(x1), self.shape(y));
            return self.fail(Error::shape(format!("{NAME}: operands {x} want a target of their leading dimensions, not {y}")));
        }
        let last = dims.len() - 1;
        self.in_float(NAME, &[x1, x2, y], |g, x| {
            let products = [g.mul(x[0], x[1]), g.square(x[0]), g.square(x[1])];
            let [common, first, second] = products.map(|terms| g.sum(terms, &[last], false));
            let (first, second) = (g.add_scalar(first, EPSILON), g.add_scalar(second, EPSILON));
            let lengths = g.mul(first, second);
            let inverse = g.rsqrt(lengths);
            let cosine = g.mul(common, inverse);
            let (similar, apart) = (g.is_number(x[2], 1.0), g.is_number(x[2], -1.0));
            let zero = g.scalar(g.dtype(cosine), 0.0);
            let angle = g.one_minus(cosine);
            let excess = g.add_scalar(cosine, -margin);
            let excess = g.at_least(excess, 0.0);
            let (angle, excess) = (g.select(similar, angle, zero), g.select(apart, excess, zero));
            let losses = g.add(angle, excess);
            g.reduce_loss(losses, reduction)
        })
    }
    /// max(0, margin + d(anchor, positive) - d(anchor, negative)) with d = |a - b + epsilon|_p along the last axis; slope as above 0
    /// at the kink.
    pub fn triplet_margin_loss(&mut self, anchor: Value, positive: Value, negative: Value, options: TripletMargin) -> Value {
        let TripletMargin { reduction, margin, p, epsilon, swap } = options;
        self.in_float("triplet_margin_loss", &[anchor, positive, negative], |g, x| {
            let near = g.pairwise_distance(x[0], x[1], p, epsilon, false);
            let mut far = g.pairwise_distance(x[0], x[2], p, epsilon, false);
            if swap {
                let other = g.pairwise_distance(x[1], x[2], p, epsilon, false);
                far = g.minimum(far, other);
            }
            let lag = g.sub(near, far);
            let lag = g.add_scalar(lag, margin);
            let losses = g.at_least(lag, 0.0);
            g.reduce_loss(losses, reduction)
        })
    }
}
