"""The linear phase: closed forms, exact for linear phi at any beta and for any phi as beta -> inf.

Here eta = 0. Below the transition the origin is the only fixed point and |x|^2 ~ 1/beta.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from nsslib.errors import UserError


class LinearPhase(NamedTuple):
    """Closed-form values; each has the broadcast shape of (g, gamma)."""

    R_int: NDArray[np.float64]
    beta_q: NDArray[np.float64]
    excess: NDArray[np.float64]


def transition(gamma: ArrayLike) -> NDArray[np.float64]:
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


def linear_phase(g: ArrayLike, gamma: ArrayLike = 0.0) -> LinearPhase:
    """Integrated response, activity and free energy of the linear phase.

    Below the transition R_int = (1 - sqrt(1 - 4 gamma g^2)) / (2 gamma g^2), beta q = R_int^2 /
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

    Returns
    -------
    LinearPhase
        Dimensionless arrays (R_int, beta_q, excess); beta_q is inf from the transition on.

    Raises
    ------
    UserError
        If an argument is out of its range.
    """
    g, gamma = np.broadcast_arrays(np.asarray(g, dtype=np.float64), np.asarray(gamma, dtype=np.float64))
    if not ((g >= 0.0) & np.isfinite(g)).all():
        raise UserError(f"g: {g} is not a coupling strength; give finite numbers >= 0")
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
