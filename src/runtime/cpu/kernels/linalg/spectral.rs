//! QR, eigenvalues, singular values, exponentials: from the operands' memory and back.

use super::householder::{qr, qr_work};
use super::real::Real;
use super::{Kernel, Matrices, Memory, Shared, exponential, part, part_mut, put, svd, with_real};
use crate::error::Result;
use crate::runtime::jobs::Jobs;
use crate::tensor::DType;

pub(super) struct Qr {
    pub matrices: Matrices,
    /// Of Q.
    pub columns: usize,
}

impl Qr {
    fn more(&self) -> usize {
        let Matrices { m, n, .. } = self.matrices;
        self.matrices.bytes(m.saturating_mul(self.columns).saturating_add(qr_work(m, n, self.columns)))
    }
}

impl Kernel for Qr {
    fn scratch_bytes(&self) -> usize {
        self.matrices.scratch_bytes(self.more())
    }
    unsafe fn run(&self, memory: &Memory, jobs: &Jobs) -> Result<()> {
        let (Matrices { m, n, dtype, .. }, columns) = (self.matrices, self.columns);
        // SAFETY: the caller's promise; each task writes its own matrices, and has room for Q and the work behind its copy.
        with_real!(dtype, T => unsafe {
            self.matrices.each_copy::<T>(memory, jobs, self.more(), |index, a, more| {
                let (q, work) = part_mut::<T>(Shared(more), 0, m * columns + qr_work(m, n, columns)).split_at_mut(m * columns);
                qr(a, m, n, q, columns, work);
                put(memory, 0, index, q);
                put(memory, 1, index, &a[..columns * n]);
            })
        })
    }
}

/// Reads a matrix into f64, with `transpose` its transpose.
///
/// # Safety
/// As [`part`]; elements are of type T.
unsafe fn read<T: Real>(memory: &Memory, index: usize, [m, n]: [usize; 2], transpose: bool, into: &mut [f64]) {
    // SAFETY: the caller's promise.
    let from = unsafe { part::<T>(memory.input(0), index * m * n, m * n) };
    if transpose {
        for (i, row) in from.chunks_exact(n).enumerate() {
            row.iter().enumerate().for_each(|(j, x)| into[j * m + i] = x.wide());
        }
    } else {
        into.iter_mut().zip(from).for_each(|(into, x)| *into = x.wide());
    }
}

/// Writes [m, n] f64s as result `number`, with `transpose` their transpose, unless nobody reads it.
///
/// # Safety
/// As [`put`]; elements are of type T.
unsafe fn write<T: Real>(memory: &Memory, number: usize, index: usize, values: &[f64], [m, n]: [usize; 2], transpose: bool) {
    let output = memory.output(number);
    if output.get().is_null() {
        return;
    }
    // SAFETY: the caller's promise.
    let out = unsafe { part_mut::<T>(output, index * m * n, m * n) };
    if transpose {
        for (i, row) in values.chunks_exact(n).enumerate() {
            row.iter().enumerate().for_each(|(j, x)| out[j * m + i] = T::narrow(*x));
        }
    } else {
        out.iter_mut().zip(values).for_each(|(out, x)| *out = T::narrow(*x));
    }
}

/// Bytes of so many f64s, of an empty batch none.
fn wide_bytes(matrices: &Matrices, elements: usize) -> usize {
    if matrices.count == 0 { 0 } else { elements.saturating_mul(8) }
}

/// A body that gets the number of a matrix, and work.
///
/// # Safety
/// As [`Kernel::run`], for a scratch with room for as many f64s.
unsafe fn each_wide(matrices: &Matrices, jobs: &Jobs, elements: usize, body: impl Fn(usize, &mut [f64]) + Sync) -> Result<()> {
    let operations = matrices.elements().saturating_mul(matrices.m.min(matrices.n)).saturating_mul(4);
    Matrices::each(jobs, matrices.count, operations, wide_bytes(matrices, elements), |index, scratch| {
        // SAFETY: the scratch is this task's own, aligned to 64.
        body(index, unsafe { part_mut::<f64>(Shared(scratch), 0, elements) });
    })
}

pub(super) struct Eigh {
    pub matrices: Matrices,
    /// Whether anybody reads the vectors.
    pub vectors: bool,
}

impl Eigh {
    fn elements(&self) -> usize {
        let n = self.matrices.n;
        let square = n.saturating_mul(n).saturating_mul(1 + self.vectors as usize);
        square.saturating_add(n).saturating_add(super::eigh::eigh_work(n))
    }
}

impl Kernel for Eigh {
    fn scratch_bytes(&self) -> usize {
        wide_bytes(&self.matrices, self.elements())
    }
    unsafe fn run(&self, memory: &Memory, jobs: &Jobs) -> Result<()> {
        let n = self.matrices.n;
        if n == 0 {
            return Ok(());
        }
        // SAFETY: the caller's promise; each task writes its own results.
        with_real!(self.matrices.dtype, T => unsafe {
            each_wide(&self.matrices, jobs, self.elements(), |index, work| {
                let (a, work) = work.split_at_mut(n * n);
                let (values, work) = work.split_at_mut(n);
                let (vectors, work) = work.split_at_mut(if self.vectors { n * n } else { 0 });
                read::<T>(memory, index, [n, n], false, a);
                super::eigh::eigh(a, n, values, vectors, work);
                write::<T>(memory, 0, index, values, [1, n], false);
                if self.vectors {
                    write::<T>(memory, 1, index, vectors, [n, n], true);
                }
            })
        })
    }
}

pub(super) struct Svd {
    pub matrices: Matrices,
    /// Whether anybody reads the vectors.
    pub vectors: bool,
}

impl Svd {
    /// The larger and the smaller side.
    fn sides(&self) -> (usize, usize) {
        let Matrices { m, n, .. } = self.matrices;
        (m.max(n), m.min(n))
    }
    fn elements(&self) -> usize {
        let (long, short) = self.sides();
        let vectors = if self.vectors { short.saturating_mul(long.saturating_add(short)) } else { 0 };
        long.saturating_mul(short).saturating_add(vectors).saturating_add(short).saturating_add(svd::svd_work(long, short))
    }
}

impl Kernel for Svd {
    fn scratch_bytes(&self) -> usize {
        wide_bytes(&self.matrices, self.elements())
    }
    unsafe fn run(&self, memory: &Memory, jobs: &Jobs) -> Result<()> {
        let Matrices { m, n, .. } = self.matrices;
        let (long, short) = self.sides();
        if short == 0 {
            return Ok(());
        }
        let lies = m < n;
        // SAFETY: the caller's promise; each task writes its own results.
        with_real!(self.matrices.dtype, T => unsafe {
            each_wide(&self.matrices, jobs, self.elements(), |index, work| {
                let (a, work) = work.split_at_mut(m * n);
                let (s, work) = work.split_at_mut(short);
                let (u, work) = work.split_at_mut(if self.vectors { short * long } else { 0 });
                let (v, work) = work.split_at_mut(if self.vectors { short * short } else { 0 });
                read::<T>(memory, index, [m, n], lies, a);
                svd::svd(a, long, short, s, u, v, work);
                write::<T>(memory, 1, index, s, [1, short], false);
                if self.vectors {
                    // Of a transpose, left is right.
                    let (left, right) = if lies { (v, u) } else { (u, v) };
                    svd::settle_signs(left, m, right, n);
                    write::<T>(memory, 0, index, left, [short, m], true);
                    write::<T>(memory, 2, index, right, [short, n], false);
                }
            })
        })
    }
}

pub(super) struct Exponential(pub Matrices);

impl Exponential {
    /// The permutation that it works with has the size of f64s.
    fn elements(&self) -> usize {
        let n = self.0.n;
        n.saturating_mul(n).saturating_add(n).saturating_add(exponential::exponential_work(n))
    }
}

impl Kernel for Exponential {
    fn scratch_bytes(&self) -> usize {
        wide_bytes(&self.0, self.elements())
    }
    unsafe fn run(&self, memory: &Memory, jobs: &Jobs) -> Result<()> {
        let n = self.0.n;
        // SAFETY: the caller's promise; each task writes its own result; the permutation has a part of the work to itself.
        with_real!(self.0.dtype, T => unsafe {
            each_wide(&self.0, jobs, self.elements(), |index, work| {
                let (a, work) = work.split_at_mut(n * n);
                let (permutation, work) = work.split_at_mut(n);
                let permutation = part_mut::<i64>(Shared(permutation.as_mut_ptr().cast()), 0, n);
                read::<T>(memory, index, [n, n], false, a);
                exponential::exponential(a, n, work, permutation);
                write::<T>(memory, 0, index, a, [n, n], false);
            })
        })
    }
}
