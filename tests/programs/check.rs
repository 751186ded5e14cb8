//! What a compiled program is held to: the oracle's values, a sound layout of its memory, and the same bits in every run.

use tenon::DType;
use tenon::Result;
use tenon::compiler::{Access, BufferId, Extent, Kind, Loop, Place, Plan, Step};
use tenon::ir::{Class, Graph, Kernel, Type};
use tenon::runtime::cpu::simd::Level;
use tenon::runtime::jobs::{HostJobs, Jobs};
use tenon::runtime::{Program, Target, reference};
use tenon::tensor::{Allocator, Tensor};

pub fn target(jobs: Jobs, level: Level) -> Target {
    Target { allocator: Allocator::system(), jobs, level }
}

/// How far results may be off, next to the largest magnitude in play.
pub fn tolerance(dtype: DType) -> f64 {
    match dtype {
        DType::F64 => 1e-9,
        DType::F32 => 1e-4,
        DType::F16 => 3e-2,
        DType::BF16 => 2e-1,
        _ => 0.0,
    }
}

pub fn bytes(tensor: &Tensor) -> Vec<u8> {
    let mut bytes = vec![0; tensor.bytes()];
    tensor.read_bytes(&mut bytes).expect("bytes of the tensor's size");
    bytes
}

/// Elements as numbers; integers beyond 2^53 are compared by their bytes before.
pub fn numbers(tensor: &Tensor) -> Vec<f64> {
    let bytes = bytes(tensor);
    let size = tensor.dtype().size();
    bytes
        .chunks_exact(size)
        .map(|b| match tensor.dtype() {
            DType::F64 => f64::from_ne_bytes(b.try_into().unwrap()),
            DType::F32 => f32::from_ne_bytes(b.try_into().unwrap()) as f64,
            DType::F16 => half::f16::from_ne_bytes(b.try_into().unwrap()).to_f64(),
            DType::BF16 => half::bf16::from_ne_bytes(b.try_into().unwrap()).to_f64(),
            DType::I64 => i64::from_ne_bytes(b.try_into().unwrap()) as f64,
            DType::I32 => i32::from_ne_bytes(b.try_into().unwrap()) as f64,
            _ => b[0] as f64,
        })
        .collect()
}

/// Where two tensors differ by more than `tolerance`; NaN equals NaN, infinity itself.
pub fn difference(found: &Tensor, expected: &Tensor, tolerance: f64) -> Option<String> {
    if bytes(found) == bytes(expected) {
        return None;
    }
    let (found, expected) = (numbers(found), numbers(expected));
    assert_eq!(found.len(), expected.len(), "elements");
    let differs = |(a, b): (&f64, &f64)| !(a == b || (a.is_nan() && b.is_nan()) || (a - b).abs() <= tolerance);
    let count = found.iter().zip(&expected).filter(|pair| differs(*pair)).count();
    let first = found.iter().zip(&expected).position(differs)?;
    Some(format!("{count} of {} differ, first at {first}: {:e}, not {:e}", found.len(), found[first], expected[first]))
}

/// A graph with what it runs on.
pub struct Case {
    pub graph: Graph,
    pub inputs: Vec<Tensor>,
    /// The largest magnitude in play.
    pub magnitude: f64,
}

/// What a run left: outputs and all variables.
#[derive(PartialEq, Clone)]
pub struct Bits {
    pub outputs: Vec<Vec<u8>>,
    pub variables: Vec<Vec<u8>>,
}

impl Case {
    pub fn variables(&self) -> Vec<Vec<u8>> {
        self.graph.variables.iter().map(|variable| bytes(variable.tensor().expect("a variable"))).collect()
    }
    pub fn restore(&self, variables: &[Vec<u8>]) {
        for (variable, bytes) in self.graph.variables.iter().zip(variables) {
            variable.tensor().expect("a variable").write_bytes(bytes).expect("bytes of the variable's size");
        }
    }
    pub fn outputs(&self) -> Vec<Tensor> {
        let zeros = |ty: Type| Tensor::zeros(&Allocator::system(), ty.dtype, ty.shape).expect("an output");
        self.graph.outputs.iter().map(|value| zeros(self.graph.ty(*value))).collect()
    }
    /// Runs the program; variables are as before afterwards.
    pub fn run(&self, program: &Program, outputs: &[Tensor]) -> Result<Bits> {
        let before = self.variables();
        let result = program.run(&self.inputs.iter().collect::<Vec<_>>(), &outputs.iter().collect::<Vec<_>>());
        let bits = Bits { outputs: outputs.iter().map(bytes).collect(), variables: self.variables() };
        self.restore(&before);
        result.map(|()| bits)
    }
    /// Compares a run at every level with the oracle; faults as text.
    pub fn faults(&self) -> Vec<String> {
        let oracle = reference::evaluate(&self.graph, &Allocator::system(), &self.inputs).expect("the oracle evaluates the graph");
        let mut faults = Vec::new();
        for level in Level::available() {
            let program = Program::compile(self.graph.clone(), &target(Jobs::inline(), level)).expect("the graph compiles");
            let mut here = Vec::new();
            if let Err(text) = check_plan(program.plan()) {
                here.push(format!("the plan is unsound: {text}"));
            }
            let outputs = self.outputs();
            let before = self.variables();
            let first = match self.run(&program, &outputs) {
                Ok(bits) => bits,
                Err(error) => {
                    faults.push(format!("{level:?}: {error}\n{}", program.plan()));
                    continue;
                }
            };
            for (i, expected) in oracle.outputs.iter().enumerate() {
                let tolerance = tolerance(expected.dtype()) * (1.0 + self.magnitude);
                here.extend(difference(&outputs[i], expected, tolerance).map(|text| format!("output {i}: {text}")));
            }
            for (i, variable) in self.graph.variables.iter().enumerate() {
                match oracle.assigned.iter().find(|(id, _)| id.0 as usize == i) {
                    Some((_, expected)) => {
                        let found = Tensor::zeros(&Allocator::system(), expected.dtype(), *expected.shape()).expect("a tensor");
                        found.write_bytes(&first.variables[i]).expect("bytes of the variable's size");
                        let tolerance = tolerance(expected.dtype()) * (1.0 + self.magnitude);
                        here.extend(difference(&found, expected, tolerance).map(|text| format!("{}: {text}", variable.name())));
                    }
                    None if first.variables[i] != before[i] => here.push(format!("{} changed", variable.name())),
                    None => {}
                }
            }
            // The memory that a run leaves behind does not matter to the next.
            match self.run(&program, &outputs) {
                Ok(bits) if bits == first => {}
                Ok(_) => here.push("a second run gives other bits".to_string()),
                Err(error) => here.push(format!("the second run failed: {error}")),
            }
            if !here.is_empty() {
                faults.push(format!("{level:?}: {}\n{}", here.join("; "), program.plan()));
            }
        }
        faults
    }
    pub fn check(&self, name: &str) {
        let faults = self.faults();
        assert!(faults.is_empty(), "{name}\n{}\n{}", self.graph, faults.join("\n"));
    }
    /// The same bits from every job system, at the best level.
    pub fn check_jobs(&self, name: &str) {
        let systems = [
            ("inline", Jobs::inline()),
            ("a pool of 2", Jobs::pool(2)),
            ("a pool of 3", Jobs::pool(3)),
            ("a pool of 7", Jobs::pool(7)),
            ("a host that turns the order round", Jobs::host(Box::new(Backwards))),
        ];
        let mut first = None;
        for (system, jobs) in systems {
            let program = Program::compile(self.graph.clone(), &target(jobs, Level::detect())).expect("the graph compiles");
            let bits = self.run(&program, &self.outputs()).unwrap_or_else(|error| panic!("{name} on {system}: {error}"));
            match &first {
                None => first = Some(bits),
                Some(expected) => assert!(bits == *expected, "{name}: {system} gives other bits\n{}\n{}", self.graph, program.plan()),
            }
        }
    }
}

/// Runs indices from the last to the first, odd ones on a thread of their own.
pub struct Backwards;

impl HostJobs for Backwards {
    fn concurrency(&self) -> usize {
        2
    }
    fn parallel_for(&self, count: usize, body: &(dyn Fn(usize) + Sync)) -> Result<()> {
        std::thread::scope(|scope| {
            scope.spawn(|| (0..count).rev().filter(|index| index % 2 == 1).for_each(body));
            (0..count).rev().filter(|index| index % 2 == 0).for_each(body);
        });
        Ok(())
    }
}

// ---- memory, told from the plan alone ----

/// Whether buffers that are alive together lie apart, and results are written behind all that can fail.
///
/// Two arena buffers may share bytes if one dies in the loop that makes the other, the loop reads the one at each point for that point
/// only, and both have elements of one size.
pub fn check_plan(plan: &Plan) -> Result<(), String> {
    let uses: Vec<Vec<(BufferId, bool)>> = plan.steps.iter().map(uses).collect();
    for (number, step) in plan.steps.iter().enumerate() {
        let writes_results =
            uses[number].iter().any(|(buffer, written)| *written && matches!(place(plan, *buffer), Place::Output(_) | Place::Variable(_)));
        if writes_results && number < plan.commit {
            return Err(format!("step {number} writes a result before {}", plan.commit));
        }
        let fallible =
            |step: &Step| matches!(step, Step::Kernel(step) if matches!(step.op.class(), Class::Kernel(Kernel { fallible: true, .. })));
        if number >= plan.commit && fallible(step) {
            return Err(format!("step {number} can fail behind {}", plan.commit));
        }
    }
    let count = plan.buffers.len();
    let mut lives: Vec<Option<(usize, usize)>> = vec![None; count];
    for (number, step) in uses.iter().enumerate() {
        for (buffer, written) in step {
            let life = lives[buffer.0 as usize].get_or_insert((number, number));
            life.1 = number;
            let in_arena = matches!(place(plan, *buffer), Place::Arena(_));
            let holds_something = plan.buffers[buffer.0 as usize].bytes() > 0;
            if life.0 == number && !written && in_arena && holds_something && !step.contains(&(*buffer, true)) {
                return Err(format!("step {number} reads buffer {} before it is written", buffer.0));
            }
        }
    }
    let range = |i: usize| match plan.buffers[i].place {
        Place::Arena(offset) => Some((offset, offset + plan.buffers[i].bytes())),
        _ => None,
    };
    for i in 0..count {
        let (Some(life), Some(bytes)) = (lives[i], range(i)) else { continue };
        if bytes.1 > plan.arena_bytes {
            return Err(format!("buffer {i} ends behind the arena"));
        }
        if bytes.0 % 64 != 0 {
            return Err(format!("buffer {i} is not aligned"));
        }
        for (j, other_life) in lives.iter().enumerate() {
            let (Some(other_life), Some(other)) = (*other_life, range(j)) else { continue };
            let together = life.0 <= other_life.1 && other_life.0 <= life.1;
            let overlap = bytes.0 < other.1 && other.0 < bytes.1;
            if i == j || !together || !overlap || life.0 > other_life.0 {
                continue;
            }
            // i came first: j may take its place in i's last step.
            let same = bytes.0 == other.0 && plan.buffers[i].dtype.size() == plan.buffers[j].dtype.size();
            let in_turn = life.1 == other_life.0 && life.0 < life.1;
            let legal = match &plan.steps[other_life.0] {
                Step::Loop(body) => same && in_turn && reads_pointwise(body, BufferId(i as u32)) && stores_fully(body, BufferId(j as u32)),
                _ => false,
            };
            if !legal {
                return Err(format!("buffers {i} {life:?} and {j} {other_life:?} share bytes {bytes:?} and {other:?}"));
            }
        }
    }
    Ok(())
}

fn place(plan: &Plan, buffer: BufferId) -> Place {
    plan.buffers[buffer.0 as usize].place
}

fn reads_pointwise(body: &Loop, buffer: BufferId) -> bool {
    let whole = |access: &Access| {
        let count: usize = access.rows.iter().chain(&access.columns).map(|(size, _)| size).product();
        let mut step = 1;
        let dense = access.columns.iter().rev().chain(access.rows.iter().rev()).all(|(size, stride)| {
            let fits = *stride == step;
            step *= *size as isize;
            fits
        });
        access.offset == 0 && dense && count == body.rows * body.columns
    };
    let product = body.product.as_ref().is_some_and(|product| product.a.buffer == buffer || product.b.buffer == buffer);
    !product
        && body.ops.iter().all(|op| match &op.kind {
            Kind::Load(access) if access.buffer == Some(buffer) => whole(access),
            Kind::Random { state, .. } => *state != buffer,
            _ => true,
        })
}

fn stores_fully(body: &Loop, buffer: BufferId) -> bool {
    body.ops.iter().all(|op| op.store != Some(buffer) || op.extent == Extent::Full)
}

/// The buffers of a step, and whether each is written.
fn uses(step: &Step) -> Vec<(BufferId, bool)> {
    let mut all = Vec::new();
    match step {
        Step::Loop(body) => {
            for op in &body.ops {
                match &op.kind {
                    Kind::Load(access) => all.extend(access.buffer.map(|buffer| (buffer, false))),
                    Kind::Random { state, .. } => all.push((*state, false)),
                    _ => {}
                }
                all.extend(op.store.map(|buffer| (buffer, true)));
            }
            if let Some(product) = &body.product {
                all.extend([(product.a.buffer, false), (product.b.buffer, false)]);
                all.extend(product.out.map(|buffer| (buffer, true)));
            }
        }
        Step::Product(product) => {
            all.extend([(product.a.buffer, false), (product.b.buffer, false)]);
            all.extend(product.out.map(|buffer| (buffer, true)));
        }
        Step::Kernel(kernel) => {
            all.extend(kernel.inputs.iter().map(|input| (*input, false)));
            all.extend(kernel.outputs.iter().flatten().map(|output| (*output, true)));
        }
        Step::Assemble(assemble) => {
            all.extend(assemble.fill.map(|buffer| (buffer, false)));
            all.extend(assemble.pieces.iter().map(|piece| (piece.source, false)));
            all.push((assemble.out, true));
        }
        Step::Copy { from, to } => all.extend([(*from, false), (*to, true)]),
    }
    all
}
