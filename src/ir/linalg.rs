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
    /// (a [..., n, n], b [..., n, m]) -> x with a x = b, or without `left` (b [..., m, n]) x a = b. A zero on the diagonal divides like any other.
    TriangularSolve(TriangularSolve),
    /// (a [..., n, n], its `Lu`'s first and second result, b [..., n, m]) -> x with a x = b, or with `transpose` a^T x = b. The solution is
    /// a function of a and b: what the decomposition holds is not looked at for its slope.
    Solve { transpose: bool },
    /// a [..., m, n] -> two results: Q [..., m, k] with orthonormal columns and upper triangular R [..., k, n], a = Q R, with k = min(m, n), or with
    /// `complete` k = m. The diagonal of R is not negative.
    Qr { complete: bool },
    /// a [..., n, n], of which the lower triangle is read as a symmetric matrix -> two results: the eigenvalues [..., n] in ascending order,
    /// and the eigenvectors as columns [..., n, n]. Of a vector's components within 1 % of the largest in size, the first is positive.
    Eigh,
    /// a [..., m, n] -> three results, with k = min(m, n): U [..., m, k], the singular values [..., k] in descending order, V^T [..., k, n], with
    /// a = U diag(s) V^T. Signs as for `Eigh`, by the columns of U.
    Svd,
    /// a [..., n, n] -> e^a.
    MatrixExp,
}

impl Linalg {
    /// The name of the operation as hosts know it.
    pub fn name(self) -> &'static str {
        match self {
            Linalg::Cholesky => "cholesky",
            Linalg::Lu => "lu_factor",
            Linalg::TriangularSolve(_) => "triangular_solve",
            Linalg::Solve { .. } => "solve",
            Linalg::Qr { .. } => "qr",
            Linalg::Eigh => "eigh",
            Linalg::Svd => "svd",
            Linalg::MatrixExp => "matrix_exp",
        }
    }
    /// As [`Op::result_count`].
    pub fn result_count(self) -> Option<usize> {
        match self {
            Linalg::Cholesky | Linalg::TriangularSolve(_) | Linalg::Solve { .. } | Linalg::MatrixExp => None,
            Linalg::Qr { .. } | Linalg::Eigh => Some(2),
            Linalg::Lu | Linalg::Svd => Some(3),
        }
    }
    /// How many operands it takes.
    pub fn arity(self) -> usize {
        match self {
            Linalg::Cholesky | Linalg::Lu | Linalg::Qr { .. } | Linalg::Eigh | Linalg::Svd | Linalg::MatrixExp => 1,
            Linalg::TriangularSolve(_) => 2,
            Linalg::Solve { .. } => 4,
        }
    }
}

/// Which side of a triangular matrix the unknown is on, and what is meant by the matrix.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct TriangularSolve {
    /// a x = b; otherwise x a = b.
    pub left: bool,
    /// The triangle on and above the diagonal is read; otherwise that on and below it.
    pub upper: bool,
    /// The transpose of a stands for a.
    pub transpose: bool,
    /// The diagonal is taken for ones, and not read.
    pub unit: bool,
}

impl TriangularSolve {
    /// a x = b with a lower triangle.
    pub const LOWER: TriangularSolve = TriangularSolve { left: true, upper: false, transpose: false, unit: false };
    /// a x = b with an upper triangle.
    pub const UPPER: TriangularSolve = TriangularSolve { upper: true, ..TriangularSolve::LOWER };
}

impl Default for TriangularSolve {
    fn default() -> TriangularSolve {
        TriangularSolve::LOWER
    }
}
