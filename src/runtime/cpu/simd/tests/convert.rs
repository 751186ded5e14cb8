//! Conversions between classes, and between classes and storage.

use super::*;
use half::{bf16, f16};

fn matches<A: Plain, B: Plain>(cast: impl Fn(A) -> B) {
    let x = values::<A>(20, 5000);
    for level in Level::available() {
        let got: Vec<B> = unary(kernel(level, TileOp::Convert(B::CLASS), A::CLASS, [false; 3]).unwrap(), &x);
        for (x, got) in x.iter().zip(got) {
            assert_eq!(got.bits(), cast(*x).bits(), "{x:?} to {:?} at {}: {got:?}", B::CLASS, level.name());
        }
    }
}

#[test]
fn classes_convert_as_rust_does() {
    matches::<f32, i32>(|x| x as i32);
    matches::<f32, i64>(|x| x as i64);
    matches::<f32, f64>(|x| x as f64);
    matches::<f64, f32>(|x| x as f32);
    matches::<f64, i32>(|x| x as i32);
    matches::<f64, i64>(|x| x as i64);
    matches::<i32, f32>(|x| x as f32);
    matches::<i32, f64>(|x| x as f64);
    matches::<i32, i64>(|x| x as i64);
    matches::<i64, f32>(|x| x as f32);
    matches::<i64, f64>(|x| x as f64);
    matches::<i64, i32>(|x| x as i32);
}

#[test]
fn floats_saturate_at_the_ends_of_integers() {
    let x = [2147483520.0f32, 2147483648.0, -2147483648.0, -2147483904.0, 9.2233715e18, 9.223372e18, -9.223372e18, -9.3e18, f32::NAN];
    let wide = x.map(|x| x as f64);
    let near = [2147483647.0, 2147483647.5, 2147483648.0, -2147483648.5, -2147483649.0, 9.223372036854775e18, 9.223372036854776e18];
    for level in Level::available() {
        let convert = |from, to| kernel(level, TileOp::Convert(to), from, [false; 3]).unwrap();
        assert_eq!(unary::<f32, i32>(convert(Class::F32, Class::I32), &x), x.map(|x| x as i32));
        assert_eq!(unary::<f32, i64>(convert(Class::F32, Class::I64), &x), x.map(|x| x as i64));
        assert_eq!(unary::<f64, i32>(convert(Class::F64, Class::I32), &wide), wide.map(|x| x as i32));
        assert_eq!(unary::<f64, i64>(convert(Class::F64, Class::I64), &wide), wide.map(|x| x as i64));
        assert_eq!(unary::<f64, i32>(convert(Class::F64, Class::I32), &near), near.map(|x| x as i32));
        assert_eq!(unary::<f64, i64>(convert(Class::F64, Class::I64), &near), near.map(|x| x as i64));
    }
}

#[test]
fn every_16_bit_float_goes_in_and_out() {
    let words: Vec<u16> = (0..=u16::MAX).collect();
    for level in Level::available() {
        for dtype in [DType::F16, DType::BF16] {
            let reference = |word| if dtype == DType::F16 { f16::from_bits(word).to_f32() } else { bf16::from_bits(word).to_f32() };
            let lanes: Vec<f32> = unary(load(level, dtype), &words);
            let back: Vec<u16> = unary(store(level, dtype), &lanes);
            for (i, word) in words.iter().enumerate() {
                let expected = reference(*word);
                assert_eq!(lanes[i].bits(), expected.bits(), "{dtype} {word:#06x} at {}", level.name());
                if expected.is_nan() {
                    assert!(reference(back[i]).is_nan(), "{dtype} {word:#06x} at {}: {:#06x}", level.name(), back[i]);
                } else {
                    assert_eq!(back[i], *word, "{dtype} at {}", level.name());
                }
            }
        }
    }
}

#[test]
fn stores_round_to_nearest_even() {
    // All neighbourhoods of halfway points of both formats, and a sample of everything.
    let mut x: Vec<f32> =
        (0..=u16::MAX as u32).flat_map(|high| [0x7fff, 0x8000, 0x8001].map(|low| f32::from_bits(high << 16 | low))).collect();
    x.extend((0..1u32 << 19).flat_map(|high| [0x0fff, 0x1000, 0x1001].map(|low| f32::from_bits(high << 13 | low))));
    x.extend((0..=u32::MAX).step_by(10007).map(f32::from_bits));
    for level in Level::available() {
        let half: Vec<u16> = unary(store(level, DType::F16), &x);
        let brain: Vec<u16> = unary(store(level, DType::BF16), &x);
        for i in 0..x.len() {
            let (h, b) = (f16::from_bits(half[i]), bf16::from_bits(brain[i]));
            if x[i].is_nan() {
                assert!(h.is_nan() && b.is_nan(), "{:#x} at {}", x[i].to_bits(), level.name());
                continue;
            }
            assert_eq!(h.to_bits(), f16::from_f32(x[i]).to_bits(), "f16 of {:e} at {}", x[i], level.name());
            assert_eq!(b.to_bits(), bf16::from_f32(x[i]).to_bits(), "bf16 of {:e} at {}", x[i], level.name());
        }
    }
}

#[test]
fn bytes_and_booleans() {
    let bytes: Vec<u8> = (0..=255).collect();
    let x: Vec<i32> = values(21, 300);
    for level in Level::available() {
        let lanes: Vec<i32> = unary(load(level, DType::U8), &bytes);
        assert_eq!(lanes, bytes.iter().map(|byte| *byte as i32).collect::<Vec<_>>());
        assert_eq!(unary::<u8, i32>(load(level, DType::Bool), &[0, 1, 1, 0]), [0, 1, 1, 0]);
        let stored: Vec<u8> = unary(store(level, DType::U8), &x);
        assert_eq!(stored, x.iter().map(|x| *x as u8).collect::<Vec<_>>(), "{}", level.name());
        let stored: Vec<u8> = unary(store(level, DType::Bool), &x);
        assert_eq!(stored, x.iter().map(|x| (*x != 0) as u8).collect::<Vec<_>>(), "{}", level.name());
    }
}

#[test]
fn storage_kernels_keep_to_their_length() {
    let words: Vec<u64> = words(22, 80);
    // SAFETY: plain numbers as bytes.
    let bytes = unsafe { std::slice::from_raw_parts(words.as_ptr().cast::<u8>(), 640) };
    for level in Level::available() {
        for dtype in DType::ALL {
            let lane = class_of(dtype).size();
            let run_load = |n: usize| run_bytes(load(level, dtype), n, n * lane, &bytes[..n * dtype.size()]);
            let lanes = run_load(70);
            let run_store = |n: usize| run_bytes(store(level, dtype), n, n * dtype.size(), &lanes[..n * lane]);
            let stored = run_store(70);
            for n in 0..70 {
                assert_eq!(run_load(n), lanes[..n * lane], "{n} of {dtype} at {}", level.name());
                assert_eq!(run_store(n), stored[..n * dtype.size()], "{n} of {dtype} at {}", level.name());
            }
            if !matches!(dtype, DType::Bool) {
                let nan = |i: usize| match dtype {
                    DType::F16 => f16::from_le_bytes([bytes[2 * i], bytes[2 * i + 1]]).is_nan(),
                    DType::BF16 => bf16::from_le_bytes([bytes[2 * i], bytes[2 * i + 1]]).is_nan(),
                    _ => false,
                };
                let size = dtype.size();
                for i in (0..70).filter(|i| !nan(*i)) {
                    assert_eq!(stored[i * size..][..size], bytes[i * size..][..size], "{dtype} at {}", level.name());
                }
            }
        }
    }
}

fn run_bytes(kernel: Kernel, n: usize, result_bytes: usize, operand: &[u8]) -> Vec<u8> {
    let mut target = vec![POISON; result_bytes + 64];
    let copy = operand.to_vec();
    // SAFETY: n elements on both sides.
    unsafe { kernel(n, target.as_mut_ptr(), copy.as_ptr(), std::ptr::null(), std::ptr::null()) };
    assert!(target[result_bytes..].iter().all(|byte| *byte == POISON), "wrote behind {n} elements");
    target.truncate(result_bytes);
    target
}
