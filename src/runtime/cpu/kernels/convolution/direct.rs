//! Direct convolution: groups of so few channels that packing them would take longer than multiplying them, depthwise ones above all.
//!
//! The image is copied to where it has its padding around it and lies in [`super::phases`], so that a row of results is the sum of rows that
//! slide past one another, one for each tap: [`crate::runtime::cpu::matmul::slide`]. The gradient of the image is a convolution of the same
//! kind, where the results fall into phases, each with some of the taps. The gradient of the weights sums products of rows.

use super::phases::{Part, Plan, SLACK};
use super::{Geometry, Kernel, Memory, TASKS, turn};
use crate::error::Result;
use crate::runtime::cpu::matmul::kernel::{Float, Kernels};
use crate::runtime::cpu::matmul::pack::Matrix;
use crate::runtime::cpu::matmul::slide::Rows;
use crate::runtime::jobs::Jobs;

/// The forward pass, or the gradient of the image.
pub struct Direct<T: 'static> {
    kernels: &'static Kernels<T>,
    plan: Plan,
    /// Groups of all images, and of one.
    units: usize,
    groups: usize,
    /// Channels of a group that are summed over, and of the result.
    sources: usize,
    results: usize,
    /// Taps of a window.
    taps: usize,
    /// Weights of a group from source to source, and from result to result.
    source_weights: usize,
    result_weights: usize,
    /// Sizes of a channel of the result.
    out: [usize; 3],
}

impl<T: Float> Direct<T> {
    /// `None` where sliding does not fit.
    pub fn forward(geometry: &Geometry, kernels: &'static Kernels<T>) -> Option<Direct<T>> {
        let plan = Plan::forward::<T>(&geometry.axes, geometry.inputs, geometry.units())?;
        let weights = [geometry.taps(), geometry.taps() * geometry.inputs];
        Some(Direct::new(geometry, kernels, plan, [geometry.inputs, geometry.outputs], weights, geometry.axes.map(|axis| axis.count)))
    }
    /// `None` where sliding does not fit.
    pub fn input_gradient(geometry: &Geometry, kernels: &'static Kernels<T>) -> Option<Direct<T>> {
        let plan = Plan::input_gradient::<T>(&geometry.axes, geometry.outputs, geometry.units())?;
        let weights = [geometry.taps() * geometry.inputs, geometry.taps()];
        Some(Direct::new(geometry, kernels, plan, [geometry.outputs, geometry.inputs], weights, geometry.axes.map(|axis| axis.size)))
    }
    fn new(
        geometry: &Geometry,
        kernels: &'static Kernels<T>,
        plan: Plan,
        [sources, results]: [usize; 2],
        [source_weights, result_weights]: [usize; 2],
        out: [usize; 3],
    ) -> Direct<T> {
        let (units, groups, taps) = (geometry.units(), geometry.groups, geometry.taps());
        Direct { kernels, plan, units, groups, sources, results, taps, source_weights, result_weights, out }
    }

    /// Elements of a plane of results as they are computed: rows as far apart as those of the staged image.
    fn plane_elements(&self) -> usize {
        self.plan.block[1] * self.plan.pitch() + SLACK
    }

    /// # Safety
    /// As [`Kernel::run`]; `scratch` has room for the staged image, a plane, and weights.
    unsafe fn task(&self, index: usize, source: *const T, weights: *const T, out: *mut T, scratch: *mut T) {
        let blocks = self.plan.blocks();
        let (image, start) = (index / blocks, self.plan.start(index % blocks));
        let out_elements = self.out.iter().product::<usize>();
        // SAFETY: images, channels, and rows lie inside of the tensors.
        unsafe {
            let (staged, plane) = (scratch, scratch.add(self.plan.staged_elements()));
            let own = plane.add(self.plane_elements());
            self.plan.stage(self.kernels, start, source.add(image * self.plan.elements()), staged);
            let weights = weights.add(image % self.groups * self.sources * self.results * self.taps);
            for result in 0..self.results {
                let out = out.add((image * self.results + result) * out_elements);
                for part in &self.plan.parts {
                    for source in 0..self.sources {
                        let weights = weights.add(result * self.result_weights + source * self.source_weights);
                        for (number, tap) in part.taps.iter().enumerate() {
                            *own.add(source * part.taps.len() + number) = *weights.add(*tap);
                        }
                    }
                    self.part(part, start, staged, own, plane, out);
                }
            }
        }
    }

    /// The results of a part that lie in the block.
    unsafe fn part(&self, part: &Part, start: [usize; 3], staged: *const T, weights: *const T, plane: *mut T, out: *mut T) {
        let [depth, height, width] = self.plan.size(part, start);
        if depth * height * width == 0 {
            return;
        }
        let (pitch, out_pitch) = (self.plan.pitch(), part.step[1] * self.out[2]);
        let at = |axis: usize, position: usize| (start[axis] + position) * part.step[axis] + part.first[axis];
        let rows = Matrix { pointer: plane.cast_const(), row_stride: pitch as isize, column_stride: 1 };
        // SAFETY: the caller's promise; what lies between the rows of the plane is computed and left there.
        unsafe {
            for i in 0..depth {
                let whole = (height - 1) * pitch + width;
                (self.kernels.slide)(whole, plane, staged.add(i * self.plan.plane()), &part.offsets, weights);
                let to = out.add((at(0, i) * self.out[1] + at(1, 0)) * self.out[2] + at(2, 0));
                if part.step[2] == 1 {
                    (self.kernels.copy_rows)(height, width, rows, to, out_pitch);
                    continue;
                }
                for row in 0..height {
                    match part.step[2] {
                        2 => (self.kernels.copy_apart)(width, rows.at(row, 0), to.add(row * out_pitch)),
                        step => turn(width, rows.at(row, 0), to.add(row * out_pitch), step),
                    }
                }
            }
        }
    }
}

impl<T: Float + Send + Sync> Kernel for Direct<T> {
    fn scratch_bytes(&self) -> usize {
        (self.plan.staged_elements() + self.plane_elements() + self.sources * self.taps) * size_of::<T>()
    }
    unsafe fn run(&self, memory: &Memory, jobs: &Jobs) -> Result<()> {
        let (source, weights, out) = (memory.input(0), memory.input(1), memory.output(0));
        let bytes = self.scratch_bytes();
        jobs.parallel_for(self.units * self.plan.blocks(), &|index, scratch| {
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
    geometry: Geometry,
}

impl<T: Float> DirectFilter<T> {
    /// `None` where sliding does not fit, or there are too few groups to keep workers busy.
    pub fn new(geometry: &Geometry, kernels: &'static Kernels<T>) -> Option<DirectFilter<T>> {
        if geometry.groups < TASKS {
            return None;
        }
        let plan = Plan::forward::<T>(&geometry.axes, geometry.inputs, geometry.groups)?;
        Some(DirectFilter { kernels, plan, geometry: geometry.clone() })
    }

    /// # Safety
    /// As [`Kernel::run`]; `staged` has room for the image.
    unsafe fn task(&self, group: usize, x: *const T, dy: *const T, result: *mut T, staged: *mut T) {
        let Geometry { batch, groups, outputs, axes, .. } = self.geometry;
        let (counts, windows) = (axes.map(|axis| axis.count), self.geometry.windows());
        // All windows are of one phase.
        let [part] = self.plan.parts.as_slice() else { return };
        let weights = part.offsets.len();
        // SAFETY: images, channels, and rows lie inside of the tensors.
        unsafe {
            let result = result.add(group * outputs * weights);
            (0..outputs * weights).for_each(|weight| result.add(weight).write(T::ZERO));
            for image in (0..batch).map(|image| image * groups + group) {
                for start in (0..self.plan.blocks()).map(|block| self.plan.start(block)) {
                    self.plan.stage(self.kernels, start, x.add(image * self.plan.elements()), staged);
                    let [depth, height, width] = self.plan.size(part, start);
                    for output in 0..outputs {
                        for i in 0..depth {
                            let first = ((start[0] + i) * counts[1] + start[1]) * counts[2] + start[2];
                            let rows = Rows {
                                rows: height,
                                count: width,
                                left: dy.add((image * outputs + output) * windows + first),
                                left_pitch: counts[2],
                                right: staged.add(i * self.plan.plane()),
                                right_pitch: self.plan.pitch(),
                            };
                            (self.kernels.dots)(&rows, &part.offsets, result.add(output * weights));
                        }
                    }
                }
            }
        }
    }
}

impl<T: Float + Send + Sync> Kernel for DirectFilter<T> {
    fn scratch_bytes(&self) -> usize {
        self.plan.staged_elements() * size_of::<T>()
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
