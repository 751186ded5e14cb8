//! Our training steps on the workloads, as `benches/run.py` wants them: JSON lines with the median and the least time of a step.
//!
//! `steps --workload NAME --threads N --seconds S`; `--describe` prints the compiled program instead.

use std::time::Instant;
use tenon::context::ContextOptions;
use tenon::nn::{Activation, Cell, DenseOptions, activation, dense, sequential};
use tenon::ops::composite::Reduction;
use tenon::ops::composite::loss::CrossEntropy;
use tenon::optim::{AdamOptions, MomentumOptions, Optimizer, ParameterGroup, SgdOptions, adam, momentum, sgd};
use tenon::random::Stream;
use tenon::train::{Function, TrainStep};
use tenon::{Context, Result, Shape, Tensor};

enum Loss {
    Mse,
    CrossEntropy,
}

enum Rule {
    Sgd(f64),
    Momentum(f64, f64),
    Adam(f64),
}

struct Mlp {
    name: &'static str,
    sizes: &'static [usize],
    activation: Activation,
    batch: usize,
    loss: Loss,
    rule: Rule,
}

/// The workloads of the table in `benches/README.md` that are chains of dense layers.
const WORKLOADS: &[Mlp] = &[
    Mlp { name: "policy", sizes: &[48, 64, 64, 12], activation: Activation::Tanh, batch: 64, loss: Loss::Mse, rule: Rule::Adam(1e-3) },
    Mlp {
        name: "mnist_mlp",
        sizes: &[784, 128, 10],
        activation: Activation::Relu,
        batch: 64,
        loss: Loss::CrossEntropy,
        rule: Rule::Momentum(0.1, 0.9),
    },
    Mlp {
        name: "wide",
        sizes: &[1024, 1024, 1024, 1024],
        activation: Activation::Relu,
        batch: 1024,
        loss: Loss::Mse,
        rule: Rule::Sgd(1e-2),
    },
    Mlp { name: "field", sizes: &[32, 64, 64, 3], activation: Activation::Relu, batch: 16384, loss: Loss::Mse, rule: Rule::Adam(1e-3) },
];

impl Mlp {
    fn net(&self, context: &Context) -> Result<Cell> {
        let net = sequential(context);
        for (i, pair) in self.sizes.windows(2).enumerate() {
            net.insert_child(&format!("fc{i}"), &dense(context, pair[0], pair[1], DenseOptions::default())?)?;
            if i + 2 < self.sizes.len() {
                net.insert_child(&format!("act{i}"), &activation(context, self.activation))?;
            }
        }
        net.set_train(true);
        Ok(net)
    }
    fn step(&self, context: &Context) -> Result<TrainStep> {
        let net = self.net(context)?;
        let groups = vec![ParameterGroup::of_cell(&net)];
        let optimizer: Optimizer = match self.rule {
            Rule::Sgd(learning_rate) => sgd(context, groups, SgdOptions { learning_rate, ..SgdOptions::default() })?,
            Rule::Momentum(learning_rate, rate) => {
                momentum(context, groups, MomentumOptions { learning_rate, momentum: rate, ..MomentumOptions::default() })?
            }
            Rule::Adam(learning_rate) => adam(context, groups, AdamOptions { learning_rate, ..AdamOptions::default() })?,
        };
        let cross_entropy = matches!(self.loss, Loss::CrossEntropy);
        let loss = Function::new(context, move |g, x| {
            let y = net.call_one(g, &[x[0]]);
            Ok(vec![if cross_entropy { g.cross_entropy(y, x[1], CrossEntropy::default()) } else { g.mse_loss(y, x[1], Reduction::Mean) }])
        });
        TrainStep::new(&loss, &optimizer)
    }
    fn data(&self, context: &Context) -> Result<[Tensor; 2]> {
        let (first, last) = (self.sizes[0], self.sizes[self.sizes.len() - 1]);
        let x = Tensor::from_slice(context.allocator(), &uniform(self.batch * first, 1), &[self.batch, first])?;
        let y = match self.loss {
            Loss::Mse => Tensor::from_slice(context.allocator(), &uniform(self.batch * last, 2), &[self.batch, last])?,
            Loss::CrossEntropy => {
                let labels: Vec<i32> = words(self.batch, 2).iter().map(|word| (word % last as u32) as i32).collect();
                Tensor::from_slice(context.allocator(), &labels, Shape::new(&[self.batch])?.dims())?
            }
        };
        Ok([x, y])
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

fn main() -> Result<()> {
    let arguments: Vec<String> = std::env::args().collect();
    let option = |name: &str| arguments.iter().position(|a| a == name).and_then(|i| arguments.get(i + 1)).cloned();
    let threads: usize = option("--threads").and_then(|text| text.parse().ok()).unwrap_or(1);
    let seconds: f64 = option("--seconds").and_then(|text| text.parse().ok()).unwrap_or(2.0);
    let wanted = option("--workload");
    for workload in WORKLOADS.iter().filter(|workload| wanted.as_deref().is_none_or(|name| name == workload.name)) {
        let context = Context::new(ContextOptions { seed: 7, workers: threads, ..ContextOptions::default() })?;
        let step = workload.step(&context)?;
        let data = workload.data(&context)?;
        let inputs = [&data[0], &data[1]];
        if arguments.iter().any(|a| a == "--describe") {
            let types: Vec<_> = inputs.iter().map(|x| tenon::ir::Type::new(x.dtype(), *x.shape())).collect();
            println!("{}", step.describe(&types)?);
            continue;
        }
        for _ in 0..5 {
            step.run(&inputs)?;
        }
        let mut times = Vec::with_capacity(1 << 20);
        let start = Instant::now();
        while start.elapsed().as_secs_f64() < seconds {
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
