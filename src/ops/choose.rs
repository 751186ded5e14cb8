//! Comparisons, selection, and changes of dtype.

use crate::error::{Error, Result};
use crate::ir::{Compare, Op, Type, Value};
use crate::ops::Trace;
use crate::ops::binary::same;
use crate::ops::catalog::{Differentiable, Domain, Row, Values};
use crate::ops::rules::Contribution;
use crate::tensor::DType;

const FLAT: Differentiable = Differentiable::Zero("piecewise constant");

macro_rules! compare_row {
    ($name:ident, $meaning:literal) => {
        Row {
            name: stringify!($name),
            meaning: $meaning,
            domain: Domain::Any,
            differentiable: FLAT,
            build: |g, x| g.$name(x[0], x[1]),
            samples: &[&[(&[3, 4], Values::Uniform(-1.0, 1.0)), (&[3, 4], Values::Uniform(-1.0, 1.0))]],
            ..Row::COMMON
        }
    };
}

pub(super) const ROWS: &[Row] = &[
    compare_row!(equal, "a = b as bool").called("torch.eq", "mindspore.ops.equal"),
    compare_row!(not_equal, "a != b as bool").called("torch.ne", "mindspore.ops.not_equal"),
    compare_row!(less, "a < b as bool").called("torch.lt", ""),
    compare_row!(less_equal, "a <= b as bool").called("torch.le", ""),
    compare_row!(greater, "a > b as bool").called("torch.gt", ""),
    compare_row!(greater_equal, "a >= b as bool").called("torch.ge", ""),
    Row {
        name: "select",
        meaning: "a where the condition holds, else b",
        domain: Domain::Any,
        differentiable: Differentiable::Yes,
        torch: "torch.where",
        mindspore: "mindspore.ops.where",
        build: |g, x| g.select(x[0], x[1], x[2]),
        samples: &[
            &[(&[3, 4], Values::Bools), (&[3, 4], Values::Uniform(-1.0, 1.0)), (&[3, 4], Values::Uniform(-1.0, 1.0))],
            &[(&[3, 1], Values::Bools), (&[4], Values::Uniform(-1.0, 1.0)), (&[], Values::Uniform(-1.0, 1.0))],
        ],
        ..Row::COMMON
    },
    Row {
        name: "cast",
        meaning: "x in another dtype; floats to integers truncate and saturate, NaN becomes 0, integers keep their low bits",
        domain: Domain::Any,
        differentiable: Differentiable::Yes,
        torch: "torch.Tensor.to",
        build: |g, x| g.cast(x[0], DType::F64),
        samples: &[&[(&[3, 4], Values::Uniform(-2.0, 2.0))]],
        ..Row::COMMON
    },
];

pub(super) fn infer_compare(op: Compare, a: Type, b: Type) -> Result<Type> {
    same(a, b)?;
    if a.dtype == DType::Bool && !matches!(op, Compare::Eq | Compare::Ne) {
        return Err(Error::dtype("bool has no order"));
    }
    Ok(Type::new(DType::Bool, a.shape))
}

pub(super) fn infer_select(condition: Type, a: Type, b: Type) -> Result<Type> {
    if condition.dtype != DType::Bool {
        return Err(Error::dtype(format!("the condition is {condition}, not bool")));
    }
    same(a, b)?;
    if condition.shape != a.shape {
        return Err(Error::shape(format!("the condition is {condition}, the operands are {a}")));
    }
    Ok(a)
}

pub(super) fn gradient_select(g: &mut Trace, condition: Value, dy: Value) -> Contribution {
    let zero = g.zeros_like(dy);
    let da = g.select(condition, dy, zero);
    let db = g.select(condition, zero, dy);
    Contribution::Many(vec![None, Some(da), Some(db)])
}

pub(super) fn gradient_cast(g: &mut Trace, x: Value, dy: Value) -> Contribution {
    if !g.dtype(x).is_float() {
        return Contribution::Zero;
    }
    Contribution::One(g.cast(dy, g.dtype(x)))
}

impl Trace {
    /// A comparison, elementwise with promotion and broadcasting; the result is bool.
    pub fn compare(&mut self, op: Compare, a: Value, b: Value) -> Value {
        let name = op.name();
        let Some((a, b)) = self.meet(name, a, b) else { return Value::INVALID };
        self.push(Op::Compare(op), &[a, b])
    }
    /// a = b as bool.
    pub fn equal(&mut self, a: Value, b: Value) -> Value {
        self.compare(Compare::Eq, a, b)
    }
    /// a != b as bool; NaN differs from everything.
    pub fn not_equal(&mut self, a: Value, b: Value) -> Value {
        self.compare(Compare::Ne, a, b)
    }
    /// a < b as bool.
    pub fn less(&mut self, a: Value, b: Value) -> Value {
        self.compare(Compare::Lt, a, b)
    }
    /// a <= b as bool.
    pub fn less_equal(&mut self, a: Value, b: Value) -> Value {
        self.compare(Compare::Le, a, b)
    }
    /// a > b as bool.
    pub fn greater(&mut self, a: Value, b: Value) -> Value {
        self.compare(Compare::Gt, a, b)
    }
    /// a >= b as bool.
    pub fn greater_equal(&mut self, a: Value, b: Value) -> Value {
        self.compare(Compare::Ge, a, b)
    }
    /// a where the condition (bool) holds, else b; all three broadcast, a and b promote.
    pub fn select(&mut self, condition: Value, a: Value, b: Value) -> Value {
        let Some((a, b)) = self.meet("select", a, b) else { return Value::INVALID };
        if !self.contains(condition) {
            return self.push(Op::Select, &[condition, a, b]);
        }
        match super::shape::broadcast_shape(&self.shape(condition), &self.shape(a)) {
            Ok(shape) => {
                let condition = self.broadcast_to(condition, shape.dims());
                let (a, b) = (self.broadcast_to(a, shape.dims()), self.broadcast_to(b, shape.dims()));
                self.push(Op::Select, &[condition, a, b])
            }
            Err(error) => self.fail(error.within("select")),
        }
    }
    /// x in another dtype. Floats to integers truncate and saturate, NaN becomes 0; integers to integers keep their low bits; to
    /// bool: not zero.
    pub fn cast(&mut self, x: Value, dtype: DType) -> Value {
        if self.contains(x) && self.dtype(x) == dtype {
            return x;
        }
        self.push(Op::Cast(dtype), &[x])
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_comparison_has_a_row() {
        for op in Compare::ALL {
            assert!(ROWS.iter().any(|row| row.name == op.name()), "{op:?}");
        }
    }
}
