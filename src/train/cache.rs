//! The programs of a Function: found by input types and by what was looked at while they were recorded.

use crate::context::Context;
use crate::error::Result;
use crate::ir::Type;
use crate::ops::Dependency;
use crate::runtime::Program;
use crate::tensor::Tensor;
use parking_lot::Mutex;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};

/// How many programs a Function keeps; the one that was not used for longest goes first.
pub const CACHED_PROGRAMS: usize = 32;

/// Programs, most of what they depend on, and when they were used.
#[derive(Default)]
pub(super) struct Cache {
    entries: Mutex<Vec<Entry>>,
    clock: AtomicU64,
    compilations: AtomicUsize,
}

struct Entry {
    ready: Arc<Ready>,
    dependencies: Vec<Arc<dyn Dependency>>,
    /// The context's revision at the last look at the dependencies, and whether they held.
    checked: u64,
    holds: bool,
    used: u64,
}

/// A program with room for outputs that belong to it.
pub(super) struct Ready {
    pub program: Program,
    outputs: Mutex<Option<Arc<[Tensor]>>>,
}

impl Ready {
    /// Output tensors that stay with the program: made by the first call, the same ones ever after.
    pub fn outputs(&self, context: &Context) -> Result<Arc<[Tensor]>> {
        let mut outputs = self.outputs.lock();
        if let Some(outputs) = &*outputs {
            return Ok(outputs.clone());
        }
        let made: Arc<[Tensor]> = new_outputs(&self.program, context)?.into();
        *outputs = Some(made.clone());
        Ok(made)
    }
}

/// Fresh tensors for the outputs of a program.
pub(super) fn new_outputs(program: &Program, context: &Context) -> Result<Vec<Tensor>> {
    program.output_types().iter().map(|ty| Tensor::zeros(context.allocator(), ty.dtype, ty.shape)).collect()
}

impl Cache {
    /// The program for inputs of these types, if one was recorded under the present circumstances. Allocates nothing.
    pub fn find(&self, context: &Context, inputs: &[&Tensor]) -> Option<Arc<Ready>> {
        // Read before anything is checked: a change behind it is looked at again next time.
        let revision = context.revision();
        let mut entries = self.entries.lock();
        for entry in entries.iter_mut() {
            if !same_types(entry.ready.program.input_types(), inputs) {
                continue;
            }
            if entry.checked != revision {
                entry.holds = entry.dependencies.iter().all(|dependency| dependency.holds());
                entry.checked = revision;
            }
            if entry.holds {
                entry.used = self.clock.fetch_add(1, Ordering::Relaxed);
                return Some(entry.ready.clone());
            }
        }
        None
    }

    /// Keeps a program that was recorded when the context's revision was `revision`, and says so in the count of compilations.
    pub fn insert(&self, program: Program, dependencies: Vec<Arc<dyn Dependency>>, revision: u64) -> Arc<Ready> {
        let ready = Arc::new(Ready { program, outputs: Mutex::new(None) });
        self.compilations.fetch_add(1, Ordering::Relaxed);
        let used = self.clock.fetch_add(1, Ordering::Relaxed);
        // What goes is dropped behind the lock: a program's end may end a host's callback.
        let mut gone = None;
        {
            let mut entries = self.entries.lock();
            if entries.len() >= CACHED_PROGRAMS
                && let Some(oldest) = (0..entries.len()).min_by_key(|index| entries[*index].used)
            {
                gone = Some(entries.swap_remove(oldest));
            }
            entries.push(Entry { ready: ready.clone(), dependencies, checked: revision, holds: true, used });
        }
        drop(gone);
        ready
    }

    pub fn compilations(&self) -> usize {
        self.compilations.load(Ordering::Relaxed)
    }
    pub fn len(&self) -> usize {
        self.entries.lock().len()
    }
}

fn same_types(types: &[Type], inputs: &[&Tensor]) -> bool {
    types.len() == inputs.len() && types.iter().zip(inputs).all(|(ty, tensor)| ty.dtype == tensor.dtype() && ty.shape == *tensor.shape())
}

/// Calls `body` with references to all tensors, from the stack as long as there are not very many of them.
pub(super) fn with_references<R>(tensors: &[Tensor], body: impl FnOnce(&[&Tensor]) -> R) -> R {
    fn on_stack<const N: usize, R>(tensors: &[Tensor], first: &Tensor, body: impl FnOnce(&[&Tensor]) -> R) -> R {
        let mut references = [first; N];
        for (reference, tensor) in references.iter_mut().zip(tensors) {
            *reference = tensor;
        }
        body(&references[..tensors.len()])
    }
    match tensors {
        [] => body(&[]),
        [first, ..] if tensors.len() <= 8 => on_stack::<8, R>(tensors, first, body),
        [first, ..] if tensors.len() <= 512 => on_stack::<512, R>(tensors, first, body),
        _ => body(&tensors.iter().collect::<Vec<_>>()),
    }
}
