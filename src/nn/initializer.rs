//! Initial values of parameters.

use crate::error::{Error, Result};
use crate::random::{RandomState, Stream};
use crate::tensor::{Allocator, DType, Shape, Tensor, encode};
use std::f64::consts::{PI, SQRT_2};

/// How a parameter is filled when it is first needed.
///
/// For a shape [out, in, kernel ...], fan_in is in times the kernel's elements and fan_out is out times them. What needs a fan needs at
/// least two dimensions. The same generator state gives the same numbers on every machine.
#[derive(Clone, Debug, PartialEq)]
pub enum Initializer {
    Zeros,
    Ones,
    Constant(f64),
    /// Uniform in [-bound, bound].
    Uniform(f64),
    Normal {
        sigma: f64,
        mean: f64,
    },
    /// Normal numbers between `low` and `high`, which are bounds themselves and not multiples of sigma.
    TruncatedNormal {
        sigma: f64,
        mean: f64,
        low: f64,
        high: f64,
    },
    /// Uniform with bound gain sqrt(6 / (fan_in + fan_out)) (Glorot & Bengio, 2010).
    XavierUniform {
        gain: f64,
    },
    /// Normal with sigma gain sqrt(2 / (fan_in + fan_out)).
    XavierNormal {
        gain: f64,
    },
    /// Uniform with bound gain sqrt(3 / fan) (He et al., 2015); the gain is that of [`calculate_gain`].
    HeUniform {
        negative_slope: f64,
        mode: Fan,
        nonlinearity: Nonlinearity,
    },
    /// Normal with sigma gain / sqrt(fan).
    HeNormal {
        negative_slope: f64,
        mode: Fan,
        nonlinearity: Nonlinearity,
    },
}

/// Which fan He's initializers keep the variance of.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Fan {
    #[default]
    In,
    Out,
}

/// What follows the layer; decides the gain.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Nonlinearity {
    Linear,
    Conv,
    Sigmoid,
    Tanh,
    Relu,
    LeakyRelu,
    Selu,
}

impl Nonlinearity {
    /// By its name in PyTorch and MindSpore: `linear`, `conv1d` ... `conv3d`, `sigmoid`, `tanh`, `relu`, `leaky_relu`, `selu`.
    pub fn from_name(name: &str) -> Result<Nonlinearity> {
        Ok(match name {
            "linear" => Nonlinearity::Linear,
            "conv1d" | "conv2d" | "conv3d" | "conv_transpose1d" | "conv_transpose2d" | "conv_transpose3d" => Nonlinearity::Conv,
            "sigmoid" => Nonlinearity::Sigmoid,
            "tanh" => Nonlinearity::Tanh,
            "relu" => Nonlinearity::Relu,
            "leaky_relu" => Nonlinearity::LeakyRelu,
            "selu" => Nonlinearity::Selu,
            _ => return Err(Error::invalid(format!("{name:?} is no nonlinearity with a known gain"))),
        })
    }
}

/// The factor by which weights grow so that variance passes the nonlinearity unchanged: 1 for linear, convolutions, and sigmoid; tanh 5/3;
/// relu sqrt(2); leaky_relu sqrt(2 / (1 + negative_slope^2)); selu 3/4. `negative_slope` counts for leaky_relu alone.
pub fn calculate_gain(nonlinearity: Nonlinearity, negative_slope: f64) -> f64 {
    match nonlinearity {
        Nonlinearity::Linear | Nonlinearity::Conv | Nonlinearity::Sigmoid => 1.0,
        Nonlinearity::Tanh => 5.0 / 3.0,
        Nonlinearity::Relu => SQRT_2,
        Nonlinearity::LeakyRelu => (2.0 / (1.0 + negative_slope * negative_slope)).sqrt(),
        Nonlinearity::Selu => 0.75,
    }
}

/// What an initializer comes to for one shape.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Fill {
    Constant(f64),
    Uniform { bound: f64 },
    Normal { sigma: f64, mean: f64 },
    Truncated { sigma: f64, mean: f64, low: f64, high: f64 },
}

impl Initializer {
    /// He's uniform initializer for a leaky_relu of slope sqrt(5): the bound is 1 / sqrt(fan_in), which is how layers start.
    pub fn layer_default() -> Initializer {
        Initializer::HeUniform { negative_slope: 5f64.sqrt(), mode: Fan::In, nonlinearity: Nonlinearity::LeakyRelu }
    }
    /// Whether it draws random numbers.
    pub fn is_random(&self) -> bool {
        !matches!(self, Initializer::Zeros | Initializer::Ones | Initializer::Constant(_))
    }
    /// Checks the numbers and the shape now, so that nothing can go wrong but memory when values are made.
    pub(crate) fn plan(&self, dtype: DType, shape: &Shape) -> Result<Fill> {
        if self.is_random() && !dtype.is_float() {
            return Err(Error::dtype(format!("random initial values are floats, not {dtype}")));
        }
        let fill = match *self {
            Initializer::Zeros => Fill::Constant(0.0),
            Initializer::Ones => Fill::Constant(1.0),
            Initializer::Constant(value) => Fill::Constant(value),
            Initializer::Uniform(bound) => Fill::Uniform { bound },
            Initializer::Normal { sigma, mean } => Fill::Normal { sigma, mean },
            Initializer::TruncatedNormal { sigma, mean, low, high } => Fill::Truncated { sigma, mean, low, high },
            Initializer::XavierUniform { gain } => {
                let (fan_in, fan_out) = fans(shape)?;
                Fill::Uniform { bound: gain * (6.0 / (fan_in + fan_out)).sqrt() }
            }
            Initializer::XavierNormal { gain } => {
                let (fan_in, fan_out) = fans(shape)?;
                Fill::Normal { sigma: gain * (2.0 / (fan_in + fan_out)).sqrt(), mean: 0.0 }
            }
            Initializer::HeUniform { negative_slope, mode, nonlinearity } => {
                Fill::Uniform { bound: calculate_gain(nonlinearity, negative_slope) * (3.0 / fan(shape, mode)?).sqrt() }
            }
            Initializer::HeNormal { negative_slope, mode, nonlinearity } => {
                Fill::Normal { sigma: calculate_gain(nonlinearity, negative_slope) / fan(shape, mode)?.sqrt(), mean: 0.0 }
            }
        };
        let sound = match fill {
            // Any number may be a constant, NaN too: tests for it are a use.
            Fill::Constant(_) => true,
            Fill::Uniform { bound } => bound >= 0.0 && bound.is_finite(),
            Fill::Normal { sigma, mean } => sigma >= 0.0 && sigma.is_finite() && mean.is_finite(),
            Fill::Truncated { sigma, mean, low, high } => {
                sigma > 0.0 && sigma.is_finite() && mean.is_finite() && low < high && low.is_finite() && high.is_finite()
            }
        };
        // Without elements a fan is 0 and a bound infinite, and nothing is drawn.
        if !sound && shape.elements() > 0 {
            return Err(Error::invalid(format!("{self:?} is no distribution: sizes are finite and not negative, and low lies below high")));
        }
        Ok(fill)
    }
    /// A tensor of initial values. Random ones are drawn from `state` on: elements in row-major order, one word each (normals: two).
    /// Fails with SHAPE_MISMATCH where a fan needs more dimensions, DTYPE_MISMATCH, INVALID_ARGUMENT, or OUT_OF_MEMORY.
    pub fn make(&self, allocator: &Allocator, dtype: DType, shape: Shape, state: RandomState) -> Result<Tensor> {
        self.plan(dtype, &shape)?.make(allocator, dtype, shape, state)
    }
}

impl Fill {
    pub(crate) fn make(self, allocator: &Allocator, dtype: DType, shape: Shape, state: RandomState) -> Result<Tensor> {
        let tensor = Tensor::zeros(allocator, dtype, shape)?;
        let count = shape.elements();
        if count == 0 || self == Fill::Constant(0.0) {
            return Ok(tensor);
        }
        let mut bytes = Vec::new();
        bytes.try_reserve_exact(tensor.bytes()).map_err(|_| {
            let text = format!("{} bytes for initial values could not be allocated", tensor.bytes());
            Error::new(crate::error::Status::OutOfMemory, text)
        })?;
        let stream = state.stream();
        let mut words = [0; 2 * BLOCK];
        let mut made = 0;
        while made < count {
            let size = (count - made).min(BLOCK);
            self.draw(stream, state.offset, made, &mut words, size, |value| {
                bytes.extend_from_slice(&encode(dtype, value)[..dtype.size()]);
            });
            made += size;
        }
        tensor.write_bytes(&bytes)?;
        Ok(tensor)
    }
    /// Hands elements `from` .. `from + size` to `put`.
    fn draw(self, stream: Stream, offset: u64, from: usize, words: &mut [u32; 2 * BLOCK], size: usize, mut put: impl FnMut(f64)) {
        // In the middle of each of the 2^32 steps, so that neither 0 nor 1 occurs.
        let unit = |word: u32| (word as f64 + 0.5) / 4294967296.0;
        match self {
            Fill::Constant(value) => (0..size).for_each(|_| put(value)),
            Fill::Uniform { bound } => {
                stream.fill_words(offset.wrapping_add(from as u64), &mut words[..size]);
                words[..size].iter().for_each(|word| put(bound * (2.0 * unit(*word) - 1.0)));
            }
            Fill::Normal { sigma, mean } => {
                // Box and Muller's transform. Library functions in software, so that every machine rounds alike.
                stream.fill_words(offset.wrapping_add(2 * from as u64), &mut words[..2 * size]);
                for pair in words[..2 * size].as_chunks::<2>().0 {
                    let radius = libm::sqrt(-2.0 * libm::log(unit(pair[0])));
                    put(mean + sigma * radius * libm::cos(2.0 * PI * unit(pair[1])));
                }
            }
            Fill::Truncated { sigma, mean, low, high } => {
                stream.fill_words(offset.wrapping_add(from as u64), &mut words[..size]);
                let (from, to) = ((low - mean) / sigma, (high - mean) / sigma);
                for word in &words[..size] {
                    put((mean + sigma * truncated(from, to, unit(*word))).clamp(low, high));
                }
            }
        }
    }
}

/// Elements that are drawn at once.
const BLOCK: usize = 512;

/// The standard normal number between `from` and `to` below which the share `unit` of those between them lies.
fn truncated(from: f64, to: f64, unit: f64) -> f64 {
    // Below the mean the distribution function keeps its digits; above it, the other tail does.
    if from > 0.0 {
        return -truncated(-to, -from, 1.0 - unit);
    }
    let (below, above) = (distribution(from), distribution(to));
    quantile(below + unit * (above - below), from, to)
}

/// The standard normal distribution function.
fn distribution(x: f64) -> f64 {
    0.5 * libm::erfc(-x / SQRT_2)
}

/// Where the distribution function is `share`, between `from` and `to`: halving comes near, three of Halley's steps give the last digits.
fn quantile(share: f64, from: f64, to: f64) -> f64 {
    // Beyond 38 sigma the function is 0 to the last bit.
    let (mut low, mut high) = (from.clamp(-38.0, 38.0), to.clamp(-38.0, 38.0));
    for _ in 0..12 {
        let middle = 0.5 * (low + high);
        if distribution(middle) < share { low = middle } else { high = middle }
    }
    let mut x = 0.5 * (low + high);
    for _ in 0..3 {
        let density = libm::exp(-0.5 * x * x) / (2.0 * PI).sqrt();
        let step = (distribution(x) - share) / density;
        let next = x - step / (1.0 + 0.5 * x * step);
        x = if next.is_finite() { next } else { x };
    }
    x
}

fn fans(shape: &Shape) -> Result<(f64, f64)> {
    let dims = shape.dims();
    if dims.len() < 2 {
        return Err(Error::shape(format!("fans are defined for two dimensions and more, not for {shape}")));
    }
    let kernel: usize = dims[2..].iter().product();
    Ok(((dims[1] * kernel) as f64, (dims[0] * kernel) as f64))
}

fn fan(shape: &Shape, mode: Fan) -> Result<f64> {
    let (fan_in, fan_out) = fans(shape)?;
    Ok(match mode {
        Fan::In => fan_in,
        Fan::Out => fan_out,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn draw(initializer: Initializer, dims: &[usize]) -> Vec<f64> {
        let state = RandomState::new(11, 4);
        let tensor = initializer.make(&Allocator::system(), DType::F64, Shape::new(dims).unwrap(), state).unwrap();
        tensor.to_vec().unwrap()
    }
    fn moments(values: &[f64]) -> (f64, f64) {
        let mean = values.iter().sum::<f64>() / values.len() as f64;
        (mean, (values.iter().map(|x| (x - mean) * (x - mean)).sum::<f64>() / values.len() as f64).sqrt())
    }
    fn bound(values: &[f64]) -> f64 {
        values.iter().fold(0.0, |most, x| x.abs().max(most))
    }

    #[test]
    fn constants_fill() {
        assert_eq!(draw(Initializer::Zeros, &[2]), [0.0, 0.0]);
        assert_eq!(draw(Initializer::Ones, &[2]), [1.0, 1.0]);
        assert_eq!(draw(Initializer::Constant(-2.5), &[]), [-2.5]);
    }

    #[test]
    fn uniform_ones_keep_their_bounds() {
        // fan_in = 50 * 4, fan_out = 100 * 4
        let dims = [100, 50, 2, 2];
        let he = |mode| Initializer::HeUniform { negative_slope: 0.0, mode, nonlinearity: Nonlinearity::Relu };
        let cases = [
            (Initializer::Uniform(0.07), 0.07),
            (Initializer::XavierUniform { gain: 2.0 }, 2.0 * (6.0f64 / 600.0).sqrt()),
            (he(Fan::In), (6.0f64 / 200.0).sqrt()),
            (he(Fan::Out), (6.0f64 / 400.0).sqrt()),
            (Initializer::layer_default(), 1.0 / 200f64.sqrt()),
        ];
        for (initializer, limit) in cases {
            let values = draw(initializer.clone(), &dims);
            let (mean, sigma) = moments(&values);
            assert!(bound(&values) <= limit && bound(&values) > 0.999 * limit, "{initializer:?}");
            assert!(mean.abs() < 0.02 * limit && (sigma / (limit / 3f64.sqrt()) - 1.0).abs() < 0.02, "{initializer:?} {mean} {sigma}");
        }
    }

    #[test]
    fn normal_ones_have_their_moments() {
        let dims = [100, 50, 2, 2];
        let he = Initializer::HeNormal { negative_slope: 0.5, mode: Fan::In, nonlinearity: Nonlinearity::LeakyRelu };
        let cases = [
            (Initializer::Normal { sigma: 0.01, mean: 3.0 }, 0.01, 3.0),
            (Initializer::XavierNormal { gain: 1.0 }, (2.0f64 / 600.0).sqrt(), 0.0),
            (he, (2.0f64 / 1.25 / 200.0).sqrt(), 0.0),
        ];
        for (initializer, sigma, mean) in cases {
            let values = draw(initializer.clone(), &dims);
            let (got_mean, got_sigma) = moments(&values);
            assert!((got_mean - mean).abs() < 0.03 * sigma && (got_sigma / sigma - 1.0).abs() < 0.03, "{initializer:?}");
            assert!(bound(&values.iter().map(|x| x - mean).collect::<Vec<_>>()) > 3.0 * sigma);
        }
    }

    #[test]
    fn truncated_ones_stay_between_their_bounds() {
        // Half normal cut at one sigma: mean and sigma from the closed form.
        let values = draw(Initializer::TruncatedNormal { sigma: 1.0, mean: 0.0, low: 0.0, high: 1.0 }, &[40_000]);
        let (mean, _) = moments(&values);
        assert!(values.iter().all(|x| (0.0..=1.0).contains(x)));
        assert!((mean - 0.459862).abs() < 0.005, "{mean}");
        // Far out in a tail nothing is lost: nearly exponential with rate 8.
        let tail = draw(Initializer::TruncatedNormal { sigma: 1.0, mean: 0.0, low: 8.0, high: 9.0 }, &[20_000]);
        let (mean, _) = moments(&tail);
        assert!(tail.iter().all(|x| (8.0..=9.0).contains(x)) && (mean - 8.1214).abs() < 0.005, "{mean}");
        // The usual default is never cut.
        let values = draw(Initializer::TruncatedNormal { sigma: 0.01, mean: 0.0, low: -2.0, high: 2.0 }, &[20_000]);
        assert!((moments(&values).1 / 0.01 - 1.0).abs() < 0.03);
    }

    #[test]
    fn longer_tensors_begin_like_shorter_ones() {
        for initializer in [Initializer::Uniform(1.0), Initializer::Normal { sigma: 1.0, mean: 0.0 }] {
            assert_eq!(draw(initializer.clone(), &[1500])[..700], draw(initializer, &[700])[..]);
        }
    }

    #[test]
    fn gains_are_the_published_ones() {
        let names = ["linear", "conv2d", "sigmoid", "tanh", "relu", "leaky_relu", "selu"];
        let gains = [1.0, 1.0, 1.0, 5.0 / 3.0, 2f64.sqrt(), (2.0f64 / 1.0001).sqrt(), 0.75];
        for (name, gain) in names.iter().zip(gains) {
            assert_eq!(calculate_gain(Nonlinearity::from_name(name).unwrap(), 0.01), gain, "{name}");
        }
        assert!(Nonlinearity::from_name("sine").is_err());
    }

    #[test]
    fn what_is_no_distribution_is_refused() {
        let make = |initializer: Initializer, dtype, dims: &[usize]| {
            initializer.make(&Allocator::system(), dtype, Shape::new(dims).unwrap(), RandomState::new(0, 0)).unwrap_err().status()
        };
        use crate::error::Status;
        assert_eq!(make(Initializer::Uniform(-1.0), DType::F32, &[2]), Status::InvalidArgument);
        assert_eq!(make(Initializer::Uniform(f64::NAN), DType::F32, &[2]), Status::InvalidArgument);
        assert_eq!(make(Initializer::XavierUniform { gain: 1.0 }, DType::F32, &[2]), Status::ShapeMismatch);
        assert_eq!(make(Initializer::Uniform(1.0), DType::I64, &[2]), Status::DtypeMismatch);
        let swapped = Initializer::TruncatedNormal { sigma: 1.0, mean: 0.0, low: 2.0, high: -2.0 };
        assert_eq!(make(swapped, DType::F32, &[2]), Status::InvalidArgument);
    }
}
