//! How a gamma number moves with its shape while its probability stays: implicit reparameterization (Figurnov, Mohamed, Mnih, 2018).

use super::gamma::{deviation, digamma};

/// Above it sums take too many terms.
const LARGE: f64 = 1e4;
/// So many standard deviations from the middle, the quantile's expansion is exact to the last digits above [`LARGE`].
const MIDDLE: f64 = 4.0;

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
        large(a, l)
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
        if (factor.0 - 1.0).abs() < 1e-16 && more.abs() <= 1e-16 * h.1.abs() {
            break;
        }
    }
    h.1 + h.0 * (l - digamma(a))
}

/// By the distance of l from ln a, of which x and a come as one, so that what l is rounded to does not grow where they are close.
fn large(a: f64, l: f64) -> f64 {
    let apart = l - libm::log(a);
    if apart == f64::NEG_INFINITY {
        return f64::INFINITY;
    }
    let distance = a * libm::expm1(apart);
    if distance.abs() < MIDDLE * libm::sqrt(a) { expansion(a, distance) / (a + distance) } else { integral(a, l, apart, distance) }
}

/// dx/da at x = a + distance, from Cornish and Fisher's expansion of the quantile in the normal one, z, which is solved for.
fn expansion(a: f64, distance: f64) -> f64 {
    let root = libm::sqrt(a);
    let terms = |z: f64| {
        let square = z * z;
        (z * (square - 7.0), 16.0 - square * (3.0 * square + 7.0), z * (square * (9.0 * square + 256.0) - 433.0))
    };
    let quantile = |z: f64| {
        let (third, fourth, fifth) = terms(z);
        z * root + (z * z - 1.0) / 3.0 + third / (36.0 * root) + fourth / (810.0 * a) + fifth / (38880.0 * a * root)
    };
    let mut z = distance / root;
    for _ in 0..8 {
        z -= (quantile(z) - distance) / (root + 2.0 / 3.0 * z + (3.0 * z * z - 7.0) / (36.0 * root));
    }
    let (third, fourth, fifth) = terms(z);
    1.0 + 0.5 * z / root - third / (72.0 * a * root) - fourth / (810.0 * a * a) - fifth * 1.5 / (38880.0 * a * a * root)
}

/// The integral of (v - (l - psi(a))) (t / x)^a e^(x - t) over v = ln(x / t) for t below x, where that is the lighter tail, or of the same with
/// v = ln(t / x) above it. No term is negative there. By the trapezoidal rule after the substitution v = scale e^(u - e^-u).
fn integral(a: f64, l: f64, apart: f64, distance: f64) -> f64 {
    const STEP: f64 = 0.125;
    let x = libm::exp(l);
    let (side, distance) = (1f64.copysign(distance), distance.abs());
    // |l - psi(a)|
    let above = side * (apart + (0.5 + 1.0 / (12.0 * a)) / a);
    let scale = 1.0 / (distance + libm::sqrt(x));
    // Outside of these u, terms are below the roundings of the sum.
    let sum: f64 = (-32..40)
        .map(|k| {
            let u = STEP * f64::from(k);
            let fall = libm::exp(-u);
            let v = scale * libm::exp(u - fall);
            (v + above) * libm::exp(-distance * v - x * deviation(libm::expm1(side * v))) * v * (1.0 + fall)
        })
        .sum();
    STEP * sum
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
            // Far from the middle, and where the branches meet.
            (10001.0, -690.7755278982137, 0.06999160266566919),
            (10001.0, 8.517293186416572, 0.00013861784822659414),
            (10001.0, 8.85378684977265, 0.00011888053472034812),
            (10001.0, 9.127063105528041, 0.00010421810250258315),
            (10001.0, 9.16439878431659, 0.00010231121766964181),
            (10001.0, 9.169620455631188, 0.00010204637675380957),
            (10001.0, 9.179982705766395, 0.00010152215327374098),
            (10001.0, 9.210440366976517, 9.999166734994401e-05),
            (10001.0, 9.249659157195245, 9.804370736974959e-05),
            (10001.0, 9.254455099442394, 9.780725627395527e-05),
            (10001.0, 9.287397704679838, 9.61934653938975e-05),
            (10001.0, 9.472793093781222, 8.744799069500039e-05),
            (10001.0, 9.90358754753646, 6.930892412107869e-05),
            (20000.0, -690.7755278982137, 0.03503395202252707),
            (20000.0, 2.995732273553991, 0.00034573473387164064),
            (20000.0, 9.665062793083452, 5.619772216416311e-05),
            (20000.0, 9.896391366244575, 5.017803262136423e-05),
            (20000.0, 14.508657738524219, 2.325855223181271e-06),
            (20000.0, 20.72326583694641, 1.082001967519191e-08),
            (1e8, -690.7755278982137, 7.091962086471661e-06),
            (1e8, 17.72753356339242, 1.3862943633940034e-08),
            (1e8, 18.419880423781596, 1.0004002151287493e-08),
            (1e8, 18.420280663931027, 1.0002000550163377e-08),
            (1e8, 18.4207807389527, 9.999500049996659e-09),
            (1e8, 18.421080663973694, 9.998000549836712e-09),
            (1e8, 18.42148042412293, 9.996002148714157e-09),
            (1e8, 19.11382792451231, 6.9314718169700164e-09),
            (1e8, 29.240459028362647, 2.1639989378604244e-12),
            (1e12, 20.72326583694641, 6.914669948931563e-12),
            (1e12, 27.63099111547854, 1.0000150003001728e-12),
            (1e12, 27.631016615918423, 1.0000022500069168e-12),
            (1e12, 27.631021115928547, 1.0000000000001672e-12),
            (1e12, 27.631025615918425, 9.999977500069158e-13),
            (1e12, 32.23619130191664, 4.651687056554091e-14),
            (20000.0, 5.298317366548036, 0.00023258552230055914),
        ];
        for (a, l, expected) in known {
            let found = log_gamma_slope(a, l);
            assert!((found / expected - 1.0).abs() < 1e-12, "{a} {l}: {found:e}, not {expected:e}");
            let plain = crate::ops::scalar::log_gamma_slope(a, l);
            // The definition loses what a and x have in common.
            let tolerance = if a < 1e10 { 1e-10 } else { 1e-8 };
            assert!((plain / expected - 1.0).abs() < tolerance, "by the definition, {a} {l}: {plain:e}, not {expected:e}");
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
        assert_eq!(log_gamma_slope(2e4, f64::INFINITY), 0.0);
        assert!((log_gamma_slope(2e4, 690.7755278982137) / 6.80872065345902e-298 - 1.0).abs() < 1e-12);
        assert_eq!(log_gamma_slope(2e4, f64::NEG_INFINITY), f64::INFINITY);
        let (below, above) = (log_gamma_slope(LARGE, f64::ln(LARGE)), log_gamma_slope(LARGE + 1e-6, f64::ln(LARGE)));
        assert!((below / above - 1.0).abs() < 1e-9, "{below} {above}");
    }
}
