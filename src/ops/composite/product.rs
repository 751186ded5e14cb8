//! Products of vectors and matrices of given ranks, and what is made of them.

use crate::error::{Error, Result};
use crate::ir::Value;
use crate::ops::Trace;
use crate::ops::catalog::Values;
use crate::ops::composite::einsum::Label;
use crate::ops::composite::support::{YES, rows};
use crate::ops::shape::broadcast_shape;
use crate::tensor::{MAX_RANK, Shape};

const REAL: Values = Values::Uniform(-1.0, 1.0);

rows! {
    "bmm", "the matrix products of a batch", "a [b, n, k], b [b, k, m] -> [b, n, m]", "", "", Number, YES =>
        |g, x| g.bmm(x[0], x[1]), [&[(&[2, 3, 2], REAL), (&[2, 2, 3], REAL)]];
    "mv", "a matrix times a vector", "a [n, k], x [k] -> [n]", "", "", Number, YES => |g, x| g.mv(x[0], x[1]), [&[(&[2, 3], REAL), (&[3], REAL)]];
    "dot", "the sum of the products of the elements of two vectors", "a, b [n] -> []", "", "", Number, YES =>
        |g, x| g.dot(x[0], x[1]), [&[(&[4], REAL), (&[4], REAL)]];
    "vdot", "the sum of the products of all elements of two tensors", "a, b [s...] -> []", "", "-", Number, YES =>
        |g, x| g.vdot(x[0], x[1]), [&[(&[2, 2], REAL), (&[2, 2], REAL)]];
    "vecdot", "the sums of the products of elements along an axis", "a, b [..., n, ...] broadcast -> [...]", "torch.linalg.vecdot", "", Number, YES =>
        |g, x| g.vecdot(x[0], x[1], 1), [&[(&[2, 3], REAL), (&[1, 3], REAL)], &[(&[2, 3, 2], REAL), (&[3, 1], REAL)]];
    "inner", "the sums of the products of elements along the last axes", "a [a..., k], b [b..., k] -> [a..., b...]", "", "", Number, YES =>
        |g, x| g.inner(x[0], x[1]), [&[(&[2, 3], REAL), (&[2, 2, 3], REAL)], &[(&[], REAL), (&[2, 3], REAL)]];
    "outer", "the products of each element of a vector and each of another", "a [n], b [m] -> [n, m]", "", "", Number, YES =>
        |g, x| g.outer(x[0], x[1]), [&[(&[2], REAL), (&[3], REAL)]];
    "addmm", "beta x + alpha a b", "x broadcasts to [n, m], a [n, k], b [k, m] -> [n, m]", "", "", Number, YES =>
        |g, x| g.addmm(x[0], x[1], x[2], 0.5, 0.7), [&[(&[2, 3], REAL), (&[2, 2], REAL), (&[2, 3], REAL)], &[(&[3], REAL), (&[2, 1], REAL), (&[1, 3], REAL)]];
    "addmv", "beta x + alpha a b for a matrix a and a vector b", "x broadcasts to [n], a [n, k], b [k] -> [n]", "", "", Number, YES =>
        |g, x| g.addmv(x[0], x[1], x[2], 0.5, 0.7), [&[(&[], REAL), (&[2, 3], REAL), (&[3], REAL)]];
    "addr", "beta x + alpha a b^T for vectors a and b", "x broadcasts to [n, m], a [n], b [m] -> [n, m]", "", "", Number, YES =>
        |g, x| g.addr(x[0], x[1], x[2], 0.5, 0.7), [&[(&[2, 1], REAL), (&[2], REAL), (&[3], REAL)]];
    "addbmm", "beta x + alpha times the sum of the matrix products of a batch", "x broadcasts to [n, m], a [b, n, k], b [b, k, m] -> [n, m]", "", "", Number, YES =>
        |g, x| g.addbmm(x[0], x[1], x[2], 0.5, 0.7), [&[(&[2, 3], REAL), (&[2, 2, 2], REAL), (&[2, 2, 3], REAL)]];
    "baddbmm", "beta x + alpha times the matrix products of a batch", "x broadcasts to [b, n, m], a [b, n, k], b [b, k, m] -> [b, n, m]", "", "", Number, YES =>
        |g, x| g.baddbmm(x[0], x[1], x[2], 0.5, 0.7), [&[(&[2, 1], REAL), (&[2, 2, 2], REAL), (&[2, 2, 3], REAL)]];
    "tensordot", "the products of two tensors, summed over pairs of axes", "a [a..., k...], b [k..., b...] -> [a..., b...], the k wherever they are", "", "", Number, YES =>
        |g, x| g.tensordot(x[0], x[1], &[0, 2], &[1, 0]), [&[(&[2, 3, 2], REAL), (&[2, 2, 3], REAL)], &[(&[1, 2, 3], REAL), (&[3, 2], REAL)]];
    "kron", "each element of a times the whole of b, side by side", "a [n_i...], b [m_i...], aligned at the last -> [n_i m_i...]", "", "", Number, YES =>
        |g, x| g.kron(x[0], x[1]), [&[(&[2, 2], REAL), (&[1, 3], REAL)], &[(&[2], REAL), (&[2, 2], REAL)], &[(&[1, 2, 1, 2, 1], REAL), (&[1, 2, 1, 1, 2], REAL)]];
    "cross", "the vectors that stand on two vectors of three elements", "a, b [..., 3, ...] broadcast", "torch.linalg.cross", "", Number, YES =>
        |g, x| g.cross(x[0], x[1], g.rank(x[0]) - 1), [&[(&[2, 3], REAL), (&[2, 3], REAL)], &[(&[2, 2, 3], REAL), (&[1, 3], REAL)]];
    "trace", "the sum of a diagonal of the matrices in the plane of two axes", "x [..., n, ..., m, ...] -> [...]", "", "", Number, YES =>
        |g, x| g.trace(x[0], 1, 0, 1), [&[(&[3, 3], REAL)], &[(&[2, 3, 2], REAL)]];
    "multi_dot", "the product of a chain of matrices, in the order with the fewest multiplications", "[n_0, n_1], [n_1, n_2], ... -> [n_0, n_last]; a vector at an end is a row or a column", "torch.linalg.multi_dot", "-", Number, YES =>
        |g, x| g.multi_dot(x), [&[(&[2, 3], REAL), (&[3, 1], REAL), (&[1, 2], REAL), (&[2, 2], REAL)], &[(&[2], REAL), (&[2, 3], REAL), (&[3], REAL)]];
    "bilinear", "a^T W b for each matrix of W, and an offset", "a [..., n], b [..., m], W [o, n, m], offset [o] -> [..., o]", "torch.nn.functional.bilinear", "nn.BiDense", Number, YES =>
        |g, x| g.bilinear(x[0], x[1], x[2], Some(x[3])), [&[(&[2, 2, 2], REAL), (&[2, 2, 3], REAL), (&[2, 2, 3], REAL), (&[2], REAL)], &[(&[2], REAL), (&[3], REAL), (&[1, 2, 3], REAL), (&[1], REAL)]];
}

/// The longest chain of matrices: the order of so many is found at once.
const MOST_MATRICES: usize = 512;

impl Trace {
    /// Whether the operands have these ranks; if not, that sticks, with what they should be.
    fn have_ranks(&mut self, name: &str, operands: [(Value, usize); 2], wanted: &str) -> bool {
        let [(a, _), (b, _)] = operands;
        if !self.knows(name, &[a, b]) {
            return false;
        }
        let fit = operands.iter().all(|(value, rank)| self.rank(*value) == *rank);
        if !fit {
            let (first, second) = (self.shape(a), self.shape(b));
            self.fail(Error::shape(format!("{name}: of {first} and {second}, not {wanted}")));
        }
        fit
    }
    /// The matrix products of two batches: a [b, n, k], b [b, k, m] -> [b, n, m]. [`Trace::matmul`] for these ranks alone, without broadcasting.
    pub fn bmm(&mut self, a: Value, b: Value) -> Value {
        if self.are_batches("bmm", a, b) { self.matmul(a, b) } else { Value::INVALID }
    }
    fn are_batches(&mut self, name: &str, a: Value, b: Value) -> bool {
        const WANTED: &str = "[b, n, k] and [b, k, m]";
        if !self.have_ranks(name, [(a, 3), (b, 3)], WANTED) {
            return false;
        }
        let (first, second) = (self.dims(a), self.dims(b));
        let fit = first[0] == second[0] && first[2] == second[1];
        if !fit {
            self.fail(Error::shape(format!("{name}: of {first:?} and {second:?}, not {WANTED}")));
        }
        fit
    }
    /// A matrix times a vector: a [n, k], x [k] -> [n].
    pub fn mv(&mut self, a: Value, x: Value) -> Value {
        if self.have_ranks("mv", [(a, 2), (x, 1)], "[n, k] and [k]") { self.matmul(a, x) } else { Value::INVALID }
    }
    /// The sum of the products of the elements of two vectors of one length.
    pub fn dot(&mut self, a: Value, b: Value) -> Value {
        if !self.have_ranks("dot", [(a, 1), (b, 1)], "two vectors") || !self.same_shapes("dot", a, b) {
            return Value::INVALID;
        }
        self.dot_of_all(a, b)
    }
    /// The sum of the products of all elements of two tensors of one shape.
    pub fn vdot(&mut self, a: Value, b: Value) -> Value {
        if !self.same_shapes("vdot", a, b) {
            return Value::INVALID;
        }
        self.dot_of_all(a, b)
    }
    /// The sum of the products of all elements of two values of one shape.
    fn dot_of_all(&mut self, a: Value, b: Value) -> Value {
        let dtype = crate::ops::binary::promote(self.dtype(a), self.dtype(b));
        let axes: Vec<usize> = (0..self.rank(a)).collect();
        let operands = [a, b].map(|x| self.cast(x, dtype));
        self.sum_of_products(operands, &axes)
    }
    /// The sums of the products of elements along `axis` of the shape that both broadcast to.
    pub fn vecdot(&mut self, a: Value, b: Value, axis: usize) -> Value {
        const NAME: &str = "vecdot";
        let Some([a, b]) = self.broadcast_pair(NAME, a, b) else { return Value::INVALID };
        if !self.finds_axes(NAME, a, &[axis]) {
            return Value::INVALID;
        }
        self.sum_of_products([a, b], &[axis])
    }
    /// Two values in the dtype and in the shape that they meet in.
    fn broadcast_pair(&mut self, name: &str, a: Value, b: Value) -> Option<[Value; 2]> {
        if !self.knows(name, &[a, b]) {
            return None;
        }
        match broadcast_shape(&self.shape(a), &self.shape(b)) {
            Ok(shape) => {
                let dtype = crate::ops::binary::promote(self.dtype(a), self.dtype(b));
                Some([a, b].map(|x| {
                    let x = self.cast(x, dtype);
                    self.broadcast_to(x, shape.dims())
                }))
            }
            Err(error) => {
                self.fail(error.within(name));
                None
            }
        }
    }
    /// The sums of the products of elements along the last axes: a [a..., k], b [b..., k] -> [a..., b...]. A scalar is a factor.
    pub fn inner(&mut self, a: Value, b: Value) -> Value {
        const NAME: &str = "inner";
        if !self.knows(NAME, &[a, b]) {
            return Value::INVALID;
        }
        let (first, second) = (self.dims(a), self.dims(b));
        let (Some(k), Some(k2)) = (first.last(), second.last()) else { return self.mul(a, b) };
        if k != k2 {
            return self.fail(Error::shape(format!("{NAME}: of {first:?} and {second:?}: the last axes have {k} and {k2} elements")));
        }
        self.tensordot(a, b, &[first.len() - 1], &[second.len() - 1])
    }
    /// The products of each element of a vector and each of another: a [n], b [m] -> [n, m].
    pub fn outer(&mut self, a: Value, b: Value) -> Value {
        if !self.have_ranks("outer", [(a, 1), (b, 1)], "two vectors") {
            return Value::INVALID;
        }
        let column = self.unsqueeze(a, 1);
        self.mul(column, b)
    }
    /// beta x + alpha product, in the shape of the product, to which x broadcasts. With beta = 0 nothing of x takes part, not even NaN.
    fn plus(&mut self, name: &str, x: Value, product: Value, beta: f64, alpha: f64) -> Value {
        if !self.knows(name, &[x, product]) {
            return Value::INVALID;
        }
        let (own, shape) = (self.shape(x), self.shape(product));
        if broadcast_shape(&own, &shape).ok() != Some(shape) {
            return self.fail(Error::shape(format!("{name}: x is {own}, which does not broadcast to the product's {shape}")));
        }
        let dtype = crate::ops::binary::promote(self.dtype(x), self.dtype(product));
        for (factor, which) in [(beta, "beta"), (alpha, "alpha")] {
            if !dtype.is_float() && factor.fract() != 0.0 {
                return self.fail(Error::invalid(format!("{name}: {which} is {factor}, and integers ({dtype}) have whole factors")));
            }
        }
        let (x, product) = (self.cast(x, dtype), self.cast(product, dtype));
        let scaled = if alpha == 1.0 { product } else { self.mul_scalar(product, alpha) };
        if beta == 0.0 {
            return scaled;
        }
        let x = if beta == 1.0 { x } else { self.mul_scalar(x, beta) };
        self.add(x, scaled)
    }
    /// beta x + alpha a b with matrices a [n, k] and b [k, m]; x broadcasts to [n, m]. With beta = 0 nothing of x takes part, not even NaN.
    pub fn addmm(&mut self, x: Value, a: Value, b: Value, beta: f64, alpha: f64) -> Value {
        const NAME: &str = "addmm";
        if !self.have_ranks(NAME, [(a, 2), (b, 2)], "[n, k] and [k, m]") {
            return Value::INVALID;
        }
        let product = self.matmul(a, b);
        self.plus(NAME, x, product, beta, alpha)
    }
    /// [`Trace::addmm`] with a vector b [k]; x broadcasts to [n].
    pub fn addmv(&mut self, x: Value, a: Value, b: Value, beta: f64, alpha: f64) -> Value {
        const NAME: &str = "addmv";
        if !self.have_ranks(NAME, [(a, 2), (b, 1)], "[n, k] and [k]") {
            return Value::INVALID;
        }
        let product = self.matmul(a, b);
        self.plus(NAME, x, product, beta, alpha)
    }
    /// [`Trace::addmm`] with the product of each element of a [n] and each of b [m].
    pub fn addr(&mut self, x: Value, a: Value, b: Value, beta: f64, alpha: f64) -> Value {
        const NAME: &str = "addr";
        if !self.have_ranks(NAME, [(a, 1), (b, 1)], "two vectors") {
            return Value::INVALID;
        }
        let product = self.outer(a, b);
        self.plus(NAME, x, product, beta, alpha)
    }
    /// beta x + alpha times the sum over a batch of the products of a [b, n, k] and b [b, k, m]; x broadcasts to [n, m].
    pub fn addbmm(&mut self, x: Value, a: Value, b: Value, beta: f64, alpha: f64) -> Value {
        const NAME: &str = "addbmm";
        if !self.are_batches(NAME, a, b) {
            return Value::INVALID;
        }
        let product = self.tensordot(a, b, &[0, 2], &[0, 1]);
        self.plus(NAME, x, product, beta, alpha)
    }
    /// beta x + alpha times the products of a [b, n, k] and b [b, k, m]; x broadcasts to [b, n, m].
    pub fn baddbmm(&mut self, x: Value, a: Value, b: Value, beta: f64, alpha: f64) -> Value {
        const NAME: &str = "baddbmm";
        if !self.are_batches(NAME, a, b) {
            return Value::INVALID;
        }
        let product = self.matmul(a, b);
        self.plus(NAME, x, product, beta, alpha)
    }
    /// The products of a and b, summed over the pairs of axes `axes_a[i]` and `axes_b[i]`; the result has the other axes of a and then those
    /// of b. Sizes of a pair are equal, or one of them is 1 and repeated. Without axes: the products of each element of a and each of b.
    pub fn tensordot(&mut self, a: Value, b: Value, axes_a: &[usize], axes_b: &[usize]) -> Value {
        const NAME: &str = "tensordot";
        if !self.finds_axes(NAME, a, axes_a) || !self.finds_axes(NAME, b, axes_b) {
            return Value::INVALID;
        }
        if axes_a.len() != axes_b.len() {
            return self.fail(Error::shape(format!("{NAME}: {} axes of a for {} of b", axes_a.len(), axes_b.len())));
        }
        let (first, second) = (self.shape(a), self.shape(b));
        for (axis_a, axis_b) in axes_a.iter().zip(axes_b) {
            let (n, m) = (first.dims()[*axis_a], second.dims()[*axis_b]);
            if n != m && n != 1 && m != 1 {
                let text = format!("{NAME}: of {first} and {second}: axis {axis_a} has {n} elements, and axis {axis_b} has {m}");
                return self.fail(Error::shape(text));
            }
        }
        let label = |axis: usize| axis as Label;
        let labels_a: Vec<Label> = (0..first.rank()).map(label).collect();
        let labels_b: Vec<Label> = (0..second.rank())
            .map(|axis| match axes_b.iter().position(|known| *known == axis) {
                Some(pair) => label(axes_a[pair]),
                None => label(MAX_RANK + axis),
            })
            .collect();
        let output: Vec<Label> = labels_a
            .iter()
            .filter(|label| !axes_a.contains(&(**label as usize)))
            .chain(labels_b.iter().filter(|label| **label as usize >= MAX_RANK))
            .copied()
            .collect();
        let result = self.sum_over_labels(&[a, b], &[labels_a, labels_b], &output).map_err(|error| error.within(NAME));
        self.settle(result)
    }
    /// Kronecker's product: each element of a times the whole of b, where that element stands. Shapes are aligned at the last dimension; sizes
    /// multiply.
    pub fn kron(&mut self, a: Value, b: Value) -> Value {
        const NAME: &str = "kron";
        if !self.knows(NAME, &[a, b]) {
            return Value::INVALID;
        }
        let rank = self.rank(a).max(self.rank(b));
        let [first, second] = [a, b].map(|x| [vec![1; rank - self.rank(x)], self.dims(x)].concat());
        let sizes: Vec<usize> = first.iter().zip(&second).map(|(n, m)| n.saturating_mul(*m)).collect();
        if let Err(error) = Shape::new(&sizes) {
            return self.fail(error.within(NAME));
        }
        // Side by side, an axis of a and one of b are one axis: either alone, where the other has a single element.
        let pairs = || first.iter().copied().zip(second.iter().copied());
        let apart = |mine: fn((usize, usize)) -> [usize; 2]| -> Vec<usize> {
            pairs()
                .flat_map(|(n, m)| if n == 1 || m == 1 { vec![mine((n, m)).into_iter().product()] } else { mine((n, m)).to_vec() })
                .collect()
        };
        let (left, right) = (apart(|(n, _)| [n, 1]), apart(|(_, m)| [1, m]));
        let (left, right) = if left.len() <= MAX_RANK {
            (self.reshape(a, &left), self.reshape(b, &right))
        } else {
            let mut left = self.reshape(a, &first);
            for (axis, count) in second.iter().enumerate() {
                left = self.repeat_interleave(left, &[*count], axis);
            }
            let right = self.reshape(b, &second);
            (left, self.tile(right, &first))
        };
        let product = self.mul(left, right);
        self.reshape(product, &sizes)
    }
    /// The cross product along `axis`, which has three elements, of the shape that a and b broadcast to.
    pub fn cross(&mut self, a: Value, b: Value, axis: usize) -> Value {
        const NAME: &str = "cross";
        let Some([a, b]) = self.broadcast_pair(NAME, a, b) else { return Value::INVALID };
        if !self.finds_axes(NAME, a, &[axis]) {
            return Value::INVALID;
        }
        let shape = self.shape(a);
        if shape.dims()[axis] != 3 {
            return self.fail(Error::shape(format!("{NAME}: along axis {axis} of {shape}, which has not 3 elements")));
        }
        // With elements moved on by one place, all three differences are taken at once, and come out moved on by one.
        let [next_a, next_b] = [a, b].map(|x| self.roll(x, &[-1], &[axis]));
        let (forth, back) = (self.mul(a, next_b), self.mul(next_a, b));
        let moved = self.sub(forth, back);
        self.roll(moved, &[-1], &[axis])
    }
    /// The sum of the diagonal that lies `offset` above the main one (negative: below it) of the matrices whose rows are along `first` and
    /// columns along `second`. The sum of no elements is 0; bool counts as i64.
    pub fn trace(&mut self, x: Value, offset: i64, first: usize, second: usize) -> Value {
        if !self.finds_axes("trace", x, &[first, second]) {
            return Value::INVALID;
        }
        let diagonal = self.diagonal(x, offset, first, second);
        if !diagonal.is_valid() {
            return diagonal;
        }
        let last = self.rank(diagonal) - 1;
        self.sum(diagonal, &[last], false)
    }
    /// The product of two to 512 matrices, in the order that takes the fewest multiplications. The first operand may be a vector, which is a
    /// row, and so may the last, which is a column; the result lacks that axis.
    pub fn multi_dot(&mut self, chain: &[Value]) -> Value {
        const NAME: &str = "multi_dot";
        if !self.knows(NAME, chain) {
            return Value::INVALID;
        }
        if !(2..=MOST_MATRICES).contains(&chain.len()) {
            let count = chain.len();
            return self.fail(Error::invalid(format!("{NAME}: of {count} matrices; there may be 2 to {MOST_MATRICES}")));
        }
        let last = chain.len() - 1;
        let mut matrices = Vec::with_capacity(chain.len());
        let mut lengths = Vec::with_capacity(chain.len() + 1);
        for (index, operand) in chain.iter().enumerate() {
            let shape = self.shape(*operand);
            let matrix = match (shape.rank(), index) {
                (2, _) => *operand,
                (1, 0) => self.unsqueeze(*operand, 0),
                (1, index) if index == last => self.unsqueeze(*operand, 1),
                _ => {
                    let text = format!("{NAME}: operand {} is {shape}, not a matrix, nor a vector at an end", index + 1);
                    return self.fail(Error::shape(text));
                }
            };
            let dims = self.dims(matrix);
            match lengths.last() {
                None => lengths.push(dims[0]),
                Some(columns) if *columns != dims[0] => {
                    let text = format!("{NAME}: operand {index} has {columns} columns, and operand {} has {} rows", index + 1, dims[0]);
                    return self.fail(Error::shape(text));
                }
                Some(_) => {}
            }
            lengths.push(dims[1]);
            matrices.push(matrix);
        }
        let splits = chain_splits(&lengths);
        let product = self.chain_product(&matrices, &splits, 0, last);
        let ends = [(chain[0], lengths[0]), (chain[last], lengths[lengths.len() - 1])];
        let kept: Vec<usize> = ends.iter().filter(|(end, _)| self.rank(*end) == 2).map(|(_, size)| *size).collect();
        self.reshape(product, &kept)
    }
    /// The product of the matrices from `first` to `last`.
    fn chain_product(&mut self, matrices: &[Value], splits: &[Vec<usize>], first: usize, last: usize) -> Value {
        if first == last {
            return matrices[first];
        }
        let split = splits[first][last];
        let left = self.chain_product(matrices, splits, first, split);
        let right = self.chain_product(matrices, splits, split + 1, last);
        self.matmul(left, right)
    }
    /// For each matrix of weight [o, n, m] the number a^T W b, for all vectors a [..., n] and b [..., m]; plus the offset [o], if there is one:
    /// [..., o].
    pub fn bilinear(&mut self, a: Value, b: Value, weight: Value, offset: Option<Value>) -> Value {
        const NAME: &str = "bilinear";
        if !self.knows(NAME, &[a, b, weight]) || !offset.is_none_or(|offset| self.knows(NAME, &[offset])) {
            return Value::INVALID;
        }
        let result = self.try_bilinear(a, b, weight, offset).map_err(|error| error.within(NAME));
        self.settle(result)
    }
    fn try_bilinear(&mut self, a: Value, b: Value, weight: Value, offset: Option<Value>) -> Result<Value> {
        let (first, second, third) = (self.dims(a), self.dims(b), self.dims(weight));
        let [o, n, m] = third[..] else { return Err(Error::shape(format!("the weight is {third:?}, not [o, n, m]"))) };
        let fits = first.last() == Some(&n) && second.last() == Some(&m) && first[..first.len() - 1] == second[..second.len() - 1];
        if !fits {
            return Err(Error::shape(format!(
                "of {first:?} and {second:?}, not [..., {n}] and [..., {m}] as the weight {third:?} wants them"
            )));
        }
        if let Some(offset) = offset.map(|offset| self.shape(offset)).filter(|offset| offset.dims() != [o]) {
            return Err(Error::shape(format!("the offset is {offset}, not [{o}]")));
        }
        let lead = &first[..first.len() - 1];
        let rows: usize = lead.iter().product();
        let (a, b) = (self.reshape(a, &[rows, n]), self.reshape(b, &[rows, m]));
        let [row, left, right, out]: [Label; 4] = [0, 1, 2, 3];
        let y = self.sum_over_labels(&[a, b, weight], &[vec![row, left], vec![row, right], vec![out, left, right]], &[row, out])?;
        let y = self.reshape(y, &[lead, &[o]].concat());
        Ok(offset.map_or(y, |offset| self.add(y, offset)))
    }
}

/// Where the chain of matrices [lengths[i], lengths[i + 1]] is split, from `first` to `last`: behind the matrix `splits[first][last]`. By the
/// dynamic programme over all spans (Godbole, 1973).
fn chain_splits(lengths: &[usize]) -> Vec<Vec<usize>> {
    let count = lengths.len() - 1;
    let length = |index: usize| lengths[index] as f64;
    let mut costs = vec![vec![0.0; count]; count];
    let mut splits = vec![vec![0; count]; count];
    for span in 1..count {
        for first in 0..count - span {
            let last = first + span;
            let mut least = f64::INFINITY;
            for split in first..last {
                let own = length(first) * length(split + 1) * length(last + 1);
                let cost = costs[first][split] + costs[split + 1][last] + own;
                if cost < least {
                    least = cost;
                    splits[first][last] = split;
                }
            }
            costs[first][last] = least;
        }
    }
    splits
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ir::{Op, Type};
    use crate::runtime::reference;
    use crate::tensor::{Allocator, DType, Tensor};

    #[test]
    fn a_chain_is_multiplied_in_the_cheapest_order() {
        // The example of Cormen et al., Introduction to Algorithms: ((A1 (A2 A3)) ((A4 A5) A6)).
        let splits = chain_splits(&[30, 35, 15, 5, 10, 20, 25]);
        assert_eq!((splits[0][5], splits[0][2], splits[3][5]), (2, 0, 4));
    }

    #[test]
    fn products_of_many_dimensions_stand_where_they_belong() {
        // Ten axes do not fit side by side.
        let numbers: Vec<i64> = (0..32).map(|number| number * number % 19 - 7).collect();
        let tensor = Tensor::from_slice(&Allocator::system(), &numbers, &[2; 5]).unwrap();
        let mut g = Trace::new();
        let x = g.input(Type::new(DType::I64, *tensor.shape()));
        let reversed = g.reverse(x, &[0, 1, 2, 3, 4]);
        let y = g.kron(x, reversed);
        let graph = g.finish(&[y]).unwrap();
        let y = reference::evaluate(&graph, &Allocator::system(), &[tensor]).unwrap().outputs.remove(0);
        assert_eq!(y.shape().dims(), [4; 5]);
        // Each index of the result is one of a in front of one of b: two bits.
        let bits = |place: usize, second: usize| (0..5).map(|axis| (place >> (2 * axis + second) & 1) << axis).sum::<usize>();
        let expected: Vec<i64> = (0..1024).map(|place| numbers[bits(place, 1)] * numbers[31 - bits(place, 0)]).collect();
        assert_eq!(y.to_vec::<i64>().unwrap(), expected);
    }

    #[test]
    fn a_sum_over_a_batch_is_one_product() {
        let mut g = Trace::new();
        let input = |g: &mut Trace, dims: &[usize]| g.input(Type::new(DType::F32, Shape::new(dims).unwrap()));
        let (x, a, b) = (input(&mut g, &[]), input(&mut g, &[4, 2, 3]), input(&mut g, &[4, 3, 5]));
        let y = g.addbmm(x, a, b, 1.0, 1.0);
        let graph = g.finish(&[y]).unwrap();
        assert_eq!(graph.nodes.iter().filter(|node| matches!(node.op, Op::MatMul { .. })).count(), 1);
        assert!(!graph.nodes.iter().any(|node| matches!(node.op, Op::Reduce { .. })));
    }

    #[test]
    fn refusals_say_what_does_not_fit() {
        let refusal = |record: fn(&mut Trace, Value, Value) -> Value, a: &[usize], b: &[usize]| {
            let mut g = Trace::new();
            let [a, b] = [a, b].map(|dims| g.input(Type::new(DType::I64, Shape::new(dims).unwrap())));
            record(&mut g, a, b);
            g.error().map(ToString::to_string).unwrap_or_default()
        };
        let cases = [
            (refusal(|g, a, b| g.bmm(a, b), &[2, 3, 4], &[1, 4, 3]), "bmm: of [2, 3, 4] and [1, 4, 3], not [b, n, k] and [b, k, m]"),
            (refusal(|g, a, b| g.addmv(a, b, a, 1.0, 1.0), &[3], &[3]), "addmv: of [3] and [3], not [n, k] and [k]"),
            (refusal(|g, a, b| g.mv(a, b), &[3], &[3]), "mv: of [3] and [3], not [n, k] and [k]"),
            (refusal(|g, a, b| g.addmm(a, b, b, 0.5, 1.0), &[], &[2, 2]), "addmm: beta is 0.5, and integers (i64) have whole factors"),
            (
                refusal(|g, a, b| g.addmm(a, b, b, 1.0, 1.0), &[3, 2, 2], &[2, 2]),
                "addmm: x is [3, 2, 2], which does not broadcast to the product's [2, 2]",
            ),
            (refusal(|g, a, b| g.cross(a, b, 0), &[2, 3], &[3]), "cross: along axis 0 of [2, 3], which has not 3 elements"),
            (refusal(|g, a, b| g.multi_dot(&[a, b, a]), &[2, 3], &[3, 4]), "multi_dot: operand 2 has 4 columns, and operand 3 has 2 rows"),
            (
                refusal(|g, a, b| g.tensordot(a, b, &[1], &[0]), &[2, 3], &[4, 2]),
                "tensordot: of [2, 3] and [4, 2]: axis 1 has 3 elements, and axis 0 has 4",
            ),
        ];
        for (found, expected) in cases {
            assert_eq!(found, expected);
        }
    }
}
