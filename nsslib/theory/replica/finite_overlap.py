"""The finite-overlap branch: Newton on all six order parameters, from many starts.

Each start takes a zero-overlap solution, gives it an overlap Q = f q, lets the equations act a few
times (they map covariances to covariances) and hands over to Newton. Its Jacobian needs no second
integration: at fixed x grid the single-site averages respond to any change of H by covariances.
A start whose overlap shrinks below `VANISHING` q has flowed to the zero-overlap branch. Where no start
leads to an overlap although the zero-overlap branch is unstable, a solution is looked for at higher
temperatures and followed down. The field quadrature is then raised until the solution stays.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from nsslib.theory.replica.equations import (
    Point,
    averages,
    excess,
    field_nodes,
    fields,
    natural,
    site_moments,
    velocity_moments,
)
from nsslib.theory.replica.single_site import Floats, Moments, OutsideDomain
from nsslib.theory.replica.stability import replicon_modulus
from nsslib.theory.replica.zero_overlap import CONVERGED, EPS, GOAL, Solution, paramagnets

STARTS = (0.99, 0.9, 0.6, 0.25)
VANISHING = 1e-5
Order = tuple[int, int]
# Field quadratures tried in turn until a solution on one is a solution on the next.
ORDERS: tuple[Order, ...] = ((16, 40), (20, 72), (24, 136), (28, 256), (36, 480), (48, 900), (64, 1700))
REFINED = 1e-13
# Relative step of the Jacobian's central differences.
DIFFERENCE = 3e-5
# Annealing: factor between starting temperatures, coldest of them, first and smallest step in ln t.
HOTTER, COLDEST, STEP, SMALLEST_STEP = 8.0, 1e-7, 0.5, 0.02


def scale(y: Floats) -> Floats:
    """Units of (q, Q, R_int, RQ_int, qh, Qh) for residuals: q, R_int and max(|qh|, 1/q)."""
    q, R = y[0], max(abs(y[2]), EPS)
    conjugate = max(abs(y[4]), 1.0 / q)
    return np.array([q, q, R, R, conjugate, conjugate])


def mismatch(y: Floats, at: Point, order: Order, fineness: float = 1.0) -> tuple[Floats, Moments]:
    """(new - old) of the six equations in units of `scale`, and the single-site averages."""
    nodes, weights = field_nodes(*order)
    site = site_moments(y, at, nodes, fineness)
    return (averages(y, site.mean, at, nodes, weights) - y) / scale(y), site


def jacobian(y: Floats, site: Moments, at: Point, order: Order) -> Floats:
    """Differentiate (new - old) in y, in units of `scale`, by central differences of the explicit part."""
    nodes, weights = field_nodes(*order)
    units, base = scale(y), natural(y, at, nodes)
    # The equations turn on the differences q - Q, R - RQ, qh - Qh, which may be small.
    apart = np.repeat([y[0] - y[1] + at.t / at.g**2, abs(y[2] - y[3]), abs(y[4] - y[5]) + 1.0], 2)

    def image(z: Floats) -> Floats:
        response = np.einsum("nkl,nl->nk", site.cov, natural(z, at, nodes) - base)
        return averages(z, site.mean + response, at, nodes, weights)

    J = np.empty((6, 6))
    for k in range(6):
        step = np.zeros(6)
        step[k] = DIFFERENCE * apart[k] + 1e-12 * units[k]
        J[:, k] = (image(y + step) - image(y - step)) / (2.0 * step[k]) * units[k] / units
    return J - np.eye(6)


def _newton(y: Floats, at: Point, order: Order, steps: int = 20) -> tuple[Floats, float, float]:
    """Damped Newton; returns y, its residual and the relative size of the last step in Q."""
    F, site = mismatch(y, at, order)
    size, moved = float(np.abs(F).max()), np.inf
    for _ in range(steps):
        if y[1] < VANISHING * y[0]:
            break
        step = -np.linalg.solve(jacobian(y, site, at, order), F) * scale(y)
        # Keep q and Q positive; a factor of four a step is enough to reach any scale.
        fraction = min(1.0, 1.0, *(0.75 * old / -d for old, d in zip(y[:2], step[:2], strict=True) if d < 0.0))
        while fraction > 1e-3:
            try:
                F_new, site_new = mismatch(y + fraction * step, at, order)
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
        F, _ = mismatch(y, at, ORDERS[0])
        y = y + F * scale(y)
    return y


def _collect(y: Floats, at: Point, order: Order, residual: float) -> Solution:
    """Evaluate everything on the finest grids; `residual` is from there too."""
    nodes, weights = field_nodes(*order)
    site = site_moments(y, at, nodes, 2.0)
    q, Q, R, RQ, qh, Qh = (float(value) for value in y)
    _, h_u = fields(y, at, nodes)
    v, kappa = at.t + at.g**2 * (q - Q), at.g**2 * at.gamma * (R - RQ)
    W, thermal = velocity_moments(site.mean, v, kappa, h_u)
    speed = float((thermal + W**2) @ weights)
    return Solution(
        y=(q, Q, R, RQ, qh, Qh),
        Y=at.t * speed,
        Yh=float(at.t * (W**2 @ weights)),
        l2=float(site.mean[:, 4] @ weights),
        excess=excess(y, at, site, weights),
        replicon=_replicon(site, thermal, at, (v, kappa), weights),
        residual=max(residual, EPS),
    )


def _replicon(site: Moments, thermal: Floats, at: Point, v_kappa: tuple[float, float], weights: Floats) -> float:
    """Replicon from the connected correlations of (phi, W) at every field."""
    v, kappa = v_kappa
    pp, px = site.cov[:, 0, 0], site.cov[:, 0, 1]
    return float(replicon_modulus(pp, (px - kappa * pp) / v, thermal, at.g, at.gamma, weights))


def refine(y: Floats, at: Point) -> Solution | None:
    """Raise the field quadrature until the solution on one is a solution on the next."""
    for order in ORDERS[1:]:
        F, _ = mismatch(y, at, order, 2.0)
        residual = float(np.abs(F).max())
        if residual < REFINED:
            break
        y, _, moved = _newton(y, at, order)
        if y[1] < VANISHING * y[0] or moved > 1e-3:
            return None
    return _collect(y, at, order, residual)


def _search(zeros: list[Solution], at: Point) -> list[Floats]:
    """Every distinct finite-overlap solution reached from the starts, on the coarsest quadrature."""
    found: list[Floats] = []
    for zero in zeros:
        for fraction in STARTS:
            try:
                y = _converge(_start(zero, fraction, at), at)
            except (OutsideDomain, np.linalg.LinAlgError):
                continue
            if y is not None and not any(np.allclose(y, other, rtol=1e-6) for other in found):
                found.append(y)
    return found


def _converge(y: Floats, at: Point) -> Floats | None:
    """Newton's limit, unless it has no overlap or is none."""
    y, size, moved = _newton(y, at, ORDERS[0])
    return y if size < CONVERGED and y[1] >= VANISHING * y[0] and moved < 1e-3 else None


def _anneal(at: Point) -> list[Floats]:
    """Follow a finite-overlap solution from the first higher temperature where there is one."""
    t = HOTTER * max(at.t, COLDEST)
    while not (found := _search(paramagnets([replace(at, t=t)])[0], replace(at, t=t))):
        if t > 1.0:
            return []
        t *= HOTTER
    y, slope, step = found[0], np.zeros(6), STEP
    while t > at.t:
        colder = max(t * np.exp(-step), at.t) if t > COLDEST else at.t
        change = np.log(max(colder, COLDEST) / t)
        try:
            reached = _converge(y + slope * change, replace(at, t=colder))
        except (OutsideDomain, np.linalg.LinAlgError):
            reached = None
        if reached is None:
            step *= 0.5
            if step < SMALLEST_STEP:
                return []
            continue
        slope = (reached - y) / change if change else slope
        y, t, step = reached, colder, min(1.5 * step, 2.0)
    return [y]


def finite_overlaps(zeros: list[Solution], at: Point) -> list[Solution]:
    """Every distinct finite-overlap solution found, largest -beta f first.

    Where the zero-overlap solutions lead to none although the first of them is unstable, one is
    sought by annealing.
    """
    found = _search(zeros, at)
    if not found and zeros and zeros[0].replicon >= 1.0:
        found = _anneal(at)
    solutions = [solution for y in found if (solution := refine(y, at)) is not None]
    return sorted(solutions, key=lambda s: -s.excess)
