"""The finite-overlap branch: Newton on all six order parameters, from many starts.

Each start takes a zero-overlap solution, gives it an overlap Q = f q, lets the equations act a few
times (they map covariances to covariances) and hands over to Newton. Its Jacobian needs no second
integration: at fixed x grid the single-site averages respond to any change of H by covariances.
A start whose overlap shrinks below `VANISHING` q has flowed to the zero-overlap branch. Where no start
leads to an overlap although the zero-overlap branch is unstable, a solution is searched for at higher
temperatures and followed down. The field quadrature is then raised until the solution stays.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from nsslib.arrays import Floats
from nsslib.theory.replica.equations import (
    Order,
    Point,
    averages,
    excess,
    field_nodes,
    fields,
    natural,
    residual_moments,
    site_moments,
    width_and_feedback,
)
from nsslib.theory.replica.single_site import Moments, OutsideDomain
from nsslib.theory.replica.stability import replicon_modulus
from nsslib.theory.replica.zero_overlap import CONVERGED, EPS, GOAL, Solution, paramagnets

STARTS = (0.99, 0.9, 0.6, 0.25)
VANISHING = 1e-5
Quadrature = tuple[int, int]
# Field quadratures tried in turn until a solution on one is a solution on the next.
QUADRATURES: tuple[Quadrature, ...] = (
    (16, 40),
    (20, 72),
    (24, 136),
    (28, 256),
    (36, 480),
    (48, 900),
    (64, 1700),
)
REFINED = 1e-13
# Relative step of the Jacobian's central differences.
DIFFERENCE = 3e-5
# Annealing: factor between starting temperatures, coldest of them, first and smallest step in ln t.
HOTTER, COLDEST, STEP, SMALLEST_STEP = 8.0, 1e-7, 0.5, 0.02


def scale(y: Floats) -> Floats:
    """Units (6,) of an `Order` for residuals: q, R_int and max(|qh|, 1/q)."""
    order = Order(*y)
    q, R = order.q, max(abs(order.R_int), EPS)
    conjugate = max(abs(order.qh), 1.0 / q)
    return np.array(Order(q, q, R, R, conjugate, conjugate))


def mismatch(y: Floats, point: Point, quadrature: Quadrature, fineness: float = 1.0) -> tuple[Floats, Moments]:
    """Right-hand side minus left-hand side (6,) in units of `scale`, and the single-site averages."""
    nodes, weights = field_nodes(*quadrature)
    site = site_moments(y, point, nodes, fineness)
    return (averages(y, site.mean, point, nodes, weights) - y) / scale(y), site


def jacobian(y: Floats, site: Moments, point: Point, quadrature: Quadrature) -> Floats:
    """Jacobian (6, 6) of `mismatch` in y, in units of `scale`, by central differences of the explicit part."""
    nodes, weights = field_nodes(*quadrature)
    units, base = scale(y), natural(y, point, nodes)
    # The equations depend on the differences q - Q, R_int - RQ_int, qh - Qh, which may be small.
    q, Q, R, RQ, qh, Qh = y
    apart = np.repeat([q - Q + point.t / point.g**2, abs(R - RQ), abs(qh - Qh) + 1.0], 2)

    def image(z: Floats) -> Floats:
        response = np.einsum("nkl,nl->nk", site.cov, natural(z, point, nodes) - base)
        return averages(z, site.mean + response, point, nodes, weights)

    J = np.empty((6, 6))
    for k in range(6):
        step = np.zeros(6)
        step[k] = DIFFERENCE * apart[k] + 1e-12 * units[k]
        J[:, k] = (image(y + step) - image(y - step)) / (2.0 * step[k]) * units[k] / units
    return J - np.eye(6)


def vanishes(y: Floats) -> bool:
    """Whether the overlap is so small that the branch is the zero-overlap one."""
    order = Order(*y)
    return bool(order.Q / order.q < VANISHING)


def _newton(y: Floats, point: Point, quadrature: Quadrature, steps: int = 20) -> tuple[Floats, float, float]:
    """Damped Newton; returns y (6,), its residual and the relative size of the last step in Q."""
    F, site = mismatch(y, point, quadrature)
    size, moved = float(np.abs(F).max()), np.inf
    for _ in range(steps):
        if vanishes(y):
            break
        step = -np.linalg.solve(jacobian(y, site, point, quadrature), F) * scale(y)
        # Keep q and Q positive; a factor of four a step is enough to reach any scale.
        fraction = min(1.0, 1.0, *(0.75 * old / -d for old, d in zip(y[:2], step[:2], strict=True) if d < 0.0))
        while fraction > 1e-3:
            try:
                F_new, site_new = mismatch(y + fraction * step, point, quadrature)
                if np.abs(F_new).max() < size:
                    break
            except OutsideDomain:
                pass
            fraction *= 0.5
        else:
            break
        y, F, site = y + fraction * step, F_new, site_new
        size, moved = float(np.abs(F).max()), abs(fraction * Order(*step).Q / Order(*y).Q)
        if size < GOAL:
            break
    return y, size, moved


def _start(zero: Solution, fraction: float, point: Point, iterations: int = 6) -> Floats:
    """Add an overlap `fraction` q to a zero-overlap solution, then iterate the equations."""
    q, _, R, _, qh, _ = zero.order
    RQ = 0.5 * fraction * R
    y = np.array(Order(q, fraction * q, R, RQ, qh, point.g**2 * RQ**2 / (fraction * q)))
    for _ in range(iterations):
        F, _ = mismatch(y, point, QUADRATURES[0])
        y = y + F * scale(y)
    return y


def _collect(y: Floats, point: Point, quadrature: Quadrature, residual: float) -> Solution:
    """Evaluate everything on the finest grids, where `residual` was evaluated too."""
    nodes, weights = field_nodes(*quadrature)
    site = site_moments(y, point, nodes, 2.0)
    order = Order(*y.tolist())
    _, h_u = fields(y, point, nodes)
    v, kappa = width_and_feedback(order, point)
    W, thermal = residual_moments(site.mean, v, kappa, h_u)
    speed = float((thermal + W**2) @ weights)
    return Solution(
        order=order,
        Y=point.t * speed,
        Yh=float(point.t * (W**2 @ weights)),
        l2=float(site.mean[:, 4] @ weights),
        excess=excess(y, point, site, weights),
        replicon=_replicon(site, thermal, point, (v, kappa), weights),
        residual=max(residual, EPS),
    )


def _replicon(site: Moments, thermal: Floats, point: Point, v_kappa: tuple[float, float], weights: Floats) -> float:
    """Replicon from the connected correlations of (phi, W) at every field."""
    v, kappa = v_kappa
    pp, px = site.cov[:, 0, 0], site.cov[:, 0, 1]
    return float(replicon_modulus(pp, (px - kappa * pp) / v, thermal, point.g, point.gamma, weights))


def refine(y: Floats, point: Point) -> Solution | None:
    """Raise the field quadrature until the solution on one is a solution on the next."""
    for quadrature in QUADRATURES[1:]:
        F, _ = mismatch(y, point, quadrature, 2.0)
        residual = float(np.abs(F).max())
        if residual < REFINED:
            break
        y, _, moved = _newton(y, point, quadrature)
        if vanishes(y) or moved > 1e-3:
            return None
    return _collect(y, point, quadrature, residual)


def _search(zeros: list[Solution], point: Point) -> list[Floats]:
    """Every distinct finite-overlap solution (6,) reached from the starts, on the coarsest quadrature."""
    distinct: list[Floats] = []
    for zero in zeros:
        for fraction in STARTS:
            try:
                y = _converge(_start(zero, fraction, point), point)
            except (OutsideDomain, np.linalg.LinAlgError):
                continue
            if y is not None and not any(np.allclose(y, other, rtol=1e-6) for other in distinct):
                distinct.append(y)
    return distinct


def _converge(y: Floats, point: Point) -> Floats | None:
    """Newton's limit (6,); None if there is none or it has no overlap."""
    y, size, moved = _newton(y, point, QUADRATURES[0])
    return y if size < CONVERGED and not vanishes(y) and moved < 1e-3 else None


def _anneal(point: Point) -> list[Floats]:
    """Follow a finite-overlap solution from the first higher temperature where there is one."""
    t = HOTTER * max(point.t, COLDEST)
    while not (hotter := _search(paramagnets([replace(point, t=t)])[0], replace(point, t=t))):
        if t > 1.0:
            return []
        t *= HOTTER
    y, slope, step = hotter[0], np.zeros(6), STEP
    while t > point.t:
        colder = max(t * np.exp(-step), point.t) if t > COLDEST else point.t
        change = np.log(max(colder, COLDEST) / t)
        try:
            reached = _converge(y + slope * change, replace(point, t=colder))
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


def finite_overlaps(zeros: list[Solution], point: Point) -> list[Solution]:
    """Every distinct finite-overlap solution found, largest -beta f first.

    Where the zero-overlap solutions `zeros` lead to none although the first of them is unstable, one is searched for
    by annealing.
    """
    coarse = _search(zeros, point)
    if not coarse and zeros and zeros[0].replicon >= 1.0:
        coarse = _anneal(point)
    solutions = [solution for y in coarse if (solution := refine(y, point)) is not None]
    return sorted(solutions, key=lambda s: -s.excess)
