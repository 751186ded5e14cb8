//! Counts: of events at a rate, of successes, of trials up to the first success. Results are floats, as the parameters are.

use super::{FLAT, seeded};
use crate::ir::{Draw, Value, Variable};
use crate::ops::Trace;
use crate::ops::catalog::{Domain, Row, Values};

const RATE: Values = Values::Uniform(0.5, 20.0);
const SHARE: Values = Values::Uniform(0.1, 0.9);

pub(in crate::ops) const ROWS: &[Row] = &[
    Row {
        name: "random_poisson",
        meaning: "counts with probability rate^k e^-rate / k!",
        shapes: "x [...] -> the same",
        domain: Domain::Any,
        differentiable: FLAT,
        torch: "torch.poisson",
        mindspore: "mindspore.ops.random_poisson",
        build: |g, x| seeded(g, |g, from| g.random_poisson(x[0], from)),
        samples: &[&[(&[2, 3], RATE)]],
        ..Row::COMMON
    },
    Row {
        name: "random_binomial",
        meaning: "how many of a number of trials succeed, each with a probability",
        shapes: "a [...], b [...] -> [...]",
        domain: Domain::Any,
        differentiable: FLAT,
        torch: "torch.binomial",
        mindspore: "-",
        build: |g, x| seeded(g, |g, from| g.random_binomial(x[0], x[1], from)),
        samples: &[&[(&[2, 3], Values::Integers(1, 50)), (&[3], SHARE)]],
        ..Row::COMMON
    },
    Row {
        name: "random_geometric",
        meaning: "the number, from 1 on, of the first trial that succeeds with a probability",
        shapes: "x [...] -> the same",
        domain: Domain::Any,
        differentiable: FLAT,
        torch: "torch.Tensor.geometric_",
        mindspore: "-",
        build: |g, x| seeded(g, |g, from| g.random_geometric(x[0], from)),
        samples: &[&[(&[2, 3], SHARE)]],
        ..Row::COMMON
    },
];

impl Trace {
    fn counts(&mut self, name: &str, draw: Draw, parameters: &[Value], generator: &Variable) -> Value {
        self.with_parameters(name, parameters, |g, x| g.drawn_with(draw, x, generator))
    }
    /// Poisson numbers: 0 for a rate of 0, infinity for an infinite one, NaN for a negative one. Rates below 10 go through the distribution, larger
    /// ones by Hörmann's transformed rejection (1993): an element has forty tries, of which one fails with a probability below 0.3; after
    /// forty failures, once in 10^20 elements, it gets the whole part of the rate. Counts are rounded to the dtype.
    pub fn random_poisson(&mut self, rate: Value, generator: &Variable) -> Value {
        self.counts("random_poisson", Draw::Poisson, &[rate], generator)
    }
    /// Binomial numbers: how many of `trials`, a whole number of at least 0 and below 2^53, succeed with probability p; else NaN. As [`Trace::random_poisson`],
    /// by the smaller of the means of successes and failures; an element without an accepted try gets the most likely number.
    pub fn random_binomial(&mut self, trials: Value, p: Value, generator: &Variable) -> Value {
        self.counts("random_binomial", Draw::Binomial, &[trials, p], generator)
    }
    /// Geometric numbers: the first trial that succeeds, from 1 on, with probability p above 0 and at most 1; else NaN.
    pub fn random_geometric(&mut self, p: Value, generator: &Variable) -> Value {
        self.counts("random_geometric", Draw::Geometric, &[p], generator)
    }
}
