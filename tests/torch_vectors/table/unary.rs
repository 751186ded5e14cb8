//! Elementwise functions of one value.

use super::{Entry, One, Unary};
use tenon::ops::Trace;

pub const ENTRIES: &[Entry] = &[
    ("abs", Unary(Trace::abs)),
    ("ceil", Unary(Trace::ceil)),
    ("clone", Unary(Trace::identity)),
    ("cos", Unary(Trace::cos)),
    ("erf", Unary(Trace::erf)),
    ("exp", Unary(Trace::exp)),
    ("expm1", Unary(Trace::expm1)),
    ("floor", Unary(Trace::floor)),
    ("isfinite", Unary(Trace::is_finite)),
    ("isinf", Unary(Trace::is_inf)),
    ("isnan", Unary(Trace::is_nan)),
    ("log", Unary(Trace::log)),
    ("log1p", Unary(Trace::log1p)),
    ("neg", Unary(Trace::neg)),
    ("positive", Unary(Trace::identity)),
    ("reciprocal", Unary(Trace::reciprocal)),
    ("round", Unary(Trace::round)),
    ("rsqrt", Unary(Trace::rsqrt)),
    ("sgn", Unary(Trace::sign)),
    ("sigmoid", Unary(Trace::sigmoid)),
    ("sign", Unary(Trace::sign)),
    ("sin", Unary(Trace::sin)),
    ("sqrt", Unary(Trace::sqrt)),
    ("square", Unary(Trace::square)),
    ("tanh", Unary(Trace::tanh)),
    ("trunc", Unary(Trace::trunc)),
    ("deg2rad", One(|g, a| g.mul_scalar(a.t(0), std::f64::consts::PI / 180.0))),
    ("rad2deg", One(|g, a| g.mul_scalar(a.t(0), 180.0 / std::f64::consts::PI))),
    ("bitwise_not", Unary(Trace::logical_not)),
];
