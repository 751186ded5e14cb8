//! Raw memory of tensors: aligned, counted, locked; allocated here or owned by somebody else.

use crate::error::{Error, Result};
use crate::tensor::Allocator;
use parking_lot::{RwLock, RwLockReadGuard, RwLockWriteGuard};
use std::fmt;
use std::ptr::NonNull;

/// Where the memory of a [`Storage`] that the library allocates begins: a multiple of a cache line and of the widest vector register.
pub const STORAGE_ALIGN: usize = 64;

/// A run of bytes that tensors share through an `Arc`. Given back when the last of them goes.
///
/// **Locks.** The bytes are read under [`Storage::read`] and written under [`Storage::write`]; raw pointers are used only while
/// such a guard is held. Whoever needs several storages locks them in ascending [`Storage::lock_order`], each one once.
///
/// Memory that the library allocated begins at a multiple of [`STORAGE_ALIGN`]. Foreign memory begins where its owner put it.
pub struct Storage {
    pointer: NonNull<u8>,
    len: usize,
    read_only: bool,
    lock: RwLock<()>,
    owner: Owner,
}

enum Owner {
    Allocator(Allocator),
    /// Runs once when the storage goes. `None` only while it runs.
    Foreign(Option<Box<dyn FnOnce() + Send>>),
}

// SAFETY: the memory belongs to the storage alone and is bound to no thread; allocators are Send and Sync, and the release of
// foreign memory is Send.
unsafe impl Send for Storage {}
// SAFETY: through a shared reference the bytes are reached only under `lock`, by the rule above. The release closure, which
// need not be Sync, is touched by `drop` alone, which has the storage to itself.
unsafe impl Sync for Storage {}

impl Storage {
    /// `bytes` zeroed bytes; 0 is permitted and allocates nothing. Fails with OUT_OF_MEMORY.
    pub fn zeroed(allocator: &Allocator, bytes: usize) -> Result<Storage> {
        let pointer = if bytes == 0 {
            NonNull::without_provenance(const { std::num::NonZero::new(STORAGE_ALIGN).unwrap() })
        } else {
            let pointer = allocator.allocate(bytes, STORAGE_ALIGN)?;
            // SAFETY: the allocator just handed out this many bytes, and nobody else has them.
            unsafe { pointer.as_ptr().write_bytes(0, bytes) };
            pointer
        };
        Ok(Storage { pointer, len: bytes, read_only: false, lock: RwLock::new(()), owner: Owner::Allocator(allocator.clone()) })
    }

    /// Memory that somebody else owns until `release` runs: exactly once, on whatever thread drops the storage.
    ///
    /// # Safety
    /// The `len` bytes at `pointer` are initialized and readable (and writable unless `read_only`) from any thread until
    /// `release` runs. Nobody else writes them while the library reads, nor touches them while the library writes.
    /// `release` does not unwind.
    pub unsafe fn foreign(pointer: NonNull<u8>, len: usize, read_only: bool, release: impl FnOnce() + Send + 'static) -> Storage {
        Storage { pointer, len, read_only, lock: RwLock::new(()), owner: Owner::Foreign(Some(Box::new(release))) }
    }

    /// Where the bytes are. Valid for [`Storage::len`] bytes as long as the storage lives; see the type for the locks.
    pub fn ptr(&self) -> *mut u8 {
        self.pointer.as_ptr()
    }

    /// Size in bytes.
    pub fn len(&self) -> usize {
        self.len
    }

    /// Whether there are no bytes.
    pub fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// Whether the owner of the memory forbids writes.
    pub fn is_read_only(&self) -> bool {
        self.read_only
    }

    /// Whether the memory belongs to somebody else.
    pub fn is_foreign(&self) -> bool {
        matches!(self.owner, Owner::Foreign(_))
    }

    /// The lock itself, for programs that keep many at once.
    pub fn lock(&self) -> &RwLock<()> {
        &self.lock
    }

    /// Waits until nobody writes, and keeps writers out.
    pub fn read(&self) -> RwLockReadGuard<'_, ()> {
        self.lock.read()
    }

    /// Waits until nobody reads or writes, and keeps others out. Fails with INVALID_ARGUMENT for read-only memory.
    pub fn write(&self) -> Result<RwLockWriteGuard<'_, ()>> {
        self.check_writable()?;
        Ok(self.lock.write())
    }

    /// INVALID_ARGUMENT if the memory is read-only.
    pub fn check_writable(&self) -> Result<()> {
        if self.read_only {
            return Err(Error::invalid("the tensor is read-only: its memory was imported from an owner that forbids writes"));
        }
        Ok(())
    }

    /// Storages are locked in ascending order of this number. It stays the same while the storage does not move: in an `Arc`, always.
    pub fn lock_order(&self) -> usize {
        std::ptr::from_ref(self) as usize
    }

    /// Locks `source` for reading and `target` for writing, without deadlock against other threads that keep the order.
    /// If both are the same, the write lock stands for both. Fails with INVALID_ARGUMENT if `target` is read-only.
    pub fn lock_pair<'a>(source: &'a Storage, target: &'a Storage) -> Result<(Option<RwLockReadGuard<'a, ()>>, RwLockWriteGuard<'a, ()>)> {
        Ok(match source.lock_order().cmp(&target.lock_order()) {
            std::cmp::Ordering::Equal => (None, target.write()?),
            std::cmp::Ordering::Less => {
                target.check_writable()?;
                (Some(source.read()), target.lock.write())
            }
            std::cmp::Ordering::Greater => {
                let write = target.write()?;
                (Some(source.read()), write)
            }
        })
    }
}

impl Drop for Storage {
    fn drop(&mut self) {
        match &mut self.owner {
            Owner::Allocator(_) if self.len == 0 => {}
            // SAFETY: `zeroed` got the memory from this allocator with this size, and nobody has the storage any more.
            Owner::Allocator(allocator) => unsafe { allocator.deallocate(self.pointer, self.len, STORAGE_ALIGN) },
            Owner::Foreign(release) => {
                if let Some(release) = release.take() {
                    release();
                }
            }
        }
    }
}

impl fmt::Debug for Storage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Storage").field("len", &self.len).field("foreign", &self.is_foreign()).field("read_only", &self.read_only).finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::Status;
    use std::sync::atomic::{AtomicUsize, Ordering};
    use std::sync::{Arc, mpsc};
    use std::time::Duration;

    #[test]
    fn memory_is_aligned_zeroed_counted_and_returned() {
        let allocator = Allocator::system();
        for bytes in [1, 63, 64, 4097] {
            let storage = Storage::zeroed(&allocator, bytes).unwrap();
            assert_eq!(storage.ptr() as usize % STORAGE_ALIGN, 0);
            // SAFETY: a fresh storage of this size, nobody else has it.
            let content = unsafe { std::slice::from_raw_parts_mut(storage.ptr(), bytes) };
            assert!(content.iter().all(|byte| *byte == 0));
            content.fill(255); // The next one may get the same memory, and must find it zeroed.
            assert_eq!(allocator.used(), bytes);
        }
        assert_eq!(allocator.used(), 0);
        assert_eq!(allocator.peak(), 4097);
    }

    #[test]
    fn nothing_is_allocated_for_no_bytes() {
        let allocator = Allocator::system().with_cap(0);
        let storage = Storage::zeroed(&allocator, 0).unwrap();
        assert!(storage.is_empty());
        assert_eq!(storage.ptr() as usize % STORAGE_ALIGN, 0);
        assert_eq!(Storage::zeroed(&allocator, 1).unwrap_err().status(), Status::OutOfMemory);
    }

    #[test]
    fn foreign_memory_is_released_once_by_the_last_owner() {
        static RELEASED: AtomicUsize = AtomicUsize::new(0);
        let memory = Box::into_raw(Box::new([7u8; 16])) as usize;
        let pointer = NonNull::new(memory as *mut u8).unwrap();
        let release = move || {
            RELEASED.fetch_add(1, Ordering::SeqCst);
            // SAFETY: made from a box above, released once.
            drop(unsafe { Box::from_raw(memory as *mut [u8; 16]) });
        };
        // SAFETY: the box lives until the release.
        let storage = Arc::new(unsafe { Storage::foreign(pointer, 16, true, release) });
        let other = storage.clone();
        drop(storage);
        assert_eq!(RELEASED.load(Ordering::SeqCst), 0);
        assert!(other.is_foreign() && other.is_read_only());
        let error = other.write().unwrap_err();
        assert_eq!(error.status(), Status::InvalidArgument);
        assert!(error.message().contains("read-only"), "{error}");
        std::thread::spawn(move || drop(other)).join().unwrap();
        assert_eq!(RELEASED.load(Ordering::SeqCst), 1);
    }

    #[test]
    fn pairs_are_locked_in_one_order_whichever_way_they_are_named() {
        let allocator = Allocator::system();
        let (a, b) = (Storage::zeroed(&allocator, 8).unwrap(), Storage::zeroed(&allocator, 8).unwrap());
        let (done, finished) = mpsc::channel();
        std::thread::scope(|scope| {
            for swap in [false, true] {
                let (source, target, done) = if swap { (&b, &a, done.clone()) } else { (&a, &b, done.clone()) };
                scope.spawn(move || {
                    for _ in 0..20_000 {
                        let _guards = Storage::lock_pair(source, target).unwrap();
                    }
                    done.send(()).unwrap();
                });
            }
            for _ in 0..2 {
                // A deadlock would hang the scope as well: end the process with a text instead.
                if finished.recv_timeout(Duration::from_secs(60)).is_err() {
                    eprintln!("two threads that lock the same pair are stuck");
                    std::process::abort();
                }
            }
        });
        let (read, _write) = Storage::lock_pair(&a, &a).unwrap();
        assert!(read.is_none());
        assert!(a.lock().try_read().is_none());
    }
}
