//! From a primitive to its rules. Both matches are exhaustive: the compiler names what a new primitive still needs.

use crate::error::{Error, Result};
use crate::ir::{Graph, Node, Op, Type, Value};
use crate::ops::scatter::Places;
use crate::ops::{
    Trace, attention, binary, choose, create, cumulative, draw, index, linalg, matmul, order, reduce, region, scatter, shape, unary, window,
};

/// What a node hands to the gradients of its operands.
pub enum Contribution {
    /// No operand gets anything: the operation is flat.
    Zero,
    /// To the only differentiable operand, the first.
    One(Value),
    Two(Value, Value),
    /// One entry for each operand.
    Many(Vec<Option<Value>>),
    /// What comes of differentiating the operation's [`definition`].
    Defined,
    /// One entry for each operand; where there is none, the operation has a slope that is not known, for this reason: taking the gradient with
    /// respect to what that operand depends on fails.
    Partly(Vec<Option<Value>>, &'static str),
    /// The operation has a slope that is not known here, for this reason: taking the gradient fails.
    Refused(&'static str),
}

fn operands<const N: usize>(inputs: &[Type]) -> Result<[Type; N]> {
    inputs.try_into().map_err(|_| Error::invalid(format!("takes {N} operands, not {}", inputs.len())))
}

/// The type of the result of `op` with these operands of `graph`, or why there is none. Of an operation with several results:
/// [`Type::several`].
pub fn infer_in(graph: &Graph, op: &Op, inputs: &[Value]) -> Result<Type> {
    let types = |values: &[Value]| values.iter().map(|value| graph.ty(*value)).collect::<Vec<Type>>();
    match (op, inputs) {
        (Op::Part(number), [of]) => {
            let node = graph.node(*of);
            let results = infer_several(&node.op, &types(&node.inputs))?;
            let found = results.get(*number as usize).copied();
            found.ok_or_else(|| Error::internal(format!("{} has {} results: there is no number {number}", node.op.name(), results.len())))
        }
        _ => infer(op, &types(inputs)),
    }
}

/// The types of the results of an operation with several.
pub fn infer_several(op: &Op, inputs: &[Type]) -> Result<Vec<Type>> {
    match op {
        Op::Call(call) => region::infer_call(call, inputs),
        Op::Scan(scan) => region::infer_scan(scan, inputs),
        Op::Host(call) => region::infer_host(call),
        Op::Attention(op) => attention::infer(op, inputs),
        Op::AttentionGradient(op) => attention::infer_gradient(op, inputs),
        Op::Linalg(op) => linalg::infer_several(*op, inputs),
        _ => Err(Error::internal(format!("{} has one result", op.name()))),
    }
}

/// The type of the result, or why there is none.
pub fn infer(op: &Op, inputs: &[Type]) -> Result<Type> {
    if op.result_count().is_some() {
        return infer_several(op, inputs).map(|_| Type::several());
    }
    match op {
        Op::Input(_) | Op::Constant(_) | Op::ConstantTensor(_) | Op::Read(_) => Err(Error::internal("leaves have types of their own")),
        Op::Part(_) => Err(Error::internal("a part has the type of its number")),
        Op::Call(_) | Op::Scan(_) | Op::Host(_) | Op::Attention(_) | Op::AttentionGradient(_) => {
            Err(Error::internal("its results are its parts"))
        }
        Op::After => region::infer_after(inputs),
        Op::Unary(op) => operands(inputs).and_then(|[x]| unary::infer(*op, x)),
        Op::Binary(op) => operands(inputs).and_then(|[a, b]| binary::infer(*op, a, b)),
        Op::Compare(op) => operands(inputs).and_then(|[a, b]| choose::infer_compare(*op, a, b)),
        Op::Select => operands(inputs).and_then(|[condition, a, b]| choose::infer_select(condition, a, b)),
        Op::Cast(dtype) => operands(inputs).map(|[x]: [Type; 1]| Type::new(*dtype, x.shape)),
        Op::Broadcast { shape, axes } => operands(inputs).and_then(|[x]| shape::infer_broadcast(x, *shape, axes)),
        Op::Reshape(shape) => operands(inputs).and_then(|[x]| shape::infer_reshape(x, *shape)),
        Op::Transpose(permutation) => operands(inputs).and_then(|[x]| shape::infer_transpose(x, permutation)),
        Op::Slice { start, stop, step } => operands(inputs).and_then(|[x]| shape::infer_slice(x, start, stop, step)),
        Op::Pad { low, high, interior } => operands(inputs).and_then(|[x, value]| shape::infer_pad(x, value, low, high, interior)),
        Op::Concat(axis) => shape::infer_concat(inputs, *axis),
        Op::Reverse(axes) => operands(inputs).and_then(|[x]| shape::infer_reverse(x, axes)),
        Op::Reduce { kind, axes } => operands(inputs).and_then(|[x]| reduce::infer(*kind, axes, x)),
        Op::ArgMax(axis) | Op::ArgMin(axis) => operands(inputs).and_then(|[x]| reduce::infer_arg(*axis, x)),
        Op::MatMul { transpose_a, transpose_b } => operands(inputs).and_then(|[a, b]| matmul::infer(*transpose_a, *transpose_b, a, b)),
        Op::Gather { axis } => operands(inputs).and_then(|[x, indices]| index::infer_gather(*axis, x, indices)),
        Op::Convolution { role, window, groups } => {
            operands(inputs).and_then(|[a, b]| window::infer_convolution(*role, window, *groups, a, b))
        }
        Op::Window { role, window } => window::infer_window(*role, window, inputs),
        Op::Scatter { kind, axis, fill } => {
            operands(inputs).and_then(|[x, indices, updates]| scatter::infer(*kind, *axis, *fill, x, indices, updates))
        }
        Op::TakeAlong { axis } => operands(inputs).and_then(|[x, indices]| scatter::infer_take_along(*axis, x, indices)),
        Op::ScatterAlong { kind, axis, fill } => {
            operands(inputs).and_then(|[x, indices, updates]| scatter::infer_along(*kind, *axis, *fill, x, indices, updates))
        }
        Op::ArgSort { axis, .. } => operands(inputs).and_then(|[x]| order::infer_argsort(*axis, x)),
        Op::ArgTop { axis, count, .. } => operands(inputs).and_then(|[x]| order::infer_top(*axis, *count, x)),
        Op::SearchSorted { .. } => operands(inputs).and_then(|[sequence, values]| order::infer_search(sequence, values)),
        Op::Cumulative { kind, axis, .. } => operands(inputs).and_then(|[x]| cumulative::infer(*kind, *axis, x)),
        Op::Recurrence { axis, .. } => operands(inputs).and_then(|[a, b]| cumulative::infer_recurrence(*axis, a, b)),
        Op::Linalg(op) => linalg::infer(*op, inputs),
        Op::Iota { shape, axis, dtype } => operands(inputs).and_then(|[]: [Type; 0]| create::infer_iota(*shape, *axis, *dtype)),
        Op::Random { distribution, shape, dtype, .. } => {
            operands(inputs).and_then(|[state]| create::infer_random(*distribution, *shape, *dtype, state))
        }
        Op::Draw { draw, shape, dtype, .. } => draw::infer(*draw, *shape, *dtype, inputs),
        Op::Multinomial { count, replacement, .. } => {
            operands(inputs).and_then(|[state, weights]| draw::infer_multinomial(*count, *replacement, state, weights))
        }
    }
}

/// Whether any operand of this operation can get something: flat operations end the way of a gradient.
pub fn passes_gradient(op: &Op) -> bool {
    match op {
        Op::Unary(op) => unary::passes_gradient(*op),
        Op::Compare(_) | Op::ArgMax(_) | Op::ArgMin(_) | Op::Iota { .. } | Op::Random { .. } => false,
        Op::ArgSort { .. } | Op::ArgTop { .. } | Op::SearchSorted { .. } => false,
        Op::Draw { draw, .. } => draw::passes_gradient(*draw),
        Op::Multinomial { .. } => false,
        _ => true,
    }
}

/// [`gradient`] for an operation with several results: `y` is its node, `dy` what the parts are asked for with, as far as they are.
pub fn gradient_several(g: &mut Trace, node: &Node, y: Value, dy: &[Option<Value>]) -> Contribution {
    match &node.op {
        Op::Attention(op) => attention::gradient(g, op, node, y, dy),
        Op::AttentionGradient(_) => Contribution::Defined,
        Op::Linalg(op) => linalg::gradient_several(g, *op, node, y, dy),
        Op::Host(_) => Contribution::Refused("the host gave it no gradient"),
        _ => Contribution::Refused("there is no rule for it"),
    }
}

/// Records the results of an operation with several by other operations, if it is one that can be written so.
pub fn definition(g: &mut Trace, op: &Op, inputs: &[Value]) -> Option<Vec<Value>> {
    match op {
        Op::Attention(op) => attention::define(g, op, inputs),
        Op::AttentionGradient(op) => attention::define_gradient(g, op, inputs),
        _ => None,
    }
}

/// Records what `node` (whose result is `y`) hands to its operands when its result is asked for with `dy`.
pub fn gradient(g: &mut Trace, node: &Node, y: Value, dy: Value) -> Contribution {
    let x = &node.inputs;
    match &node.op {
        Op::Input(_) | Op::Constant(_) | Op::ConstantTensor(_) | Op::Read(_) => Contribution::Zero,
        Op::Compare(_) | Op::ArgMax(_) | Op::ArgMin(_) | Op::Iota { .. } | Op::Random { .. } => Contribution::Zero,
        // Goes through the node that it is a part of.
        Op::Part(_) | Op::Call(_) | Op::Scan(_) | Op::Host(_) | Op::Attention(_) | Op::AttentionGradient(_) => Contribution::Zero,
        Op::After => region::gradient_after(dy),
        Op::Unary(op) => unary::gradient(g, *op, x[0], y, dy),
        Op::Binary(op) => binary::gradient(g, *op, x[0], x[1], y, dy),
        Op::Select => choose::gradient_select(g, x[0], dy),
        Op::Cast(_) => choose::gradient_cast(g, x[0], dy),
        Op::Broadcast { shape, axes } => shape::gradient_broadcast(g, x[0], shape, axes, dy),
        Op::Reshape(_) => {
            let dims = g.dims(x[0]);
            Contribution::One(g.reshape(dy, &dims))
        }
        Op::Transpose(permutation) => shape::gradient_transpose(g, permutation, dy),
        Op::Slice { start, step, .. } => shape::gradient_slice(g, x[0], start, step, dy),
        Op::Pad { low, interior, .. } => shape::gradient_pad(g, x[0], low, interior, dy),
        Op::Concat(axis) => shape::gradient_concat(g, x, *axis, dy),
        Op::Reverse(axes) => {
            let axes: Vec<usize> = axes.iter().map(|axis| *axis as usize).collect();
            Contribution::One(g.reverse(dy, &axes))
        }
        Op::Reduce { kind, axes } => reduce::gradient(g, *kind, axes, x[0], y, dy),
        Op::MatMul { transpose_a, transpose_b } => matmul::gradient(g, *transpose_a, *transpose_b, x[0], x[1], dy),
        Op::Gather { axis } => index::gradient_gather(g, *axis, x[0], x[1], dy),
        Op::Convolution { role, window, groups } => window::gradient_convolution(g, *role, window, *groups, x[0], x[1], dy),
        Op::Window { role, window } => window::gradient_window(g, *role, window, x, dy),
        Op::Scatter { kind, axis, fill } => scatter::gradient(g, Places::slices(*axis), *kind, *fill, [x[0], x[1], x[2]], y, dy),
        Op::TakeAlong { axis } => scatter::gradient_take_along(g, *axis, x[0], x[1], dy),
        Op::ScatterAlong { kind, axis, fill } => scatter::gradient(g, Places::along(*axis), *kind, *fill, [x[0], x[1], x[2]], y, dy),
        Op::Linalg(op) => linalg::gradient(g, *op, x, y, dy),
        Op::ArgSort { .. } | Op::ArgTop { .. } | Op::SearchSorted { .. } | Op::Multinomial { .. } => Contribution::Zero,
        Op::Draw { draw, .. } => draw::gradient(g, *draw, x, y, dy),
        Op::Cumulative { kind, axis, reverse } => cumulative::gradient(g, *kind, *axis, *reverse, dy),
        Op::Recurrence { axis, reverse } => cumulative::gradient_recurrence(g, *axis, *reverse, x[0], y, dy),
    }
}
