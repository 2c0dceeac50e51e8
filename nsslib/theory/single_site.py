"""Averages over one site: the density exp(H) on the real line, for one field or many at once.

The single-site weight of the replica theory is an exponential family. At fixed fields

    H = h_p phi + h_x x + a_pp phi^2 + a_px phi x + a_xx x^2        (phi = phi(x))

so every average that the equations need is a mean of the five statistics (phi, x, phi^2, phi x,
x^2), and every derivative of such an average is a covariance of them. The trapezoid rule is
spectrally accurate here; only the spacing (narrowest feature) and the range (tails) are chosen.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from nsslib.model import Phi

Floats = NDArray[np.float64]

# exp(-CUT) of the maximum is where the tails end.
CUT = 45.0
# Spacing in units of the narrowest Gaussian width, and at most WIDEST (tanh has poles at i pi/2).
SPACING, WIDEST = 0.5, 0.2
LARGEST_GRID = 40_000
LADDER = np.linspace(0.0, 1.0, 80)
PAIRS = tuple(np.triu_indices(5))


class OutsideDomain(ArithmeticError):
    """The order parameters do not define a density (or one that is too narrow to integrate)."""


class Moments(NamedTuple):
    """Averages of the statistics (phi, x, phi^2, phi x, x^2) at each of n fields."""

    log_norm: Floats  # (n,)      ln of the integral of exp(H)
    mean: Floats  # (n, 5)
    cov: Floats  # (n, 5, 5)


def _range(natural: Floats, phi: Phi, width: float) -> float:
    """Half-width of the interval outside of which every density is negligible."""
    h_p, h_x = np.abs(natural[:, :2]).max(axis=0)
    pp, px, xx = natural[0, 2:]
    if phi.name == "linear":
        decay, slope, flat = -(pp + px + xx), h_p + h_x, CUT
    else:  # |phi| <= 1
        decay, slope, flat = -xx, h_x + abs(px), CUT + 2.0 * h_p + max(pp, 0.0)
    if not (decay > 0.0 and np.isfinite(natural).all()):
        raise OutsideDomain
    bound = (slope + np.sqrt(slope**2 + 4.0 * decay * flat)) / (2.0 * decay)
    # That bound is wide where the density is much narrower than phi's own scale: tighten it.
    x = width * np.exp(LADDER * np.log(max(bound / width, 2.0)))
    H = np.maximum(natural @ statistics(x, phi), natural @ statistics(-x, phi))
    lowest = np.maximum(H.max(axis=1, keepdims=True), 0.0) - CUT
    kept = (lowest < H).any(axis=0)
    last = int(np.flatnonzero(kept).max(initial=-1))
    return float(x[min(last + 1, len(x) - 1)])


def statistics(x: Floats, phi: Phi) -> Floats:
    """Evaluate the five statistics, shape (5, len(x))."""
    p = np.asarray(phi.value(x), dtype=np.float64)
    return np.array([p, x, p * p, p * x, x * x])


def moments(natural: Floats, phi: Phi, fineness: float = 1.0) -> Moments:
    """Average the statistics over exp(H) at each field.

    Parameters
    ----------
    natural : (n, 5) array
        Coefficients of (phi, x, phi^2, phi x, x^2) in H; the last three are common to all fields.
    phi : Phi
        Transfer function.
    fineness : float
        Divides the spacing of the x grid; 2 shows whether 1 was enough.

    Returns
    -------
    Moments

    Raises
    ------
    OutsideDomain
        If exp(H) has no finite integral or would need too fine a grid.
    """
    width = 1.0 / np.sqrt(2.0 * np.abs(natural[0, 2:]).sum())
    far = _range(natural, phi, width)
    half = int(np.ceil(far / min(SPACING * width, WIDEST) * fineness))
    if half > LARGEST_GRID:
        raise OutsideDomain
    x: Floats = np.arange(-half, half + 1, dtype=np.float64) * (far / half)
    s = statistics(x, phi)
    H = natural @ s
    top = H.max(axis=1)
    weight = np.exp(np.maximum(H - top[:, None], -2.0 * CUT))
    norm = weight.sum(axis=1)
    weight /= norm[:, None]
    mean = weight @ s.T
    second = np.empty((len(natural), 5, 5))
    second[:, PAIRS[0], PAIRS[1]] = second[:, PAIRS[1], PAIRS[0]] = weight @ (s[PAIRS[0]] * s[PAIRS[1]]).T
    cov = second - mean[:, :, None] * mean[:, None, :]
    return Moments(top + np.log(norm * (far / half)), mean, cov)
