//! Our training steps on the workloads, as `benches/run.py` wants them: JSON lines with the median and the least time of a step.
//!
//! `steps --workload NAME --threads N --seconds S`. `--describe` prints the compiled program instead. `--losses FILE` starts from the parameters and data
//! of a safetensors file and prints the losses of as many steps as `--steps` says: `benches/losses.py` compares them with a peer's.

mod models;
mod net;

use models::Model;
use net::Net;
use std::sync::Arc;
use std::time::Instant;
use tenon::context::ContextOptions;
use tenon::ir::Type;
use tenon::ops::composite::Reduction;
use tenon::ops::composite::loss::CrossEntropy;
use tenon::optim::{AdamOptions, AdamWOptions, MomentumOptions, Optimizer, ParameterGroup, SgdOptions, adam, adamw, momentum, sgd};
use tenon::random::Stream;
use tenon::train::{Function, TrainStep};
use tenon::{Context, DType, Result, Shape, Tensor};

enum Rule {
    Sgd(f64),
    Momentum(f64, f64),
    Adam(f64),
    AdamW(f64),
}

/// Numbers that a step is fed with.
enum Data {
    Uniform(&'static [usize]),
    /// Class indices below the number.
    Classes(&'static [usize], u32),
}

struct Workload {
    name: &'static str,
    model: fn() -> Model,
    inputs: Data,
    targets: Data,
    rule: Rule,
}

const ADAM: Rule = Rule::Adam(1e-3);
const MOMENTUM: Rule = Rule::Momentum(0.1, 0.9);

/// The table of `benches/README.md`. Class indices are scored by cross-entropy, numbers by their squared error.
const WORKLOADS: &[Workload] = &[
    Workload {
        name: "policy",
        model: || models::mlp(&[48, 64, 64, 12], 0, |g, x| g.tanh(x)),
        inputs: Data::Uniform(&[64, 48]),
        targets: Data::Uniform(&[64, 12]),
        rule: ADAM,
    },
    Workload {
        name: "mnist_mlp",
        model: || models::mlp(&[784, 128, 10], 0, |g, x| g.relu(x)),
        inputs: Data::Uniform(&[64, 784]),
        targets: Data::Classes(&[64], 10),
        rule: MOMENTUM,
    },
    Workload {
        name: "lenet",
        model: models::lenet,
        inputs: Data::Uniform(&[64, 1, 28, 28]),
        targets: Data::Classes(&[64], 10),
        rule: MOMENTUM,
    },
    Workload {
        name: "convnet",
        model: models::convnet,
        inputs: Data::Uniform(&[64, 3, 32, 32]),
        targets: Data::Classes(&[64], 10),
        rule: ADAM,
    },
    Workload {
        name: "lstm",
        model: models::lstm,
        inputs: Data::Classes(&[32, 64], 64),
        targets: Data::Classes(&[32 * 64], 64),
        rule: ADAM,
    },
    Workload {
        name: "gpt",
        model: models::gpt,
        inputs: Data::Classes(&[8, 128], 256),
        targets: Data::Classes(&[8 * 128], 256),
        rule: Rule::AdamW(3e-4),
    },
    Workload {
        name: "wide",
        model: || models::mlp(&[1024, 1024, 1024, 1024], 0, |g, x| g.relu(x)),
        inputs: Data::Uniform(&[1024, 1024]),
        targets: Data::Uniform(&[1024, 1024]),
        rule: Rule::Sgd(1e-2),
    },
    Workload {
        name: "field",
        model: || models::mlp(&[32, 64, 64, 3], 0, |g, x| g.relu(x)),
        inputs: Data::Uniform(&[16384, 32]),
        targets: Data::Uniform(&[16384, 3]),
        rule: ADAM,
    },
];

impl Data {
    fn tensor(&self, context: &Context, stream: u64) -> Result<Tensor> {
        match self {
            Data::Uniform(dims) => Tensor::from_slice(context.allocator(), &uniform(dims.iter().product(), stream), dims),
            Data::Classes(dims, classes) => {
                let indices: Vec<i32> = words(dims.iter().product(), stream).iter().map(|word| (word % classes) as i32).collect();
                Tensor::from_slice(context.allocator(), &indices, dims)
            }
        }
    }
}

impl Workload {
    /// The training step with its parameters, which have the names of the model's.
    fn step(&self, context: &Context) -> Result<(TrainStep, Arc<Net>, Vec<String>)> {
        let model = (self.model)();
        let net = Arc::new(Net::new(context, &model.parameters)?);
        let names: Vec<String> = model.parameters.iter().map(|(name, ..)| name.clone()).collect();
        let trained = names.iter().map(|name| net.parameter(name).clone()).filter(|parameter| parameter.requires_grad()).collect();
        let groups = vec![ParameterGroup::new(trained)];
        let optimizer: Optimizer = match self.rule {
            Rule::Sgd(learning_rate) => sgd(context, groups, SgdOptions { learning_rate, ..SgdOptions::default() })?,
            Rule::Momentum(learning_rate, rate) => {
                momentum(context, groups, MomentumOptions { learning_rate, momentum: rate, ..MomentumOptions::default() })?
            }
            Rule::Adam(learning_rate) => adam(context, groups, AdamOptions { learning_rate, ..AdamOptions::default() })?,
            Rule::AdamW(learning_rate) => adamw(context, groups, AdamWOptions { learning_rate, ..AdamWOptions::default() })?,
        };
        let classes = matches!(self.targets, Data::Classes(..));
        let recorded = net.clone();
        let loss = Function::new(context, move |g, x| {
            let y = (model.forward)(&recorded, g, x[0]);
            Ok(vec![if classes { g.cross_entropy(y, x[1], CrossEntropy::default()) } else { g.mse_loss(y, x[1], Reduction::Mean) }])
        });
        Ok((TrainStep::new(&loss, &optimizer)?, net, names))
    }
}

fn words(count: usize, stream: u64) -> Vec<u32> {
    let mut words = vec![0; count];
    Stream::new(7, stream).fill_words(0, &mut words);
    words
}

fn uniform(count: usize, stream: u64) -> Vec<f32> {
    words(count, stream).iter().map(|word| *word as f32 / 4294967296.0 * 2.0 - 1.0).collect()
}

/// Prints the losses of the first steps from the parameters `name` and the data `inputs` and `targets` of a file.
fn losses(workload: &Workload, context: &Context, file: &str, steps: usize) -> Result<()> {
    let bytes = std::fs::read(file).unwrap_or_else(|error| panic!("{file}: {error}"));
    let file = safetensors::SafeTensors::deserialize(&bytes).unwrap_or_else(|error| panic!("{file}: {error}"));
    let read = |name: &str| -> Result<Tensor> {
        let view = file.tensor(name).unwrap_or_else(|error| panic!("{name}: {error}"));
        let dtype = match view.dtype() {
            safetensors::Dtype::F32 => DType::F32,
            safetensors::Dtype::I32 => DType::I32,
            other => panic!("{name} is {other:?}"),
        };
        let tensor = Tensor::zeros(context.allocator(), dtype, Shape::new(view.shape())?)?;
        tensor.write_bytes(view.data())?;
        Ok(tensor)
    };
    let (step, net, names) = workload.step(context)?;
    for name in names {
        net.parameter(&name).set_data(&read(&name)?)?;
    }
    let (inputs, targets) = (read("inputs")?, read("targets")?);
    let mut losses = Vec::with_capacity(steps);
    for _ in 0..steps {
        losses.push(format!("{:.9}", step.run(&[&inputs, &targets])?[0].item_f64()?));
    }
    println!(r#"{{"workload":"{}","losses":[{}]}}"#, workload.name, losses.join(","));
    Ok(())
}

fn main() -> Result<()> {
    let arguments: Vec<String> = std::env::args().collect();
    let option = |name: &str| arguments.iter().position(|a| a == name).and_then(|i| arguments.get(i + 1)).cloned();
    let threads: usize = option("--threads").and_then(|text| text.parse().ok()).unwrap_or(1);
    let seconds: f64 = option("--seconds").and_then(|text| text.parse().ok()).unwrap_or(2.0);
    let steps: usize = option("--steps").and_then(|text| text.parse().ok()).unwrap_or(10);
    let wanted = option("--workload");
    for workload in WORKLOADS.iter().filter(|workload| wanted.as_deref().is_none_or(|name| name == workload.name)) {
        let context = Context::new(ContextOptions { seed: 7, workers: threads, ..ContextOptions::default() })?;
        if let Some(file) = option("--losses") {
            losses(workload, &context, &file, steps)?;
            continue;
        }
        let (step, ..) = workload.step(&context)?;
        let data = [workload.inputs.tensor(&context, 1)?, workload.targets.tensor(&context, 2)?];
        let inputs = [&data[0], &data[1]];
        if arguments.iter().any(|a| a == "--describe") {
            let types: Vec<_> = inputs.iter().map(|x| Type::new(x.dtype(), *x.shape())).collect();
            println!("{}", step.describe(&types)?);
            continue;
        }
        for _ in 0..5 {
            step.run(&inputs)?;
        }
        let mut times = Vec::with_capacity(1 << 20);
        let start = Instant::now();
        while times.len() < 5 || start.elapsed().as_secs_f64() < seconds {
            let begin = Instant::now();
            step.run(&inputs)?;
            times.push(begin.elapsed().as_secs_f64() * 1e6);
        }
        times.sort_by(f64::total_cmp);
        let (median, least) = (times[times.len() / 2], times[0]);
        let name = workload.name;
        println!(r#"{{"workload":"{name}","threads":{threads},"who":"tenon","us_median":{median:.1},"us_min":{least:.1}}}"#);
    }
    Ok(())
}
