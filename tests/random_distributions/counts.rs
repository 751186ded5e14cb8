//! Counts against their probabilities.

use crate::draw;
use crate::statistics::{accept, chi_square, moments, refuse};
use tenon::DType;
use tenon::ir::{Value, Variable};
use tenon::ops::Trace;

const DRAWS: usize = 100_000;

fn numbers(seed: u64, record: impl FnOnce(&mut Trace, &Variable) -> Value) -> Vec<f64> {
    let drawn = draw(seed, |g, from| {
        let y = record(g, from);
        g.cast(y, DType::F64)
    });
    drawn.to_vec().unwrap()
}

/// The chance of being so far from these probabilities of low, low + 1, ...
fn chance(numbers: &[f64], low: usize, cells: usize, logarithm: impl Fn(f64) -> f64) -> f64 {
    let mut found = vec![0.0; cells + 1];
    for number in numbers {
        assert!(number.fract() == 0.0 && *number >= 0.0, "{number} is no count");
        let cell = (*number as usize).checked_sub(low).filter(|cell| *cell < cells).unwrap_or(cells);
        found[cell] += 1.0;
    }
    let mut expected: Vec<f64> = (0..cells).map(|cell| logarithm((low + cell) as f64).exp() * DRAWS as f64).collect();
    expected.push((DRAWS as f64 - expected.iter().sum::<f64>()).max(1e-9));
    chi_square(&found, &expected)
}

#[test]
fn poisson_numbers_have_their_probabilities() {
    let logarithm = |rate: f64| move |k: f64| k * rate.ln() - rate - libm::lgamma(k + 1.0);
    for (number, rate) in [0.1, 3.0, 9.99, 10.0, 12.5, 37.5, 1000.0, 250_000.0].into_iter().enumerate() {
        for dtype in [DType::F64, DType::F32] {
            let drawn = numbers(400 + number as u64, |g, from| {
                let rate = g.full(dtype, &[DRAWS], rate);
                g.random_poisson(rate, from)
            });
            // The rate that the dtype holds.
            let rate = if dtype == DType::F32 { rate as f32 as f64 } else { rate };
            let (low, cells) = ((rate - 7.0 * rate.sqrt()).max(0.0) as usize, (14.0 * rate.sqrt()) as usize + 20);
            accept("poisson", chance(&drawn, low, cells, logarithm(rate)));
            refuse("poisson", chance(&drawn, low, cells, logarithm(rate + 0.01 + 0.08 * rate.sqrt())));
        }
    }
}

#[test]
fn binomial_numbers_have_their_probabilities() {
    let cases = [(10.0, 0.3), (50.0, 0.5), (30.0, 0.9), (1000.0, 0.02), (1000.0, 0.983), (100_000.0, 0.3), (1e6, 5e-6)];
    for (number, (trials, p)) in cases.into_iter().enumerate() {
        let drawn = numbers(410 + number as u64, |g, from| {
            let (trials, p) = (g.full(DType::F64, &[DRAWS], trials), g.full(DType::F64, &[1], p));
            g.random_binomial(trials, p, from)
        });
        assert!(drawn.iter().all(|k| *k <= trials));
        let logarithm = |p: f64| {
            let all = libm::lgamma(trials + 1.0);
            move |k: f64| {
                if k > trials {
                    return f64::NEG_INFINITY;
                }
                all - libm::lgamma(k + 1.0) - libm::lgamma(trials - k + 1.0) + k * p.ln() + (trials - k) * f64::ln_1p(-p)
            }
        };
        let (mean, deviation) = (trials * p, (trials * p * (1.0 - p)).sqrt());
        let (low, cells) = ((mean - 7.0 * deviation).max(0.0) as usize, (14.0 * deviation) as usize + 20);
        accept("binomial", chance(&drawn, low, cells, logarithm(p)));
        refuse("binomial", chance(&drawn, low, cells, logarithm(p + 0.06 * deviation / trials)));
    }
}

#[test]
fn geometric_numbers_have_their_probabilities() {
    for (number, p) in [0.02, 0.3, 0.9].into_iter().enumerate() {
        let drawn = numbers(420 + number as u64, |g, from| {
            let p = g.full(DType::F64, &[DRAWS], p);
            g.random_geometric(p, from)
        });
        let logarithm = |p: f64| move |k: f64| p.ln() + (k - 1.0) * f64::ln_1p(-p);
        accept("geometric", chance(&drawn, 1, 700, logarithm(p)));
        refuse("geometric", chance(&drawn, 1, 700, logarithm(p * 0.92)));
    }
}

#[test]
fn large_counts_have_their_moments() {
    for rate in [1e9, 1e13] {
        let drawn = numbers(430, |g, from| {
            let rate = g.full(DType::F64, &[DRAWS], rate);
            g.random_poisson(rate, from)
        });
        let (mean, variance) = moments(&drawn);
        assert!(
            (mean - rate).abs() < 5.0 * (rate / DRAWS as f64).sqrt() && (variance / rate - 1.0).abs() < 0.03,
            "{rate}: {mean} {variance}"
        );
        let drawn = numbers(431, |g, from| {
            let (trials, p) = (g.full(DType::F64, &[DRAWS], rate), g.full(DType::F64, &[DRAWS], 0.25));
            g.random_binomial(trials, p, from)
        });
        let (mean, variance) = moments(&drawn);
        let expected = rate * 0.1875;
        assert!((mean - 0.25 * rate).abs() < 5.0 * (expected / DRAWS as f64).sqrt(), "{rate}: {mean}");
        assert!((variance / expected - 1.0).abs() < 0.03, "{rate}: {variance}");
    }
}

#[test]
fn parameters_have_ends() {
    let one = |record: &dyn Fn(&mut Trace, &Variable) -> Value| draw(440, |g, from| record(g, from)).to_vec::<f64>().unwrap()[0];
    let poisson = |rate: f64| {
        one(&|g, from| {
            let rate = g.full(DType::F64, &[1], rate);
            g.random_poisson(rate, from)
        })
    };
    assert_eq!((poisson(0.0), poisson(f64::INFINITY)), (0.0, f64::INFINITY));
    assert!(poisson(-1.0).is_nan() && poisson(f64::NAN).is_nan() && poisson(1e300) > 9e299);
    let binomial = |trials: f64, p: f64| {
        one(&|g, from| {
            let (trials, p) = (g.full(DType::F64, &[1], trials), g.full(DType::F64, &[1], p));
            g.random_binomial(trials, p, from)
        })
    };
    assert_eq!((binomial(0.0, 0.3), binomial(9.0, 0.0), binomial(9.0, 1.0), binomial(1e9, 1.0)), (0.0, 0.0, 9.0, 1e9));
    let bad = [(-1.0, 0.5), (1.5, 0.5), (1e17, 0.5), (f64::NAN, 0.5), (5.0, -0.1), (5.0, 1.1), (5.0, f64::NAN)];
    assert!(bad.iter().all(|(trials, p)| binomial(*trials, *p).is_nan()));
    let geometric = |p: f64| {
        one(&|g, from| {
            let p = g.full(DType::F64, &[1], p);
            g.random_geometric(p, from)
        })
    };
    assert_eq!(geometric(1.0), 1.0);
    assert!(geometric(1e-12) > 1e6 && [0.0, -0.5, 1.5, f64::NAN].iter().all(|p| geometric(*p).is_nan()));
}
