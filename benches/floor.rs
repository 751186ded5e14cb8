//! The matmul floor: a training step's matrix products and nothing else, one thread, through the `gemm` crate.
//!
//! For each workload of `benches/peers/workloads.py` this runs exactly the products that one step cannot do without, in the order in
//! which the step needs them: forward, then from the last layer to the first the gradient of the weight and the gradient of the input,
//! without the gradient of the input of the first layer, which nobody asks for. No bias, no activation, no loss, no update. What a
//! runtime needs on top is its own cost: `benches/run.py` prints the ratio.
//!
//! A convolution counts as the product over unfolded patches, image by image; unfolding itself is left out, as are pooling and
//! normalization. An algorithm without these products (Winograd, direct) may go below this floor.
//!
//! Prints one JSON line per workload: `{workload, threads, who: "floor", us_median, us_min}`.

use std::time::{Duration, Instant};

fn main() {
    let options = match Options::from_arguments(std::env::args().skip(1)) {
        Ok(options) => options,
        Err(message) => {
            eprintln!("floor: {message}");
            std::process::exit(2);
        }
    };
    for (name, record) in WORKLOADS {
        if options.workloads.is_empty() || options.workloads.iter().any(|wanted| wanted == name) {
            let mut step = Step::default();
            record(&mut step);
            let (median, min) = measure(options.seconds, &step);
            println!("{{\"workload\": \"{name}\", \"threads\": 1, \"who\": \"floor\", \"us_median\": {median:.1}, \"us_min\": {min:.1}}}");
        }
    }
}

/// The workloads as the products of their steps.
type Workload = (&'static str, fn(&mut Step));

const WORKLOADS: [Workload; 8] = [
    ("policy", |step| mlp(step, 64, &[48, 64, 64, 12])),
    ("mnist_mlp", |step| mlp(step, 64, &[784, 128, 10])),
    ("lenet", lenet),
    ("convnet", convnet),
    ("lstm", lstm),
    ("gpt", gpt),
    ("wide", |step| mlp(step, 1024, &[1024; 4])),
    ("field", |step| mlp(step, 16384, &[32, 64, 64, 3])),
];

fn mlp(step: &mut Step, batch: usize, widths: &[usize]) {
    let input = step.input(batch, widths[0]);
    dense_layers(step, input, widths);
}

fn dense_layers(step: &mut Step, mut x: Activation, widths: &[usize]) {
    for &outputs in &widths[1..] {
        x = step.dense(x, outputs);
    }
}

fn lenet(step: &mut Step) {
    let images = 64;
    step.convolution(images, Patches { inputs: 1, size: 5, places: 24 * 24 }, 6, Place::First);
    step.convolution(images, Patches { inputs: 6, size: 5, places: 8 * 8 }, 16, Place::Inner);
    let flat = step.inner(images, 256);
    dense_layers(step, flat, &[256, 120, 84, 10]);
}

fn convnet(step: &mut Step) {
    let images = 64;
    step.convolution(images, Patches { inputs: 3, size: 3, places: 32 * 32 }, 32, Place::First);
    step.convolution(images, Patches { inputs: 32, size: 3, places: 16 * 16 }, 64, Place::Inner);
    step.convolution(images, Patches { inputs: 64, size: 3, places: 8 * 8 }, 128, Place::Inner);
    let flat = step.inner(images, 2048);
    step.dense(flat, 10);
}

/// The four gates of all steps of the sequence in one product where the recurrence permits it: the input's share, and the gradients of
/// the weights.
fn lstm(step: &mut Step) {
    let (batch, length, hidden) = (32, 64, 128);
    let embedded = step.inner(batch * length, 64);
    step.dense(embedded, 4 * hidden);

    let weight = step.matrix(4 * hidden, hidden);
    let states = step.inner(length * batch, hidden);
    let gates = step.matrix(length * batch, 4 * hidden);
    let state_gradient = step.matrix(batch, hidden);
    let weight_gradient = step.matrix(4 * hidden, hidden);
    step.backward.push(Product::new(gates.transposed(), states.value, weight_gradient));
    for t in 0..length {
        let now = |m: Matrix| m.rows_from(t * batch, batch);
        step.forward.push(Product::new(now(states.value), weight.transposed(), now(gates)));
        step.backward.push(Product::new(now(gates), weight, state_gradient));
    }
    step.dense(states, 64);
}

fn gpt(step: &mut Step) {
    let (batch, length, width, heads) = (8, 128, 128, 4);
    let tokens = batch * length;
    for _layer in 0..4 {
        let x = step.inner(tokens, width);
        step.dense(x, 3 * width);
        for _head in 0..batch * heads {
            step.attention(length, width / heads);
        }
        let attended = step.inner(tokens, width);
        step.dense(attended, width);
        let x = step.inner(tokens, width);
        let up = step.dense(x, 4 * width);
        step.dense(up, width);
    }
    let x = step.inner(tokens, width);
    step.dense(x, 256);
}

/// What a layer reads, and where the gradient of that goes; none where nobody asks for it.
#[derive(Clone, Copy)]
struct Activation {
    value: Matrix,
    gradient: Option<Matrix>,
}

/// The unfolded patches of one image: `inputs` channels times `size` x `size`, at `places` positions of the output.
struct Patches {
    inputs: usize,
    size: usize,
    places: usize,
}

#[derive(PartialEq)]
enum Place {
    First,
    Inner,
}

/// The products of one training step over one block of memory.
#[derive(Default)]
struct Step {
    elements: usize,
    forward: Vec<Product>,
    /// In the order of recording; runs from the last to the first.
    backward: Vec<Product>,
}

impl Step {
    fn matrix(&mut self, rows: usize, columns: usize) -> Matrix {
        let start = self.elements;
        self.elements += (rows * columns).next_multiple_of(16); // 64-byte alignment
        Matrix { start, rows, columns, row_stride: columns, column_stride: 1 }
    }

    /// The network's input: needs no gradient.
    fn input(&mut self, rows: usize, columns: usize) -> Activation {
        Activation { value: self.matrix(rows, columns), gradient: None }
    }

    /// A value inside the network.
    fn inner(&mut self, rows: usize, columns: usize) -> Activation {
        Activation { value: self.matrix(rows, columns), gradient: Some(self.matrix(rows, columns)) }
    }

    /// y = x W', dW = dy' x, dx = dy W, with W stored as [outputs, inputs].
    fn dense(&mut self, x: Activation, outputs: usize) -> Activation {
        let y = self.matrix(x.value.rows, outputs);
        let y_gradient = self.matrix(x.value.rows, outputs);
        let weight = self.matrix(outputs, x.value.columns);
        let weight_gradient = self.matrix(outputs, x.value.columns);
        self.forward.push(Product::new(x.value, weight.transposed(), y));
        if let Some(gradient) = x.gradient {
            self.backward.push(Product::new(y_gradient, weight, gradient));
        }
        self.backward.push(Product::new(y_gradient.transposed(), x.value, weight_gradient));
        Activation { value: y, gradient: Some(y_gradient) }
    }

    /// Image by image: y = W patches, dW += dy patches', dpatches = W' dy. One image's patches are memory that all images share.
    fn convolution(&mut self, images: usize, patches: Patches, outputs: usize, place: Place) {
        let depth = patches.inputs * patches.size * patches.size;
        let unfolded = self.matrix(depth, patches.places);
        let weight = self.matrix(outputs, depth);
        let weight_gradient = self.matrix(outputs, depth);
        for image in 0..images {
            let y = self.matrix(outputs, patches.places);
            let y_gradient = self.matrix(outputs, patches.places);
            self.forward.push(Product::new(weight, unfolded, y));
            if place == Place::Inner {
                self.backward.push(Product::new(weight.transposed(), y_gradient, unfolded));
            }
            // The last image recorded is the first to run: it starts the sum.
            let product = Product::new(y_gradient, unfolded.transposed(), weight_gradient);
            self.backward.push(Product { accumulate: image + 1 < images, ..product });
        }
    }

    /// One head of one sequence: scores = q k', y = p v, and their four gradients.
    fn attention(&mut self, length: usize, width: usize) {
        let [query, key, value, y, y_gradient] = std::array::from_fn(|_| self.matrix(length, width));
        let [query_gradient, key_gradient, value_gradient] = std::array::from_fn(|_| self.matrix(length, width));
        let [scores, scores_gradient] = std::array::from_fn(|_| self.matrix(length, length));
        self.forward.push(Product::new(query, key.transposed(), scores));
        self.forward.push(Product::new(scores, value, y));
        self.backward.push(Product::new(scores_gradient.transposed(), query, key_gradient));
        self.backward.push(Product::new(scores_gradient, key, query_gradient));
        self.backward.push(Product::new(scores.transposed(), y_gradient, value_gradient));
        self.backward.push(Product::new(y_gradient, value.transposed(), scores_gradient));
    }

    fn run(&self, memory: &mut [f32]) {
        self.forward.iter().chain(self.backward.iter().rev()).for_each(|product| product.run(memory));
    }
}

/// A matrix in the step's memory; strides count elements.
#[derive(Clone, Copy)]
struct Matrix {
    start: usize,
    rows: usize,
    columns: usize,
    row_stride: usize,
    column_stride: usize,
}

impl Matrix {
    fn transposed(self) -> Matrix {
        Matrix { rows: self.columns, columns: self.rows, row_stride: self.column_stride, column_stride: self.row_stride, ..self }
    }

    fn rows_from(self, first: usize, rows: usize) -> Matrix {
        assert!(first + rows <= self.rows);
        Matrix { start: self.start + first * self.row_stride, rows, ..self }
    }

    fn end(&self) -> usize {
        self.start + (self.rows - 1) * self.row_stride + (self.columns - 1) * self.column_stride + 1
    }
}

/// out = a b, or out += a b.
struct Product {
    a: Matrix,
    b: Matrix,
    out: Matrix,
    accumulate: bool,
}

impl Product {
    fn new(a: Matrix, b: Matrix, out: Matrix) -> Product {
        assert_eq!((a.rows, b.columns, a.columns), (out.rows, out.columns, b.rows));
        assert!(a.end() <= out.start || out.end() <= a.start, "the output overlaps an operand");
        assert!(b.end() <= out.start || out.end() <= b.start, "the output overlaps an operand");
        Product { a, b, out, accumulate: false }
    }

    /// The kernels want their output stored column by column; a row-major product is the product of the transposed matrices.
    fn run(&self, memory: &mut [f32]) {
        let (a, b, out) = (self.b.transposed(), self.a.transposed(), self.out.transposed());
        assert!(a.end() <= memory.len() && b.end() <= memory.len() && out.end() <= memory.len());
        let base = memory.as_mut_ptr();
        // SAFETY: all three matrices lie within `memory`, and `new` saw to it that the output overlaps neither operand.
        unsafe {
            gemm_f32::gemm::f32::get_gemm_fn()(
                out.rows,
                out.columns,
                a.columns,
                base.add(out.start),
                out.column_stride as isize,
                out.row_stride as isize,
                self.accumulate,
                base.add(a.start),
                a.column_stride as isize,
                a.row_stride as isize,
                base.add(b.start),
                b.column_stride as isize,
                b.row_stride as isize,
                1.0,
                1.0,
                false,
                false,
                false,
                gemm_common::Parallelism::None,
            );
        }
    }
}

/// Median and least time of a step in microseconds, over the given time and at least five steps, after a warm-up.
fn measure(seconds: f64, step: &Step) -> (f64, f64) {
    let mut memory = vec![0f32; step.elements];
    // Small values that differ. No step reads what the one before it wrote as an operand of a longer and longer chain, so they stay small.
    let mut word = 0x2545_f491u32;
    for value in &mut memory {
        word = word.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        *value = (word >> 8) as f32 / (1 << 24) as f32 * 0.02 - 0.01;
    }
    (0..3).for_each(|_| step.run(&mut memory));
    let mut durations = Vec::new();
    let end = Instant::now() + Duration::from_secs_f64(seconds);
    while durations.len() < 5 || Instant::now() < end {
        let start = Instant::now();
        step.run(&mut memory);
        durations.push(start.elapsed().as_secs_f64() * 1e6);
    }
    durations.sort_by(f64::total_cmp);
    (durations[durations.len() / 2], durations[0])
}

struct Options {
    workloads: Vec<String>,
    seconds: f64,
}

impl Options {
    /// `--workload NAME` (may be repeated), `--seconds S`, `--threads 1`; `--bench` is what cargo adds.
    fn from_arguments(mut arguments: impl Iterator<Item = String>) -> Result<Options, String> {
        let mut options = Options { workloads: Vec::new(), seconds: 1.5 };
        while let Some(argument) = arguments.next() {
            let mut value = || arguments.next().ok_or(format!("{argument} needs a value"));
            match argument.as_str() {
                "--bench" => {}
                "--workload" => {
                    let name = value()?;
                    if !WORKLOADS.iter().any(|(known, _)| *known == name) {
                        let known: Vec<&str> = WORKLOADS.iter().map(|(known, _)| *known).collect();
                        return Err(format!("no workload is called {name}; there are {}", known.join(", ")));
                    }
                    options.workloads.push(name);
                }
                "--seconds" => options.seconds = value()?.parse().map_err(|_| "--seconds takes a number".to_string())?,
                "--threads" if value()? == "1" => {}
                "--threads" => return Err("the floor is a figure for one thread".to_string()),
                other => return Err(format!("unknown argument {other}; known are --workload NAME, --seconds S, --threads 1")),
            }
        }
        Ok(options)
    }
}
