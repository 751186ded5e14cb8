//! Kernels over short runs of elements that lie in the first-level cache: the instructions of the tile interpreter.
//!
//! A kernel is chosen once, when a program is compiled, by operation, class and instruction set; what remains at run time is a call
//! through a pointer. Kernels are written once, generic over an instruction set's vector types ([`vector::Simd`]), and compiled for each.
//!
//! Within one level a result depends on the operands alone: never on alignment, on the position in the run, or on the length of the run.
//! Integers, comparisons, conversions, correctly rounded functions, f64 functions, and random numbers agree between levels in every bit;
//! f32 functions agree within their 2 ulp, sums up to rounding.

mod convert;
mod elementwise;
mod math;
mod random;
mod reduce;
mod staged;
mod tanh;
mod vector;
mod wide;

#[cfg(target_arch = "x86_64")]
mod avx2;
#[cfg(target_arch = "x86_64")]
mod avx512;
#[cfg(target_arch = "aarch64")]
mod neon;
mod portable;
#[cfg(test)]
mod tests;

use crate::ir::{Binary, Compare, Unary};
use crate::tensor::DType;

/// What a lane holds. f16 and bf16 compute as `F32`, u8 and bool (0 or 1) as `I32`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Class {
    F32,
    F64,
    I32,
    I64,
}

impl Class {
    pub const ALL: [Class; 4] = [Class::F32, Class::F64, Class::I32, Class::I64];

    /// Bytes of one lane.
    pub const fn size(self) -> usize {
        match self {
            Class::F32 | Class::I32 => 4,
            Class::F64 | Class::I64 => 8,
        }
    }
}

/// The class that elements of this type are computed in.
pub const fn class_of(dtype: DType) -> Class {
    match dtype {
        DType::F64 => Class::F64,
        DType::F32 | DType::F16 | DType::BF16 => Class::F32,
        DType::I64 => Class::I64,
        DType::I32 | DType::U8 | DType::Bool => Class::I32,
    }
}

/// An instruction set that kernels are compiled for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Level {
    /// The baseline of the architecture.
    Portable,
    /// x86-64 with AVX2, FMA and F16C.
    Avx2,
    /// x86-64 with AVX-512 F, BW, DQ and VL.
    Avx512,
    /// 64-bit Arm.
    Neon,
}

impl Level {
    /// The best level of this machine.
    pub fn detect() -> Level {
        *Level::available().last().unwrap_or(&Level::Portable)
    }

    /// All levels that this machine can run, from the lowest to the best.
    pub fn available() -> Vec<Level> {
        let mut levels = vec![Level::Portable];
        #[cfg(target_arch = "x86_64")]
        {
            let avx2 = is_x86_feature_detected!("avx2")
                && is_x86_feature_detected!("fma")
                && is_x86_feature_detected!("f16c")
                && is_x86_feature_detected!("bmi1")
                && is_x86_feature_detected!("bmi2");
            if avx2 {
                levels.push(Level::Avx2);
            }
            let avx512 = is_x86_feature_detected!("avx512f")
                && is_x86_feature_detected!("avx512bw")
                && is_x86_feature_detected!("avx512dq")
                && is_x86_feature_detected!("avx512vl");
            if avx2 && avx512 {
                levels.push(Level::Avx512);
            }
        }
        #[cfg(target_arch = "aarch64")]
        levels.push(Level::Neon);
        levels
    }

    /// Lower-case name, as in options and reports.
    pub const fn name(self) -> &'static str {
        match self {
            Level::Portable => "portable",
            Level::Avx2 => "avx2",
            Level::Avx512 => "avx512",
            Level::Neon => "neon",
        }
    }
}

/// An elementwise operation on tiles.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum TileOp {
    /// `Not` is bitwise in every class: a bool is inverted by comparing it with 0, a u8 by `Xor` with 255. `IsNan`, `IsInf`, `IsFinite` and
    /// `Signbit` give I32 lanes of 0 or 1.
    Unary(Unary),
    /// Integers wrap; a quotient or remainder by zero is 0; an integer to a negative power is 0 but for the bases 1 and -1.
    Binary(Binary),
    /// I32 lanes of 0 or 1.
    Compare(Compare),
    /// (condition: I32 lanes, a, b): a where the condition is not zero, else b.
    Select,
    /// a * b + c, rounded once where the level has a fused instruction (all but `Portable`).
    MulAdd,
    /// c - a * b, as `MulAdd`.
    NegMulAdd,
    /// a * b - c, as `MulAdd`.
    MulSub,
    /// e^(a - b), floats; b is scalar.
    ExpOfDifference,
    /// a * (b - c), floats; c is scalar.
    MulDifference,
    /// To another class, as Rust's `as`: floats to integers truncate and saturate, NaN becomes 0; i64 to i32 keeps the low bits.
    Convert(Class),
    /// The operand; with a scalar operand, a fill.
    Copy,
    /// Class F32, lanes are 32-bit words as they come from a random stream: a standard normal number from each (see the source of `random`
    /// for the formula). The same bits at every level.
    NormalFromBits,
    /// As `NormalFromBits`: a number in [0, 1), a multiple of 2^-24.
    UniformFromBits,
}

/// `(n, target, a, b, c)`: n elements from the operands to the target.
///
/// Pointers need no alignment. The target may be equal to an operand of the same lane width, and otherwise overlaps none. Pointers of
/// operands that the operation does not have are not looked at.
///
/// # Safety
/// The machine runs the level; the target is writable for n elements, each operand readable for n elements, or for one if it is scalar.
pub type Kernel = unsafe fn(n: usize, target: *mut u8, a: *const u8, b: *const u8, c: *const u8);

/// `(rows, columns, target, source)`: one element for each row of a dense source, or, for [`expand_rows`], one row for each element.
///
/// # Safety
/// The machine runs the level; both sides hold what the numbers say and do not overlap. No alignment is needed.
pub type RowReduce = unsafe fn(rows: usize, columns: usize, target: *mut u8, source: *const u8);

/// `(rows, columns, sums, source)`: joins each row of a dense source to the row of sums, in ascending order of rows.
///
/// # Safety
/// As for [`RowReduce`].
pub type ColumnReduce = unsafe fn(rows: usize, columns: usize, sums: *mut u8, source: *const u8);

/// `(n, target, start, step)`: target\[i\] = start + i * step.
///
/// # Safety
/// The machine runs the level; the target is writable for n elements. No alignment is needed.
pub type Fill = unsafe fn(n: usize, target: *mut u8, start: i64, step: i64);

/// How a row or column becomes one element. `any` and `all` are `Max` and `Min` of I32 lanes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum RowOp {
    Sum,
    Prod,
    /// NaN if any element is NaN; the lowest number (floats: -inf) for none.
    Max,
    /// NaN if any element is NaN; the highest number (floats: inf) for none.
    Min,
    /// I64 position of the first largest element, NaN counting as largest; 0 for none. Not for columns.
    ArgMax,
    /// I64 position of the first smallest element, NaN counting as smallest; 0 for none. Not for columns.
    ArgMin,
}

/// Calls a function that is generic over the instruction set. A level of another architecture has no machine to run on here and stands for
/// the portable one.
macro_rules! dispatch {
    ($level:expr, $($function:ident)::+ ($($argument:expr),*)) => {
        match $level {
            #[cfg(target_arch = "x86_64")]
            Level::Avx2 => $($function)::+::<avx2::Avx2>($($argument),*),
            #[cfg(target_arch = "x86_64")]
            Level::Avx512 => $($function)::+::<avx512::Avx512>($($argument),*),
            #[cfg(target_arch = "aarch64")]
            Level::Neon => $($function)::+::<neon::Neon>($($argument),*),
            _ => $($function)::+::<portable::Portable>($($argument),*),
        }
    };
}

/// The kernel of an operation on operands of a class (for `Select`: of a and b). `scalar[i]` says that operand i is one element for all.
/// None if the class does not have the operation, or an operand that does not exist is called scalar. Unary operations take none but `Copy`.
pub fn kernel(level: Level, operation: TileOp, class: Class, scalar: [bool; 3]) -> Option<Kernel> {
    dispatch!(level, elementwise::kernel(operation, class, scalar))
}

/// The kernel from stored elements (operand a) to lanes of their class.
pub fn load(level: Level, dtype: DType) -> Kernel {
    dispatch!(level, convert::load(dtype))
}

/// The kernel from lanes (operand a) to stored elements: 16-bit floats round to nearest even, u8 keeps the low 8 bits, bool is 1 for
/// whatever is not 0.
pub fn store(level: Level, dtype: DType) -> Kernel {
    dispatch!(level, convert::store(dtype))
}

/// The kernel that reduces rows. Its tree depends on the number of columns and the level, never on the number of rows.
pub fn row_reduce(level: Level, operation: RowOp, class: Class) -> Option<RowReduce> {
    dispatch!(level, reduce::rows(operation, class))
}

/// The kernel that joins rows to a row of partial results. None for positions.
pub fn column_reduce(level: Level, operation: RowOp, class: Class) -> Option<ColumnReduce> {
    dispatch!(level, reduce::columns(operation, class))
}

/// The kernel that repeats each element of the source `columns` times.
pub fn expand_rows(level: Level, class: Class) -> RowReduce {
    dispatch!(level, reduce::expand(class))
}

/// The kernel that counts: start + i * step, integers wrapping, floats converted from the i64 value.
pub fn iota(level: Level, class: Class) -> Fill {
    dispatch!(level, reduce::iota(class))
}
