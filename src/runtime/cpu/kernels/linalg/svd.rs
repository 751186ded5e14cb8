//! The singular value decomposition, in f64: QR with column pivots, then rotations that make the rows of R orthogonal to each other, each
//! to the accuracy of its own size (Hestenes, 1958; Drmac and Veselic, "New fast and accurate Jacobi SVD algorithm", 2008).

use super::householder::{reflect, reflection};
use super::real::{dot, leading, magnitude, rotate, scale, subtract, swap_rows, two_rows};

/// Sweeps over all pairs before a matrix is given up; some six are enough as a rule.
const SWEEPS: usize = 60;
/// After these, products of rows that rounding alone may account for count as 0.
const PATIENCE: usize = 20;
/// Sums of squares below this, where the largest element is about 1, are those of zeros.
const NOTHING: f64 = 1e-280;

/// Elements of work that [`svd`] needs.
pub(super) fn svd_work(m: usize, n: usize) -> usize {
    n.saturating_mul(n).saturating_add(n.saturating_mul(2)).saturating_add(m)
}

/// a = U diag(s) V^T for a [m, n] with m >= n, all of the rest in rows: the singular values in descending order into `s` [n], the columns of
/// U into `u` [n, m], those of V into `v` [n, n]; u and v may both be empty. Destroys a. All NaN if a is not finite.
pub(super) fn svd(a: &mut [f64], m: usize, n: usize, s: &mut [f64], u: &mut [f64], v: &mut [f64], work: &mut [f64]) {
    let Some(power) = magnitude(a) else {
        s.fill(f64::NAN);
        u.fill(f64::NAN);
        v.fill(f64::NAN);
        return;
    };
    scale(a, -power);
    let (rows, rest) = work.split_at_mut(n * n);
    let (taus, rest) = rest.split_at_mut(n);
    let (sums, vector) = rest.split_at_mut(n);
    let mut by = Reflections { taus, sums, vector };
    pivoted(a, m, n, rows, &mut by, s);
    if !u.is_empty() {
        accumulate(a, m, n, &mut by, u);
    }
    if !orthogonalize(rows, m, n, u, by.sums) {
        s.fill(f64::NAN);
        u.fill(f64::NAN);
        v.fill(f64::NAN);
        return;
    }
    for (s, row) in s.iter_mut().zip(rows.chunks_exact(n)) {
        let square = dot(row, row);
        *s = if square < NOTHING { 0.0 } else { square.sqrt() };
    }
    for i in 0..n {
        let largest = (i..n).fold(i, |largest, j| if s[j] > s[largest] { j } else { largest });
        if largest != i {
            s.swap(i, largest);
            swap_rows(rows, n, i, largest);
            if !u.is_empty() {
                swap_rows(u, m, i, largest);
            }
        }
    }
    if !v.is_empty() {
        v.copy_from_slice(rows);
        for i in 0..n {
            if s[i] > 0.0 {
                v[i * n..(i + 1) * n].iter_mut().for_each(|x| *x /= s[i]);
            } else {
                complete(v, n, i);
            }
        }
    }
    scale(s, power);
}

/// What [`pivoted`] leaves for [`accumulate`], and what both work with.
struct Reflections<'a> {
    taus: &'a mut [f64],
    /// One element for each column.
    sums: &'a mut [f64],
    /// One for each row.
    vector: &'a mut [f64],
}

/// a P = Q R, each pivot the first column with the largest rest: `rows` [n, n] receives R P^T, a the reflections below its diagonal. `order`
/// holds n numbers meanwhile.
fn pivoted(a: &mut [f64], m: usize, n: usize, rows: &mut [f64], by: &mut Reflections, order: &mut [f64]) {
    order.iter_mut().enumerate().for_each(|(i, column)| *column = i as f64);
    for k in 0..n {
        let rests = &mut by.sums[k..];
        rests.fill(0.0);
        for row in a[k * n..].chunks_exact(n) {
            rests.iter_mut().zip(&row[k..]).for_each(|(sum, x)| *sum += x * x);
        }
        let pivot = (0..rests.len()).fold(0, |best, j| if rests[j] > rests[best] { j } else { best }) + k;
        if pivot != k {
            a.chunks_exact_mut(n).for_each(|row| row.swap(k, pivot));
            order.swap(k, pivot);
        }
        let v = &mut by.vector[k..];
        v.iter_mut().zip(a[k * n + k..].iter().step_by(n)).for_each(|(v, x)| *v = *x);
        let (beta, tau) = reflection(v);
        by.taus[k] = tau;
        if tau != 0.0 && k + 1 < n {
            reflect(&mut a[k * n..], n, k + 1, v, tau, by.sums);
        }
        a[k * n + k] = beta;
        (k + 1..m).for_each(|i| a[i * n + k] = v[i - k]);
    }
    rows.fill(0.0);
    for i in 0..n {
        (i..n).for_each(|j| rows[i * n + order[j] as usize] = a[i * n + j]);
    }
}

/// The first n columns of Q as rows of u.
fn accumulate(a: &[f64], m: usize, n: usize, by: &mut Reflections, u: &mut [f64]) {
    u.fill(0.0);
    (0..n).for_each(|i| u[i * m + i] = 1.0);
    for k in (0..n).rev().filter(|k| by.taus[*k] != 0.0) {
        let v = &mut by.vector[k..];
        v[0] = 1.0;
        (k + 1..m).for_each(|i| v[i - k] = a[i * n + k]);
        for row in u[k * m..].chunks_exact_mut(m) {
            let factor = by.taus[k] * dot(&row[k..], v);
            subtract(&mut row[k..], factor, v);
        }
    }
}

/// Turns pairs of rows until all are orthogonal, and the rows of u with them. Whether that came to an end. `squares` holds n numbers meanwhile.
fn orthogonalize(rows: &mut [f64], m: usize, n: usize, u: &mut [f64], squares: &mut [f64]) -> bool {
    for sweep in 0..SWEEPS {
        let slack = if sweep < PATIENCE { (n as f64).sqrt() } else { n as f64 };
        let tolerance = f64::EPSILON * slack.max(2.0);
        squares.iter_mut().zip(rows.chunks_exact(n)).for_each(|(square, row)| *square = dot(row, row));
        let mut turned = false;
        for p in 0..n {
            for q in p + 1..n {
                let (xx, yy) = (squares[p], squares[q]);
                if xx < NOTHING || yy < NOTHING {
                    continue;
                }
                let (x, y) = two_rows(rows, n, p, q);
                let xy = dot(x, y);
                if xy.abs() <= tolerance * xx.sqrt() * yy.sqrt() {
                    continue;
                }
                turned = true;
                let zeta = (yy - xx) / (2.0 * xy);
                let tangent = 1f64.copysign(zeta) / (zeta.abs() + zeta.hypot(1.0));
                let cosine = 1.0 / tangent.hypot(1.0);
                rotate(x, y, cosine, cosine * tangent);
                // What is left of a square after much was taken from it has few digits.
                let left = |square: f64, change: f64, row: &[f64]| {
                    if square + change > 0.5 * square { square + change } else { dot(row, row) }
                };
                squares[p] = left(xx, -tangent * xy, x);
                squares[q] = left(yy, tangent * xy, y);
                if !u.is_empty() {
                    let (x, y) = two_rows(u, m, p, q);
                    rotate(x, y, cosine, cosine * tangent);
                }
            }
        }
        if !turned {
            return true;
        }
    }
    false
}

/// Makes row `at` of v a unit vector orthogonal to the rows before it: of the unit vectors the one that lies farthest from them.
fn complete(v: &mut [f64], n: usize, at: usize) {
    let (before, row) = v.split_at_mut(at * n);
    let row = &mut row[..n];
    row.fill(1.0);
    for other in before.chunks_exact(n) {
        row.iter_mut().zip(other).for_each(|(rest, x)| *rest -= x * x);
    }
    let far = (0..n).fold(0, |far, j| if row[j] > row[far] { j } else { far });
    row.fill(0.0);
    row[far] = 1.0;
    for _ in 0..2 {
        for other in before.chunks_exact(n) {
            let product = dot(row, other);
            subtract(row, product, other);
        }
    }
    let size = dot(row, row).sqrt();
    row.iter_mut().for_each(|x| *x /= size);
}

/// Makes the signs of both vectors of each singular value definite: the component of the left one that [`leading`] names is positive.
pub(super) fn settle_signs(left: &mut [f64], m: usize, right: &mut [f64], n: usize) {
    for (left, right) in left.chunks_exact_mut(m.max(1)).zip(right.chunks_exact_mut(n.max(1))) {
        if left[leading(left)] < 0.0 {
            left.iter_mut().chain(right).for_each(|x| *x = -*x);
        }
    }
}
