//! Operations that the host computes.

use super::{Kernel, Memory};
use crate::compiler::KernelStep;
use crate::error::Result;
use crate::ir::{HostArray, HostCall, Shared};
use crate::runtime::jobs::Jobs;
use parking_lot::Mutex;

pub struct Host {
    call: Shared<HostCall>,
    state: Mutex<State>,
    /// Offsets in the shared memory of results that nobody reads.
    unread: Vec<usize>,
    shared_bytes: usize,
}

/// Lists that every run fills anew.
struct State {
    inputs: Vec<HostArray>,
    outputs: Vec<HostArray>,
}

// SAFETY: the pointers are rewritten before they are used, under the mutex.
unsafe impl Send for State {}

impl Host {
    pub fn new(step: &KernelStep, call: &Shared<HostCall>) -> Host {
        let array = |ty: &crate::ir::Type| HostArray { ty: *ty, data: std::ptr::null_mut() };
        let mut shared_bytes = 0;
        let unread = step
            .outputs
            .iter()
            .zip(&step.output_types)
            .map(|(output, ty)| {
                let offset = shared_bytes;
                shared_bytes += if output.is_none() { ty.bytes().next_multiple_of(64) } else { 0 };
                offset
            })
            .collect();
        let state = State { inputs: step.input_types.iter().map(array).collect(), outputs: step.output_types.iter().map(array).collect() };
        Host { call: call.clone(), state: Mutex::new(state), unread, shared_bytes }
    }
}

impl Kernel for Host {
    fn shared_bytes(&self) -> usize {
        self.shared_bytes
    }
    unsafe fn run(&self, memory: &Memory, _: &Jobs) -> Result<()> {
        let mut state = self.state.lock();
        let State { inputs, outputs } = &mut *state;
        for (number, input) in inputs.iter_mut().enumerate() {
            input.data = memory.input(number).get();
        }
        for (number, output) in outputs.iter_mut().enumerate() {
            let data = memory.output(number).get();
            output.data = if data.is_null() { memory.shared().get().wrapping_add(self.unread[number]) } else { data };
        }
        // SAFETY: operands and results are the step's, of these types.
        unsafe { self.call.function.run(inputs, outputs) }.map_err(|error| error.within(self.call.function.name()))
    }
}
