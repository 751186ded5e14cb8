//! Products against a plain sum in f64 and against an independent implementation, for strides of every kind; cuts that cover a product once.

use super::*;
use half::{bf16, f16};

/// A small generator of reproducible numbers.
struct Numbers(u64);

impl Numbers {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_mul(6364136223846793005).wrapping_add(1442695040888963407);
        self.0 >> 33
    }
    fn below(&mut self, end: usize) -> usize {
        self.next() as usize % end
    }
    fn float(&mut self) -> f64 {
        self.next() as f64 / (1u64 << 30) as f64 - 1.0
    }
}

/// A matrix somewhere in a buffer, its strides of any order and sign.
struct Layout {
    length: usize,
    first: usize,
    strides: [isize; 2],
}

fn layout(numbers: &mut Numbers, rows: usize, columns: usize) -> Layout {
    let gap = 1 + numbers.below(3) * numbers.below(2);
    let pad = numbers.below(4);
    let mut strides = match numbers.below(2) {
        0 => [((columns * gap).max(1) + pad) as isize, gap as isize],
        _ => [gap as isize, ((rows * gap).max(1) + pad) as isize],
    };
    let mut first = 0;
    for (stride, size) in strides.iter_mut().zip([rows, columns]) {
        if numbers.below(4) == 0 {
            first += size.saturating_sub(1) * stride.unsigned_abs();
            *stride = -*stride;
        }
    }
    let reach = |size: usize, stride: isize| size.saturating_sub(1) * stride.unsigned_abs();
    Layout { length: reach(rows, strides[0]) + reach(columns, strides[1]) + 1, first, strides }
}

impl Layout {
    fn at(&self, row: usize, column: usize) -> usize {
        (self.first as isize + row as isize * self.strides[0] + column as isize * self.strides[1]) as usize
    }
    fn operand<T>(&self, data: &[T]) -> Operand {
        Operand { pointer: data[self.first..].as_ptr().cast(), row_stride: self.strides[0], column_stride: self.strides[1] }
    }
    fn destination<T>(&self, data: &mut [T]) -> Destination {
        Destination { pointer: data[self.first..].as_mut_ptr().cast(), row_stride: self.strides[0], column_stride: self.strides[1] }
    }
}

/// The levels that this machine can run.
fn levels() -> Vec<Level> {
    let mut levels = vec![Level::Portable];
    #[cfg(target_arch = "x86_64")]
    {
        if is_x86_feature_detected!("avx2") && is_x86_feature_detected!("fma") {
            levels.push(Level::Avx2);
        }
        if is_x86_feature_detected!("avx512f") {
            levels.push(Level::Avx512);
        }
    }
    #[cfg(target_arch = "aarch64")]
    levels.push(Level::Neon);
    levels
}

/// A workspace of exactly the declared size, followed by a mark that must survive.
struct Workspace(Vec<u64>, usize, usize);

impl Workspace {
    const MARK: u8 = 0xa5;
    fn new(bytes: usize) -> Workspace {
        let mut words = vec![u64::from_ne_bytes([Workspace::MARK; 8]); bytes / 8 + 32];
        let offset = words.as_mut_ptr().cast::<u8>().align_offset(64);
        Workspace(words, offset, bytes)
    }
    fn pointer(&mut self) -> *mut u8 {
        self.0.as_mut_ptr().cast::<u8>().wrapping_add(self.1)
    }
    fn check(&mut self) {
        let (end, length) = (self.1 + self.2, self.0.len() * 8);
        // SAFETY: all bytes of the vector, which are initialized.
        let bytes = unsafe { std::slice::from_raw_parts(self.0.as_ptr().cast::<u8>(), length) };
        assert!(bytes[end..].iter().all(|byte| *byte == Workspace::MARK), "written behind the workspace");
    }
}

/// One random product of element type `S` with results of type `W`, checked against a sum in f64.
#[allow(clippy::too_many_arguments)]
fn check<S: Copy, W: Copy + PartialEq + std::fmt::Debug>(
    numbers: &mut Numbers,
    dtype: DType,
    level: Level,
    [m, n, k]: [usize; 3],
    store: impl Fn(f64) -> S,
    value: impl Fn(S) -> f64,
    wide: impl Fn(f64) -> W,
    wide_value: impl Fn(W) -> f64,
    epsilon: f64,
) {
    let (a, b, c) = (layout(numbers, m, k), layout(numbers, k, n), layout(numbers, m, n));
    let accumulate = numbers.below(2) == 1;
    // What lies between the elements is NaN: nobody may read it into a sum.
    let mut left = vec![store(f64::NAN); a.length];
    let mut right = vec![store(f64::NAN); b.length];
    let untouched = wide(-77.25);
    let mut result = vec![untouched; c.length];
    for row in 0..m {
        (0..k).for_each(|column| left[a.at(row, column)] = store(numbers.float() * 4.0));
        (0..n).for_each(|column| result[c.at(row, column)] = wide(numbers.float() * 4.0));
    }
    for row in 0..k {
        (0..n).for_each(|column| right[b.at(row, column)] = store(numbers.float() * 4.0));
    }
    let before = result.clone();
    let mut workspace = Workspace::new(workspace_bytes(dtype, m, n, k));
    // SAFETY: the layouts reach every element inside their buffers.
    unsafe {
        let to = c.destination(&mut result);
        block(level, dtype, m, n, k, to, a.operand(&left), b.operand(&right), accumulate, workspace.pointer());
    }
    workspace.check();
    let mut written = vec![false; c.length];
    for row in 0..m {
        for column in 0..n {
            let start = if accumulate { wide_value(before[c.at(row, column)]) } else { 0.0 };
            let (mut sum, mut magnitude) = (start, start.abs());
            for step in 0..k {
                let term = value(left[a.at(row, step)]) * value(right[b.at(step, column)]);
                sum += term;
                magnitude += term.abs();
            }
            let got = wide_value(result[c.at(row, column)]);
            let bound = epsilon * (k as f64 + 2.0) * magnitude;
            assert!(
                (got - sum).abs() <= bound,
                "{dtype} {level:?} {m}x{k}x{n} accumulate {accumulate}: [{row}, {column}] is {got}, not {sum}"
            );
            written[c.at(row, column)] = true;
        }
    }
    for (index, written) in written.iter().enumerate() {
        assert!(*written || result[index] == untouched, "{dtype} {level:?} {m}x{k}x{n}: wrote between the elements");
    }
}

fn check_dtypes(numbers: &mut Numbers, level: Level, sizes: [usize; 3]) {
    let (f32_epsilon, f64_epsilon) = (f32::EPSILON as f64, f64::EPSILON);
    check(numbers, DType::F64, level, sizes, |x| x, |x| x, |x| x, |x| x, f64_epsilon);
    check(numbers, DType::F32, level, sizes, |x| x as f32, |x| x as f64, |x| x as f32, |x| x as f64, f32_epsilon);
    check(numbers, DType::F16, level, sizes, f16::from_f64, f16::to_f64, |x| x as f32, |x| x as f64, f32_epsilon);
    check(numbers, DType::BF16, level, sizes, bf16::from_f64, bf16::to_f64, |x| x as f32, |x| x as f64, f32_epsilon);
    // Small integers: exact. The float bound is then met with equality of values.
    check(numbers, DType::I64, level, sizes, |x| (x * 9.0) as i64, |x| x as f64, |x| x as i64, |x| x as f64, 0.0);
    check(numbers, DType::I32, level, sizes, |x| (x * 9.0) as i32, |x| x as f64, |x| x as i32, |x| x as f64, 0.0);
}

#[test]
fn random_shapes_and_strides_agree_with_a_plain_sum() {
    let mut numbers = Numbers(7);
    for level in levels() {
        for _ in 0..60 {
            let sizes = [numbers.below(40), numbers.below(90), numbers.below(70)];
            check_dtypes(&mut numbers, level, sizes);
        }
    }
}

#[test]
fn long_and_wide_shapes_agree_with_a_plain_sum() {
    let mut numbers = Numbers(11);
    for level in levels() {
        // Several stretches of k, packed rows in several chunks, several panels, and ragged ends of all of them.
        for sizes in [[3, 5, 1500], [300, 131, 40], [7, 600, 30], [33, 129, 520], [1, 300, 100], [300, 1, 100], [1, 1, 600], [600, 3, 17]] {
            for _ in 0..2 {
                check_dtypes(&mut numbers, level, sizes);
            }
        }
    }
}

#[test]
fn agrees_with_an_independent_implementation() {
    let mut numbers = Numbers(3);
    let (m, n, k) = (150, 130, 170);
    let left: Vec<f64> = (0..m * k).map(|_| numbers.float()).collect();
    let right: Vec<f64> = (0..n * k).map(|_| numbers.float()).collect();
    let (mut ours, mut theirs) = (vec![0.0; m * n], vec![0.0; m * n]);
    for level in levels() {
        let mut workspace = Workspace::new(workspace_bytes(DType::F64, m, n, k));
        // SAFETY: the buffers hold m x k, n x k, and m x n elements.
        unsafe {
            let to = Destination { pointer: ours.as_mut_ptr().cast(), row_stride: n as isize, column_stride: 1 };
            let a = Operand { pointer: left.as_ptr().cast(), row_stride: k as isize, column_stride: 1 };
            let b = Operand { pointer: right.as_ptr().cast(), row_stride: 1, column_stride: k as isize };
            block(level, DType::F64, m, n, k, to, a, b, false, workspace.pointer());
            matrixmultiply::dgemm(
                m,
                k,
                n,
                1.0,
                left.as_ptr(),
                k as isize,
                1,
                right.as_ptr(),
                1,
                k as isize,
                0.0,
                theirs.as_mut_ptr(),
                n as isize,
                1,
            );
        }
        assert!(ours.iter().zip(&theirs).all(|(a, b)| (a - b).abs() < 1e-12), "{level:?}");
    }
}

#[test]
fn no_steps_make_zeros_unless_accumulating() {
    for level in levels() {
        for (accumulate, expected) in [(false, 0.0), (true, 5.0)] {
            let mut result = [5.0f32; 6];
            let nothing = Operand { pointer: std::ptr::NonNull::<f32>::dangling().as_ptr().cast(), row_stride: 1, column_stride: 1 };
            let to = Destination { pointer: result.as_mut_ptr().cast(), row_stride: 3, column_stride: 1 };
            // SAFETY: there are no operand elements; the result has six.
            unsafe {
                block(level, DType::F32, 2, 3, 0, to, nothing, nothing, accumulate, std::ptr::NonNull::<f32>::dangling().as_ptr().cast())
            };
            assert_eq!(result, [expected; 6]);
        }
    }
}

#[test]
fn integers_wrap() {
    let (left, right, mut result) = ([200u8, 3], [2u8, 7], [1u8]);
    let operand = |data: &[u8]| Operand { pointer: data.as_ptr(), row_stride: 2, column_stride: 1 };
    let to = Destination { pointer: result.as_mut_ptr(), row_stride: 1, column_stride: 1 };
    let column = Operand { row_stride: 1, ..operand(&right) };
    // SAFETY: one row of two, one column of two, one result; integers need no workspace.
    unsafe { block(Level::Portable, DType::U8, 1, 1, 2, to, operand(&left), column, true, std::ptr::null_mut()) };
    assert_eq!(result[0], (1 + 400 + 21) as u8);
}

#[test]
fn every_16_bit_float_widens_exactly() {
    for bits in 0..=u16::MAX {
        let (half, brain) = (f16::from_bits(bits), bf16::from_bits(bits));
        if half.is_nan() {
            assert!(half.widen().is_nan());
        } else {
            assert_eq!(half.widen().to_bits(), half.to_f32().to_bits(), "{bits:#x}");
        }
        assert!(brain.widen().to_bits() == brain.to_f32().to_bits() || brain.is_nan() && brain.widen().is_nan());
    }
}

#[test]
fn tasks_cover_a_product_once() {
    let shapes = [
        (1, 64, 48, 64),
        (1, 64, 784, 128),
        (1, 16384, 32, 64),
        (1, 16384, 3, 64),
        (1, 64, 64, 16384),
        (1, 3, 64, 16384),
        (1, 1024, 1024, 1024),
        (5, 1, 4097, 513),
        (3, 700, 1500, 77),
        (0, 5, 5, 5),
        (2, 0, 5, 5),
        (1, 100000, 1, 100),
        (1, 1, 100000, 100),
        (1, 1, 1, 10_000_000),
    ];
    for ((batch, m, n, k), left) in shapes.into_iter().flat_map(|shape| [(shape, true), (shape, false)]) {
        let split = split(batch, m, n, k, left, false);
        let largest = split.workspace_bytes(DType::F32);
        let mut volume = 0;
        let mut corners = std::collections::HashSet::new();
        for index in 0..split.tasks() {
            let task = split.task(index);
            assert!(task.batch < batch && task.rows.end <= m && task.columns.end <= n && task.steps.end <= k);
            assert!(workspace_bytes(DType::F32, task.rows.len(), task.columns.len(), task.steps.len()) <= largest);
            volume += task.rows.len() * task.columns.len() * task.steps.len();
            assert!(corners.insert((task.batch, task.rows.start, task.columns.start, task.steps.start)) || volume == 0, "{split:?}");
        }
        assert_eq!(volume, batch * m * n * k, "{split:?}");
    }
    assert_eq!(split(1, 64, 64, 64, true, false).tasks(), 1);
    assert_eq!(split(1, 1024, 1024, 1024, true, false).tasks(), 8);
    assert!(split(1, 64, 64, 16384, false, false).k_blocks >= 4);
    assert!(split(1, 16384, 64, 64, true, false).row_blocks >= 8);
}

#[test]
fn stretches_of_k_sum_to_the_product() {
    let mut numbers = Numbers(5);
    let (m, n, k) = (16, 24, 16384);
    let split = split(1, m, n, k, true, false);
    assert!(split.k_blocks > 1);
    let left: Vec<f64> = (0..m * k).map(|_| numbers.float()).collect();
    let right: Vec<f64> = (0..n * k).map(|_| numbers.float()).collect();
    let (mut whole, mut summed) = (vec![0.0f64; m * n], vec![1.0f64; m * n]);
    let mut partials = vec![0.0f64; split.partial_bytes(DType::F64) / 8];
    let mut workspace = Workspace::new(workspace_bytes(DType::F64, m, n, k));
    let level = levels()[levels().len() - 1];
    let part = |task: &Task, to: &mut [f64], workspace: &mut Workspace| {
        let to = Destination { pointer: to.as_mut_ptr().cast(), row_stride: n as isize, column_stride: 1 };
        let a = Operand { pointer: left[task.steps.start..].as_ptr().cast(), row_stride: k as isize, column_stride: 1 };
        let b = Operand { pointer: right[task.steps.start * n..].as_ptr().cast(), row_stride: n as isize, column_stride: 1 };
        // SAFETY: steps of the task lie inside both operands; `to` holds m x n elements.
        unsafe { block(level, DType::F64, m, n, task.steps.len(), to, a, b, false, workspace.pointer()) };
    };
    part(&Task { batch: 0, rows: 0..m, columns: 0..n, steps: 0..k, k_block: 0 }, &mut whole, &mut workspace);
    for index in 0..split.tasks() {
        let task = split.task(index);
        let first = task.k_block * split.partial_elements();
        part(&task, &mut partials[first..], &mut workspace);
    }
    for range in [0..100, 100..m * n] {
        let to = summed.as_mut_ptr().cast();
        // SAFETY: both buffers hold all elements.
        unsafe { add_partials(DType::F64, to, partials.as_ptr().cast(), split.k_blocks, m * n, range, true) };
    }
    assert!(summed.iter().zip(&whole).all(|(a, b)| (a - b - 1.0).abs() < 1e-9));
}

#[test]
fn a_block_of_rows_has_the_bits_of_the_whole() {
    let mut numbers = Numbers(9);
    let (m, n, k) = (100, 70, 300);
    let left: Vec<f32> = (0..m * k).map(|_| numbers.float() as f32).collect();
    let right: Vec<f32> = (0..n * k).map(|_| numbers.float() as f32).collect();
    for level in levels() {
        let product = |rows: Range<usize>, columns: Range<usize>| {
            let mut result = vec![0.0f32; rows.len() * columns.len()];
            let mut workspace = Workspace::new(workspace_bytes(DType::F32, rows.len(), columns.len(), k));
            let to = Destination { pointer: result.as_mut_ptr().cast(), row_stride: columns.len() as isize, column_stride: 1 };
            let a = Operand { pointer: left[rows.start * k..].as_ptr().cast(), row_stride: k as isize, column_stride: 1 };
            let b = Operand { pointer: right[columns.start..].as_ptr().cast(), row_stride: n as isize, column_stride: 1 };
            // SAFETY: the block's rows and columns lie inside the operands.
            unsafe { block(level, DType::F32, rows.len(), columns.len(), k, to, a, b, false, workspace.pointer()) };
            result
        };
        let whole = product(0..m, 0..n);
        for (rows, columns) in [(0..1, 0..n), (13..40, 0..n), (0..m, 5..6), (50..100, 20..57)] {
            let part = product(rows.clone(), columns.clone());
            for (index, got) in part.iter().enumerate() {
                let (row, column) = (rows.start + index / columns.len(), columns.start + index % columns.len());
                assert_eq!(got.to_bits(), whole[row * n + column].to_bits(), "{level:?} [{row}, {column}]");
            }
        }
    }
}

/// A product of the whole through its packed operands, block by block, must have the bits of [`block`].
fn check_packed<S: Copy, W: Copy + PartialEq + std::fmt::Debug>(
    numbers: &mut Numbers,
    dtype: DType,
    level: Level,
    [m, n, k]: [usize; 3],
    store: impl Fn(f64) -> S,
    zero: W,
) -> bool {
    let (a, b) = (layout(numbers, m, k), layout(numbers, k, n));
    let left: Vec<S> = (0..a.length).map(|_| store(numbers.float())).collect();
    let right: Vec<S> = (0..b.length).map(|_| store(numbers.float())).collect();
    let Some(packing) = Packing::new(dtype, 1, [m, n, k], a.strides, b.strides) else { return false };
    let mut packed = Workspace::new(packing.bytes());
    // SAFETY: the layouts reach every element inside their buffers, and the blocks lie inside the result.
    unsafe {
        // Tasks may run in any order.
        for task in (0..packing.tasks()).rev() {
            packing.pack(level, task, a.operand(&left), b.operand(&right), packed.pointer());
        }
        packed.check();
        let (mut whole, mut cut) = (vec![zero; m * n], vec![zero; m * n]);
        let to = |data: &mut [W], first: usize| Destination {
            pointer: data[first..].as_mut_ptr().cast(),
            row_stride: n as isize,
            column_stride: 1,
        };
        let mut workspace = Workspace::new(workspace_bytes(dtype, m, n, k));
        block(level, dtype, m, n, k, to(&mut whole, 0), a.operand(&left), b.operand(&right), false, workspace.pointer());
        let split = split(1, m, n, k, a.strides[1] == 1, true);
        for index in 0..split.tasks() {
            let task = split.task(index);
            let to = to(&mut cut, task.rows.start * n + task.columns.start);
            packing.block(level, task.rows, task.columns, to, a.operand(&left), b.operand(&right), packed.pointer());
        }
        assert!(whole == cut, "{dtype} {level:?} {m}x{k}x{n}: {packing:?}");
    }
    true
}

#[test]
fn packed_operands_give_the_bits_of_a_product_that_packs_for_itself() {
    let mut numbers = Numbers(13);
    let mut packed = 0;
    for level in levels() {
        // Ragged ends of rows, columns, and steps; one stretch of k and several.
        for sizes in [[1100, 1003, 129], [519, 515, 530], [601, 200, 1201]] {
            packed += check_packed(&mut numbers, DType::F32, level, sizes, |x| x as f32, 0f32) as usize;
            packed += check_packed(&mut numbers, DType::F64, level, sizes, |x| x, 0f64) as usize;
        }
        packed += check_packed(&mut numbers, DType::F16, level, [519, 515, 530], f16::from_f64, 0f32) as usize;
        packed += check_packed(&mut numbers, DType::BF16, level, [601, 467, 531], bf16::from_f64, 0f32) as usize;
    }
    assert!(packed >= 2 * levels().len(), "hardly any product was packed");
}

#[test]
fn only_large_products_are_packed_for_all_tasks() {
    let packing = |dtype, batch, sizes: [usize; 3], left_transposed, right_transposed| {
        let [m, n, k] = sizes.map(|size| size as isize);
        let left = if left_transposed { [1, m] } else { [k, 1] };
        let right = if right_transposed { [1, k] } else { [n, 1] };
        Packing::new(dtype, batch, sizes, left, right)
    };
    let square = [1024, 1024, 1024];
    let bytes = |packing: Option<Packing>| packing.expect("a large product").bytes();
    // The right operand alone; both; neither where the kernels read in place.
    assert_eq!(bytes(packing(DType::F32, 1, square, false, true)), 4 << 20);
    assert_eq!(bytes(packing(DType::F32, 1, square, true, false)), 8 << 20);
    assert_eq!(bytes(packing(DType::BF16, 1, square, false, false)), 8 << 20);
    assert_eq!(packing(DType::F32, 1, [16384, 128, 64], false, false), None);
    // Small products, batches, sums cut along k, integers, and operands of many megabytes pack for themselves.
    assert_eq!(packing(DType::F32, 1, [256, 256, 256], true, true), None);
    assert_eq!(packing(DType::F32, 4, square, false, true), None);
    assert_eq!(packing(DType::F32, 1, [64, 64, 1 << 20], true, false), None);
    assert_eq!(packing(DType::I32, 1, square, false, true), None);
    assert_eq!(packing(DType::F32, 1, [1 << 14, 1 << 14, 1 << 14], true, true), None);
    // A product that is packed is never cut along k: both would want the same memory.
    for sizes in [square, [520, 300, 100_000], [300, 520, 100_000], [1 << 20, 64, 300]] {
        let [m, n, k] = sizes;
        if packing(DType::F32, 1, sizes, true, true).is_some() {
            assert_eq!(split(1, m, n, k, false, true).k_blocks, 1);
        }
    }
    assert!(split(1, 1024, 1024, 1024, true, true).tasks() >= 8);
    assert!(split(1, 1024, 1024, 1024, false, true).tasks() >= 8);
}
