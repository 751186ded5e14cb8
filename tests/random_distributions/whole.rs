//! Whole numbers, orders, and choices: all as likely as they should be.

use crate::statistics::{accept, chi_square, refuse};
use crate::{Reference, draw, graph, run};
use tenon::DType;
use tenon::ir::Value;
use tenon::ops::Trace;
use tenon::tensor::Allocator;
use tenon::{Status, Tensor};

const DRAWS: usize = 100_000;

fn integers(tensor: &Tensor) -> Vec<i64> {
    match tensor.dtype() {
        DType::I64 => tensor.to_vec::<i64>().unwrap(),
        DType::I32 => tensor.to_vec::<i32>().unwrap().into_iter().map(i64::from).collect(),
        DType::U8 => tensor.to_vec::<u8>().unwrap().into_iter().map(i64::from).collect(),
        DType::F32 => tensor.to_vec::<f32>().unwrap().into_iter().map(|x| x as i64).collect(),
        other => panic!("{other}"),
    }
}

fn counts(numbers: &[i64], low: i64, cells: usize) -> Vec<f64> {
    let mut counts = vec![0.0; cells];
    numbers.iter().for_each(|x| counts[(x - low) as usize] += 1.0);
    counts
}

#[test]
fn integers_are_equally_likely() {
    for dtype in [DType::I64, DType::I32, DType::U8, DType::F32] {
        for (low, high) in [(0, 2), (3, 10), (0, 256), (17, 18)] {
            let numbers = integers(&draw(1, |g, from| g.randint(dtype, low, high, &[DRAWS], from)));
            assert!(numbers.iter().all(|x| (low..high).contains(x)), "{dtype} {low} {high}");
            let cells = (high - low) as usize;
            if cells > 1 {
                let mut found = counts(&numbers, low, cells);
                let even = vec![DRAWS as f64 / cells as f64; cells];
                accept("randint", chi_square(&found, &even));
                // Noticed: one number that comes up at the cost of another.
                let moved = found[0] * 0.5;
                (found[0], found[1]) = (found[0] - moved, found[1] + moved);
                refuse("randint", chi_square(&found, &even));
            }
        }
    }
}

#[test]
fn integers_reach_their_bounds() {
    let numbers = integers(&draw(2, |g, from| g.randint(DType::I64, i64::MIN, i64::MAX, &[DRAWS], from)));
    // Sixteen parts of the whole range.
    let parts: Vec<i64> = numbers.iter().map(|x| (x >> 60) + 8).collect();
    accept("all of i64", chi_square(&counts(&parts, 0, 16), &[DRAWS as f64 / 16.0; 16]));
    // The low bits too.
    let parts: Vec<i64> = numbers.iter().map(|x| x & 15).collect();
    accept("low bits", chi_square(&counts(&parts, 0, 16), &[DRAWS as f64 / 16.0; 16]));
    for (dtype, low, high) in
        [(DType::I32, i32::MIN as i64, i32::MAX as i64 + 1), (DType::U8, 0, 256), (DType::I64, i64::MAX - 2, i64::MAX)]
    {
        let numbers = integers(&draw(3, |g, from| g.randint(dtype, low, high, &[3000], from)));
        assert!(numbers.iter().all(|x| (low..high).contains(x)));
    }
    let wide = integers(&draw(4, |g, from| {
        let like = g.full(DType::I32, &[50, 60], 0.0);
        g.randint_like(like, -1, 1, from)
    }));
    assert_eq!(wide.len(), 3000);
    assert!(wide.contains(&-1) && wide.contains(&0) && wide.iter().all(|x| (-1..1).contains(x)));
}

#[test]
fn ranges_without_numbers_are_refused() {
    let cases = [
        (DType::I64, 3, 3, Status::InvalidArgument),
        (DType::I64, 3, -3, Status::InvalidArgument),
        (DType::I64, i64::MAX, i64::MIN, Status::InvalidArgument),
        (DType::U8, -1, 5, Status::InvalidArgument),
        (DType::U8, 0, 257, Status::InvalidArgument),
        (DType::I32, 0, 1 << 40, Status::InvalidArgument),
        (DType::Bool, 0, 2, Status::DtypeMismatch),
    ];
    for (dtype, low, high, status) in cases {
        let error = graph(0, |g, from| g.randint(dtype, low, high, &[4], from)).unwrap_err();
        assert_eq!(error.status(), status, "{dtype} {low} {high}: {error}");
    }
}

#[test]
fn truths_come_as_often_as_they_should() {
    for p in [0.001, 0.3, 0.5, 0.999] {
        let drawn = |dtype: DType| {
            draw(5, |g, from| {
                let p = g.full(dtype, &[DRAWS], p);
                g.random_bernoulli_with(p, from)
            })
        };
        for truths in [drawn(DType::F32), drawn(DType::F64), draw(5, |g, from| g.random_bernoulli(p, &[DRAWS], from))] {
            let heads = truths.to_vec::<bool>().unwrap().into_iter().filter(|truth| *truth).count() as f64;
            let n = DRAWS as f64;
            accept("bernoulli", chi_square(&[heads, n - heads], &[n * p, n * (1.0 - p)]));
        }
    }
    for (p, expected) in [(0.0, 0), (1.0, 1000), (-1.0, 0), (2.0, 1000), (f64::NAN, 0)] {
        let truths = draw(6, |g, from| {
            let p = g.full(DType::F32, &[1000], p);
            g.random_bernoulli_with(p, from)
        });
        assert_eq!(truths.to_vec::<bool>().unwrap().into_iter().filter(|truth| *truth).count(), expected, "{p}");
    }
}

#[test]
fn orders_are_permutations_and_equally_likely() {
    for dtype in [DType::I64, DType::I32, DType::U8] {
        for n in [0, 1, 2, 100, 256] {
            let mut order = integers(&draw(7, |g, from| g.randperm(dtype, n, from)));
            if n == 100 {
                assert_ne!(order, (0..100).collect::<Vec<i64>>());
            }
            order.sort();
            assert_eq!(order, (0..n as i64).collect::<Vec<i64>>());
        }
    }
    // All 24 orders of four things, from many draws in one graph.
    let orders = draw(8, |g, from| {
        let all: Vec<_> = (0..6000).map(|_| g.randperm(DType::I64, 4, from)).collect();
        g.stack(&all, 0)
    });
    let codes: Vec<i64> = integers(&orders).chunks(4).map(|order| order.iter().fold(0, |code, x| code * 4 + x)).collect();
    let mut kinds = codes.clone();
    kinds.sort();
    kinds.dedup();
    assert_eq!(kinds.len(), 24);
    let found: Vec<f64> = kinds.iter().map(|kind| codes.iter().filter(|code| *code == kind).count() as f64).collect();
    accept("randperm", chi_square(&found, &[250.0; 24]));
    let error = graph(0, |g, from| g.randperm(DType::U8, 257, from)).unwrap_err();
    assert!(error.message().contains("u8 does not reach 256"), "{error}");
    assert!(graph(0, |g, from| g.randperm(DType::F32, 3, from)).is_err());
}

#[test]
fn shuffled_slices_stay_whole() {
    let x: Vec<f64> = (0..60).map(f64::from).collect();
    let constant = Tensor::from_slice(&Allocator::system(), &x, &[3, 10, 2]).unwrap();
    let y = draw(9, |g, from| {
        let x = g.constant(&constant);
        g.shuffle(x, 1, from)
    });
    let y = y.to_vec::<f64>().unwrap();
    assert_ne!(y, x);
    let rows = |x: &[f64], block: usize| x.chunks(20).nth(block).unwrap().chunks(2).map(<[f64]>::to_vec).collect::<Vec<_>>();
    let order: Vec<f64> = rows(&y, 0).iter().map(|row| row[0]).collect();
    for block in 0..3 {
        for (row, first) in rows(&y, block).iter().zip(&order) {
            assert_eq!(row, &[first + 20.0 * block as f64, first + 1.0 + 20.0 * block as f64]);
        }
    }
    let mut sorted = y;
    sorted.sort_by(f64::total_cmp);
    assert_eq!(sorted, x);
}

const WEIGHTS: [f64; 6] = [0.1, 0.0, 2.0, 0.4, 1.0, 0.5];

fn weights(dtype: DType, dims: &[usize], weights: &[f64]) -> impl Fn(&mut Trace) -> Value + use<> {
    let tensor = Tensor::from_slice(&Allocator::system(), weights, dims).unwrap();
    move |g| {
        let wide = g.constant(&tensor);
        g.cast(wide, dtype)
    }
}

#[test]
fn classes_come_as_often_as_their_weights_say() {
    for dtype in [DType::F32, DType::F64] {
        let given = weights(dtype, &[6], &WEIGHTS);
        let classes = integers(&draw(10, |g, from| {
            let weights = given(g);
            g.multinomial(weights, DRAWS, true, from)
        }));
        let expected: Vec<f64> = WEIGHTS.iter().map(|weight| weight / 4.0 * DRAWS as f64).collect();
        let found = counts(&classes, 0, 6);
        assert_eq!(found[1], 0.0);
        accept("multinomial", chi_square(&found, &expected));
        let others: Vec<f64> = [0.1, 0.0, 1.9, 0.5, 1.0, 0.5].iter().map(|weight| weight / 4.0 * DRAWS as f64).collect();
        refuse("multinomial", chi_square(&found, &others));

        let logits: Vec<f64> = WEIGHTS.iter().map(|weight| weight.ln() + 300.0).collect();
        let given = weights(dtype, &[6], &logits);
        let classes = integers(&draw(11, |g, from| {
            let logits = given(g);
            g.categorical(logits, DRAWS, from)
        }));
        let found = counts(&classes, 0, 6);
        assert_eq!(found[1], 0.0);
        accept("categorical", chi_square(&found, &expected));
    }
}

#[test]
fn classes_without_replacement_come_in_the_order_of_successive_draws() {
    // Rows of their own; the expected numbers of ordered pairs are those of drawing one, then another from what is left.
    let rows = 50_000;
    let all: Vec<f64> = WEIGHTS.iter().copied().cycle().take(6 * rows).collect();
    let given = weights(DType::F32, &[rows, 6], &all);
    let pairs = integers(&draw(12, |g, from| {
        let weights = given(g);
        g.multinomial(weights, 2, false, from)
    }));
    let codes: Vec<i64> = pairs.chunks(2).map(|pair| pair[0] * 6 + pair[1]).collect();
    let total: f64 = WEIGHTS.iter().sum();
    let expected: Vec<f64> = (0..36)
        .map(|code| {
            let (first, second) = (code / 6, code % 6);
            let rest = total - WEIGHTS[first];
            if first == second { 0.0 } else { WEIGHTS[first] / total * WEIGHTS[second] / rest * rows as f64 }
        })
        .collect();
    let found = counts(&codes, 0, 36);
    assert!(found.iter().zip(&expected).all(|(found, expected)| *expected > 0.0 || *found == 0.0));
    accept("without replacement", chi_square(&found, &expected));
    let unordered: Vec<f64> = (0..36).map(|code| (expected[code] + expected[code % 6 * 6 + code / 6]) / 2.0).collect();
    refuse("without replacement", chi_square(&found, &unordered));

    // All that can be drawn, each once.
    let given = weights(DType::F64, &[2, 6], &WEIGHTS.repeat(2));
    let classes = integers(&draw(13, |g, from| {
        let weights = given(g);
        g.multinomial(weights, 5, false, from)
    }));
    for row in classes.chunks(5) {
        let mut row = row.to_vec();
        row.sort();
        assert_eq!(row, [0, 2, 3, 4, 5]);
    }
}

#[test]
fn weights_that_cannot_be_drawn_from_fail_the_run() {
    let good = [1.0, 2.0, 0.0];
    let cases: [([f64; 3], usize, bool); 8] = [
        ([0.0; 3], 1, true),
        ([0.0; 3], 1, false),
        ([1.0, -0.5, 1.0], 1, true),
        ([1.0, -0.5, 1.0], 1, false),
        ([1.0, f64::NAN, 1.0], 1, true),
        ([1.0, f64::INFINITY, 1.0], 1, false),
        ([1.0, f64::INFINITY, 1.0], 1, true),
        ([1.0, 2.0, 0.0], 3, false),
    ];
    for (bad, count, replacement) in cases {
        let rows = [&good[..], &bad[..]].concat();
        let rows = if count == 3 { [1.0, 1.0, 1.0, bad[0], bad[1], bad[2]].to_vec() } else { rows };
        let given = weights(DType::F32, &[2, 3], &rows);
        let graph = graph(0, |g, from| {
            let weights = given(g);
            g.multinomial(weights, count, replacement, from)
        });
        let error = run(&graph.unwrap(), Reference::Exactly).unwrap_err();
        assert_eq!(error.status(), Status::InvalidArgument);
        assert!(error.message().contains("weights in row 1 are not all finite and at least 0"), "{error}");
    }
    let given = weights(DType::F32, &[2], &[f64::NEG_INFINITY; 2]);
    let graph = graph(0, |g, from| {
        let logits = given(g);
        g.categorical(logits, 1, from)
    });
    assert!(run(&graph.unwrap(), Reference::Exactly).is_err());
}

#[test]
fn more_classes_than_there_are_cannot_be_recorded() {
    let given = weights(DType::F32, &[3], &[1.0; 3]);
    let error = graph(0, |g, from| {
        let weights = given(g);
        g.multinomial(weights, 4, false, from)
    });
    let error = error.unwrap_err();
    assert!(error.message().contains("4 of 3 classes cannot be drawn without replacement"), "{error}");
    for record in [true, false] {
        assert!(
            graph(0, |g, from| {
                let weights = g.full(DType::F32, &[2, 0], 1.0);
                if record { g.multinomial(weights, 1, true, from) } else { g.categorical(weights, 1, from) }
            })
            .is_err()
        );
    }
    assert!(
        graph(0, |g, from| {
            let weights = g.scalar(DType::F32, 1.0);
            g.multinomial(weights, 1, true, from)
        })
        .is_err()
    );
}
