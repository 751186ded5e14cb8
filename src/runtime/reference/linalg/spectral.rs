//! Decompositions whose factors are orthogonal, and the exponential, each by the method that is plainest.

use super::{Matrix, is_finite, transposed, zeros};

fn column(a: &Matrix, j: usize) -> Vec<f64> {
    a.iter().map(|row| row[j]).collect()
}

fn dot(a: &[f64], b: &[f64]) -> f64 {
    a.iter().zip(b).map(|(a, b)| a * b).sum()
}

fn product(a: &Matrix, b: &Matrix) -> Matrix {
    let columns = b.first().map_or(0, Vec::len);
    let element = |row: &Vec<f64>, j: usize| row.iter().zip(b).map(|(x, of)| x * of[j]).sum();
    a.iter().map(|row| (0..columns).map(|j| element(row, j)).collect()).collect()
}

fn identity(n: usize) -> Matrix {
    (0..n).map(|i| (0..n).map(|j| (i == j) as u8 as f64).collect()).collect()
}

/// Takes from x what it has of the others, twice; how much of each.
fn separate(x: &mut [f64], others: &[Vec<f64>]) -> Vec<f64> {
    let mut shares = vec![0.0; others.len()];
    for _ in 0..2 {
        for (share, other) in shares.iter_mut().zip(others) {
            let product = dot(x, other);
            *share += product;
            x.iter_mut().zip(other).for_each(|(x, y)| *x -= product * y);
        }
    }
    shares
}

/// A unit vector orthogonal to the others: what is left of the unit vector that they reach least.
fn completion(size: usize, others: &[Vec<f64>]) -> Vec<f64> {
    let reach = |i: usize| others.iter().map(|other| other[i] * other[i]).sum::<f64>();
    let far = (0..size).fold(0, |far, i| if reach(i) < reach(far) { i } else { far });
    let mut x = vec![0.0; size];
    x[far] = 1.0;
    separate(&mut x, others);
    let length = dot(&x, &x).sqrt();
    x.iter().map(|x| x / length).collect()
}

/// The first component within 1 % of the largest is positive; the sign that makes it so.
fn sign(x: &[f64]) -> f64 {
    let largest = x.iter().fold(0.0f64, |largest, x| largest.max(x.abs()));
    let leading = x.iter().find(|x| x.abs() >= 0.99 * largest).copied().unwrap_or(1.0);
    if leading < 0.0 { -1.0 } else { 1.0 }
}

/// a [m, n] = Q R by Gram and Schmidt, each vector made orthogonal twice; `count` columns of Q.
pub(super) fn qr(a: &Matrix, n: usize, count: usize) -> (Matrix, Matrix) {
    let m = a.len();
    if !is_finite(a) {
        return (vec![vec![f64::NAN; count]; m], vec![vec![f64::NAN; n]; count]);
    }
    let mut q: Vec<Vec<f64>> = Vec::new();
    // Columns of R, from above.
    let mut r: Vec<Vec<f64>> = Vec::new();
    for j in 0..count.max(n) {
        let mut x = if j < n { column(a, j) } else { vec![0.0; m] };
        let before = dot(&x, &x).sqrt();
        let mut shares = separate(&mut x, &q);
        let length = dot(&x, &x).sqrt();
        let is_new = length > 1e-14 * before;
        if j < count {
            shares.push(if is_new { length } else { 0.0 });
            q.push(if is_new { x.iter().map(|x| x / length).collect() } else { completion(m, &q) });
        }
        if j < n {
            shares.resize(count, 0.0);
            r.push(shares);
        }
    }
    (if q.is_empty() { vec![Vec::new(); m] } else { transposed(&q, m) }, if r.is_empty() { zeros(count, n) } else { transposed(&r, count) })
}

/// Eigenvalues and eigenvectors by Jacobi's rotations of the whole matrix, in cycles.
pub(super) fn eigh(a: &Matrix) -> (Vec<f64>, Matrix) {
    let n = a.len();
    let mut a: Matrix = (0..n).map(|i| (0..n).map(|j| a[i.max(j)][i.min(j)]).collect()).collect();
    if !is_finite(&a) {
        return (vec![f64::NAN; n], vec![vec![f64::NAN; n]; n]);
    }
    let mut v = identity(n);
    let scale = a.iter().flatten().fold(0.0f64, |scale, x| scale.max(x.abs()));
    for _ in 0..100 {
        let mut off = 0.0f64;
        for p in 0..n {
            for q in p + 1..n {
                let small = f64::MIN_POSITIVE + 1e-18 * scale;
                off = off.max(a[p][q].abs() / small);
                if a[p][q].abs() <= small {
                    continue;
                }
                let zeta = (a[q][q] - a[p][p]) / (2.0 * a[p][q]);
                let t = 1f64.copysign(zeta) / (zeta.abs() + zeta.hypot(1.0));
                let c = 1.0 / t.hypot(1.0);
                let s = c * t;
                for row in a.iter_mut().chain(&mut v) {
                    (row[p], row[q]) = (c * row[p] - s * row[q], s * row[p] + c * row[q]);
                }
                let (above, below) = a.split_at_mut(q);
                for (x, y) in above[p].iter_mut().zip(&mut below[0]) {
                    (*x, *y) = (c * *x - s * *y, s * *x + c * *y);
                }
            }
        }
        if off <= 1.0 {
            break;
        }
    }
    let mut order: Vec<usize> = (0..n).collect();
    order.sort_by(|i, j| a[*i][*i].total_cmp(&a[*j][*j]));
    let vectors: Vec<Vec<f64>> = order
        .iter()
        .map(|i| {
            let x = column(&v, *i);
            let sign = sign(&x);
            x.iter().map(|x| x * sign).collect()
        })
        .collect();
    (order.iter().map(|i| a[*i][*i]).collect(), transposed(&vectors, n))
}

/// Singular values and vectors of a [m, n] by Hestenes's rotations of the columns of a or its transpose.
pub(super) fn svd(a: &Matrix, n: usize) -> (Matrix, Vec<f64>, Matrix) {
    let m = a.len();
    let k = m.min(n);
    if !is_finite(a) {
        return (vec![vec![f64::NAN; k]; m], vec![f64::NAN; k], vec![vec![f64::NAN; n]; k]);
    }
    // Few and long columns, as rows; and their combinations.
    let mut x = if m < n { a.clone() } else { transposed(a, n) };
    let mut w = identity(k);
    for _ in 0..100 {
        let mut turned = false;
        for p in 0..k {
            for q in p + 1..k {
                let (xx, yy, xy) = (dot(&x[p], &x[p]), dot(&x[q], &x[q]), dot(&x[p], &x[q]));
                if xy == 0.0 || xy.abs() <= 1e-15 * (xx * yy).sqrt() || xx.min(yy) < 1e-280 {
                    continue;
                }
                turned = true;
                let zeta = (yy - xx) / (2.0 * xy);
                let t = 1f64.copysign(zeta) / (zeta.abs() + zeta.hypot(1.0));
                let c = 1.0 / t.hypot(1.0);
                let s = c * t;
                for rows in [&mut x, &mut w] {
                    for i in 0..rows[p].len() {
                        (rows[p][i], rows[q][i]) = (c * rows[p][i] - s * rows[q][i], s * rows[p][i] + c * rows[q][i]);
                    }
                }
            }
        }
        if !turned {
            break;
        }
    }
    let size = |row: &Vec<f64>| dot(row, row).sqrt();
    let mut order: Vec<usize> = (0..k).collect();
    order.sort_by(|i, j| size(&x[*j]).total_cmp(&size(&x[*i])));
    let s: Vec<f64> = order.iter().map(|i| size(&x[*i])).collect();
    let mut long: Vec<Vec<f64>> = Vec::new();
    for (i, s) in order.iter().zip(&s) {
        let row = if *s > 1e-140 { x[*i].iter().map(|x| x / s).collect() } else { completion(m.max(n), &long) };
        long.push(row);
    }
    let short: Vec<Vec<f64>> = order.iter().map(|i| w[*i].clone()).collect();
    let (mut left, mut right) = if m < n { (short, long) } else { (long, short) };
    for (left, right) in left.iter_mut().zip(&mut right) {
        let sign = sign(left);
        left.iter_mut().chain(right).for_each(|x| *x *= sign);
    }
    (if k == 0 { vec![Vec::new(); m] } else { transposed(&left, m) }, s, right)
}

/// The first terms of the series for a part of the matrix so small that they suffice, squared as often as it was halved.
pub(super) fn exponential(a: &Matrix) -> Matrix {
    let n = a.len();
    if !is_finite(a) {
        return vec![vec![f64::NAN; n]; n];
    }
    let mut small = a.clone();
    let mut halvings = 0;
    while small.iter().map(|row| row.iter().map(|x| x.abs()).sum::<f64>()).fold(0.0, f64::max) > 0.5 {
        small.iter_mut().flatten().for_each(|x| *x *= 0.5);
        halvings += 1;
    }
    let mut sum = identity(n);
    let mut term = identity(n);
    for i in 1..24 {
        term = product(&term, &small);
        term.iter_mut().flatten().for_each(|x| *x /= i as f64);
        sum.iter_mut().flatten().zip(term.iter().flatten()).for_each(|(sum, x)| *sum += x);
    }
    (0..halvings).fold(sum, |power, _| product(&power, &power))
}
