//! Gradients and the other transforms, as functions of functions.

use super::{Build, Suite, f32s, gradients};
use serde_json::{Value as Json, json};
use std::sync::Arc;
use tenon::context::{Context, ContextOptions};
use tenon::ir::Value;
use tenon::nn::Parameter;
use tenon::ops::{CustomGradient, Trace};
use tenon::train::{
    Function, GradOptions, GradientId, JacobianMode, JacobianOptions, VmapOptions, custom_gradient, grad, hessian, jacobian, jvp,
    value_and_grad, vjp, vmap,
};
use tenon::{DType, Status, Tensor};

struct Functions<'a> {
    suite: &'a Suite<'a>,
    context: Context,
}

impl Functions<'_> {
    fn case(&self, name: &str) -> &Json {
        self.suite.case("autodiff", name)
    }
    /// A function of this many inputs and outputs.
    fn function(
        &self,
        inputs: usize,
        outputs: usize,
        record: impl Fn(&mut Trace, &[Value]) -> Vec<Value> + Send + Sync + 'static,
    ) -> Function {
        Function::with_counts(&self.context, Some(inputs), Some(outputs), move |g, x| Ok(record(g, x)))
    }
    /// The outputs of `f`, one for each of `expected`.
    fn compare(&self, place: &str, f: &Function, inputs: &[Tensor], expected: &[&Json]) {
        self.suite.compare(place, inputs, expected, |g, x| match f.record(g, x) {
            Ok(outputs) => outputs,
            Err(error) => vec![g.fail(error); expected.len()],
        });
    }
    /// The same in both of MindSpore's modes, which write to a case each.
    fn compare_modes(&self, name: &str, f: &Function, inputs: &[Tensor], parts: fn(&Json) -> Vec<&Json>) {
        for mode in ["pynative", "graph"] {
            let place = format!("{name}.{mode}");
            self.compare(&place, f, inputs, &parts(self.case(&place)));
        }
    }
}

fn at(positions: &[usize]) -> GradOptions {
    GradOptions { positions: Some(positions.to_vec()), ..GradOptions::default() }
}

fn wrt(positions: &[usize]) -> JacobianOptions {
    JacobianOptions { positions: Some(positions.to_vec()), ..JacobianOptions::default() }
}

fn whole(case: &Json) -> Vec<&Json> {
    vec![case]
}

/// Lists of any depth as one list of their parts, numbers and vectors of numbers.
fn parts(case: &Json) -> Vec<&Json> {
    match case.as_array() {
        Some(list) if list.iter().any(Json::is_array) => list.iter().flat_map(parts).collect(),
        _ => vec![case],
    }
}

fn numbers(case: &Json) -> Vec<&Json> {
    match case.as_array() {
        Some(list) => list.iter().flat_map(numbers).collect(),
        None => vec![case],
    }
}

pub fn compare(suite: &Suite) {
    let context = Context::new(ContextOptions { workers: 1, ..ContextOptions::default() }).expect("a context");
    let functions = Functions { suite, context };
    positions(&functions);
    weights(&functions);
    slopes(suite);
    directions(&functions);
    lanes_and_rules(&functions);
}

/// net(x, y) = x^2 + y and net2(x, y) = (x^2 + y, x) at (1, 2).
fn positions(s: &Functions) {
    let pair = [f32s(json!(1.0)), f32s(json!(2.0))];
    let net = s.function(2, 1, |g, x| {
        let square = g.square(x[0]);
        vec![g.add(square, x[1])]
    });
    let net2 = s.function(2, 2, |g, x| {
        let square = g.square(x[0]);
        vec![g.add(square, x[1]), x[0]]
    });
    let aux = |position| GradOptions { has_aux: true, ..at(&[position]) };
    for position in [0, 1] {
        let of = |kind: &str| format!("seed.grad_{kind}.pos{position}");
        s.compare_modes(&of("single_output"), &grad(&net, at(&[position])).unwrap(), &pair, whole);
        s.compare_modes(&of("multi_output"), &grad(&net2, at(&[position])).unwrap(), &pair, whole);
        s.compare_modes(&of("has_aux"), &grad(&net2, aux(position)).unwrap(), &pair, numbers);
    }
    let both = value_and_grad(&net, at(&[0, 1])).unwrap();
    s.compare_modes("value_and_grad", &both, &pair, numbers);
    s.compare_modes("value_and_grad.has_aux", &value_and_grad(&net2, aux(0)).unwrap(), &pair, numbers);
    s.compare_modes("value_and_grad.multi_no_aux", &value_and_grad(&net2, at(&[0])).unwrap(), &pair, numbers);
    for mode in ["pynative", "graph"] {
        let case = s.case(&format!("grad.return_ids.{mode}"));
        let f = grad(&net, at(&[1, 0])).unwrap();
        let outputs: Vec<usize> = [0, 1].iter().map(|position| f.find_gradient(&GradientId::Position(*position)).unwrap()).collect();
        assert_eq!((&case[0][0], &case[1][0], outputs), (&json!(0), &json!(1), vec![1, 0]));
        s.compare("return_ids", &f, &pair, &[&case[1][1], &case[0][1]]);
    }
    let first = grad(&net, GradOptions::default()).unwrap();
    s.compare("GradOperation", &first, &pair, &[s.case("GradOperation.default")]);
    s.compare("GradOperation, all", &grad(&net, at(&[0, 1])).unwrap(), &pair, &numbers(s.case("GradOperation.get_all")));

    let cube = s.function(1, 1, |g, x| {
        let three = g.scalar(DType::F32, 3.0);
        vec![g.pow(x[0], three)]
    });
    let second = grad(&grad(&cube, at(&[0])).unwrap(), at(&[0])).unwrap();
    let third = grad(&second, at(&[0])).unwrap();
    s.compare_modes("second_order_x3_at_2", &second, &[f32s(json!(2.0))], whole);
    s.compare_modes("third_order_x3_at_2", &third, &[f32s(json!(2.0))], whole);

    let unused = s.function(2, 1, |g, x| vec![g.square(x[0])]);
    let vector = f32s(json!([1.0, 2.0]));
    let f = grad(&unused, at(&[0, 1])).unwrap();
    s.compare("unused input", &f, &[vector.clone(), vector], &parts(s.case("unused_input_is_zero")));
}

/// (w * x + b) * c, where c requires no gradient, and matmul(x * z, y).
fn weights(s: &Functions) {
    let parameter = |name: &str, value: Json, requires_grad| Parameter::from_tensor(&s.context, name, &f32s(value), requires_grad).unwrap();
    let (w, b) = (parameter("w", json!([2.0, 3.0]), true), parameter("b", json!([1.0, 1.0]), true));
    let c = parameter("c", json!([1.0, 1.0]), false);
    let (own, x) = ([w.clone(), b.clone(), c.clone()], [f32s(json!([1.0, 2.0]))]);
    let line = s.function(1, 1, move |g, x| {
        let [w, b, c] = own.each_ref().map(|parameter| g.read(parameter.variable()));
        let product = g.mul(w, x[0]);
        let sum = g.add(product, b);
        vec![g.mul(sum, c)]
    });
    let of = |weights: &[&Parameter]| GradOptions { weights: weights.iter().copied().cloned().collect(), ..GradOptions::default() };
    let with = |positions: &[usize], weights: &[&Parameter]| GradOptions { positions: Some(positions.to_vec()), ..of(weights) };
    let only = grad(&line, of(&[&w, &b])).unwrap();
    s.compare("weights", &only, &x, &parts(s.case("weights_only")));
    s.compare("get_by_list", &only, &x, &parts(s.case("GradOperation.get_by_list")));
    s.compare("one weight", &grad(&line, of(&[&w])).unwrap(), &x, &[s.case("weights_single_parameter")]);
    let both = grad(&line, with(&[0], &[&w, &b])).unwrap();
    s.compare("position and weights", &both, &x, &parts(s.case("position_and_weights")));
    s.compare("get_all, get_by_list", &both, &x, &parts(s.case("GradOperation.get_all_get_by_list")));
    let ids = s.case("position_and_weights.return_ids");
    let name = |id: &Json| GradientId::Weight(id.as_str().expect("a name").to_string());
    assert_eq!(both.gradient_id(0), Some(&GradientId::Position(ids[0][0].as_u64().expect("a position") as usize)));
    assert_eq!((both.gradient_id(1), both.gradient_id(2)), (Some(&name(&ids[1][0][0])), Some(&name(&ids[1][1][0]))));
    s.compare("return_ids", &both, &x, &[&ids[0][1], &ids[1][0][1], &ids[1][1][1]]);
    s.compare("ones are the default", &grad(&line, at(&[0])).unwrap(), &x, &[s.case("vector_output_default_sens_is_ones")]);
    let sens = grad(&line, GradOptions { sens_param: true, ..at(&[0]) }).unwrap();
    let with_seed = [x[0].clone(), f32s(json!([10.0, 1.0]))];
    s.compare("sens", &sens, &with_seed, &[s.case("sens_param")]);
    s.compare("GradOperation, sens", &sens, &with_seed, &[s.case("GradOperation.sens")]);
    // Where MindSpore's modes disagree.
    let refused = grad(&line, of(&[&w, &c])).and_then(|f| f.call(&[&x[0]]));
    assert_eq!(refused.unwrap_err().status(), Status::InvalidArgument);

    let case = s.case("seed.GradNetWrtX");
    let z = parameter("z", case["z"].clone(), true);
    let product = s.function(2, 1, move |g, x| {
        let z = g.read(z.variable());
        let scaled = g.mul(x[0], z);
        vec![g.matmul(scaled, x[1])]
    });
    let inputs = [f32s(case["x"].clone()), f32s(case["y"].clone())];
    s.compare("GradNetWrtX", &grad(&product, at(&[0])).unwrap(), &inputs, &[&case["grad_x"]]);
}

fn slopes(suite: &Suite) {
    let case = |name: &str| suite.case("autodiff", name);
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
}

/// Products with Jacobians, whole Jacobians, Hessians.
fn directions(s: &Functions) {
    let vector = f32s(json!([1.0, 2.0]));
    let pair = [vector.clone(), vector.clone()];
    let square = s.function(1, 1, |g, x| vec![g.square(x[0])]);
    let product = s.function(2, 1, |g, x| {
        let square = g.square(x[0]);
        vec![g.mul(square, x[1])]
    });
    let tangents = [vector.clone(), vector.clone(), f32s(json!([1.0, 0.0])), f32s(json!([0.0, 1.0]))];
    s.compare("jvp", &jvp(&product, wrt(&[0, 1])).unwrap(), &tangents, &parts(s.case("jvp")));
    s.compare("jvp", &jvp(&square, wrt(&[0])).unwrap(), &pair, &parts(s.case("jvp_single")));
    let case = s.case("vjp");
    let with_seed = [vector.clone(), vector.clone(), f32s(json!([1.0, 1.0]))];
    s.compare("vjp", &vjp(&product, at(&[0, 1])).unwrap(), &with_seed, &[&case["out"], &case["vjp"][0], &case["vjp"][1]]);

    let one = std::slice::from_ref(&vector);
    let rows = |f: &Function, positions: &[usize]| jacobian(f, JacobianMode::Rows, wrt(positions)).unwrap();
    let columns = |f: &Function| jacobian(f, JacobianMode::Columns, wrt(&[0])).unwrap();
    s.compare("jacrev", &rows(&square, &[0]), one, &[s.case("jacrev")]);
    s.compare("jacfwd", &columns(&square), one, &[s.case("jacfwd")]);
    let two = s.function(1, 2, |g, x| vec![g.mul_scalar(x[0], 2.0), g.mul_scalar(x[0], 3.0)]);
    let case = s.case("jacrev_two_outputs");
    s.compare("two outputs", &rows(&two, &[0]), one, &[&case[0], &case[1]]);
    let case = s.case("jacrev_two_positions");
    s.compare("two positions", &rows(&product, &[0, 1]), &pair, &[&case[0], &case[1]]);

    let cubes = s.function(1, 1, |g, x| {
        let square = g.square(x[0]);
        let cube = g.mul(square, x[0]);
        vec![g.sum(cube, &[0], false)]
    });
    let first = rows(&cubes, &[0]);
    s.compare("forward over reverse", &columns(&first), one, &[s.case("hessian_fwd_over_rev")]);
    s.compare("reverse over reverse", &rows(&first, &[0]), one, &[s.case("hessian_rev_over_rev")]);
    s.compare("hessian", &hessian(&cubes, wrt(&[0])).unwrap(), one, &[s.case("hessian_fwd_over_rev")]);
}

/// Hands back 100 times and 200 times what the product is asked for with.
struct Hundreds;

impl CustomGradient for Hundreds {
    fn record(&self, g: &mut Trace, _: &[Value], _: &[Value], dy: &[Value]) -> tenon::Result<Vec<Option<Value>>> {
        Ok(vec![Some(g.mul_scalar(dy[0], 100.0)), Some(g.mul_scalar(dy[0], 200.0))])
    }
}

fn lanes_and_rules(s: &Functions) {
    let product = s.function(2, 1, |g, x| {
        let product = g.mul(x[0], x[1]);
        vec![g.sum(product, &[0], false)]
    });
    let options = VmapOptions { in_axes: Some(vec![Some(0), None]), ..VmapOptions::default() };
    let inputs = [f32s(json!([[1.0, 1.0], [1.0, 1.0], [1.0, 1.0]])), f32s(json!([1.0, 2.0]))];
    s.compare("vmap", &vmap(&product, options).unwrap(), &inputs, &[s.case("vmap_(0,None)")]);
    let squares = s.function(1, 1, |g, x| {
        let square = g.square(x[0]);
        vec![g.sum(square, &[0], false)]
    });
    let lanes = vmap(&grad(&squares, at(&[0])).unwrap(), VmapOptions::default()).unwrap();
    s.compare("vmap of grad", &lanes, &[f32s(json!([[0.0, 1.0], [2.0, 3.0], [4.0, 5.0]]))], &[s.case("vmap_of_grad")]);

    let multiply = s.function(2, 1, |g, x| vec![g.mul(x[0], x[1])]);
    let custom = custom_gradient(&multiply, Arc::new(Hundreds));
    let pair = [f32s(json!(1.0)), f32s(json!(2.0))];
    s.compare("bprop", &grad(&custom, at(&[0, 1])).unwrap(), &pair, &numbers(s.case("custom_bprop")));
}
