//! Activations that look at more than one element, at weights, or at random numbers.

use crate::error::Error;
use crate::ir::{Value, Variable};
use crate::ops::Trace;
use crate::ops::catalog::{Domain, Row, Values};
use crate::tensor::DType;

const REAL: Values = Values::Uniform(-2.0, 2.0);

pub(in crate::ops) const ROWS: &[Row] = &[
    Row {
        name: "glu",
        meaning: "first half along an axis times the sigmoid of the second",
        domain: Domain::Float,
        shapes: "x [..., 2n, ...] -> [..., n, ...]",
        torch: "torch.nn.functional.glu",
        build: |g, x| g.glu(x[0], 1),
        samples: &[&[(&[3, 4], REAL)], &[(&[2, 6, 2], REAL)]],
        ..Row::COMMON
    },
    Row {
        name: "prelu",
        meaning: "x, or weight x at and below 0, with one weight or one for each channel",
        domain: Domain::Float,
        shapes: "x [N, C, ...], weight [C] or [1] -> [N, C, ...]",
        build: |g, x| g.prelu(x[0], x[1]),
        samples: &[&[(&[3, 4], REAL), (&[4], Values::Uniform(0.1, 0.5))], &[(&[2, 3, 2], REAL), (&[1], Values::Uniform(0.1, 0.5))]],
        ..Row::COMMON
    },
    Row {
        name: "rrelu",
        meaning: "x, or x times a random slope at and below 0; without training the mean slope",
        domain: Domain::Float,
        torch: "torch.nn.functional.rrelu",
        build: |g, x| g.rrelu(x[0], 0.125, 1.0 / 3.0, None),
        samples: &[&[(&[3, 5], REAL)]],
        ..Row::COMMON
    },
    Row {
        name: "softmin",
        meaning: "e^-x / sum e^-x along an axis",
        domain: Domain::Float,
        torch: "torch.nn.functional.softmin",
        build: |g, x| g.softmin(x[0], 1),
        samples: &[&[(&[3, 5], REAL)]],
        ..Row::COMMON
    },
    Row {
        name: "softmax2d",
        meaning: "softmax over the channels of images",
        domain: Domain::Float,
        shapes: "x [N, C, H, W] or [C, H, W]",
        torch: "torch.nn.Softmax2d",
        mindspore: "mindspore.nn.Softmax2d",
        build: |g, x| g.softmax2d(x[0]),
        samples: &[&[(&[2, 3, 2, 2], REAL)]],
        ..Row::COMMON
    },
    Row {
        name: "gumbel_softmax",
        meaning: "softmax of (logits + random Gumbel noise) / temperature; hard: one-hot, with the soft gradient",
        domain: Domain::Float,
        torch: "torch.nn.functional.gumbel_softmax",
        // Noise that is known: the samples are to be differentiable.
        build: |g, x| {
            let dims = g.dims(x[0]);
            let position = g.iota(g.dtype(x[0]), &dims, 1);
            let noise = g.mul_scalar(position, 0.25);
            g.noisy_softmax(x[0], noise, 0.8, false, 1)
        },
        samples: &[&[(&[3, 5], REAL)]],
        ..Row::COMMON
    },
];

impl Trace {
    /// The first half of x along `axis` times the sigmoid of the second.
    pub fn glu(&mut self, x: Value, axis: usize) -> Value {
        if !self.contains(x) {
            return self.identity(x);
        }
        let shape = self.shape(x);
        let size = match shape.dims().get(axis) {
            Some(size) if size % 2 == 0 => *size,
            Some(size) => return self.fail(Error::shape(format!("glu: axis {axis} of {shape} has {size} elements, which is odd"))),
            None => return self.fail(Error::shape(format!("glu: there is no axis {axis} in {shape}"))),
        };
        let (value, gate) = (self.narrow(x, axis, 0, size / 2), self.narrow(x, axis, size / 2, size / 2));
        let gate = self.sigmoid(gate);
        self.mul(value, gate)
    }
    /// x where x > 0, else weight x. The weight is one number (scalar or [1]), or [C] for x [N, C, ...].
    pub fn prelu(&mut self, x: Value, weight: Value) -> Value {
        if !self.contains(x) || !self.contains(weight) {
            return self.mul(x, weight);
        }
        let (shape, given) = (self.shape(x), self.shape(weight));
        let weight = match given.dims() {
            [] => weight,
            [1] => self.reshape(weight, &[]),
            [channels] if shape.rank() >= 2 && shape.dims()[1] == *channels => {
                let mut dims = vec![1; shape.rank()];
                dims[1] = *channels;
                self.reshape(weight, &dims)
            }
            _ => {
                return self
                    .fail(Error::shape(format!("prelu: x {shape} wants a weight [1] or one for each channel (axis 1), not {given}")));
            }
        };
        let scaled = self.mul(x, weight);
        let zero = self.zeros_like(x);
        let is_above = self.greater(x, zero);
        self.select(is_above, x, scaled)
    }
    /// x where x > 0, else x times a slope: drawn for each element between `lower` and `upper` from `generator`, or, without one, their mean.
    pub fn rrelu(&mut self, x: Value, lower: f64, upper: f64, generator: Option<&Variable>) -> Value {
        if !(lower.is_finite() && upper.is_finite() && lower <= upper) {
            return self.fail(Error::invalid(format!("rrelu: {lower} to {upper} is no range of slopes")));
        }
        let dtype = self.dtype(x);
        if !dtype.is_float() {
            return self.fail(Error::dtype(format!("rrelu: defined for floats, not {dtype}")));
        }
        let slope = match generator {
            None => self.scalar(dtype, 0.5 * (lower + upper)),
            Some(generator) => {
                let dims = self.dims(x);
                let unit = self.random_uniform(dtype, &dims, generator);
                let scaled = self.mul_scalar(unit, upper - lower);
                self.add_scalar(scaled, lower)
            }
        };
        let scaled = self.mul(x, slope);
        let zero = self.zeros_like(x);
        let is_above = self.greater(x, zero);
        self.select(is_above, x, scaled)
    }
    /// e^-x / sum e^-x along `axis`.
    pub fn softmin(&mut self, x: Value, axis: usize) -> Value {
        let negative = self.neg(x);
        self.softmax(negative, axis)
    }
    /// The softmax over the channels of images [N, C, H, W] or [C, H, W].
    pub fn softmax2d(&mut self, x: Value) -> Value {
        let rank = self.rank(x);
        if self.contains(x) && rank != 3 && rank != 4 {
            let shape = self.shape(x);
            return self.fail(Error::shape(format!("softmax2d: x is {shape}, not [N, C, H, W] or [C, H, W]")));
        }
        self.softmax(x, rank.saturating_sub(3))
    }
    /// A sample along `axis` from the categories whose logarithms of probabilities, up to a constant, are `logits`, made differentiable:
    /// the softmax of (logits + Gumbel noise) / temperature (Jang et al., 2017). `hard` gives the category as one-hot, with the gradient
    /// of the soft result. Noise is drawn from `generator`, and everything computed in f32 at least.
    pub fn gumbel_softmax(&mut self, logits: Value, temperature: f64, hard: bool, axis: usize, generator: &Variable) -> Value {
        let dtype = self.dtype(logits);
        if !dtype.is_float() {
            return self.fail(Error::dtype(format!("gumbel_softmax: logits are {dtype}, not floats")));
        }
        let wide = if dtype == DType::F64 { DType::F64 } else { DType::F32 };
        let logits = self.cast(logits, wide);
        let dims = self.dims(logits);
        // -ln(an exponential number); the smallest one is kept from 0, whose logarithm would be infinite.
        let unit = self.random_uniform(wide, &dims, generator);
        let negative = self.neg(unit);
        let logarithm = self.log1p(negative);
        let exponential = self.neg(logarithm);
        let least = self.scalar(wide, if wide == DType::F64 { 0.5f64.powi(54) } else { 0.5f64.powi(25) });
        let exponential = self.maximum(exponential, least);
        let logarithm = self.log(exponential);
        let noise = self.neg(logarithm);
        let y = self.noisy_softmax(logits, noise, temperature, hard, axis);
        self.cast(y, dtype)
    }
    fn noisy_softmax(&mut self, logits: Value, noise: Value, temperature: f64, hard: bool, axis: usize) -> Value {
        if !(temperature > 0.0 && temperature.is_finite()) {
            return self.fail(Error::invalid(format!("gumbel_softmax: the temperature {temperature} is not a number above 0")));
        }
        let noisy = self.add(logits, noise);
        let scaled = self.mul_scalar(noisy, 1.0 / temperature);
        let soft = self.softmax(scaled, axis);
        if !hard || !self.contains(soft) {
            return soft;
        }
        let dims = self.dims(soft);
        let winner = self.argmax(soft, axis);
        let winner = self.expand_like(winner, soft, &[axis]);
        let position = self.iota(DType::I64, &dims, axis);
        let hit = self.equal(position, winner);
        let hit = self.cast(hit, self.dtype(soft));
        // 1 or 0 and nothing, whose gradient is that of the soft result.
        let fixed = self.stop_gradient(soft);
        let nothing = self.sub(soft, fixed);
        self.add(hit, nothing)
    }
}

#[cfg(test)]
mod tests {
    use crate::ops::composite::testing::{assert_close, unary};

    #[test]
    fn gates_and_slopes() {
        assert_close(&unary(&[2.0, -4.0, 0.0, 0.0], |g, x| g.glu(x, 0)), &[1.0, -2.0]);
        let sloped = unary(&[-2.0, 0.0, 3.0], |g, x| {
            let weight = g.scalar(crate::DType::F64, 0.25);
            g.prelu(x, weight)
        });
        assert_close(&sloped, &[-0.5, 0.0, 3.0]);
        assert_close(&unary(&[-2.0, 0.0, 3.0], |g, x| g.rrelu(x, 0.25, 0.75, None)), &[-1.0, 0.0, 3.0]);
    }
}
