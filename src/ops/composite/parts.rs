//! Parts of a tensor along an axis, and tensors with a part replaced.

use crate::error::Error;
use crate::ir::Value;
use crate::ops::Trace;
use crate::ops::catalog::Values;
use crate::ops::composite::support::{YES, rows};
use crate::tensor::DType;

const REAL: Values = Values::Uniform(-1.0, 1.0);

/// More parts than this are a mistake: each is a node of the graph.
const MOST: usize = 1 << 16;

/// The parts in another order, as one value.
fn turned(g: &mut Trace, mut parts: Vec<Value>, axis: usize) -> Value {
    parts.reverse();
    g.concat(&parts, axis)
}

rows! {
    "split", "parts of one size along an axis, the last with what is left", "x [..., n, ...] -> each [..., size, ...]", "", "", Any, YES =>
        |g, x| {
            let parts = g.split(x[0], 2, 1);
            turned(g, parts, 1)
        }, [&[(&[2, 5], REAL)]];
    "split_sizes", "parts of given sizes along an axis", "x [..., sum of sizes, ...] -> each [..., its size, ...]", "torch.split", "mindspore.ops.split", Any, YES =>
        |g, x| {
            let parts = g.split_sizes(x[0], &[2, 3], 1);
            turned(g, parts, 1)
        }, [&[(&[2, 5], REAL)]];
    "chunk", "at most so many parts along an axis, of one size but the last", "x [..., n, ...] -> each [..., n / count rounded up, ...]", "", "", Any, YES =>
        |g, x| {
            let parts = g.chunk(x[0], 3, 0);
            turned(g, parts, 0)
        }, [&[(&[5, 2], REAL)]];
    "tensor_split", "so many parts along an axis, as even as they can be", "x [..., n, ...] -> each [..., n / count up or down, ...]", "", "", Any, YES =>
        |g, x| {
            let parts = g.tensor_split(x[0], 3, 1);
            turned(g, parts, 1)
        }, [&[(&[2, 5], REAL)]];
    "tensor_split_at", "the parts between positions along an axis", "x [..., n, ...], k positions -> k + 1 parts", "torch.tensor_split", "mindspore.ops.tensor_split", Any, YES =>
        |g, x| {
            let parts = g.tensor_split_at(x[0], &[1, -1], 1);
            turned(g, parts, 1)
        }, [&[(&[2, 5], REAL)]];
    "unbind", "all slices along an axis", "x [..., n, ...] -> n times [..., ...]", "", "", Any, YES =>
        |g, x| {
            let parts = g.unbind(x[0], 1);
            turned(g, parts, 0)
        }, [&[(&[2, 3], REAL)]];
    "narrow", "so many elements of an axis from one on", "x [..., n, ...] -> [..., size, ...]", "", "", Any, YES =>
        |g, x| g.narrow(x[0], 1, 1, 2), [&[(&[2, 4], REAL)]];
    "slice_at", "the slice at one position of an axis", "x [..., n, ...] -> [..., ...]", "torch.select", "-", Any, YES =>
        |g, x| g.slice_at(x[0], 1, -2), [&[(&[2, 4], REAL)]];
    "slice_scatter", "x with every step-th element from start to stop replaced", "x [n...], source [(stop - start) / step...] -> x", "", "", Any, YES =>
        |g, x| g.slice_scatter(x[0], x[1], &[0, 1], &[2, 5], &[1, 2]), [&[(&[2, 5], REAL), (&[2, 2], REAL)]];
    "select_scatter", "x with the slice at one position of an axis replaced", "x [..., n, ...], source [..., ...] -> x", "", "", Any, YES =>
        |g, x| g.select_scatter(x[0], x[1], 1, -2), [&[(&[2, 3], REAL), (&[2], REAL)]];
    "sliding_window", "the windows of an axis, as a new last dimension", "x [..., n, ...] -> [..., (n - size) / step + 1, ..., size]", "torch.Tensor.unfold", "Tensor.unfold", Any, YES =>
        |g, x| g.sliding_window(x[0], 0, 3, 2), [&[(&[7, 2], REAL)]];
}

impl Trace {
    /// Parts of `size` elements along `axis`, the last with what is left; an empty axis has one part.
    pub fn split(&mut self, x: Value, size: usize, axis: usize) -> Vec<Value> {
        const NAME: &str = "split";
        if !self.finds_axes(NAME, x, &[axis]) {
            return Vec::new();
        }
        let total = self.dims(x)[axis];
        if size == 0 && total > 0 {
            self.fail(Error::shape(format!("{NAME}: parts of size 0 do not make {total}")));
            return Vec::new();
        }
        let count = total.div_ceil(size.max(1)).max(1);
        self.parts(NAME, x, count, axis, |part| (part * size, size.min(total - part * size)))
    }
    /// Parts of these sizes along `axis`, which together are as long as it.
    pub fn split_sizes(&mut self, x: Value, sizes: &[usize], axis: usize) -> Vec<Value> {
        const NAME: &str = "split_sizes";
        if !self.finds_axes(NAME, x, &[axis]) {
            return Vec::new();
        }
        let total = self.dims(x)[axis];
        if sizes.iter().try_fold(0usize, |sum, size| sum.checked_add(*size)) != Some(total) {
            self.fail(Error::shape(format!("{NAME}: the sizes do not add up to {total}, the size of axis {axis}")));
            return Vec::new();
        }
        let mut start = 0;
        self.parts(NAME, x, sizes.len(), axis, |part| {
            start += sizes[part];
            (start - sizes[part], sizes[part])
        })
    }
    /// At most `count` parts along `axis`, of n / count elements rounded up, the last with what is left.
    pub fn chunk(&mut self, x: Value, count: usize, axis: usize) -> Vec<Value> {
        const NAME: &str = "chunk";
        if !self.finds_axes(NAME, x, &[axis]) {
            return Vec::new();
        }
        if count == 0 {
            self.fail(Error::shape(format!("{NAME}: into 0 parts")));
            return Vec::new();
        }
        let total = self.dims(x)[axis];
        match total {
            0 => self.parts(NAME, x, count, axis, |_| (0, 0)),
            _ => self.split(x, total.div_ceil(count), axis),
        }
    }
    /// `count` parts along `axis`, the first of which have one element more where they cannot be even.
    pub fn tensor_split(&mut self, x: Value, count: usize, axis: usize) -> Vec<Value> {
        const NAME: &str = "tensor_split";
        if !self.finds_axes(NAME, x, &[axis]) {
            return Vec::new();
        }
        if count == 0 {
            self.fail(Error::shape(format!("{NAME}: into 0 parts")));
            return Vec::new();
        }
        let total = self.dims(x)[axis];
        let (size, longer) = (total / count, total % count);
        self.parts(NAME, x, count, axis, |part| (part * size + part.min(longer), size + (part < longer) as usize))
    }
    /// The parts of `axis` before, between, and behind these positions: negative ones count from the end, those outside are the end, and
    /// what does not ascend gives empty parts.
    pub fn tensor_split_at(&mut self, x: Value, positions: &[i64], axis: usize) -> Vec<Value> {
        const NAME: &str = "tensor_split_at";
        if !self.finds_axes(NAME, x, &[axis]) {
            return Vec::new();
        }
        let total = self.dims(x)[axis];
        let bound = |position: i64| {
            let counted = if position < 0 { position.saturating_add(total as i64).max(0) } else { position };
            (counted as u64).min(total as u64) as usize
        };
        self.parts(NAME, x, positions.len().saturating_add(1), axis, |part| {
            let start = if part == 0 { 0 } else { bound(positions[part - 1]) };
            let stop = positions.get(part).map_or(total, |position| bound(*position));
            (start, stop.saturating_sub(start))
        })
    }
    /// The slices at all positions of `axis`, without it.
    pub fn unbind(&mut self, x: Value, axis: usize) -> Vec<Value> {
        const NAME: &str = "unbind";
        if !self.finds_axes(NAME, x, &[axis]) {
            return Vec::new();
        }
        let count = self.dims(x)[axis];
        let parts = self.parts(NAME, x, count, axis, |part| (part, 1));
        parts.into_iter().map(|part| self.squeeze(part, &[axis])).collect()
    }
    /// `count` parts along an axis, of which `place` says start and size.
    fn parts(&mut self, name: &str, x: Value, count: usize, axis: usize, mut place: impl FnMut(usize) -> (usize, usize)) -> Vec<Value> {
        if count > MOST {
            self.fail(Error::shape(format!("{name}: {count} parts are more than a graph takes; the most are {MOST}")));
            return Vec::new();
        }
        let mut part = |part: usize| {
            let (start, size) = place(part);
            self.narrow(x, axis, start, size)
        };
        (0..count).map(&mut part).collect()
    }
    /// The slice at `position` of `axis`, without it. Negative positions count from the end.
    pub fn slice_at(&mut self, x: Value, axis: usize, position: i64) -> Value {
        let Some(position) = self.position_on("slice_at", x, axis, position) else { return Value::INVALID };
        let slice = self.narrow(x, axis, position, 1);
        self.squeeze(slice, &[axis])
    }
    fn position_on(&mut self, name: &str, x: Value, axis: usize, position: i64) -> Option<usize> {
        if !self.finds_axes(name, x, &[axis]) {
            return None;
        }
        let size = self.dims(x)[axis];
        let counted = if position < 0 { position.saturating_add(size as i64) } else { position };
        let found = usize::try_from(counted).ok().filter(|position| *position < size);
        if found.is_none() {
            self.fail(Error::shape(format!("{name}: there is no position {position} on axis {axis}, which has {size}")));
        }
        found
    }
    /// x with the elements that [`Trace::slice`] would read replaced by `source`, which has their shape and the dtype of x.
    pub fn slice_scatter(&mut self, x: Value, source: Value, start: &[usize], stop: &[usize], step: &[usize]) -> Value {
        const NAME: &str = "slice_scatter";
        if !self.knows(NAME, &[x, source]) {
            return Value::INVALID;
        }
        let taken = match crate::ops::shape::infer_slice(self.ty(x), start, stop, step) {
            Ok(taken) => taken,
            Err(error) => return self.fail(error.within(NAME)),
        };
        if self.ty(source) != taken {
            let source = self.ty(source);
            return self.fail(Error::shape(format!("{NAME}: the source is {source}, the place {taken}")));
        }
        if taken.shape.elements() == 0 {
            return x;
        }
        let dims = self.dims(x);
        let interior: Vec<usize> = step.iter().map(|step| step - 1).collect();
        let high: Vec<usize> = (0..dims.len())
            .map(|axis| {
                let size = taken.shape.dims()[axis];
                dims[axis] - start[axis] - (size - 1) * step[axis] - 1
            })
            .collect();
        let (nothing, outside) = (self.scalar(taken.dtype, 0.0), self.scalar(DType::Bool, 0.0));
        let placed = self.pad(source, nothing, start, &high, &interior);
        let inside = self.full(DType::Bool, taken.shape.dims(), 1.0);
        let mask = self.pad(inside, outside, start, &high, &interior);
        self.select(mask, placed, x)
    }
    /// x with the slice at `position` of `axis` replaced by `source`. Negative positions count from the end.
    pub fn select_scatter(&mut self, x: Value, source: Value, axis: usize, position: i64) -> Value {
        const NAME: &str = "select_scatter";
        let Some(position) = self.position_on(NAME, x, axis, position) else { return Value::INVALID };
        if !self.knows(NAME, &[source]) {
            return Value::INVALID;
        }
        let dims = self.dims(x);
        let place = [&dims[..axis], &dims[axis + 1..]].concat();
        if self.dims(source) != place || self.dtype(source) != self.dtype(x) {
            let (source, dtype) = (self.ty(source), self.dtype(x));
            return self.fail(Error::shape(format!("{NAME}: the source is {source}, the place {dtype}{place:?}")));
        }
        let source = self.unsqueeze(source, axis);
        let (before, behind) = (self.narrow(x, axis, 0, position), self.narrow(x, axis, position + 1, dims[axis] - position - 1));
        self.concat(&[before, source, behind], axis)
    }
    /// The windows of `size` elements that begin at every `step`-th position of `axis`: their number takes the place of the axis, their
    /// elements are a new last dimension.
    pub fn sliding_window(&mut self, x: Value, axis: usize, size: usize, step: usize) -> Value {
        const NAME: &str = "sliding_window";
        if !self.finds_axes(NAME, x, &[axis]) {
            return Value::INVALID;
        }
        let dims = self.dims(x);
        if step == 0 || size > dims[axis] {
            let total = dims[axis];
            return self
                .fail(Error::shape(format!("{NAME}: windows of {size} elements, each {step} behind the other, on an axis of {total}")));
        }
        let windows = [(dims[axis] - size) / step + 1, size];
        let (starts, inside) = (self.iota(DType::I64, &windows, 0), self.iota(DType::I64, &windows, 1));
        let step = self.integer(DType::I64, step as i64);
        let starts = self.mul(starts, step);
        let positions = self.add(starts, inside);
        let taken = self.gather(x, positions, axis);
        let rank = dims.len() + 1;
        let order: Vec<usize> = (0..rank).filter(|other| *other != axis + 1).chain([axis + 1]).collect();
        self.transpose(taken, &order)
    }
}

#[cfg(test)]
mod tests {
    use crate::ops::composite::testing::{assert_close, binary, unary};

    #[test]
    fn every_step_th_element_is_replaced() {
        let replaced = binary(&[1.0, 2.0, 3.0, 4.0, 5.0], &[f64::NAN, 7.0], |g, x, source| g.slice_scatter(x, source, &[1], &[5], &[2]));
        assert_close(&replaced, &[1.0, f64::NAN, 3.0, 7.0, 5.0]);
        let same = binary(&[1.0, 2.0], &[], |g, x, source| g.slice_scatter(x, source, &[1], &[1], &[1]));
        assert_close(&same, &[1.0, 2.0]);
    }

    #[test]
    fn parts_that_do_not_ascend_are_empty() {
        let sizes = unary(&[1.0, 2.0, 3.0, 4.0], |g, x| {
            let parts = g.tensor_split_at(x, &[3, 1, -9, 99], 0);
            let sizes: Vec<f64> = parts.iter().map(|part| g.dims(*part)[0] as f64).collect();
            let sizes: Vec<_> = sizes.into_iter().map(|size| g.scalar(crate::DType::F64, size)).collect();
            g.stack(&sizes, 0)
        });
        assert_close(&sizes, &[3.0, 0.0, 0.0, 4.0, 0.0]);
    }
}
