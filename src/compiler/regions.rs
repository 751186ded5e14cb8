//! Graphs inside nodes, before anything else is done with a graph: calls give way to what they stand for, and loops keep only what is read of them.

use super::rewrite::{Rewriter, live};
use crate::error::Result;
use crate::ir::{Graph, Node, Op, Scan, Shared, Value};
use std::collections::{BTreeSet, HashMap};

/// The same computation without calls, whose loops stack nothing in vain.
pub(super) fn open(graph: &Graph) -> Result<Graph> {
    if !graph.nodes.iter().any(|node| matches!(node.op, Op::Call(_) | Op::Scan(_))) {
        return Ok(graph.clone());
    }
    let live = live(graph);
    let mut read: HashMap<Value, BTreeSet<usize>> = HashMap::new();
    for (index, node) in graph.nodes.iter().enumerate() {
        if let Op::Part(number) = node.op
            && live[index]
        {
            read.entry(node.inputs[0]).or_default().insert(number as usize);
        }
    }
    let mut r = Rewriter::new(graph);
    let mut opened = Opened::default();
    for (index, node) in graph.nodes.iter().enumerate() {
        // Inputs keep their positions, whether they are used or not.
        if live[index] || matches!(node.op, Op::Input(_)) {
            r.path = node.path;
            let numbers = read.get(&Value::from_index(index)).cloned().unwrap_or_default();
            opened.node(&mut r, Value::from_index(index), node, &numbers)?;
        }
    }
    r.graph.inputs = graph.inputs.iter().map(|input| opened.map[input]).collect();
    r.graph.outputs = graph.outputs.iter().map(|value| opened.map[value]).collect();
    r.graph.assignments = graph.assignments.iter().map(|(variable, value)| (*variable, opened.map[value])).collect();
    Ok(r.graph)
}

/// What became of the nodes of one graph.
#[derive(Default)]
struct Opened {
    map: HashMap<Value, Value>,
    /// The results of calls.
    results: HashMap<Value, Vec<Value>>,
    /// The new numbers of the results of loops.
    numbers: HashMap<Value, HashMap<usize, u32>>,
}

impl Opened {
    fn node(&mut self, r: &mut Rewriter, value: Value, node: &Node, read: &BTreeSet<usize>) -> Result<()> {
        let inputs: Vec<Value> = node.inputs.iter().filter_map(|input| self.map.get(input).copied()).collect();
        let made = match &node.op {
            Op::Call(call) => {
                self.results.insert(value, inline(r, &call.body, &inputs)?);
                return Ok(());
            }
            Op::Part(number) => match (self.results.get(&node.inputs[0]), self.numbers.get(&node.inputs[0])) {
                (Some(results), _) => results[*number as usize],
                (None, Some(numbers)) => r.push_typed(Op::Part(numbers[&(*number as usize)]), &inputs, node.ty)?,
                (None, None) => r.push_typed(node.op.clone(), &inputs, node.ty)?,
            },
            Op::Scan(scan) => {
                let (scan, numbers) = narrow(scan, read)?;
                self.numbers.insert(value, numbers);
                r.push_typed(Op::Scan(Shared::new(scan)), &inputs, node.ty)?
            }
            op => r.push_typed(op.clone(), &inputs, node.ty)?,
        };
        self.map.insert(value, made);
        Ok(())
    }
}

/// The nodes of `body` in the place of its call; the values of its outputs.
fn inline(r: &mut Rewriter, body: &Graph, inputs: &[Value]) -> Result<Vec<Value>> {
    let body = open(body)?;
    let outer = r.path;
    let mut map: Vec<Value> = Vec::with_capacity(body.nodes.len());
    for node in &body.nodes {
        let made = match &node.op {
            Op::Input(position) => inputs[*position as usize],
            op => {
                r.path = r.path_index(&body.paths[node.path as usize]);
                let operands: Vec<Value> = node.inputs.iter().map(|input| map[input.index()]).collect();
                r.push_typed(op.clone(), &operands, node.ty)?
            }
        };
        map.push(made);
    }
    r.path = outer;
    Ok(body.outputs.iter().map(|output| map[output.index()]).collect())
}

/// The loop with the results that are read alone, and their new numbers.
fn narrow(scan: &Scan, read: &BTreeSet<usize>) -> Result<(Scan, HashMap<usize, u32>)> {
    let mut body = scan.body.clone();
    let mut numbers: HashMap<usize, u32> = (0..scan.carries).map(|number| (number, number as u32)).collect();
    body.outputs.truncate(scan.carries);
    for number in read {
        if let Some(value) = scan.stacked(*number) {
            // A value that is stacked twice, as a result and for a gradient, is stacked once.
            let position = (scan.carries..body.outputs.len()).find(|position| body.outputs[*position] == value).unwrap_or_else(|| {
                body.outputs.push(value);
                body.outputs.len() - 1
            });
            numbers.insert(*number, position as u32);
        }
    }
    let body = open(&body)?;
    Ok((Scan { body, length: scan.length, carries: scan.carries, slices: scan.slices, reverse: scan.reverse }, numbers))
}
