//! A lock for state that a panic may leave half changed.
//!
//! The locks of the library do not poison: most state is valid between any two statements. What is not (a training
//! step's buffers, an optimizer's slots) lies in a [`Poisonable`]. If a panic unwinds while such a lock is held, the
//! value is never handed out again, and every later use answers [`Status::Poisoned`] instead of computing with a torn
//! state.

use crate::error::{Error, Result, Status};
use parking_lot::{Mutex, MutexGuard};
use std::ops::{Deref, DerefMut};

/// A mutex whose value is withdrawn for good when a panic unwinds through a holder of the lock.
pub struct Poisonable<T> {
    /// What a person calls the guarded object: "train step".
    name: &'static str,
    state: Mutex<State<T>>,
}

struct State<T> {
    poisoned: bool,
    value: T,
}

impl<T> Poisonable<T> {
    pub const fn new(name: &'static str, value: T) -> Poisonable<T> {
        Poisonable { name, state: Mutex::new(State { poisoned: false, value }) }
    }

    /// Waits for the lock. Answers `Poisoned` after a panic.
    ///
    /// The lock is not reentrant: an object that runs host callbacks while it is locked uses [`Poisonable::try_lock`]
    /// instead.
    pub fn lock(&self) -> Result<PoisonableGuard<'_, T>> {
        self.guard(self.state.lock())
    }

    /// Answers `Busy` at once if another call, or a call further up this thread's stack, holds the lock; `Poisoned`
    /// after a panic.
    pub fn try_lock(&self) -> Result<PoisonableGuard<'_, T>> {
        match self.state.try_lock() {
            Some(state) => self.guard(state),
            None => Err(Error::new(Status::Busy, format!("the {} is in use by another call", self.name))),
        }
    }

    fn guard<'a>(&'a self, state: MutexGuard<'a, State<T>>) -> Result<PoisonableGuard<'a, T>> {
        if state.poisoned {
            return Err(Error::new(
                Status::Poisoned,
                format!("the {} is unusable: an earlier call failed inside the library while changing it", self.name),
            ));
        }
        Ok(PoisonableGuard { state, panicking_before: std::thread::panicking() })
    }
}

/// Access to the value until it is dropped.
pub struct PoisonableGuard<'a, T> {
    state: MutexGuard<'a, State<T>>,
    /// A destructor that locks during someone else's unwinding finishes its change, and must not poison.
    panicking_before: bool,
}

impl<T> Deref for PoisonableGuard<'_, T> {
    type Target = T;
    fn deref(&self) -> &T {
        &self.state.value
    }
}

impl<T> DerefMut for PoisonableGuard<'_, T> {
    fn deref_mut(&mut self) -> &mut T {
        &mut self.state.value
    }
}

impl<T> Drop for PoisonableGuard<'_, T> {
    fn drop(&mut self) {
        if std::thread::panicking() && !self.panicking_before {
            self.state.poisoned = true;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};

    #[test]
    fn a_panic_while_locked_withdraws_the_value() {
        let slots = Poisonable::new("optimizer", vec![1, 2]);
        slots.lock().unwrap().push(3);
        let unwound = catch_unwind(AssertUnwindSafe(|| {
            let mut guard = slots.lock().unwrap();
            guard.clear();
            resume_unwind(Box::new("torn"));
        }));
        assert!(unwound.is_err());
        for error in [slots.lock().err().unwrap(), slots.try_lock().err().unwrap()] {
            assert_eq!(error.status(), Status::Poisoned);
            assert!(error.message().contains("optimizer"), "{error}");
        }
    }

    #[test]
    fn an_error_or_a_finished_change_does_not_poison() {
        let slots = Poisonable::new("optimizer", 1);
        let failed: Result<()> = (|| {
            *slots.lock()? = 2;
            Err(Error::invalid("no"))
        })();
        assert!(failed.is_err());
        assert_eq!(*slots.lock().unwrap(), 2);
    }

    #[test]
    fn a_destructor_that_locks_while_another_panic_unwinds_does_not_poison() {
        struct OnDrop<'a>(&'a Poisonable<u32>);
        impl Drop for OnDrop<'_> {
            fn drop(&mut self) {
                *self.0.lock().unwrap() += 1;
            }
        }
        let count = Poisonable::new("counter", 0);
        let unwound = catch_unwind(AssertUnwindSafe(|| {
            let _on_drop = OnDrop(&count);
            resume_unwind(Box::new("elsewhere"));
        }));
        assert!(unwound.is_err());
        assert_eq!(*count.lock().unwrap(), 1);
    }

    #[test]
    fn a_held_lock_is_busy() {
        let step = Poisonable::new("train step", ());
        let held = step.lock().unwrap();
        let error = step.try_lock().err().unwrap();
        assert_eq!(error.status(), Status::Busy);
        assert!(error.message().contains("train step"), "{error}");
        drop(held);
        assert!(step.try_lock().is_ok());
    }
}
