//! From a name of op_db to a recording with Tenon's operations.

mod activations;
mod arrange;
mod binary;
mod create;
mod images;
mod index;
mod linalg;
mod linear;
mod losses;
mod moves;
mod norms;
mod order;
mod reductions;
mod unary;
mod windows;

use crate::call::Call;
use tenon::ir::Value;
use tenon::ops::Trace;

/// How a sample is recorded.
#[derive(Clone, Copy)]
pub enum Record {
    /// A function of the first argument.
    Unary(fn(&mut Trace, Value) -> Value),
    /// A function of the first two arguments, tensors or numbers.
    Binary(fn(&mut Trace, Value, Value) -> Value),
    One(fn(&mut Trace, &Call) -> Value),
    Many(fn(&mut Trace, &Call) -> Vec<Value>),
}

use Record::{Binary, Many, One, Unary};

pub type Entry = (&'static str, Record);

impl Record {
    pub fn record(&self, g: &mut Trace, call: &Call) -> Vec<Value> {
        match self {
            Unary(record) => vec![record(g, call.t(0))],
            Binary(record) => {
                let (a, b) = (call.x(g, 0), call.x(g, 1));
                vec![record(g, a, b)]
            }
            One(record) => vec![record(g, call)],
            Many(record) => record(g, call),
        }
    }
}

fn entries() -> impl Iterator<Item = &'static Entry> {
    [
        create::ENTRIES,
        unary::ENTRIES,
        binary::ENTRIES,
        reductions::ENTRIES,
        moves::ENTRIES,
        arrange::ENTRIES,
        index::ENTRIES,
        linear::ENTRIES,
        linalg::ENTRIES,
        activations::ENTRIES,
        losses::ENTRIES,
        norms::ENTRIES,
        order::ENTRIES,
        windows::ENTRIES,
        images::ENTRIES,
    ]
    .into_iter()
    .flatten()
}

pub fn find(name: &str) -> Option<Record> {
    entries().find(|(known, _)| *known == name).map(|(_, record)| *record)
}

pub fn names() -> impl Iterator<Item = &'static str> {
    entries().map(|(name, _)| *name)
}
