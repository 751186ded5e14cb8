//! Reverse mode: walks recorded nodes backwards and records what they hand to their operands.
//!
//! The gradient is ordinary graph: it can be differentiated again, fused, and placed like the forward pass.

use crate::autodiff::region;
use crate::error::{Error, Result, Status};
use crate::ir::{Node, Op, Unary, Value};
use crate::ops::{Contribution, Trace, definition, gradient, gradient_several, passes_gradient};
use std::collections::HashMap;

/// Looks at, and may replace, what a node hands to its operand of this position. Tests plant faults with it.
pub type Rewrite<'a> = &'a mut dyn FnMut(&mut Trace, &Node, usize, Value) -> Value;

/// The gradients of sum(output * seed) over all `outputs` with respect to each of `wrt`, recorded into `g`.
///
/// A value that the outputs do not depend on gets zeros, so does one that is not a float; outputs that are not floats
/// contribute nothing. Values of `wrt` are taken as independent: no gradient flows through one of them to another. A seed has the
/// type of its output.
pub fn reverse(g: &mut Trace, outputs: &[(Value, Value)], wrt: &[Value]) -> Result<Vec<Value>> {
    reverse_with(g, outputs, wrt, &mut |_, _, _, value| value)
}

/// [`reverse`] with every contribution passed through `rewrite`.
pub fn reverse_with(g: &mut Trace, outputs: &[(Value, Value)], wrt: &[Value], rewrite: Rewrite) -> Result<Vec<Value>> {
    g.check()?;
    for (output, seed) in outputs {
        if !g.contains(*output) || !g.contains(*seed) {
            return Err(Error::invalid("grad: an output or seed is not a value of this graph"));
        }
        if g.ty(*output) != g.ty(*seed) {
            return Err(Error::shape(format!("grad: the seed is {}, the output {}", g.ty(*seed), g.ty(*output))));
        }
    }
    if wrt.iter().any(|value| !g.contains(*value)) {
        return Err(Error::invalid("grad: asked for the gradient at a value that is not of this graph"));
    }
    let end = outputs.iter().map(|(output, _)| output.index() + 1).max().unwrap_or(0);
    let size = end.max(wrt.iter().map(|value| value.index() + 1).max().unwrap_or(0));
    let mut wanted = vec![false; size];
    wrt.iter().for_each(|value| wanted[value.index()] = true);
    let active = active(g, &wanted, end);
    let mut adjoints: Vec<Option<Value>> = vec![None; size];
    // What the parts of operations with several results are asked for with.
    let mut parts: HashMap<Value, Vec<Option<Value>>> = HashMap::new();
    for (output, seed) in outputs {
        if active[output.index()] {
            accumulate(g, &mut adjoints, *output, *seed);
        }
    }
    for index in (0..end).rev() {
        let y = Value::from_index(index);
        let asked = parts.remove(&y);
        if (adjoints[index].is_none() && asked.is_none()) || wanted[index] {
            continue;
        }
        let node = g.graph().node(y).clone();
        if !node.inputs.iter().any(|input| active[input.index()]) {
            continue;
        }
        let place = g.enter_path_of(y);
        let contribution = match (&node.op, adjoints[index], &asked) {
            (Op::Part(number), Some(dy), _) => {
                let of = node.inputs[0];
                let count = g.graph().node(of).op.result_count().unwrap_or(0);
                accumulate(g, parts.entry(of).or_insert_with(|| vec![None; count]), Value::from_index(*number as usize), dy);
                Contribution::Zero
            }
            (Op::Call(call), _, Some(asked)) => Contribution::Many(region::call_gradient(g, call, &node, y, asked, &of(&active, &node))?),
            (Op::Scan(scan), _, Some(asked)) => Contribution::Many(region::scan_gradient(g, scan, &node, y, asked, &of(&active, &node))?),
            (_, _, Some(asked)) => gradient_several(g, &node, y, asked),
            (_, Some(dy), None) => gradient(g, &node, y, dy),
            (_, None, None) => Contribution::Zero,
        };
        let contributions = match contribution {
            Contribution::Refused(reason) => return Err(refusal(g, &node, reason)),
            Contribution::Partly(all, reason) => {
                if node.inputs.iter().zip(&all).any(|(input, dx)| dx.is_none() && active[input.index()]) {
                    return Err(refusal(g, &node, reason));
                }
                all
            }
            Contribution::Defined => by_definition(g, &node, asked.as_deref().unwrap_or(&[]))?,
            Contribution::Zero => Vec::new(),
            Contribution::One(dx) => vec![Some(dx)],
            Contribution::Two(da, db) => vec![Some(da), Some(db)],
            Contribution::Many(all) => all,
        };
        for (position, (input, dx)) in node.inputs.iter().zip(contributions).enumerate() {
            if let Some(dx) = dx
                && active[input.index()]
            {
                let dx = rewrite(g, &node, position, dx);
                accumulate(g, &mut adjoints, *input, dx);
            }
        }
        g.leave_path(place);
    }
    let gradients = wrt
        .iter()
        .map(|value| match adjoints[value.index()] {
            Some(adjoint) => adjoint,
            None => g.zeros_like(*value),
        })
        .collect();
    g.check()?;
    Ok(gradients)
}

/// Which operands of the node are active.
fn of(active: &[bool], node: &Node) -> Vec<bool> {
    node.inputs.iter().map(|input| active[input.index()]).collect()
}

/// What the definition of an operation with several results hands to its operands.
fn by_definition(g: &mut Trace, node: &Node, asked: &[Option<Value>]) -> Result<Vec<Option<Value>>> {
    // The operands' own way does not go through these.
    let operands: Vec<Value> = node.inputs.iter().map(|input| g.push(Op::Unary(Unary::Identity), &[*input])).collect();
    let Some(results) = definition(g, &node.op, &operands) else {
        return Err(Error::internal(format!("{} has no definition", node.op.name())));
    };
    let outputs: Vec<(Value, Value)> = results.iter().zip(asked).filter_map(|(result, dy)| Some((*result, (*dy)?))).collect();
    Ok(reverse(g, &outputs, &operands)?.into_iter().map(Some).collect())
}

fn refusal(g: &Trace, node: &Node, reason: &str) -> Error {
    let path = &g.graph().paths[node.path as usize];
    Error::new(Status::NotDifferentiable, format!("grad: {} has no gradient: {reason}", node.op.name())).within(path)
}

fn accumulate(g: &mut Trace, adjoints: &mut [Option<Value>], value: Value, more: Value) {
    let slot = &mut adjoints[value.index()];
    *slot = Some(match *slot {
        None => more,
        Some(sum) => g.add(sum, more),
    });
}

/// Which values before `end` are wanted, or depend on a wanted one through floats and operations that are not flat.
fn active(g: &Trace, wanted: &[bool], end: usize) -> Vec<bool> {
    let mut active = vec![false; end];
    for index in 0..end {
        let node = g.graph().node(Value::from_index(index));
        let depends = passes_gradient(&node.op) && node.inputs.iter().any(|input| active[input.index()]);
        active[index] = node.ty.dtype.is_float() && (depends || wanted[index]);
    }
    active
}
