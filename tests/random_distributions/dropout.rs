//! Dropout: as many elements, or channels, as it should be, independent of each other; gradients by the same draws.

use crate::checks::json::floats;
use crate::statistics::{accept, chi_square, refuse};
use crate::{draw, graph};
use tenon::autodiff::reverse;
use tenon::ir::{Value, Variable};
use tenon::ops::Trace;
use tenon::{DType, Status};

const DRAWS: usize = 100_000;

type Dropout = fn(&mut Trace, Value, f64, &Variable) -> Value;
const BOTH: [Dropout; 2] = [Trace::dropout, Trace::feature_dropout];

/// What dropout leaves of elements that are all `number`.
fn dropped(seed: u64, dropout: Dropout, dtype: DType, dims: &[usize], number: f64, p: f64) -> Vec<f64> {
    floats(&draw(seed, |g, from| {
        let x = g.full(dtype, dims, number);
        dropout(g, x, p, from)
    }))
}

#[test]
fn elements_drop_out_as_often_as_they_should() {
    for (dtype, rounding) in [(DType::F64, 1e-15), (DType::F32, 1e-6), (DType::F16, 2e-3), (DType::BF16, 2e-2)] {
        for p in [0.001, 0.2, 0.5, 0.9] {
            let y = dropped(1, Trace::dropout, dtype, &[DRAWS], -3.0, p);
            let kept = -3.0 / (1.0 - p);
            assert!(y.iter().all(|y| *y == 0.0 || (y / kept - 1.0).abs() < rounding), "{dtype} {p}");
            let zeros = y.iter().filter(|y| **y == 0.0).count() as f64;
            let n = DRAWS as f64;
            accept("dropout", chi_square(&[zeros, n - zeros], &[n * p, n * (1.0 - p)]));
            let other = p + 0.02;
            refuse("dropout", chi_square(&[zeros, n - zeros], &[n * other, n * (1.0 - other)]));
            // Neighbours, in pairs: what the first is says nothing about the second.
            let mut pairs = [0.0; 4];
            y.chunks(2).for_each(|pair| pairs[2 * usize::from(pair[0] == 0.0) + usize::from(pair[1] == 0.0)] += 1.0);
            let q = 1.0 - p;
            accept("pairs", chi_square(&pairs, &[q * q, q * p, p * q, p * p].map(|share| share * n / 2.0)));
        }
    }
}

#[test]
fn channels_drop_out_whole() {
    let (samples, channels, size) = (100, 200, 6);
    let y = dropped(2, Trace::feature_dropout, DType::F32, &[samples, channels, 2, 3], 1.0, 0.25);
    let all: Vec<f64> = y.chunks(size).map(|channel| channel[0]).collect();
    assert!(y.chunks(size).zip(&all).all(|(channel, first)| channel.iter().all(|y| y == first)));
    let zeros = all.iter().filter(|y| **y == 0.0).count() as f64;
    let n = (samples * channels) as f64;
    accept("channels", chi_square(&[zeros, n - zeros], &[n * 0.25, n * 0.75]));
    // Samples are apart.
    assert_ne!(all[..channels], all[channels..2 * channels]);
    // Without further dimensions, a channel is an element.
    assert_eq!(
        dropped(3, Trace::feature_dropout, DType::F64, &[8, 9], 1.0, 0.5),
        dropped(3, Trace::dropout, DType::F64, &[8, 9], 1.0, 0.5)
    );
}

#[test]
fn nothing_and_all_drop_out_without_a_draw() {
    for dropout in BOTH {
        for dtype in [DType::F64, DType::F32, DType::F16, DType::BF16] {
            for number in [1.5, f64::NAN, f64::INFINITY] {
                let same = |y: &f64| y.to_bits() == number.to_bits() || (y.is_nan() && number.is_nan());
                assert!(dropped(4, dropout, dtype, &[2, 3], number, 0.0).iter().all(same));
                assert_eq!(dropped(4, dropout, dtype, &[2, 3], number, 1.0), [0.0; 6]);
                // What drops out is 0 whatever it was.
                assert!(dropped(4, dropout, dtype, &[20, 30], number, 0.5).contains(&0.0));
            }
        }
        // What is drawn next is the same with as without.
        let next = |p: Option<f64>| {
            floats(&draw(5, |g, from| {
                let x = g.ones(DType::F32, &[2, 3]);
                p.map(|p| dropout(g, x, p, from));
                g.rand_like(x, from)
            }))
        };
        assert_eq!(next(Some(0.0)), next(None));
        assert_eq!(next(Some(1.0)), next(None));
        assert_ne!(next(Some(0.5)), next(None));
        assert!(dropped(6, dropout, DType::F32, &[0, 3], 1.0, 0.5).is_empty());
    }
}

#[test]
fn gradients_pass_by_the_draws_of_the_result() {
    for dropout in BOTH {
        for p in [0.0, 0.3, 1.0] {
            let all = floats(&draw(7, |g, from| {
                let (x, w) = (g.full(DType::F64, &[20, 10, 4], 2.0), g.full(DType::F64, &[20, 10, 4], -3.0));
                let y = dropout(g, x, p, from);
                let dx = reverse(g, &[(y, w)], &[x]).unwrap()[0];
                g.stack(&[y, dx], 0)
            }));
            let (y, dx) = all.split_at(800);
            assert!(y.iter().zip(dx).all(|(y, dx)| *dx == -1.5 * y), "{p}");
            assert_eq!((y.contains(&0.0), y.iter().any(|y| *y != 0.0)), (p > 0.0, p < 1.0));
        }
    }
}

#[test]
fn what_is_no_probability_or_no_float_is_refused() {
    for (dropout, name) in BOTH.into_iter().zip(["dropout", "feature_dropout"]) {
        let error = |dtype: DType, dims: &[usize], p: f64| {
            graph(0, |g, from| {
                let x = g.zeros(dtype, dims);
                dropout(g, x, p, from)
            })
            .unwrap_err()
        };
        for p in [-0.1, -f64::MIN_POSITIVE, 1.0 + f64::EPSILON, f64::NAN, f64::INFINITY, f64::NEG_INFINITY] {
            let error = error(DType::F32, &[2, 3], p);
            assert_eq!(error.status(), Status::InvalidArgument);
            assert!(error.message().contains(&format!("{name}: the probability p is at least 0 and at most 1, not {p}")), "{error}");
        }
        for dtype in [DType::I64, DType::U8, DType::Bool] {
            for p in [0.0, 0.5, 1.0] {
                assert_eq!(error(dtype, &[2, 3], p).status(), Status::DtypeMismatch);
            }
        }
    }
    let error = graph(0, |g, from| {
        let x = g.zeros(DType::F32, &[3]);
        g.feature_dropout(x, 0.5, from)
    });
    let error = error.unwrap_err();
    assert_eq!(error.status(), Status::ShapeMismatch);
    assert!(error.message().contains("feature_dropout: the input is [3], not [N, C, ...]"), "{error}");
}
