//! Convolutions and pools.

use super::{Entry, Many, One};
use crate::call::{Argument, Call};
use tenon::ir::Value;
use tenon::ops::Trace;
use tenon::ops::composite::vision::Padding;
use tenon::ops::composite::vision::convolution::{Convolution, ConvolutionTranspose};
use tenon::ops::composite::vision::pool::{Divisor, Pool};

/// The same on both sides, for each dimension.
fn even(padding: Argument, rank: usize) -> Padding {
    Padding::Explicit(padding.sizes_for(rank, 0).into_iter().map(|padding| (padding, padding)).collect())
}

fn convolution(g: &Trace, a: &Call, positions: [(usize, &str); 4]) -> Convolution {
    let rank = g.rank(a.t(1)) - 2;
    let [stride, padding, dilation, groups] = positions.map(|(position, name)| a.at(position, name));
    Convolution {
        stride: stride.sizes_for(rank, 1),
        dilation: dilation.sizes_for(rank, 1),
        padding: match padding.text() {
            "same" => Padding::Same,
            "valid" => Padding::Valid,
            _ => even(padding, rank),
        },
        groups: groups.size_or(1),
    }
}

fn conv(g: &mut Trace, a: &Call) -> Value {
    let options = convolution(g, a, [(3, "stride"), (4, "padding"), (5, "dilation"), (6, "groups")]);
    g.conv(a.t(0), a.t(1), a.at(2, "bias").tensor(), &options)
}

fn conv_transpose(g: &mut Trace, a: &Call) -> Value {
    let convolution = convolution(g, a, [(3, "stride"), (4, "padding"), (7, "dilation"), (6, "groups")]);
    let output_padding = a.at(5, "output_padding").sizes();
    g.conv_transpose(a.t(0), a.t(1), a.at(2, "bias").tensor(), &ConvolutionTranspose { convolution, output_padding })
}

fn pool(a: &Call, rank: usize, ceil_mode: Argument, dilation: &[usize]) -> Pool {
    let kernel = a.at(1, "kernel_size").sizes_for(rank, 1);
    let stride = a.at(2, "stride").sizes();
    Pool {
        stride: if stride.is_empty() { kernel.clone() } else { stride },
        kernel,
        dilation: dilation.to_vec(),
        padding: even(a.at(3, "padding"), rank),
        ceil_mode: ceil_mode.flag(),
        dimensions: Some(rank),
    }
}

fn max_pool(g: &mut Trace, a: &Call, rank: usize) -> Vec<Value> {
    let pool = pool(a, rank, a.at(5, "ceil_mode"), &a.at(4, "dilation").sizes_for(rank, 1));
    let mut all = vec![g.max_pool(a.t(0), &pool)];
    if a.at(6, "return_indices").flag() {
        all.push(g.max_pool_indices(a.t(0), &pool));
    }
    all
}

fn avg_pool(g: &mut Trace, a: &Call, rank: usize) -> Value {
    let divisor = match (a.at(6, "divisor_override").number(), a.at(5, "count_include_pad").flag_or(true)) {
        (Some(number), _) => Divisor::Number(number),
        (None, true) => Divisor::WithPadding,
        (None, false) => Divisor::Elements,
    };
    g.avg_pool(a.t(0), &pool(a, rank, a.at(4, "ceil_mode"), &[]), divisor)
}

fn max_unpool(g: &mut Trace, a: &Call, rank: usize) -> Value {
    let size = a.named("output_size").sizes();
    g.max_unpool(a.t(0), a.t(1), &size[size.len() - rank..])
}

pub const ENTRIES: &[Entry] = &[
    ("nn.functional.conv1d", One(conv)),
    ("nn.functional.conv2d", One(conv)),
    ("nn.functional.conv3d", One(conv)),
    ("nn.functional.conv_transpose1d", One(conv_transpose)),
    ("nn.functional.conv_transpose2d", One(conv_transpose)),
    ("nn.functional.conv_transpose3d", One(conv_transpose)),
    ("nn.functional.max_pool1d", Many(|g, a| max_pool(g, a, 1))),
    ("nn.functional.max_pool2d", Many(|g, a| max_pool(g, a, 2))),
    ("nn.functional.max_pool3d", Many(|g, a| max_pool(g, a, 3))),
    ("nn.functional.avg_pool1d", One(|g, a| avg_pool(g, a, 1))),
    ("nn.functional.avg_pool2d", One(|g, a| avg_pool(g, a, 2))),
    ("nn.functional.avg_pool3d", One(|g, a| avg_pool(g, a, 3))),
    ("nn.functional.max_unpool1d", One(|g, a| max_unpool(g, a, 1))),
    ("nn.functional.max_unpool2d", One(|g, a| max_unpool(g, a, 2))),
    ("nn.functional.max_unpool3d", One(|g, a| max_unpool(g, a, 3))),
    (
        "nn.functional.local_response_norm",
        One(|g, a| {
            let (alpha, beta, k) = (a.at(2, "alpha"), a.at(3, "beta"), a.at(4, "k"));
            g.local_response_norm(a.t(0), a.at(1, "size").size_or(1), alpha.number_or(1e-4), beta.number_or(0.75), k.number_or(1.0))
        }),
    ),
];
