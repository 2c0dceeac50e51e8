"""Figure of convergence: by how much every point meets the limits, and whether chains get round."""

from __future__ import annotations

from dataclasses import dataclass

import matplotlib as mpl
import numpy as np
import xarray as xr
from matplotlib.axes import Axes
from matplotlib.colors import ListedColormap
from matplotlib.figure import Figure
from matplotlib.image import AxesImage
from matplotlib.ticker import StrMethodFormatter
from numpy.typing import NDArray

from nsslib.analysis.chains.convergence import AXES
from nsslib.config.schema import Convergence
from nsslib.grid.axes import text
from nsslib.report import catalogue
from nsslib.report.results import Results
from nsslib.report.style import COLOURS, equal

_FACTOR, _STEPS = 2.0, 3
"""Colours reach _STEPS factors to both sides of a limit."""
_LABELS, _CHARACTERS = 6, 18
"""Most values up the side of a panel, and most characters of values below it."""
_COLOURS = ListedColormap(mpl.colormaps["RdBu_r"](np.linspace(0.08, 0.92, 256)))
"""Blue to red, safe for colour-blind readers; without the darkest ends, on which a dot would not show."""


@dataclass(frozen=True)
class _Criterion:
    """A row of the figure.

    Attributes
    ----------
    label : str
    limit : float
    least : float
        Value of the criterion for perfect chains, that factors are counted from.
    sign : int
        1 if small values are good, -1 if large ones are.
    """

    label: str
    limit: float
    least: float = 0.0
    sign: int = 1

    def beyond(self, values: NDArray[np.float64]) -> NDArray[np.float64]:
        """Factors _FACTOR by which values are on the bad side of the limit, no more than colours show."""
        # R-hat of finite chains may fall below 1, and a limit on the sample size may be 0.
        above, allowed = (np.maximum(v - self.least, 1e-9) for v in (values, self.limit))
        return np.clip(self.sign * np.log(above / allowed) / np.log(_FACTOR), -2.0 * _STEPS, 2.0 * _STEPS)

    def value(self, beyond: int) -> float:
        """Value that is so many factors beyond the limit."""
        return self.least + (self.limit - self.least) * _FACTOR ** (self.sign * beyond)


def select(results: Results, figure: catalogue.Figure) -> tuple[xr.Dataset, Convergence]:
    """Criteria and what is converged, dims (N, g, beta), and round trips, with dim seed; the limits of the config."""
    table, criteria, realisations = (
        results.at(figure.gamma, "order_parameters", group) for group in ("/", "/convergence", "/per_seed")
    )
    data = table[["converged", "converged_seeds"]].assign(criteria[["rhat", "ess", "cold_hot"]])
    return data.assign(realisations[[f"round_trips_{axis}" for axis in AXES]]), results.config.convergence


def draw(selected: tuple[xr.Dataset, Convergence]) -> Figure:
    """Draw a row of maps for every criterion and one of round trips, a column per N."""
    data, limits = selected
    criteria = {
        "rhat": _Criterion(r"split $\hat R$", limits.rhat, least=1.0),
        "ess": _Criterion("effective sample size", limits.ess, sign=-1),
        "cold_hot": _Criterion("cold/hot difference", limits.cold_hot),
    }
    sizes = data["N"].values
    figure = Figure(figsize=(1.75 * max(len(sizes), 2) + 1.6, 7.4), layout="constrained")
    axes = figure.subplots(len(criteria) + 1, len(sizes), squeeze=False, sharey="row", height_ratios=(1, 1, 1, 0.8))
    for row, (name, criterion) in zip(axes, criteria.items(), strict=False):
        for ax, N in zip(row, sizes, strict=True):
            image = _map(ax, data.sel(N=N), name, criterion)
        _colour_bar(figure, row, image, criterion)
        row[0].set_ylabel("coupling strength $g$")
    for ax, N in zip(axes[0], sizes, strict=True):
        ax.set_title(f"N = {N}", fontsize=10)
    for ax in axes[:-2].ravel():
        ax.tick_params(labelbottom=False)
    for ax in axes[-2]:
        ax.set_xlabel(r"inverse temperature $\beta$")
    _round_trips(axes[-1], data)
    share = f"{100.0 * limits.share:g} % of realisations"
    title = f"{equal(gamma=data['gamma'])}; value met by {share}; dot: not converged"
    figure.suptitle(title, fontsize=9, color="0.35")
    return figure


def _map(ax: Axes, data: xr.Dataset, name: str, criterion: _Criterion) -> AxesImage:
    """One criterion at one N, with a dot at every sampled point that is not converged."""
    data = data.transpose("g", "beta", ...)
    beyond = criterion.beyond(data[name].values)
    image = ax.imshow(beyond, origin="lower", aspect="auto", cmap=_COLOURS, vmin=-_STEPS, vmax=_STEPS)
    rows, columns = np.nonzero(data["converged_seeds"].notnull().values & ~(data["converged"].values > 0))
    ax.plot(columns, rows, "o", ms=3, mfc="black", mec="white", mew=0.4, ls="none")
    ax.set_facecolor("0.85")
    for axis, dim in ((ax.xaxis, "beta"), (ax.yaxis, "g")):
        labels = [text(v) for v in data[dim].values.tolist()]
        room = _LABELS if dim == "g" else max(2, _CHARACTERS // max(map(len, labels)))
        shown = range(0, len(labels), -(-len(labels) // room))
        axis.set_ticks(shown, [labels[k] for k in shown])
    ax.tick_params(labelsize=8)
    ax.grid(False)
    return image


def _colour_bar(figure: Figure, row: NDArray[np.object_], image: AxesImage, criterion: _Criterion) -> None:
    """Colour bar of a row, whose middle is the limit."""
    bar = figure.colorbar(image, ax=row.tolist(), extend="both", label=criterion.label, pad=0.02)
    steps = range(-_STEPS, _STEPS + 1)
    bar.set_ticks(steps, labels=[f"{criterion.value(k):.4g}" for k in steps])
    bar.ax.axhline(0.0, color="black", lw=1)
    bar.ax.tick_params(labelsize=8)
    bar.ax.get_yticklabels()[_STEPS].set_fontweight("bold")


def _round_trips(row: NDArray[np.object_], data: xr.Dataset) -> None:
    """A circle per realisation, along beta and along g; a bar at the median."""
    largest = 1.0
    for ax, N in zip(row, data["N"].values, strict=True):
        for k, axis in enumerate(AXES):
            trips = _of_shards(data[f"round_trips_{axis}"].sel(N=N))
            if not trips.size:
                box = {"fc": "white", "ec": "none", "pad": 1.0}
                ax.text(k, 0.5, "no exchange", transform=ax.get_xaxis_transform(), ha="center", fontsize=8, bbox=box)
                continue
            spread = k + np.linspace(-0.25, 0.25, trips.size) if trips.size > 1 else np.array([float(k)])
            ax.plot(spread, trips, "o", ms=3.5, color=COLOURS[k], alpha=0.8, mew=0, clip_on=False, zorder=3)
            ax.hlines(np.median(trips), k - 0.35, k + 0.35, color="black", lw=1)
            largest = max(largest, trips.max())
        ax.axhline(1.0, color="0.6", lw=0.8, ls="--")
        ax.set_xticks(range(len(AXES)), [r"in $\beta$", "in $g$"])
        ax.set_xlim(-0.6, 1.6)
        ax.set_yscale("symlog", linthresh=0.1)
        ax.tick_params(labelsize=8)
    row[0].set(ylim=(0.0, 1.6 * largest), ylabel="round trips a chain")
    row[0].yaxis.set_major_formatter(StrMethodFormatter("{x:g}"))


def _of_shards(trips: xr.DataArray) -> NDArray[np.float64]:
    """The number of every shard once: it is the same at all its points."""
    return np.concatenate([np.unique(of[np.isfinite(of)]) for of in trips.transpose("seed", ...).values])
