//! Stochastic gradient descent.

use crate::context::Context;
use crate::error::{Error, Result};
use crate::ir::Value;
use crate::ops::Trace;
use crate::optim::momentum::{decay_factors, decayed, loss_scale};
use crate::optim::{Hyper, Hyperparameter, Optimizer, ParameterGroup, Range, Rule, Updated};

/// Options of [`sgd`].
#[derive(Clone, Copy, Debug)]
pub struct SgdOptions {
    /// Default 0.1.
    pub learning_rate: f64,
    /// Default 0: no slot is kept then, and there is no hyperparameter `momentum` or `dampening`.
    pub momentum: f64,
    /// How much less than all of the gradient enters the momentum, from the second step on. Default 0.
    pub dampening: f64,
    /// Added to the gradient times the parameter. Default 0.
    pub weight_decay: f64,
    /// Gradients are divided by it before anything else; `None` for gradients of an unscaled loss, which have no such hyperparameter.
    pub loss_scale: Option<f64>,
    /// Looks ahead by the momentum; needs one, and no dampening. Default false.
    pub nesterov: bool,
}

impl Default for SgdOptions {
    fn default() -> SgdOptions {
        SgdOptions { learning_rate: 0.1, momentum: 0.0, dampening: 0.0, weight_decay: 0.0, loss_scale: None, nesterov: false }
    }
}

/// The optimizer: w <- w - learning_rate g, where g is the gradient / loss_scale + weight_decay w. With momentum: b <- momentum b +
/// (1 - dampening) g, in the first step b <- g; w <- w - learning_rate b, or w - learning_rate (g + momentum b) with nesterov.
///
/// Slot `momentum`, if there is a momentum here or in a group. Fails as [`Optimizer::new`] does, and with INVALID_ARGUMENT for nesterov without
/// momentum or with dampening.
pub fn sgd(context: &Context, groups: Vec<ParameterGroup>, options: SgdOptions) -> Result<Optimizer> {
    let given = |name: &str| groups.iter().flat_map(|group| &group.hyperparameters).any(|(known, value)| known == name && *value != 0.0);
    let momentum = options.momentum != 0.0 || given("momentum");
    if options.nesterov && (!momentum || options.dampening != 0.0 || given("dampening")) {
        return Err(Error::invalid("SGD: nesterov needs a momentum and no dampening"));
    }
    if options.dampening != 0.0 && !momentum {
        return Err(Error::invalid(format!("SGD: a dampening of {} means nothing without momentum", options.dampening)));
    }
    let rule = Sgd { momentum, nesterov: options.nesterov, scaled: options.loss_scale.is_some() };
    let mut values = vec![("learning_rate", options.learning_rate), ("weight_decay", options.weight_decay)];
    if momentum {
        values.push(("momentum", options.momentum));
        if !options.nesterov {
            values.push(("dampening", options.dampening));
        }
    }
    values.extend(options.loss_scale.map(|scale| ("loss_scale", scale)));
    Optimizer::new(context, Box::new(rule), groups, &values)
}

struct Sgd {
    momentum: bool,
    nesterov: bool,
    scaled: bool,
}

impl Rule for Sgd {
    fn name(&self) -> &'static str {
        "SGD"
    }
    fn slots(&self) -> &'static [&'static str] {
        if self.momentum { &["momentum"] } else { &[] }
    }
    fn hyperparameters(&self) -> Vec<Hyperparameter> {
        let mut all = vec![
            Hyperparameter::new("learning_rate", 0.1, Range::NotNegative),
            Hyperparameter::new("weight_decay", 0.0, Range::NotNegative),
        ];
        if self.momentum {
            all.push(Hyperparameter::new("momentum", 0.0, Range::NotNegative));
            if !self.nesterov {
                all.push(Hyperparameter::new("dampening", 0.0, Range::BelowOne));
            }
        }
        all.extend(loss_scale(self.scaled));
        all
    }
    fn factors(&self, g: &mut Trace, hyper: &Hyper) -> Vec<Value> {
        let mut factors = vec![hyper.get(g, "learning_rate")];
        if self.momentum {
            factors.push(hyper.get(g, "momentum"));
            if !self.nesterov {
                // How much of the gradient enters: all of it in the first step, and without momentum.
                let (momentum, dampening) = (hyper.get(g, "momentum"), hyper.get(g, "dampening"));
                let rest = g.one_minus(dampening);
                let (zero, one) = (g.zeros_like(rest), g.ones_like(rest));
                let (first, none) = (g.equal(hyper.step, one), g.equal(momentum, zero));
                let whole = g.logical_or(first, none);
                factors.push(g.select(whole, one, rest));
            }
        }
        factors.extend(decay_factors(g, hyper, self.scaled));
        factors
    }
    fn update(&self, g: &mut Trace, w: Value, grad: Value, slots: &[Value], factors: &[Value]) -> Updated {
        let learning_rate = factors[0];
        let decay = if !self.momentum {
            1
        } else if self.nesterov {
            2
        } else {
            3
        };
        let grad = decayed(g, w, grad, &factors[decay..]);
        if !self.momentum {
            let step = g.mul(grad, learning_rate);
            return Updated { weight: g.sub(w, step), slots: Vec::new() };
        }
        let momentum = factors[1];
        let kept = g.mul(slots[0], momentum);
        let entering = if self.nesterov { grad } else { g.mul(grad, factors[2]) };
        let velocity = g.add(kept, entering);
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
