//! Images in other sizes and orders, read at computed places, and with borders.

use super::{Entry, Many, One};
use crate::call::Call;
use tenon::ir::Value;
use tenon::ops::Trace;
use tenon::ops::composite::vision::Padding;
use tenon::ops::composite::vision::patches::Patches;
use tenon::ops::composite::vision::resize::{Interpolation, Resize};
use tenon::ops::composite::vision::sampling::{GridSample, Outside, Sampling};

/// Bins for `rank` dimensions; null keeps a size.
fn bins(g: &Trace, a: &Call, rank: usize) -> Vec<usize> {
    let dims = g.dims(a.t(0));
    let given = a.at(1, "output_size");
    let one = |i: usize| match given.list().get(i) {
        Some(bins) => bins.size_or(dims[dims.len() - rank + i]),
        None => given.size_or(1),
    };
    (0..rank).map(one).collect()
}

fn adaptive_avg(g: &mut Trace, a: &Call, rank: usize) -> Value {
    let bins = bins(g, a, rank);
    g.adaptive_avg_pool(a.t(0), &bins)
}

fn adaptive_max(g: &mut Trace, a: &Call, rank: usize) -> Vec<Value> {
    let bins = bins(g, a, rank);
    let mut all = vec![g.adaptive_max_pool(a.t(0), &bins)];
    if a.at(2, "return_indices").flag() {
        all.push(g.adaptive_max_pool_indices(a.t(0), &bins));
    }
    all
}

fn interpolate(g: &mut Trace, a: &Call, mode: Interpolation, align_corners: bool) -> Value {
    let size = a.at(1, "size");
    let dims = g.dims(a.t(0));
    let rank = dims.len() - 2;
    let factors: Vec<f64> = match a.at(2, "scale_factor").list() {
        list if !list.is_empty() => list.iter().map(|factor| factor.number_or(1.0)).collect(),
        _ => a.at(2, "scale_factor").number().into_iter().collect(),
    };
    let recompute = a.named("recompute_scale_factor").flag();
    let mut options = Resize { align_corners, ..Resize::by(mode, &factors) };
    if size.is_given() {
        options = Resize { align_corners, ..Resize::to(mode, &size.sizes_for(rank, 1)) };
    } else if recompute {
        let factor = |i: usize| factors[if factors.len() > 1 { i } else { 0 }];
        let sizes: Vec<usize> = (0..rank).map(|i| (dims[2 + i] as f64 * factor(i)).floor() as usize).collect();
        options = Resize { align_corners, ..Resize::to(mode, &sizes) };
    }
    g.interpolate(a.t(0), &options)
}

fn resized(g: &mut Trace, a: &Call, mode: Interpolation) -> Value {
    let align_corners = a.named("align_corners").flag();
    interpolate(g, a, mode, align_corners)
}

/// With (low, high) around every dimension, from pairs for the last one, the last but one, and so on; negative ones cut off.
fn padded(g: &mut Trace, a: &Call, pad: fn(&mut Trace, Value, &[usize], &[usize]) -> Value) -> Value {
    let (rank, pairs) = (g.rank(a.t(0)), a.at(1, "pad").integers());
    let (mut low, mut high) = (vec![0; rank], vec![0; rank]);
    for (i, pair) in pairs.chunks(2).enumerate() {
        low[rank - 1 - i] = pair[0];
        high[rank - 1 - i] = pair[1];
    }
    let more = |list: &[i64]| list.iter().map(|more| (*more).max(0) as usize).collect::<Vec<usize>>();
    let less = |list: &[i64]| list.iter().map(|more| (-*more).max(0) as usize).collect::<Vec<usize>>();
    let y = pad(g, a.t(0), &more(&low), &more(&high));
    let stop: Vec<usize> = g.dims(y).iter().zip(less(&high)).map(|(size, cut)| size - cut).collect();
    g.slice(y, &less(&low), &stop, &vec![1; rank])
}

pub const ENTRIES: &[Entry] = &[
    ("nn.functional.adaptive_avg_pool1d", One(|g, a| adaptive_avg(g, a, 1))),
    ("nn.functional.adaptive_avg_pool2d", One(|g, a| adaptive_avg(g, a, 2))),
    ("nn.functional.adaptive_avg_pool3d", One(|g, a| adaptive_avg(g, a, 3))),
    ("nn.functional.adaptive_max_pool1d", Many(|g, a| adaptive_max(g, a, 1))),
    ("nn.functional.adaptive_max_pool2d", Many(|g, a| adaptive_max(g, a, 2))),
    ("nn.functional.adaptive_max_pool3d", Many(|g, a| adaptive_max(g, a, 3))),
    ("nn.functional.interpolate/nearest", One(|g, a| resized(g, a, Interpolation::Nearest))),
    ("nn.functional.interpolate/nearest-exact", One(|g, a| resized(g, a, Interpolation::NearestExact))),
    ("nn.functional.interpolate/linear", One(|g, a| resized(g, a, Interpolation::Linear))),
    ("nn.functional.interpolate/bilinear", One(|g, a| resized(g, a, Interpolation::Linear))),
    ("nn.functional.interpolate/trilinear", One(|g, a| resized(g, a, Interpolation::Linear))),
    ("nn.functional.interpolate/bicubic", One(|g, a| resized(g, a, Interpolation::Cubic))),
    ("nn.functional.interpolate/area", One(|g, a| resized(g, a, Interpolation::Area))),
    ("nn.functional.upsample_bilinear", One(|g, a| interpolate(g, a, Interpolation::Linear, true))),
    ("nn.functional.upsample_nearest", One(|g, a| interpolate(g, a, Interpolation::Nearest, false))),
    ("nn.functional.pixel_shuffle", One(|g, a| g.pixel_shuffle(a.t(0), a.at(1, "upscale_factor").size_or(1)))),
    ("nn.functional.pixel_unshuffle", One(|g, a| g.pixel_unshuffle(a.t(0), a.at(1, "downscale_factor").size_or(1)))),
    ("nn.functional.channel_shuffle", One(|g, a| g.channel_shuffle(a.t(0), a.at(1, "groups").size_or(1)))),
    (
        "nn.functional.unfold",
        One(|g, a| {
            let padding = a.at(3, "padding").sizes_for(2, 0);
            let patches = Patches {
                kernel: a.at(1, "kernel_size").sizes(),
                dilation: a.at(2, "dilation").sizes(),
                padding: Padding::Explicit(padding.into_iter().map(|padding| (padding, padding)).collect()),
                stride: a.at(4, "stride").sizes(),
            };
            g.unfold(a.t(0), &patches)
        }),
    ),
    (
        "nn.functional.grid_sample",
        One(|g, a| {
            let options = GridSample {
                mode: match a.at(2, "mode").text() {
                    "nearest" => Sampling::Nearest,
                    "bicubic" => Sampling::Cubic,
                    _ => Sampling::Linear,
                },
                outside: match a.at(3, "padding_mode").text() {
                    "border" => Outside::Border,
                    "reflection" => Outside::Reflection,
                    _ => Outside::Zeros,
                },
                align_corners: a.at(4, "align_corners").flag(),
            };
            g.grid_sample(a.t(0), a.t(1), options)
        }),
    ),
    ("nn.functional.pad/reflect", One(|g, a| padded(g, a, Trace::pad_reflect))),
    ("nn.functional.pad/replicate", One(|g, a| padded(g, a, Trace::pad_replicate))),
    ("nn.functional.pad/circular", One(|g, a| padded(g, a, Trace::pad_circular))),
];
