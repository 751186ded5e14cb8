//! The training step: loss, gradients, and update in one program.

use crate::autodiff::reverse;
use crate::error::{Error, Result, Status};
use crate::ir::{Type, Value};
use crate::ops::Trace;
use crate::optim::Optimizer;
use crate::tensor::Tensor;
use crate::train::Function;
use std::fmt;
use std::ops::Deref;
use std::sync::Arc;

/// A loss function and an optimizer as one program; clones are the same step. All methods may be called from any thread; runs come one after
/// the other.
///
/// The loss is the function's first output, a float; of more than one element, their sum is meant. Other outputs come along. Gradients are
/// those of the optimizer's parameters that require them. Cells are not switched to training: that is [`crate::nn::Cell::set_train`]'s.
#[derive(Clone)]
pub struct TrainStep {
    function: Function,
    optimizer: Optimizer,
}

/// What the loss function returned, the loss first: tensors that belong to the step and are rewritten by its next run with inputs of the
/// same types. Copy what is to be kept.
#[derive(Clone, Debug)]
pub struct StepOutputs(Arc<[Tensor]>);

impl Deref for StepOutputs {
    type Target = [Tensor];
    fn deref(&self) -> &[Tensor] {
        &self.0
    }
}

impl TrainStep {
    /// Records nothing yet. Fails with INVALID_ARGUMENT if the loss and the optimizer belong to different contexts.
    pub fn new(loss: &Function, optimizer: &Optimizer) -> Result<TrainStep> {
        if loss.context() != optimizer.context() {
            return Err(Error::invalid("the loss function and the optimizer belong to different contexts"));
        }
        let (recorded_loss, recorded_optimizer) = (loss.clone(), optimizer.clone());
        let function = Function::with_counts(loss.context(), loss.input_count(), loss.output_count(), move |g, inputs| {
            record(g, &recorded_loss, &recorded_optimizer, inputs)
        });
        Ok(TrainStep { function, optimizer: optimizer.clone() })
    }
    pub fn optimizer(&self) -> &Optimizer {
        &self.optimizer
    }
    /// How many inputs a run takes and how many outputs it has, if the loss function says so.
    pub fn counts(&self) -> (Option<usize>, Option<usize>) {
        (self.function.input_count(), self.function.output_count())
    }

    /// Runs one whole step: forward pass, gradients, update.
    ///
    /// On failure the parameters and the optimizer's state are what they were before the call. Allocates nothing after the first run with
    /// inputs of the same types, unless a cell or parameter changed in between.
    pub fn run(&self, inputs: &[&Tensor]) -> Result<StepOutputs> {
        self.function.call_in_place(inputs).map(StepOutputs)
    }
    /// [`TrainStep::run`] with outputs in tensors of the caller's: of the right types and row-major without gaps.
    pub fn run_into(&self, inputs: &[&Tensor], outputs: &[&Tensor]) -> Result<()> {
        self.function.call_into(inputs, outputs)
    }
    /// Makes the program for inputs of these types now, so that the first run does not have to.
    pub fn prepare(&self, inputs: &[Type]) -> Result<()> {
        self.function.prepare(inputs)
    }
    /// The graph and the program for inputs of these types, for people to read.
    pub fn describe(&self, inputs: &[Type]) -> Result<String> {
        self.function.describe(inputs)
    }
    /// How many programs were compiled for this step so far.
    pub fn compilations(&self) -> usize {
        self.function.compilations()
    }
}

impl fmt::Debug for TrainStep {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "TrainStep with {:?}", self.optimizer)
    }
}

fn record(g: &mut Trace, loss: &Function, optimizer: &Optimizer, inputs: &[Value]) -> Result<Vec<Value>> {
    let trained = optimizer.trainable_in(g);
    if trained.is_empty() {
        return Err(Error::invalid("train step: none of the optimizer's parameters requires a gradient"));
    }
    // Read before the loss is recorded: gradients are taken at what parameters hold when the step begins.
    let weights: Vec<Value> = trained.iter().map(|parameter| parameter.read(g)).collect();
    let outputs = loss.record(g, inputs)?;
    let Some(value) = outputs.first().copied() else {
        return Err(Error::invalid("train step: the loss function has no outputs; the first one is the loss"));
    };
    if !g.dtype(value).is_float() {
        let ty = g.ty(value);
        return Err(Error::new(Status::NotDifferentiable, format!("train step: the loss is {ty}, not a float")));
    }
    let seed = g.ones_like(value);
    let gradients = reverse(g, &[(value, seed)], &weights)?;
    optimizer.record(g, &gradients)?;
    Ok(outputs)
}
