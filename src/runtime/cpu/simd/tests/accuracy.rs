//! f32 functions against f64.

use super::*;
use std::f32::consts::{FRAC_PI_2, PI};

/// The distance between neighbouring f32 numbers at this value.
fn spacing(x: f64) -> f64 {
    let exponent = (((x.abs().to_bits() >> 52) as i32) - 1023).clamp(-126, 127);
    2f64.powi(exponent - 23)
}

/// Error in units of the last place. The first number beyond the largest stands for infinity.
fn error(got: f32, expected: f64) -> f64 {
    if got.is_nan() || expected.is_nan() {
        return if got.is_nan() && expected.is_nan() { 0.0 } else { f64::INFINITY };
    }
    let limit = |x: f64| x.clamp(-(2f64.powi(128)), 2f64.powi(128));
    let expected = limit(expected);
    (limit(got as f64) - expected).abs() / spacing(expected)
}

fn sigmoid(x: f64) -> f64 {
    if x < 0.0 { libm::exp(x) / (1.0 + libm::exp(x)) } else { 1.0 / (1.0 + libm::exp(-x)) }
}

/// Every 1021st of all numbers, in chunks of the size of a tile.
fn sample(mut f: impl FnMut(&[f32])) {
    let mut x = Vec::with_capacity(1 << 12);
    for word in (0..=u32::MAX).step_by(1021) {
        x.push(f32::from_bits(word));
        if x.len() == x.capacity() {
            f(&x);
            x.clear();
        }
    }
    f(&x);
}

fn check(name: &str, operation: Unary, reference: fn(f64) -> f64) {
    let levels = Level::available();
    let mut worst = vec![(0.0, 0.0f32, 0.0f32); levels.len()];
    sample(|x| {
        let expected: Vec<f64> = x.iter().map(|x| reference(*x as f64)).collect();
        for (level, worst) in levels.iter().zip(&mut worst) {
            let got: Vec<f32> = unary(kernel(*level, TileOp::Unary(operation), Class::F32, [false; 3]).unwrap(), x);
            for i in 0..x.len() {
                let error = error(got[i], expected[i]);
                if error > worst.0 {
                    *worst = (error, x[i], got[i]);
                }
            }
        }
    });
    for (level, (error, x, _)) in levels.iter().zip(&worst) {
        println!("{name:<10} {:<9} worst {error:.3} ulp at {x:e}", level.name());
    }
    for (level, (error, x, got)) in levels.iter().zip(worst) {
        assert!(error <= 2.0, "{name} at {}: {error} ulp at {x:e}: {got:e}, not {:e}", level.name(), reference(x as f64));
    }
}

macro_rules! accurate {
    ($($test:ident: $operation:ident, $reference:expr;)*) => {$(
        #[test]
        fn $test() {
            check(stringify!($test), Unary::$operation, $reference);
        }
    )*};
}
accurate! {
    exp: Exp, libm::exp;
    expm1: Expm1, libm::expm1;
    log: Log, libm::log;
    log1p: Log1p, libm::log1p;
    sqrt: Sqrt, libm::sqrt;
    rsqrt: Rsqrt, |x| 1.0 / libm::sqrt(x);
    reciprocal: Reciprocal, |x| 1.0 / x;
    sin: Sin, libm::sin;
    cos: Cos, libm::cos;
    tanh: Tanh, libm::tanh;
    logistic: Sigmoid, sigmoid;
    erf: Erf, libm::erf;
    exp2: Exp2, libm::exp2;
    log2: Log2, libm::log2;
    log10: Log10, libm::log10;
    tan: Tan, libm::tan;
    asin: Asin, libm::asin;
    acos: Acos, libm::acos;
    atan: Atan, libm::atan;
    erfc: Erfc, libm::erfc;
}

#[test]
fn pow() {
    let pairs = 1 << 21;
    let levels = Level::available();
    let mut worst = vec![(0.0, 0.0f32, 0.0f32, 0.0f32); levels.len()];
    for block in 0..pairs / 4096 {
        // Any base; exponents that lead anywhere in the range of results, some integers, some anything.
        let (mut x, mut y) = (Vec::new(), Vec::new());
        for word in words(block, 4096) {
            let base = if word & 8 == 0 { f32::from_bits(word as u32) } else { 0.5 + (word >> 40) as f32 / 16777216.0 };
            let uniform = ((word >> 33) as f32 / 2147483648.0) * 2.0 - 1.0;
            x.push(base);
            y.push(match word >> 4 & 7 {
                0 => f32::from_bits((word >> 32) as u32),
                1 => (uniform * 40.0).round(),
                _ => uniform * 150.0 / (base.abs().log2().abs() + 1e-6),
            });
        }
        for (level, worst) in levels.iter().zip(&mut worst) {
            let pow = kernel(*level, TileOp::Binary(Binary::Pow), Class::F32, [false; 3]).unwrap();
            let got: Vec<f32> = run(pow, x.len(), [&x, &y, &[]]);
            for i in 0..x.len() {
                let error = error(got[i], libm::pow(x[i] as f64, y[i] as f64));
                if error > worst.0 {
                    *worst = (error, x[i], y[i], got[i]);
                }
            }
        }
    }
    for (level, (error, x, y, got)) in levels.iter().zip(worst) {
        println!("pow        {:<9} worst {error:.3} ulp at {x:e}, {y:e}", level.name());
        assert!(error <= 2.0, "{x:e} ^ {y:e} at {}: {got:e}, not {:e}", level.name(), libm::pow(x as f64, y as f64));
    }
}

#[test]
fn special_values() {
    const NAN: f32 = f32::NAN;
    const INF: f32 = f32::INFINITY;
    let table: &[(Unary, &[(f32, f32)])] = &[
        (Unary::Exp, &[(0.0, 1.0), (-0.0, 1.0), (INF, INF), (-INF, 0.0), (NAN, NAN), (88.73, INF), (-104.0, 0.0), (-103.2, 1e-45)]),
        (Unary::Expm1, &[(0.0, 0.0), (-0.0, -0.0), (INF, INF), (-INF, -1.0), (NAN, NAN), (-1e-45, -1e-45)]),
        (Unary::Log, &[(1.0, 0.0), (0.0, -INF), (-0.0, -INF), (-1.0, NAN), (-INF, NAN), (INF, INF), (NAN, NAN)]),
        (Unary::Log1p, &[(0.0, 0.0), (-0.0, -0.0), (-1.0, -INF), (-1.1, NAN), (INF, INF), (-INF, NAN), (NAN, NAN), (1e-45, 1e-45)]),
        (Unary::Sqrt, &[(-0.0, -0.0), (-1.0, NAN), (INF, INF), (NAN, NAN), (4.0, 2.0)]),
        (Unary::Rsqrt, &[(0.0, INF), (-0.0, -INF), (-1.0, NAN), (INF, 0.0), (4.0, 0.5)]),
        (Unary::Reciprocal, &[(0.0, INF), (-0.0, -INF), (INF, 0.0), (-INF, -0.0), (4.0, 0.25)]),
        (Unary::Sin, &[(0.0, 0.0), (-0.0, -0.0), (INF, NAN), (-INF, NAN), (NAN, NAN), (-1e-45, -1e-45)]),
        (Unary::Cos, &[(0.0, 1.0), (-0.0, 1.0), (INF, NAN), (-INF, NAN), (NAN, NAN)]),
        (Unary::Tanh, &[(0.0, 0.0), (-0.0, -0.0), (INF, 1.0), (-INF, -1.0), (NAN, NAN), (-1e-45, -1e-45), (30.0, 1.0), (-3e38, -1.0)]),
        (Unary::Sigmoid, &[(0.0, 0.5), (-0.0, 0.5), (INF, 1.0), (-INF, 0.0), (NAN, NAN), (-103.2, 1e-45), (-3e38, 0.0)]),
        (Unary::Erf, &[(0.0, 0.0), (-0.0, -0.0), (INF, 1.0), (-INF, -1.0), (NAN, NAN), (-1e-45, -1e-45), (-3e38, -1.0)]),
        (
            Unary::Exp2,
            &[(0.0, 1.0), (-0.0, 1.0), (INF, INF), (-INF, 0.0), (NAN, NAN), (128.0, INF), (-149.0, 1e-45), (-151.0, 0.0), (-3e38, 0.0)],
        ),
        (Unary::Log2, &[(1.0, 0.0), (0.0, -INF), (-0.0, -INF), (-1.0, NAN), (INF, INF), (NAN, NAN), (1e-45, -149.0), (8.0, 3.0)]),
        (Unary::Log10, &[(1.0, 0.0), (0.0, -INF), (-0.0, -INF), (-1.0, NAN), (INF, INF), (NAN, NAN), (1000.0, 3.0)]),
        (Unary::Tan, &[(0.0, 0.0), (-0.0, -0.0), (INF, NAN), (-INF, NAN), (NAN, NAN), (-1e-45, -1e-45)]),
        (Unary::Asin, &[(0.0, 0.0), (-0.0, -0.0), (1.1, NAN), (-INF, NAN), (NAN, NAN), (-1e-45, -1e-45), (1.0, FRAC_PI_2)]),
        (Unary::Acos, &[(1.0, 0.0), (1.1, NAN), (-INF, NAN), (NAN, NAN), (0.0, FRAC_PI_2), (-1.0, PI)]),
        (Unary::Atan, &[(0.0, 0.0), (-0.0, -0.0), (INF, FRAC_PI_2), (-INF, -FRAC_PI_2), (NAN, NAN), (-1e-45, -1e-45), (3e38, FRAC_PI_2)]),
        (Unary::Erfc, &[(0.0, 1.0), (-0.0, 1.0), (INF, 0.0), (-INF, 2.0), (NAN, NAN), (1e-45, 1.0), (-3e38, 2.0)]),
        (Unary::Sign, &[(0.0, 0.0), (-0.0, -0.0), (NAN, NAN), (INF, 1.0), (-INF, -1.0), (-1e-45, -1.0)]),
        (Unary::Relu, &[(0.0, 0.0), (-0.0, 0.0), (NAN, NAN), (INF, INF), (-INF, 0.0), (-1e-45, 0.0), (1e-45, 1e-45)]),
        (Unary::Neg, &[(0.0, -0.0), (INF, -INF), (NAN, NAN)]),
        (Unary::Abs, &[(-0.0, 0.0), (-INF, INF), (NAN, NAN)]),
        (Unary::Round, &[(0.5, 0.0), (1.5, 2.0), (2.5, 2.0), (-0.5, -0.0), (-1.5, -2.0), (8388609.0, 8388609.0), (INF, INF), (NAN, NAN)]),
        (Unary::Floor, &[(-0.5, -1.0), (0.9, 0.0), (-0.0, -0.0), (8388609.0, 8388609.0), (-INF, -INF), (NAN, NAN)]),
        (Unary::Ceil, &[(-0.5, -0.0), (0.1, 1.0), (-0.0, -0.0), (8388607.5, 8388608.0), (INF, INF), (NAN, NAN)]),
        (Unary::Trunc, &[(-0.5, -0.0), (1.9, 1.0), (-1.9, -1.0), (16777217.0, 16777216.0), (INF, INF), (NAN, NAN)]),
    ];
    for level in Level::available() {
        for (operation, rows) in table {
            let function = kernel(level, TileOp::Unary(*operation), Class::F32, [false; 3]).unwrap();
            for (x, expected) in rows.iter() {
                let got: Vec<f32> = unary(function, &[*x]);
                assert_eq!(got[0].bits(), expected.bits(), "{operation:?}({x:e}) at {}: {:e}", level.name(), got[0]);
            }
        }
    }
}

#[test]
fn powers_of_special_values() {
    let special = [
        0.0,
        -0.0,
        1.0,
        -1.0,
        0.5,
        -0.5,
        2.0,
        -2.0,
        3.0,
        -3.0,
        1.5,
        -1.5,
        1e-45,
        -1e-45,
        1e30,
        -1e30,
        16777215.0,
        16777216.0,
        f32::INFINITY,
        f32::NEG_INFINITY,
        f32::NAN,
    ];
    for level in Level::available() {
        let pow = kernel(level, TileOp::Binary(Binary::Pow), Class::F32, [false; 3]).unwrap();
        for x in special {
            for y in special {
                let (got, expected): (Vec<f32>, _) = (run(pow, 1, [&[x], &[y], &[]]), libm::pow(x as f64, y as f64));
                let sign_agrees = got[0].is_nan() || got[0].is_sign_negative() == (expected as f32).is_sign_negative();
                assert!(error(got[0], expected) <= 2.0 && sign_agrees, "{x:e} ^ {y:e} at {}: {:e}, not {expected:e}", level.name(), got[0]);
            }
        }
    }
}

/// C's rules for the angle of a point and its distance, with all signs of zero and infinity.
#[test]
fn angles_and_distances_of_special_values() {
    let special = [0.0, -0.0, 1.0, -1.0, 1e-45, -1e-45, 3e38, -3e38, f32::INFINITY, f32::NEG_INFINITY, f32::NAN, 0.7, -1234.5];
    for level in Level::available() {
        for (operation, function) in [(Binary::Atan2, libm::atan2 as fn(f64, f64) -> f64), (Binary::Hypot, libm::hypot)] {
            let kernel = kernel(level, TileOp::Binary(operation), Class::F32, [false; 3]).unwrap();
            for y in special {
                for x in special {
                    let (got, expected): (Vec<f32>, _) = (run(kernel, 1, [&[y], &[x], &[]]), function(y as f64, x as f64));
                    let sign_agrees = got[0].is_nan() || got[0].is_sign_negative() == expected.is_sign_negative();
                    let is_close = error(got[0], expected) <= 1.0 && sign_agrees;
                    assert!(is_close, "{operation:?}({y:e}, {x:e}) at {}: {:e}, not {expected:e}", level.name(), got[0]);
                }
            }
        }
    }
}
