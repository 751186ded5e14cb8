//! Scratch blocks: memory that a body has to itself while it runs, reserved ahead so that a run allocates nothing.

use crate::error::{Error, Result, Status};
use std::alloc::{Layout, alloc, dealloc};
use std::cell::{Cell, UnsafeCell};
use std::ptr::NonNull;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

/// The alignment of scratch blocks in bytes.
pub const SCRATCH_ALIGNMENT: usize = 64;

/// Memory of a scratch block, as an allocator hands it out; dropping it gives it back.
///
/// # Safety
/// `pointer` is aligned to [`SCRATCH_ALIGNMENT`], is the same at each call, and may be read and written for as many bytes as were asked for,
/// from any one thread at a time, until the drop.
pub unsafe trait ScratchMemory: Send {
    /// The first byte.
    fn pointer(&self) -> NonNull<u8>;
}

/// What a body gets: a block of bytes that nobody else uses while the body runs. The block is taken when bytes are first asked for.
pub struct Scratch<'a> {
    blocks: &'a ScratchBlocks,
    /// The call stands inside another body of this thread, which may hold a block itself.
    nested: bool,
    held: Option<usize>,
    /// Memory of a nested body that found every block taken.
    spare: Option<(usize, Box<dyn ScratchMemory>)>,
}

impl<'a> Scratch<'a> {
    pub(super) fn new(blocks: &'a ScratchBlocks, nested: bool) -> Scratch<'a> {
        Scratch { blocks, nested, held: None, spare: None }
    }

    /// The first `len` bytes of the block, aligned to [`SCRATCH_ALIGNMENT`]. Their values are unspecified, but initialized.
    ///
    /// `len` must have been reserved by [`super::Jobs::reserve_scratch`]: more is a defect of the caller and panics, which the call of
    /// `parallel_for` reports as `Status::Internal`. When other threads hold every block this waits for one. A body inside a body does not
    /// wait, because the outer one may be the holder: it gets memory from the heap, the only case that allocates.
    pub fn bytes(&mut self, len: usize) -> &mut [u8] {
        let pointer = self.pointer(len);
        // SAFETY: the block is this body's own, `len` bytes long at least, and was filled with zeros when it was made.
        unsafe { std::slice::from_raw_parts_mut(pointer, len) }
    }

    /// The block's first byte, valid for `len` bytes until the body returns or asks again; otherwise as [`Scratch::bytes`].
    pub fn pointer(&mut self, len: usize) -> *mut u8 {
        if len == 0 {
            return std::ptr::without_provenance_mut(SCRATCH_ALIGNMENT);
        }
        if self.held.is_none() && self.spare.as_ref().is_none_or(|(size, _)| *size < len) {
            self.held = self.blocks.claim();
            if self.held.is_none() && self.nested {
                let memory = heap_memory(len).expect("the heap has room for the scratch memory of a nested call");
                zero(&*memory, len);
                self.spare = Some((len, memory));
            }
            while self.held.is_none() && !self.nested {
                std::thread::yield_now();
                self.held = self.blocks.claim();
            }
        }
        let Some(held) = self.held else {
            return self.spare.as_ref().expect("a nested body without a block has spare memory").1.pointer().as_ptr();
        };
        // SAFETY: `claim` made this body the block's only user.
        let block = unsafe { &*self.blocks.blocks[held].memory.get() };
        match block {
            Some((size, memory)) if *size >= len => memory.pointer().as_ptr(),
            other => panic!("a body wants {len} bytes of scratch memory, {} are reserved", other.as_ref().map_or(0, |b| b.0)),
        }
    }
}

impl Drop for Scratch<'_> {
    fn drop(&mut self) {
        if let Some(held) = self.held {
            self.blocks.blocks[held].taken.store(false, Ordering::Release);
        }
    }
}

/// The blocks of a job system, one for each body that may run at the same time.
pub(super) struct ScratchBlocks {
    blocks: Box<[Block]>,
    reserved: AtomicUsize,
}

/// A block on a cache line of its own: claiming one does not disturb the neighbours.
#[repr(align(128))]
struct Block {
    taken: AtomicBool,
    memory: UnsafeCell<Option<(usize, Box<dyn ScratchMemory>)>>,
}

// SAFETY: `memory` is touched only by whoever set `taken`, and may move between threads (`ScratchMemory: Send`).
unsafe impl Sync for Block {}

thread_local! {
    /// The block that this thread held last: likely free, and likely in this core's cache.
    static LAST_BLOCK: Cell<usize> = const { Cell::new(0) };
}

impl ScratchBlocks {
    pub(super) fn new(count: usize) -> ScratchBlocks {
        let blocks = (0..count).map(|_| Block { taken: AtomicBool::new(false), memory: UnsafeCell::new(None) }).collect();
        ScratchBlocks { blocks, reserved: AtomicUsize::new(0) }
    }

    pub(super) fn count(&self) -> usize {
        self.blocks.len()
    }

    pub(super) fn reserved(&self) -> usize {
        self.reserved.load(Ordering::Acquire)
    }

    pub(super) fn reserve(&self, bytes: usize, allocate: &mut dyn FnMut(usize) -> Result<Box<dyn ScratchMemory>>) -> Result<()> {
        if bytes <= self.reserved() {
            return Ok(());
        }
        for index in 0..self.blocks.len() {
            while !self.claim_at(index) {
                std::thread::yield_now();
            }
            // From here on the block is given back whatever `allocate` does.
            let guard = Scratch { blocks: self, nested: false, held: Some(index), spare: None };
            // SAFETY: `claim_at` made this call the block's only user.
            let memory = unsafe { &mut *self.blocks[index].memory.get() };
            if memory.as_ref().is_none_or(|(size, _)| *size < bytes) {
                let fresh = allocate(bytes)?;
                zero(&*fresh, bytes);
                *memory = Some((bytes, fresh));
            }
            drop(guard);
        }
        self.reserved.fetch_max(bytes, Ordering::AcqRel);
        Ok(())
    }

    fn claim(&self) -> Option<usize> {
        let count = self.blocks.len();
        let first = LAST_BLOCK.get() % count;
        let index = (first..count).chain(0..first).find(|index| self.claim_at(*index))?;
        LAST_BLOCK.set(index);
        Some(index)
    }

    fn claim_at(&self, index: usize) -> bool {
        let taken = &self.blocks[index].taken;
        !taken.load(Ordering::Relaxed) && taken.compare_exchange(false, true, Ordering::Acquire, Ordering::Relaxed).is_ok()
    }
}

fn zero(memory: &dyn ScratchMemory, bytes: usize) {
    // SAFETY: the memory was asked for with this size and is not shared yet.
    unsafe { memory.pointer().as_ptr().write_bytes(0, bytes) };
}

/// Memory from the process heap.
pub(super) fn heap_memory(bytes: usize) -> Result<Box<dyn ScratchMemory>> {
    struct HeapMemory(NonNull<u8>, Layout);
    // SAFETY: the pointer has the layout's size and alignment and is this value's own.
    unsafe impl Send for HeapMemory {}
    // SAFETY: as above; it stays until the drop.
    unsafe impl ScratchMemory for HeapMemory {
        fn pointer(&self) -> NonNull<u8> {
            self.0
        }
    }
    impl Drop for HeapMemory {
        fn drop(&mut self) {
            // SAFETY: allocated below with this layout.
            unsafe { dealloc(self.0.as_ptr(), self.1) };
        }
    }
    let refused = || Error::new(Status::OutOfMemory, format!("{bytes} bytes of scratch memory could not be had"));
    let layout = Layout::from_size_align(bytes.max(1), SCRATCH_ALIGNMENT).map_err(|_| refused())?;
    // SAFETY: the layout is not empty.
    let pointer = NonNull::new(unsafe { alloc(layout) }).ok_or_else(refused)?;
    Ok(Box::new(HeapMemory(pointer, layout)))
}
