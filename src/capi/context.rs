//! Chapter: contexts.

use crate::capi::arguments::{Out, init_options, options, read_options};
use crate::capi::error::{TenonError, TenonStatus, boundary, boundary_status};
use crate::capi::handle::{Owner, free_context};
use crate::context::Context;
use std::sync::Arc;

/// Everything that a host switches on: its seed, its memory, its workers. Nothing of the library lives outside of a
/// context, and what is made in one is freed with it.
///
/// Like every handle: a plain value that may be copied and compared with memcmp; all zero is no context.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct TenonContext {
    /// Says nothing to a host; never compute with it.
    pub id: u64,
}

/// How a context is made.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct TenonContextOptions {
    /// sizeof(TenonContextOptions), set by tenon_context_options_init.
    pub struct_size: usize,
    /// What all random numbers of the context follow from: same seed, same numbers. Default: 0.
    pub seed: u64,
}
options!(TenonContextOptions { seed } | _options | ());

/// Fills options with the defaults. `size` is sizeof(TenonContextOptions). Refuses NULL and a size that is no options
/// struct's.
#[unsafe(no_mangle)]
pub extern "C" fn tenon_context_options_init(options: *mut TenonContextOptions, size: usize) -> TenonStatus {
    boundary_status(|| init_options(options, size))
}

/// Makes a context. NULL options are the defaults. The caller owns the handle that is written to `context` and frees it
/// with tenon_context_free. Any thread.
#[unsafe(no_mangle)]
pub extern "C" fn tenon_context_new(
    options: *const TenonContextOptions,
    context: *mut TenonContext,
    error: *mut TenonError,
) -> TenonStatus {
    boundary(error, || {
        let context = Out::new(context, "context")?;
        let options = read_options(options)?;
        context.put_new(Owner::NONE, Arc::new(Context::new(options.seed)))
    })
}

/// Frees a context and everything that was made in it, in whatever order it was made; a zero handle is a no-op. All
/// their handles answer TENON_INVALID_HANDLE from now on, TENON_INVALID_HANDLE is also the answer to a context that is
/// not there. Calls that run on other threads go on and end as they would have; what they hold is freed when they
/// return. Any thread.
#[unsafe(no_mangle)]
pub extern "C" fn tenon_context_free(context: TenonContext) -> TenonStatus {
    boundary_status(|| free_context(context))
}
