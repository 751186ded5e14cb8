//! What the loops of elementwise kernels leave over, written once for all of them: there are hundreds of those loops. Operands are copied to
//! where there is room for whole vectors, and the kernel runs there.

use super::Kernel;
use super::vector::MAX_LANES;

/// An elementwise kernel as bytes see it. It fits into a register.
#[derive(Clone, Copy)]
#[repr(C)]
pub struct Form {
    pub lanes: u8,
    /// Bytes of an element of the result, and of each operand.
    pub result: u8,
    pub sizes: [u8; 3],
    /// Operands that are one element.
    pub scalars: [bool; 3],
}

/// Scalar operands copied to `held`, and the others where they are: the target may be where a scalar is, which is read again for the rest.
///
/// # Safety
/// As for [`Kernel`], of which `form` tells the truth.
#[inline(always)]
pub unsafe fn hold(form: Form, operands: [*const u8; 3], held: &mut [u64; 3]) -> [*const u8; 3] {
    let mut known = operands;
    for position in 0..3 {
        let size = form.sizes[position] as usize;
        if form.scalars[position] && size > 0 {
            let own = (&raw mut held[position]).cast::<u8>();
            // SAFETY: a scalar operand is one element of at most eight bytes.
            unsafe { std::ptr::copy_nonoverlapping(operands[position], own, size) };
            known[position] = own;
        }
    }
    known
}

/// Room for a vector's elements, which have at most eight bytes.
#[repr(align(64))]
struct Room([u64; MAX_LANES]);

impl Room {
    const EMPTY: Room = Room([0; MAX_LANES]);
}

/// The last elements, which are fewer than a vector has: from `first` on `count`, with zeros behind.
///
/// # Safety
/// As for [`Kernel`], of which `form` tells the truth; `first + count` elements are there.
#[inline(never)]
pub unsafe fn run_rest(kernel: Kernel, form: Form, first: usize, count: usize, target: *mut u8, operands: [*const u8; 3]) {
    let mut rooms = [Room::EMPTY; 3];
    let mut result = Room::EMPTY;
    let mut staged = operands;
    // SAFETY: fewer elements than a vector has fit; the kernel reads and writes one vector of each, but scalars, which stay where they are.
    unsafe {
        for position in 0..3 {
            let size = form.sizes[position] as usize;
            if size > 0 && !form.scalars[position] {
                let room = rooms[position].0.as_mut_ptr().cast::<u8>();
                copy_few(operands[position].add(first * size), room, count * size);
                staged[position] = room;
            }
        }
        kernel(form.lanes as usize, result.0.as_mut_ptr().cast(), staged[0], staged[1], staged[2]);
        let size = form.result as usize;
        copy_few(result.0.as_ptr().cast(), target.add(first * size), count * size);
    }
}

/// Copies up to 128 bytes, in pieces that overlap: a call of the general function would take longer than the kernel.
///
/// # Safety
/// `from` and `to` have `count` bytes and do not overlap.
#[inline(always)]
unsafe fn copy_few(from: *const u8, to: *mut u8, count: usize) {
    /// The first and the last N bytes of at most 2 N.
    #[inline(always)]
    unsafe fn ends<const N: usize>(from: *const u8, to: *mut u8, count: usize) {
        // SAFETY: there are at least N bytes.
        unsafe {
            let (head, tail) = (from.cast::<[u8; N]>().read(), from.add(count - N).cast::<[u8; N]>().read());
            to.cast::<[u8; N]>().write(head);
            to.add(count - N).cast::<[u8; N]>().write(tail);
        }
    }
    // SAFETY: the caller's promise.
    unsafe {
        match count {
            64.. => ends::<64>(from, to, count),
            32.. => ends::<32>(from, to, count),
            16.. => ends::<16>(from, to, count),
            8.. => ends::<8>(from, to, count),
            4.. => ends::<4>(from, to, count),
            2.. => ends::<2>(from, to, count),
            1 => ends::<1>(from, to, count),
            0 => {}
        }
    }
}

/// Runs the kernel without scalars over stretches for which scalars are repeated.
///
/// # Safety
/// As for [`Kernel`]; `plain` is the same operation's, and `form` tells the truth but for the scalars, which are the caller's.
#[inline(never)]
pub unsafe fn run_repeated(plain: Kernel, form: Form, n: usize, target: *mut u8, operands: [*const u8; 3]) {
    const STRETCH: usize = 64;
    let mut buffers = [[0u64; STRETCH]; 3];
    // SAFETY: elements have at most 8 bytes; scalars are read before anything is written, since the target may be an operand.
    unsafe {
        for position in (0..3).filter(|position| form.scalars[*position]) {
            let (buffer, size) = (buffers[position].as_mut_ptr().cast::<u8>(), form.sizes[position] as usize);
            for i in 0..STRETCH {
                std::ptr::copy_nonoverlapping(operands[position], buffer.add(i * size), size);
            }
        }
        for first in (0..n).step_by(STRETCH) {
            let at = |position: usize| match form.scalars[position] {
                true => buffers[position].as_ptr().cast::<u8>(),
                false => operands[position].wrapping_add(first * form.sizes[position] as usize),
            };
            plain((n - first).min(STRETCH), target.add(first * form.result as usize), at(0), at(1), at(2));
        }
    }
}
