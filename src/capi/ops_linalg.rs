//! Chapter: linear algebra.

use crate::capi::arguments::{CBool, size, slice};
use crate::capi::graph::TenonValue;
use crate::capi::record::{self, record, try_record, try_record_more};
use crate::error::{Error, Result};
use crate::ops::TriangularSolve;
use crate::ops::composite::MatrixNorm;

/// A norm of a matrix, or what takes its place among the smallest: one of the numbers below.
pub type TenonMatrixNorm = i32;

/// The root of the sum of squares.
pub const TENON_MATRIX_NORM_FROBENIUS: TenonMatrixNorm = 1;
/// The sum of the singular values.
pub const TENON_MATRIX_NORM_NUCLEAR: TenonMatrixNorm = 2;
/// The largest sum of sizes of a row.
pub const TENON_MATRIX_NORM_INFINITY: TenonMatrixNorm = 3;
/// The smallest one.
pub const TENON_MATRIX_NORM_MINUS_INFINITY: TenonMatrixNorm = 4;
/// The largest sum of sizes of a column.
pub const TENON_MATRIX_NORM_ONE: TenonMatrixNorm = 5;
/// The smallest one.
pub const TENON_MATRIX_NORM_MINUS_ONE: TenonMatrixNorm = 6;
/// The largest singular value.
pub const TENON_MATRIX_NORM_TWO: TenonMatrixNorm = 7;
/// The smallest one.
pub const TENON_MATRIX_NORM_MINUS_TWO: TenonMatrixNorm = 8;

fn norm_of(norm: TenonMatrixNorm) -> Result<MatrixNorm> {
    let known = usize::try_from(norm).ok().and_then(|number| MatrixNorm::ALL.get(number.checked_sub(1)?));
    known.copied().ok_or_else(|| Error::invalid(format!("{norm} is not a matrix norm: 1 to 8")))
}

/// The tolerance relative to the largest singular value; the default for a negative one.
fn relative(rtol: f64) -> Option<f64> {
    if rtol < 0.0 { None } else { Some(rtol) }
}

/// The lower triangular L with a = L L^T, or with upper the upper triangular L^T, of symmetric positive definite matrices a
/// [..., n, n], of which the lower triangle is read, with upper the upper one. A matrix that is not positive definite, or
/// not finite, gives NaN all over, and the others of a batch what they give alone. The gradient is symmetric.
#[unsafe(no_mangle)]
pub extern "C" fn tenon_cholesky(a: TenonValue, upper: CBool) -> TenonValue {
    record("cholesky", [a], |g, [a]| g.cholesky(a, upper.get()))
}

/// P a = L U, with row exchanges, of matrices a [..., m, n]: L, whose diagonal of ones is not stored, below the diagonal of
/// one matrix [..., m, n] and U on and above it. The first largest element of each column is the pivot; a singular matrix
/// has zeros on the diagonal of U; one that is not finite gives NaN. Unless they are NULL, `permutation` receives the row
/// of a that each row of L U is (i64 [..., m]), `sign` the permutation's sign [...], 1 or -1. The gradient needs the first
/// min(m, n) columns to be independent.
#[unsafe(no_mangle)]
pub extern "C" fn tenon_lu_factor(a: TenonValue, permutation: *mut TenonValue, sign: *mut TenonValue) -> TenonValue {
    try_record_more("lu_factor", [a], [(permutation, "permutation"), (sign, "sign")], |g, [a]| {
        let [lu, permutation, sign] = g.lu_factor(a);
        Ok((lu, [permutation, sign]))
    })
}

/// a = P L U for a [..., m, n] and k = min(m, n), as matrices: the lower triangular L with ones on its diagonal [..., m, k].
/// Unless they are NULL, `permutation` receives P [..., m, m] and `upper` the upper triangular U [..., k, n]. See
/// tenon_lu_factor.
#[unsafe(no_mangle)]
pub extern "C" fn tenon_lu(a: TenonValue, permutation: *mut TenonValue, upper: *mut TenonValue) -> TenonValue {
    try_record_more("lu", [a], [(permutation, "permutation"), (upper, "upper")], |g, [a]| {
        let [permutation, lower, upper] = g.lu(a);
        Ok((lower, [permutation, upper]))
    })
}

/// x with a x = b for triangular matrices a [..., n, n] and b [..., n, k]; without left x a = b for b [..., k, n]. Only the
/// upper or the lower triangle of a is read; with transpose, its transpose stands for it; with unit, its diagonal is taken
/// for ones. Leading dimensions broadcast, dtypes promote. A zero on the diagonal gives infinity or NaN.
#[unsafe(no_mangle)]
pub extern "C" fn tenon_triangular_solve(
    a: TenonValue,
    b: TenonValue,
    left: CBool,
    upper: CBool,
    transpose: CBool,
    unit: CBool,
) -> TenonValue {
    let how = TriangularSolve { left: left.get(), upper: upper.get(), transpose: transpose.get(), unit: unit.get() };
    record("triangular_solve", [a, b], |g, [a, b]| g.triangular_solve(a, b, how))
}

/// x with a x = b for square matrices a [..., n, n] and b [..., n, k]; without left x a = b for b [..., k, n]. b is a batch
/// of vectors [..., n] if it is one vector, or has the shape of a without its last dimension. Leading dimensions
/// broadcast, dtypes promote. A singular matrix gives infinity or NaN, and so does its gradient.
#[unsafe(no_mangle)]
pub extern "C" fn tenon_solve(a: TenonValue, b: TenonValue, left: CBool) -> TenonValue {
    record("solve", [a, b], |g, [a, b]| g.solve(a, b, left.get()))
}

/// The inverse of square matrices a [..., n, n]. A singular matrix gives infinity or NaN. To solve a system, tenon_solve is
/// quicker and more accurate.
#[unsafe(no_mangle)]
pub extern "C" fn tenon_inverse(a: TenonValue) -> TenonValue {
    record("inverse", [a], |g, [a]| g.inverse(a))
}

/// x with a x = b, or with transpose a^T x = b, of what tenon_lu_factor made of a: lu [..., n, n] and permutation [..., n]
/// (i64 or i32), for b [..., n, k]. Leading dimensions of lu and b broadcast. The gradient is that with respect to lu and
/// b; where a itself is at hand, that of tenon_solve costs less. A position out of range fails the run.
#[unsafe(no_mangle)]
pub extern "C" fn tenon_lu_solve(lu: TenonValue, permutation: TenonValue, b: TenonValue, transpose: CBool) -> TenonValue {
    record("lu_solve", [lu, permutation, b], |g, [lu, permutation, b]| g.lu_solve(lu, permutation, b, transpose.get()))
}

/// x with a x = b for b [..., n, k] and the Cholesky factor l [..., n, n] of a: lower triangular with a = l l^T, or with
/// upper upper triangular with a = l^T l. Leading dimensions broadcast.
#[unsafe(no_mangle)]
pub extern "C" fn tenon_cholesky_solve(b: TenonValue, l: TenonValue, upper: CBool) -> TenonValue {
    record("cholesky_solve", [b, l], |g, [b, l]| g.cholesky_solve(b, l, upper.get()))
}

/// The inverse of a by its Cholesky factor, as tenon_cholesky_solve takes it.
#[unsafe(no_mangle)]
pub extern "C" fn tenon_cholesky_inverse(l: TenonValue, upper: CBool) -> TenonValue {
    record("cholesky_inverse", [l], |g, [l]| g.cholesky_inverse(l, upper.get()))
}

/// x with b = the sum of a times x over the last axes of a, after those named in axes have moved behind the others. a has as
/// many axes for b as b has, and the others for x; both have as many elements as b. Negative axes count from the last. A
/// singular a gives infinity or NaN.
#[unsafe(no_mangle)]
pub extern "C" fn tenon_tensorsolve(a: TenonValue, b: TenonValue, axes: *const i64, axis_count: usize) -> TenonValue {
    try_record("tensorsolve", [a, b], |g, [a, b]| {
        let axes = record::axes(slice(axes, axis_count, "axes")?, g.rank(a))?;
        Ok(g.tensorsolve(a, b, &axes))
    })
}

/// The inverse of a as a matrix with a row for each place along its first first_axes axes, and a column for each along the
/// others; both are as many. A singular one gives infinity or NaN.
#[unsafe(no_mangle)]
pub extern "C" fn tenon_tensorinv(a: TenonValue, first_axes: i64) -> TenonValue {
    try_record("tensorinv", [a], |g, [a]| Ok(g.tensorinv(a, size(first_axes, "first_axes")?)))
}

/// The product of n times the square matrix a [..., m, m]; of its inverse for negative n; 1 for n = 0.
#[unsafe(no_mangle)]
pub extern "C" fn tenon_matrix_power(a: TenonValue, n: i64) -> TenonValue {
    record("matrix_power", [a], |g, [a]| g.matrix_power(a, n))
}

/// The determinant [...] of square matrices a [..., n, n]. The gradient of a singular matrix is NaN or infinite.
#[unsafe(no_mangle)]
pub extern "C" fn tenon_det(a: TenonValue) -> TenonValue {
    record("det", [a], |g, [a]| g.det(a))
}

/// The logarithm [...] of the absolute value of the determinant of square matrices a [..., n, n], -inf for a singular
/// matrix. `sign` receives the determinant's sign [...], -1, 0, or 1, unless it is NULL.
#[unsafe(no_mangle)]
pub extern "C" fn tenon_slogdet(a: TenonValue, sign: *mut TenonValue) -> TenonValue {
    try_record_more("slogdet", [a], [(sign, "sign")], |g, [a]| {
        let [sign, logarithm] = g.slogdet(a);
        Ok((logarithm, [sign]))
    })
}

/// The logarithm [...] of the determinant of square matrices a [..., n, n]: NaN where it is negative, -inf where it is 0.
#[unsafe(no_mangle)]
pub extern "C" fn tenon_logdet(a: TenonValue) -> TenonValue {
    record("logdet", [a], |g, [a]| g.logdet(a))
}

/// x that makes |a x - b| smallest for a [..., m, n] and b [..., m, k], or a vector b [m], and of those that do the shortest,
/// for matrices of full rank: others give infinity or NaN, and tenon_pinv is for them. Leading dimensions broadcast,
/// dtypes promote.
#[unsafe(no_mangle)]
pub extern "C" fn tenon_lstsq(a: TenonValue, b: TenonValue) -> TenonValue {
    record("lstsq", [a, b], |g, [a, b]| g.lstsq(a, b))
}

/// a = Q R for matrices a [..., m, n] and k = min(m, n): Q [..., m, k] with orthonormal columns. `r` receives R [..., k, n],
/// upper triangular, of which the diagonal is not negative, unless it is NULL. With complete Q is [..., m, m] and R
/// [..., m, n]. The gradient needs the first k columns to be independent; with complete there is none for m > n.
#[unsafe(no_mangle)]
pub extern "C" fn tenon_qr(a: TenonValue, complete: CBool, r: *mut TenonValue) -> TenonValue {
    try_record_more("qr", [a], [(r, "r")], |g, [a]| {
        let [q, r] = g.qr(a, complete.get());
        Ok((q, [r]))
    })
}

/// The eigenvalues [..., n] of symmetric matrices a [..., n, n] in ascending order. `vectors` receives their eigenvectors as
/// the columns of [..., n, n]: a = V diag(w) V^T. The lower triangle of a is read, with upper the upper one. The gradient
/// is symmetric.
///
/// An eigenvector could as well have the other sign: of its components within 1 % of the largest in size, the first is
/// positive. That of a value that occurs several times is one of many: the gradient of the vectors is then infinite or NaN.
/// The gradient of the values alone is always finite.
#[unsafe(no_mangle)]
pub extern "C" fn tenon_eigh(a: TenonValue, upper: CBool, vectors: *mut TenonValue) -> TenonValue {
    try_record_more("eigh", [a], [(vectors, "vectors")], |g, [a]| {
        let [values, vectors] = g.eigh(a, upper.get());
        Ok((values, [vectors]))
    })
}

/// The eigenvalues of tenon_eigh alone, which cost a third.
#[unsafe(no_mangle)]
pub extern "C" fn tenon_eigvalsh(a: TenonValue, upper: CBool) -> TenonValue {
    record("eigvalsh", [a], |g, [a]| g.eigvalsh(a, upper.get()))
}

/// a = U diag(s) V^T for matrices a [..., m, n] and k = min(m, n): the singular values s [..., k] in descending order. Unless
/// they are NULL, `u` receives U [..., m, k] with orthonormal columns and `vt` V^T [..., k, n] with orthonormal rows.
///
/// A pair of vectors could as well have the other sign: of the components of the left one within 1 % of its largest in size,
/// the first is positive. Those of a value that occurs several times are some of many: the gradient of the vectors is then
/// infinite or NaN, and so is it at 0. The gradient of the values alone is always finite.
#[unsafe(no_mangle)]
pub extern "C" fn tenon_svd(a: TenonValue, u: *mut TenonValue, vt: *mut TenonValue) -> TenonValue {
    try_record_more("svd", [a], [(u, "u"), (vt, "vt")], |g, [a]| {
        let [u, s, vt] = g.svd(a);
        Ok((s, [u, vt]))
    })
}

/// The singular values of tenon_svd alone, which cost less than half.
#[unsafe(no_mangle)]
pub extern "C" fn tenon_svdvals(a: TenonValue) -> TenonValue {
    record("svdvals", [a], |g, [a]| g.svdvals(a))
}

/// The pseudoinverse [..., n, m] of matrices a [..., m, n] (Moore and Penrose). Singular values count as 0 up to the larger of
/// atol and rtol times the largest one; a negative rtol stands for the epsilon of the dtype times the larger of m and n, or
/// for 0 where atol is positive. The gradient is that of a change which leaves the rank as it is.
#[unsafe(no_mangle)]
pub extern "C" fn tenon_pinv(a: TenonValue, rtol: f64, atol: f64) -> TenonValue {
    record("pinv", [a], |g, [a]| g.pinv(a, relative(rtol), atol))
}

/// How many singular values (i64 [...]) of matrices a [..., m, n] are larger than those that tenon_pinv takes for 0.
#[unsafe(no_mangle)]
pub extern "C" fn tenon_matrix_rank(a: TenonValue, rtol: f64, atol: f64) -> TenonValue {
    record("matrix_rank", [a], |g, [a]| g.matrix_rank(a, relative(rtol), atol))
}

/// A norm of the matrices whose rows are along row_axis and columns along column_axis. Negative axes count from the last. Norms
/// that take a largest or smallest one are refused where there is none.
#[unsafe(no_mangle)]
pub extern "C" fn tenon_matrix_norm(x: TenonValue, norm: TenonMatrixNorm, row_axis: i64, column_axis: i64, keep_dims: CBool) -> TenonValue {
    try_record("matrix_norm", [x], |g, [x]| {
        let axes = [record::axis(row_axis, g.rank(x))?, record::axis(column_axis, g.rank(x))?];
        Ok(g.matrix_norm(x, norm_of(norm)?, axes, keep_dims.get()))
    })
}

/// The condition [...] of matrices a [..., m, n] with respect to a norm: the largest singular value over the smallest for
/// TENON_MATRIX_NORM_TWO, the smallest over the largest for TENON_MATRIX_NORM_MINUS_TWO, and for others, of square matrices,
/// the norm of a times that of its inverse. Infinite, or NaN, for a singular matrix.
#[unsafe(no_mangle)]
pub extern "C" fn tenon_cond(a: TenonValue, norm: TenonMatrixNorm) -> TenonValue {
    try_record("cond", [a], |g, [a]| Ok(g.cond(a, norm_of(norm)?)))
}

/// e^a for square matrices a [..., n, n]: the sum of a^n / n! over all n. What is beyond the dtype is infinite or NaN. The
/// gradient is the exponential of a matrix with twice the rows.
#[unsafe(no_mangle)]
pub extern "C" fn tenon_matrix_exp(a: TenonValue) -> TenonValue {
    record("matrix_exp", [a], |g, [a]| g.matrix_exp(a))
}
