"""Figure of the overlap of two replicas: against N, and its distribution."""

from __future__ import annotations

import numpy as np
import xarray as xr
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import NullFormatter, NullLocator

from nsslib.analysis.comparison.overlap import VERDICTS
from nsslib.grid.sampling import sampled
from nsslib.report import catalogue
from nsslib.report.results import Results
from nsslib.report.style import COLOURS, equal, legend, missing, points, shade
from nsslib.theory.replica import transition

Data = tuple[list[xr.Dataset], dict[int, np.ndarray]]
"""Modulus by N and its fit at a few points; all draws of the signed overlap at the last of them, by N."""


def select(results: Results, figure: catalogue.Figure) -> Data:
    """Points below, at and above the edge of chaos: the largest beta with the most converged sizes."""
    table, fits = results.at(figure.gamma, "order_parameters"), results.at(figure.gamma, "fits", "/overlap")
    table = table[["Q_abs", "Q_abs_err", "converged"]].assign(fits[["verdict", "Q_abs_limit", "Q_abs_slope"]])
    edge = float(transition(figure.gamma))
    couplings = dict.fromkeys(int(np.argmin(abs(fits["g"].values - share * edge))) for share in (0.85, 1.0, 1.15))
    sizes = fits["sizes"].transpose("g", "beta").values
    shown = [table.isel(g=g, beta=sizes.shape[1] - 1 - int(np.argmax(sizes[g, ::-1]))) for g in couplings]
    return shown, _overlaps(results, figure.gamma, float(shown[-1]["g"]), float(shown[-1]["beta"]))


def _overlaps(results: Results, gamma: float, g: float, beta: float) -> dict[int, np.ndarray]:
    """All draws of the signed overlap at a point, by N."""
    found: dict[int, list[np.ndarray]] = {}
    for shard in sampled(results.config):
        if shard.gamma == gamma and g in shard.g and beta in shard.beta:
            with results.shard(shard) as tree:
                Q = tree["observables"].dataset["Q"].sel(g=g, beta=beta).values.ravel()
            found.setdefault(shard.N, []).append(Q[np.isfinite(Q)])
    pooled = {N: np.concatenate(of_size) for N, of_size in sorted(found.items())}
    return {N: Q for N, Q in pooled.items() if len(Q)}


def draw(data: Data) -> Figure:
    """Draw the modulus against N at a few points, and the distribution at the last of them."""
    figure = Figure(figsize=(9.6, 4.0), layout="constrained")
    left, right = figure.subplots(1, 2)
    shown, overlaps = data
    last = shown[-1]
    N = last["N"].values.astype(float)
    fine = np.geomspace(N[0], N[-1], 50)
    for colour, point in zip(COLOURS, shown, strict=False):
        Q, err, converged = (point[name] for name in ("Q_abs", "Q_abs_err", "converged"))
        label = f"{equal(g=point['g'], beta=point['beta'])}: {VERDICTS[int(point['verdict'])]}"
        points(left, N, Q.values, err.values, converged.values > 0, colour, label)
        left.plot(fine, float(point["Q_abs_limit"]) + float(point["Q_abs_slope"]) / np.sqrt(fine), color=colour, lw=1.0)
        for first in Q.dropna("N")[:1]:
            guide = float(first) * (fine / float(first["N"])) ** -0.5
            left.plot(fine, guide, color="0.5", ls="--", lw=0.8, label=r"$N^{-1/2}$")
    left.set(xscale="log", yscale="log", xlabel="$N$", ylabel=r"$\mathrm{E}|Q|$")
    left.set_xticks(N, [f"{n:g}" for n in N])
    left.xaxis.set_minor_locator(NullLocator())
    left.yaxis.set_minor_formatter(NullFormatter())
    handles, labels = legend([left])
    left.legend(handles, labels, fontsize=7.5)
    _distribution(right, overlaps)
    title = f"{equal(g=last['g'], beta=last['beta'])}, all realisations"
    right.set(xlabel="overlap $Q$", ylabel="density", title=title)
    right.title.set_fontsize(9)
    title = rf"{equal(gamma=last['gamma'])}; lines: $a + b\,N^{{-1/2}}$; hollow: not converged"
    figure.suptitle(title, fontsize=9)
    return figure


def _distribution(ax: Axes, overlaps: dict[int, np.ndarray]) -> None:
    """Histograms of the overlap, one per N."""
    if not overlaps:
        missing(ax, "samples")
        return
    widest = max(float(np.abs(values).max()) for values in overlaps.values()) or 1.0
    bins = np.linspace(-widest, widest, 62).tolist()
    for i, (N, values) in enumerate(overlaps.items()):
        ax.hist(values, bins, density=True, histtype="step", color=shade(i, len(overlaps)), label=f"N = {N}", lw=1.2)
    ax.legend(fontsize=7.5)
