"""Order-parameter tables: one shard at a time into (gamma, N, g, beta, seed), then over realisations."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import numpy as np
import xarray as xr

from nsslib.analysis.chains.statistics import chain_statistics, start_disagreement, two_level
from nsslib.config.schema import Convergence
from nsslib.grid.axes import COORDINATES
from nsslib.grid.task import Task
from nsslib.model.observables import OBSERVABLES, Observable, names

BUILT_IN = tuple(OBSERVABLES.values())
_OF_CHAINS = {
    "err": "Monte Carlo standard error (thermal)",
    "ess": "effective sample size",
    "tau": "integrated autocorrelation time in recorded draws; 1 for white noise",
    "rhat": "split R-hat over replicas and draws",
}
_OF_REALISATIONS = {
    "err": "half-width of 68.3 %: standard error between realisations times Student's factor",
    "err_thermal": "thermal part of the error",
    "err_disorder": "disorder part of the error",
}
_WORST = {"ess": "min", "tau": "max", "rhat": "max"}
_SERIES = ("single", "pair", "state", "derived")
REALISATION = ("gamma", "N", "seed")


def named(values: xr.DataArray, words: str, **attrs: str) -> xr.DataArray:
    """Values with their name in words, and unit 1."""
    return values.assign_attrs({"long_name": words, "units": "1"} | attrs)


def with_derived(series: xr.Dataset, observables: Iterable[Observable] = BUILT_IN) -> xr.Dataset:
    """Add the series that are functions of the recorded ones."""
    return series.assign({o.name: o.value(series) for o in observables if o.kind == "derived"})


def shard_table(
    series: xr.Dataset, convergence: Convergence, observables: Sequence[Observable] = BUILT_IN
) -> xr.Dataset:
    """Statistics of one shard.

    Parameters
    ----------
    series : Dataset
        The /observables group of a shard.
    convergence : Convergence
        What counts as converged.
    observables : sequence of Observable
        Those of the sweep.

    Returns
    -------
    Dataset
        Dims (g, beta): x, x_err, x_ess, x_tau, x_rhat of every observable; q_cold_hot and
        converged.
    """
    series = with_derived(series.astype(np.float64), observables)
    # A dict: a Dataset would align all it holds whenever a variable is added.
    table: dict[str, xr.DataArray] = {}
    for entry in observables:
        if not entry.tabulated or entry.kind not in _SERIES:
            continue
        values = series[entry.name]
        statistics = chain_statistics(values, ("pair" if "pair" in values.dims else "replica", "draw"))
        mean_of = f"mean over replicas and draws of {entry.estimator}"
        table[entry.name] = named(statistics["mean"], entry.words, estimator=mean_of)
        table |= {
            f"{entry.name}_{key}": named(statistics[key], f"{entry.words}: {words}")
            for key, words in _OF_CHAINS.items()
        }
    difference = start_disagreement(series["q"], "replica", series["hot"], "draw")
    table["q_cold_hot"] = named(difference, "difference of q between cold and hot starts, in units of its error")
    passed = difference <= convergence.cold_hot
    for name in names("diagnosed", observables):
        passed &= (table[f"{name}_rhat"] <= convergence.rhat) & (table[f"{name}_ess"] >= convergence.ess)
    limits = "1 where R-hat, effective sample size and cold/hot agreement are within the limits"
    result = xr.Dataset(table | {"converged": named(passed, limits)})
    return result.drop_vars([c for c in result.coords if c not in ("g", "beta")])


def per_seed(tables: Iterable[tuple[Task, xr.Dataset]], coords: dict[str, list[float]]) -> xr.Dataset:
    """Place the tables of shards on common axes.

    Parameters
    ----------
    tables : iterable of (Task, Dataset)
        One at a time; nothing but the growing table is held.
    coords : dict of list
        Axes: gamma, N and seed of the realisations, and the dimensions of the tables.

    Returns
    -------
    Dataset
        Dims as in `coords`; nan where no shard has the point.
    """
    positions = {axis: {value: k for k, value in enumerate(values)} for axis, values in coords.items()}
    shape = tuple(len(values) for values in coords.values())
    data: dict[str, np.ndarray] = {}
    attrs: dict[str, dict[str, str]] = {}
    for shard, table in tables:
        own = [axis for axis in coords if axis not in REALISATION]
        labels = [table[axis].values.tolist() if axis in own else [getattr(shard, axis)] for axis in coords]
        cells = np.ix_(*([positions[axis][value] for value in of] for axis, of in zip(coords, labels, strict=True)))
        for name, values in table.data_vars.items():
            array = data.setdefault(str(name), np.full(shape, np.nan))
            array[cells] = values.transpose(*own).values.astype(np.float64).reshape([len(of) for of in labels])
            attrs.setdefault(str(name), values.attrs)
    variables = {name: (tuple(coords), values, attrs[name]) for name, values in data.items()}
    return labelled(xr.Dataset(variables, coords))


def over_seeds(table: xr.Dataset, convergence: Convergence, observables: Sequence[Observable] = BUILT_IN) -> xr.Dataset:
    """Average over realisations.

    Returns
    -------
    Dataset
        Dims (gamma, N, g, beta): x, x_err, x_err_thermal, x_err_disorder; x_ess, x_tau, x_rhat of
        the worst realisation; n_seeds; converged_seeds (share) and converged.
    """
    result: dict[str, xr.DataArray] = {}
    for entry in observables:
        name = entry.name
        if not entry.tabulated or entry.kind == "thinned":
            continue
        statistics = two_level(table[name], table[f"{name}_err"])
        result[name] = statistics["mean"].assign_attrs(table[name].attrs)
        for key, words in _OF_REALISATIONS.items():
            result[f"{name}_{key}"] = named(statistics[key], f"{entry.words}: {words}")
        if entry.kind in _SERIES:
            for key, worst in _WORST.items():
                words = f"{entry.words}: {_OF_CHAINS[key]}; worst realisation"
                result[f"{name}_{key}"] = named(getattr(table[f"{name}_{key}"], worst)("seed"), words)
    result["n_seeds"] = named(table["q"].notnull().sum("seed"), "number of realisations")
    share = table["converged"].mean("seed")
    result["converged_seeds"] = named(share, "share of realisations that converged")
    result["converged"] = named(share >= convergence.share, "1 where enough realisations converged")
    return labelled(xr.Dataset(result))


def labelled(table: xr.Dataset) -> xr.Dataset:
    """Give every coordinate its name in words and unit."""
    for name, words in COORDINATES.items():
        if name in table.coords:
            table.coords[name].attrs = {"long_name": words, "units": "1"}
    return table
