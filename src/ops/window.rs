//! Convolutions and pools: what slides windows over the last dimensions. Each family is closed under differentiation.
//!
//! Rows and options are with the functions that hosts call, in [`super::composite::vision`].

use crate::error::{Error, Result};
use crate::ir::{ConvolutionRole, Op, Type, Value, WindowAxis, WindowRole};
use crate::ops::Trace;
use crate::ops::rules::Contribution;
use crate::tensor::{DType, Shape};

fn sizes(window: &[WindowAxis]) -> Vec<usize> {
    window.iter().map(|axis| axis.size).collect()
}
fn counts(window: &[WindowAxis]) -> Vec<usize> {
    window.iter().map(|axis| axis.count).collect()
}
fn kernels(window: &[WindowAxis]) -> Vec<usize> {
    window.iter().map(|axis| axis.kernel).collect()
}

fn check_axes(window: &[WindowAxis]) -> Result<()> {
    if !(1..=3).contains(&window.len()) {
        return Err(Error::shape(format!("windows move over 1 to 3 dimensions, not {}", window.len())));
    }
    window.iter().try_for_each(WindowAxis::check)
}

/// Dimension 0 and 1 of a tensor whose others are `spatial`.
fn leading(ty: Type, spatial: &[usize], what: &str) -> Result<(usize, usize)> {
    match ty.shape.dims() {
        [first, second, rest @ ..] if rest == spatial => Ok((*first, *second)),
        _ => Err(Error::shape(format!("{what} {}: its dimensions behind the first two are to be {spatial:?}", ty.shape))),
    }
}

pub(super) fn infer_convolution(role: ConvolutionRole, window: &[WindowAxis], groups: usize, a: Type, b: Type) -> Result<Type> {
    check_axes(window)?;
    if a.dtype != b.dtype || a.dtype == DType::Bool {
        return Err(Error::dtype(format!("of {a} and {b}: one dtype of numbers is wanted")));
    }
    let (x_spatial, y_spatial, w_spatial) = (sizes(window), counts(window), kernels(window));
    let even = |channels: usize, what: &str| {
        if groups > 0 && channels > 0 && channels.is_multiple_of(groups) {
            Ok(channels / groups)
        } else {
            Err(Error::shape(format!("{channels} {what} channels are not cut into {groups} groups")))
        }
    };
    let (lead, spatial) = match role {
        ConvolutionRole::Forward => {
            let (batch, input) = leading(a, &x_spatial, "the input")?;
            let (output, each) = leading(b, &w_spatial, "the weight")?;
            even(output, "output")?;
            if even(input, "input")? != each {
                return Err(Error::shape(format!(
                    "the weight {} takes {each} channels in each of {groups} groups, the input {} has {input}",
                    b.shape, a.shape
                )));
            }
            ([batch, output], y_spatial)
        }
        ConvolutionRole::InputGradient => {
            let (batch, output) = leading(a, &y_spatial, "the gradient")?;
            let (expected, each) = leading(b, &w_spatial, "the weight")?;
            even(output, "output")?;
            if output != expected || each == 0 {
                return Err(Error::shape(format!(
                    "the weight {} gives {expected} channels, the gradient {} has {output}",
                    b.shape, a.shape
                )));
            }
            let input = each.checked_mul(groups).ok_or_else(|| Error::shape("there are more channels than any memory holds"))?;
            ([batch, input], x_spatial)
        }
        ConvolutionRole::FilterGradient => {
            let (batch, input) = leading(a, &x_spatial, "the input")?;
            let (expected, output) = leading(b, &y_spatial, "the gradient")?;
            even(output, "output")?;
            if batch != expected {
                return Err(Error::shape(format!("the input {} and the gradient {} have different batches", a.shape, b.shape)));
            }
            ([output, even(input, "input")?], w_spatial)
        }
    };
    Ok(Type::new(a.dtype, Shape::new(&[&lead[..], &spatial].concat())?))
}

pub(super) fn gradient_convolution(
    g: &mut Trace,
    role: ConvolutionRole,
    window: &[WindowAxis],
    groups: usize,
    a: Value,
    b: Value,
    dy: Value,
) -> Contribution {
    let mut record = |role, a, b| g.convolution(role, window, groups, a, b);
    use ConvolutionRole::*;
    match role {
        Forward => Contribution::Two(record(InputGradient, dy, b), record(FilterGradient, a, dy)),
        // dy is what x is asked for with.
        InputGradient => Contribution::Two(record(Forward, dy, b), record(FilterGradient, dy, a)),
        // dy is what w is asked for with.
        FilterGradient => Contribution::Two(record(InputGradient, b, dy), record(Forward, a, dy)),
    }
}

/// Refuses windows that lie in the padding altogether: they have no largest element.
fn check_occupied(axis: &WindowAxis) -> Result<()> {
    let empty = |window: usize| Error::shape(format!("window {window} of {axis} holds nothing but padding"));
    let WindowAxis { size, stride, dilation, low, count, .. } = *axis;
    if count == 0 {
        return Ok(());
    }
    if (count - 1) * stride >= size.saturating_add(low) {
        return Err(empty(count - 1));
    }
    if low >= axis.reach() {
        return Err(empty(0));
    }
    // A window that begins in the padding has a tap within the first `dilation` elements.
    if size < dilation {
        let windows = low.div_ceil(stride).min(count);
        if windows > 1 << 16 {
            return Err(Error::shape(format!("{axis}: the taps are further apart than the elements")));
        }
        let is_empty = |window: &usize| {
            let tap = (low - window * stride).div_ceil(dilation);
            tap >= axis.kernel || axis.position(*window, tap).is_none()
        };
        return (0..windows).find(is_empty).map_or(Ok(()), |window| Err(empty(window)));
    }
    Ok(())
}

pub(super) fn infer_window(role: WindowRole, window: &[WindowAxis], inputs: &[Type]) -> Result<Type> {
    check_axes(window)?;
    let (elements, windows) = (sizes(window), counts(window));
    let count = if matches!(role, WindowRole::Select | WindowRole::Scatter) { 2 } else { 1 };
    if inputs.len() != count {
        return Err(Error::invalid(format!("takes {count} operands, not {}", inputs.len())));
    }
    if inputs[0].dtype == DType::Bool {
        return Err(Error::dtype("defined for floats and integers, not bool"));
    }
    let leads = |ty: Type, spatial: &[usize]| match ty.shape.dims().strip_suffix(spatial) {
        Some(lead) => Ok(lead.to_vec()),
        None => Err(Error::shape(format!("the last dimensions of {} are to be {spatial:?}", ty.shape))),
    };
    let joined = |lead: &[usize], spatial: &[usize]| Shape::new(&[lead, spatial].concat());
    let x = inputs[0];
    match role {
        WindowRole::Select => {
            window.iter().try_for_each(check_occupied)?;
            let lead = leads(x, &elements)?;
            if inputs[1].shape != x.shape {
                return Err(Error::shape(format!("looks in {} for the places, and takes elements of {}", x.shape, inputs[1].shape)));
            }
            Ok(Type::new(inputs[1].dtype, joined(&lead, &windows)?))
        }
        WindowRole::Scatter => {
            window.iter().try_for_each(check_occupied)?;
            let lead = leads(x, &elements)?;
            if inputs[1].shape != joined(&lead, &windows)? || inputs[1].dtype == DType::Bool {
                return Err(Error::shape(format!("the windows of {} are {windows:?}, the values {}", x.shape, inputs[1])));
            }
            Ok(Type::new(inputs[1].dtype, x.shape))
        }
        WindowRole::Sum => Ok(Type::new(x.dtype, joined(&leads(x, &elements)?, &windows)?)),
        WindowRole::Spread => Ok(Type::new(x.dtype, joined(&leads(x, &windows)?, &elements)?)),
    }
}

pub(super) fn gradient_window(g: &mut Trace, role: WindowRole, window: &[WindowAxis], x: &[Value], dy: Value) -> Contribution {
    match role {
        // Moving x a little moves no place.
        WindowRole::Select => Contribution::Many(vec![None, Some(g.window(WindowRole::Scatter, window, &[x[0], dy]))]),
        WindowRole::Scatter => Contribution::Many(vec![None, Some(g.window(WindowRole::Select, window, &[x[0], dy]))]),
        WindowRole::Sum => Contribution::One(g.window(WindowRole::Spread, window, &[dy])),
        WindowRole::Spread => Contribution::One(g.window(WindowRole::Sum, window, &[dy])),
    }
}

impl Trace {
    /// The primitive: see [`ConvolutionRole`] for what a and b are.
    pub fn convolution(&mut self, role: ConvolutionRole, window: &[WindowAxis], groups: usize, a: Value, b: Value) -> Value {
        self.push(Op::Convolution { role, window: window.to_vec(), groups }, &[a, b])
    }
    /// The primitive: see [`WindowRole`] for the operands.
    pub fn window(&mut self, role: WindowRole, window: &[WindowAxis], operands: &[Value]) -> Value {
        self.push(Op::Window { role, window: window.to_vec() }, operands)
    }
}
