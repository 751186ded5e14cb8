//! Bodies of exported functions for the code that they share: a closure that runs at most once, as two pointers. Behind `dyn` it would bring a
//! table, its entries, and a shim along; with hundreds of functions that is a tenth of the library.

use crate::error::{Error, Result};
use crate::ir::Value;
use crate::ops::Trace;
use std::marker::PhantomData;

/// Where a body lies, and what runs it. `F` is a kind of function pointer that takes that place first.
pub struct Once<'a, F> {
    body: *mut (),
    run: F,
    scope: PhantomData<&'a mut ()>,
}

/// A body that records an operation on the values behind its operands.
pub type Recorder<'a> = Once<'a, unsafe fn(*mut (), &mut Trace, &[Value]) -> Result<Value>>;
/// A body that does all that an exported function does.
pub type Action<'a> = Once<'a, unsafe fn(*mut ()) -> Result<()>>;

impl<'a> Recorder<'a> {
    pub fn new<F: FnOnce(&mut Trace, &[Value]) -> Result<Value>>(body: &'a mut Option<F>) -> Recorder<'a> {
        unsafe fn run<F: FnOnce(&mut Trace, &[Value]) -> Result<Value>>(body: *mut (), g: &mut Trace, known: &[Value]) -> Result<Value> {
            // SAFETY: the body of this type that `new` borrowed.
            match unsafe { take::<F>(body) } {
                Some(body) => body(g, known),
                None => Err(defect()),
            }
        }
        Once { body: (&raw mut *body).cast(), run: run::<F>, scope: PhantomData }
    }
    pub fn call(&mut self, g: &mut Trace, known: &[Value]) -> Result<Value> {
        // SAFETY: made together, and borrowed since.
        unsafe { (self.run)(self.body, g, known) }
    }
}

impl<'a> Action<'a> {
    pub fn new<F: FnOnce() -> Result<()>>(body: &'a mut Option<F>) -> Action<'a> {
        unsafe fn run<F: FnOnce() -> Result<()>>(body: *mut ()) -> Result<()> {
            // SAFETY: the body of this type that `new` borrowed.
            match unsafe { take::<F>(body) } {
                Some(body) => body(),
                None => Err(defect()),
            }
        }
        Once { body: (&raw mut *body).cast(), run: run::<F>, scope: PhantomData }
    }
    pub fn call(&mut self) -> Result<()> {
        // SAFETY: made together, and borrowed since.
        unsafe { (self.run)(self.body) }
    }
}

/// # Safety
/// `body` is an `Option<F>` that nobody else looks at.
unsafe fn take<F>(body: *mut ()) -> Option<F> {
    // SAFETY: the caller's promise.
    unsafe { &mut *body.cast::<Option<F>>() }.take()
}

/// What should not be.
#[cold]
#[inline(never)]
pub fn defect() -> Error {
    Error::internal("the body of a function runs once, with a value for each operand")
}
