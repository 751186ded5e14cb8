//! Losses.

use crate::error::Error;
use crate::ir::Value;
use crate::ops::Trace;
use crate::ops::catalog::{Differentiable, Domain, Row, Values};
use crate::tensor::DType;

/// How the losses of the elements become the result.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Reduction {
    Mean,
    Sum,
    None,
}

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

const REAL: Values = Values::Uniform(-2.0, 2.0);

pub(in crate::ops) const ROWS: &[Row] = &[
    Row {
        name: "cross_entropy",
        meaning: "-ln softmax(logits) at the target class",
        domain: Domain::Float,
        differentiable: Differentiable::Yes,
        shapes: "logits [N, C, ...], classes [N, ...] -> [], or [N, ...] without reduction",
        torch: "torch.nn.functional.cross_entropy",
        build: |g, x| g.cross_entropy(x[0], x[1], CrossEntropy { label_smoothing: 0.1, ..CrossEntropy::default() }),
        samples: &[&[(&[4, 5], REAL), (&[4], Values::Integers(0, 5))], &[(&[2, 3, 4], REAL), (&[2, 4], Values::Integers(0, 3))]],
        ..Row::COMMON
    },
    Row {
        name: "cross_entropy_probabilities",
        meaning: "-sum target ln softmax(logits)",
        domain: Domain::Float,
        differentiable: Differentiable::Yes,
        shapes: "logits [N, C, ...], probabilities [N, C, ...] -> [], or [N, ...] without reduction",
        torch: "torch.nn.functional.cross_entropy",
        mindspore: "mindspore.ops.cross_entropy",
        build: |g, x| g.cross_entropy(x[0], x[1], CrossEntropy { reduction: Reduction::Sum, ..CrossEntropy::default() }),
        samples: &[&[(&[4, 5], REAL), (&[4, 5], Values::Uniform(0.1, 1.0))]],
        ..Row::COMMON
    },
    Row {
        name: "mse_loss",
        meaning: "(prediction - target)^2",
        domain: Domain::Float,
        differentiable: Differentiable::Yes,
        shapes: "both [...] -> [], or [...] without reduction",
        torch: "torch.nn.functional.mse_loss",
        build: |g, x| g.mse_loss(x[0], x[1], Reduction::Mean),
        samples: &[&[(&[3, 4], REAL), (&[3, 4], REAL)]],
        ..Row::COMMON
    },
];

impl Trace {
    /// The losses of the elements joined: their mean, their sum, or themselves.
    pub fn reduce_loss(&mut self, losses: Value, reduction: Reduction) -> Value {
        let axes: Vec<usize> = (0..self.rank(losses)).collect();
        match reduction {
            Reduction::Mean => self.mean(losses, &axes, false),
            Reduction::Sum => self.sum(losses, &axes, false),
            Reduction::None => losses,
        }
    }
    /// (prediction - target)^2; shapes are equal.
    pub fn mse_loss(&mut self, prediction: Value, target: Value, reduction: Reduction) -> Value {
        let (p, t) = (self.shape(prediction), self.shape(target));
        if self.contains(prediction) && self.contains(target) && p != t {
            return self.fail(Error::shape(format!("mse_loss: the prediction is {p}, the target {t}")));
        }
        let difference = self.sub(prediction, target);
        let losses = self.square(difference);
        self.reduce_loss(losses, reduction)
    }
    /// Cross-entropy of logits [N, C, ...] with classes along axis 1 (or [C] for one sample).
    ///
    /// `target` holds class indices (integers, the logits' shape without the class axis) or probabilities (floats, the logits'
    /// shape). The mean is over samples that are not ignored; if all are ignored it is NaN. A class index outside 0..C other
    /// than `ignore_index` makes the loss NaN, so that it is seen. 16-bit logits are taken to f32 and the result back: their sums of
    /// powers and of losses do not fit 16 bits.
    pub fn cross_entropy(&mut self, logits: Value, target: Value, options: CrossEntropy) -> Value {
        if !self.contains(logits) || !self.contains(target) {
            return self.add(logits, target);
        }
        let CrossEntropy { reduction, ignore_index, label_smoothing } = options;
        let (shape, target_shape) = (self.shape(logits), self.shape(target));
        if !(0.0..=1.0).contains(&label_smoothing) {
            return self.fail(Error::invalid(format!("cross_entropy: label smoothing {label_smoothing} is not between 0 and 1")));
        }
        if shape.rank() == 0 {
            return self.fail(Error::shape("cross_entropy: the logits are a scalar; they need an axis of classes".to_string()));
        }
        if !self.dtype(logits).is_float() {
            let dtype = self.dtype(logits);
            return self.fail(Error::dtype(format!("cross_entropy: the logits are {dtype}, not floats")));
        }
        if matches!(self.dtype(logits), DType::F16 | DType::BF16) {
            let dtype = self.dtype(logits);
            let wide = self.cast(logits, DType::F32);
            let loss = self.cross_entropy(wide, target, options);
            return self.cast(loss, dtype);
        }
        let axis = if shape.rank() == 1 { 0 } else { 1 };
        let classes = shape.dims()[axis];
        let log_probabilities = self.log_softmax(logits, axis);
        let smooth = label_smoothing / classes as f64;
        if self.dtype(target).is_float() {
            if target_shape != shape {
                return self.fail(Error::shape(format!("cross_entropy: logits are {shape}, the probabilities {target_shape}")));
            }
            let target = self.cast(target, self.dtype(logits));
            let target = if label_smoothing > 0.0 {
                let kept = self.mul_scalar(target, 1.0 - label_smoothing);
                self.add_scalar(kept, smooth)
            } else {
                target
            };
            let terms = self.mul(target, log_probabilities);
            let sums = self.sum(terms, &[axis], false);
            let losses = self.neg(sums);
            return self.reduce_loss(losses, reduction);
        }
        let mut expected = shape.dims().to_vec();
        expected.remove(axis);
        if target_shape.dims() != expected {
            return self.fail(Error::shape(format!("cross_entropy: logits {shape} want class indices {expected:?}, not {target_shape}")));
        }
        let dtype = self.dtype(logits);
        let target = self.cast(target, DType::I64);
        // The row of the logits at the target: hit selects one element, and all other terms are 0.
        let position = self.iota(DType::I64, shape.dims(), axis);
        let wanted = self.expand_like(target, logits, &[axis]);
        let hit = self.equal(position, wanted);
        let zero = self.scalar(dtype, 0.0);
        let picked = self.select(hit, log_probabilities, zero);
        let picked = self.sum(picked, &[axis], false);
        let mut losses = self.neg(picked);
        if label_smoothing > 0.0 {
            let kept = self.mul_scalar(losses, 1.0 - label_smoothing);
            let all = self.sum(log_probabilities, &[axis], false);
            let spread = self.mul_scalar(all, -smooth);
            losses = self.add(kept, spread);
        }
        let ignored = self.integer(DType::I64, ignore_index);
        let (none, count) = (self.integer(DType::I64, 0), self.integer(DType::I64, classes as i64));
        let skip = self.equal(target, ignored);
        let (under, over) = (self.less(target, none), self.greater_equal(target, count));
        let outside = self.logical_or(under, over);
        let nan = self.scalar(dtype, f64::NAN);
        let losses = self.select(outside, nan, losses);
        let losses = self.select(skip, zero, losses);
        if reduction != Reduction::Mean {
            return self.reduce_loss(losses, reduction);
        }
        let axes: Vec<usize> = (0..self.rank(losses)).collect();
        let total = self.sum(losses, &axes, false);
        let counted = self.logical_not(skip);
        let counted = self.cast(counted, dtype);
        let count = self.sum(counted, &axes, false);
        self.div(total, count)
    }
}
