//! The eight element types.

use crate::error::{Error, Result};
use std::fmt;

/// The type of a tensor's elements. Numbers are part of the C ABI.
#[repr(i32)]
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum DType {
    F64 = 1,
    F32 = 2,
    F16 = 3,
    BF16 = 4,
    I64 = 5,
    I32 = 6,
    U8 = 7,
    /// One byte, 0 or 1.
    Bool = 8,
}

impl DType {
    pub const ALL: [DType; 8] = [DType::F64, DType::F32, DType::F16, DType::BF16, DType::I64, DType::I32, DType::U8, DType::Bool];

    /// Bytes of one element.
    pub const fn size(self) -> usize {
        match self {
            DType::F64 | DType::I64 => 8,
            DType::F32 | DType::I32 => 4,
            DType::F16 | DType::BF16 => 2,
            DType::U8 | DType::Bool => 1,
        }
    }
    pub const fn is_float(self) -> bool {
        matches!(self, DType::F64 | DType::F32 | DType::F16 | DType::BF16)
    }
    pub const fn is_int(self) -> bool {
        matches!(self, DType::I64 | DType::I32 | DType::U8)
    }
    pub const fn name(self) -> &'static str {
        match self {
            DType::F64 => "f64",
            DType::F32 => "f32",
            DType::F16 => "f16",
            DType::BF16 => "bf16",
            DType::I64 => "i64",
            DType::I32 => "i32",
            DType::U8 => "u8",
            DType::Bool => "bool",
        }
    }
    /// The dtype of a number that crossed the C boundary.
    pub fn from_code(code: i32) -> Result<DType> {
        DType::ALL.into_iter().find(|d| *d as i32 == code).ok_or_else(|| Error::invalid(format!("{code} is not a dtype")))
    }
}

impl fmt::Display for DType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// Rust types that are tensor elements as they stand. `bool` is one byte, 0 or 1.
///
/// # Safety
/// `DTYPE` must describe the memory of `Self`, and every bit pattern that the library stores for it must be valid.
pub unsafe trait Element: Copy + Send + Sync + 'static {
    const DTYPE: DType;
}

macro_rules! elements {
    ($($ty:ty => $dtype:ident),* $(,)?) => {$(
        // SAFETY: size and meaning agree; booleans are only ever written as 0 or 1.
        unsafe impl Element for $ty {
            const DTYPE: DType = DType::$dtype;
        }
    )*};
}
elements!(f64 => F64, f32 => F32, half::f16 => F16, half::bf16 => BF16, i64 => I64, i32 => I32, u8 => U8, bool => Bool);
