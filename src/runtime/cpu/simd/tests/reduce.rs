//! Rows, columns, expansion, counting.

use super::*;

const COLUMNS: [usize; 22] = [1, 2, 3, 4, 5, 7, 8, 9, 10, 12, 15, 16, 17, 31, 33, 63, 64, 65, 100, 128, 257, 1000];

fn rows<T: Plain, R: Plain>(reduce: RowReduce, rows: usize, columns: usize, source: &[T]) -> Vec<R> {
    assert!(source.len() == rows * columns);
    let copy = source.to_vec();
    let guard = R::from_word(3);
    let mut target = vec![guard; rows + 20];
    // SAFETY: rows * columns elements and rows results.
    unsafe { reduce(rows, columns, target.as_mut_ptr().cast(), copy.as_ptr().cast()) };
    assert!(target[rows..].iter().all(|x| x.bits() == guard.bits()), "wrote behind {rows} results");
    target.truncate(rows);
    target
}

#[test]
fn f32_sums_and_products_are_accurate() {
    for level in Level::available() {
        let (sum, product) = (row_reduce(level, RowOp::Sum, Class::F32).unwrap(), row_reduce(level, RowOp::Prod, Class::F32).unwrap());
        for columns in COLUMNS.into_iter().chain([65536]) {
            let count = if columns > 1000 { 2 } else { 5 };
            let x: Vec<f32> = words(30, count * columns).iter().map(|word| (word >> 40) as f32 / 16777216.0).collect();
            // Each factor and its reciprocal in one lane, so that nothing overflows.
            let factors: Vec<f32> = (0..x.len()).map(|i| if i / 64 % 2 == 0 { 0.5 + x[i] } else { 1.0 / (0.5 + x[i - 64]) }).collect();
            let (sums, products): (Vec<f32>, Vec<f32>) = (rows(sum, count, columns, &x), rows(product, count, columns, &factors));
            for r in 0..count {
                let expected: f64 = x[r * columns..][..columns].iter().map(|x| *x as f64).sum();
                let error = (sums[r] as f64 - expected).abs() / expected;
                assert!(error < 2e-6, "sum of {columns} at {}: relative error {error:e}", level.name());
                let expected: f64 = factors[r * columns..][..columns].iter().map(|x| *x as f64).product();
                let error = (products[r] as f64 - expected).abs() / expected;
                // One rounding for each factor: roundings of products of factors and reciprocals lean to one side.
                assert!(error < 6e-8 * columns as f64, "product of {columns} at {}: {error:e}", level.name());
            }
        }
    }
}

/// Every element takes part, wherever it stands.
#[test]
fn integer_sums_and_products_are_exact() {
    fn check<T: Plain>(add: fn(T, T) -> T, multiply: fn(T, T) -> T, one: T) {
        for level in Level::available() {
            for columns in COLUMNS {
                let x = values::<T>(31, 3 * columns);
                for (operation, join, start) in [(RowOp::Sum, add, T::default()), (RowOp::Prod, multiply, one)] {
                    let got: Vec<T> = rows(row_reduce(level, operation, T::CLASS).unwrap(), 3, columns, &x);
                    let expected: Vec<T> = x.chunks(columns).map(|row| row.iter().fold(start, |a, b| join(a, *b))).collect();
                    assert_eq!(got, expected, "{operation:?} of {columns} at {}", level.name());
                }
            }
        }
    }
    check::<i32>(i32::wrapping_add, i32::wrapping_mul, 1);
    check::<i64>(i64::wrapping_add, i64::wrapping_mul, 1);
}

/// Whether a goes before b: larger (or smaller), or NaN where the other is not.
fn extremes<T: Plain + PartialOrd>(nan: fn(T) -> bool) {
    for level in Level::available() {
        for columns in COLUMNS {
            // Few distinct values, so that firsts matter; NaN in some rows only.
            let x: Vec<T> = words(32, 40 * columns)
                .into_iter()
                .enumerate()
                .map(|(i, word)| {
                    let value = T::from_word(5 + 11 * 7 * (word % 9 * 512));
                    if i / columns % 4 == 0 && word % 5 == 0 { T::from_word(2) } else { value }
                })
                .collect();
            for (operation, arg, larger) in [(RowOp::Max, RowOp::ArgMax, true), (RowOp::Min, RowOp::ArgMin, false)] {
                let got: Vec<T> = rows(row_reduce(level, operation, T::CLASS).unwrap(), 40, columns, &x);
                let positions: Vec<i64> = rows(row_reduce(level, arg, T::CLASS).unwrap(), 40, columns, &x);
                for (r, row) in x.chunks(columns).enumerate() {
                    let mut first = 0;
                    for i in 1..columns {
                        let (a, b) = (row[i], row[first]);
                        let before = if larger { a > b } else { a < b };
                        if !nan(b) && (nan(a) || before) {
                            first = i;
                        }
                    }
                    assert_eq!(positions[r], first as i64, "{arg:?} of {row:?} at {}", level.name());
                    assert_eq!(got[r].bits(), row[first].bits(), "{operation:?} of {row:?} at {}", level.name());
                }
            }
        }
    }
}

#[test]
fn extremes_and_their_first_positions() {
    extremes::<f32>(f32::is_nan);
    extremes::<f64>(f64::is_nan);
    extremes::<i32>(|_| false);
    extremes::<i64>(|_| false);
}

#[test]
fn infinite_rows_have_positions() {
    for level in Level::available() {
        let x = [f32::NEG_INFINITY; 10];
        assert_eq!(rows::<f32, i64>(row_reduce(level, RowOp::ArgMax, Class::F32).unwrap(), 2, 5, &x), [0, 0]);
        assert_eq!(rows::<f32, f32>(row_reduce(level, RowOp::Max, Class::F32).unwrap(), 2, 5, &x), [f32::NEG_INFINITY; 2]);
    }
}

/// A row's result depends on the row alone: not on its place, nor on how many rows there are.
#[test]
fn rows_do_not_know_their_place() {
    for level in Level::available() {
        for columns in COLUMNS {
            let row = values::<f32>(33, columns).into_iter().map(|x| if x.is_finite() { x % 100.0 } else { 0.5 }).collect::<Vec<_>>();
            let many: Vec<f32> = row.iter().cycle().take(7 * columns).copied().collect();
            for operation in [RowOp::Sum, RowOp::Prod, RowOp::Max, RowOp::Min] {
                let reduce = row_reduce(level, operation, Class::F32).unwrap();
                let alone = bits(&rows::<f32, f32>(reduce, 1, columns, &row))[0];
                assert_eq!(bits(&rows::<f32, f32>(reduce, 7, columns, &many)), [alone; 7], "{operation:?} of {columns}");
            }
        }
    }
}

#[test]
fn empty_rows_give_the_identity() {
    for level in Level::available() {
        let of = |operation| rows::<f32, f32>(row_reduce(level, operation, Class::F32).unwrap(), 2, 0, &[])[1];
        assert_eq!([RowOp::Sum, RowOp::Prod, RowOp::Max, RowOp::Min].map(of), [0.0, 1.0, f32::NEG_INFINITY, f32::INFINITY]);
    }
}

#[test]
fn columns_join_in_ascending_order() {
    fn check<T: Plain>(operation: RowOp, join: fn(T, T) -> T) {
        for level in Level::available() {
            let reduce = column_reduce(level, operation, T::CLASS).unwrap();
            for columns in COLUMNS {
                let (x, start) = (values::<T>(34, 9 * columns), values::<T>(35, columns));
                let mut sums = start.clone();
                sums.extend([T::from_word(5); 20]);
                // SAFETY: 9 rows and a row of sums.
                unsafe { reduce(9, columns, sums.as_mut_ptr().cast(), x.as_ptr().cast()) };
                for c in 0..columns {
                    let expected = (0..9).fold(start[c], |sum, r| join(sum, x[r * columns + c]));
                    assert_eq!(sums[c].bits(), expected.bits(), "{operation:?}, column {c} of {columns} at {}", level.name());
                }
                assert!(sums[columns..].iter().all(|x| x.bits() == T::from_word(5).bits()), "wrote behind the sums");
            }
            assert!(column_reduce(level, RowOp::ArgMax, T::CLASS).is_none());
        }
    }
    check::<f32>(RowOp::Sum, |a, b| a + b);
    check::<f32>(RowOp::Prod, |a, b| a * b);
    check::<f32>(RowOp::Max, |a, b| if a.is_nan() || a > b { a } else { b });
    check::<f64>(RowOp::Sum, |a, b| a + b);
    check::<f64>(RowOp::Min, |a, b| if a.is_nan() || a < b { a } else { b });
    check::<i32>(RowOp::Sum, i32::wrapping_add);
    check::<i32>(RowOp::Max, i32::max);
    check::<i64>(RowOp::Prod, i64::wrapping_mul);
    check::<i64>(RowOp::Min, i64::min);
}

#[test]
fn expansion_repeats_each_element() {
    fn check<T: Plain>() {
        for level in Level::available() {
            for columns in COLUMNS.into_iter().chain([0]) {
                let x = values::<T>(36, 11);
                let guard = T::from_word(5);
                let mut target = vec![guard; 11 * columns + 40];
                // SAFETY: 11 elements become 11 rows.
                unsafe { expand_rows(level, T::CLASS)(11, columns, target.as_mut_ptr().cast(), x.as_ptr().cast()) };
                let expected: Vec<T> = x.iter().flat_map(|x| vec![*x; columns]).chain([guard; 40]).collect();
                assert_eq!(bits(&target), bits(&expected), "{columns} columns at {}", level.name());
            }
        }
    }
    check::<f32>();
    check::<f64>();
    check::<i32>();
    check::<i64>();
}

#[test]
fn counting() {
    fn check<T: Plain>(from: fn(i64) -> T) {
        for level in Level::available() {
            for (start, step) in [(0, 1), (5, -3), (i64::MAX - 10, 1 << 40), (1 << 40, 12345)] {
                for n in [0, 1, 7, 16, 17, 70] {
                    let mut target = vec![T::from_word(5); n + 20];
                    // SAFETY: n elements.
                    unsafe { iota(level, T::CLASS)(n, target.as_mut_ptr().cast(), start, step) };
                    let expected = (0..n as i64).map(|i| from(start.wrapping_add(step.wrapping_mul(i)))).collect::<Vec<T>>();
                    assert_eq!(bits(&target[..n]), bits(&expected), "{start} + i * {step} at {}", level.name());
                    assert!(target[n..].iter().all(|x| x.bits() == T::from_word(5).bits()));
                }
            }
        }
    }
    check::<f32>(|i| i as f32);
    check::<f64>(|i| i as f64);
    check::<i32>(|i| i as i32);
    check::<i64>(|i| i);
}
