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
    /// i64, i32, u8.
    Integer,
    Bool,
    Any,
}

impl Domain {
    pub fn contains(self, dtype: DType) -> bool {
        match self {
            Domain::Float => dtype.is_float(),
            Domain::Number => dtype != DType::Bool,
            Domain::Integral => !dtype.is_float(),
            Domain::Integer => !dtype.is_float() && dtype != DType::Bool,
            Domain::Bool => dtype == DType::Bool,
            Domain::Any => true,
        }
    }
    pub fn describe(self) -> &'static str {
        match self {
            Domain::Float => "floats",
            Domain::Number => "floats and integers",
            Domain::Integral => "integers and bool",
            Domain::Integer => "integers",
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
    /// To first order, in this sense.
    Once(&'static str),
    /// The gradient is zero wherever it exists, for this reason.
    Zero(&'static str),
    /// There is a slope, but no rule for it, for this reason: asking for it fails when the gradient is taken.
    No(&'static str),
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
    /// Shapes of operands and result, for the documentation; empty where they are elementwise.
    pub shapes: &'static str,
    /// The fewest and the most operands (`usize::MAX` for any number), where samples do not say it: they say as many as they have.
    pub operands: Option<(usize, usize)>,
    /// What PyTorch calls it: empty if the same, "-" if it has no such thing.
    pub torch: &'static str,
    /// What MindSpore calls it: empty if the same, "-" if it has no such thing.
    pub mindspore: &'static str,
    pub build: fn(&mut Trace, &[Value]) -> Value,
    pub samples: &'static [Sample],
}

impl Row {
    /// What most rows have in common.
    pub const COMMON: Row = Row {
        name: "",
        meaning: "",
        domain: Domain::Float,
        differentiable: Differentiable::Yes,
        shapes: "",
        operands: None,
        torch: "",
        mindspore: "",
        build: |_, x| x[0],
        samples: &[],
    };

    /// The same row with the shapes of operands and result.
    pub const fn shaped(self, shapes: &'static str) -> Row {
        Row { shapes, ..self }
    }
    /// The same row with what PyTorch and MindSpore call it.
    pub const fn called(self, torch: &'static str, mindspore: &'static str) -> Row {
        Row { torch, mindspore, ..self }
    }
    /// The same row with the fewest and the most operands.
    pub const fn taking(self, least: usize, most: usize) -> Row {
        Row { operands: Some((least, most)), ..self }
    }

    /// To what order a device differentiates it: 1 where the next is refused, 0 where the gradient is zero, -1 where it is refused, `i32::MAX` for any order.
    pub const fn order(&self) -> i32 {
        match self.differentiable {
            Differentiable::Yes => i32::MAX,
            Differentiable::Once(_) => 1,
            Differentiable::Zero(_) => 0,
            Differentiable::No(_) => -1,
        }
    }
    /// Why the gradient is zero or refused, or in what sense there is one; empty where it is the slope, to any order.
    pub const fn reason(&self) -> &'static str {
        match self.differentiable {
            Differentiable::Yes => "",
            Differentiable::Once(reason) | Differentiable::Zero(reason) | Differentiable::No(reason) => reason,
        }
    }
    /// The fewest and the most operands; `usize::MAX` for any number.
    pub const fn arity(&self) -> (usize, usize) {
        if let Some(operands) = self.operands {
            return operands;
        }
        if self.samples.is_empty() {
            return (1, 1);
        }
        let (mut least, mut most) = (usize::MAX, 0);
        let mut index = 0;
        while index < self.samples.len() {
            let count = self.samples[index].len();
            least = if count < least { count } else { least };
            most = if count > most { count } else { most };
            index += 1;
        }
        (least, most)
    }
}

/// Operations that belong together.
pub struct Family {
    pub title: &'static str,
    pub rows: &'static [Row],
}

const fn family(title: &'static str, rows: &'static [Row]) -> Family {
    Family { title, rows }
}

/// All families, primitives first. A title that stands twice is one family.
pub const FAMILIES: &[Family] = &[
    family("New values", super::composite::create::ROWS),
    family("Elementwise functions of one value", super::unary::ROWS),
    family("Elementwise functions of two values", super::binary::ROWS),
    family("Comparison, choice, conversion", super::choose::ROWS),
    family("Shape", super::shape::ROWS),
    family("Shape", super::composite::parts::ROWS),
    family("Shape", super::composite::arrange::ROWS),
    family("Reductions", super::reduce::ROWS),
    family("Matrix products and linear algebra", super::matmul::ROWS),
    family("Matrix products and linear algebra", super::linalg::cholesky::ROWS),
    family("Matrix products and linear algebra", super::linalg::lu::ROWS),
    family("Matrix products and linear algebra", super::linalg::triangular::ROWS),
    family("Matrix products and linear algebra", super::linalg::qr::ROWS),
    family("Matrix products and linear algebra", super::linalg::eigh::ROWS),
    family("Matrix products and linear algebra", super::linalg::svd::ROWS),
    family("Matrix products and linear algebra", super::linalg::exponential::ROWS),
    family("Matrix products and linear algebra", super::composite::linalg::solve::ROWS),
    family("Matrix products and linear algebra", super::composite::linalg::determinant::ROWS),
    family("Matrix products and linear algebra", super::composite::product::ROWS),
    family("Matrix products and linear algebra", super::composite::einsum::ROWS),
    family("Matrix products and linear algebra", super::composite::linalg::pseudo::ROWS),
    family("Indices", super::index::ROWS),
    family("Attention", super::attention::ROWS),
    family("Indices", super::scatter::ROWS),
    family("Indices", super::composite::index::ROWS),
    family("Order", super::order::ROWS),
    family("Order", super::composite::order::ROWS),
    family("Order", super::composite::combine::ROWS),
    family("Cumulative operations", super::cumulative::ROWS),
    family("Cumulative operations", super::composite::cumulative::ROWS),
    family("Activations", super::composite::activation::ROWS),
    family("Activations", super::composite::shrink::ROWS),
    family("Activations", super::composite::gate::ROWS),
    family("Elementwise arithmetic", super::composite::arithmetic::ROWS),
    family("Elementwise arithmetic", super::composite::special::ROWS),
    family("Elementwise truth, tolerance, replacement", super::composite::logic::ROWS),
    family("Losses", super::composite::loss::regression::ROWS),
    family("Losses", super::composite::loss::binary::ROWS),
    family("Losses", super::composite::loss::cross_entropy::ROWS),
    family("Losses", super::composite::loss::margin::ROWS),
    family("Losses", super::composite::loss::distance::ROWS),
    family("Losses", super::composite::loss::ctc::ROWS),
    family("Clipping", super::composite::clip::ROWS),
    family("Activations", super::composite::softmax::ROWS),
    family("Normalization", super::composite::norm::ROWS),
    family("Reductions", super::composite::statistics::ROWS),
    family("Distances", super::composite::distance::ROWS),
    family("Convolutions", super::composite::vision::convolution::ROWS),
    family("Pools", super::composite::vision::pool::ROWS),
    family("Pools", super::composite::vision::adaptive::ROWS),
    family("Images", super::composite::vision::resize::ROWS),
    family("Images", super::composite::vision::patches::ROWS),
    family("Images", super::composite::vision::sampling::ROWS),
    family("Images", super::composite::vision::border::ROWS),
    family("Random numbers", super::composite::random::location::ROWS),
    family("Random numbers", super::composite::random::whole::ROWS),
    family("Random numbers", super::composite::random::dropout::ROWS),
    family("Random numbers", super::composite::random::gamma::ROWS),
    family("Random numbers", super::composite::random::counts::ROWS),
    family("Random numbers", super::composite::random::candidates::ROWS),
];

/// Every operation, in the order of [`FAMILIES`].
pub fn catalog() -> impl Iterator<Item = &'static Row> {
    FAMILIES.iter().flat_map(|family| family.rows)
}

const fn starts_with(text: &str, start: &str) -> bool {
    let (text, start) = (text.as_bytes(), start.as_bytes());
    let mut index = 0;
    while index < start.len() {
        if index == text.len() || text[index] != start[index] {
            return false;
        }
        index += 1;
    }
    true
}

impl Row {
    /// PyTorch's name, whole, in two parts: `torch.` and what follows. Both are empty if it has no such thing.
    pub const fn in_torch(&self) -> [&'static str; 2] {
        match self.torch.as_bytes() {
            b"" => ["torch.", self.name],
            b"-" => ["", ""],
            _ if starts_with(self.torch, "torch.") => ["", self.torch],
            _ => ["torch.", self.torch],
        }
    }
    /// MindSpore's name, likewise. Functions are in `mindspore.ops`.
    pub const fn in_mindspore(&self) -> [&'static str; 2] {
        let column = self.mindspore;
        match column.as_bytes() {
            b"" => ["mindspore.ops.", self.name],
            b"-" => ["", ""],
            _ if starts_with(column, "mindspore.") => ["", column],
            _ if starts_with(column, "nn.")
                || starts_with(column, "mint.")
                || starts_with(column, "Tensor.")
                || starts_with(column, "ops.") =>
            {
                ["mindspore.", column]
            }
            _ => ["mindspore.ops.", column],
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    #[test]
    fn names_stand_once_and_samples_fit_the_arity() {
        let mut names = BTreeSet::new();
        for row in catalog() {
            assert!(names.insert(row.name), "{} stands twice", row.name);
            assert!(!row.meaning.is_empty(), "{} has no meaning", row.name);
            let (least, most) = row.arity();
            assert!(least <= most, "{}", row.name);
            assert!(row.samples.iter().all(|sample| (least..=most).contains(&sample.len())), "samples of {}", row.name);
        }
    }

    #[test]
    fn what_is_not_elementwise_says_its_shapes() {
        let elementwise = ["Elementwise", "Comparison", "Activations"];
        let families = FAMILIES.iter().filter(|family| !elementwise.iter().any(|start| family.title.starts_with(start)));
        let missing: Vec<&str> = families.flat_map(|family| family.rows).filter(|row| row.shapes.is_empty()).map(|row| row.name).collect();
        assert!(missing.is_empty(), "these rows lack `shapes`: {missing:?}");
    }
}
