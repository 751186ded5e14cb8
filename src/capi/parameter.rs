//! Chapter: parameters.

use crate::capi::arguments::{CBool, Out, OutSlice, init_options, options, put_list, put_text, read_options, slice, text};
use crate::capi::context::TenonContext;
use crate::capi::error::{TenonError, TenonStatus, boundary, boundary_status, boundary_value};
use crate::capi::graph::{TenonGraph, TenonValue};
use crate::capi::handle::{Handle, Owner};
use crate::capi::ops_create::same_context;
use crate::capi::record::{in_graph, try_record};
use crate::capi::tensor::{TENON_MAX_RANK, TenonDType, TenonTensor};
use crate::error::{Error, Result};
use crate::ir::{Type, Value, Variable};
use crate::nn::{Fan, Initializer, Nonlinearity, Parameter};
use crate::ops::Trace;
use crate::tensor::{DType, Shape};
use std::ffi::c_char;

/// A named, mutable tensor that cells own, optimizers update, and checkpoints keep. Its memory is taken, and its
/// initializer runs, when its values are first needed.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct TenonParameter {
    /// Says nothing to a host; never compute with it. All zero is no parameter.
    pub id: u64,
}

/// How initial values are made: one of the numbers below. fan_in and fan_out of a shape [out, in, kernel ...] are in and
/// out, each times the kernel's elements; what needs them needs two dimensions.
pub type TenonInitializer = i32;

/// Zeros.
pub const TENON_INITIALIZER_ZEROS: TenonInitializer = 1;
/// Ones.
pub const TENON_INITIALIZER_ONES: TenonInitializer = 2;
/// All `value`.
pub const TENON_INITIALIZER_CONSTANT: TenonInitializer = 3;
/// Uniform in [-bound, bound].
pub const TENON_INITIALIZER_UNIFORM: TenonInitializer = 4;
/// Normal with standard deviation sigma around mean.
pub const TENON_INITIALIZER_NORMAL: TenonInitializer = 5;
/// The same, between low and high alone, which are bounds themselves and not multiples of sigma.
pub const TENON_INITIALIZER_TRUNCATED_NORMAL: TenonInitializer = 6;
/// Uniform with bound gain sqrt(6 / (fan_in + fan_out)) (Glorot & Bengio, 2010).
pub const TENON_INITIALIZER_XAVIER_UNIFORM: TenonInitializer = 7;
/// Normal with sigma gain sqrt(2 / (fan_in + fan_out)).
pub const TENON_INITIALIZER_XAVIER_NORMAL: TenonInitializer = 8;
/// Uniform with bound gain sqrt(3 / fan) (He et al., 2015); the gain follows from the nonlinearity.
pub const TENON_INITIALIZER_HE_UNIFORM: TenonInitializer = 9;
/// Normal with sigma gain / sqrt(fan).
pub const TENON_INITIALIZER_HE_NORMAL: TenonInitializer = 10;

/// Which fan He's initializers keep the variance of: one of the numbers below.
pub type TenonFan = i32;

/// fan_in.
pub const TENON_FAN_IN: TenonFan = 1;
/// fan_out.
pub const TENON_FAN_OUT: TenonFan = 2;

/// What follows the layer, which decides He's gain: one of the numbers below.
pub type TenonNonlinearity = i32;

/// Gain 1.
pub const TENON_NONLINEARITY_LINEAR: TenonNonlinearity = 1;
/// Gain 1.
pub const TENON_NONLINEARITY_CONV: TenonNonlinearity = 2;
/// Gain 1.
pub const TENON_NONLINEARITY_SIGMOID: TenonNonlinearity = 3;
/// Gain 5/3.
pub const TENON_NONLINEARITY_TANH: TenonNonlinearity = 4;
/// Gain sqrt(2).
pub const TENON_NONLINEARITY_RELU: TenonNonlinearity = 5;
/// Gain sqrt(2 / (1 + negative_slope^2)).
pub const TENON_NONLINEARITY_LEAKY_RELU: TenonNonlinearity = 6;
/// Gain 3/4.
pub const TENON_NONLINEARITY_SELU: TenonNonlinearity = 7;

/// An initializer with its numbers. Random ones draw from a stream of the context's seed that belongs to the parameter:
/// same seed and same order of parameters, same values, on every machine.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct TenonInitializerOptions {
    /// sizeof(TenonInitializerOptions), set by tenon_initializer_options_init.
    pub struct_size: usize,
    /// Set by the init function: zeros below are meant. Otherwise a field that is zero has its default.
    pub is_filled: CBool,
    /// Default: TENON_INITIALIZER_ZEROS.
    pub kind: TenonInitializer,
    /// Of TENON_INITIALIZER_CONSTANT. Default: 0.
    pub value: f64,
    /// Of TENON_INITIALIZER_UNIFORM. Default: 0.07.
    pub bound: f64,
    /// Of the normal ones. Default: 0.01.
    pub sigma: f64,
    /// Of the normal ones. Default: 0.
    pub mean: f64,
    /// Of TENON_INITIALIZER_TRUNCATED_NORMAL. Default: -2.
    pub low: f64,
    /// Of TENON_INITIALIZER_TRUNCATED_NORMAL. Default: 2.
    pub high: f64,
    /// Of Xavier's. Default: 1.
    pub gain: f64,
    /// Of He's with TENON_NONLINEARITY_LEAKY_RELU. Default: 0.
    pub negative_slope: f64,
    /// Of He's. Default: TENON_FAN_IN.
    pub fan: TenonFan,
    /// Of He's. Default: TENON_NONLINEARITY_LEAKY_RELU.
    pub nonlinearity: TenonNonlinearity,
}
options!(
    TenonInitializerOptions { is_filled, kind, value, bound, sigma, mean, low, high, gain, negative_slope, fan, nonlinearity }
        | options
        | {
            let numbers = [
                (&mut options.kind, TENON_INITIALIZER_ZEROS),
                (&mut options.fan, TENON_FAN_IN),
                (&mut options.nonlinearity, TENON_NONLINEARITY_LEAKY_RELU),
            ];
            for (number, default) in numbers {
                if *number == 0 {
                    *number = default;
                }
            }
            if !options.is_filled.get() {
                options.is_filled = CBool::new(true);
                let values = [
                    (&mut options.bound, 0.07),
                    (&mut options.sigma, 0.01),
                    (&mut options.low, -2.0),
                    (&mut options.high, 2.0),
                    (&mut options.gain, 1.0),
                ];
                for (value, default) in values {
                    if *value == 0.0 {
                        *value = default;
                    }
                }
            }
        }
);

/// Fills options with the defaults. `size` is sizeof(TenonInitializerOptions). Refuses NULL and a size that is no options
/// struct's.
#[unsafe(no_mangle)]
pub extern "C" fn tenon_initializer_options_init(options: *mut TenonInitializerOptions, size: usize) -> TenonStatus {
    boundary_status(|| init_options(options, size))
}

/// The initializer that a host describes.
pub(super) fn initializer(options: *const TenonInitializerOptions) -> Result<Initializer> {
    let options = read_options(options)?;
    let mode = match options.fan {
        TENON_FAN_IN => Fan::In,
        TENON_FAN_OUT => Fan::Out,
        other => return Err(Error::invalid(format!("{other} is not a fan: 1 (fan_in) or 2 (fan_out)"))),
    };
    let nonlinearity = match options.nonlinearity {
        TENON_NONLINEARITY_LINEAR => Nonlinearity::Linear,
        TENON_NONLINEARITY_CONV => Nonlinearity::Conv,
        TENON_NONLINEARITY_SIGMOID => Nonlinearity::Sigmoid,
        TENON_NONLINEARITY_TANH => Nonlinearity::Tanh,
        TENON_NONLINEARITY_RELU => Nonlinearity::Relu,
        TENON_NONLINEARITY_LEAKY_RELU => Nonlinearity::LeakyRelu,
        TENON_NONLINEARITY_SELU => Nonlinearity::Selu,
        other => return Err(Error::invalid(format!("{other} is not a nonlinearity: those are 1 to 7"))),
    };
    let TenonInitializerOptions { value, bound, sigma, mean, low, high, gain, negative_slope, .. } = options;
    Ok(match options.kind {
        TENON_INITIALIZER_ZEROS => Initializer::Zeros,
        TENON_INITIALIZER_ONES => Initializer::Ones,
        TENON_INITIALIZER_CONSTANT => Initializer::Constant(value),
        TENON_INITIALIZER_UNIFORM => Initializer::Uniform(bound),
        TENON_INITIALIZER_NORMAL => Initializer::Normal { sigma, mean },
        TENON_INITIALIZER_TRUNCATED_NORMAL => Initializer::TruncatedNormal { sigma, mean, low, high },
        TENON_INITIALIZER_XAVIER_UNIFORM => Initializer::XavierUniform { gain },
        TENON_INITIALIZER_XAVIER_NORMAL => Initializer::XavierNormal { gain },
        TENON_INITIALIZER_HE_UNIFORM => Initializer::HeUniform { negative_slope, mode, nonlinearity },
        TENON_INITIALIZER_HE_NORMAL => Initializer::HeNormal { negative_slope, mode, nonlinearity },
        other => return Err(Error::invalid(format!("{other} is not an initializer: those are 1 to 10"))),
    })
}

/// What a host says a parameter is.
pub(super) fn parameter_type(dtype: TenonDType, shape: *const i64, rank: usize) -> Result<Type> {
    Ok(Type::new(DType::from_code(dtype)?, Shape::from_signed(slice(shape, rank, "shape")?)?))
}

/// Makes a parameter that belongs to no cell yet (tenon_cell_insert_parameter). NULL options are zeros. Floats require
/// gradients, other dtypes have none. The caller frees the handle.
///
/// Fails with TENON_INVALID_ARGUMENT, TENON_SHAPE_MISMATCH where a fan needs more dimensions, TENON_DTYPE_MISMATCH for
/// random integers. Any thread.
#[unsafe(no_mangle)]
pub extern "C" fn tenon_parameter_new(
    context: TenonContext,
    name: *const c_char,
    dtype: TenonDType,
    shape: *const i64,
    rank: usize,
    options: *const TenonInitializerOptions,
    parameter: *mut TenonParameter,
    error: *mut TenonError,
) -> TenonStatus {
    boundary(error, || {
        let (context, owner) = Owner::context(context)?;
        let name = text(name, "name")?;
        let ty = parameter_type(dtype, shape, rank)?;
        let initializer = initializer(options)?;
        let parameter = Out::new(parameter, "parameter")?;
        parameter.put_new(owner, Parameter::new(&context, name, ty, initializer, ty.dtype.is_float())?)
    })
}

/// Makes a parameter that begins with a copy of a tensor and belongs to no cell yet. Floats require gradients, other
/// dtypes have none. The caller frees the handle. Any thread.
#[unsafe(no_mangle)]
pub extern "C" fn tenon_parameter_from_tensor(
    context: TenonContext,
    name: *const c_char,
    tensor: TenonTensor,
    parameter: *mut TenonParameter,
    error: *mut TenonError,
) -> TenonStatus {
    boundary(error, || {
        let (context, owner) = Owner::context(context)?;
        let (name, tensor) = (text(name, "name")?, tensor.get()?);
        let parameter = Out::new(parameter, "parameter")?;
        parameter.put_new(owner, Parameter::from_tensor(&context, name, &tensor, tensor.dtype().is_float())?)
    })
}

/// Writes the name of a parameter: the path from the root of the tree that it was last put into, "fc1.weight". The text
/// goes to `text`, which has room for `capacity` bytes, its length without the NUL to `length`. NULL with capacity 0 asks
/// for the length alone; another capacity that is too small is refused. Any thread.
#[unsafe(no_mangle)]
pub extern "C" fn tenon_parameter_name(
    parameter: TenonParameter,
    text: *mut c_char,
    capacity: usize,
    length: *mut usize,
    error: *mut TenonError,
) -> TenonStatus {
    boundary(error, || {
        let parameter = parameter.get()?;
        let (text, length) = (OutSlice::new(text, capacity, "text")?, Out::new(length, "length")?);
        put_text(text, length, &parameter.name(), "text")
    })
}

/// Writes the dtype of a parameter. Any thread.
#[unsafe(no_mangle)]
pub extern "C" fn tenon_parameter_dtype(parameter: TenonParameter, dtype: *mut TenonDType, error: *mut TenonError) -> TenonStatus {
    boundary(error, || {
        let parameter = parameter.get()?;
        Out::new(dtype, "dtype")?.put(parameter.ty().dtype as TenonDType);
        Ok(())
    })
}

/// Writes the sizes of a parameter's dimensions, outermost first, to `shape`, which has room for `capacity`, and their
/// number to `rank`. NULL with capacity 0 asks for the rank alone; another capacity below the rank is refused. Any
/// thread.
#[unsafe(no_mangle)]
pub extern "C" fn tenon_parameter_shape(
    parameter: TenonParameter,
    shape: *mut i64,
    capacity: usize,
    rank: *mut usize,
    error: *mut TenonError,
) -> TenonStatus {
    boundary(error, || {
        let parameter = parameter.get()?;
        let (shape, rank) = (OutSlice::new(shape, capacity, "shape")?, Out::new(rank, "rank")?);
        let mut sizes = [0; TENON_MAX_RANK];
        let ty = parameter.ty();
        let dims = ty.shape.dims();
        for (size, dim) in sizes.iter_mut().zip(dims) {
            *size = *dim as i64;
        }
        put_list(shape, rank, &sizes[..dims.len()], "shape")
    })
}

/// Writes a handle of the parameter's own tensor, whose elements are made now if they were not needed before: it shows
/// every later update, and writing it writes the parameter. tenon_tensor_duplicate keeps the values of now. The caller
/// frees the handle. Fails with TENON_OUT_OF_MEMORY. Any thread.
#[unsafe(no_mangle)]
pub extern "C" fn tenon_parameter_value(parameter: TenonParameter, tensor: *mut TenonTensor, error: *mut TenonError) -> TenonStatus {
    boundary(error, || {
        let (parameter, owner) = parameter.get_with_owner()?;
        Out::new(tensor, "tensor")?.put_new(owner, parameter.value()?)
    })
}

/// Copies a tensor into a parameter. Waits for programs that use it. Fails with TENON_DTYPE_MISMATCH or
/// TENON_SHAPE_MISMATCH. Any thread.
#[unsafe(no_mangle)]
pub extern "C" fn tenon_parameter_set_data(parameter: TenonParameter, tensor: TenonTensor, error: *mut TenonError) -> TenonStatus {
    boundary(error, || parameter.get()?.set_data(&tensor.get()?))
}

/// Writes whether training changes a parameter. Any thread.
#[unsafe(no_mangle)]
pub extern "C" fn tenon_parameter_requires_grad(
    parameter: TenonParameter,
    requires_grad: *mut CBool,
    error: *mut TenonError,
) -> TenonStatus {
    boundary(error, || {
        let parameter = parameter.get()?;
        Out::new(requires_grad, "requires_grad")?.put(CBool::new(parameter.requires_grad()));
        Ok(())
    })
}

/// Freezes a parameter (false) or has it trained again (true). Steps follow at their next run. Fails with
/// TENON_DTYPE_MISMATCH for true and a parameter that is not a float. Any thread.
#[unsafe(no_mangle)]
pub extern "C" fn tenon_parameter_set_requires_grad(
    parameter: TenonParameter,
    requires_grad: CBool,
    error: *mut TenonError,
) -> TenonStatus {
    boundary(error, || parameter.get()?.set_requires_grad(requires_grad.get()))
}

/// The value that a parameter holds at this point of a graph: what it held when the program began, or what was assigned
/// to it before in this graph.
#[unsafe(no_mangle)]
pub extern "C" fn tenon_parameter_read_value(graph: TenonGraph, parameter: TenonParameter) -> TenonValue {
    in_graph(graph, "parameter", |g| {
        let parameter = same_context(graph, parameter.get_with_owner()?)?;
        Ok(parameter.read(g))
    })
}

/// Assigns a value to a parameter: later reads in the value's graph see it, and the parameter holds it when the program
/// has run (moving statistics, for example); a run that fails or is cancelled leaves the parameter as it was. Of several
/// assignments in a graph the last one counts. Dtype and shape are the parameter's. Returns the value, or an invalid one.
#[unsafe(no_mangle)]
pub extern "C" fn tenon_parameter_assign_value(parameter: TenonParameter, value: TenonValue) -> TenonValue {
    try_record("parameter", [value], |g, [known]| {
        let parameter = same_context(TenonGraph::from_id(value.graph), parameter.get_with_owner()?)?;
        if g.error().is_none() {
            g.assign(parameter.variable(), known);
        }
        Ok(if g.error().is_none() { known } else { crate::ir::Value::INVALID })
    })
}

/// Adds a value, which broadcasts to the parameter's shape and whose dtype does to its dtype, to what the parameter holds
/// at this point of the value's graph: tenon_parameter_assign_value of the sum, which is returned.
#[unsafe(no_mangle)]
pub extern "C" fn tenon_parameter_assign_add(parameter: TenonParameter, value: TenonValue) -> TenonValue {
    assign_changed(parameter, value, Trace::assign_add)
}

/// Takes a value from what the parameter holds at this point of the value's graph, otherwise like
/// tenon_parameter_assign_add.
#[unsafe(no_mangle)]
pub extern "C" fn tenon_parameter_assign_sub(parameter: TenonParameter, value: TenonValue) -> TenonValue {
    assign_changed(parameter, value, Trace::assign_sub)
}

fn assign_changed(parameter: TenonParameter, value: TenonValue, change: fn(&mut Trace, &Variable, Value) -> Value) -> TenonValue {
    try_record("parameter", [value], |g, [known]| {
        let parameter = same_context(TenonGraph::from_id(value.graph), parameter.get_with_owner()?)?;
        Ok(change(g, parameter.variable(), known))
    })
}

/// Whether two handles are of the same parameter; false if one is bad. Any thread.
#[unsafe(no_mangle)]
pub extern "C" fn tenon_parameter_is_same(parameter: TenonParameter, other: TenonParameter) -> CBool {
    boundary_value(CBool::FALSE, || Ok(CBool::new(parameter.get()? == other.get()?)))
}

/// Frees a handle of a parameter; zero is a no-op. Cells, optimizers, and functions keep the parameter. Any thread.
#[unsafe(no_mangle)]
pub extern "C" fn tenon_parameter_free(parameter: TenonParameter) -> TenonStatus {
    boundary_status(|| parameter.free())
}
