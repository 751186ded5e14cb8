//! Values and gradients against PyTorch: samples of its own op database, made by `scripts/make_torch_vectors.py`, recorded with Tenon's
//! operations by [`table`]. Forward and first order in f64 and f32, second order in f64, on the oracle and on compiled programs. Where the
//! two differ on purpose, [`differences`] says why.

#[path = "../checks/mod.rs"]
mod checks;

mod call;
mod differences;
mod samples;
mod table;

use call::Call;
use checks::{Backend, backends, json};
use differences::{DIFFERENCES, Difference, Order};
use samples::{Sample, samples, weights};
use std::collections::{BTreeMap, BTreeSet};
use table::Record;
use tenon::autodiff::reverse;
use tenon::ir::{Graph, Type, Value};
use tenon::ops::Trace;
use tenon::{DType, Tensor};

/// Operations that were compared must not become fewer: forward and first order, and second order.
const FIRST: usize = 374;
const SECOND: usize = 184;

/// How far a number may be off, relative to the largest of its array, or to 1 where that is smaller.
fn tolerance(dtype: DType) -> f64 {
    if dtype == DType::F64 { 1e-10 } else { 1e-5 }
}

/// A recorded sample: what its graph returns, in words and as PyTorch says.
struct Recorded {
    graph: Graph,
    inputs: Vec<Tensor>,
    expected: Vec<(String, Tensor)>,
}

/// The gradients of the weighted sum of `outputs`, at `wrt`. `sequence` goes on from array to array.
fn gradients(g: &mut Trace, outputs: &[Value], wrt: &[Value], sequence: &mut impl Iterator<Item = f64>) -> tenon::Result<Vec<Value>> {
    let mut seeds = Vec::new();
    for output in outputs.iter().filter(|output| g.dtype(**output).is_float()).copied().collect::<Vec<Value>>() {
        let dims = g.dims(output);
        let all: Vec<f64> = sequence.take(dims.iter().product()).collect();
        let seed = g.constant(&samples::floats(g.dtype(output), &all, &dims));
        seeds.push((output, seed));
    }
    reverse(g, &seeds, wrt)
}

/// Records a sample in `dtype` up to `order`.
fn record(entry: Record, sample: &Sample, dtype: DType, order: Order) -> Result<Recorded, String> {
    let inputs: Vec<Tensor> = sample.operands.iter().map(|operand| samples::in_dtype(operand, dtype)).collect();
    let mut g = Trace::new();
    let x: Vec<Value> = inputs.iter().map(|input| g.input(Type::new(input.dtype(), *input.shape()))).collect();
    let y = entry.record(&mut g, &Call { sample, operands: &x, dtype });
    g.check().map_err(|error| error.to_string())?;
    let wrt: Vec<Value> = sample.active.iter().map(|position| x[*position]).collect();
    let mut sequence = weights();
    let mut outputs = y.clone();
    let mut expected: Vec<(String, Tensor)> = Vec::new();
    let mut expect = |name: &str, arrays: &[Tensor]| {
        expected.extend(arrays.iter().enumerate().map(|(i, array)| (format!("{name} {i}"), samples::in_dtype(array, dtype))));
    };
    if y.len() != sample.y.len() {
        return Err(format!("has {} results, not {}", y.len(), sample.y.len()));
    }
    expect("result", &sample.y);
    if let (Some(first), Order::First | Order::Second) = (&sample.first, order) {
        let found = gradients(&mut g, &y, &wrt, &mut sequence).map_err(|error| format!("first order: {error}"))?;
        outputs.extend(&found);
        expect("gradient", first);
        if let (Some(second), Order::Second) = (&sample.second, order) {
            let found = gradients(&mut g, &found, &wrt, &mut sequence).map_err(|error| format!("second order: {error}"))?;
            outputs.extend(found);
            expect("second gradient", second);
        }
    }
    let graph = g.finish(&outputs).map_err(|error| error.to_string())?;
    Ok(Recorded { graph, inputs, expected })
}

/// Where an array differs from PyTorch's, in words.
fn difference(found: &Tensor, expected: &Tensor) -> Option<String> {
    if !expected.dtype().is_float() || found.dtype() != expected.dtype() || found.shape() != expected.shape() {
        return json::difference(found, expected, 0.0, 0.0);
    }
    // What f32 cannot hold is no matter of accuracy.
    let limit = if expected.dtype() == DType::F32 { 1e36 } else { f64::INFINITY };
    let (found, expected, share) = (json::floats(found), json::floats(expected), tolerance(expected.dtype()));
    let largest = expected.iter().map(|x| x.abs()).filter(|x| x.is_finite() && *x < limit).fold(1.0, f64::max);
    let close =
        |a: f64, b: f64| a == b || (a.is_nan() && b.is_nan()) || (a - b).abs() <= share * largest || (b.abs() >= limit && b.is_finite());
    let index = found.iter().zip(&expected).position(|(a, b)| !close(*a, *b))?;
    Some(format!("element {index} is {}, not {}", found[index], expected[index]))
}

/// Up to where a sample is compared.
fn order_of(sample: &Sample, dtype: DType) -> Option<Order> {
    let listed = |difference: &&Difference| difference.applies(sample, dtype);
    let full = if dtype == DType::F64 { Order::Second } else { Order::First };
    match DIFFERENCES.iter().filter(listed).map(|difference| difference.from).min() {
        Some(Order::Forward) => None,
        Some(Order::First) => Some(Order::Forward),
        Some(Order::Second) => Some(full.min(Order::First)),
        None => Some(full),
    }
}

fn is_zero(arrays: &[Tensor]) -> bool {
    arrays.iter().all(|array| json::floats(array).iter().all(|x| *x == 0.0))
}

#[test]
fn values_and_gradients_are_pytorchs() {
    let samples = samples();
    let backends = backends();
    let mut faults: BTreeMap<&str, Vec<String>> = BTreeMap::new();
    let (mut first, mut second, mut forward) = (BTreeSet::new(), BTreeSet::new(), BTreeSet::new());
    let mut compared = 0;
    let mut waiting = BTreeSet::new();
    for sample in &samples {
        let Some(entry) = table::find(&sample.op) else {
            waiting.insert(sample.op.as_str());
            continue;
        };
        for dtype in [DType::F64, DType::F32] {
            let Some(order) = order_of(sample, dtype) else { continue };
            let mut fault = |text: String| faults.entry(&sample.op).or_default().push(format!("{dtype}: {}: {text}", sample.text));
            let recorded = match record(entry, sample, dtype, order) {
                Ok(recorded) => recorded,
                Err(text) => {
                    fault(text);
                    continue;
                }
            };
            compared += 1;
            forward.insert(&sample.op);
            if order >= Order::First && sample.first.as_ref().is_some_and(|arrays| !is_zero(arrays)) {
                first.insert(&sample.op);
            }
            if order >= Order::Second && sample.second.as_ref().is_some_and(|arrays| !is_zero(arrays)) {
                second.insert(&sample.op);
            }
            for Backend { name, run } in &backends {
                match run(&recorded.graph, &recorded.inputs) {
                    Ok(outputs) => {
                        for (found, (what, expected)) in outputs.iter().zip(&recorded.expected) {
                            if let Some(text) = difference(found, expected) {
                                fault(format!("{name}: {what}: {text}"));
                                break;
                            }
                        }
                    }
                    Err(error) => fault(format!("{name}: {error}")),
                }
            }
        }
    }
    for (op, faults) in &faults {
        println!("{op}: {} faults", faults.len());
        faults.iter().take(6).for_each(|text| println!("    {text}"));
    }
    println!(
        "torch: {} operations forward, {} first order, {} second order; {compared} of {} samples in two dtypes, {} backends",
        forward.len(),
        first.len(),
        second.len(),
        samples.len(),
        backends.len()
    );
    let absent: BTreeSet<&str> = differences::ABSENT.iter().map(|(op, _)| *op).collect();
    assert_eq!(waiting, absent, "operations of the samples that are not in the table are listed with the reason");
    assert!(faults.is_empty(), "faults in {:?}", faults.keys().collect::<Vec<_>>());
    assert!(first.len() >= FIRST && second.len() >= SECOND, "fewer operations than there were");
}

/// The table and the list of differences name what is there, and nothing in the list is idle.
#[test]
fn the_lists_are_current() {
    let samples = samples();
    let present: BTreeSet<&str> = samples.iter().map(|sample| sample.op.as_str()).collect();
    let unknown: Vec<&str> = table::names().filter(|name| !present.contains(name)).collect();
    assert!(unknown.is_empty(), "the table names what has no samples: {unknown:?}");
    let mut names: Vec<&str> = table::names().collect();
    names.sort_unstable();
    let twice: Vec<&str> = names.windows(2).filter(|pair| pair[0] == pair[1]).map(|pair| pair[0]).collect();
    assert!(twice.is_empty(), "the table names twice: {twice:?}");
    for difference in DIFFERENCES {
        let applies = samples.iter().any(|sample| [DType::F64, DType::F32].iter().any(|dtype| difference.applies(sample, *dtype)));
        assert!(applies, "no sample is {}: {}", difference.op, difference.why);
    }
}
