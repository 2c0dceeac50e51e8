"""One step of replica-symmetry breaking: clusters of replicas, for where the replicon exceeds 1.

Pairs of replicas of one cluster overlap by Q1, of different clusters by Q0 < Q1; m is the cluster size,
0 < m < 1, the probability that two replicas are of different clusters. In the variables of
`equations`, with v = t + g^2 (q - Q1) and kappa = g^2 gamma (R - R1), the fields are h = h0 + h1 with covariances
K(0) and K(1) - K(0) made of (Q0, R0, Qh0) and (Q1, R1, Qh1) as there; Z(h) is the integral of
exp(H - v h_u^2/2), and [.] = E1(Z^m .)/E1(Z^m) an average over h1 at fixed h0:

    q  = E0[<phi^2>],      R  = E0[<W phi>],         qh  = g^2 (E0[<W^2>] - 1/v)
    Q1 = E0[<phi>^2],      R1 = E0[<W><phi>],        Qh1 = g^2 E0[<W>^2]
    Q0 = E0[<phi>]^2,      R0 = E0[<W>][<phi>],      Qh0 = g^2 E0[<W>]^2

    -beta f = E0 (1/m) ln E1 Z^m - (qh q - (1 - m) Qh1 Q1 - m Qh0 Q0)/2
              - g^2 gamma (R^2 - (1 - m) R1^2 - m R0^2)/2 - ln(2 pi v)/2 + ln(2 pi t)/2

which is stationary in m too. Q1 = Q0, or m = 1, is the replica-symmetric theory, of Q0 (Parisi 1979, for the
order parameters of Qiu & Huang, arXiv 2401.10009). Here R, R1 and R0 are sqrt(beta) times the response overlaps.
"""

from __future__ import annotations

from dataclasses import replace
from typing import NamedTuple

import numpy as np
import xarray as xr

from nsslib.arrays import Floats
from nsslib.errors import UserError
from nsslib.model.transfer import Phi
from nsslib.theory.replica.branches import point_of
from nsslib.theory.replica.equations import Point, covariance_root, field_nodes, residual_moments
from nsslib.theory.replica.finite_overlap import Quadrature, finite_overlaps
from nsslib.theory.replica.single_site import OutsideDomain, moments
from nsslib.theory.replica.zero_overlap import EPS, Solution, paramagnets

# Quadratures of h0 and of h1, which is much smaller: to approach, to solve and to check.
COARSE = ((8, 24), (6, 14))
OUTER, INNER = (12, 40), (10, 20)
FINER = ((16, 60), (12, 26))
# Plain iterations from a replica-symmetric solution split by SPLIT, at m = CLUSTERS; then Newton; rounds of both.
WARM_UP, SPLIT, CLUSTERS, ROUNDS = 25, 0.3, 0.3, 3
GOAL, STEPS, SHIFT = 1e-10, 12, 1e-4
# Cooling: factor between starting temperatures, first and smallest step in ln t.
HOTTER, STEP, SMALLEST_STEP = 10.0, 0.5, 0.02
# Q1 and Q0 are equal if they differ by less than this fraction of Q1.
DISTINCT = 1e-3
VARIABLES: dict[str, str] = {
    "q": "activity",
    "Q1": "overlap of two replicas of one cluster",
    "Q0": "overlap of two replicas of different clusters",
    "r": "response",
    "R1": "response overlap in one cluster",
    "R0": "response overlap of different clusters",
    "qh": "conjugate of the activity",
    "Qh1": "conjugate of Q1",
    "Qh0": "conjugate of Q0",
    "m": "cluster size: probability that two replicas are of different clusters",
    "Q": "mean overlap, (1 - m) Q1 + m Q0",
    "free_energy": "free energy per unit, times -beta",
    "gain": "free_energy minus that of the replica-symmetric finite-overlap solution",
    "residual": "largest relative difference between the two sides of the equations",
}


class Evaluation(NamedTuple):
    """Right-hand sides `image` (9,), `excess` = -beta f - ln(2 pi/beta)/2 and its derivative `slope` in m."""

    image: Floats
    excess: float
    slope: float


class Rule(NamedTuple):
    """Quadrature of h0: nodes (k, 2), weights (k,); and of h1: nodes (l, 2), weights (l,)."""

    n0: Floats
    w0: Floats
    n1: Floats
    w1: Floats


def _rule(outer: Quadrature, inner: Quadrature) -> Rule:
    n1, w1 = field_nodes(*inner)
    # At a fixed h0 nothing is even: all nodes of h1 are needed.
    return Rule(*field_nodes(*outer), np.concatenate([n1, -n1]), 0.5 * np.concatenate([w1, w1]))


def _natural(y: Floats, point: Point, rule: Rule) -> tuple[Floats, Floats]:
    """Coefficients (n, 5) of H and h_u (n,) at every pair of nodes, n = k l."""
    q, Q1, Q0, R, R1, R0, qh, Qh1, Qh0 = y
    g2 = point.g**2
    v, kappa = point.t + g2 * (q - Q1), g2 * point.gamma * (R - R1)
    if not v > 0.0:
        raise OutsideDomain
    common = covariance_root(Qh0, g2 * point.gamma * R0 / v, g2 * Q0 / v**2)
    split = covariance_root(Qh1 - Qh0, g2 * point.gamma * (R1 - R0) / v, g2 * (Q1 - Q0) / v**2)
    h = ((rule.n0 @ common.T)[:, None, :] + (rule.n1 @ split.T)[None, :, :]).reshape(-1, 2)
    constant = [0.5 * (qh - Qh1) - 0.5 * kappa**2 / v, kappa / v, -0.5 / v - point.beta_eta]
    return np.column_stack([h[:, 0] - kappa * h[:, 1], h[:, 1], np.broadcast_to(constant, (len(h), 3))]), h[:, 1]


def _cluster(y: Floats, m: float, point: Point, rule: Rule, h_u: Floats, log_norm: Floats, mean: Floats) -> Evaluation:
    """Average the means (n, 5) of the statistics at every pair of nodes over clusters, and these over h0."""
    q, Q1, Q0, R, R1, R0, qh, Qh1, Qh0 = y
    g2, b = point.g**2, point.g**2 * point.gamma
    v, kappa = point.t + g2 * (q - Q1), b * (R - R1)
    shape = (len(rule.w0), len(rule.w1))
    ln_Z = (log_norm - 0.5 * v * h_u**2).reshape(shape)
    top = ln_Z.max(axis=1, keepdims=True)
    weight = rule.w1 * np.exp(m * (ln_Z - top))
    total = weight.sum(axis=1, keepdims=True)
    weight /= total
    ln_cluster = (top + np.log(total) / m)[:, 0]
    W, spread = residual_moments(mean, v, kappa, h_u)
    p, _, pp, px, _ = mean.T
    Wp = (px - kappa * pp) / v - h_u * p
    inside = [pp, p * p, Wp, W * p, spread + W * W, W * W, p, W]
    pp, p2, Wp, W_p, W2, WW, p, W = (np.sum(weight * column.reshape(shape), axis=1) for column in inside)
    image = np.array([pp, p2, p * p, Wp, W_p, W * p, g2 * W2, g2 * WW, g2 * W * W]) @ rule.w0
    coupled = 0.5 * (qh * q - (1.0 - m) * Qh1 * Q1 - m * Qh0 * Q0) + 0.5 * b * (R**2 - (1.0 - m) * R1**2 - m * R0**2)
    gain = np.sum(weight * ln_Z, axis=1) - ln_cluster
    slope = gain @ rule.w0 / m - 0.5 * (Qh1 * Q1 - Qh0 * Q0) - 0.5 * b * (R1**2 - R0**2)
    return Evaluation(image, float(ln_cluster @ rule.w0 - coupled - 0.5 * np.log(2.0 * np.pi * v)), float(slope))


def evaluate(y: Floats, m: float, point: Point, outer: Quadrature = OUTER, inner: Quadrature = INNER) -> Evaluation:
    """Evaluate the one-step equations at y = (q, Q1, Q0, R, R1, R0, qh, Qh1, Qh0), (9,).

    Raises
    ------
    OutsideDomain
        If the densities or the covariances of the fields do not exist.
    """
    if not 0.0 < m <= 1.0:
        raise OutsideDomain
    rule = _rule(outer, inner)
    natural, h_u = _natural(y, point, rule)
    site = moments(natural, point.phi)
    return _cluster(y, m, point, rule, h_u, site.log_norm, site.mean)


def relative(y: Floats, evaluated: Evaluation) -> Floats:
    """Relative differences between both sides, and the derivative in m over (Q1 - Q0)^2; (10,)."""
    q, Q1, Q0, *_ = y
    # Near Q1 = Q0 the free energy depends on m to second order only.
    return np.append((evaluated.image - y) / scale(y), evaluated.slope * (q / (Q1 - Q0)) ** 2)


def linearised(y: Floats, m: float, point: Point, quadratures: tuple[Quadrature, Quadrature]) -> tuple[Floats, Floats]:
    """Relative differences (10,) and their Jacobian (10, 10): the sites respond to H by their covariances."""
    rule = _rule(*quadratures)
    natural, h_u = _natural(y, point, rule)
    site = moments(natural, point.phi)
    J = np.empty((10, 10))

    def image(shift: Floats) -> Floats:
        moved = y + shift[:9]
        natural_moved, h = _natural(moved, point, rule)
        d = natural_moved - natural
        response = np.einsum("nkl,nl->nk", site.cov, d)
        log_norm = site.log_norm + np.einsum("nk,nk->n", site.mean + 0.5 * response, d)
        return relative(moved, _cluster(moved, m + shift[9], point, rule, h, log_norm, site.mean + response))

    # Below the distances q - Q1 and Q1 - Q0, on which the equations depend.
    q, Q1, Q0, *_ = y
    apart = min(q - Q1 + point.t / point.g**2, Q1 - Q0, q) / q
    units = np.append(scale(y), 1.0)
    for k in range(10):
        step = SHIFT * apart * np.eye(10)[k]
        J[:, k] = (image(step * units) - image(-step * units)) / (2.0 * SHIFT * apart)
    return relative(y, _cluster(y, m, point, rule, h_u, site.log_norm, site.mean)), J


def scale(y: Floats) -> Floats:
    """Units (9,) of y for residuals."""
    q, _, _, R, _, _, qh, _, _ = y
    return np.repeat([q, R, max(abs(qh), 1.0 / q)], 3)


def _newton(
    y: Floats, m: float, point: Point, quadratures: tuple[Quadrature, Quadrature]
) -> tuple[Floats, float, float]:
    """Damped Newton on the nine order parameters and m; returns y (9,), m and the residual."""
    F, J = linearised(y, m, point, quadratures)
    for _ in range(STEPS):
        if np.abs(F).max() < GOAL:
            break
        step = -np.linalg.solve(J, F) * np.append(scale(y), 1.0)
        for fraction in (1.0, 0.5, 0.25, 0.1):
            trial, m_trial = y + fraction * step[:9], m + fraction * step[9]
            try:
                smaller = np.abs(relative(trial, evaluate(trial, m_trial, point, *quadratures))).max() < np.abs(F).max()
            except OutsideDomain:
                continue
            if smaller:
                break
        else:
            break
        y, m = trial, m_trial
        F, J = linearised(y, m, point, quadratures)
    return y, m, float(np.abs(F).max())


def _split(symmetric: Floats, point: Point) -> Floats | None:
    """Solve for (y, m), (10,), on the coarse quadrature, from a replica-symmetric solution with its overlap split."""
    q, Q, R, RQ, qh, Qh = symmetric
    # Q1 stays below q.
    split = min(SPLIT, q / Q - 1.0)
    apart = np.array([1.0 + 0.5 * split, 1.0 - split])
    y = np.array([q, *(Q * apart), R, *(RQ * apart), qh, *(Qh * apart)])
    m = CLUSTERS
    try:
        for _ in range(ROUNDS):
            for _ in range(WARM_UP):
                y = evaluate(y, m, point, *COARSE).image
            y, m, size = _newton(y, m, point, COARSE)
            if size < GOAL:
                return np.append(y, m) if _broken(y, m) else None
    except (OutsideDomain, np.linalg.LinAlgError):
        pass
    return None


def _broken(y: Floats, m: float) -> bool:
    """Whether the overlaps of replicas of one cluster and of two differ."""
    _, Q1, Q0, *_ = y
    return 0.0 < m < 1.0 and bool(Q1 - Q0 > DISTINCT * Q1)


def _cool(z: Floats, t: float, point: Point) -> Floats | None:
    """Follow z = (y, m), (10,), on the coarse quadrature from temperature t down to that of `point`."""
    slope, step = np.zeros(10), STEP
    while t > point.t and step > SMALLEST_STEP:
        change = -min(step, np.log(t / point.t))
        start = z + slope * change
        try:
            y, m, size = _newton(start[:9], float(start[9]), replace(point, t=t * np.exp(change)), COARSE)
        except (OutsideDomain, np.linalg.LinAlgError):
            size = np.inf
        if size < GOAL and _broken(y, m):
            slope, z, t = (np.append(y, m) - z) / change, np.append(y, m), t * np.exp(change)
            step *= 1.5
        else:
            step *= 0.5
    return z if t <= point.t else None


def _solve(symmetric: Solution, point: Point) -> tuple[Floats, float, float, float] | None:
    """y, m, excess and residual (on a finer quadrature), from this or the first higher temperature that gives one."""
    t, start = point.t, _split(np.array(symmetric.order), point)
    while start is None and (t := HOTTER * t) < 1.0:
        hotter = replace(point, t=t)
        unstable = [s for s in finite_overlaps(paramagnets([hotter])[0], hotter) if s.replicon > 1.0]
        start = _split(np.array(unstable[0].order), hotter) if unstable else None
    z = None if start is None else _cool(start, t, point)
    if z is None:
        return None
    try:
        y, m, _ = _newton(z[:9], float(z[9]), point, (OUTER, INNER))
        finer = evaluate(y, m, point, *FINER)
    except (OutsideDomain, np.linalg.LinAlgError):
        return None
    residual = max(float(np.abs(relative(y, finer)).max()), EPS)
    return (y, m, finer.excess, residual) if _broken(y, m) else None


def one_step(
    g: float, beta: float, gamma: float, eta: float = 0.0, phi: str | Phi = "tanh", tol: float = 1e-6
) -> xr.Dataset:
    """Solve the one-step equations at one point where a replica-symmetric overlap is unstable.

    Parameters
    ----------
    g, beta, gamma, eta, phi
        As for `solve`, scalars; beta finite.
    tol : float
        Largest residual of a converged solution, measured on a finer quadrature than it was solved on.

    Returns
    -------
    xarray.Dataset
        The scalar variables of `VARIABLES`, dimensionless, and `converged`. NaN and False where there
        is no finite overlap, where it is stable (replicon < 1), or where `tol` was not reached. The
        one-step solution has the smaller -beta f: overlaps that are no longer all equal lower it.

    Raises
    ------
    UserError
        If an argument is out of its range.
    """
    if not np.isfinite(beta):
        raise UserError("beta: one_step needs a finite temperature; give a number such as 1e4")
    point = point_of(g, beta, gamma, eta, phi)
    with np.errstate(all="ignore"):
        unstable = [s for s in finite_overlaps(paramagnets([point])[0], point) if s.replicon > 1.0]
        solution = _solve(unstable[0], point) if unstable else None
    values = dict.fromkeys(VARIABLES, np.nan)
    if solution is not None and solution[3] <= tol:
        y, m, excess, residual = solution
        root = np.sqrt(point.t)
        values = dict(zip(VARIABLES, [*(y * np.repeat([1.0, root, 1.0], 3)), m], strict=False))
        values["Q"] = (1.0 - m) * values["Q1"] + m * values["Q0"]
        values["free_energy"] = excess + 0.5 * np.log(2.0 * np.pi * point.t)
        values["gain"] = excess - unstable[0].excess
        values["residual"] = residual
    table = {name: ((), values[name], {"long_name": text, "units": "1"}) for name, text in VARIABLES.items()}
    converged = ((), not np.isnan(values["q"]), {"long_name": "converged", "units": "1"})
    coords = {"g": float(g), "beta": float(beta), "gamma": float(gamma), "eta": float(eta)}
    return xr.Dataset(table | {"converged": converged}, coords, attrs={"phi": point.phi.name, "tol": tol})
