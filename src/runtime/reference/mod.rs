//! The oracle: evaluates a graph one node at a time with plain loops. It is slow on purpose: tests hold everything fast to it.
//!
//! It shares no code with the compiler and its kernels. A float is computed in f64 and rounded to the node's dtype after each node,
//! sums and products included; an integer is computed in i64 and wrapped to its dtype; a boolean is 0 or 1.

mod attention;
mod elementwise;
mod linalg;
mod movement;
mod order;
mod random;
mod reduction;
mod region;
mod scatter;
#[cfg(test)]
mod tests;
mod window;

use crate::error::{Error, Result};
use crate::ir::{Graph, Literal, Node, Op, Type, Value, VariableId, WindowRole};
use crate::ops;
use crate::tensor::{Allocator, DType, Shape, Tensor, decode, encode};
use std::collections::HashMap;

/// What a graph hands out.
#[derive(Clone, Debug)]
pub struct Evaluation {
    /// One tensor for each of the graph's outputs.
    pub outputs: Vec<Tensor>,
    /// What variables are to hold from now on. The variables themselves are as they were: storing is the caller's business.
    pub assigned: Vec<(VariableId, Tensor)>,
}

/// The graph's outputs and assignments for these inputs; results live in fresh memory of `allocator`.
///
/// `inputs` are one for each of the graph's inputs, of its dtype and shape. Variables are read and stay as they are. Fails with
/// INVALID_ARGUMENT for a wrong number of inputs and for positions that lie outside their axis, with DTYPE_MISMATCH or SHAPE_MISMATCH
/// for an input of another type, with OUT_OF_MEMORY for results that do not fit the allocator's cap. For tests: slow, single-threaded,
/// and every intermediate value is kept to the end.
pub fn evaluate(graph: &Graph, allocator: &Allocator, inputs: &[Tensor]) -> Result<Evaluation> {
    ops::validate(graph)?;
    if inputs.len() != graph.inputs.len() {
        return Err(Error::invalid(format!("the graph takes {} inputs, not {}", graph.inputs.len(), inputs.len())));
    }
    for (position, (tensor, value)) in inputs.iter().zip(&graph.inputs).enumerate() {
        let (given, wanted) = (Type::new(tensor.dtype(), *tensor.shape()), graph.ty(*value));
        if given.dtype != wanted.dtype {
            return Err(Error::dtype(format!("input {position} is {given}, not {wanted}")));
        }
        if given.shape != wanted.shape {
            return Err(Error::shape(format!("input {position} is {given}, not {wanted}")));
        }
    }
    let given = inputs.iter().map(Array::from_tensor).collect::<Result<Vec<Array>>>()?;
    let values = values(graph, given)?;
    let tensor = |value: &Value| values[value.index()].to_tensor(allocator);
    Ok(Evaluation {
        outputs: graph.outputs.iter().map(tensor).collect::<Result<_>>()?,
        assigned: graph.assignments.iter().map(|(id, value)| Ok((*id, tensor(value)?))).collect::<Result<_>>()?,
    })
}

/// The value of each node.
fn values(graph: &Graph, inputs: Vec<Array>) -> Result<Vec<Array>> {
    let mut values: Vec<Array> = Vec::with_capacity(graph.nodes.len());
    // Results of operations that have several.
    let mut several: HashMap<Value, Vec<Array>> = HashMap::new();
    for (index, node) in graph.nodes.iter().enumerate() {
        let place = || format!("{}{}{}", graph.paths[node.path as usize], if node.path == 0 { "" } else { ": " }, node.op.name());
        if node.op.result_count().is_some() {
            let mut results = compute_several(node, &values).map_err(|error| error.within(&place()))?;
            results.iter_mut().for_each(Array::round);
            several.insert(Value::from_index(index), results);
            values.push(Array { ty: node.ty, data: Data::Floats(Vec::new()) });
            continue;
        }
        let mut value = compute(graph, node, &values, &several, &inputs).map_err(|error| error.within(&place()))?;
        value.round();
        debug_assert_eq!(value.data.len(), node.ty.shape.elements(), "{}", place());
        values.push(value);
    }
    Ok(values)
}

/// Elements in row-major order, wide enough for every dtype of their kind.
#[derive(Clone, Debug)]
enum Data {
    Floats(Vec<f64>),
    /// Integers and booleans.
    Ints(Vec<i64>),
}

impl Data {
    fn len(&self) -> usize {
        match self {
            Data::Floats(data) => data.len(),
            Data::Ints(data) => data.len(),
        }
    }
    /// The elements at these places, in this order.
    fn pick(&self, places: impl Iterator<Item = usize>) -> Data {
        match self {
            Data::Floats(data) => Data::Floats(places.map(|place| data[place]).collect()),
            Data::Ints(data) => Data::Ints(places.map(|place| data[place]).collect()),
        }
    }
}

/// The value of a node.
#[derive(Clone, Debug)]
struct Array {
    ty: Type,
    data: Data,
}

impl Array {
    fn dims(&self) -> &[usize] {
        self.ty.shape.dims()
    }
    fn ints(&self) -> Result<&[i64]> {
        match &self.data {
            Data::Ints(data) => Ok(data),
            Data::Floats(_) => Err(Error::internal("integers were expected")),
        }
    }
    fn floats(&self) -> Result<&[f64]> {
        match &self.data {
            Data::Floats(data) => Ok(data),
            Data::Ints(_) => Err(Error::internal("floats were expected")),
        }
    }
    /// Rounds or wraps every element to the dtype.
    fn round(&mut self) {
        let dtype = self.ty.dtype;
        match &mut self.data {
            Data::Floats(data) => data.iter_mut().for_each(|x| *x = round(dtype, *x)),
            Data::Ints(data) => data.iter_mut().for_each(|x| *x = wrap(dtype, *x)),
        }
    }
    fn from_tensor(tensor: &Tensor) -> Result<Array> {
        let dtype = tensor.dtype();
        let data = match dtype {
            DType::I64 => Data::Ints(tensor.to_vec::<i64>()?),
            DType::I32 => Data::Ints(tensor.to_vec::<i32>()?.into_iter().map(i64::from).collect()),
            DType::U8 => Data::Ints(tensor.to_vec::<u8>()?.into_iter().map(i64::from).collect()),
            DType::Bool => Data::Ints(tensor.to_vec::<bool>()?.into_iter().map(i64::from).collect()),
            _ => {
                let mut bytes = vec![0; tensor.bytes()];
                tensor.read_bytes(&mut bytes)?;
                Data::Floats(bytes.chunks_exact(dtype.size()).map(|element| decode(dtype, element)).collect())
            }
        };
        Ok(Array { ty: Type::new(dtype, *tensor.shape()), data })
    }
    fn to_tensor(&self, allocator: &Allocator) -> Result<Tensor> {
        let dims = self.dims();
        match (&self.data, self.ty.dtype) {
            (Data::Ints(data), DType::I64) => Tensor::from_slice(allocator, data, dims),
            (Data::Ints(data), dtype) => {
                // Values were wrapped: what is left fits an i32, and the low bytes of it are the smaller dtypes.
                let tensor = Tensor::zeros(allocator, dtype, self.ty.shape)?;
                let bytes: Vec<u8> = data.iter().flat_map(|x| encode(dtype, *x as f64)[..dtype.size()].to_vec()).collect();
                tensor.write_bytes(&bytes)?;
                Ok(tensor)
            }
            (Data::Floats(data), dtype) => {
                let tensor = Tensor::zeros(allocator, dtype, self.ty.shape)?;
                let bytes: Vec<u8> = data.iter().flat_map(|x| encode(dtype, *x)[..dtype.size()].to_vec()).collect();
                tensor.write_bytes(&bytes)?;
                Ok(tensor)
            }
        }
    }
}

/// The number of this dtype nearest to x, ties to even.
fn round(dtype: DType, x: f64) -> f64 {
    decode(dtype, &encode(dtype, x)[..dtype.size()])
}

/// The low bits of x as a number of this dtype. Booleans are 0 or 1 already.
fn wrap(dtype: DType, x: i64) -> i64 {
    match dtype {
        DType::I32 => x as i32 as i64,
        DType::U8 => x as u8 as i64,
        _ => x,
    }
}

/// The results of a node that has several, before rounding.
fn compute_several(node: &Node, values: &[Array]) -> Result<Vec<Array>> {
    let x: Vec<&Array> = node.inputs.iter().map(|value| &values[value.index()]).collect();
    let types = || ops::infer_several(&node.op, &x.iter().map(|x| x.ty).collect::<Vec<Type>>());
    match &node.op {
        Op::Call(call) => region::call(call, &x),
        Op::Scan(scan) => region::scan(scan, &x),
        Op::Host(call) => region::host(call, &x),
        Op::Attention(op) => attention::attention(op, &x, &types()?),
        Op::AttentionGradient(op) => attention::attention_gradient(op, &x, &types()?),
        Op::Linalg(op) => linalg::several(*op, &x, &types()?),
        _ => Err(Error::internal(format!("{} has one result", node.op.name()))),
    }
}

/// The value of one node before rounding.
fn compute(graph: &Graph, node: &Node, values: &[Array], several: &HashMap<Value, Vec<Array>>, inputs: &[Array]) -> Result<Array> {
    let x: Vec<&Array> = node.inputs.iter().map(|value| &values[value.index()]).collect();
    let ty = node.ty;
    let data = match &node.op {
        Op::Input(position) => inputs[*position as usize].data.clone(),
        Op::Constant(literal) => constant(ty.dtype, *literal),
        Op::ConstantTensor(tensor) => Array::from_tensor(tensor)?.data,
        Op::Read(id) => Array::from_tensor(graph.variables[id.0 as usize].tensor()?)?.data,

        Op::Unary(op) => elementwise::unary(*op, ty.dtype, x[0]),
        Op::Binary(op) => elementwise::binary(*op, x[0], x[1])?,
        Op::Compare(op) => elementwise::compare(*op, x[0], x[1])?,
        Op::Select => elementwise::select(x[0], x[1], x[2])?,
        Op::Cast(dtype) => elementwise::cast(x[0], *dtype),

        Op::Broadcast { shape, axes } => movement::broadcast(x[0], shape, axes),
        Op::Reshape(_) => x[0].data.clone(),
        Op::Transpose(permutation) => movement::transpose(x[0], &ty.shape, permutation),
        Op::Slice { start, step, .. } => movement::slice(x[0], &ty.shape, start, step),
        Op::Pad { low, interior, .. } => movement::pad(x[0], x[1], &ty.shape, low, interior)?,
        Op::Concat(axis) => movement::concat(&x, &ty.shape, *axis as usize)?,
        Op::Reverse(axes) => movement::reverse(x[0], axes),
        Op::Gather { axis } => movement::gather(x[0], x[1], &ty.shape, *axis as usize)?,
        Op::Scatter { kind, axis, .. } => scatter::scatter(*kind, x[0], x[1], x[2], &ty.shape, *axis as usize)?,
        Op::TakeAlong { axis } => scatter::take_along(x[0], x[1], *axis as usize)?,
        Op::ScatterAlong { kind, axis, .. } => scatter::scatter_along(*kind, x[0], x[1], x[2], &ty.shape, *axis as usize)?,
        Op::ArgSort { axis, descending } => order::rank(x[0], &ty.shape, *axis as usize, *descending),
        Op::ArgTop { axis, largest, .. } => order::rank(x[0], &ty.shape, *axis as usize, *largest),
        Op::SearchSorted { right } => order::search(x[0], x[1], *right)?,
        Op::Cumulative { kind, axis, reverse } => order::cumulative(*kind, x[0], *axis as usize, *reverse),
        Op::Recurrence { axis, reverse } => order::recurrence(x[0], x[1], *axis as usize, *reverse)?,
        Op::Iota { shape, axis, dtype } => movement::iota(shape, *axis as usize, *dtype),

        Op::Reduce { kind, axes } => reduction::reduce(*kind, x[0], &ty.shape, axes),
        Op::ArgMax(axis) => reduction::arg(x[0], &ty.shape, *axis as usize, true),
        Op::ArgMin(axis) => reduction::arg(x[0], &ty.shape, *axis as usize, false),
        Op::MatMul { transpose_a, transpose_b } => reduction::matmul(x[0], x[1], &ty.shape, *transpose_a, *transpose_b)?,

        Op::After => x[0].data.clone(),
        Op::Call(_) | Op::Scan(_) | Op::Host(_) | Op::Attention(_) | Op::AttentionGradient(_) => {
            return Err(Error::internal("its results are its parts"));
        }
        Op::Convolution { role, window, groups } => window::convolution(*role, window, *groups, x[0], x[1], &ty.shape)?,
        Op::Window { role: WindowRole::Select, window } => window::select(window, x[0], x[1], &ty.shape),
        Op::Window { role: WindowRole::Scatter, window } => window::scatter(window, x[0], x[1])?,
        Op::Window { role: WindowRole::Sum, window } => window::sum(window, x[0], &ty.shape, false),
        Op::Window { role: WindowRole::Spread, window } => window::sum(window, x[0], &ty.shape, true),

        Op::Linalg(op) => linalg::one(*op, &x)?,

        Op::Part(number) => return several[&node.inputs[0]].get(*number as usize).cloned().ok_or_else(|| Error::internal("no such part")),

        Op::Draw { draw, shape, start, .. } => random::draw(*draw, shape, *start, &x)?,
        Op::Multinomial { count, replacement, start } => random::multinomial(*count, *replacement, *start, x[0], x[1])?,
        Op::Random { distribution, shape, dtype, start } => random::random(*distribution, shape, *dtype, *start, x[0])?,
    };
    Ok(Array { ty, data })
}

fn constant(dtype: DType, literal: Literal) -> Data {
    if dtype.is_float() { Data::Floats(vec![literal.as_f64()]) } else { Data::Ints(vec![literal.as_i64()]) }
}

/// Position along each dimension of the element at a row-major place.
type Position = [usize; crate::tensor::MAX_RANK];

/// All positions of a shape in row-major order.
fn positions(shape: &Shape) -> impl Iterator<Item = Position> + use<> {
    let shape = *shape;
    (0..shape.elements()).map(move |mut place| {
        let mut position = Position::default();
        for axis in (0..shape.rank()).rev() {
            position[axis] = place % shape.dims()[axis];
            place /= shape.dims()[axis];
        }
        position
    })
}

/// The row-major place of a position.
fn place(dims: &[usize], position: &[usize]) -> usize {
    dims.iter().zip(position).fold(0, |place, (size, at)| place * size + at)
}
