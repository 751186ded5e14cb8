//! One row says all about an operation; tests, documentation tables, and the coverage query are made from rows.

use crate::ir::Value;
use crate::ops::Trace;
use crate::tensor::DType;

/// The dtypes that an operation accepts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Domain {
    /// f64, f32, f16, bf16.
    Float,
    /// Floats and i64, i32, u8.
    Number,
    /// i64, i32, u8, bool.
    Integral,
    Bool,
    Any,
}

impl Domain {
    pub fn contains(self, dtype: DType) -> bool {
        match self {
            Domain::Float => dtype.is_float(),
            Domain::Number => dtype != DType::Bool,
            Domain::Integral => !dtype.is_float(),
            Domain::Bool => dtype == DType::Bool,
            Domain::Any => true,
        }
    }
    pub fn describe(self) -> &'static str {
        match self {
            Domain::Float => "floats",
            Domain::Number => "floats and integers",
            Domain::Integral => "integers and bool",
            Domain::Bool => "bool",
            Domain::Any => "any dtype",
        }
    }
}

/// Whether gradients pass.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Differentiable {
    /// To any order.
    Yes,
    /// The gradient is zero wherever it exists, for this reason.
    Zero(&'static str),
}

/// What a sample's operand holds.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Values {
    /// Uniform between two bounds; the operand is differentiated.
    Uniform(f64, f64),
    /// Integers (i64) from the first up to, not including, the second.
    Integers(i64, i64),
    Bools,
}

/// Operands to try an operation with: shape and contents of each.
pub type Sample = &'static [(&'static [usize], Values)];

/// All about one operation.
pub struct Row {
    /// The name in every language.
    pub name: &'static str,
    /// What it computes, in one line.
    pub meaning: &'static str,
    pub domain: Domain,
    pub differentiable: Differentiable,
    pub build: fn(&mut Trace, &[Value]) -> Value,
    pub samples: &'static [Sample],
}

/// Every operation, primitives first.
pub fn catalog() -> impl Iterator<Item = &'static Row> {
    [
        super::unary::ROWS,
        super::binary::ROWS,
        super::choose::ROWS,
        super::shape::ROWS,
        super::reduce::ROWS,
        super::matmul::ROWS,
        super::index::ROWS,
        super::composite::activation::ROWS,
        super::composite::arithmetic::ROWS,
        super::composite::loss::ROWS,
        super::composite::softmax::ROWS,
    ]
    .into_iter()
    .flatten()
}
