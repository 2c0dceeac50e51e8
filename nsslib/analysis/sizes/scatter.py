"""Straight lines over sizes, and the scatter between realisations as a power of N.

Order parameters differ between realisations with heavy tails: rare couplings close to an instability
carry much of the variance, and two dozen without one of them show a scatter several times too
small. Weights from such a variance let one size decide. The scatter is therefore taken from all sizes
together, as a power of N.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]

MIN_SIZES = 3
"""Smallest number of sizes that a statement about N = infinity rests on."""
_ITERATIONS = 100


def weighted_line(x: Floats, y: Floats, weight: Floats) -> tuple[Floats, Floats]:
    """Weighted least squares y = a + b x along the last axis; points of weight 0 may be nan.

    Returns
    -------
    a, b : arrays of the broadcast shape without its last axis
        nan with fewer than two points.
    """
    used = weight > 0.0
    w, y = np.where(used, weight, 0.0), np.where(used, y, 0.0)
    with np.errstate(invalid="ignore", divide="ignore"):
        total = w.sum(axis=-1)
        x0 = (w * x).sum(axis=-1) / total
        away = np.where(used, x - x0[..., None], 0.0)
        several = used.sum(axis=-1) > 1
        b = np.where(several, (w * away * y).sum(axis=-1) / (w * away**2).sum(axis=-1), np.nan)
        return (w * y).sum(axis=-1) / total - b * x0, b


def pooled_variance(N: Floats, variance: Floats, n: Floats) -> tuple[Floats, Floats]:
    """Variance of means over realisations, that of one sample being a power of N.

    Gamma regression with logarithmic link: it needs the mean of the scatter alone, not for the
    distribution of the samples.

    Parameters
    ----------
    N : (sizes,) array
    variance : (..., sizes) array
        Of the mean, from the scatter between the samples of each size alone.
    n : (..., sizes) array
        Number of samples.

    Returns
    -------
    variance : (..., sizes) array
        As given where fewer than three sizes have a scatter.
    dof : (..., sizes) array
        Degrees of freedom: of all sizes together, minus two.
    """
    dof = np.maximum(n - 1.0, 0.0)
    used = (dof > 0.0) & (variance > 0.0)
    several = used & (used.sum(axis=-1, keepdims=True) >= MIN_SIZES)
    weight, x = np.where(several, dof, 0.0), np.log(np.asarray(N, dtype=np.float64))
    of_one = np.where(several, variance * n, 1.0)
    line = np.stack(weighted_line(x, np.log(of_one), weight))
    for _ in range(_ITERATIONS):
        eta = line[0][..., None] + line[1][..., None] * x
        change = np.stack(weighted_line(x, of_one * np.exp(-eta) - 1.0, weight))
        # From far below, a whole step would overshoot.
        farthest = np.abs(change[0][..., None] + change[1][..., None] * x).max(axis=-1)
        line = line + change / np.maximum(farthest, 1.0)
    a, b = line
    fitted = np.exp(a[..., None] + b[..., None] * x) / np.maximum(n, 1.0)
    together = np.maximum(weight.sum(axis=-1, keepdims=True) - 2.0, 1.0)
    return np.where(several, fitted, variance), np.where(several, together, dof)
