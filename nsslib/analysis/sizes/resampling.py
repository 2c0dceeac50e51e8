"""Bootstrap over disorder samples: the same resampled seeds for all cells of one (gamma, N).

Cells of a disorder sample share its couplings; what is computed from many of them has an honest error
only if they are resampled together. Every draw is a mean over seeds; the first one is the sample itself.
"""

from __future__ import annotations

import warnings

import numpy as np
import xarray as xr
from numpy.typing import NDArray
from scipy.stats import norm, t

from nsslib.analysis.sizes.scatter import Floats, pooled_variance

DRAWS = 400
_USABLE = 0.95
"""Share of the draws that must have a value for there to be an error."""


def resampled_seeds(n: int, N: int, gamma: float, draws: int = DRAWS) -> NDArray[np.int64]:
    """Positions of the resampled seeds, (draws, n); the same for the same arguments."""
    return np.random.default_rng([n, N, round((1.0 + gamma) * 1e9)]).integers(n, size=(draws, n))


def bootstrap_means(values: xr.DataArray, draws: int = DRAWS) -> Floats:
    """Means over resampled seeds.

    Parameters
    ----------
    values : (gamma, N, g, beta, seed) DataArray
        One number a disorder sample; nan where it lacks the cell.
    draws : int

    Returns
    -------
    (1 + draws, gamma, N, g, beta) array
        First the mean of the sample. Deviations from it are stretched by sqrt(n/(n - 1)), so that their
        variance is that of a mean over n seeds without bias, and to the `pooled_variance` of all sizes; nan
        with fewer than two seeds, but the first.
    """
    values = values.transpose("gamma", "N", "g", "beta", "seed")
    result = np.full((1 + draws, *values.shape[:-1]), np.nan)
    for i, gamma in enumerate(values["gamma"].values):
        for k, N in enumerate(values["N"].values):
            cells = values.values[i, k]
            cells = cells[..., np.isfinite(cells).any(axis=(0, 1))]
            result[:, i, k] = _means(cells, resampled_seeds(cells.shape[-1], int(N), float(gamma), draws))
    own, n = (np.moveaxis(v, 1, -1) for v in (variance(result), np.isfinite(values.values).sum(axis=-1)))
    pooled = pooled_variance(values["N"].values, own, n)[0]
    with np.errstate(invalid="ignore", divide="ignore"):
        stretch = np.moveaxis(np.where(own > 0.0, np.sqrt(pooled / own), 1.0), -1, 1)
    result[1:] = result[0] + stretch * (result[1:] - result[0])
    return result


def _means(cells: Floats, picked: NDArray[np.int64]) -> Floats:
    """Mean of (g, beta, seed), then of every draw of seeds."""
    draws, n = picked.shape
    times = np.zeros((1 + draws, n))
    times[0] = 1.0
    np.add.at(times, (np.arange(1, 1 + draws)[:, None], picked), 1.0)
    present = np.isfinite(cells)
    with np.errstate(invalid="ignore", divide="ignore"):
        means = np.einsum("ds,gbs->dgb", times, np.where(present, cells, 0.0)) / np.einsum(
            "ds,gbs->dgb", times, present
        )
        count = present.sum(axis=-1)
        stretch = np.where(count > 1, np.sqrt(count / (count - 1.0)), np.nan)
    means[1:] = means[0] + stretch * (means[1:] - means[0])
    return means


def variance(draws: Floats) -> Floats:
    """Variance over the draws (first axis); nan where too many of them have no value."""
    usable = np.isfinite(draws[1:]).mean(axis=0) >= _USABLE
    with warnings.catch_warnings():
        # A cell without any value has no variance: nan, not a warning.
        warnings.simplefilter("ignore", RuntimeWarning)
        return np.where(usable & np.isfinite(draws[0]), np.nanvar(draws[1:], axis=0), np.nan)


def weights(draws: Floats) -> Floats:
    """Inverse variances over the draws (first axis); 0 where there is none."""
    return np.nan_to_num(1.0 / np.maximum(variance(draws), 1e-30))


def described(draws: Floats, seeds: Floats, dims: tuple[str, ...], words: str) -> dict[str, xr.Variable]:
    """Value, error and 95 % interval of resampled numbers.

    Parameters
    ----------
    draws : (1 + draws, ...) array
        First the value, then its resampled ones.
    seeds : (...) array
        Number of disorder samples behind it, the smallest where there are several.
    dims : tuple of str
        Of the result.
    words : str
        Name of the number.

    Returns
    -------
    dict
        "" (the value), "_err" (half-width of 68.3 %) and "_low", "_high" (95 %), with Student's factors for
        the number of seeds; all nan where there is no error.
    """
    width = np.sqrt(variance(draws))
    freedom = np.maximum(np.asarray(seeds) - 1.0, 1.0)
    value = np.where(np.isfinite(width), draws[0], np.nan)
    err, far = t.ppf(norm.cdf(1.0), freedom) * width, t.ppf(0.975, freedom) * width
    notes = {"": "", "_err": ": half-width of 68.3 %, bootstrap over seeds"}
    notes |= {"_low": ": lower end of 95 %", "_high": ": upper end of 95 %"}
    numbers = {"": value, "_err": err, "_low": value - far, "_high": value + far}
    return {k: xr.Variable(dims, numbers[k], attrs(words + notes[k])) for k in notes}


def z_score(draws: Floats, seeds: Floats) -> Floats:
    """Distance of a resampled number from 0, as the Gaussian one of the same probability.

    With few seeds a ratio to the error is far from Gaussian: Student's t with seeds - 1 degrees of freedom.
    """
    with np.errstate(invalid="ignore", divide="ignore"):
        ratio = draws[0] / np.sqrt(variance(draws))
    tail = t.sf(abs(ratio), np.maximum(np.asarray(seeds) - 1.0, 1.0))
    return np.where(np.isfinite(ratio), np.sign(ratio) * norm.isf(tail), np.nan)


def fewest(n_seeds: xr.DataArray, dims: str | tuple[str, ...]) -> Floats:
    """Smallest number of disorder samples along `dims`, of the cells that have any."""
    return n_seeds.where(n_seeds > 0).min(dims).fillna(0.0).values


def sufficient(name: str, value: xr.Variable) -> dict[str, xr.Variable]:
    """Flag beside a number: whether there was enough for it and its error."""
    flag = xr.Variable(value.dims, np.isfinite(value.values))
    flag.attrs = attrs(f"{name}: 1 where converged cells, sizes and seeds suffice")
    return {f"{name}_enough": flag}


def attrs(words: str) -> dict[str, str]:
    """Attributes of a dimensionless variable."""
    return {"long_name": words, "units": "1"}
