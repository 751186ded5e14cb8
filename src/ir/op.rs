//! The primitive operations and their attributes. What they mean is said once, in [`crate::ops`].

use crate::ir::{Literal, VariableId};
use crate::tensor::{DType, Shape, Tensor};

/// Elementwise functions of one value. The result has the dtype of the operand unless the row in `ops/unary.rs` says otherwise.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Unary {
    /// The operand itself; marks a place that a gradient is taken at. Removed by the compiler.
    Identity,
    /// The operand itself, with gradient zero.
    StopGradient,
    Neg,
    Abs,
    Sign,
    Exp,
    Expm1,
    Log,
    Log1p,
    Sqrt,
    Rsqrt,
    Reciprocal,
    Sin,
    Cos,
    Tanh,
    Sigmoid,
    Erf,
    Floor,
    Ceil,
    /// To the nearest integer, halves to even.
    Round,
    Trunc,
    Relu,
    /// Logical for bool, bitwise for integers.
    Not,
    IsNan,
    IsInf,
    IsFinite,
}

/// Elementwise functions of two values of one dtype and one shape. Integers wrap.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Binary {
    Add,
    Sub,
    Mul,
    Div,
    /// Remainder with the sign of the dividend (C's fmod).
    Rem,
    Pow,
    /// NaN if either operand is NaN.
    Max,
    /// NaN if either operand is NaN.
    Min,
    And,
    Or,
    Xor,
}

/// Elementwise comparisons; the result is bool. Comparisons with NaN are false, `Ne` is true.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Compare {
    Eq,
    Ne,
    Lt,
    Le,
    Gt,
    Ge,
}

/// How a reduction joins elements.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum ReduceKind {
    Sum,
    Prod,
    /// NaN if any element is NaN.
    Max,
    /// NaN if any element is NaN.
    Min,
    /// bool in, bool out.
    Any,
    /// bool in, bool out.
    All,
}

/// What random numbers are drawn from. One 32-bit word of the stream makes one element (f64: two words).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Distribution {
    /// Raw words as i32.
    Bits,
    /// Uniform in [0, 1).
    Uniform,
    /// Standard normal.
    Normal,
}

/// A primitive with its attributes. Operands are listed in the node.
#[derive(Clone, Debug, PartialEq)]
pub enum Op {
    /// The graph's input of this position.
    Input(u32),
    /// A value known when the graph is recorded: a scalar of the node's dtype.
    Constant(Literal),
    /// A tensor known when the graph is recorded.
    ConstantTensor(Tensor),
    /// The value that a variable holds when the program starts.
    Read(VariableId),

    Unary(Unary),
    Binary(Binary),
    Compare(Compare),
    /// (condition: bool, a, b) -> a where the condition holds, else b.
    Select,
    Cast(DType),

    /// To a larger shape: dimension i of the operand becomes dimension `axes[i]`, and is 1 or of the same size there.
    Broadcast {
        shape: Shape,
        axes: Vec<u8>,
    },
    /// The same elements in the same row-major order.
    Reshape(Shape),
    /// Dimension i of the result is dimension `permutation[i]` of the operand.
    Transpose(Vec<u8>),
    /// Elements start, start + step, ... below stop, for each dimension; steps are positive.
    Slice {
        start: Vec<usize>,
        stop: Vec<usize>,
        step: Vec<usize>,
    },
    /// (operand, scalar) -> the operand with `low` and `high` copies of the scalar around each dimension, and `interior` between neighbours.
    Pad {
        low: Vec<usize>,
        high: Vec<usize>,
        interior: Vec<usize>,
    },
    /// All operands one behind the other along this axis.
    Concat(u8),
    /// The order of elements along these axes turned round.
    Reverse(Vec<u8>),

    /// Joins all elements along the axes (ascending), which disappear.
    Reduce {
        kind: ReduceKind,
        axes: Vec<u8>,
    },
    /// The position (i64) of the first largest element along the axis, which disappears; NaN counts as largest.
    ArgMax(u8),
    /// The position (i64) of the first smallest element along the axis, which disappears; NaN counts as smallest.
    ArgMin(u8),

    /// (a [..., m, k], b [..., k, n]) -> [..., m, n]; equal leading dimensions; a flag says that an operand's last two dimensions are stored swapped.
    MatMul {
        transpose_a: bool,
        transpose_b: bool,
    },

    /// (operand, indices: i32 or i64) -> operand's dimension `axis` replaced by the dimensions of the indices. An index out of range fails the run.
    Gather {
        axis: u8,
    },
    /// (operand, indices, updates) -> operand with updates added at the places that `Gather` would read.
    ScatterAdd {
        axis: u8,
    },

    /// The position along this axis.
    Iota {
        shape: Shape,
        axis: u8,
        dtype: DType,
    },
    /// (state: i64[3] = seed, stream, offset) -> numbers from words offset + `start` and on of that stream.
    Random {
        distribution: Distribution,
        shape: Shape,
        dtype: DType,
        start: u64,
    },
}
