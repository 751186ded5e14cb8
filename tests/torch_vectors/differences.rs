//! Where Tenon and PyTorch mean different things on purpose: the one list of what is not compared, with reasons.

use crate::samples::Sample;
use tenon::DType;

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

pub const DIFFERENCES: &[Difference] = &[
    Difference {
        op: "nn.functional.hardsigmoid",
        from: Order::First,
        when: ANY,
        dtype: Some(DType::F64),
        why: "the slope there is 1/6 rounded to f32, in f64 too",
    },
    Difference {
        op: "nn.functional.scaled_dot_product_attention",
        from: Order::Forward,
        when: |sample| sample.kwargs["dropout_p"] != 0.0,
        dtype: None,
        why: "dropout draws other numbers",
    },
];
