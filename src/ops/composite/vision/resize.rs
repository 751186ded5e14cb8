//! Images in another size, one dimension after the other.

use super::each;
use crate::error::{Error, Result};
use crate::ir::Value;
use crate::ops::Trace;
use crate::ops::catalog::{Differentiable, Domain, Row, Values};
use crate::tensor::{DType, Shape};

/// How elements between elements are made.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Interpolation {
    /// The element at floor(i * old / new).
    Nearest,
    /// The element at floor((i + 1/2) * old / new).
    NearestExact,
    /// The line through two neighbours: linear, bilinear, trilinear.
    Linear,
    /// Cubic convolution over four neighbours (Keys, 1981; a = -3/4): bicubic.
    Cubic,
    /// The average of what the new element covers: [`Trace::adaptive_avg_pool`].
    Area,
}

/// Options of [`Trace::interpolate`].
#[derive(Clone, Debug)]
pub struct Resize {
    pub mode: Interpolation,
    /// New sizes of the last dimensions, one for each; or none, and factors.
    pub size: Vec<usize>,
    /// Factors of the dimensions behind the first two, one for each or one for all; they also scale positions.
    pub scale: Vec<f64>,
    /// The corners' centres stay corners, for `Linear` and `Cubic`; else their outer edges do.
    pub align_corners: bool,
}

impl Resize {
    pub fn to(mode: Interpolation, size: &[usize]) -> Resize {
        Resize { mode, size: size.to_vec(), scale: Vec::new(), align_corners: false }
    }
    pub fn by(mode: Interpolation, scale: &[f64]) -> Resize {
        Resize { mode, size: Vec::new(), scale: scale.to_vec(), align_corners: false }
    }
}

const REAL: Values = Values::Uniform(-1.0, 1.0);

pub(in crate::ops) const ROWS: &[Row] = &[Row {
    name: "interpolate",
    meaning: "x in another size: nearest, linear, cubic, or area",
    domain: Domain::Any,
    differentiable: Differentiable::Yes,
    shapes: "x [N, C, *size] -> [N, C, *new size]; 1 to 3 spatial dimensions",
    torch: "torch.nn.functional.interpolate",
    mindspore: "mindspore.ops.interpolate",
    build: |g, x| match g.rank(x[0]) {
        3 => {
            let nearest = g.interpolate(x[0], &Resize::to(Interpolation::Nearest, &[5]));
            let area = g.interpolate(x[0], &Resize::to(Interpolation::Area, &[5]));
            g.add(nearest, area)
        }
        4 => {
            let corners = Resize { align_corners: true, ..Resize::to(Interpolation::Linear, &[3, 4]) };
            let linear = g.interpolate(x[0], &corners);
            let cubic = g.interpolate(x[0], &Resize::to(Interpolation::Cubic, &[3, 4]));
            g.add(linear, cubic)
        }
        _ => g.interpolate(x[0], &Resize::by(Interpolation::Linear, &[1.5])),
    },
    samples: &[&[(&[1, 2, 3], REAL)], &[(&[1, 1, 4, 3], REAL)], &[(&[1, 1, 2, 2, 2], REAL)]],
    ..Row::COMMON
}];

/// A dimension that is resized: its sizes, and old positions from new position to new position.
struct Step {
    axis: usize,
    old: usize,
    new: usize,
    ratio: f64,
}

fn steps(g: &Trace, x: Value, options: &Resize) -> Result<Vec<Step>> {
    let dims = g.dims(x);
    let rank = if options.size.is_empty() { dims.len().saturating_sub(2) } else { options.size.len() };
    if !(1..=3).contains(&rank) || dims.len() < rank + 2 || (options.size.is_empty() == options.scale.is_empty()) {
        return Err(Error::shape(format!(
            "{} is to have 1 to 3 spatial dimensions behind [N, C], and either sizes or factors: {:?}, {:?}",
            g.shape(x),
            options.size,
            options.scale
        )));
    }
    let first = dims.len() - rank;
    let scale = if options.scale.is_empty() { Vec::new() } else { each(&options.scale, rank, 1.0, "scale")? };
    let step = |i: usize| {
        let old = dims[first + i];
        let (new, ratio) = match scale.get(i) {
            Some(scale) if !(scale.is_finite() && *scale > 0.0) => {
                return Err(Error::invalid(format!("a scale of {scale} is no factor above 0")));
            }
            Some(scale) => ((old as f64 * scale).floor() as usize, 1.0 / scale),
            None => (options.size[i], old as f64 / options.size[i] as f64),
        };
        if old == 0 || new == 0 {
            return Err(Error::shape(format!("{old} elements do not become {new}")));
        }
        Shape::new(&[new])?;
        let ratio = match options.align_corners && matches!(options.mode, Interpolation::Linear | Interpolation::Cubic) {
            true if new > 1 => (old - 1) as f64 / (new - 1) as f64,
            true => 0.0,
            false => ratio,
        };
        Ok(Step { axis: first + i, old, new, ratio })
    };
    (0..rank).map(step).collect()
}

impl Trace {
    /// x [N, C, *size] with its spatial dimensions in another size.
    pub fn interpolate(&mut self, x: Value, options: &Resize) -> Value {
        if !self.contains(x) {
            return self.identity(x);
        }
        let steps = match steps(self, x, options) {
            Ok(steps) => steps,
            Err(error) => return self.fail(error.within("interpolate")),
        };
        let dtype = self.dtype(x);
        let moves = matches!(options.mode, Interpolation::Nearest | Interpolation::NearestExact);
        if !moves && !dtype.is_float() {
            return self.fail(Error::dtype(format!("interpolate: between {dtype} there is nothing: floats are wanted")));
        }
        if options.mode == Interpolation::Area {
            let bins: Vec<usize> = steps.iter().map(|step| step.new).collect();
            return self.adaptive_avg_pool(x, &bins);
        }
        let narrow = !moves && matches!(dtype, DType::F16 | DType::BF16);
        let mut y = if narrow { self.cast(x, DType::F32) } else { x };
        for step in steps.iter().filter(|step| step.old != step.new || step.ratio != 1.0) {
            y = match options.mode {
                Interpolation::Nearest => self.resize_nearest(y, step, 0.0),
                Interpolation::NearestExact => self.resize_nearest(y, step, 0.5),
                Interpolation::Linear => self.resize_linear(y, step, options.align_corners),
                _ => self.resize_cubic(y, step, options.align_corners),
            };
        }
        self.cast(y, dtype)
    }

    fn resize_nearest(&mut self, x: Value, step: &Step, shift: f64) -> Value {
        let place = self.iota(DType::F64, &[step.new], 0);
        let place = self.add_scalar(place, shift);
        let place = self.mul_scalar(place, step.ratio);
        let place = self.floor(place);
        self.gather_clamped(x, place, step)
    }
    /// The elements at these positions (f64, whole), those outside replaced by the nearest inside.
    fn gather_clamped(&mut self, x: Value, place: Value, step: &Step) -> Value {
        let place = self.clamp(place, 0.0, (step.old - 1) as f64);
        let place = self.cast(place, DType::I64);
        self.gather(x, place, step.axis)
    }
    /// Where new elements lie between old ones.
    fn resize_positions(&mut self, step: &Step, align_corners: bool) -> Value {
        let place = self.iota(DType::F64, &[step.new], 0);
        if align_corners {
            return self.mul_scalar(place, step.ratio);
        }
        let centre = self.add_scalar(place, 0.5);
        let scaled = self.mul_scalar(centre, step.ratio);
        self.add_scalar(scaled, -0.5)
    }
    /// x times one weight for each position along the axis.
    fn window_weighted(&mut self, x: Value, weight: Value, axis: usize) -> Value {
        let dims = self.dims(x);
        let weight = self.cast(weight, self.dtype(x));
        let weight = self.broadcast_in(weight, &dims, &[axis]);
        self.mul(x, weight)
    }

    fn resize_linear(&mut self, x: Value, step: &Step, align_corners: bool) -> Value {
        let place = self.resize_positions(step, align_corners);
        let none = self.scalar(DType::F64, 0.0);
        let place = self.maximum(place, none);
        let first = self.floor(place);
        let behind = self.sub(place, first);
        let before = self.mul_scalar(behind, -1.0);
        let before = self.add_scalar(before, 1.0);
        let second = self.add_scalar(first, 1.0);
        let (low, high) = (self.gather_clamped(x, first, step), self.gather_clamped(x, second, step));
        let (low, high) = (self.window_weighted(low, before, step.axis), self.window_weighted(high, behind, step.axis));
        self.add(low, high)
    }

    fn resize_cubic(&mut self, x: Value, step: &Step, align_corners: bool) -> Value {
        let place = self.resize_positions(step, align_corners);
        let first = self.floor(place);
        let t = self.sub(place, first);
        let weights = self.cubic_weights(t);
        let mut sum = None;
        for (tap, weight) in weights.into_iter().enumerate() {
            let at = self.add_scalar(first, tap as f64 - 1.0);
            let elements = self.gather_clamped(x, at, step);
            let term = self.window_weighted(elements, weight, step.axis);
            sum = Some(sum.map_or(term, |sum| self.add(sum, term)));
        }
        sum.expect("four taps")
    }

    /// The weights of the elements one before, at, one and two behind a place that lies `t` behind the second of them.
    pub(super) fn cubic_weights(&mut self, t: Value) -> [Value; 4] {
        const A: f64 = -0.75;
        let back = self.mul_scalar(t, -1.0);
        let rest = self.add_scalar(back, 1.0);
        // Within one of the place, and between one and two.
        let near = |g: &mut Trace, x: Value| {
            let inner = g.mul_scalar(x, A + 2.0);
            let inner = g.add_scalar(inner, -(A + 3.0));
            let square = g.mul(x, x);
            let product = g.mul(inner, square);
            g.add_scalar(product, 1.0)
        };
        let far = |g: &mut Trace, x: Value| {
            let inner = g.mul_scalar(x, A);
            let inner = g.add_scalar(inner, -5.0 * A);
            let inner = g.mul(inner, x);
            let inner = g.add_scalar(inner, 8.0 * A);
            let product = g.mul(inner, x);
            g.add_scalar(product, -4.0 * A)
        };
        let (before, behind) = (self.add_scalar(t, 1.0), self.add_scalar(rest, 1.0));
        [far(self, before), near(self, t), near(self, rest), far(self, behind)]
    }
}
