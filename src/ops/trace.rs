//! Recording: a graph that grows, with errors that stick and places that they name.

use crate::error::{Error, Result, Status};
use crate::ir::{Graph, Literal, Op, Type, Value, Variable, VariableId};
use crate::ops::rules;
use crate::tensor::{DType, Shape, Tensor, decode, encode};
use std::collections::{HashMap, HashSet};
use std::sync::Arc;

/// Something outside the graph that decided what was recorded: a training flag, the children of a cell, whether a parameter is trained.
pub trait Dependency: Send + Sync {
    /// What was looked at and what was seen there: equal keys say the same, and one of them is kept.
    fn key(&self) -> (usize, u64);
    /// Whether it is as it was when the graph was recorded.
    fn holds(&self) -> bool;
}

/// A graph that is being recorded.
///
/// Each method pushes nodes and returns a [`Value`]. The first failure sticks: it is kept with the name of the operation and
/// the path of the cell, every later method that touches its result returns [`Value::INVALID`], and [`Trace::finish`]
/// reports it.
pub struct Trace {
    graph: Graph,
    error: Option<Error>,
    /// Names of the cells that are being recorded, outermost first.
    scope: Vec<String>,
    path: u32,
    ids: HashMap<usize, VariableId>,
    /// What each variable holds at this point of the recording.
    current: Vec<Option<Value>>,
    /// Words that random nodes have taken from each generator.
    drawn: Vec<u64>,
    /// Keys of the cells that are being recorded, outermost first.
    cells: Vec<usize>,
    dependencies: Vec<Arc<dyn Dependency>>,
    known_dependencies: HashSet<(usize, u64)>,
    /// What a layer above knows this recording by; 0 as long as none does.
    tag: u64,
}

/// What was being recorded before a nested recording began; see [`Trace::enter`].
pub struct Scope {
    names: Vec<String>,
    cells: usize,
}

impl Default for Trace {
    fn default() -> Trace {
        Trace::new()
    }
}

impl Trace {
    pub fn new() -> Trace {
        Trace {
            graph: Graph::new(),
            error: None,
            scope: Vec::new(),
            path: 0,
            ids: HashMap::new(),
            current: Vec::new(),
            drawn: Vec::new(),
            cells: Vec::new(),
            dependencies: Vec::new(),
            known_dependencies: HashSet::new(),
            tag: 0,
        }
    }

    // ---- what was recorded ----

    pub fn graph(&self) -> &Graph {
        &self.graph
    }
    /// The number of nodes so far: a mark for what is recorded after it.
    pub fn mark(&self) -> usize {
        self.graph.nodes.len()
    }
    pub fn contains(&self, value: Value) -> bool {
        value.index() < self.graph.nodes.len()
    }
    pub fn ty(&self, value: Value) -> Type {
        if self.contains(value) { self.graph.ty(value) } else { Type::new(DType::F32, Shape::SCALAR) }
    }
    pub fn shape(&self, value: Value) -> Shape {
        self.ty(value).shape
    }
    pub fn dims(&self, value: Value) -> Vec<usize> {
        self.ty(value).shape.dims().to_vec()
    }
    pub fn rank(&self, value: Value) -> usize {
        self.ty(value).shape.rank()
    }
    pub fn dtype(&self, value: Value) -> DType {
        self.ty(value).dtype
    }
    pub fn variables(&self) -> &[Variable] {
        &self.graph.variables
    }

    /// What [`Trace::set_tag`] was told last; 0 before.
    pub(crate) fn tag(&self) -> u64 {
        self.tag
    }
    /// A number by which a layer above recognizes this recording when it comes back from code that only passed it on.
    pub(crate) fn set_tag(&mut self, tag: u64) {
        self.tag = tag;
    }

    // ---- errors ----

    /// The failure that sticks, if there is one.
    pub fn error(&self) -> Option<&Error> {
        self.error.as_ref()
    }
    /// Makes `error` stick, unless an earlier one does. Its text gets the path of the cell being recorded.
    pub fn fail(&mut self, error: Error) -> Value {
        if self.error.is_none() {
            let path = self.graph.paths[self.path as usize].clone();
            self.error = Some(error.within(&path));
        }
        Value::INVALID
    }
    /// The result's value, or the failure made to stick.
    pub fn settle(&mut self, result: Result<Value>) -> Value {
        result.unwrap_or_else(|error| self.fail(error))
    }
    pub fn check(&self) -> Result<()> {
        self.error.clone().map_or(Ok(()), Err)
    }

    // ---- places ----

    /// Enters the cell `name`: nodes and errors from here on carry its path, until [`Trace::leave`].
    pub fn enter(&mut self, name: &str) -> Scope {
        let scope = Scope { names: self.scope.clone(), cells: self.cells.len() };
        if !name.is_empty() {
            self.scope.push(name.to_string());
        }
        self.set_path();
        scope
    }
    /// Enters the cell that `key` stands for, at `path` from the root of its tree.
    pub(crate) fn enter_cell(&mut self, key: usize, path: Vec<String>) -> Scope {
        let scope = Scope { names: std::mem::replace(&mut self.scope, path), cells: self.cells.len() };
        self.cells.push(key);
        self.set_path();
        scope
    }
    pub fn leave(&mut self, scope: Scope) {
        self.scope = scope.names;
        self.cells.truncate(scope.cells);
        self.set_path();
    }
    /// Names of the cells that are being recorded, outermost first.
    pub(crate) fn scope(&self) -> &[String] {
        &self.scope
    }
    /// Keys of the cells that are being recorded, outermost first.
    pub(crate) fn cells(&self) -> &[usize] {
        &self.cells
    }
    fn set_path(&mut self) {
        self.path = self.path_index(&self.scope.join("."));
    }
    fn path_index(&mut self, path: &str) -> u32 {
        let known = self.graph.paths.iter().position(|known| known == path);
        known.unwrap_or_else(|| {
            self.graph.paths.push(path.to_string());
            self.graph.paths.len() - 1
        }) as u32
    }
    /// A recording of its own in the same place.
    pub(super) fn nested(&self) -> Trace {
        let mut inner = Trace::new();
        inner.scope = self.scope.clone();
        inner.cells = self.cells.clone();
        inner.set_path();
        inner
    }
    /// Nodes from here on carry `path`, until [`Trace::leave_path`] gets what this returns.
    pub(crate) fn enter_path(&mut self, path: &str) -> u32 {
        let index = self.path_index(path);
        std::mem::replace(&mut self.path, index)
    }
    /// Nodes from here on carry the path of `value`, until [`Trace::leave_path`] gets what this returns.
    pub(crate) fn enter_path_of(&mut self, value: Value) -> u32 {
        std::mem::replace(&mut self.path, self.graph.node(value).path)
    }
    pub(crate) fn leave_path(&mut self, path: u32) {
        self.path = path;
    }

    // ---- pushing ----

    /// Pushes a primitive after checking it by its shape rule.
    pub fn push(&mut self, op: Op, inputs: &[Value]) -> Value {
        if let Some(bad) = inputs.iter().find(|value| !self.contains(**value)) {
            if self.error.is_none() {
                let name = op.name();
                let text = if bad.is_valid() { "an operand belongs to another graph" } else { "an operand is not a value of this graph" };
                return self.fail(Error::invalid(format!("{name}: {text}")));
            }
            return Value::INVALID;
        }
        let result = rules::infer_in(&self.graph, &op, inputs).map_err(|error| error.within(op.name()));
        match result {
            Ok(ty) => {
                let pushed = self.graph.append(op, inputs.to_vec(), ty, self.path);
                self.settle(pushed)
            }
            Err(error) => self.fail(error),
        }
    }
    /// Result `number` of an operation that has several.
    pub fn part(&mut self, of: Value, number: usize) -> Value {
        self.push(Op::Part(number as u32), &[of])
    }
    /// [`Trace::push`] for any node of another graph: leaves have the type that they have there.
    pub(crate) fn push_leaf_or(&mut self, op: &Op, inputs: &[Value], ty: Type) -> Value {
        match op {
            Op::Constant(_) | Op::ConstantTensor(_) => {
                let pushed = self.graph.append(op.clone(), Vec::new(), ty, self.path);
                self.settle(pushed)
            }
            _ => self.push(op.clone(), inputs),
        }
    }
    /// A new input of the graph.
    pub fn input(&mut self, ty: Type) -> Value {
        let position = self.graph.inputs.len() as u32;
        let pushed = self.graph.append(Op::Input(position), Vec::new(), ty, self.path);
        let value = self.settle(pushed);
        self.graph.inputs.push(value);
        value
    }
    /// A scalar. Its value is rounded to the dtype.
    pub fn scalar(&mut self, dtype: DType, value: f64) -> Value {
        let rounded = decode(dtype, &encode(dtype, value)[..dtype.size()]);
        let literal = match dtype {
            // Beyond 2^53 the number behind the rounding is not the integer.
            DType::I64 => Literal::Int(value as i64),
            DType::Bool | DType::U8 | DType::I32 => Literal::Int(rounded as i64),
            DType::F64 | DType::F32 | DType::F16 | DType::BF16 => Literal::Float(rounded),
        };
        self.literal(dtype, literal)
    }
    /// A scalar integer, exact beyond 2^53.
    pub fn integer(&mut self, dtype: DType, value: i64) -> Value {
        match dtype {
            DType::I64 => self.literal(dtype, Literal::Int(value)),
            _ => self.scalar(dtype, value as f64),
        }
    }
    fn literal(&mut self, dtype: DType, literal: Literal) -> Value {
        let pushed = self.graph.append(Op::Constant(literal), Vec::new(), Type::new(dtype, Shape::SCALAR), self.path);
        self.settle(pushed)
    }
    /// A tensor that is part of the graph. Later writes to it are seen by programs.
    pub fn constant(&mut self, tensor: &Tensor) -> Value {
        let ty = Type::new(tensor.dtype(), *tensor.shape());
        let pushed = self.graph.append(Op::ConstantTensor(tensor.clone()), Vec::new(), ty, self.path);
        self.settle(pushed)
    }

    // ---- variables ----

    /// The value that the variable holds at this point.
    pub fn read(&mut self, variable: &Variable) -> Value {
        let id = self.id(variable);
        if let Some(value) = self.current[id.0 as usize] {
            return value;
        }
        let pushed = self.graph.append(Op::Read(id), Vec::new(), variable.ty(), self.path);
        let value = self.settle(pushed);
        self.current[id.0 as usize] = Some(value);
        value
    }
    /// From here on the variable holds `value`, in this graph at once and outside when the program has run.
    pub fn assign(&mut self, variable: &Variable, value: Value) {
        if !self.contains(value) {
            if self.error.is_none() {
                self.fail(Error::invalid(format!("assign to {}: not a value of this graph", variable.name())));
            }
            return;
        }
        if self.graph.ty(value) != variable.ty() {
            let status = if self.dtype(value) == variable.ty().dtype { Status::ShapeMismatch } else { Status::DtypeMismatch };
            let text = format!("assign to {}: it holds {}, not {}", variable.name(), variable.ty(), self.graph.ty(value));
            self.fail(Error::new(status, text));
            return;
        }
        let id = self.id(variable);
        self.current[id.0 as usize] = Some(value);
        match self.graph.assignments.iter_mut().find(|(known, _)| *known == id) {
            Some(entry) => entry.1 = value,
            None => self.graph.assignments.push((id, value)),
        }
    }
    fn id(&mut self, variable: &Variable) -> VariableId {
        if let Some(id) = self.ids.get(&variable.key()) {
            return *id;
        }
        let id = VariableId(self.graph.variables.len() as u32);
        self.graph.variables.push(variable.clone());
        self.current.push(None);
        self.drawn.push(0);
        self.ids.insert(variable.key(), id);
        id
    }
    /// [`Trace::read`] for code with a recording of its own: if the variable is a generator that was drawn from, the value is its state behind those
    /// words, and it is drawn from anew.
    pub(super) fn read_settled(&mut self, variable: &Variable) -> Value {
        let value = self.read(variable);
        let id = self.id(variable);
        match std::mem::take(&mut self.drawn[id.0 as usize]) {
            0 => value,
            words => {
                let advanced = self.advance(value, words);
                self.assign(variable, advanced);
                advanced
            }
        }
    }
    /// Takes `words` words of the generator whose state `variable` holds: the state's value and the first word's offset from it.
    pub(crate) fn draw(&mut self, variable: &Variable, words: u64) -> (Value, u64) {
        let state = self.read(variable);
        let id = self.id(variable);
        let start = self.drawn[id.0 as usize];
        self.drawn[id.0 as usize] = start + words;
        (state, start)
    }

    // ---- what else the graph depends on ----

    /// Says that what is recorded holds only as long as `dependency` does.
    pub fn depends_on(&mut self, dependency: Arc<dyn Dependency>) {
        if self.known_dependencies.insert(dependency.key()) {
            self.dependencies.push(dependency);
        }
    }
    /// Everything that was said to [`Trace::depends_on`].
    pub fn take_dependencies(&mut self) -> Vec<Arc<dyn Dependency>> {
        self.known_dependencies.clear();
        std::mem::take(&mut self.dependencies)
    }

    // ---- the end ----

    /// Ends the recording: `outputs` are what the graph returns. Fails with the error that stuck.
    pub fn finish(mut self, outputs: &[Value]) -> Result<Graph> {
        self.check()?;
        for index in 0..self.drawn.len() {
            if self.drawn[index] > 0 {
                let generator = self.graph.variables[index].clone();
                let state = self.read(&generator);
                let advanced = self.advance(state, self.drawn[index]);
                self.assign(&generator, advanced);
            }
        }
        self.check()?;
        if let Some(position) = outputs.iter().position(|value| !self.contains(*value)) {
            return Err(Error::invalid(format!("output {position} is not a value of this graph")));
        }
        self.graph.outputs = outputs.to_vec();
        Ok(self.graph)
    }
    /// The generator state [seed, stream, offset] with the offset moved on by `words`.
    fn advance(&mut self, state: Value, words: u64) -> Value {
        let position = self.iota(DType::I64, &[3], 0);
        let two = self.integer(DType::I64, 2);
        let is_offset = self.equal(position, two);
        let words = self.integer(DType::I64, words as i64);
        let none = self.integer(DType::I64, 0);
        let step = self.select(is_offset, words, none);
        self.add(state, step)
    }
}
