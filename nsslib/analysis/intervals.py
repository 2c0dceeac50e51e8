"""Labelled numbers: every x has x_err and x_interval, and z is its distance from theory.

x_err is the half-width of 68.3 % (one standard error, times Student's factor), x_interval the interval of
probability `PROB` along the dimension `bound`. Both are Student's, and symmetric about x.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import xarray as xr
from numpy.typing import ArrayLike, NDArray
from scipy.stats import norm, t

TABLE = ("gamma", "N", "g", "beta")
"""Dimensions of the order parameters."""
POINT = ("gamma", "g", "beta")
"""Dimensions of what holds at N = infinity."""
PROB = 0.95
ONE_SIGMA = float(2.0 * norm.cdf(1.0) - 1.0)


def attrs(long_name: str) -> dict[str, object]:
    """Attributes of a dimensionless variable."""
    return {"long_name": long_name, "units": "1"}


BOUND = xr.Variable("bound", ["low", "high"], attrs("end of an interval"))


def half_width(std: ArrayLike, dof: ArrayLike, prob: float) -> NDArray[np.float64]:
    """Half-width of the interval of a probability, by Student's t."""
    return np.asarray(std * t.ppf(0.5 * (1.0 + prob), dof))


def z_score(difference: ArrayLike, std: ArrayLike, dof: ArrayLike) -> NDArray[np.float64]:
    """Student's t of a difference as the normal deviate of equal probability; nan where it is not finite."""
    with np.errstate(invalid="ignore", divide="ignore"):
        ratio = np.asarray(difference, np.float64) / np.asarray(std, np.float64)
    z = np.sign(ratio) * norm.isf(t.sf(np.abs(ratio), dof))
    return np.where(np.isfinite(ratio), z, np.nan)


def number(
    name: str, dims: tuple[str, ...], value: NDArray, std: NDArray, dof: ArrayLike, long_name: str
) -> dict[str, xr.Variable]:
    """Variables of a number: x, x_err, x_interval, and the labels of `bound`.

    Parameters
    ----------
    name : str
        x.
    dims : tuple of str
    value, std, dof : arrays of these dims
        The number, its standard deviation, and the degrees of freedom of that.
    long_name : str
        The number in words.
    """
    half = half_width(std, dof, PROB)
    interval = np.stack([value - half, value + half], axis=-1)
    return {
        "bound": BOUND,
        name: xr.Variable(dims, value, attrs(long_name)),
        f"{name}_err": xr.Variable(
            dims, half_width(std, dof, ONE_SIGMA), attrs(f"{long_name}: half-width of 68.3 %, by Student's t")
        ),
        f"{name}_interval": xr.Variable(
            (*dims, "bound"), interval, attrs(f"{long_name}: interval of {PROB:.0%}, by Student's t") | {"prob": PROB}
        ),
    }


def variables(
    dims: tuple[str, ...], columns: Mapping[str, ArrayLike], long_names: Mapping[str, str], prefix: str = ""
) -> dict[str, xr.Variable]:
    """Label the columns that have a name in words; `prefix` goes before their names."""
    return {f"{prefix}{key}": xr.Variable(dims, columns[key], attrs(text)) for key, text in long_names.items()}
