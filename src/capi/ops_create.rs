//! Chapter: new values.

use crate::capi::arguments::{CBool, size, slice};
use crate::capi::graph::{TenonGraph, TenonValue};
use crate::capi::handle::{Handle, Owner};
use crate::capi::record::{self, in_graph, record, sizes, try_record};
use crate::capi::tensor::{TenonDType, TenonTensor};
use crate::error::{Error, Result};
use crate::tensor::DType;

/// An object that is to become part of a graph, if it is of the graph's context.
pub(super) fn same_context<T>(graph: TenonGraph, (object, owner): (T, Owner)) -> Result<T> {
    if graph.get_with_owner()?.1 == owner { Ok(object) } else { Err(Error::invalid("belongs to another context than the graph")) }
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

/// 0 everywhere, in this shape; false for bool.
#[unsafe(no_mangle)]
pub extern "C" fn tenon_zeros(graph: TenonGraph, dtype: TenonDType, shape: *const i64, rank: usize) -> TenonValue {
    in_graph(graph, "zeros", |g| Ok(g.zeros(DType::from_code(dtype)?, &sizes(slice(shape, rank, "shape")?, "shape")?)))
}

/// 1 everywhere, in this shape; true for bool.
#[unsafe(no_mangle)]
pub extern "C" fn tenon_ones(graph: TenonGraph, dtype: TenonDType, shape: *const i64, rank: usize) -> TenonValue {
    in_graph(graph, "ones", |g| Ok(g.ones(DType::from_code(dtype)?, &sizes(slice(shape, rank, "shape")?, "shape")?)))
}

/// A number everywhere, rounded to the dtype of x, in its shape.
#[unsafe(no_mangle)]
pub extern "C" fn tenon_full_like(x: TenonValue, value: f64) -> TenonValue {
    record("full_like", [x], |g, [x]| g.full_like(x, value))
}

/// start, start + step, start + 2 step ... as long as they are before `end`: a vector of (end - start) / step numbers,
/// rounded up. A step below 0 goes down; one that leads away from the end is refused, and so is 0. Numbers of integers are
/// whole and fit. Not bool.
#[unsafe(no_mangle)]
pub extern "C" fn tenon_arange(graph: TenonGraph, dtype: TenonDType, start: f64, end: f64, step: f64) -> TenonValue {
    in_graph(graph, "arange", |g| Ok(g.arange(DType::from_code(dtype)?, start, end, step)))
}

/// `count` numbers of a float dtype from start to `end`, both of which are among them, evenly apart; of a single one start.
#[unsafe(no_mangle)]
pub extern "C" fn tenon_linspace(graph: TenonGraph, dtype: TenonDType, start: f64, end: f64, count: i64) -> TenonValue {
    in_graph(graph, "linspace", |g| Ok(g.linspace(DType::from_code(dtype)?, start, end, size(count, "count")?)))
}

/// The powers of base, which usually is 10, whose exponents are those of tenon_linspace.
#[unsafe(no_mangle)]
pub extern "C" fn tenon_logspace(graph: TenonGraph, dtype: TenonDType, start: f64, end: f64, count: i64, base: f64) -> TenonValue {
    in_graph(graph, "logspace", |g| Ok(g.logspace(DType::from_code(dtype)?, start, end, size(count, "count")?, base)))
}

/// 1 on the diagonal of a matrix [rows, columns], 0 elsewhere.
#[unsafe(no_mangle)]
pub extern "C" fn tenon_eye(graph: TenonGraph, dtype: TenonDType, rows: i64, columns: i64) -> TenonValue {
    in_graph(graph, "eye", |g| Ok(g.eye(DType::from_code(dtype)?, size(rows, "rows")?, size(columns, "columns")?)))
}

/// Rows and columns, i64 [2, count], of the elements of a matrix [rows, columns] on the diagonal that lies offset above
/// the main one (negative: below it) and below that diagonal, row by row.
#[unsafe(no_mangle)]
pub extern "C" fn tenon_tril_indices(graph: TenonGraph, rows: i64, columns: i64, offset: i64) -> TenonValue {
    in_graph(graph, "tril_indices", |g| Ok(g.tril_indices(size(rows, "rows")?, size(columns, "columns")?, offset)))
}

/// Rows and columns, i64 [2, count], of the elements of a matrix [rows, columns] on the diagonal that lies offset above
/// the main one (negative: below it) and above that diagonal, row by row.
#[unsafe(no_mangle)]
pub extern "C" fn tenon_triu_indices(graph: TenonGraph, rows: i64, columns: i64, offset: i64) -> TenonValue {
    in_graph(graph, "triu_indices", |g| Ok(g.triu_indices(size(rows, "rows")?, size(columns, "columns")?, offset)))
}

/// The powers 0 to count - 1 of each element of x [..., k], or, unless they increase, the same the other way round:
/// [..., k, count]. The power 0 is 1, also of 0.
#[unsafe(no_mangle)]
pub extern "C" fn tenon_vander(x: TenonValue, count: i64, is_increasing: CBool) -> TenonValue {
    try_record("vander", [x], |g, [x]| Ok(g.vander(x, size(count, "count")?, is_increasing.get())))
}

/// Hann's window, of a float dtype: 1/2 - 1/2 cos(2 pi i / n) for the places i = 0, 1, ... of `count`; n is count for a
/// periodic one, which spectra are taken with, and count - 1 for a symmetric one. A single place is 1.
#[unsafe(no_mangle)]
pub extern "C" fn tenon_hann_window(graph: TenonGraph, dtype: TenonDType, count: i64, is_periodic: CBool) -> TenonValue {
    in_graph(graph, "hann_window", |g| Ok(g.hann_window(DType::from_code(dtype)?, size(count, "count")?, is_periodic.get())))
}

/// Hamming's window: alpha - beta cos(2 pi i / n), otherwise like tenon_hann_window. Usual are 0.54 and 0.46.
#[unsafe(no_mangle)]
pub extern "C" fn tenon_hamming_window(
    graph: TenonGraph,
    dtype: TenonDType,
    count: i64,
    is_periodic: CBool,
    alpha: f64,
    beta: f64,
) -> TenonValue {
    in_graph(graph, "hamming_window", |g| {
        Ok(g.hamming_window(DType::from_code(dtype)?, size(count, "count")?, is_periodic.get(), alpha, beta))
    })
}

/// Blackman's window: 0.42 - 0.5 cos(2 pi i / n) + 0.08 cos(4 pi i / n), otherwise like tenon_hann_window.
#[unsafe(no_mangle)]
pub extern "C" fn tenon_blackman_window(graph: TenonGraph, dtype: TenonDType, count: i64, is_periodic: CBool) -> TenonValue {
    in_graph(graph, "blackman_window", |g| Ok(g.blackman_window(DType::from_code(dtype)?, size(count, "count")?, is_periodic.get())))
}

/// Bartlett's window: 1 - |2 i / n - 1|, otherwise like tenon_hann_window.
#[unsafe(no_mangle)]
pub extern "C" fn tenon_bartlett_window(graph: TenonGraph, dtype: TenonDType, count: i64, is_periodic: CBool) -> TenonValue {
    in_graph(graph, "bartlett_window", |g| Ok(g.bartlett_window(DType::from_code(dtype)?, size(count, "count")?, is_periodic.get())))
}

/// Kaiser's window: I0(beta sqrt(1 - (2 i / n - 1)^2)) / I0(beta), otherwise like tenon_hann_window. Usual is 12.
#[unsafe(no_mangle)]
pub extern "C" fn tenon_kaiser_window(graph: TenonGraph, dtype: TenonDType, count: i64, is_periodic: CBool, beta: f64) -> TenonValue {
    in_graph(graph, "kaiser_window", |g| Ok(g.kaiser_window(DType::from_code(dtype)?, size(count, "count")?, is_periodic.get(), beta)))
}
