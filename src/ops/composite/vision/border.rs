//! What stands around a tensor, made from its own elements.

use crate::error::{Error, Result};
use crate::ir::Value;
use crate::ops::Trace;
use crate::ops::catalog::{Differentiable, Domain, Row, Values};
use crate::tensor::DType;

const REAL: Values = Values::Uniform(-1.0, 1.0);

macro_rules! border_row {
    ($name:ident, $meaning:literal, $torch:literal, $mindspore:literal) => {
        Row {
            name: stringify!($name),
            meaning: $meaning,
            domain: Domain::Any,
            differentiable: Differentiable::Yes,
            shapes: "x [n, ...] -> [low + n + high, ...], each dimension",
            torch: $torch,
            mindspore: $mindspore,
            build: |g, x| g.$name(x[0], &[0, 2, 1], &[0, 1, 0]),
            samples: &[&[(&[1, 3, 2], REAL)]],
            ..Row::COMMON
        }
    };
}

pub(in crate::ops) const ROWS: &[Row] = &[
    border_row!(
        pad_reflect,
        "x mirrored at its first and last elements",
        "torch.nn.functional.pad, 'reflect'",
        "mindspore.ops.pad, 'reflect'"
    ),
    border_row!(
        pad_replicate,
        "x with its first and last elements repeated",
        "torch.nn.functional.pad, 'replicate'",
        "mindspore.ops.pad, 'replicate'"
    ),
    border_row!(
        pad_circular,
        "x as if it went on from its beginning",
        "torch.nn.functional.pad, 'circular'",
        "mindspore.ops.pad, 'circular'"
    ),
];

#[derive(Clone, Copy, PartialEq, Eq)]
enum Border {
    Reflect,
    Replicate,
    Circular,
}

impl Trace {
    /// x with `low[i]` and `high[i]` elements more around dimension i, mirrored at its first and last elements, which are not repeated. Fewer than
    /// the dimension has.
    pub fn pad_reflect(&mut self, x: Value, low: &[usize], high: &[usize]) -> Value {
        let padded = self.border(Border::Reflect, x, low, high);
        self.settle(padded.map_err(|error| error.within("pad_reflect")))
    }
    /// x with its first and last elements repeated `low[i]` and `high[i]` times around dimension i.
    pub fn pad_replicate(&mut self, x: Value, low: &[usize], high: &[usize]) -> Value {
        let padded = self.border(Border::Replicate, x, low, high);
        self.settle(padded.map_err(|error| error.within("pad_replicate")))
    }
    /// x with `low[i]` of its last elements in front of dimension i, and `high[i]` of its first ones behind. At most as many as it has.
    pub fn pad_circular(&mut self, x: Value, low: &[usize], high: &[usize]) -> Value {
        let padded = self.border(Border::Circular, x, low, high);
        self.settle(padded.map_err(|error| error.within("pad_circular")))
    }

    fn border(&mut self, border: Border, x: Value, low: &[usize], high: &[usize]) -> Result<Value> {
        if !self.contains(x) {
            return Ok(self.identity(x));
        }
        let dims = self.dims(x);
        if low.len() != dims.len() || high.len() != dims.len() {
            return Err(Error::shape(format!("padding for {} dimensions is wanted, for {}", dims.len(), self.shape(x))));
        }
        let mut y = x;
        for (axis, size) in dims.iter().copied().enumerate().filter(|(axis, _)| low[*axis] + high[*axis] > 0) {
            let most = match border {
                Border::Reflect => size.saturating_sub(1),
                Border::Replicate if size > 0 => usize::MAX / 4,
                Border::Replicate => 0,
                Border::Circular => size,
            };
            if low[axis] > most || high[axis] > most {
                let (low, high) = (low[axis], high[axis]);
                return Err(Error::shape(format!("{low} and {high} around axis {axis} with {size} elements: at most {most} can be made")));
            }
            let place = self.iota(DType::I64, &[low[axis] + size + high[axis]], 0);
            let number = |g: &mut Trace, number: i64| g.integer(DType::I64, number);
            let start = number(self, low[axis] as i64);
            let place = self.sub(place, start);
            let (none, last, all) = (number(self, 0), number(self, size as i64 - 1), number(self, size as i64));
            let place = match border {
                Border::Reflect => {
                    let front = self.abs(place);
                    let behind = self.sub(last, front);
                    let behind = self.abs(behind);
                    self.sub(last, behind)
                }
                Border::Replicate => {
                    let place = self.maximum(place, none);
                    self.minimum(place, last)
                }
                Border::Circular => {
                    let place = self.add(place, all);
                    self.fmod(place, all)
                }
            };
            y = self.gather(y, place, axis);
        }
        Ok(y)
    }
}
