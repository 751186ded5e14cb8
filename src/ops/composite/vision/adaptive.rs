//! Pools whose number of windows is given: bin i of n reaches from floor(i L / n) up to ceil((i + 1) L / n).

use crate::error::{Error, Result};
use crate::ir::{Binary, Op, Value, WindowAxis, WindowRole};
use crate::ops::Trace;
use crate::ops::catalog::{Differentiable, Domain, Row, Values};
use crate::tensor::DType;

const REAL: Values = Values::Uniform(-2.0, 2.0);

pub(in crate::ops) const ROWS: &[Row] = &[
    Row {
        name: "adaptive_avg_pool",
        meaning: "the averages of a given number of bins along each dimension",
        domain: Domain::Float,
        differentiable: Differentiable::Yes,
        shapes: "x [..., *size] -> [..., *bins]; 1 to 3 spatial dimensions",
        torch: "torch.nn.functional.adaptive_avg_pool1d, adaptive_avg_pool2d, adaptive_avg_pool3d",
        mindspore: "mindspore.ops.adaptive_avg_pool1d, adaptive_avg_pool2d, adaptive_avg_pool3d",
        build: |g, x| if g.rank(x[0]) == 3 { g.adaptive_avg_pool(x[0], &[2]) } else { g.adaptive_avg_pool(x[0], &[3, 2]) },
        samples: &[&[(&[1, 2, 4], REAL)], &[(&[1, 2, 4, 5], REAL)]],
        ..Row::COMMON
    },
    Row {
        name: "adaptive_max_pool",
        meaning: "the largest elements of a given number of bins along each dimension",
        domain: Domain::Number,
        differentiable: Differentiable::Yes,
        shapes: "x [..., *size] -> [..., *bins]; 1 to 3 spatial dimensions",
        torch: "torch.nn.functional.adaptive_max_pool1d, adaptive_max_pool2d, adaptive_max_pool3d",
        mindspore: "mindspore.ops.adaptive_max_pool1d, adaptive_max_pool2d, adaptive_max_pool3d",
        build: |g, x| if g.rank(x[0]) == 3 { g.adaptive_max_pool(x[0], &[2]) } else { g.adaptive_max_pool(x[0], &[3, 2]) },
        samples: &[&[(&[1, 2, 4], REAL)], &[(&[1, 2, 4, 5], REAL)]],
        ..Row::COMMON
    },
    Row {
        name: "adaptive_max_pool_indices",
        meaning: "the places of the largest elements of a given number of bins in their channels",
        domain: Domain::Number,
        differentiable: Differentiable::Zero("places are integers"),
        shapes: "x [..., *size] -> i64 [..., *bins]; 1 to 3 spatial dimensions",
        torch: "torch.nn.functional.adaptive_max_pool2d, return_indices",
        mindspore: "mindspore.ops.adaptive_max_pool2d, return_indices",
        build: |g, x| g.adaptive_max_pool_indices(x[0], &[3, 2]),
        samples: &[&[(&[1, 2, 4, 5], REAL)]],
        ..Row::COMMON
    },
    Row {
        name: "global_avg_pool",
        meaning: "the average of each channel",
        domain: Domain::Float,
        differentiable: Differentiable::Yes,
        shapes: "x [N, C, *size] -> [N, C, 1, ...]",
        torch: "-",
        mindspore: "-",
        build: |g, x| g.global_avg_pool(x[0]),
        samples: &[&[(&[2, 2, 2, 3], REAL)]],
        ..Row::COMMON
    },
    Row {
        name: "global_max_pool",
        meaning: "the largest element of each channel; ties share the gradient",
        domain: Domain::Number,
        differentiable: Differentiable::Yes,
        shapes: "x [N, C, *size] -> [N, C, 1, ...]",
        torch: "-",
        mindspore: "-",
        build: |g, x| g.global_max_pool(x[0]),
        samples: &[&[(&[2, 2, 2, 3], REAL)]],
        ..Row::COMMON
    },
];

fn check(g: &Trace, x: Value, bins: &[usize]) -> Result<Vec<usize>> {
    let dims = g.dims(x);
    if !(1..=3).contains(&bins.len()) || dims.len() < bins.len() {
        return Err(Error::shape(format!("{} bins for the last dimensions of {}: 1 to 3 are wanted", bins.len(), g.shape(x))));
    }
    let spatial = dims[dims.len() - bins.len()..].to_vec();
    if spatial.contains(&0) || bins.contains(&0) {
        return Err(Error::shape(format!("neither {spatial:?} elements nor {bins:?} bins may be none")));
    }
    Ok(spatial)
}

/// Windows that are the bins, where bins are equally long.
fn regular(spatial: &[usize], bins: &[usize]) -> Vec<WindowAxis> {
    let one = |(size, count): (&usize, &usize)| {
        let kernel = if size.is_multiple_of(*count) { size / count } else { 1 };
        let count = size / kernel;
        WindowAxis { size: *size, kernel, stride: kernel, dilation: 1, low: 0, count }
    };
    spatial.iter().zip(bins).map(one).collect()
}

impl Trace {
    /// floor(a * factor / divisor) of integers that are not negative.
    fn scaled_down(&mut self, a: Value, factor: usize, divisor: usize) -> Value {
        let (factor, divisor) = (self.integer(DType::I64, factor as i64), self.integer(DType::I64, divisor as i64));
        let product = self.mul(a, factor);
        let divisor = self.broadcast_like(divisor, product);
        self.push(Op::Binary(Binary::Div), &[product, divisor])
    }
    fn broadcast_like(&mut self, scalar: Value, x: Value) -> Value {
        let dims = self.dims(x);
        self.broadcast_to(scalar, &dims)
    }
    /// The first element of each bin and the one behind its last: bin numbers to positions.
    fn bin_bounds(&mut self, bin: Value, size: usize, count: usize) -> (Value, Value) {
        let start = self.scaled_down(bin, size, count);
        // ceil(a / n) = floor((a + n - 1) / n)
        let one = self.integer(DType::I64, 1);
        let next = self.add(bin, one);
        let (size, count) = (self.integer(DType::I64, size as i64), count as i64);
        let most = self.integer(DType::I64, count - 1);
        let reached = self.mul(next, size);
        let reached = self.add(reached, most);
        let count = self.integer(DType::I64, count);
        let count = self.broadcast_like(count, reached);
        (start, self.push(Op::Binary(Binary::Div), &[reached, count]))
    }

    /// The averages of `bins[i]` bins along each of the last dimensions.
    pub fn adaptive_avg_pool(&mut self, x: Value, bins: &[usize]) -> Value {
        if !self.contains(x) {
            return self.window(WindowRole::Sum, &[], &[x]);
        }
        let spatial = match check(self, x, bins) {
            Ok(spatial) => spatial,
            Err(error) => return self.fail(error.within("adaptive_avg_pool")),
        };
        let dtype = self.dtype(x);
        if !dtype.is_float() {
            return self.fail(Error::dtype(format!("adaptive_avg_pool: defined for floats, not {dtype}")));
        }
        let narrow = matches!(dtype, DType::F16 | DType::BF16);
        let mut y = if narrow { self.cast(x, DType::F32) } else { x };
        let window = regular(&spatial, bins);
        let cells: usize = window.iter().map(|axis| axis.kernel).product();
        if cells > 1 {
            let sums = self.window(WindowRole::Sum, &window, &[y]);
            y = self.mul_scalar(sums, 1.0 / cells as f64);
        }
        for (i, (size, count)) in spatial.iter().zip(bins).enumerate().filter(|(_, (size, count))| !size.is_multiple_of(**count)) {
            // The bins' shares of the elements, [bins, elements].
            let of = [*count, *size];
            let (bin, element) = (self.iota(DType::I64, &of, 0), self.iota(DType::I64, &of, 1));
            let (start, end) = self.bin_bounds(bin, *size, *count);
            let (behind, before) = (self.greater_equal(element, start), self.less(element, end));
            let inside = self.logical_and(behind, before);
            let length = self.sub(end, start);
            let length = self.cast(length, self.dtype(y));
            let share = self.reciprocal(length);
            let none = self.scalar(self.dtype(y), 0.0);
            let shares = self.select(inside, share, none);
            let rank = self.rank(y);
            let axis = rank - bins.len() + i;
            let mut order: Vec<usize> = (0..rank).collect();
            order.swap(axis, rank - 1);
            let moved = self.transpose(y, &order);
            let averages = self.linear(moved, shares, None);
            y = self.transpose(averages, &order);
        }
        self.cast(y, dtype)
    }

    /// The largest element of `bins[i]` bins along each of the last dimensions. A tie is the first's, in value and in gradient.
    pub fn adaptive_max_pool(&mut self, x: Value, bins: &[usize]) -> Value {
        self.largest_of_bins("adaptive_max_pool", x, bins, false)
    }
    /// The places (i64) of what [`Trace::adaptive_max_pool`] gives, in the row-major order of the pooled dimensions.
    pub fn adaptive_max_pool_indices(&mut self, x: Value, bins: &[usize]) -> Value {
        self.largest_of_bins("adaptive_max_pool_indices", x, bins, true)
    }
    fn largest_of_bins(&mut self, name: &str, x: Value, bins: &[usize], places: bool) -> Value {
        if !self.contains(x) {
            return self.window(WindowRole::Sum, &[], &[x]);
        }
        let spatial = match check(self, x, bins) {
            Ok(spatial) => spatial,
            Err(error) => return self.fail(error.within(name)),
        };
        let mut place = if places { self.spatial_places(x, bins.len()) } else { x };
        if spatial.iter().zip(bins).all(|(size, count)| size.is_multiple_of(*count)) {
            return self.window(WindowRole::Select, &regular(&spatial, bins), &[x, place]);
        }
        // One dimension after the other from the last, so that the first of equals in row-major order is found. Bins are made equally long by
        // naming their last element again.
        let mut largest = x;
        for i in (0..bins.len()).rev() {
            let (size, count) = (spatial[i], bins[i]);
            let longest = (size.div_ceil(count) + 1).min(size);
            let of = [count, longest];
            let (bin, within) = (self.iota(DType::I64, &of, 0), self.iota(DType::I64, &of, 1));
            let (start, end) = self.bin_bounds(bin, size, count);
            let one = self.integer(DType::I64, 1);
            let last = self.sub(end, one);
            let element = self.add(start, within);
            let element = self.minimum(element, last);
            let flat = self.reshape(element, &[count.saturating_mul(longest)]);
            let axis = self.rank(x) - bins.len() + i;
            let candidates = self.gather(largest, flat, axis);
            if !candidates.is_valid() {
                return candidates;
            }
            let dims = self.dims(candidates);
            let whole = |size: &usize| WindowAxis { size: *size, kernel: 1, stride: 1, dilation: 1, low: 0, count: *size };
            let mut window: Vec<WindowAxis> = dims[dims.len() - bins.len()..].iter().map(whole).collect();
            window[i] = WindowAxis { size: count * longest, kernel: longest, stride: longest, dilation: 1, low: 0, count };
            if places {
                let of_candidates = self.gather(place, flat, axis);
                place = self.window(WindowRole::Select, &window, &[candidates, of_candidates]);
            }
            largest = self.window(WindowRole::Select, &window, &[candidates, candidates]);
        }
        if places { place } else { largest }
    }

    /// The average over all dimensions behind the first two, which stay with size 1.
    pub fn global_avg_pool(&mut self, x: Value) -> Value {
        let axes: Vec<usize> = (2..self.rank(x)).collect();
        self.mean(x, &axes, true)
    }
    /// The largest element over all dimensions behind the first two, which stay with size 1.
    pub fn global_max_pool(&mut self, x: Value) -> Value {
        let axes: Vec<usize> = (2..self.rank(x)).collect();
        self.max(x, &axes, true)
    }
}
