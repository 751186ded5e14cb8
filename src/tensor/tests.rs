//! Facts about tensors: contents, views, errors.

use super::*;
use half::{bf16, f16};
use proptest::prelude::*;

fn allocator() -> Allocator {
    Allocator::system()
}

/// 0, 1, 2, ... of this shape.
fn counting(dims: &[usize]) -> Tensor {
    let count = dims.iter().product::<usize>() as i64;
    Tensor::from_slice(&allocator(), &(0..count).collect::<Vec<_>>(), dims).unwrap()
}

fn shape(dims: &[usize]) -> Shape {
    Shape::new(dims).unwrap()
}

/// Elements by index arithmetic on the raw memory: independent of the copy that the methods use.
fn by_index(tensor: &Tensor) -> Vec<i64> {
    let _guard = tensor.storage().read();
    (0..tensor.shape().elements())
        // SAFETY: an element of the tensor, whose storage is locked.
        .map(|position| unsafe { *tensor.data_ptr().cast::<i64>().offset(tensor.place_of(position)) })
        .collect()
}

#[test]
fn every_element_type_goes_in_and_comes_out() {
    fn check<T: Element + PartialEq + fmt::Debug>(elements: &[T]) {
        let tensor = Tensor::from_slice(&allocator(), elements, &[elements.len()]).unwrap();
        assert_eq!(tensor.dtype(), T::DTYPE);
        assert_eq!(tensor.to_vec::<T>().unwrap(), elements);
        assert_eq!(tensor.data_ptr() as usize % 64, 0);
    }
    check(&[1.5f64, -0.0, f64::MAX]);
    check(&[1.5f32, f32::MIN_POSITIVE, f32::INFINITY]);
    check(&[f16::from_f32(1.5), f16::MAX]);
    check(&[bf16::from_f32(1.5), bf16::MIN]);
    check(&[i64::MIN, 0, i64::MAX]);
    check(&[i32::MIN, 0, i32::MAX]);
    check(&[0u8, 255]);
    check(&[true, false, true]);
}

#[test]
fn fresh_tensors_are_zero_and_row_major() {
    for dtype in DType::ALL {
        let tensor = Tensor::zeros(&allocator(), dtype, shape(&[2, 3])).unwrap();
        assert_eq!((tensor.strides(), tensor.offset(), tensor.is_contiguous()), (&[3isize, 1][..], 0, true));
        let mut bytes = vec![9; 6 * dtype.size()];
        tensor.read_bytes(&mut bytes).unwrap();
        assert!(bytes.iter().all(|byte| *byte == 0));
        assert_eq!(Tensor::scalar(&allocator(), dtype, 1.0).unwrap().item_f64().unwrap(), 1.0);
    }
}

#[test]
fn memory_is_counted_and_returned_with_the_last_view() {
    let allocator = Allocator::system().with_cap(4096);
    let tensor = Tensor::zeros(&allocator, DType::F32, shape(&[16, 16])).unwrap();
    assert_eq!(allocator.used(), 1024);
    let view = tensor.transpose(&[1, 0]).unwrap();
    drop(tensor);
    assert_eq!(allocator.used(), 1024);
    let error = Tensor::zeros(&allocator, DType::F64, shape(&[20, 20])).unwrap_err();
    assert_eq!(error.status(), Status::OutOfMemory);
    assert_eq!(error.message(), "f64[20, 20]: 3200 bytes would pass the memory cap of 4096 bytes, 1024 of which are in use");
    drop(view);
    assert_eq!(allocator.used(), 0);
}

#[test]
fn clones_and_views_share_what_is_written() {
    let tensor = counting(&[2, 3]);
    let clone = tensor.clone();
    let column = tensor.slice(&[0, 1], &[2, 2], &[1, 1]).unwrap();
    column.write_slice(&[-1i64, -2]).unwrap();
    assert_eq!(clone.to_vec::<i64>().unwrap(), [0, -1, 2, 3, -2, 5]);
    assert_eq!(tensor, clone);
    assert_ne!(tensor, column);
    assert_ne!(tensor, tensor.duplicate(&allocator()).unwrap());
}

#[test]
fn booleans_are_stored_as_zero_or_one() {
    let tensor = Tensor::zeros(&allocator(), DType::Bool, shape(&[2, 2])).unwrap();
    tensor.write_bytes(&[0, 2, 255, 1]).unwrap();
    let mut bytes = [9; 4];
    tensor.read_bytes(&mut bytes).unwrap();
    assert_eq!(bytes, [0, 1, 1, 1]);
    tensor.transpose(&[1, 0]).unwrap().write_bytes(&[0, 0, 7, 8]).unwrap();
    assert_eq!(tensor.to_vec::<bool>().unwrap(), [false, true, false, true]);
    tensor.with_bytes(|bytes| assert_eq!(bytes, [0, 1, 0, 1])).unwrap();
}

#[test]
fn wrong_sizes_and_dtypes_are_refused_with_both_sides() {
    let tensor = Tensor::zeros(&allocator(), DType::F32, shape(&[2, 3])).unwrap();
    let check = |result: Result<()>, status, message: &str| {
        let error = result.unwrap_err();
        assert_eq!((error.status(), error.message()), (status, message));
    };
    check(tensor.write_bytes(&[0; 23]), Status::InvalidArgument, "cannot write 23 bytes: f32[2, 3] has 24 bytes");
    check(tensor.read_bytes(&mut [0; 25]), Status::InvalidArgument, "cannot read 25 bytes: f32[2, 3] has 24 bytes");
    check(tensor.write_slice(&[0f32; 5]), Status::InvalidArgument, "cannot write 5 elements to f32[2, 3], which has 6");
    check(tensor.write_slice(&[0i32; 6]), Status::DtypeMismatch, "cannot write f32[2, 3] as i32");
    check(tensor.to_vec::<u8>().map(drop), Status::DtypeMismatch, "cannot read f32[2, 3] as u8");
    check(tensor.item_f64().map(drop), Status::InvalidArgument, "f32[2, 3] has 6 elements; a number is read from exactly one");
    check(
        Tensor::from_slice(&allocator(), &[0f32; 5], &[2, 3]).map(drop),
        Status::InvalidArgument,
        "shape [2, 3] has 6 elements, but 5 were given",
    );
    let other = Tensor::zeros(&allocator(), DType::F32, shape(&[3, 2])).unwrap();
    check(tensor.copy_from(&other), Status::ShapeMismatch, "cannot copy f32[3, 2] to f32[2, 3]: the shapes differ");
    let other = Tensor::zeros(&allocator(), DType::F64, shape(&[2, 3])).unwrap();
    check(tensor.copy_from(&other), Status::DtypeMismatch, "cannot copy f64[2, 3] to f32[2, 3]: the dtypes differ");
}

#[test]
fn empty_tensors_work_like_others() {
    let allocator = Allocator::system().with_cap(0);
    let tensor = Tensor::zeros(&allocator, DType::F64, shape(&[3, 0, 2])).unwrap();
    assert!(tensor.is_contiguous());
    tensor.write_bytes(&[]).unwrap();
    assert_eq!(tensor.to_vec::<f64>().unwrap(), [0.0; 0]);
    assert_eq!(tensor.reshape(shape(&[0])).unwrap().shape(), &shape(&[0]));
    assert_eq!(tensor.transpose(&[1, 2, 0]).unwrap().duplicate(&allocator).unwrap().shape(), &shape(&[0, 2, 3]));
    assert_eq!(format!("{tensor:?}"), "f64[3, 0, 2] {}");
    // A slice of nothing at the far end stays inside the storage.
    let rest = counting(&[4, 4]).slice(&[4, 4], &[4, 4], &[1, 1]).unwrap();
    assert_eq!((rest.offset(), rest.shape()), (0, &shape(&[0, 0])));
}

#[test]
fn debug_shows_the_first_elements_and_never_waits() {
    let tensor = counting(&[3, 4]);
    assert_eq!(format!("{tensor:?}"), "i64[3, 4] {0, 1, 2, 3, 4, 5, 6, 7, ...}");
    assert_eq!(format!("{:?}", tensor.transpose(&[1, 0]).unwrap()), "i64[4, 3] {0, 4, 8, 1, 5, 9, 2, 6, ...}");
    let _guard = tensor.storage().write().unwrap();
    assert_eq!(format!("{tensor:?}"), "i64[3, 4] {being written}");
    assert_eq!(format!("{:?}", Tensor::scalar(&allocator(), DType::BF16, 0.5).unwrap()), "bf16[] {0.5}");
}

#[test]
fn copies_between_views_of_one_storage_see_the_old_elements() {
    let tensor = counting(&[3, 3]);
    tensor.copy_from(&tensor.transpose(&[1, 0]).unwrap()).unwrap();
    assert_eq!(tensor.to_vec::<i64>().unwrap(), [0, 3, 6, 1, 4, 7, 2, 5, 8]);
    let row = counting(&[5]);
    let (low, high) = (row.slice(&[0], &[4], &[1]).unwrap(), row.slice(&[1], &[5], &[1]).unwrap());
    high.copy_from(&low).unwrap();
    assert_eq!(row.to_vec::<i64>().unwrap(), [0, 0, 1, 2, 3]);
    row.copy_from(&row.clone()).unwrap();
    assert_eq!(row.to_vec::<i64>().unwrap(), [0, 0, 1, 2, 3]);
}

#[test]
fn reshape_views_where_strides_permit() {
    let tensor = counting(&[2, 3, 4]);
    assert_eq!(tensor.reshape(shape(&[6, 1, 4])).unwrap().strides(), [4, 4, 1]);
    // Rows with a gap: the outer dimensions still join, the inner one still splits.
    let rows = tensor.slice(&[0, 0, 0], &[2, 3, 2], &[1, 1, 1]).unwrap();
    assert_eq!(rows.reshape(shape(&[6, 2])).unwrap().strides(), [4, 1]);
    assert_eq!(rows.reshape(shape(&[3, 2, 2, 1])).unwrap().strides(), [8, 4, 1, 1]);
    let error = rows.reshape(shape(&[12])).unwrap_err();
    assert_eq!(error.status(), Status::Unsupported);
    assert_eq!(error.message(), "i64[2, 3, 2] with strides [12, 4, 1] cannot be viewed as [12] without a copy");
    let error = tensor.reshape(shape(&[5, 5])).unwrap_err();
    assert_eq!(error.status(), Status::ShapeMismatch);
    assert_eq!(error.message(), "cannot reshape i64[2, 3, 4], which has 24 elements, to [5, 5], which has 25");
    let scalar = counting(&[1, 1]).reshape(Shape::SCALAR).unwrap();
    assert_eq!(scalar.item_f64().unwrap(), 0.0);
    assert_eq!(scalar.reshape(shape(&[1])).unwrap().shape(), &shape(&[1]));
}

#[test]
fn views_refuse_what_lies_outside() {
    let tensor = counting(&[2, 3]);
    for (result, message) in [
        (tensor.transpose(&[0]), "[0] is not a permutation of the 2 dimensions of i64[2, 3]"),
        (tensor.transpose(&[0, 0]), "[0, 0] is not a permutation of the 2 dimensions of i64[2, 3]"),
        (tensor.transpose(&[0, 2]), "[0, 2] is not a permutation of the 2 dimensions of i64[2, 3]"),
        (tensor.slice(&[0, 2], &[2, 4], &[1, 1]), "2..4 by 1 is not a slice of dimension 1 of i64[2, 3]"),
        (tensor.slice(&[2, 0], &[1, 1], &[1, 1]), "2..1 by 1 is not a slice of dimension 0 of i64[2, 3]"),
        (tensor.slice(&[0, 0], &[2, 3], &[1, 0]), "0..3 by 0 is not a slice of dimension 1 of i64[2, 3]"),
        (tensor.slice(&[0], &[2, 3], &[1, 1]), "a slice of i64[2, 3] needs 2 entries each, not 1 starts, 2 stops, 2 steps"),
    ] {
        let error = result.unwrap_err();
        assert_eq!((error.status(), error.message()), (Status::InvalidArgument, message));
    }
    let huge = tensor.slice(&[1, 2], &[2, 3], &[usize::MAX, usize::MAX]).unwrap();
    assert_eq!(huge.to_vec::<i64>().unwrap(), [5]);
}

#[test]
fn layouts_outside_the_storage_are_refused() {
    let storage = || Arc::new(Storage::zeroed(&allocator(), 48).unwrap());
    let make = |dims: &[usize], strides: &[isize], offset| Tensor::from_storage(storage(), DType::F64, shape(dims), strides, offset);
    assert!(make(&[2, 3], &[3, 1], 0).is_ok());
    assert!(make(&[2, 3], &[-3, -1], 5).is_ok());
    assert!(make(&[6, 6], &[0, 1], 0).is_ok());
    assert!(make(&[0, 6], &[9, 9], 99).is_ok());
    for (dims, strides, offset) in [
        (&[2, 3][..], &[3isize, 1][..], 1usize),
        (&[2, 3], &[-3, -1], 4),
        (&[2, 3], &[-3, -1], 6),
        (&[7], &[1], 0),
        (&[2], &[isize::MAX], 0),
        (&[2], &[isize::MIN], usize::MAX),
        (&[1], &[1], usize::MAX),
    ] {
        let error = make(dims, strides, offset).unwrap_err();
        assert_eq!(error.status(), Status::InvalidArgument);
        assert!(error.message().ends_with("does not fit a storage of 48 bytes"), "{error}");
    }
    assert_eq!(make(&[2, 3], &[1], 0).unwrap_err().message(), "1 strides for the 2 dimensions of [2, 3]");
}

#[test]
fn layouts_whose_elements_share_places_are_read_only() {
    let storage = Arc::new(Storage::zeroed(&allocator(), 96).unwrap());
    let make = |dims: &[usize], strides: &[isize]| Tensor::from_storage(storage.clone(), DType::F64, shape(dims), strides, 0).unwrap();
    for (dims, strides) in [(&[4usize, 3][..], &[0isize, 1][..]), (&[5, 3], &[2, 1]), (&[2, 2, 2], &[2, 1, 1])] {
        let tensor = make(dims, strides);
        let error = tensor.write_slice(&vec![1.0; tensor.shape().elements()]).unwrap_err();
        assert_eq!(error.status(), Status::InvalidArgument);
        assert!(error.message().contains("several elements share one place"), "{error}");
        assert_eq!(tensor.copy_from(&tensor.duplicate(&allocator()).unwrap()).unwrap_err(), error);
    }
    for (dims, strides) in [(&[4usize, 3][..], &[3isize, 1][..]), (&[3, 4], &[1, 3]), (&[1, 3], &[0, 1]), (&[2, 2], &[5, 2])] {
        assert!(make(dims, strides).check_writable().is_ok(), "{dims:?} {strides:?}");
    }
}

#[test]
fn bytes_are_lent_where_they_lie_in_order() {
    let tensor = counting(&[2, 2]);
    assert_eq!(tensor.with_bytes(<[u8]>::len), Some(32));
    assert_eq!(tensor.slice(&[1, 0], &[2, 2], &[1, 1]).unwrap().with_bytes(|bytes| bytes[0]), Some(2));
    assert_eq!(tensor.transpose(&[1, 0]).unwrap().with_bytes(<[u8]>::len), None);
}

#[test]
fn no_reader_sees_half_of_a_write() {
    fn is_shared<T: Send + Sync>() {}
    is_shared::<Tensor>();
    let tensor = counting(&[64]);
    let copy = counting(&[64]);
    tensor.write_slice(&[0i64; 64]).unwrap();
    std::thread::scope(|scope| {
        scope.spawn(|| (0..2000i64).for_each(|round| tensor.write_slice(&[round; 64]).unwrap()));
        scope.spawn(|| (0..500).for_each(|_| copy.copy_from(&tensor).unwrap()));
        for _ in 0..2000 {
            let elements = tensor.to_vec::<i64>().unwrap();
            assert!(elements.iter().all(|element| *element == elements[0]), "{elements:?}");
        }
    });
    let elements = copy.to_vec::<i64>().unwrap();
    assert!(elements.iter().all(|element| *element == elements[0]), "{elements:?}");
}

proptest! {
    /// Any chain of views reads what index arithmetic reads, survives a copy, a write through it, and a reshape.
    #[test]
    fn views_agree_with_index_arithmetic(
        dims in prop::collection::vec(1usize..5, 1..5),
        seeds in prop::collection::vec(any::<u32>(), 12),
    ) {
        let tensor = counting(&dims);
        let rank = dims.len();
        let mut permutation: Vec<usize> = (0..rank).collect();
        for (axis, seed) in seeds[..rank].iter().enumerate() {
            permutation.swap(axis, *seed as usize % rank);
        }
        let start: Vec<_> = (0..rank).map(|a| seeds[4 + a] as usize % dims[a]).collect();
        let step: Vec<_> = (0..rank).map(|a| 1 + seeds[8 + a] as usize % 3).collect();
        let view = tensor.slice(&start, &dims, &step).unwrap().transpose(&permutation).unwrap();
        let elements = by_index(&view);
        prop_assert_eq!(&view.to_vec::<i64>().unwrap(), &elements);

        let copy = view.duplicate(&allocator()).unwrap();
        prop_assert!(copy.is_contiguous());
        prop_assert_eq!(view.to_contiguous(&allocator()).unwrap() == view, view.is_contiguous());
        prop_assert_eq!(&by_index(&copy), &elements);

        if let Ok(flat) = view.reshape(shape(&[elements.len()])) {
            prop_assert_eq!(&by_index(&flat), &elements);
        } else {
            prop_assert!(!view.is_contiguous());
        }

        let negated: Vec<_> = elements.iter().map(|v| -v - 1).collect();
        view.write_slice(&negated).unwrap();
        prop_assert_eq!(&by_index(&view), &negated);
        let untouched = tensor.to_vec::<i64>().unwrap().into_iter().filter(|v| *v >= 0).count();
        prop_assert_eq!(untouched, tensor.shape().elements() - elements.len());
        view.copy_from(&copy).unwrap();
        prop_assert_eq!(tensor.to_vec::<i64>().unwrap(), (0..tensor.shape().elements() as i64).collect::<Vec<_>>());
    }
}
