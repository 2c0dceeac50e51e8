"""Figures: published, protocol and converged values. Lines are converged, squares published, dots the protocol."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import NamedTuple

import numpy as np
import xarray as xr
from matplotlib.artist import Artist
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import LogLocator, NullFormatter
from numpy.typing import ArrayLike

from nsslib.report.style import COLOURS
from nsslib.theory.mean_field.static import static_mean_field
from nsslib.theory.replica import linear_phase, solve
from nsslib.theory.replica.fluctuation_response import SampledIdentity, connected_correlation, fluctuation_response
from reproductions.qiu_huang_2024.experiments import Experiments, G

LABELS = {
    "q": "activity $q$",
    "Q": "overlap $Q$",
    "r": "response $r$",
    "R": "response overlap $R$",
    "l2": r"norm $\langle x^2\rangle$",
    "chi": r"$\chi = \beta (q - Q)$",
    "minus_xi": r"$-\xi = \sqrt{\beta}\,(r - R)$",
    "C_static_dmft": "static activity $C$",
    "R_static_dmft": "static response $R$",
}
PUBLISHED, PROTOCOL, CONVERGED = COLOURS[1], COLOURS[0], "black"
COUPLING = "coupling strength $g$"
ORDER = ("q", "Q", "r", "R", "qh", "Qh")


def _select(table: xr.Dataset, **at: float | str) -> xr.Dataset:
    mask = np.logical_and.reduce([table[name].values == value for name, value in at.items()])
    return table.isel(point=np.flatnonzero(mask))


def _points(ax: Axes, part: xr.Dataset, axis: str) -> None:
    """Published values with reading errors; the protocol with the range of its seeds."""
    x = part[axis].values
    ax.errorbar(
        x, part["published"], part["reading_error"], fmt="s", ms=4.5, mfc="none", mec=PUBLISHED, ecolor=PUBLISHED,
        label="published", zorder=3,
    )  # fmt: skip
    if np.isfinite(part["protocol"]).any():
        mean = part["protocol"].values
        bars = np.array([mean - part["protocol_low"].values, part["protocol_high"].values - mean])
        ax.errorbar(
            x, mean, bars, fmt="o", ms=3, color=PROTOCOL, elinewidth=1.2, label="protocol, range of seeds", zorder=4
        )


def _legend(figure: Figure, axes: Iterable[Axes], title: str | None = None) -> None:
    handles: dict[str, Artist] = {}
    for ax in axes:
        for handle, label in zip(*ax.get_legend_handles_labels(), strict=True):
            handles.setdefault(label, handle)
    figure.legend(list(handles.values()), list(handles), loc="outside upper center", ncols=len(handles), title=title)


def against_g(table: xr.Dataset) -> Figure:
    """Order parameters against g at beta = 1e4 (figure 5).

    Parameters
    ----------
    table : Dataset
        From `compare`.
    """
    part = _select(table, figure=5)
    gammas = np.unique(part["gamma"])
    figure = Figure(figsize=(9.2, 8.6), layout="constrained")
    axes = figure.subplots(4, len(gammas), sharex=True)
    g = np.linspace(0.4, 1.2, 81)
    theory = solve(g, 1e4, gammas)
    for (row, column), ax in np.ndenumerate(axes):
        name, gamma = ("q", "Q", "r", "R")[row], float(gammas[column])
        ax.plot(g, theory[name].sel(gamma=gamma), color=CONVERGED, label="converged")
        _points(ax, _select(part, quantity=name, gamma=gamma), "g")
        if row == 0:
            ax.set_title(rf"$\gamma$ = {gamma:g}", fontsize=10)
        if column == 0:
            ax.set_ylabel(LABELS[name])
    for ax in axes[-1]:
        ax.set_xlabel(COUPLING)
    _legend(figure, axes.ravel(), r"figure 5: $\beta = 10^4$")
    return figure


def against_beta(table: xr.Dataset) -> Figure:
    """Activity and norm against beta at gamma = 0 (figures 6 and 7).

    Parameters
    ----------
    table : Dataset
        From `compare`.
    """
    figure = Figure(figsize=(9.2, 3.6), layout="constrained")
    axes = figure.subplots(1, 3)
    beta = np.geomspace(100.0, 1e4, 41)
    for ax, (number, name, g) in zip(axes, ((6, "q", 0.98), (6, "q", 1.0), (7, "l2", 1.2)), strict=True):
        ax.plot(beta, solve(g, beta)[name], color=CONVERGED, label="converged")
        _points(ax, _select(table, figure=number, g=g), "beta")
        ax.set(xscale="log", yscale="log", xlabel=r"inverse temperature $\beta$", ylabel=LABELS[name])
        ax.yaxis.set_major_locator(LogLocator(subs=(1.0, 2.0, 5.0)))
        ax.yaxis.set_major_formatter(lambda value, _: f"{value:g}")
        ax.yaxis.set_minor_formatter(NullFormatter())
        ax.set_title(f"figure {number}: $g$ = {g:g}", fontsize=9)
    _legend(figure, axes, r"$\gamma = 0$")
    return figure


def overlaps(table: xr.Dataset, runs: Experiments) -> Figure:
    """Activity and overlap at gamma = 0, beta = 1e4 (figure 8), and how they come about.

    Parameters
    ----------
    table : Dataset
        From `compare`.
    runs : Experiments
        From `experiments`.
    """
    figure = Figure(figsize=(9.2, 3.6), layout="constrained")
    axes = figure.subplots(1, 3)
    g = np.linspace(0.9, 1.2, 61)
    theory = solve(g, 1e4)
    for ax, name in zip(axes[:2], ("q", "Q"), strict=True):
        ax.plot(g, theory[name], color=CONVERGED, label="converged")
        _points(ax, _select(table, figure=8, quantity=name), "g")
        ax.set(xlabel=COUPLING, ylabel=LABELS[name])
        ax.set_title("figure 8", fontsize=9)
    for run, colour, label in (
        (runs.quadrature, CONVERGED, "exact averages"),
        (runs.sampled, PROTOCOL, "frozen samples"),
    ):
        ratio = [state.Q / state.q for state in run.path[1:]]
        axes[2].plot(range(1, len(run.path)), ratio, color=colour, label=label)
    axes[2].axvline(100, color="0.5", ls=":", lw=1)
    axes[2].annotate("stopping rule ", (100, 2e-6), fontsize=8, color="0.35", ha="right")
    axes[2].set(xscale="log", yscale="log", xlabel="iteration", ylabel="$Q/q$", ylim=(1e-6, 30.0))
    axes[2].set_title(f"one iteration, two averages, $g$ = {G:g}", fontsize=9)
    axes[2].legend(loc="upper left", fontsize=8)
    _legend(figure, axes[:2], r"$\gamma = 0$, $\beta = 10^4$")
    return figure


def zero_temperature(table: xr.Dataset) -> Figure:
    """Zero-temperature values against g (figure 10).

    Parameters
    ----------
    table : Dataset
        From `compare`.
    """
    part = _select(table, figure=10)
    panels = (("q", 0.0), ("q", 0.2), ("q", 0.5), ("minus_xi", 0.0), ("chi", 0.0))
    figure = Figure(figsize=(9.2, 5.6), layout="constrained")
    axes = figure.subplots(2, 3)
    for ax, (name, gamma) in zip(axes.ravel(), panels, strict=False):
        shown = _select(part, quantity=name, gamma=gamma)
        g = np.linspace(float(shown["g"].min()), float(shown["g"].max()), 61)
        if name == "chi":
            value = linear_phase(g, gamma).beta_q
            ax.set_ylim(0.0, 60.0)
            ax.axvline(1.0, color="0.6", ls=":", lw=1)
        else:
            value = solve(g, np.inf, gamma)["q" if name == "q" else "R_int"].values
        ax.plot(g, np.where(np.isfinite(value), value, np.nan), color=CONVERGED, label="converged")
        _points(ax, shown, "g")
        ax.set(xlabel=COUPLING, ylabel=LABELS[name])
        ax.set_title(rf"$\gamma$ = {gamma:g}", fontsize=9)
    axes[1, 2].axis("off")
    axes[1, 2].text(
        0.0, 0.6, "converged $\\chi$: $1/(1 - g^2)$ below $g = 1$,\ninfinite from there on", fontsize=9, color="0.25"
    )
    _legend(figure, axes.ravel()[:5], r"figure 10: $\beta = \infty$")
    return figure


def static_dmft(table: xr.Dataset) -> Figure:
    """Static mean field of the network (figure 11), and the replica values at beta = inf.

    Parameters
    ----------
    table : Dataset
        From `compare`.
    """
    part = _select(table, figure=11)
    gammas = np.unique(part["gamma"])
    figure = Figure(figsize=(9.2, 5.2), layout="constrained")
    axes = figure.subplots(2, len(gammas), sharex="col")
    for column, gamma in enumerate(gammas):
        shown = _select(part, gamma=gamma)
        g = np.linspace(float(shown["g"].min()) - 0.08, float(shown["g"].max()) + 0.05, 41)
        exact_response = np.array([static_mean_field(value, gamma)[:2] for value in g])
        replica = solve(g, np.inf, gamma)
        for row, (name, other) in enumerate((("C_static_dmft", "q"), ("R_static_dmft", "R_int"))):
            ax = axes[row, column]
            ax.plot(g, exact_response[:, row], color=CONVERGED, label="converged, exact response")
            ax.plot(g, replica[other], color=COLOURS[2], ls="--", label=r"replica theory ($q$, $R_\mathrm{int}$)")
            _points(ax, _select(shown, quantity=name), "g")
            if column == 0:
                ax.set_ylabel(LABELS[name])
        axes[0, column].set_title(rf"$\gamma$ = {gamma:g}", fontsize=9)
        axes[1, column].set_xlabel(COUPLING)
    _legend(figure, axes.ravel(), "figure 11")
    return figure


class Measured(NamedTuple):
    """Both sides of the finite-N relation at one cell: means and errors over disorder."""

    N: int
    g: float
    mean: SampledIdentity
    error: SampledIdentity


def fluctuation_response_figure(
    measured: Sequence[Measured] = (),
    g: ArrayLike | None = None,
    betas: Sequence[float] = (10.0, 100.0, 1e3),
    gammas: tuple[float, float] = (0.0, -0.5),
    sampled_at: tuple[float, float] = (10.0, 0.0),
) -> Figure:
    """sigma_xphi from the responses (lines) and by integration over one site (crosses); samples beside it.

    Parameters
    ----------
    measured : sequence of Measured
        Samples at the (beta, gamma) of `sampled_at`; the third panel is left out if there are none.
    g : 1-D array, optional
        Coupling strengths of the lines.
    betas : sequence of float
        Inverse temperatures.
    gammas : pair of float
        Reciprocities of the first two panels; overlaps are finite at the second's default from g = 2 on.
    sampled_at : (float, float)
        (beta, gamma) of the samples.
    """
    figure = Figure(figsize=(9.2 if measured else 6.4, 3.8), layout="constrained")
    axes = figure.subplots(1, 3 if measured else 2)
    for ax, gamma in zip(axes, gammas, strict=False):
        values = np.linspace(0.6, 1.4 / (1.0 + gamma), 17) if g is None else np.asarray(g, dtype=np.float64)
        for colour, beta in zip(COLOURS, betas, strict=False):
            s = solve(values, beta, gamma)
            sigma = fluctuation_response(s["q"], s["Q"], s["r"], s["R"], values, beta, gamma)
            ax.plot(values, sigma, color=colour, label=rf"$\beta$ = {beta:g}")
            for i in range(0, len(values), 2):
                order = [float(s[k][i]) for k in ORDER]
                direct = connected_correlation(order, float(values[i]), beta, gamma)
                ax.plot(values[i], direct, "x", color=colour, ms=6)
        ax.set(xlabel=COUPLING, ylabel=r"$\sigma_{x\phi}$", yscale="log")
        ax.set_title(rf"theory, $\gamma$ = {gamma:g}; crosses: direct", fontsize=9)
    axes[0].legend(fontsize=8)
    if measured:
        _samples(axes[2], measured, *sampled_at)
    return figure


def _samples(ax: Axes, measured: Sequence[Measured], beta: float, gamma: float) -> None:
    values = np.linspace(min(m.g for m in measured), max(m.g for m in measured), 41)
    s = solve(values, beta, gamma)
    theory = fluctuation_response(s["q"], s["Q"], s["r"], s["R"], values, beta, gamma)
    ax.plot(values, theory, color=CONVERGED, label=r"theory, $N \to \infty$")
    for colour, N in zip(COLOURS, sorted({m.N for m in measured}), strict=False):
        chosen = [m for m in measured if m.N == N]
        at, half = np.array([m.g for m in chosen]), 0.006
        for shift, side, marker in ((-half, 0, "o"), (half, 1, "s")):
            label = rf"{('correlation', 'responses')[side]}, $N$ = {N}"
            ax.errorbar(
                at + shift, [m.mean[side] for m in chosen], [m.error[side] for m in chosen], fmt=marker, ms=4,
                mfc="none" if side else colour, color=colour, label=label,
            )  # fmt: skip
    ax.set(xlabel=COUPLING)
    ax.set_title(rf"samples, $\beta$ = {beta:g}, $\gamma$ = {gamma:g}", fontsize=9)
    ax.legend(fontsize=7)
