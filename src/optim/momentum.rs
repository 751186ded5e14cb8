//! Stochastic gradient descent with momentum.

use crate::context::Context;
use crate::error::Result;
use crate::ir::Value;
use crate::ops::Trace;
use crate::optim::{Hyper, Hyperparameter, Optimizer, ParameterGroup, Range, Rule, Updated};

/// Options of [`momentum`].
#[derive(Clone, Copy, Debug)]
pub struct MomentumOptions {
    /// Default 0.1.
    pub learning_rate: f64,
    /// Default 0.9.
    pub momentum: f64,
    /// Added to the gradient times the parameter. Default 0.
    pub weight_decay: f64,
    /// Gradients are divided by it before anything else; `None` for gradients of an unscaled loss, which have no such hyperparameter.
    pub loss_scale: Option<f64>,
    /// Looks ahead by the momentum. Default false.
    pub nesterov: bool,
}

impl Default for MomentumOptions {
    fn default() -> MomentumOptions {
        MomentumOptions { learning_rate: 0.1, momentum: 0.9, weight_decay: 0.0, loss_scale: None, nesterov: false }
    }
}

/// The optimizer: v <- momentum v + g; w <- w - learning_rate v, or w - learning_rate (g + momentum v) with nesterov (Sutskever et al., 2013),
/// where g is the gradient / loss_scale + weight_decay w.
///
/// Slot `momentum`. Fails as [`Optimizer::new`] does.
pub fn momentum(context: &Context, groups: Vec<ParameterGroup>, options: MomentumOptions) -> Result<Optimizer> {
    let rule = Momentum { nesterov: options.nesterov, scaled: options.loss_scale.is_some() };
    let mut values = vec![("learning_rate", options.learning_rate), ("momentum", options.momentum), ("weight_decay", options.weight_decay)];
    values.extend(options.loss_scale.map(|scale| ("loss_scale", scale)));
    Optimizer::new(context, Box::new(rule), groups, &values)
}

struct Momentum {
    nesterov: bool,
    scaled: bool,
}

impl Rule for Momentum {
    fn name(&self) -> &'static str {
        "Momentum"
    }
    fn slots(&self) -> &'static [&'static str] {
        &["momentum"]
    }
    fn hyperparameters(&self) -> Vec<Hyperparameter> {
        let mut all = vec![
            Hyperparameter::new("learning_rate", 0.1, Range::NotNegative),
            Hyperparameter::new("momentum", 0.9, Range::NotNegative),
            Hyperparameter::new("weight_decay", 0.0, Range::NotNegative),
        ];
        all.extend(loss_scale(self.scaled));
        all
    }
    fn factors(&self, g: &mut Trace, hyper: &Hyper) -> Vec<Value> {
        let mut factors = vec![hyper.get(g, "learning_rate"), hyper.get(g, "momentum")];
        factors.extend(decay_factors(g, hyper, self.scaled));
        factors
    }
    fn update(&self, g: &mut Trace, w: Value, grad: Value, slots: &[Value], factors: &[Value]) -> Updated {
        let (learning_rate, momentum) = (factors[0], factors[1]);
        let grad = decayed(g, w, grad, &factors[2..]);
        let kept = g.mul(slots[0], momentum);
        let velocity = g.add(kept, grad);
        let direction = if self.nesterov {
            let ahead = g.mul(velocity, momentum);
            g.add(grad, ahead)
        } else {
            velocity
        };
        let step = g.mul(direction, learning_rate);
        Updated { weight: g.sub(w, step), slots: vec![velocity] }
    }
}

/// The hyperparameter that optimizers for scaled losses have.
pub(super) fn loss_scale(scaled: bool) -> Option<Hyperparameter> {
    scaled.then(|| Hyperparameter::new("loss_scale", 1.0, Range::Positive))
}

/// Factors for [`decayed`]: the weight decay, and 1 / loss_scale where there is one.
pub(super) fn decay_factors(g: &mut Trace, hyper: &Hyper, scaled: bool) -> Vec<Value> {
    let mut factors = vec![hyper.get(g, "weight_decay")];
    factors.extend(unscale_factor(g, hyper, scaled));
    factors
}

/// 1 / loss_scale, where there is one.
pub(super) fn unscale_factor(g: &mut Trace, hyper: &Hyper, scaled: bool) -> Option<Value> {
    scaled.then(|| {
        let scale = hyper.get(g, "loss_scale");
        g.reciprocal(scale)
    })
}

/// grad / loss_scale + weight_decay w.
pub(super) fn decayed(g: &mut Trace, w: Value, grad: Value, factors: &[Value]) -> Value {
    let grad = factors.get(1).map_or(grad, |unscale| g.mul(grad, *unscale));
    let decay = g.mul(w, factors[0]);
    g.add(grad, decay)
}
