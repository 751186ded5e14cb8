//! Parity with MindSpore: what it computed for the operations, activations, gradients and losses that Tenon has too
//! (`tests/vectors/parity_mindspore.json`). Every case of the file is compared; what is left out on purpose is in [`DEVIATIONS`].

mod checks;

use checks::{Backend, Run, backends, json};
use serde_json::{Value as Json, json};
use std::cell::RefCell;
use std::collections::BTreeSet;
use tenon::autodiff::reverse;
use tenon::ir::{Type, Value};
use tenon::ops::Trace;
use tenon::ops::composite::Reduction;
use tenon::ops::composite::loss::CrossEntropy;
use tenon::{DType, Status, Tensor};

/// Where Tenon means something else, and why. None of these is in the file.
const DEVIATIONS: &[(&str, &str)] = &[
    ("autodiff/seed.note", "the documentation's 3.0 for grad_multi_output at position 1 is an erratum: the file says 1.0"),
    (
        "autodiff/same_tensor_object_twice.pynative",
        "one object in two positions gets the sum in both there; here each position has its own",
    ),
    ("autodiff/weights_includes_requires_grad_false.pynative", "the two modes disagree there: zeros or the true gradient"),
    ("activations/Hardtanh", "slope 0.5 at its edges there; here it would be clamp, which passes 1 as MindSpore's own clamp does"),
    ("ops/promotion/uint8+int8", "there is no i8"),
    ("ops/promotion/int32_tensor+1.5", "a number takes the dtype of the tensor that it meets; there an integer tensor becomes f32"),
    ("ops/promotion/mean_int", "a mean of integers stays integer there and loses the fraction; here it is f32"),
    ("ops/scatter_add", "that is an element-wise scatter; ours adds slices"),
    ("ops/sign_nan_etc/nan", "the case promises NaN and holds none"),
];

/// What ran must not become less.
const CASES: usize = 79;

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
    /// Compares with the usual tolerance of f32, or a wider absolute one.
    fn same(&self, place: &str, found: &Tensor, expected: &Json, absolute: f64) {
        let expected = json::nested(found.dtype(), expected);
        if let Some(text) = json::difference(found, &expected, 1e-5, absolute) {
            self.faults.borrow_mut().push(format!("{place}: {text}"));
        }
    }
    /// The outputs of `build`, one for each of `expected`.
    fn compare(&self, place: &str, inputs: &[Tensor], expected: &[&Json], build: impl FnOnce(&mut Trace, &[Value]) -> Vec<Value>) {
        match self.evaluate(inputs, build) {
            Ok(outputs) => {
                assert_eq!(outputs.len(), expected.len(), "{place}");
                outputs.iter().zip(expected).for_each(|(found, expected)| self.same(place, found, expected, 1e-6));
            }
            Err(error) => self.faults.borrow_mut().push(format!("{place}: {error}")),
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

fn activations(suite: &Suite) {
    let x = json::nested(DType::F32, suite.case("activations", "x"));
    for (name, build, value, slope) in ACTIVATIONS {
        let case = suite.case("activations", name);
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

fn autodiff(suite: &Suite) {
    let case = |name: &str| suite.case("autodiff", name);
    let pair = [f32s(json!(1.0)), f32s(json!(2.0))];
    let net = |g: &mut Trace, x: &[Value]| {
        let square = g.square(x[0]);
        g.add(square, x[1])
    };
    let both: [&Json; 2] = [case("seed.grad_single_output.pos0.graph"), case("seed.grad_single_output.pos1.graph")];
    suite.compare("grad", &pair, &both, |g, x| {
        let y = net(g, x);
        gradients(g, y, x)
    });
    let both: [&Json; 2] = [case("seed.grad_multi_output.pos0.graph"), case("seed.grad_multi_output.pos1.graph")];
    suite.compare("grad of (x^2 + y, x)", &pair, &both, |g, x| {
        let y = net(g, x);
        let one = g.ones_like(y);
        reverse(g, &[(y, one), (x[0], one)], x).unwrap()
    });
    let value_and_grad = case("value_and_grad.graph");
    suite.compare("value_and_grad", &pair, &[&value_and_grad[0], &value_and_grad[1][0], &value_and_grad[1][1]], |g, x| {
        let y = net(g, x);
        [vec![y], gradients(g, y, x)].concat()
    });
    let orders = [case("second_order_x3_at_2.graph"), case("third_order_x3_at_2.graph")];
    suite.compare("orders of x^3", &[f32s(json!(2.0))], &orders, |g, x| {
        let three = g.scalar(DType::F32, 3.0);
        let y = g.pow(x[0], three);
        let first = gradients(g, y, x);
        let second = gradients(g, first[0], x);
        let third = gradients(g, second[0], x);
        [second, third].concat()
    });
    let c = case("seed.GradNetWrtX");
    suite.compare("GradNetWrtX", &[f32s(c["x"].clone()), f32s(c["y"].clone()), f32s(c["z"].clone())], &[&c["grad_x"]], |g, x| {
        let scaled = g.mul(x[0], x[2]);
        let y = g.matmul(scaled, x[1]);
        gradients(g, y, &x[..1])
    });

    // w * x + b with x, w, b of these values.
    let linear = [f32s(json!([1.0, 2.0])), f32s(json!([2.0, 3.0])), f32s(json!([1.0, 1.0]))];
    let line = |g: &mut Trace, x: &[Value]| {
        let product = g.mul(x[1], x[0]);
        g.add(product, x[2])
    };
    let weights = case("weights_only");
    suite.compare("weights", &linear, &[&weights[0], &weights[1]], |g, x| {
        let y = line(g, x);
        gradients(g, y, &x[1..])
    });
    let all = case("position_and_weights");
    suite.compare("position and weights", &linear, &[&all[0], &all[1][0], &all[1][1]], |g, x| {
        let y = line(g, x);
        gradients(g, y, x)
    });
    suite.compare("ones are the default", &linear, &[case("vector_output_default_sens_is_ones")], |g, x| {
        let y = line(g, x);
        gradients(g, y, &x[..1])
    });
    let with_seed = [linear.as_slice(), &[f32s(json!([10.0, 1.0]))]].concat();
    suite.compare("sens", &with_seed, &[case("sens_param")], |g, x| {
        let y = line(g, x);
        reverse(g, &[(y, x[3])], &x[..1]).unwrap()
    });

    let vector = f32s(json!([1.0, 2.0]));
    let unused = case("unused_input_is_zero");
    suite.compare("unused input", &[vector.clone(), vector.clone()], &[&unused[0], &unused[1]], |g, x| {
        let y = g.square(x[0]);
        gradients(g, y, x)
    });
    suite.compare("stop_gradient", &[f32s(json!(3.0))], &[case("stop_gradient_x*sg(x)_at_3")], |g, x| {
        let still = g.stop_gradient(x[0]);
        let y = g.mul(x[0], still);
        gradients(g, y, x)
    });
    let tie = case("maximum_tie_grad");
    suite.compare("maximum", &[f32s(json!(1.0)), f32s(json!(1.0))], &[&tie[0], &tie[1]], |g, x| {
        let y = g.maximum(x[0], x[1]);
        gradients(g, y, x)
    });
    let slope = |name: &str, at: Json, build: Build| {
        suite.compare(name, &[f32s(at)], &[case(name)], |g, x| {
            let y = build(g, x[0]);
            gradients(g, y, x)
        });
    };
    slope("reduce_max_tie_grad", json!([1.0, 1.0]), |g, x| g.max(x, &[0], false));
    slope("clamp_edge_grad[0,.5,1,2]", json!([0.0, 0.5, 1.0, 2.0]), |g, x| g.clamp(x, 0.0, 1.0));
    slope("abs_grad_at_0", json!([0.0]), |g, x| g.abs(x));
    slope("relu_grad_at_0", json!([0.0]), |g, x| g.relu(x));

    let product = |g: &mut Trace, x: &[Value]| {
        let square = g.square(x[0]);
        g.mul(square, x[1])
    };
    let vjp = case("vjp");
    suite.compare("vjp", &[vector.clone(), vector.clone()], &[&vjp["out"], &vjp["vjp"][0], &vjp["vjp"][1]], |g, x| {
        let y = product(g, x);
        [vec![y], gradients(g, y, x)].concat()
    });
    // Forward mode: the gradient of <gradients(seed), tangents> with respect to the seed.
    let jvp = case("jvp");
    let tangents = [vector.clone(), vector.clone(), f32s(json!([1.0, 0.0])), f32s(json!([0.0, 1.0])), f32s(json!([1.0, 1.0]))];
    suite.compare("jvp", &tangents, &[&jvp[0], &jvp[1]], |g, x| {
        let y = product(g, x);
        let back = reverse(g, &[(y, x[4])], &x[..2]).unwrap();
        let tangent = reverse(g, &[(back[0], x[2]), (back[1], x[3])], &x[4..]).unwrap();
        vec![y, tangent[0]]
    });
    let row = |g: &mut Trace, dims: usize, index: usize| {
        let position = g.iota(DType::F32, &[dims], 0);
        let index = g.scalar(DType::F32, index as f64);
        let hit = g.equal(position, index);
        g.cast(hit, DType::F32)
    };
    let jacobian = case("jacrev");
    suite.compare("jacobian", std::slice::from_ref(&vector), &[jacobian], |g, x| {
        let y = g.square(x[0]);
        let rows: Vec<Value> = (0..2)
            .map(|index| {
                let seed = row(g, 2, index);
                reverse(g, &[(y, seed)], x).unwrap()[0]
            })
            .collect();
        vec![g.stack(&rows, 0)]
    });
    let hessian = case("hessian_rev_over_rev");
    suite.compare("hessian", std::slice::from_ref(&vector), &[hessian], |g, x| {
        let square = g.square(x[0]);
        let cube = g.mul(square, x[0]);
        let first = gradients(g, cube, x)[0];
        let rows: Vec<Value> = (0..2)
            .map(|index| {
                let seed = row(g, 2, index);
                reverse(g, &[(first, seed)], x).unwrap()[0]
            })
            .collect();
        vec![g.stack(&rows, 0)]
    });
}

fn losses(suite: &Suite) {
    let input = |dtype, name: &str| json::nested(dtype, suite.case("losses", name));
    let (a, b, labels) = (input(DType::F32, "a"), input(DType::F32, "b"), input(DType::I32, "labels"));
    let check = |name: &str, target: &Tensor, loss: &dyn Fn(&mut Trace, &[Value]) -> Value| {
        let case = suite.case("losses", name);
        suite.compare(name, &[a.clone(), target.clone()], &[&case["loss"], &case["grad_of_sum"]], |g, x| {
            let y = loss(g, x);
            [vec![y], gradients(g, y, &x[..1])].concat()
        });
    };
    let plain = CrossEntropy::default();
    for (name, reduction) in [("mean", Reduction::Mean), ("sum", Reduction::Sum), ("none", Reduction::None)] {
        check(&format!("MSELoss.{name}"), &b, &|g, x| g.mse_loss(x[0], x[1], reduction));
        let options = CrossEntropy { reduction, ..plain };
        check(&format!("CrossEntropyLoss.{name}"), &labels, &|g, x| g.cross_entropy(x[0], x[1], options));
        check(&format!("SoftmaxCrossEntropyWithLogits.sparse.{name}"), &labels, &|g, x| g.cross_entropy(x[0], x[1], options));
    }
    check("CrossEntropyLoss.label_smoothing0.1", &labels, &|g, x| {
        g.cross_entropy(x[0], x[1], CrossEntropy { label_smoothing: 0.1, ..plain })
    });
    let ignoring = CrossEntropy { ignore_index: 3, ..plain };
    check("CrossEntropyLoss.ignore_index3", &labels, &|g, x| g.cross_entropy(x[0], x[1], ignoring));
    let threes = json::nested(DType::I32, &json!([3, 3, 3]));
    check("CrossEntropyLoss.all_ignored", &threes, &|g, x| g.cross_entropy(x[0], x[1], ignoring));
    let probabilities = f32s(suite.case("losses", "CrossEntropyLoss.probabilities")["target"].clone());
    check("CrossEntropyLoss.probabilities", &probabilities, &|g, x| g.cross_entropy(x[0], x[1], plain));
    let none = CrossEntropy { reduction: Reduction::None, ..plain };
    check("SoftmaxCrossEntropyWithLogits.dense_none", &probabilities, &|g, x| g.cross_entropy(x[0], x[1], none));
}

fn operations(suite: &Suite) {
    let case = |name: &str| suite.case("ops", name);
    let x = f32s(case("x").clone());
    let one = std::slice::from_ref(&x);
    let rounding = case("round_half_even");
    suite.compare("round", &[f32s(rounding["x"].clone())], &[&rounding["y"]], |g, x| vec![g.round(x[0])]);
    let operands = [f32s(json!([-7.0, 7.0])), f32s(json!([3.0, -3.0]))];
    suite.compare("fmod", &operands, &[case("fmod")], |g, x| vec![g.fmod(x[0], x[1])]);
    suite.compare("argmax", one, &[case("argmax_none")], |g, x| {
        let flat = g.flatten(x[0], 0);
        vec![g.argmax(flat, 0)]
    });
    let largest = case("max_with_axis");
    suite.compare("max", one, &[&largest[0], &largest[1]], |g, x| vec![g.max(x[0], &[1], false), g.argmax(x[0], 1)]);
    let integers = [json::nested(DType::I32, &json!(7)), json::nested(DType::I32, &json!(2))];
    let quotient = case("int_div");
    assert_eq!(quotient["dtype"], "Float32");
    suite.compare("div", &integers, &[&quotient["7/2 int32"]], |g, x| vec![g.div(x[0], x[1])]);
    suite.compare("softmax", one, &[case("softmax")], |g, x| vec![g.softmax(x[0], 1)]);
    suite.compare("logsumexp", one, &[case("logsumexp")], |g, x| vec![g.logsumexp(x[0], &[1], false)]);
    let product = case("matmul_broadcast");
    let operands = [f32s(product["a"].clone()), f32s(product["b"].clone())];
    suite.compare("matmul", &operands, &[&product["y"]], |g, x| vec![g.matmul(x[0], x[1])]);
    let positions = json::nested(DType::I32, &json!([0, 2, -1]));
    suite.compare("one_hot", &[positions], &[case("one_hot")], |g, x| vec![g.one_hot(x[0], 3, DType::F32)]);
    let signs = case("sign_nan_etc");
    suite.compare("sign", &[f32s(json!([-0.0, 3.0, -2.0]))], &[&signs["sign(-0.0,nan)"]], |g, x| vec![g.sign(x[0])]);
    suite.compare("pow", &[f32s(json!([-2.0, 0.0]))], &[case("pow_neg_base_grad")], |g, x| {
        let two = g.scalar(DType::F32, 2.0);
        let y = g.pow(x[0], two);
        gradients(g, y, x)
    });

    let gather = |index: i64| {
        let at = json::nested(DType::I32, &json!([index]));
        suite.evaluate(&[x.clone(), at], |g, x| vec![g.gather(x[0], x[1], 0)])
    };
    suite.same("gather", &gather(-1).expect("a position from the end")[0], case("gather_negative_index"), 0.0);
    assert!(case("gather_out_of_range_cpu").get("error").is_some());
    assert_eq!(gather(5).expect_err("outside").status(), Status::InvalidArgument);

    let promotion = case("promotion");
    let float_scalar = |g: &mut Trace, x: Value| g.add_scalar(x, 1.5);
    let meets = [
        ("int32+float32", DType::I32, DType::F32, DType::F32),
        ("float16+float32", DType::F16, DType::F32, DType::F32),
        ("bool+int32", DType::Bool, DType::I32, DType::I32),
    ];
    let names = [(DType::F32, "Float32"), (DType::F16, "Float16"), (DType::I32, "Int32")];
    for (name, left, right, meet) in meets {
        let mut g = Trace::new();
        let (a, b) = (g.full(left, &[2], 1.0), g.full(right, &[2], 1.0));
        let sum = g.add(a, b);
        assert_eq!(g.dtype(sum), meet, "{name}");
        assert!(names.iter().any(|(dtype, known)| *dtype == meet && promotion[name] == *known), "{name}");
    }
    let mut g = Trace::new();
    let half = g.full(DType::F16, &[2], 1.0);
    let sum = float_scalar(&mut g, half);
    assert_eq!((g.dtype(sum), promotion["float16_tensor+1.5"].as_str()), (DType::F16, Some("Float16")));
}

#[test]
fn results_are_mindspores() {
    for Backend { name: backend, run } in &backends() {
        let file = json::read("tests/vectors/parity_mindspore.json");
        let suite = Suite { run, file, used: RefCell::default(), faults: RefCell::default() };
        activations(&suite);
        autodiff(&suite);
        losses(&suite);
        operations(&suite);
        let faults = suite.faults.into_inner();
        assert!(faults.is_empty(), "{backend}: {} faults\n{}", faults.len(), faults.join("\n"));

        let used = suite.used.into_inner();
        let sections = suite.file.as_object().expect("sections").iter();
        let present: BTreeSet<String> = sections
            .filter_map(|(section, cases)| Some(cases.as_object()?.keys().map(move |name| format!("{section}/{name}"))))
            .flatten()
            .collect();
        assert_eq!(used, present, "every case of the file is compared");
        assert!(DEVIATIONS.iter().all(|(name, _)| !present.contains(*name)));
        println!("parity: {} cases on {backend}, {} deviations", used.len(), DEVIATIONS.len());
        assert!(used.len() >= CASES, "{} cases are fewer than there were", used.len());
    }
}
