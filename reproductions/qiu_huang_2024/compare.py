"""Published, protocol and converged values in one labelled table.

Converged values: the preferred replica-symmetric solution (`nsslib.solve`) for q, Q, r, R, l2 and -xi = R_int -
sqrt(beta) R; chi = beta (q - Q) from the closed form below the transition, infinite from there on (q - Q
stays finite as beta -> inf); C and R of the static DMFT from `nsslib.theory.mean_field.static`.
"""

from __future__ import annotations

from collections import defaultdict
from typing import NamedTuple

import numpy as np
import xarray as xr

from nsslib.theory.mean_field.static import static_mean_field
from nsslib.theory.replica import linear_phase, solve
from reproductions.qiu_huang_2024.tables import Row, read

SOURCE = "Qiu & Huang, arXiv 2401.10009; figure numbers of the authors' code repository"
VARIABLES = {
    "published": ("published value", "digitised from the figure"),
    "reading_error": ("reading error", "of the digitisation"),
    "converged": ("converged value", "replica-symmetric or static mean-field equations, residual <= 1e-10"),
    "protocol": ("protocol", "published algorithm at its own sample counts, mean over seeds; NaN if not run"),
    "protocol_low": ("protocol, smallest", "over seeds"),
    "protocol_high": ("protocol, largest", "over seeds"),
    "seeds": ("seeds", "number of protocol runs"),
    "difference": ("difference", "published - converged"),
    "difference_in_errors": ("difference in reading errors", "(published - converged)/reading error"),
    "protocol_in_errors": (
        "distance from the protocol",
        "from published to the range of the seeds, in reading errors; 0 inside",
    ),
}


class Line(NamedTuple):
    """Agreement at the points of one figure, quantity and gamma: counts, and largest relative differences."""

    figure: int
    quantity: str
    gamma: float
    points: int
    within_one: int
    """Points whose published value lies within one reading error of the converged one."""
    within_two: int
    largest: float
    """Largest ``|published - converged|`` in units of the converged value (inf where that is 0)."""
    where: float
    """g (figures 6 and 7: beta) of the largest difference."""
    protocol_points: int
    protocol_within_one: int
    """Points whose published value lies within one reading error of the range of the protocol's seeds."""


class Contradiction(NamedTuple):
    """Two published values of which at least one must be wrong, independently of any theory."""

    statement: str
    first: float
    second: float


def _converged(row: Row) -> float:
    """Converged value of what a published point shows."""
    if row.figure == 11:
        mean_field = static_mean_field(row.g, row.gamma)
        return mean_field.C if row.quantity == "C_static_dmft" else mean_field.R
    if row.quantity == "chi":
        return float(linear_phase(row.g, row.gamma).beta_q)
    s = solve(row.g, row.beta, row.gamma)
    if row.quantity == "minus_xi":
        return float(s["R_int"])  # Q = R = 0 at every published point
    return float(s[row.quantity])


def compare() -> xr.Dataset:
    """Compare published, protocol and converged values at every published point.

    Returns
    -------
    xarray.Dataset
        Dimension `point`, with the coordinates figure, quantity, gamma, beta (inf at zero temperature) and g; the
        variables are dimensionless and defined in their attributes.
    """
    runs = defaultdict(list)
    for run in read("protocol"):
        runs[run.point].append(run.value)
    rows = read("figures")
    table = np.array([_values(row, np.array(runs[row.point])) for row in rows])
    coords = {
        name: ("point", np.array([getattr(row, name) for row in rows]), {"units": "1"})
        for name in ("figure", "quantity", "gamma", "beta", "g")
    }
    variables = {
        name: ("point", table[:, k], {"long_name": label, "definition": text, "units": "1"})
        for k, (name, (label, text)) in enumerate(VARIABLES.items())
    }
    return xr.Dataset(variables, coords, {"source": SOURCE, "phi": "tanh", "eta": 0.0})


def _values(row: Row, runs: np.ndarray) -> list[float]:
    """List the numbers of one point, in the order of VARIABLES."""
    converged = _converged(row)
    mean, low, high = (runs.mean(), runs.min(), runs.max()) if runs.size else (np.nan,) * 3
    outside = max(low - row.value, row.value - high, 0.0) if runs.size else np.nan
    difference = row.value - converged
    return [
        row.value, row.error, converged, mean, low, high, len(runs),
        difference, difference / row.error, outside / row.error,
    ]  # fmt: skip


def summary(table: xr.Dataset) -> list[Line]:
    """Count agreements, one line for each figure, quantity and gamma.

    Parameters
    ----------
    table : Dataset
        From `compare`.
    """
    lines = []
    keys = dict.fromkeys(zip(*(table[name].values.tolist() for name in ("figure", "quantity", "gamma")), strict=True))
    for figure, quantity, gamma in keys:
        chosen = (table["figure"] == figure) & (table["quantity"] == quantity) & (table["gamma"] == gamma)
        part = table.isel(point=np.flatnonzero(chosen))
        errors = abs(part["difference_in_errors"].values)
        with np.errstate(divide="ignore", invalid="ignore"):
            relative = np.abs(part["difference"].values) / np.abs(part["converged"].values)
        relative = np.where(np.isfinite(part["converged"]), np.where(part["difference"] == 0.0, 0.0, relative), np.inf)
        worst = int(np.argmax(relative))
        run = part["protocol_in_errors"].values
        lines.append(
            Line(
                figure, quantity, gamma, len(errors), int((errors <= 1.0).sum()), int((errors <= 2.0).sum()),
                float(relative[worst]), float(part["beta" if figure in (6, 7) else "g"][worst]),
                int(np.isfinite(run).sum()), int((run <= 1.0).sum()),
            )
        )  # fmt: skip
    return lines


def contradictions(table: xr.Dataset) -> list[Contradiction]:
    """Published values that exclude one another.

    Parameters
    ----------
    table : Dataset
        From `compare`.
    """

    def value(figure: int, quantity: str, gamma: float, beta: float, g: float) -> float:
        at = {"figure": figure, "quantity": quantity, "gamma": gamma, "beta": beta, "g": g}
        mask = np.logical_and.reduce([table[name].values == wanted for name, wanted in at.items()])
        return float(table["published"].values[mask].item())

    norm, activity = value(7, "l2", 0.0, 1e4, 1.2), value(8, "q", 0.0, 1e4, 1.2)
    cold, colder = value(6, "q", 0.0, 1e4, 1.0), value(8, "q", 0.0, 1e4, 1.0)
    finite, zero = value(5, "q", 0.5, 1e4, 0.8), value(10, "q", 0.5, np.inf, 0.8)
    return [
        Contradiction(
            "tanh(x)^2 <= x^2, so that q <= <x^2>. At gamma = 0, beta = 1e4, g = 1.2 figure 7 has <x^2> = "
            f"{norm:g}, figure 8 q = {activity:g}.",
            norm,
            activity,
        ),
        Contradiction(
            f"q at gamma = 0, beta = 1e4, g = 1 is {cold:g} in figure 6 and {colder:g} in figure 8 (reading errors "
            "0.00014 and 0.0005).",
            cold,
            colder,
        ),
        Contradiction(
            f"q at gamma = 0.5, g = 0.8 is {finite:g} at beta = 1e4 (figure 5) and {zero:g} at beta = inf (figure 10); "
            "the converged q falls with beta, from 0.0169 to 0.",
            finite,
            zero,
        ),
    ]
