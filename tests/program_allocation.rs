//! A program allocates nothing after its first run.

use std::alloc::{GlobalAlloc, Layout, System};
use std::sync::atomic::{AtomicUsize, Ordering};
use tenon::autodiff::reverse;
use tenon::ir::{Type, Variable};
use tenon::ops::{AttentionOptions, Trace};
use tenon::runtime::cpu::simd::Level;
use tenon::runtime::jobs::Jobs;
use tenon::runtime::{Program, Target};
use tenon::tensor::{Allocator, Shape, Tensor};
use tenon::{DType, Result};

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

/// A step with every kind of work: products alone and with loops, cut along k, rows, columns and totals, gather and scatter, pieces,
/// random numbers, attention, and state that moves.
fn step(allocator: &Allocator, jobs: Jobs) -> Result<(Program, Vec<Tensor>, Vec<Tensor>)> {
    let zeros = |dtype, dims: &[usize]| Tensor::zeros(allocator, dtype, Shape::new(dims)?);
    let generator = Variable::new("generator", Tensor::from_slice(allocator, &[1i64, 2, 3], &[3])?);
    let weight = Variable::new("weight", zeros(DType::F32, &[64, 48])?);
    let moment = Variable::new("moment", zeros(DType::F32, &[64, 48])?);
    let table = Variable::new("table", zeros(DType::F32, &[10, 64])?);
    let mut g = Trace::new();
    let x = g.input(Type::new(DType::F32, Shape::new(&[3000, 64])?));
    let labels = g.input(Type::new(DType::I64, Shape::new(&[3000])?));
    let w = g.read(&weight);
    let rows = g.read(&table);
    let embedded = g.gather(rows, labels, 0);
    let noise = g.random_normal(DType::F32, &[3000, 64], &generator);
    let x1 = g.add(x, embedded);
    let x1 = g.add(x1, noise);
    let y = g.matmul(x1, w);
    let y = g.gelu(y, false);
    let soft = g.softmax(y, 1);
    let turned = g.transpose(x1, &[1, 0]);
    let gradient = g.matmul(turned, soft);
    let columns = g.sum(soft, &[0], false);
    let total = g.sum(soft, &[0, 1], false);
    let m = g.read(&moment);
    let old = g.mul_scalar(m, 0.9);
    let new = g.add(old, gradient);
    let move_by = g.mul_scalar(new, 0.01);
    let moved = g.sub(w, move_by);
    g.assign(&moment, new);
    g.assign(&weight, moved);
    let scattered = g.scatter_add(rows, labels, x1, 0);
    g.assign(&table, scattered);
    let both = g.concat(&[soft, y], 1);
    let heads = g.reshape(x1, &[6, 500, 64]);
    let dropout = Some((0.1, &generator));
    let attended = g.scaled_dot_product_attention(heads, heads, heads, AttentionOptions { causal: true, dropout, ..Default::default() });
    let to_heads = reverse(&mut g, &[(attended, attended)], &[heads])?;
    let graph = g.finish(&[total, columns, both, attended, to_heads[0]])?;
    let program = Program::compile(graph, &Target { allocator: allocator.clone(), jobs, level: Level::detect() })?;
    let inputs = program.input_types().iter().map(|ty| zeros(ty.dtype, ty.shape.dims())).collect::<Result<Vec<_>>>()?;
    let outputs = program.output_types().iter().map(|ty| zeros(ty.dtype, ty.shape.dims())).collect::<Result<Vec<_>>>()?;
    Ok((program, inputs, outputs))
}

/// One test: a second one in this process would allocate in between.
#[test]
fn runs_allocate_nothing_after_the_first() {
    let allocator = Allocator::system();
    for (name, jobs) in [("inline", Jobs::inline()), ("a pool of 2", Jobs::pool(2))] {
        let (program, inputs, outputs) = step(&allocator, jobs).expect("the program is made");
        let turned = inputs[0].reshape(Shape::new(&[64, 3000]).expect("a shape")).expect("a view").transpose(&[1, 0]).expect("a view");
        let outputs: Vec<&Tensor> = outputs.iter().collect();
        for (layout, first) in [("dense", &inputs[0]), ("strided", &turned)] {
            let inputs = [first, &inputs[1]];
            // Threads set themselves up (names, parking) the first time that they work and sleep.
            for _ in 0..20 {
                program.run(&inputs, &outputs).expect("it runs");
                std::thread::sleep(std::time::Duration::from_millis(1));
            }
            let (before, used) = (ALLOCATIONS.load(Ordering::SeqCst), allocator.used());
            for _ in 0..20 {
                program.run(&inputs, &outputs).expect("it runs");
            }
            assert_eq!(ALLOCATIONS.load(Ordering::SeqCst) - before, 0, "{name}, {layout}: a run allocates");
            assert_eq!(allocator.used(), used);
        }
    }
}
