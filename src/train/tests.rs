//! Functions, gradients, and steps: values, caching, errors.

use super::*;
use crate::context::{Context, ContextOptions};
use crate::error::{Error, Status};
use crate::ir::{Type, Value};
use crate::nn::{self, Cell, DenseOptions, DropoutOptions, Initializer, Parameter};
use crate::ops::Trace;
use crate::ops::composite::Reduction;
use crate::optim::{MomentumOptions, Optimizer, ParameterGroup, momentum};
use crate::tensor::{DType, Shape, Tensor};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

fn context() -> Context {
    Context::new(ContextOptions { seed: 7, workers: 1, ..Default::default() }).unwrap()
}
fn number(context: &Context, value: f64) -> Tensor {
    Tensor::scalar(context.allocator(), DType::F64, value).unwrap()
}
fn vector(context: &Context, values: &[f64]) -> Tensor {
    Tensor::from_slice(context.allocator(), values, &[values.len()]).unwrap()
}
fn call(f: &Function, inputs: &[f64]) -> Vec<f64> {
    let inputs: Vec<Tensor> = inputs.iter().map(|value| number(f.context(), *value)).collect();
    let outputs = f.call(&inputs.iter().collect::<Vec<_>>()).unwrap();
    outputs.iter().map(|tensor| tensor.item_f64().unwrap()).collect()
}
fn at(positions: &[usize]) -> GradOptions {
    GradOptions { positions: Some(positions.to_vec()), ..Default::default() }
}
fn with_aux() -> GradOptions {
    GradOptions { has_aux: true, ..Default::default() }
}
fn with_sens() -> GradOptions {
    GradOptions { sens_param: true, ..Default::default() }
}
/// f(x, y) = (x^2 + y, x)
fn square_plus(context: &Context) -> Function {
    Function::with_counts(context, Some(2), Some(2), |g, x| {
        let square = g.square(x[0]);
        Ok(vec![g.add(square, x[1]), x[0]])
    })
}
fn cube(context: &Context) -> Function {
    Function::with_counts(context, Some(1), Some(1), |g, x| {
        let square = g.square(x[0]);
        Ok(vec![g.mul(square, x[0])])
    })
}
fn status<T: std::fmt::Debug>(result: crate::Result<T>) -> Status {
    result.unwrap_err().status()
}

// ---- gradients ----

#[test]
fn gradients_of_several_outputs_add_up() {
    let f = square_plus(&context());
    assert_eq!(call(&grad(&f, GradOptions::default()).unwrap(), &[1.0, 2.0]), [3.0]);
    assert_eq!(call(&grad(&f, at(&[1])).unwrap(), &[1.0, 2.0]), [1.0]);
    assert_eq!(call(&grad(&f, at(&[1, 0])).unwrap(), &[1.0, 2.0]), [1.0, 3.0]);
    assert_eq!(call(&value_and_grad(&f, at(&[0])).unwrap(), &[1.0, 2.0]), [3.0, 1.0, 3.0]);
}

#[test]
fn auxiliary_outputs_are_not_differentiated() {
    let f = square_plus(&context());
    let first = grad(&f, with_aux()).unwrap();
    assert_eq!(call(&first, &[1.0, 2.0]), [2.0, 1.0]);
    assert_eq!(first.output_count(), Some(2));
    assert_eq!(call(&value_and_grad(&f, with_aux()).unwrap(), &[1.0, 2.0]), [3.0, 1.0, 2.0]);
    // A gradient is a function like any other.
    assert_eq!(call(&grad(&first, with_aux()).unwrap(), &[1.0, 2.0]), [2.0, 1.0]);
    assert_eq!(status(grad(&cube(f.context()), with_aux())), Status::InvalidArgument);
    let free = Function::new(f.context(), |_, x| Ok(vec![x[0]]));
    let late = grad(&free, with_aux()).unwrap();
    assert_eq!(status(late.call(&[&number(f.context(), 1.0)])), Status::InvalidArgument);
}

#[test]
fn gradients_nest_to_any_order() {
    let mut f = cube(&context());
    for expected in [12.0, 12.0, 6.0, 0.0] {
        f = grad(&f, GradOptions::default()).unwrap();
        assert_eq!(call(&f, &[2.0]), [expected]);
    }
}

#[test]
fn seeds_weigh_the_outputs() {
    let context = context();
    let f = square_plus(&context);
    let weighted = grad(&f, with_sens()).unwrap();
    assert_eq!(weighted.input_count(), Some(4));
    assert_eq!(call(&weighted, &[3.0, 2.0, 10.0, 1.0]), [61.0]);
    let first = grad(&f, GradOptions { has_aux: true, ..with_sens() }).unwrap();
    assert_eq!(call(&first, &[3.0, 2.0, 10.0]), [60.0, 3.0]);
    let free = Function::new(&context, |g, x| Ok(vec![g.square(x[0])]));
    assert_eq!(call(&grad(&free, with_sens()).unwrap(), &[3.0, 0.5]), [3.0]);
    let wrong = grad(&cube(&context), with_sens()).unwrap();
    assert_eq!(status(wrong.call(&[&number(&context, 1.0), &vector(&context, &[1.0])])), Status::ShapeMismatch);
    assert_eq!(status(wrong.call(&[&number(&context, 1.0)])), Status::InvalidArgument);
}

#[test]
fn positions_are_separate_and_checked() {
    let context = context();
    let product = Function::with_counts(&context, Some(2), Some(1), |g, x| Ok(vec![g.mul(x[0], x[1])]));
    let x = number(&context, 3.0);
    let both = grad(&product, at(&[0, 1])).unwrap();
    let gradients = both.call(&[&x, &x]).unwrap();
    assert_eq!([gradients[0].item_f64().unwrap(), gradients[1].item_f64().unwrap()], [3.0, 3.0]);
    // The same value inside one graph, too.
    let square = Function::new(&context, move |g, x| both.record(g, &[x[0], x[0]]));
    assert_eq!(call(&square, &[5.0]), [5.0, 5.0]);
    for options in [at(&[]), at(&[2]), at(&[0, 0])] {
        assert_eq!(status(grad(&product, options)), Status::InvalidArgument);
    }
    let free = grad(&Function::new(&context, |_, x| Ok(x.to_vec())), at(&[1])).unwrap();
    assert_eq!(status(free.call(&[&x])), Status::InvalidArgument);
    let integers = Tensor::from_slice(context.allocator(), &[2i64, 3], &[2]).unwrap();
    let gradients = grad(&product, at(&[0, 1])).unwrap().call(&[&x, &integers]).unwrap();
    assert_eq!(gradients[0].item_f64().unwrap(), 5.0);
    assert_eq!(gradients[1].to_vec::<i64>().unwrap(), [0, 0]);
    let counting = Function::new(&context, |g, x| Ok(vec![g.cast(x[0], DType::I64)]));
    assert_eq!(status(grad(&counting, at(&[0])).unwrap().call(&[&x])), Status::NotDifferentiable);
}

#[test]
fn weights_have_gradients_unless_frozen() {
    let context = context();
    let scalar = Type::new(DType::F64, Shape::SCALAR);
    let w = Parameter::new(&context, "w", scalar, Initializer::Constant(4.0), true).unwrap();
    let unused = Parameter::new(&context, "unused", scalar, Initializer::Ones, true).unwrap();
    let recorded = w.clone();
    let f = Function::with_counts(&context, Some(1), Some(1), move |g, x| {
        let w = recorded.read(g);
        let square = g.square(w);
        Ok(vec![g.mul(square, x[0])])
    });
    let weights = GradOptions { weights: vec![w.clone(), unused], ..Default::default() };
    let df = grad(&f, weights.clone()).unwrap();
    assert_eq!(call(&df, &[3.0]), [24.0, 0.0]);
    let both = value_and_grad(&f, GradOptions { positions: Some(vec![0]), ..weights.clone() }).unwrap();
    assert_eq!(call(&both, &[3.0]), [48.0, 16.0, 24.0, 0.0]);
    // Second derivatives, with respect to the weight and mixed.
    let ddf = grad(&df, GradOptions { positions: Some(vec![0]), weights: vec![w.clone()], ..Default::default() }).unwrap();
    assert_eq!(call(&ddf, &[3.0]), [8.0, 6.0]);
    w.set_data(&number(&context, 5.0)).unwrap();
    assert_eq!(call(&df, &[3.0]), [30.0, 0.0]);
    w.set_requires_grad(false).unwrap();
    let error = df.call(&[&number(&context, 3.0)]).unwrap_err();
    assert_eq!(error.message(), "grad: w does not require a gradient");
    w.set_requires_grad(true).unwrap();
    assert_eq!(call(&df, &[3.0]), [30.0, 0.0]);
    assert_eq!(df.compilations(), 1);
    let twice = GradOptions { weights: vec![w.clone(), w], ..Default::default() };
    assert_eq!(status(grad(&f, twice)), Status::InvalidArgument);
}

#[test]
fn stopped_gradients_stop() {
    let context = context();
    let f = Function::new(&context, |g, x| {
        let stopped = g.stop_gradient(x[0]);
        Ok(vec![g.mul(x[0], stopped)])
    });
    assert_eq!(call(&grad(&f, GradOptions::default()).unwrap(), &[3.0]), [3.0]);
}

// ---- functions ----

#[test]
fn programs_are_kept_by_input_types() {
    let context = context();
    let recorded = Arc::new(AtomicUsize::new(0));
    let count = recorded.clone();
    let f = Function::new(&context, move |g, x| {
        count.fetch_add(1, Ordering::Relaxed);
        Ok(vec![g.square(x[0])])
    });
    for size in 1..=CACHED_PROGRAMS + 4 {
        for _ in 0..2 {
            f.call(&[&vector(&context, &vec![1.0; size])]).unwrap();
        }
    }
    assert_eq!(recorded.load(Ordering::Relaxed), CACHED_PROGRAMS + 4);
    assert_eq!(f.cached_programs(), CACHED_PROGRAMS);
    // The last ones are there, the first ones went.
    f.call(&[&vector(&context, &[1.0; CACHED_PROGRAMS + 4])]).unwrap();
    assert_eq!(f.compilations(), CACHED_PROGRAMS + 4);
    f.call(&[&vector(&context, &[1.0])]).unwrap();
    assert_eq!(f.compilations(), CACHED_PROGRAMS + 5);
    f.call(&[&Tensor::zeros(context.allocator(), DType::F32, Shape::new(&[1]).unwrap()).unwrap()]).unwrap();
    assert_eq!(f.compilations(), CACHED_PROGRAMS + 6);
}

#[test]
fn only_what_a_program_depends_on_makes_another() {
    let context = context();
    let net = nn::sequential(&context);
    let drop = nn::dropout(&context, DropoutOptions::default()).unwrap();
    let fc = nn::dense(&context, 2, 2, DenseOptions::default()).unwrap();
    net.insert_child("fc", &fc).unwrap();
    let called = net.clone();
    let f = Function::new(&context, move |g, x| Ok(called.call(g, x)));
    let x = Tensor::from_slice(context.allocator(), &[1f32; 2], &[1, 2]).unwrap();
    let compiled = |f: &Function| {
        f.call(&[&x]).unwrap();
        f.compilations()
    };
    assert_eq!(compiled(&f), 1);
    // A network without dropout is the same in training; frozen parameters are read like any other.
    net.set_train(true);
    fc.parameter("weight").unwrap().set_requires_grad(false).unwrap();
    fc.parameter("weight")
        .unwrap()
        .set_data(&Tensor::zeros(context.allocator(), DType::F32, Shape::new(&[2, 2]).unwrap()).unwrap())
        .unwrap();
    nn::sequential(&context).insert_child("other", &drop).unwrap();
    assert_eq!(compiled(&f), 1);
    // A new child is a new network, and dropout has two ways.
    drop.set_train(false);
    net.insert_child("drop", &drop).unwrap();
    assert_eq!(compiled(&f), 2);
    for _ in 0..3 {
        net.set_train(true);
        assert_eq!(compiled(&f), 3);
        net.set_train(false);
        assert_eq!(compiled(&f), 3);
    }
    assert_eq!(f.cached_programs(), 3);
}

#[test]
fn functions_hold_to_their_counts() {
    let context = context();
    let f = square_plus(&context);
    let x = number(&context, 1.0);
    assert_eq!(status(f.call(&[&x])), Status::InvalidArgument);
    let liar = Function::with_counts(&context, Some(1), Some(2), |_, x| Ok(x.to_vec()));
    assert_eq!(liar.call(&[&x]).unwrap_err().message(), "the function has 2 outputs, its recorder returned 1");
    let foreign = Function::new(&context, |_, _| Ok(vec![Value::from_index(99)]));
    assert_eq!(status(foreign.call(&[&x])), Status::InvalidArgument);
    let failing = Function::new(&context, |_, _| Err(Error::new(Status::CallbackFailed, "no")));
    assert_eq!(status(failing.call(&[&x])), Status::CallbackFailed);
    assert_eq!(failing.compilations(), 0);
}

#[test]
fn calls_write_into_given_tensors_only_if_they_fit() {
    let context = context();
    let f = square_plus(&context);
    let (x, y) = (number(&context, 3.0), number(&context, 1.0));
    let outputs = [number(&context, 0.0), number(&context, 0.0)];
    f.call_into(&[&x, &y], &[&outputs[0], &outputs[1]]).unwrap();
    assert_eq!([outputs[0].item_f64().unwrap(), outputs[1].item_f64().unwrap()], [10.0, 3.0]);
    assert_eq!(status(f.call_into(&[&x, &y], &[&outputs[0]])), Status::InvalidArgument);
    assert_eq!(status(f.call_into(&[&x, &y], &[&outputs[0], &vector(&context, &[0.0])])), Status::ShapeMismatch);
    let other = Tensor::scalar(context.allocator(), DType::F32, 0.0).unwrap();
    assert_eq!(status(f.call_into(&[&x, &y], &[&outputs[0], &other])), Status::DtypeMismatch);
    // Strided inputs are taken as they are.
    let wide = Tensor::from_slice(context.allocator(), &[1.0f64, 2.0, 3.0, 4.0, 5.0, 6.0], &[2, 3]).unwrap();
    let turned = wide.transpose(&[1, 0]).unwrap();
    let double = Function::new(&context, |g, x| Ok(vec![g.add(x[0], x[0])]));
    assert_eq!(double.call(&[&turned]).unwrap()[0].to_vec::<f64>().unwrap(), [2.0, 8.0, 4.0, 10.0, 6.0, 12.0]);
}

#[test]
fn a_function_that_needs_itself_is_busy() {
    let context = context();
    let slot: Arc<parking_lot::Mutex<Option<Function>>> = Arc::default();
    let inner = slot.clone();
    let f = Function::new(&context, move |g, x| {
        let itself = inner.lock().clone();
        itself.map_or(Ok(x.to_vec()), |itself| itself.record(g, x))
    });
    *slot.lock() = Some(f.clone());
    let x = number(&context, 1.0);
    assert_eq!(status(f.call(&[&x])), Status::Busy);
    *slot.lock() = Some(grad(&f, GradOptions::default()).unwrap());
    assert_eq!(status(f.call(&[&x])), Status::Busy);
    // Running is not recording: another thread may call while this one records, and so may this one afterwards.
    *slot.lock() = None;
    assert_eq!(call(&f, &[1.0]), [1.0]);
    let other = f.clone();
    std::thread::spawn(move || assert_eq!(call(&other, &[2.0]), [2.0])).join().unwrap();
}

#[test]
fn a_recorder_that_panics_leaves_the_function_usable() {
    let context = context();
    let broken = Arc::new(AtomicUsize::new(1));
    let switch = broken.clone();
    let f = Function::new(&context, move |_, x| {
        assert_eq!(switch.load(Ordering::Relaxed), 0, "as planned");
        Ok(x.to_vec())
    });
    let x = number(&context, 1.0);
    assert!(std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| f.call(&[&x]))).is_err());
    broken.store(0, Ordering::Relaxed);
    assert_eq!(call(&f, &[1.0]), [1.0]);
}

#[test]
fn functions_describe_themselves() {
    let context = context();
    let text = cube(&context).describe(&[Type::new(DType::F64, Shape::SCALAR)]).unwrap();
    assert!(text.starts_with("graph(%0: f64[]) -> "), "{text}");
}

// ---- steps ----

/// Four points, one hidden layer: the smallest network that learns something that a line cannot.
struct Xor {
    context: Context,
    net: Cell,
    optimizer: Optimizer,
    step: TrainStep,
    x: Tensor,
    y: Tensor,
}

fn xor() -> Xor {
    let context = context();
    let net = nn::sequential(&context);
    let options = || DenseOptions { dtype: DType::F64, ..Default::default() };
    net.insert_child("fc1", &nn::dense(&context, 2, 8, options()).unwrap()).unwrap();
    net.insert_child("act", &nn::activation(&context, nn::Activation::Tanh)).unwrap();
    net.insert_child("fc2", &nn::dense(&context, 8, 1, options()).unwrap()).unwrap();
    let recorded = net.clone();
    let loss = Function::with_counts(&context, Some(2), Some(2), move |g, inputs| {
        let y = recorded.call_one(g, &inputs[..1]);
        Ok(vec![g.mse_loss(y, inputs[1], Reduction::Mean), y])
    });
    let options = MomentumOptions { learning_rate: 0.2, ..Default::default() };
    let optimizer = momentum(&context, vec![ParameterGroup::of_cell(&net)], options).unwrap();
    let step = TrainStep::new(&loss, &optimizer).unwrap();
    let x = Tensor::from_slice(context.allocator(), &[0.0f64, 0.0, 0.0, 1.0, 1.0, 0.0, 1.0, 1.0], &[4, 2]).unwrap();
    let y = Tensor::from_slice(context.allocator(), &[0.0f64, 1.0, 1.0, 0.0], &[4, 1]).unwrap();
    Xor { context, net, optimizer, step, x, y }
}

fn weights(net: &Cell) -> Vec<Vec<f64>> {
    net.parameters_and_names().iter().map(|(_, parameter)| parameter.value().unwrap().to_vec().unwrap()).collect()
}

#[test]
fn a_network_learns_xor() {
    let Xor { step, x, y, optimizer, .. } = xor();
    let first = step.run(&[&x, &y]).unwrap()[0].item_f64().unwrap();
    for _ in 0..400 {
        step.run(&[&x, &y]).unwrap();
    }
    let last = step.run(&[&x, &y]).unwrap();
    assert!(last[0].item_f64().unwrap() < 0.01 * first, "{first} {:?}", last[0]);
    let answers: Vec<f64> = last[1].to_vec::<f64>().unwrap().iter().map(|y| y.round()).collect();
    assert_eq!(answers, y.to_vec::<f64>().unwrap());
    assert_eq!(optimizer.global_step().unwrap(), 402);
    assert_eq!(step.compilations(), 1);
}

#[test]
fn a_step_is_gradients_and_update_by_hand() {
    let (whole, parts) = (xor(), xor());
    assert_eq!(weights(&whole.net), weights(&parts.net));
    let recorded = parts.net.clone();
    let loss = Function::new(&parts.context, move |g, inputs| {
        let y = recorded.call_one(g, &inputs[..1]);
        Ok(vec![g.mse_loss(y, inputs[1], Reduction::Mean)])
    });
    let gradients = value_and_grad(&loss, GradOptions { weights: parts.net.trainable_params(), ..Default::default() }).unwrap();
    for _ in 0..3 {
        let loss = whole.step.run(&[&whole.x, &whole.y]).unwrap()[0].item_f64().unwrap();
        let outputs = gradients.call(&[&parts.x, &parts.y]).unwrap();
        assert_eq!(outputs[0].item_f64().unwrap(), loss);
        parts.optimizer.step(&outputs[1..].iter().collect::<Vec<_>>()).unwrap();
    }
    for (whole, parts) in weights(&whole.net).iter().flatten().zip(weights(&parts.net).iter().flatten()) {
        assert!((whole - parts).abs() < 1e-14);
    }
}

#[test]
fn hyperparameters_and_weights_change_without_a_new_program() {
    let Xor { context, net, optimizer, step, x, y } = xor();
    step.run(&[&x, &y]).unwrap();
    for learning_rate in [0.1, 0.0] {
        optimizer.set_hyperparameter(None, "learning_rate", learning_rate).unwrap();
        optimizer.set_hyperparameter(None, "weight_decay", learning_rate).unwrap();
        step.run(&[&x, &y]).unwrap();
    }
    context.set_seed(3).unwrap();
    let before = weights(&net);
    step.run(&[&x, &y]).unwrap();
    assert_eq!(weights(&net), before);
    assert_eq!(step.compilations(), 1);
}

#[test]
fn outputs_of_a_step_are_the_same_tensors_every_time() {
    let Xor { context, step, x, y, .. } = xor();
    let first = step.run(&[&x, &y]).unwrap();
    let loss = first[0].item_f64().unwrap();
    let second = step.run(&[&x, &y]).unwrap();
    assert!(first[0] == second[0] && first[1] == second[1]);
    assert_ne!(first[0].item_f64().unwrap(), loss);
    let into = [number(&context, 0.0), y.duplicate(context.allocator()).unwrap()];
    step.run_into(&[&x, &y], &[&into[0], &into[1]]).unwrap();
    assert!(into[0].item_f64().unwrap() < loss);
}

#[test]
fn frozen_parameters_are_not_trained() {
    let Xor { net, step, x, y, .. } = xor();
    let frozen = net.parameter("fc1.weight").unwrap();
    frozen.set_requires_grad(false).unwrap();
    let before = weights(&net);
    step.run(&[&x, &y]).unwrap();
    let after = weights(&net);
    assert_eq!(before[0], after[0]);
    assert!((1..4).all(|index| before[index] != after[index]));
    frozen.set_requires_grad(true).unwrap();
    step.run(&[&x, &y]).unwrap();
    assert_ne!(weights(&net)[0], before[0]);
    frozen.set_requires_grad(false).unwrap();
    step.run(&[&x, &y]).unwrap();
    assert_eq!(step.compilations(), 2);
    net.parameters_and_names().iter().for_each(|(_, parameter)| parameter.set_requires_grad(false).unwrap());
    assert_eq!(status(step.run(&[&x, &y]).map(|_| ())), Status::InvalidArgument);
}

#[test]
fn a_loss_of_many_elements_is_their_sum_and_no_loss_is_an_error() {
    let run = |record: fn(&mut Trace, Value) -> Vec<Value>| {
        let context = context();
        let ty = Type::new(DType::F64, Shape::new(&[2]).unwrap());
        let w = Parameter::new(&context, "w", ty, Initializer::Constant(1.0), true).unwrap();
        let recorded = w.clone();
        let loss = Function::new(&context, move |g, _| {
            let w = recorded.read(g);
            Ok(record(g, w))
        });
        let groups = vec![ParameterGroup::new(vec![w.clone()])];
        let optimizer = momentum(&context, groups, MomentumOptions::default()).unwrap();
        TrainStep::new(&loss, &optimizer).unwrap().run(&[]).map(|_| w.value().unwrap().to_vec::<f64>().unwrap())
    };
    assert_eq!(run(|g, w| vec![g.square(w)]).unwrap(), [0.8, 0.8]);
    assert_eq!(run(|g, w| vec![g.sum(w, &[0], false)]).unwrap(), [0.9, 0.9]);
    assert_eq!(status(run(|_, _| Vec::new())), Status::InvalidArgument);
    assert_eq!(status(run(|g, w| vec![g.cast(w, DType::I32)])), Status::NotDifferentiable);
}
