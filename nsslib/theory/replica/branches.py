"""All solutions at a point, one branch through its folds, and the point where two phases are equal.

`branches` lists every solution, `trace` follows one of them in a parameter (the spinodals are its
folds), `crossing` finds the first-order point of the zero-overlap branch by equal free energies.
"""

from __future__ import annotations

from typing import Literal

import numpy as np
import xarray as xr
from scipy.optimize import brentq

from nsslib.errors import UserError, suggest
from nsslib.model.transfer import Phi
from nsslib.theory.replica.continuation import PARAMETERS, follow, unknowns
from nsslib.theory.replica.equations import Point
from nsslib.theory.replica.finite_overlap import finite_overlaps, vanishes
from nsslib.theory.replica.single_site import transfer_function
from nsslib.theory.replica.solver import KINDS, VARIABLES, axis, check, kind_of, row
from nsslib.theory.replica.zero_overlap import SMALLEST, Solution, paramagnets
from nsslib.theory.replica.zero_temperature import ground_states

Kind = Literal["zero-overlap", "finite-overlap"]
TOL = 1e-10
# Two free energies closer than this (per unit) are equal.
EQUAL = 1e-14


def point_of(g: float, beta: float, gamma: float, eta: float, phi: str | Phi) -> Point:
    """Check scalar arguments; a UserError names the first one out of its range."""
    values = {"gamma": gamma, "g": g, "beta": beta}
    for name, value in values.items():
        if np.ndim(value):
            raise UserError(f"{name}: is an array; give one number")
    check({name: axis(name, value) for name, value in values.items()}, eta, TOL, "all")
    beta_eta = float(beta * eta) if np.isfinite(beta) else 0.0
    return Point(float(g), 1.0 / float(beta), float(gamma), beta_eta, transfer_function(phi))


def _everything(point: Point, eta: float) -> list[Solution]:
    """Every solution at a point, the stable choice of `solve` first."""
    with np.errstate(all="ignore"):
        zeros = ground_states([point], eta)[0] if point.t == 0.0 else paramagnets([point])[0]
        finite = finite_overlaps([zero for zero in zeros if zero.order.q > 0.0], point)
    if zeros and zeros[0].replicon < 1.0:
        return zeros + finite
    stable = [*finite, *(zero for zero in zeros if zero.replicon < 1.0)] or zeros[:1]
    best = max(stable, key=lambda s: s.excess, default=None)
    return sorted(zeros + finite, key=lambda s: s is not best)


def _table(solutions: list[Solution], points: list[Point], dim: str) -> dict[str, xr.DataArray]:
    """The variables of `solve` for a list of solutions; NaN where not converged."""
    rows = np.full((len(solutions), len(VARIABLES)), np.nan)
    kept = np.array([s.residual <= TOL for s in solutions], dtype=bool)
    for k in np.flatnonzero(kept):
        rows[k] = row(solutions[k], points[k], points[k].beta_eta * points[k].t)
    table = {
        name: xr.DataArray(rows[:, k], dims=dim, attrs={"long_name": label, "units": "1", "definition": text})
        for k, (name, (label, text)) in enumerate(VARIABLES.items())
    }
    attrs = {"long_name": "converged", "units": "1", "definition": f"residual <= {TOL:g}"}
    return table | {"converged": xr.DataArray(kept, dims=dim, attrs=attrs)}


def branches(g: float, beta: float, gamma: float = 0.0, eta: float = 0.0, phi: str | Phi = "tanh") -> xr.Dataset:
    """List every replica-symmetric solution found at one point.

    The list of zero-overlap solutions is complete (`zero_overlap`); the finite-overlap ones are those
    reached from several starts on each of them and, where the leading one is unstable, by annealing.

    Parameters
    ----------
    g, beta, gamma, eta, phi
        As for `solve`, scalars.

    Returns
    -------
    xarray.Dataset
        Dimension `solution`; the variables of `solve`, dimensionless, `branch` (zero-overlap or
        finite-overlap) and `preferred`, True for the one that `solve` calls stable. Empty where
        there is none.

    Raises
    ------
    UserError
        If an argument is out of its range.
    """
    point = point_of(g, beta, gamma, eta, phi)
    solutions = _everything(point, eta)
    table = _table(solutions, [point] * len(solutions), "solution")
    names = np.array([kind_of(s) for s in solutions], dtype="<U14")
    table["branch"] = xr.DataArray(names, dims="solution", attrs={"long_name": "branch of the solution", "units": "1"})
    first = np.arange(len(solutions)) == 0
    table["preferred"] = xr.DataArray(first, dims="solution", attrs={"long_name": "stable choice", "units": "1"})
    coords = {"g": float(g), "beta": float(beta), "gamma": float(gamma), "eta": float(eta)}
    return xr.Dataset(table, coords, attrs={"phi": point.phi.name})


def trace(
    g: float,
    beta: float,
    gamma: float = 0.0,
    eta: float = 0.0,
    phi: str | Phi = "tanh",
    *,
    parameter: str = "g",
    to: float,
    branch: Kind = "zero-overlap",
    which: int = 0,
    largest: float = 0.3,
    most: int = 400,
) -> xr.Dataset:
    """Follow one solution in a parameter by pseudo-arclength, through its folds.

    Parameters
    ----------
    g, beta, gamma, eta, phi
        First point, as for `solve`; scalars, beta finite.
    parameter : {"g", "beta", "gamma", "eta"}
        The parameter that varies.
    to : float
        Value of the parameter that ends the trace; the trace also ends where it comes back to the
        value it started from, after a fold.
    branch : {"zero-overlap", "finite-overlap"}
        Branch to start on, and `which` of its solutions, largest -beta f first.
    largest : float
        Longest step: in g, ln beta, gamma or arsinh(beta eta) and in relative units of the solution.
    most : int
        Largest number of steps.

    Returns
    -------
    xarray.Dataset
        Dimension `step`, along the branch; the variables of `solve`, and `fold`: True at the
        spinodals, where the parameter turns back. A finite-overlap trace ends where its overlap
        vanishes. The varying parameter is a coordinate along `step`.

    Raises
    ------
    UserError
        If an argument is out of its range or there is no such solution.

    References
    ----------
    Keller 1977, pseudo-arclength continuation.
    """
    if parameter not in PARAMETERS:
        raise UserError(f"parameter: unknown choice {parameter!r}{suggest(parameter, PARAMETERS)}")
    if branch not in KINDS:
        raise UserError(f"branch: unknown choice {branch!r}{suggest(branch, KINDS)}")
    point = point_of(g, beta, gamma, eta, phi)
    if point.t == 0.0:
        raise UserError("beta: a trace needs a finite temperature; give a number such as 1e8")
    start = {"g": float(g), "beta": float(beta), "gamma": float(gamma), "eta": float(eta)}
    point_of(**(start | {parameter: to}), phi=phi)
    candidates = [s for s in _everything(point, eta) if kind_of(s) == branch]
    candidates.sort(key=lambda s: -s.excess)
    if which >= len(candidates):
        raise UserError(
            f"which: there are {len(candidates)} solutions of the {branch} branch; give a number below that"
        )
    with np.errstate(all="ignore"):
        solutions, points, folds = _follow(candidates[which], point, parameter, (start[parameter], to), largest, most)
    table = _table(solutions, points, "step")
    table["fold"] = xr.DataArray(folds, dims="step", attrs={"long_name": "spinodal", "units": "1"})
    data = xr.Dataset(table, dict(start), attrs={"phi": point.phi.name})
    along = np.array([_value(p, parameter) for p in points])
    return data.drop_vars(parameter).assign_coords({parameter: ("step", along)})


def _value(point: Point, parameter: str) -> float:
    values = {"g": point.g, "beta": 1.0 / point.t, "gamma": point.gamma, "eta": point.beta_eta * point.t}
    return values[parameter]


def _follow(
    first: Solution, point: Point, parameter: str, ends: tuple[float, float], largest: float, most: int
) -> tuple[list[Solution], list[Point], list[bool]]:
    """Solutions, points and folds of a trace."""
    curve, u = unknowns(first)
    start, to = ends
    direction = float(np.sign(to - start))
    solutions, points, folds = [], [], []
    for k, (vertex, fold) in enumerate(follow(curve, u, point, parameter, direction, largest)):
        passed = direction * (_value(vertex.point, parameter) - to) > 0.0
        back = k > 1 and direction * (_value(vertex.point, parameter) - start) < 0.0
        merged = first.order.Q > 0.0 and vanishes(vertex.u)
        if k > most or passed or back or merged:
            break
        solution = curve.finish(vertex.u, vertex.point)
        if solution is None:
            break
        solutions.append(solution)
        points.append(vertex.point)
        folds.append(fold)
    return solutions, points, folds


def crossing(
    low: float, high: float, beta: float, gamma: float, eta: float = 0.0, phi: str | Phi = "tanh"
) -> xr.Dataset:
    """First-order point in g of the zero-overlap branch: two solutions of equal free energy.

    Parameters
    ----------
    low, high : float
        Couplings on either side: at `low` the solution of smallest activity has the largest -beta f,
        at `high` the other one.
    beta, gamma, eta, phi
        As for `solve`, scalars.

    Returns
    -------
    xarray.Dataset
        Dimension `phase` (quiet, active): the variables of `solve` for the two solutions at the
        crossing, whose g is the scalar coordinate.

    Raises
    ------
    UserError
        If an argument is out of its range or the two sides do not differ so.
    """

    def phases(g: float) -> list[Solution]:
        point = point_of(g, beta, gamma, eta, phi)
        with np.errstate(all="ignore"):
            solutions = ground_states([point], eta)[0] if point.t == 0.0 else paramagnets([point])[0]
        if not solutions:
            raise UserError(f"low: there is no solution at g = {g}; give couplings where solve() finds one")
        return sorted(solutions, key=lambda s: s.order.q)

    def advantage(g: float) -> float:
        quiet, *rest = phases(g)
        # Where there is one phase only, only its sign matters.
        if not rest:
            return 1.0 if quiet.order.q > middle else -1.0
        return rest[-1].excess - quiet.excess

    ends = [max(phases(g), key=lambda s: s.excess).order.q for g in (low, high)]
    middle = float(np.sqrt(max(ends[0], SMALLEST) * max(ends[1], SMALLEST)))
    if not advantage(low) < 0.0 < advantage(high):
        raise UserError(f"low: the same phase leads at {low} and {high}; give couplings on either side of a transition")
    g = float(brentq(advantage, low, high, xtol=EQUAL, rtol=1e-14))
    solutions, point = phases(g), point_of(g, beta, gamma, eta, phi)
    if len(solutions) < 2:
        raise UserError(f"low: no two phases between {low} and {high}; their free energies do not cross")
    table = _table([solutions[0], solutions[-1]], [point, point], "phase")
    coords = {"g": g, "beta": float(beta), "gamma": float(gamma), "eta": float(eta), "phase": ["quiet", "active"]}
    return xr.Dataset(table, coords, attrs={"phi": point.phi.name})
