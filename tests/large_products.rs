//! Products that are cut into many tasks: against a plain sum, and with the same bits for any number of workers.

use tenon::context::{Context, ContextOptions};
use tenon::ir::Value;
use tenon::ops::Trace;
use tenon::ops::composite::Reduction;
use tenon::optim::{ParameterGroup, SgdOptions, sgd};
use tenon::tensor::Tensor;
use tenon::train::{Function, TrainStep};
use tenon::{Result, nn};

const ROWS: usize = 530;
const INNER: usize = 610;
const COLUMNS: usize = 523;

fn numbers(count: usize, step: f32) -> Vec<f32> {
    (0..count).map(|i| (i as f32 * step).sin()).collect()
}

fn context(workers: usize) -> Context {
    Context::new(ContextOptions { seed: 7, workers, ..Default::default() }).unwrap()
}

/// The product alone, with the loop of a sum riding on it, and with one that needs whole rows; the left operand also as a transposed view.
fn forward(workers: usize, transposed: bool) -> Vec<Vec<f32>> {
    let context = context(workers);
    // Each in a program of its own: equal products in one program are one, and kept for all that read it.
    let riders: [fn(&mut Trace, Value) -> Value; 3] =
        [|_, product| product, |g, product| g.exp(product), |g, product| g.softmax(product, 1)];
    let functions = riders.map(|rider| {
        Function::with_counts(&context, Some(2), Some(1), move |g, x| {
            let left = if transposed { g.transpose(x[0], &[1, 0]) } else { x[0] };
            let right = g.transpose(x[1], &[1, 0]);
            let product = g.matmul(left, right);
            Ok(vec![rider(g, product)])
        })
    });
    let left = numbers(ROWS * INNER, 0.37);
    let left = if transposed { (0..ROWS * INNER).map(|i| left[i % ROWS * INNER + i / ROWS]).collect() } else { left };
    let shape = if transposed { [INNER, ROWS] } else { [ROWS, INNER] };
    let left = Tensor::from_slice(context.allocator(), &left, &shape).unwrap();
    let right: Vec<f32> = numbers(COLUMNS * INNER, 0.71).iter().map(|x| x * 0.01).collect();
    let right = Tensor::from_slice(context.allocator(), &right, &[COLUMNS, INNER]).unwrap();
    functions.iter().map(|f| f.call(&[&left, &right]).unwrap()[0].to_vec().unwrap()).collect()
}

#[test]
fn every_task_computes_its_part() {
    let (left, right) = (numbers(ROWS * INNER, 0.37), numbers(COLUMNS * INNER, 0.71));
    let expected: Vec<f64> = (0..ROWS * COLUMNS)
        .map(|i| {
            let (row, column) = (i / COLUMNS, i % COLUMNS);
            let terms = left[row * INNER..][..INNER].iter().zip(&right[column * INNER..][..INNER]);
            terms.map(|(a, b)| *a as f64 * (b * 0.01) as f64).sum()
        })
        .collect();
    for transposed in [false, true] {
        let outputs = forward(1, transposed);
        for row in 0..ROWS {
            let expected = &expected[row * COLUMNS..][..COLUMNS];
            let total: f64 = expected.iter().map(|x| x.exp()).sum();
            for (column, product) in expected.iter().enumerate() {
                let got = |output: usize| outputs[output][row * COLUMNS + column] as f64;
                assert!((got(0) - product).abs() < 1e-4, "product [{row}, {column}]");
                assert!((got(1) / product.exp() - 1.0).abs() < 1e-4, "exponential [{row}, {column}]");
                assert!((got(2) * total / product.exp() - 1.0).abs() < 1e-4, "softmax [{row}, {column}]");
            }
        }
        assert!(outputs == forward(3, transposed), "other bits with three workers");
    }
}

/// Products of short sums, whose tasks are cut in columns, with a loop that nothing else reads the product of.
#[test]
fn riders_read_their_part_of_cut_columns() {
    let context = context(1);
    for [rows, inner, columns] in [[2048, 64, 512], [1024, 1024, 1024], [300, 40, 3000], [64, 256, 2100]] {
        let f = Function::with_counts(&context, Some(3), Some(1), |g, x| {
            let right = g.transpose(x[1], &[1, 0]);
            let product = g.matmul(x[0], right);
            let sum = g.add(product, x[2]);
            Ok(vec![g.relu(sum)])
        });
        let (left, right, bias) = (numbers(rows * inner, 0.37), numbers(columns * inner, 0.71), numbers(columns, 0.19));
        let tensor = |data: &[f32], dims: &[usize]| Tensor::from_slice(context.allocator(), data, dims).unwrap();
        let inputs = [tensor(&left, &[rows, inner]), tensor(&right, &[columns, inner]), tensor(&bias, &[columns])];
        let found = f.call(&inputs.iter().collect::<Vec<_>>()).unwrap()[0].to_vec::<f32>().unwrap();
        // Some elements of each row and each column.
        for row in 0..rows {
            for column in (0..columns).filter(|column| (row + column) % 37 == 0) {
                let terms = left[row * inner..][..inner].iter().zip(&right[column * inner..][..inner]);
                let expected = (terms.map(|(a, b)| *a as f64 * *b as f64).sum::<f64>() + bias[column] as f64).max(0.0);
                let got = found[row * columns + column] as f64;
                assert!((got - expected).abs() < 1e-2, "{rows} {inner} {columns}: [{row}, {column}] is {got}, not {expected}");
            }
        }
    }
}

/// Loss and parameters after two steps of two layers.
fn train(workers: usize) -> Result<Vec<Vec<f32>>> {
    let context = context(workers);
    let net = nn::sequential(&context);
    let hidden = nn::DenseOptions { activation: Some(nn::Activation::Relu), ..Default::default() };
    net.insert_child("fc1", &nn::dense(&context, INNER, COLUMNS, hidden)?)?;
    net.insert_child("fc2", &nn::dense(&context, COLUMNS, INNER, nn::DenseOptions::default())?)?;
    net.set_train(true);
    let recorded = net.clone();
    let loss = Function::new(&context, move |g, x| {
        let y = recorded.call_one(g, &x[..1]);
        Ok(vec![g.mse_loss(y, x[1], Reduction::Mean)])
    });
    let options = SgdOptions { learning_rate: 0.5, ..Default::default() };
    let step = TrainStep::new(&loss, &sgd(&context, vec![ParameterGroup::of_cell(&net)], options)?)?;
    let x = Tensor::from_slice(context.allocator(), &numbers(ROWS * INNER, 0.37), &[ROWS, INNER])?;
    let y = Tensor::from_slice(context.allocator(), &numbers(ROWS * INNER, 0.11), &[ROWS, INNER])?;
    let mut results = Vec::new();
    for _ in 0..2 {
        results.push(vec![step.run(&[&x, &y])?[0].item_f64()? as f32]);
    }
    for parameter in net.trainable_params() {
        results.push(parameter.value()?.to_vec()?);
    }
    Ok(results)
}

#[test]
fn training_has_the_same_bits_for_any_number_of_workers() {
    let one = train(1).unwrap();
    assert!(one[1][0] < one[0][0], "two steps reduce the loss");
    assert!(one == train(2).unwrap() && one == train(5).unwrap());
}
