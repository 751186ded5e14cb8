//! The primitives of linear algebra and their attributes.

/// Decompositions of matrices, and what is solved with them. Matrices are the last two dimensions, leading dimensions are the same in all
/// operands and results: each matrix is by itself. NaN or infinity in a matrix makes its results NaN, and nobody else's. Written out in
/// [`crate::ops`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Linalg {
    /// a [..., n, n], of which the lower triangle is read as a symmetric matrix -> lower triangular L with a = L L^T; all NaN where a is not
    /// positive definite.
    Cholesky,
    /// a [..., m, n] -> three results: L below the diagonal and U on and above it in one matrix [..., m, n]; the permutation (i64 [..., m]): row
    /// i of L U is row permutation[i] of a; and its sign [...], 1 or -1. Each pivot is the first largest element of its column.
    Lu,
    /// (a, b [..., n, m]) -> x with a x = b, or without `left` (b [..., m, n]) x a = b. Only the triangle of a that `upper` names is read,
    /// and not its diagonal, which is 1, with `unit`. With `transpose` a stands for its transpose. A zero on the diagonal divides like any other.
    TriangularSolve { left: bool, upper: bool, transpose: bool, unit: bool },
    /// (a [..., n, n], its `Lu`'s first and second result, b [..., n, m]) -> x with a x = b, or with `transpose` a^T x = b. The solution is
    /// a function of a and b: what the decomposition holds is not looked at for its slope.
    Solve { transpose: bool },
}

impl Linalg {
    /// The name of the operation as hosts know it.
    pub fn name(self) -> &'static str {
        match self {
            Linalg::Cholesky => "cholesky",
            Linalg::Lu => "lu_factor",
            Linalg::TriangularSolve { .. } => "triangular_solve",
            Linalg::Solve { .. } => "solve",
        }
    }
    /// As [`Op::result_count`].
    pub fn result_count(self) -> Option<usize> {
        match self {
            Linalg::Cholesky | Linalg::TriangularSolve { .. } | Linalg::Solve { .. } => None,
            Linalg::Lu => Some(3),
        }
    }
    /// How many operands it takes.
    pub fn arity(self) -> usize {
        match self {
            Linalg::Cholesky | Linalg::Lu => 1,
            Linalg::TriangularSolve { .. } => 2,
            Linalg::Solve { .. } => 4,
        }
    }
}
