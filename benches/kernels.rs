//! What the kernels cost: `cargo bench --bench kernels`, or `-- tiles`, `-- convolutions`, `-- attention`, `-- pools`, `-- moves`, `-- linalg`
//! for parts.
//!
//! Loops over tiles of 1024 elements that lie in the first-level cache, in nanoseconds per element; convolutions in GFLOP/s beside a matrix product
//! of the same run; attention likewise, and in bytes; pools in nanoseconds per element of the image, what moves or
//! orders elements per element of the result, linear algebra in milliseconds. The best of many runs, one thread.

use std::time::Instant;
use tenon::autodiff::reverse;
use tenon::ir::{Binary, Type, Unary, Value};
use tenon::ops::composite::index::Join;
use tenon::ops::composite::vision::Padding;
use tenon::ops::composite::vision::convolution::Convolution;
use tenon::ops::composite::vision::pool::{Divisor, Pool};
use tenon::ops::{AttentionOptions, Trace};
use tenon::runtime::cpu::simd::{Class, Level, RowOp, TileOp, column_reduce, expand_rows, kernel, row_reduce};
use tenon::runtime::jobs::Jobs;
use tenon::runtime::{Program, Target};
use tenon::tensor::Allocator;
use tenon::{DType, Shape, Tensor};

const N: usize = 1024;

/// The least time of one call in nanoseconds.
fn best(mut call: impl FnMut()) -> f64 {
    const CALLS: u32 = 200;
    (0..300)
        .map(|_| {
            let start = Instant::now();
            for _ in 0..CALLS {
                call();
            }
            start.elapsed().as_nanos() as f64 / CALLS as f64
        })
        .fold(f64::INFINITY, f64::min)
}

fn main() {
    let wanted: Vec<String> = std::env::args().skip(1).filter(|argument| !argument.starts_with('-')).collect();
    let is_wanted = |part: &str| wanted.is_empty() || wanted.iter().any(|name| name == part);
    if is_wanted("convolutions") {
        convolutions();
    }
    if is_wanted("attention") {
        attention();
    }
    if is_wanted("pools") {
        pools();
    }
    if is_wanted("moves") {
        moves();
    }
    if is_wanted("linalg") {
        linalg();
    }
    if is_wanted("tiles") {
        tiles();
    }
}

/// The least time of a run of the graph in seconds.
fn seconds(shapes: &[&[usize]], record: impl FnOnce(&mut Trace, &[Value]) -> Value) -> f64 {
    measure(shapes, |g, x| vec![record(g, x)]).0
}

/// The least time of a run of the graph in seconds, and the bytes that its program takes beside operands and results.
fn measure(shapes: &[&[usize]], record: impl FnOnce(&mut Trace, &[Value]) -> Vec<Value>) -> (f64, usize) {
    let allocator = Allocator::system();
    let mut g = Trace::new();
    let inputs: Vec<Value> = shapes.iter().map(|dims| g.input(Type::new(DType::F32, Shape::new(dims).expect("a shape")))).collect();
    let results = record(&mut g, &inputs);
    let graph = g.finish(&results).expect("a graph");
    let target = Target { allocator: allocator.clone(), jobs: Jobs::inline(), level: Level::detect() };
    let program = Program::compile(graph, &target).expect("a program");
    let fill = |dims: &&[usize]| {
        let numbers: Vec<f32> = (0..dims.iter().product::<usize>()).map(|i| (i * 7919 % 1000) as f32 * 1e-3 - 0.5).collect();
        Tensor::from_slice(&allocator, &numbers, dims).expect("a tensor")
    };
    let inputs: Vec<Tensor> = shapes.iter().map(fill).collect();
    let inputs: Vec<&Tensor> = inputs.iter().collect();
    let outputs: Vec<Tensor> =
        program.output_types().iter().map(|ty| Tensor::zeros(&allocator, ty.dtype, ty.shape).expect("a tensor")).collect();
    let outputs: Vec<&Tensor> = outputs.iter().collect();
    let begin = Instant::now();
    let mut least = f64::INFINITY;
    while begin.elapsed().as_secs_f64() < 0.4 {
        let start = thread_seconds();
        program.run(&inputs, &outputs).expect("a run");
        least = least.min(thread_seconds() - start);
    }
    (least, program.memory_bytes())
}

/// The time that this thread has run: what else the machine does counts less.
fn thread_seconds() -> f64 {
    let mut time = libc::timespec { tv_sec: 0, tv_nsec: 0 };
    // SAFETY: the call writes the struct.
    unsafe { libc::clock_gettime(libc::CLOCK_THREAD_CPUTIME_ID, &mut time) };
    time.tv_sec as f64 + time.tv_nsec as f64 * 1e-9
}

fn product_rate() -> f64 {
    2.0 * 512f64.powi(3) / seconds(&[&[512, 512], &[512, 512]], |g, x| g.matmul(x[0], x[1])) / 1e9
}

/// Channels, size, kernel, stride, groups; batches of 64.
const CONVOLUTIONS: &[[usize; 5]] = &[
    [32, 32, 3, 1, 1],
    [64, 32, 3, 1, 1],
    [128, 32, 3, 1, 1],
    [32, 16, 3, 1, 1],
    [64, 16, 3, 1, 1],
    [128, 16, 3, 1, 1],
    [32, 8, 3, 1, 1],
    [64, 8, 3, 1, 1],
    [128, 8, 3, 1, 1],
    [64, 32, 3, 2, 1],
    [64, 14, 5, 1, 1],
    [128, 7, 3, 1, 1],
    [128, 16, 1, 1, 1],
    [64, 16, 3, 1, 64],
    [64, 16, 3, 2, 64],
    [64, 16, 3, 1, 32],
    [64, 16, 3, 1, 16],
    [64, 16, 3, 1, 8],
    [64, 16, 3, 1, 4],
];

fn convolutions() {
    println!("GFLOP/s of f32, batch 64, and in parts of the product 512 x 512 x 512");
    println!("{:<44}{:>10}{:>18}{:>18}{:>18}", "", "product", "forward", "input gradient", "filter gradient");
    for &[channels, size, kernel, stride, groups] in CONVOLUTIONS {
        let options = Convolution { stride: vec![stride], padding: Padding::even(kernel / 2), groups, ..Convolution::default() };
        let count = (size + kernel / 2 * 2 - kernel) / stride + 1;
        let (x, w, y) = ([64, channels, size, size], [channels, channels / groups, kernel, kernel], [64, channels, count, count]);
        let work = 2.0 * (64 * channels * count * count) as f64 * (channels / groups * kernel * kernel) as f64 / 1e9;
        let rate = product_rate();
        print!(
            "{:<44}{rate:>10.1}",
            format!("{channels} channels, {size} x {size}, {kernel} x {kernel}, stride {stride}, groups {groups}")
        );
        let forward = seconds(&[&x, &w], |g, x| g.conv(x[0], x[1], None, &options));
        let gradient = |position: usize| {
            seconds(&[&x, &w, &y], |g, x| {
                let y = g.conv(x[0], x[1], None, &options);
                reverse(g, &[(y, x[2])], &[x[position]]).expect("a gradient")[0]
            })
        };
        for time in [forward, gradient(0), gradient(1)] {
            print!("{:>10.1}{:>6.0} %", work / time, work / time / rate * 100.0);
        }
        println!();
    }
}

fn attention() {
    println!("causal attention of f32, 8 heads of 64: GFLOP/s of the products that the mask leaves, and memory of the program");
    println!("{:<44}{:>10}{:>18}{:>18}{:>14}{:>22}", "", "product", "forward", "with gradients", "bytes", "bytes of all weights");
    for length in [256, 512, 1024, 2048, 4096] {
        let shape = [8, length, 64];
        let options = AttentionOptions { causal: true, ..AttentionOptions::default() };
        let record = |g: &mut Trace, x: &[Value]| g.scaled_dot_product_attention(x[0], x[1], x[2], options);
        let rate = product_rate();
        let forward = seconds(&[&shape[..]; 3], record);
        let (backward, bytes) = measure(&[&shape[..]; 4], |g, x| {
            let y = record(g, x);
            reverse(g, &[(y, x[3])], &x[..3]).expect("gradients")
        });
        // Two products forward; backward the scores again and four more.
        let work = |products: usize| (products * 8 * length * (length + 1) * 64) as f64 / 1e9;
        print!("{:<44}{rate:>10.1}", format!("{length} x {length}"));
        for (work, time) in [(work(2), forward), (work(7), backward)] {
            print!("{:>10.1}{:>6.0} %", work / time, work / time / rate * 100.0);
        }
        println!("{bytes:>14}{:>22}", 8 * length * length * 4);
    }
}

fn pools() {
    println!("pools of f32 [64, 64, 32, 32]: ns per element of the image");
    println!("{:<44}{:>10}{:>10}", "", "forward", "gradient");
    let x = [64, 64, 32, 32];
    let pool = |kernel, stride, padding| Pool { stride: vec![stride], padding: Padding::even(padding), ..Pool::new(&[kernel]) };
    type Record = fn(&mut Trace, Value, &Pool) -> Value;
    let rows: [(&str, Record, Pool); 5] = [
        ("max 2 x 2, stride 2", |g, x, pool| g.max_pool(x, pool), pool(2, 2, 0)),
        ("max 3 x 3, stride 2, padding 1", |g, x, pool| g.max_pool(x, pool), pool(3, 2, 1)),
        ("max 3 x 3, stride 1, padding 1", |g, x, pool| g.max_pool(x, pool), pool(3, 1, 1)),
        ("average 2 x 2, stride 2", |g, x, pool| g.avg_pool(x, pool, Divisor::WithPadding), pool(2, 2, 0)),
        ("average 3 x 3, stride 1, padding 1", |g, x, pool| g.avg_pool(x, pool, Divisor::WithPadding), pool(3, 1, 1)),
    ];
    for (name, record, pool) in rows {
        let forward = seconds(&[&x], |g, x| record(g, x[0], &pool));
        let backward = seconds(&[&x], |g, x| {
            let y = record(g, x[0], &pool);
            let seed = g.ones_like(y);
            reverse(g, &[(y, seed)], &[x[0]]).expect("a gradient")[0]
        });
        let elements = x.iter().product::<usize>() as f64;
        println!("{name:<44}{:>10.3}{:>10.3}", forward / elements * 1e9, backward / elements * 1e9);
    }
}

/// Numbers below `size` in no order.
fn indices(dims: &[usize], size: usize) -> Tensor {
    let numbers: Vec<i32> = (0..dims.iter().product::<usize>()).map(|i| (i * 7919 % size) as i32).collect();
    Tensor::from_slice(&Allocator::system(), &numbers, dims).expect("a tensor")
}

fn moves() {
    println!("ns per element of f32 [1024, 1024]");
    const DIMS: [usize; 2] = [1024, 1024];
    type Record = fn(&mut Trace, Value, Value) -> Value;
    let rows: [(&str, &[usize], Record); 14] = [
        ("gather rows", &[1024], |g, x, i| g.gather(x, i, 0)),
        ("gather columns", &[1024], |g, x, i| g.gather(x, i, 1)),
        ("take along axis 0", &DIMS, |g, x, i| g.take_along(x, i, 0)),
        ("take along axis 1", &DIMS, |g, x, i| g.take_along(x, i, 1)),
        ("scatter_add rows", &[1024], |g, x, i| g.scatter_add(x, i, x, 0)),
        ("scatter_add columns", &[1024], |g, x, i| g.scatter_add(x, i, x, 1)),
        ("scatter_add along axis 0", &DIMS, |g, x, i| g.scatter_along(x, i, x, 0, Join::Add, true)),
        ("scatter_add along axis 1", &DIMS, |g, x, i| g.scatter_along(x, i, x, 1, Join::Add, true)),
        ("cumsum along axis 0", &[1], |g, x, _| g.cumsum(x, 0, false, false)),
        ("cumsum along axis 1", &[1], |g, x, _| g.cumsum(x, 1, false, false)),
        ("argsort along axis 1", &[1], |g, x, _| g.argsort(x, 1, false)),
        ("transpose", &[1], |g, x, _| g.transpose(x, &[1, 0])),
        ("concat", &[1], |g, x, _| g.concat(&[x, x], 1)),
        ("argmax along axis 0", &[1], |g, x, _| g.argmax(x, 0)),
    ];
    for (name, dims, record) in rows {
        let time = seconds(&[&DIMS], |g, x| {
            let i = g.constant(&indices(dims, 1024));
            record(g, x[0], i)
        });
        println!("{name:<44}{:>10.3}", time / DIMS.iter().product::<usize>() as f64 * 1e9);
    }
}

fn linalg() {
    println!("ms for a matrix of f32 [256, 256]");
    const DIMS: [usize; 2] = [256, 256];
    type Record = fn(&mut Trace, Value) -> Value;
    let rows: [(&str, Record); 6] = [
        ("cholesky", |g, x| g.cholesky(x, false)),
        ("lu", |g, x| g.lu_factor(x)[0]),
        ("inverse", |g, x| g.inverse(x)),
        ("qr", |g, x| g.qr(x, false)[0]),
        ("eigh", |g, x| g.eigh(x, false)[0]),
        ("svd", |g, x| g.svd(x)[1]),
    ];
    for (name, record) in rows {
        // Symmetric, and its eigenvalues lie between 1 and a few hundred.
        let time = seconds(&[&DIMS], |g, x| {
            let transposed = g.transpose(x[0], &[1, 0]);
            let square = g.matmul(x[0], transposed);
            let one = g.eye(DType::F32, 256, 256);
            let x = g.add(square, one);
            record(g, x)
        });
        println!("{name:<44}{:>10.3}", time * 1e3);
    }
}

fn tiles() {
    let operations = [
        ("Exp", TileOp::Unary(Unary::Exp)),
        ("Expm1", TileOp::Unary(Unary::Expm1)),
        ("Log", TileOp::Unary(Unary::Log)),
        ("Log1p", TileOp::Unary(Unary::Log1p)),
        ("Sin", TileOp::Unary(Unary::Sin)),
        ("Tanh", TileOp::Unary(Unary::Tanh)),
        ("Sigmoid", TileOp::Unary(Unary::Sigmoid)),
        ("Erf", TileOp::Unary(Unary::Erf)),
        ("Sqrt", TileOp::Unary(Unary::Sqrt)),
        ("Rsqrt", TileOp::Unary(Unary::Rsqrt)),
        ("Relu", TileOp::Unary(Unary::Relu)),
        ("Add", TileOp::Binary(Binary::Add)),
        ("Max", TileOp::Binary(Binary::Max)),
        ("Div", TileOp::Binary(Binary::Div)),
        ("Pow", TileOp::Binary(Binary::Pow)),
        ("MulAdd", TileOp::MulAdd),
        ("Normal", TileOp::NormalFromBits),
        ("Uniform", TileOp::UniformFromBits),
    ];
    let a: Vec<f32> = (0..N).map(|i| (i as f32 + 0.5) * 0.003).collect();
    let bits: Vec<u32> = (0..N as u32).map(|i| i.wrapping_mul(2654435769)).collect();
    let mut target = vec![0f32; N];
    println!("ns per element of f32, n = {N}");
    print!("{:<24}", "");
    for level in Level::available() {
        print!("{:>10}", level.name());
    }
    println!();
    for (name, operation) in operations {
        print!("{name:<24}");
        for level in Level::available() {
            let kernel = kernel(level, operation, Class::F32, [false; 3]).expect("a kernel of f32");
            let random = matches!(operation, TileOp::NormalFromBits | TileOp::UniformFromBits);
            let x = if random { bits.as_ptr().cast() } else { a.as_ptr().cast() };
            // SAFETY: N elements each, at an available level.
            let time = best(|| unsafe { kernel(N, target.as_mut_ptr().cast(), x, x, x) });
            print!("{:>10.4}", time / N as f64);
        }
        println!();
    }
    for (name, operation, columns) in [
        ("sum of rows of 10", RowOp::Sum, 10),
        ("sum of rows of 12", RowOp::Sum, 12),
        ("sum of rows of 1024", RowOp::Sum, 1024),
        ("max of rows of 10", RowOp::Max, 10),
        ("argmax of rows of 10", RowOp::ArgMax, 10),
    ] {
        print!("{name:<24}");
        let rows = N / columns;
        let mut target = vec![0u64; N];
        for level in Level::available() {
            let reduce = row_reduce(level, operation, Class::F32).expect("a reduction of f32");
            // SAFETY: rows * columns <= N elements, and room for as many results of 8 bytes.
            let time = best(|| unsafe { reduce(rows, columns, target.as_mut_ptr().cast(), a.as_ptr().cast()) });
            print!("{:>10.4}", time / (rows * columns) as f64);
        }
        println!();
    }
    for (name, columns) in [("sum down columns of 10", 10), ("sum down columns of 128", 128)] {
        print!("{name:<24}");
        let rows = N / columns;
        let mut sums = vec![0f32; columns];
        for level in Level::available() {
            let reduce = column_reduce(level, RowOp::Sum, Class::F32).expect("a reduction of f32");
            // SAFETY: rows * columns <= N elements and `columns` sums.
            let time = best(|| unsafe { reduce(rows, columns, sums.as_mut_ptr().cast(), a.as_ptr().cast()) });
            print!("{:>10.4}", time / (rows * columns) as f64);
        }
        println!();
    }
    print!("{:<24}", "expand to rows of 10");
    for level in Level::available() {
        let expand = expand_rows(level, Class::F32);
        // SAFETY: 102 elements become 1020.
        let time = best(|| unsafe { expand(N / 10, 10, target.as_mut_ptr().cast(), a.as_ptr().cast()) });
        print!("{:>10.4}", time / (N / 10 * 10) as f64);
    }
    println!();
}
