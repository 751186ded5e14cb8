//! What a load would do, decided before anything is changed.

use super::Archive;
use crate::error::{Error, Result, Status};
use crate::tensor::{DType, Shape, check_convertible, is_convertible};
use std::collections::BTreeSet;

/// A tensor that is wanted and that the archive has in a usable form.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Match {
    /// Its name, in the archive as in what is wanted.
    pub name: String,
    /// Its shape, which is the same on both sides.
    pub shape: Shape,
    /// The dtype in the archive.
    pub from: DType,
    /// The dtype that is wanted: [`Archive::get_as`] delivers it.
    pub to: DType,
}

/// What is loaded, what is wanted but not in the archive, and what is in the archive but not wanted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LoadPlan {
    /// In the order of what is wanted.
    pub matched: Vec<Match>,
    /// In the order of what is wanted.
    pub missing: Vec<String>,
    /// In alphabetical order.
    pub left_over: Vec<String>,
}

/// Compares what is wanted with what an archive has. Changes nothing, and reads data only where integers must become narrower.
///
/// Missing and left-over names are reported, not refused. A shape that differs fails with SHAPE_MISMATCH. A dtype that differs fails
/// with DTYPE_MISMATCH if `strict`; if not, floats convert to floats and integers to integers, as long as every one fits. A name that is wanted twice
/// fails with ALREADY_EXISTS.
pub fn plan_load(wanted: &[(String, DType, Shape)], archive: &Archive, strict: bool) -> Result<LoadPlan> {
    let mut plan = LoadPlan { matched: Vec::new(), missing: Vec::new(), left_over: Vec::new() };
    let mut names = BTreeSet::new();
    for (name, to, shape) in wanted {
        if !names.insert(name.as_str()) {
            return Err(Error::new(Status::AlreadyExists, format!("{} is wanted twice", archive.tensor(name))));
        }
        let Some((from, found)) = archive.info(name) else {
            plan.missing.push(name.clone());
            continue;
        };
        if found != *shape {
            return Err(Error::shape(format!("{} has shape {found}, but {shape} is wanted", archive.tensor(name))));
        }
        if from != *to {
            check_dtype(archive, name, from, *to, strict)?;
        }
        plan.matched.push(Match { name: name.clone(), shape: *shape, from, to: *to });
    }
    plan.left_over = archive.names().filter(|name| !names.contains(name)).map(str::to_string).collect();
    Ok(plan)
}

fn check_dtype(archive: &Archive, name: &str, from: DType, to: DType, strict: bool) -> Result<()> {
    let reason = if !is_convertible(from, to) {
        ", and one does not convert to the other"
    } else if strict {
        ", and a strict load does not convert"
    } else {
        ""
    };
    if !reason.is_empty() {
        return Err(Error::dtype(format!("{} has dtype {from}, but {to} is wanted{reason}", archive.tensor(name))));
    }
    if from.is_int() && to.size() < from.size() {
        let (_, _, data) = archive.get(name)?;
        let checked = check_convertible(from, &data, to);
        return checked.map_err(|error| Error::dtype(format!("{} has dtype {from}, but {to} is wanted: {error}", archive.tensor(name))));
    }
    Ok(())
}
