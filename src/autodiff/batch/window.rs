//! Batching of what moves windows over an image: pools take the lanes as one more leading dimension; convolutions take them as more images
//! where the filter is the same in all lanes, else as more channels, each lane a group of its own.

use super::{Batch, Lanes};
use crate::error::Result;
use crate::ir::{ConvolutionRole, Op, Value, WindowAxis};
use crate::ops::Trace;

impl Batch<'_> {
    /// [`Op::Window`] for all lanes.
    pub(super) fn window(&mut self, op: &Op, x: &[Lanes]) -> Lanes {
        let operands: Vec<Value> = x.iter().map(|x| self.spread(*x)).collect();
        Lanes::each(self.g.push(op.clone(), &operands))
    }

    /// [`Op::Convolution`] for all lanes.
    pub(super) fn convolution(&mut self, role: ConvolutionRole, window: &[WindowAxis], groups: usize, [a, b]: [Lanes; 2]) -> Result<Lanes> {
        let is_filter = |position: usize| position == 1 && role != ConvolutionRole::FilterGradient;
        let push = |batch: &mut Self, groups: usize, operands: [Value; 2]| {
            batch.g.push(Op::Convolution { role, window: window.to_vec(), groups }, &operands)
        };
        if is_filter(1) && !b.batched {
            // More images.
            let images = self.dims(a)[0];
            let all = merge_first(self.g, a.value);
            let made = push(self, groups, [all, b.value]);
            return Ok(Lanes::each(split_first(self.g, made, self.lanes, images)));
        }
        // An image that all lanes share meets the filters, or the windows, of all lanes as more of them.
        let shares = groups == 1 && !a.batched && role != ConvolutionRole::InputGradient;
        let side = |batch: &mut Self, position: usize, x: Lanes| {
            let all = batch.spread(x);
            if is_filter(position) { merge_first(batch.g, all) } else { batch.channels(all) }
        };
        let operands = match (shares, role) {
            (true, _) => [a.value, side(self, 1, b)],
            (false, _) => [side(self, 0, a), side(self, 1, b)],
        };
        let made = push(self, if shares { 1 } else { groups * self.lanes }, operands);
        Ok(Lanes::each(match role {
            ConvolutionRole::FilterGradient => {
                let filters = self.g.dims(made)[0] / self.lanes;
                split_first(self.g, made, self.lanes, filters)
            }
            _ => self.lanes_of_channels(made),
        }))
    }

    /// [lanes, N, C, ...] as [N, lanes C, ...].
    fn channels(&mut self, x: Value) -> Value {
        let turned = self.swap_first(x);
        let dims = self.g.dims(turned);
        self.g.reshape(turned, &[&[dims[0], dims[1] * dims[2]], &dims[3..]].concat())
    }
    /// [N, lanes C, ...] as [lanes, N, C, ...].
    fn lanes_of_channels(&mut self, x: Value) -> Value {
        let dims = self.g.dims(x);
        let split = self.g.reshape(x, &[&[dims[0], self.lanes, dims[1] / self.lanes], &dims[2..]].concat());
        self.swap_first(split)
    }
}

/// [a, b, ...] as [a b, ...].
fn merge_first(g: &mut Trace, x: Value) -> Value {
    let dims = g.dims(x);
    g.reshape(x, &[&[dims[0] * dims[1]], &dims[2..]].concat())
}

/// [a b, ...] as [a, b, ...].
fn split_first(g: &mut Trace, x: Value, a: usize, b: usize) -> Value {
    let dims = g.dims(x);
    g.reshape(x, &[&[a, b], &dims[1..]].concat())
}
