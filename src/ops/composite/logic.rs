//! Truth, comparisons with a tolerance, and what replaces chosen elements.

use crate::error::Error;
use crate::ir::Value;
use crate::ops::Trace;
use crate::ops::catalog::{Differentiable, Domain, Row, Sample, Values};
use crate::tensor::DType;

const REAL: Values = Values::Uniform(-2.0, 2.0);
const ONE: &[Sample] = &[&[(&[3, 4], REAL)]];
const TWO: &[Sample] = &[&[(&[3, 4], REAL), (&[3, 4], REAL)]];
const FLAT: Differentiable = Differentiable::Zero("piecewise constant");

macro_rules! flat_row {
    ($name:literal, $meaning:literal, $domain:ident, [$torch:literal, $mindspore:literal], $build:expr, $samples:expr) => {
        Row {
            name: $name,
            meaning: $meaning,
            domain: Domain::$domain,
            differentiable: FLAT,
            torch: $torch,
            mindspore: $mindspore,
            build: $build,
            samples: $samples,
            ..Row::COMMON
        }
    };
}

pub(in crate::ops) const ROWS: &[Row] = &[
    flat_row!("logical_and", "a and b, as bool; what is not 0 is true", Any, ["", ""], |g, x| g.logical_and(x[0], x[1]), TWO),
    flat_row!("logical_or", "a or b, as bool; what is not 0 is true", Any, ["", ""], |g, x| g.logical_or(x[0], x[1]), TWO),
    flat_row!(
        "logical_xor",
        "exactly one of a and b, as bool; what is not 0 is true",
        Any,
        ["", ""],
        |g, x| g.logical_xor(x[0], x[1]),
        TWO
    ),
    flat_row!("logical_not", "not x, as bool; what is not 0 is true", Any, ["", ""], |g, x| g.logical_not(x[0]), ONE),
    flat_row!(
        "isclose",
        "whether |a - b| <= absolute + relative |b|, or a = b, as bool",
        Any,
        ["", ""],
        |g, x| g.isclose(x[0], x[1], Tolerance::default()),
        TWO
    ),
    flat_row!(
        "allclose",
        "whether isclose holds everywhere, as one bool",
        Any,
        ["", "-"],
        |g, x| g.allclose(x[0], x[1], Tolerance::default()),
        TWO
    ),
    flat_row!("array_equal", "whether a = b everywhere, as one bool", Any, ["torch.equal", "-"], |g, x| g.array_equal(x[0], x[1]), TWO),
    flat_row!("is_posinf", "whether x is +inf, as bool", Number, ["torch.isposinf", "-"], |g, x| g.is_posinf(x[0]), ONE),
    flat_row!("is_neginf", "whether x is -inf, as bool", Number, ["torch.isneginf", "-"], |g, x| g.is_neginf(x[0]), ONE),
    flat_row!(
        "is_real",
        "whether x has no imaginary part, as bool: true everywhere",
        Any,
        ["torch.isreal", "mindspore.ops.isreal"],
        |g, x| g.is_real(x[0]),
        ONE
    ),
    Row {
        name: "masked_fill",
        meaning: "a number where the mask holds, else x",
        domain: Domain::Any,
        torch: "torch.Tensor.masked_fill",
        build: |g, x| g.masked_fill(x[0], x[1], 0.5),
        samples: &[&[(&[3, 4], REAL), (&[3, 4], Values::Bools)], &[(&[3, 1], REAL), (&[4], Values::Bools)]],
        ..Row::COMMON
    },
    Row {
        name: "heaviside",
        meaning: "0 below 0, 1 above, value at 0; NaN stays NaN",
        domain: Domain::Number,
        build: |g, x| g.heaviside(x[0], x[1]),
        samples: &[&[(&[3, 4], Values::Integers(-1, 2)), (&[3, 4], REAL)]],
        ..Row::COMMON
    },
    Row {
        name: "nan_to_num",
        meaning: "x with numbers for NaN and the infinities",
        domain: Domain::Float,
        build: |g, x| g.nan_to_num(x[0], 0.0, None, None),
        samples: ONE,
        ..Row::COMMON
    },
];

/// How far apart numbers may be that are close.
#[derive(Clone, Copy, Debug)]
pub struct Tolerance {
    pub relative: f64,
    pub absolute: f64,
    /// Whether NaN is close to NaN.
    pub equal_nan: bool,
}

impl Default for Tolerance {
    fn default() -> Tolerance {
        Tolerance { relative: 1e-5, absolute: 1e-8, equal_nan: false }
    }
}

impl Trace {
    /// a and b, as bool; what is not 0 is true.
    pub fn logical_and(&mut self, a: Value, b: Value) -> Value {
        let (a, b) = (self.cast(a, DType::Bool), self.cast(b, DType::Bool));
        self.bitwise_and(a, b)
    }
    /// a or b, as bool; what is not 0 is true.
    pub fn logical_or(&mut self, a: Value, b: Value) -> Value {
        let (a, b) = (self.cast(a, DType::Bool), self.cast(b, DType::Bool));
        self.bitwise_or(a, b)
    }
    /// Exactly one of a and b, as bool; what is not 0 is true.
    pub fn logical_xor(&mut self, a: Value, b: Value) -> Value {
        let (a, b) = (self.cast(a, DType::Bool), self.cast(b, DType::Bool));
        self.bitwise_xor(a, b)
    }
    /// Not x, as bool; what is not 0 is true.
    pub fn logical_not(&mut self, x: Value) -> Value {
        let x = self.cast(x, DType::Bool);
        self.bitwise_not(x)
    }
    /// Whether |a - b| <= absolute + relative |b|, or a = b. Integers are compared as f64, 16-bit floats as f32 numbers.
    pub fn isclose(&mut self, a: Value, b: Value, tolerance: Tolerance) -> Value {
        let Tolerance { relative, absolute, equal_nan } = tolerance;
        if !(relative >= 0.0 && absolute >= 0.0) {
            let text = format!("isclose: tolerances {relative} (relative) and {absolute} (absolute) are not both at least 0");
            return self.fail(Error::invalid(text));
        }
        let Some((a, b)) = self.meet("isclose", a, b) else { return Value::INVALID };
        let same = self.equal(a, b);
        let wide = match self.dtype(a) {
            DType::F32 | DType::F16 | DType::BF16 => DType::F32,
            _ => DType::F64,
        };
        let (a, b) = (self.cast(a, wide), self.cast(b, wide));
        let difference = self.sub(a, b);
        let distance = self.abs(difference);
        let size = self.abs(b);
        let share = self.mul_scalar(size, relative);
        let allowed = self.add_scalar(share, absolute);
        let is_near = self.less_equal(distance, allowed);
        // The distance to an infinity is not within anything.
        let is_known = self.is_finite(distance);
        let is_near = self.bitwise_and(is_near, is_known);
        let close = self.bitwise_or(same, is_near);
        if !equal_nan {
            return close;
        }
        let (a_missing, b_missing) = (self.is_nan(a), self.is_nan(b));
        let missing = self.bitwise_and(a_missing, b_missing);
        self.bitwise_or(close, missing)
    }
    /// Whether [`Trace::isclose`] holds for all elements; a scalar.
    pub fn allclose(&mut self, a: Value, b: Value, tolerance: Tolerance) -> Value {
        let close = self.isclose(a, b, tolerance);
        self.everywhere(close)
    }
    /// Whether a = b for all elements; a scalar. NaN is equal to nothing.
    pub fn array_equal(&mut self, a: Value, b: Value) -> Value {
        let equal = self.equal(a, b);
        self.everywhere(equal)
    }
    fn everywhere(&mut self, holds: Value) -> Value {
        let axes: Vec<usize> = (0..self.rank(holds)).collect();
        self.all(holds, &axes, false)
    }
    /// Whether x is +inf.
    pub fn is_posinf(&mut self, x: Value) -> Value {
        self.is_infinity(x, f64::INFINITY)
    }
    /// Whether x is -inf.
    pub fn is_neginf(&mut self, x: Value) -> Value {
        self.is_infinity(x, f64::NEG_INFINITY)
    }
    fn is_infinity(&mut self, x: Value, infinity: f64) -> Value {
        if !self.dtype(x).is_float() {
            return self.not_equal(x, x);
        }
        let infinity = self.scalar(self.dtype(x), infinity);
        self.equal(x, infinity)
    }
    /// True everywhere: all dtypes are real.
    pub fn is_real(&mut self, x: Value) -> Value {
        if !self.contains(x) {
            return self.identity(x);
        }
        let dims = self.dims(x);
        self.full(DType::Bool, &dims, 1.0)
    }
    /// `value`, rounded to the dtype of x, where the mask (bool) holds, else x; both broadcast.
    pub fn masked_fill(&mut self, x: Value, mask: Value, value: f64) -> Value {
        let value = self.scalar(self.dtype(x), value);
        self.select(mask, value, x)
    }
    /// 0 where x is below 0, 1 where it is above, `value` where it is 0, NaN where it is NaN.
    pub fn heaviside(&mut self, x: Value, value: Value) -> Value {
        let Some((x, value)) = self.meet("heaviside", x, value) else { return Value::INVALID };
        let (zero, one) = (self.zeros_like(x), self.ones_like(x));
        let is_zero = self.equal(x, zero);
        let is_above = self.greater(x, zero);
        let is_below = self.less(x, zero);
        // What is left is NaN.
        let missing = self.stop_gradient(x);
        let step = self.select(is_below, zero, missing);
        let step = self.select(is_above, one, step);
        self.select(is_zero, value, step)
    }
    /// x with `nan` for NaN and these numbers for the infinities; `None` stands for the largest and lowest number of the dtype.
    pub fn nan_to_num(&mut self, x: Value, nan: f64, positive: Option<f64>, negative: Option<f64>) -> Value {
        let dtype = self.dtype(x);
        let largest = match dtype {
            DType::F64 => f64::MAX,
            DType::F16 => half::f16::MAX.to_f64(),
            DType::BF16 => half::bf16::MAX.to_f64(),
            _ => f32::MAX as f64,
        };
        let is_missing = self.is_nan(x);
        let (is_high, is_low) = (self.is_posinf(x), self.is_neginf(x));
        let nan = self.scalar(dtype, nan);
        let (high, low) = (self.scalar(dtype, positive.unwrap_or(largest)), self.scalar(dtype, negative.unwrap_or(-largest)));
        let y = self.select(is_high, high, x);
        let y = self.select(is_low, low, y);
        self.select(is_missing, nan, y)
    }
}

#[cfg(test)]
mod tests {
    use super::Tolerance;
    use crate::ops::composite::testing::{assert_close, binary, unary};
    use crate::tensor::DType;

    const INF: f64 = f64::INFINITY;
    const NAN: f64 = f64::NAN;

    #[test]
    fn close_numbers() {
        let a = [1.0, 1.0, INF, INF, 1.0, NAN, 0.0];
        let b = [1.000_009, 1.000_02, INF, -INF, INF, NAN, 1e-9];
        let close = |tolerance| {
            binary(&a, &b, |g, a, b| {
                let close = g.isclose(a, b, tolerance);
                g.cast(close, DType::F64)
            })
        };
        assert_close(&close(Tolerance::default()), &[1.0, 0.0, 1.0, 0.0, 0.0, 0.0, 1.0]);
        let with_nan = Tolerance { equal_nan: true, ..Tolerance::default() };
        assert_close(&close(with_nan), &[1.0, 0.0, 1.0, 0.0, 0.0, 1.0, 1.0]);
    }

    #[test]
    fn replaced_numbers() {
        let x = [NAN, INF, -INF, -0.5, 0.0];
        assert_close(&unary(&x, |g, x| g.nan_to_num(x, 7.0, None, Some(-9.0))), &[7.0, f64::MAX, -9.0, -0.5, 0.0]);
        let step = |g: &mut crate::ops::Trace, x| {
            let value = g.scalar(DType::F64, 0.25);
            g.heaviside(x, value)
        };
        assert_close(&unary(&x, step), &[NAN, 1.0, 0.0, 0.0, 0.25]);
    }
}
