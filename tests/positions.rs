//! Operations on positions that no library's samples cover: n-dimensional scatters, segments, bags, static forms of what depends on data, recurrences.

mod checks;

use checks::{Backend, backends};
use tenon::ir::{Type, Value};
use tenon::ops::Trace;
use tenon::ops::composite::Join;
use tenon::tensor::Allocator;
use tenon::{DType, Shape, Tensor};

fn f64s(dims: &[usize], elements: &[f64]) -> Tensor {
    Tensor::from_slice(&Allocator::system(), elements, dims).unwrap()
}

fn i64s(dims: &[usize], elements: &[i64]) -> Tensor {
    Tensor::from_slice(&Allocator::system(), elements, dims).unwrap()
}

fn numbers(tensor: &Tensor) -> Vec<f64> {
    match tensor.dtype() {
        DType::F64 => tensor.to_vec::<f64>().unwrap(),
        DType::I64 => tensor.to_vec::<i64>().unwrap().into_iter().map(|x| x as f64).collect(),
        other => panic!("{other}"),
    }
}

/// The results on every backend.
#[track_caller]
fn expect(inputs: &[Tensor], record: fn(&mut Trace, &[Value]) -> Vec<Value>, expected: &[&[f64]]) {
    let mut g = Trace::new();
    let x: Vec<Value> = inputs.iter().map(|input| g.input(Type::new(input.dtype(), *input.shape()))).collect();
    let outputs = record(&mut g, &x);
    let graph = g.finish(&outputs).unwrap();
    for Backend { name, run } in &backends() {
        let found = run(&graph, inputs).unwrap_or_else(|error| panic!("{name}: {error}"));
        let found: Vec<Vec<f64>> = found.iter().map(numbers).collect();
        assert_eq!(found, expected, "{name}");
    }
}

#[test]
fn positions_of_many_dimensions() {
    let x = f64s(&[2, 3], &[0.0, 1.0, 2.0, 3.0, 4.0, 5.0]);
    let places = i64s(&[3, 2], &[0, 2, 1, 0, -1, -1]);
    expect(&[x.clone(), places.clone()], |g, x| vec![g.gather_nd(x[0], x[1])], &[&[2.0, 3.0, 5.0]]);
    let rows = i64s(&[2, 1], &[1, 0]);
    expect(&[x.clone(), rows], |g, x| vec![g.gather_nd(x[0], x[1])], &[&[3.0, 4.0, 5.0, 0.0, 1.0, 2.0]]);
    let updates = f64s(&[3], &[10.0, 20.0, 30.0]);
    let all = [x, places, updates];
    expect(&all, |g, x| vec![g.scatter_nd_into(x[0], x[1], x[2], Join::Replace)], &[&[0.0, 1.0, 10.0, 20.0, 4.0, 30.0]]);
    expect(&all, |g, x| vec![g.scatter_nd_into(x[0], x[1], x[2], Join::Add)], &[&[0.0, 1.0, 12.0, 23.0, 4.0, 35.0]]);
    let twice = i64s(&[3, 1], &[1, 1, 3]);
    let updates = f64s(&[3], &[1.0, 2.0, 4.0]);
    expect(&[twice, updates], |g, x| vec![g.scatter_nd(x[0], x[1], &[4])], &[&[0.0, 3.0, 0.0, 4.0]]);
}

#[test]
fn segments_and_bags() {
    let x = f64s(&[4, 2], &[1.0, 2.0, 3.0, 4.0, 5.0, 6.0, 7.0, 8.0]);
    let ids = i64s(&[4], &[2, 0, 2, 2]);
    let all = [x, ids];
    expect(&all, |g, x| vec![g.segment(x[0], x[1], 3, Join::Add)], &[&[3.0, 4.0, 0.0, 0.0, 13.0, 16.0]]);
    expect(&all, |g, x| vec![g.segment(x[0], x[1], 3, Join::Max)], &[&[3.0, 4.0, f64::NEG_INFINITY, f64::NEG_INFINITY, 7.0, 8.0]]);
    let table = f64s(&[3, 2], &[1.0, 2.0, 3.0, 4.0, 5.0, 6.0]);
    let bags = i64s(&[2, 2], &[0, 2, 1, 1]);
    let all = [table, bags];
    expect(&all, |g, x| vec![g.embedding_bag(x[0], x[1], Join::Add, None)], &[&[6.0, 8.0, 6.0, 8.0]]);
    expect(&all, |g, x| vec![g.embedding_bag(x[0], x[1], Join::Mean, None)], &[&[3.0, 4.0, 3.0, 4.0]]);
    expect(&all, |g, x| vec![g.embedding_bag(x[0], x[1], Join::Mean, Some(2))], &[&[1.0, 2.0, 3.0, 4.0]]);
}

#[test]
fn static_forms_of_what_depends_on_data() {
    let x = f64s(&[2, 3], &[0.0, 7.0, 0.0, 5.0, 0.0, 5.0]);
    expect(
        std::slice::from_ref(&x),
        |g, x| {
            let (places, count) = g.nonzero(x[0], 4, -1);
            vec![places, count]
        },
        &[&[0.0, 1.0, 1.0, 0.0, 1.0, 2.0, -1.0, -1.0], &[3.0]],
    );
    expect(
        std::slice::from_ref(&x),
        |g, x| {
            let all = g.unique(x[0], 4, -1.0);
            vec![all.values, all.inverse, all.counts, all.count]
        },
        &[&[0.0, 5.0, 7.0, -1.0], &[0.0, 2.0, 0.0, 1.0, 0.0, 1.0], &[3.0, 2.0, 1.0, 0.0], &[3.0]],
    );
    let runs = f64s(&[6], &[1.0, 1.0, 2.0, 2.0, 2.0, 1.0]);
    expect(
        &[runs],
        |g, x| {
            let all = g.unique_consecutive(x[0], 4, 0.0);
            vec![all.values, all.inverse, all.counts, all.count]
        },
        &[&[1.0, 2.0, 1.0, 0.0], &[0.0, 0.0, 1.0, 1.0, 1.0, 2.0], &[2.0, 3.0, 1.0, 0.0], &[3.0]],
    );
}

#[test]
fn what_runs_along_an_axis() {
    let (a, b) = (f64s(&[2, 3], &[2.0, 3.0, 0.0, 1.0, 1.0, 1.0]), f64s(&[2, 3], &[1.0, 1.0, 1.0, 1.0, 2.0, 3.0]));
    let all = [a, b];
    expect(&all, |g, x| vec![g.recurrence(x[0], x[1], 1, false)], &[&[1.0, 4.0, 1.0, 1.0, 3.0, 6.0]]);
    expect(&all, |g, x| vec![g.recurrence(x[0], x[1], 1, true)], &[&[9.0, 4.0, 1.0, 6.0, 5.0, 3.0]]);
    expect(&all, |g, x| vec![g.recurrence(x[0], x[1], 0, false)], &[&[1.0, 1.0, 1.0, 2.0, 3.0, 4.0]]);
    let (y, x) = (f64s(&[3], &[1.0, 3.0, 5.0]), f64s(&[3], &[0.0, 1.0, 3.0]));
    let all = [y, x];
    expect(&all, |g, x| vec![g.trapezoid(x[0], x[1], 0)], &[&[10.0]]);
    expect(&all, |g, x| vec![g.cumulative_trapezoid(x[0], x[1], 0)], &[&[2.0, 10.0]]);
    let x = f64s(&[4], &[1.0, 2.0, 3.0, 4.0]);
    expect(std::slice::from_ref(&x), |g, x| vec![g.cumsum(x[0], 0, true, false)], &[&[10.0, 9.0, 7.0, 4.0]]);
    expect(std::slice::from_ref(&x), |g, x| vec![g.cumsum(x[0], 0, false, true)], &[&[0.0, 1.0, 3.0, 6.0]]);
    expect(&[x], |g, x| vec![g.cumprod(x[0], 0, true, true)], &[&[24.0, 12.0, 4.0, 1.0]]);
}

#[test]
fn positions_out_of_range_fail_the_run() {
    let x = Shape::new(&[3]).unwrap();
    let mut g = Trace::new();
    let (values, places) = (g.input(Type::new(DType::F64, x)), g.input(Type::new(DType::I64, x)));
    let taken = g.take_along(values, places, 0);
    let graph = g.finish(&[taken]).unwrap();
    for Backend { name, run } in &backends() {
        let good = run(&graph, &[f64s(&[3], &[1.0, 2.0, 3.0]), i64s(&[3], &[-1, 0, 2])]).unwrap();
        assert_eq!(numbers(&good[0]), [3.0, 1.0, 3.0], "{name}");
        for bad in [3, -4, i64::MAX, i64::MIN] {
            let error = run(&graph, &[f64s(&[3], &[1.0, 2.0, 3.0]), i64s(&[3], &[0, bad, 0])]).unwrap_err();
            assert!(error.message().starts_with("take_along: index"), "{name}: {error}");
        }
    }
}
