//! Systems of linear equations.

use crate::error::Error;
use crate::ir::{Linalg, TriangularSolve, Value};
use crate::ops::Trace;
use crate::ops::catalog::Values;
use crate::ops::composite::support::{YES, rows};
use crate::tensor::DType;

const REAL: Values = Values::Uniform(-1.0, 1.0);
/// Matrices of these are invertible as good as always, and triangles of them well so.
const APART: Values = Values::Uniform(0.5, 1.5);

rows! {
    "solve", "x with a x = b, or x a = b", "a [..., n, n], b [..., n, k] or [..., n] -> b", "torch.linalg.solve", "matrix_solve",
        Float, YES =>
        |g, x| match g.rank(x[1]) {
            // From the right where there is one column more.
            3 => g.solve(x[0], x[1], false),
            _ => g.solve(x[0], x[1], true),
        },
        [&[(&[3, 3], REAL), (&[3, 2], REAL)], &[(&[2, 2], REAL), (&[2], REAL)], &[(&[3, 3], REAL), (&[2, 2, 3], REAL)]];
    "inverse", "the inverse of square matrices", "a [..., n, n] -> [..., n, n]", "torch.linalg.inv", "", Float, YES =>
        |g, x| g.inverse(x[0]), [&[(&[3, 3], REAL)], &[(&[2, 2, 2], REAL)]];
    "lu_solve", "x with a x = b, by lu_factor of a", "lu [..., n, n], permutation [..., n], b [..., n, k] -> [..., n, k]",
        "torch.linalg.lu_solve", "", Float, YES =>
        |g, x| {
            let permutation = g.argsort(x[1], 1, false);
            let straight = g.lu_solve(x[0], permutation, x[2], false);
            let transposed = g.lu_solve(x[0], permutation, x[2], true);
            g.stack(&[straight, transposed], 0)
        },
        [&[(&[2, 3, 3], APART), (&[2, 3], Values::Integers(0, 9)), (&[2, 3, 2], REAL)]];
    "cholesky_solve", "x with a x = b, by the Cholesky factor of a", "b [..., n, k], l [..., n, n] -> [..., n, k]", "", "", Float, YES =>
        |g, x| {
            let lower = g.cholesky_solve(x[0], x[1], false);
            let upper = g.cholesky_solve(x[0], x[1], true);
            g.stack(&[lower, upper], 0)
        },
        [&[(&[3, 2], REAL), (&[3, 3], APART)]];
    "cholesky_inverse", "the inverse of a, by its Cholesky factor", "l [..., n, n] -> [..., n, n]", "", "", Float, YES =>
        |g, x| {
            let upper = g.rank(x[0]) > 2;
            g.cholesky_inverse(x[0], upper)
        },
        [&[(&[3, 3], APART)], &[(&[2, 2, 2], APART)]];
    "lstsq", "x that makes |a x - b| smallest, the shortest of them", "a [..., m, n], b [..., m, k] or [m] -> [..., n, k] or [n]",
        "torch.linalg.lstsq", "", Float, YES =>
        |g, x| g.lstsq(x[0], x[1]),
        [&[(&[4, 2], REAL), (&[4, 3], REAL)], &[(&[2, 2, 3], REAL), (&[2, 1], REAL)], &[(&[3, 2], REAL), (&[3], REAL)]];
    "tensorsolve", "x whose products with a, summed over its last axes, are b", "a [b..., x...], b [b...] -> [x...]", "torch.linalg.tensorsolve",
        "-", Float, YES =>
        |g, x| {
            let axes: &[usize] = if g.rank(x[1]) > 1 { &[1] } else { &[] };
            g.tensorsolve(x[0], x[1], axes)
        },
        [&[(&[2, 4, 2], REAL), (&[2, 2], REAL)], &[(&[4, 2, 2], REAL), (&[4], REAL)]];
    "tensorinv", "the inverse of a as a map from its last axes to its first ones", "a [p..., q...] -> [q..., p...]", "torch.linalg.tensorinv",
        "-", Float, YES =>
        |g, x| g.tensorinv(x[0], 2), [&[(&[2, 2, 4], REAL)]];
    "matrix_power", "a product of n times the same matrix, or its inverse", "a [..., m, m] -> [..., m, m]", "torch.linalg.matrix_power", "", Float, YES =>
        |g, x| {
            let n = if g.rank(x[0]) > 2 { -2 } else { 5 };
            g.matrix_power(x[0], n)
        },
        [&[(&[3, 3], REAL)], &[(&[2, 2, 2], REAL)]];
}

impl Trace {
    /// x with a x = b for square matrices a [..., n, n] and b [..., n, k], without `left` x a = b for b [..., k, n]; by LU decomposition with
    /// partial pivoting. b is a batch of vectors [..., n] if it is one vector, or has the shape of a without its last dimension.
    /// Leading dimensions broadcast, dtypes promote.
    ///
    /// A singular matrix gives infinity or NaN, and so does its gradient: a run does not fail.
    pub fn solve(&mut self, a: Value, b: Value, left: bool) -> Value {
        const NAME: &str = "solve";
        if !self.is_square(NAME, a) {
            return Value::INVALID;
        }
        self.in_float(NAME, &[a, b], |g, x| {
            let (a, b) = (x[0], x[1]);
            let (dims_a, dims_b) = (g.dims(a), g.dims(b));
            let rank = dims_a.len();
            let is_vector = dims_b.len() == 1 || dims_b == dims_a[..rank - 1];
            if !is_vector {
                return g.solve_matrix(NAME, a, b, left);
            }
            if dims_b[dims_b.len() - 1] != dims_a[rank - 1] {
                return g.fail(Error::shape(format!("{NAME}: a is {dims_a:?}, b {dims_b:?}")));
            }
            // A vector is a row on the left of a, and a column on its right.
            let axis = if left { dims_b.len() } else { dims_b.len() - 1 };
            let b = g.unsqueeze(b, axis);
            let y = g.solve_matrix(NAME, a, b, left);
            let rank = g.rank(y);
            if !y.is_valid() { y } else { g.squeeze(y, &[if left { rank - 1 } else { rank - 2 }]) }
        })
    }
    fn solve_matrix(&mut self, name: &str, a: Value, b: Value, left: bool) -> Value {
        // Decomposed before it is repeated.
        let [lu, permutation, _] = self.lu_factor(a);
        let b = if left { b } else { self.matrix_transposed(b) };
        let Some([all, b]) = self.matrices_alike(name, [a, b]) else { return Value::INVALID };
        let (dims, n) = (self.dims(all), self.dims(all)[self.rank(all) - 1]);
        let rows = self.dims(b)[dims.len() - 2];
        if rows != n {
            let (a, b) = (self.shape(a), self.shape(b));
            return self.fail(Error::shape(format!("{name}: {a} does not fit right-hand sides of {rows} elements, {b}")));
        }
        let lu = self.broadcast_to(lu, &dims);
        let permutation = self.broadcast_to(permutation, &dims[..dims.len() - 1]);
        let y = self.linalg(Linalg::Solve { transpose: !left }, &[all, lu, permutation, b]);
        if left { y } else { self.matrix_transposed(y) }
    }
    /// The inverse of square matrices a [..., n, n], as the solution of a x = 1. A singular matrix gives infinity or NaN. To solve a
    /// system, [`Trace::solve`] is quicker and more accurate.
    pub fn inverse(&mut self, a: Value) -> Value {
        const NAME: &str = "inverse";
        if !self.is_square(NAME, a) {
            return Value::INVALID;
        }
        self.in_float(NAME, &[a], |g, x| {
            let (dims, rank) = (g.dims(x[0]), g.rank(x[0]));
            let eye = g.identity_matrices(g.dtype(x[0]), &dims[..rank - 2], dims[rank - 1]);
            g.solve_matrix(NAME, x[0], eye, true)
        })
    }
    /// x with a x = b, or with `transpose` a^T x = b, of what [`Trace::lu_factor`] made of a: `lu` [..., n, n], `permutation` [..., n] (i64
    /// or i32), for b [..., n, k]. Leading dimensions broadcast. The gradient is that with respect to `lu` and b; where a itself is at
    /// hand, that of [`Trace::solve`] costs less. A position out of range fails the run.
    pub fn lu_solve(&mut self, lu: Value, permutation: Value, b: Value, transpose: bool) -> Value {
        const NAME: &str = "lu_solve";
        if !self.is_square(NAME, lu) || !self.knows(NAME, &[permutation]) {
            return Value::INVALID;
        }
        if !matches!(self.dtype(permutation), DType::I64 | DType::I32) {
            let dtype = self.dtype(permutation);
            return self.fail(Error::dtype(format!("{NAME}: the permutation is {dtype}, not i64 or i32")));
        }
        let (own, given) = (self.dims(lu), self.dims(permutation));
        if own[..own.len() - 1] != given {
            return self.fail(Error::shape(format!("{NAME}: the decomposition is {own:?}, its permutation {given:?}")));
        }
        self.in_float(NAME, &[lu, b], |g, x| {
            let Some([lu, b]) = g.matrices_alike(NAME, [x[0], x[1]]) else { return Value::INVALID };
            let dims = g.dims(lu);
            let rows = g.broadcast_to(permutation, &dims[..dims.len() - 1]);
            if g.dims(b)[dims.len() - 2] != dims[dims.len() - 1] {
                let (a, b) = (g.shape(lu), g.shape(b));
                return g.fail(Error::shape(format!("{NAME}: the decomposition is {a}, b {b}")));
            }
            let lower = TriangularSolve { unit: true, transpose, ..TriangularSolve::LOWER };
            let upper = TriangularSolve { transpose, ..TriangularSolve::UPPER };
            if transpose {
                let y = g.triangular(upper, lu, b);
                let y = g.triangular(lower, lu, y);
                let back = g.argsort(rows, dims.len() - 2, false);
                g.matrix_rows(y, back)
            } else {
                let b = g.matrix_rows(b, rows);
                let y = g.triangular(lower, lu, b);
                g.triangular(upper, lu, y)
            }
        })
    }
    /// x with a x = b for b [..., n, k] and the Cholesky factor of a: lower triangular l [..., n, n] with a = l l^T, or with `upper` upper
    /// triangular with a = l^T l. Leading dimensions broadcast.
    pub fn cholesky_solve(&mut self, b: Value, l: Value, upper: bool) -> Value {
        const NAME: &str = "cholesky_solve";
        if !self.is_square(NAME, l) {
            return Value::INVALID;
        }
        self.in_float(NAME, &[b, l], |g, x| {
            let Some([b, l]) = g.matrices_alike(NAME, [x[0], x[1]]) else { return Value::INVALID };
            let rank = g.rank(l);
            if g.dims(b)[rank - 2] != g.dims(l)[rank - 1] {
                let (b, l) = (g.shape(b), g.shape(l));
                return g.fail(Error::shape(format!("{NAME}: b is {b}, the factor {l}")));
            }
            let how = TriangularSolve { upper, ..TriangularSolve::LOWER };
            let y = g.triangular(TriangularSolve { transpose: upper, ..how }, l, b);
            g.triangular(TriangularSolve { transpose: !upper, ..how }, l, y)
        })
    }
    /// The inverse of a by its Cholesky factor, as [`Trace::cholesky_solve`] takes it.
    pub fn cholesky_inverse(&mut self, l: Value, upper: bool) -> Value {
        const NAME: &str = "cholesky_inverse";
        if !self.is_square(NAME, l) {
            return Value::INVALID;
        }
        self.in_float(NAME, &[l], |g, x| {
            let (dims, rank) = (g.dims(x[0]), g.rank(x[0]));
            let eye = g.identity_matrices(g.dtype(x[0]), &dims[..rank - 2], dims[rank - 1]);
            g.cholesky_solve(eye, x[0], upper)
        })
    }
    /// The product of n times the square matrix a [..., m, m]; of its inverse for negative n; 1 for n = 0.
    pub fn matrix_power(&mut self, a: Value, n: i64) -> Value {
        const NAME: &str = "matrix_power";
        if !self.is_square(NAME, a) {
            return Value::INVALID;
        }
        self.in_float(NAME, &[a], |g, x| {
            let (dims, rank) = (g.dims(x[0]), g.rank(x[0]));
            let mut square = if n < 0 { g.inverse(x[0]) } else { x[0] };
            let mut power: Option<Value> = None;
            let mut rest = n.unsigned_abs();
            while rest > 0 {
                if rest & 1 == 1 {
                    power = Some(power.map_or(square, |power| g.product(power, square, false, false)));
                }
                rest >>= 1;
                if rest > 0 {
                    square = g.product(square, square, false, false);
                }
            }
            power.unwrap_or_else(|| g.identity_matrices(g.dtype(x[0]), &dims[..rank - 2], dims[rank - 1]))
        })
    }
    /// x that makes |a x - b| smallest for a [..., m, n] and b [..., m, k], or a vector b [m], and of those that do the shortest; by QR
    /// decomposition, for matrices of full rank: others give infinity or NaN, and [`Trace::pinv`] is for them. Leading dimensions
    /// broadcast, dtypes promote.
    pub fn lstsq(&mut self, a: Value, b: Value) -> Value {
        const NAME: &str = "lstsq";
        self.in_float(NAME, &[a, b], |g, x| {
            let is_vector = g.rank(x[1]) == 1;
            let b = if is_vector { g.unsqueeze(x[1], 1) } else { x[1] };
            let Some([a, b]) = g.matrices_alike(NAME, [x[0], b]) else { return Value::INVALID };
            let (dims, sides, rank) = (g.dims(a), g.dims(b), g.rank(a));
            let (m, n) = (dims[rank - 2], dims[rank - 1]);
            if sides[rank - 2] != m {
                let (a, b) = (g.shape(a), g.shape(b));
                return g.fail(Error::shape(format!("{NAME}: a is {a}, b {b}")));
            }
            let y = if m >= n {
                let [q, r] = g.qr(a, false);
                let turned = g.product(q, b, true, false);
                g.triangular(TriangularSolve::UPPER, r, turned)
            } else {
                let lying = g.matrix_transposed(a);
                let [q, r] = g.qr(lying, false);
                let inside = g.triangular(TriangularSolve { transpose: true, ..TriangularSolve::UPPER }, r, b);
                g.product(q, inside, false, false)
            };
            if is_vector && y.is_valid() { g.squeeze(y, &[rank - 1]) } else { y }
        })
    }
    /// x with b = the sum of a times x over the last axes of a, after those named in `axes` have moved behind the others. a has as many axes
    /// for b as b has, and the others for x; both have as many elements as b. A singular a gives infinity or NaN.
    pub fn tensorsolve(&mut self, a: Value, b: Value, axes: &[usize]) -> Value {
        const NAME: &str = "tensorsolve";
        if !self.finds_axes(NAME, a, axes) || !self.knows(NAME, &[b]) {
            return Value::INVALID;
        }
        let rank = self.rank(a);
        let ends: Vec<usize> = (rank - axes.len()..rank).collect();
        let a = self.move_axes(a, axes, &ends);
        let (dims, sides) = (self.dims(a), self.dims(b));
        let size: usize = sides.iter().product();
        let (first, last) = dims.split_at(sides.len().min(rank));
        let elements = |dims: &[usize]| dims.iter().product::<usize>();
        if sides.len() > rank || elements(first) != size || elements(last) != size {
            let count = sides.len();
            let text = format!("the first {count} axes of a, {dims:?}, and the others each have as many elements as b, {sides:?}");
            return self.fail(Error::shape(format!("{NAME}: {text}")));
        }
        let (a, b) = (self.reshape(a, &[size, size]), self.reshape(b, &[size]));
        let x = self.solve(a, b, true);
        self.reshape(x, &dims[sides.len()..])
    }
    /// The inverse of a as a matrix with a row for each place along its first `count` axes, and a column for each along the others; both
    /// are as many. A singular one gives infinity or NaN.
    pub fn tensorinv(&mut self, a: Value, count: usize) -> Value {
        const NAME: &str = "tensorinv";
        if !self.knows(NAME, &[a]) {
            return Value::INVALID;
        }
        let dims = self.dims(a);
        let (first, last) = dims.split_at(count.min(dims.len()));
        let size: usize = first.iter().product();
        if count == 0 || count > dims.len() || last.iter().product::<usize>() != size {
            return self.fail(Error::shape(format!("{NAME}: the first {count} axes of {dims:?} have not as many elements as the others")));
        }
        let matrix = self.reshape(a, &[size, size]);
        let inverse = self.inverse(matrix);
        self.reshape(inverse, &[last, first].concat())
    }
}
