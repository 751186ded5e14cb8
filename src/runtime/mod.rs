//! Running programs.

pub mod reference;
