//! Runs Programs: the job system, and one folder for each device.

pub mod jobs;
