"""From the tables of a sweep to its figure files."""

from __future__ import annotations

import re
from pathlib import Path

import matplotlib as mpl
import numpy as np
import xarray as xr
from matplotlib.figure import Figure

from nsslib.analysis.sizes.extrapolation import replica_value
from nsslib.config.schema import Config
from nsslib.grid.sampling import sampled
from nsslib.report import plotting, plotting_convergence, plotting_science
from nsslib.report.catalogue import BETAS_PER_PAGE, figures
from nsslib.storage import store
from nsslib.theory.replica import solve, transition

DPI = 150


def draw_sweep(config: Config, results: Path) -> list[Path]:
    """Draw every figure of a sweep; returns the files written."""
    return [file for name in figures(config) for file in draw(config, results, name)]


def draw(config: Config, results: Path, name: str) -> list[Path]:
    """Draw one figure of the catalogue as SVG and PNG."""
    kind, _, options = name.partition("/")
    with mpl.rc_context(plotting.STYLE):
        figure = _FIGURES[kind](config, results, options)
        files = [results / "figures" / f"{name}.{suffix}" for suffix in ("svg", "png")]
        files[0].parent.mkdir(parents=True, exist_ok=True)
        figure.savefig(files[0], metadata={"Date": None})
        figure.savefig(files[1], dpi=DPI)
    return files


def _option(options: str, key: str) -> float:
    """Value of ``key=value`` in the name of a figure."""
    found = re.search(rf"(?:^|/){key}=([^/]+)", options)
    return float(found[1]) if found else 1.0


def _table(results: Path, kind: str, options: str, group: str = "/") -> xr.Dataset:
    """A table at one gamma: the sizes, couplings and temperatures that were sampled there."""
    gamma = _option(options, "gamma")
    sampled = store.read_table(results, "order_parameters")["n_seeds"].sel(gamma=gamma) > 0
    table = store.read_table(results, kind, group).sel(gamma=gamma)
    axes = [str(d) for d in sampled.dims]
    there = {d: sampled.any([e for e in axes if e != d]) for d in axes if d in table.dims}
    return table.isel({d: np.flatnonzero(values) for d, values in there.items()})


def _order_parameters(config: Config, results: Path, options: str) -> Figure:
    table = _table(results, "order_parameters", options)
    g = np.union1d(np.linspace(table["g"].values[0], table["g"].values[-1], 81), table["g"].values)
    theory = solve(g, table["beta"].values, float(table["gamma"]), eta=config.model.eta, phi=config.model.phi)
    theory = theory.assign({name: replica_value(theory, name, table) for name in ("Q_abs", "log_z")})
    first = (round(_option(options, "page")) - 1) * BETAS_PER_PAGE
    page = {"beta": slice(first, first + BETAS_PER_PAGE)}
    return plotting.order_parameters(table.isel(page), theory.isel(page))


def _convergence(config: Config, results: Path, options: str) -> Figure:
    groups = ("/", "/convergence", "/per_seed")
    table, found, seeds = (_table(results, "order_parameters", options, group) for group in groups)
    return plotting_convergence.convergence(table, found, seeds, config.convergence)


def _scaling(config: Config, results: Path, options: str) -> Figure:
    table = _table(results, "order_parameters", options)
    beta = np.geomspace(table["beta"].values[0], table["beta"].values[-1], 61)
    theory = solve(table["g"].values, beta, float(table["gamma"]), eta=config.model.eta, phi=config.model.phi)
    return plotting.scaling(table, theory, float(transition(float(table["gamma"]))))


def _extrapolation(config: Config, results: Path, options: str) -> Figure:
    table, fits = (_table(results, kind, options) for kind in ("order_parameters", "fits"))
    cell = _telling_cell(fits)
    return plotting.extrapolation(table.isel(cell), fits.isel(cell))


def _telling_cell(fits: xr.Dataset) -> dict[str, int]:
    """The converged cell closest to the edge of chaos, at the largest beta there."""
    distance = abs(fits["g"] - float(transition(float(fits["gamma"]))))
    good = (fits["converged"] > 0).transpose("g", "beta").values
    score = np.where(good, -distance.values[:, None] + 1e-6 * np.arange(fits.sizes["beta"]), -np.inf)
    g, beta = np.unravel_index(np.argmax(score), score.shape)
    return {"g": int(g), "beta": int(beta)}


def _z_scores(config: Config, results: Path, options: str) -> Figure:
    return plotting.z_scores(_table(results, "fits", options))


def _effective(config: Config, results: Path, options: str) -> Figure:
    return plotting.effective(_table(results, "fits", options, "/effective"))


def _exchange(config: Config, results: Path, options: str) -> Figure:
    block, gamma = options.split("/")[0], _option(options, "gamma")
    members: dict[int, list[xr.Dataset]] = {}
    for shard in sampled(config):
        if (shard.block, shard.gamma) == (block, gamma):
            with store.read(results / shard.path, "shard", shard.fingerprint) as tree:
                data = tree["diagnostics"].to_dataset().load()
            data["round_trips_per_1000"] = data["round_trips"].mean("chain") * 1000.0 / shard.sampler.steps
            members.setdefault(shard.N, []).append(data.drop_vars(["round_trips", "g_visible", "beta_visible"]))
    return plotting.exchange({N: sum(found[1:], found[0]) / len(found) for N, found in members.items()})


def _exponents(config: Config, results: Path, options: str) -> Figure:
    return plotting_science.exponents(_table(results, "fits", options, "/critical"))


def _overlap(config: Config, results: Path, options: str) -> Figure:
    table, fits = _table(results, "order_parameters", options), _table(results, "fits", options, "/overlap")
    cells = _overlap_cells(fits)
    g, beta = (float(fits[axis][cells[-1][axis]]) for axis in ("g", "beta"))
    samples: dict[int, list[np.ndarray]] = {}
    for shard in sampled(config):
        if shard.gamma == float(fits["gamma"]) and g in shard.g and beta in shard.beta:
            with store.read(results / shard.path, "shard", shard.fingerprint) as tree:
                Q = tree["observables"].dataset["Q"].sel(g=g, beta=beta).values.ravel()
            samples.setdefault(shard.N, []).append(Q[np.isfinite(Q)])
    pooled = {N: np.concatenate(found) for N, found in sorted(samples.items())}
    return plotting_science.overlap(table, fits, cells, {N: Q for N, Q in pooled.items() if len(Q)})


def _overlap_cells(fits: xr.Dataset) -> list[dict[str, int]]:
    """Cells below, at and above the edge of chaos: the largest beta with the most converged sizes."""
    edge = float(transition(float(fits["gamma"])))
    places = dict.fromkeys(int(np.argmin(abs(fits["g"].values - share * edge))) for share in (0.85, 1.0, 1.15))
    sizes = fits["sizes"].transpose("g", "beta").values
    return [{"g": g, "beta": sizes.shape[1] - 1 - int(np.argmax(sizes[g, ::-1]))} for g in places]


def _response(config: Config, results: Path, options: str) -> Figure:
    converged = _table(results, "order_parameters", options)["converged"]
    return plotting_science.response(_table(results, "fits", options, "/response"), converged)


_FIGURES = {
    "order-parameters": _order_parameters,
    "convergence": _convergence,
    "scaling": _scaling,
    "extrapolation": _extrapolation,
    "z-scores": _z_scores,
    "effective": _effective,
    "exchange": _exchange,
    "exponents": _exponents,
    "overlap": _overlap,
    "response": _response,
}
