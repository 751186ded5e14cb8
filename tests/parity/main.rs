//! Parity with MindSpore: what it computed for gradients, activations, losses, and operations (`tests/vectors/parity_mindspore.json`).
//! Every case of the file is compared, or stands in [`DEVIATIONS`] with the reason why not.

#[path = "../checks/mod.rs"]
mod checks;

mod activations;
mod autodiff;
mod losses;
mod operations;

use checks::{Backend, Run, backends, json, pairs};
use serde_json::Value as Json;
use std::cell::RefCell;
use std::collections::BTreeSet;
use tenon::autodiff::reverse;
use tenon::ir::{Type, Value};
use tenon::ops::Trace;
use tenon::{DType, Tensor};

const NO_KERNEL: &str = "MindSpore has no kernel for it on the CPU, and so no value";

/// Where Tenon means something else, and why.
const DEVIATIONS: &[(&str, &str)] = &[
    (
        "autodiff/same_tensor_object_twice.pynative",
        "one object in two positions gets the sum in both there; here each position has its own gradient",
    ),
    (
        "autodiff/weights_includes_requires_grad_false.pynative",
        "the two modes disagree there, zeros or the true gradient; here a weight that requires no gradient is refused",
    ),
    ("ops/promotion/uint8+int8", "there is no i8"),
    ("ops/promotion/int32_tensor+1.5", "a number takes the dtype of the tensor that it meets; there an integer tensor becomes f32"),
    ("ops/promotion/mean_int", "a mean of integers stays integer there and loses the fraction; here it is f32"),
    ("losses/SoftMarginLoss.mean", NO_KERNEL),
    ("losses/SoftMarginLoss.sum", NO_KERNEL),
    ("losses/SoftMarginLoss.none", NO_KERNEL),
    ("losses/TripletMarginLoss.mean", NO_KERNEL),
    ("losses/TripletMarginLoss.sum", NO_KERNEL),
    ("losses/TripletMarginLoss.none", NO_KERNEL),
];

/// What ran must not become less.
const CASES: usize = 192;

struct Suite<'a> {
    run: Run<'a>,
    file: Json,
    used: RefCell<BTreeSet<String>>,
    faults: RefCell<Vec<String>>,
}

impl Suite<'_> {
    fn case(&self, section: &str, name: &str) -> &Json {
        self.used.borrow_mut().insert(format!("{section}/{name}"));
        self.file[section].get(name).unwrap_or_else(|| panic!("{section}/{name} is not in the file"))
    }
    fn evaluate(&self, inputs: &[Tensor], build: impl FnOnce(&mut Trace, &[Value]) -> Vec<Value>) -> tenon::Result<Vec<Tensor>> {
        let mut g = Trace::new();
        let x: Vec<Value> = inputs.iter().map(|input| g.input(Type::new(input.dtype(), *input.shape()))).collect();
        let outputs = build(&mut g, &x);
        (self.run)(&g.finish(&outputs)?, inputs)
    }
    fn fault(&self, text: String) {
        self.faults.borrow_mut().push(text);
    }
    /// Compares with the usual tolerance of f32, or a wider absolute one.
    fn same(&self, place: &str, found: &Tensor, expected: &Json, absolute: f64) {
        let expected = json::nested(found.dtype(), expected);
        if let Some(text) = json::difference(found, &expected, 1e-5, absolute) {
            self.fault(format!("{place}: {text}"));
        }
    }
    /// The outputs of `build`, one for each of `expected`.
    fn compare(&self, place: &str, inputs: &[Tensor], expected: &[&Json], build: impl FnOnce(&mut Trace, &[Value]) -> Vec<Value>) {
        self.compare_within(1e-6, place, inputs, expected, build);
    }
    fn compare_within(
        &self,
        absolute: f64,
        place: &str,
        inputs: &[Tensor],
        expected: &[&Json],
        build: impl FnOnce(&mut Trace, &[Value]) -> Vec<Value>,
    ) {
        match self.evaluate(inputs, build) {
            Ok(outputs) => {
                assert_eq!(outputs.len(), expected.len(), "{place}");
                pairs(&outputs, expected).for_each(|(found, expected)| self.same(place, found, expected, absolute));
            }
            Err(error) => self.fault(format!("{place}: {error}")),
        }
    }
}

/// The gradients of the sum of all elements of `y`.
fn gradients(g: &mut Trace, y: Value, wrt: &[Value]) -> Vec<Value> {
    let one = g.ones_like(y);
    reverse(g, &[(y, one)], wrt).expect("gradients")
}

fn f32s(value: Json) -> Tensor {
    json::nested(DType::F32, &value)
}

type Build = fn(&mut Trace, Value) -> Value;

#[test]
fn results_are_mindspores() {
    for Backend { name: backend, run } in &backends() {
        let file = json::read("tests/vectors/parity_mindspore.json");
        let suite = Suite { run, file, used: RefCell::default(), faults: RefCell::default() };
        activations::compare(&suite);
        autodiff::compare(&suite);
        losses::compare(&suite);
        operations::compare(&suite);
        let faults = suite.faults.into_inner();
        assert!(faults.is_empty(), "{backend}: {} faults\n{}", faults.len(), faults.join("\n"));

        let used = suite.used.into_inner();
        let sections = suite.file.as_object().expect("sections").iter();
        let present: BTreeSet<String> = sections
            .filter_map(|(section, cases)| Some(cases.as_object()?.keys().map(move |name| format!("{section}/{name}"))))
            .flatten()
            .collect();
        let listed = |name: &String| DEVIATIONS.iter().any(|(listed, _)| listed == name);
        let missing: Vec<&String> = present.iter().filter(|name| !used.contains(*name) && !listed(name)).collect();
        assert!(missing.is_empty(), "these cases are not compared: {missing:?}");
        assert!(!used.iter().any(listed), "a case stands in the list, but is compared");
        for (name, _) in DEVIATIONS {
            let found = name.split('/').try_fold(&suite.file, |level, step| level.get(step));
            assert!(found.is_some(), "{name} is in the list, but not in the file");
        }
        println!("parity: {} cases on {backend}, {} deviations", used.len(), DEVIATIONS.len());
        assert!(used.len() >= CASES, "{} cases are fewer than there were", used.len());
    }
}
