//! Saving and loading networks: what comes back, what is reported, and that a failure changes nothing.

use super::*;
use crate::context::ContextOptions;
use crate::nn::{self, Activation, DenseOptions, DropoutOptions};
use crate::ops::composite::Reduction;
use crate::optim::{AdamOptions, ParameterGroup, adam};
use crate::train::{Function, TrainStep};
use std::path::PathBuf;

/// A path in a directory of its own, gone at the end.
struct File(PathBuf);
impl File {
    fn new(name: &str) -> File {
        let directory = std::env::temp_dir().join(format!("tenon-{}-{name}", std::process::id()));
        std::fs::create_dir_all(&directory).unwrap();
        File(directory.join("model.safetensors"))
    }
}
impl Drop for File {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(self.0.parent().unwrap());
    }
}

struct Trained {
    net: Cell,
    optimizer: Optimizer,
    step: TrainStep,
    x: Tensor,
}

/// A network with dropout, so that random states matter, and Adam, so that the count of steps does.
fn trained(seed: u64, hidden: usize, dtype: DType) -> Trained {
    let context = Context::new(ContextOptions { seed, workers: 1, ..Default::default() }).unwrap();
    let net = nn::sequential(&context);
    let options = || DenseOptions { dtype, ..Default::default() };
    let named = DenseOptions { activation: Some(Activation::Tanh), ..options() };
    net.insert_child("fc1", &nn::dense(&context, 3, hidden, named).unwrap()).unwrap();
    net.insert_child("drop", &nn::dropout(&context, DropoutOptions { p: Some(0.3), ..Default::default() }).unwrap()).unwrap();
    net.insert_child("noise", &nn::dropout(&context, DropoutOptions { p: Some(0.1), seed: Some(-5), ..Default::default() }).unwrap())
        .unwrap();
    net.insert_child("fc2", &nn::dense(&context, hidden, 2, options()).unwrap()).unwrap();
    net.set_train(true);
    let recorded = net.clone();
    let loss = Function::new(&context, move |g, inputs| {
        let y = recorded.call_one(g, inputs);
        let zero = g.zeros_like(y);
        Ok(vec![g.mse_loss(y, zero, Reduction::Mean)])
    });
    let options = AdamOptions { learning_rate: 0.01, ..Default::default() };
    let optimizer = adam(&context, vec![ParameterGroup::of_cell(&net)], options).unwrap();
    let step = TrainStep::new(&loss, &optimizer).unwrap();
    let values: Vec<f32> = (0..12).map(|i| (i as f32).cos()).collect();
    let x = Tensor::from_slice(context.allocator(), &values, &[4, 3]).unwrap();
    Trained { net, optimizer, step, x }
}

impl Trained {
    fn steps(&self, count: usize) -> Vec<f64> {
        (0..count).map(|_| self.step.run(&[&self.x]).unwrap()[0].item_f64().unwrap()).collect()
    }
    /// Everything that a load may change, as bytes.
    fn everything(&self) -> Vec<Vec<u8>> {
        let variables = variables(&self.net, Some(&self.optimizer)).unwrap();
        let mut all: Vec<Vec<u8>> = variables
            .iter()
            .map(|(_, target)| {
                let tensor = target.variable.tensor().unwrap();
                let mut bytes = vec![0; tensor.bytes()];
                tensor.read_bytes(&mut bytes).unwrap();
                bytes
            })
            .collect();
        all.extend(self.net.context().generators().iter().map(|(_, generator)| generator.state().unwrap().to_bytes().to_vec()));
        all
    }
}

#[test]
fn a_resumed_run_goes_on_with_the_same_bits() {
    let file = File::new("resume");
    let first = trained(1, 5, DType::F32);
    first.steps(3);
    first.optimizer.set_hyperparameter(None, "learning_rate", 0.125).unwrap();
    save_model(&first.net, Some(&first.optimizer), &file.0).unwrap();
    let second = trained(2, 5, DType::F32);
    second.steps(1);
    let report = load_model(&second.net, Some(&second.optimizer), &file.0, true).unwrap();
    // Four parameters with two slots each, five hyperparameters and the count of steps, two generators.
    assert_eq!(report, LoadReport { loaded: 4 * 3 + 6 + 2, ..Default::default() });
    assert_eq!(second.optimizer.global_step().unwrap(), 3);
    assert_eq!(second.optimizer.hyperparameter(0, "learning_rate").unwrap(), 0.125);
    assert_eq!(second.everything(), first.everything());
    assert_eq!(first.steps(4), second.steps(4));
    assert_eq!(second.everything(), first.everything());
}

#[test]
fn names_in_the_file_are_paths() {
    let file = File::new("names");
    let model = trained(1, 5, DType::F32);
    save_model(&model.net, Some(&model.optimizer), &file.0).unwrap();
    let archive = super::super::load(&file.0).unwrap();
    let names: Vec<&str> = archive.names().collect();
    for name in [
        "fc1.weight",
        "fc2.bias",
        "optimizer.moment1.fc1.weight",
        "optimizer.moment2.fc2.bias",
        "optimizer.groups.0.beta1",
        "optimizer.global_step",
        "random.default",
        "random.op.-5",
    ] {
        assert!(names.contains(&name), "{name} of {names:?}");
    }
}

#[test]
fn weights_alone_are_loaded_and_saved() {
    let file = File::new("weights");
    let (first, second) = (trained(1, 5, DType::F32), trained(2, 5, DType::F32));
    save_model(&first.net, Some(&first.optimizer), &file.0).unwrap();
    let random = second.net.context().generator().state().unwrap();
    let report = load_model(&second.net, None, &file.0, true).unwrap();
    assert_eq!(report, LoadReport { loaded: 4, ..Default::default() });
    assert_eq!(second.everything()[..4], first.everything()[..4]);
    assert_eq!(second.net.context().generator().state().unwrap(), random);
    save_model(&first.net, None, &file.0).unwrap();
    assert_eq!(super::super::load(&file.0).unwrap().names().count(), 4);
    // Training state is missing then: that is reported, or a failure.
    let report = load_model(&second.net, Some(&second.optimizer), &file.0, false).unwrap();
    assert_eq!((report.loaded, report.missing.len()), (4, 8 + 6 + 2));
    let error = load_model(&second.net, Some(&second.optimizer), &file.0, true).unwrap_err();
    assert_eq!(error.status(), Status::NotFound);
}

#[test]
fn what_does_not_fit_is_reported_or_refused_and_nothing_changes() {
    let file = File::new("misfit");
    let saved = trained(1, 5, DType::F32);
    saved.steps(2);
    save_model(&saved.net, Some(&saved.optimizer), &file.0).unwrap();

    let wider = trained(2, 6, DType::F32);
    let before = wider.everything();
    let error = load_model(&wider.net, Some(&wider.optimizer), &file.0, false).unwrap_err();
    assert_eq!(error.status(), Status::ShapeMismatch);
    assert!(error.message().contains("fc1.weight"), "{error}");
    assert_eq!(wider.everything(), before);

    let double = trained(2, 5, DType::F64);
    let before = double.everything();
    let error = load_model(&double.net, Some(&double.optimizer), &file.0, true).unwrap_err();
    assert_eq!(error.status(), Status::DtypeMismatch);
    assert_eq!(double.everything(), before);
    load_model(&double.net, Some(&double.optimizer), &file.0, false).unwrap();
    let read = |model: &Trained| model.net.parameter("fc2.weight").unwrap().value().unwrap();
    let narrow: Vec<f64> = read(&saved).to_vec::<f32>().unwrap().into_iter().map(f64::from).collect();
    assert_eq!(read(&double).to_vec::<f64>().unwrap(), narrow);

    let larger = trained(2, 5, DType::F32);
    larger.net.insert_child("fc3", &nn::dense(larger.net.context(), 2, 2, DenseOptions::default()).unwrap()).unwrap();
    let before = larger.everything();
    let error = load_model(&larger.net, None, &file.0, true).unwrap_err();
    assert_eq!(error.status(), Status::NotFound);
    assert!(error.message().contains("missing from the file: fc3.weight, fc3.bias"), "{error}");
    assert_eq!(larger.everything(), before);
    let report = load_model(&larger.net, None, &file.0, false).unwrap();
    assert_eq!((report.missing, report.left_over), (vec!["fc3.weight".to_string(), "fc3.bias".to_string()], vec![]));

    save_model(&larger.net, None, &file.0).unwrap();
    let before = saved.everything();
    let error = load_model(&saved.net, None, &file.0, true).unwrap_err();
    assert_eq!(error.status(), Status::InvalidArgument);
    assert_eq!(saved.everything(), before);
    assert_eq!(load_model(&saved.net, None, &file.0, false).unwrap().left_over, ["fc3.bias", "fc3.weight"]);
}

#[test]
fn impossible_scalars_and_states_are_refused() {
    let file = File::new("scalars");
    let model = trained(1, 5, DType::F32);
    let before = model.everything();
    let allocator = model.net.context().allocator().clone();
    let refused = |name: &str, tensor: &Tensor| {
        save(&file.0, [Entry { name: name.to_string(), tensor }], BTreeMap::new()).unwrap();
        let error = load_model(&model.net, Some(&model.optimizer), &file.0, false).unwrap_err();
        assert_eq!(error.status(), Status::Format, "{name}: {error}");
        assert_eq!(model.everything(), before);
    };
    refused("optimizer.groups.0.beta1", &Tensor::scalar(&allocator, DType::F64, 1.5).unwrap());
    refused("optimizer.groups.0.learning_rate", &Tensor::scalar(&allocator, DType::F64, f64::NAN).unwrap());
    refused("optimizer.global_step", &Tensor::scalar(&allocator, DType::I64, -1.0).unwrap());
    refused("random.default", &Tensor::from_slice(&allocator, &[0u8; 40], &[40]).unwrap());
    refused("random.op.9", &Tensor::scalar(&allocator, DType::F64, 1.0).unwrap());
    // Not how an op seed is written: a stranger's name.
    let stranger = Tensor::scalar(&allocator, DType::F64, 1.0).unwrap();
    save(&file.0, [Entry { name: "random.op.+9".to_string(), tensor: &stranger }], BTreeMap::new()).unwrap();
    let report = load_model(&model.net, Some(&model.optimizer), &file.0, false).unwrap();
    assert_eq!(report.left_over, ["random.op.+9"]);
}

#[test]
fn frozen_parameters_need_no_state() {
    let file = File::new("frozen");
    let make = |seed| {
        let model = trained(seed, 5, DType::F32);
        model.net.parameter("fc1.weight").unwrap().set_requires_grad(false).unwrap();
        model
    };
    let (first, second) = (make(1), make(2));
    first.steps(2);
    save_model(&first.net, Some(&first.optimizer), &file.0).unwrap();
    let archive = super::super::load(&file.0).unwrap();
    assert!(archive.info("optimizer.moment1.fc1.weight").is_none() && archive.info("fc1.weight").is_some());
    load_model(&second.net, Some(&second.optimizer), &file.0, true).unwrap();
    assert_eq!(first.steps(3), second.steps(3));
}
