"""All solutions at a point, one branch through its folds, and where two phases are equal.

`branches` lists what is there, `trace` follows one of them in a parameter (the spinodals are its
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
from nsslib.theory.replica.finite_overlap import VANISHING, finite_overlaps
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


def _everything(at: Point, eta: float) -> list[Solution]:
    """Every solution at a point, the stable choice of `solve` first."""
    with np.errstate(all="ignore"):
        zeros = ground_states([at], eta)[0] if at.t == 0.0 else paramagnets([at])[0]
        finite = finite_overlaps([zero for zero in zeros if zero.y[0] > 0.0], at)
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

    The zero-overlap solutions are all there are (`zero_overlap`); finite-overlap ones are those
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
    at = point_of(g, beta, gamma, eta, phi)
    solutions = _everything(at, eta)
    table = _table(solutions, [at] * len(solutions), "solution")
    names = np.array([kind_of(s) for s in solutions], dtype="<U14")
    table["branch"] = xr.DataArray(names, dims="solution", attrs={"long_name": "branch of the solution", "units": "1"})
    first = np.arange(len(solutions)) == 0
    table["preferred"] = xr.DataArray(first, dims="solution", attrs={"long_name": "stable choice", "units": "1"})
    coords = {"g": float(g), "beta": float(beta), "gamma": float(gamma), "eta": float(eta)}
    return xr.Dataset(table, coords, attrs={"phi": at.phi.name})


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
        Where to start, as for `solve`; scalars, beta finite.
    parameter : {"g", "beta", "gamma", "eta"}
        What varies.
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
        Dimension `place`, in the order met; the variables of `solve`, and `fold`: True at the
        spinodals, where the parameter turns round. A finite-overlap trace ends where its overlap
        vanishes. The varying parameter is a coordinate along `place`.

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
    at = point_of(g, beta, gamma, eta, phi)
    if at.t == 0.0:
        raise UserError("beta: a trace needs a finite temperature; give a number such as 1e8")
    start = {"g": float(g), "beta": float(beta), "gamma": float(gamma), "eta": float(eta)}
    point_of(**(start | {parameter: to}), phi=phi)
    found = [s for s in _everything(at, eta) if kind_of(s) == branch]
    found.sort(key=lambda s: -s.excess)
    if which >= len(found):
        raise UserError(f"which: there are {len(found)} solutions of the {branch} branch; give a number below that")
    with np.errstate(all="ignore"):
        solutions, points, folds = _follow(found[which], at, parameter, (start[parameter], to), largest, most)
    table = _table(solutions, points, "place")
    table["fold"] = xr.DataArray(folds, dims="place", attrs={"long_name": "spinodal", "units": "1"})
    data = xr.Dataset(table, dict(start), attrs={"phi": at.phi.name})
    along = np.array([_value(p, parameter) for p in points])
    return data.drop_vars(parameter).assign_coords({parameter: ("place", along)})


def _value(at: Point, parameter: str) -> float:
    values = {"g": at.g, "beta": 1.0 / at.t, "gamma": at.gamma, "eta": at.beta_eta * at.t}
    return values[parameter]


def _follow(
    first: Solution, at: Point, parameter: str, ends: tuple[float, float], largest: float, most: int
) -> tuple[list[Solution], list[Point], list[bool]]:
    """Solutions, points and folds of a trace."""
    curve, u = unknowns(first)
    start, to = ends
    direction = float(np.sign(to - start))
    solutions, points, folds = [], [], []
    for k, (place, fold) in enumerate(follow(curve, u, at, parameter, direction, largest)):
        passed = direction * (_value(place.at, parameter) - to) > 0.0
        back = k > 1 and direction * (_value(place.at, parameter) - start) < 0.0
        merged = first.y[1] > 0.0 and place.u[1] < VANISHING * place.u[0]
        if k > most or passed or back or merged:
            break
        solution = curve.finish(place.u, place.at)
        if solution is None:
            break
        solutions.append(solution)
        points.append(place.at)
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
        at `high` another one.
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
        If an argument is out of its range or the two sides do not differ like that.
    """

    def phases(g: float) -> list[Solution]:
        at = point_of(g, beta, gamma, eta, phi)
        with np.errstate(all="ignore"):
            found = ground_states([at], eta)[0] if at.t == 0.0 else paramagnets([at])[0]
        return sorted(found, key=lambda s: s.y[0])

    def advantage(g: float) -> float:
        found = phases(g)
        # Where there is one phase only, any number of its sign will do.
        if len(found) == 1:
            return 1.0 if found[0].y[0] > middle else -1.0
        return found[-1].excess - found[0].excess

    ends = [max(phases(g), key=lambda s: s.excess).y[0] for g in (low, high)]
    middle = float(np.sqrt(max(ends[0], SMALLEST) * max(ends[1], SMALLEST)))
    if not advantage(low) < 0.0 < advantage(high):
        raise UserError(f"low: the same phase leads at {low} and {high}; give couplings on either side of a transition")
    g = float(brentq(advantage, low, high, xtol=EQUAL, rtol=1e-14))
    found, at = phases(g), point_of(g, beta, gamma, eta, phi)
    if len(found) < 2:
        raise UserError(f"low: no two phases between {low} and {high}; their free energies do not cross")
    table = _table([found[0], found[-1]], [at, at], "phase")
    coords = {"g": g, "beta": float(beta), "gamma": float(gamma), "eta": float(eta), "phase": ["quiet", "active"]}
    return xr.Dataset(table, coords, attrs={"phi": at.phi.name})
