//! Derivatives: graph in, graph out.

mod reverse;

pub use reverse::{Rewrite, reverse, reverse_with};
