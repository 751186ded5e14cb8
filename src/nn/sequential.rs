//! Cells one behind the other.

use crate::context::Context;
use crate::ir::Value;
use crate::nn::{Cell, Construct};
use crate::ops::Trace;

struct Sequential;

/// A cell that hands its inputs to its first child, that one's outputs to the second, and so on, and returns the last one's outputs.
/// Without children it returns its inputs. Children are added with [`Cell::insert_child`].
pub fn sequential(context: &Context) -> Cell {
    Cell::new(context, Box::new(Sequential))
}

impl Construct for Sequential {
    fn kind(&self) -> &str {
        "Sequential"
    }
    fn construct(&self, cell: &Cell, g: &mut Trace, inputs: &[Value]) -> Vec<Value> {
        let mut values = inputs.to_vec();
        for (_, child) in cell.children() {
            values = child.call(g, &values);
        }
        values
    }
    fn depends_on_training(&self) -> bool {
        false
    }
}
