//! In which order several factors are contracted, two at a time: the best one for a few, a greedy one for many (Smith and Gray, 2018,
//! "opt_einsum").

use super::equation::LABELS;
use crate::tensor::MAX_RANK;

/// Labels as bits.
pub(super) type Mask = u64;

/// Up to so many factors every order is looked at, by way of the subsets of them.
const FEW: usize = 8;

/// How many elements a tensor with these labels has.
fn elements(mask: Mask, sizes: &[usize; LABELS]) -> f64 {
    (0..LABELS).filter(|label| mask >> label & 1 == 1).map(|label| sizes[label].max(1) as f64).product()
}

fn is_too_deep(mask: Mask) -> bool {
    mask.count_ones() as usize > MAX_RANK
}

/// The pairs to contract, as positions in the list of factors, at the end of which each result is put.
pub(super) fn path(factors: &[Mask], output: Mask, sizes: &[usize; LABELS]) -> Vec<(usize, usize)> {
    if factors.len() <= FEW { best(factors, output, sizes) } else { greedy(factors, output, sizes) }
}

/// The fewest multiplications of all orders: for each subset the cheapest of the ways to split it in two (a dynamic programme).
fn best(factors: &[Mask], output: Mask, sizes: &[usize; LABELS]) -> Vec<(usize, usize)> {
    let count = factors.len();
    if count < 2 {
        return Vec::new();
    }
    let whole = (1usize << count) - 1;
    let union = |set: usize| (0..count).filter(|factor| set >> factor & 1 == 1).fold(0, |mask, factor| mask | factors[factor]);
    let kept: Vec<Mask> = (0..=whole)
        .map(|set| match set.count_ones() {
            1 => union(set),
            _ => union(set) & (output | union(whole & !set)),
        })
        .collect();
    // Of each subset: the multiplications, and one side of the split.
    let mut plans = vec![(0.0, 0); whole + 1];
    for set in (1..=whole).filter(|set| set.count_ones() > 1) {
        let lowest = set & set.wrapping_neg();
        let mut cheapest = (f64::INFINITY, lowest);
        let mut side = (set - 1) & set;
        while side > 0 {
            if side & lowest != 0 {
                let other = set & !side;
                let (first, second): ((f64, usize), (f64, usize)) = (plans[side], plans[other]);
                let own = elements(kept[side] | kept[other], sizes) + elements(kept[set], sizes);
                let depth = if is_too_deep(kept[set]) { f64::INFINITY } else { 0.0 };
                let cost = first.0 + second.0 + own + depth;
                if cost < cheapest.0 {
                    cheapest = (cost, side);
                }
            }
            side = (side - 1) & set;
        }
        plans[set] = cheapest;
    }
    let mut pairs = Vec::with_capacity(count - 1);
    emit(whole, &plans, count, &mut pairs);
    pairs
}

/// Puts the pairs of a subset behind those before; where its result stands.
fn emit(set: usize, plans: &[(f64, usize)], count: usize, pairs: &mut Vec<(usize, usize)>) -> usize {
    if set.count_ones() == 1 {
        return set.trailing_zeros() as usize;
    }
    let side = plans[set].1;
    let (first, second) = (emit(side, plans, count, pairs), emit(set & !side, plans, count, pairs));
    pairs.push((first, second));
    count + pairs.len() - 1
}

/// Always the pair whose result saves the most memory, of several the one with the fewest multiplications.
fn greedy(factors: &[Mask], output: Mask, sizes: &[usize; LABELS]) -> Vec<(usize, usize)> {
    let mut active: Vec<(usize, Mask)> = factors.iter().copied().enumerate().collect();
    let mut pairs = Vec::with_capacity(factors.len().saturating_sub(1));
    while active.len() > 1 {
        // The labels of at least two, and of at least three.
        let (_, two, three) =
            active.iter().fold((0, 0, 0), |(one, two, three), (_, mask)| (one | mask, two | (one & mask), three | (two & mask)));
        let kept = |a: Mask, b: Mask| (a & b & three) | ((a ^ b) & two) | ((a | b) & output);
        let own: Vec<f64> = active.iter().map(|(_, mask)| elements(*mask, sizes)).collect();
        let mut chosen = (0, 1);
        let mut lowest = (f64::INFINITY, f64::INFINITY);
        for second in 1..active.len() {
            for first in 0..second {
                let (a, b) = (active[first].1, active[second].1);
                let result = kept(a, b);
                let grown = elements(result, sizes) - own[first] - own[second];
                let cost = (if is_too_deep(result) { f64::INFINITY } else { grown }, elements(a | b, sizes));
                if cost < lowest {
                    (lowest, chosen) = (cost, (first, second));
                }
            }
        }
        let (b, a) = (active.remove(chosen.1), active.remove(chosen.0));
        pairs.push((a.0, b.0));
        active.push((factors.len() + pairs.len() - 1, kept(a.1, b.1)));
    }
    pairs
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The multiplications of a path.
    fn cost(factors: &[Mask], output: Mask, sizes: &[usize; LABELS], pairs: &[(usize, usize)]) -> f64 {
        let mut all: Vec<Option<Mask>> = factors.iter().copied().map(Some).collect();
        let mut sum = 0.0;
        for (first, second) in pairs {
            let (a, b) = (all[*first].take().unwrap(), all[*second].take().unwrap());
            let rest = all.iter().flatten().fold(output, |mask, other| mask | other);
            sum += elements(a | b, sizes);
            all.push(Some((a | b) & rest));
        }
        assert_eq!(all.iter().flatten().copied().collect::<Vec<Mask>>(), [output]);
        sum
    }

    /// A chain of matrices of these sizes.
    fn chain(lengths: &[usize]) -> (Vec<Mask>, Mask, [usize; LABELS]) {
        let mut sizes = [1; LABELS];
        sizes[..lengths.len()].copy_from_slice(lengths);
        let last = lengths.len() - 1;
        ((0..last).map(|i| 0b11 << i).collect(), 1 | 1 << last, sizes)
    }

    #[test]
    fn the_best_order_of_a_chain_is_found() {
        // Cormen et al., Introduction to Algorithms, the example of matrix chains: 15125 multiplications.
        let (factors, output, sizes) = chain(&[30, 35, 15, 5, 10, 20, 25]);
        assert_eq!(cost(&factors, output, &sizes, &best(&factors, output, &sizes)), 15125.0);
    }

    #[test]
    fn a_greedy_order_does_not_grow_what_can_be_small() {
        let (factors, output, sizes) = chain(&[2; 40]);
        let pairs = path(&factors, output, &sizes);
        assert_eq!(pairs.len(), 38);
        assert_eq!(cost(&factors, output, &sizes, &pairs), 38.0 * 8.0);
    }
}
