//! Values from nothing: positions, fills, random numbers.

use crate::error::{Error, Result};
use crate::ir::{Distribution, Op, Type, Value, Variable};
use crate::ops::Trace;
use crate::tensor::{DType, Shape};

pub(super) fn infer_iota(shape: Shape, axis: u8, dtype: DType) -> Result<Type> {
    if axis as usize >= shape.rank() {
        return Err(Error::shape(format!("there is no axis {axis} in {shape}")));
    }
    if dtype == DType::Bool {
        return Err(Error::dtype("positions are numbers, not bool"));
    }
    Ok(Type::new(dtype, shape))
}

pub(super) fn infer_random(distribution: Distribution, shape: Shape, dtype: DType, state: Type) -> Result<Type> {
    let state_type = Type::new(DType::I64, Shape::new(&[3])?);
    if state != state_type {
        return Err(Error::dtype(format!("the generator's state is {state}, not {state_type}")));
    }
    let fits = match distribution {
        Distribution::Bits => dtype == DType::I32,
        Distribution::Uniform | Distribution::Normal => matches!(dtype, DType::F32 | DType::F64),
    };
    if !fits {
        return Err(Error::dtype(format!("{dtype} numbers cannot be drawn; draw f32 and cast")));
    }
    Ok(Type::new(dtype, shape))
}

impl Trace {
    /// The position along `axis` in a tensor of these sizes.
    pub fn iota(&mut self, dtype: DType, dims: &[usize], axis: usize) -> Value {
        match Shape::new(dims) {
            Ok(shape) => self.push(Op::Iota { shape, axis: axis.min(255) as u8, dtype }, &[]),
            Err(error) => self.fail(error.within("iota")),
        }
    }
    /// A tensor whose elements are all `value`.
    pub fn full(&mut self, dtype: DType, dims: &[usize], value: f64) -> Value {
        let scalar = self.scalar(dtype, value);
        self.broadcast_to(scalar, dims)
    }
    /// Zeros with the dtype and shape of x.
    pub fn zeros_like(&mut self, x: Value) -> Value {
        let Type { dtype, shape } = self.ty(x);
        self.full(dtype, shape.dims(), 0.0)
    }
    /// Ones with the dtype and shape of x.
    pub fn ones_like(&mut self, x: Value) -> Value {
        let Type { dtype, shape } = self.ty(x);
        self.full(dtype, shape.dims(), 1.0)
    }
    fn random(&mut self, distribution: Distribution, dtype: DType, dims: &[usize], generator: &Variable) -> Value {
        let shape = match Shape::new(dims) {
            Ok(shape) => shape,
            Err(error) => return self.fail(error.within("random")),
        };
        let per_element = if dtype == DType::F64 { 2 } else { 1 };
        let (state, start) = self.draw(generator, (shape.elements() * per_element) as u64);
        self.push(Op::Random { distribution, shape, dtype, start }, &[state])
    }
    /// Uniform numbers in [0, 1), of dtype f64, f32, f16 or bf16. `generator` is a variable i64[3]: seed, stream, offset; the offset
    /// moves on when the program has run.
    pub fn random_uniform(&mut self, dtype: DType, dims: &[usize], generator: &Variable) -> Value {
        let steps = match dtype {
            DType::F16 => 2048.0,
            DType::BF16 => 256.0,
            _ => return self.random(Distribution::Uniform, dtype, dims, generator),
        };
        // Rounding would make 1 of the largest numbers: the last bits are dropped instead.
        let wide = self.random(Distribution::Uniform, DType::F32, dims, generator);
        let scaled = self.mul_scalar(wide, steps);
        let whole = self.floor(scaled);
        let kept = self.mul_scalar(whole, 1.0 / steps);
        self.cast(kept, dtype)
    }
    /// Standard normal numbers, of dtype f64, f32, f16 or bf16.
    pub fn random_normal(&mut self, dtype: DType, dims: &[usize], generator: &Variable) -> Value {
        if matches!(dtype, DType::F16 | DType::BF16) {
            let wide = self.random(Distribution::Normal, DType::F32, dims, generator);
            return self.cast(wide, dtype);
        }
        self.random(Distribution::Normal, dtype, dims, generator)
    }
    /// True with probability p (0 to 1).
    pub fn random_bernoulli(&mut self, p: f64, dims: &[usize], generator: &Variable) -> Value {
        if !(0.0..=1.0).contains(&p) {
            return self.fail(Error::invalid(format!("bernoulli: the probability {p} is not between 0 and 1")));
        }
        let uniform = self.random(Distribution::Uniform, DType::F32, dims, generator);
        let p = self.scalar(DType::F32, p);
        self.less(uniform, p)
    }
}
