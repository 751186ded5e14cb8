//! Elementwise functions of two values. The recording methods promote dtypes and broadcast shapes; the primitives do neither.

use crate::error::{Error, Result};
use crate::ir::{Binary, Compare, Op, Type, Value};
use crate::ops::catalog::{Differentiable, Domain, Row, Sample, Values};
use crate::ops::rules::Contribution;
use crate::ops::{Trace, shape};
use crate::tensor::DType;

/// a, b, y = f(a, b), dy -> da, db. Both are recorded; what is not needed is dropped as dead code.
type Rule = fn(&mut Trace, Value, Value, Value, Value) -> (Value, Value);

pub(super) struct BinaryRow {
    #[cfg_attr(not(test), allow(dead_code))]
    op: Binary,
    #[cfg_attr(not(test), allow(dead_code))]
    name: &'static str,
    domain: Domain,
    gradient: Result<Rule, &'static str>,
    /// Why there is no rule for the slope in the first operand, although there is a slope.
    refused: Option<&'static str>,
}

/// `Op name [torch's name, MindSpore's name] "meaning" Domain [refusing "the slope in a, and why"] [on samples]: gradient or why there is none, [samples];`
macro_rules! binary {
    ($($op:ident $name:ident $([$torch:literal, $mindspore:literal])? $meaning:literal $domain:ident $(refusing $refused:literal)? $(on $samples:ident)?:
        $gradient:expr, [$(($($low:literal .. $high:literal),*)),*];)*) => {
        pub(super) const TABLE: &[BinaryRow] = &[$(BinaryRow {
            op: Binary::$op, name: stringify!($name), domain: Domain::$domain, gradient: $gradient,
            refused: { #[allow(unused_mut, unused_assignments)] let mut refused = None; $(refused = Some($refused);)? refused },
        }),*];
        pub(super) const ROWS: &[Row] = &[$(Row {
            name: stringify!($name),
            meaning: $meaning,
            domain: Domain::$domain,
            differentiable: { let gradient: Result<Rule, &'static str> = $gradient; match gradient { Ok(_) => Differentiable::Yes, Err(reason) => Differentiable::Zero(reason) } },
            operands: Some((2, 2)),
            $(torch: $torch, mindspore: $mindspore,)?
            build: |g, x| g.$name(x[0], x[1]),
            samples: { #[allow(unused_mut, unused_assignments)] let mut samples: &[Sample] = &[$(
                &[$((&[3, 4], Values::Uniform($low as f64, $high as f64))),*],
                broadcast!($($low .. $high),*)
            ),*]; $(samples = $samples;)? samples },
            ..Row::COMMON
        }),*];
        impl Trace {
            $(#[doc = concat!($meaning, ", elementwise with promotion and broadcasting; ", stringify!($domain), " dtypes.")]
            pub fn $name(&mut self, a: Value, b: Value) -> Value {
                self.binary(Binary::$op, a, b)
            })*
        }
    };
}

/// Where only the second operand is differentiated: a whole number and an argument.
const ORDER_AND_ARGUMENT: &[Sample] = &[
    &[(&[3, 4], Values::Integers(2, 5)), (&[3, 4], Values::Uniform(0.8, 3.0))],
    &[(&[2, 3, 1], Values::Integers(2, 5)), (&[3, 4], Values::Uniform(0.8, 3.0))],
];

/// Where only the second operand is differentiated: a shape and a logarithm.
const SHAPE_AND_LOGARITHM: &[Sample] = &[
    &[(&[3, 4], Values::Integers(1, 5)), (&[3, 4], Values::Uniform(-1.0, 2.0))],
    &[(&[2, 3, 1], Values::Integers(1, 5)), (&[3, 4], Values::Uniform(-1.0, 2.0))],
];

/// Where only the first operand is differentiated: a number, and one that it goes towards.
const NUMBER_AND_GOAL: &[Sample] = &[&[(&[3, 4], Values::Uniform(-2.0, 2.0)), (&[4], Values::Integers(-5, 5))]];

/// The second sample of each row: operands that broadcast against one another.
macro_rules! broadcast {
    ($l1:literal .. $h1:literal, $l2:literal .. $h2:literal) => {
        &[(&[2, 3, 1], Values::Uniform($l1 as f64, $h1 as f64)), (&[3, 4], Values::Uniform($l2 as f64, $h2 as f64))]
    };
}

binary! {
    Add add "a + b" Number: Ok(|_, _, _, _, dy| (dy, dy)), [(-2.0..2.0, -2.0..2.0)];
    Sub sub "a - b" Number: Ok(|g, _, _, _, dy| (dy, g.neg(dy))), [(-2.0..2.0, -2.0..2.0)];
    Mul mul "a * b" Number: Ok(|g, a, b, _, dy| (g.mul(dy, b), g.mul(dy, a))), [(-2.0..2.0, -2.0..2.0)];
    Div div "a / b; integers divide as f32 numbers" Number: Ok(|g, _, b, y, dy| {
        let da = g.div(dy, b);
        let scaled = g.mul(da, y);
        (da, g.neg(scaled))
    }), [(-2.0..2.0, 0.5..2.0), (-2.0..2.0, -2.0..-0.5)];
    Rem fmod "remainder of a / b with the sign of a" Number: Ok(|g, a, b, y, dy| {
        // Not trunc(a / b), which may round up to the next whole number where y is just below b.
        let taken = g.sub(a, y);
        let quotient = g.div(taken, b);
        let whole = g.round(quotient);
        let db = g.mul(dy, whole);
        (dy, g.neg(db))
    }), [(0.6..0.9, 0.35..0.55), (-0.9..-0.6, 0.35..0.55)];
    Pow pow "a to the power b" Number: Ok(|g, a, b, y, dy| {
        // b * a^(b-1), written so that b = 0 gives 0 even at a = 0; and y * ln a, which is 0 where a = 0 and b >= 0.
        let zero = g.zeros_like(b);
        let lowered = g.add_scalar(b, -1.0);
        let power = g.pow(a, lowered);
        let slope = g.mul(b, power);
        let flat = g.equal(b, zero);
        let slope = g.select(flat, zero, slope);
        let logarithm = g.log(a);
        let growth = g.mul(y, logarithm);
        let at_zero = g.equal(a, zero);
        let harmless = g.greater_equal(b, zero);
        let still = g.logical_and(at_zero, harmless);
        let growth = g.select(still, zero, growth);
        (g.mul(dy, slope), g.mul(dy, growth))
    }), [(0.3..2.0, -2.0..2.0)];
    Max maximum "the larger; NaN if either is; ties share the gradient" Number: Ok(|g, a, b, _, dy| g.pick(Compare::Gt, a, b, dy)), [(-2.0..2.0, -2.0..2.0)];
    Min minimum "the smaller; NaN if either is; ties share the gradient" Number: Ok(|g, a, b, _, dy| g.pick(Compare::Lt, a, b, dy)), [(-2.0..2.0, -2.0..2.0)];
    And bitwise_and "the bits that a and b have; a and b for bool" Integral: Err("integers have no gradient"), [];
    Or bitwise_or "the bits that a or b has; a or b for bool" Integral: Err("integers have no gradient"), [];
    Xor bitwise_xor "the bits that one of a and b has; exactly one for bool" Integral: Err("integers have no gradient"), [];
    Shl bitwise_left_shift "a 2^b, wrapping; 0 for b below 0 or beyond the width" Integer: Err("integers have no gradient"), [];
    Shr bitwise_right_shift "a / 2^b rounded down; 0 or -1 for b below 0 or beyond the width" Integer: Err("integers have no gradient"), [];
    Gcd gcd "greatest common divisor, not negative; gcd(0, 0) = 0" Integer: Err("integers have no gradient"), [];
    Atan2 atan2 "angle of the point (b, a), from -pi to pi" Float: Ok(|g, a, b, _, dy| {
        let (aa, bb) = (g.square(a), g.square(b));
        let distance = g.add(aa, bb);
        let share = g.div(dy, distance);
        let db = g.mul(share, a);
        (g.mul(share, b), g.neg(db))
    }), [(-2.0..2.0, 0.4..2.0), (0.4..2.0, -2.0..-0.4)];
    Hypot hypot "sqrt(a^2 + b^2), without overflow" Float: Ok(|g, a, b, y, dy| {
        let share = g.div(dy, y);
        (g.mul(share, a), g.mul(share, b))
    }), [(-2.0..2.0, 0.4..2.0)];
    NextAfter nextafter ["", "-"] "next number from a towards b, in f32 or f64; slope 1 in a" Float on NUMBER_AND_GOAL: Ok(|g, _, b, _, dy| {
        let zero = g.zeros_like(b);
        (dy, zero)
    }), [];
    Zeta zeta ["torch.special.zeta", "mindspore.ops.zeta"] "Hurwitz zeta function, the sum of (k + b)^-a over k = 0, 1, 2 ..." Float refusing "the slope in the exponent is not known" on ORDER_AND_ARGUMENT: Ok(|g, a, b, _, dy| {
        let next = g.add_scalar(a, 1.0);
        let sum = g.zeta(next, b);
        let slope = g.mul(a, sum);
        let db = g.mul(dy, slope);
        (dy, g.neg(db))
    }), [];
    Igamma igamma "regularized lower incomplete gamma function P(a, b)" Float on ORDER_AND_ARGUMENT: Ok(|g, a, b, _, dy| {
        g.igamma_slopes(a, b, dy)
    }), [];
    Igammac igammac "regularized upper incomplete gamma function Q(a, b)" Float on ORDER_AND_ARGUMENT: Ok(|g, a, b, _, dy| {
        let fall = g.neg(dy);
        g.igamma_slopes(a, b, fall)
    }), [];
    LogGammaSlope log_gamma_slope ["-", "-"] "slope in the order a of the logarithm b of a number x, where igamma(a, x) stays the same" Float refusing "the slope's own slope in the shape is not known" on SHAPE_AND_LOGARITHM: Ok(|g, a, b, y, dy| {
        // psi(a) - b - y (a - e^b)
        let (middle, x) = (g.digamma(a), g.exp(b));
        let (above, distance) = (g.sub(middle, b), g.sub(a, x));
        let turned = g.mul(y, distance);
        let slope = g.sub(above, turned);
        (dy, g.mul(dy, slope))
    }), [];
}

pub(super) fn row(op: Binary) -> &'static BinaryRow {
    &TABLE[op as usize]
}

pub(super) fn infer(op: Binary, a: Type, b: Type) -> Result<Type> {
    let row = row(op);
    same(a, b)?;
    if !row.domain.contains(a.dtype) {
        return Err(Error::dtype(format!("defined for {}, not {}", row.domain.describe(), a.dtype)));
    }
    if op == Binary::NextAfter && a.dtype.size() < 4 {
        return Err(Error::dtype(format!("defined for f64 and f32, not {}", a.dtype)));
    }
    Ok(a)
}

/// The check of every primitive on two equal types.
pub(super) fn same(a: Type, b: Type) -> Result<()> {
    if a.dtype != b.dtype {
        return Err(Error::dtype(format!("operands are {a} and {b}")));
    }
    if a.shape != b.shape {
        return Err(Error::shape(format!("operands are {a} and {b}")));
    }
    Ok(())
}

pub(super) fn gradient(g: &mut Trace, op: Binary, a: Value, b: Value, y: Value, dy: Value) -> Contribution {
    match row(op).gradient {
        Ok(rule) => {
            let (da, db) = rule(g, a, b, y, dy);
            match row(op).refused {
                None => Contribution::Two(da, db),
                Some(reason) => Contribution::Partly(vec![None, Some(db)], reason),
            }
        }
        Err(_) => Contribution::Zero,
    }
}

/// The dtype that two operands meet in: bool < u8 < i32 < i64 < f16, bf16 < f32 < f64; f16 with bf16 meets in f32.
pub(super) fn promote(a: DType, b: DType) -> DType {
    let rank = |dtype: DType| match dtype {
        DType::Bool => 0,
        DType::U8 => 1,
        DType::I32 => 2,
        DType::I64 => 3,
        DType::F16 | DType::BF16 => 4,
        DType::F32 => 5,
        DType::F64 => 6,
    };
    match (a, b) {
        (DType::F16, DType::BF16) | (DType::BF16, DType::F16) => DType::F32,
        _ if rank(a) >= rank(b) => a,
        _ => b,
    }
}

impl Trace {
    fn binary(&mut self, op: Binary, a: Value, b: Value) -> Value {
        let Some((a, b)) = self.meet(op.name(), a, b) else { return Value::INVALID };
        // Division and functions of floats take integers as f32 numbers.
        let real = (op == Binary::Div || row(op).domain == Domain::Float) && !self.dtype(a).is_float();
        let (a, b) = if real { (self.cast(a, DType::F32), self.cast(b, DType::F32)) } else { (a, b) };
        self.push(Op::Binary(op), &[a, b])
    }
    /// Both operands in one dtype and one shape.
    pub(super) fn meet(&mut self, name: &str, a: Value, b: Value) -> Option<(Value, Value)> {
        if !self.contains(a) || !self.contains(b) {
            // Let the push report it, with its knowledge of foreign values.
            if self.error().is_none() {
                self.fail(Error::invalid(format!("{name}: an operand is not a value of this graph")));
            }
            return None;
        }
        let dtype = promote(self.dtype(a), self.dtype(b));
        let (a, b) = (self.cast(a, dtype), self.cast(b, dtype));
        match shape::broadcast_shape(&self.shape(a), &self.shape(b)) {
            Ok(shape) => Some((self.broadcast_to(a, shape.dims()), self.broadcast_to(b, shape.dims()))),
            Err(error) => {
                self.fail(error.within(name));
                None
            }
        }
    }
    /// x + c for a number c, in the dtype of x.
    pub fn add_scalar(&mut self, x: Value, c: f64) -> Value {
        let c = self.scalar(self.dtype(x), c);
        self.add(x, c)
    }
    /// x * c for a number c, in the dtype of x.
    pub fn mul_scalar(&mut self, x: Value, c: f64) -> Value {
        let c = self.scalar(self.dtype(x), c);
        self.mul(x, c)
    }
    /// x^2.
    pub fn square(&mut self, x: Value) -> Value {
        self.mul(x, x)
    }
    /// 1 - x.
    pub fn one_minus(&mut self, x: Value) -> Value {
        let one = self.scalar(self.dtype(x), 1.0);
        self.sub(one, x)
    }
    /// 1 - x^2.
    pub fn one_minus_square(&mut self, x: Value) -> Value {
        let square = self.square(x);
        self.one_minus(square)
    }
    /// b^power e^-b / Gamma(a).
    fn over_gamma(&mut self, power: Value, a: Value, b: Value) -> Value {
        let power = self.xlogy(power, b);
        let size = self.lgamma(a);
        let logarithm = self.sub(power, b);
        let logarithm = self.sub(logarithm, size);
        self.exp(logarithm)
    }
    /// dy times the slopes of P(a, b) in a and b. Where P stays the same, ln b moves with a by the slope that [`Trace::log_gamma_slope`] gives, so
    /// that in a alone P falls by that times b times its slope in b. At 0 and infinity P is 0 and 1 for all a, and at infinity flat in b too.
    fn igamma_slopes(&mut self, a: Value, b: Value, dy: Value) -> (Value, Value) {
        let (zero, one) = (self.zeros_like(b), self.ones_like(b));
        let (is_zero, is_infinite) = (self.equal(b, zero), self.is_inf(b));
        let is_end = self.logical_or(is_zero, is_infinite);
        // The branch that is not taken would put inf - inf and 0 * inf into the slopes, or into their own.
        let inside = self.select(is_end, one, b);
        let lowered = self.add_scalar(a, -1.0);
        let density = self.over_gamma(lowered, a, inside);
        let density = self.select(is_infinite, zero, density);
        // At 0 by the power itself, whose slopes are known there.
        let start = self.select(is_zero, b, one);
        let power = self.pow(start, lowered);
        let (size, fall) = (self.lgamma(a), self.neg(start));
        let rest = self.sub(fall, size);
        let rest = self.exp(rest);
        let at_zero = self.mul(power, rest);
        let density = self.select(is_zero, at_zero, density);
        let rise = self.mul(dy, density);
        let logarithm = self.log(inside);
        let slope = self.log_gamma_slope(a, logarithm);
        // b times the slope in b
        let rise_of_logarithm = self.over_gamma(a, a, inside);
        let moved = self.mul(rise_of_logarithm, slope);
        let moved = self.mul(dy, moved);
        let fall = self.neg(moved);
        (self.select(is_end, zero, fall), rise)
    }
    /// The gradients of maximum and minimum: to the winner, half to each at a tie; to both where either is NaN.
    fn pick(&mut self, wins: Compare, a: Value, b: Value, dy: Value) -> (Value, Value) {
        let zero = self.zeros_like(dy);
        let half = self.mul_scalar(dy, 0.5);
        let (a_wins, b_wins) = (self.compare(wins, a, b), self.compare(wins, b, a));
        let (a_else, b_else) = (self.select(b_wins, zero, half), self.select(a_wins, zero, half));
        (self.select(a_wins, dy, a_else), self.select(b_wins, dy, b_else))
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
        assert_eq!(TABLE.len(), Binary::ALL.len());
    }

    #[test]
    fn promotion_is_symmetric_and_idempotent() {
        for a in DType::ALL {
            assert_eq!(promote(a, a), a);
            for b in DType::ALL {
                assert_eq!(promote(a, b), promote(b, a), "{a} {b}");
            }
        }
        assert_eq!(promote(DType::F16, DType::BF16), DType::F32);
        assert_eq!(promote(DType::I64, DType::F16), DType::F16);
    }
}
