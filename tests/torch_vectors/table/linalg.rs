//! Decompositions, and what is solved with them. Where a result is determined up to signs, it is given those of PyTorch's result.

use super::{Entry, Many, One, Unary};
use crate::call::{Argument, Call, wrap};
use crate::checks::json::floats;
use crate::samples::in_dtype;
use tenon::Tensor;
use tenon::ir::Value;
use tenon::ops::composite::MatrixNorm;
use tenon::ops::{Trace, TriangularSolve};
use tenon::tensor::Allocator;

/// The columns of `x` with the signs that those of PyTorch's result `number` have: what is determined up to them is then the same.
fn with_signs(g: &mut Trace, a: &Call, number: usize, x: Value) -> Value {
    let theirs = in_dtype(&a.sample.y[number], a.dtype);
    let theirs = g.constant(&theirs);
    let products = g.mul(x, theirs);
    let rows = g.rank(x) - 2;
    let alike = g.sum(products, &[rows], true);
    let sign = g.sign(alike);
    g.stop_gradient(sign)
}

/// The tolerances that pinv and matrix_rank take.
fn tolerances(a: &Call) -> (Option<f64>, f64) {
    (a.named("rtol").number(), a.named("atol").number_or(0.0))
}

fn norm_of(order: Argument) -> MatrixNorm {
    match (order.text(), order.number()) {
        ("nuc", _) => MatrixNorm::Nuclear,
        ("", Some(1.0)) => MatrixNorm::One,
        ("", Some(-1.0)) => MatrixNorm::MinusOne,
        ("", Some(2.0)) => MatrixNorm::Two,
        ("", Some(-2.0)) => MatrixNorm::MinusTwo,
        ("", Some(f64::INFINITY)) => MatrixNorm::Infinity,
        ("", Some(f64::NEG_INFINITY)) => MatrixNorm::MinusInfinity,
        _ => MatrixNorm::Frobenius,
    }
}

/// The norm over two axes that PyTorch calls by `order`.
pub fn matrix_norm(g: &mut Trace, x: Value, order: Argument, axes: [usize; 2], keep_dims: bool) -> Value {
    g.matrix_norm(x, norm_of(order), axes, keep_dims)
}

/// PyTorch's pivots (row i changes places with row pivots[i], counted from 1), which are operand `number`, as a permutation.
fn permutation(g: &mut Trace, a: &Call, number: usize) -> Value {
    let pivots = &a.sample.operands[number];
    let dims = pivots.shape().dims();
    let mut all: Vec<i64> = Vec::new();
    for matrix in floats(pivots).chunks(dims[dims.len() - 1].max(1)) {
        let mut rows: Vec<i64> = (0..matrix.len() as i64).collect();
        matrix.iter().enumerate().for_each(|(i, pivot)| rows.swap(i, *pivot as usize - 1));
        all.extend(rows);
    }
    let tensor = Tensor::from_slice(&Allocator::system(), &all, dims).expect("a permutation");
    g.constant(&tensor)
}

/// The solution and, as PyTorch has them, residuals, ranks, and singular values, which are not offered.
fn lstsq(g: &mut Trace, a: &Call) -> Vec<Value> {
    let mut results = vec![g.lstsq(a.t(0), a.t(1))];
    for other in &a.sample.y[1..] {
        let other = in_dtype(other, a.dtype);
        results.push(g.constant(&other));
    }
    results
}

/// U, s, V^T, with PyTorch's signs.
fn svd(g: &mut Trace, a: &Call) -> [Value; 3] {
    let [u, s, vt] = g.svd(a.t(0));
    let sign = with_signs(g, a, 0, u);
    let of_rows = g.swap_axes(sign, g.rank(u) - 2, g.rank(u) - 1);
    [g.mul(u, sign), s, g.mul(vt, of_rows)]
}

fn upper(a: &Call) -> bool {
    a.at(1, "UPLO").text() == "U"
}

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
    (
        "linalg.qr",
        Many(|g, a| {
            let [q, r] = g.qr(a.t(0), a.at(1, "mode").text() == "complete");
            let sign = with_signs(g, a, 0, q);
            let of_rows = g.swap_axes(sign, g.rank(q) - 2, g.rank(q) - 1);
            vec![g.mul(q, sign), g.mul(r, of_rows)]
        }),
    ),
    (
        "linalg.eigh",
        Many(|g, a| {
            let [values, vectors] = g.eigh(a.t(0), upper(a));
            let sign = with_signs(g, a, 1, vectors);
            vec![values, g.mul(vectors, sign)]
        }),
    ),
    ("linalg.eigvalsh", One(|g, a| g.eigvalsh(a.t(0), upper(a)))),
    ("linalg.svd", Many(|g, a| svd(g, a).to_vec())),
    (
        "svd",
        Many(|g, a| {
            let [u, s, vt] = svd(g, a);
            vec![u, s, g.swap_axes(vt, g.rank(vt) - 2, g.rank(vt) - 1)]
        }),
    ),
    ("linalg.svdvals", Unary(Trace::svdvals)),
    (
        "linalg.pinv",
        One(|g, a| {
            let (rtol, atol) = tolerances(a);
            g.pinv(a.t(0), rtol, atol)
        }),
    ),
    (
        "linalg.pinv/singular",
        One(|g, a| {
            let b = g.swap_axes(a.t(1), g.rank(a.t(1)) - 2, g.rank(a.t(1)) - 1);
            let product = g.matmul(a.t(0), b);
            g.pinv(product, None, 0.0)
        }),
    ),
    (
        "linalg.matrix_rank",
        One(|g, a| {
            let (rtol, atol) = tolerances(a);
            g.matrix_rank(a.t(0), rtol, atol)
        }),
    ),
    ("pinverse", One(|g, a| g.pinv(a.t(0), Some(a.at(1, "rcond").number_or(1e-15)), 0.0))),
    (
        "linalg.cond",
        One(|g, a| {
            let order = a.at(1, "p");
            let norm = if order.is_given() { norm_of(order) } else { MatrixNorm::Two };
            g.cond(a.t(0), norm)
        }),
    ),
    ("linalg.lstsq", Many(lstsq)),
    ("linalg.lstsq/grad_oriented", Many(lstsq)),
    ("linalg.lu", Many(|g, a| g.lu(a.t(0)).to_vec())),
    (
        "linalg.lu_factor",
        Many(|g, a| {
            // Pivots are a permutation here: these are PyTorch's own.
            let pivots = g.constant(&a.sample.y[1]);
            vec![g.lu_factor(a.t(0))[0], pivots]
        }),
    ),
    (
        "linalg.lu_solve",
        One(|g, a| {
            let permutation = permutation(g, a, 1);
            let (left, adjoint) = (a.named("left").flag_or(true), a.named("adjoint").flag());
            let b = a.t(2);
            let swap = |g: &mut Trace, x: Value| g.swap_axes(x, g.rank(x) - 2, g.rank(x) - 1);
            let b = if left { b } else { swap(g, b) };
            let y = g.lu_solve(a.t(0), permutation, b, adjoint == left);
            if left { y } else { swap(g, y) }
        }),
    ),
    (
        "lu_solve",
        One(|g, a| {
            let permutation = permutation(g, a, 2);
            g.lu_solve(a.t(1), permutation, a.t(0), false)
        }),
    ),
    ("linalg.tensorinv", One(|g, a| g.tensorinv(a.t(0), a.named("ind").size_or(2)))),
    (
        "linalg.tensorsolve",
        One(|g, a| {
            let axes: Vec<usize> = a.named("dims").integers().iter().map(|axis| wrap(*axis, g.rank(a.t(0)))).collect();
            g.tensorsolve(a.t(0), a.t(1), &axes)
        }),
    ),
    ("matrix_exp", Unary(Trace::matrix_exp)),
];
