//! Single numbers to and from bytes, and the conversions between dtypes that keep a number's meaning.

use crate::error::{Error, Result};
use crate::tensor::DType;
use half::{bf16, f16};

/// A number as an element, in the machine's byte order; the first `dtype.size()` bytes count.
///
/// Floats round to nearest, ties to even. Integers drop the fraction and saturate; NaN becomes 0. A boolean is true unless the number is 0.
pub(crate) fn encode(dtype: DType, value: f64) -> [u8; 8] {
    let mut bytes = [0; 8];
    let mut put = |element: &[u8]| bytes[..element.len()].copy_from_slice(element);
    match dtype {
        DType::F64 => put(&value.to_ne_bytes()),
        DType::F32 => put(&(value as f32).to_ne_bytes()),
        DType::F16 => put(&f16_from(value).to_ne_bytes()),
        DType::BF16 => put(&bf16_from(value).to_ne_bytes()),
        DType::I64 => put(&(value as i64).to_ne_bytes()),
        DType::I32 => put(&(value as i32).to_ne_bytes()),
        DType::U8 => put(&[value as u8]),
        DType::Bool => put(&[(value != 0.0) as u8]),
    }
    bytes
}

/// An element as a number. i64 beyond 2^53 rounds.
///
/// # Panics
/// If `bytes` is not one element long.
pub(crate) fn decode(dtype: DType, bytes: &[u8]) -> f64 {
    match dtype {
        DType::F64 => f64::from_ne_bytes(exact(bytes)),
        DType::F32 => f32::from_ne_bytes(exact(bytes)) as f64,
        DType::F16 => f16::from_ne_bytes(exact(bytes)).to_f64(),
        DType::BF16 => bf16::from_ne_bytes(exact(bytes)).to_f64(),
        DType::I64 | DType::I32 | DType::U8 => decode_int(dtype, bytes) as f64,
        DType::Bool => (bytes[0] != 0) as u8 as f64,
    }
}

/// An element for a person to read.
pub(crate) fn text(dtype: DType, bytes: &[u8]) -> String {
    match dtype {
        DType::F32 => format!("{:?}", f32::from_ne_bytes(exact(bytes))),
        DType::F64 | DType::F16 | DType::BF16 => format!("{:?}", decode(dtype, bytes)),
        DType::I64 | DType::I32 | DType::U8 => decode_int(dtype, bytes).to_string(),
        DType::Bool => (bytes[0] != 0).to_string(),
    }
}

/// Whether [`convert`] goes from one dtype to the other: between floats, and between integers. Booleans are neither.
pub fn is_convertible(from: DType, to: DType) -> bool {
    from == to || (from.is_float() && to.is_float()) || (from.is_int() && to.is_int())
}

/// Elements of dtype `from` as elements of dtype `to`, both packed in the machine's byte order.
///
/// Floats round to nearest, ties to even; what lies beyond the range becomes infinite. An integer that does not fit fails
/// with INVALID_ARGUMENT, which names it; `target` is then partly written. Fails with DTYPE_MISMATCH where
/// [`is_convertible`] says no, and with INVALID_ARGUMENT if the lengths do not fit together.
pub fn convert(from: DType, source: &[u8], to: DType, target: &mut [u8]) -> Result<()> {
    if !is_convertible(from, to) {
        return Err(Error::dtype(format!("{from} does not convert to {to}: floats convert to floats, integers to integers")));
    }
    let (count, rest) = (source.len() / from.size(), source.len() % from.size());
    if rest != 0 || !target.len().is_multiple_of(to.size()) || target.len() / to.size() != count {
        let (have, want) = (source.len(), target.len());
        return Err(Error::invalid(format!(
            "{have} bytes of {from} do not convert to {want} bytes of {to}: the numbers of elements differ"
        )));
    }
    if from == to {
        target.copy_from_slice(source);
        return Ok(());
    }
    let pairs = source.chunks_exact(from.size()).zip(target.chunks_exact_mut(to.size()));
    if from.is_float() {
        for (element, out) in pairs {
            out.copy_from_slice(&encode(to, decode(from, element))[..to.size()]);
        }
        return Ok(());
    }
    for (index, (element, out)) in pairs.enumerate() {
        let value = decode_int(from, element);
        out.copy_from_slice(&encode_int(to, value).ok_or_else(|| does_not_fit(value, index, to))?[..to.size()]);
    }
    Ok(())
}

/// Whether [`convert`] would succeed on these elements, without a place to put them.
pub fn check_convertible(from: DType, source: &[u8], to: DType) -> Result<()> {
    if from.is_int() && to.is_int() && to.size() < from.size() {
        for (index, element) in source.chunks_exact(from.size()).enumerate() {
            let value = decode_int(from, element);
            encode_int(to, value).ok_or_else(|| does_not_fit(value, index, to))?;
        }
    }
    convert(from, &[], to, &mut [])
}

fn does_not_fit(value: i64, index: usize, to: DType) -> Error {
    Error::invalid(format!("{value}, element {index}, does not fit {to}"))
}

fn decode_int(dtype: DType, bytes: &[u8]) -> i64 {
    match dtype {
        DType::I64 => i64::from_ne_bytes(exact(bytes)),
        DType::I32 => i32::from_ne_bytes(exact(bytes)) as i64,
        _ => bytes[0] as i64,
    }
}

fn encode_int(dtype: DType, value: i64) -> Option<[u8; 8]> {
    let mut bytes = [0; 8];
    match dtype {
        DType::I64 => bytes = value.to_ne_bytes(),
        DType::I32 => bytes[..4].copy_from_slice(&i32::try_from(value).ok()?.to_ne_bytes()),
        _ => bytes[0] = u8::try_from(value).ok()?,
    }
    Some(bytes)
}

fn exact<const N: usize>(bytes: &[u8]) -> [u8; N] {
    bytes.try_into().expect("one element")
}

/// Rounded once, to nearest even. `f16::from_f64` may round twice, by way of f32, where the machine has only that instruction.
fn f16_from(value: f64) -> f16 {
    f16::from_f32(round_to_odd(value))
}

fn bf16_from(value: f64) -> bf16 {
    bf16::from_f32(round_to_odd(value))
}

/// The f32 that keeps a trace of what it lost: of the two neighbours of an inexact value, the one with an odd last bit. Rounding it
/// again to a format at least two bits shorter gives what rounding once would have given.
fn round_to_odd(value: f64) -> f32 {
    let nearest = value as f32;
    if nearest as f64 == value || value.is_nan() || nearest.to_bits() & 1 == 1 {
        return nearest;
    }
    if (nearest as f64) < value { nearest.next_up() } else { nearest.next_down() }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::Status;
    use proptest::prelude::*;

    fn through(dtype: DType, value: f64) -> f64 {
        decode(dtype, &encode(dtype, value)[..dtype.size()])
    }

    #[test]
    fn scalars_follow_the_rules_of_each_dtype() {
        assert_eq!(through(DType::F64, 0.1), 0.1);
        assert_eq!(through(DType::F32, 0.1), 0.1f32 as f64);
        assert_eq!(through(DType::F16, 65519.0), 65504.0);
        assert_eq!(through(DType::F16, 65520.0), f64::INFINITY);
        assert_eq!(through(DType::BF16, 1.0 + 1.0 / 256.0), 1.0);
        assert_eq!(through(DType::I64, -2.9), -2.0);
        assert_eq!(through(DType::I32, 1e12), i32::MAX as f64);
        assert_eq!(through(DType::I32, f64::NAN), 0.0);
        assert_eq!(through(DType::U8, -3.0), 0.0);
        assert_eq!(through(DType::U8, 300.0), 255.0);
        assert_eq!(through(DType::Bool, -0.0), 0.0);
        assert_eq!(through(DType::Bool, f64::NAN), 1.0);
        assert!(through(DType::F16, f64::NAN).is_nan() && through(DType::BF16, f64::NAN).is_nan());
        assert_eq!(text(DType::F32, &0.1f32.to_ne_bytes()), "0.1");
        assert_eq!(text(DType::I64, &i64::MAX.to_ne_bytes()), "9223372036854775807");
        assert_eq!(text(DType::Bool, &[1]), "true");
    }

    #[test]
    fn sixteen_bit_floats_round_once() {
        // A hair above the middle between 1 and its successor in f16: by way of a nearest f32 it would become the middle, then even.
        let value = 1.0 + 2f64.powi(-11) + 2f64.powi(-40);
        assert_eq!(through(DType::F16, value), 1.0 + 2f64.powi(-10));
        assert_eq!(through(DType::F16, -value), -1.0 - 2f64.powi(-10));
        assert_eq!(through(DType::F16, 1.0 + 2f64.powi(-11)), 1.0);
        let value = 1.0 + 2f64.powi(-8) + 2f64.powi(-40);
        assert_eq!(through(DType::BF16, value), 1.0 + 2f64.powi(-7));
        assert_eq!(through(DType::F16, 1e300), f64::INFINITY);
        assert_eq!(through(DType::BF16, f64::NEG_INFINITY), f64::NEG_INFINITY);
        assert_eq!(through(DType::F16, 1e-300), 0.0);
        // Just above half of the smallest subnormal.
        assert_eq!(through(DType::F16, 2f64.powi(-25) + 2f64.powi(-60)), 2f64.powi(-24));
        assert_eq!(through(DType::F16, 2f64.powi(-25)), 0.0);
    }

    proptest! {
        #[test]
        fn f16_is_the_nearest_of_its_neighbours(value in -70000f64..70000.0) {
            let rounded = f16_from(value);
            if rounded.is_finite() {
                let distance = (rounded.to_f64() - value).abs();
                for neighbour in [rounded.to_bits().wrapping_add(1), rounded.to_bits().wrapping_sub(1)].map(f16::from_bits) {
                    let other = (neighbour.to_f64() - value).abs();
                    prop_assert!(other.is_nan() || other >= distance, "{value}: {rounded} is farther than {neighbour}");
                    prop_assert!(other != distance || rounded.to_bits() & 1 == 0, "{value}: a tie to odd");
                }
            } else {
                prop_assert!(value.abs() >= 65520.0);
            }
        }

        #[test]
        fn every_f16_and_bf16_comes_back_from_wider_floats(bits: u16, wide in prop::sample::select(vec![DType::F32, DType::F64])) {
            for narrow in [DType::F16, DType::BF16] {
                let source = bits.to_ne_bytes();
                let (mut between, mut back) = (vec![0; wide.size()], [0; 2]);
                convert(narrow, &source, wide, &mut between).unwrap();
                convert(wide, &between, narrow, &mut back).unwrap();
                if decode(narrow, &source).is_nan() {
                    prop_assert!(decode(narrow, &back).is_nan());
                } else {
                    prop_assert_eq!(back, source);
                }
            }
        }
    }

    #[test]
    fn integers_convert_where_they_fit() {
        let source: Vec<u8> = [1i64, -5, 70_000].iter().flat_map(|v| v.to_ne_bytes()).collect();
        let mut target = [0u8; 12];
        convert(DType::I64, &source, DType::I32, &mut target).unwrap();
        assert_eq!(target.as_chunks::<4>().0.iter().map(|b| i32::from_ne_bytes(*b)).collect::<Vec<_>>(), [1, -5, 70_000]);
        check_convertible(DType::I64, &source, DType::I32).unwrap();
        let error = convert(DType::I64, &source, DType::U8, &mut [0; 3]).unwrap_err();
        assert_eq!((error.status(), error.message()), (Status::InvalidArgument, "-5, element 1, does not fit u8"));
        assert_eq!(check_convertible(DType::I64, &source, DType::U8).unwrap_err(), error);
        let mut wide = [0u8; 16];
        convert(DType::U8, &[200, 3], DType::I64, &mut wide).unwrap();
        assert_eq!(i64::from_ne_bytes(wide[..8].try_into().unwrap()), 200);
    }

    #[test]
    fn other_conversions_are_refused() {
        for (from, to) in [(DType::F32, DType::I32), (DType::I64, DType::F64), (DType::Bool, DType::U8), (DType::U8, DType::Bool)] {
            assert!(!is_convertible(from, to));
            let error = convert(from, &[], to, &mut []).unwrap_err();
            assert_eq!(error.status(), Status::DtypeMismatch);
            assert_eq!(error.message(), format!("{from} does not convert to {to}: floats convert to floats, integers to integers"));
            assert_eq!(check_convertible(from, &[], to).unwrap_err(), error);
        }
        for target in [0, 3, 4, 12] {
            let error = convert(DType::F64, &[0; 16], DType::F32, &mut vec![0; target]).unwrap_err();
            assert_eq!(error.status(), Status::InvalidArgument);
        }
        assert!(convert(DType::F64, &[0; 15], DType::F32, &mut [0; 8]).is_err());
    }
}
