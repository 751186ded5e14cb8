//! Gamma numbers and what is made of them. Gradients go to the shapes by implicit reparameterization (Figurnov, Mohamed, Mnih, *Implicit
//! Reparameterization Gradients*, 2018): as the number of the same probability moves with its shape.

use super::seeded;
use crate::error::Error;
use crate::ir::{Draw, Value, Variable};
use crate::ops::Trace;
use crate::ops::catalog::{Differentiable, Domain, Row, Values};
use crate::tensor::DType;

const SHAPE: Values = Values::Uniform(0.5, 3.0);

/// Single draws jump where a try is rejected, so that differences do not show the slope that expectations have.
const IN_EXPECTATION: Differentiable = Differentiable::Once(
    "in expectation, by how the number of the same probability moves; the slope's own slope in the shape is not known",
);

pub(in crate::ops) const ROWS: &[Row] = &[
    Row {
        name: "random_gamma",
        meaning: "gamma numbers with density proportional to x^(concentration - 1) e^(-rate x)",
        shapes: "a [...], b [...] -> [...]",
        domain: Domain::Any,
        differentiable: IN_EXPECTATION,
        torch: "torch.distributions.Gamma",
        mindspore: "mindspore.ops.gamma",
        build: |g, x| seeded(g, |g, from| g.random_gamma(x[0], x[1], from)),
        samples: &[&[(&[2, 3], SHAPE), (&[3], SHAPE)]],
        ..Row::COMMON
    },
    Row {
        name: "random_chi2",
        meaning: "sums of the squares of as many standard normal numbers as there are degrees of freedom",
        shapes: "x [...] -> the same",
        domain: Domain::Any,
        differentiable: IN_EXPECTATION,
        torch: "torch.distributions.Chi2",
        mindspore: "-",
        build: |g, x| seeded(g, |g, from| g.random_chi2(x[0], from)),
        samples: &[&[(&[2, 3], SHAPE)]],
        ..Row::COMMON
    },
    Row {
        name: "random_student_t",
        meaning: "Student's t numbers: normal ones over the root of a chi-square number per degree of freedom",
        shapes: "x [...] -> the same",
        domain: Domain::Any,
        differentiable: IN_EXPECTATION,
        torch: "torch.distributions.StudentT",
        mindspore: "-",
        build: |g, x| seeded(g, |g, from| g.random_student_t(x[0], from)),
        samples: &[&[(&[2, 3], SHAPE)]],
        ..Row::COMMON
    },
    Row {
        name: "random_beta",
        meaning: "beta numbers with density proportional to x^(a - 1) (1 - x)^(b - 1)",
        shapes: "a [...], b [...] -> [...]",
        domain: Domain::Any,
        differentiable: IN_EXPECTATION,
        torch: "torch.distributions.Beta",
        mindspore: "-",
        build: |g, x| seeded(g, |g, from| g.random_beta(x[0], x[1], from)),
        samples: &[&[(&[2, 3], SHAPE), (&[3], SHAPE)]],
        ..Row::COMMON
    },
    Row {
        name: "random_dirichlet",
        meaning: "shares that add up to 1, with density proportional to the product of x^(concentration - 1)",
        domain: Domain::Any,
        differentiable: IN_EXPECTATION,
        shapes: "concentration [..., n] -> the same",
        torch: "torch.distributions.Dirichlet",
        mindspore: "-",
        build: |g, x| seeded(g, |g, from| g.random_dirichlet(x[0], from)),
        samples: &[&[(&[2, 3], SHAPE)]],
        ..Row::COMMON
    },
];

impl Trace {
    /// Gamma numbers with density rate^c x^(c - 1) e^(-rate x) / Gamma(c), whose mean is c / rate, by Marsaglia and Tsang's method (2000): 0 for a
    /// concentration of 0, NaN for a negative concentration or rate. An element has twenty tries, of which one fails with a probability of
    /// at most 0.05; after twenty failures, once in 10^26 elements, it gets the most likely number. Gradients go to concentrations by
    /// implicit reparameterization, to first order; numbers too small for the dtype have slope 0.
    pub fn random_gamma(&mut self, concentration: Value, rate: Value, generator: &Variable) -> Value {
        self.with_parameters("random_gamma", &[concentration, rate], |g, x| {
            let standard = g.drawn_with(Draw::Gamma, &x[..1], generator);
            let drawn = g.div(standard, x[1]);
            g.where_not_negative(x[1], drawn)
        })
    }
    /// The logarithm of a gamma number of rate 1, in f64.
    fn log_gamma_number(&mut self, shape: Value, generator: &Variable) -> Value {
        let wide = self.cast(shape, DType::F64);
        self.drawn_with(Draw::LogGamma, &[wide], generator)
    }
    /// Chi-square numbers: twice gamma numbers of half the degrees of freedom, which need not be whole. NaN for negative ones.
    pub fn random_chi2(&mut self, freedom: Value, generator: &Variable) -> Value {
        self.with_parameters("random_chi2", &[freedom], |g, x| {
            let half = g.mul_scalar(x[0], 0.5);
            let gamma = g.drawn_with(Draw::Gamma, &[half], generator);
            g.mul_scalar(gamma, 2.0)
        })
    }
    /// Student's t numbers with these degrees of freedom, which need not be whole: z sqrt(freedom / chi2) for a standard normal z. NaN unless there
    /// are more than 0.
    pub fn random_student_t(&mut self, freedom: Value, generator: &Variable) -> Value {
        self.with_parameters("random_student_t", &[freedom], |g, x| {
            let dtype = g.dtype(x[0]);
            let freedom = g.cast(x[0], DType::F64);
            let normal = g.randn_like(freedom, generator);
            let half = g.mul_scalar(freedom, 0.5);
            let gamma = g.log_gamma_number(half, generator);
            let mean = g.log(half);
            let above = g.sub(mean, gamma);
            let above = g.mul_scalar(above, 0.5);
            let width = g.exp(above);
            let drawn = g.mul(normal, width);
            g.cast(drawn, dtype)
        })
    }
    /// Beta numbers with density x^(a - 1) (1 - x)^(b - 1) / B(a, b): the share of a gamma number of shape a in the sum with one of shape b, made from
    /// their logarithms, so that small shapes are no trouble. NaN unless both are at least 0 and one is above.
    pub fn random_beta(&mut self, a: Value, b: Value, generator: &Variable) -> Value {
        self.with_parameters("random_beta", &[a, b], |g, x| {
            let dtype = g.dtype(x[0]);
            let (first, second) = (g.log_gamma_number(x[0], generator), g.log_gamma_number(x[1], generator));
            let logit = g.sub(first, second);
            let share = g.sigmoid(logit);
            g.cast(share, dtype)
        })
    }
    /// Dirichlet numbers along the last axis: the shares of gamma numbers of these shapes in their sum, made from their logarithms. NaN for rows
    /// with a negative concentration, and of nothing but 0.
    pub fn random_dirichlet(&mut self, concentration: Value, generator: &Variable) -> Value {
        self.with_parameters("random_dirichlet", &[concentration], |g, x| {
            let (dtype, shape) = (g.dtype(x[0]), g.shape(x[0]));
            let Some(last) = shape.rank().checked_sub(1).filter(|last| shape.dims()[*last] > 0) else {
                return g.fail(Error::shape(format!("random_dirichlet: there are no concentrations along the last axis of {shape}")));
            };
            let logarithms = g.log_gamma_number(x[0], generator);
            let top = g.max(logarithms, &[last], true);
            let top = g.stop_gradient(top);
            let below = g.sub(logarithms, top);
            let parts = g.exp(below);
            // A sum of fixed order, where a reduction's depends on the instruction set.
            let sums = g.cumsum(parts, last, false, false);
            let sum = g.narrow(sums, last, shape.dims()[last] - 1, 1);
            let shares = g.div(parts, sum);
            g.cast(shares, dtype)
        })
    }
}
