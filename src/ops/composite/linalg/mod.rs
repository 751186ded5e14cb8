//! Linear algebra written with decompositions: systems of equations, determinants, norms, pseudoinverses.
//!
//! Matrices are the last two dimensions, those in front are a batch. Integers give f32; 16-bit floats are computed in f32 from the first
//! step to the last, and only the result is rounded.

pub mod determinant;
pub mod pseudo;
pub mod solve;

pub use pseudo::MatrixNorm;
