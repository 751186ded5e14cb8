//! Numbers of distributions, and classes by their weights.

use super::element::{get, set};
use super::{Kernel, Memory, Shared, TASK};
use crate::compiler::KernelStep;
use crate::error::{Error, Result};
use crate::random::{Draw, RandomState, Words, exponential};
use crate::runtime::jobs::Jobs;
use crate::tensor::DType;
use std::sync::atomic::{AtomicUsize, Ordering};

/// The stream in which the state stands, and the first word of an operation.
///
/// # Safety
/// `state` points to three i64.
unsafe fn position(state: Shared, start: u64) -> Words {
    // SAFETY: the caller's promise.
    let state = unsafe { RandomState::from_words(state.get().cast::<[i64; 3]>().read_unaligned()) };
    Words::new(state.stream(), state.offset.wrapping_add(start))
}

/// [`crate::ir::Op::Draw`].
pub struct Draws {
    draw: Draw,
    start: u64,
    dtype: DType,
    elements: usize,
}

impl Draws {
    pub fn new(step: &KernelStep, draw: Draw, start: u64) -> Draws {
        let ty = step.output_types[0];
        Draws { draw, start, dtype: ty.dtype, elements: ty.shape.elements() }
    }
    /// # Safety
    /// Element `i` exists in all parameters and in the result.
    unsafe fn element(&self, words: &mut Words, i: usize, parameters: &[Shared], out: *mut u8) {
        // SAFETY: the caller's promise.
        unsafe {
            if self.draw.is_integer() {
                let integer = self.draw.integer(words);
                return match self.dtype {
                    DType::I32 => set(out, i, integer as i32),
                    DType::U8 => set(out, i, integer as u8),
                    _ => set(out, i, integer),
                };
            }
            let mut values = [0.0; 2];
            for (value, parameter) in values.iter_mut().zip(parameters) {
                *value = if self.dtype == DType::F64 { get(parameter.get(), i) } else { get::<f32>(parameter.get(), i) as f64 };
            }
            let number = self.draw.number(words, values);
            if self.dtype == DType::F64 { set(out, i, number) } else { set(out, i, number as f32) }
        }
    }
}

impl Kernel for Draws {
    unsafe fn run(&self, memory: &Memory, jobs: &Jobs) -> Result<()> {
        if self.elements == 0 {
            return Ok(());
        }
        let (state, out) = (memory.input(0), memory.output(0));
        let given = [memory.input(self.draw.parameters().min(1)), memory.input(self.draw.parameters())];
        let parameters = &given[..self.draw.parameters()];
        let each = self.draw.words();
        let per_task = TASK / 16;
        jobs.parallel_for(self.elements.div_ceil(per_task), &|task, _| {
            // SAFETY: the state is the first operand; tasks write different elements.
            unsafe {
                let mut words = position(state, self.start);
                let first = words.place();
                for i in task * per_task..((task + 1) * per_task).min(self.elements) {
                    words.seek(first.wrapping_add(i as u64 * each));
                    self.element(&mut words, i, parameters, out.get());
                }
            }
        })
    }
}

/// [`crate::ir::Op::Multinomial`].
pub struct Multinomial {
    start: u64,
    is_wide: bool,
    rows: usize,
    classes: usize,
    count: usize,
    replacement: bool,
}

impl Multinomial {
    pub fn new(step: &KernelStep, count: usize, replacement: bool, start: u64) -> Multinomial {
        let weights = step.input_types[1];
        let classes = weights.shape.dims().last().copied().unwrap_or(0);
        let rows = weights.shape.elements() / classes.max(1);
        Multinomial { start, is_wide: weights.dtype == DType::F64, rows, classes, count, replacement }
    }
    /// # Safety
    /// There is a weight at `place`.
    unsafe fn weight(&self, weights: Shared, place: usize) -> f64 {
        // SAFETY: the caller's promise.
        unsafe { if self.is_wide { get(weights.get(), place) } else { get::<f32>(weights.get(), place) as f64 } }
    }
    /// The sums of the weights of a row up to each class, if they can be drawn from.
    ///
    /// # Safety
    /// The row exists in the weights and in the sums.
    unsafe fn add_up(&self, weights: Shared, sums: *mut f64, row: usize) -> bool {
        let mut sum = 0.0;
        let mut is_good = true;
        for class in 0..self.classes {
            // SAFETY: the caller's promise.
            unsafe {
                let place = row * self.classes + class;
                let weight = self.weight(weights, place);
                is_good &= weight >= 0.0;
                sum += weight;
                sums.add(place).write(sum);
            }
        }
        is_good && sum > 0.0 && sum < f64::INFINITY
    }
    fn with_replacement(&self, memory: &Memory, jobs: &Jobs) -> Result<()> {
        let (state, weights, out) = (memory.input(0), memory.input(1), memory.output(0));
        let sums = memory.shared();
        let bad = Bad::new();
        let rows_per_task = (TASK / self.classes.max(1)).max(1);
        jobs.parallel_for(self.rows.div_ceil(rows_per_task), &|task, _| {
            for row in task * rows_per_task..((task + 1) * rows_per_task).min(self.rows) {
                // SAFETY: the shared memory has a number for each weight; rows are different parts of it.
                if !unsafe { self.add_up(weights, sums.get().cast(), row) } {
                    bad.note(row);
                }
            }
        })?;
        bad.check(1)?;
        let results = self.rows * self.count;
        let per_task = TASK / 16;
        jobs.parallel_for(results.div_ceil(per_task), &|task, _| {
            // SAFETY: the state is the first operand; the sums were written above; tasks write different results.
            unsafe {
                let mut words = position(state, self.start);
                let first = words.place();
                for result in task * per_task..((task + 1) * per_task).min(results) {
                    words.seek(first.wrapping_add(2 * result as u64));
                    let row = sums.get().cast::<f64>().add(result / self.count * self.classes);
                    let row = std::slice::from_raw_parts(row, self.classes);
                    let total = row[self.classes - 1];
                    let bound = words.unit() * total;
                    let place = row.partition_point(|sum| *sum <= bound);
                    // A product of subnormal numbers may round up to the sum: then it is the last class with a share.
                    let place = if place < self.classes { place } else { row.partition_point(|sum| *sum < total) };
                    set(out.get(), result, place as i64);
                }
            }
        })
    }
    /// Exponential races: of independent exponential numbers over weights, the smallest is that of each class with its share of the sum, and
    /// so again among the rest.
    fn without_replacement(&self, memory: &Memory, jobs: &Jobs) -> Result<()> {
        let (state, weights, out) = (memory.input(0), memory.input(1), memory.output(0));
        let bad = Bad::new();
        let per_task = (TASK / 16 / self.classes.max(1)).max(1);
        jobs.parallel_for(self.rows.div_ceil(per_task), &|task, scratch| {
            let times = scratch.pointer(self.scratch_bytes()).cast::<(u64, u64)>();
            // SAFETY: the scratch has a place for each class; the state is the first operand; rows are different parts of weights and results.
            unsafe {
                let mut words = position(state, self.start);
                let first = words.place();
                for row in task * per_task..((task + 1) * per_task).min(self.rows) {
                    words.seek(first.wrapping_add(2 * (row * self.classes) as u64));
                    let (mut running, mut is_good) = (0, true);
                    for class in 0..self.classes {
                        let weight = self.weight(weights, row * self.classes + class);
                        is_good &= (0.0..f64::INFINITY).contains(&weight);
                        running += (weight > 0.0) as usize;
                        // Positive numbers have the order of their bits.
                        let time = exponential(words.bits()) / weight;
                        times.add(class).write((if weight > 0.0 { time.to_bits() } else { u64::MAX }, class as u64));
                    }
                    if !is_good || running < self.count {
                        bad.note(row);
                        continue;
                    }
                    let times = std::slice::from_raw_parts_mut(times, self.classes);
                    if self.count < self.classes {
                        times.select_nth_unstable(self.count - 1);
                    }
                    times[..self.count].sort_unstable();
                    for (number, (_, class)) in times[..self.count].iter().enumerate() {
                        set(out.get(), row * self.count + number, *class as i64);
                    }
                }
            }
        })?;
        bad.check(self.count)
    }
}

impl Kernel for Multinomial {
    fn scratch_bytes(&self) -> usize {
        if self.replacement { 0 } else { self.classes * 16 }
    }
    fn shared_bytes(&self) -> usize {
        if self.replacement { self.rows * self.classes * 8 } else { 0 }
    }
    unsafe fn run(&self, memory: &Memory, jobs: &Jobs) -> Result<()> {
        if self.rows * self.count == 0 {
            return Ok(());
        }
        if self.replacement { self.with_replacement(memory, jobs) } else { self.without_replacement(memory, jobs) }
    }
}

/// The first row that cannot be drawn from, whoever finds it.
struct Bad(AtomicUsize);

impl Bad {
    fn new() -> Bad {
        Bad(AtomicUsize::new(usize::MAX))
    }
    fn note(&self, row: usize) {
        self.0.fetch_min(row, Ordering::Relaxed);
    }
    fn check(&self, needed: usize) -> Result<()> {
        match self.0.load(Ordering::Relaxed) {
            usize::MAX => Ok(()),
            row => Err(Error::invalid(unfit(row, needed)).within("multinomial")),
        }
    }
}

/// What is wrong with a row of weights.
fn unfit(row: usize, needed: usize) -> String {
    format!("the weights in row {row} are not all finite and at least 0 with {needed} or more above 0")
}
