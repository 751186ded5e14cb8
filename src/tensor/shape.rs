//! Shapes: up to eight dimensions, held inline, with a product that is known to fit.

use crate::error::{Error, Result};
use std::fmt;
use std::hash::{Hash, Hasher};

/// The most dimensions that a tensor may have.
pub const MAX_RANK: usize = 8;

/// The sizes of a tensor's dimensions, outermost first. Rank 0 is a scalar. A dimension may be 0.
///
/// The number of elements times 8 bytes fits `isize`: no later size computation overflows.
#[derive(Clone, Copy)]
pub struct Shape {
    rank: u8,
    dims: [usize; MAX_RANK],
}

impl Shape {
    pub const SCALAR: Shape = Shape { rank: 0, dims: [0; MAX_RANK] };
    /// [0]: no elements.
    pub const EMPTY: Shape = Shape { rank: 1, dims: [0; MAX_RANK] };

    pub fn new(dims: &[usize]) -> Result<Shape> {
        if dims.len() > MAX_RANK {
            return Err(Error::shape(format!("a shape has at most {MAX_RANK} dimensions, not {}", dims.len())));
        }
        // Zero-sized dimensions do not excuse the others: a view without that dimension must fit too.
        let bytes = dims.iter().filter(|d| **d != 0).try_fold(8usize, |n, d| n.checked_mul(*d));
        if bytes.is_none_or(|bytes| bytes > isize::MAX as usize) {
            return Err(Error::shape(format!("a tensor of shape {dims:?} does not fit the address space")));
        }
        let mut shape = Shape { rank: dims.len() as u8, dims: [0; MAX_RANK] };
        shape.dims[..dims.len()].copy_from_slice(dims);
        Ok(shape)
    }
    /// From the signed sizes of the C boundary and of ONNX and DLPack.
    pub fn from_signed(dims: &[i64]) -> Result<Shape> {
        let mut sizes = [0usize; MAX_RANK];
        if dims.len() > MAX_RANK {
            return Err(Error::shape(format!("a shape has at most {MAX_RANK} dimensions, not {}", dims.len())));
        }
        for (size, dim) in sizes.iter_mut().zip(dims) {
            *size = usize::try_from(*dim).map_err(|_| Error::shape(format!("dimension {dim} of {dims:?} is negative or too large")))?;
        }
        Shape::new(&sizes[..dims.len()])
    }
    pub fn dims(&self) -> &[usize] {
        &self.dims[..self.rank as usize]
    }
    pub fn rank(&self) -> usize {
        self.rank as usize
    }
    pub fn elements(&self) -> usize {
        self.dims().iter().product()
    }
    pub fn is_scalar(&self) -> bool {
        self.rank == 0
    }
    /// Row-major strides in elements.
    pub fn strides(&self) -> [isize; MAX_RANK] {
        let mut strides = [0; MAX_RANK];
        let mut step = 1;
        for axis in (0..self.rank()).rev() {
            strides[axis] = step as isize;
            step *= self.dims[axis].max(1);
        }
        strides
    }
}

impl PartialEq for Shape {
    fn eq(&self, other: &Shape) -> bool {
        self.dims() == other.dims()
    }
}
impl Eq for Shape {}
impl Hash for Shape {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.dims().hash(state);
    }
}
impl fmt::Display for Shape {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?}", self.dims())
    }
}
impl fmt::Debug for Shape {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}
