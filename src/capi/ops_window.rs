//! Chapter: convolutions and pools.

use crate::capi::arguments::{CBool, init_options, options, read_options, slice};
use crate::capi::error::{TenonStatus, boundary_status};
use crate::capi::graph::TenonValue;
use crate::capi::record::{record_optional, sizes, try_record};
use crate::error::{Error, Result};
use crate::ir::Value;
use crate::ops::Trace;
use crate::ops::composite::vision::Padding;
use crate::ops::composite::vision::convolution::{Convolution, ConvolutionTranspose};
use crate::ops::composite::vision::pool::{Divisor, Pool};

/// How much stands around the elements: one of the numbers below.
pub type TenonPadding = i32;

/// As much as the arrays low and high say: nothing, if they are zeros.
pub const TENON_PADDING_EXPLICIT: TenonPadding = 0;
/// As much as gives ceil(size / stride) windows, half in front, an odd one behind. MindSpore's rule, and TensorFlow's.
pub const TENON_PADDING_SAME: TenonPadding = 1;
/// Nothing: windows lie inside.
pub const TENON_PADDING_VALID: TenonPadding = 2;

/// The most spatial dimensions.
pub(super) const MOST: usize = 3;

/// The padding of `rank` dimensions.
pub(super) fn padding_of(mode: TenonPadding, low: [i64; MOST], high: [i64; MOST], rank: usize) -> Result<Padding> {
    let explicit = low != [0; MOST] || high != [0; MOST];
    match mode {
        TENON_PADDING_EXPLICIT => {
            let (low, high) = (spatial(low, rank, "low")?, spatial(high, rank, "high")?);
            Ok(Padding::Explicit(low.into_iter().zip(high).collect()))
        }
        TENON_PADDING_SAME | TENON_PADDING_VALID if explicit => Err(Error::invalid("low and high go with TENON_PADDING_EXPLICIT")),
        TENON_PADDING_SAME => Ok(Padding::Same),
        TENON_PADDING_VALID => Ok(Padding::Valid),
        _ => Err(Error::invalid(format!("{mode} is not a padding: 0 (explicit), 1 (same), or 2 (valid)"))),
    }
}

/// The entries of an option for `rank` dimensions. The others are to be 0.
pub(super) fn spatial(entries: [i64; MOST], rank: usize, name: &str) -> Result<Vec<usize>> {
    let rank = rank.min(MOST);
    if entries[rank..].iter().any(|entry| *entry != 0) {
        return Err(Error::invalid(format!("{name} has entries for more than {rank} spatial dimensions")));
    }
    sizes(&entries[..rank], name)
}

/// As [`spatial`], with 1 for 0.
pub(super) fn at_least_one(entries: [i64; MOST], rank: usize, name: &str) -> Result<Vec<usize>> {
    Ok(spatial(entries, rank, name)?.into_iter().map(|entry| entry.max(1)).collect())
}

/// Options of tenon_conv and tenon_conv_transpose. Arrays have an entry for each spatial dimension; the others stay 0.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct TenonConvOptions {
    /// sizeof(TenonConvOptions), set by tenon_conv_options_init.
    pub struct_size: usize,
    /// Parts that the channels are cut into: each part of the output sees its part of the input. Default: 1.
    pub groups: i64,
    /// Elements from window to window. Default: 1 each.
    pub stride: [i64; 3],
    /// Elements from tap to tap. Default: 1 each.
    pub dilation: [i64; 3],
    /// Zeros in front of each dimension, with TENON_PADDING_EXPLICIT. Default: 0 each.
    pub low: [i64; 3],
    /// Zeros behind each dimension, with TENON_PADDING_EXPLICIT. Default: 0 each.
    pub high: [i64; 3],
    /// Of tenon_conv_transpose: more elements behind each dimension, with TENON_PADDING_EXPLICIT. Default: 0 each.
    pub output_padding: [i64; 3],
    /// Default: TENON_PADDING_EXPLICIT.
    pub padding: TenonPadding,
}
options!(
    TenonConvOptions { groups, stride, dilation, low, high, output_padding, padding } | options | {
        if options.groups == 0 {
            options.groups = 1;
        }
    }
);

/// Fills options with the defaults. `size` is sizeof(TenonConvOptions). Refuses NULL and a size that is no options
/// struct's.
#[unsafe(no_mangle)]
pub extern "C" fn tenon_conv_options_init(options: *mut TenonConvOptions, size: usize) -> TenonStatus {
    boundary_status(|| init_options(options, size))
}

fn convolution_of(options: &TenonConvOptions, rank: usize) -> Result<Convolution> {
    Ok(Convolution {
        stride: at_least_one(options.stride, rank, "stride")?,
        dilation: at_least_one(options.dilation, rank, "dilation")?,
        padding: padding_of(options.padding, options.low, options.high, rank)?,
        groups: sizes(&[options.groups], "groups")?[0],
    })
}

/// The spatial dimensions of a weight.
fn weight_rank(g: &Trace, w: Value) -> usize {
    g.rank(w).saturating_sub(2)
}

/// The convolution of x [N, C, *] or [C, *] with w [O, C / groups, *kernel], where * is one to three spatial dimensions, plus bias
/// [O]; a bias of all zero bytes, (TenonValue){0}, stands for none. As neural networks mean it: w is not turned round.
///
/// Window i of a dimension lies on elements i * stride + tap * dilation - low; there are (size + low + high - reach) / stride + 1
/// of them, where reach = (kernel - 1) * dilation + 1. Padding is zeros, and may be multiplied: a weight that is infinite or NaN
/// can make NaN at the borders. Dtypes promote; numbers of any dtype; 16-bit floats are summed in f32. NULL options are the defaults.
///
/// Fails with TENON_SHAPE_MISMATCH for shapes that are not as above, channels that are not cut evenly into the groups, a kernel
/// that reaches beyond the padded input, and negative options; with TENON_DTYPE_MISMATCH for bool; with TENON_INVALID_ARGUMENT
/// for a padding that is none, for low or high with a padding that is not explicit, for options of dimensions that w does not
/// have, and for an output padding.
#[unsafe(no_mangle)]
pub extern "C" fn tenon_conv(x: TenonValue, w: TenonValue, bias: TenonValue, options: *const TenonConvOptions) -> TenonValue {
    record_optional("conv", [x, w], bias, |g, [x, w], bias| {
        let options = read_options(options)?;
        if options.output_padding != [0; MOST] {
            return Err(Error::invalid("output_padding is for tenon_conv_transpose"));
        }
        let options = convolution_of(&options, weight_rank(g, w))?;
        Ok(g.conv(x, w, bias, &options))
    })
}

/// What a convolution with w [C, O / groups, *kernel] hands back to its input when it gets x [N, C, *] or [C, *], plus bias [O]; a
/// bias of all zero bytes stands for none.
///
/// A dimension of n elements becomes (n - 1) * stride + reach - low - high + output_padding, with reach = 1 + (kernel - 1) *
/// dilation; with TENON_PADDING_SAME n * stride; with TENON_PADDING_VALID n * stride + max(reach - stride, 0). The output padding is
/// computed like the rest, and is less than stride or dilation. NULL options are the defaults.
///
/// Fails as tenon_conv; also with TENON_SHAPE_MISMATCH where the padding leaves nothing, and with TENON_INVALID_ARGUMENT for an
/// output padding that is too large or goes with a padding that is not explicit.
#[unsafe(no_mangle)]
pub extern "C" fn tenon_conv_transpose(x: TenonValue, w: TenonValue, bias: TenonValue, options: *const TenonConvOptions) -> TenonValue {
    record_optional("conv_transpose", [x, w], bias, |g, [x, w], bias| {
        let options = read_options(options)?;
        let rank = weight_rank(g, w);
        let convolution = convolution_of(&options, rank)?;
        let output_padding = spatial(options.output_padding, rank, "output_padding")?;
        Ok(g.conv_transpose(x, w, bias, &ConvolutionTranspose { convolution, output_padding }))
    })
}

/// Options of pools. Arrays have an entry for each spatial dimension; the others stay 0.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct TenonPoolOptions {
    /// sizeof(TenonPoolOptions), set by tenon_pool_options_init.
    pub struct_size: usize,
    /// Elements from window to window. Default: 0 each, the kernel.
    pub stride: [i64; 3],
    /// Elements from tap to tap; not for averages. Default: 1 each.
    pub dilation: [i64; 3],
    /// Padding in front of each dimension, with TENON_PADDING_EXPLICIT: at most half a window. Default: 0 each.
    pub low: [i64; 3],
    /// Padding behind each dimension, with TENON_PADDING_EXPLICIT. Default: 0 each.
    pub high: [i64; 3],
    /// Of averages: what sums are divided by. Default: 0, the number of elements.
    pub divisor: f64,
    /// Default: TENON_PADDING_EXPLICIT.
    pub padding: TenonPadding,
    /// A last window may reach beyond the padding, if it begins before it. Default: false.
    pub ceil_mode: CBool,
    /// Of averages: explicit padding does not count as elements. Default: false.
    pub exclude_padding: CBool,
}
options!(
    TenonPoolOptions { stride, dilation, low, high, divisor, padding, ceil_mode, exclude_padding } | options | {
        let _ = options;
    }
);

/// Fills options with the defaults. `size` is sizeof(TenonPoolOptions). Refuses NULL and a size that is no options
/// struct's.
#[unsafe(no_mangle)]
pub extern "C" fn tenon_pool_options_init(options: *mut TenonPoolOptions, size: usize) -> TenonStatus {
    boundary_status(|| init_options(options, size))
}

/// Records a pool with what the host said.
fn pool(
    name: &str,
    x: TenonValue,
    kernel: *const i64,
    rank: usize,
    options: *const TenonPoolOptions,
    record: impl FnOnce(&mut Trace, Value, Pool, TenonPoolOptions) -> Result<Value>,
) -> TenonValue {
    try_record(name, [x], |g, [x]| {
        let options = read_options(options)?;
        let kernel = sizes(slice(kernel, rank, "kernel")?, "kernel")?;
        if !(1..=MOST).contains(&rank) {
            return Err(Error::shape(format!("the kernel has {rank} entries: one for each of 1 to 3 spatial dimensions is wanted")));
        }
        let stride = spatial(options.stride, rank, "stride")?;
        let dilation = spatial(options.dilation, rank, "dilation")?;
        let pool = Pool {
            stride: stride.iter().zip(&kernel).map(|(stride, kernel)| if *stride == 0 { *kernel } else { *stride }).collect(),
            dilation: if dilation.iter().all(|entry| *entry == 0) { vec![] } else { dilation.into_iter().map(|d| d.max(1)).collect() },
            kernel,
            padding: padding_of(options.padding, options.low, options.high, rank)?,
            ceil_mode: options.ceil_mode.get(),
            dimensions: Some(rank),
        };
        record(g, x, pool, options)
    })
}

fn no_divisor(options: &TenonPoolOptions) -> Result<()> {
    if options.divisor != 0.0 || options.exclude_padding.get() {
        return Err(Error::invalid("divisor and exclude_padding are for averages"));
    }
    Ok(())
}

/// The largest element of each window over the last `rank` dimensions (1 to 3) of x [..., *size], with a kernel of `rank` entries;
/// NaN if any is NaN. Padding takes no part. A tie is the first's, in value and in gradient. Numbers of any dtype. NULL options are
/// the defaults.
#[unsafe(no_mangle)]
pub extern "C" fn tenon_max_pool(x: TenonValue, kernel: *const i64, rank: usize, options: *const TenonPoolOptions) -> TenonValue {
    pool("max_pool", x, kernel, rank, options, |g, x, pool, options| no_divisor(&options).map(|()| g.max_pool(x, &pool)))
}

/// The places (i64) of what tenon_max_pool gives: numbers in the row-major order of the last `rank` dimensions. Slope 0.
#[unsafe(no_mangle)]
pub extern "C" fn tenon_max_pool_indices(x: TenonValue, kernel: *const i64, rank: usize, options: *const TenonPoolOptions) -> TenonValue {
    pool("max_pool_indices", x, kernel, rank, options, |g, x, pool, options| no_divisor(&options).map(|()| g.max_pool_indices(x, &pool)))
}

/// Zeros [..., *size] with the elements of x [..., *windows] at `places` (integers, in the shape of x), which count in the
/// row-major order of the last `rank` dimensions, as tenon_max_pool_indices gives them; several at one place have their average
/// there. Floats. A place beyond all channels fails the run.
#[unsafe(no_mangle)]
pub extern "C" fn tenon_max_unpool(x: TenonValue, places: TenonValue, size: *const i64, rank: usize) -> TenonValue {
    try_record("max_unpool", [x, places], |g, [x, places]| {
        let size = sizes(slice(size, rank, "size")?, "size")?;
        Ok(g.max_unpool(x, places, &size))
    })
}

/// The average of each window over the last `rank` dimensions (1 to 3) of x [..., *size], with a kernel of `rank` entries. Floats.
///
/// Sums are divided by the number of elements of the window, explicit padding included unless exclude_padding says otherwise; with
/// TENON_PADDING_SAME padding never counts. NULL options are the defaults.
#[unsafe(no_mangle)]
pub extern "C" fn tenon_avg_pool(x: TenonValue, kernel: *const i64, rank: usize, options: *const TenonPoolOptions) -> TenonValue {
    pool("avg_pool", x, kernel, rank, options, |g, x, pool, options| {
        let divisor = match (options.divisor, options.exclude_padding.get()) {
            (0.0, false) => Divisor::WithPadding,
            (0.0, true) => Divisor::Elements,
            (number, _) => Divisor::Number(number),
        };
        Ok(g.avg_pool(x, &pool, divisor))
    })
}

/// (sum x^p)^(1 / p) of each window over the last `rank` dimensions (1 to 3) of x [..., *size]; p is not 0. Padding counts as 0.
/// Floats. NULL options are the defaults.
#[unsafe(no_mangle)]
pub extern "C" fn tenon_lp_pool(x: TenonValue, p: f64, kernel: *const i64, rank: usize, options: *const TenonPoolOptions) -> TenonValue {
    pool("lp_pool", x, kernel, rank, options, |g, x, pool, options| no_divisor(&options).map(|()| g.lp_pool(x, p, &pool)))
}

/// x / (k + alpha / size * s)^beta, where s is the sum of x^2 over `size` neighbouring channels of x [N, C, ...], size / 2 of them
/// in front. Floats. PyTorch's usual numbers are alpha 1e-4, beta 0.75, k 1.
#[unsafe(no_mangle)]
pub extern "C" fn tenon_local_response_norm(x: TenonValue, size: i64, alpha: f64, beta: f64, k: f64) -> TenonValue {
    try_record("local_response_norm", [x], |g, [x]| {
        let size = crate::capi::arguments::size(size, "size")?;
        Ok(g.local_response_norm(x, size, alpha, beta, k))
    })
}
