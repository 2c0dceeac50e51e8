"""Convergence as a result: by how much every cell meets the limits, and up to which beta all of them do."""

from __future__ import annotations

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from nsslib.analysis.chains.order_parameters import named
from nsslib.analysis.sizes.resampling import Floats, attrs
from nsslib.config.schema import Convergence
from nsslib.grid.axes import text
from nsslib.model.observables import names

AXES = ("beta", "g")
"""Axes of the ladder that chains travel along."""

_DIMS = ("gamma", "N", "g", "beta")


def shard_round_trips(diagnostics: xr.Dataset) -> xr.Dataset:
    """Round trips of a shard along the whole ladder, as columns of the table per seed.

    Parameters
    ----------
    diagnostics : Dataset
        The /diagnostics group of a shard.

    Returns
    -------
    Dataset
        Dims (g, beta), visible cells: round_trips_beta and round_trips_g, mean over the chains of the shard, the
        same in all cells; nan where no exchange was tried along the axis.
    """
    visible = {axis: np.flatnonzero(diagnostics[f"{axis}_visible"]) for axis in ("g", "beta")}
    cells = diagnostics["step_size"].isel(visible).drop_vars(["g_visible", "beta_visible"])
    trips = diagnostics["round_trips"].mean("chain").values
    tried = [bool(np.isfinite(diagnostics[f"exchange_{axis}"]).any()) for axis in AXES]
    words = "round trips of a chain along {}, mean over the chains of all points"
    return xr.Dataset(
        {
            f"round_trips_{axis}": named(xr.full_like(cells, trips[k] if tried[k] else np.nan), words.format(axis))
            for k, axis in enumerate(AXES)
        }
    )


def convergence(table: xr.Dataset, seeds: xr.Dataset, limits: Convergence) -> xr.Dataset:
    """Criteria of convergence cell by cell, and the largest beta that is converged.

    Parameters
    ----------
    table : Dataset
        Order parameters, dims (gamma, N, g, beta).
    seeds : Dataset
        The same of every disorder sample, with dim seed.
    limits : Convergence
        What counts as converged.

    Returns
    -------
    Dataset
        Dims (gamma, N, g, beta): rhat, ess and cold_hot, each within its limit if and only if the share
        `limits.seeds` of the disorder samples is (nan: it is not, for too many have no value); round_trips_beta
        and round_trips_g. Dims (gamma, N, g): beta_max, up to which all sampled cells are converged, nan if the
        first is not; beta_sampled, the largest beta there is.
    """
    seeds = seeds.transpose(*_DIMS, "seed")
    present = seeds["converged"].notnull()
    place = _place(present.sum("seed").values, seeds.sizes["seed"], limits.seeds)

    # A sample without a value of any slow observable does not pass: its worst value is nan.
    rhat = seeds[[f"{name}_rhat" for name in names("diagnosed")]].to_dataarray().max("variable", skipna=False)
    ess = seeds[[f"{name}_ess" for name in names("diagnosed")]].to_dataarray().min("variable", skipna=False)
    met = {
        "rhat": _ranked(rhat, place),
        "ess": -_ranked(-ess, place),
        "cold_hot": _ranked(seeds["q_cold_hot"], place),
    } | {f"round_trips_{axis}": seeds[f"round_trips_{axis}"].median("seed").values for axis in AXES}
    words = {
        "rhat": "split R-hat of the slow observables that the wanted share of disorder samples does not exceed",
        "ess": "effective sample size of the slow observables that the wanted share of disorder samples reaches",
        "cold_hot": "cold/hot difference of q in its errors that the wanted share of disorder samples does not exceed",
        "round_trips_beta": "round trips of a chain along beta: mean over chains, median over disorder samples",
        "round_trips_g": "round trips of a chain along g: mean over chains, median over disorder samples",
    }
    result = xr.Dataset({name: (_DIMS, met[name], attrs(words[name])) for name in met}, table[list(_DIMS)].coords)
    return result.assign(_reach(table, present.any("seed")))


def _place(count: NDArray[np.int64], most: int, share: float) -> NDArray[np.int64]:
    """Position, from the best of `count` samples, of the one that the wanted share is not worse than.

    The smallest k with k/count >= share, in the same floating-point numbers as the share of converged samples.
    """
    return np.argmax(np.arange(1, most + 1) / np.maximum(count, 1)[..., None] >= share, axis=-1)


def _ranked(values: xr.DataArray, place: NDArray[np.int64]) -> Floats:
    """Value at a position of the samples in increasing order; nan, a sample without one, counts as the largest."""
    ordered = np.sort(values.transpose(*_DIMS, "seed").values, axis=-1)
    return np.take_along_axis(ordered, place[..., None], axis=-1)[..., 0]


def _reach(table: xr.Dataset, sampled: xr.DataArray) -> dict[str, xr.DataArray]:
    """Largest beta with no unconverged cell up to it, and largest beta sampled."""
    failed = sampled & ~(table["converged"] > 0)
    found = {
        "beta_max": table["beta"].where(sampled & (failed.cumsum("beta") == 0)).max("beta"),
        "beta_sampled": table["beta"].where(sampled).max("beta"),
    }
    words = {
        "beta_max": "largest beta up to which all sampled cells are converged",
        "beta_sampled": "largest beta sampled",
    }
    return {name: values.transpose(*_DIMS[:-1]).assign_attrs(attrs(words[name])) for name, values in found.items()}


def beta_table(found: xr.Dataset) -> list[list[str]]:
    """The largest converged beta as a table in plain text.

    Parameters
    ----------
    found : Dataset
        What `convergence` returns, at one gamma.

    Returns
    -------
    list of rows
        A header with the values of g, then a row for every N; "-" where no beta is converged, "" where none was
        sampled. Sizes and couplings that were not sampled at all are left out.
    """
    sampled = found["beta_sampled"].notnull()
    found = found.isel(N=np.flatnonzero(sampled.any("g")), g=np.flatnonzero(sampled.any("N")))
    beta = found["beta_max"].fillna(0.0).where(found["beta_sampled"].notnull()).transpose("N", "g")
    rows = [[_entry(b) for b in row] for row in beta.values.tolist()]
    header = [r"N \ g", *map(text, beta["g"].values.tolist())]
    return [header, *([str(N), *row] for N, row in zip(beta["N"].values.tolist(), rows, strict=True))]


def _entry(beta: float) -> str:
    """Text of a largest beta, 0 standing for none."""
    if np.isnan(beta):
        return ""
    return text(beta) if beta else "-"
