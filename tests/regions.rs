//! Calls and loops: they compute what their graphs say, and so do their gradients of any order.

mod checks;

use checks::{Backend, Numbers, backends, f64_elements, f64_tensor};
use std::sync::Arc;
use tenon::autodiff::reverse;
use tenon::ir::{Graph, HostArray, HostFunction, Type, Value, Variable};
use tenon::ops::{CustomGradient, Trace, validate};
use tenon::tensor::Allocator;
use tenon::{DType, Error, Result, Shape, Status, Tensor};

fn ty(dims: &[usize]) -> Type {
    Type::new(DType::F64, Shape::new(dims).unwrap())
}

fn close(a: &[f64], b: &[f64]) -> bool {
    a.len() == b.len() && a.iter().zip(b).all(|(a, b)| (a - b).abs() <= 1e-11 * (1.0 + b.abs()))
}

/// The outputs on every backend, which must agree.
fn run(graph: &Graph, inputs: &[Tensor]) -> Vec<Vec<f64>> {
    validate(graph).unwrap();
    let mut first: Option<Vec<Vec<f64>>> = None;
    let bytes = |tensor: &Tensor| {
        let mut bytes = vec![0; tensor.bytes()];
        tensor.read_bytes(&mut bytes).unwrap();
        bytes
    };
    let variables: Vec<&Tensor> = graph.variables.iter().map(|variable| variable.tensor().unwrap()).collect();
    let before: Vec<Vec<u8>> = variables.iter().map(|tensor| bytes(tensor)).collect();
    for Backend { name, run } in &backends() {
        variables.iter().zip(&before).for_each(|(tensor, bytes)| tensor.write_bytes(bytes).unwrap());
        let outputs: Vec<Vec<f64>> =
            run(graph, inputs).unwrap_or_else(|error| panic!("{name}: {error}\n{graph}")).iter().map(f64_elements).collect();
        match &first {
            None => first = Some(outputs),
            Some(first) => {
                for (output, (a, b)) in outputs.iter().zip(first).enumerate() {
                    assert!(close(a, b), "{name}: output {output}: {a:?}, not {b:?}\n{graph}");
                }
            }
        }
    }
    first.unwrap()
}

type Step = fn(&mut Trace, &[Value]) -> Vec<Value>;

/// A loop with one carry [2, 3], one slice [2, 3], constants w [3, 3] and b [3]; it stacks one result.
const STEPS: &[(&str, Step)] = &[
    ("recurrent", |g, x| {
        let product = g.matmul(x[0], x[2]);
        let sum = g.add(product, x[1]);
        let sum = g.add(sum, x[3]);
        let h = g.tanh(sum);
        let y = g.square(h);
        vec![h, y]
    }),
    ("constants in other ways", |g, x| {
        let scaled = g.mul(x[0], x[3]);
        let turned = g.transpose(x[2], &[1, 0]);
        let product = g.matmul(x[1], turned);
        let gate = g.sigmoid(product);
        let trace = g.sum(x[2], &[0, 1], false);
        let y = g.mul(gate, trace);
        vec![g.add(scaled, gate), y]
    }),
    ("passes through", |g, x| {
        let y = g.mul(x[0], x[1]);
        vec![x[0], y]
    }),
    ("a loop in the loop", |g, x| {
        let inner = g.scan(2, false, [&[x[0]], &[], &[x[2]]], |g, x| {
            let product = g.matmul(x[0], x[1]);
            let h = g.sin(product);
            Ok(vec![h, h])
        });
        let inner = inner.unwrap();
        let stack = g.sum(inner[1], &[0], false);
        let h = g.add(inner[0], x[1]);
        let y = g.mul(stack, x[3]);
        vec![h, y]
    }),
];

const LENGTH: usize = 4;

/// The last carry and the stack, as a loop or one step after the other.
fn record(g: &mut Trace, step: Step, x: &[Value], looped: bool, reverse: bool) -> Vec<Value> {
    if looped {
        return g.scan(LENGTH, reverse, [&x[..1], &x[1..2], &x[2..]], |g, x| Ok(step(g, x))).unwrap();
    }
    let mut carry = x[0];
    let mut stack = vec![Value::INVALID; LENGTH];
    for t in 0..LENGTH {
        let t = if reverse { LENGTH - 1 - t } else { t };
        let slice = g.narrow(x[1], 0, t, 1);
        let slice = g.squeeze(slice, &[0]);
        let results = step(g, &[&[carry, slice], &x[2..]].concat());
        carry = results[0];
        stack[t] = results[1];
    }
    vec![carry, g.stack(&stack, 0)]
}

/// Outputs, gradients, and gradients of the gradients.
fn orders(step: Step, looped: bool, backwards: bool) -> (Graph, Vec<Tensor>) {
    let mut numbers = Numbers::new("scan");
    let shapes: [&[usize]; 4] = [&[2, 3], &[LENGTH, 2, 3], &[3, 3], &[3]];
    let mut inputs: Vec<Tensor> = shapes.iter().map(|dims| numbers.weights(dims)).collect();
    let mut g = Trace::new();
    let x: Vec<Value> = shapes.iter().map(|dims| g.input(ty(dims))).collect();
    let outputs = record(&mut g, step, &x, looped, backwards);
    let seeds: Vec<(Value, Value)> = outputs
        .iter()
        .map(|output| {
            let dims = g.dims(*output);
            inputs.push(numbers.weights(&dims));
            (*output, g.input(ty(&dims)))
        })
        .collect();
    let first = reverse(&mut g, &seeds, &x).unwrap();
    let directions: Vec<(Value, Value)> = first
        .iter()
        .map(|gradient| {
            let dims = g.dims(*gradient);
            inputs.push(numbers.weights(&dims));
            (*gradient, g.input(ty(&dims)))
        })
        .collect();
    let second = reverse(&mut g, &directions, &x).unwrap();
    let third = reverse(&mut g, &[(second[0], first[0])], &[x[2]]).unwrap();
    let all = [outputs, first, second, third].concat();
    (g.finish(&all).unwrap(), inputs)
}

#[test]
fn loops_and_their_gradients_are_those_of_their_steps() {
    for (name, step) in STEPS {
        for backwards in [false, true] {
            let (looped, inputs) = orders(*step, true, backwards);
            let (unrolled, _) = orders(*step, false, backwards);
            let (looped, unrolled) = (run(&looped, &inputs), run(&unrolled, &inputs));
            for (output, (a, b)) in looped.iter().zip(&unrolled).enumerate() {
                assert!(close(a, b), "{name}, backwards {backwards}, output {output}: {a:?}, not {b:?}");
            }
        }
    }
}

/// The large sums of a loop's gradient are products behind it.
#[test]
fn a_loops_weights_get_their_gradient_in_one_product() {
    let (graph, _) = {
        let mut g = Trace::new();
        let shapes: [&[usize]; 4] = [&[2, 3], &[LENGTH, 2, 3], &[3, 3], &[3]];
        let x: Vec<Value> = shapes.iter().map(|dims| g.input(ty(dims))).collect();
        let outputs = record(&mut g, STEPS[0].1, &x, true, false);
        let seed = g.ones_like(outputs[1]);
        let gradients = reverse(&mut g, &[(outputs[1], seed)], &x[2..]).unwrap();
        (g.finish(&gradients).unwrap(), ())
    };
    let text = graph.to_string();
    let product = text.lines().find(|line| line.contains("matmul") && line.contains("f64[3, 3]"));
    assert!(product.is_some(), "{text}");
    assert!(text.contains("4 steps backwards, 1 carries"), "{text}");
}

#[test]
fn an_empty_loop_hands_its_carries_back() {
    let mut g = Trace::new();
    let (h, x) = (g.input(ty(&[2])), g.input(ty(&[0, 2])));
    let results = g.scan(0, false, [&[h], &[x], &[]], |g, x| Ok(vec![g.add(x[0], x[1]), x[1]])).unwrap();
    let graph = g.finish(&results).unwrap();
    let outputs = run(&graph, &[f64_tensor(&[1.0, 2.0], &[2]), f64_tensor(&[], &[0, 2])]);
    assert_eq!(outputs, [vec![1.0, 2.0], vec![]]);
}

#[test]
fn loops_carry_the_variables_that_they_assign() {
    let variable = |value: f64| Variable::new("total", f64_tensor(&[value], &[]));
    let (looped, unrolled) = (variable(1.0), variable(1.0));
    let step = |g: &mut Trace, total: &Variable, x: Value| {
        let sum = g.read(total);
        let sum = g.add(sum, x);
        let double = g.mul_scalar(sum, 2.0);
        g.assign(total, double);
        sum
    };
    let mut g = Trace::new();
    let x = g.input(ty(&[3]));
    let sums = g.scan(3, false, [&[], &[x], &[]], |g, x| Ok(vec![step(g, &looped, x[0])])).unwrap();
    for t in 0..3 {
        let x = g.narrow(x, 0, t, 1);
        let x = g.squeeze(x, &[0]);
        step(&mut g, &unrolled, x);
    }
    let (a, b) = (g.read(&looped), g.read(&unrolled));
    let graph = g.finish(&[sums[0], a, b]).unwrap();
    let outputs = run(&graph, &[f64_tensor(&[1.0, 2.0, 3.0], &[3])]);
    assert_eq!(outputs[0], [2.0, 6.0, 15.0]);
    assert_eq!(outputs[1], outputs[2]);
}

#[test]
fn every_step_draws_numbers_of_its_own() {
    let generator = || Variable::new("generator", Tensor::from_slice(&Allocator::system(), &[7i64, 1, 5], &[3]).unwrap());
    let (looped, unrolled) = (generator(), generator());
    let mut g = Trace::new();
    let first = g.random_uniform(DType::F64, &[2], &looped);
    let draws = g.scan(3, false, [&[], &[], &[]], |g, _| Ok(vec![g.random_uniform(DType::F64, &[2], &looped)])).unwrap();
    let last = g.random_uniform(DType::F64, &[2], &looped);
    let mut outputs = vec![first, draws[0], last];
    outputs.extend((0..5).map(|_| g.random_uniform(DType::F64, &[2], &unrolled)).collect::<Vec<_>>());
    let graph = g.finish(&outputs).unwrap();
    let outputs = run(&graph, &[]);
    assert_eq!(outputs[..3].concat(), outputs[3..].concat());
}

#[test]
fn what_is_computed_again_is_the_same() {
    let record = |again: bool| {
        let mut g = Trace::new();
        let (x, w) = (g.input(ty(&[2, 3])), g.input(ty(&[3, 3])));
        let layer = |g: &mut Trace, x: &[Value]| {
            let product = g.matmul(x[0], x[1]);
            let h = g.tanh(product);
            let e = g.exp(h);
            Ok(vec![g.mul(h, e), e])
        };
        let y = if again { g.recompute(&[x, w], layer).unwrap() } else { layer(&mut g, &[x, w]).unwrap() };
        let y = if again { g.recompute(&[y[0], w], layer).unwrap() } else { layer(&mut g, &[y[0], w]).unwrap() };
        let seed = g.ones_like(y[0]);
        let first = reverse(&mut g, &[(y[0], seed)], &[x, w]).unwrap();
        let second = reverse(&mut g, &[(first[1], w)], &[x, w]).unwrap();
        g.finish(&[y, first, second].concat()).unwrap()
    };
    let mut numbers = Numbers::new("recompute");
    let inputs = [numbers.weights(&[2, 3]), numbers.weights(&[3, 3])];
    let (again, once) = (run(&record(true), &inputs), run(&record(false), &inputs));
    for (a, b) in again.iter().zip(&once) {
        assert!(close(a, b), "{a:?}, not {b:?}");
    }
}

struct Clipped;

/// The gradient of x -> x, held between -1 and 1.
impl CustomGradient for Clipped {
    fn record(&self, g: &mut Trace, inputs: &[Value], outputs: &[Value], dy: &[Value]) -> Result<Vec<Option<Value>>> {
        assert_eq!((inputs.len(), outputs.len(), dy.len()), (1, 1, 1));
        Ok(vec![Some(g.clamp(dy[0], -1.0, 1.0))])
    }
}

#[test]
fn a_gradient_may_be_custom() {
    let mut g = Trace::new();
    let x = g.input(ty(&[3]));
    let y = g.custom_gradient("clipped", &[x], Arc::new(Clipped), |_, x| Ok(x.to_vec())).unwrap();
    let cube = g.mul(y[0], y[0]);
    let cube = g.mul(cube, y[0]);
    let seed = g.ones_like(cube);
    let first = reverse(&mut g, &[(cube, seed)], &[x]).unwrap();
    let seed = g.ones_like(x);
    let second = reverse(&mut g, &[(first[0], seed)], &[x]).unwrap();
    let graph = g.finish(&[cube, first[0], second[0]]).unwrap();
    let outputs = run(&graph, &[f64_tensor(&[0.25, 2.0, -3.0], &[3])]);
    assert_eq!(outputs[0], [0.015625, 8.0, -27.0]);
    assert_eq!(outputs[1], [0.1875, 1.0, 1.0]);
    // The clamp's own slope is 1 inside and 0 outside; the seed passes it, and the identity's gradient clips once more.
    assert_eq!(outputs[2], [1.0, 0.0, 0.0]);
}

struct Wrong;

impl CustomGradient for Wrong {
    fn record(&self, g: &mut Trace, inputs: &[Value], _: &[Value], dy: &[Value]) -> Result<Vec<Option<Value>>> {
        match g.rank(inputs[0]) {
            0 => Ok(vec![]),
            1 => Ok(vec![Some(g.sum(dy[0], &[0], false))]),
            _ => Err(Error::new(Status::CallbackFailed, "no")),
        }
    }
}

#[test]
fn a_custom_gradient_of_another_type_is_refused() {
    for (dims, status) in [(&[][..], Status::InvalidArgument), (&[3], Status::ShapeMismatch), (&[3, 1], Status::CallbackFailed)] {
        let mut g = Trace::new();
        let x = g.input(ty(dims));
        let y = g.custom_gradient("wrong", &[x], Arc::new(Wrong), |_, x| Ok(x.to_vec())).unwrap();
        let seed = g.ones_like(x);
        assert_eq!(reverse(&mut g, &[(y[0], seed)], &[x]).unwrap_err().status(), status);
    }
}

struct Double;

impl HostFunction for Double {
    fn name(&self) -> &str {
        "double"
    }
    fn infer(&self, inputs: &[Type]) -> Result<Vec<Type>> {
        match inputs {
            [x] if x.dtype == DType::F64 => Ok(vec![*x, Type::new(DType::I64, Shape::SCALAR)]),
            _ => Err(Error::dtype("one f64 operand is wanted")),
        }
    }
    unsafe fn run(&self, inputs: &[HostArray], outputs: &[HostArray]) -> Result<()> {
        let count = inputs[0].ty.shape.elements();
        // SAFETY: the arrays have these elements.
        unsafe {
            let x = std::slice::from_raw_parts(inputs[0].data.cast::<f64>(), count);
            if x.iter().any(|x| x.is_nan()) {
                return Err(Error::new(Status::CallbackFailed, "NaN was not expected"));
            }
            let y = std::slice::from_raw_parts_mut(outputs[0].data.cast::<f64>(), count);
            y.iter_mut().zip(x).for_each(|(y, x)| *y = 2.0 * x);
            outputs[1].data.cast::<i64>().write(count as i64);
        }
        Ok(())
    }
}

struct TwiceSeed;

impl CustomGradient for TwiceSeed {
    fn record(&self, g: &mut Trace, _: &[Value], _: &[Value], dy: &[Value]) -> Result<Vec<Option<Value>>> {
        let double: Arc<dyn HostFunction> = Arc::new(Double);
        Ok(vec![Some(g.host_call(&double, &dy[..1])?[0])])
    }
}

#[test]
fn the_host_computes_operations_and_their_gradients() {
    let double: Arc<dyn HostFunction> = Arc::new(Double);
    let mut g = Trace::new();
    let x = g.input(ty(&[2, 2]));
    let turned = g.transpose(x, &[1, 0]);
    let y = g.custom_gradient("double", &[turned], Arc::new(TwiceSeed), |g, x| g.host_call(&double, x)).unwrap();
    let count = g.cast(y[1], DType::F64);
    let square = g.square(y[0]);
    let seed = g.ones_like(square);
    let first = reverse(&mut g, &[(square, seed)], &[x]).unwrap();
    let graph = g.finish(&[y[0], count, first[0]]).unwrap();
    let outputs = run(&graph, &[f64_tensor(&[1.0, 2.0, 3.0, 4.0], &[2, 2])]);
    assert_eq!(outputs, [vec![2.0, 6.0, 4.0, 8.0], vec![4.0], vec![8.0, 16.0, 24.0, 32.0]]);

    let failed = (backends()[1].run)(&graph, &[f64_tensor(&[1.0, f64::NAN, 3.0, 4.0], &[2, 2])]).unwrap_err();
    assert_eq!((failed.status(), failed.message()), (Status::CallbackFailed, "double: NaN was not expected"));

    let mut g = Trace::new();
    let x = g.input(ty(&[2]));
    let scope = g.enter("net");
    let y = g.host_call(&double, &[x]).unwrap();
    g.leave(scope);
    let seed = g.ones_like(x);
    let error = reverse(&mut g, &[(y[0], seed)], &[x]).unwrap_err();
    assert_eq!(error.status(), Status::NotDifferentiable);
    assert_eq!(error.message(), "net: grad: host_call has no gradient: the host gave it no gradient");
}

#[test]
fn bad_loops_are_refused() {
    let mut g = Trace::new();
    let (h, x) = (g.input(ty(&[2])), g.input(ty(&[3, 2])));
    let refused = |g: &mut Trace, length: usize, carries: &[Value], record: Step| {
        g.scan(length, false, [carries, &[x], &[]], |g, x| Ok(record(g, x))).unwrap_err().to_string()
    };
    assert!(refused(&mut g, 4, &[h], |_, x| x.to_vec()).contains("its first dimension is not 4 steps"));
    assert!(refused(&mut g, 3, &[h], |_, _| vec![]).contains("1 carries go in, 0 values come out"));
    assert!(refused(&mut g, 3, &[h], |g, x| vec![g.sum(x[0], &[0], false)]).contains("goes in as f64[2] and comes out as f64[]"));
    assert!(refused(&mut g, 3, &[Value::from_index(77)], |_, x| x.to_vec()).contains("operand 0 is not a value"));
}
