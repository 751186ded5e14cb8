//! Elements in all combinations, and elements among others.

use crate::error::{Error, Result};
use crate::ir::Value;
use crate::ops::catalog::{Differentiable, Values};
use crate::ops::composite::support::{YES, rows};
use crate::ops::{Trace, binary};
use crate::tensor::{DType, Shape};

const REAL: Values = Values::Uniform(-2.0, 2.0);

rows! {
    "combinations", "all choices of so many elements of a vector, in their order", "x [n] -> [n over size, size]", "", "", Any, YES =>
        |g, x| {
            let (once, again) = (g.combinations(x[0], 2, false), g.combinations(x[0], 2, true));
            g.concat(&[once, again], 0)
        }, [&[(&[4], REAL)]];
    "isin", "whether each element is among those of a set, as bool", "x [s...], set [t...] -> [s...]", "", "-", Any, Differentiable::Zero("piecewise constant") =>
        |g, x| g.isin(x[0], x[1]), [&[(&[2, 3], Values::Integers(0, 4)), (&[3], Values::Integers(0, 4))]];
}

/// The most elements that are chosen together.
const MOST_CHOSEN: usize = 256;

/// In how many ways `size` of n elements are chosen, if that fits.
fn choices(n: usize, size: usize) -> Option<usize> {
    if size > n {
        return Some(0);
    }
    let mut count: u128 = 1;
    for taken in 0..size.min(n - size) as u128 {
        // Each product of so many neighbours divides evenly.
        count = count.checked_mul(n as u128 - taken)? / (taken + 1);
    }
    usize::try_from(count).ok()
}

impl Trace {
    /// All choices of `size` elements (1 to 256) of a vector, as rows: in the order of their positions, the last changing fastest. Each element
    /// once, or, with `again`, any number of times.
    pub fn combinations(&mut self, x: Value, size: usize, again: bool) -> Value {
        const NAME: &str = "combinations";
        if !self.knows(NAME, &[x]) {
            return Value::INVALID;
        }
        let result = self.try_combinations(x, size, again).map_err(|error| error.within(NAME));
        self.settle(result)
    }
    fn try_combinations(&mut self, x: Value, size: usize, again: bool) -> Result<Value> {
        let shape = self.shape(x);
        let [n] = *shape.dims() else { return Err(Error::shape(format!("of {shape}, which is no vector"))) };
        if !(1..=MOST_CHOSEN).contains(&size) {
            return Err(Error::invalid(format!("{size} elements together; there may be 1 to {MOST_CHOSEN}")));
        }
        let count = if again && n > 0 { choices(n + size - 1, size) } else { choices(n, size) };
        let Some(count) = count.filter(|count| Shape::new(&[*count, size]).is_ok()) else {
            return Err(Error::shape(format!("{size} of {n} elements can be chosen in more ways than memory holds")));
        };
        if count == 0 {
            let none = self.zeros(DType::I64, &[0, size]);
            return Ok(self.gather(x, none, 0));
        }
        // In how many ways a choice of 1, 2 ... elements goes on behind a first one at each position: those of one element less, added up from
        // the end (Pascal's triangle).
        let mut ways = vec![self.ones(DType::I64, &[n])];
        for _ in 1..size {
            let last = ways[ways.len() - 1];
            ways.push(self.cumsum(last, 0, true, !again));
        }
        // The number of a choice says its first position; what is left is the number of the rest among all choices of one element less, of which
        // those that may follow are the last.
        let mut number = self.iota(DType::I64, &[count], 0);
        let mut columns = Vec::with_capacity(size);
        for (level, ways) in ways.iter().enumerate().rev() {
            let ends = self.cumsum(*ways, 0, false, false);
            let position = self.searchsorted(ends, number, true);
            columns.push(position);
            if level == 0 {
                break;
            }
            let behind = self.gather(ends, position, 0);
            let to_end = self.sub(number, behind);
            let rest = if again { choices(n + level - 1, level) } else { choices(n, level) };
            let Some(rest) = rest.and_then(|rest| i64::try_from(rest).ok()) else {
                return Err(Error::unsupported(format!(
                    "{level} of {n} elements, which are counted on the way, have more choices than i64 holds"
                )));
            };
            let rest = self.integer(DType::I64, rest);
            number = self.add(to_end, rest);
        }
        let positions = self.stack(&columns, 1);
        let chosen = self.gather(x, positions, 0);
        self.check()?;
        Ok(chosen)
    }
    /// Whether each element of x equals one of the set's, in the dtype that both promote to; NaN equals nothing.
    pub fn isin(&mut self, x: Value, set: Value) -> Value {
        const NAME: &str = "isin";
        if !self.knows(NAME, &[x, set]) {
            return Value::INVALID;
        }
        let dims = self.dims(x);
        let count = self.shape(set).elements();
        if count == 0 {
            return self.zeros(DType::Bool, &dims);
        }
        let dtype = match binary::promote(self.dtype(x), self.dtype(set)) {
            DType::Bool => DType::U8,
            dtype => dtype,
        };
        let (x, set) = (self.cast(x, dtype), self.cast(set, dtype));
        let set = self.ravel(set);
        let order = self.argsort(set, 0, false);
        let sorted = self.gather(set, order, 0);
        let place = self.searchsorted(sorted, x, false);
        let last = self.integer(DType::I64, count as i64 - 1);
        let place = self.minimum(place, last);
        let candidate = self.gather(sorted, place, 0);
        self.equal(candidate, x)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ir::Type;
    use crate::ops::composite::testing::binary_whole;
    use crate::runtime::reference;
    use crate::tensor::{Allocator, Tensor};

    /// All choices by their definition.
    fn expected(n: i64, size: usize, again: bool) -> Vec<Vec<i64>> {
        if size == 0 {
            return vec![Vec::new()];
        }
        let shorter = expected(n, size - 1, again);
        let follows = |row: &[i64], next: i64| row.last().is_none_or(|last| if again { next >= *last } else { next > *last });
        let longer =
            |row: &Vec<i64>| (0..n).filter(|next| follows(row, *next)).map(|next| [&row[..], &[next]].concat()).collect::<Vec<_>>();
        shorter.iter().flat_map(longer).collect()
    }

    #[test]
    fn all_choices_are_there_in_order() {
        for n in 0..6 {
            for size in 1..5 {
                for again in [false, true] {
                    let elements: Vec<i64> = (0..n).collect();
                    let tensor = Tensor::from_slice(&Allocator::system(), &elements, &[n as usize]).unwrap();
                    let mut g = Trace::new();
                    let x = g.input(Type::new(DType::I64, *tensor.shape()));
                    let y = g.combinations(x, size, again);
                    let graph = g.finish(&[y]).unwrap();
                    let y = reference::evaluate(&graph, &Allocator::system(), &[tensor]).unwrap().outputs.remove(0);
                    let expected = expected(n, size, again);
                    assert_eq!(y.shape().dims(), [expected.len(), size]);
                    assert_eq!(y.to_vec::<i64>().unwrap(), expected.concat(), "{size} of {n}");
                }
            }
        }
    }

    #[test]
    fn too_many_choices_are_refused() {
        let mut g = Trace::new();
        let x = g.iota(DType::I64, &[1000], 0);
        g.combinations(x, 100, false);
        assert_eq!(g.error().unwrap().to_string(), "combinations: 100 of 1000 elements can be chosen in more ways than memory holds");
        let mut g = Trace::new();
        let x = g.iota(DType::I64, &[3], 0);
        g.combinations(x, 0, false);
        assert_eq!(g.error().unwrap().to_string(), "combinations: 0 elements together; there may be 1 to 256");
    }

    #[test]
    fn elements_are_found_in_a_set() {
        let is_in = |x: &[i64], set: &[i64]| {
            binary_whole(x, set, |g, x, set| {
                let found = g.isin(x, set);
                g.cast(found, DType::I64)
            })
        };
        assert_eq!(is_in(&[5, 1, -3, 9, 0], &[9, 1, 1]), [0, 1, 0, 1, 0]);
        assert_eq!(is_in(&[5, 1], &[]), [0, 0]);
    }
}
