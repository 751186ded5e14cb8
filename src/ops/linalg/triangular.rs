//! Systems of equations: with triangular matrices, and with decomposed ones.

use crate::error::{Error, Result};
use crate::ir::{Linalg, TriangularSolve, Type, Value};
use crate::ops::Trace;
use crate::ops::catalog::{Row, Values};
use crate::ops::linalg::{matrices, square};
use crate::ops::rules::Contribution;

/// Away from 0, so that diagonals divide well.
const APART: Values = Values::Uniform(0.5, 1.5);
const REAL: Values = Values::Uniform(-1.0, 1.0);

pub(in crate::ops) const ROWS: &[Row] = &[Row {
    name: "triangular_solve",
    meaning: "x with a x = b, or x a = b, for a triangular a, or its transpose",
    shapes: "a [..., n, n], b [..., n, k] -> [..., n, k]; from the right b [..., k, n] -> [..., k, n]",
    torch: "torch.linalg.solve_triangular",
    mindspore: "mindspore.scipy.linalg.solve_triangular",
    build: |g, x| {
        let systems = (0..16).map(|bits: u32| {
            let is = |bit: u32| bits & 1 << bit != 0;
            TriangularSolve { left: is(0), upper: is(1), transpose: is(2), unit: is(3) }
        });
        let all: Vec<Value> = systems
            .map(|how| {
                let b = if how.left { x[1] } else { g.matrix_transposed(x[1]) };
                let y = g.triangular_solve(x[0], b, how);
                if how.left { y } else { g.matrix_transposed(y) }
            })
            .collect();
        g.stack(&all, 0)
    },
    samples: &[&[(&[3, 3], APART), (&[3, 2], REAL)], &[(&[2, 1, 2, 2], APART), (&[2, 2, 1], REAL)]],
    ..Row::COMMON
}];

pub(super) fn infer(left: bool, a: Type, b: Type) -> Result<Type> {
    let ((lead, n), (lead_b, rows, columns)) = (square(&a)?, matrices(&b)?);
    if a.dtype != b.dtype {
        return Err(Error::dtype(format!("a is {a}, b {b}")));
    }
    if lead != lead_b || n != if left { rows } else { columns } {
        return Err(Error::shape(format!("a is {}, b {}", a.shape, b.shape)));
    }
    Ok(b)
}

/// With s for what solves with the transpose, db = s(dy); da is minus the outer product of db and y, as far as a is read.
pub(super) fn gradient(g: &mut Trace, how: TriangularSolve, a: Value, y: Value, dy: Value) -> Contribution {
    let TriangularSolve { left, upper, transpose, unit } = how;
    let db = g.triangular(TriangularSolve { transpose: !transpose, ..how }, a, dy);
    let outer = match (left, transpose) {
        (true, false) => g.product(db, y, false, true),
        (true, true) => g.product(y, db, false, true),
        (false, false) => g.product(y, db, true, false),
        (false, true) => g.product(db, y, true, false),
    };
    let off = unit as i64;
    let read = if upper { g.triu(outer, off) } else { g.tril(outer, -off) };
    Contribution::Two(g.neg(read), db)
}

/// As for a triangle. The decomposition gets nothing: the solution is a function of the matrix itself.
pub(super) fn gradient_solve(g: &mut Trace, transpose: bool, x: &[Value], y: Value, dy: Value) -> Contribution {
    let db = g.linalg(Linalg::Solve { transpose: !transpose }, &[x[0], x[1], x[2], dy]);
    let outer = if transpose { g.product(y, db, false, true) } else { g.product(db, y, false, true) };
    let da = g.neg(outer);
    Contribution::Many(vec![Some(da), None, None, Some(db)])
}

impl Trace {
    pub(in crate::ops) fn triangular(&mut self, how: TriangularSolve, a: Value, b: Value) -> Value {
        self.linalg(Linalg::TriangularSolve(how), &[a, b])
    }
    /// x with a x = b, for a triangular matrix a [..., n, n] and b [..., n, k]; or as `how` says. Leading dimensions broadcast, dtypes promote,
    /// integers give f32, 16-bit floats are computed in f32. Only the triangle that is meant is read. A zero on the diagonal gives
    /// infinity or NaN, as a division by it does.
    pub fn triangular_solve(&mut self, a: Value, b: Value, how: TriangularSolve) -> Value {
        const NAME: &str = "triangular_solve";
        if !self.is_square(NAME, a) {
            return Value::INVALID;
        }
        self.in_float(NAME, &[a, b], |g, x| match g.matrices_alike(NAME, [x[0], x[1]]) {
            Some([a, b]) => g.triangular(how, a, b),
            None => Value::INVALID,
        })
    }
}
