//! New values: fills, sequences, indices of triangles, windows of signals.
//!
//! What is computed from a position is computed in f64 and rounded once.

use crate::error::{Error, Result};
use crate::ir::Value;
use crate::ops::Trace;
use crate::ops::catalog::{Differentiable, Domain, Row, Values};
use crate::tensor::{DType, Shape};
use std::f64::consts::PI;

const MADE: Differentiable = Differentiable::Zero("made from nothing that could have a gradient");

/// An operation without operands.
const fn made(
    name: &'static str,
    meaning: &'static str,
    shapes: &'static str,
    domain: Domain,
    build: fn(&mut Trace, &[Value]) -> Value,
) -> Row {
    Row { name, meaning, shapes, domain, build, differentiable: MADE, samples: &[&[]], ..Row::COMMON }
}

/// An operation that looks at the dtype and the shape of its operand alone.
const fn like(name: &'static str, meaning: &'static str, build: fn(&mut Trace, &[Value]) -> Value) -> Row {
    Row { samples: &[&[(&[2, 3], Values::Uniform(-1.0, 1.0))]], ..made(name, meaning, "x [s...] -> [s...]", Domain::Any, build) }
}

pub(in crate::ops) const ROWS: &[Row] = &[
    made("zeros", "0 everywhere", "-> [shape...]", Domain::Any, |g, _| g.zeros(DType::F64, &[2, 3])),
    made("ones", "1 everywhere", "-> [shape...]", Domain::Any, |g, _| g.ones(DType::F64, &[2, 3])),
    made("full", "a number everywhere", "-> [shape...]", Domain::Any, |g, _| g.full(DType::F64, &[2, 3], 0.5)),
    like("zeros_like", "0 everywhere, in the dtype and shape of x", |g, x| g.zeros_like(x[0])),
    like("ones_like", "1 everywhere, in the dtype and shape of x", |g, x| g.ones_like(x[0])),
    like("full_like", "a number everywhere, in the dtype and shape of x", |g, x| g.full_like(x[0], 0.5)),
    made("iota", "the position along an axis", "-> [shape...]", Domain::Number, |g, _| g.iota(DType::F64, &[2, 3], 1)).called("-", "-"),
    made("arange", "numbers from one on, a step apart, below another", "-> [(end - start) / step, rounded up]", Domain::Number, |g, _| {
        g.arange(DType::F64, 1.0, 2.0, 0.25)
    }),
    made("linspace", "so many numbers from one to another, evenly apart", "-> [count]", Domain::Float, |g, _| {
        g.linspace(DType::F64, -1.0, 2.0, 5)
    }),
    made("logspace", "powers of a base, with exponents from one to another evenly apart", "-> [count]", Domain::Float, |g, _| {
        g.logspace(DType::F64, -1.0, 2.0, 5, 10.0)
    }),
    made("eye", "1 on the diagonal of a matrix, 0 elsewhere", "-> [n, m]", Domain::Any, |g, _| g.eye(DType::F64, 2, 3)),
    made(
        "tril_indices",
        "rows and columns of the elements on a diagonal of a matrix and below it",
        "-> i64 [2, count]",
        Domain::Integer,
        |g, _| g.tril_indices(3, 4, 1),
    ),
    made(
        "triu_indices",
        "rows and columns of the elements on a diagonal of a matrix and above it",
        "-> i64 [2, count]",
        Domain::Integer,
        |g, _| g.triu_indices(3, 4, 1),
    ),
    Row {
        name: "vander",
        meaning: "the powers 0, 1, ... of each element",
        shapes: "x [..., k] -> [..., k, n]",
        domain: Domain::Number,
        mindspore: "-",
        build: |g, x| {
            let (up, down) = (g.vander(x[0], 4, true), g.vander(x[0], 3, false));
            g.concat(&[up, down], g.rank(x[0]))
        },
        samples: &[&[(&[3], Values::Uniform(-1.5, 1.5))], &[(&[2, 2], Values::Uniform(-1.5, 1.5))]],
        ..Row::COMMON
    },
    made("hann_window", "Hann's window, 1/2 - 1/2 cos", "-> [n]", Domain::Float, |g, _| g.hann_window(DType::F64, 7, true)),
    made("hamming_window", "Hamming's window, alpha - beta cos", "-> [n]", Domain::Float, |g, _| {
        g.hamming_window(DType::F64, 7, true, 0.54, 0.46)
    }),
    made("blackman_window", "Blackman's window, 0.42 - 1/2 cos + 0.08 cos of twice the angle", "-> [n]", Domain::Float, |g, _| {
        g.blackman_window(DType::F64, 7, true)
    }),
    made("bartlett_window", "Bartlett's window, a triangle", "-> [n]", Domain::Float, |g, _| g.bartlett_window(DType::F64, 7, true)),
    made("kaiser_window", "Kaiser's window, I0(beta sqrt(1 - x^2)) / I0(beta) for x from -1 to 1", "-> [n]", Domain::Float, |g, _| {
        g.kaiser_window(DType::F64, 7, true, 12.0)
    }),
];

/// The most numbers that a sequence counts: the positions of more are not exact in f64.
const MOST: f64 = (1u64 << 53) as f64;

/// The smallest number that an integer dtype holds, and the first beyond the largest.
fn range(dtype: DType) -> (f64, f64) {
    match dtype {
        DType::U8 => (0.0, 256.0),
        DType::I32 => (-(2f64.powi(31)), 2f64.powi(31)),
        _ => (-(2f64.powi(63)), 2f64.powi(63)),
    }
}

/// How many elements of a matrix [n, m] are on the diagonal `offset` above the main one, or below it.
fn lower_count(n: usize, m: usize, offset: i64) -> i128 {
    // Row r has r + 1 + offset of them, at least 0 and at most m: none before the row `first`, all of them from the row `full` on.
    let (n, m, begin) = (n as i128, m as i128, offset as i128 + 1);
    let first = (-begin).clamp(0, n);
    let full = (m - begin).clamp(first, n);
    let between = (full - first) * (begin + first + begin + full - 1) / 2;
    between + (n - full) * m
}

impl Trace {
    /// 0 everywhere; false for bool.
    pub fn zeros(&mut self, dtype: DType, dims: &[usize]) -> Value {
        self.full(dtype, dims, 0.0)
    }
    /// 1 everywhere; true for bool.
    pub fn ones(&mut self, dtype: DType, dims: &[usize]) -> Value {
        self.full(dtype, dims, 1.0)
    }
    /// A number everywhere, rounded to the dtype of x, in its shape.
    pub fn full_like(&mut self, x: Value, value: f64) -> Value {
        if !self.knows("full_like", &[x]) {
            return Value::INVALID;
        }
        let shape = self.shape(x);
        self.full(self.dtype(x), shape.dims(), value)
    }
    /// start, start + step, start + 2 step ... as long as they are before `end`: a vector. A step below 0 goes down. Numbers of integers are
    /// whole. Not bool.
    pub fn arange(&mut self, dtype: DType, start: f64, end: f64, step: f64) -> Value {
        let result = self.try_arange(dtype, start, end, step).map_err(|error| error.within("arange"));
        self.settle(result)
    }
    fn try_arange(&mut self, dtype: DType, start: f64, end: f64, step: f64) -> Result<Value> {
        if dtype == DType::Bool {
            return Err(Error::dtype("of numbers, not bool"));
        }
        if ![start, end, step].iter().all(|number| number.is_finite()) || step == 0.0 {
            return Err(Error::invalid(format!("from {start} to {end} in steps of {step}: these are finite, and the step is not 0")));
        }
        let count = ((end - start) / step).ceil();
        if count < 0.0 {
            return Err(Error::invalid(format!("steps of {step} do not lead from {start} to {end}")));
        }
        if count > MOST {
            return Err(Error::shape(format!("{count} numbers are too many")));
        }
        if !dtype.is_float() {
            let last = start + (count - 1.0).max(0.0) * step;
            if let Some(number) = [start, step, last].into_iter().find(|number| number.fract() != 0.0) {
                return Err(Error::invalid(format!("{number} among the numbers of {dtype} is not whole: from {start} in steps of {step}")));
            }
            let (low, high) = range(dtype);
            if count > 0.0 && (start.min(last) < low || start.max(last) >= high) {
                return Err(Error::invalid(format!("{dtype} does not hold the numbers from {start} to {last}")));
            }
            let place = self.iota(DType::I64, &[count as usize], 0);
            let (step, start) = (self.integer(DType::I64, step as i64), self.integer(DType::I64, start as i64));
            let away = self.mul(place, step);
            let numbers = self.add(away, start);
            return Ok(self.cast(numbers, dtype));
        }
        let place = self.iota(DType::F64, &[count as usize], 0);
        let away = self.mul_scalar(place, step);
        let numbers = self.add_scalar(away, start);
        Ok(self.cast(numbers, dtype))
    }
    /// `count` numbers from `start` to `end`, both of which are among them, evenly apart; of a single one `start`.
    pub fn linspace(&mut self, dtype: DType, start: f64, end: f64, count: usize) -> Value {
        let numbers = self.spaced("linspace", dtype, start, end, count);
        self.cast(numbers, dtype)
    }
    /// The powers of `base` whose exponents are [`Trace::linspace`].
    pub fn logspace(&mut self, dtype: DType, start: f64, end: f64, count: usize, base: f64) -> Value {
        let exponents = self.spaced("logspace", dtype, start, end, count);
        let base = self.scalar(DType::F64, base);
        let powers = self.pow(base, exponents);
        self.cast(powers, dtype)
    }
    /// Numbers evenly apart, in f64, for a result in `dtype`.
    fn spaced(&mut self, name: &str, dtype: DType, start: f64, end: f64, count: usize) -> Value {
        if !dtype.is_float() {
            return self.fail(Error::dtype(format!("{name}: of floats, not {dtype}")));
        }
        if !start.is_finite() || !end.is_finite() {
            return self.fail(Error::invalid(format!("{name}: from {start} to {end}, which are finite")));
        }
        let gaps = count.saturating_sub(1).max(1) as f64;
        let step = end / gaps - start / gaps;
        let place = self.iota(DType::F64, &[count], 0);
        // From the nearer end, so that both ends are met.
        let ahead = self.mul_scalar(place, step);
        let from_start = self.add_scalar(ahead, start);
        let left = self.add_scalar(place, -gaps);
        let back = self.mul_scalar(left, step);
        let from_end = self.add_scalar(back, end);
        let middle = self.scalar(DType::F64, count as f64 / 2.0);
        let is_near = self.less(place, middle);
        self.select(is_near, from_start, from_end)
    }
    /// 1 on the diagonal of a matrix [n, m], 0 elsewhere.
    pub fn eye(&mut self, dtype: DType, n: usize, m: usize) -> Value {
        let (row, column) = (self.iota(DType::I64, &[n, m], 0), self.iota(DType::I64, &[n, m], 1));
        let is_on = self.equal(row, column);
        self.cast(is_on, dtype)
    }
    /// Rows and columns (i64 [2, count]) of the elements of a matrix [n, m] on the diagonal that lies `offset` above the main one (negative:
    /// below it) and below that diagonal, row by row.
    pub fn tril_indices(&mut self, n: usize, m: usize, offset: i64) -> Value {
        self.triangle_indices("tril_indices", n, m, offset, true)
    }
    /// Rows and columns (i64 [2, count]) of the elements of a matrix [n, m] on the diagonal that lies `offset` above the main one (negative:
    /// below it) and above that diagonal, row by row.
    pub fn triu_indices(&mut self, n: usize, m: usize, offset: i64) -> Value {
        self.triangle_indices("triu_indices", n, m, offset, false)
    }
    fn triangle_indices(&mut self, name: &str, n: usize, m: usize, offset: i64, lower: bool) -> Value {
        if let Err(error) = Shape::new(&[n, m]) {
            return self.fail(error.within(name));
        }
        let offset = offset.clamp(-(n as i64) - 1, m as i64 + 1);
        let below = lower_count(n, m, if lower { offset } else { offset - 1 });
        let count = if lower { below } else { (n * m) as i128 - below };
        let Ok(count) = usize::try_from(count) else {
            return self.fail(Error::internal(format!("{name}: {count} elements")));
        };
        // How many columns of each row are below, and from there on which row an element is in.
        let row = self.iota(DType::I64, &[n], 0);
        let begin = self.integer(DType::I64, if lower { offset + 1 } else { offset });
        let reach = self.add(row, begin);
        let (none, all) = (self.integer(DType::I64, 0), self.integer(DType::I64, m as i64));
        let reach = self.maximum(reach, none);
        let split = self.minimum(reach, all);
        let lengths = if lower { split } else { self.sub(all, split) };
        let ends = self.cumsum(lengths, 0, false, false);
        let element = self.iota(DType::I64, &[count], 0);
        let rows = self.searchsorted(ends, element, true);
        // Element minus the first element of its row, and, above the diagonal, plus the first column there.
        let starts = self.sub(ends, lengths);
        let shift = if lower { starts } else { self.sub(starts, split) };
        let shift = if count == 0 { element } else { self.gather(shift, rows, 0) };
        let columns = self.sub(element, shift);
        self.stack(&[rows, columns], 0)
    }
    /// The powers 0 to count - 1 of each element of x [..., k], or the same the other way round: [..., k, count]. The power 0 is 1, also of 0.
    pub fn vander(&mut self, x: Value, count: usize, is_increasing: bool) -> Value {
        const NAME: &str = "vander";
        if !self.knows(NAME, &[x]) {
            return Value::INVALID;
        }
        let (dims, dtype) = (self.dims(x), self.dtype(x));
        if dims.is_empty() || dtype == DType::Bool {
            let ty = self.ty(x);
            return self.fail(Error::shape(format!("{NAME}: of {ty}, not of numbers [..., k]")));
        }
        let rank = dims.len();
        let ones = self.full(dtype, &[&dims[..], &[count.min(1)]].concat(), 1.0);
        if count < 2 {
            return ones;
        }
        let column = self.unsqueeze(x, rank);
        let factors = self.broadcast_to(column, &[&dims[..], &[count - 1]].concat());
        let others = self.cumprod(factors, rank, false, false);
        let powers = self.concat(&[ones, others], rank);
        if is_increasing { powers } else { self.reverse(powers, &[rank]) }
    }

    // ---- windows of signals ----

    /// A window of `size` places as a function of how far through it each is, 0 to 1. The last place of a symmetric one is at 1; a periodic one
    /// lacks that place.
    fn signal_window(
        &mut self,
        name: &str,
        dtype: DType,
        size: usize,
        is_periodic: bool,
        shape: impl FnOnce(&mut Trace, Value) -> Value,
    ) -> Value {
        if !dtype.is_float() {
            return self.fail(Error::dtype(format!("{name}: of floats, not {dtype}")));
        }
        if size == 1 {
            return self.ones(dtype, &[1]);
        }
        let last = if is_periodic { size } else { size.saturating_sub(1) };
        let place = self.iota(DType::F64, &[size], 0);
        let last = self.scalar(DType::F64, last.max(1) as f64);
        let share = self.div(place, last);
        let window = shape(self, share);
        self.cast(window, dtype)
    }
    /// factor cos(2 pi turns x).
    fn wave(&mut self, x: Value, turns: f64, factor: f64) -> Value {
        let angle = self.mul_scalar(x, 2.0 * PI * turns);
        let cosine = self.cos(angle);
        self.mul_scalar(cosine, factor)
    }
    /// Hann's window: 1/2 - 1/2 cos(2 pi i / n) for the places i = 0, 1, ... of `size`; n is `size` for a periodic one, which spectra are
    /// taken with, and `size` - 1 for a symmetric one. A single place is 1.
    pub fn hann_window(&mut self, dtype: DType, size: usize, is_periodic: bool) -> Value {
        self.signal_window("hann_window", dtype, size, is_periodic, |g, x| {
            // The square of a sine is 0 at its ends.
            let angle = g.mul_scalar(x, PI);
            let sine = g.sin(angle);
            g.square(sine)
        })
    }
    /// Hamming's window: alpha - beta cos(2 pi i / n), otherwise like [`Trace::hann_window`]. Usual are 0.54 and 0.46.
    pub fn hamming_window(&mut self, dtype: DType, size: usize, is_periodic: bool, alpha: f64, beta: f64) -> Value {
        self.signal_window("hamming_window", dtype, size, is_periodic, |g, x| {
            let wave = g.wave(x, 1.0, -beta);
            g.add_scalar(wave, alpha)
        })
    }
    /// Blackman's window: 0.42 - 0.5 cos(2 pi i / n) + 0.08 cos(4 pi i / n), otherwise like [`Trace::hann_window`].
    pub fn blackman_window(&mut self, dtype: DType, size: usize, is_periodic: bool) -> Value {
        self.signal_window("blackman_window", dtype, size, is_periodic, |g, x| {
            let (once, twice) = (g.wave(x, 1.0, -0.5), g.wave(x, 2.0, 0.08));
            let waves = g.add(once, twice);
            g.add_scalar(waves, 0.42)
        })
    }
    /// Bartlett's window: 1 - |2 i / n - 1|, otherwise like [`Trace::hann_window`].
    pub fn bartlett_window(&mut self, dtype: DType, size: usize, is_periodic: bool) -> Value {
        self.signal_window("bartlett_window", dtype, size, is_periodic, |g, x| {
            let double = g.mul_scalar(x, 2.0);
            let away = g.add_scalar(double, -1.0);
            let size = g.abs(away);
            g.one_minus(size)
        })
    }
    /// Kaiser's window: I0(beta sqrt(1 - (2 i / n - 1)^2)) / I0(beta), otherwise like [`Trace::hann_window`]. Usual is 12.
    pub fn kaiser_window(&mut self, dtype: DType, size: usize, is_periodic: bool, beta: f64) -> Value {
        const NAME: &str = "kaiser_window";
        if !beta.is_finite() {
            return self.fail(Error::invalid(format!("{NAME}: beta is {beta}, which is not finite")));
        }
        self.signal_window(NAME, dtype, size, is_periodic, |g, x| {
            // 1 - (2 x - 1)^2 = 4 x (1 - x). Both I0 grow like e^x, which is taken out: neither overflows.
            let left = g.one_minus(x);
            let product = g.mul(x, left);
            let square = g.at_least(product, 0.0);
            let root = g.sqrt(square);
            let inside = g.mul_scalar(root, 2.0 * beta.abs());
            let most = g.scalar(DType::F64, beta.abs());
            let (upper, lower) = (g.i0e(inside), g.i0e(most));
            let grown = g.sub(inside, most);
            let grown = g.exp(grown);
            let ratio = g.div(upper, lower);
            g.mul(ratio, grown)
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::runtime::reference;
    use crate::tensor::Allocator;

    #[test]
    fn triangles_have_as_many_elements_as_are_counted() {
        for n in 0..5 {
            for m in 0..5 {
                for offset in -7..8 {
                    let is_lower = |r: i64, c: i64| c - r <= offset;
                    let all = || (0..n as i64).flat_map(|r| (0..m as i64).map(move |c| (r, c)));
                    let expected: Vec<(i64, i64)> = all().filter(|(r, c)| is_lower(*r, *c)).collect();
                    assert_eq!(lower_count(n, m, offset), expected.len() as i128, "{n} {m} {offset}");
                    let upper: Vec<(i64, i64)> = all().filter(|(r, c)| c - r >= offset).collect();
                    let mut g = Trace::new();
                    let found = [g.tril_indices(n, m, offset), g.triu_indices(n, m, offset)];
                    let graph = g.finish(&found).unwrap();
                    let outputs = reference::evaluate(&graph, &Allocator::system(), &[]).unwrap().outputs;
                    for (found, expected) in outputs.iter().zip([expected, upper]) {
                        let (rows, columns): (Vec<i64>, Vec<i64>) = expected.into_iter().unzip();
                        assert_eq!(found.to_vec::<i64>().unwrap(), [rows, columns].concat(), "{n} {m} {offset}");
                    }
                }
            }
        }
    }

    #[test]
    fn sequences_that_cannot_be_are_refused() {
        let refusal = |record: &dyn Fn(&mut Trace) -> Value| {
            let mut g = Trace::new();
            record(&mut g);
            g.error().map(ToString::to_string).unwrap_or_default()
        };
        let cases = [
            (
                refusal(&|g| g.arange(DType::F32, 0.0, 1.0, 0.0)),
                "arange: from 0 to 1 in steps of 0: these are finite, and the step is not 0",
            ),
            (refusal(&|g| g.arange(DType::F32, 0.0, 1.0, -1.0)), "arange: steps of -1 do not lead from 0 to 1"),
            (
                refusal(&|g| g.arange(DType::I32, 0.0, 2.0, 0.5)),
                "arange: 0.5 among the numbers of i32 is not whole: from 0 in steps of 0.5",
            ),
            (refusal(&|g| g.arange(DType::U8, 0.0, 300.0, 1.0)), "arange: u8 does not hold the numbers from 0 to 299"),
            (refusal(&|g| g.arange(DType::F32, 0.0, 1e300, 1.0)), "are too many"),
            (refusal(&|g| g.linspace(DType::I64, 0.0, 1.0, 3)), "linspace: of floats, not i64"),
            (refusal(&|g| g.linspace(DType::F32, 0.0, f64::INFINITY, 3)), "linspace: from 0 to inf, which are finite"),
            (refusal(&|g| g.tril_indices(1 << 40, 1 << 40, 0)), "does not fit the address space"),
            (refusal(&|g| g.hann_window(DType::I32, 3, true)), "hann_window: of floats, not i32"),
        ];
        for (found, expected) in cases {
            assert!(found.ends_with(expected), "{found}");
        }
    }
}
