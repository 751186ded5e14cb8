//! Numbers that are the same in every run.

use tenon::DType;
use tenon::random::{Stream, hash_name};
use tenon::tensor::{Allocator, Shape, Tensor};

/// A stream of draws.
pub struct Draws {
    stream: Stream,
    drawn: u64,
}

impl Draws {
    pub fn new(name: &str, number: u64) -> Draws {
        Draws { stream: Stream::new(hash_name(name), number), drawn: 0 }
    }
    fn word(&mut self) -> u32 {
        let mut word = [0];
        self.stream.fill_words(self.drawn, &mut word);
        self.drawn += 1;
        word[0]
    }
    /// Uniform in [0, 1).
    pub fn unit(&mut self) -> f64 {
        self.word() as f64 / 4294967296.0
    }
    pub fn uniform(&mut self, low: f64, high: f64) -> f64 {
        low + (high - low) * self.unit()
    }
    pub fn below(&mut self, count: usize) -> usize {
        ((self.word() as u64 * count as u64) >> 32) as usize
    }
    pub fn chance(&mut self, probability: f64) -> bool {
        self.unit() < probability
    }
    pub fn pick<T: Copy>(&mut self, list: &[T]) -> T {
        list[self.below(list.len())]
    }
    /// `count` uniform numbers.
    pub fn many(&mut self, count: usize, low: f64, high: f64) -> Vec<f64> {
        let mut words = vec![0; count];
        self.stream.fill_words(self.drawn, &mut words);
        self.drawn += count as u64;
        words.into_iter().map(|word| low + (high - low) * (word as f64 / 4294967296.0)).collect()
    }
    /// A tensor of uniform numbers: floats between the bounds, integers too, truths by halves.
    pub fn tensor(&mut self, dtype: DType, dims: &[usize], low: f64, high: f64) -> Tensor {
        let numbers = self.many(dims.iter().product(), low, high);
        tensor(dtype, dims, &numbers.iter().map(|x| if dtype.is_float() { *x } else { x.floor() }).collect::<Vec<f64>>())
    }
}

/// A tensor of these numbers, each rounded to the dtype; a boolean is true unless the number is 0.
pub fn tensor(dtype: DType, dims: &[usize], numbers: &[f64]) -> Tensor {
    let allocator = Allocator::system();
    let wide = Tensor::from_slice(&allocator, numbers, dims).expect("a tensor");
    if dtype == DType::F64 {
        return wide;
    }
    let tensor = Tensor::zeros(&allocator, dtype, Shape::new(dims).expect("a shape")).expect("a tensor");
    let bytes: Vec<u8> = match dtype {
        DType::F32 => numbers.iter().flat_map(|x| (*x as f32).to_ne_bytes()).collect(),
        DType::F16 => numbers.iter().flat_map(|x| half::f16::from_f64(*x).to_ne_bytes()).collect(),
        DType::BF16 => numbers.iter().flat_map(|x| half::bf16::from_f64(*x).to_ne_bytes()).collect(),
        DType::I64 => numbers.iter().flat_map(|x| (*x as i64).to_ne_bytes()).collect(),
        DType::I32 => numbers.iter().flat_map(|x| (*x as i32).to_ne_bytes()).collect(),
        DType::U8 => numbers.iter().map(|x| *x as i64 as u8).collect(),
        _ => numbers.iter().map(|x| (*x != 0.0) as u8).collect(),
    };
    tensor.write_bytes(&bytes).expect("bytes of the tensor's size");
    tensor
}
