//! What accumulates along an axis. Columns behind the axis go side by side, so that memory is read in order.

use super::element::{Element, around, get, set, with_element};
use super::{Kernel, Memory, TASK};
use crate::compiler::KernelStep;
use crate::error::Result;
use crate::ir::CumulativeKind;
use crate::runtime::jobs::Jobs;
use crate::tensor::DType;

/// Columns that go side by side.
const WIDTH: usize = 64;

struct Columns {
    dtype: DType,
    outer: usize,
    size: usize,
    inner: usize,
    reverse: bool,
}

impl Columns {
    fn new(step: &KernelStep, axis: usize, reverse: bool) -> Columns {
        let x = step.input_types[0];
        let (outer, size, inner) = around(x.shape.dims(), axis);
        Columns { dtype: x.dtype, outer, size, inner, reverse }
    }
    /// Calls `visit(state, place, number, column)` for each element of each column in the order of the axis, `number` its position along the
    /// axis; each block of columns starts with a new state.
    fn each<S: Copy + Send + Sync>(&self, jobs: &Jobs, start: S, visit: &(impl Fn(&mut S, usize, usize) + Sync)) -> Result<()> {
        let Columns { outer, size, inner, reverse, .. } = *self;
        let blocks = inner.div_ceil(WIDTH);
        let units = outer * blocks;
        let per_task = (TASK / (size * inner.min(WIDTH)).max(1)).max(1);
        jobs.parallel_for(units.div_ceil(per_task), &|task, _| {
            for unit in task * per_task..((task + 1) * per_task).min(units) {
                let (o, block) = (unit / blocks, unit % blocks);
                let columns = block * WIDTH..((block + 1) * WIDTH).min(inner);
                let mut states = [start; WIDTH];
                for step in 0..size {
                    let i = if reverse { size - 1 - step } else { step };
                    let row = (o * size + i) * inner;
                    for (state, column) in states.iter_mut().zip(columns.clone()) {
                        visit(state, row + column, i);
                    }
                }
            }
        })
    }
    /// The position along the axis that comes first.
    fn first(&self) -> usize {
        if self.reverse { self.size.saturating_sub(1) } else { 0 }
    }
}

pub struct Cumulative {
    kind: CumulativeKind,
    columns: Columns,
}

impl Cumulative {
    pub fn new(step: &KernelStep, kind: CumulativeKind, axis: usize, reverse: bool) -> Cumulative {
        Cumulative { kind, columns: Columns::new(step, axis, reverse) }
    }
    /// # Safety
    /// As [`Kernel::run`]; elements are of type T.
    unsafe fn sum<T: Element>(&self, memory: &Memory, jobs: &Jobs) -> Result<()>
    where
        T::Wide: Send + Sync,
    {
        let (x, out) = (memory.input(0), memory.output(0));
        self.columns.each(jobs, T::Wide::default(), &|sum, place, _| {
            // SAFETY: places lie within the operand, each is visited once.
            unsafe {
                *sum = T::plus(*sum, get::<T>(x.get(), place).widen());
                set(out.get(), place, T::narrow(*sum));
            }
        })
    }
    /// # Safety
    /// As above. `wins` says whether the second element is to take the place of the first.
    unsafe fn position<T: Element>(&self, memory: &Memory, jobs: &Jobs, wins: impl Fn(T, T) -> bool + Sync) -> Result<()> {
        let (x, out) = (memory.input(0), memory.output(0));
        let first = self.columns.first();
        self.columns.each(jobs, (None::<T>, first), &|(best, at), place, number| {
            // SAFETY: as above.
            unsafe {
                let new = get::<T>(x.get(), place);
                if best.is_none_or(|best| new.is_nan() || (!best.is_nan() && wins(best, new))) {
                    (*best, *at) = (Some(new), number);
                }
                set(out.get(), place, *at as i64);
            }
        })
    }
}

impl Kernel for Cumulative {
    unsafe fn run(&self, memory: &Memory, jobs: &Jobs) -> Result<()> {
        // SAFETY: the caller's promise.
        unsafe {
            match self.kind {
                CumulativeKind::Sum => with_element!(self.columns.dtype, T => self.sum::<T>(memory, jobs)),
                CumulativeKind::ArgMax => {
                    with_element!(self.columns.dtype, T => self.position::<T>(memory, jobs, |best, new| new >= best))
                }
                CumulativeKind::ArgMin => {
                    with_element!(self.columns.dtype, T => self.position::<T>(memory, jobs, |best, new| new <= best))
                }
            }
        }
    }
}

/// y_0 = b_0, y_i = a_i y_(i-1) + b_i
pub struct Recurrence(Columns);

impl Recurrence {
    pub fn new(step: &KernelStep, axis: usize, reverse: bool) -> Recurrence {
        Recurrence(Columns::new(step, axis, reverse))
    }
    /// # Safety
    /// As [`Kernel::run`]; elements are of type T.
    unsafe fn steps<T: Element>(&self, memory: &Memory, jobs: &Jobs) -> Result<()>
    where
        T::Wide: Send + Sync,
    {
        let (a, b, out) = (memory.input(0), memory.input(1), memory.output(0));
        let first = self.0.first();
        self.0.each(jobs, T::Wide::default(), &|y, place, number| {
            // SAFETY: places lie within the operands, each is visited once.
            unsafe {
                let b = get::<T>(b.get(), place).widen();
                *y = if number == first { b } else { T::step(get::<T>(a.get(), place).widen(), *y, b) };
                set(out.get(), place, T::narrow(*y));
            }
        })
    }
}

impl Kernel for Recurrence {
    unsafe fn run(&self, memory: &Memory, jobs: &Jobs) -> Result<()> {
        // SAFETY: the caller's promise.
        unsafe { with_element!(self.0.dtype, T => self.steps::<T>(memory, jobs)) }
    }
}
