//! Views: values that are another value's elements, read with an offset and strides.

use crate::ir::{Class, Graph, Op, Value};
use crate::tensor::Shape;

/// Where the elements of a value lie in the value `base`.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct View {
    pub base: Value,
    pub offset: isize,
    pub dims: Vec<usize>,
    /// In elements; 0 where elements repeat.
    pub strides: Vec<isize>,
}

impl View {
    fn whole(base: Value, shape: &Shape) -> View {
        View { base, offset: 0, dims: shape.dims().to_vec(), strides: shape.strides()[..shape.rank()].to_vec() }
    }
    pub fn elements(&self) -> usize {
        self.dims.iter().product()
    }
    /// Row-major without gaps.
    pub fn is_contiguous(&self) -> bool {
        let mut step = 1;
        self.dims.iter().zip(&self.strides).rev().all(|(size, stride)| {
            let fits = *size == 1 || *stride == step;
            step *= *size as isize;
            fits
        })
    }
}

/// The view that each value is. Iota is a view of nothing: its "address" is its value.
pub(super) fn views(graph: &Graph) -> Vec<View> {
    let mut views: Vec<View> = Vec::with_capacity(graph.nodes.len());
    for (index, node) in graph.nodes.iter().enumerate() {
        let value = Value::from_index(index);
        let of = |position: usize| &views[node.inputs[position].index()];
        let view = match &node.op {
            Op::Constant(_) => View { base: value, offset: 0, dims: Vec::new(), strides: Vec::new() },
            Op::Iota { shape, axis, .. } => View {
                base: value,
                offset: 0,
                dims: shape.dims().to_vec(),
                strides: (0..shape.rank()).map(|i| (i == *axis as usize) as isize).collect(),
            },
            Op::After => of(0).clone(),
            Op::Broadcast { shape, axes } => {
                let source = of(0);
                let mut strides = vec![0; shape.rank()];
                for (i, axis) in axes.iter().enumerate() {
                    strides[*axis as usize] = if source.dims[i] == 1 { 0 } else { source.strides[i] };
                }
                View { base: source.base, offset: source.offset, dims: shape.dims().to_vec(), strides }
            }
            Op::Transpose(permutation) => {
                let source = of(0);
                View {
                    base: source.base,
                    offset: source.offset,
                    dims: permutation.iter().map(|axis| source.dims[*axis as usize]).collect(),
                    strides: permutation.iter().map(|axis| source.strides[*axis as usize]).collect(),
                }
            }
            Op::Slice { start, step, .. } => {
                let source = of(0);
                let offset: isize = start.iter().zip(&source.strides).map(|(start, stride)| *start as isize * stride).sum();
                View {
                    base: source.base,
                    offset: source.offset + offset,
                    dims: node.ty.shape.dims().to_vec(),
                    strides: source.strides.iter().zip(step).map(|(stride, step)| stride * *step as isize).collect(),
                }
            }
            Op::Reverse(axes) => {
                let mut view = of(0).clone();
                for axis in axes {
                    let axis = *axis as usize;
                    view.offset += (view.dims[axis] as isize - 1).max(0) * view.strides[axis];
                    view.strides[axis] = -view.strides[axis];
                }
                view
            }
            Op::Reshape(shape) => {
                let source = of(0);
                match reshape(&source.dims, &source.strides, shape.dims()) {
                    Some(strides) => View { base: source.base, offset: source.offset, dims: shape.dims().to_vec(), strides },
                    // Normalization gives such a reshape an operand that is stored.
                    None => View::whole(value, shape),
                }
            }
            _ => View::whole(value, &node.ty.shape),
        };
        views.push(view);
    }
    views
}

/// What must be there before `operand` is read, besides the elements that it is a view of.
pub(super) fn awaited(graph: &Graph, operand: Value) -> Vec<Value> {
    let mut awaited = Vec::new();
    let mut value = operand;
    while graph.node(value).op.class() == Class::View {
        let node = graph.node(value);
        if node.op == Op::After {
            awaited.extend_from_slice(&node.inputs[1..]);
        }
        value = node.inputs[0];
    }
    awaited
}

/// The strides of the same elements under other dimensions, where strides can say it.
pub(super) fn reshape(dims: &[usize], strides: &[isize], target: &[usize]) -> Option<Vec<isize>> {
    if dims.contains(&0) || target.contains(&0) {
        return Some(vec![0; target.len()]);
    }
    // Merge the source into runs whose elements follow one another with a fixed stride, then cut each run anew.
    let mut runs: Vec<(usize, isize)> = Vec::new();
    for (size, stride) in dims.iter().zip(strides) {
        if *size == 1 {
            continue;
        }
        match runs.last_mut() {
            Some((length, step)) if *step == *size as isize * stride => {
                *length *= size;
                *step = *stride;
            }
            _ => runs.push((*size, *stride)),
        }
    }
    let mut result = vec![0; target.len()];
    let mut axis = target.len();
    for (length, step) in runs.iter().rev() {
        let mut left = *length;
        let mut stride = *step;
        while left > 1 {
            axis = axis.checked_sub(1)?;
            let size = target[axis];
            if !left.is_multiple_of(size) {
                return None;
            }
            result[axis] = stride;
            stride *= size as isize;
            left /= size;
        }
    }
    Some(result)
}

/// Dimensions as (size, stride in elements), from the outermost.
pub(super) type Runs = Vec<(usize, isize)>;

/// The view's dimensions cut where the first `rows` elements-groups end: (outer, inner) as (size, stride), sizes of 1 left out and
/// neighbours joined. None where no cut falls there.
pub(super) fn cut(view: &View, rows: usize) -> Option<(Runs, Runs)> {
    let (mut outer, mut inner) = (Runs::new(), Runs::new());
    let mut left = rows;
    for (size, stride) in view.dims.iter().zip(&view.strides) {
        if *size == 1 {
            continue;
        }
        if left == 1 {
            join(&mut inner, *size, *stride);
        } else if left.is_multiple_of(*size) {
            join(&mut outer, *size, *stride);
            left /= size;
        } else if size.is_multiple_of(left) {
            join(&mut outer, left, *stride * (size / left) as isize);
            join(&mut inner, size / left, *stride);
            left = 1;
        } else {
            return None;
        }
    }
    (left == 1).then_some((outer, inner))
}

fn join(runs: &mut Runs, size: usize, stride: isize) {
    match runs.last_mut() {
        Some((length, step)) if *step == size as isize * stride => {
            *length *= size;
            *step = stride;
        }
        _ => runs.push((size, stride)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reshape_finds_strides_where_there_are_any() {
        assert_eq!(reshape(&[2, 3, 4], &[12, 4, 1], &[6, 4]), Some(vec![4, 1]));
        assert_eq!(reshape(&[6, 4], &[4, 1], &[2, 3, 2, 2]), Some(vec![12, 4, 2, 1]));
        assert_eq!(reshape(&[4, 3], &[1, 4], &[12]), None, "a transposed matrix has no flat view");
        assert_eq!(reshape(&[4, 3], &[0, 1], &[2, 2, 3]), Some(vec![0, 0, 1]));
        assert_eq!(reshape(&[1, 5], &[7, 1], &[5, 1]), Some(vec![1, 1]), "the stride of one element says nothing");
        assert_eq!(reshape(&[4, 3], &[3, -1], &[2, 2, 3]), Some(vec![6, 3, -1]));
    }

    #[test]
    fn cut_splits_dimensions_between_rows_and_columns() {
        let view = |dims: &[usize], strides: &[isize]| View {
            base: Value::from_index(0),
            offset: 0,
            dims: dims.to_vec(),
            strides: strides.to_vec(),
        };
        assert_eq!(cut(&view(&[2, 3, 4], &[12, 4, 1]), 6), Some((vec![(6, 4)], vec![(4, 1)])));
        assert_eq!(cut(&view(&[2, 3, 4], &[0, 1, 0]), 6), Some((vec![(2, 0), (3, 1)], vec![(4, 0)])));
        assert_eq!(cut(&view(&[12], &[1]), 3), Some((vec![(3, 4)], vec![(4, 1)])));
        assert_eq!(cut(&view(&[4, 3], &[1, 4]), 6), None);
        assert_eq!(cut(&view(&[4, 3], &[3, 1]), 1), Some((vec![], vec![(12, 1)])));
    }
}
