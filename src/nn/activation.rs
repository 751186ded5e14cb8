//! Activations as cells: one table.

use crate::context::Context;
use crate::error::{Error, Result, Status};
use crate::ir::Value;
use crate::nn::{Cell, Construct, one_input};
use crate::ops::Trace;

/// An elementwise activation, or a softmax along an axis (negative axes count from the last).
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Activation {
    Relu,
    Relu6,
    /// x, or alpha x below 0.
    LeakyRelu {
        alpha: f64,
    },
    /// x, or alpha (e^x - 1) below 0.
    Elu {
        alpha: f64,
    },
    /// `approximate` takes the tanh form.
    Gelu {
        approximate: bool,
    },
    Silu,
    Sigmoid,
    LogSigmoid,
    Tanh,
    Softplus,
    HardSwish,
    HardSigmoid,
    Softmax {
        axis: i64,
    },
    LogSoftmax {
        axis: i64,
    },
}

/// Every activation with its name and its defaults, which are MindSpore's.
pub const ACTIVATIONS: &[(&str, Activation)] = &[
    ("relu", Activation::Relu),
    ("relu6", Activation::Relu6),
    ("leaky_relu", Activation::LeakyRelu { alpha: 0.2 }),
    ("elu", Activation::Elu { alpha: 1.0 }),
    ("gelu", Activation::Gelu { approximate: true }),
    ("silu", Activation::Silu),
    ("sigmoid", Activation::Sigmoid),
    ("log_sigmoid", Activation::LogSigmoid),
    ("tanh", Activation::Tanh),
    ("softplus", Activation::Softplus),
    ("hard_swish", Activation::HardSwish),
    ("hard_sigmoid", Activation::HardSigmoid),
    ("softmax", Activation::Softmax { axis: -1 }),
    ("log_softmax", Activation::LogSoftmax { axis: -1 }),
];

impl Activation {
    /// The activation of this name with its defaults. Fails with NOT_FOUND.
    pub fn from_name(name: &str) -> Result<Activation> {
        ACTIVATIONS.iter().find(|(known, _)| *known == name).map(|(_, activation)| *activation).ok_or_else(|| {
            let known: Vec<&str> = ACTIVATIONS.iter().map(|(name, _)| *name).collect();
            Error::new(Status::NotFound, format!("there is no activation {name:?}; there are {}", known.join(", ")))
        })
    }
    pub fn name(&self) -> &'static str {
        let same = |other: &Activation| std::mem::discriminant(other) == std::mem::discriminant(self);
        ACTIVATIONS.iter().find(|(_, activation)| same(activation)).map_or("activation", |(name, _)| name)
    }
    /// Records the activation of x.
    pub fn record(&self, g: &mut Trace, x: Value) -> Value {
        match *self {
            Activation::Relu => g.relu(x),
            Activation::Relu6 => g.relu6(x),
            Activation::LeakyRelu { alpha } => g.leaky_relu(x, alpha),
            Activation::Elu { alpha } => g.elu(x, alpha),
            Activation::Gelu { approximate } => g.gelu(x, approximate),
            Activation::Silu => g.silu(x),
            Activation::Sigmoid => g.sigmoid(x),
            Activation::LogSigmoid => g.log_sigmoid(x),
            Activation::Tanh => g.tanh(x),
            Activation::Softplus => g.softplus(x),
            Activation::HardSwish => g.hard_swish(x),
            Activation::HardSigmoid => g.hard_sigmoid(x),
            Activation::Softmax { axis } => with_axis(g, x, axis, Trace::softmax),
            Activation::LogSoftmax { axis } => with_axis(g, x, axis, Trace::log_softmax),
        }
    }
}

fn with_axis(g: &mut Trace, x: Value, axis: i64, record: fn(&mut Trace, Value, usize) -> Value) -> Value {
    let rank = g.rank(x) as i64;
    match usize::try_from(if axis < 0 { axis + rank } else { axis }) {
        Ok(axis) => record(g, x, axis),
        Err(_) => {
            let shape = g.shape(x);
            g.fail(Error::shape(format!("there is no axis {axis} in {shape}")))
        }
    }
}

/// A cell that applies an activation to its one input.
pub fn activation(context: &Context, activation: Activation) -> Cell {
    Cell::new(context, Box::new(activation))
}

impl Construct for Activation {
    fn kind(&self) -> &str {
        self.name()
    }
    fn construct(&self, _: &Cell, g: &mut Trace, inputs: &[Value]) -> Vec<Value> {
        let x = one_input(self.name(), g, inputs);
        vec![self.record(g, x)]
    }
    fn depends_on_training(&self) -> bool {
        false
    }
}
