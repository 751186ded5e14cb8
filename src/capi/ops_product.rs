//! Chapter: products of vectors and matrices.

use crate::capi::arguments::{slice, text};
use crate::capi::graph::TenonValue;
use crate::capi::record::{self, record, record_list, record_optional, try_record};
use std::ffi::c_char;

/// The matrix products of two batches: a [b, n, k], b [b, k, m] -> [b, n, m]. tenon_matmul for these ranks alone,
/// without broadcasting.
#[unsafe(no_mangle)]
pub extern "C" fn tenon_bmm(a: TenonValue, b: TenonValue) -> TenonValue {
    record("bmm", [a, b], |g, [a, b]| g.bmm(a, b))
}

/// A matrix times a vector: a [n, k], x [k] -> [n].
#[unsafe(no_mangle)]
pub extern "C" fn tenon_mv(a: TenonValue, x: TenonValue) -> TenonValue {
    record("mv", [a, x], |g, [a, x]| g.mv(a, x))
}

/// The sum of the products of the elements of two vectors of one length.
#[unsafe(no_mangle)]
pub extern "C" fn tenon_dot(a: TenonValue, b: TenonValue) -> TenonValue {
    record("dot", [a, b], |g, [a, b]| g.dot(a, b))
}

/// The sum of the products of all elements of two tensors of one shape.
#[unsafe(no_mangle)]
pub extern "C" fn tenon_vdot(a: TenonValue, b: TenonValue) -> TenonValue {
    record("vdot", [a, b], |g, [a, b]| g.vdot(a, b))
}

/// The sums of the products of elements along an axis of the shape that both broadcast to, which the result lacks.
#[unsafe(no_mangle)]
pub extern "C" fn tenon_vecdot(a: TenonValue, b: TenonValue, axis: i64) -> TenonValue {
    try_record("vecdot", [a, b], |g, [a, b]| {
        let rank = g.rank(a).max(g.rank(b));
        Ok(g.vecdot(a, b, record::axis(axis, rank)?))
    })
}

/// The sums of the products of elements along the last axes: a [a..., k], b [b..., k] -> [a..., b...]. A scalar is a
/// factor.
#[unsafe(no_mangle)]
pub extern "C" fn tenon_inner(a: TenonValue, b: TenonValue) -> TenonValue {
    record("inner", [a, b], |g, [a, b]| g.inner(a, b))
}

/// The products of each element of a vector and each of another: a [n], b [m] -> [n, m].
#[unsafe(no_mangle)]
pub extern "C" fn tenon_outer(a: TenonValue, b: TenonValue) -> TenonValue {
    record("outer", [a, b], |g, [a, b]| g.outer(a, b))
}

/// beta x + alpha a b with matrices a [n, k] and b [k, m]; x broadcasts to [n, m]. With beta 0 nothing of x takes part,
/// not even NaN. Of integers both factors are whole numbers.
#[unsafe(no_mangle)]
pub extern "C" fn tenon_addmm(x: TenonValue, a: TenonValue, b: TenonValue, beta: f64, alpha: f64) -> TenonValue {
    record("addmm", [x, a, b], |g, [x, a, b]| g.addmm(x, a, b, beta, alpha))
}

/// tenon_addmm with a vector b [k]; x broadcasts to [n].
#[unsafe(no_mangle)]
pub extern "C" fn tenon_addmv(x: TenonValue, a: TenonValue, b: TenonValue, beta: f64, alpha: f64) -> TenonValue {
    record("addmv", [x, a, b], |g, [x, a, b]| g.addmv(x, a, b, beta, alpha))
}

/// beta x + alpha times the product of each element of a [n] and each of b [m], otherwise like tenon_addmm.
#[unsafe(no_mangle)]
pub extern "C" fn tenon_addr(x: TenonValue, a: TenonValue, b: TenonValue, beta: f64, alpha: f64) -> TenonValue {
    record("addr", [x, a, b], |g, [x, a, b]| g.addr(x, a, b, beta, alpha))
}

/// beta x + alpha times the sum over a batch of the products of a [b, n, k] and b [b, k, m], otherwise like tenon_addmm:
/// x broadcasts to [n, m].
#[unsafe(no_mangle)]
pub extern "C" fn tenon_addbmm(x: TenonValue, a: TenonValue, b: TenonValue, beta: f64, alpha: f64) -> TenonValue {
    record("addbmm", [x, a, b], |g, [x, a, b]| g.addbmm(x, a, b, beta, alpha))
}

/// beta x + alpha times the products of a [b, n, k] and b [b, k, m], otherwise like tenon_addmm: x broadcasts to
/// [b, n, m].
#[unsafe(no_mangle)]
pub extern "C" fn tenon_baddbmm(x: TenonValue, a: TenonValue, b: TenonValue, beta: f64, alpha: f64) -> TenonValue {
    record("baddbmm", [x, a, b], |g, [x, a, b]| g.baddbmm(x, a, b, beta, alpha))
}

/// The products of a and b, summed over the pairs of axes axes_a[i] and axes_b[i]; the result has the other axes of a and
/// then those of b. Sizes of a pair are equal, or one of them is 1 and repeated. Without axes (NULL, 0): the products of
/// each element of a and each of b.
#[unsafe(no_mangle)]
pub extern "C" fn tenon_tensordot(a: TenonValue, b: TenonValue, axes_a: *const i64, axes_b: *const i64, count: usize) -> TenonValue {
    try_record("tensordot", [a, b], |g, [a, b]| {
        let first = record::axes(slice(axes_a, count, "axes_a")?, g.rank(a))?;
        let second = record::axes(slice(axes_b, count, "axes_b")?, g.rank(b))?;
        Ok(g.tensordot(a, b, &first, &second))
    })
}

/// Kronecker's product: each element of a times the whole of b, where that element stands. Shapes are aligned at the last
/// dimension; sizes multiply.
#[unsafe(no_mangle)]
pub extern "C" fn tenon_kron(a: TenonValue, b: TenonValue) -> TenonValue {
    record("kron", [a, b], |g, [a, b]| g.kron(a, b))
}

/// The cross product along an axis, which has three elements, of the shape that a and b broadcast to.
#[unsafe(no_mangle)]
pub extern "C" fn tenon_cross(a: TenonValue, b: TenonValue, axis: i64) -> TenonValue {
    try_record("cross", [a, b], |g, [a, b]| {
        let rank = g.rank(a).max(g.rank(b));
        Ok(g.cross(a, b, record::axis(axis, rank)?))
    })
}

/// The sum of the diagonal that lies offset above the main one (negative: below it) of the matrices whose rows are along
/// axis first and whose columns are along axis second. The sum of no elements is 0; bool counts as i64.
#[unsafe(no_mangle)]
pub extern "C" fn tenon_trace(x: TenonValue, offset: i64, first: i64, second: i64) -> TenonValue {
    try_record("trace", [x], |g, [x]| {
        let rank = g.rank(x);
        Ok(g.trace(x, offset, record::axis(first, rank)?, record::axis(second, rank)?))
    })
}

/// The product of two to 512 matrices, in the order that takes the fewest multiplications. The first may be a vector,
/// which is a row, and so may the last, which is a column; the result lacks that axis.
#[unsafe(no_mangle)]
pub extern "C" fn tenon_multi_dot(parts: *const TenonValue, count: usize) -> TenonValue {
    record_list("multi_dot", parts, count, |g, parts| Ok(g.multi_dot(parts)))
}

/// For each matrix of weight [o, n, m] the number a^T W b, for all vectors a [..., n] and b [..., m]; plus the offset [o],
/// for which all zero bytes, (TenonValue){0}, stand for none: [..., o].
#[unsafe(no_mangle)]
pub extern "C" fn tenon_bilinear(a: TenonValue, b: TenonValue, weight: TenonValue, offset: TenonValue) -> TenonValue {
    record_optional("bilinear", [a, b, weight], offset, |g, [a, b, weight], offset| Ok(g.bilinear(a, b, weight, offset)))
}

/// The products of the values, summed over every axis whose letter is not in the result (Einstein's convention).
///
/// The equation has the letters (A to Z, a to z) of the axes of each value, with commas between values, and behind `->`
/// those of the result: "ij,jk->ik" is the matrix product, "bij,bij->b" a sum for each b, "ii->i" a diagonal. Spaces mean
/// nothing. A letter that stands twice in a value is its diagonal. Axes with one letter have one size, or size 1, and
/// then they are repeated. "..." stands for any number of further dimensions of a value, aligned at the last of them;
/// where the result does not name it they are summed over too. Without `->` the result has the dimensions of "..." and
/// then the letters that stand once, in the order of the alphabet, capitals first.
///
/// 1 to 128 values of floats or integers, whose dtypes promote. Two at a time are contracted, in the order with the fewest
/// multiplications for up to eight of them, and in a good one for more; each contraction is a matrix product, or a sum of
/// products where no element is used twice.
///
/// Fails with TENON_INVALID_ARGUMENT for an equation that cannot be read or names another number of values than are given,
/// for a result that names an axis twice or one that no value has, and for a wrong number of values; with
/// TENON_SHAPE_MISMATCH for a value that has other dimensions than are named, and for one letter with two sizes; with
/// TENON_DTYPE_MISMATCH for bool alone.
#[unsafe(no_mangle)]
pub extern "C" fn tenon_einsum(equation: *const c_char, parts: *const TenonValue, count: usize) -> TenonValue {
    record_list("einsum", parts, count, |g, parts| Ok(g.einsum(text(equation, "equation")?, parts)))
}
