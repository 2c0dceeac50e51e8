"""Figure of the order parameters against g, a row each, a column per beta."""

from __future__ import annotations

import textwrap
from typing import NamedTuple

import numpy as np
import xarray as xr
from matplotlib.figure import Figure

from nsslib.analysis.sizes.extrapolation import replica_value
from nsslib.model.observables import OBSERVABLES, Observable, resolve
from nsslib.report import catalogue
from nsslib.report.results import Results
from nsslib.report.style import equal, legend, points, shade


class Data(NamedTuple):
    """Samples at one gamma, dims (N, g, beta); replica theory on a fine g, dims (g, beta); observables, in order."""

    table: xr.Dataset
    theory: xr.Dataset
    observables: tuple[Observable, ...] = tuple(OBSERVABLES.values())


def select(results: Results, figure: catalogue.Figure) -> Data:
    """Order parameters and replica curves of one page."""
    table = results.at(figure.gamma, "order_parameters")
    observables = resolve(results.config.observables)
    betas = table["beta"].values[figure.betas]
    # Free energies are relative to a point that may be on another page.
    solved = np.union1d(betas, table["reference_beta"].values)
    g = np.union1d(np.linspace(table["g"].values[0], table["g"].values[-1], 81), table["g"].values)
    replica = results.theory(figure.gamma, g, solved)
    predicted = [entry.name for entry in observables if entry.drawn and entry.name in OBSERVABLES]
    theory = xr.Dataset({name: replica_value(replica, name, table) for name in predicted})
    return Data(table.sel(beta=betas), theory.sel(beta=betas), observables)


def draw(data: Data) -> Figure:
    """Draw circles for samples, lines for theory."""
    table, theory = data.table, data.theory
    rows = [entry for entry in data.observables if entry.drawn]
    betas = table["beta"].values
    figure = Figure(figsize=(2.3 * len(betas) + 0.8, 1.7 * len(rows) + 0.8), layout="constrained")
    axes = figure.subplots(len(rows), len(betas), sharex=True, squeeze=False)
    for panels, entry in zip(axes, rows, strict=True):
        panels[0].set_ylabel("\n".join([*textwrap.wrap(entry.words, 24), f"${entry.symbol}$"]))
        for ax, beta in zip(panels, betas, strict=True):
            if entry.name in theory:
                ax.plot(theory["g"], theory[entry.name].sel(beta=beta), color="black", label="replica theory")
            for i, N in enumerate(table["N"].values):
                of_size = table.sel(N=N, beta=beta)
                y, err = of_size[entry.name].values, of_size[f"{entry.name}_err"].values
                good, colour = of_size["converged"].values > 0, shade(i, table.sizes["N"])
                points(ax, of_size["g"].values, y, err, good, colour, f"N = {N}")
    for ax, beta in zip(axes[0], betas, strict=True):
        ax.set_title(equal(beta=beta), fontsize=10)
    for ax in axes[-1]:
        ax.set_xlabel("coupling strength $g$")
    handles, labels = legend(axes.ravel())
    title = f"{equal(gamma=table['gamma'])}; hollow: not converged"
    figure.legend(handles, labels, loc="outside upper center", ncols=len(labels), title=title)
    return figure
