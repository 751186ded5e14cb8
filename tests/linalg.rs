//! Linear algebra on every backend: decompositions put together again, matrices that are empty, singular, or not finite, batches, and the
//! dtypes.

mod checks;

use checks::{Backend, Numbers, backends, f64_elements, f64_tensor};
use tenon::autodiff::reverse;
use tenon::ir::{Type, Value};
use tenon::ops::Trace;
use tenon::ops::composite::MatrixNorm;
use tenon::tensor::Allocator;
use tenon::{DType, Shape, Tensor};

/// Records on these operands and runs; the outputs.
fn run(backend: &Backend, inputs: &[Tensor], record: &dyn Fn(&mut Trace, &[Value]) -> Vec<Value>) -> Vec<Tensor> {
    let mut g = Trace::new();
    let x: Vec<Value> = inputs.iter().map(|input| g.input(Type::new(input.dtype(), *input.shape()))).collect();
    let y = record(&mut g, &x);
    let graph = g.finish(&y).unwrap();
    (backend.run)(&graph, inputs).unwrap_or_else(|error| panic!("{}: {error}", backend.name))
}

fn random(name: &str, dims: &[usize]) -> Tensor {
    let mut numbers = Numbers::new(name);
    let all: Vec<f64> = (0..dims.iter().product()).map(|_| numbers.uniform(-1.0, 1.0)).collect();
    f64_tensor(&all, dims)
}

/// A matrix of plain numbers.
#[derive(Clone)]
struct Matrix {
    n: usize,
    elements: Vec<f64>,
}

impl Matrix {
    fn of(tensor: &Tensor) -> Matrix {
        let dims = tensor.shape().dims();
        Matrix { n: dims[dims.len() - 1], elements: f64_elements(tensor) }
    }
    fn rows(&self) -> usize {
        self.elements.len() / self.n.max(1)
    }
    fn at(&self, i: usize, j: usize) -> f64 {
        self.elements[i * self.n + j]
    }
    fn times(&self, other: &Matrix) -> Matrix {
        let element = |i: usize, j: usize| (0..self.n).map(|k| self.at(i, k) * other.at(k, j)).sum();
        let elements = (0..self.rows()).flat_map(|i| (0..other.n).map(move |j| element(i, j))).collect();
        Matrix { n: other.n, elements }
    }
    fn transposed(&self) -> Matrix {
        let elements = (0..self.n).flat_map(|j| (0..self.rows()).map(move |i| self.at(i, j))).collect();
        Matrix { n: self.rows(), elements }
    }
    fn largest(&self) -> f64 {
        self.elements.iter().fold(0.0, |largest: f64, x| if x.is_nan() { f64::NAN } else { largest.max(x.abs()) })
    }
    fn minus(&self, other: &Matrix) -> Matrix {
        Matrix { n: self.n, elements: self.elements.iter().zip(&other.elements).map(|(a, b)| a - b).collect() }
    }
    fn identity(n: usize) -> Matrix {
        Matrix { n, elements: (0..n * n).map(|i| (i % (n + 1) == 0) as u8 as f64).collect() }
    }
}

/// Backends but the oracle, which is slow; sizes that fill no vector, and larger ones.
const SIZES: [usize; 6] = [1, 2, 3, 8, 33, 200];

fn programs() -> Vec<Backend> {
    backends().split_off(1)
}

const EPSILON: f64 = f64::EPSILON;

#[test]
fn a_cholesky_factor_times_itself_is_the_matrix() {
    for backend in programs() {
        for n in SIZES {
            let x = Matrix::of(&random(&format!("cholesky {n}"), &[n, n + 2]));
            let a = x.times(&x.transposed());
            let outputs = run(&backend, &[f64_tensor(&a.elements, &[n, n])], &|g, x| vec![g.cholesky(x[0], false), g.cholesky(x[0], true)]);
            let (l, u) = (Matrix::of(&outputs[0]), Matrix::of(&outputs[1]));
            let error = l.times(&l.transposed()).minus(&a).largest();
            assert!(error <= n as f64 * EPSILON * a.largest(), "{}: n = {n}: {error}", backend.name);
            assert_eq!(u.elements, l.transposed().elements);
            assert!((0..n).all(|i| (i + 1..n).all(|j| l.at(i, j) == 0.0) && l.at(i, i) > 0.0));
        }
    }
}

#[test]
fn the_factors_of_lu_are_the_matrix() {
    for backend in programs() {
        for (m, n) in SIZES.into_iter().map(|n| (n, n)).chain([(7, 3), (3, 7), (1, 5), (5, 1), (40, 17)]) {
            let tensor = random(&format!("lu {m} {n}"), &[m, n]);
            let a = Matrix::of(&tensor);
            let outputs = run(&backend, &[tensor], &|g, x| [&g.lu(x[0])[..], &g.lu_factor(x[0])[..]].concat());
            let [p, l, u] = [0, 1, 2].map(|i| Matrix::of(&outputs[i]));
            let error = p.times(&l).times(&u).minus(&a).largest();
            assert!(error <= n as f64 * EPSILON, "{}: {m} x {n}: {error}", backend.name);
            assert!(l.largest() <= 1.0);
            let permutation: Vec<i64> = outputs[4].to_vec().unwrap();
            let inversions = (0..m).flat_map(|i| (0..i).map(move |j| (i, j))).filter(|(i, j)| permutation[*i] < permutation[*j]).count();
            assert_eq!(f64_elements(&outputs[5]), [if inversions % 2 == 0 { 1.0 } else { -1.0 }]);
            assert!((0..m).all(|i| p.at(permutation[i] as usize, i) == 1.0));
        }
    }
}

#[test]
fn solutions_solve() {
    for backend in programs() {
        for n in SIZES {
            let (a, b) = (random(&format!("solve {n}"), &[n, n]), random(&format!("side {n}"), &[n, 3]));
            let outputs = run(&backend, &[a.clone(), b.clone()], &|g, x| {
                let left = g.solve(x[0], x[1], true);
                let side = g.transpose(x[1], &[1, 0]);
                let right = g.solve(x[0], side, false);
                let [lu, permutation, _] = g.lu_factor(x[0]);
                vec![left, right, g.inverse(x[0]), g.lu_solve(lu, permutation, x[1], false), g.lu_solve(lu, permutation, x[1], true)]
            });
            let (a, b) = (Matrix::of(&a), Matrix::of(&b));
            let limit = |x: &Matrix| 4.0 * n as f64 * EPSILON * x.largest().max(1.0);
            let [left, right, inverse, again, transposed] = [0, 1, 2, 3, 4].map(|i| Matrix::of(&outputs[i]));
            assert!(a.times(&left).minus(&b).largest() <= limit(&left), "{}: n = {n}", backend.name);
            assert!(right.times(&a).minus(&b.transposed()).largest() <= limit(&right), "{}: n = {n}", backend.name);
            assert!(a.times(&inverse).minus(&Matrix::identity(n)).largest() <= limit(&inverse), "{}: n = {n}", backend.name);
            assert!(a.times(&again).minus(&b).largest() <= limit(&again), "{}: n = {n}", backend.name);
            assert!(a.transposed().times(&transposed).minus(&b).largest() <= limit(&transposed), "{}: n = {n}", backend.name);
        }
    }
}

/// Sides of matrices for decompositions with orthogonal factors.
fn sides() -> impl Iterator<Item = (usize, usize)> {
    SIZES.into_iter().map(|n| (n, n)).chain([(7, 3), (3, 7), (1, 5), (5, 1), (60, 17), (17, 60)])
}

/// How far the columns are from orthonormal.
fn slant(x: &Matrix) -> f64 {
    x.transposed().times(x).minus(&Matrix::identity(x.n)).largest()
}

#[test]
fn q_is_orthogonal_and_r_triangular() {
    for backend in programs() {
        for (m, n) in sides() {
            let tensor = random(&format!("qr {m} {n}"), &[m, n]);
            let a = Matrix::of(&tensor);
            let outputs = run(&backend, &[tensor], &|g, x| [g.qr(x[0], false), g.qr(x[0], true)].concat());
            for (both, k) in outputs.chunks(2).zip([m.min(n), m]) {
                let (q, r) = (Matrix::of(&both[0]), Matrix::of(&both[1]));
                assert_eq!((q.n, r.n, r.rows()), (k, n, k));
                let limit = 4.0 * (m.max(n) as f64) * EPSILON;
                let (error, slant) = (q.times(&r).minus(&a).largest(), slant(&q));
                assert!(error <= limit && slant <= limit, "{}: {m} x {n}: {error} {slant}", backend.name);
                assert!((0..k).all(|i| (0..n.min(i)).all(|j| r.at(i, j) == 0.0) && (i >= n || r.at(i, i) >= 0.0)));
            }
        }
    }
}

/// The symmetric matrices that are hard in one way or another, by name.
fn symmetric(n: usize) -> Vec<(&'static str, Matrix)> {
    let x = Matrix::of(&random(&format!("symmetric {n}"), &[n, n]));
    let make = |element: &dyn Fn(usize, usize) -> f64| Matrix {
        n,
        elements: (0..n * n).map(|place| element((place / n).max(place % n), (place / n).min(place % n))).collect(),
    };
    vec![
        ("random", make(&|i, j| x.at(i, j))),
        ("zero", make(&|_, _| 0.0)),
        ("ones", make(&|_, _| 1.0)),
        ("identity", make(&|i, j| (i == j) as u8 as f64)),
        ("graded", make(&|i, j| x.at(i, j) * 10f64.powi(-((i + j) as i32)))),
        ("graded upwards", make(&|i, j| x.at(i, j) * 10f64.powi((i + j) as i32 - 2 * n as i32))),
        ("huge", make(&|i, j| x.at(i, j) * 1e300)),
        ("tiny", make(&|i, j| x.at(i, j) * 1e-300)),
        (
            "of pairs that are nearly equal",
            make(&|i, j| if i == j { (n as f64 / 2.0 - i as f64).abs() } else { (i - j == 1) as u8 as f64 }),
        ),
        ("reversal", make(&|i, j| (i + j + 1 == n) as u8 as f64)),
    ]
}

/// The largest difference of two matrices, as a part of the largest element of the second.
fn relative(a: &Matrix, b: &Matrix) -> f64 {
    let scale = if b.largest() > 0.0 { b.largest() } else { 1.0 };
    let scaled = |x: &Matrix| Matrix { n: x.n, elements: x.elements.iter().map(|x| x / scale).collect() };
    scaled(a).minus(&scaled(b)).largest()
}

fn with_columns(x: &Matrix, factors: &[f64]) -> Matrix {
    Matrix { n: x.n, elements: x.elements.iter().enumerate().map(|(place, element)| element * factors[place % x.n]).collect() }
}

/// Of each column's components within 1 % of the largest, the first is positive.
fn has_its_sign(x: &Matrix) -> bool {
    (0..x.n).all(|j| {
        let column: Vec<f64> = (0..x.rows()).map(|i| x.at(i, j)).collect();
        let largest = column.iter().fold(0.0f64, |largest, x| largest.max(x.abs()));
        column.iter().find(|x| x.abs() >= 0.99 * largest).is_some_and(|x| *x > 0.0)
    })
}

#[test]
fn eigenvectors_make_symmetric_matrices_diagonal() {
    for backend in programs() {
        for n in SIZES {
            for (name, a) in symmetric(n) {
                let outputs = run(&backend, &[f64_tensor(&a.elements, &[n, n])], &|g, x| {
                    [&g.eigh(x[0], false)[..], &g.eigh(x[0], true)[..], &[g.eigvalsh(x[0], false)]].concat()
                });
                let (values, vectors) = (f64_elements(&outputs[0]), Matrix::of(&outputs[1]));
                let limit = 4.0 * n as f64 * EPSILON;
                let error = relative(&with_columns(&vectors, &values).times(&vectors.transposed()), &a);
                let place = format!("{}: {name}, n = {n}: {error} {}", backend.name, slant(&vectors));
                assert!(error <= limit && slant(&vectors) <= limit, "{place}");
                assert!(values.is_sorted() && has_its_sign(&vectors), "{place}");
                assert_eq!(values, f64_elements(&outputs[2]), "{place}");
                assert_eq!(values, f64_elements(&outputs[4]), "{place}");
            }
        }
    }
}

#[test]
fn singular_vectors_make_matrices_diagonal() {
    for backend in programs() {
        for (m, n) in sides() {
            let x = Matrix::of(&random(&format!("svd {m} {n}"), &[m, n]));
            let scaled = |element: &dyn Fn(usize, usize) -> f64| Matrix {
                n,
                elements: (0..m * n).map(|place| element(place / n, place % n)).collect(),
            };
            let all = [
                ("random", x.clone()),
                ("zero", scaled(&|_, _| 0.0)),
                ("ones", scaled(&|_, _| 1.0)),
                ("identity", scaled(&|i, j| (i == j) as u8 as f64)),
                ("of rank 2", scaled(&|i, j| x.at(i, 0) * x.at(0, j) + (i + j) as f64)),
                ("graded rows", scaled(&|i, j| x.at(i, j) * 10f64.powi(-(i as i32)))),
                ("graded columns", scaled(&|i, j| x.at(i, j) * 10f64.powi(-(j as i32)))),
                ("huge", scaled(&|i, j| x.at(i, j) * 1e300)),
                ("tiny", scaled(&|i, j| x.at(i, j) * 1e-300)),
            ];
            for (name, a) in all {
                let outputs = run(&backend, &[f64_tensor(&a.elements, &[m, n])], &|g, x| [&g.svd(x[0])[..], &[g.svdvals(x[0])]].concat());
                let (u, s, vt) = (Matrix::of(&outputs[0]), f64_elements(&outputs[1]), Matrix::of(&outputs[2]));
                let limit = 4.0 * m.max(n) as f64 * EPSILON;
                let error = relative(&with_columns(&u, &s).times(&vt), &a);
                let slants = (slant(&u), slant(&vt.transposed()));
                let place = format!("{}: {name}, {m} x {n}: {error} {slants:?}", backend.name);
                assert!(error <= limit && slants.0 <= limit && slants.1 <= limit, "{place}");
                assert!(s.windows(2).all(|pair| pair[0] >= pair[1]) && s.iter().all(|s| *s >= 0.0) && has_its_sign(&u), "{place}");
                assert_eq!(s, f64_elements(&outputs[3]), "{place}");
            }
        }
    }
}

/// Each column has its own size, and the singular values keep as many digits as the columns have: a matrix with columns scaled from 1
/// down to 1e-30, whose singular values are known from one with an orthogonal factor.
#[test]
fn small_singular_values_keep_their_digits() {
    let n = 16;
    for backend in programs() {
        let q = Matrix::of(&run(&backend, &[random("columns", &[n, n])], &|g, x| vec![g.qr(x[0], false)[0]])[0]);
        let sizes: Vec<f64> = (0..n).map(|j| 10f64.powi(-2 * j as i32)).collect();
        let a = with_columns(&q, &sizes);
        let s = f64_elements(&run(&backend, &[f64_tensor(&a.elements, &[n, n])], &|g, x| vec![g.svdvals(x[0])])[0]);
        let worst = s.iter().zip(&sizes).map(|(s, size)| (s / size - 1.0).abs()).fold(0.0, f64::max);
        assert!(worst < 1e-14, "{}: {worst}", backend.name);
    }
}

#[test]
fn exponentials_of_opposites_are_inverses() {
    for backend in programs() {
        for n in [1, 2, 5, 33] {
            for size in [1e-9, 0.1, 1.0, 3.0] {
                let a = random(&format!("exponential {n}"), &[n, n]);
                let outputs = run(&backend, &[a], &|g, x| {
                    let a = g.mul_scalar(x[0], size);
                    let opposite = g.neg(a);
                    vec![g.matrix_exp(a), g.matrix_exp(opposite)]
                });
                let (up, down) = (Matrix::of(&outputs[0]), Matrix::of(&outputs[1]));
                let error = up.times(&down).minus(&Matrix::identity(n)).largest();
                let limit = 8.0 * n as f64 * EPSILON * (up.largest() * down.largest()).max(1.0);
                assert!(error <= limit, "{}: n = {n}, {size}: {error}", backend.name);
            }
        }
        // A turn, and what is far from 0 in either direction.
        let a = f64_tensor(&[0.0, -1e3, 1e3, 0.0, -800.0, 0.0, 0.0, 700.0], &[2, 2, 2]);
        let e = f64_elements(&run(&backend, &[a], &|g, x| vec![g.matrix_exp(x[0])])[0]);
        let (sine, cosine) = 1e3f64.sin_cos();
        assert!((e[0] - cosine).abs() + (e[1] + sine).abs() + (e[2] - sine).abs() < 1e-11, "{e:?}");
        assert!(e[4] == 0.0 && e[5] == 0.0 && (e[7] / 700f64.exp() - 1.0).abs() < 1e-12, "{e:?}");
    }
}

/// What is not finite ends, and is NaN, and alone.
#[test]
fn what_is_not_finite_is_nan_and_alone() {
    let good = [2.0, 1.0, 1.0, 2.0];
    for bad in [[f64::NAN; 4], [1.0, f64::INFINITY, f64::INFINITY, 1.0], [1.0, 0.0, f64::NAN, 1.0]] {
        let a = f64_tensor(&[good, bad, good].concat(), &[3, 2, 2]);
        for backend in backends() {
            let outputs = run(&backend, std::slice::from_ref(&a), &|g, x| {
                let exponential = g.matrix_exp(x[0]);
                let inverse = g.pinv(x[0], None, 0.0);
                [&g.qr(x[0], false)[..], &g.eigh(x[0], false), &g.svd(x[0]), &[exponential, inverse]].concat()
            });
            for (number, output) in outputs.iter().map(f64_elements).enumerate() {
                let size = output.len() / 3;
                let place = format!("{}: {bad:?}, result {number}: {output:?}", backend.name);
                assert!(output[size..2 * size].iter().all(|x| x.is_nan()), "{place}");
                assert!(output[..size].iter().all(|x| x.is_finite()), "{place}");
                assert_eq!(output[..size], output[2 * size..], "{place}");
            }
        }
    }
}

#[test]
fn ranks_conditions_and_pseudoinverses_go_by_singular_values() {
    for backend in backends() {
        // Of rank 2, and of full rank with singular values 3 and 1.
        let a = f64_tensor(&[1.0, 2.0, 3.0, 4.0, 5.0, 6.0, 7.0, 8.0, 9.0], &[3, 3]);
        let b = f64_tensor(&[2.0, 1.0, 1.0, 2.0], &[2, 2]);
        let outputs = run(&backend, &[a.clone(), b], &|g, x| {
            let counts = [(x[0], None, 0.0), (x[0], Some(0.5), 0.0), (x[0], None, 20.0), (x[1], Some(0.0), 0.0)]
                .map(|(x, rtol, atol)| g.matrix_rank(x, rtol, atol));
            let conditions = [MatrixNorm::Two, MatrixNorm::MinusTwo, MatrixNorm::Infinity].map(|norm| g.cond(x[1], norm));
            [&counts[..], &conditions, &[g.pinv(x[0], None, 0.0), g.pinv(x[1], Some(0.5), 0.0)]].concat()
        });
        let counts: Vec<i64> = outputs[..4].iter().map(|count| count.to_vec::<i64>().unwrap()[0]).collect();
        assert_eq!(counts, [2, 1, 0, 2]);
        let conditions: Vec<f64> = outputs[4..7].iter().map(|x| f64_elements(x)[0]).collect();
        assert!((conditions[0] - 3.0).abs() + (conditions[1] - 1.0 / 3.0).abs() + (conditions[2] - 3.0).abs() < 1e-14, "{conditions:?}");
        // Moore's and Penrose's conditions.
        let (a, p) = (Matrix::of(&a), Matrix::of(&outputs[7]));
        let (ap, pa) = (a.times(&p), p.times(&a));
        for (x, y) in [(ap.times(&a), a.clone()), (pa.times(&p), p.clone()), (ap.transposed(), ap.clone()), (pa.transposed(), pa.clone())] {
            assert!(x.minus(&y).largest() < 1e-13, "{}", backend.name);
        }
        // The value below half of the largest is left out.
        assert!(f64_elements(&outputs[8]).iter().all(|x| (x - 1.0 / 6.0).abs() < 1e-15));
    }
}

/// A matrix is computed as if it were alone: what becomes of one that has no decomposition does not touch the others.
#[test]
fn what_cannot_be_decomposed_is_nan_and_alone() {
    let good = [4.0, 2.0, 2.0, 3.0];
    for (name, bad) in [
        ("indefinite", [1.0, 2.0, 2.0, 1.0]),
        ("zero", [0.0; 4]),
        ("NaN", [1.0, f64::NAN, f64::NAN, 2.0]),
        ("infinite", [f64::INFINITY, 0.0, 0.0, 1.0]),
    ] {
        let a = f64_tensor(&[good, bad, good].concat(), &[3, 2, 2]);
        for backend in backends() {
            let l = f64_elements(&run(&backend, std::slice::from_ref(&a), &|g, x| vec![g.cholesky(x[0], false)])[0]);
            assert!(l[4..8].iter().all(|x| x.is_nan()), "{}: {name}: {l:?}", backend.name);
            assert_eq!(l[..4], l[8..]);
            assert!((l[0] - 2.0).abs() + (l[2] - 1.0).abs() + (l[3] - 2f64.sqrt()).abs() < 1e-14);
        }
    }
}

#[test]
fn singular_matrices_do_not_stop_a_run() {
    for (name, bad) in [
        ("singular", [1.0, 2.0, 2.0, 4.0]),
        ("zero", [0.0; 4]),
        ("NaN", [1.0, f64::NAN, 2.0, 2.0]),
        ("infinite", [f64::INFINITY, 1.0, 0.0, 1.0]),
    ] {
        let a = f64_tensor(&[bad, [2.0, 1.0, 0.0, 4.0]].concat(), &[2, 2, 2]);
        for backend in backends() {
            let outputs = run(&backend, std::slice::from_ref(&a), &|g, x| {
                let [sign, logarithm] = g.slogdet(x[0]);
                vec![g.inverse(x[0]), g.det(x[0]), sign, logarithm, g.logdet(x[0])]
            });
            let all: Vec<Vec<f64>> = outputs.iter().map(f64_elements).collect();
            let place = format!("{}: {name}: {all:?}", backend.name);
            assert!(all[0][..4].iter().all(|x| !x.is_finite()), "{place}");
            assert_eq!(all[0][4..], [0.5, -0.125, 0.0, 0.25], "{place}");
            if bad.iter().all(|x| x.is_finite()) {
                assert_eq!((all[1][0], all[2][0], all[3][0], all[4][0]), (0.0, 0.0, f64::NEG_INFINITY, f64::NEG_INFINITY), "{place}");
            } else {
                assert!(all[1..].iter().all(|result| result[0].is_nan()), "{place}");
            }
            assert!((all[1][1] - 8.0).abs() < 1e-14 && all[2][1] == 1.0 && (all[3][1] - 8f64.ln()).abs() < 1e-14, "{place}");
        }
    }
}

/// Nothing in, nothing out: matrices without elements, and batches without matrices.
#[test]
fn empty_matrices_and_batches_pass() {
    for (lead, n) in [(vec![], 0), (vec![2], 0), (vec![0], 3), (vec![0, 2], 0)] {
        let a = Tensor::zeros(&Allocator::system(), DType::F64, Shape::new(&[&lead[..], &[n, n]].concat()).unwrap()).unwrap();
        for backend in backends() {
            let outputs = run(&backend, std::slice::from_ref(&a), &|g, x| {
                let [p, l, u] = g.lu(x[0]);
                let [sign, logarithm] = g.slogdet(x[0]);
                let solved = g.solve(x[0], x[0], true);
                let all = [&g.qr(x[0], true)[..], &g.eigh(x[0], false), &g.svd(x[0])].concat();
                let more = [g.matrix_exp(x[0]), g.pinv(x[0], None, 0.0), g.lstsq(x[0], x[0])];
                assert!(all.iter().chain(&more).all(|y| g.shape(*y).elements() == 0));
                vec![g.cholesky(x[0], false), p, l, u, g.inverse(x[0]), solved, g.matrix_power(x[0], -2), g.det(x[0]), sign, logarithm]
            });
            let (ones, zeros) = outputs.split_at(7).1.split_at(2);
            assert!(ones.iter().all(|x| f64_elements(x).iter().all(|x| *x == 1.0)), "{}", backend.name);
            assert!(f64_elements(&zeros[0]).iter().all(|x| *x == 0.0));
            assert_eq!(outputs[7].shape().dims(), lead);
        }
    }
}

/// Entries of very different sizes: a decomposition with pivots keeps each row's own accuracy.
#[test]
fn graded_systems_are_solved() {
    let n = 30;
    let mut a = Matrix::of(&random("graded", &[n, n]));
    for i in 0..n {
        for j in 0..n {
            a.elements[i * n + j] *= 10f64.powi(-(j as i32));
        }
    }
    let x = Matrix { n: 1, elements: (0..n).map(|i| 10f64.powi(i as i32)).collect() };
    let b = a.times(&x);
    for backend in programs() {
        let inputs = [f64_tensor(&a.elements, &[n, n]), f64_tensor(&b.elements, &[n, 1])];
        let outputs = run(&backend, &inputs, &|g, x| vec![g.solve(x[0], x[1], true)]);
        let found = Matrix::of(&outputs[0]);
        let worst = found.elements.iter().zip(&x.elements).map(|(a, b)| (a / b - 1.0).abs()).fold(0.0, f64::max);
        assert!(worst < 1e-11, "{}: {worst}", backend.name);
    }
}

/// Other floats, and integers.
#[test]
fn every_float_is_computed_and_integers_are_f32() {
    let a = [4.0, 2.0, 2.0, 3.0];
    for backend in backends() {
        for (dtype, result, tolerance) in [
            (DType::F32, DType::F32, 1e-6),
            (DType::F16, DType::F16, 2e-3),
            (DType::BF16, DType::BF16, 2e-2),
            (DType::I64, DType::F32, 1e-6),
            (DType::I32, DType::F32, 1e-6),
        ] {
            let outputs = run(&backend, &[f64_tensor(&a, &[2, 2])], &|g, x| {
                let a = g.cast(x[0], dtype);
                let [_, logarithm] = g.slogdet(a);
                let [_, lower, _] = g.lu(a);
                let mut all = vec![g.cholesky(a, false), g.inverse(a), g.det(a), logarithm, lower];
                all.extend([g.eigh(a, false)[0], g.svd(a)[1], g.qr(a, false)[1], g.pinv(a, None, 0.0)]);
                all.iter().for_each(|y| assert_eq!(g.dtype(*y), result));
                all.iter().map(|y| g.cast(*y, DType::F64)).collect()
            });
            let root = 17f64.sqrt();
            let expected: [&[f64]; 9] = [
                &[2.0, 0.0, 1.0, 2f64.sqrt()],
                &[0.375, -0.25, -0.25, 0.5],
                &[8.0],
                &[8f64.ln()],
                &[1.0, 0.0, 0.5, 1.0],
                &[(7.0 - root) / 2.0, (7.0 + root) / 2.0],
                &[(7.0 + root) / 2.0, (7.0 - root) / 2.0],
                &[20f64.sqrt(), 14.0 / 20f64.sqrt(), 0.0, 8.0 / 20f64.sqrt()],
                &[0.375, -0.25, -0.25, 0.5],
            ];
            for (found, expected) in outputs.iter().zip(expected) {
                let close = f64_elements(found).iter().zip(expected).all(|(a, b)| (a - b).abs() <= tolerance * b.abs().max(0.1));
                assert!(close, "{}: {dtype}: {:?} is not {expected:?}", backend.name, f64_elements(found));
            }
        }
    }
}

#[test]
fn misfits_are_refused_in_words() {
    let refused = |dims_a: &[usize], dims_b: &[usize], record: &dyn Fn(&mut Trace, Value, Value) -> Value| {
        let mut g = Trace::new();
        let mut input = |dims: &[usize]| g.input(Type::new(DType::F32, Shape::new(dims).unwrap()));
        let (a, b) = (input(dims_a), input(dims_b));
        let y = record(&mut g, a, b);
        g.finish(&[y]).unwrap_err().message().to_string()
    };
    assert_eq!(refused(&[2, 3], &[2], &|g, a, _| g.cholesky(a, false)), "cholesky: [2, 3] is no square matrix");
    assert_eq!(refused(&[3], &[2], &|g, a, _| g.det(a)), "det: [3] is no square matrix");
    assert_eq!(refused(&[3], &[2], &|g, a, _| g.lu_factor(a)[0]), "lu_factor: [3] is no matrix");
    assert_eq!(refused(&[2, 2], &[3], &|g, a, b| g.solve(a, b, true)), "solve: a is [2, 2], b [3]");
    assert_eq!(
        refused(&[2, 2], &[3, 1], &|g, a, b| g.solve(a, b, true)),
        "solve: [2, 2] does not fit right-hand sides of 3 elements, [3, 1]"
    );
    let text = refused(&[2, 2, 2], &[3, 2, 1], &|g, a, b| g.solve(a, b, true));
    assert!(text.starts_with("solve: ") && text.contains("[2]") && text.contains("[3]"), "{text}");
    let text = refused(&[2, 2], &[2], &|g, a, b| g.lu_solve(a, b, a, false));
    assert_eq!(text, "lu_solve: the permutation is f32, not i64 or i32");
    assert_eq!(refused(&[2, 3], &[3, 1], &|g, a, b| g.lstsq(a, b)), "lstsq: a is [2, 3], b [3, 1]");
    assert_eq!(refused(&[2, 3], &[1], &|g, a, _| g.cond(a, MatrixNorm::One)), "cond: [2, 3] is no square matrix");
    assert_eq!(refused(&[2, 3], &[1], &|g, a, _| g.pinv(a, Some(-1.0), 0.0)), "pinv: a tolerance is negative or NaN");
    assert_eq!(
        refused(&[2, 3], &[1], &|g, a, _| g.tensorinv(a, 1)),
        "tensorinv: the first 1 axes of [2, 3] have not as many elements as the others"
    );
    let text = refused(&[2, 3], &[2], &|g, a, b| g.tensorsolve(a, b, &[]));
    assert_eq!(text, "tensorsolve: the first 1 axes of a, [2, 3], and the others each have as many elements as b, [2]");
}

/// The columns of Q that the matrix says nothing about have no gradient.
#[test]
fn a_complete_q_of_a_tall_matrix_has_no_gradient() {
    let mut g = Trace::new();
    let a = g.input(Type::new(DType::F64, Shape::new(&[3, 2]).unwrap()));
    let [q, _] = g.qr(a, true);
    let ones = g.ones_like(q);
    let error = reverse(&mut g, &[(q, ones)], &[a]).unwrap_err();
    assert!(error.message().starts_with("grad: qr has no gradient: the columns of Q"), "{}", error.message());
}

/// Where only values are asked for, equal ones do no harm; the pseudoinverse has a gradient at any matrix of full rank.
#[test]
fn gradients_at_equal_values_are_finite() {
    let eye = f64_tensor(&[1.0, 0.0, 0.0, 0.0, 1.0, 0.0, 0.0, 0.0, 1.0], &[3, 3]);
    for backend in backends() {
        let outputs = run(&backend, std::slice::from_ref(&eye), &|g, x| {
            let values = [g.eigvalsh(x[0], false), g.svdvals(x[0]), g.pinv(x[0], None, 0.0)];
            values
                .iter()
                .map(|y| {
                    let ones = g.ones_like(*y);
                    reverse(g, &[(*y, ones)], &[x[0]]).unwrap()[0]
                })
                .collect()
        });
        // The sum of the values is the trace; the inverse has the slope minus itself.
        assert_eq!(f64_elements(&outputs[0]), f64_elements(&eye), "{}", backend.name);
        assert_eq!(f64_elements(&outputs[1]), f64_elements(&eye), "{}", backend.name);
        assert!(f64_elements(&outputs[2]).iter().all(|x| (x + 1.0).abs() < 1e-15), "{}", backend.name);
    }
}
