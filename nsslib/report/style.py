"""What figures share: palette, style, points with error bars, legends and texts."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np
from matplotlib.artist import Artist
from matplotlib.axes import Axes
from matplotlib.typing import ColorType

from nsslib.grid.axes import text

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

_SYMBOLS = {"gamma": r"\gamma", "N": "N", "g": "g", "beta": r"\beta"}


def equal(**coordinates: Any) -> str:
    r"""Coordinates and their values in mathtext: "$g$ = 0.5, $\beta$ = 2"."""
    return ", ".join(f"${_SYMBOLS[name]}$ = {text(float(value))}" for name, value in coordinates.items())


def shade(index: int, count: int) -> tuple[float, float, float]:
    """Blue, darker for larger N."""
    light, dark = np.array([0.55, 0.75, 0.95]), np.array([0.02, 0.13, 0.33])
    r, g, b = light + (dark - light) * (index / (count - 1) if count > 1 else 1.0)
    return float(r), float(g), float(b)


def points(
    ax: Axes, x: np.ndarray, y: np.ndarray, err: np.ndarray, good: np.ndarray, colour: ColorType, label: str
) -> None:
    """Circles with error bars: filled where converged, hollow elsewhere."""
    for mask, face, name in ((good, colour, label), (~good, "white", None if good.any() else label)):
        shown = mask & np.isfinite(y)
        if shown.any():
            ax.errorbar(
                x[shown], y[shown], err[shown], fmt="o", ms=4, mfc=face, mec=colour, ecolor=colour, elinewidth=1,
                capsize=0, label=name, zorder=3,
            )  # fmt: skip


def legend(axes: Iterable[Axes]) -> tuple[list[Artist], list[str]]:
    """Handles and labels of a legend with one entry a label over all panels."""
    entries: dict[str, Artist] = {}
    for ax in axes:
        for handle, label in zip(*ax.get_legend_handles_labels(), strict=True):
            entries.setdefault(label, handle)
    return list(entries.values()), list(entries)


def missing(ax: Axes, what: str) -> None:
    """Say in a panel why it is empty."""
    ax.text(0.5, 0.5, f"not enough {what}", transform=ax.transAxes, ha="center", va="center", color="0.4")
