//! Linear algebra from its definitions, one matrix at a time.

mod spectral;

use super::{Array, Data};
use crate::error::{Error, Result};
use crate::ir::{Linalg, TriangularSolve, Type};

/// A matrix, row by row.
type Matrix = Vec<Vec<f64>>;

/// The matrices of an operand.
fn matrices(x: &Array) -> Result<Vec<Matrix>> {
    let data = x.floats()?;
    let (lead, m, n) = split(&x.ty);
    let row = |matrix: usize, i: usize| data[(matrix * m + i) * n..(matrix * m + i + 1) * n].to_vec();
    Ok((0..lead).map(|matrix| (0..m).map(|i| row(matrix, i)).collect()).collect())
}

/// How many matrices, rows, and columns.
fn split(ty: &Type) -> (usize, usize, usize) {
    let dims = ty.shape.dims();
    let (lead, last) = dims.split_at(dims.len() - 2);
    (lead.iter().product(), last[0], last[1])
}

fn data(matrices: impl IntoIterator<Item = Matrix>) -> Data {
    Data::Floats(matrices.into_iter().flatten().flatten().collect())
}

fn transposed(a: &Matrix, columns: usize) -> Matrix {
    (0..columns).map(|j| a.iter().map(|row| row[j]).collect()).collect()
}

fn zeros(m: usize, n: usize) -> Matrix {
    vec![vec![0.0; n]; m]
}

fn is_finite(a: &Matrix) -> bool {
    a.iter().flatten().all(|x| x.is_finite())
}

/// The one result of an operation that has one.
pub(super) fn one(op: Linalg, x: &[&Array]) -> Result<Data> {
    let a = matrices(x[0])?;
    Ok(match op {
        Linalg::Cholesky => data(a.iter().map(cholesky)),
        Linalg::TriangularSolve(TriangularSolve { left, upper, transpose, unit }) => {
            let (_, rows, columns) = split(&x[1].ty);
            let b = matrices(x[1])?;
            data(a.iter().zip(b).map(|(a, b)| {
                // x a = b is a^T x^T = b^T.
                let b = if left { b } else { transposed(&b, columns) };
                let a = triangle(a, upper, unit);
                let y = eliminate(&if transpose == left { transposed(&a, a.len()) } else { a }, &b);
                if left { y } else { transposed(&y, rows) }
            }))
        }
        Linalg::Solve { transpose } => {
            let b = matrices(x[3])?;
            data(a.iter().zip(b).map(|(a, b)| match is_finite(a) {
                true if transpose => eliminate(&transposed(a, a.len()), &b),
                true => eliminate(a, &b),
                false => b.iter().map(|row| vec![f64::NAN; row.len()]).collect(),
            }))
        }
        Linalg::MatrixExp => data(a.iter().map(spectral::exponential)),
        Linalg::Lu | Linalg::Qr { .. } | Linalg::Eigh | Linalg::Svd => return Err(Error::internal("its results are its parts")),
    })
}

/// The results of an operation that has several.
pub(super) fn several(op: Linalg, x: &[&Array], types: &[Type]) -> Result<Vec<Array>> {
    let a = matrices(x[0])?;
    let data = match op {
        Linalg::Lu => {
            let all: Vec<(Matrix, Vec<i64>, f64)> = a.iter().map(lu).collect();
            vec![
                data(all.iter().map(|(lu, ..)| lu.clone())),
                Data::Ints(all.iter().flat_map(|(_, permutation, _)| permutation.clone()).collect()),
                Data::Floats(all.iter().map(|(.., sign)| *sign).collect()),
            ]
        }
        Linalg::Qr { complete } => {
            let (_, m, n) = split(&x[0].ty);
            let all: Vec<(Matrix, Matrix)> = a.iter().map(|a| spectral::qr(a, n, if complete { m } else { m.min(n) })).collect();
            vec![data(all.iter().map(|(q, _)| q.clone())), data(all.iter().map(|(_, r)| r.clone()))]
        }
        Linalg::Eigh => {
            let all: Vec<(Vec<f64>, Matrix)> = a.iter().map(spectral::eigh).collect();
            vec![
                Data::Floats(all.iter().flat_map(|(values, _)| values.clone()).collect()),
                data(all.iter().map(|(_, vectors)| vectors.clone())),
            ]
        }
        Linalg::Svd => {
            let (_, _, n) = split(&x[0].ty);
            let all: Vec<(Matrix, Vec<f64>, Matrix)> = a.iter().map(|a| spectral::svd(a, n)).collect();
            vec![
                data(all.iter().map(|(u, ..)| u.clone())),
                Data::Floats(all.iter().flat_map(|(_, s, _)| s.clone()).collect()),
                data(all.iter().map(|(.., vt)| vt.clone())),
            ]
        }
        _ => return Err(Error::internal("has one result")),
    };
    Ok(types.iter().zip(data).map(|(ty, data)| Array { ty: *ty, data }).collect())
}

/// By columns, as the definition is solved for them.
fn cholesky(a: &Matrix) -> Matrix {
    let n = a.len();
    let mut l = zeros(n, n);
    for j in 0..n {
        let square = a[j][j] - (0..j).map(|k| l[j][k] * l[j][k]).sum::<f64>();
        if square.is_nan() || square <= 0.0 || square.is_infinite() {
            return vec![vec![f64::NAN; n]; n];
        }
        l[j][j] = square.sqrt();
        for i in j + 1..n {
            l[i][j] = (a[i][j] - (0..j).map(|k| l[i][k] * l[j][k]).sum::<f64>()) / l[j][j];
        }
    }
    l
}

fn triangle(a: &Matrix, upper: bool, unit: bool) -> Matrix {
    let element = |i: usize, j: usize| match () {
        () if i == j && unit => 1.0,
        () if i == j || (j > i) == upper => a[i][j],
        () => 0.0,
    };
    (0..a.len()).map(|i| (0..a.len()).map(|j| element(i, j)).collect()).collect()
}

/// P a = L U, by the formulas of Crout and Doolittle, with the first largest element of a column as pivot.
fn lu(a: &Matrix) -> (Matrix, Vec<i64>, f64) {
    let (m, n) = (a.len(), a.first().map_or(0, Vec::len));
    let mut lu = a.clone();
    let mut permutation: Vec<i64> = (0..m as i64).collect();
    let mut sign = 1.0;
    if !is_finite(a) {
        return (vec![vec![f64::NAN; n]; m], permutation, f64::NAN);
    }
    for j in 0..n {
        for i in 0..m {
            let sum: f64 = (0..i.min(j)).map(|k| lu[i][k] * lu[k][j]).sum();
            lu[i][j] -= sum;
        }
        if j >= m {
            continue;
        }
        let pivot = (j..m).fold(j, |best, i| if lu[i][j].abs() > lu[best][j].abs() { i } else { best });
        if pivot != j {
            lu.swap(pivot, j);
            permutation.swap(pivot, j);
            sign = -sign;
        }
        let diagonal = lu[j][j];
        if diagonal != 0.0 {
            lu[j + 1..].iter_mut().for_each(|row| row[j] /= diagonal);
        }
    }
    (lu, permutation, sign)
}

/// The solution of a x = b by the elimination of Gauss and Jordan.
fn eliminate(a: &Matrix, b: &Matrix) -> Matrix {
    let n = a.len();
    let (mut a, mut x) = (a.clone(), b.clone());
    for k in 0..n {
        let pivot = (k..n).fold(k, |best, i| if a[i][k].abs() > a[best][k].abs() { i } else { best });
        a.swap(k, pivot);
        x.swap(k, pivot);
        let (row, side, diagonal) = (a[k].clone(), x[k].clone(), a[k][k]);
        for i in (0..n).filter(|i| *i != k) {
            let factor = a[i][k] / diagonal;
            if factor != 0.0 {
                a[i].iter_mut().zip(&row).for_each(|(x, y)| *x -= factor * y);
                x[i].iter_mut().zip(&side).for_each(|(x, y)| *x -= factor * y);
            }
        }
    }
    x.iter().zip(&a).enumerate().map(|(i, (x, a))| x.iter().map(|x| x / a[i]).collect()).collect()
}
