"""Coordinates of the tables of a sweep, and their one decimal text."""

from __future__ import annotations

from collections import Counter
from itertools import product

from nsslib.config.schema import Config, canonical

COORDINATES = {
    "gamma": "reciprocity of the couplings",
    "N": "number of units",
    "g": "coupling strength",
    "beta": "inverse temperature",
    "seed": "realisation of the couplings",
    "reference_g": "coupling strength of the point where log_z is 0",
    "reference_beta": "inverse temperature of the point where log_z is 0",
}
"""Names in words of the coordinates of tables."""


def text(value: float) -> str:
    """One decimal text per value, for paths and labels: '0.3', never '0.30000000000000004'."""
    return f"{canonical(value):.12g}"


def axes(config: Config) -> dict[str, list[float]]:
    """Coordinates of the tables of a sweep: the union of all blocks."""
    keys = {"gamma": "gamma", "N": "N", "g": "g", "beta": "beta", "seed": "seeds"}
    return {
        axis: sorted({v for block in config.blocks.values() for v in getattr(block, key)}) for axis, key in keys.items()
    }


def reference_point(config: Config, gamma: float) -> tuple[float, float]:
    """The point (g, beta) that free energies at one reciprocity are relative to.

    The first of the points that most shards have: a ladder without it has no free energies.
    """
    points: Counter[tuple[float, float]] = Counter()
    for block in config.blocks.values():
        if gamma in block.gamma:
            points.update(dict.fromkeys(product(block.g, block.beta), len(block.N) * len(block.seeds)))
    return min(points, key=lambda point: (-points[point], point))
