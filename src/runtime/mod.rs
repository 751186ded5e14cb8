//! Running programs on a device: the job system that spreads the work, the devices themselves, and the slow oracle of the tests.

pub mod cpu;
pub mod jobs;
mod program;
pub mod reference;

pub use program::{Program, Target};
