//! Attention: weighted means of values, the weights from products of queries and keys.

mod definition;
#[cfg(test)]
mod tests;

pub(super) use definition::{define, define_gradient, gradient};

use crate::error::{Error, Result};
use crate::ir::{Attention, Op, Type, Value, Variable};
use crate::ops::Trace;
use crate::ops::catalog::{Differentiable, Domain, Row, Values};
use crate::ops::shape::broadcast_shape;
use crate::tensor::{DType, Shape};

const REAL: Values = Values::Uniform(-1.0, 1.0);

pub(super) const ROWS: &[Row] = &[
    Row {
        name: "scaled_dot_product_attention",
        meaning: "softmax(scale query key^T + mask) value, blockwise: the weights are never stored",
        domain: Domain::Float,
        differentiable: Differentiable::Yes,
        shapes: "query [..., T, E], key [..., S, E], value [..., S, D], mask [..., T, S] -> [..., T, D]",
        torch: "torch.nn.functional.scaled_dot_product_attention",
        mindspore: "-",
        build: |g, x| {
            let mask = x.get(3).copied();
            g.scaled_dot_product_attention(x[0], x[1], x[2], AttentionOptions { mask, ..AttentionOptions::default() })
        },
        samples: &[
            &[(&[3, 2], REAL), (&[4, 2], REAL), (&[4, 3], REAL)],
            &[(&[2, 2, 3, 2], REAL), (&[2, 1, 2, 2], REAL), (&[2, 2, 2], REAL)],
            &[(&[2, 2, 2], REAL), (&[2, 3, 2], REAL), (&[2, 3, 1], REAL), (&[2, 3], REAL)],
            &[(&[2, 2, 2], REAL), (&[2, 3, 2], REAL), (&[2, 3, 1], REAL), (&[2, 1, 3], REAL)],
            &[(&[2, 3, 2], REAL), (&[2, 4, 2], REAL), (&[2, 4, 2], REAL), (&[2, 3, 4], Values::Bools)],
        ],
        ..Row::COMMON
    },
    Row {
        name: "scaled_dot_product_attention_causal",
        meaning: "as scaled_dot_product_attention, where query t sees the keys 0 to t alone and heads of queries share keys and values",
        domain: Domain::Float,
        differentiable: Differentiable::Yes,
        shapes: "query [..., H, T, E], key [..., G, S, E], value [..., G, S, D] -> [..., H, T, D], where G divides H",
        torch: "torch.nn.functional.scaled_dot_product_attention",
        mindspore: "-",
        build: |g, x| {
            let mask = x.get(3).copied();
            let options = AttentionOptions { mask, causal: true, scale: Some(0.8), enable_gqa: true, ..AttentionOptions::default() };
            g.scaled_dot_product_attention(x[0], x[1], x[2], options)
        },
        samples: &[
            &[(&[4, 2], REAL), (&[3, 2], REAL), (&[3, 1], REAL)],
            &[(&[4, 2, 2], REAL), (&[2, 3, 2], REAL), (&[2, 3, 2], REAL)],
            &[(&[2, 3, 2], REAL), (&[1, 3, 2], REAL), (&[1, 3, 1], REAL), (&[3, 3], REAL)],
        ],
        ..Row::COMMON
    },
];

/// Options of [`Trace::scaled_dot_product_attention`].
#[derive(Clone, Copy, Default)]
pub struct AttentionOptions<'a> {
    /// Broadcasts to [..., T, S]. Bool: true where a key takes part, as in PyTorch (MindSpore's MultiheadAttention has it the other way round).
    /// Float: added to the scores.
    pub mask: Option<Value>,
    /// Query t sees the keys 0 ..= t alone, also where T is not S. Joins with the mask.
    pub causal: bool,
    /// The factor of the scores; 1 / sqrt(E) if there is none.
    pub scale: Option<f64>,
    /// The share of the weights that is set to 0 while the others grow by 1 / (1 - share), at least 0 and below 1, and the generator that
    /// decides which: one word for each weight.
    pub dropout: Option<(f64, &'a Variable)>,
    /// Key and value may have fewer heads (the dimension before the last two) than the query: as many neighbouring heads of the query as their
    /// number goes into its own share one.
    pub enable_gqa: bool,
}

/// The operands of an attention, by what they are.
pub(super) struct Operands<T> {
    pub query: T,
    pub key: T,
    pub value: T,
    pub mask: Option<T>,
    pub state: Option<T>,
}

impl<T: Copy> Operands<T> {
    pub(super) fn new(attention: &Attention, inputs: &[T]) -> Result<Operands<T>> {
        let state = usize::from(attention.dropout > 0.0);
        let (mask, state) = match inputs.len().checked_sub(3 + state) {
            Some(0) => (None, inputs.get(3)),
            Some(1) => (inputs.get(3), inputs.get(4)),
            _ => return Err(Error::invalid(format!("takes query, key, value, mask, state, not {} operands", inputs.len()))),
        };
        Ok(Operands { query: inputs[0], key: inputs[1], value: inputs[2], mask: mask.copied(), state: state.copied() })
    }
}

/// The dtype of what is not rounded to 16 bits.
pub(super) fn wide(dtype: DType) -> DType {
    if dtype == DType::F64 { DType::F64 } else { DType::F32 }
}

/// The types of both results.
pub(super) fn infer(attention: &Attention, inputs: &[Type]) -> Result<Vec<Type>> {
    let Operands { query, key, value, mask, state } = Operands::new(attention, inputs)?;
    if !query.dtype.is_float() || key.dtype != query.dtype || value.dtype != query.dtype {
        return Err(Error::dtype(format!("query is {query}, key {key}, value {value}; they are floats of one dtype")));
    }
    let misfit = || Error::shape(format!("query {}, key {}, value {}", query.shape, key.shape, value.shape));
    let (q, k, v) = (query.shape.dims(), key.shape.dims(), value.shape.dims());
    let Some(lead) = q.len().checked_sub(2) else { return Err(misfit()) };
    if k.len() != q.len() || v.len() != q.len() || k[..lead + 1] != v[..lead + 1] || k[lead + 1] != q[lead + 1] {
        return Err(misfit());
    }
    if q[lead + 1] == 0 {
        return Err(Error::shape(format!("queries {} have no elements", query.shape)));
    }
    let shares = |axis: usize| axis + 1 == lead && k[axis] > 0 && q[axis].is_multiple_of(k[axis]);
    if (0..lead).any(|axis| k[axis] != q[axis] && k[axis] != 1 && !shares(axis)) {
        return Err(misfit());
    }
    if let Some(mask) = mask {
        let full = [&q[..lead + 1], &k[lead..lead + 1]].concat();
        let fits = mask.shape.rank() == full.len() && mask.shape.dims().iter().zip(&full).all(|(size, full)| size == full || *size == 1);
        if !fits {
            return Err(Error::shape(format!("the mask is {}, which does not broadcast to {full:?}", mask.shape)));
        }
        if mask.dtype != DType::Bool && mask.dtype != query.dtype {
            return Err(Error::dtype(format!("the mask is {mask}, neither bool nor {}", query.dtype)));
        }
    }
    if state.is_some_and(|state| state != Type::new(DType::I64, Shape::new(&[3]).unwrap_or(Shape::SCALAR))) {
        return Err(Error::dtype("the generator's state is not i64[3]"));
    }
    let result = Shape::new(&[&q[..lead + 1], &v[lead + 1..]].concat())?;
    let denominators = Shape::new(&q[..lead + 1])?;
    Ok(vec![Type::new(query.dtype, result), Type::new(wide(query.dtype), denominators)])
}

/// The types of the gradients of query, key, and value.
pub(super) fn infer_gradient(attention: &Attention, inputs: &[Type]) -> Result<Vec<Type>> {
    let Some(forward) = inputs.len().checked_sub(3) else { return Err(Error::invalid("has too few operands")) };
    let results = infer(attention, &inputs[..forward])?;
    let expected = [results[1], results[1], results[0]];
    if inputs[forward..] != expected {
        let list = |types: &[Type]| types.iter().map(Type::to_string).collect::<Vec<_>>().join(", ");
        return Err(Error::shape(format!("denominators, delta, and gradient are {}, not {}", list(&inputs[forward..]), list(&expected))));
    }
    Ok(inputs[..3].to_vec())
}

impl Trace {
    /// dropout(softmax(scale query key^T + mask)) value: for query [..., T, E], key [..., S, E], and value [..., S, D] a result [..., T, D]. Leading
    /// dimensions broadcast, float dtypes promote; 16-bit floats are computed in f32.
    ///
    /// The weights [..., T, S] are never stored, neither here nor for the gradient: memory grows with T + S. A query that the mask leaves no
    /// key gets zeros, and hands back zeros, as in PyTorch since 2.5. Keys and values that are masked should be finite nonetheless.
    pub fn scaled_dot_product_attention(&mut self, query: Value, key: Value, value: Value, options: AttentionOptions) -> Value {
        const NAME: &str = "scaled_dot_product_attention";
        let operands = [Some(query), Some(key), Some(value), options.mask];
        if operands.into_iter().flatten().any(|operand| !self.contains(operand)) {
            if self.error().is_none() {
                self.fail(Error::invalid(format!("{NAME}: an operand is not a value of this graph")));
            }
            return Value::INVALID;
        }
        match self.attention(query, key, value, options) {
            Ok(value) => value,
            Err(error) => self.fail(error.within(NAME)),
        }
    }

    fn attention(&mut self, query: Value, key: Value, value: Value, options: AttentionOptions) -> Result<Value> {
        let types = [query, key, value].map(|operand| self.ty(operand));
        let dtype = types.iter().map(|ty| ty.dtype).fold(types[0].dtype, super::binary::promote);
        if types.iter().any(|ty| !ty.dtype.is_float()) {
            return Err(Error::dtype(format!("query is {}, key {}, value {}; they are floats", types[0], types[1], types[2])));
        }
        if types.iter().any(|ty| ty.shape.rank() < 2) {
            return Err(Error::shape(format!(
                "query is {}, key {}, value {}; two dimensions at least are wanted",
                types[0], types[1], types[2]
            )));
        }
        let rank = operands_rank(types.iter().map(|ty| ty.shape.rank()).chain(options.mask.map(|mask| self.rank(mask))));
        let lead = rank - 2;
        let [query, key, value] = [query, key, value].map(|operand| {
            let aligned = self.aligned(operand, rank);
            self.cast(aligned, dtype)
        });
        if let Some(mask) = options.mask.map(|mask| self.ty(mask)).filter(|mask| mask.dtype != DType::Bool && !mask.dtype.is_float()) {
            return Err(Error::dtype(format!("the mask is {mask}, neither bool nor floats")));
        }
        let mask = options.mask.map(|mask| {
            let aligned = self.aligned(mask, rank);
            if self.dtype(aligned) == DType::Bool { aligned } else { self.cast(aligned, dtype) }
        });
        self.check()?;
        let (q, k, v) = (self.dims(query), self.dims(key), self.dims(value));
        if k[rank - 1] != q[rank - 1] {
            return Err(Error::shape(format!("queries have {} elements, keys {}", q[rank - 1], k[rank - 1])));
        }
        if k[lead] != v[lead] {
            return Err(Error::shape(format!("there are {} keys and {} values", k[lead], v[lead])));
        }
        let join =
            |a: &[usize], b: &[usize]| -> Result<Vec<usize>> { Ok(broadcast_shape(&Shape::new(a)?, &Shape::new(b)?)?.dims().to_vec()) };
        // Heads of the query share: their number counts, whatever divides it.
        let mut shared = join(&k[..lead], &v[..lead])?;
        let groups = shared.clone();
        if options.enable_gqa && lead > 0 && shared[lead - 1] > 0 && q[lead - 1].is_multiple_of(shared[lead - 1]) {
            shared[lead - 1] = 1;
        }
        let mut full = join(&q[..lead], &shared)?;
        if let Some(mask) = mask {
            full = join(&full, &self.dims(mask)[..lead])?;
        }
        let query = self.broadcast_to(query, &[&full, &q[lead..]].concat());
        let key = self.broadcast_to(key, &[&groups, &k[lead..]].concat());
        let value = self.broadcast_to(value, &[&groups, &v[lead..]].concat());

        let scale = options.scale.unwrap_or(1.0 / (q[rank - 1].max(1) as f64).sqrt());
        if !scale.is_finite() {
            return Err(Error::invalid(format!("the scale is {scale}")));
        }
        let mut attention = Attention { causal: options.causal, scale, dropout: 0.0, start: 0 };
        let mut inputs = vec![query, key, value];
        inputs.extend(mask);
        if let Some((share, generator)) = options.dropout {
            if !(0.0..1.0).contains(&share) {
                return Err(Error::invalid(format!("dropout is at least 0 and below 1, not {share}")));
            }
            let mut sizes = full.iter().chain([&q[lead], &k[lead]]);
            let words = sizes.try_fold(1u64, |product, size| product.checked_mul(*size as u64)).filter(|words| *words < 1 << 62);
            let words = words.ok_or_else(|| Error::shape(format!("{full:?} times {} times {} weights are too many", q[lead], k[lead])))?;
            if share > 0.0 {
                let (state, start) = self.draw(generator, words);
                attention = Attention { dropout: share, start, ..attention };
                inputs.push(state);
            }
        }
        let both = self.push(Op::Attention(attention), &inputs);
        self.check()?;
        Ok(self.part(both, 0))
    }

    /// With dimensions of size 1 in front.
    fn aligned(&mut self, x: Value, rank: usize) -> Value {
        let dims = self.dims(x);
        let ones = vec![1; rank.saturating_sub(dims.len())];
        self.reshape(x, &[ones, dims].concat())
    }
}

/// The rank that all operands meet in.
fn operands_rank(ranks: impl Iterator<Item = usize>) -> usize {
    ranks.max().unwrap_or(2).max(2)
}
