"""The finite-overlap branch: Newton on all six order parameters, from many starts.

Each start takes a zero-overlap solution, gives it an overlap Q = f q, lets the equations act a few
times (they map covariances to covariances) and hands over to Newton. Its Jacobian needs no second
integration: at fixed x grid the single-site averages respond to any change of H by covariances.
A start whose overlap shrinks below `VANISHING` q has flowed to the zero-overlap branch.
"""

from __future__ import annotations

import numpy as np

from nsslib.theory.equations import (
    FIELD_ORDER,
    Point,
    averages,
    excess,
    fields,
    gauss_nodes,
    natural,
    site_moments,
    velocity_moments,
)
from nsslib.theory.single_site import Floats, Moments, OutsideDomain
from nsslib.theory.zero_overlap import CONVERGED, EPS, GOAL, Solution

STARTS = (0.99, 0.9, 0.6, 0.25)
VANISHING = 1e-5
# Field quadratures tried in turn until a solution on one is a solution on the next.
ORDERS = (FIELD_ORDER, 36, 54, 80)
REFINED = 1e-13


def _scale(y: Floats) -> Floats:
    """Units of (q, Q, R_int, RQ_int, qh, Qh) for residuals: q, R_int and max(|qh|, 1/q)."""
    q, R = y[0], max(abs(y[2]), EPS)
    conjugate = max(abs(y[4]), 1.0 / q)
    return np.array([q, q, R, R, conjugate, conjugate])


def _residual(y: Floats, at: Point, order: int, fineness: float = 1.0) -> tuple[Floats, Moments]:
    nodes, weights = gauss_nodes(order)
    site = site_moments(y, at, nodes, fineness)
    return (averages(y, site.mean, at, nodes, weights) - y) / _scale(y), site


def _jacobian(y: Floats, site: Moments, at: Point, order: int) -> Floats:
    """Differentiate (new - old) in y, in units of `_scale`, by central differences of the explicit part."""
    nodes, weights = gauss_nodes(order)
    scale, base = _scale(y), natural(y, at, nodes)

    def image(z: Floats) -> Floats:
        response = np.einsum("nkl,nl->nk", site.cov, natural(z, at, nodes) - base)
        return averages(z, site.mean + response, at, nodes, weights)

    J = np.empty((6, 6))
    for k in range(6):
        step = np.zeros(6)
        step[k] = 1e-6 * abs(y[k]) + 1e-12 * scale[k]
        J[:, k] = (image(y + step) - image(y - step)) / (2.0 * step[k]) * scale[k] / scale
    return J - np.eye(6)


def _newton(y: Floats, at: Point, order: int, steps: int = 40) -> tuple[Floats, float, float]:
    """Damped Newton; returns y, its residual and the relative size of the last step in Q."""
    F, site = _residual(y, at, order)
    size, moved = float(np.abs(F).max()), np.inf
    for _ in range(steps):
        if y[1] < VANISHING * y[0]:
            break
        step = -np.linalg.solve(_jacobian(y, site, at, order), F) * _scale(y)
        # Keep q and Q positive; a factor of four a step is enough to reach any scale.
        fraction = min(1.0, 1.0, *(0.75 * old / -d for old, d in zip(y[:2], step[:2], strict=True) if d < 0.0))
        while fraction > 1e-3:
            try:
                F_new, site_new = _residual(y + fraction * step, at, order)
                if np.abs(F_new).max() < size:
                    break
            except OutsideDomain:
                pass
            fraction *= 0.5
        else:
            break
        y, F, site = y + fraction * step, F_new, site_new
        size, moved = float(np.abs(F).max()), abs(fraction * step[1] / y[1])
        if size < GOAL:
            break
    return y, size, moved


def _start(zero: Solution, fraction: float, at: Point, iterations: int = 6) -> Floats:
    """Overlap `fraction` q on top of a zero-overlap solution, then a few plain iterations."""
    q, _, R, _, qh, _ = zero.y
    RQ = 0.5 * fraction * R
    y = np.array([q, fraction * q, R, RQ, qh, at.g**2 * RQ**2 / (fraction * q)])
    for _ in range(iterations):
        F, _ = _residual(y, at, ORDERS[0])
        y = y + F * _scale(y)
    return y


def _collect(y: Floats, at: Point, order: int) -> Solution:
    """Evaluate everything on the finest grids."""
    nodes, weights = gauss_nodes(order)
    F, site = _residual(y, at, order, 2.0)
    q, Q, R, RQ, qh, Qh = (float(value) for value in y)
    _, h_u = fields(y, at, nodes)
    v, kappa = at.t + at.g**2 * (q - Q), at.g**2 * at.gamma * (R - RQ)
    W, thermal = velocity_moments(site.mean, v, kappa, h_u)
    speed = float((thermal + W**2) @ weights)
    return Solution(
        y=(q, Q, R, RQ, qh, Qh),
        Y=at.t * speed,
        Yh=float(at.t * (W**2 @ weights)),
        a=q * speed,
        l2=float(site.mean[:, 4] @ weights),
        excess=excess(y, at, site, weights),
        residual=max(float(np.abs(F).max()), EPS),
    )


def _refine(y: Floats, at: Point) -> Solution | None:
    """Raise the field quadrature until the solution no longer depends on it."""
    for order in ORDERS[1:]:
        F, _ = _residual(y, at, order, 2.0)
        if np.abs(F).max() < REFINED:
            break
        y, _, moved = _newton(y, at, order)
        if y[1] < VANISHING * y[0] or moved > 1e-3:
            return None
    return _collect(y, at, order)


def finite_overlaps(zeros: list[Solution], at: Point) -> list[Solution]:
    """Every distinct finite-overlap solution reached from the starts, largest -beta f first."""
    found: list[Floats] = []
    for zero in zeros:
        for fraction in STARTS:
            try:
                y, size, moved = _newton(_start(zero, fraction, at), at, ORDERS[0])
            except (OutsideDomain, np.linalg.LinAlgError):
                continue
            flowed = y[1] < VANISHING * y[0] or moved > 1e-3
            if size < CONVERGED and not flowed and not any(np.allclose(y, other, rtol=1e-6) for other in found):
                found.append(y)
    solutions = [solution for y in found if (solution := _refine(y, at)) is not None]
    return sorted(solutions, key=lambda s: -s.excess)
