//! Plain definitions of special functions, for the oracle: recurrences, series, integrals, Newton's method. They are slow, and share
//! nothing with the kernels that tests hold to them.

use crate::random::quantile;
use std::f64::consts::{FRAC_1_SQRT_2, FRAC_2_SQRT_PI, PI};

pub(crate) fn sign(x: f64) -> f64 {
    // 0 of either sign, and NaN, are themselves.
    if x > 0.0 {
        1.0
    } else if x < 0.0 {
        -1.0
    } else {
        x
    }
}

pub(crate) fn acosh(x: f64) -> f64 {
    if x > 1e100 {
        return x.ln() + std::f64::consts::LN_2;
    }
    let above = x - 1.0;
    (above + (above * (x + 1.0)).sqrt()).ln_1p()
}

pub(crate) fn tanhshrink(x: f64) -> f64 {
    // Below 1/2 by tanh's continued fraction x / (1 + x^2 / (3 + x^2 / (5 + ...))).
    if x.abs() > 0.5 || x.is_nan() {
        return x - x.tanh();
    }
    let square = x * x;
    let rest = (1..12).rev().fold(0.0, |rest, k| square / (2.0 * k as f64 + 1.0 + rest));
    x * rest / (1.0 + rest)
}

pub(crate) fn sinc(x: f64) -> f64 {
    if x == 0.0 { 1.0 } else { sin_pi(x) / (PI * x) }
}

fn sin_pi(x: f64) -> f64 {
    let turn = x % 2.0;
    let near = turn.round();
    let sine = (PI * (turn - near)).sin();
    if near == 1.0 || near == -1.0 { -sine } else { sine }
}

pub(crate) fn entr(x: f64) -> f64 {
    match x {
        0.0 => 0.0,
        x if x < 0.0 => f64::NEG_INFINITY,
        x => -x * x.ln(),
    }
}

/// e^(x^2), the square in two parts.
fn exp_square(x: f64) -> f64 {
    let high = f64::from_bits(x.to_bits() & !0x7ff_ffff);
    (high * high).exp() * ((x - high) * (x + high)).exp()
}

pub(crate) fn erfcx(x: f64) -> f64 {
    if x < -30.0 {
        return f64::INFINITY;
    }
    if x < 2.0 {
        return exp_square(x) * libm::erfc(x);
    }
    // Laplace's continued fraction.
    let below = (1..300).rev().fold(x, |below, k| x + 0.5 * k as f64 / below);
    FRAC_2_SQRT_PI / 2.0 / below
}

pub(crate) fn erfinv(x: f64) -> f64 {
    let size = x.abs();
    let y = match size {
        1.0 => f64::INFINITY,
        size if size < 0.7 => {
            let newton = |y: f64| y - (libm::erf(y) - size) / (FRAC_2_SQRT_PI * (-y * y).exp());
            (0..8).fold(size / FRAC_2_SQRT_PI, |y, _| newton(y))
        }
        size if size < 1.0 => quantile(0.5 * (1.0 - size)) * FRAC_1_SQRT_2,
        _ => return f64::NAN,
    };
    y.copysign(x)
}

pub(crate) fn ndtr(x: f64) -> f64 {
    if x > -1.0 || x.is_nan() {
        return 0.5 * libm::erfc(-x * FRAC_1_SQRT_2);
    }
    log_ndtr(x).exp()
}

pub(crate) fn log_ndtr(x: f64) -> f64 {
    if x > 0.0 {
        (-0.5 * libm::erfc(x * FRAC_1_SQRT_2)).ln_1p()
    } else if x > -1.0 || x.is_nan() {
        ndtr(x).ln()
    } else {
        (0.5 * erfcx(-x * FRAC_1_SQRT_2)).ln() - 0.5 * x * x
    }
}

/// Bernoulli's numbers B2, B4, ...
const BERNOULLI: [f64; 8] = [1.0 / 6.0, -1.0 / 30.0, 1.0 / 42.0, -1.0 / 30.0, 5.0 / 66.0, -691.0 / 2730.0, 7.0 / 6.0, -3617.0 / 510.0];

fn is_pole(x: f64) -> bool {
    x <= 0.0 && x == x.floor()
}

pub(crate) fn lgamma(x: f64) -> f64 {
    if is_pole(x) || x == f64::INFINITY {
        return f64::INFINITY;
    }
    if x < 0.5 {
        return (PI / sin_pi(x).abs()).ln() - lgamma(1.0 - x);
    }
    // Stirling's series from 16 on.
    let (mut x, mut product) = (x, 1.0);
    while x < 16.0 {
        product *= x;
        x += 1.0;
    }
    let tail: f64 = (1..=8).map(|k| BERNOULLI[k - 1] / (2 * k * (2 * k - 1)) as f64 / x.powi(2 * k as i32 - 1)).sum();
    (x - 0.5) * x.ln() - x + 0.5 * (2.0 * PI).ln() + tail - f64::ln(product)
}

pub(crate) fn digamma(x: f64) -> f64 {
    if x == 0.0 {
        return f64::INFINITY.copysign(-x);
    }
    if is_pole(x) {
        return f64::NAN;
    }
    if x < 0.0 {
        return digamma(1.0 - x) - PI / (PI * (x - x.round())).tan();
    }
    let (mut x, mut sum) = (x, 0.0);
    while x < 16.0 {
        sum += 1.0 / x;
        x += 1.0;
    }
    let tail: f64 = (1..=8).map(|k| BERNOULLI[k - 1] / (2 * k) as f64 / x.powi(2 * k as i32)).sum();
    x.ln() - 0.5 / x - tail - sum
}

/// Hurwitz' zeta function by Euler and Maclaurin; below 0, for whole s, the two sides of 0 apart.
pub(crate) fn zeta(s: f64, q: f64) -> f64 {
    if s.is_nan() || q.is_nan() || s < 1.0 {
        return f64::NAN;
    }
    if s == 1.0 || is_pole(q) {
        return f64::INFINITY;
    }
    if q < 0.0 {
        if s != s.floor() {
            return f64::NAN;
        }
        let fraction = q - q.floor();
        let left = zeta(s, 1.0 - fraction) - zeta(s, 1.0 - q);
        return zeta(s, fraction) + if s % 2.0 == 0.0 { left } else { -left };
    }
    let (mut x, mut sum) = (q, 0.0);
    while x < 24.0 {
        sum += x.powf(-s);
        x += 1.0;
    }
    let mut tail = 0.0;
    let mut factor = 1.0;
    for k in 1..=8 {
        // s (s + 1) ... (s + 2k - 2) / (2k)!
        factor *= if k == 1 { s / 2.0 } else { (s + 2.0 * k as f64 - 3.0) * (s + 2.0 * k as f64 - 2.0) / ((2 * k - 1) * 2 * k) as f64 };
        tail += BERNOULLI[k - 1] * factor * x.powf(-s - 2.0 * k as f64 + 1.0);
    }
    sum + x.powf(1.0 - s) / (s - 1.0) + 0.5 * x.powf(-s) + tail
}

/// e^-|x| I_order(x) for order 0 or 1.
pub(crate) fn bessel(order: i32, x: f64) -> f64 {
    let size = x.abs();
    let value = if size < 1.0 {
        let term = |k: i32| (0.5 * size).powi(2 * k + order) / (factorial(k) * factorial(k + order));
        (0..14).rev().map(term).sum::<f64>() * (-size).exp()
    } else if size < 1e6 {
        // The mean of e^(x cos t) cos(order t) over the circle; the sum over evenly spaced points is as good as the integral.
        let points = 60 + (12.0 * size.sqrt()) as i32;
        let at = |j: i32| {
            let t = PI * j as f64 / points as f64;
            (-2.0 * size * t.sin().powi(2)).exp() * (2.0 * order as f64 * t).cos()
        };
        (0..points).map(at).sum::<f64>() / points as f64
    } else {
        let m = 4.0 * (order * order) as f64;
        (1.0 - (m - 1.0) / (8.0 * size) + (m - 1.0) * (m - 9.0) / (128.0 * size * size)) / (2.0 * PI * size).sqrt()
    };
    if order == 1 { value.copysign(x) } else { value }
}

/// I_order(x).
pub(crate) fn bessel_growing(order: i32, x: f64) -> f64 {
    if x.is_infinite() {
        return if order == 1 { x } else { f64::INFINITY };
    }
    let half = (0.5 * x.abs()).exp();
    bessel(order, x) * half * half
}

fn factorial(n: i32) -> f64 {
    (1..=n).map(f64::from).product()
}

/// The regularized lower and upper incomplete gamma functions.
pub(crate) fn incomplete_gamma(a: f64, x: f64) -> (f64, f64) {
    if a.is_nan() || x.is_nan() || a < 0.0 || x < 0.0 || (a == 0.0 && x == 0.0) || (a.is_infinite() && x.is_infinite()) {
        return (f64::NAN, f64::NAN);
    }
    if x == 0.0 || a.is_infinite() {
        return (0.0, 1.0);
    }
    if a == 0.0 || x.is_infinite() {
        return (1.0, 0.0);
    }
    // x^a e^-x / Gamma(a + 1); for large a by Stirling's formula, whose large terms cancel those of the power.
    let scale = if a < 50.0 {
        (a * x.ln() - x - lgamma(a + 1.0)).exp()
    } else {
        let m = (x - a) / a;
        (a * (m.ln_1p() - m) - (1.0 / 12.0 - 1.0 / (360.0 * a * a)) / a).exp() / (2.0 * PI * a).sqrt()
    };
    if x > a + 2.0 {
        let terms = 400 + (20.0 * a.sqrt()) as i32;
        // Legendre's continued fraction, from its far end.
        let fraction = (1..terms).rev().fold(x + 1.0 - a + 2.0 * terms as f64, |below, k| {
            let k = k as f64;
            x + 2.0 * k - 1.0 - a - k * (k - a) / below
        });
        let upper = scale * a / fraction;
        return (1.0 - upper, upper);
    }
    let (mut term, mut sum, mut k) = (1.0, 1.0, 1.0);
    while term > 1e-18 * sum && k < 1e6 {
        term *= x / (a + k);
        sum += term;
        k += 1.0;
    }
    (scale * sum, 1.0 - scale * sum)
}

/// The slope of ln x, l, in the shape a where P(a, x) stays the same: integrals over v = |ln(t / x)| of the logarithm that differentiating
/// t^(a - 1) brings down, by the trapezoidal rule in ln v, which is exact to the last digits for such functions.
pub(crate) fn log_gamma_slope(a: f64, l: f64) -> f64 {
    if l.is_nan() || a.is_nan() || a <= 0.0 || a.is_infinite() {
        return f64::NAN;
    }
    let x = l.exp();
    if x.is_infinite() {
        return 0.0;
    }
    if l == f64::NEG_INFINITY {
        return f64::INFINITY;
    }
    let distance = l - digamma(a);
    let below = x < a + 1.0;
    let integrand = |v: f64| {
        if below { (v - distance) * (-a * v - x * (-v).exp_m1()).exp() } else { (v + distance) * (a * v - x * v.exp_m1()).exp() }
    };
    // v = e^(u - e^-u), which goes to 0 in twice exponential steps.
    let step = 1.0 / 256.0;
    let mut sum = 0.0;
    for k in -1600..16 * 1024 {
        let u = k as f64 * step;
        let v = (u - (-u).exp()).exp();
        if v > 0.0 && v.is_finite() {
            let term = integrand(v) * v * (1.0 + (-u).exp());
            sum += if term.is_finite() { term } else { 0.0 };
        }
    }
    sum * step
}

pub(crate) fn greatest_common_divisor(a: i64, b: i64) -> i64 {
    if b == 0 { a.wrapping_abs() } else { greatest_common_divisor(b, a.wrapping_rem(b)) }
}

/// The neighbour of a on the way to b.
pub(crate) fn next_after_f64(a: f64, b: f64) -> f64 {
    match a.partial_cmp(&b) {
        None => f64::NAN,
        Some(std::cmp::Ordering::Equal) => b,
        Some(std::cmp::Ordering::Less) => a.next_up(),
        Some(std::cmp::Ordering::Greater) => a.next_down(),
    }
}

/// The neighbour of a on the way to b.
pub(crate) fn next_after_f32(a: f32, b: f32) -> f32 {
    match a.partial_cmp(&b) {
        None => f32::NAN,
        Some(std::cmp::Ordering::Equal) => b,
        Some(std::cmp::Ordering::Less) => a.next_up(),
        Some(std::cmp::Ordering::Greater) => a.next_down(),
    }
}
