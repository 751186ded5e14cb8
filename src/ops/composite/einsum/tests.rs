//! Values against sums over all indices, and what refusals say.

use super::*;
use crate::ir::{Op, Type};
use crate::runtime::reference;
use crate::tensor::{Allocator, Tensor};
use std::collections::BTreeMap;

/// Whole numbers, so that sums are exact in any order.
fn operand(number: usize, dims: &[usize]) -> Tensor {
    let count = dims.iter().product::<usize>() as i64;
    let elements: Vec<i64> = (0..count).map(|index| (index * 7 + number as i64 * 3) % 11 - 5).collect();
    Tensor::from_slice(&Allocator::system(), &elements, dims).unwrap()
}

/// The sum of products by its definition: for explicit equations without an ellipsis.
fn definition(equation: &str, operands: &[Tensor]) -> Vec<i64> {
    let (left, right) = equation.split_once("->").unwrap();
    let terms: Vec<&str> = left.split(',').collect();
    let mut sizes: BTreeMap<char, usize> = BTreeMap::new();
    for (term, operand) in terms.iter().zip(operands) {
        for (letter, size) in term.chars().zip(operand.shape().dims()) {
            let known = sizes.entry(letter).or_insert(1);
            *known = if *known == 1 { *size } else { *known };
        }
    }
    let letters: Vec<char> = right.chars().chain(sizes.keys().copied().filter(|letter| !right.contains(*letter))).collect();
    let place = |term: &str, dims: &[usize], at: &[usize]| {
        term.chars().zip(dims).fold(0, |place, (letter, size)| {
            let index = at[letters.iter().position(|known| *known == letter).unwrap()];
            place * size + if *size == 1 { 0 } else { index }
        })
    };
    let wanted: Vec<usize> = right.chars().map(|letter| sizes[&letter]).collect();
    let mut sums = vec![0; wanted.iter().product()];
    let all: usize = sizes.values().product();
    for number in 0..all {
        let (mut at, mut rest) = (vec![0; letters.len()], number);
        for (index, letter) in letters.iter().enumerate().rev() {
            at[index] = rest % sizes[letter];
            rest /= sizes[letter];
        }
        let factors = terms.iter().zip(operands).map(|(term, operand)| {
            let elements: Vec<i64> = operand.to_vec().unwrap();
            elements[place(term, operand.shape().dims(), &at)]
        });
        sums[place(right, &wanted, &at)] += factors.product::<i64>();
    }
    sums
}

/// A recording of the equation for operands of these shapes.
fn record(equation: &str, shapes: &[&[usize]], dtype: DType) -> (Trace, Value) {
    let mut g = Trace::new();
    let x: Vec<Value> = shapes.iter().map(|dims| g.input(Type::new(dtype, Shape::new(dims).unwrap()))).collect();
    let y = g.einsum(equation, &x);
    (g, y)
}

fn values(equation: &str, shapes: &[&[usize]]) -> (Vec<usize>, Vec<i64>) {
    let (g, y) = record(equation, shapes, DType::I64);
    let graph = g.finish(&[y]).unwrap_or_else(|error| panic!("{error}"));
    let operands: Vec<Tensor> = shapes.iter().enumerate().map(|(number, dims)| operand(number, dims)).collect();
    let y = reference::evaluate(&graph, &Allocator::system(), &operands).unwrap().outputs.remove(0);
    (y.shape().dims().to_vec(), y.to_vec().unwrap())
}

#[test]
fn sums_are_those_of_the_definition() {
    let cases: &[(&str, &[&[usize]])] = &[
        ("->", &[&[]]),
        (",->", &[&[], &[]]),
        ("i->i", &[&[3]]),
        ("i->", &[&[0]]),
        ("ij->ji", &[&[2, 3]]),
        ("iii->i", &[&[3, 3, 3]]),
        ("ijij->", &[&[2, 3, 2, 3]]),
        ("ij,jk->ik", &[&[2, 3], &[3, 4]]),
        ("ij,jk->ki", &[&[2, 3], &[3, 4]]),
        ("ji,jk->ik", &[&[3, 2], &[3, 4]]),
        ("ji,kj->ki", &[&[3, 2], &[4, 3]]),
        ("ij,jk->ik", &[&[2, 0], &[0, 4]]),
        ("ij,jk->ik", &[&[2, 3], &[1, 4]]),
        ("bij,bjk->bik", &[&[2, 3, 4], &[2, 4, 2]]),
        ("bij,bjk->bik", &[&[1, 3, 4], &[2, 4, 2]]),
        ("ibj,kjb->kbi", &[&[3, 2, 4], &[2, 4, 2]]),
        ("bi,bi->b", &[&[3, 4], &[3, 4]]),
        ("ib,bi->b", &[&[4, 3], &[3, 4]]),
        ("ij,ij->", &[&[3, 4], &[3, 4]]),
        ("ij,ji->", &[&[3, 4], &[4, 3]]),
        ("i,j->ji", &[&[3], &[4]]),
        ("ij,ij->ij", &[&[3, 4], &[3, 1]]),
        ("abc,cbd->abd", &[&[2, 3, 4], &[4, 3, 2]]),
        ("aibj,jbc->ciba", &[&[2, 2, 3, 2], &[2, 3, 2]]),
        ("abxc,xcad->bd", &[&[2, 3, 2, 4], &[2, 4, 2, 3]]),
        ("ij,jk,kl->il", &[&[2, 3], &[3, 4], &[4, 2]]),
        ("ij,jk,ki->", &[&[2, 3], &[3, 4], &[4, 2]]),
        ("i,i,i->i", &[&[3], &[3], &[1]]),
        ("iij,jk,l->ikl", &[&[2, 2, 3], &[3, 4], &[2]]),
        ("a,b,ab,ac,cd->bd", &[&[2], &[3], &[2, 3], &[2, 4], &[4, 2]]),
        ("ab,bc,cd,de,ef,fg,gh,hi,ij,jk->ak", &[&[2usize, 2] as &[usize]; 10]),
        ("abcdefgh,hgfedcba->", &[&[2; 8], &[2; 8]]),
    ];
    for (equation, shapes) in cases {
        let operands: Vec<Tensor> = shapes.iter().enumerate().map(|(number, dims)| operand(number, dims)).collect();
        assert_eq!(values(equation, shapes).1, definition(equation, &operands), "{equation} of {shapes:?}");
    }
}

#[test]
fn results_and_dots_are_understood() {
    let same: &[(&str, &str, &[&[usize]])] = &[
        ("ba", "ba->ab", &[&[2, 3]]),
        ("ij, jk", "ij,jk->ik", &[&[2, 3], &[3, 4]]),
        ("bA,b", "bA,b->A", &[&[2, 3], &[2]]),
        ("aA", "aA->Aa", &[&[2, 3]]),
        ("ii", "ii->", &[&[3, 3]]),
        ("...ij,...jk", "aij,ajk->aik", &[&[2, 3, 4], &[2, 4, 2]]),
        ("...ij,...jk", "ij,ajk->aik", &[&[3, 4], &[2, 4, 2]]),
        ("i...,...", "iab,b->abi", &[&[2, 3, 4], &[4]]),
        ("i...j->j...i", "iabj->jabi", &[&[2, 3, 4, 2]]),
        ("...,...->", "ab,b->", &[&[2, 3], &[3]]),
        ("... i -> i", "abi->i", &[&[2, 3, 4]]),
        ("...i->...", "i->", &[&[4]]),
    ];
    for (short, long, shapes) in same {
        assert_eq!(values(short, shapes), values(long, shapes), "{short} of {shapes:?}");
    }
}

#[test]
fn a_contraction_is_a_matrix_product_of_what_is_there() {
    let count = |equation: &str, shapes: &[&[usize]], is: fn(&Op) -> bool| {
        let (g, y) = record(equation, shapes, DType::F32);
        g.finish(&[y]).unwrap().nodes.iter().filter(|node| is(&node.op)).count()
    };
    let is_product: fn(&Op) -> bool = |op| matches!(op, Op::MatMul { .. });
    let is_move: fn(&Op) -> bool = |op| matches!(op, Op::Transpose(_) | Op::Broadcast { .. } | Op::Reduce { .. });
    // Flags of the product and the order of its operands take the place of moved elements.
    for equation in ["ij,jk->ik", "ji,jk->ik", "ij,kj->ik", "ji,kj->ik", "ij,jk->ki", "ji,kj->ki"] {
        assert_eq!((count(equation, &[&[4, 4], &[4, 4]], is_product), count(equation, &[&[4, 4], &[4, 4]], is_move)), (1, 0), "{equation}");
    }
    let attention: &[&[usize]] = &[&[2, 3, 5, 4], &[2, 3, 6, 4]];
    assert_eq!((count("bhqd,bhkd->bhqk", attention, is_product), count("bhqd,bhkd->bhqk", attention, is_move)), (1, 0));
    let three: &[&[usize]] = &[&[4, 5], &[5, 6], &[6, 7]];
    assert_eq!(count("ij,jk,kl->il", three, is_product), 2);
}

#[test]
fn refusals_name_operand_label_and_sizes() {
    let cases: &[(&str, &[&[usize]], &str)] = &[
        ("ij,jk", &[&[2, 3], &[4, 5]], "'j' is 3 in operand 1, which is [2, 3], and 4 in operand 2, which is [4, 5]"),
        ("ii", &[&[2, 3]], "'i' is 2 and 3 in operand 1, which is [2, 3]"),
        ("ii", &[&[1, 3]], "'i' is 1 and 3 in operand 1, which is [1, 3]"),
        (
            "i...,i...",
            &[&[2, 3], &[2, 4]],
            "the last dimension of '...' is 3 in operand 1, which is [2, 3], and 4 in operand 2, which is [2, 4]",
        ),
        ("ij", &[&[2]], "\"ij\" names 2 dimensions, and operand 1 is [2]"),
        ("ij...", &[&[2]], "\"ij...\" names at least 2 dimensions, and operand 1 is [2]"),
        ("i,j", &[&[2]], "2 operands are named, and 1 are given"),
        ("i->j", &[&[2]], "'j' of the result \"j\" is in no operand"),
        ("i->ii", &[&[2]], "'i' stands twice in the result \"ii\""),
        ("i1", &[&[2, 2]], "'1' in \"i1\" is neither a letter from A to Z or a to z nor '...'"),
        ("i.", &[&[2, 2]], "'.' in \"i.\" is neither a letter from A to Z or a to z nor '...'"),
        ("é", &[&[2]], "'é' in \"é\" is neither a letter from A to Z or a to z nor '...'"),
        ("i->i->i", &[&[2]], "'-' in \"i->i\" is neither a letter from A to Z or a to z nor '...'"),
        ("...i...", &[&[2]], "\"...i...\" has more than one '...'"),
        ("abcdefgh,i", &[&[2; 8], &[2]], "a shape has at most 8 dimensions, not 9"),
    ];
    for (equation, shapes, expected) in cases {
        let (g, y) = record(equation, shapes, DType::F32);
        assert!(!y.is_valid());
        assert_eq!(g.error().unwrap().to_string(), format!("einsum \"{equation}\": {expected}"));
    }
    let (g, _) = record("i", &[&[2]], DType::Bool);
    assert!(g.error().unwrap().to_string().contains("not bool"));
    let long = "i,".repeat(4000);
    let (g, _) = record(&long, &[&[2]], DType::F32);
    assert!(g.error().unwrap().to_string().starts_with("einsum: an equation of 8000 bytes"));
}

#[test]
fn sums_of_narrow_floats_do_not_round_on_the_way() {
    // 300 products of 1 / 16 summed in f16 or bf16 itself would stop growing.
    let (mut g, y) = record("bi,bi->b", &[&[2, 3000], &[2, 3000]], DType::BF16);
    let y = g.cast(y, DType::F32);
    let graph = g.finish(&[y]).unwrap();
    let mut g = Trace::new();
    let ones = g.full(DType::BF16, &[2, 3000], 1.0);
    let constant = g.finish(&[ones]).unwrap();
    let x = reference::evaluate(&constant, &Allocator::system(), &[]).unwrap().outputs.remove(0);
    let y = reference::evaluate(&graph, &Allocator::system(), &[x.clone(), x]).unwrap().outputs.remove(0);
    // bf16 holds 8 bits: 3000 is 3008 to it.
    assert_eq!(y.to_vec::<f32>().unwrap(), [3008.0, 3008.0]);
}
