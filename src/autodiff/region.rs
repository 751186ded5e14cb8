//! Gradients of nodes that hold a graph: calls and loops.
//!
//! The gradient of a loop is a loop in the other direction. Its body is the body's reverse; what that needs of the forward steps comes in as slices:
//! stacks of the values that the steps had. A constant's gradient is a sum over all steps. Where each step adds a matrix product or a sum of
//! elements, the factors are stacked and the one large product or sum is made behind the loop; elsewhere the sum is a carry.

use crate::autodiff::reverse::reverse;
use crate::error::{Error, Result};
use crate::ir::{Call, Class, Node, Op, ReduceKind, Scan, Shared, Type, Value};
use crate::ops::{Trace, custom_gradient};
use crate::tensor::DType;
use std::collections::HashMap;

/// What a call hands to its operands; `dy` is what its results are asked for with.
pub(super) fn call_gradient(
    g: &mut Trace,
    call: &Call,
    node: &Node,
    y: Value,
    dy: &[Option<Value>],
    wanted: &[bool],
) -> Result<Vec<Option<Value>>> {
    if let Some(rule) = custom_gradient(call) {
        return custom(g, call, &**rule, node, y, dy);
    }
    // The body again, not before its gradient is wanted.
    let seeds: Vec<Value> = dy.iter().flatten().copied().collect();
    let operands: Vec<Value> = node.inputs.iter().map(|input| g.after(*input, &seeds)).collect();
    let values = g.replay(&call.body, &operands);
    let outputs: Vec<(Value, Value)> =
        call.body.outputs.iter().zip(dy).filter_map(|(output, dy)| Some((values[output.index()], (*dy)?))).collect();
    let positions: Vec<usize> = (0..operands.len()).filter(|position| wanted[*position]).collect();
    let wrt: Vec<Value> = positions.iter().map(|position| operands[*position]).collect();
    let gradients = reverse(g, &outputs, &wrt)?;
    let mut all = vec![None; operands.len()];
    positions.iter().zip(gradients).for_each(|(position, gradient)| all[*position] = Some(gradient));
    Ok(all)
}

fn custom(
    g: &mut Trace,
    call: &Call,
    rule: &dyn crate::ops::CustomGradient,
    node: &Node,
    y: Value,
    dy: &[Option<Value>],
) -> Result<Vec<Option<Value>>> {
    let outputs: Vec<Value> = (0..call.outputs).map(|number| g.part(y, number)).collect();
    let dy: Vec<Value> = outputs.iter().zip(dy).map(|(output, dy)| dy.unwrap_or_else(|| g.zeros_like(*output))).collect();
    let inputs = &node.inputs[..call.inputs];
    let mut gradients = rule.record(g, inputs, &outputs, &dy)?;
    g.check()?;
    if gradients.len() != inputs.len() {
        return Err(Error::invalid(format!("{}: {} gradients for {} inputs", call.name, gradients.len(), inputs.len())));
    }
    for (position, (input, gradient)) in inputs.iter().zip(&gradients).enumerate() {
        if let Some(gradient) = gradient
            && g.ty(*input) != g.ty(*gradient)
        {
            let (given, wanted) = (g.ty(*gradient), g.ty(*input));
            return Err(Error::shape(format!("{}: the gradient of input {position} is {given}, the input is {wanted}", call.name)));
        }
    }
    // What was not passed gets nothing.
    gradients.resize(node.inputs.len(), None);
    Ok(gradients)
}

/// What a loop hands to its operands.
pub(super) fn scan_gradient(
    g: &mut Trace,
    scan: &Scan,
    node: &Node,
    y: Value,
    dy: &[Option<Value>],
    wanted: &[bool],
) -> Result<Vec<Option<Value>>> {
    let body = &scan.body;
    let is_float = |value: Value| body.dtype(value).is_float();
    let mut b = Backward::new(scan);

    // One step back: the body, and its gradient for what the next step and the stacks are asked for with.
    let carried: Vec<usize> = (0..scan.carries).filter(|position| is_float(body.inputs[*position])).collect();
    let dcarry: Vec<Value> = carried.iter().map(|position| b.g.input(body.ty(body.inputs[*position]))).collect();
    let mut seeds: Vec<(Value, Value)> =
        carried.iter().zip(&dcarry).map(|(position, dy)| (b.forward[body.outputs[*position].index()], *dy)).collect();
    let mut dstacks = Vec::new();
    for (number, dy) in dy.iter().enumerate() {
        if let (Some(value), Some(dy)) = (scan.stacked(number), dy)
            && is_float(value)
        {
            let seed = b.g.input(body.ty(value));
            seeds.push((b.forward[value.index()], seed));
            dstacks.push((seed, *dy));
        }
    }
    let others: Vec<usize> =
        (scan.carries..body.inputs.len()).filter(|position| wanted[*position] && is_float(body.inputs[*position])).collect();
    let positions = [carried.as_slice(), &others].concat();
    let wrt: Vec<Value> = positions.iter().map(|position| b.forward[body.inputs[*position].index()]).collect();
    let gradients = reverse(&mut b.g, &seeds, &wrt)?;
    let (to_carries, to_others) = gradients.split_at(carried.len());

    // Gradients of slices are stacked; those of constants summed behind the loop or in it.
    let mut dslices = Vec::new();
    let mut late = Vec::new();
    let mut sums = Vec::new();
    for (position, gradient) in others.iter().zip(to_others) {
        if *position < scan.carries + scan.slices {
            dslices.push((*position, *gradient));
        } else {
            match b.summand(*gradient) {
                Some(summand) => late.push((*position, summand)),
                None => sums.push((*position, *gradient)),
            }
        }
    }

    // The loop's own body, cut out of that step.
    let mut cut = Cut::new(&b);
    for dy in &dcarry {
        cut.give(*dy);
    }
    let mut totals = Vec::new();
    for (_, gradient) in &sums {
        totals.push(cut.new_input(summed(b.g.ty(*gradient))));
    }
    let carries = cut.input_count();
    for (seed, stack) in &dstacks {
        cut.give_slice(*seed, Source::Given(*stack));
    }
    let mut outputs: Vec<Value> = Vec::new();
    for gradient in to_carries {
        outputs.push(cut.value(*gradient));
    }
    for ((_, gradient), total) in sums.iter().zip(&totals) {
        let gradient = cut.value(*gradient);
        let gradient = cut.g.cast(gradient, cut.g.dtype(*total));
        outputs.push(cut.g.add(*total, gradient));
    }
    for (_, gradient) in &dslices {
        outputs.push(cut.value(*gradient));
    }
    // Factors that the loop itself makes leave it as stacks; those of the forward steps are there already.
    let mut factors: HashMap<Value, usize> = HashMap::new();
    for value in late.iter().flat_map(|(_, summand)| summand.factors()) {
        if b.source(value).is_none() && !factors.contains_key(&value) {
            factors.insert(value, outputs.len() - carries);
            outputs.push(cut.value(value));
        }
    }
    cut.g.check()?;
    let Cut { g: inner, slices: slice_sources, constants, order, .. } = cut;
    let mut step = inner.finish(&outputs)?;
    let order: Vec<usize> = (0..carries).chain(order.slices).chain(order.constants).collect();
    crate::ops::reorder_inputs(&mut step, &order);

    // The operands out here.
    let mut operands = Vec::with_capacity(order.len());
    for position in &carried {
        let last = dy[*position];
        operands.push(match last {
            Some(dy) => dy,
            None => g.full(body.dtype(body.inputs[*position]), body.shape(body.inputs[*position]).dims(), 0.0),
        });
    }
    for (_, gradient) in &sums {
        let Type { dtype, shape } = summed(b.g.ty(*gradient));
        operands.push(g.full(dtype, shape.dims(), 0.0));
    }
    let slices = slice_sources.len();
    for source in slice_sources {
        operands.push(outside(g, scan, node, y, source));
    }
    for position in constants {
        operands.push(node.inputs[position]);
    }
    let loop_node =
        g.push(Op::Scan(Shared::new(Scan { body: step, length: scan.length, carries, slices, reverse: !scan.reverse })), &operands);
    let mut all = vec![None; node.inputs.len()];
    for (number, position) in carried.iter().enumerate() {
        all[*position] = Some(g.part(loop_node, number));
    }
    for (number, (position, _)) in sums.iter().enumerate() {
        let total = g.part(loop_node, carried.len() + number);
        all[*position] = Some(g.cast(total, g.dtype(node.inputs[*position])));
    }
    for (number, (position, _)) in dslices.iter().enumerate() {
        all[*position] = Some(g.part(loop_node, carries + number));
    }
    for (position, summand) in &late {
        let mut stack = |g: &mut Trace, value: Value| match (b.source(value), factors.get(&value)) {
            (Some(source), _) => outside(g, scan, node, y, source),
            (None, Some(number)) => g.part(loop_node, carries + number),
            (None, None) => Value::INVALID,
        };
        all[*position] = Some(summand.total(g, &mut stack));
    }
    g.check()?;
    Ok(all)
}

/// The type that a sum over steps is kept in: 16-bit floats add up as f32.
fn summed(ty: Type) -> Type {
    let narrow = matches!(ty.dtype, DType::F16 | DType::BF16);
    if narrow { Type::new(DType::F32, ty.shape) } else { ty }
}

/// A value of a forward step, as the loop back gets it.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
enum Source {
    /// This value of the outer graph.
    Given(Value),
    /// This operand of the forward loop, element by element.
    Slice(usize),
    /// The stack of this value of the body.
    Stack(Value),
}

fn outside(g: &mut Trace, scan: &Scan, node: &Node, y: Value, source: Source) -> Value {
    match source {
        Source::Given(value) => value,
        Source::Slice(position) => node.inputs[position],
        Source::Stack(value) => g.part(y, scan.stack_of(value)),
    }
}

/// A step and its gradient in one recording.
struct Backward<'a> {
    scan: &'a Scan,
    g: Trace,
    /// The value here of each value of the body.
    forward: Vec<Value>,
    /// The value of the body that a value here is.
    of: HashMap<Value, Value>,
    /// Which values of the body are the same in every step.
    constant: Vec<bool>,
}

impl<'a> Backward<'a> {
    fn new(scan: &'a Scan) -> Backward<'a> {
        let mut g = Trace::new();
        let inputs: Vec<Value> = scan.body.inputs.iter().map(|input| g.input(scan.body.ty(*input))).collect();
        let forward = g.replay(&scan.body, &inputs);
        let of = forward.iter().enumerate().map(|(index, value)| (*value, Value::from_index(index))).collect();
        let mut constant: Vec<bool> = Vec::with_capacity(scan.body.nodes.len());
        for node in &scan.body.nodes {
            constant.push(match node.op {
                Op::Input(position) => position as usize >= scan.carries + scan.slices,
                _ => node.inputs.iter().all(|input| constant[input.index()]),
            });
        }
        Backward { scan, g, forward, of, constant }
    }
    fn position_of(&self, value: Value) -> Option<usize> {
        self.scan.body.inputs.iter().position(|input| *input == value)
    }
    /// Where a value of the forward step comes from, if it is one that the loop back is handed.
    fn source(&self, value: Value) -> Option<Source> {
        let value = *self.of.get(&value)?;
        let node = self.scan.body.node(value);
        if let Some(position) = self.position_of(value) {
            let first = self.scan.carries;
            return match position {
                _ if position < first => Some(Source::Stack(value)),
                _ if position < first + self.scan.slices => Some(Source::Slice(position)),
                _ => None,
            };
        }
        // What costs nothing is made again, and so is what cannot be stacked.
        let light = matches!(node.op.class(), Class::Leaf | Class::View);
        let stackable = node.op.result_count().is_none() && node.ty.shape.rank() < crate::tensor::MAX_RANK;
        (stackable && !light && !self.constant[value.index()]).then_some(Source::Stack(value))
    }
    /// How the sum of `value` over all steps is made from stacks, if it is better made so.
    fn summand(&self, value: Value) -> Option<Summand> {
        let node = self.g.graph().node(value);
        let whole = |op: &Op| -> Option<Summand> { Some(Summand::Linear(op.clone(), Box::new(self.summand(node.inputs[0])?))) };
        match &node.op {
            Op::MatMul { transpose_a, transpose_b } if node.ty.shape.rank() == 2 && node.ty.dtype.is_float() => {
                Some(Summand::Product { a: node.inputs[0], b: node.inputs[1], transpose_a: *transpose_a, transpose_b: *transpose_b })
            }
            Op::Reduce { kind: ReduceKind::Sum, axes } if self.g.rank(node.inputs[0]) < crate::tensor::MAX_RANK => {
                Some(Summand::Sum { x: node.inputs[0], axes: axes.iter().map(|axis| *axis as usize).collect() })
            }
            Op::Reshape(_) | Op::Transpose(_) => whole(&node.op),
            Op::Cast(_) if self.g.dtype(node.inputs[0]) == DType::F32 => whole(&node.op),
            Op::Binary(crate::ir::Binary::Add) => {
                let (a, b) = (self.summand(node.inputs[0])?, self.summand(node.inputs[1])?);
                Some(Summand::Add(Box::new(a), Box::new(b)))
            }
            _ => None,
        }
    }
}

/// A sum over all steps, from stacks of what each step had.
enum Summand {
    Product { a: Value, b: Value, transpose_a: bool, transpose_b: bool },
    Sum { x: Value, axes: Vec<usize> },
    Linear(Op, Box<Summand>),
    Add(Box<Summand>, Box<Summand>),
}

impl Summand {
    fn factors(&self) -> Vec<Value> {
        match self {
            Summand::Product { a, b, .. } => vec![*a, *b],
            Summand::Sum { x, .. } => vec![*x],
            Summand::Linear(_, inner) => inner.factors(),
            Summand::Add(a, b) => [a.factors(), b.factors()].concat(),
        }
    }
    fn total(&self, g: &mut Trace, stack: &mut dyn FnMut(&mut Trace, Value) -> Value) -> Value {
        match self {
            // The steps' inner dimensions one behind the other: sum over t of A_t B_t = [A_1 A_2 ...] [B_1; B_2; ...].
            Summand::Product { a, b, transpose_a, transpose_b } => {
                let (a, b) = (stack(g, *a), stack(g, *b));
                let a = joined(g, a, *transpose_a);
                let b = joined(g, b, !*transpose_b);
                g.product(a, b, *transpose_a, *transpose_b)
            }
            Summand::Sum { x, axes } => {
                let x = stack(g, *x);
                let axes: Vec<usize> = std::iter::once(0).chain(axes.iter().map(|axis| axis + 1)).collect();
                g.reduce(ReduceKind::Sum, x, &axes, false)
            }
            Summand::Linear(op, inner) => {
                let inner = inner.total(g, stack);
                g.push(op.clone(), &[inner])
            }
            Summand::Add(a, b) => {
                let (a, b) = (a.total(g, stack), b.total(g, stack));
                g.add(a, b)
            }
        }
    }
}

/// [T, i, k] as [T i, k], where the inner dimension is the first, else as [i, T k].
fn joined(g: &mut Trace, x: Value, first: bool) -> Value {
    let dims = g.dims(x);
    let &[steps, rows, columns] = &dims[..] else { return x };
    if first {
        return g.reshape(x, &[steps * rows, columns]);
    }
    let turned = g.transpose(x, &[1, 0, 2]);
    g.reshape(turned, &[rows, steps * columns])
}

/// Cuts the loop back out of a [`Backward`] step: only what its results need, with forward values as inputs.
struct Cut<'a, 'b> {
    b: &'a Backward<'b>,
    g: Trace,
    map: HashMap<Value, Value>,
    slices: Vec<Source>,
    /// Operands of the forward loop that are constants of this one.
    constants: Vec<usize>,
    order: Order,
}

/// Positions of inputs in the order in which they were made.
#[derive(Default)]
struct Order {
    slices: Vec<usize>,
    constants: Vec<usize>,
}

impl<'a, 'b> Cut<'a, 'b> {
    fn new(b: &'a Backward<'b>) -> Cut<'a, 'b> {
        Cut { b, g: Trace::new(), map: HashMap::new(), slices: Vec::new(), constants: Vec::new(), order: Order::default() }
    }
    fn input_count(&self) -> usize {
        self.g.graph().inputs.len()
    }
    fn new_input(&mut self, ty: Type) -> Value {
        self.g.input(ty)
    }
    /// An input that stands for `value`.
    fn give(&mut self, value: Value) -> Value {
        let input = self.new_input(self.b.g.ty(value));
        self.map.insert(value, input);
        input
    }
    fn give_slice(&mut self, value: Value, source: Source) -> Value {
        self.order.slices.push(self.input_count());
        self.slices.push(source);
        self.give(value)
    }
    /// The value here of a value of the step, with all that it needs.
    fn value(&mut self, wanted: Value) -> Value {
        let mut stack = vec![wanted];
        while let Some(value) = stack.last().copied() {
            if self.map.contains_key(&value) {
                stack.pop();
                continue;
            }
            if let Some(source) = self.b.source(value) {
                self.give_slice(value, source);
                continue;
            }
            let node = self.b.g.graph().node(value);
            if let Op::Input(_) = node.op {
                // What is left are the constants of the forward loop.
                if let Some(position) = self.b.of.get(&value).and_then(|value| self.b.position_of(*value)) {
                    self.order.constants.push(self.input_count());
                    self.constants.push(position);
                }
                self.give(value);
                continue;
            }
            let missing: Vec<Value> = node.inputs.iter().copied().filter(|input| !self.map.contains_key(input)).collect();
            if !missing.is_empty() {
                stack.extend(missing);
                continue;
            }
            let operands: Vec<Value> = node.inputs.iter().map(|input| self.map[input]).collect();
            let path = self.b.g.graph().paths[node.path as usize].clone();
            let place = self.g.enter_path(&path);
            let made = self.g.push_leaf_or(&node.op, &operands, node.ty);
            self.g.leave_path(place);
            self.map.insert(value, made);
        }
        self.map[&wanted]
    }
}
