//! Cells: naming, sharing, structure, and what the built-in ones record.

use super::*;
use crate::context::{Context, ContextOptions};
use crate::error::Status;
use crate::ir::{Type, Value};
use crate::ops::Trace;
use crate::tensor::{DType, Shape, Tensor};
use crate::train::{Function, GradOptions, grad};

fn context() -> Context {
    Context::new(ContextOptions { seed: 7, workers: 1, ..Default::default() }).unwrap()
}
fn layer(context: &Context, inputs: usize, outputs: usize) -> Cell {
    dense(context, inputs, outputs, DenseOptions::default()).unwrap()
}
fn names(cell: &Cell) -> Vec<String> {
    cell.parameters_and_names().into_iter().map(|(name, _)| name).collect()
}
/// Each parameter's own name, which must be its path.
fn own_names(cell: &Cell) -> Vec<String> {
    cell.parameters_and_names().into_iter().map(|(_, parameter)| parameter.name()).collect()
}
fn run(cell: &Cell, inputs: &[&Tensor]) -> Vec<Tensor> {
    let cell = cell.clone();
    let context = cell.context().clone();
    Function::new(&context, move |g, inputs| Ok(cell.call(g, inputs))).call(inputs).unwrap()
}
fn matrix(context: &Context, rows: usize, columns: usize) -> Tensor {
    let values: Vec<f32> = (0..rows * columns).map(|index| (index as f32 * 0.7).sin()).collect();
    Tensor::from_slice(context.allocator(), &values, &[rows, columns]).unwrap()
}
fn record_error(cell: &Cell, dims: &[usize]) -> crate::Error {
    let mut g = Trace::new();
    let x = g.input(Type::new(DType::F32, Shape::new(dims).unwrap()));
    cell.call(&mut g, &[x]);
    g.check().unwrap_err()
}

#[test]
fn parameters_are_named_by_their_paths() {
    let context = context();
    let (block, net) = (sequential(&context), sequential(&context));
    let (fc1, fc2) = (layer(&context, 2, 3), layer(&context, 3, 3));
    block.insert_child("fc1", &fc1).unwrap();
    assert_eq!(own_names(&fc1), ["fc1.weight", "fc1.bias"]);
    net.insert_child("block", &block).unwrap();
    assert_eq!(own_names(&fc1), ["block.fc1.weight", "block.fc1.bias"]);
    // Into a cell that stands in a tree already: the whole path at once.
    block.insert_child("fc2", &fc2).unwrap();
    net.add_parameter("scale", Type::new(DType::F32, Shape::SCALAR), Initializer::Ones, false).unwrap();
    let expected = ["scale", "block.fc1.weight", "block.fc1.bias", "block.fc2.weight", "block.fc2.bias"];
    assert_eq!(names(&net), expected);
    assert_eq!(own_names(&net), expected);
    assert_eq!(names(&block), ["fc1.weight", "fc1.bias", "fc2.weight", "fc2.bias"]);
    let trainable: Vec<String> = net.trainable_params().iter().map(Parameter::name).collect();
    assert_eq!(trainable, expected[1..]);
    let cells: Vec<String> = net.cells_and_names().into_iter().map(|(name, _)| name).collect();
    assert_eq!(cells, ["", "block", "block.fc1", "block.fc2"]);
    assert_eq!(net.cell("block.fc2").unwrap(), fc2);
    assert_eq!(net.parameter("block.fc1.bias").unwrap(), fc1.parameter("bias").unwrap());
    assert_eq!(net.parameter("block.fc3.bias").unwrap_err().status(), Status::NotFound);
    assert_eq!(net.cell("blok").unwrap_err().message(), "there is no cell \"blok\"; there are block");
}

#[test]
fn shared_cells_and_parameters_are_listed_and_named_once() {
    let context = context();
    let (net, fc) = (sequential(&context), layer(&context, 2, 2));
    net.insert_child("a", &fc).unwrap();
    net.insert_child("b", &fc).unwrap();
    assert_eq!(names(&net), ["a.weight", "a.bias"]);
    assert_eq!(own_names(&net), ["a.weight", "a.bias"]);
    assert_eq!(net.cells_and_names().len(), 2);
    let other = sequential(&context);
    other.insert_parameter("tied", &fc.parameter("weight").unwrap()).unwrap();
    net.insert_child("c", &other).unwrap();
    assert_eq!(own_names(&net), names(&net));
    assert_eq!(net.parameter("c.tied").unwrap(), fc.parameter("weight").unwrap());
    // Sharing ladders take no time: 2^60 paths lead to the last cell.
    let mut top = layer(&context, 2, 2);
    for _ in 0..60 {
        let next = sequential(&context);
        next.insert_child("left", &top).unwrap();
        next.insert_child("right", &top).unwrap();
        top = next;
    }
    assert_eq!(names(&top).len(), 2);
}

#[test]
fn bad_names_and_places_are_refused() {
    let context = context();
    let (net, fc) = (sequential(&context), layer(&context, 2, 2));
    net.insert_child("fc", &fc).unwrap();
    let status = |name: &str, child: &Cell| net.insert_child(name, child).unwrap_err().status();
    assert_eq!(status("fc", &layer(&context, 2, 2)), Status::AlreadyExists);
    assert_eq!(status("", &fc), Status::InvalidArgument);
    assert_eq!(status("a.b", &fc), Status::InvalidArgument);
    assert_eq!(status("self", &net), Status::InvalidArgument);
    assert_eq!(fc.insert_child("up", &net).unwrap_err().status(), Status::InvalidArgument);
    assert_eq!(fc.insert_child("weight", &layer(&context, 2, 2)).unwrap_err().status(), Status::AlreadyExists);
    assert_eq!(status("foreign", &layer(&super::tests::context(), 2, 2)), Status::InvalidArgument);
    assert_eq!(names(&net), ["fc.weight", "fc.bias"]);
    let mut top = sequential(&context);
    for _ in 1..MAX_DEPTH {
        let next = sequential(&context);
        next.insert_child("below", &top).unwrap();
        top = next;
    }
    assert_eq!(sequential(&context).insert_child("below", &top).unwrap_err().status(), Status::InvalidArgument);
}

#[test]
fn training_is_off_until_switched_on_for_all_below() {
    let context = context();
    let (net, fc) = (sequential(&context), layer(&context, 2, 2));
    net.insert_child("fc", &fc).unwrap();
    assert!(!net.training() && !fc.training());
    let revision = context.revision();
    net.set_train(true);
    assert!(net.training() && fc.training() && context.revision() > revision);
    let revision = context.revision();
    net.set_train(true);
    assert_eq!(context.revision(), revision);
}

#[test]
fn initial_weights_depend_on_the_seed_and_the_order_of_making() {
    let weights = |lazily_backwards: bool| {
        let context = context();
        let (a, b) = (layer(&context, 4, 3), layer(&context, 4, 3));
        let read = |cell: &Cell| cell.parameter("weight").unwrap().value().unwrap().to_vec::<f32>().unwrap();
        if lazily_backwards {
            let b = read(&b);
            (read(&a), b)
        } else {
            (read(&a), read(&b))
        }
    };
    let (a, b) = weights(false);
    assert_eq!(weights(true), (a.clone(), b.clone()));
    assert_ne!(a, b);
    assert!(a.iter().all(|w| w.abs() <= 0.5));
    let context = Context::new(ContextOptions { seed: 8, workers: 1, ..Default::default() }).unwrap();
    assert_ne!(layer(&context, 4, 3).parameter("weight").unwrap().value().unwrap().to_vec::<f32>().unwrap(), a);
}

#[test]
fn parameters_take_data_of_their_type_only() {
    let context = context();
    let fc = layer(&context, 2, 3);
    let (weight, bias) = (fc.parameter("weight").unwrap(), fc.parameter("bias").unwrap());
    assert!(!weight.variable().is_initialized());
    weight.set_data(&matrix(&context, 3, 2)).unwrap();
    assert_eq!(weight.value().unwrap().to_vec::<f32>().unwrap(), matrix(&context, 3, 2).to_vec::<f32>().unwrap());
    assert_eq!(bias.set_data(&matrix(&context, 3, 2)).unwrap_err().status(), Status::ShapeMismatch);
    let wide = Tensor::zeros(context.allocator(), DType::F64, Shape::new(&[3]).unwrap()).unwrap();
    assert_eq!(bias.set_data(&wide).unwrap_err().status(), Status::DtypeMismatch);
    let count = Type::new(DType::I32, Shape::SCALAR);
    assert_eq!(fc.add_parameter("count", count, Initializer::Zeros, true).unwrap_err().status(), Status::DtypeMismatch);
    let count = fc.add_parameter("count", count, Initializer::Constant(3.0), false).unwrap();
    assert_eq!(count.value().unwrap().item_f64().unwrap(), 3.0);
    assert_eq!(count.set_requires_grad(true).unwrap_err().status(), Status::DtypeMismatch);
}

#[test]
fn dense_multiplies_adds_and_activates() {
    let context = context();
    let options = DenseOptions {
        weight_init: Some(Initializer::Constant(0.5)),
        bias_init: Some(Initializer::Constant(-1.0)),
        activation: Some(Activation::Relu),
        ..Default::default()
    };
    let fc = dense(&context, 2, 3, options).unwrap();
    let x = Tensor::from_slice(context.allocator(), &[1f32, 3.0, 1.0, 0.5], &[2, 1, 2]).unwrap();
    let y = run(&fc, &[&x]);
    assert_eq!(y[0].shape().dims(), [2, 1, 3]);
    assert_eq!(y[0].to_vec::<f32>().unwrap(), [1.0, 1.0, 1.0, 0.0, 0.0, 0.0]);
    let plain = dense(&context, 2, 3, DenseOptions { has_bias: false, ..Default::default() }).unwrap();
    assert_eq!(names(&plain), ["weight"]);
    assert_eq!(dense(&context, 0, 3, DenseOptions::default()).unwrap_err().status(), Status::InvalidArgument);
}

#[test]
fn errors_name_the_path_of_the_cell() {
    let context = context();
    let (net, block) = (sequential(&context), sequential(&context));
    block.insert_child("fc1", &layer(&context, 512, 10)).unwrap();
    net.insert_child("block", &block).unwrap();
    let error = record_error(&net, &[32, 784]);
    assert_eq!(error.status(), Status::ShapeMismatch);
    assert_eq!(error.message(), "block.fc1: Dense: the last axis of the input [32, 784] is not 512");
    // A part of the tree that is called on its own says where it stands in the whole.
    assert!(record_error(&block, &[32, 784]).message().starts_with("block.fc1: "));
}

#[test]
fn activations_have_one_name_each() {
    let context = context();
    let x = Tensor::from_slice(context.allocator(), &[-1.0f64, 2.0], &[1, 2]).unwrap();
    for (name, row) in ACTIVATIONS {
        assert_eq!(row.name(), *name);
        assert_eq!(Activation::from_name(name).unwrap(), *row);
        let y = run(&activation(&context, *row), &[&x])[0].to_vec::<f64>().unwrap();
        assert!(y.iter().all(|y| y.is_finite()) && y != [-1.0, 2.0], "{name}");
    }
    assert_eq!(Activation::from_name("reul").unwrap_err().status(), Status::NotFound);
    let leaky = activation(&context, Activation::from_name("leaky_relu").unwrap());
    assert_eq!(run(&leaky, &[&x])[0].to_vec::<f64>().unwrap(), [-0.2, 2.0]);
    let rows = run(&activation(&context, Activation::Softmax { axis: 0 }), &[&x])[0].to_vec::<f64>().unwrap();
    assert_eq!(rows, [1.0, 1.0]);
    assert_eq!(record_error(&activation(&context, Activation::Softmax { axis: -3 }), &[2, 2]).status(), Status::ShapeMismatch);
    assert_eq!(record_error(&activation(&context, Activation::Softmax { axis: 2 }), &[2, 2]).status(), Status::ShapeMismatch);
}

#[test]
fn flatten_joins_what_it_is_told() {
    let context = context();
    let shape = |start, end, dims: &[usize]| {
        let x = Tensor::zeros(context.allocator(), DType::F32, Shape::new(dims).unwrap()).unwrap();
        run(&flatten(&context, start, end), &[&x])[0].shape().dims().to_vec()
    };
    assert_eq!(shape(1, -1, &[2, 3, 4]), [2, 12]);
    assert_eq!(shape(0, 1, &[2, 3, 4]), [6, 4]);
    assert_eq!(shape(-2, -1, &[2, 3, 4]), [2, 12]);
    assert_eq!(shape(0, -1, &[]), [1]);
    assert_eq!(shape(0, 0, &[3]), [3]);
    assert_eq!(record_error(&flatten(&context, 1, -1), &[3]).status(), Status::ShapeMismatch);
    assert_eq!(record_error(&flatten(&context, 2, 1), &[3, 3, 3]).status(), Status::ShapeMismatch);
}

#[test]
fn dropout_drops_its_share_scales_the_rest_and_reuses_the_mask() {
    let context = context();
    let ones = Tensor::from_slice(context.allocator(), &[1f32; 20_000], &[200, 100]).unwrap();
    for options in [
        DropoutOptions { keep_prob: 0.8, ..Default::default() },
        DropoutOptions { p: Some(0.2), keep_prob: 0.5, ..Default::default() },
        DropoutOptions { p: Some(0.2), seed: Some(4), ..Default::default() },
    ] {
        let drop = dropout(&context, options).unwrap();
        assert_eq!(run(&drop, &[&ones])[0].to_vec::<f32>().unwrap(), [1.0; 20_000]);
        drop.set_train(true);
        let cell = drop.clone();
        let forward = Function::new(&context, move |g, inputs| Ok(cell.call(g, inputs)));
        let y = forward.call(&[&ones]).unwrap()[0].to_vec::<f32>().unwrap();
        let kept = y.iter().filter(|y| **y != 0.0).count();
        assert!((15_700..16_300).contains(&kept), "{kept}");
        assert!(y.iter().all(|y| *y == 0.0 || (*y - 1.25).abs() < 1e-6));
        // Each run has a mask of its own.
        assert_ne!(forward.call(&[&ones]).unwrap()[0].to_vec::<f32>().unwrap(), y);
        // The gradient passes by the mask of the forward pass: of x y(x) it is 2 y.
        let cell = drop.clone();
        let squared = Function::new(&context, move |g, inputs| {
            let y = cell.call_one(g, inputs);
            Ok(vec![g.mul(y, inputs[0]), y])
        });
        let both = grad(&squared, GradOptions { has_aux: true, ..Default::default() }).unwrap();
        let outputs = both.call(&[&ones]).unwrap();
        let (gradient, y) = (outputs[0].to_vec::<f32>().unwrap(), outputs[1].to_vec::<f32>().unwrap());
        assert!(gradient.iter().zip(&y).all(|(gradient, y)| *gradient == 2.0 * y));
    }
    for bad in [
        DropoutOptions { p: Some(1.0), ..Default::default() },
        DropoutOptions { p: Some(-0.1), ..Default::default() },
        DropoutOptions { keep_prob: 0.0, ..Default::default() },
        DropoutOptions { keep_prob: f64::NAN, ..Default::default() },
    ] {
        assert_eq!(dropout(&context, bad).unwrap_err().status(), Status::InvalidArgument);
    }
}

/// What is kept is divided by the probability to keep as it was given, however small.
#[test]
fn dropout_takes_the_probability_to_keep_as_it_is() {
    let context = context();
    let ones = Tensor::from_slice(context.allocator(), &[1f64; 1000], &[1000]).unwrap();
    let options = DropoutOptions { keep_prob: 0.1, ..Default::default() };
    let drop = dropout(&context, options).unwrap();
    drop.set_train(true);
    let y = run(&drop, &[&ones])[0].to_vec::<f64>().unwrap();
    assert!(y.contains(&10.0) && y.iter().all(|y| *y == 0.0 || *y == 10.0), "{y:?}");
    // 1 - 1e-17 is 1, yet not all is sure to be dropped: there is a draw.
    let next = |keep_prob: Option<f64>| {
        let context = self::context();
        let drop = |keep_prob: f64| {
            let drop = dropout(&context, DropoutOptions { keep_prob, ..Default::default() }).unwrap();
            drop.set_train(true);
            run(&drop, &[&ones])[0].to_vec::<f64>().unwrap()
        };
        keep_prob.map(drop);
        drop(0.5)
    };
    assert_eq!(next(Some(1.0)), next(None));
    assert_ne!(next(Some(1e-17)), next(None));
}

#[test]
fn the_same_seed_drops_the_same() {
    let masks = |context: &Context| {
        let drop = dropout(context, DropoutOptions::default()).unwrap();
        drop.set_train(true);
        let ones = Tensor::from_slice(context.allocator(), &[1f32; 64], &[64]).unwrap();
        let forward = Function::new(context, move |g, inputs| Ok(drop.call(g, inputs)));
        [0, 1].map(|_| forward.call(&[&ones]).unwrap()[0].to_vec::<f32>().unwrap())
    };
    let context = context();
    let first = masks(&context);
    assert_ne!(masks(&context), first);
    context.set_seed(7).unwrap();
    assert_eq!(masks(&context), first);
}

/// y = scale x + child(x)
struct Residual {
    scale: Parameter,
}
impl Construct for Residual {
    fn kind(&self) -> &str {
        "Residual"
    }
    fn construct(&self, cell: &Cell, g: &mut Trace, inputs: &[Value]) -> Vec<Value> {
        let scale = self.scale.read(g);
        let scaled = g.mul(inputs[0], scale);
        let branch = cell.children()[0].1.call_one(g, inputs);
        vec![g.add(scaled, branch)]
    }
}

#[test]
fn a_cell_of_the_hosts_own_has_parameters_and_children() {
    let context = context();
    let scalar = Type::new(DType::F32, Shape::SCALAR);
    let scale = Parameter::new(&context, "scale", scalar, Initializer::Constant(2.0), true).unwrap();
    let cell = Cell::new(&context, Box::new(Residual { scale: scale.clone() }));
    cell.insert_parameter("scale", &scale).unwrap();
    cell.insert_child("branch", &activation(&context, Activation::Relu)).unwrap();
    let net = sequential(&context);
    net.insert_child("residual", &cell).unwrap();
    let x = Tensor::from_slice(context.allocator(), &[-1f32, 3.0], &[2]).unwrap();
    assert_eq!(run(&net, &[&x])[0].to_vec::<f32>().unwrap(), [-2.0, 9.0]);
    assert_eq!(names(&net), ["residual.scale"]);
    let text = format!("{net:?}");
    assert!(text.contains("residual: Residual (inference)\n    scale: f32[]\n"), "{text}");
}

/// Calls the cell it is told to, whatever that is.
struct Calls(parking_lot::Mutex<Option<Cell>>);
impl Construct for std::sync::Arc<Calls> {
    fn kind(&self) -> &str {
        "Calls"
    }
    fn construct(&self, _: &Cell, g: &mut Trace, inputs: &[Value]) -> Vec<Value> {
        let target = self.0.lock().clone();
        target.map_or(Vec::new(), |target| target.call(g, inputs))
    }
}

#[test]
fn a_cell_that_calls_itself_is_stopped() {
    let context = context();
    let calls = std::sync::Arc::new(Calls(parking_lot::Mutex::new(None)));
    let cell = Cell::new(&context, Box::new(calls.clone()));
    *calls.0.lock() = Some(cell.clone());
    assert_eq!(record_error(&cell, &[2]).status(), Status::Busy);
    *calls.0.lock() = None;
}
