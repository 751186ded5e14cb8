//! Losses that ask for a margin between scores.

use super::Reduction;
use crate::error::Error;
use crate::ir::Value;
use crate::ops::Trace;
use crate::ops::catalog::Values;
use crate::ops::composite::support::{YES, rows};
use crate::tensor::DType;

/// Options of [`Trace::multi_margin_loss`].
#[derive(Clone, Copy, Debug)]
pub struct MultiMargin {
    pub reduction: Reduction,
    /// The power of each term: 1 or 2.
    pub power: u32,
    pub margin: f64,
}

impl Default for MultiMargin {
    fn default() -> MultiMargin {
        MultiMargin { reduction: Reduction::Mean, power: 1, margin: 1.0 }
    }
}

const REAL: Values = Values::Uniform(-2.0, 2.0);
const SIDE: Values = Values::Uniform(0.7, 1.3);

rows! {
    "margin_ranking_loss", "max(0, margin - y (x1 - x2))", "x1, x2, y broadcast", "torch.nn.functional.margin_ranking_loss", "", Float, YES =>
        |g, x| g.margin_ranking_loss(x[0], x[1], x[2], 0.5, Reduction::Mean),
        [&[(&[5], Values::Uniform(0.0, 1.0)), (&[5], Values::Uniform(0.3, 1.5)), (&[5], SIDE)]];
    "hinge_embedding_loss", "x where y = 1, max(0, margin - x) where y = -1", "x, target [...] -> [...], reduced", "torch.nn.functional.hinge_embedding_loss", "", Float, YES =>
        |g, x| {
            let two = g.scalar(DType::I64, 2.0);
            let y = g.mul(x[1], two);
            let y = g.add_scalar(y, -1.0);
            g.hinge_embedding_loss(x[0], y, 1.0, Reduction::Mean)
        },
        [&[(&[8], REAL), (&[8], Values::Integers(0, 2))]];
    "soft_margin_loss", "ln(1 + e^(-y x))", "x, target [...] -> [...], reduced", "torch.nn.functional.soft_margin_loss", "", Float, YES =>
        |g, x| g.soft_margin_loss(x[0], x[1], Reduction::Mean), [&[(&[2, 3], REAL), (&[2, 3], SIDE)]];
    "multi_margin_loss", "the mean over other classes of max(0, margin - x[y] + x)^p", "x [N, C] or [C], classes [N] or [], weight [C] -> [N] or [], reduced",
        "torch.nn.functional.multi_margin_loss", "", Float, YES =>
        |g, x| g.multi_margin_loss(x[0], x[1], x.get(2).copied(), MultiMargin { power: 2, margin: 0.9, ..MultiMargin::default() }),
        [&[(&[3, 4], REAL), (&[3], Values::Integers(0, 4))], &[(&[2, 3], REAL), (&[2], Values::Integers(0, 3)), (&[3], SIDE)]];
    "multilabel_margin_loss", "the mean over classes of max(0, 1 - x[target] + x[other])",
        "x [N, C] or [C], classes like x, up to the first negative one -> [N] or [], reduced", "torch.nn.functional.multilabel_margin_loss", "", Float, YES =>
        |g, x| g.multilabel_margin_loss(x[0], x[1], Reduction::Sum), [&[(&[3, 4], REAL), (&[3, 4], Values::Integers(-1, 4))]];
}

impl Trace {
    /// max(0, margin - y (x1 - x2)) with y = 1 where x1 should rank above x2, else -1; slope as above 0 at the kink.
    pub fn margin_ranking_loss(&mut self, x1: Value, x2: Value, y: Value, margin: f64, reduction: Reduction) -> Value {
        self.in_float("margin_ranking_loss", &[x1, x2, y], |g, x| {
            let lead = g.sub(x[0], x[1]);
            let lead = g.mul(x[2], lead);
            let lag = g.neg(lead);
            let lag = g.add_scalar(lag, margin);
            let losses = g.at_least(lag, 0.0);
            g.reduce_loss(losses, reduction)
        })
    }
    /// x where y = 1, max(0, margin - x) where y = -1; the sum of both where y is neither.
    pub fn hinge_embedding_loss(&mut self, x: Value, y: Value, margin: f64, reduction: Reduction) -> Value {
        self.loss_of("hinge_embedding_loss", x, y, reduction, |g, x, y| {
            let (similar, apart) = (g.is_number(y, 1.0), g.is_number(y, -1.0));
            let zero = g.scalar(g.dtype(x), 0.0);
            let lag = g.neg(x);
            let lag = g.add_scalar(lag, margin);
            let lag = g.at_least(lag, 0.0);
            let (lag, distance) = (g.select(similar, zero, lag), g.select(apart, zero, x));
            g.add(lag, distance)
        })
    }
    /// ln(1 + e^(-y x)), without overflow.
    pub fn soft_margin_loss(&mut self, x: Value, y: Value, reduction: Reduction) -> Value {
        self.loss_of("soft_margin_loss", x, y, reduction, |g, x, y| {
            let lead = g.mul(x, y);
            let lag = g.neg(lead);
            g.softplus(lag)
        })
    }
    /// For each sample the sum over the classes but the target of max(0, margin - x[target] + x)^power, divided by the number of classes,
    /// times the weight of the target. x is [N, C] or [C]. A class index outside 0..C makes the loss NaN.
    pub fn multi_margin_loss(&mut self, x: Value, target: Value, weight: Option<Value>, options: MultiMargin) -> Value {
        const NAME: &str = "multi_margin_loss";
        let MultiMargin { reduction, power, margin } = options;
        if power != 1 && power != 2 {
            return self.fail(Error::invalid(format!("{NAME}: the power is {power}, not 1 or 2")));
        }
        if self.contains(x) && self.rank(x) > 2 {
            let shape = self.shape(x);
            return self.fail(Error::shape(format!("{NAME}: the scores are {shape}, not [N, C] or [C]")));
        }
        self.of_classes(NAME, x, target, weight, |g, x, target, weight, axis| {
            let Some(found) = g.classes(NAME, x, target, axis, i64::MIN) else { return Value::INVALID };
            let count = g.dims(x)[axis];
            let own = g.at_hit(x, &found, axis);
            let own = g.expand_like(own, x, &[axis]);
            let lag = g.sub(x, own);
            let lag = g.add_scalar(lag, margin);
            let lag = g.relu(lag);
            let terms = if power == 2 { g.square(lag) } else { lag };
            let zero = g.scalar(g.dtype(x), 0.0);
            let terms = g.select(found.hit, zero, terms);
            let sums = g.sum(terms, &[axis], false);
            let mut losses = g.mul_scalar(sums, 1.0 / count as f64);
            if let Some(weight) = weight {
                let weight = g.along(weight, x, axis);
                let weight = g.at_hit(weight, &found, axis);
                losses = g.mul(losses, weight);
            }
            let losses = g.spoil(losses, &found);
            g.reduce_loss(losses, reduction)
        })
    }
    /// For each sample the sum over targets j and other classes i of max(0, 1 - x[j] + x[i]), divided by the number of classes. The
    /// targets are the class indices in front of the first negative one. x and target are [N, C] or [C]; a class index of C or more makes
    /// the loss NaN.
    pub fn multilabel_margin_loss(&mut self, x: Value, target: Value, reduction: Reduction) -> Value {
        const NAME: &str = "multilabel_margin_loss";
        if !self.same_shapes(NAME, x, target) {
            return Value::INVALID;
        }
        let shape = self.shape(x);
        if !matches!(shape.rank(), 1 | 2) || self.dtype(target).is_float() {
            let (x, target) = (self.ty(x), self.ty(target));
            return self.fail(Error::shape(format!("{NAME}: the scores are {x}, the targets {target}, not [N, C] or [C] and integers")));
        }
        let count = shape.dims()[shape.rank() - 1];
        let rows = shape.dims()[..shape.rank() - 1].to_vec();
        let samples: usize = rows.iter().product();
        let target = self.cast(target, DType::I64);
        self.in_float(NAME, &[x], |g, x| {
            let (x, target) = (g.reshape(x[0], &[samples, count]), g.reshape(target, &[samples, count]));
            let cube = [samples, count, count];
            let (none, over) = (g.integer(DType::I64, 0), g.integer(DType::I64, count as i64));
            // ended[n, j]: a negative index stands at or before place j.
            let negative = g.less(target, none);
            let negative = g.broadcast_in(negative, &cube, &[0, 2]);
            let (at, before) = (g.iota(DType::I64, &cube, 1), g.iota(DType::I64, &cube, 2));
            let reached = g.less_equal(before, at);
            let ended = g.logical_and(negative, reached);
            let ended = g.any(ended, &[2], false);
            let valid = g.logical_not(ended);
            // hit[n, j, i]: class i is the target at place j.
            let wanted = g.broadcast_in(target, &cube, &[0, 1]);
            let hit = g.equal(wanted, before);
            let valid_here = g.broadcast_in(valid, &cube, &[0, 1]);
            let hit = g.logical_and(hit, valid_here);
            let is_target = g.any(hit, &[1], false);
            let zero = g.scalar(g.dtype(x), 0.0);
            let scores = g.broadcast_in(x, &cube, &[0, 2]);
            let own = g.select(hit, scores, zero);
            let own = g.sum(own, &[2], false);
            let own = g.broadcast_in(own, &cube, &[0, 1]);
            let lag = g.sub(scores, own);
            let lag = g.add_scalar(lag, 1.0);
            let lag = g.relu(lag);
            let is_target = g.broadcast_in(is_target, &cube, &[0, 2]);
            let other = g.logical_not(is_target);
            let counts = g.logical_and(other, valid_here);
            let terms = g.select(counts, lag, zero);
            let sums = g.sum(terms, &[1, 2], false);
            let losses = g.mul_scalar(sums, 1.0 / count as f64);
            let beyond = g.greater_equal(target, over);
            let beyond = g.logical_and(beyond, valid);
            let beyond = g.any(beyond, &[1], false);
            let nan = g.scalar(g.dtype(losses), f64::NAN);
            let losses = g.select(beyond, nan, losses);
            let losses = g.reshape(losses, &rows);
            g.reduce_loss(losses, reduction)
        })
    }
    /// Where x is this number.
    pub(super) fn is_number(&mut self, x: Value, number: f64) -> Value {
        let number = self.scalar(self.dtype(x), number);
        self.equal(x, number)
    }
}
