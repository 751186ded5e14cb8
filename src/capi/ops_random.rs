//! Chapter: random numbers.

use crate::capi::arguments::{CBool, size, slice};
use crate::capi::generator::TenonGenerator;
use crate::capi::graph::{TenonGraph, TenonValue};
use crate::capi::handle::Handle;
use crate::capi::ops_create::same_context;
use crate::capi::record::{self, first_graph, in_graph, sizes, try_record, try_record_more};
use crate::capi::tensor::TenonDType;
use crate::context::Generator;
use crate::error::Result;
use crate::ir::{Value, Variable};
use crate::ops::Trace;
use crate::ops::composite::random::candidates::Candidates;
use crate::tensor::DType;

/// The generator that a host means for a graph: zero is the context's own.
pub(super) fn generator_of(graph: TenonGraph, generator: TenonGenerator) -> Result<Generator> {
    if generator.id() == 0 {
        Ok(graph.get_with_owner()?.1.handle().get()?.generator().clone())
    } else {
        same_context(graph, generator.get_with_owner()?)
    }
}

/// Records numbers in a shape.
fn random(
    graph: TenonGraph,
    name: &str,
    shape: *const i64,
    rank: usize,
    generator: TenonGenerator,
    body: impl FnOnce(&mut Trace, &[usize], &Variable) -> Result<Value>,
) -> TenonValue {
    in_graph(graph, name, |g| {
        let dims = sizes(slice(shape, rank, "shape")?, "shape")?;
        body(g, &dims, generator_of(graph, generator)?.variable())
    })
}

/// Records numbers for values.
fn random_of<const N: usize>(
    name: &str,
    operands: [TenonValue; N],
    generator: TenonGenerator,
    body: impl FnOnce(&mut Trace, [Value; N], &Variable) -> Result<Value>,
) -> TenonValue {
    try_record(name, operands, |g, x| body(g, x, generator_for(&operands, generator)?.variable()))
}

/// The generator that a host means for the graph of its operands.
fn generator_for(operands: &[TenonValue], generator: TenonGenerator) -> Result<Generator> {
    let graph = first_graph(operands.iter().map(|operand| TenonGraph::from_id(operand.graph)));
    generator_of(graph.unwrap_or(TenonGraph::from_id(0)), generator)
}

/// Uniform random numbers in [0, 1), of a float dtype.
#[unsafe(no_mangle)]
pub extern "C" fn tenon_random_uniform(
    graph: TenonGraph,
    dtype: TenonDType,
    shape: *const i64,
    rank: usize,
    generator: TenonGenerator,
) -> TenonValue {
    random(graph, "random_uniform", shape, rank, generator, |g, dims, from| Ok(g.random_uniform(DType::from_code(dtype)?, dims, from)))
}

/// Standard normal random numbers, of a float dtype.
#[unsafe(no_mangle)]
pub extern "C" fn tenon_random_normal(
    graph: TenonGraph,
    dtype: TenonDType,
    shape: *const i64,
    rank: usize,
    generator: TenonGenerator,
) -> TenonValue {
    random(graph, "random_normal", shape, rank, generator, |g, dims, from| Ok(g.random_normal(DType::from_code(dtype)?, dims, from)))
}

/// Booleans that are true with probability p, which is at least 0 and at most 1.
#[unsafe(no_mangle)]
pub extern "C" fn tenon_random_bernoulli(
    graph: TenonGraph,
    p: f64,
    shape: *const i64,
    rank: usize,
    generator: TenonGenerator,
) -> TenonValue {
    random(graph, "random_bernoulli", shape, rank, generator, |g, dims, from| Ok(g.random_bernoulli(p, dims, from)))
}

/// Booleans that are true with the probability that each element of p gives: always for 1 and more, never for 0, less, and
/// NaN.
#[unsafe(no_mangle)]
pub extern "C" fn tenon_random_bernoulli_with(p: TenonValue, generator: TenonGenerator) -> TenonValue {
    random_of("random_bernoulli_with", [p], generator, |g, [p], from| Ok(g.random_bernoulli_with(p, from)))
}

/// Uniform random numbers in [0, 1) in the dtype and shape of x: floats.
#[unsafe(no_mangle)]
pub extern "C" fn tenon_rand_like(x: TenonValue, generator: TenonGenerator) -> TenonValue {
    random_of("rand_like", [x], generator, |g, [x], from| Ok(g.rand_like(x, from)))
}

/// Standard normal random numbers in the dtype and shape of x: floats.
#[unsafe(no_mangle)]
pub extern "C" fn tenon_randn_like(x: TenonValue, generator: TenonGenerator) -> TenonValue {
    random_of("randn_like", [x], generator, |g, [x], from| Ok(g.randn_like(x, from)))
}

/// Whole numbers from low up to, not including, high: i64, i32, or u8, or floats, to which they are rounded. Each is as
/// likely as any other to within a part of 2^-64 of its probability. Fails with TENON_INVALID_ARGUMENT if low is not below
/// high, or the dtype does not reach as far.
#[unsafe(no_mangle)]
pub extern "C" fn tenon_randint(
    graph: TenonGraph,
    dtype: TenonDType,
    low: i64,
    high: i64,
    shape: *const i64,
    rank: usize,
    generator: TenonGenerator,
) -> TenonValue {
    random(graph, "randint", shape, rank, generator, |g, dims, from| Ok(g.randint(DType::from_code(dtype)?, low, high, dims, from)))
}

/// tenon_randint in the dtype and shape of x.
#[unsafe(no_mangle)]
pub extern "C" fn tenon_randint_like(x: TenonValue, low: i64, high: i64, generator: TenonGenerator) -> TenonValue {
    random_of("randint_like", [x], generator, |g, [x], from| Ok(g.randint_like(x, low, high, from)))
}

/// 0 to n - 1 in random order, as i64, i32, or u8: the order of n random numbers of 64 bits. All orders are equally likely,
/// but for the chance that two of the numbers are equal, which is below n^2 / 2^65. Fails with TENON_INVALID_ARGUMENT if
/// the dtype does not reach n - 1.
#[unsafe(no_mangle)]
pub extern "C" fn tenon_randperm(graph: TenonGraph, dtype: TenonDType, n: i64, generator: TenonGenerator) -> TenonValue {
    in_graph(graph, "randperm", |g| Ok(g.randperm(DType::from_code(dtype)?, size(n, "n")?, generator_of(graph, generator)?.variable())))
}

/// x with its slices along an axis in random order, each slice as it was. Gradients go where elements came from. Negative
/// axes count from the last.
#[unsafe(no_mangle)]
pub extern "C" fn tenon_shuffle(x: TenonValue, axis: i64, generator: TenonGenerator) -> TenonValue {
    random_of("shuffle", [x], generator, |g, [x], from| Ok(g.shuffle(x, record::axis(axis, g.rank(x))?, from)))
}

/// 0 with probability p, else x / (1 - p), for floats of any shape (Hinton et al., 2012): the mean stays. Each element has a
/// draw of its own, in every run; gradients pass by the draws of the result. p = 0, what inference wants, gives x, and p = 1
/// zeros, whatever x holds: neither draws. PyTorch's and MindSpore's functions have p = 0.5 where none is given. Fails with
/// TENON_INVALID_ARGUMENT unless p is at least 0 and at most 1, with TENON_DTYPE_MISMATCH if x holds no floats.
/// tenon_dropout_new makes a layer that does so in training alone.
#[unsafe(no_mangle)]
pub extern "C" fn tenon_dropout(x: TenonValue, p: f64, generator: TenonGenerator) -> TenonValue {
    random_of("dropout", [x], generator, |g, [x], from| Ok(g.dropout(x, p, from)))
}

/// tenon_dropout of whole channels (Tompson et al., 2015), PyTorch's and MindSpore's dropout1d, dropout2d, and dropout3d: x is
/// [N, C, ...], and a channel of a sample shares a draw. Fails also with TENON_SHAPE_MISMATCH if x has fewer than two
/// dimensions.
#[unsafe(no_mangle)]
pub extern "C" fn tenon_feature_dropout(x: TenonValue, p: f64, generator: TenonGenerator) -> TenonValue {
    random_of("feature_dropout", [x], generator, |g, [x], from| Ok(g.feature_dropout(x, p, from)))
}

/// The positions (i64 [..., count]) of classes drawn from the rows of weights [..., n]: each with its share of the sum of
/// the row, which need not be 1. With replacement, MindSpore's default, each draw is from all classes; without, PyTorch's
/// default, a class is drawn once at most, as by one draw after the other from what is left, and fewer than count classes
/// are an error. A row in which a weight is negative, NaN, or infinite, or too few are above 0 (one with replacement, count
/// without), fails the run with TENON_INVALID_ARGUMENT.
#[unsafe(no_mangle)]
pub extern "C" fn tenon_multinomial(weights: TenonValue, count: i64, replacement: CBool, generator: TenonGenerator) -> TenonValue {
    random_of("multinomial", [weights], generator, |g, [weights], from| {
        Ok(g.multinomial(weights, size(count, "count")?, replacement.get(), from))
    })
}

/// count positions (i64 [..., count]) for each row of logits [..., n], drawn with replacement with the probabilities
/// softmax(logits). -inf is never drawn; a row with NaN or infinity, or of nothing but -inf, fails the run with
/// TENON_INVALID_ARGUMENT.
#[unsafe(no_mangle)]
pub extern "C" fn tenon_categorical(logits: TenonValue, count: i64, generator: TenonGenerator) -> TenonValue {
    random_of("categorical", [logits], generator, |g, [logits], from| Ok(g.categorical(logits, size(count, "count")?, from)))
}

/// Uniform random numbers from low up to high, to which they may be rounded. NaN where low is above high.
#[unsafe(no_mangle)]
pub extern "C" fn tenon_random_uniform_with(low: TenonValue, high: TenonValue, generator: TenonGenerator) -> TenonValue {
    random_of("random_uniform_with", [low, high], generator, |g, [low, high], from| Ok(g.random_uniform_with(low, high, from)))
}

/// Normal random numbers with a mean and a standard deviation; NaN for a negative deviation.
#[unsafe(no_mangle)]
pub extern "C" fn tenon_random_normal_with(mean: TenonValue, deviation: TenonValue, generator: TenonGenerator) -> TenonValue {
    random_of("random_normal_with", [mean, deviation], generator, |g, [mean, deviation], from| {
        Ok(g.random_normal_with(mean, deviation, from))
    })
}

/// Normal random numbers with a mean and a standard deviation, given that they lie from mean + low * deviation to mean +
/// high * deviation: by inversion of the distribution function. The bounds may be infinite; low is below high, and one of
/// them within 37 of 0, so that there is something between them. NaN for a negative deviation.
#[unsafe(no_mangle)]
pub extern "C" fn tenon_random_truncated_normal(
    mean: TenonValue,
    deviation: TenonValue,
    low: f64,
    high: f64,
    generator: TenonGenerator,
) -> TenonValue {
    random_of("random_truncated_normal", [mean, deviation], generator, |g, [mean, deviation], from| {
        Ok(g.random_truncated_normal(mean, deviation, low, high, from))
    })
}

/// e to the power of tenon_random_normal_with.
#[unsafe(no_mangle)]
pub extern "C" fn tenon_random_log_normal(mean: TenonValue, deviation: TenonValue, generator: TenonGenerator) -> TenonValue {
    random_of(
        "random_log_normal",
        [mean, deviation],
        generator,
        |g, [mean, deviation], from| Ok(g.random_log_normal(mean, deviation, from)),
    )
}

/// Exponential random numbers with this rate, whose mean is 1 / rate: infinity for a rate of 0, NaN for a negative one.
#[unsafe(no_mangle)]
pub extern "C" fn tenon_random_exponential(rate: TenonValue, generator: TenonGenerator) -> TenonValue {
    random_of("random_exponential", [rate], generator, |g, [rate], from| Ok(g.random_exponential(rate, from)))
}

/// Laplace random numbers with density e^(-|x - location| / scale) / (2 scale); NaN for a negative scale.
#[unsafe(no_mangle)]
pub extern "C" fn tenon_random_laplace(location: TenonValue, scale: TenonValue, generator: TenonGenerator) -> TenonValue {
    random_of("random_laplace", [location, scale], generator, |g, [location, scale], from| Ok(g.random_laplace(location, scale, from)))
}

/// Gumbel random numbers with distribution function e^-e^(-(x - location) / scale); NaN for a negative scale.
#[unsafe(no_mangle)]
pub extern "C" fn tenon_random_gumbel(location: TenonValue, scale: TenonValue, generator: TenonGenerator) -> TenonValue {
    random_of("random_gumbel", [location, scale], generator, |g, [location, scale], from| Ok(g.random_gumbel(location, scale, from)))
}

/// Cauchy random numbers with density scale / (pi (scale^2 + (x - location)^2)); NaN for a negative scale.
#[unsafe(no_mangle)]
pub extern "C" fn tenon_random_cauchy(location: TenonValue, scale: TenonValue, generator: TenonGenerator) -> TenonValue {
    random_of("random_cauchy", [location, scale], generator, |g, [location, scale], from| Ok(g.random_cauchy(location, scale, from)))
}

/// Gamma random numbers with density rate^c x^(c - 1) e^(-rate x) / Gamma(c), whose mean is c / rate, by Marsaglia and
/// Tsang's method (2000): 0 for a concentration c of 0, NaN for a negative concentration or rate. An element has twenty
/// tries, of which one fails with a probability of at most 0.05; after twenty failures, once in 10^26 elements, it gets the
/// most likely number. Gradients go to concentrations by implicit reparameterization, to first order; numbers too small for
/// the dtype have slope 0.
#[unsafe(no_mangle)]
pub extern "C" fn tenon_random_gamma(concentration: TenonValue, rate: TenonValue, generator: TenonGenerator) -> TenonValue {
    random_of("random_gamma", [concentration, rate], generator, |g, [concentration, rate], from| {
        Ok(g.random_gamma(concentration, rate, from))
    })
}

/// Chi-square random numbers: twice gamma numbers of half the degrees of freedom, which need not be whole. NaN for negative
/// ones. Gradients as tenon_random_gamma.
#[unsafe(no_mangle)]
pub extern "C" fn tenon_random_chi2(freedom: TenonValue, generator: TenonGenerator) -> TenonValue {
    random_of("random_chi2", [freedom], generator, |g, [freedom], from| Ok(g.random_chi2(freedom, from)))
}

/// Student's t random numbers with these degrees of freedom, which need not be whole: z sqrt(freedom / chi2) for a standard
/// normal z. NaN unless there are more than 0. Gradients as tenon_random_gamma.
#[unsafe(no_mangle)]
pub extern "C" fn tenon_random_student_t(freedom: TenonValue, generator: TenonGenerator) -> TenonValue {
    random_of("random_student_t", [freedom], generator, |g, [freedom], from| Ok(g.random_student_t(freedom, from)))
}

/// Beta random numbers with density x^(a - 1) (1 - x)^(b - 1) / B(a, b): the share of a gamma number of shape a in the sum
/// with one of shape b. NaN unless both are at least 0 and one is above. Gradients as tenon_random_gamma.
#[unsafe(no_mangle)]
pub extern "C" fn tenon_random_beta(a: TenonValue, b: TenonValue, generator: TenonGenerator) -> TenonValue {
    random_of("random_beta", [a, b], generator, |g, [a, b], from| Ok(g.random_beta(a, b, from)))
}

/// Dirichlet random numbers along the last axis: the shares of gamma numbers of these shapes in their sum. NaN for rows with
/// a negative concentration, and of nothing but 0. Gradients as tenon_random_gamma.
#[unsafe(no_mangle)]
pub extern "C" fn tenon_random_dirichlet(concentration: TenonValue, generator: TenonGenerator) -> TenonValue {
    random_of("random_dirichlet", [concentration], generator, |g, [concentration], from| Ok(g.random_dirichlet(concentration, from)))
}

/// Poisson random numbers, as floats: 0 for a rate of 0, infinity for an infinite one, NaN for a negative one. Rates below
/// 10 go through the distribution, larger ones by Hoermann's transformed rejection (1993): an element has forty tries, of
/// which one fails with a probability below 0.3; after forty failures, once in 10^20 elements, it gets the whole part of the
/// rate. Counts are rounded to the dtype.
#[unsafe(no_mangle)]
pub extern "C" fn tenon_random_poisson(rate: TenonValue, generator: TenonGenerator) -> TenonValue {
    random_of("random_poisson", [rate], generator, |g, [rate], from| Ok(g.random_poisson(rate, from)))
}

/// Binomial random numbers, as floats: how many of `trials`, a whole number of at least 0 and below 2^53, succeed with
/// probability p; else NaN. By the methods of tenon_random_poisson, for the smaller of the means of successes and failures;
/// an element without an accepted try gets the most likely number.
#[unsafe(no_mangle)]
pub extern "C" fn tenon_random_binomial(trials: TenonValue, p: TenonValue, generator: TenonGenerator) -> TenonValue {
    random_of("random_binomial", [trials, p], generator, |g, [trials, p], from| Ok(g.random_binomial(trials, p, from)))
}

/// Geometric random numbers, as floats: the first trial that succeeds, from 1 on, with probability p above 0 and at most 1;
/// else NaN.
#[unsafe(no_mangle)]
pub extern "C" fn tenon_random_geometric(p: TenonValue, generator: TenonGenerator) -> TenonValue {
    random_of("random_geometric", [p], generator, |g, [p], from| Ok(g.random_geometric(p, from)))
}

/// Records a candidate sampler.
#[allow(clippy::too_many_arguments)]
fn sampler(
    name: &str,
    true_classes: TenonValue,
    count: i64,
    range: i64,
    generator: TenonGenerator,
    true_expected: *mut TenonValue,
    sampled_expected: *mut TenonValue,
    body: impl FnOnce(&mut Trace, Value, usize, usize, &Variable) -> Candidates,
) -> TenonValue {
    let graph = TenonGraph::from_id(true_classes.graph);
    let places = [(true_expected, "true_expected"), (sampled_expected, "sampled_expected")];
    try_record_more(name, [true_classes], places, |g, [true_classes]| {
        let (count, range) = (size(count, "count")?, size(range, "range")?);
        let all = body(g, true_classes, count, range, generator_of(graph, generator)?.variable());
        Ok((all.sampled, [all.true_expected, all.sampled_expected]))
    })
}

/// `count` of the classes 0 to range - 1 (i64 [count]), all equally likely; with unique each once at most, in random order.
/// Unless they are NULL, `true_expected` receives how often each of the true classes, integers of any shape, was to be
/// expected among them (f32 in that shape: count / range, 0 for what is no class), `sampled_expected` how often each of the
/// sampled ones was (f32 [count]).
#[unsafe(no_mangle)]
pub extern "C" fn tenon_uniform_candidate_sampler(
    true_classes: TenonValue,
    count: i64,
    unique: CBool,
    range: i64,
    generator: TenonGenerator,
    true_expected: *mut TenonValue,
    sampled_expected: *mut TenonValue,
) -> TenonValue {
    let name = "uniform_candidate_sampler";
    sampler(name, true_classes, count, range, generator, true_expected, sampled_expected, |g, x, count, range, from| {
        g.uniform_candidate_sampler(x, count, unique.get(), range, from)
    })
}

/// tenon_uniform_candidate_sampler for classes in the order of how frequent they are, with probabilities p(c) =
/// ln((c + 2) / (c + 1)) / ln(range + 1). What is expected of a class is count p(c); with unique, where draws are repeated
/// until there are count different classes, its chance to be among them, given the race of the others: 1 - e^(-p(c) t) for
/// the time t at which count others are in.
#[unsafe(no_mangle)]
pub extern "C" fn tenon_log_uniform_candidate_sampler(
    true_classes: TenonValue,
    count: i64,
    unique: CBool,
    range: i64,
    generator: TenonGenerator,
    true_expected: *mut TenonValue,
    sampled_expected: *mut TenonValue,
) -> TenonValue {
    let name = "log_uniform_candidate_sampler";
    sampler(name, true_classes, count, range, generator, true_expected, sampled_expected, |g, x, count, range, from| {
        g.log_uniform_candidate_sampler(x, count, unique.get(), range, from)
    })
}
