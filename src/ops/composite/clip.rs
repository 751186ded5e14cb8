//! Gradients held within bounds: clipping of several values together, and whether all of them are finite.

use crate::error::Error;
use crate::ir::{Value, Variable};
use crate::ops::catalog::{Differentiable, Values};
use crate::ops::composite::support::{YES, rows};
use crate::ops::{Trace, binary};
use crate::tensor::DType;

const LARGE: Values = Values::Uniform(0.5, 2.0);
const SMALL: Values = Values::Uniform(-0.05, -0.01);

rows! {
    "clip_by_value", "the elements of several values held between two bounds; slope 1 at both", "each [s...] -> the same", "torch.nn.utils.clip_grad_value_", "", Number, YES =>
        |g, x| {
            let all = g.clip_by_value(x, -0.9, 1.1);
            joined(g, &all)
        }, [&[(&[2, 3], LARGE), (&[4], Values::Uniform(-2.0, 2.0))]];
    "clip_by_norm", "several values times most / (their norm + 1e-6), where that is below 1", "each [s...] -> the same", "torch.nn.utils.clip_grad_norm_", "", Float, YES =>
        |g, x| {
            let all = g.clip_by_norm(x, 1.5, if g.rank(x[0]) == 1 { 3.0 } else { 2.0 });
            joined(g, &all)
        }, [&[(&[2, 2], LARGE), (&[3], LARGE)], &[(&[3], LARGE), (&[2], Values::Uniform(-2.0, -0.5))], &[(&[2, 2], SMALL), (&[3], SMALL)]];
    "clip_by_global_norm", "several values times most / max(their norm, most)", "each [s...] -> the same", "-", "", Float, YES =>
        |g, x| {
            let all = g.clip_by_global_norm(x, 1.5);
            joined(g, &all)
        }, [&[(&[2, 2], LARGE), (&[3], LARGE)], &[(&[2, 2], SMALL), (&[3], SMALL)]];
    "renorm", "x with the slices along an axis whose p-norm is above a bound scaled to it", "x [..., n, ...] -> the same", "", "", Float, YES =>
        |g, x| g.renorm(x[0], 3.0, 1, if g.rank(x[0]) == 2 { 1.5 } else { 100.0 }), [&[(&[2, 3], Values::Uniform(-2.0, -0.5))], &[(&[2, 2, 2], LARGE)]];
    "global_norm", "the p-norm of all elements of several values", "each [s...] -> []", "torch.nn.utils.get_total_norm", "-", Float, YES =>
        |g, x| {
            let norms: Vec<Value> = [2.0, 3.0, 1.0, f64::INFINITY].iter().map(|p| g.global_norm(x, *p)).collect();
            g.stack(&norms, 0)
        }, [&[(&[2, 2], LARGE), (&[3], Values::Uniform(-2.0, -0.5))]];
    "all_finite", "whether all elements of several values are finite, as one bool", "each [s...] -> []", "-", "mindspore.amp.all_finite", Any, Differentiable::Zero("piecewise constant") =>
        |g, x| g.all_finite(x), [&[(&[2, 2], LARGE), (&[3], LARGE)]];
}

/// All elements of several values, one behind the other.
fn joined(g: &mut Trace, values: &[Value]) -> Value {
    let flat: Vec<Value> = values.iter().map(|value| g.ravel(*value)).collect();
    if flat.is_empty() { Value::INVALID } else { g.concat(&flat, 0) }
}

impl Trace {
    /// The elements of each value held between two bounds, as [`Trace::clamp`] does; NaN stays.
    pub fn clip_by_value(&mut self, values: &[Value], low: f64, high: f64) -> Vec<Value> {
        const NAME: &str = "clip_by_value";
        if low.is_nan() || high.is_nan() || low > high {
            self.fail(Error::invalid(format!("{NAME}: {low} and {high} are no bounds")));
            return Vec::new();
        }
        if !self.knows(NAME, values) {
            return Vec::new();
        }
        values.iter().map(|value| self.clamp(*value, low, high)).collect()
    }
    /// Each value times most / (n + 1e-6), where that is below 1; n is their [`Trace::global_norm`] with p. Where n is NaN all are. (PyTorch's
    /// `clip_grad_norm_`, MindSpore's `clip_by_norm`.)
    pub fn clip_by_norm(&mut self, values: &[Value], most: f64, p: f64) -> Vec<Value> {
        self.clipped("clip_by_norm", values, most, p, |g, norm| {
            let above = g.add_scalar(norm, 1e-6);
            let (most, one) = (g.scalar(g.dtype(norm), most), g.scalar(g.dtype(norm), 1.0));
            let factor = g.div(most, above);
            let is_idle = g.greater_equal(factor, one);
            g.select(is_idle, one, factor)
        })
    }
    /// Each value times most / max(n, most); n is their [`Trace::global_norm`] with p = 2. Where n is NaN all are. (MindSpore's
    /// `clip_by_global_norm`.)
    pub fn clip_by_global_norm(&mut self, values: &[Value], most: f64) -> Vec<Value> {
        self.clipped("clip_by_global_norm", values, most, 2.0, |g, norm| {
            let most = g.scalar(g.dtype(norm), most);
            let is_idle = g.less_equal(norm, most);
            let divisor = g.select(is_idle, most, norm);
            g.div(most, divisor)
        })
    }
    /// x with each slice along `axis` whose p-norm n is above `most` multiplied by most / (n + 1e-7); p above 0, or inf.
    pub fn renorm(&mut self, x: Value, p: f64, axis: usize, most: f64) -> Value {
        const NAME: &str = "renorm";
        if !self.finds_axes(NAME, x, &[axis]) {
            return Value::INVALID;
        }
        if !(p > 0.0 && most >= 0.0 && most.is_finite()) {
            let text = format!("{NAME}: p is {p} and the bound {most}; p is above 0, and the bound finite and not negative");
            return self.fail(Error::invalid(text));
        }
        let others: Vec<usize> = (0..self.rank(x)).filter(|other| *other != axis).collect();
        self.in_float(NAME, &[x], |g, x| {
            let norm = g.norm(x[0], p, &others, true);
            let (bound, one) = (g.scalar(g.dtype(norm), most), g.scalar(g.dtype(norm), 1.0));
            let above = g.add_scalar(norm, 1e-7);
            let factor = g.div(bound, above);
            let is_idle = g.less_equal(norm, bound);
            let factor = g.select(is_idle, one, factor);
            g.mul(x[0], factor)
        })
    }
    /// Each value times a factor that their norm gives, in its own dtype.
    fn clipped(&mut self, name: &str, values: &[Value], most: f64, p: f64, factor: impl FnOnce(&mut Trace, Value) -> Value) -> Vec<Value> {
        if !(most.is_finite() && most > 0.0) {
            self.fail(Error::invalid(format!("{name}: the norm can be at most a finite number above 0, not {most}")));
            return Vec::new();
        }
        let norm = self.norm_of_all(name, values, p);
        if !norm.is_valid() {
            return Vec::new();
        }
        let factor = factor(self, norm);
        let scaled = |g: &mut Trace, value: Value| {
            let product = g.mul(value, factor);
            g.cast(product, g.dtype(value))
        };
        values.iter().map(|value| scaled(self, *value)).collect()
    }
    /// (sum |x|^p)^(1/p) over all elements of all values, a scalar; p above 0, or inf: the largest |x|. In the widest dtype, at least f32.
    /// Slope 0 where it is 0. Of no elements it is 0.
    pub fn global_norm(&mut self, values: &[Value], p: f64) -> Value {
        self.norm_of_all("global_norm", values, p)
    }
    fn norm_of_all(&mut self, name: &str, values: &[Value], p: f64) -> Value {
        if !self.knows(name, values) {
            return Value::INVALID;
        }
        if p.is_nan() || p <= 0.0 {
            return self.fail(Error::invalid(format!("{name}: p is {p}, not above 0")));
        }
        if let Some(value) = values.iter().find(|value| !self.dtype(**value).is_float()) {
            let ty = self.ty(*value);
            return self.fail(Error::dtype(format!("{name}: of floats, not {ty}")));
        }
        let dtype = values.iter().map(|value| self.dtype(*value)).fold(DType::F32, binary::promote);
        let mut parts = Vec::with_capacity(values.len());
        // There is no largest of no elements, and nothing is in their sum.
        for value in values.iter().filter(|value| self.shape(**value).elements() > 0).copied().collect::<Vec<Value>>() {
            let wide = self.cast(value, dtype);
            let axes: Vec<usize> = (0..self.rank(wide)).collect();
            parts.push(if p == 2.0 {
                let square = self.square(wide);
                self.sum(square, &axes, false)
            } else {
                self.norm(wide, p, &axes, false)
            });
        }
        if parts.is_empty() {
            return self.scalar(dtype, 0.0);
        }
        let all = self.stack(&parts, 0);
        if p != 2.0 {
            return self.norm(all, p, &[0], false);
        }
        let sum = self.sum(all, &[0], false);
        self.root(sum)
    }
    /// Whether all elements of all values are finite: a bool. Integers and bool are; so is nothing.
    pub fn all_finite(&mut self, values: &[Value]) -> Value {
        if !self.knows("all_finite", values) {
            return Value::INVALID;
        }
        let mut parts = Vec::with_capacity(values.len());
        for value in values.iter().filter(|value| self.dtype(**value).is_float()).copied().collect::<Vec<Value>>() {
            let axes: Vec<usize> = (0..self.rank(value)).collect();
            let finite = self.is_finite(value);
            parts.push(self.all(finite, &axes, false));
        }
        if parts.is_empty() {
            return self.scalar(DType::Bool, 1.0);
        }
        let all = self.stack(&parts, 0);
        self.all(all, &[0], false)
    }

    // ---- variables ----

    /// Adds a value to what the variable holds at this point: [`Trace::assign`] of the sum, which is returned. The value broadcasts to the
    /// variable's shape, and its dtype to the variable's.
    pub fn assign_add(&mut self, variable: &Variable, value: Value) -> Value {
        self.assign_changed("assign_add", variable, value, Trace::add)
    }
    /// Takes a value from what the variable holds at this point, otherwise like [`Trace::assign_add`].
    pub fn assign_sub(&mut self, variable: &Variable, value: Value) -> Value {
        self.assign_changed("assign_sub", variable, value, Trace::sub)
    }
    fn assign_changed(&mut self, name: &str, variable: &Variable, value: Value, change: fn(&mut Trace, Value, Value) -> Value) -> Value {
        if !self.knows(name, &[value]) {
            return Value::INVALID;
        }
        let (held, ty) = (variable.ty(), self.ty(value));
        if binary::promote(held.dtype, ty.dtype) != held.dtype {
            return self.fail(Error::dtype(format!("{name}: {} holds {held}, and {ty} would be rounded", variable.name())));
        }
        if crate::ops::shape::broadcast_shape(&held.shape, &ty.shape).ok() != Some(held.shape) {
            return self.fail(Error::shape(format!("{name}: {} holds {held}, to which {ty} does not broadcast", variable.name())));
        }
        let (before, by) = (self.read(variable), self.cast(value, held.dtype));
        let after = change(self, before, by);
        self.assign(variable, after);
        if self.error().is_none() { after } else { Value::INVALID }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ir::Type;
    use crate::runtime::reference;
    use crate::tensor::{Allocator, Tensor};

    fn tensor(elements: &[f64]) -> Tensor {
        Tensor::from_slice(&Allocator::system(), elements, &[elements.len()]).unwrap()
    }

    fn evaluate(inputs: &[&[f64]], record: impl FnOnce(&mut Trace, &[Value]) -> Vec<Value>) -> Vec<Tensor> {
        let tensors: Vec<Tensor> = inputs.iter().map(|elements| tensor(elements)).collect();
        let mut g = Trace::new();
        let x: Vec<Value> = tensors.iter().map(|x| g.input(Type::new(x.dtype(), *x.shape()))).collect();
        let y = record(&mut g, &x);
        let graph = g.finish(&y).unwrap();
        reference::evaluate(&graph, &Allocator::system(), &tensors).unwrap().outputs
    }

    fn floats(inputs: &[&[f64]], record: impl FnOnce(&mut Trace, &[Value]) -> Vec<Value>) -> Vec<Vec<f64>> {
        evaluate(inputs, record).iter().map(|y| y.to_vec().unwrap()).collect()
    }

    #[test]
    fn norms_are_those_of_all_values_together() {
        let x: &[&[f64]] = &[&[2.0, -4.0], &[], &[4.0]];
        assert_eq!(floats(x, |g, x| [2.0, 1.0, f64::INFINITY].iter().map(|p| g.global_norm(x, *p)).collect()), [[6.0], [10.0], [4.0]]);
        assert_eq!(floats(&[&[], &[]], |g, x| vec![g.global_norm(x, 2.0), g.global_norm(x, f64::INFINITY)]), [[0.0], [0.0]]);
    }

    #[test]
    fn what_is_too_long_is_made_shorter_and_the_rest_stays() {
        let x: &[&[f64]] = &[&[2.0, -4.0], &[4.0]];
        assert_eq!(floats(x, |g, x| g.clip_by_global_norm(x, 3.0)), [vec![1.0, -2.0], vec![2.0]]);
        assert_eq!(floats(x, |g, x| g.clip_by_global_norm(x, 6.0)), [vec![2.0, -4.0], vec![4.0]]);
        let factor = 3.0 / (6.0 + 1e-6);
        assert_eq!(floats(x, |g, x| g.clip_by_norm(x, 3.0, 2.0)), [vec![2.0 * factor, -4.0 * factor], vec![4.0 * factor]]);
        // The norm is 6, and 6 / (6 + 1e-6) is below 1.
        assert!(floats(x, |g, x| g.clip_by_norm(x, 6.0, 2.0))[1][0] < 4.0);
        assert_eq!(floats(x, |g, x| g.clip_by_norm(x, 7.0, 2.0)), [vec![2.0, -4.0], vec![4.0]]);
        assert_eq!(floats(x, |g, x| g.clip_by_value(x, -3.0, 3.0)), [vec![2.0, -3.0], vec![3.0]]);
    }

    #[test]
    fn what_is_not_finite_is_seen_and_stays() {
        let all = |x: &[&[f64]]| evaluate(x, |g, x| vec![g.all_finite(x)])[0].to_vec::<bool>().unwrap();
        assert_eq!(all(&[&[1.0, 2.0], &[]]), [true]);
        assert_eq!(all(&[&[1.0, 2.0], &[f64::NAN]]), [false]);
        assert_eq!(all(&[&[f64::NEG_INFINITY], &[1.0]]), [false]);
        let x: &[&[f64]] = &[&[f64::NAN, 1.0], &[1.0]];
        let clipped = [floats(x, |g, x| g.clip_by_norm(x, 1.0, 2.0)), floats(x, |g, x| g.clip_by_global_norm(x, 1.0))];
        assert!(clipped.iter().flatten().flatten().all(|x| x.is_nan()));
    }

    #[test]
    fn variables_are_changed_by_what_broadcasts_to_them() {
        let total = Variable::new("total", tensor(&[1.0, 2.0]));
        let mut g = Trace::new();
        let one = g.scalar(DType::F32, 1.0);
        let first = g.assign_add(&total, one);
        let second = g.assign_sub(&total, first);
        assert_eq!(g.read(&total), second);
        let graph = g.finish(&[first, second]).unwrap();
        assert_eq!(graph.assignments.len(), 1);
        let result = reference::evaluate(&graph, &Allocator::system(), &[]).unwrap();
        assert_eq!(result.outputs[0].to_vec::<f64>().unwrap(), [2.0, 3.0]);
        assert_eq!(result.outputs[1].to_vec::<f64>().unwrap(), [0.0, 0.0]);
        let refusal = |dtype: DType, dims: &[usize]| {
            let mut g = Trace::new();
            let value = g.full(dtype, dims, 1.0);
            assert!(!g.assign_add(&total, value).is_valid());
            assert!(g.finish(&[]).is_err());
        };
        refusal(DType::F64, &[3]);
        refusal(DType::F64, &[1, 2]);
        let narrow = Variable::new("count", Tensor::from_slice(&Allocator::system(), &[1i32], &[]).unwrap());
        let mut g = Trace::new();
        let half = g.scalar(DType::F32, 0.5);
        g.assign_add(&narrow, half);
        assert_eq!(g.error().unwrap().to_string(), "assign_add: count holds i32[], and f32[] would be rounded");
    }
}
