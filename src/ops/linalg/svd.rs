//! The singular value decomposition.

use crate::ir::{Linalg, Value};
use crate::ops::Trace;
use crate::ops::catalog::{Row, Values};
use crate::ops::rules::Contribution;

const REAL: Values = Values::Uniform(-1.0, 1.0);

pub(in crate::ops) const ROWS: &[Row] = &[
    Row {
        name: "svd",
        meaning: "a = U diag(s) V^T: orthonormal columns, singular values in descending order, orthonormal rows",
        shapes: "a [..., m, n] -> U [..., m, k], s [..., k], V^T [..., k, n]",
        torch: "torch.linalg.svd",
        build: |g, x| {
            let [u, s, vt] = g.svd(x[0]);
            // Their product would be a.
            let (u, s) = (g.sin(u), g.sin(s));
            let row = g.unsqueeze(s, g.rank(s) - 1);
            let scaled = g.mul(u, row);
            let bent = g.exp(vt);
            g.product(scaled, bent, false, false)
        },
        samples: &[&[(&[4, 3], REAL)], &[(&[2, 2, 2], REAL)], &[(&[2, 4], REAL)]],
        ..Row::COMMON
    },
    Row {
        name: "svdvals",
        meaning: "the singular values in descending order",
        shapes: "a [..., m, n] -> [..., k]",
        torch: "torch.linalg.svdvals",
        mindspore: "-",
        build: |g, x| g.svdvals(x[0]),
        samples: &[&[(&[3, 2], REAL)], &[(&[2, 2, 3], REAL)]],
        ..Row::COMMON
    },
];

/// With F_ij = 1 / (s_j^2 - s_i^2) off the diagonal, 0 on it, and skew(x) = x - x^T:
///
/// da = U (diag(ds) + (F * skew(U^T dU)) diag(s) + diag(s) (F * skew(V^T dV))) V^T
///    + (1 - U U^T) dU diag(1/s) V^T + U diag(1/s) dV^T (1 - V V^T)
///
/// where the last two vanish for square U and V (Townsend, "Differentiating the singular value decomposition", 2016).
pub(super) fn gradient(g: &mut Trace, a: Value, y: Value, dy: &[Option<Value>]) -> Contribution {
    let [u, s, vt] = [0, 1, 2].map(|number| g.part(y, number));
    let rank = g.rank(a);
    let (m, n) = (g.dims(a)[rank - 2], g.dims(a)[rank - 1]);
    let k = m.min(n);
    let (column, row) = (g.unsqueeze(s, rank - 1), g.unsqueeze(s, rank - 2));
    let mut inner = dy[1].map(|ds| g.diag_embed(ds, 0, rank - 2, rank - 1));
    let mut outer = Vec::new();
    let factors = (dy[0].is_some() || dy[2].is_some()).then(|| {
        let (right, left) = (g.square(row), g.square(column));
        let apart = g.sub(right, left);
        g.reciprocal_off_diagonal(apart, k)
    });
    let turned = |g: &mut Trace, product: Value| {
        let mirror = g.matrix_transposed(product);
        let skew = g.sub(product, mirror);
        factors.map_or(skew, |factors| g.mul(factors, skew))
    };
    if let Some(du) = dy[0] {
        let product = g.product(u, du, true, false);
        let skew = turned(g, product);
        let part = g.mul(skew, row);
        inner = Some(inner.map_or(part, |inner| g.add(inner, part)));
        if m > k {
            let inside = g.product(u, product, false, false);
            let outside = g.sub(du, inside);
            let scaled = g.div(outside, row);
            outer.push(g.product(scaled, vt, false, false));
        }
    }
    if let Some(dvt) = dy[2] {
        let product = g.product(vt, dvt, false, true);
        let skew = turned(g, product);
        let part = g.mul(column, skew);
        inner = Some(inner.map_or(part, |inner| g.add(inner, part)));
        if n > k {
            let inside = g.product(product, vt, true, false);
            let outside = g.sub(dvt, inside);
            let scaled = g.div(outside, column);
            outer.push(g.product(u, scaled, false, false));
        }
    }
    let Some(inner) = inner else { return Contribution::Zero };
    let left = g.product(u, inner, false, false);
    let inside = g.product(left, vt, false, false);
    Contribution::One(outer.into_iter().fold(inside, |sum, part| g.add(sum, part)))
}

impl Trace {
    /// a = U diag(s) V^T for matrices a [..., m, n] and k = min(m, n): U [..., m, k] with orthonormal columns, the singular values s
    /// [..., k] in descending order, and V^T [..., k, n] with orthonormal rows. A matrix that is not finite gives NaN. Integers give f32; f32
    /// is computed in f64, 16-bit floats in f32.
    ///
    /// A pair of vectors could as well have the other sign: of the components of the left one within 1 % of its largest in size, the first is
    /// positive. Those of a value that occurs several times are some of many: the gradient of the vectors is then infinite or NaN,
    /// and so is it at 0. The gradient of the values alone is always finite.
    pub fn svd(&mut self, a: Value) -> [Value; 3] {
        self.singular_parts("svd", a)
    }
    /// The singular values of [`Trace::svd`] alone, which cost less than half.
    pub fn svdvals(&mut self, a: Value) -> Value {
        self.singular_parts("svdvals", a)[1]
    }
    fn singular_parts(&mut self, name: &str, a: Value) -> [Value; 3] {
        self.in_float_parts(name, &[a], |g, x| {
            let Some(a) = g.matrix_of(name, x[0]) else { return [Value::INVALID; 3] };
            let all = g.linalg(Linalg::Svd, &[a]);
            [0, 1, 2].map(|number| g.part(all, number))
        })
    }
}
