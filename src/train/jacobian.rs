//! Functions made from functions: derivatives along directions, Jacobians, Hessians.

use crate::autodiff::{batch_since, forward, place_lanes, reverse};
use crate::error::{Error, Result, Status};
use crate::ir::{Type, Value};
use crate::nn::Parameter;
use crate::ops::Trace;
use crate::train::Function;
use crate::train::wrt::{Wrt, differentiated, no_aux};

/// Options of [`jvp`], [`jacobian`], [`hessian`], and [`hvp`].
#[derive(Clone, Debug, Default)]
pub struct JacobianOptions {
    /// The inputs to differentiate with respect to. `None` stands for the first input where `weights` is empty, else for no input.
    pub positions: Option<Vec<usize>>,
    /// Parameters to differentiate with respect to.
    pub weights: Vec<Parameter>,
    /// Only the first output is differentiated, the others come along as they are. The function needs at least two.
    pub has_aux: bool,
}

/// How a Jacobian is computed. The results are the same.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum JacobianMode {
    /// A gradient for each element of the outputs, all at once: for few outputs and many inputs (jacrev).
    #[default]
    Rows,
    /// A direction for each element of the inputs, all at once: for few inputs and many outputs (jacfwd).
    Columns,
}

/// The function that computes what the outputs of `f` change by, to first order, when its inputs and parameters move: it takes the inputs of `f`, then
/// a direction for each position and weight, of its type, and returns the outputs of `f`, then their derivatives along the directions (with
/// `has_aux` that of the first output alone).
pub fn jvp(f: &Function, options: JacobianOptions) -> Result<Function> {
    let JacobianOptions { positions, weights, has_aux } = options;
    let wrt = Wrt::new("jvp", f, positions, weights)?;
    check_aux("jvp", f, has_aux)?;
    let input_count = f.input_count().map(|count| count + wrt.count());
    let output_count = f.output_count().map(|count| count + if has_aux { 1 } else { count });
    let inner = f.clone();
    Ok(Function::with_counts(f.context(), input_count, output_count, move |g, inputs| {
        let (inputs, directions) = split_directions("jvp", &wrt, inputs)?;
        let (inputs, at) = wrt.begin("jvp", g, inputs)?;
        check_directions("jvp", g, &at, directions)?;
        let outputs = inner.record(g, &inputs)?;
        let differentiated = differentiated("jvp", g, &outputs, has_aux)?;
        let pairs: Vec<(Value, Value)> = at.into_iter().zip(directions.iter().copied()).collect();
        let derivatives = forward(g, differentiated, &pairs)?;
        Ok([outputs, derivatives].concat())
    }))
}

/// The function that computes Jacobians of `f`: for each differentiated output and each position, then weight, one output of the shape (output's
/// dimensions, input's dimensions), in the order of outputs, then of positions; behind them with `has_aux` the outputs of `f` from the second on.
///
/// Outputs that are not floats are refused with NOT_DIFFERENTIABLE; a shape of more than eight dimensions with SHAPE_MISMATCH.
pub fn jacobian(f: &Function, mode: JacobianMode, options: JacobianOptions) -> Result<Function> {
    let JacobianOptions { positions, weights, has_aux } = options;
    let wrt = Wrt::new("jacobian", f, positions, weights)?;
    check_aux("jacobian", f, has_aux)?;
    let count = wrt.count();
    let output_count = f.output_count().map(|outputs| if has_aux { count + outputs - 1 } else { count * outputs });
    let inner = f.clone();
    Ok(Function::with_counts(f.context(), f.input_count(), output_count, move |g, inputs| {
        let (inputs, at) = wrt.begin("jacobian", g, inputs)?;
        let outputs = inner.record(g, &inputs)?;
        let differentiated = differentiated("jacobian", g, &outputs, has_aux)?;
        let blocks = blocks("jacobian", g, mode, differentiated, &at)?;
        Ok(if has_aux { [blocks, outputs[1..].to_vec()].concat() } else { blocks })
    }))
}

/// The function that computes the Hessian of `f`, whose first output is the scalar that counts: for each pair of positions and weights, in the
/// order of the first, then of the second, one output of the shape (first's dimensions, second's dimensions); behind them with `has_aux` the
/// outputs of `f` from the second on. Computed as the Jacobian of the gradient, by columns.
pub fn hessian(f: &Function, options: JacobianOptions) -> Result<Function> {
    let JacobianOptions { positions, weights, has_aux } = options;
    let wrt = Wrt::new("hessian", f, positions, weights)?;
    check_aux("hessian", f, has_aux)?;
    let count = wrt.count() * wrt.count();
    let output_count = f.output_count().map(|outputs| if has_aux { count + outputs - 1 } else { count });
    let inner = f.clone();
    Ok(Function::with_counts(f.context(), f.input_count(), output_count, move |g, inputs| {
        let (inputs, at) = wrt.begin("hessian", g, inputs)?;
        let outputs = inner.record(g, &inputs)?;
        let gradients = scalar_gradients("hessian", g, &outputs, has_aux, &at)?;
        let blocks = blocks("hessian", g, JacobianMode::Columns, &gradients, &at)?;
        Ok(if has_aux { [blocks, outputs[1..].to_vec()].concat() } else { blocks })
    }))
}

/// The function that multiplies the Hessian of `f`, whose first output is the scalar that counts, with directions: it takes the inputs of `f`, then a direction for
/// each position and weight, and returns the gradients, then the products, one of each for each position and weight. The Hessian itself is
/// never made.
pub fn hvp(f: &Function, options: JacobianOptions) -> Result<Function> {
    let JacobianOptions { positions, weights, has_aux } = options;
    let wrt = Wrt::new("hvp", f, positions, weights)?;
    check_aux("hvp", f, has_aux)?;
    let input_count = f.input_count().map(|count| count + wrt.count());
    let output_count = f.output_count().map(|outputs| 2 * wrt.count() + if has_aux { outputs - 1 } else { 0 });
    let inner = f.clone();
    Ok(Function::with_counts(f.context(), input_count, output_count, move |g, inputs| {
        let (inputs, directions) = split_directions("hvp", &wrt, inputs)?;
        let (inputs, at) = wrt.begin("hvp", g, inputs)?;
        check_directions("hvp", g, &at, directions)?;
        let outputs = inner.record(g, &inputs)?;
        let gradients = scalar_gradients("hvp", g, &outputs, has_aux, &at)?;
        // The Hessian is symmetric: its product with v is the gradient of <gradient, v>.
        let pairs: Vec<(Value, Value)> = gradients.iter().copied().zip(directions.iter().copied()).collect();
        let products = reverse(g, &pairs, &at)?;
        let aux = if has_aux { outputs[1..].to_vec() } else { Vec::new() };
        Ok([gradients, products, aux].concat())
    }))
}

fn check_aux(name: &str, f: &Function, has_aux: bool) -> Result<()> {
    match f.output_count() {
        Some(count) if has_aux && count < 2 => Err(no_aux(name, count)),
        _ => Ok(()),
    }
}

fn split_directions<'a>(name: &str, wrt: &Wrt, inputs: &'a [Value]) -> Result<(&'a [Value], &'a [Value])> {
    let own = inputs.len().checked_sub(wrt.count());
    let own = own.ok_or_else(|| Error::invalid(format!("{name}: behind the inputs come {} directions", wrt.count())))?;
    Ok(inputs.split_at(own))
}

fn check_directions(name: &str, g: &Trace, at: &[Value], directions: &[Value]) -> Result<()> {
    for (index, (at, direction)) in at.iter().zip(directions).enumerate() {
        let (wanted, given) = (g.ty(*at), g.ty(*direction));
        if wanted != given {
            return Err(Error::shape(format!("{name}: direction {index} is {given}, what moves along it is {wanted}")));
        }
        if !wanted.dtype.is_float() {
            return Err(Error::new(Status::NotDifferentiable, format!("{name}: direction {index} belongs to {wanted}, which is no float")));
        }
    }
    Ok(())
}

/// The gradients of the first output, a float scalar.
fn scalar_gradients(name: &str, g: &mut Trace, outputs: &[Value], has_aux: bool, at: &[Value]) -> Result<Vec<Value>> {
    let value = differentiated(name, g, outputs, has_aux)?[0];
    let ty = g.ty(value);
    if ty.shape.elements() != 1 || !ty.dtype.is_float() {
        return Err(Error::shape(format!("{name}: the first output is {ty}, not one float")));
    }
    let seed = g.ones_like(value);
    reverse(g, &[(value, seed)], at)
}

/// The Jacobian of each output at each value, output by output.
fn blocks(name: &str, g: &mut Trace, mode: JacobianMode, outputs: &[Value], at: &[Value]) -> Result<Vec<Value>> {
    for value in outputs.iter().chain(at) {
        let ty = g.ty(*value);
        if !ty.dtype.is_float() {
            return Err(Error::new(Status::NotDifferentiable, format!("{name}: {ty} is no float")));
        }
    }
    match mode {
        JacobianMode::Rows => {
            let mut all = Vec::with_capacity(outputs.len() * at.len());
            for y in outputs {
                all.extend(rows(g, *y, at)?);
            }
            Ok(all)
        }
        JacobianMode::Columns => {
            let columns = at.iter().map(|x| columns(g, outputs, *x)).collect::<Result<Vec<Vec<Value>>>>()?;
            Ok((0..outputs.len()).flat_map(|y| columns.iter().map(move |column| column[y])).collect())
        }
    }
}

/// All gradients of the elements of y: their seeds are lanes.
fn rows(g: &mut Trace, y: Value, at: &[Value]) -> Result<Vec<Value>> {
    let dims = g.dims(y);
    let lanes: usize = dims.iter().product();
    let mark = g.mark();
    let zeros = g.zeros_like(y);
    let seed = g.identity(zeros);
    let gradients = reverse(g, &[(y, seed)], at)?;
    let basis = basis(g, y);
    let all = batch_since(g, mark, lanes, &[(seed, basis)], &gradients)?;
    let mut blocks = Vec::with_capacity(at.len());
    for (x, lanes_of_x) in at.iter().zip(all) {
        let spread = place_lanes(g, lanes_of_x, lanes, 0)?;
        let shape = [dims.clone(), g.dims(*x)].concat();
        blocks.push(g.reshape(spread, &shape));
    }
    g.check()?;
    Ok(blocks)
}

/// The derivatives of the outputs along all elements of x: the directions are lanes.
fn columns(g: &mut Trace, outputs: &[Value], x: Value) -> Result<Vec<Value>> {
    let dims = g.dims(x);
    let lanes: usize = dims.iter().product();
    let mark = g.mark();
    let zeros = g.zeros_like(x);
    let direction = g.identity(zeros);
    let derivatives = forward(g, outputs, &[(x, direction)])?;
    let basis = basis(g, x);
    let all = batch_since(g, mark, lanes, &[(direction, basis)], &derivatives)?;
    let mut blocks = Vec::with_capacity(outputs.len());
    for (y, lanes_of_y) in outputs.iter().zip(all) {
        let spread = place_lanes(g, lanes_of_y, lanes, g.rank(*y))?;
        let shape = [g.dims(*y), dims.clone()].concat();
        blocks.push(g.reshape(spread, &shape));
    }
    g.check()?;
    Ok(blocks)
}

/// One lane for each element of x, in which that element is 1 and all others are 0.
fn basis(g: &mut Trace, x: Value) -> Value {
    let Type { dtype, shape } = g.ty(x);
    let count = shape.elements();
    let row = g.iota(crate::tensor::DType::I64, &[count, count], 0);
    let column = g.iota(crate::tensor::DType::I64, &[count, count], 1);
    let diagonal = g.equal(row, column);
    let ones = g.cast(diagonal, dtype);
    g.reshape(ones, &[&[count], shape.dims()].concat())
}
