//! Pieces that lie side by side: rows of rows, and sums of neighbours that stand in zeros, which is what the gradients of slices add up to.

use super::rewrite::Rewriter;
use crate::error::Result;
use crate::ir::{Literal, Op, Value};

/// Rows of rows are one row.
pub(super) fn concat(r: &mut Rewriter, axis: u8, x: &[Value]) -> Result<Option<Value>> {
    if x.len() == 1 {
        return Ok(Some(x[0]));
    }
    if !x.iter().any(|piece| *r.op(*piece) == Op::Concat(axis)) {
        return Ok(None);
    }
    let pieces: Vec<Value> = x
        .iter()
        .flat_map(|piece| if *r.op(*piece) == Op::Concat(axis) { r.graph.node(*piece).inputs.clone() } else { vec![*piece] })
        .collect();
    r.push(Op::Concat(axis), &pieces).map(Some)
}

/// A value between zeros along one axis.
struct Piece {
    x: Value,
    axis: usize,
    low: usize,
    high: usize,
}

fn piece(r: &Rewriter, value: Value) -> Option<Piece> {
    let Op::Pad { low, high, interior } = r.op(value) else { return None };
    let mut axes = (0..low.len()).filter(|axis| low[*axis] + high[*axis] > 0);
    let (axis, None) = (axes.next()?, axes.next()) else { return None };
    let in_zeros = r.splat(r.input_of(value, 1)).is_some_and(|fill| fill.as_f64() == 0.0);
    let is_whole = interior.iter().all(|gap| *gap == 0);
    (in_zeros && is_whole).then(|| Piece { x: r.input_of(value, 0), axis, low: low[axis], high: high[axis] })
}

/// The sum of two neighbours in zeros: both in one row.
pub(super) fn side_by_side(r: &mut Rewriter, a: Value, b: Value) -> Result<Option<Value>> {
    let (Some(a), Some(b)) = (piece(r, a), piece(r, b)) else { return Ok(None) };
    let size = |piece: &Piece| r.graph.ty(piece.x).shape.dims()[piece.axis];
    if a.axis != b.axis {
        return Ok(None);
    }
    let (first, second) = if a.low < b.low { (a, b) } else { (b, a) };
    if first.low + size(&first) != second.low {
        return Ok(None);
    }
    let rank = r.graph.ty(first.x).shape.rank();
    let (axis, x) = (first.axis as u8, [first.x, second.x]);
    let row = match concat(r, axis, &x)? {
        Some(row) => row,
        None => r.push(Op::Concat(axis), &x)?,
    };
    let at = |size: usize| (0..rank).map(|axis| if axis == first.axis { size } else { 0 }).collect::<Vec<_>>();
    if first.low + second.high == 0 {
        return Ok(Some(row));
    }
    let zero = r.constant(r.graph.ty(row).dtype, if r.graph.ty(row).dtype.is_float() { Literal::Float(0.0) } else { Literal::Int(0) })?;
    r.push(Op::Pad { low: at(first.low), high: at(second.high), interior: vec![0; rank] }, &[row, zero]).map(Some)
}

#[cfg(test)]
mod tests {
    use crate::autodiff::reverse;
    use crate::compiler::compile;
    use crate::ir::{Op, Type, Value};
    use crate::ops::Trace;
    use crate::tensor::{DType, Shape};

    /// How many pads, concatenations, and sums the gradient of a function of slices at these columns of [3, 8] compiles to.
    fn counts(slices: &[(usize, usize)]) -> [usize; 3] {
        let mut g = Trace::new();
        let x = g.input(Type::new(DType::F32, Shape::new(&[3, 8]).unwrap()));
        let parts: Vec<Value> = slices
            .iter()
            .map(|(start, length)| {
                let part = g.narrow(x, 1, *start, *length);
                g.tanh(part)
            })
            .collect();
        let y = g.concat(&parts, 1);
        let one = g.ones_like(y);
        let dx = reverse(&mut g, &[(y, one)], &[x]).unwrap();
        let plan = compile(&g.finish(&dx).unwrap()).unwrap();
        let count = |is: fn(&Op) -> bool| plan.graph.nodes.iter().filter(|node| is(&node.op)).count();
        [
            count(|op| matches!(op, Op::Pad { .. })),
            count(|op| matches!(op, Op::Concat(_))),
            count(|op| matches!(op, Op::Binary(crate::ir::Binary::Add))),
        ]
    }

    #[test]
    fn gradients_of_neighbouring_slices_become_one_row() {
        assert_eq!(counts(&[(0, 2), (2, 2), (4, 2), (6, 2)]), [0, 1, 0]);
        assert_eq!(counts(&[(4, 4), (0, 4)]), [0, 1, 0]);
        // Zeros around the row.
        assert_eq!(counts(&[(1, 3), (4, 2)]), [1, 1, 0]);
        // A gap, and an overlap.
        assert_eq!(counts(&[(0, 3), (4, 4)]), [2, 0, 1]);
        assert_eq!(counts(&[(0, 5), (4, 4)]), [2, 0, 1]);
    }
}
