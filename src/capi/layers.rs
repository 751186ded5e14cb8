//! Chapter: built-in cells.

use crate::capi::arguments::{CBool, Out, init_options, options, read_options, size};
use crate::capi::cell::TenonCell;
use crate::capi::context::TenonContext;
use crate::capi::error::{TenonError, TenonStatus, boundary, boundary_status};
use crate::capi::handle::Owner;
use crate::capi::parameter::{TenonInitializerOptions, initializer};
use crate::capi::tensor::{TENON_F32, TenonDType};
use crate::context::Context;
use crate::error::{Error, Result};
use crate::nn::{self, ACTIVATIONS, Activation, Cell, DenseOptions, DropoutOptions, Initializer};
use crate::tensor::DType;

/// An activation with its defaults: one of the numbers below.
pub type TenonActivation = i32;

/// None.
pub const TENON_ACTIVATION_NONE: TenonActivation = 0;
/// max(x, 0).
pub const TENON_ACTIVATION_RELU: TenonActivation = 1;
/// x held between 0 and 6.
pub const TENON_ACTIVATION_RELU6: TenonActivation = 2;
/// x, or 0.2 x below 0.
pub const TENON_ACTIVATION_LEAKY_RELU: TenonActivation = 3;
/// x, or e^x - 1 below 0.
pub const TENON_ACTIVATION_ELU: TenonActivation = 4;
/// x times the normal distribution function, by its tanh approximation.
pub const TENON_ACTIVATION_GELU: TenonActivation = 5;
/// x sigmoid(x).
pub const TENON_ACTIVATION_SILU: TenonActivation = 6;
/// 1 / (1 + e^-x).
pub const TENON_ACTIVATION_SIGMOID: TenonActivation = 7;
/// ln sigmoid(x).
pub const TENON_ACTIVATION_LOG_SIGMOID: TenonActivation = 8;
/// The hyperbolic tangent.
pub const TENON_ACTIVATION_TANH: TenonActivation = 9;
/// ln(1 + e^x).
pub const TENON_ACTIVATION_SOFTPLUS: TenonActivation = 10;
/// x relu6(x + 3) / 6.
pub const TENON_ACTIVATION_HARD_SWISH: TenonActivation = 11;
/// relu6(x + 3) / 6.
pub const TENON_ACTIVATION_HARD_SIGMOID: TenonActivation = 12;
/// Softmax along the last axis.
pub const TENON_ACTIVATION_SOFTMAX: TenonActivation = 13;
/// Log-softmax along the last axis.
pub const TENON_ACTIVATION_LOG_SOFTMAX: TenonActivation = 14;

fn activation_of(number: TenonActivation) -> Result<Option<Activation>> {
    if number == TENON_ACTIVATION_NONE {
        return Ok(None);
    }
    let row = usize::try_from(number).ok().and_then(|number| ACTIVATIONS.get(number - 1));
    match row {
        Some((_, activation)) => Ok(Some(*activation)),
        None => Err(Error::invalid(format!("{number} is not an activation: those are 0 (none) to {}", ACTIVATIONS.len()))),
    }
}

fn new_cell(
    context: TenonContext,
    cell: *mut TenonCell,
    error: *mut TenonError,
    make: impl FnOnce(&Context) -> Result<Cell>,
) -> TenonStatus {
    boundary(error, || {
        let (context, owner) = Owner::context(context)?;
        let cell = Out::new(cell, "cell")?;
        cell.put_new(owner, make(&context)?)
    })
}

/// Makes a cell that hands its inputs to its first child, that one's outputs to the second, and so on, and returns the
/// outputs of the last; without children it returns its inputs. Children come with tenon_cell_insert_child. The caller
/// frees the handle. Any thread.
#[unsafe(no_mangle)]
pub extern "C" fn tenon_sequential_new(context: TenonContext, cell: *mut TenonCell, error: *mut TenonError) -> TenonStatus {
    new_cell(context, cell, error, |context| Ok(nn::sequential(context)))
}

/// Options of tenon_dense_new.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct TenonDenseOptions {
    /// sizeof(TenonDenseOptions), set by tenon_dense_options_init.
    pub struct_size: usize,
    /// Leaves the bias out. Default: false.
    pub no_bias: CBool,
    /// Applied to the result. Default: TENON_ACTIVATION_NONE.
    pub activation: TenonActivation,
    /// Of the parameters: a float. Default: TENON_F32.
    pub dtype: TenonDType,
    /// Of the weight. Default: NULL, uniform within 1 / sqrt(in_channels).
    pub weight_init: *const TenonInitializerOptions,
    /// Of the bias. Default: NULL, uniform within 1 / sqrt(in_channels).
    pub bias_init: *const TenonInitializerOptions,
}
options!(
    TenonDenseOptions { no_bias, activation, dtype, weight_init, bias_init }
        | options
        | if options.dtype == 0 {
            options.dtype = TENON_F32;
        }
);

/// Fills options with the defaults. `size` is sizeof(TenonDenseOptions). Refuses NULL and a size that is no options
/// struct's.
#[unsafe(no_mangle)]
pub extern "C" fn tenon_dense_options_init(options: *mut TenonDenseOptions, size: usize) -> TenonStatus {
    boundary_status(|| init_options(options, size))
}

/// Makes a fully connected layer: activation(x W^T + b) on the last dimension of x [..., in_channels], with parameters
/// "weight" [out_channels, in_channels] and "bias" [out_channels]. NULL options are the defaults. The caller frees the
/// handle.
///
/// Fails with TENON_INVALID_ARGUMENT for fewer than one channel, with TENON_DTYPE_MISMATCH for parameters that are not
/// floats. Any thread.
#[unsafe(no_mangle)]
pub extern "C" fn tenon_dense_new(
    context: TenonContext,
    in_channels: i64,
    out_channels: i64,
    options: *const TenonDenseOptions,
    cell: *mut TenonCell,
    error: *mut TenonError,
) -> TenonStatus {
    new_cell(context, cell, error, |context| {
        let given = read_options(options)?;
        let optional = |options: *const TenonInitializerOptions| -> Result<Option<Initializer>> {
            if options.is_null() { Ok(None) } else { initializer(options).map(Some) }
        };
        let options = DenseOptions {
            has_bias: !given.no_bias.get(),
            weight_init: optional(given.weight_init).map_err(|error| error.within("weight_init"))?,
            bias_init: optional(given.bias_init).map_err(|error| error.within("bias_init"))?,
            activation: activation_of(given.activation)?,
            dtype: DType::from_code(given.dtype)?,
        };
        nn::dense(context, size(in_channels, "in_channels")?, size(out_channels, "out_channels")?, options)
    })
}

/// Options of tenon_dropout_new.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct TenonDropoutOptions {
    /// sizeof(TenonDropoutOptions), set by tenon_dropout_options_init.
    pub struct_size: usize,
    /// The probability that an element is kept, above 0 and at most 1. Default: 0.5.
    pub keep_prob: f64,
    /// The probability that an element is dropped, below 1; counts instead of keep_prob if it is not 0. Default: 0.
    pub p: f64,
    /// Draws from the generator of op_seed (tenon_context_generator_for), not from the context's own. Networks that train
    /// at the same time should not share a generator. Default: false.
    pub has_op_seed: CBool,
    /// See above.
    pub op_seed: i64,
}
options!(
    TenonDropoutOptions { keep_prob, p, has_op_seed, op_seed }
        | options
        | if options.keep_prob == 0.0 {
            options.keep_prob = 0.5;
        }
);

/// Fills options with the defaults. `size` is sizeof(TenonDropoutOptions). Refuses NULL and a size that is no options
/// struct's.
#[unsafe(no_mangle)]
pub extern "C" fn tenon_dropout_options_init(options: *mut TenonDropoutOptions, size: usize) -> TenonStatus {
    boundary_status(|| init_options(options, size))
}

/// Makes a dropout layer: in training x mask / keep_prob, where the mask is 1 with probability keep_prob and 0 else; in
/// inference x. NULL options are the defaults. The caller frees the handle. Fails with TENON_INVALID_ARGUMENT for a
/// probability out of range. Any thread.
#[unsafe(no_mangle)]
pub extern "C" fn tenon_dropout_new(
    context: TenonContext,
    options: *const TenonDropoutOptions,
    cell: *mut TenonCell,
    error: *mut TenonError,
) -> TenonStatus {
    new_cell(context, cell, error, |context| {
        let TenonDropoutOptions { keep_prob, p, has_op_seed, op_seed, .. } = read_options(options)?;
        let options = DropoutOptions { keep_prob, p: (p != 0.0).then_some(p), seed: has_op_seed.get().then_some(op_seed) };
        nn::dropout(context, options)
    })
}

/// Makes a cell that joins the dimensions from start_dim to end_dim (both included, negative ones count from the last)
/// into one; the usual 1 and -1 keep the batch. The caller frees the handle. Any thread.
#[unsafe(no_mangle)]
pub extern "C" fn tenon_flatten_new(
    context: TenonContext,
    start_dim: i64,
    end_dim: i64,
    cell: *mut TenonCell,
    error: *mut TenonError,
) -> TenonStatus {
    new_cell(context, cell, error, |context| Ok(nn::flatten(context, start_dim, end_dim)))
}

/// Makes a cell that applies max(x, 0). The caller frees the handle. Any thread.
#[unsafe(no_mangle)]
pub extern "C" fn tenon_relu_new(context: TenonContext, cell: *mut TenonCell, error: *mut TenonError) -> TenonStatus {
    new_cell(context, cell, error, |context| Ok(nn::activation(context, Activation::Relu)))
}

/// Makes a cell that applies x held between 0 and 6. The caller frees the handle. Any thread.
#[unsafe(no_mangle)]
pub extern "C" fn tenon_relu6_new(context: TenonContext, cell: *mut TenonCell, error: *mut TenonError) -> TenonStatus {
    new_cell(context, cell, error, |context| Ok(nn::activation(context, Activation::Relu6)))
}

/// Makes a cell that applies x, or alpha x below 0. The caller frees the handle. Any thread.
#[unsafe(no_mangle)]
pub extern "C" fn tenon_leaky_relu_new(context: TenonContext, alpha: f64, cell: *mut TenonCell, error: *mut TenonError) -> TenonStatus {
    new_cell(context, cell, error, |context| Ok(nn::activation(context, Activation::LeakyRelu { alpha })))
}

/// Makes a cell that applies x, or alpha (e^x - 1) below 0. The caller frees the handle. Any thread.
#[unsafe(no_mangle)]
pub extern "C" fn tenon_elu_new(context: TenonContext, alpha: f64, cell: *mut TenonCell, error: *mut TenonError) -> TenonStatus {
    new_cell(context, cell, error, |context| Ok(nn::activation(context, Activation::Elu { alpha })))
}

/// Makes a cell that applies x times the normal distribution function, or its tanh approximation. The caller frees the handle. Any thread.
#[unsafe(no_mangle)]
pub extern "C" fn tenon_gelu_new(context: TenonContext, approximate: CBool, cell: *mut TenonCell, error: *mut TenonError) -> TenonStatus {
    new_cell(context, cell, error, |context| Ok(nn::activation(context, Activation::Gelu { approximate: approximate.get() })))
}

/// Makes a cell that applies x sigmoid(x). The caller frees the handle. Any thread.
#[unsafe(no_mangle)]
pub extern "C" fn tenon_silu_new(context: TenonContext, cell: *mut TenonCell, error: *mut TenonError) -> TenonStatus {
    new_cell(context, cell, error, |context| Ok(nn::activation(context, Activation::Silu)))
}

/// Makes a cell that applies 1 / (1 + e^-x). The caller frees the handle. Any thread.
#[unsafe(no_mangle)]
pub extern "C" fn tenon_sigmoid_new(context: TenonContext, cell: *mut TenonCell, error: *mut TenonError) -> TenonStatus {
    new_cell(context, cell, error, |context| Ok(nn::activation(context, Activation::Sigmoid)))
}

/// Makes a cell that applies ln sigmoid(x). The caller frees the handle. Any thread.
#[unsafe(no_mangle)]
pub extern "C" fn tenon_log_sigmoid_new(context: TenonContext, cell: *mut TenonCell, error: *mut TenonError) -> TenonStatus {
    new_cell(context, cell, error, |context| Ok(nn::activation(context, Activation::LogSigmoid)))
}

/// Makes a cell that applies the hyperbolic tangent. The caller frees the handle. Any thread.
#[unsafe(no_mangle)]
pub extern "C" fn tenon_tanh_new(context: TenonContext, cell: *mut TenonCell, error: *mut TenonError) -> TenonStatus {
    new_cell(context, cell, error, |context| Ok(nn::activation(context, Activation::Tanh)))
}

/// Makes a cell that applies ln(1 + e^x). The caller frees the handle. Any thread.
#[unsafe(no_mangle)]
pub extern "C" fn tenon_softplus_new(context: TenonContext, cell: *mut TenonCell, error: *mut TenonError) -> TenonStatus {
    new_cell(context, cell, error, |context| Ok(nn::activation(context, Activation::Softplus)))
}

/// Makes a cell that applies x relu6(x + 3) / 6. The caller frees the handle. Any thread.
#[unsafe(no_mangle)]
pub extern "C" fn tenon_hard_swish_new(context: TenonContext, cell: *mut TenonCell, error: *mut TenonError) -> TenonStatus {
    new_cell(context, cell, error, |context| Ok(nn::activation(context, Activation::HardSwish)))
}

/// Makes a cell that applies relu6(x + 3) / 6. The caller frees the handle. Any thread.
#[unsafe(no_mangle)]
pub extern "C" fn tenon_hard_sigmoid_new(context: TenonContext, cell: *mut TenonCell, error: *mut TenonError) -> TenonStatus {
    new_cell(context, cell, error, |context| Ok(nn::activation(context, Activation::HardSigmoid)))
}

/// Makes a cell that applies softmax along an axis (negative ones count from the last). The caller frees the handle. Any thread.
#[unsafe(no_mangle)]
pub extern "C" fn tenon_softmax_new(context: TenonContext, axis: i64, cell: *mut TenonCell, error: *mut TenonError) -> TenonStatus {
    new_cell(context, cell, error, |context| Ok(nn::activation(context, Activation::Softmax { axis })))
}

/// Makes a cell that applies log-softmax along an axis (negative ones count from the last). The caller frees the handle. Any thread.
#[unsafe(no_mangle)]
pub extern "C" fn tenon_log_softmax_new(context: TenonContext, axis: i64, cell: *mut TenonCell, error: *mut TenonError) -> TenonStatus {
    new_cell(context, cell, error, |context| Ok(nn::activation(context, Activation::LogSoftmax { axis })))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_numbers_of_the_header_are_those_of_the_library() {
        let numbers = [
            (TENON_ACTIVATION_RELU, "relu"),
            (TENON_ACTIVATION_RELU6, "relu6"),
            (TENON_ACTIVATION_LEAKY_RELU, "leaky_relu"),
            (TENON_ACTIVATION_ELU, "elu"),
            (TENON_ACTIVATION_GELU, "gelu"),
            (TENON_ACTIVATION_SILU, "silu"),
            (TENON_ACTIVATION_SIGMOID, "sigmoid"),
            (TENON_ACTIVATION_LOG_SIGMOID, "log_sigmoid"),
            (TENON_ACTIVATION_TANH, "tanh"),
            (TENON_ACTIVATION_SOFTPLUS, "softplus"),
            (TENON_ACTIVATION_HARD_SWISH, "hard_swish"),
            (TENON_ACTIVATION_HARD_SIGMOID, "hard_sigmoid"),
            (TENON_ACTIVATION_SOFTMAX, "softmax"),
            (TENON_ACTIVATION_LOG_SOFTMAX, "log_softmax"),
        ];
        assert_eq!(numbers.len(), ACTIVATIONS.len());
        for (number, name) in numbers {
            assert_eq!(activation_of(number).unwrap().unwrap().name(), name);
        }
        assert_eq!(activation_of(TENON_ACTIVATION_NONE).unwrap(), None);
        assert!(activation_of(ACTIVATIONS.len() as i32 + 1).is_err() && activation_of(-1).is_err() && activation_of(i32::MIN).is_err());
    }
}
