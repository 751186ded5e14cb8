//! Chapter: functions and gradients.

use crate::capi::arguments::{
    CBool, HostCallback, Out, OutSlice, init_options, objects, options, put_text, read_options, slice, with_tensors,
};
use crate::capi::context::TenonContext;
use crate::capi::error::{TenonDropFunction, TenonError, TenonStatus, boundary, boundary_status, boundary_value};
use crate::capi::graph::{TenonGraph, TenonValue};
use crate::capi::handle::{Handle, Owner};
use crate::capi::ops_create::same_context;
use crate::capi::parameter::TenonParameter;
use crate::capi::record::{lend, values};
use crate::capi::tensor::TenonTensor;
use crate::error::{Error, Result};
use crate::ir::{Type, Value};
use crate::ops::Trace;
use crate::tensor::Tensor;
use crate::train::{Function, GradOptions, grad, value_and_grad};
use std::ffi::{c_char, c_void};

/// A computation that is recorded when it is called with new dtypes or shapes, or after a change that it depends on, and
/// runs as a compiled program every other time.
///
/// What a recording depends on besides its inputs is noticed by itself: the structure and training flags of cells that it
/// called, and whether parameters require gradients. Values of parameters, hyperparameters, and generators are read when
/// the program runs: changing them never records again. The last 32 programs are kept.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct TenonFunction {
    /// Says nothing to a host; never compute with it. All zero is no function.
    pub id: u64,
}

/// Records a computation into `graph`: reads `inputs`, writes a value of this graph to each of `outputs`. How many there
/// are was said when the callback was handed over.
///
/// Errors of recording functions stick to the graph: nothing needs a check here. A status other than TENON_OK ends the
/// call that records with TENON_CALLBACK_FAILED, or with what stuck to the graph. `graph` and its values end with the
/// callback, and are for its thread alone. The callback may be called again at any time, from any thread, from several
/// at once; it holds no lock of the library.
pub type TenonRecordFunction =
    Option<extern "C" fn(user: *mut c_void, graph: TenonGraph, inputs: *const TenonValue, outputs: *mut TenonValue) -> TenonStatus>;

/// [`TenonRecordFunction`] that is not NULL.
pub(super) type Recorder =
    extern "C" fn(user: *mut c_void, graph: TenonGraph, inputs: *const TenonValue, outputs: *mut TenonValue) -> TenonStatus;

/// Has a host's callback record into `g`.
pub(super) fn run_recorder(
    callback: &HostCallback<Recorder>,
    name: &str,
    owner: Owner,
    g: &mut Trace,
    inputs: &[Value],
    output_count: usize,
) -> Result<Vec<Value>> {
    lend(g, owner, |graph| {
        let inputs: Vec<TenonValue> = inputs.iter().map(|input| TenonValue::of(graph.id(), *input)).collect();
        let mut outputs = vec![TenonValue::NONE; output_count];
        callback.call(name, |record, user| record(user, graph, inputs.as_ptr(), outputs.as_mut_ptr()))?;
        graph.get()?.with(|g| {
            g.check()?;
            if let Some(index) = outputs.iter().position(|output| output.graph == 0) {
                return Err(Error::invalid(format!("output {index} is not a value: the {name} callback left it unwritten or invalid")));
            }
            values(graph.id(), g, &outputs, "outputs")
        })?
    })
}

/// Makes a function of `input_count` inputs and `output_count` outputs. Nothing is recorded yet.
///
/// `record` and `user` are taken over: `drop` is called once with `user` when the last function that is made from this
/// one, and the last training step of one, have gone, or before this call returns if it fails. The caller frees the
/// function. Any thread.
#[unsafe(no_mangle)]
pub extern "C" fn tenon_function_new(
    context: TenonContext,
    record: TenonRecordFunction,
    user: *mut c_void,
    drop: TenonDropFunction,
    input_count: usize,
    output_count: usize,
    function: *mut TenonFunction,
    error: *mut TenonError,
) -> TenonStatus {
    boundary(error, || {
        let callback = HostCallback::<Recorder>::new(record, user, drop, "record")?;
        let (context, owner) = Owner::context(context)?;
        let function = Out::new(function, "function")?;
        check_count(input_count, "input_count")?;
        check_count(output_count, "output_count")?;
        let made = Function::with_counts(&context, Some(input_count), Some(output_count), move |g, inputs| {
            run_recorder(&callback, "record", owner, g, inputs, output_count)
        });
        function.put_new(owner, made)
    })
}

/// No callback has so many inputs or outputs; a larger number was never meant.
pub(super) fn check_count(count: usize, name: &str) -> Result<()> {
    const MOST: usize = 65_536;
    if count > MOST { Err(Error::invalid(format!("{name} is {count}; at most {MOST} are possible"))) } else { Ok(()) }
}

/// Runs a function and writes a new tensor for each of its outputs to `outputs`; `output_count` is
/// tenon_function_output_count. Records and compiles first if the dtypes and shapes of the inputs are new. The caller
/// frees the tensors.
///
/// Fails with what the recording fails with: its text names the operation, the path of the cell, and the shapes; with
/// TENON_BUSY inside of the function's own callback; with TENON_INVALID_ARGUMENT, TENON_OUT_OF_MEMORY. Outputs and
/// variables are as before then. Any thread.
#[unsafe(no_mangle)]
pub extern "C" fn tenon_function_call(
    function: TenonFunction,
    inputs: *const TenonTensor,
    input_count: usize,
    outputs: *mut TenonTensor,
    output_count: usize,
    error: *mut TenonError,
) -> TenonStatus {
    boundary(error, || {
        let (function, owner) = function.get_with_owner()?;
        let outputs = OutSlice::new(outputs, output_count, "outputs")?;
        check_outputs(function.output_count(), output_count)?;
        let results = with_tensors(inputs, input_count, "inputs", |inputs| function.call(inputs))?;
        outputs.put_new(owner, results)
    })
}

/// Runs a function into tensors that exist: of the right dtypes and shapes, row-major, and no inputs at the same time.
/// They are written only on success. Allocates nothing after the first call with inputs of the same dtypes and shapes.
/// Fails like tenon_function_call, and with TENON_DTYPE_MISMATCH or TENON_SHAPE_MISMATCH for outputs. Any thread.
#[unsafe(no_mangle)]
pub extern "C" fn tenon_function_call_into(
    function: TenonFunction,
    inputs: *const TenonTensor,
    input_count: usize,
    outputs: *const TenonTensor,
    output_count: usize,
    error: *mut TenonError,
) -> TenonStatus {
    boundary(error, || {
        let function = function.get()?;
        with_tensors(inputs, input_count, "inputs", |inputs| {
            with_tensors(outputs, output_count, "outputs", |outputs| function.call_into(inputs, outputs))
        })
    })
}

pub(super) fn check_outputs(wanted: Option<usize>, given: usize) -> Result<()> {
    match wanted {
        Some(wanted) if wanted != given => Err(Error::invalid(format!("outputs has length {given}, but the call gives {wanted}"))),
        _ => Ok(()),
    }
}

/// Records a function as a part of a graph, as if its callback had been called there: `inputs` are values of the graph,
/// `outputs` receives its results, which are invalid values if something failed; the failure sticks to the graph. This is
/// how functions are made from functions: a gradient inside of a loss, for example. Threads as in tenon_graph_status.
#[unsafe(no_mangle)]
pub extern "C" fn tenon_function_record(
    function: TenonFunction,
    graph: TenonGraph,
    inputs: *const TenonValue,
    input_count: usize,
    outputs: *mut TenonValue,
    output_count: usize,
) {
    record_many(graph, "function", inputs, input_count, outputs, output_count, |g, inputs| {
        let function = same_context(graph, function.get_with_owner()?)?;
        check_outputs(function.output_count(), output_count)?;
        function.record(g, inputs)
    });
}

/// Records something of several values, which may run callbacks, into a graph. Writes all outputs: where something
/// failed, as invalid values.
pub(super) fn record_many(
    graph: TenonGraph,
    name: &str,
    inputs: *const TenonValue,
    input_count: usize,
    outputs: *mut TenonValue,
    output_count: usize,
    body: impl FnOnce(&mut Trace, &[Value]) -> Result<Vec<Value>>,
) {
    boundary_value((), || {
        let recording = graph.get()?;
        let recorded = recording.away(|g| {
            let results = match slice(inputs, input_count, "inputs").and_then(|inputs| values(graph.id(), g, inputs, "inputs")) {
                Ok(inputs) => body(g, &inputs),
                Err(error) => Err(error),
            };
            match results {
                Ok(results) if results.len() == output_count => Some(results),
                // Nothing comes back where an earlier failure ended the recording.
                Ok(_) if g.error().is_some() => None,
                Ok(results) => {
                    g.fail(Error::invalid(format!("outputs has length {output_count}, but there are {}", results.len())).within(name));
                    None
                }
                Err(error) => {
                    g.fail(error.within(name));
                    None
                }
            }
        });
        let results = recorded.unwrap_or_else(|error| {
            recording.fail(error.within(name));
            None
        });
        let room = OutSlice::new(outputs, output_count, "outputs").inspect_err(|error| recording.fail(error.clone().within(name)))?;
        for index in 0..room.len() {
            let value = results.as_ref().map_or(Value::INVALID, |results| results[index]);
            room.put_at(index, TenonValue::of(graph.id(), value));
        }
        Ok(())
    });
}

/// How many inputs a function takes; 0 if the handle is bad. Any thread.
#[unsafe(no_mangle)]
pub extern "C" fn tenon_function_input_count(function: TenonFunction) -> usize {
    boundary_value(0, || Ok(function.get()?.input_count().unwrap_or(0)))
}

/// How many outputs a function has; 0 if the handle is bad. Any thread.
#[unsafe(no_mangle)]
pub extern "C" fn tenon_function_output_count(function: TenonFunction) -> usize {
    boundary_value(0, || Ok(function.get()?.output_count().unwrap_or(0)))
}

/// The context that a function was made in, or a zero handle if the function's handle is bad. Nothing to free. Any
/// thread.
#[unsafe(no_mangle)]
pub extern "C" fn tenon_function_context(function: TenonFunction) -> TenonContext {
    boundary_value(TenonContext { id: 0 }, || Ok(function.get_with_owner()?.1.handle()))
}

/// Records and compiles a function for inputs of the dtypes and shapes of these tensors, so that the first call does not
/// have to; their elements do not matter. Fails like tenon_function_call. Any thread.
#[unsafe(no_mangle)]
pub extern "C" fn tenon_function_prepare(
    function: TenonFunction,
    inputs: *const TenonTensor,
    input_count: usize,
    error: *mut TenonError,
) -> TenonStatus {
    boundary(error, || function.get()?.prepare(&types(inputs, input_count)?))
}

pub(super) fn types(inputs: *const TenonTensor, input_count: usize) -> Result<Vec<Type>> {
    let tensors = objects(inputs, input_count, "inputs")?;
    Ok(tensors.iter().map(|tensor: &Tensor| Type::new(tensor.dtype(), *tensor.shape())).collect())
}

/// Writes how many programs were compiled for a function so far. Any thread.
#[unsafe(no_mangle)]
pub extern "C" fn tenon_function_compilations(function: TenonFunction, count: *mut usize, error: *mut TenonError) -> TenonStatus {
    boundary(error, || {
        let function = function.get()?;
        Out::new(count, "count")?.put(function.compilations());
        Ok(())
    })
}

/// Writes the graph of a function and its compiled program (the loops, what is fused, where memory lies) for inputs of
/// the dtypes and shapes of these tensors, for people to read; the format may change. The text goes to `text`, which has
/// room for `capacity` bytes, its length without the NUL to `length`. NULL with capacity 0 asks for the length alone;
/// another capacity that is too small is refused. Records and compiles each time. Fails like tenon_function_call. Any
/// thread.
#[unsafe(no_mangle)]
pub extern "C" fn tenon_function_describe(
    function: TenonFunction,
    inputs: *const TenonTensor,
    input_count: usize,
    text: *mut c_char,
    capacity: usize,
    length: *mut usize,
    error: *mut TenonError,
) -> TenonStatus {
    boundary(error, || {
        let function = function.get()?;
        let inputs = types(inputs, input_count)?;
        let (text, length) = (OutSlice::new(text, capacity, "text")?, Out::new(length, "length")?);
        put_text(text, length, &function.describe(&inputs)?, "text")
    })
}

/// Frees a handle of a function; zero is a no-op. What was made from it goes on. Any thread.
#[unsafe(no_mangle)]
pub extern "C" fn tenon_function_free(function: TenonFunction) -> TenonStatus {
    boundary_status(|| function.free())
}

/// Options of tenon_grad and tenon_value_and_grad.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct TenonGradOptions {
    /// sizeof(TenonGradOptions), set by tenon_grad_options_init.
    pub struct_size: usize,
    /// The inputs to differentiate with respect to. Default: the first if there are no weights, else none.
    pub positions: *const usize,
    /// How many.
    pub position_count: usize,
    /// Parameters to differentiate with respect to. Default: none.
    pub weights: *const TenonParameter,
    /// How many.
    pub weight_count: usize,
    /// Only the first output is differentiated, the others come along as they are; the function has at least two.
    /// Default: false.
    pub has_aux: CBool,
    /// Gradients are weighted: the last inputs of the new function, one for each output that is differentiated and of its
    /// dtype and shape, are the weights. Default: false, ones.
    pub sens: CBool,
}
options!(TenonGradOptions { positions, position_count, weights, weight_count, has_aux, sens } | _options | ());

/// Fills options with the defaults. `size` is sizeof(TenonGradOptions). Refuses NULL and a size that is no options
/// struct's.
#[unsafe(no_mangle)]
pub extern "C" fn tenon_grad_options_init(options: *mut TenonGradOptions, size: usize) -> TenonStatus {
    boundary_status(|| init_options(options, size))
}

/// Makes the function that computes the gradients of another one: an output for each position, then one for each weight,
/// then, with has_aux, the outputs of the function from the second on. It takes the inputs of the function, then, with
/// sens, the weights of its outputs. A gradient is a function like any other: it can be differentiated again.
///
/// Gradients are those of the sum of all elements of all float outputs (with has_aux, of the first). What they do not
/// depend on gets zeros.
///
/// Fails with TENON_INVALID_ARGUMENT for a position that is named twice or that the function does not have, and for a
/// weight that is named twice or of another context. Calls of the new function fail with TENON_INVALID_ARGUMENT for a
/// weight that does not require a gradient, with TENON_NOT_DIFFERENTIABLE if no output is a float. The caller frees the
/// new function. Any thread.
#[unsafe(no_mangle)]
pub extern "C" fn tenon_grad(
    function: TenonFunction,
    options: *const TenonGradOptions,
    gradient: *mut TenonFunction,
    error: *mut TenonError,
) -> TenonStatus {
    boundary(error, || differentiate(function, options, gradient, grad))
}

/// tenon_grad with all outputs of the function first, then the gradients. The forward pass is there once.
#[unsafe(no_mangle)]
pub extern "C" fn tenon_value_and_grad(
    function: TenonFunction,
    options: *const TenonGradOptions,
    gradient: *mut TenonFunction,
    error: *mut TenonError,
) -> TenonStatus {
    boundary(error, || differentiate(function, options, gradient, value_and_grad))
}

fn differentiate(
    function: TenonFunction,
    options: *const TenonGradOptions,
    gradient: *mut TenonFunction,
    make: fn(&Function, GradOptions) -> Result<Function>,
) -> Result<()> {
    let (function, owner) = function.get_with_owner()?;
    let options = read_options(options)?;
    let positions = slice(options.positions, options.position_count, "positions")?;
    let weights = objects(options.weights, options.weight_count, "weights")?;
    let gradient = Out::new(gradient, "gradient")?;
    let made = make(
        &function,
        GradOptions {
            positions: (!positions.is_empty()).then(|| positions.to_vec()),
            weights,
            has_aux: options.has_aux.get(),
            sens_param: options.sens.get(),
        },
    )?;
    gradient.put_new(owner, made)
}
