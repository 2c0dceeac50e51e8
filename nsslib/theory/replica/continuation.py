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

from nsslib.arrays import Floats
from nsslib.theory.replica import finite_overlap, zero_overlap
from nsslib.theory.replica.equations import Point
from nsslib.theory.replica.single_site import OutsideDomain
from nsslib.theory.replica.zero_overlap import Solution

PARAMETERS = ("g", "beta", "gamma", "eta")
# Corrector: largest residual at its end, largest number of iterations, and the number up to which the step grows.
GOAL, CORRECTIONS, EASY = 1e-11, 8, 4
# Smallest step, and the difference quotient's for dF/dp.
SMALLEST_STEP, SHIFT = 1e-5, 3e-4
# Field quadrature on which the finite-overlap branch is followed; every solution is refined from it.
QUADRATURE = (20, 72)


class Curve(NamedTuple):
    """F(u, p) = 0 of one branch, k equations for k unknowns u and a parameter p.

    `residual` is F (k,) and `jacobian` dF/du (k, k), both in the units `scale` (k,) of u; `finish` makes a solution
    of u, or None where the quadrature does not reach it.
    """

    residual: Callable[[Floats, Point], Floats]
    jacobian: Callable[[Floats, Point], Floats]
    scale: Callable[[Floats], Floats]
    finish: Callable[[Floats, Point], Solution | None]


def _batch(point: Point) -> zero_overlap.Batch:
    g, t, gamma, beta_eta = np.array([[point.g], [point.t], [point.gamma], [point.beta_eta]])
    return zero_overlap.Batch(g, t, gamma, beta_eta, point.phi)


def _finish_zero(u: Floats, point: Point) -> Solution | None:
    theta, system, residual = zero_overlap.finish(u[None], _batch(point))
    return zero_overlap.collect(theta, residual, system.site, _batch(point))[0]


def _jacobian_finite(u: Floats, point: Point) -> Floats:
    return finite_overlap.jacobian(u, finite_overlap.mismatch(u, point, QUADRATURE)[1], point, QUADRATURE)


ZERO = Curve(
    lambda u, point: zero_overlap.evaluate(u[None], _batch(point), 1.0).F[0],
    lambda u, point: zero_overlap.evaluate(u[None], _batch(point), 1.0).J[0],
    np.ones_like,
    _finish_zero,
)
FINITE = Curve(
    lambda u, point: finite_overlap.mismatch(u, point, QUADRATURE)[0],
    _jacobian_finite,
    finite_overlap.scale,
    finite_overlap.refine,
)


def shifted(point: Point, parameter: str, by: float) -> Point:
    """Move a point by `by` along g, ln beta, gamma or arsinh(beta eta)."""
    by = float(by)
    if parameter == "g":
        return replace(point, g=point.g + by)
    if parameter == "gamma":
        return replace(point, gamma=point.gamma + by)
    if parameter == "beta":
        return replace(point, t=point.t * math.exp(-by), beta_eta=point.beta_eta * math.exp(by))
    return replace(point, beta_eta=math.sinh(math.asinh(point.beta_eta) + by))


@dataclass(frozen=True)
class Vertex:
    """A point of the curve: unknowns u (k,), parameters, and the unit tangent (k + 1,) in (u, p)."""

    u: Floats
    point: Point
    tangent: Floats


def _bordered(curve: Curve, u: Floats, point: Point, parameter: str, border: Floats) -> Floats:
    """Jacobian (k + 1, k + 1) of F in (u, p), with `border` (k + 1,) as its last row."""
    up, down = (curve.residual(u, shifted(point, parameter, sign * SHIFT)) for sign in (1.0, -1.0))
    slope = (up - down)[:, None] / (2.0 * SHIFT)
    return np.vstack([np.hstack([curve.jacobian(u, point), slope]), border])


def _tangent(curve: Curve, u: Floats, point: Point, parameter: str, along: Floats) -> Floats:
    """Unit tangent whose direction agrees with `along`."""
    last = np.zeros(len(along))
    last[-1] = 1.0
    z = np.linalg.solve(_bordered(curve, u, point, parameter, along), last)
    unit: Floats = z / np.linalg.norm(z)
    return unit


def _advance(curve: Curve, vertex: Vertex, parameter: str, step: float) -> tuple[Vertex, int] | None:
    """Predict and correct; None where the corrector does not converge."""
    z = vertex.tangent
    scale = curve.scale(vertex.u)
    u, point = vertex.u + step * z[:-1] * scale, shifted(vertex.point, parameter, step * z[-1])
    try:
        for k in range(CORRECTIONS):
            F = curve.residual(u, point)
            size = float(np.abs(F).max())
            if size < GOAL:
                return Vertex(u, point, _tangent(curve, u, point, parameter, z)), k
            change = np.linalg.solve(_bordered(curve, u, point, parameter, z), np.append(-F, 0.0))
            if not np.isfinite(change).all() or np.abs(change).max() > 1.0:
                return None
            u, point = u + change[:-1] * scale, shifted(point, parameter, change[-1])
    except (OutsideDomain, np.linalg.LinAlgError):
        pass
    return None


def _fold(curve: Curve, vertex: Vertex, parameter: str, step: float) -> Vertex | None:
    """Point where the tangent's component along p vanishes, within `step`; None where it was not reached."""

    def reached(length: float) -> Vertex:
        moved = _advance(curve, vertex, parameter, length)
        if moved is None:
            raise OutsideDomain
        return moved[0]

    try:
        return reached(float(brentq(lambda length: reached(length).tangent[-1], 0.0, step, xtol=1e-10, rtol=1e-10)))
    except OutsideDomain:
        return None


def follow(
    curve: Curve, u: Floats, point: Point, parameter: str, direction: float, largest: float
) -> Iterator[tuple[Vertex, bool]]:
    """Walk along the curve from a solution; yields vertices, and whether each is a fold.

    `direction` is the sign of the first change of p, `largest` the longest step. It ends where no
    step of `SMALLEST_STEP` can be corrected any more.
    """
    first = np.zeros(len(u) + 1)
    first[-1] = np.sign(direction)
    vertex, step = Vertex(u, point, _tangent(curve, u, point, parameter, first)), 0.1 * largest
    yield vertex, False
    while step > SMALLEST_STEP:
        moved = _advance(curve, vertex, parameter, step)
        # A sharp turn is a step too long to be sure of the branch.
        if moved is None or moved[0].tangent @ vertex.tangent < 0.8:
            step *= 0.5
            continue
        if moved[0].tangent[-1] * vertex.tangent[-1] < 0.0:
            fold = _fold(curve, vertex, parameter, step)
            if fold is not None:
                yield fold, True
        vertex = moved[0]
        yield vertex, False
        if moved[1] <= EASY:
            step = min(1.5 * step, largest)


def unknowns(solution: Solution) -> tuple[Curve, Floats]:
    """Curve and unknowns of a solution."""
    order = solution.order
    if order.Q > 0.0:
        return FINITE, np.array(order)
    return ZERO, np.array([np.log(order.q), order.R_int, order.q * order.qh])
