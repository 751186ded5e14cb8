//! Functions: closures that record graphs, run as compiled programs.

use crate::context::{Context, LogLevel};
use crate::error::{Error, Result, Status};
use crate::ir::{Type, Value};
use crate::ops::Trace;
use crate::runtime::Program;
use crate::tensor::Tensor;
use crate::thread::ThreadMark;
use crate::train::GradientId;
use crate::train::cache::{Cache, Ready, new_outputs, with_references};
use parking_lot::Mutex;
use std::fmt;
use std::sync::Arc;

pub use crate::train::cache::CACHED_PROGRAMS;

/// Records a graph: takes the graph and its inputs, returns the outputs.
pub type Recorder = dyn Fn(&mut Trace, &[Value]) -> Result<Vec<Value>> + Send + Sync;

/// A computation that is recorded when it is called with new dtypes or shapes, or after a change that it depends on, and runs as a
/// compiled program every other time. Clones are the same function. All methods may be called from any thread.
///
/// What a recording depends on besides its inputs is noticed by itself: the structure and training flags of cells that it called, and
/// `requires_grad` of parameters that it asked about. Values of parameters, hyperparameters, and generators are no such thing: they are
/// read when the program runs. At most [`CACHED_PROGRAMS`] programs are kept.
#[derive(Clone)]
pub struct Function(Arc<Inner>);

struct Inner {
    context: Context,
    input_count: Option<usize>,
    output_count: Option<usize>,
    record: Box<Recorder>,
    /// What the outputs from this one on are gradients of.
    gradient_ids: Option<(usize, Vec<GradientId>)>,
    cache: Cache,
    /// Threads that are recording this function now. No lock is held meanwhile: the recorder may call what it likes but this function.
    recording: Mutex<Vec<ThreadMark>>,
}

impl Function {
    /// A function of any number of inputs and outputs. `record` may run on several threads at once, and holds on until the last clone is
    /// gone.
    pub fn new(context: &Context, record: impl Fn(&mut Trace, &[Value]) -> Result<Vec<Value>> + Send + Sync + 'static) -> Function {
        Function::with_counts(context, None, None, record)
    }
    /// [`Function::new`] with the number of inputs, of outputs, or both held to what is said here.
    pub fn with_counts(
        context: &Context,
        input_count: Option<usize>,
        output_count: Option<usize>,
        record: impl Fn(&mut Trace, &[Value]) -> Result<Vec<Value>> + Send + Sync + 'static,
    ) -> Function {
        Function(Arc::new(Inner {
            context: context.clone(),
            input_count,
            output_count,
            record: Box::new(record),
            gradient_ids: None,
            cache: Cache::default(),
            recording: Mutex::new(Vec::new()),
        }))
    }
    /// Says what the outputs from number `ids.0` on are gradients of. For a function that was just made.
    pub(super) fn with_gradient_ids(mut self, ids: Option<(usize, Vec<GradientId>)>) -> Function {
        if let Some(inner) = Arc::get_mut(&mut self.0) {
            inner.gradient_ids = ids;
        }
        self
    }
    /// What output `number` is the gradient of; `None` if it is no gradient.
    pub fn gradient_id(&self, number: usize) -> Option<&GradientId> {
        let (first, ids) = self.0.gradient_ids.as_ref()?;
        ids.get(number.checked_sub(*first)?)
    }
    /// The number of the output that is the gradient of this. NOT_FOUND if there is none.
    pub fn find_gradient(&self, id: &GradientId) -> Result<usize> {
        let found = self.0.gradient_ids.as_ref().and_then(|(first, ids)| Some(first + ids.iter().position(|known| known == id)?));
        found.ok_or_else(|| {
            let name = match id {
                GradientId::Position(position) => format!("position {position}"),
                GradientId::Weight(name) => format!("the weight {name}"),
            };
            Error::new(Status::NotFound, format!("the function returns no gradient of {name}"))
        })
    }
    pub fn context(&self) -> &Context {
        &self.0.context
    }
    /// The number of inputs, if it was said.
    pub fn input_count(&self) -> Option<usize> {
        self.0.input_count
    }
    /// The number of outputs, if it was said.
    pub fn output_count(&self) -> Option<usize> {
        self.0.output_count
    }

    /// Runs the function and returns its outputs in fresh tensors.
    ///
    /// Fails with what the recording or the run fails with; variables are as before then. BUSY while this thread records this function.
    pub fn call(&self, inputs: &[&Tensor]) -> Result<Vec<Tensor>> {
        let ready = self.ready(inputs)?;
        let outputs = new_outputs(&ready.program, self.context())?;
        with_references(&outputs, |outputs| ready.program.run(inputs, outputs))?;
        Ok(outputs)
    }
    /// [`Function::call`] into tensors that exist: of the right types and row-major without gaps. They are written only on success.
    pub fn call_into(&self, inputs: &[&Tensor], outputs: &[&Tensor]) -> Result<()> {
        let ready = self.ready(inputs)?;
        let types = ready.program.output_types();
        if outputs.len() != types.len() {
            return Err(Error::invalid(format!("the function has {} outputs, not {}", types.len(), outputs.len())));
        }
        for (position, (tensor, ty)) in outputs.iter().zip(types).enumerate() {
            if tensor.dtype() != ty.dtype {
                return Err(Error::dtype(format!("output {position} is {ty}, not {tensor}")));
            }
            if *tensor.shape() != ty.shape {
                return Err(Error::shape(format!("output {position} is {ty}, not {tensor}")));
            }
            if !tensor.is_contiguous() {
                return Err(Error::invalid(format!(
                    "output {position}: the elements of the tensor do not lie in row-major order without gaps"
                )));
            }
            tensor.check_writable().map_err(|error| error.within(&format!("output {position}")))?;
        }
        ready.program.run(inputs, outputs)
    }
    /// Runs into tensors that stay with the program: the same ones for the same input types every time.
    pub(super) fn call_in_place(&self, inputs: &[&Tensor]) -> Result<Arc<[Tensor]>> {
        let ready = self.ready(inputs)?;
        let outputs = ready.outputs(self.context())?;
        with_references(&outputs, |outputs| ready.program.run(inputs, outputs))?;
        Ok(outputs)
    }

    /// Records the function as a part of the graph `g`. This is how functions are made from functions.
    ///
    /// Fails with what the recorder fails with, which sticks to `g` as well; BUSY while this thread records this function.
    pub fn record(&self, g: &mut Trace, inputs: &[Value]) -> Result<Vec<Value>> {
        let recorded = self.record_checked(g, inputs);
        if let Err(error) = &recorded {
            // An error that stuck before is the cause, and has the path of its cell already.
            if g.error().is_none() {
                g.fail(error.clone());
            }
            return Err(g.error().cloned().unwrap_or_else(|| error.clone()));
        }
        recorded
    }
    fn record_checked(&self, g: &mut Trace, inputs: &[Value]) -> Result<Vec<Value>> {
        g.check()?;
        if let Some(count) = self.0.input_count
            && inputs.len() != count
        {
            return Err(Error::invalid(format!("the function takes {count} inputs, not {}", inputs.len())));
        }
        let guard = Recording::begin(self)?;
        let outputs = (self.0.record)(g, inputs);
        drop(guard);
        g.check()?;
        let outputs = outputs?;
        if let Some(count) = self.0.output_count
            && outputs.len() != count
        {
            return Err(Error::invalid(format!("the function has {count} outputs, its recorder returned {}", outputs.len())));
        }
        if let Some(position) = outputs.iter().position(|output| !g.contains(*output)) {
            return Err(Error::invalid(format!("output {position} is not a value of this graph")));
        }
        Ok(outputs)
    }

    /// The graph and the program for inputs of these types, for people to read. Records and compiles if need be, runs nothing.
    pub fn describe(&self, inputs: &[Type]) -> Result<String> {
        let mut g = Trace::new();
        let outputs = self.trace(&mut g, inputs)?;
        let graph = g.finish(&outputs)?;
        let text = graph.to_string();
        let program = Program::compile(graph, self.context().target())?;
        Ok(format!("{text}\n{}", program.describe()))
    }
    fn trace(&self, g: &mut Trace, inputs: &[Type]) -> Result<Vec<Value>> {
        let inputs: Vec<Value> = inputs.iter().map(|ty| g.input(*ty)).collect();
        self.record(g, &inputs)
    }

    /// Makes the program for inputs of these types now, so that the first call does not have to.
    pub fn prepare(&self, inputs: &[Type]) -> Result<()> {
        self.compile(inputs).map(|_| ())
    }
    /// How many programs were compiled for this function so far.
    pub fn compilations(&self) -> usize {
        self.0.cache.compilations()
    }
    /// How many programs are kept now.
    pub fn cached_programs(&self) -> usize {
        self.0.cache.len()
    }
    /// Tells functions apart: equal for clones only.
    pub fn key(&self) -> usize {
        Arc::as_ptr(&self.0) as usize
    }

    fn ready(&self, inputs: &[&Tensor]) -> Result<Arc<Ready>> {
        if let Some(ready) = self.0.cache.find(self.context(), inputs) {
            return Ok(ready);
        }
        let types: Vec<Type> = inputs.iter().map(|tensor| Type::new(tensor.dtype(), *tensor.shape())).collect();
        self.compile(&types)
    }
    fn compile(&self, inputs: &[Type]) -> Result<Arc<Ready>> {
        let revision = self.context().revision();
        let mut g = Trace::new();
        let outputs = self.trace(&mut g, inputs)?;
        let dependencies = g.take_dependencies();
        let graph = g.finish(&outputs)?;
        let nodes = graph.nodes.len();
        let program = Program::compile(graph, self.context().target())?;
        self.context().log(LogLevel::Info, || {
            let inputs: Vec<String> = inputs.iter().map(Type::to_string).collect();
            format!("compiled a program of {nodes} nodes for ({})", inputs.join(", "))
        });
        Ok(self.0.cache.insert(program, dependencies, revision))
    }
}

impl fmt::Debug for Function {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let count = |count: Option<usize>| count.map_or("any".to_string(), |count| count.to_string());
        write!(f, "Function({} inputs, {} outputs)", count(self.input_count()), count(self.output_count()))
    }
}

/// Says that this thread records a function, as long as it lives: also when the recorder unwinds.
struct Recording<'a> {
    function: &'a Function,
    thread: ThreadMark,
}

impl Recording<'_> {
    fn begin(function: &Function) -> Result<Recording<'_>> {
        let thread = ThreadMark::current();
        let mut recording = function.0.recording.lock();
        if recording.contains(&thread) {
            return Err(Error::new(Status::Busy, "the function calls itself while it is being recorded"));
        }
        recording.push(thread);
        Ok(Recording { function, thread })
    }
}

impl Drop for Recording<'_> {
    fn drop(&mut self) {
        let mut recording = self.function.0.recording.lock();
        if let Some(place) = recording.iter().position(|thread| *thread == self.thread) {
            recording.swap_remove(place);
        }
    }
}
