//! The QR decomposition, by reflections (Householder, 1958; Golub and Van Loan, "Matrix Computations", section 5.1).

use super::real::{Real, add, dot, norm, subtract};

/// The reflection I - tau v v^T, with v_0 = 1, that takes x to (beta, 0, 0, ...): x becomes v; (beta, tau).
pub(super) fn reflection<T: Real>(x: &mut [T]) -> (T, T) {
    let first = x[0];
    // A single element, and zeros, are there already.
    if x[1..].iter().all(|x| *x == T::ZERO) {
        x[0] = T::ONE;
        return (first, T::ZERO);
    }
    let size = norm(x);
    let beta = if first > T::ZERO { -size } else { size };
    let apart = first - beta;
    x[1..].iter_mut().for_each(|x| *x = *x / apart);
    x[0] = T::ONE;
    // Of v as it is: a reflection even where the smallest floats have few digits.
    let two = T::ONE + T::ONE;
    (beta, two / dot(x, x))
}

/// (I - tau v v^T) a for the rows of a [.., n], in columns `from` and on. `sums` has n elements.
pub(super) fn reflect<T: Real>(a: &mut [T], n: usize, from: usize, v: &[T], tau: T, sums: &mut [T]) {
    let sums = &mut sums[from..n];
    sums.fill(T::ZERO);
    for (row, v) in a.chunks_exact(n).zip(v) {
        add(sums, *v, &row[from..]);
    }
    for (row, v) in a.chunks_exact_mut(n).zip(v) {
        subtract(&mut row[from..], tau * *v, sums);
    }
}

/// Elements of work that [`qr`] needs for matrices [m, n] and `columns` of Q.
pub(super) fn qr_work(m: usize, n: usize, columns: usize) -> usize {
    m.saturating_add(m.min(n)).saturating_add(n.max(columns))
}

/// a = Q R: a [m, n] becomes R, q [m, columns] the first `columns` of Q, at least min(m, n) and at most m. The diagonal of R is not
/// negative. All NaN if an element of a is not finite.
pub(super) fn qr<T: Real>(a: &mut [T], m: usize, n: usize, q: &mut [T], columns: usize, work: &mut [T]) {
    if a.iter().any(|x| !x.is_finite()) {
        a.fill(T::NAN);
        q.fill(T::NAN);
        return;
    }
    let steps = m.min(n);
    let (v, rest) = work.split_at_mut(m);
    let (taus, sums) = rest.split_at_mut(steps);
    for k in 0..steps {
        let v = &mut v[k..];
        v.iter_mut().zip(a[k * n..].iter().skip(k).step_by(n)).for_each(|(v, x)| *v = *x);
        let (beta, tau) = reflection(v);
        taus[k] = tau;
        if tau != T::ZERO && k + 1 < n {
            reflect(&mut a[k * n..], n, k + 1, v, tau, sums);
        }
        // The reflection stays where it made zeros.
        a[k * n + k] = beta;
        (k + 1..m).for_each(|i| a[i * n + k] = v[i - k]);
    }
    q.fill(T::ZERO);
    (0..columns).for_each(|i| q[i * columns + i] = T::ONE);
    for k in (0..steps).rev() {
        let v = &mut v[k..];
        v[0] = T::ONE;
        (k + 1..m).for_each(|i| v[i - k] = a[i * n + k]);
        if taus[k] != T::ZERO {
            reflect(&mut q[k * columns..], columns, k, v, taus[k], sums);
        }
    }
    for k in 0..steps {
        (k + 1..m).for_each(|i| a[i * n + k] = T::ZERO);
        if a[k * n + k] < T::ZERO {
            a[k * n + k..(k + 1) * n].iter_mut().for_each(|x| *x = -*x);
            (0..m).for_each(|i| q[i * columns + k] = -q[i * columns + k]);
        }
    }
}
