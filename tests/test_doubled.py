"""Double-double sums of exponentials: tables, terms, sums and logarithms against Arb, at every binade."""

from __future__ import annotations

from dataclasses import replace
from fractions import Fraction

import flint
import numpy as np
import pytest

from shiftproof.verify.balls import balls, end_points, working_precision
from shiftproof.verify.fast import compiled, doubled
from shiftproof.verify.fast.doubled import (
    CHUNK,
    DEEPEST,
    EXPONENTIAL,
    LOGARITHM,
    TIMES,
    Buffers,
    Doubled,
    Sums,
    add_one,
    growth,
    log1p,
    merged,
    product,
    quotient,
    row_sums,
    sum_relative,
    tables,
    terms,
    terms_times,
    two_sum,
)

RNG = np.random.default_rng(7)
PRECISION = 400


def upper(ball: flint.arb) -> float:
    """An upper bound of |ball|."""
    (man, exp), (radius, radius_exp) = end_points(ball)
    return float((abs(man) * Fraction(2) ** exp + radius * Fraction(2) ** radius_exp) * (1 + Fraction(1, 2**40)))


def bits(value: float) -> int:
    """Significant bits of a number."""
    n = abs(Fraction(value).numerator)
    return (n // (n & -n)).bit_length() if n else 0


def test_sums_and_products_are_exact() -> None:
    a, b = (np.ldexp(RNG.normal(size=2000), RNG.integers(-300, 300, 2000)) for _ in range(2))
    for x, y, s, p in zip(
        a, b, *(zip(v.high, v.low, strict=True) for v in (two_sum(a, b), product(a, b))), strict=True
    ):
        assert Fraction(s[0]) + Fraction(s[1]) == Fraction(x) + Fraction(y)
        assert Fraction(p[0]) + Fraction(p[1]) == Fraction(x) * Fraction(y)


def test_the_tables_are_within_their_errors_of_what_arb_says() -> None:
    t = tables()
    with working_precision(PRECISION):
        ln2 = flint.arb(2).log()
        for j in range(doubled.STEPS):
            power = (ln2 * j / doubled.STEPS).exp()
            assert bits(float(t.power[j])) <= 26
            assert upper(power - t.power[j] - t.power_low[j]) < 2.0**-79
            c = flint.arb(float(t.reciprocal[j]))
            assert upper(c.log() + t.minus_log[j] + t.minus_log_low[j]) < 2.0**-105
            assert Fraction(float(t.reciprocal[j])).denominator <= 2**13
            left, right = (flint.arb(doubled.STEPS + k) / doubled.STEPS * c - 1 for k in (j, j + 1))
            assert max(upper(left), upper(right)) < 2.0**-9.9
        step = ln2 / doubled.STEPS
        assert bits(t.step_high) <= 32
        assert upper(step - t.step_high - t.step_low) < 2.0**-96
        assert t.step_low / t.step_high > 2.0**-45, "the first step's reduction is exact by Sterbenz"
        assert bits(t.ln2) <= 43
        assert upper(ln2 - t.ln2 - t.ln2_low) < 2.0**-96


def test_the_polynomial_is_cut_off_where_it_claims() -> None:
    with working_precision(PRECISION):
        for r in np.concatenate([np.linspace(-(2.0**-11.5), 2.0**-11.5, 4001), 2.0 ** -np.arange(12, 60)]):
            ball = flint.arb(float(r))
            series = 1 + ball + ball**2 / 2 + ball**3 / 6 + ball**4 / 24 + ball**5 / 120
            assert upper(ball.exp() - series) < 2.0**-78.4


def every_binade() -> np.ndarray:
    """Differences h <= 0 in every binade from 2^-60 to `DEEPEST`, and next to each multiple of a step."""
    powers = 2.0 ** np.arange(-60.0, 10.0)
    inside = np.concatenate([p * RNG.uniform(1, 2, 40) for p in powers] + [powers])
    k = np.concatenate([np.arange(1, 200), RNG.integers(1, int(DEEPEST * 1477), 2000)])
    halves = (k + RNG.choice([-0.5, 0.0, 0.5], len(k))) * np.log(2) / doubled.STEPS
    edges = np.nextafter(halves, RNG.choice([0.0, np.inf], len(k)))
    h = -np.concatenate([inside, halves, edges])
    return h[h >= -DEEPEST]


def worst_term(h: np.ndarray) -> float:
    """The largest relative error of exp(h + l), where h + l = x - maximum."""
    maximum = RNG.choice([0.0, 0.3, 77.7, 1e4], (len(h), 1))
    x = maximum + h[:, np.newaxis]
    made = terms(x, maximum, Buffers())
    found = 0.0
    with working_precision(PRECISION):
        for k in np.flatnonzero(made.whole[:, 0]):
            exact = (flint.arb(float(x[k, 0])) - float(maximum[k, 0])).exp()
            got = sum((flint.arb(float(part[k, 0])) for part in (made.head, made.middle, made.tail)), flint.arb(0))
            found = max(found, upper(got / exact - 1))
    return found


def test_a_term_is_within_its_error_at_every_binade() -> None:
    found = worst_term(every_binade())
    assert found < EXPONENTIAL
    assert found > EXPONENTIAL / 64, "the bound says something"


def worst_product(first_bits: int) -> float:
    """The largest relative error of terms, of every binade, times numbers of two parts next to 1 and far from it."""
    h = every_binade()
    x, count = h[:, np.newaxis], len(h)
    numbers = np.concatenate([np.ones(count // 4), 2.0 ** -RNG.uniform(0, 27, count - count // 4)])[:, np.newaxis]
    by = two_sum(numbers, numbers * RNG.uniform(-1, 1, numbers.shape) * 2.0**-53)
    made = terms(x, np.zeros_like(x), Buffers())
    parts = [[Fraction(v) for v in part[:, 0].tolist()] for part in (made.head, made.middle, made.tail)]
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(doubled, "FIRST_BITS", first_bits)
        found = terms_times(made, by)
    assert (np.abs(found.low) <= 2.0**-53 * found.high).all(), "high is the sum, rounded"
    numbers_exact = [Fraction(a) + Fraction(b) for a, b in zip(by.high[:, 0], by.low[:, 0], strict=True)]
    got = [Fraction(a) + Fraction(b) for a, b in zip(found.high[:, 0], found.low[:, 0], strict=True)]
    exact = [sum(of_term, Fraction(0)) * number for *of_term, number in zip(*parts, numbers_exact, strict=True)]
    return max(float(abs(g / e - 1)) for g, e in zip(got, exact, strict=True))


def test_a_term_times_a_number_is_within_its_error_at_every_binade() -> None:
    assert TIMES / 128 < worst_product(doubled.FIRST_BITS) < TIMES


def test_a_product_that_is_not_exact_is_noticed() -> None:
    """With 29 bits in the first part of a term its product has 55."""
    assert worst_product(-1 << 24) > TIMES


def test_a_wrong_entry_of_the_table_is_noticed(monkeypatch: pytest.MonkeyPatch) -> None:
    right = tables()
    broken = replace(right, power_low=right.power_low + 2.0**-70 * (np.arange(doubled.STEPS) == doubled.STEPS - 77))
    monkeypatch.setattr(doubled, "tables", lambda: broken)
    assert worst_term(every_binade()) > EXPONENTIAL


def exact_rest(row: np.ndarray) -> tuple[flint.arb, flint.arb]:
    """The sum without the maximum, and the sum of the weighted distances."""
    top = int(row.argmax())
    gaps = [flint.arb(float(v)) - float(row[top]) for v in row]
    weights = [g.exp() for g in gaps]
    moment = sum((-g * w for g, w in zip(gaps, weights, strict=True)), flint.arb(0))
    return sum((w for k, w in enumerate(weights) if k != top), flint.arb(0)), moment


def in_parts(rest: Doubled, row: int) -> flint.arb:
    return flint.arb(float(rest.high[row, 0])) + float(rest.low[row, 0])


ROWS = [(n, scale) for n in (2, 3, 10, 100, 600, 1000, CHUNK) for scale in (1e-12, 0.1, 3.0, 50.0, 400.0)]


@pytest.mark.parametrize(("n", "scale"), ROWS)
def test_sums_are_within_their_error_however_they_lie(n: int, scale: float) -> None:
    x = RNG.normal(size=(6, n)) * scale
    x[1, n // 2] = x[1].max()  # a tie
    sums, _ = row_sums(x, 1, Buffers())
    across, _ = row_sums(np.ascontiguousarray(x.T), 0, Buffers())
    again, drift, whole, spread = compiled.row_sums(x, 2.0**-53)
    for ours, theirs in ((whole, add_one(sums.rest)), (spread, log1p(sums.rest, add_one(sums.rest)))):
        assert (ours.high == theirs.high).all()
        assert (ours.low == theirs.low).all()
    for other in (across.turned, again):
        assert (other.rest.high == sums.rest.high).all()
        assert (other.rest.low == sums.rest.low).all()
        assert (other.maximum == sums.maximum).all()
        assert (other.second == sums.second).all()
    assert sums.reliable.all() or scale == 400.0
    with working_precision(PRECISION):
        for r, row in enumerate(x):
            rest, moment = exact_rest(row)
            if not sums.reliable[r, 0]:
                continue
            assert upper(in_parts(sums.rest, r) / rest - 1) < sum_relative(n)
            for found in (sums.moment[r, 0], again.moment[r, 0], drift[r, 0] * 2.0**53):
                lacking = n * 2.0**-930  # of terms below `DEEPEST`
                assert upper(flint.arb(float(found)) - moment) <= (n + 8) * 2.0**-50 * upper(moment) + lacking


@pytest.mark.parametrize(("n", "scale"), ROWS)
def test_compiled_shares_are_the_same_to_the_last_bit(n: int, scale: float) -> None:
    x = RNG.normal(size=(300 // n + 2, n)) * scale
    sums, made = row_sums(x, 1, Buffers())
    share = quotient(Doubled(np.ones_like(sums.maximum), np.zeros_like(sums.maximum)), add_one(sums.rest))
    exact = terms_times(made, share)
    high, found = compiled.shares(x, sums.maximum, share)
    assert (high == made.high).all()
    assert (found.high == exact.high).all()
    assert (found.low == exact.low).all()


def test_sums_do_not_depend_on_the_order_of_the_entries() -> None:
    x = RNG.normal(size=(1, CHUNK)) * 4
    sums, _ = row_sums(x, 1, Buffers())
    for _ in range(5):
        again, _ = row_sums(RNG.permutation(x, axis=1), 1, Buffers())
        assert (again.rest.high, again.rest.low) == (sums.rest.high, sums.rest.low)


def test_a_row_far_below_its_maximum_is_not_called_reliable() -> None:
    x = np.array([[0.0, -600.0], [0.0, -1e300], [0.0, -499.0], [5.0, 5.0]])
    sums, _ = row_sums(x, 1, Buffers())
    assert sums.reliable[:, 0].tolist() == [False, False, True, True]
    assert compiled.row_sums(x, 2.0**-53)[0].reliable[:, 0].tolist() == [False, False, True, True]


@pytest.mark.parametrize("scale", [0.1, 3.0, 60.0])
@pytest.mark.parametrize("parts", [2, 3, 17])
def test_merged_sums_are_within_the_error_of_the_whole(parts: int, scale: float) -> None:
    n = 60
    x = RNG.normal(size=(4, parts * n)) * scale
    x[1, n:] -= 300.0
    pieces = [row_sums(np.ascontiguousarray(x[:, k * n : (k + 1) * n]), 1, Buffers())[0] for k in range(parts)]
    columns = [(s.maximum, s.second, s.rest.high, s.rest.low, s.moment) for s in pieces]
    maximum, second, high, low, moment = (np.concatenate(c, axis=1) for c in zip(*columns, strict=True))
    whole = merged(Sums(maximum, second, Doubled(high, low), moment))
    with working_precision(PRECISION):
        for r, row in enumerate(x):
            rest, weighted = exact_rest(row)
            assert upper(in_parts(whole.rest, r) / rest - 1) < sum_relative(CHUNK + 1)
            assert upper(flint.arb(float(whole.moment[r, 0])) / weighted - 1) < parts * n * 2.0**-50


def worst_logarithm() -> float:
    high = np.concatenate([np.ldexp(RNG.uniform(1, 2, 8), e) for e in range(-750, 42)])
    near = np.concatenate([RNG.uniform(0, 2.0**-9, 500), RNG.uniform(0, 4, 500), np.arange(1, 600) / doubled.STEPS])
    high = np.concatenate([high, near])
    s = two_sum(high, high * RNG.uniform(-1, 1, len(high)) * 2.0**-54)
    found, worst = log1p(s, add_one(s)), 0.0
    with working_precision(1500):
        for k in range(len(high)):
            exact = (flint.arb(float(s.high[k])) + float(s.low[k])).log1p()
            worst = max(worst, upper((flint.arb(float(found.high[k])) + float(found.low[k])) / exact - 1))
    return worst


def test_the_logarithm_is_within_its_error_at_every_binade() -> None:
    assert worst_logarithm() < LOGARITHM


def test_a_wrong_logarithm_of_a_table_entry_is_noticed(monkeypatch: pytest.MonkeyPatch) -> None:
    right = tables()
    broken = replace(right, minus_log_low=right.minus_log_low + 2.0**-66 * (np.arange(doubled.STEPS) == 200))
    monkeypatch.setattr(doubled, "tables", lambda: broken)
    assert worst_logarithm() > LOGARITHM


def test_quotients_of_two_parts_are_within_2_to_the_minus_102() -> None:
    a, b = (two_sum(v, v * RNG.uniform(-1, 1, 500) * 2.0**-54) for v in RNG.uniform(1e-3, 1e3, (2, 500)))
    made = quotient(a, b)
    with working_precision(PRECISION):
        for k in range(500):
            x, y, q = (flint.arb(float(v.high[k])) + float(v.low[k]) for v in (a, b, made))
            assert upper(q * y / x - 1) < 2.0**-102


@pytest.mark.parametrize("precision", [53, 24, 11, 8])
def test_the_growth_of_an_exponential_is_within_its_error(precision: int) -> None:
    u, d = 2.0**-precision, np.concatenate([RNG.uniform(0, 1000, 300), 2.0 ** RNG.uniform(-60, 9, 300)])
    found = growth(d, u)
    with working_precision(PRECISION):
        exact = (balls(d) * u).tolist()
        for value, t in zip(found.tolist(), exact, strict=True):
            assert upper(flint.arb(value) / t.expm1() - 1) < 2.0**-41
