//! Forward convolutions and gradients of inputs: weights [rows, channels * taps] times panels of pixels.
//!
//! A pass computes a grid of pixels for every row of the weights: the sum over channels and taps of weight * source at grid * step + offset of
//! the tap. The forward pass is one of them. The gradient of an input is one for each way in which an element can lie between strides: of the
//! elements at stride * q + phase exactly the taps of that phase touch windows, at q plus an offset that is the tap's own, so no work is
//! wasted on zeros.
//!
//! A task is a block of pixels of one image. It stages the part of the source that the block looks at, with its padding, a stretch of channels
//! at a time; then a tap's pixels are a plain run of the staged rows, and panels are packed by copying runs.

use super::{Block, Blocks, Geometry, K_STRETCH, Kernel, MAX_COLUMNS, MOST_STAGED, Memory, STAGED_BYTES, TASKS};
use crate::error::Result;
use crate::runtime::cpu::kernels::Shared;
use crate::runtime::cpu::matmul::kernel::{Float, Kernels, Tile};
use crate::runtime::cpu::matmul::pack::Matrix;
use crate::runtime::cpu::matmul::pieces;
use crate::runtime::jobs::Jobs;

/// The sub-filter along one dimension.
#[derive(Clone, Debug)]
struct Taps {
    /// Numbers of the taps in the whole filter.
    numbers: Vec<usize>,
    /// Where each looks, from grid * step.
    offsets: Vec<isize>,
}

impl Taps {
    fn least(&self) -> isize {
        self.offsets.iter().copied().min().unwrap_or(0)
    }
    fn most(&self) -> isize {
        self.offsets.iter().copied().max().unwrap_or(0)
    }
    fn span(&self) -> usize {
        (self.most() - self.least()) as usize
    }
}

struct Pass {
    blocks: Blocks,
    /// Elements of the source from pixel to pixel.
    step: [usize; 3],
    taps: [Taps; 3],
    /// Sizes of a channel of the result; pixel q of the grid is its element start + q * spread.
    target: [usize; 3],
    start: [usize; 3],
    spread: [usize; 3],
    /// The grid is the whole channel, in its order.
    direct: bool,
    /// Rows of the staged image are those of the source: nothing is padding, and nothing has to be sorted.
    in_place: bool,
    /// Where the weights of this pass begin.
    weights: usize,
    /// Stretches of channels.
    stretches: usize,
    /// Parts that the rows are cut into.
    row_blocks: usize,
}

pub struct Passes<T: 'static> {
    kernels: &'static Kernels<T>,
    geometry: Geometry,
    /// Of a group: rows of the weights, channels of the source.
    rows: usize,
    channels: usize,
    /// Sizes of a channel of the source.
    source: [usize; 3],
    target_elements: usize,
    passes: Vec<Pass>,
    /// Weights are brought into the order of the passes first. Otherwise they lie in it.
    rearranged: bool,
    /// Some elements of the result are touched by no tap.
    has_gaps: bool,
}

/// Positions of the staged part of an image, for one pass and block size.
struct Staged {
    /// Elements of a channel.
    channel: usize,
    plane: usize,
    row: usize,
    /// Elements of each phase of a row: positions apart by the step lie side by side.
    phase: usize,
}

impl Pass {
    fn taps(&self) -> usize {
        self.taps.iter().map(|taps| taps.offsets.len()).product()
    }
    fn staged(&self, size: [usize; 3]) -> Staged {
        let extent = |i: usize| (size[i] - 1).saturating_mul(self.step[i]).saturating_add(self.taps[i].span() + 1);
        let phase = extent(2).div_ceil(self.step[2]);
        let row = phase.saturating_mul(self.step[2]);
        let plane = row.saturating_mul(extent(1));
        Staged { channel: plane.saturating_mul(extent(0)), plane, row, phase }
    }
}

impl<T: Float + Default> Passes<T> {
    /// `None` where the smallest part of an image is too large to be held.
    pub fn forward(geometry: Geometry, kernels: &'static Kernels<T>) -> Option<Passes<T>> {
        let taps = geometry.axes.map(|axis| Taps {
            numbers: (0..axis.kernel).collect(),
            offsets: (0..axis.kernel).map(|tap| (tap * axis.dilation) as isize - axis.low as isize).collect(),
        });
        let grid = geometry.axes.map(|axis| axis.count);
        let pass = Pass {
            blocks: Blocks { grid, size: grid },
            step: geometry.axes.map(|axis| axis.stride),
            taps,
            target: grid,
            start: [0; 3],
            spread: [1; 3],
            direct: true,
            in_place: false,
            weights: 0,
            stretches: 1,
            row_blocks: 1,
        };
        let (rows, channels) = (geometry.outputs, geometry.inputs);
        let mut passes = Passes {
            kernels,
            rows,
            channels,
            source: geometry.axes.map(|axis| axis.size),
            target_elements: geometry.windows(),
            passes: vec![pass],
            rearranged: false,
            has_gaps: false,
            geometry,
        };
        passes.cut().then_some(passes)
    }

    /// `None` for a gradient that falls into too many passes, or where the smallest part of an image is too large to be held.
    pub fn input_gradient(geometry: &Geometry, kernels: &'static Kernels<T>) -> Option<Passes<T>> {
        let mut has_gaps = false;
        let mut phases: [Vec<(usize, Taps)>; 3] = Default::default();
        for (axis, phases) in geometry.axes.iter().zip(&mut phases) {
            // The phase of each tap; phases without one are gaps.
            let mut all: std::collections::BTreeMap<usize, Taps> = Default::default();
            for tap in 0..axis.kernel {
                // Tap t touches elements o * stride + shift.
                let shift = (tap * axis.dilation) as isize - axis.low as isize;
                let phase = shift.rem_euclid(axis.stride as isize);
                if phase as usize >= axis.size {
                    continue;
                }
                let taps = all.entry(phase as usize).or_insert(Taps { numbers: Vec::new(), offsets: Vec::new() });
                taps.numbers.push(tap);
                taps.offsets.push((phase - shift) / axis.stride as isize);
            }
            has_gaps |= all.len() < axis.stride.min(axis.size);
            phases.extend(all);
        }
        if phases.iter().map(Vec::len).product::<usize>() > super::MOST_PASSES {
            return None;
        }
        let target = geometry.axes.map(|axis| axis.size);
        let (rows, channels) = (geometry.inputs, geometry.outputs);
        let mut passes = Vec::new();
        let mut weights = 0;
        for depth in &phases[0] {
            for height in &phases[1] {
                for width in &phases[2] {
                    let start = [depth.0, height.0, width.0];
                    let spread = geometry.axes.map(|axis| axis.stride);
                    let grid: [usize; 3] = std::array::from_fn(|i| (target[i] - start[i]).div_ceil(spread[i]));
                    let pass = Pass {
                        blocks: Blocks { grid, size: grid },
                        step: [1; 3],
                        taps: [depth.1.clone(), height.1.clone(), width.1.clone()],
                        target,
                        start,
                        spread,
                        direct: grid == target,
                        in_place: false,
                        weights,
                        stretches: 1,
                        row_blocks: 1,
                    };
                    weights += pass.taps() * rows * channels * geometry.groups;
                    passes.push(pass);
                }
            }
        }
        let mut passes = Passes {
            kernels,
            rows,
            channels,
            source: geometry.axes.map(|axis| axis.count),
            target_elements: geometry.elements(),
            passes,
            rearranged: true,
            has_gaps,
            geometry: geometry.clone(),
        };
        passes.cut().then_some(passes)
    }

    /// Decides stretches and blocks, by shape alone; false where the smallest part of an image is too large to be held.
    fn cut(&mut self) -> bool {
        let (channels, rows, images) = (self.channels, self.rows, self.geometry.batch * self.geometry.groups);
        for pass in &mut self.passes {
            let taps = pass.taps();
            pass.stretches = (channels * taps).div_ceil(K_STRETCH).clamp(1, channels.max(1));
            let grid = pass.blocks.grid;
            if grid.contains(&0) {
                continue;
            }
            let inside = |i: usize| {
                let last = ((grid[i] - 1) * pass.step[i]) as isize + pass.taps[i].most();
                pass.taps[i].least() >= 0 && last < self.source[i] as isize
            };
            pass.in_place = pass.step[2] == 1 && (0..3).all(inside);
            let at_once = channels.div_ceil(pass.stretches);
            let mut most = grid.iter().product::<usize>();
            if !pass.direct {
                most = most.min((STAGED_BYTES / (rows * size_of::<T>())).max(MAX_COLUMNS));
            }
            loop {
                pass.blocks = Blocks::new(grid, most);
                let bytes = pass.staged(pass.blocks.size).channel.saturating_mul(at_once * size_of::<T>());
                let is_large = bytes > STAGED_BYTES && !pass.in_place;
                let is_few = images * pass.blocks.count() < TASKS && most > 4 * MAX_COLUMNS;
                if most <= MAX_COLUMNS || !(is_large || is_few) {
                    break;
                }
                most = most.div_ceil(2).max(MAX_COLUMNS);
            }
            let tasks = (images * pass.blocks.count()).max(1);
            pass.row_blocks = TASKS.div_ceil(tasks).min(rows / 24).max(1);
            if !pass.in_place && pass.staged(pass.blocks.size).channel.saturating_mul(at_once) > MOST_STAGED {
                return false;
            }
        }
        true
    }

    /// Tasks of a pass for each image and group.
    fn tasks(&self, pass: &Pass) -> usize {
        if pass.blocks.grid.contains(&0) { 0 } else { pass.blocks.count() * pass.row_blocks }
    }
    fn at_once(&self, pass: &Pass) -> usize {
        self.channels.div_ceil(pass.stretches)
    }
    /// Elements of the parts of a task's scratch memory: staged image, panel, result.
    fn scratch(&self, pass: &Pass) -> [usize; 3] {
        let size = pass.blocks.size;
        let line = 64 / size_of::<T>();
        let staged = if pass.in_place { 0 } else { pass.staged(size).channel * self.at_once(pass) };
        let result = if pass.direct { 0 } else { self.rows * pass.blocks.pixels() };
        [staged, self.at_once(pass) * pass.taps() * MAX_COLUMNS, result].map(|elements| elements.next_multiple_of(line))
    }

    /// Brings channel `channel` of the weights (rows of the passes) into their order.
    ///
    /// # Safety
    /// Both sides hold all weights.
    unsafe fn rearrange(&self, group: usize, row: usize, from: *const T, to: *mut T) {
        let all = self.geometry.taps();
        let [_, height, width] = self.geometry.axes.map(|axis| axis.kernel);
        for pass in &self.passes {
            let taps = pass.taps();
            let [d, h, w] = &pass.taps;
            // SAFETY: the caller's promise.
            unsafe {
                let mut to = to.add(pass.weights + (group * self.rows + row) * self.channels * taps);
                for channel in 0..self.channels {
                    let from = from.add(((group * self.channels + channel) * self.rows + row) * all);
                    for i in &d.numbers {
                        for j in &h.numbers {
                            for k in &w.numbers {
                                *to = *from.add((i * height + j) * width + k);
                                to = to.add(1);
                            }
                        }
                    }
                }
            }
        }
    }

    /// # Safety
    /// As [`Kernel::run`]: `source`, `weights`, and `target` are whole, `scratch` has the elements that the pass wants.
    unsafe fn task(&self, pass: &Pass, index: usize, source: *const T, weights: *const T, target: *mut T, scratch: *mut T) {
        let Kernels { lanes, .. } = *self.kernels;
        let (taps, blocks) = (pass.taps(), pass.blocks.count());
        let (rest, row_block) = (index / pass.row_blocks, index % pass.row_blocks);
        let (image, block) = (rest / blocks, pass.blocks.block(rest % blocks));
        let group = image % self.geometry.groups;
        let rows = pieces(self.rows, pass.row_blocks).nth(row_block).expect("a block of rows");
        let [staged_elements, panel_elements, _] = self.scratch(pass);
        let pixels = block.pixels();
        let source_elements = self.source.iter().product::<usize>();
        // SAFETY: blocks lie inside the grid, stretches inside the channels.
        unsafe {
            let source = source.add(image * self.channels * source_elements);
            let target = target.add((image * self.rows + rows.start) * self.target_elements);
            let weights = weights.add(pass.weights + (group * self.rows + rows.start) * self.channels * taps);
            let (staged, panel) = (scratch, scratch.add(staged_elements));
            let sums = panel.add(panel_elements);
            let (result, pitch) = if pass.direct {
                let [d, h, w] = block.start;
                (target.add((d * pass.target[1] + h) * pass.target[2] + w), self.target_elements)
            } else {
                (sums, pixels)
            };
            let vectors = pixels.div_ceil(lanes);
            let panels = vectors.div_ceil(self.kernels.whole.len());
            for channels in pieces(self.channels, pass.stretches) {
                let k = channels.len() * taps;
                let view = if pass.in_place {
                    self.in_place(pass, &block, source.add(channels.start * source_elements))
                } else {
                    self.stage(pass, &block, source.add(channels.start * source_elements), channels.len(), staged)
                };
                for part in pieces(vectors, panels) {
                    let first = part.start * lanes;
                    let columns = (pixels - first).min(part.len() * lanes);
                    let width = part.len() * lanes;
                    self.pack(pass, &block, &view, first..first + columns, channels.len(), panel, width);
                    let tallest = self.kernels.whole[part.len() - 1].len();
                    let last = columns - (part.len() - 1) * lanes;
                    let table = if last == lanes { self.kernels.whole } else { self.kernels.ragged }[part.len() - 1];
                    for tile in pieces(rows.len(), rows.len().div_ceil(tallest)) {
                        table[tile.len() - 1](&Tile {
                            k,
                            left: weights.add((tile.start * self.channels + channels.start) * taps),
                            left_row_stride: (self.channels * taps) as isize,
                            left_k_stride: 1,
                            right: panel,
                            right_k_stride: width as isize,
                            result: result.add(tile.start * pitch + first),
                            result_row_stride: pitch as isize,
                            last,
                            accumulate: channels.start > 0,
                            ahead: std::ptr::null(),
                        });
                    }
                }
            }
            if !pass.direct {
                self.scatter(pass, &block, rows.len(), sums, target);
            }
        }
    }

    /// The source itself as if it were staged.
    fn in_place(&self, pass: &Pass, block: &Block, source: *const T) -> View<T> {
        let [_, height, width] = self.source;
        let origin: [usize; 3] = std::array::from_fn(|i| block.start[i] * pass.step[i] + pass.taps[i].least() as usize);
        let layout = Staged { channel: self.source.iter().product(), plane: height * width, row: width, phase: width };
        View { start: source.wrapping_add((origin[0] * height + origin[1]) * width + origin[2]), layout }
    }

    /// Copies what the block looks at, with zeros for padding; along a row, positions that are a step apart come side by side.
    ///
    /// # Safety
    /// `source` holds the channels, `staged` has room for what [`Pass::staged`] says.
    unsafe fn stage(&self, pass: &Pass, block: &Block, source: *const T, channels: usize, staged: *mut T) -> View<T> {
        let layout = pass.staged(block.size);
        let [depth, height, width] = self.source;
        let origin: [isize; 3] = std::array::from_fn(|i| (block.start[i] * pass.step[i]) as isize + pass.taps[i].least());
        let (planes, rows) = (layout.channel / layout.plane, layout.plane / layout.row);
        let step = pass.step[2];
        let inside = |position: isize, size: usize| (0..size as isize).contains(&position).then_some(position as usize);
        // Of the row of the source, what lies under the staged row: positions at which both exist.
        let before = (-origin[2]).clamp(0, layout.row as isize) as usize;
        let end = (width as isize - origin[2]).clamp(before as isize, layout.row as isize) as usize;
        // SAFETY: the caller's promise; rows are taken where they lie inside of the source.
        unsafe {
            for channel in 0..channels {
                for plane in 0..planes {
                    for row in 0..rows {
                        let to = staged.add(channel * layout.channel + plane * layout.plane + row * layout.row);
                        let at = inside(origin[0] + plane as isize, depth).zip(inside(origin[1] + row as isize, height));
                        let Some((i, j)) = at else {
                            fill(to, layout.row);
                            continue;
                        };
                        let from = source.add(((channel * depth + i) * height + j) * width);
                        if step == 1 {
                            fill(to, before);
                            let first = (origin[2] + before as isize) as usize;
                            copy(from.wrapping_add(first), to.add(before), end - before);
                            fill(to.add(end), layout.row - end);
                        } else {
                            for phase in 0..step {
                                let to = to.add(phase * layout.phase);
                                let first = before.saturating_sub(phase).div_ceil(step).min(layout.phase);
                                let behind = end.saturating_sub(phase).div_ceil(step).clamp(first, layout.phase);
                                fill(to, first);
                                let from = from.wrapping_offset(origin[2] + phase as isize);
                                for index in first..behind {
                                    *to.add(index) = *from.wrapping_add(index * step);
                                }
                                fill(to.add(behind), layout.phase - behind);
                            }
                        }
                    }
                }
            }
        }
        View { start: staged, layout }
    }

    /// Packs these pixels: for each channel and tap a row of `width` elements, of which as many as there are pixels are written.
    ///
    /// # Safety
    /// The view holds the block's part of the channels, `panel` their taps.
    #[allow(clippy::too_many_arguments)]
    unsafe fn pack(
        &self,
        pass: &Pass,
        block: &Block,
        view: &View<T>,
        pixels: std::ops::Range<usize>,
        channels: usize,
        panel: *mut T,
        width: usize,
    ) {
        let Staged { channel, plane, row, phase } = view.layout;
        let [d, h, w] = &pass.taps;
        let [step_d, step_h, step_w] = pass.step;
        let taps = pass.taps();
        let mut tap = 0;
        // Rows that follow one another without a gap are one.
        let whole = Block { start: block.start, size: [block.size[0], 1, block.size[1] * block.size[2]] };
        let block = if step_h * row == block.size[2] { &whole } else { block };
        for i in &d.offsets {
            for j in &h.offsets {
                for k in &w.offsets {
                    let column = (k - w.least()) as usize;
                    let from =
                        (i - d.least()) as usize * plane + (j - h.least()) as usize * row + column % step_w * phase + column / step_w;
                    block.runs(pixels.clone(), |pixel, at, length| {
                        let from = from + at[0] * step_d * plane + at[1] * step_h * row + at[2];
                        let from = Matrix { pointer: view.start.wrapping_add(from), row_stride: channel as isize, column_stride: 1 };
                        // SAFETY: the caller's promise.
                        unsafe {
                            let to = panel.add(tap * width + pixel - pixels.start);
                            (self.kernels.copy_rows)(channels, length, from, to, taps * width);
                        }
                    });
                    tap += 1;
                }
            }
        }
    }

    /// Writes the block's sums to their places.
    ///
    /// # Safety
    /// `sums` holds the block's pixels for each row, `target` as many channels.
    unsafe fn scatter(&self, pass: &Pass, block: &Block, rows: usize, sums: *const T, target: *mut T) {
        let [_, height, width] = pass.target;
        let pixels = block.pixels();
        let place = |i: usize, at: usize| pass.start[i] + (block.start[i] + at) * pass.spread[i];
        let step = pass.spread[2];
        for channel in 0..rows {
            block.runs(0..pixels, |pixel, at, length| {
                let to = ((channel * pass.target[0] + place(0, at[0])) * height + place(1, at[1])) * width + place(2, at[2]);
                // SAFETY: the caller's promise.
                unsafe {
                    let (from, to) = (sums.add(channel * pixels + pixel), target.add(to));
                    if step == 2 {
                        (self.kernels.copy_apart)(length, from, to);
                    } else {
                        (0..length).for_each(|index| *to.add(index * step) = *from.add(index));
                    }
                }
            });
        }
    }
}

/// Where the pixels of a block are read.
struct View<T> {
    start: *const T,
    layout: Staged,
}

unsafe fn fill<T: Default>(to: *mut T, count: usize) {
    for index in 0..count {
        // SAFETY: the caller has as much room.
        unsafe { to.add(index).write(T::default()) };
    }
}

unsafe fn copy<T>(from: *const T, to: *mut T, count: usize) {
    // SAFETY: the caller's two sides hold as many elements and are apart.
    unsafe { std::ptr::copy_nonoverlapping(from, to, count) };
}

impl<T: Float + Default + Send + Sync> Kernel for Passes<T> {
    fn scratch_bytes(&self) -> usize {
        let bytes = |pass: &Pass| self.scratch(pass).iter().sum::<usize>() * size_of::<T>();
        self.passes.iter().filter(|pass| self.tasks(pass) > 0).map(bytes).max().unwrap_or(0)
    }
    fn shared_bytes(&self) -> usize {
        let all = self.rows * self.channels * self.geometry.taps() * self.geometry.groups;
        if self.rearranged { all * size_of::<T>() } else { 0 }
    }
    unsafe fn run(&self, memory: &Memory, jobs: &Jobs) -> Result<()> {
        let (source, weights, target) = (memory.input(0), memory.input(1), memory.output(0));
        let mut ordered = weights;
        let groups = self.geometry.groups;
        if self.rearranged {
            ordered = memory.shared();
            jobs.parallel_for(groups * self.rows, &|index, _| {
                let (group, row) = (index / self.rows, index % self.rows);
                // SAFETY: each call writes its own rows.
                unsafe { self.rearrange(group, row, weights.get().cast(), ordered.get().cast()) };
            })?;
        }
        if self.has_gaps {
            let channels = self.geometry.batch * groups * self.rows;
            jobs.parallel_for(channels, &|channel, _| {
                // SAFETY: each call writes its own channel.
                unsafe { fill(target.get().cast::<T>().add(channel * self.target_elements), self.target_elements) };
            })?;
        }
        // Image by image, all passes of one: they write the same lines of the result.
        let bytes = self.scratch_bytes();
        let each: usize = self.passes.iter().map(|pass| self.tasks(pass)).sum();
        let (source, ordered, target): (Shared, Shared, Shared) = (source, ordered, target);
        jobs.parallel_for(self.geometry.batch * groups * each, &|index, scratch| {
            let scratch = scratch.pointer(bytes).cast();
            let (image, mut index) = (index / each, index % each);
            for pass in &self.passes {
                let tasks = self.tasks(pass);
                if index < tasks {
                    let index = image * tasks + index;
                    // SAFETY: tasks write different blocks and rows of the result.
                    return unsafe { self.task(pass, index, source.get().cast(), ordered.get().cast(), target.get().cast(), scratch) };
                }
                index -= tasks;
            }
        })
    }
}
