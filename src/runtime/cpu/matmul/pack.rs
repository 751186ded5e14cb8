//! Packing: operands copied into the order in which the kernels read them, 16-bit floats widened on the way.

use super::kernel::{Float, Kernels};
use std::ops::Range;

/// An operand of the matrix product. Strides in elements.
pub(in crate::runtime::cpu) struct Matrix<S> {
    pub pointer: *const S,
    pub row_stride: isize,
    pub column_stride: isize,
}

impl<S> Clone for Matrix<S> {
    fn clone(&self) -> Self {
        *self
    }
}
impl<S> Copy for Matrix<S> {}

impl<S> Matrix<S> {
    pub fn at(&self, row: usize, column: usize) -> *const S {
        self.pointer.wrapping_offset(row as isize * self.row_stride + column as isize * self.column_stride)
    }
    pub fn from(self, row: usize, column: usize) -> Matrix<S> {
        Matrix { pointer: self.at(row, column), ..self }
    }
    pub fn transposed(self) -> Matrix<S> {
        Matrix { pointer: self.pointer, row_stride: self.column_stride, column_stride: self.row_stride }
    }
}

/// What an operand's elements are stored as; the kernels work on `Wide`.
pub(super) trait Stored: Copy + 'static {
    type Wide: super::kernel::Float;
    /// The kernels can read the elements where they lie.
    const IN_PLACE: bool;
    fn widen(self) -> Self::Wide;
}

impl Stored for f32 {
    type Wide = f32;
    const IN_PLACE: bool = true;
    #[inline(always)]
    fn widen(self) -> f32 {
        self
    }
}

impl Stored for f64 {
    type Wide = f64;
    const IN_PLACE: bool = true;
    #[inline(always)]
    fn widen(self) -> f64 {
        self
    }
}

impl Stored for half::bf16 {
    type Wide = f32;
    const IN_PLACE: bool = false;
    #[inline(always)]
    fn widen(self) -> f32 {
        f32::from_bits((self.to_bits() as u32) << 16)
    }
}

impl Stored for half::f16 {
    type Wide = f32;
    const IN_PLACE: bool = false;
    /// Without a branch, so that loops over it become vector code: exponent and mantissa move into place and a multiplication by 2^112 mends
    /// the bias, subnormals included; infinity and NaN get the exponent that they need.
    #[inline(always)]
    fn widen(self) -> f32 {
        let bits = self.to_bits() as u32;
        let magnitude = bits & 0x7fff;
        let scaled = f32::from_bits(magnitude << 13) * f32::from_bits((127 + 112) << 23);
        let special = if magnitude >= 0x7c00 { 0x7f80_0000 } else { 0 };
        f32::from_bits(scaled.to_bits() | special | (bits & 0x8000) << 16)
    }
}

/// Writes `steps` steps of `width` elements, then zeros up to `filled`, to places `pitch` apart. Element `w` of step `s` is read at
/// `from.at(s, w)`.
///
/// # Safety
/// `from` is readable for `steps` rows of `width` columns, `to` writable for `filled` elements at each step, `width <= filled <= pitch`.
#[inline(always)]
pub(super) unsafe fn pack<S: Stored>(steps: usize, width: usize, filled: usize, pitch: usize, from: Matrix<S>, to: *mut S::Wide) {
    // SAFETY: the caller's promise; step and element stay below steps and filled.
    unsafe {
        if from.column_stride == 1 {
            // The heights of tiles: short runs of a length that the compiler knows.
            match width {
                _ if width < filled => {}
                5 => return pack_runs::<S, 5>(steps, pitch, from, to),
                6 => return pack_runs::<S, 6>(steps, pitch, from, to),
                8 => return pack_runs::<S, 8>(steps, pitch, from, to),
                _ => {}
            }
            for step in 0..steps {
                let (source, target) = (from.at(step, 0), to.add(step * pitch));
                for element in 0..width {
                    *target.add(element) = (*source.add(element)).widen();
                }
            }
        } else {
            // Sixteen steps at a time: with steps side by side, that is what a cache line holds.
            for first in (0..steps).step_by(16) {
                for element in 0..width {
                    let (source, target) = (from.at(first, element), to.add(first * pitch + element));
                    for step in 0..(steps - first).min(16) {
                        *target.add(step * pitch) = (*source.wrapping_offset(step as isize * from.row_stride)).widen();
                    }
                }
            }
        }
        if width < filled {
            for step in 0..steps {
                for element in width..filled {
                    *to.add(step * pitch + element) = S::Wide::ZERO;
                }
            }
        }
    }
}

#[inline(always)]
unsafe fn pack_runs<S: Stored, const WIDTH: usize>(steps: usize, pitch: usize, from: Matrix<S>, to: *mut S::Wide) {
    for step in 0..steps {
        // SAFETY: as `pack`.
        unsafe {
            let run = from.at(step, 0).cast::<[S; WIDTH]>().read_unaligned();
            to.add(step * pitch).cast::<[S::Wide; WIDTH]>().write_unaligned(run.map(S::widen));
        }
    }
}

/// Packs `steps` steps of tiles of the left operand, one tile behind the other: for each step the elements of the tile's rows.
///
/// # Safety
/// `from` is readable for the tiles' rows and `steps` columns, `to` writable for their elements. The tiles begin with row 0.
pub(super) unsafe fn pack_left_tiles<S: Stored>(
    steps: usize,
    tiles: impl Iterator<Item = Range<usize>> + Clone,
    from: Matrix<S>,
    to: *mut S::Wide,
) {
    // Rows side by side: a few steps for all tiles, so that each cache line is fetched once. Otherwise a tile's rows at a time.
    let steps_at_once = if from.row_stride == 1 { 8 } else { steps };
    for first in (0..steps).step_by(steps_at_once.max(1)) {
        for tile in tiles.clone() {
            // SAFETY: the caller's promise.
            unsafe {
                let to = to.add(tile.start * steps + first * tile.len());
                let from = from.from(tile.start, first).transposed();
                pack((steps - first).min(steps_at_once), tile.len(), tile.len(), tile.len(), from, to);
            }
        }
    }
}

/// As `pack` for the right operand, by the level's vector code where the elements are what the kernels work on.
///
/// # Safety
/// As [`super::kernel::Pack`].
pub(super) unsafe fn pack_right<S: Stored>(
    kernels: &Kernels<S::Wide>,
    steps: usize,
    columns: usize,
    padded: usize,
    from: Matrix<S>,
    to: *mut S::Wide,
) {
    // SAFETY: the caller's promise; IN_PLACE says that S is S::Wide.
    unsafe {
        if S::IN_PLACE {
            let from = Matrix { pointer: from.pointer.cast::<S::Wide>(), row_stride: from.row_stride, column_stride: from.column_stride };
            (kernels.pack_panel)(steps, columns, padded, from, to);
        } else {
            pack(steps, columns, padded, padded, from, to);
        }
    }
}
