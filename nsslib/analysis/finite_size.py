"""Extrapolation to infinitely many units, and the distance from the replica values."""

from __future__ import annotations

import warnings

import lmfit
import numpy as np
import xarray as xr
from numpy.typing import NDArray
from scipy.stats import chi2

from nsslib.observables import LONG_NAMES

FITTED = ("q", "l2", "energy", "R_int", "Y", "Q2", "log_z")
_P_MIN = 0.05

_WORDS = {
    "err": "standard error of the extrapolated value",
    "slope": "coefficient of 1/N",
    "slope_err": "standard error of the coefficient of 1/N",
    "chi2": "weighted sum of squared residuals",
    "dof": "degrees of freedom; 0 where two sizes determine the line",
    "p_value": "probability of a larger chi2; nan without degrees of freedom",
    "N_min": "smallest N in the fit",
    "theory": "replica value (branch of the theory table)",
    "z": "(extrapolated - replica value) / standard error",
}


def line_in_inverse_N(N: NDArray, y: NDArray, err: NDArray) -> dict[str, float]:
    """Weighted least squares y = a + b / N; the smallest N is dropped while it does not fit.

    Finite-size corrections beyond 1/N are visible at small N: with three sizes or more and a
    p-value below 0.05, the smallest is left out.

    Parameters
    ----------
    N, y, err : (n,) arrays
        Sizes (increasing), values and their errors; points that are not finite are left out.

    Returns
    -------
    dict
        value, err, slope, slope_err, chi2, dof, p_value, N_min; nan with fewer than two sizes.
    """
    good = np.isfinite(y) & np.isfinite(err) & (err > 0.0)
    N, y, err = N[good], y[good], err[good]
    if len(N) < 2:
        keys = ("value", "err", "slope", "slope_err", "chi2", "dof", "p_value", "N_min")
        return dict.fromkeys(keys, np.nan)
    model = lmfit.models.LinearModel()
    start = model.make_params(intercept=y[-1], slope=0.0)
    with warnings.catch_warnings():
        # Two sizes leave no degree of freedom; lmfit warns about the reduced chi2 it cannot form.
        warnings.simplefilter("ignore")
        fit = model.fit(y, start, x=1.0 / N, weights=1.0 / err, scale_covar=False)
    dof = len(N) - 2
    p = float(chi2.sf(fit.chisqr, dof)) if dof else np.nan
    if dof and p < _P_MIN:
        return line_in_inverse_N(N[1:], y[1:], err[1:])
    return {
        "value": fit.params["intercept"].value,
        "err": fit.params["intercept"].stderr,
        "slope": fit.params["slope"].value,
        "slope_err": fit.params["slope"].stderr,
        "chi2": fit.chisqr,
        "dof": dof,
        "p_value": p,
        "N_min": N[0],
    }


def replica_value(theory: xr.Dataset, name: str) -> xr.DataArray:
    """What replica theory says of an order parameter of the tables, by its name there."""
    if name == "log_z":
        excess = theory["free_energy"] + 0.5 * np.log(theory["beta"])
        return excess - excess.isel(g=0, beta=0)
    return {"Q2": theory["Q"] ** 2, "Q_abs": abs(theory["Q"])}[name] if name in ("Q2", "Q_abs") else theory[name]


def extrapolate(table: xr.Dataset, theory: xr.Dataset) -> xr.Dataset:
    """Extrapolate every fitted order parameter of every cell and compare with theory.

    Parameters
    ----------
    table : Dataset
        Order parameters, dims (gamma, N, g, beta).
    theory : Dataset
        Replica values, dims (gamma, g, beta).

    Returns
    -------
    Dataset
        Dims (gamma, g, beta): x, x_err, x_slope, x_slope_err, x_chi2, x_dof, x_p_value, x_N_min,
        x_theory, x_z for x in `FITTED`; converged, where every size in the table is.
    """
    cells = [table[d] for d in ("gamma", "g", "beta")]
    shape = tuple(len(c) for c in cells)
    N = table["N"].values
    result = xr.Dataset(coords={d: table[d] for d in ("gamma", "g", "beta")})
    for name in FITTED:
        y, err = (table[k].transpose("gamma", "g", "beta", "N").values for k in (name, f"{name}_err"))
        fits = [line_in_inverse_N(N, y[i], err[i]) for i in np.ndindex(shape)]
        for key in fits[0]:
            variable = name if key == "value" else f"{name}_{key}"
            result[variable] = (("gamma", "g", "beta"), np.reshape([f[key] for f in fits], shape))
        result[f"{name}_theory"] = replica_value(theory, name).transpose("gamma", "g", "beta")
        result[f"{name}_z"] = (result[name] - result[f"{name}_theory"]) / result[f"{name}_err"]
        result[name].attrs = {"long_name": f"{LONG_NAMES[name][0]}, extrapolated to 1/N = 0", "units": "1"}
        for key, words in _WORDS.items():
            result[f"{name}_{key}"].attrs = {"long_name": f"{LONG_NAMES[name][0]}: {words}", "units": "1"}
    present = table["n_seeds"] > 0
    result["converged"] = ((table["converged"] > 0) | ~present).all("N") & present.any("N")
    result["converged"].attrs = {"long_name": "1 where every size of the cell is converged", "units": "1"}
    return result
