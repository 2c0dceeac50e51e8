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

from typing import Literal, NamedTuple

import numpy as np
from numpy.typing import ArrayLike

from nsslib.arrays import Floats
from nsslib.errors import UserError
from nsslib.model.transfer import Phi, transfer
from nsslib.theory.replica.equations import field_nodes, scaled, site_moments

# Points along each of the two fields.
QUADRATURE = (24, 136)


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
    order: ArrayLike, g: float, beta: float, gamma: float = 0.0, eta: float = 0.0, phi: str | Phi = "tanh"
) -> float:
    """E[<x phi> - <x><phi>] by integration over one site, at any order parameters.

    Parameters
    ----------
    order, g, beta, gamma, eta, phi
        As for `equations.equations`.

    Returns
    -------
    float, dimensionless
        Equal to `fluctuation_response` exactly where `order` solves the equations for r and R.

    Raises
    ------
    ArithmeticError
        If the density or the covariance of the fields does not exist.
    """
    y, point = scaled(order, g, beta, gamma, eta, phi)
    nodes, weights = field_nodes(*QUADRATURE)
    return float(site_moments(y, point, nodes).cov[:, 0, 1] @ weights)


class SampledIdentity(NamedTuple):
    """Both sides of the relation on one disorder sample, a mean over samples, or its error."""

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
        Dimensionless. The two agree after the average over disorder only.

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
