//! Logarithms of sums and products, and relatives of the gamma function.

use crate::error::Error;
use crate::ir::Value;
use crate::ops::Trace;
use crate::ops::catalog::{Domain, Row, Sample, Values};
use crate::tensor::DType;
use std::f64::consts::{LN_2, PI};

const REAL: Values = Values::Uniform(-2.0, 2.0);
const POSITIVE: Values = Values::Uniform(0.3, 3.0);
const TWO: &[Sample] = &[&[(&[3, 4], REAL), (&[3, 4], REAL)], &[(&[2, 3, 1], REAL), (&[3, 4], REAL)]];
const WITH_POSITIVE: &[Sample] = &[&[(&[3, 4], REAL), (&[3, 4], POSITIVE)], &[(&[2, 3, 1], REAL), (&[3, 4], POSITIVE)]];

pub(in crate::ops) const ROWS: &[Row] = &[
    Row {
        name: "xlogy",
        meaning: "x ln y; 0 where x = 0 and y is a number",
        domain: Domain::Float,
        build: |g, x| g.xlogy(x[0], x[1]),
        samples: WITH_POSITIVE,
        ..Row::COMMON
    },
    Row {
        name: "xlog1py",
        meaning: "x ln(1 + y); 0 where x = 0 and y is a number",
        domain: Domain::Float,
        torch: "torch.special.xlog1py",
        mindspore: "-",
        build: |g, x| g.xlog1py(x[0], x[1]),
        samples: WITH_POSITIVE,
        ..Row::COMMON
    },
    Row {
        name: "logaddexp",
        meaning: "ln(e^a + e^b), without overflow",
        domain: Domain::Float,
        build: |g, x| g.logaddexp(x[0], x[1]),
        samples: TWO,
        ..Row::COMMON
    },
    Row {
        name: "logaddexp2",
        meaning: "log2(2^a + 2^b), without overflow",
        domain: Domain::Float,
        build: |g, x| g.logaddexp2(x[0], x[1]),
        samples: TWO,
        ..Row::COMMON
    },
    Row {
        name: "logit",
        meaning: "ln(x / (1 - x)), exact near 1/2; x may be held between eps and 1 - eps",
        domain: Domain::Float,
        build: |g, x| g.logit(x[0], None),
        samples: &[&[(&[3, 5], Values::Uniform(0.05, 0.95))], &[(&[3, 5], Values::Uniform(0.35, 0.6))]],
        ..Row::COMMON
    },
    Row {
        name: "polygamma",
        meaning: "derivative number n of digamma",
        domain: Domain::Float,
        build: |g, x| g.polygamma(2, x[0]),
        samples: &[&[(&[3, 5], Values::Uniform(0.8, 3.0))]],
        ..Row::COMMON
    },
    Row {
        name: "multigammaln",
        meaning: "ln of the multivariate gamma function of dimension p, for x above (p - 1) / 2",
        domain: Domain::Float,
        torch: "torch.special.multigammaln",
        mindspore: "mindspore.ops.mvlgamma",
        build: |g, x| g.multigammaln(x[0], 3),
        samples: &[&[(&[3, 5], Values::Uniform(1.8, 4.0))]],
        ..Row::COMMON
    },
];

impl Trace {
    /// x ln y; 0 where x is 0 and y is not NaN.
    pub fn xlogy(&mut self, x: Value, y: Value) -> Value {
        self.times_logarithm("xlogy", x, y, 0.0, Trace::log)
    }
    /// x ln(1 + y); 0 where x is 0 and y is not NaN.
    pub fn xlog1py(&mut self, x: Value, y: Value) -> Value {
        self.times_logarithm("xlog1py", x, y, -1.0, Trace::log1p)
    }
    /// x log(y), where `log` is not finite at and below `pole`, and at infinity. There, if x is 0, the logarithm of a harmless number is
    /// taken instead of y's: elsewhere the slope in x is the logarithm also at x = 0.
    fn times_logarithm(&mut self, name: &str, x: Value, y: Value, pole: f64, log: fn(&mut Trace, Value) -> Value) -> Value {
        let dtype = super::float_of(self, &[x, y]);
        let (x, y) = (self.cast(x, dtype), self.cast(y, dtype));
        let Some((x, y)) = self.meet(name, x, y) else { return Value::INVALID };
        let zero = self.zeros_like(x);
        let (pole_value, infinity) = (self.scalar(dtype, pole), self.scalar(dtype, f64::INFINITY));
        let is_zero = self.equal(x, zero);
        let (under, over) = (self.less_equal(y, pole_value), self.equal(y, infinity));
        let outside = self.bitwise_or(under, over);
        let is_harmful = self.bitwise_and(is_zero, outside);
        let harmless = self.scalar(dtype, pole + 1.0);
        let y = self.select(is_harmful, harmless, y);
        let logarithm = log(self, y);
        self.mul(x, logarithm)
    }
    /// ln(e^a + e^b).
    pub fn logaddexp(&mut self, a: Value, b: Value) -> Value {
        self.log_of_sum("logaddexp", a, b, Trace::exp, 1.0)
    }
    /// log2(2^a + 2^b).
    pub fn logaddexp2(&mut self, a: Value, b: Value) -> Value {
        self.log_of_sum("logaddexp2", a, b, Trace::exp2, 1.0 / LN_2)
    }
    /// The larger plus scale ln(1 + power(-|a - b|)).
    fn log_of_sum(&mut self, name: &str, a: Value, b: Value, power: fn(&mut Trace, Value) -> Value, scale: f64) -> Value {
        let dtype = super::float_of(self, &[a, b]);
        let (a, b) = (self.cast(a, dtype), self.cast(b, dtype));
        let Some((a, b)) = self.meet(name, a, b) else { return Value::INVALID };
        let largest = self.maximum(a, b);
        // Equal infinities have no difference.
        let same = self.equal(a, b);
        let zero = self.zeros_like(a);
        let difference = self.sub(a, b);
        let difference = self.select(same, zero, difference);
        let size = self.abs(difference);
        let negative = self.neg(size);
        let share = power(self, negative);
        let rest = self.log1p(share);
        let rest = if scale == 1.0 { rest } else { self.mul_scalar(rest, scale) };
        self.add(largest, rest)
    }
    /// ln(x / (1 - x)); with `eps`, of x held between eps and 1 - eps.
    pub fn logit(&mut self, x: Value, eps: Option<f64>) -> Value {
        let x = match eps {
            None => x,
            Some(eps) if (0.0..=0.5).contains(&eps) => self.clamp(x, eps, 1.0 - eps),
            Some(eps) => return self.fail(Error::invalid(format!("logit: eps {eps} is not between 0 and 1/2"))),
        };
        let dtype = self.dtype(x);
        let (low, high) = (self.scalar(dtype, 0.3), self.scalar(dtype, 0.65));
        let (over, under) = (self.greater(x, low), self.less(x, high));
        let is_near = self.bitwise_and(over, under);
        // Around 1/2, ln(1 + (2x - 1) / (1 - x)): the quotient's nominator is exact there. Elsewhere that branch sees 1/2, where its slope is
        // finite.
        let half = self.scalar(dtype, 0.5);
        let inner = self.select(is_near, x, half);
        let double = self.add(inner, inner);
        let one = self.scalar(dtype, 1.0);
        let above = self.sub(double, one);
        let left = self.one_minus(inner);
        let excess = self.div(above, left);
        let near = self.log1p(excess);
        let left = self.one_minus(x);
        let (taken, left) = (self.log(x), self.log(left));
        let far = self.sub(taken, left);
        self.select(is_near, near, far)
    }
    /// Derivative number n of digamma, n at most 170: (-1)^(n + 1) n! zeta(n + 1, x).
    pub fn polygamma(&mut self, n: usize, x: Value) -> Value {
        if n > 170 {
            return self.fail(Error::invalid(format!("polygamma: order {n} is beyond 170, where n! leaves the range of f64")));
        }
        if n == 0 {
            return self.digamma(x);
        }
        if !self.dtype(x).is_float() {
            let dtype = self.dtype(x);
            return self.fail(Error::dtype(format!("polygamma: defined for floats, not {dtype}")));
        }
        // In f32 the factorial may overflow where the result does not.
        let narrow = self.dtype(x);
        let x = if n > 20 { self.cast(x, DType::F64) } else { x };
        let order = self.scalar(self.dtype(x), n as f64 + 1.0);
        let sum = self.zeta(order, x);
        let factorial: f64 = (1..=n).map(|k| k as f64).product();
        let y = self.mul_scalar(sum, if n % 2 == 1 { factorial } else { -factorial });
        self.cast(y, narrow)
    }
    /// p (p - 1) / 4 ln pi + the sum of lgamma(x - k / 2) over k = 0 ... p - 1.
    pub fn multigammaln(&mut self, x: Value, p: usize) -> Value {
        if p == 0 || p > 1000 {
            return self.fail(Error::invalid(format!("multigammaln: dimension {p} is not between 1 and 1000")));
        }
        let mut sum = self.lgamma(x);
        for k in 1..p {
            let shifted = self.add_scalar(x, -0.5 * k as f64);
            let more = self.lgamma(shifted);
            sum = self.add(sum, more);
        }
        self.add_scalar(sum, 0.25 * (p * (p - 1)) as f64 * PI.ln())
    }
}

#[cfg(test)]
mod tests {
    use crate::ops::composite::testing::{assert_close, binary, unary};

    const INF: f64 = f64::INFINITY;
    const NAN: f64 = f64::NAN;

    #[test]
    fn zero_times_a_logarithm_is_zero() {
        let (x, y) = ([0.0, 0.0, 0.0, 0.0, 2.0, 2.0, 2.0], [0.0, -1.0, INF, NAN, 0.0, -1.0, 3.0]);
        assert_close(&binary(&x, &y, |g, x, y| g.xlogy(x, y)), &[0.0, 0.0, 0.0, NAN, -INF, NAN, 2.0 * 3f64.ln()]);
        let below: Vec<f64> = y.iter().map(|y| y - 1.0).collect();
        assert_close(&binary(&x, &below, |g, x, y| g.xlog1py(x, y)), &[0.0, 0.0, 0.0, NAN, -INF, NAN, 2.0 * 3f64.ln()]);
    }

    #[test]
    fn logarithms_of_sums_do_not_overflow() {
        let (a, b) = ([1000.0, -INF, INF, INF, -1000.0, 0.0], [1000.0, -INF, INF, -INF, 0.0, NAN]);
        let ln_2 = std::f64::consts::LN_2;
        assert_close(&binary(&a, &b, |g, a, b| g.logaddexp(a, b)), &[1000.0 + ln_2, -INF, INF, INF, 0.0, NAN]);
        assert_close(&binary(&a, &b, |g, a, b| g.logaddexp2(a, b)), &[1001.0, -INF, INF, INF, 2f64.powi(-1000) / ln_2, NAN]);
    }

    #[test]
    fn logit_at_its_ends_and_centre() {
        let x = [0.0, 1.0, 0.5, 0.5 + 1e-10, 1.5, 1e-300];
        assert_close(&unary(&x, |g, x| g.logit(x, None)), &[-INF, INF, 0.0, 4.000_000_330_961_484e-10, NAN, -690.775_527_898_213_7]);
        let held = unary(&[0.0, 1.0, NAN], |g, x| g.logit(x, Some(0.25)));
        assert_close(&held, &[-(3f64.ln()), 3f64.ln(), NAN]);
    }
}
