//! Losses of probabilities: of one class or of several that do not exclude one another, and of whole distributions.

use super::Reduction;
use crate::error::Error;
use crate::ir::Value;
use crate::ops::Trace;
use crate::ops::catalog::Values;
use crate::ops::composite::support::{YES, rows};

const REAL: Values = Values::Uniform(-2.0, 2.0);
const SHARE: Values = Values::Uniform(0.1, 0.9);

/// Options of [`Trace::bce_loss`].
#[derive(Clone, Copy, Debug)]
pub struct Bce {
    pub reduction: Reduction,
    /// The least that a logarithm counts: PyTorch's -100; MindSpore's is ln 1e-12.
    pub log_floor: f64,
}

impl Default for Bce {
    fn default() -> Bce {
        Bce { reduction: Reduction::Mean, log_floor: -100.0 }
    }
}

rows! {
    "bce_loss", "-(y ln x + (1 - y) ln(1 - x)) of probabilities", "x, target [...], weight broadcasts to them",
        "torch.nn.functional.binary_cross_entropy", "binary_cross_entropy", Float, YES =>
        |g, x| g.bce_loss(x[0], x[1], x.get(2).copied(), Bce::default()),
        [&[(&[2, 3], SHARE), (&[2, 3], SHARE)], &[(&[2, 3], SHARE), (&[2, 3], SHARE), (&[3], SHARE)]];
    "bce_with_logits_loss", "-(p y ln sigmoid(x) + (1 - y) ln sigmoid(-x))", "x, target [...], weight and positive weight broadcast to them",
        "torch.nn.functional.binary_cross_entropy_with_logits", "binary_cross_entropy_with_logits", Float, YES =>
        |g, x| g.bce_with_logits_loss(x[0], x[1], x.get(2).copied(), x.get(3).copied(), Reduction::Mean),
        [&[(&[2, 3], REAL), (&[2, 3], SHARE)], &[(&[2, 3], REAL), (&[2, 3], SHARE), (&[2, 1], SHARE), (&[3], SHARE)]];
    "kl_div_loss", "y (ln y - x) of log-probabilities x", "x, target [...] -> [...], reduced", "torch.nn.functional.kl_div", "kl_div", Float, YES =>
        |g, x| g.kl_div_loss(x[0], x[1], false, Reduction::BatchMean), [&[(&[2, 3], REAL), (&[2, 3], SHARE)]];
    "kl_div_loss_log_target", "e^y (y - x) of log-probabilities x and y", "x, target [...] -> [...], reduced", "torch.nn.functional.kl_div", "-", Float, YES =>
        |g, x| g.kl_div_loss(x[0], x[1], true, Reduction::Mean), [&[(&[2, 3], REAL), (&[2, 3], REAL)]];
    "multilabel_soft_margin_loss", "the mean over classes of the binary cross-entropy of logits",
        "x, target [..., C], weight broadcasts to them -> [...], reduced", "torch.nn.functional.multilabel_soft_margin_loss", "", Float, YES =>
        |g, x| g.multilabel_soft_margin_loss(x[0], x[1], x.get(2).copied(), Reduction::Sum),
        [&[(&[2, 3], REAL), (&[2, 3], SHARE)], &[(&[2, 3], REAL), (&[2, 3], SHARE), (&[3], SHARE)]];
}

impl Trace {
    /// -(y ln x + (1 - y) ln(1 - x)), times a weight that broadcasts. Logarithms are at least `log_floor`; below probabilities of 1e-12
    /// their slope stays 1e12, so that a wrong certainty is unlearned.
    pub fn bce_loss(&mut self, x: Value, target: Value, weight: Option<Value>, options: Bce) -> Value {
        let Bce { reduction, log_floor } = options;
        if log_floor.is_nan() || log_floor > 0.0 {
            return self.fail(Error::invalid(format!("bce_loss: {log_floor} is above the logarithm of a probability")));
        }
        self.weighted("bce_loss", x, target, &[weight], reduction, |g, x, y, _| {
            let (other_x, other_y) = (g.one_minus(x), g.one_minus(y));
            let (log_x, log_other) = (g.floored_log(x, log_floor), g.floored_log(other_x, log_floor));
            let (seen, unseen) = (g.mul(y, log_x), g.mul(other_y, log_other));
            let sum = g.add(seen, unseen);
            g.neg(sum)
        })
    }
    /// -(p y ln sigmoid(x) + (1 - y) ln sigmoid(-x)) of logits, without overflow, times a weight; p weighs positive targets. Both broadcast.
    pub fn bce_with_logits_loss(
        &mut self,
        x: Value,
        target: Value,
        weight: Option<Value>,
        positive_weight: Option<Value>,
        reduction: Reduction,
    ) -> Value {
        self.weighted("bce_with_logits_loss", x, target, &[weight, positive_weight], reduction, |g, x, y, positive| {
            let (yes, no) = (g.log_sigmoid(x), g.softplus(x));
            let other = g.one_minus(y);
            let y = positive.map_or(y, |p| g.mul(p, y));
            let (seen, unseen) = (g.mul(y, yes), g.mul(other, no));
            g.sub(unseen, seen)
        })
    }
    /// The mean over the last axis, the classes, of [`Trace::bce_with_logits_loss`].
    pub fn multilabel_soft_margin_loss(&mut self, x: Value, target: Value, weight: Option<Value>, reduction: Reduction) -> Value {
        let name = "multilabel_soft_margin_loss";
        if !self.knows(name, &[x, target]) {
            return Value::INVALID;
        }
        if self.rank(x) == 0 {
            return self.fail(Error::shape(format!("{name}: the logits are a scalar; they need an axis of classes")));
        }
        let losses = self.bce_with_logits_loss(x, target, weight, None, Reduction::None);
        if !self.contains(losses) {
            return losses;
        }
        let means = self.mean(losses, &[self.rank(losses) - 1], false);
        self.reduce_loss(means, reduction)
    }
    /// y (ln y - x) of log-probabilities x and probabilities y, 0 where y is 0; with `log_target` y holds logarithms too.
    pub fn kl_div_loss(&mut self, x: Value, target: Value, log_target: bool, reduction: Reduction) -> Value {
        self.loss_of("kl_div_loss", x, target, reduction, |g, x, y| {
            if log_target {
                let (share, excess) = (g.exp(y), g.sub(y, x));
                return g.mul(share, excess);
            }
            let entropy = g.away_from_zero(y, |g, y| {
                let logarithm = g.log(y);
                g.mul(y, logarithm)
            });
            let crossed = g.mul(y, x);
            g.sub(entropy, crossed)
        })
    }

    /// A loss of x and a target of one shape with weights that broadcast: the first is multiplied in here, `body` gets the second.
    fn weighted(
        &mut self,
        name: &str,
        x: Value,
        target: Value,
        weights: &[Option<Value>],
        reduction: Reduction,
        body: impl FnOnce(&mut Trace, Value, Value, Option<Value>) -> Value,
    ) -> Value {
        if !self.same_shapes(name, x, target) {
            return Value::INVALID;
        }
        let operands: Vec<Value> = [x, target].into_iter().chain(weights.iter().flatten().copied()).collect();
        self.in_float(name, &operands, |g, operands| {
            let mut rest = operands[2..].iter().copied();
            let mut given = weights.iter().map(|weight| weight.and_then(|_| rest.next()));
            let (weight, other) = (given.next().flatten(), given.next().flatten());
            let mut losses = body(g, operands[0], operands[1], other);
            if let Some(weight) = weight {
                losses = g.mul(losses, weight);
            }
            if g.contains(losses) && g.shape(losses) != g.shape(operands[0]) {
                let (shape, wanted) = (g.shape(losses), g.shape(operands[0]));
                return g.fail(Error::shape(format!("{name}: weights make {shape} of the losses {wanted}")));
            }
            g.reduce_loss(losses, reduction)
        })
    }
    /// ln p, at least `floor`; the slope is 1 / p, and 1e12 for p below 1e-12.
    fn floored_log(&mut self, p: Value, floor: f64) -> Value {
        const LEAST: f64 = 1e-12;
        let dtype = self.dtype(p);
        let (least, one) = (self.scalar(dtype, LEAST), self.scalar(dtype, 1.0));
        let tiny = self.less(p, least);
        let usual = self.select(tiny, one, p);
        let usual = self.log(usual);
        let usual = self.at_least(usual, floor);
        let fixed = self.stop_gradient(p);
        let flat = self.log(fixed);
        let flat = self.at_least(flat, floor);
        let moved = self.sub(p, fixed);
        let moved = self.mul_scalar(moved, 1.0 / LEAST);
        let steep = self.add(flat, moved);
        self.select(tiny, steep, usual)
    }
}
