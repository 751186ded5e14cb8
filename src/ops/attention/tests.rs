use super::*;
use crate::error::Status;
use crate::runtime::reference::evaluate;
use crate::tensor::{Allocator, Tensor};

fn input(g: &mut Trace, dtype: DType, dims: &[usize]) -> Value {
    g.input(Type::new(dtype, Shape::new(dims).unwrap()))
}

/// The result for these elements of query, key, and value, two in a row.
fn attend(rows: [&[f64]; 3], mask: Option<&[bool]>, options: AttentionOptions) -> Vec<f64> {
    let allocator = Allocator::system();
    let mut g = Trace::new();
    let mut inputs: Vec<Tensor> = rows.iter().map(|row| Tensor::from_slice(&allocator, row, &[row.len() / 2, 2]).unwrap()).collect();
    let x: Vec<Value> = inputs.iter().map(|tensor| g.input(Type::new(DType::F64, *tensor.shape()))).collect();
    let mask = mask.map(|mask| {
        inputs.push(Tensor::from_slice(&allocator, mask, &[mask.len()]).unwrap());
        input(&mut g, DType::Bool, &[mask.len()])
    });
    let y = g.scaled_dot_product_attention(x[0], x[1], x[2], AttentionOptions { mask, ..options });
    let graph = g.finish(&[y]).unwrap();
    evaluate(&graph, &allocator, &inputs).unwrap().outputs[0].to_vec::<f64>().unwrap()
}

#[track_caller]
fn assert_close(found: &[f64], expected: &[f64]) {
    assert_eq!(found.len(), expected.len());
    found.iter().zip(expected).for_each(|(a, b)| assert!((a - b).abs() < 1e-12, "{found:?} is not {expected:?}"));
}

/// Scores of ln 3 and 0 are weights of 3/4 and 1/4.
#[test]
fn weights_are_the_softmax_of_scaled_products() {
    let (root, value) = (2f64.sqrt(), [4.0, 8.0, 0.0, -8.0]);
    let query = [3f64.ln() * root, 5.0];
    let key = [1.0, 0.0, 0.0, 0.0];
    let options = AttentionOptions::default();
    assert_close(&attend([&query, &key, &value], None, options), &[3.0, 4.0]);
    let scaled = AttentionOptions { scale: Some(0.5 / root), ..options };
    let share = 3f64.sqrt() / (1.0 + 3f64.sqrt());
    assert_close(&attend([&query, &key, &value], None, scaled), &[4.0 * share, 16.0 * share - 8.0]);
    // True takes part.
    assert_close(&attend([&query, &key, &value], Some(&[false, true]), options), &[0.0, -8.0]);
    assert_close(&attend([&query, &key, &value], Some(&[false, false]), options), &[0.0, 0.0]);
    // The first query sees the first key, the second both, the third too.
    let queries = [query, query, [0.0, 0.0]].concat();
    let causal = AttentionOptions { causal: true, ..options };
    assert_close(&attend([&queries, &key, &value], None, causal), &[4.0, 8.0, 3.0, 4.0, 2.0, 0.0]);
}

#[test]
fn heads_share_with_their_neighbours() {
    let allocator = Allocator::system();
    let mut g = Trace::new();
    let query = input(&mut g, DType::F32, &[4, 1, 3]);
    let (key, value) = (input(&mut g, DType::F32, &[2, 1, 3]), input(&mut g, DType::F32, &[2, 1, 1]));
    let options = AttentionOptions { enable_gqa: true, ..AttentionOptions::default() };
    let y = g.scaled_dot_product_attention(query, key, value, options);
    let graph = g.finish(&[y]).unwrap();
    let zeros = |dims: &[usize]| Tensor::zeros(&allocator, DType::F32, Shape::new(dims).unwrap()).unwrap();
    let value = Tensor::from_slice(&allocator, &[5f32, 7.0], &[2, 1, 1]).unwrap();
    let result = evaluate(&graph, &allocator, &[zeros(&[4, 1, 3]), zeros(&[2, 1, 3]), value]).unwrap();
    assert_eq!(result.outputs[0].to_vec::<f32>().unwrap(), [5.0, 5.0, 7.0, 7.0]);
}

#[test]
fn bad_operands_are_named() {
    type Mask<'a> = Option<(DType, &'a [usize])>;
    type Case<'a> = ([&'a [usize]; 3], Mask<'a>, AttentionOptions<'a>, Status, &'a str);
    let refused = |dims: [&[usize]; 3], mask: Mask, options: AttentionOptions| {
        let mut g = Trace::new();
        let x = dims.map(|dims| input(&mut g, DType::F32, dims));
        let mask = mask.map(|(dtype, dims)| input(&mut g, dtype, dims));
        assert!(!g.scaled_dot_product_attention(x[0], x[1], x[2], AttentionOptions { mask, ..options }).is_valid());
        let error = g.check().unwrap_err();
        (error.status(), error.message().to_string())
    };
    let options = AttentionOptions::default();
    let cases: [Case; 9] = [
        ([&[3, 2], &[4, 3], &[4, 2]], None, options, Status::ShapeMismatch, "queries have 2 elements, keys 3"),
        ([&[3, 2], &[4, 2], &[5, 2]], None, options, Status::ShapeMismatch, "there are 4 keys and 5 values"),
        ([&[2], &[4, 2], &[4, 2]], None, options, Status::ShapeMismatch, "two dimensions"),
        ([&[3, 0], &[4, 0], &[4, 2]], None, options, Status::ShapeMismatch, "have no elements"),
        ([&[4, 3, 2], &[2, 4, 2], &[2, 4, 2]], None, options, Status::ShapeMismatch, "broadcast"),
        ([&[4, 3, 2], &[3, 4, 2], &[3, 4, 2]], None, AttentionOptions { enable_gqa: true, ..options }, Status::ShapeMismatch, "broadcast"),
        ([&[3, 2], &[4, 2], &[4, 2]], Some((DType::Bool, &[3, 3])), options, Status::ShapeMismatch, "the mask is [3, 3]"),
        ([&[3, 2], &[4, 2], &[4, 2]], Some((DType::I32, &[3, 4])), options, Status::DtypeMismatch, "the mask is i32"),
        ([&[3, 2], &[4, 2], &[4, 2]], None, AttentionOptions { scale: Some(f64::NAN), ..options }, Status::InvalidArgument, "scale"),
    ];
    for (dims, mask, options, status, text) in cases {
        let (found, message) = refused(dims, mask, options);
        assert!(found == status && message.contains(text), "{message}");
    }
}
