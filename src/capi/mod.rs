//! The C boundary and nothing else: checks arguments, turns handles into objects, calls one method, writes outputs.
//!
//! Each file with exported functions is a chapter of `include/tenon.h`. `tools/header` reads the list of chapters from this file: the modules below that are public
//! and carry a documentation comment are chapters, in this order, and the comment's first line is the chapter's heading.

#![allow(
    clippy::not_unsafe_ptr_arg_deref,
    reason = "these functions are C's, where nothing can be marked unsafe; what their pointers must be is the header's contract. Rust has the crate"
)]

// What all chapters stand on.
#[allow(dead_code, reason = "a set of tools, of which chapters take what they need")]
pub(crate) mod arguments;
#[allow(dead_code, reason = "as above")]
pub(crate) mod handle;

/// Contexts
pub mod context;
/// Statuses, errors, and what else all chapters share
pub mod error;
/// Tensors
pub mod tensor;
/// Version
pub mod version;
