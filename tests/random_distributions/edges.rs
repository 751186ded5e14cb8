//! Parameters at and beyond the ends of their ranges, shapes of no elements, and how a generator moves on.

use crate::{draw, graph};
use tenon::DType;
use tenon::ir::{Value, Variable};
use tenon::ops::Trace;
use tenon::random::RandomState;
use tenon::runtime::reference;
use tenon::tensor::Allocator;
use tenon::{Status, Tensor};

type Two = fn(&mut Trace, Value, Value, &Variable) -> Value;

const LOCATED: &[(&str, Two)] = &[
    ("normal", |g, a, b, from| g.random_normal_with(a, b, from)),
    ("truncated normal", |g, a, b, from| g.random_truncated_normal(a, b, -1.0, 2.0, from)),
    ("laplace", |g, a, b, from| g.random_laplace(a, b, from)),
    ("gumbel", |g, a, b, from| g.random_gumbel(a, b, from)),
    ("cauchy", |g, a, b, from| g.random_cauchy(a, b, from)),
];

fn with(record: Two, a: &[f64], b: &[f64]) -> Vec<f64> {
    let numbers = draw(1, |g, from| {
        let (a, b) = (
            g.constant(&Tensor::from_slice(&Allocator::system(), a, &[a.len()]).unwrap()),
            g.constant(&Tensor::from_slice(&Allocator::system(), b, &[b.len()]).unwrap()),
        );
        record(g, a, b, from)
    });
    numbers.to_vec().unwrap()
}

#[test]
fn scales_of_nothing_give_the_location_and_bad_ones_nan() {
    for (name, record) in LOCATED {
        let y = with(*record, &[0.5, 1.5, 1.0, f64::NAN], &[0.0, -1.0, f64::NAN, 1.0]);
        assert!(y[0] == 0.5 && y[1..].iter().all(|y| y.is_nan()), "{name}: {y:?}");
        let y = with(*record, &[0.5, 1.0, 2.0], &[1e-3]);
        assert!(y.iter().all(|y| y.is_finite()), "{name}: {y:?}");
    }
    let y = with(|g, a, _, from| g.random_exponential(a, from), &[0.0, -1.0, f64::NAN, f64::INFINITY], &[0.0]);
    assert!(y[0] == f64::INFINITY && y[1].is_nan() && y[2].is_nan() && y[3] == 0.0, "{y:?}");
    let y = with(|g, a, b, from| g.random_uniform_with(a, b, from), &[1.0, 2.0, f64::NAN], &[1.0]);
    assert!(y[0] == 1.0 && y[1].is_nan() && y[2].is_nan(), "{y:?}");
}

#[test]
fn truncated_numbers_keep_to_their_bounds() {
    for (low, high) in
        [(-2.0, 2.0), (0.0, 1e-9), (3.0, f64::INFINITY), (f64::NEG_INFINITY, -30.0), (36.0, 40.0), (-8.0, -7.999), (-1e300, 1e300)]
    {
        let y = draw(2, |g, from| {
            let (zero, one) = (g.full(DType::F64, &[2000], 0.0), g.full(DType::F64, &[2000], 1.0));
            g.random_truncated_normal(zero, one, low, high, from)
        });
        let y = y.to_vec::<f64>().unwrap();
        assert!(y.iter().all(|y| (low..=high).contains(y) && y.is_finite()), "{low} to {high}");
        assert!(y.iter().any(|other| *other != y[0]), "{low} to {high}: {}", y[0]);
    }
    for (low, high) in [(1.0, 1.0), (2.0, 1.0), (f64::NAN, 1.0), (38.0, 39.0), (-50.0, -40.0)] {
        let refused = graph(0, |g, from| {
            let one = g.scalar(DType::F32, 1.0);
            g.random_truncated_normal(one, one, low, high, from)
        });
        assert_eq!(refused.unwrap_err().status(), Status::InvalidArgument, "{low} to {high}");
    }
}

#[test]
fn shapes_of_no_elements_are_drawn_too() {
    for (_, record) in LOCATED {
        assert!(with(*record, &[], &[1.0]).is_empty());
    }
    let y = draw(0, |g, from| {
        let weights = g.full(DType::F32, &[0, 3], 1.0);
        g.multinomial(weights, 2, false, from)
    });
    assert_eq!(y.shape().dims(), [0, 2]);
    for replacement in [true, false] {
        let y = draw(0, |g, from| {
            let weights = g.full(DType::F32, &[2, 3], 1.0);
            g.multinomial(weights, 0, replacement, from)
        });
        assert_eq!(y.shape().dims(), [2, 0]);
    }
    let y = draw(0, |g, from| g.randint(DType::I32, 0, 5, &[3, 0], from));
    assert_eq!(y.shape().dims(), [3, 0]);
}

#[test]
fn integers_and_truths_as_parameters_count_as_f32() {
    let y = draw(3, |g, from| {
        let (location, scale) = (g.full(DType::I64, &[2, 1], 3.0), g.full(DType::Bool, &[4], 1.0));
        g.random_laplace(location, scale, from)
    });
    assert_eq!((y.dtype(), y.shape().dims()), (DType::F32, &[2, 4][..]));
    let mismatch = graph(0, |g, from| {
        let (location, scale) = (g.full(DType::F32, &[2], 3.0), g.full(DType::F32, &[3], 1.0));
        g.random_laplace(location, scale, from)
    });
    assert_eq!(mismatch.unwrap_err().status(), Status::ShapeMismatch);
}

/// A generator moves on by the words that were taken, each draw begins where the one before ended, and nobody's numbers depend on
/// what is drawn beside them.
#[test]
fn draws_follow_one_another_in_the_stream() {
    let state = RandomState { offset: 1000, ..RandomState::new(9, 4) };
    let tensor = |words: [i64; 3]| Tensor::from_slice(&Allocator::system(), &words, &[3]).unwrap();
    let generator = Variable::new("generator", tensor(state.to_words()));
    let mut g = Trace::new();
    let first = g.randint(DType::I64, 0, 1000, &[5], &generator);
    let one = g.full(DType::F64, &[7], 1.0);
    let second = g.random_exponential(one, &generator);
    let weights = g.full(DType::F64, &[4, 3], 1.0);
    let third = g.multinomial(weights, 2, true, &generator);
    let fourth = g.multinomial(weights, 2, false, &generator);
    let last = g.randint(DType::I64, 0, 1000, &[2], &generator);
    let graph = g.finish(&[first, second, third, fourth, last]).unwrap();
    let found = reference::evaluate(&graph, &Allocator::system(), &[]).unwrap();
    let words = 5 * 4 + 7 * 2 + 4 * 2 * 2 + 4 * 3 * 2 + 2 * 4;
    let moved = found.assigned[0].1.to_vec::<i64>().unwrap();
    assert_eq!(RandomState::from_words([moved[0], moved[1], moved[2]]), RandomState { offset: 1000 + words, ..state });
    // The last two, alone, from where they began.
    let at = Variable::new("generator", tensor(RandomState { offset: 1000 + words - 8, ..state }.to_words()));
    let mut g = Trace::new();
    let alone = g.randint(DType::I64, 0, 1000, &[2], &at);
    let alone = reference::evaluate(&g.finish(&[alone]).unwrap(), &Allocator::system(), &[]).unwrap();
    assert_eq!(alone.outputs[0].to_vec::<i64>().unwrap(), found.outputs[4].to_vec::<i64>().unwrap());
}
