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
    ("nn.functional.gelu", One(|g, a| g.gelu(a.t(0), a.named("approximate").text() == "tanh"))),
];
