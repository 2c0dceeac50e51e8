"""Figure of replica exchange: acceptance of every link of the ladder, and round trips."""

from __future__ import annotations

import numpy as np
import xarray as xr
from matplotlib.figure import Figure

from nsslib.grid.sampling import sampled
from nsslib.report import catalogue
from nsslib.report.results import Results
from nsslib.report.style import COLOURS


def select(results: Results, figure: catalogue.Figure) -> dict[int, xr.Dataset]:
    """Exchange in one block at one gamma by N, mean over realisations."""
    found: dict[int, list[xr.Dataset]] = {}
    for shard in sampled(results.config):
        if (shard.block, shard.gamma) == (figure.block, figure.gamma):
            with results.shard(shard) as tree:
                data = tree["diagnostics"].to_dataset()[["exchange_beta", "exchange_g", "round_trips"]].load()
                steps = int(tree.attrs["steps"])  # fewer than the config's where diagnostics ended the run
            trips = data["round_trips"].mean("chain") * 1000.0 / steps
            found.setdefault(shard.N, []).append(data.drop_vars("round_trips").assign(per_1000=trips))
    return {N: sum(of_size[1:], of_size[0]) / len(of_size) for N, of_size in found.items()}


def draw(exchanges: dict[int, xr.Dataset]) -> Figure:
    """Draw maps of the acceptance in beta and in g, and bars for round trips, a row per N."""
    figure = Figure(figsize=(9.6, 2.3 * len(exchanges) + 0.6), layout="constrained")
    axes = figure.subplots(len(exchanges), 3, squeeze=False, width_ratios=(1, 1, 0.55))
    image = None
    for row, (N, data) in zip(axes, exchanges.items(), strict=True):
        for ax, axis, x, y in ((row[0], "beta", "beta_link", "g"), (row[1], "g", "beta", "g_link")):
            rates = data[f"exchange_{axis}"]
            if rates.size:
                borders = np.exp(_borders(np.log(data[x].values))), _borders(data[y].values)
                image = ax.pcolormesh(*borders, rates.transpose(y, x), vmin=0.0, vmax=0.8, cmap="viridis")
            ax.set(xscale="log", ylabel="$g$", title=f"N = {N}: acceptance in {axis}")
            ax.grid(False)
        row[2].bar(["beta", "g"], data["per_1000"].values, color=COLOURS[:2], width=0.6)
        row[2].set(title="round trips", ylabel="per 1000 steps")
        for ax in row:
            ax.title.set_fontsize(9)
    for ax in axes[-1, :2]:
        ax.set_xlabel(r"$\beta$")
    if image is not None:
        figure.colorbar(image, ax=axes[:, :2], label="acceptance")
    return figure


def _borders(x: np.ndarray) -> np.ndarray:
    """Borders of cells about (n,) values: (n + 1,) middles."""
    if len(x) == 1:
        return np.array([x[0] - 0.05, x[0] + 0.05])
    inner = 0.5 * (x[1:] + x[:-1])
    return np.concatenate([[2 * x[0] - inner[0]], inner, [2 * x[-1] - inner[-1]]])
