//! Brings a graph into the few forms that fusion and the devices understand:
//!
//! - a reduction joins all trailing or all leading dimensions;
//! - argmax and argmin look along the last dimension;
//! - sums and products of 16-bit floats are f32 in between, and so are positions and random numbers before they are rounded;
//! - whatever must lie in memory of its own (results that are views or leaves, operands of kernels) is an `Identity` node;
//! - a reshape that no strides can express has a stored operand.

use super::rewrite::{Rewriter, rebuild};
use super::view::{View, views};
use crate::error::Result;
use crate::ir::{Class, Graph, Kernel, Op, ReduceKind, Type, Unary, Value};
use crate::tensor::{DType, Shape};

pub(super) fn normalize(graph: &Graph) -> Result<Graph> {
    let graph = rebuild(graph, visit)?;
    store_operands(&graph)
}

fn visit(r: &mut Rewriter, op: &Op, x: &[Value], ty: Type) -> Result<Value> {
    match op {
        Op::Reduce { kind, axes } => {
            let wide = is_narrow(ty.dtype) && matches!(kind, ReduceKind::Sum | ReduceKind::Prod);
            if !wide {
                return reduce(r, *kind, axes, x[0]);
            }
            let operand = r.push(Op::Cast(DType::F32), x)?;
            let reduced = reduce(r, *kind, axes, operand)?;
            r.push(Op::Cast(ty.dtype), &[reduced])
        }
        Op::ArgMax(axis) | Op::ArgMin(axis) => {
            let rank = r.graph.ty(x[0]).shape.rank();
            let mut order: Vec<u8> = (0..rank as u8).filter(|i| i != axis).collect();
            order.push(*axis);
            let moved = transpose(r, x[0], order)?;
            let last = rank as u8 - 1;
            r.push(if matches!(op, Op::ArgMax(_)) { Op::ArgMax(last) } else { Op::ArgMin(last) }, &[moved])
        }
        Op::MatMul { .. } if is_narrow(ty.dtype) => {
            let a = r.push(Op::Cast(DType::F32), &[x[0]])?;
            let b = r.push(Op::Cast(DType::F32), &[x[1]])?;
            let product = r.push(op.clone(), &[a, b])?;
            r.push(Op::Cast(ty.dtype), &[product])
        }
        // A part has the dtype that its operation has here, and is rounded to the one that it was recorded with.
        Op::Part(_) => {
            let part = r.push(op.clone(), x)?;
            if r.graph.ty(part) == ty { Ok(part) } else { r.push(Op::Cast(ty.dtype), &[part]) }
        }
        Op::Random { distribution, shape, start, .. } if is_narrow(ty.dtype) => {
            let wide = Op::Random { distribution: *distribution, shape: *shape, dtype: DType::F32, start: *start };
            let numbers = r.push(wide, x)?;
            r.push(Op::Cast(ty.dtype), &[numbers])
        }
        Op::Iota { shape, axis, .. } if is_narrow(ty.dtype) || ty.dtype == DType::U8 => {
            let dtype = if ty.dtype == DType::U8 { DType::I32 } else { DType::F32 };
            let positions = r.push(Op::Iota { shape: *shape, axis: *axis, dtype }, x)?;
            r.push(Op::Cast(ty.dtype), &[positions])
        }
        _ if matches!(op.class(), Class::Kernel(Kernel { moves: false, .. })) && x.iter().any(|x| is_narrow(r.graph.ty(*x).dtype)) => {
            let mut operands = x.to_vec();
            for operand in &mut operands {
                if is_narrow(r.graph.ty(*operand).dtype) {
                    *operand = r.push(Op::Cast(DType::F32), &[*operand])?;
                }
            }
            let result = r.push(op.clone(), &operands)?;
            if r.graph.ty(result) == ty { Ok(result) } else { r.push(Op::Cast(ty.dtype), &[result]) }
        }
        _ => r.push_typed(op.clone(), x, ty),
    }
}

fn is_narrow(dtype: DType) -> bool {
    matches!(dtype, DType::F16 | DType::BF16)
}

fn transpose(r: &mut Rewriter, x: Value, order: Vec<u8>) -> Result<Value> {
    if order.iter().enumerate().all(|(i, axis)| i == *axis as usize) { Ok(x) } else { r.push(Op::Transpose(order), &[x]) }
}

/// Reduces the trailing run of reduced dimensions first, if there is one; whatever is left is brought to the front.
fn reduce(r: &mut Rewriter, kind: ReduceKind, axes: &[u8], x: Value) -> Result<Value> {
    let shape = r.graph.ty(x).shape;
    let rank = shape.rank();
    // Dimensions of one element count as reduced or kept, whichever joins runs.
    let is_reduced = |axis: usize| axes.contains(&(axis as u8));
    let single = |axis: usize| shape.dims()[axis] == 1;
    let mut tail = rank;
    while tail > 0 && (is_reduced(tail - 1) || single(tail - 1)) {
        tail -= 1;
    }
    let all = (0..tail).all(|axis| !is_reduced(axis) || single(axis));
    let none_in_tail = (tail..rank).all(|axis| !is_reduced(axis) || single(axis));
    let leading = (0..rank).skip_while(|axis| is_reduced(*axis) || single(*axis)).all(|axis| !is_reduced(axis) || single(axis));
    if all || (leading && none_in_tail) {
        return r.push(Op::Reduce { kind, axes: axes.to_vec() }, &[x]);
    }
    if !none_in_tail {
        let inner: Vec<u8> = axes.iter().copied().filter(|axis| *axis as usize >= tail).collect();
        let outer: Vec<u8> = axes.iter().copied().filter(|axis| (*axis as usize) < tail).collect();
        let once = r.push(Op::Reduce { kind, axes: inner }, &[x])?;
        return reduce(r, kind, &outer, once);
    }
    let kept = (0..rank as u8).filter(|axis| !axes.contains(axis));
    let order: Vec<u8> = axes.iter().copied().chain(kept).collect();
    let moved = transpose(r, x, order)?;
    r.push(Op::Reduce { kind, axes: (0..axes.len() as u8).collect() }, &[moved])
}

/// Whether the device computes the value into memory: a loop or a kernel makes it.
pub(super) fn is_computed(op: &Op) -> bool {
    !matches!(op.class(), Class::Leaf | Class::View)
}

/// Whether a loop computes the value.
pub(super) fn is_loop(op: &Op) -> bool {
    op.class() == Class::Loop
}

fn store_operands(graph: &Graph) -> Result<Graph> {
    let mut graph = rebuild(graph, |r, op, x, ty| {
        let mut operands = x.to_vec();
        match op {
            _ if matches!(op.class(), Class::Kernel(_)) => {
                for operand in &mut operands {
                    *operand = contiguous(r, *operand)?;
                }
            }
            Op::Concat(_) | Op::Pad { .. } | Op::MatMul { .. } => {
                for operand in &mut operands {
                    if !in_memory(&r.graph, view_of(&r.graph, *operand).base) {
                        *operand = identity(r, *operand)?;
                    }
                }
            }
            Op::Random { .. } => operands[0] = contiguous(r, operands[0])?,
            Op::Reshape(shape) => {
                let view = view_of(&r.graph, operands[0]);
                if super::view::reshape(&view.dims, &view.strides, shape.dims()).is_none() {
                    operands[0] = identity(r, operands[0])?;
                }
            }
            _ => {}
        }
        r.push_typed(op.clone(), &operands, ty)
    })?;
    // Results have memory of their own, once for each.
    let mut taken = vec![false; graph.nodes.len()];
    let mut results: Vec<Value> = graph.results().collect();
    for result in &mut results {
        let own = is_computed(&graph.node(*result).op) && !std::mem::replace(&mut taken[result.index()], true);
        if !own {
            let node = graph.node(*result);
            let (ty, path) = (node.ty, node.path);
            *result = graph.append(Op::Unary(Unary::Identity), vec![*result], ty, path)?;
        }
    }
    let outputs = graph.outputs.len();
    graph.outputs.copy_from_slice(&results[..outputs]);
    for (assignment, result) in graph.assignments.iter_mut().zip(&results[outputs..]) {
        assignment.1 = *result;
    }
    Ok(graph)
}

fn in_memory(graph: &Graph, base: Value) -> bool {
    !matches!(graph.node(base).op, Op::Constant(_) | Op::Iota { .. })
}

/// The view of one value. Walks down only as far as views reach.
fn view_of(graph: &Graph, value: Value) -> View {
    let mut chain = vec![value];
    while graph.node(chain[chain.len() - 1]).op.class() == Class::View {
        chain.push(graph.node(chain[chain.len() - 1]).inputs[0]);
    }
    // A small graph of the chain alone, so that there is one definition of what views are.
    let mut small = Graph::new();
    for (position, link) in chain.iter().rev().enumerate() {
        let mut node = graph.node(*link).clone();
        node.inputs = if position == 0 { Vec::new() } else { vec![Value::from_index(position - 1)] };
        small.nodes.push(node);
    }
    let mut view = views(&small).pop().expect("the chain has a link");
    view.base = chain[chain.len() - 1 - view.base.index()];
    view
}

fn contiguous(r: &mut Rewriter, value: Value) -> Result<Value> {
    let view = view_of(&r.graph, value);
    let whole = in_memory(&r.graph, view.base) && view.is_contiguous() && view.offset == 0;
    if whole && view.elements() == r.graph.ty(view.base).shape.elements() { Ok(value) } else { identity(r, value) }
}

fn identity(r: &mut Rewriter, value: Value) -> Result<Value> {
    let ty = r.graph.ty(value);
    r.push_typed(Op::Unary(Unary::Identity), &[value], ty)
}

/// Reductions in the form that [`normalize`] gives them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Form {
    /// Over trailing dimensions: one result for each row.
    Row,
    /// Over leading dimensions: one result for each column.
    Column,
    /// Over everything.
    Total,
}

/// The form of a normalized reduction, with the size of what it joins.
pub(super) fn form(shape: &Shape, axes: &[u8]) -> (Form, usize) {
    let count: usize = axes.iter().map(|axis| shape.dims()[*axis as usize]).product();
    if count == shape.elements() {
        return (Form::Total, count);
    }
    let last_real = (0..shape.rank()).rev().find(|axis| shape.dims()[*axis] != 1);
    let trailing = last_real.is_some_and(|axis| axes.contains(&(axis as u8)));
    (if trailing { Form::Row } else { Form::Column }, count)
}
