//! The job system: the one way in which work on the CPU is spread over threads.
//!
//! [`Jobs::parallel_for`] runs a body for every index below a count. Who runs an index, and in which order, is left to chance; a body
//! must therefore depend on its index alone, and then results have the same bits for any number of workers.
//!
//! Three kinds stand behind the one interface: everything in the calling thread ([`Jobs::inline`]), threads of our own
//! ([`Jobs::pool`]), and the host's job system ([`Jobs::host`]). After warm-up a call allocates nothing.

mod pool;
mod scratch;
#[cfg(test)]
mod tests;

pub use scratch::{SCRATCH_ALIGNMENT, Scratch, ScratchMemory};

use crate::error::{Error, Result, Status};
use parking_lot::Mutex;
use pool::Pool;
use scratch::{ScratchBlocks, heap_memory};
use std::any::Any;
use std::cell::Cell;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

/// The most workers that a pool may have; larger requests are cut down to it.
pub const MAX_WORKERS: usize = 1024;

/// A job system that a host supplies.
///
/// `parallel_for` calls `body` exactly once for each index below `count`, on any threads and in any order, and returns when all of
/// those calls have returned. `body` never unwinds and must not be called after `parallel_for` has returned. Calls may come from several
/// threads at once.
pub trait HostJobs: Send + Sync {
    /// How many bodies run at the same time at most, the calling thread's included. Read once, when the job system is set up.
    fn concurrency(&self) -> usize;
    /// Runs the bodies. An error says that the host could not run all of them.
    fn parallel_for(&self, count: usize, body: &(dyn Fn(usize) + Sync)) -> Result<()>;
}

/// A handle on a job system; clones share it. The threads of a pool end when the last clone drops, which waits for them.
#[derive(Clone)]
pub struct Jobs {
    system: Arc<System>,
    /// See [`Jobs::assured`].
    assured: bool,
}

struct System {
    kind: Kind,
    scratch: ScratchBlocks,
}

enum Kind {
    Inline,
    Pool(Pool),
    Host(Box<dyn HostJobs>),
}

thread_local! {
    /// How many bodies of any job system this thread is inside of.
    static DEPTH: Cell<usize> = const { Cell::new(0) };
}

impl Jobs {
    /// Everything runs in the calling thread, in order.
    pub fn inline() -> Jobs {
        Jobs::new(Kind::Inline, 1)
    }

    /// `workers` threads, the calling one among them: 1 starts no thread, 0 means 1. Threads are named `tenon-worker-1` and so on, start
    /// with the first call that has work for them, sleep when idle, and end with the last clone. A machine that refuses a thread gets
    /// fewer: results do not depend on it.
    pub fn pool(workers: usize) -> Jobs {
        match workers.min(MAX_WORKERS) {
            0 | 1 => Jobs::inline(),
            workers => Jobs::new(Kind::Pool(Pool::new(workers)), workers),
        }
    }

    /// The host's own job system.
    pub fn host(host: Box<dyn HostJobs>) -> Jobs {
        let concurrency = host.concurrency().clamp(1, MAX_WORKERS);
        Jobs::new(Kind::Host(host), concurrency)
    }

    fn new(kind: Kind, concurrency: usize) -> Jobs {
        Jobs { system: Arc::new(System { kind, scratch: ScratchBlocks::new(concurrency) }), assured: false }
    }

    /// The same job system for work that must come to its end: indices that a host's job system leaves out, because it fails or
    /// is shut down, run in the calling thread, and [`Jobs::parallel_for`] fails for panics alone.
    pub fn assured(&self) -> Jobs {
        Jobs { system: self.system.clone(), assured: true }
    }

    /// How many bodies run at the same time, the calling thread's included; at least 1.
    pub fn concurrency(&self) -> usize {
        self.system.scratch.count()
    }

    /// Makes every scratch block at least `bytes` long, ahead of the runs that need it: one block for each of [`Jobs::concurrency`].
    ///
    /// `allocate` is called with the size for each block that is too short; the memory is dropped with the job system or when a larger one
    /// takes its place. Waits for bodies that hold a block. Inside a body the answer is `Status::Busy`. When `allocate` fails, blocks that
    /// were made longer stay so.
    pub fn reserve_scratch(&self, bytes: usize, allocate: &mut dyn FnMut(usize) -> Result<Box<dyn ScratchMemory>>) -> Result<()> {
        if DEPTH.get() > 0 {
            return Err(Error::new(Status::Busy, "scratch memory cannot be reserved from inside a parallel body"));
        }
        self.system.scratch.reserve(bytes, allocate)
    }

    /// The length that every scratch block has at least, in bytes.
    pub fn reserved_scratch(&self) -> usize {
        self.system.scratch.reserved()
    }

    /// [`Jobs::reserve_scratch`] from the process heap.
    pub fn reserve_scratch_on_heap(&self, bytes: usize) -> Result<()> {
        self.reserve_scratch(bytes, &mut heap_memory)
    }

    /// Runs `body(index, scratch)` once for each index below `count` and returns when all are done.
    ///
    /// `scratch` is the body's own while it runs; what an earlier body left in it is unspecified. Zero or one index, a call from inside a
    /// body, and a call while another thread uses the pool run in the calling thread. Any thread may call.
    ///
    /// A body that panics ends in `Status::Internal` with the panic's text; remaining indices may then be left out. A host job system that
    /// fails, or that did not run every index, ends in its own error or in `Status::CallbackFailed`.
    pub fn parallel_for(&self, count: usize, body: &(dyn Fn(usize, &mut Scratch<'_>) + Sync)) -> Result<()> {
        let run = Run {
            count,
            next: AtomicUsize::new(0),
            failed: AtomicBool::new(false),
            failure: Mutex::new(None),
            scratch: &self.system.scratch,
            body,
        };
        if count <= 1 || DEPTH.get() > 0 {
            run.participate();
            return run.result();
        }
        match &self.system.kind {
            Kind::Inline => run.participate(),
            Kind::Pool(pool) => pool.run(count, &|| run.participate()),
            Kind::Host(host) if self.assured => {
                // Whoever calls takes the next index, so that what is left is known.
                let answer = catch_unwind(AssertUnwindSafe(|| host.parallel_for(count, &|_| run.take_one())));
                if let Err(payload) = answer {
                    panic_error("the host's job system", payload);
                }
                run.participate();
            }
            Kind::Host(host) => {
                let finished = AtomicUsize::new(0);
                let answer = catch_unwind(AssertUnwindSafe(|| {
                    host.parallel_for(count, &|index| {
                        if index < count {
                            run.one(index);
                            finished.fetch_add(1, Ordering::Release);
                        }
                    })
                }));
                run.result()?;
                answer.unwrap_or_else(|payload| Err(panic_error("the host's job system", payload)))?;
                let finished = finished.load(Ordering::Acquire);
                if finished != count {
                    let text = format!("the host's job system ran {finished} bodies of {count}");
                    return Err(Error::new(Status::CallbackFailed, text));
                }
            }
        }
        run.result()
    }
}

/// One call of `parallel_for`, shared by the threads that take part in it.
struct Run<'a> {
    count: usize,
    next: AtomicUsize,
    failed: AtomicBool,
    failure: Mutex<Option<Error>>,
    scratch: &'a ScratchBlocks,
    body: &'a (dyn Fn(usize, &mut Scratch<'_>) + Sync),
}

impl Run<'_> {
    /// Takes indices until none is left. Never unwinds.
    fn participate(&self) {
        self.guarded(|scratch| {
            loop {
                let index = self.next.fetch_add(1, Ordering::Relaxed);
                if index >= self.count {
                    break;
                }
                (self.body)(index, scratch);
            }
        });
    }

    /// Takes one index, if any is left. Never unwinds.
    fn take_one(&self) {
        let index = self.next.fetch_add(1, Ordering::Relaxed);
        if index < self.count {
            self.one(index);
        }
    }

    /// Runs one index that the host chose. Never unwinds.
    fn one(&self, index: usize) {
        if !self.failed.load(Ordering::Relaxed) {
            self.guarded(|scratch| (self.body)(index, scratch));
        }
    }

    fn guarded(&self, work: impl FnOnce(&mut Scratch<'_>)) {
        let depth = DEPTH.get();
        DEPTH.set(depth + 1);
        let outcome = catch_unwind(AssertUnwindSafe(|| work(&mut Scratch::new(self.scratch, depth > 0))));
        DEPTH.set(depth);
        if let Err(payload) = outcome {
            let error = panic_error("a parallel body", payload);
            self.next.store(self.count, Ordering::Relaxed);
            self.failure.lock().get_or_insert(error);
            self.failed.store(true, Ordering::Release);
        }
    }

    fn result(&self) -> Result<()> {
        if self.failed.load(Ordering::Acquire) {
            return Err(self.failure.lock().clone().unwrap_or_else(|| Error::internal("a parallel body panicked")));
        }
        Ok(())
    }
}

/// The text of a panic as an error; a payload whose own destructor panics is harmless too.
fn panic_error(place: &str, payload: Box<dyn Any + Send>) -> Error {
    let text = match (payload.downcast_ref::<&str>(), payload.downcast_ref::<String>()) {
        (Some(text), _) => Error::internal(format!("{place} panicked: {text}")),
        (_, Some(text)) => Error::internal(format!("{place} panicked: {text}")),
        _ => Error::internal(format!("{place} panicked")),
    };
    if let Err(second) = catch_unwind(AssertUnwindSafe(|| drop(payload))) {
        std::mem::forget(second);
    }
    text
}
