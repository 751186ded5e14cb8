//! Attention: tiles of all kinds against the oracle and against the definition, and the memory that it does without.

use crate::check::{Case, numbers, target};
use crate::draws::{Draws, tensor};
use tenon::DType;
use tenon::autodiff::reverse;
use tenon::ir::{Attention, Op, Type, Value, Variable};
use tenon::ops::{AttentionOptions, Trace, definition};
use tenon::runtime::Program;
use tenon::runtime::cpu::simd::Level;
use tenon::runtime::jobs::Jobs;
use tenon::tensor::{Shape, Tensor};

#[derive(Clone, Copy)]
struct Form {
    dtype: DType,
    query: &'static [usize],
    key: &'static [usize],
    depth: usize,
    mask: Option<(DType, &'static [usize])>,
    causal: bool,
    dropout: f64,
}

const PLAIN: Form = Form { dtype: DType::F32, query: &[], key: &[], depth: 8, mask: None, causal: false, dropout: 0.0 };

/// Blocks that are whole, ragged, and single; matrices that share keys; masks of each kind and layout.
const FORMS: &[Form] = &[
    Form { query: &[128, 32], key: &[256, 32], depth: 32, ..PLAIN },
    Form { query: &[2, 3, 70, 16], key: &[2, 3, 133, 16], depth: 24, ..PLAIN },
    Form { query: &[2, 3, 70, 16], key: &[2, 3, 133, 16], causal: true, ..PLAIN },
    Form { query: &[2, 150, 5], key: &[2, 40, 5], depth: 3, causal: true, ..PLAIN },
    Form { query: &[1, 1, 1, 64], key: &[1, 1, 300, 64], depth: 64, ..PLAIN },
    Form { query: &[300, 8], key: &[1, 8], depth: 1, ..PLAIN },
    Form { query: &[9, 4, 6, 8], key: &[9, 4, 6, 8], ..PLAIN },
    Form { query: &[2, 6, 65, 8], key: &[2, 2, 129, 8], causal: true, ..PLAIN },
    Form { query: &[3, 4, 20, 8], key: &[1, 4, 150, 8], ..PLAIN },
    Form { query: &[2, 2, 66, 8], key: &[2, 2, 140, 8], mask: Some((DType::F32, &[66, 140])), ..PLAIN },
    Form { query: &[2, 2, 66, 8], key: &[2, 2, 140, 8], mask: Some((DType::F32, &[2, 1, 1, 140])), causal: true, ..PLAIN },
    Form { query: &[2, 2, 66, 8], key: &[2, 2, 140, 8], mask: Some((DType::F32, &[2, 66, 1])), ..PLAIN },
    Form { query: &[2, 2, 66, 8], key: &[2, 2, 140, 8], mask: Some((DType::Bool, &[2, 2, 66, 140])), ..PLAIN },
    Form { query: &[2, 2, 66, 8], key: &[2, 2, 140, 8], mask: Some((DType::Bool, &[2, 1, 1, 140])), causal: true, ..PLAIN },
    Form { query: &[2, 2, 66, 8], key: &[2, 2, 140, 8], mask: Some((DType::Bool, &[2, 66, 1])), ..PLAIN },
    Form { query: &[2, 2, 66, 8], key: &[1, 2, 140, 8], dropout: 0.25, ..PLAIN },
    Form {
        dtype: DType::F64,
        query: &[2, 66, 8],
        key: &[2, 140, 8],
        dropout: 0.5,
        causal: true,
        mask: Some((DType::Bool, &[66, 140])),
        ..PLAIN
    },
    Form { dtype: DType::F64, query: &[2, 4, 66, 8], key: &[2, 2, 140, 8], mask: Some((DType::F64, &[4, 1, 140])), ..PLAIN },
    Form { dtype: DType::F16, query: &[2, 4, 66, 8], key: &[2, 2, 140, 8], mask: Some((DType::F16, &[66, 140])), ..PLAIN },
    Form { dtype: DType::BF16, query: &[70, 16], key: &[140, 16], depth: 16, causal: true, dropout: 0.1, ..PLAIN },
    Form { query: &[2, 0, 8], key: &[2, 3, 8], ..PLAIN },
    Form { query: &[2, 3, 8], key: &[2, 0, 8], ..PLAIN },
    Form { query: &[0, 3, 8], key: &[0, 5, 8], causal: true, ..PLAIN },
];

impl Form {
    fn inputs(&self, name: &str) -> Vec<Tensor> {
        let mut draws = Draws::new(name, 0);
        let value = [&self.key[..self.key.len() - 1], &[self.depth]].concat();
        let mut inputs: Vec<Tensor> =
            [self.query, self.key, &value].into_iter().map(|dims| draws.tensor(self.dtype, dims, -1.5, 1.5)).collect();
        inputs.extend(self.mask.map(|(dtype, dims)| draws.tensor(dtype, dims, if dtype == DType::Bool { 0.0 } else { -3.0 }, 2.0)));
        inputs
    }
    /// The result, and the gradients of all operands.
    fn case(&self, name: &str) -> Case {
        let generator = Variable::new("generator", tensor(DType::I64, &[3], &[5.0, 1.0, 4.0]));
        let mut inputs = self.inputs(name);
        let mut g = Trace::new();
        let x: Vec<Value> = inputs.iter().map(|input| g.input(Type::new(input.dtype(), *input.shape()))).collect();
        let options = AttentionOptions {
            mask: x.get(3).copied(),
            causal: self.causal,
            scale: None,
            dropout: (self.dropout > 0.0).then_some((self.dropout, &generator)),
            enable_gqa: true,
        };
        let y = g.scaled_dot_product_attention(x[0], x[1], x[2], options);
        g.check().expect("the attention is recorded");
        let seed = g.input(g.ty(y));
        inputs.push(Draws::new(name, 1).tensor(self.dtype, &g.dims(y), -1.0, 1.0));
        let wrt: Vec<Value> = x.iter().copied().filter(|x| g.dtype(*x).is_float()).collect();
        let mut outputs = reverse(&mut g, &[(y, seed)], &wrt).expect("the gradient is recorded");
        outputs.insert(0, y);
        Case { graph: g.finish(&outputs).expect("the graph is recorded"), inputs, magnitude: 2.0 }
    }
}

#[test]
fn tiles_give_what_single_weights_give() {
    for (number, form) in FORMS.iter().enumerate() {
        form.case(&format!("attention {number}")).check(&format!("attention {number}"));
    }
}

#[test]
fn bits_do_not_depend_on_workers() {
    for (number, form) in FORMS.iter().enumerate() {
        form.case(&format!("attention {number}")).check_jobs(&format!("attention {number}"));
    }
    let long = Form { query: &[700, 16], key: &[900, 16], causal: true, ..PLAIN };
    long.case("long attention").check_jobs("long attention");
}

/// Both results and the gradients of all operands, asked for with both, by the kernels and by the definition.
#[test]
fn the_definition_gives_the_same() {
    for (number, form) in FORMS.iter().enumerate().filter(|(_, form)| form.dtype == DType::F32 && form.query.len() < 4) {
        let name = format!("attention by definition {number}");
        let mut inputs = form.inputs(&name);
        let mut g = Trace::new();
        let mut x: Vec<Value> = inputs.iter().map(|input| g.input(Type::new(input.dtype(), *input.shape()))).collect();
        let attention = Attention { causal: form.causal, scale: 0.4, dropout: 0.3, start: 7 };
        inputs.push(tensor(DType::I64, &[3], &[8.0, 2.0, 9.0]));
        x.push(g.input(Type::new(DType::I64, Shape::new(&[3]).expect("a shape"))));
        let both = g.push(Op::Attention(attention), &x);
        let found = [g.part(both, 0), g.part(both, 1)];
        let expected = definition(&mut g, &Op::Attention(attention), &x).expect("attention is defined");
        let mut differences = Vec::new();
        let seeds: Vec<Value> = expected
            .iter()
            .enumerate()
            .map(|(i, result)| {
                inputs.push(Draws::new(&name, 1 + i as u64).tensor(DType::F32, &g.dims(*result), -1.0, 1.0));
                g.input(g.ty(*result))
            })
            .collect();
        let mut gradients = [&found[..], &expected[..]].map(|results| {
            let outputs: Vec<(Value, Value)> = results.iter().copied().zip(seeds.iter().copied()).collect();
            reverse(&mut g, &outputs, &x[..3]).expect("the gradient is recorded")
        });
        gradients[0].extend(found);
        gradients[1].extend(expected);
        for (a, b) in gradients[0].iter().zip(&gradients[1]) {
            // Equal infinities are no difference.
            let (difference, equal) = (g.sub(*a, *b), g.equal(*a, *b));
            let zero = g.zeros_like(*a);
            differences.push(g.select(equal, zero, difference));
        }
        let case = Case { graph: g.finish(&differences).expect("the graph is recorded"), inputs, magnitude: 2.0 };
        case.check(&name);
        let results = case.outputs();
        let program = Program::compile(case.graph.clone(), &target(Jobs::inline(), Level::detect())).expect("the graph compiles");
        case.run(&program, &results).expect("the program runs");
        for (i, result) in results.iter().enumerate() {
            let largest = numbers(result).into_iter().fold(0.0, |largest: f64, x| if x.is_nan() { x } else { largest.max(x.abs()) });
            assert!(largest < 1e-4, "{name}: result {i} is {largest} off");
        }
    }
}

#[test]
fn queries_without_a_key_get_and_give_zeros() {
    for dtype in [DType::Bool, DType::F32] {
        let mut draws = Draws::new("nothing to see", 0);
        let lowest = if dtype == DType::Bool { [1.0, 0.0] } else { [0.0, f64::NEG_INFINITY] };
        let mask: Vec<f64> = (0..70 * 150).map(|i| lowest[usize::from(i / 150 % 3 == 1 || i % 7 == 0)]).collect();
        let mut inputs: Vec<Tensor> = [70, 150, 150].iter().map(|rows| draws.tensor(DType::F32, &[*rows, 8], -1.0, 1.0)).collect();
        inputs.push(tensor(dtype, &[70, 150], &mask));
        let mut g = Trace::new();
        let x: Vec<Value> = inputs.iter().map(|input| g.input(Type::new(input.dtype(), *input.shape()))).collect();
        let y = g.scaled_dot_product_attention(x[0], x[1], x[2], AttentionOptions { mask: Some(x[3]), ..AttentionOptions::default() });
        let ones = g.ones_like(y);
        let wrt = if dtype == DType::Bool { &x[..3] } else { &x[..] };
        let mut outputs = reverse(&mut g, &[(y, ones)], wrt).expect("the gradient is recorded");
        outputs.push(y);
        // Rows 1, 4, ... of the result and of the query's gradient.
        for of in [y, outputs[0]] {
            let blind = g.slice(of, &[1, 0], &[70, 8], &[3, 1]);
            let magnitude = g.abs(blind);
            let total = g.sum(magnitude, &[0, 1], false);
            let zero = g.zeros_like(total);
            outputs.push(g.equal(total, zero));
        }
        let count = outputs.len();
        let case = Case { graph: g.finish(&outputs).expect("the graph is recorded"), inputs, magnitude: 2.0 };
        case.check("masked rows");
        let results = case.outputs();
        let program = Program::compile(case.graph.clone(), &target(Jobs::inline(), Level::detect())).expect("the graph compiles");
        case.run(&program, &results).expect("the program runs");
        for result in &results[count - 2..] {
            assert_eq!(result.to_vec::<bool>().expect("truths"), [true]);
        }
    }
}

#[test]
fn memory_grows_with_the_length_and_not_with_its_square() {
    const LENGTHS: [usize; 3] = [512, 1024, 2048];
    let bytes = LENGTHS.map(|length| {
        let mut g = Trace::new();
        let shape = Shape::new(&[1, 4, length, 64]).expect("a shape");
        let x: Vec<Value> = (0..3).map(|_| g.input(Type::new(DType::F32, shape))).collect();
        let y = g.scaled_dot_product_attention(x[0], x[1], x[2], AttentionOptions { causal: true, ..AttentionOptions::default() });
        let square = g.mul(y, y);
        let loss = g.sum(square, &[0, 1, 2, 3], false);
        let one = g.ones_like(loss);
        let mut outputs = reverse(&mut g, &[(loss, one)], &x).expect("the gradient is recorded");
        outputs.push(loss);
        let graph = g.finish(&outputs).expect("the graph is recorded");
        Program::compile(graph, &target(Jobs::inline(), Level::detect())).expect("the graph compiles").memory_bytes()
    });
    println!("attention with gradients of 4 x {LENGTHS:?} x 64: {bytes:?} bytes");
    for pair in bytes.windows(2) {
        assert!(pair[1] * 10 < pair[0] * 22, "{bytes:?}");
    }
    for (bytes, length) in bytes.into_iter().zip(LENGTHS).skip(1) {
        let weights = 4 * length * length * size_of::<f32>();
        assert!(bytes < weights / 2 && (length < 2048 || bytes < weights / 4), "{bytes} of {weights} at {length}");
    }
}
