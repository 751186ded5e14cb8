//! The order of groups, and which results are written in place.
//!
//! Whatever writes a variable or an output of the caller comes after everything that can fail, so that a failed run changes
//! nothing. A result that cannot be so ordered goes through the arena and is copied at the end.

use super::fuse::{Fusion, Position};
use super::view::{View, awaited};
use crate::ir::{Class, Graph, Kernel, Op, Value};

pub(super) struct Schedule {
    /// Groups in the order of running.
    pub order: Vec<usize>,
    /// For each result (outputs, then assignments): whether its group writes it in place.
    pub direct: Vec<bool>,
}

pub(super) fn schedule(graph: &Graph, fusion: &Fusion) -> Schedule {
    let mut dag = Dag::new(graph, fusion);
    let results: Vec<Value> = graph.results().collect();
    let mut direct = vec![false; results.len()];
    let fallible: Vec<usize> = (0..fusion.groups.len()).filter(|group| dag.is_fallible(*group)).collect();

    // Variables first: their groups are late, and so is what depends on them.
    for (i, (variable, value)) in graph.assignments.iter().enumerate() {
        let group = fusion.group_of[value.index()];
        let readers = dag.readers(|op| matches!(op, Op::Read(id) if id == variable));
        let in_place = dag.is_alone_in_reading(group, *value, &readers)
            && !dag.reaches_any(group, &fallible)
            && readers.iter().all(|reader| *reader == group || !dag.reaches_any(group, &[*reader]));
        if in_place {
            for reader in readers {
                dag.add_edge(reader, group);
            }
            direct[graph.outputs.len() + i] = true;
        }
    }
    let mut late = vec![false; fusion.groups.len()];
    for (i, result) in results.iter().enumerate().skip(graph.outputs.len()) {
        if direct[i] {
            dag.mark_from(fusion.group_of[result.index()], &mut late);
        }
    }
    // Outputs are written in place where nothing early waits for them.
    for (i, output) in graph.outputs.iter().enumerate() {
        let group = fusion.group_of[output.index()];
        if dag.successors[group].iter().all(|next| late[*next]) && !fallible.contains(&group) {
            late[group] = true;
            direct[i] = true;
        }
    }
    Schedule { order: dag.order(&late), direct }
}

struct Dag<'a> {
    graph: &'a Graph,
    fusion: &'a Fusion,
    successors: Vec<Vec<usize>>,
}

impl<'a> Dag<'a> {
    fn new(graph: &'a Graph, fusion: &'a Fusion) -> Dag<'a> {
        let mut dag = Dag { graph, fusion, successors: vec![Vec::new(); fusion.groups.len()] };
        for (number, group) in fusion.groups.iter().enumerate() {
            for base in operands(graph, fusion, &group.members).map(|view| view.base) {
                let from = fusion.group_of[base.index()];
                if from != usize::MAX {
                    dag.add_edge(from, number);
                }
            }
            for member in &group.members {
                for value in graph.node(*member).inputs.iter().flat_map(|operand| awaited(graph, *operand)) {
                    let from = fusion.group_of[fusion.views[value.index()].base.index()];
                    if from != usize::MAX {
                        dag.add_edge(from, number);
                    }
                }
            }
        }
        dag
    }
    fn add_edge(&mut self, from: usize, to: usize) {
        if from != to && !self.successors[from].contains(&to) {
            self.successors[from].push(to);
        }
    }
    fn is_fallible(&self, group: usize) -> bool {
        let fallible = |member: &Value| matches!(self.graph.node(*member).op.class(), Class::Kernel(Kernel { fallible: true, .. }));
        self.fusion.groups[group].members.iter().any(fallible)
    }
    /// The groups that read a leaf.
    fn readers(&self, is_leaf: impl Fn(&Op) -> bool) -> Vec<usize> {
        let reads = |members: &[Value]| operands(self.graph, self.fusion, members).any(|view| is_leaf(&self.graph.node(view.base).op));
        (0..self.fusion.groups.len()).filter(|group| reads(&self.fusion.groups[*group].members)).collect()
    }
    /// Whether `value` may overwrite what its own loop reads: each point is read at that point only.
    fn is_alone_in_reading(&self, group: usize, value: Value, readers: &[usize]) -> bool {
        let node = self.graph.node(value);
        if !super::normalize::is_loop(&node.op) {
            return !readers.contains(&group);
        }
        if !readers.contains(&group) {
            return true;
        }
        if self.fusion.result_position(self.graph, value) != Position::Full {
            return false;
        }
        let Some((variable, _)) = self.graph.assignments.iter().find(|(_, assigned)| *assigned == value) else { return false };
        self.fusion.groups[group].members.iter().all(|member| {
            let node = self.graph.node(*member);
            // Random numbers all take the whole state.
            let pointwise = super::normalize::is_loop(&node.op)
                && !matches!(node.op, Op::Random { .. })
                && self.fusion.position[member.index()] == Position::Full;
            node.inputs.iter().all(|operand| {
                let view = &self.fusion.views[operand.index()];
                let reads = matches!(self.graph.node(view.base).op, Op::Read(id) if id == *variable);
                !reads || (pointwise && view.offset == 0 && view.is_contiguous() && view.elements() == self.fusion.groups[group].elements)
            })
        })
    }
    fn reaches_any(&self, from: usize, targets: &[usize]) -> bool {
        let mut seen = vec![false; self.successors.len()];
        self.mark_from(from, &mut seen);
        targets.iter().any(|target| seen[*target])
    }
    fn mark_from(&self, from: usize, seen: &mut [bool]) {
        let mut stack = vec![from];
        while let Some(group) = stack.pop() {
            if !std::mem::replace(&mut seen[group], true) {
                stack.extend(&self.successors[group]);
            }
        }
    }

    /// A topological order, early groups first; among those that are ready, the one that frees most and takes least memory.
    fn order(&self, late: &[bool]) -> Vec<usize> {
        let count = self.successors.len();
        let mut waiting = vec![0usize; count];
        for next in self.successors.iter().flatten() {
            waiting[*next] += 1;
        }
        // Readers left of each stored value, to know when its memory is free.
        let mut readers_left = vec![0usize; self.graph.nodes.len()];
        let mut reads: Vec<Vec<Value>> = Vec::with_capacity(count);
        for (number, group) in self.fusion.groups.iter().enumerate() {
            let mut bases: Vec<Value> = operands(self.graph, self.fusion, &group.members)
                .map(|view| view.base)
                .filter(|base| !matches!(self.fusion.group_of[base.index()], owner if owner == usize::MAX || owner == number))
                .collect();
            bases.sort_unstable();
            bases.dedup();
            for base in &bases {
                readers_left[base.index()] += 1;
            }
            reads.push(bases);
        }
        let bytes = |value: Value| self.graph.ty(value).bytes() as isize;
        let growth = |group: usize, readers_left: &[usize]| {
            let made: isize = self.fusion.groups[group]
                .members
                .iter()
                .filter(|member| readers_left[member.index()] > 0)
                .map(|member| bytes(*member))
                .sum();
            let freed: isize = reads[group].iter().filter(|base| readers_left[base.index()] == 1).map(|base| bytes(*base)).sum();
            made - freed
        };
        let mut ready: Vec<usize> = (0..count).filter(|group| waiting[*group] == 0).collect();
        let mut order = Vec::with_capacity(count);
        while !ready.is_empty() {
            let best = (0..ready.len())
                .min_by_key(|i| (late[ready[*i]], growth(ready[*i], &readers_left), ready[*i]))
                .expect("some group is ready");
            let group = ready.swap_remove(best);
            order.push(group);
            for base in &reads[group] {
                readers_left[base.index()] -= 1;
            }
            for next in &self.successors[group] {
                waiting[*next] -= 1;
                if waiting[*next] == 0 {
                    ready.push(*next);
                }
            }
        }
        debug_assert_eq!(order.len(), count, "groups form no cycle");
        order
    }
}

fn operands<'a>(graph: &'a Graph, fusion: &'a Fusion, members: &'a [Value]) -> impl Iterator<Item = &'a View> {
    members.iter().flat_map(move |member| graph.node(*member).inputs.iter().map(move |operand| &fusion.views[operand.index()]))
}
