//! Activations.

use super::{Entry, One, Unary};
use tenon::ops::Trace;

pub const ENTRIES: &[Entry] = &[
    ("nn.functional.relu", Unary(Trace::relu)),
    ("nn.functional.relu6", Unary(Trace::relu6)),
    ("nn.functional.silu", Unary(Trace::silu)),
    ("nn.functional.hardsigmoid", Unary(Trace::hard_sigmoid)),
    ("nn.functional.hardswish", Unary(Trace::hard_swish)),
    ("nn.functional.logsigmoid", Unary(Trace::log_sigmoid)),
    ("nn.functional.elu", One(|g, a| g.elu(a.t(0), a.at(1, "alpha").number_or(1.0)))),
    ("nn.functional.leaky_relu", One(|g, a| g.leaky_relu(a.t(0), a.at(1, "negative_slope").number_or(0.01)))),
    ("nn.functional.selu", Unary(Trace::selu)),
    ("nn.functional.mish", Unary(Trace::mish)),
    ("nn.functional.softsign", Unary(Trace::softsign)),
    ("nn.functional.tanhshrink", Unary(Trace::tanhshrink)),
    ("nn.functional.celu", One(|g, a| g.celu(a.t(0), a.at(1, "alpha").number_or(1.0)))),
    ("nn.functional.hardshrink", One(|g, a| g.hard_shrink(a.t(0), a.at(1, "lambd").number_or(0.5)))),
    ("nn.functional.softshrink", One(|g, a| g.soft_shrink(a.t(0), a.at(1, "lambd").number_or(0.5)))),
    ("nn.functional.hardtanh", One(|g, a| g.hardtanh(a.t(0), a.at(1, "min_val").number_or(-1.0), a.at(2, "max_val").number_or(1.0)))),
    ("nn.functional.threshold", One(|g, a| g.threshold(a.t(0), a.at(1, "threshold").number_or(0.0), a.at(2, "value").number_or(0.0)))),
    ("nn.functional.softplus", One(|g, a| g.softplus_with(a.t(0), a.at(1, "beta").number_or(1.0), a.at(2, "threshold").number_or(20.0)))),
    (
        "nn.functional.glu",
        One(|g, a| {
            let axis = a.at(1, "dim").axis_or(-1, g.rank(a.t(0)));
            g.glu(a.t(0), axis)
        }),
    ),
    (
        "nn.functional.prelu",
        One(|g, a| {
            let weight = a.at(1, "weight").value(g);
            g.prelu(a.t(0), weight)
        }),
    ),
    ("nn.functional.gelu", One(|g, a| g.gelu(a.t(0), a.named("approximate").text() == "tanh"))),
];
