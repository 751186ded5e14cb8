//! Recording through handles: where a graph lies while a host records into it, and what becomes of failures.
//!
//! A graph has two sides. Rust code (a built-in cell, a gradient) holds it as `&mut Trace`; a host holds a handle, behind
//! which a [`Recording`] keeps the trace. Both may alternate to any depth: a callback in C calls a cell, whose
//! `construct` calls a cell in C, and so on. The trace moves with them: [`lend`] puts it behind the handle while a
//! callback runs, [`Recording::away`] takes it out while Rust code runs. No lock is held in either. The trace's tag is
//! the id of its handle, so that it comes back to the same one, and values keep their meaning.

use crate::capi::arguments::{Out, OutSlice, slice};
use crate::capi::error::{boundary_value, from_panic};
use crate::capi::graph::{TenonGraph, TenonValue};
use crate::capi::handle::{Handle, Owner};
use crate::capi::once::{Recorder, defect};
use crate::error::{Error, Result, Status};
use crate::ir::Value;
use crate::ops::Trace;
use crate::thread::ThreadMark;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// What a graph's handle stands for.
pub type GraphObject = Arc<Recording>;

/// A graph as a host sees it.
pub struct Recording {
    state: Mutex<State>,
}

struct State {
    place: Place,
    /// The thread of the callback that the graph is lent to; `None` for a graph that the host made.
    lent_to: Option<ThreadMark>,
    /// A failure from while the trace was away; sticks to it when it comes back.
    failure: Option<Error>,
}

enum Place {
    Here(Box<Trace>),
    /// Rust code records into it, further up the stack or on another thread.
    Away,
    /// The recording is over.
    Ended,
}

impl Recording {
    /// A graph of the host's own, empty.
    pub fn new() -> GraphObject {
        Recording::at(Place::Here(Box::default()), None)
    }
    fn at(place: Place, lent_to: Option<ThreadMark>) -> GraphObject {
        Arc::new(Recording { state: Mutex::new(State { place, lent_to, failure: None }) })
    }
    fn lock(&self) -> MutexGuard<'_, State> {
        // Nothing that can panic changes the state in steps: `with` catches panics of what it runs.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Runs `body` on the graph, which is locked meanwhile: `body` runs no callback. A panic sticks to the graph.
    ///
    /// Fails with BUSY while the graph is in use elsewhere, with INVALID_ARGUMENT when its recording is over.
    pub fn with<R>(&self, body: impl FnOnce(&mut Trace) -> R) -> Result<R> {
        let mut state = self.lock();
        state.check_thread()?;
        let trace = state.here()?;
        catch_unwind(AssertUnwindSafe(|| body(trace))).map_err(|payload| {
            let error = from_panic(payload);
            trace.fail(error.clone());
            error
        })
    }

    /// Runs `body` on the graph, which is taken out of its place meanwhile: `body` may run callbacks. Fails like
    /// [`Recording::with`].
    pub fn away<R>(&self, body: impl FnOnce(&mut Trace) -> R) -> Result<R> {
        let trace = {
            let mut state = self.lock();
            state.check_thread()?;
            state.take(Place::Away)?
        };
        let mut taken = Taken { recording: self, trace: Some(trace) };
        let trace = taken.trace.as_mut().ok_or_else(|| Error::internal("the graph was just taken"))?;
        Ok(body(trace))
    }

    /// Ends the recording of a graph that the host made, and gives the trace out.
    pub fn end(&self) -> Result<Box<Trace>> {
        let mut state = self.lock();
        if state.lent_to.is_some() {
            return Err(busy("the graph is a callback's, which ends when the callback returns"));
        }
        state.take(Place::Ended)
    }

    /// Makes a failure stick to the graph wherever it is.
    pub fn fail(&self, error: Error) {
        let mut state = self.lock();
        match &mut state.place {
            Place::Here(trace) => {
                trace.fail(error);
            }
            Place::Away | Place::Ended => {
                state.failure.get_or_insert(error);
            }
        }
    }

    /// Whether a callback records into the graph.
    pub fn is_lent(&self) -> bool {
        self.lock().lent_to.is_some()
    }
}

impl State {
    fn check_thread(&self) -> Result<()> {
        match self.lent_to {
            Some(thread) if thread != ThreadMark::current() => {
                Err(busy("the graph belongs to a callback on another thread; a callback records on its own thread"))
            }
            _ => Ok(()),
        }
    }
    fn here(&mut self) -> Result<&mut Trace> {
        match &mut self.place {
            Place::Here(trace) => Ok(trace),
            Place::Away => Err(busy("the graph is in use by another call")),
            Place::Ended => Err(Error::invalid("the graph was evaluated already: make a new one")),
        }
    }
    /// Takes the trace out and leaves `rest`.
    fn take(&mut self, rest: Place) -> Result<Box<Trace>> {
        self.here()?;
        match std::mem::replace(&mut self.place, rest) {
            Place::Here(trace) => Ok(trace),
            other => {
                self.place = other;
                Err(Error::internal("the graph is not where it was"))
            }
        }
    }
    fn put(&mut self, mut trace: Box<Trace>) {
        if let Some(error) = self.failure.take() {
            trace.fail(error);
        }
        self.place = Place::Here(trace);
    }
}

/// A trace outside of its place; goes back when dropped, also during unwinding.
struct Taken<'a> {
    recording: &'a Recording,
    trace: Option<Box<Trace>>,
}

impl Drop for Taken<'_> {
    fn drop(&mut self) {
        if let Some(mut trace) = self.trace.take() {
            if std::thread::panicking() {
                trace.fail(Error::internal("defect of the library: recording was cut short by a panic"));
            }
            self.recording.lock().put(trace);
        }
    }
}

fn busy(text: &str) -> Error {
    Error::new(Status::Busy, text)
}

/// Puts `g` behind a graph handle while `body` runs a callback with it. The handle is the one that the graph has further
/// up the stack, or a new one that dies when `body` returns.
pub fn lend<R>(g: &mut Trace, owner: Owner, body: impl FnOnce(TenonGraph) -> Result<R>) -> Result<R> {
    let known = TenonGraph::from_id(g.tag());
    let is_new = known.id() == 0;
    let handle = if is_new {
        let mut made = TenonGraph { id: 0 };
        Out::new(&raw mut made, "graph")?.put_new(owner, Recording::at(Place::Away, None))?;
        made
    } else {
        known
    };
    // Fails if the context was freed by a callback further up.
    let recording = handle.get()?;
    let outer = {
        let mut state = recording.lock();
        g.set_tag(handle.id());
        let trace = Box::new(std::mem::take(g));
        state.put(trace);
        state.lent_to.replace(ThreadMark::current())
    };
    let mut lent = Lent { recording: &recording, handle, outer, is_new, g };
    let result = body(handle);
    lent.take_back()?;
    result
}

/// A graph that a callback has; comes back at the end, also during unwinding.
struct Lent<'a> {
    recording: &'a Recording,
    handle: TenonGraph,
    /// Whom the graph was lent to before.
    outer: Option<ThreadMark>,
    is_new: bool,
    g: &'a mut Trace,
}

impl Lent<'_> {
    fn take_back(&mut self) -> Result<()> {
        let mut state = self.recording.lock();
        let rest = if self.is_new { Place::Ended } else { Place::Away };
        let trace = state.take(rest)?;
        state.lent_to = self.outer;
        drop(state);
        *self.g = *trace;
        if self.is_new {
            self.g.set_tag(0);
            // The host may have freed the context, and the handle with it.
            let _ = self.handle.free();
        }
        Ok(())
    }
}

impl Drop for Lent<'_> {
    fn drop(&mut self) {
        // After `take_back` the graph is not here any more, and this does nothing.
        if std::thread::panicking() {
            let _ = self.take_back();
        }
    }
}

// ---- values ----

impl TenonValue {
    /// What functions return when not even a graph is known.
    pub const NONE: TenonValue = TenonValue { graph: 0, index: u32::MAX, reserved: 0 };

    /// Whether it is all zero bytes, which stands for an operand that is absent.
    pub fn is_zero(self) -> bool {
        (self.graph, self.index, self.reserved) == (0, 0, 0)
    }
    pub fn of(graph: u64, value: Value) -> TenonValue {
        TenonValue { graph, index: if value.is_valid() { value.index() as u32 } else { u32::MAX }, reserved: 0 }
    }
    /// The value in `g`, whose handle is `graph`; an invalid one where an earlier failure left it so.
    pub fn in_graph(self, graph: u64, g: &Trace) -> Result<Value> {
        if self.reserved != 0 {
            return Err(Error::new(Status::InvalidHandle, "is not a value of this library"));
        }
        if self.graph != graph {
            return Err(match TenonGraph::from_id(self.graph).get() {
                Ok(_) => Error::invalid("belongs to another graph"),
                Err(error) => error,
            });
        }
        if self.index == u32::MAX {
            return if g.error().is_some() { Ok(Value::INVALID) } else { Err(Error::invalid("is not a value of this graph")) };
        }
        let value = Value::from_index(self.index as usize);
        if g.contains(value) { Ok(value) } else { Err(Error::new(Status::InvalidHandle, "is not a value of this graph")) }
    }
}

/// The values behind those that a host passed; a bad one fails with its place in `name`.
pub fn values(graph: u64, g: &Trace, values: &[TenonValue], name: &str) -> Result<Vec<Value>> {
    let one = |(index, value): (usize, &TenonValue)| value.in_graph(graph, g).map_err(|error| error.within(&format!("{name}[{index}]")));
    values.iter().enumerate().map(one).collect()
}

/// Records an operation on values: `body` gets the graph of the first that has one, and all of them. What fails sticks to
/// that graph, with `name` in its text.
pub fn record<const N: usize>(name: &str, operands: [TenonValue; N], body: impl FnOnce(&mut Trace, [Value; N]) -> Value) -> TenonValue {
    try_record(name, operands, |g, values| Ok(body(g, values)))
}

/// [`try_record`] with one more operand, for which a value of all zero bytes stands for none.
pub fn record_optional<const N: usize>(
    name: &str,
    operands: [TenonValue; N],
    more: TenonValue,
    body: impl FnOnce(&mut Trace, [Value; N], Option<Value>) -> Result<Value>,
) -> TenonValue {
    let mut all = operands.to_vec();
    if !more.is_zero() {
        all.push(more);
    }
    let mut body = Some(|g: &mut Trace, known: &[Value]| body(g, first_known(known)?, known.get(N).copied()));
    record_operands(name, &all, Recorder::new(&mut body))
}

/// [`record`] with a body that looks at more of what the host passed, which may be bad.
pub fn try_record<const N: usize>(
    name: &str,
    operands: [TenonValue; N],
    body: impl FnOnce(&mut Trace, [Value; N]) -> Result<Value>,
) -> TenonValue {
    let mut body = Some(|g: &mut Trace, known: &[Value]| body(g, first_known(known)?));
    record_operands(name, &operands, Recorder::new(&mut body))
}

/// What all operations share, once in the library: hundreds of functions call it, and copies of it would be most of their code.
#[inline(never)]
fn record_operands(name: &str, operands: &[TenonValue], mut body: Recorder) -> TenonValue {
    let graphs = operands.iter().map(|operand| TenonGraph::from_id(operand.graph));
    let Some(graph) = first_graph(graphs) else { return TenonValue::NONE };
    in_graph(graph, name, |g| {
        let mut known = Vec::with_capacity(operands.len());
        for (index, operand) in operands.iter().enumerate() {
            known.push(operand.in_graph(graph.id(), g).map_err(|error| error.within(&format!("operand {}", index + 1)))?);
        }
        body.call(g, &known)
    })
}

fn first_known<const N: usize>(known: &[Value]) -> Result<[Value; N]> {
    known.first_chunk().copied().ok_or_else(defect)
}

/// [`try_record`] with operands that may be left out: all zero bytes.
pub fn record_with<const N: usize, const M: usize>(
    name: &str,
    operands: [TenonValue; N],
    optional: [TenonValue; M],
    body: impl FnOnce(&mut Trace, [Value; N], [Option<Value>; M]) -> Result<Value>,
) -> TenonValue {
    try_record(name, operands, |g, known| {
        let graph =
            operands.iter().map(|operand| operand.graph).find(|graph| first_graph([TenonGraph::from_id(*graph)].into_iter()).is_some());
        let given = optional_values(graph.unwrap_or(0), g, optional)?;
        body(g, known, given)
    })
}

/// The values behind those that a host passed or left out.
fn optional_values<const M: usize>(graph: u64, g: &Trace, optional: [TenonValue; M]) -> Result<[Option<Value>; M]> {
    let mut given = [None; M];
    for (index, (given, value)) in given.iter_mut().zip(optional).enumerate() {
        if (value.graph, value.index, value.reserved) != (0, 0, 0) {
            *given = Some(value.in_graph(graph, g).map_err(|error| error.within(&format!("optional operand {}", index + 1)))?);
        }
    }
    Ok(given)
}

/// [`record_with`] for operations with several results: all outputs are written, as invalid values where something failed.
pub fn record_several<const N: usize, const M: usize>(
    name: &str,
    operands: [TenonValue; N],
    optional: [TenonValue; M],
    outputs: *mut TenonValue,
    output_count: usize,
    body: impl FnOnce(&mut Trace, [Value; N], [Option<Value>; M]) -> Result<Vec<Value>>,
) {
    let mut results = Vec::new();
    let recorded = record_with(name, operands, optional, |g, operands, given| {
        let _room = OutSlice::new(outputs, output_count, "outputs")?;
        results = body(g, operands, given)?;
        first_of(g, &results, output_count)
    });
    put_results(recorded, &results, outputs, output_count);
}

/// Records an operation on a list of values, of which there is at least one.
pub fn record_list(
    name: &str,
    parts: *const TenonValue,
    count: usize,
    body: impl FnOnce(&mut Trace, &[Value]) -> Result<Value>,
) -> TenonValue {
    record_parts(name, parts, count, Recorder::new(&mut Some(body)))
}

#[inline(never)]
fn record_parts(name: &str, parts: *const TenonValue, count: usize, mut body: Recorder) -> TenonValue {
    // A list that cannot be read leads to no graph, and so to nothing that could tell of it but the missing value.
    let Ok(parts) = slice(parts, count, "parts") else { return TenonValue::NONE };
    let Some(graph) = first_graph(parts.iter().map(|part| TenonGraph::from_id(part.graph))) else { return TenonValue::NONE };
    in_graph(graph, name, |g| {
        let known = values(graph.id(), g, parts, "parts")?;
        if known.iter().any(|part| !part.is_valid()) {
            return Ok(Value::INVALID);
        }
        body.call(g, &known)
    })
}

/// [`record_list`] for operations with several results, as in [`record_several`].
pub fn record_list_several(
    name: &str,
    parts: *const TenonValue,
    count: usize,
    outputs: *mut TenonValue,
    output_count: usize,
    body: impl FnOnce(&mut Trace, &[Value]) -> Result<Vec<Value>>,
) {
    let mut results = Vec::new();
    let recorded = record_list(name, parts, count, |g, known| {
        let _room = OutSlice::new(outputs, output_count, "outputs")?;
        results = body(g, known)?;
        first_of(g, &results, output_count)
    });
    put_results(recorded, &results, outputs, output_count);
}

/// The first of several results, if there are as many as the host expects.
fn first_of(g: &Trace, results: &[Value], expected: usize) -> Result<Value> {
    match results.first() {
        Some(first) if results.len() == expected => Ok(*first),
        // Nothing comes back where an earlier failure ended the recording.
        _ if g.error().is_some() => Ok(Value::INVALID),
        _ => Err(Error::invalid(format!("outputs has length {expected}, but there are {}", results.len()))),
    }
}

/// Writes all outputs, as invalid values where something failed.
fn put_results(recorded: TenonValue, results: &[Value], outputs: *mut TenonValue, output_count: usize) {
    if let Ok(room) = OutSlice::new(outputs, output_count, "outputs") {
        let results = if results.len() == output_count { results } else { &[] };
        for index in 0..output_count {
            let value = results.get(index).copied().unwrap_or(Value::INVALID);
            room.put_at(index, if recorded.graph == 0 { TenonValue::NONE } else { TenonValue::of(recorded.graph, value) });
        }
    }
}

/// [`try_record`] for an operation with more results, each of which goes where the host says, unless that is NULL: an invalid value if
/// something failed.
pub fn try_record_more<const N: usize, const M: usize>(
    name: &str,
    operands: [TenonValue; N],
    places: [(*mut TenonValue, &str); M],
    body: impl FnOnce(&mut Trace, [Value; N]) -> Result<(Value, [Value; M])>,
) -> TenonValue {
    let mut more = [Value::INVALID; M];
    let first = try_record(name, operands, |g, values| {
        for (place, name) in places {
            // Written when all is done.
            let _ = Out::optional(place, name)?;
        }
        let (first, others) = body(g, values)?;
        more = others;
        Ok(first)
    });
    for ((place, name), value) in places.into_iter().zip(more) {
        if let Ok(Some(place)) = Out::optional(place, name) {
            place.put(TenonValue::of(first.graph, value));
        }
    }
    first
}

/// The first handle behind which there is a graph.
pub fn first_graph(mut graphs: impl Iterator<Item = TenonGraph>) -> Option<TenonGraph> {
    graphs.find(|graph| boundary_value(false, || graph.get().map(|_| true)))
}

/// Records into a graph; what fails sticks to it, with `name` in its text. `body` runs no callback.
pub fn in_graph(graph: TenonGraph, name: &str, body: impl FnOnce(&mut Trace) -> Result<Value>) -> TenonValue {
    in_graph_of(graph, name, Recorder::new(&mut Some(|g: &mut Trace, _: &[Value]| body(g))))
}

#[inline(never)]
fn in_graph_of(graph: TenonGraph, name: &str, mut body: Recorder) -> TenonValue {
    boundary_value(TenonValue::NONE, || {
        let recording = graph.get()?;
        let recorded = recording.with(|g| match body.call(g, &[]) {
            Ok(value) => value,
            Err(error) => g.fail(error.within(name)),
        });
        Ok(match recorded {
            Ok(value) => TenonValue::of(graph.id(), value),
            Err(error) => {
                recording.fail(error.within(name));
                TenonValue::of(graph.id(), Value::INVALID)
            }
        })
    })
}

/// The axis that a host means in a tensor of this rank: negative ones count from the last.
pub fn axis(axis: i64, rank: usize) -> Result<usize> {
    let counted = if axis < 0 { axis.saturating_add(rank as i64) } else { axis };
    usize::try_from(counted).ok().filter(|axis| *axis < rank).ok_or_else(|| {
        Error::shape(match rank {
            0 => format!("there is no axis {axis} in a scalar"),
            1 => format!("there is no axis {axis}; the axes are 0 and -1"),
            _ => format!("there is no axis {axis}; the axes are {} to {}", -(rank as i64), rank - 1),
        })
    })
}

/// Several axes, each once.
pub fn axes(axes: &[i64], rank: usize) -> Result<Vec<usize>> {
    let mut known: Vec<usize> = Vec::with_capacity(axes.len().min(rank));
    for one in axes {
        let one = axis(*one, rank)?;
        if known.contains(&one) {
            return Err(Error::shape(format!("axis {one} is named twice")));
        }
        known.push(one);
    }
    Ok(known)
}

/// Sizes or positions that a host passed as signed numbers.
pub fn sizes(numbers: &[i64], name: &str) -> Result<Vec<usize>> {
    numbers
        .iter()
        .map(|number| usize::try_from(*number).map_err(|_| Error::shape(format!("{name} has {number}, which is negative"))))
        .collect()
}
