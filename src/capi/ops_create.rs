//! Chapter: new values.

use crate::capi::arguments::slice;
use crate::capi::generator::TenonGenerator;
use crate::capi::graph::{TenonGraph, TenonValue};
use crate::capi::handle::{Handle, Owner};
use crate::capi::record::{self, in_graph, record, sizes};
use crate::capi::tensor::{TenonDType, TenonTensor};
use crate::context::Generator;
use crate::error::{Error, Result};
use crate::ir::{Value, Variable};
use crate::ops::Trace;
use crate::tensor::DType;

/// An object that is to become part of a graph, if it is of the graph's context.
pub(super) fn same_context<T>(graph: TenonGraph, (object, owner): (T, Owner)) -> Result<T> {
    if graph.get_with_owner()?.1 == owner { Ok(object) } else { Err(Error::invalid("belongs to another context than the graph")) }
}

fn random(
    graph: TenonGraph,
    name: &str,
    shape: *const i64,
    rank: usize,
    generator: TenonGenerator,
    body: impl FnOnce(&mut Trace, &[usize], &Variable) -> Result<Value>,
) -> TenonValue {
    in_graph(graph, name, |g| {
        let dims = sizes(slice(shape, rank, "shape")?, "shape")?;
        body(g, &dims, generator_of(graph, generator)?.variable())
    })
}

/// The generator that a host means for a graph: zero is the context's own.
pub(super) fn generator_of(graph: TenonGraph, generator: TenonGenerator) -> Result<Generator> {
    if generator.id() == 0 {
        Ok(graph.get_with_owner()?.1.handle().get()?.generator().clone())
    } else {
        same_context(graph, generator.get_with_owner()?)
    }
}

/// A value of rank 0, rounded to the dtype.
#[unsafe(no_mangle)]
pub extern "C" fn tenon_scalar(graph: TenonGraph, dtype: TenonDType, value: f64) -> TenonValue {
    in_graph(graph, "scalar", |g| Ok(g.scalar(DType::from_code(dtype)?, value)))
}

/// A value of rank 0, exact also beyond 2^53.
#[unsafe(no_mangle)]
pub extern "C" fn tenon_integer(graph: TenonGraph, dtype: TenonDType, value: i64) -> TenonValue {
    in_graph(graph, "integer", |g| Ok(g.integer(DType::from_code(dtype)?, value)))
}

/// A tensor as part of the graph, which keeps it. Programs see later writes to it.
#[unsafe(no_mangle)]
pub extern "C" fn tenon_constant(graph: TenonGraph, tensor: TenonTensor) -> TenonValue {
    in_graph(graph, "constant", |g| {
        let tensor = same_context(graph, tensor.get_with_owner()?)?;
        Ok(g.constant(&tensor))
    })
}

/// A value of this shape whose elements are all equal.
#[unsafe(no_mangle)]
pub extern "C" fn tenon_full(graph: TenonGraph, dtype: TenonDType, shape: *const i64, rank: usize, value: f64) -> TenonValue {
    in_graph(graph, "full", |g| {
        let dims = sizes(slice(shape, rank, "shape")?, "shape")?;
        Ok(g.full(DType::from_code(dtype)?, &dims, value))
    })
}

/// Zeros with the dtype and shape of x.
#[unsafe(no_mangle)]
pub extern "C" fn tenon_zeros_like(x: TenonValue) -> TenonValue {
    record("zeros_like", [x], |g, [x]| if g.contains(x) { g.zeros_like(x) } else { x })
}

/// Ones with the dtype and shape of x.
#[unsafe(no_mangle)]
pub extern "C" fn tenon_ones_like(x: TenonValue) -> TenonValue {
    record("ones_like", [x], |g, [x]| if g.contains(x) { g.ones_like(x) } else { x })
}

/// The position along an axis: 0, 1, 2 ..., in this shape. Floats and integers. Negative axes count from the last.
#[unsafe(no_mangle)]
pub extern "C" fn tenon_iota(graph: TenonGraph, dtype: TenonDType, shape: *const i64, rank: usize, axis: i64) -> TenonValue {
    in_graph(graph, "iota", |g| {
        let dims = sizes(slice(shape, rank, "shape")?, "shape")?;
        let axis = record::axis(axis, dims.len())?;
        Ok(g.iota(DType::from_code(dtype)?, &dims, axis))
    })
}

/// Uniform random numbers in [0, 1), of a float dtype. A zero generator handle stands for the context's own; the
/// generator moves on when the program has run.
#[unsafe(no_mangle)]
pub extern "C" fn tenon_random_uniform(
    graph: TenonGraph,
    dtype: TenonDType,
    shape: *const i64,
    rank: usize,
    generator: TenonGenerator,
) -> TenonValue {
    random(graph, "random_uniform", shape, rank, generator, |g, dims, from| Ok(g.random_uniform(DType::from_code(dtype)?, dims, from)))
}

/// Standard normal random numbers, of a float dtype. A zero generator handle stands for the context's own; the
/// generator moves on when the program has run.
#[unsafe(no_mangle)]
pub extern "C" fn tenon_random_normal(
    graph: TenonGraph,
    dtype: TenonDType,
    shape: *const i64,
    rank: usize,
    generator: TenonGenerator,
) -> TenonValue {
    random(graph, "random_normal", shape, rank, generator, |g, dims, from| Ok(g.random_normal(DType::from_code(dtype)?, dims, from)))
}

/// Booleans that are true with probability p, which is at least 0 and at most 1. A zero generator handle stands for the
/// context's own; the generator moves on when the program has run.
#[unsafe(no_mangle)]
pub extern "C" fn tenon_random_bernoulli(
    graph: TenonGraph,
    p: f64,
    shape: *const i64,
    rank: usize,
    generator: TenonGenerator,
) -> TenonValue {
    random(graph, "random_bernoulli", shape, rank, generator, |g, dims, from| Ok(g.random_bernoulli(p, dims, from)))
}
