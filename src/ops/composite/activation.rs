//! Activations. Slopes at kinks are MindSpore's and PyTorch's where those agree; a table in `docs/kinks.md` lists them.

use crate::error::Error;
use crate::ir::Value;
use crate::ops::Trace;
use crate::ops::catalog::{Differentiable, Domain, Row, Values};

macro_rules! activation {
    ($name:literal, $meaning:literal, $build:expr, [$($low:literal .. $high:literal),*]) => {
        Row {
            name: $name,
            meaning: $meaning,
            domain: Domain::Float,
            differentiable: Differentiable::Yes,
            build: $build,
            samples: &[$(&[(&[3, 5], Values::Uniform($low, $high))]),*],
            ..Row::COMMON
        }
    };
}

pub(in crate::ops) const ROWS: &[Row] = &[
    activation!("leaky_relu", "x, or alpha x below 0", |g, x| g.leaky_relu(x[0], 0.2), [-2.0..2.0, -2.0..-0.1])
        .called("torch.nn.functional.leaky_relu", ""),
    activation!("elu", "x, or alpha (e^x - 1) below 0", |g, x| g.elu(x[0], 1.3), [-2.0..2.0, -2.0..-0.1])
        .called("torch.nn.functional.elu", ""),
    activation!("gelu", "x times the normal distribution function", |g, x| g.gelu(x[0], false), [-2.5..2.5])
        .called("torch.nn.functional.gelu", ""),
    activation!("gelu_tanh", "gelu by its tanh approximation", |g, x| g.gelu(x[0], true), [-2.5..2.5])
        .called("torch.nn.functional.gelu(approximate=\"tanh\")", "mindspore.ops.gelu(approximate=\"tanh\")"),
    activation!("silu", "x sigmoid(x)", |g, x| g.silu(x[0]), [-4.0..4.0]).called("torch.nn.functional.silu", ""),
    activation!("relu6", "x held between 0 and 6", |g, x| g.relu6(x[0]), [-2.0..2.0, 5.0..7.0]).called("torch.nn.functional.relu6", ""),
    activation!("hard_sigmoid", "relu6(x + 3) / 6", |g, x| g.hard_sigmoid(x[0]), [-2.9..2.9, 2.0..4.0, -4.0..-2.0])
        .called("torch.nn.functional.hardsigmoid", "mindspore.ops.hardsigmoid"),
    activation!("hard_swish", "x relu6(x + 3) / 6", |g, x| g.hard_swish(x[0]), [-2.9..2.9, 2.0..4.0, -4.0..-2.0])
        .called("torch.nn.functional.hardswish", "mindspore.ops.hardswish"),
    activation!("softplus", "ln(1 + e^x)", |g, x| g.softplus(x[0]), [-4.0..4.0]).called("torch.nn.functional.softplus", ""),
    activation!("log_sigmoid", "ln sigmoid(x)", |g, x| g.log_sigmoid(x[0]), [-4.0..4.0])
        .called("torch.nn.functional.logsigmoid", "mindspore.ops.logsigmoid"),
    activation!(
        "softplus_with",
        "ln(1 + e^(beta x)) / beta; x where beta x is above a threshold",
        |g, x| g.softplus_with(x[0], 1.7, 2.0),
        [-4.0..1.1, 1.3..4.0]
    )
    .called("torch.nn.functional.softplus", "mindspore.ops.softplus"),
    activation!("celu", "x, or alpha (e^(x / alpha) - 1) below 0; slope 1 at 0", |g, x| g.celu(x[0], 1.3), [-2.0..2.0, -2.0..-0.1])
        .called("torch.nn.functional.celu", ""),
    activation!("selu", "elu with the alpha and the scale that keep mean 0 and variance 1", |g, x| g.selu(x[0]), [-2.0..2.0, -2.0..-0.1])
        .called("torch.nn.functional.selu", ""),
    activation!("fast_gelu", "x sigmoid(1.702 x)", |g, x| g.fast_gelu(x[0]), [-2.5..2.5]).called("-", "mindspore.nn.FastGelu"),
    activation!("mish", "x tanh(softplus(x))", |g, x| g.mish(x[0]), [-4.0..4.0]).called("torch.nn.functional.mish", ""),
    activation!("softsign", "x / (1 + |x|)", |g, x| g.softsign(x[0]), [-2.0..-0.1, 0.1..2.0]).called("torch.nn.functional.softsign", ""),
];

/// The constants of self-normalizing networks (Klambauer et al., 2017).
const SELU_ALPHA: f64 = 1.673_263_242_354_377_2;
const SELU_SCALE: f64 = 1.050_700_987_355_480_5;

impl Trace {
    /// x where x > 0, else alpha x; the slope at 0 is the mean of both sides, (1 + alpha) / 2.
    pub fn leaky_relu(&mut self, x: Value, alpha: f64) -> Value {
        let scaled = self.mul_scalar(x, alpha);
        if alpha <= 1.0 { self.maximum(x, scaled) } else { self.minimum(x, scaled) }
    }
    /// x where x > 0, else alpha (e^x - 1); slope alpha at 0.
    pub fn elu(&mut self, x: Value, alpha: f64) -> Value {
        let zero = self.zeros_like(x);
        let positive = self.greater(x, zero);
        // The branch that is not taken sees 0: e^x of a large x would put inf * 0 into the gradient.
        let below = self.select(positive, zero, x);
        let curve = self.expm1(below);
        let curve = self.mul_scalar(curve, alpha);
        self.select(positive, x, curve)
    }
    /// x where x > 0, else alpha (e^(x / alpha) - 1); slope 1 at 0 (Barron, 2017). alpha is not 0.
    pub fn celu(&mut self, x: Value, alpha: f64) -> Value {
        if alpha == 0.0 || !alpha.is_finite() {
            return self.fail(Error::invalid(format!("celu: alpha {alpha} is not a number other than 0")));
        }
        let zero = self.zeros_like(x);
        let positive = self.greater(x, zero);
        let below = self.select(positive, zero, x);
        let alpha = self.scalar(self.dtype(x), alpha);
        let scaled = self.div(below, alpha);
        let curve = self.expm1(scaled);
        let curve = self.mul(curve, alpha);
        self.select(positive, x, curve)
    }
    /// 1.0507 times elu with alpha 1.67326; slope 1.0507 times 1.67326 at 0.
    pub fn selu(&mut self, x: Value) -> Value {
        let curve = self.elu(x, SELU_ALPHA);
        self.mul_scalar(curve, SELU_SCALE)
    }
    /// x sigmoid(1.702 x).
    pub fn fast_gelu(&mut self, x: Value) -> Value {
        let scaled = self.mul_scalar(x, 1.702);
        let gate = self.sigmoid(scaled);
        self.mul(x, gate)
    }
    /// x tanh(ln(1 + e^x)).
    pub fn mish(&mut self, x: Value) -> Value {
        let inner = self.softplus(x);
        let gate = self.tanh(inner);
        self.mul(x, gate)
    }
    /// x / (1 + |x|).
    pub fn softsign(&mut self, x: Value) -> Value {
        let size = self.abs(x);
        let sum = self.add_scalar(size, 1.0);
        self.div(x, sum)
    }
    /// x times the standard normal distribution function; `approximate` takes its tanh form
    /// 0.5 x (1 + tanh(sqrt(2/pi) (x + 0.044715 x^3))) (Hendrycks & Gimpel, 2016).
    pub fn gelu(&mut self, x: Value, approximate: bool) -> Value {
        let curve = if approximate {
            let square = self.square(x);
            let cubic = self.mul_scalar(square, 0.044715);
            let factor = self.add_scalar(cubic, 1.0);
            let inner = self.mul(x, factor);
            let inner = self.mul_scalar(inner, (2.0 / std::f64::consts::PI).sqrt());
            self.tanh(inner)
        } else {
            let scaled = self.mul_scalar(x, std::f64::consts::FRAC_1_SQRT_2);
            self.erf(scaled)
        };
        let half = self.mul_scalar(x, 0.5);
        let shifted = self.add_scalar(curve, 1.0);
        self.mul(half, shifted)
    }
    /// x sigmoid(x).
    pub fn silu(&mut self, x: Value) -> Value {
        let gate = self.sigmoid(x);
        self.mul(x, gate)
    }
    /// x held between 0 and 6; slope 0 at 0 and 1 at 6.
    pub fn relu6(&mut self, x: Value) -> Value {
        let positive = self.relu(x);
        let six = self.scalar(self.dtype(x), 6.0);
        let over = self.greater(positive, six);
        self.select(over, six, positive)
    }
    /// relu6(x + 3) / 6; slope 0 at both kinks.
    pub fn hard_sigmoid(&mut self, x: Value) -> Value {
        let dtype = self.dtype(x);
        let (zero, one) = (self.scalar(dtype, 0.0), self.scalar(dtype, 1.0));
        let (low, high) = (self.scalar(dtype, -3.0), self.scalar(dtype, 3.0));
        let slope = self.mul_scalar(x, 1.0 / 6.0);
        let line = self.add_scalar(slope, 0.5);
        let (under, over) = (self.less_equal(x, low), self.greater_equal(x, high));
        let floored = self.select(under, zero, line);
        self.select(over, one, floored)
    }
    /// x relu6(x + 3) / 6; slopes -0.5 at -3 and 1.5 at 3.
    pub fn hard_swish(&mut self, x: Value) -> Value {
        let dtype = self.dtype(x);
        let zero = self.scalar(dtype, 0.0);
        let (low, high) = (self.scalar(dtype, -3.0), self.scalar(dtype, 3.0));
        let slope = self.mul_scalar(x, 1.0 / 6.0);
        let line = self.add_scalar(slope, 0.5);
        let curve = self.mul(x, line);
        let (under, over) = (self.less(x, low), self.greater(x, high));
        let floored = self.select(under, zero, curve);
        self.select(over, x, floored)
    }
    /// ln(1 + e^x), without overflow.
    pub fn softplus(&mut self, x: Value) -> Value {
        // max(x, 0) + ln(1 + e^-|x|): at 0 the slopes of both parts average to the true 1/2.
        let zero = self.zeros_like(x);
        let linear = self.maximum(x, zero);
        let size = self.abs(x);
        let negative = self.neg(size);
        let small = self.exp(negative);
        let rest = self.log1p(small);
        self.add(linear, rest)
    }
    /// ln(1 + e^(beta x)) / beta; x itself where beta x > threshold. beta is not 0.
    pub fn softplus_with(&mut self, x: Value, beta: f64, threshold: f64) -> Value {
        if beta == 0.0 || !beta.is_finite() || threshold.is_nan() {
            return self.fail(Error::invalid(format!("softplus: beta {beta} with threshold {threshold}: beta is a number other than 0")));
        }
        let dtype = self.dtype(x);
        let scaled = self.mul_scalar(x, beta);
        let curve = self.softplus(scaled);
        let beta = self.scalar(dtype, beta);
        let curve = self.div(curve, beta);
        let threshold = self.scalar(dtype, threshold);
        let is_beyond = self.greater(scaled, threshold);
        self.select(is_beyond, x, curve)
    }
    /// ln sigmoid(x), without overflow.
    pub fn log_sigmoid(&mut self, x: Value) -> Value {
        let negative = self.neg(x);
        let y = self.softplus(negative);
        self.neg(y)
    }
}
