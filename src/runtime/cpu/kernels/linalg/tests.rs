//! Decompositions of plain matrices, beyond what a graph hands them.

use super::lu::lu;
use super::real::dot;
use super::triangular::solve;

#[test]
fn sums_of_products_have_every_element() {
    for n in 0..40 {
        let a: Vec<f64> = (0..n).map(|i| i as f64 + 1.0).collect();
        assert_eq!(dot(&a, &a), (0..n).map(|i| (i as f64 + 1.0) * (i as f64 + 1.0)).sum::<f64>());
    }
}

#[test]
fn pivots_are_the_first_largest_elements() {
    let mut a = [1.0f64, 5.0, -1.0, 6.0, 1.0, 7.0];
    let mut permutation = [9; 3];
    assert_eq!(lu(&mut a, 3, 2, &mut permutation), 1.0);
    // The second column holds 5, 6 + 5, 7 - 5: its largest is in the second row.
    assert_eq!((permutation, a[..4].to_vec()), ([0, 1, 2], vec![1.0, 5.0, -1.0, 11.0]));
}

/// A graph may name rows that there are not.
#[test]
fn permutations_that_are_none_reach_no_further() {
    for permutation in [[7, -3], [i64::MIN, i64::MAX]] {
        for transpose in [false, true] {
            let (mut x, mut work) = ([1.0f32, 2.0], [0.0; 2]);
            solve(transpose, &[1.0, 0.0, 0.0, 1.0], &permutation, &mut x, &mut work);
        }
    }
}
