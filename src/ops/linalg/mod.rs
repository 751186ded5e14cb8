//! Linear algebra over the last two dimensions: decompositions of matrices, and systems of equations. Leading dimensions are a batch.
//!
//! Gradients are written with the same operations and matrix products, so that they can be differentiated again. A symmetric matrix is
//! read from its lower triangle, and its gradient is symmetric: what it says of a change that keeps the matrix symmetric is right.

pub(super) mod cholesky;
pub(super) mod eigh;
pub(super) mod exponential;
pub(super) mod lu;
pub(super) mod qr;
pub(super) mod svd;
pub(super) mod triangular;

use crate::error::{Error, Result};
use crate::ir::{Linalg, Node, Op, TriangularSolve, Type, Value};
use crate::ops::Trace;
use crate::ops::rules::Contribution;
use crate::ops::shape::broadcast_shape;
use crate::tensor::{DType, Shape};

fn operands<const N: usize>(inputs: &[Type]) -> Result<[Type; N]> {
    inputs.try_into().map_err(|_| Error::invalid(format!("takes {N} operands, not {}", inputs.len())))
}

/// The sizes of x as matrices: those in front, rows, columns.
fn matrices(x: &Type) -> Result<(&[usize], usize, usize)> {
    if !x.dtype.is_float() {
        return Err(Error::dtype(format!("defined for floats, not {}", x.dtype)));
    }
    match x.shape.dims() {
        [lead @ .., m, n] => Ok((lead, *m, *n)),
        _ => Err(Error::shape(format!("{} is no matrix", x.shape))),
    }
}

/// The sizes of x as square matrices: those in front, rows.
fn square(x: &Type) -> Result<(&[usize], usize)> {
    match matrices(x)? {
        (lead, m, n) if m == n => Ok((lead, n)),
        _ => Err(Error::shape(format!("{} is not square", x.shape))),
    }
}

fn shaped(dtype: DType, parts: &[&[usize]]) -> Result<Type> {
    Ok(Type::new(dtype, Shape::new(&parts.concat())?))
}

/// The type of the result of an operation that has one.
pub(super) fn infer(op: Linalg, inputs: &[Type]) -> Result<Type> {
    match op {
        Linalg::Cholesky | Linalg::MatrixExp => {
            let [a] = operands(inputs)?;
            square(&a).map(|_| a)
        }
        Linalg::TriangularSolve(TriangularSolve { left, .. }) => {
            let [a, b] = operands(inputs)?;
            triangular::infer(left, a, b)
        }
        Linalg::Solve { .. } => {
            let [a, lu, permutation, b] = operands(inputs)?;
            let (lead, n) = square(&a)?;
            if lu != a || permutation != shaped(DType::I64, &[lead, &[n]])? {
                return Err(Error::shape(format!("{a} is decomposed into {lu} and {permutation}")));
            }
            triangular::infer(true, a, b)
        }
        Linalg::Lu | Linalg::Qr { .. } | Linalg::Eigh | Linalg::Svd => Err(Error::internal("its results are its parts")),
    }
}

/// The types of the results of an operation that has several.
pub(super) fn infer_several(op: Linalg, inputs: &[Type]) -> Result<Vec<Type>> {
    let [a] = operands(inputs)?;
    let (lead, m, n) = matrices(&a)?;
    let k = m.min(n);
    match op {
        Linalg::Lu => Ok(vec![a, shaped(DType::I64, &[lead, &[m]])?, shaped(a.dtype, &[lead])?]),
        Linalg::Qr { complete } => {
            let k = if complete { m } else { k };
            Ok(vec![shaped(a.dtype, &[lead, &[m, k]])?, shaped(a.dtype, &[lead, &[k, n]])?])
        }
        Linalg::Eigh => {
            square(&a)?;
            Ok(vec![shaped(a.dtype, &[lead, &[n]])?, a])
        }
        Linalg::Svd => Ok(vec![shaped(a.dtype, &[lead, &[m, k]])?, shaped(a.dtype, &[lead, &[k]])?, shaped(a.dtype, &[lead, &[k, n]])?]),
        _ => Err(Error::internal(format!("{} has one result", op.name()))),
    }
}

/// What an operation with one result hands to its operands.
pub(super) fn gradient(g: &mut Trace, op: Linalg, x: &[Value], y: Value, dy: Value) -> Contribution {
    match op {
        Linalg::Cholesky => cholesky::gradient(g, y, dy),
        Linalg::TriangularSolve(how) => triangular::gradient(g, how, x[0], y, dy),
        Linalg::Solve { transpose } => triangular::gradient_solve(g, transpose, x, y, dy),
        Linalg::MatrixExp => exponential::gradient(g, x[0], dy),
        Linalg::Lu | Linalg::Qr { .. } | Linalg::Eigh | Linalg::Svd => Contribution::Zero,
    }
}

/// What an operation with several results hands to its operand.
pub(super) fn gradient_several(g: &mut Trace, op: Linalg, node: &Node, y: Value, dy: &[Option<Value>]) -> Contribution {
    match op {
        Linalg::Lu => lu::gradient(g, node.inputs[0], y, dy),
        Linalg::Qr { complete } => qr::gradient(g, complete, node.inputs[0], y, dy),
        Linalg::Eigh => eigh::gradient(g, node.inputs[0], y, dy),
        Linalg::Svd => svd::gradient(g, node.inputs[0], y, dy),
        _ => Contribution::Refused("it has one result"),
    }
}

impl Trace {
    pub(super) fn linalg(&mut self, op: Linalg, operands: &[Value]) -> Value {
        self.push(Op::Linalg(op), operands)
    }
    /// Matrices with rows and columns swapped.
    pub(super) fn matrix_transposed(&mut self, x: Value) -> Value {
        let rank = self.rank(x);
        if rank < 2 { x } else { self.swap_axes(x, rank - 2, rank - 1) }
    }
    /// Square matrices with what is below the diagonal mirrored to above it.
    pub(super) fn mirrored(&mut self, x: Value) -> Value {
        let (with, below) = (self.tril(x, 0), self.tril(x, -1));
        let above = self.matrix_transposed(below);
        self.add(with, above)
    }
    /// Operands in one float dtype, integers as f32, with leading dimensions that broadcast; if they do not, that sticks.
    pub(super) fn matrices_alike<const N: usize>(&mut self, name: &str, x: [Value; N]) -> Option<[Value; N]> {
        if !self.knows(name, &x) {
            return None;
        }
        let mut lead = Shape::SCALAR;
        for x in x {
            let dims = self.dims(x);
            let Some(rank) = dims.len().checked_sub(2) else {
                self.fail(Error::shape(format!("{name}: {dims:?} is no matrix")));
                return None;
            };
            match Shape::new(&dims[..rank]).and_then(|own| broadcast_shape(&lead, &own)) {
                Ok(all) => lead = all,
                Err(error) => {
                    self.fail(error.within(name));
                    return None;
                }
            }
        }
        let dtype = self.promoted(&x).unwrap_or(DType::F32);
        let dtype = if dtype.is_float() { dtype } else { DType::F32 };
        Some(x.map(|x| {
            let dims = self.dims(x);
            let wide = self.cast(x, dtype);
            self.broadcast_to(wide, &[lead.dims(), &dims[dims.len() - 2..]].concat())
        }))
    }
    /// x in a float dtype, integers as f32, if it has matrices; if not, that sticks.
    pub(super) fn matrix_of(&mut self, name: &str, x: Value) -> Option<Value> {
        self.matrices_alike(name, [x]).map(|[x]| x)
    }
    /// Whether x has square matrices; if not, that sticks.
    pub(super) fn is_square(&mut self, name: &str, x: Value) -> bool {
        if !self.knows(name, &[x]) {
            return false;
        }
        let dims = self.dims(x);
        let fits = matches!(dims[..], [.., m, n] if m == n);
        if !fits {
            self.fail(Error::shape(format!("{name}: {dims:?} is no square matrix")));
        }
        fits
    }
    /// Matrices with ones on the diagonal and zeros elsewhere, [..., n, n] with these sizes in front.
    pub(super) fn identity_matrices(&mut self, dtype: DType, lead: &[usize], n: usize) -> Value {
        let eye = self.eye(dtype, n, n);
        self.broadcast_to(eye, &[lead, &[n, n]].concat())
    }
}
