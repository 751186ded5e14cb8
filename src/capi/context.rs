//! Chapter: contexts.

use crate::capi::arguments::{HostCallback, Out, OutSlice, init_options, optional_text, options, put_text, read_options};
use crate::capi::error::{TenonDropFunction, TenonError, TenonStatus, boundary, boundary_status};
use crate::capi::handle::{Handle, Owner, free_context};
use crate::context::{Context, ContextOptions, Log, LogLevel};
use crate::error::{Error, Result};
use crate::runtime::cpu::simd::Level;
use crate::runtime::jobs::HostJobs;
use crate::tensor::{Allocate, Allocator};
use std::ffi::{CString, c_char, c_void};
use std::ptr::NonNull;
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

/// The host's source of memory: `size` bytes (at least 1) at a multiple of `alignment` (a power of two), or NULL. The
/// memory need not be zeroed. Called from any thread, from several at once; must not call the library.
pub type TenonAllocateFunction = Option<extern "C" fn(user: *mut c_void, size: usize, alignment: usize) -> *mut c_void>;

/// Takes memory back that the host's TenonAllocateFunction gave for the same size and alignment. Called from any thread,
/// from several at once; must not call the library.
pub type TenonDeallocateFunction = Option<extern "C" fn(user: *mut c_void, memory: *mut c_void, size: usize, alignment: usize)>;

/// One piece of work of a job: the library's function, which a host's job system calls with each index. It returns when
/// the piece is done.
pub type TenonJobFunction = Option<extern "C" fn(job: *mut c_void, index: usize)>;

/// The host's job system: calls function(job, index) exactly once for each index below `count`, on any threads and in any
/// order, and returns when all of those calls have returned; then `job` is no more. Called from any thread, from several
/// at once. Results do not depend on the order. A status other than TENON_OK fails the run.
pub type TenonParallelForFunction =
    Option<extern "C" fn(user: *mut c_void, count: usize, function: TenonJobFunction, job: *mut c_void) -> TenonStatus>;

/// How much a log line matters: one of the numbers below.
pub type TenonLogLevel = i32;

/// What went wrong, although a call reported it too.
pub const TENON_LOG_ERROR: TenonLogLevel = 1;
/// What works, but probably not as meant.
pub const TENON_LOG_WARNING: TenonLogLevel = 2;
/// What happens rarely and takes time, such as the compilation of a program.
pub const TENON_LOG_INFO: TenonLogLevel = 3;

/// Receives log lines: one text without a newline, valid during the call. Called from any thread, from several at once.
pub type TenonLogFunction = Option<extern "C" fn(user: *mut c_void, level: TenonLogLevel, text: *const c_char)>;

/// How a context is made.
///
/// The three callbacks are taken over by tenon_context_new, also if it fails, unless struct_size is refused; each drop
/// function runs once, when the last object that needs its callback has gone.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct TenonContextOptions {
    /// sizeof(TenonContextOptions), set by tenon_context_options_init.
    pub struct_size: usize,
    /// What all random numbers of the context follow from: same seed, same numbers. Default: 0.
    pub seed: u64,
    /// Threads that run programs, the calling one among them: 1 is the calling thread alone. Results do not depend on it.
    /// Default: 0, one for each core. Counts for nothing if there is a parallel_for.
    pub worker_count: u32,
    /// How many pieces of work the host's parallel_for runs at the same time; scratch memory is kept for so many. At
    /// least 1 if there is a parallel_for. Default: 0.
    pub concurrency: u32,
    /// The most bytes that tensors and programs of the context may have in use; more answers TENON_OUT_OF_MEMORY.
    /// Default: 0, no cap.
    pub memory_cap: usize,
    /// The instruction set that programs use: "portable", "avx2", "avx512", "neon"; the context fails with
    /// TENON_UNSUPPORTED where the machine lacks it. Default: NULL, the best of the machine. Results of one level have
    /// the same bits on every machine.
    pub simd_level: *const c_char,
    /// Where the memory of tensors and programs comes from. Default: NULL, the C library's heap. Needs deallocate too.
    pub allocate: TenonAllocateFunction,
    /// Where that memory goes back to.
    pub deallocate: TenonDeallocateFunction,
    /// Passed to allocate and deallocate.
    pub allocator_user: *mut c_void,
    /// Called once when no memory of the context is left.
    pub allocator_drop: TenonDropFunction,
    /// The host's job system, instead of threads of the library. Default: NULL.
    pub parallel_for: TenonParallelForFunction,
    /// Passed to parallel_for.
    pub jobs_user: *mut c_void,
    /// Called once when parallel_for will not be called again.
    pub jobs_drop: TenonDropFunction,
    /// Where log lines go. Default: NULL, nowhere.
    pub log: TenonLogFunction,
    /// Passed to log.
    pub log_user: *mut c_void,
    /// Called once when log will not be called again.
    pub log_drop: TenonDropFunction,
}
options!(
    TenonContextOptions {
        seed,
        worker_count,
        concurrency,
        memory_cap,
        simd_level,
        allocate,
        deallocate,
        allocator_user,
        allocator_drop,
        parallel_for,
        jobs_user,
        jobs_drop,
        log,
        log_user,
        log_drop
    } | _options
        | ()
);

/// Fills options with the defaults. `size` is sizeof(TenonContextOptions). Refuses NULL and a size that is no options
/// struct's.
#[unsafe(no_mangle)]
pub extern "C" fn tenon_context_options_init(options: *mut TenonContextOptions, size: usize) -> TenonStatus {
    boundary_status(|| init_options(options, size))
}

/// Makes a context. NULL options are the defaults. The caller owns the handle that is written to `context` and frees it
/// with tenon_context_free.
///
/// Fails with TENON_INVALID_ARGUMENT for an unknown simd_level, for allocate without deallocate or the reverse, and for a
/// parallel_for without concurrency; with TENON_UNSUPPORTED, TENON_OUT_OF_MEMORY. Any thread.
#[unsafe(no_mangle)]
pub extern "C" fn tenon_context_new(
    options: *const TenonContextOptions,
    context: *mut TenonContext,
    error: *mut TenonError,
) -> TenonStatus {
    boundary(error, || {
        let options = read_options(options)?;
        // Taken over before anything can fail.
        let functions = options.allocate.zip(options.deallocate);
        let memory = HostCallback::optional(functions, options.allocator_user, options.allocator_drop);
        let jobs = HostCallback::optional(options.parallel_for, options.jobs_user, options.jobs_drop);
        let log = HostCallback::optional(options.log, options.log_user, options.log_drop);

        let context = Out::new(context, "context")?;
        if options.allocate.is_some() != options.deallocate.is_some() {
            return Err(Error::invalid("the context options have one of allocate and deallocate without the other"));
        }
        if options.parallel_for.is_some() && options.concurrency == 0 {
            return Err(Error::invalid("the context options have a parallel_for, but its concurrency is 0"));
        }
        let level = optional_text(options.simd_level, "simd_level")?.map(simd_level).transpose()?;
        let allocator = memory.map(|memory| Allocator::new(Arc::new(HostMemory(memory))));
        let allocator = match options.memory_cap {
            0 => allocator,
            cap => Some(allocator.unwrap_or_else(Allocator::system).with_cap(cap)),
        };
        let made = Context::new(ContextOptions {
            seed: options.seed,
            workers: options.worker_count as usize,
            allocator,
            jobs: jobs.map(|callback| Box::new(Jobs { callback, concurrency: options.concurrency as usize }) as Box<dyn HostJobs>),
            level,
            log: log.map(log_sink),
        })?;
        context.put_new(Owner::NONE, made)
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

/// Sets the seed and starts all over: the context's generators stand at the beginning of their streams, and the next
/// parameter with a random initializer is the first one again. Parameters that exist keep the initial values that they
/// were made with. Waits for programs that use a generator. Any thread.
#[unsafe(no_mangle)]
pub extern "C" fn tenon_context_set_seed(context: TenonContext, seed: u64, error: *mut TenonError) -> TenonStatus {
    boundary(error, || context.get()?.set_seed(seed))
}

/// Writes the seed that was set last. Any thread.
#[unsafe(no_mangle)]
pub extern "C" fn tenon_context_seed(context: TenonContext, seed: *mut u64, error: *mut TenonError) -> TenonStatus {
    boundary(error, || {
        let context = context.get()?;
        Out::new(seed, "seed")?.put(context.seed());
        Ok(())
    })
}

/// Writes how many bytes tensors and programs of the context have in use, and the most that were in use at once. Any
/// thread.
#[unsafe(no_mangle)]
pub extern "C" fn tenon_context_memory(context: TenonContext, used: *mut usize, peak: *mut usize, error: *mut TenonError) -> TenonStatus {
    boundary(error, || {
        let context = context.get()?;
        let (used, peak) = (Out::new(used, "used")?, Out::new(peak, "peak")?);
        used.put(context.allocator().used());
        peak.put(context.allocator().peak());
        Ok(())
    })
}

/// Writes how many threads, or pieces of work of the host's job system, run at the same time. Any thread.
#[unsafe(no_mangle)]
pub extern "C" fn tenon_context_concurrency(context: TenonContext, concurrency: *mut u32, error: *mut TenonError) -> TenonStatus {
    boundary(error, || {
        let context = context.get()?;
        Out::new(concurrency, "concurrency")?.put(context.jobs().concurrency() as u32);
        Ok(())
    })
}

/// Writes the name of the instruction set that programs use, "avx2", to `text`, which has room for `capacity` bytes, and
/// its length without the NUL to `length`. NULL with capacity 0 asks for the length alone; another capacity that is too
/// small is refused. Any thread.
#[unsafe(no_mangle)]
pub extern "C" fn tenon_context_simd_level(
    context: TenonContext,
    text: *mut c_char,
    capacity: usize,
    length: *mut usize,
    error: *mut TenonError,
) -> TenonStatus {
    boundary(error, || {
        let context = context.get()?;
        let (text, length) = (OutSlice::new(text, capacity, "text")?, Out::new(length, "length")?);
        put_text(text, length, context.target().level.name(), "text")
    })
}

fn simd_level(name: &str) -> Result<Level> {
    [Level::Portable, Level::Avx2, Level::Avx512, Level::Neon]
        .into_iter()
        .find(|level| level.name() == name)
        .ok_or_else(|| Error::invalid(format!("simd_level is {name:?}; there are portable, avx2, avx512, neon")))
}

type MemoryFunctions = (
    extern "C" fn(user: *mut c_void, size: usize, alignment: usize) -> *mut c_void,
    extern "C" fn(user: *mut c_void, memory: *mut c_void, size: usize, alignment: usize),
);

/// Memory from the host.
struct HostMemory(HostCallback<MemoryFunctions>);

// SAFETY: that the host's functions give exclusive memory of that size is their contract; the alignment is checked here.
unsafe impl Allocate for HostMemory {
    fn allocate(&self, bytes: usize, align: usize) -> Option<NonNull<u8>> {
        let memory = self.0.call_plain(|(allocate, _), user| allocate(user, bytes, align));
        if !memory.addr().is_multiple_of(align) {
            // Of no use, but not to be lost.
            self.0.call_plain(|(_, deallocate), user| deallocate(user, memory, bytes, align));
            return None;
        }
        NonNull::new(memory.cast())
    }
    unsafe fn deallocate(&self, pointer: NonNull<u8>, bytes: usize, align: usize) {
        self.0.call_plain(|(_, deallocate), user| deallocate(user, pointer.as_ptr().cast(), bytes, align));
    }
}

/// The host's job system.
struct Jobs {
    callback: HostCallback<extern "C" fn(user: *mut c_void, count: usize, function: TenonJobFunction, job: *mut c_void) -> TenonStatus>,
    concurrency: usize,
}

impl HostJobs for Jobs {
    fn concurrency(&self) -> usize {
        self.concurrency
    }
    fn parallel_for(&self, count: usize, body: &(dyn Fn(usize) + Sync)) -> Result<()> {
        extern "C" fn run(job: *mut c_void, index: usize) {
            // SAFETY: `job` is the address of the reference below, which lives until parallel_for has returned; the host
            // promises to make no call after that. The body never unwinds.
            let body = unsafe { *job.cast::<&(dyn Fn(usize) + Sync)>() };
            body(index);
        }
        let mut body = body;
        let job = (&raw mut body).cast::<c_void>();
        self.callback.call("parallel_for", |function, user| function(user, count, Some(run), job))
    }
}

/// The host's log as the context calls it.
fn log_sink(callback: HostCallback<extern "C" fn(user: *mut c_void, level: TenonLogLevel, text: *const c_char)>) -> Log {
    Arc::new(move |level: LogLevel, text: &str| {
        let text = CString::new(text.replace('\0', " ")).unwrap_or_default();
        callback.call_plain(|log, user| log(user, level as TenonLogLevel, text.as_ptr()));
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_numbers_of_the_header_are_those_of_the_library() {
        for (number, level) in
            [(TENON_LOG_ERROR, LogLevel::Error), (TENON_LOG_WARNING, LogLevel::Warning), (TENON_LOG_INFO, LogLevel::Info)]
        {
            assert_eq!(number, level as i32);
        }
        for level in Level::available() {
            assert_eq!(simd_level(level.name()).unwrap(), level);
        }
        assert!(simd_level("AVX2").is_err());
    }
}
