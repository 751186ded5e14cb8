//! The arguments of a sample, as the entries of the table ask for them.

use crate::checks::json;
use crate::samples::Sample;
use serde_json::Value as Json;
use tenon::DType;
use tenon::ir::Value;
use tenon::ops::Trace;

pub struct Call<'a> {
    pub sample: &'a Sample,
    pub operands: &'a [Value],
    /// The dtype of all floats.
    pub dtype: DType,
}

/// The number of the operand that an argument is.
fn operand(form: &Json) -> Option<usize> {
    let map = form.as_object()?;
    let number = map.get("g").or_else(|| map.get("x"))?;
    number.as_u64().map(|number| number as usize)
}

fn number(form: &Json) -> Option<f64> {
    match form {
        Json::Bool(value) => Some(*value as u8 as f64),
        Json::Number(value) => value.as_f64(),
        Json::Object(map) => map.get("number").map(json::number),
        _ => None,
    }
}

/// A position from the first or, if negative, from behind the last of `count`.
pub fn wrap(index: i64, count: usize) -> usize {
    let index = if index < 0 { index + count.max(1) as i64 } else { index };
    usize::try_from(index).expect("a position")
}

#[derive(Clone, Copy)]
pub struct Argument<'a> {
    pub form: &'a Json,
    call: &'a Call<'a>,
}

const NULL: Json = Json::Null;

impl<'a> Call<'a> {
    /// The argument at a position, counted with the first tensor as 0, or with this name.
    pub fn at(&'a self, position: usize, name: &str) -> Argument<'a> {
        let form = self.sample.args.get(position).or_else(|| self.sample.kwargs.get(name)).unwrap_or(const { &NULL });
        Argument { form, call: self }
    }
    /// The argument with this name.
    pub fn named(&'a self, name: &str) -> Argument<'a> {
        self.at(usize::MAX, name)
    }
    /// The tensor at this position.
    pub fn t(&self, position: usize) -> Value {
        self.operands[operand(&self.sample.args[position]).unwrap_or_else(|| panic!("argument {position} is no tensor"))]
    }
    /// The tensor or number at this position.
    pub fn x(&self, g: &mut Trace, position: usize) -> Value {
        self.at(position, "").value(g)
    }
    pub fn count(&self) -> usize {
        self.sample.args.len()
    }
    /// All tensors of a list, or all arguments that are tensors.
    pub fn tensors(&self) -> Vec<Value> {
        let list = match self.sample.args.first() {
            Some(Json::Array(list)) => list,
            _ => &self.sample.args,
        };
        list.iter().filter_map(operand).map(|number| self.operands[number]).collect()
    }
}

impl<'a> Argument<'a> {
    pub fn is_given(self) -> bool {
        !self.form.is_null()
    }
    pub fn tensor(self) -> Option<Value> {
        operand(self.form).map(|number| self.call.operands[number])
    }
    /// A tensor, or a number as a scalar in the dtype of the first operand.
    pub fn value(self, g: &mut Trace) -> Value {
        self.tensor().unwrap_or_else(|| {
            let number = self.number().unwrap_or_else(|| panic!("{} is no operand", self.form));
            let dtype = self.call.operands.first().map_or(self.call.dtype, |first| g.dtype(*first));
            g.scalar(dtype, number)
        })
    }
    /// A number, also if it is the only element of an operand that holds an integer.
    pub fn number(self) -> Option<f64> {
        match operand(self.form) {
            Some(position) => json::floats(&self.call.sample.operands[position]).first().copied(),
            None => number(self.form),
        }
    }
    /// All elements of an operand.
    pub fn numbers(self) -> Vec<f64> {
        operand(self.form).map_or(Vec::new(), |position| json::floats(&self.call.sample.operands[position]))
    }
    pub fn number_or(self, default: f64) -> f64 {
        self.number().unwrap_or(default)
    }
    pub fn integer(self) -> Option<i64> {
        self.number().map(|number| number as i64)
    }
    pub fn integer_or(self, default: i64) -> i64 {
        self.integer().unwrap_or(default)
    }
    pub fn size_or(self, default: usize) -> usize {
        self.integer().map_or(default, |size| usize::try_from(size).expect("a size"))
    }
    pub fn flag(self) -> bool {
        self.flag_or(false)
    }
    pub fn flag_or(self, default: bool) -> bool {
        self.form.as_bool().unwrap_or(default)
    }
    pub fn text(self) -> &'a str {
        self.form.as_str().unwrap_or("")
    }
    /// A list of integers; a single one is a list of one, no argument is none.
    pub fn integers(self) -> Vec<i64> {
        match self.form {
            Json::Array(list) => list.iter().map(|each| Argument { form: each, call: self.call }.integer().expect("an integer")).collect(),
            _ => match operand(self.form) {
                Some(position) => json::floats(&self.call.sample.operands[position]).iter().map(|x| *x as i64).collect(),
                None => self.integer().into_iter().collect(),
            },
        }
    }
    pub fn sizes(self) -> Vec<usize> {
        self.integers().into_iter().map(|size| usize::try_from(size).expect("a size")).collect()
    }
    pub fn axis_or(self, default: i64, rank: usize) -> usize {
        wrap(self.integer_or(default), rank)
    }
    /// Axes; all, if none are given.
    pub fn axes(self, rank: usize) -> Vec<usize> {
        match self.integers().as_slice() {
            [] => (0..rank).collect(),
            given => given.iter().map(|axis| wrap(*axis, rank)).filter(|axis| *axis < rank).collect(),
        }
    }
    pub fn list(self) -> Vec<Argument<'a>> {
        self.form.as_array().map_or(Vec::new(), |list| list.iter().map(|form| Argument { form, call: self.call }).collect())
    }
    /// Sizes for `count` dimensions; a single one is for all.
    pub fn sizes_for(self, count: usize, default: usize) -> Vec<usize> {
        let sizes = self.sizes();
        match sizes.len() {
            0 => vec![default; count],
            1 => vec![sizes[0]; count],
            _ => sizes,
        }
    }
}
