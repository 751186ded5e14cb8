//! Loops: a compiled body that runs again and again, over memory that is there before the first step.

use super::{Kernel, Memory};
use crate::compiler::{KernelStep, Place, Plan};
use crate::error::{Error, Result};
use crate::ir::{self, Op, Type};
use crate::runtime::cpu::Executable;
use crate::runtime::cpu::simd::Level;
use crate::runtime::jobs::Jobs;
use std::sync::Arc;

pub struct Scan {
    plan: Arc<Plan>,
    executable: Executable,
    length: usize,
    carries: usize,
    slices: usize,
    reverse: bool,
    /// Types of one step's inputs and outputs.
    inputs: Vec<Type>,
    outputs: Vec<Type>,
    /// Where the body's outputs go; None where nobody reads the last carry.
    is_read: Vec<bool>,
}

impl Scan {
    pub fn new(step: &KernelStep, level: Level) -> Result<Scan> {
        let (Op::Scan(scan), Some(plan)) = (&step.op, &step.body) else { return Err(Error::internal("a loop has a body")) };
        let ir::Scan { body, length, carries, slices, reverse } = &**scan;
        Ok(Scan {
            executable: Executable::new(plan, level)?,
            plan: plan.clone(),
            length: *length,
            carries: *carries,
            slices: *slices,
            reverse: *reverse,
            inputs: body.inputs.iter().map(|input| body.ty(*input)).collect(),
            outputs: body.outputs.iter().map(|output| body.ty(*output)).collect(),
            is_read: step.outputs.iter().take(body.outputs.len()).map(Option::is_some).collect(),
        })
    }
    fn pointer_bytes(&self) -> usize {
        (self.plan.buffers.len() * size_of::<*mut u8>()).next_multiple_of(64)
    }
    /// Bytes of one buffer for each carry, of a second one where the result is none, and of a dead end for stacks that nobody reads.
    fn buffer_bytes(&self) -> usize {
        let each = self.outputs.iter().enumerate().map(|(number, ty)| {
            let buffers = if number < self.carries { 2 } else { !self.is_read[number] as usize };
            ty.bytes().next_multiple_of(64) * buffers
        });
        each.sum()
    }
}

impl Kernel for Scan {
    fn scratch_bytes(&self) -> usize {
        self.executable.scratch_bytes()
    }
    fn shared_bytes(&self) -> usize {
        self.plan.arena_bytes.next_multiple_of(64)
            + self.executable.partial_bytes().next_multiple_of(64)
            + self.pointer_bytes()
            + self.buffer_bytes()
    }
    unsafe fn run(&self, memory: &Memory, jobs: &Jobs) -> Result<()> {
        let arena = memory.shared().get();
        let partials = arena.wrapping_add(self.plan.arena_bytes.next_multiple_of(64));
        let table = partials.wrapping_add(self.executable.partial_bytes().next_multiple_of(64));
        let buffers = table.wrapping_add(self.pointer_bytes());
        // SAFETY: the shared memory is aligned and as long as was asked for; a null pointer is a valid bit pattern for each entry.
        let pointers = unsafe {
            std::ptr::write_bytes(table, 0, self.pointer_bytes());
            std::slice::from_raw_parts_mut(table.cast::<*mut u8>(), self.plan.buffers.len())
        };
        // The buffer number of each output; carries take turns between two.
        let place = |number: usize| {
            let before = self.outputs[..number].iter().enumerate().map(|(number, ty)| {
                let count = if number < self.carries { 2 } else { !self.is_read[number] as usize };
                ty.bytes().next_multiple_of(64) * count
            });
            buffers.wrapping_add(before.sum())
        };
        let carry = |number: usize, turn: usize| place(number).wrapping_add(turn % 2 * self.outputs[number].bytes().next_multiple_of(64));
        for step in 0..self.length {
            let element = if self.reverse { self.length - 1 - step } else { step };
            for (buffer, pointer) in self.plan.buffers.iter().zip(pointers.iter_mut()) {
                *pointer = match buffer.place {
                    Place::Input(position) => {
                        let position = position as usize;
                        match position {
                            _ if position < self.carries && step > 0 => carry(position, step - 1),
                            _ if position < self.carries || position >= self.carries + self.slices => memory.input(position).get(),
                            _ => memory.input(position).get().wrapping_add(element * self.inputs[position].bytes()),
                        }
                    }
                    Place::Output(number) => {
                        let number = number as usize;
                        match number {
                            _ if number < self.carries => carry(number, step),
                            _ if self.is_read[number] => memory.output(number).get().wrapping_add(element * self.outputs[number].bytes()),
                            _ => place(number),
                        }
                    }
                    Place::Arena(offset) => arena.wrapping_add(offset),
                    Place::Variable(_) | Place::Constant(_) => return Err(Error::internal("the body of a loop stands alone")),
                };
            }
            for number in 0..self.plan.steps.len() {
                // SAFETY: inputs and outputs have the types of the body's, the arena and the rest are this step's own.
                unsafe { self.executable.run_step(&self.plan, number, pointers, partials, jobs)? };
            }
        }
        for number in (0..self.carries).filter(|number| self.is_read[*number]) {
            let last = if self.length == 0 { memory.input(number).get() } else { carry(number, self.length - 1) };
            // SAFETY: both sides are one carry long; the result overlaps nothing.
            unsafe { std::ptr::copy_nonoverlapping(last, memory.output(number).get(), self.outputs[number].bytes()) };
        }
        Ok(())
    }
}
