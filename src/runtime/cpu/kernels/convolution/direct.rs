//! Direct convolution: groups of so few channels that packing them would take longer than multiplying them, depthwise ones above all.
//!
//! The image is copied to where it has its padding around it, and falls apart into phases: the elements that are a stride apart lie side by
//! side. In a phase, windows that are neighbours lie on neighbouring elements, whatever the stride, so that a row of results is the sum of
//! rows that slide past one another, one for each tap: [`crate::runtime::cpu::matmul::slide`]. The gradient of the image is a convolution of
//! the same kind, where the results fall into phases, each with some of the taps. The gradient of the weights sums products of rows.

use super::{Geometry, Kernel, MOST_STAGED, Memory, STAGED_BYTES, TASKS, turn};
use crate::error::Result;
use crate::ir::WindowAxis;
use crate::runtime::cpu::matmul::kernel::{Float, Kernels};
use crate::runtime::cpu::matmul::pack::Matrix;
use crate::runtime::cpu::matmul::slide::Rows;
use crate::runtime::jobs::Jobs;
use std::ops::Range;

/// Phases of images and of results at most.
const MOST_PHASES: usize = 64;
/// Room behind what is staged and what is computed: whole vectors are read, and whole vectors of several are written.
const SLACK: usize = 64;

/// One dimension of what is staged.
#[derive(Clone, Copy, Debug)]
struct Axis {
    /// Elements in memory.
    size: usize,
    /// Phases: element `position * step + phase - before` lies at `position` of its phase.
    step: usize,
    before: usize,
    /// How far taps reach beyond a result's own position.
    reach: usize,
    /// Results, of the phase of results that has most.
    count: usize,
}

impl Axis {
    /// The positions, of `extent` from `start` on, that have elements in a phase.
    fn inside(&self, start: usize, phase: usize, extent: usize) -> Range<usize> {
        let first = self.before.saturating_sub(start * self.step + phase).div_ceil(self.step).min(extent);
        let end = (self.size + self.before).saturating_sub(start * self.step + phase).div_ceil(self.step);
        first..end.clamp(first, extent)
    }
}

/// Where a tap lies, relative to a result's own position.
#[derive(Clone, Copy, Debug)]
struct Tap {
    index: usize,
    phase: usize,
    shift: [usize; 3],
}

/// Results of one phase: result `position` is element `position * step + first`.
#[derive(Debug)]
struct Part {
    pub first: [usize; 3],
    pub step: [usize; 3],
    pub count: [usize; 3],
    taps: Vec<Tap>,
}

/// How windows slide over the staged image.
struct Plan {
    pub axes: [Axis; 3],
    pub parts: Vec<Part>,
    /// Positions of the results that are computed at a time.
    pub block: [usize; 3],
}

/// One dimension of a plan.
struct Dimension {
    axis: Axis,
    kernel: usize,
    phases: Vec<Phase>,
}

/// One dimension of a part.
struct Phase {
    first: usize,
    step: usize,
    count: usize,
    /// (tap, phase of the staged image, shift)
    taps: Vec<(usize, usize, usize)>,
}

impl Dimension {
    /// Windows over x.
    fn forward(window: &WindowAxis) -> Option<Dimension> {
        let WindowAxis { size, kernel, stride, dilation, low, count } = *window;
        let before = low.checked_next_multiple_of(stride)?;
        let place = |tap: usize| tap * dilation + (before - low);
        let taps = (0..kernel).map(|tap| (tap, place(tap) % stride, place(tap) / stride)).collect();
        let axis = Axis { size, step: stride, before, reach: place(kernel - 1) / stride, count };
        Some(Dimension { axis, kernel, phases: vec![Phase { first: 0, step: 1, count, taps }] })
    }

    /// Elements of x over the windows that see them.
    fn input_gradient(window: &WindowAxis) -> Option<Dimension> {
        let WindowAxis { size, kernel, stride, dilation, low, count } = *window;
        if stride > MOST_PHASES {
            return None;
        }
        // The window whose tap lies on the first element of the phase, if windows went on in front of the first one.
        let at = |phase: usize, tap: usize| {
            let distance = (phase + low) as isize - (tap * dilation) as isize;
            (distance % stride as isize == 0).then_some(distance / stride as isize)
        };
        let phases = 0..stride.min(size);
        let all = || phases.clone().flat_map(|phase| (0..kernel).filter_map(move |tap| at(phase, tap)));
        let before = all().min().unwrap_or(0).min(0).unsigned_abs();
        let shift = |window: isize| (window + before as isize) as usize;
        let phase = |first: usize| Phase {
            first,
            step: stride,
            count: (size - first).div_ceil(stride),
            taps: (0..kernel).filter_map(|tap| at(first, tap).map(|window| (tap, 0, shift(window)))).collect(),
        };
        let axis = Axis { size: count, step: 1, before, reach: all().max().map_or(0, shift), count: size.div_ceil(stride) };
        Some(Dimension { axis, kernel, phases: phases.clone().map(phase).collect() })
    }
}

impl Plan {
    /// Windows over x. `None` where an image of `channels` would be too large.
    pub fn forward(axes: &[WindowAxis; 3], channels: usize, bytes: usize) -> Option<Plan> {
        Plan::new(axes.each_ref().map(Dimension::forward), channels, bytes)
    }
    /// Elements of x over the windows that see them.
    pub fn input_gradient(axes: &[WindowAxis; 3], channels: usize, bytes: usize) -> Option<Plan> {
        Plan::new(axes.each_ref().map(Dimension::input_gradient), channels, bytes)
    }

    fn new(dimensions: [Option<Dimension>; 3], channels: usize, bytes: usize) -> Option<Plan> {
        let [Some(d), Some(h), Some(w)] = dimensions else { return None };
        let axes = [d.axis, h.axis, w.axis];
        if axes.iter().map(|axis| axis.step).try_fold(1, usize::checked_mul)? > MOST_PHASES
            || d.phases.len() * h.phases.len() * w.phases.len() > MOST_PHASES
        {
            return None;
        }
        let mut parts = Vec::new();
        for i in &d.phases {
            for j in &h.phases {
                for k in &w.phases {
                    let mut taps = Vec::new();
                    for a in &i.taps {
                        for b in &j.taps {
                            for c in &k.taps {
                                taps.push(Tap {
                                    index: (a.0 * h.kernel + b.0) * w.kernel + c.0,
                                    phase: (a.1 * h.axis.step + b.1) * w.axis.step + c.1,
                                    shift: [a.2, b.2, c.2],
                                });
                            }
                        }
                    }
                    parts.push(Part {
                        first: [i.first, j.first, k.first],
                        step: [i.step, j.step, k.step],
                        count: [i.count, j.count, k.count],
                        taps,
                    });
                }
            }
        }
        let mut plan = Plan { axes, parts, block: axes.map(|axis| axis.count) };
        // As much at a time as stays in the second-level cache: planes, then rows, become fewer.
        for dimension in 0..2 {
            while plan.block[dimension] > 1 && plan.staged_elements(channels).saturating_mul(bytes) > STAGED_BYTES {
                plan.block[dimension] = plan.block[dimension].div_ceil(2);
            }
        }
        (plan.staged_elements(channels) <= MOST_STAGED).then_some(plan)
    }

    /// Sizes of a phase of the staged image.
    fn extent(&self) -> [usize; 3] {
        std::array::from_fn(|i| self.block[i].saturating_add(self.axes[i].reach))
    }
    /// Elements of a channel of the staged image, all phases.
    fn channel_elements(&self) -> usize {
        self.extent().into_iter().chain(self.axes.map(|axis| axis.step)).fold(1, usize::saturating_mul)
    }
    pub fn staged_elements(&self, channels: usize) -> usize {
        self.channel_elements().saturating_mul(channels).saturating_add(SLACK)
    }
    /// Elements from row to row of the staged image.
    pub fn pitch(&self) -> usize {
        self.extent()[2]
    }
    /// Elements from plane to plane of the staged image.
    pub fn plane(&self) -> usize {
        self.extent()[1] * self.pitch()
    }
    fn counts(&self) -> [usize; 3] {
        std::array::from_fn(|i| self.axes[i].count.div_ceil(self.block[i].max(1)))
    }
    pub fn blocks(&self) -> usize {
        self.counts().iter().product()
    }
    /// The first position of a block.
    pub fn start(&self, block: usize) -> [usize; 3] {
        let [_, rows, columns] = self.counts();
        let at = [block / (rows * columns), block / columns % rows, block % columns];
        std::array::from_fn(|i| at[i] * self.block[i])
    }
    /// Places in the staged image for each channel and each tap of a part, channel by channel.
    pub fn offsets(&self, part: &Part, channels: usize) -> Vec<usize> {
        let phase = self.extent().iter().product::<usize>();
        let at = |tap: &Tap| tap.phase * phase + tap.shift[0] * self.plane() + tap.shift[1] * self.pitch() + tap.shift[2];
        (0..channels).flat_map(|channel| part.taps.iter().map(move |tap| channel * self.channel_elements() + at(tap))).collect()
    }

    /// Copies what a block looks at, with zeros for padding.
    ///
    /// # Safety
    /// `from` holds the channels, `staged` has room.
    unsafe fn stage<T: Float>(&self, kernels: &Kernels<T>, start: [usize; 3], channels: usize, from: *const T, staged: *mut T) {
        let [d, h, w] = self.axes;
        let extent = self.extent();
        let elements = d.size * h.size * w.size;
        // SAFETY: the caller's promise; elements are read where there are some.
        unsafe {
            fill(staged, self.staged_elements(channels));
            for channel in 0..channels {
                for phase in 0..d.step * h.step * w.step {
                    let phases = [phase / (h.step * w.step), phase / w.step % h.step, phase % w.step];
                    let [planes, rows, columns] = std::array::from_fn(|i| self.axes[i].inside(start[i], phases[i], extent[i]));
                    if rows.is_empty() || columns.is_empty() {
                        continue;
                    }
                    let element = |i: usize, position: usize| (start[i] + position) * self.axes[i].step + phases[i] - self.axes[i].before;
                    for plane in planes {
                        let from = from.add(channel * elements + (element(0, plane) * h.size + element(1, rows.start)) * w.size);
                        let from = Matrix {
                            pointer: from.add(element(2, columns.start)),
                            row_stride: (h.step * w.size) as isize,
                            column_stride: w.step as isize,
                        };
                        let to = staged.add(channel * self.channel_elements() + phase * extent.iter().product::<usize>());
                        let to = to.add((plane * extent[1] + rows.start) * extent[2] + columns.start);
                        if w.step == 1 {
                            (kernels.copy_rows)(rows.len(), columns.len(), from, to, extent[2]);
                        } else {
                            (0..rows.len()).for_each(|row| gather(columns.len(), from.at(row, 0), w.step, to.add(row * extent[2])));
                        }
                    }
                }
            }
        }
    }
}

/// Zeros.
unsafe fn fill<T: Float>(to: *mut T, count: usize) {
    for index in 0..count {
        // SAFETY: the caller's promise.
        unsafe { to.add(index).write(T::ZERO) };
    }
}

/// Copies elements that are `step` apart to places side by side.
unsafe fn gather<T: Copy>(count: usize, from: *const T, step: usize, to: *mut T) {
    // SAFETY: the caller's promise.
    unsafe {
        match step {
            2 => (0..count).for_each(|index| to.add(index).write(*from.add(2 * index))),
            _ => (0..count).for_each(|index| to.add(index).write(*from.add(step * index))),
        }
    }
}

/// The forward pass, or the gradient of the image.
pub struct Direct<T: 'static> {
    kernels: &'static Kernels<T>,
    plan: Plan,
    offsets: Vec<Vec<usize>>,
    batch: usize,
    groups: usize,
    /// Channels of a group that are summed over, and of the result.
    sources: usize,
    results: usize,
    taps: usize,
    /// Weights of a group from source to source, and from result to result.
    source_weights: usize,
    result_weights: usize,
    /// Sizes of a channel of the result.
    out: [usize; 3],
}

impl<T: Float> Direct<T> {
    pub fn forward(geometry: &Geometry, kernels: &'static Kernels<T>) -> Option<Direct<T>> {
        let Geometry { axes, inputs, outputs, .. } = geometry;
        let plan = Plan::forward(axes, *inputs, size_of::<T>())?;
        let taps = geometry.taps();
        Some(Direct::new(geometry, kernels, plan, (*inputs, taps), (*outputs, inputs * taps), axes.map(|axis| axis.count)))
    }
    pub fn input_gradient(geometry: &Geometry, kernels: &'static Kernels<T>) -> Option<Direct<T>> {
        let Geometry { axes, inputs, outputs, .. } = geometry;
        let plan = Plan::input_gradient(axes, *outputs, size_of::<T>())?;
        let taps = geometry.taps();
        Some(Direct::new(geometry, kernels, plan, (*outputs, inputs * taps), (*inputs, taps), axes.map(|axis| axis.size)))
    }
    fn new(
        geometry: &Geometry,
        kernels: &'static Kernels<T>,
        plan: Plan,
        (sources, source_weights): (usize, usize),
        (results, result_weights): (usize, usize),
        out: [usize; 3],
    ) -> Direct<T> {
        let offsets = plan.parts.iter().map(|part| plan.offsets(part, sources)).collect();
        let (batch, groups, taps) = (geometry.batch, geometry.groups, geometry.taps());
        Direct { kernels, plan, offsets, batch, groups, sources, results, taps, source_weights, result_weights, out }
    }

    /// Elements of a plane of results as they are computed: rows as far apart as those of the staged image.
    fn plane_elements(&self) -> usize {
        self.plan.block[1] * self.plan.pitch() + SLACK
    }
    fn weights(&self) -> usize {
        self.offsets.iter().map(Vec::len).max().unwrap_or(0)
    }

    /// # Safety
    /// As [`Kernel::run`]; `scratch` has room for the staged image, a plane, and weights.
    unsafe fn task(&self, index: usize, source: *const T, weights: *const T, out: *mut T, scratch: *mut T) {
        let blocks = self.plan.blocks();
        let (image, block) = (index / blocks, index % blocks);
        let start = self.plan.start(block);
        let elements = self.plan.axes.iter().map(|axis| axis.size).product::<usize>();
        let out_elements = self.out.iter().product::<usize>();
        // SAFETY: images, channels, and rows lie inside of the tensors.
        unsafe {
            let (staged, plane) = (scratch, scratch.add(self.plan.staged_elements(self.sources)));
            let own = plane.add(self.plane_elements());
            self.plan.stage(self.kernels, start, self.sources, source.add(image * self.sources * elements), staged);
            let weights = weights.add(image % self.groups * self.sources * self.results * self.taps);
            for result in 0..self.results {
                let out = out.add((image * self.results + result) * out_elements);
                for (part, offsets) in self.plan.parts.iter().zip(&self.offsets) {
                    for (number, tap) in part.taps.iter().enumerate() {
                        for source in 0..self.sources {
                            let weight = weights.add(result * self.result_weights + source * self.source_weights + tap.index);
                            *own.add(source * part.taps.len() + number) = *weight;
                        }
                    }
                    self.part(part, offsets, start, staged, own, plane, out);
                }
            }
        }
    }

    /// The results of a part that lie in the block.
    #[allow(clippy::too_many_arguments)]
    unsafe fn part(
        &self,
        part: &Part,
        offsets: &[usize],
        start: [usize; 3],
        staged: *const T,
        weights: *const T,
        plane: *mut T,
        out: *mut T,
    ) {
        let size: [usize; 3] = std::array::from_fn(|i| self.plan.block[i].min(part.count[i].saturating_sub(start[i])));
        let [depth, height, width] = size;
        if depth * height * width == 0 {
            return;
        }
        let pitch = self.plan.pitch();
        // SAFETY: the caller's promise; what lies between the rows of the plane is computed and left there.
        unsafe {
            for i in 0..depth {
                let from = staged.add(i * self.plan.plane());
                let whole = (height - 1) * pitch + width;
                (self.kernels.slide)(whole, plane, from, offsets, weights);
                let at = |axis: usize, position: usize| (start[axis] + position) * part.step[axis] + part.first[axis];
                let to = out.add((at(0, i) * self.out[1] + at(1, 0)) * self.out[2] + at(2, 0));
                let (rows, pitch_out) =
                    (Matrix { pointer: plane.cast_const(), row_stride: pitch as isize, column_stride: 1 }, part.step[1] * self.out[2]);
                if part.step[2] == 1 {
                    (self.kernels.copy_rows)(height, width, rows, to, pitch_out);
                    continue;
                }
                for row in 0..height {
                    match part.step[2] {
                        2 => (self.kernels.copy_apart)(width, rows.at(row, 0), to.add(row * pitch_out)),
                        step => turn(width, rows.at(row, 0), to.add(row * pitch_out), step),
                    }
                }
            }
        }
    }
}

impl<T: Float + Send + Sync> Kernel for Direct<T> {
    fn scratch_bytes(&self) -> usize {
        (self.plan.staged_elements(self.sources) + self.plane_elements() + self.weights()) * size_of::<T>()
    }
    unsafe fn run(&self, memory: &Memory, jobs: &Jobs) -> Result<()> {
        let (source, weights, out) = (memory.input(0), memory.input(1), memory.output(0));
        let bytes = self.scratch_bytes();
        jobs.parallel_for(self.batch * self.groups * self.plan.blocks(), &|index, scratch| {
            let scratch = scratch.pointer(bytes).cast();
            // SAFETY: tasks write different parts of the result.
            unsafe { self.task(index, source.get().cast(), weights.get().cast(), out.get().cast(), scratch) };
        })
    }
}

/// The gradient of the weights: a task has a group, and goes through all images.
pub struct DirectFilter<T: 'static> {
    kernels: &'static Kernels<T>,
    plan: Plan,
    offsets: Vec<usize>,
    geometry: Geometry,
}

impl<T: Float> DirectFilter<T> {
    /// `None` where an image would be too large, or there are too few groups to keep workers busy.
    pub fn new(geometry: &Geometry, kernels: &'static Kernels<T>) -> Option<DirectFilter<T>> {
        if geometry.groups < TASKS {
            return None;
        }
        let plan = Plan::forward(&geometry.axes, geometry.inputs, size_of::<T>())?;
        let offsets = plan.offsets(plan.parts.first()?, geometry.inputs);
        Some(DirectFilter { kernels, plan, offsets, geometry: geometry.clone() })
    }

    /// # Safety
    /// As [`Kernel::run`]; `staged` has room for the image.
    unsafe fn task(&self, group: usize, x: *const T, dy: *const T, result: *mut T, staged: *mut T) {
        let Geometry { batch, groups, inputs, outputs, axes } = &self.geometry;
        let counts = axes.map(|axis| axis.count);
        // SAFETY: images, channels, and rows lie inside of the tensors.
        unsafe {
            let result = result.add(group * outputs * self.offsets.len());
            fill(result, outputs * self.offsets.len());
            for image in 0..*batch {
                let image = image * groups + group;
                for block in 0..self.plan.blocks() {
                    let start = self.plan.start(block);
                    self.plan.stage(self.kernels, start, *inputs, x.add(image * inputs * self.geometry.elements()), staged);
                    let [depth, height, width]: [usize; 3] = std::array::from_fn(|i| self.plan.block[i].min(counts[i] - start[i]));
                    for output in 0..*outputs {
                        for i in 0..depth {
                            let first = ((start[0] + i) * counts[1] + start[1]) * counts[2] + start[2];
                            let rows = Rows {
                                rows: height,
                                count: width,
                                left: dy.add((image * outputs + output) * self.geometry.windows() + first),
                                left_pitch: counts[2],
                                right: staged.add(i * self.plan.plane()),
                                right_pitch: self.plan.pitch(),
                            };
                            (self.kernels.dots)(&rows, &self.offsets, result.add(output * self.offsets.len()));
                        }
                    }
                }
            }
        }
    }
}

impl<T: Float + Send + Sync> Kernel for DirectFilter<T> {
    fn scratch_bytes(&self) -> usize {
        self.plan.staged_elements(self.geometry.inputs) * size_of::<T>()
    }
    unsafe fn run(&self, memory: &Memory, jobs: &Jobs) -> Result<()> {
        let (x, dy, result) = (memory.input(0), memory.input(1), memory.output(0));
        let bytes = self.scratch_bytes();
        jobs.parallel_for(self.geometry.groups, &|group, scratch| {
            let scratch = scratch.pointer(bytes).cast();
            // SAFETY: tasks write the weights of different groups.
            unsafe { self.task(group, x.get().cast(), dy.get().cast(), result.get().cast(), scratch) };
        })
    }
}
