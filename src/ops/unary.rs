//! Elementwise functions of one value.

use crate::error::{Error, Result};
use crate::ir::{Op, Type, Unary, Value};
use crate::ops::Trace;
use crate::ops::catalog::{Differentiable, Domain, Row, Values};
use crate::ops::rules::Contribution;
use crate::tensor::DType;

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

/// `Op name "meaning" Domain [-> dtype] { gradient | reason } [samples: (low, high)]`
macro_rules! unary {
    ($($op:ident $name:ident $meaning:literal $domain:ident $(-> $result:ident)?: $gradient:expr, [$($low:literal .. $high:literal),*];)*) => {
        pub(super) const TABLE: &[UnaryRow] = &[$(UnaryRow {
            op: Unary::$op,
            name: stringify!($name),
            domain: Domain::$domain,
            result: { #[allow(unused_mut, unused_assignments)] let mut result = None; $(result = Some(DType::$result);)? result },
            gradient: $gradient,
        }),*];
        pub(super) const ROWS: &[Row] = &[$(Row {
            name: stringify!($name),
            meaning: $meaning,
            domain: Domain::$domain,
            differentiable: { let gradient: Result<Rule, &'static str> = $gradient; match gradient { Ok(_) => Differentiable::Yes, Err(reason) => Differentiable::Zero(reason) } },
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
    Identity identity "x" Any: Ok(|_, _, _, dy| dy), [-2.0..2.0];
    StopGradient stop_gradient "x, with gradient zero" Any: Err("stops gradients by definition"), [-2.0..2.0];
    Neg neg "-x" Number: Ok(|g, _, _, dy| g.neg(dy)), [-2.0..2.0];
    Abs abs "|x|; slope 0 at 0" Number: Ok(|g, x, _, dy| { let s = g.sign(x); g.mul(dy, s) }), [-2.0..-0.1, 0.1..2.0];
    Sign sign "-1, 0 or 1" Number: FLAT, [-2.0..-0.1, 0.1..2.0];
    Exp exp "e^x" Float: Ok(|g, _, y, dy| g.mul(dy, y)), [-3.0..3.0];
    Expm1 expm1 "e^x - 1, exact near 0" Float: Ok(|g, _, y, dy| { let e = g.add_scalar(y, 1.0); g.mul(dy, e) }), [-3.0..3.0];
    Log log "natural logarithm" Float: Ok(|g, x, _, dy| g.div(dy, x)), [0.1..4.0];
    Log1p log1p "ln(1 + x), exact near 0" Float: Ok(|g, x, _, dy| { let s = g.add_scalar(x, 1.0); g.div(dy, s) }), [-0.8..3.0];
    Sqrt sqrt "square root; slope inf at 0" Float: Ok(|g, _, y, dy| { let d = g.mul_scalar(y, 2.0); g.div(dy, d) }), [0.1..4.0];
    Rsqrt rsqrt "1 / sqrt(x)" Float: Ok(|g, x, y, dy| { let q = g.div(y, x); let s = g.mul_scalar(q, -0.5); g.mul(dy, s) }), [0.1..4.0];
    Reciprocal reciprocal "1 / x" Float: Ok(|g, _, y, dy| { let s = g.square(y); let p = g.mul(dy, s); g.neg(p) }), [0.3..3.0, -3.0..-0.3];
    Sin sin "sine" Float: Ok(|g, x, _, dy| { let c = g.cos(x); g.mul(dy, c) }), [-6.0..6.0];
    Cos cos "cosine" Float: Ok(|g, x, _, dy| { let s = g.sin(x); let p = g.mul(dy, s); g.neg(p) }), [-6.0..6.0];
    Tanh tanh "hyperbolic tangent" Float: Ok(|g, _, y, dy| { let s = g.one_minus_square(y); g.mul(dy, s) }), [-2.5..2.5];
    Sigmoid sigmoid "1 / (1 + e^-x)" Float: Ok(|g, _, y, dy| { let c = g.one_minus(y); let s = g.mul(y, c); g.mul(dy, s) }), [-4.0..4.0];
    Erf erf "error function" Float: Ok(|g, x, _, dy| {
        let q = g.square(x);
        let n = g.neg(q);
        let e = g.exp(n);
        let s = g.mul_scalar(e, std::f64::consts::FRAC_2_SQRT_PI);
        g.mul(dy, s)
    }), [-1.5..1.5];
    Floor floor "largest integer not above x" Float: FLAT, [-2.9..-2.1, 0.1..0.9];
    Ceil ceil "smallest integer not below x" Float: FLAT, [-2.9..-2.1, 0.1..0.9];
    Round round "nearest integer, halves to even" Float: FLAT, [-2.4..-1.6, 0.6..1.4];
    Trunc trunc "x without its fraction" Float: FLAT, [-2.9..-2.1, 0.1..0.9];
    Relu relu "max(x, 0); slope 0 at 0" Number: Ok(|g, _, y, dy| {
        // y > 0 where x > 0, and y is what the forward pass keeps anyway.
        let zero = g.zeros_like(y);
        let positive = g.greater(y, zero);
        g.select(positive, dy, zero)
    }), [0.1..2.0, -2.0..2.0];
    Not logical_not "not x; bitwise for integers" Integral: FLAT, [];
    IsNan is_nan "whether x is NaN" Float -> Bool: FLAT, [];
    IsInf is_inf "whether x is infinite" Float -> Bool: FLAT, [];
    IsFinite is_finite "whether x is neither infinite nor NaN" Float -> Bool: FLAT, [];
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
