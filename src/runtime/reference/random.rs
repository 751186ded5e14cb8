//! Random numbers: the words of a stream, and what distributions make of them.

use super::{Array, Data};
use crate::error::{Error, Result};
use crate::ir::{Distribution, Draw};
use crate::random::{RandomState, Stream, Words, exponential, quantile};
use crate::tensor::{DType, Shape};

/// Element i of f64 takes the words 2 i and 2 i + 1 behind the offset, low word first; of any other dtype the word i.
///
/// Normal numbers are the true quantiles of the formula that `NormalFromBits` approximates: compare with a tolerance of 1e-6, relative.
pub(super) fn random(distribution: Distribution, shape: &Shape, dtype: DType, start: u64, state: &Array) -> Result<Data> {
    let (stream, first) = position(state, start)?;
    let wide = dtype == DType::F64;
    let mut words = vec![0; shape.elements() * if wide { 2 } else { 1 }];
    stream.fill_words(first, &mut words);
    if distribution == Distribution::Bits {
        return Ok(Data::Ints(words.into_iter().map(|word| word as i32 as i64).collect()));
    }
    let number: fn(u64, u32) -> f64 = if distribution == Distribution::Uniform { uniform } else { normal };
    let floats = if wide {
        words.chunks_exact(2).map(|pair| number(pair[0] as u64 | (pair[1] as u64) << 32, 64)).collect()
    } else {
        words.into_iter().map(|word| number(word as u64, 32)).collect()
    };
    Ok(Data::Floats(floats))
}

/// The stream of a state, and the word that an operation begins at.
fn position(state: &Array, start: u64) -> Result<(Stream, u64)> {
    let state = state.ints()?;
    let state = RandomState::from_words([state[0], state[1], state[2]]);
    Ok((state.stream(), state.offset.wrapping_add(start)))
}

/// Each element from words of its own; what it makes of them, `crate::random` says for all devices.
pub(super) fn draw(draw: Draw, shape: &Shape, start: u64, x: &[&Array]) -> Result<Data> {
    let (stream, first) = position(x[0], start)?;
    let parameters = x[1..].iter().map(|x| x.floats()).collect::<Result<Vec<&[f64]>>>()?;
    let words = |i: usize| Words::new(stream, first.wrapping_add(i as u64 * draw.words()));
    if draw.is_integer() {
        return Ok(Data::Ints((0..shape.elements()).map(|i| draw.integer(&mut words(i))).collect()));
    }
    let at = |i: usize| [0, 1].map(|number| parameters.get(number).map_or(0.0, |parameter| parameter[i]));
    Ok(Data::Floats((0..shape.elements()).map(|i| draw.number(&mut words(i), at(i))).collect()))
}

pub(super) fn multinomial(count: usize, replacement: bool, start: u64, state: &Array, weights: &Array) -> Result<Data> {
    let (stream, first) = position(state, start)?;
    let classes = weights.dims().last().copied().unwrap_or(0);
    let needed = if replacement { 1 } else { count };
    let mut all = Vec::new();
    if classes == 0 || count == 0 {
        return Ok(Data::Ints(all));
    }
    for (row, weights) in weights.floats()?.chunks_exact(classes).enumerate() {
        let positive = weights.iter().filter(|weight| **weight > 0.0).count();
        let sum: f64 = weights.iter().sum();
        if weights.iter().any(|weight| !(0.0..f64::INFINITY).contains(weight)) || sum == f64::INFINITY && replacement || positive < needed {
            return Err(Error::invalid(format!(
                "the weights in row {row} are not all finite and at least 0 with {needed} or more above 0"
            )));
        }
        let bits = |number: usize| Words::new(stream, first.wrapping_add(2 * number as u64)).bits();
        if replacement {
            for result in 0..count {
                let bound = (bits(row * count + result) >> 11) as f64 * 0.5f64.powi(53) * sum;
                let mut so_far = 0.0;
                let reached = weights.iter().position(|weight| {
                    so_far += weight;
                    so_far > bound
                });
                // Where the product rounds up to the sum: the last class with a share.
                let reached = reached.or_else(|| weights.iter().rposition(|weight| *weight > 0.0));
                all.push(reached.ok_or_else(|| Error::internal("no class is reached"))? as i64);
            }
        } else {
            let mut times: Vec<(f64, usize)> = Vec::new();
            for (class, weight) in weights.iter().enumerate().filter(|(_, weight)| **weight > 0.0) {
                times.push((exponential(bits(row * classes + class)) / weight, class));
            }
            times.sort_by(|a, b| a.0.total_cmp(&b.0));
            all.extend(times[..count].iter().map(|(_, class)| *class as i64));
        }
    }
    Ok(Data::Ints(all))
}

/// The top 24 of 32 bits, or 53 of 64, as a fraction.
fn uniform(word: u64, bits: u32) -> f64 {
    let kept = if bits == 32 { 24 } else { 53 };
    (word >> (bits - kept)) as f64 * 0.5f64.powi(kept as i32)
}

/// The low bits k stand for the tail p = (k + 1/2) 2^-bits below 1/2, the top bit is the sign.
fn normal(word: u64, bits: u32) -> f64 {
    let top = 1u64 << (bits - 1);
    let p = ((word & (top - 1)) as f64 + 0.5) * 0.5f64.powi(bits as i32);
    let z = quantile(p);
    if word & top != 0 { -z } else { z }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quantiles_are_those_of_the_normal_distribution() {
        // Published quantiles of the standard normal distribution.
        let known =
            [(0.5, 0.0), (0.25, 0.6744897501960817), (0.025, 1.959963984540054), (1e-3, 3.090232306167813), (1e-9, 5.997807015007686)];
        for (p, z) in known {
            assert!((quantile(p) - z).abs() < 1e-14 * (1.0 + z) * 10.0, "{p}: {} is not {z}", quantile(p));
        }
        assert_eq!(normal(0x8000_0000, 32), -normal(0, 32));
    }

    #[test]
    fn uniform_numbers_lie_below_one() {
        assert_eq!(uniform(u32::MAX as u64, 32), 1.0 - 0.5f64.powi(24));
        assert_eq!(uniform(u64::MAX, 64), 1.0 - 0.5f64.powi(53));
        assert_eq!(uniform(0xff, 32), 0.0);
    }
}
