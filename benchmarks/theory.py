"""Timings of the replica theory: medians, and their ratio to what is promised.

``python benchmarks/theory.py`` prints one line a promise; a ratio above 1 breaks it. On one core:
set OPENBLAS_NUM_THREADS=1.
"""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable

import numpy as np

from nsslib.theory.replica import solve

POINTS = [(1.2, 100.0, 0.5), (1.1, 1e4, 0.0), (0.8, 1e4, -0.5), (0.75, 1e8, 0.5), (1.3, 1e6, -0.3)]
OVERLAPPING = [(1.5, 1e4, -0.2), (2.0, 1e4, -0.5), (1.3, 1e4, -0.2), (2.4, 1e4, -0.5)]
# gamma and g (in units of 1 / (1 + gamma)) as published, 13 x 81, at beta = 1e4.
GAMMAS, STRENGTHS = np.linspace(-0.6, 0.6, 13), np.linspace(0.5, 1.5, 81)


def median(task: Callable[[], object], repeats: int) -> float:
    """Median wall time of a task in seconds, after one run to warm up."""
    task()
    times = []
    for _ in range(repeats):
        start = time.perf_counter()
        task()
        times.append(time.perf_counter() - start)
    return statistics.median(times)


def grid() -> None:
    """Solve the published grid, zero-overlap branch with its replicon."""
    for gamma in GAMMAS:
        s = solve(STRENGTHS / (1.0 + gamma), 1e4, gamma, branch="zero-overlap")
        if not bool(s["converged"].all()):
            raise RuntimeError(f"not converged at gamma = {gamma}")


def line(name: str, seconds: float, promised: float) -> None:
    """Print one measurement."""
    print(f"{name:58s} {seconds * 1e3:10.2f} ms   {seconds / promised:6.3f} of {promised * 1e3:g} ms")


def main() -> None:
    """Time one point of each kind and the published grid."""
    one = [median(lambda p=p: solve(*p, branch="zero-overlap"), 51) for p in POINTS]  # type: ignore[misc]
    line("zero-overlap branch, one point, median of points", statistics.median(one), 2e-3)
    line("zero-overlap branch, one point, slowest point", max(one), 2e-3)
    six = [median(lambda p=p: solve(*p), 5) for p in OVERLAPPING]  # type: ignore[misc]
    line("six-variable solve, beta = 1e4, median of points", statistics.median(six), 0.5)
    line("six-variable solve, beta = 1e4, slowest point", max(six), 0.5)
    line("published grid (13 gamma x 81 g), with replicon", median(grid, 3), 10.0)


if __name__ == "__main__":
    main()
