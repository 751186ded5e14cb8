//! Arithmetic on top of the primitives.

use crate::error::Error;
use crate::ir::{Binary, Op, Value};
use crate::ops::Trace;
use crate::ops::catalog::{Differentiable, Domain, Row, Sample, Values};
use crate::tensor::DType;

const REAL: Values = Values::Uniform(-2.0, 2.0);
const ONE: &[Sample] = &[&[(&[3, 5], REAL)]];
const TWO: &[Sample] = &[&[(&[3, 4], REAL), (&[3, 4], REAL)], &[(&[2, 3, 1], REAL), (&[3, 4], REAL)]];
const THREE: &[Sample] = &[&[(&[3, 4], REAL), (&[3, 4], REAL), (&[4], Values::Uniform(0.5, 2.0))]];
const FLAT: Differentiable = Differentiable::Zero("piecewise constant");
const INTEGERS: Differentiable = Differentiable::Zero("integers have no gradient");

pub(in crate::ops) const ROWS: &[Row] = &[
    Row {
        name: "clamp",
        meaning: "x held between two bounds; slope 1 at both",
        domain: Domain::Number,
        build: |g, x| g.clamp(x[0], -0.7, 0.9),
        samples: ONE,
        ..Row::COMMON
    },
    Row {
        name: "clamp_tensor",
        meaning: "x held between the elements of two tensors, each of which may be absent",
        domain: Domain::Number,
        torch: "torch.clamp",
        mindspore: "mindspore.ops.clamp",
        operands: Some((1, 3)),
        build: |g, x| g.clamp_tensor(x[0], Some(x[1]), Some(x[2])),
        samples: &[&[(&[3, 5], REAL), (&[5], Values::Uniform(-1.5, -0.2)), (&[3, 1], Values::Uniform(0.2, 1.5))]],
        ..Row::COMMON
    },
    Row { name: "square", meaning: "x^2", domain: Domain::Number, build: |g, x| g.square(x[0]), samples: ONE, ..Row::COMMON },
    Row {
        name: "pow_scalar",
        meaning: "x to the power of a number",
        domain: Domain::Number,
        torch: "torch.pow",
        mindspore: "mindspore.ops.pow",
        build: |g, x| g.pow_scalar(x[0], 3.0),
        samples: ONE,
        ..Row::COMMON
    },
    Row {
        name: "float_power",
        meaning: "a to the power b, in f64",
        domain: Domain::Any,
        build: |g, x| g.float_power(x[0], x[1]),
        samples: &[&[(&[3, 4], Values::Uniform(0.3, 2.0)), (&[4], REAL)]],
        ..Row::COMMON
    },
    Row {
        name: "frac",
        meaning: "x - trunc(x), with the sign of x",
        domain: Domain::Float,
        build: |g, x| g.frac(x[0]),
        samples: &[&[(&[3, 5], Values::Uniform(0.1, 0.9))], &[(&[3, 5], Values::Uniform(-2.9, -2.1))]],
        ..Row::COMMON
    },
    Row {
        name: "deg2rad",
        meaning: "degrees as radians",
        domain: Domain::Float,
        build: |g, x| g.deg2rad(x[0]),
        samples: ONE,
        ..Row::COMMON
    },
    Row {
        name: "rad2deg",
        meaning: "radians as degrees",
        domain: Domain::Float,
        build: |g, x| g.rad2deg(x[0]),
        samples: ONE,
        ..Row::COMMON
    },
    Row {
        name: "floor_divide",
        meaning: "largest integer not above a / b; 0 for integers with b = 0",
        domain: Domain::Number,
        differentiable: FLAT,
        mindspore: "mindspore.ops.floor_div",
        build: |g, x| g.floor_divide(x[0], x[1]),
        samples: &[&[(&[3, 4], Values::Uniform(0.6, 0.9)), (&[3, 4], Values::Uniform(0.35, 0.42))]],
        ..Row::COMMON
    },
    Row {
        name: "remainder",
        meaning: "remainder of a / b with the sign of b; 0 for integers with b = 0",
        domain: Domain::Number,
        mindspore: "mindspore.ops.floor_mod",
        build: |g, x| g.remainder(x[0], x[1]),
        samples: &[
            &[(&[3, 4], Values::Uniform(0.75, 0.9)), (&[3, 4], Values::Uniform(0.32, 0.37))],
            &[(&[3, 4], Values::Uniform(-0.9, -0.75)), (&[4], Values::Uniform(0.32, 0.37))],
        ],
        ..Row::COMMON
    },
    Row {
        name: "lerp",
        meaning: "a + weight (b - a)",
        domain: Domain::Float,
        build: |g, x| g.lerp(x[0], x[1], x[2]),
        samples: &[
            &[(&[3, 4], REAL), (&[3, 4], REAL), (&[3, 4], Values::Uniform(0.0, 1.0))],
            &[(&[3, 1], REAL), (&[4], REAL), (&[], Values::Uniform(0.6, 0.9))],
        ],
        ..Row::COMMON
    },
    Row {
        name: "addcmul",
        meaning: "x + factor a b",
        domain: Domain::Number,
        build: |g, x| g.addcmul(x[0], x[1], x[2], 0.7),
        samples: THREE,
        ..Row::COMMON
    },
    Row {
        name: "addcdiv",
        meaning: "x + factor a / b",
        domain: Domain::Float,
        build: |g, x| g.addcdiv(x[0], x[1], x[2], 0.7),
        samples: THREE,
        ..Row::COMMON
    },
    Row {
        name: "copysign",
        meaning: "|a| with the sign of b; slope 0 at a = 0",
        domain: Domain::Float,
        build: |g, x| {
            let sign = g.cast(x[1], g.dtype(x[0]));
            g.copysign(x[0], sign)
        },
        samples: &[
            &[(&[3, 4], Values::Uniform(0.3, 2.0)), (&[3, 4], Values::Integers(-3, 3))],
            &[(&[3, 4], Values::Uniform(-2.0, -0.3)), (&[3, 4], Values::Integers(-3, 3))],
        ],
        ..Row::COMMON
    },
    Row {
        name: "ldexp",
        meaning: "a 2^b, without overflow on the way",
        domain: Domain::Float,
        mindspore: "-",
        build: |g, x| g.ldexp(x[0], x[1]),
        samples: &[&[(&[3, 4], REAL), (&[3, 4], Values::Integers(-3, 4))], &[(&[3, 1], REAL), (&[4], REAL)]],
        ..Row::COMMON
    },
    Row {
        name: "lcm",
        meaning: "least common multiple, not negative; lcm(0, b) = 0",
        domain: Domain::Integer,
        differentiable: INTEGERS,
        operands: Some((2, 2)),
        build: |g, x| g.lcm(x[0], x[1]),
        ..Row::COMMON
    },
    Row {
        name: "fmax",
        meaning: "the larger; the other one where one is NaN; ties share the gradient",
        domain: Domain::Number,
        build: |g, x| g.fmax(x[0], x[1]),
        samples: TWO,
        ..Row::COMMON
    },
    Row {
        name: "fmin",
        meaning: "the smaller; the other one where one is NaN; ties share the gradient",
        domain: Domain::Number,
        build: |g, x| g.fmin(x[0], x[1]),
        samples: TWO,
        ..Row::COMMON
    },
];

impl Trace {
    /// x held between `low` and `high`; the gradient passes at both bounds. NaN stays NaN.
    pub fn clamp(&mut self, x: Value, low: f64, high: f64) -> Value {
        if low.is_nan() || high.is_nan() || low > high {
            return self.fail(Error::invalid(format!("clamp: {low} to {high} is no range")));
        }
        let dtype = self.dtype(x);
        let (low, high) = (self.scalar(dtype, low), self.scalar(dtype, high));
        let (under, over) = (self.less(x, low), self.greater(x, high));
        let floored = self.select(under, low, x);
        self.select(over, high, floored)
    }
    /// x held between the elements of `low` and `high`, broadcast and promoted; the gradient passes to x at both bounds, to the bound
    /// beyond it. `high` wins over a `low` above it. NaN in any of the three makes NaN.
    pub fn clamp_tensor(&mut self, x: Value, low: Option<Value>, high: Option<Value>) -> Value {
        let mut y = x;
        if let Some(low) = low {
            let under = self.less(y, low);
            let beyond = self.or_nan(under, low);
            y = self.select(beyond, low, y);
        }
        if let Some(high) = high {
            let over = self.greater(y, high);
            let beyond = self.or_nan(over, high);
            y = self.select(beyond, high, y);
        }
        y
    }
    /// Where the condition holds or x is NaN.
    fn or_nan(&mut self, condition: Value, x: Value) -> Value {
        if !self.dtype(x).is_float() {
            return condition;
        }
        let nan = self.is_nan(x);
        self.bitwise_or(condition, nan)
    }
    /// x to the power of a number, in the dtype of x.
    pub fn pow_scalar(&mut self, x: Value, exponent: f64) -> Value {
        let exponent = self.scalar(self.dtype(x), exponent);
        self.pow(x, exponent)
    }
    /// a to the power b, both taken to f64.
    pub fn float_power(&mut self, a: Value, b: Value) -> Value {
        let (a, b) = (self.cast(a, DType::F64), self.cast(b, DType::F64));
        self.pow(a, b)
    }
    /// x - trunc(x).
    pub fn frac(&mut self, x: Value) -> Value {
        let whole = self.trunc(x);
        self.sub(x, whole)
    }
    /// x pi / 180.
    pub fn deg2rad(&mut self, x: Value) -> Value {
        self.mul_scalar(x, std::f64::consts::PI / 180.0)
    }
    /// x 180 / pi.
    pub fn rad2deg(&mut self, x: Value) -> Value {
        self.mul_scalar(x, 180.0 / std::f64::consts::PI)
    }
    /// Where both are not 0 and have different signs.
    fn signs_differ(&mut self, a: Value, b: Value) -> Value {
        let zero = self.zeros_like(a);
        let (a_below, b_below) = (self.less(a, zero), self.less(b, zero));
        let differ = self.bitwise_xor(a_below, b_below);
        let is_some = self.not_equal(a, zero);
        self.bitwise_and(is_some, differ)
    }
    /// The largest integer not above a / b, in the promoted dtype; exact also where a / b rounds up to an integer.
    pub fn floor_divide(&mut self, a: Value, b: Value) -> Value {
        let Some((a, b)) = self.meet("floor_divide", a, b) else { return Value::INVALID };
        let rest = self.fmod(a, b);
        let differ = self.signs_differ(rest, b);
        if !self.dtype(a).is_float() {
            let quotient = self.push(Op::Binary(Binary::Div), &[a, b]);
            let lower = self.add_scalar(quotient, -1.0);
            return self.select(differ, lower, quotient);
        }
        let taken = self.sub(a, rest);
        let quotient = self.div(taken, b);
        let near = self.round(quotient);
        let lower = self.add_scalar(near, -1.0);
        let whole = self.select(differ, lower, near);
        let plain = self.div(a, b);
        let plain = self.floor(plain);
        let zero = self.zeros_like(b);
        let is_zero = self.equal(b, zero);
        self.select(is_zero, plain, whole)
    }
    /// The remainder of a / b with the sign of b.
    pub fn remainder(&mut self, a: Value, b: Value) -> Value {
        let Some((a, b)) = self.meet("remainder", a, b) else { return Value::INVALID };
        let rest = self.fmod(a, b);
        let differ = self.signs_differ(rest, b);
        let moved = self.add(rest, b);
        self.select(differ, moved, rest)
    }
    /// a + weight (b - a), from the nearer end, so that weight 1 gives b.
    pub fn lerp(&mut self, a: Value, b: Value, weight: Value) -> Value {
        let span = self.sub(b, a);
        let part = self.mul(span, weight);
        let from_a = self.add(a, part);
        let left = self.one_minus(weight);
        let part = self.mul(span, left);
        let from_b = self.sub(b, part);
        let half = self.scalar(self.dtype(weight), 0.5);
        let size = self.abs(weight);
        let is_near = self.less(size, half);
        self.select(is_near, from_a, from_b)
    }
    /// x + factor a b.
    pub fn addcmul(&mut self, x: Value, a: Value, b: Value, factor: f64) -> Value {
        let product = self.mul(a, b);
        let scaled = self.mul_scalar(product, factor);
        self.add(x, scaled)
    }
    /// x + factor a / b.
    pub fn addcdiv(&mut self, x: Value, a: Value, b: Value, factor: f64) -> Value {
        let quotient = self.div(a, b);
        let scaled = self.mul_scalar(quotient, factor);
        self.add(x, scaled)
    }
    /// |a| with the sign of b, also of -0 and NaN.
    pub fn copysign(&mut self, a: Value, b: Value) -> Value {
        let Some((a, b)) = self.meet("copysign", a, b) else { return Value::INVALID };
        if !self.dtype(a).is_float() {
            let (a, b) = (self.cast(a, DType::F32), self.cast(b, DType::F32));
            return self.copysign(a, b);
        }
        let is_negative = self.signbit(b);
        let size = self.abs(a);
        let negative = self.neg(size);
        self.select(is_negative, negative, size)
    }
    /// a 2^b: by two factors, neither of which leaves the range where the result does not.
    pub fn ldexp(&mut self, a: Value, b: Value) -> Value {
        let dtype = super::float_of(self, &[a, b]);
        let (a, b) = (self.cast(a, dtype), self.cast(b, dtype));
        let half = self.mul_scalar(b, 0.5);
        let first = self.floor(half);
        // The gradient passes through the rest alone.
        let second = self.sub(b, first);
        let (first, second) = (self.exp2(first), self.exp2(second));
        let scaled = self.mul(a, first);
        self.mul(scaled, second)
    }
    /// The least common multiple of integers.
    pub fn lcm(&mut self, a: Value, b: Value) -> Value {
        let Some((a, b)) = self.meet("lcm", a, b) else { return Value::INVALID };
        let divisor = self.gcd(a, b);
        // 0 / 0 is 0.
        let share = self.push(Op::Binary(Binary::Div), &[a, divisor]);
        let product = self.mul(share, b);
        self.abs(product)
    }
    /// The larger; where one is NaN the other.
    pub fn fmax(&mut self, a: Value, b: Value) -> Value {
        self.ignoring_nan("fmax", a, b, Trace::maximum)
    }
    /// The smaller; where one is NaN the other.
    pub fn fmin(&mut self, a: Value, b: Value) -> Value {
        self.ignoring_nan("fmin", a, b, Trace::minimum)
    }
    fn ignoring_nan(&mut self, name: &str, a: Value, b: Value, of: fn(&mut Trace, Value, Value) -> Value) -> Value {
        let Some((a, b)) = self.meet(name, a, b) else { return Value::INVALID };
        let chosen = of(self, a, b);
        if !self.dtype(a).is_float() {
            return chosen;
        }
        let (a_missing, b_missing) = (self.is_nan(a), self.is_nan(b));
        let without_b = self.select(b_missing, a, chosen);
        self.select(a_missing, b, without_b)
    }
}

#[cfg(test)]
mod tests {
    use crate::ops::composite::testing::{assert_close, binary, binary_whole};

    const INF: f64 = f64::INFINITY;
    const NAN: f64 = f64::NAN;

    #[test]
    fn division_floors() {
        let a = [7.0, -7.0, 7.0, -7.0, 1.0, -1.0, 0.0, 5.5, INF, 6.0, -1.0];
        let b = [2.0, 2.0, -2.0, -2.0, 0.0, 0.0, 0.0, INF, 2.0, 0.1, INF];
        // 6 / 0.1 rounds to 60, but 0.1 is more than a tenth.
        assert_close(&binary(&a, &b, |g, a, b| g.floor_divide(a, b)), &[3.0, -4.0, -4.0, 3.0, INF, -INF, NAN, 0.0, NAN, 59.0, -1.0]);
        let rest = binary(&a, &b, |g, a, b| g.remainder(a, b));
        assert_close(&rest, &[1.0, 1.0, -1.0, -1.0, NAN, NAN, NAN, 5.5, NAN, 6.0 % 0.1, INF]);
        let (a, b) = ([7, -7, 7, -7, 5, i64::MIN], [2, 2, -2, -2, 0, -1]);
        assert_eq!(binary_whole(&a, &b, |g, a, b| g.floor_divide(a, b)), [3, -4, -4, 3, 0, i64::MIN]);
        assert_eq!(binary_whole(&a, &b, |g, a, b| g.remainder(a, b)), [1, 1, -1, -1, 0, 0]);
    }

    #[test]
    fn divisors_and_shifts_of_integers() {
        assert_eq!(binary_whole(&[12, -12, 0, 0, 7], &[18, 8, 5, 0, -7], |g, a, b| g.gcd(a, b)), [6, 4, 5, 0, 7]);
        assert_eq!(binary_whole(&[12, -4, 0, 0, 7], &[18, 6, 5, 0, -7], |g, a, b| g.lcm(a, b)), [36, 12, 0, 0, 7]);
        let by = [0, 3, 63, 64, -1, 1000];
        assert_eq!(binary_whole(&[-5; 6], &by, |g, a, b| g.bitwise_left_shift(a, b)), [-5, -40, i64::MIN, 0, 0, 0]);
        assert_eq!(binary_whole(&[-5; 6], &by, |g, a, b| g.bitwise_right_shift(a, b)), [-5, -1, -1, -1, -1, -1]);
    }

    #[test]
    fn signs_and_missing_numbers() {
        assert_close(&binary(&[1.0, -2.0, 0.0, INF], &[-0.0, 3.0, -1.0, -NAN], |g, a, b| g.copysign(a, b)), &[-1.0, 2.0, -0.0, -INF]);
        assert_close(&binary(&[1.0, NAN, 2.0, NAN], &[3.0, 3.0, NAN, NAN], |g, a, b| g.fmax(a, b)), &[3.0, 3.0, 2.0, NAN]);
        assert_close(&binary(&[1.0, NAN, 2.0, NAN], &[3.0, 3.0, NAN, NAN], |g, a, b| g.fmin(a, b)), &[1.0, 3.0, 2.0, NAN]);
        assert_close(
            &binary(&[1e-300, 1e300, 3.0], &[2000.0, -2000.0, 0.5], |g, a, b| g.ldexp(a, b)),
            &[1e-300 * 2f64.powi(1000) * 2f64.powi(1000), 1e300 * 2f64.powi(-1000) * 2f64.powi(-1000), 3.0 * 2f64.sqrt()],
        );
    }

    #[test]
    fn neighbours_of_numbers() {
        let got = binary(&[1.0, 0.0, -1.0, f64::MAX, 2.0, NAN], &[2.0, -1.0, -1.0, INF, -INF, 0.0], |g, a, b| g.nextafter(a, b));
        assert_close(&got, &[1.0 + f64::EPSILON, -f64::from_bits(1), -1.0, INF, 2.0 - f64::EPSILON, NAN]);
    }
}
