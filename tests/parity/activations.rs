//! Activations: values, and slopes of the sum.

use super::{Build, Json, Suite, gradients, json};
use serde_json::json;
use tenon::ir::Value;
use tenon::ops::Trace;
use tenon::{DType, Tensor};

/// Case, function, absolute tolerances of value and slope. The large ones are how far MindSpore is off: its tanh is good to 1.5e-5, its slope of
/// mish to 1.4e-4.
const ACTIVATIONS: &[(&str, Build, f64, f64)] = &[
    ("ELU", |g, x| g.elu(x, 1.0), 1e-6, 2e-6),
    ("GELU", |g, x| g.gelu(x, true), 2e-5, 5e-5),
    ("GELU.approximate_False", |g, x| g.gelu(x, false), 1e-6, 1e-6),
    ("HSigmoid", |g, x| g.hard_sigmoid(x), 1e-6, 1e-6),
    ("HSwish", |g, x| g.hard_swish(x), 1e-6, 1e-6),
    ("LeakyReLU", |g, x| g.leaky_relu(x, 0.2), 1e-6, 1e-6),
    ("LeakyReLU.0.01", |g, x| g.leaky_relu(x, 0.01), 1e-6, 1e-6),
    ("LogSigmoid", |g, x| g.log_sigmoid(x), 1e-6, 1e-6),
    ("ReLU", |g, x| g.relu(x), 1e-6, 1e-6),
    ("ReLU6", |g, x| g.relu6(x), 1e-6, 1e-6),
    ("SiLU", |g, x| g.silu(x), 1e-6, 1e-6),
    ("Sigmoid", |g, x| g.sigmoid(x), 1e-6, 1e-6),
    ("Tanh", |g, x| g.tanh(x), 2e-5, 4e-5),
    ("Softmax", |g, x| g.softmax(x, 0), 1e-6, 1e-6),
    ("LogSoftmax", |g, x| g.log_softmax(x, 0), 1e-6, 2e-6),
    ("ops.softplus", |g, x| g.softplus(x), 1e-6, 1e-6),
    ("ops.erf", |g, x| g.erf(x), 1e-6, 1e-6),
    ("ops.log_softmax", |g, x| g.log_softmax(x, 0), 1e-6, 1e-6),
    ("ops.hardswish", |g, x| g.hard_swish(x), 1e-6, 1e-6),
    ("ops.hardsigmoid", |g, x| g.hard_sigmoid(x), 1e-6, 1e-6),
    ("ops.gelu", |g, x| g.gelu(x, false), 1e-6, 1e-6),
    ("ops.silu", |g, x| g.silu(x), 1e-6, 1e-6),
    ("ops.elu", |g, x| g.elu(x, 1.0), 1e-6, 1e-6),
    ("CELU", |g, x| g.celu(x, 1.0), 1e-6, 1e-6),
    ("FastGelu", |g, x| g.fast_gelu(x), 1e-6, 1e-6),
    ("HShrink", |g, x| g.hard_shrink(x, 0.5), 0.0, 0.0),
    ("Mish", |g, x| g.mish(x), 1e-6, 2e-4),
    ("SeLU", |g, x| g.selu(x), 1e-6, 1e-6),
    ("SoftShrink", |g, x| g.soft_shrink(x, 0.5), 0.0, 0.0),
    ("Softsign", |g, x| g.softsign(x), 1e-6, 1e-6),
    ("Tanhshrink", |g, x| g.tanhshrink(x), 2e-5, 4e-5),
    ("Threshold(1,-5)", |g, x| g.threshold(x, 1.0, -5.0), 0.0, 0.0),
    ("Softmin", |g, x| g.softmin(x, 0), 1e-6, 1e-6),
    ("PReLU", prelu, 1e-6, 1e-6),
    ("GLU", |g, x| g.glu(x, 0), 1e-6, 1e-6),
    ("ops.erfinv", |g, x| g.erfinv(x), 1e-6, 1e-6),
    ("ops.mish", |g, x| g.mish(x), 1e-6, 1e-6),
    ("ops.selu", |g, x| g.selu(x), 1e-6, 1e-6),
    ("ops.celu", |g, x| g.celu(x, 1.0), 1e-6, 1e-6),
    ("Hardtanh", |g, x| g.hardtanh(x, -1.0, 1.0), 0.0, 0.0),
];

/// Slopes that are others here: case, where, slope here, slope there.
struct Slope(&'static str, fn(f64) -> bool, fn(f64) -> f64, fn(f64) -> f64);

const SCALE: f64 = 1.050_700_987_355_480_5;
const SCALE_ALPHA: f64 = 1.758_099_340_847_376_6;
const SLOPES: &[Slope] = &[
    // There it is scale (value + 1), where value + scale alpha is right.
    Slope("SeLU", |x| x <= 0.0, |x| SCALE_ALPHA * x.exp(), |x| SCALE * (SCALE_ALPHA * x.exp_m1() + 1.0)),
    // A corner: docs/kinks.md says why.
    Slope("Hardtanh", |x| x.abs() == 1.0, |_| 0.0, |_| 0.5),
];

fn prelu(g: &mut Trace, x: Value) -> Value {
    let weight = g.full(DType::F32, &[1], 0.25);
    g.prelu(x, weight)
}

/// The slopes of a case, ours where they differ.
fn slopes(name: &str, x: &Tensor, expected: &Json) -> Json {
    let mut slopes = expected.as_array().expect("a list").clone();
    let x = json::floats(x);
    assert_eq!(x.len(), slopes.len(), "{name}");
    for (x, slope) in x.into_iter().zip(&mut slopes) {
        for Slope(_, _, here, there) in SLOPES.iter().filter(|Slope(case, is_there, ..)| *case == name && is_there(x)) {
            assert!((slope.as_f64().expect("a number") - there(x)).abs() < 1e-5, "{name} has another slope at {x} than the list says");
            *slope = json!(here(x));
        }
    }
    Json::Array(slopes)
}

pub fn compare(suite: &Suite) {
    let all = suite.case("activations", "x");
    for (name, build, value, slope) in ACTIVATIONS {
        let case = suite.case("activations", name);
        // Some have operands of their own.
        let x = json::nested(DType::F32, case.get("x").unwrap_or(all));
        let outputs = suite.evaluate(std::slice::from_ref(&x), |g, x| {
            let y = build(g, x[0]);
            [vec![y], gradients(g, y, x)].concat()
        });
        let outputs = outputs.unwrap_or_else(|error| panic!("{name}: {error}"));
        suite.same(name, &outputs[0], &case["y"], *value);
        if let Some(expected) = case.get("dy_of_sum") {
            suite.same(&format!("{name}, slope"), &outputs[1], &slopes(name, &x, expected), *slope);
        }
    }
}
