//! Compiled programs against the oracle, which shares no code with the compiler and its kernels: random graphs, shapes that are cut into
//! tasks and tiles, runs that fail, memory that is shared, and the same bits from every job system.

mod attention;
mod check;
mod deep;
mod draws;
mod forms;
mod generate;
mod random;
mod runs;
mod shapes;
mod windows;
