"""The zero-overlap branch: Q = R = Qh = 0, one density on the real line, three unknowns.

With the variables of `equations` (t = 1/beta, v = t + g^2 q, kappa = g^2 gamma R_int, u = x - kappa phi)

    p(x) ~ exp(-u^2/(2 v) + qh phi^2/2 - beta eta x^2)
    q = <phi^2>,   R_int = <u phi>/v,   qh = g^2 (<u^2>/v^2 - 1/v)

so that t = 0 is not special as long as q > 0. The unknowns are theta = (ln q, R_int, q qh), all of
order one when q is as small as 1/beta.

All solutions are searched for, not only one. At any fixed q the first two equations have one solution
(R_int, q qh), which depends smoothly on q; see below. Along it the slope d(-beta f)/d ln q is half of
S(q) = q (new qh - qh), positive towards q = 0 and negative towards the largest q. The solutions are the
roots of S: it is tabulated with its slope, and every root of the cubic interpolant starts a Newton
iteration in theta. Where there are several (a first-order transition) the branch is the annealed
average of the partition function, dominated by the solution with the largest -beta f (Qiu & Huang,
arXiv 2401.10009, with vanishing overlaps).

Why one solution at fixed q. For gamma <= 0 -beta f is convex in the coefficients of phi^2 and phi x. For
gamma > 0 write the density as exp(A phi^2 + b x phi - x^2/(2 w)), b = kappa/v, 1/w = 1/v + 2 beta eta.
Convexity in A leaves one A(b) with <phi^2> = q, and with m(b) = <x phi> there, the second equation is
m/b = v (q + v/(g^2 gamma)). Since v >= g^2 q, every root has m >= 2 w q b. Where that holds, d ln m/d ln b =
b var(x phi | phi^2)/m was below 0.25 at all of 88 000 densities, with w from 1e-5 to 1e5 and three phi (as w ->
inf it tends to 0.244 at most; elsewhere it passes 1): m/b falls through the roots, so that there is one, at any
g, beta, gamma and eta. This last step is a scan, not a proof; the tests repeat a part of it.

Every array here has one row for each of many problems; no row depends on the others.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from scipy.interpolate import PPoly

from nsslib.arrays import Floats
from nsslib.model.transfer import Phi
from nsslib.theory.replica.averages import natural_parameters, zero_overlap_system
from nsslib.theory.replica.equations import Order, Point
from nsslib.theory.replica.linear_phase import transition
from nsslib.theory.replica.single_site import Moments, even_moments
from nsslib.theory.replica.stability import replicon_modulus

EPS = float(np.finfo(np.float64).eps)
# Newton goes on to the rounding level, and a start counts as converged far below any sensible tol.
GOAL, CONVERGED = 20.0 * EPS, 1e-8
FROM_LEFT, FROM_RIGHT = slice(None), slice(None, None, -1)
# How often the table of S may be extended to reach from S > 0 to S < 0.
EXTENSIONS = 4
# At t = 0 smaller variances of x are the origin.
SMALLEST = 1e-7
# Half a Gaussian, for activities.
NODES = np.linspace(0.05, 4.0, 40)
# Points solved together; more do not fit into the processor's cache.
CHUNK = 32


class Effort(NamedTuple):
    """Of a table of S: number of activities; accuracy of its entries; fineness of their x grid."""

    size: int
    accuracy: float
    fineness: float


QUICK, THOROUGH = Effort(16, 1e-3, 0.5), Effort(80, 1e-9, 1.0)


@dataclass(frozen=True)
class Solution:
    """A solution of the equations at one point.

    `order`: order parameters; `Y`, `Yh`: excess speed and residual overlap; `l2` = <x^2>;
    `excess` = -beta f - ln(2 pi/beta)/2; `replicon`: see `stability`;
    `residual`: relative, never below the rounding unit.
    """

    order: Order
    Y: float
    Yh: float
    l2: float
    excess: float
    replicon: float
    residual: float


class Batch(NamedTuple):
    """Points to solve at: arrays (n,) with the names of `Point`, and the phi that they share."""

    g: Floats
    t: Floats
    gamma: Floats
    beta_eta: Floats
    phi: Phi

    def take(self, rows: np.ndarray) -> Batch:
        """Select rows, with repetitions if asked for."""
        return Batch(self.g[rows], self.t[rows], self.gamma[rows], self.beta_eta[rows], self.phi)


class System(NamedTuple):
    """The equations at n thetas.

    `F` (n, 3) holds the relative differences between their two sides, `J` (n, 3, 3) the derivatives of F in theta,
    `site` the averages, shapes (n,), (n, 3) and (n, 3, 3).
    """

    F: Floats
    J: Floats
    site: Moments

    def put(self, rows: np.ndarray, other: System, chosen: np.ndarray) -> None:
        """Replace `rows` by the rows `chosen` of `other`."""
        for mine, theirs in zip((self.F, self.J, *self.site), (other.F, other.J, *other.site), strict=True):
            mine[rows] = theirs[chosen]


def evaluate(theta: Floats, batch: Batch, fineness: float) -> System:
    """Evaluate the equations at theta (n, 3); NaN where theta defines no density."""
    site = even_moments(natural_parameters(theta, batch.g, batch.t, batch.gamma, batch.beta_eta), batch.phi, fineness)
    F, J = zero_overlap_system(theta, batch.g, batch.t, batch.gamma, site.mean, site.cov)
    return System(F, J, site)


def _solve(A: Floats, b: Floats) -> Floats:
    """Solutions (n, k) of A (n, k, k) x = b (n, k); NaN where A is singular."""
    try:
        x: Floats = np.linalg.solve(A, b[:, :, None])[:, :, 0]
    except np.linalg.LinAlgError:
        singular = np.linalg.det(A) == 0.0
        x = np.linalg.solve(np.where(singular[:, None, None], np.eye(A.shape[1]), A), b[:, :, None])[:, :, 0]
        x[singular] = np.nan
    return x


def _newton(
    theta: Floats, batch: Batch, fineness: float, unknowns: int = 3, goal: float = GOAL, steps: int = 30
) -> tuple[Floats, System]:
    """Damped Newton on the last `unknowns` of theta and as many first equations.

    Returns the best theta of each row, whatever its residual, and everything evaluated there.
    """
    theta, system = theta.copy(), evaluate(theta, batch, fineness)
    fraction = np.ones(len(theta))
    for _ in range(steps):
        size = np.abs(system.F[:, :unknowns]).max(axis=1)
        rows = np.flatnonzero((size > goal) & (fraction > 1e-3))
        if not rows.size:
            break
        k = unknowns
        step = _solve(system.J[rows, :k, 3 - k :], -system.F[rows, :k])
        # A factor of e^2 in q a step is enough to reach any scale.
        limit = 2.0 / np.maximum(np.abs(step[:, 0]), 2.0) if unknowns == 3 else 1.0
        trial = theta[rows]
        trial[:, 3 - unknowns :] += (fraction[rows] * limit)[:, None] * step
        tried = evaluate(trial, batch.take(rows), fineness)
        better = np.abs(tried.F[:, :unknowns]).max(axis=1) < size[rows]
        theta[rows[better]] = trial[better]
        system.put(rows[better], tried, better)
        # No better this close is as good as rounding allows.
        fraction[rows] = np.where(better, 1.0, np.where(size[rows] < 1e-12, 0.0, 0.5 * fraction[rows]))
    return theta, system


class Table(NamedTuple):
    """Solutions of the first two equations at m activities of each of n points.

    `theta` (n, m, 3) and `S` (n, m), with their derivatives in ln q, `d_theta` (n, m, 3) and `d_S` (n, m).
    """

    theta: Floats
    S: Floats
    d_theta: Floats
    d_S: Floats


def _tabulate(q: Floats, batch: Batch, effort: Effort) -> Table:
    """Solve the first two equations at activities q (n, m); NaN where that failed."""
    n, m = q.shape
    flat = batch.take(np.repeat(np.arange(n), m))
    q = q.ravel()
    # R_int and qh follow from q as if phi were linear.
    v = flat.t + flat.g**2 * q
    R = q / (v + flat.g**2 * flat.gamma * q)
    R = np.where(np.isfinite(R), R, 1.0)
    start = np.array([np.log(q), R, R * R * v / q + 2.0 * flat.beta_eta * q - 1.0]).T
    entries = _entries(start, flat, effort)
    table = Table(*(column.reshape(n, m, *column.shape[1:]) for column in entries))
    if effort is THOROUGH:
        _bridge(table, batch, effort)
    return table


def _entries(start: Floats, batch: Batch, effort: Effort) -> Table:
    """Entries of a table, shapes (k, 3) and (k,), from the thetas `start` (k, 3) at the same activities."""
    theta, (F, J, _) = _newton(start, batch, effort.fineness, unknowns=2, goal=effort.accuracy, steps=20)
    failed = ~(np.abs(F[:, :2]).max(axis=1) <= effort.accuracy)
    # The rest of the first two equations is removed to first order.
    rest = _solve(J[:, :2, 1:], -F[:, :2])
    slope = np.ones((len(theta), 3))
    slope[:, 1:] = _solve(J[:, :2, 1:], -J[:, :2, 0])
    size = np.maximum(np.abs(theta[:, 2]), 1.0)
    S = np.where(failed, np.nan, size * (F[:, 2] + np.einsum("nj,nj->n", J[:, 2, 1:], rest)))
    theta[:, 1:] += rest
    d_S = S + size * np.einsum("nj,nj->n", J[:, 2], slope)
    return Table(theta, S, slope, d_S)


def _bridge(table: Table, batch: Batch, effort: Effort) -> None:
    """Solve failed entries from solved neighbours, until no more can be solved."""
    while True:
        known = np.pad(np.isfinite(table.S), ((0, 0), (1, 1)))
        row, column = np.nonzero(~known[:, 1:-1] & (known[:, :-2] | known[:, 2:]))
        near = np.where(known[row, column], column - 1, column + 1)
        gap = table.theta[row, column, 0] - table.theta[row, near, 0]
        start = table.theta[row, near] + gap[:, None] * table.d_theta[row, near]
        entries = _entries(start, batch.take(row), effort)
        if not np.isfinite(entries.S).any():
            return
        for column_of, values in zip(table, entries, strict=True):
            column_of[row, column] = values


def _activities(batch: Batch, low: Floats, high: Floats, size: int) -> Floats:
    """Activities (n, size) of Gaussian x of standard deviations from `low` (n,) to `high` (n,)."""
    deviation = np.exp(np.linspace(np.log(low), np.log(high), size, axis=1))
    weights = np.exp(-0.5 * NODES**2)
    q: Floats = np.square(batch.phi.value(deviation[:, :, None] * NODES)) @ (weights / weights.sum())
    return np.sort(q, axis=1)


def _crossing(S: Floats, ends: slice) -> Floats:
    """First known S of each row, in the order of `ends`."""
    S = S[:, ends]
    return S[np.arange(len(S)), np.argmax(np.isfinite(S), axis=1)]


def _tables(batch: Batch, effort: Effort) -> Table:
    """Tabulate from S > 0 to S < 0, extending the table where it does not reach."""
    softest = (1.0 + batch.g) ** 2 + 2.0 * batch.t * batch.beta_eta
    low = np.sqrt(np.where(batch.t > 0.0, 0.25 * batch.t / softest, SMALLEST))
    high = 3.0 * (1.0 + batch.g) + 2.0 * np.sqrt(batch.t)
    table = _tabulate(_activities(batch, low, high, effort.size), batch, effort)
    for _ in range(EXTENSIONS):
        up, down = (batch.t > 0.0) & ~(_crossing(table.S, FROM_LEFT) > 0.0), ~(_crossing(table.S, FROM_RIGHT) < 0.0)
        rows = np.flatnonzero(up | down)
        if not rows.size:
            break
        low, high = np.where(up, low / 8.0, low), np.where(down, high * 8.0, high)
        part = batch.take(rows)
        wider = _tabulate(_activities(part, low[rows], high[rows], effort.size), part, effort)
        for mine, theirs in zip(table, wider, strict=True):
            mine[rows] = theirs
    return table


def _starts(table: Table, row: int) -> Floats:
    """Return theta (k, 3) at the k roots of the cubic interpolant of S in one row of the table."""
    known = np.isfinite(table.S[row]) & np.isfinite(table.d_S[row])
    if known.sum() < 2:
        return np.empty((0, 3))
    ln_q = table.theta[row, known, 0]
    increasing = np.concatenate([[True], np.diff(ln_q) > 1e-9])
    pick = np.flatnonzero(known)[increasing]
    ln_q = ln_q[increasing]
    values = np.column_stack([table.S[row, pick], table.theta[row, pick]])
    slopes = np.column_stack([table.d_S[row, pick], table.d_theta[row, pick]])
    # Cubic Hermite coefficients, highest power first.
    h = np.diff(ln_q)[:, None]
    rise = np.diff(values, axis=0) / h
    bend = (slopes[:-1] + slopes[1:] - 2.0 * rise) / h
    c = np.array([bend / h, (rise - slopes[:-1]) / h - bend, slopes[:-1], values[:-1]])
    roots = PPoly.construct_fast(c[..., 0].copy(), ln_q).roots(extrapolate=False)
    return PPoly.construct_fast(c[..., 1:].copy(), ln_q)(roots)


def finish(theta: Floats, batch: Batch) -> tuple[Floats, System, Floats]:
    """Solve from theta (n, 3), and refine the x grid until the solution on one grid is a solution on the next.

    Returns theta, the equations there, and the residual (n,) on the finer grid.
    """
    theta, system = _newton(theta, batch, 1.0)
    residual = np.abs(system.F).max(axis=1)
    rows = np.flatnonzero(residual < CONVERGED)
    for fineness in (2.0, 4.0, 8.0):
        if not rows.size:
            break
        finer = evaluate(theta[rows], batch.take(rows), fineness)
        system.put(rows, finer, np.arange(len(rows)))
        residual[rows] = np.abs(finer.F).max(axis=1)
        rows = rows[residual[rows] > 100.0 * GOAL]
        theta[rows] = _newton(theta[rows], batch.take(rows), fineness)[0]
    return theta, system, residual


def collect(theta: Floats, residual: Floats, site: Moments, batch: Batch) -> list[Solution]:
    """Make a Solution of each row of theta (n, 3) and residual (n,)."""
    q, R, a = np.exp(theta[:, 0]), theta[:, 1], theta[:, 2]
    v, kappa = batch.t + batch.g**2 * q, batch.g**2 * batch.gamma * R
    pp, px, xx = site.mean.T
    speed = ((xx - 2.0 * kappa * px + kappa**2 * pp) / v - 1.0) / v
    excess = site.log_norm - 0.5 * (a + batch.g**2 * batch.gamma * R**2 + np.log(2.0 * np.pi * v))
    replicon = replicon_modulus(1.0, R, speed * q, batch.g, batch.gamma)
    columns = np.array([q, R, batch.g**2 * speed, batch.t * speed, xx, excess, replicon, np.maximum(residual, EPS)])
    return [
        Solution(
            Order(q, 0.0, R, 0.0, qh, 0.0), Y=Y, Yh=0.0, l2=l2, excess=excess, replicon=replicon, residual=residual
        )
        for q, R, qh, Y, l2, excess, replicon, residual in columns.T.tolist()
    ]


def paramagnets(points: Sequence[Point]) -> list[list[Solution]]:
    """Every solution at each of the points, all at t = 0 or none; largest -beta f first.

    Every root of the interpolant must lead to a solution of its own, and at t > 0, where S starts
    positive and ends negative, their number is odd; else the table is made again with more effort.
    At t = 0, where S vanishes with q, there is no quick table.
    """
    solved: list[list[Solution]] = []
    with np.errstate(all="ignore"):
        for k in range(0, len(points), CHUNK):
            chunk = points[k : k + CHUNK]
            solutions, roots = search(chunk, QUICK if chunk[0].t > 0.0 else THOROUGH)
            doubtful = [i for i, s in enumerate(solutions) if chunk[i].t and (len(s) != roots[i] or len(s) % 2 == 0)]
            again = search([chunk[i] for i in doubtful], THOROUGH)[0] if doubtful else []
            for i, more in zip(doubtful, again, strict=True):
                solutions[i] = max(solutions[i], more, key=len)
            solved.extend([] if _diverges(p) else s for p, s in zip(chunk, solutions, strict=True))
    return solved


def _diverges(p: Point) -> bool:
    """Whether q is infinite: the residual of the equations then falls for ever as q grows."""
    return p.phi.name == "linear" and p.beta_eta == 0.0 and p.g >= float(transition(p.gamma))


def search(points: Sequence[Point], effort: Effort) -> tuple[list[list[Solution]], list[int]]:
    """Solutions at each point, and the number of roots of the interpolant from which they were searched."""
    g, t, gamma, beta_eta = np.array([(p.g, p.t, p.gamma, p.beta_eta) for p in points]).T.copy()
    batch = Batch(g, t, gamma, beta_eta, points[0].phi)
    table = _tables(batch, effort)
    starts = [_starts(table, row) for row in range(len(points))]
    roots = [len(start) for start in starts]
    row_of = np.repeat(np.arange(len(points)), roots)
    theta, system, residual = finish(np.concatenate(starts), batch.take(row_of))
    distinct: list[list[Solution]] = [[] for _ in points]
    for row, solution in zip(row_of.tolist(), collect(theta, residual, system.site, batch.take(row_of)), strict=True):
        near = any(abs(solution.order.q / other.order.q - 1.0) < 1e-6 for other in distinct[row])
        # At t = 0 both sides of the equations agree to order q anyway.
        size = 1.0 if points[row].t > 0.0 else solution.order.q
        if solution.residual < CONVERGED * size and not near:
            distinct[row].append(solution)
    for solutions in distinct:
        solutions.sort(key=lambda s: -s.excess)
    return distinct, roots
