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
order parameters of Qiu & Huang, arXiv 2401.10009).
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import xarray as xr

from nsslib.errors import UserError
from nsslib.model import Phi
from nsslib.theory.branches import point_of
from nsslib.theory.equations import Point, covariance_root, field_nodes, velocity_moments
from nsslib.theory.finite_overlap import finite_overlaps
from nsslib.theory.single_site import Floats, OutsideDomain, moments
from nsslib.theory.zero_overlap import EPS, paramagnets

# Quadrature of h0 and of h1, which is much the smaller.
OUTER, INNER = (12, 40), (10, 20)
FINER = ((16, 60), (12, 26))
# Densities integrated together.
CHUNK = 4096
# Plain iterations from a replica-symmetric solution split by SPLIT, at m = CLUSTERS; then Newton; rounds of both.
WARM_UP, SPLIT, CLUSTERS, ROUNDS = 25, 0.3, 0.3, 4
GOAL, STEPS, SHIFT = 1e-10, 12, 1e-6
# Less than this of Q apart, Q1 and Q0 are the same.
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
    "gain": "free_energy, less that of the replica-symmetric finite-overlap solution",
    "residual": "largest relative difference between the two sides of the equations",
}


class Evaluation(NamedTuple):
    """Right-hand sides (9,), -beta f - ln(2 pi/beta)/2 and its derivative in m."""

    new: Floats
    excess: float
    slope: float


def _inner(order: tuple[int, int]) -> tuple[Floats, Floats]:
    """All nodes: at a fixed h0 nothing is even."""
    nodes, weights = field_nodes(*order)
    return np.concatenate([nodes, -nodes]), 0.5 * np.concatenate([weights, weights])


def evaluate(
    y: Floats, m: float, at: Point, outer: tuple[int, int] = OUTER, inner: tuple[int, int] = INNER
) -> Evaluation:
    """Evaluate the equations at y = (q, Q1, Q0, R_int, R1, R0, qh, Qh1, Qh0), R1 and R0 times sqrt(beta) too.

    Raises
    ------
    OutsideDomain
        If the densities or the covariances of the fields do not exist.
    """
    q, Q1, Q0, R, R1, R0, qh, Qh1, Qh0 = y
    g2 = at.g**2
    v, kappa = at.t + g2 * (q - Q1), g2 * at.gamma * (R - R1)
    if not (v > 0.0 and 0.0 < m <= 1.0):
        raise OutsideDomain
    common = covariance_root(Qh0, g2 * at.gamma * R0 / v, g2 * Q0 / v**2)
    split = covariance_root(Qh1 - Qh0, g2 * at.gamma * (R1 - R0) / v, g2 * (Q1 - Q0) / v**2)
    (n0, w0), (n1, w1) = field_nodes(*outer), _inner(inner)
    h = ((n0 @ common.T)[:, None, :] + (n1 @ split.T)[None, :, :]).reshape(-1, 2)
    constant = [0.5 * (qh - Qh1) - 0.5 * kappa**2 / v, kappa / v, -0.5 / v - at.beta_eta]
    natural = np.column_stack([h[:, 0] - kappa * h[:, 1], h[:, 1], np.broadcast_to(constant, (len(h), 3))])
    sites = [moments(natural[k : k + CHUNK], at.phi) for k in range(0, len(h), CHUNK)]
    shape = (len(w0), len(w1))
    mean = np.concatenate([site.mean for site in sites])
    ln_Z = (np.concatenate([site.log_norm for site in sites]) - 0.5 * v * h[:, 1] ** 2).reshape(shape)

    top = ln_Z.max(axis=1, keepdims=True)
    weight = w1 * np.exp(m * (ln_Z - top))
    total = weight.sum(axis=1, keepdims=True)
    weight /= total
    ln_cluster = (top + np.log(total) / m)[:, 0]
    W, spread = (column.reshape(shape) for column in velocity_moments(mean, v, kappa, h[:, 1]))
    p, pp = mean[:, 0].reshape(shape), mean[:, 2].reshape(shape)
    Wp = (mean[:, 3] - kappa * mean[:, 2]).reshape(shape) / v - h[:, 1].reshape(shape) * p
    inside = [pp, p * p, Wp, W * p, spread + W * W, W * W, p, W, ln_Z]
    pp, p2, Wp, W_p, W2, WW, p, W, ln_Z = (np.sum(weight * column, axis=1) for column in inside)
    new = np.array([pp, p2, p * p, Wp, W_p, W * p, g2 * W2, g2 * WW, g2 * W * W]) @ w0
    b = g2 * at.gamma
    coupled = 0.5 * (qh * q - (1.0 - m) * Qh1 * Q1 - m * Qh0 * Q0) + 0.5 * b * (R**2 - (1.0 - m) * R1**2 - m * R0**2)
    slope = (ln_Z - ln_cluster) @ w0 / m - 0.5 * (Qh1 * Q1 - Qh0 * Q0) - 0.5 * b * (R1**2 - R0**2)
    return Evaluation(new, float(ln_cluster @ w0 - coupled - 0.5 * np.log(2.0 * np.pi * v)), float(slope))


def _mismatch(y: Floats, m: float, at: Point, orders: tuple[tuple[int, int], tuple[int, int]]) -> tuple[Floats, float]:
    """Relative differences between both sides (9) and the derivative in m over (Q1 - Q0)^2; -beta f."""
    new, excess, slope = evaluate(y, m, at, *orders)
    scale = _scale(y)
    # Near Q1 = Q0 the free energy depends on m to second order only.
    return np.append((new - y) / scale, slope * (y[0] / (y[1] - y[2])) ** 2), excess


def _scale(y: Floats) -> Floats:
    q, R, conjugate = y[0], y[3], max(abs(y[6]), 1.0 / y[0])
    return np.repeat([q, R, conjugate], 3)


def _newton(y: Floats, m: float, at: Point) -> tuple[Floats, float, float]:
    """Damped Newton on the nine order parameters and m, with a difference Jacobian."""
    orders = (OUTER, INNER)
    F, _ = _mismatch(y, m, at, orders)
    for _ in range(STEPS):
        if np.abs(F).max() < GOAL:
            break
        units = np.append(_scale(y), 1.0)
        J = np.empty((10, 10))
        for k in range(10):
            h = SHIFT * np.eye(10)[k] * units
            J[:, k] = (_mismatch(y + h[:9], m + h[9], at, orders)[0] - F) / SHIFT
        step = -np.linalg.solve(J, F) * units
        for fraction in (1.0, 0.5, 0.25, 0.1):
            try:
                trial, _ = _mismatch(y + fraction * step[:9], m + fraction * step[9], at, orders)
            except OutsideDomain:
                continue
            if np.abs(trial).max() < np.abs(F).max():
                break
        else:
            break
        y, m, F = y + fraction * step[:9], m + fraction * step[9], trial
    return y, m, float(np.abs(F).max())


def _solve(symmetric: Floats, at: Point) -> tuple[Floats, float, float, float] | None:
    """y, m, -beta f and residual (on a finer quadrature) from a replica-symmetric solution."""
    q, Q, R, RQ, qh, Qh = symmetric
    apart = np.array([1.0 + 0.5 * SPLIT, 1.0 - SPLIT])
    y = np.array([q, *(Q * apart), R, *(RQ * apart), qh, *(Qh * apart)])
    try:
        m, size = CLUSTERS, np.inf
        for _ in range(ROUNDS):
            for _ in range(WARM_UP):
                y = evaluate(y, m, at).new
            y, m, size = _newton(y, m, at)
            if size < GOAL:
                break
        F, excess = _mismatch(y, m, at, FINER)
    except (OutsideDomain, np.linalg.LinAlgError):
        return None
    if not (0.0 < m < 1.0 and y[1] - y[2] > DISTINCT * y[1]):
        return None
    return y, m, excess, max(float(np.abs(F).max()), EPS)


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
    at = point_of(g, beta, gamma, eta, phi)
    with np.errstate(all="ignore"):
        found = [s for s in finite_overlaps(paramagnets([at])[0], at) if s.replicon > 1.0]
        solution = _solve(np.array(found[0].y), at) if found else None
    values = dict.fromkeys(VARIABLES, np.nan)
    if solution is not None and solution[3] <= tol:
        y, m, excess, residual = solution
        root = np.sqrt(at.t)
        values = dict(zip(VARIABLES, [*(y * np.repeat([1.0, root, 1.0], 3)), m], strict=False))
        values["Q"] = (1.0 - m) * y[1] + m * y[2]
        values["free_energy"] = excess + 0.5 * np.log(2.0 * np.pi * at.t)
        values["gain"] = excess - found[0].excess
        values["residual"] = residual
    table = {name: ((), values[name], {"long_name": text, "units": "1"}) for name, text in VARIABLES.items()}
    converged = ((), not np.isnan(values["q"]), {"long_name": "converged", "units": "1"})
    coords = {"g": float(g), "beta": float(beta), "gamma": float(gamma), "eta": float(eta)}
    return xr.Dataset(table | {"converged": converged}, coords, attrs={"phi": at.phi.name, "tol": tol})
