//! Distributions with more to them than one word: how many words an element owns, and what it makes of them.
//!
//! An element owns the words from `index * words()` on and reads no others, so that what it gets depends on the stream, its own index, and
//! its own parameters alone. Where a method rejects, it has that many tries; each says what an element gets that had none accepted, which
//! happens with a probability below 2^-60 and never to be seen.
//!
//! Everything is computed in f64 by operations that IEEE 754 rounds correctly and by the functions of `libm`, which are made of such
//! operations: the same bits on every machine.

use super::discrete;
use super::quantile;
use super::words::Words;
use std::f64::consts::{FRAC_1_SQRT_2, PI};

/// What an element is drawn from. Parameters are numbers of the element's own.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Draw {
    /// Integers from `low` to `last`, both included: floor(n w / 2^128) + low, where n is their number and w the integer of four words.
    /// The probability of each is 1 / n, to within a part of 2^-64.
    Integers { low: i64, last: i64 },
    /// Density e^-x for x > 0.
    Exponential,
    /// Density e^-|x| / 2.
    Laplace,
    /// Distribution function e^-e^-x.
    Gumbel,
    /// Density 1 / (pi (1 + x^2)).
    Cauchy,
    /// The standard normal distribution between two bounds.
    TruncatedNormal { low: f64, high: f64 },
    /// (shape a) -> density x^(a - 1) e^-x / Gamma(a).
    Gamma,
    /// The logarithm of [`Draw::Gamma`]'s number, which does not vanish for small shapes.
    LogGamma,
    /// (rate) -> counts with probability rate^k e^-rate / k!.
    Poisson,
    /// (trials n, probability p) -> how many of n trials succeed.
    Binomial,
    /// (probability p) -> the number of the first trial that succeeds, from 1 on.
    Geometric,
}

/// Tries of Marsaglia and Tsang's method; at least 95 of 100 are accepted.
const GAMMA_TRIES: usize = 20;

impl Draw {
    /// What hosts know it by.
    pub fn name(&self) -> &'static str {
        match self {
            Draw::Integers { .. } => "integers",
            Draw::Exponential => "exponential",
            Draw::Laplace => "laplace",
            Draw::Gumbel => "gumbel",
            Draw::Cauchy => "cauchy",
            Draw::TruncatedNormal { .. } => "truncated_normal",
            Draw::Gamma => "gamma",
            Draw::LogGamma => "log_gamma",
            Draw::Poisson => "poisson",
            Draw::Binomial => "binomial",
            Draw::Geometric => "geometric",
        }
    }
    /// The words that an element owns.
    pub fn words(&self) -> u64 {
        match self {
            Draw::Integers { .. } => 4,
            Draw::Exponential | Draw::Laplace | Draw::Gumbel | Draw::Cauchy | Draw::TruncatedNormal { .. } | Draw::Geometric => 2,
            Draw::Gamma | Draw::LogGamma => 128,
            Draw::Poisson | Draw::Binomial => 4 * discrete::TRIES as u64,
        }
    }
    /// How many parameters an element has.
    pub fn parameters(&self) -> usize {
        match self {
            Draw::Gamma | Draw::LogGamma | Draw::Poisson | Draw::Geometric => 1,
            Draw::Binomial => 2,
            _ => 0,
        }
    }
    /// Whether the elements are integers, which [`Draw::integer`] draws.
    pub fn is_integer(&self) -> bool {
        matches!(self, Draw::Integers { .. })
    }
    /// The integer of the element whose words come next; 0 of what is no integer.
    pub fn integer(&self, words: &mut Words) -> i64 {
        let Draw::Integers { low, last } = *self else { return 0 };
        // At most 2^64.
        let count = (last as i128 - low as i128 + 1) as u128;
        let (bottom, top) = (words.bits() as u128, words.bits() as u128);
        // The high part of a product of 128 and 65 bits.
        let carried = (bottom * count) >> 64;
        let above = (top * count + carried) >> 64;
        (low as i128 + above as i128) as i64
    }
    /// The number of the element whose words come next. Parameters that are none of the distribution's, NaN among them, give NaN.
    pub fn number(&self, words: &mut Words, parameters: [f64; 2]) -> f64 {
        let [first, second] = parameters;
        match *self {
            Draw::Integers { .. } => self.integer(words) as f64,
            Draw::Exponential => exponential(words.bits()),
            Draw::Laplace => {
                let bits = words.bits();
                signed(bits, exponential(bits << 1))
            }
            Draw::Gumbel => -libm::log(exponential(words.bits())),
            Draw::Cauchy => {
                let bits = words.bits();
                // The low bits k stand for the tail (k + 1/2) 2^-64, below 1/2.
                let tail = ((bits & (u64::MAX >> 1)) as f64 + 0.5) * 0.5f64.powi(64);
                signed(bits, 1.0 / libm::tan(PI * tail))
            }
            Draw::TruncatedNormal { low, high } => truncated_normal(words, low, high),
            Draw::Gamma => {
                let (product, fall) = gamma(words, first);
                if fall == 0.0 { product } else { product * libm::exp(-fall) }
            }
            Draw::LogGamma => {
                let (product, fall) = gamma(words, first);
                libm::log(product) - fall
            }
            Draw::Poisson => discrete::poisson(words, first),
            Draw::Binomial => discrete::binomial(words, first, second),
            Draw::Geometric => discrete::geometric(words, first),
        }
    }
}

/// The size with the sign of the top bit.
fn signed(bits: u64, size: f64) -> f64 {
    if bits >> 63 == 1 { -size } else { size }
}

/// -ln u, where the bits k stand for u = (k + 1/2) 2^-64; fine at both ends: from 2^-65 to 45.
pub fn exponential(bits: u64) -> f64 {
    let part = |k: u64| (k as f64 + 0.5) * 0.5f64.powi(64);
    if bits >> 63 == 0 { -libm::log(part(bits)) } else { -libm::log1p(-part(!bits)) }
}

/// The inverse of the distribution function between the bounds.
fn truncated_normal(words: &mut Words, low: f64, high: f64) -> f64 {
    let unit = words.open_unit();
    // Probabilities are exact where they are small: the side with more of the tail is taken for the lower one.
    let is_mirrored = low + high > 0.0;
    let (from, to) = if is_mirrored { (-high, -low) } else { (low, high) };
    let (below, all) = (normal_below(from), normal_below(to));
    let p = below + unit * (all - below);
    let x = if p <= 0.5 { -quantile(p) } else { quantile(1.0 - p) };
    let x = x.clamp(from, to);
    if is_mirrored { -x } else { x }
}

/// The probability that a standard normal number is below z.
pub fn normal_below(z: f64) -> f64 {
    0.5 * libm::erfc(-z * FRAC_1_SQRT_2)
}

/// A gamma number as a product of two, the second as the negative of its logarithm: Marsaglia and Tsang, *A Simple Method for Generating Gamma
/// Variables*, 2000. Shapes below 1 draw one of shape + 1 and multiply it by u^(1 / shape). With no try accepted, d = shape - 1/3 stands for
/// it, which is where the density is about largest.
fn gamma(words: &mut Words, shape: f64) -> (f64, f64) {
    // NaN is none of these either.
    if !(shape > 0.0 && shape < f64::INFINITY) {
        return (if shape == 0.0 || shape == f64::INFINITY { shape } else { f64::NAN }, 0.0);
    }
    let boost = exponential(words.bits());
    let (larger, fall) = if shape < 1.0 { (shape + 1.0, boost / shape) } else { (shape, 0.0) };
    let d = larger - 1.0 / 3.0;
    let c = 1.0 / libm::sqrt(9.0 * d);
    for _ in 0..GAMMA_TRIES {
        let x = box_muller(words);
        let exponent = exponential(words.bits());
        let root = 1.0 + c * x;
        let v = root * root * root;
        // ln u < x^2 / 2 + d (1 - v + ln v)
        if root > 0.0 && -exponent < 0.5 * x * x + d * (1.0 - v + libm::log(v)) {
            return (d * v, fall);
        }
    }
    (d, fall)
}

/// A standard normal number by Box and Muller's formula, 1958; its partner is not used.
fn box_muller(words: &mut Words) -> f64 {
    let radius = libm::sqrt(2.0 * exponential(words.bits()));
    radius * libm::cos(2.0 * PI * words.unit())
}
