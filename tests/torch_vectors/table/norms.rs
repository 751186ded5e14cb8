//! Normalization.

use super::{Entry, One};
use crate::call::Call;
use tenon::DType;
use tenon::ir::Value;
use tenon::ops::Trace;

fn epsilon(a: &Call, position: usize) -> f64 {
    a.at(position, "eps").number_or(1e-5)
}

pub const ENTRIES: &[Entry] = &[
    (
        "nn.functional.layer_norm",
        One(|g, a| g.layer_norm(a.t(0), a.at(2, "weight").tensor(), a.at(3, "bias").tensor(), a.at(1, "").sizes().len(), epsilon(a, 4))),
    ),
    (
        "nn.functional.rms_norm",
        One(|g, a| {
            // There, the default is the distance from 1 to the next number.
            let smallest = if a.dtype == DType::F64 { f64::EPSILON } else { f32::EPSILON as f64 };
            g.rms_norm(a.t(0), a.at(2, "weight").tensor(), a.at(1, "").sizes().len(), a.at(3, "eps").number_or(smallest))
        }),
    ),
    (
        "nn.functional.group_norm",
        One(|g, a| {
            g.group_norm(a.t(0), a.at(1, "num_groups").size_or(1), a.at(2, "weight").tensor(), a.at(3, "bias").tensor(), epsilon(a, 4))
        }),
    ),
    (
        "nn.functional.instance_norm",
        One(|g, a| g.instance_norm(a.t(0), a.at(3, "weight").tensor(), a.at(4, "bias").tensor(), epsilon(a, 7))),
    ),
    ("nn.functional.batch_norm", One(batch_norm)),
    (
        "nn.functional.normalize",
        One(|g, a| {
            let rank = g.rank(a.t(0));
            g.normalize(a.t(0), a.at(1, "p").number_or(2.0), a.at(2, "dim").axis_or(1, rank), a.at(3, "eps").number_or(1e-12))
        }),
    ),
];

fn batch_norm(g: &mut Trace, a: &Call) -> Value {
    let (scale, offset) = (a.at(3, "weight").tensor(), a.at(4, "bias").tensor());
    match (a.at(5, "training").flag(), a.at(1, "running_mean").tensor(), a.at(2, "running_var").tensor()) {
        (false, Some(mean), Some(variance)) => g.batch_norm(a.t(0), mean, variance, scale, offset, epsilon(a, 7)),
        _ => g.batch_norm_train(a.t(0), scale, offset, epsilon(a, 7))[0],
    }
}
