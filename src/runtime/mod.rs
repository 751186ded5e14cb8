//! Runs Programs.

pub mod cpu;
