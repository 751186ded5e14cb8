//! Where tensor memory comes from: a source (the system's heap, or a host's hooks) behind a cheap handle that counts bytes
//! and keeps to a cap.

use crate::error::{Error, Result, Status};
use std::alloc::Layout;
use std::fmt;
use std::ptr::NonNull;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

/// A source of raw memory. Called from any thread, from several at once.
///
/// # Safety
/// `allocate` returns `bytes` bytes at a multiple of `align` that nothing else uses until `deallocate` gets them back, or `None`.
/// The memory need not be zeroed. Neither function may unwind.
pub unsafe trait Allocate: Send + Sync {
    /// `bytes` is at least 1, `align` a power of two.
    fn allocate(&self, bytes: usize, align: usize) -> Option<NonNull<u8>>;

    /// Gives memory back.
    ///
    /// # Safety
    /// `pointer` came from `allocate` of the same source with the same `bytes` and `align`, and is used no more.
    unsafe fn deallocate(&self, pointer: NonNull<u8>, bytes: usize, align: usize);
}

/// A handle to a source of memory, with its counters and its cap. Clones share all three.
#[derive(Clone)]
pub struct Allocator(Arc<Inner>);

struct Inner {
    source: Arc<dyn Allocate>,
    /// `usize::MAX` stands for no cap.
    cap: usize,
    used: AtomicUsize,
    peak: AtomicUsize,
}

impl Allocator {
    /// The process's heap, without a cap.
    pub fn system() -> Allocator {
        Allocator::new(Arc::new(System))
    }

    /// Memory from `source`, without a cap.
    pub fn new(source: Arc<dyn Allocate>) -> Allocator {
        Allocator::from_parts(source, usize::MAX)
    }

    /// A new allocator on the same source that refuses to have more than `bytes` in use. Its counters start at 0.
    pub fn with_cap(&self, bytes: usize) -> Allocator {
        Allocator::from_parts(self.0.source.clone(), bytes)
    }

    /// Bytes in use now.
    pub fn used(&self) -> usize {
        self.0.used.load(Ordering::Relaxed)
    }

    /// The most bytes that were ever in use at once.
    pub fn peak(&self) -> usize {
        self.0.peak.load(Ordering::Relaxed)
    }

    /// The cap in bytes, if there is one.
    pub fn cap(&self) -> Option<usize> {
        (self.0.cap != usize::MAX).then_some(self.0.cap)
    }

    /// `bytes` (at least 1) at a multiple of `align` (a power of two). Fails with OUT_OF_MEMORY.
    pub fn allocate(&self, bytes: usize, align: usize) -> Result<NonNull<u8>> {
        debug_assert!(bytes > 0 && align.is_power_of_two());
        // Counters carry no data of their own, so relaxed order does; the exchange alone keeps the sum below the cap.
        let booked = self
            .0
            .used
            .fetch_update(Ordering::Relaxed, Ordering::Relaxed, |used| used.checked_add(bytes).filter(|used| *used <= self.0.cap));
        let used = booked.map_err(|used| {
            let cap = self.0.cap;
            out_of_memory(format!("{bytes} bytes would pass the memory cap of {cap} bytes, {used} of which are in use"))
        })?;
        match self.0.source.allocate(bytes, align) {
            Some(pointer) => {
                self.0.peak.fetch_max(used + bytes, Ordering::Relaxed);
                Ok(pointer)
            }
            None => {
                self.0.used.fetch_sub(bytes, Ordering::Relaxed);
                Err(out_of_memory(format!("{bytes} bytes could not be allocated, {used} bytes are in use")))
            }
        }
    }

    /// Gives memory back.
    ///
    /// # Safety
    /// `pointer` came from [`Allocator::allocate`] of this handle or a clone with the same `bytes` and `align`, and is used no more.
    pub unsafe fn deallocate(&self, pointer: NonNull<u8>, bytes: usize, align: usize) {
        // SAFETY: passed on from the caller; clones share the source.
        unsafe { self.0.source.deallocate(pointer, bytes, align) };
        self.0.used.fetch_sub(bytes, Ordering::Relaxed);
    }

    fn from_parts(source: Arc<dyn Allocate>, cap: usize) -> Allocator {
        Allocator(Arc::new(Inner { source, cap, used: AtomicUsize::new(0), peak: AtomicUsize::new(0) }))
    }
}

impl fmt::Debug for Allocator {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Allocator").field("used", &self.used()).field("peak", &self.peak()).field("cap", &self.cap()).finish()
    }
}

fn out_of_memory(message: String) -> Error {
    Error::new(Status::OutOfMemory, message)
}

/// The Rust global allocator, which is the C library's heap unless a Rust host set another.
struct System;

// SAFETY: the global allocator gives exclusive memory of the layout's size and alignment, or null.
unsafe impl Allocate for System {
    fn allocate(&self, bytes: usize, align: usize) -> Option<NonNull<u8>> {
        let layout = Layout::from_size_align(bytes, align).ok().filter(|layout| layout.size() > 0)?;
        // SAFETY: the layout's size is not 0.
        NonNull::new(unsafe { std::alloc::alloc(layout) })
    }

    unsafe fn deallocate(&self, pointer: NonNull<u8>, bytes: usize, align: usize) {
        // SAFETY: `allocate` made this very layout and let it pass, so it is valid and the one that the memory came with.
        unsafe { std::alloc::dealloc(pointer.as_ptr(), Layout::from_size_align_unchecked(bytes, align)) };
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counters_follow_allocations() {
        let allocator = Allocator::system();
        let clone = allocator.clone();
        let first = allocator.allocate(100, 64).unwrap();
        let second = clone.allocate(50, 64).unwrap();
        assert_eq!((allocator.used(), allocator.peak(), allocator.cap()), (150, 150, None));
        assert_eq!(first.as_ptr() as usize % 64, 0);
        // SAFETY: each goes back once, with its own size.
        unsafe {
            clone.deallocate(first, 100, 64);
            assert_eq!((allocator.used(), allocator.peak()), (50, 150));
            allocator.deallocate(second, 50, 64);
        }
        assert_eq!((clone.used(), clone.peak()), (0, 150));
    }

    #[test]
    fn the_cap_is_exact_and_named() {
        let allocator = Allocator::system().with_cap(128);
        let held = allocator.allocate(100, 64).unwrap();
        let error = allocator.allocate(29, 64).unwrap_err();
        assert_eq!(error.status(), Status::OutOfMemory);
        assert_eq!(error.message(), "29 bytes would pass the memory cap of 128 bytes, 100 of which are in use");
        assert_eq!(allocator.used(), 100);
        let rest = allocator.allocate(28, 64).unwrap();
        assert_eq!(allocator.peak(), 128);
        // SAFETY: each goes back once, with its own size.
        unsafe {
            allocator.deallocate(held, 100, 64);
            allocator.deallocate(rest, 28, 64);
        }
        assert_eq!(allocator.used(), 0);
    }

    #[test]
    fn absurd_sizes_fail_and_leave_no_trace() {
        let allocator = Allocator::system();
        for bytes in [usize::MAX, isize::MAX as usize, isize::MAX as usize - 4096] {
            let error = allocator.allocate(bytes, 64).unwrap_err();
            assert_eq!(error.status(), Status::OutOfMemory);
            assert_eq!(error.message(), format!("{bytes} bytes could not be allocated, 0 bytes are in use"));
        }
        assert_eq!((allocator.used(), allocator.peak()), (0, 0));
    }

    #[test]
    fn threads_never_pass_the_cap_together() {
        let allocator = Allocator::system().with_cap(64 * 10);
        std::thread::scope(|scope| {
            for _ in 0..4 {
                scope.spawn(|| {
                    for _ in 0..500 {
                        if let Ok(pointer) = allocator.allocate(64 * 3, 64) {
                            // SAFETY: goes back once, with its own size.
                            unsafe { allocator.deallocate(pointer, 64 * 3, 64) };
                        }
                    }
                });
            }
        });
        assert_eq!(allocator.used(), 0);
        assert!(allocator.peak() >= 64 * 3 && allocator.peak() <= 64 * 9, "{}", allocator.peak());
    }
}
