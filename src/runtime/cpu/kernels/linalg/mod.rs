//! Linear algebra. One file holds one decomposition, as a function over the rows of one matrix; here they meet the operands' memory.
//!
//! Matrices of a batch are spread over the workers, right-hand sides as well; each is computed by one of them, in a fixed order, so that
//! results never depend on their number. 16-bit floats arrive as f32.

mod cholesky;
mod eigh;
mod exponential;
mod householder;
mod lu;
mod real;
mod spectral;
mod svd;
#[cfg(test)]
mod tests;
mod triangular;

use super::{Kernel, Memory, Shared, TASK};
use crate::compiler::KernelStep;
use crate::error::Result;
use crate::ir::{self, Linalg};
use crate::runtime::jobs::Jobs;
use crate::tensor::DType;
use real::Real;
use triangular::Triangle;

/// Runs the expression with the float that the dtype is computed in.
macro_rules! with_real {
    ($dtype:expr, $real:ident => $body:expr) => {
        if $dtype == DType::F64 {
            type $real = f64;
            $body
        } else {
            type $real = f32;
            $body
        }
    };
}
use with_real;

/// Decides how the step is computed.
pub(super) fn ready(step: &KernelStep, op: Linalg) -> Box<dyn Kernel> {
    let x = step.input_types[0];
    let dims = x.shape.dims();
    let (m, n) = (dims[dims.len() - 2], dims[dims.len() - 1]);
    let count = dims[..dims.len() - 2].iter().product();
    let matrices = Matrices { dtype: x.dtype, count, m, n };
    let sides = |operand: usize, left: bool| {
        let dims = step.input_types[operand].shape.dims();
        Sides { matrices, left, sides: dims[dims.len() - if left { 1 } else { 2 }] }
    };
    match op {
        Linalg::Cholesky => Box::new(Cholesky(matrices)),
        Linalg::Lu => Box::new(Lu(matrices)),
        Linalg::TriangularSolve(ir::TriangularSolve { left, upper, transpose, unit }) => {
            // From the right, a^T solves for each row.
            let triangle = Triangle { upper, transpose: transpose == left, unit };
            Box::new(TriangularSolve { sides: sides(1, left), triangle })
        }
        Linalg::Solve { transpose } => Box::new(Solve { sides: sides(3, true), transpose }),
        Linalg::Qr { complete } => Box::new(spectral::Qr { matrices, columns: if complete { m } else { m.min(n) } }),
        Linalg::Eigh => Box::new(spectral::Eigh { matrices, vectors: step.outputs[1].is_some() }),
        Linalg::Svd => Box::new(spectral::Svd { matrices, vectors: step.outputs[0].is_some() || step.outputs[2].is_some() }),
        Linalg::MatrixExp => Box::new(spectral::Exponential(matrices)),
    }
}

/// `count` elements behind the first `start` of an operand or result.
///
/// # Safety
/// They are there, of type T, and nobody writes them meanwhile.
unsafe fn part<'a, T>(memory: Shared, start: usize, count: usize) -> &'a [T] {
    if count == 0 {
        return &[];
    }
    // SAFETY: the caller's promise; operands lie at multiples of the size of their elements.
    unsafe { std::slice::from_raw_parts(memory.get().cast::<T>().add(start), count) }
}

/// As [`part`], to write.
///
/// # Safety
/// As above, and nobody reads them either.
unsafe fn part_mut<'a, T>(memory: Shared, start: usize, count: usize) -> &'a mut [T] {
    if count == 0 {
        return &mut [];
    }
    // SAFETY: the caller's promise; results lie at multiples of the size of their elements.
    unsafe { std::slice::from_raw_parts_mut(memory.get().cast::<T>().add(start), count) }
}

/// Writes result `number` of one matrix, unless nobody reads it.
///
/// # Safety
/// As [`part_mut`], for as many elements as `values` has, behind `index` times as many.
unsafe fn put<T: Copy>(memory: &Memory, number: usize, index: usize, values: &[T]) {
    let output = memory.output(number);
    if !output.get().is_null() {
        // SAFETY: the caller's promise.
        unsafe { part_mut(output, index * values.len(), values.len()) }.copy_from_slice(values);
    }
}

/// A batch of matrices [m, n].
#[derive(Clone, Copy)]
struct Matrices {
    dtype: DType,
    count: usize,
    m: usize,
    n: usize,
}

impl Matrices {
    /// Of one matrix.
    fn elements(&self) -> usize {
        // An empty batch may be one of matrices that no memory holds.
        if self.count == 0 { 0 } else { self.m * self.n }
    }
    /// Bytes of `count` elements.
    fn bytes(&self, count: usize) -> usize {
        with_real!(self.dtype, T => count.saturating_mul(size_of::<T>()))
    }
    /// Runs `body(i)` for each i below `count`, several in one task where each has few operations.
    fn each(jobs: &Jobs, count: usize, operations: usize, scratch_bytes: usize, body: impl Fn(usize, *mut u8) + Sync) -> Result<()> {
        let per_task = (TASK / operations.max(1)).max(1);
        jobs.parallel_for(count.div_ceil(per_task), &|task, scratch| {
            let scratch = scratch.pointer(scratch_bytes);
            (task * per_task..((task + 1) * per_task).min(count)).for_each(|i| body(i, scratch));
        })
    }
    /// Runs `body` on a copy of each matrix of the first operand, with `more` bytes behind it, aligned to 8.
    ///
    /// # Safety
    /// As [`Kernel::run`]; elements are of type T; the scratch has room for [`Matrices::scratch_bytes`].
    unsafe fn each_copy<T: Real>(
        &self,
        memory: &Memory,
        jobs: &Jobs,
        more: usize,
        body: impl Fn(usize, &mut [T], *mut u8) + Sync,
    ) -> Result<()> {
        let operations = self.elements().saturating_mul(self.m.min(self.n));
        Matrices::each(jobs, self.count, operations, self.scratch_bytes(more), |index, scratch| {
            let size = self.elements();
            // SAFETY: the operand has `count` matrices; the scratch is this task's own, aligned to 64.
            let (from, copy) = unsafe { (part::<T>(memory.input(0), index * size, size), part_mut::<T>(Shared(scratch), 0, size)) };
            copy.copy_from_slice(from);
            body(index, copy, scratch.wrapping_add(self.copy_bytes()));
        })
    }
    /// Bytes of a copy, up to what is behind it.
    fn copy_bytes(&self) -> usize {
        self.bytes(self.elements()).next_multiple_of(8)
    }
    fn scratch_bytes(&self, more: usize) -> usize {
        if self.count == 0 { 0 } else { self.copy_bytes().saturating_add(more) }
    }
}

struct Cholesky(Matrices);

impl Kernel for Cholesky {
    fn scratch_bytes(&self) -> usize {
        self.0.scratch_bytes(0)
    }
    unsafe fn run(&self, memory: &Memory, jobs: &Jobs) -> Result<()> {
        // SAFETY: the caller's promise; each task writes its own matrix.
        with_real!(self.0.dtype, T => unsafe {
            self.0.each_copy::<T>(memory, jobs, 0, |index, a, _| {
                cholesky::cholesky(a, self.0.n);
                put(memory, 0, index, a);
            })
        })
    }
}

struct Lu(Matrices);

impl Lu {
    /// Bytes of a permutation.
    fn more(&self) -> usize {
        self.0.m.saturating_mul(8)
    }
}

impl Kernel for Lu {
    fn scratch_bytes(&self) -> usize {
        self.0.scratch_bytes(self.more())
    }
    unsafe fn run(&self, memory: &Memory, jobs: &Jobs) -> Result<()> {
        let Matrices { m, n, dtype, .. } = self.0;
        // SAFETY: the caller's promise; each task writes its own matrix.
        with_real!(dtype, T => unsafe {
            self.0.each_copy::<T>(memory, jobs, self.more(), |index, a, more| {
                let permutation = part_mut::<i64>(Shared(more), 0, m);
                let sign = lu::lu(a, m, n, permutation);
                put(memory, 0, index, a);
                put(memory, 1, index, permutation);
                put(memory, 2, index, &[sign]);
            })
        })
    }
}

/// Right-hand sides of square matrices [n, n]: columns with `left`, else rows.
#[derive(Clone, Copy)]
struct Sides {
    matrices: Matrices,
    left: bool,
    sides: usize,
}

impl Sides {
    /// Runs `body` on a copy of each right-hand side of the operand, and writes what it leaves: `body(matrix, side, work)` with as many
    /// elements of work.
    ///
    /// # Safety
    /// As [`Kernel::run`]; elements are of type T.
    unsafe fn each<T: Real>(
        &self,
        memory: &Memory,
        jobs: &Jobs,
        operand: usize,
        body: impl Fn(usize, &mut [T], &mut [T]) + Sync,
    ) -> Result<()> {
        let Sides { matrices: Matrices { n, count, .. }, left, sides } = *self;
        let (b, out) = (memory.input(operand), memory.output(0));
        let total = if n == 0 { 0 } else { count * sides };
        Matrices::each(jobs, total, n.saturating_mul(n), self.scratch_bytes(), |number, scratch| {
            let (index, side) = (number / sides, number % sides);
            let (first, step) = if left { (index * n * sides + side, sides) } else { (number * n, 1) };
            let (b, out) = (b.get().cast::<T>(), out.get().cast::<T>());
            // SAFETY: the scratch is this task's own; element i of the side is `first + i * step`, of operand and result.
            unsafe {
                let (x, work) = part_mut::<T>(Shared(scratch), 0, 2 * n).split_at_mut(n);
                (0..n).for_each(|i| x[i] = b.add(first + i * step).read());
                body(index, x, work);
                (0..n).for_each(|i| out.add(first + i * step).write(x[i]));
            }
        })
    }
    fn scratch_bytes(&self) -> usize {
        if self.matrices.count == 0 { 0 } else { self.matrices.bytes(self.matrices.n.saturating_mul(2)) }
    }
}

struct TriangularSolve {
    sides: Sides,
    triangle: Triangle,
}

impl Kernel for TriangularSolve {
    fn scratch_bytes(&self) -> usize {
        self.sides.scratch_bytes()
    }
    unsafe fn run(&self, memory: &Memory, jobs: &Jobs) -> Result<()> {
        let size = self.sides.matrices.elements();
        // SAFETY: the caller's promise; the first operand has as many matrices.
        with_real!(self.sides.matrices.dtype, T => unsafe {
            self.sides.each::<T>(memory, jobs, 1, |index, x, _| {
                triangular::substitute(self.triangle, part::<T>(memory.input(0), index * size, size), x);
            })
        })
    }
}

struct Solve {
    sides: Sides,
    transpose: bool,
}

impl Kernel for Solve {
    fn scratch_bytes(&self) -> usize {
        self.sides.scratch_bytes()
    }
    unsafe fn run(&self, memory: &Memory, jobs: &Jobs) -> Result<()> {
        let Matrices { n, dtype, .. } = self.sides.matrices;
        // SAFETY: the caller's promise; there are as many decompositions and permutations.
        with_real!(dtype, T => unsafe {
            self.sides.each::<T>(memory, jobs, 3, |index, x, work| {
                let lu = part::<T>(memory.input(1), index * n * n, n * n);
                let permutation = part::<i64>(memory.input(2), index * n, n);
                triangular::solve(self.transpose, lu, permutation, x, work);
            })
        })
    }
}
