//! Convolutions as matrix products whose right operand is packed straight from the image: no matrix of columns lies in memory.
//!
//! The forward pass and the gradient of the input are [`pass`]es: rows of weights times panels of pixels. The gradient of the weights, whose
//! sum runs over pixels, is in [`filter`]. Groups of very few channels are computed without packing, in [`direct`]. Integers, and what would
//! be cut into too many passes, take the loops of [`plain`].

mod direct;
mod filter;
mod pass;
mod phases;
mod plain;

use super::{Kernel, Memory};
use crate::compiler::KernelStep;
use crate::error::{Error, Result};
use crate::ir::{ConvolutionRole, WindowAxis};
use crate::runtime::cpu::matmul::kernel::Float;
use crate::runtime::cpu::simd::Level;
use crate::tensor::DType;

/// Steps along k of a stretch: a packed panel stays in the second-level cache.
const K_STRETCH: usize = 512;
/// Bytes of an image's part that is held ready for packing.
const STAGED_BYTES: usize = 256 * 1024;
/// Tasks wanted: cutting goes no further than to keep this many workers busy.
const TASKS: usize = 8;
/// Columns of a panel at most, at every level.
const MAX_COLUMNS: usize = 64;
/// Elements of an image's part at most: windows and taps that lie so far apart that the smallest part is larger take the plain loops.
const MOST_STAGED: usize = 1 << 25;
/// Channels of x times channels of y in a group up to which convolutions are direct.
const NARROW: usize = 16;
/// An input's gradient that falls into more passes than this takes the plain loops.
const MOST_PASSES: usize = 1024;

/// What a convolution works on: sizes for one group, and always three spatial dimensions, the outer ones of size 1 where there are fewer.
#[derive(Clone, Debug)]
struct Geometry {
    axes: [WindowAxis; 3],
    batch: usize,
    groups: usize,
    /// Channels of x and of y in a group.
    inputs: usize,
    outputs: usize,
}

impl Geometry {
    fn new(step: &KernelStep, role: ConvolutionRole, window: &[WindowAxis], groups: usize) -> Geometry {
        let mut axes = [WindowAxis { size: 1, kernel: 1, stride: 1, dilation: 1, low: 0, count: 1 }; 3];
        axes[3 - window.len()..].copy_from_slice(window);
        let (a, b, result) = (step.input_types[0].shape, step.input_types[1].shape, step.output_types[0].shape);
        let (x, y) = match role {
            ConvolutionRole::Forward => (a, result),
            ConvolutionRole::InputGradient => (result, a),
            ConvolutionRole::FilterGradient => (a, b),
        };
        Geometry { axes, batch: x.dims()[0], groups, inputs: x.dims()[1] / groups, outputs: y.dims()[1] / groups }
    }
    /// Elements of a channel of x.
    fn elements(&self) -> usize {
        self.axes.iter().map(|axis| axis.size).product()
    }
    /// Elements of a channel of y.
    fn windows(&self) -> usize {
        self.axes.iter().map(|axis| axis.count).product()
    }
    fn taps(&self) -> usize {
        self.axes.iter().map(|axis| axis.kernel).product()
    }
    /// Groups of all images.
    fn units(&self) -> usize {
        self.batch * self.groups
    }
    /// Whether there are so few channels in a group that packed panels would be used too seldom.
    fn is_narrow(&self) -> bool {
        self.inputs * self.outputs <= NARROW
    }
}

pub(super) fn ready(
    step: &KernelStep,
    role: ConvolutionRole,
    window: &[WindowAxis],
    groups: usize,
    level: Level,
) -> Result<Box<dyn Kernel>> {
    let geometry = Geometry::new(step, role, window, groups);
    match step.output_types[0].dtype {
        DType::F32 => Ok(ready_float::<f32>(geometry, role, level)),
        DType::F64 => Ok(ready_float::<f64>(geometry, role, level)),
        DType::I64 => Ok(Box::new(plain::Plain::<i64>::new(geometry, role))),
        DType::I32 => Ok(Box::new(plain::Plain::<i32>::new(geometry, role))),
        DType::U8 => Ok(Box::new(plain::Plain::<u8>::new(geometry, role))),
        other => Err(Error::internal(format!("a convolution of {other}"))),
    }
}

fn ready_float<T: Float + plain::Number + Default>(geometry: Geometry, role: ConvolutionRole, level: Level) -> Box<dyn Kernel> {
    let kernels = T::kernels(level);
    if geometry.is_narrow() {
        let kernel = match role {
            ConvolutionRole::Forward => direct::Direct::forward(&geometry, kernels).map(boxed),
            ConvolutionRole::InputGradient => direct::Direct::input_gradient(&geometry, kernels).map(boxed),
            ConvolutionRole::FilterGradient => direct::DirectFilter::new(&geometry, kernels).map(boxed),
        };
        if let Some(kernel) = kernel {
            return kernel;
        }
    }
    let kernel = match role {
        ConvolutionRole::Forward => pass::Passes::forward(geometry.clone(), kernels).map(boxed),
        ConvolutionRole::InputGradient => pass::Passes::input_gradient(&geometry, kernels).map(boxed),
        ConvolutionRole::FilterGradient => filter::Filter::new(geometry.clone(), kernels).map(boxed),
    };
    kernel.unwrap_or_else(|| Box::new(plain::Plain::<T>::new(geometry, role)))
}

fn boxed(kernel: impl Kernel + 'static) -> Box<dyn Kernel> {
    Box::new(kernel)
}

/// A box of windows whose elements follow one another in a channel: whole planes, rows of one plane, or a part of one row.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Blocks {
    /// All windows.
    grid: [usize; 3],
    /// Of a block; the last ones along a dimension may be smaller.
    size: [usize; 3],
}

/// The part of the windows that one block has.
#[derive(Clone, Copy, Debug)]
struct Block {
    start: [usize; 3],
    size: [usize; 3],
}

impl Blocks {
    /// Blocks of at most `most` windows, as equal as can be; `most` is rounded down to whole panels where a row is cut.
    fn new(grid: [usize; 3], most: usize) -> Blocks {
        let [depth, height, width] = grid;
        let even = |length: usize, most: usize| length.div_ceil(length.div_ceil(most.max(1)).max(1)).max(1);
        let size = if height * width <= most {
            [even(depth, most / (height * width).max(1)), height, width]
        } else if width <= most {
            [1, even(height, most / width.max(1)), width]
        } else {
            [1, 1, even(width, most).next_multiple_of(MAX_COLUMNS).min(width)]
        };
        Blocks { grid, size: size.map(|size| size.max(1)) }
    }
    fn counts(&self) -> [usize; 3] {
        std::array::from_fn(|i| self.grid[i].div_ceil(self.size[i]))
    }
    fn count(&self) -> usize {
        self.counts().iter().product()
    }
    fn block(&self, index: usize) -> Block {
        let [_, rows, columns] = self.counts();
        let at = [index / (rows * columns), index / columns % rows, index % columns];
        let start = std::array::from_fn(|i| at[i] * self.size[i]);
        Block { start, size: std::array::from_fn(|i| self.size[i].min(self.grid[i] - start[i])) }
    }
    fn pixels(&self) -> usize {
        self.size.iter().product()
    }
}

impl Block {
    fn pixels(&self) -> usize {
        self.size.iter().product()
    }
    /// Calls `visit` with (first pixel of the run, depth, row, column, length) for the parts of rows that the pixels lie in; depth, row, and column
    /// count from the block's start.
    fn runs(&self, pixels: std::ops::Range<usize>, mut visit: impl FnMut(usize, [usize; 3], usize)) {
        let [_, height, width] = self.size;
        let mut pixel = pixels.start;
        while pixel < pixels.end {
            let (row, column) = (pixel / width, pixel % width);
            let length = (width - column).min(pixels.end - pixel);
            visit(pixel, [row / height, row % height, column], length);
            pixel += length;
        }
    }
}

/// Copies elements that lie side by side to places that are `step` apart.
///
/// # Safety
/// Both sides hold `count` elements.
unsafe fn turn<T: Copy>(count: usize, from: *const T, to: *mut T, step: usize) {
    for index in 0..count {
        // SAFETY: the caller's promise.
        unsafe { to.add(index * step).write(*from.add(index)) };
    }
}
