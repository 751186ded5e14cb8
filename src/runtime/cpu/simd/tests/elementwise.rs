//! Cheap operations against plain Rust, levels against each other, ends of runs, scalar operands, targets that are operands.

use super::*;

/// Every operation with its number of operands.
fn operations() -> Vec<(TileOp, usize)> {
    let mut all: Vec<(TileOp, usize)> = Unary::ALL.iter().map(|x| (TileOp::Unary(*x), 1)).collect();
    all.extend(Binary::ALL.iter().map(|x| (TileOp::Binary(*x), 2)));
    all.extend(Compare::ALL.iter().map(|x| (TileOp::Compare(*x), 2)));
    all.extend(Class::ALL.iter().map(|x| (TileOp::Convert(*x), 1)));
    all.extend([(TileOp::Copy, 1), (TileOp::NormalFromBits, 1), (TileOp::UniformFromBits, 1)]);
    all.extend([(TileOp::MulAdd, 3), (TileOp::NegMulAdd, 3), (TileOp::MulSub, 3)]);
    all
}

fn result_class(operation: TileOp, class: Class) -> Class {
    match operation {
        TileOp::Compare(_) | TileOp::Unary(Unary::IsNan | Unary::IsInf | Unary::IsFinite | Unary::Signbit) => Class::I32,
        TileOp::Convert(to) => to,
        _ => class,
    }
}

/// Results as words, whatever their class.
fn results<T: Plain>(kernel: Kernel, result: Class, shift: usize, n: usize, operands: [&[T]; 3]) -> Vec<u64> {
    match result {
        Class::F32 => bits(&run_shifted::<T, f32>(kernel, shift, n, operands)),
        Class::F64 => bits(&run_shifted::<T, f64>(kernel, shift, n, operands)),
        Class::I32 => bits(&run_shifted::<T, i32>(kernel, shift, n, operands)),
        Class::I64 => bits(&run_shifted::<T, i64>(kernel, shift, n, operands)),
    }
}

/// Every length gives the bits that the longest gives, touches nothing else, and scalar operands mean the same as filled ones.
fn ends_and_scalars<T: Plain>() {
    let n = 131;
    let (a, b, c) = (values::<T>(1, n), values::<T>(2, n), values::<T>(3, n));
    let filled = |x: &[T], scalar: bool| if scalar { vec![x[5]; n] } else { x.to_vec() };
    for level in Level::available() {
        for (operation, operands) in operations() {
            let Some(plain) = kernel(level, operation, T::CLASS, [false; 3]) else { continue };
            let result = result_class(operation, T::CLASS);
            let whole = results(plain, result, 0, n, [&a, &b, &c]);
            for count in 0..=70 {
                let start = 131 - 70;
                let part = results(plain, result, count % 5, count, [&a[start..][..count], &b[start..][..count], &c[start..][..count]]);
                assert_eq!(part, whole[start..][..count], "{operation:?} of {:?} at {}, {count} elements", T::CLASS, level.name());
            }
            if operands == 1 && operation != TileOp::Copy {
                continue;
            }
            for mask in 1..1 << operands {
                let scalar = [mask & 1 != 0, mask & 2 != 0, mask & 4 != 0];
                let with_scalars = kernel(level, operation, T::CLASS, scalar).unwrap();
                let pick = |x: &[T], scalar: bool| if scalar { vec![x[5]] } else { x.to_vec() };
                let got = results(with_scalars, result, 1, n, [&pick(&a, scalar[0]), &pick(&b, scalar[1]), &pick(&c, scalar[2])]);
                let expected = results(plain, result, 0, n, [&filled(&a, scalar[0]), &filled(&b, scalar[1]), &filled(&c, scalar[2])]);
                assert_eq!(got, expected, "{operation:?} of {:?} at {}, scalars {scalar:?}", T::CLASS, level.name());
            }
        }
    }
}

#[test]
fn ends_and_scalars_f32() {
    ends_and_scalars::<f32>();
}
#[test]
fn ends_and_scalars_f64() {
    ends_and_scalars::<f64>();
}
#[test]
fn ends_and_scalars_i32() {
    ends_and_scalars::<i32>();
}
#[test]
fn ends_and_scalars_i64() {
    ends_and_scalars::<i64>();
}

/// Functions with a vector version in f32.
const VECTOR: [Unary; 17] = [
    Unary::Exp,
    Unary::Expm1,
    Unary::Exp2,
    Unary::Log,
    Unary::Log1p,
    Unary::Log2,
    Unary::Log10,
    Unary::Sin,
    Unary::Cos,
    Unary::Tan,
    Unary::Asin,
    Unary::Acos,
    Unary::Atan,
    Unary::Tanh,
    Unary::Sigmoid,
    Unary::Erf,
    Unary::Erfc,
];

/// Everything but f32 mathematics has the same bits at every level, wherever it is defined to be one value.
fn levels_agree<T: Plain>() {
    let n = 1000;
    let (a, b, c) = (values::<T>(4, n), values::<T>(5, n), values::<T>(6, n));
    let mut compared = 0;
    for (operation, _) in operations() {
        let mathematics = match operation {
            TileOp::Unary(operation) => VECTOR.contains(&operation),
            TileOp::Binary(operation) => matches!(operation, Binary::Pow | Binary::Atan2),
            _ => false,
        } && T::CLASS == Class::F32;
        if mathematics || matches!(operation, TileOp::MulAdd | TileOp::NegMulAdd | TileOp::MulSub) {
            continue;
        }
        let all = |level| {
            let kernel = kernel(level, operation, T::CLASS, [false; 3])?;
            Some(results(kernel, result_class(operation, T::CLASS), 0, n, [&a, &b, &c]))
        };
        let portable = all(Level::Portable);
        for level in Level::available() {
            assert_eq!(all(level), portable, "{operation:?} of {:?} at {}", T::CLASS, level.name());
        }
        compared += portable.is_some() as usize;
    }
    println!("{:?}: {compared} operations compared", T::CLASS);
    assert!(compared >= 22, "only {compared}");
}

#[test]
fn levels_agree_in_every_bit() {
    levels_agree::<f32>();
    levels_agree::<f64>();
    levels_agree::<i32>();
    levels_agree::<i64>();
}

fn binary_matches<T: Plain, R: Plain>(operation: TileOp, f: impl Fn(T, T) -> R) {
    let n = 4000;
    let (a, b) = (values::<T>(7, n), values::<T>(8, n));
    let expected: Vec<R> = a.iter().zip(&b).map(|(a, b)| f(*a, *b)).collect();
    for level in Level::available() {
        let got: Vec<R> = run(kernel(level, operation, T::CLASS, [false; 3]).unwrap(), n, [&a, &b, &[]]);
        for i in 0..n {
            assert_eq!(got[i].bits(), expected[i].bits(), "{operation:?}({:?}, {:?}) at {}: {:?}", a[i], b[i], level.name(), got[i]);
        }
    }
}

macro_rules! integers_match {
    ($($type:ty),*) => {$(
        binary_matches::<$type, $type>(TileOp::Binary(Binary::Add), |a, b| a.wrapping_add(b));
        binary_matches::<$type, $type>(TileOp::Binary(Binary::Sub), |a, b| a.wrapping_sub(b));
        binary_matches::<$type, $type>(TileOp::Binary(Binary::Mul), |a, b| a.wrapping_mul(b));
        binary_matches::<$type, $type>(TileOp::Binary(Binary::Div), |a, b| if b == 0 { 0 } else { a.wrapping_div(b) });
        binary_matches::<$type, $type>(TileOp::Binary(Binary::Rem), |a, b| if b == 0 { 0 } else { a.wrapping_rem(b) });
        binary_matches::<$type, $type>(TileOp::Binary(Binary::Max), |a, b| a.max(b));
        binary_matches::<$type, $type>(TileOp::Binary(Binary::Min), |a, b| a.min(b));
        binary_matches::<$type, $type>(TileOp::Binary(Binary::And), |a, b| a & b);
        binary_matches::<$type, $type>(TileOp::Binary(Binary::Or), |a, b| a | b);
        binary_matches::<$type, $type>(TileOp::Binary(Binary::Xor), |a, b| a ^ b);
        binary_matches::<$type, $type>(TileOp::Binary(Binary::Pow), |a, b| match (a, b) {
            (_, 0..) => power(a as i64, b as i64) as $type,
            (1, _) => 1,
            (-1, _) => if b % 2 == 0 { 1 } else { -1 },
            _ => 0,
        });
    )*};
}

/// By repeated squaring of bits from the top, another way than the kernel's.
fn power(a: i64, b: i64) -> i64 {
    (0..63).rev().fold(1i64, |result, bit| {
        let square = result.wrapping_mul(result);
        if b >> bit & 1 == 1 { square.wrapping_mul(a) } else { square }
    })
}

#[test]
fn integers_are_rusts() {
    integers_match!(i32, i64);
}

macro_rules! comparisons_match {
    ($($type:ty),*) => {$(
        binary_matches::<$type, i32>(TileOp::Compare(Compare::Eq), |a, b| (a == b) as i32);
        binary_matches::<$type, i32>(TileOp::Compare(Compare::Ne), |a, b| (a != b) as i32);
        binary_matches::<$type, i32>(TileOp::Compare(Compare::Lt), |a, b| (a < b) as i32);
        binary_matches::<$type, i32>(TileOp::Compare(Compare::Le), |a, b| (a <= b) as i32);
        binary_matches::<$type, i32>(TileOp::Compare(Compare::Gt), |a, b| (a > b) as i32);
        binary_matches::<$type, i32>(TileOp::Compare(Compare::Ge), |a, b| (a >= b) as i32);
    )*};
}

#[test]
fn comparisons_are_rusts() {
    comparisons_match!(f32, f64, i32, i64);
}

macro_rules! floats_match {
    ($($type:ty),*) => {$(
        binary_matches::<$type, $type>(TileOp::Binary(Binary::Add), |a, b| a + b);
        binary_matches::<$type, $type>(TileOp::Binary(Binary::Sub), |a, b| a - b);
        binary_matches::<$type, $type>(TileOp::Binary(Binary::Mul), |a, b| a * b);
        binary_matches::<$type, $type>(TileOp::Binary(Binary::Div), |a, b| a / b);
        binary_matches::<$type, $type>(TileOp::Binary(Binary::Rem), |a, b| a % b);
        let nan = |a: $type, b: $type| a.is_nan() || b.is_nan();
        binary_matches::<$type, $type>(TileOp::Binary(Binary::Max), |a, b| if nan(a, b) { <$type>::NAN } else if a > b { a } else { b });
        binary_matches::<$type, $type>(TileOp::Binary(Binary::Min), |a, b| if nan(a, b) { <$type>::NAN } else if a < b { a } else { b });
    )*};
}

#[test]
fn float_arithmetic_is_rusts() {
    floats_match!(f32, f64);
}

fn unary_matches<T: Plain, R: Plain>(operation: Unary, f: impl Fn(T) -> R) {
    let x = values::<T>(9, 4000);
    for level in Level::available() {
        let got: Vec<R> = unary(kernel(level, TileOp::Unary(operation), T::CLASS, [false; 3]).unwrap(), &x);
        for (x, got) in x.iter().zip(got) {
            assert_eq!(got.bits(), f(*x).bits(), "{operation:?}({x:?}) at {}: {got:?}", level.name());
        }
    }
}

#[test]
fn cheap_functions_are_rusts() {
    macro_rules! floats {
        ($($type:ty),*) => {$(
            unary_matches::<$type, $type>(Unary::Neg, |x| -x);
            unary_matches::<$type, $type>(Unary::Abs, |x| x.abs());
            unary_matches::<$type, $type>(Unary::Sqrt, |x| x.sqrt());
            unary_matches::<$type, $type>(Unary::Reciprocal, |x| 1.0 / x);
            unary_matches::<$type, $type>(Unary::Rsqrt, |x| 1.0 / x.sqrt());
            unary_matches::<$type, $type>(Unary::Floor, |x| x.floor());
            unary_matches::<$type, $type>(Unary::Ceil, |x| x.ceil());
            unary_matches::<$type, $type>(Unary::Round, |x| x.round_ties_even());
            unary_matches::<$type, $type>(Unary::Trunc, |x| x.trunc());
            unary_matches::<$type, $type>(Unary::Relu, |x| if x > 0.0 || x.is_nan() { x } else { 0.0 });
            unary_matches::<$type, $type>(Unary::Sign, |x| if x == 0.0 || x.is_nan() { x } else { x.signum() });
            unary_matches::<$type, i32>(Unary::IsNan, |x| x.is_nan() as i32);
            unary_matches::<$type, i32>(Unary::IsInf, |x| x.is_infinite() as i32);
            unary_matches::<$type, i32>(Unary::IsFinite, |x| x.is_finite() as i32);
            unary_matches::<$type, i32>(Unary::Signbit, |x| x.is_sign_negative() as i32);
        )*};
    }
    macro_rules! integers {
        ($($type:ty),*) => {$(
            unary_matches::<$type, $type>(Unary::Neg, |x| x.wrapping_neg());
            unary_matches::<$type, $type>(Unary::Abs, |x| x.wrapping_abs());
            unary_matches::<$type, $type>(Unary::Sign, |x| x.signum());
            unary_matches::<$type, $type>(Unary::Relu, |x| x.max(0));
            unary_matches::<$type, $type>(Unary::Not, |x| !x);
        )*};
    }
    floats!(f32, f64);
    integers!(i32, i64);
}

#[test]
fn multiply_add_is_fused_where_the_level_says_so() {
    let (a, b, c) = (values::<f32>(10, 1000), values::<f32>(11, 1000), values::<f32>(12, 1000));
    for level in Level::available() {
        let fused = level != Level::Portable;
        for (operation, sign_product, sign_sum) in [(TileOp::MulAdd, 1.0, 1.0), (TileOp::NegMulAdd, -1.0, 1.0), (TileOp::MulSub, 1.0, -1.0)]
        {
            let got: Vec<f32> = run(kernel(level, operation, Class::F32, [false; 3]).unwrap(), 1000, [&a, &b, &c]);
            for i in 0..1000 {
                let (x, z) = (a[i] * sign_product, c[i] * sign_sum);
                let expected = if fused { x.mul_add(b[i], z) } else { x * b[i] + z };
                assert_eq!(got[i].bits(), expected.bits(), "{operation:?}({}, {}, {}) at {}", a[i], b[i], c[i], level.name());
            }
        }
    }
}

#[test]
fn the_target_may_be_an_operand() {
    let (a, b) = (values::<f32>(13, 77), values::<f32>(14, 77));
    for level in Level::available() {
        for operation in [Binary::Add, Binary::Sub, Binary::Mul, Binary::Div, Binary::Max] {
            let kernel = kernel(level, TileOp::Binary(operation), Class::F32, [false; 3]).unwrap();
            let expected = bits(&run::<f32, f32>(kernel, 77, [&a, &b, &[]]));
            let (mut left, mut right) = (a.clone(), b.clone());
            // SAFETY: 77 elements each; the target is one of the operands.
            unsafe {
                let p = left.as_mut_ptr().cast::<u8>();
                kernel(77, p, p, b.as_ptr().cast(), std::ptr::null());
                let p = right.as_mut_ptr().cast::<u8>();
                kernel(77, p, a.as_ptr().cast(), p, std::ptr::null());
            }
            assert_eq!((bits(&left), bits(&right)), (expected.clone(), expected), "{operation:?} at {}", level.name());
        }
    }
}

#[test]
fn the_target_may_be_where_a_scalar_operand_is() {
    let (a, b) = (values::<f32>(18, 131), values::<f32>(19, 131));
    for level in Level::available() {
        for operation in [Binary::Add, Binary::Sub, Binary::Mul, Binary::Max, Binary::Pow] {
            for n in 1..=131 {
                let plain = kernel(level, TileOp::Binary(operation), Class::F32, [false; 3]).unwrap();
                let expected = bits(&run::<f32, f32>(plain, n, [&vec![a[0]; n], &b[..n], &[]]));
                let with_scalar = kernel(level, TileOp::Binary(operation), Class::F32, [true, false, false]).unwrap();
                let mut target = a[..n].to_vec();
                // SAFETY: n elements each; the scalar is the target's first element.
                unsafe {
                    let p = target.as_mut_ptr().cast::<u8>();
                    with_scalar(n, p, p, b.as_ptr().cast(), std::ptr::null());
                }
                assert_eq!(bits(&target), expected, "{operation:?} of {n} at {}", level.name());
            }
        }
    }
}

#[test]
fn select_takes_32_bit_conditions_for_all_classes() {
    fn check<T: Plain>() {
        let conditions: Vec<i32> = words(15, 70).into_iter().map(|word| (word % 3) as i32 - 1).collect();
        let (a, b) = (values::<T>(16, 70), values::<T>(17, 70));
        for level in Level::available() {
            for mask in 0..8 {
                let scalar = [mask & 1 != 0, mask & 2 != 0, mask & 4 != 0];
                let kernel = kernel(level, TileOp::Select, T::CLASS, scalar).unwrap();
                for n in [0, 1, 3, 8, 15, 16, 17, 70] {
                    let mut got = vec![T::default(); n + 1];
                    // SAFETY: n elements each and one result more than is written.
                    unsafe { kernel(n, got.as_mut_ptr().cast(), conditions.as_ptr().cast(), a.as_ptr().cast(), b.as_ptr().cast()) };
                    let at = |i: usize, k: usize| if scalar[k] { 0 } else { i };
                    let expected = (0..n).map(|i| if conditions[at(i, 0)] != 0 { a[at(i, 1)] } else { b[at(i, 2)] });
                    assert_eq!(bits(&got[..n]), bits(&expected.collect::<Vec<T>>()), "{scalar:?} at {}", level.name());
                    assert_eq!(got[n].bits(), T::default().bits());
                }
            }
        }
    }
    check::<f32>();
    check::<f64>();
    check::<i32>();
    check::<i64>();
}

#[test]
fn what_a_class_lacks_is_refused() {
    for level in Level::available() {
        for class in [Class::I32, Class::I64] {
            for operation in [Unary::Exp, Unary::Tanh, Unary::Sqrt, Unary::Floor, Unary::IsNan] {
                assert!(kernel(level, TileOp::Unary(operation), class, [false; 3]).is_none());
            }
            assert!(kernel(level, TileOp::MulAdd, class, [false; 3]).is_none());
            assert!(kernel(level, TileOp::NormalFromBits, class, [false; 3]).is_none());
        }
        for operation in [Binary::And, Binary::Or, Binary::Xor] {
            assert!(kernel(level, TileOp::Binary(operation), Class::F32, [false; 3]).is_none());
        }
        assert!(kernel(level, TileOp::Unary(Unary::Neg), Class::F32, [true, false, false]).is_none());
        assert!(kernel(level, TileOp::Binary(Binary::Add), Class::F32, [false, false, true]).is_none());
    }
}
