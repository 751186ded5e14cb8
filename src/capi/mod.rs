//! The C boundary and nothing else: checks arguments, turns handles into objects, calls one method, writes outputs.
//!
//! Each file with exported functions is a chapter of `include/tenon.h`. `tools/header` reads the list of chapters from this file: the modules below that are public
//! and carry a documentation comment are chapters, in this order, and the comment's first line is the chapter's heading.

// What all chapters stand on.
#[allow(dead_code, reason = "a set of tools, of which chapters take what they need")]
pub(crate) mod arguments;
#[allow(dead_code, reason = "as above")]
pub(crate) mod handle;

/// Statuses, errors, and what else all chapters share
pub mod error;
/// Version
pub mod version;
/// Contexts
pub mod context;
/// Tensors
pub mod tensor;
