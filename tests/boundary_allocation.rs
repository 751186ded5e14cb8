//! A training step, an optimizer's step, and a function into tensors of the host allocate nothing through the C boundary
//! after their first call: handles are looked up and handed out without it.

use std::alloc::{GlobalAlloc, Layout, System};
use std::ffi::c_void;
use std::ptr::{null, null_mut};
use std::sync::atomic::{AtomicUsize, Ordering};
use tenon::capi::context::{TenonContext, TenonContextOptions, tenon_context_free, tenon_context_new, tenon_context_options_init};
use tenon::capi::error::{TENON_OK, TenonStatus};
use tenon::capi::function::{TenonFunction, tenon_function_call_into, tenon_function_new};
use tenon::capi::graph::{TenonGraph, TenonValue};
use tenon::capi::layers::tenon_dense_new;
use tenon::capi::optimizer::{TenonOptimizer, tenon_momentum_new, tenon_optimizer_apply};
use tenon::capi::tensor::{TENON_F32, TenonTensor, tenon_tensor_new};
use tenon::capi::train_step::{TenonTrainStep, tenon_train_step_new, tenon_train_step_run};
use tenon::capi::{cell::TenonCell, cell::tenon_cell_call, ops_loss::TENON_REDUCTION_MEAN, ops_loss::tenon_mse_loss};

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

extern "C" fn record_loss(user: *mut c_void, _: TenonGraph, inputs: *const TenonValue, outputs: *mut TenonValue) -> TenonStatus {
    // SAFETY: `user` is the cell below, which outlives the function; the function has two inputs and one output.
    unsafe {
        let prediction = tenon_cell_call(*user.cast::<TenonCell>(), *inputs);
        *outputs = tenon_mse_loss(prediction, *inputs.add(1), TENON_REDUCTION_MEAN);
    }
    TENON_OK
}

/// How often `call` allocates after its first time.
fn allocations(call: impl Fn() -> TenonStatus) -> usize {
    assert_eq!(call(), TENON_OK);
    let before = ALLOCATIONS.load(Ordering::Relaxed);
    for _ in 0..20 {
        assert_eq!(call(), TENON_OK);
    }
    ALLOCATIONS.load(Ordering::Relaxed) - before
}

/// One test: a second one in this process would allocate in between.
#[test]
fn calls_allocate_nothing_after_the_first() {
    // SAFETY: all fields of the options have zero as a value.
    let mut options: TenonContextOptions = unsafe { std::mem::zeroed() };
    assert_eq!(tenon_context_options_init(&mut options, size_of_val(&options)), TENON_OK);
    options.worker_count = 1;
    let mut context = TenonContext { id: 0 };
    assert_eq!(tenon_context_new(&options, &mut context, null_mut()), TENON_OK);
    let tensor = |shape: &[i64]| {
        let mut tensor = TenonTensor { id: 0 };
        assert_eq!(tenon_tensor_new(context, TENON_F32, shape.as_ptr(), shape.len(), &mut tensor, null_mut()), TENON_OK);
        tensor
    };
    let mut cell = TenonCell { id: 0 };
    assert_eq!(tenon_dense_new(context, 4, 3, null(), &mut cell, null_mut()), TENON_OK);
    let mut loss = TenonFunction { id: 0 };
    let user = (&raw mut cell).cast();
    assert_eq!(tenon_function_new(context, Some(record_loss), user, None, 2, 1, &mut loss, null_mut()), TENON_OK);
    let mut optimizer = TenonOptimizer { id: 0 };
    assert_eq!(tenon_momentum_new(cell, null(), &mut optimizer, null_mut()), TENON_OK);
    let mut step = TenonTrainStep { id: 0 };
    assert_eq!(tenon_train_step_new(loss, optimizer, null(), &mut step, null_mut()), TENON_OK);

    let inputs = [tensor(&[8, 4]), tensor(&[8, 3])];
    let output = tensor(&[]);
    let gradients = [tensor(&[3, 4]), tensor(&[3])];
    let mut result = TenonTensor { id: 0 };
    let result = &raw mut result;
    let counts = [
        ("step", allocations(|| tenon_train_step_run(step, inputs.as_ptr(), 2, result, 1, null_mut()))),
        ("function", allocations(|| tenon_function_call_into(loss, inputs.as_ptr(), 2, &output, 1, null_mut()))),
        ("optimizer", allocations(|| tenon_optimizer_apply(optimizer, gradients.as_ptr(), 2, null_mut()))),
    ];
    assert_eq!(counts, [("step", 0), ("function", 0), ("optimizer", 0)]);
    assert_eq!(tenon_context_free(context), TENON_OK);
}
