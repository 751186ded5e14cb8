//! Convolutions and pools of random geometry.

use crate::check::Case;
use crate::draws::Draws;
use crate::forms::case;
use tenon::DType;
use tenon::ir::{ConvolutionRole, WindowAxis, WindowRole};

/// An axis of about `size` elements, with windows that may reach beyond it.
fn axis(draws: &mut Draws, size: usize, kernels: usize) -> WindowAxis {
    let mut axis = WindowAxis {
        size: 1 + draws.below(size),
        kernel: 1 + draws.below(kernels),
        stride: if draws.chance(0.5) { 1 } else { 1 + draws.below(3) },
        dilation: if draws.chance(0.6) { 1 } else { 1 + draws.below(3) },
        low: 0,
        count: 1,
    };
    axis.low = if draws.chance(0.3) { 0 } else { draws.below(axis.reach() + 2) };
    let most = (axis.size + axis.low + draws.below(axis.reach())).saturating_sub(axis.reach()) / axis.stride + 1;
    axis.count = if draws.chance(0.8) { most } else { 1 + draws.below(most + 2) };
    axis
}

fn spatial(window: &[WindowAxis], of: fn(&WindowAxis) -> usize) -> Vec<usize> {
    window.iter().map(of).collect()
}

/// A case of each role.
fn convolution(draws: &mut Draws, dtype: DType, window: &[WindowAxis], [batch, groups, inputs, outputs]: [usize; 4]) -> Case {
    let dims = |lead: [usize; 2], of| [&lead[..], &spatial(window, of)].concat();
    let x = draws.tensor(dtype, &dims([batch, groups * inputs], |axis| axis.size), -2.0, 2.0);
    let w = draws.tensor(dtype, &dims([groups * outputs, inputs], |axis| axis.kernel), -2.0, 2.0);
    let y = draws.tensor(dtype, &dims([batch, groups * outputs], |axis| axis.count), -2.0, 2.0);
    let taps: usize = spatial(window, |axis| axis.kernel).iter().product();
    let terms = (taps * inputs.max(outputs)).max(batch * spatial(window, |axis| axis.count).iter().product::<usize>());
    case(vec![x, w, y], 4.0 * (terms as f64).sqrt(), |g, x| {
        let (x, w, y) = (x[0], x[1], x[2]);
        vec![
            g.convolution(ConvolutionRole::Forward, window, groups, x, w),
            g.convolution(ConvolutionRole::InputGradient, window, groups, y, w),
            g.convolution(ConvolutionRole::FilterGradient, window, groups, x, y),
        ]
    })
}

#[test]
fn convolutions_of_any_geometry() {
    for number in 0..120 {
        let draws = &mut Draws::new("convolutions", number);
        let rank = 1 + draws.below(3);
        let (size, kernels) = [(40, 6), (11, 4), (5, 3)][rank - 1];
        let window: Vec<WindowAxis> = (0..rank).map(|_| axis(draws, size, kernels)).collect();
        let sizes = [1 + draws.below(3), 1 + draws.below(3), 1 + draws.below(9), 1 + draws.below(9)];
        let dtype = draws.pick(&[DType::F32, DType::F32, DType::F64, DType::F16, DType::BF16, DType::I32, DType::I64, DType::U8]);
        convolution(draws, dtype, &window, sizes).check(&format!("convolution {number}: {sizes:?} of {dtype}, {window:?}"));
    }
}

/// Groups of so few channels, and so many of them, that nothing is packed.
#[test]
fn narrow_convolutions_of_any_geometry() {
    for number in 0..120 {
        let draws = &mut Draws::new("narrow convolutions", number);
        let rank = 1 + draws.below(3);
        let (size, kernels) = [(90, 6), (23, 5), (6, 3)][rank - 1];
        let window: Vec<WindowAxis> = (0..rank).map(|_| axis(draws, size, kernels)).collect();
        let sizes = [1 + draws.below(3), 1 + draws.below(12), 1 + draws.below(2), 1 + draws.below(2)];
        let dtype = draws.pick(&[DType::F32, DType::F32, DType::F64, DType::BF16]);
        convolution(draws, dtype, &window, sizes).check(&format!("convolution {number}: {sizes:?} of {dtype}, {window:?}"));
    }
}

fn square(size: usize, kernel: usize, stride: usize, low: usize, count: usize) -> [WindowAxis; 2] {
    [WindowAxis { size, kernel, stride, dilation: 1, low, count }; 2]
}

#[test]
fn large_convolutions_are_cut_the_same_for_any_number_of_workers() {
    let cases: [(&str, Vec<WindowAxis>, [usize; 4]); 11] = [
        ("stretches of channels", square(10, 3, 1, 1, 10).to_vec(), [3, 1, 70, 66]),
        ("strides", square(21, 3, 2, 1, 11).to_vec(), [2, 1, 33, 50]),
        ("one image", square(40, 3, 1, 1, 40).to_vec(), [1, 1, 5, 60]),
        ("patches", square(24, 4, 4, 0, 6).to_vec(), [2, 1, 3, 20]),
        ("points", square(12, 1, 1, 0, 12).to_vec(), [2, 2, 40, 24]),
        ("a signal", vec![WindowAxis { size: 3000, kernel: 5, stride: 1, dilation: 2, low: 4, count: 3000 }], [2, 1, 9, 10]),
        ("channels alone", square(30, 3, 1, 1, 30).to_vec(), [2, 20, 1, 1]),
        ("large channels alone, rows at a time", square(300, 3, 1, 1, 300).to_vec(), [1, 9, 1, 1]),
        ("a long signal", vec![WindowAxis { size: 9000, kernel: 5, stride: 1, dilation: 2, low: 4, count: 9000 }], [1, 1, 1, 2]),
        (
            "a long signal with strides",
            vec![WindowAxis { size: 9001, kernel: 5, stride: 2, dilation: 1, low: 2, count: 4501 }],
            [1, 9, 1, 1],
        ),
        ("large channels alone with strides", square(401, 5, 2, 2, 201).to_vec(), [1, 8, 1, 2]),
    ];
    for (name, window, sizes) in cases {
        let draws = &mut Draws::new(name, 0);
        let case = convolution(draws, DType::F32, &window, sizes);
        case.check(name);
        case.check_jobs(name);
    }
}

#[test]
fn taps_may_lie_far_apart() {
    let far = WindowAxis { size: 5, kernel: 3, stride: 1, dilation: 1 << 40, low: 1 << 40, count: 4 };
    convolution(&mut Draws::new("far", 0), DType::F32, &[far], [2, 1, 3, 2]).check("taps far apart");
    // Windows far apart, too: so far that the elements between overflow, and so far that they would fill gigabytes.
    for (stride, count) in [(((1 << 60) - 1) / 3, 4), (1 << 25, 17)] {
        let far = WindowAxis { size: 1, kernel: 1, stride, dilation: 1, low: (count - 1) / 2 * stride, count };
        let near = WindowAxis { size: 16, kernel: 1, stride: 1, dilation: 1, low: 0, count: 16 };
        convolution(&mut Draws::new("far", 1), DType::F32, &[far, near], [1, 1, 1, 1]).check("windows far apart");
    }
}

#[test]
fn nothing_convolved_is_zero() {
    let window = square(6, 3, 1, 1, 6);
    convolution(&mut Draws::new("none", 0), DType::F32, &window, [0, 1, 3, 2]).check("no images");
}

/// As [`axis`], but no window lies in the padding altogether.
fn occupied(draws: &mut Draws, size: usize) -> WindowAxis {
    loop {
        let axis = axis(draws, size, 4);
        let is_occupied = |window: usize| (0..axis.kernel).any(|tap| axis.position(window, tap).is_some());
        if (0..axis.count).all(is_occupied) {
            return axis;
        }
    }
}

#[test]
fn pools_of_any_geometry() {
    for number in 0..100 {
        let draws = &mut Draws::new("pools", number);
        let rank = 1 + draws.below(3);
        let window: Vec<WindowAxis> = (0..rank).map(|_| occupied(draws, [40, 12, 6][rank - 1])).collect();
        let lead = vec![1 + draws.below(3); draws.below(3)];
        let dtypes = [DType::F32, DType::F64, DType::F16, DType::I32, DType::I64, DType::U8];
        let (dtype, other) = (draws.pick(&dtypes), draws.pick(&dtypes));
        let dims = |of| [&lead[..], &spatial(&window, of)].concat();
        // Few different numbers: ties.
        let x = draws.tensor(DType::I32, &dims(|axis| axis.size), 0.0, 7.0);
        let (v, y) = (draws.tensor(other, &dims(|axis| axis.size), 0.0, 5.0), draws.tensor(other, &dims(|axis| axis.count), 0.0, 5.0));
        let case = case(vec![x, v, y], 200.0, |g, x| {
            let of = g.cast(x[0], dtype);
            vec![
                g.window(WindowRole::Select, &window, &[of, of]),
                g.window(WindowRole::Select, &window, &[of, x[1]]),
                g.window(WindowRole::Scatter, &window, &[of, x[2]]),
                g.window(WindowRole::Sum, &window, &[x[1]]),
                g.window(WindowRole::Spread, &window, &[x[2]]),
            ]
        });
        case.check(&format!("pool {number}: {lead:?} of {dtype} and {other}, {window:?}"));
        if number % 10 == 0 {
            case.check_jobs("pools");
        }
    }
}

#[test]
fn a_window_with_nan_has_it_for_its_largest() {
    let x = crate::draws::tensor(DType::F32, &[6], &[1.0, f64::NAN, 3.0, f64::NAN, -f64::INFINITY, -f64::INFINITY]);
    let windows = [WindowAxis { size: 6, kernel: 2, stride: 2, dilation: 1, low: 0, count: 3 }];
    case(vec![x], 1.0, |g, x| {
        let places = g.iota(DType::I64, &[6], 0);
        vec![g.window(WindowRole::Select, &windows, &[x[0], x[0]]), g.window(WindowRole::Select, &windows, &[x[0], places])]
    })
    .check("NaN in windows");
}

/// Windows of two by two side by side, which have kernels of their own: elements behind the last window, planes, ties, NaN in any place.
#[test]
fn windows_of_two_by_two_side_by_side() {
    let pair = |size: usize| WindowAxis { size, kernel: 2, stride: 2, dilation: 1, low: 0, count: size / 2 };
    let single = |size: usize, count: usize| WindowAxis { size, kernel: 1, stride: 1, dilation: 1, low: 0, count };
    let forms: [(&[usize], Vec<WindowAxis>); 5] = [
        (&[3], vec![pair(4), pair(6)]),
        (&[2, 3], vec![pair(24), pair(50)]),
        (&[2], vec![pair(5), pair(71)]),
        (&[], vec![single(3, 2), pair(6), pair(34)]),
        (&[1], vec![pair(2), WindowAxis { count: 3, ..pair(9) }]),
    ];
    for (number, (lead, window)) in forms.iter().enumerate() {
        let draws = &mut Draws::new("quads", number as u64);
        let dims = |of| [lead, &spatial(window, of)[..]].concat();
        let (x, y) =
            (draws.tensor(DType::I32, &dims(|axis| axis.size), 0.0, 7.0), draws.tensor(DType::F32, &dims(|axis| axis.count), 1.0, 5.0));
        for dtype in [DType::F32, DType::F64, DType::I32] {
            case(vec![x.clone(), y.clone()], 1.0, |g, x| {
                let (of, v) = (g.cast(x[0], dtype), g.cast(x[1], dtype));
                // 6 becomes NaN in floats.
                let six = g.scalar(dtype, 6.0);
                let is_six = g.equal(of, six);
                let nan = if dtype.is_float() { g.scalar(dtype, f64::NAN) } else { six };
                let of = g.select(is_six, nan, of);
                vec![g.window(WindowRole::Select, window, &[of, of]), g.window(WindowRole::Scatter, window, &[of, v])]
            })
            .check(&format!("{lead:?} of {dtype}, {window:?}"));
        }
    }
}
