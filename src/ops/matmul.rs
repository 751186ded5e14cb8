//! Matrix products.

use crate::error::{Error, Result};
use crate::ir::{Op, Type, Value};
use crate::ops::Trace;
use crate::ops::catalog::{Differentiable, Domain, Row, Values};
use crate::ops::rules::Contribution;
use crate::ops::shape::broadcast_shape;
use crate::tensor::{DType, Shape};

const REAL: Values = Values::Uniform(-1.0, 1.0);

pub(super) const ROWS: &[Row] = &[
    Row {
        name: "matmul",
        meaning: "the matrix product over the last two dimensions; leading dimensions broadcast, vectors are rows or columns",
        domain: Domain::Number,
        differentiable: Differentiable::Yes,
        shapes: "a [..., n, k], b [..., k, m] -> [..., n, m]",
        build: |g, x| g.matmul(x[0], x[1]),
        samples: &[
            &[(&[3, 4], REAL), (&[4, 2], REAL)],
            &[(&[2, 3, 4], REAL), (&[4, 2], REAL)],
            &[(&[2, 1, 3, 4], REAL), (&[3, 4, 2], REAL)],
            &[(&[4], REAL), (&[4, 2], REAL)],
            &[(&[3, 4], REAL), (&[4], REAL)],
            &[(&[4], REAL), (&[4], REAL)],
        ],
        ..Row::COMMON
    },
    Row {
        name: "linear",
        meaning: "x W^T + b with W [out, in]",
        domain: Domain::Float,
        differentiable: Differentiable::Yes,
        shapes: "x [..., in], W [out, in], b [out] or none -> [..., out]",
        torch: "torch.nn.functional.linear",
        mindspore: "mindspore.ops.dense",
        operands: Some((2, 3)),
        build: |g, x| g.linear(x[0], x[1], Some(x[2])),
        samples: &[&[(&[3, 4], REAL), (&[2, 4], REAL), (&[2], REAL)], &[(&[2, 3, 4], REAL), (&[2, 4], REAL), (&[2], REAL)]],
    },
];

/// Rows, inner size, columns of (a, b) with the flags applied.
fn sizes(a: &Shape, b: &Shape, transpose_a: bool, transpose_b: bool) -> (usize, usize, usize, usize) {
    let last = |shape: &Shape, transposed: bool| {
        let dims = &shape.dims()[shape.rank() - 2..];
        if transposed { (dims[1], dims[0]) } else { (dims[0], dims[1]) }
    };
    let ((m, k), (k2, n)) = (last(a, transpose_a), last(b, transpose_b));
    (m, k, k2, n)
}

pub(super) fn infer(transpose_a: bool, transpose_b: bool, a: Type, b: Type) -> Result<Type> {
    if a.dtype != b.dtype || a.dtype == DType::Bool {
        return Err(Error::dtype(format!("of {} and {}", a, b)));
    }
    let fits = a.shape.rank() >= 2 && a.shape.rank() == b.shape.rank();
    if !fits || a.shape.dims()[..a.shape.rank() - 2] != b.shape.dims()[..b.shape.rank() - 2] {
        return Err(Error::shape(format!("of {} and {}", a.shape, b.shape)));
    }
    let (m, k, k2, n) = sizes(&a.shape, &b.shape, transpose_a, transpose_b);
    if k != k2 {
        return Err(Error::shape(format!("of {} and {}: {k} is not {k2}", a.shape, b.shape)));
    }
    let mut dims = a.shape.dims().to_vec();
    let rank = dims.len();
    dims[rank - 2] = m;
    dims[rank - 1] = n;
    Ok(Type::new(a.dtype, Shape::new(&dims)?))
}

/// dA = dY B^T and dB = A^T dY, in whichever storage order the operands have.
pub(super) fn gradient(g: &mut Trace, transpose_a: bool, transpose_b: bool, a: Value, b: Value, dy: Value) -> Contribution {
    let da = if transpose_a { g.product(b, dy, transpose_b, true) } else { g.product(dy, b, false, !transpose_b) };
    let db = if transpose_b { g.product(dy, a, true, transpose_a) } else { g.product(a, dy, !transpose_a, false) };
    Contribution::Two(da, db)
}

impl Trace {
    /// The primitive: ranks and leading dimensions agree; a flag says that an operand's last two dimensions are swapped.
    pub fn product(&mut self, a: Value, b: Value, transpose_a: bool, transpose_b: bool) -> Value {
        self.push(Op::MatMul { transpose_a, transpose_b }, &[a, b])
    }
    /// The matrix product. Leading dimensions broadcast; a vector is a row on the left and a column on the right; dtypes promote.
    pub fn matmul(&mut self, a: Value, b: Value) -> Value {
        self.matmul_with(a, b, false, false)
    }
    fn matmul_with(&mut self, a: Value, b: Value, transpose_a: bool, transpose_b: bool) -> Value {
        if !self.contains(a) || !self.contains(b) {
            return self.product(a, b, false, false);
        }
        let dtype = super::binary::promote(self.dtype(a), self.dtype(b));
        let (a, b) = (self.cast(a, dtype), self.cast(b, dtype));
        let (shape_a, shape_b) = (self.shape(a), self.shape(b));
        if shape_a.rank() == 0 || shape_b.rank() == 0 {
            return self.fail(Error::shape(format!("matmul of {shape_a} and {shape_b}: scalars are multiplied with mul")));
        }
        if shape_a.rank() == 1 {
            let row = self.unsqueeze(a, 0);
            let y = self.matmul_with(row, b, false, transpose_b);
            let axis = self.rank(y).saturating_sub(if shape_b.rank() == 1 { 1 } else { 2 });
            return if y.is_valid() { self.squeeze(y, &[axis]) } else { y };
        }
        if shape_b.rank() == 1 {
            let column = self.unsqueeze(b, 1);
            let y = self.matmul_with(a, column, transpose_a, false);
            let axis = self.rank(y).saturating_sub(1);
            return if y.is_valid() { self.squeeze(y, &[axis]) } else { y };
        }
        let (m, k, k2, n) = sizes(&shape_a, &shape_b, transpose_a, transpose_b);
        if k != k2 {
            return self.fail(Error::shape(format!("matmul of {shape_a} and {shape_b}: {k} is not {k2}")));
        }
        let (batch_a, batch_b) = (&shape_a.dims()[..shape_a.rank() - 2], &shape_b.dims()[..shape_b.rank() - 2]);
        // One matrix on the right: all rows of the left are one tall matrix.
        if shape_b.rank() == 2 && !transpose_a && shape_a.rank() > 2 {
            let flat = self.reshape(a, &[batch_a.iter().product::<usize>() * m, k]);
            let y = self.product(flat, b, false, transpose_b);
            return self.reshape(y, &[batch_a, &[m, n]].concat());
        }
        let batches = Shape::new(batch_a).and_then(|a| broadcast_shape(&a, &Shape::new(batch_b)?));
        let batch = match batches {
            Ok(batch) => batch.dims().to_vec(),
            Err(error) => return self.fail(error.within("matmul")),
        };
        let tail = |shape: &Shape| shape.dims()[shape.rank() - 2..].to_vec();
        let a = self.broadcast_to(a, &[&batch[..], &tail(&shape_a)].concat());
        let b = self.broadcast_to(b, &[&batch[..], &tail(&shape_b)].concat());
        self.product(a, b, transpose_a, transpose_b)
    }
    /// x W^T + b on the last dimension of x [..., in], with W [out, in] and b [out].
    pub fn linear(&mut self, x: Value, weight: Value, bias: Option<Value>) -> Value {
        if self.contains(weight) && self.rank(weight) != 2 {
            let shape = self.shape(weight);
            return self.fail(Error::shape(format!("linear: the weight is {shape}, not [out, in]")));
        }
        let y = self.matmul_with(x, weight, false, true);
        match bias {
            Some(bias) => self.add(y, bias),
            None => y,
        }
    }
}
