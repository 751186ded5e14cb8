//! Graphs inside nodes: recording them, and putting them in the place of their node.

use crate::error::{Error, Result};
use crate::ir::{Call, CallGradient, Graph, HostCall, HostFunction, Op, Scan, Shared, Type, Value, Variable};
use crate::ops::Trace;
use crate::ops::rules::Contribution;
use crate::tensor::{Shape, Tensor};
use std::sync::Arc;

/// A gradient rule that is no operation's.
pub trait CustomGradient: Send + Sync {
    /// Records what the inputs of a call are handed when its outputs are asked for with `dy`: one value of the type of each input, or `None` for one
    /// that gets nothing. Outputs that nobody asks for have zeros.
    fn record(&self, g: &mut Trace, inputs: &[Value], outputs: &[Value], dy: &[Value]) -> Result<Vec<Option<Value>>>;
}

/// The rule of a call, if it has one of its own.
pub fn custom_gradient(call: &Call) -> Option<&Arc<dyn CustomGradient>> {
    match &call.gradient {
        CallGradient::Recompute => None,
        CallGradient::Custom(rule) => rule.downcast_ref(),
    }
}

/// A graph on its own, made from a recording: what it took from outside stands behind the inputs that were asked for, what it assigned behind
/// the outputs.
pub struct Region {
    pub body: Graph,
    pub inputs: usize,
    pub outputs: usize,
    /// Variables that it reads or assigns, one input each.
    pub variables: Vec<Variable>,
    /// The variables that it assigns, as positions in `variables`, one output each.
    pub assigned: Vec<usize>,
    /// Tensors that are part of the graph, one input each, behind the variables.
    pub constants: Vec<Tensor>,
}

pub(super) fn infer_after(inputs: &[Type]) -> Result<Type> {
    inputs.first().copied().ok_or_else(|| Error::invalid("of nothing"))
}

fn check_inputs(body: &Graph, inputs: &[Type], given: impl Fn(usize, Type) -> Result<Type>) -> Result<()> {
    if inputs.len() != body.inputs.len() {
        return Err(Error::invalid(format!("takes {} operands, not {}", body.inputs.len(), inputs.len())));
    }
    for (position, (input, ty)) in body.inputs.iter().zip(inputs).enumerate() {
        let (given, wanted) = (given(position, *ty)?, body.ty(*input));
        if given != wanted {
            return Err(Error::shape(format!("operand {position} is {given}, not {wanted}")));
        }
    }
    Ok(())
}

pub(super) fn infer_call(call: &Call, inputs: &[Type]) -> Result<Vec<Type>> {
    check_inputs(&call.body, inputs, |_, ty| Ok(ty))?;
    Ok(call.body.outputs.iter().map(|output| call.body.ty(*output)).collect())
}

pub(super) fn infer_scan(scan: &Scan, inputs: &[Type]) -> Result<Vec<Type>> {
    let Scan { body, length, carries, slices, .. } = scan;
    check_inputs(body, inputs, |position, ty| match ty.shape.dims() {
        _ if position < *carries || position >= carries + slices => Ok(ty),
        [first, rest @ ..] if first == length => Ok(Type::new(ty.dtype, Shape::new(rest)?)),
        _ => Err(Error::shape(format!("operand {position} is {ty}, not one element for each of {length} steps"))),
    })?;
    for position in 0..*carries {
        let (before, after) = (body.ty(body.inputs[position]), body.ty(body.outputs[position]));
        if before != after {
            return Err(Error::shape(format!("carry {position} goes in as {before} and comes out as {after}")));
        }
    }
    let all = body.outputs.iter().copied().chain((0..body.nodes.len()).map(Value::from_index));
    all.enumerate()
        .map(|(number, value)| {
            let ty = body.ty(value);
            if number < *carries { Ok(ty) } else { stacked(ty, *length) }
        })
        .collect()
}

fn stacked(ty: Type, length: usize) -> Result<Type> {
    // What has eight dimensions has no stack, and what has several results none either.
    let dims = [&[length], ty.shape.dims()].concat();
    Ok(Type::new(ty.dtype, Shape::new(&dims).unwrap_or(Shape::EMPTY)))
}

pub(super) fn infer_host(call: &HostCall) -> Result<Vec<Type>> {
    Ok(call.results.clone())
}

pub(super) fn gradient_after(dy: Value) -> Contribution {
    Contribution::One(dy)
}

impl Trace {
    /// x, once `others` are there: what is made from the result does not run before them.
    pub fn after(&mut self, x: Value, others: &[Value]) -> Value {
        self.push(Op::After, &[&[x], others].concat())
    }

    /// Records a graph of its own, whose inputs have these types, in the same place. Values of this graph are no values of that one.
    pub fn region(&mut self, types: &[Type], record: impl FnOnce(&mut Trace, &[Value]) -> Result<Vec<Value>>) -> Result<Region> {
        self.check()?;
        let mut inner = self.nested();
        let inputs: Vec<Value> = types.iter().map(|ty| inner.input(*ty)).collect();
        let outputs = record(&mut inner, &inputs);
        self.region_of(inner, types.len(), outputs)
    }
    /// The end of [`Trace::region`], which is long, and once for all that records.
    fn region_of(&mut self, mut inner: Trace, inputs: usize, outputs: Result<Vec<Value>>) -> Result<Region> {
        inner.check()?;
        let outputs = outputs?;
        for dependency in inner.take_dependencies() {
            self.depends_on(dependency);
        }
        let count = outputs.len();
        let mut body = inner.finish(&outputs)?;
        let variables = std::mem::take(&mut body.variables);
        let assignments = std::mem::take(&mut body.assignments);
        let mut assigned = Vec::with_capacity(assignments.len());
        for (id, value) in assignments {
            assigned.push(id.0 as usize);
            body.outputs.push(value);
        }
        // Reads and constants become inputs: the first node of each where it stands, others by another name for it.
        let mut places: Vec<Option<Value>> = vec![None; variables.len()];
        for index in 0..body.nodes.len() {
            if let Op::Read(id) = body.nodes[index].op {
                places[id.0 as usize] = Some(Value::from_index(index));
            }
        }
        for (variable, place) in variables.iter().zip(places) {
            let op = Op::Input(body.inputs.len() as u32);
            let value = match place {
                Some(place) => {
                    body.nodes[place.index()].op = op;
                    place
                }
                None => body.append(op, Vec::new(), variable.ty(), 0)?,
            };
            body.inputs.push(value);
        }
        let mut constants = Vec::new();
        for index in 0..body.nodes.len() {
            if let Op::ConstantTensor(tensor) = &body.nodes[index].op {
                constants.push(tensor.clone());
                body.nodes[index].op = Op::Input(body.inputs.len() as u32);
                body.inputs.push(Value::from_index(index));
            }
        }
        Ok(Region { body, inputs, outputs: count, variables, assigned, constants })
    }

    /// What a region takes from outside, as values of this graph.
    fn captured(&mut self, region: &Region) -> (Vec<Value>, Vec<Value>) {
        let variables = region.variables.iter().map(|variable| self.read_settled(variable)).collect();
        let constants = region.constants.iter().map(|tensor| self.constant(tensor)).collect();
        (variables, constants)
    }

    /// The results of `record` on `inputs`, as one node with a gradient of its own making. Variables that `record` assigns are assigned.
    pub fn call(
        &mut self,
        name: &str,
        inputs: &[Value],
        gradient: CallGradient,
        record: impl FnOnce(&mut Trace, &[Value]) -> Result<Vec<Value>>,
    ) -> Result<Vec<Value>> {
        self.check_values(inputs, name)?;
        let types: Vec<Type> = inputs.iter().map(|input| self.ty(*input)).collect();
        let region = self.region(&types, record)?;
        self.call_of(name, inputs, gradient, region)
    }
    fn call_of(&mut self, name: &str, inputs: &[Value], gradient: CallGradient, region: Region) -> Result<Vec<Value>> {
        let (variables, constants) = self.captured(&region);
        let operands = [inputs, &variables, &constants].concat();
        let (outputs, assigned) = (region.outputs, region.assigned);
        let call = Call { name: name.to_string(), body: region.body, inputs: inputs.len(), outputs, gradient };
        let node = self.push(Op::Call(Shared::new(call)), &operands);
        let results: Vec<Value> = (0..outputs + assigned.len()).map(|number| self.part(node, number)).collect();
        for (variable, value) in assigned.iter().zip(&results[outputs..]) {
            self.assign(&region.variables[*variable], *value);
        }
        self.check()?;
        Ok(results[..outputs].to_vec())
    }

    /// The results of `record` on `inputs`, with this gradient. Parameters that `record` reads get no gradient through it, as in MindSpore's `bprop`.
    pub fn custom_gradient(
        &mut self,
        name: &str,
        inputs: &[Value],
        rule: Arc<dyn CustomGradient>,
        record: impl FnOnce(&mut Trace, &[Value]) -> Result<Vec<Value>>,
    ) -> Result<Vec<Value>> {
        self.call(name, inputs, CallGradient::Custom(Arc::new(rule)), record)
    }

    /// The results of `record` on `inputs`; the gradient runs `record` again instead of keeping what it makes on the way (checkpointing).
    pub fn recompute(&mut self, inputs: &[Value], record: impl FnOnce(&mut Trace, &[Value]) -> Result<Vec<Value>>) -> Result<Vec<Value>> {
        self.call("recompute", inputs, CallGradient::Recompute, record)
    }

    /// Runs `record` `length` times: with the carries, element t of the first dimension of each of `slices`, and `constants`. It returns the carries
    /// for the next step (`carries.len()` of them, of the same types), then results that are stacked along a new first dimension.
    ///
    /// Returns the last carries, then the stacks. With `reverse`, t counts down. A variable that `record` assigns (a generator that it draws
    /// from, moving statistics) is carried from step to step. The gradient keeps what it needs of each step, and is a loop as well.
    pub fn scan(
        &mut self,
        length: usize,
        reverse: bool,
        [carries, slices, constants]: [&[Value]; 3],
        record: impl FnOnce(&mut Trace, &[Value]) -> Result<Vec<Value>>,
    ) -> Result<Vec<Value>> {
        let parts = [carries, slices, constants];
        let types = self.scan_types(length, parts)?;
        let region = self.region(&types, record)?;
        self.scan_of(length, reverse, parts, &types, region)
    }
    /// The types of what goes into a step.
    fn scan_types(&mut self, length: usize, [carries, slices, constants]: [&[Value]; 3]) -> Result<Vec<Type>> {
        self.check_values(&[carries, slices, constants].concat(), "scan")?;
        let mut types: Vec<Type> = carries.iter().map(|carry| self.ty(*carry)).collect();
        for (position, slice) in slices.iter().enumerate() {
            let ty = self.ty(*slice);
            match ty.shape.dims() {
                [first, rest @ ..] if *first == length => types.push(Type::new(ty.dtype, Shape::new(rest)?)),
                _ => return Err(Error::shape(format!("scan: slice {position} is {ty}, its first dimension is not {length} steps"))),
            }
        }
        types.extend(constants.iter().map(|constant| self.ty(*constant)));
        Ok(types)
    }
    fn scan_of(
        &mut self,
        length: usize,
        reverse: bool,
        [carries, slices, constants]: [&[Value]; 3],
        types: &[Type],
        region: Region,
    ) -> Result<Vec<Value>> {
        if region.outputs < carries.len() {
            return Err(Error::invalid(format!("scan: {} carries go in, {} values come out", carries.len(), region.outputs)));
        }
        for (position, ty) in types[..carries.len()].iter().enumerate() {
            let after = region.body.ty(region.body.outputs[position]);
            if after != *ty {
                return Err(Error::shape(format!("scan: carry {position} goes in as {ty} and comes out as {after}")));
            }
        }
        let (variables, tensors) = self.captured(&region);
        // Assigned variables are carries, the others constants.
        let is_assigned = |position: &usize| region.assigned.contains(position);
        let read: Vec<usize> = (0..variables.len()).filter(|position| !is_assigned(position)).collect();
        let first = types.len();
        let order: Vec<usize> = (0..carries.len())
            .chain(region.assigned.iter().map(|position| first + position))
            .chain(carries.len()..first)
            .chain(read.iter().map(|position| first + position))
            .chain(first + variables.len()..region.body.inputs.len())
            .collect();
        let operands: Vec<Value> = carries
            .iter()
            .copied()
            .chain(region.assigned.iter().map(|position| variables[*position]))
            .chain(slices.iter().copied())
            .chain(constants.iter().copied())
            .chain(read.iter().map(|position| variables[*position]))
            .chain(tensors)
            .collect();
        let mut body = region.body;
        let state = body.outputs.split_off(region.outputs);
        let stacks = body.outputs.split_off(carries.len());
        let all_carries = carries.len() + state.len();
        body.outputs.extend(state);
        body.outputs.extend(&stacks);
        reorder_inputs(&mut body, &order);
        let scan = Scan { body, length, carries: all_carries, slices: slices.len(), reverse };
        let node = self.push(Op::Scan(Shared::new(scan)), &operands);
        let results: Vec<Value> = (0..all_carries + stacks.len()).map(|number| self.part(node, number)).collect();
        for (position, value) in region.assigned.iter().zip(&results[carries.len()..all_carries]) {
            self.assign(&region.variables[*position], *value);
        }
        self.check()?;
        Ok([&results[..carries.len()], &results[all_carries..]].concat())
    }

    /// The results of a function of the host. It has no gradient: [`Trace::custom_gradient`] around it gives it one.
    pub fn host_call(&mut self, function: &Arc<dyn HostFunction>, inputs: &[Value]) -> Result<Vec<Value>> {
        self.check_values(inputs, function.name())?;
        let types: Vec<Type> = inputs.iter().map(|input| self.ty(*input)).collect();
        let results = function.infer(&types).map_err(|error| error.within(function.name()))?;
        let count = results.len();
        let node = self.push(Op::Host(Shared::new(HostCall { function: function.clone(), results })), inputs);
        let results = (0..count).map(|number| self.part(node, number)).collect();
        self.check()?;
        Ok(results)
    }

    fn check_values(&mut self, values: &[Value], name: &str) -> Result<()> {
        self.check()?;
        match values.iter().position(|value| !self.contains(*value)) {
            Some(position) => Err(Error::invalid(format!("{name}: operand {position} is not a value of this graph"))),
            None => Ok(()),
        }
    }

    /// Records the nodes of `body` here, with `inputs` for its inputs: the value of each of them.
    pub fn replay(&mut self, body: &Graph, inputs: &[Value]) -> Vec<Value> {
        let mut values: Vec<Value> = Vec::with_capacity(body.nodes.len());
        for node in &body.nodes {
            let value = match &node.op {
                Op::Input(position) => inputs[*position as usize],
                op => {
                    let place = self.enter_path(&body.paths[node.path as usize]);
                    let operands: Vec<Value> = node.inputs.iter().map(|input| values[input.index()]).collect();
                    let value = self.push_leaf_or(op, &operands, node.ty);
                    self.leave_path(place);
                    value
                }
            };
            values.push(value);
        }
        values
    }
}

/// Gives the graph's inputs the order in which `order` names them.
pub(crate) fn reorder_inputs(graph: &mut Graph, order: &[usize]) {
    graph.inputs = order.iter().map(|position| graph.inputs[*position]).collect();
    for (position, value) in graph.inputs.iter().enumerate() {
        graph.nodes[value.index()].op = Op::Input(position as u32);
    }
}
