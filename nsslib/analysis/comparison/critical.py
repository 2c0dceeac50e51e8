"""Critical behaviour from the tables: exponents of the activity, and the coupling of the transition.

Asymptotic exponents are not reached at finite beta, nor the cusp of R_int: whatever is measured is laid
beside the same estimator on the replica curve, at the same cells.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from nsslib.analysis.comparison.collapse import scaling_collapse
from nsslib.analysis.sizes.extrapolation import smallest_asymptotic
from nsslib.analysis.sizes.resampling import (
    Floats,
    attrs,
    bootstrap_means,
    described,
    fewest,
    sufficient,
    variance,
    weights,
    z_score,
)
from nsslib.analysis.sizes.scatter import LEAST_N, weighted_line
from nsslib.theory.replica import transition

DECADE = 10.0
"""The exponent is fitted over the last decade of converged beta, over three of them at least."""


def critical_behaviour(table: xr.Dataset, seeds: xr.Dataset, theory: xr.Dataset, eta: float = 0.0) -> xr.Dataset:
    """Exponents of q and estimates of g_c, with errors from a bootstrap over disorder samples.

    Parameters
    ----------
    table : Dataset
        Order parameters, dims (gamma, N, g, beta).
    seeds : Dataset
        The same of every disorder sample, with dim seed.
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
        x_low, x_high and x_enough, 0 where cells, sizes or seeds do not suffice.
    """
    dims = ("gamma", "N", "g", "beta")
    table, theory = table.transpose(*dims), theory.transpose("gamma", "g", "beta")
    good = table["converged"].values > 0
    q, response = (bootstrap_means(seeds[name]) for name in ("q", "R_int"))
    result = xr.Dataset(coords={d: table[d] for d in dims[:-1]})
    result.update(exponents(q, good, table, theory))
    predicted = [[asymptotic_exponent(g, gamma, eta) for g in table["g"].values] for gamma in table["gamma"].values]
    result["exponent_predicted"] = (("gamma", "g"), predicted, attrs("d ln q/d ln beta as beta -> inf, replica theory"))
    edge = [transition(gamma) for gamma in table["gamma"].values]
    result["g_c_theory"] = (("gamma",), edge, attrs("edge of chaos 1/(1 + gamma)"))
    for name, words, find in _BENDS:
        result.update(_bend(name, words, find, response, good, table, theory["R_int"].values))
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
    places = (float(transition(gamma)), 1.0 / np.sqrt(1.0 + gamma))
    at = [np.isclose(g, place, rtol=1e-9) for place in places]
    if gamma == 0.0:
        return -0.5 if at[0] else (-1.0 if g < 1.0 else 0.0)
    if at[0]:
        return -2.0 / 3.0 if gamma < 1.0 else -0.75
    if at[1]:
        return -1.0 / 3.0
    return -1.0 if g < places[0] else (-0.5 if g < places[1] else 0.0)


def exponents(q: Floats, good: NDArray[np.bool_], table: xr.Dataset, theory: xr.Dataset) -> dict[str, xr.Variable]:
    """Local exponent d ln q/d ln beta over the last decade of converged beta.

    Parameters
    ----------
    q : (draw, gamma, N, g, beta) array
        Resampled activity.
    good : (gamma, N, g, beta) array
        Converged cells.
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
    dims = ("gamma", "N", "g")
    words = "d ln q/d ln beta over the last decade of converged beta"
    found = described(slope, fewest(table["n_seeds"], "beta"), dims, words)
    curve = weighted_line(np.log(beta), np.log(theory["q"].values)[:, None], weight)[1]
    result = {f"exponent{key}": value for key, value in found.items()}
    result["exponent_theory"] = xr.Variable(dims, np.where(enough, curve, np.nan), attrs(f"{words}, replica curve"))
    needed = np.where(usable, smallest_asymptotic(theory).values[:, None], 0.0).max(axis=-1)
    large = table["N"].values[:, None] >= needed
    excess = at_infinite_N(table["N"].values, np.moveaxis(np.where(large, slope - curve, np.nan), 2, -1))
    few, words = fewest(table["n_seeds"], ("N", "beta")), "exponent less that of the replica curve, at N = infinity"
    limits = described(excess, few, ("gamma", "g"), words)
    result |= {f"exponent_excess{key}": value for key, value in limits.items()}
    z = xr.Variable(("gamma", "g"), z_score(excess, few), attrs(f"{words}, as a Gaussian z-score"))
    result["exponent_excess_z"] = z
    first = np.where(usable, beta, np.inf).min(axis=-1)
    result["exponent_beta_min"] = xr.Variable(dims, np.where(enough, first, np.nan), attrs("smallest beta in the fit"))
    result["exponent_beta_max"] = xr.Variable(
        dims, np.where(enough, last[..., 0], np.nan), attrs("largest beta in the fit")
    )
    return result | sufficient("exponent", found[""])


def at_infinite_N(N: Floats, draws: Floats) -> Floats:
    """Value at 1/N = 0 of a + b/N, fitted along the last axis; nan with fewer than three sizes."""
    weight = weights(draws)
    several = (weight > 0.0).sum(axis=-1, keepdims=True) >= LEAST_N
    return weighted_line(1.0 / N, draws, np.where(several, weight, 0.0))[0]


def vertex(x: Floats, y: Floats) -> Floats:
    """Place of the maximum: parabola through the highest of (..., x) points and its neighbours.

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
        place = 0.5 * (x[i - 1] + x[i]) + rise * 0.5 * (h + k) / (rise - fall)
    return np.where(top == i, place, np.nan)


def sharpest_bend(x: Floats, y: Floats) -> Floats:
    """Place where y bends down most: the `vertex` of minus its second divided difference."""
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
    words: str,
    find: Callable[[Floats, Floats], Floats],
    response: Floats,
    good: NDArray[np.bool_],
    table: xr.Dataset,
    theory: Floats,
) -> dict[str, xr.Variable]:
    """Where R_int bends, at the largest beta at which the most sizes show it, and its limit in N."""
    g, N, beta = (table[k].values for k in ("g", "N", "beta"))
    places = find(g, np.moveaxis(np.where(good, response, np.nan), -1, 1))
    found = np.isfinite(variance(places))
    count = found.sum(axis=-1)
    best = len(beta) - 1 - np.argmax(count[::-1], axis=0)
    row = np.arange(len(best))
    places = places[:, best, row]
    seeds = fewest(table["n_seeds"], ("g", "beta"))
    result = {f"{name}{k}": v for k, v in described(places, seeds, ("gamma", "N"), words).items()}
    limit = at_infinite_N(N, places)
    found_limit = described(limit, seeds.min(axis=-1), ("gamma",), f"{words}, a + b/N at 1/N = 0")
    result |= {f"{name}_limit{k}": v for k, v in found_limit.items()}
    curve = find(g, np.moveaxis(theory, -1, 0))[best, row]
    result[f"{name}_theory"] = xr.Variable(("gamma",), curve, attrs(f"{words}: same estimator on the replica curve"))
    at = np.where(count.max(axis=0) > 0, beta[best], np.nan)
    result[f"{name}_beta"] = xr.Variable(("gamma",), at, attrs(f"{words}: inverse temperature"))
    return result | sufficient(name, result[name]) | sufficient(f"{name}_limit", found_limit[""])
