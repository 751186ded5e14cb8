//! Cross-entropy and the negative log-likelihood of classes.

use super::Reduction;
use crate::error::Error;
use crate::ir::Value;
use crate::ops::Trace;
use crate::ops::catalog::Values;
use crate::ops::composite::support::{YES, rows};
use crate::tensor::DType;

/// Options of [`Trace::cross_entropy`].
#[derive(Clone, Copy, Debug)]
pub struct CrossEntropy {
    pub reduction: Reduction,
    /// Samples with this class index count for nothing.
    pub ignore_index: i64,
    /// The share of the target that is spread over all classes, 0 to 1.
    pub label_smoothing: f64,
}

impl Default for CrossEntropy {
    fn default() -> CrossEntropy {
        CrossEntropy { reduction: Reduction::Mean, ignore_index: -100, label_smoothing: 0.0 }
    }
}

/// Options of [`Trace::nll_loss`].
#[derive(Clone, Copy, Debug)]
pub struct Nll {
    pub reduction: Reduction,
    /// Samples with this class index count for nothing.
    pub ignore_index: i64,
}

impl Default for Nll {
    fn default() -> Nll {
        Nll { reduction: Reduction::Mean, ignore_index: -100 }
    }
}

const REAL: Values = Values::Uniform(-2.0, 2.0);
const SHARE: Values = Values::Uniform(0.1, 1.0);
const SMOOTH: CrossEntropy = CrossEntropy { reduction: Reduction::Mean, ignore_index: 1, label_smoothing: 0.1 };

rows! {
    "cross_entropy", "-ln softmax(logits) at the target class", "logits [N, C, ...] or [C], classes [N, ...] -> [N, ...], reduced",
        "torch.nn.functional.cross_entropy", "", Float, YES =>
        |g, x| g.cross_entropy(x[0], x[1], CrossEntropy { label_smoothing: 0.1, ..CrossEntropy::default() }),
        [&[(&[4, 5], REAL), (&[4], Values::Integers(0, 5))], &[(&[2, 3, 4], REAL), (&[2, 4], Values::Integers(0, 3))]];
    "cross_entropy_weighted", "cross_entropy with weights of the classes", "logits [N, C, ...] or [C], classes [N, ...], weight [C] -> [N, ...], reduced",
        "torch.nn.functional.cross_entropy", "cross_entropy", Float, YES =>
        |g, x| g.cross_entropy_weighted(x[0], x[1], Some(x[2]), SMOOTH),
        [&[(&[4, 3], REAL), (&[4], Values::Integers(0, 3)), (&[3], SHARE)]];
    "cross_entropy_probabilities", "-sum target ln softmax(logits)", "logits, probabilities [N, C, ...] or [C] -> [N, ...], reduced",
        "torch.nn.functional.cross_entropy", "cross_entropy", Float, YES =>
        |g, x| g.cross_entropy_weighted(x[0], x[1], x.get(2).copied(), CrossEntropy { reduction: Reduction::Sum, ..CrossEntropy::default() }),
        [&[(&[4, 5], REAL), (&[4, 5], SHARE)], &[(&[2, 3], REAL), (&[2, 3], SHARE), (&[3], SHARE)]];
    "nll_loss", "-log_probabilities at the target class, times its weight", "log-probabilities [N, C, ...] or [C], classes [N, ...], weight [C] -> [N, ...], reduced",
        "torch.nn.functional.nll_loss", "", Float, YES =>
        |g, x| g.nll_loss(x[0], x[1], x.get(2).copied(), Nll { ignore_index: 1, reduction: if x.len() > 2 { Reduction::Sum } else { Reduction::Mean } }),
        [&[(&[5, 3], REAL), (&[5], Values::Integers(0, 3))], &[(&[3, 3, 2], REAL), (&[3, 2], Values::Integers(0, 3)), (&[3], SHARE)]];
    "softmax_cross_entropy_with_logits", "cross-entropy of each row", "logits [N, C], probabilities [N, C] or classes [N] -> [N]", "-",
        "mindspore.nn.SoftmaxCrossEntropyWithLogits", Float, YES =>
        |g, x| g.softmax_cross_entropy_with_logits(x[0], x[1]),
        [&[(&[2, 3], REAL), (&[2, 3], SHARE)], &[(&[2, 3], REAL), (&[2], Values::Integers(0, 3))]];
    "focal_loss", "-(1 - p)^gamma ln p with p the softmax at the target class", "logits [N, C, ...], classes [N, ...], weight [C] -> [N, ...], reduced",
        "-", "mindspore.nn.FocalLoss", Float, YES =>
        |g, x| g.focal_loss(x[0], x[1], x.get(2).copied(), 2.0, Reduction::Mean),
        [&[(&[3, 4], REAL), (&[3], Values::Integers(0, 4))], &[(&[2, 3, 2], REAL), (&[2, 2], Values::Integers(0, 3)), (&[3], SHARE)]];
}

/// Which class is meant for each sample, and which samples are.
pub(super) struct Classes {
    /// In the shape of the scores: true at the target.
    pub hit: Value,
    /// In the shape of the target: counts for nothing.
    pub skip: Value,
    /// In the shape of the target: no class and not to be skipped.
    pub outside: Value,
}

impl Trace {
    /// Cross-entropy of logits [N, C, ...] with classes along axis 1 (or [C] for one sample).
    ///
    /// `target` holds class indices (integers, the logits' shape without the class axis) or probabilities (floats, the logits'
    /// shape). The mean is over samples that are not ignored; if all are ignored it is NaN. A class index outside 0..C other
    /// than `ignore_index` makes the loss NaN, so that it is seen. 16-bit logits are taken to f32 and the result back: their sums of
    /// powers and of losses do not fit 16 bits.
    pub fn cross_entropy(&mut self, logits: Value, target: Value, options: CrossEntropy) -> Value {
        self.cross_entropy_weighted(logits, target, None, options)
    }
    /// [`Trace::cross_entropy`] with the losses of the classes multiplied by `weight` [C]. The mean of class indices is then divided by
    /// the sum of the weights of the targets.
    pub fn cross_entropy_weighted(&mut self, logits: Value, target: Value, weight: Option<Value>, options: CrossEntropy) -> Value {
        const NAME: &str = "cross_entropy";
        let CrossEntropy { reduction, ignore_index, label_smoothing } = options;
        if !(0.0..=1.0).contains(&label_smoothing) {
            return self.fail(Error::invalid(format!("{NAME}: label smoothing {label_smoothing} is not between 0 and 1")));
        }
        self.of_classes(NAME, logits, target, weight, |g, logits, target, weight, axis| {
            let classes = g.dims(logits)[axis];
            let log_probabilities = g.log_softmax(logits, axis);
            let smooth = label_smoothing / classes as f64;
            let weighted = |g: &mut Trace, terms: Value| match weight {
                Some(weight) => {
                    let weight = g.along(weight, logits, axis);
                    g.mul(terms, weight)
                }
                None => terms,
            };
            if g.dtype(target).is_float() {
                let (shape, wanted) = (g.shape(target), g.shape(logits));
                if shape != wanted {
                    return g.fail(Error::shape(format!("{NAME}: logits are {wanted}, the probabilities {shape}")));
                }
                let target = if label_smoothing > 0.0 {
                    let kept = g.mul_scalar(target, 1.0 - label_smoothing);
                    g.add_scalar(kept, smooth)
                } else {
                    target
                };
                let terms = g.mul(target, log_probabilities);
                let terms = weighted(g, terms);
                let sums = g.sum(terms, &[axis], false);
                let losses = g.neg(sums);
                return g.reduce_loss(losses, reduction);
            }
            let Some(found) = g.classes(NAME, logits, target, axis, ignore_index) else { return Value::INVALID };
            let terms = weighted(g, log_probabilities);
            let mut losses = g.at_classes(terms, &found, axis);
            if label_smoothing > 0.0 {
                let kept = g.mul_scalar(losses, 1.0 - label_smoothing);
                let all = g.sum(terms, &[axis], false);
                let spread = g.mul_scalar(all, -smooth);
                losses = g.add(kept, spread);
            }
            g.join_classes(losses, &found, weight, logits, axis, reduction)
        })
    }
    /// -x at the target class of log-probabilities x [N, C, ...] or [C], times the weight of the class; otherwise like
    /// [`Trace::cross_entropy`] of class indices.
    pub fn nll_loss(&mut self, x: Value, target: Value, weight: Option<Value>, options: Nll) -> Value {
        const NAME: &str = "nll_loss";
        self.of_classes(NAME, x, target, weight, |g, x, target, weight, axis| {
            let Some(found) = g.classes(NAME, x, target, axis, options.ignore_index) else { return Value::INVALID };
            let terms = match weight {
                Some(weight) => {
                    let weight = g.along(weight, x, axis);
                    g.mul(x, weight)
                }
                None => x,
            };
            let losses = g.at_classes(terms, &found, axis);
            g.join_classes(losses, &found, weight, x, axis, options.reduction)
        })
    }
    /// The cross-entropy of each row of logits [N, C] with probabilities [N, C] or classes [N].
    pub fn softmax_cross_entropy_with_logits(&mut self, logits: Value, target: Value) -> Value {
        if self.contains(logits) && self.rank(logits) != 2 {
            let shape = self.shape(logits);
            return self.fail(Error::shape(format!("softmax_cross_entropy_with_logits: the logits are {shape}, not [N, C]")));
        }
        self.cross_entropy(logits, target, CrossEntropy { reduction: Reduction::None, ..CrossEntropy::default() })
    }
    /// -(1 - p)^gamma ln p with p the softmax of logits [N, C, ...] at the target class, times the weight of the class
    /// (Lin et al., 2017). The mean is over all samples. A class index outside 0..C makes the loss NaN.
    pub fn focal_loss(&mut self, logits: Value, target: Value, weight: Option<Value>, gamma: f64, reduction: Reduction) -> Value {
        const NAME: &str = "focal_loss";
        if !(gamma >= 0.0 && gamma.is_finite()) {
            return self.fail(Error::invalid(format!("{NAME}: gamma is {gamma}, not a number from 0 on")));
        }
        self.of_classes(NAME, logits, target, weight, |g, logits, target, weight, axis| {
            let Some(found) = g.classes(NAME, logits, target, axis, i64::MIN) else { return Value::INVALID };
            let log_probabilities = g.log_softmax(logits, axis);
            let losses = g.at_classes(log_probabilities, &found, axis);
            let logarithm = g.neg(losses);
            let powers = g.expm1(logarithm);
            let missing = g.neg(powers);
            let exponent = g.scalar(g.dtype(missing), gamma);
            let focus = g.pow(missing, exponent);
            let mut losses = g.mul(focus, losses);
            if let Some(weight) = weight {
                let weight = g.along(weight, logits, axis);
                let weight = g.at_hit(weight, &found, axis);
                losses = g.mul(losses, weight);
            }
            g.reduce_loss(losses, reduction)
        })
    }

    // ---- what losses of classes share ----

    /// Scores with an axis of classes, a target, and weights of the classes: checked, and in one float dtype in `body`, which also gets
    /// the axis.
    pub(super) fn of_classes(
        &mut self,
        name: &str,
        scores: Value,
        target: Value,
        weight: Option<Value>,
        body: impl FnOnce(&mut Trace, Value, Value, Option<Value>, usize) -> Value,
    ) -> Value {
        let known: Vec<Value> = [scores, target].into_iter().chain(weight).collect();
        if !self.knows(name, &known) {
            return Value::INVALID;
        }
        let (shape, dtype) = (self.shape(scores), self.dtype(scores));
        if shape.rank() == 0 {
            return self.fail(Error::shape(format!("{name}: the logits are a scalar; they need an axis of classes")));
        }
        if !dtype.is_float() {
            return self.fail(Error::dtype(format!("{name}: the logits are {dtype}, not floats")));
        }
        let axis = if shape.rank() == 1 { 0 } else { 1 };
        let classes = shape.dims()[axis];
        if let Some(weight) = weight
            && self.dims(weight) != [classes]
        {
            let found = self.shape(weight);
            return self.fail(Error::shape(format!("{name}: weights of {classes} classes are [{classes}], not {found}")));
        }
        let inside = if dtype == DType::F64 { DType::F64 } else { DType::F32 };
        let wide = self.cast(scores, inside);
        let target = if self.dtype(target).is_float() { self.cast(target, inside) } else { self.cast(target, DType::I64) };
        let weight = weight.map(|weight| self.cast(weight, inside));
        let loss = body(self, wide, target, weight, axis);
        self.cast(loss, dtype)
    }
    /// Where the target classes of scores are.
    pub(super) fn classes(&mut self, name: &str, scores: Value, target: Value, axis: usize, ignore_index: i64) -> Option<Classes> {
        let (shape, found) = (self.shape(scores), self.shape(target));
        let mut expected = shape.dims().to_vec();
        let classes = expected.remove(axis);
        if self.dtype(target).is_float() {
            self.fail(Error::dtype(format!("{name}: the target holds {}, not class indices", self.dtype(target))));
            return None;
        }
        if found.dims() != expected {
            self.fail(Error::shape(format!("{name}: logits {shape} want class indices {expected:?}, not {found}")));
            return None;
        }
        // hit selects one element of each row, and all others become 0.
        let position = self.iota(DType::I64, shape.dims(), axis);
        let wanted = self.expand_like(target, scores, &[axis]);
        let hit = self.equal(position, wanted);
        let ignored = self.integer(DType::I64, ignore_index);
        let (none, count) = (self.integer(DType::I64, 0), self.integer(DType::I64, classes as i64));
        let skip = self.equal(target, ignored);
        let (under, over) = (self.less(target, none), self.greater_equal(target, count));
        let outside = self.logical_or(under, over);
        Some(Classes { hit, skip, outside })
    }
    /// The terms at the target, 0 where there is none.
    pub(super) fn at_hit(&mut self, terms: Value, found: &Classes, axis: usize) -> Value {
        let zero = self.scalar(self.dtype(terms), 0.0);
        let picked = self.select(found.hit, terms, zero);
        self.sum(picked, &[axis], false)
    }
    /// Minus the terms at the target; NaN where there is none.
    fn at_classes(&mut self, terms: Value, found: &Classes, axis: usize) -> Value {
        let picked = self.at_hit(terms, found, axis);
        let losses = self.neg(picked);
        self.spoil(losses, found)
    }
    /// Losses with NaN where the target is no class.
    pub(super) fn spoil(&mut self, losses: Value, found: &Classes) -> Value {
        let nan = self.scalar(self.dtype(losses), f64::NAN);
        self.select(found.outside, nan, losses)
    }
    /// A vector over the classes, along their axis in the shape of the scores.
    pub(super) fn along(&mut self, vector: Value, scores: Value, axis: usize) -> Value {
        self.broadcast_in(vector, &self.dims(scores), &[axis])
    }
    /// Losses joined, of which some are skipped, with the mean over the weights of the classes of those that are not.
    fn join_classes(
        &mut self,
        losses: Value,
        found: &Classes,
        weight: Option<Value>,
        scores: Value,
        axis: usize,
        reduction: Reduction,
    ) -> Value {
        let dtype = self.dtype(losses);
        let zero = self.scalar(dtype, 0.0);
        let losses = self.select(found.skip, zero, losses);
        if reduction != Reduction::Mean {
            return self.reduce_loss(losses, reduction);
        }
        let counted = match weight {
            Some(weight) => {
                let weight = self.along(weight, scores, axis);
                let weight = self.at_hit(weight, found, axis);
                self.select(found.skip, zero, weight)
            }
            None => {
                let counted = self.logical_not(found.skip);
                self.cast(counted, dtype)
            }
        };
        let total = self.reduce_loss(losses, Reduction::Sum);
        let count = self.reduce_loss(counted, Reduction::Sum);
        self.div(total, count)
    }
}
