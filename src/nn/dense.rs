//! The fully connected layer.

use crate::context::Context;
use crate::error::{Error, Result};
use crate::ir::{Type, Value};
use crate::nn::{Activation, Cell, Construct, Initializer, Parameter, one_input};
use crate::ops::Trace;
use crate::tensor::{DType, Shape};

/// Options of [`dense`].
#[derive(Clone, Debug)]
pub struct DenseOptions {
    /// Whether there is a bias. Default true.
    pub has_bias: bool,
    /// Of the weight [out, in]; `None` for uniform within 1 / sqrt(in_channels).
    pub weight_init: Option<Initializer>,
    /// Of the bias [out]; `None` for uniform within 1 / sqrt(in_channels).
    pub bias_init: Option<Initializer>,
    /// Applied to the result. Default none.
    pub activation: Option<Activation>,
    /// Of the parameters: a float. Default f32.
    pub dtype: DType,
}

impl Default for DenseOptions {
    fn default() -> DenseOptions {
        DenseOptions { has_bias: true, weight_init: None, bias_init: None, activation: None, dtype: DType::F32 }
    }
}

struct Dense {
    weight: Parameter,
    bias: Option<Parameter>,
    activation: Option<Activation>,
    in_channels: usize,
}

/// y = activation(x W^T + b) on the last axis of x [..., in_channels]; parameters `weight` [out_channels, in_channels] and `bias`
/// [out_channels].
pub fn dense(context: &Context, in_channels: usize, out_channels: usize, options: DenseOptions) -> Result<Cell> {
    if in_channels == 0 || out_channels == 0 {
        return Err(Error::invalid(format!("Dense: {in_channels} inputs and {out_channels} outputs; both are at least 1")));
    }
    let DenseOptions { has_bias, weight_init, bias_init, activation, dtype } = options;
    if !dtype.is_float() {
        return Err(Error::dtype(format!("Dense: parameters are floats, not {dtype}")));
    }
    let weight_ty = Type::new(dtype, Shape::new(&[out_channels, in_channels])?);
    let weight = Parameter::new(context, "weight", weight_ty, weight_init.unwrap_or(Initializer::layer_default()), true)?;
    let bias = if has_bias {
        let bias_init = bias_init.unwrap_or(Initializer::Uniform(1.0 / (in_channels as f64).sqrt()));
        Some(Parameter::new(context, "bias", Type::new(dtype, Shape::new(&[out_channels])?), bias_init, true)?)
    } else {
        None
    };
    let cell = Cell::new(context, Box::new(Dense { weight: weight.clone(), bias: bias.clone(), activation, in_channels }));
    cell.insert_parameter("weight", &weight)?;
    if let Some(bias) = &bias {
        cell.insert_parameter("bias", bias)?;
    }
    Ok(cell)
}

impl Construct for Dense {
    fn kind(&self) -> &str {
        "Dense"
    }
    fn construct(&self, _: &Cell, g: &mut Trace, inputs: &[Value]) -> Vec<Value> {
        let x = one_input("Dense", g, inputs);
        let dims = g.dims(x);
        if g.contains(x) && dims.last() != Some(&self.in_channels) {
            let text = format!("Dense: the last axis of the input {dims:?} is not {}", self.in_channels);
            return vec![g.fail(Error::shape(text))];
        }
        let weight = self.weight.read(g);
        let bias = self.bias.as_ref().map(|bias| bias.read(g));
        let y = g.linear(x, weight, bias);
        vec![self.activation.map_or(y, |activation| activation.record(g, y))]
    }
    fn depends_on_training(&self) -> bool {
        false
    }
}
