"""Residual, drift, quasi-potential and its derivatives, written like the equations.

The network dx/dt = -x + J phi(x) has the residual v = x - J phi(x), the drift -v, and the quasi-potential
E(x) = |v|^2 / 2 + eta |x|^2 (Qiu & Huang, arXiv 2401.10009). All quantities are dimensionless.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike

from nsslib.arrays import Array
from nsslib.model.transfer import transfer


def residual(x: ArrayLike, J: ArrayLike, phi: str = "tanh") -> Array:
    """Residual v = x - J phi(x), zero at the steady states of the network.

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


def drift(x: ArrayLike, J: ArrayLike, phi: str = "tanh") -> Array:
    """Drift dx/dt = -x + J phi(x) of the network, minus the residual.

    Parameters
    ----------
    x, J, phi
        As for `residual`.

    Returns
    -------
    ndarray of the shape of `x`
    """
    return -residual(x, J, phi)


def energy(x: ArrayLike, J: ArrayLike, phi: str = "tanh", eta: float = 0.0) -> Array:
    """Quasi-potential E(x) = |v|^2 / 2 + eta |x|^2.

    Parameters
    ----------
    x, J, phi
        As for `residual`.
    eta : float
        Strength of the confining term, >= 0.

    Returns
    -------
    () or (C,) ndarray
    """
    x = np.asarray(x, dtype=np.float64)
    v = residual(x, J, phi)
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
    v = residual(x, J, phi)
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
    D, U = f.derivative(x), J.T @ residual(x, J, phi)
    frobenius = x.shape[0] - 2.0 * np.diag(J) @ D + np.sum(J * J, axis=0) @ (D * D)
    return frobenius - np.sum(f.log_slope(x) * D * U, axis=0) + 2.0 * eta * x.shape[0]
