//! DLPack: tensors to and from other libraries without a copy, by the structs that its specification (version 1) lays down.
//!
//! Imported memory belongs to the producer until its deleter runs: exactly once, when the last tensor that shares it goes. The library's locks do
//! not bind the producer, and memory that is imported twice counts as two: a host must not let one side write while another uses it.

use crate::error::{Error, Result};
use crate::tensor::tensor::reach;
use crate::tensor::{Allocator, DType, MAX_RANK, Shape, Storage, Tensor, strided};
use std::ffi::c_void;
use std::ptr::NonNull;
use std::sync::Arc;

/// The version of exported tensors. Imports accept every minor version of this major one.
pub const VERSION: DLPackVersion = DLPackVersion { major: 1, minor: 1 };

/// Flag: the consumer must not write.
pub const FLAG_READ_ONLY: u64 = 1;
/// Flag: the producer made a copy for the consumer.
pub const FLAG_IS_COPIED: u64 = 2;

/// `DLDevice::device_type` of plain memory.
pub const DEVICE_CPU: i32 = 1;

/// Versions with the same `major` share the layout of the structs.
#[repr(C)]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DLPackVersion {
    pub major: u32,
    pub minor: u32,
}

/// Where memory is.
#[repr(C)]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DLDevice {
    pub device_type: i32,
    pub device_id: i32,
}

/// The type of an element.
#[repr(C)]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DLDataType {
    /// 0 signed integer, 1 unsigned integer, 2 IEEE float, 4 bfloat, 6 boolean; others are not supported.
    pub code: u8,
    pub bits: u8,
    /// Other than 1 for vectors as elements, which are not supported.
    pub lanes: u16,
}

/// A layout over memory, without an owner.
#[repr(C)]
#[derive(Debug)]
pub struct DLTensor {
    /// May be NULL if there are no elements.
    pub data: *mut c_void,
    pub device: DLDevice,
    pub ndim: i32,
    pub dtype: DLDataType,
    /// `ndim` sizes; may be NULL for rank 0.
    pub shape: *mut i64,
    /// `ndim` strides in elements. NULL, which older versions permit, stands for row-major.
    pub strides: *mut i64,
    /// From `data` to the first element.
    pub byte_offset: u64,
}

/// What libraries exchange since version 1.
#[repr(C)]
#[derive(Debug)]
pub struct DLManagedTensorVersioned {
    pub version: DLPackVersion,
    /// The producer's.
    pub manager_ctx: *mut c_void,
    /// Gives everything back, this struct included. May be NULL.
    pub deleter: Option<unsafe extern "C" fn(*mut DLManagedTensorVersioned)>,
    pub flags: u64,
    pub dl_tensor: DLTensor,
}

/// What libraries exchanged before version 1.
#[repr(C)]
#[derive(Debug)]
pub struct DLManagedTensor {
    pub dl_tensor: DLTensor,
    /// The producer's.
    pub manager_ctx: *mut c_void,
    /// Gives everything back, this struct included. May be NULL.
    pub deleter: Option<unsafe extern "C" fn(*mut DLManagedTensor)>,
}

/// A tensor over a producer's memory. On success the tensor owns `managed`; on failure the caller still does, and nothing was called.
///
/// No copy is made, with one exception: memory that is not aligned to the size of its elements is copied (from `allocator`), and the
/// deleter runs before this function returns. A tensor flagged read-only, and one whose strides make elements share places,
/// refuses writes.
///
/// Fails with UNSUPPORTED for another major version, device, or dtype, with SHAPE_MISMATCH for shapes that are negative, too large, or of
/// more than eight dimensions, with INVALID_ARGUMENT for NULL, for strides that leave the address space, and for booleans that are not
/// 0 or 1, with OUT_OF_MEMORY where a copy is needed.
///
/// # Safety
/// `managed` is NULL or a valid tensor of the DLPack version that it names, owned by the caller. Its deleter may be called from any
/// thread and does not unwind. Its memory is valid until then, and nobody writes it while the library uses it.
pub unsafe fn import(allocator: &Allocator, managed: *mut DLManagedTensorVersioned) -> Result<Tensor> {
    let Some(pointer) = NonNull::new(managed) else {
        return Err(Error::invalid("dlpack: the managed tensor is NULL"));
    };
    // SAFETY: valid by the caller; `version` is where every version has it, and is looked at before anything else.
    let version = unsafe { (*managed).version };
    if version.major != VERSION.major {
        let DLPackVersion { major, minor } = version;
        return Err(Error::unsupported(format!("dlpack: version {major}.{minor} is not supported, only 1.x is")));
    }
    // SAFETY: a valid struct of version 1 by the caller.
    let (tensor, flags, deleter) = unsafe { (&(*managed).dl_tensor, (*managed).flags, (*managed).deleter) };
    // SAFETY: passed on from the caller.
    unsafe { take(allocator, tensor, flags & FLAG_READ_ONLY != 0, Deleter { managed: pointer, deleter }) }
}

/// [`import`] for tensors of the time before version 1, which have neither version nor flags; they count as writable.
///
/// # Safety
/// As [`import`].
pub unsafe fn import_legacy(allocator: &Allocator, managed: *mut DLManagedTensor) -> Result<Tensor> {
    let Some(pointer) = NonNull::new(managed) else {
        return Err(Error::invalid("dlpack: the managed tensor is NULL"));
    };
    // SAFETY: valid by the caller.
    let (tensor, deleter) = unsafe { (&(*managed).dl_tensor, (*managed).deleter) };
    // SAFETY: passed on from the caller.
    unsafe { take(allocator, tensor, false, Deleter { managed: pointer, deleter }) }
}

/// The tensor's memory for another library, without a copy. The storage lives until the consumer calls the deleter, which it must do once, on
/// any thread. The library's locks do not bind the consumer. Flagged read-only if the tensor refuses writes.
pub fn export(tensor: &Tensor) -> NonNull<DLManagedTensorVersioned> {
    let rank = tensor.shape().rank();
    let (mut shape, mut strides) = ([0i64; MAX_RANK], [0i64; MAX_RANK]);
    for axis in 0..rank {
        shape[axis] = tensor.shape().dims()[axis] as i64;
        strides[axis] = tensor.strides()[axis] as i64;
    }
    let is_empty = tensor.shape().elements() == 0;
    let export = Box::into_raw(Box::new(Export {
        managed: DLManagedTensorVersioned {
            version: VERSION,
            manager_ctx: std::ptr::null_mut(),
            deleter: Some(delete_export),
            flags: if tensor.check_writable().is_ok() { 0 } else { FLAG_READ_ONLY },
            dl_tensor: DLTensor {
                data: if is_empty { std::ptr::null_mut() } else { tensor.data_ptr().cast() },
                device: DLDevice { device_type: DEVICE_CPU, device_id: 0 },
                ndim: rank as i32,
                dtype: data_type(tensor.dtype()),
                shape: std::ptr::null_mut(),
                strides: std::ptr::null_mut(),
                byte_offset: 0,
            },
        },
        shape,
        strides,
        _tensor: tensor.clone(),
    }));
    // SAFETY: just allocated, and nobody else has it; the pointers stay valid because the box does not move until it is deleted.
    unsafe {
        (*export).managed.manager_ctx = export.cast();
        (*export).managed.dl_tensor.shape = (&raw mut (*export).shape).cast();
        (*export).managed.dl_tensor.strides = (&raw mut (*export).strides).cast();
        NonNull::new_unchecked(&raw mut (*export).managed)
    }
}

/// What an export keeps alive.
struct Export {
    managed: DLManagedTensorVersioned,
    shape: [i64; MAX_RANK],
    strides: [i64; MAX_RANK],
    _tensor: Tensor,
}

/// # Safety
/// `managed` is NULL or came from [`export`] and has not been deleted.
unsafe extern "C" fn delete_export(managed: *mut DLManagedTensorVersioned) {
    if !managed.is_null() {
        // SAFETY: the context of an export is the box that it was made from, and this is its end.
        drop(unsafe { Box::from_raw((*managed).manager_ctx.cast::<Export>()) });
    }
}

/// The end of an imported tensor.
struct Deleter<M> {
    managed: NonNull<M>,
    deleter: Option<unsafe extern "C" fn(*mut M)>,
}

// SAFETY: the struct behind the pointer is touched by its deleter alone, which may run on any thread by the contract of `import`.
unsafe impl<M> Send for Deleter<M> {}

impl<M> Deleter<M> {
    fn run(self) {
        if let Some(deleter) = self.deleter {
            // SAFETY: owned since the import succeeded, and given up here.
            unsafe { deleter(self.managed.as_ptr()) };
        }
    }
}

/// Checks everything, then takes ownership.
///
/// # Safety
/// As [`import`]; `tensor` lies in what `deleter` deletes.
unsafe fn take<M: 'static>(allocator: &Allocator, tensor: &DLTensor, read_only: bool, deleter: Deleter<M>) -> Result<Tensor> {
    let dtype = element_type(tensor)?;
    // SAFETY: passed on from the caller.
    let (shape, strides) = unsafe { layout(tensor)? };
    let strides = &strides[..shape.rank()];
    if shape.elements() == 0 {
        // SAFETY: no bytes.
        let storage = unsafe { Storage::foreign(NonNull::<u64>::dangling().cast(), 0, read_only, move || deleter.run()) };
        return Tensor::from_storage(Arc::new(storage), dtype, shape, strides, 0);
    }
    let (first, last) = reach(&shape, strides, 0);
    let size = dtype.size() as i128;
    let begin = tensor.data as usize as i128 + tensor.byte_offset as i128;
    let (lowest, end) = (begin + first * size, begin + (last + 1) * size);
    if tensor.data.is_null() {
        return Err(Error::invalid(format!("dlpack: {dtype}{shape} has elements, but its data is NULL")));
    }
    if lowest <= 0 || end > usize::MAX as i128 || end - lowest > isize::MAX as i128 {
        return Err(Error::invalid(format!(
            "dlpack: {dtype}{shape} with strides {strides:?} and byte offset {} leaves the address space",
            tensor.byte_offset
        )));
    }
    let data = tensor.data.cast::<u8>().wrapping_add(tensor.byte_offset as usize);
    // SAFETY: the producer vouches for the elements that the layout reaches.
    if dtype == DType::Bool && !unsafe { strided::all_bytes(shape.dims(), data, strides, |byte| byte <= 1) } {
        return Err(Error::invalid(format!("dlpack: {dtype}{shape} holds bytes other than 0 and 1")));
    }
    if !(data as usize).is_multiple_of(dtype.size()) {
        let copy = Tensor::zeros(allocator, dtype, shape)?;
        // SAFETY: the producer vouches for the elements; the copy is fresh memory of the same shape that nobody else has.
        unsafe { strided::copy(dtype, shape.dims(), data, strides, copy.data_ptr(), copy.strides()) };
        deleter.run();
        return Ok(copy);
    }
    let pointer =
        NonNull::new(data.wrapping_offset((first * size) as isize)).ok_or_else(|| Error::internal("dlpack: a checked address is NULL"))?;
    // SAFETY: the producer vouches for the bytes from the lowest to the highest element until the deleter runs.
    let storage = unsafe { Storage::foreign(pointer, (end - lowest) as usize, read_only, move || deleter.run()) };
    // Cannot fail: alignment and reach were checked above.
    Tensor::from_storage(Arc::new(storage), dtype, shape, strides, -first as usize)
}

/// The dtype of elements that the library can use where they are.
fn element_type(tensor: &DLTensor) -> Result<DType> {
    if tensor.device.device_type != DEVICE_CPU {
        let DLDevice { device_type, device_id } = tensor.device;
        return Err(Error::unsupported(format!("dlpack: device type {device_type} (device {device_id}) is not the CPU, which is type 1")));
    }
    DType::ALL.into_iter().find(|dtype| data_type(*dtype) == tensor.dtype).ok_or_else(|| {
        let DLDataType { code, bits, lanes } = tensor.dtype;
        Error::unsupported(format!("dlpack: elements of type code {code} with {bits} bits and {lanes} lanes are not supported"))
    })
}

/// How DLPack names a dtype.
fn data_type(dtype: DType) -> DLDataType {
    let code = match dtype {
        DType::I64 | DType::I32 => 0,
        DType::U8 => 1,
        DType::F64 | DType::F32 | DType::F16 => 2,
        DType::BF16 => 4,
        DType::Bool => 6,
    };
    DLDataType { code, bits: 8 * dtype.size() as u8, lanes: 1 }
}

/// Shape and strides, the latter row-major where there are none.
///
/// # Safety
/// `shape` and `strides` are NULL or point to `ndim` numbers.
unsafe fn layout(tensor: &DLTensor) -> Result<(Shape, [isize; MAX_RANK])> {
    let rank = usize::try_from(tensor.ndim)
        .ok()
        .filter(|rank| *rank <= MAX_RANK)
        .ok_or_else(|| Error::shape(format!("dlpack: a tensor has 0 to {MAX_RANK} dimensions, not {}", tensor.ndim)))?;
    if rank > 0 && tensor.shape.is_null() {
        return Err(Error::invalid(format!("dlpack: the tensor has {rank} dimensions, but its shape is NULL")));
    }
    // A slice from NULL is not permitted even if it is empty.
    // SAFETY: by the caller, and not NULL.
    let numbers = |pointer: *mut i64| if rank == 0 { &[] } else { unsafe { std::slice::from_raw_parts(pointer, rank) } };
    let shape = Shape::from_signed(numbers(tensor.shape)).map_err(|error| error.within("dlpack"))?;
    let mut strides = shape.strides();
    if !tensor.strides.is_null() {
        for (own, given) in strides.iter_mut().zip(numbers(tensor.strides)) {
            *own = isize::try_from(*given).map_err(|_| Error::invalid(format!("dlpack: stride {given} leaves the address space")))?;
        }
    }
    Ok((shape, strides))
}

#[cfg(test)]
#[path = "dlpack_tests.rs"]
mod tests;
