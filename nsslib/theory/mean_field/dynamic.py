"""Chaotic dynamics of the network dx/dt = -x + J phi(x) in mean field, at gamma = 0.

The autocovariance D(t) = <x(t) x(0)> moves as a particle does, D'' = -dV/dD with
V = -D^2/2 + g^2 (<Phi Phi>_D - <Phi Phi>_0) and Phi' = phi, from rest at D(0) to rest at 0, so that V(D(0)) =
0; lambda_max = -1 + sqrt(1 - e0), e0 the ground state energy of -d^2/dt^2 + 1 - g^2 <phi' phi'>_D(t).
Averages over two Gaussians of correlation c are Mehler's series sum_k a_k^2 c^k.

Source: Sompolinsky, Crisanti & Sommers, Phys. Rev. Lett. 61, 259 (1988). All quantities are dimensionless.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from scipy.integrate import cumulative_simpson
from scipy.interpolate import CubicSpline
from scipy.linalg import eigh_tridiagonal
from scipy.optimize import brentq

from nsslib.arrays import Array, Floats
from nsslib.errors import UserError
from nsslib.model.transfer import transfer
from nsslib.theory.mean_field.static import check

HERMITE = np.polynomial.hermite_e.hermegauss(200)
MEHLER = 120
# Smallest correlation followed, and spacing in t of the operator whose ground state gives lambda_max.
FAINTEST, T_STEP = 1e-7, 0.02


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


def _primitive(x: Array, phi: str) -> Array:
    """Antiderivative of phi."""
    if phi == "tanh":
        return np.asarray(np.logaddexp(x, -x))
    f, slope = transfer(phi).value, transfer(phi).derivative
    return np.asarray(x * f(x) + 2.0 / np.pi * slope(x))


def _mehler(values: Array) -> Floats:
    """Squared coefficients a_k^2, (MEHLER,), of a function given at the Hermite nodes."""
    n, weight = HERMITE
    weight = weight / weight.sum()
    previous, hermite = np.zeros_like(n), np.ones_like(n)
    squares = np.empty(MEHLER)
    for k in range(MEHLER):
        squares[k] = (weight @ (values * hermite)) ** 2
        previous, hermite = hermite, (n * hermite - np.sqrt(k) * previous) / np.sqrt(k + 1.0)
    return squares


def _lyapunov(D0: float, g: float, potential: Floats, slopes: Floats) -> float:
    """lambda_max from D(t) = D(0) c, followed to c = FAINTEST with c = 1/cosh(y)^2.

    `potential` and `slopes` (MEHLER,) are the coefficients of <Phi Phi> and <phi' phi'> in powers of c.
    """
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
    check(g, 0.0, phi)
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
