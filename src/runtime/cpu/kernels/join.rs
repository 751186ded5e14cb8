//! How updates join what lies at their places: one small loop for each kind and dtype, which the kernels call through a pointer.

use super::Shared;
use super::element::{Element, get, set, with_element, with_size};
use crate::ir::ScatterKind;
use crate::tensor::DType;

/// The loops of one kind and dtype.
#[derive(Clone, Copy)]
pub(super) struct Join {
    /// (target, source, count): each of `count` elements of the source joins its own of the target.
    ///
    /// # Safety
    /// Both have `count` elements of the dtype.
    pub row: unsafe fn(*mut u8, *const u8, usize),
    /// (target, source, places): each element of the source joins the one of the target that its place names, in their order.
    ///
    /// # Safety
    /// The source has as many elements as there are places, and the target one at each.
    pub places: unsafe fn(*mut u8, *const u8, &[usize]),
}

/// The loops that join elements of type `$type` by `$join`.
macro_rules! join {
    ($type:ty, $join:expr) => {{
        unsafe fn row(target: *mut u8, source: *const u8, count: usize) {
            for i in 0..count {
                // SAFETY: the caller's promise.
                unsafe { set::<$type>(target, i, $join(get::<$type>(target, i), get::<$type>(source, i))) }
            }
        }
        unsafe fn places(target: *mut u8, source: *const u8, places: &[usize]) {
            for (i, place) in places.iter().enumerate() {
                // SAFETY: the caller's promise.
                unsafe { set::<$type>(target, *place, $join(get::<$type>(target, *place), get::<$type>(source, i))) }
            }
        }
        Join { row, places }
    }};
}

impl Join {
    pub(super) fn new(kind: ScatterKind, dtype: DType) -> Join {
        match kind {
            ScatterKind::Replace => with_size!(dtype, T => join!(T, |_, new| new)),
            ScatterKind::Add => with_element!(dtype, T => join!(T, T::add)),
            ScatterKind::Mul => with_element!(dtype, T => join!(T, T::mul)),
            ScatterKind::Max => with_element!(dtype, T => join!(T, T::larger)),
            ScatterKind::Min => with_element!(dtype, T => join!(T, T::smaller)),
        }
    }
}

/// Puts what is there before the updates: `count` elements of `x` from `first` on, or its one element as often.
///
/// # Safety
/// `x` holds them, `out` has room for them, and elements are of the dtype.
pub(super) unsafe fn start(dtype: DType, fills: bool, x: Shared, out: Shared, first: usize, count: usize) {
    let size = dtype.size();
    // SAFETY: the caller's promise.
    unsafe {
        if fills {
            with_size!(dtype, T => {
                let fill: T = get(x.get(), 0);
                (first..first + count).for_each(|i| set(out.get(), i, fill));
            });
        } else {
            std::ptr::copy_nonoverlapping(x.get().add(first * size).cast_const(), out.get().add(first * size), count * size);
        }
    }
}
