//! Generators: places in random streams that programs draw from and move on.

use crate::error::Result;
use crate::ir::Variable;
use crate::random::{RandomState, hash_name, mix};
use crate::tensor::{Allocator, Tensor};
use std::fmt;

/// A place in a random stream, kept in a variable i64[3] of seed, stream, and offset; clones are the same generator.
///
/// Programs that draw from a generator move its offset on when they have run. Its state can be read and set at any time; both wait for
/// programs that use it.
#[derive(Clone)]
pub struct Generator {
    variable: Variable,
    allocator: Allocator,
}

impl Generator {
    /// At the beginning of stream 0 of `seed`. Fails with OUT_OF_MEMORY.
    pub fn new(allocator: &Allocator, seed: u64) -> Result<Generator> {
        Generator::at(allocator, "generator", RandomState::new(seed, 0))
    }
    pub(crate) fn at(allocator: &Allocator, name: &str, state: RandomState) -> Result<Generator> {
        let tensor = Tensor::from_slice(allocator, &state.to_words(), &[3])?;
        Ok(Generator { variable: Variable::new(name, tensor), allocator: allocator.clone() })
    }
    pub fn name(&self) -> String {
        self.variable.name()
    }
    /// What random operations of a graph take their numbers from: [`crate::ops::Trace::random_uniform`] and its like.
    pub fn variable(&self) -> &Variable {
        &self.variable
    }
    /// The seed in use.
    pub fn seed(&self) -> Result<u64> {
        Ok(self.state()?.seed)
    }
    /// Starts the same stream over under another seed.
    pub fn manual_seed(&self, seed: u64) -> Result<()> {
        let stream = self.state()?.stream;
        self.set_state(RandomState::new(seed, stream))
    }
    /// Where the generator stands.
    pub fn state(&self) -> Result<RandomState> {
        let mut words = [0; 24];
        self.variable.tensor()?.read_bytes(&mut words)?;
        let words = words.as_chunks::<8>().0;
        Ok(RandomState::from_words([0, 1, 2].map(|index| i64::from_ne_bytes(words[index]))))
    }
    /// Places the generator.
    pub fn set_state(&self, state: RandomState) -> Result<()> {
        self.variable.tensor()?.write_slice(&state.to_words())
    }
    /// A generator of the same seed in a stream of its own, decided by this one's stream and `name`: the same name gives the same stream
    /// from its beginning, whatever was drawn from this one. Fails with OUT_OF_MEMORY.
    pub fn split(&self, name: &str) -> Result<Generator> {
        let state = self.state()?;
        let stream = mix(SPLIT_STREAMS, state.stream, hash_name(name));
        Generator::at(&self.allocator, &format!("{}.{name}", self.name()), RandomState::new(state.seed, stream))
    }
}

/// Keeps streams of split generators apart from those that a context hands out.
const SPLIT_STREAMS: u64 = 3;

impl fmt::Debug for Generator {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {:?}", self.name(), self.state())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn states_are_read_and_set() {
        let generator = Generator::new(&Allocator::system(), 5).unwrap();
        assert_eq!(generator.state().unwrap(), RandomState::new(5, 0));
        let state = RandomState { seed: u64::MAX, stream: 1 << 63, offset: 17 };
        generator.set_state(state).unwrap();
        assert_eq!(generator.clone().state().unwrap(), state);
        generator.manual_seed(6).unwrap();
        assert_eq!(generator.state().unwrap(), RandomState { seed: 6, stream: 1 << 63, offset: 0 });
        assert_eq!(generator.seed().unwrap(), 6);
    }

    #[test]
    fn split_streams_depend_on_name_and_parent_alone() {
        let generator = Generator::new(&Allocator::system(), 5).unwrap();
        let a = generator.split("a").unwrap().state().unwrap();
        generator.set_state(RandomState { offset: 4, ..RandomState::new(5, 0) }).unwrap();
        assert_eq!(generator.split("a").unwrap().state().unwrap(), a);
        let b = generator.split("b").unwrap();
        assert_ne!(b.state().unwrap().stream, a.stream);
        assert_ne!(b.split("a").unwrap().state().unwrap().stream, a.stream);
    }
}
