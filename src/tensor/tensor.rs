//! The tensor: a dtype, a shape, and strides over shared storage.

use crate::error::{Error, Result, Status};
use crate::tensor::{Allocator, DType, Element, MAX_RANK, Shape, Storage, convert, strided};
use std::fmt;
use std::sync::Arc;

/// An n-dimensional value. A clone shares the storage: what is written through one is read through all.
///
/// Methods that read elements wait until nobody writes the storage, methods that write wait until nobody reads or writes it. All may be
/// called from any thread.
#[derive(Clone)]
pub struct Tensor {
    storage: Arc<Storage>,
    dtype: DType,
    shape: Shape,
    /// In elements. Every element that shape, strides, and offset reach lies in the storage.
    strides: [isize; MAX_RANK],
    /// Of the first element, in elements.
    offset: usize,
}

/// Making tensors.
impl Tensor {
    /// All elements 0 (false), row-major, in fresh memory. Fails with OUT_OF_MEMORY.
    pub fn zeros(allocator: &Allocator, dtype: DType, shape: Shape) -> Result<Tensor> {
        let bytes = shape.elements() * dtype.size();
        let storage = Storage::zeroed(allocator, bytes).map_err(|error| error.within(&format!("{dtype}{shape}")))?;
        Ok(Tensor::from_fresh(storage, dtype, shape))
    }

    /// The elements of a slice in row-major order. Fails with INVALID_ARGUMENT if there are more or fewer than `dims` says.
    pub fn from_slice<T: Element>(allocator: &Allocator, elements: &[T], dims: &[usize]) -> Result<Tensor> {
        let shape = Shape::new(dims)?;
        if elements.len() != shape.elements() {
            return Err(Error::invalid(format!("shape {shape} has {} elements, but {} were given", shape.elements(), elements.len())));
        }
        let tensor = Tensor::zeros(allocator, T::DTYPE, shape)?;
        tensor.write_slice(elements)?;
        Ok(tensor)
    }

    /// One number of rank 0. Floats round to nearest; integers drop the fraction and saturate, NaN becomes 0; a boolean is true
    /// unless the number is 0.
    pub fn scalar(allocator: &Allocator, dtype: DType, value: f64) -> Result<Tensor> {
        let tensor = Tensor::zeros(allocator, dtype, Shape::SCALAR)?;
        tensor.write_bytes(&convert::encode(dtype, value)[..dtype.size()])?;
        Ok(tensor)
    }

    /// A view of storage that exists: `strides` (one for each dimension) and `offset` count elements. Fails with INVALID_ARGUMENT if an
    /// element would lie outside the storage or off the alignment of its dtype.
    pub fn from_storage(storage: Arc<Storage>, dtype: DType, shape: Shape, strides: &[isize], offset: usize) -> Result<Tensor> {
        if strides.len() != shape.rank() {
            return Err(Error::invalid(format!("{} strides for the {} dimensions of {shape}", strides.len(), shape.rank())));
        }
        if !(storage.ptr() as usize).is_multiple_of(dtype.size()) {
            return Err(Error::invalid(format!("storage at {:p} is not aligned to the {} bytes of {dtype}", storage.ptr(), dtype.size())));
        }
        let (first, last) = reach(&shape, strides, offset);
        if shape.elements() > 0 && (first < 0 || (last + 1) * dtype.size() as i128 > storage.len() as i128) {
            return Err(Error::invalid(format!(
                "{dtype}{shape} with strides {strides:?} from element {offset} does not fit a storage of {} bytes",
                storage.len()
            )));
        }
        // Where there is no next element, the stride is what it would be in row-major order, whatever number came in.
        let is_empty = shape.elements() == 0;
        let mut own = shape.strides();
        for (axis, stride) in strides.iter().enumerate().filter(|(axis, _)| !is_empty && shape.dims()[*axis] > 1) {
            own[axis] = *stride;
        }
        let offset = if is_empty { 0 } else { offset };
        Ok(Tensor { storage, dtype, shape, strides: own, offset })
    }

    /// The tensor itself if its elements lie in row-major order without gaps (the storage is shared), else a copy that does so.
    pub fn to_contiguous(&self, allocator: &Allocator) -> Result<Tensor> {
        if self.is_contiguous() { Ok(self.clone()) } else { self.duplicate(allocator) }
    }

    /// A row-major copy in memory of its own.
    pub fn duplicate(&self, allocator: &Allocator) -> Result<Tensor> {
        let copy = Tensor::zeros(allocator, self.dtype, self.shape)?;
        copy.copy_from(self)?;
        Ok(copy)
    }

    fn from_fresh(storage: Storage, dtype: DType, shape: Shape) -> Tensor {
        Tensor { storage: Arc::new(storage), dtype, shape, strides: shape.strides(), offset: 0 }
    }
}

/// What a tensor is.
impl Tensor {
    /// The type of the elements.
    pub fn dtype(&self) -> DType {
        self.dtype
    }

    /// The sizes of the dimensions, outermost first.
    pub fn shape(&self) -> &Shape {
        &self.shape
    }

    /// How far apart neighbours along each dimension are, in elements.
    pub fn strides(&self) -> &[isize] {
        &self.strides[..self.shape.rank()]
    }

    /// The place of the first element in the storage, in elements.
    pub fn offset(&self) -> usize {
        self.offset
    }

    /// The size of the elements in bytes, packed.
    pub fn bytes(&self) -> usize {
        self.shape.elements() * self.dtype.size()
    }

    /// The memory, which other tensors may share.
    pub fn storage(&self) -> &Arc<Storage> {
        &self.storage
    }

    /// Where the first element is. Use it only under the storage's lock.
    pub fn data_ptr(&self) -> *mut u8 {
        // SAFETY: the first element lies in the storage; without elements the offset is 0.
        unsafe { self.storage.ptr().add(self.offset * self.dtype.size()) }
    }

    /// Whether the elements lie in row-major order without gaps.
    pub fn is_contiguous(&self) -> bool {
        let row_major = self.shape.strides();
        self.shape.elements() == 0
            || (0..self.shape.rank()).all(|axis| self.shape.dims()[axis] == 1 || self.strides[axis] == row_major[axis])
    }

    /// INVALID_ARGUMENT with the reason if elements cannot be written: the memory is read-only, or elements share places.
    pub fn check_writable(&self) -> Result<()> {
        self.storage.check_writable()?;
        if overlaps(&self.shape, self.strides()) {
            return Err(Error::invalid(format!(
                "the tensor is read-only: with shape {} and strides {:?} several elements share one place",
                self.shape,
                self.strides()
            )));
        }
        Ok(())
    }
}

/// Reading and writing elements.
impl Tensor {
    /// The elements in row-major order, in the machine's byte order; booleans are 0 or 1. Fails with INVALID_ARGUMENT unless `target` has
    /// exactly [`Tensor::bytes`] bytes.
    pub fn read_bytes(&self, target: &mut [u8]) -> Result<()> {
        self.check_size("read", target.len())?;
        let _guard = self.storage.read();
        // SAFETY: the storage is locked for reading, and `target` has room for all elements and belongs to the caller alone.
        unsafe { self.read_elements(target.as_mut_ptr()) };
        Ok(())
    }

    /// Writes all elements from row-major order; any byte other than 0 makes a boolean true. Fails with INVALID_ARGUMENT unless
    /// `source` has exactly [`Tensor::bytes`] bytes, or if the tensor is read-only.
    pub fn write_bytes(&self, source: &[u8]) -> Result<()> {
        self.check_size("write", source.len())?;
        // SAFETY: `source` has the size of all elements.
        unsafe { self.write_elements(source.as_ptr()) }
    }

    /// The elements in row-major order. Fails with DTYPE_MISMATCH if the tensor holds another type, with OUT_OF_MEMORY.
    pub fn to_vec<T: Element>(&self) -> Result<Vec<T>> {
        self.check_element::<T>("read")?;
        let count = self.shape.elements();
        let mut elements: Vec<T> = Vec::new();
        elements.try_reserve_exact(count).map_err(|_| out_of_memory(self.bytes()))?;
        let _guard = self.storage.read();
        // SAFETY: the storage is locked for reading, the vector has room for `count` elements of this dtype, and all of them are written
        // (booleans as 0 or 1) before the length says so.
        unsafe {
            self.read_elements(elements.as_mut_ptr().cast());
            elements.set_len(count);
        }
        Ok(elements)
    }

    /// Writes all elements from row-major order. Fails with DTYPE_MISMATCH if the tensor holds another type, with INVALID_ARGUMENT if the number of
    /// elements is another or the tensor is read-only.
    pub fn write_slice<T: Element>(&self, elements: &[T]) -> Result<()> {
        self.check_element::<T>("write")?;
        if elements.len() != self.shape.elements() {
            let count = self.shape.elements();
            return Err(Error::invalid(format!("cannot write {} elements to {self}, which has {count}", elements.len())));
        }
        // SAFETY: the slice holds all elements of this very dtype.
        unsafe { self.write_elements(elements.as_ptr().cast()) }
    }

    /// The one element of a tensor of any dtype as a number; i64 beyond 2^53 rounds. Fails with INVALID_ARGUMENT if there is not exactly one.
    pub fn item_f64(&self) -> Result<f64> {
        if self.shape.elements() != 1 {
            return Err(Error::invalid(format!("{self} has {} elements; a number is read from exactly one", self.shape.elements())));
        }
        let mut element = [0; 8];
        let element = &mut element[..self.dtype.size()];
        self.read_bytes(element)?;
        Ok(convert::decode(self.dtype, element))
    }

    /// Writes the elements of a tensor of the same dtype and shape, which may be a view of the same storage. Fails with DTYPE_MISMATCH,
    /// SHAPE_MISMATCH, or INVALID_ARGUMENT if this tensor is read-only.
    pub fn copy_from(&self, source: &Tensor) -> Result<()> {
        if self.dtype != source.dtype {
            return Err(Error::dtype(format!("cannot copy {source} to {self}: the dtypes differ")));
        }
        if self.shape != source.shape {
            return Err(Error::shape(format!("cannot copy {source} to {self}: the shapes differ")));
        }
        self.check_writable()?;
        if Arc::ptr_eq(&self.storage, &source.storage) {
            if self == source {
                return Ok(());
            }
            // The views may overlap: by way of a copy.
            let mut elements: Vec<u8> = Vec::new();
            elements.try_reserve_exact(self.bytes()).map_err(|_| out_of_memory(self.bytes()))?;
            elements.resize(self.bytes(), 0);
            let _guard = self.storage.write()?;
            // SAFETY: the storage is locked for writing, and the vector has the size of all elements.
            unsafe {
                source.read_elements(elements.as_mut_ptr());
                self.fill_elements(elements.as_ptr(), &self.shape.strides());
            }
            return Ok(());
        }
        let _guards = Storage::lock_pair(&source.storage, &self.storage)?;
        // SAFETY: both storages are locked, they are different memory, and the shapes are the same.
        unsafe { self.fill_elements(source.data_ptr(), source.strides()) };
        Ok(())
    }

    /// Calls `body` with the elements as they lie in memory, or returns `None` if they do not lie in row-major order without gaps.
    /// Writers wait until it returns; `body` must not write this storage.
    pub fn with_bytes<R>(&self, body: impl FnOnce(&[u8]) -> R) -> Option<R> {
        if !self.is_contiguous() {
            return None;
        }
        let _guard = self.storage.read();
        // SAFETY: contiguous elements of the storage, which the guard keeps from being written.
        Some(body(unsafe { std::slice::from_raw_parts(self.data_ptr(), self.bytes()) }))
    }

    /// # Safety
    /// The storage is locked. `target` has room for all elements, packed, outside this storage.
    unsafe fn read_elements(&self, target: *mut u8) {
        // SAFETY: by the type's rule on reach, and by the caller.
        unsafe { strided::copy(self.dtype, self.shape.dims(), self.data_ptr(), self.strides(), target, &self.shape.strides()) };
    }

    /// # Safety
    /// `source` holds all elements, packed, outside this storage.
    unsafe fn write_elements(&self, source: *const u8) -> Result<()> {
        self.check_writable()?;
        let _guard = self.storage.write()?;
        // SAFETY: locked for writing; the source is the caller's promise.
        unsafe { self.fill_elements(source, &self.shape.strides()) };
        Ok(())
    }

    /// # Safety
    /// The storage is locked for writing and is writable. `source` with `strides` holds elements of this dtype and shape outside this storage.
    unsafe fn fill_elements(&self, source: *const u8, strides: &[isize]) {
        // SAFETY: by the type's rule on reach, and by the caller.
        unsafe { strided::copy(self.dtype, self.shape.dims(), source, strides, self.data_ptr(), self.strides()) };
    }

    fn check_size(&self, what: &str, bytes: usize) -> Result<()> {
        if bytes != self.bytes() {
            return Err(Error::invalid(format!("cannot {what} {bytes} bytes: {self} has {} bytes", self.bytes())));
        }
        Ok(())
    }

    fn check_element<T: Element>(&self, what: &str) -> Result<()> {
        if T::DTYPE != self.dtype {
            return Err(Error::dtype(format!("cannot {what} {self} as {}", T::DTYPE)));
        }
        Ok(())
    }
}

/// Views: other shapes of the same elements, sharing the storage. A write through a view writes the storage.
impl Tensor {
    /// The same elements in row-major order under another shape. Fails with SHAPE_MISMATCH if the number of elements is another, with
    /// UNSUPPORTED if the strides permit no such view: copy the tensor first ([`Tensor::to_contiguous`]).
    pub fn reshape(&self, shape: Shape) -> Result<Tensor> {
        if shape.elements() != self.shape.elements() {
            let (have, want) = (self.shape.elements(), shape.elements());
            return Err(Error::shape(format!("cannot reshape {self}, which has {have} elements, to {shape}, which has {want}")));
        }
        let strides = reshaped_strides(&self.shape, self.strides(), &shape).ok_or_else(|| {
            Error::unsupported(format!("{self} with strides {:?} cannot be viewed as {shape} without a copy", self.strides()))
        })?;
        Ok(Tensor { shape, strides, ..self.clone() })
    }

    /// Dimension i of the result is dimension `permutation[i]`. Fails with INVALID_ARGUMENT unless each dimension occurs once.
    pub fn transpose(&self, permutation: &[usize]) -> Result<Tensor> {
        let rank = self.shape.rank();
        let is_permutation = permutation.len() == rank && (0..rank).all(|axis| permutation.contains(&axis));
        if !is_permutation {
            return Err(Error::invalid(format!("{permutation:?} is not a permutation of the {rank} dimensions of {self}")));
        }
        let (mut dims, mut strides) = ([0; MAX_RANK], [0; MAX_RANK]);
        for (axis, source) in permutation.iter().enumerate() {
            dims[axis] = self.shape.dims()[*source];
            strides[axis] = self.strides[*source];
        }
        Ok(Tensor { shape: Shape::new(&dims[..rank])?, strides, ..self.clone() })
    }

    /// Elements `start`, `start + step`, ... below `stop` of each dimension. Fails with INVALID_ARGUMENT unless there is one entry for each
    /// dimension, `start <= stop <= size`, and `step >= 1`.
    pub fn slice(&self, start: &[usize], stop: &[usize], step: &[usize]) -> Result<Tensor> {
        let rank = self.shape.rank();
        if [start.len(), stop.len(), step.len()] != [rank; 3] {
            let (start, stop, step) = (start.len(), stop.len(), step.len());
            return Err(Error::invalid(format!(
                "a slice of {self} needs {rank} entries each, not {start} starts, {stop} stops, {step} steps"
            )));
        }
        let (mut dims, mut strides) = ([0; MAX_RANK], [0; MAX_RANK]);
        let mut offset = self.offset as isize;
        for axis in 0..rank {
            let (start, stop, step, size) = (start[axis], stop[axis], step[axis], self.shape.dims()[axis]);
            if start > stop || stop > size || step == 0 {
                return Err(Error::invalid(format!("{start}..{stop} by {step} is not a slice of dimension {axis} of {self}")));
            }
            dims[axis] = (stop - start).div_ceil(step);
            // Where one element is left there is no next one to step to; a huge step must not overflow.
            strides[axis] = if dims[axis] > 1 { self.strides[axis] * step as isize } else { self.strides[axis] };
            offset += if dims[axis] > 0 { self.strides[axis] * start as isize } else { 0 };
        }
        let shape = Shape::new(&dims[..rank])?;
        let offset = if shape.elements() == 0 { 0 } else { offset as usize };
        Ok(Tensor { shape, strides, offset, ..self.clone() })
    }
}

/// Identity, not equality of values: the same view of the same storage.
impl PartialEq for Tensor {
    fn eq(&self, other: &Tensor) -> bool {
        Arc::ptr_eq(&self.storage, &other.storage)
            && self.dtype == other.dtype
            && self.shape == other.shape
            && self.strides() == other.strides()
            && self.offset == other.offset
    }
}
impl Eq for Tensor {}

/// `f32[2, 3]`
impl fmt::Display for Tensor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}{}", self.dtype, self.shape)
    }
}

/// `f32[2, 3] {1.0, 2.0, 3.0, 4.0, 5.0, 6.0}`: at most eight elements, none while somebody writes the storage.
impl fmt::Debug for Tensor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        const SHOWN: usize = 8;
        write!(f, "{self} {{")?;
        // Not waiting: whoever prints may hold the lock.
        let Some(_guard) = self.storage.lock().try_read() else {
            return f.write_str("being written}");
        };
        let count = self.shape.elements();
        for index in 0..count.min(SHOWN) {
            let separator = if index == 0 { "" } else { ", " };
            // SAFETY: the element of this row-major position lies in the storage, which is locked for reading.
            let element = unsafe {
                let place = self.data_ptr().offset(self.place_of(index) * self.dtype.size() as isize);
                std::slice::from_raw_parts(place, self.dtype.size())
            };
            write!(f, "{separator}{}", convert::text(self.dtype, element))?;
        }
        f.write_str(if count > SHOWN { ", ...}" } else { "}" })
    }
}

impl Tensor {
    /// The distance in elements between the first element and the one of this row-major position.
    fn place_of(&self, position: usize) -> isize {
        let mut rest = position;
        let mut place = 0;
        for axis in (0..self.shape.rank()).rev() {
            let size = self.shape.dims()[axis];
            place += (rest % size) as isize * self.strides[axis];
            rest /= size;
        }
        place
    }
}

fn out_of_memory(bytes: usize) -> Error {
    Error::new(Status::OutOfMemory, format!("{bytes} bytes could not be allocated"))
}

/// The lowest and the highest element that a layout touches, for a shape without zeros. Sums of eight products of 64-bit numbers fit.
pub(crate) fn reach(shape: &Shape, strides: &[isize], offset: usize) -> (i128, i128) {
    let (mut first, mut last) = (offset as i128, offset as i128);
    for (size, stride) in shape.dims().iter().zip(strides) {
        let span = size.saturating_sub(1) as i128 * *stride as i128;
        *(if span < 0 { &mut first } else { &mut last }) += span;
    }
    (first, last)
}

/// Whether two elements may share one place. Errs on the side of yes for layouts that interleave without need.
fn overlaps(shape: &Shape, strides: &[isize]) -> bool {
    if shape.elements() <= 1 {
        return false;
    }
    let mut axes = [(0usize, 0usize); MAX_RANK];
    let mut rank = 0;
    for (size, stride) in shape.dims().iter().zip(strides).filter(|(size, _)| **size > 1) {
        axes[rank] = (stride.unsigned_abs(), *size);
        rank += 1;
    }
    axes[..rank].sort_unstable();
    // Each dimension must step over all that the finer ones cover.
    let mut covered = 1u128;
    axes[..rank].iter().any(|(stride, size)| {
        let overlaps = (*stride as u128) < covered;
        covered += *stride as u128 * (*size as u128 - 1);
        overlaps
    })
}

/// The strides under which the elements of one layout have another shape in the same order, if there are any. Both shapes have
/// the same number of elements.
///
/// Both shapes are cut into the shortest groups of dimensions with equal products; a group of the old shape must step as one.
fn reshaped_strides(old: &Shape, old_strides: &[isize], new: &Shape) -> Option<[isize; MAX_RANK]> {
    if new.elements() <= 1 {
        return Some(new.strides());
    }
    // Dimensions of size 1 have no say.
    let mut from = [(0usize, 0isize); MAX_RANK];
    let mut from_rank = 0;
    for (size, stride) in old.dims().iter().zip(old_strides).filter(|(size, _)| **size != 1) {
        from[from_rank] = (*size, *stride);
        from_rank += 1;
    }
    let from = &from[..from_rank];
    let mut strides = [0; MAX_RANK];
    let (mut from_axis, mut to_axis) = (0, 0);
    while from_axis < from.len() {
        let (from_begin, to_begin) = (from_axis, to_axis);
        let (mut from_product, mut to_product) = (from[from_axis].0, new.dims()[to_axis]);
        from_axis += 1;
        to_axis += 1;
        while from_product != to_product {
            if from_product < to_product {
                from_product *= from[from_axis].0;
                from_axis += 1;
            } else {
                to_product *= new.dims()[to_axis];
                to_axis += 1;
            }
        }
        let group = &from[from_begin..from_axis];
        if group.windows(2).any(|pair| pair[0].1 != pair[1].1 * pair[1].0 as isize) {
            return None;
        }
        let mut stride = group[group.len() - 1].1;
        for axis in (to_begin..to_axis).rev() {
            strides[axis] = stride;
            stride *= new.dims()[axis] as isize;
        }
    }
    // What is left over are dimensions of size 1.
    strides[to_axis..new.rank()].fill(1);
    Some(strides)
}

#[cfg(test)]
#[path = "tests.rs"]
mod tests;
