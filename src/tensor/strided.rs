//! Copies between two layouts of the same shape.

use crate::tensor::{DType, MAX_RANK};

/// Copies all elements of shape `dims` from one layout to another. Strides are in elements. Booleans arrive as 0 or 1, whatever
/// non-zero byte stood for true.
///
/// # Safety
/// Every element that `dims` and the strides reach from `source` is readable, from `target` writable, and the two sets do not
/// overlap. Neither pointer need be aligned.
pub(crate) unsafe fn copy(dtype: DType, dims: &[usize], source: *const u8, from: &[isize], target: *mut u8, to: &[isize]) {
    // SAFETY: passed on; the types have the sizes of the dtypes, and every bit pattern of theirs is valid.
    unsafe {
        match dtype {
            DType::Bool => copy_mapped(dims, source, from, target, to, |byte| (byte != 0) as u8),
            _ => match dtype.size() {
                1 => copy_sized::<u8>(dims, source, from, target, to),
                2 => copy_sized::<u16>(dims, source, from, target, to),
                4 => copy_sized::<u32>(dims, source, from, target, to),
                _ => copy_sized::<u64>(dims, source, from, target, to),
            },
        }
    }
}

/// Whether a condition holds for every byte of a tensor of one-byte elements.
///
/// # Safety
/// Every element that `dims` and the strides reach from `source` is readable.
pub(crate) unsafe fn all_bytes(dims: &[usize], source: *const u8, strides: &[isize], condition: impl Fn(u8) -> bool) -> bool {
    let mut all = true;
    for_each_run(dims, strides, strides, |run| {
        // SAFETY: a run holds elements of the shape, which the caller vouches for.
        all = all && (0..run.count as isize).all(|index| condition(unsafe { *source.offset(run.from + index * run.from_step) }));
    });
    all
}

/// # Safety
/// As [`copy`].
unsafe fn copy_sized<T: Copy>(dims: &[usize], source: *const u8, from: &[isize], target: *mut u8, to: &[isize]) {
    let (source, target) = (source.cast::<T>(), target.cast::<T>());
    for_each_run(dims, from, to, |run| {
        // SAFETY: a run holds elements of the shape, which the caller vouches for.
        unsafe {
            let (source, target) = (source.offset(run.from), target.offset(run.to));
            if run.from_step == 1 && run.to_step == 1 {
                target.cast::<u8>().copy_from_nonoverlapping(source.cast::<u8>(), run.count * size_of::<T>());
            } else {
                for index in 0..run.count as isize {
                    target.offset(index * run.to_step).write_unaligned(source.offset(index * run.from_step).read_unaligned());
                }
            }
        }
    });
}

/// # Safety
/// As [`copy`].
unsafe fn copy_mapped(dims: &[usize], source: *const u8, from: &[isize], target: *mut u8, to: &[isize], map: impl Fn(u8) -> u8) {
    for_each_run(dims, from, to, |run| {
        // SAFETY: a run holds elements of the shape, which the caller vouches for.
        unsafe {
            let (source, target) = (source.offset(run.from), target.offset(run.to));
            if run.from_step == 1 && run.to_step == 1 {
                for index in 0..run.count {
                    *target.add(index) = map(*source.add(index));
                }
            } else {
                for index in 0..run.count as isize {
                    *target.offset(index * run.to_step) = map(*source.offset(index * run.from_step));
                }
            }
        }
    });
}

/// Neighbouring elements along the innermost dimension: where they begin and how far apart they are, in elements.
struct Run {
    from: isize,
    to: isize,
    count: usize,
    from_step: isize,
    to_step: isize,
}

/// Runs as long as both layouts permit: dimensions of size 1 go, and neighbours that step as one become one.
fn for_each_run(dims: &[usize], from: &[isize], to: &[isize], mut body: impl FnMut(Run)) {
    if dims.contains(&0) {
        return;
    }
    let mut merged = [(1usize, 1isize, 1isize); MAX_RANK + 1];
    let mut rank = 0;
    for axis in 0..dims.len() {
        let (size, from, to) = (dims[axis], from[axis], to[axis]);
        if size == 1 {
            continue;
        }
        let steps_as_one = rank > 0 && merged[rank - 1].1 == from * size as isize && merged[rank - 1].2 == to * size as isize;
        if steps_as_one {
            merged[rank - 1] = (merged[rank - 1].0 * size, from, to);
        } else {
            merged[rank] = (size, from, to);
            rank += 1;
        }
    }
    // A scalar is one run of one element.
    let (outer, (count, from_step, to_step)) = match rank {
        0 => (&merged[..0], (1, 1, 1)),
        _ => (&merged[..rank - 1], merged[rank - 1]),
    };
    let mut position = [0usize; MAX_RANK];
    let (mut from, mut to) = (0, 0);
    loop {
        body(Run { from, to, count, from_step, to_step });
        let mut axis = outer.len();
        loop {
            if axis == 0 {
                return;
            }
            axis -= 1;
            let (size, from_stride, to_stride) = outer[axis];
            position[axis] += 1;
            from += from_stride;
            to += to_stride;
            if position[axis] < size {
                break;
            }
            from -= from_stride * size as isize;
            to -= to_stride * size as isize;
            position[axis] = 0;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn runs_are_as_long_as_the_layouts_permit() {
        let count = |dims: &[usize], from: &[isize], to: &[isize]| {
            let mut lengths = Vec::new();
            for_each_run(dims, from, to, |run| lengths.push(run.count));
            lengths
        };
        assert_eq!(count(&[2, 3, 4], &[12, 4, 1], &[12, 4, 1]), [24]);
        assert_eq!(count(&[2, 3, 4], &[24, 8, 2], &[12, 4, 1]), [24]);
        assert_eq!(count(&[2, 1, 4], &[4, 99, 1], &[4, -7, 1]), [8]);
        assert_eq!(count(&[2, 3], &[1, 2], &[3, 1]), [3, 3]);
        assert_eq!(count(&[], &[], &[]), [1]);
        assert_eq!(count(&[1, 1], &[5, 5], &[5, 5]), [1]);
        assert_eq!(count(&[3, 0], &[0, 1], &[0, 1]), [0usize; 0]);
    }

    #[test]
    fn elements_land_where_indices_say() {
        // All layouts of [2, 3, 4] made from permutations and turned axes, against index arithmetic.
        let dims = [2usize, 3, 4];
        let source: Vec<u16> = (0..24).collect();
        for order in [[0, 1, 2], [0, 2, 1], [1, 0, 2], [1, 2, 0], [2, 0, 1], [2, 1, 0]] {
            for turned in 0..8 {
                let mut strides = [0isize; 3];
                let mut step = 1;
                for axis in order {
                    strides[axis] = step;
                    step *= dims[axis] as isize;
                }
                let mut begin = 0;
                for axis in 0..3 {
                    if turned >> axis & 1 == 1 {
                        begin += strides[axis] * (dims[axis] as isize - 1);
                        strides[axis] = -strides[axis];
                    }
                }
                let mut target = [0u16; 24];
                // SAFETY: the strides permute the 24 elements of both arrays.
                unsafe {
                    copy(DType::F16, &dims, source.as_ptr().offset(begin).cast(), &strides, target.as_mut_ptr().cast(), &[12, 4, 1]);
                }
                for (flat, value) in target.iter().enumerate() {
                    let index = [flat / 12, flat / 4 % 3, flat % 4];
                    let place = begin + (0..3).map(|axis| strides[axis] * index[axis] as isize).sum::<isize>();
                    assert_eq!(*value, source[place as usize], "order {order:?}, turned {turned:03b}, element {index:?}");
                }
            }
        }
    }
}
