"""Pseudo-arclength continuation: one branch of solutions followed through its folds.

The unknowns are those of the branch, in the units of its residuals, and one parameter p: g, ln beta,
gamma or arsinh(beta eta). A step predicts along the unit tangent z of the curve F(u, p) = 0 and corrects by
Newton on F = 0, z (u - predicted) = 0, which is regular at a fold, where dF/du is not
(Keller 1977). Folds are the zeros of the tangent's component along p, found by secants in the step.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from typing import NamedTuple

import numpy as np
from scipy.optimize import brentq

from nsslib.theory.replica import finite_overlap, zero_overlap
from nsslib.theory.replica.equations import Point
from nsslib.theory.replica.single_site import Floats, OutsideDomain
from nsslib.theory.replica.zero_overlap import Solution

PARAMETERS = ("g", "beta", "gamma", "eta")
# Corrector: goal, most iterations, and how many are few; smallest step; difference for dF/dp.
GOAL, CORRECTIONS, FEW, SMALLEST_STEP, SHIFT = 1e-11, 8, 4, 1e-5, 3e-4
# Field quadrature on which the finite-overlap branch is followed; every solution is refined from it.
ORDER = (20, 72)


class Curve(NamedTuple):
    """F(u, p) of one branch: where u is in natural units, F and dF/du in the units of `scale`."""

    residual: Callable[[Floats, Point], Floats]
    jacobian: Callable[[Floats, Point], Floats]
    scale: Callable[[Floats], Floats]
    finish: Callable[[Floats, Point], Solution | None]


def _batch(at: Point) -> zero_overlap.Batch:
    g, t, gamma, beta_eta = np.array([[at.g], [at.t], [at.gamma], [at.beta_eta]])
    return zero_overlap.Batch(g, t, gamma, beta_eta, at.phi)


def _finish_zero(u: Floats, at: Point) -> Solution | None:
    theta, system, residual = zero_overlap.finish(u[None], _batch(at))
    return zero_overlap.collect(theta, residual, system.site, _batch(at))[0]


def _jacobian_finite(u: Floats, at: Point) -> Floats:
    return finite_overlap.jacobian(u, finite_overlap.mismatch(u, at, ORDER)[1], at, ORDER)


ZERO = Curve(
    lambda u, at: zero_overlap.evaluate(u[None], _batch(at), 1.0).F[0],
    lambda u, at: zero_overlap.evaluate(u[None], _batch(at), 1.0).J[0],
    np.ones_like,
    _finish_zero,
)
FINITE = Curve(
    lambda u, at: finite_overlap.mismatch(u, at, ORDER)[0],
    _jacobian_finite,
    finite_overlap.scale,
    finite_overlap.refine,
)


def shifted(at: Point, parameter: str, by: float) -> Point:
    """Move a point by `by` along g, ln beta, gamma or arsinh(beta eta)."""
    by = float(by)
    if parameter == "g":
        return replace(at, g=at.g + by)
    if parameter == "gamma":
        return replace(at, gamma=at.gamma + by)
    if parameter == "beta":
        return replace(at, t=at.t * math.exp(-by), beta_eta=at.beta_eta * math.exp(by))
    return replace(at, beta_eta=math.sinh(math.asinh(at.beta_eta) + by))


@dataclass(frozen=True)
class Place:
    """A point of the curve: unknowns, parameters, and the unit tangent (unknowns, p)."""

    u: Floats
    at: Point
    tangent: Floats


def _bordered(curve: Curve, u: Floats, at: Point, parameter: str, border: Floats) -> Floats:
    """Jacobian of F in (u, p), with `border` as its last row."""
    up, down = (curve.residual(u, shifted(at, parameter, sign * SHIFT)) for sign in (1.0, -1.0))
    slope = (up - down)[:, None] / (2.0 * SHIFT)
    return np.vstack([np.hstack([curve.jacobian(u, at), slope]), border])


def _tangent(curve: Curve, u: Floats, at: Point, parameter: str, along: Floats) -> Floats:
    """Unit tangent whose direction agrees with `along`."""
    last = np.zeros(len(along))
    last[-1] = 1.0
    z = np.linalg.solve(_bordered(curve, u, at, parameter, along), last)
    unit: Floats = z / np.linalg.norm(z)
    return unit


def _advance(curve: Curve, place: Place, parameter: str, step: float) -> tuple[Place, int] | None:
    """Predict and correct; None where the corrector does not converge."""
    z = place.tangent
    scale = curve.scale(place.u)
    u, at = place.u + step * z[:-1] * scale, shifted(place.at, parameter, step * z[-1])
    try:
        for k in range(CORRECTIONS):
            F = curve.residual(u, at)
            size = float(np.abs(F).max())
            if size < GOAL:
                return Place(u, at, _tangent(curve, u, at, parameter, z)), k
            change = np.linalg.solve(_bordered(curve, u, at, parameter, z), np.append(-F, 0.0))
            if not np.isfinite(change).all() or np.abs(change).max() > 1.0:
                return None
            u, at = u + change[:-1] * scale, shifted(at, parameter, change[-1])
    except (OutsideDomain, np.linalg.LinAlgError):
        pass
    return None


def _fold(curve: Curve, place: Place, parameter: str, step: float) -> Place | None:
    """Where the tangent's component along p vanishes, less than `step` away."""

    def reached(length: float) -> Place:
        moved = _advance(curve, place, parameter, length)
        if moved is None:
            raise OutsideDomain
        return moved[0]

    try:
        return reached(float(brentq(lambda length: reached(length).tangent[-1], 0.0, step, xtol=1e-10, rtol=1e-10)))
    except OutsideDomain:
        return None


def follow(
    curve: Curve, u: Floats, at: Point, parameter: str, direction: float, largest: float
) -> Iterator[tuple[Place, bool]]:
    """Walk along the curve from a solution; yields places, and whether each is a fold.

    `direction` is the sign of the first change of p, `largest` the longest step. It ends where no
    step of `SMALLEST_STEP` can be corrected any more.
    """
    first = np.zeros(len(u) + 1)
    first[-1] = np.sign(direction)
    place, step = Place(u, at, _tangent(curve, u, at, parameter, first)), 0.1 * largest
    yield place, False
    while step > SMALLEST_STEP:
        moved = _advance(curve, place, parameter, step)
        # A sharp turn is a step too long to be sure of the branch.
        if moved is None or moved[0].tangent @ place.tangent < 0.8:
            step *= 0.5
            continue
        if moved[0].tangent[-1] * place.tangent[-1] < 0.0:
            fold = _fold(curve, place, parameter, step)
            if fold is not None:
                yield fold, True
        place = moved[0]
        yield place, False
        if moved[1] <= FEW:
            step = min(1.5 * step, largest)


def unknowns(solution: Solution) -> tuple[Curve, Floats]:
    """Curve and unknowns of a solution."""
    y = np.array(solution.y)
    if y[1] > 0.0:
        return FINITE, y
    return ZERO, np.array([np.log(y[0]), y[2], y[0] * y[4]])
