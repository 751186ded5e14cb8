//! Graphs of many nodes: they compile without deep recursion, and in about as many steps as they have nodes.

use crate::check::target;
use crate::draws::tensor;
use crate::forms::case;
use tenon::DType;
use tenon::ir::{Type, Value, Variable};
use tenon::ops::Trace;
use tenon::runtime::Program;
use tenon::runtime::cpu::simd::Level;
use tenon::runtime::jobs::Jobs;
use tenon::tensor::Shape;

const NODES: usize = 10_000;

/// Compiles on a thread with the stack that operating systems give threads at least (512 KiB), and says how long it took.
fn compile(name: &str, g: Trace, outputs: Vec<Value>) {
    let graph = g.finish(&outputs).expect("the graph is recorded");
    let nodes = graph.nodes.len();
    let work = move || {
        let start = std::time::Instant::now();
        let program = Program::compile(graph, &target(Jobs::inline(), Level::detect())).expect("the graph compiles");
        (start.elapsed(), program.plan().steps.len())
    };
    let thread = std::thread::Builder::new().stack_size(512 * 1024).spawn(work).expect("a thread");
    let (time, steps) = thread.join().expect("compiled");
    println!("{name}: {nodes} nodes, {steps} steps, {:.2} s", time.as_secs_f64());
}

#[test]
fn a_chain_of_loops_needs_one_buffer() {
    for (dtype, bytes) in [(DType::F32, 4000), (DType::U8, 1000)] {
        let case = case(vec![tensor(dtype, &[10, 100], &[1.0; 1000])], 1.0, |g, x| {
            let mut y = x[0];
            for _ in 0..600 {
                y = g.abs(y);
                y = g.neg(y);
            }
            vec![y]
        });
        case.check("a chain");
        let program = Program::compile(case.graph.clone(), &target(Jobs::inline(), Level::detect())).expect("the graph compiles");
        assert!(program.plan().steps.len() > 2);
        assert!(program.plan().arena_bytes < bytes + 64, "{} bytes", program.plan().arena_bytes);
    }
}

fn input(g: &mut Trace, dims: &[usize]) -> Value {
    g.input(Type::new(DType::F32, Shape::new(dims).expect("a shape")))
}

#[test]
fn chains_of_ten_thousand_nodes_compile() {
    let mut g = Trace::new();
    let mut x = input(&mut g, &[100, 100]);
    for i in 0..NODES {
        x = match i % 3 {
            0 => g.sin(x),
            1 => g.tanh(x),
            _ => g.exp(x),
        };
    }
    compile("elementwise", g, vec![x]);

    let mut g = Trace::new();
    let mut x = input(&mut g, &[10]);
    for i in 0..NODES / 2 {
        x = g.reshape(x, if i % 2 == 0 { &[1, 10] } else { &[10, 1] });
        x = g.broadcast_in(x, if i % 2 == 0 { &[1, 10] } else { &[10, 1] }, &[0, 1]);
        x = g.transpose(x, &[1, 0]);
    }
    compile("views", g, vec![x]);

    let mut g = Trace::new();
    let mut x = g.scalar(DType::F32, 1.0);
    let y = input(&mut g, &[1]);
    for i in 0..NODES / 2 {
        x = g.reshape(x, &[1]);
        x = g.broadcast_in(x, &[1, 1 + i % 2], &[0]);
        x = g.slice(x, &[0, 0], &[1, 1], &[1, 1]);
        x = g.reshape(x, &[]);
    }
    let x = g.add(x, y);
    compile("constants", g, vec![x]);

    let mut g = Trace::new();
    let mut x = input(&mut g, &[64, 32]);
    for i in 0..NODES / 4 {
        x = g.sum(x, &[i % 2], true);
        x = g.broadcast_to(x, &[64, 32]);
        x = g.tanh(x);
    }
    compile("reductions", g, vec![x]);

    let mut g = Trace::new();
    let x = input(&mut g, &[64, 32]);
    let outputs = (0..NODES / 10).map(|i| g.add_scalar(x, i as f64)).collect();
    compile("outputs of one input", g, outputs);

    let mut g = Trace::new();
    let x = input(&mut g, &[]);
    let scalars: Vec<Value> = (0..NODES / 10).map(|i| g.add_scalar(x, i as f64)).collect();
    compile("scalars", g, scalars);
}

#[test]
fn a_network_of_many_layers_compiles() {
    let mut g = Trace::new();
    let mut variables = Vec::new();
    let x = input(&mut g, &[32, 64]);
    let mut y = x;
    for layer in 0..100 {
        let weight = Variable::new(format!("w{layer}"), tensor(DType::F32, &[64, 64], &[0.01; 4096]));
        let bias = Variable::new(format!("b{layer}"), tensor(DType::F32, &[64], &[0.0; 64]));
        let (w, b) = (g.read(&weight), g.read(&bias));
        y = g.linear(y, w, Some(b));
        y = g.gelu(y, false);
        variables.extend([(weight, w), (bias, b)]);
    }
    let loss = g.mean(y, &[0, 1], false);
    let one = g.scalar(DType::F32, 1.0);
    let wanted: Vec<Value> = variables.iter().map(|(_, value)| *value).collect();
    let gradients = tenon::autodiff::reverse(&mut g, &[(loss, one)], &wanted).expect("gradients");
    for ((variable, value), gradient) in variables.iter().zip(gradients) {
        let slot = Variable::new(
            format!("{}.m", variable.name()),
            tensor(DType::F32, variable.ty().shape.dims(), &vec![0.0; variable.ty().shape.elements()]),
        );
        let m = g.read(&slot);
        let old = g.mul_scalar(m, 0.9);
        let new = g.add(old, gradient);
        let step = g.mul_scalar(new, 0.01);
        let moved = g.sub(*value, step);
        g.assign(&slot, new);
        g.assign(variable, moved);
    }
    compile("a network", g, vec![loss]);
}

#[test]
fn a_long_chain_has_the_oracles_values() {
    let case = case(vec![tensor(DType::F64, &[7, 3], &[0.3; 21])], 1.0, |g, x| {
        let mut y = x[0];
        for i in 0..700 {
            let sum = g.mean(y, &[i % 2], true);
            let shifted = g.sub(y, sum);
            let small = g.sin(shifted);
            y = g.add_scalar(small, 0.001 * i as f64);
        }
        vec![y]
    });
    case.check("a long chain");
}
