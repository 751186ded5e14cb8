//! Values and gradients against PyTorch: samples of its own op database, made by `scripts/make_torch_vectors.py`, recorded with Tenon's
//! operations by [`table`]. Forward and first order in f64 and f32, second order in f64, on the oracle and on compiled programs. How near
//! they must be, [`accuracy`] says; where the two differ on purpose, [`differences`] says why.

#[path = "../checks/mod.rs"]
mod checks;

mod accuracy;
mod call;
mod differences;
mod samples;
mod table;

use accuracy::{ALLOWANCES, Verdict, compare};
use call::Call;
use checks::{Backend, backends, json, pairs};
use differences::{DIFFERENCES, Difference, Order};
use samples::{Sample, samples, weights};
use std::collections::{BTreeMap, BTreeSet};
use table::Record;
use tenon::autodiff::reverse;
use tenon::ir::{Graph, Type, Value};
use tenon::ops::Trace;
use tenon::{DType, Tensor};

/// What was compared must not become less: operations, and samples in a dtype.
const OPERATIONS: [(Order, usize); 3] = [(Order::Forward, 443), (Order::First, 374), (Order::Second, 186)];
const SAMPLES: [(Order, usize); 3] = [(Order::Forward, 5677), (Order::First, 4219), (Order::Second, 898)];

/// A recorded sample: what its graph returns as PyTorch says, with the order and the position among those of the order.
struct Recorded {
    graph: Graph,
    inputs: Vec<Tensor>,
    expected: Vec<(Order, usize, Tensor)>,
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
    let mut expected: Vec<(Order, usize, Tensor)> = Vec::new();
    let mut expect = |order: Order, arrays: &[Tensor]| {
        expected.extend(arrays.iter().enumerate().map(|(i, array)| (order, i, samples::in_dtype(array, dtype))));
    };
    if y.len() != sample.y.len() {
        return Err(format!("has {} results, not {}", y.len(), sample.y.len()));
    }
    expect(Order::Forward, &sample.y);
    if let (Some(first), Order::First | Order::Second) = (&sample.first, order) {
        let found = gradients(&mut g, &y, &wrt, &mut sequence).map_err(|error| format!("first order: {error}"))?;
        outputs.extend(&found);
        expect(Order::First, first);
        if let (Some(second), Order::Second) = (&sample.second, order) {
            let found = gradients(&mut g, &found, &wrt, &mut sequence).map_err(|error| format!("second order: {error}"))?;
            outputs.extend(found);
            expect(Order::Second, second);
        }
    }
    let graph = g.finish(&outputs).map_err(|error| error.to_string())?;
    Ok(Recorded { graph, inputs, expected })
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

/// What was compared.
#[derive(Default)]
struct Compared<'a> {
    operations: BTreeMap<Order, BTreeSet<&'a str>>,
    samples: BTreeMap<Order, usize>,
}

impl<'a> Compared<'a> {
    fn add(&mut self, sample: &'a Sample, order: Order) {
        let proves = |arrays: &Option<Vec<Tensor>>| arrays.as_ref().is_some_and(|arrays| !is_zero(arrays));
        let orders = [(Order::Forward, true), (Order::First, proves(&sample.first)), (Order::Second, proves(&sample.second))];
        for (each, _) in orders.into_iter().filter(|(each, proves)| *each <= order && *proves) {
            self.operations.entry(each).or_default().insert(&sample.op);
            *self.samples.entry(each).or_default() += 1;
        }
    }
}

#[test]
fn values_and_gradients_are_pytorchs() {
    let samples = samples();
    let backends = backends();
    let mut faults: BTreeMap<&str, Vec<String>> = BTreeMap::new();
    let mut compared = Compared::default();
    // What would differ without its allowance, on any backend.
    let mut allowed: BTreeSet<(&str, Order, &str)> = BTreeSet::new();
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
            compared.add(sample, order);
            for Backend { name, run } in &backends {
                let outputs = match run(&recorded.graph, &recorded.inputs) {
                    Ok(outputs) => outputs,
                    Err(error) => {
                        fault(format!("{name}: {error}"));
                        continue;
                    }
                };
                assert_eq!(outputs.len(), recorded.expected.len(), "{}: {name}", sample.op);
                for (found, (order, position, expected)) in pairs(&outputs, &recorded.expected) {
                    let Verdict { difference, is_allowed } = compare(&sample.op, *order, found, expected);
                    if is_allowed {
                        allowed.insert((&sample.op, *order, dtype.name()));
                    }
                    if let Some(text) = difference {
                        fault(format!("{name}: {order:?} {position}: {text}"));
                    }
                }
            }
        }
    }
    for (op, faults) in &faults {
        println!("{op}: {} faults", faults.len());
        faults.iter().take(6).for_each(|text| println!("    {text}"));
    }
    for (order, operations) in &compared.operations {
        println!("torch: {order:?}: {} operations, {} samples in a dtype", operations.len(), compared.samples[order]);
    }
    println!("torch: {} samples in two dtypes, {} backends, {} allowances", samples.len(), backends.len(), ALLOWANCES.len());
    let absent: BTreeSet<&str> = differences::ABSENT.iter().map(|(op, _)| *op).collect();
    assert_eq!(waiting, absent, "operations of the samples that are not in the table are listed with the reason");
    assert!(faults.is_empty(), "faults in {:?}", faults.keys().collect::<Vec<_>>());
    for (order, floor) in OPERATIONS {
        assert!(compared.operations[&order].len() >= floor, "{order:?}: fewer operations than there were");
    }
    for (order, floor) in SAMPLES {
        assert!(compared.samples[&order] >= floor, "{order:?}: fewer samples than there were");
    }
    let mut idle = Vec::new();
    for row in ALLOWANCES {
        let needed: Vec<bool> = row.cases().map(|(op, order, dtype)| allowed.contains(&(op, order, dtype.name()))).collect();
        let cases = row.cases().map(|(op, order, dtype)| format!("{op}, {order:?} in {dtype}: {}", row.why));
        if row.is_family && needed.contains(&true) {
            continue;
        }
        idle.extend(cases.zip(needed).filter(|(_, needed)| !needed).map(|(case, _)| case));
    }
    assert!(idle.is_empty(), "no allowance is needed for\n{}", idle.join("\n"));
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
    let allowed = ALLOWANCES.iter().flat_map(|row| row.ops);
    let unknown: Vec<&&str> = allowed.clone().filter(|op| !present.contains(**op)).collect();
    assert!(unknown.is_empty(), "allowances name what has no samples: {unknown:?}");
    for op in allowed {
        for (order, dtype) in
            [(Order::Forward, DType::F32), (Order::First, DType::F32), (Order::First, DType::F64), (Order::Second, DType::F64)]
        {
            assert!(
                ALLOWANCES.iter().filter(|row| row.applies(op, order, dtype)).count() <= 1,
                "two allowances for {op} at {order:?} in {dtype}"
            );
        }
    }
}
