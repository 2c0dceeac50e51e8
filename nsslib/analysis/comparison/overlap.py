"""Verdict on the overlap: whether it vanishes with the number of units, or tends to a constant.

Where the branch without overlap is stable, replicon lambda < 1, Q of two replicas is Gaussian of variance
~ 1/(N (1 - lambda)): E|Q| = b N^(-1/2) and E Q^2 = b/N. A constant a beside them is an overlap at N = infinity.
Smaller sizes, N (1 - lambda)^2 of order one and below, are those of the transition itself, where Q^2 falls as
N^(-1/2) or slower, which a fit takes for a constant: a verdict "finite" needs larger ones, "vanishes" does not,
for this error has one sign.
"""

from __future__ import annotations

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from nsslib.analysis.intervals import POINT, TABLE, attrs, z_score
from nsslib.analysis.sizes.extrapolation import smallest_asymptotic
from nsslib.analysis.sizes.resampling import bootstrap_means, interval_variables, min_seeds, spread, weights
from nsslib.analysis.sizes.scatter import MIN_SIZES, Floats, weighted_line

POWERS = {"Q_abs": 0.5, "Q2": 1.0}
"""y = a + b N^-power."""
VERDICTS = ("undecided", "vanishes", "finite")
_FINITE, _ZERO, _SHARE = 3.0, 2.0, 0.5


def overlap_verdict(table: xr.Dataset, seeds: xr.Dataset, theory: xr.Dataset) -> xr.Dataset:
    """Overlap at N = infinity of every point, from its converged sizes.

    Parameters
    ----------
    table : Dataset
        Order parameters, dims (gamma, N, g, beta).
    seeds : Dataset
        The same of every realisation, with dim seed.
    theory : Dataset
        Replica values, dims (gamma, g, beta): replicon and Q.

    Returns
    -------
    Dataset
        Dims (gamma, g, beta): Q_abs_limit (a of a + b N^-1/2), Q2_limit (a of a + b/N), each with slope, errors,
        flag and verdict; Q_abs_power (c of E|Q| ~ N^-c); sizes; Q_theory; verdict, where the two do not contradict.
        Verdicts are 0: undecided, 1: vanishes, 2: finite.
    """
    table = table.transpose(*TABLE)
    N = table["N"].values.astype(float)
    result = xr.Dataset(coords={d: table[d] for d in POINT})
    large = smallest_asymptotic(theory).transpose(*POINT).values[..., None] <= N
    seeds_used = min_seeds(table["n_seeds"].where(table["converged"] > 0), "N")
    converged = np.moveaxis(table["converged"].values > 0, 1, -1)
    decided = {}
    for name in POWERS:
        # The sizes of a point as the last axis: (replicate, gamma, g, beta, N).
        y = np.moveaxis(bootstrap_means(seeds[name]), 2, -1)
        weight = np.where(converged, weights(y), 0.0)
        good = (weight > 0.0) & ((weight > 0.0).sum(axis=-1, keepdims=True) >= MIN_SIZES)
        variables, decided[name] = _limit(name, N, y, np.where(good, weight, 0.0), large, seeds_used)
        result.update(variables)
        if name == "Q_abs":
            counts = {"sizes": "number of converged sizes in the fits"}
            counts["sizes_asymptotic"] = "those with N (1 - replicon)^2 >= 10"
            for count, sizes in zip(counts, (good, large & good), strict=True):
                result[count] = (POINT, sizes.sum(axis=-1), attrs(counts[count]))
            result.update(_free_power(N, y, good, seeds_used))
    of_abs, of_square = decided["Q_abs"], decided["Q2"]
    agreed = np.where((of_abs == of_square) | (of_square == 0), of_abs, 0)
    agreed = np.where(of_abs == 0, of_square, agreed).astype(np.int8)
    result["Q_theory"] = abs(theory["Q"]).transpose(*POINT).assign_attrs(attrs("|overlap| in replica theory"))
    result["verdict"] = (POINT, agreed, _flags("verdict on the overlap, from E|Q| and E Q^2"))
    return result


def _limit(
    name: str, N: Floats, y: Floats, weight: Floats, large: NDArray[np.bool_], seeds: Floats
) -> tuple[dict[str, xr.Variable], NDArray[np.int8]]:
    """a and b of a + b N^-power with errors, and the verdict; y: (replicate, gamma, g, beta, N), weight: y[0]."""
    power, good = POWERS[name], weight > 0.0
    a, b = weighted_line(N**-power, y, weight)
    text = f"{'E|Q|' if name == 'Q_abs' else 'E Q^2'} at N = infinity, a of a + b N^-{power:g}"
    result = interval_variables(f"{name}_limit", a, seeds, POINT, text)
    result |= interval_variables(f"{name}_slope", b, seeds, POINT, f"{text}: b")
    constant = weighted_line(N**-power, y, np.where(large, weight, 0.0))[0]
    constant[:, (large & good).sum(axis=-1) < MIN_SIZES] = np.nan
    z = [z_score(*spread(value, seeds)) for value in (a, constant, curved_limit(N, y, weight, power))]
    high = result[f"{name}_limit_interval"].values[..., 1]
    # Finite also from the asymptotic sizes alone and with the next correction; vanishing if half of what the
    # largest size has is excluded.
    vanishes = (abs(z[0]) < _ZERO) & (high < _SHARE * _at_largest(y[0], good))
    verdict = np.where(np.all(np.array(z) > _FINITE, axis=0), 2, np.where(vanishes, 1, 0)).astype(np.int8)
    result[f"{name}_verdict"] = xr.Variable(POINT, verdict, _flags(f"verdict on {text}"))
    return result, verdict


def _at_largest(y: Floats, good: NDArray[np.bool_]) -> Floats:
    """Value at the largest size that is good."""
    last = np.where(good, np.arange(y.shape[-1]), 0).argmax(axis=-1)[..., None]
    return np.take_along_axis(y, last, axis=-1)[..., 0]


def curved_limit(N: Floats, y: Floats, weight: Floats, power: float) -> Floats:
    """a of a + b N^-power + c N^-(power + 1), least squares along the last axis; nan with fewer than four sizes.

    Parameters
    ----------
    N : (sizes,) array
    y : (replicate, ..., sizes) array
    weight : (..., sizes) array
        0 where a size takes no part.
    """
    used = weight > 0.0
    design = np.stack([np.ones_like(N), (N / N[0]) ** -power, (N / N[0]) ** -(power + 1.0)], axis=-1)
    root = np.sqrt(np.where(used, weight, 0.0))[..., None]
    inverse = np.linalg.pinv(design * root)[..., 0, :] * root[..., 0]
    a = (inverse * np.where(used, y, 0.0)).sum(axis=-1)
    return np.where(used.sum(axis=-1) > 3, a, np.nan)


def _free_power(N: Floats, y: Floats, good: NDArray[np.bool_], seeds: Floats) -> dict[str, xr.Variable]:
    """c of E|Q| ~ N^-c."""
    with np.errstate(invalid="ignore", divide="ignore"):
        ln_y = np.log(np.where(y > 0.0, y, np.nan))
        weight = np.where(good, weights(ln_y), 0.0)
    slope = weighted_line(np.log(N), ln_y, weight)[1]
    return interval_variables("Q_abs_power", -slope, seeds, POINT, "c of E|Q| ~ N^-c; 1/2 if the overlap vanishes")


def _flags(long_name: str) -> dict[str, object]:
    return attrs(long_name) | {"flag_values": list(range(len(VERDICTS))), "flag_meanings": " ".join(VERDICTS)}
