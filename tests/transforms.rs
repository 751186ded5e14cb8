//! Functions made from functions: derivatives of all kinds, batches, and each of them inside of the others.

use std::sync::Arc;
use tenon::context::{Context, ContextOptions};
use tenon::ir::{HostArray, HostFunction, Type, Value};
use tenon::nn::{Initializer, Parameter};
use tenon::ops::composite::vision::Padding;
use tenon::ops::composite::vision::convolution::{Convolution, ConvolutionTranspose};
use tenon::ops::composite::vision::pool::{Divisor, Pool};
use tenon::ops::{AttentionOptions, CustomGradient, Trace, TriangularSolve};
use tenon::tensor::{Allocator, Shape};
use tenon::train::{
    Function, GradOptions, GradientId, JacobianMode, JacobianOptions, VmapOptions, custom_gradient, grad, hessian, hvp, jacobian, jvp,
    recompute, value_and_grad, vjp, vmap,
};
use tenon::{DType, Error, Result, Status, Tensor};

fn context() -> Context {
    Context::new(ContextOptions::default()).unwrap()
}

fn tensor(context: &Context, dims: &[usize], elements: &[f64]) -> Tensor {
    Tensor::from_slice(context.allocator(), elements, dims).unwrap()
}

fn call(f: &Function, inputs: &[&Tensor]) -> Vec<Vec<f64>> {
    f.call(inputs).unwrap_or_else(|error| panic!("{error}")).iter().map(|output| output.to_vec::<f64>().unwrap()).collect()
}

fn shapes(f: &Function, inputs: &[&Tensor]) -> Vec<Vec<usize>> {
    f.call(inputs).unwrap().iter().map(|output| output.shape().dims().to_vec()).collect()
}

fn close(a: &[f64], b: &[f64]) -> bool {
    a.len() == b.len() && a.iter().zip(b).all(|(a, b)| (a - b).abs() <= 1e-11 * (1.0 + b.abs()))
}

#[track_caller]
fn agree(a: &[Vec<f64>], b: &[Vec<f64>]) {
    assert_eq!(a.len(), b.len());
    for (a, b) in a.iter().zip(b) {
        assert!(close(a, b), "{a:?}, not {b:?}");
    }
}

fn position(positions: &[usize]) -> GradOptions {
    GradOptions { positions: Some(positions.to_vec()), ..Default::default() }
}

fn at(positions: &[usize]) -> JacobianOptions {
    JacobianOptions { positions: Some(positions.to_vec()), ..Default::default() }
}

/// x, y -> (x^2 + y, x)
fn two_outputs(context: &Context) -> Function {
    Function::with_counts(context, Some(2), Some(2), |g, x| {
        let square = g.square(x[0]);
        Ok(vec![g.add(square, x[1]), x[0]])
    })
}

fn rosenbrock(context: &Context) -> Function {
    Function::with_counts(context, Some(1), Some(1), |g, x| {
        let (a, b) = (g.narrow(x[0], 0, 0, 1), g.narrow(x[0], 0, 1, 1));
        let one = g.one_minus(a);
        let one = g.square(one);
        let square = g.square(a);
        let gap = g.sub(b, square);
        let gap = g.square(gap);
        let gap = g.mul_scalar(gap, 100.0);
        let sum = g.add(one, gap);
        Ok(vec![g.sum(sum, &[0], false)])
    })
}

/// [n], [m, n] -> [m]: tanh(w x) * x_0
fn layer(context: &Context) -> Function {
    Function::with_counts(context, Some(2), Some(1), |g, x| {
        let product = g.matmul(x[1], x[0]);
        let h = g.tanh(product);
        let first = g.narrow(x[0], 0, 0, 1);
        Ok(vec![g.mul(h, first)])
    })
}

#[test]
fn the_documented_examples() {
    let context = context();
    let f = two_outputs(&context);
    let (x, y) = (tensor(&context, &[], &[1.0]), tensor(&context, &[], &[2.0]));
    assert_eq!(call(&grad(&f, position(&[0])).unwrap(), &[&x, &y]), [[3.0]]);
    assert_eq!(call(&grad(&f, position(&[1])).unwrap(), &[&x, &y]), [[1.0]]);
    let aux = GradOptions { positions: Some(vec![0, 1]), has_aux: true, ..Default::default() };
    assert_eq!(call(&grad(&f, aux).unwrap(), &[&x, &y]), [[2.0], [1.0], [1.0]]);
    let cube = Function::with_counts(&context, Some(1), Some(1), |g, x| {
        let square = g.square(x[0]);
        Ok(vec![g.mul(square, x[0])])
    });
    let first = grad(&cube, GradOptions::default()).unwrap();
    let second = grad(&first, GradOptions::default()).unwrap();
    let third = grad(&second, GradOptions::default()).unwrap();
    let two = tensor(&context, &[], &[2.0]);
    assert_eq!([call(&first, &[&two]), call(&second, &[&two]), call(&third, &[&two])], [[[12.0]], [[12.0]], [[6.0]]]);
}

#[test]
fn gradients_are_found_by_what_they_are_of() {
    let context = context();
    let w = Parameter::new(&context, "w", Type::new(DType::F64, Shape::SCALAR), Initializer::Constant(5.0), true).unwrap();
    let read = w.clone();
    let f = Function::with_counts(&context, Some(2), Some(2), move |g, x| {
        let w = read.read(g);
        let y = g.mul(x[0], w);
        Ok(vec![y, x[1]])
    });
    let options = || GradOptions { positions: Some(vec![1, 0]), weights: vec![w.clone()], ..Default::default() };
    let df = value_and_grad(&f, options()).unwrap();
    assert_eq!(df.gradient_id(0), None);
    assert_eq!(df.gradient_id(2), Some(&GradientId::Position(1)));
    assert_eq!(df.gradient_id(4), Some(&GradientId::Weight("w".to_string())));
    assert_eq!(df.gradient_id(5), None);
    assert_eq!(df.find_gradient(&GradientId::Position(0)).unwrap(), 3);
    assert_eq!(grad(&f, options()).unwrap().find_gradient(&GradientId::Weight("w".to_string())).unwrap(), 2);
    let error = df.find_gradient(&GradientId::Weight("v".to_string())).unwrap_err();
    assert_eq!((error.status(), error.message()), (Status::NotFound, "the function returns no gradient of the weight v"));
}

#[test]
fn the_hessian_of_rosenbrocks_function() {
    let context = context();
    let f = rosenbrock(&context);
    let (a, b) = (-0.7, 1.9);
    let x = tensor(&context, &[2], &[a, b]);
    let expected = vec![vec![2.0 - 400.0 * (b - 3.0 * a * a), -400.0 * a, -400.0 * a, 200.0]];
    let gradient = grad(&f, GradOptions::default()).unwrap();
    let ways = [
        hessian(&f, at(&[0])).unwrap(),
        jacobian(&gradient, JacobianMode::Rows, at(&[0])).unwrap(),
        jacobian(&gradient, JacobianMode::Columns, at(&[0])).unwrap(),
        jacobian(&jacobian(&f, JacobianMode::Rows, at(&[0])).unwrap(), JacobianMode::Columns, at(&[0])).unwrap(),
        jacobian(&jacobian(&f, JacobianMode::Columns, at(&[0])).unwrap(), JacobianMode::Rows, at(&[0])).unwrap(),
    ];
    for way in &ways {
        agree(&call(way, &[&x]), &expected);
        assert_eq!(shapes(way, &[&x]), [[2, 2]]);
    }
    let v = tensor(&context, &[2], &[0.5, -3.0]);
    let product: Vec<f64> = (0..2).map(|i| expected[0][2 * i] * 0.5 - expected[0][2 * i + 1] * 3.0).collect();
    let results = call(&hvp(&f, at(&[0])).unwrap(), &[&x, &v]);
    agree(&results, &[vec![-2.0 * (1.0 - a) - 400.0 * a * (b - a * a), 200.0 * (b - a * a)], product.clone()]);
    agree(&call(&jvp(&gradient, at(&[0])).unwrap(), &[&x, &v])[1..], &[product]);
}

/// The Jacobian by hand: [m, n] at x and [m, m, n] at w.
fn layer_jacobians(x: &[f64], w: &[f64], m: usize) -> [Vec<f64>; 2] {
    let n = x.len();
    let (mut by_x, mut by_w) = (vec![0.0; m * n], vec![0.0; m * m * n]);
    for i in 0..m {
        let h: f64 = (0..n).map(|j| w[i * n + j] * x[j]).sum::<f64>().tanh();
        for j in 0..n {
            by_x[i * n + j] = (1.0 - h * h) * w[i * n + j] * x[0] + if j == 0 { h } else { 0.0 };
            by_w[(i * m + i) * n + j] = (1.0 - h * h) * x[j] * x[0];
        }
    }
    [by_x, by_w]
}

#[test]
fn jacobians_by_rows_and_by_columns() {
    let context = context();
    let f = layer(&context);
    let (x, w) = ([0.3, -0.8, 0.5], [0.2, 0.4, -0.6, 1.1, -0.3, 0.7]);
    let (tx, tw) = (tensor(&context, &[3], &x), tensor(&context, &[2, 3], &w));
    let [by_x, by_w] = layer_jacobians(&x, &w, 2);
    for mode in [JacobianMode::Rows, JacobianMode::Columns] {
        let j = jacobian(&f, mode, at(&[0, 1])).unwrap();
        agree(&call(&j, &[&tx, &tw]), &[by_x.clone(), by_w.clone()]);
        assert_eq!(shapes(&j, &[&tx, &tw]), [vec![2, 3], vec![2, 2, 3]]);
    }
    // A direction and a weighting are products with them.
    let (dx, dw) = (tensor(&context, &[3], &[1.0, 2.0, -1.0]), tensor(&context, &[2, 3], &[0.5; 6]));
    let forward = call(&jvp(&f, at(&[0, 1])).unwrap(), &[&tx, &tw, &dx, &dw]);
    let expected: Vec<f64> = (0..2)
        .map(|i| {
            let along_x: f64 = (0..3).map(|j| by_x[3 * i + j] * [1.0, 2.0, -1.0][j]).sum();
            along_x + (0..6).map(|j| by_w[6 * i + j] * 0.5).sum::<f64>()
        })
        .collect();
    agree(&forward[1..], &[expected]);
    let seed = tensor(&context, &[2], &[2.0, -1.0]);
    let back = call(&vjp(&f, position(&[0])).unwrap(), &[&tx, &tw, &seed]);
    agree(&back[1..], &[(0..3).map(|j| 2.0 * by_x[j] - by_x[3 + j]).collect::<Vec<f64>>()]);
}

#[test]
fn several_outputs_and_auxiliary_ones() {
    let context = context();
    let f = two_outputs(&context);
    let (x, y) = (tensor(&context, &[2], &[1.0, 3.0]), tensor(&context, &[2], &[2.0, 5.0]));
    for mode in [JacobianMode::Rows, JacobianMode::Columns] {
        let j = jacobian(&f, mode, at(&[0, 1])).unwrap();
        let eye = vec![1.0, 0.0, 0.0, 1.0];
        agree(&call(&j, &[&x, &y]), &[vec![2.0, 0.0, 0.0, 6.0], eye.clone(), eye, vec![0.0; 4]]);
        let j = jacobian(&f, mode, JacobianOptions { has_aux: true, ..at(&[0]) }).unwrap();
        agree(&call(&j, &[&x, &y]), &[vec![2.0, 0.0, 0.0, 6.0], vec![1.0, 3.0]]);
    }
    let forward = jvp(&f, JacobianOptions { has_aux: true, ..at(&[0]) }).unwrap();
    let v = tensor(&context, &[2], &[1.0, 1.0]);
    agree(&call(&forward, &[&x, &y, &v]), &[vec![3.0, 14.0], vec![1.0, 3.0], vec![2.0, 6.0]]);
}

/// Functions of x [2, 3], y [3], and z [4] (positions, cast to integers), each of another family of operations.
type Body = fn(&mut Trace, &[Value]) -> Vec<Value>;
const FAMILIES: &[(&str, Body)] = &[
    ("elementwise", |g, x| {
        let product = g.mul(x[0], x[1]);
        let sum = g.sin(product);
        let zero = g.scalar(DType::F64, 0.0);
        let positive = g.greater(x[0], zero);
        vec![g.select(positive, sum, x[1])]
    }),
    ("attention", |g, x| {
        let key = g.reshape(x[1], &[1, 3]);
        let keys = g.concat(&[key, x[0]], 0);
        // Each in turn is the same in all lanes.
        let all: Vec<f64> = (0..9).map(|i| (i as f64).sin()).collect();
        let other = g.constant(&Tensor::from_slice(&Allocator::system(), &all, &[3, 3]).unwrap());
        let mask = g.slice(other, &[0, 0], &[2, 3], &[1, 1]);
        let options = AttentionOptions { mask: Some(mask), ..AttentionOptions::default() };
        let a = g.scaled_dot_product_attention(x[0], keys, other, options);
        let options = AttentionOptions { mask: Some(x[1]), causal: true, ..AttentionOptions::default() };
        let b = g.scaled_dot_product_attention(other, other, keys, options);
        let options = AttentionOptions { causal: true, ..AttentionOptions::default() };
        vec![a, b, g.scaled_dot_product_attention(keys, other, other, options)]
    }),
    ("linear algebra", |g, x| {
        // Each operand in turn is the same in all lanes.
        let all: Vec<f64> = (0..4).map(|i| (i as f64 + 0.5).sin()).collect();
        let other = g.constant(&Tensor::from_slice(&Allocator::system(), &all, &[2, 2]).unwrap());
        let square = g.product(x[0], x[0], false, true);
        let sides = g.slice(x[0], &[0, 1], &[2, 3], &[1, 1]);
        let l = g.cholesky(square, false);
        let solved = [(other, sides), (sides, other), (sides, x[0])].map(|(a, b)| g.solve(a, b, true));
        let [lu, ..] = g.lu_factor(x[0]);
        let back = g.triangular_solve(l, other, TriangularSolve { transpose: true, ..TriangularSolve::LOWER });
        let det = g.det(sides);
        let exponential = g.matrix_exp(square);
        let inverse = g.pinv(x[0], None, 0.0);
        let parts = [&g.qr(x[0], false)[..], &g.eigh(square, false), &g.svd(x[0])].concat();
        [&[l, lu, back, det, exponential, inverse][..], &solved, &parts].concat()
    }),
    ("movement", |g, x| {
        let turned = g.transpose(x[0], &[1, 0]);
        let flat = g.reshape(turned, &[6]);
        let part = g.slice(flat, &[1], &[6], &[2]);
        let zero = g.scalar(DType::F64, 0.5);
        let padded = g.pad(part, zero, &[1], &[0], &[1]);
        let joined = g.concat(&[padded, x[1]], 0);
        vec![g.reverse(joined, &[0])]
    }),
    ("reductions", |g, x| {
        let largest = g.max(x[0], &[0], false);
        let sum = g.sum(x[0], &[0, 1], false);
        let place = g.argmax(x[0], 1);
        let place = g.cast(place, DType::F64);
        let soft = g.softmax(x[0], 1);
        vec![largest, sum, place, soft]
    }),
    ("products", |g, x| {
        let vector = g.matmul(x[0], x[1]);
        let turned = g.transpose(x[0], &[1, 0]);
        let gram = g.matmul(x[0], turned);
        vec![vector, gram]
    }),
    ("positions", |g, x| {
        let indices = g.cast(x[2], DType::I64);
        let rows = g.gather(x[1], indices, 0);
        let columns = g.gather(x[0], indices, 1);
        let zeros = g.zeros_like(x[1]);
        let added = g.scatter_add(zeros, indices, rows, 0);
        vec![rows, columns, added]
    }),
    ("windows", |g, x| {
        let image = g.reshape(x[0], &[1, 2, 3]);
        let opposite = g.neg(x[1]);
        let taps = g.concat(&[x[1], opposite], 0);
        let padded = Convolution { padding: Padding::even(1), ..Convolution::default() };
        let joined = g.reshape(taps, &[1, 2, 3]);
        let joined = g.conv(image, joined, None, &padded);
        let apart = g.reshape(taps, &[2, 1, 3]);
        let grouped = g.conv(image, apart, None, &Convolution { groups: 2, ..padded.clone() });
        // Filters that differ over an image that may not, and the other way round.
        let (signal, filters) = (g.reshape(x[1], &[1, 1, 3]), g.reshape(x[0], &[2, 1, 3]));
        let crossed = g.conv(signal, filters, None, &padded);
        let transposed = Convolution { stride: vec![2], groups: 2, ..Convolution::default() };
        let transposed = ConvolutionTranspose { convolution: transposed, ..ConvolutionTranspose::default() };
        let spread = g.conv_transpose(image, apart, None, &transposed);
        let pool = Pool { stride: vec![1], ..Pool::new(&[2]) };
        vec![joined, grouped, crossed, spread, g.max_pool(image, &pool), g.avg_pool(image, &pool, Divisor::WithPadding)]
    }),
    ("loops", |g, x| {
        let results = g.scan(2, false, [&[x[1]], &[x[0]], &[x[1]]], |g, x| {
            let sum = g.add(x[0], x[1]);
            let h = g.tanh(sum);
            let y = g.mul(h, x[2]);
            Ok(vec![h, y])
        });
        results.unwrap_or_default()
    }),
    ("computed again", |g, x| {
        g.recompute(&x[..2], |g, x| {
            let product = g.matmul(x[0], x[1]);
            Ok(vec![g.exp(product)])
        })
        .unwrap_or_default()
    }),
    ("custom", |g, x| g.custom_gradient("doubled", &x[..2], Arc::new(Doubled), |g, x| Ok(vec![g.mul(x[0], x[1])])).unwrap_or_default()),
];

struct Doubled;

impl CustomGradient for Doubled {
    fn record(&self, g: &mut Trace, inputs: &[Value], outputs: &[Value], dy: &[Value]) -> Result<Vec<Option<Value>>> {
        let a = g.mul(dy[0], outputs[0]);
        let b = g.mul(dy[0], inputs[0]);
        let b = g.sum(b, &[0], false);
        Ok(vec![Some(g.mul_scalar(a, 2.0)), Some(b)])
    }
}

fn family(context: &Context, body: Body) -> Function {
    Function::with_counts(context, Some(3), None, move |g, x| Ok(body(g, x)))
}

const LANES: usize = 3;

fn inputs() -> [Vec<f64>; 3] {
    let wave = |count: usize, step: f64| (0..count).map(|i| ((i as f64 + 1.0) * step).sin()).collect::<Vec<f64>>();
    [
        wave(LANES * 6, 0.7),
        wave(LANES * 3, 1.3),
        (0..LANES * 4).map(|i| ((i * 5) % 3) as f64 - if i % 4 == 1 { 3.0 } else { 0.0 }).collect(),
    ]
}

/// vmap of `f` must be `f` on each lane, for each choice of the inputs that have lanes.
fn check_lanes(context: &Context, name: &str, f: &Function) {
    let data = inputs();
    let dims: [&[usize]; 3] = [&[2, 3], &[3], &[4]];
    for mask in 1..8usize {
        let batched = |i: usize| mask >> i & 1 == 1;
        let axes = (0..3).map(|i| batched(i).then_some(0)).collect();
        let all: Vec<Tensor> = (0..3)
            .map(|i| {
                let size: usize = dims[i].iter().product();
                let shape = if batched(i) { [&[LANES], dims[i]].concat() } else { dims[i].to_vec() };
                tensor(context, &shape, &data[i][..if batched(i) { LANES * size } else { size }])
            })
            .collect();
        let many = vmap(f, VmapOptions { in_axes: Some(axes), out_axes: None }).unwrap();
        let results = call(&many, &all.iter().collect::<Vec<_>>());
        let mut expected: Vec<Vec<f64>> = vec![Vec::new(); results.len()];
        for lane in 0..LANES {
            let one: Vec<Tensor> = (0..3)
                .map(|i| {
                    let size: usize = dims[i].iter().product();
                    let first = if batched(i) { lane * size } else { 0 };
                    tensor(context, dims[i], &data[i][first..first + size])
                })
                .collect();
            for (expected, result) in expected.iter_mut().zip(call(f, &one.iter().collect::<Vec<_>>())) {
                expected.extend(result);
            }
        }
        for (output, (a, b)) in results.iter().zip(&expected).enumerate() {
            assert!(close(a, b), "{name}, lanes of {mask:03b}, output {output}: {a:?}, not {b:?}");
        }
    }
}

#[test]
fn lanes_are_calls() {
    let context = context();
    for (name, body) in FAMILIES {
        check_lanes(&context, name, &family(&context, *body));
    }
}

#[test]
fn lanes_of_gradients_are_calls() {
    let context = context();
    for (name, body) in FAMILIES {
        let body = *body;
        let floats = Function::with_counts(&context, Some(3), Some(1), move |g, x| {
            let outputs = body(g, x);
            let sums: Vec<Value> = outputs
                .iter()
                .map(|y| {
                    let axes: Vec<usize> = (0..g.rank(*y)).collect();
                    let y = g.sin(*y);
                    g.sum(y, &axes, false)
                })
                .collect();
            Ok(vec![sums.into_iter().reduce(|a, b| g.add(a, b)).unwrap()])
        });
        let first = grad(&floats, position(&[0, 1])).unwrap();
        check_lanes(&context, &format!("gradient of {name}"), &first);
        // And the gradient of the lanes is lanes of gradients: their sum is differentiated.
        let many = vmap(&floats, VmapOptions::default()).unwrap();
        let data = inputs();
        let all =
            [tensor(&context, &[LANES, 2, 3], &data[0]), tensor(&context, &[LANES, 3], &data[1]), tensor(&context, &[LANES, 4], &data[2])];
        let all: Vec<&Tensor> = all.iter().collect();
        let outside = call(&grad(&many, position(&[0, 1])).unwrap(), &all);
        let inside = call(&vmap(&first, VmapOptions::default()).unwrap(), &all);
        agree(&outside, &inside);
        // Forward inside lanes, lanes inside forward.
        let direction = JacobianOptions { positions: Some(vec![0]), ..Default::default() };
        let axes = vec![Some(0); 4];
        let a = vmap(&jvp(&floats, direction.clone()).unwrap(), VmapOptions { in_axes: Some(axes), out_axes: None }).unwrap();
        let b = jvp(&many, direction).unwrap();
        let with_direction = [&all[..], &[all[0]]].concat();
        agree(&call(&a, &with_direction), &call(&b, &with_direction));
    }
}

#[test]
fn lanes_may_stand_anywhere() {
    let context = context();
    let f = Function::with_counts(&context, Some(2), Some(2), |g, x| {
        let product = g.matmul(x[0], x[1]);
        Ok(vec![product, x[1]])
    });
    let options = VmapOptions { in_axes: Some(vec![Some(1), None]), out_axes: Some(vec![1, 0]) };
    let many = vmap(&f, options).unwrap();
    let x = tensor(&context, &[2, 2, 3], &(0..12).map(f64::from).collect::<Vec<_>>());
    let y = tensor(&context, &[3], &[1.0, 10.0, 100.0]);
    assert_eq!(shapes(&many, &[&x, &y]), [[2, 2], [2, 3]]);
    // x[i, lane, :] . y at [i, lane].
    agree(&call(&many, &[&x, &y]), &[vec![210.0, 543.0, 876.0, 1209.0], vec![1.0, 10.0, 100.0, 1.0, 10.0, 100.0]]);
    // Nested.
    let g = Function::with_counts(&context, Some(2), Some(1), |g, x| Ok(vec![g.mul(x[0], x[1])]));
    let rows = vmap(&g, VmapOptions { in_axes: Some(vec![None, Some(0)]), out_axes: None }).unwrap();
    let outer = vmap(&rows, VmapOptions { in_axes: Some(vec![Some(0), None]), out_axes: None }).unwrap();
    agree(&call(&outer, &[&tensor(&context, &[2], &[2.0, 3.0]), &y]), &[vec![2.0, 20.0, 200.0, 3.0, 30.0, 300.0]]);
}

#[test]
fn lanes_share_parameters_and_may_not_disagree_about_what_they_assign() {
    let context = context();
    let ty = Type::new(DType::F64, Shape::new(&[2]).unwrap());
    let w = Parameter::new(&context, "w", ty, Initializer::Constant(3.0), true).unwrap();
    let read = w.clone();
    let f = Function::with_counts(&context, Some(1), Some(1), move |g, x| {
        let w = read.read(g);
        let y = g.mul(x[0], w);
        Ok(vec![g.sum(y, &[0], false)])
    });
    let x = tensor(&context, &[2, 2], &[1.0, 2.0, 3.0, 4.0]);
    // Gradients of each sample.
    let each = grad(&f, GradOptions { weights: vec![w.clone()], ..Default::default() }).unwrap();
    agree(&call(&vmap(&each, VmapOptions::default()).unwrap(), &[&x]), &[vec![1.0, 2.0, 3.0, 4.0]]);
    let written = w.clone();
    let assigns = |differs: bool| {
        let w = written.clone();
        Function::with_counts(&context, Some(1), Some(1), move |g, x| {
            let old = w.read(g);
            let new = if differs { x[0] } else { g.add_scalar(old, 1.0) };
            g.assign(w.variable(), new);
            Ok(vec![g.mul(old, x[0])])
        })
    };
    let same = vmap(&assigns(false), VmapOptions::default()).unwrap();
    agree(&call(&same, &[&x]), &[vec![3.0, 6.0, 9.0, 12.0]]);
    assert_eq!(w.value().unwrap().to_vec::<f64>().unwrap(), [4.0, 4.0]);
    let error = vmap(&assigns(true), VmapOptions::default()).unwrap().call(&[&x]).unwrap_err();
    assert_eq!((error.status(), error.message()), (Status::Unsupported, "vmap: w would be assigned something else in each lane"));
    assert_eq!(w.value().unwrap().to_vec::<f64>().unwrap(), [4.0, 4.0]);
}

struct Square;

impl HostFunction for Square {
    fn name(&self) -> &str {
        "square"
    }
    fn infer(&self, inputs: &[Type]) -> Result<Vec<Type>> {
        Ok(vec![inputs[0]])
    }
    unsafe fn run(&self, inputs: &[HostArray], outputs: &[HostArray]) -> Result<()> {
        for i in 0..inputs[0].ty.shape.elements() {
            // SAFETY: both arrays have so many elements.
            unsafe { outputs[0].data.cast::<f64>().add(i).write(inputs[0].data.cast::<f64>().add(i).read().powi(2)) };
        }
        Ok(())
    }
}

struct TwiceX;

impl CustomGradient for TwiceX {
    fn record(&self, g: &mut Trace, inputs: &[Value], _: &[Value], dy: &[Value]) -> Result<Vec<Option<Value>>> {
        let twice = g.mul_scalar(inputs[0], 2.0);
        Ok(vec![Some(g.mul(twice, dy[0]))])
    }
}

#[test]
fn functions_of_the_host_nest_like_any_other() {
    let context = context();
    let square: Arc<dyn HostFunction> = Arc::new(Square);
    let bare = Function::with_counts(&context, Some(1), Some(1), move |g, x| g.host_call(&square, x));
    let f = custom_gradient(&bare, Arc::new(TwiceX));
    let x = tensor(&context, &[3], &[1.0, -2.0, 3.0]);
    let first = grad(&f, GradOptions::default()).unwrap();
    agree(&call(&first, &[&x]), &[vec![2.0, -4.0, 6.0]]);
    agree(&call(&grad(&first, GradOptions::default()).unwrap(), &[&x]), &[vec![2.0, 2.0, 2.0]]);
    let lanes = vmap(&f, VmapOptions::default()).unwrap();
    agree(&call(&lanes, &[&x]), &[vec![1.0, 4.0, 9.0]]);
    agree(&call(&grad(&lanes, GradOptions::default()).unwrap(), &[&x]), &[vec![2.0, -4.0, 6.0]]);
    for mode in [JacobianMode::Rows, JacobianMode::Columns] {
        agree(&call(&jacobian(&f, mode, at(&[0])).unwrap(), &[&x]), &[vec![2.0, 0.0, 0.0, 0.0, -4.0, 0.0, 0.0, 0.0, 6.0]]);
    }
    let error = grad(&bare, GradOptions::default()).unwrap().call(&[&x]).unwrap_err();
    assert_eq!(error.status(), Status::NotDifferentiable);
}

#[test]
fn recomputing_changes_nothing_but_memory() {
    let context = context();
    let f = layer(&context);
    let again = recompute(&f);
    let (x, w) = (tensor(&context, &[3], &[0.3, -0.8, 0.5]), tensor(&context, &[2, 3], &[0.2, 0.4, -0.6, 1.1, -0.3, 0.7]));
    let pairs = |f: &Function| {
        let first = grad(f, position(&[0, 1])).unwrap();
        [
            call(f, &[&x, &w]),
            call(&first, &[&x, &w]),
            call(&grad(&first, position(&[1])).unwrap(), &[&x, &w]),
            call(&jacobian(f, JacobianMode::Columns, at(&[1])).unwrap(), &[&x, &w]),
            call(&jacobian(f, JacobianMode::Rows, at(&[1])).unwrap(), &[&x, &w]),
        ]
        .concat()
    };
    agree(&pairs(&again), &pairs(&f));
}

#[test]
fn bad_transforms_are_refused() {
    let context = context();
    let f = two_outputs(&context);
    let x = tensor(&context, &[2], &[1.0, 2.0]);
    let refused = |made: Result<Function>| made.unwrap_err().status();
    assert_eq!(refused(jvp(&f, at(&[2]))), Status::InvalidArgument);
    assert_eq!(refused(jacobian(&f, JacobianMode::Rows, at(&[]))), Status::InvalidArgument);
    assert_eq!(refused(hessian(&f, at(&[0, 0]))), Status::InvalidArgument);
    assert_eq!(refused(vmap(&f, VmapOptions { in_axes: Some(vec![Some(0)]), out_axes: None })), Status::InvalidArgument);
    assert_eq!(refused(vmap(&f, VmapOptions { in_axes: Some(vec![None, None]), out_axes: None })), Status::InvalidArgument);
    assert_eq!(refused(vmap(&f, VmapOptions { in_axes: None, out_axes: Some(vec![0]) })), Status::InvalidArgument);
    let fails = |f: Function, inputs: &[&Tensor]| -> Error { f.call(inputs).unwrap_err() };
    let scalar = tensor(&context, &[], &[1.0]);
    assert_eq!(fails(vmap(&f, VmapOptions::default()).unwrap(), &[&x, &scalar]).status(), Status::ShapeMismatch);
    let three = tensor(&context, &[3], &[1.0; 3]);
    assert_eq!(fails(vmap(&f, VmapOptions::default()).unwrap(), &[&x, &three]).status(), Status::ShapeMismatch);
    let none = tensor(&context, &[0], &[]);
    assert_eq!(fails(vmap(&f, VmapOptions::default()).unwrap(), &[&none, &none]).status(), Status::ShapeMismatch);
    let far = VmapOptions { in_axes: None, out_axes: Some(vec![3, 0]) };
    assert_eq!(fails(vmap(&f, far).unwrap(), &[&x, &x]).status(), Status::ShapeMismatch);
    assert_eq!(fails(hessian(&f, at(&[0])).unwrap(), &[&x, &x]).status(), Status::ShapeMismatch);
    assert_eq!(fails(jvp(&f, at(&[0])).unwrap(), &[&x, &x, &three]).status(), Status::ShapeMismatch);
    let integers = Function::with_counts(&context, Some(1), Some(1), |g, x| Ok(vec![g.argmax(x[0], 0)]));
    assert_eq!(fails(jacobian(&integers, JacobianMode::Rows, at(&[0])).unwrap(), &[&x]).status(), Status::NotDifferentiable);
}
