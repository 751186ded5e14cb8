//! Chapter: random generators.

use crate::capi::arguments::{Out, reference, text};
use crate::capi::context::TenonContext;
use crate::capi::error::{TenonError, TenonStatus, boundary, boundary_status};
use crate::capi::handle::{Handle, Owner};
use crate::context::Generator;
use crate::random::RandomState;

/// A place in a random stream, which programs draw from and move on. Numbers follow from seed, stream, and offset alone,
/// on every machine.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct TenonGenerator {
    /// Says nothing to a host; never compute with it. All zero is no generator.
    pub id: u64,
}

/// Where a generator stands: all about what comes next.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct TenonRandomState {
    /// Which streams.
    pub seed: u64,
    /// Which stream of the seed.
    pub stream: u64,
    /// How many 32-bit words were drawn.
    pub offset: u64,
}

// SAFETY: numbers.
unsafe impl crate::capi::arguments::Plain for TenonRandomState {}

/// Makes a generator at the beginning of stream 0 of a seed. The caller frees it. Any thread.
#[unsafe(no_mangle)]
pub extern "C" fn tenon_generator_new(
    context: TenonContext,
    seed: u64,
    generator: *mut TenonGenerator,
    error: *mut TenonError,
) -> TenonStatus {
    boundary(error, || {
        let (context, owner) = Owner::context(context)?;
        Out::new(generator, "generator")?.put_new(owner, Generator::new(context.allocator(), seed)?)
    })
}

/// Writes a handle of the context's own generator: what random operations and dropout draw from unless they are told
/// otherwise. The caller frees the handle. Any thread.
#[unsafe(no_mangle)]
pub extern "C" fn tenon_context_generator(context: TenonContext, generator: *mut TenonGenerator, error: *mut TenonError) -> TenonStatus {
    boundary(error, || {
        let (context, owner) = Owner::context(context)?;
        Out::new(generator, "generator")?.put_new(owner, context.generator().clone())
    })
}

/// Writes a handle of the generator of an op seed: an independent stream of the context's seed. The same op seed gives
/// the same generator, which goes on where it stands. The caller frees the handle. Any thread.
#[unsafe(no_mangle)]
pub extern "C" fn tenon_context_generator_for(
    context: TenonContext,
    op_seed: i64,
    generator: *mut TenonGenerator,
    error: *mut TenonError,
) -> TenonStatus {
    boundary(error, || {
        let (context, owner) = Owner::context(context)?;
        Out::new(generator, "generator")?.put_new(owner, context.generator_for(op_seed)?)
    })
}

/// Makes a generator of the same seed in a stream that this one's stream and `name` decide: the same name gives the same
/// stream from its beginning, whatever was drawn from this one. The caller frees it. Any thread.
#[unsafe(no_mangle)]
pub extern "C" fn tenon_generator_split(
    generator: TenonGenerator,
    name: *const std::ffi::c_char,
    split: *mut TenonGenerator,
    error: *mut TenonError,
) -> TenonStatus {
    boundary(error, || {
        let (generator, owner) = generator.get_with_owner()?;
        let name = text(name, "name")?;
        Out::new(split, "split")?.put_new(owner, generator.split(name)?)
    })
}

/// Writes where a generator stands. Waits for programs that draw from it. Any thread.
#[unsafe(no_mangle)]
pub extern "C" fn tenon_generator_state(generator: TenonGenerator, state: *mut TenonRandomState, error: *mut TenonError) -> TenonStatus {
    boundary(error, || {
        let generator = generator.get()?;
        let state = Out::new(state, "state")?;
        let RandomState { seed, stream, offset } = generator.state()?;
        state.put(TenonRandomState { seed, stream, offset });
        Ok(())
    })
}

/// Places a generator. Waits for programs that draw from it. Any thread.
#[unsafe(no_mangle)]
pub extern "C" fn tenon_generator_set_state(
    generator: TenonGenerator,
    state: *const TenonRandomState,
    error: *mut TenonError,
) -> TenonStatus {
    boundary(error, || {
        let generator = generator.get()?;
        let TenonRandomState { seed, stream, offset } = *reference(state, "state")?;
        generator.set_state(RandomState { seed, stream, offset })
    })
}

/// Starts the generator's stream over under another seed. Waits for programs that draw from it. Any thread.
#[unsafe(no_mangle)]
pub extern "C" fn tenon_generator_manual_seed(generator: TenonGenerator, seed: u64, error: *mut TenonError) -> TenonStatus {
    boundary(error, || generator.get()?.manual_seed(seed))
}

/// Frees a handle of a generator; zero is a no-op. Graphs that draw from the generator keep it. Any thread.
#[unsafe(no_mangle)]
pub extern "C" fn tenon_generator_free(generator: TenonGenerator) -> TenonStatus {
    boundary_status(|| generator.free())
}
