//! Every index once, panics contained, threads that end, scratch blocks that nobody shares.

use super::*;
use std::sync::atomic::AtomicU32;
use std::thread;

/// A host job system that starts a thread for each index modulo `threads`, more than it admits to when `says` is smaller.
struct Threads {
    says: usize,
    threads: usize,
}

impl HostJobs for Threads {
    fn concurrency(&self) -> usize {
        self.says
    }
    fn parallel_for(&self, count: usize, body: &(dyn Fn(usize) + Sync)) -> Result<()> {
        thread::scope(|scope| {
            for first in 0..self.threads {
                scope.spawn(move || (first..count).step_by(self.threads).for_each(body));
            }
        });
        Ok(())
    }
}

fn systems() -> Vec<(&'static str, Jobs)> {
    vec![
        ("inline", Jobs::inline()),
        ("pool of 2", Jobs::pool(2)),
        ("pool of 5", Jobs::pool(5)),
        ("host", Jobs::host(Box::new(Threads { says: 3, threads: 3 }))),
        ("host with more threads than it says", Jobs::host(Box::new(Threads { says: 1, threads: 4 }))),
    ]
}

#[test]
fn every_index_runs_once() {
    for (name, jobs) in systems() {
        for count in [0, 1, 2, 3, 7, 64, 1000] {
            let hits: Vec<AtomicU32> = (0..count).map(|_| AtomicU32::new(0)).collect();
            for _ in 0..20 {
                jobs.parallel_for(count, &|index, _| {
                    hits[index].fetch_add(1, Ordering::Relaxed);
                })
                .unwrap();
            }
            assert!(hits.iter().all(|hit| hit.load(Ordering::Relaxed) == 20), "{name}, {count} indices");
        }
    }
}

#[test]
fn zero_and_one_index_stay_in_the_calling_thread() {
    for (name, jobs) in systems() {
        let this = thread::current().id();
        jobs.parallel_for(1, &|_, _| assert_eq!(thread::current().id(), this)).expect(name);
        jobs.parallel_for(0, &|_, _| panic!("nothing to run")).expect(name);
    }
}

#[test]
fn workers_take_part_and_have_names() {
    let jobs = Jobs::pool(2);
    let meeting = std::sync::Barrier::new(2);
    let names = Mutex::new(Vec::new());
    // Two bodies that wait for each other need two threads.
    jobs.parallel_for(2, &|_, _| {
        meeting.wait();
        names.lock().push(thread::current().name().map(str::to_owned));
    })
    .unwrap();
    assert!(names.lock().contains(&Some("tenon-worker-1".to_owned())));
    // Also after the worker has gone to sleep.
    thread::sleep(std::time::Duration::from_millis(20));
    jobs.parallel_for(2, &|_, _| {
        meeting.wait();
    })
    .unwrap();
}

#[test]
fn a_panic_becomes_an_error_and_the_system_goes_on() {
    for (name, jobs) in systems() {
        for round in 0..20 {
            let error = jobs
                .parallel_for(50, &|index, _| {
                    if index % 10 == 3 {
                        panic!("index {index}");
                    }
                })
                .unwrap_err();
            assert_eq!(error.status(), Status::Internal, "{name}");
            assert!(error.message().starts_with("a parallel body panicked: index "), "{name}: {error}");
            let ran = AtomicUsize::new(0);
            jobs.parallel_for(50, &|_, _| {
                ran.fetch_add(1, Ordering::Relaxed);
            })
            .unwrap();
            assert_eq!(ran.into_inner(), 50, "{name}, round {round}");
        }
        assert_eq!(jobs.parallel_for(1, &|_, _| panic!("alone")).unwrap_err().message(), "a parallel body panicked: alone");
    }
}

#[test]
fn a_panic_whose_payload_panics_is_contained() {
    struct Bomb;
    impl Drop for Bomb {
        fn drop(&mut self) {
            panic!("payload");
        }
    }
    let jobs = Jobs::pool(2);
    let error = jobs.parallel_for(4, &|_, _| std::panic::panic_any(Bomb)).unwrap_err();
    assert_eq!(error.message(), "a parallel body panicked");
    jobs.parallel_for(4, &|_, _| {}).unwrap();
}

#[test]
fn nested_calls_run_in_the_body_s_thread() {
    for (name, jobs) in systems() {
        jobs.reserve_scratch_on_heap(64).unwrap();
        let total = AtomicUsize::new(0);
        jobs.parallel_for(8, &|outer, scratch| {
            scratch.bytes(64).fill(outer as u8);
            let this = thread::current().id();
            jobs.parallel_for(8, &|inner, nested| {
                assert_eq!(thread::current().id(), this);
                nested.bytes(64).fill(0xee);
                total.fetch_add(inner, Ordering::Relaxed);
            })
            .unwrap();
            assert!(scratch.bytes(64).iter().all(|byte| *byte == outer as u8), "the nested body wrote into the outer one's scratch");
            assert_eq!(jobs.reserve_scratch_on_heap(128).unwrap_err().status(), Status::Busy);
        })
        .unwrap();
        assert_eq!(total.into_inner(), 8 * 28, "{name}");
    }
}

#[test]
fn several_host_threads_share_a_system() {
    for (name, jobs) in systems() {
        jobs.reserve_scratch_on_heap(256).unwrap();
        thread::scope(|scope| {
            for host in 0..4u8 {
                let jobs = jobs.clone();
                scope.spawn(move || {
                    for round in 0..100 {
                        let ran = AtomicUsize::new(0);
                        jobs.parallel_for(16, &|_, scratch| {
                            scratch.bytes(256).fill(host);
                            ran.fetch_add(1, Ordering::Relaxed);
                        })
                        .unwrap();
                        assert_eq!(ran.into_inner(), 16, "{name}, host thread {host}, round {round}");
                    }
                });
            }
        });
    }
}

#[test]
fn scratch_belongs_to_one_body_at_a_time() {
    for (name, jobs) in systems() {
        jobs.reserve_scratch_on_heap(512).unwrap();
        jobs.reserve_scratch_on_heap(100).unwrap();
        assert_eq!(jobs.reserved_scratch(), 512);
        jobs.parallel_for(64, &|index, scratch| {
            let bytes = scratch.bytes(512);
            assert_eq!(bytes.as_ptr() as usize % SCRATCH_ALIGNMENT, 0);
            bytes.fill(index as u8);
            thread::yield_now();
            assert!(bytes.iter().all(|byte| *byte == index as u8));
            assert!(scratch.bytes(0).is_empty());
        })
        .expect(name);
        let error = jobs.parallel_for(2, &|_, scratch| scratch.bytes(513).fill(0)).unwrap_err();
        assert_eq!(error.message(), "a parallel body panicked: a body wants 513 bytes of scratch memory, 512 are reserved");
    }
}

#[test]
fn reserving_asks_for_one_block_per_body_and_reports_refusal() {
    let jobs = Jobs::pool(3);
    let mut sizes = Vec::new();
    jobs.reserve_scratch(1000, &mut |bytes| {
        sizes.push(bytes);
        heap_memory(bytes)
    })
    .unwrap();
    assert_eq!(sizes, [1000, 1000, 1000]);
    let error = jobs.reserve_scratch(2000, &mut |_| Err(Error::new(Status::OutOfMemory, "no"))).unwrap_err();
    assert_eq!((error.status(), jobs.reserved_scratch()), (Status::OutOfMemory, 1000));
    jobs.parallel_for(6, &|_, scratch| scratch.bytes(1000).fill(1)).unwrap();
}

#[test]
fn hosts_that_fail_are_reported() {
    struct Answers(fn(usize, &(dyn Fn(usize) + Sync)) -> Result<()>);
    impl HostJobs for Answers {
        fn concurrency(&self) -> usize {
            0
        }
        fn parallel_for(&self, count: usize, body: &(dyn Fn(usize) + Sync)) -> Result<()> {
            (self.0)(count, body)
        }
    }
    let run = |answer| Jobs::host(Box::new(Answers(answer))).parallel_for(4, &|_, _| {}).unwrap_err();
    assert_eq!(run(|_, _| Err(Error::new(Status::Cancelled, "host says no"))).message(), "host says no");
    let missing = run(|count, body| {
        (1..count).for_each(body);
        Ok(())
    });
    assert_eq!((missing.status(), missing.message()), (Status::CallbackFailed, "the host's job system ran 3 bodies of 4"));
    assert_eq!(run(|_, _| panic!("host")).message(), "the host's job system panicked: host");
    assert_eq!(Jobs::host(Box::new(Answers(|_, _| Ok(())))).concurrency(), 1);
}

#[test]
fn threads_end_with_the_last_clone() {
    struct AtExit(Arc<AtomicUsize>);
    impl Drop for AtExit {
        fn drop(&mut self) {
            self.0.fetch_add(1, Ordering::SeqCst);
        }
    }
    thread_local!(static MARK: Cell<Option<AtExit>> = const { Cell::new(None) });
    let ended = Arc::new(AtomicUsize::new(0));
    let jobs = Jobs::pool(3);
    let clone = jobs.clone();
    let caller = thread::current().id();
    let meeting = std::sync::Barrier::new(3);
    jobs.parallel_for(3, &|_, _| {
        meeting.wait();
        if thread::current().id() != caller {
            MARK.set(Some(AtExit(ended.clone())));
        }
    })
    .unwrap();
    drop(jobs);
    assert_eq!(ended.load(Ordering::SeqCst), 0);
    drop(clone);
    assert_eq!(ended.load(Ordering::SeqCst), 2);
}

#[test]
fn a_pool_may_start_and_end_on_another_pool_s_worker() {
    let outer = Jobs::pool(2);
    outer
        .parallel_for(8, &|_, _| {
            let inner = Jobs::pool(2);
            thread::scope(|scope| {
                scope.spawn(|| inner.parallel_for(4, &|_, _| {}).unwrap());
            });
            drop(inner);
        })
        .unwrap();
}
