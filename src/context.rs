//! The context: everything that a host switches on. Nothing of the library lives outside of one.

/// Seed and memory of all that is made in it.
#[derive(Debug, Default)]
pub struct Context {
    seed: u64,
}

impl Context {
    pub fn new(seed: u64) -> Context {
        Context { seed }
    }
    /// What all random numbers of the context follow from.
    pub fn seed(&self) -> u64 {
        self.seed
    }
}
