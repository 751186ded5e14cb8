//! Values of operations by the oracle, for unit tests beside them.

use crate::ir::{Type, Value};
use crate::ops::Trace;
use crate::runtime::reference;
use crate::tensor::{Allocator, Element, Tensor};

fn evaluate<T: Element, const N: usize>(operands: [&[T]; N], record: impl FnOnce(&mut Trace, [Value; N]) -> Value) -> Vec<T> {
    let tensors = operands.map(|operand| Tensor::from_slice(&Allocator::system(), operand, &[operand.len()]).unwrap());
    let mut g = Trace::new();
    let inputs = tensors.each_ref().map(|tensor| g.input(Type::new(tensor.dtype(), *tensor.shape())));
    let y = record(&mut g, inputs);
    let graph = g.finish(&[y]).unwrap();
    reference::evaluate(&graph, &Allocator::system(), &tensors).unwrap().outputs[0].to_vec().unwrap()
}

pub(crate) fn unary(x: &[f64], record: impl FnOnce(&mut Trace, Value) -> Value) -> Vec<f64> {
    evaluate([x], |g, [x]| record(g, x))
}

pub(crate) fn binary(a: &[f64], b: &[f64], record: impl FnOnce(&mut Trace, Value, Value) -> Value) -> Vec<f64> {
    evaluate([a, b], |g, [a, b]| record(g, a, b))
}

pub(crate) fn binary_whole(a: &[i64], b: &[i64], record: impl FnOnce(&mut Trace, Value, Value) -> Value) -> Vec<i64> {
    evaluate([a, b], |g, [a, b]| record(g, a, b))
}

/// Equal within some rounding, in sign also where 0.
pub(crate) fn assert_close(got: &[f64], expected: &[f64]) {
    let close = |a: f64, b: f64| {
        (a.is_nan() && b.is_nan())
            || (a == b && (a != 0.0 || a.is_sign_negative() == b.is_sign_negative()))
            || (a - b).abs() <= 1e-15 * b.abs()
    };
    let all = got.len() == expected.len() && got.iter().zip(expected).all(|(a, b)| close(*a, *b));
    assert!(all, "{got:?} is not {expected:?}");
}
