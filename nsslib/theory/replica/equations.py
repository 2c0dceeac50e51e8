"""The replica-symmetric equations and their free energy, at any order parameters.

Everything is written in variables that stay finite as beta -> inf: t = 1/beta, R_int =
sqrt(beta) r, v = s2/beta = t + g^2 (q - Q), kappa = (rh - Rh)/sqrt(beta) = g^2 gamma (R_int -
RQ_int), u = z/sqrt(beta) = x - kappa phi, h_u = sqrt(beta) h_z, W = sqrt(beta) w = u/v - h_u:

    H = -u^2/(2 v) + (qh - Qh) phi^2/2 + h_p phi + h_u u - beta eta x^2
    E h_p^2 = Qh,   E h_p h_u = g^2 gamma RQ_int/v,   E h_u^2 = g^2 Q/v^2
    q = E<phi^2>,   R_int = E<W phi>,    qh = g^2 (E<W^2> - 1/v)
    Q = E<phi>^2,   RQ_int = E<W><phi>,  Qh = g^2 E<W>^2

Source: Qiu & Huang, arXiv 2401.10009, replica-symmetric saddle point, for any gamma and eta.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike

from nsslib.arrays import Floats
from nsslib.model.transfer import Phi
from nsslib.theory.replica.single_site import Moments, OutsideDomain, moments, transfer_function

# Points along each of the two fields: enough for a smooth <phi>(h); the solver checks it.
FIELD_ORDER = 24
# Standard deviations kept by the trapezoid rule; the weight there is 3e-15 of its maximum.
FARTHEST = 8.2


@dataclass(frozen=True)
class Point:
    """Parameters of the equations; `t` is the temperature 1/beta, `beta_eta` is beta eta."""

    g: float
    t: float
    gamma: float
    beta_eta: float
    phi: Phi


class Order(NamedTuple):
    """Order parameters in scaled variables, finite as beta -> inf: R_int = sqrt(beta) r, RQ_int = sqrt(beta) R.

    Six numbers; solvers that need a vector use the (6,) array in this order.
    """

    q: float
    Q: float
    R_int: float
    RQ_int: float
    qh: float
    Qh: float


def width_and_feedback(order: Order, point: Point) -> tuple[float, float]:
    """Return v = t + g^2 (q - Q), the variance of the noise in x, and kappa = g^2 gamma (R_int - RQ_int)."""
    g2 = point.g**2
    return point.t + g2 * (order.q - order.Q), g2 * point.gamma * (order.R_int - order.RQ_int)


@lru_cache(maxsize=32)
def field_nodes(first: int, second: int) -> tuple[Floats, Floats]:
    """Nodes (n, 2) and weights (n,) of two standard Gaussians; half of them, as all averages are even.

    The averages vary slowly with the first (h_p, and the part of h_u that follows it), for which
    Gauss-Hermite is best, and sharply with the second (the rest of h_u), for which the trapezoid rule is.
    """
    if first % 2:
        raise ValueError("first must be even")
    x, w = np.polynomial.hermite_e.hermegauss(first)
    kept = x > 0.0
    y = np.linspace(-FARTHEST, FARTHEST, second)
    u = np.exp(-0.5 * y**2)
    one, two = np.meshgrid(x[kept], y, indexing="ij")
    weights = np.outer(w[kept] / w[kept].sum(), u / u.sum())
    return np.stack([one.ravel(), two.ravel()], axis=1), weights.ravel()


def units(beta: float) -> Floats:
    """Return the factors from (q, Q, r, R, qh, Qh) to (q, Q, R_int, RQ_int, qh, Qh)."""
    root = np.sqrt(beta)
    return np.array([1.0, 1.0, root, root, 1.0, 1.0])


def covariance_root(K_pp: float, K_pu: float, K_uu: float) -> Floats:
    """Lower triangular root (2, 2) of a covariance of (h_p, h_u), which may vanish."""
    if not (K_pp >= 0.0 and K_uu >= 0.0):
        raise OutsideDomain
    p = np.sqrt(K_pp)
    mixed = K_pu / p if p > 0.0 else 0.0
    rest = K_uu - mixed**2
    if rest < -1e-9 * K_uu or (p == 0.0 and K_pu != 0.0):
        raise OutsideDomain
    return np.array([[p, 0.0], [mixed, np.sqrt(max(rest, 0.0))]])


def fields(y: Floats, point: Point, nodes: Floats) -> tuple[Floats, Floats]:
    """Fields h_p and h_u, each (n,), at the nodes (n, 2); OutsideDomain if they have no covariance."""
    order = Order(*y)
    v, _ = width_and_feedback(order, point)
    if not (v > 0.0 and order.q > 0.0 and np.isfinite(y).all()):
        raise OutsideDomain
    g2 = point.g**2
    root = covariance_root(order.Qh, g2 * point.gamma * order.RQ_int / v, g2 * order.Q / v**2)
    h_p, h_u = root @ nodes.T
    return h_p, h_u


def natural(y: Floats, point: Point, nodes: Floats) -> Floats:
    """Coefficients (n, 5) of (phi, x, phi^2, phi x, x^2) in H."""
    h_p, h_u = fields(y, point, nodes)
    order = Order(*y)
    v, kappa = width_and_feedback(order, point)
    a_pp = 0.5 * (order.qh - order.Qh) - 0.5 * kappa**2 / v
    common = np.broadcast_to([a_pp, kappa / v, -0.5 / v - point.beta_eta], (len(nodes), 3))
    return np.column_stack([h_p - kappa * h_u, h_u, common])


def residual_moments(mean: Floats, v: float, kappa: float, h_u: Floats) -> tuple[Floats, Floats]:
    """<W> and var(W) - 1/v at every node, each (n,), from the means (n, 5) of the statistics."""
    p, x, pp, px, xx = mean.T
    u = x - kappa * p
    variance = xx - 2.0 * kappa * px + kappa**2 * pp - u**2
    return u / v - h_u, (variance / v - 1.0) / v


def averages(y: Floats, mean: Floats, point: Point, nodes: Floats, weights: Floats) -> Floats:
    """Right-hand sides (6,) of the equations from the means (n, 5) of the statistics."""
    _, h_u = fields(y, point, nodes)
    v, kappa = width_and_feedback(Order(*y), point)
    p, _, pp, px, _ = mean.T
    W, spread = residual_moments(mean, v, kappa, h_u)
    Wp = (px - kappa * pp) / v - h_u * p
    g2 = point.g**2
    return np.array([pp, p * p, Wp, W * p, g2 * (spread + W * W), g2 * W * W]) @ weights


def site_moments(y: Floats, point: Point, nodes: Floats, fineness: float = 1.0) -> Moments:
    """Averages of the five statistics at every node, (n, 2)."""
    return moments(natural(y, point, nodes), point.phi, fineness)


def excess(y: Floats, point: Point, site: Moments, weights: Floats) -> float:
    """-beta f - ln(2 pi/beta)/2, finite as beta -> inf."""
    q, Q, R, RQ, qh, Qh = y
    g2, (v, _) = point.g**2, width_and_feedback(Order(*y), point)
    coupled = 0.5 * (qh * q - Qh * Q) + 0.5 * g2 * point.gamma * (R**2 - RQ**2) + 0.5 * g2 * Q / v
    return float(site.log_norm @ weights - coupled - 0.5 * np.log(2.0 * np.pi * v))


def scaled(order: ArrayLike, g: float, beta: float, gamma: float, eta: float, phi: str | Phi) -> tuple[Floats, Point]:
    """Return an `Order` (6,) from (q, Q, r, R, qh, Qh), and the point."""
    y = np.asarray(order, dtype=np.float64) * units(beta)
    return y, Point(g, 1.0 / beta, gamma, beta * eta, transfer_function(phi))


def equations(
    order: ArrayLike,
    g: float,
    beta: float,
    gamma: float = 0.0,
    eta: float = 0.0,
    phi: str | Phi = "tanh",
    nodes: int = FIELD_ORDER,
) -> Floats:
    """Map order parameters to the right-hand sides of the replica-symmetric equations.

    A solution is a fixed point. The arguments may be any order parameters for which the density
    exists and (Qh, R, Q) define a covariance of the two fields: Qh Q >= (gamma g sqrt(beta) R)^2.

    Parameters
    ----------
    order : (6,) array
        (q, Q, r, R, qh, Qh), dimensionless; r and R are the integrated responses over sqrt(beta).
    g, beta, gamma, eta, phi
        As for `solve`, scalars; beta finite.
    nodes : int
        Quadrature points along each of the two fields, even.

    Returns
    -------
    (6,) float64 ndarray

    Raises
    ------
    ArithmeticError
        If the density or the covariance of the fields does not exist.
    """
    y, point = scaled(order, g, beta, gamma, eta, phi)
    n, w = field_nodes(nodes, nodes)
    image: Floats = averages(y, site_moments(y, point, n).mean, point, n, w) / units(beta)
    return image


def free_energy(
    order: ArrayLike,
    g: float,
    beta: float,
    gamma: float = 0.0,
    eta: float = 0.0,
    phi: str | Phi = "tanh",
    nodes: int = FIELD_ORDER,
) -> float:
    """-beta f at any order parameters; stationary exactly at the solutions of `equations`.

    There it is (1/N) ln Z, Z = integral of exp(-beta E) over R^N, averaged over the couplings, with no
    constant left out: (1/2) ln(2 pi/(beta (1 + 2 eta))) at g = 0.
    Its derivatives are differences between right-hand sides and arguments: (q' - q)/2 in qh,
    -(Q' - Q)/2 in Qh, (qh' - qh)/2 in q, -(Qh' - Qh)/2 in Q, beta g^2 gamma (r' - r) in r and
    -beta g^2 gamma (R' - R) in R.

    Parameters
    ----------
    order, g, beta, gamma, eta, phi, nodes
        As for `equations`.

    Returns
    -------
    float, dimensionless (per unit)

    Raises
    ------
    ArithmeticError
        If the density or the covariance of the fields does not exist.
    """
    y, point = scaled(order, g, beta, gamma, eta, phi)
    n, w = field_nodes(nodes, nodes)
    return excess(y, point, site_moments(y, point, n), w) + 0.5 * float(np.log(2.0 * np.pi / beta))
