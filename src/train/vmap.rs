//! Functions made from functions: many lanes at once.

use crate::autodiff::{Lanes, batch_since, place_lanes, stand_in};
use crate::error::{Error, Result, Status};
use crate::ir::Value;
use crate::ops::Trace;
use crate::train::Function;

/// Options of [`vmap`].
#[derive(Clone, Debug, Default)]
pub struct VmapOptions {
    /// For each input the dimension that holds the lanes, or `None` for an input that all lanes share. `None` for the whole list: dimension 0 of every input.
    pub in_axes: Option<Vec<Option<usize>>>,
    /// For each output the dimension that the lanes become. `None` for the whole list: dimension 0 of every output.
    pub out_axes: Option<Vec<usize>>,
}

/// The function that computes `f` for many lanes at once: its inputs have one more dimension than those of `f`, and so have its outputs.
///
/// An output that is the same in all lanes is repeated. Random numbers are the same in all lanes. What `f` assigns to variables must not differ
/// from lane to lane; it fails with UNSUPPORTED else.
///
/// Fails with INVALID_ARGUMENT if the lists do not fit the counts of inputs and outputs, or if no input has lanes. Calls fail with SHAPE_MISMATCH
/// if inputs have different numbers of lanes or lack the dimension; no lanes at all are refused.
pub fn vmap(f: &Function, options: VmapOptions) -> Result<Function> {
    let VmapOptions { in_axes, out_axes } = options;
    let fits = |name: &str, given: Option<usize>, wanted: Option<usize>| match (given, wanted) {
        (Some(given), Some(wanted)) if given != wanted => {
            Err(Error::invalid(format!("vmap: {name} has {given} entries, the function has {wanted}")))
        }
        _ => Ok(()),
    };
    fits("in_axes", in_axes.as_ref().map(Vec::len), f.input_count())?;
    fits("out_axes", out_axes.as_ref().map(Vec::len), f.output_count())?;
    if in_axes.as_ref().is_some_and(|axes| axes.iter().all(Option::is_none)) {
        return Err(Error::invalid("vmap: no input has lanes"));
    }
    let inner = f.clone();
    Ok(Function::with_counts(f.context(), f.input_count(), f.output_count(), move |g, inputs| {
        let in_axes = in_axes.clone().unwrap_or_else(|| vec![Some(0); inputs.len()]);
        if in_axes.len() != inputs.len() {
            return Err(Error::invalid(format!("vmap: in_axes has {} entries for {} inputs", in_axes.len(), inputs.len())));
        }
        record(g, &inner, inputs, &in_axes, out_axes.as_deref())
    }))
}

fn record(g: &mut Trace, f: &Function, inputs: &[Value], in_axes: &[Option<usize>], out_axes: Option<&[usize]>) -> Result<Vec<Value>> {
    let mut lanes: Option<usize> = None;
    let mut given = Vec::new();
    let mut ones = Vec::with_capacity(inputs.len());
    let mark = g.mark();
    for (position, (input, axis)) in inputs.iter().zip(in_axes).enumerate() {
        let Some(axis) = *axis else {
            ones.push(*input);
            continue;
        };
        let dims = g.dims(*input);
        let Some(count) = dims.get(axis).copied() else {
            return Err(Error::shape(format!("vmap: input {position} is {}, it has no dimension {axis}", g.ty(*input))));
        };
        if lanes.is_some_and(|lanes| lanes != count) {
            return Err(Error::shape(format!("vmap: input {position} has {count} lanes, an input before it {}", lanes.unwrap_or(0))));
        }
        lanes = Some(count);
        let order: Vec<usize> = std::iter::once(axis).chain((0..dims.len()).filter(|other| *other != axis)).collect();
        let all = g.transpose(*input, &order);
        if count == 0 {
            return Err(Error::shape(format!("vmap: input {position} has no lanes")));
        }
        let one = stand_in(g, all);
        given.push((one, all));
        ones.push(one);
    }
    let Some(lanes) = lanes else { return Err(Error::invalid("vmap: no input has lanes")) };
    let before = g.graph().assignments.clone();
    let outputs = f.record(g, &ones)?;
    let out_axes = out_axes.map_or_else(|| vec![0; outputs.len()], <[usize]>::to_vec);
    if out_axes.len() != outputs.len() {
        return Err(Error::invalid(format!("vmap: out_axes has {} entries for {} outputs", out_axes.len(), outputs.len())));
    }
    let assigned: Vec<_> = g.graph().assignments.iter().copied().filter(|entry| !before.contains(entry)).collect();
    let wanted: Vec<Value> = outputs.iter().copied().chain(assigned.iter().map(|(_, value)| *value)).collect();
    let all = batch_since(g, mark, lanes, &given, &wanted)?;
    for ((id, _), Lanes { value, batched }) in assigned.iter().zip(&all[outputs.len()..]) {
        let variable = g.graph().variables[id.0 as usize].clone();
        if *batched {
            let text = format!("vmap: {} would be assigned something else in each lane", variable.name());
            return Err(Error::new(Status::Unsupported, text));
        }
        g.assign(&variable, *value);
    }
    outputs.iter().zip(&all).zip(out_axes).map(|((_, output), axis)| place_lanes(g, *output, lanes, axis)).collect()
}
