//! Adam and AdamW.

use crate::context::Context;
use crate::error::Result;
use crate::ir::Value;
use crate::ops::Trace;
use crate::optim::momentum::{decay_factors, decayed, loss_scale, unscale_factor};
use crate::optim::{Hyper, Hyperparameter, Optimizer, ParameterGroup, Range, Rule, Updated};

/// Options of [`adam`].
#[derive(Clone, Copy, Debug)]
pub struct AdamOptions {
    /// Default 1e-3.
    pub learning_rate: f64,
    /// Decay of the mean of gradients. Default 0.9.
    pub beta1: f64,
    /// Decay of the mean of squared gradients. Default 0.999.
    pub beta2: f64,
    /// Keeps the divisor from 0. Default 1e-8.
    pub eps: f64,
    /// Added to the gradient times the parameter. Default 0.
    pub weight_decay: f64,
    /// Gradients are divided by it before anything else; `None` for gradients of an unscaled loss, which have no such hyperparameter.
    pub loss_scale: Option<f64>,
}

impl Default for AdamOptions {
    fn default() -> AdamOptions {
        AdamOptions { learning_rate: 1e-3, beta1: 0.9, beta2: 0.999, eps: 1e-8, weight_decay: 0.0, loss_scale: None }
    }
}

/// Options of [`adamw`].
#[derive(Clone, Copy, Debug)]
pub struct AdamWOptions {
    /// Default 1e-3.
    pub learning_rate: f64,
    /// Decay of the mean of gradients. Default 0.9.
    pub beta1: f64,
    /// Decay of the mean of squared gradients. Default 0.999.
    pub beta2: f64,
    /// Keeps the divisor from 0. Default 1e-8.
    pub eps: f64,
    /// The share of the parameter, times the learning rate, that each step takes away. Default 1e-2.
    pub weight_decay: f64,
    /// Gradients are divided by it before anything else; `None` for gradients of an unscaled loss, which have no such hyperparameter.
    pub loss_scale: Option<f64>,
}

impl Default for AdamWOptions {
    fn default() -> AdamWOptions {
        AdamWOptions { learning_rate: 1e-3, beta1: 0.9, beta2: 0.999, eps: 1e-8, weight_decay: 1e-2, loss_scale: None }
    }
}

/// The optimizer (Kingma & Ba, 2015): m <- beta1 m + (1 - beta1) g; v <- beta2 v + (1 - beta2) g^2;
/// w <- w - learning_rate / (1 - beta1^t) m / (sqrt(v) / sqrt(1 - beta2^t) + eps),
/// where g is the gradient / loss_scale + weight_decay w and t is 1 in the first step.
///
/// Slots `moment1`, `moment2`. Fails as [`Optimizer::new`] does.
pub fn adam(context: &Context, groups: Vec<ParameterGroup>, options: AdamOptions) -> Result<Optimizer> {
    let AdamOptions { learning_rate, beta1, beta2, eps, weight_decay, loss_scale } = options;
    build(context, groups, false, [learning_rate, beta1, beta2, eps, weight_decay], loss_scale)
}

/// Adam with decoupled weight decay (Loshchilov & Hutter, 2019): w <- (1 - learning_rate weight_decay) w first, and nothing of it in g.
///
/// Slots `moment1`, `moment2`. Fails as [`Optimizer::new`] does.
pub fn adamw(context: &Context, groups: Vec<ParameterGroup>, options: AdamWOptions) -> Result<Optimizer> {
    let AdamWOptions { learning_rate, beta1, beta2, eps, weight_decay, loss_scale } = options;
    build(context, groups, true, [learning_rate, beta1, beta2, eps, weight_decay], loss_scale)
}

const NAMES: [&str; 5] = ["learning_rate", "beta1", "beta2", "eps", "weight_decay"];

fn build(context: &Context, groups: Vec<ParameterGroup>, decoupled: bool, values: [f64; 5], scale: Option<f64>) -> Result<Optimizer> {
    let mut values: Vec<(&str, f64)> = NAMES.into_iter().zip(values).collect();
    values.extend(scale.map(|scale| ("loss_scale", scale)));
    Optimizer::new(context, Box::new(Adam { decoupled, scaled: scale.is_some() }), groups, &values)
}

struct Adam {
    decoupled: bool,
    scaled: bool,
}

/// Places in the factors; what follows them is for the weight decay and the loss scale.
const STEP_SIZE: usize = 0;
const ROOT_SCALE: usize = 1;
const EPS: usize = 2;
const BETA1: usize = 3;
const REST1: usize = 4;
const BETA2: usize = 5;
const REST2: usize = 6;
const DECAY: usize = 7;

impl Rule for Adam {
    fn name(&self) -> &'static str {
        if self.decoupled { "AdamW" } else { "Adam" }
    }
    fn slots(&self) -> &'static [&'static str] {
        &["moment1", "moment2"]
    }
    fn hyperparameters(&self) -> Vec<Hyperparameter> {
        let mut all = vec![
            Hyperparameter::new("learning_rate", 1e-3, Range::NotNegative),
            Hyperparameter::new("beta1", 0.9, Range::BelowOne),
            Hyperparameter::new("beta2", 0.999, Range::BelowOne),
            Hyperparameter::new("eps", 1e-8, Range::NotNegative),
            Hyperparameter::new("weight_decay", if self.decoupled { 1e-2 } else { 0.0 }, Range::NotNegative),
        ];
        all.extend(loss_scale(self.scaled));
        all
    }
    fn factors(&self, g: &mut Trace, hyper: &Hyper) -> Vec<Value> {
        let (beta1, beta2) = (hyper.get(g, "beta1"), hyper.get(g, "beta2"));
        let learning_rate = hyper.get(g, "learning_rate");
        let (power1, power2) = (g.pow(beta1, hyper.step), g.pow(beta2, hyper.step));
        let (corrected1, corrected2) = (g.one_minus(power1), g.one_minus(power2));
        let step_size = g.div(learning_rate, corrected1);
        let root_scale = g.rsqrt(corrected2);
        let eps = hyper.get(g, "eps");
        let (rest1, rest2) = (g.one_minus(beta1), g.one_minus(beta2));
        let mut factors = vec![step_size, root_scale, eps, beta1, rest1, beta2, rest2];
        if self.decoupled {
            let decay = hyper.get(g, "weight_decay");
            let taken = g.mul(learning_rate, decay);
            factors.push(g.one_minus(taken));
            factors.extend(unscale_factor(g, hyper, self.scaled));
        } else {
            factors.extend(decay_factors(g, hyper, self.scaled));
        }
        factors
    }
    fn update(&self, g: &mut Trace, w: Value, grad: Value, slots: &[Value], factors: &[Value]) -> Updated {
        let (w, grad) = if self.decoupled {
            let grad = factors.get(DECAY + 1).map_or(grad, |unscale| g.mul(grad, *unscale));
            (g.mul(w, factors[DECAY]), grad)
        } else {
            (w, decayed(g, w, grad, &factors[DECAY..]))
        };
        let (old1, new1) = (g.mul(slots[0], factors[BETA1]), g.mul(grad, factors[REST1]));
        let moment1 = g.add(old1, new1);
        let square = g.square(grad);
        let (old2, new2) = (g.mul(slots[1], factors[BETA2]), g.mul(square, factors[REST2]));
        let moment2 = g.add(old2, new2);
        let root = g.sqrt(moment2);
        let root = g.mul(root, factors[ROOT_SCALE]);
        let divisor = g.add(root, factors[EPS]);
        let direction = g.div(moment1, divisor);
        let step = g.mul(direction, factors[STEP_SIZE]);
        Updated { weight: g.sub(w, step), slots: vec![moment1, moment2] }
    }
}
