//! Batching: nodes that were recorded for one lane, recorded again for many lanes at once.
//!
//! A value that differs from lane to lane has the lanes as its first dimension; one that does not stays as it is. Each family of operations has
//! one rule; what has none runs lane by lane in a loop, which is right for everything. Random numbers are the same in every lane.

mod window;

use crate::error::{Error, Result, Status};
use crate::ir::{Call, CallGradient, Class, Graph, Linalg, Node, Op, Scan, Shared, Type, Value};
use crate::ops::{CustomGradient, Trace, custom_gradient};
use crate::tensor::Shape;
use std::collections::HashMap;
use std::sync::Arc;

/// A value for all lanes.
#[derive(Clone, Copy, Debug)]
pub struct Lanes {
    pub value: Value,
    /// Whether it has the lanes as its first dimension, or is the same in all of them.
    pub batched: bool,
}

impl Lanes {
    fn same(value: Value) -> Lanes {
        Lanes { value, batched: false }
    }
    fn each(value: Value) -> Lanes {
        Lanes { value, batched: true }
    }
}

/// A value that stands for one lane of `x`, whose lanes are its first dimension: for recording what [`batch_since`] then records for all.
pub fn stand_in(g: &mut Trace, x: Value) -> Value {
    let lane = g.narrow(x, 0, 0, 1);
    let lane = g.squeeze(lane, &[0]);
    g.identity(lane)
}

/// Records the nodes from `mark` on again for `lanes` lanes, as far as `wanted` needs them: with the second value of each of `given` for the
/// first, which stood for one lane of it.
pub fn batch_since(g: &mut Trace, mark: usize, lanes: usize, given: &[(Value, Value)], wanted: &[Value]) -> Result<Vec<Lanes>> {
    let end = g.mark();
    // Only what depends on a lane is recorded again, and only what is needed of that.
    let mut depends = vec![false; end];
    given.iter().for_each(|(one, _)| depends[one.index()] = true);
    for index in mark..end {
        depends[index] = depends[index] || g.graph().nodes[index].inputs.iter().any(|input| depends[input.index()]);
    }
    let mut needed = vec![false; end];
    wanted.iter().for_each(|value| needed[value.index()] = true);
    for index in (mark..end).rev() {
        if needed[index] && depends[index] {
            for input in g.graph().nodes[index].inputs.clone() {
                needed[input.index()] = true;
            }
        }
    }
    let mut b = Batch { g, lanes, known: HashMap::new(), several: HashMap::new() };
    for (one, all) in given {
        b.known.insert(*one, Lanes::each(*all));
    }
    for index in mark..end {
        let value = Value::from_index(index);
        if needed[index] && depends[index] && !b.known.contains_key(&value) {
            let node = b.g.graph().nodes[index].clone();
            let inputs: Vec<Lanes> = node.inputs.iter().map(|input| b.known.get(input).copied().unwrap_or(Lanes::same(*input))).collect();
            let place = b.g.enter_path_of(value);
            let made = b.node(value, &node, &inputs);
            b.g.leave_path(place);
            let made = made?;
            b.known.insert(value, made);
        }
    }
    b.g.check()?;
    Ok(wanted.iter().map(|value| b.known.get(value).copied().unwrap_or(Lanes::same(*value))).collect())
}

/// Records a graph for all lanes: the values of all of its nodes.
fn batch_body(g: &mut Trace, lanes: usize, body: &Graph, inputs: &[Lanes]) -> Result<Vec<Lanes>> {
    let mut b = Batch { g, lanes, known: HashMap::new(), several: HashMap::new() };
    let mut all = Vec::with_capacity(body.nodes.len());
    for (index, node) in body.nodes.iter().enumerate() {
        let value = Value::from_index(index);
        let made = match &node.op {
            Op::Input(position) => inputs[*position as usize],
            _ => {
                let operands: Vec<Lanes> = node.inputs.iter().map(|input| b.known[input]).collect();
                let place = b.g.enter_path(&body.paths[node.path as usize]);
                let made = b.node(value, node, &operands);
                b.g.leave_path(place);
                made?
            }
        };
        b.known.insert(value, made);
        all.push(made);
    }
    b.g.check()?;
    Ok(all)
}

struct Batch<'a> {
    g: &'a mut Trace,
    lanes: usize,
    known: HashMap<Value, Lanes>,
    /// The results of operations that have several.
    several: HashMap<Value, Several>,
}

enum Several {
    Results(Vec<Lanes>),
    /// A loop for all lanes, and for each result of the loop for one lane its number there, and whether it differs.
    Loop {
        node: Value,
        results: Vec<(usize, bool)>,
        carries: usize,
    },
}

impl Batch<'_> {
    /// Records what `node`, known as `value`, is for all lanes.
    fn node(&mut self, value: Value, node: &Node, x: &[Lanes]) -> Result<Lanes> {
        if let Op::Part(number) = node.op {
            return self.part(node.inputs[0], number as usize, x[0]);
        }
        if !x.iter().any(|x| x.batched) {
            let operands: Vec<Value> = x.iter().map(|x| x.value).collect();
            return Ok(Lanes::same(self.g.push_leaf_or(&node.op, &operands, node.ty)));
        }
        match &node.op {
            Op::Call(call) => self.call(value, call, x).map(|()| Lanes::same(Value::INVALID)),
            Op::Scan(scan) => self.scan(value, scan, x).map(|()| Lanes::same(Value::INVALID)),
            Op::Attention(of) | Op::AttentionGradient(of) if of.dropout == 0.0 => {
                let results = self.attention(&node.op, x);
                self.several.insert(value, Several::Results(results));
                Ok(Lanes::same(Value::INVALID))
            }
            Op::Linalg(op) if op.result_count().is_some() => {
                let all = self.matrices(*op, x);
                let count = op.result_count().unwrap_or(0);
                let results = (0..count).map(|number| Lanes::each(self.g.part(all, number))).collect();
                self.several.insert(value, Several::Results(results));
                Ok(Lanes::same(Value::INVALID))
            }
            op if op.result_count().is_some() => {
                let results = self.one_by_one(op, x)?;
                self.several.insert(value, Several::Results(results));
                Ok(Lanes::same(Value::INVALID))
            }
            op => self.operation(op, x, node.ty),
        }
    }

    fn part(&mut self, of: Value, number: usize, node: Lanes) -> Result<Lanes> {
        Ok(match self.several.get(&of) {
            Some(Several::Results(results)) => results[number],
            Some(Several::Loop { node, results, carries }) => {
                let ((new, batched), node, is_stack) = (results[number], *node, number >= *carries);
                let part = self.g.part(node, new);
                // A stack has the steps first, then the lanes.
                let part = if batched && is_stack { self.swap_first(part) } else { part };
                Lanes { value: part, batched }
            }
            // Its operation is the same in every lane.
            None => Lanes::same(self.g.part(node.value, number)),
        })
    }

    fn dims(&self, x: Lanes) -> Vec<usize> {
        let dims = self.g.dims(x.value);
        if x.batched { dims[1..].to_vec() } else { dims }
    }
    /// With the lanes as the first dimension, repeated if need be.
    fn spread(&mut self, x: Lanes) -> Value {
        if x.batched {
            return x.value;
        }
        let dims = self.g.dims(x.value);
        let axes: Vec<usize> = (1..=dims.len()).collect();
        self.g.broadcast_in(x.value, &[&[self.lanes], dims.as_slice()].concat(), &axes)
    }
    fn swap_first(&mut self, x: Value) -> Value {
        let order: Vec<usize> = [1, 0].into_iter().chain(2..self.g.rank(x)).collect();
        self.g.transpose(x, &order)
    }

    fn operation(&mut self, op: &Op, x: &[Lanes], ty: Type) -> Result<Lanes> {
        let up = |axes: &[u8]| axes.iter().map(|axis| axis + 1).collect::<Vec<u8>>();
        let front = |axes: &[u8]| std::iter::once(0).chain(axes.iter().map(|axis| axis + 1)).collect::<Vec<u8>>();
        let wide = |shape: &Shape| Shape::new(&[&[self.lanes], shape.dims()].concat());
        let first = |first: usize, rest: &[usize]| [&[first], rest].concat();
        let moved = match op {
            Op::Unary(_) | Op::Binary(_) | Op::Compare(_) | Op::Select | Op::Cast(_) => {
                let operands: Vec<Value> = x.iter().map(|x| self.spread(*x)).collect();
                return Ok(Lanes::each(self.g.push(op.clone(), &operands)));
            }
            Op::After => {
                let operands: Vec<Value> = x.iter().map(|x| x.value).collect();
                return Ok(Lanes { value: self.g.push(Op::After, &operands), batched: x[0].batched });
            }
            Op::Broadcast { shape, axes } => Op::Broadcast { shape: wide(shape)?, axes: front(axes) },
            Op::Reshape(shape) => Op::Reshape(wide(shape)?),
            Op::Transpose(permutation) => Op::Transpose(front(permutation)),
            Op::Slice { start, stop, step } => Op::Slice { start: first(0, start), stop: first(self.lanes, stop), step: first(1, step) },
            Op::Reverse(axes) => Op::Reverse(up(axes)),
            Op::Reduce { kind, axes } => Op::Reduce { kind: *kind, axes: up(axes) },
            Op::ArgMax(axis) => Op::ArgMax(axis + 1),
            Op::ArgMin(axis) => Op::ArgMin(axis + 1),
            Op::Concat(axis) => {
                let operands: Vec<Value> = x.iter().map(|x| self.spread(*x)).collect();
                return Ok(Lanes::each(self.g.push(Op::Concat(axis + 1), &operands)));
            }
            Op::Pad { low, high, interior } if !x[1].batched => {
                let pad = Op::Pad { low: first(0, low), high: first(0, high), interior: first(0, interior) };
                return Ok(Lanes::each(self.g.push(pad, &[x[0].value, x[1].value])));
            }
            Op::MatMul { transpose_a, transpose_b } => return Ok(Lanes::each(self.product(*transpose_a, *transpose_b, x[0], x[1]))),
            Op::Gather { axis } if !x[1].batched => {
                return Ok(Lanes::each(self.g.push(Op::Gather { axis: axis + 1 }, &[x[0].value, x[1].value])));
            }
            Op::Gather { axis } if !x[0].batched => {
                // The lanes come to stand where the positions do.
                let taken = self.g.push(op.clone(), &[x[0].value, x[1].value]);
                let (axis, rank) = (*axis as usize, self.g.rank(taken));
                let order: Vec<usize> = std::iter::once(axis).chain((0..rank).filter(|other| *other != axis)).collect();
                return Ok(Lanes::each(self.g.transpose(taken, &order)));
            }
            Op::Linalg(op) => return Ok(Lanes::each(self.matrices(*op, x))),
            Op::Window { .. } => return Ok(self.window(op, x)),
            Op::Convolution { role, window, groups } => return self.convolution(*role, window, *groups, [x[0], x[1]]),
            Op::ArgSort { axis, descending } => Op::ArgSort { axis: axis + 1, descending: *descending },
            Op::ArgTop { axis, count, largest } => Op::ArgTop { axis: axis + 1, count: *count, largest: *largest },
            Op::Cumulative { kind, axis, reverse } => Op::Cumulative { kind: *kind, axis: axis + 1, reverse: *reverse },
            Op::SearchSorted { .. } if !x[0].batched && self.g.rank(x[0].value) == 1 => {
                return Ok(Lanes::each(self.g.push(op.clone(), &[x[0].value, x[1].value])));
            }
            Op::SearchSorted { .. }
                if self.g.rank(x[0].value) == self.g.rank(x[1].value) + x[0].batched as usize - x[1].batched as usize =>
            {
                let operands: Vec<Value> = x.iter().map(|x| self.spread(*x)).collect();
                return Ok(Lanes::each(self.g.push(op.clone(), &operands)));
            }
            Op::TakeAlong { .. } | Op::Recurrence { .. } | Op::ScatterAlong { fill: None, .. } => {
                let up = match op {
                    Op::TakeAlong { axis } => Op::TakeAlong { axis: axis + 1 },
                    Op::Recurrence { axis, reverse } => Op::Recurrence { axis: axis + 1, reverse: *reverse },
                    Op::ScatterAlong { kind, axis, .. } => Op::ScatterAlong { kind: *kind, axis: axis + 1, fill: None },
                    other => other.clone(),
                };
                let operands: Vec<Value> = x.iter().map(|x| self.spread(*x)).collect();
                return Ok(Lanes::each(self.g.push(up, &operands)));
            }
            Op::ScatterAlong { kind, axis, fill: Some(shape) } if !x[0].batched => {
                let up = Op::ScatterAlong { kind: *kind, axis: axis + 1, fill: Some(wide(shape)?) };
                let (indices, updates) = (self.spread(x[1]), self.spread(x[2]));
                return Ok(Lanes::each(self.g.push(up, &[x[0].value, indices, updates])));
            }
            Op::Scatter { kind, axis, fill } if !x[1].batched && (fill.is_none() || !x[0].batched) => {
                let fill = fill.map(|shape| wide(&shape)).transpose()?;
                let base = if fill.is_some() { x[0].value } else { self.spread(x[0]) };
                let updates = self.spread(x[2]);
                let up = Op::Scatter { kind: *kind, axis: axis + 1, fill };
                return Ok(Lanes::each(self.g.push(up, &[base, x[1].value, updates])));
            }
            _ => {
                let mut results = self.one_by_one(op, x)?;
                return results.pop().ok_or_else(|| Error::internal(format!("{} of {ty} has no result", op.name())));
            }
        };
        Ok(Lanes::each(self.g.push(moved, &[x[0].value])))
    }

    /// A matrix product with the lanes as its first dimension; a single matrix on the right takes the lanes as more rows of the left.
    fn product(&mut self, transpose_a: bool, transpose_b: bool, a: Lanes, b: Lanes) -> Value {
        let (dims_a, dims_b) = (self.dims(a), self.dims(b));
        if let (false, false, true, &[rows, inner], &[b0, b1]) = (transpose_a, b.batched, a.batched, &dims_a[..], &dims_b[..]) {
            let tall = self.g.reshape(a.value, &[self.lanes * rows, inner]);
            let product = self.g.product(tall, b.value, false, transpose_b);
            return self.g.reshape(product, &[self.lanes, rows, if transpose_b { b0 } else { b1 }]);
        }
        let (a, b) = (self.spread(a), self.spread(b));
        self.g.product(a, b, transpose_a, transpose_b)
    }

    /// Linear algebra: the lanes are one more leading dimension.
    fn matrices(&mut self, op: Linalg, x: &[Lanes]) -> Value {
        let operands: Vec<Value> = x.iter().map(|x| self.spread(*x)).collect();
        self.g.push(Op::Linalg(op), &operands)
    }

    /// Attention without dropout (whose random words must be the same in all lanes): the lanes are one more leading dimension.
    fn attention(&mut self, op: &Op, x: &[Lanes]) -> Vec<Lanes> {
        let mask = if matches!(x.len(), 4 | 7) { 3 } else { usize::MAX };
        let operands: Vec<Value> = x
            .iter()
            .enumerate()
            // A mask is not repeated.
            .map(|(position, x)| if position == mask && !x.batched { self.g.unsqueeze(x.value, 0) } else { self.spread(*x) })
            .collect();
        let all = self.g.push(op.clone(), &operands);
        (0..op.result_count().unwrap_or(0)).map(|number| Lanes::each(self.g.part(all, number))).collect()
    }

    /// Any operation: a loop over the lanes.
    fn one_by_one(&mut self, op: &Op, x: &[Lanes]) -> Result<Vec<Lanes>> {
        let slices: Vec<Value> = x.iter().filter(|x| x.batched).map(|x| x.value).collect();
        let constants: Vec<Value> = x.iter().filter(|x| !x.batched).map(|x| x.value).collect();
        let batched: Vec<bool> = x.iter().map(|x| x.batched).collect();
        let results = self.g.scan(self.lanes, false, [&[], &slices, &constants], |g, given| {
            let (mut slices, mut constants) = (given[..slices.len()].iter(), given[slices.len()..].iter());
            let operands: Vec<Value> =
                batched.iter().filter_map(|batched| if *batched { slices.next() } else { constants.next() }.copied()).collect();
            let node = g.push(op.clone(), &operands);
            Ok(match op.result_count() {
                Some(count) => (0..count).map(|number| g.part(node, number)).collect(),
                None => vec![node],
            })
        })?;
        Ok(results.into_iter().map(Lanes::each).collect())
    }

    fn call(&mut self, value: Value, call: &Shared<Call>, x: &[Lanes]) -> Result<()> {
        let operands: Vec<Value> = x.iter().map(|x| x.value).collect();
        let batched: Vec<bool> = x.iter().map(|x| x.batched).collect();
        let gradient = match custom_gradient(call) {
            None => CallGradient::Recompute,
            Some(rule) => {
                let rule = BatchedRule { rule: rule.clone(), lanes: self.lanes, batched: batched[..call.inputs].to_vec() };
                CallGradient::Custom(Arc::new(Arc::new(rule) as Arc<dyn CustomGradient>))
            }
        };
        let lanes = self.lanes;
        let types: Vec<Type> = operands.iter().map(|operand| self.g.ty(*operand)).collect();
        let region = self.g.region(&types, |g, inputs| {
            let inputs: Vec<Lanes> =
                inputs.iter().zip(&batched).map(|(value, batched)| Lanes { value: *value, batched: *batched }).collect();
            let all = batch_body(g, lanes, &call.body, &inputs)?;
            let mut b = Batch { g, lanes, known: HashMap::new(), several: HashMap::new() };
            Ok(call.body.outputs.iter().map(|output| b.spread(all[output.index()])).collect())
        })?;
        let count = region.body.outputs.len();
        let inner = Call { name: call.name.clone(), body: region.body, inputs: call.inputs, outputs: call.outputs, gradient };
        let node = self.g.push(Op::Call(Shared::new(inner)), &operands);
        let results = (0..count).map(|number| Lanes::each(self.g.part(node, number))).collect();
        self.several.insert(value, Several::Results(results));
        Ok(())
    }

    fn scan(&mut self, value: Value, scan: &Scan, x: &[Lanes]) -> Result<()> {
        let (body, lanes) = (&scan.body, self.lanes);
        // A carry that one step makes differ from lane to lane differs from the start.
        let mut batched: Vec<bool> = x.iter().map(|x| x.batched).collect();
        loop {
            let differs = differing(body, &batched);
            let spreads = (0..scan.carries).filter(|position| differs[body.outputs[*position].index()] && !batched[*position]);
            let spreads: Vec<usize> = spreads.collect();
            if spreads.is_empty() {
                break;
            }
            spreads.into_iter().for_each(|position| batched[position] = true);
        }
        let mut operands = Vec::with_capacity(x.len());
        let mut types = Vec::with_capacity(x.len());
        for (position, x) in x.iter().enumerate() {
            let is_slice = (scan.carries..scan.carries + scan.slices).contains(&position);
            let operand = if batched[position] { self.spread(*x) } else { x.value };
            operands.push(if batched[position] && is_slice { self.swap_first(operand) } else { operand });
            let ty = body.ty(body.inputs[position]);
            let dims = if batched[position] { [&[lanes], ty.shape.dims()].concat() } else { ty.shape.dims().to_vec() };
            types.push(Type::new(ty.dtype, Shape::new(&dims)?));
        }
        let mut all = Vec::new();
        let region = self.g.region(&types, |g, inputs| {
            let inputs: Vec<Lanes> =
                inputs.iter().zip(&batched).map(|(value, batched)| Lanes { value: *value, batched: *batched }).collect();
            all = batch_body(g, lanes, body, &inputs)?;
            let mut b = Batch { g, lanes, known: HashMap::new(), several: HashMap::new() };
            let outputs = body.outputs.iter().enumerate().map(|(number, output)| {
                let output = all[output.index()];
                if number < scan.carries && batched[number] { b.spread(output) } else { output.value }
            });
            Ok(outputs.collect())
        })?;
        let inner = Scan { body: region.body, length: scan.length, carries: scan.carries, slices: scan.slices, reverse: scan.reverse };
        let results = (0..body.outputs.len() + body.nodes.len())
            .map(|number| match number {
                _ if number < scan.carries => (number, batched[number]),
                _ if number < body.outputs.len() => (number, all[body.outputs[number].index()].batched),
                _ => match all[number - body.outputs.len()] {
                    Lanes { value, batched } if value.is_valid() => (inner.stack_of(value), batched),
                    // Several results have no stack.
                    _ => (0, false),
                },
            })
            .collect();
        let node = self.g.push(Op::Scan(Shared::new(inner)), &operands);
        self.several.insert(value, Several::Loop { node, results, carries: scan.carries });
        Ok(())
    }
}

/// Which values of the body differ from lane to lane if these inputs do.
fn differing(body: &Graph, inputs: &[bool]) -> Vec<bool> {
    let mut differs: Vec<bool> = Vec::with_capacity(body.nodes.len());
    for node in &body.nodes {
        differs.push(match node.op {
            Op::Input(position) => inputs[position as usize],
            Op::After => differs[node.inputs[0].index()],
            _ => node.op.class() != Class::Leaf && node.inputs.iter().any(|input| differs[input.index()]),
        });
    }
    differs
}

/// The gradient of a call for all lanes, from its rule for one.
struct BatchedRule {
    rule: Arc<dyn CustomGradient>,
    lanes: usize,
    /// Which inputs differ from lane to lane. All outputs do.
    batched: Vec<bool>,
}

impl CustomGradient for BatchedRule {
    fn record(&self, g: &mut Trace, inputs: &[Value], outputs: &[Value], dy: &[Value]) -> Result<Vec<Option<Value>>> {
        let mark = g.mark();
        let mut given = Vec::new();
        let mut one = |g: &mut Trace, value: Value, batched: bool| {
            if !batched {
                return value;
            }
            let lane = stand_in(g, value);
            given.push((lane, value));
            lane
        };
        let lane_inputs: Vec<Value> = inputs.iter().zip(&self.batched).map(|(value, batched)| one(g, *value, *batched)).collect();
        let lane_outputs: Vec<Value> = outputs.iter().map(|value| one(g, *value, true)).collect();
        let lane_dy: Vec<Value> = dy.iter().map(|value| one(g, *value, true)).collect();
        let gradients = self.rule.record(g, &lane_inputs, &lane_outputs, &lane_dy)?;
        g.check()?;
        if gradients.len() != inputs.len() {
            return Err(Error::invalid(format!("{} gradients for {} inputs", gradients.len(), inputs.len())));
        }
        let wanted: Vec<Value> = gradients.iter().flatten().copied().collect();
        let mut all = batch_since(g, mark, self.lanes, &given, &wanted)?.into_iter();
        let mut results = Vec::with_capacity(inputs.len());
        for (gradient, batched) in gradients.iter().zip(&self.batched) {
            let Some(lanes) = gradient.and_then(|_| all.next()) else {
                results.push(None);
                continue;
            };
            let lanes_count = self.lanes;
            let mut b = Batch { g, lanes: lanes_count, known: HashMap::new(), several: HashMap::new() };
            let spread = b.spread(lanes);
            // What all lanes share gets what all of them hand it.
            results.push(Some(if *batched { spread } else { g.sum(spread, &[0], false) }));
        }
        Ok(results)
    }
}

/// Moves the lanes of a result from the first dimension to `axis`; a result without lanes is repeated.
pub fn place_lanes(g: &mut Trace, x: Lanes, lanes: usize, axis: usize) -> Result<Value> {
    let value = Batch { g, lanes, known: HashMap::new(), several: HashMap::new() }.spread(x);
    let rank = g.rank(value);
    if axis >= rank {
        return Err(Error::new(Status::ShapeMismatch, format!("vmap: a result of {} dimensions has no axis {axis} for the lanes", rank)));
    }
    let mut order: Vec<usize> = (1..rank).collect();
    order.insert(axis, 0);
    Ok(g.transpose(value, &order))
}
