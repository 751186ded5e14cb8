//! Einstein's convention: products summed over axes that carry the same letter, and what is written with it.

mod contract;
mod equation;
mod path;

use crate::error::{Error, Result};
use crate::ir::Value;
use crate::ops::Trace;
use crate::ops::catalog::{Domain, Row, Values};
use crate::tensor::{DType, Shape};
use contract::Factor;
pub(super) use equation::Label;
use equation::{MOST_OPERANDS, resolve, sizes_of};

const REAL: Values = Values::Uniform(-1.0, 1.0);

pub(in crate::ops) const ROWS: &[Row] = &[Row {
    name: "einsum",
    meaning: "the products of operands, summed over the axes whose letters the result lacks",
    domain: Domain::Number,
    shapes: "as the equation says, \"ij,jk->ik\"",
    operands: Some((1, MOST_OPERANDS)),
    build: |g, x| {
        let ranks: Vec<usize> = x.iter().map(|x| g.rank(*x)).collect();
        let equation = match ranks[..] {
            [3] => "iji->j",
            [2, 3] => "ij,bkj->bik",
            [3, 3] => "bki,...ij->b...kj",
            [1, 2, 2] => "i,jk,ik",
            [2, 2, 1, 3] => "...a,ba,c,bdc->d...",
            _ => "...->...",
        };
        g.einsum(equation, x)
    },
    samples: &[
        &[(&[2, 3, 2], REAL)],
        &[(&[2, 3], REAL), (&[2, 2, 3], REAL)],
        &[(&[2, 3, 2], REAL), (&[2, 2, 3], REAL)],
        &[(&[2], REAL), (&[3, 2], REAL), (&[2, 1], REAL)],
        &[(&[2, 3], REAL), (&[2, 3], REAL), (&[2], REAL), (&[2, 3, 2], REAL)],
    ],
    ..Row::COMMON
}];

/// The longest equation that is read, in bytes: enough for as many operands as there may be.
const MOST_EQUATION: usize = 4096;

/// The longest equation that stands whole in the text of an error.
const MOST_QUOTED: usize = 200;

impl Trace {
    /// The products of the operands, summed over every axis whose letter is not in the result (Einstein's convention), as `equation` says:
    /// the letters (A to Z, a to z) of the axes of each operand, with commas between operands; behind `->` those of the result, in the order
    /// of its axes. Spaces mean nothing.
    ///
    /// * `...` stands for any number of further dimensions of an operand, aligned at the last of them; where the result does not name it,
    ///   they are summed over too.
    /// * Without `->`, the result has the dimensions of `...` and then the letters that stand once, in the order of the alphabet, capitals
    ///   first.
    /// * A letter that stands twice in an operand is its diagonal.
    /// * Axes with one letter have one size, or size 1, and then they are repeated.
    ///
    /// Dtypes promote; floats and integers, not bool. Two operands at a time are contracted, in the order with the fewest multiplications
    /// for up to eight of them, and for more (there may be 128) in a good one; each contraction is a (batched)
    /// matrix product, or a sum of products where no element is used twice.
    pub fn einsum(&mut self, equation: &str, operands: &[Value]) -> Value {
        if !self.knows("einsum", operands) {
            return Value::INVALID;
        }
        let result = self.try_einsum(equation, operands).map_err(|error| match equation.len() {
            ..=MOST_QUOTED => error.within(&format!("einsum \"{equation}\"")),
            _ => error.within("einsum"),
        });
        self.settle(result)
    }
    fn try_einsum(&mut self, equation: &str, operands: &[Value]) -> Result<Value> {
        if equation.len() > MOST_EQUATION {
            return Err(Error::invalid(format!("an equation of {} bytes; it may have {MOST_EQUATION}", equation.len())));
        }
        let shapes: Vec<Shape> = operands.iter().map(|operand| self.shape(*operand)).collect();
        let resolved = resolve(equation, &shapes)?;
        self.sum_over_labels(operands, &resolved.operands, &resolved.output)
    }
    /// The sum of products of values whose axes have these labels; errors are without a name in front.
    pub(super) fn sum_over_labels(&mut self, operands: &[Value], labels: &[Vec<Label>], output: &[Label]) -> Result<Value> {
        let count = operands.len();
        if !(1..=MOST_OPERANDS).contains(&count) {
            return Err(Error::invalid(format!("of {count} operands; there may be 1 to {MOST_OPERANDS}")));
        }
        let dtype = self.promoted(operands).unwrap_or(DType::Bool);
        if dtype == DType::Bool {
            return Err(Error::dtype("defined for floats and integers, not bool"));
        }
        let shapes: Vec<Shape> = operands.iter().map(|operand| self.shape(*operand)).collect();
        let sizes = sizes_of(labels, &shapes)?;
        let wanted: Vec<usize> = output.iter().map(|label| sizes[*label as usize]).collect();
        Shape::new(&wanted)?;
        let factors: Vec<Factor> = operands
            .iter()
            .zip(labels)
            .map(|(operand, labels)| Factor { value: self.cast(*operand, dtype), labels: labels.clone() })
            .collect();
        let value = self.contract(&factors, &sizes, output);
        self.check()?;
        Ok(value)
    }
}

#[cfg(test)]
mod tests;
