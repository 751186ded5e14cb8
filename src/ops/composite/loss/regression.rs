//! Losses of numbers.

use super::Reduction;
use crate::error::Error;
use crate::ir::Value;
use crate::ops::Trace;
use crate::ops::catalog::Values;
use crate::ops::composite::support::{YES, rows};
use std::f64::consts::PI;

const REAL: Values = Values::Uniform(-2.0, 2.0);
const POSITIVE: Values = Values::Uniform(0.4, 2.0);

rows! {
    "mse_loss", "(prediction - target)^2", "x, target [...] -> [...], reduced", "torch.nn.functional.mse_loss", "", Float, YES =>
        |g, x| g.mse_loss(x[0], x[1], Reduction::Mean), [&[(&[3, 4], REAL), (&[3, 4], REAL)]];
    "l1_loss", "|prediction - target|", "x, target [...] -> [...], reduced", "torch.nn.functional.l1_loss", "", Float, YES =>
        |g, x| g.l1_loss(x[0], x[1], Reduction::Mean),
        [&[(&[3, 4], REAL), (&[3, 4], Values::Uniform(2.1, 3.0))], &[(&[2, 3], REAL), (&[2, 3], Values::Uniform(-3.0, -2.1))]];
    "smooth_l1_loss", "d^2 / (2 beta) where d = |prediction - target| < beta, else d - beta / 2", "x, target [...] -> [...], reduced", "torch.nn.functional.smooth_l1_loss", "",
        Float, YES =>
        |g, x| g.smooth_l1_loss(x[0], x[1], 0.7, Reduction::Mean), [&[(&[3, 4], REAL), (&[3, 4], REAL)]];
    "huber_loss", "d^2 / 2 where d = |prediction - target| <= delta, else delta (d - delta / 2)", "x, target [...] -> [...], reduced", "torch.nn.functional.huber_loss", "",
        Float, YES =>
        |g, x| g.huber_loss(x[0], x[1], 0.7, Reduction::BatchMean), [&[(&[3, 4], REAL), (&[3, 4], REAL)]];
    "rmse_loss", "the root of the mean of (prediction - target)^2", "x, target [...] -> [...], reduced", "-", "mindspore.nn.RMSELoss", Float, YES =>
        |g, x| g.rmse_loss(x[0], x[1]), [&[(&[3, 4], REAL), (&[3, 4], REAL)]];
    "poisson_nll_loss", "the negative log-likelihood of counts under a Poisson rate", "x, target [...] -> [...], reduced", "torch.nn.functional.poisson_nll_loss",
        "mindspore.nn.PoissonNLLLoss", Float, YES =>
        |g, x| g.poisson_nll_loss(x[0], x[1], false, true, 1e-8, Reduction::Mean),
        [&[(&[2, 3], POSITIVE), (&[2, 3], Values::Uniform(1.2, 3.0))], &[(&[2, 3], POSITIVE), (&[2, 3], Values::Uniform(0.2, 0.9))]];
    "gaussian_nll_loss", "the negative log-likelihood of numbers under means and variances", "x, target [...], variance broadcasts to them",
        "torch.nn.functional.gaussian_nll_loss", "", Float, YES =>
        |g, x| g.gaussian_nll_loss(x[0], x[1], x[2], true, 1e-6, Reduction::Mean),
        [&[(&[2, 3], REAL), (&[2, 3], REAL), (&[2, 3], POSITIVE)], &[(&[2, 3], REAL), (&[2, 3], REAL), (&[2, 1], POSITIVE)]];
    "dice_loss", "1 - 2 sum x y / (sum x^2 + sum y^2 + smooth)", "x, target [...] -> [...], reduced", "-", "mindspore.nn.DiceLoss", Float, YES =>
        |g, x| g.dice_loss(x[0], x[1], 1e-5), [&[(&[2, 3], POSITIVE), (&[2, 3], POSITIVE)]];
}

impl Trace {
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
    /// |prediction - target|; shapes are equal; slope 0 where they meet.
    pub fn l1_loss(&mut self, prediction: Value, target: Value, reduction: Reduction) -> Value {
        self.loss_of("l1_loss", prediction, target, reduction, |g, x, y| {
            let difference = g.sub(x, y);
            g.abs(difference)
        })
    }
    /// d^2 / (2 beta) where d = |prediction - target| is below `beta`, else d - beta / 2; beta 0 is [`Trace::l1_loss`].
    pub fn smooth_l1_loss(&mut self, prediction: Value, target: Value, beta: f64, reduction: Reduction) -> Value {
        if !(beta >= 0.0 && beta.is_finite()) {
            return self.fail(Error::invalid(format!("smooth_l1_loss: beta is {beta}, not a number from 0 on")));
        }
        if beta == 0.0 {
            return self.l1_loss(prediction, target, reduction);
        }
        self.loss_of("smooth_l1_loss", prediction, target, reduction, |g, x, y| {
            let difference = g.sub(x, y);
            let distance = g.abs(difference);
            let square = g.square(difference);
            let curve = g.mul_scalar(square, 0.5 / beta);
            let line = g.add_scalar(distance, -0.5 * beta);
            let bound = g.scalar(g.dtype(distance), beta);
            let near = g.less(distance, bound);
            g.select(near, curve, line)
        })
    }
    /// d^2 / 2 where d = |prediction - target| is at most `delta`, else delta (d - delta / 2).
    pub fn huber_loss(&mut self, prediction: Value, target: Value, delta: f64, reduction: Reduction) -> Value {
        if !(delta > 0.0 && delta.is_finite()) {
            return self.fail(Error::invalid(format!("huber_loss: delta is {delta}, not a positive number")));
        }
        self.loss_of("huber_loss", prediction, target, reduction, |g, x, y| {
            let difference = g.sub(x, y);
            let distance = g.abs(difference);
            let square = g.square(difference);
            let curve = g.mul_scalar(square, 0.5);
            let line = g.add_scalar(distance, -0.5 * delta);
            let line = g.mul_scalar(line, delta);
            let bound = g.scalar(g.dtype(distance), delta);
            let near = g.less_equal(distance, bound);
            g.select(near, curve, line)
        })
    }
    /// The root of the mean of (prediction - target)^2; slope 0 where it is 0.
    pub fn rmse_loss(&mut self, prediction: Value, target: Value) -> Value {
        self.loss_of("rmse_loss", prediction, target, Reduction::None, |g, x, y| {
            let mean = g.mse_loss(x, y, Reduction::Mean);
            g.root(mean)
        })
    }
    /// e^x - y x of logarithms of rates (`log_input`), or x - y ln(x + epsilon) of rates. `full` adds Stirling's y ln y - y + ln(2 pi y) / 2
    /// where y > 1.
    pub fn poisson_nll_loss(&mut self, x: Value, target: Value, log_input: bool, full: bool, epsilon: f64, reduction: Reduction) -> Value {
        self.loss_of("poisson_nll_loss", x, target, reduction, |g, x, y| {
            let (rate, logarithm) = if log_input {
                (g.exp(x), x)
            } else {
                let lifted = g.add_scalar(x, epsilon);
                (x, g.log(lifted))
            };
            let seen = g.mul(y, logarithm);
            let losses = g.sub(rate, seen);
            if !full {
                return losses;
            }
            let one = g.scalar(g.dtype(y), 1.0);
            let many = g.greater(y, one);
            let count = g.select(many, y, one);
            let logarithm = g.log(count);
            let bulk = g.mul(count, logarithm);
            let rest = g.mul_scalar(logarithm, 0.5);
            let rest = g.add_scalar(rest, 0.5 * (2.0 * PI).ln());
            let term = g.sub(bulk, count);
            let term = g.add(term, rest);
            let zero = g.scalar(g.dtype(y), 0.0);
            let term = g.select(many, term, zero);
            g.add(losses, term)
        })
    }
    /// (ln v + (x - y)^2 / v) / 2 with v the variance, at least `epsilon`, below which the gradient passes as at it; `full` adds ln(2 pi) / 2.
    /// The variance broadcasts.
    pub fn gaussian_nll_loss(&mut self, x: Value, target: Value, variance: Value, full: bool, epsilon: f64, reduction: Reduction) -> Value {
        if !self.same_shapes("gaussian_nll_loss", x, target) {
            return Value::INVALID;
        }
        self.in_float("gaussian_nll_loss", &[x, target, variance], |g, operands| {
            let variance = g.lifted(operands[2], epsilon);
            let variance = g.broadcast_to(variance, &g.dims(operands[0]));
            let difference = g.sub(operands[0], operands[1]);
            let square = g.square(difference);
            let scaled = g.div(square, variance);
            let logarithm = g.log(variance);
            let sum = g.add(logarithm, scaled);
            let mut losses = g.mul_scalar(sum, 0.5);
            if full {
                losses = g.add_scalar(losses, 0.5 * (2.0 * PI).ln());
            }
            g.reduce_loss(losses, reduction)
        })
    }
    /// 1 - 2 sum x y / (sum x^2 + sum y^2 + smooth) over all elements.
    pub fn dice_loss(&mut self, prediction: Value, target: Value, smooth: f64) -> Value {
        self.loss_of("dice_loss", prediction, target, Reduction::None, |g, x, y| {
            let common = g.mul(x, y);
            let (x, y) = (g.square(x), g.square(y));
            let [common, x, y] = [common, x, y].map(|terms| g.reduce_loss(terms, Reduction::Sum));
            let both = g.add(x, y);
            let both = g.add_scalar(both, smooth);
            let share = g.div(common, both);
            let share = g.mul_scalar(share, 2.0);
            g.one_minus(share)
        })
    }
}
