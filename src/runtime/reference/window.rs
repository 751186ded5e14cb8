//! Operations that slide windows over the last dimensions.

use super::{Array, Data, place, positions};
use crate::error::{Error, Result};
use crate::ir::{ConvolutionRole, WindowAxis};
use crate::tensor::Shape;

/// Calls `visit` with (window, tap, element) in row-major numbers, for every tap of every window that lies on an element; windows outermost.
fn visit_taps(window: &[WindowAxis], mut visit: impl FnMut(usize, usize, usize)) {
    let shape = |of: fn(&WindowAxis) -> usize| Shape::new(&window.iter().map(of).collect::<Vec<_>>()).expect("sizes of tensors");
    let (counts, kernels) = (shape(|axis| axis.count), shape(|axis| axis.kernel));
    let sizes: Vec<usize> = window.iter().map(|axis| axis.size).collect();
    for (number, at) in positions(&counts).enumerate() {
        for (tap, offset) in positions(&kernels).enumerate() {
            let element: Option<Vec<usize>> = window.iter().enumerate().map(|(i, axis)| axis.position(at[i], offset[i])).collect();
            if let Some(element) = element {
                visit(number, tap, place(&sizes, &element));
            }
        }
    }
}

fn product(window: &[WindowAxis], of: fn(&WindowAxis) -> usize) -> usize {
    window.iter().map(of).product()
}

pub(super) fn convolution(
    role: ConvolutionRole,
    window: &[WindowAxis],
    groups: usize,
    a: &Array,
    b: &Array,
    shape: &Shape,
) -> Result<Data> {
    let (elements, windows, taps) =
        (product(window, |axis| axis.size), product(window, |axis| axis.count), product(window, |axis| axis.kernel));
    // (x, w, y), whichever is the result.
    let (x, w, y) = match role {
        ConvolutionRole::Forward => (a.dims(), b.dims(), shape.dims()),
        ConvolutionRole::InputGradient => (shape.dims(), b.dims(), a.dims()),
        ConvolutionRole::FilterGradient => (a.dims(), shape.dims(), b.dims()),
    };
    let (batch, inputs, outputs) = (x[0], x[1], y[1]);
    let (inputs_each, outputs_each) = (w[1], outputs / groups);
    // For every product: the places of the two factors and of the sum.
    let products = |visit: &mut dyn FnMut(usize, usize, usize)| {
        for n in 0..batch {
            for output in 0..outputs {
                for each in 0..inputs_each {
                    let input = output / outputs_each * inputs_each + each;
                    visit_taps(window, |number, tap, element| {
                        let x = (n * inputs + input) * elements + element;
                        let w = (output * inputs_each + each) * taps + tap;
                        let y = (n * outputs + output) * windows + number;
                        match role {
                            ConvolutionRole::Forward => visit(x, w, y),
                            ConvolutionRole::InputGradient => visit(y, w, x),
                            ConvolutionRole::FilterGradient => visit(x, y, w),
                        }
                    });
                }
            }
        }
    };
    match (&a.data, &b.data) {
        (Data::Floats(a), Data::Floats(b)) => {
            let mut sums = vec![0.0; shape.elements()];
            products(&mut |i, j, sum| sums[sum] += a[i] * b[j]);
            Ok(Data::Floats(sums))
        }
        (Data::Ints(a), Data::Ints(b)) => {
            let mut sums = vec![0i64; shape.elements()];
            products(&mut |i, j, sum| sums[sum] = sums[sum].wrapping_add(a[i].wrapping_mul(b[j])));
            Ok(Data::Ints(sums))
        }
        _ => Err(Error::internal("operands of different kinds")),
    }
}

/// For each window of each leading place, in row-major order, the place of x's first largest element.
fn winners(window: &[WindowAxis], x: &Array) -> Vec<usize> {
    let (elements, windows) = (product(window, |axis| axis.size), product(window, |axis| axis.count));
    let beats = |candidate: usize, best: usize| match &x.data {
        Data::Floats(data) => data[candidate] > data[best] || (data[candidate].is_nan() && !data[best].is_nan()),
        Data::Ints(data) => data[candidate] > data[best],
    };
    let lead = x.data.len().checked_div(elements).unwrap_or(0);
    let mut winners = vec![usize::MAX; lead * windows];
    for outer in 0..lead {
        visit_taps(window, |number, _, element| {
            let (best, candidate) = (&mut winners[outer * windows + number], outer * elements + element);
            if *best == usize::MAX || beats(candidate, *best) {
                *best = candidate;
            }
        });
    }
    winners
}

pub(super) fn select(window: &[WindowAxis], x: &Array, v: &Array, shape: &Shape) -> Data {
    let winners = winners(window, x);
    debug_assert_eq!(winners.len(), shape.elements());
    v.data.pick(winners.into_iter())
}

pub(super) fn scatter(window: &[WindowAxis], x: &Array, v: &Array) -> Result<Data> {
    let winners = winners(window, x);
    match &v.data {
        Data::Floats(data) => {
            let mut sums = vec![0.0; x.data.len()];
            winners.into_iter().zip(data).for_each(|(winner, v)| sums[winner] += v);
            Ok(Data::Floats(sums))
        }
        Data::Ints(data) => {
            let mut sums = vec![0i64; x.data.len()];
            winners.into_iter().zip(data).for_each(|(winner, v)| sums[winner] = sums[winner].wrapping_add(*v));
            Ok(Data::Ints(sums))
        }
    }
}

/// Sums of windows, or with `spread` the sums of the windows that each element lies in.
pub(super) fn sum(window: &[WindowAxis], x: &Array, shape: &Shape, spread: bool) -> Data {
    let (elements, windows) = (product(window, |axis| axis.size), product(window, |axis| axis.count));
    let (from, to) = if spread { (windows, elements) } else { (elements, windows) };
    let lead = shape.elements().checked_div(to).unwrap_or(0);
    let pairs = |visit: &mut dyn FnMut(usize, usize)| {
        for outer in 0..lead {
            visit_taps(window, |number, _, element| {
                let (source, target) = if spread { (number, element) } else { (element, number) };
                visit(outer * from + source, outer * to + target);
            });
        }
    };
    match &x.data {
        Data::Floats(data) => {
            let mut sums = vec![0.0; shape.elements()];
            pairs(&mut |source, target| sums[target] += data[source]);
            Data::Floats(sums)
        }
        Data::Ints(data) => {
            let mut sums = vec![0i64; shape.elements()];
            pairs(&mut |source, target| sums[target] = sums[target].wrapping_add(data[source]));
            Data::Ints(sums)
        }
    }
}
