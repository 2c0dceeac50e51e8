"""Figures: datasets in, figure out. Theory as lines, data as points, flagged cells hollow."""

from __future__ import annotations

from typing import Any

import matplotlib as mpl
import numpy as np
import xarray as xr
from matplotlib.artist import Artist
from matplotlib.axes import Axes
from matplotlib.colors import TwoSlopeNorm
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle
from matplotlib.typing import ColorType

from nsslib.grid.axes import text
from nsslib.model.observables import OBSERVABLES

COLOURS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#000000")
"""Okabe and Ito's palette, safe for colour-blind readers."""

STYLE: dict[Any, Any] = {
    "font.size": 9,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.grid": True,
    "grid.color": "0.92",
    "axes.axisbelow": True,
    "legend.frameon": False,
    "lines.linewidth": 1.3,
    "svg.hashsalt": "nsslib",
}


def _shade(index: int, count: int) -> tuple[float, float, float]:
    """Blue, darker for larger N."""
    light, dark = np.array([0.55, 0.75, 0.95]), np.array([0.02, 0.13, 0.33])
    r, g, b = light + (dark - light) * (index / (count - 1) if count > 1 else 1.0)
    return float(r), float(g), float(b)


def _points(
    ax: Axes, x: np.ndarray, y: np.ndarray, err: np.ndarray, good: np.ndarray, colour: ColorType, label: str
) -> None:
    """Points with error bars: filled where converged, hollow elsewhere."""
    for mask, face, name in ((good, colour, label), (~good, "white", None if good.any() else label)):
        shown = mask & np.isfinite(y)
        if shown.any():
            ax.errorbar(
                x[shown], y[shown], err[shown], fmt="o", ms=4, mfc=face, mec=colour, ecolor=colour, elinewidth=1,
                capsize=0, label=name, zorder=3,
            )  # fmt: skip


def order_parameters(table: xr.Dataset, theory: xr.Dataset) -> Figure:
    """Order parameters against g, a row each, a column per beta.

    Parameters
    ----------
    table : Dataset
        Order parameters at one gamma, dims (N, g, beta).
    theory : Dataset
        Replica values at the same gamma and betas on a fine grid of g, dims (g, beta).
    """
    names = ("q", "R_int", "Y", "Q_abs", "log_z")
    betas = table["beta"].values
    figure = Figure(figsize=(2.3 * len(betas) + 0.8, 1.7 * len(names) + 0.8), layout="constrained")
    axes = figure.subplots(len(names), len(betas), sharex=True, squeeze=False)
    for row, name in enumerate(names):
        for column, beta in enumerate(betas):
            ax, cell = axes[row, column], table.sel(beta=beta)
            ax.plot(theory["g"], theory[name].sel(beta=beta), color="black", label="replica theory")
            for i, N in enumerate(table["N"].values):
                at = cell.sel(N=N)
                good = at["converged"].values > 0
                _points(
                    ax,
                    at["g"].values,
                    at[name].values,
                    at[f"{name}_err"].values,
                    good,
                    _shade(i, table.sizes["N"]),
                    f"N = {N}",
                )
            if row == 0:
                ax.set_title(rf"$\beta$ = {text(beta)}", fontsize=10)
            if row == len(names) - 1:
                ax.set_xlabel("coupling strength $g$")
        axes[row, 0].set_ylabel(OBSERVABLES[name].label)
    handles, labels = _legend(axes.ravel())
    title = rf"$\gamma$ = {text(float(table['gamma']))}; hollow: not converged"
    figure.legend(handles, labels, loc="outside upper center", ncols=len(labels), title=title)
    return figure


def _legend(axes: np.ndarray) -> tuple[list[Artist], list[str]]:
    """One handle a label over all panels."""
    found: dict[str, Artist] = {}
    for ax in axes:
        for handle, label in zip(*ax.get_legend_handles_labels(), strict=True):
            found.setdefault(label, handle)
    return list(found.values()), list(found)


def scaling(table: xr.Dataset, theory: xr.Dataset, g_c: float) -> Figure:
    """Activity q against beta at several g, with the predicted slopes.

    Parameters
    ----------
    table : Dataset
        Order parameters at one gamma, dims (N, g, beta).
    theory : Dataset
        Replica values on a fine grid of beta at the g of the table, dims (g, beta).
    g_c : float
        Edge of chaos.
    """
    figure = Figure(figsize=(6.2, 4.4), layout="constrained")
    ax = figure.subplots()
    largest = table.isel(N=-1)
    values = table["g"].values
    picked = np.unique(np.linspace(0, len(values) - 1, min(5, len(values))).round().astype(int))
    for colour, g in zip(COLOURS, values[picked], strict=False):
        at = largest.sel(g=g)
        ax.plot(theory["beta"], theory["q"].sel(g=g), color=colour)
        good = at["converged"].values > 0
        _points(ax, at["beta"].values, at["q"].values, at["q_err"].values, good, colour, f"g = {text(g)}")
    beta = theory["beta"].values[-(theory.sizes["beta"] // 3) :]
    for slope, g in ((-1.0, values[0]), (-0.5, g_c), (0.0, values[-1])):
        nearest = theory["q"].sel(g=g, method="nearest").values[-1]
        guide = nearest * (beta / beta[-1]) ** slope
        ax.plot(beta, 1.35 * guide, color="0.4", ls="--", lw=0.9)
        ax.annotate(f"slope {slope:g}", (beta[0], 1.45 * guide[0]), fontsize=8, color="0.35")
    ax.set(xscale="log", yscale="log", xlabel=r"inverse temperature $\beta$", ylabel=OBSERVABLES["q"].label)
    ax.legend(title=f"samples, N = {int(largest['N'])}", loc="lower left")
    ax.set_title(rf"$\gamma$ = {text(float(table['gamma']))}; lines: replica theory; hollow: not converged", fontsize=9)
    return figure


def extrapolation(table: xr.Dataset, fits: xr.Dataset, names: tuple[str, ...] = ("q", "R_int", "Y", "Q2")) -> Figure:
    """Finite-size fit of one cell.

    Parameters
    ----------
    table : Dataset
        Order parameters of one cell, dim N.
    fits : Dataset
        Extrapolated values of the same cell, no dims.
    """
    figure = Figure(figsize=(2.9 * len(names), 3.1), layout="constrained")
    x = 1.0 / table["N"].values
    fine = np.linspace(0.0, 1.05 * x.max(), 200)
    for ax, name in zip(figure.subplots(1, len(names)), names, strict=True):
        good = table["converged"].values > 0
        _points(ax, x, table[name].values, table[f"{name}_err"].values, good, COLOURS[0], "samples")
        value, slope, omega, z = (float(fits[f"{name}{s}"]) for s in ("", "_slope", "_omega", "_z"))
        fitted = 1.0 / fine[1:] >= 0.999 * float(fits[f"{name}_N_min"])
        curve = value + slope * np.append(0.0, fine[1:] ** omega)
        ax.plot(fine[:1].tolist() + fine[1:][fitted].tolist(), curve[np.append(True, fitted)], color=COLOURS[0])
        trusted = np.array([bool(fits["converged"] > 0) and bool(fits[f"{name}_enough"] > 0)])
        origin, at_zero, err = (np.array([float(v)]) for v in (0.0, value, fits[f"{name}_err"]))
        _points(ax, origin, at_zero, err, trusted, COLOURS[1], "extrapolated")
        ax.plot(0.0, float(fits[f"{name}_theory"]), "D", ms=7, mfc="none", mec="black", mew=1.4, clip_on=False)
        ax.set(xlabel="$1/N$", title=rf"{OBSERVABLES[name].label}, $\omega$ = {omega:.3g}, z = {z:.1f}")
        ax.title.set_fontsize(9)
    where = ", ".join(
        rf"$\{k}$ = {text(float(fits[k]))}" if k != "g" else f"$g$ = {text(float(fits[k]))}"
        for k in ("gamma", "g", "beta")
    )
    figure.suptitle(f"{where}; diamond: replica theory", fontsize=9, color="0.35")
    return figure


def effective(table: xr.Dataset) -> Figure:
    """Fitted g, at the simulated beta, against simulated g, and the difference of the two.

    Parameters
    ----------
    table : Dataset
        Effective parameters at one gamma, dims (g, beta).
    """
    figure = Figure(figsize=(8.6, 4.0), layout="constrained")
    left, right = figure.subplots(1, 2)
    g, betas = table["g"].values, table["beta"].values
    step = float(np.diff(g).min(initial=0.2))
    shifts = 0.5 * step * (np.arange(len(betas)) - 0.5 * (len(betas) - 1)) / len(betas)
    colours = mpl.colormaps["viridis"](np.linspace(0.0, 0.9, len(betas)))
    for beta, shift, colour in zip(betas, shifts, colours, strict=True):
        at = table.sel(beta=beta)
        fitted, err, good = at["g_fit"].values, at["g_fit_err"].values, at["converged"].values > 0
        _points(left, g, fitted, err, good, tuple(colour), text(beta))
        _points(right, g + shift, fitted - g, err, good, tuple(colour), text(beta))
    left.axline((float(g[0]), float(g[0])), slope=1.0, color="black", lw=1, zorder=1)
    right.axhline(0.0, color="black", lw=1, zorder=1)
    limits = g[0] - step, g[-1] + step
    left.set(xlabel="simulated $g$", ylabel="fitted $g$", xlim=limits, ylim=limits)
    right.set(xlabel="simulated $g$", ylabel="fitted less simulated $g$", xlim=limits)
    handles, labels = _legend(np.array([left, right]))
    if handles:
        figure.legend(handles, labels, loc="outside right upper", title=r"$\beta$")
    points, share = int(table["points"]), float(table["within_2"])
    verdict = (
        rf"{share:.0%} of {points} converged points within $2\sigma$" if points else "no converged point is fitted"
    )
    figure.suptitle(rf"$\gamma$ = {text(float(table['gamma']))}; {verdict}", fontsize=9, color="0.35")
    return figure


def z_scores(fits: xr.Dataset, names: tuple[str, ...] = ("q", "R_int", "Y", "Q2", "log_z")) -> Figure:
    """Distance from theory of every cell.

    Parameters
    ----------
    fits : Dataset
        Fits at one gamma, dims (g, beta).
    """
    figure = Figure(figsize=(2.9 * len(names) + 0.6, 3.4), layout="constrained")
    axes = figure.subplots(1, len(names), sharey=True, squeeze=False)[0]
    g, beta = fits["g"].values, fits["beta"].values
    for ax, name in zip(axes, names, strict=True):
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


def exchange(diagnostics: dict[int, xr.Dataset]) -> Figure:
    """Exchange rates and round trips.

    Parameters
    ----------
    diagnostics : dict of N to Dataset
        The /diagnostics of a block, averaged over its disorder samples.
    """
    figure = Figure(figsize=(9.6, 2.3 * len(diagnostics) + 0.6), layout="constrained")
    axes = figure.subplots(len(diagnostics), 3, squeeze=False, width_ratios=(1, 1, 0.55))
    image = None
    for row, (N, data) in zip(axes, diagnostics.items(), strict=True):
        for ax, name, x, y in ((row[0], "exchange_beta", "beta_link", "g"), (row[1], "exchange_g", "beta", "g_link")):
            if data[name].size:
                image = ax.pcolormesh(*_edges(data[x], data[y]), data[name].values, vmin=0.0, vmax=0.8, cmap="viridis")
            ax.set(xscale="log", ylabel="$g$", title=f"N = {N}: acceptance in {'g' if y == 'g_link' else 'beta'}")
            ax.grid(False)
        trips = [data["round_trips_per_1000"].values[k] for k in (0, 1)]
        row[2].bar(["beta", "g"], trips, color=COLOURS[:2], width=0.6)
        row[2].set_title("round trips per 1000")
        for ax in row:
            ax.title.set_fontsize(9)
    for ax in axes[-1, :2]:
        ax.set_xlabel(r"$\beta$")
    if image is not None:
        figure.colorbar(image, ax=axes[:, :2], label="acceptance")
    return figure


def _edges(x: xr.DataArray, y: xr.DataArray) -> tuple[np.ndarray, np.ndarray]:
    """Cell borders: geometric middles in x, arithmetic ones in y."""

    def middles(v: np.ndarray) -> np.ndarray:
        if len(v) == 1:
            return np.array([v[0] - 0.05, v[0] + 0.05])
        inner = 0.5 * (v[1:] + v[:-1])
        return np.concatenate([[2 * v[0] - inner[0]], inner, [2 * v[-1] - inner[-1]]])

    return np.exp(middles(np.log(x.values))), middles(y.values)
