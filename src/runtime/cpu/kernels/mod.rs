//! Kernels: what computes operations that are no loops, products, or assemblies. One file holds one family.
//!
//! [`ready`] decides once, when a program is compiled, how an operation is computed; [`Kernel::run`] then computes it as often as the
//! program runs, without an allocation.

mod along;
mod assemble;
mod attention;
mod convolution;
mod cumulative;
mod draw;
mod element;
mod host;
mod index;
mod join;
mod linalg;
mod order;
mod pooling;
mod scan;
mod scatter;

pub(super) use assemble::assemble;

use super::simd::Level;
use crate::compiler::KernelStep;
use crate::error::{Error, Result};
use crate::ir::Op;
use crate::runtime::jobs::Jobs;

/// Elements of a task.
const TASK: usize = 32 * 1024;

/// An operation made ready to run.
pub(super) trait Kernel: Send + Sync {
    /// Bytes of scratch that each task may ask its worker for.
    fn scratch_bytes(&self) -> usize {
        0
    }
    /// Bytes that all tasks of a run share, in [`Memory::shared`].
    fn shared_bytes(&self) -> usize {
        0
    }
    /// Computes the results. Allocates nothing. Results depend on the operands alone, never on the number of workers.
    ///
    /// # Safety
    /// The memory holds operands and results of the step's types, results overlap nothing else, nobody else touches them; the job system has the
    /// scratch that was asked for, and the shared memory is as long as was asked for, aligned to 64.
    unsafe fn run(&self, memory: &Memory, jobs: &Jobs) -> Result<()>;
}

/// Decides how the step is computed.
pub(super) fn ready(step: &KernelStep, level: Level) -> Result<Box<dyn Kernel>> {
    Ok(match &step.op {
        Op::Gather { axis } => Box::new(index::Gather::new(step, *axis as usize)),
        Op::Scan(_) => Box::new(scan::Scan::new(step, level)?),
        Op::Host(call) => Box::new(host::Host::new(step, call)),
        Op::Attention(op) => Box::new(attention::Forward::new(step, op, level)?),
        Op::AttentionGradient(op) => Box::new(attention::Gradient::new(step, op, level)?),
        Op::Convolution { role, window, groups } => convolution::ready(step, *role, window, *groups, level)?,
        Op::Window { role, window } => pooling::ready(step, *role, window, level)?,
        Op::Scatter { kind, axis, fill } => Box::new(scatter::Scatter::new(step, *kind, *axis as usize, fill.is_some())),
        Op::TakeAlong { axis } => Box::new(along::TakeAlong::new(step, *axis as usize)),
        Op::ScatterAlong { kind, axis, fill } => Box::new(along::ScatterAlong::new(step, *kind, *axis as usize, fill.is_some())),
        Op::ArgSort { axis, descending } => Box::new(order::Rank::sort(step, *axis as usize, *descending)),
        Op::ArgTop { axis, count, largest } => Box::new(order::Rank::top(step, *axis as usize, *count, *largest)),
        Op::SearchSorted { right } => Box::new(order::Search::new(step, *right)),
        Op::Cumulative { kind, axis, reverse } => Box::new(cumulative::Cumulative::new(step, *kind, *axis as usize, *reverse)),
        Op::Recurrence { axis, reverse } => Box::new(cumulative::Recurrence::new(step, *axis as usize, *reverse)),
        Op::Linalg(op) => linalg::ready(step, *op),
        Op::Draw { draw, start, .. } => Box::new(draw::Draws::new(step, *draw, *start)),
        Op::Multinomial { count, replacement, start } => Box::new(draw::Multinomial::new(step, *count, *replacement, *start)),
        other => return Err(Error::internal(format!("{} has no kernel", other.name()))),
    })
}

/// Where a run's operands and results are.
pub(super) struct Memory<'a> {
    step: &'a KernelStep,
    pointers: &'a [*mut u8],
    shared: *mut u8,
}

// SAFETY: as for `Shared`: tasks write disjoint parts of what the pointers reach.
unsafe impl Sync for Memory<'_> {}

impl<'a> Memory<'a> {
    /// `pointers[i]` points to buffer i of the step's plan.
    pub fn new(step: &'a KernelStep, pointers: &'a [*mut u8], shared: *mut u8) -> Memory<'a> {
        Memory { step, pointers, shared }
    }
    pub fn input(&self, number: usize) -> Shared {
        Shared(self.pointers[self.step.inputs[number].0 as usize])
    }
    /// Null for a result that nobody reads.
    pub fn output(&self, number: usize) -> Shared {
        Shared(self.step.outputs[number].map_or(std::ptr::null_mut(), |buffer| self.pointers[buffer.0 as usize]))
    }
    pub fn shared(&self) -> Shared {
        Shared(self.shared)
    }
}

/// Pointers that tasks share; each task writes its own part.
#[derive(Clone, Copy)]
pub(super) struct Shared(pub *mut u8);
// SAFETY: tasks of one step write disjoint parts of the memory, by the construction of each kernel.
unsafe impl Send for Shared {}
// SAFETY: as above.
unsafe impl Sync for Shared {}

impl Shared {
    pub fn get(&self) -> *mut u8 {
        self.0
    }
}
