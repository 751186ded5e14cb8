//! A model's parameters, and the layers that read them by name.

use crate::models::padded;
use std::collections::HashMap;
use tenon::ir::{Type, Value};
use tenon::nn::{Initializer, Parameter};
use tenon::ops::Trace;
use tenon::ops::composite::vision::Padding;
use tenon::tensor::Shape;
use tenon::{Context, DType, Result};

/// What a parameter holds at first.
#[derive(Clone, Copy)]
pub enum Init {
    /// Uniform within 1 / sqrt(this).
    Fan(usize),
    Normal,
    Constant(f64),
    /// This number in what is not trained but moved by the forward pass.
    Moving(f64),
}

pub struct Net {
    parameters: HashMap<String, Parameter>,
}

impl Net {
    pub fn new(context: &Context, parameters: &[(String, Vec<usize>, Init)]) -> Result<Net> {
        let mut made = HashMap::new();
        for (name, dims, init) in parameters {
            let (initializer, trained) = match *init {
                Init::Fan(fan) => (Initializer::Uniform(1.0 / (fan as f64).sqrt()), true),
                Init::Normal => (Initializer::Normal { sigma: 1.0, mean: 0.0 }, true),
                Init::Constant(value) => (Initializer::Constant(value), true),
                Init::Moving(value) => (Initializer::Constant(value), false),
            };
            made.insert(name.clone(), Parameter::new(context, name, Type::new(DType::F32, Shape::new(dims)?), initializer, trained)?);
        }
        Ok(Net { parameters: made })
    }
    pub fn parameter(&self, name: &str) -> &Parameter {
        self.parameters.get(name).unwrap_or_else(|| panic!("the model has no parameter {name}"))
    }
    pub fn read(&self, g: &mut Trace, name: &str) -> Value {
        self.parameter(name).read(g)
    }
    fn pair(&self, g: &mut Trace, name: &str) -> (Value, Value) {
        (self.read(g, &format!("{name}.weight")), self.read(g, &format!("{name}.bias")))
    }
    pub fn linear(&self, g: &mut Trace, name: &str, x: Value) -> Value {
        let (weight, bias) = self.pair(g, name);
        g.linear(x, weight, Some(bias))
    }
    pub fn convolution(&self, g: &mut Trace, name: &str, x: Value, padding: Padding) -> Value {
        let (weight, bias) = self.pair(g, name);
        g.conv(x, weight, Some(bias), &padded(padding))
    }
    pub fn layer_norm(&self, g: &mut Trace, name: &str, x: Value) -> Value {
        let (scale, offset) = self.pair(g, name);
        g.layer_norm(x, Some(scale), Some(offset), 1, 1e-5)
    }
    /// By the batch's own statistics, which move the running ones by a tenth.
    pub fn batch_norm(&self, g: &mut Trace, name: &str, x: Value) -> Value {
        let (scale, offset) = self.pair(g, name);
        let [y, mean, variance] = g.batch_norm_train(x, Some(scale), Some(offset), 1e-5);
        for (statistic, of_batch) in [("running_mean", mean), ("running_var", variance)] {
            let parameter = self.parameter(&format!("{name}.{statistic}"));
            let moving = parameter.read(g);
            let moved = g.moving_average(moving, of_batch, 0.9);
            g.assign(parameter.variable(), moved);
        }
        y
    }
}
