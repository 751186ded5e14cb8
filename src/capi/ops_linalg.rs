//! Chapter: linear algebra.

use crate::capi::arguments::CBool;
use crate::capi::graph::TenonValue;
use crate::capi::record::{record, try_record_more};
use crate::ops::TriangularSolve;

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
