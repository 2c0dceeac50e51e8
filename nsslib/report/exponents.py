"""Figure of critical behaviour: exponents of the activity, and estimates of the transition."""

from __future__ import annotations

import numpy as np
import xarray as xr
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from nsslib.report import catalogue
from nsslib.report.results import Results
from nsslib.report.style import COLOURS, equal, legend, missing, points, shade

_ESTIMATES = {
    "peak": r"maximum of $R_\mathrm{int}$",
    "peak_limit": r"... $N\to\infty$",
    "kink": r"bend of $R_\mathrm{int}$",
    "kink_limit": r"... $N\to\infty$",
    "crossing": r"crossing of $q N^b$",
    "collapse_g_c": "scaling collapse",
}
"""Estimates of g_c, a row each."""


def select(results: Results, figure: catalogue.Figure) -> xr.Dataset:
    """Critical behaviour at one gamma."""
    return results.at(figure.gamma, "fits", "/critical")


def draw(critical: xr.Dataset) -> Figure:
    """Draw exponents of q against g, and all estimates of g_c."""
    figure = Figure(figsize=(9.6, 4.0), layout="constrained")
    left, right = figure.subplots(1, 2, width_ratios=(1.3, 1.0))
    _exponents(left, critical)
    _transition(right, critical)
    edge = float(critical["g_c_theory"])
    if np.isfinite(edge):
        for ax in (left, right):
            ax.axvline(edge, color="0.7", lw=0.8, ls=":")
    title = rf"{equal(gamma=critical['gamma'])}; dotted: edge of chaos $1/(1+\gamma)$"
    figure.suptitle(title, fontsize=9)
    return figure


def _exponents(ax: Axes, critical: xr.Dataset) -> None:
    """Exponents with those of the replica curve, dashed the limits for beta -> infinity."""
    g, sizes = critical["g"].values, critical["N"].values
    for value in np.unique(critical["exponent_predicted"].dropna("g")):
        ax.axhline(value, color="0.5", ls="--", lw=0.9, label=r"predicted, $\beta\to\infty$")
    for i, N in enumerate(sizes):
        of_size, colour = critical.sel(N=N), shade(i, len(sizes))
        label = "replica curve, same betas" if sizes[-1] == N else None
        ax.plot(g, of_size["exponent_theory"], color=colour, lw=1.0, label=label)
        values, err, enough = (of_size[f"exponent{suffix}"].values for suffix in ("", "_err", "_enough"))
        points(ax, g, values, err, enough > 0, colour, f"N = {N}")
    if not (critical["exponent_enough"] > 0).any():
        missing(ax, "converged points: three beta and two realisations")
    ax.set(xlabel="coupling strength $g$", ylabel=r"$d\,\ln q\,/\,d\,\ln\beta$")
    handles, labels = legend([ax])
    if handles:
        ax.legend(handles, labels, fontsize=7.5)


def _transition(ax: Axes, critical: xr.Dataset) -> None:
    """Estimates of g_c: a circle per N, or one of all sizes."""
    drawn = False
    for row, name in enumerate(_ESTIMATES):
        values, errs = (np.atleast_1d(critical[key].values) for key in (name, f"{name}_err"))
        several = len(values) > 1
        shifts = np.linspace(-0.125, 0.125, len(values)) if several else np.zeros(1)
        for i in np.flatnonzero(np.isfinite(values)):
            colour = shade(int(i), len(values)) if several else COLOURS[1]
            ax.errorbar(values[i], row + shifts[i], xerr=errs[i], fmt="o", ms=4, color=colour, elinewidth=1)
            drawn = True
        if f"{name}_theory" in critical:
            ax.plot(float(critical[f"{name}_theory"]), row, "D", ms=7, mfc="none", mec="black")
    ax.set_yticks(range(len(_ESTIMATES)), list(_ESTIMATES.values()))
    ax.set(ylim=(len(_ESTIMATES) - 0.5, -0.5), xlabel="$g$")
    ax.set_title("estimates of $g_c$; diamond: same on the replica curve", fontsize=8, loc="right")
    nu, err = float(critical["collapse_nu"]), float(critical["collapse_nu_err"])
    if np.isfinite(nu):
        words = rf"$\nu$ = {nu:.2f} $\pm$ {err:.2f} (expected {float(critical['nu_theory']):g})"
        ax.annotate(words, (0.02, 0.02), xycoords="axes fraction", fontsize=8)
    if not drawn:
        ax.set_xlim(critical["g"].values[0] - 0.1, critical["g"].values[-1] + 0.1)
        missing(ax, "couplings, sizes or converged points")
