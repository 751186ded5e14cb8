//! Operations on images and signals: tensors [N, C, *] with one to three spatial dimensions.

pub mod adaptive;
pub mod border;
pub mod convolution;
pub mod patches;
pub mod pool;
pub mod resize;
pub mod sampling;

use crate::error::{Error, Result};
use crate::ir::WindowAxis;

/// What stands around the elements.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Padding {
    /// Nothing: windows lie inside.
    Valid,
    /// As much as gives ceil(size / stride) windows; what cannot be halved is one more behind.
    Same,
    /// (in front, behind) for each dimension; one entry stands for all.
    Explicit(Vec<(usize, usize)>),
}

impl Padding {
    /// The same number on all sides.
    pub fn even(padding: usize) -> Padding {
        Padding::Explicit(vec![(padding, padding)])
    }
}

/// A list with one entry for each of `count` dimensions: none stands for the usual one, one for all.
fn each<T: Copy + std::fmt::Debug>(list: &[T], count: usize, usual: T, what: &str) -> Result<Vec<T>> {
    match list {
        [] => Ok(vec![usual; count]),
        [one] => Ok(vec![*one; count]),
        all if all.len() == count => Ok(all.to_vec()),
        all => Err(Error::shape(format!("{what} {all:?} is not for {count} spatial dimensions"))),
    }
}

/// How windows move, as hosts say it.
struct Windows<'a> {
    kernel: &'a [usize],
    stride: &'a [usize],
    dilation: &'a [usize],
    padding: &'a Padding,
    /// A last window may reach beyond the padding, if it begins before it.
    ceil_mode: bool,
}

impl Windows<'_> {
    /// The windows over dimensions of these sizes.
    fn axes(&self, sizes: &[usize]) -> Result<Vec<WindowAxis>> {
        let rank = sizes.len();
        if !(1..=3).contains(&rank) {
            return Err(Error::shape(format!("windows move over 1 to 3 spatial dimensions, not {rank}")));
        }
        let (kernel, stride) = (each(self.kernel, rank, 1, "kernel")?, each(self.stride, rank, 1, "stride")?);
        let dilation = each(self.dilation, rank, 1, "dilation")?;
        let padding = match self.padding {
            Padding::Explicit(padding) => each(padding, rank, (0, 0), "padding")?,
            Padding::Valid | Padding::Same => vec![(0, 0); rank],
        };
        let one = |i: usize| {
            let mut axis =
                WindowAxis { size: sizes[i], kernel: kernel[i], stride: stride[i], dilation: dilation[i], low: padding[i].0, count: 1 };
            axis.check()?;
            if *self.padding == Padding::Same {
                axis.count = axis.size.div_ceil(axis.stride);
                axis.low = (axis.count.saturating_sub(1) * axis.stride + axis.reach()).saturating_sub(axis.size) / 2;
                return Ok(axis);
            }
            let padded = axis.size.checked_add(axis.low).and_then(|size| size.checked_add(padding[i].1));
            let padded = padded.ok_or_else(|| Error::shape("the padding is larger than any memory"))?;
            let Some(room) = padded.checked_sub(axis.reach()) else {
                return Err(Error::shape(format!("a window of {} elements does not fit {padded}, padding included", axis.reach())));
            };
            axis.count = if self.ceil_mode { room.div_ceil(axis.stride) } else { room / axis.stride } + 1;
            if self.ceil_mode && (axis.count - 1) * axis.stride >= axis.size + axis.low {
                axis.count -= 1;
            }
            axis.check().map(|()| axis)
        };
        (0..rank).map(one).collect()
    }
}
