//! The compiled step of the digits network, as text: what was fused is seen, not believed.

use tenon::context::ContextOptions;
use tenon::ir::Type;
use tenon::nn::{Activation, DenseOptions, DropoutOptions, activation, dense, dropout, sequential};
use tenon::ops::composite::loss::CrossEntropy;
use tenon::optim::{MomentumOptions, ParameterGroup, momentum};
use tenon::train::{Function, TrainStep};
use tenon::{Context, DType, Result, Shape};

/// The steps of the program, each with the operations of its loop.
fn steps() -> Result<Vec<String>> {
    let context = Context::new(ContextOptions { seed: 7, workers: 1, ..ContextOptions::default() })?;
    let net = sequential(&context);
    net.insert_child("fc1", &dense(&context, 64, 128, DenseOptions::default())?)?;
    net.insert_child("relu", &activation(&context, Activation::Relu))?;
    net.insert_child("drop", &dropout(&context, DropoutOptions { keep_prob: 0.9, ..DropoutOptions::default() })?)?;
    net.insert_child("fc2", &dense(&context, 128, 10, DenseOptions::default())?)?;
    net.set_train(true);
    let optimizer = momentum(&context, vec![ParameterGroup::of_cell(&net)], MomentumOptions::default())?;
    let loss = Function::new(&context, move |g, x| {
        let logits = net.call_one(g, &[x[0]]);
        let loss = g.cross_entropy(logits, x[1], CrossEntropy::default());
        let guess = g.argmax(logits, 1);
        let right = g.equal(guess, x[1]);
        let right = g.cast(right, DType::F32);
        Ok(vec![loss, g.mean(right, &[0], false)])
    });
    let step = TrainStep::new(&loss, &optimizer)?;
    let images = Type::new(DType::F32, Shape::new(&[32, 64])?);
    let labels = Type::new(DType::I32, Shape::new(&[32])?);
    let text = step.describe(&[images, labels])?;
    let program = text[text.find("program:").expect("the text has the program")..].to_string();
    println!("{program}");
    let mut steps: Vec<String> = Vec::new();
    for line in program.lines().skip(1) {
        let is_step = line.trim_start().split(':').next().is_some_and(|number| number.parse::<usize>().is_ok());
        if is_step {
            steps.push(line.to_string());
        } else if let Some(last) = steps.last_mut() {
            last.push('\n');
            last.push_str(line);
        }
    }
    Ok(steps)
}

#[test]
fn the_digits_step_is_fused() -> Result<()> {
    let steps = steps()?;
    let products: Vec<&String> = steps.iter().filter(|step| step.contains("matmul")).collect();
    // Two forward, one for the gradient of the hidden layer, two for the weights.
    assert_eq!(products.len(), 5);
    assert!(products.iter().all(|step| step.contains("with loop")), "something rides on every product");
    let hidden = products[0];
    assert!(
        hidden.contains("fc1.bias") && hidden.contains("Relu") && hidden.contains("random"),
        "bias, activation, and dropout ride on the product"
    );
    let logits = products[1];
    assert!(
        logits.contains("fc2.bias") && logits.contains("Exp") && logits.contains("ArgMax"),
        "softmax, loss, and accuracy ride on the logits"
    );
    assert!(logits.contains("Sum of each column"), "so do the loss's gradient and the bias's");
    for name in ["fc1.weight", "fc1.bias", "fc2.weight", "fc2.bias"] {
        let target = format!("-> {name}");
        let updates: Vec<&String> = steps.iter().filter(|step| step.lines().any(|line| line.ends_with(&target))).collect();
        assert_eq!(updates.len(), 1, "{name} is updated by one loop");
        let slot = format!(".{name}");
        assert!(updates[0].lines().any(|line| line.contains("->") && line.ends_with(&slot)), "its momentum in the same loop");
        assert_eq!(updates[0].contains("matmul"), name.ends_with("weight"), "a weight's update rides on its gradient");
    }
    Ok(())
}
