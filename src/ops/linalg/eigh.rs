//! Eigenvalues and eigenvectors of symmetric matrices.

use crate::ir::{Linalg, Value};
use crate::ops::Trace;
use crate::ops::catalog::{Row, Values};
use crate::ops::rules::Contribution;
use crate::tensor::DType;

const REAL: Values = Values::Uniform(-1.0, 1.0);

pub(in crate::ops) const ROWS: &[Row] = &[
    Row {
        name: "eigh",
        meaning: "the eigenvalues of symmetric matrices in ascending order, and their eigenvectors as columns",
        shapes: "a [..., n, n] -> values [..., n], vectors [..., n, n]",
        torch: "torch.linalg.eigh",
        mindspore: "mindspore.scipy.linalg.eigh",
        build: |g, x| {
            let a = symmetric(g, x[0]);
            let [values, vectors] = g.eigh(a, g.rank(a) > 2);
            let rows = g.unsqueeze(values, g.rank(values) - 1);
            let values = g.sin(rows);
            g.mul(vectors, values)
        },
        samples: &[&[(&[3, 3], REAL)], &[(&[2, 2, 2], REAL)]],
        ..Row::COMMON
    },
    Row {
        name: "eigvalsh",
        meaning: "the eigenvalues of symmetric matrices in ascending order",
        shapes: "a [..., n, n] -> [..., n]",
        torch: "torch.linalg.eigvalsh",
        mindspore: "-",
        build: |g, x| {
            let a = symmetric(g, x[0]);
            g.eigvalsh(a, false)
        },
        samples: &[&[(&[3, 3], REAL)]],
        ..Row::COMMON
    },
];

fn symmetric(g: &mut Trace, x: Value) -> Value {
    let transposed = g.matrix_transposed(x);
    g.add(x, transposed)
}

/// da = V (diag(dw) + F * (V^T dV)) V^T with F_ij = 1 / (w_j - w_i) off the diagonal, 0 on it; its symmetric part. (Giles, "An extended
/// collection of matrix derivative results for forward and reverse mode algorithmic differentiation", 2008, section 3.1.)
pub(super) fn gradient(g: &mut Trace, a: Value, y: Value, dy: &[Option<Value>]) -> Contribution {
    let (w, v) = (g.part(y, 0), g.part(y, 1));
    let rank = g.rank(a);
    let n = g.dims(a)[rank - 1];
    let of_values = dy[0].map(|dw| g.diag_embed(dw, 0, rank - 2, rank - 1));
    let of_vectors = dy[1].map(|dv| {
        let (column, row) = (g.unsqueeze(w, rank - 1), g.unsqueeze(w, rank - 2));
        let apart = g.sub(row, column);
        let factors = g.reciprocal_off_diagonal(apart, n);
        let turned = g.product(v, dv, true, false);
        g.mul(factors, turned)
    });
    let inner = match (of_values, of_vectors) {
        (Some(values), Some(vectors)) => g.add(values, vectors),
        (Some(one), None) | (None, Some(one)) => one,
        (None, None) => return Contribution::Zero,
    };
    let left = g.product(v, inner, false, false);
    let da = g.product(left, v, false, true);
    let mirror = g.matrix_transposed(da);
    let sum = g.add(da, mirror);
    Contribution::One(g.mul_scalar(sum, 0.5))
}

impl Trace {
    /// 1 / x off the diagonal of matrices [..., n, n], 0 on it.
    pub(super) fn reciprocal_off_diagonal(&mut self, x: Value, n: usize) -> Value {
        let diagonal = self.eye(DType::Bool, n, n);
        let (zero, one) = (self.scalar(self.dtype(x), 0.0), self.scalar(self.dtype(x), 1.0));
        let apart = self.select(diagonal, one, x);
        let inverse = self.reciprocal(apart);
        self.select(diagonal, zero, inverse)
    }
    /// The eigenvalues [..., n] of symmetric matrices a [..., n, n] in ascending order, and their eigenvectors as the columns of [..., n, n]:
    /// a = V diag(w) V^T. The lower triangle of a is read, with `upper` the upper one. A matrix that is not finite gives NaN. Integers
    /// give f32; f32 is computed in f64, 16-bit floats in f32.
    ///
    /// An eigenvector could as well have the other sign: of its components within 1 % of the largest in size, the first is positive. That
    /// of a value that occurs several times is one of many: the gradient of the vectors is then infinite or NaN, and means something
    /// only for what does not depend on the choice. The gradient of the values alone is always finite. It is symmetric.
    pub fn eigh(&mut self, a: Value, upper: bool) -> [Value; 2] {
        self.symmetric_parts("eigh", a, upper)
    }
    /// The eigenvalues of [`Trace::eigh`] alone, which cost a third.
    pub fn eigvalsh(&mut self, a: Value, upper: bool) -> Value {
        self.symmetric_parts("eigvalsh", a, upper)[0]
    }
    fn symmetric_parts(&mut self, name: &str, a: Value, upper: bool) -> [Value; 2] {
        if !self.is_square(name, a) {
            return [Value::INVALID; 2];
        }
        self.in_float_parts(name, &[a], |g, x| {
            let a = if upper { g.matrix_transposed(x[0]) } else { x[0] };
            let both = g.linalg(Linalg::Eigh, &[a]);
            [0, 1].map(|number| g.part(both, number))
        })
    }
}
