//! One element at a time: functions of one and two numbers, comparison, selection, and casts.

use super::{Array, Data};
use crate::error::{Error, Result};
use crate::ir::{Binary, Compare, Unary};
use crate::ops::{scalar, unary_definition};
use crate::tensor::DType;

fn mixed() -> Error {
    Error::internal("operands of different kinds")
}

pub(super) fn unary(op: Unary, result: DType, x: &Array) -> Data {
    match &x.data {
        Data::Floats(data) if result == DType::Bool => Data::Ints(data.iter().map(|x| unary_definition(op)(*x) as i64).collect()),
        Data::Floats(data) => Data::Floats(data.iter().map(|x| unary_definition(op)(*x)).collect()),
        Data::Ints(data) => Data::Ints(data.iter().map(|value| unary_int(op, x.ty.dtype, *value)).collect()),
    }
}

fn unary_int(op: Unary, dtype: DType, x: i64) -> i64 {
    match op {
        Unary::Neg => x.wrapping_neg(),
        Unary::Abs => x.wrapping_abs(),
        Unary::Sign => x.signum(),
        Unary::Relu => x.max(0),
        Unary::Not if dtype == DType::Bool => 1 - x,
        Unary::Not => !x,
        // The shape rule lets nothing else through.
        _ => x,
    }
}

/// The larger, NaN if either is.
pub(super) fn larger(a: f64, b: f64) -> f64 {
    if a.is_nan() || a > b { a } else { b }
}

/// The smaller, NaN if either is.
pub(super) fn smaller(a: f64, b: f64) -> f64 {
    if a.is_nan() || a < b { a } else { b }
}

pub(super) fn binary(op: Binary, a: &Array, b: &Array) -> Result<Data> {
    match (&a.data, &b.data) {
        (Data::Floats(x), Data::Floats(y)) => {
            Ok(Data::Floats(x.iter().zip(y).map(|(x, y)| binary_float(op, a.ty.dtype, *x, *y)).collect()))
        }
        (Data::Ints(x), Data::Ints(y)) => Ok(Data::Ints(x.iter().zip(y).map(|(x, y)| binary_int(op, *x, *y)).collect())),
        _ => Err(mixed()),
    }
}

fn binary_float(op: Binary, dtype: DType, a: f64, b: f64) -> f64 {
    match op {
        Binary::Add => a + b,
        Binary::Sub => a - b,
        Binary::Mul => a * b,
        Binary::Div => a / b,
        Binary::Rem => a % b,
        Binary::Pow => a.powf(b),
        Binary::Max => larger(a, b),
        Binary::Min => smaller(a, b),
        Binary::Atan2 => a.atan2(b),
        Binary::Hypot => a.hypot(b),
        // The neighbour depends on the dtype.
        Binary::NextAfter if dtype == DType::F64 => scalar::next_after_f64(a, b),
        Binary::NextAfter => scalar::next_after_f32(a as f32, b as f32) as f64,
        Binary::Zeta => scalar::zeta(a, b),
        Binary::Igamma => scalar::incomplete_gamma(a, b).0,
        Binary::Igammac => scalar::incomplete_gamma(a, b).1,
        Binary::LogGammaSlope => scalar::log_gamma_slope(a, b),
        // The shape rule lets nothing else through.
        Binary::And | Binary::Or | Binary::Xor | Binary::Shl | Binary::Shr | Binary::Gcd => f64::NAN,
    }
}

fn binary_int(op: Binary, a: i64, b: i64) -> i64 {
    match op {
        Binary::Add => a.wrapping_add(b),
        Binary::Sub => a.wrapping_sub(b),
        Binary::Mul => a.wrapping_mul(b),
        Binary::Div if b == 0 => 0,
        Binary::Div => a.wrapping_div(b),
        Binary::Rem if b == 0 => 0,
        Binary::Rem => a.wrapping_rem(b),
        Binary::Pow => power(a, b),
        Binary::Max => a.max(b),
        Binary::Min => a.min(b),
        Binary::And => a & b,
        Binary::Or => a | b,
        Binary::Xor => a ^ b,
        Binary::Shl => {
            if (0..64).contains(&b) {
                a << b
            } else {
                0
            }
        }
        Binary::Shr => a >> if (0..64).contains(&b) { b } else { 63 },
        Binary::Gcd => scalar::greatest_common_divisor(a, b),
        // The shape rule lets nothing else through.
        Binary::Atan2 | Binary::Hypot | Binary::NextAfter | Binary::Zeta | Binary::Igamma | Binary::Igammac | Binary::LogGammaSlope => 0,
    }
}

/// a^b, wrapping; below b = 0 the whole part of the fraction 1 / a^-b, which is 0 for a = 0.
fn power(a: i64, b: i64) -> i64 {
    match (a, b) {
        (_, 0..) => {
            let (mut result, mut base, mut left) = (1i64, a, b);
            while left > 0 {
                if left & 1 == 1 {
                    result = result.wrapping_mul(base);
                }
                base = base.wrapping_mul(base);
                left >>= 1;
            }
            result
        }
        (1, _) => 1,
        (-1, _) => 1 - 2 * (b & 1),
        _ => 0,
    }
}

pub(super) fn compare(op: Compare, a: &Array, b: &Array) -> Result<Data> {
    fn holds<T: PartialOrd>(op: Compare, a: T, b: T) -> i64 {
        let holds = match op {
            Compare::Eq => a == b,
            Compare::Ne => a != b,
            Compare::Lt => a < b,
            Compare::Le => a <= b,
            Compare::Gt => a > b,
            Compare::Ge => a >= b,
        };
        holds as i64
    }
    match (&a.data, &b.data) {
        (Data::Floats(x), Data::Floats(y)) => Ok(Data::Ints(x.iter().zip(y).map(|(x, y)| holds(op, *x, *y)).collect())),
        (Data::Ints(x), Data::Ints(y)) => Ok(Data::Ints(x.iter().zip(y).map(|(x, y)| holds(op, *x, *y)).collect())),
        _ => Err(mixed()),
    }
}

pub(super) fn select(condition: &Array, a: &Array, b: &Array) -> Result<Data> {
    let condition = condition.ints()?;
    let choose = |index: usize| condition[index] != 0;
    match (&a.data, &b.data) {
        (Data::Floats(x), Data::Floats(y)) => Ok(Data::Floats((0..x.len()).map(|i| if choose(i) { x[i] } else { y[i] }).collect())),
        (Data::Ints(x), Data::Ints(y)) => Ok(Data::Ints((0..x.len()).map(|i| if choose(i) { x[i] } else { y[i] }).collect())),
        _ => Err(mixed()),
    }
}

/// Floats go to integers without their fraction, saturating, NaN as 0; integers go to integers by their low bits; to bool: not zero.
pub(super) fn cast(x: &Array, dtype: DType) -> Data {
    match (&x.data, dtype) {
        (Data::Floats(data), DType::Bool) => Data::Ints(data.iter().map(|x| (*x != 0.0) as i64).collect()),
        (Data::Ints(data), DType::Bool) => Data::Ints(data.iter().map(|x| (*x != 0) as i64).collect()),
        (Data::Floats(data), DType::I64) => Data::Ints(data.iter().map(|x| *x as i64).collect()),
        (Data::Floats(data), DType::I32) => Data::Ints(data.iter().map(|x| *x as i32 as i64).collect()),
        (Data::Floats(data), DType::U8) => Data::Ints(data.iter().map(|x| *x as u8 as i64).collect()),
        (Data::Floats(data), _) => Data::Floats(data.clone()),
        (Data::Ints(data), DType::F64) => Data::Floats(data.iter().map(|x| *x as f64).collect()),
        (Data::Ints(data), DType::F32 | DType::F16 | DType::BF16) => Data::Floats(data.iter().map(|x| with_trace(*x)).collect()),
        (Data::Ints(data), _) => Data::Ints(data.clone()),
    }
}

/// An f64 that rounds to a smaller float as x itself does: beyond 53 bits, a last bit that is set says that something was lost.
fn with_trace(x: i64) -> f64 {
    if x.unsigned_abs() < 1 << 53 {
        return x as f64;
    }
    let (high, low) = (x & !0xfff, x & 0xfff);
    (high | if low == 0 { 0 } else { 0x800 }) as f64
}
