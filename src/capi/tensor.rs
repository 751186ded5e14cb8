//! Chapter: tensors.

use crate::capi::arguments::{Out, OutSlice, bytes, bytes_mut, put_list, slice};
use crate::capi::context::TenonContext;
use crate::capi::error::{TenonError, TenonStatus, boundary, boundary_status, boundary_value};
use crate::capi::handle::{Handle, Owner};
use crate::error::Error;
use crate::tensor::dlpack::{self, DLManagedTensorVersioned};
use crate::tensor::{DType, Shape, Tensor};
use std::ffi::{c_char, c_void};
use std::ptr::NonNull;

/// The type of a tensor's elements: one of the numbers below.
pub type TenonDType = i32;

/// IEEE 754 double precision: C's double.
pub const TENON_F64: TenonDType = 1;
/// IEEE 754 single precision: C's float.
pub const TENON_F32: TenonDType = 2;
/// IEEE 754 half precision, 2 bytes.
pub const TENON_F16: TenonDType = 3;
/// The upper half of an F32, 2 bytes.
pub const TENON_BF16: TenonDType = 4;
/// int64_t.
pub const TENON_I64: TenonDType = 5;
/// int32_t.
pub const TENON_I32: TenonDType = 6;
/// uint8_t.
pub const TENON_U8: TenonDType = 7;
/// One byte, 0 or 1.
pub const TENON_BOOL: TenonDType = 8;

/// The most dimensions that a tensor may have.
pub const TENON_MAX_RANK: usize = 8;

/// An n-dimensional value: dtype, shape, and elements on its context's device.
///
/// Calls that read elements wait until nobody writes them, calls that write wait until nobody reads or writes them.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct TenonTensor {
    /// Says nothing to a host; never compute with it. All zero is no tensor.
    pub id: u64,
}

/// The name of a dtype: "f32". NULL for a number that is no dtype. The text is static: never free it. Any thread.
#[unsafe(no_mangle)]
pub extern "C" fn tenon_dtype_name(dtype: TenonDType) -> *const c_char {
    boundary_value(std::ptr::null(), || {
        let name = match DType::from_code(dtype)? {
            DType::F64 => c"f64",
            DType::F32 => c"f32",
            DType::F16 => c"f16",
            DType::BF16 => c"bf16",
            DType::I64 => c"i64",
            DType::I32 => c"i32",
            DType::U8 => c"u8",
            DType::Bool => c"bool",
        };
        Ok(name.as_ptr())
    })
}

/// The size of one element in bytes. 0 for a number that is no dtype. Any thread.
#[unsafe(no_mangle)]
pub extern "C" fn tenon_dtype_size(dtype: TenonDType) -> usize {
    boundary_value(0, || DType::from_code(dtype).map(DType::size))
}

/// Makes a tensor with all elements 0, row-major, in memory of the context's allocator.
///
/// `shape` holds `rank` sizes, outermost first; rank 0 is a scalar, at most TENON_MAX_RANK; a size may be 0. Fails with
/// TENON_SHAPE_MISMATCH for sizes that are negative or too large, TENON_INVALID_ARGUMENT for an unknown dtype,
/// TENON_OUT_OF_MEMORY. Any thread.
#[unsafe(no_mangle)]
pub extern "C" fn tenon_tensor_new(
    context: TenonContext,
    dtype: TenonDType,
    shape: *const i64,
    rank: usize,
    tensor: *mut TenonTensor,
    error: *mut TenonError,
) -> TenonStatus {
    boundary(error, || {
        let (context, owner) = Owner::context(context)?;
        let dtype = DType::from_code(dtype)?;
        let shape = Shape::from_signed(slice(shape, rank, "shape")?)?;
        let tensor = Out::new(tensor, "tensor")?;
        tensor.put_new(owner, Tensor::zeros(context.allocator(), dtype, shape)?)
    })
}

/// Makes a tensor of rank 0 with this value. A float is rounded to the nearest that the dtype has; for integers the
/// fraction is dropped, what lies beyond their range becomes its end, NaN becomes 0; for TENON_BOOL all but 0 is true.
/// Fails like tenon_tensor_new. Any thread.
#[unsafe(no_mangle)]
pub extern "C" fn tenon_tensor_from_scalar(
    context: TenonContext,
    dtype: TenonDType,
    value: f64,
    tensor: *mut TenonTensor,
    error: *mut TenonError,
) -> TenonStatus {
    boundary(error, || {
        let (context, owner) = Owner::context(context)?;
        let dtype = DType::from_code(dtype)?;
        let tensor = Out::new(tensor, "tensor")?;
        tensor.put_new(owner, Tensor::scalar(context.allocator(), dtype, value)?)
    })
}

/// Writes all elements of a tensor from `data`: `size` bytes, row-major, in the machine's byte order; for TENON_BOOL
/// all bytes but 0 are true. `data` is read during the call alone and need not be aligned.
///
/// Fails with TENON_INVALID_ARGUMENT if `size` is not that of all elements, or if the tensor is read-only (imported so,
/// or a broadcast view). Waits for running calls that use the tensor. Any thread.
#[unsafe(no_mangle)]
pub extern "C" fn tenon_tensor_write(tensor: TenonTensor, data: *const c_void, size: usize, error: *mut TenonError) -> TenonStatus {
    boundary(error, || tensor.get()?.write_bytes(bytes(data, size, "data")?))
}

/// Reads all elements of a tensor to `data`: `size` bytes, row-major, in the machine's byte order; each byte of
/// TENON_BOOL is 0 or 1. `data` need not be aligned. Fails with TENON_INVALID_ARGUMENT if `size` is not that of all
/// elements. Waits for running calls that write the tensor. Any thread.
#[unsafe(no_mangle)]
pub extern "C" fn tenon_tensor_read(tensor: TenonTensor, data: *mut c_void, size: usize, error: *mut TenonError) -> TenonStatus {
    boundary(error, || tensor.get()?.read_bytes(bytes_mut(data, size, "data")?))
}

/// Reads the one element of a tensor of any dtype as a number; TENON_I64 beyond 2^53 rounds. Fails with
/// TENON_INVALID_ARGUMENT if there is not exactly one. Any thread.
#[unsafe(no_mangle)]
pub extern "C" fn tenon_tensor_item(tensor: TenonTensor, value: *mut f64, error: *mut TenonError) -> TenonStatus {
    boundary(error, || {
        let tensor = tensor.get()?;
        let value = Out::new(value, "value")?;
        value.put(tensor.item_f64()?);
        Ok(())
    })
}

/// Writes the dtype of a tensor's elements. Any thread.
#[unsafe(no_mangle)]
pub extern "C" fn tenon_tensor_dtype(tensor: TenonTensor, dtype: *mut TenonDType, error: *mut TenonError) -> TenonStatus {
    boundary(error, || {
        let tensor = tensor.get()?;
        Out::new(dtype, "dtype")?.put(tensor.dtype() as TenonDType);
        Ok(())
    })
}

/// Writes the sizes of a tensor's dimensions, outermost first, to `shape`, which has room for `capacity`, and their
/// number to `rank`. NULL with capacity 0 asks for the rank alone; another capacity below the rank is refused.
/// TENON_MAX_RANK always suffices. Any thread.
#[unsafe(no_mangle)]
pub extern "C" fn tenon_tensor_shape(
    tensor: TenonTensor,
    shape: *mut i64,
    capacity: usize,
    rank: *mut usize,
    error: *mut TenonError,
) -> TenonStatus {
    boundary(error, || {
        let tensor = tensor.get()?;
        let shape = OutSlice::new(shape, capacity, "shape")?;
        let rank = Out::new(rank, "rank")?;
        let mut sizes = [0; TENON_MAX_RANK];
        let dims = tensor.shape().dims();
        for (size, dim) in sizes.iter_mut().zip(dims) {
            *size = *dim as i64;
        }
        put_list(shape, rank, &sizes[..dims.len()], "shape")
    })
}

/// Writes the size of all elements in bytes, packed: what tenon_tensor_read and tenon_tensor_write move. Any thread.
#[unsafe(no_mangle)]
pub extern "C" fn tenon_tensor_size(tensor: TenonTensor, size: *mut usize, error: *mut TenonError) -> TenonStatus {
    boundary(error, || {
        let tensor = tensor.get()?;
        Out::new(size, "size")?.put(tensor.bytes());
        Ok(())
    })
}

/// Makes a tensor with the same elements in memory of its own, row-major. The caller frees it. Fails with
/// TENON_OUT_OF_MEMORY. Any thread.
#[unsafe(no_mangle)]
pub extern "C" fn tenon_tensor_duplicate(tensor: TenonTensor, duplicate: *mut TenonTensor, error: *mut TenonError) -> TenonStatus {
    boundary(error, || {
        let (tensor, owner) = tensor.get_with_owner()?;
        let duplicate = Out::new(duplicate, "duplicate")?;
        let context = owner.handle().get()?;
        duplicate.put_new(owner, tensor.duplicate(context.allocator())?)
    })
}

/// Makes another handle of the same tensor, elements shared, so that two owners can each free theirs. Any thread.
#[unsafe(no_mangle)]
pub extern "C" fn tenon_tensor_retain(tensor: TenonTensor, retained: *mut TenonTensor, error: *mut TenonError) -> TenonStatus {
    boundary(error, || {
        let (tensor, owner) = tensor.get_with_owner()?;
        Out::new(retained, "retained")?.put_new(owner, tensor)
    })
}

/// The context that a tensor was made in, or a zero handle if the tensor's handle is bad. Nothing to free. Any thread.
#[unsafe(no_mangle)]
pub extern "C" fn tenon_tensor_context(tensor: TenonTensor) -> TenonContext {
    boundary_value(TenonContext { id: 0 }, || Ok(tensor.get_with_owner()?.1.handle()))
}

/// Frees a handle of a tensor; zero is a no-op. The elements go with their last user. TENON_INVALID_HANDLE is the
/// answer to a handle that is not there. Any thread.
#[unsafe(no_mangle)]
pub extern "C" fn tenon_tensor_free(tensor: TenonTensor) -> TenonStatus {
    boundary_status(|| tensor.free())
}

/// Makes a tensor of another library's memory by way of DLPack (version 1.x, CPU, the dtypes of this header), without a
/// copy; only memory that is not aligned to the size of its elements is copied.
///
/// The call takes `managed` over: its deleter runs exactly once, when the last user of the memory goes, on whatever
/// thread; if the call fails, before it returns. Nobody may write the memory while Tenon uses it. Memory flagged
/// read-only refuses tenon_tensor_write.
///
/// Fails with TENON_UNSUPPORTED for another major version, device, or element type, TENON_SHAPE_MISMATCH for shapes
/// that are negative, too large, or have more than TENON_MAX_RANK dimensions, TENON_INVALID_ARGUMENT for NULL, for
/// strides that leave the address space, and for booleans other than 0 and 1. Any thread.
#[unsafe(no_mangle)]
pub extern "C" fn tenon_tensor_from_dlpack(
    context: TenonContext,
    managed: *mut DLManagedTensorVersioned,
    tensor: *mut TenonTensor,
    error: *mut TenonError,
) -> TenonStatus {
    let mut lent = Lent(NonNull::new(managed));
    boundary(error, || {
        let (context, owner) = Owner::context(context)?;
        if lent.0.is_none() {
            return Err(Error::invalid("managed is NULL"));
        }
        let tensor = Out::new(tensor, "tensor")?;
        // SAFETY: not NULL; that it is a tensor of its DLPack version, owned by the caller until now, is the host's
        // promise.
        let imported = unsafe { dlpack::import(context.allocator(), managed)? };
        lent.0 = None; // The import owns it.
        tensor.put_new(owner, imported)
    })
}

/// A managed tensor that nobody has taken yet; ends with the call.
struct Lent(Option<NonNull<DLManagedTensorVersioned>>);

impl Drop for Lent {
    fn drop(&mut self) {
        if let Some(managed) = self.0 {
            // SAFETY: the host gave the struct up with the call. The deleter lies in the same place and may be called
            // in every version of DLPack.
            unsafe {
                if let Some(deleter) = (*managed.as_ptr()).deleter {
                    deleter(managed.as_ptr());
                }
            }
        }
    }
}

/// Writes a DLPack struct (version 1) of a tensor's own memory, without a copy, to `managed`. The caller, or whom it
/// hands the struct to, runs its deleter exactly once, on any thread, at any time, also after the tensor or its context
/// was freed. Tenon's locks do not bind the consumer: it must not use the elements while calls of this library write
/// them. Flagged read-only if the tensor refuses writes. Any thread.
#[unsafe(no_mangle)]
pub extern "C" fn tenon_tensor_to_dlpack(
    tensor: TenonTensor,
    managed: *mut *mut DLManagedTensorVersioned,
    error: *mut TenonError,
) -> TenonStatus {
    boundary(error, || {
        let tensor = tensor.get()?;
        let managed = Out::new(managed, "managed")?;
        managed.put(dlpack::export(&tensor).as_ptr());
        Ok(())
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_numbers_of_the_header_are_those_of_the_library() {
        let pairs = [
            (TENON_F64, DType::F64),
            (TENON_F32, DType::F32),
            (TENON_F16, DType::F16),
            (TENON_BF16, DType::BF16),
            (TENON_I64, DType::I64),
            (TENON_I32, DType::I32),
            (TENON_U8, DType::U8),
            (TENON_BOOL, DType::Bool),
        ];
        assert_eq!(pairs.map(|(_, dtype)| dtype), DType::ALL);
        for (number, dtype) in pairs {
            assert_eq!(number, dtype as i32);
            assert_eq!(tenon_dtype_size(number), dtype.size());
            // SAFETY: a static text.
            assert_eq!(unsafe { std::ffi::CStr::from_ptr(tenon_dtype_name(number)) }.to_str().unwrap(), dtype.name());
        }
        for unknown in [0, 9, -1, i32::MAX] {
            assert_eq!(tenon_dtype_size(unknown), 0);
            assert!(tenon_dtype_name(unknown).is_null());
        }
        assert_eq!(TENON_MAX_RANK, crate::tensor::MAX_RANK);
    }
}
