//! Decompositions, and what is solved with them. Where a result is determined up to signs, it is given those of PyTorch's result.

use super::{Entry, Many, One, Unary};
use tenon::ops::{Trace, TriangularSolve};

pub const ENTRIES: &[Entry] = &[
    ("linalg.cholesky", One(|g, a| g.cholesky(a.t(0), a.named("upper").flag()))),
    ("linalg.det", Unary(Trace::det)),
    ("linalg.slogdet", Many(|g, a| g.slogdet(a.t(0)).to_vec())),
    ("logdet", Unary(Trace::logdet)),
    ("linalg.inv", Unary(Trace::inverse)),
    ("linalg.solve", One(|g, a| g.solve(a.t(0), a.t(1), a.named("left").flag_or(true)))),
    (
        "linalg.solve_triangular",
        One(|g, a| {
            let (left, upper, unit) = (a.named("left").flag_or(true), a.named("upper").flag(), a.named("unitriangular").flag());
            g.triangular_solve(a.t(0), a.t(1), TriangularSolve { left, upper, transpose: false, unit })
        }),
    ),
    (
        "triangular_solve",
        Many(|g, a| {
            let (upper, transpose) = (a.at(2, "upper").flag_or(true), a.at(3, "transpose").flag());
            let how = TriangularSolve { left: true, upper, transpose, unit: a.at(4, "unitriangular").flag() };
            let y = g.triangular_solve(a.t(1), a.t(0), how);
            // The matrix comes back as it was passed.
            vec![y, a.t(1)]
        }),
    ),
    ("cholesky_solve", One(|g, a| g.cholesky_solve(a.t(0), a.t(1), a.at(2, "upper").flag()))),
    ("cholesky_inverse", One(|g, a| g.cholesky_inverse(a.t(0), a.at(1, "upper").flag()))),
    ("linalg.matrix_power", One(|g, a| g.matrix_power(a.t(0), a.at(1, "n").integer_or(1)))),
];
