//! Sums of products over labelled axes: each pair of factors becomes one matrix product.

use super::equation::{LABELS, Label};
use super::path::{Mask, path};
use crate::ir::Value;
use crate::ops::Trace;

/// A value and what its axes are called. Once prepared, no label stands twice and no axis has size 1.
#[derive(Clone)]
pub(in crate::ops::composite) struct Factor {
    pub value: Value,
    pub labels: Vec<Label>,
}

type Sizes = [usize; LABELS];

fn mask(labels: &[Label]) -> Mask {
    labels.iter().fold(0, |mask, label| mask | 1 << label)
}

fn has(mask: Mask, label: Label) -> bool {
    mask >> label & 1 == 1
}

/// Those of the labels that are in the mask, in their order.
fn only(labels: &[Label], mask: Mask) -> Vec<Label> {
    labels.iter().copied().filter(|label| has(mask, *label)).collect()
}

fn count(labels: &[Label], sizes: &Sizes) -> usize {
    labels.iter().map(|label| sizes[*label as usize]).product()
}

fn dims(labels: &[Label], sizes: &Sizes) -> Vec<usize> {
    labels.iter().map(|label| sizes[*label as usize]).collect()
}

/// How two factors are laid out for a matrix product.
struct Layout {
    is_swapped: bool,
    batch: Vec<Label>,
    summed: Vec<Label>,
}

impl Trace {
    /// The sum of the products of all factors over the labels that are not in `output`, whose axes come in this order. `sizes` says how
    /// large each label is; an axis of size 1 is repeated where its label is larger.
    pub(in crate::ops::composite) fn contract(&mut self, factors: &[Factor], sizes: &Sizes, output: &[Label]) -> Value {
        let wanted: Vec<Label> = output.iter().copied().filter(|label| sizes[*label as usize] != 1).collect();
        let mut all: Vec<Option<Factor>> = Vec::with_capacity(2 * factors.len());
        for factor in factors {
            let prepared = self.prepared(factor.clone());
            all.push(Some(prepared));
        }
        for index in 0..factors.len() {
            let rest = everything(&all, Some(index)) | mask(&wanted);
            if let Some(factor) = all[index].take() {
                let summed = self.without_others(factor, rest);
                all[index] = Some(summed);
            }
        }
        let masks: Vec<Mask> = all.iter().flatten().map(|factor| mask(&factor.labels)).collect();
        let pairs = path(&masks, mask(&wanted), sizes);
        for (number, (first, second)) in pairs.iter().enumerate() {
            let (Some(a), Some(b)) = (all[*first].take(), all[*second].take()) else { return Value::INVALID };
            let kept = everything(&all, None) | mask(&wanted);
            let last = (number + 1 == pairs.len()).then_some(&wanted[..]);
            let joined = self.joined(a, b, kept, sizes, last);
            all.push(Some(joined));
        }
        let Some(Some(result)) = all.pop() else { return Value::INVALID };
        let ordered = self.in_order(&result, &wanted);
        self.reshape(ordered, &dims(output, sizes))
    }
    /// With the diagonal where a label stands twice, and without axes of size 1.
    fn prepared(&mut self, factor: Factor) -> Factor {
        let Factor { mut value, mut labels } = factor;
        while let Some((first, second)) =
            labels.iter().enumerate().find_map(|(i, label)| labels[..i].iter().position(|known| known == label).map(|twin| (twin, i)))
        {
            value = self.diagonal(value, 0, first, second);
            let label = labels.remove(second);
            labels.remove(first);
            labels.push(label);
        }
        let all = self.dims(value);
        let kept: Vec<usize> = all.iter().copied().filter(|size| *size != 1).collect();
        let labels = labels.into_iter().zip(&all).filter(|(_, size)| **size != 1).map(|(label, _)| label).collect();
        Factor { value: self.reshape(value, &kept), labels }
    }
    /// Summed over the labels that are not in `kept`.
    fn without_others(&mut self, factor: Factor, kept: Mask) -> Factor {
        let axes: Vec<usize> = (0..factor.labels.len()).filter(|axis| !has(kept, factor.labels[*axis])).collect();
        if axes.is_empty() {
            return factor;
        }
        Factor { value: self.sum(factor.value, &axes, false), labels: only(&factor.labels, kept) }
    }
    /// The value with its axes in the order of `labels`, which are its own.
    fn in_order(&mut self, factor: &Factor, labels: &[Label]) -> Value {
        let order: Vec<usize> = labels.iter().filter_map(|label| factor.labels.iter().position(|known| known == label)).collect();
        self.transpose(factor.value, &order)
    }
    /// The product of two factors, summed over what is not kept. `last`: the order that the result is wanted in, if that is known.
    fn joined(&mut self, a: Factor, b: Factor, kept: Mask, sizes: &Sizes, last: Option<&[Label]>) -> Factor {
        let shared = mask(&a.labels) & mask(&b.labels);
        if shared & !kept == 0 {
            return self.multiplied(&a, &b, sizes, last);
        }
        let layout = best_layout(&a, &b, kept, sizes, last);
        let (a, b) = if layout.is_swapped { (b, a) } else { (a, b) };
        let (free_a, free_b) = (only(&a.labels, !shared), only(&b.labels, !shared));
        let Layout { batch, summed, .. } = layout;
        if free_a.is_empty() && free_b.is_empty() {
            // Nothing is used twice: a sum of products in one pass is quicker than matrix products of a row and a column.
            let order = [&batch[..], &summed].concat();
            let operands = [self.in_order(&a, &order), self.in_order(&b, &order)];
            let axes: Vec<usize> = (batch.len()..order.len()).collect();
            let value = self.sum_of_products(operands, &axes);
            return Factor { value, labels: batch };
        }
        let (rows, columns, inner) = (count(&free_a, sizes), count(&free_b, sizes), count(&summed, sizes));
        let lead: Vec<usize> = if batch.is_empty() { Vec::new() } else { vec![count(&batch, sizes)] };
        let (left, transpose_a) = self.as_matrices(&a, &batch, [(&free_a, rows), (&summed, inner)], &lead);
        let (right, transpose_b) = self.as_matrices(&b, &batch, [(&summed, inner), (&free_b, columns)], &lead);
        let product = self.product(left, right, transpose_a, transpose_b);
        let labels = [batch, free_a, free_b].concat();
        Factor { value: self.reshape(product, &dims(&labels, sizes)), labels }
    }
    /// A factor as matrices [lead, rows, columns], or, if that moves no element, as [lead, columns, rows] and true.
    fn as_matrices(&mut self, factor: &Factor, batch: &[Label], sides: [(&[Label], usize); 2], lead: &[usize]) -> (Value, bool) {
        let [(rows, m), (columns, n)] = sides;
        let is_turned = factor.labels == [batch, columns, rows].concat() && factor.labels != [batch, rows, columns].concat();
        let (labels, tail) = if is_turned { ([batch, columns, rows].concat(), [n, m]) } else { ([batch, rows, columns].concat(), [m, n]) };
        let moved = self.in_order(factor, &labels);
        (self.reshape(moved, &[lead, &tail].concat()), is_turned)
    }
    /// The product of two factors that are summed over nothing: one of elements, with axes repeated where only one has them.
    fn multiplied(&mut self, a: &Factor, b: &Factor, sizes: &Sizes, last: Option<&[Label]>) -> Factor {
        let in_a = mask(&a.labels);
        let labels = match last {
            Some(labels) => labels.to_vec(),
            None => [&a.labels[..], &only(&b.labels, !in_a)].concat(),
        };
        let [left, right] = [a, b].map(|factor| {
            let own = mask(&factor.labels);
            let moved = self.in_order(factor, &only(&labels, own));
            let around: Vec<usize> = labels.iter().map(|label| if has(own, *label) { sizes[*label as usize] } else { 1 }).collect();
            self.reshape(moved, &around)
        });
        Factor { value: self.mul(left, right), labels }
    }
    /// The sum over `axes` of the products of elements. 16-bit floats are multiplied and summed in f32.
    pub(in crate::ops::composite) fn sum_of_products(&mut self, [a, b]: [Value; 2], axes: &[usize]) -> Value {
        let body = |g: &mut Trace, x: &[Value]| {
            let products = g.mul(x[0], x[1]);
            g.sum(products, axes, false)
        };
        if self.dtype(a).is_float() { self.in_float("sum of products", &[a, b], body) } else { body(self, &[a, b]) }
    }
}

/// The labels of all factors that are left, but one.
fn everything(all: &[Option<Factor>], but: Option<usize>) -> Mask {
    let others = all.iter().enumerate().filter(|(index, _)| Some(*index) != but);
    others.filter_map(|(_, factor)| factor.as_ref()).fold(0, |labels, factor| labels | mask(&factor.labels))
}

/// The layout for which the fewest elements have to be moved, of the operands and, where its order is known, of the result.
fn best_layout(a: &Factor, b: &Factor, kept: Mask, sizes: &Sizes, last: Option<&[Label]>) -> Layout {
    let shared = mask(&a.labels) & mask(&b.labels);
    let (batch, summed) = (shared & kept, shared & !kept);
    let (free_a, free_b) = (only(&a.labels, !shared), only(&b.labels, !shared));
    let mut batches = vec![only(&a.labels, batch), only(&b.labels, batch)];
    batches.extend(last.map(|labels| only(labels, batch)));
    let sums = [only(&a.labels, summed), only(&b.labels, summed)];
    let moved = |factor: &Factor, batch: &[Label], free: &[Label], summed: &[Label]| {
        let stays = factor.labels == [batch, free, summed].concat() || factor.labels == [batch, summed, free].concat();
        if stays { 0.0 } else { count(&factor.labels, sizes) as f64 }
    };
    let mut least = f64::INFINITY;
    let mut chosen = Layout { is_swapped: false, batch: batches[0].clone(), summed: sums[0].clone() };
    for batch in &batches {
        for summed in &sums {
            let operands = moved(a, batch, &free_a, summed) + moved(b, batch, &free_b, summed);
            for is_swapped in [false, true] {
                let (first, second) = if is_swapped { (&free_b, &free_a) } else { (&free_a, &free_b) };
                let result = [&batch[..], first, second].concat();
                let after = if last.is_some_and(|labels| labels != result) {
                    dims(&result, sizes).iter().map(|size| *size as f64).product()
                } else {
                    0.0
                };
                if operands + after < least {
                    least = operands + after;
                    chosen = Layout { is_swapped, batch: batch.clone(), summed: summed.clone() };
                }
            }
        }
    }
    chosen
}
