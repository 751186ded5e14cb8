//! Tenon: an embeddable training runtime.
//!
//! A network is a function, and its gradient is another function made from its graph. Forward pass, backward pass, and
//! optimizer become one graph, one compiled program, one call.
//!
//! Modules stand in layers; each uses only those before it: [`tensor`] and [`random`], [`ir`], [`ops`], [`autodiff`],
//! [`compiler`], [`runtime`], [`nn`] and [`optim`], [`train`], [`checkpoint`], [`capi`].

pub mod autodiff;
pub mod capi;
pub mod checkpoint;
pub mod compiler;
pub mod context;
pub mod error;
pub mod ir;
pub mod nn;
pub mod ops;
pub mod optim;
pub mod random;
pub mod runtime;
pub mod tensor;
mod thread;
pub mod train;

pub use context::Context;
pub use error::{Error, Result, Status};
pub use tensor::{DType, Shape, Tensor};
