"""Bootstrap over realisations: the same resampled seeds for all points of one (gamma, N).

Points of a realisation share its couplings; what is computed from many of them has an honest error only if
they are resampled together. Every replicate is a mean over seeds; the first one is that of the data.
"""

from __future__ import annotations

import warnings

import numpy as np
import xarray as xr
from numpy.typing import ArrayLike, NDArray

from nsslib.analysis.intervals import TABLE, attrs, number, z_score
from nsslib.analysis.sizes.scatter import Floats, pooled_variance

REPLICATES = 400
_USABLE = 0.95
"""Share of the replicates that must have a value for there to be an error."""


def resampled_seeds(n: int, N: int, gamma: float, replicates: int = REPLICATES) -> NDArray[np.int64]:
    """Positions of the resampled seeds, (replicates, n); the same for the same arguments."""
    return np.random.default_rng([n, N, round((1.0 + gamma) * 1e9)]).integers(n, size=(replicates, n))


def bootstrap_means(values: xr.DataArray, replicates: int = REPLICATES) -> Floats:
    """Means over resampled seeds.

    Parameters
    ----------
    values : (gamma, N, g, beta, seed) DataArray
        One number a realisation; nan where it lacks the point.
    replicates : int

    Returns
    -------
    (1 + replicates, gamma, N, g, beta) array
        First the mean of the data. Deviations from it are stretched by sqrt(n/(n - 1)), so that their
        variance is that of a mean over n seeds without bias, and to the `pooled_variance` of all sizes; nan
        with fewer than two seeds, but the first.
    """
    values = values.transpose(*TABLE, "seed")
    result = np.full((1 + replicates, *values.shape[:-1]), np.nan)
    for i, gamma in enumerate(values["gamma"].values):
        for k, N in enumerate(values["N"].values):
            points = values.values[i, k]
            points = points[..., np.isfinite(points).any(axis=(0, 1))]
            result[:, i, k] = _means(points, resampled_seeds(points.shape[-1], int(N), float(gamma), replicates))
    own, n = (np.moveaxis(v, 1, -1) for v in (variance(result), np.isfinite(values.values).sum(axis=-1)))
    pooled = pooled_variance(values["N"].values, own, n)[0]
    with np.errstate(invalid="ignore", divide="ignore"):
        stretch = np.moveaxis(np.where(own > 0.0, np.sqrt(pooled / own), 1.0), -1, 1)
    result[1:] = result[0] + stretch * (result[1:] - result[0])
    return result


def _means(points: Floats, picked: NDArray[np.int64]) -> Floats:
    """Mean of (g, beta, seed) over the seeds, then over those of every replicate, (replicate, seed)."""
    replicates, n = picked.shape
    times = np.zeros((1 + replicates, n))
    times[0] = 1.0
    np.add.at(times, (np.arange(1, 1 + replicates)[:, None], picked), 1.0)
    present = np.isfinite(points)
    with np.errstate(invalid="ignore", divide="ignore"):
        total = np.einsum("rs,gbs->rgb", times, np.where(present, points, 0.0))
        means = total / np.einsum("rs,gbs->rgb", times, present)
        count = present.sum(axis=-1)
        stretch = np.where(count > 1, np.sqrt(count / (count - 1.0)), np.nan)
    means[1:] = means[0] + stretch * (means[1:] - means[0])
    return means


def variance(replicates: Floats) -> Floats:
    """Variance over the replicates (first axis); nan where too many of them have no value."""
    usable = np.isfinite(replicates[1:]).mean(axis=0) >= _USABLE
    with warnings.catch_warnings():
        # A point without any value has no variance: nan, not a warning.
        warnings.simplefilter("ignore", RuntimeWarning)
        return np.where(usable & np.isfinite(replicates[0]), np.nanvar(replicates[1:], axis=0), np.nan)


def weights(replicates: Floats) -> Floats:
    """Inverse variances over the replicates (first axis); 0 where there is none."""
    return np.nan_to_num(1.0 / np.maximum(variance(replicates), 1e-30))


def spread(replicates: Floats, seeds: ArrayLike) -> tuple[Floats, Floats, Floats]:
    """Value, standard deviation and degrees of freedom of a resampled number; nan where it has no error."""
    std = np.sqrt(variance(replicates))
    return np.where(np.isfinite(std), replicates[0], np.nan), std, np.maximum(np.asarray(seeds) - 1.0, 1.0)


def interval_variables(
    name: str,
    replicates: Floats,
    seeds: ArrayLike,
    dims: tuple[str, ...],
    long_name: str,
    against_zero: bool = False,
) -> dict[str, xr.Variable]:
    """Variables of a resampled number: x, x_err, x_interval and x_enough; x_z too, if asked for.

    Parameters
    ----------
    name : str
        x.
    replicates : (1 + replicates, ...) array
        First the value, then its resampled ones.
    seeds : (...) array
        Number of realisations behind it, the smallest where there are several.
    dims : tuple of str
        Of the result.
    long_name : str
        The number in words.
    against_zero : bool
        Whether to add its distance from 0, a normal deviate.
    """
    value, std, dof = spread(replicates, seeds)
    result = number(name, dims, value, std, dof, long_name)
    enough = attrs(f"{name}: 1 where converged points, sizes and realisations suffice for it and its error")
    result[f"{name}_enough"] = xr.Variable(dims, np.isfinite(value), enough)
    if against_zero:
        score = attrs(f"{long_name}: distance from 0 in standard deviations of equal probability")
        result[f"{name}_z"] = xr.Variable(dims, z_score(value, std, dof), score)
    return result


def min_seeds(n_seeds: xr.DataArray, dims: str | tuple[str, ...]) -> Floats:
    """Smallest number of realisations along `dims`, of the points that have any."""
    return n_seeds.where(n_seeds > 0).min(dims).fillna(0.0).values
