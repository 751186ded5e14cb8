//! A parallel run allocates nothing once the threads stand and scratch memory is reserved.

use std::alloc::{GlobalAlloc, Layout, System};
use std::sync::atomic::{AtomicUsize, Ordering};
use tenon::runtime::jobs::Jobs;

struct Counting;
static ALLOCATIONS: AtomicUsize = AtomicUsize::new(0);

// SAFETY: passes everything on to the system's allocator.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        ALLOCATIONS.fetch_add(1, Ordering::Relaxed);
        // SAFETY: the caller's promise.
        unsafe { System.alloc(layout) }
    }
    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        // SAFETY: the caller's promise.
        unsafe { System.dealloc(pointer, layout) }
    }
}

#[global_allocator]
static COUNTING: Counting = Counting;

/// One test: a second one in this process would allocate in between.
#[test]
fn runs_allocate_nothing_after_warm_up() {
    let systems = [("inline", Jobs::inline()), ("pool", Jobs::pool(3))];
    for (name, jobs) in &systems {
        jobs.reserve_scratch_on_heap(4096).unwrap();
        let sum = AtomicUsize::new(0);
        let round = || {
            jobs.parallel_for(64, &|index, scratch| {
                let bytes = scratch.bytes(4096);
                bytes.fill(index as u8);
                sum.fetch_add(bytes[4095] as usize, Ordering::Relaxed);
            })
            .unwrap()
        };
        // Threads set themselves up (names, parking) the first time that they work and sleep.
        for _ in 0..50 {
            round();
            std::thread::sleep(std::time::Duration::from_millis(1));
        }
        sum.store(0, Ordering::Relaxed);
        let before = ALLOCATIONS.load(Ordering::SeqCst);
        for _ in 0..1000 {
            round();
        }
        std::thread::sleep(std::time::Duration::from_millis(2));
        round();
        assert_eq!(ALLOCATIONS.load(Ordering::SeqCst) - before, 0, "{name} allocates in a run");
        assert_eq!(sum.load(Ordering::Relaxed), 1001 * (63 * 64 / 2));
    }
}
