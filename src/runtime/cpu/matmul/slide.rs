//! The inner kernels of direct convolution: rows of an image that slide past one another, one row for each tap.

use super::kernel::{Float, Lanes};

/// (count, out, x, offsets, weights): out[i] = sum over the taps t of weights[t] * x[offsets[t] + i], for `count` elements.
///
/// # Safety
/// `out` is writable for `count` elements and does not overlap the others; each tap has a weight, and x from its offset on is readable for
/// `count` elements rounded up to whole vectors; the machine has the instruction set.
pub(in crate::runtime::cpu) type Slide<T> = unsafe fn(usize, *mut T, *const T, &[usize], *const T);

/// What [`Dots`] works on: rows of `count` elements, `left_pitch` and `right_pitch` apart.
pub(in crate::runtime::cpu) struct Rows<T> {
    pub rows: usize,
    pub count: usize,
    pub left: *const T,
    pub left_pitch: usize,
    pub right: *const T,
    pub right_pitch: usize,
}

/// (rows, offsets, sums): sums[t] += sum over rows r and elements i of left[r, i] * right[r, offsets[t] + i].
///
/// # Safety
/// All rows are readable, those of the right operand from each offset on; there is a sum for each offset; the machine has the instruction set.
pub(in crate::runtime::cpu) type Dots<T> = unsafe fn(&Rows<T>, &[usize], *mut T);

/// The contract of [`Slide`].
#[inline(always)]
pub(super) unsafe fn slide<L: Lanes>(
    count: usize,
    out: *mut L::Element,
    x: *const L::Element,
    offsets: &[usize],
    weights: *const L::Element,
) {
    let mut i = 0;
    // SAFETY: the caller's promise.
    unsafe {
        while i + 8 * L::COUNT <= count {
            let sums = vectors::<L, 8>(x.add(i), offsets, weights);
            for (v, sum) in sums.into_iter().enumerate() {
                L::store(out.add(i + v * L::COUNT), sum);
            }
            i += 8 * L::COUNT;
        }
        while i + 2 * L::COUNT <= count {
            let sums = vectors::<L, 2>(x.add(i), offsets, weights);
            for (v, sum) in sums.into_iter().enumerate() {
                L::store(out.add(i + v * L::COUNT), sum);
            }
            i += 2 * L::COUNT;
        }
        while i < count {
            let [sum] = vectors::<L, 1>(x.add(i), offsets, weights);
            L::store_masked(out.add(i), sum, L::mask((count - i).min(L::COUNT)));
            i += L::COUNT;
        }
    }
}

/// V neighbouring vectors of the sum.
#[inline(always)]
unsafe fn vectors<L: Lanes, const V: usize>(x: *const L::Element, offsets: &[usize], weights: *const L::Element) -> [L::Vector; V] {
    // SAFETY: the caller's promise.
    unsafe {
        let mut sums = [L::zero(); V];
        for (tap, offset) in offsets.iter().enumerate() {
            let (weight, from) = (L::splat(*weights.add(tap)), x.add(*offset));
            for (v, sum) in sums.iter_mut().enumerate() {
                *sum = L::multiply_add(weight, L::load(from.add(v * L::COUNT)), *sum);
            }
        }
        sums
    }
}

/// The contract of [`Dots`].
#[inline(always)]
pub(super) unsafe fn dots<L: Lanes<Element: Float>>(rows: &Rows<L::Element>, offsets: &[usize], sums: *mut L::Element) {
    let mut tap = 0;
    // SAFETY: the caller's promise.
    unsafe {
        while tap + 9 <= offsets.len() {
            products::<L, 9>(rows, &offsets[tap..], sums.add(tap));
            tap += 9;
        }
        while tap + 3 <= offsets.len() {
            products::<L, 3>(rows, &offsets[tap..], sums.add(tap));
            tap += 3;
        }
        while tap < offsets.len() {
            products::<L, 1>(rows, &offsets[tap..], sums.add(tap));
            tap += 1;
        }
    }
}

/// The sums of the first N taps.
#[inline(always)]
unsafe fn products<L: Lanes<Element: Float>, const N: usize>(rows: &Rows<L::Element>, offsets: &[usize], sums: *mut L::Element) {
    let offsets: &[usize; N] = offsets.first_chunk().expect("as many taps");
    // SAFETY: the caller's promise; where a row ends inside a vector, nothing behind it is read.
    unsafe {
        let mut totals = [L::zero(); N];
        let whole = rows.count / L::COUNT * L::COUNT;
        let mask = L::mask((rows.count - whole).max(1));
        for row in 0..rows.rows {
            let (left, right) = (rows.left.add(row * rows.left_pitch), rows.right.add(row * rows.right_pitch));
            for i in (0..whole).step_by(L::COUNT) {
                let value = L::load(left.add(i));
                for (total, offset) in totals.iter_mut().zip(offsets) {
                    *total = L::multiply_add(value, L::load(right.add(i + offset)), *total);
                }
            }
            if whole < rows.count {
                let value = L::load_masked(left.add(whole), mask);
                for (total, offset) in totals.iter_mut().zip(offsets) {
                    *total = L::multiply_add(value, L::load_masked(right.add(whole + offset), mask), *total);
                }
            }
        }
        for (tap, total) in totals.into_iter().enumerate() {
            let mut lanes = [L::Element::ZERO; 16];
            L::store(lanes.as_mut_ptr(), total);
            for lane in &lanes[..L::COUNT] {
                *sums.add(tap) = *sums.add(tap) + *lane;
            }
        }
    }
}
