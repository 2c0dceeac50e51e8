"""Coordinates of the tables of a sweep, and their one decimal text."""

from __future__ import annotations

from collections import Counter
from itertools import product

from nsslib.config.schema import Config, canonical


def text(value: float) -> str:
    """One decimal text per value, for paths and labels: '0.3', never '0.30000000000000004'."""
    return f"{canonical(value):.12g}"


def axes(config: Config) -> dict[str, list[float]]:
    """Coordinates of the tables of a sweep: the union of all blocks."""
    keys = {"gamma": "gamma", "N": "N", "g": "g", "beta": "beta", "seed": "seeds"}
    return {
        axis: sorted({v for block in config.blocks.values() for v in getattr(block, key)}) for axis, key in keys.items()
    }


def origin(config: Config, gamma: float) -> tuple[float, float]:
    """g and beta of the cell that free energies at one reciprocity are relative to.

    The first of the cells that most shards have: a ladder without it has no free energies.
    """
    cells: Counter[tuple[float, float]] = Counter()
    for block in config.blocks.values():
        if gamma in block.gamma:
            cells.update(dict.fromkeys(product(block.g, block.beta), len(block.N) * len(block.seeds)))
    return min(cells, key=lambda cell: (-cells[cell], cell))
