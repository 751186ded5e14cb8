//! Random numbers: counter-based streams, where (seed, stream, offset) gives the bits on every device, in any order.

mod quantile;
mod state;
mod stream;

pub use quantile::quantile;
pub use state::RandomState;
pub use stream::{Stream, hash_name, mix};
