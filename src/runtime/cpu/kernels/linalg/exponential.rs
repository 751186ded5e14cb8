//! The exponential of a matrix, in f64: a rational approximation of degree 13 near 0, squared as often as it takes to come from there (Higham,
//! "The scaling and squaring method for the matrix exponential revisited", SIAM Journal on Matrix Analysis 26, 2005).

use super::lu::lu;
use super::real::add;
use super::triangular::solve;

/// The coefficients of the approximant's numerator; its denominator has them with alternating signs.
const PADE: [f64; 14] = [
    64764752532480000.0,
    32382376266240000.0,
    7771770303897600.0,
    1187353796428800.0,
    129060195264000.0,
    10559470521600.0,
    670442572800.0,
    33522128640.0,
    1323241920.0,
    40840800.0,
    960960.0,
    16380.0,
    182.0,
    1.0,
];
/// The norm up to which the approximant is good to the last digit.
const NEAR: f64 = 5.371920351148152;

/// Elements of work that [`exponential`] needs.
pub(super) fn exponential_work(n: usize) -> usize {
    n.saturating_mul(n).saturating_mul(5).saturating_add(n.saturating_mul(2))
}

/// out = a b for square matrices.
fn multiply(out: &mut [f64], a: &[f64], b: &[f64], n: usize) {
    out.fill(0.0);
    for (out, a) in out.chunks_exact_mut(n).zip(a.chunks_exact(n)) {
        for (x, b) in a.iter().zip(b.chunks_exact(n)) {
            add(out, *x, b);
        }
    }
}

/// out = c6 x6 + c4 x4 + c2 x2 + c0.
fn combine(out: &mut [f64], n: usize, [x2, x4, x6]: [&[f64]; 3], [c0, c2, c4, c6]: [f64; 4]) {
    for (i, out) in out.iter_mut().enumerate() {
        let unit = if i % (n + 1) == 0 { c0 } else { 0.0 };
        *out = c6 * x6[i] + c4 * x4[i] + c2 * x2[i] + unit;
    }
}

/// Makes e^a of a [n, n]. All NaN if a is not finite. `permutation` has n elements.
pub(super) fn exponential(a: &mut [f64], n: usize, work: &mut [f64], permutation: &mut [i64]) {
    if n == 0 {
        return;
    }
    if a.iter().any(|x| !x.is_finite()) {
        a.fill(f64::NAN);
        return;
    }
    // The largest sum of sizes of a row; half of each, since the sum may be beyond the floats.
    let half = a.chunks_exact(n).map(|row| row.iter().map(|x| 0.5 * x.abs()).sum::<f64>()).fold(0.0, f64::max);
    let squarings = if half <= 0.5 * NEAR { 0 } else { ((half / NEAR).log2() + 1.0).ceil().clamp(0.0, 2048.0) as i32 };
    a.iter_mut().for_each(|x| *x = libm::scalbn(*x, -squarings));

    let size = n * n;
    let (x2, rest) = work.split_at_mut(size);
    let (x4, rest) = rest.split_at_mut(size);
    let (x6, rest) = rest.split_at_mut(size);
    let (odd, rest) = rest.split_at_mut(size);
    let (even, rest) = rest.split_at_mut(size);
    let (side, other) = rest.split_at_mut(n);
    multiply(x2, a, a, n);
    multiply(x4, x2, x2, n);
    multiply(x6, x4, x2, n);
    // odd = a (x6 (b13 x6 + b11 x4 + b9 x2) + b7 x6 + b5 x4 + b3 x2 + b1), and even likewise.
    let b = PADE;
    combine(even, n, [x2, x4, x6], [0.0, b[9], b[11], b[13]]);
    multiply(odd, x6, even, n);
    combine(even, n, [x2, x4, x6], [b[1], b[3], b[5], b[7]]);
    odd.iter_mut().zip(&*even).for_each(|(x, y)| *x += y);
    multiply(even, a, odd, n);
    odd.copy_from_slice(even);
    combine(a, n, [x2, x4, x6], [0.0, b[8], b[10], b[12]]);
    multiply(even, x6, a, n);
    combine(a, n, [x2, x4, x6], [b[0], b[2], b[4], b[6]]);
    even.iter_mut().zip(&*a).for_each(|(x, y)| *x += y);
    // (even - odd) result = even + odd.
    for i in 0..size {
        a[i] = even[i] + odd[i];
        x2[i] = even[i] - odd[i];
    }
    lu(x2, n, n, permutation);
    for j in 0..n {
        (0..n).for_each(|i| side[i] = a[i * n + j]);
        solve(false, x2, permutation, side, other);
        (0..n).for_each(|i| a[i * n + j] = side[i]);
    }
    for _ in 0..squarings {
        multiply(x2, a, a, n);
        a.copy_from_slice(x2);
    }
}
