"""solve(): the replica-symmetric theory on a grid of (gamma, g, beta), as a labelled Dataset.

Which solution. Where several solutions of a branch exist (a first-order transition) the one with
the largest -beta f is returned: it dominates the partition function. The "stable" branch is the
zero-overlap solution where its replicon is below 1. Elsewhere it is, of the finite-overlap
solutions and the zero-overlap ones with a replicon below 1 (another phase, at a first-order
transition), the one with the largest -beta f; where there is none of either, the zero-overlap
solution, whose replicon >= 1 says that it is unstable. A finite-overlap solution may have a replicon above 1
too: it is then the best replica-symmetric answer, and `one_step` goes beyond it.

What counts as solved. `residual` is the largest difference between the two sides of the
equations, evaluated on a finer grid than they were solved on, in units of q (for q, Q), R_int (for
sqrt(beta) r, sqrt(beta) R) and max(|qh|, 1/q) (for qh, Qh), changes that move the density by as
much; it is never below the rounding unit 2.2e-16.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable, Iterator, Sequence
from typing import Literal

import numpy as np
import xarray as xr
from numpy.typing import ArrayLike

from nsslib.arrays import Floats
from nsslib.errors import UserError, suggest
from nsslib.model.transfer import Phi
from nsslib.theory.replica.equations import Point
from nsslib.theory.replica.finite_overlap import finite_overlaps
from nsslib.theory.replica.single_site import transfer_function
from nsslib.theory.replica.zero_overlap import Solution, paramagnets
from nsslib.theory.replica.zero_temperature import ground_states

Branch = Literal["stable", "zero-overlap", "all"]
OnPoint = Callable[[int, int], None]
"""``on_point(done, total)``: called after each grid point with the number of points solved and of all points."""
BRANCHES = ("stable", "zero-overlap", "all")
AXES = ("reciprocity", "coupling strength", "inverse temperature")
KINDS = ("zero-overlap", "finite-overlap")
SOURCE = "replica-symmetric, Qiu & Huang arXiv 2401.10009"

# name: (long_name, definition)
VARIABLES: dict[str, tuple[str, str]] = {
    "q": ("activity", "(1/N) <phi(x).phi(x)>"),
    "Q": ("overlap", "(1/N) <phi(x^a).phi(x^b)> of two replicas with the same couplings"),
    "r": ("response", "sqrt(beta)/N <v.phi(x)>"),
    "R": ("response overlap", "sqrt(beta)/N <v^a.phi(x^b)> of two replicas with the same couplings"),
    "qh": ("conjugate of the activity", "beta g^2 Y"),
    "Qh": ("conjugate of the overlap", "beta g^2 Yh"),
    "Y": ("excess speed", "beta/N <v.v> - 1"),
    "Yh": ("residual overlap", "beta/N <v^a.v^b> of two replicas with the same couplings"),
    "l2": ("squared norm", "(1/N) <x.x>"),
    "R_int": ("integrated response", "sqrt(beta) r"),
    "energy": ("energy per unit", "<E>/N = (1 + Y)/(2 beta) + eta l2"),
    "free_energy": (
        "free energy per unit, times -beta",
        "-beta f = (1/N) E_J ln Z (zero-overlap: (1/N) ln E_J Z), Z = integral of exp(-beta E) d^N x with no constant "
        "left out: (1/2) ln(2 pi/(beta (1 + 2 eta))) at g = 0",
    ),
    "replicon": (
        "replicon eigenvalue",
        "largest modulus of the linearised map of overlap differences between replicas; stable below 1",
    ),
    "residual": ("residual", "largest relative difference between the two sides of the equations"),
}


def solve(
    g: ArrayLike,
    beta: ArrayLike,
    gamma: ArrayLike = 0.0,
    eta: float = 0.0,
    phi: str | Phi = "tanh",
    branch: Branch = "stable",
    tol: float = 1e-10,
    on_point: OnPoint | None = None,
) -> xr.Dataset:
    """Solve the replica-symmetric equations of the quasi-potential's Gibbs measure.

    Every grid point is solved by itself, independently of the rest of the grid.

    Parameters
    ----------
    g, beta : float or 1-D array
        Coupling strength, >= 0; inverse temperature, > 0, may be inf.
    gamma : float or 1-D array
        Reciprocity, in [-1, 1].
    eta : float
        Confinement, >= 0.
    phi : {"tanh", "erf", "linear"} or Phi
        Transfer function: a name, or any odd `nsslib.model.transfer.Phi`.
    branch : {"stable", "zero-overlap", "all"}
        Solution to return, see the module's docstring; "zero-overlap" is the one with Q = R =
        Qh = 0, stable or not; "all" gives both branches, along a dimension `branch`.
    tol : float
        Largest residual of a converged solution, see the module's docstring.
    on_point : callable, optional
        ``on_point(done, total)`` is called after every grid point, for a progress bar on long grids.

    Returns
    -------
    xarray.Dataset
        Dimensions (branch, gamma, g, beta), as far as asked for or given as arrays. The variables
        are dimensionless and defined in their attributes. Where no solution reached `tol` all floats
        are NaN, `converged` is False and the string `branch` empty. At beta = inf, r = R = Y = 0
        (if eta > 0, Y is that of the linear phase), free_energy is -inf, and qh is infinite where it diverges.
        N times the difference of free_energy between two grid points is that of ln Z, with Z the integral
        of exp(-beta E) over R^N and no constant left out.

    Raises
    ------
    UserError
        If an argument is out of its range; the message names it.

    References
    ----------
    Qiu & Huang, arXiv 2401.10009, replica-symmetric equations for any gamma and eta.
    """
    axes = {"gamma": axis("gamma", gamma), "g": axis("g", g), "beta": axis("beta", beta)}
    check(axes, eta, tol, branch)
    dims = [name for name, value in (("gamma", gamma), ("g", g), ("beta", beta)) if np.ndim(value) == 1]
    notify = on_point or (lambda done, total: None)
    return _grid(axes, dims, float(eta), transfer_function(phi), branch, float(tol), notify)


def _grid(
    axes: dict[str, Floats], dims: list[str], eta: float, phi: Phi, branch: Branch, tol: float, on_point: OnPoint
) -> xr.Dataset:
    """Solve every point and label the results."""
    grid = itertools.product(*(values.tolist() for values in axes.values()))
    points = [Point(g, 1.0 / beta, gamma, beta * eta if beta < np.inf else 0.0, phi) for gamma, g, beta in grid]
    kinds = len(KINDS) if branch == "all" else 1
    table = np.full((kinds, len(points), len(VARIABLES)), np.nan)
    names = np.full((kinds, len(points)), "", dtype="<U14")
    for k, solutions in enumerate(_solutions(points, eta, branch)):
        for kind, solution in enumerate(solutions):
            if solution is not None and solution.residual <= tol:
                table[kind, k] = row(solution, points[k], eta)
                names[kind, k] = kind_of(solution)
        on_point(k + 1, len(points))
    return _dataset(table, names, axes, dims, branch, {"phi": phi.name, "eta": eta, "tol": tol, "equations": SOURCE})


def _solutions(points: Sequence[Point], eta: float, branch: Branch) -> Iterator[Sequence[Solution | None]]:
    """Yield the solutions to report at each point: one, or one for each of KINDS."""
    frozen = [point.t == 0.0 for point in points]
    cold = iter(ground_states([p for p in points if p.t == 0.0], eta) if any(frozen) else ())
    warm = iter(paramagnets([p for p in points if p.t > 0.0]))
    for point, at_zero in zip(points, frozen, strict=True):
        with np.errstate(all="ignore"):
            yield choose(next(cold if at_zero else warm), point, branch)


def choose(zeros: list[Solution], point: Point, branch: Branch) -> Sequence[Solution | None]:
    """Choose among the zero-overlap solutions and what they lead to; see the module's docstring."""
    leading = zeros[0] if zeros else None
    if branch == "zero-overlap" or (leading is None and branch == "stable"):
        return [leading]
    if branch == "stable" and leading is not None and leading.replicon < 1.0:
        return [leading]
    # At t = 0 an overlap needs an activity, and eta > 0 leaves none.
    finite = finite_overlaps([zero for zero in zeros if zero.order.q > 0.0], point)
    if branch == "all":
        return [leading, finite[0] if finite else None]
    stable = [*finite, *(zero for zero in zeros if zero.replicon < 1.0)]
    return [max(stable, key=lambda s: s.excess, default=leading)]


def kind_of(solution: Solution) -> str:
    """Name the branch of a solution."""
    return KINDS[1] if solution.order.Q > 0.0 else KINDS[0]


def row(s: Solution, point: Point, eta: float) -> tuple[float, ...]:
    """List the numbers of one solution, in the order of VARIABLES."""
    q, Q, R_int, RQ_int, qh, Qh = s.order
    root = math.sqrt(point.t)
    free_energy = s.excess + 0.5 * math.log(2.0 * math.pi * point.t) if point.t > 0.0 else -math.inf
    energy = 0.5 * point.t * (1.0 + s.Y) + eta * s.l2
    responses = (R_int * root, RQ_int * root)
    return (q, Q, *responses, qh, Qh, s.Y, s.Yh, s.l2, R_int, energy, free_energy, s.replicon, s.residual)


def _dataset(
    table: Floats,
    names: np.ndarray,
    axes: dict[str, Floats],
    dims: list[str],
    branch: Branch,
    about: dict[str, str | float],
) -> xr.Dataset:
    """Label the table; axes given as scalars become scalar coordinates."""
    every = (["branch"] if branch == "all" else []) + [name for name in axes if name in dims]
    shape = (len(KINDS),) * (branch == "all") + tuple(len(axes[name]) for name in axes if name in dims)
    variables = {
        name: (every, table[..., k].reshape(shape), {"long_name": label, "units": "1", "definition": text})
        for k, (name, (label, text)) in enumerate(VARIABLES.items())
    }
    attrs = {"long_name": "converged", "units": "1", "definition": "residual <= tol"}
    variables["converged"] = (every, (names != "").reshape(shape), attrs)
    coords: dict[str, object] = {
        name: (
            [name] if name in dims else [],
            values if name in dims else values[0],
            {"long_name": label, "units": "1"},
        )
        for (name, values), label in zip(axes.items(), AXES, strict=True)
    }
    if branch == "all":
        coords["branch"] = list(KINDS)
    else:
        text = "zero-overlap or finite-overlap; empty where not converged"
        attrs = {"long_name": "branch of the solution", "units": "1", "definition": text}
        variables["branch"] = (every, names.reshape(shape), attrs)
    return xr.Dataset(variables, coords, about)


def axis(name: str, value: ArrayLike) -> Floats:
    """Read a scalar or 1-D argument as a 1-D float array."""
    try:
        values = np.asarray(value, dtype=np.float64)
    except (TypeError, ValueError):
        raise UserError(f"{name}: {value!r} is not a number; give a number or a 1-D array of numbers") from None
    if values.ndim > 1:
        raise UserError(f"{name}: has {values.ndim} dimensions; give a number or a 1-D array")
    if values.size == 0:
        raise UserError(f"{name}: is empty; give at least one number")
    return np.atleast_1d(values)


def check(axes: dict[str, Floats], eta: float, tol: float, branch: str) -> None:
    """Raise UserError for the first argument out of range."""
    ranges: dict[str, tuple[Callable[[float], bool], str]] = {
        "g": (lambda v: 0.0 <= v < np.inf, "a finite number >= 0"),
        "beta": (lambda v: v > 0.0, "a number > 0 (inf for zero temperature)"),
        "gamma": (lambda v: -1.0 <= v <= 1.0, "a number in [-1, 1]"),
        "eta": (lambda v: 0.0 <= v < np.inf, "a finite number >= 0"),
        "tol": (lambda v: 0.0 < v < np.inf, "a finite number > 0, such as 1e-10"),
    }
    for name, value in (("eta", eta), ("tol", tol)):
        if np.ndim(value) != 0:
            raise UserError(f"{name}: is an array; give one number")
    values = {**axes, "eta": axis("eta", eta), "tol": axis("tol", tol)}
    for name, (allowed, right) in ranges.items():
        for v in values[name]:
            if not allowed(v):
                raise UserError(f"{name}: {v} is out of range; give {right}")
    if branch not in BRANCHES:
        raise UserError(f"branch: unknown choice {branch!r}{suggest(str(branch), BRANCHES)}")
