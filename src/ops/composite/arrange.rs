//! Repeating, turning, joining, and diagonals: moves of elements made of the primitive ones.

use crate::error::{Error, Result};
use crate::ir::Value;
use crate::ops::Trace;
use crate::ops::catalog::Values;
use crate::ops::composite::support::{YES, rows};
use crate::ops::shape::broadcast_shape;
use crate::tensor::{DType, Shape};

const REAL: Values = Values::Uniform(-1.0, 1.0);

rows! {
    "expand", "x repeated to a larger shape, where a size may be kept", "x [s...] -> [shape...], aligned at the last dimension", "torch.Tensor.expand", "Tensor.expand", Any, YES =>
        |g, x| g.expand(x[0], &[Some(2), Some(3), None]), [&[(&[1, 2], REAL)]];
    "broadcast_tensors", "values repeated to their common shape", "each [s...] -> the common shape", "", "Tensor.broadcast_to", Any, YES =>
        |g, x| {
            let all = g.broadcast_tensors(x);
            g.stack(&all, 0)
        }, [&[(&[2, 1], REAL), (&[3], REAL)]];
    "tile", "x repeated as a whole along each dimension", "x [s...] -> [s times count...]", "", "", Any, YES =>
        |g, x| g.tile(x[0], &[2, 1, 3]), [&[(&[2, 2], REAL)]];
    "repeat_interleave", "each element repeated along an axis", "x [..., n, ...] -> [..., sum of counts, ...]", "", "", Any, YES =>
        |g, x| {
            let even = g.repeat_interleave(x[0], &[3], 1);
            let uneven = g.repeat_interleave(x[0], &[2, 0, 1], 1);
            g.concat(&[even, uneven], 1)
        }, [&[(&[2, 3], REAL)]];
    "roll", "elements moved along axes, those beyond the end back to the beginning", "x -> the same", "", "", Any, YES =>
        |g, x| g.roll(x[0], &[1, -2], &[0, 1]), [&[(&[2, 5], REAL)]];
    "rot90", "turned by quarters in the plane of two axes", "x [..., n, ..., m, ...] -> with n and m swapped for odd k", "", "", Any, YES =>
        |g, x| g.rot90(x[0], 1, [0, 1]), [&[(&[2, 3], REAL)]];
    "move_axes", "axes moved to other places, the others in their order", "x [s...] -> [the same in another order]", "torch.movedim", "mindspore.ops.movedim", Any, YES =>
        |g, x| g.move_axes(x[0], &[0], &[2]), [&[(&[2, 1, 3], REAL)]];
    "swap_axes", "two axes swapped", "x [..., n, ..., m, ...] -> [..., m, ..., n, ...]", "torch.swapaxes", "mindspore.ops.swapaxes", Any, YES =>
        |g, x| g.swap_axes(x[0], 0, 2), [&[(&[2, 1, 3], REAL)]];
    "ravel", "all elements as a vector", "x [s...] -> [elements]", "", "", Any, YES => |g, x| g.ravel(x[0]), [&[(&[2, 3], REAL)]];
    "unflatten", "a dimension as several", "x [..., n, ...] -> [..., sizes..., ...]", "", "mindspore.ops.unflatten", Any, YES =>
        |g, x| g.unflatten(x[0], 0, &[3, 2]), [&[(&[6, 2], REAL)]];
    "atleast_1d", "a scalar as a vector", "x [s...] -> [1] or the same", "", "", Any, YES => |g, x| g.atleast_1d(x[0]), [&[(&[], REAL)]];
    "atleast_2d", "fewer than two dimensions as a row", "x [n] -> [1, n]", "", "", Any, YES => |g, x| g.atleast_2d(x[0]), [&[(&[3], REAL)]];
    "atleast_3d", "fewer than three dimensions as a block", "x [n, m] -> [n, m, 1]; [n] -> [1, n, 1]", "", "", Any, YES =>
        |g, x| g.atleast_3d(x[0]), [&[(&[2, 3], REAL)]];
    "hstack", "tensors side by side: along the second axis, vectors along the first", "each [n, m, ...] -> [n, sum of m, ...]", "", "", Any, YES =>
        |g, x| g.hstack(x), [&[(&[2, 1], REAL), (&[2, 3], REAL)], &[(&[2], REAL), (&[], REAL)]];
    "vstack", "tensors one below the other, vectors as rows", "each [n, ...] -> [sum of n, ...]", "", "", Any, YES =>
        |g, x| g.vstack(x), [&[(&[3], REAL), (&[2, 3], REAL)]];
    "dstack", "tensors one behind the other along the third axis", "each [n, m, k] -> [n, m, sum of k]", "", "", Any, YES =>
        |g, x| g.dstack(x), [&[(&[2, 2], REAL), (&[2, 2, 2], REAL)]];
    "column_stack", "tensors side by side, vectors as columns", "each [n, m] or [n] -> [n, sum of m]", "", "", Any, YES =>
        |g, x| g.column_stack(x), [&[(&[2], REAL), (&[2, 2], REAL)]];
    "block_diag", "matrices along the diagonal of a larger one, vectors as rows", "each [n, m] -> [sum of n, sum of m]", "", "", Any, YES =>
        |g, x| g.block_diag(x), [&[(&[2, 1], REAL), (&[2], REAL), (&[], REAL)]];
    "meshgrid", "vectors repeated over the grid that they span", "each [n_i] -> [n_0, n_1, ...], with xy the first two swapped", "", "", Any, YES =>
        |g, x| {
            let all = g.meshgrid(x, true);
            g.stack(&all, 0)
        }, [&[(&[2], REAL), (&[3], REAL)]];
    "cartesian_prod", "all tuples of one element of each vector", "each [n_i], k of them -> [product of n_i, k]", "", "", Any, YES =>
        |g, x| g.cartesian_prod(x), [&[(&[2], REAL), (&[3], REAL)]];
    "tril", "the lower triangle of matrices, zeros above", "x [..., n, m] -> the same", "", "", Any, YES => |g, x| g.tril(x[0], 0), [&[(&[2, 3], REAL)]];
    "triu", "the upper triangle of matrices, zeros below", "x [..., n, m] -> the same", "", "", Any, YES => |g, x| g.triu(x[0], 1), [&[(&[3, 3], REAL)]];
    "diagonal", "a diagonal of the matrices in the plane of two axes, as the last dimension", "x [..., n, ..., m, ...] -> [..., k]", "", "", Any, YES =>
        |g, x| g.diagonal(x[0], -1, 0, 2), [&[(&[3, 2, 4], REAL)]];
    "diag_embed", "the last dimension as a diagonal of matrices", "x [..., n] -> [..., n + |offset|, ..., n + |offset|]", "", "", Any, YES =>
        |g, x| g.diag_embed(x[0], 1, 0, 2), [&[(&[2, 2], REAL)]];
    "diag", "a vector as the diagonal of a matrix, a matrix's diagonal as a vector", "x [n] -> [n + |offset|, n + |offset|]; [n, m] -> [k]", "", "", Any, YES =>
        |g, x| g.diag(x[0], 1), [&[(&[2], REAL)], &[(&[2, 3], REAL)]];
    "diagflat", "all elements as the diagonal of a matrix", "x [n elements] -> [n + |offset|, n + |offset|]", "", "", Any, YES =>
        |g, x| g.diagflat(x[0], -1), [&[(&[2, 2], REAL)]];
    "diagonal_scatter", "x with a diagonal replaced", "x [..., n, ..., m, ...], source [..., k] -> x", "", "", Any, YES =>
        |g, x| g.diagonal_scatter(x[0], x[1], 1, 0, 1), [&[(&[3, 3], REAL), (&[2], REAL)]];
}

/// Where a diagonal begins in the flattened [n, m], and how long it is. Element i of it is i (m + 1) further.
fn diagonal_of(n: usize, m: usize, offset: i64) -> (usize, usize) {
    let away = usize::try_from(offset.unsigned_abs()).unwrap_or(usize::MAX);
    let (down, right) = if offset < 0 { (away, 0) } else { (0, away) };
    let size = n.saturating_sub(down).min(m.saturating_sub(right));
    if size == 0 { (0, 0) } else { (down * m + right, size) }
}

impl Trace {
    /// x repeated to a shape, aligned at the last dimension; `None` keeps a size of x.
    pub fn expand(&mut self, x: Value, sizes: &[Option<usize>]) -> Value {
        const NAME: &str = "expand";
        if !self.knows(NAME, &[x]) {
            return Value::INVALID;
        }
        let dims = self.dims(x);
        let Some(lead) = sizes.len().checked_sub(dims.len()) else {
            let count = sizes.len();
            return self.fail(Error::shape(format!("{NAME}: {dims:?} has more than {count} dimensions")));
        };
        if sizes[..lead].contains(&None) {
            return self.fail(Error::shape(format!("{NAME}: a new dimension in front of {dims:?} has no size to keep")));
        }
        let wanted: Vec<usize> = sizes.iter().enumerate().map(|(axis, size)| size.unwrap_or_else(|| dims[axis - lead])).collect();
        self.broadcast_to(x, &wanted)
    }
    /// The values, each repeated to the shape that all of them broadcast to.
    pub fn broadcast_tensors(&mut self, values: &[Value]) -> Vec<Value> {
        const NAME: &str = "broadcast_tensors";
        if !self.knows(NAME, values) {
            return Vec::new();
        }
        let shapes: Vec<Shape> = values.iter().map(|value| self.shape(*value)).collect();
        match shapes.iter().try_fold(Shape::SCALAR, |all, shape| broadcast_shape(&all, shape)) {
            Ok(shape) => values.iter().map(|value| self.broadcast_to(*value, shape.dims())).collect(),
            Err(error) => {
                self.fail(error.within(NAME));
                Vec::new()
            }
        }
    }
    /// x repeated `counts` times along each dimension, aligned at the last; where there are more counts, dimensions of size 1 come in front. Fails
    /// with SHAPE_MISMATCH if the result has more dimensions or elements than a shape holds.
    pub fn tile(&mut self, x: Value, counts: &[usize]) -> Value {
        if !self.knows("tile", &[x]) {
            return Value::INVALID;
        }
        let mut dims = self.dims(x);
        dims.splice(0..0, vec![1; counts.len().saturating_sub(dims.len())]);
        let skipped = dims.len() - counts.len();
        let mut sizes = dims.clone();
        for (axis, (size, count)) in sizes[skipped..].iter_mut().zip(counts).enumerate() {
            let Some(tiled) = size.checked_mul(*count) else {
                return self.fail(Error::shape(format!("tile: dimension {axis} of {size} elements cannot be repeated {count} times")));
            };
            *size = tiled;
        }
        let shape = match Shape::new(&sizes) {
            Ok(shape) => shape,
            Err(error) => return self.fail(error.within("tile")),
        };
        // Else what lies between may be too large where a later count is 0.
        if shape.elements() == 0 {
            return self.zeros(self.dtype(x), shape.dims());
        }
        let mut y = self.reshape(x, &dims);
        for axis in (skipped..dims.len()).rev() {
            let count = counts[axis - skipped];
            if count == 1 {
                continue;
            }
            let (outer, inner) = (dims[..axis].iter().product(), dims[axis..].iter().product());
            dims[axis] = sizes[axis];
            y = self.repeated(y, [outer, count, inner], &dims);
        }
        y
    }
    /// x [outer, inner] as [outer, count, inner], in the end in the shape `dims`.
    fn repeated(&mut self, x: Value, [outer, count, inner]: [usize; 3], dims: &[usize]) -> Value {
        let flat = self.reshape(x, &[outer, inner]);
        let copies = self.broadcast_in(flat, &[outer, count, inner], &[0, 2]);
        self.reshape(copies, dims)
    }
    /// Each element along `axis` repeated: `counts` has one number for all, or one for each.
    pub fn repeat_interleave(&mut self, x: Value, counts: &[usize], axis: usize) -> Value {
        const NAME: &str = "repeat_interleave";
        if !self.finds_axes(NAME, x, &[axis]) {
            return Value::INVALID;
        }
        let mut dims = self.dims(x);
        let size = dims[axis];
        match counts {
            [count] => {
                let (outer, inner) = (dims[..=axis].iter().product(), dims[axis + 1..].iter().product());
                dims[axis] = dims[axis].saturating_mul(*count);
                self.repeated(x, [outer, *count, inner], &dims)
            }
            _ if counts.len() != size => {
                let given = counts.len();
                self.fail(Error::shape(format!("{NAME}: {given} counts for axis {axis} with {size} elements")))
            }
            _ => {
                let mut parts = Vec::new();
                for (position, count) in counts.iter().enumerate().filter(|(_, count)| **count > 0) {
                    let part = self.narrow(x, axis, position, 1);
                    dims[axis] = *count;
                    parts.push(self.broadcast_to(part, &dims));
                }
                if parts.is_empty() { self.narrow(x, axis, 0, 0) } else { self.concat(&parts, axis) }
            }
        }
    }
    /// Elements moved by `shifts[i]` places towards the end of `axes[i]`, those beyond it back to the beginning.
    pub fn roll(&mut self, x: Value, shifts: &[i64], axes: &[usize]) -> Value {
        const NAME: &str = "roll";
        if !self.knows(NAME, &[x]) {
            return Value::INVALID;
        }
        if shifts.len() != axes.len() {
            return self.fail(Error::shape(format!("{NAME}: {} shifts for {} axes", shifts.len(), axes.len())));
        }
        let mut y = x;
        for (shift, axis) in shifts.iter().zip(axes) {
            if !self.finds_axes(NAME, y, &[*axis]) {
                return Value::INVALID;
            }
            let size = self.dims(y)[*axis];
            let shift = if size == 0 { 0 } else { shift.rem_euclid(size as i64) as usize };
            if shift > 0 {
                let (first, second) = (self.narrow(y, *axis, size - shift, shift), self.narrow(y, *axis, 0, size - shift));
                y = self.concat(&[first, second], *axis);
            }
        }
        y
    }
    /// Turned by `quarters` in the plane of two axes, from the first towards the second.
    pub fn rot90(&mut self, x: Value, quarters: i64, axes: [usize; 2]) -> Value {
        if !self.finds_axes("rot90", x, &axes) {
            return Value::INVALID;
        }
        match quarters.rem_euclid(4) {
            0 => x,
            1 => {
                let turned = self.reverse(x, &axes[1..]);
                self.swap_axes(turned, axes[0], axes[1])
            }
            2 => self.reverse(x, &axes),
            _ => {
                let turned = self.swap_axes(x, axes[0], axes[1]);
                self.reverse(turned, &axes[1..])
            }
        }
    }
    /// Axis `from[i]` becomes axis `to[i]`; the others stay in their order.
    pub fn move_axes(&mut self, x: Value, from: &[usize], to: &[usize]) -> Value {
        const NAME: &str = "move_axes";
        if !self.finds_axes(NAME, x, from) || !self.finds_axes(NAME, x, to) {
            return Value::INVALID;
        }
        if from.len() != to.len() {
            return self.fail(Error::shape(format!("{NAME}: {} axes to {} places", from.len(), to.len())));
        }
        let mut rest = (0..self.rank(x)).filter(|axis| !from.contains(axis));
        let order: Vec<usize> = (0..self.rank(x))
            .filter_map(|place| match to.iter().position(|to| *to == place) {
                Some(i) => Some(from[i]),
                None => rest.next(),
            })
            .collect();
        self.transpose(x, &order)
    }
    /// x with two axes swapped.
    pub fn swap_axes(&mut self, x: Value, first: usize, second: usize) -> Value {
        const NAME: &str = "swap_axes";
        if !self.finds_axes(NAME, x, &[first]) || !self.finds_axes(NAME, x, &[second]) {
            return Value::INVALID;
        }
        let mut order: Vec<usize> = (0..self.rank(x)).collect();
        order.swap(first, second);
        self.transpose(x, &order)
    }
    /// All elements as a vector.
    pub fn ravel(&mut self, x: Value) -> Value {
        self.flatten(x, 0)
    }
    /// Dimension `axis` as several, whose sizes multiply to it.
    pub fn unflatten(&mut self, x: Value, axis: usize, sizes: &[usize]) -> Value {
        const NAME: &str = "unflatten";
        if !self.finds_axes(NAME, x, &[axis]) {
            return Value::INVALID;
        }
        let dims = self.dims(x);
        if sizes.iter().try_fold(1usize, |product, size| product.checked_mul(*size)) != Some(dims[axis]) {
            let size = dims[axis];
            return self.fail(Error::shape(format!("{NAME}: {sizes:?} does not multiply to {size}, the size of axis {axis}")));
        }
        self.reshape(x, &[&dims[..axis], sizes, &dims[axis + 1..]].concat())
    }
    /// x, a scalar as [1].
    pub fn atleast_1d(&mut self, x: Value) -> Value {
        match self.rank(x) {
            0 => self.reshape(x, &[1]),
            _ => x,
        }
    }
    /// x, a vector [n] as [1, n].
    pub fn atleast_2d(&mut self, x: Value) -> Value {
        let y = self.atleast_1d(x);
        if self.rank(y) == 1 { self.unsqueeze(y, 0) } else { y }
    }
    /// x, a matrix [n, m] as [n, m, 1], a vector [n] as [1, n, 1].
    pub fn atleast_3d(&mut self, x: Value) -> Value {
        let y = self.atleast_2d(x);
        if self.rank(y) == 2 { self.unsqueeze(y, 2) } else { y }
    }
    /// Tensors along their second axis, vectors along their first. At least one; dtypes promote, as in all that joins.
    pub fn hstack(&mut self, parts: &[Value]) -> Value {
        let parts: Vec<Value> = parts.iter().map(|part| self.atleast_1d(*part)).collect();
        let axis = parts.first().is_some_and(|part| self.rank(*part) > 1) as usize;
        self.join("hstack", &parts, axis)
    }
    /// Tensors along their first axis, vectors as rows.
    pub fn vstack(&mut self, parts: &[Value]) -> Value {
        let parts: Vec<Value> = parts.iter().map(|part| self.atleast_2d(*part)).collect();
        self.join("vstack", &parts, 0)
    }
    /// Tensors along their third axis, which [`Trace::atleast_3d`] makes.
    pub fn dstack(&mut self, parts: &[Value]) -> Value {
        let parts: Vec<Value> = parts.iter().map(|part| self.atleast_3d(*part)).collect();
        self.join("dstack", &parts, 2)
    }
    /// Tensors along their second axis, vectors as columns.
    pub fn column_stack(&mut self, parts: &[Value]) -> Value {
        let mut column = |part: &Value| {
            let y = self.atleast_1d(*part);
            if self.rank(y) == 1 { self.unsqueeze(y, 1) } else { y }
        };
        let parts: Vec<Value> = parts.iter().map(&mut column).collect();
        self.join("column_stack", &parts, 1)
    }
    fn join(&mut self, name: &str, parts: &[Value], axis: usize) -> Value {
        if !self.knows(name, parts) {
            return Value::INVALID;
        }
        if parts.is_empty() {
            return self.fail(Error::invalid(format!("{name}: nothing to join")));
        }
        self.concat(parts, axis)
    }
    /// Matrices along the diagonal of a larger one, zeros elsewhere; vectors are rows, scalars [1, 1].
    pub fn block_diag(&mut self, parts: &[Value]) -> Value {
        const NAME: &str = "block_diag";
        let parts: Vec<Value> = parts.iter().map(|part| self.atleast_2d(*part)).collect();
        if !self.knows(NAME, &parts) {
            return Value::INVALID;
        }
        if let Some(part) = parts.iter().find(|part| self.rank(**part) > 2) {
            let shape = self.shape(*part);
            return self.fail(Error::shape(format!("{NAME}: {shape} is no matrix")));
        }
        let columns = parts.iter().fold(0usize, |sum, part| sum.saturating_add(self.dims(*part)[1]));
        let mut left = 0;
        let mut blocks = Vec::with_capacity(parts.len());
        for part in parts {
            let (width, nothing) = (self.dims(part)[1], self.scalar(self.dtype(part), 0.0));
            blocks.push(self.pad(part, nothing, &[0, left], &[0, columns - left - width], &[0, 0]));
            left += width;
        }
        self.join(NAME, &blocks, 0)
    }
    /// Vectors (and scalars as vectors of one) repeated over the grid that they span: [n_0, n_1, ...]; with `swapped` (the indexing xy) the
    /// first two dimensions are [n_1, n_0].
    pub fn meshgrid(&mut self, vectors: &[Value], swapped: bool) -> Vec<Value> {
        const NAME: &str = "meshgrid";
        let vectors: Vec<Value> = vectors.iter().map(|vector| self.atleast_1d(*vector)).collect();
        if !self.knows(NAME, &vectors) {
            return Vec::new();
        }
        if let Some(vector) = vectors.iter().find(|vector| self.rank(**vector) > 1) {
            let shape = self.shape(*vector);
            self.fail(Error::shape(format!("{NAME}: {shape} is no vector")));
            return Vec::new();
        }
        let mut places: Vec<usize> = (0..vectors.len()).collect();
        if swapped && places.len() > 1 {
            places.swap(0, 1);
        }
        let dims: Vec<usize> = places.iter().map(|place| self.dims(vectors[*place])[0]).collect();
        vectors.iter().zip(&places).map(|(vector, place)| self.broadcast_in(*vector, &dims, &[*place])).collect()
    }
    /// All tuples of one element of each vector, the last changing fastest: [product of sizes, vectors]. Of one vector itself.
    pub fn cartesian_prod(&mut self, vectors: &[Value]) -> Value {
        if let [vector] = vectors {
            return self.atleast_1d(*vector);
        }
        let grid = self.meshgrid(vectors, false);
        let columns: Vec<Value> = grid.into_iter().map(|column| self.ravel(column)).collect();
        let columns: Vec<Value> = columns.into_iter().map(|column| self.unsqueeze(column, 1)).collect();
        self.join("cartesian_prod", &columns, 1)
    }
    /// Matrices without what is above the diagonal that lies `offset` above the main one (negative: below it).
    pub fn tril(&mut self, x: Value, offset: i64) -> Value {
        self.triangle("tril", x, offset, true)
    }
    /// Matrices without what is below the diagonal that lies `offset` above the main one (negative: below it).
    pub fn triu(&mut self, x: Value, offset: i64) -> Value {
        self.triangle("triu", x, offset, false)
    }
    fn triangle(&mut self, name: &str, x: Value, offset: i64, lower: bool) -> Value {
        if !self.knows(name, &[x]) {
            return Value::INVALID;
        }
        let dims = self.dims(x);
        if dims.len() < 2 {
            return self.fail(Error::shape(format!("{name}: {dims:?} is no matrix")));
        }
        let matrix = &dims[dims.len() - 2..];
        let kept = self.triangle_mask(matrix[0], matrix[1], offset, lower);
        let nothing = self.scalar(self.dtype(x), 0.0);
        self.select(kept, x, nothing)
    }
    /// Which elements of a matrix [n, m] are on the diagonal or below it, or else on it or above it: bool.
    pub(super) fn triangle_mask(&mut self, n: usize, m: usize, offset: i64, lower: bool) -> Value {
        let (row, column) = (self.iota(DType::I64, &[n, m], 0), self.iota(DType::I64, &[n, m], 1));
        let away = self.sub(column, row);
        let offset = self.integer(DType::I64, offset);
        if lower { self.less_equal(away, offset) } else { self.greater_equal(away, offset) }
    }
    /// The diagonal that lies `offset` above the main one (negative: below it) of the matrices whose rows are along `first` and columns along
    /// `second`, as the last dimension.
    pub fn diagonal(&mut self, x: Value, offset: i64, first: usize, second: usize) -> Value {
        if !self.finds_axes("diagonal", x, &[first, second]) {
            return Value::INVALID;
        }
        let (flat, dims) = self.flat_matrices(x, first, second);
        let (start, stop, step, rank) = self.diagonal_slice(&dims, offset);
        if rank == 0 { flat } else { self.slice(flat, &start, &stop, &step) }
    }
    /// Matrices [..., n, m] with rows along `first` and columns along `second`, flattened: [..., n m]; and [..., n, m].
    fn flat_matrices(&mut self, x: Value, first: usize, second: usize) -> (Value, Vec<usize>) {
        let rank = self.rank(x);
        let moved = self.move_axes(x, &[first, second], &[rank - 2, rank - 1]);
        let dims = self.dims(moved);
        (self.flatten(moved, rank - 2), dims)
    }
    /// Start, stop, and step of a diagonal in flattened matrices [..., n m], and their rank.
    fn diagonal_slice(&self, dims: &[usize], offset: i64) -> (Vec<usize>, Vec<usize>, Vec<usize>, usize) {
        let lead = &dims[..dims.len() - 2];
        let (n, m) = (dims[lead.len()], dims[lead.len() + 1]);
        let (begin, size) = diagonal_of(n, m, offset);
        let end = if size == 0 { 0 } else { begin + (size - 1) * (m + 1) + 1 };
        let start = [&vec![0; lead.len()][..], &[begin]].concat();
        let step = [&vec![1; lead.len()][..], &[m + 1]].concat();
        (start, [lead, &[end]].concat(), step, lead.len() + 1)
    }
    /// Matrices of zeros, rows along `first` and columns along `second` of the result, with the last dimension of x on the diagonal that lies
    /// `offset` above the main one (negative: below it).
    pub fn diag_embed(&mut self, x: Value, offset: i64, first: usize, second: usize) -> Value {
        const NAME: &str = "diag_embed";
        if !self.knows(NAME, &[x]) {
            return Value::INVALID;
        }
        let dims = self.dims(x);
        let rank = dims.len() + 1;
        if dims.is_empty() || first == second || first.max(second) >= rank {
            return self.fail(Error::shape(format!("{NAME}: of {dims:?} along axes {first} and {second}")));
        }
        let (lead, size) = (&dims[..rank - 2], dims[rank - 2]);
        let n = size.saturating_add(usize::try_from(offset.unsigned_abs()).unwrap_or(usize::MAX));
        if let Err(error) = Shape::new(&[lead, &[n, n]].concat()) {
            return self.fail(error.within(NAME));
        }
        let nothing = self.scalar(self.dtype(x), 0.0);
        let flat = match size {
            0 => self.full(self.dtype(x), &[lead, &[n * n]].concat(), 0.0),
            _ => {
                let (begin, _) = diagonal_of(n, n, offset);
                let zeros = vec![0; lead.len()];
                let behind = n * n - begin - (size - 1) * (n + 1) - 1;
                let around = |number: usize| [&zeros[..], &[number]].concat();
                self.pad(x, nothing, &around(begin), &around(behind), &around(n))
            }
        };
        let matrices = self.reshape(flat, &[lead, &[n, n]].concat());
        self.move_axes(matrices, &[rank - 2, rank - 1], &[first, second])
    }
    /// A vector as a diagonal of a matrix of zeros; of a matrix the diagonal as a vector.
    pub fn diag(&mut self, x: Value, offset: i64) -> Value {
        match self.rank(x) {
            1 => self.diag_embed(x, offset, 0, 1),
            2 => self.diagonal(x, offset, 0, 1),
            _ if !self.knows("diag", &[x]) => Value::INVALID,
            _ => {
                let shape = self.shape(x);
                self.fail(Error::shape(format!("diag: {shape} is neither vector nor matrix")))
            }
        }
    }
    /// All elements as a diagonal of a matrix of zeros.
    pub fn diagflat(&mut self, x: Value, offset: i64) -> Value {
        let flat = self.ravel(x);
        self.diag_embed(flat, offset, 0, 1)
    }
    /// x with the elements that [`Trace::diagonal`] would read replaced by `source`, which has their shape and the dtype of x.
    pub fn diagonal_scatter(&mut self, x: Value, source: Value, offset: i64, first: usize, second: usize) -> Value {
        const NAME: &str = "diagonal_scatter";
        if !self.finds_axes(NAME, x, &[first, second]) {
            return Value::INVALID;
        }
        let (flat, dims) = self.flat_matrices(x, first, second);
        let (start, stop, step, rank) = self.diagonal_slice(&dims, offset);
        let replaced = self.slice_scatter(flat, source, &start, &stop, &step);
        let matrices = self.reshape(replaced, &dims);
        self.move_axes(matrices, &[rank - 1, rank], &[first, second])
    }
}

/// The sizes that a host means where -1 keeps one.
pub(crate) fn kept_sizes(sizes: &[i64]) -> Result<Vec<Option<usize>>> {
    let one = |size: &i64| match size {
        -1 => Ok(None),
        _ => usize::try_from(*size).map(Some).map_err(|_| Error::shape(format!("a size is {size}"))),
    };
    sizes.iter().map(one).collect()
}

#[cfg(test)]
mod tests {
    use crate::error::Status;
    use crate::ir::Type;
    use crate::ops::Trace;
    use crate::tensor::{DType, Shape};

    fn tiled(dims: &[usize], counts: &[usize]) -> Result<Vec<usize>, (Status, String)> {
        let mut g = Trace::new();
        let x = g.input(Type::new(DType::F32, Shape::new(dims).unwrap()));
        let y = g.tile(x, counts);
        g.check().map_err(|error| (error.status(), error.message().to_string()))?;
        Ok(g.dims(y))
    }

    #[test]
    fn sizes_that_no_tensor_has_are_refused_in_words() {
        const HALF: usize = 1 << 32;
        for (dims, counts) in [
            (&[2, 3][..], &[1, usize::MAX][..]),
            (&[2, 3], &[usize::MAX, 1]),
            (&[2, 3], &[HALF, HALF]),
            (&[2, 3], &[HALF, HALF, 2]),
            (&[2], &[usize::MAX, usize::MAX, 0]),
            (&[], &[HALF, HALF, HALF]),
            (&[2], &[1; 9]),
        ] {
            let (status, text) = tiled(dims, counts).unwrap_err();
            assert_eq!(status, Status::ShapeMismatch, "{dims:?} {counts:?}");
            assert!(text.contains("tile: "), "{dims:?} {counts:?}: {text}");
        }
        assert_eq!(tiled(&[2, 3], &[4, 2, 1]), Ok(vec![4, 4, 3]));
        // Nothing, however large what lies between would be.
        assert_eq!(tiled(&[HALF, 1], &[0, HALF]), Ok(vec![0, HALF]));
        assert_eq!(tiled(&[HALF, 0], &[HALF / 16, 5]).unwrap_err().0, Status::ShapeMismatch);
        assert_eq!(tiled(&[3, 0], &[5, 7]), Ok(vec![15, 0]));
    }
}
