//! How near a number must be to PyTorch's: each element on its own, relative to itself. Where rounding forbids that, [`ALLOWANCES`] says
//! why, and how far off an element may be.

use crate::checks::json;
use crate::differences::Order::{self, First, Forward, Second};
use tenon::{DType, Tensor};

/// How far an element may be off, relative to itself.
fn tolerance(dtype: DType) -> f64 {
    if dtype == DType::F64 { 1e-10 } else { 1e-5 }
}

/// The smallest normal number: what is below may be flushed to zero, and has no relative accuracy. Nothing else is allowed near zero.
fn floor(dtype: DType) -> f64 {
    if dtype == DType::F64 { f64::MIN_POSITIVE } else { f32::MIN_POSITIVE.into() }
}

/// The distance of 1 to the next number.
fn rounding(dtype: DType) -> f64 {
    if dtype == DType::F64 { f64::EPSILON } else { f32::EPSILON.into() }
}

/// How far an element may be off besides.
pub enum Slack {
    /// So many roundings of the largest element of its array: what a sum leaves of terms that cancel is as inexact as they are.
    Largest(f64),
    /// The same, of 1 where that is larger: the whole array may be what terms about 1 leave.
    Unit(f64),
    /// This share of itself: PyTorch's is less accurate.
    Own(f64),
}

use Slack::{Largest, Own, Unit};

pub struct Allowance {
    /// Names in op_db.
    pub ops: &'static [&'static str],
    pub orders: &'static [Order],
    /// The only dtype that it holds for; both, if none.
    pub dtype: Option<DType>,
    pub slack: Slack,
    /// Which of its cases need it depends on the order of a sum, and so on the machine: one does at least. In other rows each case does.
    pub is_family: bool,
    pub why: &'static str,
}

impl Allowance {
    pub fn applies(&self, op: &str, order: Order, dtype: DType) -> bool {
        self.orders.contains(&order) && self.dtype.is_none_or(|only| only == dtype) && self.ops.contains(&op)
    }
    /// What it holds for, of what is compared: operations at an order in a dtype.
    pub fn cases(&self) -> impl Iterator<Item = (&'static str, Order, DType)> {
        let compared = [(Forward, DType::F64), (Forward, DType::F32), (First, DType::F64), (First, DType::F32), (Second, DType::F64)];
        let (ops, orders, dtype) = (self.ops, self.orders, self.dtype);
        let held = move |(order, each): &(Order, DType)| orders.contains(order) && dtype.is_none_or(|only| only == *each);
        compared.into_iter().filter(held).flat_map(|(order, each)| ops.iter().map(move |op| (*op, order, each)))
    }
}

const F32: Option<DType> = Some(DType::F32);
const F64: Option<DType> = Some(DType::F64);

const TRIGAMMA: &str = "PyTorch's trigamma is off by up to 5e-10, as mpmath says; here it is not";
const ONE: &str = "what is normalized along one element is constant: its slope is what equal terms leave";
const ELIMINATION: &str = "elimination and rotation are exact to roundings of the matrix";
const SATURATED: &str = "p (dy - sum of p dy), where one p is nearly 1";

#[rustfmt::skip]
pub const ALLOWANCES: &[Allowance] = &[
    // Families, whole: which of them happens to cancel depends on the order of a sum, and so on the machine.
    Allowance { ops: &["__rmatmul__", "addbmm", "addmm", "addmv", "baddbmm", "bmm", "dot", "einsum", "inner", "linalg.multi_dot", "matmul",
        "mm", "mv", "tensordot", "vdot", "nn.functional.linear", "nn.functional.bilinear", "nn.functional.conv1d", "nn.functional.conv2d",
        "nn.functional.conv3d", "nn.functional.conv_transpose1d", "nn.functional.conv_transpose2d", "nn.functional.conv_transpose3d"],
        orders: &[Forward, First], dtype: F32, slack: Largest(1.0), is_family: true, why: "sums of products of both signs" },
    Allowance { ops: &["nn.functional.avg_pool1d", "nn.functional.avg_pool2d", "nn.functional.avg_pool3d", "nn.functional.interpolate/bicubic",
        "nn.functional.interpolate/bilinear", "nn.functional.interpolate/linear", "nn.functional.interpolate/trilinear",
        "nn.functional.upsample_bilinear"],
        orders: &[Forward, First], dtype: None, slack: Largest(1.0), is_family: true, why: "weighted sums of elements of both signs" },
    Allowance { ops: &["atan2", "xlogy"], orders: &[First], dtype: F32, slack: Largest(1.0),
        is_family: false, why: "an operand that is repeated gets the sum of all gradients, which have both signs" },
    Allowance { ops: &["var_mean"], orders: &[First], dtype: F32, slack: Largest(1.0), is_family: false, why: "distances from a mean" },
    Allowance { ops: &["nn.functional.grid_sample"], orders: &[Forward, First], dtype: F32, slack: Largest(8.0),
        is_family: false, why: "places between pixels are rounded, relative to the size of the image" },
    Allowance { ops: &["linalg.eigvalsh", "linalg.lstsq", "linalg.lstsq/grad_oriented", "linalg.lu", "linalg.qr", "linalg.tensorinv"],
        orders: &[First], dtype: F32, slack: Largest(4.0), is_family: false, why: ELIMINATION },
    Allowance { ops: &["linalg.tensorinv"], orders: &[Forward], dtype: F32, slack: Largest(4.0), is_family: false, why: ELIMINATION },
    Allowance { ops: &["linalg.lu", "linalg.lu_factor"], orders: &[Second], dtype: F64, slack: Unit(2.0),
        is_family: false, why: "some second derivatives are 0, as what equal terms leave" },

    Allowance { ops: &["softmax", "softmax/with_dtype", "nn.functional.softmin", "nn.functional.cross_entropy"], orders: &[First], dtype: F32,
        slack: Largest(8.0), is_family: false, why: SATURATED },
    Allowance { ops: &["log_softmax", "log_softmax/with_dtype"], orders: &[Forward], dtype: F32, slack: Largest(1.0),
        is_family: false, why: "near 0, the logarithm of a sum near 1" },
    Allowance { ops: &["logsumexp"], orders: &[Second], dtype: F64, slack: Unit(64.0), is_family: false, why: SATURATED },
    Allowance { ops: &["logcumsumexp"], orders: &[Second], dtype: F64, slack: Unit(32768.0),
        is_family: false, why: "of numbers about 1e4 PyTorch takes exponents of differences; the truth is 0, and so it is here" },
    // Queries times keys are in the hundreds in these samples; the largest of the gradients are not.
    Allowance { ops: &["nn.functional.scaled_dot_product_attention"], orders: &[First], dtype: None, slack: Unit(128.0), is_family: false, why: SATURATED },
    Allowance { ops: &["nn.functional.scaled_dot_product_attention"], orders: &[Second], dtype: F64, slack: Unit(8192.0), is_family: false, why: SATURATED },
    Allowance { ops: &["tanh"], orders: &[First], dtype: F32, slack: Unit(2.0), is_family: false, why: "the slope is 1 - y^2, as in PyTorch, also where y is nearly 1" },

    Allowance { ops: &["nn.functional.batch_norm", "nn.functional.group_norm", "nn.functional.layer_norm", "nn.functional.rms_norm"],
        orders: &[First], dtype: F32, slack: Unit(2.0), is_family: false, why: ONE },
    // The reciprocal of the standard deviation is about 300.
    Allowance { ops: &["nn.functional.layer_norm", "nn.functional.rms_norm"], orders: &[First], dtype: F64, slack: Unit(64.0),
        is_family: false, why: ONE },
    Allowance { ops: &["nn.functional.rms_norm"], orders: &[Second], dtype: F64, slack: Unit(64.0), is_family: false, why: ONE },
    Allowance { ops: &["nn.functional.cosine_similarity"], orders: &[First, Second], dtype: None, slack: Unit(1.0), is_family: false, why: ONE },
    Allowance { ops: &["corrcoef"], orders: &[First], dtype: None, slack: Unit(4.0), is_family: false, why: "two observations correlate by 1 or -1, whatever they are" },
    Allowance { ops: &["corrcoef"], orders: &[Second], dtype: F64, slack: Unit(32.0), is_family: false, why: "the same" },
    // The terms are powers of 1 / x.
    Allowance { ops: &["nn.functional.normalize"], orders: &[First], dtype: F32, slack: Unit(8.0), is_family: false, why: ONE },
    Allowance { ops: &["nn.functional.normalize"], orders: &[First], dtype: F64, slack: Unit(128.0), is_family: false, why: ONE },
    Allowance { ops: &["nn.functional.normalize"], orders: &[Second], dtype: F64, slack: Unit(8192.0), is_family: false, why: ONE },
    Allowance { ops: &["copysign", "index_reduce/prod", "linalg.vector_norm", "nn.functional.pdist", "scatter_reduce/prod"], orders: &[Second],
        dtype: F64, slack: Unit(64.0), is_family: false, why: "the second derivative is 0, as what equal terms leave" },

    Allowance { ops: &["special.ndtr"], orders: &[Forward], dtype: None, slack: Unit(1.0),
        is_family: false, why: "PyTorch's is (1 + erf) / 2, which leaves roundings of 1 where it is nearly 0; here it is exact there" },
    Allowance { ops: &["polygamma/polygamma_n_0", "polygamma/polygamma_n_1", "polygamma/polygamma_n_2"], orders: &[Forward], dtype: F64,
        slack: Own(1e-9), is_family: false, why: TRIGAMMA },
    Allowance { ops: &["digamma"], orders: &[First], dtype: F64, slack: Own(1e-9), is_family: false, why: TRIGAMMA },
    Allowance { ops: &["lgamma", "mvlgamma/mvlgamma_p_1", "mvlgamma/mvlgamma_p_3"], orders: &[Second], dtype: F64, slack: Own(1e-9), is_family: false, why: TRIGAMMA },
];

/// How an array agrees with PyTorch's.
pub struct Verdict {
    /// Where it differs, in words.
    pub difference: Option<String>,
    /// Whether it would differ without the row of [`ALLOWANCES`] for it, and does not.
    pub is_allowed: bool,
}

/// Compares an array of this order. NaN agrees with NaN, and an infinity with itself: what f32 cannot hold is infinite in it.
pub fn compare(op: &str, order: Order, found: &Tensor, expected: &Tensor) -> Verdict {
    let dtype = expected.dtype();
    if !dtype.is_float() {
        return Verdict { difference: json::difference(found, expected, 0.0, 0.0), is_allowed: false };
    }
    let strict = json::difference(found, expected, tolerance(dtype), floor(dtype));
    let listed = ALLOWANCES.iter().find(|row| row.applies(op, order, dtype));
    let (Some(_), Some(row)) = (&strict, listed) else { return Verdict { difference: strict, is_allowed: false } };
    let largest = json::floats(expected).iter().map(|x| x.abs()).filter(|x| x.is_finite()).fold(0.0, f64::max);
    let (relative, absolute) = match row.slack {
        Largest(count) => (tolerance(dtype), count * rounding(dtype) * largest),
        Unit(count) => (tolerance(dtype), count * rounding(dtype) * largest.max(1.0)),
        Own(share) => (share, floor(dtype)),
    };
    let difference = json::difference(found, expected, relative, absolute);
    Verdict { is_allowed: difference.is_none(), difference }
}

/// A small element counts as much as a large one, and what overflows is not excused.
#[test]
fn elements_are_compared_on_their_own() {
    let differs = |dtype, found: [f64; 2], expected: [f64; 2]| {
        let [found, expected] = [found, expected].map(|all| crate::samples::floats(dtype, &all, &[2]));
        compare("exp", Forward, &found, &expected).difference.is_some()
    };
    for (dtype, share) in [(DType::F32, 1e-5), (DType::F64, 1e-10)] {
        let (within, beyond) = (1.0 + 0.8 * share, 1.0 + 1.2 * share);
        for small in [0.25, 1e-3, 1e-12, 1e-30] {
            assert!(!differs(dtype, [1e6, small * within], [1e6, small]), "{dtype}: {small}");
            assert!(differs(dtype, [1e6, small * beyond], [1e6, small]), "{dtype}: {small}");
            assert!(differs(dtype, [1e6, 0.0], [1e6, small]) && differs(dtype, [1e6, small], [1e6, 0.0]), "{dtype}: {small}");
        }
        assert!(differs(dtype, [1.0, 3e38], [1.0, 2e38]) && differs(dtype, [1.0, f64::INFINITY], [1.0, 3e38]));
        assert!(differs(dtype, [1.0, f64::NAN], [1.0, 0.0]) && differs(dtype, [1.0, 0.0], [1.0, f64::NAN]));
    }
    assert!(differs(DType::F32, [1.0, 3e38], [1.0, 1e39]), "1e39 is infinite in f32");
}
