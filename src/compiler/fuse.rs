//! Fusion: which nodes run in one loop.
//!
//! Every computed node starts as a group of its own. Walking from the results backwards, a node joins the groups of those that
//! use it, where their iteration spaces agree and no cycle between groups arises. A space is `elements` long; a group that reduces
//! or repeats rows has a fixed split into rows and columns, and its members are Full (an element for each point) or Row (an
//! element for each row). At last each matrix product takes the loop over its result as epilogue.

use super::normalize::{Form, form, is_computed, is_loop};
use super::view::{View, awaited, cut, views};
use crate::ir::{Graph, Op, Value};

/// The most members of a group: a bound on registers and on compile time.
const MEMBERS: usize = 160;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Position {
    Full,
    Row,
    /// Known when the loop has ended.
    After,
}

/// How a user reads the node below its operand's views.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Edge {
    /// The same elements in the same order.
    Same,
    /// One element repeated along each row of this many columns.
    Rows(usize),
    Other,
}

#[derive(Clone, Debug)]
pub(super) struct Group {
    pub members: Vec<Value>,
    pub elements: usize,
    pub split: Option<(usize, usize)>,
    pub product: Option<Value>,
}

pub(super) struct Fusion {
    pub views: Vec<View>,
    /// The group of each computed node.
    pub group_of: Vec<usize>,
    pub groups: Vec<Group>,
    /// Where operands stand, for loop nodes.
    pub position: Vec<Position>,
}

impl Fusion {
    /// Where the node's result stands.
    pub fn result_position(&self, graph: &Graph, value: Value) -> Position {
        result_position(graph, value, self.position[value.index()])
    }
}

fn result_position(graph: &Graph, value: Value, operands: Position) -> Position {
    let node = graph.node(value);
    match &node.op {
        Op::Reduce { axes, .. } => match form(graph.shape(node.inputs[0]), axes).0 {
            Form::Row => Position::Row,
            Form::Column | Form::Total => Position::After,
        },
        Op::ArgMax(_) | Op::ArgMin(_) => Position::Row,
        _ => operands,
    }
}

pub(super) fn fuse(graph: &Graph) -> Fusion {
    let mut fuser = Fuser::new(graph);
    // What follows a product first: loops that could ride on it must not be kept off by others that share nothing with them but an input.
    let follows = follows_product(graph);
    for after_product in [true, false] {
        for index in (0..graph.nodes.len()).rev() {
            if follows[index] == after_product && is_loop(&graph.nodes[index].op) {
                for user in fuser.users[index].clone() {
                    if is_loop(&graph.node(user).op) {
                        fuser.try_merge(Value::from_index(index), user);
                    }
                }
            }
        }
    }
    fuser.join_scalars();
    for index in 0..graph.nodes.len() {
        if matches!(graph.nodes[index].op, Op::MatMul { .. })
            && matches!(graph.nodes[index].ty.dtype, crate::tensor::DType::F32 | crate::tensor::DType::F64)
        {
            fuser.attach_product(Value::from_index(index));
        }
    }
    fuser.finish()
}

/// Which values depend on a matrix product.
fn follows_product(graph: &Graph) -> Vec<bool> {
    let mut follows = vec![false; graph.nodes.len()];
    for (index, node) in graph.nodes.iter().enumerate() {
        follows[index] = matches!(node.op, Op::MatMul { .. }) || node.inputs.iter().any(|input| follows[input.index()]);
    }
    follows
}

struct Fuser<'a> {
    graph: &'a Graph,
    views: Vec<View>,
    /// The computed nodes that read each node, through views.
    users: Vec<Vec<Value>>,
    group_of: Vec<usize>,
    groups: Vec<Group>,
    position: Vec<Position>,
    visited: Vec<u32>,
    stamp: u32,
}

/// What a merge of two groups would look like.
struct Merge {
    elements: usize,
    split: Option<(usize, usize)>,
    /// The first group's members become Row; the second's do.
    lift: [bool; 2],
}

impl<'a> Fuser<'a> {
    fn new(graph: &'a Graph) -> Fuser<'a> {
        let count = graph.nodes.len();
        let views = views(graph);
        let mut users: Vec<Vec<Value>> = vec![Vec::new(); count];
        let mut groups = Vec::new();
        let mut group_of = vec![usize::MAX; count];
        for (index, node) in graph.nodes.iter().enumerate() {
            if !is_computed(&node.op) {
                continue;
            }
            let value = Value::from_index(index);
            let awaited = node.inputs.iter().flat_map(|input| awaited(graph, *input));
            for input in node.inputs.iter().copied().chain(awaited) {
                let base = views[input.index()].base;
                if users[base.index()].last() != Some(&value) {
                    users[base.index()].push(value);
                }
            }
            let (elements, split) = match &node.op {
                Op::Reduce { axes, .. } => {
                    let shape = graph.shape(node.inputs[0]);
                    let elements = shape.elements();
                    match form(shape, axes) {
                        (Form::Row, count) => (elements, Some((elements / count, count))),
                        (Form::Column, count) => (elements, Some((count, elements / count))),
                        (Form::Total, _) => (elements, None),
                    }
                }
                Op::ArgMax(axis) | Op::ArgMin(axis) => {
                    let shape = graph.shape(node.inputs[0]);
                    let columns = shape.dims()[*axis as usize];
                    (shape.elements(), Some((shape.elements() / columns, columns)))
                }
                _ => (node.ty.shape.elements(), None),
            };
            if matches!(node.op, Op::Part(_)) {
                group_of[index] = group_of[node.inputs[0].index()];
                let group: &mut Group = &mut groups[group_of[index]];
                group.members.push(value);
                continue;
            }
            group_of[index] = groups.len();
            groups.push(Group { members: vec![value], elements, split, product: None });
        }
        let visited = vec![0; groups.len()];
        Fuser { graph, views, users, group_of, groups, position: vec![Position::Full; count], visited, stamp: 0 }
    }

    fn edge(&self, operand: Value) -> Edge {
        let view = &self.views[operand.index()];
        let source = self.graph.shape(view.base).elements();
        if view.offset != 0 {
            return Edge::Other;
        }
        if view.elements() == source {
            return if view.is_contiguous() { Edge::Same } else { Edge::Other };
        }
        // Scalars are loaded: they would force a split upon the space.
        if source > 1
            && let Some((rows, columns)) = cut(view, source)
            && matches!(rows[..], [(_, 1)])
            && columns.iter().all(|(_, stride)| *stride == 0)
        {
            return Edge::Rows(view.elements() / source);
        }
        Edge::Other
    }

    /// Merges the groups of `node` and of its user, if the result is one loop without cycles.
    fn try_merge(&mut self, node: Value, user: Value) {
        let (a, c) = (self.group_of[node.index()], self.group_of[user.index()]);
        if a == c || self.groups[a].members.len() + self.groups[c].members.len() > MEMBERS {
            return;
        }
        let result = result_position(self.graph, node, self.position[node.index()]);
        let operands = self.position[user.index()];
        for operand in self.graph.node(user).inputs.clone() {
            if self.views[operand.index()].base != node {
                continue;
            }
            let Some(merge) = self.unify(a, c, self.edge(operand), result, operands, node) else { return };
            if self.fits(a, c, &merge) && !self.reaches_around(a, c) {
                self.merge(a, c, merge);
            }
            return;
        }
    }

    /// The space that both groups can share, given one edge from `a` to `c`.
    fn unify(&self, a: usize, c: usize, edge: Edge, result: Position, operands: Position, node: Value) -> Option<Merge> {
        let (ga, gc) = (&self.groups[a], &self.groups[c]);
        let join = |x: Option<(usize, usize)>, y: Option<(usize, usize)>| match (x, y) {
            (Some(x), Some(y)) if x != y => None,
            (x, y) => Some(x.or(y)),
        };
        let (elements, split, lift) = match (edge, result, operands) {
            (Edge::Same, Position::Full, Position::Full) if ga.elements == gc.elements => {
                (ga.elements, join(ga.split, gc.split)?, [false, false])
            }
            (Edge::Same, Position::Row, Position::Row) if ga.elements == gc.elements && ga.split == gc.split => {
                (ga.elements, ga.split, [false, false])
            }
            (Edge::Same, Position::Row, Position::Full) if self.can_lift(c) && ga.split?.0 == gc.elements => {
                (ga.elements, ga.split, [false, true])
            }
            (Edge::Same, Position::Full, Position::Row) if self.can_lift(a) && gc.split?.0 == ga.elements => {
                (gc.elements, gc.split, [true, false])
            }
            (Edge::Rows(columns), Position::Row, Position::Full) if ga.elements == gc.elements && ga.split?.1 == columns => {
                (ga.elements, join(ga.split, gc.split)?, [false, false])
            }
            (Edge::Rows(columns), Position::Full, Position::Full) if self.can_lift(a) => {
                let rows = self.graph.shape(node).elements();
                if ga.elements != rows || gc.elements != rows * columns {
                    return None;
                }
                (gc.elements, join(gc.split, Some((rows, columns)))?, [true, false])
            }
            _ => return None,
        };
        Some(Merge { elements, split, lift })
    }

    /// Whether the group's space can become the rows of a larger one.
    fn can_lift(&self, group: usize) -> bool {
        let group = &self.groups[group];
        group.split.is_none() && group.product.is_none()
    }

    /// Whether every operand of both groups can be had in the merged loop.
    fn fits(&self, a: usize, c: usize, merge: &Merge) -> bool {
        let position = |value: Value| {
            let group = self.group_of[value.index()];
            let lifted = (group == a && merge.lift[0]) || (group == c && merge.lift[1]);
            if lifted { Position::Row } else { self.position[value.index()] }
        };
        let members = self.groups[a].members.iter().chain(&self.groups[c].members);
        members.into_iter().all(|member| {
            self.graph.node(*member).inputs.iter().all(|operand| {
                let view = &self.views[operand.index()];
                let inside = matches!(self.group_of[view.base.index()], group if group == a || group == c);
                if inside {
                    // Random numbers take their state from memory, all of it for each of them.
                    if matches!(self.graph.node(*member).op, Op::Random { .. }) {
                        return false;
                    }
                    let result = result_position(self.graph, view.base, position(view.base));
                    return match (self.edge(*operand), result, position(*member)) {
                        (Edge::Same, Position::Full, Position::Full) | (Edge::Same, Position::Row, Position::Row) => true,
                        (Edge::Rows(columns), Position::Row, Position::Full) => merge.split.is_some_and(|split| split.1 == columns),
                        _ => false,
                    };
                }
                self.loads(*member, view, position(*member), merge.split)
            })
        })
    }

    /// Whether rows and columns of the view can be told apart. The state of random numbers has none.
    fn loads(&self, member: Value, view: &View, position: Position, split: Option<(usize, usize)>) -> bool {
        match (position, split) {
            _ if matches!(self.graph.node(member).op, Op::Random { .. }) => true,
            (Position::Full, Some((rows, _))) => cut(view, rows).is_some(),
            _ => true,
        }
    }

    /// Whether a path leads from group `a` to group `c` through a third one.
    fn reaches_around(&mut self, a: usize, c: usize) -> bool {
        self.stamp += 1;
        let stamp = self.stamp;
        let mut stack = vec![a];
        self.visited[a] = stamp;
        while let Some(group) = stack.pop() {
            for member in &self.groups[group].members {
                for user in &self.users[member.index()] {
                    let next = self.group_of[user.index()];
                    if next == c && group != a {
                        return true;
                    }
                    if next != c && self.visited[next] != stamp {
                        self.visited[next] = stamp;
                        stack.push(next);
                    }
                }
            }
        }
        false
    }

    fn merge(&mut self, a: usize, c: usize, merge: Merge) {
        for (group, lift) in [(a, merge.lift[0]), (c, merge.lift[1])] {
            if lift {
                for member in &self.groups[group].members {
                    self.position[member.index()] = Position::Row;
                }
            }
        }
        let moved = std::mem::take(&mut self.groups[a].members);
        for member in &moved {
            self.group_of[member.index()] = c;
        }
        let product = self.groups[a].product.take();
        let group = &mut self.groups[c];
        group.members.extend(moved);
        group.elements = merge.elements;
        group.split = merge.split;
        group.product = group.product.or(product);
    }

    /// Loops over one element are joined wherever no cycle forbids it: their cost is the call.
    fn join_scalars(&mut self) {
        let is_scalar = |fuser: &Fuser, group: usize| {
            let group = &fuser.groups[group];
            group.elements == 1 && !group.members.is_empty() && group.members.iter().all(|member| is_loop(&fuser.graph.node(*member).op))
        };
        let assigned: Vec<usize> = self.graph.assignments.iter().map(|(_, value)| self.group_of[value.index()]).collect();
        let scalars: Vec<usize> = (0..self.groups.len()).filter(|group| is_scalar(self, *group)).collect();
        for (i, a) in scalars.iter().enumerate() {
            for c in &scalars[i + 1..] {
                let both = [*a, *c].map(|group| &self.groups[group]);
                let [ga, gc] = both;
                if ga.members.is_empty() || gc.members.is_empty() || ga.members.len() + gc.members.len() > MEMBERS {
                    continue;
                }
                // What a variable is assigned comes last; it must not hold up the rest.
                if assigned.contains(a) != assigned.contains(c) || ga.split != gc.split {
                    continue;
                }
                let merge = Merge { elements: 1, split: ga.split, lift: [false, false] };
                if self.fits(*a, *c, &merge) && !self.reaches(*a, *c) && !self.reaches(*c, *a) {
                    self.merge(*a, *c, merge);
                }
            }
        }
    }

    /// Whether any path leads from `a` to `c`.
    fn reaches(&mut self, a: usize, c: usize) -> bool {
        let direct =
            self.groups[a].members.iter().any(|member| self.users[member.index()].iter().any(|user| self.group_of[user.index()] == c));
        direct || self.reaches_around(a, c)
    }

    /// Makes the loop over the product's result its epilogue.
    fn attach_product(&mut self, product: Value) {
        let shape = *self.graph.shape(product);
        let columns = shape.dims()[shape.rank() - 1];
        if shape.elements() == 0 {
            return;
        }
        let rows = shape.elements() / columns;
        let inner = self.graph.shape(self.graph.node(product).inputs[0]).elements() / (rows.max(1));
        // A task owns whole rows. Few rows of a large product would leave workers idle: it runs alone, cut in columns too.
        if rows < 64 && rows * columns * inner > 4_000_000 {
            return;
        }
        let own = self.group_of[product.index()];
        for user in self.users[product.index()].clone() {
            let group = self.group_of[user.index()];
            let candidate = &self.groups[group];
            let splits = candidate.split.is_none_or(|split| split == (rows, columns));
            if !is_loop(&self.graph.node(user).op) || candidate.product.is_some() || candidate.elements != shape.elements() || !splits {
                continue;
            }
            let split = Some((rows, columns));
            let readable = candidate.members.iter().all(|member| {
                self.graph.node(*member).inputs.iter().all(|operand| {
                    let view = &self.views[operand.index()];
                    if view.base == product {
                        return self.edge(*operand) == Edge::Same && self.position[member.index()] == Position::Full;
                    }
                    self.group_of[view.base.index()] == group || self.loads(*member, view, self.position[member.index()], split)
                })
            });
            if !readable || self.reaches_around(own, group) {
                continue;
            }
            self.groups[own].members.clear();
            self.group_of[product.index()] = group;
            let group = &mut self.groups[group];
            group.members.push(product);
            group.product = Some(product);
            group.split = split;
            return;
        }
    }

    fn finish(mut self) -> Fusion {
        for group in &mut self.groups {
            group.members.sort_unstable();
        }
        // Numbers of groups become dense, in the order of their last members.
        let last = |(number, group): (usize, &Group)| group.members.last().map(|member| (member.index() as u64, number as u64));
        let mut order: Vec<(u64, u64)> = self.groups.iter().enumerate().filter_map(last).collect();
        order.sort_unstable();
        let groups: Vec<Group> = order.iter().map(|(_, group)| self.groups[*group as usize].clone()).collect();
        for (number, group) in groups.iter().enumerate() {
            for member in &group.members {
                self.group_of[member.index()] = number;
            }
        }
        Fusion { views: self.views, group_of: self.group_of, groups, position: self.position }
    }
}
