//! Programs: compiled graphs with the memory they run in.

use crate::compiler::{Place, Plan, compile};
use crate::error::{Error, Result, Status};
use crate::ir::{Graph, Type};
use crate::runtime::cpu::Executable;
use crate::runtime::cpu::simd::Level;
use crate::runtime::jobs::{Jobs, ScratchMemory};
use crate::tensor::{Allocator, STORAGE_ALIGN, Storage, Tensor};
use parking_lot::Mutex;
use std::ptr::NonNull;

/// What programs are compiled for and run on.
#[derive(Clone)]
pub struct Target {
    pub allocator: Allocator,
    pub jobs: Jobs,
    pub level: Level,
}

/// A graph compiled for a target.
///
/// Running it reads its inputs and variables and writes its outputs and variables. All methods may be called from any thread; runs of
/// one program follow one another.
pub struct Program {
    plan: Plan,
    executable: Executable,
    target: Target,
    input_types: Vec<Type>,
    output_types: Vec<Type>,
    state: Mutex<State>,
}

/// Memory and lists that every run uses anew, so that no run but the first allocates.
struct State {
    arena: Option<Storage>,
    pointers: Vec<*mut u8>,
    /// Contiguous copies of strided inputs, made when one comes.
    staged: Vec<Option<Tensor>>,
    locks: Vec<Lock>,
}

// SAFETY: the pointers are rewritten at the start of every run, under the mutex that holds the state.
unsafe impl Send for State {}

#[derive(Clone, Copy)]
struct Lock {
    storage: *const Storage,
    write: bool,
    what: What,
}

#[derive(Clone, Copy, PartialEq)]
enum What {
    Input(usize),
    Output(usize),
    Variable(usize),
    Constant,
}

impl Program {
    /// Simplifies, fuses, and places `graph`. Nothing is allocated for runs yet.
    pub fn compile(graph: Graph, target: &Target) -> Result<Program> {
        let input_types = graph.inputs.iter().map(|input| graph.ty(*input)).collect();
        let output_types = graph.outputs.iter().map(|output| graph.ty(*output)).collect();
        let plan = compile(&graph)?;
        let executable = Executable::new(&plan, target.level)?;
        let state = State { arena: None, pointers: Vec::new(), staged: Vec::new(), locks: Vec::new() };
        Ok(Program { plan, executable, target: target.clone(), input_types, output_types, state: Mutex::new(state) })
    }
    pub fn input_types(&self) -> &[Type] {
        &self.input_types
    }
    pub fn output_types(&self) -> &[Type] {
        &self.output_types
    }
    /// The plan that runs.
    pub fn plan(&self) -> &Plan {
        &self.plan
    }
    /// Bytes that the program takes for itself when it first runs: its arena, and scratch for each worker.
    pub fn memory_bytes(&self) -> usize {
        self.arena_bytes() + self.executable.scratch_bytes() * self.target.jobs.concurrency()
    }
    /// The compiled program as text.
    pub fn describe(&self) -> String {
        format!("{}", self.plan)
    }
    fn arena_bytes(&self) -> usize {
        self.plan.arena_bytes.next_multiple_of(STORAGE_ALIGN) + self.executable.partial_bytes()
    }

    /// Runs the program once.
    ///
    /// `outputs` are contiguous tensors of the output types. On failure they and all variables are as before. Only a defect of the
    /// library can strike once results are being written; the variables of the program are then POISONED.
    pub fn run(&self, inputs: &[&Tensor], outputs: &[&Tensor]) -> Result<()> {
        check("input", inputs, &self.input_types)?;
        check("output", outputs, &self.output_types)?;
        if let Some(position) = outputs.iter().position(|output| !output.is_contiguous()) {
            return Err(Error::invalid(format!("output {position} has strides; results are written to contiguous tensors")));
        }
        let mut state = self.state.lock();
        let state = &mut *state;
        self.prepare(state, inputs)?;
        self.point(state, inputs, outputs)?;
        let arena = state.arena.as_ref().expect("prepared").ptr();
        let locked = Locked::new(self.lock_list(&mut state.locks, inputs, outputs)?)?;
        let partials = arena.wrapping_add(self.plan.arena_bytes.next_multiple_of(STORAGE_ALIGN));
        // Once results are written there is no way back: a host's job system that fails there leaves the rest to this thread.
        let assured = self.target.jobs.assured();
        let mut torn = None;
        for number in 0..self.plan.steps.len() {
            let commits = number >= self.plan.commit;
            if commits && torn.is_none() {
                torn = Some(Torn(&self.plan.graph));
            }
            let jobs = if commits { &assured } else { &self.target.jobs };
            // SAFETY: every pointer is to memory of its buffer's size, checked by type; the locks keep others out; the arena is ours.
            unsafe { self.executable.run_step(&self.plan, number, &state.pointers, partials, jobs)? };
        }
        std::mem::forget(torn);
        drop(locked);
        Ok(())
    }

    /// Memory that is there from the first run on.
    fn prepare(&self, state: &mut State, inputs: &[&Tensor]) -> Result<()> {
        if state.arena.is_none() {
            state.pointers = vec![std::ptr::null_mut(); self.plan.buffers.len()];
            state.staged = vec![None; self.input_types.len()];
            state.locks = Vec::with_capacity(self.input_types.len() + self.output_types.len() + self.plan.buffers.len());
            state.arena = Some(Storage::zeroed(&self.target.allocator, self.arena_bytes())?);
        }
        let needed = self.executable.scratch_bytes();
        if self.target.jobs.reserved_scratch() < needed {
            let allocator = &self.target.allocator;
            self.target.jobs.reserve_scratch(needed, &mut |bytes| {
                let pointer = allocator.allocate(bytes, STORAGE_ALIGN)?;
                Ok(Box::new(Block { allocator: allocator.clone(), pointer, bytes }) as Box<dyn ScratchMemory>)
            })?;
        }
        for (position, input) in inputs.iter().enumerate() {
            if !input.is_contiguous() {
                if state.staged[position].is_none() {
                    state.staged[position] = Some(Tensor::zeros(&self.target.allocator, input.dtype(), *input.shape())?);
                }
                state.staged[position].as_ref().expect("made above").copy_from(input)?;
            }
        }
        Ok(())
    }

    /// Every storage that the run touches, in the order of locking, each once.
    fn lock_list<'a>(&self, locks: &'a mut Vec<Lock>, inputs: &[&Tensor], outputs: &[&Tensor]) -> Result<&'a [Lock]> {
        locks.clear();
        let mut add =
            |tensor: &Tensor, write: bool, what: What| locks.push(Lock { storage: std::sync::Arc::as_ptr(tensor.storage()), write, what });
        for (i, input) in inputs.iter().enumerate().filter(|(_, input)| input.is_contiguous()) {
            add(input, false, What::Input(i));
        }
        for (i, output) in outputs.iter().enumerate() {
            add(output, true, What::Output(i));
        }
        let graph = &self.plan.graph;
        for buffer in &self.plan.buffers {
            match buffer.place {
                Place::Variable(id) => {
                    let written = graph.assignments.iter().any(|(assigned, _)| *assigned == id);
                    add(graph.variables[id.0 as usize].tensor()?, written, What::Variable(id.0 as usize));
                }
                Place::Constant(value) => {
                    if let crate::ir::Op::ConstantTensor(tensor) = &graph.node(value).op {
                        add(tensor, false, What::Constant);
                    }
                }
                Place::Input(_) | Place::Output(_) | Place::Arena(_) => {}
            }
        }
        locks.sort_unstable_by_key(|lock| (lock.storage as usize, lock.write));
        if let Some(pair) = locks.windows(2).find(|pair| pair[0].storage == pair[1].storage && (pair[0].write || pair[1].write)) {
            return Err(self.overlap(pair[0].what, pair[1].what));
        }
        locks.dedup_by_key(|lock| lock.storage);
        Ok(locks)
    }

    fn overlap(&self, a: What, b: What) -> Error {
        let name = |what: What| match what {
            What::Input(i) => format!("input {i}"),
            What::Output(i) => format!("output {i}"),
            What::Variable(i) => self.plan.graph.variables[i].name(),
            What::Constant => "a constant of the graph".to_string(),
        };
        Error::invalid(format!("{} and {} share memory, and the run writes one of them; pass a copy", name(a), name(b)))
    }

    /// The address of every buffer in this run.
    fn point(&self, state: &mut State, inputs: &[&Tensor], outputs: &[&Tensor]) -> Result<()> {
        let arena = state.arena.as_ref().expect("prepared").ptr();
        let graph = &self.plan.graph;
        for (buffer, pointer) in self.plan.buffers.iter().zip(&mut state.pointers) {
            *pointer = match buffer.place {
                Place::Input(position) => match &state.staged[position as usize] {
                    Some(staged) if !inputs[position as usize].is_contiguous() => staged.data_ptr(),
                    _ => inputs[position as usize].data_ptr(),
                },
                Place::Output(position) => outputs[position as usize].data_ptr(),
                Place::Variable(id) => graph.variables[id.0 as usize].tensor()?.data_ptr(),
                Place::Constant(value) => match &graph.node(value).op {
                    crate::ir::Op::ConstantTensor(tensor) => tensor.data_ptr(),
                    _ => return Err(Error::internal("a constant's place names another node")),
                },
                Place::Arena(offset) => arena.wrapping_add(offset),
            };
        }
        Ok(())
    }
}

fn check(what: &str, tensors: &[&Tensor], types: &[Type]) -> Result<()> {
    if tensors.len() != types.len() {
        return Err(Error::invalid(format!("the program has {} {what}s, not {}", types.len(), tensors.len())));
    }
    for (position, (tensor, ty)) in tensors.iter().zip(types).enumerate() {
        if tensor.dtype() != ty.dtype || *tensor.shape() != ty.shape {
            let status = if tensor.dtype() != ty.dtype { Status::DtypeMismatch } else { Status::ShapeMismatch };
            return Err(Error::new(status, format!("{what} {position} is {}{}, not {ty}", tensor.dtype(), tensor.shape())));
        }
    }
    Ok(())
}

/// Results are being written: dropped before the end, by an error or a panic, it withdraws the variables that may be torn.
struct Torn<'a>(&'a Graph);

impl Drop for Torn<'_> {
    fn drop(&mut self) {
        for (id, _) in &self.0.assignments {
            self.0.variables[id.0 as usize].poison();
        }
    }
}

/// Locks on all storages of a run, given back when dropped.
struct Locked<'a>(&'a [Lock]);

impl<'a> Locked<'a> {
    fn new(locks: &'a [Lock]) -> Result<Locked<'a>> {
        for lock in locks.iter().filter(|lock| lock.write) {
            // SAFETY: the run's caller holds the tensors, the graph its variables and constants, until the run has ended.
            unsafe { (*lock.storage).check_writable()? };
        }
        for lock in locks {
            // SAFETY: as above; the guards are given back in `drop`.
            unsafe {
                if lock.write { std::mem::forget((*lock.storage).lock().write()) } else { std::mem::forget((*lock.storage).lock().read()) }
            }
        }
        Ok(Locked(locks))
    }
}

impl Drop for Locked<'_> {
    fn drop(&mut self) {
        for lock in self.0 {
            // SAFETY: `new` took these locks on this thread and forgot their guards.
            unsafe {
                let storage = &*lock.storage;
                if lock.write { storage.lock().force_unlock_write() } else { storage.lock().force_unlock_read() }
            }
        }
    }
}

/// Scratch memory of a worker from the context's allocator.
struct Block {
    allocator: Allocator,
    pointer: NonNull<u8>,
    bytes: usize,
}

// SAFETY: the block owns its memory.
unsafe impl Send for Block {}

// SAFETY: the memory is `bytes` long, aligned, and stays until the block drops.
unsafe impl ScratchMemory for Block {
    fn pointer(&self) -> NonNull<u8> {
        self.pointer
    }
}

impl Drop for Block {
    fn drop(&mut self) {
        // SAFETY: allocated with these numbers by the same allocator.
        unsafe { self.allocator.deallocate(self.pointer, self.bytes, STORAGE_ALIGN) };
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::compiler::{BufferId, Step};
    use crate::ir::Variable;
    use crate::ops::Trace;
    use crate::tensor::{DType, Shape};
    use std::panic::{AssertUnwindSafe, catch_unwind};

    /// A program that assigns w, with a defect planted: a step at `position` that was never made ready, which panics.
    fn defective(w: &Variable, read_only: &Variable, position: fn(&Plan) -> usize) -> Program {
        let mut g = Trace::new();
        let (x, y) = (g.read(w), g.read(read_only));
        let sum = g.add(x, y);
        g.assign(w, sum);
        let target = Target { allocator: Allocator::system(), jobs: Jobs::inline(), level: Level::Portable };
        let mut program = Program::compile(g.finish(&[]).unwrap(), &target).unwrap();
        let at = position(&program.plan);
        // The program's own step writes results; what is planted before it comes before the commit.
        program.plan.commit += (at < program.plan.steps.len()) as usize;
        program.plan.steps.insert(at, Step::Copy { from: BufferId(u32::MAX), to: BufferId(u32::MAX) });
        program
    }

    fn variable(name: &str) -> Variable {
        Variable::new(name, Tensor::from_slice(&Allocator::system(), &[1.0f32], Shape::new(&[1]).unwrap().dims()).unwrap())
    }

    #[test]
    fn a_panic_while_results_are_written_withdraws_what_was_assigned() {
        let (w, read_only) = (variable("layer.weight"), variable("other"));
        let program = defective(&w, &read_only, |plan| plan.steps.len());
        assert!(catch_unwind(AssertUnwindSafe(|| program.run(&[], &[]))).is_err(), "the planted step panics");
        let error = w.tensor().unwrap_err();
        assert_eq!(error.status(), Status::Poisoned);
        assert!(error.message().contains("layer.weight"), "{error}");
        assert_eq!(program.run(&[], &[]).unwrap_err().status(), Status::Poisoned, "no run goes on with it");
        assert_eq!(read_only.tensor().unwrap().to_vec::<f32>().unwrap(), [1.0], "what was only read is of use, and unlocked");
    }

    #[test]
    fn a_panic_before_results_are_written_withdraws_nothing() {
        let (w, read_only) = (variable("layer.weight"), variable("other"));
        let program = defective(&w, &read_only, |_| 0);
        assert!(catch_unwind(AssertUnwindSafe(|| program.run(&[], &[]))).is_err(), "the planted step panics");
        assert_eq!(w.tensor().unwrap().to_vec::<f32>().unwrap(), [1.0]);
        assert_eq!(w.ty().dtype, DType::F32);
    }
}
