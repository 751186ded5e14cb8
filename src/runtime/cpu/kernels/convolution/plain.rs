//! Convolutions by their definition: for integers, and for geometries that nothing faster fits.

use super::{Geometry, Kernel, Memory};
use crate::error::Result;
use crate::ir::ConvolutionRole;
use crate::runtime::jobs::Jobs;
use std::marker::PhantomData;

/// What is summed: integers wrap.
pub trait Number: Copy + Default + Send + Sync + 'static {
    fn multiply_add(self, a: Self, b: Self) -> Self;
}
macro_rules! integers {
    ($($ty:ty)*) => {$(
        impl Number for $ty {
            fn multiply_add(self, a: $ty, b: $ty) -> $ty {
                self.wrapping_add(a.wrapping_mul(b))
            }
        }
    )*};
}
integers!(i64 i32 u8);
macro_rules! floats {
    ($($ty:ty)*) => {$(
        impl Number for $ty {
            fn multiply_add(self, a: $ty, b: $ty) -> $ty {
                self + a * b
            }
        }
    )*};
}
floats!(f64 f32);

pub struct Plain<T> {
    geometry: Geometry,
    role: ConvolutionRole,
    number: PhantomData<T>,
}

impl<T: Number> Plain<T> {
    pub fn new(geometry: Geometry, role: ConvolutionRole) -> Plain<T> {
        Plain { geometry, role, number: PhantomData }
    }

    /// Calls `visit` with (element of x, tap, element of y) for each window and tap.
    fn taps(&self, mut visit: impl FnMut(usize, usize, usize)) {
        let [d, h, w] = self.geometry.axes;
        for window in 0..self.geometry.windows() {
            let at = [window / (h.count * w.count), window / w.count % h.count, window % w.count];
            for i in 0..d.kernel {
                let Some(depth) = d.position(at[0], i) else { continue };
                for j in 0..h.kernel {
                    let Some(row) = h.position(at[1], j) else { continue };
                    for k in 0..w.kernel {
                        let Some(column) = w.position(at[2], k) else { continue };
                        visit((depth * h.size + row) * w.size + column, (i * h.kernel + j) * w.kernel + k, window);
                    }
                }
            }
        }
    }
}

impl<T: Number> Kernel for Plain<T> {
    unsafe fn run(&self, memory: &Memory, jobs: &Jobs) -> Result<()> {
        let g = &self.geometry;
        let (elements, windows, taps) = (g.elements(), g.windows(), g.taps());
        let (a, b, out) = (memory.input(0), memory.input(1), memory.output(0));
        // The numbers of channels in x, w, and y.
        let x_at = |n: usize, group: usize, c: usize| ((n * g.groups + group) * g.inputs + c) * elements;
        let y_at = |n: usize, group: usize, o: usize| ((n * g.groups + group) * g.outputs + o) * windows;
        let w_at = |group: usize, o: usize, c: usize| ((group * g.outputs + o) * g.inputs + c) * taps;
        // A task is a channel of the result.
        let (tasks, length) = match self.role {
            ConvolutionRole::Forward => (g.batch * g.groups * g.outputs, windows),
            ConvolutionRole::InputGradient => (g.batch * g.groups * g.inputs, elements),
            ConvolutionRole::FilterGradient => (g.groups * g.outputs * g.inputs, taps),
        };
        jobs.parallel_for(tasks, &|task, _| {
            let (a, b, out) = (a.get().cast::<T>(), b.get().cast::<T>(), out.get().cast::<T>());
            // SAFETY: positions lie inside the tensors that the geometry is made from; tasks own different channels of the result.
            unsafe {
                let out = out.add(task * length);
                for i in 0..length {
                    *out.add(i) = T::default();
                }
                let add = |to: usize, left: *const T, right: *const T| {
                    *out.add(to) = (*out.add(to)).multiply_add(*left, *right);
                };
                match self.role {
                    ConvolutionRole::Forward => {
                        let (n, group, o) = (task / (g.groups * g.outputs), task / g.outputs % g.groups, task % g.outputs);
                        for c in 0..g.inputs {
                            let (x, w) = (a.add(x_at(n, group, c)), b.add(w_at(group, o, c)));
                            self.taps(|element, tap, window| add(window, x.add(element), w.add(tap)));
                        }
                    }
                    ConvolutionRole::InputGradient => {
                        let (n, group, c) = (task / (g.groups * g.inputs), task / g.inputs % g.groups, task % g.inputs);
                        for o in 0..g.outputs {
                            let (y, w) = (a.add(y_at(n, group, o)), b.add(w_at(group, o, c)));
                            self.taps(|element, tap, window| add(element, y.add(window), w.add(tap)));
                        }
                    }
                    ConvolutionRole::FilterGradient => {
                        let (group, o, c) = (task / (g.outputs * g.inputs), task / g.inputs % g.outputs, task % g.inputs);
                        for n in 0..g.batch {
                            let (x, y) = (a.add(x_at(n, group, c)), b.add(y_at(n, group, o)));
                            self.taps(|element, tap, window| add(tap, x.add(element), y.add(window)));
                        }
                    }
                }
            }
        })
    }
}
