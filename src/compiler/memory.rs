//! Places for intermediates: one arena, offsets by lifetime, results over operands that die.

use super::build::UNPLACED;
use super::plan::*;

const ALIGN: usize = 64;

/// Gives every unplaced buffer an offset; the bytes of the arena.
pub(super) fn place(buffers: &mut [Buffer], steps: &mut [Step]) -> usize {
    let mut lives = lifetimes(buffers, steps);
    let owner = reuse(buffers, steps, &mut lives);
    delay_stores(buffers, steps, &owner);

    // Large ones first, each at the lowest offset that is free for its whole life.
    let unplaced = (0..buffers.len()).filter(|i| buffers[*i].place == UNPLACED && owner[*i] == *i && lives[*i].is_some());
    let mut order: Vec<(u64, u64)> = unplaced.map(|i| (u64::MAX - buffers[i].bytes() as u64, i as u64)).collect();
    order.sort_unstable();
    let mut placed: Vec<(usize, usize, usize)> = Vec::new(); // offset, end, buffer
    let mut arena = 0;
    for i in order.into_iter().map(|(_, i)| i as usize) {
        let bytes = buffers[i].bytes().next_multiple_of(ALIGN);
        let overlaps = |other: usize| {
            let ((a, b), (c, d)) = (lives[i].expect("placed buffers live"), lives[other].expect("placed buffers live"));
            a <= d && c <= b
        };
        let mut offset = 0;
        for (start, end, other) in &placed {
            if overlaps(*other) && *start < offset + bytes && offset < *end {
                offset = *end;
            }
        }
        // Sorted by offset, one pass finds the lowest gap only if later ones do not reach back; repeat until nothing moves. The search alone would
        // find the same, but starts from the front at each move: programs of thousands of steps would take minutes to compile.
        while let Some((_, end, _)) = placed.iter().find(|(start, end, other)| overlaps(*other) && *start < offset + bytes && offset < *end)
        {
            offset = *end;
        }
        buffers[i].place = Place::Arena(offset);
        arena = arena.max(offset + bytes);
        let at = placed.partition_point(|(start, _, _)| *start <= offset);
        placed.insert(at, (offset, offset + bytes, i));
    }
    for i in 0..buffers.len() {
        if owner[i] != i {
            let mut root = owner[i];
            while owner[root] != root {
                root = owner[root];
            }
            buffers[i].place = buffers[root].place;
        } else if buffers[i].place == UNPLACED {
            buffers[i].place = Place::Arena(0); // of no bytes, or never touched
        }
    }
    arena
}

/// The first and last step that touch each buffer.
fn lifetimes(buffers: &[Buffer], steps: &[Step]) -> Vec<Option<(usize, usize)>> {
    let mut lives: Vec<Option<(usize, usize)>> = vec![None; buffers.len()];
    for (number, step) in steps.iter().enumerate() {
        touched(step, &mut |buffer, _| {
            let life = &mut lives[buffer.0 as usize];
            *life = Some(life.map_or((number, number), |(first, _)| (first, number)));
        });
    }
    lives
}

/// Calls `visit` with every buffer of the step and whether it is written.
pub(super) fn touched(step: &Step, visit: &mut dyn FnMut(BufferId, bool)) {
    let product = |product: &Product, visit: &mut dyn FnMut(BufferId, bool)| {
        visit(product.a.buffer, false);
        visit(product.b.buffer, false);
        if let Some(out) = product.out {
            visit(out, true);
        }
    };
    match step {
        Step::Loop(body) => {
            for op in &body.ops {
                match &op.kind {
                    Kind::Load(Access { buffer: Some(buffer), .. }) => visit(*buffer, false),
                    Kind::Random { state, .. } => visit(*state, false),
                    _ => {}
                }
                if let Some(buffer) = op.store {
                    visit(buffer, true);
                }
            }
            if let Some(inner) = &body.product {
                product(inner, visit);
            }
        }
        Step::Product(inner) => product(inner, visit),
        Step::Kernel(kernel) => {
            kernel.inputs.iter().for_each(|input| visit(*input, false));
            kernel.outputs.iter().flatten().for_each(|output| visit(*output, true));
        }
        Step::Assemble(assemble) => {
            if let Some(fill) = assemble.fill {
                visit(fill, false);
            }
            for piece in &assemble.pieces {
                visit(piece.source, false);
            }
            visit(assemble.out, true);
        }
        Step::Copy { from, to } => {
            visit(*from, false);
            visit(*to, true);
        }
    }
}

/// Where a loop may write a result over an operand that it reads last: buffer -> the buffer whose place it takes.
fn reuse(buffers: &[Buffer], steps: &[Step], lives: &mut [Option<(usize, usize)>]) -> Vec<usize> {
    let mut owner: Vec<usize> = (0..buffers.len()).collect();
    for (number, step) in steps.iter().enumerate() {
        let Step::Loop(body) = step else { continue };
        // Operands whose place a result of this loop has.
        let mut taken = Vec::new();
        for (index, op) in body.ops.iter().enumerate() {
            let Some(target) = op.store.map(|buffer| buffer.0 as usize) else { continue };
            let fresh = buffers[target].place == UNPLACED && lives[target].is_some_and(|life| life.0 == number) && owner[target] == target;
            if op.extent != Extent::Full || !fresh {
                continue;
            }
            let dying = body.ops.iter().find_map(|load| {
                let Kind::Load(Access { buffer: Some(buffer), .. }) = &load.kind else { return None };
                let i = buffer.0 as usize;
                let same = buffers[i].place == UNPLACED
                    && buffers[i].dtype.size() == buffers[target].dtype.size()
                    && buffers[i].elements == buffers[target].elements;
                let dies = lives[i].is_some_and(|life| life.1 == number && life.0 < number);
                let free = !taken.contains(&i);
                (same && dies && free && is_pointwise(body, *buffer) && last_read(body, *buffer) <= index).then_some(i)
            });
            if let Some(i) = dying {
                owner[target] = i;
                taken.push(i);
                let last = lives[target].expect("the target lives").1;
                // The joined buffer lives on; the old one is taken.
                let mut root = i;
                loop {
                    let first = lives[root].expect("the operand lives").0;
                    lives[root] = Some((first, last));
                    if owner[root] == root {
                        break;
                    }
                    root = owner[root];
                }
            }
        }
    }
    owner
}

/// Whether the loop reads the buffer at each point only for that point.
fn is_pointwise(body: &Loop, buffer: BufferId) -> bool {
    let reads_product = body.product.as_ref().is_some_and(|product| product.a.buffer == buffer || product.b.buffer == buffer);
    !reads_product
        && body.ops.iter().all(|op| match &op.kind {
            Kind::Load(access) if access.buffer == Some(buffer) => {
                // A space of one row or of one column is as full in the other direction alone.
                let whole = match access.extent() {
                    Extent::Full => true,
                    Extent::Column => body.rows == 1,
                    Extent::Row => body.columns == 1,
                    Extent::Scalar => false,
                };
                access.offset == 0 && whole && access.is_dense(body.columns)
            }
            Kind::Random { state, .. } => *state != buffer,
            _ => true,
        })
}

/// The number of the last operation that reads the buffer.
fn last_read(body: &Loop, buffer: BufferId) -> usize {
    let loads = |register: Register| matches!(&body.ops[register as usize].kind, Kind::Load(access) if access.buffer == Some(buffer));
    body.ops.iter().enumerate().filter(|(_, op)| op.inputs.iter().any(|input| loads(*input))).map(|(index, _)| index).max().unwrap_or(0)
}

/// Stores into memory that operations further down still read wait for the end of the tile.
fn delay_stores(buffers: &[Buffer], steps: &mut [Step], owner: &[usize]) {
    let root = |buffer: BufferId| {
        let mut i = buffer.0 as usize;
        while owner[i] != i {
            i = owner[i];
        }
        i
    };
    let same = |a: BufferId, b: BufferId| {
        let (a, b) = (root(a), root(b));
        a == b || (buffers[a].place == buffers[b].place && buffers[a].place != UNPLACED)
    };
    for step in steps {
        let Step::Loop(body) = step else { continue };
        for index in 0..body.ops.len() {
            let Some(target) = body.ops[index].store else { continue };
            let read_later = body.ops.iter().any(|load| match &load.kind {
                Kind::Load(Access { buffer: Some(buffer), .. }) => same(*buffer, target) && last_read(body, *buffer) > index,
                _ => false,
            });
            body.ops[index].store_late = read_later;
        }
    }
}
