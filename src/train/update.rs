//! An optimizer on its own: `optimizer(gradients)`.

use crate::error::{Error, Result};
use crate::optim::Optimizer;
use crate::tensor::Tensor;
use crate::train::Function;

impl Optimizer {
    /// Makes one step with these gradients of [`Optimizer::trainable_params`], in that order.
    ///
    /// Fails with INVALID_ARGUMENT for another number of gradients, SHAPE_MISMATCH, or DTYPE_MISMATCH; nothing has changed then. Allocates
    /// nothing after the first call.
    pub fn step(&self, grads: &[&Tensor]) -> Result<()> {
        self.update_function()?.call_in_place(grads).map(|_| ())
    }
    /// How many programs [`Optimizer::step`] compiled so far.
    pub fn compilations(&self) -> usize {
        self.update_function().map_or(0, Function::compilations)
    }
    fn update_function(&self) -> Result<&Function> {
        let attached = self.attached().get_or_init(|| {
            let optimizer = self.downgrade();
            let update = Function::with_counts(self.context(), None, Some(0), move |g, grads| {
                let optimizer = optimizer().ok_or_else(|| Error::internal("the optimizer is gone"))?;
                optimizer.record(g, grads)?;
                Ok(Vec::new())
            });
            Box::new(update)
        });
        attached.downcast_ref().ok_or_else(|| Error::internal("the optimizer keeps something else"))
    }
}
