//! Whole numbers, orders, and choices.

use super::seeded;
use crate::error::Error;
use crate::ir::{Draw, Value, Variable};
use crate::ops::Trace;
use crate::ops::catalog::{Domain, Row, Values};
use crate::tensor::{DType, Shape};

const REAL: Values = Values::Uniform(-1.0, 1.0);

pub(in crate::ops) const ROWS: &[Row] = &[
    Row {
        name: "random_bernoulli",
        meaning: "true with probability p",
        domain: Domain::Any,
        differentiable: super::FLAT,
        shapes: "-> [any]",
        operands: Some((0, 0)),
        torch: "torch.bernoulli",
        mindspore: "mindspore.ops.bernoulli",
        build: |g, _| seeded(g, |g, from| g.random_bernoulli(0.25, &[2, 3], from)),
        ..Row::COMMON
    },
    Row {
        name: "random_bernoulli_with",
        meaning: "true with the probability that each element gives",
        shapes: "x [...] -> the same",
        domain: Domain::Any,
        differentiable: super::FLAT,
        torch: "torch.bernoulli",
        mindspore: "mindspore.ops.bernoulli",
        build: |g, x| seeded(g, |g, from| g.random_bernoulli_with(x[0], from)),
        samples: &[&[(&[2, 3], Values::Uniform(0.0, 1.0))]],
        ..Row::COMMON
    },
    Row {
        name: "randint",
        meaning: "whole numbers from low up to, not including, high, all equally likely",
        domain: Domain::Number,
        differentiable: super::FLAT,
        shapes: "-> [any]",
        operands: Some((0, 0)),
        build: |g, _| seeded(g, |g, from| g.randint(DType::I64, -2, 5, &[2, 3], from)),
        ..Row::COMMON
    },
    Row {
        name: "randint_like",
        meaning: "whole numbers from low up to, not including, high, in the dtype and shape of x",
        shapes: "x [...] -> the same",
        domain: Domain::Number,
        differentiable: super::FLAT,
        build: |g, x| seeded(g, |g, from| g.randint_like(x[0], -2, 5, from)),
        ..Row::COMMON
    },
    Row {
        name: "randperm",
        meaning: "0 to n - 1 in random order",
        domain: Domain::Integer,
        differentiable: super::FLAT,
        shapes: "-> [n]",
        operands: Some((0, 0)),
        build: |g, _| seeded(g, |g, from| g.randperm(DType::I64, 5, from)),
        ..Row::COMMON
    },
    Row {
        name: "shuffle",
        meaning: "x with its slices along an axis in random order",
        domain: Domain::Any,
        shapes: "x [..., n, ...] -> the same",
        torch: "-",
        build: |g, x| seeded(g, |g, from| g.shuffle(x[0], 1, from)),
        samples: &[&[(&[2, 4], REAL)]],
        ..Row::COMMON
    },
    Row {
        name: "multinomial",
        meaning: "positions of classes, drawn with probabilities in the ratio of their weights, with or without replacement",
        domain: Domain::Any,
        differentiable: super::FLAT,
        shapes: "weights [..., n] -> [..., count]",
        build: |g, x| seeded(g, |g, from| g.multinomial(x[0], 3, false, from)),
        samples: &[&[(&[2, 4], Values::Uniform(0.1, 1.0))]],
        ..Row::COMMON
    },
    Row {
        name: "categorical",
        meaning: "positions of classes, drawn with the probabilities whose logarithms, up to a constant, are given",
        domain: Domain::Any,
        differentiable: super::FLAT,
        shapes: "logits [..., n] -> [..., count]",
        torch: "torch.distributions.Categorical",
        mindspore: "mindspore.ops.random_categorical",
        build: |g, x| seeded(g, |g, from| g.categorical(x[0], 3, from)),
        samples: &[&[(&[2, 4], REAL)]],
        ..Row::COMMON
    },
];

impl Trace {
    /// True with the probability that each element of p gives: always for 1 and more, never for 0, less, and NaN. Floats; integers and bool count
    /// as f32.
    pub fn random_bernoulli_with(&mut self, p: Value, generator: &Variable) -> Value {
        if !self.knows("random_bernoulli_with", &[p]) {
            return Value::INVALID;
        }
        let wide = if self.dtype(p) == DType::F64 { DType::F64 } else { DType::F32 };
        let p = self.cast(p, wide);
        let unit = self.rand_like(p, generator);
        self.less(unit, p)
    }
    /// Whole numbers from `low` up to, not including, `high`: i64, i32, or u8, or floats, to which i64 numbers are rounded. Each is as likely as
    /// any other to within a part of 2^-64 of its probability. Fails with INVALID_ARGUMENT if low is not below high, or the dtype does
    /// not reach as far.
    pub fn randint(&mut self, dtype: DType, low: i64, high: i64, dims: &[usize], generator: &Variable) -> Value {
        if low >= high {
            return self.fail(Error::invalid(format!("randint: low {low} is not below high {high}")));
        }
        let shape = match Shape::new(dims) {
            Ok(shape) => shape,
            Err(error) => return self.fail(error.within("randint")),
        };
        let draw = Draw::Integers { low, last: high - 1 };
        if dtype.is_float() {
            let whole = self.drawn(draw, DType::I64, shape, &[], generator);
            return self.cast(whole, dtype);
        }
        self.drawn(draw, dtype, shape, &[], generator)
    }
    /// [`Trace::randint`] in the dtype and shape of x.
    pub fn randint_like(&mut self, x: Value, low: i64, high: i64, generator: &Variable) -> Value {
        if !self.knows("randint_like", &[x]) {
            return Value::INVALID;
        }
        let ty = self.ty(x);
        self.randint(ty.dtype, low, high, ty.shape.dims(), generator)
    }
    /// 0 to n - 1 in random order, as i64, i32, or u8: the order of n random numbers of 64 bits. All orders are equally likely, but for the
    /// chance that two of the numbers are equal, which is below n^2 / 2^65. Fails with INVALID_ARGUMENT if the dtype does not reach n - 1.
    pub fn randperm(&mut self, dtype: DType, n: usize, generator: &Variable) -> Value {
        let most = match dtype {
            DType::I64 => i64::MAX as u64,
            DType::I32 => i32::MAX as u64,
            DType::U8 => u8::MAX as u64,
            _ => return self.fail(Error::dtype(format!("randperm: positions are i64, i32, or u8, not {dtype}"))),
        };
        if n as u64 > most.saturating_add(1) {
            return self.fail(Error::invalid(format!("randperm: {dtype} does not reach {}", n - 1)));
        }
        let shape = match Shape::new(&[n]) {
            Ok(shape) => shape,
            Err(error) => return self.fail(error.within("randperm")),
        };
        let keys = self.drawn(Draw::Integers { low: i64::MIN, last: i64::MAX }, DType::I64, shape, &[], generator);
        let order = self.argsort(keys, 0, false);
        self.cast(order, dtype)
    }
    /// x with its slices along `axis` in random order, each slice as it was: [`Trace::randperm`] says in which. Gradients go where elements came from.
    pub fn shuffle(&mut self, x: Value, axis: usize, generator: &Variable) -> Value {
        if !self.finds_axes("shuffle", x, &[axis]) {
            return Value::INVALID;
        }
        let order = self.randperm(DType::I64, self.dims(x)[axis], generator);
        self.gather(x, order, axis)
    }
    /// `count` positions (i64 [..., count]) for each row of `logits` [..., n], drawn with replacement with the probabilities softmax(logits). -inf
    /// is never drawn; a row with NaN or infinity, or of nothing but -inf, fails the run with INVALID_ARGUMENT.
    pub fn categorical(&mut self, logits: Value, count: usize, generator: &Variable) -> Value {
        if !self.knows("categorical", &[logits]) {
            return Value::INVALID;
        }
        let shape = self.shape(logits);
        if shape.rank() == 0 || shape.dims()[shape.rank() - 1] == 0 {
            return self.fail(Error::shape(format!("categorical: there are no classes to draw from in {shape}")));
        }
        // Weights in f64, so that the least likely classes keep theirs, and with the same bits on every machine.
        let wide = self.cast(logits, DType::F64);
        let top = self.max(wide, &[shape.rank() - 1], true);
        let below = self.sub(wide, top);
        let weights = self.exp(below);
        self.multinomial(weights, count, true, generator)
    }
}
