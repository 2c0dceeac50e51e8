"""Figure of the distance from theory at every point."""

from __future__ import annotations

import numpy as np
import xarray as xr
from matplotlib.colors import TwoSlopeNorm
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle

from nsslib.grid.axes import text
from nsslib.model.observables import OBSERVABLES
from nsslib.report import catalogue
from nsslib.report.results import Results

SHOWN = ("q", "R_int", "Y", "Q2", "log_z")


def select(results: Results, figure: catalogue.Figure) -> xr.Dataset:
    """Fits at one gamma, dims (g, beta)."""
    return results.at(figure.gamma, "fits")


def draw(fits: xr.Dataset) -> Figure:
    """Draw a map of z for every order parameter, hatched where there is no verdict."""
    figure = Figure(figsize=(2.9 * len(SHOWN) + 0.6, 3.4), layout="constrained")
    axes = figure.subplots(1, len(SHOWN), sharey=True)
    g, beta = fits["g"].values, fits["beta"].values
    for ax, name in zip(axes, SHOWN, strict=True):
        z = fits[f"{name}_z"].transpose("g", "beta").values
        verdict = ((fits["converged"] > 0) & (fits[f"{name}_enough"] > 0)).transpose("g", "beta").values
        image = ax.imshow(z, origin="lower", aspect="auto", cmap="RdBu_r", norm=TwoSlopeNorm(0.0, -4.0, 4.0))
        for i, j in np.ndindex(z.shape):
            if not verdict[i, j]:
                ax.add_patch(Rectangle((j - 0.5, i - 0.5), 1, 1, fc="0.93", ec="0.6", hatch="////", lw=0))
            elif np.isfinite(z[i, j]):
                ax.annotate(f"{z[i, j]:.1f}", (j, i), ha="center", va="center", fontsize=6.5)
        ax.set_xticks(range(len(beta)), [text(b) for b in beta])
        ax.set_yticks(range(len(g)), [text(v) for v in g])
        ax.set(xlabel=r"$\beta$", title=OBSERVABLES[name].label)
        ax.grid(False)
        ax.title.set_fontsize(9)
    axes[0].set_ylabel("$g$")
    figure.colorbar(image, ax=axes, label="z", shrink=0.9)
    return figure
