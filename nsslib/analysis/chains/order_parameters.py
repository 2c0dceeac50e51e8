"""Order-parameter tables: one shard at a time into (gamma, N, g, beta, seed), then over seeds."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
import xarray as xr

from nsslib.analysis.chains.statistics import chain_statistics, start_disagreement, two_level
from nsslib.config.schema import Config, Convergence
from nsslib.grid.axes import axes, origin
from nsslib.model.observables import LONG_NAMES

SINGLE = ("q", "l2", "energy", "r", "R_int", "Y", "virial", "configurational")
PAIR = ("Q", "Q_abs", "Q2", "R", "Yh")
SLOW = ("q", "r", "Q_abs")
"""Observables that decide about convergence; the energy equilibrates at once and says nothing."""

COORDINATES = {
    "gamma": "reciprocity of the couplings",
    "N": "number of units",
    "g": "coupling strength",
    "beta": "inverse temperature",
    "seed": "disorder sample",
    "origin_g": "coupling strength of the cell where log_z is 0",
    "origin_beta": "inverse temperature of the cell where log_z is 0",
}
_PER_SEED = {
    "err": "Monte Carlo standard error (thermal)",
    "ess": "effective sample size",
    "tau": "integrated autocorrelation time in recorded draws; 1 for white noise",
    "rhat": "split R-hat over replicas and draws",
}
_OVER_SEEDS = {
    "err": "half-width of 68.3 %: standard error between disorder samples times Student's factor",
    "err_thermal": "thermal part of the error",
    "err_disorder": "disorder part of the error",
}


def derived(series: xr.Dataset) -> xr.Dataset:
    """Add the series that are functions of the recorded ones.

    configurational is linearised about its value, so that its mean is the ratio of means
    beta <|dE|^2> / <lap E> and its error that of the ratio.
    """
    beta = series["beta"]
    ratio = series["grad2"].mean(("replica", "draw")) / series["laplacian"].mean(("replica", "draw"))
    return series.assign(
        R_int=np.sqrt(beta) * series["r"],
        configurational=ratio
        + (series["grad2"] - ratio * series["laplacian"]) / series["laplacian"].mean(("replica", "draw")),
        Q_abs=np.abs(series["Q"]),
        Q2=series["Q"] ** 2,
    )


def shard_table(series: xr.Dataset, convergence: Convergence) -> xr.Dataset:
    """Statistics of one shard.

    Parameters
    ----------
    series : Dataset
        The /observables group of a shard.
    convergence : Convergence
        What counts as converged.

    Returns
    -------
    Dataset
        Dims (g, beta): x, x_err, x_ess, x_tau, x_rhat of every order parameter; q_cold_hot and
        converged.
    """
    series = derived(series.astype(np.float64))
    # A dict: a Dataset would align all it holds whenever a variable is added.
    table: dict[str, xr.DataArray] = {}
    for names, chain in ((SINGLE, "replica"), (PAIR, "pair")):
        for name in names:
            found = chain_statistics(series[name], (chain, "draw"))
            table[name] = found["mean"]
            table |= {f"{name}_{key}": found[key] for key in _PER_SEED}
    table["q_cold_hot"] = start_disagreement(series["q"], "replica", series["hot"], "draw")
    passed = table["q_cold_hot"] <= convergence.cold_hot
    for name in SLOW:
        passed &= (table[f"{name}_rhat"] <= convergence.rhat) & (table[f"{name}_ess"] >= convergence.ess)
    result = xr.Dataset(table | {"converged": passed})
    return result.drop_vars([c for c in result.coords if c not in ("g", "beta")])


def per_seed(tables: Iterable[tuple[float, int, int, xr.Dataset]], config: Config) -> xr.Dataset:
    """Place the shards' tables on the common axes.

    Parameters
    ----------
    tables : iterable of (gamma, N, seed, Dataset)
        One at a time; nothing but the growing table is held.
    config : Config

    Returns
    -------
    Dataset
        Dims (gamma, N, g, beta, seed); nan where no shard has the cell. Coordinates origin_g and origin_beta beside
        gamma: the cell where log_z is 0.
    """
    coords = axes(config)
    first = np.array([origin(config, gamma) for gamma in coords["gamma"]])
    beside = {"origin_g": ("gamma", first[:, 0]), "origin_beta": ("gamma", first[:, 1])}
    shape = tuple(len(v) for v in coords.values())
    data: dict[str, np.ndarray] = {}
    for gamma, N, seed, table in tables:
        place = np.ix_(
            [coords["gamma"].index(gamma)],
            [coords["N"].index(N)],
            [coords["g"].index(v) for v in table["g"].values.tolist()],
            [coords["beta"].index(v) for v in table["beta"].values.tolist()],
            [coords["seed"].index(seed)],
        )
        for name, values in table.data_vars.items():
            array = data.setdefault(str(name), np.full(shape, np.nan))
            array[place] = values.transpose("g", "beta").values.astype(np.float64)[None, None, :, :, None]
    return _described(xr.Dataset({k: (tuple(coords), v) for k, v in data.items()}, coords | beside), _PER_SEED)


def over_seeds(table: xr.Dataset, convergence: Convergence) -> xr.Dataset:
    """Average over disorder samples.

    Returns
    -------
    Dataset
        Dims (gamma, N, g, beta): x, x_err, x_err_thermal, x_err_disorder; x_ess, x_tau, x_rhat of
        the worst sample; n_seeds; converged_seeds (share) and converged.
    """
    result = xr.Dataset()
    for name in (*SINGLE, *PAIR, "log_z"):
        found = two_level(table[name], table[f"{name}_err"])
        result[name] = found["mean"]
        for key in _OVER_SEEDS:
            result[f"{name}_{key}"] = found[key]
    for name in SINGLE + PAIR:
        result[f"{name}_ess"] = table[f"{name}_ess"].min("seed")
        result[f"{name}_tau"] = table[f"{name}_tau"].max("seed")
        result[f"{name}_rhat"] = table[f"{name}_rhat"].max("seed")
    result["n_seeds"] = table["q"].notnull().sum("seed")
    result["converged_seeds"] = table["converged"].mean("seed")
    result["converged"] = result["converged_seeds"] >= convergence.seeds
    worst = {key: f"{_PER_SEED[key]}; worst disorder sample" for key in ("ess", "tau", "rhat")}
    return _described(result, _OVER_SEEDS | worst)


def _described(table: xr.Dataset, suffixes: dict[str, str]) -> xr.Dataset:
    """Give every variable its name in words, units and estimator."""
    extra = {
        "q_cold_hot": "difference of q between cold and hot starts, in units of its error",
        "converged": "1 where R-hat, effective sample size and cold/hot agreement are within the limits",
        "round_trips_beta": "round trips of a chain along beta, mean over the chains of all cells",
        "round_trips_g": "round trips of a chain along g, mean over the chains of all cells",
        "n_seeds": "number of disorder samples",
        "coupling_norm": "sum of J_ij^2 over i != j, over N - 1, less its mean over the disorder, 1",
        "coupling_reciprocity": "sum of J_ij J_ji over i != j, over N - 1, less its mean over the disorder, gamma",
        "converged_seeds": "share of disorder samples that converged",
    }
    for key, variable in table.variables.items():
        name = str(key)
        if name in COORDINATES:
            variable.attrs = {"long_name": COORDINATES[name], "units": "1"}
        elif name in extra:
            variable.attrs = {"long_name": extra[name], "units": "1"}
        elif name in LONG_NAMES:
            words, estimator = LONG_NAMES[name]
            variable.attrs = {
                "long_name": words,
                "units": "1",
                "estimator": estimator if name == "log_z" else f"mean over replicas and draws of {estimator}",
            }
        else:
            base = max((b for b in LONG_NAMES if name.startswith(f"{b}_")), key=len)
            note = suffixes[name.removeprefix(f"{base}_")]
            variable.attrs = {"long_name": f"{LONG_NAMES[base][0]}: {note}", "units": "1"}
    return table
