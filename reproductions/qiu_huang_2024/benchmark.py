"""Cost and error of the published algorithm compared with `nsslib.solve`.

``python -m reproductions.qiu_huang_2024.benchmark``
"""

from __future__ import annotations

import time
from typing import NamedTuple

import numpy as np

from nsslib.theory.replica import solve
from reproductions.qiu_huang_2024.protocol import (
    FIELDS,
    PATIENCE,
    SAMPLES,
    Averages,
    Floats,
    State,
    averages,
    exponent,
    freeze,
    iterate,
    right_hand_sides,
)

BETA, G = 1e4, 1.1
# q, Q, qh, Qh, r, R: any state at which the sampled averages are typical.
TYPICAL = State(0.0242, 0.0101, -2.1, 7.1, 8.6e-3, 8.8e-5)
GRID = 13 * 81


class Cost(NamedTuple):
    """Seconds on this machine, one core, and errors at gamma = 0, beta = 1e4, g = 1.1."""

    iteration: float
    """One published iteration, sample by sample, extrapolated to 60,000 fields of 10,000 samples."""
    point: float
    """The fewest iterations of a point: 101."""
    grid: float
    """13 gammas by 81 g."""
    counted: float
    """One iteration on counts of samples (`reproductions.qiu_huang_2024.protocol`)."""
    solve: float
    """`nsslib.solve` at one point, median."""
    protocol_error: float
    """Largest ``|q - q_exact|/q_exact`` of the protocol over seeds."""
    residual: float
    """Residual of `nsslib.solve`."""


def literal_averages(s: State, g: float, beta: float, u: Floats, v: Floats, raw: Floats) -> Averages:
    """Self-normalised averages over samples one by one.

    Parameters
    ----------
    s, g, beta
        As for `reproductions.qiu_huang_2024.protocol.averages`.
    u, v : (n,) arrays
        Fields.
    raw : (n, k) array
        Standard Gaussian samples.
    """
    x = np.sqrt(1.0 / beta + g**2 * (s.q - s.Q)) * raw
    p = np.tanh(x)
    linear, quadratic = exponent(s, g, beta, u, v)
    H = linear[:, :1] * p + linear[:, 1:] * x + quadratic[0] * p * p + quadratic[1] * p * x
    weight = np.exp(H - H.max(axis=1, keepdims=True))
    weight /= weight.sum(axis=1, keepdims=True)
    P, X = (weight * p).sum(axis=1), (weight * x).sum(axis=1)
    pp, px, xx = ((weight * m).sum(axis=1).mean() for m in (p * p, p * x, x * x))
    return Averages(
        float(pp), float(np.mean(P * P)), float(px), float(np.mean(P * X)), float(xx), float(np.mean(X * X))
    )


def measure(fields: int = 300, seeds: tuple[int, ...] = (1, 2)) -> Cost:
    """Time one iteration on `fields` of the 60,000 fields and one solution; run the protocol for `seeds`.

    Parameters
    ----------
    fields : int
        Fields timed sample by sample.
    seeds : tuple of int
        Seeds of the protocol runs whose error is quoted.
    """
    rng = np.random.default_rng(0)
    u, v, raw = rng.standard_normal(fields), rng.standard_normal(fields), rng.standard_normal((fields, SAMPLES))
    begin = time.perf_counter()
    right_hand_sides(TYPICAL, literal_averages(TYPICAL, G, BETA, u, v, raw), G, BETA, 0.0)
    iteration = (time.perf_counter() - begin) * FIELDS / fields
    frozen = freeze(seeds[0])
    begin = time.perf_counter()
    averages(TYPICAL, G, BETA, frozen)
    counted = time.perf_counter() - begin
    exact, times = solve(G, BETA, branch="zero-overlap"), []
    for _ in range(9):
        begin = time.perf_counter()
        solve(G, BETA, branch="zero-overlap")
        times.append(time.perf_counter() - begin)
    activities = [iterate(State(1e-6, 1e-7), G, BETA, 0.0, freeze(seed)).state.q for seed in seeds]
    error = max(abs(q / float(exact["q"]) - 1.0) for q in activities)
    point = iteration * (PATIENCE + 1)
    return Cost(
        iteration, point, point * GRID, counted, float(np.median(times)), float(error), float(exact["residual"])
    )


def report(cost: Cost) -> str:
    """Print-ready lines of a `Cost`."""
    return "\n".join(
        [
            f"published algorithm, {FIELDS} fields x {SAMPLES} samples, one core:",
            f"  one iteration          {cost.iteration:9.1f} s   (timed on a part, extrapolated)",
            f"  one point, 101 of them {cost.point / 60.0:9.1f} min",
            f"  13 gammas x 81 g       {cost.grid / 3600.0:9.0f} h",
            f"  the same on counts     {cost.counted * 1e3:9.1f} ms an iteration",
            f"  error of q at beta = 1e4, g = 1.1, gamma = 0: up to {cost.protocol_error:.0%}",
            f"nsslib.solve: one point  {cost.solve * 1e3:9.2f} ms, residual {cost.residual:.1e}",
        ]
    )


if __name__ == "__main__":
    print(report(measure()))
