//! Networks and training state in checkpoints: which name stands for what, and loading that changes all or nothing.
//!
//! | name | what | dtype |
//! |---|---|---|
//! | `fc1.weight` | the parameter at this path | the parameter's |
//! | `optimizer.momentum.fc1.weight` | the slot of this parameter | the slot's |
//! | `optimizer.groups.0.learning_rate` | a hyperparameter of a group | f64 |
//! | `optimizer.global_step` | how many steps were made | i64 |
//! | `random.default`, `random.op.7` | where the context's generators stand ([`RandomState::to_bytes`]) | u8 |

use super::{Archive, Entry, plan_load, save};
use crate::context::{Context, Generator};
use crate::error::{Error, Result, Status};
use crate::ir::Variable;
use crate::nn::Cell;
use crate::optim::Optimizer;
use crate::random::RandomState;
use crate::tensor::{DType, Shape, Tensor, decode};
use std::collections::{BTreeMap, HashMap};
use std::path::Path;

/// What a load found. Names as in the file.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct LoadReport {
    /// How many tensors were loaded.
    pub loaded: usize,
    /// What was wanted and is not in the file; it is as it was before.
    pub missing: Vec<String>,
    /// What is in the file and was not wanted.
    pub left_over: Vec<String>,
}

const OPTIMIZER: &str = "optimizer.";
const RANDOM: &str = "random.";
const RANDOM_OP: &str = "random.op.";

/// Saves the parameters of `cell`; with an optimizer all that is needed to go on with the same bits as well: its state, its
/// hyperparameters, and where the generators of the context stand.
///
/// The file is written as a whole or not at all. Steps that run meanwhile may fall between two tensors: save between steps. Fails as
/// [`save`] does, with OUT_OF_MEMORY where initial values could not be made, and with INVALID_ARGUMENT for an optimizer of another context.
pub fn save_model(cell: &Cell, optimizer: Option<&Optimizer>, path: impl AsRef<Path>) -> Result<()> {
    let mut tensors: Vec<(String, Tensor)> = Vec::new();
    for (name, target) in variables(cell, optimizer)? {
        if target.kept == Kept::Always || target.variable.is_initialized() {
            tensors.push((name, target.variable.tensor()?.clone()));
        }
    }
    if optimizer.is_some() {
        for (name, generator) in cell.context().generators() {
            let bytes = generator.state()?.to_bytes();
            tensors.push((name, Tensor::from_slice(cell.context().allocator(), &bytes, &[bytes.len()])?));
        }
    }
    save(path, tensors.iter().map(|(name, tensor)| Entry { name: name.clone(), tensor }), BTreeMap::new())
}

/// Loads what [`save_model`] saved into a cell, and into an optimizer and the generators of its context where one is given. Without
/// an optimizer, training state in the file is passed over.
///
/// With `strict`, names that are missing or left over and dtypes that differ are failures; without, they are reported, and floats convert to
/// floats, integers to integers. Shapes that differ are failures in any case. Everything is read and checked before anything changes: a failed
/// load leaves all as it was. It takes as much memory as the tensors that it loads.
///
/// Fails as [`super::load`] and [`plan_load`] do; with strict also with NOT_FOUND for missing and INVALID_ARGUMENT for left-over names; with
/// FORMAT for a hyperparameter or a random state that cannot be.
pub fn load_model(cell: &Cell, optimizer: Option<&Optimizer>, path: impl AsRef<Path>, strict: bool) -> Result<LoadReport> {
    load_archive(cell, optimizer, &super::load(path)?, strict)
}

/// [`load_model`] from an open archive.
pub fn load_archive(cell: &Cell, optimizer: Option<&Optimizer>, archive: &Archive, strict: bool) -> Result<LoadReport> {
    let targets = variables(cell, optimizer)?;
    let mut wanted: Vec<(String, DType, Shape)> = Vec::new();
    for (name, target) in &targets {
        let ty = target.variable.ty();
        // A frozen parameter that never was trained has no state to miss.
        if target.kept == Kept::Always || target.variable.is_initialized() || archive.info(name).is_some() {
            wanted.push((name.clone(), ty.dtype, ty.shape));
        }
    }
    let mut plan = plan_load(&wanted, archive, strict)?;
    let mut states = Vec::new();
    if optimizer.is_some() {
        states = random_states(cell.context(), archive)?;
        plan.left_over.retain(|name| !states.iter().any(|(known, _)| known == name));
        let absent = cell.context().generators().into_iter().map(|(name, _)| name);
        plan.missing.extend(absent.filter(|name| archive.info(name).is_none()));
    } else {
        plan.left_over.retain(|name| !name.starts_with(OPTIMIZER) && !name.starts_with(RANDOM));
    }
    if strict {
        refuse("missing from", Status::NotFound, &plan.missing, archive)?;
        refuse("not wanted but in", Status::InvalidArgument, &plan.left_over, archive)?;
    }

    let by_name: HashMap<&str, &Target> = targets.iter().map(|(name, target)| (name.as_str(), target)).collect();
    let mut staged: Vec<(&Tensor, Vec<u8>)> = Vec::with_capacity(plan.matched.len());
    for found in &plan.matched {
        let variable = &by_name[found.name.as_str()].variable;
        let bytes = archive.get_as(&found.name, found.to)?;
        if let Some(optimizer) = optimizer
            && found.shape.is_scalar()
        {
            let sound = optimizer.check_scalar(variable, decode(found.to, &bytes));
            sound.map_err(|error| Error::new(Status::Format, error.message()).within(archive.path()))?;
        }
        let tensor = variable.tensor()?;
        tensor.check_writable()?;
        staged.push((tensor, bytes));
    }
    let states: Vec<(Generator, RandomState)> =
        states.into_iter().map(|(name, state)| Ok((generator(cell.context(), &name)?, state))).collect::<Result<_>>()?;

    // From here on nothing can fail.
    let loaded = staged.len() + states.len();
    for (tensor, bytes) in staged {
        tensor.write_bytes(&bytes)?;
    }
    for (generator, state) in states {
        generator.set_state(state)?;
    }
    Ok(LoadReport { loaded, missing: plan.missing, left_over: plan.left_over })
}

/// A variable that a checkpoint has a name for.
struct Target {
    variable: Variable,
    kept: Kept,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Kept {
    Always,
    /// Only if it was ever needed.
    Once,
}

/// Every variable of the network and the optimizer with its name in files, in order.
fn variables(cell: &Cell, optimizer: Option<&Optimizer>) -> Result<Vec<(String, Target)>> {
    let parameters = cell.parameters_and_names();
    let target = |variable: &Variable, kept| Target { variable: variable.clone(), kept };
    let mut all: Vec<(String, Target)> =
        parameters.iter().map(|(path, parameter)| (path.clone(), target(parameter.variable(), Kept::Always))).collect();
    let Some(optimizer) = optimizer else { return Ok(all) };
    if optimizer.context() != cell.context() {
        return Err(Error::invalid("the cell and the optimizer belong to different contexts"));
    }
    // The same file whichever part of a tree is saved: slots are named by the path from this cell.
    let paths: HashMap<usize, &String> = parameters.iter().map(|(path, parameter)| (parameter.key(), path)).collect();
    for slot in optimizer.slots() {
        let path = paths.get(&slot.parameter.key()).map_or_else(|| slot.parameter.name(), |path| path.to_string());
        let kept = if slot.parameter.requires_grad() { Kept::Always } else { Kept::Once };
        all.push((format!("{OPTIMIZER}{}.{path}", slot.name), target(&slot.variable, kept)));
    }
    for scalar in optimizer.scalars() {
        all.push((format!("{OPTIMIZER}{}", scalar.name()), target(&scalar, Kept::Always)));
    }
    Ok(all)
}

/// The states of generators in the file, checked: those that the context has and those that it can have.
fn random_states(context: &Context, archive: &Archive) -> Result<Vec<(String, RandomState)>> {
    let known: Vec<String> = context.generators().into_iter().map(|(name, _)| name).collect();
    let mut states = Vec::new();
    for name in archive.names().filter(|name| known.iter().any(|known| known == name) || op_seed(name).is_some()) {
        let (dtype, _, bytes) = archive.get(name)?;
        if dtype != DType::U8 {
            return Err(Error::new(Status::Format, format!("{}: {name} is {dtype}, not u8", archive.path())));
        }
        let state = RandomState::from_bytes(&bytes).map_err(|error| error.within(&format!("{}: {name}", archive.path())))?;
        states.push((name.to_string(), state));
    }
    Ok(states)
}

fn generator(context: &Context, name: &str) -> Result<Generator> {
    match op_seed(name) {
        Some(seed) => context.generator_for(seed),
        None => Ok(context.generator().clone()),
    }
}

/// The op seed in `random.op.7`, written as it is written when saved.
fn op_seed(name: &str) -> Option<i64> {
    let text = name.strip_prefix(RANDOM_OP)?;
    text.parse().ok().filter(|seed: &i64| seed.to_string() == text)
}

fn refuse(what: &str, status: Status, names: &[String], archive: &Archive) -> Result<()> {
    const SHOWN: usize = 10;
    if names.is_empty() {
        return Ok(());
    }
    let shown = names[..names.len().min(SHOWN)].join(", ");
    let rest = if names.len() > SHOWN { format!(" and {} more", names.len() - SHOWN) } else { String::new() };
    Err(Error::new(status, format!("{}: {what} the file: {shown}{rest}", archive.path())))
}

#[cfg(test)]
#[path = "model_tests.rs"]
mod tests;
