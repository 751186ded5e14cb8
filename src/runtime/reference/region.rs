//! Graphs inside nodes.

use super::{Array, Data, values};
use crate::error::Result;
use crate::ir::{Call, HostArray, HostCall, Scan, Type, Value};
use crate::tensor::{Allocator, Shape, Tensor};

pub(super) fn call(call: &Call, x: &[&Array]) -> Result<Vec<Array>> {
    let values = values(&call.body, x.iter().map(|x| (*x).clone()).collect())?;
    Ok(call.body.outputs.iter().map(|output| values[output.index()].clone()).collect())
}

/// One step after the other.
pub(super) fn scan(scan: &Scan, x: &[&Array]) -> Result<Vec<Array>> {
    let body = &scan.body;
    let mut carries: Vec<Array> = x[..scan.carries].iter().map(|x| (*x).clone()).collect();
    let steps: Vec<usize> = if scan.reverse { (0..scan.length).rev().collect() } else { (0..scan.length).collect() };
    let mut by_step: Vec<Vec<Array>> = vec![Vec::new(); scan.length];
    for step in steps {
        let slices = x[scan.carries..scan.carries + scan.slices].iter().enumerate().map(|(number, x)| {
            let ty = body.ty(body.inputs[scan.carries + number]);
            let size = ty.shape.elements();
            Array { ty, data: x.data.pick(step * size..(step + 1) * size) }
        });
        let constants = x[scan.carries + scan.slices..].iter().map(|x| (*x).clone());
        let values = values(body, carries.iter().cloned().chain(slices).chain(constants).collect())?;
        carries = body.outputs[..scan.carries].iter().map(|output| values[output.index()].clone()).collect();
        by_step[step] = values;
    }
    let stack = |value: Value| -> Array {
        let ty = body.ty(value);
        let all = by_step.iter().map(|values| &values[value.index()].data);
        let data = if ty.dtype.is_float() {
            Data::Floats(all.flat_map(|data| if let Data::Floats(data) = data { data.clone() } else { Vec::new() }).collect())
        } else {
            Data::Ints(all.flat_map(|data| if let Data::Ints(data) = data { data.clone() } else { Vec::new() }).collect())
        };
        let dims = [&[scan.length], ty.shape.dims()].concat();
        Array { ty: Type::new(ty.dtype, Shape::new(&dims).unwrap_or(Shape::EMPTY)), data }
    };
    let stacks = body.outputs[scan.carries..].iter().copied().chain((0..body.nodes.len()).map(Value::from_index)).map(stack);
    Ok(carries.into_iter().chain(stacks).collect())
}

pub(super) fn host(call: &HostCall, x: &[&Array]) -> Result<Vec<Array>> {
    let allocator = Allocator::system();
    let inputs = x.iter().map(|x| x.to_tensor(&allocator)).collect::<Result<Vec<Tensor>>>()?;
    let outputs = call.results.iter().map(|ty| Tensor::zeros(&allocator, ty.dtype, ty.shape)).collect::<Result<Vec<Tensor>>>()?;
    let array = |tensor: &Tensor| HostArray { ty: Type::new(tensor.dtype(), *tensor.shape()), data: tensor.data_ptr() };
    let (given, made): (Vec<HostArray>, Vec<HostArray>) = (inputs.iter().map(array).collect(), outputs.iter().map(array).collect());
    // SAFETY: the tensors are this function's own, fresh and contiguous.
    unsafe { call.function.run(&given, &made)? };
    outputs.iter().map(Array::from_tensor).collect()
}
