//! The error function's kin and the normal distribution. Coefficients are printed by `scripts/make_coefficients.py`.

use super::{chebyshev, polynomial};
use std::f64::consts::{FRAC_1_SQRT_2, FRAC_2_SQRT_PI};

/// e^(x^2) erfc(x).
pub fn erfcx(x: f64) -> f64 {
    if x >= 0.0 || x.is_nan() {
        // At infinity t would be none.
        let t = if x < 1e300 { (x - 3.75) / (x + 3.75) } else { 1.0 };
        return chebyshev(t, &ERFCX) / (1.0 + 2.0 * x);
    }
    if x < -26.7 {
        return f64::INFINITY;
    }
    // The square in two parts: its rounding would show in the power.
    let high = f64::from_bits(x.to_bits() & !0x7ff_ffff);
    let power = libm::exp(high * high) * libm::exp((x - high) * (x + high));
    2.0 * power - erfcx(-x)
}

/// (1 + erf(x / sqrt 2)) / 2.
pub fn ndtr(x: f64) -> f64 {
    // What rounding takes from x / sqrt 2 counts where the tail is steep.
    let high = -x * FRAC_1_SQRT_2;
    if !(0.5..28.0).contains(&high) {
        return 0.5 * libm::erfc(high);
    }
    let low = libm::fma(-x, FRAC_1_SQRT_2, -high) - x * FRAC_1_SQRT_2_LOW;
    0.5 * libm::erfc(high) - 0.5 * FRAC_2_SQRT_PI * libm::exp(-high * high) * low
}

/// What sqrt(1/2) has beyond an f64.
const FRAC_1_SQRT_2_LOW: f64 = -4.833646656726457e-17;

/// ln ndtr(x).
pub fn log_ndtr(x: f64) -> f64 {
    if x < -1.0 { libm::log(0.5 * erfcx(-x * FRAC_1_SQRT_2)) - 0.5 * x * x } else { libm::log1p(-ndtr(-x)) }
}

/// The inverse of erf.
pub fn erfinv(x: f64) -> f64 {
    FRAC_1_SQRT_2 * quantile(0.5 * x, 0.5 * (1.0 - x.abs()))
}

/// The z below which a standard normal number lies with probability 1/2 + q; `tail` is 1/2 - |q|, which may be known better.
///
/// Wichura's algorithm AS 241 (Applied Statistics 37, 1988), good to about 1e-16.
fn quantile(q: f64, tail: f64) -> f64 {
    if q.abs() <= 0.425 {
        let r = 0.180625 - q * q;
        return q * polynomial(r, &CENTRE[0]) / polynomial(r, &CENTRE[1]);
    }
    if tail == 0.0 {
        return f64::INFINITY.copysign(q);
    }
    // NaN for a tail below 0.
    let r = libm::sqrt(-libm::log(tail));
    let z = if r <= 5.0 {
        polynomial(r - 1.6, &TAIL[0]) / polynomial(r - 1.6, &TAIL[1])
    } else {
        polynomial(r - 5.0, &FAR_TAIL[0]) / polynomial(r - 5.0, &FAR_TAIL[1])
    };
    z.copysign(q)
}

const CENTRE: [[f64; 8]; 2] = [
    [
        3.387_132_872_796_366_5,
        133.141_667_891_784_38,
        1_971.590_950_306_551_3,
        13_731.693_765_509_46,
        45_921.953_931_549_87,
        67_265.770_927_008_7,
        33_430.575_583_588_13,
        2_509.080_928_730_122_7,
    ],
    [
        1.0,
        42.313_330_701_600_91,
        687.187_007_492_057_9,
        5_394.196_021_424_751,
        21_213.794_301_586_597,
        39_307.895_800_092_71,
        28_729.085_735_721_943,
        5_226.495_278_852_854,
    ],
];
const TAIL: [[f64; 8]; 2] = [
    [
        1.423_437_110_749_683_5,
        4.630_337_846_156_546,
        5.769_497_221_460_691,
        3.647_848_324_763_204_5,
        1.270_458_252_452_368_4,
        0.241_780_725_177_450_6,
        0.022_723_844_989_269_184,
        7.745_450_142_783_414e-4,
    ],
    [
        1.0,
        2.053_191_626_637_759,
        1.676_384_830_183_803_8,
        0.689_767_334_985_1,
        0.148_103_976_427_480_08,
        0.015_198_666_563_616_457,
        5.475_938_084_995_345e-4,
        1.050_750_071_644_416_9e-9,
    ],
];
const FAR_TAIL: [[f64; 8]; 2] = [
    [
        6.657_904_643_501_103,
        5.463_784_911_164_114,
        1.784_826_539_917_291_3,
        0.296_560_571_828_504_87,
        0.026_532_189_526_576_124,
        0.001_242_660_947_388_078_4,
        2.711_555_568_743_487_6e-5,
        2.010_334_399_292_288_1e-7,
    ],
    [
        1.0,
        0.599_832_206_555_887_9,
        0.136_929_880_922_735_8,
        0.014_875_361_290_850_615,
        7.868_691_311_456_133e-4,
        1.846_318_317_510_054_7e-5,
        1.421_511_758_316_446e-7,
        2.044_263_103_389_939_8e-15,
    ],
];

/// (1 + 2x) e^(x^2) erfc(x) in t = (x - 3.75) / (x + 3.75).
const ERFCX: [f64; 30] = [
    2.3551578691348034,
    -0.004590054580646478,
    -0.08424913336651792,
    0.05920993999819189,
    -0.026658668435305753,
    0.009074997670705265,
    -0.002413163540417608,
    0.0004907758365258086,
    -6.916973302501207e-05,
    4.13902798607301e-06,
    7.74038306619849e-07,
    -2.1886401049234397e-07,
    1.076499946567091e-08,
    4.521959811218287e-09,
    -7.754400208831351e-10,
    -6.318088340886684e-11,
    2.86879501093067e-11,
    1.9455868545777347e-13,
    -9.65469674843344e-13,
    3.25254814814874e-14,
    3.3478119482868056e-14,
    -1.864562880419313e-15,
    -1.2507950530688648e-15,
    7.418235256624044e-17,
    5.068148904796111e-17,
    -2.2370566594359995e-18,
    -2.187342944303018e-18,
    2.6766327399258762e-20,
    9.736561401741451e-20,
    3.3214840905101302e-21,
];
