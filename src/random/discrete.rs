//! Counts: Poisson, binomial, geometric numbers.
//!
//! Small means are drawn by going through the distribution from 0 on. For larger ones W. Hörmann's transformed rejection is used: *The
//! transformed rejection method for generating Poisson random variables*, 1993 (PTRS), and *The generation of binomial random variates*,
//! 1993 (BTRS). Probabilities are C. Loader's, *Fast and Accurate Computation of Binomial Probabilities*, 2000, which are right to the last
//! digits however large the numbers are.

use super::draw::exponential;
use super::words::Words;
use std::f64::consts::PI;

/// Tries of the rejection methods, of two numbers each; at least 2 of 3 are accepted. What has none accepted gets the mode.
pub const TRIES: usize = 40;

/// Means below this are drawn by going through the distribution.
const SMALL: f64 = 10.0;

/// Numbers of this size and above are no longer apart by 1.
const HUGE: f64 = 9007199254740992.0;

pub fn poisson(words: &mut Words, rate: f64) -> f64 {
    // NaN is none of these either.
    if !(rate > 0.0 && rate < f64::INFINITY) {
        return if rate == 0.0 || rate == f64::INFINITY { rate } else { f64::NAN };
    }
    if rate < SMALL {
        let first = libm::exp(-rate);
        return walk(words.unit(), first, |k| rate / k, f64::INFINITY);
    }
    let root = libm::sqrt(rate);
    let b = 0.931 + 2.53 * root;
    let a = -0.059 + 0.02483 * b;
    let scale = 1.1239 + 1.1328 / (b - 3.4);
    let tall = 0.9277 - 3.6224 / (b - 2.0);
    for _ in 0..TRIES {
        let u = words.open_unit() - 0.5;
        let v = words.open_unit();
        let us = 0.5 - u.abs();
        let k = libm::floor((2.0 * a / us + b) * u + rate + 0.43);
        if us >= 0.07 && v <= tall {
            return k;
        }
        if k < 0.0 || (us < 0.013 && v > us) {
            continue;
        }
        if libm::log(v * scale / (a / (us * us) + b)) <= log_poisson(k, rate) {
            return k;
        }
    }
    libm::floor(rate)
}

pub fn binomial(words: &mut Words, trials: f64, p: f64) -> f64 {
    // NaN is none of these either.
    if !((0.0..HUGE).contains(&trials) && libm::floor(trials) == trials && (0.0..=1.0).contains(&p)) {
        return f64::NAN;
    }
    // Of success and failure, the rarer one is counted.
    let rare = if p <= 0.5 { p } else { 1.0 - p };
    let k = if rare == 0.0 || trials == 0.0 {
        0.0
    } else if trials * rare < SMALL {
        let first = libm::exp(trials * libm::log1p(-rare));
        let odds = rare / (1.0 - rare);
        walk(words.unit(), first, |k| (trials - k + 1.0) / k * odds, trials)
    } else {
        binomial_by_rejection(words, trials, rare)
    };
    if p <= 0.5 { k } else { trials - k }
}

fn binomial_by_rejection(words: &mut Words, n: f64, p: f64) -> f64 {
    let spread = libm::sqrt(n * p * (1.0 - p));
    let b = 1.15 + 2.53 * spread;
    let a = -0.0873 + 0.0248 * b + 0.01 * p;
    let center = n * p + 0.5;
    let tall = 0.92 - 4.2 / b;
    let scale = (2.83 + 5.1 / b) * spread;
    let mode = libm::floor((n + 1.0) * p);
    let highest = log_binomial(mode, n, p);
    for _ in 0..TRIES {
        let u = words.open_unit() - 0.5;
        let v = words.open_unit();
        let us = 0.5 - u.abs();
        let k = libm::floor((2.0 * a / us + b) * u + center);
        if us >= 0.07 && v <= tall {
            return k;
        }
        if k < 0.0 || k > n {
            continue;
        }
        if libm::log(v * scale / (a / (us * us) + b)) <= log_binomial(k, n, p) - highest {
            return k;
        }
    }
    mode
}

/// The first trial that succeeds: 1 + floor(e / -ln(1 - p)) for an exponential number e.
pub fn geometric(words: &mut Words, p: f64) -> f64 {
    // NaN is none of these either.
    if !(p > 0.0 && p <= 1.0) {
        return f64::NAN;
    }
    let failing = -libm::log1p(-p);
    1.0 + libm::floor(exponential(words.bits()) / failing)
}

/// The smallest k up to `last` whose distribution function is above u; `first` is the probability of 0, `ratio(k)` that of k over that of
/// k - 1, for means below [`SMALL`].
fn walk(u: f64, first: f64, ratio: impl Fn(f64) -> f64, last: f64) -> f64 {
    // 1 - 2^-53, the largest u, lies below k = 60 for a mean of 10; rounding must not lead further.
    let last = last.min(100.0);
    let (mut k, mut probability, mut rest) = (0.0, first, u);
    while rest >= probability && k < last {
        rest -= probability;
        k += 1.0;
        probability *= ratio(k);
    }
    k
}

/// ln(rate^k e^-rate / k!)
fn log_poisson(k: f64, rate: f64) -> f64 {
    if k == 0.0 {
        return -rate;
    }
    -stirling_error(k) - deviance(k, rate) - 0.5 * libm::log(2.0 * PI * k)
}

/// ln(binomial(n, k) p^k (1 - p)^(n - k)) for 0 < p < 1.
fn log_binomial(k: f64, n: f64, p: f64) -> f64 {
    let q = 1.0 - p;
    if k == 0.0 {
        return n * libm::log1p(-p);
    }
    if k == n {
        return n * libm::log(p);
    }
    let correction = stirling_error(n) - stirling_error(k) - stirling_error(n - k);
    correction - deviance(k, n * p) - deviance(n - k, n * q) - 0.5 * libm::log(2.0 * PI * k * ((n - k) / n))
}

/// ln n! - ln(sqrt(2 pi n) (n / e)^n), n from 1 on.
fn stirling_error(n: f64) -> f64 {
    if n <= 16.0 {
        return libm::lgamma(n + 1.0) - (n + 0.5) * libm::log(n) + n - 0.5 * libm::log(2.0 * PI);
    }
    let square = n * n;
    (1.0 / 12.0 - (1.0 / 360.0 - (1.0 / 1260.0 - (1.0 / 1680.0 - 1.0 / 1188.0 / square) / square) / square) / square) / n
}

/// x ln(x / mean) + mean - x, without cancellation where the two are close.
fn deviance(x: f64, mean: f64) -> f64 {
    let distance = x - mean;
    if distance.abs() >= 0.1 * (x + mean) {
        return x * libm::log(x / mean) + mean - x;
    }
    // With v = (x - mean) / (x + mean), ln(x / mean) = 2 artanh v.
    let v = distance / (x + mean);
    let square = v * v;
    let (mut sum, mut power) = (distance * v, 2.0 * x * v);
    for j in 1..40 {
        power *= square;
        let more = sum + power / (2 * j + 1) as f64;
        if more == sum {
            break;
        }
        sum = more;
    }
    sum
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::random::Stream;

    fn log_factorial(n: u64) -> f64 {
        (1..=n).map(|k| (k as f64).ln()).sum()
    }

    #[test]
    fn probabilities_are_those_of_their_formulas() {
        for (k, rate) in [(0, 12.5), (1, 12.5), (7, 12.5), (13, 12.5), (40, 12.5), (95, 100.0), (300, 250.0)] {
            let expected = k as f64 * f64::ln(rate) - rate - log_factorial(k);
            let found = log_poisson(k as f64, rate);
            assert!((found - expected).abs() < 1e-11 * (1.0 + expected.abs()), "{k} of {rate}: {found}, not {expected}");
        }
        for (k, n, p) in [(0, 30, 0.4), (30, 30, 0.4), (1, 30, 0.4), (12, 30, 0.4), (29, 30, 0.4), (70, 200, 0.3), (17, 200, 0.3)] {
            let ways = log_factorial(n) - log_factorial(k) - log_factorial(n - k);
            let expected = ways + k as f64 * f64::ln(p) + (n - k) as f64 * f64::ln(1.0 - p);
            let found = log_binomial(k as f64, n as f64, p);
            assert!((found - expected).abs() < 1e-11 * (1.0 + expected.abs()), "{k} of {n}, {p}: {found}, not {expected}");
        }
    }

    #[test]
    fn probabilities_of_large_counts_add_up() {
        for rate in [1e4, 1e8, 1e15] {
            // The density at equal steps over twelve deviations.
            let (root, steps) = (f64::sqrt(rate), 2400);
            let at = |i: i32| (rate + (i - steps / 2) as f64 * 0.005 * root).floor();
            let sum: f64 = (0..steps).map(|i| log_poisson(at(i), rate).exp() * (at(i + 1) - at(i))).sum();
            assert!((sum - 1.0).abs() < 1e-3, "{rate}: {sum}");
        }
    }

    #[test]
    fn few_tries_are_rejected() {
        // The words that were taken say how many tries there were.
        for rate in [10.0, 15.0, 50.0, 1e3, 1e6, 1e12] {
            let mut words = Words::new(Stream::new(5, 6), 0);
            let draws = 20000;
            (0..draws).for_each(|_| {
                poisson(&mut words, rate);
            });
            let tries = words.place() as f64 / 4.0 / draws as f64;
            assert!(tries < 1.4, "Poisson {rate}: {tries}");
            let mut words = Words::new(Stream::new(5, 6), 0);
            (0..draws).for_each(|_| {
                binomial(&mut words, 2.0 * rate, 0.5);
            });
            let tries = words.place() as f64 / 4.0 / draws as f64;
            assert!(tries < 1.5, "binomial {rate}: {tries}");
        }
    }
}
