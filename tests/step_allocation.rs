//! A training step allocates nothing from the second one on, and neither does an optimizer on its own.

use std::alloc::{GlobalAlloc, Layout, System};
use std::sync::atomic::{AtomicUsize, Ordering};
use tenon::context::{Context, ContextOptions};
use tenon::nn::{self, Activation, DenseOptions, DropoutOptions};
use tenon::ops::composite::Reduction;
use tenon::ops::composite::loss::CrossEntropy;
use tenon::optim::{AdamOptions, MomentumOptions, Optimizer, ParameterGroup, adam, momentum};
use tenon::tensor::{DType, Shape, Tensor};
use tenon::train::{Function, TrainStep};

struct Counting;
static ALLOCATIONS: AtomicUsize = AtomicUsize::new(0);

// SAFETY: passes everything on to the system's allocator.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        ALLOCATIONS.fetch_add(1, Ordering::Relaxed);
        // SAFETY: the caller's promise.
        unsafe { System.alloc(layout) }
    }
    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        // SAFETY: the caller's promise.
        unsafe { System.dealloc(pointer, layout) }
    }
}

#[global_allocator]
static COUNTING: Counting = Counting;

fn allocations(body: impl FnOnce()) -> usize {
    let before = ALLOCATIONS.load(Ordering::Relaxed);
    body();
    ALLOCATIONS.load(Ordering::Relaxed) - before
}

/// One test: a second one in this process would allocate in between.
#[test]
fn steps_allocate_nothing_after_the_first() {
    type Make = fn(&Context, Vec<ParameterGroup>) -> tenon::Result<Optimizer>;
    let makes: [Make; 2] = [
        |context, groups| momentum(context, groups, MomentumOptions::default()),
        |context, groups| adam(context, groups, AdamOptions::default()),
    ];
    for (workers, make) in [(1, makes[0]), (3, makes[1])] {
        let context = Context::new(ContextOptions { seed: 7, workers, ..Default::default() }).unwrap();
        let net = nn::sequential(&context);
        let hidden = DenseOptions { activation: Some(Activation::Relu), ..Default::default() };
        net.insert_child("fc1", &nn::dense(&context, 64, 128, hidden).unwrap()).unwrap();
        let drop = DropoutOptions { keep_prob: 0.9, ..Default::default() };
        net.insert_child("drop", &nn::dropout(&context, drop).unwrap()).unwrap();
        net.insert_child("fc2", &nn::dense(&context, 128, 10, DenseOptions::default()).unwrap()).unwrap();
        net.set_train(true);
        let recorded = net.clone();
        let loss = Function::with_counts(&context, Some(2), Some(2), move |g, inputs| {
            let logits = recorded.call_one(g, &inputs[..1]);
            let options = CrossEntropy { reduction: Reduction::Mean, ..Default::default() };
            let loss = g.cross_entropy(logits, inputs[1], options);
            let hits = g.argmax(logits, 1);
            let hits = g.equal(hits, inputs[1]);
            let hits = g.cast(hits, DType::F32);
            Ok(vec![loss, g.mean(hits, &[0], false)])
        });
        let optimizer = make(&context, vec![ParameterGroup::of_cell(&net)]).unwrap();
        let step = TrainStep::new(&loss, &optimizer).unwrap();
        let images: Vec<f32> = (0..32 * 64).map(|i| (i as f32 * 0.37).sin()).collect();
        let labels: Vec<i32> = (0..32).map(|i| i % 10).collect();
        let images = Tensor::from_slice(context.allocator(), &images, &[32, 64]).unwrap();
        let labels = Tensor::from_slice(context.allocator(), &labels, &[32]).unwrap();

        let first = step.run(&[&images, &labels]).unwrap()[0].item_f64().unwrap();
        let counted = allocations(|| {
            for _ in 0..50 {
                step.run(&[&images, &labels]).unwrap();
            }
        });
        assert_eq!(counted, 0, "{workers} workers");
        // Changing what is read at run time allocates nothing either.
        let counted = allocations(|| {
            optimizer.set_hyperparameter(Some(0), "learning_rate", 0.01).unwrap();
            step.run(&[&images, &labels]).unwrap();
        });
        assert_eq!(counted, 0, "{workers} workers");
        assert!(step.run(&[&images, &labels]).unwrap()[0].item_f64().unwrap() < first);

        let gradients: Vec<Tensor> = optimizer
            .trainable_params()
            .iter()
            .map(|parameter| Tensor::zeros(context.allocator(), parameter.ty().dtype, parameter.ty().shape).unwrap())
            .collect();
        let gradients: Vec<&Tensor> = gradients.iter().collect();
        optimizer.step(&gradients).unwrap();
        assert_eq!(allocations(|| optimizer.step(&gradients).unwrap()), 0, "{workers} workers");
        let loss = Tensor::zeros(context.allocator(), DType::F32, Shape::SCALAR).unwrap();
        let share = loss.duplicate(context.allocator()).unwrap();
        assert_eq!(allocations(|| step.run_into(&[&images, &labels], &[&loss, &share]).unwrap()), 0, "{workers} workers");
    }
}
