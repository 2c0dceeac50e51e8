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

from nsslib.arrays import Floats
from nsslib.errors import UserError
from nsslib.model.transfer import Phi, transfer
from nsslib.theory.replica.averages import average, reach

# exp(-CUT) of the maximum is where the tails end.
CUT = 45.0
# Spacing in units of the narrowest Gaussian width, and at most WIDEST (tanh has poles at i pi/2).
SPACING, WIDEST = 0.5, 0.2
SMALLEST_GRID, LARGEST_GRID = 48, 40_000
# Half-widths tried, in units of the same width; a density that goes on beyond them is refused.
LADDER = np.geomspace(1.0, SPACING * LARGEST_GRID, 40)
PAIRS = tuple(np.triu_indices(5))
# Weights held at a time, so that many fields do not need much memory.
BLOCK = 1_000_000


class OutsideDomain(ArithmeticError):
    """The order parameters do not define a density (or one that is too narrow to integrate)."""


class Moments(NamedTuple):
    """Averages of k statistics at each of n fields; k = 5: (phi, x, phi^2, phi x, x^2), k = 3: the last three.

    `log_norm` (n,) is ln of the integral of exp(H), `mean` (n, k), `cov` (n, k, k) the covariances.
    """

    log_norm: Floats
    mean: Floats
    cov: Floats


def _range(natural: Floats, phi: Phi, width: float) -> float:
    """Half-width of the interval outside which every density is negligible; `natural` (n, 5)."""
    x = width * LADDER
    H = np.maximum(natural @ statistics(x, phi), natural @ statistics(-x, phi))
    lowest = np.maximum(H.max(axis=1, keepdims=True), 0.0) - CUT
    last = int(np.flatnonzero((lowest < H).any(axis=0)).max(initial=-1))
    if last == len(x) - 1:
        raise OutsideDomain
    return float(x[last + 1])


def transfer_function(phi: str | Phi) -> Phi:
    """Look up phi by name, or check that a given `Phi` is odd.

    Raises
    ------
    UserError
        If the name is unknown, or phi is not finite and odd on a sample of points.
    """
    if not isinstance(phi, Phi):
        return transfer(phi)
    x: Floats = np.geomspace(1e-4, 30.0, 60)
    up, down = np.asarray(phi.value(x)), np.asarray(phi.value(-x))
    if not (np.abs(up + down) <= 1e-12 * (1.0 + np.abs(up))).all():
        raise UserError(f"phi: {phi.name!r} is not odd; give a transfer function with phi(-x) = -phi(x), such as tanh")
    return phi


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
        Divides the spacing of the x grid; results at 1 and 2 differ by the error at 1.

    Returns
    -------
    Moments
        Of k = 5 statistics.

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
    spacing = far / half
    s = statistics(spacing * np.arange(-half, half + 1, dtype=np.float64), phi)
    pairs = s[PAIRS[0]] * s[PAIRS[1]]
    out = Moments(np.empty(len(natural)), np.empty((len(natural), 5)), np.empty((len(natural), 5, 5)))
    block = max(BLOCK // s.shape[1], 1)
    for rows in (slice(k, k + block) for k in range(0, len(natural), block)):
        weight = natural[rows] @ s
        top = weight.max(axis=1)
        np.exp(np.maximum(weight - top[:, None], -2.0 * CUT), out=weight)
        norm = weight.sum(axis=1)
        mean, second = (weight @ s.T) / norm[:, None], (weight @ pairs.T) / norm[:, None]
        out.log_norm[rows], out.mean[rows] = top + np.log(norm * spacing), mean
        centred = second - mean[:, PAIRS[0]] * mean[:, PAIRS[1]]
        out.cov[rows, PAIRS[0], PAIRS[1]] = out.cov[rows, PAIRS[1], PAIRS[0]] = centred
    return out


def even_moments(natural: Floats, phi: Phi, fineness: float = 1.0) -> Moments:
    """Average (phi^2, phi x, x^2) over many even densities at once, each on a grid of its own.

    The lengths of the grids are powers of two, so that densities share array operations, yet no grid
    depends on the other densities.

    Parameters
    ----------
    natural : (n, 3) array
        Coefficients of (phi^2, phi x, x^2) in H, one density a row.
    phi : Phi
        Transfer function.
    fineness : float
        Divides the spacing of the x grid.

    Returns
    -------
    Moments
        Of k = 3 statistics; NaN where exp(H) has no finite integral or would need
        too fine a grid.
    """
    n = len(natural)
    out = Moments(np.full(n, np.nan), np.full((n, 3), np.nan), np.full((n, 3, 3), np.nan))
    width = 1.0 / np.sqrt(2.0 * np.abs(natural).sum(axis=1))
    x = width[:, None] * LADDER
    index = reach(natural, x, np.asarray(phi.value(x), dtype=np.float64), CUT)
    far = width * LADDER[np.minimum(index, len(LADDER) - 1)]
    half = far / np.minimum(SPACING * width, WIDEST)
    valid = (index < len(LADDER)) & (half <= LARGEST_GRID)
    size = 2.0 ** np.ceil(np.log2(np.where(valid, np.maximum(half * fineness, SMALLEST_GRID), 1.0)))
    for m in set(size[valid].tolist()):
        rows = np.flatnonzero(valid & (size == m))
        spacing = far[rows] / m
        p = np.asarray(phi.value(spacing[:, None] * np.arange(m + 1.0)), dtype=np.float64)
        average(natural, spacing, p, rows, *out)
    return out
