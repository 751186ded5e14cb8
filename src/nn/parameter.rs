//! Parameters: named tensors that are trained and kept.

use crate::context::Context;
use crate::error::{Error, Result};
use crate::ir::{Type, Value, Variable};
use crate::nn::Initializer;
use crate::ops::{Dependency, Trace};
use crate::tensor::Tensor;
use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

/// A named, mutable tensor with `requires_grad` and an initializer; clones are the same parameter.
///
/// Its tensor is made when it is first needed. What a random initializer draws was decided when the parameter was made: the context's seed
/// at that moment, and how many parameters with random initial values were made before it since the seed was set.
#[derive(Clone)]
pub struct Parameter(Arc<Inner>);

struct Inner {
    context: Context,
    variable: Variable,
    requires_grad: AtomicBool,
}

impl Parameter {
    /// A parameter that belongs to no cell yet. Fails at once with what the initializer would fail with, except OUT_OF_MEMORY.
    pub fn new(context: &Context, name: &str, ty: Type, initializer: Initializer, requires_grad: bool) -> Result<Parameter> {
        let fill = initializer.plan(ty.dtype, &ty.shape).map_err(|error| error.within(name))?;
        if requires_grad && !ty.dtype.is_float() {
            return Err(Error::dtype(format!("{name}: {} has no gradient; make it with requires_grad = false", ty.dtype)));
        }
        let state = if initializer.is_random() { context.next_initializer() } else { crate::random::RandomState::new(0, 0) };
        let allocator = context.allocator().clone();
        let variable = Variable::lazy(name, ty, move || fill.make(&allocator, ty.dtype, ty.shape, state));
        Ok(Parameter(Arc::new(Inner { context: context.clone(), variable, requires_grad: AtomicBool::new(requires_grad) })))
    }
    /// A parameter that begins with a copy of `tensor`.
    pub fn from_tensor(context: &Context, name: &str, tensor: &Tensor, requires_grad: bool) -> Result<Parameter> {
        if requires_grad && !tensor.dtype().is_float() {
            return Err(Error::dtype(format!("{name}: {} has no gradient; make it with requires_grad = false", tensor.dtype())));
        }
        let variable = Variable::new(name, tensor.duplicate(context.allocator())?);
        Ok(Parameter(Arc::new(Inner { context: context.clone(), variable, requires_grad: AtomicBool::new(requires_grad) })))
    }
    /// The path from the root of the tree that the parameter was last put into, or the name that it was made with.
    pub fn name(&self) -> String {
        self.0.variable.name()
    }
    pub(crate) fn set_name(&self, name: &str) {
        self.0.variable.set_name(name);
    }
    pub fn ty(&self) -> Type {
        self.0.variable.ty()
    }
    pub fn context(&self) -> &Context {
        &self.0.context
    }
    /// What graphs read and assign.
    pub fn variable(&self) -> &Variable {
        &self.0.variable
    }
    /// Records a read: the value that the parameter holds at this point of the graph.
    pub fn read(&self, g: &mut Trace) -> Value {
        g.read(&self.0.variable)
    }
    /// The parameter's own tensor, made now if it was not needed before: it shows every later update. Copy it to keep its values.
    pub fn value(&self) -> Result<Tensor> {
        self.0.variable.tensor().cloned()
    }
    /// Copies `tensor` into the parameter. Waits for programs that use it. Fails with DTYPE_MISMATCH or SHAPE_MISMATCH.
    pub fn set_data(&self, tensor: &Tensor) -> Result<()> {
        self.check_data(tensor)?;
        self.0.variable.tensor()?.copy_from(tensor)
    }
    /// Whether [`Parameter::set_data`] would take it.
    pub fn check_data(&self, tensor: &Tensor) -> Result<()> {
        let Type { dtype, shape } = self.ty();
        if tensor.dtype() != dtype {
            return Err(Error::dtype(format!("{} is {dtype}{shape}, not {tensor}", self.name())));
        }
        if *tensor.shape() != shape {
            return Err(Error::shape(format!("{} is {dtype}{shape}, not {tensor}", self.name())));
        }
        Ok(())
    }
    /// Whether training changes the parameter.
    pub fn requires_grad(&self) -> bool {
        self.0.requires_grad.load(Ordering::Acquire)
    }
    /// Freezes the parameter (false) or has it trained again (true). Steps follow at their next run. Fails with DTYPE_MISMATCH for a
    /// parameter of integers or booleans, which has no gradient.
    pub fn set_requires_grad(&self, requires_grad: bool) -> Result<()> {
        if requires_grad && !self.ty().dtype.is_float() {
            return Err(Error::dtype(format!("{} is {}, which has no gradient", self.name(), self.ty())));
        }
        if self.0.requires_grad.swap(requires_grad, Ordering::AcqRel) != requires_grad {
            self.0.context.touch();
        }
        Ok(())
    }
    /// [`Parameter::requires_grad`], on which the graph depends from here on.
    pub fn requires_grad_in(&self, g: &mut Trace) -> bool {
        let value = self.requires_grad();
        g.depends_on(Arc::new(RequiresGrad { parameter: self.clone(), value }));
        value
    }
    /// Tells parameters apart: equal for clones only.
    pub fn key(&self) -> usize {
        Arc::as_ptr(&self.0) as usize
    }
}

impl PartialEq for Parameter {
    fn eq(&self, other: &Parameter) -> bool {
        Arc::ptr_eq(&self.0, &other.0)
    }
}
impl Eq for Parameter {}

impl fmt::Debug for Parameter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}{}", self.name(), self.ty(), if self.requires_grad() { "" } else { ", frozen" })
    }
}

struct RequiresGrad {
    parameter: Parameter,
    value: bool,
}

impl Dependency for RequiresGrad {
    fn key(&self) -> (usize, u64) {
        (self.parameter.key(), self.value as u64)
    }
    fn holds(&self) -> bool {
        self.parameter.requires_grad() == self.value
    }
}
