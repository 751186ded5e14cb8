#!/usr/bin/env python3
"""Writes tests/vectors/elementwise.json: elementwise functions at chosen and random points, computed by mpmath with 40 digits.

    python3 -m venv .venv && .venv/bin/pip install mpmath && .venv/bin/python scripts/make_elementwise_vectors.py

Operands are rounded to their dtype, results are exact but for their last rounding. Operations with attributes are those that the rows of
the catalog build. The same run writes the same file.
"""

import json
import math
import os
import random
import struct
from fractions import Fraction

import mpmath as mp

mp.mp.dps = 40
random.seed(20240607)
M, inf, nan = mp.mpf, math.inf, math.nan
cases = []


def rounded(dtype, x):
    """The nearest number of the dtype, ties to even."""
    if dtype in ("i64", "i32", "u8", "bool"):
        return x
    if isinstance(x, M):
        x = to_float(dtype, x)
    if math.isnan(x) or math.isinf(x) or dtype == "f64":
        return x
    if dtype == "f32":
        return struct.unpack("f", struct.pack("f", x))[0] if abs(x) < 3.4028235677973366e38 else math.copysign(inf, x)
    if dtype == "f16":
        return struct.unpack("e", struct.pack("e", x))[0] if abs(x) < 65520 else math.copysign(inf, x)
    mantissa, exponent = math.frexp(x)
    bits = min(8, max(0, exponent + 133))
    return math.ldexp(round(math.ldexp(mantissa, bits)), exponent - bits)


def to_float(dtype, x):
    """An mpf as the f64 from which the dtype follows: rounding twice goes wrong only where the first ends in a tie."""
    if mp.isnan(x):
        return nan
    return float(x)


def number(dtype, x):
    if dtype == "bool":
        return bool(x)
    if dtype in ("i64", "i32", "u8"):
        return int(x)
    if not math.isfinite(x):
        return "nan" if math.isnan(x) else "inf" if x > 0 else "-inf"
    return x


def tensor(dtype, x):
    return {"dtype": dtype, "shape": [len(x)], "data": [number(dtype, e) for e in x]}


def case(op, dtypes, operands, result, f):
    """f of each element of the operands; the operands are rounded first."""
    operands = [[rounded(d, e) for e in x] for d, x in zip(dtypes, operands)]
    values = [rounded(result, f(*e)) for e in zip(*operands)]
    cases.append({"op": op, "inputs": [tensor(d, x) for d, x in zip(dtypes, operands)], "output": tensor(result, values)})


def real(f):
    """f of mpfs; NaN where the result is complex or none."""
    def of(*x):
        try:
            if any(math.isnan(e) for e in x):
                return nan
            y = f(*map(M, x))
            return nan if isinstance(y, mp.mpc) else y
        except (ValueError, ZeroDivisionError):
            return nan
    return of


def special(f, **at):
    """f, but these values at these points: names like p1, m1, zero, pinf, minf."""
    points = {"zero": 0.0, "p1": 1.0, "m1": -1.0, "pinf": inf, "minf": -inf, "m2": -2.0}
    known = {points[name]: value for name, value in at.items()}
    return lambda *x: known[x[0]] if len(x) == 1 and x[0] in known else f(*x)


# ---- one value ----

ends = [-inf, inf, nan, 0.0]
middle = [-7.5, -3.0, -2.5, -1.5, -1.0, -0.75, -0.5, -0.25, -1e-3, -1e-6, 1e-6, 1e-3, 0.25, 0.5, 0.75, 1.0, 1.5, 2.5, 3.0, 7.5]
positive = [1e-30, 1e-6, 1e-3, 0.1, 0.5, 0.9, 0.999, 1.001, 1.1, 2.0, 3.0, 10.0, 1000.0, 1e30]
unit = [-1.0, -0.999, -0.9, -0.5, -0.1, -1e-3, -1e-6, 1e-6, 1e-3, 0.1, 0.3, 0.5, 0.7, 0.9, 0.99, 0.999999, 1.0, 1.5, -2.0]


def around(low, high, count=8):
    return [random.uniform(low, high) for _ in range(count)]


def sinc(x):
    return mp.sinpi(x) / (mp.pi * x)


def softplus(x):
    return mp.log1p(mp.exp(x)) if x < 50 else x + mp.exp(-x)


def ndtr(x):
    return mp.erfc(-x / mp.sqrt(2)) / 2


SELU_ALPHA, SELU_SCALE = M("1.6732632423543772848170429916717"), M("1.0507009873554804934193349852946")
below = lambda x, y: x if x > 0 else y  # noqa: E731

UNARY = {
    "exp2": (special(real(lambda x: mp.power(2, x)), pinf=inf, minf=0.0), ends + middle + [-120.5, 100.25] + around(-30, 30)),
    "log2": (special(real(lambda x: mp.log(x, 2)), zero=-inf, pinf=inf), ends + positive + around(0.5, 2)),
    "log10": (special(real(mp.log10), zero=-inf, pinf=inf), ends + positive + around(0.5, 2)),
    "tan": (special(real(mp.tan), pinf=nan, minf=nan), ends + middle + around(-50, 50)),
    "asin": (real(mp.asin), [nan, 0.0] + unit + around(-1, 1)),
    "acos": (real(mp.acos), [nan, 0.0] + unit + around(-1, 1)),
    "atan": (real(mp.atan), ends + middle + positive),
    "sinh": (real(mp.sinh), ends + middle + around(-30, 30)),
    "cosh": (real(mp.cosh), ends + middle + around(-30, 30)),
    "asinh": (real(mp.asinh), ends + middle + positive),
    "acosh": (real(mp.acosh), [inf, nan, 0.5, 1.0, 1.0001, 1.5, 2.0, 100.0, 1e30] + around(1, 5)),
    "atanh": (special(real(mp.atanh), p1=inf, m1=-inf), [nan, 0.0] + unit + around(-1, 1)),
    "tanhshrink": (special(real(lambda x: x - mp.tanh(x)), pinf=inf, minf=-inf), ends + middle + around(-2, 2)),
    "sinc": (special(real(sinc), zero=1.0, pinf=nan, minf=nan), ends + middle + around(-5, 5)),
    "erfc": (real(mp.erfc), ends + middle + around(-4, 9)),
    "erfcx": (special(real(lambda x: mp.exp(x * x) * mp.erfc(x) if x < 1e3 else 1 / (x * mp.sqrt(mp.pi))), pinf=0.0, minf=inf),
              ends + middle + [1e10] + around(-5, 20)),
    "erfinv": (special(real(lambda x: mp.erfinv(x) if abs(x) < 1 else nan), p1=inf, m1=-inf), [nan, 0.0] + unit + around(-1, 1)),
    "ndtr": (real(ndtr), ends + middle + around(-12, 4)),
    "log_ndtr": (special(real(lambda x: mp.log(ndtr(x)) if x < 5 else mp.log1p(-ndtr(-x))), pinf=0.0, minf=-inf),
                 ends + middle + [-100.0, -1000.0] + around(-12, 9)),
    "lgamma": (special(real(lambda x: mp.log(abs(mp.gamma(x))) if x < 20 else mp.loggamma(x)), zero=inf, m1=inf, pinf=inf, minf=inf),
               [x for x in ends + middle if x != -3.0] + positive),
    "digamma": (special(real(mp.digamma), zero=-inf, m1=nan, pinf=inf, minf=nan),
                [x for x in ends + middle if x != -3.0] + positive[1:] + around(1.3, 1.6)),
    "i0": (special(real(lambda x: mp.besseli(0, x)), pinf=inf, minf=inf), ends + middle + around(-30, 30)),
    "i0e": (special(real(lambda x: mp.besseli(0, x) * mp.exp(-abs(x))), pinf=0.0, minf=0.0), ends + middle + around(-30, 30)),
    "i1": (special(real(lambda x: mp.besseli(1, x)), pinf=inf, minf=-inf), ends + middle + around(-30, 30)),
    "i1e": (special(real(lambda x: mp.besseli(1, x) * mp.exp(-abs(x))), pinf=0.0, minf=-0.0), ends + middle + around(-30, 30)),
    "entr": (special(lambda x: -inf if x < 0 else real(lambda x: -x * mp.log(x))(x), zero=0.0, pinf=-inf), ends + [-1.0] + positive),
    "frac": (lambda x: math.fmod(x, 1), middle + around(-9, 9)),
    "deg2rad": (real(lambda x: x * mp.pi / 180), middle + around(-360, 360)),
    "rad2deg": (real(lambda x: x * 180 / mp.pi), middle + around(-6, 6)),
    "pow_scalar": (real(lambda x: x ** 3), middle),
    "logit": (special(real(lambda x: mp.log(x / (1 - x))), zero=-inf, p1=inf), [0.0, 1.0, nan, 0.5, 0.2999, 0.3001, 0.6499, 0.6501, 1e-6] + around(0, 1) + around(0.45, 0.55)),
    "polygamma": (real(lambda x: mp.polygamma(2, x)), [0.1, 0.5, 1.0, 1.5, 2.0, 5.0, 20.0, -0.5, -1.25] + around(0.1, 9)),
    "multigammaln": (real(lambda x: 3 * mp.log(mp.pi) / 2 + sum(mp.loggamma(x - M(k) / 2) for k in range(3))), [1.25, 1.5, 2.0, 3.0, 10.0] + around(1.5, 9)),
    "nan_to_num": (None, ends + middle),
    # Activations, with the parameters of their rows.
    "softplus_with": (real(lambda x: x if 1.7 * x > 2 else softplus(M(1.7) * x) / M(1.7)), middle + around(-6, 6)),
    "celu": (real(lambda x: below(x, M(1.3) * mp.expm1(x / M(1.3)))), middle + [0.0] + around(-6, 6)),
    "selu": (real(lambda x: SELU_SCALE * below(x, SELU_ALPHA * mp.expm1(x))), middle + [0.0] + around(-6, 6)),
    "fast_gelu": (real(lambda x: x / (1 + mp.exp(M(-1.702) * x))), middle + [0.0] + around(-6, 6)),
    "mish": (real(lambda x: x * mp.tanh(softplus(x))), middle + [0.0] + around(-6, 6)),
    "softsign": (real(lambda x: x / (1 + abs(x))), middle + [0.0] + around(-6, 6)),
    "hard_shrink": (real(lambda x: x if abs(x) > 0.5 else M(0)), middle),
    "soft_shrink": (real(lambda x: mp.sign(x) * max(abs(x) - M(0.5), 0)), middle),
    "hardtanh": (real(lambda x: min(max(x, -1), 1)), middle),
    "threshold": (real(lambda x: x if x > 0.3 else M(-0.5)), middle),
    "bessel_j0": (special(real(lambda x: mp.besselj(0, x)), pinf=0.0, minf=0.0), ends + middle + around(-30, 30)),
    "bessel_j1": (special(real(lambda x: mp.besselj(1, x)), pinf=0.0, minf=-0.0), ends + middle + around(-30, 30)),
    "rrelu": (real(lambda x: below(x, x * (M(0.125) + M(1) / 3) / 2)), middle),
}
LARGEST = {"f64": 1.7976931348623157e308, "f32": 3.4028234663852886e38, "f16": 65504.0, "bf16": 3.3895313892515355e38}

for dtype in ("f64", "f32", "f16", "bf16"):
    for op, (f, x) in UNARY.items():
        if dtype in ("f16", "bf16"):
            # These round after each operation: what cancels is not theirs.
            if op in ("logit", "multigammaln", "frac", "rad2deg"):
                continue
            x = [e for e in x if not 1e3 < abs(e) < inf and not 0 < abs(e) < 1e-2][::2]
        if op == "nan_to_num":
            big = LARGEST[dtype]
            f = lambda e: 0.0 if math.isnan(e) else max(min(e, big), -big)  # noqa: E731
        case(op, [dtype], [x], dtype, f)
    for op, f in [("signbit", lambda e: math.copysign(1, e) < 0), ("is_posinf", lambda e: e == inf), ("is_neginf", lambda e: e == -inf),
                  ("is_real", lambda e: True), ("logical_not", lambda e: e == 0)]:
        case(op, [dtype], [[-inf, inf, 0.0, -0.0, 1.5, -1.5]], "bool", f)

# ---- two values and more ----


def pairs(a, b):
    return [x for x in a for _ in b], [y for _ in a for y in b]


def hurwitz(s, q):
    if q <= 0 and q == mp.floor(q):
        return M(inf)
    if q > 0:
        return mp.zeta(s, q)
    if s != mp.floor(s):
        return M(nan)
    steps = int(mp.ceil(-q))
    return sum((q + k) ** -int(s) for k in range(steps)) + mp.zeta(s, q + steps)


def lower(a, x):
    with mp.workdps(80):
        term = total = M(1)
        k = 1
        while term > total * M(10) ** -75:
            term *= x / (a + k)
            total += term
            k += 1
        return mp.exp(a * mp.log(x) - x - mp.loggamma(a + 1)) * total


def upper(a, x):
    with mp.workdps(80):
        return 1 - lower(a, x)


def xlog(log):
    return lambda x, y: nan if math.isnan(x) or math.isnan(y) else 0.0 if x == 0 else log(x, y)


def floor_mod(a, b):
    """The exact remainder with the sign of b."""
    return float(Fraction(a) - Fraction(b) * math.floor(Fraction(a) / Fraction(b)))


plain = [-2.5, -1.0, -0.25, 0.75, 1.5, 3.0]
near = [0.3, 0.7, 1.0, 1.7, 2.5, 4.0]
sums = real(lambda a, b: max(a, b) + mp.log1p(mp.exp(-abs(a - b))))
BINARY = {
    "atan2": (real(lambda a, b: mp.atan2(a, b)), pairs([-2.5, -1e-3, 0.5, 3.0], [-1e3, -0.7, 0.2, 5.0])),
    "hypot": (real(mp.hypot), pairs(plain, plain)),
    "zeta": (real(hurwitz), pairs([1.5, 2.0, 3.0, 7.0], [0.3, 1.0, 2.7, 30.0])),
    "igamma": (real(lower), pairs([0.1, 0.5, 1.0, 2.5, 20.0, 200.0], [0.05, 0.4, 1.0, 1.5, 5.0, 21.0, 190.0])),
    "igammac": (real(upper), pairs([0.1, 0.5, 1.0, 2.5, 20.0, 200.0], [0.05, 0.4, 1.0, 1.5, 5.0, 21.0, 190.0])),
    "xlogy": (xlog(real(lambda x, y: x * mp.log(y))), pairs([-1.5, 0.0, 2.0], [0.25, 1.0, 3.5])),
    "xlog1py": (xlog(real(lambda x, y: x * mp.log1p(y))), pairs([-1.5, 0.0, 2.0], [-0.25, 1e-3, 3.5])),
    "logaddexp": (sums, pairs([-30.0, -1.0, 0.5, 20.0], [-25.0, -1.0, 1.5, 21.0])),
    "logaddexp2": (real(lambda a, b: max(a, b) + mp.log1p(mp.power(2, -abs(a - b))) / mp.log(2)), pairs([-30.0, -1.0, 0.5, 20.0], [-25.0, -1.0, 1.5, 21.0])),
    "float_power": (real(lambda a, b: a ** b), pairs(near, plain)),
    "floor_divide": (lambda a, b: float(math.floor(Fraction(a) / Fraction(b))), pairs(plain, [-1.75, -0.3, 0.1, 2.0])),
    "remainder": (floor_mod, pairs(plain, [-1.75, -0.3, 0.4, 2.0])),
    "copysign": (lambda a, b: math.copysign(a, b), pairs(plain, [-3.0, -0.0, 0.0, 2.0])),
    "ldexp": (real(lambda a, b: a * mp.power(2, b)), pairs(plain, [-3.0, 0.5, 7.0])),
    "fmax": (lambda a, b: b if math.isnan(a) else a if math.isnan(b) else max(a, b), pairs(plain + [nan], [-1.0, 2.0, nan])),
    "fmin": (lambda a, b: b if math.isnan(a) else a if math.isnan(b) else min(a, b), pairs(plain + [nan], [-1.0, 2.0, nan])),
    "heaviside": (lambda a, b: a if math.isnan(a) else 0.0 if a < 0 else 1.0 if a > 0 else b, pairs([-1.5, -0.0, 0.0, 2.0, nan], [0.25, 7.0])),
    "prelu": (None, None),
}


def close(a, b):
    return a == b or (math.isfinite(a - b) and abs(a - b) <= 1e-8 + 1e-5 * abs(b)) if not (math.isnan(a) or math.isnan(b)) else False


for dtype in ("f64", "f32", "f16", "bf16"):
    is_wide = dtype in ("f64", "f32")
    for op, (f, operands) in BINARY.items():
        if op == "prelu":
            x = [-2.5, -0.5, 0.0, 1.5]
            case(op, [dtype, dtype], [x, [0.25]], dtype, lambda a, b: b)
            weight = rounded(dtype, 0.25)
            cases[-1]["output"] = tensor(dtype, [e if e > 0 else e * weight for e in x])
            continue
        if not is_wide and op in ("floor_divide", "remainder", "igamma", "igammac", "zeta"):
            continue
        case(op, [dtype, dtype], operands, "f64" if op == "float_power" else dtype, f)
    a, b, w = [1.0, -2.0, 3.0, 0.5], [2.0, 5.0, -1.0, 0.25], [0.0, 1.0, 0.25, 0.75]
    case("lerp", [dtype] * 3, [a, b, w], dtype, real(lambda a, b, w: a + w * (b - a)))
    case("addcmul", [dtype] * 3, [a, b, [2.0, -3.0, 0.5, 4.0]], dtype, real(lambda x, a, b: x + M(0.7) * a * b))
    case("addcdiv", [dtype] * 3, [a, b, [2.0, -3.0, 0.5, 4.0]], dtype, real(lambda x, a, b: x + M(0.7) * a / b))
    case("clamp_tensor", [dtype] * 3, [[-3.0, 0.5, 2.0, nan, 1.0], [-1.0, 1.0, -1.0, 0.0, nan], [1.0, 2.0, 1.5, 1.0, 2.0]], dtype,
         lambda x, low, high: nan if any(map(math.isnan, (x, low, high))) else min(max(x, low), high))
    case("masked_fill", [dtype, "bool"], [plain, [True, False] * 3], dtype, lambda x, m: 0.5 if m else x)
    case("isclose", [dtype, dtype], pairs([1.0, -2.0, inf, nan, 1.000001, 0.0], [1.0, -2.0, inf, nan, 1.5]), "bool", close)
    for op, f in [("logical_and", lambda a, b: a != 0 and b != 0), ("logical_or", lambda a, b: a != 0 or b != 0), ("logical_xor", lambda a, b: (a != 0) != (b != 0))]:
        case(op, [dtype, dtype], pairs([0.0, -1.5, 2.0], [0.0, 0.5]), "bool", f)
    x = [1.0, 2.0, 3.0]
    for op in ("allclose", "array_equal"):
        for other in (x, [1.0, 2.0, 4.0]):
            cases.append({"op": op, "inputs": [tensor(dtype, x), tensor(dtype, other)], "output": {"dtype": "bool", "shape": [], "data": [x == other]}})
for dtype, epsilon, tiny in (("f64", 2.0 ** -52, 5e-324), ("f32", 2.0 ** -23, 2.0 ** -149)):
    a, b = [1.0, 1.0, 0.0, -0.0, 2.0, -1.0], [2.0, 0.0, 1.0, -1.0, 2.0, 5.0]
    case("nextafter", [dtype] * 2, [a, b], dtype, lambda a, b: 0.0)
    cases[-1]["output"] = tensor(dtype, [1 + epsilon, 1 - epsilon / 2, tiny, -tiny, 2.0, -1 + epsilon / 2])

# ---- integers ----

WIDTH = {"i64": 64, "i32": 32, "u8": 8}


def wrap(dtype, x):
    x &= (1 << WIDTH[dtype]) - 1
    return x - (1 << WIDTH[dtype]) if dtype != "u8" and x >> (WIDTH[dtype] - 1) else x


for dtype in WIDTH:
    low = -(1 << (WIDTH[dtype] - 1)) if dtype != "u8" else 0
    some = [0, 1, 2, 7, 12, 18, 100] + ([] if dtype == "u8" else [-1, -7, -12, low])
    for op, f in [
        ("gcd", math.gcd),
        ("bitwise_left_shift", lambda a, b: a << b if 0 <= b < WIDTH[dtype] else 0),
        ("bitwise_right_shift", lambda a, b: a >> b if 0 <= b < WIDTH[dtype] else -1 if a < 0 else 0),
        ("floor_divide", lambda a, b: a // b if b else 0),
        ("remainder", lambda a, b: a % b if b else 0),
        ("lcm", lambda a, b: a * b // math.gcd(a, b) if a and b else 0),
        ("fmax", max), ("fmin", min),
    ]:
        numbers = [e for e in some if op != "lcm" or e != low or low == 0]
        form = (lambda a, b, f=f: wrap(dtype, abs(f(a, b)))) if op == "lcm" else (lambda a, b, f=f: wrap(dtype, f(a, b)))
        case(op, [dtype, dtype], pairs(numbers, numbers), dtype, form)
    for op, f in [("logical_and", lambda a, b: a and b), ("logical_or", lambda a, b: a or b), ("logical_xor", lambda a, b: (not a) != (not b)),
                  ("isclose", lambda a, b: abs(a - b) <= 1e-8 + 1e-5 * abs(b))]:
        case(op, [dtype, dtype], pairs(some, [0, 1, 100]), "bool", f)
    case("logical_not", [dtype], [some], "bool", lambda a: a == 0)

# ---- along an axis ----

x = [0.5, -1.25, 2.0, 0.25, -0.75, 1.0, -2.0, 0.0]
for dtype in ("f64", "f32", "f16", "bf16"):
    def shaped(dims, data):
        return {"dtype": dtype, "shape": dims, "data": [rounded(dtype, e) for e in data]}

    def softmax(row):
        powers = [mp.exp(e) for e in row]
        return [p / sum(powers) for p in powers]

    rows = [x[:4], x[4:]]
    cases.append({"op": "glu", "inputs": [shaped([2, 4], x)],
                  "output": shaped([2, 2], [M(r[i]) / (1 + mp.exp(-M(r[i + 2]))) for r in rows for i in range(2)])})
    cases.append({"op": "softmin", "inputs": [shaped([2, 4], x)], "output": shaped([2, 4], [e for r in rows for e in softmax([-v for v in r])])})
    columns = [softmax([x[i], x[4 + i]]) for i in range(4)]
    cases.append({"op": "softmax2d", "inputs": [shaped([2, 2, 2], x)], "output": shaped([2, 2, 2], [columns[i][c] for c in range(2) for i in range(4)])})
    # The row's noise is a quarter of the position.
    noisy = [[(M(e) + M(i) / 4) / M("0.8") for i, e in enumerate(r)] for r in rows]
    cases.append({"op": "gumbel_softmax", "inputs": [shaped([2, 4], x)], "output": shaped([2, 4], [e for r in noisy for e in softmax(r)])})

path = os.path.join(os.path.dirname(__file__), "../tests/vectors/elementwise.json")
with open(path, "w") as file:
    file.write("[\n" + ",\n".join(json.dumps(case, separators=(",", ":")) for case in cases) + "\n]\n")
print(f"{len(cases)} cases")
