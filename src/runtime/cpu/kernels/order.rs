//! Sorting, selecting, and searching: positions along an axis.

use super::element::{Element, around, get, set, with_element};
use super::{Kernel, Memory, Shared, TASK};
use crate::compiler::KernelStep;
use crate::error::Result;
use crate::runtime::jobs::Jobs;
use crate::tensor::DType;

/// The first `count` positions of each line along an axis, in the order of its elements; equal ones in the order of their positions.
pub struct Rank {
    dtype: DType,
    outer: usize,
    size: usize,
    inner: usize,
    count: usize,
    descending: bool,
}

impl Rank {
    /// All positions.
    pub fn sort(step: &KernelStep, axis: usize, descending: bool) -> Rank {
        let size = step.input_types[0].shape.dims()[axis];
        Rank::top(step, axis, size, descending)
    }
    pub fn top(step: &KernelStep, axis: usize, count: usize, descending: bool) -> Rank {
        let x = step.input_types[0];
        let (outer, size, inner) = around(x.shape.dims(), axis);
        Rank { dtype: x.dtype, outer, size, inner, count, descending }
    }
    /// Key and position fit one word.
    fn is_packed<T: Element>(&self) -> bool {
        T::IS_NARROW && self.size <= u32::MAX as usize
    }

    /// # Safety
    /// As [`Kernel::run`]; elements are of type T.
    unsafe fn rank<T: Element>(&self, memory: &Memory, jobs: &Jobs) -> Result<()> {
        let (x, out) = (memory.input(0), memory.output(0));
        let lines = self.outer * self.inner;
        let per_task = (TASK / self.size.max(1)).max(1);
        jobs.parallel_for(lines.div_ceil(per_task), &|task, scratch| {
            let scratch = scratch.pointer(self.scratch_bytes());
            for line in task * per_task..((task + 1) * per_task).min(lines) {
                // SAFETY: the scratch holds a key and a position for each element of a line; lines are different elements.
                unsafe {
                    if self.is_packed::<T>() {
                        self.line::<T, u64>(
                            line,
                            x,
                            out,
                            scratch,
                            |key, i| (key as u32 as u64) << 32 | i as u64,
                            |word| word as u32 as i64,
                        );
                    } else {
                        self.line::<T, (u64, u64)>(line, x, out, scratch, |key, i| (key, i as u64), |pair| pair.1 as i64);
                    }
                }
            }
        })
    }
    /// # Safety
    /// As above; `scratch` has room for `size` words.
    unsafe fn line<T: Element, W: Copy + Ord>(
        &self,
        line: usize,
        x: Shared,
        out: Shared,
        scratch: *mut u8,
        pack: impl Fn(u64, usize) -> W,
        position: impl Fn(W) -> i64,
    ) {
        let Rank { size, inner, count, descending, .. } = *self;
        let (o, r) = (line / inner, line % inner);
        let words = scratch.cast::<W>();
        // SAFETY: the caller's promise.
        unsafe {
            for i in 0..size {
                let key = get::<T>(x.get(), (o * size + i) * inner + r).key();
                words.add(i).write(pack(if descending { !key } else { key }, i));
            }
            let words = std::slice::from_raw_parts_mut(words, size);
            if count < size && count > 0 {
                words.select_nth_unstable(count - 1);
            }
            words[..count].sort_unstable();
            for (i, word) in words[..count].iter().enumerate() {
                set(out.get(), (o * count + i) * inner + r, position(*word));
            }
        }
    }
}

impl Kernel for Rank {
    fn scratch_bytes(&self) -> usize {
        with_element!(self.dtype, T => self.size * if self.is_packed::<T>() { 8 } else { 16 })
    }
    unsafe fn run(&self, memory: &Memory, jobs: &Jobs) -> Result<()> {
        if self.outer * self.inner * self.count == 0 {
            return Ok(());
        }
        // SAFETY: the caller's promise.
        unsafe { with_element!(self.dtype, T => self.rank::<T>(memory, jobs)) }
    }
}

/// The number of elements of the sorted sequence before each value.
pub struct Search {
    dtype: DType,
    /// Elements of one sequence, whether all values share it, and how many values each has.
    length: usize,
    is_shared: bool,
    values: usize,
    elements: usize,
    right: bool,
}

impl Search {
    pub fn new(step: &KernelStep, right: bool) -> Search {
        let (sequence, values) = (step.input_types[0], step.input_types[1]);
        let dims = sequence.shape.dims();
        let last = values.shape.dims().last().copied().unwrap_or(1);
        let is_shared = dims.len() == 1;
        Search { dtype: sequence.dtype, length: dims[dims.len() - 1], is_shared, values: last, elements: values.shape.elements(), right }
    }
    /// # Safety
    /// As [`Kernel::run`]; elements are of type T.
    unsafe fn search<T: Element>(&self, memory: &Memory, jobs: &Jobs) -> Result<()> {
        let (sequence, values, out) = (memory.input(0), memory.input(1), memory.output(0));
        let per_task = TASK / 8;
        jobs.parallel_for(self.elements.div_ceil(per_task), &|task, _| {
            for at in task * per_task..((task + 1) * per_task).min(self.elements) {
                let first = if self.is_shared { 0 } else { at / self.values * self.length };
                // SAFETY: places lie within the operands; each value has an element of the result.
                unsafe {
                    let value = get::<T>(values.get(), at).key();
                    let (mut low, mut high) = (0, self.length);
                    while low < high {
                        let middle = low + (high - low) / 2;
                        let key = get::<T>(sequence.get(), first + middle).key();
                        if key < value || (self.right && key == value) { low = middle + 1 } else { high = middle }
                    }
                    set(out.get(), at, low as i64);
                }
            }
        })
    }
}

impl Kernel for Search {
    unsafe fn run(&self, memory: &Memory, jobs: &Jobs) -> Result<()> {
        // SAFETY: the caller's promise.
        unsafe { with_element!(self.dtype, T => self.search::<T>(memory, jobs)) }
    }
}
