//! Eigenvalues and eigenvectors of symmetric matrices, in f64: reflections make a tridiagonal matrix (Householder), implicit QL steps with
//! Wilkinson's shift a diagonal one (Dubrulle, Martin, and Wilkinson, "The implicit QL algorithm", Numerische Mathematik 12, 1968).

use super::householder::reflection;
use super::real::{dot, leading, magnitude, rotate, scale, subtract, swap_rows, two_rows};

/// Steps for one eigenvalue before what is left counts as small if it is so beside the whole matrix, and before there is none.
const PATIENCE: usize = 30;
const MOST: usize = 300;
/// Beyond these powers of two, squares leave the range of the floats.
const RANGE: i32 = 300;

/// Elements of work that [`eigh`] needs.
pub(super) fn eigh_work(n: usize) -> usize {
    n.saturating_mul(3)
}

/// Of a symmetric matrix a [n, n], of which the lower triangle is read: its eigenvalues in ascending order into `values` [n], the
/// eigenvector of each as a row into `vectors` [n, n], unless that is empty. The component of a vector that [`leading`] names is positive. All
/// NaN if a is not finite. Destroys a.
pub(super) fn eigh(a: &mut [f64], n: usize, values: &mut [f64], vectors: &mut [f64], work: &mut [f64]) {
    for i in 0..n {
        for j in 0..i {
            a[j * n + i] = a[i * n + j];
        }
    }
    let power = match magnitude(a) {
        None => {
            values.fill(f64::NAN);
            vectors.fill(f64::NAN);
            return;
        }
        Some(power) if power.abs() > RANGE => power,
        Some(_) => 0,
    };
    scale(a, -power);
    let (off, rest) = work.split_at_mut(n);
    let (taus, product) = rest.split_at_mut(n);
    tridiagonal(a, n, values, off, taus, product);
    if !vectors.is_empty() {
        accumulate(a, n, taus, vectors);
    }
    if !diagonal(values, off, vectors) {
        values.fill(f64::NAN);
        vectors.fill(f64::NAN);
        return;
    }
    scale(values, power);
    sort(values, vectors);
    for vector in vectors.chunks_exact_mut(n.max(1)) {
        if vector[leading(vector)] < 0.0 {
            vector.iter_mut().for_each(|x| *x = -*x);
        }
    }
}

/// a = H_0 H_1 ... T ... H_1 H_0: diagonal and what is beside it (`off`, of which the last is 0) of T, and the reflections: row k of a holds
/// v_k from column k + 1 on.
fn tridiagonal(a: &mut [f64], n: usize, diagonal: &mut [f64], off: &mut [f64], taus: &mut [f64], product: &mut [f64]) {
    for k in 0..n {
        diagonal[k] = a[k * n + k];
        (off[k], taus[k]) = (0.0, 0.0);
        if k + 1 == n {
            break;
        }
        let (above, below) = a.split_at_mut((k + 1) * n);
        let v = &mut above[k * n + k + 1..];
        (off[k], taus[k]) = reflection(v);
        let tau = taus[k];
        if tau == 0.0 {
            continue;
        }
        // H b H for the part b below: b - v w^T - w v^T with w = p - tau (p . v) v / 2 and p = tau b v.
        let w = &mut product[..n - k - 1];
        for (w, row) in w.iter_mut().zip(below.chunks_exact(n)) {
            *w = tau * dot(&row[k + 1..], v);
        }
        let half = 0.5 * tau * dot(w, v);
        subtract(w, half, v);
        for (i, row) in below.chunks_exact_mut(n).enumerate() {
            let (row, v_i, w_i) = (&mut row[k + 1..], v[i], w[i]);
            for (x, (v, w)) in row.iter_mut().zip(v.iter().zip(&*w)) {
                *x -= v_i * w + w_i * v;
            }
        }
    }
}

/// The transpose of H_0 H_1 ..., from the last on, while it is small.
fn accumulate(a: &[f64], n: usize, taus: &[f64], vectors: &mut [f64]) {
    vectors.fill(0.0);
    (0..n).for_each(|i| vectors[i * n + i] = 1.0);
    for k in (0..n).rev().filter(|k| taus[*k] != 0.0) {
        let v = &a[k * n + k + 1..(k + 1) * n];
        for row in vectors[(k + 1) * n..].chunks_exact_mut(n) {
            let row = &mut row[k + 1..];
            let factor = taus[k] * dot(row, v);
            subtract(row, factor, v);
        }
    }
}

/// Makes the tridiagonal matrix diagonal, and turns the rows of `vectors` with it. Whether it came to an end.
fn diagonal(d: &mut [f64], e: &mut [f64], vectors: &mut [f64]) -> bool {
    let n = d.len();
    let size = d.iter().chain(&*e).fold(0.0f64, |size, x| size.max(x.abs()));
    for low in 0..n {
        for step in 0.. {
            let small = |k: usize| {
                let beside = d[k].abs() + d[k + 1].abs();
                let beside = if step < PATIENCE { beside } else { beside.max(size) };
                e[k].abs() <= f64::EPSILON * beside || e[k].abs() < f64::MIN_POSITIVE
            };
            let high = (low..n - 1).find(|k| small(*k)).unwrap_or(n - 1);
            if high == low {
                e[low] = 0.0;
                break;
            }
            if step == MOST {
                return false;
            }
            // The shift is the eigenvalue of the first two rows that is closer to the first element.
            let ratio = (d[low + 1] - d[low]) / (2.0 * e[low]);
            let root = ratio.hypot(1.0);
            let mut g = d[high] - d[low] + e[low] / (ratio + root.copysign(ratio));
            let (mut sine, mut cosine, mut moved) = (1.0, 1.0, 0.0);
            let mut split = None;
            for i in (low..high).rev() {
                let (f, b) = (sine * e[i], cosine * e[i]);
                let length = f.hypot(g);
                e[i + 1] = length;
                if length == 0.0 {
                    split = Some(i);
                    break;
                }
                (sine, cosine) = (f / length, g / length);
                g = d[i + 1] - moved;
                let r = (d[i] - g) * sine + 2.0 * cosine * b;
                moved = sine * r;
                d[i + 1] = g + moved;
                g = cosine * r - b;
                if !vectors.is_empty() {
                    let (x, y) = two_rows(vectors, n, i, i + 1);
                    rotate(x, y, cosine, sine);
                }
            }
            match split {
                // The matrix came apart on the way.
                Some(i) => d[i + 1] -= moved,
                None => {
                    d[low] -= moved;
                    e[low] = g;
                }
            }
            e[high] = 0.0;
        }
    }
    true
}

/// Ascending values, their vectors with them.
fn sort(values: &mut [f64], vectors: &mut [f64]) {
    let n = values.len();
    for i in 0..n {
        let least = (i..n).fold(i, |least, j| if values[j] < values[least] { j } else { least });
        if least != i {
            values.swap(i, least);
            if !vectors.is_empty() {
                swap_rows(vectors, n, i, least);
            }
        }
    }
}
