//! Operations that join elements: reductions and matrix products.

use super::elementwise::{larger, smaller};
use super::{Array, Data, place, positions};
use crate::error::{Error, Result};
use crate::ir::ReduceKind;
use crate::tensor::Shape;

/// Where each element of the operand goes: its place in the shape without the axes.
fn targets(x: &Array, shape: &Shape, axes: &[u8]) -> Vec<usize> {
    let rank = x.ty.shape.rank();
    positions(&x.ty.shape)
        .map(|at| {
            let kept: Vec<usize> = (0..rank).filter(|axis| !axes.contains(&(*axis as u8))).map(|axis| at[axis]).collect();
            place(shape.dims(), &kept)
        })
        .collect()
}

pub(super) fn reduce(kind: ReduceKind, x: &Array, shape: &Shape, axes: &[u8]) -> Data {
    let targets = targets(x, shape, axes);
    match &x.data {
        Data::Floats(data) => {
            let start = match kind {
                ReduceKind::Prod => 1.0,
                ReduceKind::Max => f64::NEG_INFINITY,
                ReduceKind::Min => f64::INFINITY,
                _ => 0.0,
            };
            let mut result = vec![start; shape.elements()];
            for (target, x) in targets.into_iter().zip(data) {
                result[target] = match kind {
                    ReduceKind::Prod => result[target] * x,
                    ReduceKind::Max => larger(result[target], *x),
                    ReduceKind::Min => smaller(result[target], *x),
                    _ => result[target] + x,
                };
            }
            Data::Floats(result)
        }
        Data::Ints(data) => {
            let start = match kind {
                ReduceKind::Prod | ReduceKind::All => 1,
                ReduceKind::Max => i64::MIN,
                ReduceKind::Min => i64::MAX,
                ReduceKind::Sum | ReduceKind::Any => 0,
            };
            let mut result = vec![start; shape.elements()];
            for (target, x) in targets.into_iter().zip(data) {
                result[target] = match kind {
                    ReduceKind::Sum => result[target].wrapping_add(*x),
                    ReduceKind::Prod => result[target].wrapping_mul(*x),
                    ReduceKind::Max => result[target].max(*x),
                    ReduceKind::Min => result[target].min(*x),
                    ReduceKind::Any => result[target] | x,
                    ReduceKind::All => result[target] & x,
                };
            }
            Data::Ints(result)
        }
    }
}

/// The first place of the largest or smallest element along the axis; the first NaN beats all numbers.
pub(super) fn arg(x: &Array, shape: &Shape, axis: usize, largest: bool) -> Data {
    let beats = |candidate: usize, best: usize| match &x.data {
        Data::Floats(data) if data[best].is_nan() || data[candidate].is_nan() => data[candidate].is_nan() && !data[best].is_nan(),
        Data::Floats(data) => {
            if largest {
                data[candidate] > data[best]
            } else {
                data[candidate] < data[best]
            }
        }
        Data::Ints(data) => {
            if largest {
                data[candidate] > data[best]
            } else {
                data[candidate] < data[best]
            }
        }
    };
    let winners = positions(shape).map(|at| {
        let source = |index: usize| place(x.dims(), &[&at[..axis], &[index], &at[axis..shape.rank()]].concat());
        (1..x.dims()[axis]).fold(0, |best, candidate| if beats(source(candidate), source(best)) { candidate } else { best }) as i64
    });
    Data::Ints(winners.collect())
}

pub(super) fn matmul(a: &Array, b: &Array, shape: &Shape, transpose_a: bool, transpose_b: bool) -> Result<Data> {
    let rank = shape.rank();
    let inner = a.dims()[if transpose_a { rank - 2 } else { rank - 1 }];
    let factor = |x: &Array, at: &[usize], row: usize, column: usize, transposed: bool| {
        let (row, column) = if transposed { (column, row) } else { (row, column) };
        place(x.dims(), &[&at[..rank - 2], &[row, column]].concat())
    };
    let pairs = |at: &[usize]| -> Vec<(usize, usize)> {
        let (row, column) = (at[rank - 2], at[rank - 1]);
        (0..inner).map(|k| (factor(a, at, row, k, transpose_a), factor(b, at, k, column, transpose_b))).collect()
    };
    match (&a.data, &b.data) {
        (Data::Floats(x), Data::Floats(y)) => {
            Ok(Data::Floats(positions(shape).map(|at| pairs(&at).into_iter().fold(0.0, |sum, (i, j)| sum + x[i] * y[j])).collect()))
        }
        (Data::Ints(x), Data::Ints(y)) => Ok(Data::Ints(
            positions(shape).map(|at| pairs(&at).into_iter().fold(0i64, |sum, (i, j)| sum.wrapping_add(x[i].wrapping_mul(y[j])))).collect(),
        )),
        _ => Err(Error::internal("operands of different kinds")),
    }
}
