//! Gradients of weights: dy [outputs, pixels] times the transposed image [pixels, taps * channels], summed over images.
//!
//! A task has a share of all blocks of all images, one group, and some channels. For each block it turns the image round, so that the channels
//! of a position lie side by side; then the columns of a pixel are short runs at each of its taps, and panels are packed by copying them. Where
//! positions follow one another without a gap, as those of few channels do, the taps of a row are one run. Each share sums its own copy of the
//! result, and the copies are summed in their order.

use super::{Block, Blocks, Geometry, K_STRETCH, Kernel, MAX_COLUMNS, MOST_STAGED, Memory, STAGED_BYTES, TASKS, turn};
use crate::error::Result;
use crate::runtime::cpu::matmul::kernel::{Float, Kernels, Tile};
use crate::runtime::cpu::matmul::pack::Matrix;
use crate::runtime::cpu::matmul::pieces;
use crate::runtime::jobs::Jobs;

/// Channels of a task at most.
const CHANNELS: usize = 64;
/// Pixels that a share sums at least: what it costs to sum the copies is small next to that.
const LEAST_PIXELS: usize = 1024;

pub struct Filter<T: 'static> {
    kernels: &'static Kernels<T>,
    geometry: Geometry,
    blocks: Blocks,
    /// Parts that the channels are cut into.
    stretches: usize,
    shares: usize,
}

impl<T: Float + Default> Filter<T> {
    /// `None` where the smallest part of an image is too large to be held.
    pub fn new(geometry: Geometry, kernels: &'static Kernels<T>) -> Option<Filter<T>> {
        let grid = geometry.axes.map(|axis| axis.count);
        let stretches = geometry.inputs.div_ceil(CHANNELS).max(1);
        let mut filter = Filter { kernels, blocks: Blocks::new(grid, K_STRETCH), stretches, shares: 1, geometry };
        let mut most = K_STRETCH;
        while most > MAX_COLUMNS && filter.staged_elements().saturating_mul(size_of::<T>()) > STAGED_BYTES {
            most /= 2;
            filter.blocks = Blocks::new(grid, most);
        }
        if filter.staged_elements() > MOST_STAGED {
            return None;
        }
        let units = filter.units();
        let pixels = filter.geometry.batch.saturating_mul(filter.geometry.windows());
        let wanted = TASKS.div_ceil(stretches * filter.geometry.groups);
        filter.shares = wanted.min(units).min(pixels / LEAST_PIXELS).max(1);
        Some(filter)
    }

    /// Blocks of all images.
    fn units(&self) -> usize {
        if self.geometry.windows() == 0 { 0 } else { self.geometry.batch * self.blocks.count() }
    }
    fn extent(&self, size: [usize; 3]) -> [usize; 3] {
        std::array::from_fn(|i| (size[i] - 1).saturating_mul(self.geometry.axes[i].stride).saturating_add(self.geometry.axes[i].reach()))
    }
    /// Elements of a position of the staged image: as many as there are channels if those are few, else whole vectors.
    fn pitch(&self) -> usize {
        let channels = self.geometry.inputs.div_ceil(self.stretches);
        if channels < self.kernels.lanes { channels } else { channels.next_multiple_of(self.kernels.lanes) }
    }
    fn staged_elements(&self) -> usize {
        self.extent(self.blocks.size).into_iter().fold(self.pitch(), usize::saturating_mul)
    }
    /// Elements of a copy of the result.
    fn copy_elements(&self) -> usize {
        let Geometry { groups, inputs, outputs, .. } = self.geometry;
        groups * inputs * outputs * self.geometry.taps()
    }

    /// # Safety
    /// As [`Kernel::run`]; `scratch` has room for the staged image and a panel.
    unsafe fn task(&self, index: usize, x: *const T, dy: *const T, copies: *mut T, scratch: *mut T) {
        let Geometry { groups, inputs, outputs, .. } = self.geometry;
        let (taps, windows, blocks) = (self.geometry.taps(), self.geometry.windows(), self.blocks.count());
        let (rest, stretch) = (index / self.stretches, index % self.stretches);
        let (share, group) = (rest / groups, rest % groups);
        let channels = pieces(inputs, self.stretches).nth(stretch).expect("a stretch of channels");
        let lanes = self.kernels.lanes;
        let columns = taps * channels.len();
        let vectors = columns.div_ceil(lanes);
        let panels = vectors.div_ceil(self.kernels.whole.len());
        let row = inputs * taps;
        // SAFETY: blocks, channels, and rows lie inside of the tensors.
        unsafe {
            let result = copies.add(share * self.copy_elements() + group * outputs * row + channels.start * taps);
            let (staged, panel) = (scratch, scratch.add(self.staged_elements()));
            let units = pieces(self.units(), self.shares).nth(share).expect("a share");
            for unit in units.clone() {
                let (image, block) = (unit / blocks, self.blocks.block(unit % blocks));
                let [d, h, w] = block.start;
                let [_, height, width] = self.blocks.grid;
                let x = x.add(((image * groups + group) * inputs + channels.start) * self.geometry.elements());
                let dy = dy.add((image * groups + group) * outputs * windows + (d * height + h) * width + w);
                self.stage(&block, x, channels.len(), staged);
                for part in pieces(vectors, panels) {
                    let first = part.start * lanes;
                    let count = (columns - first).min(part.len() * lanes);
                    let width = part.len() * lanes;
                    self.pack(&block, staged, channels.len(), first..first + count, panel, width);
                    let tallest = self.kernels.whole[part.len() - 1].len();
                    let last = count - (part.len() - 1) * lanes;
                    let table = if last == lanes { self.kernels.whole } else { self.kernels.ragged }[part.len() - 1];
                    for tile in pieces(outputs, outputs.div_ceil(tallest)) {
                        table[tile.len() - 1](&Tile {
                            k: block.pixels(),
                            left: dy.add(tile.start * windows),
                            left_row_stride: windows as isize,
                            left_k_stride: 1,
                            right: panel,
                            right_k_stride: width as isize,
                            result: result.add(tile.start * row + first),
                            result_row_stride: row as isize,
                            last,
                            accumulate: unit > units.start,
                            ahead: std::ptr::null(),
                        });
                    }
                }
            }
        }
    }

    /// Copies what the block looks at, positions outside of channels, with zeros for padding.
    ///
    /// # Safety
    /// `x` holds the channels, `staged` has room for the block's extent.
    unsafe fn stage(&self, block: &Block, x: *const T, channels: usize, staged: *mut T) {
        let [d, h, w] = self.geometry.axes;
        let pitch = self.pitch();
        let extent = self.extent(block.size);
        let origin: [isize; 3] =
            std::array::from_fn(|i| (block.start[i] * self.geometry.axes[i].stride) as isize - self.geometry.axes[i].low as isize);
        let inside = |position: isize, size: usize| (0..size as isize).contains(&position).then_some(position as usize);
        let before = (-origin[2]).clamp(0, extent[2] as isize) as usize;
        let end = (w.size as isize - origin[2]).clamp(before as isize, extent[2] as isize) as usize;
        let zero = |to: *mut T, positions: usize| {
            for index in 0..positions * pitch {
                // SAFETY: the caller's promise.
                unsafe { to.add(index).write(T::default()) };
            }
        };
        for plane in 0..extent[0] {
            for row in 0..extent[1] {
                // SAFETY: the caller's promise; positions are taken where they lie inside of the image.
                unsafe {
                    let to = staged.add((plane * extent[1] + row) * extent[2] * pitch);
                    let at = inside(origin[0] + plane as isize, d.size).zip(inside(origin[1] + row as isize, h.size));
                    let Some((i, j)) = at.filter(|_| before < end) else {
                        zero(to, extent[2]);
                        continue;
                    };
                    zero(to, before);
                    let from = Matrix {
                        pointer: x.add((i * h.size + j) * w.size + (origin[2] + before as isize) as usize),
                        row_stride: 1,
                        column_stride: self.geometry.elements() as isize,
                    };
                    // Rows of positions, columns of channels.
                    let at = to.add(before * pitch);
                    if pitch < self.kernels.lanes {
                        (0..channels).for_each(|channel| turn(end - before, from.from(0, channel).pointer, at.add(channel), pitch));
                    } else {
                        (self.kernels.pack_panel)(end - before, channels, pitch, from, at);
                    }
                    zero(to.add(end * pitch), extent[2] - end);
                }
            }
        }
    }

    /// Packs these columns: for each pixel of the block a row of `width` elements, of which as many as there are columns are written. Column
    /// tap * channels + channel.
    ///
    /// # Safety
    /// `staged` holds the block's part of the channels, `panel` its pixels.
    unsafe fn pack(&self, block: &Block, staged: *const T, channels: usize, columns: std::ops::Range<usize>, panel: *mut T, width: usize) {
        let [d, h, w] = self.geometry.axes;
        let pitch = self.pitch();
        let extent = self.extent(block.size);
        // Of how many taps the columns are one run.
        let together = if pitch == channels && w.dilation == 1 { w.kernel } else { 1 };
        let mut column = columns.start;
        while column < columns.end {
            let (tap, channel) = (column / channels, column % channels);
            let count = ((together - tap % together) * channels - channel).min(columns.end - column);
            let tap = [tap / (h.kernel * w.kernel), tap / w.kernel % h.kernel, tap % w.kernel];
            block.runs(0..block.pixels(), |pixel, at, length| {
                let plane = at[0] * d.stride + tap[0] * d.dilation;
                let row = at[1] * h.stride + tap[1] * h.dilation;
                let first = at[2] * w.stride + tap[2] * w.dilation;
                let from = ((plane * extent[1] + row) * extent[2] + first) * pitch + channel;
                // SAFETY: the caller's promise.
                unsafe {
                    let from = Matrix { pointer: staged.add(from), row_stride: (w.stride * pitch) as isize, column_stride: 1 };
                    (self.kernels.copy_rows)(length, count, from, panel.add(pixel * width + column - columns.start), width);
                }
            });
            column += count;
        }
    }

    /// Sums row `index` of the copies into the result, [channels, taps].
    ///
    /// # Safety
    /// The copies are complete; `result` is whole.
    unsafe fn finish(&self, index: usize, copies: *const T, result: *mut T) {
        let inputs = self.geometry.inputs;
        let taps = self.geometry.taps();
        let row = index * inputs * taps;
        for channels in pieces(inputs, self.stretches) {
            for tap in 0..taps {
                for channel in channels.clone() {
                    let from = row + channels.start * taps + tap * channels.len() + channel - channels.start;
                    // SAFETY: the caller's promise.
                    unsafe {
                        let mut sum = *copies.add(from);
                        for share in 1..self.shares {
                            sum = sum + *copies.add(share * self.copy_elements() + from);
                        }
                        *result.add(row + channel * taps + tap) = sum;
                    }
                }
            }
        }
    }
}

impl<T: Float + Default + Send + Sync> Kernel for Filter<T> {
    fn scratch_bytes(&self) -> usize {
        if self.units() == 0 { 0 } else { (self.staged_elements() + self.blocks.pixels() * MAX_COLUMNS) * size_of::<T>() }
    }
    fn shared_bytes(&self) -> usize {
        self.shares * self.copy_elements() * size_of::<T>()
    }
    unsafe fn run(&self, memory: &Memory, jobs: &Jobs) -> Result<()> {
        let (x, dy, copies, result) = (memory.input(0), memory.input(1), memory.shared(), memory.output(0));
        let rows = self.geometry.groups * self.geometry.outputs;
        if self.units() == 0 {
            // SAFETY: the result has these elements.
            unsafe { result.get().cast::<T>().write_bytes(0, self.copy_elements()) };
            return Ok(());
        }
        let bytes = self.scratch_bytes();
        jobs.parallel_for(self.shares * self.geometry.groups * self.stretches, &|index, scratch| {
            let scratch = scratch.pointer(bytes).cast();
            // SAFETY: tasks write different parts of the copies.
            unsafe { self.task(index, x.get().cast(), dy.get().cast(), copies.get().cast(), scratch) };
        })?;
        jobs.parallel_for(rows, &|index, _| {
            // SAFETY: each call writes its own row.
            unsafe { self.finish(index, copies.get().cast(), result.get().cast()) };
        })
    }
}
