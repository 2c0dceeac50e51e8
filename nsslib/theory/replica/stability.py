"""Stability of a replica-symmetric solution against differences between replicas (the replicon).

Small changes X = [[Q, R], [R, Yh]] of the overlaps of one pair of replicas, compensated by other
pairs, are mapped by one iteration of the replica-symmetric equations to

    X' = beta g^2 E S(h) [[Yh, gamma R], [gamma R, Q]] S(h)

with S(h) = [[<phi;phi>, <w;phi>], [<w;phi>, <w;w> - 1/s2]] the connected correlations at fixed fields
h, which are the responses of <phi> and <w> to them (de Almeida & Thouless 1978, for the two-component
overlaps of Qiu & Huang, arXiv 2401.10009). Without overlaps there are no fields and S = [[q, r], [r, Y]].
The solution is stable while every eigenvalue of this map is below 1 in modulus.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike

from nsslib.arrays import Floats


def replicon_modulus(
    A: ArrayLike, B: ArrayLike, C: ArrayLike, g: ArrayLike, gamma: ArrayLike, weights: ArrayLike | None = None
) -> Floats:
    """Largest modulus of an eigenvalue of the map, with S = [[A, B], [B, C]] in scaled variables.

    In those variables (W = sqrt(beta) w) beta drops out. A, B, C, g and gamma broadcast; with `weights` (n,) the
    matrix is averaged over the last axis. The eigenvalues do not change when A, B, C are measured in units of
    (q, 1, 1/q).
    """
    A, B, C, g, gamma = np.broadcast_arrays(*(np.asarray(v, dtype=np.float64) for v in (A, B, C, g, gamma)))
    # Rows: overlaps (Q, R, Yh) of S [[Yh, gamma R], [gamma R, Q]] S; columns: the same before.
    rows = [
        [B * B, 2.0 * gamma * A * B, A * A],
        [B * C, gamma * (B * B + A * C), A * B],
        [C * C, 2.0 * gamma * B * C, B * B],
    ]
    matrix = np.moveaxis(np.array(rows), (0, 1), (-2, -1)) * (g * g)[..., None, None]
    if weights is not None:
        matrix = np.einsum("...nij,n->...ij", matrix, np.asarray(weights))
    known = np.isfinite(matrix).all(axis=(-2, -1))
    values = np.linalg.eigvals(np.where(known[..., None, None], matrix, 0.0))
    return np.where(known, np.abs(values).max(axis=-1), np.nan)


def replicon(q: ArrayLike, r: ArrayLike, Y: ArrayLike, g: ArrayLike, beta: ArrayLike, gamma: ArrayLike = 0.0) -> Floats:
    """Largest modulus of the eigenvalues of the map of small overlaps; stable below 1.

    With S = [[q, r], [r, Y]] a small X = [[Q, R], [R, Yh]] is mapped by one iteration of the
    replica-symmetric equations to beta g^2 S [[Yh, gamma R], [gamma R, Q]] S (their linearisation
    about Q = R = Yh = 0; Qiu & Huang, arXiv 2401.10009). At gamma = eta = 0 this is
    (g E[phi'])^2.

    Parameters
    ----------
    q, r, Y : float or array
        Activity, response (the integrated response over sqrt(beta)) and excess speed of the zero-overlap solution.
    g, beta, gamma : float or array
        Coupling strength, inverse temperature (finite), reciprocity.

    Returns
    -------
    float64 ndarray of the broadcast shape, dimensionless; NaN where an argument is not finite.
    """
    beta = np.asarray(beta, dtype=np.float64)
    q, r, Y = (np.asarray(v, dtype=np.float64) for v in (q, r, Y))
    return replicon_modulus(1.0, np.sqrt(beta) * r, beta * q * Y, g, gamma)
