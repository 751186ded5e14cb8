//! How likely it is that numbers are so far from a distribution by chance.

/// The probability that n numbers of a continuous distribution are at least as far from its distribution function as these: Kolmogorov and
/// Smirnov's test, by its limit for large n.
pub fn kolmogorov_smirnov(mut numbers: Vec<f64>, below: impl Fn(f64) -> f64) -> f64 {
    numbers.sort_by(f64::total_cmp);
    let n = numbers.len() as f64;
    let distance = |(i, x): (usize, &f64)| {
        let p = below(*x);
        (p - i as f64 / n).max((i + 1) as f64 / n - p)
    };
    let farthest = numbers.iter().enumerate().map(distance).fold(0.0, |a: f64, b| if b.is_nan() { b } else { a.max(b) });
    let scaled = farthest * n.sqrt();
    if scaled < 0.2 {
        return 1.0;
    }
    let sum: f64 = (1..100).map(|k| (if k % 2 == 1 { 2.0 } else { -2.0 }) * (-2.0 * (k * k) as f64 * scaled * scaled).exp()).sum();
    sum.clamp(0.0, 1.0)
}

/// The probability that counts are at least as far from these expected ones: Pearson's test. Cells where fewer than 10 are expected count as
/// one.
pub fn chi_square(counts: &[f64], expected: &[f64]) -> f64 {
    let (mut sum, mut cells, mut few) = (0.0, 0, (0.0, 0.0));
    let mut add = |count: f64, expected: f64| {
        sum += (count - expected) * (count - expected) / expected;
        cells += 1;
    };
    for (count, expected) in counts.iter().zip(expected) {
        if *expected < 10.0 {
            few = (few.0 + count, few.1 + expected);
        } else {
            add(*count, *expected);
        }
    }
    if few.1 > 1.0 {
        add(few.0, few.1);
    }
    assert!(cells > 1, "one cell proves nothing");
    // Wilson and Hilferty's approximation.
    let freedom = (cells - 1) as f64;
    let z = ((sum / freedom).cbrt() - (1.0 - 2.0 / (9.0 * freedom))) / (2.0 / (9.0 * freedom)).sqrt();
    0.5 * libm::erfc(z / std::f64::consts::SQRT_2)
}

/// Mean and variance.
pub fn moments(numbers: &[f64]) -> (f64, f64) {
    let n = numbers.len() as f64;
    let mean = numbers.iter().sum::<f64>() / n;
    (mean, numbers.iter().map(|x| (x - mean) * (x - mean)).sum::<f64>() / n)
}

/// Accepts what has a probability of at least 1 in 10000: of a hundred fixed draws of the right distribution, about all.
#[track_caller]
pub fn accept(name: &str, probability: f64) {
    assert!(probability > 1e-4, "{name}: so far off by chance with probability {probability:e}");
}

/// What must be noticed has a probability below 1 in a million.
#[track_caller]
pub fn refuse(name: &str, probability: f64) {
    assert!(probability < 1e-6, "{name}: a fault was not noticed, it has probability {probability:e}");
}

#[test]
fn the_tests_know_their_distributions() {
    let even: Vec<f64> = (0..1000).map(|i| (i as f64 + 0.5) / 1000.0).collect();
    assert!(kolmogorov_smirnov(even.clone(), |x| x) > 0.999);
    assert!(kolmogorov_smirnov(even.clone(), |x| x * x) < 1e-9);
    assert!(kolmogorov_smirnov(even, |_| f64::NAN).is_nan());
    // 1.358 is the scaled distance of probability 0.05.
    let n = 10000.0_f64;
    let moved: Vec<f64> = (0..10000).map(|i| (i as f64 + 0.5) / n + 1.358 / n.sqrt()).collect();
    assert!((kolmogorov_smirnov(moved, |x| x.min(1.0)) - 0.05).abs() < 0.002);
    // 18.307 is the sum of probability 0.05 for 10 degrees of freedom.
    let step = (18.307_f64 / 11.0 * 100.0).sqrt();
    let counts: Vec<f64> = (0..11).map(|i| 100.0 + if i % 2 == 0 { step } else { -step }).collect();
    assert!((chi_square(&counts, &[100.0; 11]) - 0.05).abs() < 0.002);
}
