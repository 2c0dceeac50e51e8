"""Fixed points of the network dx/dt = -x + J phi(x) in mean field.

One unit sees x = n + w phi(x) with n ~ N(0, g^2 C) and w = g^2 gamma R:

    C = E[phi^2],   R = E[dphi/dn] = E[phi'/(1 - w phi')]

For w phi'(0) > 1 the unit is bistable: x(n) has three values for ``|n|`` < n_s. `static_mean_field` takes
the one with the sign of n, which is unique, stable and the one an iteration from x = 0 finds. With x in
place of n as the variable of integration no root is ever solved for: on that branch, N the density of n,

    C = 2 int_{x0}^inf phi^2 (1 - w phi') N(x - w phi) dx,   R = 2 int_{x0}^inf phi' N(x - w phi) dx

where x0 >= 0 is the largest root of x = w phi(x); R is the response at fixed branch, and the jumps of
phi across n = 0 add 2 phi(x0) N(0), listed apart.

Source: the cavity form of dynamic mean-field theory at fixed points, as in Qiu & Huang (arXiv 2401.10009). All
quantities are dimensionless.
"""

from __future__ import annotations

from itertools import pairwise, product
from math import erf
from typing import NamedTuple

import numpy as np
from scipy.optimize import brentq, root

from nsslib.arrays import Floats
from nsslib.errors import UserError
from nsslib.model.transfer import Phi, transfer
from nsslib.theory.replica.linear_phase import linear_phase, transition

# The density of n ends at FARTHEST widths.
FARTHEST = 9.0
LEGENDRE = np.polynomial.legendre.leggauss(160)
STARTS = (0.3, 0.03, 0.003, 0.9)
TOLERANCE = 1e-10


class StaticMeanField(NamedTuple):
    """Self-consistent fixed points of a typical unit; dimensionless."""

    C: float
    """Activity E[phi^2], to compare with q."""
    R: float
    """Response E[phi'/(1 - w phi')], to compare with R_int."""
    l2: float
    """Squared norm E[x^2]."""
    w: float
    """Self-coupling g^2 gamma R."""
    multivalued: float
    """Probability that x = n + w phi(x) has three solutions."""
    jump: float
    """What the jumps of phi between branches would add to R."""
    residual: float
    """Largest difference between the two sides of the equations, in units of C and R."""


def _largest_root(w: float, phi: Phi) -> float:
    """Largest x >= 0 with x = w phi(x), for bounded phi."""
    if w * float(phi.derivative(np.array(0.0))) <= 1.0:
        return 0.0
    return float(brentq(lambda x: x - w * float(phi.value(np.array(x))), 1e-9, w + 1.0, xtol=1e-14))


def _averages(C: float, w: float, g: float, phi: Phi) -> tuple[float, float, float, float]:
    """Return (E phi^2, E[phi'/(1 - w phi')], E x^2, jump) on the branch with the sign of n."""
    width, x0 = g * np.sqrt(C), _largest_root(w, phi)
    nodes, weights = LEGENDRE
    # Pieces on the scales of n and of phi; as |phi| <= 1, x ends w beyond n.
    edges = np.unique(x0 + np.array([0.0, width, 3.0 * width, FARTHEST * width, 1.0, FARTHEST * width + abs(w)]))
    total = np.zeros(3)
    for a, b in pairwise(edges):
        x = 0.5 * (a + b) + 0.5 * (b - a) * nodes
        p, slope = phi.value(x), phi.derivative(x)
        density = np.exp(-0.5 * ((x - w * p) / width) ** 2) / (np.sqrt(2.0 * np.pi) * width)
        jacobian = 1.0 - w * slope
        total += np.array([p * p * jacobian, slope, x * x * jacobian]) @ (density * (b - a) * weights)
    jump = 2.0 * float(phi.value(np.array(x0))) / (np.sqrt(2.0 * np.pi) * width)
    return float(total[0]), float(total[1]), float(total[2]), float(jump)


def _multivalued(C: float, w: float, g: float, phi: Phi) -> float:
    """P(|n| < n_s), n_s = w phi(x_s) - x_s at the spinodal w phi'(x_s) = 1."""
    if w * float(phi.derivative(np.array(0.0))) <= 1.0:
        return 0.0
    x = brentq(lambda y: w * float(phi.derivative(np.array(y))) - 1.0, 0.0, _largest_root(w, phi))
    return erf((w * float(phi.value(np.array(x))) - x) / (g * np.sqrt(2.0 * C)))


def static_mean_field(g: float, gamma: float = 0.0, phi: str = "tanh") -> StaticMeanField:
    """Solve the static mean-field equations of the network, with the exact response average.

    Parameters
    ----------
    g : float
        Coupling strength, > 0.
    gamma : float
        Reciprocity in [-1, 1].
    phi : {"tanh", "erf"}
        A bounded transfer function.

    Returns
    -------
    StaticMeanField
        Up to g = 1/(1 + gamma), C = 0 and R is that of the linear phase. NaN where no solution reaches a
        residual of 1e-10.

    Raises
    ------
    UserError
        If an argument is out of its range.

    Notes
    -----
    C = q and R = R_int at gamma = 0, beta = inf. At gamma != 0 they differ, as the quasi-potential
    weighs a fixed point by 1/``|det|`` of its Jacobian and the cavity argument does not.

    References
    ----------
    Qiu & Huang, arXiv 2401.10009, dynamic mean-field theory at fixed points; there with the response
    E[phi'](1 + w R) in place of E[phi'/(1 - w phi')].
    """
    check(g, gamma, phi)
    f = transfer(phi)
    if g <= float(transition(gamma)):
        R = float(linear_phase(g, gamma).R_int)
        return StaticMeanField(0.0, R, 0.0, g**2 * gamma * R, 0.0, 0.0, 0.0)

    def gap(theta: Floats) -> Floats:
        if not (np.isfinite(theta).all() and -40.0 < theta[0] < 1.0 and abs(theta[1]) < 1e3):
            return np.array([1e3, 1e3])
        C = np.exp(theta[0])
        c, r, *_ = _averages(C, g**2 * gamma * theta[1], g, f)
        return np.array([c / C - 1.0, r / theta[1] - 1.0])

    linear = 2.0 / (1.0 + np.sqrt(max(1.0 - 4.0 * gamma * g**2, 0.0)))
    for C, R in product(STARTS, (linear, 1.0 / (1.0 + g**2 * max(gamma, 0.0)))):
        with np.errstate(all="ignore"):
            best = root(gap, [np.log(C), R * (1.0 - C)], tol=1e-14)
        C, R, residual = float(np.exp(best.x[0])), float(best.x[1]), float(np.abs(best.fun).max())
        if residual < TOLERANCE and C > TOLERANCE:
            w = g**2 * gamma * R
            _, _, l2, jump = _averages(C, w, g, f)
            return StaticMeanField(C, R, l2, w, _multivalued(C, w, g, f), jump, residual)
    return StaticMeanField(*[float("nan")] * 7)


def check(g: float, gamma: float, phi: str) -> None:
    """Raise UserError for the first argument of a mean-field theory out of range."""
    if not 0.0 < g < np.inf:
        raise UserError(f"g: {g} is not a coupling strength; give a finite number > 0")
    if not -1.0 <= gamma <= 1.0:
        raise UserError(f"gamma: {gamma} is outside [-1, 1]")
    if transfer(phi).name not in ("tanh", "erf"):
        raise UserError(f"phi: {phi!r} is not bounded; give 'tanh' or 'erf'")
