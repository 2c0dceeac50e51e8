"""Mean-field theory of the network itself, dx/dt = -x + J phi(x), beside the quasi-potential's.

Fixed points. One unit sees x = n + w phi(x) with n ~ N(0, g^2 C) and w = g^2 gamma R:

    C = E[phi^2],   R = E[dphi/dn] = E[phi'/(1 - w phi')]

For w phi'(0) > 1 the unit is bistable: x(n) has three values for ``|n|`` < n_s. `static_mean_field` takes
the one with the sign of n, which is unique, stable and the one an iteration from x = 0 finds. With x in
place of n as the variable of integration no root is ever solved for: on that branch, N the density of n,

    C = 2 int_{x0}^inf phi^2 (1 - w phi') N(x - w phi) dx,   R = 2 int_{x0}^inf phi' N(x - w phi) dx

where x0 >= 0 is the largest root of x = w phi(x); R is the response at fixed branch, and the jumps of
phi across n = 0 add 2 phi(x0) N(0), listed apart.

Chaos (gamma = 0). The autocovariance D(t) = <x(t) x(0)> moves like a particle, D'' = -dV/dD with
V = -D^2/2 + g^2 (<Phi Phi>_D - <Phi Phi>_0) and Phi' = phi, from rest at D(0) to rest at 0, so that V(D(0)) =
0; lambda_max = -1 + sqrt(1 - e0), e0 the ground state energy of -d^2/dt^2 + 1 - g^2 <phi' phi'>_D(t).
Averages over two Gaussians of correlation c are Mehler's series sum_k a_k^2 c^k.

Sources: the cavity form of dynamic mean-field theory at fixed points, as in Qiu & Huang (arXiv 2401.10009),
and Sompolinsky, Crisanti & Sommers, Phys. Rev. Lett. 61, 259 (1988). All quantities are dimensionless.
"""

from __future__ import annotations

from itertools import pairwise, product
from math import erf
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy.integrate import cumulative_simpson
from scipy.interpolate import CubicSpline
from scipy.linalg import eigh_tridiagonal
from scipy.optimize import brentq, root

from nsslib.arrays import Array
from nsslib.errors import UserError
from nsslib.model.transfer import Phi, transfer
from nsslib.theory.replica.linear_phase import linear_phase, transition

Floats = NDArray[np.float64]

# The density of n ends at FARTHEST widths.
FARTHEST = 9.0
LEGENDRE = np.polynomial.legendre.leggauss(160)
HERMITE = np.polynomial.hermite_e.hermegauss(200)
STARTS = (0.3, 0.03, 0.003, 0.9)
TOLERANCE = 1e-10
MEHLER = 120
# Smallest correlation followed, and spacing in t of the operator whose ground state is lambda_max.
FAINTEST, T_STEP = 1e-7, 0.02


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


class ChaoticMeanField(NamedTuple):
    """Dynamic mean field at gamma = 0; dimensionless."""

    l2: float
    """<x^2>."""
    q: float
    """<phi^2>."""
    speed: float
    """Kinetic energy <(dx/dt)^2>/2."""
    lyapunov: float
    """Largest Lyapunov exponent."""


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
    _check(g, gamma, phi)
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
            found = root(gap, [np.log(C), R * (1.0 - C)], tol=1e-14)
        C, R, residual = float(np.exp(found.x[0])), float(found.x[1]), float(np.abs(found.fun).max())
        if residual < TOLERANCE and C > TOLERANCE:
            w = g**2 * gamma * R
            _, _, l2, jump = _averages(C, w, g, f)
            return StaticMeanField(C, R, l2, w, _multivalued(C, w, g, f), jump, residual)
    return StaticMeanField(*[float("nan")] * 7)


def _check(g: float, gamma: float, phi: str) -> None:
    if not 0.0 < g < np.inf:
        raise UserError(f"g: {g} is not a coupling strength; give a finite number > 0")
    if not -1.0 <= gamma <= 1.0:
        raise UserError(f"gamma: {gamma} is outside [-1, 1]")
    if transfer(phi).name not in ("tanh", "erf"):
        raise UserError(f"phi: {phi!r} is not bounded; give 'tanh' or 'erf'")


def _primitive(x: Array, phi: str) -> Array:
    """Antiderivative of phi."""
    if phi == "tanh":
        return np.asarray(np.logaddexp(x, -x))
    f, slope = transfer(phi).value, transfer(phi).derivative
    return np.asarray(x * f(x) + 2.0 / np.pi * slope(x))


def _mehler(values: Array) -> Floats:
    """Squared coefficients a_k^2 of a function given at the Hermite nodes."""
    n, weight = HERMITE
    weight = weight / weight.sum()
    before, now = np.zeros_like(n), np.ones_like(n)
    squares = np.empty(MEHLER)
    for k in range(MEHLER):
        squares[k] = (weight @ (values * now)) ** 2
        before, now = now, (n * now - np.sqrt(k) * before) / np.sqrt(k + 1.0)
    return squares


def _lyapunov(D0: float, g: float, potential: Floats, slopes: Floats) -> float:
    """lambda_max from D(t) = D(0) c, followed down to c = FAINTEST by c = 1/cosh(y)^2; series in c."""
    y = np.linspace(0.0, np.arccosh(FAINTEST**-0.5), 8001)
    c = 1.0 / np.cosh(y) ** 2
    V = -0.5 * (D0 * c) ** 2 + g**2 * np.polynomial.polynomial.polyval(c, potential)
    start = D0 - g**2 * float(np.arange(1, MEHLER) @ potential[1:]) / D0  # D''(0) < 0
    rate = np.full_like(y, np.sqrt(-2.0 * D0 / start))
    rate[1:] = 2.0 * D0 * c[1:] * np.tanh(y[1:]) / np.sqrt(-2.0 * V[1:])
    t = cumulative_simpson(rate, x=y, initial=0.0)
    grid = np.arange(0.5 * T_STEP, t[-1], T_STEP)
    W = 1.0 - g**2 * np.polynomial.polynomial.polyval(CubicSpline(t, c)(grid), slopes)
    diagonal = 2.0 / T_STEP**2 + W
    diagonal[0] -= 1.0 / T_STEP**2  # even in t
    off = np.full(len(grid) - 1, -1.0 / T_STEP**2)
    ground = eigh_tridiagonal(diagonal, off, eigvals_only=True, select="i", select_range=(0, 0))
    return float(np.sqrt(1.0 - ground[0]) - 1.0)


def chaotic_mean_field(g: float, phi: str = "tanh") -> ChaoticMeanField:
    """Dynamic mean-field theory of the chaotic network at gamma = 0.

    Parameters
    ----------
    g : float
        Coupling strength, > 1.
    phi : {"tanh", "erf"}

    Returns
    -------
    ChaoticMeanField
        l2, q and speed to about 1e-10, lyapunov to about 1e-5 of itself.

    Raises
    ------
    UserError
        If an argument is out of its range.

    References
    ----------
    Sompolinsky, Crisanti & Sommers, Phys. Rev. Lett. 61, 259 (1988).
    """
    _check(g, 0.0, phi)
    if g <= 1.0:
        raise UserError(f"g: {g} is not in the chaotic phase; give a number > 1")
    f, (n, weight) = transfer(phi), HERMITE
    weight = weight / weight.sum()

    def rest(log_D: float) -> float:
        """V(D(0))/D(0)^2; V(0) = 0."""
        D = np.exp(log_D)
        return g**2 * float(_mehler(_primitive(np.sqrt(D) * n, phi))[1:].sum()) / D**2 - 0.5

    D0 = float(np.exp(brentq(rest, np.log(1e-6 * (g - 1.0)), np.log(g**2), xtol=1e-13)))
    x = np.sqrt(D0) * n
    q = float(weight @ f.value(x) ** 2)
    potential, slopes = _mehler(_primitive(x, phi)), _mehler(f.derivative(x))
    potential[0] = 0.0
    return ChaoticMeanField(D0, q, 0.5 * (g**2 * q - D0), _lyapunov(D0, g, potential, slopes))
