//! Substitution: systems with a triangular matrix, one right-hand side at a time.

use super::real::{Real, dot, subtract};

/// Which triangle of the matrix is meant, and how.
#[derive(Clone, Copy)]
pub(super) struct Triangle {
    pub upper: bool,
    pub transpose: bool,
    pub unit: bool,
}

/// Makes the solution x of a x = b of b, with the triangle of a [n, n]. Rows of a are read in order, those of its transpose too.
pub(super) fn substitute<T: Real>(triangle: Triangle, a: &[T], x: &mut [T]) {
    let n = x.len();
    let Triangle { upper, transpose, unit } = triangle;
    // An upper triangle is solved from its end, and so is the transpose of a lower one.
    let backward = upper != transpose;
    for step in 0..n {
        let i = if backward { n - 1 - step } else { step };
        let row = &a[i * n..(i + 1) * n];
        let others = if upper { i + 1..n } else { 0..i };
        if !transpose {
            x[i] = x[i] - dot(&row[others.clone()], &x[others.clone()]);
        }
        if !unit {
            x[i] = x[i] / row[i];
        }
        if transpose {
            let known = x[i];
            subtract(&mut x[others.clone()], known, &row[others]);
        }
    }
}

/// Makes the solution of a x = b, or with `transpose` of a^T x = b, of b, with the LU decomposition of a and its permutation. `work` has as
/// many elements.
pub(super) fn solve<T: Real>(transpose: bool, lu: &[T], permutation: &[i64], x: &mut [T], work: &mut [T]) {
    let n = x.len();
    let lower = Triangle { upper: false, transpose, unit: true };
    let upper = Triangle { upper: true, transpose, unit: false };
    // The decomposition names rows that there are; what else a graph may put there must not reach beyond them.
    let row = |i: usize| (permutation[i].max(0) as usize).min(n - 1);
    if transpose {
        work.copy_from_slice(x);
        substitute(upper, lu, work);
        substitute(lower, lu, work);
        (0..n).for_each(|i| x[row(i)] = work[i]);
    } else {
        (0..n).for_each(|i| work[i] = x[row(i)]);
        substitute(lower, lu, work);
        substitute(upper, lu, work);
        x.copy_from_slice(work);
    }
}
