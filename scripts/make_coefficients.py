#!/usr/bin/env python3
"""Prints the coefficients of src/runtime/cpu/special.rs and of the f64 polynomials in src/runtime/cpu/simd/math.rs.

    python3 -m venv .venv && .venv/bin/pip install mpmath && .venv/bin/python scripts/make_coefficients.py

Each is the interpolant at Chebyshev nodes, computed with 50 digits: as a Chebyshev series for f64 results (the last term is below 1e-17), as
a polynomial where f32 results are computed in f64 (below 1e-10). The same run prints the same numbers.
"""

from mpmath import besseli, chop, cos, digamma, erfc, exp, findroot, mp, mpf, pi, sin, sqrt, taylor, atan

mp.dps = 50


def series(f, low, high, terms, nodes=64):
    """Chebyshev coefficients c of f(x) = c0/2 + sum c_k T_k(t) with x from low to high as t goes from -1 to 1."""
    low, high = mpf(low), mpf(high)
    points = [cos(pi * (j + mpf(1) / 2) / nodes) for j in range(nodes)]
    values = [f((high - low) / 2 * t + (high + low) / 2) for t in points]
    return [2 * sum(v * cos(k * pi * (j + mpf(1) / 2) / nodes) for j, v in enumerate(values)) / nodes for k in range(terms)]


def polynomial(f, low, high, terms):
    """Coefficients, lowest first, of the interpolant of f at as many Chebyshev nodes."""
    c = series(f, low, high, terms, terms)
    low, high = mpf(low), mpf(high)
    # T_k in t, t in x.
    a, b = 2 / (high - low), -(high + low) / (high - low)

    def times(p, q):
        r = [mpf(0)] * (len(p) + len(q) - 1)
        for i, x in enumerate(p):
            for j, y in enumerate(q):
                r[i + j] += x * y
        return r

    previous, current = [mpf(1)], [b, a]
    total = [c[0] / 2] + [mpf(0)] * (terms - 1)
    for k in range(1, terms):
        for i, x in enumerate(current):
            total[i] += c[k] * x
        following = [2 * x for x in times([b, a], current)]
        for i, x in enumerate(previous):
            following[i] -= x
        previous, current = current, following
    return total


def show(name, comment, coefficients):
    print(f"/// {comment}\nconst {name}: [f64; {len(coefficients)}] = [")
    for c in coefficients:
        print(f"    {float(c)!r},")
    print("];")


def limit(f, at, value):
    return lambda x: value if x == at else f(x)


def main():
    # erfcx by t = (x - k) / (x + k), which takes x = 0 ... infinity to -1 ... 1 (Schonfelder, 1978).
    k = mpf("3.75")
    scaled = lambda x: (1 + 2 * x) * (exp(x * x) * erfc(x) if x < 100 else asymptotic(x))

    def asymptotic(x):
        term, total = mpf(1), mpf(1)
        for n in range(1, 40):
            term *= -(2 * n - 1) / (2 * x * x)
            total += term
        return total / (x * sqrt(pi))

    show("ERFCX", "(1 + 2x) e^(x^2) erfc(x) in t = (x - 3.75) / (x + 3.75).",
         series(lambda t: scaled(k * (1 + t) / (1 - t)), -1, 1, 30))
    root = findroot(digamma, mpf("1.4616"))
    high = float(root)
    middle = float(root - mpf(high))
    print(f"/// The zero of digamma, in two parts.\nconst DIGAMMA_ZERO: [f64; 2] = [{high!r}, {middle!r}];")
    show("DIGAMMA", "digamma(x) / (x - zero) for 1 <= x <= 2.", series(lambda x: digamma(x) / (x - root), 1, 2, 22))
    for order in (0, 1):
        scale = (lambda x: 1) if order == 0 else (lambda x: x)
        show(f"I{order}_SMALL", f"e^-x I{order}(x){' / x' if order else ''} for 0 <= x <= 8.",
             series(lambda x: besseli(order, x) * exp(-x) / scale(x), 0, 8, 32))
        show(f"I{order}_LARGE", f"sqrt(x) e^-x I{order}(x) for x >= 8, in 8 / x from 0 to 1.",
             series(lambda u: besseli(order, 8 / u) * exp(-8 / u) * sqrt(8 / u), 0, 1, 28))

    print("\n// ---- simd/math.rs ----")
    show("ATAN", "atan(t) / t in t^2, for t from 0 to 1.", polynomial(lambda u: atan(sqrt(u)) / sqrt(u), 0, 1, 13))
    show("TAN_SIN", "sin(r) / r in r^2, for |r| <= pi / 4.", polynomial(lambda u: sin(sqrt(u)) / sqrt(u), 0, mpf("0.617"), 6))
    show("TAN_COS", "cos(r) in r^2, for |r| <= pi / 4.", polynomial(lambda u: cos(sqrt(u)), 0, mpf("0.617"), 6))
    show("ERFC", "e^(x^2) erfc(x) / t in t = 2 / (2 + x), for 0 <= x <= 10.5.",
         polynomial(lambda t: exp((2 / t - 2) ** 2) * erfc(2 / t - 2) / t, mpf("0.16"), 1, 15))


main()
