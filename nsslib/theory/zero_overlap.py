"""The zero-overlap branch: Q = R = Qh = 0, one density on the real line, three unknowns.

With the variables of `equations` (t = 1/beta, v = t + g^2 q, kappa = g^2 gamma R_int, u = x - kappa phi)

    p(x) ~ exp(-u^2/(2 v) + qh phi^2/2 - beta eta x^2)
    q = <phi^2>,   R_int = <u phi>/v,   qh = g^2 (<u^2>/v^2 - 1/v)

so that t = 0 is not special as long as q > 0. Newton's unknowns are theta = (ln q, R_int, q qh),
all of order one when q is as small as 1/beta. There may be several solutions (a first-order
transition); the branch is then the annealed average of the partition function, dominated by the
solution with the largest -beta f (Qiu & Huang, arXiv 2401.10009, with vanishing overlaps).
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from nsslib.theory.equations import Point
from nsslib.theory.linear_phase import transition
from nsslib.theory.single_site import Floats, Moments, OutsideDomain, moments

EPS = float(np.finfo(np.float64).eps)
# Newton goes on to the rounding level, and a start counts as converged far below any sensible tol.
GOAL, CONVERGED = 20.0 * EPS, 1e-8
STARTS = (0.1, 0.35, 0.7)


@dataclass(frozen=True)
class Solution:
    """A solution in scaled variables y = (q, Q, R_int, RQ_int, qh, Qh).

    `Y`, `Yh`: excess speed and velocity overlap; `a` = beta q Y; `l2` = <x^2>; `excess` =
    -beta f - ln(2 pi/beta)/2; `residual`: relative, never below the rounding unit.
    """

    y: tuple[float, float, float, float, float, float]
    Y: float
    Yh: float
    a: float
    l2: float
    excess: float
    residual: float


def _natural(theta: Floats, at: Point) -> tuple[Floats, float, float]:
    """Coefficients of the statistics, v and kappa."""
    q = np.exp(theta[0])
    v = at.t + at.g**2 * q
    kappa = at.g**2 * at.gamma * theta[1]
    if not (v > 0.0 and q > 0.0):
        raise OutsideDomain
    a_pp = 0.5 * theta[2] / q - 0.5 * kappa**2 / v
    return np.array([[0.0, 0.0, a_pp, kappa / v, -0.5 / v - at.beta_eta]]), v, kappa


def _system(theta: Floats, at: Point, fineness: float) -> tuple[Floats, Floats, Moments]:
    """Relative differences (new - old), their Jacobian in theta, and the moments."""
    natural, v, kappa = _natural(theta, at)
    site = moments(natural, at.phi, fineness)
    (pp, px, xx), C = site.mean[0, 2:], site.cov[0, 2:, 2:]
    q, qh, g2 = np.exp(theta[0]), theta[2] * np.exp(-theta[0]), at.g**2
    up, uu = px - kappa * pp, xx - 2.0 * kappa * px + kappa**2 * pp
    new = np.array([pp, up / v, g2 * (uu / v - 1.0) / v])

    # Derivatives in theta: of v, kappa, qh, then of the coefficients, of the means, of the map.
    dv = np.array([g2 * q, 0.0, 0.0])
    dk = np.array([0.0, g2 * at.gamma, 0.0])
    dqh = np.array([-qh, 0.0, 1.0 / q])
    k = kappa / v
    dpp, dpx, dxx = C @ np.array([0.5 * dqh - k * dk + 0.5 * k * k * dv, (dk - k * dv) / v, 0.5 * dv / v**2])
    dup = dpx - kappa * dpp - pp * dk
    duu = dxx - 2.0 * kappa * dpx + kappa**2 * dpp - 2.0 * up * dk
    d_new = np.array([dpp, (dup - new[1] * dv) / v, g2 * (duu + (1.0 - 2.0 * uu / v) * dv) / v**2])

    d_old = np.array([[q, 0.0, 0.0], [0.0, 1.0, 0.0], dqh])
    scale = np.array([q, max(abs(theta[1]), EPS), max(abs(theta[2]), 1.0) / q])
    return (new - [q, theta[1], qh]) / scale, (d_new - d_old) / scale[:, None], site


def _newton(theta: Floats, at: Point, fineness: float, steps: int = 30) -> tuple[Floats, float, Moments]:
    """Damped Newton; returns the best theta, its residual (however large) and its moments."""
    F, J, site = _system(theta, at, fineness)
    size = np.abs(F).max()
    for _ in range(steps):
        step = -np.linalg.solve(J, F)
        fraction = min(1.0, 2.0 / max(abs(step[0]), 1.0))
        while fraction > 1e-3:
            try:
                trial = _system(theta + fraction * step, at, fineness)
                if np.abs(trial[0]).max() < size:
                    break
            except OutsideDomain:
                pass
            fraction *= 0.5
        else:
            break
        theta, (F, J, site) = theta + fraction * step, trial
        size = np.abs(F).max()
        if size < GOAL:
            break
    return theta, float(size), site


def _starts(at: Point) -> Iterator[Floats]:
    """Activities from the linear phase (q ~ t) over the critical one (q ~ sqrt(t)) to saturation.

    R_int and qh follow from q as if phi were linear.
    """
    thermal = (0.5 * at.t / (1.0 + at.t), 0.7 * np.sqrt(at.t) / (1.0 + np.sqrt(at.t))) if at.t > 0.0 else ()
    for q in np.array([*thermal, *STARTS]):
        v = at.t + at.g**2 * q
        R = q / (v + at.g**2 * at.gamma * q)
        if v > 0.0 and np.isfinite(R):
            yield np.array([np.log(q), R, at.g**2 * (R**2 - q / v)])


def _finish(theta: Floats, at: Point) -> Solution | None:
    """Refine the x grid until the solution on one grid is a solution on the next."""
    try:
        for fineness in (2.0, 4.0, 8.0):
            F, _, site = _system(theta, at, fineness)
            size = float(np.abs(F).max())
            if size < 100.0 * GOAL:
                break
            theta, size, site = _newton(theta, at, fineness)
    except (OutsideDomain, np.linalg.LinAlgError):
        return None
    return _collect(theta, max(size, EPS), site, at)


def _collect(theta: Floats, residual: float, site: Moments, at: Point) -> Solution:
    q, R, a = float(np.exp(theta[0])), float(theta[1]), float(theta[2])
    _, v, kappa = _natural(theta, at)
    pp, px, xx = site.mean[0, 2:]
    speed = ((xx - 2.0 * kappa * px + kappa**2 * pp) / v - 1.0) / v
    coupled = 0.5 * a + 0.5 * at.g**2 * at.gamma * R**2 + 0.5 * np.log(2.0 * np.pi * v)
    return Solution(
        y=(q, 0.0, R, 0.0, a / q, 0.0),
        Y=float(at.t * speed),
        Yh=0.0,
        a=float(speed * q),
        l2=float(xx),
        excess=float(site.log_norm[0] - coupled),
        residual=residual,
    )


def paramagnets(at: Point) -> list[Solution]:
    """Every distinct solution reached from the starts, largest -beta f first."""
    if at.phi.name == "linear" and at.beta_eta == 0.0 and at.g >= transition(at.gamma):
        return []  # q diverges: the equations are solved better and better as q -> inf
    found: list[Floats] = []
    for start in _starts(at):
        try:
            theta, size, _ = _newton(start, at, 1.0)
        except (OutsideDomain, np.linalg.LinAlgError):
            continue
        if size < CONVERGED and not any(np.allclose(theta, other, rtol=1e-6, atol=1e-6) for other in found):
            found.append(theta)
    solutions = [solution for theta in found if (solution := _finish(theta, at)) is not None]
    return sorted(solutions, key=lambda s: -s.excess)
