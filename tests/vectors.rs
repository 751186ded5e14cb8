//! Values of operations against vectors that others computed (`tests/vectors`): `ops.json`, by numpy, written by
//! `scripts/make_vectors.py`; `composites.json`, by PyTorch, written by `scripts/make_composite_vectors.py`; `elementwise.json`, elementwise
//! functions with more digits than f64 has, written by `scripts/make_elementwise_vectors.py`.

mod checks;

use checks::{Backend, backends, json};
use serde_json::Value as Json;
use std::collections::BTreeSet;
use tenon::DType;
use tenon::ir::{Binary, Op, Type, Value};
use tenon::ops::composite::Reduction;
use tenon::ops::composite::loss::{CrossEntropy, Ctc};
use tenon::ops::{Trace, catalog};
use tenon::tensor::Tensor;

/// What ran must not become less.
const CASES: usize = 1989;
const COMPOSITE_CASES: usize = 160;
const ELEMENTWISE_CASES: usize = 363;

/// Relative and absolute: how far a result of this dtype may be off. Vectors are rounded once; Tenon rounds after every node.
fn tolerance(dtype: DType) -> (f64, f64) {
    match dtype {
        DType::F64 => (1e-12, 1e-13),
        DType::F32 => (2e-6, 1e-6),
        DType::F16 => (4e-3, 2e-3),
        DType::BF16 => (3e-2, 2e-2),
        _ => (0.0, 0.0),
    }
}

/// The same for vectors that are right to the last digit: a few units of the last place, and what cancels.
fn tight(dtype: DType) -> (f64, f64) {
    match dtype {
        DType::F64 => (3e-14, 2e-14),
        DType::F32 => (6e-7, 3e-7),
        _ => tolerance(dtype),
    }
}

fn reduction(name: &Json) -> Reduction {
    match name.as_str() {
        Some("mean") => Reduction::Mean,
        Some("sum") => Reduction::Sum,
        _ => Reduction::None,
    }
}

/// All elements of several results, one behind the other.
fn joined(g: &mut Trace, record: impl FnOnce(&mut Trace) -> Vec<Value>) -> Value {
    let flat: Vec<Value> = record(g).into_iter().map(|value| g.ravel(value)).collect();
    g.concat(&flat, 0)
}

/// Records the case's operation.
fn record(g: &mut Trace, op: &str, x: &[Value], a: &Json) -> Value {
    let sizes = |name: &str| json::sizes(&a[name]);
    let size = |name: &str| a[name].as_u64().expect("a size") as usize;
    let number = |name: &str| json::number(&a[name]);
    let keep_dims = a["keep_dims"].as_bool().unwrap_or(false);
    match op {
        "leaky_relu" => g.leaky_relu(x[0], number("alpha")),
        "elu" => g.elu(x[0], number("alpha")),
        "clamp" => g.clamp(x[0], number("low"), number("high")),
        "divide_whole" => g.push(Op::Binary(Binary::Div), x),
        "cast" => g.cast(x[0], json::dtype(&a["dtype"])),
        "sum" => g.sum(x[0], &sizes("axes"), keep_dims),
        "prod" => g.prod(x[0], &sizes("axes"), keep_dims),
        "max" => g.max(x[0], &sizes("axes"), keep_dims),
        "min" => g.min(x[0], &sizes("axes"), keep_dims),
        "mean" => g.mean(x[0], &sizes("axes"), keep_dims),
        "any" => g.any(x[0], &sizes("axes"), keep_dims),
        "all" => g.all(x[0], &sizes("axes"), keep_dims),
        "logsumexp" => g.logsumexp(x[0], &sizes("axes"), keep_dims),
        "argmax" => g.argmax(x[0], size("axis")),
        "argmin" => g.argmin(x[0], size("axis")),
        "softmax" => g.softmax(x[0], size("axis")),
        "log_softmax" => g.log_softmax(x[0], size("axis")),
        "reshape" => g.reshape(x[0], &sizes("shape")),
        "flatten" => g.flatten(x[0], size("axis")),
        "squeeze" => g.squeeze(x[0], &sizes("axes")),
        "unsqueeze" => g.unsqueeze(x[0], size("axis")),
        "transpose" => g.transpose(x[0], &sizes("permutation")),
        "broadcast_to" => g.broadcast_to(x[0], &sizes("shape")),
        "slice" => g.slice(x[0], &sizes("start"), &sizes("stop"), &sizes("step")),
        "reverse" => g.reverse(x[0], &sizes("axes")),
        "concat" => g.concat(x, size("axis")),
        "stack" => g.stack(x, size("axis")),
        "pad" => g.pad(x[0], x[1], &sizes("low"), &sizes("high"), &sizes("interior")),
        "gather" => g.gather(x[0], x[1], size("axis")),
        "scatter_add" => g.scatter_add(x[0], x[1], x[2], size("axis")),
        "one_hot" => g.one_hot(x[0], size("depth"), json::dtype(&a["dtype"])),
        "iota" => g.iota(json::dtype(&a["dtype"]), &sizes("shape"), size("axis")),
        "full" => g.full(json::dtype(&a["dtype"]), &sizes("shape"), number("value")),
        "mse_loss" => g.mse_loss(x[0], x[1], reduction(&a["reduction"])),
        "cross_entropy" => {
            let options = CrossEntropy {
                reduction: reduction(&a["reduction"]),
                ignore_index: a["ignore_index"].as_i64().expect("an index"),
                label_smoothing: number("label_smoothing"),
            };
            g.cross_entropy(x[0], x[1], options)
        }
        "clip_by_value" => joined(g, |g| g.clip_by_value(x, number("low"), number("high"))),
        "clip_by_norm" => joined(g, |g| g.clip_by_norm(x, number("most"), number("p"))),
        "clip_by_global_norm" => joined(g, |g| g.clip_by_global_norm(x, number("most"))),
        "global_norm" => g.global_norm(x, number("p")),
        "ctc_loss" => {
            let options = Ctc {
                blank: size("blank"),
                reduction: reduction(&a["reduction"]),
                zero_infinity: a["zero_infinity"].as_bool().expect("a truth value"),
            };
            g.ctc_loss(x[0], x[1], x[2], x[3], options)
        }
        "zeros" => g.zeros(json::dtype(&a["dtype"]), &sizes("shape")),
        "ones" => g.ones(json::dtype(&a["dtype"]), &sizes("shape")),
        "full_like" => g.full_like(x[0], number("value")),
        "arange" => g.arange(json::dtype(&a["dtype"]), number("start"), number("end"), number("step")),
        "linspace" => g.linspace(json::dtype(&a["dtype"]), number("start"), number("end"), size("count")),
        "logspace" => g.logspace(json::dtype(&a["dtype"]), number("start"), number("end"), size("count"), number("base")),
        "eye" => g.eye(json::dtype(&a["dtype"]), size("rows"), size("columns")),
        "tril_indices" => g.tril_indices(size("rows"), size("columns"), a["offset"].as_i64().expect("an offset")),
        "triu_indices" => g.triu_indices(size("rows"), size("columns"), a["offset"].as_i64().expect("an offset")),
        "vander" => g.vander(x[0], size("count"), a["increasing"].as_bool().expect("a truth value")),
        "hann_window" | "hamming_window" | "blackman_window" | "bartlett_window" | "kaiser_window" => {
            let (dtype, size, is_periodic) = (json::dtype(&a["dtype"]), size("count"), a["periodic"].as_bool().expect("a truth value"));
            match op {
                "hann_window" => g.hann_window(dtype, size, is_periodic),
                "hamming_window" => g.hamming_window(dtype, size, is_periodic, 0.54, 0.46),
                "blackman_window" => g.blackman_window(dtype, size, is_periodic),
                "bartlett_window" => g.bartlett_window(dtype, size, is_periodic),
                _ => g.kaiser_window(dtype, size, is_periodic, 5.5),
            }
        }
        "einsum" => g.einsum(a["equation"].as_str().expect("an equation"), x),
        // Without attributes: the row itself says how.
        _ => {
            let row = catalog().find(|row| row.name == op).unwrap_or_else(|| panic!("{op} is in no row"));
            (row.build)(g, x)
        }
    }
}

#[test]
fn results_are_numpys() {
    let count = check("tests/vectors/ops.json", tolerance);
    assert!(count >= CASES, "{count} cases are fewer than there were");
}

#[test]
fn composites_are_pytorchs() {
    let count = check("tests/vectors/composites.json", tolerance);
    assert!(count >= COMPOSITE_CASES, "{count} cases are fewer than there were");
}

#[test]
fn elementwise_results_are_right() {
    let count = check("tests/vectors/elementwise.json", tight);
    assert!(count >= ELEMENTWISE_CASES, "{count} cases are fewer than there were");
}

/// Holds every case of a file to its result; their number.
fn check(file: &str, tolerance: fn(DType) -> (f64, f64)) -> usize {
    let cases = json::read(file);
    let cases = cases.as_array().expect("a list of cases");
    let mut faults = Vec::new();
    for (index, case) in cases.iter().enumerate() {
        let op = case["op"].as_str().expect("a name");
        let inputs: Vec<Tensor> = case["inputs"].as_array().expect("a list").iter().map(json::tensor).collect();
        let mut g = Trace::new();
        let x: Vec<Value> = inputs.iter().map(|input| g.input(Type::new(input.dtype(), *input.shape()))).collect();
        let y = record(&mut g, op, &x, &case["attributes"]);
        let expected = json::tensor(&case["output"]);
        let (relative, absolute) = tolerance(expected.dtype());
        let place = format!("case {index}, {op} of {inputs:?} with {}", case["attributes"]);
        let graph = match g.finish(&[y]) {
            Ok(graph) => graph,
            Err(error) => {
                faults.push(format!("{place}: {error}"));
                continue;
            }
        };
        for Backend { name: backend, run } in &backends() {
            match run(&graph, &inputs) {
                Ok(outputs) => {
                    faults.extend(
                        json::difference(&outputs[0], &expected, relative, absolute).map(|text| format!("{backend}: {place}: {text}")),
                    );
                }
                Err(error) => faults.push(format!("{backend}: {place}: {error}")),
            }
        }
    }
    assert!(faults.is_empty(), "{} faults\n{}", faults.len(), faults.join("\n"));
    println!("{file}: {} cases, {} backends", cases.len(), backends().len());
    cases.len()
}

/// Rows whose values are compared elsewhere, and where.
const ELSEWHERE: &[(&str, &str)] = &[
    ("sum_leading", "a composition for gradients only"),
    ("scatter", "samples of PyTorch's op database"),
    ("scatter_mul", "samples of PyTorch's op database"),
    ("scatter_max", "samples of PyTorch's op database"),
    ("scatter_min", "samples of PyTorch's op database"),
    ("take_along", "samples of PyTorch's op database"),
    ("scatter_along", "samples of PyTorch's op database"),
    ("scatter_along_add", "samples of PyTorch's op database"),
    ("scatter_along_mul", "samples of PyTorch's op database"),
    ("scatter_along_max", "samples of PyTorch's op database"),
    ("scatter_along_min", "samples of PyTorch's op database"),
    ("scatter_mean", "samples of PyTorch's op database"),
    ("scatter_along_mean", "samples of PyTorch's op database"),
    ("index_add", "samples of PyTorch's op database"),
    ("index_fill", "samples of PyTorch's op database"),
    ("take", "samples of PyTorch's op database"),
    ("put", "samples of PyTorch's op database"),
    ("embedding", "samples of PyTorch's op database"),
    ("bincount", "samples of PyTorch's op database"),
    ("histc", "samples of PyTorch's op database"),
    ("masked_select", "samples of PyTorch's op database"),
    ("masked_scatter", "samples of PyTorch's op database"),
    ("argsort", "samples of PyTorch's op database"),
    ("searchsorted", "samples of PyTorch's op database"),
    ("sort", "samples of PyTorch's op database"),
    ("msort", "samples of PyTorch's op database"),
    ("topk", "samples of PyTorch's op database"),
    ("kthvalue", "samples of PyTorch's op database"),
    ("median", "samples of PyTorch's op database"),
    ("nanmedian", "samples of PyTorch's op database"),
    ("mode", "samples of PyTorch's op database"),
    ("quantile", "samples of PyTorch's op database"),
    ("nanquantile", "samples of PyTorch's op database"),
    ("bucketize", "samples of PyTorch's op database"),
    ("cumsum", "samples of PyTorch's op database"),
    ("cumprod", "samples of PyTorch's op database"),
    ("cummax", "samples of PyTorch's op database"),
    ("cummin", "samples of PyTorch's op database"),
    ("logcumsumexp", "samples of PyTorch's op database"),
    ("diff", "samples of PyTorch's op database"),
    ("gather_nd", "tests/positions.rs"),
    ("scatter_nd", "tests/positions.rs"),
    ("scatter_nd_into", "tests/positions.rs"),
    ("segment", "tests/positions.rs"),
    ("embedding_bag", "tests/positions.rs"),
    ("nonzero", "tests/positions.rs"),
    ("unique", "tests/positions.rs"),
    ("unique_consecutive", "tests/positions.rs"),
    ("recurrence", "tests/positions.rs"),
    ("trapezoid", "tests/positions.rs"),
    ("cumulative_trapezoid", "tests/positions.rs"),
    ("scaled_dot_product_attention", "numbers of PyTorch's in src/ops/attention/tests.rs"),
    ("scaled_dot_product_attention_causal", "as above"),
    ("conv", "samples of PyTorch's op database, and random geometries beside the oracle"),
    ("conv_transpose", "samples of PyTorch's op database, and random geometries beside the oracle"),
    ("max_pool", "samples of PyTorch's op database, and random geometries beside the oracle"),
    ("max_pool_indices", "samples of PyTorch's op database, and random geometries beside the oracle"),
    ("avg_pool", "samples of PyTorch's op database, and random geometries beside the oracle"),
    ("max_unpool", "samples of PyTorch's op database"),
    ("local_response_norm", "samples of PyTorch's op database"),
    ("lp_pool", "a test beside the operation"),
    ("adaptive_avg_pool", "samples of PyTorch's op database"),
    ("adaptive_max_pool", "samples of PyTorch's op database"),
    ("adaptive_max_pool_indices", "samples of PyTorch's op database"),
    ("interpolate", "samples of PyTorch's op database"),
    ("unfold", "samples of PyTorch's op database"),
    ("pixel_shuffle", "samples of PyTorch's op database"),
    ("pixel_unshuffle", "samples of PyTorch's op database"),
    ("channel_shuffle", "samples of PyTorch's op database"),
    ("grid_sample", "samples of PyTorch's op database"),
    ("pad_reflect", "samples of PyTorch's op database"),
    ("pad_replicate", "samples of PyTorch's op database"),
    ("pad_circular", "samples of PyTorch's op database"),
    ("fold", "a test beside the operation"),
    ("affine_grid", "a test beside the operation"),
    ("global_avg_pool", "a mean"),
    ("global_max_pool", "a maximum"),
    ("slice_scatter", "a test beside the operation"),
    ("split", "samples of PyTorch's op database"),
    ("split_sizes", "samples of PyTorch's op database"),
    ("chunk", "samples of PyTorch's op database"),
    ("tensor_split", "samples of PyTorch's op database"),
    ("tensor_split_at", "samples of PyTorch's op database"),
    ("unbind", "samples of PyTorch's op database"),
    ("narrow", "samples of PyTorch's op database"),
    ("slice_at", "samples of PyTorch's op database"),
    ("select_scatter", "samples of PyTorch's op database"),
    ("sliding_window", "samples of PyTorch's op database"),
    ("expand", "samples of PyTorch's op database"),
    ("broadcast_tensors", "samples of PyTorch's op database"),
    ("tile", "samples of PyTorch's op database"),
    ("repeat_interleave", "samples of PyTorch's op database"),
    ("roll", "samples of PyTorch's op database"),
    ("rot90", "samples of PyTorch's op database"),
    ("move_axes", "samples of PyTorch's op database"),
    ("swap_axes", "samples of PyTorch's op database"),
    ("ravel", "samples of PyTorch's op database"),
    ("unflatten", "samples of PyTorch's op database"),
    ("atleast_1d", "samples of PyTorch's op database"),
    ("atleast_2d", "samples of PyTorch's op database"),
    ("atleast_3d", "samples of PyTorch's op database"),
    ("hstack", "samples of PyTorch's op database"),
    ("vstack", "samples of PyTorch's op database"),
    ("dstack", "samples of PyTorch's op database"),
    ("column_stack", "samples of PyTorch's op database"),
    ("block_diag", "samples of PyTorch's op database"),
    ("meshgrid", "samples of PyTorch's op database"),
    ("cartesian_prod", "samples of PyTorch's op database"),
    ("tril", "samples of PyTorch's op database"),
    ("triu", "samples of PyTorch's op database"),
    ("diagonal", "samples of PyTorch's op database"),
    ("diag_embed", "samples of PyTorch's op database"),
    ("diag", "samples of PyTorch's op database"),
    ("diagflat", "samples of PyTorch's op database"),
    ("diagonal_scatter", "samples of PyTorch's op database"),
    ("cholesky", "samples of PyTorch's op database"),
    ("triangular_solve", "samples of PyTorch's op database"),
    ("solve", "samples of PyTorch's op database"),
    ("inverse", "samples of PyTorch's op database"),
    ("cholesky_solve", "samples of PyTorch's op database"),
    ("cholesky_inverse", "samples of PyTorch's op database"),
    ("matrix_power", "samples of PyTorch's op database"),
    ("det", "samples of PyTorch's op database"),
    ("slogdet", "samples of PyTorch's op database"),
    ("logdet", "samples of PyTorch's op database"),
    ("combinations", "samples of PyTorch's op database"),
    ("isin", "samples of PyTorch's op database"),
    ("pdist", "samples of PyTorch's op database"),
    ("renorm", "samples of PyTorch's op database"),
    ("bmm", "samples of PyTorch's op database"),
    ("mv", "samples of PyTorch's op database"),
    ("dot", "samples of PyTorch's op database"),
    ("vdot", "samples of PyTorch's op database"),
    ("vecdot", "samples of PyTorch's op database"),
    ("inner", "samples of PyTorch's op database"),
    ("outer", "samples of PyTorch's op database"),
    ("addmm", "samples of PyTorch's op database"),
    ("addmv", "samples of PyTorch's op database"),
    ("addr", "samples of PyTorch's op database"),
    ("addbmm", "samples of PyTorch's op database"),
    ("baddbmm", "samples of PyTorch's op database"),
    ("tensordot", "samples of PyTorch's op database"),
    ("cross", "samples of PyTorch's op database"),
    ("trace", "samples of PyTorch's op database"),
    ("multi_dot", "samples of PyTorch's op database"),
    ("bilinear", "samples of PyTorch's op database"),
    ("random_uniform", "tests/random_distributions"),
    ("uniform_candidate_sampler", "tests/random_distributions"),
    ("log_uniform_candidate_sampler", "tests/random_distributions"),
    ("random_gamma", "tests/random_distributions"),
    ("random_chi2", "tests/random_distributions"),
    ("random_student_t", "tests/random_distributions"),
    ("random_beta", "tests/random_distributions"),
    ("random_dirichlet", "tests/random_distributions"),
    ("random_poisson", "tests/random_distributions"),
    ("random_binomial", "tests/random_distributions"),
    ("random_geometric", "tests/random_distributions"),
    ("log_gamma_slope", "numbers of mpmath's beside the kernel"),
    ("random_normal", "tests/random_distributions"),
    ("rand_like", "tests/random_distributions"),
    ("randn_like", "tests/random_distributions"),
    ("random_uniform_with", "tests/random_distributions"),
    ("random_normal_with", "tests/random_distributions"),
    ("random_truncated_normal", "tests/random_distributions"),
    ("random_log_normal", "tests/random_distributions"),
    ("random_exponential", "tests/random_distributions"),
    ("random_laplace", "tests/random_distributions"),
    ("random_gumbel", "tests/random_distributions"),
    ("random_cauchy", "tests/random_distributions"),
    ("random_bernoulli", "tests/random_distributions"),
    ("random_bernoulli_with", "tests/random_distributions"),
    ("randint", "tests/random_distributions"),
    ("randint_like", "tests/random_distributions"),
    ("randperm", "tests/random_distributions"),
    ("shuffle", "tests/random_distributions"),
    ("dropout", "tests/random_distributions"),
    ("feature_dropout", "tests/random_distributions"),
    ("multinomial", "tests/random_distributions"),
    ("categorical", "tests/random_distributions"),
    ("qr", "samples of PyTorch's op database"),
    ("eigh", "samples of PyTorch's op database"),
    ("eigvalsh", "samples of PyTorch's op database"),
    ("svd", "samples of PyTorch's op database"),
    ("svdvals", "samples of PyTorch's op database"),
    ("matrix_exp", "samples of PyTorch's op database"),
    ("lstsq", "samples of PyTorch's op database"),
    ("pinv", "samples of PyTorch's op database"),
    ("matrix_norm", "samples of PyTorch's op database"),
    ("cond", "samples of PyTorch's op database"),
    ("matrix_rank", "samples of PyTorch's op database"),
    ("lu", "samples of PyTorch's op database"),
    ("lu_factor", "samples of PyTorch's op database"),
    ("lu_solve", "samples of PyTorch's op database"),
    ("tensorsolve", "samples of PyTorch's op database"),
    ("tensorinv", "samples of PyTorch's op database"),
];

#[test]
fn every_row_has_vectors() {
    let files = ["tests/vectors/ops.json", "tests/vectors/composites.json", "tests/vectors/elementwise.json"].map(json::read);
    let cases = files.iter().flat_map(|cases| cases.as_array().expect("a list"));
    let covered: BTreeSet<&str> = cases.filter_map(|case| case["op"].as_str()).collect();
    let missing: Vec<&str> = catalog()
        .map(|row| row.name)
        .filter(|name| !covered.contains(name) && !ELSEWHERE.iter().any(|(elsewhere, _)| elsewhere == name))
        .collect();
    assert!(missing.is_empty(), "no vectors for {missing:?}");
}
