"""Critical behaviour from the tables: exponents of the activity, and the coupling of the transition.

Asymptotic exponents are not reached at finite beta, nor the cusp of R_int: what is measured is compared
with the same estimator on the replica curve, at the same points.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from nsslib.analysis.comparison.collapse import scaling_collapse
from nsslib.analysis.intervals import TABLE, attrs
from nsslib.analysis.sizes.extrapolation import smallest_asymptotic
from nsslib.analysis.sizes.resampling import bootstrap_means, interval_variables, min_seeds, variance, weights
from nsslib.analysis.sizes.scatter import MIN_SIZES, Floats, weighted_line
from nsslib.theory.replica import transition

DECADE = 10.0
"""The exponent is fitted over the last decade of converged beta, over three of them at least."""


def critical_behaviour(table: xr.Dataset, seeds: xr.Dataset, theory: xr.Dataset, eta: float = 0.0) -> xr.Dataset:
    """Exponents of q and estimates of g_c, with errors from a bootstrap over realisations.

    Parameters
    ----------
    table : Dataset
        Order parameters, dims (gamma, N, g, beta).
    seeds : Dataset
        The same of every realisation, with dim seed.
    theory : Dataset
        Replica values with their replicon, dims (gamma, g, beta).
    eta : float
        Confining term; with any there is no transition, and nothing is predicted.

    Returns
    -------
    Dataset
        exponent (gamma, N, g) with exponent_theory and exponent_predicted, exponent_excess over theory at
        N = infinity (gamma, g); peak and kink of R_int (gamma, N)
        and their limits (gamma); crossing (gamma, N), g_c and nu (gamma) of the collapse. Each x with x_err,
        x_interval and x_enough.
    """
    table, theory = table.transpose(*TABLE), theory.transpose("gamma", "g", "beta")
    good = table["converged"].values > 0
    q, response = (bootstrap_means(seeds[name]) for name in ("q", "R_int"))
    result = xr.Dataset(coords={d: table[d] for d in TABLE[:-1]})
    result.update(exponents(q, good, table, theory))
    predicted = [[asymptotic_exponent(g, gamma, eta) for g in table["g"].values] for gamma in table["gamma"].values]
    result["exponent_predicted"] = (("gamma", "g"), predicted, attrs("d ln q/d ln beta as beta -> inf, replica theory"))
    edge = [transition(gamma) for gamma in table["gamma"].values]
    result["g_c_theory"] = (("gamma",), edge, attrs("edge of chaos 1/(1 + gamma)"))
    for name, long_name, locate in _BENDS:
        result.update(_bend(name, long_name, locate, response, good, table, theory["R_int"].values))
    result.update(scaling_collapse(q, good, table))
    return result


def asymptotic_exponent(g: float, gamma: float, eta: float = 0.0) -> float:
    """d ln q/d ln beta as beta -> inf on the zero-overlap branch.

    -1 below g_c = 1/(1 + gamma), 0 above 1/sqrt(1 + gamma); for gamma = 0 the two coincide with -1/2 there.
    For gamma > 0: -2/3 at g_c (-3/4 at gamma = 1), -1/2 between the two, -1/3 at the second; see
    `nsslib.theory.replica.expansions`. nan for gamma < 0, where the branch jumps, and for eta > 0.
    """
    if gamma < 0.0 or eta > 0.0:
        return np.nan
    first, second = float(transition(gamma)), 1.0 / np.sqrt(1.0 + gamma)
    at_first, at_second = (np.isclose(g, edge, rtol=1e-9) for edge in (first, second))
    if gamma == 0.0:
        return -0.5 if at_first else (-1.0 if g < 1.0 else 0.0)
    if at_first:
        return -2.0 / 3.0 if gamma < 1.0 else -0.75
    if at_second:
        return -1.0 / 3.0
    return -1.0 if g < first else (-0.5 if g < second else 0.0)


def exponents(q: Floats, good: NDArray[np.bool_], table: xr.Dataset, theory: xr.Dataset) -> dict[str, xr.Variable]:
    """Local exponent d ln q/d ln beta over the last decade of converged beta.

    Parameters
    ----------
    q : (replicate, gamma, N, g, beta) array
        Resampled activity.
    good : (gamma, N, g, beta) array
        Converged points.
    """
    beta = table["beta"].values
    with np.errstate(invalid="ignore", divide="ignore"):
        ln_q = np.log(np.where(q > 0.0, q, np.nan))
    weight = weights(ln_q)
    usable = good & (weight > 0.0)
    last = np.where(usable, beta, -np.inf).max(axis=-1, keepdims=True)
    from_top = np.cumsum(usable[..., ::-1], axis=-1)[..., ::-1]
    usable &= (beta >= last / DECADE * (1.0 - 1e-9)) | (from_top <= 3)
    weight = np.where(usable, weight, 0.0)
    slope = weighted_line(np.log(beta), ln_q, weight)[1]
    enough = usable.sum(axis=-1) >= 3
    slope[:, ~enough] = np.nan
    curve = weighted_line(np.log(beta), np.log(theory["q"].values)[:, None], weight)[1]
    needed = np.where(usable, smallest_asymptotic(theory).values[:, None], 0.0).max(axis=-1)
    large = table["N"].values[:, None] >= needed
    excess = at_infinite_N(table["N"].values, np.moveaxis(np.where(large, slope - curve, np.nan), 2, -1))
    dims, text = TABLE[:-1], "d ln q/d ln beta over the last decade of converged beta"
    result = interval_variables("exponent", slope, min_seeds(table["n_seeds"], "beta"), dims, text)
    result |= interval_variables(
        "exponent_excess",
        excess,
        min_seeds(table["n_seeds"], ("N", "beta")),
        ("gamma", "g"),
        "exponent minus that of the replica curve, at N = infinity",
        against_zero=True,
    )
    first = np.where(usable, beta, np.inf).min(axis=-1)
    for name, values, long_name in (
        ("exponent_theory", curve, f"{text}, replica curve"),
        ("exponent_beta_min", first, "smallest beta in the fit"),
        ("exponent_beta_max", last[..., 0], "largest beta in the fit"),
    ):
        result[name] = xr.Variable(dims, np.where(enough, values, np.nan), attrs(long_name))
    return result


def at_infinite_N(N: Floats, replicates: Floats) -> Floats:
    """Value at 1/N = 0 of a + b/N, fitted along the last axis; nan with fewer than three sizes."""
    weight = weights(replicates)
    several = (weight > 0.0).sum(axis=-1, keepdims=True) >= MIN_SIZES
    return weighted_line(1.0 / N, replicates, np.where(several, weight, 0.0))[0]


def vertex(x: Floats, y: Floats) -> Floats:
    """Position of the maximum: parabola through the highest of (..., x) points and its neighbours.

    Returns
    -------
    (...) array
        nan where the highest point is the first or last one, or a neighbour of it is nan.
    """
    filled = np.where(np.isfinite(y), y, -np.inf)
    if len(x) < 3:
        return np.full(y.shape[:-1], np.nan)
    top = filled.argmax(axis=-1)
    i = np.clip(top, 1, len(x) - 2)
    left, mid, right = (np.take_along_axis(y, (i + k)[..., None], axis=-1)[..., 0] for k in (-1, 0, 1))
    h, k = x[i] - x[i - 1], x[i + 1] - x[i]
    with np.errstate(invalid="ignore", divide="ignore"):
        rise, fall = (mid - left) / h, (right - mid) / k
        maximum = 0.5 * (x[i - 1] + x[i]) + rise * 0.5 * (h + k) / (rise - fall)
    return np.where(top == i, maximum, np.nan)


def sharpest_bend(x: Floats, y: Floats) -> Floats:
    """Position where y bends down most: the `vertex` of minus its second divided difference."""
    if len(x) < 5:
        return np.full(y.shape[:-1], np.nan)
    slopes = np.diff(y) / np.diff(x)
    return vertex(x[1:-1], -np.diff(slopes) / (0.5 * (x[2:] - x[:-2])))


_BENDS = (
    ("peak", "g of the maximum of R_int", vertex),
    ("kink", "g where R_int bends down most", sharpest_bend),
)


def _bend(
    name: str,
    long_name: str,
    locate: Callable[[Floats, Floats], Floats],
    response: Floats,
    good: NDArray[np.bool_],
    table: xr.Dataset,
    theory: Floats,
) -> dict[str, xr.Variable]:
    """Where R_int bends, at the largest beta at which the most sizes show it, and its limit in N."""
    g, N, beta = (table[k].values for k in ("g", "N", "beta"))
    bends = locate(g, np.moveaxis(np.where(good, response, np.nan), -1, 1))
    sizes = np.isfinite(variance(bends)).sum(axis=-1)
    best, row = len(beta) - 1 - np.argmax(sizes[::-1], axis=0), np.arange(sizes.shape[1])
    bends = bends[:, best, row]
    seeds = min_seeds(table["n_seeds"], ("g", "beta"))
    result = interval_variables(name, bends, seeds, ("gamma", "N"), long_name)
    limit_name = f"{long_name}, a + b/N at 1/N = 0"
    result |= interval_variables(f"{name}_limit", at_infinite_N(N, bends), seeds.min(axis=-1), ("gamma",), limit_name)
    curve = locate(g, np.moveaxis(theory, -1, 0))[best, row]
    chosen = np.where(sizes.max(axis=0) > 0, beta[best], np.nan)
    for key, values, text in (
        ("theory", curve, "same estimator on the replica curve"),
        ("beta", chosen, "inverse temperature"),
    ):
        result[f"{name}_{key}"] = xr.Variable(("gamma",), values, attrs(f"{long_name}: {text}"))
    return result
