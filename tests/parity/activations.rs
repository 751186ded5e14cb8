//! Activations: values, and slopes of the sum.

use super::{Build, Suite, gradients, json};
use tenon::DType;

/// Case, function, absolute tolerances of value and slope.
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
];

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
            suite.same(&format!("{name}, slope"), &outputs[1], expected, *slope);
        }
    }
}
