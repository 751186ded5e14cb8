//! How a gamma number moves with its shape while its probability stays: implicit reparameterization (Figurnov, Mohamed, Mnih, 2018).

use super::gamma::digamma;

/// Above it the quantile's expansion is exact to the last digits.
const LARGE: f64 = 1e4;

/// The slope of ln x in the shape a where P(a, x), the regularized lower incomplete gamma function, stays the same; in terms of l = ln x,
/// since x may be too small for a number: -(dP/da) / (x dP/dx). NaN unless a is finite and above 0.
pub fn log_gamma_slope(a: f64, l: f64) -> f64 {
    if l.is_nan() || a.is_nan() || a <= 0.0 || a == f64::INFINITY {
        return f64::NAN;
    }
    let x = libm::exp(l);
    if x == f64::INFINITY {
        return 0.0;
    }
    if a > LARGE {
        expansion(a, x) / x
    } else if x < a + 1.0 {
        series(a, x, l)
    } else {
        fraction(a, x, l)
    }
}

/// P(a, x) = x^a e^-x S / Gamma(a + 1) with S = 1 + x / (a + 1) + x^2 / ((a + 1)(a + 2)) + ..., and the derivative of that.
fn series(a: f64, x: f64, l: f64) -> f64 {
    let (mut sum, mut slope) = (1.0, 0.0);
    let (mut term, mut harmonic, mut place) = (1.0, 0.0, a);
    // Some sqrt(2 a ln(1 / epsilon)) terms, at most about a thousand.
    for _ in 0..5000 {
        place += 1.0;
        term *= x / place;
        harmonic += 1.0 / place;
        sum += term;
        slope -= term * harmonic;
        if term * (1.0 + harmonic) < 1e-18 * (sum - slope) {
            break;
        }
    }
    -(sum * (l - digamma(a + 1.0)) + slope) / a
}

/// Q(a, x) = x^a e^-x h / Gamma(a), where h is Legendre's continued fraction by Lentz's method, and its derivative alongside.
fn fraction(a: f64, x: f64, l: f64) -> f64 {
    // (value, derivative in a)
    let mut b = x + 1.0 - a;
    let mut d = (1.0 / b, 1.0 / (b * b));
    // The reciprocal of Lentz's c.
    let mut inverse = (0.0, 0.0);
    let mut h = d;
    for i in 1..5000 {
        let i = i as f64;
        let (numerator, fall) = (-i * (i - a), i);
        b += 2.0;
        let below = (numerator * d.0 + b, fall * d.0 + numerator * d.1 - 1.0);
        let c = (b + numerator * inverse.0, -1.0 + fall * inverse.0 + numerator * inverse.1);
        d = (1.0 / below.0, -below.1 / (below.0 * below.0));
        inverse = (1.0 / c.0, -c.1 / (c.0 * c.0));
        let factor = (c.0 * d.0, c.1 * d.0 + c.0 * d.1);
        let more = h.0 * factor.1;
        h = (h.0 * factor.0, h.1 * factor.0 + more);
        if (factor.0 - 1.0).abs() < 1e-16 && more.abs() < 1e-16 * h.1.abs() {
            break;
        }
    }
    h.1 + h.0 * (l - digamma(a))
}

/// dx/da from Cornish and Fisher's expansion of the quantile in the normal one, z, which is solved for.
fn expansion(a: f64, x: f64) -> f64 {
    let root = libm::sqrt(a);
    let quantile = |z: f64| {
        let square = z * z;
        let (third, fourth, fifth) =
            (z * (square - 7.0), 16.0 - square * (3.0 * square + 7.0), z * (square * (9.0 * square + 256.0) - 433.0));
        a + z * root + (square - 1.0) / 3.0 + third / (36.0 * root) + fourth / (810.0 * a) + fifth / (38880.0 * a * root)
    };
    let mut z = (x - a) / root;
    for _ in 0..8 {
        z -= (quantile(z) - x) / (root + 2.0 / 3.0 * z + (3.0 * z * z - 7.0) / (36.0 * root));
    }
    let square = z * z;
    let (third, fourth, fifth) = (z * (square - 7.0), 16.0 - square * (3.0 * square + 7.0), z * (square * (9.0 * square + 256.0) - 433.0));
    1.0 + 0.5 * z / root - third / (72.0 * a * root) - fourth / (810.0 * a * a) - fifth * 1.5 / (38880.0 * a * a * root)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// By mpmath with 60 digits: the derivative of the series, and the integral that the continued fraction stands for.
    #[test]
    fn slopes_are_those_of_the_definition() {
        let known = [
            (0.001, -2000.0, 1999424.4280681896),
            (0.001, -1.5, 1418.8247997573558),
            (0.001, 1.25, 231.86460406918027),
            (0.3, -40.0, 132.76936370377734),
            (0.3, -0.5, 3.606559684061662),
            (0.3, 0.5, 2.018274178278663),
            (0.3, 3.0, 0.3155267177356612),
            (1.0, -3.0, 3.522218025039085),
            (1.0, 0.25, 1.0347265594359454),
            (1.0, 0.75, 0.7902911871132119),
            (1.0, 3.0, 0.18046517112758786),
            (2.0, 1.5, 0.3531026722608278),
            (2.0, 3.0, 0.13729684432013003),
            (4.5, 1.0, 0.29343975082881285),
            (4.5, 1.5, 0.23108094449170483),
            (4.5, 1.75, 0.20342150016513996),
            (4.5, 3.0, 0.09939873269199297),
            (40.0, 3.25, 0.031014102836480106),
            (40.0, 3.6875, 0.025121742321741063),
            (40.0, 3.75, 0.024345035183147783),
            (40.0, 4.25, 0.018715620026841816),
            (1000.0, 6.875, 0.0010166364686850914),
            (1000.0, 6.90625, 0.0010009196370956998),
            (1000.0, 6.9375, 0.0009853655794783336),
            (1000.0, 7.0, 0.0009547456989402221),
            (20000.0, 9.875, 5.071599280744298e-05),
            (20000.0, 9.90625, 4.993138670311496e-05),
            (20000.0, 9.9375, 4.91549185217576e-05),
            (1e8, 18.421, 9.998403821362857e-09),
        ];
        for (a, l, expected) in known {
            let found = log_gamma_slope(a, l);
            assert!((found / expected - 1.0).abs() < 1e-12, "{a} {l}: {found:e}, not {expected:e}");
            let plain = crate::ops::scalar::log_gamma_slope(a, l);
            assert!((plain / expected - 1.0).abs() < 1e-10, "by the definition, {a} {l}: {plain:e}, not {expected:e}");
        }
    }

    #[test]
    fn slopes_have_ends() {
        assert!(
            [(0.0, 1.0), (-1.0, 1.0), (f64::NAN, 1.0), (1.0, f64::NAN), (f64::INFINITY, 1.0)]
                .iter()
                .all(|(a, l)| log_gamma_slope(*a, *l).is_nan())
        );
        assert_eq!(log_gamma_slope(2.0, f64::INFINITY), 0.0);
        assert_eq!(log_gamma_slope(2.0, f64::NEG_INFINITY), f64::INFINITY);
        // The branches meet.
        for a in [1e-6_f64, 0.4, 3.0, 700.0] {
            let l = f64::ln(a + 1.0);
            let (below, above) = (log_gamma_slope(a, l - 1e-12), log_gamma_slope(a, l + 1e-12));
            assert!((below / above - 1.0).abs() < 1e-9, "{a}: {below} {above}");
        }
        let (below, above) = (log_gamma_slope(LARGE, f64::ln(LARGE)), log_gamma_slope(LARGE + 1e-6, f64::ln(LARGE)));
        assert!((below / above - 1.0).abs() < 1e-9, "{below} {above}");
    }
}
