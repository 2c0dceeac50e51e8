"""The two tables of the reproduction: values read off the published figures, and runs of the protocol.

``data/figures.csv`` holds values digitised by pixel from the figures of Qiu & Huang (arXiv
2401.10009; figure numbers are those of the authors' code repository), one row a point, with the reading
error of the digitisation; phi = tanh, eta = 0, beta = inf where a figure is at zero temperature.
``data/protocol.csv`` holds the same quantities as the published algorithm gives them here, one row a
point and seed; `reproductions.qiu_huang_2024.runs` writes it.
"""

from __future__ import annotations

import csv
from importlib.resources import files
from typing import Literal, NamedTuple


class Row(NamedTuple):
    """One value; `error` is the reading error of a published value, `seed` the seed of a protocol run."""

    figure: int
    quantity: str
    gamma: float
    beta: float
    g: float
    value: float
    error: float
    seed: int

    @property
    def point(self) -> tuple[int, str, float, float, float]:
        """The published point of which the row is a value."""
        return self.figure, self.quantity, self.gamma, self.beta, self.g


QUANTITIES = {
    "q": "activity q",
    "Q": "overlap Q",
    "r": "response r",
    "R": "response overlap R",
    "l2": "squared norm <x^2>",
    "chi": "chi = beta (q - Q)",
    "minus_xi": "-xi = sqrt(beta) (r - R)",
    "C_static_dmft": "C of the static DMFT",
    "R_static_dmft": "R of the static DMFT",
}
"""Name in words of every quantity."""


def read(table: Literal["figures", "protocol"]) -> list[Row]:
    """Read a table of the package.

    Returns
    -------
    list of Row
        In the order of the file. Dimensionless.
    """
    with files("reproductions.qiu_huang_2024").joinpath(f"data/{table}.csv").open(encoding="utf-8") as file:
        return [
            Row(
                figure=int(line["figure"]),
                quantity=line["quantity"],
                gamma=float(line["gamma"]),
                beta=float(line["beta"]),
                g=float(line["g"]),
                value=float(line["value"]),
                error=float(line.get("reading_error", "nan")),
                seed=int(line.get("seed", 0)),
            )
            for line in csv.DictReader(file)
        ]
