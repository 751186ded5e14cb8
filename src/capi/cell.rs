//! Chapter: cells.

use crate::capi::arguments::{CBool, HostCallback, Out, OutSlice, put_new_list, put_text, text};
use crate::capi::context::TenonContext;
use crate::capi::error::{TenonDropFunction, TenonError, TenonStatus, boundary, boundary_status, boundary_value};
use crate::capi::function::{Recorder, TenonRecordFunction, check_count, record_many, run_recorder};
use crate::capi::graph::{TenonGraph, TenonValue};
use crate::capi::handle::{Handle, Owner};
use crate::capi::ops_create::same_context;
use crate::capi::parameter::{TenonInitializerOptions, TenonParameter, initializer, parameter_type};
use crate::capi::tensor::TenonDType;
use crate::capi::transform::{GradientRecorder, HostGradient, TenonGradientFunction};
use crate::error::{Error, Result, Status};
use crate::ir::Value;
use crate::nn::{Cell, Construct};
use crate::ops::{CustomGradient, Trace};
use std::ffi::{c_char, c_void};
use std::sync::Arc;

/// A node of a network's tree: named children, parameters, a training flag, and what records its forward graph.
///
/// A new cell is in inference; tenon_cell_set_train switches. Parameters are named by their path from the root:
/// "fc1.weight". A cell may stand in several places; its parameters are then shared.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct TenonCell {
    /// Says nothing to a host; never compute with it. All zero is no cell.
    pub id: u64,
}

/// A cell whose forward graph a host records.
struct HostCell {
    construct: HostCallback<Recorder>,
    gradient: Option<Arc<HostGradient>>,
    owner: Owner,
    input_count: usize,
    output_count: usize,
}

impl Construct for HostCell {
    fn kind(&self) -> &str {
        "Custom"
    }
    fn gradient(&self) -> Option<Arc<dyn CustomGradient>> {
        self.gradient.clone().map(|gradient| gradient as Arc<dyn CustomGradient>)
    }
    fn construct(&self, _: &Cell, g: &mut Trace, inputs: &[Value]) -> Vec<Value> {
        let outputs = if inputs.len() == self.input_count {
            run_recorder(&self.construct, "construct", self.owner, g, inputs, self.output_count)
        } else {
            Err(Error::invalid(format!("the cell takes {} inputs, not {}", self.input_count, inputs.len())))
        };
        outputs.unwrap_or_else(|error| {
            if g.error().is_none() {
                g.fail(error);
            }
            vec![Value::INVALID; self.output_count]
        })
    }
}

/// Makes a cell of one input and one output whose forward graph `construct` records. It is called once for each new input
/// signature, never once per run, and may call other cells, usually the children that were inserted under this one, and
/// read parameters with tenon_parameter_read_value. Errors that it runs into carry the path of the cell.
///
/// A cell that behaves differently in training asks with tenon_cell_training: programs are recorded anew when that
/// changes. What else `construct` looks at must not change.
///
/// `construct` and `user` are taken over: `drop` is called once with `user` when the cell has gone, or before this call
/// returns if it fails. The caller frees the handle. Any thread.
#[unsafe(no_mangle)]
pub extern "C" fn tenon_cell_new(
    context: TenonContext,
    construct: TenonRecordFunction,
    user: *mut c_void,
    drop: TenonDropFunction,
    cell: *mut TenonCell,
    error: *mut TenonError,
) -> TenonStatus {
    boundary(error, || new_cell(context, HostCallback::new(construct, user, drop, "construct")?, None, 1, 1, cell))
}

/// tenon_cell_new with any number of inputs and outputs.
#[unsafe(no_mangle)]
pub extern "C" fn tenon_cell_new_with_counts(
    context: TenonContext,
    construct: TenonRecordFunction,
    user: *mut c_void,
    drop: TenonDropFunction,
    input_count: usize,
    output_count: usize,
    cell: *mut TenonCell,
    error: *mut TenonError,
) -> TenonStatus {
    boundary(error, || new_cell(context, HostCallback::new(construct, user, drop, "construct")?, None, input_count, output_count, cell))
}

/// tenon_cell_new_with_counts with a gradient of the host's, which is recorded each time that one is taken (`bprop`).
/// Parameters below the cell get no gradient through it.
///
/// `gradient` has a user pointer of its own; both are taken over, and each drop function is called once, as in
/// tenon_cell_new.
#[unsafe(no_mangle)]
pub extern "C" fn tenon_cell_new_with_gradient(
    context: TenonContext,
    construct: TenonRecordFunction,
    user: *mut c_void,
    drop: TenonDropFunction,
    gradient: TenonGradientFunction,
    gradient_user: *mut c_void,
    gradient_drop: TenonDropFunction,
    input_count: usize,
    output_count: usize,
    cell: *mut TenonCell,
    error: *mut TenonError,
) -> TenonStatus {
    boundary(error, || {
        let construct = HostCallback::new(construct, user, drop, "construct");
        let gradient = HostCallback::<GradientRecorder>::new(gradient, gradient_user, gradient_drop, "gradient");
        new_cell(context, construct?, Some(gradient?), input_count, output_count, cell)
    })
}

fn new_cell(
    context: TenonContext,
    construct: HostCallback<Recorder>,
    gradient: Option<HostCallback<GradientRecorder>>,
    input_count: usize,
    output_count: usize,
    cell: *mut TenonCell,
) -> Result<()> {
    let (context, owner) = Owner::context(context)?;
    let cell = Out::new(cell, "cell")?;
    check_count(input_count, "input_count")?;
    check_count(output_count, "output_count")?;
    let gradient = gradient.map(|callback| Arc::new(HostGradient { callback: Arc::new(callback), owner }));
    cell.put_new(owner, Cell::new(&context, Box::new(HostCell { construct, gradient, owner, input_count, output_count })))
}

/// Records the forward graph of a cell of one input and one output. What fails sticks to the graph of the input, with the
/// path of the cell that it happened in. Inside of the cell's own construct it fails with TENON_BUSY.
#[unsafe(no_mangle)]
pub extern "C" fn tenon_cell_call(cell: TenonCell, input: TenonValue) -> TenonValue {
    let mut output = TenonValue::NONE;
    call(cell, TenonGraph::from_id(input.graph), &raw const input, 1, &raw mut output, 1);
    output
}

/// Records the forward graph of a cell of any number of inputs and outputs: `inputs` are values of `graph`, `outputs`
/// receives its results, which are invalid values if something failed; the failure sticks to the graph.
#[unsafe(no_mangle)]
pub extern "C" fn tenon_cell_call_many(
    cell: TenonCell,
    graph: TenonGraph,
    inputs: *const TenonValue,
    input_count: usize,
    outputs: *mut TenonValue,
    output_count: usize,
) {
    call(cell, graph, inputs, input_count, outputs, output_count);
}

fn call(cell: TenonCell, graph: TenonGraph, inputs: *const TenonValue, input_count: usize, outputs: *mut TenonValue, output_count: usize) {
    record_many(graph, "cell", inputs, input_count, outputs, output_count, |g, inputs| {
        let cell = same_context(graph, cell.get_with_owner()?)?;
        Ok(cell.call(g, inputs))
    });
}

/// Makes `child` the last child of a cell. Names of its parameters become paths from the root of this cell's tree.
///
/// Fails with TENON_INVALID_ARGUMENT for an empty name, a name with a dot, a cell of another context, and a cell that
/// this one stands below; with TENON_ALREADY_EXISTS for a name that a child or parameter has. Any thread.
#[unsafe(no_mangle)]
pub extern "C" fn tenon_cell_insert_child(cell: TenonCell, name: *const c_char, child: TenonCell, error: *mut TenonError) -> TenonStatus {
    boundary(error, || {
        let cell = cell.get()?;
        let name = text(name, "name")?;
        cell.insert_child(name, &child.get()?)
    })
}

/// Gives a cell a new parameter, the last one. NULL options are zeros. Floats require gradients, other dtypes have none.
/// The caller frees the handle.
///
/// Fails like tenon_cell_insert_parameter and tenon_parameter_new. Any thread.
#[unsafe(no_mangle)]
pub extern "C" fn tenon_cell_parameter(
    cell: TenonCell,
    name: *const c_char,
    dtype: TenonDType,
    shape: *const i64,
    rank: usize,
    options: *const TenonInitializerOptions,
    parameter: *mut TenonParameter,
    error: *mut TenonError,
) -> TenonStatus {
    boundary(error, || {
        let (cell, owner) = cell.get_with_owner()?;
        let name = text(name, "name")?;
        let ty = parameter_type(dtype, shape, rank)?;
        let initializer = initializer(options)?;
        let parameter = Out::new(parameter, "parameter")?;
        parameter.put_new(owner, cell.add_parameter(name, ty, initializer, ty.dtype.is_float())?)
    })
}

/// Makes an existing parameter the last one of a cell; it may belong to other cells too, and is shared then. Its name
/// becomes its path.
///
/// Fails with TENON_INVALID_ARGUMENT for an empty name, a name with a dot, and a parameter of another context; with
/// TENON_ALREADY_EXISTS for a name that a child or parameter has. Any thread.
#[unsafe(no_mangle)]
pub extern "C" fn tenon_cell_insert_parameter(
    cell: TenonCell,
    name: *const c_char,
    parameter: TenonParameter,
    error: *mut TenonError,
) -> TenonStatus {
    boundary(error, || {
        let cell = cell.get()?;
        let name = text(name, "name")?;
        cell.insert_parameter(name, &parameter.get()?)
    })
}

/// Switches a cell and all below it to training (true) or inference (false). Any thread.
#[unsafe(no_mangle)]
pub extern "C" fn tenon_cell_set_train(cell: TenonCell, training: CBool, error: *mut TenonError) -> TenonStatus {
    boundary(error, || {
        cell.get()?.set_train(training.get());
        Ok(())
    })
}

/// Says whether gradients run a cell's forward pass again instead of keeping what it makes on the way (checkpointing):
/// less memory for more work. Off by default. Any thread.
#[unsafe(no_mangle)]
pub extern "C" fn tenon_cell_set_recompute(cell: TenonCell, recompute: CBool, error: *mut TenonError) -> TenonStatus {
    boundary(error, || {
        cell.get()?.set_recompute(recompute.get());
        Ok(())
    })
}

/// Writes whether a cell is in training. Any thread.
#[unsafe(no_mangle)]
pub extern "C" fn tenon_cell_training(cell: TenonCell, training: *mut CBool, error: *mut TenonError) -> TenonStatus {
    boundary(error, || {
        let cell = cell.get()?;
        Out::new(training, "training")?.put(CBool::new(cell.training()));
        Ok(())
    })
}

/// Writes handles of all parameters of a cell and of all below it to `parameters`, which has room for `capacity`, and
/// their number to `count`: the cell's own in the order of insertion, then each child's, depth first; one that stands in
/// several places once, by the first of them. NULL with capacity 0 asks for the number alone; another capacity that is
/// too small is refused. The caller frees the handles. Any thread.
#[unsafe(no_mangle)]
pub extern "C" fn tenon_cell_parameters(
    cell: TenonCell,
    parameters: *mut TenonParameter,
    capacity: usize,
    count: *mut usize,
    error: *mut TenonError,
) -> TenonStatus {
    boundary(error, || {
        let (cell, owner) = cell.get_with_owner()?;
        let all = cell.parameters_and_names().into_iter().map(|(_, parameter)| parameter).collect();
        put_new_list(parameters, capacity, count, owner, all, "parameters")
    })
}

/// Writes handles of the parameters of a cell and of all below it that require gradients, in the order of
/// tenon_cell_parameters and in the same way.
#[unsafe(no_mangle)]
pub extern "C" fn tenon_cell_trainable_params(
    cell: TenonCell,
    parameters: *mut TenonParameter,
    capacity: usize,
    count: *mut usize,
    error: *mut TenonError,
) -> TenonStatus {
    boundary(error, || {
        let (cell, owner) = cell.get_with_owner()?;
        put_new_list(parameters, capacity, count, owner, cell.trainable_params(), "parameters")
    })
}

/// Writes the path from a cell of the parameter at a position in tenon_cell_parameters: "fc1.weight". The text goes to
/// `text`, which has room for `capacity` bytes, its length without the NUL to `length`. NULL with capacity 0 asks for the
/// length alone; another capacity that is too small is refused. Fails with TENON_NOT_FOUND. Any thread.
#[unsafe(no_mangle)]
pub extern "C" fn tenon_cell_parameter_path(
    cell: TenonCell,
    position: usize,
    text: *mut c_char,
    capacity: usize,
    length: *mut usize,
    error: *mut TenonError,
) -> TenonStatus {
    boundary(error, || {
        let cell = cell.get()?;
        let (text, length) = (OutSlice::new(text, capacity, "text")?, Out::new(length, "length")?);
        let all = cell.parameters_and_names();
        let (path, _) = all.get(position).ok_or_else(|| beyond(position, all.len(), "parameters"))?;
        put_text(text, length, path, "text")
    })
}

/// Writes a handle of the parameter at a path from a cell: "fc1.weight". The caller frees the handle. Fails with
/// TENON_NOT_FOUND. Any thread.
#[unsafe(no_mangle)]
pub extern "C" fn tenon_cell_find_parameter(
    cell: TenonCell,
    path: *const c_char,
    parameter: *mut TenonParameter,
    error: *mut TenonError,
) -> TenonStatus {
    boundary(error, || {
        let (cell, owner) = cell.get_with_owner()?;
        let path = text(path, "path")?;
        Out::new(parameter, "parameter")?.put_new(owner, cell.parameter(path)?)
    })
}

/// Writes handles of a cell itself and of all cells below it to `cells`, depth first, as tenon_cell_parameters does.
#[unsafe(no_mangle)]
pub extern "C" fn tenon_cell_cells(
    cell: TenonCell,
    cells: *mut TenonCell,
    capacity: usize,
    count: *mut usize,
    error: *mut TenonError,
) -> TenonStatus {
    boundary(error, || {
        let (cell, owner) = cell.get_with_owner()?;
        let all = cell.cells_and_names().into_iter().map(|(_, cell)| cell).collect();
        put_new_list(cells, capacity, count, owner, all, "cells")
    })
}

/// Writes the path from a cell of the cell at a position in tenon_cell_cells: "" for the first, which is the cell itself,
/// "block.fc1". The text goes out as in tenon_cell_parameter_path. Any thread.
#[unsafe(no_mangle)]
pub extern "C" fn tenon_cell_cell_path(
    cell: TenonCell,
    position: usize,
    text: *mut c_char,
    capacity: usize,
    length: *mut usize,
    error: *mut TenonError,
) -> TenonStatus {
    boundary(error, || {
        let cell = cell.get()?;
        let (text, length) = (OutSlice::new(text, capacity, "text")?, Out::new(length, "length")?);
        let all = cell.cells_and_names();
        let (path, _) = all.get(position).ok_or_else(|| beyond(position, all.len(), "cells"))?;
        put_text(text, length, path, "text")
    })
}

/// Writes a handle of the cell at a path from a cell: "block.fc1"; "" is the cell itself. The caller frees the handle.
/// Fails with TENON_NOT_FOUND. Any thread.
#[unsafe(no_mangle)]
pub extern "C" fn tenon_cell_find_cell(cell: TenonCell, path: *const c_char, found: *mut TenonCell, error: *mut TenonError) -> TenonStatus {
    boundary(error, || {
        let (cell, owner) = cell.get_with_owner()?;
        let path = text(path, "path")?;
        Out::new(found, "found")?.put_new(owner, cell.cell(path)?)
    })
}

/// Writes a tree as text, for people to read: a line for each cell (path, kind, training or inference) and for each
/// parameter (name, dtype, shape, frozen or not). The text goes out as in tenon_cell_parameter_path. Any thread.
#[unsafe(no_mangle)]
pub extern "C" fn tenon_cell_describe(
    cell: TenonCell,
    text: *mut c_char,
    capacity: usize,
    length: *mut usize,
    error: *mut TenonError,
) -> TenonStatus {
    boundary(error, || {
        let cell = cell.get()?;
        let (text, length) = (OutSlice::new(text, capacity, "text")?, Out::new(length, "length")?);
        put_text(text, length, &format!("{cell:?}"), "text")
    })
}

/// Whether two handles are of the same cell; false if one is bad. Any thread.
#[unsafe(no_mangle)]
pub extern "C" fn tenon_cell_is_same(cell: TenonCell, other: TenonCell) -> CBool {
    boundary_value(CBool::FALSE, || Ok(CBool::new(cell.get()? == other.get()?)))
}

/// The context that a cell was made in, or a zero handle if the cell's handle is bad. Nothing to free. Any thread.
#[unsafe(no_mangle)]
pub extern "C" fn tenon_cell_context(cell: TenonCell) -> TenonContext {
    boundary_value(TenonContext { id: 0 }, || Ok(cell.get_with_owner()?.1.handle()))
}

/// Frees a handle of a cell; zero is a no-op. Its parents and recorded programs keep the cell. Any thread.
#[unsafe(no_mangle)]
pub extern "C" fn tenon_cell_free(cell: TenonCell) -> TenonStatus {
    boundary_status(|| cell.free())
}

fn beyond(position: usize, count: usize, what: &str) -> Error {
    Error::new(Status::NotFound, format!("there is no position {position}, there are {count} {what}"))
}
