use super::*;
use crate::error::Status;
use crate::ir::{Binary, Value, Variable};
use crate::ops::Trace;
use crate::tensor::Element;
use half::{bf16, f16};

fn run(g: Trace, output: Value, inputs: &[Tensor]) -> Result<Tensor> {
    let graph = g.finish(&[output])?;
    Ok(evaluate(&graph, &Allocator::system(), inputs)?.outputs.remove(0))
}

fn tensor<T: Element>(elements: &[T], dims: &[usize]) -> Tensor {
    Tensor::from_slice(&Allocator::system(), elements, dims).unwrap()
}

fn unary<T: Element, R: Element>(elements: &[T], build: impl FnOnce(&mut Trace, Value) -> Value) -> Vec<R> {
    let x = tensor(elements, &[elements.len()]);
    let mut g = Trace::new();
    let value = g.input(Type::new(x.dtype(), *x.shape()));
    let y = build(&mut g, value);
    run(g, y, &[x]).unwrap().to_vec().unwrap()
}

fn binary<T: Element, R: Element>(a: &[T], b: &[T], build: impl FnOnce(&mut Trace, Value, Value) -> Value) -> Vec<R> {
    let (a, b) = (tensor(a, &[a.len()]), tensor(b, &[b.len()]));
    let mut g = Trace::new();
    let (x, y) = (g.input(Type::new(a.dtype(), *a.shape())), g.input(Type::new(b.dtype(), *b.shape())));
    let z = build(&mut g, x, y);
    run(g, z, &[a, b]).unwrap().to_vec().unwrap()
}

#[test]
fn integers_wrap_and_divide_by_zero_to_zero() {
    let divide = |g: &mut Trace, a, b| g.push(Op::Binary(Binary::Div), &[a, b]);
    assert_eq!(binary::<i32, i32>(&[7, -7, 1, i32::MIN], &[2, 2, 0, -1], divide), [3, -3, 0, i32::MIN]);
    assert_eq!(binary::<i64, i64>(&[i64::MIN, 5], &[-1, 0], divide), [i64::MIN, 0]);
    assert_eq!(binary::<i32, i32>(&[7, -7, 1, i32::MIN], &[4, 4, 0, -1], |g, a, b| g.fmod(a, b)), [3, -3, 0, 0]);
    assert_eq!(binary::<u8, u8>(&[200, 3], &[100, 5], |g, a, b| g.add(a, b)), [44, 8]);
    assert_eq!(binary::<u8, u8>(&[3, 255], &[5, 1], |g, a, b| g.sub(a, b)), [254, 254]);
    assert_eq!(binary::<i32, i32>(&[i32::MAX, 3, 2, 0, -1], &[2, -1, 40, -1, -3], |g, a, b| g.pow(a, b)), [1, 0, 0, 0, -1]);
    assert_eq!(unary::<i64, i64>(&[i64::MIN, -3], |g, x| g.abs(x)), [i64::MIN, 3]);
    assert_eq!(unary::<u8, u8>(&[0, 5], |g, x| g.neg(x)), [0, 251]);
    assert_eq!(unary::<u8, u8>(&[0, 5], |g, x| g.bitwise_not(x)), [255, 250]);
    assert_eq!(unary::<bool, bool>(&[false, true], |g, x| g.logical_not(x)), [true, false]);
    assert_eq!(unary::<i32, i32>(&[i32::MAX, 1], |g, x| g.sum(x, &[0], false)), [i32::MIN]);
}

#[test]
fn casts_saturate_from_floats_and_wrap_between_integers() {
    let wild = [2.9, -2.9, 1e20, -1e20, f64::NAN, f64::INFINITY];
    assert_eq!(unary::<f64, i32>(&wild, |g, x| g.cast(x, DType::I32)), [2, -2, i32::MAX, i32::MIN, 0, i32::MAX]);
    assert_eq!(unary::<f64, u8>(&wild, |g, x| g.cast(x, DType::U8)), [2, 0, 255, 0, 0, 255]);
    assert_eq!(unary::<f64, bool>(&[0.0, -0.0, 0.1, f64::NAN], |g, x| g.cast(x, DType::Bool)), [false, false, true, true]);
    assert_eq!(unary::<i64, u8>(&[256, -1], |g, x| g.cast(x, DType::U8)), [0, 255]);
    assert_eq!(unary::<i64, bool>(&[256, 0], |g, x| g.cast(x, DType::Bool)), [true, false]);
    assert_eq!(unary::<bool, f16>(&[true], |g, x| g.cast(x, DType::F16)), [f16::ONE]);
}

#[test]
fn integers_round_once_on_their_way_to_floats() {
    // Between two f32 neighbours, just above the middle: rounding by way of f64 would fall back to the middle and then to even.
    let x = (1 << 62) + (1 << 38) + 1;
    assert_eq!(unary::<i64, f32>(&[x, -x], |g, x| g.cast(x, DType::F32)), [x as f32, -x as f32]);
    let x = (1 << 62) + (1 << 54) + 1;
    let above = f32::from_bits((2f32.powi(62)).to_bits() + (1 << 16));
    assert_eq!(unary::<i64, bf16>(&[x], |g, x| g.cast(x, DType::BF16)), [bf16::from_f32(above)]);
    for x in [i64::MAX, i64::MIN, i64::MIN + 1, (1 << 53) + 1, -(1 << 53) - 1] {
        assert_eq!(unary::<i64, f32>(&[x], |g, x| g.cast(x, DType::F32)), [x as f32], "{x}");
    }
}

#[test]
fn every_node_rounds_to_its_dtype() {
    // 1 + 2^-11 is not an f16: adding it twice gives 1, adding the sum gives 1 + 2^-10.
    let small = f16::from_f32(2f32.powi(-11));
    let result = binary::<f16, f16>(&[f16::ONE], &[small], |g, a, b| {
        let once = g.add(a, b);
        g.add(once, b)
    });
    assert_eq!(result, [f16::ONE]);
    assert_eq!(unary::<f32, f32>(&[16777216.0, 1.0, 1.0], |g, x| g.sum(x, &[0], false)), [16777218.0]);
}

#[test]
fn nan_propagates_and_counts_as_extreme() {
    let nan = f64::NAN;
    let maximum: Vec<f64> = binary(&[nan, 1.0, 2.0], &[1.0, nan, 3.0], |g, a, b| g.maximum(a, b));
    assert!(maximum[0].is_nan() && maximum[1].is_nan() && maximum[2] == 3.0);
    let smallest: Vec<f64> = unary(&[1.0, nan, 0.0], |g, x| g.min(x, &[0], false));
    assert!(smallest[0].is_nan());
    let relu: Vec<f64> = unary(&[nan], |g, x| g.relu(x));
    assert!(relu[0].is_nan());
    assert_eq!(unary::<f64, i64>(&[3.0, nan, nan, 9.0], |g, x| g.argmax(x, 0)), [1]);
    assert_eq!(unary::<f64, i64>(&[3.0, nan, -1.0], |g, x| g.argmin(x, 0)), [1]);
    assert_eq!(unary::<f64, i64>(&[3.0, 9.0, 9.0], |g, x| g.argmax(x, 0)), [1]);
    assert_eq!(unary::<i32, i64>(&[3, -1, -1], |g, x| g.argmin(x, 0)), [1]);
    let comparisons: Vec<bool> = binary(&[nan, nan], &[nan, 1.0], |g, a, b| g.equal(a, b));
    assert_eq!(comparisons, [false, false]);
    assert_eq!(binary::<f64, bool>(&[nan, 1.0], &[nan, 1.0], |g, a, b| g.not_equal(a, b)), [true, false]);
    assert_eq!(binary::<f64, bool>(&[nan], &[1.0], |g, a, b| g.greater_equal(a, b)), [false]);
}

#[test]
fn nothing_reduces_to_the_neutral_element() {
    let empty: [f64; 0] = [];
    assert_eq!(unary::<f64, f64>(&empty, |g, x| g.sum(x, &[0], false)), [0.0]);
    assert_eq!(unary::<f64, f64>(&empty, |g, x| g.prod(x, &[0], false)), [1.0]);
    let none: [bool; 0] = [];
    assert_eq!(unary::<bool, bool>(&none, |g, x| g.all(x, &[0], false)), [true]);
    assert_eq!(unary::<bool, bool>(&none, |g, x| g.any(x, &[0], false)), [false]);
}

#[test]
fn negative_positions_count_from_the_end_and_others_fail() {
    let gather = |index: i64| {
        let (x, at) = (tensor(&[1.0f32, 2.0, 3.0], &[3]), tensor(&[index], &[1]));
        let mut g = Trace::new();
        let (a, b) = (g.input(Type::new(DType::F32, *x.shape())), g.input(Type::new(DType::I64, *at.shape())));
        let y = g.gather(a, b, 0);
        run(g, y, &[x, at]).map(|y| y.to_vec::<f32>().unwrap()[0])
    };
    assert_eq!(gather(0), Ok(1.0));
    assert_eq!(gather(-1), Ok(3.0));
    assert_eq!(gather(-3), Ok(1.0));
    for index in [3, -4, i64::MAX, i64::MIN] {
        let error = gather(index).unwrap_err();
        assert_eq!(error.status(), Status::InvalidArgument);
        assert_eq!(error.message(), format!("gather: index {index} is outside the axis of size 3"));
    }
}

#[test]
fn variables_are_read_and_left_alone() {
    let weight = Variable::new("weight", tensor(&[1.0f64, 2.0], &[2]));
    let mut g = Trace::new();
    let before = g.read(&weight);
    let doubled = g.add(before, before);
    g.assign(&weight, doubled);
    let after = g.read(&weight);
    let sum = g.sum(after, &[0], false);
    let graph = g.finish(&[sum]).unwrap();
    let result = evaluate(&graph, &Allocator::system(), &[]).unwrap();
    assert_eq!(result.outputs[0].item_f64(), Ok(6.0));
    assert_eq!(result.assigned[0].1.to_vec::<f64>().unwrap(), [2.0, 4.0]);
    assert_eq!(weight.tensor().unwrap().to_vec::<f64>().unwrap(), [1.0, 2.0]);
}

#[test]
fn inputs_of_another_type_are_refused() {
    let mut g = Trace::new();
    let x = g.input(Type::new(DType::F32, Shape::new(&[2]).unwrap()));
    let graph = g.finish(&[x]).unwrap();
    let status = |inputs: &[Tensor]| evaluate(&graph, &Allocator::system(), inputs).unwrap_err().status();
    assert_eq!(status(&[]), Status::InvalidArgument);
    assert_eq!(status(&[tensor(&[1.0f64, 2.0], &[2])]), Status::DtypeMismatch);
    assert_eq!(status(&[tensor(&[1.0f32, 2.0], &[1, 2])]), Status::ShapeMismatch);
}

#[test]
fn random_elements_are_words_of_the_stream() {
    let state = crate::random::RandomState { offset: 5, ..crate::random::RandomState::new(7, 3) };
    let generator = Variable::new("generator", tensor(&state.to_words(), &[3]));
    let mut words = [0; 14];
    state.stream().fill_words(5, &mut words);
    let mut g = Trace::new();
    let uniform = g.random_uniform(DType::F32, &[2, 2], &generator);
    let wide = g.random_uniform(DType::F64, &[2], &generator);
    let normal = g.random_normal(DType::F32, &[6], &generator);
    let graph = g.finish(&[uniform, wide, normal]).unwrap();
    let result = evaluate(&graph, &Allocator::system(), &[]).unwrap();
    let expected: Vec<f32> = words[..4].iter().map(|word| (word >> 8) as f32 / 16777216.0).collect();
    assert_eq!(result.outputs[0].to_vec::<f32>().unwrap(), expected);
    let second = (words[6] as u64 | (words[7] as u64) << 32) >> 11;
    assert_eq!(result.outputs[1].to_vec::<f64>().unwrap()[1], second as f64 / 2f64.powi(53));
    let normal = result.outputs[2].to_vec::<f32>().unwrap();
    assert!(normal.iter().zip(&words[8..]).all(|(z, word)| z.is_sign_negative() == (*word >> 31 == 1)));
    assert_eq!(result.assigned[0].1.to_vec::<i64>().unwrap(), [7, 3, 19]);
}

#[test]
fn sums_of_16_bit_floats_have_their_mean() {
    let large = [f16::from_f32(40000.0); 4];
    assert_eq!(unary::<f16, f16>(&large, |g, x| g.mean(x, &[0], false)), [large[0]]);
}

#[test]
fn uniform_numbers_of_16_bits_stay_below_one() {
    let generator = Variable::new("generator", tensor(&[1i64, 0, 0], &[3]));
    let mut g = Trace::new();
    let (short, brain) = (g.random_uniform(DType::F16, &[65536], &generator), g.random_uniform(DType::BF16, &[65536], &generator));
    let graph = g.finish(&[short, brain]).unwrap();
    let result = evaluate(&graph, &Allocator::system(), &[]).unwrap();
    let largest = |values: Vec<f64>| values.into_iter().fold(0.0, f64::max);
    let short = result.outputs[0].to_vec::<f16>().unwrap().into_iter().map(|x| x.to_f64()).collect();
    let brain = result.outputs[1].to_vec::<bf16>().unwrap().into_iter().map(|x| x.to_f64()).collect();
    assert_eq!((largest(short), largest(brain)), (1.0 - 0.5f64.powi(11), 1.0 - 0.5f64.powi(8)));
}
