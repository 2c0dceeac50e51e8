"""Fluctuation-response: the correlation of x and phi(x) within a state, from the responses.

In the single-site measure sqrt(beta) x = z + (rh - Rh) phi, and at fixed fields <z phi> - <z><phi> =
s2 (<w phi> - <w><phi>), because h_z cancels. With E over the fields, r - R = E[<w phi> - <w><phi>] and
(rh - Rh) = beta g^2 gamma (r - R),

    sigma_xphi := E[<x phi> - <x><phi>] = (r - R) [1 + beta g^2 (q - Q)(1 + gamma)]/sqrt(beta)

(Qiu & Huang, arXiv 2401.10009, for any gamma and eta). A sample has the same relation before averages
of products are factorised, exact at every N: integrating Gaussian couplings by parts, with v = x - J phi,
rho = v.phi/N of one replica, Q_ab = phi_a.phi_b/N and rho_ab = v_a.phi_b/N of two,

    E<x.phi>/N = E<rho> + beta g^2 E[(1 + gamma) <rho q - rho_ba Q_ab> - c D]

where D = sum_i <(v_i phi_i - v'_i phi'_i) phi_i^2>/N^2, primed of the other replica, are the terms of the
self-couplings: c = 1 + gamma if there are none, c = gamma if their variance is 1/N. As E(x) is even,
<x> = <phi> = 0 and the left-hand side is sigma_xphi.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal, NamedTuple

import numpy as np
from numpy.typing import ArrayLike

from nsslib.arrays import Floats
from nsslib.errors import UserError
from nsslib.model.transfer import transfer

SPACING, FARTHEST = 0.25, 9.0


def fluctuation_response(
    q: ArrayLike, Q: ArrayLike, r: ArrayLike, R: ArrayLike, g: ArrayLike, beta: ArrayLike, gamma: ArrayLike = 0.0
) -> Floats:
    """sigma_xphi from the order parameters.

    Parameters
    ----------
    q, Q, r, R : float or array
        A solution of the replica-symmetric equations, as `nsslib.solve` returns it.
    g, beta, gamma : float or array
        Coupling strength, inverse temperature (finite), reciprocity.

    Returns
    -------
    float64 ndarray of the broadcast shape, dimensionless
        (r - R)[1 + beta g^2 (q - Q)(1 + gamma)]/sqrt(beta).

    References
    ----------
    Qiu & Huang, arXiv 2401.10009.
    """
    q, Q, r, R, g, beta, gamma = (np.asarray(value, dtype=np.float64) for value in (q, Q, r, R, g, beta, gamma))
    return np.asarray((r - R) * (1.0 + beta * g**2 * (q - Q) * (1.0 + gamma)) / np.sqrt(beta))


def connected_correlation(
    order: ArrayLike,
    g: float,
    beta: float,
    gamma: float = 0.0,
    eta: float = 0.0,
    phi: str = "tanh",
    nodes: int = 40,
) -> float:
    """E[<x phi> - <x><phi>] by direct integration over one site, at any order parameters.

    Parameters
    ----------
    order : (6,) array
        (q, Q, r, R, qh, Qh).
    g, beta, gamma, eta, phi
        As for `nsslib.solve`, scalars; beta finite, phi bounded.
    nodes : int
        Gauss-Hermite points a field.

    Returns
    -------
    float, dimensionless
        Equal to `fluctuation_response` exactly where `order` solves the equations for r and R.
    """
    q, Q, r, R, qh, Qh = (float(value) for value in np.asarray(order, dtype=np.float64))
    b = beta * g**2
    s2, d = 1.0 + b * (q - Q), b * gamma * (r - R)
    h_p, h_z, weight = _fields(b * Q / s2**2, b * gamma * R / s2, Qh, nodes)
    width = np.sqrt(s2 / beta)
    far = FARTHEST * np.sqrt(1.0 / beta + g**2 * q) + abs(d) / np.sqrt(beta) + width
    x = np.arange(-far, far, SPACING * min(width, 1.0 / np.sqrt(1.0 + abs(qh)), 0.4))
    p = transfer(phi).value(x)
    z = np.sqrt(beta) * x - d * p
    H = -(z**2) / (2.0 * s2) + 0.5 * (qh - Qh) * p**2 - beta * eta * x**2 + h_p[:, None] * p + h_z[:, None] * z
    density = np.exp(H - H.max(axis=1, keepdims=True))
    density /= density.sum(axis=1, keepdims=True)
    return float(weight @ (density @ (x * p) - (density @ x) * (density @ p)))


def _fields(K_zz: float, K_pz: float, K_pp: float, nodes: int) -> tuple[Floats, Floats, Floats]:
    """Gauss-Hermite nodes of (h_p, h_z) and their weights; one node where there is no overlap."""
    if K_pp == 0.0 and K_zz == 0.0:
        return np.zeros(1), np.zeros(1), np.ones(1)
    n, w = np.polynomial.hermite_e.hermegauss(nodes)
    first, second = (grid.ravel() for grid in np.meshgrid(n, n, indexing="ij"))
    mixed = K_pz / np.sqrt(K_zz)
    h_p = mixed * first + np.sqrt(max(K_pp - mixed**2, 0.0)) * second
    return h_p, np.sqrt(K_zz) * first, np.outer(w, w).ravel() / w.sum() ** 2


class SampledIdentity(NamedTuple):
    """Both sides of the relation; one disorder sample, or a mean over them."""

    correlation: float
    """<x.phi>/N."""
    response: float
    """The right-hand side."""


def sampled_identity(
    x: ArrayLike,
    J0: ArrayLike,
    g: float,
    beta: float,
    gamma: float = 0.0,
    phi: str = "tanh",
    diagonal: Literal["zero", "iid"] = "zero",
) -> SampledIdentity:
    """Both sides of the finite-N relation on one disorder sample.

    Parameters
    ----------
    x : (replica, draw, N) array
        Equilibrated states of at least two independent replicas, with the same draws.
    J0 : (N, N) array
        Couplings as `nsslib.couplings` draws them.
    g, beta, gamma, phi
        As for `nsslib.simulate`, scalars.
    diagonal : {"zero", "iid"}
        Self-couplings with which J0 was drawn.

    Returns
    -------
    SampledIdentity
        Dimensionless. The two agree after the average over disorder only, see `over_disorder`.

    Raises
    ------
    UserError
        If there are fewer than two replicas.
    """
    x = np.asarray(x, dtype=np.float64)
    if x.ndim != 3 or len(x) < 2:
        raise UserError(f"x: shape {x.shape}; give (replica, draw, N) with at least 2 replicas")
    N, f = x.shape[-1], transfer(phi).value(x)
    v = x - g * f @ np.asarray(J0).T
    rho, q = (v * f).mean(axis=-1), (f * f).mean(axis=-1)
    Q, rho_ab = (np.einsum("adi,bdi->abd", left, f) / N for left in (f, v))
    own = np.eye(len(x), dtype=bool)
    crossed = (np.swapaxes(rho_ab, 0, 1) * Q)[~own].mean()
    vf = v * f
    local = np.einsum("adi,bdi->abd", f * f, vf) / N**2
    D = local[own].mean() - local[~own].mean()
    c = 1.0 + gamma if diagonal == "zero" else gamma
    connected = (1.0 + gamma) * ((rho * q).mean() - crossed) - c * D
    return SampledIdentity(float((x * f).mean()), float(rho.mean() + beta * g**2 * connected))


def over_disorder(samples: Sequence[SampledIdentity]) -> tuple[SampledIdentity, SampledIdentity, float]:
    """Average both sides over disorder samples.

    Parameters
    ----------
    samples : sequence of SampledIdentity
        At least two disorder samples.

    Returns
    -------
    mean, error : SampledIdentity
        Means, and their standard errors over disorder (thermal errors included).
    z : float
        Mean difference of the two sides of a sample, in its own standard error.

    Raises
    ------
    UserError
        If there are fewer than two samples.
    """
    if len(samples) < 2:
        raise UserError(f"samples: {len(samples)} given; an error over disorder needs at least 2")
    table = np.asarray(samples)
    root = np.sqrt(len(table))
    mean, error = table.mean(axis=0), table.std(axis=0, ddof=1) / root
    difference = table[:, 0] - table[:, 1]
    z = float(difference.mean() / (difference.std(ddof=1) / root))
    return SampledIdentity(*mean.tolist()), SampledIdentity(*error.tolist()), z
