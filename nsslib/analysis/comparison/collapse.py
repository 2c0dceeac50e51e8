"""Scaling collapse and crossings of the activity at the edge of chaos.

Mean-field finite-size scaling: N units feel the transition where N times the free energy per unit,
on the scale of its leading terms at small q (`nsslib.theory.replica.expansions`), is of order one. With
t = 1/beta, T = t/q and e = g - g_c these terms are

    gamma = 0        T^2, e T, q^2     q ~ e ~ t^(1/2),            hence t ~ 1/N,       q ~ N^(-1/2), e ~ N^(-1/2)
    0 < gamma < 1    T^2, e T, q       q ~ t^(2/3), e ~ t^(1/3),   hence t ~ N^(-3/2),  q ~ 1/N,      e ~ N^(-1/2)
    gamma = 1        T^3, e T, q       q ~ t^(3/4), e ~ t^(1/2),   hence t ~ N^(-4/3),  q ~ 1/N,      e ~ N^(-2/3)

so that q N^b is a function of (g - g_c) N^(1/nu) alone if beta grows with N as N^a. At a beta common to all
sizes there is nothing to collapse: q tends to its replica value. For gamma < 0 the transition is of first order.
Errors are statistical: corrections to scaling at small N are not in them.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import xarray as xr
from numpy.typing import NDArray
from scipy.optimize import minimize

from nsslib.analysis.intervals import variables
from nsslib.analysis.sizes.resampling import interval_variables, min_seeds, variance
from nsslib.analysis.sizes.scatter import MIN_SIZES, Floats
from nsslib.theory.replica import transition

WINDOW = 0.35
"""Couplings within this share of the edge of chaos take part."""
_MIN_COUPLINGS = 5
_INVERSE_NU = (0.1, 1.5)
_COLUMNS = {
    "collapse_quality": "mean squared misfit of the collapse over its variance; about 1 if it is one",
    "collapse_kappa": "beta/N^a of the points in the collapse",
    "nu_theory": "nu of mean-field finite-size scaling",
}


class Scaling(NamedTuple):
    """Powers of N in beta, 1/q and 1/|g - g_c|."""

    beta: float
    q: float
    inverse_nu: float


def scaling(gamma: float) -> Scaling | None:
    """Powers of finite-size scaling at a reciprocity; None where the transition is of first order."""
    if gamma < 0.0:
        return None
    if gamma == 0.0:
        return Scaling(1.0, 0.5, 0.5)
    return Scaling(1.5, 1.0, 0.5) if gamma < 1.0 else Scaling(4.0 / 3.0, 1.0, 2.0 / 3.0)


def scaling_collapse(q: Floats, good: NDArray[np.bool_], table: xr.Dataset) -> dict[str, xr.Variable]:
    """g_c and nu from a collapse of ln(q N^b), and g_c from its crossings, for every gamma.

    Parameters
    ----------
    q : (replicate, gamma, N, g, beta) array
        Resampled activity.
    good : (gamma, N, g, beta) array
        Converged points.
    table : Dataset
        Order parameters: coordinates and n_seeds.

    Returns
    -------
    dict
        crossing (gamma, N), of a size with the next smaller one; collapse_g_c, collapse_nu (gamma) with
        errors and flags; collapse_quality, the mean squared misfit over its variance; nu_theory.
    """
    gammas, N, g, beta = (table[k].values for k in ("gamma", "N", "g", "beta"))
    shape = len(q), len(gammas)
    crossing, fitted = np.full((*shape, len(N)), np.nan), np.full((*shape, 2), np.nan)
    columns = {name: np.full(len(gammas), np.nan) for name in _COLUMNS}
    for i, gamma in enumerate(gammas):
        powers = scaling(float(gamma))
        near = abs(g / transition(gamma) - 1.0) <= WINDOW
        if powers is None or near.sum() < _MIN_COUPLINGS:
            continue
        columns["nu_theory"][i] = 1.0 / powers.inverse_nu
        y, columns["collapse_kappa"][i] = scaled(q[:, i][:, :, near], good[i][:, near], N, beta, powers)
        crossing[:, i, 1:] = crossings(g[near], y)
        optimum = collapse(g[near], N, y)
        if optimum is not None:
            fitted[:, i], columns["collapse_quality"][i] = optimum
    seeds = min_seeds(table["n_seeds"], ("g", "beta"))
    text = "g where q N^b at beta ~ N^a crosses the next smaller N"
    result = interval_variables("crossing", crossing, seeds, ("gamma", "N"), text)
    for name, values, symbol in (
        ("collapse_g_c", fitted[..., 0], "g_c"),
        ("collapse_nu", 1.0 / fitted[..., 1], "nu"),
    ):
        text = f"{symbol} from the scaling collapse of q N^b"
        result |= interval_variables(name, values, seeds.min(axis=-1), ("gamma",), text)
    return result | variables(("gamma",), columns, _COLUMNS)


def lagrange(nodes: Floats, x: Floats, order: int = 4) -> Floats:
    """Weights (x, nodes) of local polynomial interpolation at x through the nearest `order` nodes."""
    order = min(order, len(nodes))
    first = np.clip(np.searchsorted(nodes, x) - order // 2, 0, len(nodes) - order)
    used = first[:, None] + np.arange(order)
    near, same = nodes[used], np.eye(order, dtype=bool)
    distance = np.where(same, 1.0, near[:, :, None] - near[:, None, :])
    ratio = np.where(same, 1.0, (x[:, None, None] - near[:, None, :]) / distance)
    weight = np.zeros((len(x), len(nodes)))
    np.put_along_axis(weight, used, ratio.prod(axis=-1), axis=1)
    return weight


def scaled(q: Floats, good: NDArray[np.bool_], N: NDArray, beta: Floats, powers: Scaling) -> tuple[Floats, float]:
    """ln(q N^b) at beta = kappa N^a, interpolated in ln beta, with the largest kappa that all sizes allow.

    Parameters
    ----------
    q : (replicate, N, g, beta) array
    good : (N, g, beta) array

    Returns
    -------
    (replicate, N, g) array
        nan where a point that the interpolation needs is not converged.
    float
        kappa; nan where no size has enough converged points.
    """
    with np.errstate(invalid="ignore", divide="ignore"):
        ln_q = np.log(np.where(good & (q > 0.0), q, np.nan))
    y = np.full(q.shape[:-1], np.nan)
    wide = good.sum(axis=1) >= _MIN_COUPLINGS
    last = np.where(wide.any(axis=-1), np.where(wide, beta, -np.inf).max(axis=-1), np.nan)
    if len(beta) < 2 or not np.isfinite(last).any():
        return y, np.nan
    kappa = float(np.nanmin(last / N**powers.beta))
    for k, (size, top) in enumerate(zip(N, last, strict=True)):
        wanted = kappa * size**powers.beta
        if not beta[0] * (1.0 - 1e-9) <= wanted <= top * (1.0 + 1e-9):
            continue
        weight = lagrange(np.log(beta[beta <= top]), np.log([wanted]))[0]
        used = np.flatnonzero(weight)
        y[:, k] = ln_q[:, k][..., used] @ weight[used] + powers.q * np.log(size)
    return y, kappa


def crossings(g: Floats, y: Floats) -> Floats:
    """Where ln(q N^b) of a size overtakes that of the next smaller one, its steepest passage through 0.

    Parameters
    ----------
    g : (g,) array
    y : (replicate, N, g) array

    Returns
    -------
    (replicate, N - 1) array
        nan where they do not cross.
    """
    difference = np.diff(y, axis=1)
    low, high = difference[..., :-1], difference[..., 1:]
    step = np.diff(g)
    passes = (low < 0.0) & (high >= 0.0)
    slope = np.where(passes, (high - low) / step, -np.inf)
    steepest = slope.argmax(axis=-1)[..., None]
    with np.errstate(invalid="ignore", divide="ignore"):
        zero = g[:-1] - low * step / (high - low)
    return np.where(passes.any(axis=-1), np.take_along_axis(zero, steepest, axis=-1)[..., 0], np.nan)


class _Curves:
    """Curves of several sizes, and the misfits of each point against the others, interpolated to its scaled coupling.

    Attributes
    ----------
    g : list of (points,) arrays
        Couplings of each size.
    N : (sizes,) array
    y : (points of all sizes, 1 + replicates) array
    covariance : (points, points) array
    """

    def __init__(self, g: list[Floats], N: Floats, y: Floats) -> None:
        """Without the replicates of y, (1 + replicates, points), that lack a point."""
        self.g, self.N = g, N
        self.y = y[np.isfinite(y).all(axis=1)].T
        self.covariance = np.cov(self.y[:, 1:])

    def operator(self, g_c: float, inverse_nu: float) -> tuple[Floats, NDArray[np.bool_]]:
        """Matrix from y to misfits, and which of them are interpolated rather than extrapolated."""
        ends = np.cumsum([0, *map(len, self.g)])
        rows, inside = [], []
        for i, j in np.ndindex(len(self.N), len(self.N)):
            if i == j:
                continue
            moved = g_c + (self.g[i] - g_c) * (self.N[i] / self.N[j]) ** inverse_nu
            row = np.zeros((len(moved), ends[-1]))
            row[:, ends[i] : ends[i + 1]] = np.eye(len(moved))
            row[:, ends[j] : ends[j + 1]] -= lagrange(self.g[j], moved)
            rows.append(row)
            inside.append((moved >= self.g[j][0]) & (moved <= self.g[j][-1]))
        return np.concatenate(rows), np.concatenate(inside)

    def misfit_variance(self, operator: Floats) -> Floats:
        return np.maximum(((operator @ self.covariance) * operator).sum(axis=1), 1e-30)

    def quality(self, parameters: Floats) -> float:
        """Mean over the points of squared misfit over its variance (Houdayer & Hartmann 2004)."""
        operator, inside = self.operator(*parameters)
        if inside.sum() < max(0.25 * len(inside), 4):
            return np.inf
        operator = operator[inside]
        return float(((operator @ self.y[:, 0]) ** 2 / self.misfit_variance(operator)).mean())

    def resampled(self, best: Floats) -> Floats:
        """Parameters of every replicate, by one Gauss-Newton step from those of the data."""
        operator, inside = self.operator(*best)
        weight = 1.0 / self.misfit_variance(operator)[inside]
        misfit = (operator @ self.y)[inside]
        change = []
        for k, h in enumerate((1e-4 * best[0], 1e-3)):
            up, down = (self.operator(*(best + s * h * np.eye(2)[k]))[0] for s in (1.0, -1.0))
            change.append(((up - down) @ self.y)[inside] / (2.0 * h))
        jacobian = np.stack(change, axis=-1)
        normal = np.einsum("r,rdi,rdj->dij", weight, jacobian, jacobian)
        force = np.einsum("r,rdi,rd->di", weight, jacobian, misfit)
        step = -np.linalg.solve(normal, force[..., None])[..., 0]
        return best + step - step[0]


def collapse(g: Floats, N: NDArray, y: Floats) -> tuple[Floats, float] | None:
    """g_c and 1/nu at which the curves of all sizes coincide.

    Parameters
    ----------
    g : (g,) array
    N : (N,) array
    y : (replicate, N, g) array
        First of the data, then resampled: ln of the size-scaled quantity.

    Returns
    -------
    (replicate, 2) array
        g_c and 1/nu of every replicate.
    float
        Quality of the collapse.
    None
        With fewer than three sizes, or an optimum on the border of what is searched.
    """
    known = np.isfinite(variance(y))
    sizes = np.flatnonzero(known.sum(axis=-1) >= _MIN_COUPLINGS)
    if len(sizes) < MIN_SIZES:
        return None
    of_sizes = np.concatenate([y[:, k, known[k]] for k in sizes], axis=1)
    curves = _Curves([g[known[k]] for k in sizes], np.asarray(N[sizes], dtype=float), of_sizes)
    starts = [(a, b) for a in np.linspace(g[0], g[-1], 9) for b in np.linspace(*_INVERSE_NU, 8)]
    start = min(starts, key=lambda parameters: curves.quality(np.array(parameters)))
    simplex = np.array([start, (start[0] + 0.03, start[1]), (start[0], start[1] + 0.1)])
    options = {"initial_simplex": simplex, "xatol": 1e-4, "fatol": 1e-4}
    best = minimize(curves.quality, simplex[0], method="Nelder-Mead", options=options)
    inside = g[0] < best.x[0] < g[-1] and _INVERSE_NU[0] < best.x[1] < _INVERSE_NU[1]
    if not inside or not np.isfinite(best.fun):
        return None
    parameters = np.full((len(y), 2), np.nan)
    resampled = curves.resampled(best.x)
    parameters[: len(resampled)] = resampled
    return parameters, float(best.fun)
