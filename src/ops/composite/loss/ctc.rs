//! The loss of sequences without alignment: connectionist temporal classification (Graves et al., 2006).

use super::Reduction;
use crate::error::{Error, Result};
use crate::ir::Value;
use crate::ops::Trace;
use crate::ops::catalog::Values;
use crate::ops::composite::support::{YES, rows};
use crate::tensor::DType;

/// Options of [`Trace::ctc_loss`].
#[derive(Clone, Copy, Debug)]
pub struct Ctc {
    /// The class that stands for no label.
    pub blank: usize,
    pub reduction: Reduction,
    /// Whether the loss of a sequence that cannot be is 0 instead of infinite.
    pub zero_infinity: bool,
}

impl Default for Ctc {
    fn default() -> Ctc {
        Ctc { blank: 0, reduction: Reduction::Mean, zero_infinity: false }
    }
}

const SCORES: Values = Values::Uniform(-2.0, -0.2);

rows! {
    "ctc_loss", "-ln of the probability of a sequence of labels over all its alignments to the steps", "log-probabilities [T, N, C], labels [N, S], lengths of both [N] -> [N], reduced",
        "torch.nn.functional.ctc_loss", "", Float, YES =>
        |g, x| {
            let lengths = |g: &mut Trace, longest: i64| {
                let (place, longest) = (g.iota(DType::I64, &[2], 0), g.integer(DType::I64, longest));
                g.sub(longest, place)
            };
            let (steps, labels) = (lengths(g, 4), lengths(g, 2));
            g.ctc_loss(x[0], x[1], steps, labels, Ctc { reduction: Reduction::Sum, ..Ctc::default() })
        },
        [&[(&[4, 2, 3], SCORES), (&[2, 2], Values::Integers(1, 3))]];
}

/// The logarithm of a probability that is 0: far below all others, and still a number, so that no difference of two is NaN.
const NEVER: f64 = -1e30;

impl Trace {
    /// -ln of the probability that the steps of each sequence spell its labels: the sum over all ways to put a label or a blank at each step,
    /// so that the labels come out once repeated ones are joined and blanks are left out.
    ///
    /// `scores` are log-probabilities [T, N, C] (see [`Trace::log_softmax`]), `labels` classes [N, S], other than the blank; of each sequence
    /// the first `steps` [N] of T and the first `counts` [N] of S count, which are at most T and S: integers all. For one sequence: [T, C],
    /// [S], and scalars. The mean is that of the losses each divided by its number of labels, at least 1. A sequence that cannot be, for want
    /// of steps, has the loss inf, or 0 if the options say so, and no slope. A label outside 0..C or a count outside 0..=S fails the run; labels
    /// behind the count are not looked at, and more steps than T count as T.
    pub fn ctc_loss(&mut self, scores: Value, labels: Value, steps: Value, counts: Value, options: Ctc) -> Value {
        const NAME: &str = "ctc_loss";
        if !self.knows(NAME, &[scores, labels, steps, counts]) {
            return Value::INVALID;
        }
        let result = self.try_ctc_loss(scores, labels, steps, counts, options).map_err(|error| error.within(NAME));
        self.settle(result)
    }
    fn try_ctc_loss(&mut self, scores: Value, labels: Value, steps: Value, counts: Value, options: Ctc) -> Result<Value> {
        for (value, which) in [(labels, "labels"), (steps, "steps"), (counts, "counts")] {
            let dtype = self.dtype(value);
            if dtype.is_float() || dtype == DType::Bool {
                return Err(Error::dtype(format!("the {which} are {dtype}, not integers")));
            }
        }
        let is_single = self.rank(scores) == 2;
        if is_single {
            let [scores, labels] = [(scores, 1), (labels, 0)].map(|(value, axis)| self.unsqueeze(value, axis));
            let [steps, counts] = [steps, counts].map(|length| self.unsqueeze(length, 0));
            self.check()?;
            let loss = self.try_ctc_loss(scores, labels, steps, counts, options)?;
            return Ok(if options.reduction == Reduction::None { self.reshape(loss, &[]) } else { loss });
        }
        let (all, many) = (self.dims(scores), self.dims(labels));
        let ([length, n, classes], [n2, most]) = (&all[..], &many[..]) else {
            return Err(Error::shape(format!("scores are {all:?} and labels {many:?}, not [T, N, C] and [N, S]")));
        };
        let (length, n, classes, most) = (*length, *n, *classes, *most);
        let lengths = [self.dims(steps), self.dims(counts)];
        if *n2 != n || lengths.iter().any(|dims| dims[..] != [n]) {
            let [steps, counts] = lengths;
            return Err(Error::shape(format!("{n} sequences have labels {many:?}, steps {steps:?}, and counts {counts:?}")));
        }
        if options.blank >= classes {
            return Err(Error::invalid(format!("the blank is class {} of {classes}", options.blank)));
        }
        let [labels, steps, counts] = [labels, steps, counts].map(|value| self.cast(value, DType::I64));
        // Positions below 0 would count from the end: they lie outside as those beyond it do.
        let (labels, counts) = (self.or_outside(labels, classes), self.or_outside(counts, most + 1));
        let (spelled, may_skip) = self.with_blanks(labels, counts, [n, most], options.blank)?;
        let counted = self.unsqueeze(counts, 1);
        let steps = self.unsqueeze(steps, 1);
        let loss = self.in_float("ctc_loss", &[scores], |g, x| {
            let recorded = g.losses_of_spellings(x[0], [spelled, may_skip, steps, counted], length);
            let losses = g.settle(recorded);
            g.join_losses(losses, counts, options)
        });
        self.check()?;
        Ok(loss)
    }
    /// Integers, and `outside` for those below 0.
    fn or_outside(&mut self, x: Value, outside: usize) -> Value {
        let (zero, outside) = (self.integer(DType::I64, 0), self.integer(DType::I64, outside as i64));
        let is_negative = self.less(x, zero);
        self.select(is_negative, outside, x)
    }
    /// Each label with a blank before and behind it, [N, 2 S + 1]; and where the blank in front may be left out: between labels that differ.
    fn with_blanks(&mut self, labels: Value, counts: Value, [n, most]: [usize; 2], blank: usize) -> Result<(Value, Value)> {
        let place = self.iota(DType::I64, &[n, most], 1);
        let counted = self.unsqueeze(counts, 1);
        let is_label = self.less(place, counted);
        let blank = self.integer(DType::I64, blank as i64);
        // What lies behind the last label is not looked at.
        let labels = self.select(is_label, labels, blank);
        let blanks = self.broadcast_to(blank, &[n, most]);
        let pairs = self.stack(&[labels, blanks], 2);
        let pairs = self.reshape(pairs, &[n, 2 * most]);
        let first = self.broadcast_to(blank, &[n, 1]);
        let spelled = self.concat(&[first, pairs], 1);
        let before = self.shift(spelled, 1, 1, -1.0);
        let before = self.shift(before, 1, 1, -1.0);
        let (is_new, is_no_blank) = (self.not_equal(spelled, before), self.not_equal(spelled, blank));
        let may_skip = self.bitwise_and(is_new, is_no_blank);
        self.check()?;
        Ok((spelled, may_skip))
    }
    /// -ln of the probability of each sequence, [N]; beyond -[`NEVER`] / 10 it is infinite.
    fn losses_of_spellings(&mut self, scores: Value, [spelled, may_skip, steps, counts]: [Value; 4], length: usize) -> Result<Value> {
        let dtype = self.dtype(scores);
        let scores = self.at_least(scores, NEVER);
        let never = self.scalar(dtype, NEVER);
        let dims = self.dims(spelled);
        // Before the first step it stands before the first blank, which every way leads through.
        let place = self.iota(DType::I64, &dims, 1);
        let zero = self.integer(DType::I64, 0);
        let (is_first, certain) = (self.equal(place, zero), self.scalar(dtype, 0.0));
        let start = self.select(is_first, certain, never);
        let times = self.iota(DType::I64, &[length], 0);
        // The logarithms of the probabilities of all ways that end at each place after a step.
        let ends = self.scan(length, false, [&[start], &[scores, times], &[spelled, may_skip, steps]], |g, x| {
            let [known, scores, time, spelled, may_skip, steps] = x[..] else { return Err(Error::internal("the loop has six inputs")) };
            let own = g.take_along(scores, spelled, 1);
            let one_before = g.shift(known, 1, 1, NEVER);
            let two_before = g.shift(one_before, 1, 1, NEVER);
            let never = g.scalar(g.dtype(known), NEVER);
            let two_before = g.select(may_skip, two_before, never);
            let ways = g.log_of_powers(&[known, one_before, two_before]);
            let reached = g.add(ways, own);
            let is_over = g.greater_equal(time, steps);
            Ok(vec![g.select(is_over, known, reached)])
        })?;
        let reached = ends.first().copied().unwrap_or(Value::INVALID);
        // It ends at the last label or at the blank behind it.
        let last = self.add(counts, counts);
        let one = self.integer(DType::I64, 1);
        let before = self.sub(last, one);
        let before = self.maximum(before, zero);
        let at_blank = self.take_along(reached, last, 1);
        let at_label = self.take_along(reached, before, 1);
        let has_labels = self.greater(counts, zero);
        let at_label = self.select(has_labels, at_label, never);
        let total = self.log_of_powers(&[at_blank, at_label]);
        let total = self.squeeze(total, &[1]);
        self.check()?;
        Ok(self.neg(total))
    }
    /// ln of the sum of e^x of values of one shape, element by element. None is -inf.
    fn log_of_powers(&mut self, values: &[Value]) -> Value {
        let fixed: Vec<Value> = values.iter().map(|value| self.stop_gradient(*value)).collect();
        let largest = fixed.into_iter().reduce(|a, b| self.maximum(a, b)).unwrap_or(Value::INVALID);
        let powers: Vec<Value> = values
            .iter()
            .map(|value| {
                let below = self.sub(*value, largest);
                self.exp(below)
            })
            .collect();
        let sum = powers.into_iter().reduce(|a, b| self.add(a, b)).unwrap_or(Value::INVALID);
        let logarithm = self.log(sum);
        self.add(logarithm, largest)
    }
    fn join_losses(&mut self, losses: Value, counts: Value, options: Ctc) -> Value {
        let dtype = self.dtype(losses);
        let limit = self.scalar(dtype, -NEVER / 10.0);
        let is_impossible = self.greater(losses, limit);
        let instead = self.scalar(dtype, if options.zero_infinity { 0.0 } else { f64::INFINITY });
        let losses = self.select(is_impossible, instead, losses);
        if options.reduction != Reduction::Mean {
            return self.reduce_loss(losses, options.reduction);
        }
        let one = self.integer(DType::I64, 1);
        let divisors = self.maximum(counts, one);
        let divisors = self.cast(divisors, dtype);
        let shares = self.div(losses, divisors);
        self.reduce_loss(shares, Reduction::Mean)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ir::Type;
    use crate::tensor::Shape;

    #[test]
    fn what_does_not_fit_is_refused() {
        let refusal = |shapes: [&[usize]; 4], dtype: DType, blank: usize| {
            let mut g = Trace::new();
            let mut input = |dtype: DType, dims: &[usize]| g.input(Type::new(dtype, Shape::new(dims).unwrap()));
            let [scores, labels] = [input(DType::F32, shapes[0]), input(dtype, shapes[1])];
            let [steps, counts] = [input(DType::I32, shapes[2]), input(DType::I64, shapes[3])];
            g.ctc_loss(scores, labels, steps, counts, Ctc { blank, ..Ctc::default() });
            g.error().map(ToString::to_string).unwrap_or_default()
        };
        let cases = [
            (refusal([&[4, 2, 3], &[2, 2], &[2], &[2]], DType::F32, 0), "ctc_loss: the labels are f32, not integers"),
            (refusal([&[4, 2, 3], &[2, 2], &[2], &[2]], DType::I64, 3), "ctc_loss: the blank is class 3 of 3"),
            (refusal([&[4], &[2, 2], &[2], &[2]], DType::I64, 0), "ctc_loss: scores are [4] and labels [2, 2], not [T, N, C] and [N, S]"),
            (
                refusal([&[4, 2, 3], &[3, 2], &[2], &[2]], DType::I64, 0),
                "ctc_loss: 2 sequences have labels [3, 2], steps [2], and counts [2]",
            ),
            (refusal([&[4, 2, 3], &[2, 2], &[2], &[2]], DType::I64, 0), ""),
            (refusal([&[4, 3], &[2], &[], &[]], DType::I32, 2), ""),
        ];
        for (found, expected) in cases {
            assert_eq!(found, expected);
        }
    }
}
