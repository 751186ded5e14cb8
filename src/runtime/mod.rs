//! Running programs on a device: the job system that spreads the work, and the devices themselves.

pub mod jobs;
