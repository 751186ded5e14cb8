//! Random numbers: distributions made of noise and parameters, whole numbers, orders, and choices.
//!
//! Noise comes from [`crate::ops::draw`] and has the same bits on every machine; what is made of it is added, multiplied, and divided in the
//! result's dtype, or computed in f64 by functions that are the same on every machine, so that it has too. (A product and the sum that it
//! goes into are kept apart by a choice between them: fused, they would be rounded once where an instruction set can do that.) Parameters broadcast and
//! promote; gradients go to them through the sample (a location gets 1, a scale the noise).

pub mod candidates;
pub mod counts;
pub mod dropout;
pub mod gamma;
pub mod location;
pub mod whole;

use crate::error::Result;
use crate::ir::{Draw, Value, Variable};
use crate::ops::{Differentiable, Trace};
use crate::random::RandomState;
use crate::tensor::{Allocator, DType, Tensor};

/// Why integers, truths, and noise have no gradient.
const FLAT: Differentiable = Differentiable::Zero("what is drawn does not move with any operand");

/// Records with a generator that starts at the same place in every run of the graph: samples are the same in every run.
pub(in crate::ops) fn seeded(g: &mut Trace, body: impl FnOnce(&mut Trace, &Variable) -> Value) -> Value {
    match seeded_generator(g) {
        Ok(generator) => body(g, &generator),
        Err(error) => g.fail(error),
    }
}

fn seeded_generator(g: &mut Trace) -> Result<Variable> {
    let state = |seed| Tensor::from_slice(&Allocator::system(), &RandomState::new(seed, 11).to_words(), &[3]);
    let generator = Variable::new("generator", state(0)?);
    let start = g.constant(&state(20)?);
    g.assign(&generator, start);
    Ok(generator)
}

impl Trace {
    /// Noise without parameters in the dtype (f32 or f64) and shape of x.
    fn noise(&mut self, draw: Draw, x: Value, generator: &Variable) -> Value {
        if !self.contains(x) {
            return Value::INVALID;
        }
        let ty = self.ty(x);
        self.drawn(draw, ty.dtype, ty.shape, &[], generator)
    }
    /// Numbers with these parameters, of one type, which is the numbers' too.
    fn drawn_with(&mut self, draw: Draw, parameters: &[Value], generator: &Variable) -> Value {
        if !self.contains(parameters[0]) {
            return Value::INVALID;
        }
        let ty = self.ty(parameters[0]);
        self.drawn(draw, ty.dtype, ty.shape, parameters, generator)
    }
    /// Runs `body` on the parameters in their common float dtype and shape, 16-bit floats as f32.
    fn with_parameters(&mut self, name: &str, x: &[Value], body: impl FnOnce(&mut Trace, &[Value]) -> Value) -> Value {
        self.in_float(name, x, |g, x| {
            let same = g.broadcast_tensors(x);
            if same.len() == x.len() && same.iter().all(|value| g.contains(*value)) { body(g, &same) } else { Value::INVALID }
        })
    }
    /// y where x is at least 0, else NaN.
    fn where_not_negative(&mut self, x: Value, y: Value) -> Value {
        let dtype = self.dtype(x);
        let (zero, nan) = (self.scalar(dtype, 0.0), self.scalar(dtype, f64::NAN));
        let is_good = self.greater_equal(x, zero);
        self.select(is_good, y, nan)
    }
    /// A function of f64, which has the same bits on every machine, in the dtype of x.
    fn in_f64(&mut self, x: Value, function: impl FnOnce(&mut Trace, Value) -> Value) -> Value {
        let dtype = self.dtype(x);
        let wide = self.cast(x, DType::F64);
        let y = function(self, wide);
        self.cast(y, dtype)
    }
}
