//! Facts about the exchange with other libraries: layouts, refusals, and who deletes when.

use super::*;
use crate::error::Status;
use std::sync::atomic::{AtomicUsize, Ordering};

/// A producer: owns memory and counts how often it is deleted.
struct Producer {
    data: Vec<u64>,
    shape: Vec<i64>,
    strides: Option<Vec<i64>>,
    deleted: Arc<AtomicUsize>,
}

impl Producer {
    /// Eight-byte words as memory, seen as `dtype`.
    fn new(words: usize, shape: &[i64], strides: Option<&[i64]>) -> Producer {
        Producer { data: vec![0; words], shape: shape.to_vec(), strides: strides.map(<[i64]>::to_vec), deleted: Arc::default() }
    }

    fn fill<T: Copy>(mut self, elements: &[T]) -> Producer {
        let bytes = size_of_val(elements);
        assert!(bytes <= self.data.len() * 8);
        // SAFETY: enough room, checked above; plain numbers.
        unsafe { self.data.as_mut_ptr().cast::<u8>().copy_from_nonoverlapping(elements.as_ptr().cast(), bytes) };
        self
    }

    /// The tensor struct; `self` must stay where its vectors are.
    fn tensor(&mut self, dtype: DType) -> DLTensor {
        DLTensor {
            data: self.data.as_mut_ptr().cast(),
            device: DLDevice { device_type: DEVICE_CPU, device_id: 0 },
            ndim: self.shape.len() as i32,
            dtype: data_type(dtype),
            shape: self.shape.as_mut_ptr(),
            strides: self.strides.as_mut().map_or(std::ptr::null_mut(), |strides| strides.as_mut_ptr()),
            byte_offset: 0,
        }
    }

    fn versioned(
        mut self,
        dtype: DType,
        change: impl FnOnce(&mut DLManagedTensorVersioned),
    ) -> (*mut DLManagedTensorVersioned, Arc<AtomicUsize>) {
        unsafe extern "C" fn delete(managed: *mut DLManagedTensorVersioned) {
            // SAFETY: both boxes were made below.
            let producer = unsafe {
                let managed = Box::from_raw(managed);
                Box::from_raw(managed.manager_ctx.cast::<Producer>())
            };
            producer.deleted.fetch_add(1, Ordering::SeqCst);
        }
        let deleted = self.deleted.clone();
        let dl_tensor = self.tensor(dtype);
        let manager_ctx = Box::into_raw(Box::new(self)).cast();
        let mut managed = DLManagedTensorVersioned {
            version: DLPackVersion { major: 1, minor: 3 },
            manager_ctx,
            deleter: Some(delete),
            flags: 0,
            dl_tensor,
        };
        change(&mut managed);
        (Box::into_raw(Box::new(managed)), deleted)
    }

    fn legacy(mut self, dtype: DType) -> (*mut DLManagedTensor, Arc<AtomicUsize>) {
        unsafe extern "C" fn delete(managed: *mut DLManagedTensor) {
            // SAFETY: both boxes were made below.
            let producer = unsafe {
                let managed = Box::from_raw(managed);
                Box::from_raw(managed.manager_ctx.cast::<Producer>())
            };
            producer.deleted.fetch_add(1, Ordering::SeqCst);
        }
        let deleted = self.deleted.clone();
        let dl_tensor = self.tensor(dtype);
        let manager_ctx = Box::into_raw(Box::new(self)).cast();
        (Box::into_raw(Box::new(DLManagedTensor { dl_tensor, manager_ctx, deleter: Some(delete) })), deleted)
    }
}

fn take_in(managed: *mut DLManagedTensorVersioned) -> Result<Tensor> {
    // SAFETY: a valid struct of the producer above.
    unsafe { import(&Allocator::system(), managed) }
}

fn count(deleted: &AtomicUsize) -> usize {
    deleted.load(Ordering::SeqCst)
}

/// Imports what must be refused; returns the error after seeing that nothing was deleted, and deletes it then, as its owner must.
fn refused(managed: (*mut DLManagedTensorVersioned, Arc<AtomicUsize>)) -> Error {
    let (managed, deleted) = managed;
    let error = take_in(managed).unwrap_err();
    assert_eq!(count(&deleted), 0, "deleted although refused: {error}");
    // SAFETY: still owned here.
    unsafe { (*managed).deleter.unwrap()(managed) };
    assert_eq!(count(&deleted), 1);
    error
}

#[test]
fn structs_have_the_layout_of_the_specification() {
    assert_eq!((size_of::<DLTensor>(), size_of::<DLManagedTensor>(), size_of::<DLManagedTensorVersioned>()), (48, 64, 80));
    use std::mem::offset_of;
    assert_eq!([offset_of!(DLTensor, device), offset_of!(DLTensor, ndim), offset_of!(DLTensor, dtype)], [8, 16, 20]);
    assert_eq!([offset_of!(DLTensor, shape), offset_of!(DLTensor, strides), offset_of!(DLTensor, byte_offset)], [24, 32, 40]);
    assert_eq!([offset_of!(DLManagedTensor, manager_ctx), offset_of!(DLManagedTensor, deleter)], [48, 56]);
    type Versioned = DLManagedTensorVersioned;
    assert_eq!([offset_of!(Versioned, manager_ctx), offset_of!(Versioned, deleter)], [8, 16]);
    assert_eq!([offset_of!(Versioned, flags), offset_of!(Versioned, dl_tensor)], [24, 32]);
}

#[test]
fn dtypes_have_the_codes_of_the_specification() {
    let codes = DType::ALL.map(|dtype| (data_type(dtype).code, data_type(dtype).bits));
    assert_eq!(codes, [(2, 64), (2, 32), (2, 16), (4, 16), (0, 64), (0, 32), (1, 8), (6, 8)]);
}

#[test]
fn memory_is_shared_and_deleted_by_the_last_owner() {
    let (managed, deleted) = Producer::new(3, &[2, 3], None).fill(&[1f32, 2., 3., 4., 5., 6.]).versioned(DType::F32, |_| ());
    // SAFETY: valid until deleted.
    let data = unsafe { (*managed).dl_tensor.data };
    let tensor = take_in(managed).unwrap();
    assert_eq!(tensor.data_ptr().cast(), data);
    assert_eq!(tensor.to_vec::<f32>().unwrap(), [1., 2., 3., 4., 5., 6.]);
    assert!(tensor.is_contiguous());
    tensor.write_slice(&[9f32; 6]).unwrap();
    // SAFETY: six floats, still alive.
    assert_eq!(unsafe { *data.cast::<[f32; 6]>() }, [9.; 6]);
    let view = tensor.slice(&[1, 0], &[2, 3], &[1, 1]).unwrap();
    drop(tensor);
    assert_eq!(count(&deleted), 0);
    std::thread::spawn(move || drop(view)).join().unwrap();
    assert_eq!(count(&deleted), 1);
}

#[test]
fn strides_and_offsets_are_followed() {
    let words: Vec<i64> = (0..12).collect();
    let import = |shape: &[i64], strides: &[i64], byte_offset| {
        let (managed, _) =
            Producer::new(12, shape, Some(strides)).fill(&words).versioned(DType::I64, |m| m.dl_tensor.byte_offset = byte_offset);
        take_in(managed).unwrap()
    };
    assert_eq!(import(&[3, 2], &[1, 3], 8).to_vec::<i64>().unwrap(), [1, 4, 2, 5, 3, 6]);
    // Backwards: the first element lies at the end of the storage.
    let backwards = import(&[3, 4], &[-4, -1], 88);
    assert_eq!(backwards.to_vec::<i64>().unwrap(), (0..12).rev().collect::<Vec<_>>());
    assert_eq!((backwards.offset(), backwards.storage().len()), (11, 96));
    backwards.slice(&[2, 3], &[3, 4], &[1, 1]).unwrap().write_slice(&[-7i64]).unwrap();
    assert_eq!(backwards.to_vec::<i64>().unwrap()[11], -7);
    // A broadcast reads, and refuses writes.
    let broadcast = import(&[2, 3], &[0, 1], 0);
    assert_eq!(broadcast.to_vec::<i64>().unwrap(), [0, 1, 2, 0, 1, 2]);
    assert_eq!(broadcast.write_slice(&[0i64; 6]).unwrap_err().status(), Status::InvalidArgument);
    // Strides that lead nowhere are ignored.
    assert_eq!(import(&[1, 2], &[i64::MAX, 1], 0).strides(), [2, 1]);
    let (managed, deleted) =
        Producer::new(1, &[], None).fill(&[2.5f64]).versioned(DType::F64, |m| m.dl_tensor.shape = std::ptr::null_mut());
    assert_eq!(take_in(managed).unwrap().item_f64().unwrap(), 2.5);
    assert_eq!(count(&deleted), 1);
}

#[test]
fn tensors_without_elements_need_no_data() {
    for strides in [None, Some(&[i64::MIN, i64::MAX][..])] {
        let (managed, deleted) = Producer::new(0, &[3, 0], strides).versioned(DType::F16, |m| m.dl_tensor.data = std::ptr::null_mut());
        let tensor = take_in(managed).unwrap();
        assert_eq!(tensor.to_vec::<half::f16>().unwrap(), []);
        assert_eq!(tensor.slice(&[2, 0], &[3, 0], &[1, 1]).unwrap().shape().dims(), [1, 0]);
        assert_eq!(count(&deleted), 0);
        drop(tensor);
        assert_eq!(count(&deleted), 1);
    }
}

#[test]
fn legacy_tensors_are_taken_too() {
    let (managed, deleted) = Producer::new(1, &[5], None).fill(&[1u8, 2, 3, 4, 5]).legacy(DType::U8);
    // SAFETY: a valid struct of the producer above.
    let tensor = unsafe { import_legacy(&Allocator::system(), managed) }.unwrap();
    assert_eq!(tensor.to_vec::<u8>().unwrap(), [1, 2, 3, 4, 5]);
    tensor.write_slice(&[0u8; 5]).unwrap();
    drop(tensor);
    assert_eq!(count(&deleted), 1);
    let (managed, deleted) = Producer::new(1, &[-5], None).legacy(DType::U8);
    // SAFETY: a valid struct, refused, and therefore deleted by its owner.
    unsafe {
        assert_eq!(import_legacy(&Allocator::system(), managed).unwrap_err().status(), Status::ShapeMismatch);
        assert_eq!(count(&deleted), 0);
        (*managed).deleter.unwrap()(managed);
        assert_eq!(import_legacy(&Allocator::system(), std::ptr::null_mut()).unwrap_err().message(), "dlpack: the managed tensor is NULL");
    }
}

#[test]
fn a_missing_deleter_is_no_failure() {
    let (managed, deleted) = Producer::new(1, &[1], None).versioned(DType::I64, |_| ());
    // SAFETY: valid; the deleter is put aside and called at the end.
    let deleter = unsafe { (*managed).deleter.take().unwrap() };
    drop(take_in(managed).unwrap());
    assert_eq!(count(&deleted), 0);
    // SAFETY: not deleted so far.
    unsafe { deleter(managed) };
}

#[test]
fn read_only_memory_is_never_written() {
    let (managed, _) = Producer::new(2, &[2], None).fill(&[1i64, 2]).versioned(DType::I64, |m| m.flags = FLAG_READ_ONLY | FLAG_IS_COPIED);
    let tensor = take_in(managed).unwrap();
    assert!(tensor.storage().is_read_only());
    let other = tensor.duplicate(&Allocator::system()).unwrap();
    for result in [tensor.write_slice(&[5i64, 6]), tensor.write_bytes(&[0; 16]), tensor.copy_from(&other), tensor.copy_from(&tensor)] {
        let error = result.unwrap_err();
        assert_eq!(error.status(), Status::InvalidArgument);
        assert_eq!(error.message(), "the tensor is read-only: its memory was imported from an owner that forbids writes");
    }
    assert_eq!(tensor.to_vec::<i64>().unwrap(), [1, 2]);
    other.copy_from(&tensor).unwrap();
    let exported = export(&tensor);
    // SAFETY: just exported, deleted once.
    unsafe {
        assert_eq!(exported.as_ref().flags, FLAG_READ_ONLY);
        exported.as_ref().deleter.unwrap()(exported.as_ptr());
    }
}

#[test]
fn misaligned_memory_is_copied_and_given_back_at_once() {
    let allocator = Allocator::system();
    let mut bytes = vec![0u8; 3];
    bytes.extend([1.5f32, -2.5].iter().flat_map(|v| v.to_ne_bytes()));
    let misaligned =
        || Producer::new(2, &[2], None).fill(&bytes).versioned(DType::F32, |m| (m.dl_tensor.byte_offset, m.flags) = (3, FLAG_READ_ONLY));
    let (managed, deleted) = misaligned();
    // SAFETY: a valid struct of the producer above.
    let tensor = unsafe { import(&allocator, managed) }.unwrap();
    assert_eq!((count(&deleted), allocator.used()), (1, 8));
    assert_eq!(tensor.to_vec::<f32>().unwrap(), [1.5, -2.5]);
    tensor.write_slice(&[0f32; 2]).unwrap(); // It is the library's own now.

    let (managed, deleted) = misaligned();
    // SAFETY: a valid struct, refused, and therefore deleted by its owner.
    unsafe {
        let error = import(&Allocator::system().with_cap(7), managed).unwrap_err();
        assert_eq!((error.status(), count(&deleted)), (Status::OutOfMemory, 0));
        (*managed).deleter.unwrap()(managed);
    }
}

#[test]
fn what_cannot_be_used_is_refused_and_stays_with_its_owner() {
    type Change = Box<dyn FnOnce(&mut DLManagedTensorVersioned)>;
    let cases: Vec<(Change, Status, &str)> = vec![
        (Box::new(|m| m.version.major = 2), Status::Unsupported, "dlpack: version 2.3 is not supported, only 1.x is"),
        (Box::new(|m| m.version.major = 0), Status::Unsupported, "dlpack: version 0.3 is not supported, only 1.x is"),
        (
            Box::new(|m| m.dl_tensor.device = DLDevice { device_type: 2, device_id: 1 }),
            Status::Unsupported,
            "dlpack: device type 2 (device 1) is not the CPU, which is type 1",
        ),
        (
            Box::new(|m| m.dl_tensor.dtype.lanes = 4),
            Status::Unsupported,
            "dlpack: elements of type code 0 with 64 bits and 4 lanes are not supported",
        ),
        (
            Box::new(|m| m.dl_tensor.dtype.bits = 16),
            Status::Unsupported,
            "dlpack: elements of type code 0 with 16 bits and 1 lanes are not supported",
        ),
        (
            Box::new(|m| m.dl_tensor.dtype.code = 5),
            Status::Unsupported,
            "dlpack: elements of type code 5 with 64 bits and 1 lanes are not supported",
        ),
        (Box::new(|m| m.dl_tensor.ndim = -1), Status::ShapeMismatch, "dlpack: a tensor has 0 to 8 dimensions, not -1"),
        (Box::new(|m| m.dl_tensor.ndim = 9), Status::ShapeMismatch, "dlpack: a tensor has 0 to 8 dimensions, not 9"),
        (
            Box::new(|m| m.dl_tensor.shape = std::ptr::null_mut()),
            Status::InvalidArgument,
            "dlpack: the tensor has 2 dimensions, but its shape is NULL",
        ),
        (
            Box::new(|m| m.dl_tensor.data = std::ptr::null_mut()),
            Status::InvalidArgument,
            "dlpack: i64[2, 2] has elements, but its data is NULL",
        ),
        (
            Box::new(|m| m.dl_tensor.byte_offset = u64::MAX),
            Status::InvalidArgument,
            "dlpack: i64[2, 2] with strides [2, 1] and byte offset 18446744073709551615 leaves the address space",
        ),
    ];
    for (change, status, message) in cases {
        let error = refused(Producer::new(4, &[2, 2], None).versioned(DType::I64, change));
        assert_eq!((error.status(), error.message()), (status, message));
    }
    for shape in [&[-1i64, 2][..], &[i64::MIN], &[i64::MAX, 2], &[i64::MAX / 8 + 1], &[0, i64::MAX]] {
        let error = refused(Producer::new(4, shape, None).versioned(DType::I64, |_| ()));
        assert_eq!(error.status(), Status::ShapeMismatch, "{error}");
        assert!(error.message().starts_with("dlpack: "), "{error}");
    }
    for strides in [&[i64::MAX, i64::MAX][..], &[i64::MIN, 1], &[1 << 60, 0], &[-(1 << 60), 0]] {
        let error = refused(Producer::new(4, &[3, 3], Some(strides)).versioned(DType::I64, |_| ()));
        assert_eq!(error.status(), Status::InvalidArgument, "{error}");
        assert!(error.message().ends_with("leaves the address space"), "{error}");
    }
    let error = refused(Producer::new(1, &[3], None).fill(&[0u8, 1, 2]).versioned(DType::Bool, |_| ()));
    assert_eq!((error.status(), error.message()), (Status::InvalidArgument, "dlpack: bool[3] holds bytes other than 0 and 1"));
    assert_eq!(take_in(std::ptr::null_mut()).unwrap_err().message(), "dlpack: the managed tensor is NULL");
}

#[test]
fn exports_keep_their_storage_alive_and_come_back_as_they_went() {
    let allocator = Allocator::system();
    for dtype in DType::ALL {
        let tensor = Tensor::zeros(&allocator, dtype, Shape::new(&[4, 3]).unwrap()).unwrap();
        tensor.write_bytes(&(0..tensor.bytes()).map(|byte| (byte % 2) as u8).collect::<Vec<_>>()).unwrap();
        let view = tensor.transpose(&[1, 0]).unwrap().slice(&[0, 1], &[3, 4], &[2, 1]).unwrap();
        let exported = export(&view);
        // SAFETY: just exported.
        let managed = unsafe { exported.as_ref() };
        assert_eq!((managed.version, managed.flags, managed.dl_tensor.ndim, managed.dl_tensor.byte_offset), (VERSION, 0, 2, 0));
        assert_eq!(managed.dl_tensor.data, view.data_ptr().cast());
        // SAFETY: rank 2.
        let strides = unsafe { std::slice::from_raw_parts(managed.dl_tensor.strides, 2) };
        assert_eq!(strides, [2, 3]);
        let mut expected = vec![0; view.bytes()];
        view.read_bytes(&mut expected).unwrap();
        drop((tensor, view));
        assert_eq!(allocator.used(), 12 * dtype.size());
        let back = take_in(exported.as_ptr()).unwrap();
        assert_eq!((back.dtype(), back.shape().dims(), back.strides()), (dtype, &[2usize, 3][..], &[2isize, 3][..]));
        let mut bytes = vec![0; back.bytes()];
        back.read_bytes(&mut bytes).unwrap();
        assert_eq!(bytes, expected);
        assert_eq!(allocator.used(), 12 * dtype.size());
        drop(back);
        assert_eq!(allocator.used(), 0);
    }
    let empty = Tensor::zeros(&allocator, DType::F32, Shape::new(&[0]).unwrap()).unwrap();
    let exported = export(&empty);
    // SAFETY: just exported, deleted once.
    unsafe {
        assert!(exported.as_ref().dl_tensor.data.is_null());
        exported.as_ref().deleter.unwrap()(exported.as_ptr());
    }
}
