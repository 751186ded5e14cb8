//! Random numbers: counter-based streams, where (seed, stream, offset) gives the bits on every device, in any order.

mod discrete;
mod draw;
mod quantile;
mod state;
mod stream;
mod words;

pub use draw::{Draw, exponential};
pub use quantile::quantile;
pub use state::RandomState;
pub use stream::{Stream, hash_name, mix};
pub use words::Words;
