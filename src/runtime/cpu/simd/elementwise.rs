//! Elementwise kernels: what each operation computes on a vector, the loop around it, and the table from operation to kernel.

use super::staged::Form;
use super::vector::{Float, Integer, Mask, Simd, Vector};
use super::{Class, Kernel, TileOp, math, random, tanh, wide};
use crate::ir::{Binary, Compare, Unary};
use crate::runtime::cpu::special;
use std::marker::PhantomData;

/// What stands at a kernel's pointer: lanes of a class, or narrower storage that widens when loaded.
pub trait Operand: Copy {
    type Element: Copy;
    const LANES: usize;
    /// Whether one vector is several registers, which keep the processor busy by themselves.
    const IS_WIDE: bool = false;
    const IS_ABSENT: bool = false;
    /// # Safety
    /// `source` is readable for `LANES` elements.
    unsafe fn read(source: *const Self::Element) -> Self;
    /// # Safety
    /// `target` is writable for `LANES` elements.
    unsafe fn write(self, target: *mut Self::Element);
    fn fill(value: Self::Element) -> Self;
}

impl<V: Vector> Operand for V {
    type Element = <V as Vector>::Element;
    const LANES: usize = <V as Vector>::LANES;
    const IS_WIDE: bool = <V as Vector>::IS_WIDE;
    #[inline(always)]
    unsafe fn read(source: *const Self::Element) -> Self {
        // SAFETY: the caller's.
        unsafe { V::load(source) }
    }
    #[inline(always)]
    unsafe fn write(self, target: *mut Self::Element) {
        // SAFETY: the caller's.
        unsafe { self.store(target) }
    }
    #[inline(always)]
    fn fill(value: Self::Element) -> Self {
        V::splat(value)
    }
}

/// The operand that an operation does not have.
#[derive(Clone, Copy)]
pub struct Absent;

impl Operand for Absent {
    type Element = ();
    const LANES: usize = 0;
    const IS_ABSENT: bool = true;
    #[inline(always)]
    unsafe fn read(_source: *const ()) -> Self {
        Absent
    }
    #[inline(always)]
    unsafe fn write(self, _target: *mut ()) {}
    #[inline(always)]
    fn fill(_value: ()) -> Self {
        Absent
    }
}

/// An elementwise function of up to three operands.
pub trait Operation {
    type A: Operand;
    type B: Operand;
    type C: Operand;
    type Result: Operand;
    /// Vectors in flight in one turn of the loop: several where the function is one or two instructions, one where it is long enough to
    /// keep the processor busy.
    const UNROLL: usize;
    fn apply(a: Self::A, b: Self::B, c: Self::C) -> Self::Result;
}

/// An operand's vectors: read from memory, or one element everywhere.
#[derive(Clone, Copy)]
struct Source<V: Operand, const SCALAR: bool> {
    pointer: *const V::Element,
    value: Option<V>,
}

impl<V: Operand, const SCALAR: bool> Source<V, SCALAR> {
    #[inline(always)]
    unsafe fn new(pointer: *const u8) -> Self {
        let pointer = pointer.cast::<V::Element>();
        // SAFETY: the caller's: a scalar operand is one readable element. An absent one has size zero.
        let value = SCALAR.then(|| V::fill(unsafe { pointer.read_unaligned() }));
        Source { pointer, value }
    }
    #[inline(always)]
    unsafe fn at(&self, i: usize) -> V {
        match self.value {
            Some(value) => value,
            // SAFETY: the caller's.
            None => unsafe { V::read(self.pointer.wrapping_add(i)) },
        }
    }
}

/// Whether scalar operands are repeated in a buffer for the kernel without scalars, instead of having a loop of their own: where all are
/// scalars, which is rare, and at the level that is there to be right on any processor. There are hundreds of these loops.
pub const fn repeats_scalars<O: Operation>(a: bool, b: bool, c: bool) -> bool {
    (a || b || c) && (O::Result::IS_WIDE || a && (b || O::B::IS_ABSENT) && (c || O::C::IS_ABSENT)) && !O::B::IS_ABSENT
}

/// What [`super::staged`] has to know of the operation.
pub const fn form<O: Operation>(scalars: [bool; 3]) -> Form {
    const fn size<V: Operand>() -> u8 {
        size_of::<V::Element>() as u8
    }
    Form { lanes: O::Result::LANES as u8, result: size::<O::Result>(), sizes: [size::<O::A>(), size::<O::B>(), size::<O::C>()], scalars }
}

/// The loop of every elementwise kernel, over as many whole vectors as there are; how many elements that are. Each turn reads before it
/// writes, so that the target may be an operand.
///
/// # Safety
/// As for [`Kernel`].
#[inline(always)]
pub unsafe fn run<O: Operation, const A: bool, const B: bool, const C: bool>(n: usize, target: *mut u8, operands: [*const u8; 3]) -> usize {
    let lanes = O::Result::LANES;
    let [a, b, c] = operands;
    let target = target.cast::<<O::Result as Operand>::Element>();
    // SAFETY: every access lies within the first n elements (the first one, where the operand is scalar), which the caller vouches for.
    unsafe {
        let (a, b, c) = (Source::<O::A, A>::new(a), Source::<O::B, B>::new(b), Source::<O::C, C>::new(c));
        let mut i = 0;
        if O::UNROLL == 4 && !O::Result::IS_WIDE {
            while i + 4 * lanes <= n {
                let (i0, i1, i2, i3) = (i, i + lanes, i + 2 * lanes, i + 3 * lanes);
                let r0 = O::apply(a.at(i0), b.at(i0), c.at(i0));
                let r1 = O::apply(a.at(i1), b.at(i1), c.at(i1));
                let r2 = O::apply(a.at(i2), b.at(i2), c.at(i2));
                let r3 = O::apply(a.at(i3), b.at(i3), c.at(i3));
                r0.write(target.add(i0));
                r1.write(target.add(i1));
                r2.write(target.add(i2));
                r3.write(target.add(i3));
                i += 4 * lanes;
            }
        }
        while i + lanes <= n {
            O::apply(a.at(i), b.at(i), c.at(i)).write(target.add(i));
            i += lanes;
        }
        i
    }
}

/// Operations, each written `Name[generic parameters](operands) -> result, vectors in flight { body }`.
macro_rules! operations {
    ($($name:ident[$($generic:ident: $bound:path),+]($($argument:ident: $type:ty),+) -> $result:ty, $unroll:literal { $body:expr })*) => {$(
        pub struct $name<$($generic),+>(PhantomData<($($generic,)+)>);
        impl<$($generic: $bound),+> Operation for $name<$($generic),+> {
            operations!(@operands $($argument: $type),+ => $result, $body);
            type Result = $result;
            const UNROLL: usize = $unroll;
        }
    )*};
    (@operands $x:ident: $a:ty => $result:ty, $body:expr) => {
        type A = $a;
        type B = Absent;
        type C = Absent;
        #[inline(always)]
        fn apply($x: $a, _: Absent, _: Absent) -> $result {
            $body
        }
    };
    (@operands $x:ident: $a:ty, $y:ident: $b:ty => $result:ty, $body:expr) => {
        type A = $a;
        type B = $b;
        type C = Absent;
        #[inline(always)]
        fn apply($x: $a, $y: $b, _: Absent) -> $result {
            $body
        }
    };
    (@operands $x:ident: $a:ty, $y:ident: $b:ty, $z:ident: $c:ty => $result:ty, $body:expr) => {
        type A = $a;
        type B = $b;
        type C = $c;
        #[inline(always)]
        fn apply($x: $a, $y: $b, $z: $c) -> $result {
            $body
        }
    };
}
pub(super) use operations;

operations! {
    Copied[V: Vector](x: V) -> V, 4 { x }
    Neg[V: Vector](x: V) -> V, 4 { x.neg() }
    Abs[V: Vector](x: V) -> V, 4 { x.abs() }
    FloatSign[V: Float](x: V) -> V, 4 { V::select(x.abs().le(small(0)).or(x.is_nan()), x, small::<V>(1).copysign(x)) }
    IntegerSign[V: Integer](x: V) -> V, 4 { V::select(x.lt(small(0)), small(-1), V::select(x.eq(small(0)), small(0), small(1))) }
    Relu[V: Vector](x: V) -> V, 4 { V::select(x.le(small(0)), small(0), x) }
    Not[V: Integer](x: V) -> V, 4 { x.xor(small(-1)) }
    Floor[V: Float](x: V) -> V, 4 { x.floor() }
    Ceil[V: Float](x: V) -> V, 4 { x.ceil() }
    Round[V: Float](x: V) -> V, 4 { x.round() }
    Trunc[V: Float](x: V) -> V, 4 { x.trunc() }
    Sqrt[V: Float](x: V) -> V, 1 { x.sqrt() }
    Rsqrt[V: Float](x: V) -> V, 1 { small::<V>(1).div(x.sqrt()) }
    Reciprocal[V: Float](x: V) -> V, 1 { small::<V>(1).div(x) }

    Exp32[S: Simd](x: S::F32) -> S::F32, 1 { math::exp::<S>(x) }
    ExpOfDifference32[S: Simd](x: S::F32, y: S::F32) -> S::F32, 1 { math::exp::<S>(x.sub(y)) }
    Expm132[S: Simd](x: S::F32) -> S::F32, 1 { math::expm1::<S>(x) }
    Log32[S: Simd](x: S::F32) -> S::F32, 1 { math::log::<S>(x) }
    Log1p32[S: Simd](x: S::F32) -> S::F32, 1 { math::log1p::<S>(x) }
    Sin32[S: Simd](x: S::F32) -> S::F32, 1 { math::sin::<S>(x) }
    Cos32[S: Simd](x: S::F32) -> S::F32, 1 { math::cos::<S>(x) }
    Tanh32[S: Simd](x: S::F32) -> S::F32, 1 { tanh::tanh::<S>(x) }
    Sigmoid32[S: Simd](x: S::F32) -> S::F32, 1 { math::sigmoid::<S>(x) }
    Erf32[S: Simd](x: S::F32) -> S::F32, 1 { math::erf::<S>(x) }
    Exp2Single[S: Simd](x: S::F32) -> S::F32, 1 { math::exp2::<S>(x) }
    Log2Single[S: Simd](x: S::F32) -> S::F32, 1 { wide::log2::<S>(x) }
    Log10Single[S: Simd](x: S::F32) -> S::F32, 1 { wide::log10::<S>(x) }
    Tan32[S: Simd](x: S::F32) -> S::F32, 1 { wide::tan::<S>(x) }
    Asin32[S: Simd](x: S::F32) -> S::F32, 1 { wide::asin::<S>(x) }
    Acos32[S: Simd](x: S::F32) -> S::F32, 1 { wide::acos::<S>(x) }
    Atan32[S: Simd](x: S::F32) -> S::F32, 1 { wide::atan::<S>(x) }
    Erfc32[S: Simd](x: S::F32) -> S::F32, 1 { wide::erfc::<S>(x) }
    Uniform[S: Simd](x: S::F32) -> S::F32, 1 { random::uniform::<S>(x) }
    Normal[S: Simd](x: S::F32) -> S::F32, 1 { random::normal::<S>(x) }

    // The difference lane by lane in the same scalar code as Exp, so that results have the same bits everywhere.
    ExpOfDifference64[S: Simd](x: S::F64, y: S::F64) -> S::F64, 1 { x.sub(y).map(libm::exp) }

    Add[V: Vector](x: V, y: V) -> V, 4 { x.add(y) }
    Sub[V: Vector](x: V, y: V) -> V, 4 { x.sub(y) }
    Mul[V: Vector](x: V, y: V) -> V, 4 { x.mul(y) }
    Div[V: Float](x: V, y: V) -> V, 1 { x.div(y) }
    Max[V: Vector](x: V, y: V) -> V, 4 { x.max(y) }
    Min[V: Vector](x: V, y: V) -> V, 4 { x.min(y) }
    And[V: Integer](x: V, y: V) -> V, 4 { x.and(y) }
    Or[V: Integer](x: V, y: V) -> V, 4 { x.or(y) }
    Xor[V: Integer](x: V, y: V) -> V, 4 { x.xor(y) }
    MulAdd[V: Float](x: V, y: V, z: V) -> V, 4 { x.mul_add(y, z) }
    NegMulAdd[V: Float](x: V, y: V, z: V) -> V, 4 { x.neg_mul_add(y, z) }
    MulSub[V: Float](x: V, y: V, z: V) -> V, 4 { x.mul_sub(y, z) }
    MulDifference[V: Float](x: V, y: V, z: V) -> V, 4 { x.mul(y.sub(z)) }
    Pow32[S: Simd](x: S::F32, y: S::F32) -> S::F32, 1 { math::pow::<S>(x, y) }
    Atan2Single[S: Simd](y: S::F32, x: S::F32) -> S::F32, 1 { wide::atan2::<S>(y, x) }
    Hypot32[S: Simd](x: S::F32, y: S::F32) -> S::F32, 1 { wide::hypot::<S>(x, y) }

    Equal[S: Simd, V: Vector<Mask = S::Mask>](x: V, y: V) -> S::I32, 4 { S::ones(x.eq(y)) }
    NotEqual[S: Simd, V: Vector<Mask = S::Mask>](x: V, y: V) -> S::I32, 4 { S::ones(x.eq(y).not()) }
    Less[S: Simd, V: Vector<Mask = S::Mask>](x: V, y: V) -> S::I32, 4 { S::ones(x.lt(y)) }
    LessEqual[S: Simd, V: Vector<Mask = S::Mask>](x: V, y: V) -> S::I32, 4 { S::ones(x.le(y)) }
    Greater[S: Simd, V: Vector<Mask = S::Mask>](x: V, y: V) -> S::I32, 4 { S::ones(y.lt(x)) }
    GreaterEqual[S: Simd, V: Vector<Mask = S::Mask>](x: V, y: V) -> S::I32, 4 { S::ones(y.le(x)) }
    IsNan[S: Simd, V: Float<Mask = S::Mask>](x: V) -> S::I32, 4 { S::ones(x.is_nan()) }
    IsInf[S: Simd, V: Float<Mask = S::Mask>](x: V) -> S::I32, 4 { S::ones(is_infinite(x)) }
    // x - x is zero for finite x and NaN for all others.
    IsFinite[S: Simd, V: Float<Mask = S::Mask>](x: V) -> S::I32, 4 { S::ones(x.sub(x).eq(small(0))) }
    Signbit[S: Simd, V: Float<Mask = S::Mask>](x: V) -> S::I32, 4 { S::ones(small::<V>(1).copysign(x).lt(small(0))) }
    Select[S: Simd, V: Vector<Mask = S::Mask>](condition: S::I32, x: V, y: V) -> V, 4 {
        V::select(condition.eq(small(0)), y, x)
    }
}

/// A constant of any class.
#[inline(always)]
fn small<V: Vector>(value: i8) -> V {
    V::splat(V::Element::from(value))
}

/// Neither finite nor NaN.
#[inline(always)]
fn is_infinite<V: Float>(x: V) -> V::Mask {
    x.sub(x).is_nan().and(x.eq(x))
}

/// The kernel for an operation and which of its operands are scalars.
macro_rules! unary {
    ($level:ty, $operation:ty, $scalar:expr) => {
        if $scalar == [false; 3] { Some(<$level>::elementwise::<$operation, false, false, false>()) } else { None }
    };
}
macro_rules! binary {
    ($level:ty, $operation:ty, $scalar:expr) => {
        match $scalar {
            [false, false, false] => Some(<$level>::elementwise::<$operation, false, false, false>()),
            [false, true, false] => Some(<$level>::elementwise::<$operation, false, true, false>()),
            [true, false, false] => Some(<$level>::elementwise::<$operation, true, false, false>()),
            [true, true, false] => Some(<$level>::elementwise::<$operation, true, true, false>()),
            _ => None,
        }
    };
}
macro_rules! ternary {
    ($level:ty, $operation:ty, $scalar:expr) => {
        match $scalar {
            [false, false, false] => Some(<$level>::elementwise::<$operation, false, false, false>()),
            [false, false, true] => Some(<$level>::elementwise::<$operation, false, false, true>()),
            [false, true, false] => Some(<$level>::elementwise::<$operation, false, true, false>()),
            [false, true, true] => Some(<$level>::elementwise::<$operation, false, true, true>()),
            [true, false, false] => Some(<$level>::elementwise::<$operation, true, false, false>()),
            [true, false, true] => Some(<$level>::elementwise::<$operation, true, false, true>()),
            [true, true, false] => Some(<$level>::elementwise::<$operation, true, true, false>()),
            [true, true, true] => Some(<$level>::elementwise::<$operation, true, true, true>()),
        }
    };
}

/// The table: see [`super::kernel`].
pub fn kernel<S: Simd>(operation: TileOp, class: Class, scalar: [bool; 3]) -> Option<Kernel> {
    // An operation that every class has, that floats have, that integers have.
    macro_rules! all {
        ($arity:ident, $operation:ident) => {
            match class {
                Class::F32 => $arity!(S, $operation<S::F32>, scalar),
                Class::I32 => $arity!(S, $operation<S::I32>, scalar),
                Class::F64 => $arity!(S, $operation<S::F64>, scalar),
                Class::I64 => $arity!(S, $operation<S::I64>, scalar),
            }
        };
    }
    macro_rules! floats {
        ($arity:ident, $operation:ident) => {
            match class {
                Class::F32 => $arity!(S, $operation<S::F32>, scalar),
                Class::F64 => $arity!(S, $operation<S::F64>, scalar),
                Class::I32 | Class::I64 => None,
            }
        };
    }
    macro_rules! integers {
        ($arity:ident, $operation:ident) => {
            match class {
                Class::I32 => $arity!(S, $operation<S::I32>, scalar),
                Class::I64 => $arity!(S, $operation<S::I64>, scalar),
                Class::F32 | Class::F64 => None,
            }
        };
    }
    // Operations that lead to I32 lanes.
    macro_rules! tests {
        ($arity:ident, $operation:ident) => {
            match class {
                Class::F32 => $arity!(S, $operation<S, S::F32>, scalar),
                Class::I32 => $arity!(S, $operation<S, S::I32>, scalar),
                Class::F64 => $arity!(S, $operation<S, S::F64>, scalar),
                Class::I64 => $arity!(S, $operation<S, S::I64>, scalar),
            }
        };
    }
    macro_rules! float_tests {
        ($operation:ident) => {
            match class {
                Class::F32 => unary!(S, $operation<S, S::F32>, scalar),
                Class::F64 => unary!(S, $operation<S, S::F64>, scalar),
                Class::I32 | Class::I64 => None,
            }
        };
    }
    match operation {
        TileOp::Unary(operation) => match operation {
            Unary::Identity | Unary::StopGradient => copy::<S>(class, scalar),
            Unary::Neg => all!(unary, Neg),
            Unary::Abs => all!(unary, Abs),
            Unary::Sign if matches!(class, Class::F32 | Class::F64) => floats!(unary, FloatSign),
            Unary::Sign => integers!(unary, IntegerSign),
            Unary::Exp if class == Class::F32 => unary!(S, Exp32<S>, scalar),
            Unary::Expm1 if class == Class::F32 => unary!(S, Expm132<S>, scalar),
            Unary::Log if class == Class::F32 => unary!(S, Log32<S>, scalar),
            Unary::Log1p if class == Class::F32 => unary!(S, Log1p32<S>, scalar),
            Unary::Sqrt => floats!(unary, Sqrt),
            Unary::Rsqrt => floats!(unary, Rsqrt),
            Unary::Reciprocal => floats!(unary, Reciprocal),
            Unary::Sin if class == Class::F32 => unary!(S, Sin32<S>, scalar),
            Unary::Cos if class == Class::F32 => unary!(S, Cos32<S>, scalar),
            Unary::Tanh if class == Class::F32 => unary!(S, Tanh32<S>, scalar),
            Unary::Sigmoid if class == Class::F32 => unary!(S, Sigmoid32<S>, scalar),
            Unary::Erf if class == Class::F32 => unary!(S, Erf32<S>, scalar),
            Unary::Floor => floats!(unary, Floor),
            Unary::Ceil => floats!(unary, Ceil),
            Unary::Round => floats!(unary, Round),
            Unary::Trunc => floats!(unary, Trunc),
            Unary::Relu => all!(unary, Relu),
            Unary::Not => integers!(unary, Not),
            Unary::IsNan => float_tests!(IsNan),
            Unary::IsInf => float_tests!(IsInf),
            Unary::IsFinite => float_tests!(IsFinite),
            Unary::Signbit => float_tests!(Signbit),
            Unary::Exp2 if class == Class::F32 => unary!(S, Exp2Single<S>, scalar),
            Unary::Log2 if class == Class::F32 => unary!(S, Log2Single<S>, scalar),
            Unary::Log10 if class == Class::F32 => unary!(S, Log10Single<S>, scalar),
            Unary::Tan if class == Class::F32 => unary!(S, Tan32<S>, scalar),
            Unary::Asin if class == Class::F32 => unary!(S, Asin32<S>, scalar),
            Unary::Acos if class == Class::F32 => unary!(S, Acos32<S>, scalar),
            Unary::Atan if class == Class::F32 => unary!(S, Atan32<S>, scalar),
            Unary::Erfc if class == Class::F32 => unary!(S, Erfc32<S>, scalar),
            _ => special::unary(operation, class, scalar),
        },
        TileOp::Binary(operation) => match operation {
            Binary::Add => all!(binary, Add),
            Binary::Sub => all!(binary, Sub),
            Binary::Mul => all!(binary, Mul),
            Binary::Div if matches!(class, Class::F32 | Class::F64) => floats!(binary, Div),
            Binary::Pow if class == Class::F32 => binary!(S, Pow32<S>, scalar),
            Binary::Max => all!(binary, Max),
            Binary::Min => all!(binary, Min),
            Binary::And => integers!(binary, And),
            Binary::Or => integers!(binary, Or),
            Binary::Xor => integers!(binary, Xor),
            Binary::Atan2 if class == Class::F32 => binary!(S, Atan2Single<S>, scalar),
            Binary::Hypot if class == Class::F32 => binary!(S, Hypot32<S>, scalar),
            _ => special::binary(operation, class, scalar),
        },
        TileOp::Compare(operation) => match operation {
            Compare::Eq => tests!(binary, Equal),
            Compare::Ne => tests!(binary, NotEqual),
            Compare::Lt => tests!(binary, Less),
            Compare::Le => tests!(binary, LessEqual),
            Compare::Gt => tests!(binary, Greater),
            Compare::Ge => tests!(binary, GreaterEqual),
        },
        // The bits of an element are all that counts here.
        TileOp::Select => match class {
            Class::F32 | Class::I32 => ternary!(S, Select<S, S::I32>, scalar),
            Class::F64 | Class::I64 => ternary!(S, Select<S, S::I64>, scalar),
        },
        TileOp::MulAdd => floats!(ternary, MulAdd),
        TileOp::NegMulAdd => floats!(ternary, NegMulAdd),
        TileOp::MulSub => floats!(ternary, MulSub),
        TileOp::ExpOfDifference => match (class, scalar) {
            (Class::F32, [false, true, false]) => Some(S::elementwise::<ExpOfDifference32<S>, false, true, false>()),
            (Class::F64, [false, true, false]) => Some(S::elementwise::<ExpOfDifference64<S>, false, true, false>()),
            _ => None,
        },
        TileOp::MulDifference => match (class, scalar) {
            (Class::F32, [false, false, true]) => Some(S::elementwise::<MulDifference<S::F32>, false, false, true>()),
            (Class::F64, [false, false, true]) => Some(S::elementwise::<MulDifference<S::F64>, false, false, true>()),
            _ => None,
        },
        TileOp::Convert(to) if to == class => copy::<S>(class, scalar),
        TileOp::Convert(to) if scalar == [false; 3] => Some(super::convert::between::<S>(class, to)),
        TileOp::Convert(_) => None,
        TileOp::Copy => copy::<S>(class, scalar),
        TileOp::UniformFromBits if class == Class::F32 => unary!(S, Uniform<S>, scalar),
        TileOp::NormalFromBits if class == Class::F32 => unary!(S, Normal<S>, scalar),
        TileOp::UniformFromBits | TileOp::NormalFromBits => None,
    }
}

/// A scalar operand makes this a fill.
fn copy<S: Simd>(class: Class, scalar: [bool; 3]) -> Option<Kernel> {
    match (class, scalar) {
        (Class::F32 | Class::I32, [false, false, false]) => Some(S::elementwise::<Copied<S::I32>, false, false, false>()),
        (Class::F32 | Class::I32, [true, false, false]) => Some(S::elementwise::<Copied<S::I32>, true, false, false>()),
        (Class::F64 | Class::I64, [false, false, false]) => Some(S::elementwise::<Copied<S::I64>, false, false, false>()),
        (Class::F64 | Class::I64, [true, false, false]) => Some(S::elementwise::<Copied<S::I64>, true, false, false>()),
        _ => None,
    }
}
