//! Random numbers for tiles: words of the stream at the elements' own positions, then the distribution's formula.

use super::simd::Kernel;
use crate::ir::Distribution;
use crate::random::{RandomState, quantile};

/// Fills `count` lanes for the elements from `first` on. f64 (`wide`) takes two words for each element, low word first.
///
/// # Safety
/// `state` points to three i64; `target` is writable for `count` lanes and aligned to 4 bytes (8 if wide).
#[allow(clippy::too_many_arguments)]
pub(super) unsafe fn fill_random(
    distribution: Distribution,
    start: u64,
    wide: bool,
    first: usize,
    count: usize,
    convert: Option<Kernel>,
    target: *mut u8,
    state: *const u8,
) {
    // SAFETY: the caller's promise.
    unsafe {
        let state = RandomState::from_words(state.cast::<[i64; 3]>().read_unaligned());
        let words_each = if wide { 2 } else { 1 };
        let offset = state.offset.wrapping_add(start).wrapping_add((first * words_each) as u64);
        state.stream().fill_words(offset, std::slice::from_raw_parts_mut(target.cast::<u32>(), count * words_each));
        if wide {
            for i in 0..count {
                let words = target.cast::<u32>().add(2 * i);
                let bits = *words as u64 | (*words.add(1) as u64) << 32;
                target.cast::<f64>().add(i).write(match distribution {
                    Distribution::Uniform => (bits >> 11) as f64 * 0.5f64.powi(53),
                    _ => normal(bits),
                });
            }
        } else if let Some(convert) = convert {
            convert(count, target, target, std::ptr::null(), std::ptr::null());
        }
    }
}

/// The low 63 bits k stand for the tail p = (k + 1/2) 2^-64 below 1/2, the top bit is the sign.
fn normal(bits: u64) -> f64 {
    let z = quantile(((bits & (u64::MAX >> 1)) as f64 + 0.5) * 0.5f64.powi(64));
    if bits >> 63 == 1 { -z } else { z }
}
