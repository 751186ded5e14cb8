//! Chapter: training steps.

use crate::capi::arguments::{Out, OutSlice, init_options, options, put_text, read_options, with_tensors};
use crate::capi::context::TenonContext;
use crate::capi::error::{TenonError, TenonStatus, boundary, boundary_status, boundary_value};
use crate::capi::function::{TenonFunction, check_outputs, types};
use crate::capi::handle::{Handle, Owner};
use crate::capi::optimizer::TenonOptimizer;
use crate::capi::tensor::TenonTensor;
use crate::error::Result;
use crate::train::{CACHED_PROGRAMS, StepOutputs, TrainStep};
use std::ffi::c_char;
use std::sync::{Arc, Mutex, PoisonError};

/// A loss function and an optimizer as one compiled program: forward pass, gradients, update.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct TenonTrainStep {
    /// Says nothing to a host; never compute with it. All zero is no training step.
    pub id: u64,
}

/// What a training step's handle stands for.
pub type StepObject = Arc<Step>;

/// A training step with the handles of its outputs.
pub struct Step {
    step: TrainStep,
    owner: Owner,
    /// One entry for each program's outputs, the one that was used last at the end.
    handed: Mutex<Vec<Handed>>,
}

/// The outputs of one program, and the handles that the host got for them.
struct Handed {
    outputs: StepOutputs,
    handles: Vec<TenonTensor>,
}

impl Step {
    /// Writes the handles of a run's outputs: the same ones each time. Allocates nothing but for new outputs.
    fn hand_out(&self, outputs: StepOutputs, room: OutSlice<TenonTensor>) -> Result<()> {
        let mut handed = self.handed.lock().unwrap_or_else(PoisonError::into_inner);
        match handed.iter().position(|known| std::ptr::eq(known.outputs.as_ptr(), outputs.as_ptr())) {
            Some(position) => handed[position..].rotate_left(1),
            None => {
                if handed.len() >= CACHED_PROGRAMS {
                    free_all(&handed.remove(0).handles);
                }
                let handles = vec![TenonTensor { id: 0 }; outputs.len()];
                handed.push(Handed { outputs, handles });
            }
        }
        let Some(Handed { outputs, handles }) = handed.last_mut() else { return Ok(()) };
        for (handle, output) in handles.iter_mut().zip(outputs.iter()) {
            // The host may have freed it.
            if handle.get().is_err() {
                Out::new(&raw mut *handle, "output")?.put_new(self.owner, output.clone())?;
            }
        }
        room.put(handles)
    }
}

impl Drop for Step {
    fn drop(&mut self) {
        for handed in self.handed.get_mut().unwrap_or_else(PoisonError::into_inner) {
            free_all(&handed.handles);
        }
    }
}

fn free_all(handles: &[TenonTensor]) {
    for handle in handles {
        // Freed before by the host, or with the context.
        let _ = handle.free();
    }
}

/// Options of tenon_train_step_new: none yet.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct TenonTrainStepOptions {
    /// sizeof(TenonTrainStepOptions), set by tenon_train_step_options_init.
    pub struct_size: usize,
}
options!(TenonTrainStepOptions {} | _options | ());

/// Fills options with the defaults. `size` is sizeof(TenonTrainStepOptions). Refuses NULL and a size that is no options
/// struct's.
#[unsafe(no_mangle)]
pub extern "C" fn tenon_train_step_options_init(options: *mut TenonTrainStepOptions, size: usize) -> TenonStatus {
    boundary_status(|| init_options(options, size))
}

/// Makes a training step. Nothing is recorded yet. NULL options are the defaults.
///
/// The loss is the function's first output, a float; of more than one element, their sum is meant. Other outputs come
/// along. Parameters that are trained are the optimizer's that require gradients. Cells are not switched to training:
/// that is tenon_cell_set_train's.
///
/// The caller frees the step. Fails with TENON_INVALID_ARGUMENT if loss and optimizer are of different contexts. Any
/// thread.
#[unsafe(no_mangle)]
pub extern "C" fn tenon_train_step_new(
    loss: TenonFunction,
    optimizer: TenonOptimizer,
    options: *const TenonTrainStepOptions,
    step: *mut TenonTrainStep,
    error: *mut TenonError,
) -> TenonStatus {
    boundary(error, || {
        let (loss, owner) = loss.get_with_owner()?;
        let optimizer = optimizer.get()?;
        read_options(options)?;
        let step = Out::new(step, "step")?;
        let made = TrainStep::new(&loss, &optimizer)?;
        step.put_new(owner, Arc::new(Step { step: made, owner, handed: Mutex::new(Vec::new()) }))
    })
}

/// Runs one whole training step: forward pass, gradients, update.
///
/// `outputs` receives what the loss function returned, the loss first, in tensors of the step: the same handles each time
/// for inputs of the same dtypes and shapes, with new elements. Copy what is to be kept (tenon_tensor_read,
/// tenon_tensor_duplicate). Nothing is to be freed: the handles go with the step. A host that frees one gets a new one
/// from the next run. They are no inputs of the same step.
///
/// On failure the parameters and the optimizer's state are what they were before the call, and `outputs` is untouched.
/// Allocates nothing after the first call with inputs of the same dtypes and shapes, as long as no cell or parameter
/// changes and no output is freed. Fails like tenon_function_call. Runs of one step come one after the other. Any thread.
#[unsafe(no_mangle)]
pub extern "C" fn tenon_train_step_run(
    step: TenonTrainStep,
    inputs: *const TenonTensor,
    input_count: usize,
    outputs: *mut TenonTensor,
    output_count: usize,
    error: *mut TenonError,
) -> TenonStatus {
    boundary(error, || {
        let step = step.get()?;
        let room = OutSlice::new(outputs, output_count, "outputs")?;
        check_outputs(step.step.counts().1, output_count)?;
        let outputs = with_tensors(inputs, input_count, "inputs", |inputs| step.step.run(inputs))?;
        step.hand_out(outputs, room)
    })
}

/// tenon_train_step_run with outputs in tensors of the host: of the right dtypes and shapes, row-major, and no inputs at
/// the same time.
#[unsafe(no_mangle)]
pub extern "C" fn tenon_train_step_run_into(
    step: TenonTrainStep,
    inputs: *const TenonTensor,
    input_count: usize,
    outputs: *const TenonTensor,
    output_count: usize,
    error: *mut TenonError,
) -> TenonStatus {
    boundary(error, || {
        let step = step.get()?;
        with_tensors(inputs, input_count, "inputs", |inputs| {
            with_tensors(outputs, output_count, "outputs", |outputs| step.step.run_into(inputs, outputs))
        })
    })
}

/// Records and compiles a step for inputs of the dtypes and shapes of these tensors, so that the first run does not have
/// to; their elements do not matter. Fails like tenon_train_step_run. Any thread.
#[unsafe(no_mangle)]
pub extern "C" fn tenon_train_step_prepare(
    step: TenonTrainStep,
    inputs: *const TenonTensor,
    input_count: usize,
    error: *mut TenonError,
) -> TenonStatus {
    boundary(error, || step.get()?.step.prepare(&types(inputs, input_count)?))
}

/// Writes how many programs were compiled for a step so far. Any thread.
#[unsafe(no_mangle)]
pub extern "C" fn tenon_train_step_compilations(step: TenonTrainStep, count: *mut usize, error: *mut TenonError) -> TenonStatus {
    boundary(error, || {
        let step = step.get()?;
        Out::new(count, "count")?.put(step.step.compilations());
        Ok(())
    })
}

/// Writes the graph of a step and its compiled program, as tenon_function_describe does.
#[unsafe(no_mangle)]
pub extern "C" fn tenon_train_step_describe(
    step: TenonTrainStep,
    inputs: *const TenonTensor,
    input_count: usize,
    text: *mut c_char,
    capacity: usize,
    length: *mut usize,
    error: *mut TenonError,
) -> TenonStatus {
    boundary(error, || {
        let step = step.get()?;
        let inputs = types(inputs, input_count)?;
        let (text, length) = (OutSlice::new(text, capacity, "text")?, Out::new(length, "length")?);
        put_text(text, length, &step.step.describe(&inputs)?, "text")
    })
}

/// The context that a step was made in, or a zero handle if the step's handle is bad. Nothing to free. Any thread.
#[unsafe(no_mangle)]
pub extern "C" fn tenon_train_step_context(step: TenonTrainStep) -> TenonContext {
    boundary_value(TenonContext { id: 0 }, || Ok(step.get_with_owner()?.1.handle()))
}

/// Frees a training step and the handles of its outputs; zero is a no-op. A run on another thread ends as it would have.
/// Any thread.
#[unsafe(no_mangle)]
pub extern "C" fn tenon_train_step_free(step: TenonTrainStep) -> TenonStatus {
    boundary_status(|| step.free())
}
