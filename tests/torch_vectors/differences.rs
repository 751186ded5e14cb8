//! Where Tenon and PyTorch mean different things on purpose: the lists of what is not compared, with reasons.

use crate::samples::Sample;
use tenon::DType;

/// Operations with samples that nothing here is compared with.
pub const ABSENT: &[(&str, &str)] = &[
    ("__getitem__", "Python's way of indexing; slices, positions, and masks are operations of their own"),
    ("_segment_reduce/lengths", "segments are told by their ids, not by their lengths"),
    ("argwhere", SIZE),
    ("nonzero", SIZE),
    ("unique", SIZE),
    ("unique_consecutive", SIZE),
    ("div/trunc_rounding", "it is trunc of div"),
    ("index_put", "lists of positions with gaps between them; scatter_nd has them without"),
    ("linalg.householder_product", "reflections are not taken out of qr"),
    ("special.ndtri", "it is not offered; erfinv is"),
];
const SIZE: &str = "the size of its result depends on the data; here it is given, and the rest filled";

/// What is compared of a sample.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Order {
    Forward,
    First,
    Second,
}

pub struct Difference {
    /// The name in op_db.
    pub op: &'static str,
    /// The lowest order that is not compared, nor are those above.
    pub from: Order,
    /// The samples that it holds for.
    pub when: fn(&Sample) -> bool,
    /// The only dtype that it holds for; both, if none.
    pub dtype: Option<DType>,
    pub why: &'static str,
}

impl Difference {
    pub fn applies(&self, sample: &Sample, dtype: DType) -> bool {
        sample.op == self.op && self.dtype.is_none_or(|only| only == dtype) && (self.when)(sample)
    }
}

const ANY: fn(&Sample) -> bool = |_| true;

/// An operand of a sample is a scalar.
const SCALAR: fn(&Sample) -> bool = |sample| sample.operands.iter().any(|operand| operand.shape().is_scalar());
const FRACTION: fn(&Sample) -> bool = |sample| sample.kwargs["correction"].as_f64().is_some_and(|correction| correction.fract() != 0.0);

const SHARED: &str = "where windows that overlap chose one element, each hands the whole gradient back there; here they share it";
const UNREAD: &str = "the gradient there reaches into the triangle that is not read; here it is 0 there";

const fn unlike(op: &'static str, when: fn(&Sample) -> bool, why: &'static str) -> Difference {
    Difference { op, from: Order::Forward, when, dtype: None, why }
}

pub const DIFFERENCES: &[Difference] = &[
    Difference {
        op: "nn.functional.hardsigmoid",
        from: Order::First,
        when: ANY,
        dtype: Some(DType::F64),
        why: "the slope there is 1/6 rounded to f32, in f64 too",
    },
    unlike(
        "bincount",
        |sample| sample.operands.get(1).is_some_and(|weights| !weights.dtype().is_float()),
        "sums of integers are integers here",
    ),
    unlike("gather", |sample| sample.operands[1].dtype() == DType::U8, "positions are i32 or i64 here, also where there are none"),
    Difference {
        op: "histc",
        from: Order::Forward,
        when: |sample| sample.kwargs["max"].as_f64().is_some_and(|max| max < 1e-4),
        dtype: Some(DType::F32),
        why: "numbers on the border between two bins, as f32 rounds them",
    },
    unlike("searchsorted", |sample| !sample.kwargs["sorter"].is_null(), "a sequence that another list sorts is not offered"),
    unlike("corrcoef", |sample| sample.operands[0].shape().dims()[0] == 1, "a single row gives [1, 1] here, a scalar there"),
    unlike("cov", |sample| sample.operands.len() > 1, "weights of observations are not offered"),
    unlike("cov", |sample| sample.operands[0].shape().dims()[0] == 1, "a single row gives [1, 1] here, a scalar there"),
    unlike(
        "logit",
        |sample| sample.args.get(1).and_then(|eps| eps.as_f64()).is_some_and(|eps| eps > 0.5),
        "an eps above 1/2 is refused here",
    ),
    unlike(
        "nn.functional.hardshrink",
        |sample| sample.kwargs["lambd"].as_f64().is_some_and(|lambda| lambda < 0.0),
        "a negative lambda is refused here",
    ),
    Difference { op: "cholesky_inverse", from: Order::First, when: ANY, dtype: None, why: UNREAD },
    Difference { op: "cholesky_solve", from: Order::First, when: ANY, dtype: None, why: UNREAD },
    Difference {
        op: "linalg.norm/subgradients_at_zero",
        from: Order::Second,
        when: ANY,
        dtype: None,
        why: "there, the slope of a norm at 0 is 0, but its own slope is NaN; here it is 0 too",
    },
    unlike("nn.functional.batch_norm", |sample| sample.operands[0].shape().rank() < 2, "an operand without channels is refused here"),
    unlike("nn.functional.cosine_similarity", SCALAR, "a scalar has no axes here"),
    unlike("nn.functional.normalize", SCALAR, "a scalar has no axes here"),
    unlike("nn.functional.gaussian_nll_loss", SCALAR, "operands have one shape here"),
    unlike(
        "nn.functional.multi_margin_loss",
        |sample| sample.operands[0].shape().rank() < 2,
        "a sample without its dimension is [C] with a scalar target here",
    ),
    unlike("nn.functional.multilabel_margin_loss", SCALAR, "a scalar has no axis of classes here"),
    unlike(
        "nn.functional.scaled_dot_product_attention",
        |sample| sample.kwargs["dropout_p"].as_f64() > Some(0.0),
        "which weights drop out is drawn there",
    ),
    unlike("unfold", SCALAR, "a scalar has no axes here"),
    unlike("std", FRACTION, "what is taken from the count is a whole number here"),
    unlike("std_mean", FRACTION, "what is taken from the count is a whole number here"),
    unlike("var", FRACTION, "what is taken from the count is a whole number here"),
    unlike("var_mean", FRACTION, "what is taken from the count is a whole number here"),
    Difference { op: "nn.functional.max_unpool2d", from: Order::First, when: chosen_twice::<2>, dtype: None, why: SHARED },
    Difference { op: "nn.functional.max_unpool3d", from: Order::First, when: chosen_twice::<3>, dtype: None, why: SHARED },
    unlike(
        "nn.functional.pad/circular",
        |sample| sample.args.get(1).and_then(|pads| pads.as_array()).is_some_and(|pads| pads.iter().any(|pad| pad.as_i64() < Some(0))),
        "padding is not negative here: a slice crops, and what it cropped does not come back on the other side",
    ),
];

/// Whether a place stands twice in a channel of the second operand.
fn chosen_twice<const SPATIAL: usize>(sample: &Sample) -> bool {
    let places = &sample.operands[1];
    let channel: usize = places.shape().dims()[places.shape().rank() - SPATIAL..].iter().product();
    crate::checks::json::floats(places).chunks(channel).any(|channel| {
        let mut sorted: Vec<i64> = channel.iter().map(|place| *place as i64).collect();
        sorted.sort_unstable();
        sorted.windows(2).any(|pair| pair[0] == pair[1])
    })
}
