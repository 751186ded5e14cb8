//! Runs Programs: the job system, and one folder for each device.

pub mod cpu;
pub mod jobs;
