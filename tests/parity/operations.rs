//! Operations whose meaning differs between libraries.

use super::{Suite, f32s, gradients, json};
use serde_json::json;
use tenon::ir::Value;
use tenon::ops::Trace;
use tenon::ops::composite::index::Join;
use tenon::ops::composite::vision::resize::{Interpolation, Resize};
use tenon::{DType, Status, Tensor};

/// Values and positions.
fn ordered(suite: &Suite, one: &[Tensor]) {
    let pair = |name: &str| suite.case("ops", name).as_array().expect("values and positions");
    let compare = |name: &str, x: &[Tensor], record: fn(&mut Trace, Value) -> (Value, Value)| {
        let expected: Vec<_> = pair(name).iter().collect();
        suite.compare(name, x, &expected, |g, x| <[Value; 2]>::from(record(g, x[0])).to_vec());
    };
    compare("median", &[f32s(json!([[4.0, 1.0, 3.0, 2.0]]))], |g, x| g.median(x, 1, false));
    compare("sort", one, |g, x| g.sort(x, 1, false));
    compare("topk", one, |g, x| g.topk(x, 2, 1, true));
}

fn interpolated(suite: &Suite) {
    let modes = [("interpolate_bilinear_align_false", Interpolation::Linear), ("interpolate_nearest", Interpolation::Nearest)];
    for (name, mode) in modes {
        let case = suite.case("ops", name);
        suite.compare(name, &[f32s(case["x"].clone())], &[&case["y"]], |g, x| vec![g.interpolate(x[0], &Resize::to(mode, &[4, 4]))]);
    }
}

pub fn compare(suite: &Suite) {
    let case = |name: &str| suite.case("ops", name);
    let x = f32s(case("x").clone());
    let one = std::slice::from_ref(&x);
    let rounding = case("round_half_even");
    suite.compare("round", &[f32s(rounding["x"].clone())], &[&rounding["y"]], |g, x| vec![g.round(x[0])]);
    let operands = [f32s(json!([-7.0, 7.0])), f32s(json!([3.0, -3.0]))];
    suite.compare("fmod", &operands, &[case("fmod")], |g, x| vec![g.fmod(x[0], x[1])]);
    for name in ["remainder", "floor_mod"] {
        suite.compare(name, &operands, &[case(name)], |g, x| vec![g.remainder(x[0], x[1])]);
    }
    let operands = [f32s(json!([-7.0, 7.0])), f32s(json!([2.0, -2.0]))];
    suite.compare("floor_divide", &operands, &[case("floor_div_-7_2")], |g, x| vec![g.floor_divide(x[0], x[1])]);
    let spread = case("std_default_ddof");
    let expected = [&spread["ops.std"], &spread["Tensor.std"], &spread["ops.var"], &spread["var_ddof1"]];
    suite.compare("std and var", one, &expected, |g, x| {
        let std = g.std(x[0], &[0, 1], 0, false);
        vec![std, std, g.var(x[0], &[0, 1], 0, false), g.var(x[0], &[0, 1], 1, false)]
    });
    let norms = case("norm");
    suite.compare("norm", one, &[&norms["fro"], &norms["ord1"], &norms["inf"]], |g, x| {
        let absolute = g.abs(x[0]);
        // Of a matrix: the largest sum of a column, of a row.
        let sums = [0, 1].map(|axis| g.sum(absolute, &[axis], false));
        let [columns, rows] = sums.map(|sums| g.max(sums, &[0], false));
        vec![g.norm(x[0], 2.0, &[0, 1], false), columns, rows]
    });
    suite.compare("argmax", one, &[case("argmax_none")], |g, x| {
        let flat = g.flatten(x[0], 0);
        vec![g.argmax(flat, 0)]
    });
    let largest = case("max_with_axis");
    suite.compare("max", one, &[&largest[0], &largest[1]], |g, x| vec![g.max(x[0], &[1], false), g.argmax(x[0], 1)]);
    ordered(suite, one);
    interpolated(suite);
    suite.compare("cumsum", one, &[case("cumsum")], |g, x| vec![g.cumsum(x[0], 1, false, false)]);
    let operands = [f32s(json!([[0, 0, 0], [0, 0, 0]])), json::nested(DType::I32, &json!([[0, 0, 2], [1, 1, 1]])), x.clone()];
    suite.compare("scatter_along", &operands, &[case("scatter_add")], |g, x| vec![g.scatter_along(x[0], x[1], x[2], 1, Join::Add, true)]);
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
