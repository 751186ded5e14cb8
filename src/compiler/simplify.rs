//! Algebra on the graph: what can be known or said shorter before anything runs.
//!
//! Rules keep values exact, with three documented exceptions that change at most the last bits or the sign of a zero:
//! x + 0 and 0 + x become x; constant factors of one product are multiplied beforehand; division by a constant whose reciprocal is
//! exact becomes multiplication (that one is exact). A sum of pieces that lie apart in zeros, as gradients of slices do, puts them
//! side by side: x + 0 as well.

use super::pieces::{concat, side_by_side};
use super::rewrite::{Rewriter, rebuild};
use crate::error::Result;
use crate::ir::{Binary, Class, Graph, Literal, Op, ReduceKind, Type, Unary, Value};
use crate::tensor::DType;

/// The same computation with fewer nodes. Runs until nothing changes.
pub(super) fn simplify(graph: &Graph) -> Result<Graph> {
    let mut graph = rebuild(graph, visit)?;
    for _ in 0..8 {
        let next = rebuild(&graph, visit)?;
        let settled =
            next.nodes.len() == graph.nodes.len() && next.nodes.iter().zip(&graph.nodes).all(|(a, b)| a.op == b.op && a.inputs == b.inputs);
        graph = next;
        if settled {
            break;
        }
    }
    Ok(graph)
}

fn visit(r: &mut Rewriter, op: &Op, x: &[Value], ty: Type) -> Result<Value> {
    if let Some(value) = rule(r, op, x, ty)? {
        return Ok(value);
    }
    r.push_typed(op.clone(), x, ty)
}

fn rule(r: &mut Rewriter, op: &Op, x: &[Value], ty: Type) -> Result<Option<Value>> {
    if let Some(value) = nothing(r, op, x, ty)? {
        return Ok(Some(value));
    }
    if let Some(value) = sink_broadcast(r, op, x, ty)? {
        return Ok(Some(value));
    }
    match op {
        Op::Unary(Unary::Identity | Unary::StopGradient) => Ok(Some(x[0])),
        // What is known needs no waiting, and what is known is not waited for.
        Op::After => after(r, x),
        Op::Unary(op) => unary(r, *op, x[0], ty),
        Op::Binary(op) => binary(r, *op, x[0], x[1], ty),
        Op::Select => Ok(match r.splat(x[0]) {
            Some(condition) => Some(if condition.as_i64() != 0 { x[1] } else { x[2] }),
            None if x[1] == x[2] => Some(x[1]),
            None => None,
        }),
        Op::Cast(dtype) => cast(r, *dtype, x[0], ty),
        Op::Reshape(shape) => match r.op(x[0]).clone() {
            _ if r.graph.ty(x[0]).shape == *shape => Ok(Some(x[0])),
            Op::Reshape(_) => {
                let source = r.input_of(x[0], 0);
                if r.graph.ty(source).shape == *shape { Ok(Some(source)) } else { r.push(op.clone(), &[source]).map(Some) }
            }
            _ => match r.splat(x[0]) {
                Some(literal) => splat(r, literal, ty).map(Some),
                None => Ok(None),
            },
        },
        Op::Broadcast { shape, axes } => match r.op(x[0]).clone() {
            _ if r.graph.ty(x[0]).shape == *shape => Ok(Some(x[0])),
            Op::Broadcast { axes: inner, .. } => {
                let composed = inner.iter().map(|axis| axes[*axis as usize]).collect();
                r.push(Op::Broadcast { shape: *shape, axes: composed }, &[r.input_of(x[0], 0)]).map(Some)
            }
            _ if r.graph.ty(x[0]).shape.elements() == 1 && r.graph.ty(x[0]).shape.rank() > 0 => {
                // One element repeated: its own dimensions say nothing.
                let scalar = scalar_of(r, x[0])?;
                r.push(Op::Broadcast { shape: *shape, axes: Vec::new() }, &[scalar]).map(Some)
            }
            _ => Ok(None),
        },
        Op::Transpose(permutation) => match r.op(x[0]).clone() {
            Op::Transpose(inner) => {
                let composed: Vec<u8> = permutation.iter().map(|axis| inner[*axis as usize]).collect();
                let source = r.input_of(x[0], 0);
                if composed.iter().enumerate().all(|(i, axis)| i == *axis as usize) {
                    return Ok(Some(source));
                }
                r.push(Op::Transpose(composed), &[source]).map(Some)
            }
            _ => match r.splat(x[0]) {
                Some(literal) => splat(r, literal, ty).map(Some),
                None => Ok(None),
            },
        },
        Op::Slice { .. } | Op::Reverse(_) => match r.splat(x[0]) {
            Some(literal) => splat(r, literal, ty).map(Some),
            None if matches!(op, Op::Slice { .. }) && r.graph.ty(x[0]) == ty => Ok(Some(x[0])),
            None => Ok(None),
        },
        Op::Pad { .. } if r.graph.ty(x[0]) == ty => Ok(Some(x[0])),
        Op::Concat(axis) => concat(r, *axis, x),
        Op::Reduce { kind, axes } => reduce(r, *kind, axes, x[0], ty),
        Op::MatMul { transpose_a, transpose_b } => matmul(r, *transpose_a, *transpose_b, x, ty),
        _ => Ok(None),
    }
}

fn after(r: &mut Rewriter, x: &[Value]) -> Result<Option<Value>> {
    let is_known = |r: &Rewriter, value: Value| r.splat(value).is_some() || r.op(value).class() == Class::Leaf;
    if r.splat(x[0]).is_some() {
        return Ok(Some(x[0]));
    }
    let awaited: Vec<Value> = x[1..].iter().copied().filter(|value| !is_known(r, *value)).collect();
    match awaited.len() {
        0 => Ok(Some(x[0])),
        count if count + 1 == x.len() => Ok(None),
        _ => r.push(Op::After, &[&x[..1], &awaited].concat()).map(Some),
    }
}

/// What is made of no elements, or has none, is known.
fn nothing(r: &mut Rewriter, op: &Op, x: &[Value], ty: Type) -> Result<Option<Value>> {
    let zero = if ty.dtype.is_float() { Literal::Float(0.0) } else { Literal::Int(0) };
    let leaf = op.result_count().is_some() || matches!(op, Op::Input(_) | Op::Read(_) | Op::Constant(_) | Op::ConstantTensor(_));
    let is_splat = matches!(op, Op::Broadcast { .. }) && r.splat(x[0]).is_some();
    if ty.shape.elements() == 0 && !leaf && !is_splat {
        return splat(r, zero, ty).map(Some);
    }
    let literal = match op {
        Op::Reduce { kind, .. } if r.graph.ty(x[0]).shape.elements() == 0 => match kind {
            ReduceKind::Sum | ReduceKind::Any => zero,
            ReduceKind::Prod if ty.dtype.is_float() => Literal::Float(1.0),
            ReduceKind::Prod | ReduceKind::All => Literal::Int(1),
            // Refused when it was recorded.
            ReduceKind::Max | ReduceKind::Min => return Ok(None),
        },
        Op::MatMul { .. } if r.graph.ty(x[0]).shape.elements() == 0 => zero,
        _ => return Ok(None),
    };
    splat(r, literal, ty).map(Some)
}

/// The only element of `value` as a scalar.
fn scalar_of(r: &mut Rewriter, value: Value) -> Result<Value> {
    r.push(Op::Reshape(crate::tensor::Shape::SCALAR), &[value])
}

/// `literal` in every element.
fn splat(r: &mut Rewriter, literal: Literal, ty: Type) -> Result<Value> {
    let constant = r.constant(ty.dtype, literal)?;
    if ty.shape.is_scalar() { Ok(constant) } else { r.push(Op::Broadcast { shape: ty.shape, axes: Vec::new() }, &[constant]) }
}

/// An elementwise operation on operands that are all repeated the same way: compute once, then repeat.
fn sink_broadcast(r: &mut Rewriter, op: &Op, x: &[Value], ty: Type) -> Result<Option<Value>> {
    if !matches!(op, Op::Unary(_) | Op::Binary(_) | Op::Compare(_) | Op::Select | Op::Cast(_)) || x.is_empty() {
        return Ok(None);
    }
    let mut place: Option<(crate::tensor::Shape, Vec<u8>)> = None;
    let mut sources = Vec::with_capacity(x.len());
    for value in x {
        let Op::Broadcast { axes, .. } = r.op(*value) else { return Ok(None) };
        let axes = axes.clone();
        let source = r.input_of(*value, 0);
        let shape = r.graph.ty(source).shape;
        // Scalars fit any place.
        if !shape.is_scalar() {
            match &place {
                Some(known) if *known != (shape, axes.clone()) => return Ok(None),
                _ => place = Some((shape, axes)),
            }
        }
        sources.push(source);
    }
    let (shape, axes) = place.unwrap_or((crate::tensor::Shape::SCALAR, Vec::new()));
    for source in &mut sources {
        if r.graph.ty(*source).shape != shape {
            *source = r.push(Op::Broadcast { shape, axes: Vec::new() }, &[*source])?;
        }
    }
    let small = visit(r, op, &sources, Type::new(ty.dtype, shape))?;
    visit(r, &Op::Broadcast { shape: ty.shape, axes }, &[small], ty).map(Some)
}

fn unary(r: &mut Rewriter, op: Unary, x: Value, ty: Type) -> Result<Option<Value>> {
    if op == Unary::Neg && matches!(r.op(x), Op::Unary(Unary::Neg)) {
        return Ok(Some(r.input_of(x, 0)));
    }
    if op == Unary::Neg
        && ty.dtype.is_float()
        && let Op::Binary(Binary::Mul) = r.op(x)
        && let Some(factor) = r.splat(r.input_of(x, 1))
    {
        let opposite = splat(r, Literal::Float(-factor.as_f64()), ty)?;
        return r.push(Op::Binary(Binary::Mul), &[r.input_of(x, 0), opposite]).map(Some);
    }
    let (Some(literal), true) = (r.splat(x), matches!(ty.dtype, DType::F32 | DType::F64)) else { return Ok(None) };
    let v = literal.as_f64();
    // Only what every level of every device rounds the same way.
    let folded = match op {
        Unary::Neg => -v,
        Unary::Abs => v.abs(),
        Unary::Sqrt if v >= 0.0 => v.sqrt(),
        Unary::Reciprocal => 1.0 / v,
        Unary::Relu if v.is_nan() => v,
        Unary::Relu => v.max(0.0),
        _ => return Ok(None),
    };
    splat(r, rounded(folded, ty.dtype), ty).map(Some)
}

fn rounded(value: f64, dtype: DType) -> Literal {
    Literal::Float(match dtype {
        DType::F32 => value as f32 as f64,
        DType::F16 => half::f16::from_f64(value).to_f64(),
        DType::BF16 => half::bf16::from_f64(value).to_f64(),
        _ => value,
    })
}

fn binary(r: &mut Rewriter, op: Binary, a: Value, b: Value, ty: Type) -> Result<Option<Value>> {
    let (ca, cb) = (r.splat(a), r.splat(b));
    if let (Some(ca), Some(cb)) = (ca, cb)
        && let Some(literal) = fold(op, ca, cb, ty.dtype)
    {
        return splat(r, literal, ty).map(Some);
    }
    let is = |constant: Option<Literal>, value: f64| constant.is_some_and(|literal| literal.as_f64() == value);
    // Constants stand on the right of what commutes.
    if ca.is_some() && cb.is_none() && matches!(op, Binary::Add | Binary::Mul) {
        let swapped = binary(r, op, b, a, ty)?;
        return match swapped {
            Some(value) => Ok(Some(value)),
            None => r.push_typed(Op::Binary(op), &[b, a], ty).map(Some),
        };
    }
    match op {
        Binary::Add | Binary::Sub if is(cb, 0.0) => return Ok(Some(a)),
        Binary::Add if let Some(row) = side_by_side(r, a, b)? => return Ok(Some(row)),
        Binary::Mul | Binary::Div if is(cb, 1.0) => return Ok(Some(a)),
        Binary::Sub if is(ca, 0.0) && ty.dtype.is_float() => return r.push(Op::Unary(Unary::Neg), &[b]).map(Some),
        Binary::Mul if is(cb, -1.0) && ty.dtype.is_float() => return r.push(Op::Unary(Unary::Neg), &[a]).map(Some),
        Binary::Add if a == b && ty.dtype.is_float() => {
            let two = splat(r, Literal::Float(2.0), ty)?;
            return visit(r, &Op::Binary(Binary::Mul), &[a, two], ty).map(Some);
        }
        Binary::Pow if is(cb, 2.0) && ty.dtype.is_float() => return r.push(Op::Binary(Binary::Mul), &[a, a]).map(Some),
        Binary::Pow if is(cb, 1.0) => return Ok(Some(a)),
        _ => {}
    }
    // a + (-b) and a - (-b).
    if matches!(op, Binary::Add | Binary::Sub) && matches!(r.op(b), Op::Unary(Unary::Neg)) && ty.dtype.is_float() {
        let opposite = if op == Binary::Add { Binary::Sub } else { Binary::Add };
        return visit(r, &Op::Binary(opposite), &[a, r.input_of(b, 0)], ty).map(Some);
    }
    if op == Binary::Add && matches!(r.op(a), Op::Unary(Unary::Neg)) && ty.dtype.is_float() {
        return visit(r, &Op::Binary(Binary::Sub), &[b, r.input_of(a, 0)], ty).map(Some);
    }
    if op == Binary::Div
        && let Some(divisor) = cb
        && ty.dtype.is_float()
        && exact_reciprocal(divisor.as_f64(), ty.dtype)
    {
        let factor = splat(r, Literal::Float(1.0 / divisor.as_f64()), ty)?;
        return visit(r, &Op::Binary(Binary::Mul), &[a, factor], ty).map(Some);
    }
    if op == Binary::Mul && ty.dtype.is_float() {
        return product(r, a, cb, ty);
    }
    Ok(None)
}

/// Constant factors meet: (x c) d = x (c d).
fn product(r: &mut Rewriter, a: Value, cb: Option<Literal>, ty: Type) -> Result<Option<Value>> {
    let factor = |r: &Rewriter, value: Value| match r.op(value) {
        Op::Binary(Binary::Mul) => r.splat(r.input_of(value, 1)).map(|literal| (r.input_of(value, 0), literal)),
        _ => None,
    };
    if let (Some(outer), Some((x, inner))) = (cb, factor(r, a)) {
        let folded = rounded(inner.as_f64() * outer.as_f64(), ty.dtype);
        let safe = [folded, inner, outer].into_iter().all(|factor| is_normal(factor.as_f64(), ty.dtype));
        if safe {
            let constant = splat(r, folded, ty)?;
            return visit(r, &Op::Binary(Binary::Mul), &[x, constant], ty).map(Some);
        }
    }
    Ok(None)
}

/// Whether the number has all bits of its dtype: neither 0, nor close to it, nor infinite.
fn is_normal(value: f64, dtype: DType) -> bool {
    let smallest = match dtype {
        DType::F64 => f64::MIN_POSITIVE,
        DType::F16 => half::f16::MIN_POSITIVE.to_f64(),
        _ => f32::MIN_POSITIVE as f64,
    };
    value.is_finite() && value.abs() >= smallest
}

fn exact_reciprocal(value: f64, dtype: DType) -> bool {
    let small = match dtype {
        DType::F64 => 1e-300,
        DType::F16 => 1e-4,
        _ => 1e-37,
    };
    value.is_normal() && value.abs() > small && value.abs() < 1.0 / small && value.to_bits() & ((1u64 << 52) - 1) == 0
}

fn fold(op: Binary, a: Literal, b: Literal, dtype: DType) -> Option<Literal> {
    if matches!(dtype, DType::F32 | DType::F64) {
        let (a, b) = (a.as_f64(), b.as_f64());
        // f32 operands are exact in f64, and one rounding of an f64 sum, product, or quotient to f32 is the f32 result.
        let value = match op {
            Binary::Add => a + b,
            Binary::Sub => a - b,
            Binary::Mul => a * b,
            Binary::Div => a / b,
            _ => return None,
        };
        return Some(rounded(value, dtype));
    }
    if dtype == DType::I64 || dtype == DType::I32 {
        let (a, b) = (a.as_i64(), b.as_i64());
        let value = match op {
            Binary::Add => a.wrapping_add(b),
            Binary::Sub => a.wrapping_sub(b),
            Binary::Mul => a.wrapping_mul(b),
            _ => return None,
        };
        return Some(Literal::Int(if dtype == DType::I32 { value as i32 as i64 } else { value }));
    }
    None
}

fn cast(r: &mut Rewriter, dtype: DType, x: Value, ty: Type) -> Result<Option<Value>> {
    let source = r.graph.ty(x).dtype;
    if source == dtype {
        return Ok(Some(x));
    }
    let Some(literal) = r.splat(x) else { return Ok(None) };
    let folded = match dtype {
        DType::F32 | DType::F64 => rounded(literal.as_f64(), dtype),
        DType::I64 if !source.is_float() => Literal::Int(literal.as_i64()),
        _ => return Ok(None),
    };
    splat(r, folded, ty).map(Some)
}

fn reduce(r: &mut Rewriter, kind: ReduceKind, axes: &[u8], x: Value, ty: Type) -> Result<Option<Value>> {
    let shape = r.graph.ty(x).shape;
    // Axes of one element: only the shape changes.
    if axes.iter().all(|axis| shape.dims()[*axis as usize] == 1) {
        return r.push(Op::Reshape(ty.shape), &[x]).map(Some);
    }
    let count: usize = axes.iter().map(|axis| shape.dims()[*axis as usize]).product();
    if let Some(literal) = r.splat(x)
        && count > 0
    {
        let value = match kind {
            ReduceKind::Sum if ty.dtype.is_float() => rounded(literal.as_f64() * count as f64, ty.dtype),
            ReduceKind::Max | ReduceKind::Min | ReduceKind::Any | ReduceKind::All => literal,
            _ => return Ok(None),
        };
        return splat(r, value, ty).map(Some);
    }
    Ok(None)
}

/// Swapped last dimensions become flags of the product.
fn matmul(r: &mut Rewriter, transpose_a: bool, transpose_b: bool, x: &[Value], ty: Type) -> Result<Option<Value>> {
    let swaps_last = |r: &Rewriter, value: Value| match r.op(value) {
        Op::Transpose(permutation) => {
            let rank = permutation.len();
            rank >= 2
                && (0..rank - 2).all(|i| permutation[i] as usize == i)
                && permutation[rank - 2] as usize == rank - 1
                && permutation[rank - 1] as usize == rank - 2
        }
        _ => false,
    };
    let (swap_a, swap_b) = (swaps_last(r, x[0]), swaps_last(r, x[1]));
    if !swap_a && !swap_b {
        return Ok(None);
    }
    let a = if swap_a { r.input_of(x[0], 0) } else { x[0] };
    let b = if swap_b { r.input_of(x[1], 0) } else { x[1] };
    let op = Op::MatMul { transpose_a: transpose_a ^ swap_a, transpose_b: transpose_b ^ swap_b };
    r.push_typed(op, &[a, b], ty).map(Some)
}
