//! What the checks share: the backends they run on, and samples' operands.
#![allow(dead_code)] // Each test program uses a part of it.

pub mod json;

use tenon::ir::Graph;
use tenon::ops::Values;
use tenon::random::{Stream, hash_name};
use tenon::runtime::cpu::simd::Level;
use tenon::runtime::jobs::Jobs;
use tenon::runtime::{Program, Target, reference};
use tenon::tensor::Allocator;
use tenon::{Result, Tensor};

/// Evaluates a graph: its outputs for these inputs.
type Evaluate = dyn Fn(&Graph, &[Tensor]) -> Result<Vec<Tensor>>;
pub type Run<'a> = &'a Evaluate;

/// A way to evaluate graphs.
pub struct Backend {
    pub name: String,
    pub run: Box<Evaluate>,
}

/// The oracle.
pub fn oracle() -> Backend {
    let run = |graph: &Graph, inputs: &[Tensor]| Ok(reference::evaluate(graph, &Allocator::system(), inputs)?.outputs);
    Backend { name: "reference".to_string(), run: Box::new(run) }
}

/// Every way to evaluate a graph on this machine: the oracle, then compiled programs at each level of instructions. Each check runs on
/// all of them.
pub fn backends() -> Vec<Backend> {
    let compiled = Level::available().into_iter().map(|level| Backend {
        name: format!("program at level {level:?}"),
        run: Box::new(move |graph, inputs| {
            let target = Target { allocator: Allocator::system(), jobs: Jobs::inline(), level };
            let program = Program::compile(graph.clone(), &target)?;
            let types = program.output_types().iter();
            let outputs: Vec<Tensor> = types.map(|ty| Tensor::zeros(&target.allocator, ty.dtype, ty.shape)).collect::<Result<_>>()?;
            program.run(&inputs.iter().collect::<Vec<_>>(), &outputs.iter().collect::<Vec<_>>())?;
            Ok(outputs)
        }),
    });
    std::iter::once(oracle()).chain(compiled).collect()
}

/// What stands in the same place of two lists, which are of one length: none of either is left out.
pub fn pairs<'a, A, B>(a: &'a [A], b: &'a [B]) -> impl Iterator<Item = (&'a A, &'a B)> {
    assert_eq!(a.len(), b.len(), "lists of one length");
    a.iter().zip(b)
}

/// Numbers that are the same in every run, from a name.
pub struct Numbers {
    stream: Stream,
    drawn: u64,
}

impl Numbers {
    pub fn new(name: &str) -> Numbers {
        Numbers { stream: Stream::new(hash_name(name), 0), drawn: 0 }
    }
    /// Uniform in [0, 1).
    pub fn unit(&mut self) -> f64 {
        let mut word = [0];
        self.stream.fill_words(self.drawn, &mut word);
        self.drawn += 1;
        word[0] as f64 / 4294967296.0
    }
    pub fn uniform(&mut self, low: f64, high: f64) -> f64 {
        low + (high - low) * self.unit()
    }
    /// Between 0.5 and 1.5, of either sign.
    pub fn weight(&mut self) -> f64 {
        let size = self.uniform(0.5, 1.5);
        if self.unit() < 0.5 { -size } else { size }
    }
    pub fn weights(&mut self, dims: &[usize]) -> Tensor {
        let all: Vec<f64> = (0..dims.iter().product()).map(|_| self.weight()).collect();
        f64_tensor(&all, dims)
    }
    /// The operand of a sample: f64, i64 or bool.
    pub fn operand(&mut self, dims: &[usize], values: Values) -> Tensor {
        let count: usize = dims.iter().product();
        let allocator = Allocator::system();
        match values {
            Values::Uniform(low, high) => {
                let all: Vec<f64> = (0..count).map(|_| self.uniform(low, high)).collect();
                f64_tensor(&all, dims)
            }
            Values::Integers(low, high) => {
                let all: Vec<i64> = (0..count).map(|_| self.uniform(low as f64, high as f64).floor() as i64).collect();
                Tensor::from_slice(&allocator, &all, dims).expect("an operand")
            }
            Values::Bools => {
                let all: Vec<bool> = (0..count).map(|_| self.unit() < 0.5).collect();
                Tensor::from_slice(&allocator, &all, dims).expect("an operand")
            }
        }
    }
}

pub fn f64_tensor(elements: &[f64], dims: &[usize]) -> Tensor {
    Tensor::from_slice(&Allocator::system(), elements, dims).expect("a tensor")
}

pub fn f64_elements(tensor: &Tensor) -> Vec<f64> {
    tensor.to_vec().expect("f64 elements")
}
