//! Random numbers that are drawn element by element from words of their own: what has parameters, takes more than one word, or must have the
//! same bits whatever the instruction set.

use crate::error::{Error, Result};
use crate::ir::{Draw, Op, Type, Value, Variable};
use crate::ops::Trace;
use crate::ops::rules::Contribution;
use crate::tensor::{DType, Shape};

fn check_state(state: Type) -> Result<()> {
    let state_type = Type::new(DType::I64, Shape::new(&[3])?);
    if state == state_type { Ok(()) } else { Err(Error::dtype(format!("the generator's state is {state}, not {state_type}"))) }
}

pub(super) fn infer(draw: Draw, shape: Shape, dtype: DType, inputs: &[Type]) -> Result<Type> {
    let [state, parameters @ ..] = inputs else {
        return Err(Error::invalid("takes a generator's state"));
    };
    check_state(*state)?;
    let fits = match draw {
        Draw::Integers { low, last } => {
            let (least, most) = match dtype {
                DType::I64 => (i64::MIN, i64::MAX),
                DType::I32 => (i32::MIN as i64, i32::MAX as i64),
                DType::U8 => (0, u8::MAX as i64),
                _ => return Err(Error::dtype(format!("integers are i64, i32, or u8, not {dtype}"))),
            };
            if low > last || low < least || last > most {
                return Err(Error::invalid(format!("{low} to {last} is no range of {dtype} numbers")));
            }
            true
        }
        Draw::TruncatedNormal { low, high } if low.is_nan() || high.is_nan() || low >= high => {
            return Err(Error::invalid(format!("there is nothing between {low} and {high}")));
        }
        _ => matches!(dtype, DType::F32 | DType::F64),
    };
    if !fits {
        return Err(Error::dtype(format!("{dtype} numbers cannot be drawn; draw f32 and cast")));
    }
    let ty = Type::new(dtype, shape);
    if parameters.len() != draw.parameters() {
        return Err(Error::invalid(format!("has {} parameters, not {}", draw.parameters(), parameters.len())));
    }
    if let Some(other) = parameters.iter().find(|parameter| **parameter != ty) {
        return Err(Error::shape(format!("a parameter is {other}, the result {ty}")));
    }
    words_of(draw.words(), shape.elements())?;
    Ok(ty)
}

pub(super) fn infer_multinomial(count: usize, replacement: bool, state: Type, weights: Type) -> Result<Type> {
    check_state(state)?;
    if !matches!(weights.dtype, DType::F32 | DType::F64) {
        return Err(Error::dtype(format!("weights are f32 or f64, not {}", weights.dtype)));
    }
    let mut dims = weights.shape.dims().to_vec();
    let Some(last) = dims.last_mut() else {
        return Err(Error::shape("weights have the classes as their last dimension; there is a scalar"));
    };
    if !replacement && count > *last {
        return Err(Error::invalid(format!("{count} of {last} classes cannot be drawn without replacement")));
    }
    if *last == 0 && count > 0 {
        return Err(Error::shape(format!("there are no classes to draw from in {}", weights.shape)));
    }
    *last = count;
    let shape = Shape::new(&dims)?;
    words_of(2, shape.elements().max(weights.shape.elements()))?;
    Ok(Type::new(DType::I64, shape))
}

/// The words that so many elements own.
fn words_of(each: u64, elements: usize) -> Result<u64> {
    let words = each.checked_mul(elements as u64).filter(|words| *words <= i64::MAX as u64);
    words.ok_or_else(|| Error::shape(format!("{elements} elements are too many to be drawn")))
}

pub(super) fn passes_gradient(draw: Draw) -> bool {
    matches!(draw, Draw::Gamma | Draw::LogGamma)
}

/// Gamma numbers move with their shape as the number of the same probability does (Figurnov, Mohamed, Mnih, 2018); what is too small for the
/// dtype does not.
pub(super) fn gradient(g: &mut Trace, draw: Draw, x: &[Value], y: Value, dy: Value) -> Contribution {
    if !passes_gradient(draw) {
        return Contribution::Zero;
    }
    let dtype = g.dtype(y);
    let (nothing, other) = if draw == Draw::Gamma { (0.0, 1.0) } else { (f64::NEG_INFINITY, 0.0) };
    let (nothing, other) = (g.scalar(dtype, nothing), g.scalar(dtype, other));
    let is_nothing = g.equal(y, nothing);
    // The branch that is not taken would put inf * 0 into the gradient.
    let apart = g.select(is_nothing, other, y);
    let slope = if draw == Draw::Gamma {
        let logarithm = g.log(apart);
        let slope = g.log_gamma_slope(x[1], logarithm);
        g.mul(apart, slope)
    } else {
        g.log_gamma_slope(x[1], apart)
    };
    let handed = g.mul(dy, slope);
    let zero = g.scalar(dtype, 0.0);
    Contribution::Many(vec![None, Some(g.select(is_nothing, zero, handed))])
}

impl Trace {
    /// Numbers of a distribution, in this shape and f32, f64, i64, i32 or u8; the parameters are of that type.
    pub(in crate::ops) fn drawn(&mut self, draw: Draw, dtype: DType, shape: Shape, parameters: &[Value], generator: &Variable) -> Value {
        let words = match words_of(draw.words(), shape.elements()) {
            Ok(words) => words,
            Err(error) => return self.fail(error.within(draw.name())),
        };
        let (state, start) = self.draw(generator, words);
        let operands: Vec<Value> = std::iter::once(state).chain(parameters.iter().copied()).collect();
        self.push(Op::Draw { draw, shape, dtype, start }, &operands)
    }
    /// The positions (i64 [..., count]) of classes drawn from the rows of `weights` [..., n]: each with its share of the sum of the row, which
    /// need not be 1.
    ///
    /// With `replacement` each draw is from all classes. Without, a class is drawn once at most, as by one draw after the other from what
    /// is left; that there are fewer than `count` classes is an error. A row in which a weight is negative, NaN, or infinite, or in
    /// which too few are above 0 (one with replacement, `count` without), fails the run with INVALID_ARGUMENT. Floats; integers and bool count
    /// as f32.
    pub fn multinomial(&mut self, weights: Value, count: usize, replacement: bool, generator: &Variable) -> Value {
        if !self.knows("multinomial", &[weights]) {
            return Value::INVALID;
        }
        let weights = if self.dtype(weights) == DType::F64 { weights } else { self.cast(weights, DType::F32) };
        let state = self.read(generator);
        let result = infer_multinomial(count, replacement, self.ty(state), self.ty(weights));
        let elements = match result {
            Ok(ty) if replacement => ty.shape.elements(),
            Ok(_) => self.shape(weights).elements(),
            Err(error) => return self.fail(error.within("multinomial")),
        };
        let (state, start) = self.draw(generator, 2 * elements as u64);
        self.push(Op::Multinomial { count, replacement, start }, &[state, weights])
    }
}
