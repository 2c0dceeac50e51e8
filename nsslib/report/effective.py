"""Figure of the coupling strength that theory needs to fit the samples, against the simulated one."""

from __future__ import annotations

import matplotlib as mpl
import numpy as np
import xarray as xr
from matplotlib.figure import Figure

from nsslib.grid.axes import text
from nsslib.report import catalogue
from nsslib.report.results import Results
from nsslib.report.style import equal, legend, points


def select(results: Results, figure: catalogue.Figure) -> xr.Dataset:
    """Effective parameters at one gamma, dims (g, beta)."""
    return results.at(figure.gamma, "fits", "/effective")


def draw(table: xr.Dataset) -> Figure:
    """Draw fitted against simulated g, and the difference of the two."""
    figure = Figure(figsize=(8.6, 4.0), layout="constrained")
    left, right = figure.subplots(1, 2)
    g, betas = table["g"].values, table["beta"].values
    step = float(np.diff(g).min(initial=0.2))
    shifts = 0.5 * step * (np.arange(len(betas)) - 0.5 * (len(betas) - 1)) / len(betas)
    colours = mpl.colormaps["viridis"](np.linspace(0.0, 0.9, len(betas)))
    for beta, shift, colour in zip(betas, shifts, map(tuple, colours), strict=True):
        fitted, err, converged = (table[name].sel(beta=beta).values for name in ("g_fit", "g_fit_err", "converged"))
        points(left, g, fitted, err, converged > 0, colour, text(beta))
        points(right, g + shift, fitted - g, err, converged > 0, colour, text(beta))
    left.axline((float(g[0]), float(g[0])), slope=1.0, color="black", lw=1, zorder=1)
    right.axhline(0.0, color="black", lw=1, zorder=1)
    limits = g[0] - step, g[-1] + step
    left.set(xlabel="simulated $g$", ylabel="fitted $g$", xlim=limits, ylim=limits)
    right.set(xlabel="simulated $g$", ylabel="fitted minus simulated $g$", xlim=limits)
    handles, labels = legend([left, right])
    if handles:
        figure.legend(handles, labels, loc="outside right upper", title=r"$\beta$")
    count = int(table["points"])
    share = rf"{float(table['within_2']):.0%} of {count} converged points within $2\sigma$"
    verdict = share if count else "no converged point with a fit"
    figure.suptitle(f"{equal(gamma=table['gamma'])}; {verdict}", fontsize=9, color="0.35")
    return figure
