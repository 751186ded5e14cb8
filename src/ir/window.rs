//! Windows that move over the last dimensions of a tensor: what convolutions and pools have in common.

use crate::error::{Error, Result};
use std::fmt;

/// How windows lie along one dimension: tap t of window o is position o * stride + t * dilation - low. Positions outside 0..size are padding.
/// The padding behind the last element is what `count` windows reach, so it needs no number of its own.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct WindowAxis {
    /// Elements of the dimension.
    pub size: usize,
    /// Taps of a window.
    pub kernel: usize,
    /// Elements from window to window.
    pub stride: usize,
    /// Elements from tap to tap.
    pub dilation: usize,
    /// Padding in front.
    pub low: usize,
    /// Windows.
    pub count: usize,
}

impl WindowAxis {
    /// The element that a tap of a window lies on, `None` in the padding.
    pub fn position(&self, window: usize, tap: usize) -> Option<usize> {
        (window * self.stride + tap * self.dilation).checked_sub(self.low).filter(|position| *position < self.size)
    }
    /// Elements from a window's first tap to its last one, both included.
    pub fn reach(&self) -> usize {
        (self.kernel - 1) * self.dilation + 1
    }
    /// Refuses what no position can be computed for.
    pub fn check(&self) -> Result<()> {
        if self.kernel == 0 || self.stride == 0 || self.dilation == 0 {
            let WindowAxis { kernel, stride, dilation, .. } = self;
            return Err(Error::invalid(format!("kernel {kernel}, stride {stride}, dilation {dilation}: each is at least 1")));
        }
        const MOST: usize = isize::MAX as usize / 4;
        let product = |a: usize, b: usize| a.checked_mul(b).is_some_and(|product| product < MOST);
        let fits = product(self.count, self.stride) && product(self.kernel, self.dilation) && self.low < MOST && self.size < MOST;
        if fits { Ok(()) } else { Err(Error::shape(format!("{self} reaches further than any memory"))) }
    }
}

impl fmt::Display for WindowAxis {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let WindowAxis { size, kernel, stride, dilation, low, count } = self;
        write!(f, "{count} windows of {kernel} over {size}")?;
        for (name, number, usual) in [("stride", stride, 1), ("dilation", dilation, 1), ("low", low, 0)] {
            if *number != usual {
                write!(f, " {name} {number}")?;
            }
        }
        Ok(())
    }
}
