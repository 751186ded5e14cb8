//! The tree of a network: children, parameters, a training flag, and what records the forward graph.

use crate::context::Context;
use crate::error::{Error, Result, Status};
use crate::ir::{Type, Value};
use crate::nn::{Initializer, Parameter};
use crate::ops::{CustomGradient, Dependency, Trace};
use parking_lot::{Mutex, RwLock};
use std::collections::{HashMap, HashSet};
use std::fmt;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Weak};

/// The most cells that may stand above one another.
pub const MAX_DEPTH: usize = 256;

/// Records the forward graph of a cell. Called once for each new input signature, never once per run; from any thread.
pub trait Construct: Send + Sync {
    /// What kind of cell it is, for people: `Dense`, `Sequential`.
    fn kind(&self) -> &str;
    /// Records into `g` and returns the outputs. What goes wrong sticks to `g` ([`Trace::fail`]); the outputs do not matter then.
    fn construct(&self, cell: &Cell, g: &mut Trace, inputs: &[Value]) -> Vec<Value>;
    /// Whether `construct` may look at [`Cell::training`] of its cell. Programs of a cell that does are recorded once for each setting that
    /// is in use. Not needed by a `construct` that looks by [`Cell::training_in`].
    fn depends_on_training(&self) -> bool {
        true
    }
    /// A gradient of the cell's own, in place of that of what `construct` records (`bprop`). Parameters below the cell get none through it.
    fn gradient(&self) -> Option<Arc<dyn CustomGradient>> {
        None
    }
}

/// A node of the network's tree; clones are the same cell.
///
/// Inference is the default: [`Cell::set_train`] switches to training. Parameters are named by their path from the root: `fc1.weight`. A
/// cell or parameter that stands in several places is listed, and named, by the first of them. All methods may be called from any thread.
#[derive(Clone)]
pub struct Cell(Arc<Inner>);

struct Inner {
    context: Context,
    construct: Box<dyn Construct>,
    training: AtomicBool,
    /// Written under the context's tree lock only.
    structure: RwLock<Structure>,
    /// Where the cell stands: parent and name there. Written under the context's tree lock only.
    places: Mutex<Vec<(Weak<Inner>, String)>>,
}

struct Structure {
    /// 1, and one more with each change.
    version: u64,
    children: Vec<(String, Cell)>,
    parameters: Vec<(String, Parameter)>,
    recompute: bool,
}

// ---- building ----

impl Cell {
    pub fn new(context: &Context, construct: Box<dyn Construct>) -> Cell {
        Cell(Arc::new(Inner {
            context: context.clone(),
            construct,
            training: AtomicBool::new(false),
            structure: RwLock::new(Structure { version: 1, children: Vec::new(), parameters: Vec::new(), recompute: false }),
            places: Mutex::default(),
        }))
    }

    /// Makes `child` the last child. Names of its parameters become paths from the root of this cell's tree.
    ///
    /// Fails with INVALID_ARGUMENT for an empty name, a name with a dot, a cell of another context, and a cell that this one stands
    /// below; with ALREADY_EXISTS for a name that a child or parameter has.
    pub fn insert_child(&self, name: &str, child: &Cell) -> Result<()> {
        if self.0.context != child.0.context {
            return Err(Error::invalid(format!("{name:?} belongs to another context")));
        }
        let _tree = self.0.context.tree().lock();
        self.check_name(name)?;
        if child.contains(self) {
            return Err(Error::invalid(format!("{name:?} cannot be a child: this cell stands below it, or is it")));
        }
        if self.depth_above() + child.depth_below() > MAX_DEPTH {
            return Err(Error::invalid(format!("{name:?} would stand too deep: at most {MAX_DEPTH} cells above one another")));
        }
        {
            let mut structure = self.0.structure.write();
            structure.children.push((name.to_string(), child.clone()));
            structure.version += 1;
        }
        child.0.places.lock().push((Arc::downgrade(&self.0), name.to_string()));
        let below = child.parameters_and_names().into_iter().map(|(_, parameter)| parameter.key()).collect();
        self.rename(&below);
        self.0.context.touch();
        Ok(())
    }

    /// A new parameter of this cell, the last one. Fails as [`Cell::insert_parameter`] and [`Parameter::new`] do.
    pub fn add_parameter(&self, name: &str, ty: Type, initializer: Initializer, requires_grad: bool) -> Result<Parameter> {
        self.check_name(name)?;
        let parameter = Parameter::new(&self.0.context, name, ty, initializer, requires_grad)?;
        self.insert_parameter(name, &parameter)?;
        Ok(parameter)
    }

    /// Makes an existing parameter one of this cell, the last one; it may belong to other cells too. Its name becomes its path.
    ///
    /// Fails with INVALID_ARGUMENT for an empty name, a name with a dot, and a parameter of another context; with ALREADY_EXISTS for a name
    /// that a child or parameter has.
    pub fn insert_parameter(&self, name: &str, parameter: &Parameter) -> Result<()> {
        if self.0.context != *parameter.context() {
            return Err(Error::invalid(format!("{name:?} belongs to another context")));
        }
        let _tree = self.0.context.tree().lock();
        self.check_name(name)?;
        {
            let mut structure = self.0.structure.write();
            structure.parameters.push((name.to_string(), parameter.clone()));
            structure.version += 1;
        }
        self.rename(&HashSet::from([parameter.key()]));
        self.0.context.touch();
        Ok(())
    }

    fn check_name(&self, name: &str) -> Result<()> {
        if name.is_empty() || name.contains('.') || name.contains('\0') {
            return Err(Error::invalid(format!(
                "{name:?} is no name: names are not empty and have no dot, which separates names in paths"
            )));
        }
        let structure = self.0.structure.read();
        if structure.children.iter().any(|(known, _)| known == name) {
            return Err(Error::new(Status::AlreadyExists, format!("there is a child {name:?} already")));
        }
        if structure.parameters.iter().any(|(known, _)| known == name) {
            return Err(Error::new(Status::AlreadyExists, format!("there is a parameter {name:?} already")));
        }
        Ok(())
    }

    /// Whether `other` is this cell or stands below it.
    fn contains(&self, other: &Cell) -> bool {
        self.cells_and_names().iter().any(|(_, cell)| cell == other)
    }

    /// How many cells stand one above another from the farthest root down to this cell.
    fn depth_above(&self) -> usize {
        depth(self, &|cell| cell.parents().into_iter().map(|(parent, _)| parent).collect(), &mut HashMap::new())
    }

    /// How many cells stand one above another from this cell down to its farthest leaf.
    fn depth_below(&self) -> usize {
        depth(self, &|cell| cell.children().into_iter().map(|(_, child)| child).collect(), &mut HashMap::new())
    }

    fn parents(&self) -> Vec<(Cell, String)> {
        let places = self.0.places.lock();
        places.iter().filter_map(|(parent, name)| Some((Cell(parent.upgrade()?), name.clone()))).collect()
    }

    /// The cells without parents above this one, or this one.
    fn roots(&self) -> Vec<Cell> {
        let (mut waiting, mut seen, mut roots) = (vec![self.clone()], HashSet::from([self.key()]), Vec::new());
        while let Some(cell) = waiting.pop() {
            let parents = cell.parents();
            if parents.is_empty() {
                roots.push(cell);
            } else {
                waiting.extend(parents.into_iter().map(|(parent, _)| parent).filter(|parent| seen.insert(parent.key())));
            }
        }
        roots
    }

    /// Names these parameters by their paths from the root above this cell.
    fn rename(&self, parameters: &HashSet<usize>) {
        for root in self.roots() {
            for (path, parameter) in root.parameters_and_names() {
                if parameters.contains(&parameter.key()) {
                    parameter.set_name(&path);
                }
            }
        }
    }
}

// ---- looking ----

impl Cell {
    pub fn context(&self) -> &Context {
        &self.0.context
    }
    /// What kind of cell it is: `Dense`, `Sequential`.
    pub fn kind(&self) -> &str {
        self.0.construct.kind()
    }
    /// Direct children with their names, in the order of insertion.
    pub fn children(&self) -> Vec<(String, Cell)> {
        self.0.structure.read().children.clone()
    }
    /// The child or the descendant at this path. Fails with NOT_FOUND.
    pub fn cell(&self, path: &str) -> Result<Cell> {
        let mut cell = self.clone();
        for name in path.split('.').filter(|_| !path.is_empty()) {
            let child = cell.0.structure.read().children.iter().find(|(known, _)| known == name).map(|(_, child)| child.clone());
            cell = child.ok_or_else(|| not_found(format!("there is no cell {path:?}"), cell.children().iter().map(|(name, _)| name)))?;
        }
        Ok(cell)
    }
    /// Parameters of this cell alone, with their names in it.
    pub fn own_parameters(&self) -> Vec<(String, Parameter)> {
        self.0.structure.read().parameters.clone()
    }
    /// All parameters with their paths from this cell: its own in the order of insertion, then each child's, depth first. A parameter that
    /// stands in several places comes once, by the first of them.
    pub fn parameters_and_names(&self) -> Vec<(String, Parameter)> {
        let mut seen = HashSet::new();
        let mut found = Vec::new();
        for (prefix, cell) in self.cells_and_names() {
            for (name, parameter) in &cell.0.structure.read().parameters {
                if seen.insert(parameter.key()) {
                    found.push((join(&prefix, name), parameter.clone()));
                }
            }
        }
        found
    }
    /// The parameters that training changes, in the order of [`Cell::parameters_and_names`].
    pub fn trainable_params(&self) -> Vec<Parameter> {
        self.parameters_and_names().into_iter().map(|(_, parameter)| parameter).filter(Parameter::requires_grad).collect()
    }
    /// The parameter at this path. Fails with NOT_FOUND.
    pub fn parameter(&self, path: &str) -> Result<Parameter> {
        let parameters = self.parameters_and_names();
        if let Some((_, parameter)) = parameters.iter().find(|(known, _)| known == path) {
            return Ok(parameter.clone());
        }
        // A shared parameter may be asked for by any of its places.
        let (cell, name) = path.rsplit_once('.').unwrap_or(("", path));
        let other = self.cell(cell).ok().and_then(|cell| {
            let structure = cell.0.structure.read();
            structure.parameters.iter().find(|(known, _)| known == name).map(|(_, parameter)| parameter.clone())
        });
        other.ok_or_else(|| not_found(format!("there is no parameter {path:?}"), parameters.iter().map(|(path, _)| path)))
    }
    /// This cell with the path "", then its children, depth first, each with its path from this cell. A cell that stands in several places
    /// comes once, by the first of them.
    pub fn cells_and_names(&self) -> Vec<(String, Cell)> {
        fn walk(cell: &Cell, path: &str, seen: &mut HashSet<usize>, found: &mut Vec<(String, Cell)>) {
            if !seen.insert(cell.key()) {
                return;
            }
            found.push((path.to_string(), cell.clone()));
            for (name, child) in cell.children() {
                walk(&child, &join(path, &name), seen, found);
            }
        }
        let mut found = Vec::new();
        walk(self, "", &mut HashSet::new(), &mut found);
        found
    }
    /// Tells cells apart: equal for clones only.
    pub fn key(&self) -> usize {
        Arc::as_ptr(&self.0) as usize
    }
}

// ---- training and inference ----

impl Cell {
    /// Whether gradients run this cell's forward pass again instead of keeping what it makes on the way (checkpointing): less memory for more
    /// work. Off by default. Programs that hold the cell are recorded anew.
    pub fn set_recompute(&self, recompute: bool) {
        let changed = {
            let _tree = self.0.context.tree().lock();
            let mut structure = self.0.structure.write();
            let changed = structure.recompute != recompute;
            structure.recompute = recompute;
            structure.version += changed as u64;
            changed
        };
        if changed {
            self.0.context.touch();
        }
    }
    /// Switches this cell and all below it to training (true) or inference (false).
    pub fn set_train(&self, training: bool) {
        let mut changed = false;
        for (_, cell) in self.cells_and_names() {
            changed |= cell.0.training.swap(training, Ordering::AcqRel) != training;
        }
        if changed {
            self.0.context.touch();
        }
    }
    /// Whether this cell is in training.
    pub fn training(&self) -> bool {
        self.0.training.load(Ordering::Acquire)
    }
    /// [`Cell::training`], on which the graph depends from here on.
    pub fn training_in(&self, g: &mut Trace) -> bool {
        let value = self.training();
        g.depends_on(Arc::new(Training { cell: self.clone(), value }));
        value
    }
}

// ---- recording ----

impl Cell {
    /// Records the forward graph of this cell on `inputs`. Nodes and errors carry its path. On failure, which sticks to `g`, the
    /// outputs are invalid values or none.
    pub fn call(&self, g: &mut Trace, inputs: &[Value]) -> Vec<Value> {
        if g.error().is_some() {
            return Vec::new();
        }
        let scope = g.enter_cell(self.key(), self.path_in(g));
        let outer = &g.cells()[..g.cells().len() - 1];
        if outer.contains(&self.key()) {
            g.fail(Error::new(Status::Busy, "the cell calls itself while it is being recorded"));
            g.leave(scope);
            return Vec::new();
        }
        let version = self.0.structure.read().version;
        g.depends_on(Arc::new(StructureVersion { cell: self.clone(), version }));
        if self.0.construct.depends_on_training() {
            self.training_in(g);
        }
        let outputs = self.construct(g, inputs);
        let foreign = outputs.iter().position(|output| !g.contains(*output));
        if let Some(position) = foreign
            && g.error().is_none()
        {
            g.fail(Error::invalid(format!("output {position} of {} is not a value of this graph", self.kind())));
        }
        g.leave(scope);
        outputs
    }

    /// The outputs, as the cell wants them differentiated.
    fn construct(&self, g: &mut Trace, inputs: &[Value]) -> Vec<Value> {
        let rule = self.0.construct.gradient();
        let recompute = self.0.structure.read().recompute;
        if rule.is_none() && !recompute {
            return self.0.construct.construct(self, g, inputs);
        }
        let record = |g: &mut Trace, inputs: &[Value]| {
            let outputs = self.0.construct.construct(self, g, inputs);
            g.check().map(|()| outputs)
        };
        let outputs = match rule {
            Some(rule) => g.custom_gradient(self.kind(), inputs, rule, record),
            None => g.recompute(inputs, record),
        };
        outputs.unwrap_or_else(|error| {
            if g.error().is_none() {
                g.fail(error);
            }
            Vec::new()
        })
    }

    /// [`Cell::call`] of a cell with one output.
    pub fn call_one(&self, g: &mut Trace, inputs: &[Value]) -> Value {
        let outputs = self.call(g, inputs);
        match outputs[..] {
            [output] => output,
            _ if g.error().is_some() => Value::INVALID,
            _ => g.fail(Error::invalid(format!("{} has {} outputs where one is wanted", self.kind(), outputs.len()))),
        }
    }

    /// The place of this cell as seen from what is being recorded: below the calling cell where it is its child, else from its root.
    fn path_in(&self, g: &Trace) -> Vec<String> {
        let mut path = Vec::new();
        let caller = g.cells().last().copied();
        let parents = self.parents();
        if let Some((_, name)) = parents.iter().find(|(parent, _)| Some(parent.key()) == caller) {
            path.extend_from_slice(g.scope());
            path.push(name.clone());
            return path;
        }
        let mut place = parents.into_iter().next();
        while let Some((parent, name)) = place {
            path.push(name);
            place = parent.parents().into_iter().next();
        }
        path.reverse();
        path
    }
}

impl PartialEq for Cell {
    fn eq(&self, other: &Cell) -> bool {
        Arc::ptr_eq(&self.0, &other.0)
    }
}
impl Eq for Cell {}

/// The tree, one line for each cell and parameter.
impl fmt::Debug for Cell {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (path, cell) in self.cells_and_names() {
            let mode = if cell.training() { "training" } else { "inference" };
            writeln!(f, "{}: {} ({mode})", if path.is_empty() { "." } else { &path }, cell.kind())?;
            for (name, parameter) in cell.own_parameters() {
                writeln!(f, "    {name}: {}{}", parameter.ty(), if parameter.requires_grad() { "" } else { ", frozen" })?;
            }
        }
        Ok(())
    }
}

struct Training {
    cell: Cell,
    value: bool,
}
impl Dependency for Training {
    fn key(&self) -> (usize, u64) {
        (self.cell.key(), self.value as u64)
    }
    fn holds(&self) -> bool {
        self.cell.training() == self.value
    }
}

struct StructureVersion {
    cell: Cell,
    version: u64,
}
impl Dependency for StructureVersion {
    fn key(&self) -> (usize, u64) {
        // Versions begin at 1: 0 and 1 are the training flag's.
        (self.cell.key(), self.version + 1)
    }
    fn holds(&self) -> bool {
        self.cell.0.structure.read().version == self.version
    }
}

/// The longest chain from `cell` along `next`, counted in cells; each cell is looked at once.
fn depth(cell: &Cell, next: &dyn Fn(&Cell) -> Vec<Cell>, known: &mut HashMap<usize, usize>) -> usize {
    if let Some(depth) = known.get(&cell.key()) {
        return *depth;
    }
    let longest = 1 + next(cell).iter().map(|cell| depth(cell, next, known)).max().unwrap_or(0);
    known.insert(cell.key(), longest);
    longest
}

fn join(path: &str, name: &str) -> String {
    if path.is_empty() { name.to_string() } else { format!("{path}.{name}") }
}

fn not_found<'a>(text: String, known: impl Iterator<Item = &'a String>) -> Error {
    let known: Vec<&str> = known.map(String::as_str).take(20).collect();
    Error::new(Status::NotFound, if known.is_empty() { text } else { format!("{text}; there are {}", known.join(", ")) })
}
