//! The C boundary and nothing else: checks arguments, turns handles into objects, calls one method, writes outputs.
//!
//! Each file with exported functions is a chapter of `include/tenon.h`. `tools/header` reads the list of chapters from
//! this file: the public modules below, in this order; the first line of the comment above one is the chapter's
//! heading, what follows it the introduction.

#![allow(
    clippy::not_unsafe_ptr_arg_deref,
    reason = "these functions are C's, where nothing can be marked unsafe; what their pointers must be is the header's contract. Rust has the crate"
)]

// What all chapters stand on.
#[allow(dead_code, reason = "a set of tools, of which chapters take what they need")]
pub(crate) mod arguments;
#[allow(dead_code, reason = "as above")]
pub(crate) mod handle;

// The chapters. Blank lines between them keep the formatter from sorting them.

/// Statuses, errors, and what else all chapters share
pub mod error;

/// Version
pub mod version;

/// Contexts
pub mod context;

/// Tensors
pub mod tensor;
