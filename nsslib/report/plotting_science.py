"""Figures of the verdicts: critical behaviour, overlap, fluctuation-response."""

from __future__ import annotations

import numpy as np
import xarray as xr
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import NullFormatter, NullLocator

from nsslib.analysis.comparison.overlap import VERDICTS
from nsslib.grid.axes import text
from nsslib.report.plotting import COLOURS, _legend, _points, _shade


def _missing(ax: Axes, what: str) -> None:
    """Say in a panel why it is empty."""
    ax.text(0.5, 0.5, f"not enough {what}", transform=ax.transAxes, ha="center", va="center", color="0.4")


def exponents(critical: xr.Dataset) -> Figure:
    """Exponents of q against g, and all estimates of g_c.

    Parameters
    ----------
    critical : Dataset
        The /critical group of the fits at one gamma.
    """
    figure = Figure(figsize=(9.6, 4.0), layout="constrained")
    left, right = figure.subplots(1, 2, width_ratios=(1.3, 1.0))
    g, sizes = critical["g"].values, critical.sizes["N"]
    enough = critical["exponent_enough"].values > 0
    for value in np.unique(critical["exponent_predicted"].dropna("g")):
        left.axhline(value, color="0.5", ls="--", lw=0.9, label=r"predicted, $\beta\to\infty$")
    for i, N in enumerate(critical["N"].values):
        at, colour = critical.sel(N=N), _shade(i, sizes)
        left.plot(
            g,
            at["exponent_theory"],
            color=colour,
            lw=1.0,
            label="replica curve, same betas" if i == sizes - 1 else None,
        )
        values, err = at["exponent"].values, at["exponent_err"].values
        _points(left, g, values, err, enough[i], colour, f"N = {N}")
    if not enough.any():
        _missing(left, "converged cells: three beta and two seeds")
    edge = float(critical["g_c_theory"])
    left.axvline(edge, color="0.7", lw=0.8, ls=":")
    left.set(xlabel="coupling strength $g$", ylabel=r"$d\,\ln q\,/\,d\,\ln\beta$")
    handles, labels = _legend(np.array([left]))
    if handles:
        left.legend(handles, labels, fontsize=7.5)
    _transition(right, critical)
    figure.suptitle(rf"$\gamma$ = {text(float(critical['gamma']))}; dotted: edge of chaos $1/(1+\gamma)$", fontsize=9)
    return figure


def _transition(ax: Axes, critical: xr.Dataset) -> None:
    """Estimates of g_c, a row each."""
    rows = (
        ("peak", r"maximum of $R_\mathrm{int}$"),
        ("peak_limit", r"... $N\to\infty$"),
        ("kink", r"bend of $R_\mathrm{int}$"),
        ("kink_limit", r"... $N\to\infty$"),
        ("crossing", r"crossing of $q N^b$"),
        ("collapse_g_c", "scaling collapse"),
    )
    sizes, shown = critical.sizes["N"], False
    for row, (name, _) in enumerate(rows):
        values, errs = (np.atleast_1d(critical[k].values) for k in (name, f"{name}_err"))
        for i, (value, err) in enumerate(zip(values, errs, strict=True)):
            if np.isfinite(value):
                shown = True
                shift = 0.25 * (i / max(len(values) - 1, 1) - 0.5) if len(values) > 1 else 0.0
                colour = _shade(i, sizes) if len(values) > 1 else COLOURS[1]
                ax.errorbar(value, row + shift, xerr=err, fmt="o", ms=4, color=colour, elinewidth=1)
        theory = critical.get(f"{name.removesuffix('_limit')}_theory")
        if theory is not None and np.isfinite(theory) and not name.endswith("_limit"):
            ax.plot(float(theory), row, "D", ms=7, mfc="none", mec="black")
    edge = float(critical["g_c_theory"])
    ax.axvline(edge, color="0.7", lw=0.8, ls=":")
    ax.set_yticks(range(len(rows)), [words for _, words in rows])
    ax.set(ylim=(len(rows) - 0.5, -0.5), xlabel="$g$")
    ax.set_title("estimates of $g_c$; diamond: same on the replica curve", fontsize=8, loc="right")
    nu, err = float(critical["collapse_nu"]), float(critical["collapse_nu_err"])
    if np.isfinite(nu):
        words = rf"$\nu$ = {nu:.2f} $\pm$ {err:.2f} (expected {float(critical['nu_theory']):g})"
        ax.annotate(words, (0.02, 0.02), xycoords="axes fraction", fontsize=8)
    if not shown:
        ax.set_xlim(edge - 0.3, edge + 0.3)
        _missing(ax, "couplings, sizes or converged cells")


def overlap(table: xr.Dataset, fits: xr.Dataset, cells: list[dict[str, int]], samples: dict[int, np.ndarray]) -> Figure:
    """Overlap against N at a few cells, and its distribution in the last of them.

    Parameters
    ----------
    table : Dataset
        Order parameters at one gamma, dims (N, g, beta).
    fits : Dataset
        The /overlap group of the fits at the same gamma.
    cells : list of dict
        Positions {"g", "beta"} of the cells to show.
    samples : dict of N to array
        Overlaps in the last cell, pooled over seeds.
    """
    figure = Figure(figsize=(9.6, 4.0), layout="constrained")
    left, right = figure.subplots(1, 2)
    N = table["N"].values.astype(float)
    fine = np.geomspace(N[0], N[-1], 50)
    for colour, place in zip(COLOURS, cells, strict=False):
        at, fit = table.isel(place), fits.isel(place)
        verdict = VERDICTS[int(fit["verdict"])]
        label = rf"$g$ = {text(float(at['g']))}, $\beta$ = {text(float(at['beta']))}: {verdict}"
        _points(left, N, at["Q_abs"].values, at["Q_abs_err"].values, at["converged"].values > 0, colour, label)
        left.plot(fine, float(fit["Q_abs_limit"]) + float(fit["Q_abs_slope"]) / np.sqrt(fine), color=colour, lw=1.0)
        first = at["Q_abs"].dropna("N")
        if first.size:
            guide = float(first[0]) * (fine / float(first["N"][0])) ** -0.5
            left.plot(fine, guide, color="0.5", ls="--", lw=0.8, label=r"$N^{-1/2}$")
    left.set(xscale="log", yscale="log", xlabel="$N$", ylabel=r"$\mathrm{E}|Q|$")
    left.set_xticks(N, [f"{n:g}" for n in N])
    left.xaxis.set_minor_locator(NullLocator())
    left.yaxis.set_minor_formatter(NullFormatter())
    handles, labels = _legend(np.array([left]))
    left.legend(handles, labels, fontsize=7.5)
    _distribution(right, samples)
    chosen = table.isel(cells[-1])
    where = rf"$g$ = {text(float(chosen['g']))}, $\beta$ = {text(float(chosen['beta']))}"
    right.set(xlabel="overlap $Q$", ylabel="density", title=f"{where}, all disorder samples")
    right.title.set_fontsize(9)
    figure.suptitle(
        rf"$\gamma$ = {text(float(fits['gamma']))}; lines: $a + b\,N^{{-1/2}}$; hollow: not converged", fontsize=9
    )
    return figure


def _distribution(ax: Axes, samples: dict[int, np.ndarray]) -> None:
    if not samples:
        _missing(ax, "samples")
        return
    widest = max(float(np.abs(values).max()) for values in samples.values()) or 1.0
    bins = np.linspace(-widest, widest, 62).tolist()
    for i, (N, values) in enumerate(samples.items()):
        ax.hist(values, bins, density=True, histtype="step", color=_shade(i, len(samples)), label=f"N = {N}", lw=1.2)
    ax.legend(fontsize=7.5)


def response(check: xr.Dataset, converged: xr.DataArray) -> Figure:
    """Both sides of the fluctuation-response relation, and the z of their difference.

    Parameters
    ----------
    check : Dataset
        The /response group of the fits at one gamma.
    converged : (N, g, beta) DataArray
    """
    figure = Figure(figsize=(9.6, 4.0), layout="constrained")
    left, right = figure.subplots(1, 2)
    dims = ("g", "beta")
    g = np.repeat(check["g"].values, check.sizes["beta"])
    shown = False
    for i, N in enumerate(check["N"].values):
        at, colour = check.sel(N=N), _shade(i, check.sizes["N"])
        good = converged.sel(N=N).transpose(*dims).values.ravel() > 0
        x, y, err, z = (
            at[k].transpose(*dims).values.ravel() for k in ("response", "correlation", "residual_err", "residual_z")
        )
        shown |= bool(np.isfinite(y).any())
        _points(left, x, y, err, good, colour, f"N = {N}")
        offset = 0.1 * (i - 0.5 * (check.sizes["N"] - 1)) * float(np.min(np.diff(check["g"].values), initial=0.1))
        _points(right, g + offset, z, np.zeros_like(z), good, colour, f"N = {N}")
    if shown:
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
            _missing(ax, "saved trajectories or seeds")
    left.set(xlabel="from the responses (exact at every $N$)", ylabel=r"$\langle x\cdot\phi(x)\rangle/N$")
    right.set(xlabel="coupling strength $g$", ylabel="residual, z-score")
    figure.suptitle(rf"$\gamma$ = {text(float(check['gamma']))}; hollow: not converged", fontsize=9)
    return figure
