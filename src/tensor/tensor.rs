//! Stand-in until the real one lands.
use crate::tensor::{DType, Shape};
#[derive(Clone, Debug)]
pub struct Tensor;
impl PartialEq for Tensor {
    fn eq(&self, _: &Tensor) -> bool {
        true
    }
}
impl Tensor {
    pub fn shape(&self) -> &Shape {
        unimplemented!()
    }
    pub fn dtype(&self) -> DType {
        unimplemented!()
    }
}
