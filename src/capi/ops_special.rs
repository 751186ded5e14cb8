//! Chapter: logarithms of sums and products, and functions of the gamma family.

use crate::capi::arguments::size;
use crate::capi::graph::TenonValue;
use crate::capi::record::{record, try_record};

/// x ln y; 0 where x is 0 and y is not NaN.
#[unsafe(no_mangle)]
pub extern "C" fn tenon_xlogy(x: TenonValue, y: TenonValue) -> TenonValue {
    record("xlogy", [x, y], |g, [x, y]| g.xlogy(x, y))
}

/// x ln(1 + y); 0 where x is 0 and y is not NaN.
#[unsafe(no_mangle)]
pub extern "C" fn tenon_xlog1py(x: TenonValue, y: TenonValue) -> TenonValue {
    record("xlog1py", [x, y], |g, [x, y]| g.xlog1py(x, y))
}

/// ln(e^a + e^b), without overflow.
#[unsafe(no_mangle)]
pub extern "C" fn tenon_logaddexp(a: TenonValue, b: TenonValue) -> TenonValue {
    record("logaddexp", [a, b], |g, [a, b]| g.logaddexp(a, b))
}

/// log2(2^a + 2^b), without overflow.
#[unsafe(no_mangle)]
pub extern "C" fn tenon_logaddexp2(a: TenonValue, b: TenonValue) -> TenonValue {
    record("logaddexp2", [a, b], |g, [a, b]| g.logaddexp2(a, b))
}

/// ln(x / (1 - x)), exact near 1/2. x is held between eps and 1 - eps first; a negative eps stands for none. Fails for eps
/// above 1/2.
#[unsafe(no_mangle)]
pub extern "C" fn tenon_logit(x: TenonValue, eps: f64) -> TenonValue {
    record("logit", [x], |g, [x]| g.logit(x, if eps < 0.0 { None } else { Some(eps) }))
}

/// Derivative number n of digamma, n from 0 to 170. Infinite or NaN at 0, -1, -2 ...
#[unsafe(no_mangle)]
pub extern "C" fn tenon_polygamma(n: i64, x: TenonValue) -> TenonValue {
    try_record("polygamma", [x], |g, [x]| Ok(g.polygamma(size(n, "n")?, x)))
}

/// ln of the multivariate gamma function of dimension p, 1 to 1000: p (p - 1) / 4 ln pi + the sum of lgamma(x - k / 2) over
/// k = 0 ... p - 1. It is meant for x above (p - 1) / 2.
#[unsafe(no_mangle)]
pub extern "C" fn tenon_multigammaln(x: TenonValue, p: i64) -> TenonValue {
    try_record("multigammaln", [x], |g, [x]| Ok(g.multigammaln(x, size(p, "p")?)))
}

/// Hurwitz' zeta function: the sum of (k + q)^-s over k = 0, 1, 2 ...; inf at s = 1 and for q = 0, -1, -2 ...; NaN for s
/// below 1, and for negative q with an s that is no integer. The gradient in s is refused.
#[unsafe(no_mangle)]
pub extern "C" fn tenon_zeta(s: TenonValue, q: TenonValue) -> TenonValue {
    record("zeta", [s, q], |g, [s, q]| g.zeta(s, q))
}

/// The regularized lower incomplete gamma function P(a, x), for a and x that are not negative, else NaN. Gradients pass to x
/// to any order and, other than in PyTorch, to a above 0 to first order.
#[unsafe(no_mangle)]
pub extern "C" fn tenon_igamma(a: TenonValue, x: TenonValue) -> TenonValue {
    record("igamma", [a, x], |g, [a, x]| g.igamma(a, x))
}

/// The regularized upper incomplete gamma function Q(a, x) = 1 - P(a, x), exact where it is small. Gradients as in
/// tenon_igamma.
#[unsafe(no_mangle)]
pub extern "C" fn tenon_igammac(a: TenonValue, x: TenonValue) -> TenonValue {
    record("igammac", [a, x], |g, [a, x]| g.igammac(a, x))
}

/// How the logarithm l of a number x moves with a where P(a, x) stays the same: -(dP/da) / (x dP/dx), which is what the
/// gradients of tenon_random_gamma are made of (Figurnov, Mohamed, Mnih, 2018). NaN unless a is above 0 and finite. The
/// gradient in a is refused.
#[unsafe(no_mangle)]
pub extern "C" fn tenon_log_gamma_slope(a: TenonValue, l: TenonValue) -> TenonValue {
    record("log_gamma_slope", [a, l], |g, [a, l]| g.log_gamma_slope(a, l))
}
