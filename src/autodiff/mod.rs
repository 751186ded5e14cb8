//! Derivatives and batches: graph in, graph out.

mod batch;
mod forward;
mod region;
mod reverse;

pub use batch::{Lanes, batch_since, place_lanes, stand_in};
pub use forward::forward;
pub use reverse::{Rewrite, reverse, reverse_with};
