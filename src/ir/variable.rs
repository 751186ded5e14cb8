//! State that outlives a run: what parameters, optimizer slots, and generators are to a graph.

use crate::error::{Error, Result};
use crate::ir::Type;
use crate::tensor::Tensor;
use parking_lot::{Mutex, RwLock};
use std::fmt;
use std::sync::{Arc, OnceLock};

type Initializer = Box<dyn FnOnce() -> Result<Tensor> + Send>;

/// A named, typed place that programs read and update. Clones are the same variable.
///
/// Its tensor may be made on first use; until then it costs no memory.
#[derive(Clone)]
pub struct Variable(Arc<Inner>);

struct Inner {
    name: RwLock<String>,
    ty: Type,
    tensor: OnceLock<Tensor>,
    initializer: Mutex<Option<Initializer>>,
}

impl Variable {
    pub fn new(name: impl Into<String>, tensor: Tensor) -> Variable {
        let ty = Type::new(tensor.dtype(), *tensor.shape());
        Variable(Arc::new(Inner { name: RwLock::new(name.into()), ty, tensor: OnceLock::from(tensor), initializer: Mutex::new(None) }))
    }
    /// A variable whose tensor `initializer` makes when it is first needed, on whichever thread needs it.
    pub fn lazy(name: impl Into<String>, ty: Type, initializer: impl FnOnce() -> Result<Tensor> + Send + 'static) -> Variable {
        Variable(Arc::new(Inner {
            name: RwLock::new(name.into()),
            ty,
            tensor: OnceLock::new(),
            initializer: Mutex::new(Some(Box::new(initializer))),
        }))
    }
    pub fn name(&self) -> String {
        self.0.name.read().clone()
    }
    pub fn set_name(&self, name: impl Into<String>) {
        *self.0.name.write() = name.into();
    }
    pub fn ty(&self) -> Type {
        self.0.ty
    }
    pub fn is_initialized(&self) -> bool {
        self.0.tensor.get().is_some()
    }
    /// The tensor, made now if it was not made before. An initializer that failed has run for good: the error repeats.
    pub fn tensor(&self) -> Result<&Tensor> {
        if let Some(tensor) = self.0.tensor.get() {
            return Ok(tensor);
        }
        let mut initializer = self.0.initializer.lock();
        if let Some(tensor) = self.0.tensor.get() {
            return Ok(tensor);
        }
        let make = initializer.take().ok_or_else(|| Error::invalid(format!("the initializer of {} failed before", self.name())))?;
        let tensor = make()?;
        if Type::new(tensor.dtype(), *tensor.shape()) != self.0.ty {
            return Err(Error::shape(format!(
                "the initializer of {} made {}{}, not {}",
                self.name(),
                tensor.dtype(),
                tensor.shape(),
                self.0.ty
            )));
        }
        Ok(self.0.tensor.get_or_init(|| tensor))
    }
    /// Tells variables apart: equal for clones only.
    pub fn key(&self) -> usize {
        Arc::as_ptr(&self.0) as usize
    }
}

impl PartialEq for Variable {
    fn eq(&self, other: &Variable) -> bool {
        Arc::ptr_eq(&self.0, &other.0)
    }
}
impl Eq for Variable {}
impl fmt::Debug for Variable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.name(), self.0.ty)
    }
}
