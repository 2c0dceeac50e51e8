"""The ladder of a shard: the user's grid, and intermediate values where neighbours would hardly exchange."""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cache
from itertools import pairwise
from statistics import NormalDist
from typing import Any

from nsslib.config.schema import canonical


@dataclass(frozen=True)
class Ladder:
    """All values of one grid axis, intermediate ones included.

    Attributes
    ----------
    values : tuple of float
        Increasing values of the axis.
    visible : tuple of int
        Positions of the values that the user asked for.
    """

    values: tuple[float, ...]
    visible: tuple[int, ...]


@cache
def beta_ladder(beta: tuple[float, ...], N: int, acceptance: float | None) -> Ladder:
    """Insert intermediate betas so that neighbours exchange with about the given acceptance.

    E has N/2 quadratic degrees of freedom at every temperature, hence heat capacity N/2, and two
    Gaussian energies exchange with probability erfc(d ln(beta) sqrt(N/2) / 2).
    ``acceptance=None`` inserts nothing.
    """
    if acceptance is None:
        return Ladder(beta, tuple(range(len(beta))))
    widest = 2.0 * _erfc_inverse(acceptance) * math.sqrt(2.0 / N)
    counts = [math.ceil(math.log(b / a) / widest - 1e-9) for a, b in pairwise(beta)]
    return _fill(beta, counts, lambda a, b, t: a * (b / a) ** t)


@cache
def g_ladder(g: tuple[float, ...], N: int, acceptance: float | None, beta: float) -> Ladder:
    """Insert intermediate g so that neighbours exchange with about the given acceptance at one beta, the smallest.

    Colder chains pass from g to g through hotter ones. dE/dg = -J0 phi(x).v with v nearly Gaussian of
    variance 1/beta, hence two neighbours exchange with probability erfc(dg sqrt(beta N q) / 2).
    ``acceptance=None`` inserts nothing.
    """
    if acceptance is None:
        return Ladder(g, tuple(range(len(g))))
    density = [0.5 * math.sqrt(N * beta * _activity(value, beta)) / _erfc_inverse(acceptance) for value in g]
    spans = zip(pairwise(g), pairwise(density), strict=True)
    counts = [max(1, math.ceil(0.5 * (b - a) * (at_a + at_b) - 1e-9)) for (a, b), (at_a, at_b) in spans]
    return _fill(g, counts, lambda a, b, t: a + (b - a) * t)


def _activity(g: float, beta: float) -> float:
    """Activity q of tanh at gamma = 0, a guess of it elsewhere: q = <tanh^2(x)>, x ~ N(0, 1/beta + g^2 q)."""
    nodes = [(z, math.exp(-0.5 * z * z)) for z in (0.2 * k for k in range(-30, 31))]
    total, q = sum(weight for _, weight in nodes), 1.0
    for _ in range(50):
        width = math.sqrt(1.0 / beta + g * g * q)
        q = sum(weight * math.tanh(width * z) ** 2 for z, weight in nodes) / total
    return q


def _erfc_inverse(p: float) -> float:
    return -NormalDist().inv_cdf(0.5 * p) / math.sqrt(2.0)


def _fill(values: tuple[float, ...], counts: list[int], between: Any) -> Ladder:
    """Split the interval after each value into `counts` parts."""
    filled, visible = [values[0]], [0]
    for a, b, count in zip(values, values[1:], counts, strict=False):
        filled += [canonical(between(a, b, k / count)) for k in range(1, count)] + [b]
        visible.append(len(filled) - 1)
    return Ladder(tuple(filled), tuple(visible))
