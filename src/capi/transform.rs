//! Chapter: transforms.

use crate::capi::arguments::{HostCallback, Out, OutSlice, init_options, objects, options, put_text, read_options, slice, text};
use crate::capi::error::{TenonDropFunction, TenonError, TenonStatus, boundary, boundary_status};
use crate::capi::function::{Recorder, TenonFunction, TenonGradOptions, TenonRecordFunction, check_count, record_many, run_recorder};
use crate::capi::graph::{TenonGraph, TenonValue};
use crate::capi::handle::{Handle, Owner};
use crate::capi::record::{lend, values};
use crate::error::{Error, Result};
use crate::ir::Value;
use crate::ops::{CustomGradient, Trace};
use crate::train::{
    Function, GradOptions, GradientId, JacobianMode, JacobianOptions, VmapOptions, custom_gradient, hessian, hvp, jacobian, jvp, recompute,
    vjp, vmap,
};
use std::ffi::{c_char, c_void};
use std::sync::Arc;

fn grad_options(options: *const TenonGradOptions) -> Result<GradOptions> {
    let options = read_options(options)?;
    let positions = slice(options.positions, options.position_count, "positions")?;
    Ok(GradOptions {
        positions: (!positions.is_empty()).then(|| positions.to_vec()),
        weights: objects(options.weights, options.weight_count, "weights")?,
        has_aux: options.has_aux.get(),
        sens_param: options.sens.get(),
    })
}

/// The options of a transform that has no use for weights of outputs.
fn jacobian_options(options: *const TenonGradOptions) -> Result<JacobianOptions> {
    let GradOptions { positions, weights, has_aux, sens_param } = grad_options(options)?;
    if sens_param {
        return Err(Error::invalid("options.sens is for gradients: here outputs are not weighted"));
    }
    Ok(JacobianOptions { positions, weights, has_aux })
}

fn transform(
    function: TenonFunction,
    made: *mut TenonFunction,
    name: &str,
    make: impl FnOnce(&Function) -> Result<Function>,
) -> Result<()> {
    let (function, owner) = function.get_with_owner()?;
    let out = Out::new(made, name)?;
    out.put_new(owner, make(&function)?)
}

/// Makes the vector-Jacobian product of a function: tenon_value_and_grad with sens. It takes the inputs of the function,
/// then what each differentiated output is weighted with; it returns the outputs, then a gradient for each position and
/// weight. Fails like tenon_grad. The caller frees the new function. Any thread.
#[unsafe(no_mangle)]
pub extern "C" fn tenon_vjp(
    function: TenonFunction,
    options: *const TenonGradOptions,
    product: *mut TenonFunction,
    error: *mut TenonError,
) -> TenonStatus {
    boundary(error, || {
        let options = grad_options(options)?;
        transform(function, product, "product", |f| vjp(f, options))
    })
}

/// Makes the Jacobian-vector product of a function: the derivative along a direction (forward mode). It takes the inputs
/// of the function, then a direction for each position and weight, of its dtype and shape; it returns the outputs, then
/// the derivative of each (with has_aux of the first alone). Options with sens are refused. Fails like tenon_grad; calls
/// fail with TENON_SHAPE_MISMATCH for a direction of another type. The caller frees the new function. Any thread.
#[unsafe(no_mangle)]
pub extern "C" fn tenon_jvp(
    function: TenonFunction,
    options: *const TenonGradOptions,
    product: *mut TenonFunction,
    error: *mut TenonError,
) -> TenonStatus {
    boundary(error, || {
        let options = jacobian_options(options)?;
        transform(function, product, "product", |f| jvp(f, options))
    })
}

/// Makes the Jacobian of a function, computed by rows: a gradient for each element of the outputs, all at once. Right for
/// few outputs and many inputs (jacrev). For each differentiated output, and for each position and then weight, the new
/// function has an output of the shape (output's dimensions, input's dimensions); behind them, with has_aux, the outputs
/// from the second on. Options with sens are refused. Fails like tenon_grad; calls fail with TENON_NOT_DIFFERENTIABLE for
/// an output or input that is no float, with TENON_SHAPE_MISMATCH where more than 8 dimensions would come out. The caller
/// frees the new function. Any thread.
#[unsafe(no_mangle)]
pub extern "C" fn tenon_jacobian_rows(
    function: TenonFunction,
    options: *const TenonGradOptions,
    jacobian_function: *mut TenonFunction,
    error: *mut TenonError,
) -> TenonStatus {
    boundary(error, || {
        let options = jacobian_options(options)?;
        transform(function, jacobian_function, "jacobian_function", |f| jacobian(f, JacobianMode::Rows, options))
    })
}

/// tenon_jacobian_rows, computed by columns: a direction for each element of the inputs, all at once. Right for few inputs
/// and many outputs (jacfwd). The results are the same.
#[unsafe(no_mangle)]
pub extern "C" fn tenon_jacobian_columns(
    function: TenonFunction,
    options: *const TenonGradOptions,
    jacobian_function: *mut TenonFunction,
    error: *mut TenonError,
) -> TenonStatus {
    boundary(error, || {
        let options = jacobian_options(options)?;
        transform(function, jacobian_function, "jacobian_function", |f| jacobian(f, JacobianMode::Columns, options))
    })
}

/// Makes the Hessian of a function whose first output is one float: for each pair of positions and weights an output of
/// the shape (first's dimensions, second's dimensions), in the order of the first, then of the second; behind them, with
/// has_aux, the outputs from the second on. Options with sens are refused. Fails like tenon_jacobian_rows; calls fail with
/// TENON_SHAPE_MISMATCH if the first output has more than one element. The caller frees the new function. Any thread.
#[unsafe(no_mangle)]
pub extern "C" fn tenon_hessian(
    function: TenonFunction,
    options: *const TenonGradOptions,
    hessian_function: *mut TenonFunction,
    error: *mut TenonError,
) -> TenonStatus {
    boundary(error, || {
        let options = jacobian_options(options)?;
        transform(function, hessian_function, "hessian_function", |f| hessian(f, options))
    })
}

/// Makes the product of the Hessian of a function with directions; the Hessian itself is never made. The first output of
/// the function is one float. The new function takes the inputs, then a direction for each position and weight; it
/// returns the gradients, then the products, one for each position and weight, then, with has_aux, the outputs from the
/// second on. Options with sens are refused. Fails like tenon_hessian and tenon_jvp. The caller frees the new function. Any thread.
#[unsafe(no_mangle)]
pub extern "C" fn tenon_hvp(
    function: TenonFunction,
    options: *const TenonGradOptions,
    product: *mut TenonFunction,
    error: *mut TenonError,
) -> TenonStatus {
    boundary(error, || {
        let options = jacobian_options(options)?;
        transform(function, product, "product", |f| hvp(f, options))
    })
}

/// Options of tenon_vmap.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct TenonVmapOptions {
    /// sizeof(TenonVmapOptions), set by tenon_vmap_options_init.
    pub struct_size: usize,
    /// For each input the dimension that holds the lanes, or -1 for an input that all lanes share. Default: 0 for all.
    pub in_axes: *const i64,
    /// How many: none, or as many as the function takes.
    pub in_axis_count: usize,
    /// For each output the dimension that the lanes become. Default: 0 for all.
    pub out_axes: *const i64,
    /// How many: none, or as many as the function has.
    pub out_axis_count: usize,
}
options!(TenonVmapOptions { in_axes, in_axis_count, out_axes, out_axis_count } | _options | ());

/// Fills options with the defaults. `size` is sizeof(TenonVmapOptions). Refuses NULL and a size that is no options
/// struct's.
#[unsafe(no_mangle)]
pub extern "C" fn tenon_vmap_options_init(options: *mut TenonVmapOptions, size: usize) -> TenonStatus {
    boundary_status(|| init_options(options, size))
}

/// Makes the function that computes another one for many lanes at once: its inputs have one more dimension, and so have
/// its outputs. An output that is the same in all lanes is repeated; random numbers are the same in all lanes.
///
/// Fails with TENON_INVALID_ARGUMENT if the lists do not fit the function, or if no input has lanes. Calls fail with
/// TENON_SHAPE_MISMATCH if inputs have different numbers of lanes, or none, with TENON_UNSUPPORTED if the function assigns
/// to a variable what differs from lane to lane. The caller frees the new function. Any thread.
#[unsafe(no_mangle)]
pub extern "C" fn tenon_vmap(
    function: TenonFunction,
    options: *const TenonVmapOptions,
    mapped: *mut TenonFunction,
    error: *mut TenonError,
) -> TenonStatus {
    boundary(error, || {
        let options = read_options(options)?;
        let axis = |name: &str, axis: i64| {
            usize::try_from(axis).map_err(|_| Error::invalid(format!("{name} has {axis}; dimensions count from 0")))
        };
        let in_axes = slice(options.in_axes, options.in_axis_count, "in_axes")?
            .iter()
            .map(|entry| if *entry == -1 { Ok(None) } else { axis("in_axes", *entry).map(Some) })
            .collect::<Result<Vec<Option<usize>>>>()?;
        let out_axes = slice(options.out_axes, options.out_axis_count, "out_axes")?;
        let out_axes = out_axes.iter().map(|entry| axis("out_axes", *entry)).collect::<Result<Vec<usize>>>()?;
        let options =
            VmapOptions { in_axes: (!in_axes.is_empty()).then_some(in_axes), out_axes: (!out_axes.is_empty()).then_some(out_axes) };
        transform(function, mapped, "mapped", |f| vmap(f, options))
    })
}

/// Makes a function that computes the same, and whose gradient runs it again instead of keeping what it makes on the way
/// (checkpointing): less memory for more work. Results and gradients are the same. The caller frees the new function. Any
/// thread.
#[unsafe(no_mangle)]
pub extern "C" fn tenon_recompute(function: TenonFunction, recomputed: *mut TenonFunction, error: *mut TenonError) -> TenonStatus {
    boundary(error, || transform(function, recomputed, "recomputed", |f| Ok(recompute(f))))
}

/// Records a gradient into `graph`: reads the `inputs` of a function, its `outputs`, and what these are asked for with
/// (`output_gradients`, zeros for an output that nobody asks for); writes to each of `input_gradients` a value of the
/// dtype and shape of that input, or leaves it as it is, all zero, if that input gets nothing.
///
/// What is recorded can be differentiated again. Else as TenonRecordFunction.
pub type TenonGradientFunction = Option<
    extern "C" fn(
        user: *mut c_void,
        graph: TenonGraph,
        inputs: *const TenonValue,
        outputs: *const TenonValue,
        output_gradients: *const TenonValue,
        input_gradients: *mut TenonValue,
    ) -> TenonStatus,
>;

/// [`TenonGradientFunction`] that is not NULL.
pub(super) type GradientRecorder = extern "C" fn(
    user: *mut c_void,
    graph: TenonGraph,
    inputs: *const TenonValue,
    outputs: *const TenonValue,
    output_gradients: *const TenonValue,
    input_gradients: *mut TenonValue,
) -> TenonStatus;

/// A gradient that a host records.
pub(super) struct HostGradient {
    pub callback: Arc<dyn CallGradientRecorder>,
    pub owner: Owner,
}

/// Calls a host's gradient function, wherever it is kept with its user pointer.
pub(super) trait CallGradientRecorder: Send + Sync {
    fn call(&self, call: &mut dyn FnMut(GradientRecorder, *mut c_void) -> TenonStatus) -> Result<()>;
}

impl CallGradientRecorder for HostCallback<GradientRecorder> {
    fn call(&self, call: &mut dyn FnMut(GradientRecorder, *mut c_void) -> TenonStatus) -> Result<()> {
        HostCallback::call(self, "gradient", call)
    }
}

impl CustomGradient for HostGradient {
    fn record(&self, g: &mut Trace, inputs: &[Value], outputs: &[Value], dy: &[Value]) -> Result<Vec<Option<Value>>> {
        let count = inputs.len();
        lend(g, self.owner, |graph| {
            let list = |all: &[Value]| all.iter().map(|value| TenonValue::of(graph.id(), *value)).collect::<Vec<TenonValue>>();
            let (inputs, outputs, dy) = (list(inputs), list(outputs), list(dy));
            const NOTHING: TenonValue = TenonValue { graph: 0, index: 0, reserved: 0 };
            let mut gradients = vec![NOTHING; count];
            self.callback.call(&mut |gradient, user| {
                gradient(user, graph, inputs.as_ptr(), outputs.as_ptr(), dy.as_ptr(), gradients.as_mut_ptr())
            })?;
            graph.get()?.with(|g| {
                g.check()?;
                let is_given = |value: &TenonValue| (value.graph, value.index) != (NOTHING.graph, NOTHING.index);
                let given: Vec<TenonValue> = gradients.iter().copied().filter(is_given).collect();
                let mut given = values(graph.id(), g, &given, "input_gradients")?.into_iter();
                Ok(gradients.iter().map(|value| if is_given(value) { given.next() } else { None }).collect())
            })?
        })
    }
}

/// Makes a function that computes the same, with a gradient of the host's: `gradient` records it each time that one is
/// taken. Parameters that the function reads get no gradient through it.
///
/// `gradient` and `user` are taken over: `drop` is called once with `user` when the last function that is made from the
/// new one has gone, or before this call returns if it fails. What the callback returns wrongly fails the call that takes
/// the gradient. The caller frees the new function. Any thread.
#[unsafe(no_mangle)]
pub extern "C" fn tenon_custom_gradient(
    function: TenonFunction,
    gradient: TenonGradientFunction,
    user: *mut c_void,
    drop: TenonDropFunction,
    customized: *mut TenonFunction,
    error: *mut TenonError,
) -> TenonStatus {
    boundary(error, || {
        let callback = HostCallback::<GradientRecorder>::new(gradient, user, drop, "gradient")?;
        let (f, owner) = function.get_with_owner()?;
        let out = Out::new(customized, "customized")?;
        out.put_new(owner, custom_gradient(&f, Arc::new(HostGradient { callback: Arc::new(callback), owner })))
    })
}

/// Writes what output `output` of a function that tenon_grad, tenon_value_and_grad, or tenon_vjp made is the gradient of: the position of an
/// input, or -1 for a parameter, whose name tenon_function_gradient_name tells. Fails with TENON_NOT_FOUND for an output
/// that is no gradient. Any thread.
#[unsafe(no_mangle)]
pub extern "C" fn tenon_function_gradient_position(
    function: TenonFunction,
    output: usize,
    position: *mut i64,
    error: *mut TenonError,
) -> TenonStatus {
    boundary(error, || {
        let function = function.get()?;
        let position = Out::new(position, "position")?;
        position.put(match gradient_id(&function, output)? {
            GradientId::Position(number) => *number as i64,
            GradientId::Weight(_) => -1,
        });
        Ok(())
    })
}

/// Writes the name of the parameter that output `output` of a function is the gradient of, to `text`, which has room for
/// `capacity` bytes, its length without the NUL to `length`; empty for the gradient of an input. NULL with capacity 0 asks
/// for the length alone; another capacity that is too small is refused. Fails like tenon_function_gradient_position. Any
/// thread.
#[unsafe(no_mangle)]
pub extern "C" fn tenon_function_gradient_name(
    function: TenonFunction,
    output: usize,
    text: *mut c_char,
    capacity: usize,
    length: *mut usize,
    error: *mut TenonError,
) -> TenonStatus {
    boundary(error, || {
        let function = function.get()?;
        let (text, length) = (OutSlice::new(text, capacity, "text")?, Out::new(length, "length")?);
        let name = match gradient_id(&function, output)? {
            GradientId::Position(_) => "",
            GradientId::Weight(name) => name,
        };
        put_text(text, length, name, "text")
    })
}

fn gradient_id(function: &Function, output: usize) -> Result<&GradientId> {
    let none = || Error::new(crate::error::Status::NotFound, format!("output {output} of the function is no gradient"));
    function.gradient_id(output).ok_or_else(none)
}

/// Writes the number of the output that is the gradient of the input at `position`. Fails with TENON_NOT_FOUND if there is
/// none. Any thread.
#[unsafe(no_mangle)]
pub extern "C" fn tenon_function_find_gradient_of_input(
    function: TenonFunction,
    position: usize,
    output: *mut usize,
    error: *mut TenonError,
) -> TenonStatus {
    boundary(error, || {
        let function = function.get()?;
        let output = Out::new(output, "output")?;
        output.put(function.find_gradient(&GradientId::Position(position))?);
        Ok(())
    })
}

/// Writes the number of the output that is the gradient of the parameter of this name (as it was when the gradient was made). Fails with TENON_NOT_FOUND if there is
/// none. Any thread.
#[unsafe(no_mangle)]
pub extern "C" fn tenon_function_find_gradient_of_weight(
    function: TenonFunction,
    name: *const c_char,
    output: *mut usize,
    error: *mut TenonError,
) -> TenonStatus {
    boundary(error, || {
        let function = function.get()?;
        let name = text(name, "name")?;
        let output = Out::new(output, "output")?;
        output.put(function.find_gradient(&GradientId::Weight(name.to_string()))?);
        Ok(())
    })
}

/// Options of tenon_scan.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct TenonScanOptions {
    /// sizeof(TenonScanOptions), set by tenon_scan_options_init.
    pub struct_size: usize,
    /// How many steps. Default: the first dimension of the first slice, 0 if there is none.
    pub length: usize,
    /// Values that one step hands to the next.
    pub carries: *const TenonValue,
    /// How many.
    pub carry_count: usize,
    /// Values whose first dimension is the steps: each step gets its element.
    pub slices: *const TenonValue,
    /// How many.
    pub slice_count: usize,
    /// Values that all steps share.
    pub constants: *const TenonValue,
    /// How many.
    pub constant_count: usize,
    /// Steps run from the last to the first. Default: false.
    pub reverse: crate::capi::arguments::CBool,
}
options!(TenonScanOptions { length, carries, carry_count, slices, slice_count, constants, constant_count, reverse } | _options | ());

/// Fills options with the defaults. `size` is sizeof(TenonScanOptions). Refuses NULL and a size that is no options
/// struct's.
#[unsafe(no_mangle)]
pub extern "C" fn tenon_scan_options_init(options: *mut TenonScanOptions, size: usize) -> TenonStatus {
    boundary_status(|| init_options(options, size))
}

/// Records a loop that runs a fixed number of times. `step` records one step, once, before this call returns: its inputs
/// are the carries, an element of each slice, and the constants; its outputs, `output_count` of them, are the carries for
/// the next step, of the same dtypes and shapes, then what is stacked. `outputs` receives the last carries, then the
/// stacks, whose first dimension is the steps.
///
/// A step sees values of its own graph alone: what it needs of this one comes in as a carry, slice, or constant. It reads
/// parameters, calls cells, and draws random numbers like any other recording; what it assigns to variables is carried
/// from step to step. Loops can be differentiated any number of times; they keep what the gradient needs of each step.
/// Failures stick to the graph, and the outputs are invalid values then. Threads as in tenon_graph_status.
#[unsafe(no_mangle)]
pub extern "C" fn tenon_scan(
    graph: TenonGraph,
    options: *const TenonScanOptions,
    step: TenonRecordFunction,
    user: *mut c_void,
    outputs: *mut TenonValue,
    output_count: usize,
) {
    record_many(graph, "scan", std::ptr::null(), 0, outputs, output_count, |g, _| {
        // The callback is not kept: there is nothing to drop.
        let callback = HostCallback::<Recorder>::new(step, user, None, "step")?;
        check_count(output_count, "output_count")?;
        let options = read_options(options)?;
        let list = |pointer: *const TenonValue, count: usize, name: &str, g: &Trace| {
            slice(pointer, count, name).and_then(|all| values(graph.id(), g, all, name))
        };
        let carries = list(options.carries, options.carry_count, "carries", g)?;
        let slices = list(options.slices, options.slice_count, "slices", g)?;
        let constants = list(options.constants, options.constant_count, "constants", g)?;
        let first = slices.first().and_then(|slice| g.dims(*slice).first().copied());
        let length = if options.length == 0 { first.unwrap_or(0) } else { options.length };
        let owner = graph.get_with_owner()?.1;
        g.scan(length, options.reverse.get(), [&carries, &slices, &constants], |g, inputs| {
            run_recorder(&callback, "step", owner, g, inputs, output_count)
        })
    });
}
