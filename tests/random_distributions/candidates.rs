//! Candidate samplers: classes as often as is expected of them.

use crate::statistics::{accept, chi_square};
use crate::{draw, draw_nearly, graph};
use tenon::DType;
use tenon::ir::{Value, Variable};
use tenon::ops::Trace;
use tenon::ops::composite::random::candidates::Candidates;
use tenon::tensor::Allocator;
use tenon::{Status, Tensor};

type Sampler = fn(&mut Trace, Value, usize, bool, usize, &Variable) -> Candidates;

const UNIFORM: Sampler = |g, x, count, unique, range, from| g.uniform_candidate_sampler(x, count, unique, range, from);
const LOG_UNIFORM: Sampler = |g, x, count, unique, range, from| g.log_uniform_candidate_sampler(x, count, unique, range, from);

fn classes(g: &mut Trace, classes: &[i64]) -> Value {
    g.constant(&Tensor::from_slice(&Allocator::system(), classes, &[classes.len()]).unwrap())
}

#[test]
fn repeated_candidates_come_as_often_as_is_expected() {
    let (draws, range) = (50_000, 40);
    for sampler in [UNIFORM, LOG_UNIFORM] {
        let sampled = draw_nearly(500, |g, from| {
            let none = classes(g, &[]);
            sampler(g, none, draws, false, range, from).sampled
        });
        let expected = draw_nearly(500, |g, from| {
            let all = classes(g, &(-1..=range as i64).collect::<Vec<i64>>());
            sampler(g, all, draws, false, range, from).true_expected
        });
        let expected: Vec<f64> = expected.to_vec::<f32>().unwrap().into_iter().map(f64::from).collect();
        assert_eq!((expected[0], expected[range + 1]), (0.0, 0.0));
        let expected = &expected[1..=range];
        assert!((expected.iter().sum::<f64>() - draws as f64).abs() < 0.1);
        let mut found = vec![0.0; range];
        sampled.to_vec::<i64>().unwrap().into_iter().for_each(|class| found[class as usize] += 1.0);
        accept("candidates", chi_square(&found, expected));
        let of_sampled = draw_nearly(500, |g, from| {
            let none = classes(g, &[]);
            sampler(g, none, draws, false, range, from).sampled_expected
        });
        let of_sampled = of_sampled.to_vec::<f32>().unwrap();
        assert!(sampled.to_vec::<i64>().unwrap().iter().zip(of_sampled).all(|(class, each)| each as f64 == expected[*class as usize]));
    }
}

#[test]
fn unique_candidates_are_different_and_come_as_often_as_is_expected() {
    let (count, range, runs) = (5, 12, 1000);
    for sampler in [UNIFORM, LOG_UNIFORM] {
        // Many samplers in one graph.
        let both = draw_nearly(501, |g, from| {
            let all = classes(g, &(0..range as i64).collect::<Vec<i64>>());
            let rows: Vec<Value> = (0..runs)
                .map(|_| {
                    let Candidates { sampled, true_expected, .. } = sampler(g, all, count, true, range, from);
                    let (sampled, expected) = (g.cast(sampled, DType::F64), g.cast(true_expected, DType::F64));
                    g.concat(&[sampled, expected], 0)
                })
                .collect();
            g.stack(&rows, 0)
        });
        let (mut found, mut expected) = (vec![0.0; range], vec![0.0; range]);
        for row in both.to_vec::<f64>().unwrap().chunks(count + range) {
            let mut seen = row[..count].to_vec();
            seen.iter().for_each(|class| found[*class as usize] += 1.0);
            seen.sort_by(f64::total_cmp);
            seen.dedup();
            assert_eq!(seen.len(), count);
            expected.iter_mut().zip(&row[count..]).for_each(|(sum, each)| *sum += each);
        }
        // Each class is in or out of a run: at most five standard errors apart.
        for (class, (found, expected)) in found.iter().zip(&expected).enumerate() {
            let error = (runs as f64).sqrt() * 0.5;
            assert!((found - expected).abs() < 5.0 * error, "class {class}: {found} times, not {expected}");
        }
        assert!((expected.iter().sum::<f64>() / (count * runs) as f64 - 1.0).abs() < 0.02);
    }
    let all = draw(502, |g, from| {
        let none = classes(g, &[]);
        g.log_uniform_candidate_sampler(none, 7, true, 7, from).sampled
    });
    let mut all = all.to_vec::<i64>().unwrap();
    all.sort();
    assert_eq!(all, [0, 1, 2, 3, 4, 5, 6]);
}

#[test]
fn what_cannot_be_sampled_is_refused() {
    for sampler in [UNIFORM, LOG_UNIFORM] {
        for (count, unique, range, status) in
            [(5, true, 4, Status::InvalidArgument), (5, false, 0, Status::InvalidArgument), (1, false, usize::MAX, Status::InvalidArgument)]
        {
            let refused = graph(0, |g, from| {
                let none = classes(g, &[]);
                sampler(g, none, count, unique, range, from).sampled
            });
            assert_eq!(refused.unwrap_err().status(), status);
        }
        let refused = graph(0, |g, from| {
            let floats = g.full(DType::F32, &[2], 1.0);
            sampler(g, floats, 1, true, 4, from).sampled
        });
        assert_eq!(refused.unwrap_err().status(), Status::DtypeMismatch);
    }
}
