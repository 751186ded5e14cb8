//! State that outlives a run: what parameters, optimizer slots, and generators are to a graph.

use crate::error::{Error, Result, Status};
use crate::ir::Type;
use crate::tensor::Tensor;
use parking_lot::{Mutex, RwLock};
use std::fmt;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, OnceLock};

type Initializer = Box<dyn Fn() -> Result<Tensor> + Send>;

/// A named, typed place that programs read and update. Clones are the same variable.
///
/// Its tensor may be made on first use; until then it costs no memory.
#[derive(Clone)]
pub struct Variable(Arc<Inner>);

struct Inner {
    name: RwLock<String>,
    ty: Type,
    tensor: OnceLock<Tensor>,
    /// Kept until it has made the tensor.
    initializer: Mutex<Option<Initializer>>,
    /// A run that was updating the variable did not come to its end.
    poisoned: AtomicBool,
}

impl Variable {
    pub fn new(name: impl Into<String>, tensor: Tensor) -> Variable {
        let ty = Type::new(tensor.dtype(), *tensor.shape());
        Variable::make(name.into(), ty, OnceLock::from(tensor), None)
    }
    /// A variable whose tensor `initializer` makes when it is first needed, on whichever thread needs it. If it fails, for want
    /// of memory say, it is asked again the next time.
    pub fn lazy(name: impl Into<String>, ty: Type, initializer: impl Fn() -> Result<Tensor> + Send + 'static) -> Variable {
        Variable::make(name.into(), ty, OnceLock::new(), Some(Box::new(initializer)))
    }
    fn make(name: String, ty: Type, tensor: OnceLock<Tensor>, initializer: Option<Initializer>) -> Variable {
        let (name, initializer) = (RwLock::new(name), Mutex::new(initializer));
        Variable(Arc::new(Inner { name, ty, tensor, initializer, poisoned: AtomicBool::new(false) }))
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
    /// The tensor, made now if it was not made before. POISONED for good once an update was torn.
    pub fn tensor(&self) -> Result<&Tensor> {
        if self.0.poisoned.load(Ordering::Acquire) {
            let text =
                format!("{} is unusable: an update failed inside the library while writing it; load it into a new network", self.name());
            return Err(Error::new(Status::Poisoned, text));
        }
        if let Some(tensor) = self.0.tensor.get() {
            return Ok(tensor);
        }
        let mut initializer = self.0.initializer.lock();
        if let Some(tensor) = self.0.tensor.get() {
            return Ok(tensor);
        }
        let make =
            initializer.as_ref().ok_or_else(|| Error::internal(format!("{} has neither a tensor nor an initializer", self.name())))?;
        let tensor = make()?;
        if Type::new(tensor.dtype(), *tensor.shape()) != self.0.ty {
            let made = Type::new(tensor.dtype(), *tensor.shape());
            return Err(Error::shape(format!("the initializer of {} made {made}, not {}", self.name(), self.0.ty)));
        }
        *initializer = None;
        Ok(self.0.tensor.get_or_init(|| tensor))
    }
    /// Withdraws the variable: what it holds may be half old and half new.
    pub(crate) fn poison(&self) {
        self.0.poisoned.store(true, Ordering::Release);
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
