//! Slopes and values where functions have corners, poles, ties, or no number: each row here is a row of the table in
//! `docs/kinks.md`, which must hold exactly these rows. `UPDATE_DOCS=1 cargo test --test kinks` writes the table anew.

mod checks;

use checks::{Backend, backends, f64_elements, f64_tensor};
use tenon::DType;
use tenon::autodiff::reverse;
use tenon::ir::{Type, Value};
use tenon::ops::Trace;
use tenon::ops::composite::Reduction;
use tenon::ops::composite::loss::Bce;
use tenon::tensor::Shape;

const INF: f64 = f64::INFINITY;
const NAN: f64 = f64::NAN;
const SCALARS: bool = false;
const VECTOR: bool = true;

struct Row {
    function: &'static str,
    build: fn(&mut Trace, &[Value]) -> Value,
    /// The operands: scalars, or the elements of the only operand, a vector.
    at: &'static [f64],
    vector: bool,
    value: &'static [f64],
    /// Of the sum of the value's elements, for each operand or element.
    slopes: &'static [f64],
    why: &'static str,
}

macro_rules! rows {
    ($($function:literal $shape:ident $at:expr => $value:expr, $slopes:expr, $why:literal, $build:expr;)*) => {
        &[$(Row {
            function: $function, build: $build, at: &$at, vector: $shape, value: &$value, slopes: &$slopes, why: $why,
        }),*]
    };
}

const ROWS: &[Row] = rows! {
    "relu" SCALARS [0.0] => [0.0], [0.0], "", |g, x| g.relu(x[0]);
    "relu" SCALARS [NAN] => [NAN], [0.0], "NaN is not above 0", |g, x| g.relu(x[0]);
    "abs" SCALARS [0.0] => [0.0], [0.0], "", |g, x| g.abs(x[0]);
    "abs" SCALARS [NAN] => [NAN], [NAN], "", |g, x| g.abs(x[0]);
    "sign" SCALARS [0.0] => [0.0], [0.0], "", |g, x| g.sign(x[0]);
    "sign" SCALARS [NAN] => [NAN], [0.0], "flat everywhere", |g, x| g.sign(x[0]);
    "sqrt" SCALARS [0.0] => [0.0], [INF], "times an incoming gradient of 0 it is NaN", |g, x| g.sqrt(x[0]);
    "sqrt" SCALARS [-1.0] => [NAN], [NAN], "", |g, x| g.sqrt(x[0]);
    "rsqrt" SCALARS [0.0] => [INF], [-INF], "", |g, x| g.rsqrt(x[0]);
    "reciprocal" SCALARS [0.0] => [INF], [-INF], "", |g, x| g.reciprocal(x[0]);
    "log" SCALARS [0.0] => [-INF], [INF], "", |g, x| g.log(x[0]);
    "log" SCALARS [-1.0] => [NAN], [-1.0], "the slope 1 / x goes on", |g, x| g.log(x[0]);
    "log1p" SCALARS [-1.0] => [-INF], [INF], "", |g, x| g.log1p(x[0]);
    "floor" SCALARS [1.0] => [1.0], [0.0], "flat; so are ceil, round, trunc", |g, x| g.floor(x[0]);
    "round" SCALARS [2.5] => [2.0], [0.0], "halves to even", |g, x| g.round(x[0]);
    "maximum" SCALARS [1.0, 1.0] => [1.0], [0.5, 0.5], "a tie", |g, x| g.maximum(x[0], x[1]);
    "minimum" SCALARS [1.0, 1.0] => [1.0], [0.5, 0.5], "a tie", |g, x| g.minimum(x[0], x[1]);
    "maximum" SCALARS [NAN, 1.0] => [NAN], [0.5, 0.5], "no operand wins", |g, x| g.maximum(x[0], x[1]);
    "minimum" SCALARS [1.0, NAN] => [NAN], [0.5, 0.5], "no operand wins", |g, x| g.minimum(x[0], x[1]);
    "div" SCALARS [1.0, 0.0] => [INF], [INF, -INF], "", |g, x| g.div(x[0], x[1]);
    "div" SCALARS [0.0, 0.0] => [NAN], [INF, NAN], "", |g, x| g.div(x[0], x[1]);
    "fmod" SCALARS [5.5, 2.0] => [1.5], [1.0, -2.0], "away from its jumps", |g, x| g.fmod(x[0], x[1]);
    "pow" SCALARS [0.0, 2.0] => [0.0], [0.0, 0.0], "", |g, x| g.pow(x[0], x[1]);
    "pow" SCALARS [0.0, 1.0] => [0.0], [1.0, 0.0], "", |g, x| g.pow(x[0], x[1]);
    "pow" SCALARS [0.0, 0.5] => [0.0], [INF, 0.0], "", |g, x| g.pow(x[0], x[1]);
    "pow" SCALARS [0.0, 0.0] => [1.0], [0.0, 0.0], "x^0 is 1 for every x", |g, x| g.pow(x[0], x[1]);
    "pow" SCALARS [NAN, 0.0] => [1.0], [0.0, NAN], "x^0 is 1 for every x", |g, x| g.pow(x[0], x[1]);
    "pow" SCALARS [0.0, -1.0] => [INF], [-INF, -INF], "", |g, x| g.pow(x[0], x[1]);
    "pow" SCALARS [-2.0, 2.0] => [4.0], [-4.0, NAN], "the exponent has no slope at a negative base", |g, x| g.pow(x[0], x[1]);
    "acosh" SCALARS [1.0] => [0.0], [INF], "", |g, x| g.acosh(x[0]);
    "asin" SCALARS [1.0] => [std::f64::consts::FRAC_PI_2], [INF], "", |g, x| g.asin(x[0]);
    "acos" SCALARS [-1.0] => [std::f64::consts::PI], [-INF], "", |g, x| g.acos(x[0]);
    "atanh" SCALARS [1.0] => [INF], [INF], "", |g, x| g.atanh(x[0]);
    "erfinv" SCALARS [1.0] => [INF], [INF], "", |g, x| g.erfinv(x[0]);
    "entr" SCALARS [0.0] => [0.0], [INF], "", |g, x| g.entr(x[0]);
    "sinc" SCALARS [0.0] => [1.0], [0.0], "", |g, x| g.sinc(x[0]);
    "tanhshrink" SCALARS [0.0] => [0.0], [0.0], "", |g, x| g.tanhshrink(x[0]);
    "i1" SCALARS [0.0] => [0.0], [0.5], "", |g, x| g.i1(x[0]);
    "i1e" SCALARS [0.0] => [0.0], [0.5], "", |g, x| g.i1e(x[0]);
    "i0e" SCALARS [0.0] => [1.0], [0.0], "the mean of both sides", |g, x| g.i0e(x[0]);
    "frac" SCALARS [1.0] => [0.0], [1.0], "x - trunc(x)", |g, x| g.frac(x[0]);
    "atan2" SCALARS [0.0, 0.0] => [0.0], [NAN, NAN], "no direction", |g, x| g.atan2(x[0], x[1]);
    "hypot" SCALARS [0.0, 0.0] => [0.0], [NAN, NAN], "", |g, x| g.hypot(x[0], x[1]);
    "fmax" SCALARS [1.0, 1.0] => [1.0], [0.5, 0.5], "a tie", |g, x| g.fmax(x[0], x[1]);
    "fmax" SCALARS [NAN, 1.0] => [1.0], [0.0, 1.0], "NaN is passed over", |g, x| g.fmax(x[0], x[1]);
    "fmin" SCALARS [1.0, NAN] => [1.0], [1.0, 0.0], "NaN is passed over", |g, x| g.fmin(x[0], x[1]);
    "copysign" SCALARS [0.0, -1.0] => [-0.0], [0.0, 0.0], "", |g, x| g.copysign(x[0], x[1]);
    "remainder" SCALARS [-5.5, 2.0] => [0.5], [1.0, 3.0], "away from its jumps", |g, x| g.remainder(x[0], x[1]);
    "floor_divide" SCALARS [-5.5, 2.0] => [-3.0], [0.0, 0.0], "flat", |g, x| g.floor_divide(x[0], x[1]);
    "xlogy" SCALARS [0.0, 0.0] => [0.0], [0.0, 0.0], "0 whatever the logarithm", |g, x| g.xlogy(x[0], x[1]);
    "xlogy" SCALARS [0.0, 1.0] => [0.0], [0.0, 0.0], "", |g, x| g.xlogy(x[0], x[1]);
    "logaddexp" SCALARS [1000.0, 0.0] => [1000.0], [1.0, 0.0], "no overflow", |g, x| g.logaddexp(x[0], x[1]);
    "logaddexp" SCALARS [0.0, 0.0] => [std::f64::consts::LN_2], [0.5, 0.5], "", |g, x| g.logaddexp(x[0], x[1]);
    "logaddexp" SCALARS [-INF, -INF] => [-INF], [0.5, 0.5], "a tie", |g, x| g.logaddexp(x[0], x[1]);
    "logit" SCALARS [0.0] => [-INF], [INF], "", |g, x| g.logit(x[0], None);
    "logit" SCALARS [1.0] => [INF], [INF], "", |g, x| g.logit(x[0], None);
    "nan_to_num" SCALARS [NAN] => [0.0], [0.0], "replaced", |g, x| g.nan_to_num(x[0], 0.0, None, None);
    "heaviside" SCALARS [0.0, 0.5] => [0.5], [0.0, 1.0], "the value at 0 is the second operand", |g, x| g.heaviside(x[0], x[1]);
    "clamp(-1, 1)" SCALARS [-1.0] => [-1.0], [1.0], "passes at both bounds", |g, x| g.clamp(x[0], -1.0, 1.0);
    "clamp(-1, 1)" SCALARS [1.0] => [1.0], [1.0], "passes at both bounds", |g, x| g.clamp(x[0], -1.0, 1.0);
    "clamp(-1, 1)" SCALARS [NAN] => [NAN], [1.0], "", |g, x| g.clamp(x[0], -1.0, 1.0);
    "relu6" SCALARS [0.0] => [0.0], [0.0], "", |g, x| g.relu6(x[0]);
    "relu6" SCALARS [6.0] => [6.0], [1.0], "", |g, x| g.relu6(x[0]);
    "leaky_relu(0.2)" SCALARS [0.0] => [0.0], [0.6], "(1 + alpha) / 2", |g, x| g.leaky_relu(x[0], 0.2);
    "elu(1)" SCALARS [0.0] => [0.0], [1.0], "", |g, x| g.elu(x[0], 1.0);
    "elu(1.5)" SCALARS [0.0] => [0.0], [1.5], "alpha", |g, x| g.elu(x[0], 1.5);
    "elu(1)" SCALARS [1000.0] => [1000.0], [1.0], "e^x is not taken there", |g, x| g.elu(x[0], 1.0);
    "celu(1.5)" SCALARS [0.0] => [0.0], [1.0], "", |g, x| g.celu(x[0], 1.5);
    "selu" SCALARS [0.0] => [0.0], [1.7580993408473766], "scale alpha; MindSpore has scale, and wrong slopes below 0 too", |g, x| g.selu(x[0]);
    "prelu" SCALARS [0.0, 0.25] => [0.0], [0.25, 0.0], "the weight", |g, x| g.prelu(x[0], x[1]);
    "rrelu(1/4, 3/4)" SCALARS [0.0] => [0.0], [0.5], "the slope below 0", |g, x| g.rrelu(x[0], 0.25, 0.75, None);
    "hardtanh(-1, 1)" SCALARS [1.0] => [1.0], [0.0], "unlike clamp; MindSpore has 0.5", |g, x| g.hardtanh(x[0], -1.0, 1.0);
    "hard_shrink(0.5)" SCALARS [0.5] => [0.0], [0.0], "", |g, x| g.hard_shrink(x[0], 0.5);
    "soft_shrink(0.5)" SCALARS [-0.5] => [0.0], [0.0], "", |g, x| g.soft_shrink(x[0], 0.5);
    "threshold(1, 2)" SCALARS [1.0] => [2.0], [0.0], "", |g, x| g.threshold(x[0], 1.0, 2.0);
    "softsign" SCALARS [0.0] => [0.0], [1.0], "", |g, x| g.softsign(x[0]);
    "softplus(1, 20)" SCALARS [21.0] => [21.0], [1.0], "x itself beyond the threshold", |g, x| g.softplus_with(x[0], 1.0, 20.0);
    "mish" SCALARS [1000.0] => [1000.0], [1.0], "no overflow", |g, x| g.mish(x[0]);
    "hard_sigmoid" SCALARS [-3.0] => [0.0], [0.0], "", |g, x| g.hard_sigmoid(x[0]);
    "hard_sigmoid" SCALARS [3.0] => [1.0], [0.0], "", |g, x| g.hard_sigmoid(x[0]);
    "hard_swish" SCALARS [-3.0] => [0.0], [-0.5], "", |g, x| g.hard_swish(x[0]);
    "hard_swish" SCALARS [3.0] => [3.0], [1.5], "", |g, x| g.hard_swish(x[0]);
    "softplus" SCALARS [0.0] => [std::f64::consts::LN_2], [0.5], "", |g, x| g.softplus(x[0]);
    "softplus" SCALARS [1000.0] => [1000.0], [1.0], "no overflow", |g, x| g.softplus(x[0]);
    "softplus" SCALARS [-1000.0] => [0.0], [0.0], "", |g, x| g.softplus(x[0]);
    "log_sigmoid" SCALARS [-1000.0] => [-1000.0], [1.0], "no overflow", |g, x| g.log_sigmoid(x[0]);
    "max" VECTOR [2.0, 1.0, 2.0] => [2.0], [0.5, 0.0, 0.5], "a tie is shared equally", |g, x| g.max(x[0], &[0], false);
    "min" VECTOR [1.0, 1.0, 1.0, 1.0] => [1.0], [0.25, 0.25, 0.25, 0.25], "a tie is shared equally", |g, x| g.min(x[0], &[0], false);
    "max" VECTOR [NAN, 1.0] => [NAN], [NAN, NAN], "", |g, x| g.max(x[0], &[0], false);
    "prod" VECTOR [0.0, 2.0, 3.0] => [0.0], [6.0, 0.0, 0.0], "the product of the others", |g, x| g.prod(x[0], &[0], false);
    "prod" VECTOR [0.0, 0.0, 3.0] => [0.0], [0.0, 0.0, 0.0], "", |g, x| g.prod(x[0], &[0], false);
    "softmax" VECTOR [-INF, 0.0] => [0.0, 1.0], [0.0, 0.0], "a masked element takes no part", |g, x| g.softmax(x[0], 0);
    "softmax" VECTOR [1000.0, 1000.0] => [0.5, 0.5], [0.0, 0.0], "no overflow", |g, x| g.softmax(x[0], 0);
    "softmax" VECTOR [-INF, -INF] => [NAN, NAN], [NAN, NAN], "everything is masked", |g, x| g.softmax(x[0], 0);
    "logsumexp" VECTOR [-INF, 0.0] => [0.0], [0.0, 1.0], "", |g, x| g.logsumexp(x[0], &[0], false);
    "logsumexp" VECTOR [-INF, -INF] => [-INF], [NAN, NAN], "", |g, x| g.logsumexp(x[0], &[0], false);
    "bce_loss" SCALARS [0.0, 1.0] => [100.0], [-1e12, 100.0], "logarithms count at least -100, with slopes up to 1e12",
        |g, x| g.bce_loss(x[0], x[1], None, Bce::default());
    "bce_loss" SCALARS [0.0, 0.0] => [0.0], [1.0, 100.0], "",
        |g, x| g.bce_loss(x[0], x[1], None, Bce::default());
    "l1_loss" SCALARS [1.0, 1.0] => [0.0], [0.0, 0.0], "", |g, x| g.l1_loss(x[0], x[1], Reduction::Sum);
    "smooth_l1_loss(1)" SCALARS [1.0, 0.0] => [0.5], [1.0, -1.0], "", |g, x| g.smooth_l1_loss(x[0], x[1], 1.0, Reduction::Sum);
    "huber_loss(1)" SCALARS [1.0, 0.0] => [0.5], [1.0, -1.0], "", |g, x| g.huber_loss(x[0], x[1], 1.0, Reduction::Sum);
    "margin_ranking_loss(0)" SCALARS [2.0, 2.0, 1.0] => [0.0], [-1.0, 1.0, 0.0], "a tie is unlearned",
        |g, x| g.margin_ranking_loss(x[0], x[1], x[2], 0.0, Reduction::Sum);
    "kl_div_loss" SCALARS [-1.0, 0.0] => [0.0], [0.0, 1.0], "", |g, x| g.kl_div_loss(x[0], x[1], false, Reduction::Sum);
    "norm(2)" VECTOR [0.0, 0.0] => [0.0], [0.0, 0.0], "", |g, x| g.norm(x[0], 2.0, &[0], false);
    "norm(0.5)" VECTOR [0.0, 4.0] => [4.0], [0.0, 1.0], "", |g, x| g.norm(x[0], 0.5, &[0], false);
    "norm(inf)" VECTOR [-2.0, 2.0] => [2.0], [-0.5, 0.5], "a tie is shared equally", |g, x| g.norm(x[0], INF, &[0], false);
    "std" VECTOR [3.0, 3.0] => [0.0], [0.0, 0.0], "", |g, x| g.std(x[0], &[0], 0, false);
    "nansum" VECTOR [NAN, 2.0] => [2.0], [0.0, 1.0], "", |g, x| g.nansum(x[0], &[0], false);
    "normalize" VECTOR [0.0, 0.0] => [0.0, 0.0], [1e12, 1e12], "divided by epsilon", |g, x| g.normalize(x[0], 2.0, 0, 1e-12);
};

fn close(a: f64, b: f64) -> bool {
    a == b || (a.is_nan() && b.is_nan()) || (b.is_finite() && (a - b).abs() <= 1e-15 * b.abs().max(1.0))
}

#[test]
fn slopes_at_kinks_are_those_of_the_table() {
    let mut faults = Vec::new();
    for Backend { name: backend, run } in &backends() {
        for row in ROWS {
            let mut g = Trace::new();
            let dims: Vec<usize> = if row.vector { vec![row.at.len()] } else { vec![] };
            let operands = if row.vector { vec![row.at] } else { row.at.chunks(1).collect() };
            let inputs: Vec<Value> = operands.iter().map(|_| g.input(Type::new(DType::F64, Shape::new(&dims).unwrap()))).collect();
            let y = (row.build)(&mut g, &inputs);
            let one = g.ones_like(y);
            let gradients = reverse(&mut g, &[(y, one)], &inputs).unwrap();
            let graph = g.finish(&[&[y], &gradients[..]].concat()).unwrap();
            let tensors: Vec<_> = operands.iter().map(|operand| f64_tensor(operand, &dims)).collect();
            let outputs = run(&graph, &tensors).unwrap();
            let value = f64_elements(&outputs[0]);
            let slopes: Vec<f64> = outputs[1..].iter().flat_map(f64_elements).collect();
            let agree = |a: &[f64], b: &[f64]| a.len() == b.len() && a.iter().zip(b).all(|(a, b)| close(*a, *b));
            if !agree(&value, row.value) || !agree(&slopes, row.slopes) {
                faults.push(format!(
                    "{backend}: {} at {:?}: {value:?}, slopes {slopes:?}; the table says {:?}, {:?}",
                    row.function, row.at, row.value, row.slopes
                ));
            }
        }
    }
    assert!(faults.is_empty(), "\n{}", faults.join("\n"));
    println!("kinks: {} rows, {} backends", ROWS.len(), backends().len());
}

const BEGIN: &str = "<!-- the rows of tests/kinks.rs -->\n";
const END: &str = "<!-- end -->\n";

fn list(numbers: &[f64]) -> String {
    let text = |x: &f64| match *x {
        x if x == std::f64::consts::LN_2 => "ln 2".to_string(),
        x if x.is_infinite() => if x > 0.0 { "inf" } else { "-inf" }.to_string(),
        x => x.to_string(),
    };
    numbers.iter().map(text).collect::<Vec<_>>().join(", ")
}

#[test]
fn the_document_holds_the_table() {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/docs/kinks.md");
    let mut table = String::from("\n| function | at | value | slope | |\n|---|---|---|---|---|\n");
    for row in ROWS {
        let bracket = |numbers: &[f64]| if row.vector && numbers.len() > 1 { format!("[{}]", list(numbers)) } else { list(numbers) };
        table += &format!("| {} | {} | {} | {} | {} |\n", row.function, bracket(row.at), bracket(row.value), bracket(row.slopes), row.why);
    }
    table += "\n";
    let text = std::fs::read_to_string(path).expect("docs/kinks.md");
    let (head, rest) = text.split_once(BEGIN).expect("the mark where the table begins");
    let (present, tail) = rest.split_once(END).expect("the mark where the table ends");
    if std::env::var_os("UPDATE_DOCS").is_some() {
        std::fs::write(path, [head, BEGIN, &table, END, tail].concat()).expect("docs/kinks.md is writable");
    } else {
        assert_eq!(present, table, "docs/kinks.md is not what the code says; UPDATE_DOCS=1 writes it");
    }
}
