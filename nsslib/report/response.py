"""Figure of the fluctuation-response relation: both sides of it, and the z of their difference."""

from __future__ import annotations

import numpy as np
import xarray as xr
from matplotlib.figure import Figure
from matplotlib.ticker import NullFormatter

from nsslib.report import catalogue
from nsslib.report.results import Results
from nsslib.report.style import equal, missing, points, shade


def select(results: Results, figure: catalogue.Figure) -> xr.Dataset:
    """Both sides of the relation, and which points are converged: dims (N, g, beta)."""
    converged = results.at(figure.gamma, "order_parameters")["converged"]
    return results.at(figure.gamma, "fits", "/response").assign(converged=converged)


def draw(check: xr.Dataset) -> Figure:
    """Draw one side against the other, and the z-score of the residual against g."""
    figure = Figure(figsize=(9.6, 4.0), layout="constrained")
    left, right = figure.subplots(1, 2)
    g = np.repeat(check["g"].values, check.sizes["beta"])
    sizes = check["N"].values
    shifts = 0.1 * (np.arange(len(sizes)) - 0.5 * (len(sizes) - 1)) * np.diff(check["g"].values).min(initial=0.1)
    for i, (N, shift) in enumerate(zip(sizes, shifts, strict=True)):
        of_size = check.sel(N=N).transpose("g", "beta", ...)
        x, y, err, z = (of_size[k].values.ravel() for k in ("response", "correlation", "residual_err", "residual_z"))
        converged = of_size["converged"].values.ravel() > 0
        points(left, x, y, err, converged, shade(i, len(sizes)), f"N = {N}")
        points(right, g + shift, z, np.zeros_like(z), converged, shade(i, len(sizes)), f"N = {N}")
    if check["correlation"].notnull().any():
        ends = np.array(left.get_xlim())
        ends[0] = max(ends[0], float(check["response"].min()) * 0.7, 1e-12)
        left.plot(ends, ends, color="black", lw=0.8)
        left.set(xscale="log", yscale="log")
        for axis in (left.xaxis, left.yaxis):
            axis.set_minor_formatter(NullFormatter())
        left.legend(fontsize=7.5)
        right.axhspan(-2.0, 2.0, color="0.93")
    else:
        for ax in (left, right):
            missing(ax, "saved trajectories or realisations")
    left.set(xlabel="from the responses (exact at every $N$)", ylabel=r"$\langle x\cdot\phi(x)\rangle/N$")
    right.set(xlabel="coupling strength $g$", ylabel="residual, z-score")
    figure.suptitle(f"{equal(gamma=check['gamma'])}; hollow: not converged", fontsize=9)
    return figure
