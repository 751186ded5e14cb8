//! What holds when a run is refused or fails, and when tensors share memory.

use crate::check::{bytes, numbers, target};
use crate::draws::tensor;
use tenon::ir::{Type, Value, Variable};
use tenon::ops::Trace;
use tenon::runtime::Program;
use tenon::runtime::cpu::simd::Level;
use tenon::runtime::jobs::{HostJobs, Jobs};
use tenon::tensor::{Allocator, Shape, Tensor};
use tenon::{DType, Error, Result, Status};

fn compile(g: Trace, outputs: &[Value]) -> Program {
    Program::compile(g.finish(outputs).expect("the graph is recorded"), &target(Jobs::inline(), Level::detect())).expect("it compiles")
}

fn f32s(values: &[f64]) -> Tensor {
    tensor(DType::F32, &[values.len()], values)
}

/// w <- w + 1, m <- the gathered rows, u <- w + u; outputs: the gathered rows, 2 w.
fn program_that_can_fail(early: bool) -> (Program, Vec<Variable>) {
    let variables: Vec<Variable> = ["w", "m", "u"].iter().map(|name| Variable::new(*name, f32s(&[1.0, 2.0, 3.0]))).collect();
    let mut g = Trace::new();
    let indices = g.input(Type::new(DType::I64, Shape::new(&[3]).expect("a shape")));
    let w = g.read(&variables[0]);
    let gathered = |g: &mut Trace| g.gather(w, indices, 0);
    let first = early.then(|| gathered(&mut g));
    let new = g.add_scalar(w, 1.0);
    g.assign(&variables[0], new);
    let u = g.read(&variables[2]);
    let sum = g.add(new, u);
    g.assign(&variables[2], sum);
    let rows = first.unwrap_or_else(|| gathered(&mut g));
    let rows = g.scatter_add(rows, indices, rows, 0);
    g.assign(&variables[1], rows);
    let double = g.mul_scalar(w, 2.0);
    (compile(g, &[rows, double, sum]), variables)
}

#[test]
fn a_run_that_fails_changes_nothing() {
    for early in [true, false] {
        let (program, variables) = program_that_can_fail(early);
        let outputs: Vec<Tensor> = (0..3).map(|_| f32s(&[7.0, 8.0, 9.0])).collect();
        let outputs: Vec<&Tensor> = outputs.iter().collect();
        for bad in [3.0, -4.0, 1e15] {
            let indices = tensor(DType::I64, &[3], &[0.0, 1.0, bad]);
            let error = program.run(&[&indices], &outputs).expect_err("an index is out of range");
            assert_eq!(error.status(), Status::InvalidArgument);
            assert!(error.message().contains("out of range"), "{error}");
            for variable in &variables {
                assert_eq!(numbers(variable.tensor().expect("a variable")), [1.0, 2.0, 3.0], "{}", variable.name());
            }
            outputs.iter().for_each(|output| assert_eq!(numbers(output), [7.0, 8.0, 9.0]));
        }
        program.run(&[&tensor(DType::I64, &[3], &[0.0, -1.0, 1.0])], &outputs).expect("indices are in range");
        assert_eq!(numbers(variables[0].tensor().expect("a variable")), [2.0, 3.0, 4.0]);
        assert_eq!(numbers(variables[2].tensor().expect("a variable")), [3.0, 5.0, 7.0]);
        assert_eq!(numbers(outputs[1]), [2.0, 4.0, 6.0]);
    }
}

/// out = x + y; w <- w + x.
fn sum_program(variable: &Variable) -> Program {
    let mut g = Trace::new();
    let ty = Type::new(DType::F32, Shape::new(&[2, 3]).expect("a shape"));
    let (x, y) = (g.input(ty), g.input(ty));
    let w = g.read(variable);
    let moved = g.add(w, x);
    g.assign(variable, moved);
    let sum = g.add(x, y);
    compile(g, &[sum])
}

fn matrix(start: f64) -> Tensor {
    tensor(DType::F32, &[2, 3], &[start, start + 1.0, start + 2.0, start + 3.0, start + 4.0, start + 5.0])
}

#[test]
fn tensors_that_share_memory_with_what_is_written_are_refused() {
    let w = Variable::new("w", matrix(0.0));
    let program = sum_program(&w);
    let (x, out) = (matrix(10.0), matrix(0.0));
    let shared = w.tensor().expect("a variable").clone();
    for (inputs, outputs, names) in [
        ([&shared, &x], [&out], ["input 0", "w"]),
        ([&x, &shared], [&out], ["input 1", "w"]),
        ([&x, &out], [&out], ["input 1", "output 0"]),
        ([&x, &x], [&shared], ["output 0", "w"]),
    ] {
        let error = program.run(&inputs, &outputs).expect_err("memory is shared");
        assert_eq!(error.status(), Status::InvalidArgument);
        assert!(names.iter().all(|name| error.message().contains(name)), "{error}");
        assert_eq!(numbers(&shared), numbers(&matrix(0.0)));
    }
    // Two reads of one tensor are no conflict; nor is a copy of strides, made before anything is written.
    program.run(&[&x, &x], &[&out]).expect("inputs may share");
    assert_eq!(numbers(&out), [20.0, 22.0, 24.0, 26.0, 28.0, 30.0]);
    let wide = tensor(DType::F32, &[3, 2], &[1.0, 4.0, 2.0, 5.0, 3.0, 6.0]);
    let turned = wide.transpose(&[1, 0]).expect("a view");
    program.run(&[&turned, &x], &[&out]).expect("strided inputs are staged");
    assert_eq!(numbers(&out), [11.0, 13.0, 15.0, 17.0, 19.0, 21.0]);
    program.run(&[&x, &turned], &[&out]).expect("another input is staged");
    assert_eq!(numbers(&out), [11.0, 13.0, 15.0, 17.0, 19.0, 21.0]);
}

#[test]
fn outputs_that_share_memory_are_refused() {
    let mut g = Trace::new();
    let x = g.input(Type::new(DType::F32, Shape::new(&[3]).expect("a shape")));
    let (a, b) = (g.neg(x), g.exp(x));
    let program = compile(g, &[a, b]);
    let out = f32s(&[1.0, 2.0, 3.0]);
    let error = program.run(&[&f32s(&[0.0; 3])], &[&out, &out]).expect_err("one tensor for two outputs");
    assert_eq!(error.status(), Status::InvalidArgument);
    assert_eq!(numbers(&out), [1.0, 2.0, 3.0]);
}

#[test]
fn wrong_counts_types_and_layouts_are_refused() {
    let w = Variable::new("w", matrix(0.0));
    let program = sum_program(&w);
    let (x, out) = (matrix(10.0), matrix(0.0));
    let before = bytes(&out);
    let status = |inputs: &[&Tensor], outputs: &[&Tensor]| program.run(inputs, outputs).expect_err("refused").status();
    assert_eq!(status(&[&x], &[&out]), Status::InvalidArgument);
    assert_eq!(status(&[&x, &x, &x], &[&out]), Status::InvalidArgument);
    assert_eq!(status(&[&x, &x], &[]), Status::InvalidArgument);
    assert_eq!(status(&[&x, &tensor(DType::F64, &[2, 3], &[0.0; 6])], &[&out]), Status::DtypeMismatch);
    assert_eq!(status(&[&x, &tensor(DType::F32, &[3, 2], &[0.0; 6])], &[&out]), Status::ShapeMismatch);
    assert_eq!(status(&[&x, &x], &[&tensor(DType::I32, &[2, 3], &[0.0; 6])]), Status::DtypeMismatch);
    assert_eq!(status(&[&x, &x], &[&tensor(DType::F32, &[6], &[0.0; 6])]), Status::ShapeMismatch);
    let turned = tensor(DType::F32, &[3, 2], &[0.0; 6]).transpose(&[1, 0]).expect("a view");
    assert_eq!(status(&[&x, &x], &[&turned]), Status::InvalidArgument);
    assert_eq!(bytes(&out), before);
    assert_eq!(numbers(w.tensor().expect("a variable")), numbers(&matrix(0.0)));
}

/// A tensor over memory of the test's own: `offset` bytes behind an aligned address.
fn foreign(dims: &[usize], offset: usize, read_only: bool) -> Tensor {
    let elements: usize = dims.iter().product();
    let memory: &'static mut [u64] = Box::leak(vec![0u64; elements + 16].into_boxed_slice());
    let pointer = std::ptr::NonNull::new(memory.as_mut_ptr().cast::<u8>().wrapping_add(offset)).expect("memory");
    // SAFETY: the memory is never given back, and belongs to this storage alone.
    let storage = unsafe { tenon::tensor::Storage::foreign(pointer, elements * 4, read_only, || ()) };
    let shape = Shape::new(dims).expect("a shape");
    let strides = shape.strides();
    Tensor::from_storage(std::sync::Arc::new(storage), DType::F32, shape, &strides[..shape.rank()], 0).expect("a tensor")
}

#[test]
fn read_only_memory_is_read_and_never_written() {
    let frozen = foreign(&[2, 3], 0, true);
    let w = Variable::new("w", matrix(0.0));
    let out = matrix(0.0);
    sum_program(&w).run(&[&frozen, &frozen], &[&out]).expect("read-only inputs are read");
    assert_eq!(numbers(&out), [0.0; 6]);
    sum_program(&w).run(&[&out, &out], &[&frozen]).expect_err("the output is read-only");
    let fixed = Variable::new("fixed", foreign(&[2, 3], 0, true));
    sum_program(&fixed).run(&[&matrix(1.0), &matrix(1.0)], &[&out]).expect_err("the variable is read-only");
    assert_eq!(numbers(fixed.tensor().expect("a variable")), [0.0; 6]);
}

#[test]
fn memory_that_is_aligned_to_its_elements_alone_serves_as_well() {
    for elements in [3usize, 70, 5000] {
        let dims = [elements, elements.min(9)];
        let count: usize = dims.iter().product();
        let values: Vec<f64> = (0..count).map(|i| (i % 17) as f64 - 8.0).collect();
        let aligned = tensor(DType::F32, &dims, &values);
        let record = |w: &Variable, generator: &Variable| {
            let mut g = Trace::new();
            let x = g.input(Type::new(DType::F32, Shape::new(&dims).expect("a shape")));
            let state = g.read(w);
            let moved = g.add(state, x);
            g.assign(w, moved);
            let soft = g.softmax(x, 1);
            let sums = g.sum(x, &[0], false);
            let turned = g.transpose(x, &[1, 0]);
            let gram = g.matmul(turned, x);
            let drawn = g.random_normal(DType::F32, &dims, generator);
            compile(g, &[soft, sums, gram, drawn, moved])
        };
        let results = [0, 4, 12].map(|offset| {
            let place = |dims: &[usize]| foreign(dims, offset, false);
            let input = place(&dims);
            input.copy_from(&aligned).expect("a copy");
            let state = place(&dims);
            state.copy_from(&aligned).expect("a copy");
            let w = Variable::new("w", state);
            let generator = Variable::new("generator", tensor(DType::I64, &[3], &[1.0, 2.0, 3.0]));
            let program = record(&w, &generator);
            let outputs: Vec<Tensor> = program.output_types().iter().map(|ty| place(ty.shape.dims())).collect();
            program.run(&[&input], &outputs.iter().collect::<Vec<_>>()).expect("it runs");
            let mut all: Vec<Vec<u8>> = outputs.iter().map(bytes).collect();
            all.push(bytes(w.tensor().expect("a variable")));
            all
        });
        assert!(results[0] == results[1] && results[0] == results[2], "{elements}: results depend on the alignment");
    }
}

#[test]
fn programs_without_nodes_inputs_or_elements_run() {
    let program = compile(Trace::new(), &[]);
    program.run(&[], &[]).expect("nothing to do");
    let mut g = Trace::new();
    let x = g.input(Type::new(DType::F32, Shape::new(&[0, 3]).expect("a shape")));
    let (sum, soft, rows) = (g.sum(x, &[0], false), g.exp(x), g.sum(x, &[1], false));
    let constant = g.scalar(DType::I32, 5.0);
    let program = compile(g, &[sum, soft, rows, constant, x]);
    let outputs: Vec<Tensor> =
        program.output_types().iter().map(|ty| Tensor::zeros(&Allocator::system(), ty.dtype, ty.shape).expect("a tensor")).collect();
    program.run(&[&tensor(DType::F32, &[0, 3], &[])], &outputs.iter().collect::<Vec<_>>()).expect("it runs");
    assert_eq!(numbers(&outputs[0]), [0.0; 3]);
    assert_eq!(numbers(&outputs[3]), [5.0]);
}

/// A job system that refuses work after a number of calls.
struct Refusing(std::sync::atomic::AtomicUsize);

impl HostJobs for Refusing {
    fn concurrency(&self) -> usize {
        1
    }
    fn parallel_for(&self, count: usize, body: &(dyn Fn(usize) + Sync)) -> Result<()> {
        use std::sync::atomic::Ordering::Relaxed;
        if self.0.fetch_update(Relaxed, Relaxed, |left| left.checked_sub(1)).is_err() {
            return Err(Error::new(Status::Cancelled, "no more work today"));
        }
        (0..count).for_each(body);
        Ok(())
    }
}

#[test]
fn a_job_system_that_refuses_work_spoils_nothing() {
    let record = || {
        let mut g = Trace::new();
        let w = Variable::new("w", tensor(DType::F32, &[300, 300], &[1.0; 90_000]));
        let x = g.input(Type::new(DType::F32, Shape::new(&[300, 300]).expect("a shape")));
        let read = g.read(&w);
        let y = g.matmul(x, read);
        let y = g.softmax(y, 0);
        let total = g.sum(y, &[0, 1], false);
        let scaled = g.mul(read, total);
        g.assign(&w, scaled);
        let turned = g.transpose(scaled, &[1, 0]);
        let double = g.add(turned, scaled);
        (g.finish(&[total, double]).expect("the graph is recorded"), w)
    };
    let x = tensor(DType::F32, &[300, 300], &[0.01; 90_000]);
    let fives = || [tensor(DType::F32, &[], &[5.0]), tensor(DType::F32, &[300, 300], &[5.0; 90_000])];
    let run = |jobs: Jobs| {
        let (graph, w) = record();
        let program = Program::compile(graph, &target(jobs, Level::detect())).expect("it compiles");
        let outputs = fives();
        let result = program.run(&[&x], &[&outputs[0], &outputs[1]]);
        let state = [bytes(w.tensor().expect("a variable")), bytes(&outputs[0]), bytes(&outputs[1])];
        (result, state)
    };
    let (whole, expected) = run(Jobs::inline());
    whole.expect("it runs inline");
    let before = [bytes(&tensor(DType::F32, &[300, 300], &[1.0; 90_000])), bytes(&fives()[0]), bytes(&fives()[1])];
    let mut outcomes = [0, 0];
    for calls in 0..12 {
        let (result, state) = run(Jobs::host(Box::new(Refusing(calls.into()))));
        match &result {
            // It failed before anything was written, or ended in the calling thread.
            Err(error) => assert!(error.status() == Status::Cancelled && state == before, "after {calls} calls: {error}"),
            Ok(()) => assert!(state == expected, "after {calls} calls"),
        }
        outcomes[result.is_ok() as usize] += 1;
    }
    assert!(outcomes[0] > 0 && outcomes[1] > 0, "{outcomes:?}");
}

/// An initializer that failed for want of memory is asked again.
#[test]
fn a_variable_that_could_not_be_made_can_be_made_later() {
    use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
    let refuses = std::sync::Arc::new(AtomicBool::new(true));
    let asked = refuses.clone();
    let w = Variable::lazy("w", Type::new(DType::F32, Shape::new(&[1]).expect("a shape")), move || {
        if asked.load(Relaxed) { Err(Error::new(Status::OutOfMemory, "full")) } else { Ok(f32s(&[5.0])) }
    });
    for _ in 0..2 {
        assert_eq!(w.tensor().expect_err("there is no memory").status(), Status::OutOfMemory);
    }
    refuses.store(false, Relaxed);
    assert_eq!(w.tensor().expect("there is memory").to_vec::<f32>().expect("f32"), [5.0]);
}
