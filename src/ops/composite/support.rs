//! What compositions check and prepare alike.

use crate::error::Error;
use crate::ir::Value;
use crate::ops::{Trace, binary};
use crate::tensor::{DType, Shape};

/// Rows of a file: `name, meaning, shapes, torch, mindspore, domain, differentiable => build, [samples];` for each.
macro_rules! rows {
    ($($name:literal, $meaning:literal, $shapes:literal, $torch:literal, $mindspore:literal, $domain:ident, $differentiable:expr =>
        $build:expr, [$($sample:expr),* $(,)?];)*) => {
        pub(in crate::ops) const ROWS: &[crate::ops::Row] = &[$(crate::ops::Row {
            name: $name,
            meaning: $meaning,
            shapes: $shapes,
            torch: $torch,
            mindspore: $mindspore,
            domain: crate::ops::Domain::$domain,
            differentiable: $differentiable,
            build: $build,
            samples: &[$($sample),*],
            ..crate::ops::Row::COMMON
        }),*];
    };
}
pub(super) use rows;

/// The differentiability of most rows.
pub(super) const YES: crate::ops::Differentiable = crate::ops::Differentiable::Yes;

impl Trace {
    /// Whether all of these are values of this graph; if not, that sticks.
    pub(in crate::ops) fn knows(&mut self, name: &str, values: &[Value]) -> bool {
        let known = values.iter().all(|value| self.contains(*value));
        if !known && self.error().is_none() {
            self.fail(Error::invalid(format!("{name}: an operand is not a value of this graph")));
        }
        known
    }
    /// Whether x has all of these axes, each of which is named once; if not, that sticks.
    pub(in crate::ops) fn finds_axes(&mut self, name: &str, x: Value, axes: &[usize]) -> bool {
        if !self.knows(name, &[x]) {
            return false;
        }
        let shape = self.shape(x);
        if let Some(axis) = axes.iter().find(|axis| **axis >= shape.rank()) {
            self.fail(Error::shape(format!("{name}: there is no axis {axis} in {shape}")));
            return false;
        }
        if let Some((_, axis)) = axes.iter().enumerate().find(|(i, axis)| axes[..*i].contains(axis)) {
            self.fail(Error::shape(format!("{name}: axis {axis} is named twice")));
            return false;
        }
        true
    }
    /// Runs `body` on the operands in their common float dtype. 16-bit floats are f32 in between, so that sums and powers fit, and so are
    /// integers and bool, whose result stays f32.
    pub(in crate::ops) fn in_float(&mut self, name: &str, x: &[Value], body: impl FnOnce(&mut Trace, &[Value]) -> Value) -> Value {
        self.in_float_parts(name, x, |g, x| [body(g, x)])[0]
    }
    /// [`Trace::in_float`] for a body with several results, of which those that are no floats stay as they are.
    pub(in crate::ops) fn in_float_parts<const M: usize>(
        &mut self,
        name: &str,
        x: &[Value],
        body: impl FnOnce(&mut Trace, &[Value]) -> [Value; M],
    ) -> [Value; M] {
        // What does not depend on the body is in functions of its own: there are many bodies.
        let Some((dtype, wide)) = self.widened(name, x) else { return [Value::INVALID; M] };
        body(self, &wide).map(|y| self.narrowed(y, dtype))
    }
    /// The dtype that values promote to, and the values in the dtype that [`Trace::in_float`] computes in.
    fn widened(&mut self, name: &str, x: &[Value]) -> Option<(DType, Vec<Value>)> {
        if !self.knows(name, x) {
            return None;
        }
        let dtype = self.promoted(x).unwrap_or(DType::F32);
        let inside = if dtype == DType::F64 { DType::F64 } else { DType::F32 };
        Some((dtype, x.iter().map(|x| self.cast(*x, inside)).collect()))
    }
    /// A result of [`Trace::in_float`] for values that promote to this dtype.
    fn narrowed(&mut self, y: Value, dtype: DType) -> Value {
        let is_narrow = matches!(dtype, DType::F16 | DType::BF16);
        if is_narrow && self.contains(y) && self.dtype(y).is_float() { self.cast(y, dtype) } else { y }
    }
    /// The dtype that values of this graph promote to, if there are any.
    pub(in crate::ops) fn promoted(&self, x: &[Value]) -> Option<DType> {
        x.iter().map(|x| self.dtype(*x)).reduce(binary::promote)
    }
    /// Whether two shapes are equal; if not, that sticks.
    pub(in crate::ops) fn same_shapes(&mut self, name: &str, a: Value, b: Value) -> bool {
        self.same_shapes_in_words(name, a, b, |a, b| format!("the operands are {a} and {b}"))
    }
    /// [`Trace::same_shapes`] with words for what differs.
    pub(in crate::ops) fn same_shapes_in_words(&mut self, name: &str, a: Value, b: Value, words: fn(Shape, Shape) -> String) -> bool {
        if !self.knows(name, &[a, b]) {
            return false;
        }
        let (first, second) = (self.shape(a), self.shape(b));
        if first != second {
            self.fail(Error::shape(format!("{name}: {}", words(first, second))));
        }
        first == second
    }
    /// The larger of x and a number; the gradient passes where they are equal. NaN stays NaN.
    pub(in crate::ops) fn at_least(&mut self, x: Value, low: f64) -> Value {
        let low = self.scalar(self.dtype(x), low);
        let under = self.less(x, low);
        self.select(under, low, x)
    }
    /// The square root, with slope 0 at 0.
    pub(in crate::ops) fn root(&mut self, x: Value) -> Value {
        self.away_from_zero(x, |g, x| g.sqrt(x))
    }
    /// A function of x with f(0) = 0, and slope 0 there.
    pub(in crate::ops) fn away_from_zero(&mut self, x: Value, function: impl FnOnce(&mut Trace, Value) -> Value) -> Value {
        let dtype = self.dtype(x);
        let (zero, one) = (self.scalar(dtype, 0.0), self.scalar(dtype, 1.0));
        let nothing = self.equal(x, zero);
        // The branch that is not taken sees 1: its slope at 0 would put inf * 0 into the gradient.
        let apart = self.select(nothing, one, x);
        let y = function(self, apart);
        self.select(nothing, zero, y)
    }
    /// x with its value moved to at least `low`, and the gradient passing everywhere.
    pub(in crate::ops) fn lifted(&mut self, x: Value, low: f64) -> Value {
        let fixed = self.stop_gradient(x);
        let high_enough = self.at_least(fixed, low);
        let nothing = self.sub(x, fixed);
        self.add(high_enough, nothing)
    }
}
