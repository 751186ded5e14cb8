//! Chapter: images.

use crate::capi::arguments::{CBool, init_options, options, read_options, size as size_argument, slice};
use crate::capi::error::{TenonStatus, boundary_status};
use crate::capi::graph::TenonValue;
use crate::capi::ops_window::{MOST, TenonConvOptions, at_least_one, padding_of, spatial};
use crate::capi::record::{sizes, try_record};
use crate::error::{Error, Result};
use crate::ir::Value;
use crate::ops::Trace;
use crate::ops::composite::vision::patches::Patches;
use crate::ops::composite::vision::resize::{Interpolation, Resize};
use crate::ops::composite::vision::sampling::{GridSample, Outside, Sampling};

/// How elements between elements are made: one of the numbers below.
pub type TenonInterpolation = i32;

/// The element at floor(i * old / new).
pub const TENON_INTERPOLATION_NEAREST: TenonInterpolation = 1;
/// The element at floor((i + 1/2) * old / new).
pub const TENON_INTERPOLATION_NEAREST_EXACT: TenonInterpolation = 2;
/// The line through two neighbours in each dimension: linear, bilinear, trilinear.
pub const TENON_INTERPOLATION_LINEAR: TenonInterpolation = 3;
/// Cubic convolution over four neighbours in each dimension, with a = -3/4: bicubic.
pub const TENON_INTERPOLATION_CUBIC: TenonInterpolation = 4;
/// The average of what a new element covers: tenon_adaptive_avg_pool.
pub const TENON_INTERPOLATION_AREA: TenonInterpolation = 5;

fn interpolation_of(mode: TenonInterpolation) -> Result<Interpolation> {
    match mode {
        TENON_INTERPOLATION_NEAREST => Ok(Interpolation::Nearest),
        TENON_INTERPOLATION_NEAREST_EXACT => Ok(Interpolation::NearestExact),
        TENON_INTERPOLATION_LINEAR => Ok(Interpolation::Linear),
        TENON_INTERPOLATION_CUBIC => Ok(Interpolation::Cubic),
        TENON_INTERPOLATION_AREA => Ok(Interpolation::Area),
        _ => Err(Error::invalid(format!("{mode} is not an interpolation: those are 1 (nearest) to 5 (area)"))),
    }
}

/// Options of tenon_interpolate. Arrays have an entry for each spatial dimension; the others stay 0.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct TenonInterpolateOptions {
    /// sizeof(TenonInterpolateOptions), set by tenon_interpolate_options_init.
    pub struct_size: usize,
    /// The new sizes. Default: 0 each, what the factors give.
    pub size: [i64; 3],
    /// The factors, where there are no sizes; they also scale positions. Default: 0 each, none.
    pub scale: [f64; 3],
    /// Default: TENON_INTERPOLATION_NEAREST.
    pub mode: TenonInterpolation,
    /// The centres of corners stay where they are, for linear and cubic; otherwise their outer edges do. Default: false.
    pub align_corners: CBool,
}
options!(
    TenonInterpolateOptions { size, scale, mode, align_corners } | options | {
        if options.mode == 0 {
            options.mode = TENON_INTERPOLATION_NEAREST;
        }
    }
);

/// Fills options with the defaults. `size` is sizeof(TenonInterpolateOptions). Refuses NULL and a size that is no options
/// struct's.
#[unsafe(no_mangle)]
pub extern "C" fn tenon_interpolate_options_init(options: *mut TenonInterpolateOptions, size: usize) -> TenonStatus {
    boundary_status(|| init_options(options, size))
}

/// x [N, C, *size], with one to three spatial dimensions, in another size: that of the options, or floor(size * scale). Exactly one
/// of the two is given for every dimension. Nearest: any dtype; the others: floats.
#[unsafe(no_mangle)]
pub extern "C" fn tenon_interpolate(x: TenonValue, options: *const TenonInterpolateOptions) -> TenonValue {
    try_record("interpolate", [x], |g, [x]| {
        let options = read_options(options)?;
        let rank = g.rank(x).saturating_sub(2).min(MOST);
        let size = spatial(options.size, rank, "size")?;
        let scale = &options.scale[..rank];
        if options.scale[rank..].iter().any(|scale| *scale != 0.0) {
            return Err(Error::invalid(format!("scale has entries for more than {rank} spatial dimensions")));
        }
        let resize = Resize {
            mode: interpolation_of(options.mode)?,
            size: if size.iter().all(|size| *size == 0) { vec![] } else { size },
            scale: if scale.iter().all(|scale| *scale == 0.0) { vec![] } else { scale.to_vec() },
            align_corners: options.align_corners.get(),
        };
        Ok(g.interpolate(x, &resize))
    })
}

fn bins(name: &str, x: TenonValue, bins: *const i64, rank: usize, record: impl FnOnce(&mut Trace, Value, &[usize]) -> Value) -> TenonValue {
    try_record(name, [x], |g, [x]| {
        let given = slice(bins, rank, "bins")?;
        let dims = g.dims(x);
        if rank > dims.len() {
            return Err(Error::shape(format!("{rank} bins for {} dimensions", dims.len())));
        }
        let kept = |(bins, size): (&i64, &usize)| if *bins == -1 { *size as i64 } else { *bins };
        let known: Vec<i64> = given.iter().zip(&dims[dims.len() - rank..]).map(kept).collect();
        Ok(record(g, x, &sizes(&known, "bins")?))
    })
}

/// The averages of bins[i] bins along each of the last `rank` dimensions (1 to 3) of x; bin i of n reaches from floor(i L / n) up
/// to, not including, ceil((i + 1) L / n) of L elements. -1 keeps the size of the dimension. Floats.
#[unsafe(no_mangle)]
pub extern "C" fn tenon_adaptive_avg_pool(x: TenonValue, bins: *const i64, rank: usize) -> TenonValue {
    self::bins("adaptive_avg_pool", x, bins, rank, |g, x, bins| g.adaptive_avg_pool(x, bins))
}

/// The largest elements of the bins of tenon_adaptive_avg_pool. A tie is the first's, in value and in gradient. Numbers of any dtype.
#[unsafe(no_mangle)]
pub extern "C" fn tenon_adaptive_max_pool(x: TenonValue, bins: *const i64, rank: usize) -> TenonValue {
    self::bins("adaptive_max_pool", x, bins, rank, |g, x, bins| g.adaptive_max_pool(x, bins))
}

/// The places (i64) of what tenon_adaptive_max_pool gives, in the row-major order of the last `rank` dimensions. Slope 0.
#[unsafe(no_mangle)]
pub extern "C" fn tenon_adaptive_max_pool_indices(x: TenonValue, bins: *const i64, rank: usize) -> TenonValue {
    self::bins("adaptive_max_pool_indices", x, bins, rank, |g, x, bins| g.adaptive_max_pool_indices(x, bins))
}

/// The average over all dimensions of x [N, C, *] behind the first two, which stay with size 1. Integers give f32.
#[unsafe(no_mangle)]
pub extern "C" fn tenon_global_avg_pool(x: TenonValue) -> TenonValue {
    try_record("global_avg_pool", [x], |g, [x]| Ok(g.global_avg_pool(x)))
}

/// The largest element over all dimensions of x [N, C, *] behind the first two, which stay with size 1. Ties share the gradient.
#[unsafe(no_mangle)]
pub extern "C" fn tenon_global_max_pool(x: TenonValue) -> TenonValue {
    try_record("global_max_pool", [x], |g, [x]| Ok(g.global_max_pool(x)))
}

fn patches_of(kernel: &[i64], options: *const TenonConvOptions) -> Result<Patches> {
    let options = read_options(options)?;
    if options.groups != 1 || options.output_padding != [0; MOST] {
        return Err(Error::invalid("groups and output_padding are for convolutions"));
    }
    let rank = kernel.len();
    if !(1..=MOST).contains(&rank) {
        return Err(Error::shape(format!("the kernel has {rank} entries: one for each of 1 to 3 spatial dimensions is wanted")));
    }
    Ok(Patches {
        kernel: sizes(kernel, "kernel")?,
        stride: at_least_one(options.stride, rank, "stride")?,
        dilation: at_least_one(options.dilation, rank, "dilation")?,
        padding: padding_of(options.padding, options.low, options.high, rank)?,
    })
}

/// The patches of x [N, C, *size] under windows as columns [N, C * taps, windows] (im2col), with a kernel of `rank` entries (1 to 3),
/// one for each spatial dimension. Stride, dilation, and padding as in tenon_conv; NULL options are the defaults. Numbers.
#[unsafe(no_mangle)]
pub extern "C" fn tenon_unfold(x: TenonValue, kernel: *const i64, rank: usize, options: *const TenonConvOptions) -> TenonValue {
    try_record("unfold", [x], |g, [x]| {
        let patches = patches_of(slice(kernel, rank, "kernel")?, options)?;
        Ok(g.unfold(x, &patches))
    })
}

/// The transpose of tenon_unfold (col2im): columns x [N, C * taps, windows] added up where the windows lie in [N, C, *size]. `size`
/// and `kernel` have `rank` entries, 1 to 3. NULL options are the defaults.
#[unsafe(no_mangle)]
pub extern "C" fn tenon_fold(
    x: TenonValue,
    size: *const i64,
    kernel: *const i64,
    rank: usize,
    options: *const TenonConvOptions,
) -> TenonValue {
    try_record("fold", [x], |g, [x]| {
        let patches = patches_of(slice(kernel, rank, "kernel")?, options)?;
        let size = sizes(slice(size, rank, "size")?, "size")?;
        Ok(g.fold(x, &size, &patches))
    })
}

/// x [..., C * r * r, H, W] as [..., C, H * r, W * r]: channel c * r * r + i * r + j becomes pixel (i, j) of each block of channel c.
#[unsafe(no_mangle)]
pub extern "C" fn tenon_pixel_shuffle(x: TenonValue, r: i64) -> TenonValue {
    try_record("pixel_shuffle", [x], |g, [x]| {
        let r = size_argument(r, "r")?;
        Ok(g.pixel_shuffle(x, r))
    })
}

/// x [..., C, H * r, W * r] as [..., C * r * r, H, W]: the inverse of tenon_pixel_shuffle.
#[unsafe(no_mangle)]
pub extern "C" fn tenon_pixel_unshuffle(x: TenonValue, r: i64) -> TenonValue {
    try_record("pixel_unshuffle", [x], |g, [x]| {
        let r = size_argument(r, "r")?;
        Ok(g.pixel_unshuffle(x, r))
    })
}

/// The channels of x [N, C, ...] in another order: channel g * (C / groups) + i moves to i * groups + g.
#[unsafe(no_mangle)]
pub extern "C" fn tenon_channel_shuffle(x: TenonValue, groups: i64) -> TenonValue {
    try_record("channel_shuffle", [x], |g, [x]| {
        let groups = size_argument(groups, "groups")?;
        Ok(g.channel_shuffle(x, groups))
    })
}

/// How tenon_grid_sample makes elements between elements: one of the numbers below.
pub type TenonSampling = i32;

/// From the neighbours in every dimension: bilinear, trilinear.
pub const TENON_SAMPLING_LINEAR: TenonSampling = 1;
/// The nearest element; halfway, the one at an even position.
pub const TENON_SAMPLING_NEAREST: TenonSampling = 2;
/// Cubic convolution over four neighbours in each of two dimensions.
pub const TENON_SAMPLING_CUBIC: TenonSampling = 3;

/// What lies outside of an image: one of the numbers below.
pub type TenonOutside = i32;

/// Zeros.
pub const TENON_OUTSIDE_ZEROS: TenonOutside = 1;
/// The nearest element.
pub const TENON_OUTSIDE_BORDER: TenonOutside = 2;
/// The image mirrored.
pub const TENON_OUTSIDE_REFLECTION: TenonOutside = 3;

/// x [N, C, *size] read at the places of grid [N, *places, d], where d is 2 or 3: [N, C, *places]. A place is (x, y) or (x, y, z),
/// from -1 to 1 over the last, the last but one, and the third last dimension; -1 and 1 are the centres of the first and the last
/// element with align_corners, otherwise their outer edges. Floats.
#[unsafe(no_mangle)]
pub extern "C" fn tenon_grid_sample(
    x: TenonValue,
    grid: TenonValue,
    mode: TenonSampling,
    outside: TenonOutside,
    align_corners: CBool,
) -> TenonValue {
    try_record("grid_sample", [x, grid], |g, [x, grid]| {
        let mode = match mode {
            TENON_SAMPLING_LINEAR => Sampling::Linear,
            TENON_SAMPLING_NEAREST => Sampling::Nearest,
            TENON_SAMPLING_CUBIC => Sampling::Cubic,
            _ => return Err(Error::invalid(format!("{mode} is not a sampling: 1 (linear), 2 (nearest), or 3 (cubic)"))),
        };
        let outside = match outside {
            TENON_OUTSIDE_ZEROS => Outside::Zeros,
            TENON_OUTSIDE_BORDER => Outside::Border,
            TENON_OUTSIDE_REFLECTION => Outside::Reflection,
            _ => return Err(Error::invalid(format!("{outside} is not an outside: 1 (zeros), 2 (border), or 3 (reflection)"))),
        };
        Ok(g.grid_sample(x, grid, GridSample { mode, outside, align_corners: align_corners.get() }))
    })
}

/// The grid [N, *size, d] for tenon_grid_sample of an image whose `rank` spatial dimensions (2 or 3) have these sizes: place p is
/// moved to theta [N, d, d + 1] (p, 1). Floats.
#[unsafe(no_mangle)]
pub extern "C" fn tenon_affine_grid(theta: TenonValue, size: *const i64, rank: usize, align_corners: CBool) -> TenonValue {
    try_record("affine_grid", [theta], |g, [theta]| {
        let size = sizes(slice(size, rank, "size")?, "size")?;
        Ok(g.affine_grid(theta, &size, align_corners.get()))
    })
}

fn border(
    name: &str,
    x: TenonValue,
    low: *const i64,
    high: *const i64,
    rank: usize,
    record: impl FnOnce(&mut Trace, Value, &[usize], &[usize]) -> Value,
) -> TenonValue {
    try_record(name, [x], |g, [x]| {
        let (low, high) = (sizes(slice(low, rank, "low")?, "low")?, sizes(slice(high, rank, "high")?, "high")?);
        Ok(record(g, x, &low, &high))
    })
}

/// x with low[i] and high[i] elements more around dimension i, mirrored at its first and last elements, which are not repeated:
/// fewer than the dimension has. The arrays have one entry for each dimension of x.
#[unsafe(no_mangle)]
pub extern "C" fn tenon_pad_reflect(x: TenonValue, low: *const i64, high: *const i64, rank: usize) -> TenonValue {
    border("pad_reflect", x, low, high, rank, |g, x, low, high| g.pad_reflect(x, low, high))
}

/// x with its first and last elements repeated low[i] and high[i] times around dimension i. The arrays have one entry for each
/// dimension of x.
#[unsafe(no_mangle)]
pub extern "C" fn tenon_pad_replicate(x: TenonValue, low: *const i64, high: *const i64, rank: usize) -> TenonValue {
    border("pad_replicate", x, low, high, rank, |g, x, low, high| g.pad_replicate(x, low, high))
}

/// x with low[i] of its last elements in front of dimension i and high[i] of its first ones behind, at most as many as it has. The
/// arrays have one entry for each dimension of x.
#[unsafe(no_mangle)]
pub extern "C" fn tenon_pad_circular(x: TenonValue, low: *const i64, high: *const i64, rank: usize) -> TenonValue {
    border("pad_circular", x, low, high, rank, |g, x, low, high| g.pad_circular(x, low, high))
}
