//! Order along an axis, and what accumulates along one.

use super::{Array, Data, place, positions};
use crate::error::{Error, Result};
use crate::ir::CumulativeKind;
use crate::tensor::Shape;
use std::cmp::Ordering;

/// NaN is equal to NaN and larger than everything else.
fn compare(x: f64, y: f64) -> Ordering {
    x.partial_cmp(&y).unwrap_or_else(|| x.is_nan().cmp(&y.is_nan()))
}

fn compare_in(x: &Data, i: usize, j: usize) -> Ordering {
    match x {
        Data::Floats(data) => compare(data[i], data[j]),
        Data::Ints(data) => data[i].cmp(&data[j]),
    }
}

/// The places of each line along the axis, in the order of the axis.
fn lines(shape: &Shape, axis: usize) -> Vec<Vec<usize>> {
    let heads = positions(shape).filter(|at| at[axis] == 0);
    heads
        .map(|mut at| {
            let along = 0..shape.dims()[axis];
            along
                .map(|i| {
                    at[axis] = i;
                    place(shape.dims(), &at[..shape.rank()])
                })
                .collect()
        })
        .collect()
}

/// The first positions of each line in its order, as many as the result has along the axis.
pub(super) fn rank(x: &Array, shape: &Shape, axis: usize, descending: bool) -> Data {
    let mut ranked = vec![0; shape.elements()];
    for (line, targets) in lines(&x.ty.shape, axis).iter().zip(lines(shape, axis)) {
        let mut order: Vec<usize> = (0..line.len()).collect();
        order.sort_by(|i, j| {
            let ascending = compare_in(&x.data, line[*i], line[*j]);
            if descending { ascending.reverse() } else { ascending }
        });
        targets.iter().zip(order).for_each(|(target, position)| ranked[*target] = position as i64);
    }
    Data::Ints(ranked)
}

pub(super) fn search(sequence: &Array, values: &Array, right: bool) -> Result<Data> {
    let length = *sequence.dims().last().ok_or_else(|| Error::internal("a sequence has a dimension"))?;
    let each = values.dims().last().copied().unwrap_or(1);
    let is_before = |ordering: Ordering| ordering == Ordering::Less || (right && ordering == Ordering::Equal);
    let count = |at: usize| {
        let first = if sequence.dims().len() == 1 { 0 } else { at / each * length };
        let before = (first..first + length).filter(|i| {
            is_before(match (&sequence.data, &values.data) {
                (Data::Floats(sequence), Data::Floats(values)) => compare(sequence[*i], values[at]),
                (Data::Ints(sequence), Data::Ints(values)) => sequence[*i].cmp(&values[at]),
                _ => Ordering::Greater,
            })
        });
        before.count() as i64
    };
    Ok(Data::Ints((0..values.data.len()).map(count).collect()))
}

/// The lines in the direction in which something accumulates.
fn directed(shape: &Shape, axis: usize, reverse: bool) -> Vec<Vec<usize>> {
    let mut lines = lines(shape, axis);
    if reverse {
        lines.iter_mut().for_each(|line| line.reverse());
    }
    lines
}

pub(super) fn cumulative(kind: CumulativeKind, x: &Array, axis: usize, reverse: bool) -> Data {
    let lines = directed(&x.ty.shape, axis, reverse);
    if kind == CumulativeKind::Sum {
        let mut data = x.data.clone();
        for pair in lines.iter().flat_map(|line| line.windows(2)) {
            match &mut data {
                Data::Floats(data) => data[pair[1]] += data[pair[0]],
                Data::Ints(data) => data[pair[1]] = data[pair[1]].wrapping_add(data[pair[0]]),
            }
        }
        return data;
    }
    let is_nan = |i: usize| matches!(&x.data, Data::Floats(data) if data[i].is_nan());
    let mut result = vec![0; x.data.len()];
    for line in lines {
        let mut best = 0;
        for (step, at) in line.iter().enumerate() {
            let ordering = compare_in(&x.data, *at, line[best]);
            let loses = if kind == CumulativeKind::ArgMax { Ordering::Less } else { Ordering::Greater };
            if is_nan(*at) || (!is_nan(line[best]) && ordering != loses) {
                best = step;
            }
            result[*at] = if reverse { line.len() - 1 - best } else { best } as i64;
        }
    }
    Data::Ints(result)
}

pub(super) fn recurrence(a: &Array, b: &Array, axis: usize, reverse: bool) -> Result<Data> {
    let lines = directed(&a.ty.shape, axis, reverse);
    let pairs = lines.iter().flat_map(|line| line.windows(2));
    match (&a.data, &b.data) {
        (Data::Floats(a), Data::Floats(b)) => {
            let mut y = b.clone();
            pairs.for_each(|pair| y[pair[1]] += a[pair[1]] * y[pair[0]]);
            Ok(Data::Floats(y))
        }
        (Data::Ints(a), Data::Ints(b)) => {
            let mut y = b.clone();
            pairs.for_each(|pair| y[pair[1]] = y[pair[1]].wrapping_add(a[pair[1]].wrapping_mul(y[pair[0]])));
            Ok(Data::Ints(y))
        }
        _ => Err(Error::internal("operands of different kinds")),
    }
}
