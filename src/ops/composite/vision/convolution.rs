//! Convolutions and their transposes, with bias.

use super::{Padding, Windows, each};
use crate::error::{Error, Result};
use crate::ir::{ConvolutionRole, Value, WindowAxis};
use crate::ops::Trace;
use crate::ops::catalog::{Differentiable, Domain, Row, Values};

/// Options of [`Trace::conv`]. Lists have one entry for each spatial dimension; none stands for ones, one entry for all dimensions.
#[derive(Clone, Debug)]
pub struct Convolution {
    pub stride: Vec<usize>,
    pub dilation: Vec<usize>,
    pub padding: Padding,
    /// Parts that the channels are cut into; each part of the output sees its part of the input.
    pub groups: usize,
}

impl Default for Convolution {
    fn default() -> Convolution {
        Convolution { stride: Vec::new(), dilation: Vec::new(), padding: Padding::Valid, groups: 1 }
    }
}

/// Options of [`Trace::conv_transpose`].
#[derive(Clone, Debug, Default)]
pub struct ConvolutionTranspose {
    /// Of the convolution whose gradient this is.
    pub convolution: Convolution,
    /// Elements more behind each dimension, with explicit padding: several sizes have the same number of windows.
    pub output_padding: Vec<usize>,
}

const REAL: Values = Values::Uniform(-1.0, 1.0);

fn sample_options(rank: usize) -> Convolution {
    match rank {
        3 => Convolution { stride: vec![2], padding: Padding::Same, ..Convolution::default() },
        4 => Convolution { stride: vec![2, 1], dilation: vec![1, 2], padding: Padding::Explicit(vec![(1, 0), (1, 2)]), groups: 2 },
        _ => Convolution::default(),
    }
}

pub(in crate::ops) const ROWS: &[Row] = &[
    Row {
        name: "conv",
        meaning: "the convolution (cross-correlation) of x with w, and a bias",
        domain: Domain::Number,
        differentiable: Differentiable::Yes,
        shapes: "x [N, C, *size], w [O, C / groups, *kernel], bias [O] -> [N, O, *windows]; 1 to 3 spatial dimensions",
        operands: Some((2, 3)),
        torch: "torch.nn.functional.conv1d, conv2d, conv3d",
        mindspore: "mindspore.ops.conv1d, conv2d, conv3d",
        build: |g, x| {
            let options = sample_options(g.rank(x[0]));
            g.conv(x[0], x[1], x.get(2).copied(), &options)
        },
        samples: &[
            &[(&[2, 2, 5], REAL), (&[3, 2, 2], REAL), (&[3], REAL)],
            &[(&[1, 4, 4, 4], REAL), (&[2, 2, 2, 3], REAL)],
            &[(&[1, 2, 2, 3, 3], REAL), (&[2, 2, 1, 2, 2], REAL)],
        ],
    },
    Row {
        name: "conv_transpose",
        meaning: "the transpose of the convolution with w: what it hands back to its input; and a bias",
        domain: Domain::Number,
        differentiable: Differentiable::Yes,
        shapes: "x [N, C, *windows], w [C, O / groups, *kernel], bias [O] -> [N, O, *size]; 1 to 3 spatial dimensions",
        operands: Some((2, 3)),
        torch: "torch.nn.functional.conv_transpose1d, conv_transpose2d, conv_transpose3d",
        mindspore: "mindspore.nn.Conv1dTranspose, Conv2dTranspose, Conv3dTranspose",
        build: |g, x| {
            let mut options = ConvolutionTranspose { convolution: sample_options(g.rank(x[0])), ..Default::default() };
            if g.rank(x[0]) == 4 {
                options.output_padding = vec![1, 0];
            }
            g.conv_transpose(x[0], x[1], x.get(2).copied(), &options)
        },
        samples: &[
            &[(&[2, 2, 3], REAL), (&[2, 3, 3], REAL), (&[3], REAL)],
            &[(&[1, 4, 2, 3], REAL), (&[4, 1, 2, 3], REAL)],
            &[(&[1, 2, 1, 2, 2], REAL), (&[2, 1, 2, 2, 1], REAL)],
        ],
    },
];

/// The windows of a transposed convolution, whose number is given and whose size is wanted.
fn transposed(options: &ConvolutionTranspose, kernel: &[usize], counts: &[usize]) -> Result<Vec<WindowAxis>> {
    let Convolution { stride, dilation, padding, .. } = &options.convolution;
    let rank = counts.len();
    if !(1..=3).contains(&rank) {
        return Err(Error::shape(format!("windows move over 1 to 3 spatial dimensions, not {rank}")));
    }
    let (stride, dilation) = (each(stride, rank, 1, "stride")?, each(dilation, rank, 1, "dilation")?);
    let more = each(&options.output_padding, rank, 0, "output padding")?;
    let explicit = match padding {
        Padding::Explicit(padding) => Some(each(padding, rank, (0, 0), "padding")?),
        Padding::Valid | Padding::Same if more.iter().any(|more| *more > 0) => {
            return Err(Error::invalid("output padding goes with explicit padding"));
        }
        Padding::Valid | Padding::Same => None,
    };
    let one = |i: usize| {
        let mut axis = WindowAxis { size: 0, kernel: kernel[i], stride: stride[i], dilation: dilation[i], low: 0, count: counts[i] };
        axis.check()?;
        let beyond = axis.reach().saturating_sub(axis.stride);
        let full = axis.count.saturating_sub(1) * axis.stride + axis.reach();
        match (&explicit, padding) {
            (Some(padding), _) => {
                let (low, high) = padding[i];
                if more[i] >= axis.stride.max(axis.dilation) {
                    return Err(Error::invalid(format!(
                        "output padding {} is not below stride {} or dilation {}",
                        more[i], axis.stride, axis.dilation
                    )));
                }
                let size = (full + more[i]).checked_sub(low.saturating_add(high)).filter(|size| *size > 0);
                axis.size = size.ok_or_else(|| Error::shape(format!("padding ({low}, {high}) leaves nothing of {full} elements")))?;
                axis.low = low;
            }
            (None, Padding::Same) => {
                axis.size = axis.count * axis.stride;
                axis.low = beyond / 2;
            }
            _ => axis.size = axis.count * axis.stride + beyond,
        }
        axis.check().map(|()| axis)
    };
    (0..rank).map(one).collect()
}

impl Trace {
    /// The convolution of x [N, C, *] (or [C, *]) with w [O, C / groups, *kernel], as neural networks mean it: no turning round of w. `bias` is [O].
    /// Dtypes promote.
    pub fn conv(&mut self, x: Value, w: Value, bias: Option<Value>, options: &Convolution) -> Value {
        self.convolve("conv", x, w, bias, |g, x, w| {
            let (size, kernel) = (g.dims(x), g.dims(w));
            let Convolution { stride, dilation, padding, groups } = options;
            let windows = Windows { kernel: &kernel[2..], stride, dilation, padding, ceil_mode: false };
            Ok(g.convolution(ConvolutionRole::Forward, &windows.axes(&size[2..])?, *groups, x, w))
        })
    }
    /// What the convolution with w [C, O / groups, *kernel] hands back to its input when it gets x [N, C, *] (or [C, *]).
    ///
    /// With explicit padding a dimension has (count - 1) * stride + reach - low - high + output_padding elements, where reach is (kernel - 1) *
    /// dilation + 1; with `Same` count * stride; with `Valid` count * stride + max(reach - stride, 0).
    pub fn conv_transpose(&mut self, x: Value, w: Value, bias: Option<Value>, options: &ConvolutionTranspose) -> Value {
        self.convolve("conv_transpose", x, w, bias, |g, x, w| {
            let (counts, kernel) = (g.dims(x), g.dims(w));
            let window = transposed(options, &kernel[2..], &counts[2..])?;
            Ok(g.convolution(ConvolutionRole::InputGradient, &window, options.convolution.groups, x, w))
        })
    }
    fn convolve(
        &mut self,
        name: &str,
        x: Value,
        w: Value,
        bias: Option<Value>,
        record: impl FnOnce(&mut Trace, Value, Value) -> Result<Value>,
    ) -> Value {
        if !self.contains(x) || !self.contains(w) {
            return self.convolution(ConvolutionRole::Forward, &[], 1, x, w);
        }
        let (shape, filter) = (self.shape(x), self.shape(w));
        let single = shape.rank() + 1 == filter.rank();
        if filter.rank() < 3 || !(single || shape.rank() == filter.rank()) {
            let text = format!("{name}: x is {shape}, w {filter}; [N, C, *] and [O, C / groups, *] are wanted, * of 1 to 3 dimensions");
            return self.fail(Error::shape(text));
        }
        let dtype = crate::ops::binary::promote(self.dtype(x), self.dtype(w));
        let (x, w) = (self.cast(x, dtype), self.cast(w, dtype));
        let x = if single { self.unsqueeze(x, 0) } else { x };
        let recorded = record(self, x, w).map_err(|error| error.within(name));
        let mut y = self.settle(recorded);
        if let Some(bias) = bias.filter(|_| y.is_valid()) {
            let dims = self.dims(y);
            if self.contains(bias) && self.shape(bias).dims() != [dims[1]] {
                let bias = self.shape(bias);
                return self.fail(Error::shape(format!("{name}: the bias is {bias}, not [{}]", dims[1])));
            }
            let wide: Vec<usize> = std::iter::once(dims[1]).chain(vec![1; dims.len() - 2]).collect();
            let bias = self.reshape(bias, &wide);
            y = self.add(y, bias);
        }
        if single && y.is_valid() { self.squeeze(y, &[0]) } else { y }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ir::Type;
    use crate::tensor::{DType, Shape};

    fn shape_of(x: &[usize], w: &[usize], record: impl FnOnce(&mut Trace, Value, Value) -> Value) -> Result<Vec<usize>> {
        let mut g = Trace::new();
        let [x, w] = [x, w].map(|dims| g.input(Type::new(DType::F32, Shape::new(dims).unwrap())));
        let y = record(&mut g, x, w);
        g.check().map(|()| g.dims(y))
    }

    #[test]
    fn shapes_follow_the_padding() {
        let conv = |options: Convolution| shape_of(&[2, 4, 7, 8], &[6, 4, 3, 3], |g, x, w| g.conv(x, w, None, &options)).unwrap();
        assert_eq!(conv(Convolution::default()), [2, 6, 5, 6]);
        assert_eq!(conv(Convolution { padding: Padding::Same, stride: vec![2], ..Default::default() }), [2, 6, 4, 4]);
        assert_eq!(conv(Convolution { padding: Padding::even(1), dilation: vec![2, 1], ..Default::default() }), [2, 6, 5, 8]);
        let back = |options| shape_of(&[2, 4, 7, 8], &[4, 6, 3, 3], |g, x, w| g.conv_transpose(x, w, None, &options)).unwrap();
        let stride = |padding| Convolution { stride: vec![2], padding, ..Default::default() };
        let explicit = ConvolutionTranspose { convolution: stride(Padding::even(1)), output_padding: vec![1] };
        assert_eq!(back(explicit), [2, 6, 14, 16]);
        assert_eq!(back(ConvolutionTranspose { convolution: stride(Padding::Same), ..Default::default() }), [2, 6, 14, 16]);
        assert_eq!(back(ConvolutionTranspose { convolution: stride(Padding::Valid), ..Default::default() }), [2, 6, 15, 17]);
    }

    #[test]
    fn what_does_not_fit_is_refused() {
        let refused = |x: &[usize], w: &[usize], options: Convolution| {
            shape_of(x, w, |g, x, w| g.conv(x, w, None, &options)).expect_err("a refusal").to_string()
        };
        assert!(refused(&[1, 4, 7], &[6, 3, 3], Convolution::default()).contains("takes 3 channels"));
        assert!(refused(&[1, 4, 7], &[6, 4, 9], Convolution::default()).contains("does not fit"));
        assert!(refused(&[1, 4, 7], &[6, 4, 3, 3], Convolution::default()).contains("takes"));
        assert!(refused(&[4, 7], &[6, 4], Convolution::default()).contains("are wanted"));
        assert!(refused(&[1, 4, 7], &[6, 4, 3], Convolution { stride: vec![0], ..Default::default() }).contains("at least 1"));
        assert!(refused(&[1, 4, 7], &[6, 4, 3], Convolution { groups: 0, ..Default::default() }).contains("groups"));
        let huge = Convolution { dilation: vec![usize::MAX / 2], ..Default::default() };
        assert!(refused(&[1, 4, 7], &[6, 4, 3], huge).contains("memory"));
    }
}
