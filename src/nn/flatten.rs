//! Joins dimensions.

use crate::context::Context;
use crate::error::Error;
use crate::ir::Value;
use crate::nn::{Cell, Construct, one_input};
use crate::ops::Trace;

struct Flatten {
    start: i64,
    end: i64,
}

/// Joins dimensions `start_dim` to `end_dim` (both included; negative ones count from the last) into one. The usual 1 and -1 keep the batch.
/// A scalar becomes a vector of one element where both name its place.
pub fn flatten(context: &Context, start_dim: i64, end_dim: i64) -> Cell {
    Cell::new(context, Box::new(Flatten { start: start_dim, end: end_dim }))
}

impl Construct for Flatten {
    fn kind(&self) -> &str {
        "Flatten"
    }
    fn construct(&self, _: &Cell, g: &mut Trace, inputs: &[Value]) -> Vec<Value> {
        let x = one_input("Flatten", g, inputs);
        if !g.contains(x) {
            return vec![x];
        }
        let dims = g.dims(x);
        let places = dims.len().max(1) as i64;
        let place = |axis: i64| usize::try_from(if axis < 0 { axis + places } else { axis }).ok().filter(|axis| *axis < places as usize);
        let (Some(start), Some(end)) = (place(self.start), place(self.end)) else {
            let text = format!("Flatten: dimensions {} to {} are not in {dims:?}", self.start, self.end);
            return vec![g.fail(Error::shape(text))];
        };
        if start > end {
            return vec![g.fail(Error::shape(format!("Flatten: dimension {start} comes behind {end}")))];
        }
        let end = (end + 1).min(dims.len());
        let mut joined = dims[..start.min(end)].to_vec();
        joined.push(dims[start.min(end)..end].iter().product());
        joined.extend_from_slice(&dims[end..]);
        vec![g.reshape(x, &joined)]
    }
    fn depends_on_training(&self) -> bool {
        false
    }
}
