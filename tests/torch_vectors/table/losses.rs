//! Losses.

use super::{Entry, One};
use crate::call::Call;
use tenon::ops::composite::Reduction;

pub fn reduction(a: &Call) -> Reduction {
    match a.named("reduction").text() {
        "none" => Reduction::None,
        "sum" => Reduction::Sum,
        _ => Reduction::Mean,
    }
}

pub const ENTRIES: &[Entry] = &[("nn.functional.mse_loss", One(|g, a| g.mse_loss(a.t(0), a.t(1), reduction(a))))];
