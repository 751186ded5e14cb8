//! The optimizer: groups of parameters, their hyperparameters, and state, around a [`Rule`].

use crate::context::Context;
use crate::error::{Error, Result, Status};
use crate::ir::{Type, Value, Variable};
use crate::nn::{Cell, Parameter};
use crate::ops::Trace;
use crate::optim::rule::update_dtype;
use crate::optim::{Hyper, Hyperparameter, Rule};
use crate::tensor::{DType, Shape, Tensor};
use std::any::Any;
use std::collections::{HashMap, HashSet};
use std::fmt;
use std::sync::{Arc, OnceLock};

/// Parameters that share hyperparameters.
#[derive(Clone, Debug, Default)]
pub struct ParameterGroup {
    pub parameters: Vec<Parameter>,
    /// Names and values that differ from the optimizer's options.
    pub hyperparameters: Vec<(String, f64)>,
}

impl ParameterGroup {
    pub fn new(parameters: Vec<Parameter>) -> ParameterGroup {
        ParameterGroup { parameters, hyperparameters: Vec::new() }
    }
    /// The parameters of a cell and all below it that require gradients now.
    pub fn of_cell(cell: &Cell) -> ParameterGroup {
        ParameterGroup::new(cell.trainable_params())
    }
    /// The group with one more hyperparameter of its own.
    pub fn with(mut self, name: &str, value: f64) -> ParameterGroup {
        self.hyperparameters.push((name.to_string(), value));
        self
    }
}

/// A formula with its parameters and state; clones are the same optimizer. All methods may be called from any thread.
///
/// Weight decay is what the group's hyperparameter says, for all parameters of the group: none is spared because of its name. Put what
/// is to be spared into a group with weight_decay 0.
///
/// Only parameters that require a gradient are updated; freezing one keeps its state.
#[derive(Clone)]
pub struct Optimizer(Arc<Inner>);

struct Inner {
    context: Context,
    rule: Box<dyn Rule>,
    members: Vec<Member>,
    groups: Vec<Vec<(Hyperparameter, Variable)>>,
    /// i64: how many steps were made.
    step: Variable,
    /// What layers above keep with the optimizer: the function that runs it on its own.
    attached: OnceLock<Box<dyn Any + Send + Sync>>,
}

/// A parameter with its state.
struct Member {
    parameter: Parameter,
    group: usize,
    slots: Vec<Variable>,
}

/// One tensor of a parameter's state.
#[derive(Clone, Debug)]
pub struct Slot {
    /// `momentum`, `moment1` ...
    pub name: &'static str,
    pub parameter: Parameter,
    pub variable: Variable,
}

// ---- making, looking, setting ----

impl Optimizer {
    /// An optimizer for all parameters of the groups, in their order. `values` are the hyperparameters of groups that say nothing else;
    /// what is missing there has the rule's default.
    ///
    /// Fails with INVALID_ARGUMENT if there is no parameter, for parameters of another context, and for hyperparameters out of range; with
    /// DTYPE_MISMATCH for a parameter that is not a float; with ALREADY_EXISTS for a parameter that is named twice and for two that have the same
    /// name; with NOT_FOUND for a hyperparameter that the rule does not have.
    pub fn new(context: &Context, rule: Box<dyn Rule>, groups: Vec<ParameterGroup>, values: &[(&str, f64)]) -> Result<Optimizer> {
        let kind = rule.name();
        Optimizer::build(context, rule, groups, values).map_err(|error| error.within(kind))
    }
    fn build(context: &Context, rule: Box<dyn Rule>, groups: Vec<ParameterGroup>, values: &[(&str, f64)]) -> Result<Optimizer> {
        let known = rule.hyperparameters();
        let (mut members, mut hyper) = (Vec::new(), Vec::new());
        let (mut keys, mut names) = (HashSet::new(), HashSet::new());
        for (index, group) in groups.into_iter().enumerate() {
            for (name, _) in &group.hyperparameters {
                find(&known, name, rule.name())?;
            }
            let mut variables = Vec::with_capacity(known.len());
            for row in &known {
                let own = group.hyperparameters.iter().rev().find(|(name, _)| name == row.name).map(|(_, value)| *value);
                let common = values.iter().find(|(name, _)| *name == row.name).map(|(_, value)| *value);
                let value = own.or(common).unwrap_or(row.default);
                check(row, value)?;
                let tensor = Tensor::scalar(context.allocator(), DType::F64, value)?;
                variables.push((row.clone(), Variable::new(format!("groups.{index}.{}", row.name), tensor)));
            }
            hyper.push(variables);
            for parameter in group.parameters {
                let name = parameter.name();
                if parameter.context() != context {
                    return Err(Error::invalid(format!("{name} belongs to another context")));
                }
                if !parameter.ty().dtype.is_float() {
                    return Err(Error::dtype(format!("{name} is {}, which has no gradient", parameter.ty())));
                }
                if !keys.insert(parameter.key()) {
                    return Err(Error::new(Status::AlreadyExists, format!("{name} is there twice")));
                }
                if !names.insert(name.clone()) {
                    let text = format!("two parameters have the name {name}; put their networks under one cell, so that paths differ");
                    return Err(Error::new(Status::AlreadyExists, text));
                }
                members.push(Member { slots: slots(context, &*rule, &parameter), parameter, group: index });
            }
        }
        if members.is_empty() {
            return Err(Error::invalid("there are no parameters to train"));
        }
        let step = Variable::new("global_step", Tensor::zeros(context.allocator(), DType::I64, Shape::SCALAR)?);
        let inner = Inner { context: context.clone(), rule, members, groups: hyper, step, attached: OnceLock::new() };
        Ok(Optimizer(Arc::new(inner)))
    }

    /// The name of the rule: `Momentum`, `SGD`, `Adam`, `AdamW`.
    pub fn kind(&self) -> &'static str {
        self.0.rule.name()
    }
    pub fn context(&self) -> &Context {
        &self.0.context
    }
    /// All parameters, frozen ones too: the first group's, then the second's, and so on.
    pub fn parameters(&self) -> Vec<Parameter> {
        self.0.members.iter().map(|member| member.parameter.clone()).collect()
    }
    /// The parameters that require gradients now: what gradients are handed to the optimizer for, in this order.
    pub fn trainable_params(&self) -> Vec<Parameter> {
        self.parameters().into_iter().filter(Parameter::requires_grad).collect()
    }
    pub fn group_count(&self) -> usize {
        self.0.groups.len()
    }
    /// Names, defaults, and ranges of the hyperparameters that every group has.
    pub fn hyperparameters(&self) -> Vec<Hyperparameter> {
        self.0.rule.hyperparameters()
    }
    /// The present value. Fails with NOT_FOUND for a group or a name that does not exist.
    pub fn hyperparameter(&self, group: usize, name: &str) -> Result<f64> {
        self.hyper(group, name)?.1.tensor()?.item_f64()
    }
    /// Sets a hyperparameter of one group, or of all (`None`), from the next step on; nothing is recorded or compiled again. Waits for a
    /// step that runs.
    ///
    /// Fails with NOT_FOUND for a group or a name that does not exist, with INVALID_ARGUMENT for a value out of range.
    pub fn set_hyperparameter(&self, group: Option<usize>, name: &str, value: f64) -> Result<()> {
        let groups = group.map_or(0..self.group_count(), |group| group..group.saturating_add(1));
        for group in groups {
            let (row, variable) = self.hyper(group, name)?;
            check(row, value)?;
            variable.tensor()?.write_bytes(&value.to_ne_bytes())?;
        }
        Ok(())
    }
    fn hyper(&self, group: usize, name: &str) -> Result<&(Hyperparameter, Variable)> {
        let rows = self.0.groups.get(group).ok_or_else(|| {
            let count = self.group_count();
            Error::new(Status::NotFound, format!("{}: there is no group {group}, there are {count}", self.kind()))
        })?;
        match rows.iter().find(|(row, _)| row.name == name) {
            Some(found) => Ok(found),
            None => Err(find(&self.0.rule.hyperparameters(), name, self.kind()).err().unwrap_or_else(|| Error::internal("unlisted"))),
        }
    }
    /// How many steps were made.
    pub fn global_step(&self) -> Result<u64> {
        let mut bytes = [0; 8];
        self.0.step.tensor()?.read_bytes(&mut bytes)?;
        Ok(i64::from_ne_bytes(bytes).max(0) as u64)
    }
    /// Goes on as after this many steps: bias corrections count them. Waits for a step that runs.
    pub fn set_global_step(&self, step: u64) -> Result<()> {
        let step = i64::try_from(step).map_err(|_| Error::invalid(format!("{step} steps are more than can be counted")))?;
        self.0.step.tensor()?.write_bytes(&step.to_ne_bytes())
    }
    /// The state of all parameters. Tensors are made when they are first needed.
    pub fn slots(&self) -> Vec<Slot> {
        let names = self.0.rule.slots();
        let one = |member: &Member, index: usize| Slot {
            name: names[index],
            parameter: member.parameter.clone(),
            variable: member.slots[index].clone(),
        };
        self.0.members.iter().flat_map(|member| (0..names.len()).map(move |index| one(member, index))).collect()
    }
    /// The variable that counts steps, and those of all hyperparameters, with their names in checkpoints: `global_step`,
    /// `groups.0.learning_rate`.
    pub(crate) fn scalars(&self) -> Vec<Variable> {
        let hyper = self.0.groups.iter().flatten().map(|(_, variable)| variable.clone());
        std::iter::once(self.0.step.clone()).chain(hyper).collect()
    }
    /// Whether a checkpoint may give this scalar of [`Optimizer::scalars`] this value.
    pub(crate) fn check_scalar(&self, variable: &Variable, value: f64) -> Result<()> {
        if *variable == self.0.step {
            let counts = (0.0..9e18).contains(&value);
            return if counts { Ok(()) } else { Err(Error::invalid(format!("global_step is {value}; a number of steps is not negative"))) };
        }
        let row = self.0.groups.iter().flatten().find(|(_, known)| known == variable).map(|(row, _)| row);
        row.map_or(Ok(()), |row| check(row, value))
    }
    pub(crate) fn attached(&self) -> &OnceLock<Box<dyn Any + Send + Sync>> {
        &self.0.attached
    }
    /// For what the optimizer itself keeps: a reference that does not keep the optimizer.
    pub(crate) fn downgrade(&self) -> impl Fn() -> Option<Optimizer> + Send + Sync + 'static {
        let weak = Arc::downgrade(&self.0);
        move || weak.upgrade().map(Optimizer)
    }
    pub fn key(&self) -> usize {
        Arc::as_ptr(&self.0) as usize
    }
}

// ---- recording ----

impl Optimizer {
    /// [`Optimizer::trainable_params`], on which the graph depends from here on.
    pub fn trainable_in(&self, g: &mut Trace) -> Vec<Parameter> {
        self.parameters().into_iter().filter(|parameter| parameter.requires_grad_in(g)).collect()
    }

    /// Records one step: parameters, slots, and the count of steps are assigned their new values. `grads` are gradients of
    /// [`Optimizer::trainable_params`], in that order and of the parameters' types.
    ///
    /// Fails with INVALID_ARGUMENT for another number of gradients, SHAPE_MISMATCH, or DTYPE_MISMATCH; the failure sticks to `g` too.
    pub fn record(&self, g: &mut Trace, grads: &[Value]) -> Result<()> {
        g.check()?;
        let scope = g.enter("optimizer");
        let recorded = self.record_here(g, grads);
        if let Err(error) = recorded {
            g.fail(error);
        }
        g.leave(scope);
        g.check()
    }
    fn record_here(&self, g: &mut Trace, grads: &[Value]) -> Result<()> {
        let trained: Vec<&Member> = self.0.members.iter().filter(|member| member.parameter.requires_grad_in(g)).collect();
        if grads.len() != trained.len() {
            let missing = trained.get(grads.len()).map_or(String::new(), |member| format!("; none for {}", member.parameter.name()));
            let text = format!("{} gradients for {} parameters that require one{missing}", grads.len(), trained.len());
            return Err(Error::invalid(text));
        }
        for (member, grad) in trained.iter().zip(grads) {
            let (ty, name) = (member.parameter.ty(), member.parameter.name());
            if !g.contains(*grad) {
                return Err(Error::invalid(format!("the gradient of {name} is not a value of this graph")));
            }
            if g.dtype(*grad) != ty.dtype {
                return Err(Error::dtype(format!("the gradient of {name} is {}, not {ty}", g.ty(*grad))));
            }
            if g.shape(*grad) != ty.shape {
                return Err(Error::shape(format!("the gradient of {name} is {}, not {ty}", g.ty(*grad))));
            }
        }
        let before = g.read(&self.0.step);
        let one = g.integer(DType::I64, 1);
        let now = g.add(before, one);
        g.assign(&self.0.step, now);
        let step = g.cast(now, DType::F64);

        // Of each group, and of each dtype that parameters of the group are updated in.
        let mut factors: HashMap<(usize, DType), Vec<Value>> = HashMap::new();
        for (member, grad) in trained.iter().zip(grads) {
            let dtype = update_dtype(member.parameter.ty().dtype);
            for (slot, variable) in self.0.rule.slots().iter().zip(&member.slots) {
                // The parameter may have got another place since.
                variable.set_name(format!("{slot}.{}", member.parameter.name()));
            }
            let shared = match factors.get(&(member.group, DType::F64)) {
                Some(shared) => shared.clone(),
                None => {
                    let values = self.0.groups[member.group].iter().map(|(row, variable)| (row.name, g.read(variable))).collect();
                    let made = self.0.rule.factors(g, &Hyper { values, step });
                    factors.insert((member.group, DType::F64), made.clone());
                    made
                }
            };
            let shared =
                factors.entry((member.group, dtype)).or_insert_with(|| shared.iter().map(|factor| g.cast(*factor, dtype)).collect());
            let weight = member.parameter.read(g);
            let weight = g.cast(weight, dtype);
            let grad = g.cast(*grad, dtype);
            let slots: Vec<Value> = member.slots.iter().map(|variable| g.read(variable)).collect();
            let updated = self.0.rule.update(g, weight, grad, &slots, shared);
            let weight = g.cast(updated.weight, member.parameter.ty().dtype);
            g.assign(member.parameter.variable(), weight);
            for (variable, value) in member.slots.iter().zip(updated.slots) {
                g.assign(variable, value);
            }
        }
        Ok(())
    }
}

impl PartialEq for Optimizer {
    fn eq(&self, other: &Optimizer) -> bool {
        Arc::ptr_eq(&self.0, &other.0)
    }
}
impl Eq for Optimizer {}

impl fmt::Debug for Optimizer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} of {} parameters in {} groups", self.kind(), self.0.members.len(), self.group_count())
    }
}

/// A parameter's state: zeros, made when they are first needed.
fn slots(context: &Context, rule: &dyn Rule, parameter: &Parameter) -> Vec<Variable> {
    let Type { dtype, shape } = parameter.ty();
    let dtype = update_dtype(dtype);
    let zeros = |name: &&str| {
        let allocator = context.allocator().clone();
        let make = move || Tensor::zeros(&allocator, dtype, shape);
        Variable::lazy(format!("{name}.{}", parameter.name()), Type::new(dtype, shape), make)
    };
    rule.slots().iter().map(zeros).collect()
}

fn find<'a>(known: &'a [Hyperparameter], name: &str, kind: &str) -> Result<&'a Hyperparameter> {
    known.iter().find(|row| row.name == name).ok_or_else(|| {
        let names: Vec<&str> = known.iter().map(|row| row.name).collect();
        let text = format!("{kind}: there is no hyperparameter {name:?} in this optimizer; there are {}", names.join(", "));
        Error::new(Status::NotFound, text)
    })
}

fn check(row: &Hyperparameter, value: f64) -> Result<()> {
    if !row.range.contains(value) {
        return Err(Error::invalid(format!("{} is {}, not {value}", row.name, row.range.describe())));
    }
    Ok(())
}
