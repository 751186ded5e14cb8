//! The words of a stream as numbers, one after the other.

use crate::random::Stream;

/// Words that are made at a time: four ChaCha blocks, which is what the generator makes at once.
const AHEAD: usize = 64;

/// Reads a stream from a place that can be chosen anew at any time.
pub struct Words {
    stream: Stream,
    /// The word that comes next.
    next: u64,
    /// The words from `first` on, of which `known` are made.
    first: u64,
    known: usize,
    buffer: [u32; AHEAD],
}

impl Words {
    /// From word `next` of the stream on. Offsets wrap.
    pub fn new(stream: Stream, next: u64) -> Words {
        Words { stream, next, first: 0, known: 0, buffer: [0; AHEAD] }
    }
    /// Goes on at word `next`.
    pub fn seek(&mut self, next: u64) {
        self.next = next;
    }
    /// The word that comes next.
    pub fn place(&self) -> u64 {
        self.next
    }
    /// One word.
    fn word(&mut self) -> u32 {
        let mut place = self.next.wrapping_sub(self.first) as usize;
        if self.known == 0 || place >= self.known {
            self.stream.fill_words(self.next, &mut self.buffer);
            (self.first, self.known, place) = (self.next, AHEAD, 0);
        }
        self.next = self.next.wrapping_add(1);
        self.buffer[place]
    }
    /// Two words as a number of 64 bits, the low one first.
    pub fn bits(&mut self) -> u64 {
        let low = self.word() as u64;
        low | (self.word() as u64) << 32
    }
    /// Two words as a number above 0 and below 1: the middle of one of 2^52 equal parts.
    pub fn open_unit(&mut self) -> f64 {
        ((self.bits() >> 12) as f64 + 0.5) * 0.5f64.powi(52)
    }
    /// Two words as a number from 0 up to, not including, 1: a multiple of 2^-53.
    pub fn unit(&mut self) -> f64 {
        (self.bits() >> 11) as f64 * 0.5f64.powi(53)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_are_those_of_the_stream_from_any_place() {
        let stream = Stream::new(3, 4);
        let mut all = [0; 400];
        stream.fill_words(10, &mut all);
        let pair = |at: usize| all[at] as u64 | (all[at + 1] as u64) << 32;
        let mut words = Words::new(stream, 10);
        assert!((0..100).all(|i| words.bits() == pair(2 * i)));
        for at in [0, 63, 64, 1, 130, 127, 333, 2] {
            words.seek(10 + at as u64);
            assert_eq!(words.bits(), pair(at), "{at}");
        }
        let mut ends = Words::new(stream, u64::MAX);
        let last = ends.bits();
        assert_eq!(Words::new(stream, u64::MAX).bits(), last);
    }

    #[test]
    fn numbers_keep_clear_of_their_bounds() {
        let mut words = Words::new(Stream::new(1, 1), 0);
        assert!((0..1000).all(|_| {
            let (open, half_open) = (words.open_unit(), words.unit());
            open > 0.0 && open < 1.0 && (0.0..1.0).contains(&half_open)
        }));
        // The last part of all.
        assert!(((u64::MAX >> 12) as f64 + 0.5) * 0.5f64.powi(52) < 1.0);
    }
}
