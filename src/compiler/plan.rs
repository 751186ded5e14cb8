//! What the compiler hands to a device: steps over placed buffers.

use crate::ir::{Binary, Compare, Distribution, Graph, Literal, Op, ReduceKind, Type, Unary, Value, VariableId};
use crate::tensor::DType;
use std::sync::Arc;

/// A compiled graph: steps in order, every buffer with its place.
pub struct Plan {
    /// The simplified graph that the steps compute.
    pub graph: Graph,
    pub buffers: Vec<Buffer>,
    pub steps: Vec<Step>,
    /// Bytes of the one block that holds all intermediates.
    pub arena_bytes: usize,
    /// Steps from this one on write variables and outputs, and cannot fail.
    pub commit: usize,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct BufferId(pub u32);

/// Contiguous elements.
#[derive(Clone, Debug)]
pub struct Buffer {
    pub dtype: DType,
    pub elements: usize,
    pub place: Place,
    /// The value that it holds.
    pub value: Value,
}

impl Buffer {
    pub fn bytes(&self) -> usize {
        self.elements * self.dtype.size()
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Place {
    Input(u32),
    Output(u32),
    Variable(VariableId),
    /// The tensor of this `ConstantTensor` node.
    Constant(Value),
    /// Bytes from the start of the arena.
    Arena(usize),
}

pub enum Step {
    Loop(Loop),
    Product(Product),
    Kernel(KernelStep),
    /// A buffer put together from strided pieces over a fill.
    Assemble(Assemble),
    Copy {
        from: BufferId,
        to: BufferId,
    },
}

/// A short program over an iteration space of rows and columns. A space without rows is one row.
pub struct Loop {
    pub rows: usize,
    pub columns: usize,
    /// In order; a register is the number of the operation that makes it.
    pub ops: Vec<LoopOp>,
    /// The product whose rows are this loop's rows: it rides as the epilogue.
    pub product: Option<Product>,
}

pub type Register = u32;

/// The part of the space that a register has an element for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Extent {
    Full,
    /// One element for each row.
    Row,
    /// One element for each column.
    Column,
    Scalar,
}

pub struct LoopOp {
    pub kind: Kind,
    pub inputs: Vec<Register>,
    pub dtype: DType,
    pub extent: Extent,
    /// The buffer that keeps the result beyond the loop.
    pub store: Option<BufferId>,
    /// The store waits for the end of each tile, because operations that follow read the same memory.
    pub store_late: bool,
}

pub enum Kind {
    Load(Access),
    /// The address itself: positions along axes.
    Positions(Access),
    /// The rows of the loop's product.
    Product,
    Constant(Literal),
    Unary(Unary),
    Binary(Binary),
    Compare(Compare),
    Select,
    Cast,
    /// a * b + c
    MulAdd,
    /// c - a * b
    NegMulAdd,
    /// a * b - c
    MulSub,
    Random {
        distribution: Distribution,
        state: BufferId,
        start: u64,
    },
    RowReduce(ReduceKind),
    RowArgMax,
    RowArgMin,
    /// Complete when the loop has ended.
    ColumnReduce(ReduceKind),
    /// Complete when the loop has ended. Joins an element for each point, or for each row where `over` is `Row`.
    TotalReduce {
        kind: ReduceKind,
        over: Extent,
    },
}

/// Elements of a buffer along rows and columns: (size, stride) from the outermost, strides in elements.
#[derive(Clone, Debug, PartialEq)]
pub struct Access {
    pub buffer: Option<BufferId>,
    pub offset: isize,
    pub rows: Vec<(usize, isize)>,
    pub columns: Vec<(usize, isize)>,
}

impl Access {
    /// The extent that this access needs a register for.
    pub fn extent(&self) -> Extent {
        let still = |dims: &[(usize, isize)]| dims.iter().all(|(_, stride)| *stride == 0);
        match (still(&self.rows), still(&self.columns)) {
            (true, true) => Extent::Scalar,
            (true, false) => Extent::Column,
            (false, true) => Extent::Row,
            (false, false) => Extent::Full,
        }
    }
    /// Whether elements follow one another without gaps in the order of the space, as far as the extent reaches.
    pub fn is_dense(&self, columns: usize) -> bool {
        let unit = |dims: &[(usize, isize)], step: isize| matches!(dims, [] | [(_, _)]) && dims.iter().all(|(_, stride)| *stride == step);
        match self.extent() {
            Extent::Scalar => true,
            Extent::Column => unit(&self.columns, 1),
            Extent::Row => unit(&self.rows, 1),
            Extent::Full => unit(&self.columns, 1) && unit(&self.rows, columns as isize),
        }
    }
}

/// A batch of matrix products: out[b] = a[b] b[b], each m x n over k.
#[derive(Clone, Debug)]
pub struct Product {
    pub dtype: DType,
    pub m: usize,
    pub n: usize,
    pub k: usize,
    pub batch: usize,
    pub a: Matrix,
    pub b: Matrix,
    /// Where the result is kept; None if only the loop that it feeds reads it.
    pub out: Option<BufferId>,
}

/// A matrix operand for each batch: strides in elements.
#[derive(Clone, Debug)]
pub struct Matrix {
    pub buffer: BufferId,
    pub offset: isize,
    pub batch: Vec<(usize, isize)>,
    pub row_stride: isize,
    pub column_stride: isize,
}

/// An operation that a kernel of its own computes. Operands and results are contiguous.
#[derive(Clone)]
pub struct KernelStep {
    pub op: Op,
    pub inputs: Vec<BufferId>,
    pub input_types: Vec<Type>,
    /// One for each result; None for a result that nobody reads.
    pub outputs: Vec<Option<BufferId>>,
    pub output_types: Vec<Type>,
    /// The body of a loop.
    pub body: Option<Arc<Plan>>,
}

#[derive(Clone, Debug)]
pub struct Assemble {
    pub out: BufferId,
    /// A buffer of one element; None if the pieces cover everything.
    pub fill: Option<BufferId>,
    pub pieces: Vec<Piece>,
}

/// dims.0 elements with stride dims.1 at the source and dims.2 at the target, for each dimension from the outermost.
#[derive(Clone, Debug)]
pub struct Piece {
    pub source: BufferId,
    pub source_offset: isize,
    pub target_offset: isize,
    pub dims: Vec<(usize, isize, isize)>,
}
