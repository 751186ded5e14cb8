//! Chapter: tensors.

/// An n-dimensional value.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct TenonTensor {
    /// Says nothing to a host; never compute with it.
    pub id: u64,
}
