//! The context: everything that a host switches on. Nothing lives outside one.

mod generator;

pub use generator::Generator;

use crate::error::{Error, Result};
use crate::random::{RandomState, mix};
use crate::runtime::Target;
use crate::runtime::cpu::simd::Level;
use crate::runtime::jobs::{HostJobs, Jobs};
use crate::tensor::Allocator;
use parking_lot::Mutex;
use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

/// How much a log line matters. Numbers are part of the C ABI.
#[repr(i32)]
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum LogLevel {
    /// What went wrong, although a call reported it too.
    Error = 1,
    /// What works, but probably not as meant.
    Warning = 2,
    /// What happens rarely and takes time, such as the compilation of a program.
    Info = 3,
}

/// Receives log lines, from any thread, from several at once.
pub type Log = Arc<dyn Fn(LogLevel, &str) + Send + Sync>;

/// What a context is made of. The default is seed 0, all cores, the process's heap, and no log.
#[derive(Default)]
pub struct ContextOptions {
    /// Decides initial weights and all random numbers; see [`Context::set_seed`].
    pub seed: u64,
    /// Threads that run programs, the calling one among them: 0 for one per core, 1 for the calling thread alone. Ignored where `jobs` is
    /// given. Results do not depend on it.
    pub workers: usize,
    /// Where tensors and programs get their memory, and the cap on it; `None` for the process's heap without a cap.
    pub allocator: Option<Allocator>,
    /// The host's own job system, instead of threads of ours.
    pub jobs: Option<Box<dyn HostJobs>>,
    /// The instruction set that programs use; `None` for the best of this machine. Tests force lower ones.
    pub level: Option<Level>,
    /// Where log lines go; `None` for nowhere.
    pub log: Option<Log>,
}

/// A handle on a context; clones are the same context. All methods may be called from any thread.
#[derive(Clone)]
pub struct Context(Arc<Inner>);

struct Inner {
    target: Target,
    log: Option<Log>,
    seed: AtomicU64,
    /// How many random initializers were handed out since the seed was set.
    initializers: AtomicU64,
    generator: Generator,
    /// By op seed; ordered, so that a checkpoint lists them in one order.
    generators: Mutex<BTreeMap<i64, Generator>>,
    revision: AtomicU64,
    tree: Mutex<()>,
}

/// Streams of the context's seed: 0 is the default generator's, others come out of `mix` with one of these first.
const OP_STREAMS: u64 = 1;
const INITIALIZER_STREAMS: u64 = 2;

impl Context {
    /// Fails with UNSUPPORTED for a level that this machine does not have, with OUT_OF_MEMORY if the allocator has not even a few bytes.
    pub fn new(options: ContextOptions) -> Result<Context> {
        let ContextOptions { seed, workers, allocator, jobs, level, log } = options;
        let available = Level::available();
        if let Some(level) = level.filter(|level| !available.contains(level)) {
            let names: Vec<&str> = available.iter().map(|level| level.name()).collect();
            return Err(Error::unsupported(format!("this machine has no {}, it has {}", level.name(), names.join(", "))));
        }
        let allocator = allocator.unwrap_or_else(Allocator::system);
        let cores = || std::thread::available_parallelism().map_or(1, |cores| cores.get());
        let jobs = match jobs {
            Some(host) => Jobs::host(host),
            None => Jobs::pool(if workers == 0 { cores() } else { workers }),
        };
        let generator = Generator::at(&allocator, "random.default", RandomState::new(seed, 0))?;
        Ok(Context(Arc::new(Inner {
            target: Target { allocator, jobs, level: level.unwrap_or_else(Level::detect) },
            log,
            seed: AtomicU64::new(seed),
            initializers: AtomicU64::new(0),
            generator,
            generators: Mutex::new(BTreeMap::new()),
            revision: AtomicU64::new(1),
            tree: Mutex::new(()),
        })))
    }

    pub fn allocator(&self) -> &Allocator {
        &self.0.target.allocator
    }
    pub fn jobs(&self) -> &Jobs {
        &self.0.target.jobs
    }
    /// What programs are compiled for and run on.
    pub fn target(&self) -> &Target {
        &self.0.target
    }

    // ---- random numbers ----

    /// The seed that was set last.
    pub fn seed(&self) -> u64 {
        self.0.seed.load(Ordering::Relaxed)
    }

    /// Sets the seed and starts all over: the default generator and those of all op seeds stand at the beginning of their streams, and the
    /// next parameter that is made is the first one again. Parameters that exist keep the initial values that they were made with.
    /// Waits for programs that use a generator.
    pub fn set_seed(&self, seed: u64) -> Result<()> {
        let generators = self.0.generators.lock();
        self.0.seed.store(seed, Ordering::Relaxed);
        self.0.initializers.store(0, Ordering::Relaxed);
        self.0.generator.set_state(RandomState::new(seed, 0))?;
        for (op_seed, generator) in generators.iter() {
            generator.set_state(RandomState::new(seed, op_stream(*op_seed)))?;
        }
        Ok(())
    }

    /// The context's default generator: what random operations and dropout draw from unless they are told otherwise.
    pub fn generator(&self) -> &Generator {
        &self.0.generator
    }

    /// The generator of an op seed: an independent stream of the context's seed. The same op seed gives the same generator, which goes on
    /// where it stands. Fails with OUT_OF_MEMORY.
    pub fn generator_for(&self, op_seed: i64) -> Result<Generator> {
        let mut generators = self.0.generators.lock();
        if let Some(generator) = generators.get(&op_seed) {
            return Ok(generator.clone());
        }
        let state = RandomState::new(self.seed(), op_stream(op_seed));
        let generator = Generator::at(self.allocator(), &format!("random.op.{op_seed}"), state)?;
        generators.insert(op_seed, generator.clone());
        Ok(generator)
    }

    /// All generators of the context with their names in checkpoints: `random.default`, then `random.op.N` by op seed.
    pub fn generators(&self) -> Vec<(String, Generator)> {
        let others = self.0.generators.lock();
        std::iter::once(&self.0.generator).chain(others.values()).map(|generator| (generator.name(), generator.clone())).collect()
    }

    /// The stream that the next initializer draws from: the context's seed and how many came before.
    pub(crate) fn next_initializer(&self) -> RandomState {
        let number = self.0.initializers.fetch_add(1, Ordering::Relaxed);
        RandomState::new(self.seed(), mix(INITIALIZER_STREAMS, number, 0))
    }

    // ---- what programs depend on ----

    /// Grows with every change of a cell or parameter that a recorded program can depend on: structure, training flags, `requires_grad`.
    /// While it stays the same, what was recorded before is still what would be recorded now.
    pub fn revision(&self) -> u64 {
        self.0.revision.load(Ordering::Acquire)
    }

    /// Says that something changed. To be called after the change, so that whoever sees the old number saw it before the change counts.
    pub(crate) fn touch(&self) {
        self.0.revision.fetch_add(1, Ordering::AcqRel);
    }

    /// Held while the structure of any cell of the context changes.
    pub(crate) fn tree(&self) -> &Mutex<()> {
        &self.0.tree
    }

    // ---- the log ----

    /// Hands a line to the host's log. The text is made only where there is one.
    pub fn log(&self, level: LogLevel, text: impl FnOnce() -> String) {
        if let Some(log) = &self.0.log {
            log(level, &text());
        }
    }
}

/// Identity: equal for clones only.
impl PartialEq for Context {
    fn eq(&self, other: &Context) -> bool {
        Arc::ptr_eq(&self.0, &other.0)
    }
}
impl Eq for Context {}

impl fmt::Debug for Context {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Context").field("seed", &self.seed()).field("allocator", self.allocator()).finish_non_exhaustive()
    }
}

fn op_stream(op_seed: i64) -> u64 {
    mix(OP_STREAMS, op_seed as u64, 0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_op_seed_has_one_generator_and_the_seed_resets_it() {
        let context = Context::new(ContextOptions { seed: 3, workers: 1, ..Default::default() }).unwrap();
        let (first, again, other) =
            (context.generator_for(7).unwrap(), context.generator_for(7).unwrap(), context.generator_for(8).unwrap());
        assert_eq!(first.variable(), again.variable());
        assert_ne!(first.state().unwrap().stream, other.state().unwrap().stream);
        let begin = first.state().unwrap();
        first.set_state(RandomState { offset: 99, ..begin }).unwrap();
        assert_eq!(again.state().unwrap().offset, 99);
        context.set_seed(3).unwrap();
        assert_eq!(first.state().unwrap(), begin);
        context.set_seed(4).unwrap();
        assert_eq!(context.seed(), 4);
        assert_eq!(first.state().unwrap(), RandomState { seed: 4, ..begin });
        assert_eq!(context.generator().state().unwrap(), RandomState::new(4, 0));
        let names: Vec<String> = context.generators().into_iter().map(|(name, _)| name).collect();
        assert_eq!(names, ["random.default", "random.op.7", "random.op.8"]);
    }

    #[test]
    fn initializers_are_numbered_from_the_seed_on() {
        let context = Context::new(ContextOptions { seed: 3, workers: 1, ..Default::default() }).unwrap();
        let (a, b) = (context.next_initializer(), context.next_initializer());
        assert_ne!(a, b);
        context.set_seed(3).unwrap();
        assert_eq!(context.next_initializer(), a);
    }

    #[test]
    fn log_lines_reach_the_host() {
        let lines = Arc::new(Mutex::new(Vec::new()));
        let sink = lines.clone();
        let log: Log = Arc::new(move |level, text| sink.lock().push((level, text.to_string())));
        let context = Context::new(ContextOptions { workers: 1, log: Some(log), ..Default::default() }).unwrap();
        context.log(LogLevel::Warning, || "careful".to_string());
        assert_eq!(*lines.lock(), [(LogLevel::Warning, "careful".to_string())]);
    }
}
