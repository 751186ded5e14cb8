//! Streams of 32-bit words: word i of (seed, stream) is word i of a ChaCha8 key stream, whoever computes it and in whatever pieces.
//!
//! * The 256-bit key holds four 64-bit words, little-endian: word j is `finalize(seed + (j + 1) * GOLDEN)`, which is the SplitMix64
//!   sequence of the seed.
//! * The 64-bit nonce is the stream, the 64-bit block counter is `i / 16`, as in Bernstein's ChaCha.
//!
//! These rules and the constants below never change: a seed means the same numbers in every version and on every device.

use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::{Rng, SeedableRng};

/// 2^64 divided by the golden ratio, made odd.
const GOLDEN: u64 = 0x9e37_79b9_7f4a_7c15;

/// One of 2^64 independent streams of a seed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Stream {
    /// Any number; it is expanded to the key.
    pub seed: u64,
    /// Any number; it is the nonce.
    pub stream: u64,
}

impl Stream {
    /// The stream of this number under this seed.
    pub fn new(seed: u64, stream: u64) -> Stream {
        Stream { seed, stream }
    }

    /// Words `word_offset`, `word_offset + 1`, ... of the stream. Any sub-range gives the words that a larger fill gives there. Allocates
    /// nothing.
    pub fn fill_words(&self, word_offset: u64, out: &mut [u32]) {
        fill(expand(self.seed), self.stream, word_offset, out);
    }
}

/// A number for (seed, a, b) that looks unrelated to that of any other triple: stream numbers from op seeds, names, and positions.
///
/// Its rounds are one-to-one in each argument, so two triples that differ in one place never collide.
pub fn mix(seed: u64, a: u64, b: u64) -> u64 {
    [a, b].into_iter().fold(finalize(seed.wrapping_add(GOLDEN)), |state, word| finalize((state ^ word).wrapping_add(GOLDEN)))
}

/// A number for a name: FNV-1a over its UTF-8 bytes, finalized.
pub fn hash_name(name: &str) -> u64 {
    finalize(name.bytes().fold(0xcbf2_9ce4_8422_2325, |hash, byte| (hash ^ byte as u64).wrapping_mul(0x0000_0100_0000_01b3)))
}

/// SplitMix64's output function (Steele, Lea, Flood 2014; constants of Stafford's variant 13): one-to-one, every input bit moves every output bit.
fn finalize(mut word: u64) -> u64 {
    word = (word ^ (word >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    word = (word ^ (word >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    word ^ (word >> 31)
}

fn expand(seed: u64) -> [u8; 32] {
    let mut key = [0; 32];
    for (place, word) in key.chunks_exact_mut(8).zip(1u64..) {
        place.copy_from_slice(&finalize(seed.wrapping_add(GOLDEN.wrapping_mul(word))).to_le_bytes());
    }
    key
}

fn fill(key: [u8; 32], nonce: u64, word_offset: u64, out: &mut [u32]) {
    let mut generator = ChaCha8Rng::from_seed(key);
    generator.set_stream(nonce);
    generator.set_word_pos(word_offset as u128);
    // The generator makes four blocks at a time; pieces of that size spare it the cut in the middle.
    let mut bytes = [0; 256];
    for piece in out.chunks_mut(64) {
        let bytes = &mut bytes[..piece.len() * 4];
        generator.fill_bytes(bytes);
        for (word, bytes) in piece.iter_mut().zip(bytes.as_chunks::<4>().0) {
            *word = u32::from_le_bytes(*bytes);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn words(hex: &str) -> Vec<u32> {
        let bytes: Vec<u8> = (0..hex.len()).step_by(2).map(|at| u8::from_str_radix(&hex[at..at + 2], 16).unwrap()).collect();
        bytes.as_chunks::<4>().0.iter().map(|bytes| u32::from_le_bytes(*bytes)).collect()
    }

    /// Vectors of draft-strombergson-chacha-test-vectors-01, 256-bit key, 8 rounds: TC1 (all zero) and TC7.
    #[test]
    fn published_vectors_hold() {
        let mut out = [0; 32];
        fill([0; 32], 0, 0, &mut out);
        let expected = "3e00ef2f895f40d67f5bb8e81f09a5a12c840ec3ce9a7f3b181be188ef711a1e984ce172b9216f419f445367456d5619314a42a3da86b001387bfdb80e0cfe42\
                        d2aefa0deaa5c151bf0adb6c01f2a5adc0fd581259f9a2aadcf20f8fd566a26b5032ec38bbc5da98ee0c6f568b872a65a08abf251deb21bb4b56e5d8821e68aa";
        assert_eq!(out[..], words(expected));

        let key = words("00112233445566778899aabbccddeeffffeeddccbbaa99887766554433221100");
        let key: Vec<u8> = key.iter().flat_map(|word| word.to_le_bytes()).collect();
        fill(key.try_into().unwrap(), u64::from_le_bytes([0x0f, 0x1e, 0x2d, 0x3c, 0x4b, 0x5a, 0x69, 0x78]), 0, &mut out);
        let expected = "db43ad9d1e842d1272e4530e276b3f568f8859b3f7cf6d9d2c74fa53808cb5157a8ebf46ad3dcc4b6c7dadde131784b0120e0e22f6d5f9ffa7407d4a21b695d9\
                        c5dd30bf55612fab9bdd118920c19816470c7f5dcd42325dbbed8c57a56281c144cb0f03e81b3004624e0650a1ce5afaf9a7cd8163f6dbd72602257dd96e471e";
        assert_eq!(out[..], words(expected));
    }

    /// ChaCha as its paper writes it, block by block: what any device must compute.
    fn by_the_paper(key: [u8; 32], nonce: u64, index: u64) -> u32 {
        let mut input = [0u32; 16];
        input[..4].copy_from_slice(&[0x61707865, 0x3320646e, 0x79622d32, 0x6b206574]);
        for (word, bytes) in input[4..12].iter_mut().zip(key.as_chunks::<4>().0) {
            *word = u32::from_le_bytes(*bytes);
        }
        let counter = index / 16;
        input[12..].copy_from_slice(&[counter as u32, (counter >> 32) as u32, nonce as u32, (nonce >> 32) as u32]);
        let mut x = input;
        let mut quarter = |a: usize, b: usize, c: usize, d: usize| {
            for (a, b, d, turn) in [(a, b, d, 16), (c, d, b, 12), (a, b, d, 8), (c, d, b, 7)] {
                x[a] = x[a].wrapping_add(x[b]);
                x[d] = (x[d] ^ x[a]).rotate_left(turn);
            }
        };
        for _ in 0..4 {
            for column in 0..4 {
                quarter(column, 4 + column, 8 + column, 12 + column);
            }
            for diagonal in 0..4 {
                quarter(diagonal, 4 + (diagonal + 1) % 4, 8 + (diagonal + 2) % 4, 12 + (diagonal + 3) % 4);
            }
        }
        let word = index as usize % 16;
        x[word].wrapping_add(input[word])
    }

    proptest! {
        #[test]
        fn any_range_gives_the_words_of_the_paper(
            seed: u64,
            stream: u64,
            offset in prop_oneof![0..200u64, any::<u64>(), Just(u32::MAX as u64 * 16 - 20), Just(u64::MAX - 40)],
            count in 0usize..300,
        ) {
            let mut out = vec![0; count];
            Stream::new(seed, stream).fill_words(offset, &mut out);
            for (position, word) in out.iter().enumerate() {
                let Some(index) = offset.checked_add(position as u64) else { break };
                prop_assert_eq!(*word, by_the_paper(expand(seed), stream, index));
            }
        }

        #[test]
        fn pieces_are_the_whole(offset in 0u64..1 << 40, cuts in prop::collection::vec(1usize..150, 1..8)) {
            let stream = Stream::new(7, 3);
            let total = cuts.iter().sum();
            let mut whole = vec![0; total];
            stream.fill_words(offset, &mut whole);
            let mut pieces = vec![0; total];
            let mut begin = 0;
            for cut in cuts {
                stream.fill_words(offset + begin as u64, &mut pieces[begin..begin + cut]);
                begin += cut;
            }
            prop_assert_eq!(whole, pieces);
        }

        #[test]
        fn mixing_is_one_to_one_in_each_place(seed: u64, a: u64, b: u64, other: u64) {
            prop_assume!(other != seed && other != a && other != b);
            let mixed = mix(seed, a, b);
            prop_assert!(mixed != mix(other, a, b) && mixed != mix(seed, other, b) && mixed != mix(seed, a, other));
        }
    }

    /// Numbers that saved runs rely on: a change of any is a change of meaning.
    #[test]
    fn seeds_keep_their_meaning() {
        // The SplitMix64 sequence of seed 0 begins so in its authors' program.
        assert_eq!(expand(0)[..8], 0xe220_a839_7b1d_cdaf_u64.to_le_bytes());
        assert_eq!(expand(0)[8..16], 0x6e78_9e6a_a1b9_65f4_u64.to_le_bytes());
        let mut out = [0; 4];
        Stream::new(42, 1).fill_words(1000, &mut out);
        assert_eq!(out, [262734142, 2778243554, 4217721996, 865963244]);
        assert_eq!(mix(1, 2, 3), 0xd073_4750_fde3_62b3);
        assert_eq!(hash_name("net.fc1.weight"), 0x40a4_0561_64c3_978b);
        assert_ne!(mix(1, 2, 3), mix(1, 3, 2));
        assert_ne!(hash_name(""), hash_name("\0"));
    }
}
