"""Stability of the zero-overlap branch against every replica-symmetric overlap (the replicon)."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray


def replicon_modulus(R_int: ArrayLike, a: ArrayLike, g: ArrayLike, gamma: ArrayLike) -> NDArray[np.float64]:
    """Replicon in variables that stay finite as beta -> inf: R_int = sqrt(beta) r, a = beta q Y.

    The eigenvalues do not change when overlaps are measured in units of q, so that q, r, Y enter
    by S = [[1, R_int], [R_int, a]] only.
    """
    s, a, g, gamma = np.broadcast_arrays(*(np.asarray(v, dtype=np.float64) for v in (R_int, a, g, gamma)))
    one = np.ones_like(s)
    # Rows: overlaps (Q, R, Yh) of S [[Yh, gamma R], [gamma R, Q]] S; columns: the same before.
    rows = [
        [s * s, 2.0 * gamma * s, one],
        [s * a, gamma * (s * s + a), s],
        [a * a, 2.0 * gamma * s * a, s * s],
    ]
    matrix = np.moveaxis(np.array(rows), (0, 1), (-2, -1)) * (g * g)[..., None, None]
    known = np.isfinite(matrix).all(axis=(-2, -1))
    values = np.linalg.eigvals(np.where(known[..., None, None], matrix, 0.0))
    return np.where(known, np.abs(values).max(axis=-1), np.nan)


def replicon(
    q: ArrayLike, r: ArrayLike, Y: ArrayLike, g: ArrayLike, beta: ArrayLike, gamma: ArrayLike = 0.0
) -> NDArray[np.float64]:
    """Largest modulus of the eigenvalues of the map of small overlaps; stable below 1.

    With S = [[q, r], [r, Y]] a small X = [[Q, R], [R, Yh]] is mapped by one iteration of the
    replica-symmetric equations to beta g^2 S [[Yh, gamma R], [gamma R, Q]] S (their linearisation
    about Q = R = Yh = 0; Qiu & Huang, arXiv 2401.10009). At gamma = eta = 0 this is
    (g E[phi'])^2.

    Parameters
    ----------
    q, r, Y : float or array
        Activity, integrated response and excess speed of the zero-overlap solution.
    g, beta, gamma : float or array
        Coupling strength, inverse temperature (finite), reciprocity.

    Returns
    -------
    float64 ndarray of the broadcast shape, dimensionless; NaN where an argument is not finite.
    """
    beta = np.asarray(beta, dtype=np.float64)
    q, r, Y = (np.asarray(v, dtype=np.float64) for v in (q, r, Y))
    return replicon_modulus(np.sqrt(beta) * r, beta * q * Y, g, gamma)
