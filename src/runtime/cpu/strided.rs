//! Copies between strided and dense memory.

use super::simd::Fill;
use crate::compiler::{Access, Piece};

/// The offset of element `index` of the dimensions, in elements.
fn offset_of(dims: &[(usize, isize)], mut index: usize) -> isize {
    let mut offset = 0;
    for (size, stride) in dims.iter().rev() {
        offset += (index % size) as isize * stride;
        index /= size;
    }
    offset
}

/// Calls `run(position, offset, length, stride)` for stretches of the columns `first..first + count` that lie on one stride.
#[inline(always)]
fn stretches(dims: &[(usize, isize)], first: usize, count: usize, mut run: impl FnMut(usize, isize, usize, isize)) {
    let Some((inner, stride)) = dims.last().copied() else {
        run(0, 0, count, 0);
        return;
    };
    let mut done = 0;
    while done < count {
        let index = first + done;
        let within = index % inner;
        let length = (inner - within).min(count - done);
        run(done, offset_of(dims, index), length, stride);
        done += length;
    }
}

/// Copies elements of `size` bytes of rows `row..row + rows` and columns `column..column + columns` to dense rows.
///
/// # Safety
/// `source` is the address of the access's first element (its offset applied); all elements that the strides reach are readable;
/// `target` is writable for rows * columns elements and does not overlap.
pub(super) unsafe fn copy_strided(access: &Access, size: usize, [row, rows, column, columns]: [usize; 4], target: *mut u8, source: *const u8) {
    for i in 0..rows {
        let row_offset = offset_of(&access.rows, row + i);
        stretches(&access.columns, column, columns, |position, offset, length, stride| {
            // SAFETY: the caller's promise.
            unsafe {
                let from = source.offset((row_offset + offset) * size as isize);
                let to = target.add((i * columns + position) * size);
                copy_run(size, to, 1, from, stride, length);
            }
        });
    }
}

/// `length` elements of `size` bytes from one stride to another.
///
/// # Safety
/// All elements are readable or writable; both sides do not overlap.
pub(super) unsafe fn copy_run(size: usize, target: *mut u8, target_stride: isize, source: *const u8, source_stride: isize, length: usize) {
    unsafe fn each<T: Copy>(target: *mut u8, target_stride: isize, source: *const u8, source_stride: isize, length: usize) {
        let (target, source) = (target.cast::<T>(), source.cast::<T>());
        for i in 0..length as isize {
            // SAFETY: the caller's promise; elements may be unaligned in byte tensors of foreign memory.
            unsafe { target.offset(i * target_stride).write_unaligned(source.offset(i * source_stride).read_unaligned()) };
        }
    }
    // SAFETY: the caller's promise.
    unsafe {
        if source_stride == 1 && target_stride == 1 {
            std::ptr::copy_nonoverlapping(source, target, length * size);
            return;
        }
        match size {
            1 => each::<u8>(target, target_stride, source, source_stride, length),
            2 => each::<u16>(target, target_stride, source, source_stride, length),
            4 => each::<u32>(target, target_stride, source, source_stride, length),
            _ => each::<u64>(target, target_stride, source, source_stride, length),
        }
    }
}

/// Writes the positions that the access addresses, as lanes of `size` bytes.
///
/// # Safety
/// `target` is writable for rows * columns lanes.
pub(super) unsafe fn copy_positions(access: &Access, fill: Fill, size: usize, [row, rows, column, columns]: [usize; 4], target: *mut u8) {
    for i in 0..rows {
        let row_offset = offset_of(&access.rows, row + i);
        stretches(&access.columns, column, columns, |position, offset, length, stride| {
            // SAFETY: the caller's promise.
            unsafe {
                let to = target.add((i * columns + position) * size);
                fill(length, to, (access.offset + row_offset + offset) as i64, stride as i64);
            }
        });
    }
}

/// The number of innermost runs of a piece.
pub(super) fn piece_runs(piece: &Piece) -> usize {
    piece.dims[..piece.dims.len().saturating_sub(1)].iter().map(|(size, _, _)| size).product()
}

/// Copies run number `run` of the piece.
///
/// # Safety
/// All elements that the strides reach are readable at the source and writable at the target; they do not overlap.
pub(super) unsafe fn copy_piece_run(piece: &Piece, size: usize, run: usize, target: *mut u8, source: *const u8) {
    let (mut from, mut to) = (piece.source_offset, piece.target_offset);
    let mut index = run;
    let (outer, inner) = piece.dims.split_at(piece.dims.len().saturating_sub(1));
    for (length, source_stride, target_stride) in outer.iter().rev() {
        let i = (index % length) as isize;
        index /= length;
        from += i * source_stride;
        to += i * target_stride;
    }
    let (length, source_stride, target_stride) = inner.first().copied().unwrap_or((1, 1, 1));
    // SAFETY: the caller's promise.
    unsafe { copy_run(size, target.offset(to * size as isize), target_stride, source.offset(from * size as isize), source_stride, length) };
}
