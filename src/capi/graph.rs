//! Chapter: graphs and values. How a graph moves between a host and the library: [`crate::capi::record`].

use crate::capi::arguments::{CBool, Out, OutSlice, Plain, put_list, put_text, slice};
use crate::capi::context::TenonContext;
use crate::capi::error::{TenonError, TenonStatus, boundary, boundary_status, boundary_value};
use crate::capi::handle::{Handle, Owner};
use crate::capi::record::{Recording, values};
use crate::capi::tensor::{TENON_MAX_RANK, TenonDType, TenonTensor};
use crate::error::{Error, Result, Status};
use crate::ir::Type;
use crate::runtime::Program;
use crate::tensor::Tensor;
use std::ffi::c_char;

/// A computation that is being recorded.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct TenonGraph {
    /// Says nothing to a host; never compute with it. All zero is no graph.
    pub id: u64,
}

/// One result in a graph: passed by value, nothing to free. Good as long as its graph is.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct TenonValue {
    /// Of the graph; says nothing to a host.
    pub graph: u64,
    /// In the graph; UINT32_MAX for an invalid value.
    pub index: u32,
    /// Zero.
    pub reserved: u32,
}

// SAFETY: numbers.
unsafe impl Plain for TenonValue {}

/// Makes an empty graph of the host's own, for results outside of any function: record into it, then tenon_graph_eval.
/// The caller frees it. Calls on one graph come one at a time: another one meanwhile fails with TENON_BUSY. Any thread.
#[unsafe(no_mangle)]
pub extern "C" fn tenon_graph_new(context: TenonContext, graph: *mut TenonGraph, error: *mut TenonError) -> TenonStatus {
    boundary(error, || {
        let (_, owner) = Owner::context(context)?;
        Out::new(graph, "graph")?.put_new(owner, Recording::new())
    })
}

/// Ends the recording of a graph that tenon_graph_new made, compiles it, runs it once, and writes a new tensor for each
/// of `count` values to `outputs`, in their order. What was assigned to parameters is in them, and generators have moved
/// on. The caller frees the tensors.
///
/// The graph can be recorded into and evaluated no more, whether this succeeds or not; free it, and go on with a new one
/// and tenon_constant.
///
/// Fails with what stuck to the graph, with TENON_INVALID_HANDLE or TENON_INVALID_ARGUMENT for a value that is not the
/// graph's, with TENON_BUSY for the graph of a callback, with TENON_OUT_OF_MEMORY; then nothing has changed but the
/// graph. Any thread.
#[unsafe(no_mangle)]
pub extern "C" fn tenon_graph_eval(
    graph: TenonGraph,
    values: *const TenonValue,
    count: usize,
    outputs: *mut TenonTensor,
    error: *mut TenonError,
) -> TenonStatus {
    boundary(error, || {
        let (recording, owner) = graph.get_with_owner()?;
        let values = slice(values, count, "values")?;
        let outputs = OutSlice::new(outputs, count, "outputs")?;
        let context = owner.handle().get()?;
        let trace = recording.end()?;
        trace.check()?;
        let values = crate::capi::record::values(graph.id(), &trace, values, "values")?;
        let program = Program::compile(trace.finish(&values)?, context.target())?;
        let zeros = |ty: &Type| Tensor::zeros(context.allocator(), ty.dtype, ty.shape);
        let results: Vec<Tensor> = program.output_types().iter().map(zeros).collect::<Result<_>>()?;
        program.run(&[], &results.iter().collect::<Vec<_>>())?;
        outputs.put_new(owner, results)
    })
}

/// Returns the failure that sticks to a graph, with its text in `error`; TENON_OK if there is none. Any thread; the graph
/// of a callback: the callback's.
#[unsafe(no_mangle)]
pub extern "C" fn tenon_graph_status(graph: TenonGraph, error: *mut TenonError) -> TenonStatus {
    boundary(error, || graph.get()?.with(|g| g.check())?)
}

/// Makes a failure stick to a graph, for a callback that finds something wrong: `status` and `message`, with the path of
/// the cell in front. An earlier failure is kept.
///
/// Returns an invalid value. TENON_OK and unknown numbers stand for TENON_INVALID_ARGUMENT.
#[unsafe(no_mangle)]
pub extern "C" fn tenon_graph_fail(graph: TenonGraph, status: TenonStatus, message: *const c_char) -> TenonValue {
    crate::capi::record::in_graph(graph, "", |_| {
        let message = crate::capi::arguments::text(message, "message")?;
        let known = Status::from_code(status).filter(|status| *status != Status::Ok).unwrap_or(Status::InvalidArgument);
        Err(Error::new(known, if message.is_empty() { "the host gave no reason" } else { message }))
    })
}

/// Writes the text of a graph, for people to read: one line for each node, with its operands, its dtype and shape. The
/// text goes to `text`, which has room for `capacity` bytes, its length without the NUL to `length`. NULL with capacity 0
/// asks for the length alone; another capacity that is too small is refused. Threads as in tenon_graph_status.
#[unsafe(no_mangle)]
pub extern "C" fn tenon_graph_describe(
    graph: TenonGraph,
    text: *mut c_char,
    capacity: usize,
    length: *mut usize,
    error: *mut TenonError,
) -> TenonStatus {
    boundary(error, || {
        let recording = graph.get()?;
        let (text, length) = (OutSlice::new(text, capacity, "text")?, Out::new(length, "length")?);
        put_text(text, length, &recording.with(|g| g.graph().to_string())?, "text")
    })
}

/// The context that a graph belongs to, or a zero handle if the graph's handle is bad. Nothing to free. Any thread.
#[unsafe(no_mangle)]
pub extern "C" fn tenon_graph_context(graph: TenonGraph) -> TenonContext {
    boundary_value(TenonContext { id: 0 }, || Ok(graph.get_with_owner()?.1.handle()))
}

/// Frees a graph that tenon_graph_new made; zero is a no-op. Its values are stale from now on. Fails with TENON_BUSY for
/// the graph of a callback, which ends with the callback. Any thread.
#[unsafe(no_mangle)]
pub extern "C" fn tenon_graph_free(graph: TenonGraph) -> TenonStatus {
    boundary_status(|| {
        if graph.id() != 0 && graph.get()?.is_lent() {
            return Err(Error::new(Status::Busy, "the graph is a callback's, which ends when the callback returns"));
        }
        graph.free()
    })
}

/// Whether this is a value of a graph that is being recorded: false for the result of an operation that failed, and for
/// values whose graph has ended. Threads as in tenon_graph_status.
#[unsafe(no_mangle)]
pub extern "C" fn tenon_value_is_valid(value: TenonValue) -> CBool {
    boundary_value(CBool::FALSE, || Ok(CBool::new(type_of(value).is_ok())))
}

/// The graph of a value, or a zero handle for a value of no graph. Nothing to free. Any thread.
#[unsafe(no_mangle)]
pub extern "C" fn tenon_value_graph(value: TenonValue) -> TenonGraph {
    boundary_value(TenonGraph { id: 0 }, || {
        let graph = TenonGraph::from_id(value.graph);
        graph.get().map(|_| graph)
    })
}

/// Writes the dtype of a value. Fails with what stuck to the graph for the value of an operation that failed. Threads as
/// in tenon_graph_status.
#[unsafe(no_mangle)]
pub extern "C" fn tenon_value_dtype(value: TenonValue, dtype: *mut TenonDType, error: *mut TenonError) -> TenonStatus {
    boundary(error, || {
        let ty = type_of(value)?;
        Out::new(dtype, "dtype")?.put(ty.dtype as TenonDType);
        Ok(())
    })
}

/// Writes the sizes of a value's dimensions, outermost first, to `shape`, which has room for `capacity`, and their number
/// to `rank`. NULL with capacity 0 asks for the rank alone; another capacity below the rank is refused. TENON_MAX_RANK
/// always suffices. Fails with what stuck to the graph for the value of an operation that failed. Threads as in
/// tenon_graph_status.
#[unsafe(no_mangle)]
pub extern "C" fn tenon_value_shape(
    value: TenonValue,
    shape: *mut i64,
    capacity: usize,
    rank: *mut usize,
    error: *mut TenonError,
) -> TenonStatus {
    boundary(error, || {
        let ty = type_of(value)?;
        let (shape, rank) = (OutSlice::new(shape, capacity, "shape")?, Out::new(rank, "rank")?);
        let mut sizes = [0; TENON_MAX_RANK];
        let dims = ty.shape.dims();
        for (size, dim) in sizes.iter_mut().zip(dims) {
            *size = *dim as i64;
        }
        put_list(shape, rank, &sizes[..dims.len()], "shape")
    })
}

fn type_of(value: TenonValue) -> Result<Type> {
    let graph = TenonGraph::from_id(value.graph);
    graph.get()?.with(|g| {
        let known = values(graph.id(), g, &[value], "value")?;
        if !known[0].is_valid() {
            g.check()?;
        }
        Ok(g.ty(known[0]))
    })?
}
