//! Gradient checks: every sample of every row of the catalog, in f64, first and second order, against central differences; and
//! faults planted in the rules, each of which the same checks must notice.

mod checks;

use checks::{Backend, Numbers, Run, backends, f64_elements, f64_tensor, oracle, pairs};
use std::collections::BTreeSet;
use tenon::autodiff::{reverse, reverse_with};
use tenon::ir::{Binary, Graph, Node, Op, Type, Value};
use tenon::ops::{Differentiable, Row, Sample, Trace, Values, catalog};
use tenon::tensor::Allocator;
use tenon::{DType, Shape, Tensor};

/// What ran must not become less.
const ROWS: usize = 447;
const SAMPLES: usize = 607;
const MUTANTS: usize = 3918;

/// Central differences with steps of about 1e-5 are good to about 1e-10; rules that are wrong by 1 % must not hide.
const STEP: f64 = 1e-5;
const TOLERANCE: f64 = 1e-6;
/// A gradient that vanishes proves nothing about its rule.
const NORM: f64 = 1e-3;

/// A sample with values: its operands, the weights of its result's elements, a direction for each differentiable operand.
struct Case {
    row: &'static Row,
    operands: Vec<Tensor>,
    /// Positions of the operands that are differentiated.
    active: Vec<usize>,
    weights: Option<Tensor>,
    directions: Vec<Tensor>,
    name: String,
}

fn ty(tensor: &Tensor) -> Type {
    Type::new(tensor.dtype(), *tensor.shape())
}

/// A recording of the row on new inputs.
fn record(row: &Row, operands: &[Tensor]) -> (Trace, Vec<Value>, Value) {
    let mut g = Trace::new();
    let inputs: Vec<Value> = operands.iter().map(|operand| g.input(ty(operand))).collect();
    let y = (row.build)(&mut g, &inputs);
    g.check().unwrap_or_else(|error| panic!("{}: {error}", row.name));
    (g, inputs, y)
}

impl Case {
    fn new(row: &'static Row, index: usize, sample: Sample) -> Case {
        let name = format!("{} sample {index}", row.name);
        let mut numbers = Numbers::new(&name);
        let operands: Vec<Tensor> = sample.iter().map(|(dims, values)| numbers.operand(dims, *values)).collect();
        let active: Vec<usize> = (0..sample.len()).filter(|i| matches!(sample[*i].1, Values::Uniform(..))).collect();
        let (g, _, y) = record(row, &operands);
        let weights = (g.dtype(y) == DType::F64).then(|| numbers.weights(&g.dims(y)));
        assert!(weights.is_some() || !g.dtype(y).is_float(), "{name}: samples are f64, the result is {}", g.ty(y));
        let directions = active.iter().map(|i| numbers.weights(operands[*i].shape().dims())).collect();
        Case { row, operands, active, weights, directions, name }
    }
    /// The values with element `index` of operand `position` moved by `by`.
    fn moved(&self, inputs: &[Tensor], position: usize, index: usize, by: f64) -> Vec<Tensor> {
        let mut elements = f64_elements(&inputs[position]);
        elements[index] += by;
        let mut moved = inputs.to_vec();
        moved[position] = f64_tensor(&elements, inputs[position].shape().dims());
        moved
    }
    /// For each of `positions`, the derivative of sum(output * weight) over all outputs, by central differences.
    fn differences(&self, run: Run, graph: &Graph, inputs: &[Tensor], positions: &[usize], weights: &[Tensor]) -> Vec<Vec<f64>> {
        let weighted = |outputs: Vec<Tensor>| -> Vec<f64> {
            pairs(&outputs, weights)
                .flat_map(|(y, w)| pairs(&f64_elements(y), &f64_elements(w)).map(|(y, w)| y * w).collect::<Vec<f64>>())
                .collect()
        };
        let run = |inputs: &[Tensor]| weighted(run(graph, inputs).unwrap_or_else(|error| panic!("{}: {error}", self.name)));
        let derivative = |position: usize, index: usize| {
            let step = STEP * f64_elements(&inputs[position])[index].abs().max(1.0);
            let (up, down) = (run(&self.moved(inputs, position, index, step)), run(&self.moved(inputs, position, index, -step)));
            pairs(&up, &down).map(|(up, down)| up - down).sum::<f64>() / (2.0 * step)
        };
        positions.iter().map(|i| (0..inputs[*i].shape().elements()).map(|index| derivative(*i, index)).collect()).collect()
    }
    /// The graph of the gradients at the active operands, with the weights as its last input.
    fn gradient_graph(&self, rewrite: &mut dyn FnMut(&mut Trace, &Node, usize, Value) -> Value) -> (Graph, Vec<Tensor>) {
        let (mut g, x, y) = record(self.row, &self.operands);
        let wrt: Vec<Value> = self.active.iter().map(|i| x[*i]).collect();
        let mut inputs = self.operands.clone();
        let outputs = match &self.weights {
            Some(weights) => {
                inputs.push(weights.clone());
                vec![(y, g.input(ty(weights)))]
            }
            None => vec![],
        };
        let gradients = reverse_with(&mut g, &outputs, &wrt, rewrite).unwrap_or_else(|error| panic!("{}: {error}", self.name));
        (g.finish(&gradients).unwrap_or_else(|error| panic!("{}: {error}", self.name)), inputs)
    }
    /// The graph of d<gradients, directions> / d(active operands and weights), with weights and directions as its last inputs.
    fn second_graph(&self, weights: &Tensor) -> (Graph, Vec<Tensor>) {
        let (mut g, x, y) = record(self.row, &self.operands);
        let wrt: Vec<Value> = self.active.iter().map(|i| x[*i]).collect();
        let w = g.input(ty(weights));
        let gradients = reverse(&mut g, &[(y, w)], &wrt).unwrap();
        let seeds: Vec<(Value, Value)> = pairs(&gradients, &self.directions).map(|(dx, v)| (*dx, g.input(ty(v)))).collect();
        let again: Vec<Value> = wrt.iter().copied().chain([w]).collect();
        let second = reverse(&mut g, &seeds, &again).unwrap_or_else(|error| panic!("{}, again: {error}", self.name));
        let graph = g.finish(&second).unwrap();
        (graph, self.operands.iter().chain([weights]).chain(&self.directions).cloned().collect())
    }
    fn evaluate(&self, run: Run, graph: &Graph, inputs: &[Tensor]) -> Vec<Vec<f64>> {
        run(graph, inputs).unwrap_or_else(|error| panic!("{}: {error}", self.name)).iter().map(f64_elements).collect()
    }
}

/// The first place where two gradients differ, in words.
fn difference(analytic: &[Vec<f64>], numeric: &[Vec<f64>]) -> Option<String> {
    for (operand, (a, n)) in pairs(analytic, numeric).enumerate() {
        for (index, (a, n)) in pairs(a, n).enumerate() {
            // Written so that NaN is a difference, and infinity too.
            let close = n.is_finite() && (a - n).abs() <= TOLERANCE * n.abs().max(1.0);
            if !close {
                return Some(format!("operand {operand}, element {index}: the rule says {a}, differences say {n}"));
            }
        }
    }
    None
}

fn norm(gradient: &[f64]) -> f64 {
    gradient.iter().map(|x| x * x).sum::<f64>().sqrt()
}

fn cases() -> Vec<Case> {
    catalog().flat_map(|row| row.samples.iter().enumerate().map(move |(index, sample)| Case::new(row, index, sample))).collect()
}

#[test]
fn rules_agree_with_central_differences() {
    let cases = cases();
    let rows = catalog().count();
    let mut faults = Vec::new();
    for Backend { name: backend, run } in &backends() {
        for case in &cases {
            check_first_order(run, case).and_then(|()| check_second_order(run, case)).unwrap_or_else(|fault| {
                faults.push(format!("{backend}: {}: {fault}", case.name));
            });
        }
    }
    assert!(faults.is_empty(), "{} faults\n{}", faults.len(), faults.join("\n"));
    println!("gradients: {rows} rows, {} samples, {} backends", cases.len(), backends().len());
    assert!(rows >= ROWS && cases.len() >= SAMPLES, "{rows} rows and {} samples are fewer than there were", cases.len());
    for row in catalog().filter(|row| row.samples.is_empty()) {
        assert!(matches!(row.differentiable, Differentiable::Zero(_)), "{} has no sample", row.name);
    }
}

fn check_first_order(run: Run, case: &Case) -> Result<(), String> {
    // In expectation alone: tests/random_distributions holds those.
    if matches!(case.row.differentiable, Differentiable::Once(_)) {
        return Ok(());
    }
    let (graph, inputs) = case.gradient_graph(&mut |_, _, _, dx| dx);
    let analytic = case.evaluate(run, &graph, &inputs);
    if matches!(case.row.differentiable, Differentiable::Zero(_)) {
        let zero = analytic.iter().flatten().all(|x| *x == 0.0);
        return if zero { Ok(()) } else { Err("is said to be flat, its gradient is not zero".to_string()) };
    }
    let Some(weights) = &case.weights else { return Err("is said to be differentiable, its result is not a float".to_string()) };
    let (g, _, y) = record(case.row, &case.operands);
    let forward = g.finish(&[y]).unwrap();
    let numeric = case.differences(run, &forward, &case.operands, &case.active, std::slice::from_ref(weights));
    if let Some(fault) = difference(&analytic, &numeric) {
        return Err(fault);
    }
    match analytic.iter().position(|gradient| norm(gradient) < NORM) {
        Some(operand) => Err(format!("the gradient of operand {operand} vanishes: the sample proves nothing")),
        None => Ok(()),
    }
}

fn check_second_order(run: Run, case: &Case) -> Result<(), String> {
    let Some(weights) = &case.weights else { return Ok(()) };
    if matches!(case.row.differentiable, Differentiable::Zero(_) | Differentiable::Once(_)) {
        return Ok(());
    }
    let (graph, inputs) = case.second_graph(weights);
    let analytic = case.evaluate(run, &graph, &inputs);
    let (gradient, inputs) = case.gradient_graph(&mut |_, _, _, dx| dx);
    let positions: Vec<usize> = case.active.iter().copied().chain([case.operands.len()]).collect();
    let numeric = case.differences(run, &gradient, &inputs, &positions, &case.directions);
    difference(&analytic, &numeric).map_or(Ok(()), |fault| Err(format!("second order: {fault}")))
}

/// A fault planted in what one kind of operation hands to its operand of one position.
#[derive(Clone, Copy, Debug)]
enum Fault {
    Scaled,
    Flipped,
    /// Of a sum, difference, or product only the operand of this position.
    Dropped(usize),
}

impl Fault {
    const ALL: [Fault; 4] = [Fault::Scaled, Fault::Flipped, Fault::Dropped(0), Fault::Dropped(1)];

    /// The contribution with the fault, if there is a place for it.
    fn plant(self, g: &mut Trace, dx: Value) -> Option<Value> {
        match self {
            Fault::Scaled => Some(g.mul_scalar(dx, 1.01)),
            Fault::Flipped => Some(g.neg(dx)),
            Fault::Dropped(position) => {
                let node = g.graph().node(dx);
                let joins = matches!(node.op, Op::Binary(Binary::Add | Binary::Sub | Binary::Mul));
                let operand = *node.inputs.get(position).filter(|_| joins)?;
                (g.ty(operand) == g.ty(dx)).then_some(operand)
            }
        }
    }
}

/// An operation and which of its operands.
type Site = (&'static str, usize);

/// Contributions that are 0 at every sample, whatever is planted there: rows, sites in them.
///
/// What the mean in a sum of centred squares hands back is the sum of centred values, which is 0 to any order. The branch of bce_loss for
/// probabilities below 1e-12 is out of the reach of differences, and so is what fmax and fmin do at NaN; tests/kinks.rs holds them.
const VANISHING: &[(&[&str], &[Site])] = &[
    (&["var", "std", "var_mean", "std_mean", "cov", "corrcoef"], &[("broadcast", 0), ("sub", 1), ("sum", 0)]),
    (&["bce_loss"], &[("select", 1), ("sub", 0)]),
    (&["fmax", "fmin"], &[("select", 1)]),
];

#[test]
fn planted_faults_are_noticed() {
    let oracle = oracle();
    let run: Run = &oracle.run;
    let cases = cases();
    let (mut mutants, mut survivors) = (0, Vec::new());
    for row in catalog().filter(|row| row.differentiable == Differentiable::Yes) {
        let cases: Vec<&Case> = cases.iter().filter(|case| case.row.name == row.name).collect();
        let mut sites = BTreeSet::new();
        for case in &cases {
            case.gradient_graph(&mut |_, node, position, dx| {
                sites.insert((node.op.name(), position));
                dx
            });
        }
        let truths: Vec<Vec<Vec<f64>>> = cases
            .iter()
            .map(|case| {
                let (graph, inputs) = case.gradient_graph(&mut |_, _, _, dx| dx);
                case.evaluate(run, &graph, &inputs)
            })
            .collect();
        for (kind, operand) in sites {
            for fault in Fault::ALL {
                let (mut planted, mut noticed) = (false, false);
                // In all nodes of the kind; and in the last one alone, since two flips on one way would cancel.
                for alone in [false, true] {
                    for (case, truth) in pairs(&cases, &truths) {
                        if noticed {
                            break;
                        }
                        let mut met = 0;
                        let (graph, inputs) = case.gradient_graph(&mut |g, node, position, dx| {
                            if (node.op.name(), position) != (kind, operand) {
                                return dx;
                            }
                            met += 1;
                            let faulty = if alone && met > 1 { None } else { fault.plant(g, dx) };
                            planted |= faulty.is_some();
                            faulty.unwrap_or(dx)
                        });
                        noticed = difference(&case.evaluate(run, &graph, &inputs), truth).is_some();
                    }
                }
                mutants += planted as usize;
                let vanishes = VANISHING.iter().any(|(rows, sites)| rows.contains(&row.name) && sites.contains(&(kind, operand)));
                if planted && !noticed && !vanishes {
                    survivors.push(format!("{}: {fault:?} at operand {operand} of {kind}", row.name));
                }
            }
        }
    }
    println!("gradients: {mutants} planted faults, {} unnoticed", survivors.len());
    assert!(survivors.is_empty(), "unnoticed:\n{}", survivors.join("\n"));
    assert!(mutants >= MUTANTS, "{mutants} planted faults are fewer than there were");
}

/// The samples are f64, where a cast to f64 is nothing: here are the other dtypes.
#[test]
fn casts_hand_back_the_dtype_of_their_operand() {
    for Backend { name: backend, run } in &backends() {
        for from in [DType::F32, DType::F16, DType::BF16] {
            let mut g = Trace::new();
            let shape = Shape::new(&[3]).unwrap();
            let (x, count) = (g.input(Type::new(from, shape)), g.input(Type::new(DType::I32, shape)));
            let (wide, number) = (g.cast(x, DType::F64), g.cast(count, DType::F64));
            let y = g.add(wide, number);
            let w = g.input(Type::new(DType::F64, shape));
            let gradients = reverse(&mut g, &[(y, w)], &[x, count]).unwrap();
            assert_eq!((g.dtype(gradients[0]), g.dtype(gradients[1])), (from, DType::I32));
            let back = g.cast(gradients[0], DType::F64);
            let graph = g.finish(&[back, gradients[1]]).unwrap();
            let zeros = |dtype| Tensor::zeros(&Allocator::system(), dtype, shape).unwrap();
            let weights = [0.5, -1.25, 3.0];
            let outputs = run(&graph, &[zeros(from), zeros(DType::I32), f64_tensor(&weights, &[3])]).unwrap();
            assert_eq!(f64_elements(&outputs[0]), weights, "{backend} {from}");
            assert_eq!(outputs[1].to_vec::<i32>().unwrap(), [0; 3], "{backend} {from}");
        }
    }
}

/// a, x, and the slope of P(a, x) in a, by mpmath.
const ORDER_SLOPES: [(f64, f64, f64); 17] = [
    (0.01, 0.5, -0.5655459117152578),
    (0.3, 1e-20, -5.112424412279189e-05),
    (0.3, 2.0, -0.09925266010124012),
    (0.75, 30.0, -1.4627201821992962e-13),
    (1.0, 0.25, -0.4141715122624899),
    (1.0, 1.0, -0.4317297106348987),
    (2.5, 0.001, -7.61728094459622e-08),
    (2.5, 4.0, -0.14765686908718714),
    (20.0, 5.0, -4.920268403228746e-07),
    (20.0, 19.0, -0.0895495881814347),
    (20.0, 45.0, -8.922733982636966e-06),
    (300.0, 310.0, -0.01925383837470143),
    (2.0, 0.0, 0.0),
    (2.0, f64::INFINITY, 0.0),
    (20000.0, 200.0, 0.0),
    (20000.0, 1e-30, 0.0),
    (20000.0, 1e9, 0.0),
];

/// At the ends P and Q are flat in a, and so is their slope in x; in x itself P rises there as its density says, which is not finite for
/// a below 1. (a, x, slope in x, its own slope)
const END_SLOPES: [(f64, f64, f64, f64); 9] = [
    (2.0, 0.0, 0.0, 1.0),
    (1.0, 0.0, 1.0, -1.0),
    (0.5, 0.0, f64::INFINITY, f64::NEG_INFINITY),
    (2.5, 0.0, 0.0, 0.0),
    (300.0, 0.0, 0.0, 0.0),
    (0.5, f64::INFINITY, 0.0, 0.0),
    (1.0, f64::INFINITY, 0.0, 0.0),
    (2.0, f64::INFINITY, 0.0, 0.0),
    (2.5, f64::INFINITY, 0.0, 0.0),
];

#[test]
fn incomplete_gamma_functions_are_flat_at_their_ends() {
    type Function = fn(&mut Trace, Value, Value) -> Value;
    let functions: [(Function, f64); 2] = [(Trace::igamma, 1.0), (Trace::igammac, -1.0)];
    for Backend { name: backend, run } in &backends() {
        for (function, sign) in functions {
            for dtype in [DType::F64, DType::F32] {
                let mut g = Trace::new();
                let ty = Type::new(DType::F64, Shape::new(&[END_SLOPES.len()]).unwrap());
                let inputs = [g.input(ty), g.input(ty)];
                let [a, x] = inputs.map(|input| g.cast(input, dtype));
                let y = function(&mut g, a, x);
                let seed = g.ones_like(y);
                let slopes = reverse(&mut g, &[(y, seed)], &[a, x]).unwrap();
                let mixed = reverse(&mut g, &[(slopes[0], seed)], &[x]).unwrap()[0];
                let twice = reverse(&mut g, &[(slopes[1], seed)], &[x]).unwrap()[0];
                let wide = [slopes[0], slopes[1], mixed, twice].map(|value| g.cast(value, DType::F64));
                let graph = g.finish(&wide).unwrap();
                let column = |number: fn(&(f64, f64, f64, f64)) -> f64| {
                    let all: Vec<f64> = END_SLOPES.iter().map(number).collect();
                    f64_tensor(&all, &[all.len()])
                };
                let found = run(&graph, &[column(|row| row.0), column(|row| row.1)]).unwrap();
                let found: Vec<Vec<f64>> = found.iter().map(f64_elements).collect();
                for (i, (a, x, slope, second)) in END_SLOPES.iter().enumerate() {
                    let at = format!("{backend}, {dtype}: at {a}, {x}");
                    assert_eq!(found[0][i], 0.0, "{at}: in a");
                    for (found, expected, order) in [(found[1][i], slope, "first"), (found[3][i], second, "second")] {
                        let found = sign * found;
                        assert!(found == *expected || (found - expected).abs() < 1e-6, "{at}: in x, {order} order, it is {found}");
                    }
                    assert_eq!(found[2][i], 0.0, "{at}: of the slope in a");
                }
            }
        }
    }
}

/// The samples of the catalog have whole orders: the slope in the order has none of its own, which differences of second order would need.
#[test]
fn incomplete_gamma_functions_move_with_their_order() {
    type Function = fn(&mut Trace, Value, Value) -> Value;
    let functions: [(Function, f64); 2] = [(Trace::igamma, 1.0), (Trace::igammac, -1.0)];
    for Backend { name: backend, run } in &backends() {
        for (function, sign) in functions {
            for (dtype, tolerance) in [(DType::F64, 1e-11), (DType::F32, 5e-4)] {
                let mut g = Trace::new();
                let ty = Type::new(DType::F64, Shape::new(&[ORDER_SLOPES.len()]).unwrap());
                let inputs = [g.input(ty), g.input(ty)];
                let [a, x] = inputs.map(|input| g.cast(input, dtype));
                let y = function(&mut g, a, x);
                let seed = g.full_like(y, -2.0);
                let slopes = reverse(&mut g, &[(y, seed)], &[a]).unwrap();
                let wide = g.cast(slopes[0], DType::F64);
                let graph = g.finish(&[wide]).unwrap();
                let column = |number: fn(&(f64, f64, f64)) -> f64| {
                    let all: Vec<f64> = ORDER_SLOPES.iter().map(number).collect();
                    f64_tensor(&all, &[all.len()])
                };
                let found = f64_elements(&run(&graph, &[column(|row| row.0), column(|row| row.1)]).unwrap()[0]);
                for (found, (a, x, slope)) in pairs(&found, &ORDER_SLOPES) {
                    let expected = -2.0 * sign * slope;
                    let close = (found - expected).abs() <= tolerance * expected.abs();
                    assert!(close, "{backend}, {dtype}: at {a}, {x} it is {found}, not {expected}");
                }
            }
        }
    }
    // The slope's slope is refused in the order alone.
    let mut g = Trace::new();
    let inputs = [(); 2].map(|()| g.input(Type::new(DType::F64, Shape::new(&[3]).unwrap())));
    let y = g.igamma(inputs[0], inputs[1]);
    let seed = g.ones_like(y);
    let slopes = reverse(&mut g, &[(y, seed)], &inputs).unwrap();
    assert!(reverse(&mut g, &[(slopes[0], seed)], &inputs[1..]).is_ok());
    let error = reverse(&mut g, &[(slopes[0], seed)], &inputs[..1]).unwrap_err();
    assert!(error.message().contains("the slope's own slope in the shape is not known"), "{error}");
}
