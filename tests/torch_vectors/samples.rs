//! The samples of `op_db.json` and `op_db.bin`; the script that writes them describes the format.

use crate::checks::json::{self, read};
use serde_json::Value as Json;
use tenon::tensor::Allocator;
use tenon::{DType, Tensor};

/// An operation of PyTorch's with arguments, results, and gradients. Floats are f64.
pub struct Sample {
    /// The name in op_db, with the variant behind a slash.
    pub op: String,
    pub args: Vec<Json>,
    pub kwargs: Json,
    pub operands: Vec<Tensor>,
    /// Positions of the operands that are differentiated.
    pub active: Vec<usize>,
    pub y: Vec<Tensor>,
    pub first: Option<Vec<Tensor>>,
    pub second: Option<Vec<Tensor>>,
    /// The arguments, for messages.
    pub text: String,
}

pub fn samples() -> Vec<Sample> {
    let index = read("tests/torch_vectors/op_db.json");
    let bytes = std::fs::read(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/torch_vectors/op_db.bin")).expect("op_db.bin");
    index.as_array().expect("a list of samples").iter().map(|line| sample(line, &bytes)).collect()
}

fn sample(line: &Json, bytes: &[u8]) -> Sample {
    let arrays = |name: &str| line.get(name).map(|list| list.as_array().expect("arrays").iter().map(|form| array(form, bytes)).collect());
    let operands: Vec<Tensor> = arrays("x").expect("operands");
    let mut active = Vec::new();
    find_active(&line["args"], &mut active);
    find_active(&line["kwargs"], &mut active);
    active.sort_unstable();
    let shapes: Vec<String> = operands.iter().map(|operand| operand.to_string()).collect();
    Sample {
        op: line["op"].as_str().expect("a name").to_string(),
        args: line["args"].as_array().expect("arguments").clone(),
        kwargs: line["kwargs"].clone(),
        text: format!("{} {} of {}", line["args"], line["kwargs"], shapes.join(", ")),
        operands,
        active,
        y: arrays("y").expect("results"),
        first: arrays("d1"),
        second: arrays("d2"),
    }
}

fn find_active(form: &Json, active: &mut Vec<usize>) {
    match form {
        Json::Array(list) => list.iter().for_each(|each| find_active(each, active)),
        Json::Object(map) => {
            for (name, each) in map {
                match each.as_u64() {
                    Some(position) if name == "g" && map.len() == 1 => active.push(position as usize),
                    _ => find_active(each, active),
                }
            }
        }
        _ => {}
    }
}

fn array(form: &Json, bytes: &[u8]) -> Tensor {
    let dtype = json::dtype(&form[0]);
    let dims = json::sizes(&form[1]);
    let (encoding, offset) = (form[2].as_str().expect("an encoding"), form[3].as_u64().expect("an offset") as usize);
    let count: usize = dims.iter().product();
    fn numbers<const N: usize, T>(bytes: &[u8], count: usize, from: fn([u8; N]) -> T) -> Vec<T> {
        bytes[..count * N].as_chunks().0.iter().map(|chunk| from(*chunk)).collect()
    }
    let bytes = &bytes[offset..];
    // Integers beyond 2^53 keep their bits.
    if encoding == "i8" {
        assert_eq!(dtype, DType::I64);
        return Tensor::from_slice(&Allocator::system(), &numbers(bytes, count, i64::from_le_bytes), &dims).expect("a tensor");
    }
    let all: Vec<f64> = match encoding {
        "z" => vec![0.0; count],
        "i1" => numbers(bytes, count, i8::from_le_bytes).into_iter().map(f64::from).collect(),
        "i2" => numbers(bytes, count, i16::from_le_bytes).into_iter().map(f64::from).collect(),
        "f4" => numbers(bytes, count, f32::from_le_bytes).into_iter().map(f64::from).collect(),
        "f8" => numbers(bytes, count, f64::from_le_bytes),
        _ => panic!("{encoding} is no encoding"),
    };
    floats(dtype, &all, &dims)
}

/// A tensor of this dtype from floats.
pub fn floats(dtype: DType, all: &[f64], dims: &[usize]) -> Tensor {
    let allocator = Allocator::system();
    let tensor = match dtype {
        DType::F64 => Tensor::from_slice(&allocator, all, dims),
        DType::F32 => Tensor::from_slice(&allocator, &all.iter().map(|x| *x as f32).collect::<Vec<f32>>(), dims),
        DType::I64 => Tensor::from_slice(&allocator, &all.iter().map(|x| *x as i64).collect::<Vec<i64>>(), dims),
        DType::I32 => Tensor::from_slice(&allocator, &all.iter().map(|x| *x as i32).collect::<Vec<i32>>(), dims),
        DType::U8 => Tensor::from_slice(&allocator, &all.iter().map(|x| *x as u8).collect::<Vec<u8>>(), dims),
        DType::Bool => Tensor::from_slice(&allocator, &all.iter().map(|x| *x != 0.0).collect::<Vec<bool>>(), dims),
        _ => panic!("no samples are {dtype}"),
    };
    tensor.expect("a tensor")
}

/// The same tensor with floats in `dtype`.
pub fn in_dtype(tensor: &Tensor, dtype: DType) -> Tensor {
    if tensor.dtype() == DType::F64 && dtype != DType::F64 {
        floats(dtype, &json::floats(tensor), tensor.shape().dims())
    } else {
        tensor.clone()
    }
}

/// The weights that the script multiplies results with.
pub fn weights() -> impl Iterator<Item = f64> {
    let mut state: u64 = 1;
    std::iter::repeat_with(move || {
        state = (state * 1103515245 + 12345) % (1 << 31);
        (((state >> 16) % 256) as f64 - 127.5) / 64.0
    })
}
