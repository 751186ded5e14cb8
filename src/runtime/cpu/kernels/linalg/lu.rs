//! The LU decomposition with partial pivoting.

use super::real::{Real, subtract, swap_rows};

/// Makes L and U of a [m, n] in its place, by Gaussian elimination: of each column the first largest element is the pivot. A pivot of 0 is
/// left where it is, with what is below it, which is 0 too. `permutation` [m] receives which row of a each row of L U is. The
/// permutation's sign; NaN, as all of a, if an element of a is not finite.
pub(super) fn lu<T: Real>(a: &mut [T], m: usize, n: usize, permutation: &mut [i64]) -> T {
    permutation.iter_mut().enumerate().for_each(|(i, row)| *row = i as i64);
    if a.iter().any(|x| !x.is_finite()) {
        a.fill(T::NAN);
        return T::NAN;
    }
    let mut sign = T::ONE;
    for k in 0..m.min(n) {
        let mut pivot = k;
        for i in k + 1..m {
            if a[i * n + k].abs() > a[pivot * n + k].abs() {
                pivot = i;
            }
        }
        if pivot != k {
            swap_rows(a, n, k, pivot);
            permutation.swap(k, pivot);
            sign = -sign;
        }
        let (above, below) = a.split_at_mut((k + 1) * n);
        let first = &above[k * n..];
        // NaN, of an overflow, is no pivot to divide by less than any other.
        if first[k] == T::ZERO {
            continue;
        }
        for row in below.chunks_exact_mut(n) {
            let factor = row[k] / first[k];
            row[k] = factor;
            if factor != T::ZERO {
                subtract(&mut row[k + 1..], factor, &first[k + 1..]);
            }
        }
    }
    sign
}
