//! The primitive operations and their attributes. What they mean is said once, in [`crate::ops`].

use crate::ir::{Call, Graph, HostCall, Linalg, Literal, Scan, Shared, VariableId, WindowAxis};
use crate::random::Draw;
use crate::tensor::{DType, Shape, Tensor};

/// A family of operations: its members in the order of their numbers, each with the name by which hosts know it.
macro_rules! family {
    ($(#[$about:meta])* $family:ident: $($(#[$meaning:meta])* $member:ident $name:literal,)*) => {
        $(#[$about])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        pub enum $family {
            $($(#[$meaning])* $member,)*
        }
        impl $family {
            pub const ALL: &'static [$family] = &[$($family::$member),*];

            /// The name of the operation as hosts know it.
            pub fn name(self) -> &'static str {
                match self {
                    $($family::$member => $name),*
                }
            }
        }
    };
}

family! {
    /// Elementwise functions of one value. What each is, its row in `ops/unary.rs` says. The result has the dtype of the operand unless
    /// the row says otherwise.
    Unary:
    /// The operand itself; marks a place that a gradient is taken at. Removed by the compiler.
    Identity "identity",
    /// The operand itself, with gradient zero.
    StopGradient "stop_gradient",
    Neg "neg",
    Abs "abs",
    /// -1, 0 or 1; NaN stays NaN.
    Sign "sign",
    Exp "exp",
    Expm1 "expm1",
    Exp2 "exp2",
    Log "log",
    Log1p "log1p",
    Log2 "log2",
    Log10 "log10",
    Sqrt "sqrt",
    Rsqrt "rsqrt",
    Reciprocal "reciprocal",
    Sin "sin",
    Cos "cos",
    Tan "tan",
    Asin "asin",
    Acos "acos",
    Atan "atan",
    Sinh "sinh",
    Cosh "cosh",
    Tanh "tanh",
    Asinh "asinh",
    Acosh "acosh",
    Atanh "atanh",
    /// x - tanh x without cancellation near 0.
    Tanhshrink "tanhshrink",
    /// sin(pi x) / (pi x).
    Sinc "sinc",
    Sigmoid "sigmoid",
    Erf "erf",
    Erfc "erfc",
    /// e^(x^2) erfc(x).
    Erfcx "erfcx",
    Erfinv "erfinv",
    /// The normal distribution function.
    Ndtr "ndtr",
    LogNdtr "log_ndtr",
    /// ln |Gamma(x)|.
    Lgamma "lgamma",
    Digamma "digamma",
    /// Modified Bessel functions of the first kind; with an e, times e^-|x|.
    I0 "i0",
    I0e "i0e",
    I1 "i1",
    I1e "i1e",
    BesselJ0 "bessel_j0",
    BesselJ1 "bessel_j1",
    /// -x ln x, 0 at 0, -inf below.
    Entr "entr",
    Floor "floor",
    Ceil "ceil",
    /// To the nearest integer, halves to even.
    Round "round",
    Trunc "trunc",
    Relu "relu",
    /// Logical for bool, bitwise for integers.
    Not "bitwise_not",
    IsNan "is_nan",
    IsInf "is_inf",
    IsFinite "is_finite",
    /// Whether the sign bit is set, also that of -0 and NaN.
    Signbit "signbit",
}

family! {
    /// Elementwise functions of two values of one dtype and one shape. Integers wrap.
    Binary:
    Add "add",
    Sub "sub",
    Mul "mul",
    /// Integers truncate; a / 0 = 0.
    Div "div",
    /// Remainder with the sign of the dividend (C's fmod). Integers: the remainder by 0 is 0.
    Rem "fmod",
    /// Integers with a negative exponent: the whole part of 1 / a^-b, 0 for a = 0.
    Pow "pow",
    /// NaN if either operand is NaN.
    Max "maximum",
    /// NaN if either operand is NaN.
    Min "minimum",
    And "bitwise_and",
    Or "bitwise_or",
    Xor "bitwise_xor",
    /// a 2^b, wrapping; 0 for b below 0 or beyond the width.
    Shl "bitwise_left_shift",
    /// The whole part of a / 2^b, rounded down; 0 or -1 for b below 0 or beyond the width.
    Shr "bitwise_right_shift",
    /// The greatest common divisor of integers, not negative unless it wraps; gcd(0, 0) = 0.
    Gcd "gcd",
    Atan2 "atan2",
    Hypot "hypot",
    /// The next f32 or f64 from a towards b.
    NextAfter "nextafter",
    /// The Hurwitz zeta function.
    Zeta "zeta",
    /// The regularized lower incomplete gamma function.
    Igamma "igamma",
    /// The regularized upper incomplete gamma function.
    Igammac "igammac",
    /// How the logarithm of a gamma number moves with its shape while its probability stays.
    LogGammaSlope "log_gamma_slope",
}

family! {
    /// Elementwise comparisons; the result is bool. Comparisons with NaN are false, `Ne` is true.
    Compare:
    Eq "equal",
    Ne "not_equal",
    Lt "less",
    Le "less_equal",
    Gt "greater",
    Ge "greater_equal",
}

family! {
    /// How a reduction joins elements.
    ReduceKind:
    Sum "sum",
    Prod "prod",
    /// NaN if any element is NaN.
    Max "max",
    /// NaN if any element is NaN.
    Min "min",
    /// bool in, bool out.
    Any "any",
    /// bool in, bool out.
    All "all",
}

family! {
    /// What random numbers are drawn from. One 32-bit word of the stream makes one element; f64 takes two words, the low one first.
    Distribution:
    /// Raw words as i32.
    Bits "bits",
    /// Uniform in [0, 1): the word's top 24 bits times 2^-24 (f64: top 53 bits times 2^-53).
    Uniform "uniform",
    /// Standard normal: the low bits k of the word of n bits stand for the tail (k + 1/2) 2^-n, the top bit is the sign.
    Normal "normal",
}

/// How queries look at keys in [`Op::Attention`].
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Attention {
    /// Query t sees the keys 0 ..= t alone.
    pub causal: bool,
    /// The factor of the products of queries and keys.
    pub scale: f64,
    /// The share of the weights that is set to 0, at least 0 and below 1. If it is not 0, the last operand of the attention is a generator's state.
    pub dropout: f64,
    /// The first word that the dropout takes, counted from the state's offset.
    pub start: u64,
}

family! {
    /// Which of the three operands and results of a convolution is computed from the other two: y [N, O, windows], x [N, C, elements],
    /// w [O, C / groups, taps]. y = sum over taps and channels of w * x at the tap's position; padding counts as 0.
    ConvolutionRole:
    /// (x, w) -> y
    Forward "convolution",
    /// (y, w) -> x: each element is the sum of what `Forward` multiplies it with.
    InputGradient "convolution_input_gradient",
    /// (x, y) -> w: each tap is the sum of what `Forward` multiplies it with.
    FilterGradient "convolution_filter_gradient",
}

family! {
    /// What becomes of the elements of each window. Leading dimensions are the same on both sides.
    WindowRole:
    /// (x, v) -> v at the first largest element of x in each window; NaN counts as largest. Padding takes no part.
    Select "window_select",
    /// (x, v of windows) -> for each element the sum of v of the windows in which it is x's first largest.
    Scatter "window_scatter",
    /// x -> the sum of each window.
    Sum "window_sum",
    /// v of windows -> for each element the sum of v of the windows that it lies in, once for each tap on it.
    Spread "window_spread",
}

family! {
    /// How a scatter joins an update with what is there.
    ScatterKind:
    /// The update takes the place; of several for one place the last.
    Replace "scatter",
    Add "scatter_add",
    Mul "scatter_mul",
    /// NaN if either is NaN.
    Max "scatter_max",
    /// NaN if either is NaN.
    Min "scatter_min",
}

family! {
    /// What a cumulative operation keeps of the elements so far.
    CumulativeKind:
    /// Their sum.
    Sum "cumsum",
    /// The position (i64) of the last largest one; NaN counts as largest.
    ArgMax "cummax",
    /// The position (i64) of the last smallest one; NaN counts as smallest.
    ArgMin "cummin",
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
    /// From floats to integers truncates and saturates, NaN becomes 0; between integers keeps the low bits; to bool: not zero.
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

    /// (operand, indices: i32 or i64) -> operand's dimension `axis` replaced by the dimensions of the indices. Negative indices count from
    /// the end. An index out of range fails the run.
    Gather {
        axis: u8,
    },
    /// (operand, indices, updates) -> operand with updates joined, in their order, to the places that `Gather` would read. With `fill`
    /// the operand is a scalar, repeated to that shape.
    Scatter {
        kind: ScatterKind,
        axis: u8,
        fill: Option<Shape>,
    },
    /// (operand, indices: i32 or i64) -> in the shape of the indices, the elements at those positions along the axis. Off the axis the
    /// indices have at most the operand's sizes. Negative indices count from the end; one out of range fails the run.
    TakeAlong {
        axis: u8,
    },
    /// (operand, indices, updates in the shape of the indices) -> operand with updates joined, in their order, to the places that
    /// `TakeAlong` would read. `fill` as in `Scatter`.
    ScatterAlong {
        kind: ScatterKind,
        axis: u8,
        fill: Option<Shape>,
    },

    /// The positions (i64) of the elements along the axis in ascending or descending order; equal ones keep theirs. NaN counts as
    /// largest.
    ArgSort {
        axis: u8,
        descending: bool,
    },
    /// The positions (i64) of the `count` largest or smallest elements along the axis, the first of the order first; of equal ones those
    /// that come first. NaN counts as largest.
    ArgTop {
        axis: u8,
        count: usize,
        largest: bool,
    },
    /// (sequence [..., n] in ascending order, values [..., m]) -> the number (i64) of elements of the sequence that are smaller, or with
    /// `right` that are not larger. Leading dimensions are equal, or the sequence has none.
    SearchSorted {
        right: bool,
    },
    /// For each element what is kept of all up to it along the axis, from the end with `reverse`.
    Cumulative {
        kind: CumulativeKind,
        axis: u8,
        reverse: bool,
    },
    /// (a, b) -> y with y_0 = b_0 and y_i = a_i y_(i-1) + b_i along the axis, from the end with `reverse`.
    Recurrence {
        axis: u8,
        reverse: bool,
    },

    /// (query [..., T, E], key [..., S, E], value [..., S, D], mask [..., T, S] if there is one, state: i64[3] if there is dropout) -> two results:
    /// dropout(softmax(scale query key^T + mask)) value, and the logarithm of the softmax's denominator, [..., T], f32 at least.
    ///
    /// Leading dimensions of key and value are those of the query or 1, the last of them a divisor of the query's: neighbouring heads of the
    /// query then share one of theirs. Each dimension of the mask is the full one or 1; it is bool, true where a key takes part, or added.
    /// A query that sees no key gets zeros, and -inf. Row r of T S weights takes the words r S to (r + 1) S - 1 behind `start`, r counted over all
    /// leading dimensions; a weight stays where the word's uniform number is below 1 - dropout in f32.
    Attention(Attention),
    /// (the operands of the attention, its second result, delta [..., T], gradient [..., T, D] of its first) -> what query, key, and value get,
    /// for the product of two functions: weights = e^(scores - second result) and their slopes weights (gradient value^T - delta).
    AttentionGradient(Attention),
    /// Windows over the last dimensions, with one entry each; see [`ConvolutionRole`] for operands and results.
    Convolution {
        role: ConvolutionRole,
        window: Vec<WindowAxis>,
        groups: usize,
    },
    /// Windows over the last dimensions, with one entry each; see [`WindowRole`] for operands and results.
    Window {
        role: WindowRole,
        window: Vec<WindowAxis>,
    },

    /// A decomposition of matrices, or what is solved with one; see [`Linalg`] for operands and results.
    Linalg(Linalg),

    /// The position along this axis.
    Iota {
        shape: Shape,
        axis: u8,
        dtype: DType,
    },
    /// (x, others ...) -> x, not before the others are there.
    After,
    /// The results of a graph, with a gradient of its own making.
    Call(Shared<Call>),
    /// A loop that runs its body a fixed number of times.
    Scan(Shared<Scan>),
    /// What a function of the host makes of the operands.
    Host(Shared<HostCall>),

    /// Result number i of an operation that has several ([`Op::result_count`]): the operand.
    Part(u32),

    /// (state: i64[3] = seed, stream, offset) -> numbers from words offset + `start` and on of that stream.
    Random {
        distribution: Distribution,
        shape: Shape,
        dtype: DType,
        start: u64,
    },
    /// (state: i64[3], parameters ... of the result's type) -> numbers of a distribution, computed in f64 and rounded: element i from the words
    /// offset + `start` + i [`Draw::words`] and on of that stream.
    Draw {
        draw: Draw,
        shape: Shape,
        dtype: DType,
        start: u64,
    },
    /// (state: i64[3], weights [..., n]) -> the positions (i64) of classes that are drawn with probabilities as their weights, [..., count].
    ///
    /// With `replacement` each of the results r takes the two words offset + `start` + 2 r and on for a number u in [0, 1), and is the first class
    /// up to which the weights, added in f64, are more than u times their sum. Without, class c of row r takes the two words offset + `start` +
    /// 2 (r n + c) and on for an exponential number, and those come first for which it is smallest over the weight. Weights that are
    /// negative or not finite, and too few that are positive, fail the run.
    Multinomial {
        count: usize,
        replacement: bool,
        start: u64,
    },
}

impl Op {
    /// The name of the operation as hosts know it.
    pub fn name(&self) -> &'static str {
        match self {
            Op::Input(_) => "input",
            Op::Constant(_) | Op::ConstantTensor(_) => "constant",
            Op::Read(_) => "read",
            Op::Unary(op) => op.name(),
            Op::Binary(op) => op.name(),
            Op::Compare(op) => op.name(),
            Op::Select => "select",
            Op::Cast(_) => "cast",
            Op::Broadcast { .. } => "broadcast",
            Op::Reshape(_) => "reshape",
            Op::Transpose(_) => "transpose",
            Op::Slice { .. } => "slice",
            Op::Pad { .. } => "pad",
            Op::Concat(_) => "concat",
            Op::Reverse(_) => "reverse",
            Op::Reduce { kind, .. } => kind.name(),
            Op::ArgMax(_) => "argmax",
            Op::ArgMin(_) => "argmin",
            Op::MatMul { .. } => "matmul",
            Op::Gather { .. } => "gather",
            Op::Attention(_) => "scaled_dot_product_attention",
            Op::AttentionGradient(_) => "scaled_dot_product_attention_gradient",
            Op::Convolution { role, .. } => role.name(),
            Op::Window { role, .. } => role.name(),
            Op::Scatter { kind, .. } => kind.name(),
            Op::TakeAlong { .. } => "take_along",
            Op::ScatterAlong { .. } => "scatter_along",
            Op::ArgSort { .. } => "argsort",
            Op::ArgTop { .. } => "topk",
            Op::SearchSorted { .. } => "searchsorted",
            Op::Cumulative { kind, .. } => kind.name(),
            Op::Recurrence { .. } => "recurrence",
            Op::Linalg(op) => op.name(),
            Op::Iota { .. } => "iota",
            Op::After => "after",
            Op::Call(_) => "call",
            Op::Scan(_) => "scan",
            Op::Host(_) => "host_call",
            Op::Part(_) => "part",
            Op::Random { .. } => "random",
            Op::Draw { draw, .. } => draw.name(),
            Op::Multinomial { .. } => "multinomial",
        }
    }
    /// How the compiler and the devices see the operation.
    pub fn class(&self) -> Class {
        match self {
            Op::Input(_) | Op::Constant(_) | Op::ConstantTensor(_) | Op::Read(_) | Op::Iota { .. } => Class::Leaf,
            Op::Broadcast { .. } | Op::Reshape(_) | Op::Transpose(_) | Op::Slice { .. } | Op::Reverse(_) | Op::After => Class::View,
            Op::Unary(_) | Op::Binary(_) | Op::Compare(_) | Op::Select | Op::Cast(_) | Op::Random { .. } => Class::Loop,
            Op::Reduce { .. } | Op::ArgMax(_) | Op::ArgMin(_) => Class::Loop,
            Op::Pad { .. } | Op::Concat(_) => Class::Assembly,
            Op::MatMul { .. } => Class::Product,
            Op::Part(_) => Class::Part,
            Op::Call(call) => Class::Kernel(Kernel { fallible: is_fallible(&call.body), moves: true }),
            Op::Scan(scan) => Class::Kernel(Kernel { fallible: is_fallible(&scan.body), moves: true }),
            Op::Host(_) => Class::Kernel(Kernel { fallible: true, moves: true }),
            Op::Attention(_) | Op::AttentionGradient(_) => Class::Kernel(Kernel { fallible: false, moves: false }),
            Op::Convolution { .. } | Op::Window { .. } => Class::Kernel(Kernel { fallible: false, moves: false }),
            Op::Gather { .. } | Op::TakeAlong { .. } => Class::Kernel(Kernel { fallible: true, moves: true }),
            Op::Draw { .. } => Class::Kernel(Kernel { fallible: false, moves: false }),
            Op::Multinomial { .. } => Class::Kernel(Kernel { fallible: true, moves: false }),
            Op::Scatter { kind, .. } | Op::ScatterAlong { kind, .. } => {
                Class::Kernel(Kernel { fallible: true, moves: *kind == ScatterKind::Replace })
            }
            Op::ArgSort { .. } | Op::ArgTop { .. } | Op::SearchSorted { .. } | Op::Cumulative { .. } | Op::Recurrence { .. } => {
                Class::Kernel(Kernel { fallible: false, moves: false })
            }
            Op::Linalg(_) => Class::Kernel(Kernel { fallible: false, moves: false }),
        }
    }
    /// How many results the operation has, if it hands them out as [`Op::Part`]s; `None` if its node is its one result.
    pub fn result_count(&self) -> Option<usize> {
        match self {
            Op::Call(call) => Some(call.body.outputs.len()),
            Op::Scan(scan) => Some(scan.body.outputs.len() + scan.body.nodes.len()),
            Op::Host(call) => Some(call.results.len()),
            Op::Attention(_) => Some(2),
            Op::AttentionGradient(_) => Some(3),
            Op::Linalg(op) => op.result_count(),
            _ => None,
        }
    }
}

fn is_fallible(body: &Graph) -> bool {
    body.nodes.iter().any(|node| matches!(node.op.class(), Class::Kernel(Kernel { fallible: true, .. })))
}

/// How the compiler and the devices see an operation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Class {
    /// Known or given before anything runs.
    Leaf,
    /// Another value's elements under an offset and strides.
    View,
    /// Computed by loops over tiles, fused with its neighbours.
    Loop,
    /// Put together from strided pieces.
    Assembly,
    /// A matrix product.
    Product,
    /// One result of an operation with several; it is computed with its operand.
    Part,
    /// Computed by a kernel of its own, from operands that lie in memory without gaps.
    Kernel(Kernel),
}

/// What the compiler has to know of an operation with a kernel of its own.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Kernel {
    /// Whether values of the operands can make a run fail: then it runs before results are written.
    pub fallible: bool,
    /// Whether elements are only moved. If not, the kernel gets 16-bit floats as f32, and so does it return them.
    pub moves: bool,
}
