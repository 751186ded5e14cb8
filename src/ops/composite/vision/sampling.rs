//! Images read at computed places.

use crate::error::{Error, Result};
use crate::ir::Value;
use crate::ops::Trace;
use crate::ops::catalog::{Differentiable, Domain, Row, Values};
use crate::tensor::DType;

/// How an element between elements is made.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Sampling {
    /// From the neighbours in every dimension: bilinear, trilinear.
    Linear,
    /// The nearest one; halfway, the one at an even position.
    Nearest,
    /// Cubic convolution over four neighbours in every dimension.
    Cubic,
}

/// What lies outside of an image.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outside {
    Zeros,
    /// The nearest element.
    Border,
    /// The image mirrored.
    Reflection,
}

/// Options of [`Trace::grid_sample`].
#[derive(Clone, Copy, Debug)]
pub struct GridSample {
    pub mode: Sampling,
    pub outside: Outside,
    /// -1 and 1 are the centres of the first and the last element; else their outer edges.
    pub align_corners: bool,
}

const REAL: Values = Values::Uniform(-1.0, 1.0);

pub(in crate::ops) const ROWS: &[Row] = &[
    Row {
        name: "grid_sample",
        meaning: "x read at the places of a grid, whose numbers -1 and 1 are the ends of a dimension, the last dimension first",
        domain: Domain::Float,
        differentiable: Differentiable::Yes,
        shapes: "x [N, C, *size], grid [N, *places, d] -> [N, C, *places]; d = 2 or 3 spatial dimensions",
        torch: "torch.nn.functional.grid_sample",
        mindspore: "mindspore.ops.grid_sample",
        build: |g, x| {
            let sample = |mode, outside, align_corners| GridSample { mode, outside, align_corners };
            let linear = g.grid_sample(x[0], x[1], sample(Sampling::Linear, Outside::Zeros, false));
            if g.rank(x[0]) == 5 {
                return linear;
            }
            let border = g.grid_sample(x[0], x[1], sample(Sampling::Linear, Outside::Border, true));
            let cubic = g.grid_sample(x[0], x[1], sample(Sampling::Cubic, Outside::Reflection, false));
            let sum = g.add(linear, border);
            g.add(sum, cubic)
        },
        samples: &[
            &[(&[1, 2, 3, 4], REAL), (&[1, 2, 2, 2], Values::Uniform(-0.9, 0.9))],
            &[(&[1, 1, 2, 2, 3], REAL), (&[1, 1, 2, 2, 3], Values::Uniform(-0.4, 0.4))],
        ],
        ..Row::COMMON
    },
    Row {
        name: "affine_grid",
        meaning: "the grid that a matrix makes of the places of an image",
        domain: Domain::Float,
        differentiable: Differentiable::Yes,
        shapes: "theta [N, d, d + 1] -> [N, *size, d]; d = 2 or 3",
        torch: "torch.nn.functional.affine_grid",
        mindspore: "mindspore.ops.affine_grid",
        build: |g, x| {
            if g.dims(x[0])[1] == 2 { g.affine_grid(x[0], &[2, 3], false) } else { g.affine_grid(x[0], &[2, 1, 2], true) }
        },
        samples: &[&[(&[2, 2, 3], REAL)], &[(&[1, 3, 4], REAL)]],
        ..Row::COMMON
    },
];

impl Trace {
    /// x [N, C, *size] read at the places of `grid` [N, *places, d], d = 2 or 3: place (x, y) or (x, y, z), from -1 to 1 over the last, the last
    /// but one, and the third last dimension. Cubic sampling is for d = 2.
    pub fn grid_sample(&mut self, x: Value, grid: Value, options: GridSample) -> Value {
        if !self.contains(x) || !self.contains(grid) {
            return self.add(x, grid);
        }
        let sampled = self.sample(x, grid, options).map_err(|error| error.within("grid_sample"));
        self.settle(sampled)
    }

    fn sample(&mut self, x: Value, grid: Value, options: GridSample) -> Result<Value> {
        let (dims, places) = (self.dims(x), self.dims(grid));
        let d = dims.len().saturating_sub(2);
        let fits = (2..=3).contains(&d) && places.len() == dims.len() && places[0] == dims[0] && places[d + 1] == d;
        if !fits || dims[2..].contains(&0) {
            return Err(Error::shape(format!(
                "x is {dims:?}, the grid {places:?}: [N, C, *size] and [N, *places, d] are wanted, d = 2 or 3"
            )));
        }
        if !self.dtype(x).is_float() || !self.dtype(grid).is_float() {
            return Err(Error::dtype(format!("of {} at {}: floats are wanted", self.dtype(x), self.dtype(grid))));
        }
        if options.mode == Sampling::Cubic && d != 2 {
            return Err(Error::unsupported("cubic sampling is for two spatial dimensions"));
        }
        let dtype = super::super::super::binary::promote(self.dtype(x), self.dtype(grid));
        let wide = if matches!(dtype, DType::F16 | DType::BF16) { DType::F32 } else { dtype };
        let (x, grid) = (self.cast(x, wide), self.cast(grid, wide));
        let (images, channels, size) = (dims[0], dims[1], &dims[2..]);
        let count: usize = places[1..=d].iter().product();
        let grid = self.reshape(grid, &[images, count, d]);
        // For each dimension, the neighbours: (position as a whole number, weight).
        let mut neighbours = Vec::with_capacity(d);
        for (i, size) in size.iter().enumerate() {
            let place = self.narrow(grid, 2, d - 1 - i, 1);
            let place = self.reshape(place, &[images * count]);
            neighbours.push(self.grid_neighbours(place, *size, options));
        }
        // Elements with their channels side by side.
        let order: Vec<usize> = std::iter::once(0).chain(2..d + 2).chain([1]).collect();
        let elements: usize = size.iter().product();
        let rows = self.transpose(x, &order);
        let rows = self.reshape(rows, &[images * elements, channels]);
        let image = self.iota(DType::I64, &[images, count], 0);
        let image = self.reshape(image, &[images * count]);
        let taps = neighbours[0].len();
        let mut sum = None;
        for number in 0..taps.pow(d as u32) {
            let (mut at, mut weight, mut rest) = (image, None, number);
            for (size, neighbours) in size.iter().zip(&neighbours) {
                let (position, share) = neighbours[rest % taps];
                rest /= taps;
                let all = self.integer(DType::I64, *size as i64);
                let before = self.mul(at, all);
                at = self.add(before, position);
                weight = Some(weight.map_or(share, |weight| self.mul(weight, share)));
            }
            let elements = self.gather(rows, at, 0);
            let weight = self.broadcast_in(weight.expect("there are dimensions"), &[images * count, channels], &[0]);
            let term = self.mul(elements, weight);
            sum = Some(sum.map_or(term, |sum| self.add(sum, term)));
        }
        let y = self.reshape(sum.expect("there are neighbours"), &[images, count, channels]);
        let y = self.transpose(y, &[0, 2, 1]);
        let y = self.reshape(y, &[&[images, channels], &places[1..=d]].concat());
        Ok(self.cast(y, dtype))
    }

    /// The neighbours of places along a dimension: position (i64, inside of the dimension) and weight, which is 0 for what lies outside.
    fn grid_neighbours(&mut self, place: Value, size: usize, options: GridSample) -> Vec<(Value, Value)> {
        let one_more = self.add_scalar(place, 1.0);
        let place = if options.align_corners {
            self.mul_scalar(one_more, (size as f64 - 1.0) / 2.0)
        } else {
            let scaled = self.mul_scalar(one_more, size as f64 / 2.0);
            self.add_scalar(scaled, -0.5)
        };
        // Cubic sampling brings each neighbour inside, the others the place.
        let place = if options.mode == Sampling::Cubic { place } else { self.brought_inside(place, size, options) };
        let pairs: Vec<(Value, Value)> = match options.mode {
            Sampling::Nearest => {
                let nearest = self.round(place);
                vec![(nearest, self.ones_like(place))]
            }
            Sampling::Linear => {
                let first = self.floor(place);
                let behind = self.sub(place, first);
                let before = self.mul_scalar(behind, -1.0);
                let before = self.add_scalar(before, 1.0);
                vec![(first, before), (self.add_scalar(first, 1.0), behind)]
            }
            Sampling::Cubic => {
                let first = self.floor(place);
                let t = self.sub(place, first);
                let weights = self.cubic_weights(t);
                let at = |g: &mut Trace, tap: usize| {
                    let at = g.add_scalar(first, tap as f64 - 1.0);
                    let inside = g.brought_inside(at, size, options);
                    g.round(inside)
                };
                weights.into_iter().enumerate().map(|(tap, weight)| (at(self, tap), weight)).collect()
            }
        };
        let last = size as f64 - 1.0;
        let known = |(at, weight): (Value, Value)| {
            let dtype = self.dtype(at);
            let (low, high, none) = (self.scalar(dtype, 0.0), self.scalar(dtype, last), self.scalar(dtype, 0.0));
            let (behind, before) = (self.greater_equal(at, low), self.less_equal(at, high));
            let inside = self.logical_and(behind, before);
            let weight = self.select(inside, weight, none);
            let at = self.clamp(at, 0.0, last);
            (self.cast(at, DType::I64), weight)
        };
        pairs.into_iter().map(known).collect()
    }

    fn brought_inside(&mut self, place: Value, size: usize, options: GridSample) -> Value {
        let last = size as f64 - 1.0;
        let reflected = match options.outside {
            Outside::Zeros => return place,
            Outside::Border => place,
            Outside::Reflection => {
                let (low, span) = if options.align_corners { (0.0, last) } else { (-0.5, size as f64) };
                if span == 0.0 {
                    return self.mul_scalar(place, 0.0);
                }
                let way = self.add_scalar(place, -low);
                let way = self.abs(way);
                let all = self.scalar(self.dtype(way), span);
                let rest = self.fmod(way, all);
                let turns = self.mul_scalar(way, 1.0 / span);
                let turns = self.floor(turns);
                let two = self.scalar(self.dtype(way), 2.0);
                let odd = self.fmod(turns, two);
                let one = self.scalar(self.dtype(way), 1.0);
                let is_odd = self.equal(odd, one);
                let back = self.sub(all, rest);
                let way = self.select(is_odd, back, rest);
                self.add_scalar(way, low)
            }
        };
        self.clamp(reflected, 0.0, last)
    }

    /// The grid of an image whose spatial dimensions are `size` (2 or 3): place p, from -1 to 1, is moved to theta [N, d, d + 1] (p, 1).
    pub fn affine_grid(&mut self, theta: Value, size: &[usize], align_corners: bool) -> Value {
        if !self.contains(theta) {
            return self.identity(theta);
        }
        let (dims, d) = (self.dims(theta), size.len());
        let dtype = self.dtype(theta);
        if !(2..=3).contains(&d) || dims.len() != 3 || dims[1..] != [d, d + 1] || !dtype.is_float() {
            return self.fail(Error::shape(format!(
                "affine_grid: floats [N, d, d + 1] and d sizes are wanted, d = 2 or 3, not {dims:?} and {size:?}"
            )));
        }
        let shape = [&[dims[0]], size, &[d]].concat();
        if let Err(error) = crate::tensor::Shape::new(&shape) {
            return self.fail(error.within("affine_grid"));
        }
        let count: usize = size.iter().product();
        // The last dimension comes first.
        let mut places = Vec::with_capacity(d + 1);
        for (i, size_here) in size.iter().enumerate().rev() {
            let (n, at) = (*size_here as f64, self.iota(dtype, size, i));
            let (scale, start) = match align_corners {
                _ if n <= 1.0 => (0.0, 0.0),
                true => (2.0 / (n - 1.0), -1.0),
                false => (2.0 / n, 1.0 / n - 1.0),
            };
            let scaled = self.mul_scalar(at, scale);
            let place = self.add_scalar(scaled, start);
            places.push(self.reshape(place, &[count]));
        }
        places.push(self.full(dtype, &[count], 1.0));
        let places = self.stack(&places, 1);
        let moved = self.swap_last(theta);
        let grid = self.matmul(places, moved);
        self.reshape(grid, &shape)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ir::Type;
    use crate::runtime::reference;
    use crate::tensor::{Allocator, Tensor};

    #[test]
    fn grids_hold_the_centres_of_elements_or_the_corners() {
        let theta = Tensor::from_slice(&Allocator::system(), &[1.0, 0.0, 0.5, 0.0, 2.0, 0.0], &[1, 2, 3]).unwrap();
        for (align_corners, expected) in
            [(false, [0.0, -1.0, 1.0, -1.0, 0.0, 1.0, 1.0, 1.0]), (true, [-0.5, -2.0, 1.5, -2.0, -0.5, 2.0, 1.5, 2.0])]
        {
            let mut g = Trace::new();
            let input = g.input(Type::new(DType::F64, *theta.shape()));
            let grid = g.affine_grid(input, &[2, 2], align_corners);
            let graph = g.finish(&[grid]).unwrap();
            let outputs = reference::evaluate(&graph, &Allocator::system(), std::slice::from_ref(&theta)).unwrap().outputs;
            assert_eq!(outputs[0].to_vec::<f64>().unwrap(), expected);
        }
    }
}
