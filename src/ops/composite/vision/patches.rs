//! Patches of images as columns and back; channels and pixels in another order.

use super::{Padding, Windows};
use crate::error::{Error, Result};
use crate::ir::{Value, WindowAxis};
use crate::ops::Trace;
use crate::ops::catalog::{Differentiable, Domain, Row, Values};
use crate::tensor::{DType, Shape};

/// Options of [`Trace::unfold`] and [`Trace::fold`]. Lists have one entry for each spatial dimension; none stands for ones, one entry for all.
#[derive(Clone, Debug)]
pub struct Patches {
    pub kernel: Vec<usize>,
    pub stride: Vec<usize>,
    pub dilation: Vec<usize>,
    pub padding: Padding,
}

impl Patches {
    pub fn new(kernel: &[usize]) -> Patches {
        Patches { kernel: kernel.to_vec(), stride: Vec::new(), dilation: Vec::new(), padding: Padding::Valid }
    }
    fn axes(&self, sizes: &[usize]) -> Result<Vec<WindowAxis>> {
        let Patches { kernel, stride, dilation, padding } = self;
        Windows { kernel, stride, dilation, padding, ceil_mode: false }.axes(sizes)
    }
}

const REAL: Values = Values::Uniform(-1.0, 1.0);

fn sample() -> Patches {
    Patches { stride: vec![2, 1], dilation: vec![1, 2], padding: Padding::Explicit(vec![(1, 0), (0, 1)]), ..Patches::new(&[2, 2]) }
}

pub(in crate::ops) const ROWS: &[Row] = &[
    Row {
        name: "unfold",
        meaning: "the patches under windows as columns (im2col)",
        domain: Domain::Number,
        differentiable: Differentiable::Yes,
        shapes: "x [N, C, *size] -> [N, C * taps, windows]; 1 to 3 spatial dimensions",
        torch: "torch.nn.functional.unfold",
        mindspore: "mindspore.ops.unfold",
        build: |g, x| g.unfold(x[0], &sample()),
        samples: &[&[(&[1, 2, 3, 4], REAL)]],
        ..Row::COMMON
    },
    Row {
        name: "fold",
        meaning: "columns added up where their patches lie (col2im)",
        domain: Domain::Number,
        differentiable: Differentiable::Yes,
        shapes: "x [N, C * taps, windows] -> [N, C, *size]; 1 to 3 spatial dimensions",
        torch: "torch.nn.functional.fold",
        mindspore: "mindspore.ops.fold",
        build: |g, x| g.fold(x[0], &[3, 4], &sample()),
        samples: &[&[(&[1, 8, 6], REAL)]],
        ..Row::COMMON
    },
    Row {
        name: "pixel_shuffle",
        meaning: "blocks of r * r channels as blocks of r x r pixels",
        domain: Domain::Any,
        differentiable: Differentiable::Yes,
        shapes: "x [..., C * r * r, H, W] -> [..., C, H * r, W * r]",
        torch: "torch.nn.functional.pixel_shuffle",
        build: |g, x| g.pixel_shuffle(x[0], 2),
        samples: &[&[(&[1, 4, 2, 3], REAL)]],
        ..Row::COMMON
    },
    Row {
        name: "pixel_unshuffle",
        meaning: "blocks of r x r pixels as blocks of r * r channels",
        domain: Domain::Any,
        differentiable: Differentiable::Yes,
        shapes: "x [..., C, H * r, W * r] -> [..., C * r * r, H, W]",
        torch: "torch.nn.functional.pixel_unshuffle",
        build: |g, x| g.pixel_unshuffle(x[0], 2),
        samples: &[&[(&[1, 2, 2, 4], REAL)]],
        ..Row::COMMON
    },
    Row {
        name: "channel_shuffle",
        meaning: "channels of groups taken in turn",
        domain: Domain::Any,
        differentiable: Differentiable::Yes,
        shapes: "x [N, C, ...] -> the same",
        torch: "torch.nn.functional.channel_shuffle",
        mindspore: "mindspore.nn.ChannelShuffle",
        build: |g, x| g.channel_shuffle(x[0], 3),
        samples: &[&[(&[1, 6, 2], REAL)]],
        ..Row::COMMON
    },
];

/// (in front, behind) of each dimension, as far as windows reach.
fn reached(axes: &[WindowAxis]) -> Vec<(usize, usize)> {
    let behind = |axis: &WindowAxis| ((axis.count - 1) * axis.stride + axis.reach()).saturating_sub(axis.low + axis.size);
    axes.iter().map(|axis| (axis.low, behind(axis))).collect()
}

impl Trace {
    /// For each tap and window the position in the padded dimension, taps outermost.
    fn tap_positions(&mut self, axis: &WindowAxis) -> Value {
        let of = [axis.kernel, axis.count];
        let (tap, window) = (self.iota(DType::I64, &of, 0), self.iota(DType::I64, &of, 1));
        let (dilation, stride) = (self.integer(DType::I64, axis.dilation as i64), self.integer(DType::I64, axis.stride as i64));
        let (tap, window) = (self.mul(tap, dilation), self.mul(window, stride));
        let position = self.add(tap, window);
        self.reshape(position, &[axis.kernel.saturating_mul(axis.count)])
    }

    /// Column l of the result [N, C * taps, windows] holds what window l sees of x [N, C, *size]; taps are inside of channels.
    pub fn unfold(&mut self, x: Value, options: &Patches) -> Value {
        if !self.contains(x) {
            return self.identity(x);
        }
        let dims = self.dims(x);
        let axes = match dims.get(2..).map(|spatial| options.axes(spatial)) {
            Some(Ok(axes)) if axes.iter().all(|axis| axis.count > 0) => axes,
            Some(Err(error)) => return self.fail(error.within("unfold")),
            _ => return self.fail(Error::shape(format!("unfold: {dims:?} is not [N, C, *size]"))),
        };
        let around = reached(&axes);
        let with_lead = |of: fn(&(usize, usize)) -> usize| [0, 0].into_iter().chain(around.iter().map(of)).collect::<Vec<usize>>();
        let zero = self.scalar(self.dtype(x), 0.0);
        let mut y = if around.iter().all(|around| *around == (0, 0)) {
            x
        } else {
            self.pad(x, zero, &with_lead(|around| around.0), &with_lead(|around| around.1), &vec![0; dims.len()])
        };
        for (i, axis) in axes.iter().enumerate() {
            let positions = self.tap_positions(axis);
            y = self.gather(y, positions, 2 + i);
        }
        let rank = axes.len();
        let apart: Vec<usize> = dims[..2].iter().copied().chain(axes.iter().flat_map(|axis| [axis.kernel, axis.count])).collect();
        let y = self.reshape(y, &apart);
        let order: Vec<usize> = [0, 1].into_iter().chain((0..rank).map(|i| 2 + 2 * i)).chain((0..rank).map(|i| 3 + 2 * i)).collect();
        let y = self.transpose(y, &order);
        let (taps, windows) = taps_and_windows(&axes);
        self.reshape(y, &[dims[0], dims[1].saturating_mul(taps), windows])
    }

    /// The transpose of [`Trace::unfold`]: the columns of x [N, C * taps, windows] added up where the windows lie in [N, C, *size].
    pub fn fold(&mut self, x: Value, size: &[usize], options: &Patches) -> Value {
        if !self.contains(x) {
            return self.identity(x);
        }
        let dims = self.dims(x);
        let axes = match options.axes(size).and_then(|axes| Shape::new(size).map(|_| axes)) {
            Ok(axes) => axes,
            Err(error) => return self.fail(error.within("fold")),
        };
        let (taps, windows) = taps_and_windows(&axes);
        if dims.len() != 3 || !dims[1].is_multiple_of(taps) || dims[2] != windows || windows == 0 {
            return self.fail(Error::shape(format!("fold: {dims:?} is not [N, C * {taps}, {windows}], the patches of {size:?}")));
        }
        let rank = axes.len();
        let lead = [dims[0], dims[1] / taps];
        let apart: Vec<usize> =
            lead.into_iter().chain(axes.iter().map(|axis| axis.kernel)).chain(axes.iter().map(|axis| axis.count)).collect();
        let mut y = self.reshape(x, &apart);
        let order: Vec<usize> = [0, 1].into_iter().chain((0..rank).flat_map(|i| [2 + i, 2 + rank + i])).collect();
        y = self.transpose(y, &order);
        let mut now: Vec<usize> = lead.into_iter().chain(axes.iter().map(|axis| axis.kernel.saturating_mul(axis.count))).collect();
        y = self.reshape(y, &now);
        for (i, (axis, (low, high))) in axes.iter().zip(reached(&axes)).enumerate().rev() {
            let positions = self.tap_positions(axis);
            now[2 + i] = axis.size + low + high;
            let zeros = self.full(self.dtype(x), &now, 0.0);
            y = self.scatter_add(zeros, positions, y, 2 + i);
            if (low, high) != (0, 0) {
                y = self.narrow(y, 2 + i, low, axis.size);
            }
            now[2 + i] = axis.size;
        }
        y
    }

    /// Splits what fits into (dimensions in front, the last `count`).
    fn image(&mut self, name: &str, x: Value, factor: usize) -> Result<(Vec<usize>, [usize; 3])> {
        match *self.dims(x) {
            _ if !self.contains(x) => Err(Error::invalid(format!("{name}: the operand is not a value of this graph"))),
            [ref lead @ .., c, h, w] if factor > 0 => Ok((lead.to_vec(), [c, h, w])),
            _ => Err(Error::shape(format!("{name}: {} with a factor of {factor} is not [..., C, H, W] and at least 1", self.shape(x)))),
        }
    }
    /// Channel c * r * r + i * r + j becomes pixel (i, j) of each block of channel c.
    pub fn pixel_shuffle(&mut self, x: Value, r: usize) -> Value {
        let (lead, [c, h, w]) = match self.image("pixel_shuffle", x, r) {
            Ok(parts) => parts,
            Err(error) => return self.fail(error),
        };
        let Some(block) = r.checked_mul(r).filter(|block| c.is_multiple_of(*block)) else {
            return self.fail(Error::shape(format!("pixel_shuffle: {c} channels are not blocks of {r} * {r}")));
        };
        let images: usize = lead.iter().product();
        let apart = self.reshape(x, &[images, c / block, r, r, h, w]);
        let moved = self.transpose(apart, &[0, 1, 4, 2, 5, 3]);
        self.reshape(moved, &[&lead[..], &[c / block, h.saturating_mul(r), w.saturating_mul(r)]].concat())
    }
    /// The inverse of [`Trace::pixel_shuffle`].
    pub fn pixel_unshuffle(&mut self, x: Value, r: usize) -> Value {
        let (lead, [c, h, w]) = match self.image("pixel_unshuffle", x, r) {
            Ok(parts) => parts,
            Err(error) => return self.fail(error),
        };
        if !h.is_multiple_of(r) || !w.is_multiple_of(r) {
            return self.fail(Error::shape(format!("pixel_unshuffle: {h} x {w} pixels are not blocks of {r} x {r}")));
        }
        let images: usize = lead.iter().product();
        let apart = self.reshape(x, &[images, c, h / r, r, w / r, r]);
        let moved = self.transpose(apart, &[0, 1, 3, 5, 2, 4]);
        self.reshape(moved, &[&lead[..], &[c.saturating_mul(r).saturating_mul(r), h / r, w / r]].concat())
    }
    /// Channels (axis 1) of `groups` groups taken in turn: channel g * (C / groups) + i moves to i * groups + g.
    pub fn channel_shuffle(&mut self, x: Value, groups: usize) -> Value {
        if !self.contains(x) {
            return self.identity(x);
        }
        let dims = self.dims(x);
        if dims.len() < 2 || groups == 0 || !dims[1].is_multiple_of(groups) {
            return self.fail(Error::shape(format!("channel_shuffle: {dims:?} has no channels in {groups} groups")));
        }
        let rest: usize = dims[2..].iter().product();
        let apart = self.reshape(x, &[dims[0], groups, dims[1] / groups, rest]);
        let moved = self.transpose(apart, &[0, 2, 1, 3]);
        self.reshape(moved, &dims)
    }
}

fn taps_and_windows(axes: &[WindowAxis]) -> (usize, usize) {
    let product = |of: fn(&WindowAxis) -> usize| axes.iter().map(of).fold(1, usize::saturating_mul);
    (product(|axis| axis.kernel), product(|axis| axis.count))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ir::Type;
    use crate::runtime::reference;
    use crate::tensor::{Allocator, Tensor};

    fn evaluate(x: &[f64], dims: &[usize], record: impl FnOnce(&mut Trace, Value) -> Value) -> Vec<f64> {
        let x = Tensor::from_slice(&Allocator::system(), x, dims).unwrap();
        let mut g = Trace::new();
        let input = g.input(Type::new(DType::F64, *x.shape()));
        let y = record(&mut g, input);
        let graph = g.finish(&[y]).unwrap();
        reference::evaluate(&graph, &Allocator::system(), &[x]).unwrap().outputs[0].to_vec().unwrap()
    }

    #[test]
    fn columns_are_patches_and_fold_adds_them_up() {
        let x: Vec<f64> = (0..6).map(f64::from).collect();
        let two = Patches::new(&[2, 2]);
        let columns = [0.0, 1.0, 1.0, 2.0, 3.0, 4.0, 4.0, 5.0];
        assert_eq!(evaluate(&x, &[1, 1, 2, 3], |g, x| g.unfold(x, &two)), columns);
        assert_eq!(evaluate(&columns, &[1, 4, 2], |g, x| g.fold(x, &[2, 3], &two)), [0.0, 2.0, 2.0, 3.0, 8.0, 5.0]);
        let padded = Patches { padding: Padding::Explicit(vec![(1, 0)]), stride: vec![2], ..Patches::new(&[2]) };
        assert_eq!(evaluate(&[1.0, 2.0, 3.0], &[1, 1, 3], |g, x| g.unfold(x, &padded)), [0.0, 2.0, 1.0, 3.0]);
        assert_eq!(evaluate(&[9.0, 2.0, 1.0, 3.0], &[1, 2, 2], |g, x| g.fold(x, &[3], &padded)), [1.0, 2.0, 3.0]);
    }

    #[test]
    fn shuffles_move_channels_and_pixels() {
        let x: Vec<f64> = (0..8).map(f64::from).collect();
        assert_eq!(evaluate(&x, &[4, 1, 2], |g, x| g.pixel_shuffle(x, 2)), [0.0, 2.0, 1.0, 3.0, 4.0, 6.0, 5.0, 7.0]);
        assert_eq!(evaluate(&x, &[1, 8], |g, x| g.channel_shuffle(x, 2)), [0.0, 4.0, 1.0, 5.0, 2.0, 6.0, 3.0, 7.0]);
    }
}
