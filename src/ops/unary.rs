//! Elementwise functions of one value.

use crate::error::{Error, Result};
use crate::ir::{Op, Type, Unary, Value};
use crate::ops::catalog::{Differentiable, Domain, Row, Values};
use crate::ops::rules::Contribution;
use crate::ops::{Trace, scalar};
use crate::tensor::DType;
use std::f64::consts::{FRAC_1_SQRT_2, FRAC_2_SQRT_PI, LN_2, LN_10, PI};

/// x, y = f(x), dy -> dx.
type Rule = fn(&mut Trace, Value, Value, Value) -> Value;

pub(super) struct UnaryRow {
    #[cfg_attr(not(test), allow(dead_code))]
    op: Unary,
    #[cfg_attr(not(test), allow(dead_code))]
    name: &'static str,
    domain: Domain,
    /// The dtype of the result, if it is not the operand's.
    result: Option<DType>,
    gradient: Result<Rule, &'static str>,
}

/// `Op name [torch's name, MindSpore's name] "meaning" Domain [-> dtype], definition, gradient or why there is none, [samples];`
///
/// `make header` writes the functions of C from these rows.
macro_rules! unary {
    ($($op:ident $name:ident $([$torch:literal, $mindspore:literal])? $meaning:literal $domain:ident $(-> $result:ident)?,
        $definition:expr, $gradient:expr, [$($low:literal .. $high:literal),*];)*) => {
        pub(super) const TABLE: &[UnaryRow] = &[$(UnaryRow {
            op: Unary::$op,
            name: stringify!($name),
            domain: Domain::$domain,
            result: { #[allow(unused_mut, unused_assignments)] let mut result = None; $(result = Some(DType::$result);)? result },
            gradient: $gradient,
        }),*];
        /// What each is, said plainly: the oracle computes floats by it. True is 1. Apart from the table, so that a library without the
        /// oracle does not have them.
        const DEFINITIONS: &[fn(f64) -> f64] = &[$($definition),*];
        pub(super) const ROWS: &[Row] = &[$(Row {
            name: stringify!($name),
            meaning: $meaning,
            domain: Domain::$domain,
            differentiable: { let gradient: Result<Rule, &'static str> = $gradient; match gradient { Ok(_) => Differentiable::Yes, Err(reason) => Differentiable::Zero(reason) } },
            $(torch: $torch, mindspore: $mindspore,)?
            build: |g, x| g.$name(x[0]),
            samples: &[$(&[(&[3, 5], Values::Uniform($low as f64, $high as f64))]),*],
            ..Row::COMMON
        }),*];
        impl Trace {
            $(#[doc = concat!($meaning, ", elementwise; ", stringify!($domain), " dtypes.")]
            pub fn $name(&mut self, x: Value) -> Value {
                self.push(Op::Unary(Unary::$op), &[x])
            })*
        }
    };
}

const FLAT: Result<Rule, &str> = Err("piecewise constant");

unary! {
    Identity identity ["torch.positive", "mindspore.ops.identity"] "x" Any, |x| x, Ok(|_, _, _, dy| dy), [-2.0..2.0];
    StopGradient stop_gradient ["torch.Tensor.detach", ""] "x, with gradient zero" Any, |x| x, Err("stops gradients by definition"), [-2.0..2.0];
    Neg neg "-x" Number, |x| -x, Ok(|g, _, _, dy| g.neg(dy)), [-2.0..2.0];
    Abs abs "|x|; slope 0 at 0" Number, f64::abs, Ok(|g, x, _, dy| { let s = g.sign(x); g.mul(dy, s) }), [-2.0..-0.1, 0.1..2.0];
    Sign sign "-1, 0 or 1; NaN stays NaN; slope 0" Number, scalar::sign, FLAT, [-2.0..-0.1, 0.1..2.0];
    Exp exp "e^x" Float, f64::exp, Ok(|g, _, y, dy| g.mul(dy, y)), [-3.0..3.0];
    Expm1 expm1 "e^x - 1, exact near 0" Float, f64::exp_m1, Ok(|g, x, _, dy| { let e = g.exp(x); g.mul(dy, e) }), [-3.0..3.0];
    Exp2 exp2 "2^x" Float, f64::exp2, Ok(|g, _, y, dy| { let s = g.mul_scalar(y, LN_2); g.mul(dy, s) }), [-3.0..3.0];
    Log log "natural logarithm" Float, f64::ln, Ok(|g, x, _, dy| g.div(dy, x)), [0.1..4.0];
    Log1p log1p "ln(1 + x), exact near 0" Float, f64::ln_1p, Ok(|g, x, _, dy| { let s = g.add_scalar(x, 1.0); g.div(dy, s) }), [-0.8..3.0];
    Log2 log2 "logarithm to base 2" Float, f64::log2, Ok(|g, x, _, dy| { let s = g.mul_scalar(x, LN_2); g.div(dy, s) }), [0.1..4.0];
    Log10 log10 "logarithm to base 10" Float, f64::log10, Ok(|g, x, _, dy| { let s = g.mul_scalar(x, LN_10); g.div(dy, s) }), [0.1..4.0];
    Sqrt sqrt "square root; slope infinite at 0" Float, f64::sqrt, Ok(|g, _, y, dy| { let d = g.mul_scalar(y, 2.0); g.div(dy, d) }), [0.1..4.0];
    Rsqrt rsqrt "1 / sqrt(x)" Float, |x| 1.0 / x.sqrt(), Ok(|g, x, y, dy| { let q = g.div(y, x); let s = g.mul_scalar(q, -0.5); g.mul(dy, s) }), [0.1..4.0];
    Reciprocal reciprocal "1 / x" Float, |x| 1.0 / x, Ok(|g, _, y, dy| { let s = g.square(y); let p = g.mul(dy, s); g.neg(p) }), [0.3..3.0, -3.0..-0.3];
    Sin sin "sine" Float, f64::sin, Ok(|g, x, _, dy| { let c = g.cos(x); g.mul(dy, c) }), [-6.0..6.0];
    Cos cos "cosine" Float, f64::cos, Ok(|g, x, _, dy| { let s = g.sin(x); let p = g.mul(dy, s); g.neg(p) }), [-6.0..6.0];
    Tan tan "tangent" Float, f64::tan, Ok(|g, _, y, dy| { let q = g.square(y); let s = g.add_scalar(q, 1.0); g.mul(dy, s) }), [-1.2..1.2];
    Asin asin "angle from -pi/2 to pi/2 whose sine is x; NaN beyond 1" Float, f64::asin, Ok(|g, x, _, dy| { let s = on_circle(g, x); g.mul(dy, s) }), [-0.8..0.8];
    Acos acos "angle from 0 to pi whose cosine is x; NaN beyond 1" Float, f64::acos, Ok(|g, x, _, dy| { let s = on_circle(g, x); let p = g.mul(dy, s); g.neg(p) }), [-0.8..0.8];
    Atan atan "angle from -pi/2 to pi/2 whose tangent is x" Float, f64::atan, Ok(|g, x, _, dy| { let q = g.square(x); let s = g.add_scalar(q, 1.0); g.div(dy, s) }), [-2.5..2.5];
    Sinh sinh "hyperbolic sine" Float, f64::sinh, Ok(|g, x, _, dy| { let c = g.cosh(x); g.mul(dy, c) }), [-2.5..2.5];
    Cosh cosh "hyperbolic cosine" Float, f64::cosh, Ok(|g, x, _, dy| { let s = g.sinh(x); g.mul(dy, s) }), [-2.5..2.5];
    Tanh tanh "hyperbolic tangent" Float, f64::tanh, Ok(|g, _, y, dy| { let s = g.one_minus_square(y); g.mul(dy, s) }), [-2.5..2.5];
    Asinh asinh "inverse of the hyperbolic sine" Float, f64::asinh, Ok(|g, x, _, dy| { let q = g.square(x); let s = g.add_scalar(q, 1.0); let r = g.rsqrt(s); g.mul(dy, r) }), [-2.5..2.5];
    Acosh acosh "inverse of the hyperbolic cosine, not negative; NaN below 1" Float, scalar::acosh, Ok(|g, x, _, dy| {
        let (below, above) = (g.add_scalar(x, -1.0), g.add_scalar(x, 1.0));
        let product = g.mul(below, above);
        let s = g.rsqrt(product);
        g.mul(dy, s)
    }), [1.3..3.0];
    Atanh atanh "inverse of the hyperbolic tangent; NaN beyond 1" Float, f64::atanh, Ok(|g, x, _, dy| {
        let (below, above) = (g.one_minus(x), g.add_scalar(x, 1.0));
        let product = g.mul(below, above);
        g.div(dy, product)
    }), [-0.8..0.8];
    Tanhshrink tanhshrink ["torch.nn.functional.tanhshrink", "mindspore.ops.tanhshrink"] "x - tanh x, exact near 0" Float, scalar::tanhshrink, Ok(|g, x, _, dy| { let t = g.tanh(x); let s = g.square(t); g.mul(dy, s) }), [-2.5..2.5];
    Sinc sinc "sin(pi x) / (pi x), 1 at 0" Float, scalar::sinc, Ok(|g, x, y, dy| { let s = sinc_slope(g, x, y); g.mul(dy, s) }), [-2.8..2.8, -0.24..0.24];
    Sigmoid sigmoid "1 / (1 + e^-x)" Float, |x| 1.0 / (1.0 + (-x).exp()), Ok(|g, _, y, dy| { let c = g.one_minus(y); let s = g.mul(y, c); g.mul(dy, s) }), [-4.0..4.0];
    Erf erf "error function" Float, libm::erf, Ok(|g, x, _, dy| { let s = bell(g, x, 1.0, FRAC_2_SQRT_PI); g.mul(dy, s) }), [-1.5..1.5];
    Erfc erfc "1 - erf(x), exact for large x" Float, libm::erfc, Ok(|g, x, _, dy| { let s = bell(g, x, 1.0, -FRAC_2_SQRT_PI); g.mul(dy, s) }), [-1.5..1.5];
    Erfcx erfcx ["torch.special.erfcx", "-"] "e^(x^2) erfc(x), without overflow for x above 0" Float, scalar::erfcx, Ok(|g, x, y, dy| {
        let p = g.mul(x, y);
        let p = g.mul_scalar(p, 2.0);
        let s = g.add_scalar(p, -FRAC_2_SQRT_PI);
        g.mul(dy, s)
    }), [-1.2..2.0];
    Erfinv erfinv "x -> y with erf(y) = x; infinite at 1, NaN beyond" Float, scalar::erfinv, Ok(|g, _, y, dy| {
        let q = g.square(y);
        let e = g.exp(q);
        let s = g.mul_scalar(e, 1.0 / FRAC_2_SQRT_PI);
        g.mul(dy, s)
    }), [-0.8..0.8];
    Ndtr ndtr ["torch.special.ndtr", "-"] "normal distribution function" Float, scalar::ndtr, Ok(|g, x, _, dy| { let s = bell(g, x, 0.5, FRAC_2_SQRT_PI * FRAC_1_SQRT_2 / 2.0); g.mul(dy, s) }), [-2.0..2.0];
    LogNdtr log_ndtr ["torch.special.log_ndtr", "-"] "logarithm of the normal distribution function" Float, scalar::log_ndtr, Ok(|g, x, _, dy| {
        // sqrt(2 / pi) / erfcx(-x / sqrt 2): density and distribution share the power that would underflow.
        let scaled = g.mul_scalar(x, -FRAC_1_SQRT_2);
        let tail = g.erfcx(scaled);
        let share = g.div(dy, tail);
        g.mul_scalar(share, FRAC_2_SQRT_PI * FRAC_1_SQRT_2)
    }), [-3.0..2.0];
    Lgamma lgamma "ln |Gamma(x)|; infinite at 0, -1, -2 ..." Float, scalar::lgamma, Ok(|g, x, _, dy| { let s = g.digamma(x); g.mul(dy, s) }), [0.3..4.0, -1.8..-1.2];
    Digamma digamma "slope of ln Gamma(x); NaN at -1, -2 ..." Float, scalar::digamma, Ok(|g, x, _, dy| { let s = g.polygamma(1, x); g.mul(dy, s) }), [0.4..4.0, -1.8..-1.2];
    I0 i0 ["", "mindspore.ops.bessel_i0"] "modified Bessel function of the first kind, order 0" Float, |x| scalar::bessel_growing(0, x), Ok(|g, x, _, dy| { let s = g.i1(x); g.mul(dy, s) }), [-2.5..2.5];
    I0e i0e ["torch.special.i0e", "mindspore.ops.bessel_i0e"] "e^-|x| i0(x)" Float, |x| scalar::bessel(0, x), Ok(|g, x, y, dy| {
        let sign = g.sign(x);
        let fall = g.mul(sign, y);
        let rise = g.i1e(x);
        let s = g.sub(rise, fall);
        g.mul(dy, s)
    }), [-2.5..-0.1, 0.1..2.5];
    I1 i1 ["torch.special.i1", "mindspore.ops.bessel_i1"] "modified Bessel function of the first kind, order 1" Float, |x| scalar::bessel_growing(1, x), Ok(|g, x, y, dy| {
        let zero = g.zeros_like(x);
        let rise = g.i0(x);
        bessel_slope(g, x, y, dy, rise, zero)
    }), [-2.5..-0.1, 0.1..2.5];
    I1e i1e ["torch.special.i1e", "mindspore.ops.bessel_i1e"] "e^-|x| i1(x)" Float, |x| scalar::bessel(1, x), Ok(|g, x, y, dy| {
        let sign = g.sign(x);
        let rise = g.i0e(x);
        bessel_slope(g, x, y, dy, rise, sign)
    }), [-2.5..-0.1, 0.1..2.5];
    BesselJ0 bessel_j0 ["torch.special.bessel_j0", "mindspore.ops.bessel_j0"] "Bessel function of the first kind, order 0" Float, |x| bessel_integral(0, x), Ok(|g, x, _, dy| {
        let s = g.bessel_j1(x);
        let p = g.mul(dy, s);
        g.neg(p)
    }), [-6.0..6.0];
    BesselJ1 bessel_j1 ["torch.special.bessel_j1", "mindspore.ops.bessel_j1"] "Bessel function of the first kind, order 1" Float, |x| bessel_integral(1, x), Ok(|g, x, y, dy| {
        let zero = g.zeros_like(x);
        let rise = g.bessel_j0(x);
        bessel_slope(g, x, y, dy, rise, zero)
    }), [-6.0..-0.1, 0.1..6.0];
    Entr entr ["torch.special.entr", "-"] "-x ln x; 0 at 0, -inf below" Float, scalar::entr, Ok(|g, x, _, dy| {
        let l = g.log(x);
        let s = g.add_scalar(l, 1.0);
        let p = g.mul(dy, s);
        g.neg(p)
    }), [0.5..3.0];
    Floor floor "largest integer not above x; slope 0" Float, f64::floor, FLAT, [-2.9..-2.1, 0.1..0.9];
    Ceil ceil "smallest integer not below x; slope 0" Float, f64::ceil, FLAT, [-2.9..-2.1, 0.1..0.9];
    Round round "nearest integer, halves to even; slope 0" Float, f64::round_ties_even, FLAT, [-2.4..-1.6, 0.6..1.4];
    Trunc trunc "x without its fraction; slope 0" Float, f64::trunc, FLAT, [-2.9..-2.1, 0.1..0.9];
    Relu relu ["torch.nn.functional.relu", "mindspore.ops.relu"] "max(x, 0); slope 0 at 0" Number, |x| if x > 0.0 || x.is_nan() { x } else { 0.0 }, Ok(|g, _, y, dy| {
        // y > 0 where x > 0, and y is what the forward pass keeps anyway.
        let zero = g.zeros_like(y);
        let positive = g.greater(y, zero);
        g.select(positive, dy, zero)
    }), [0.1..2.0, -2.0..2.0];
    Not bitwise_not ["", "-"] "every bit of x inverted; not x for bool" Integral, |x| x, FLAT, [];
    IsNan is_nan ["torch.isnan", "mindspore.ops.isnan"] "whether x is NaN" Float -> Bool, |x| truth(x.is_nan()), FLAT, [];
    IsInf is_inf ["torch.isinf", "mindspore.ops.isinf"] "whether x is infinite" Float -> Bool, |x| truth(x.is_infinite()), FLAT, [];
    IsFinite is_finite ["torch.isfinite", "mindspore.ops.isfinite"] "whether x is neither infinite nor NaN" Float -> Bool, |x| truth(x.is_finite()), FLAT, [];
    Signbit signbit "whether the sign bit of x is set, also that of -0 and of a NaN" Float -> Bool, |x| truth(x.is_sign_negative()), FLAT, [];
}

const fn truth(holds: bool) -> f64 {
    if holds { 1.0 } else { 0.0 }
}

/// factor e^(-rate x^2).
fn bell(g: &mut Trace, x: Value, rate: f64, factor: f64) -> Value {
    let square = g.square(x);
    let exponent = g.mul_scalar(square, -rate);
    let power = g.exp(exponent);
    g.mul_scalar(power, factor)
}

/// 1 / sqrt(1 - x^2), exact near 1.
fn on_circle(g: &mut Trace, x: Value) -> Value {
    let (below, above) = (g.one_minus(x), g.add_scalar(x, 1.0));
    let product = g.mul(below, above);
    g.rsqrt(product)
}

/// (cos(pi x) - y) / x for y = sinc x; near 0, where both terms cancel, the derivative of sinc's power series.
fn sinc_slope(g: &mut Trace, x: Value, y: Value) -> Value {
    let bound = g.scalar(g.dtype(x), 0.25);
    let size = g.abs(x);
    let is_small = g.less(size, bound);
    // sum 2k (-1)^k pi^2k / (2k + 1)! x^(2k - 1)
    let one = g.ones_like(x);
    let (near, far) = (g.select(is_small, x, one), g.select(is_small, one, x));
    let square = g.square(near);
    let mut sum = None;
    for k in (1..=10i32).rev() {
        let factorial: f64 = (1..=2 * k + 1).map(f64::from).product();
        let coefficient = f64::from(2 * k) * (-PI * PI).powi(k) / factorial;
        sum = Some(match sum {
            None => g.mul_scalar(one, coefficient),
            Some(sum) => {
                let scaled = g.mul(sum, square);
                g.add_scalar(scaled, coefficient)
            }
        });
    }
    let series = g.mul(sum.unwrap_or(near), near);
    let angle = g.mul_scalar(x, PI);
    let cosine = g.cos(angle);
    let difference = g.sub(cosine, y);
    let quotient = g.div(difference, far);
    g.select(is_small, series, quotient)
}

/// Bessel's integral, the mean of cos(order t - x sin t) over a turn, by a sum that is exact to the last digits for |x| below 100; 0 at infinity.
fn bessel_integral(order: i32, x: f64) -> f64 {
    if x.is_infinite() {
        return 0.0_f64.copysign(x.powi(order));
    }
    let points = 256;
    let at = |k: i32| {
        let t = 2.0 * PI * f64::from(k) / f64::from(points);
        (f64::from(order) * t - x * t.sin()).cos()
    };
    (0..points).map(at).sum::<f64>() / f64::from(points)
}

/// dy (rise - y (fall + 1 / x)): the slope of the Bessel functions of order 1, which is 1/2 at 0.
fn bessel_slope(g: &mut Trace, x: Value, y: Value, dy: Value, rise: Value, fall: Value) -> Value {
    let (zero, one) = (g.zeros_like(x), g.ones_like(x));
    let at_zero = g.equal(x, zero);
    let divisor = g.select(at_zero, one, x);
    let inverse = g.reciprocal(divisor);
    let rate = g.add(fall, inverse);
    let taken = g.mul(y, rate);
    let slope = g.sub(rise, taken);
    let half = g.mul_scalar(one, 0.5);
    let slope = g.select(at_zero, half, slope);
    g.mul(dy, slope)
}

/// The plain definition of a function on floats, which the oracle computes by.
pub(crate) fn definition(op: Unary) -> fn(f64) -> f64 {
    // In the order of the table.
    DEFINITIONS[op as usize]
}

pub(super) fn row(op: Unary) -> &'static UnaryRow {
    // The table is in the order of the enum; a test holds it to that.
    &TABLE[op as usize]
}

pub(super) fn infer(op: Unary, x: Type) -> Result<Type> {
    let row = row(op);
    if !row.domain.contains(x.dtype) {
        return Err(Error::dtype(format!("defined for {}, not {}", row.domain.describe(), x.dtype)));
    }
    Ok(Type::new(row.result.unwrap_or(x.dtype), x.shape))
}

pub(super) fn passes_gradient(op: Unary) -> bool {
    row(op).gradient.is_ok()
}

pub(super) fn gradient(g: &mut Trace, op: Unary, x: Value, y: Value, dy: Value) -> Contribution {
    match row(op).gradient {
        Ok(rule) => Contribution::One(rule(g, x, y, dy)),
        Err(_) => Contribution::Zero,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_table_is_in_the_order_of_the_enum() {
        for (index, row) in TABLE.iter().enumerate() {
            assert_eq!(row.op as usize, index, "{}", row.name);
            assert_eq!(row.name, row.op.name());
        }
        assert_eq!(TABLE.len(), Unary::ALL.len());
    }
}
