//! The built-in pool: threads that wait for a job to be opened, take part in it, and leave.
//!
//! One atomic word says everything: whether a job is open, which one it is, and how many workers are inside. A worker enters only
//! while the job is open; the caller closes it once the work has run out, and then waits for those that are inside, never for those that did not
//! come in time. So a small job costs the caller a few hundred nanoseconds, whether or not the workers wake up for it.

use parking_lot::{Condvar, Mutex};
use std::cell::{Cell, UnsafeCell};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

/// How long an idle thread looks for work before it sleeps: longer than the serial stretch between two kernels of a program, far
/// shorter than what anyone would notice as load.
const SPIN: Duration = Duration::from_micros(40);

/// The workers inside the open job.
const INSIDE: u64 = (1 << 16) - 1;
/// A job is open: workers may enter.
const OPEN: u64 = 1 << 16;
/// The caller sleeps until the last worker has left.
const WAITING: u64 = 1 << 17;
/// One step of the job's number, which tells a worker that it has not been inside yet.
const NUMBER: u64 = 1 << 18;

thread_local! {
    /// Which worker of which pool this thread is: the address of the pool's shared part, and the worker's place in `threads`.
    static WORKER: Cell<(usize, usize)> = const { Cell::new((0, 0)) };
}

pub(super) struct Pool {
    workers: usize,
    shared: Arc<Shared>,
    /// Held by the thread whose job is open.
    turn: Mutex<()>,
    started: AtomicBool,
    threads: Mutex<Vec<JoinHandle<()>>>,
}

struct Shared {
    word: AtomicU64,
    /// Valid while a worker is inside, or may enter.
    work: UnsafeCell<Option<Work>>,
    /// Threads that sleep on `wake`; changed under `sleep`.
    sleepers: AtomicUsize,
    ending: AtomicBool,
    sleep: Mutex<()>,
    wake: Condvar,
    left: Condvar,
}

/// What a worker does in a job: takes indices until none is left. The lifetime is the caller's, who outlasts the job.
#[derive(Clone, Copy)]
struct Work(*const (dyn Fn() + Sync));

// SAFETY: `work` is written only while no job is open and nobody is inside, and read only by those inside; the closure is `Sync`.
unsafe impl Sync for Shared {}
// SAFETY: as above.
unsafe impl Send for Shared {}

impl Pool {
    /// `workers` counts the calling thread and lies in 2 ..= `MAX_WORKERS`.
    pub(super) fn new(workers: usize) -> Pool {
        let shared = Shared {
            word: AtomicU64::new(0),
            work: UnsafeCell::new(None),
            sleepers: AtomicUsize::new(0),
            ending: AtomicBool::new(false),
            sleep: Mutex::new(()),
            wake: Condvar::new(),
            left: Condvar::new(),
        };
        Pool { workers, shared: Arc::new(shared), turn: Mutex::new(()), started: AtomicBool::new(false), threads: Mutex::new(Vec::new()) }
    }

    /// Runs `work` in the calling thread and in workers that come in time. `work` must not unwind, and must return once nothing is
    /// left to do. While another thread's job is open, only the caller works.
    pub(super) fn run(&self, count: usize, work: &(dyn Fn() + Sync)) {
        let Some(_turn) = self.turn.try_lock() else { return work() };
        if !self.started.load(Ordering::Acquire) {
            self.start();
        }
        let shared = &*self.shared;
        // SAFETY: this call has the turn and the previous job is closed and empty, so nobody reads `work`; the pointer's true lifetime ends after
        // `close` below, which waits for all readers. `work` does not unwind, so `close` is reached.
        unsafe {
            let work = std::mem::transmute::<*const (dyn Fn() + Sync + '_), *const (dyn Fn() + Sync + 'static)>(work);
            *shared.work.get() = Some(Work(work));
        }
        let number = shared.word.load(Ordering::Relaxed) / NUMBER + 1;
        shared.word.store(number.wrapping_mul(NUMBER) | OPEN, Ordering::SeqCst);
        shared.wake_workers((count - 1).min(self.workers - 1));
        work();
        shared.close();
    }

    fn start(&self) {
        let mut threads = self.threads.lock();
        for index in threads.len() + 1..self.workers {
            let shared = self.shared.clone();
            let spawned = std::thread::Builder::new().name(format!("tenon-worker-{index}")).spawn(move || {
                WORKER.set((Arc::as_ptr(&shared).addr(), index - 1));
                shared.serve();
            });
            match spawned {
                Ok(handle) => threads.push(handle),
                // The system has no thread left for us; those that run share the work.
                Err(_) => break,
            }
        }
        self.started.store(true, Ordering::Release);
    }
}

impl Drop for Pool {
    fn drop(&mut self) {
        self.shared.ending.store(true, Ordering::SeqCst);
        drop(self.shared.sleep.lock());
        self.shared.wake.notify_all();
        // `std::thread::current` would leave memory and a destructor with the host's thread.
        let this = WORKER.get();
        let shared = Arc::as_ptr(&self.shared).addr();
        for (place, thread) in self.threads.get_mut().drain(..).enumerate() {
            // A worker that drops the pool itself cannot wait for its own end; it ends as soon as it returns.
            if (shared, place) != this {
                // Workers do not unwind: bodies are guarded.
                let _ = thread.join();
            }
        }
    }
}

impl Shared {
    /// A worker's life.
    fn serve(&self) {
        let mut last = 0;
        while let Some(number) = self.next_job(last) {
            last = number;
            // SAFETY: this worker is inside, so the caller keeps the closure alive.
            unsafe {
                let work = (*self.work.get()).expect("an open job has work");
                (*work.0)();
            }
            let before = self.word.fetch_sub(1, Ordering::AcqRel);
            if before & INSIDE == 1 && before & WAITING != 0 {
                drop(self.sleep.lock());
                self.left.notify_all();
            }
        }
    }

    /// Waits for a job other than `last`, enters it, and gives its number; `None` when the pool ends.
    fn next_job(&self, last: u64) -> Option<u64> {
        let mut spin = Spin::new();
        loop {
            let word = self.word.load(Ordering::Acquire);
            if word & OPEN != 0 && word / NUMBER != last {
                if self.word.compare_exchange_weak(word, word + 1, Ordering::Acquire, Ordering::Relaxed).is_ok() {
                    return Some(word / NUMBER);
                }
                continue;
            }
            if self.ending.load(Ordering::SeqCst) {
                return None;
            }
            if spin.again() {
                continue;
            }
            let mut guard = self.sleep.lock();
            // The caller opens, then looks for sleepers; we become a sleeper, then look for an open job. One of us sees the other.
            self.sleepers.fetch_add(1, Ordering::SeqCst);
            let word = self.word.load(Ordering::SeqCst);
            let called = (word & OPEN != 0 && word / NUMBER != last) || self.ending.load(Ordering::SeqCst);
            if !called {
                self.wake.wait(&mut guard);
            }
            self.sleepers.fetch_sub(1, Ordering::SeqCst);
            drop(guard);
            spin = Spin::new();
        }
    }

    fn wake_workers(&self, wanted: usize) {
        let sleepers = self.sleepers.load(Ordering::SeqCst);
        if sleepers == 0 {
            return;
        }
        drop(self.sleep.lock());
        if wanted >= sleepers {
            self.wake.notify_all();
        } else {
            for _ in 0..wanted {
                self.wake.notify_one();
            }
        }
    }

    /// Lets nobody in any more and waits until those inside have left.
    fn close(&self) {
        self.word.fetch_and(!OPEN, Ordering::AcqRel);
        let mut spin = Spin::new();
        while self.word.load(Ordering::Acquire) & INSIDE != 0 {
            if spin.again() {
                continue;
            }
            let mut guard = self.sleep.lock();
            if self.word.fetch_or(WAITING, Ordering::AcqRel) & INSIDE != 0 {
                self.left.wait(&mut guard);
            }
        }
    }
}

/// A short wait that stays awake: a few pauses, then a look at the clock and a chance for other threads of this core.
struct Spin {
    rounds: u32,
    since: Option<Instant>,
}

impl Spin {
    fn new() -> Spin {
        Spin { rounds: 0, since: None }
    }

    /// Passes a moment; false once it is time to sleep.
    fn again(&mut self) -> bool {
        self.rounds += 1;
        if self.rounds.is_multiple_of(64) {
            if self.since.get_or_insert_with(Instant::now).elapsed() > SPIN {
                return false;
            }
            std::thread::yield_now();
        } else {
            std::hint::spin_loop();
        }
        true
    }
}
