"""Whether extrapolated values and theory agree over a whole table, whose points are not independent."""

from __future__ import annotations

from collections import defaultdict

import numpy as np
import xarray as xr
from numpy.typing import NDArray
from scipy.stats import chi2 as chi_squared

from nsslib.analysis.intervals import attrs, variables
from nsslib.analysis.sizes.extrapolation import FITTED, covariance, covariance_dof
from nsslib.model.observables import OBSERVABLES

_COLUMNS = {
    "chi2": "sum of z^2 over the points, scaled to dof independent ones",
    "dof": "number of independent points that vary as much: (trace C)^2 / trace C^2, C their correlations",
    "p_value": "probability of a larger chi2",
    "points": "number of points compared: converged, with sizes that suffice",
    "within_1": "share of points with |z| <= 1",
    "within_2": "share of points with |z| <= 2",
    "largest_z": "z of the largest modulus",
    "largest_z_g": "coupling strength of that point",
    "largest_z_beta": "inverse temperature of that point",
}


def independent_points(correlation: NDArray, dof: float) -> float:
    """Number of independent points whose sum of squares has the mean and variance of correlated ones.

    With correlations from few realisations their matrix has no inverse, and the trace of its
    square is too large by chance correlations; the latter is corrected.

    Parameters
    ----------
    correlation : (n, n) array
        Estimated correlations.
    dof : float
        Degrees of freedom of the estimate.

    Returns
    -------
    float
        Between 1 and n.

    References
    ----------
    Box, Ann. Math. Stat. 25 (1954) 290; Bai and Saranadasa, Stat. Sinica 6 (1996) 311.
    """
    n, squares = len(correlation), float(np.sum(correlation**2))
    if np.isfinite(dof) and dof > 1.0:
        squares = (squares - n**2 / dof) * dof**2 / ((dof - 1.0) * (dof + 2.0))
    return float(np.clip(n**2 / max(squares, 1e-300), 1.0, n))


def agreement(fits: xr.Dataset, influences: xr.Dataset) -> xr.Dataset:
    """Compare the table of every gamma with theory, one observable at a time.

    The sum of z^2 over points is compared with chi2 of as many degrees of freedom as there are
    independent points (`independent_points`); no covariance is inverted.

    Parameters
    ----------
    fits, influences : Dataset
        As `nsslib.analysis.sizes.extrapolation.extrapolate` returns them.

    Returns
    -------
    Dataset
        Dims (gamma, observable): chi2, dof, p_value, points, within_1, within_2, largest_z and the
        point that has it; nan without points.
    """
    dims, shape = ("gamma", "observable"), (fits.sizes["gamma"], len(FITTED))
    columns: defaultdict[str, NDArray] = defaultdict(lambda: np.full(shape, np.nan))
    for gamma in range(shape[0]):
        points, shared = (table.isel(gamma=gamma).stack(point=("g", "beta")) for table in (fits, influences))
        for k, name in enumerate(FITTED):
            z = points[f"{name}_z"].values
            judged = (points["converged"].values > 0) & (points[f"{name}_enough"].values > 0) & np.isfinite(z)
            columns["points"][gamma, k] = judged.sum()
            if judged.any():
                usable = np.flatnonzero(judged)
                row = _compared(points.isel(point=usable), f"{name}_z", shared.isel(observable=k, point=usable))
                for key, value in row.items():
                    columns[key][gamma, k] = value
    table = xr.Dataset(variables(dims, columns, _COLUMNS), {"gamma": fits["gamma"]})
    labels = f"observable: {', '.join(OBSERVABLES[name].words for name in FITTED)}"
    return table.assign_coords(observable=("observable", list(FITTED), attrs(labels)))


def _compared(points: xr.Dataset, name: str, influences: xr.Dataset) -> dict[str, float]:
    """Columns of one observable, from its z at the points that are judged and their influences."""
    z, C = points[name].values, covariance(influences)
    scale = np.sqrt(np.diag(C))
    dof = independent_points(C / np.outer(scale, scale), covariance_dof(influences))
    chi2, worst = float(np.sum(z**2)) * dof / len(z), np.argmax(np.abs(z))
    return {
        "chi2": chi2,
        "dof": dof,
        "p_value": chi_squared.sf(chi2, dof),
        "within_1": np.mean(np.abs(z) <= 1.0),
        "within_2": np.mean(np.abs(z) <= 2.0),
        "largest_z": z[worst],
        "largest_z_g": points["g"].values[worst],
        "largest_z_beta": points["beta"].values[worst],
    }
