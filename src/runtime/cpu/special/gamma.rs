//! The gamma function's kin. Coefficients are printed by `scripts/make_coefficients.py`.

use super::chebyshev;
use std::f64::consts::PI;

/// B_2k / 2k: the tail of digamma for large x.
const DIGAMMA_TAIL: [f64; 7] = [1.0 / 12.0, -1.0 / 120.0, 1.0 / 252.0, -1.0 / 240.0, 1.0 / 132.0, -691.0 / 32760.0, 1.0 / 12.0];

/// The slope of ln Gamma.
pub fn digamma(x: f64) -> f64 {
    if x <= 0.0 {
        if x == 0.0 {
            return f64::INFINITY.copysign(-x);
        }
        if x == libm::floor(x) {
            return f64::NAN;
        }
        return digamma(1.0 - x) - PI / libm::tan(PI * (x - libm::rint(x)));
    }
    if x >= 10.0 {
        let inverse = 1.0 / (x * x);
        let tail = DIGAMMA_TAIL.iter().rev().fold(0.0, |sum, c| (sum + c) * inverse);
        return libm::log(x) - 0.5 / x - tail;
    }
    // The series holds from 1 to 2.
    let (mut x, mut shift) = (x, 0.0);
    if x < 1.0 {
        shift = -1.0 / x;
        x += 1.0;
    }
    while x > 2.0 {
        x -= 1.0;
        shift += 1.0 / x;
    }
    chebyshev(2.0 * x - 3.0, &DIGAMMA) * ((x - DIGAMMA_ZERO[0]) - DIGAMMA_ZERO[1]) + shift
}

/// (2k)! / B_2k: the reciprocal weights of Euler's and Maclaurin's summation.
const EULER: [f64; 12] = [
    12.0,
    -720.0,
    30240.0,
    -1209600.0,
    47900160.0,
    -1892437580.3183792,
    74724249600.0,
    -2950130727918.164,
    116467828143500.67,
    -4597978722407472.6,
    1.8152105401943547e17,
    -7.166165256175667e18,
];

/// Hurwitz' zeta function: the sum of (q + k)^-s over k = 0, 1, 2 ... For q below 0, s is a whole number.
pub fn zeta(s: f64, q: f64) -> f64 {
    if s.is_nan() || q.is_nan() || s < 1.0 {
        return f64::NAN;
    }
    if s == 1.0 {
        return f64::INFINITY;
    }
    if q > 0.0 {
        return zeta_positive(s, q);
    }
    if q == libm::floor(q) {
        return f64::INFINITY;
    }
    if s != libm::floor(s) {
        return f64::NAN;
    }
    // The terms below 0 are those of another sum, without its end.
    let fraction = q - libm::floor(q);
    let below = zeta_positive(s, 1.0 - fraction) - zeta_positive(s, 1.0 - q);
    let sign = if libm::fmod(s, 2.0) == 0.0 { 1.0 } else { -1.0 };
    zeta_positive(s, fraction) + sign * below
}

fn zeta_positive(s: f64, q: f64) -> f64 {
    let mut sum = libm::pow(q, -s);
    if sum.is_infinite() {
        return sum;
    }
    let (mut at, mut count) = (q, 0);
    let mut term = sum;
    while count < 9 || at <= 9.0 {
        at += 1.0;
        count += 1;
        term = libm::pow(at, -s);
        sum += term;
        if term < 1e-17 * sum {
            return sum;
        }
    }
    sum += term * at / (s - 1.0) - 0.5 * term;
    let mut factor = s;
    let mut k = 0.0;
    for weight in EULER {
        term /= at;
        let more = factor * term / weight;
        sum += more;
        if more.abs() < 1e-17 * sum {
            break;
        }
        k += 1.0;
        factor *= s + k;
        term /= at;
        k += 1.0;
        factor *= s + k;
    }
    sum
}

/// The regularized lower incomplete gamma function P(a, x).
pub fn igamma(a: f64, x: f64) -> f64 {
    if let Some(end) = ends(a, x) {
        return end;
    }
    if a > HUGE {
        uniform(a, x, false)
    } else if x <= a + 1.0 {
        series(a, x)
    } else {
        1.0 - igammac(a, x)
    }
}

/// The regularized upper incomplete gamma function Q(a, x).
pub fn igammac(a: f64, x: f64) -> f64 {
    if let Some(end) = ends(a, x) {
        return 1.0 - end;
    }
    if a > HUGE {
        uniform(a, x, true)
    } else if x > 1.1 && x >= a {
        fraction(a, x)
    } else if x <= 1.1 && small_complement(a, x) {
        complement(a, x)
    } else {
        1.0 - series(a, x)
    }
}

/// From here on the sums would take too many terms, and few of the uniform expansion suffice.
const HUGE: f64 = 1e6;

/// P where it is none, 0, or 1.
fn ends(a: f64, x: f64) -> Option<f64> {
    let both_infinite = a.is_infinite() && x.is_infinite();
    if a.is_nan() || x.is_nan() || a < 0.0 || x < 0.0 || (a == 0.0 && x == 0.0) || both_infinite {
        Some(f64::NAN)
    } else if x == 0.0 || a.is_infinite() {
        Some(0.0)
    } else if a == 0.0 || x.is_infinite() {
        Some(1.0)
    } else {
        None
    }
}

/// Whether Q is so close to 1 - x^a that it is summed by itself, for x up to 1.1.
fn small_complement(a: f64, x: f64) -> bool {
    if x <= 0.5 { -0.4 / libm::log(x) >= a } else { 1.1 * x >= a }
}

/// x^a e^-x / Gamma(a + 1).
fn scale(a: f64, x: f64) -> f64 {
    if a < 20.0 {
        return if x < 200.0 {
            libm::pow(x, a) * libm::exp(-x) / libm::tgamma(a + 1.0)
        } else {
            libm::exp(a * libm::log(x) - x - libm::lgamma(a + 1.0))
        };
    }
    // By Stirling's series, around x = a.
    let inverse = 1.0 / (a * a);
    let stirling = (1.0 / 12.0 - inverse * (1.0 / 360.0 - inverse * (1.0 / 1260.0 - inverse * (1.0 / 1680.0 - inverse / 1188.0)))) / a;
    libm::exp(-a * deviation((x - a) / a) - stirling) / libm::sqrt(2.0 * PI * a)
}

/// m - ln(1 + m), exact near 0.
pub(super) fn deviation(m: f64) -> f64 {
    if !(-0.5..1.0).contains(&m) {
        return m - libm::log1p(m);
    }
    // ln(1 + m) = 2 artanh r with r = m / (2 + m), and 2r = m - m r.
    let r = m / (2.0 + m);
    let square = r * r;
    let series = (1..24).rev().fold(0.0, |sum, k| (sum + 1.0 / f64::from(2 * k + 1)) * square);
    r * (m - 2.0 * series)
}

/// P as a power series: scale (1 + x / (a + 1) + x^2 / ((a + 1) (a + 2)) ...).
fn series(a: f64, x: f64) -> f64 {
    let (mut term, mut sum, mut k) = (1.0, 1.0, 1.0);
    while term > 1e-17 * sum {
        term *= x / (a + k);
        sum += term;
        k += 1.0;
    }
    scale(a, x) * sum
}

/// Q as Legendre's continued fraction, by Lentz' method; x >= a, so that it converges within some multiple of sqrt(a) terms.
fn fraction(a: f64, x: f64) -> f64 {
    let mut b = x + 1.0 - a;
    let mut c = f64::INFINITY;
    let mut d = 1.0 / b;
    let mut value = d;
    let mut k = 1.0;
    loop {
        let numerator = k * (a - k);
        b += 2.0;
        d = 1.0 / (b + numerator * d);
        c = b + numerator / c;
        let factor = c * d;
        value *= factor;
        k += 1.0;
        if (factor - 1.0).abs() < 1e-16 || k > 1e5 {
            return scale(a, x) * a * value;
        }
    }
}

/// Q = 1 - x^a / Gamma(1 + a) - x^a / Gamma(a) sum (-x)^n / (n! (a + n)) for small x.
fn complement(a: f64, x: f64) -> f64 {
    let (mut power, mut sum, mut n) = (1.0, 0.0, 1.0);
    loop {
        power *= -x / n;
        let term = power / (a + n);
        sum += term;
        n += 1.0;
        if term.abs() <= 1e-17 * sum.abs() {
            break;
        }
    }
    // ln Gamma(1 + a), with what rounding takes from 1 + a.
    let shifted = 1.0 + a;
    let lost = a - (shifted - 1.0);
    let log_gamma = libm::lgamma(shifted) + lost * digamma(shifted);
    let logarithm = a * libm::log(x) - log_gamma;
    -libm::expm1(logarithm) - a * libm::exp(logarithm) * sum
}

/// P or Q for huge a (Temme, 1979): the tail of a normal distribution, and what the distribution is skew by.
fn uniform(a: f64, x: f64, upper: bool) -> f64 {
    let m = (x - a) / a;
    let eta = libm::sqrt(2.0 * deviation(m)).copysign(m);
    let sign = if upper { 1.0 } else { -1.0 };
    let tail = 0.5 * libm::erfc(sign * eta * libm::sqrt(0.5 * a));
    if eta.abs() > 0.2 {
        // Nothing is left there, at either side.
        return tail;
    }
    const SKEW: [[f64; 7]; 2] = [
        [-1.0 / 3.0, 1.0 / 12.0, -2.0 / 135.0, 1.0 / 864.0, 3.527_336_860_670_194e-4, -1.787_551_440_329_218e-4, 3.919_263_178_522_438e-5],
        [-1.0 / 540.0, -1.0 / 288.0, 1.0 / 378.0, -9.902_263_374_485_596e-4, 2.057_613_168_724_28e-4, 0.0, 0.0],
    ];
    let skew = super::polynomial(eta, &SKEW[0]) + super::polynomial(eta, &SKEW[1]) / a;
    tail + sign * libm::exp(-0.5 * a * eta * eta) / libm::sqrt(2.0 * PI * a) * skew
}

/// The zero of digamma, in two parts.
const DIGAMMA_ZERO: [f64; 2] = [1.4616321449683622, 9.549995429965697e-17];
/// digamma(x) / (x - zero) for 1 <= x <= 2.
const DIGAMMA: [f64; 22] = [
    1.967140520883134,
    -0.2270640863346444,
    0.03336889902393011,
    -0.005320077271596548,
    0.0008788656937820505,
    -0.00014773492650606044,
    2.5060543468359146e-05,
    -4.2721034029993324e-06,
    7.302769272465923e-07,
    -1.2502886813559594e-07,
    2.1425009322359472e-08,
    -3.673295918565179e-09,
    6.299717236108931e-10,
    -1.080593028883266e-10,
    1.853735192053638e-11,
    -3.18023536582553e-12,
    5.456147570322795e-13,
    -9.360993131036438e-14,
    1.606064636295075e-14,
    -2.7555431377438815e-15,
    4.727736178601912e-16,
    -8.11148420346509e-17,
];
