"""Convergence as a result: by how much every point meets the limits, and up to which beta all of them do."""

from __future__ import annotations

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from nsslib.analysis.chains.order_parameters import named
from nsslib.analysis.intervals import TABLE, attrs, variables
from nsslib.config.schema import Convergence
from nsslib.model.observables import names

AXES = ("beta", "g")
"""Axes of the ladder that chains travel along."""

_CRITERIA = {
    "rhat": "split R-hat of the slow observables that the wanted share of realisations does not exceed",
    "ess": "effective sample size of the slow observables that the wanted share of realisations reaches",
    "cold_hot": "cold/hot difference of q in its errors that the wanted share of realisations does not exceed",
    "round_trips_beta": "round trips of a chain along beta: mean over chains, median over realisations",
    "round_trips_g": "round trips of a chain along g: mean over chains, median over realisations",
}


def shard_round_trips(diagnostics: xr.Dataset) -> xr.Dataset:
    """Round trips of a shard along the whole ladder, as columns of the table per seed.

    Parameters
    ----------
    diagnostics : Dataset
        The /diagnostics group of a shard.

    Returns
    -------
    Dataset
        Dims (g, beta), visible points: round_trips_beta and round_trips_g, mean over the chains of the shard, the
        same at all points; nan where no exchange was tried along the axis.
    """
    visible = {axis: np.flatnonzero(diagnostics[f"{axis}_visible"]) for axis in ("g", "beta")}
    template = diagnostics["step_size"].isel(visible).drop_vars(["g_visible", "beta_visible"])
    trips = diagnostics["round_trips"].mean("chain").values
    tried = [bool(np.isfinite(diagnostics[f"exchange_{axis}"]).any()) for axis in AXES]
    words = "round trips of a chain along {}, mean over the chains of all points"
    return xr.Dataset(
        {
            f"round_trips_{axis}": named(xr.full_like(template, trips[k] if tried[k] else np.nan), words.format(axis))
            for k, axis in enumerate(AXES)
        }
    )


def convergence(table: xr.Dataset, seeds: xr.Dataset, limits: Convergence) -> xr.Dataset:
    """Criteria of convergence point by point, and the largest beta that is converged.

    Parameters
    ----------
    table : Dataset
        Order parameters, dims (gamma, N, g, beta).
    seeds : Dataset
        The same of every realisation, with dim seed.
    limits : Convergence
        What counts as converged.

    Returns
    -------
    Dataset
        Dims (gamma, N, g, beta): rhat, ess and cold_hot, each within its limit if and only if the share
        `limits.share` of the realisations is (nan: it is not, for too many have no value); round_trips_beta
        and round_trips_g. Dims (gamma, N, g): beta_max, up to which all sampled points are converged, nan if the
        first is not; beta_sampled, the largest beta there is.
    """
    seeds = seeds.transpose(*TABLE, "seed")
    present = seeds["converged"].notnull()
    rank = _rank(present.sum("seed").values, seeds.sizes["seed"], limits.share)

    # A realisation without a value of any slow observable does not pass: its worst value is nan.
    rhat = seeds[[f"{name}_rhat" for name in names("diagnosed")]].to_dataarray().max("variable", skipna=False)
    ess = seeds[[f"{name}_ess" for name in names("diagnosed")]].to_dataarray().min("variable", skipna=False)
    columns = {
        "rhat": _value_at(rank, rhat),
        "ess": -_value_at(rank, -ess),
        "cold_hot": _value_at(rank, seeds["q_cold_hot"]),
    } | {f"round_trips_{axis}": seeds[f"round_trips_{axis}"].median("seed").values for axis in AXES}
    result = xr.Dataset(variables(TABLE, columns, _CRITERIA), table[list(TABLE)].coords)
    return result.assign(_reach(table, present.any("seed")))


def _rank(count: NDArray[np.int64], most: int, share: float) -> NDArray[np.int64]:
    """Rank, from the best of `count` <= most realisations, of the one that the wanted share is not worse than.

    The smallest k with k/count >= share, in the same floating-point numbers as the share of converged realisations.
    """
    ranks = [next(k for k in range(1, n + 1) if k / n >= share) for n in range(1, most + 1)]
    return np.array([1, *ranks])[count]


def _value_at(rank: NDArray[np.int64], values: xr.DataArray) -> NDArray[np.float64]:
    """Value of a rank among the realisations in increasing order; nan, one without a value, counts as the largest."""
    ordered = np.sort(values.transpose(*TABLE, "seed").values, axis=-1)
    return np.take_along_axis(ordered, rank[..., None] - 1, axis=-1)[..., 0]


def _reach(table: xr.Dataset, sampled: xr.DataArray) -> dict[str, xr.DataArray]:
    """Largest beta with no unconverged point up to it, and largest beta sampled."""
    failed = sampled & ~(table["converged"] > 0)
    reached = {
        "beta_max": table["beta"].where(sampled & (failed.cumsum("beta") == 0)).max("beta"),
        "beta_sampled": table["beta"].where(sampled).max("beta"),
    }
    long_names = {
        "beta_max": "largest beta up to which all sampled points are converged",
        "beta_sampled": "largest beta sampled",
    }
    dims = TABLE[:-1]
    return {name: beta.transpose(*dims).assign_attrs(attrs(long_names[name])) for name, beta in reached.items()}
