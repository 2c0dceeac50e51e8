"""The linear phase: closed forms, exact for linear phi at any beta and for any phi as beta -> inf.

With phi(x) = x the zero-overlap equations reduce to one for a = beta g^2 q,

    g^2 = G(a) = a (1 + a) (1/(1 + (1 + gamma) a)^2 + 2 eta)
    R_int = (a/g^2)/(1 + (1 + gamma) a),   beta q Y = R_int^2 - (a/g^2)/(1 + a)

G rises strictly, as the derivative of a (1 + a)/(1 + (1 + gamma) a)^2 has the sign of 1 + (1 - gamma) a > 0.

Without confinement G ends at g_c^2 = 1/(1 + gamma)^2: the transition, below which the origin is the only fixed
point and |x|^2 ~ 1/beta. With eta > 0 it grows without bound: one solution at every g, analytic in g, so that
nothing is singular. Nor can it lose its stability against overlaps: the replicon map of `stability` is
what also carries changes of (q, R_int, Y) through the equations, and it keeps positive semidefinite matrices so
(|gamma| <= 1), hence its eigenvalue of largest modulus is real and positive and could pass 1 only where dG/da = 0.
Since E >= eta |x|^2, states with <x^2> > 0 lose beta eta <x^2> in -beta f: at beta = inf and fixed eta > 0 this
is the only phase, and there is no transition at any g. What is left of it is a maximum of R_int
(`response_maximum`) and beta q ~ eta^(-1/3) at g_c. At fixed beta eta instead, the origin is unconfined and the
transition stays at g_c; see `expansions.onset` for the activity.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike
from scipy.optimize import brentq

from nsslib.arrays import Floats
from nsslib.errors import UserError


class LinearPhase(NamedTuple):
    """Closed-form values, dimensionless; each has the broadcast shape of (g, gamma, eta).

    `R_int` is the integrated response, `beta_q` = beta q, `excess` = -beta f - ln(2 pi/beta)/2.
    """

    R_int: Floats
    beta_q: Floats
    excess: Floats


def transition(gamma: ArrayLike) -> Floats:
    """Coupling strength g_c = 1 / (1 + gamma) where the origin loses its stability.

    Parameters
    ----------
    gamma : float or array
        Reciprocity in [-1, 1].

    Returns
    -------
    float64 ndarray of the shape of `gamma`; inf at gamma = -1.

    Raises
    ------
    UserError
        If `gamma` is outside [-1, 1].
    """
    gamma = np.asarray(gamma, dtype=np.float64)
    if not (np.abs(gamma) <= 1.0).all():
        raise UserError(f"gamma: {gamma} is not in [-1, 1]; give a reciprocity between -1 and 1")
    with np.errstate(divide="ignore"):
        return np.asarray(1.0 / (1.0 + gamma))


def linear_phase(g: ArrayLike, gamma: ArrayLike = 0.0, eta: ArrayLike = 0.0) -> LinearPhase:
    """Integrated response, activity and free energy of the linear phase.

    Below the transition of eta = 0, R_int = (1 - sqrt(1 - 4 gamma g^2)) / (2 gamma g^2), beta q = R_int^2 /
    (1 - g^2 R_int^2), and -beta f exceeds ln(2 pi / beta) / 2 by ln R_int - gamma g^2 R_int^2 / 2.
    From the transition on the linear activity diverges; R_int = 1 / (g^2 (1 + gamma)) and the excess
    1/2 - ln g - 1 / (2 g^2 (1 + gamma)) = -ln|det(1 - J)|/N are then the origin's own
    (Qiu & Huang, arXiv 2401.10009, replica-symmetric equations with phi(x) = x).

    Parameters
    ----------
    g : float or array
        Coupling strength, >= 0.
    gamma : float or array
        Reciprocity in [-1, 1].
    eta : float or array
        Confinement, >= 0; where it is positive there is no transition, see the module's docstring.

    Returns
    -------
    LinearPhase
        Dimensionless arrays (R_int, beta_q, excess); for eta = 0 beta_q is inf from the transition on.

    Raises
    ------
    UserError
        If an argument is out of its range.
    """
    arrays = (np.asarray(value, dtype=np.float64) for value in (g, gamma, eta))
    g, gamma, eta = np.broadcast_arrays(*arrays)
    for name, values in (("g", g), ("eta", eta)):
        if not ((values >= 0.0) & np.isfinite(values)).all():
            raise UserError(f"{name}: {values} is out of range; give finite numbers >= 0")
    free, confined = _free(g, gamma), _confined(g, gamma, eta)
    return LinearPhase(*(np.where(eta > 0.0, one, other) for one, other in zip(confined, free, strict=True)))


def _free(g: Floats, gamma: Floats) -> LinearPhase:
    below = g < transition(gamma)
    a = np.where(below, gamma * g**2, 0.0)
    # The conjugate form of the root: no 0/0 at gamma = 0.
    R = 2.0 / (1.0 + np.sqrt(1.0 - 4.0 * a))
    gap = np.where(below, 1.0 - (np.where(below, g, 0.0) * R) ** 2, 1.0)
    width = np.where(below, 1.0, g**2 * (1.0 + gamma))
    return LinearPhase(
        R_int=np.where(below, R, 1.0 / width),
        beta_q=np.where(below, R**2 / gap, np.inf),
        excess=np.where(below, np.log(R) - 0.5 * a * R**2, 0.5 - np.log(np.where(below, 1.0, g)) - 0.5 / width),
    )


def squared_coupling(a: ArrayLike, gamma: ArrayLike, eta: ArrayLike) -> Floats:
    """g^2 = G(a) of the linear phase at a = beta g^2 q; arguments broadcast."""
    a = np.asarray(a, dtype=np.float64)
    g2: Floats = a * (1.0 + a) * ((1.0 + (1.0 + np.asarray(gamma)) * a) ** -2 + 2.0 * np.asarray(eta))
    return g2


@np.vectorize
def _inverse(g: float, gamma: float, eta: float) -> float:
    """Solve G(a) = g^2 for beta q = a/g^2, which stays finite as g -> 0; NaN where eta = 0."""
    if not eta > 0.0:
        return np.nan
    # The Hessian's eigenvalues lie between 2 eta and 2 eta + (1 + 2 g)^2, with room to spare at any gamma.
    low, high = 1.0 / (2.0 * eta + (1.0 + 2.0 * g) ** 2), 0.5 / eta

    def excess(ln_q: float) -> float:
        q = np.exp(ln_q)
        return float(q * (1.0 + g * g * q) * ((1.0 + (1.0 + gamma) * g * g * q) ** -2 + 2.0 * eta) - 1.0)

    return float(np.exp(brentq(excess, np.log(low) - 1e-6, np.log(high) + 1e-6, xtol=1e-15, rtol=1e-15)))


def _confined(g: Floats, gamma: Floats, eta: Floats) -> LinearPhase:
    q = _inverse(g, gamma, eta)
    a = g**2 * q
    R = q / (1.0 + (1.0 + gamma) * a)
    ratio = q / (1.0 + a)
    return LinearPhase(R, q, 0.5 * np.log(ratio) - 0.5 * g**2 * ((1.0 + gamma) * R**2 - ratio))


def response_maximum(gamma: float, eta: float) -> tuple[float, float]:
    """Coupling and height of the maximum of R_int along g in the confined linear phase.

    With y = 1 + (1 + gamma) a it is where 4 eta y^3 + 2 eta gamma y^2 = gamma; as eta -> 0, y -> inf and the maximum
    becomes the cusp of height 1 + gamma at g_c.

    Parameters
    ----------
    gamma : float
        Reciprocity in (0, 1].
    eta : float
        Confinement, > 0.

    Returns
    -------
    (g, R_int)

    Raises
    ------
    UserError
        If eta >= gamma/(4 + 2 gamma): there y <= 1, and R_int falls with g from g = 0 on.
    """
    if not 0.0 < eta < gamma / (4.0 + 2.0 * gamma):
        raise UserError(
            f"eta: R_int has no smooth maximum at gamma = {gamma:g}, eta = {eta:g}; give gamma > 0 and an eta "
            "between 0 and gamma/(4 + 2 gamma)"
        )
    highest = np.cbrt(gamma / (4.0 * eta))
    y = brentq(lambda y: 4.0 * eta * y**3 + 2.0 * eta * gamma * y**2 - gamma, 1.0, highest + 1.0, xtol=1e-14)
    a = (y - 1.0) / (1.0 + gamma)
    g2 = float(squared_coupling(a, gamma, eta))
    return float(np.sqrt(g2)), float(a / (g2 * y))
