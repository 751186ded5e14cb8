//! Graphs of particular forms, each with a trap of its own.

use crate::check::Case;
use crate::draws::{Draws, tensor};
use tenon::DType;
use tenon::ir::{Distribution, Op, Type, Value, Variable};
use tenon::ops::Trace;
use tenon::tensor::Tensor;

/// Records a graph over these inputs.
pub fn case(inputs: Vec<Tensor>, magnitude: f64, record: impl FnOnce(&mut Trace, &[Value]) -> Vec<Value>) -> Case {
    let mut g = Trace::new();
    let x: Vec<Value> = inputs.iter().map(|input| g.input(Type::new(input.dtype(), *input.shape()))).collect();
    let outputs = record(&mut g, &x);
    Case { graph: g.finish(&outputs).expect("the graph is recorded"), inputs, magnitude }
}

fn numbers(name: &str, dims: &[usize]) -> Tensor {
    Draws::new(name, 0).tensor(DType::F64, dims, -2.0, 2.0)
}

#[test]
fn a_total_counts_a_repeated_row_as_often_as_it_stands_there() {
    for (rows, columns) in [(17, 17), (5, 3000), (40, 40_000)] {
        let inputs = vec![numbers("rows", &[rows])];
        let case = case(inputs, 1e3, |g, x| {
            let loaded = g.broadcast_in(x[0], &[rows, columns], &[0]);
            let loaded = g.mean(loaded, &[0, 1], false);
            let computed = g.tanh(x[0]);
            let computed = g.broadcast_in(computed, &[rows, columns], &[0]);
            let computed = g.mean(computed, &[0, 1], false);
            vec![loaded, computed]
        });
        case.check("totals of repeated rows");
    }
}

#[test]
fn a_total_counts_a_row_once_where_its_columns_come_in_tiles() {
    for columns in [3, 2000, 70_000] {
        let inputs = vec![numbers("rows", &[6]), numbers("points", &[6, columns])];
        let case = case(inputs, 20.0, |g, x| {
            let small = g.tanh(x[0]);
            let total = g.sum(small, &[0], false);
            let wide = g.broadcast_in(small, &[6, columns], &[0]);
            let points = g.mul(wide, x[1]);
            vec![total, points, small]
        });
        case.check("a total over rows of a wide loop");
        case.check_jobs("a total over rows of a wide loop");
    }
}

#[test]
fn a_generator_moves_on_behind_what_is_drawn_from_it() {
    // Three numbers beside the three words of the state: nothing but the order keeps the state from being overwritten first.
    let generator = Variable::new("generator", tensor(DType::I64, &[3], &[5.0, 1.0, 4.0]));
    for dtype in [DType::F32, DType::F64] {
        let case = case(vec![], 10.0, |g, _| {
            let state = g.read(&generator);
            let one = g.full(DType::I64, &[3], 1.0);
            let next = g.add(state, one);
            let small = g.cast(next, dtype);
            let shape = tenon::Shape::new(&[3]).expect("a shape");
            let drawn = g.push(Op::Random { distribution: Distribution::Uniform, shape, dtype, start: 0 }, &[state]);
            let sum = g.add(small, drawn);
            g.assign(&generator, next);
            vec![sum]
        });
        case.check("a state beside its numbers");
    }
}

#[test]
fn a_state_that_is_computed_is_stored_before_it_is_drawn_from() {
    let case = case(vec![tensor(DType::I64, &[3], &[5.0, 1.0, 4.0])], 10.0, |g, x| {
        let one = g.full(DType::I64, &[3], 1.0);
        let state = g.add(x[0], one);
        let shape = tenon::Shape::new(&[3]).expect("a shape");
        let random = Op::Random { distribution: Distribution::Uniform, shape, dtype: DType::F32, start: 0 };
        let drawn = g.push(random, &[state]);
        vec![g.mul_scalar(drawn, 2.0)]
    });
    case.check("numbers of a computed state");
}

#[test]
fn narrow_numbers_are_rounded_before_they_are_compared() {
    let case = case(vec![tensor(DType::F16, &[4000], &[0.25; 4000])], 1.0, |g, x| {
        let generator = Variable::new("generator", tensor(DType::I64, &[3], &[5.0, 1.0, 4.0]));
        let drawn = g.random_uniform(DType::F16, &[4000], &generator);
        let kept = g.less(drawn, x[0]);
        let positions = g.iota(DType::F16, &[4000], 0);
        let known = g.full(DType::F16, &[4000], 2048.0);
        let equal = g.equal(positions, known);
        let bytes = g.iota(DType::U8, &[4000], 0);
        let wide = g.cast(bytes, DType::I32);
        vec![kept, equal, wide]
    });
    case.check("numbers of 16 and 8 bits");
}

#[test]
fn constants_fold_to_what_would_be_computed() {
    for dtype in [DType::F64, DType::F32, DType::F16, DType::BF16] {
        let case = case(vec![tensor(dtype, &[3], &[1000.0, 3.0, f64::NAN])], 0.0, |g, x| {
            let nan = g.scalar(dtype, f64::NAN);
            let mut outputs = vec![g.relu(nan)];
            for value in [-0.0, 2.5, f64::INFINITY] {
                let constant = g.scalar(dtype, value);
                outputs.extend([g.relu(constant), g.neg(constant), g.abs(constant), g.reciprocal(constant), g.sqrt(constant)]);
            }
            // The product of the factors is no normal number of 16 bits.
            let small = g.mul_scalar(x[0], 0.0009765625);
            let smaller = g.mul_scalar(small, 0.0009765625);
            outputs.push(g.mul_scalar(smaller, 1024.0));
            outputs
        });
        case.check("folded constants");
    }
}

#[test]
fn updates_of_sixteen_bits_add_up_in_thirty_two() {
    let indices = tensor(DType::I32, &[3000], &[0.0; 3000]);
    for dtype in [DType::F16, DType::BF16] {
        let inputs = vec![tensor(dtype, &[1, 2], &[0.0, 1.0]), indices.clone(), tensor(dtype, &[3000, 2], &[1.0; 6000])];
        // A sum rounded at each step would stay at 2048 and 256.
        let case = case(inputs, 0.0, |g, x| vec![g.scatter_add(x[0], x[1], x[2], 0)]);
        case.check("3000 updates of one row");
    }
}

#[test]
fn scalars_of_two_variables_change_places() {
    let a = Variable::new("a", tensor(DType::F64, &[], &[1.0]));
    let b = Variable::new("b", tensor(DType::F64, &[], &[2.0]));
    let case = case(vec![], 2.0, |g, _| {
        let (x, y) = (g.read(&a), g.read(&b));
        g.assign(&a, y);
        g.assign(&b, x);
        vec![g.add(x, y), y]
    });
    case.check("a swap");
}

#[test]
fn dropout_before_a_softmax_is_one_loop() {
    let generator = Variable::new("generator", tensor(DType::I64, &[3], &[5.0, 1.0, 4.0]));
    let case = case(vec![numbers("x", &[64, 32])], 3.0, |g, x| {
        let kept = g.random_bernoulli(0.5, &[64, 32], &generator);
        let none = g.zeros_like(x[0]);
        let dropped = g.select(kept, x[0], none);
        vec![g.softmax(dropped, 1)]
    });
    case.check("dropout");
    let program = tenon::runtime::Program::compile(
        case.graph.clone(),
        &crate::check::target(tenon::runtime::jobs::Jobs::inline(), tenon::runtime::cpu::simd::Level::detect()),
    )
    .expect("the graph compiles");
    let loops = program.plan().steps.iter().filter(|step| matches!(step, tenon::compiler::Step::Loop(body) if body.rows > 1)).count();
    assert_eq!((loops, program.plan().arena_bytes), (1, 0), "{}", program.plan());
}
