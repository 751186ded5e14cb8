//! Where a generator stands, as numbers, as tensor elements, and as bytes.

use crate::error::{Error, Result, Status};
use crate::random::{Stream, mix};

/// A position in a stream: `offset` counts the words that were drawn. It says all about what comes next.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct RandomState {
    /// See [`Stream::seed`].
    pub seed: u64,
    /// See [`Stream::stream`].
    pub stream: u64,
    /// The word that comes next.
    pub offset: u64,
}

/// The first bytes of a serialized state.
const MAGIC: [u8; 4] = *b"TNRS";
const VERSION: u32 = 1;

impl RandomState {
    /// Size of [`RandomState::to_bytes`].
    pub const BYTES: usize = 40;

    /// The beginning of a stream.
    pub fn new(seed: u64, stream: u64) -> RandomState {
        RandomState { seed, stream, offset: 0 }
    }

    /// The stream that the state stands in.
    pub fn stream(&self) -> Stream {
        Stream::new(self.seed, self.stream)
    }

    /// Little-endian: magic `TNRS`, version 1 (u32), seed, stream, offset (u64 each), check (u64: `mix(mix(seed, stream, offset), 1, 0)`).
    pub fn to_bytes(&self) -> [u8; Self::BYTES] {
        let mut bytes = [0; Self::BYTES];
        bytes[..4].copy_from_slice(&MAGIC);
        bytes[4..8].copy_from_slice(&VERSION.to_le_bytes());
        let words = [self.seed, self.stream, self.offset, self.check()];
        for (place, word) in bytes[8..].as_chunks_mut::<8>().0.iter_mut().zip(words) {
            *place = word.to_le_bytes();
        }
        bytes
    }

    /// What [`RandomState::to_bytes`] wrote. Fails with FORMAT for another size, kind, or version, and for damage.
    pub fn from_bytes(bytes: &[u8]) -> Result<RandomState> {
        let bytes: &[u8; Self::BYTES] =
            bytes.try_into().map_err(|_| format_error(format!("has {} bytes, not {}", bytes.len(), Self::BYTES)))?;
        if bytes[..4] != MAGIC {
            return Err(format_error("does not begin with TNRS".to_string()));
        }
        let version = u32::from_le_bytes([bytes[4], bytes[5], bytes[6], bytes[7]]);
        if version != VERSION {
            return Err(format_error(format!("is of version {version}; this library reads version {VERSION}")));
        }
        let words = bytes[8..].as_chunks::<8>().0;
        let word = |index: usize| u64::from_le_bytes(words[index]);
        let state = RandomState { seed: word(0), stream: word(1), offset: word(2) };
        if state.check() != word(3) {
            return Err(format_error("is damaged: its check does not match".to_string()));
        }
        Ok(state)
    }

    /// The elements of an `i64[3]` state variable: seed, stream, offset, each with the same bits.
    pub fn to_words(&self) -> [i64; 3] {
        [self.seed, self.stream, self.offset].map(|word| word as i64)
    }

    /// The state in an `i64[3]` variable.
    pub fn from_words(words: [i64; 3]) -> RandomState {
        let [seed, stream, offset] = words.map(|word| word as u64);
        RandomState { seed, stream, offset }
    }

    fn check(&self) -> u64 {
        mix(mix(self.seed, self.stream, self.offset), VERSION as u64, 0)
    }
}

fn format_error(what: String) -> Error {
    Error::new(Status::Format, format!("the random state {what}"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn states_come_back_from_bytes_and_words(seed: u64, stream: u64, offset: u64) {
            let state = RandomState { seed, stream, offset };
            prop_assert_eq!(RandomState::from_bytes(&state.to_bytes()).unwrap(), state);
            prop_assert_eq!(RandomState::from_words(state.to_words()), state);
        }

        #[test]
        fn any_flipped_bit_is_noticed(seed: u64, stream: u64, offset: u64, bit in 0..RandomState::BYTES * 8) {
            let mut bytes = RandomState { seed, stream, offset }.to_bytes();
            bytes[bit / 8] ^= 1 << (bit % 8);
            prop_assert_eq!(RandomState::from_bytes(&bytes).unwrap_err().status(), Status::Format);
        }
    }

    #[test]
    fn what_is_not_a_state_is_named() {
        let good = RandomState::new(1, 2).to_bytes();
        assert_eq!(&good[..16], b"TNRS\x01\0\0\0\x01\0\0\0\0\0\0\0");
        let message = |bytes: &[u8]| RandomState::from_bytes(bytes).unwrap_err().message().to_string();
        assert_eq!(message(&good[..39]), "the random state has 39 bytes, not 40");
        assert_eq!(message(&[]), "the random state has 0 bytes, not 40");
        let changed = |at: usize, byte: u8| {
            let mut bytes = good;
            bytes[at] = byte;
            bytes
        };
        assert_eq!(message(&changed(0, b'X')), "the random state does not begin with TNRS");
        assert_eq!(message(&changed(4, 2)), "the random state is of version 2; this library reads version 1");
        assert_eq!(message(&changed(8, 9)), "the random state is damaged: its check does not match");
    }

    #[test]
    fn a_state_continues_its_stream() {
        let state = RandomState { offset: 17, ..RandomState::new(5, 6) };
        let (mut all, mut rest) = ([0; 32], [0; 15]);
        state.stream().fill_words(0, &mut all);
        state.stream().fill_words(state.offset, &mut rest);
        assert_eq!(all[17..], rest);
    }
}
