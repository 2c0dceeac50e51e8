"""Figure of the fits in N at one point."""

from __future__ import annotations

import numpy as np
import xarray as xr
from matplotlib.figure import Figure

from nsslib.model.observables import OBSERVABLES
from nsslib.report import catalogue
from nsslib.report.results import Results
from nsslib.report.style import COLOURS, equal, points
from nsslib.theory.replica import transition

SHOWN = ("q", "R_int", "Y", "Q2")


def select(results: Results, figure: catalogue.Figure) -> tuple[xr.Dataset, xr.Dataset]:
    """Order parameters by N, and their fits, at the converged point of largest beta closest to the edge of chaos."""
    table, fits = (results.at(figure.gamma, kind) for kind in ("order_parameters", "fits"))
    good = (fits["converged"] > 0).transpose("g", "beta").values
    distance = abs(fits["g"].values - float(transition(figure.gamma)))
    g = int(np.argmin(np.where(good.any(axis=1), distance, np.inf)))
    beta = int(np.flatnonzero(good[g]).max(initial=0))
    return table.isel(g=g, beta=beta), fits.isel(g=g, beta=beta)


def draw(data: tuple[xr.Dataset, xr.Dataset]) -> Figure:
    """Draw circles for samples and the extrapolated value, a line for the fit, a diamond for theory."""
    table, fits = data
    figure = Figure(figsize=(2.9 * len(SHOWN), 3.1), layout="constrained")
    x, converged = 1.0 / table["N"].values, table["converged"].values > 0
    for ax, name in zip(figure.subplots(1, len(SHOWN)), SHOWN, strict=True):
        points(ax, x, table[name].values, table[f"{name}_err"].values, converged, COLOURS[0], "samples")
        value, err, slope, omega, smallest, theory, z = (
            float(fits[f"{name}{suffix}"]) for suffix in ("", "_err", "_slope", "_omega", "_N_min", "_theory", "_z")
        )
        fine = np.linspace(0.0, 1.0 / smallest, 100)
        ax.plot(fine, value + slope * fine**omega, color=COLOURS[0])
        trusted = bool(fits["converged"] > 0) and bool(fits[f"{name}_enough"] > 0)
        limit, error, filled = (np.array([number]) for number in (value, err, trusted))
        points(ax, np.zeros(1), limit, error, filled, COLOURS[1], "extrapolated")
        ax.plot(0.0, theory, "D", ms=7, mfc="none", mec="black", mew=1.4, clip_on=False)
        ax.set(xlabel="$1/N$", title=rf"{OBSERVABLES[name].label}, $\omega$ = {omega:.3g}, z = {z:.1f}")
        ax.title.set_fontsize(9)
    point = equal(gamma=fits["gamma"], g=fits["g"], beta=fits["beta"])
    figure.suptitle(f"{point}; diamond: replica theory", fontsize=9, color="0.35")
    return figure
