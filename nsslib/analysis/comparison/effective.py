"""Effective parameters: the (g, beta) at which replica theory has the measured order parameters.

Weighted least squares in (q, R_int, Y, l2), extrapolated to infinite N, with their covariance. That is
estimated from few disorder samples, and widths and p values are those of regression with an estimated
covariance, exact for normal data and a curve that is straight within its errors (Rao, Biometrika 46
(1959) 49). R_int and Y are measured with the simulated beta in their definitions, and compared as such;
without that q, R_int, Y and l2 at gamma = eta = 0 would be functions of l2 alone, and say nothing of beta.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import numpy as np
import xarray as xr
from numpy.typing import NDArray
from scipy.linalg import solve_triangular
from scipy.optimize import least_squares
from scipy.stats import f as fisher

from nsslib.analysis.sizes.extrapolation import covariance, covariance_dof, half_width, normal_z
from nsslib.theory.replica import solve

OBSERVED = ("q", "R_int", "Y", "l2")
Curve = Callable[[float, float], NDArray]

_RANGE = {"g": 2.0, "beta": 10.0}
"""How far an effective parameter may be from the simulated one, as a factor."""

_WORDS = {
    "g_eff": "effective coupling strength, fitted together with beta_eff",
    "g_eff_err": "half-width of 68.3 % of g_eff",
    "g_eff_err95": "half-width of 95.4 % of g_eff",
    "beta_eff": "effective inverse temperature, fitted together with g_eff",
    "beta_eff_err": "half-width of 68.3 % of beta_eff, that of ln beta_eff times beta_eff",
    "beta_eff_err95": "half-width of 95.4 % of beta_eff, that of ln beta_eff times beta_eff",
    "chi2": "squared distance from the replica curve at (g_eff, beta_eff) in units of the covariance",
    "p_value": "probability of a larger chi2 (Hotelling)",
    "g_fit": "effective coupling strength at the simulated beta",
    "g_fit_err": "half-width of 68.3 % of g_fit",
    "g_fit_err95": "half-width of 95.4 % of g_fit",
    "g_fit_chi2": "squared distance from the replica curve at g_fit in units of the covariance",
    "g_fit_p_value": "probability of a larger squared distance (Hotelling)",
    "g_fit_z": "g_fit less simulated g, in standard deviations of the normal distribution of equal probability",
    "converged": "1 where every size of the cell is converged and the sizes suffice for all four observables",
}


class Fitted(NamedTuple):
    """Fitted parameters, their standard deviations (of ln beta for beta), and how well they fit."""

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
        at = {"g": g, "beta": beta} | dict(zip(names, np.exp(p), strict=True))
        return solve_triangular(root, curve(at["g"], at["beta"]) - measured, lower=True)

    start = np.log([{"g": g, "beta": beta}[name] for name in names])
    reach = np.log([_RANGE[name] for name in names])
    try:
        found = least_squares(residual, start, bounds=(start - reach, start + reach), diff_step=1e-5, x_scale="jac")
        H = np.linalg.inv(found.jac.T @ found.jac)
    except (ValueError, np.linalg.LinAlgError):
        # Theory without a solution there, or a curve that does not depend on a parameter.
        return None
    if not found.success or np.any(np.abs(found.x - start) > 0.999 * reach):
        return None
    chi2 = 2.0 * float(found.cost)
    left = dof - contrasts
    values, std = np.exp(found.x), np.sqrt((1.0 + chi2 / dof) * dof / left * np.diag(H))
    std[0] *= values[0]
    p = float(fisher.sf(chi2 * (left + 1.0) / (dof * contrasts), contrasts, left + 1.0))
    return Fitted(values, std, left, chi2, p)


def _cell(measured: NDArray, C: NDArray, dof: float, curve: Curve, g: float, beta: float) -> dict[str, float]:
    """Both fits of one cell, by the names of the table."""
    row: dict[str, float] = {}
    both = fit_parameters(measured, C, dof, curve, g, beta, ("g", "beta"))
    if both is not None:
        row |= {"g_eff": both.values[0], "beta_eff": both.values[1], "chi2": both.chi2, "p_value": both.p_value}
        for key, sigmas in (("err", 1.0), ("err95", 2.0)):
            widths = half_width(both.std, both.t_dof, sigmas)
            row |= {f"g_eff_{key}": widths[0], f"beta_eff_{key}": widths[1] * both.values[1]}
    alone = fit_parameters(measured, C, dof, curve, g, beta, ("g",))
    if alone is not None:
        row |= {"g_fit": alone.values[0], "g_fit_chi2": alone.chi2, "g_fit_p_value": alone.p_value}
        for key, sigmas in (("err", 1.0), ("err95", 2.0)):
            row[f"g_fit_{key}"] = half_width(alone.std, alone.t_dof, sigmas)[0]
        row["g_fit_z"] = normal_z(alone.values - g, alone.std, alone.t_dof)[0]
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
        at = solve(g, beta, gamma, eta=eta, phi=phi)
        q, R_int, Y, l2 = (float(at[name]) for name in OBSERVED)
        return np.array([q, R_int * simulated / beta, (1.0 + Y) * simulated / beta - 1.0, l2])

    return curve


def effective_parameters(fits: xr.Dataset, influences: xr.Dataset, eta: float = 0.0, phi: str = "tanh") -> xr.Dataset:
    """Fit the parameters of theory to every cell.

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
        disorder samples for a covariance. Per gamma: cells, the converged ones with a fitted g, and
        within_2, the share of them whose fitted g is the simulated one within 2 sigma.
    """
    dims = ("gamma", "g", "beta")
    shape = tuple(fits.sizes[d] for d in dims)
    columns = {key: np.full(shape, np.nan) for key in _WORDS}
    names = list(OBSERVED)
    spread = influences.sel(observable=names)
    for cell in np.ndindex(shape):
        where = dict(zip(dims, cell, strict=True))
        at = fits.isel(where)
        columns["converged"][cell] = float(at["converged"] > 0) * min(float(at[f"{name}_enough"]) for name in names)
        measured = np.array([float(at[name]) for name in names])
        if not np.all(np.isfinite(measured)):
            continue
        g, beta, here = float(at["g"]), float(at["beta"]), spread.isel(where)
        curve = replica_curve(float(at["gamma"]), eta, phi, beta)
        row = _cell(measured, covariance(here), covariance_dof(here), curve, g, beta)
        for key, value in row.items():
            columns[key][cell] = value
    table = xr.Dataset({key: (dims, values) for key, values in columns.items()}, {d: fits[d] for d in dims})
    for key, words in _WORDS.items():
        table[key].attrs = {"long_name": words, "units": "1"}
    return _verdict(table)


def _verdict(table: xr.Dataset) -> xr.Dataset:
    """Add how many converged cells have a fitted g, and how many of them agree."""
    told = (table["converged"] > 0) & table["g_fit_z"].notnull()
    table["cells"] = told.sum(("g", "beta"))
    table["within_2"] = ((abs(table["g_fit_z"]) <= 2.0) & told).sum(("g", "beta")) / table["cells"].where(
        table["cells"] > 0
    )
    table["cells"].attrs = {"long_name": "number of converged cells with a fitted g", "units": "1"}
    table["within_2"].attrs = {"long_name": "share of these cells with |g_fit_z| <= 2", "units": "1"}
    return table
