"""Coordinates of tables: their names in words, and one decimal text per value."""

from __future__ import annotations

from nsslib.config.schema import canonical

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
