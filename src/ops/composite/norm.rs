//! Normalization. The variance is the mean square of centred values, so that large means cost no digits; the compiler makes one loop over
//! rows of it.

use crate::error::Error;
use crate::ir::Value;
use crate::ops::Trace;
use crate::ops::catalog::Values;
use crate::ops::composite::support::{YES, rows};

const REAL: Values = Values::Uniform(-2.0, 2.0);
const SIZE: Values = Values::Uniform(0.5, 1.5);

rows! {
    "layer_norm", "scale (x - mean) / sqrt(variance + epsilon) + offset over the last dimensions", "x [..., *n], scale, offset [*n]",
        "torch.nn.functional.layer_norm", "", Float, YES =>
        |g, x| g.layer_norm(x[0], x.get(1).copied(), x.get(2).copied(), g.rank(x[0]) - 1, 1e-5),
        [&[(&[3, 4], REAL), (&[4], SIZE), (&[4], REAL)], &[(&[2, 2, 2], REAL)]];
    "rms_norm", "scale x / sqrt(mean x^2 + epsilon) over the last dimensions", "x [..., *n], scale [*n]",
        "torch.nn.functional.rms_norm", "", Float, YES =>
        |g, x| g.rms_norm(x[0], x.get(1).copied(), 1, 1e-5), [&[(&[3, 4], REAL), (&[4], SIZE)], &[(&[2, 3], REAL)]];
    "group_norm", "layer_norm of groups of channels", "x [N, C, ...], scale, offset [C]", "torch.nn.functional.group_norm", "", Float, YES =>
        |g, x| g.group_norm(x[0], 2, x.get(1).copied(), x.get(2).copied(), 1e-5),
        [&[(&[2, 4, 2], REAL), (&[4], SIZE), (&[4], REAL)], &[(&[2, 6], REAL)]];
    "instance_norm", "layer_norm of each channel of each sample", "x [N, C, ...], scale, offset [C]", "torch.nn.functional.instance_norm", "-", Float, YES =>
        |g, x| g.instance_norm(x[0], x.get(1).copied(), x.get(2).copied(), 1e-5),
        [&[(&[2, 2, 3], REAL), (&[2], SIZE), (&[2], REAL)], &[(&[2, 2, 2, 2], REAL)]];
    "batch_norm", "scale (x - mean) / sqrt(variance + epsilon) + offset with statistics that are given", "x [N, C, ...], scale, offset, mean, variance [C]",
        "torch.nn.functional.batch_norm", "", Float, YES =>
        |g, x| g.batch_norm(x[0], x[1], x[2], Some(x[3]), Some(x[4]), 1e-5),
        [&[(&[2, 3, 2], REAL), (&[3], REAL), (&[3], SIZE), (&[3], SIZE), (&[3], REAL)]];
    "batch_norm_train", "batch_norm with the statistics of the batch", "x [N, C, ...], scale, offset [C] -> x's shape, mean [C], unbiased variance [C]",
        "torch.nn.functional.batch_norm", "batch_norm", Float, YES =>
        |g, x| {
            let [y, mean, variance] = g.batch_norm_train(x[0], x.get(1).copied(), x.get(2).copied(), 1e-5);
            let both = g.mul(mean, variance);
            let both = g.broadcast_in(both, &g.dims(y), &[1]);
            g.add(y, both)
        },
        [&[(&[3, 2, 2], REAL), (&[2], SIZE), (&[2], REAL)], &[(&[4, 2], REAL)]];
    "normalize", "x divided by its norm along an axis, which counts at least epsilon", "x [...] -> [...]", "torch.nn.functional.normalize", "-", Float, YES =>
        |g, x| g.normalize(x[0], 2.0, 1, 1e-12), [&[(&[2, 3], REAL)], &[(&[2, 3, 2], REAL)]];
    "standardize", "(x - mean) / sqrt(variance + epsilon) over axes", "x [...] -> [...]", "-", "-", Float, YES =>
        |g, x| g.standardize(x[0], &[0, 2], 1e-5), [&[(&[2, 2, 2], REAL)]];
}

impl Trace {
    /// (x - mean) / sqrt(variance + epsilon) over the last `count` dimensions (at least one), times `scale` plus `offset`, which have the
    /// shape of those dimensions. The variance is the biased one.
    pub fn layer_norm(&mut self, x: Value, scale: Option<Value>, offset: Option<Value>, count: usize, epsilon: f64) -> Value {
        const NAME: &str = "layer_norm";
        let Some(axes) = self.last_axes(NAME, x, count, &[scale, offset]) else { return Value::INVALID };
        self.affine(NAME, x, scale, offset, |g, x| g.centred(x, &axes, epsilon).0, &axes)
    }
    /// x / sqrt(mean x^2 + epsilon) over the last `count` dimensions (at least one), times `scale`, which has their shape.
    pub fn rms_norm(&mut self, x: Value, scale: Option<Value>, count: usize, epsilon: f64) -> Value {
        const NAME: &str = "rms_norm";
        let Some(axes) = self.last_axes(NAME, x, count, &[scale]) else { return Value::INVALID };
        let normalized = |g: &mut Trace, x: Value| {
            let square = g.square(x);
            let mean = g.mean(square, &axes, false);
            let lifted = g.add_scalar(mean, epsilon);
            let inverse = g.rsqrt(lifted);
            let inverse = g.expand_like(inverse, x, &axes);
            g.mul(x, inverse)
        };
        self.affine(NAME, x, scale, None, normalized, &axes)
    }
    /// x [N, C, ...] normalized in each of `groups` groups of channels of each sample; `scale` and `offset` are [C].
    pub fn group_norm(&mut self, x: Value, groups: usize, scale: Option<Value>, offset: Option<Value>, epsilon: f64) -> Value {
        const NAME: &str = "group_norm";
        if !self.has_channels(NAME, x, &[scale, offset]) {
            return Value::INVALID;
        }
        let dims = self.dims(x);
        if groups == 0 || !dims[1].is_multiple_of(groups) {
            return self.fail(Error::shape(format!("{NAME}: {groups} groups do not share {} channels", dims[1])));
        }
        let rest: usize = dims[2..].iter().product::<usize>() * (dims[1] / groups);
        let normalized = |g: &mut Trace, x: Value| {
            let grouped = g.reshape(x, &[dims[0], groups, rest]);
            let y = g.centred(grouped, &[2], epsilon).0;
            g.reshape(y, &dims)
        };
        self.affine(NAME, x, scale, offset, normalized, &[1])
    }
    /// x [N, C, ...] normalized in each channel of each sample; `scale` and `offset` are [C].
    pub fn instance_norm(&mut self, x: Value, scale: Option<Value>, offset: Option<Value>, epsilon: f64) -> Value {
        const NAME: &str = "instance_norm";
        if !self.has_channels(NAME, x, &[scale, offset]) {
            return Value::INVALID;
        }
        let shape = self.shape(x);
        if shape.rank() < 3 {
            return self.fail(Error::shape(format!("{NAME}: {shape} has no dimensions behind samples and channels")));
        }
        let axes: Vec<usize> = (2..shape.rank()).collect();
        self.affine(NAME, x, scale, offset, |g, x| g.centred(x, &axes, epsilon).0, &[1])
    }
    /// scale (x - mean) / sqrt(variance + epsilon) + offset with statistics that are given; x is [N, C, ...], all others are [C].
    pub fn batch_norm(
        &mut self,
        x: Value,
        mean: Value,
        variance: Value,
        scale: Option<Value>,
        offset: Option<Value>,
        epsilon: f64,
    ) -> Value {
        const NAME: &str = "batch_norm";
        if !self.has_channels(NAME, x, &[Some(mean), Some(variance), scale, offset]) {
            return Value::INVALID;
        }
        let operands: Vec<Value> = [x, mean, variance].into_iter().chain(scale).chain(offset).collect();
        self.in_float(NAME, &operands, |g, known| {
            let dims = g.dims(known[0]);
            let lifted = g.add_scalar(known[2], epsilon);
            let mut inverse = g.rsqrt(lifted);
            let mut rest = known[3..].iter();
            if scale.is_some() {
                inverse = rest.next().map_or(inverse, |scale| g.mul(inverse, *scale));
            }
            let [mean, inverse] = [known[1], inverse].map(|vector| g.broadcast_in(vector, &dims, &[1]));
            let centred = g.sub(known[0], mean);
            let y = g.mul(centred, inverse);
            match rest.next() {
                Some(offset) => {
                    let offset = g.broadcast_in(*offset, &dims, &[1]);
                    g.add(y, offset)
                }
                None => y,
            }
        })
    }
    /// [`Trace::batch_norm`] with the statistics of the batch: the result, normalized by the biased variance, and the mean and the unbiased
    /// variance [C] that moving statistics are made from. The variance of a single value per channel is NaN there.
    pub fn batch_norm_train(&mut self, x: Value, scale: Option<Value>, offset: Option<Value>, epsilon: f64) -> [Value; 3] {
        const NAME: &str = "batch_norm_train";
        if !self.has_channels(NAME, x, &[scale, offset]) {
            return [Value::INVALID; 3];
        }
        let dims = self.dims(x);
        let axes: Vec<usize> = (0..dims.len()).filter(|axis| *axis != 1).collect();
        let count: usize = axes.iter().map(|axis| dims[*axis]).product();
        let mut statistics = [Value::INVALID; 2];
        let normalized = |g: &mut Trace, x: Value| {
            let (y, mean, variance) = g.centred(x, &axes, epsilon);
            statistics = [mean, g.mul_scalar(variance, count as f64 / (count as f64 - 1.0))];
            y
        };
        let y = self.affine(NAME, x, scale, offset, normalized, &[1]);
        if !self.contains(y) {
            return [Value::INVALID; 3];
        }
        let [mean, variance] = statistics.map(|value| self.cast(value, self.dtype(y)));
        [y, mean, variance]
    }
    /// The next moving statistic: momentum * moving + (1 - momentum) * of_batch; no gradient passes. PyTorch's momentum is 1 - this one.
    pub fn moving_average(&mut self, moving: Value, of_batch: Value, momentum: f64) -> Value {
        let of_batch = self.stop_gradient(of_batch);
        let of_batch = self.cast(of_batch, self.dtype(moving));
        let difference = self.sub(of_batch, moving);
        let step = self.mul_scalar(difference, 1.0 - momentum);
        self.add(moving, step)
    }
    /// x divided by its p-norm along `axis`, which counts at least `epsilon`.
    pub fn normalize(&mut self, x: Value, p: f64, axis: usize, epsilon: f64) -> Value {
        if !self.finds_axes("normalize", x, &[axis]) {
            return Value::INVALID;
        }
        self.in_float("normalize", &[x], |g, x| {
            let length = g.norm(x[0], p, &[axis], false);
            let length = g.at_least(length, epsilon);
            let length = g.expand_like(length, x[0], &[axis]);
            g.div(x[0], length)
        })
    }
    /// (x - mean) / sqrt(variance + epsilon) over `axes`, with the biased variance.
    pub fn standardize(&mut self, x: Value, axes: &[usize], epsilon: f64) -> Value {
        if !self.finds_axes("standardize", x, axes) {
            return Value::INVALID;
        }
        self.in_float("standardize", &[x], |g, x| g.centred(x[0], axes, epsilon).0)
    }

    /// x normalized over `axes`, its mean, and its biased variance.
    fn centred(&mut self, x: Value, axes: &[usize], epsilon: f64) -> (Value, Value, Value) {
        let mean = self.mean(x, axes, false);
        let spread = self.expand_like(mean, x, axes);
        let centred = self.sub(x, spread);
        let square = self.square(centred);
        let variance = self.mean(square, axes, false);
        let lifted = self.add_scalar(variance, epsilon);
        let inverse = self.rsqrt(lifted);
        let inverse = self.expand_like(inverse, x, axes);
        (self.mul(centred, inverse), mean, variance)
    }
    /// What `body` makes of x, times `scale` plus `offset`, which lie along `axes` of it.
    fn affine(
        &mut self,
        name: &str,
        x: Value,
        scale: Option<Value>,
        offset: Option<Value>,
        body: impl FnOnce(&mut Trace, Value) -> Value,
        axes: &[usize],
    ) -> Value {
        let operands: Vec<Value> = [x].into_iter().chain(scale).chain(offset).collect();
        self.in_float(name, &operands, |g, known| {
            let mut y = body(g, known[0]);
            let dims = g.dims(known[0]);
            let mut rest = known[1..].iter();
            if let (Some(_), Some(scale)) = (scale, rest.clone().next()) {
                rest.next();
                let scale = g.broadcast_in(*scale, &dims, axes);
                y = g.mul(y, scale);
            }
            if let Some(offset) = rest.next() {
                let offset = g.broadcast_in(*offset, &dims, axes);
                y = g.add(y, offset);
            }
            y
        })
    }
    /// The last `count` axes of x, if there are as many and the vectors have their shape.
    fn last_axes(&mut self, name: &str, x: Value, count: usize, vectors: &[Option<Value>]) -> Option<Vec<usize>> {
        let known: Vec<Value> = [x].into_iter().chain(vectors.iter().flatten().copied()).collect();
        if !self.knows(name, &known) {
            return None;
        }
        let shape = self.shape(x);
        if count == 0 || count > shape.rank() {
            self.fail(Error::shape(format!("{name}: {shape} has no last {count} dimensions to normalize")));
            return None;
        }
        let first = shape.rank() - count;
        if let Some(vector) = known[1..].iter().find(|vector| self.dims(**vector) != shape.dims()[first..]) {
            let (found, wanted) = (self.shape(*vector), &shape.dims()[first..]);
            self.fail(Error::shape(format!("{name}: scale and offset are {wanted:?} like the normalized dimensions, not {found}")));
            return None;
        }
        Some((first..shape.rank()).collect())
    }
    /// Whether x is [N, C, ...] and the vectors are [C].
    fn has_channels(&mut self, name: &str, x: Value, vectors: &[Option<Value>]) -> bool {
        let known: Vec<Value> = [x].into_iter().chain(vectors.iter().flatten().copied()).collect();
        if !self.knows(name, &known) {
            return false;
        }
        let shape = self.shape(x);
        if shape.rank() < 2 {
            self.fail(Error::shape(format!("{name}: the operand is {shape}, not [N, C, ...]")));
            return false;
        }
        let channels = shape.dims()[1];
        if let Some(vector) = known[1..].iter().find(|vector| self.dims(**vector) != [channels]) {
            let found = self.shape(*vector);
            self.fail(Error::shape(format!("{name}: vectors over the {channels} channels of {shape} are [{channels}], not {found}")));
            return false;
        }
        true
    }
}
