//! Chapter: repeating, turning, joining, diagonals.

use crate::capi::arguments::{CBool, slice};
use crate::capi::graph::TenonValue;
use crate::capi::ops_shape::wanted;
use crate::capi::record::{self, record, record_list, record_list_several, sizes, try_record};
use crate::error::Error;
use crate::ops::composite::kept_sizes;

/// x repeated to a shape, aligned at the last dimension, like tenon_broadcast_to; -1 keeps a size of x.
#[unsafe(no_mangle)]
pub extern "C" fn tenon_expand(x: TenonValue, shape: *const i64, rank: usize) -> TenonValue {
    try_record("expand", [x], |g, [x]| Ok(g.expand(x, &kept_sizes(slice(shape, rank, "shape")?)?)))
}

/// Writes the values, each repeated to the shape that all of them broadcast to.
#[unsafe(no_mangle)]
pub extern "C" fn tenon_broadcast_tensors(parts: *const TenonValue, count: usize, outputs: *mut TenonValue, output_count: usize) {
    record_list_several("broadcast_tensors", parts, count, outputs, output_count, |g, parts| Ok(g.broadcast_tensors(parts)));
}

/// x repeated as a whole, repeats[i] times along dimension i, aligned at the last one; where there are more of them than
/// dimensions, dimensions of size 1 come in front. Fails with TENON_SHAPE_MISMATCH for a negative number, and if the result
/// has more dimensions or elements than a tensor may have.
#[unsafe(no_mangle)]
pub extern "C" fn tenon_tile(x: TenonValue, repeats: *const i64, repeat_count: usize) -> TenonValue {
    try_record("tile", [x], |g, [x]| {
        let counts = sizes(slice(repeats, repeat_count, "repeats")?, "repeats")?;
        Ok(g.tile(x, &counts))
    })
}

/// Each element along an axis repeated, one behind the other: repeats has one number for all, or one for each.
#[unsafe(no_mangle)]
pub extern "C" fn tenon_repeat_interleave(x: TenonValue, repeats: *const i64, repeat_count: usize, axis: i64) -> TenonValue {
    try_record("repeat_interleave", [x], |g, [x]| {
        let counts = sizes(slice(repeats, repeat_count, "repeats")?, "repeats")?;
        Ok(g.repeat_interleave(x, &counts, record::axis(axis, g.rank(x))?))
    })
}

/// Elements moved by shifts[i] places towards the end of axes[i], those beyond it back to the beginning. Without axes
/// (NULL, 0) there is one shift, and x is moved as a vector.
#[unsafe(no_mangle)]
pub extern "C" fn tenon_roll(x: TenonValue, shifts: *const i64, shift_count: usize, axes: *const i64, axis_count: usize) -> TenonValue {
    try_record("roll", [x], |g, [x]| {
        let (shifts, named) = (slice(shifts, shift_count, "shifts")?, slice(axes, axis_count, "axes")?);
        if named.is_empty() && shifts.len() == 1 {
            let (flat, dims) = (g.ravel(x), g.dims(x));
            let moved = g.roll(flat, shifts, &[0]);
            return Ok(g.reshape(moved, &dims));
        }
        let rank = g.rank(x);
        let axes = named.iter().map(|axis| record::axis(*axis, rank)).collect::<Result<Vec<usize>, Error>>()?;
        Ok(g.roll(x, shifts, &axes))
    })
}

/// x turned by quarters in the plane of two axes, from the first towards the second; negative ones turn back.
#[unsafe(no_mangle)]
pub extern "C" fn tenon_rot90(x: TenonValue, quarters: i64, first: i64, second: i64) -> TenonValue {
    try_record("rot90", [x], |g, [x]| {
        let rank = g.rank(x);
        Ok(g.rot90(x, quarters, [record::axis(first, rank)?, record::axis(second, rank)?]))
    })
}

/// Axis from[i] of x becomes axis to[i] of the result; the others stay in their order.
#[unsafe(no_mangle)]
pub extern "C" fn tenon_move_axes(x: TenonValue, from: *const i64, to: *const i64, count: usize) -> TenonValue {
    try_record("move_axes", [x], |g, [x]| {
        let rank = g.rank(x);
        let (from, to) = (record::axes(slice(from, count, "from")?, rank)?, record::axes(slice(to, count, "to")?, rank)?);
        Ok(g.move_axes(x, &from, &to))
    })
}

/// x with two dimensions swapped.
#[unsafe(no_mangle)]
pub extern "C" fn tenon_swap_axes(x: TenonValue, first: i64, second: i64) -> TenonValue {
    try_record("swap_axes", [x], |g, [x]| {
        let rank = g.rank(x);
        Ok(g.swap_axes(x, record::axis(first, rank)?, record::axis(second, rank)?))
    })
}

/// All elements of x as a vector.
#[unsafe(no_mangle)]
pub extern "C" fn tenon_ravel(x: TenonValue) -> TenonValue {
    record("ravel", [x], |g, [x]| g.ravel(x))
}

/// A dimension of x as several, whose sizes multiply to its own. One of them may be -1: what is left for it.
#[unsafe(no_mangle)]
pub extern "C" fn tenon_unflatten(x: TenonValue, axis: i64, shape: *const i64, rank: usize) -> TenonValue {
    try_record("unflatten", [x], |g, [x]| {
        let axis = record::axis(axis, g.rank(x))?;
        let sizes = wanted(slice(shape, rank, "shape")?, g.dims(x)[axis])?;
        Ok(g.unflatten(x, axis, &sizes))
    })
}

/// x, a scalar as [1].
#[unsafe(no_mangle)]
pub extern "C" fn tenon_atleast_1d(x: TenonValue) -> TenonValue {
    record("atleast_1d", [x], |g, [x]| g.atleast_1d(x))
}

/// x, a vector [n] as [1, n], a scalar as [1, 1].
#[unsafe(no_mangle)]
pub extern "C" fn tenon_atleast_2d(x: TenonValue) -> TenonValue {
    record("atleast_2d", [x], |g, [x]| g.atleast_2d(x))
}

/// x, a matrix [n, m] as [n, m, 1], a vector [n] as [1, n, 1], a scalar as [1, 1, 1].
#[unsafe(no_mangle)]
pub extern "C" fn tenon_atleast_3d(x: TenonValue) -> TenonValue {
    record("atleast_3d", [x], |g, [x]| g.atleast_3d(x))
}

/// Values side by side: along their second axis, vectors along their first. At least one; dtypes promote.
#[unsafe(no_mangle)]
pub extern "C" fn tenon_hstack(parts: *const TenonValue, count: usize) -> TenonValue {
    record_list("hstack", parts, count, |g, parts| Ok(g.hstack(parts)))
}

/// Values one below the other: along their first axis, vectors as rows. At least one; dtypes promote.
#[unsafe(no_mangle)]
pub extern "C" fn tenon_vstack(parts: *const TenonValue, count: usize) -> TenonValue {
    record_list("vstack", parts, count, |g, parts| Ok(g.vstack(parts)))
}

/// Values one behind the other: along their third axis, which tenon_atleast_3d makes. At least one; dtypes promote.
#[unsafe(no_mangle)]
pub extern "C" fn tenon_dstack(parts: *const TenonValue, count: usize) -> TenonValue {
    record_list("dstack", parts, count, |g, parts| Ok(g.dstack(parts)))
}

/// Values side by side: along their second axis, vectors as columns. At least one; dtypes promote.
#[unsafe(no_mangle)]
pub extern "C" fn tenon_column_stack(parts: *const TenonValue, count: usize) -> TenonValue {
    record_list("column_stack", parts, count, |g, parts| Ok(g.column_stack(parts)))
}

/// Matrices along the diagonal of a larger one, zeros elsewhere; vectors are rows, scalars [1, 1]. At least one; dtypes
/// promote.
#[unsafe(no_mangle)]
pub extern "C" fn tenon_block_diag(parts: *const TenonValue, count: usize) -> TenonValue {
    record_list("block_diag", parts, count, |g, parts| Ok(g.block_diag(parts)))
}

/// Writes each of the vectors (scalars are vectors of one) repeated over the grid that they span, [n_0, n_1, ...]; with
/// xy (MindSpore's default) the first two dimensions are [n_1, n_0], without (PyTorch's, "ij") they are not.
#[unsafe(no_mangle)]
pub extern "C" fn tenon_meshgrid(parts: *const TenonValue, count: usize, xy: CBool, outputs: *mut TenonValue, output_count: usize) {
    record_list_several("meshgrid", parts, count, outputs, output_count, |g, parts| Ok(g.meshgrid(parts, xy.get())));
}

/// All tuples of one element of each vector, the last changing fastest: [product of sizes, vectors]; of one vector
/// itself. Dtypes promote.
#[unsafe(no_mangle)]
pub extern "C" fn tenon_cartesian_prod(parts: *const TenonValue, count: usize) -> TenonValue {
    record_list("cartesian_prod", parts, count, |g, parts| Ok(g.cartesian_prod(parts)))
}

/// Matrices [..., n, m] with zeros above the diagonal that lies offset above the main one (negative: below it).
#[unsafe(no_mangle)]
pub extern "C" fn tenon_tril(x: TenonValue, offset: i64) -> TenonValue {
    record("tril", [x], |g, [x]| g.tril(x, offset))
}

/// Matrices [..., n, m] with zeros below the diagonal that lies offset above the main one (negative: below it).
#[unsafe(no_mangle)]
pub extern "C" fn tenon_triu(x: TenonValue, offset: i64) -> TenonValue {
    record("triu", [x], |g, [x]| g.triu(x, offset))
}

/// The diagonal that lies offset above the main one (negative: below it) of the matrices whose rows are along axis first
/// and whose columns are along axis second: the last dimension of the result, which lacks both.
#[unsafe(no_mangle)]
pub extern "C" fn tenon_diagonal(x: TenonValue, offset: i64, first: i64, second: i64) -> TenonValue {
    try_record("diagonal", [x], |g, [x]| {
        let rank = g.rank(x);
        Ok(g.diagonal(x, offset, record::axis(first, rank)?, record::axis(second, rank)?))
    })
}

/// Matrices of zeros, rows along axis first and columns along axis second of the result, with the last dimension of x
/// on the diagonal that lies offset above the main one (negative: below it).
#[unsafe(no_mangle)]
pub extern "C" fn tenon_diag_embed(x: TenonValue, offset: i64, first: i64, second: i64) -> TenonValue {
    try_record("diag_embed", [x], |g, [x]| {
        let rank = g.rank(x) + 1;
        Ok(g.diag_embed(x, offset, record::axis(first, rank)?, record::axis(second, rank)?))
    })
}

/// A vector as a diagonal of a matrix of zeros; the diagonal of a matrix as a vector. The diagonal lies offset above the
/// main one (negative: below it).
#[unsafe(no_mangle)]
pub extern "C" fn tenon_diag(x: TenonValue, offset: i64) -> TenonValue {
    record("diag", [x], |g, [x]| g.diag(x, offset))
}

/// All elements of x as a diagonal of a matrix of zeros, offset above the main one (negative: below it).
#[unsafe(no_mangle)]
pub extern "C" fn tenon_diagflat(x: TenonValue, offset: i64) -> TenonValue {
    record("diagflat", [x], |g, [x]| g.diagflat(x, offset))
}

/// x with the elements that tenon_diagonal would read replaced by those of source, which has their shape and the dtype
/// of x.
#[unsafe(no_mangle)]
pub extern "C" fn tenon_diagonal_scatter(x: TenonValue, source: TenonValue, offset: i64, first: i64, second: i64) -> TenonValue {
    try_record("diagonal_scatter", [x, source], |g, [x, source]| {
        let rank = g.rank(x);
        Ok(g.diagonal_scatter(x, source, offset, record::axis(first, rank)?, record::axis(second, rank)?))
    })
}
