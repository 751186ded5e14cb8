//! Random numbers are the same on every backend: words and uniform numbers in every bit, normal numbers within their formula's error.

mod checks;

use checks::{Backend, backends, json, oracle};
use tenon::DType;
use tenon::ir::{Distribution, Op, Type};
use tenon::ops::Trace;
use tenon::random::RandomState;
use tenon::tensor::{Allocator, Shape, Tensor};

const ELEMENTS: usize = 5000;

#[test]
fn every_backend_draws_the_same_numbers() {
    let state = RandomState { offset: 13, ..RandomState::new(42, 7) };
    let state = Tensor::from_slice(&Allocator::system(), &state.to_words(), &[3]).unwrap();
    let kinds = [
        (Distribution::Bits, DType::I32, 0.0),
        (Distribution::Uniform, DType::F32, 0.0),
        (Distribution::Uniform, DType::F64, 0.0),
        (Distribution::Normal, DType::F32, 1e-6),
        (Distribution::Normal, DType::F64, 1e-12),
    ];
    let mut faults = Vec::new();
    for (distribution, dtype, tolerance) in kinds {
        let mut g = Trace::new();
        let x = g.input(Type::new(DType::I64, Shape::new(&[3]).unwrap()));
        let shape = Shape::new(&[ELEMENTS]).unwrap();
        let y = g.push(Op::Random { distribution, shape, dtype, start: 3 }, &[x]);
        let graph = g.finish(&[y]).unwrap();
        let expected = (oracle().run)(&graph, std::slice::from_ref(&state)).unwrap().remove(0);
        for Backend { name, run } in &backends() {
            match run(&graph, std::slice::from_ref(&state)) {
                Ok(found) => {
                    let text = json::difference(&found[0], &expected, tolerance, tolerance * 1e-3);
                    faults.extend(text.map(|text| format!("{name}: {distribution:?} {dtype}: {text}")));
                }
                Err(error) => faults.push(format!("{name}: {distribution:?} {dtype}: {error}")),
            }
        }
    }
    assert!(faults.is_empty(), "\n{}", faults.join("\n"));
}
