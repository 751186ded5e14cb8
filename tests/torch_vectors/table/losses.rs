//! Losses.

use super::{Entry, One};
use crate::call::Call;
use tenon::ops::composite::Reduction;
use tenon::ops::composite::loss::{Bce, CrossEntropy, MultiMargin, Nll, TripletMargin};

fn reduction(a: &Call) -> Reduction {
    match a.named("reduction").text() {
        "none" => Reduction::None,
        "sum" => Reduction::Sum,
        "batchmean" => Reduction::BatchMean,
        _ => Reduction::Mean,
    }
}

fn margin(a: &Call, default: f64) -> f64 {
    a.named("margin").number_or(default)
}

pub const ENTRIES: &[Entry] = &[
    ("nn.functional.mse_loss", One(|g, a| g.mse_loss(a.t(0), a.t(1), reduction(a)))),
    ("nn.functional.l1_loss", One(|g, a| g.l1_loss(a.t(0), a.t(1), reduction(a)))),
    ("nn.functional.smooth_l1_loss", One(|g, a| g.smooth_l1_loss(a.t(0), a.t(1), a.named("beta").number_or(1.0), reduction(a)))),
    ("nn.functional.huber_loss", One(|g, a| g.huber_loss(a.t(0), a.t(1), a.named("delta").number_or(1.0), reduction(a)))),
    (
        "nn.functional.binary_cross_entropy",
        One(|g, a| g.bce_loss(a.t(0), a.t(1), a.named("weight").tensor(), Bce { reduction: reduction(a), ..Bce::default() })),
    ),
    (
        "nn.functional.binary_cross_entropy_with_logits",
        One(|g, a| g.bce_with_logits_loss(a.t(0), a.t(1), a.named("weight").tensor(), a.named("pos_weight").tensor(), reduction(a))),
    ),
    (
        "nn.functional.cross_entropy",
        One(|g, a| {
            let options = CrossEntropy {
                reduction: reduction(a),
                ignore_index: a.named("ignore_index").integer_or(-100),
                label_smoothing: a.named("label_smoothing").number_or(0.0),
            };
            g.cross_entropy_weighted(a.t(0), a.t(1), a.named("weight").tensor(), options)
        }),
    ),
    (
        "nn.functional.nll_loss",
        One(|g, a| {
            let options = Nll { reduction: reduction(a), ignore_index: a.named("ignore_index").integer_or(-100) };
            g.nll_loss(a.t(0), a.t(1), a.named("weight").tensor(), options)
        }),
    ),
    ("nn.functional.kl_div", One(|g, a| g.kl_div_loss(a.t(0), a.t(1), a.named("log_target").flag(), reduction(a)))),
    (
        "nn.functional.poisson_nll_loss",
        One(|g, a| {
            let (log_input, full) = (a.named("log_input").flag_or(true), a.named("full").flag());
            g.poisson_nll_loss(a.t(0), a.t(1), log_input, full, a.named("eps").number_or(1e-8), reduction(a))
        }),
    ),
    (
        "nn.functional.gaussian_nll_loss",
        One(|g, a| g.gaussian_nll_loss(a.t(0), a.t(1), a.t(2), a.named("full").flag(), a.named("eps").number_or(1e-6), reduction(a))),
    ),
    ("nn.functional.hinge_embedding_loss", One(|g, a| g.hinge_embedding_loss(a.t(0), a.t(1), margin(a, 1.0), reduction(a)))),
    ("nn.functional.margin_ranking_loss", One(|g, a| g.margin_ranking_loss(a.t(0), a.t(1), a.t(2), margin(a, 0.0), reduction(a)))),
    ("nn.functional.soft_margin_loss", One(|g, a| g.soft_margin_loss(a.t(0), a.t(1), reduction(a)))),
    (
        "nn.functional.multi_margin_loss",
        One(|g, a| {
            let power = a.named("p").size_or(1) as u32;
            g.multi_margin_loss(
                a.t(0),
                a.t(1),
                a.named("weight").tensor(),
                MultiMargin { reduction: reduction(a), power, margin: margin(a, 1.0) },
            )
        }),
    ),
    ("nn.functional.multilabel_margin_loss", One(|g, a| g.multilabel_margin_loss(a.t(0), a.t(1), reduction(a)))),
    (
        "nn.functional.multilabel_soft_margin_loss",
        One(|g, a| g.multilabel_soft_margin_loss(a.t(0), a.t(1), a.named("weight").tensor(), reduction(a))),
    ),
    ("nn.functional.cosine_embedding_loss", One(|g, a| g.cosine_embedding_loss(a.t(0), a.t(1), a.t(2), margin(a, 0.0), reduction(a)))),
    (
        "nn.functional.triplet_margin_loss",
        One(|g, a| {
            let options = TripletMargin {
                reduction: reduction(a),
                margin: margin(a, 1.0),
                p: a.named("p").number_or(2.0),
                epsilon: a.named("eps").number_or(1e-6),
                swap: a.named("swap").flag(),
            };
            g.triplet_margin_loss(a.t(0), a.t(1), a.t(2), options)
        }),
    ),
];
