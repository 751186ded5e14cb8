//! Derivatives: graph in, graph out.

mod region;
mod reverse;

pub use reverse::{Rewrite, reverse, reverse_with};
