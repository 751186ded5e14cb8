//! Runs Programs: the job system, and one folder for each device.

pub mod jobs;
mod program;
pub mod reference;

pub use program::{Program, Target};
