//! Distributions inside transforms: all lanes of a batch draw with the same words, and programs that draw move their generator on.

use tenon::Tensor;
use tenon::context::{Context, ContextOptions};
use tenon::random::RandomState;
use tenon::train::{Function, VmapOptions, vmap};

const LANES: usize = 3;

#[test]
fn lanes_draw_what_each_draws_alone() {
    let context = Context::new(ContextOptions::default()).unwrap();
    let generator = context.generator().clone();
    let start = RandomState { offset: 40, ..RandomState::new(6, 2) };
    let from = generator.clone();
    let f = Function::with_counts(&context, Some(1), Some(7), move |g, x| {
        let from = from.variable();
        let size = g.abs(x[0]);
        let rate = g.add_scalar(size, 0.5);
        let gamma = g.random_gamma(rate, rate, from);
        let laplace = g.random_laplace(x[0], rate, from);
        let poisson = g.random_poisson(rate, from);
        let classes = g.multinomial(rate, 2, false, from);
        let classes = g.cast(classes, tenon::DType::F64);
        let more = g.categorical(x[0], 3, from);
        let more = g.cast(more, tenon::DType::F64);
        let dropped = g.dropout(x[0], 0.5, from);
        let channels = g.reshape(x[0], &[1, 2, 2]);
        let channels = g.feature_dropout(channels, 0.5, from);
        Ok(vec![gamma, laplace, poisson, classes, more, dropped, channels])
    });
    let numbers: Vec<f64> = (0..LANES * 4).map(|i| (i as f64 * 0.7).sin() * 3.0).collect();
    let tensor = |dims: &[usize], numbers: &[f64]| Tensor::from_slice(context.allocator(), numbers, dims).unwrap();
    let call = |f: &Function, x: &Tensor| -> Vec<Vec<f64>> {
        generator.set_state(start).unwrap();
        f.call(&[x]).unwrap().iter().map(|output| output.to_vec().unwrap()).collect()
    };
    let together = call(&vmap(&f, VmapOptions::default()).unwrap(), &tensor(&[LANES, 4], &numbers));
    let moved = generator.state().unwrap();
    let mut alone = vec![Vec::new(); together.len()];
    for lane in numbers.chunks(4) {
        for (all, one) in alone.iter_mut().zip(call(&f, &tensor(&[4], lane))) {
            all.extend(one);
        }
        assert_eq!(generator.state().unwrap(), moved);
    }
    assert_eq!(together, alone);
    let words = 4 * 128 + 4 * 2 + 4 * 160 + 4 * 2 + 3 * 2 + 4 + 2;
    assert_eq!(moved, RandomState { offset: 40 + words, ..start });
}
