//! What attention means, written with other operations, and its gradient.
//!
//! With scores s = scale q k^T + mask, the second result L = ln sum e^s, and weights w = e^(s - L), the first result is o = (w m) v, where m is the
//! dropout's factor, 0 or 1 / (1 - share). For a gradient g of o and a gradient l of L:
//!
//! ```text
//! dv = (w m)^T g      ds = w (m (g v^T) - delta)      delta = sum(g o) - l along D
//! dq = scale ds k     dk = scale ds^T q               dmask = ds
//! ```
//!
//! Everything here is in f32 at least.

use super::{Operands, wide};
use crate::ir::{Attention, Distribution, Node, Op, ReduceKind, Value};
use crate::ops::Trace;
use crate::ops::rules::Contribution;
use crate::tensor::{DType, Shape};

/// Both results of an attention on these operands.
pub(in crate::ops) fn define(g: &mut Trace, attention: &Attention, inputs: &[Value]) -> Option<Vec<Value>> {
    let body = Body::new(g, attention, inputs)?;
    let (rank, dtype) = (g.rank(body.query), g.dtype(inputs[0]));
    let last = [rank - 1];
    // The largest score is only a shift: no gradient passes through it.
    let largest = if g.dims(body.scores)[rank - 1] == 0 {
        let total = g.sum(body.scores, &last, false);
        g.zeros_like(total)
    } else {
        let largest = g.reduce(ReduceKind::Max, body.scores, &last, false);
        let largest = g.stop_gradient(largest);
        finite(g, largest)
    };
    let spread = g.expand_like(largest, body.scores, &last);
    let shifted = g.sub(body.scores, spread);
    let powers = g.exp(shifted);
    let total = g.sum(powers, &last, false);
    let zero = g.zeros_like(total);
    let nothing = g.equal(total, zero);
    let one = g.ones_like(total);
    let total = g.select(nothing, one, total);
    let logarithm = g.log(total);
    let denominators = g.add(logarithm, largest);
    let lowest = g.scalar(g.dtype(denominators), f64::NEG_INFINITY);
    let denominators = g.select(nothing, lowest, denominators);
    let weights = body.weights(g, denominators);
    let weights = body.dropped(g, weights);
    let result = g.product(weights, body.value, false, false);
    Some(vec![g.cast(result, dtype), denominators])
}

/// The results of [`Op::AttentionGradient`] on these operands.
pub(in crate::ops) fn define_gradient(g: &mut Trace, attention: &Attention, inputs: &[Value]) -> Option<Vec<Value>> {
    let forward = inputs.len().checked_sub(3)?;
    let body = Body::new(g, attention, &inputs[..forward])?;
    let dtype = g.dtype(inputs[0]);
    let (dropped, slopes) = body.slopes(g, [inputs[forward], inputs[forward + 1], inputs[forward + 2]]);
    let gradient = g.cast(inputs[forward + 2], wide(dtype));
    let dq = g.product(slopes, body.key, false, false);
    let dq = g.mul_scalar(dq, attention.scale);
    let dk = g.product(slopes, body.query, true, false);
    let dk = g.mul_scalar(dk, attention.scale);
    let dv = g.product(dropped, gradient, true, false);
    let (k, v) = (g.shape(inputs[1]), g.shape(inputs[2]));
    let (dk, dv) = (gathered(g, dk, &k), gathered(g, dv, &v));
    Some(vec![g.cast(dq, dtype), g.cast(dk, dtype), g.cast(dv, dtype)])
}

/// What an attention hands to its operands when its results are asked for with `asked`.
pub(in crate::ops) fn gradient(g: &mut Trace, attention: &Attention, node: &Node, y: Value, asked: &[Option<Value>]) -> Contribution {
    let (out, denominators) = (g.part(y, 0), g.part(y, 1));
    let dtype = g.dtype(denominators);
    let gradient = match asked[0] {
        Some(gradient) => gradient,
        None => g.zeros_like(out),
    };
    let (a, b) = (g.cast(out, dtype), g.cast(gradient, dtype));
    let product = g.mul(a, b);
    let last = g.rank(product).saturating_sub(1);
    let mut delta = g.sum(product, &[last], false);
    if let Some(asked) = asked[1] {
        delta = g.sub(delta, asked);
    }
    let given = [denominators, delta, gradient];
    let all = g.push(Op::AttentionGradient(*attention), &[&node.inputs[..], &given].concat());
    let mut contributions: Vec<Option<Value>> = (0..3).map(|number| Some(g.part(all, number))).collect();
    if let Ok(Operands { mask: Some(mask), .. }) = Operands::new(attention, &node.inputs) {
        // Nothing is computed of this unless somebody asks for it.
        let dmask = if g.dtype(mask).is_float() {
            Body::new(g, attention, &node.inputs).map(|body| {
                let (_, slopes) = body.slopes(g, given);
                let shape = g.shape(mask);
                let sum = gathered(g, slopes, &shape);
                g.cast(sum, g.dtype(mask))
            })
        } else {
            None
        };
        contributions.push(dmask);
    }
    contributions.resize(node.inputs.len(), None);
    Contribution::Many(contributions)
}

/// What result and gradients begin with: operands in f32 at least, key and value with all heads.
struct Body {
    query: Value,
    key: Value,
    value: Value,
    scores: Value,
    /// m of the dropout.
    factors: Option<Value>,
}

impl Body {
    fn new(g: &mut Trace, attention: &Attention, inputs: &[Value]) -> Option<Body> {
        let Operands { query, key, value, mask, state } = Operands::new(attention, inputs).ok()?;
        let dtype = wide(g.dtype(query));
        let q = g.dims(query);
        let lead = q.len().checked_sub(2)?;
        let [query, key, value] = [query, key, value].map(|operand| {
            let operand = g.cast(operand, dtype);
            spread(g, operand, &q[..lead])
        });
        let products = g.product(query, key, false, true);
        let mut scores = g.mul_scalar(products, attention.scale);
        let lowest = g.scalar(dtype, f64::NEG_INFINITY);
        if let Some(mask) = mask {
            scores = if g.dtype(mask).is_float() {
                let mask = g.cast(mask, dtype);
                g.add(scores, mask)
            } else {
                g.select(mask, scores, lowest)
            };
        }
        let dims = g.dims(scores);
        if attention.causal {
            let sizes = &dims[lead..];
            let (row, column) = (g.iota(DType::I64, sizes, 0), g.iota(DType::I64, sizes, 1));
            let seen = g.less_equal(column, row);
            scores = g.select(seen, scores, lowest);
        }
        let factors = match state {
            Some(state) => {
                let shape = Shape::new(&dims).ok()?;
                let random = Op::Random { distribution: Distribution::Uniform, shape, dtype: DType::F32, start: attention.start };
                let uniform = g.push(random, &[state]);
                let keep = g.scalar(DType::F32, 1.0 - attention.dropout);
                let kept = g.less(uniform, keep);
                let (zero, growth) = (g.scalar(dtype, 0.0), g.scalar(dtype, 1.0 / (1.0 - attention.dropout)));
                Some(g.select(kept, growth, zero))
            }
            None => None,
        };
        Some(Body { query, key, value, scores, factors })
    }
    /// e^(scores - denominators), zeros where there is no key.
    fn weights(&self, g: &mut Trace, denominators: Value) -> Value {
        let denominators = finite(g, denominators);
        let last = g.rank(self.scores).saturating_sub(1);
        let spread = g.expand_like(denominators, self.scores, &[last]);
        let shifted = g.sub(self.scores, spread);
        g.exp(shifted)
    }
    fn dropped(&self, g: &mut Trace, x: Value) -> Value {
        match self.factors {
            Some(factors) => g.mul(x, factors),
            None => x,
        }
    }
    /// (w m, ds), given [L, delta, gradient].
    fn slopes(&self, g: &mut Trace, [denominators, delta, gradient]: [Value; 3]) -> (Value, Value) {
        let weights = self.weights(g, denominators);
        let gradient = g.cast(gradient, g.dtype(weights));
        let products = g.product(gradient, self.value, false, true);
        let products = self.dropped(g, products);
        let last = g.rank(products).saturating_sub(1);
        let delta = g.expand_like(delta, products, &[last]);
        let differences = g.sub(products, delta);
        (self.dropped(g, weights), g.mul(weights, differences))
    }
}

/// x, with 0 where it is infinite.
fn finite(g: &mut Trace, x: Value) -> Value {
    let infinite = g.is_inf(x);
    let zero = g.zeros_like(x);
    g.select(infinite, zero, x)
}

/// x [groups, a, b] with its leading dimensions those of the query: an element that several heads share repeated for them.
fn spread(g: &mut Trace, x: Value, lead: &[usize]) -> Value {
    let dims = g.dims(x);
    let count = lead.len();
    let shares = count > 0 && dims[count - 1] != lead[count - 1] && dims[count - 1] > 1;
    if !shares {
        return g.broadcast_to(x, &[lead, &dims[count..]].concat());
    }
    let (own, each) = (dims[count - 1], lead[count - 1] / dims[count - 1]);
    let outer = &lead[..count - 1];
    let apart = g.reshape(x, &[&dims[..count], &[1], &dims[count..]].concat());
    let repeated = g.broadcast_to(apart, &[outer, &[own, each], &dims[count..]].concat());
    g.reshape(repeated, &[lead, &dims[count..]].concat())
}

/// The sum of x over what `shape` has less of: dimensions of size 1, and heads that share.
fn gathered(g: &mut Trace, x: Value, shape: &Shape) -> Value {
    let dims = g.dims(x);
    let count = dims.len().saturating_sub(2);
    let mut x = x;
    let mut target = shape.dims().to_vec();
    let shares = count > 0 && target[count - 1] != dims[count - 1] && target[count - 1] > 1;
    let mut sizes = dims;
    if shares {
        let (own, all) = (target[count - 1], sizes[count - 1]);
        sizes.splice(count - 1..count, [own, all / own]);
        target.insert(count, 1);
        x = g.reshape(x, &sizes);
    }
    let axes: Vec<usize> = (0..sizes.len()).filter(|axis| target[*axis] == 1 && sizes[*axis] != 1).collect();
    let sum = if axes.is_empty() { x } else { g.sum(x, &axes, false) };
    g.reshape(sum, shape.dims())
}
