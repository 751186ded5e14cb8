//! Quantiles of the standard normal distribution.

/// The z above which a standard normal number lies with probability p, 0 < p <= 1/2.
pub fn quantile(p: f64) -> f64 {
    // Where the density alone would have this tail, then Newton's steps with Halley's correction on the true tail.
    let t = (-2.0 * p.ln()).sqrt();
    let mut z = t - (2.30753 + 0.27061 * t) / (1.0 + 0.99229 * t + 0.04481 * t * t);
    for _ in 0..4 {
        let tail = 0.5 * libm::erfc(z * std::f64::consts::FRAC_1_SQRT_2);
        let density = (-0.5 * z * z).exp() / (2.0 * std::f64::consts::PI).sqrt();
        let step = (tail - p) / density;
        z += step / (1.0 + 0.5 * z * step);
    }
    z
}
