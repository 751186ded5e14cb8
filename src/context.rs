//! The context: everything that a host switches on. Nothing of the library lives outside of one.

use crate::tensor::Allocator;

/// Seed and memory of all that is made in it.
pub struct Context {
    seed: u64,
    allocator: Allocator,
}

impl Context {
    pub fn new(seed: u64) -> Context {
        Context { seed, allocator: Allocator::system() }
    }
    /// What all random numbers of the context follow from.
    pub fn seed(&self) -> u64 {
        self.seed
    }
    /// Where the memory of its tensors comes from.
    pub fn allocator(&self) -> &Allocator {
        &self.allocator
    }
}

impl Default for Context {
    fn default() -> Context {
        Context::new(0)
    }
}
