//! What the kernels cost on tiles of 1024 elements that lie in the first-level cache: `cargo bench --bench kernels`.
//!
//! Prints nanoseconds per element, the best of many runs.

use std::time::Instant;
use tenon::ir::{Binary, Unary};
use tenon::runtime::cpu::simd::{Class, Level, RowOp, TileOp, column_reduce, expand_rows, kernel, row_reduce};

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
