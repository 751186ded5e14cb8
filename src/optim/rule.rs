//! What an optimizer's formula is to the rest: slots, hyperparameters, and the update of one parameter.

use crate::ir::Value;
use crate::ops::Trace;
use crate::tensor::DType;

/// The formula of an optimizer.
pub trait Rule: Send + Sync {
    /// Its name, for people.
    fn name(&self) -> &'static str;
    /// State that each parameter has: tensors of its shape that begin with zeros, in f32 for 16-bit parameters, else in the parameter's dtype.
    fn slots(&self) -> &'static [&'static str];
    /// Numbers that a host may set for each group, at any time.
    fn hyperparameters(&self) -> Vec<Hyperparameter>;
    /// Scalars (f64) that all parameters of a group share, recorded once for each group: everything that does not need the elements.
    fn factors(&self, g: &mut Trace, hyper: &Hyper) -> Vec<Value>;
    /// New values of the parameter `w` and its slots. All operands have one dtype; `factors` are scalars of that dtype, in the order in
    /// which [`Rule::factors`] returned them.
    fn update(&self, g: &mut Trace, w: Value, grad: Value, slots: &[Value], factors: &[Value]) -> Updated;
}

/// What a parameter and its slots hold after the step.
pub struct Updated {
    pub weight: Value,
    pub slots: Vec<Value>,
}

/// A number that a host may set.
#[derive(Clone, Debug, PartialEq)]
pub struct Hyperparameter {
    pub name: &'static str,
    pub default: f64,
    pub range: Range,
}

impl Hyperparameter {
    pub const fn new(name: &'static str, default: f64, range: Range) -> Hyperparameter {
        Hyperparameter { name, default, range }
    }
}

/// Which numbers a hyperparameter may be; never NaN or infinite.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Range {
    /// 0 and above.
    NotNegative,
    /// Above 0.
    Positive,
    /// 0 and above, below 1.
    BelowOne,
}

impl Range {
    pub fn contains(self, value: f64) -> bool {
        let lies_in = match self {
            Range::NotNegative => value >= 0.0,
            Range::Positive => value > 0.0,
            Range::BelowOne => (0.0..1.0).contains(&value),
        };
        lies_in && value.is_finite()
    }
    pub fn describe(self) -> &'static str {
        match self {
            Range::NotNegative => "at least 0",
            Range::Positive => "above 0",
            Range::BelowOne => "at least 0 and below 1",
        }
    }
}

/// The hyperparameters of a group and the number of the step, as scalars (f64) of the graph.
pub struct Hyper {
    pub(super) values: Vec<(&'static str, Value)>,
    /// 1 in the first step.
    pub step: Value,
}

impl Hyper {
    /// The hyperparameter of this name, which is one of the rule's.
    pub fn get(&self, g: &mut Trace, name: &str) -> Value {
        match self.values.iter().find(|(known, _)| *known == name) {
            Some((_, value)) => *value,
            None => g.fail(crate::error::Error::internal(format!("the rule has no hyperparameter {name:?}"))),
        }
    }
}

/// The dtype that a parameter's update is computed in, and its slots are kept in: small steps vanish in 16 bits.
pub(super) fn update_dtype(dtype: DType) -> DType {
    match dtype {
        DType::F16 | DType::BF16 => DType::F32,
        _ => dtype,
    }
}
