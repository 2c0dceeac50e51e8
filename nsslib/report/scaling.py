"""Figure of the activity against beta in double logarithms, with the slopes predicted for beta -> infinity."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import xarray as xr
from matplotlib.figure import Figure

from nsslib.analysis.comparison.critical import asymptotic_exponent
from nsslib.model.observables import OBSERVABLES
from nsslib.report import catalogue
from nsslib.report.results import Results
from nsslib.report.style import COLOURS, equal, points
from nsslib.theory.replica import transition

DRAWN = 5
"""Most couplings in the figure."""


class Data(NamedTuple):
    """Samples at the largest N, curves of replica theory, both with dims (g, beta), and a g for every slope."""

    table: xr.Dataset
    theory: xr.Dataset
    guides: dict[float, float]


def select(results: Results, figure: catalogue.Figure) -> Data:
    """Samples at the largest N, and curves and slopes of replica theory at a few couplings."""
    table = results.at(figure.gamma, "order_parameters").isel(N=-1)
    count = table.sizes["g"]
    table = table.isel(g=np.unique(np.linspace(0, count - 1, min(DRAWN, count)).round().astype(int)))
    slopes = guides(table["g"].values, figure.gamma, results.config.model.eta)
    beta = np.geomspace(table["beta"].values[0], table["beta"].values[-1], 61)
    return Data(table, results.theory(figure.gamma, np.union1d(table["g"], list(slopes.values())), beta), slopes)


def guides(g: np.ndarray, gamma: float, eta: float) -> dict[float, float]:
    """Slopes predicted at the smallest g, at the edge of chaos if it is among the others, and at the largest g."""
    edge = float(transition(gamma))
    shown = [g[0], *([edge] if g[0] < edge < g[-1] else []), g[-1]]
    slopes = {asymptotic_exponent(float(value), gamma, eta): float(value) for value in shown}
    return {slope: value for slope, value in slopes.items() if np.isfinite(slope)}


def draw(data: Data) -> Figure:
    """Draw circles for samples, lines for theory, dashes for the predicted slopes."""
    table, theory, slopes = data
    figure = Figure(figsize=(6.2, 4.4), layout="constrained")
    ax = figure.subplots()
    for colour, g in zip(COLOURS, table["g"].values, strict=False):
        of_coupling = table.sel(g=g)
        beta, q, err, converged = (of_coupling[name].values for name in ("beta", "q", "q_err", "converged"))
        ax.plot(theory["beta"], theory["q"].sel(g=g), color=colour)
        points(ax, beta, q, err, converged > 0, colour, f"g = {g:.12g}")
    beta = theory["beta"].values[-(theory.sizes["beta"] // 3) :]
    for slope, g in slopes.items():
        guide = float(theory["q"].sel(g=g)[-1]) * (beta / beta[-1]) ** slope
        ax.plot(beta, 1.35 * guide, color="0.4", ls="--", lw=0.9)
        label, end = f"slope {slope:.3g}", (beta[-1], 1.35 * guide[-1])
        ax.annotate(label, end, (3, 0), textcoords="offset points", va="center", fontsize=8, color="0.35")
    ax.set(xscale="log", yscale="log", xlabel=r"inverse temperature $\beta$", ylabel=OBSERVABLES["q"].label)
    ax.legend(title=f"samples, N = {int(table['N'])}", loc="lower left")
    ax.set_title(f"{equal(gamma=table['gamma'])}; lines: replica theory; hollow: not converged", fontsize=9)
    return figure
