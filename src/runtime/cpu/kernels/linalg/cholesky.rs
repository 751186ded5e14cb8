//! The Cholesky decomposition.

use super::real::{Real, dot};

/// Makes L with a = L L^T of a, a symmetric matrix [n, n] of which the lower triangle is read: row by row, each element a difference of a
/// product of rows (the Cholesky-Banachiewicz order). All NaN if a is not positive definite.
pub(super) fn cholesky<T: Real>(a: &mut [T], n: usize) {
    for i in 0..n {
        let (above, row) = a.split_at_mut(i * n);
        for j in 0..i {
            let of = &above[j * n..(j + 1) * n];
            row[j] = (row[j] - dot(&row[..j], &of[..j])) / of[j];
        }
        let square = row[i] - dot(&row[..i], &row[..i]);
        // Not so for NaN either.
        let is_definite = square > T::ZERO && square.is_finite();
        if !is_definite {
            a.fill(T::NAN);
            return;
        }
        row[i] = square.sqrt();
        row[i + 1..n].fill(T::ZERO);
    }
}
