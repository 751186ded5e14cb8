//! Attention and its gradient, one weight at a time.

use super::elementwise::larger;
use super::{Array, Data, place, positions};
use crate::error::Result;
use crate::ir::{Attention, Type};
use crate::random::RandomState;
use crate::tensor::Shape;

/// The operands with what leads from a query to its keys.
struct Operands<'a> {
    attention: &'a Attention,
    query: &'a Array,
    key: &'a Array,
    value: &'a Array,
    mask: Option<&'a Array>,
    /// The dropout's words, one for each weight.
    words: Vec<u32>,
    /// [..., T, S].
    weights: Shape,
}

impl<'a> Operands<'a> {
    fn new(attention: &'a Attention, x: &[&'a Array]) -> Result<Operands<'a>> {
        let dropout = attention.dropout > 0.0;
        let mask = (x.len() == if dropout { 5 } else { 4 }).then(|| x[3]);
        let (q, k) = (x[0].dims(), x[1].dims());
        let weights = Shape::new(&[&q[..q.len() - 1], &k[q.len() - 2..q.len() - 1]].concat())?;
        let mut words = Vec::new();
        if dropout {
            let state = x[x.len() - 1].ints()?;
            let state = RandomState::from_words([state[0], state[1], state[2]]);
            words = vec![0; weights.elements()];
            state.stream().fill_words(state.offset.wrapping_add(attention.start), &mut words);
        }
        Ok(Operands { attention, query: x[0], key: x[1], value: x[2], mask, words, weights })
    }
    /// For each query in order the scores of all keys: the key's row among all keys, the score, the dropout's factor.
    fn rows(&self) -> Result<Vec<Vec<(usize, f64, f64)>>> {
        let (q, k) = (self.query.dims(), self.key.dims());
        let rank = q.len();
        let width = q[rank - 1];
        let keep = (1.0 - self.attention.dropout) as f32 as f64;
        let mut rows = vec![Vec::new(); self.query.ty.shape.elements().checked_div(width).unwrap_or(0)];
        for (number, at) in positions(&self.weights).enumerate() {
            let (row, column) = (at[rank - 2], at[rank - 1]);
            let mut of_key = at;
            for axis in 0..rank - 2 {
                of_key[axis] = at[axis] / (q[axis] / k[axis]);
            }
            of_key[rank - 2] = column;
            let query = place(&q[..rank - 1], &at[..rank - 1]);
            let key = place(&k[..rank - 1], &of_key[..rank - 1]);
            let (a, b) = (self.query.floats()?, self.key.floats()?);
            let product: f64 = (0..width).map(|i| a[query * width + i] * b[key * width + i]).sum();
            let mut score = product * self.attention.scale;
            if let Some(mask) = self.mask {
                let at: Vec<usize> = mask.dims().iter().zip(&at).map(|(size, at)| if *size == 1 { 0 } else { *at }).collect();
                let place = place(mask.dims(), &at);
                match &mask.data {
                    Data::Floats(added) => score += added[place],
                    Data::Ints(takes_part) if takes_part[place] == 0 => score = f64::NEG_INFINITY,
                    Data::Ints(_) => {}
                }
            }
            if self.attention.causal && column > row {
                score = f64::NEG_INFINITY;
            }
            let factor = match self.words.get(number) {
                None => 1.0,
                Some(word) if (word >> 8) as f64 * 0.5f64.powi(24) < keep => 1.0 / (1.0 - self.attention.dropout),
                Some(_) => 0.0,
            };
            rows[query].push((key, score, factor));
        }
        Ok(rows)
    }
}

/// The result and the logarithms of the denominators.
pub(super) fn attention(attention: &Attention, x: &[&Array], types: &[Type]) -> Result<Vec<Array>> {
    let operands = Operands::new(attention, x)?;
    let value = operands.value.floats()?;
    let depth = operands.value.dims()[operands.value.dims().len() - 1];
    let (mut result, mut denominators) = (Vec::new(), Vec::new());
    for row in operands.rows()? {
        let largest = row.iter().fold(f64::NEG_INFINITY, |largest, (_, score, _)| larger(largest, *score));
        let total: f64 = row.iter().map(|(_, score, _)| (score - largest).exp()).sum();
        let nothing = largest == f64::NEG_INFINITY;
        denominators.push(if nothing { largest } else { largest + total.ln() });
        for i in 0..depth {
            let mean = row.iter().map(|(key, score, factor)| (score - largest).exp() / total * factor * value[key * depth + i]).sum();
            result.push(if nothing { 0.0 } else { mean });
        }
    }
    Ok(vec![Array { ty: types[0], data: Data::Floats(result) }, Array { ty: types[1], data: Data::Floats(denominators) }])
}

/// What query, key, and value get.
pub(super) fn attention_gradient(attention: &Attention, x: &[&Array], types: &[Type]) -> Result<Vec<Array>> {
    let (forward, given) = x.split_at(x.len() - 3);
    let operands = Operands::new(attention, forward)?;
    let (query, key, value) = (operands.query.floats()?, operands.key.floats()?, operands.value.floats()?);
    let (denominators, delta, gradient) = (given[0].floats()?, given[1].floats()?, given[2].floats()?);
    let width = operands.query.dims()[operands.query.dims().len() - 1];
    let depth = operands.value.dims()[operands.value.dims().len() - 1];
    let (mut dq, mut dk, mut dv) = (vec![0.0; query.len()], vec![0.0; key.len()], vec![0.0; value.len()]);
    for (number, row) in operands.rows()?.iter().enumerate() {
        if denominators[number] == f64::NEG_INFINITY {
            continue;
        }
        for (of, score, factor) in row {
            let weight = (score - denominators[number]).exp();
            let product: f64 = (0..depth).map(|i| gradient[number * depth + i] * value[of * depth + i]).sum();
            let slope = weight * (product * factor - delta[number]) * attention.scale;
            for i in 0..depth {
                dv[of * depth + i] += weight * factor * gradient[number * depth + i];
            }
            for i in 0..width {
                dq[number * width + i] += slope * key[of * width + i];
                dk[of * width + i] += slope * query[number * width + i];
            }
        }
    }
    Ok([dq, dk, dv].into_iter().zip(types).map(|(data, ty)| Array { ty: *ty, data: Data::Floats(data) }).collect())
}
