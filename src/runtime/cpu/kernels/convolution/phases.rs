//! How windows slide over an image whose elements lie in phases: those that are a stride apart lie side by side. In a phase, windows that are
//! neighbours lie on neighbouring elements, whatever the stride.

use super::{MAX_COLUMNS, STAGED_BYTES, TASKS};
use crate::ir::WindowAxis;
use crate::runtime::cpu::matmul::kernel::{Float, Kernels};
use crate::runtime::cpu::matmul::pack::Matrix;
use std::ops::Range;

/// Phases of images and of results at most.
const MOST_PHASES: usize = 64;
/// Taps of all channels at most: more of them are worth packing.
const MOST_TAPS: usize = 4096;
/// Results of a block that is not cut further to have more tasks, and columns that stay together.
const LEAST_RESULTS: usize = 1024;
const LEAST_COLUMNS: usize = 256;
/// How many times the block's results may be staged: elements that several blocks look at are copied for each.
const MOST_COPIES: usize = 8;
/// Room behind what is staged and what is computed: whole vectors are read there.
pub(super) const SLACK: usize = 64;
const _: () = assert!(MAX_COLUMNS <= SLACK);

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

/// Results of one phase: result `position` is element `position * step + first`.
#[derive(Debug)]
pub(super) struct Part {
    pub first: [usize; 3],
    pub step: [usize; 3],
    pub count: [usize; 3],
    /// The numbers of its taps.
    pub taps: Vec<usize>,
    /// For each channel and each of the taps: its place in the staged image, counted from a result's own.
    pub offsets: Vec<usize>,
}

pub(super) struct Plan {
    axes: [Axis; 3],
    channels: usize,
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
    /// Windows over x, whose channels are summed over; the result has `units` images and groups. `None` where sliding does not fit.
    pub fn forward<T>(window: &[WindowAxis; 3], channels: usize, units: usize) -> Option<Plan> {
        Plan::new(window, Dimension::forward, channels, size_of::<T>(), units)
    }
    /// Elements of x over the windows that see them, whose channels are summed over.
    pub fn input_gradient<T>(window: &[WindowAxis; 3], channels: usize, units: usize) -> Option<Plan> {
        Plan::new(window, Dimension::input_gradient, channels, size_of::<T>(), units)
    }

    fn new(
        window: &[WindowAxis; 3],
        dimension: fn(&WindowAxis) -> Option<Dimension>,
        channels: usize,
        bytes: usize,
        units: usize,
    ) -> Option<Plan> {
        let taps = window.iter().map(|axis| axis.kernel).try_fold(channels, usize::checked_mul)?;
        if taps > MOST_TAPS || window.iter().any(|axis| axis.count == 0 || axis.size == 0) {
            return None;
        }
        let [Some(d), Some(h), Some(w)] = window.each_ref().map(dimension) else { return None };
        let axes = [d.axis, h.axis, w.axis];
        let steps = axes.iter().map(|axis| axis.step).try_fold(1, usize::checked_mul)?;
        if steps > MOST_PHASES || d.phases.len() * h.phases.len() * w.phases.len() > MOST_PHASES {
            return None;
        }
        let mut plan = Plan { axes, channels, parts: Vec::new(), block: axes.map(|axis| axis.count) };
        plan.cut(bytes, units)?;
        for i in &d.phases {
            for j in &h.phases {
                for k in &w.phases {
                    plan.parts.push(plan.part([i, j, k], h.kernel, w.kernel));
                }
            }
        }
        Some(plan)
    }

    /// Makes blocks of what stays in the second-level cache, and enough of them: where a cut has the least copied twice, it is made.
    fn cut(&mut self, bytes: usize, units: usize) -> Option<()> {
        let is_large = |plan: &Plan| plan.staged_elements().saturating_mul(bytes) > STAGED_BYTES;
        let results = |plan: &Plan| plan.block.into_iter().fold(1, usize::saturating_mul);
        while is_large(self) || (units.saturating_mul(self.blocks()) < TASKS && results(self) > LEAST_RESULTS) {
            let least = [1, 1, LEAST_COLUMNS];
            let length = |dimension: &usize| self.block[*dimension] / (self.axes[*dimension].reach + 1);
            let dimension = (0..3).rev().filter(|dimension| self.block[*dimension] > least[*dimension]).max_by_key(length)?;
            self.block[dimension] = self.block[dimension].div_ceil(2);
        }
        let copied = self.extent().into_iter().fold(1, usize::saturating_mul);
        (copied <= results(self).saturating_mul(MOST_COPIES).max(LEAST_RESULTS)).then_some(())
    }

    fn part(&self, phases: [&Phase; 3], height: usize, width: usize) -> Part {
        let [i, j, k] = phases;
        let phase = self.phase_elements();
        let (mut taps, mut offsets) = (Vec::new(), Vec::new());
        for a in &i.taps {
            for b in &j.taps {
                for c in &k.taps {
                    taps.push((a.0 * height + b.0) * width + c.0);
                    let number = (a.1 * self.axes[1].step + b.1) * self.axes[2].step + c.1;
                    offsets.push(number * phase + a.2 * self.plane() + b.2 * self.pitch() + c.2);
                }
            }
        }
        let channels = (0..self.channels).map(|channel| channel * self.channel_elements());
        let offsets = channels.flat_map(|channel| offsets.iter().map(move |offset| channel + offset)).collect();
        Part {
            first: phases.map(|phase| phase.first),
            step: phases.map(|phase| phase.step),
            count: phases.map(|phase| phase.count),
            taps,
            offsets,
        }
    }

    /// Sizes of a phase of the staged image.
    fn extent(&self) -> [usize; 3] {
        std::array::from_fn(|i| self.block[i].saturating_add(self.axes[i].reach))
    }
    fn phase_elements(&self) -> usize {
        self.extent().into_iter().fold(1, usize::saturating_mul)
    }
    fn channel_elements(&self) -> usize {
        self.axes.iter().map(|axis| axis.step).fold(self.phase_elements(), usize::saturating_mul)
    }
    pub fn staged_elements(&self) -> usize {
        self.channel_elements().saturating_mul(self.channels).saturating_add(SLACK)
    }
    /// Elements from row to row of the staged image.
    pub fn pitch(&self) -> usize {
        self.extent()[2]
    }
    /// Elements from plane to plane of the staged image.
    pub fn plane(&self) -> usize {
        self.extent()[1] * self.pitch()
    }
    /// Elements of all channels in memory.
    pub fn elements(&self) -> usize {
        self.axes.iter().map(|axis| axis.size).product::<usize>() * self.channels
    }
    fn counts(&self) -> [usize; 3] {
        std::array::from_fn(|i| self.axes[i].count.div_ceil(self.block[i]))
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
    /// The positions of a part that lie in the block.
    pub fn size(&self, part: &Part, start: [usize; 3]) -> [usize; 3] {
        std::array::from_fn(|i| self.block[i].min(part.count[i].saturating_sub(start[i])))
    }

    /// Copies what a block looks at, with zeros for padding.
    ///
    /// # Safety
    /// `from` holds the channels, `staged` has room.
    pub unsafe fn stage<T: Float>(&self, kernels: &Kernels<T>, start: [usize; 3], from: *const T, staged: *mut T) {
        let [d, h, w] = self.axes;
        let (extent, size) = (self.extent(), self.phase_elements());
        let phases = d.step * h.step * w.step;
        // SAFETY: the caller's promise; elements are read where there are some.
        unsafe {
            for index in 0..self.channels * phases {
                let (from, to) = (from.add(index / phases * d.size * h.size * w.size), staged.add(index * size));
                let phase = index % phases;
                let phase = [phase / (h.step * w.step), phase / w.step % h.step, phase % w.step];
                let inside: [Range<usize>; 3] = std::array::from_fn(|i| self.axes[i].inside(start[i], phase[i], extent[i]));
                if (0..3).any(|i| inside[i].len() < extent[i]) {
                    (0..size).for_each(|position| to.add(position).write(T::ZERO));
                }
                let [planes, rows, columns] = inside;
                if rows.is_empty() || columns.is_empty() {
                    continue;
                }
                let element = |i: usize, position: usize| (start[i] + position) * self.axes[i].step + phase[i] - self.axes[i].before;
                for plane in planes {
                    let first = (element(0, plane) * h.size + element(1, rows.start)) * w.size + element(2, columns.start);
                    let from = Matrix { pointer: from.add(first), row_stride: (h.step * w.size) as isize, column_stride: w.step as isize };
                    let to = to.add((plane * extent[1] + rows.start) * extent[2] + columns.start);
                    if w.step == 1 {
                        (kernels.copy_rows)(rows.len(), columns.len(), from, to, extent[2]);
                    } else {
                        (0..rows.len()).for_each(|row| gather(columns.len(), from.at(row, 0), w.step, to.add(row * extent[2])));
                    }
                }
            }
            let behind = staged.add(self.channels * phases * size);
            (0..SLACK).for_each(|position| behind.add(position).write(T::ZERO));
        }
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

#[cfg(test)]
mod tests {
    use super::*;

    fn window(size: usize, kernel: usize, stride: usize, dilation: usize) -> WindowAxis {
        let low = (kernel - 1) * dilation / 2;
        WindowAxis { size, kernel, stride, dilation, low, count: (size + 2 * low - (kernel - 1) * dilation - 1) / stride + 1 }
    }

    #[test]
    fn blocks_are_small_and_many_whatever_the_image() {
        let one = window(1, 1, 1, 1);
        let images = [
            ("a long signal", [one, one, window(20_000_000, 3, 1, 1)], 1),
            ("a signal of many taps", [one, one, window(1_000_000, 25, 2, 1)], 1),
            ("one image", [one, window(224, 3, 1, 1), window(224, 3, 1, 1)], 1),
            ("taps far apart", [one, window(1024, 5, 1, 2), window(2048, 5, 1, 2)], 4),
            ("a volume", [window(64, 3, 2, 1), window(64, 3, 2, 1), window(64, 3, 2, 1)], 2),
        ];
        for (name, axes, channels) in images {
            for plan in [Plan::forward::<f32>(&axes, channels, 1), Plan::input_gradient::<f32>(&axes, channels, 1)] {
                let plan = plan.unwrap_or_else(|| panic!("{name} does not slide"));
                assert!(plan.staged_elements() * size_of::<f32>() <= STAGED_BYTES, "{name}: {} elements", plan.staged_elements());
                assert!(plan.blocks() >= TASKS, "{name}: {} blocks", plan.blocks());
            }
        }
    }

    #[test]
    fn what_would_take_more_copies_or_taps_than_it_is_worth_does_not_slide() {
        let one = window(1, 1, 1, 1);
        let refused = [
            ("too many taps", [one, one, WindowAxis { low: 0, count: 201, ..window(1 << 25, (1 << 25) - 200, 1, 1) }], 1),
            ("rows that each look at a hundred", [one, window(1024, 3, 1, 50), window(8192, 3, 1, 1)], 4),
            ("too many phases", [one, window(1024, 3, 9, 1), window(1024, 3, 9, 1)], 1),
            ("no windows", [one, one, WindowAxis { count: 0, stride: usize::MAX, ..window(5, 3, 1, 1) }], 1),
        ];
        for (name, axes, channels) in refused {
            assert!(Plan::forward::<f32>(&axes, channels, 1).is_none(), "{name}");
            assert!(Plan::input_gradient::<f32>(&axes, channels, 1).is_none(), "{name}");
        }
    }
}
