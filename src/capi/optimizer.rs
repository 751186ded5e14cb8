//! Chapter: optimizers.

use crate::capi::arguments::{
    CBool, Out, OutSlice, Plain, init_options, objects, options, put_new_list, put_text, read_options, slice, text, with_tensors,
};
use crate::capi::cell::TenonCell;
use crate::capi::context::TenonContext;
use crate::capi::error::{TenonError, TenonStatus, boundary, boundary_status, boundary_value};
use crate::capi::handle::Handle;
use crate::capi::parameter::TenonParameter;
use crate::capi::tensor::TenonTensor;
use crate::context::Context;
use crate::error::{Error, Result, Status};
use crate::optim::{AdamOptions, AdamWOptions, MomentumOptions, Optimizer, ParameterGroup, SgdOptions, adam, adamw, momentum, sgd};
use std::ffi::c_char;

/// A formula that updates parameters from their gradients, with its state and its hyperparameters. Weight decay is that of
/// the group, for all of its parameters: none is spared because of its name.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct TenonOptimizer {
    /// Says nothing to a host; never compute with it. All zero is no optimizer.
    pub id: u64,
}

/// Parameters that share hyperparameters.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct TenonParameterGroup {
    /// The parameters.
    pub parameters: *const TenonParameter,
    /// How many.
    pub parameter_count: usize,
    /// Names of hyperparameters that differ from the optimizer's options: "learning_rate".
    pub hyperparameters: *const *const c_char,
    /// Their values.
    pub values: *const f64,
    /// How many hyperparameters.
    pub hyperparameter_count: usize,
}

// SAFETY: addresses and numbers.
unsafe impl Plain for TenonParameterGroup {}

fn new_optimizer(
    net: TenonCell,
    groups: *const TenonParameterGroup,
    group_count: usize,
    optimizer: *mut TenonOptimizer,
    make: impl FnOnce(&Context, Vec<ParameterGroup>) -> Result<Optimizer>,
) -> Result<()> {
    let (net, owner) = net.get_with_owner()?;
    let optimizer = Out::new(optimizer, "optimizer")?;
    let mut all = Vec::new();
    for (index, group) in slice(groups, group_count, "groups")?.iter().enumerate() {
        all.push(read_group(group).map_err(|error| error.within(&format!("groups[{index}]")))?);
    }
    if all.is_empty() {
        all.push(ParameterGroup::of_cell(&net));
    }
    optimizer.put_new(owner, make(net.context(), all)?)
}

fn read_group(group: &TenonParameterGroup) -> Result<ParameterGroup> {
    let mut made = ParameterGroup::new(objects(group.parameters, group.parameter_count, "parameters")?);
    let names = slice(group.hyperparameters, group.hyperparameter_count, "hyperparameters")?;
    let values = slice(group.values, group.hyperparameter_count, "values")?;
    for (name, value) in names.iter().zip(values) {
        made = made.with(text(*name, "a hyperparameter's name")?, *value);
    }
    Ok(made)
}

/// Replaces zeros by defaults.
fn defaults<const N: usize>(fields: [(&mut f64, f64); N]) {
    for (field, default) in fields {
        if *field == 0.0 {
            *field = default;
        }
    }
}

/// 0 stands for no loss scale.
fn scale(loss_scale: f64) -> Option<f64> {
    (loss_scale != 0.0).then_some(loss_scale)
}

/// Options of tenon_sgd_new.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct TenonSgdOptions {
    /// sizeof(TenonSgdOptions), set by tenon_sgd_options_init.
    pub struct_size: usize,
    /// Set by the init function: zeros below are meant. Otherwise a field that is zero has its default.
    pub is_filled: CBool,
    /// Looks ahead by the momentum; needs one, and no dampening. Default: false.
    pub nesterov: CBool,
    /// Default: 0.1.
    pub learning_rate: f64,
    /// Default: 0: no momentum is kept then, and there is no such hyperparameter, nor dampening.
    pub momentum: f64,
    /// How much less than all of the gradient enters the momentum, from the second step on. Default: 0.
    pub dampening: f64,
    /// Added to the gradient times the parameter. Default: 0.
    pub weight_decay: f64,
    /// Gradients are divided by it before anything else. Default: 0, gradients of an unscaled loss; there is no such
    /// hyperparameter then.
    pub loss_scale: f64,
    /// Groups of parameters with hyperparameters of their own; they are then all that is trained. Default: NULL, one group
    /// of the parameters of the network that require gradients.
    pub groups: *const TenonParameterGroup,
    /// How many.
    pub group_count: usize,
}
options!(
    TenonSgdOptions { is_filled, nesterov, learning_rate, momentum, dampening, weight_decay, loss_scale, groups, group_count }
        | options
        | if !options.is_filled.get() {
            options.is_filled = CBool::new(true);
            defaults([(&mut options.learning_rate, 0.1)]);
        }
);

/// Fills options with the defaults. `size` is sizeof(TenonSgdOptions). Refuses NULL and a size that is no options
/// struct's.
#[unsafe(no_mangle)]
pub extern "C" fn tenon_sgd_options_init(options: *mut TenonSgdOptions, size: usize) -> TenonStatus {
    boundary_status(|| init_options(options, size))
}

/// Makes the optimizer SGD: w <- w - learning_rate g, where g is the gradient / loss_scale + weight_decay w. With
/// momentum: b <- momentum b + (1 - dampening) g, in the first step b <- g; w <- w - learning_rate b, or
/// w - learning_rate (g + momentum b) with nesterov.
///
/// `net` is the network to train; NULL options are the defaults. Hyperparameters are the fields of the options by their
/// names; they are inputs of programs, so changing one never compiles again. The caller frees the handle.
///
/// Fails with TENON_INVALID_ARGUMENT for a hyperparameter out of range and if there is nothing to train, with
/// TENON_ALREADY_EXISTS for a parameter that is there twice, with TENON_NOT_FOUND for an unknown hyperparameter of a
/// group. Any thread.
#[unsafe(no_mangle)]
pub extern "C" fn tenon_sgd_new(
    net: TenonCell,
    options: *const TenonSgdOptions,
    optimizer: *mut TenonOptimizer,
    error: *mut TenonError,
) -> TenonStatus {
    boundary(error, || {
        let given = read_options(options)?;
        new_optimizer(net, given.groups, given.group_count, optimizer, |context, groups| {
            let options = SgdOptions {
                nesterov: given.nesterov.get(),
                learning_rate: given.learning_rate,
                momentum: given.momentum,
                dampening: given.dampening,
                weight_decay: given.weight_decay,
                loss_scale: scale(given.loss_scale),
            };
            sgd(context, groups, options)
        })
    })
}

/// Options of tenon_momentum_new.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct TenonMomentumOptions {
    /// sizeof(TenonMomentumOptions), set by tenon_momentum_options_init.
    pub struct_size: usize,
    /// Set by the init function: zeros below are meant. Otherwise a field that is zero has its default.
    pub is_filled: CBool,
    /// Looks ahead by the momentum. Default: false.
    pub nesterov: CBool,
    /// Default: 0.1.
    pub learning_rate: f64,
    /// Default: 0.9.
    pub momentum: f64,
    /// Added to the gradient times the parameter. Default: 0.
    pub weight_decay: f64,
    /// Gradients are divided by it before anything else. Default: 0, gradients of an unscaled loss; there is no such
    /// hyperparameter then.
    pub loss_scale: f64,
    /// Groups of parameters with hyperparameters of their own; they are then all that is trained. Default: NULL, one group
    /// of the parameters of the network that require gradients.
    pub groups: *const TenonParameterGroup,
    /// How many.
    pub group_count: usize,
}
options!(
    TenonMomentumOptions { is_filled, nesterov, learning_rate, momentum, weight_decay, loss_scale, groups, group_count }
        | options
        | if !options.is_filled.get() {
            options.is_filled = CBool::new(true);
            defaults([(&mut options.learning_rate, 0.1), (&mut options.momentum, 0.9)]);
        }
);

/// Fills options with the defaults. `size` is sizeof(TenonMomentumOptions). Refuses NULL and a size that is no options
/// struct's.
#[unsafe(no_mangle)]
pub extern "C" fn tenon_momentum_options_init(options: *mut TenonMomentumOptions, size: usize) -> TenonStatus {
    boundary_status(|| init_options(options, size))
}

/// Makes the optimizer Momentum: v <- momentum v + g; w <- w - learning_rate v, or w - learning_rate (g + momentum v) with
/// nesterov (Sutskever et al., 2013), where g is the gradient / loss_scale + weight_decay w.
///
/// `net` is the network to train; NULL options are the defaults. Hyperparameters are the fields of the options by their
/// names; they are inputs of programs, so changing one never compiles again. The caller frees the handle.
///
/// Fails with TENON_INVALID_ARGUMENT for a hyperparameter out of range and if there is nothing to train, with
/// TENON_ALREADY_EXISTS for a parameter that is there twice, with TENON_NOT_FOUND for an unknown hyperparameter of a
/// group. Any thread.
#[unsafe(no_mangle)]
pub extern "C" fn tenon_momentum_new(
    net: TenonCell,
    options: *const TenonMomentumOptions,
    optimizer: *mut TenonOptimizer,
    error: *mut TenonError,
) -> TenonStatus {
    boundary(error, || {
        let given = read_options(options)?;
        new_optimizer(net, given.groups, given.group_count, optimizer, |context, groups| {
            let options = MomentumOptions {
                nesterov: given.nesterov.get(),
                learning_rate: given.learning_rate,
                momentum: given.momentum,
                weight_decay: given.weight_decay,
                loss_scale: scale(given.loss_scale),
            };
            momentum(context, groups, options)
        })
    })
}

/// Options of tenon_adam_new.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct TenonAdamOptions {
    /// sizeof(TenonAdamOptions), set by tenon_adam_options_init.
    pub struct_size: usize,
    /// Set by the init function: zeros below are meant. Otherwise a field that is zero has its default.
    pub is_filled: CBool,
    /// Default: 0.001.
    pub learning_rate: f64,
    /// Decay of the mean of gradients. Default: 0.9.
    pub beta1: f64,
    /// Decay of the mean of squared gradients. Default: 0.999.
    pub beta2: f64,
    /// Keeps the divisor from 0. Default: 1e-8.
    pub eps: f64,
    /// Added to the gradient times the parameter. Default: 0.
    pub weight_decay: f64,
    /// Gradients are divided by it before anything else. Default: 0, gradients of an unscaled loss; there is no such
    /// hyperparameter then.
    pub loss_scale: f64,
    /// Groups of parameters with hyperparameters of their own; they are then all that is trained. Default: NULL, one group
    /// of the parameters of the network that require gradients.
    pub groups: *const TenonParameterGroup,
    /// How many.
    pub group_count: usize,
}
options!(
    TenonAdamOptions { is_filled, learning_rate, beta1, beta2, eps, weight_decay, loss_scale, groups, group_count }
        | options
        | if !options.is_filled.get() {
            options.is_filled = CBool::new(true);
            defaults([
                (&mut options.learning_rate, 1e-3),
                (&mut options.beta1, 0.9),
                (&mut options.beta2, 0.999),
                (&mut options.eps, 1e-8),
            ]);
        }
);

/// Fills options with the defaults. `size` is sizeof(TenonAdamOptions). Refuses NULL and a size that is no options
/// struct's.
#[unsafe(no_mangle)]
pub extern "C" fn tenon_adam_options_init(options: *mut TenonAdamOptions, size: usize) -> TenonStatus {
    boundary_status(|| init_options(options, size))
}

/// Makes the optimizer Adam (Kingma & Ba, 2015): m <- beta1 m + (1 - beta1) g; v <- beta2 v + (1 - beta2) g^2;
/// w <- w - learning_rate / (1 - beta1^t) m / (sqrt(v) / sqrt(1 - beta2^t) + eps), where g is the gradient / loss_scale +
/// weight_decay w and t is 1 in the first step.
///
/// `net` is the network to train; NULL options are the defaults. Hyperparameters are the fields of the options by their
/// names; they are inputs of programs, so changing one never compiles again. The caller frees the handle.
///
/// Fails with TENON_INVALID_ARGUMENT for a hyperparameter out of range and if there is nothing to train, with
/// TENON_ALREADY_EXISTS for a parameter that is there twice, with TENON_NOT_FOUND for an unknown hyperparameter of a
/// group. Any thread.
#[unsafe(no_mangle)]
pub extern "C" fn tenon_adam_new(
    net: TenonCell,
    options: *const TenonAdamOptions,
    optimizer: *mut TenonOptimizer,
    error: *mut TenonError,
) -> TenonStatus {
    boundary(error, || {
        let given = read_options(options)?;
        new_optimizer(net, given.groups, given.group_count, optimizer, |context, groups| {
            let options = AdamOptions {
                learning_rate: given.learning_rate,
                beta1: given.beta1,
                beta2: given.beta2,
                eps: given.eps,
                weight_decay: given.weight_decay,
                loss_scale: scale(given.loss_scale),
            };
            adam(context, groups, options)
        })
    })
}

/// Options of tenon_adamw_new.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct TenonAdamWOptions {
    /// sizeof(TenonAdamWOptions), set by tenon_adamw_options_init.
    pub struct_size: usize,
    /// Set by the init function: zeros below are meant. Otherwise a field that is zero has its default.
    pub is_filled: CBool,
    /// Default: 0.001.
    pub learning_rate: f64,
    /// Decay of the mean of gradients. Default: 0.9.
    pub beta1: f64,
    /// Decay of the mean of squared gradients. Default: 0.999.
    pub beta2: f64,
    /// Keeps the divisor from 0. Default: 1e-8.
    pub eps: f64,
    /// The share of the parameter, times the learning rate, that each step takes away. Default: 0.01.
    pub weight_decay: f64,
    /// Gradients are divided by it before anything else. Default: 0, gradients of an unscaled loss; there is no such
    /// hyperparameter then.
    pub loss_scale: f64,
    /// Groups of parameters with hyperparameters of their own; they are then all that is trained. Default: NULL, one group
    /// of the parameters of the network that require gradients.
    pub groups: *const TenonParameterGroup,
    /// How many.
    pub group_count: usize,
}
options!(
    TenonAdamWOptions { is_filled, learning_rate, beta1, beta2, eps, weight_decay, loss_scale, groups, group_count }
        | options
        | if !options.is_filled.get() {
            options.is_filled = CBool::new(true);
            defaults([
                (&mut options.learning_rate, 1e-3),
                (&mut options.beta1, 0.9),
                (&mut options.beta2, 0.999),
                (&mut options.eps, 1e-8),
                (&mut options.weight_decay, 1e-2),
            ]);
        }
);

/// Fills options with the defaults. `size` is sizeof(TenonAdamWOptions). Refuses NULL and a size that is no options
/// struct's.
#[unsafe(no_mangle)]
pub extern "C" fn tenon_adamw_options_init(options: *mut TenonAdamWOptions, size: usize) -> TenonStatus {
    boundary_status(|| init_options(options, size))
}

/// Makes the optimizer AdamW (Loshchilov & Hutter, 2019): tenon_adam_new, but weight decay does not enter g:
/// w <- (1 - learning_rate weight_decay) w first.
///
/// `net` is the network to train; NULL options are the defaults. Hyperparameters are the fields of the options by their
/// names; they are inputs of programs, so changing one never compiles again. The caller frees the handle.
///
/// Fails with TENON_INVALID_ARGUMENT for a hyperparameter out of range and if there is nothing to train, with
/// TENON_ALREADY_EXISTS for a parameter that is there twice, with TENON_NOT_FOUND for an unknown hyperparameter of a
/// group. Any thread.
#[unsafe(no_mangle)]
pub extern "C" fn tenon_adamw_new(
    net: TenonCell,
    options: *const TenonAdamWOptions,
    optimizer: *mut TenonOptimizer,
    error: *mut TenonError,
) -> TenonStatus {
    boundary(error, || {
        let given = read_options(options)?;
        new_optimizer(net, given.groups, given.group_count, optimizer, |context, groups| {
            let options = AdamWOptions {
                learning_rate: given.learning_rate,
                beta1: given.beta1,
                beta2: given.beta2,
                eps: given.eps,
                weight_decay: given.weight_decay,
                loss_scale: scale(given.loss_scale),
            };
            adamw(context, groups, options)
        })
    })
}

/// Makes one step with gradients that the host has: one for each of tenon_optimizer_parameters, in that order and of their
/// dtypes and shapes. Allocates nothing after the first call.
///
/// Fails with TENON_INVALID_ARGUMENT for another number of gradients, TENON_SHAPE_MISMATCH, or TENON_DTYPE_MISMATCH;
/// nothing has changed then. Steps of one optimizer come one after the other. Any thread.
#[unsafe(no_mangle)]
pub extern "C" fn tenon_optimizer_apply(
    optimizer: TenonOptimizer,
    gradients: *const TenonTensor,
    count: usize,
    error: *mut TenonError,
) -> TenonStatus {
    boundary(error, || {
        let optimizer = optimizer.get()?;
        with_tensors(gradients, count, "gradients", |gradients| optimizer.step(gradients))
    })
}

/// Writes handles of the parameters that an optimizer updates now, those that require gradients, to `parameters`, which
/// has room for `capacity`, and their number to `count`: the first group's, then the second's. NULL with capacity 0 asks
/// for the number alone; another capacity that is too small is refused. The caller frees the handles. Any thread.
#[unsafe(no_mangle)]
pub extern "C" fn tenon_optimizer_parameters(
    optimizer: TenonOptimizer,
    parameters: *mut TenonParameter,
    capacity: usize,
    count: *mut usize,
    error: *mut TenonError,
) -> TenonStatus {
    boundary(error, || {
        let (optimizer, owner) = optimizer.get_with_owner()?;
        put_new_list(parameters, capacity, count, owner, optimizer.trainable_params(), "parameters")
    })
}

/// Writes how many groups an optimizer has; without groups of the host there is one. Any thread.
#[unsafe(no_mangle)]
pub extern "C" fn tenon_optimizer_group_count(optimizer: TenonOptimizer, count: *mut usize, error: *mut TenonError) -> TenonStatus {
    boundary(error, || {
        let optimizer = optimizer.get()?;
        Out::new(count, "count")?.put(optimizer.group_count());
        Ok(())
    })
}

/// Writes the present value of a hyperparameter of a group. Fails with TENON_NOT_FOUND for a group or a name that does not
/// exist; the text lists the names. Any thread.
#[unsafe(no_mangle)]
pub extern "C" fn tenon_optimizer_hyperparameter(
    optimizer: TenonOptimizer,
    group: usize,
    name: *const c_char,
    value: *mut f64,
    error: *mut TenonError,
) -> TenonStatus {
    boundary(error, || {
        let optimizer = optimizer.get()?;
        let name = text(name, "name")?;
        let value = Out::new(value, "value")?;
        value.put(optimizer.hyperparameter(group, name)?);
        Ok(())
    })
}

/// Sets a hyperparameter of all groups, from the next step on; nothing is recorded or compiled again. Waits for a step
/// that runs. Fails with TENON_NOT_FOUND for a name that does not exist, with TENON_INVALID_ARGUMENT for a value out of
/// range. Any thread.
#[unsafe(no_mangle)]
pub extern "C" fn tenon_optimizer_set_hyperparameter(
    optimizer: TenonOptimizer,
    name: *const c_char,
    value: f64,
    error: *mut TenonError,
) -> TenonStatus {
    boundary(error, || optimizer.get()?.set_hyperparameter(None, text(name, "name")?, value))
}

/// tenon_optimizer_set_hyperparameter for one group.
#[unsafe(no_mangle)]
pub extern "C" fn tenon_optimizer_set_group_hyperparameter(
    optimizer: TenonOptimizer,
    group: usize,
    name: *const c_char,
    value: f64,
    error: *mut TenonError,
) -> TenonStatus {
    boundary(error, || optimizer.get()?.set_hyperparameter(Some(group), text(name, "name")?, value))
}

/// Writes the name of the hyperparameter at a position, which every group has. The text goes to `text`, which has room for
/// `capacity` bytes, its length without the NUL to `length`. NULL with capacity 0 asks for the length alone; another
/// capacity that is too small is refused. Fails with TENON_NOT_FOUND beyond the last. Any thread.
#[unsafe(no_mangle)]
pub extern "C" fn tenon_optimizer_hyperparameter_name(
    optimizer: TenonOptimizer,
    position: usize,
    text: *mut c_char,
    capacity: usize,
    length: *mut usize,
    error: *mut TenonError,
) -> TenonStatus {
    boundary(error, || {
        let optimizer = optimizer.get()?;
        let (text, length) = (OutSlice::new(text, capacity, "text")?, Out::new(length, "length")?);
        let all = optimizer.hyperparameters();
        let row = all
            .get(position)
            .ok_or_else(|| Error::new(Status::NotFound, format!("there is no hyperparameter {position}, there are {}", all.len())))?;
        put_text(text, length, row.name, "text")
    })
}

/// Writes how many steps an optimizer has made. Any thread.
#[unsafe(no_mangle)]
pub extern "C" fn tenon_optimizer_global_step(optimizer: TenonOptimizer, step: *mut u64, error: *mut TenonError) -> TenonStatus {
    boundary(error, || {
        let optimizer = optimizer.get()?;
        let step = Out::new(step, "step")?;
        step.put(optimizer.global_step()?);
        Ok(())
    })
}

/// Goes on as after this many steps, which bias corrections count. Waits for a step that runs. Any thread.
#[unsafe(no_mangle)]
pub extern "C" fn tenon_optimizer_set_global_step(optimizer: TenonOptimizer, step: u64, error: *mut TenonError) -> TenonStatus {
    boundary(error, || optimizer.get()?.set_global_step(step))
}

/// The context that an optimizer was made in, or a zero handle if the optimizer's handle is bad. Nothing to free. Any
/// thread.
#[unsafe(no_mangle)]
pub extern "C" fn tenon_optimizer_context(optimizer: TenonOptimizer) -> TenonContext {
    boundary_value(TenonContext { id: 0 }, || Ok(optimizer.get_with_owner()?.1.handle()))
}

/// Frees a handle of an optimizer; zero is a no-op. Training steps keep the optimizer. Any thread.
#[unsafe(no_mangle)]
pub extern "C" fn tenon_optimizer_free(optimizer: TenonOptimizer) -> TenonStatus {
    boundary_status(|| optimizer.free())
}
