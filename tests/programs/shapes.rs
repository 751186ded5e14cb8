//! Shapes around the sizes at which loops and products are cut into tiles, tasks, and stretches.

use crate::draws::Draws;
use crate::forms::case;
use tenon::DType;
use tenon::ir::Variable;
use tenon::tensor::Tensor;

/// Around the lanes of vectors, a tile (1024 elements), a task (32768), and the blocks of products.
const SIZES: [usize; 10] = [1, 12, 31, 64, 1000, 1025, 2049, 5000, 33_000, 70_000];
const MOST: usize = 72_000;

fn numbers(dtype: DType, dims: &[usize]) -> Tensor {
    Draws::new("shapes", dims.iter().fold(1, |number, size| number * 1_000_003 + *size as u64)).tensor(dtype, dims, -1.0, 1.0)
}

/// Every pair of sizes that is not too large.
fn pairs() -> impl Iterator<Item = (usize, usize)> {
    SIZES
        .into_iter()
        .flat_map(|rows| SIZES.into_iter().map(move |columns| (rows, columns)))
        .filter(|(rows, columns)| rows * columns <= MOST)
}

#[test]
fn loops_of_any_rows_and_columns() {
    for (rows, columns) in pairs() {
        let inputs = vec![
            numbers(DType::F32, &[rows, columns]),
            numbers(DType::F32, &[columns]),
            numbers(DType::F32, &[rows, 1]),
            numbers(DType::Bool, &[rows, columns]),
        ];
        let magnitude = (rows * columns) as f64 / 10.0;
        let name = format!("loops over [{rows}, {columns}]");
        let case = case(inputs, magnitude, |g, x| {
            let shifted = g.add(x[0], x[1]);
            let scaled = g.mul(shifted, x[2]);
            let kept = g.select(x[3], scaled, x[0]);
            let by_row = g.sum(kept, &[1], false);
            let by_column = g.sum(kept, &[0], false);
            let largest = g.max(kept, &[0], false);
            let total = g.sum(kept, &[0, 1], false);
            let softmax = g.softmax(x[0], 1);
            let position = g.argmax(x[0], 1);
            let any = g.any(x[3], &[0], false);
            let turned = g.transpose(kept, &[1, 0]);
            let turned = g.mul(turned, turned);
            vec![by_row, by_column, largest, total, softmax, position, any, turned, kept]
        });
        case.check(&name);
        if rows * columns > 60_000 {
            case.check_jobs(&name);
        }
    }
}

#[test]
fn state_is_updated_in_place_in_any_shape() {
    for (rows, columns) in pairs().filter(|(rows, columns)| rows * columns > 900) {
        let weight = Variable::new("weight", numbers(DType::F32, &[rows, columns]));
        let moment = Variable::new("moment", numbers(DType::F32, &[rows, columns]));
        let case = case(vec![numbers(DType::F32, &[rows, columns])], 10.0, |g, x| {
            let (w, m) = (g.read(&weight), g.read(&moment));
            let old = g.mul_scalar(m, 0.9);
            let new = g.add(old, x[0]);
            let step = g.mul_scalar(new, 0.1);
            let moved = g.sub(w, step);
            g.assign(&moment, new);
            g.assign(&weight, moved);
            let sum = g.mean(w, &[0], false);
            vec![sum, moved]
        });
        case.check("an update in place");
        if rows * columns > 60_000 {
            case.check_jobs("an update in place");
        }
    }
}

#[test]
fn products_with_and_without_loops() {
    let sizes: [(usize, usize, usize, usize); 16] = [
        (1, 1, 1, 1),
        (1, 7, 5, 3),
        (1, 33, 65, 17),
        (1, 100, 10, 784),
        (1, 129, 513, 31),
        (1, 5, 1030, 64),
        (1, 1025, 3, 7),
        // Cut along k.
        (1, 10, 12, 5000),
        (1, 65, 33, 2500),
        (2, 9, 31, 4100),
        // Cut in rows, in columns, and in a batch.
        (1, 700, 64, 100),
        (1, 70, 700, 130),
        (3, 40, 60, 50),
        (5, 31, 37, 41),
        (2, 1031, 33, 48),
        (1, 1030, 600, 20),
    ];
    for dtype in [DType::F32, DType::F64, DType::F16, DType::I32] {
        for (number, (batch, m, n, k)) in sizes.into_iter().enumerate() {
            if dtype != DType::F32 && number % 4 != dtype as usize % 4 {
                continue;
            }
            for (transpose_a, transpose_b) in [(false, number % 2 == 0), (true, number % 2 == 1)] {
                let lead = |dims: [usize; 2]| if batch == 1 { dims.to_vec() } else { [&[batch], &dims[..]].concat() };
                let a = lead(if transpose_a { [k, m] } else { [m, k] });
                let b = lead(if transpose_b { [n, k] } else { [k, n] });
                let inputs = vec![numbers(dtype, &a), numbers(dtype, &b), numbers(dtype, &[n])];
                let name = format!("a {dtype} product {batch} x [{m}, {k}, {n}], transposed {transpose_a} {transpose_b}");
                let case = case(inputs, (k * m * batch) as f64, |g, x| {
                    let y = g.product(x[0], x[1], transpose_a, transpose_b);
                    let biased = g.add(y, x[2]);
                    let active = g.relu(biased);
                    let rank = g.rank(active);
                    let axes: Vec<usize> = (0..rank - 1).collect();
                    let columns = g.sum(active, &axes, false);
                    let mut outputs = vec![active, columns];
                    if dtype.is_float() {
                        let again = g.product(x[0], x[1], transpose_a, transpose_b);
                        let scaled = g.mul_scalar(again, 1.0 / k as f64);
                        outputs.push(g.softmax(scaled, rank - 1));
                    }
                    outputs
                });
                case.check(&name);
                if m * n * k * batch > 1_000_000 && dtype == DType::F32 {
                    case.check_jobs(&name);
                }
            }
        }
    }
}

#[test]
fn a_product_that_only_its_loop_reads_is_kept_nowhere() {
    for (m, n, k) in [(33, 17, 9), (600, 40, 50), (2000, 64, 20), (40, 30, 6000)] {
        let inputs = vec![numbers(DType::F32, &[m, k]), numbers(DType::F32, &[k, n]), numbers(DType::F32, &[m, n])];
        let case = case(inputs, k as f64, |g, x| {
            let y = g.matmul(x[0], x[1]);
            let y = g.tanh(y);
            vec![g.mul(y, x[2])]
        });
        case.check("a riding loop");
        case.check_jobs("a riding loop");
    }
}

#[test]
fn sums_of_a_hundred_thousand_rows_are_exact_to_a_hundred_thousandth() {
    for columns in [1, 7, 64] {
        let inputs = vec![Draws::new("rows", columns as u64).tensor(DType::F32, &[100_000, columns], 0.0, 1.0)];
        let expected: Vec<f64> = {
            let all = crate::check::numbers(&inputs[0]);
            (0..columns).map(|column| all.iter().skip(column).step_by(columns).sum()).collect()
        };
        let case = case(inputs, 1e5, |g, x| vec![g.sum(x[0], &[0], false), g.sum(x[0], &[0, 1], false)]);
        for level in tenon::runtime::cpu::simd::Level::available() {
            let target = crate::check::target(tenon::runtime::jobs::Jobs::inline(), level);
            let program = tenon::runtime::Program::compile(case.graph.clone(), &target).expect("the graph compiles");
            let outputs = case.outputs();
            case.run(&program, &outputs).expect("the program runs");
            let worst = crate::check::numbers(&outputs[0]).iter().zip(&expected).map(|(a, b)| (a / b - 1.0).abs()).fold(0.0, f64::max);
            let total = (crate::check::numbers(&outputs[1])[0] / expected.iter().sum::<f64>() - 1.0).abs();
            println!("{level:?}, {columns} columns: {worst:.1e} in columns, {total:.1e} in all");
            assert!(worst < 1e-6 && total < 1e-6, "{level:?}: {worst:e} {total:e}");
        }
    }
}
