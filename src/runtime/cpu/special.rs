//! Functions without a vector version: a scalar function per lane, listed in one table, the same code for every instruction set.
//!
//! A function of floats is written for f64; f32 lanes are computed by it and rounded, so that they are correct to the last bit but for
//! rare ties. What has a vector version for f32 alone, in [`super::simd`], has its f64 version here. A function of integers is written for
//! i64; i32 lanes keep the low bits of its result.

mod bessel;
mod elementary;
mod gamma;
mod normal;
mod slope;

use super::simd::{Class, Kernel};
use crate::ir::{Binary, Unary};

/// The functions: unary ones of floats, binary ones of floats (with one for f32 where that is not the rounded f64 result), binary ones of
/// integers.
macro_rules! special {
    (
        unary { $($unary:ident: $function:expr;)* }
        binary { $($binary:ident: $pair:expr $(, single $single:expr)?;)* }
        integer { $($integer:ident: $whole:expr;)* }
    ) => {
        /// The kernel of a function of one float, if it is listed here; its operand is no scalar.
        pub(super) fn unary(op: Unary, class: Class, scalar: [bool; 3]) -> Option<Kernel> {
            match op {
                $(Unary::$unary => {
                    struct Listed;
                    impl One for Listed {
                        fn at(x: f64) -> f64 { $function(x) }
                    }
                    one::<Listed>(class, scalar)
                })*
                _ => None,
            }
        }

        /// The kernel of a function of two numbers, if it is listed here.
        pub(super) fn binary(op: Binary, class: Class, scalar: [bool; 3]) -> Option<Kernel> {
            match op {
                $(Binary::$binary if matches!(class, Class::F32 | Class::F64) => {
                    struct Listed;
                    impl Two for Listed {
                        fn at(a: f64, b: f64) -> f64 { $pair(a, b) }
                        $(fn at_single(a: f32, b: f32) -> f32 { $single(a, b) })?
                    }
                    two::<Listed>(class, scalar)
                })*
                $(Binary::$integer => {
                    struct Listed;
                    impl Whole for Listed {
                        fn at(a: i64, b: i64) -> i64 { $whole(a, b) }
                    }
                    whole::<Listed>(class, scalar)
                })*
                _ => None,
            }
        }
    };
}

special! {
    unary {
        Exp: libm::exp;
        Expm1: libm::expm1;
        Log: libm::log;
        Log1p: libm::log1p;
        Sin: libm::sin;
        Cos: libm::cos;
        Tanh: libm::tanh;
        Sigmoid: elementary::sigmoid;
        Erf: libm::erf;
        Exp2: libm::exp2;
        Log2: libm::log2;
        Log10: libm::log10;
        Tan: libm::tan;
        Asin: libm::asin;
        Acos: libm::acos;
        Atan: libm::atan;
        Sinh: libm::sinh;
        Cosh: libm::cosh;
        Asinh: libm::asinh;
        Acosh: libm::acosh;
        Atanh: libm::atanh;
        Tanhshrink: elementary::tanhshrink;
        Sinc: elementary::sinc;
        Erfc: libm::erfc;
        Erfcx: normal::erfcx;
        Erfinv: normal::erfinv;
        Ndtr: normal::ndtr;
        LogNdtr: normal::log_ndtr;
        Lgamma: libm::lgamma;
        Digamma: gamma::digamma;
        I0: bessel::i0;
        I0e: bessel::i0e;
        I1: bessel::i1;
        I1e: bessel::i1e;
        BesselJ0: libm::j0;
        BesselJ1: libm::j1;
        Entr: elementary::entr;
    }
    binary {
        Pow: libm::pow;
        Rem: libm::fmod, single libm::fmodf;
        Atan2: libm::atan2;
        Hypot: libm::hypot;
        NextAfter: libm::nextafter, single libm::nextafterf;
        Zeta: gamma::zeta;
        Igamma: gamma::igamma;
        Igammac: gamma::igammac;
        LogGammaSlope: slope::log_gamma_slope;
    }
    integer {
        Div: elementary::divide;
        Rem: elementary::remainder;
        Pow: elementary::power;
        Gcd: elementary::gcd;
        Shl: elementary::shift_left;
        Shr: elementary::shift_right;
    }
}

trait One {
    fn at(x: f64) -> f64;
}

trait Two {
    fn at(a: f64, b: f64) -> f64;
    fn at_single(a: f32, b: f32) -> f32 {
        Self::at(a as f64, b as f64) as f32
    }
}

trait Whole {
    fn at(a: i64, b: i64) -> i64;
}

fn one<F: One>(class: Class, scalar: [bool; 3]) -> Option<Kernel> {
    /// # Safety
    /// As for [`Kernel`].
    unsafe fn run<T: Copy, F: Lane1<T>>(n: usize, target: *mut u8, a: *const u8, _: *const u8, _: *const u8) {
        let (target, a) = (target.cast::<T>(), a.cast::<T>());
        for i in 0..n {
            // SAFETY: i < n, for which the caller vouches.
            unsafe { target.add(i).write_unaligned(F::apply(a.add(i).read_unaligned())) }
        }
    }
    match class {
        _ if scalar != [false; 3] => None,
        Class::F32 => Some(run::<f32, F>),
        Class::F64 => Some(run::<f64, F>),
        Class::I32 | Class::I64 => None,
    }
}

fn two<F: Two>(class: Class, scalar: [bool; 3]) -> Option<Kernel> {
    match class {
        Class::F32 => pair::<f32, F>(scalar),
        Class::F64 => pair::<f64, F>(scalar),
        Class::I32 | Class::I64 => None,
    }
}

fn whole<F: Whole>(class: Class, scalar: [bool; 3]) -> Option<Kernel> {
    match class {
        Class::I32 => pair::<i32, Integers<F>>(scalar),
        Class::I64 => pair::<i64, Integers<F>>(scalar),
        Class::F32 | Class::F64 => None,
    }
}

fn pair<T: Copy, F: Lane2<T>>(scalar: [bool; 3]) -> Option<Kernel> {
    /// # Safety
    /// As for [`Kernel`].
    unsafe fn run<T: Copy, F: Lane2<T>, const A: bool, const B: bool>(n: usize, target: *mut u8, a: *const u8, b: *const u8, _: *const u8) {
        let (target, a, b) = (target.cast::<T>(), a.cast::<T>(), b.cast::<T>());
        if n == 0 {
            return;
        }
        // SAFETY: there is a first element; i < n; the caller vouches for n elements, or one of a scalar operand. A scalar is read before
        // anything is written, since the target may be an operand.
        unsafe {
            let (first, second) = (a.read_unaligned(), b.read_unaligned());
            for i in 0..n {
                let x = if A { first } else { a.add(i).read_unaligned() };
                let y = if B { second } else { b.add(i).read_unaligned() };
                target.add(i).write_unaligned(F::apply(x, y));
            }
        }
    }
    match scalar {
        [false, false, false] => Some(run::<T, F, false, false>),
        [false, true, false] => Some(run::<T, F, false, true>),
        [true, false, false] => Some(run::<T, F, true, false>),
        [true, true, false] => Some(run::<T, F, true, true>),
        _ => None,
    }
}

/// A function on lanes of one type.
trait Lane1<T> {
    fn apply(x: T) -> T;
}

trait Lane2<T> {
    fn apply(a: T, b: T) -> T;
}

impl<F: One> Lane1<f64> for F {
    fn apply(x: f64) -> f64 {
        F::at(x)
    }
}
impl<F: One> Lane1<f32> for F {
    fn apply(x: f32) -> f32 {
        F::at(x as f64) as f32
    }
}
impl<F: Two> Lane2<f64> for F {
    fn apply(a: f64, b: f64) -> f64 {
        F::at(a, b)
    }
}
impl<F: Two> Lane2<f32> for F {
    fn apply(a: f32, b: f32) -> f32 {
        F::at_single(a, b)
    }
}

struct Integers<F>(std::marker::PhantomData<F>);

impl<F: Whole> Lane2<i64> for Integers<F> {
    fn apply(a: i64, b: i64) -> i64 {
        F::at(a, b)
    }
}
impl<F: Whole> Lane2<i32> for Integers<F> {
    fn apply(a: i32, b: i32) -> i32 {
        F::at(a as i64, b as i64) as i32
    }
}

/// The sum c0 / 2 + c1 T1(t) + c2 T2(t) ... of Chebyshev polynomials, by Clenshaw's recurrence.
fn chebyshev(t: f64, coefficients: &[f64]) -> f64 {
    let (mut last, mut one_before) = (0.0, 0.0);
    for c in coefficients[1..].iter().rev() {
        (last, one_before) = (2.0 * t * last - one_before + c, last);
    }
    t * last - one_before + 0.5 * coefficients[0]
}

/// c0 + c1 x + c2 x^2 ...
fn polynomial(x: f64, coefficients: &[f64]) -> f64 {
    coefficients.iter().rev().fold(0.0, |sum, c| sum * x + c)
}
