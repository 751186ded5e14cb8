//! Distances and angles between vectors.

use crate::error::Error;
use crate::ir::Value;
use crate::ops::Trace;
use crate::ops::catalog::Values;
use crate::ops::composite::support::{YES, rows};
use crate::ops::shape::broadcast_shape;

const LOW: Values = Values::Uniform(-2.0, -0.2);
const HIGH: Values = Values::Uniform(0.2, 2.0);

rows! {
    "dist", "the p-norm of all differences", "a, b broadcast -> []", "", "-", Float, YES =>
        |g, x| g.dist(x[0], x[1], 2.0), [&[(&[2, 3], LOW), (&[3], HIGH)]];
    "cdist", "the p-norm of the difference of each row of a and each row of b", "a [..., n, d], b [..., m, d] -> [..., n, m]", "", "", Float, YES =>
        |g, x| g.cdist(x[0], x[1], 2.0), [&[(&[3, 2], LOW), (&[2, 2], HIGH)], &[(&[2, 1, 2], LOW), (&[3, 2], HIGH)]];
    "pdist", "the p-norms of the differences of all pairs of rows", "x [..., n, d] -> [..., n (n - 1) / 2]", "torch.nn.functional.pdist", "", Float, YES =>
        |g, x| g.pdist(x[0], 3.0), [&[(&[3, 2], HIGH)], &[(&[2, 3, 2], HIGH)]];
    "pairwise_distance", "the p-norm of a - b + epsilon along the last axis", "a, b [..., d] broadcast -> [...]", "torch.nn.functional.pairwise_distance", "-", Float, YES =>
        |g, x| g.pairwise_distance(x[0], x[1], 3.0, 1e-6, true), [&[(&[3, 2], LOW), (&[3, 2], HIGH)]];
    "cosine_similarity", "the cosine of the angle between vectors along an axis", "a, b broadcast", "torch.nn.functional.cosine_similarity", "", Float, YES =>
        |g, x| g.cosine_similarity(x[0], x[1], 1, 1e-8), [&[(&[2, 3], LOW), (&[2, 3], HIGH)], &[(&[2, 3, 2], LOW), (&[1, 3, 1], HIGH)]];
}

impl Trace {
    /// The p-norm of all elements of a - b, which broadcast: a scalar.
    pub fn dist(&mut self, a: Value, b: Value, p: f64) -> Value {
        self.in_float("dist", &[a, b], |g, x| {
            let difference = g.sub(x[0], x[1]);
            let axes: Vec<usize> = (0..g.rank(difference)).collect();
            g.norm(difference, p, &axes, false)
        })
    }
    /// For each row of a [..., n, d] and each row of b [..., m, d] the p-norm of their difference: [..., n, m]. Leading dimensions broadcast.
    pub fn cdist(&mut self, a: Value, b: Value, p: f64) -> Value {
        const NAME: &str = "cdist";
        if !self.knows(NAME, &[a, b]) {
            return Value::INVALID;
        }
        let (first, second) = (self.dims(a), self.dims(b));
        if first.len() < 2 || second.len() < 2 || first.last() != second.last() {
            return self.fail(Error::shape(format!("{NAME}: the operands are {first:?} and {second:?}, not [..., n, d] and [..., m, d]")));
        }
        let (a, b) = (self.unsqueeze(a, first.len() - 1), self.unsqueeze(b, second.len() - 2));
        self.in_float(NAME, &[a, b], |g, x| {
            let difference = g.sub(x[0], x[1]);
            if !g.contains(difference) {
                return difference;
            }
            g.norm(difference, p, &[g.rank(difference) - 1], false)
        })
    }
    /// The p-norms of the differences of rows i and j of x [..., n, d] for all i < j, row by row: [..., n (n - 1) / 2].
    pub fn pdist(&mut self, x: Value, p: f64) -> Value {
        const NAME: &str = "pdist";
        if !self.knows(NAME, &[x]) {
            return Value::INVALID;
        }
        let dims = self.dims(x);
        let Some(axis) = dims.len().checked_sub(2) else {
            return self.fail(Error::shape(format!("{NAME}: of {dims:?}, not [..., n, d]")));
        };
        let pairs = self.triu_indices(dims[axis], dims[axis], 1);
        let (first, second) = (self.slice_at(pairs, 0, 0), self.slice_at(pairs, 0, 1));
        let (first, second) = (self.gather(x, first, axis), self.gather(x, second, axis));
        self.in_float(NAME, &[first, second], |g, x| {
            let difference = g.sub(x[0], x[1]);
            g.norm(difference, p, &[axis + 1], false)
        })
    }
    /// The p-norm of a - b + epsilon along the last axis.
    pub fn pairwise_distance(&mut self, a: Value, b: Value, p: f64, epsilon: f64, keep_dims: bool) -> Value {
        const NAME: &str = "pairwise_distance";
        self.in_float(NAME, &[a, b], |g, x| {
            let difference = g.sub(x[0], x[1]);
            let difference = g.add_scalar(difference, epsilon);
            match g.rank(difference) {
                0 => g.fail(Error::shape(format!("{NAME}: scalars have no axis to measure along"))),
                rank => g.norm(difference, p, &[rank - 1], keep_dims),
            }
        })
    }
    /// a . b / (|a| |b|) along `axis` of the shape that both broadcast to; lengths count at least `epsilon`.
    pub fn cosine_similarity(&mut self, a: Value, b: Value, axis: usize, epsilon: f64) -> Value {
        const NAME: &str = "cosine_similarity";
        if !self.knows(NAME, &[a, b]) {
            return Value::INVALID;
        }
        let shape = match broadcast_shape(&self.shape(a), &self.shape(b)) {
            Ok(shape) => shape,
            Err(error) => return self.fail(error.within(NAME)),
        };
        let (a, b) = (self.broadcast_to(a, shape.dims()), self.broadcast_to(b, shape.dims()));
        if !self.finds_axes(NAME, a, &[axis]) {
            return Value::INVALID;
        }
        self.in_float(NAME, &[a, b], |g, x| {
            let common = g.mul(x[0], x[1]);
            let common = g.sum(common, &[axis], false);
            let [first, second] = [x[0], x[1]].map(|x| {
                let length = g.norm(x, 2.0, &[axis], false);
                g.at_least(length, epsilon)
            });
            let lengths = g.mul(first, second);
            g.div(common, lengths)
        })
    }
}
