//! Checkpoints: named tensors and strings in one safetensors file.
//!
//! The file: the length of the header (u64, little-endian), the header (JSON: each name with dtype, shape, and the place of its data; strings
//! under `__metadata__`), and the data, without gaps, little-endian.
//!
//! Files are written as a whole or not at all ([`save`]), checked as a whole before anything is read from them ([`load`]), and compared with what
//! a program wants before anything is changed ([`plan_load`]). Networks and training state have their names by [`save_model`].

mod archive;
mod header;
mod model;
mod plan;
mod write;

pub use archive::{Archive, load};
pub use model::{LoadReport, load_archive, load_model, save_model};
pub use plan::{LoadPlan, Match, plan_load};
pub use write::{Entry, save};

// Elements are written as they lie in memory.
#[cfg(target_endian = "big")]
compile_error!("checkpoints are little-endian; a big-endian machine must swap bytes in `write` and `archive`");

#[cfg(test)]
mod tests;
