//! Random distributions: what is drawn fits the exact distribution, has the same bits on every backend and for any number of workers, and
//! keeps to its bounds. Seeds are fixed, so nothing here is left to chance; that a wrong distribution is noticed is tested as well.

mod candidates;
#[path = "../checks/mod.rs"]
mod checks;
mod counts;
mod dropout;
mod edges;
mod fit;
mod gamma;
mod lanes;
mod statistics;
mod whole;

use checks::{Backend, backends, json};
use tenon::ir::{Graph, Value, Variable};
use tenon::ops::Trace;
use tenon::random::RandomState;
use tenon::runtime::cpu::simd::Level;
use tenon::runtime::jobs::Jobs;
use tenon::runtime::{Program, Target};
use tenon::tensor::Allocator;
use tenon::{DType, Result, Tensor};

/// A graph that draws from the beginning of a stream whenever it runs.
pub fn graph(seed: u64, record: impl FnOnce(&mut Trace, &Variable) -> Value) -> Result<Graph> {
    let state = || Tensor::from_slice(&Allocator::system(), &RandomState::new(seed, 5).to_words(), &[3]).unwrap();
    let generator = Variable::new("generator", state());
    let mut g = Trace::new();
    let start = g.constant(&state());
    g.assign(&generator, start);
    let y = record(&mut g, &generator);
    g.finish(&[y])
}

fn bytes(tensor: &Tensor) -> Vec<u8> {
    let mut bytes = vec![0; tensor.bytes()];
    tensor.read_bytes(&mut bytes).unwrap();
    bytes
}

/// How close compiled programs must be to the reference. Among themselves they have the same bits, whatever else.
#[derive(Clone, Copy, PartialEq)]
pub enum Reference {
    Exactly,
    /// Up to rounding: f32 normal numbers are a formula's, and functions of f64 may differ in the last place.
    Nearly,
}

/// What the graph gives on every backend and for one to three workers, which must be the same bits, or the same error.
pub fn run(graph: &Graph, reference: Reference) -> Result<Tensor> {
    let mut all: Vec<(String, Result<Tensor>)> =
        backends().into_iter().map(|Backend { name, run }| (name, run(graph, &[]).map(|mut outputs| outputs.remove(0)))).collect();
    for workers in 1..4 {
        let target = Target { allocator: Allocator::system(), jobs: Jobs::pool(workers), level: Level::available()[0] };
        let result = Program::compile(graph.clone(), &target).and_then(|program| {
            let ty = program.output_types()[0];
            let output = Tensor::zeros(&target.allocator, ty.dtype, ty.shape)?;
            program.run(&[], &[&output])?;
            Ok(output)
        });
        all.push((format!("{workers} workers"), result));
    }
    let (_, oracle) = all.remove(0);
    let (first, expected) = all.remove(0);
    compare(&first, &expected, "the reference", &oracle, reference);
    for (name, found) in all {
        compare(&name, &found, &first, &expected, Reference::Exactly);
    }
    expected
}

fn compare(name: &str, found: &Result<Tensor>, other: &str, expected: &Result<Tensor>, reference: Reference) {
    match (found, expected) {
        (Ok(found), Ok(expected)) => {
            let tolerance = match (reference, found.dtype()) {
                (Reference::Exactly, _) => 0.0,
                (Reference::Nearly, DType::F64) => 1e-12,
                (Reference::Nearly, DType::F32) => 2e-6,
                (Reference::Nearly, _) => 1e-2,
            };
            if tolerance > 0.0 {
                let text = json::difference(found, expected, tolerance, tolerance);
                assert!(text.is_none(), "{name}, {other}: {text:?}");
            } else {
                assert_eq!((found.dtype(), found.shape()), (expected.dtype(), expected.shape()), "{name}, {other}");
                let place = bytes(found).iter().zip(&bytes(expected)).position(|(a, b)| a != b);
                assert_eq!(place, None, "{name}, {other}: the byte in which they differ");
            }
        }
        (Err(found), Err(expected)) => {
            assert_eq!(found.status(), expected.status(), "{name}, {other}");
            assert_eq!(found.message(), expected.message(), "{name}, {other}");
        }
        _ => panic!("{name}: {found:?}, {other}: {expected:?}"),
    }
}

/// The numbers that are drawn, on all of those; the reference has the same bits.
#[track_caller]
pub fn draw(seed: u64, record: impl FnOnce(&mut Trace, &Variable) -> Value) -> Tensor {
    run(&graph(seed, record).unwrap(), Reference::Exactly).unwrap()
}

/// The numbers that are drawn; the reference is near.
#[track_caller]
pub fn draw_nearly(seed: u64, record: impl FnOnce(&mut Trace, &Variable) -> Value) -> Tensor {
    run(&graph(seed, record).unwrap(), Reference::Nearly).unwrap()
}
