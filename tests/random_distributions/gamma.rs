//! Gamma numbers and what is made of them: against distribution functions, and their gradients against derivatives of expectations.

use crate::statistics::{accept, kolmogorov_smirnov, moments, refuse};
use crate::{draw, draw_nearly, graph};
use std::f64::consts::PI;
use tenon::autodiff::reverse;
use tenon::ir::{Value, Variable};
use tenon::ops::Trace;
use tenon::runtime::cpu::simd::Level;
use tenon::runtime::jobs::Jobs;
use tenon::runtime::{Program, Target};
use tenon::tensor::Allocator;
use tenon::{DType, Status, Tensor};

const DRAWS: usize = 100_000;

/// A distribution function.
type Below = fn(f64) -> f64;

/// The regularized lower incomplete gamma function.
fn gamma_below(a: f64, x: f64) -> f64 {
    if x <= 0.0 {
        return 0.0;
    }
    let scale = (a * x.ln() - x - libm::lgamma(a + 1.0)).exp();
    if x < a + 1.0 {
        let (mut term, mut sum, mut k) = (1.0, 1.0, a);
        while term > 1e-17 * sum {
            k += 1.0;
            term *= x / k;
            sum += term;
        }
        return scale * sum;
    }
    let fraction = (1..3000).rev().fold(x + 6001.0 - a, |below, k| x + 2.0 * k as f64 - 1.0 - a - k as f64 * (k as f64 - a) / below);
    1.0 - scale * a / fraction
}

#[track_caller]
fn fits(name: &str, numbers: Vec<f64>, below: impl Fn(f64) -> f64) {
    accept(name, kolmogorov_smirnov(numbers.clone(), &below));
    // Noticed: a distribution that is nowhere more than 0.015 away.
    refuse(name, kolmogorov_smirnov(numbers, |x| below(x).powf(1.04)));
}

#[test]
fn gamma_numbers_fit_their_distribution() {
    for (number, shape) in [0.01, 0.3, 0.99, 1.0, 2.5, 30.0, 4000.0].into_iter().enumerate() {
        let numbers = draw(300 + number as u64, |g, from| {
            let (shape, rate) = (g.full(DType::F64, &[DRAWS], shape), g.full(DType::F64, &[DRAWS], 0.5));
            g.random_gamma(shape, rate, from)
        });
        let numbers = numbers.to_vec::<f64>().unwrap();
        let (mean, variance) = moments(&numbers);
        assert!((mean / (2.0 * shape) - 1.0).abs() < 5.0 / (shape * DRAWS as f64).sqrt(), "{shape}: mean {mean}");
        assert!((variance / (4.0 * shape) - 1.0).abs() < if shape < 0.1 { 0.3 } else { 0.06 }, "{shape}: variance {variance}");
        fits(&format!("gamma {shape}"), numbers, |x| gamma_below(shape, 0.5 * x));
    }
    let narrow = draw(320, |g, from| {
        let (shape, rate) = (g.full(DType::F32, &[DRAWS], 0.7), g.full(DType::F32, &[DRAWS], 1.0));
        g.random_gamma(shape, rate, from)
    });
    fits("gamma in f32", narrow.to_vec::<f32>().unwrap().into_iter().map(f64::from).collect(), |x| gamma_below(0.7f32 as f64, x));
    let chi2 = draw(321, |g, from| {
        let freedom = g.full(DType::F64, &[DRAWS], 5.0);
        g.random_chi2(freedom, from)
    });
    fits("chi-square", chi2.to_vec().unwrap(), |x| gamma_below(2.5, 0.5 * x));
}

#[test]
fn beta_numbers_fit_their_distribution() {
    let cases: [(f64, f64, Below); 4] = [
        (0.5, 0.5, |x| 2.0 / PI * x.sqrt().asin()),
        (2.0, 3.0, |x| x * x * (6.0 - 8.0 * x + 3.0 * x * x)),
        (0.05, 1.0, |x| x.powf(0.05)),
        (1.0, 30.0, |x| 1.0 - (1.0 - x).powi(30)),
    ];
    for (number, (a, b, below)) in cases.into_iter().enumerate() {
        for dtype in [DType::F64, DType::F32] {
            let numbers = draw_nearly(330 + number as u64, |g, from| {
                let (a, b) = (g.full(dtype, &[DRAWS], a), g.full(dtype, &[DRAWS], b));
                let x = g.random_beta(a, b, from);
                g.cast(x, DType::F64)
            });
            fits(&format!("beta {a} {b}"), numbers.to_vec().unwrap(), below);
        }
    }
}

#[test]
fn student_numbers_fit_their_distribution() {
    let cases: [(f64, Below); 3] = [
        (1.0, |x| 0.5 + x.atan() / PI),
        (2.0, |x| 0.5 + 0.5 * x / (2.0 + x * x).sqrt()),
        (3.0, |x| {
            let t = x / 3.0f64.sqrt();
            0.5 + (t / (1.0 + t * t) + t.atan()) / PI
        }),
    ];
    for (number, (freedom, below)) in cases.into_iter().enumerate() {
        let numbers = draw_nearly(340 + number as u64, |g, from| {
            let freedom = g.full(DType::F64, &[DRAWS], freedom);
            g.random_student_t(freedom, from)
        });
        fits(&format!("student {freedom}"), numbers.to_vec().unwrap(), below);
    }
}

#[test]
fn shares_add_up_and_each_is_a_beta_number() {
    let concentration = Tensor::from_slice(&Allocator::system(), &[2.0, 1.0, 1.0, 1.0], &[4]).unwrap();
    let numbers = draw_nearly(350, |g, from| {
        let one = g.constant(&concentration);
        let all = g.broadcast_to(one, &[DRAWS, 4]);
        g.random_dirichlet(all, from)
    });
    let numbers = numbers.to_vec::<f64>().unwrap();
    assert!(numbers.chunks(4).all(|row| (row.iter().sum::<f64>() - 1.0).abs() < 1e-14));
    let column = |at: usize| numbers.iter().skip(at).step_by(4).copied().collect::<Vec<f64>>();
    fits("first share", column(0), |x| x * x * (6.0 - 8.0 * x + 3.0 * x * x));
    fits("last share", column(3), |x| 1.0 - (1.0 - x).powi(4));
    // Concentrations so small that all gamma numbers but their logarithms vanish.
    let tiny = draw_nearly(351, |g, from| {
        let concentration = g.full(DType::F32, &[500, 3], 1e-4);
        g.random_dirichlet(concentration, from)
    });
    assert!(tiny.to_vec::<f32>().unwrap().chunks(3).all(|row| (row.iter().sum::<f32>() - 1.0).abs() < 1e-6));
}

#[test]
fn parameters_have_ends() {
    let gamma = |shape: f64, rate: f64| {
        let y = draw(360, |g, from| {
            let (shape, rate) = (g.full(DType::F64, &[2], shape), g.full(DType::F64, &[2], rate));
            g.random_gamma(shape, rate, from)
        });
        y.to_vec::<f64>().unwrap()[1]
    };
    assert_eq!(
        (gamma(0.0, 1.0), gamma(f64::INFINITY, 1.0), gamma(1.0, f64::INFINITY), gamma(1.0, 0.0)),
        (0.0, f64::INFINITY, 0.0, f64::INFINITY)
    );
    assert!([gamma(-1.0, 1.0), gamma(f64::NAN, 1.0), gamma(1.0, -1.0), gamma(1.0, f64::NAN)].iter().all(|y| y.is_nan()));
    assert!((gamma(1e12, 1e12) - 1.0).abs() < 1e-5);
    let pair = |record: fn(&mut Trace, Value, Value, &Variable) -> Value, a: f64, b: f64| {
        let y = draw_nearly(361, |g, from| {
            let (a, b) = (g.full(DType::F32, &[1], a), g.full(DType::F32, &[1], b));
            record(g, a, b, from)
        });
        y.to_vec::<f32>().unwrap()[0]
    };
    let beta = |a, b| pair(|g, a, b, from| g.random_beta(a, b, from), a, b);
    assert_eq!((beta(0.0, 1.0), beta(1.0, 0.0)), (0.0, 1.0));
    assert!(beta(0.0, 0.0).is_nan() && beta(-1.0, 1.0).is_nan() && beta(1.0, f64::NAN).is_nan());
    let student = |freedom| pair(|g, a, _, from| g.random_student_t(a, from), freedom, 0.0);
    assert!(student(0.0).is_nan() && student(-2.0).is_nan() && student(1e-3).abs() > 1.0 && student(1e30).abs() < 6.0);
    assert!(
        graph(0, |g, from| {
            let scalar = g.scalar(DType::F32, 1.0);
            g.random_dirichlet(scalar, from)
        })
        .is_err()
    );
}

/// The numbers, and the gradients of their sum in each operand.
fn slopes(operands: &[Tensor], record: impl FnOnce(&mut Trace, &[Value], &Variable) -> Value) -> Vec<Vec<f64>> {
    let graph = {
        let state = || Tensor::from_slice(&Allocator::system(), &[77i64, 5, 0], &[3]).unwrap();
        let generator = Variable::new("generator", state());
        let mut g = Trace::new();
        let start = g.constant(&state());
        g.assign(&generator, start);
        let x: Vec<Value> = operands.iter().map(|operand| g.constant(operand)).collect();
        let x: Vec<Value> = x.iter().map(|x| g.identity(*x)).collect();
        let y = record(&mut g, &x, &generator);
        let one = g.ones_like(y);
        let mut outputs = vec![y];
        outputs.extend(reverse(&mut g, &[(y, one)], &x).unwrap());
        g.finish(&outputs).unwrap()
    };
    let target = Target { allocator: Allocator::system(), jobs: Jobs::inline(), level: *Level::available().last().unwrap() };
    let program = Program::compile(graph, &target).unwrap();
    let outputs: Vec<Tensor> =
        program.output_types().iter().map(|ty| Tensor::zeros(&target.allocator, ty.dtype, ty.shape).unwrap()).collect();
    program.run(&[], &outputs.iter().collect::<Vec<_>>()).unwrap();
    outputs.iter().map(|output| output.to_vec().unwrap()).collect()
}

fn filled(dims: &[usize], value: f64) -> Tensor {
    Tensor::from_slice(&Allocator::system(), &vec![value; dims.iter().product()], dims).unwrap()
}

#[test]
fn slopes_are_those_of_numbers_of_the_same_probability() {
    for shape in [0.2, 1.0, 3.7, 50.0] {
        let found = slopes(&[filled(&[100], shape)], |g, x, from| {
            let rate = g.scalar(DType::F64, 1.0);
            g.random_gamma(x[0], rate, from)
        });
        for (x, slope) in found[0].iter().zip(&found[1]).filter(|(x, _)| **x > 1e-8) {
            let p = gamma_below(shape, *x);
            if !(1e-6..1.0 - 1e-6).contains(&p) {
                continue;
            }
            // The number below which p lies, by bisection.
            let quantile = |shape: f64| {
                let (mut low, mut high) = (0.5 * x, 2.0 * x);
                for _ in 0..80 {
                    let middle = 0.5 * (low + high);
                    if gamma_below(shape, middle) < p { low = middle } else { high = middle }
                }
                low
            };
            let step = 1e-4 * shape;
            let expected = (quantile(shape + step) - quantile(shape - step)) / (2.0 * step);
            assert!((slope / expected - 1.0).abs() < 1e-5, "{shape}, {x}: {slope}, not {expected}");
        }
    }
}

/// Whether the mean of the slopes is this one, within five standard errors.
#[track_caller]
fn slope_in_expectation(name: &str, slopes: &[f64], expected: f64) {
    let (mean, variance) = moments(slopes);
    let error = (variance / slopes.len() as f64).sqrt();
    assert!((mean - expected).abs() < 5.0 * error && error < 0.1 * expected.abs(), "{name}: {mean} +- {error}, not {expected}");
}

#[test]
fn slopes_are_those_of_expectations() {
    let n = 20_000;
    for shape in [0.1, 0.8, 2.0, 25.0, 30000.0] {
        let found = slopes(&[filled(&[n], shape), filled(&[n], 2.0)], |g, x, from| g.random_gamma(x[0], x[1], from));
        // E x = shape / rate.
        slope_in_expectation("gamma in its shape", &found[1], 0.5);
        slope_in_expectation("gamma in its rate", &found[2], -shape / 4.0);
        let found = slopes(&[filled(&[n], shape)], |g, x, from| {
            let rate = g.scalar(DType::F64, 1.0);
            let y = g.random_gamma(x[0], rate, from);
            g.mul(y, y)
        });
        // E x^2 = shape (shape + 1).
        slope_in_expectation("squared gamma", &found[1], 2.0 * shape + 1.0);
        let found = slopes(&[filled(&[n], shape), filled(&[n], 1.5)], |g, x, from| g.random_beta(x[0], x[1], from));
        // E x = a / (a + b).
        let sum = shape + 1.5;
        slope_in_expectation("beta in a", &found[1], 1.5 / (sum * sum));
        slope_in_expectation("beta in b", &found[2], -shape / (sum * sum));
    }
    let found = slopes(&[filled(&[n], 4.0)], |g, x, from| g.random_chi2(x[0], from));
    slope_in_expectation("chi-square", &found[1], 1.0);
    let found = slopes(&[filled(&[n], 10.0)], |g, x, from| {
        let y = g.random_student_t(x[0], from);
        g.mul(y, y)
    });
    // E t^2 = freedom / (freedom - 2).
    slope_in_expectation("student", &found[1], -2.0 / 64.0);
    let found = slopes(&[filled(&[n, 3], 0.7)], |g, x, from| {
        let y = g.random_dirichlet(x[0], from);
        g.narrow(y, 1, 0, 1)
    });
    // E y_0 = a_0 / sum.
    let column = |at: usize| found[1].iter().skip(at).step_by(3).copied().collect::<Vec<f64>>();
    slope_in_expectation("share in its own", &column(0), 1.4 / (2.1 * 2.1));
    slope_in_expectation("share in another", &column(2), -0.7 / (2.1 * 2.1));
}

#[test]
fn numbers_that_vanish_have_no_slope_and_second_slopes_are_refused() {
    let found = slopes(&[filled(&[200], 1e-4)], |g, x, from| {
        let rate = g.scalar(DType::F64, 1.0);
        g.random_gamma(x[0], rate, from)
    });
    assert!(found[0].contains(&0.0) && found[1].iter().all(|slope| slope.is_finite()));
    let generator = Variable::new("generator", Tensor::from_slice(&Allocator::system(), &[1i64, 2, 0], &[3]).unwrap());
    let mut g = Trace::new();
    let shape = g.input(tenon::ir::Type::new(DType::F64, tenon::Shape::new(&[4]).unwrap()));
    let rate = g.scalar(DType::F64, 1.0);
    let y = g.random_gamma(shape, rate, &generator);
    let one = g.ones_like(y);
    let first = reverse(&mut g, &[(y, one)], &[shape]).unwrap();
    let refused = reverse(&mut g, &[(first[0], one)], &[shape]).unwrap_err();
    assert_eq!(refused.status(), Status::NotDifferentiable);
    assert!(refused.message().contains("slope in the shape is not known"), "{refused}");
}
