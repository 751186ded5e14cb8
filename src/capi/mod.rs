//! The C boundary and nothing else: checks arguments, turns handles into objects, calls one method, writes outputs.
//!
//! Each file with exported functions is a chapter of `include/tenon.h`. `tools/header` reads the list of chapters from
//! this file: the public modules below, in this order; the first line of the comment above one is the chapter's
//! heading, what follows it the introduction.

#![allow(
    clippy::not_unsafe_ptr_arg_deref,
    reason = "these functions are C's, where nothing can be marked unsafe; what their pointers must be is the header's contract. Rust has the crate"
)]

// What all chapters stand on.
#[allow(dead_code, reason = "a set of tools, of which chapters take what they need")]
pub(crate) mod arguments;
#[allow(dead_code, reason = "as above")]
pub(crate) mod handle;
mod once;
pub(crate) mod record;

// The chapters. Blank lines between them keep the formatter from sorting them.

/// Statuses, errors, and what else all chapters share
pub mod error;

/// Version
pub mod version;

/// Contexts
pub mod context;

/// Tensors
pub mod tensor;

/// Random generators
pub mod generator;

/// Graphs and values
///
/// A graph is a recorded computation, a value is one result in it. Functions that record operations take values and
/// return a value, so that they nest: tenon_relu(tenon_matmul(x, w)). Nothing is computed while recording: shapes and
/// dtypes are inferred and checked on the spot, elements come when the compiled program runs.
///
/// These functions take no error. The first failure sticks to the graph, with the name of the operation and the path of
/// the cell, and every value that depends on it is invalid; whoever ends the recording (tenon_function_call,
/// tenon_train_step_run, tenon_graph_eval ...) returns it. A failure sticks to the graph of the first value, or, if that
/// is no value, of the first that is one.
///
/// A graph that is handed to a callback is for that callback and its thread alone, and ends with it.
pub mod graph;

/// Operations: new values
pub mod ops_create;

/// Operations: random numbers
///
/// Numbers follow from the generator's seed, stream, and offset alone: they have the same bits for any number of workers
/// and any instruction set. A zero generator handle stands for the context's own; the generator moves on when the program
/// has run. Distributions with parameters take them as values, which broadcast and promote, and give floats: f32 for
/// integers and bool. A parameter that is none of the distribution's gives NaN. Gradients go to locations, scales, and
/// rates through the numbers that were drawn; whole numbers have none.
pub mod ops_random;

/// Operations: elementwise functions of one value
///
/// The result has the shape and the dtype of x unless something else is said. Gradients at kinks are PyTorch's.
pub mod ops_unary;

/// Operations: elementwise functions of two values, choice, conversion
///
/// Shapes broadcast: aligned at the last dimension, sizes are equal or 1. Dtypes promote: bool < u8 < i32 < i64 < f16,
/// bf16 < f32 < f64; f16 with bf16 meets in f32.
pub mod ops_binary;

/// Operations: arithmetic made of elementwise functions
pub mod ops_arithmetic;

/// Operations: logarithms of sums and products, functions of the gamma family
///
/// Floats; where there are two operands they broadcast and promote, integers as f32 numbers.
pub mod ops_special;

/// Operations: truth, tolerance, replacement
pub mod ops_logic;

/// Operations: reductions
///
/// Axes may stand in any order; negative ones count from the last; none at all (NULL, 0) stands for all axes. With
/// keep_dims, reduced axes stay as dimensions of size 1.
pub mod ops_reduce;

/// Operations: shape
///
/// Negative axes count from the last.
pub mod ops_shape;

/// Operations: parts
///
/// What has several results writes them to `outputs`, of which there are exactly as many: invalid values if something
/// fails. Negative axes count from the last.
pub mod ops_parts;

/// Operations: repeating, turning, joining, diagonals
///
/// Negative axes count from the last.
pub mod ops_arrange;

/// Operations: products and indices
pub mod ops_index;

/// Operations: linear algebra
///
/// Matrices are the last two dimensions, and those in front a batch. Floats; integers give f32; f16 and bf16 are computed
/// in f32. Values never make a run fail: what cannot be computed is NaN or infinite. Matrices that are not symmetric have
/// no eigendecomposition here: its values are complex numbers, which no dtype holds.
pub mod ops_linalg;
/// Operations: products of vectors, matrices, and tensors
///
/// Floats and integers, whose dtypes promote. Sums of 16-bit floats accumulate in f32. Negative axes count from the last.
pub mod ops_product;

/// Operations: attention
pub mod ops_attention;

/// Operations: order
///
/// Sorting, selecting, searching, and counting. Values come with gradients, positions without.
pub mod ops_order;

/// Operations: what accumulates along an axis
pub mod ops_cumulative;

/// Operations: convolutions and pools
///
/// Windows move over one to three spatial dimensions, the last ones.
pub mod ops_window;

/// Operations: images
pub mod ops_vision;

/// Operations: activations
///
/// Gradients at kinks are PyTorch's unless something else is said.
pub mod ops_activation;

/// Operations: losses
///
/// Compositions of the operations above; the compiler fuses them.
pub mod ops_loss;

/// Operations: losses of classes and probabilities
pub mod ops_loss_class;

/// Operations: losses of numbers, margins, and distances
pub mod ops_loss_number;

/// Operations: gradients held within bounds
///
/// Floats, whose dtypes are kept; 16-bit ones are f32 in between. Of each list there is at least one value, and as many
/// outputs as values: invalid ones if something fails.
pub mod ops_clip;

/// Operations: normalization
///
/// Scale and offset of all zero bytes, (TenonValue){0}, are left out. 16-bit floats are f32 in between.
pub mod ops_norm;

/// Operations: statistics, norms, distances
///
/// Floats; integers count as f32. Axes as in reductions.
pub mod ops_statistics;

/// Which operations there are
///
/// What this version of the library can record, for hosts that choose at run time. One row for each operation: a function may have more
/// ways to be called than one, and then it has more rows.
pub mod ops_coverage;

/// Parameters
pub mod parameter;

/// Functions and gradients
pub mod function;

/// Functions from functions
///
/// What these make are functions like any other: they are called, recorded into graphs, and transformed again, in any
/// order.
pub mod transform;

/// Functions of the host
pub mod host_function;

/// Cells
pub mod cell;

/// Built-in cells
pub mod layers;

/// Optimizers
pub mod optimizer;

/// Training steps
pub mod train_step;

/// Checkpoints
pub mod checkpoint;
