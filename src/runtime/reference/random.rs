//! Random numbers: the words of a stream, and what distributions make of them.

use super::{Array, Data};
use crate::error::Result;
use crate::ir::Distribution;
use crate::random::{RandomState, quantile};
use crate::tensor::{DType, Shape};

/// Element i of f64 takes the words 2 i and 2 i + 1 behind the offset, low word first; of any other dtype the word i.
///
/// Normal numbers are the true quantiles of the formula that `NormalFromBits` approximates: compare with a tolerance of 1e-6, relative.
pub(super) fn random(distribution: Distribution, shape: &Shape, dtype: DType, start: u64, state: &Array) -> Result<Data> {
    let state = state.ints()?;
    let state = RandomState::from_words([state[0], state[1], state[2]]);
    let wide = dtype == DType::F64;
    let mut words = vec![0; shape.elements() * if wide { 2 } else { 1 }];
    state.stream().fill_words(state.offset.wrapping_add(start), &mut words);
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
