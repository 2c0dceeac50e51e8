"""The model: couplings, transfer functions, quasi-potential and its derivatives.

Plain numpy, written like the equations; every fast path is tested against this module.

The network dx/dt = -x + J phi(x) has the velocity ``-v`` with v = x - J phi(x), and the
quasi-potential E(x) = |v|^2 / 2 + eta |x|^2 (Qiu & Huang, arXiv 2401.10009). All quantities
are dimensionless.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.special import erf

from nsslib.errors import UserError, suggest

Array = NDArray[np.floating]


@dataclass(frozen=True)
class Phi:
    """An odd transfer function phi, its derivative phi', and phi''/phi', all elementwise."""

    name: str
    value: Callable[[Array], Array]
    derivative: Callable[[Array], Array]
    log_slope: Callable[[Array], Array]


def _sech2(x: Array) -> Array:
    """Derivative of tanh, without the cancellation of 1 - tanh^2 at large ``|x|``."""
    e = np.exp(-2.0 * np.abs(x))
    return 4.0 * e / (1.0 + e) ** 2


def _gauss(x: Array) -> Array:
    """Derivative of erf(sqrt(pi) x / 2)."""
    return np.exp(-0.25 * np.pi * x**2)


PHI: dict[str, Phi] = {
    "tanh": Phi("tanh", np.tanh, _sech2, lambda x: -2.0 * np.tanh(x)),
    "erf": Phi("erf", lambda x: erf(0.5 * np.sqrt(np.pi) * x), _gauss, lambda x: -0.5 * np.pi * x),
    "linear": Phi("linear", lambda x: x, np.ones_like, np.zeros_like),
}


def transfer(phi: str) -> Phi:
    """Look up a transfer function by name.

    Raises
    ------
    UserError
        If `phi` is not one of `PHI`.
    """
    if phi not in PHI:
        raise UserError(f"phi: unknown transfer function {phi!r}{suggest(phi, PHI)}")
    return PHI[phi]


def couplings(
    N: int,
    gamma: float = 0.0,
    seed: int = 0,
    diagonal: Literal["zero", "iid"] = "zero",
) -> NDArray[np.float64]:
    """Draw one disorder sample J0; the network's couplings are J = g J0.

    J0 = (S + k A) / sqrt(N (1 + k^2)) with k^2 = (1 - gamma) / (1 + gamma), S symmetric and A
    antisymmetric with unit off-diagonal variance, so that entries have variance 1/N and
    cov(J0_ij, J0_ji) = gamma / N (arXiv 2401.10009, section II).

    Parameters
    ----------
    N : int
        Number of units, >= 1.
    gamma : float
        Reciprocity in [-1, 1]; 0 gives independent entries.
    seed : int
        Disorder seed, 0 to 2^32 - 1. The same arguments give the same bits for ever.
    diagonal : {"zero", "iid"}
        Self-couplings: none, or Gaussian of variance 1/N.

    Returns
    -------
    (N, N) float64 ndarray

    Raises
    ------
    UserError
        If an argument is out of its range.
    """
    if N < 1:
        raise UserError(f"N: {N} is not a number of units; give an integer >= 1")
    if not -1.0 <= gamma <= 1.0:
        raise UserError(f"gamma: {gamma} is outside [-1, 1]")
    if not 0 <= seed < 2**32:
        raise UserError(f"seed: {seed} is no seed; give an integer from 0 to {2**32 - 1}")
    if diagonal not in ("zero", "iid"):
        raise UserError(f"diagonal: unknown choice {diagonal!r}{suggest(diagonal, ('zero', 'iid'))}")
    # RandomState is frozen by numpy's compatibility policy; Generator streams may change.
    W = np.random.RandomState([seed, N]).standard_normal((N, N))
    S = (np.triu(W, 1) + np.triu(W, 1).T) + np.diag(np.diag(W))
    A = np.tril(W, -1).T - np.tril(W, -1)
    J0 = (np.sqrt((1.0 + gamma) / 2.0) * S + np.sqrt((1.0 - gamma) / 2.0) * A) / np.sqrt(N)
    np.fill_diagonal(J0, 0.0 if diagonal == "zero" else np.diag(W) / np.sqrt(N))
    return J0


def velocity(x: ArrayLike, J: ArrayLike, phi: str = "tanh") -> Array:
    """Residual v = x - J phi(x), minus the velocity of the network.

    Parameters
    ----------
    x : (N,) or (N, C) array
        One state, or C states as columns.
    J : (N, N) array
        Couplings, g included.
    phi : str
        Name of the transfer function.

    Returns
    -------
    ndarray of the shape of `x`
    """
    x = np.asarray(x, dtype=np.float64)
    return x - np.asarray(J) @ transfer(phi).value(x)


def energy(x: ArrayLike, J: ArrayLike, phi: str = "tanh", eta: float = 0.0) -> Array:
    """Quasi-potential E(x) = |v|^2 / 2 + eta |x|^2.

    Parameters
    ----------
    x, J, phi
        As for `velocity`.
    eta : float
        Strength of the confining term, >= 0.

    Returns
    -------
    () or (C,) ndarray
    """
    x = np.asarray(x, dtype=np.float64)
    v = velocity(x, J, phi)
    return 0.5 * np.sum(v * v, axis=0) + eta * np.sum(x * x, axis=0)


def gradient(x: ArrayLike, J: ArrayLike, phi: str = "tanh", eta: float = 0.0) -> Array:
    """Gradient dE = v - phi'(x) * (J^T v) + 2 eta x.

    Parameters
    ----------
    x, J, phi, eta
        As for `energy`.

    Returns
    -------
    ndarray of the shape of `x`
    """
    x = np.asarray(x, dtype=np.float64)
    v = velocity(x, J, phi)
    return v - transfer(phi).derivative(x) * (np.asarray(J).T @ v) + 2.0 * eta * x


def laplacian(x: ArrayLike, J: ArrayLike, phi: str = "tanh", eta: float = 0.0) -> Array:
    """Laplacian of E, for the configurational temperature <|dE|^2> = <lap E> / beta.

    lap E = |1 - J D|_F^2 - sum_i phi''(x_i) (J^T v)_i + 2 eta N with D = diag(phi'(x)).

    Parameters
    ----------
    x, J, phi, eta
        As for `energy`.

    Returns
    -------
    () or (C,) ndarray
    """
    x, J = np.asarray(x, dtype=np.float64), np.asarray(J)
    f = transfer(phi)
    D, U = f.derivative(x), J.T @ velocity(x, J, phi)
    frobenius = x.shape[0] - 2.0 * np.diag(J) @ D + np.sum(J * J, axis=0) @ (D * D)
    return frobenius - np.sum(f.log_slope(x) * D * U, axis=0) + 2.0 * eta * x.shape[0]
