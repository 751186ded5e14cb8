//! Candidate samplers: some of many classes, for losses that are too dear over all of them, and how often each was to be expected.

use super::{FLAT, seeded};
use crate::error::Error;
use crate::ir::{Draw, Value, Variable};
use crate::ops::Trace;
use crate::ops::catalog::{Domain, Row, Values};
use crate::tensor::{DType, Shape};

/// What a candidate sampler gives.
#[derive(Clone, Copy, Debug)]
pub struct Candidates {
    /// The classes, i64 \[count].
    pub sampled: Value,
    /// How often each of the true classes was to be expected among them, f32 in their shape.
    pub true_expected: Value,
    /// How often each of the sampled ones was, f32 \[count].
    pub sampled_expected: Value,
}

impl Candidates {
    const NONE: Candidates = Candidates { sampled: Value::INVALID, true_expected: Value::INVALID, sampled_expected: Value::INVALID };
}

pub(in crate::ops) const ROWS: &[Row] = &[
    Row {
        name: "uniform_candidate_sampler",
        meaning: "classes, all equally likely, with or without repetition, and how often they were to be expected",
        domain: Domain::Integer,
        differentiable: FLAT,
        shapes: "true classes [any] -> [count]",
        torch: "-",
        build: |g, x| seeded(g, |g, from| g.uniform_candidate_sampler(x[0], 4, true, 10, from).sampled),
        samples: &[&[(&[2, 3], Values::Integers(0, 10))]],
        ..Row::COMMON
    },
    Row {
        name: "log_uniform_candidate_sampler",
        meaning: "classes with probabilities that fall as 1 / class, with or without repetition, and how often they were to be expected",
        domain: Domain::Integer,
        differentiable: FLAT,
        shapes: "true classes [any] -> [count]",
        torch: "-",
        build: |g, x| seeded(g, |g, from| g.log_uniform_candidate_sampler(x[0], 4, true, 10, from).sampled),
        samples: &[&[(&[2, 3], Values::Integers(0, 10))]],
        ..Row::COMMON
    },
];

/// Whole numbers that f64 holds.
const MOST: usize = 1 << 53;

impl Trace {
    /// `count` of the classes 0 to `range` - 1, all equally likely: with `unique` each once at most, in random order. What is expected is count / range
    /// for every class, and 0 for what is none.
    pub fn uniform_candidate_sampler(
        &mut self,
        true_classes: Value,
        count: usize,
        unique: bool,
        range: usize,
        generator: &Variable,
    ) -> Candidates {
        if !self.can_sample("uniform_candidate_sampler", true_classes, count, unique, range) {
            return Candidates::NONE;
        }
        let sampled = if unique {
            let order = self.randperm(DType::I64, range, generator);
            self.narrow(order, 0, 0, count)
        } else {
            self.randint(DType::I64, 0, range as i64, &[count], generator)
        };
        self.candidates(sampled, true_classes, range, |g, classes| {
            let dims = g.dims(classes);
            g.full(DType::F64, &dims, count as f64 / range as f64)
        })
    }
    /// `count` of the classes 0 to `range` - 1 with probabilities p(c) = ln((c + 2) / (c + 1)) / ln(range + 1): what suits classes in the order of how
    /// frequent they are. What is expected of a class is count p(c). With `unique` each comes once at most, as by draws that are repeated
    /// until there are count different classes; what is expected is then its chance to be among them, given the race of the others: 1 - e^(-p(c) t)
    /// for the time t at which count others are in.
    pub fn log_uniform_candidate_sampler(
        &mut self,
        true_classes: Value,
        count: usize,
        unique: bool,
        range: usize,
        generator: &Variable,
    ) -> Candidates {
        if !self.can_sample("log_uniform_candidate_sampler", true_classes, count, unique, range) {
            return Candidates::NONE;
        }
        let whole = ((range + 1) as f64).ln();
        // p(c) ln(range + 1)
        let weight = |g: &mut Trace, classes: Value| {
            let position = g.cast(classes, DType::F64);
            let number = g.add_scalar(position, 1.0);
            let step = g.reciprocal(number);
            g.log1p(step)
        };
        if !unique {
            let unit = self.random_uniform(DType::F64, &[count], generator);
            let power = self.mul_scalar(unit, whole);
            let above = self.exp(power);
            let above = self.cast(above, DType::I64);
            let (one, last) = (self.integer(DType::I64, 1), self.integer(DType::I64, range as i64 - 1));
            let class = self.sub(above, one);
            let sampled = self.minimum(class, last);
            return self.candidates(sampled, true_classes, range, |g, classes| {
                let weight = weight(g, classes);
                g.mul_scalar(weight, count as f64 / whole)
            });
        }
        let Ok(shape) = Shape::new(&[range]) else { return Candidates::NONE };
        let noise = self.drawn(Draw::Exponential, DType::F64, shape, &[], generator);
        let classes = self.iota(DType::I64, &[range], 0);
        let weights = weight(self, classes);
        let times = self.div(noise, weights);
        let (first, order) = self.topk(times, range.min(count + 1), 0, false);
        let sampled = self.narrow(order, 0, 0, count);
        // When the last of the candidates came in, and when one more would have.
        let one = |g: &mut Trace, place: usize| {
            let time = g.narrow(first, 0, place, 1);
            g.reshape(time, &[])
        };
        let last = if count > 0 { one(self, count - 1) } else { self.scalar(DType::F64, 0.0) };
        let next = if count < range { one(self, count) } else { self.scalar(DType::F64, f64::INFINITY) };
        self.candidates(sampled, true_classes, range, |g, classes| {
            // As many others as there are candidates are in by then: for a class that is one, one more than the candidates.
            let place = g.cast(classes, DType::I64);
            let place = g.clamp(place, 0.0, (range - 1) as f64);
            let own = g.gather(times, place, 0);
            let is_in = g.less_equal(own, last);
            let end = g.select(is_in, next, last);
            let weight = weight(g, classes);
            let passed = g.mul(weight, end);
            let left = g.neg(passed);
            let missing = g.expm1(left);
            g.neg(missing)
        })
    }
    fn can_sample(&mut self, name: &str, true_classes: Value, count: usize, unique: bool, range: usize) -> bool {
        if !self.knows(name, &[true_classes]) {
            return false;
        }
        let dtype = self.dtype(true_classes);
        if dtype.is_float() || dtype == DType::Bool {
            self.fail(Error::dtype(format!("{name}: classes are integers, not {dtype}")));
        } else if range == 0 || range > MOST {
            self.fail(Error::invalid(format!("{name}: there are 1 to 2^53 classes, not {range}")));
        } else if unique && count > range {
            self.fail(Error::invalid(format!("{name}: there are no {count} different classes among {range}")));
        } else if let Err(error) = Shape::new(&[if unique { range } else { count }]) {
            self.fail(error.within(name));
        } else {
            return true;
        }
        false
    }
    /// What was sampled, and how often classes were to be expected: `each` (f64) of those that there are, 0 of what is none.
    fn candidates(&mut self, sampled: Value, true_classes: Value, range: usize, each: impl Fn(&mut Trace, Value) -> Value) -> Candidates {
        let [true_expected, sampled_expected] = [true_classes, sampled].map(|classes| {
            let each = each(self, classes);
            let classes = self.cast(classes, DType::I64);
            let (zero, end) = (self.integer(DType::I64, 0), self.integer(DType::I64, range as i64));
            let (is_above, is_below) = (self.greater_equal(classes, zero), self.less(classes, end));
            let is_class = self.logical_and(is_above, is_below);
            let nothing = self.scalar(DType::F64, 0.0);
            let number = self.select(is_class, each, nothing);
            self.cast(number, DType::F32)
        });
        Candidates { sampled, true_expected, sampled_expected }
    }
}
