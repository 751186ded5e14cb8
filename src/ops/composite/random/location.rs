//! Continuous distributions with a location and a scale, and their like: noise times one plus the other.

use super::seeded;
use crate::error::Error;
use crate::ir::{Draw, Value, Variable};
use crate::ops::Trace;
use crate::ops::catalog::{Domain, Row, Values};
use crate::tensor::DType;

const LOCATION: Values = Values::Uniform(-1.0, 1.0);
const SCALE: Values = Values::Uniform(0.5, 2.0);

pub(in crate::ops) const ROWS: &[Row] = &[
    Row {
        name: "random_uniform",
        meaning: "uniform numbers in [0, 1)",
        differentiable: super::FLAT,
        shapes: "-> [any]",
        operands: Some((0, 0)),
        torch: "torch.rand",
        mindspore: "mindspore.ops.rand",
        build: |g, _| seeded(g, |g, from| g.random_uniform(DType::F64, &[2, 3], from)),
        ..Row::COMMON
    },
    Row {
        name: "random_normal",
        meaning: "standard normal numbers",
        differentiable: super::FLAT,
        shapes: "-> [any]",
        operands: Some((0, 0)),
        torch: "torch.randn",
        mindspore: "mindspore.ops.standard_normal",
        build: |g, _| seeded(g, |g, from| g.random_normal(DType::F64, &[2, 3], from)),
        ..Row::COMMON
    },
    Row {
        name: "rand_like",
        meaning: "uniform numbers in [0, 1) in the dtype and shape of x",
        shapes: "x [...] -> the same",
        differentiable: super::FLAT,
        build: |g, x| seeded(g, |g, from| g.rand_like(x[0], from)),
        ..Row::COMMON
    },
    Row {
        name: "randn_like",
        meaning: "standard normal numbers in the dtype and shape of x",
        shapes: "x [...] -> the same",
        differentiable: super::FLAT,
        build: |g, x| seeded(g, |g, from| g.randn_like(x[0], from)),
        ..Row::COMMON
    },
    Row {
        name: "random_uniform_with",
        meaning: "uniform numbers between low and high",
        shapes: "a [...], b [...] -> [...]",
        domain: Domain::Any,
        torch: "torch.distributions.Uniform",
        mindspore: "mindspore.ops.uniform",
        build: |g, x| seeded(g, |g, from| g.random_uniform_with(x[0], x[1], from)),
        samples: &[&[(&[2, 3], LOCATION), (&[3], SCALE)]],
        ..Row::COMMON
    },
    Row {
        name: "random_normal_with",
        meaning: "normal numbers with a mean and a standard deviation",
        shapes: "a [...], b [...] -> [...]",
        domain: Domain::Any,
        torch: "torch.normal",
        mindspore: "mindspore.ops.normal",
        build: |g, x| seeded(g, |g, from| g.random_normal_with(x[0], x[1], from)),
        samples: &[&[(&[2, 3], LOCATION), (&[3], SCALE)]],
        ..Row::COMMON
    },
    Row {
        name: "random_truncated_normal",
        meaning: "normal numbers between bounds that are given in standard deviations from the mean",
        shapes: "a [...], b [...] -> [...]",
        domain: Domain::Any,
        torch: "torch.nn.init.trunc_normal_",
        mindspore: "mindspore.ops.TruncatedNormal",
        build: |g, x| seeded(g, |g, from| g.random_truncated_normal(x[0], x[1], -2.0, 1.5, from)),
        samples: &[&[(&[2, 3], LOCATION), (&[3], SCALE)]],
        ..Row::COMMON
    },
    Row {
        name: "random_log_normal",
        meaning: "e to the power of normal numbers with a mean and a standard deviation",
        shapes: "a [...], b [...] -> [...]",
        domain: Domain::Any,
        torch: "torch.distributions.LogNormal",
        mindspore: "mindspore.ops.LogNormalReverse",
        build: |g, x| seeded(g, |g, from| g.random_log_normal(x[0], x[1], from)),
        samples: &[&[(&[2, 3], LOCATION), (&[3], SCALE)]],
        ..Row::COMMON
    },
    Row {
        name: "random_exponential",
        meaning: "numbers with density rate e^(-rate x), x > 0",
        shapes: "x [...] -> the same",
        domain: Domain::Any,
        torch: "torch.distributions.Exponential",
        mindspore: "-",
        build: |g, x| seeded(g, |g, from| g.random_exponential(x[0], from)),
        samples: &[&[(&[2, 3], SCALE)]],
        ..Row::COMMON
    },
    Row {
        name: "random_laplace",
        meaning: "numbers with density e^(-|x - location| / scale) / (2 scale)",
        shapes: "a [...], b [...] -> [...]",
        domain: Domain::Any,
        torch: "torch.distributions.Laplace",
        mindspore: "mindspore.ops.laplace",
        build: |g, x| seeded(g, |g, from| g.random_laplace(x[0], x[1], from)),
        samples: &[&[(&[2, 3], LOCATION), (&[3], SCALE)]],
        ..Row::COMMON
    },
    Row {
        name: "random_gumbel",
        meaning: "numbers with distribution function e^-e^(-(x - location) / scale)",
        shapes: "a [...], b [...] -> [...]",
        domain: Domain::Any,
        torch: "torch.distributions.Gumbel",
        mindspore: "-",
        build: |g, x| seeded(g, |g, from| g.random_gumbel(x[0], x[1], from)),
        samples: &[&[(&[2, 3], LOCATION), (&[3], SCALE)]],
        ..Row::COMMON
    },
    Row {
        name: "random_cauchy",
        meaning: "numbers with density scale / (pi (scale^2 + (x - location)^2))",
        shapes: "a [...], b [...] -> [...]",
        domain: Domain::Any,
        torch: "torch.distributions.Cauchy",
        mindspore: "-",
        build: |g, x| seeded(g, |g, from| g.random_cauchy(x[0], x[1], from)),
        samples: &[&[(&[2, 3], LOCATION), (&[3], SCALE)]],
        ..Row::COMMON
    },
];

impl Trace {
    /// Uniform numbers in [0, 1) in the dtype and shape of x: floats.
    pub fn rand_like(&mut self, x: Value, generator: &Variable) -> Value {
        if !self.knows("rand_like", &[x]) {
            return Value::INVALID;
        }
        let ty = self.ty(x);
        self.random_uniform(ty.dtype, ty.shape.dims(), generator)
    }
    /// Standard normal numbers in the dtype and shape of x: floats.
    pub fn randn_like(&mut self, x: Value, generator: &Variable) -> Value {
        if !self.knows("randn_like", &[x]) {
            return Value::INVALID;
        }
        let ty = self.ty(x);
        self.random_normal(ty.dtype, ty.shape.dims(), generator)
    }
    /// location + scale * noise; NaN for a negative scale.
    fn located(&mut self, name: &str, location: Value, scale: Value, noise: impl FnOnce(&mut Trace, Value) -> Value) -> Value {
        self.with_parameters(name, &[location, scale], |g, x| {
            let noise = noise(g, x[0]);
            let spread = g.mul(x[1], noise);
            let spread = g.where_not_negative(x[1], spread);
            g.add(x[0], spread)
        })
    }
    /// low + (high - low) u for u uniform in [0, 1); the sum may round to high. NaN where low is above high.
    pub fn random_uniform_with(&mut self, low: Value, high: Value, generator: &Variable) -> Value {
        self.with_parameters("random_uniform_with", &[low, high], |g, x| {
            let unit = g.rand_like(x[0], generator);
            let width = g.sub(x[1], x[0]);
            let step = g.mul(width, unit);
            let step = g.where_not_negative(width, step);
            g.add(x[0], step)
        })
    }
    /// Normal numbers with this mean and standard deviation; NaN for a negative deviation.
    pub fn random_normal_with(&mut self, mean: Value, deviation: Value, generator: &Variable) -> Value {
        self.located("random_normal_with", mean, deviation, |g, x| g.randn_like(x, generator))
    }
    /// Normal numbers with this mean and standard deviation, given that they lie from mean + low deviation to mean + high deviation: by
    /// inversion of the distribution function. The bounds may be infinite; low is below high, and one of them within 37 of 0, so that
    /// there is something between them. NaN for a negative deviation.
    pub fn random_truncated_normal(&mut self, mean: Value, deviation: Value, low: f64, high: f64, generator: &Variable) -> Value {
        // NaN is in no order. Beyond, probabilities are no normal f64 numbers.
        if !(low < high && low < 37.0 && high > -37.0) {
            let text = format!("random_truncated_normal: there is nothing to draw from between {low} and {high} deviations");
            return self.fail(Error::invalid(text));
        }
        self.located("random_truncated_normal", mean, deviation, |g, x| g.noise(Draw::TruncatedNormal { low, high }, x, generator))
    }
    /// e to the power of [`Trace::random_normal_with`].
    pub fn random_log_normal(&mut self, mean: Value, deviation: Value, generator: &Variable) -> Value {
        self.with_parameters("random_log_normal", &[mean, deviation], |g, x| {
            let normal = g.random_normal_with(x[0], x[1], generator);
            g.in_f64(normal, |g, x| g.exp(x))
        })
    }
    /// Exponential numbers with this rate, whose mean is 1 / rate: infinity for a rate of 0, NaN for a negative one.
    pub fn random_exponential(&mut self, rate: Value, generator: &Variable) -> Value {
        self.with_parameters("random_exponential", &[rate], |g, x| {
            let noise = g.noise(Draw::Exponential, x[0], generator);
            let drawn = g.div(noise, x[0]);
            g.where_not_negative(x[0], drawn)
        })
    }
    /// Laplace numbers with density e^(-|x - location| / scale) / (2 scale); NaN for a negative scale.
    pub fn random_laplace(&mut self, location: Value, scale: Value, generator: &Variable) -> Value {
        self.located("random_laplace", location, scale, |g, x| g.noise(Draw::Laplace, x, generator))
    }
    /// Gumbel numbers with distribution function e^-e^(-(x - location) / scale); NaN for a negative scale.
    pub fn random_gumbel(&mut self, location: Value, scale: Value, generator: &Variable) -> Value {
        self.located("random_gumbel", location, scale, |g, x| g.noise(Draw::Gumbel, x, generator))
    }
    /// Cauchy numbers with density scale / (pi (scale^2 + (x - location)^2)); NaN for a negative scale.
    pub fn random_cauchy(&mut self, location: Value, scale: Value, generator: &Variable) -> Value {
        self.located("random_cauchy", location, scale, |g, x| g.noise(Draw::Cauchy, x, generator))
    }
}
