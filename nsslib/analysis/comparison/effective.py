"""Effective parameters: the (g, beta) at which replica theory has the measured order parameters.

Weighted least squares in (q, R_int, Y, l2), extrapolated to infinite N, with their covariance. That is
estimated from few realisations, and widths and p values are those of regression with an estimated
covariance, exact for normal data and a curve that is straight within its errors (Rao, Biometrika 46
(1959) 49). R_int and Y are measured with the simulated beta in their definitions, and compared as such;
without that q, R_int, Y and l2 at gamma = eta = 0 would be functions of l2 alone, and say nothing of beta.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable
from typing import NamedTuple

import numpy as np
import xarray as xr
from numpy.typing import NDArray
from scipy.linalg import solve_triangular
from scipy.optimize import least_squares
from scipy.stats import f as fisher

from nsslib.analysis.intervals import POINT, attrs, number, variables, z_score
from nsslib.analysis.sizes.extrapolation import covariance, covariance_dof
from nsslib.theory.replica import solve

OBSERVED = ("q", "R_int", "Y", "l2")
Curve = Callable[[float, float], NDArray]

_RANGE = {"g": 2.0, "beta": 10.0}
"""How far an effective parameter may be from the simulated one, as a factor."""

_NUMBERS = {
    "g_eff": "effective coupling strength, fitted together with beta_eff",
    "beta_eff": "effective inverse temperature, fitted together with g_eff (its errors are those of its logarithm)",
    "g_fit": "effective coupling strength at the simulated beta",
}
_COLUMNS = {
    "chi2": "squared distance from the replica curve at (g_eff, beta_eff) in units of the covariance",
    "p_value": "probability of a larger chi2 (Hotelling)",
    "g_fit_chi2": "squared distance from the replica curve at g_fit in units of the covariance",
    "g_fit_p_value": "probability of a larger squared distance (Hotelling)",
    "g_fit_z": "g_fit minus simulated g, in standard deviations of the normal distribution of equal probability",
    "converged": "1 where every size of the point is converged and the sizes suffice for all four observables",
}


class Fitted(NamedTuple):
    """Fitted parameters, their standard deviations with degrees of freedom, and how well they fit."""

    values: NDArray
    std: NDArray
    t_dof: float
    chi2: float
    p_value: float


def fit_parameters(
    measured: NDArray, C: NDArray, dof: float, curve: Curve, g: float, beta: float, names: tuple[str, ...]
) -> Fitted | None:
    """Fit g, or g and beta, to measured order parameters.

    Parameters
    ----------
    measured : (n,) array
    C : (n, n) array
        Its covariance.
    dof : float
        Degrees of freedom of the estimate of C.
    curve : callable
        ``curve(g, beta)``: (n,) array of the same order parameters.
    g, beta : float
        Where to start; what is not in `names` stays there.
    names : tuple
        ("g",) or ("g", "beta").

    Returns
    -------
    Fitted or None
        None where the fit fails: no regular covariance, or a parameter that leaves the range of a
        factor 2 in g and 10 in beta.
    """
    contrasts, dof = len(measured) - len(names), min(dof, 1e9)
    if not dof - contrasts >= 1.0:
        return None
    try:
        root = np.linalg.cholesky(C)
    except np.linalg.LinAlgError:
        return None

    def residual(p: NDArray) -> NDArray:
        parameters = {"g": g, "beta": beta} | dict(zip(names, np.exp(p), strict=True))
        return solve_triangular(root, curve(parameters["g"], parameters["beta"]) - measured, lower=True)

    start = np.log([{"g": g, "beta": beta}[name] for name in names])
    reach = np.log([_RANGE[name] for name in names])
    try:
        fit = least_squares(residual, start, bounds=(start - reach, start + reach), diff_step=1e-5, x_scale="jac")
        H = np.linalg.inv(fit.jac.T @ fit.jac)
    except (ValueError, np.linalg.LinAlgError):
        # Theory without a solution there, or a curve that does not depend on a parameter.
        return None
    if not fit.success or np.any(np.abs(fit.x - start) > 0.999 * reach):
        return None
    chi2, left = 2.0 * float(fit.cost), dof - contrasts
    values = np.exp(fit.x)
    std = np.sqrt((1.0 + chi2 / dof) * dof / left * np.diag(H)) * values
    p = float(fisher.sf(chi2 * (left + 1.0) / (dof * contrasts), contrasts, left + 1.0))
    return Fitted(values, std, left, chi2, p)


def _fits(measured: NDArray, C: NDArray, dof: float, curve: Curve, g: float, beta: float) -> dict[str, float]:
    """Both fits at one point, by the names of the table; standard deviations as x_std and x_dof."""
    row: dict[str, float] = {}
    for prefix, parameters in (("", {"g": "g_eff", "beta": "beta_eff"}), ("g_fit_", {"g": "g_fit"})):
        fit = fit_parameters(measured, C, dof, curve, g, beta, tuple(parameters))
        if fit is None:
            continue
        row |= {f"{prefix}chi2": fit.chi2, f"{prefix}p_value": fit.p_value}
        for name, value, std in zip(parameters.values(), fit.values, fit.std, strict=True):
            row |= {name: value, f"{name}_std": std, f"{name}_dof": fit.t_dof}
    return row


def replica_curve(gamma: float, eta: float, phi: str, simulated: float) -> Curve:
    """Order parameters `OBSERVED` of replica theory as a function of g and beta; nan without a solution.

    Parameters
    ----------
    gamma, eta, phi
        Of the model.
    simulated : float
        The inverse temperature in the definitions of the measured R_int and Y: samples of another
        beta have R_int simulated / beta and (1 + Y) simulated / beta - 1.
    """

    def curve(g: float, beta: float) -> NDArray:
        solution = solve(g, beta, gamma, eta=eta, phi=phi)
        q, R_int, Y, l2 = (float(solution[name]) for name in OBSERVED)
        return np.array([q, R_int * simulated / beta, (1.0 + Y) * simulated / beta - 1.0, l2])

    return curve


def effective_parameters(fits: xr.Dataset, influences: xr.Dataset, eta: float = 0.0, phi: str = "tanh") -> xr.Dataset:
    """Fit the parameters of theory at every point.

    Parameters
    ----------
    fits, influences : Dataset
        As `nsslib.analysis.sizes.extrapolation.extrapolate` returns them.
    eta, phi
        Of the model.

    Returns
    -------
    Dataset
        Dims (gamma, g, beta): see the attributes; nan where a fit fails or there are too few
        realisations for a covariance. Per gamma: points, the converged ones with a fitted g, and
        within_2, the share of them whose fitted g is the simulated one within 2 sigma.
    """
    fits = fits.transpose(*POINT, ...)
    shape = tuple(fits.sizes[d] for d in POINT)
    columns: defaultdict[str, NDArray] = defaultdict(lambda: np.full(shape, np.nan))
    shared = influences.sel(observable=list(OBSERVED))
    for index in np.ndindex(shape):
        where = dict(zip(POINT, index, strict=True))
        point, influence = fits.isel(where), shared.isel(where)
        measured = np.array([float(point[name]) for name in OBSERVED])
        if not np.all(np.isfinite(measured)):
            continue
        gamma, g, beta = (float(point[d]) for d in POINT)
        curve = replica_curve(gamma, eta, phi, beta)
        row = _fits(measured, covariance(influence), covariance_dof(influence), curve, g, beta)
        for key, value in row.items():
            columns[key][index] = value
    table = xr.Dataset(coords={d: fits[d] for d in POINT})
    for name, long_name in _NUMBERS.items():
        std, dof = columns[f"{name}_std"], columns[f"{name}_dof"]
        table.update(number(name, POINT, columns[name], std, dof, long_name))
    difference = columns["g_fit"] - fits["g"].values[:, None]
    columns["g_fit_z"] = z_score(difference, columns["g_fit_std"], columns["g_fit_dof"])
    enough = fits[[f"{name}_enough" for name in OBSERVED]].to_dataarray().min("variable")
    columns["converged"] = ((fits["converged"] > 0) * enough).values
    return _judged(table.assign(variables(POINT, columns, _COLUMNS)))


def _judged(table: xr.Dataset) -> xr.Dataset:
    """Add how many converged points have a fitted g, and at how many of them it is the simulated one."""
    comparable = (table["converged"] > 0) & table["g_fit_z"].notnull()
    points = comparable.sum(("g", "beta"))
    share = ((abs(table["g_fit_z"]) <= 2.0) & comparable).sum(("g", "beta")) / points.where(points > 0)
    return table.assign(
        points=points.assign_attrs(attrs("number of converged points with a fitted g")),
        within_2=share.assign_attrs(attrs("share of these points with |g_fit_z| <= 2")),
    )
