//! The LU decomposition.

use crate::ir::{Linalg, TriangularSolve, Value};
use crate::ops::Trace;
use crate::ops::catalog::{Row, Values};
use crate::ops::rules::Contribution;

const REAL: Values = Values::Uniform(-1.0, 1.0);

pub(in crate::ops) const ROWS: &[Row] = &[Row {
    name: "lu_factor",
    meaning: "P a = L U with row exchanges: L below the diagonal and U above it in one matrix; the permutation, and its sign",
    shapes: "a [..., m, n] -> [..., m, n]; permutation [..., m], sign [...]",
    torch: "torch.linalg.lu_factor",
    mindspore: "mindspore.scipy.linalg.lu_factor",
    build: |g, x| g.lu_factor(x[0])[0],
    samples: &[&[(&[3, 3], REAL)], &[(&[2, 4, 2], REAL)], &[(&[2, 4], REAL)]],
    ..Row::COMMON
}];

/// For a square matrix P a = L U: P da = L^-T (tril(L^T dL, -1) + triu(dU U^T)) U^-T. What lies beside the first columns, or below the first
/// rows, is the solution of a triangular system with the factors of the square part, and hands its gradient to them.
pub(super) fn gradient(g: &mut Trace, a: Value, y: Value, dy: &[Option<Value>]) -> Contribution {
    // The permutation and its sign are flat.
    let Some(packed) = dy[0] else { return Contribution::Zero };
    let (lu, permutation) = (g.part(y, 0), g.part(y, 1));
    let rank = g.rank(a);
    let (rows, columns) = (rank - 2, rank - 1);
    let (m, n) = (g.dims(a)[rows], g.dims(a)[columns]);
    let k = m.min(n);
    if k == 0 {
        return Contribution::Zero;
    }
    let unit_lower = TriangularSolve { unit: true, transpose: true, ..TriangularSolve::LOWER };
    let upper_right = TriangularSolve { left: false, transpose: true, ..TriangularSolve::UPPER };
    // The square part.
    let corner = |g: &mut Trace, x: Value| {
        let x = g.narrow(x, rows, 0, k);
        g.narrow(x, columns, 0, k)
    };
    let (factors, dfactors) = (corner(g, lu), corner(g, packed));
    let strict = g.tril(factors, -1);
    let lead = g.dims(a)[..rows].to_vec();
    let eye = g.identity_matrices(g.dtype(a), &lead, k);
    let lower = g.add(strict, eye);
    let upper = g.triu(factors, 0);
    let (mut dlower, mut dupper) = (g.tril(dfactors, -1), g.triu(dfactors, 0));
    let mut beside = None;
    if n > k {
        // U_2 = L^-1 P a_2
        let (u, du) = (g.narrow(lu, columns, k, n - k), g.narrow(packed, columns, k, n - k));
        let da = g.triangular(unit_lower, factors, du);
        let product = g.product(da, u, false, true);
        let part = g.tril(product, -1);
        dlower = g.sub(dlower, part);
        beside = Some((da, columns));
    }
    if m > k {
        // L_2 = P a_2 U^-1
        let (l, dl) = (g.narrow(lu, rows, k, m - k), g.narrow(packed, rows, k, m - k));
        let da = g.triangular(upper_right, factors, dl);
        let product = g.product(l, da, true, false);
        let part = g.triu(product, 0);
        dupper = g.sub(dupper, part);
        beside = Some((da, rows));
    }
    let (of_lower, of_upper) = (g.product(lower, dlower, true, false), g.product(dupper, upper, false, true));
    let (of_lower, of_upper) = (g.tril(of_lower, -1), g.triu(of_upper, 0));
    let both = g.add(of_lower, of_upper);
    let left = g.triangular(unit_lower, factors, both);
    let mut dpa = g.triangular(upper_right, factors, left);
    if let Some((part, axis)) = beside {
        dpa = g.concat(&[dpa, part], axis);
    }
    // Row i is that of row permutation[i] of a.
    let places = g.argsort(permutation, rows, false);
    let da = g.matrix_rows(dpa, places);
    Contribution::One(da)
}

impl Trace {
    /// Of x [..., m, n] the rows [..., k] as [..., k, n].
    pub(in crate::ops) fn matrix_rows(&mut self, x: Value, rows: Value) -> Value {
        let (mut dims, at) = (self.dims(x), self.dims(rows));
        let axis = dims.len() - 2;
        dims[axis] = at[axis];
        let axes: Vec<usize> = (0..at.len()).collect();
        let all = self.broadcast_in(rows, &dims, &axes);
        self.take_along(x, all, axis)
    }
    /// P a = L U, with row exchanges, of matrices a [..., m, n]: L, whose diagonal of ones is not stored, below the diagonal of one matrix
    /// [..., m, n] and U on and above it; the permutation (i64 [..., m]): row i of L U is row permutation\[i\] of a; and its sign [...], 1
    /// or -1.
    ///
    /// The first largest element of each column is the pivot. A singular matrix has zeros on the diagonal of U; one that is not finite
    /// gives NaN. The gradient needs the first min(m, n) columns to be independent. Integers give f32; 16-bit floats are computed in f32.
    pub fn lu_factor(&mut self, a: Value) -> [Value; 3] {
        self.in_float_parts("lu_factor", &[a], |g, x| {
            let Some(a) = g.matrix_of("lu_factor", x[0]) else { return [Value::INVALID; 3] };
            let all = g.linalg(Linalg::Lu, &[a]);
            let [lu, permutation, sign] = [0, 1, 2].map(|number| g.part(all, number));
            [lu, permutation, g.stop_gradient(sign)]
        })
    }
}
