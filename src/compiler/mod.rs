//! From a graph to a [`Plan`]: simplify, share, normalize, fuse, order, place.

mod build;
mod describe;
mod fuse;
mod memory;
mod normalize;
mod pieces;
mod plan;
mod regions;
mod rewrite;
mod schedule;
mod simplify;
mod view;

pub use plan::*;

use crate::error::Result;
use crate::ir::Graph;

/// Compiles `graph` for any device.
pub fn compile(graph: &Graph) -> Result<Plan> {
    let graph = regions::open(graph)?;
    let graph = simplify::simplify(&graph)?;
    let graph = normalize::normalize(&graph)?;
    let fusion = fuse::fuse(&graph);
    let schedule = schedule::schedule(&graph, &fusion);
    let (mut buffers, mut steps) = build::build(&graph, &fusion, &schedule)?;
    let arena_bytes = memory::place(&mut buffers, &mut steps);
    let commit = steps.iter().position(|step| writes_results(&buffers, step)).unwrap_or(steps.len());
    Ok(Plan { graph, buffers, steps, arena_bytes, commit })
}

fn writes_results(buffers: &[Buffer], step: &Step) -> bool {
    let mut writes = false;
    memory::touched(step, &mut |buffer, written| {
        writes |= written && matches!(buffers[buffer.0 as usize].place, Place::Output(_) | Place::Variable(_));
    });
    writes
}
