//! Elementwise functions of two or more values.

use super::{Binary, Entry, One};
use crate::call::Call;
use tenon::ir::Value;
use tenon::ops::Trace;
use tenon::ops::composite::Tolerance;

/// The second operand times `alpha`.
fn scaled(g: &mut Trace, a: &Call) -> Value {
    let y = a.x(g, 1);
    match a.named("alpha").number() {
        Some(alpha) => g.mul_scalar(y, alpha),
        None => y,
    }
}

pub const ENTRIES: &[Entry] = &[
    (
        "add",
        One(|g, a| {
            let b = scaled(g, a);
            let x = a.x(g, 0);
            g.add(x, b)
        }),
    ),
    (
        "sub",
        One(|g, a| {
            let b = scaled(g, a);
            let x = a.x(g, 0);
            g.sub(x, b)
        }),
    ),
    (
        "rsub",
        One(|g, a| {
            let (mut x, y) = (a.x(g, 0), a.x(g, 1));
            if let Some(alpha) = a.named("alpha").number() {
                x = g.mul_scalar(x, alpha);
            }
            g.sub(y, x)
        }),
    ),
    ("mul", Binary(Trace::mul)),
    ("div/no_rounding_mode", Binary(Trace::div)),
    ("true_divide", Binary(Trace::div)),
    ("pow", Binary(Trace::pow)),
    ("float_power", Binary(Trace::pow)),
    ("fmod", Binary(Trace::fmod)),
    ("maximum", Binary(Trace::maximum)),
    ("minimum", Binary(Trace::minimum)),
    ("max/binary", Binary(Trace::maximum)),
    ("min/binary", Binary(Trace::minimum)),
    ("eq", Binary(Trace::equal)),
    ("ne", Binary(Trace::not_equal)),
    ("lt", Binary(Trace::less)),
    ("le", Binary(Trace::less_equal)),
    ("gt", Binary(Trace::greater)),
    ("ge", Binary(Trace::greater_equal)),
    ("bitwise_and", Binary(Trace::bitwise_and)),
    ("bitwise_or", Binary(Trace::bitwise_or)),
    ("bitwise_left_shift", Binary(Trace::bitwise_left_shift)),
    ("bitwise_right_shift", Binary(Trace::bitwise_right_shift)),
    (
        "isclose",
        One(|g, a| {
            let known = Tolerance::default();
            let tolerance = Tolerance {
                relative: a.named("rtol").number_or(known.relative),
                absolute: a.named("atol").number_or(known.absolute),
                equal_nan: a.named("equal_nan").flag(),
            };
            g.isclose(a.t(0), a.t(1), tolerance)
        }),
    ),
    ("bitwise_xor", Binary(Trace::bitwise_xor)),
    ("atan2", Binary(Trace::atan2)),
    ("copysign", Binary(Trace::copysign)),
    ("floor_divide", Binary(Trace::floor_divide)),
    ("div/floor_rounding", Binary(Trace::floor_divide)),
    ("fmax", Binary(Trace::fmax)),
    ("fmin", Binary(Trace::fmin)),
    ("gcd", Binary(Trace::gcd)),
    ("heaviside", Binary(Trace::heaviside)),
    ("hypot", Binary(Trace::hypot)),
    ("igamma", Binary(Trace::igamma)),
    ("igammac", Binary(Trace::igammac)),
    ("lcm", Binary(Trace::lcm)),
    ("ldexp", Binary(Trace::ldexp)),
    ("logaddexp", Binary(Trace::logaddexp)),
    ("logaddexp2", Binary(Trace::logaddexp2)),
    ("logical_and", Binary(Trace::logical_and)),
    ("logical_or", Binary(Trace::logical_or)),
    ("logical_xor", Binary(Trace::logical_xor)),
    ("nextafter", Binary(Trace::nextafter)),
    ("remainder", Binary(Trace::remainder)),
    ("special.xlog1py", Binary(Trace::xlog1py)),
    ("xlogy", Binary(Trace::xlogy)),
    ("special.zeta", Binary(Trace::zeta)),
    ("__rmod__", Binary(|g, a, b| g.remainder(b, a))),
    (
        "lerp",
        One(|g, a| {
            let (x, y, weight) = (a.x(g, 0), a.x(g, 1), a.x(g, 2));
            g.lerp(x, y, weight)
        }),
    ),
    (
        "addcmul",
        One(|g, a| {
            let (x, y, z) = (a.x(g, 0), a.x(g, 1), a.x(g, 2));
            g.addcmul(x, y, z, a.named("value").number_or(1.0))
        }),
    ),
    (
        "addcdiv",
        One(|g, a| {
            let (x, y, z) = (a.x(g, 0), a.x(g, 1), a.x(g, 2));
            g.addcdiv(x, y, z, a.named("value").number_or(1.0))
        }),
    ),
    ("__radd__", Binary(Trace::add)),
    ("__rmul__", Binary(Trace::mul)),
    ("__rsub__", Binary(|g, a, b| g.sub(b, a))),
    ("__rdiv__", Binary(|g, a, b| g.div(b, a))),
    (
        "where",
        One(|g, a| {
            let (x, condition) = (a.x(g, 0), a.t(1));
            let y = a.x(g, 2);
            g.select(condition, x, y)
        }),
    ),
    (
        "clamp",
        One(|g, a| {
            let (low, high) = (a.at(1, "min"), a.at(2, "max"));
            if low.tensor().is_none() && high.tensor().is_none() {
                return g.clamp(a.t(0), low.number_or(f64::NEG_INFINITY), high.number_or(f64::INFINITY));
            }
            let mut x = a.t(0);
            if low.is_given() {
                let low = low.value(g);
                x = g.maximum(x, low);
            }
            if high.is_given() {
                let high = high.value(g);
                x = g.minimum(x, high);
            }
            x
        }),
    ),
    ("clamp_min", Binary(Trace::maximum)),
    ("clamp_max", Binary(Trace::minimum)),
    (
        "masked_fill",
        One(|g, a| {
            let value = a.x(g, 2);
            g.select(a.t(1), value, a.t(0))
        }),
    ),
];
