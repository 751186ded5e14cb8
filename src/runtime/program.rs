//! A graph made ready to run.

use crate::error::{Error, Result};
use crate::ir::{Graph, Type, Value};
use crate::ops;
use crate::runtime::jobs::Jobs;
use crate::runtime::reference;
use crate::tensor::{Allocator, Tensor};
use parking_lot::Mutex;

/// What programs are compiled for and run on.
#[derive(Clone)]
pub struct Target {
    pub allocator: Allocator,
    pub jobs: Jobs,
}

/// A compiled graph.
pub struct Program {
    graph: Graph,
    allocator: Allocator,
    inputs: Vec<Type>,
    outputs: Vec<Type>,
    turn: Mutex<()>,
}

impl Program {
    pub fn compile(graph: Graph, target: &Target) -> Result<Program> {
        ops::validate(&graph)?;
        let types = |values: &[Value]| values.iter().map(|value| graph.ty(*value)).collect();
        let (inputs, outputs) = (types(&graph.inputs), types(&graph.outputs));
        Ok(Program { graph, allocator: target.allocator.clone(), inputs, outputs, turn: Mutex::new(()) })
    }
    pub fn input_types(&self) -> &[Type] {
        &self.inputs
    }
    pub fn output_types(&self) -> &[Type] {
        &self.outputs
    }
    /// Runs the program: `outputs` are contiguous tensors of the right types. They are written, and variables updated, only on success.
    pub fn run(&self, inputs: &[&Tensor], outputs: &[&Tensor]) -> Result<()> {
        let _turn = self.turn.lock();
        let inputs: Vec<Tensor> = inputs.iter().map(|tensor| (*tensor).clone()).collect();
        if outputs.len() != self.outputs.len() {
            return Err(Error::invalid(format!("the program has {} outputs, not {}", self.outputs.len(), outputs.len())));
        }
        let made = reference::evaluate(&self.graph, &self.allocator, &inputs)?;
        for (output, tensor) in outputs.iter().zip(&made.outputs) {
            output.copy_from(tensor)?;
        }
        for (id, tensor) in &made.assigned {
            self.graph.variables[id.0 as usize].tensor()?.copy_from(tensor)?;
        }
        Ok(())
    }
    pub fn describe(&self) -> String {
        format!("{} nodes, evaluated one by one", self.graph.nodes.len())
    }
}
