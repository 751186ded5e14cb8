//! Tensors in JSON: `{"dtype": "f32", "shape": [2], "data": [1.5, "nan"]}`.

use serde_json::Value as Json;
use tenon::tensor::Allocator;
use tenon::{DType, Shape, Tensor};

pub fn read(path: &str) -> Json {
    let path = format!("{}/{path}", env!("CARGO_MANIFEST_DIR"));
    let text = std::fs::read_to_string(&path).unwrap_or_else(|error| panic!("{path}: {error}"));
    serde_json::from_str(&text).unwrap_or_else(|error| panic!("{path}: {error}"))
}

pub fn dtype(name: &Json) -> DType {
    DType::ALL.into_iter().find(|dtype| Some(dtype.name()) == name.as_str()).unwrap_or_else(|| panic!("{name} is no dtype"))
}

pub fn sizes(list: &Json) -> Vec<usize> {
    list.as_array().expect("a list").iter().map(|size| size.as_u64().expect("a size") as usize).collect()
}

/// A number; "nan", "inf" and "-inf" are strings.
pub fn number(value: &Json) -> f64 {
    match value {
        Json::String(name) => name.parse().unwrap_or_else(|_| panic!("{name} is no number")),
        Json::Bool(value) => *value as u8 as f64,
        _ => value.as_f64().unwrap_or_else(|| panic!("{value} is no number")),
    }
}

fn integer(value: &Json) -> i64 {
    value.as_i64().unwrap_or_else(|| panic!("{value} is no integer"))
}

/// A tensor of this dtype from a list of its elements.
pub fn elements(dtype: DType, dims: &[usize], data: &[Json]) -> Tensor {
    let allocator = Allocator::system();
    let tensor = match dtype {
        DType::F64 => Tensor::from_slice(&allocator, &data.iter().map(number).collect::<Vec<f64>>(), dims),
        DType::F32 => Tensor::from_slice(&allocator, &data.iter().map(|x| number(x) as f32).collect::<Vec<f32>>(), dims),
        DType::F16 => Tensor::from_slice(&allocator, &data.iter().map(|x| half::f16::from_f64(number(x))).collect::<Vec<_>>(), dims),
        DType::BF16 => Tensor::from_slice(&allocator, &data.iter().map(|x| half::bf16::from_f64(number(x))).collect::<Vec<_>>(), dims),
        DType::I64 => Tensor::from_slice(&allocator, &data.iter().map(integer).collect::<Vec<i64>>(), dims),
        DType::I32 => Tensor::from_slice(&allocator, &data.iter().map(|x| integer(x) as i32).collect::<Vec<i32>>(), dims),
        DType::U8 => Tensor::from_slice(&allocator, &data.iter().map(|x| integer(x) as u8).collect::<Vec<u8>>(), dims),
        DType::Bool => Tensor::from_slice(&allocator, &data.iter().map(|x| number(x) != 0.0).collect::<Vec<bool>>(), dims),
    };
    tensor.expect("a tensor")
}

pub fn tensor(value: &Json) -> Tensor {
    elements(dtype(&value["dtype"]), &sizes(&value["shape"]), value["data"].as_array().expect("a list"))
}

/// A nested list of numbers as a tensor.
pub fn nested(dtype: DType, value: &Json) -> Tensor {
    let (mut dims, mut level) = (Vec::new(), value);
    while let Json::Array(list) = level {
        dims.push(list.len());
        match list.first() {
            Some(first) => level = first,
            None => break,
        }
    }
    fn flatten(value: &Json, all: &mut Vec<Json>) {
        match value {
            Json::Array(list) => list.iter().for_each(|element| flatten(element, all)),
            _ => all.push(value.clone()),
        }
    }
    let mut all = Vec::new();
    flatten(value, &mut all);
    elements(dtype, &dims, &all)
}

/// Elements as f64. Integers beyond 2^53 lose their last bits: [`difference`] compares those by their bits.
pub fn floats(tensor: &Tensor) -> Vec<f64> {
    match tensor.dtype() {
        DType::F64 => tensor.to_vec::<f64>().unwrap(),
        DType::F32 => tensor.to_vec::<f32>().unwrap().into_iter().map(f64::from).collect(),
        DType::F16 => tensor.to_vec::<half::f16>().unwrap().into_iter().map(|x| x.to_f64()).collect(),
        DType::BF16 => tensor.to_vec::<half::bf16>().unwrap().into_iter().map(|x| x.to_f64()).collect(),
        DType::I64 => tensor.to_vec::<i64>().unwrap().into_iter().map(|x| x as f64).collect(),
        DType::I32 => tensor.to_vec::<i32>().unwrap().into_iter().map(f64::from).collect(),
        DType::U8 => tensor.to_vec::<u8>().unwrap().into_iter().map(f64::from).collect(),
        DType::Bool => tensor.to_vec::<bool>().unwrap().into_iter().map(|x| x as u8 as f64).collect(),
    }
}

/// Where two tensors differ, in words: dtype, shape, integers in any bit, floats by more than `relative` of the expected one plus
/// `absolute`. NaN agrees with NaN, and an infinity with itself.
pub fn difference(found: &Tensor, expected: &Tensor, relative: f64, absolute: f64) -> Option<String> {
    let ty = |tensor: &Tensor| (tensor.dtype(), *tensor.shape() as Shape);
    if ty(found) != ty(expected) {
        return Some(format!("{found} instead of {expected}"));
    }
    if !found.dtype().is_float() {
        let bytes = |tensor: &Tensor| {
            let mut bytes = vec![0; tensor.bytes()];
            tensor.read_bytes(&mut bytes).unwrap();
            bytes
        };
        return (bytes(found) != bytes(expected)).then(|| format!("{found:?} instead of {expected:?}"));
    }
    let within = |a: f64, b: f64| b.is_finite() && (a - b).abs() <= relative * b.abs() + absolute;
    let close = |a: f64, b: f64| a == b || (a.is_nan() && b.is_nan()) || within(a, b);
    let (a, b) = (floats(found), floats(expected));
    let index = super::pairs(&a, &b).position(|(a, b)| !close(*a, *b))?;
    Some(format!("element {index} is {}, not {}", a[index], b[index]))
}
