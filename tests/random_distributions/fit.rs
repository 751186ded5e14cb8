//! Continuous distributions against their distribution functions.

use crate::statistics::{accept, kolmogorov_smirnov, moments, refuse};
use crate::{draw, draw_nearly};
use std::f64::consts::{FRAC_1_SQRT_2, PI};
use tenon::ir::{Value, Variable};
use tenon::ops::Trace;
use tenon::{DType, Tensor};

const DRAWS: usize = 100_000;

type Record = fn(&mut Trace, [Value; 2], &Variable) -> Value;

/// A distribution: how it is drawn with its parameters, its distribution function, mean and variance (NaN if there are none).
struct Case {
    name: &'static str,
    parameters: [f64; 2],
    record: Record,
    below: fn(f64) -> f64,
    mean: f64,
    variance: f64,
}

impl Case {
    fn record(&self, g: &mut Trace, dtype: DType, from: &Variable) -> Value {
        let parameters = self.parameters.map(|parameter| g.full(dtype, &[DRAWS], parameter));
        (self.record)(g, parameters, from)
    }
    fn draw(&self, seed: u64, dtype: DType) -> Tensor {
        let nearly = self.name.contains("normal") && !self.name.starts_with("truncated");
        let record = |g: &mut Trace, from: &Variable| self.record(g, dtype, from);
        if nearly { draw_nearly(seed, record) } else { draw(seed, record) }
    }
}

fn phi(z: f64) -> f64 {
    0.5 * libm::erfc(-z * FRAC_1_SQRT_2)
}

const CASES: &[Case] = &[
    Case {
        name: "uniform",
        parameters: [0.0; 2],
        record: |g, [x, _], from| g.random_uniform(g.dtype(x), &[DRAWS], from),
        below: |x| x.clamp(0.0, 1.0),
        mean: 0.5,
        variance: 1.0 / 12.0,
    },
    Case {
        name: "uniform from -3 to 1",
        parameters: [-3.0, 1.0],
        record: |g, [low, high], from| g.random_uniform_with(low, high, from),
        below: |x| ((x + 3.0) / 4.0).clamp(0.0, 1.0),
        mean: -1.0,
        variance: 16.0 / 12.0,
    },
    Case {
        name: "normal",
        parameters: [0.0; 2],
        record: |g, [x, _], from| g.random_normal(g.dtype(x), &[DRAWS], from),
        below: phi,
        mean: 0.0,
        variance: 1.0,
    },
    Case {
        name: "normal of 2 and 0.5",
        parameters: [2.0, 0.5],
        record: |g, [mean, deviation], from| g.random_normal_with(mean, deviation, from),
        below: |x| phi((x - 2.0) / 0.5),
        mean: 2.0,
        variance: 0.25,
    },
    Case {
        name: "truncated normal from -2 to 2",
        parameters: [0.0, 1.0],
        record: |g, [mean, deviation], from| g.random_truncated_normal(mean, deviation, -2.0, 2.0, from),
        below: |x| ((phi(x) - phi(-2.0)) / (phi(2.0) - phi(-2.0))).clamp(0.0, 1.0),
        mean: 0.0,
        variance: 0.773_741_261,
    },
    Case {
        name: "truncated normal from 5 to infinity",
        parameters: [0.0, 1.0],
        record: |g, [mean, deviation], from| g.random_truncated_normal(mean, deviation, 5.0, f64::INFINITY, from),
        below: |x| 1.0 - phi(-x) / phi(-5.0),
        mean: 5.186_504,
        variance: 0.032_696,
    },
    Case {
        name: "log-normal",
        parameters: [0.5, 0.4],
        record: |g, [mean, deviation], from| g.random_log_normal(mean, deviation, from),
        below: |x| phi((x.ln() - 0.5) / 0.4),
        mean: 1.786_038_4,
        variance: 0.553_488_5,
    },
    Case {
        name: "exponential of rate 2",
        parameters: [2.0; 2],
        record: |g, [rate, _], from| g.random_exponential(rate, from),
        below: |x| -f64::exp_m1(-2.0 * x),
        mean: 0.5,
        variance: 0.25,
    },
    Case {
        name: "laplace",
        parameters: [1.0, 0.5],
        record: |g, [location, scale], from| g.random_laplace(location, scale, from),
        below: |x| {
            let z = (x - 1.0) / 0.5;
            if z < 0.0 { 0.5 * z.exp() } else { 1.0 - 0.5 * (-z).exp() }
        },
        mean: 1.0,
        variance: 0.5,
    },
    Case {
        name: "gumbel",
        parameters: [-1.0, 2.0],
        record: |g, [location, scale], from| g.random_gumbel(location, scale, from),
        below: |x| (-(-(x + 1.0) / 2.0).exp()).exp(),
        mean: -1.0 + 2.0 * 0.577_215_664_901_532_9,
        variance: 4.0 * PI * PI / 6.0,
    },
    Case {
        name: "cauchy",
        parameters: [0.5, 1.5],
        record: |g, [location, scale], from| g.random_cauchy(location, scale, from),
        below: |x| 0.5 + ((x - 0.5) / 1.5).atan() / PI,
        mean: f64::NAN,
        variance: f64::NAN,
    },
];

#[test]
fn numbers_fit_their_distributions() {
    for (number, case) in CASES.iter().enumerate() {
        let Case { name, below, mean, variance, .. } = case;
        let numbers = case.draw(number as u64, DType::F64).to_vec::<f64>().unwrap();
        accept(name, kolmogorov_smirnov(numbers.clone(), below));
        if mean.is_finite() {
            // Five standard errors of the mean; the variance within a few percent.
            let (found_mean, found_variance) = moments(&numbers);
            assert!((found_mean - mean).abs() < 5.0 * (variance / DRAWS as f64).sqrt(), "{name}: mean {found_mean}");
            assert!((found_variance / variance - 1.0).abs() < 0.06, "{name}: variance {found_variance}");
        }
        // Noticed: the same numbers moved by a thirtieth of the range where half of them lie, and 8 % wider.
        let mut sorted = numbers.clone();
        sorted.sort_by(f64::total_cmp);
        let (width, middle) = (sorted[DRAWS * 3 / 4] - sorted[DRAWS / 4], sorted[DRAWS / 2]);
        refuse(name, kolmogorov_smirnov(numbers.iter().map(|x| x + width / 30.0).collect(), below));
        refuse(name, kolmogorov_smirnov(numbers.iter().map(|x| middle + (x - middle) * 1.08).collect(), below));
    }
}

#[test]
fn narrow_numbers_fit_their_distributions() {
    for (number, case) in CASES.iter().enumerate() {
        let Case { name, below, .. } = case;
        let numbers = case.draw(100 + number as u64, DType::F32).to_vec::<f32>().unwrap();
        accept(name, kolmogorov_smirnov(numbers.iter().map(|x| *x as f64).collect(), below));
    }
}

#[test]
fn neighbours_are_independent() {
    // The correlation of each number with the next, in ranks of their distribution.
    for (number, case) in CASES.iter().enumerate() {
        let Case { name, below, .. } = case;
        let numbers = case.draw(200 + number as u64, DType::F64).to_vec::<f64>().unwrap();
        let ranks: Vec<f64> = numbers.iter().map(|x| below(*x) - 0.5).collect();
        let correlation = ranks.windows(2).map(|pair| pair[0] * pair[1]).sum::<f64>() / DRAWS as f64 * 12.0;
        assert!(correlation.abs() < 4.0 / (DRAWS as f64).sqrt(), "{name}: {correlation}");
    }
}

#[test]
fn sixteen_bit_numbers_are_rounded_ones() {
    for dtype in [DType::F16, DType::BF16] {
        // Uniform numbers are cut off, so that none becomes 1; what is near 0.4 in f16 is not what is near it in f32.
        for case in CASES.iter().filter(|case| case.name != "uniform" && case.name != "log-normal") {
            let name = case.name;
            let rounded = draw_nearly(7, |g, from| {
                let x = case.record(g, DType::F32, from);
                g.cast(x, dtype)
            });
            let drawn = case.draw(7, dtype);
            let same = crate::bytes(&rounded).chunks(2).zip(crate::bytes(&drawn).chunks(2)).filter(|(a, b)| a == b).count();
            assert!(drawn.dtype() == dtype && same == DRAWS, "{name} {dtype}: {same}");
        }
    }
}
