//! Pools: the largest element, the average, or another mean of each window.

use super::{Padding, Windows};
use crate::error::{Error, Result};
use crate::ir::{Value, WindowAxis, WindowRole};
use crate::ops::Trace;
use crate::ops::catalog::{Differentiable, Domain, Row, Values};
use crate::tensor::DType;

/// How the windows of a pool move. Lists have one entry for each spatial dimension; one entry stands for all.
#[derive(Clone, Debug)]
pub struct Pool {
    pub kernel: Vec<usize>,
    /// None stands for the kernel.
    pub stride: Vec<usize>,
    /// None stands for ones. Averages take none.
    pub dilation: Vec<usize>,
    pub padding: Padding,
    /// A last window may reach beyond the padding, if it begins before it.
    pub ceil_mode: bool,
    /// Spatial dimensions, the last ones. `None`: as many as the longest list has entries; all behind the first two, if none has more than one.
    pub dimensions: Option<usize>,
}

impl Pool {
    pub fn new(kernel: &[usize]) -> Pool {
        Pool {
            kernel: kernel.to_vec(),
            stride: Vec::new(),
            dilation: Vec::new(),
            padding: Padding::Valid,
            ceil_mode: false,
            dimensions: None,
        }
    }
}

/// What the sum of a window is divided by.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Divisor {
    /// Its elements, and the cells of explicit padding that it covers.
    WithPadding,
    /// Its elements.
    Elements,
    Number(f64),
}

const REAL: Values = Values::Uniform(-2.0, 2.0);

pub(in crate::ops) const ROWS: &[Row] = &[
    Row {
        name: "max_pool",
        meaning: "the largest element of each window; a tie is the first's",
        domain: Domain::Number,
        differentiable: Differentiable::Yes,
        shapes: "x [..., *size] -> [..., *windows]; 1 to 3 spatial dimensions",
        torch: "torch.nn.functional.max_pool1d, max_pool2d, max_pool3d",
        mindspore: "mindspore.ops.max_pool2d, max_pool3d",
        build: |g, x| match g.rank(x[0]) {
            3 => g.max_pool(x[0], &Pool { stride: vec![1], dilation: vec![2], ceil_mode: true, ..Pool::new(&[2]) }),
            4 => g.max_pool(x[0], &Pool { stride: vec![2, 1], padding: Padding::even(1), ..Pool::new(&[3, 2]) }),
            _ => g.max_pool(x[0], &Pool::new(&[1, 2, 2])),
        },
        samples: &[&[(&[1, 2, 5], REAL)], &[(&[2, 1, 4, 3], REAL)], &[(&[1, 1, 2, 2, 4], REAL)]],
        ..Row::COMMON
    },
    Row {
        name: "max_pool_indices",
        meaning: "the place of the largest element of each window in its channel",
        domain: Domain::Number,
        differentiable: Differentiable::Zero("places are integers"),
        shapes: "x [..., *size] -> i64 [..., *windows]; 1 to 3 spatial dimensions",
        torch: "torch.nn.functional.max_pool2d, return_indices",
        mindspore: "mindspore.ops.max_pool2d, return_indices",
        build: |g, x| g.max_pool_indices(x[0], &Pool::new(&[2, 2])),
        samples: &[&[(&[1, 2, 4, 4], REAL)]],
        ..Row::COMMON
    },
    Row {
        name: "max_unpool",
        meaning: "values at the places in a channel that they were taken from, zeros elsewhere; their average where several meet",
        domain: Domain::Float,
        differentiable: Differentiable::Yes,
        shapes: "x [..., *windows], places [..., *windows] -> [..., *size]",
        torch: "torch.nn.functional.max_unpool1d, max_unpool2d, max_unpool3d",
        mindspore: "mindspore.ops.max_unpool1d, max_unpool2d, max_unpool3d",
        build: |g, x| g.max_unpool(x[0], x[1], &[2, 4]),
        samples: &[&[(&[2, 2, 3], REAL), (&[2, 2, 3], Values::Integers(0, 8))]],
        ..Row::COMMON
    },
    Row {
        name: "avg_pool",
        meaning: "the average of each window",
        domain: Domain::Float,
        differentiable: Differentiable::Yes,
        shapes: "x [..., *size] -> [..., *windows]; 1 to 3 spatial dimensions",
        torch: "torch.nn.functional.avg_pool1d, avg_pool2d, avg_pool3d",
        mindspore: "mindspore.ops.avg_pool1d, avg_pool2d, avg_pool3d",
        build: |g, x| match g.rank(x[0]) {
            3 => g.avg_pool(x[0], &Pool { stride: vec![2], padding: Padding::Same, ..Pool::new(&[3]) }, Divisor::WithPadding),
            4 => {
                let pool = Pool { stride: vec![2, 1], padding: Padding::even(1), ceil_mode: true, ..Pool::new(&[3, 2]) };
                let with = g.avg_pool(x[0], &pool, Divisor::WithPadding);
                let without = g.avg_pool(x[0], &pool, Divisor::Elements);
                g.add(with, without)
            }
            _ => g.avg_pool(x[0], &Pool::new(&[1, 2, 2]), Divisor::Number(3.0)),
        },
        samples: &[&[(&[1, 2, 5], REAL)], &[(&[2, 1, 4, 3], REAL)], &[(&[1, 1, 2, 2, 4], REAL)]],
        ..Row::COMMON
    },
    Row {
        name: "lp_pool",
        meaning: "(sum x^p)^(1 / p) of each window",
        domain: Domain::Float,
        differentiable: Differentiable::Yes,
        shapes: "x [..., *size] -> [..., *windows]; 1 to 3 spatial dimensions",
        torch: "torch.nn.functional.lp_pool1d, lp_pool2d",
        mindspore: "mindspore.ops.lp_pool1d, lp_pool2d",
        build: |g, x| g.lp_pool(x[0], 3.0, &Pool::new(&[2])),
        samples: &[&[(&[1, 2, 4], Values::Uniform(0.5, 2.0))]],
        ..Row::COMMON
    },
    Row {
        name: "local_response_norm",
        meaning: "x / (k + alpha / size * the sum of x^2 over neighbouring channels)^beta",
        domain: Domain::Float,
        differentiable: Differentiable::Yes,
        shapes: "x [N, C, ...] -> the same",
        torch: "torch.nn.functional.local_response_norm",
        mindspore: "mindspore.ops.lrn",
        build: |g, x| g.local_response_norm(x[0], 3, 0.5, 0.75, 1.0),
        samples: &[&[(&[2, 4, 2], REAL)]],
        ..Row::COMMON
    },
];

impl Trace {
    /// The windows of a pool over the last dimensions of x.
    fn pool_axes(&self, x: Value, pool: &Pool, rank: usize) -> Result<Vec<WindowAxis>> {
        let dims = self.dims(x);
        if !(1..=3).contains(&rank) {
            return Err(Error::shape(format!("windows move over 1 to 3 spatial dimensions, not {rank}")));
        }
        if dims.len() < rank {
            return Err(Error::shape(format!("{} has fewer than {rank} spatial dimensions", self.shape(x))));
        }
        let stride = if pool.stride.is_empty() { &pool.kernel } else { &pool.stride };
        let Pool { kernel, dilation, padding, ceil_mode, .. } = pool;
        let axes = Windows { kernel, stride, dilation, padding, ceil_mode: *ceil_mode }.axes(&dims[dims.len() - rank..])?;
        if let Padding::Explicit(_) = padding {
            for axis in &axes {
                if axis.low > axis.reach() / 2 {
                    return Err(Error::invalid(format!("padding {} is more than half of a window of {}", axis.low, axis.reach())));
                }
            }
        }
        Ok(axes)
    }
    /// The number of spatial dimensions; see [`Pool::dimensions`].
    fn pool_rank(&self, x: Value, pool: &Pool) -> usize {
        let padding = if let Padding::Explicit(padding) = &pool.padding { padding.len() } else { 0 };
        let longest = pool.kernel.len().max(pool.stride.len()).max(pool.dilation.len()).max(padding);
        if let Some(rank) = pool.dimensions {
            return rank;
        }
        if longest > 1 { longest } else { self.rank(x).saturating_sub(2).max(1) }
    }
    fn pooled(&mut self, name: &str, x: Value, pool: &Pool, record: impl FnOnce(&mut Trace, Vec<WindowAxis>) -> Value) -> Value {
        if !self.contains(x) {
            return self.window(WindowRole::Sum, &[], &[x]);
        }
        match self.pool_axes(x, pool, self.pool_rank(x, pool)) {
            Ok(axes) => record(self, axes),
            Err(error) => self.fail(error.within(name)),
        }
    }

    /// The largest element of each window; NaN if any is NaN. Padding takes no part. A tie is the first's, in value and in gradient.
    pub fn max_pool(&mut self, x: Value, pool: &Pool) -> Value {
        self.pooled("max_pool", x, pool, |g, axes| g.window(WindowRole::Select, &axes, &[x, x]))
    }
    /// The place (i64) of what [`Trace::max_pool`] gives: its number in the row-major order of the spatial dimensions.
    pub fn max_pool_indices(&mut self, x: Value, pool: &Pool) -> Value {
        self.pooled("max_pool_indices", x, pool, |g, axes| {
            let places = g.spatial_places(x, axes.len());
            g.window(WindowRole::Select, &axes, &[x, places])
        })
    }
    /// The number of each element in the row-major order of the last `rank` dimensions.
    pub(super) fn spatial_places(&mut self, x: Value, rank: usize) -> Value {
        let dims = self.dims(x);
        let spatial = &dims[dims.len() - rank..];
        let flat = self.iota(DType::I64, &[spatial.iter().product()], 0);
        let places = self.reshape(flat, spatial);
        self.broadcast_to(places, &dims)
    }
    /// Zeros [..., *size] with the elements of x at `places` (i32 or i64, in the shape of x), counted in the row-major order of the last
    /// dimensions; several at one place have their average there, which is themselves if windows that overlap chose one element. A place beyond its channel fails the run or lands in another channel.
    pub fn max_unpool(&mut self, x: Value, places: Value, size: &[usize]) -> Value {
        if !self.contains(x) || !self.contains(places) {
            return self.window(WindowRole::Select, &[], &[x, places]);
        }
        let dims = self.dims(x);
        if self.shape(places) != self.shape(x) || size.is_empty() || dims.len() < size.len() {
            let (x, places) = (self.shape(x), self.shape(places));
            return self.fail(Error::shape(format!("max_unpool: x is {x}, the places {places}, the size {size:?}")));
        }
        if !self.dtype(x).is_float() {
            let dtype = self.dtype(x);
            return self.fail(Error::dtype(format!("max_unpool: defined for floats, not {dtype}")));
        }
        if self.dtype(places).is_float() {
            let dtype = self.dtype(places);
            return self.fail(Error::dtype(format!("max_unpool: places are integers, not {dtype}")));
        }
        let lead = &dims[..dims.len() - size.len()];
        let wanted = [lead, size].concat();
        let (channels, taken) = (lead.iter().product::<usize>(), dims[lead.len()..].iter().product::<usize>());
        let elements = match crate::tensor::Shape::new(&wanted) {
            Ok(_) => size.iter().product::<usize>(),
            Err(error) => return self.fail(error.within("max_unpool")),
        };
        let places = self.cast(places, DType::I64);
        let places = self.reshape(places, &[channels, taken]);
        let channel = self.iota(DType::I64, &[channels, taken], 0);
        let each = self.integer(DType::I64, elements as i64);
        let start = self.mul(channel, each);
        let places = self.add(places, start);
        let places = self.reshape(places, &[channels * taken]);
        let flat = self.reshape(x, &[channels * taken]);
        let zeros = self.full(self.dtype(x), &[channels * elements], 0.0);
        let sums = self.scatter_add(zeros, places, flat, 0);
        let ones = self.ones_like(flat);
        let counts = self.scatter_add(zeros, places, ones, 0);
        let one = self.scalar(self.dtype(x), 1.0);
        let counts = self.maximum(counts, one);
        let averages = self.div(sums, counts);
        self.reshape(averages, &wanted)
    }
    /// The average of each window. With `Padding::Same` the divisor is the number of elements, unless it is a number.
    pub fn avg_pool(&mut self, x: Value, pool: &Pool, divisor: Divisor) -> Value {
        if !pool.dilation.is_empty() {
            return self.fail(Error::invalid("avg_pool: its windows have no dilation"));
        }
        if self.contains(x) && !self.dtype(x).is_float() {
            let dtype = self.dtype(x);
            return self.fail(Error::dtype(format!("avg_pool: defined for floats, not {dtype}")));
        }
        self.pooled("avg_pool", x, pool, |g, axes| {
            let dtype = g.dtype(x);
            let narrow = matches!(dtype, DType::F16 | DType::BF16);
            let wide = if narrow { g.cast(x, DType::F32) } else { x };
            let sums = g.window(WindowRole::Sum, &axes, &[wide]);
            let average = match divisor {
                Divisor::Number(number) => g.mul_scalar(sums, 1.0 / number),
                Divisor::WithPadding if pool.padding != Padding::Same => {
                    let high = |i: usize| match &pool.padding {
                        Padding::Explicit(all) => all.get(if all.len() > 1 { i } else { 0 }).map_or(0, |(_, high)| *high),
                        _ => 0,
                    };
                    let padded = |(i, axis): (usize, &WindowAxis)| WindowAxis { size: axis.size + axis.low + high(i), low: 0, ..*axis };
                    let axes: Vec<WindowAxis> = axes.iter().enumerate().map(padded).collect();
                    g.divide_by_cells(sums, &axes)
                }
                _ => g.divide_by_cells(sums, &axes),
            };
            g.cast(average, dtype)
        })
    }
    /// The sums of windows divided by the number of elements under each.
    fn divide_by_cells(&mut self, sums: Value, axes: &[WindowAxis]) -> Value {
        let is_whole = |axis: &WindowAxis| axis.low == 0 && axis.count.saturating_sub(1) * axis.stride + axis.reach() <= axis.size;
        let cells: f64 = axes.iter().filter(|axis| is_whole(axis)).map(|axis| axis.kernel as f64).product();
        let dims = self.dims(sums);
        let dtype = self.dtype(sums);
        let mut divided = self.mul_scalar(sums, 1.0 / cells);
        for (i, axis) in axes.iter().enumerate().filter(|(_, axis)| !is_whole(axis)) {
            let ones = self.full(dtype, &[axis.size], 1.0);
            let cells = self.window(WindowRole::Sum, &[*axis], &[ones]);
            let cells = self.broadcast_in(cells, &dims, &[dims.len() - axes.len() + i]);
            divided = self.div(divided, cells);
        }
        divided
    }
    /// (sum x^p)^(1 / p) of each window, padding counting as 0.
    pub fn lp_pool(&mut self, x: Value, p: f64, pool: &Pool) -> Value {
        if p == 0.0 || !p.is_finite() {
            return self.fail(Error::invalid(format!("lp_pool: p is {p}; a finite number other than 0 is wanted")));
        }
        if self.contains(x) && !self.dtype(x).is_float() {
            let dtype = self.dtype(x);
            return self.fail(Error::dtype(format!("lp_pool: defined for floats, not {dtype}")));
        }
        self.pooled("lp_pool", x, pool, |g, axes| {
            let power = g.scalar(g.dtype(x), p);
            let powers = g.pow(x, power);
            let sums = g.window(WindowRole::Sum, &axes, &[powers]);
            let root = g.scalar(g.dtype(x), 1.0 / p);
            g.pow(sums, root)
        })
    }
    /// x / (k + alpha / size * s)^beta, where s is the sum of x^2 over `size` channels (axis 1), size / 2 of them before the element's own.
    pub fn local_response_norm(&mut self, x: Value, size: usize, alpha: f64, beta: f64, k: f64) -> Value {
        if !self.contains(x) {
            return self.window(WindowRole::Sum, &[], &[x]);
        }
        let dims = self.dims(x);
        if dims.len() < 2 || size == 0 || !self.dtype(x).is_float() {
            let ty = self.ty(x);
            return self.fail(Error::shape(format!(
                "local_response_norm: floats [N, C, ...] and a size of at least 1 are wanted, not {ty} and {size}"
            )));
        }
        let inner: usize = dims[2..].iter().product();
        let channels = WindowAxis { size: dims[1], kernel: size, stride: 1, dilation: 1, low: size / 2, count: dims[1] };
        let whole = WindowAxis { size: inner, kernel: 1, stride: 1, dilation: 1, low: 0, count: inner };
        let squares = self.mul(x, x);
        let squares = self.reshape(squares, &[dims[0], dims[1], inner]);
        let sums = self.window(WindowRole::Sum, &[channels, whole], &[squares]);
        let sums = self.reshape(sums, &dims);
        let scaled = self.mul_scalar(sums, alpha / size as f64);
        let base = self.add_scalar(scaled, k);
        let power = self.scalar(self.dtype(x), -beta);
        let factor = self.pow(base, power);
        self.mul(x, factor)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ir::Type;
    use crate::runtime::reference;
    use crate::tensor::{Allocator, Shape, Tensor};

    fn evaluate(x: &[f64], dims: &[usize], record: impl FnOnce(&mut Trace, Value) -> Value) -> Vec<f64> {
        let x = Tensor::from_slice(&Allocator::system(), x, dims).unwrap();
        let mut g = Trace::new();
        let input = g.input(Type::new(DType::F64, *x.shape()));
        let y = record(&mut g, input);
        let graph = g.finish(&[y]).unwrap();
        reference::evaluate(&graph, &Allocator::system(), &[x]).unwrap().outputs[0].to_vec().unwrap()
    }

    #[test]
    fn averages_of_same_windows_count_elements_alone() {
        let same = Pool { stride: vec![1], padding: Padding::Same, ..Pool::new(&[2]) };
        assert_eq!(evaluate(&[1.0, 2.0, 4.0], &[1, 1, 3], |g, x| g.avg_pool(x, &same, Divisor::WithPadding)), [1.5, 3.0, 4.0]);
        let padded = Pool { padding: Padding::even(1), ..same };
        assert_eq!(evaluate(&[1.0, 3.0], &[1, 1, 2], |g, x| g.avg_pool(x, &padded, Divisor::WithPadding)), [0.5, 2.0, 1.5]);
    }

    #[test]
    fn lp_pools_are_norms_of_windows() {
        assert_eq!(evaluate(&[3.0, 4.0, 6.0, 8.0], &[1, 1, 4], |g, x| g.lp_pool(x, 2.0, &Pool::new(&[2]))), [5.0, 10.0]);
        assert_eq!(
            evaluate(&[3.0, -4.0, 6.0, 8.0], &[2, 2], |g, x| g.lp_pool(x, 1.0, &Pool { dimensions: Some(1), ..Pool::new(&[2]) })),
            [-1.0, 14.0]
        );
    }

    #[test]
    fn what_does_not_fit_is_refused() {
        let refused = |record: fn(&mut Trace, Value) -> Value| {
            let mut g = Trace::new();
            let x = g.input(Type::new(DType::F32, Shape::new(&[1, 2, 4]).unwrap()));
            record(&mut g, x);
            g.check().expect_err("a refusal").to_string()
        };
        assert!(refused(|g, x| g.max_pool(x, &Pool::new(&[5]))).contains("does not fit"));
        assert!(refused(|g, x| g.max_pool(x, &Pool { padding: Padding::even(2), ..Pool::new(&[2]) })).contains("more than half"));
        assert!(refused(|g, x| g.max_pool(x, &Pool { dimensions: Some(4), ..Pool::new(&[1]) })).contains("1 to 3"));
        assert!(refused(|g, x| g.lp_pool(x, 0.0, &Pool::new(&[2]))).contains("p is 0"));
        assert!(refused(|g, x| g.local_response_norm(x, 0, 1.0, 1.0, 1.0)).contains("at least 1"));
    }
}
