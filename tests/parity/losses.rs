//! Losses: values, and the gradients of their sum at the prediction.

use super::{Suite, f32s, gradients, json};
use serde_json::json;
use tenon::ir::Value;
use tenon::ops::Trace;
use tenon::ops::composite::Reduction;
use tenon::ops::composite::loss::{Bce, CrossEntropy, Ctc, MultiMargin, Nll};
use tenon::{DType, Tensor};

type Loss<'a> = &'a dyn Fn(&mut Trace, &[Value]) -> Value;

/// The case's loss and its gradient at the first operand.
fn check(suite: &Suite, name: &str, operands: &[&Tensor], loss: Loss) {
    let case = suite.case("losses", name);
    let operands: Vec<Tensor> = operands.iter().copied().cloned().collect();
    // Its e^x is only good to 2e-6.
    let absolute = if name.starts_with("PoissonNLLLoss") { 1e-5 } else { 1e-6 };
    suite.compare_within(absolute, name, &operands, &[&case["loss"], &case["grad_of_sum"]], |g, x| {
        let y = loss(g, x);
        [vec![y], gradients(g, y, &x[..1])].concat()
    });
}

pub fn compare(suite: &Suite) {
    let input = |dtype, name: &str| json::nested(dtype, suite.case("losses", name));
    let (a, b, labels) = (input(DType::F32, "a"), input(DType::F32, "b"), input(DType::I32, "labels"));
    let (p, t01) = (input(DType::F32, "p=sigmoid(a)"), input(DType::F32, "t01"));
    // What the cases' targets are made of t01.
    let made = |scale: f64, offset: f64| {
        let list: Vec<f64> = json::floats(&t01).into_iter().map(|x| x * scale + offset).collect();
        json::elements(DType::F32, &[3, 4], &list.into_iter().map(|x| json!(x)).collect::<Vec<_>>())
    };
    let (signs, counts) = (made(2.0, -1.0), made(3.0, 0.0));
    let similar = json::nested(DType::I32, &json!([1, -1, 1]));
    let plain = CrossEntropy::default();
    let all = [("mean", Reduction::Mean), ("sum", Reduction::Sum), ("none", Reduction::None)];
    for (name, reduction) in all {
        let check = |loss: &str, operands: &[&Tensor], record: Loss| check(suite, &format!("{loss}.{name}"), operands, record);
        check("MSELoss", &[&a, &b], &|g, x| g.mse_loss(x[0], x[1], reduction));
        check("L1Loss", &[&a, &b], &|g, x| g.l1_loss(x[0], x[1], reduction));
        check("SmoothL1Loss.beta0.5", &[&a, &b], &|g, x| g.smooth_l1_loss(x[0], x[1], 0.5, reduction));
        check("HuberLoss.delta0.5", &[&a, &b], &|g, x| g.huber_loss(x[0], x[1], 0.5, reduction));
        check("BCELoss", &[&p, &t01], &|g, x| g.bce_loss(x[0], x[1], None, Bce { reduction, ..Bce::default() }));
        check("BCEWithLogitsLoss", &[&a, &t01], &|g, x| g.bce_with_logits_loss(x[0], x[1], None, None, reduction));
        let options = CrossEntropy { reduction, ..plain };
        check("CrossEntropyLoss", &[&a, &labels], &|g, x| g.cross_entropy(x[0], x[1], options));
        check("SoftmaxCrossEntropyWithLogits.sparse", &[&a, &labels], &|g, x| g.cross_entropy(x[0], x[1], options));
        check("NLLLoss", &[&a, &labels], &|g, x| g.nll_loss(x[0], x[1], None, Nll { reduction, ..Nll::default() }));
        check("KLDivLoss.batchmean_family", &[&a, &p], &|g, x| g.kl_div_loss(x[0], x[1], false, reduction));
        check("CosineEmbeddingLoss", &[&a, &b, &similar], &|g, x| g.cosine_embedding_loss(x[0], x[1], x[2], 0.1, reduction));
        check("HingeEmbeddingLoss", &[&a, &signs], &|g, x| g.hinge_embedding_loss(x[0], x[1], 1.0, reduction));
        check("MarginRankingLoss", &[&a, &b, &signs], &|g, x| g.margin_ranking_loss(x[0], x[1], x[2], 0.3, reduction));
        check("PoissonNLLLoss", &[&a, &counts], &|g, x| g.poisson_nll_loss(x[0], x[1], true, false, 1e-8, reduction));
        check("GaussianNLLLoss", &[&a, &b, &p], &|g, x| g.gaussian_nll_loss(x[0], x[1], x[2], false, 1e-6, reduction));
        check("MultiLabelSoftMarginLoss", &[&a, &t01], &|g, x| g.multilabel_soft_margin_loss(x[0], x[1], None, reduction));
    }
    let check = |name: &str, operands: &[&Tensor], record: Loss| check(suite, name, operands, record);
    check("KLDivLoss.batchmean", &[&a, &p], &|g, x| g.kl_div_loss(x[0], x[1], false, Reduction::BatchMean));
    check("RMSELoss", &[&a, &b], &|g, x| g.rmse_loss(x[0], x[1]));
    check("MAELoss", &[&a, &b], &|g, x| g.l1_loss(x[0], x[1], Reduction::Mean));
    check("DiceLoss", &[&p, &t01], &|g, x| g.dice_loss(x[0], x[1], 1e-5));
    check("FocalLoss.2d_indices", &[&a, &labels], &|g, x| g.focal_loss(x[0], x[1], None, 2.0, Reduction::Mean));
    check("MultiMarginLoss", &[&a, &labels], &|g, x| g.multi_margin_loss(x[0], x[1], None, MultiMargin::default()));

    let weight = f32s(suite.case("losses", "BCEWithLogitsLoss.pos_weight")["pos_weight"].clone());
    let positive: Loss = &|g, x| g.bce_with_logits_loss(x[0], x[1], None, Some(x[2]), Reduction::Mean);
    check("BCEWithLogitsLoss.pos_weight", &[&a, &t01, &weight], positive);
    let smoothed = CrossEntropy { label_smoothing: 0.1, ..plain };
    let weighted = |options| move |g: &mut Trace, x: &[Value]| g.cross_entropy_weighted(x[0], x[1], Some(x[2]), options);
    check("CrossEntropyLoss.weighted_mean", &[&a, &labels, &weight], &weighted(plain));
    check("CrossEntropyLoss.weighted_label_smoothing0.1", &[&a, &labels, &weight], &weighted(smoothed));
    check("CrossEntropyLoss.label_smoothing0.1", &[&a, &labels], &|g, x| g.cross_entropy(x[0], x[1], smoothed));
    let ignoring = CrossEntropy { ignore_index: 3, ..plain };
    let threes = json::nested(DType::I32, &json!([3, 3, 3]));
    check("CrossEntropyLoss.ignore_index3", &[&a, &labels], &|g, x| g.cross_entropy(x[0], x[1], ignoring));
    check("CrossEntropyLoss.all_ignored", &[&a, &threes], &|g, x| g.cross_entropy(x[0], x[1], ignoring));
    let probabilities = f32s(suite.case("losses", "CrossEntropyLoss.probabilities")["target"].clone());
    check("CrossEntropyLoss.probabilities", &[&a, &probabilities], &|g, x| g.cross_entropy(x[0], x[1], plain));
    let dense: Loss = &|g, x| g.softmax_cross_entropy_with_logits(x[0], x[1]);
    check("SoftmaxCrossEntropyWithLogits.dense_none", &[&a, &probabilities], dense);

    let ctc = suite.case("losses", "CTCLoss");
    let integers = |name: &str| json::nested(DType::I32, &ctc[name]);
    let operands = [f32s(ctc["log_probs"].clone()), integers("targets"), integers("input_lengths"), integers("target_lengths")];
    suite.compare("CTCLoss", &operands, &[&ctc["loss"]], |g, x| vec![g.ctc_loss(x[0], x[1], x[2], x[3], Ctc::default())]);

    // MindSpore's logarithms are at least ln 1e-12, which is an option here.
    let edges = suite.case("losses", "BCELoss.at_0_and_1");
    let floor = Bce { reduction: Reduction::None, log_floor: 1e-12f64.ln() };
    suite.compare("BCELoss at its ends", &[f32s(edges["p"].clone()), f32s(edges["t"].clone())], &[&edges["loss"]], |g, x| {
        vec![g.bce_loss(x[0], x[1], None, floor)]
    });
}
