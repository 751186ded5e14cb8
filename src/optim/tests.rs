//! Optimizers against trajectories of PyTorch and MindSpore (`tests/vectors/optimizers.txt`), and what they promise around the formula.

use super::*;
use crate::context::{Context, ContextOptions};
use crate::error::Status;
use crate::ir::Type;
use crate::nn::{Initializer, Parameter};
use crate::ops::Trace;
use crate::tensor::{DType, Shape, Tensor};

type Values = Vec<(String, Vec<f64>)>;

struct Vectors {
    init: Values,
    grads: Vec<Values>,
    cases: Vec<(String, Vec<Values>)>,
}

fn vectors() -> Vectors {
    let mut vectors = Vectors { init: Vec::new(), grads: Vec::new(), cases: Vec::new() };
    let mut blocks: Vec<(&str, Values)> = Vec::new();
    let text = include_str!("../../tests/vectors/optimizers.txt");
    for line in text.lines().filter(|line| !line.starts_with('#')) {
        let mut words = line.split(' ');
        let first = words.next().unwrap();
        match first {
            "init" | "grad" | "case" | "after" => blocks.push((line, Vec::new())),
            name => blocks.last_mut().unwrap().1.push((name.to_string(), words.map(|word| word.parse().unwrap()).collect())),
        }
    }
    for (head, values) in blocks {
        match head.split_once(' ') {
            Some(("case", name)) => vectors.cases.push((name.to_string(), Vec::new())),
            _ if head == "init" => vectors.init = values,
            _ if head == "grad" => vectors.grads.push(values),
            _ => vectors.cases.last_mut().unwrap().1.push(values),
        }
    }
    vectors
}

fn context() -> Context {
    Context::new(ContextOptions { workers: 1, ..Default::default() }).unwrap()
}

fn dims(name: &str) -> Vec<usize> {
    if name == "fc.weight" { vec![3, 2] } else { vec![3] }
}

fn parameters(context: &Context, dtype: DType) -> Vec<Parameter> {
    let make = |(name, values): &(String, Vec<f64>)| {
        let tensor = tensor(context, dtype, values, &dims(name));
        Parameter::from_tensor(context, name, &tensor, true).unwrap()
    };
    vectors().init.iter().map(make).collect()
}

fn tensor(context: &Context, dtype: DType, values: &[f64], dims: &[usize]) -> Tensor {
    let mut bytes = Vec::new();
    for value in values {
        bytes.extend_from_slice(&crate::tensor::encode(dtype, *value)[..dtype.size()]);
    }
    let tensor = Tensor::zeros(context.allocator(), dtype, Shape::new(dims).unwrap()).unwrap();
    tensor.write_bytes(&bytes).unwrap();
    tensor
}

fn values(tensor: &Tensor) -> Vec<f64> {
    let (dtype, mut bytes) = (tensor.dtype(), vec![0; tensor.bytes()]);
    tensor.read_bytes(&mut bytes).unwrap();
    bytes.chunks_exact(dtype.size()).map(|element| crate::tensor::decode(dtype, element)).collect()
}

fn step(context: &Context, optimizer: &Optimizer, number: usize) {
    let grads = &vectors().grads[number];
    let grads: Vec<Tensor> = optimizer
        .trainable_params()
        .iter()
        .map(|parameter| {
            let (name, values) = grads.iter().find(|(name, _)| *name == parameter.name()).unwrap();
            tensor(context, parameter.ty().dtype, values, &dims(name))
        })
        .collect();
    optimizer.step(&grads.iter().collect::<Vec<_>>()).unwrap();
}

/// Runs the case and holds every step to it.
fn follow(name: &str, tolerance: f64, make: impl Fn(&Context, Vec<Parameter>) -> Optimizer) {
    let dtype = if name.starts_with("torch") { DType::F64 } else { DType::F32 };
    let context = context();
    let parameters = parameters(&context, dtype);
    let optimizer = make(&context, parameters.clone());
    let vectors = vectors();
    let (_, steps) = vectors.cases.iter().find(|(known, _)| known == name).unwrap();
    assert!(steps.len() >= 4, "{name}");
    for (number, expected) in steps.iter().enumerate() {
        step(&context, &optimizer, number);
        for (parameter, (name_of_parameter, expected)) in parameters.iter().zip(expected) {
            assert_eq!(parameter.name(), *name_of_parameter);
            for (got, want) in values(&parameter.value().unwrap()).iter().zip(expected) {
                assert!(
                    (got - want).abs() <= tolerance * (1.0 + want.abs()),
                    "{name}, step {number}, {name_of_parameter}: {got}, not {want}"
                );
            }
        }
    }
    assert_eq!(optimizer.global_step().unwrap(), steps.len() as u64);
    assert_eq!(optimizer.compilations(), 1, "{name}");
}

const NEAR: f64 = 1e-11;
const F32: f64 = 2e-6;

fn all(parameters: Vec<Parameter>) -> Vec<ParameterGroup> {
    vec![ParameterGroup::new(parameters)]
}

/// MindSpore spares names with gamma from weight decay; here a group says so.
fn gamma_apart(mut parameters: Vec<Parameter>) -> Vec<ParameterGroup> {
    let gamma = parameters.split_off(2);
    vec![ParameterGroup::new(parameters), ParameterGroup::new(gamma).with("weight_decay", 0.0)]
}

#[test]
fn sgd_follows_torch_and_mindspore() {
    let sgd_with = |options: SgdOptions| move |context: &Context, parameters| sgd(context, all(parameters), options).unwrap();
    let base = SgdOptions { learning_rate: 0.1, ..Default::default() };
    let nesterov = SgdOptions { momentum: 0.9, nesterov: true, ..base };
    follow("torch.SGD.m0.9_nesterov_wd0.1", NEAR, sgd_with(SgdOptions { weight_decay: 0.1, ..nesterov }));
    follow("torch.SGD.m0.9_damp0.1", NEAR, sgd_with(SgdOptions { momentum: 0.9, dampening: 0.1, ..base }));
    follow("mindspore.nn.SGD.lr0.1", F32, sgd_with(base));
    follow("mindspore.nn.SGD.nesterov", F32, sgd_with(nesterov));
    follow("mindspore.nn.SGD.momentum0.9_damp0.1", F32, sgd_with(SgdOptions { momentum: 0.9, dampening: 0.1, ..base }));
    let apart = SgdOptions { momentum: 0.9, weight_decay: 0.1, ..base };
    follow("mindspore.nn.SGD.momentum0.9_wd0.1", F32, |context, parameters| sgd(context, gamma_apart(parameters), apart).unwrap());
}

#[test]
fn momentum_follows_mindspore() {
    let options = MomentumOptions { learning_rate: 0.1, momentum: 0.9, ..Default::default() };
    let decayed = MomentumOptions { weight_decay: 0.1, ..options };
    follow("mindspore.nn.Momentum.lr0.1_m0.9", F32, |context, parameters| momentum(context, all(parameters), options).unwrap());
    follow("mindspore.nn.Momentum.wd0.1", F32, |context, parameters| momentum(context, gamma_apart(parameters), decayed).unwrap());
    let name = "mindspore.groups.Momentum.wd_applies_to_gamma_when_grouped";
    follow(name, F32, |context, parameters| momentum(context, all(parameters), decayed).unwrap());
    // Its nesterov is that of SGD, where MindSpore's CPU kernel has none.
    let nesterov = MomentumOptions { nesterov: true, weight_decay: 0.1, ..options };
    follow("torch.SGD.m0.9_nesterov_wd0.1", NEAR, |context, parameters| momentum(context, all(parameters), nesterov).unwrap());
    let groups = |mut parameters: Vec<Parameter>| {
        let rest = parameters.split_off(1);
        let first = ParameterGroup::new(parameters).with("weight_decay", 0.01).with("learning_rate", 0.02);
        vec![first, ParameterGroup::new(rest)]
    };
    let name = "mindspore.groups.Momentum.seed_example";
    follow(name, F32, |context, parameters| momentum(context, groups(parameters), options).unwrap());
}

#[test]
fn a_changed_learning_rate_counts_from_the_next_step_on() {
    let context = context();
    let parameters = parameters(&context, DType::F64);
    let optimizer = momentum(&context, all(parameters.clone()), MomentumOptions::default()).unwrap();
    step(&context, &optimizer, 0);
    let before = values(&parameters[0].value().unwrap());
    optimizer.set_hyperparameter(None, "learning_rate", 0.01).unwrap();
    step(&context, &optimizer, 1);
    let velocity = values(optimizer.slots()[0].variable.tensor().unwrap());
    let after = values(&parameters[0].value().unwrap());
    assert!(before.iter().zip(&velocity).zip(&after).all(|((w, v), now)| (w - 0.01 * v - now).abs() < 1e-14));
    assert_eq!(optimizer.compilations(), 1);
}

#[test]
fn adam_follows_torch() {
    let options = AdamOptions { learning_rate: 0.01, ..Default::default() };
    follow("torch.Adam", NEAR, |context, parameters| adam(context, all(parameters), options).unwrap());
    let options = AdamOptions { eps: 0.1, weight_decay: 0.1, ..options };
    follow("torch.Adam.eps0.1_wd0.1", NEAR, |context, parameters| adam(context, all(parameters), options).unwrap());
    let options = AdamWOptions { learning_rate: 0.01, ..Default::default() };
    follow("torch.AdamW", NEAR, |context, parameters| adamw(context, all(parameters), options).unwrap());
}

/// One step of each optimizer from the same start, with gradients times `scale`.
fn after_one_step(kind: &str, loss_scale: Option<f64>, scale: f64) -> Vec<f64> {
    let context = context();
    let parameter =
        Parameter::new(&context, "w", Type::new(DType::F64, Shape::new(&[2]).unwrap()), Initializer::Constant(0.5), true).unwrap();
    let groups = all(vec![parameter.clone()]);
    let optimizer = match kind {
        "momentum" => momentum(&context, groups, MomentumOptions { weight_decay: 0.1, loss_scale, ..Default::default() }),
        "sgd" => sgd(&context, groups, SgdOptions { weight_decay: 0.1, loss_scale, ..Default::default() }),
        "adam" => adam(&context, groups, AdamOptions { weight_decay: 0.1, loss_scale, ..Default::default() }),
        _ => adamw(&context, groups, AdamWOptions { loss_scale, ..Default::default() }),
    }
    .unwrap();
    let grad = tensor(&context, DType::F64, &[0.25 * scale, -2.0 * scale], &[2]);
    optimizer.step(&[&grad]).unwrap();
    values(&parameter.value().unwrap())
}

#[test]
fn a_loss_scale_cancels() {
    for kind in ["momentum", "sgd", "adam", "adamw"] {
        assert_eq!(after_one_step(kind, None, 1.0), after_one_step(kind, Some(1024.0), 1024.0), "{kind}");
        assert_ne!(after_one_step(kind, None, 1.0), [0.5, 0.5], "{kind}");
    }
}

#[test]
fn hyperparameters_are_read_written_and_checked() {
    let context = context();
    let parameters = parameters(&context, DType::F32);
    let optimizer = adam(&context, gamma_apart(parameters), AdamOptions { weight_decay: 0.5, ..Default::default() }).unwrap();
    assert_eq!(optimizer.group_count(), 2);
    let read = |group, name: &str| optimizer.hyperparameter(group, name).unwrap();
    assert_eq!([read(0, "weight_decay"), read(1, "weight_decay"), read(1, "learning_rate")], [0.5, 0.0, 1e-3]);
    optimizer.set_hyperparameter(Some(1), "learning_rate", 0.25).unwrap();
    assert_eq!([read(0, "learning_rate"), read(1, "learning_rate")], [1e-3, 0.25]);
    optimizer.set_hyperparameter(None, "beta1", 0.5).unwrap();
    assert_eq!([read(0, "beta1"), read(1, "beta1")], [0.5, 0.5]);
    let status = |group, name: &str, value| optimizer.set_hyperparameter(group, name, value).unwrap_err().status();
    assert_eq!(status(None, "beta1", 1.0), Status::InvalidArgument);
    assert_eq!(status(None, "learning_rate", f64::NAN), Status::InvalidArgument);
    assert_eq!(status(None, "learning_rate", -1.0), Status::InvalidArgument);
    assert_eq!(status(Some(2), "beta1", 0.5), Status::NotFound);
    assert_eq!(status(None, "momentum", 0.5), Status::NotFound);
    assert!(optimizer.hyperparameter(0, "loss_scale").unwrap_err().message().contains("there are learning_rate, beta1"));
}

#[test]
fn groups_are_checked() {
    let context = context();
    let parameters = parameters(&context, DType::F32);
    let status = |groups| momentum(&context, groups, MomentumOptions::default()).unwrap_err().status();
    assert_eq!(status(vec![]), Status::InvalidArgument);
    assert_eq!(status(vec![ParameterGroup::new(vec![parameters[0].clone(), parameters[0].clone()])]), Status::AlreadyExists);
    assert_eq!(status(vec![ParameterGroup::new(parameters.clone()).with("beta1", 0.5)]), Status::NotFound);
    assert_eq!(status(vec![ParameterGroup::new(parameters.clone()).with("learning_rate", -0.5)]), Status::InvalidArgument);
    let twin = Parameter::from_tensor(&context, "fc.bias", &parameters[1].value().unwrap(), true).unwrap();
    assert_eq!(status(vec![ParameterGroup::new(parameters.clone()), ParameterGroup::new(vec![twin])]), Status::AlreadyExists);
    let integer = Type::new(DType::I64, Shape::SCALAR);
    let count = Parameter::new(&context, "count", integer, Initializer::Zeros, false).unwrap();
    assert_eq!(status(vec![ParameterGroup::new(vec![count])]), Status::DtypeMismatch);
    let other = super::tests::context();
    assert_eq!(momentum(&other, all(parameters), MomentumOptions::default()).unwrap_err().status(), Status::InvalidArgument);
}

#[test]
fn wrong_gradients_change_nothing() {
    let context = context();
    let parameters = parameters(&context, DType::F32);
    let optimizer = momentum(&context, all(parameters.clone()), MomentumOptions::default()).unwrap();
    let before: Vec<Vec<f64>> = parameters.iter().map(|parameter| values(&parameter.value().unwrap())).collect();
    let zeros = |dtype, dims: &[usize]| Tensor::zeros(context.allocator(), dtype, Shape::new(dims).unwrap()).unwrap();
    let (weight, bias) = (zeros(DType::F32, &[3, 2]), zeros(DType::F32, &[3]));
    let error = optimizer.step(&[&weight, &bias]).unwrap_err();
    assert_eq!(error.status(), Status::InvalidArgument);
    assert!(error.message().contains("none for bn.gamma"), "{error}");
    let error = optimizer.step(&[&weight, &weight, &bias]).unwrap_err();
    assert_eq!(error.status(), Status::ShapeMismatch);
    assert!(error.message().contains("the gradient of fc.bias is f32[3, 2], not f32[3]"), "{error}");
    let error = optimizer.step(&[&weight, &zeros(DType::F64, &[3]), &bias]).unwrap_err();
    assert_eq!(error.status(), Status::DtypeMismatch);
    let after: Vec<Vec<f64>> = parameters.iter().map(|parameter| values(&parameter.value().unwrap())).collect();
    assert_eq!(before, after);
    assert_eq!(optimizer.global_step().unwrap(), 0);
}

#[test]
fn frozen_parameters_stay_and_keep_their_state() {
    let context = context();
    let parameters = parameters(&context, DType::F32);
    let optimizer = momentum(&context, all(parameters.clone()), MomentumOptions::default()).unwrap();
    step(&context, &optimizer, 0);
    parameters[1].set_requires_grad(false).unwrap();
    assert_eq!(optimizer.trainable_params(), [parameters[0].clone(), parameters[2].clone()]);
    let slot = optimizer.slots().into_iter().find(|slot| slot.parameter == parameters[1]).unwrap();
    assert_eq!(slot.variable.name(), "momentum.fc.bias");
    let (bias, state) = (values(&parameters[1].value().unwrap()), values(slot.variable.tensor().unwrap()));
    let weight = values(&parameters[0].value().unwrap());
    step(&context, &optimizer, 1);
    assert_eq!(bias, values(&parameters[1].value().unwrap()));
    assert_eq!(state, values(slot.variable.tensor().unwrap()));
    assert_ne!(weight, values(&parameters[0].value().unwrap()));
}

#[test]
fn sixteen_bit_parameters_have_slots_of_thirty_two() {
    let context = context();
    let parameters = parameters(&context, DType::BF16);
    let optimizer = adam(&context, all(parameters.clone()), AdamOptions { learning_rate: 0.01, ..Default::default() }).unwrap();
    assert!(optimizer.slots().iter().all(|slot| slot.variable.ty().dtype == DType::F32));
    step(&context, &optimizer, 0);
    let moved = vectors().init[0].1[0] + 0.01;
    assert!((values(&parameters[0].value().unwrap())[0] - moved).abs() < 0.01);
}

#[test]
fn sgd_without_momentum_keeps_no_state() {
    let context = context();
    let parameters = parameters(&context, DType::F32);
    let plain = sgd(&context, all(parameters.clone()), SgdOptions::default()).unwrap();
    assert!(plain.slots().is_empty());
    assert_eq!(plain.set_hyperparameter(None, "momentum", 0.9).unwrap_err().status(), Status::NotFound);
    let refused = |options| sgd(&context, all(parameters.clone()), options).unwrap_err().status();
    assert_eq!(refused(SgdOptions { nesterov: true, ..Default::default() }), Status::InvalidArgument);
    assert_eq!(refused(SgdOptions { dampening: 0.5, ..Default::default() }), Status::InvalidArgument);
    let damped = SgdOptions { nesterov: true, momentum: 0.9, dampening: 0.5, ..Default::default() };
    assert_eq!(refused(damped), Status::InvalidArgument);
}

#[test]
fn shared_scalars_are_recorded_once_for_each_group() {
    let context = context();
    let parameters = parameters(&context, DType::F32);
    let optimizer = adam(&context, all(parameters.clone()), AdamOptions::default()).unwrap();
    let mut g = Trace::new();
    let grads: Vec<_> = parameters.iter().map(|parameter| g.input(parameter.ty())).collect();
    optimizer.record(&mut g, &grads).unwrap();
    let graph = g.finish(&[]).unwrap();
    let powers = graph.nodes.iter().filter(|node| node.op.name() == "pow").count();
    assert_eq!(powers, 2);
    // Three parameters, two slots each, and the count of steps.
    assert_eq!(graph.assignments.len(), 10);
}
