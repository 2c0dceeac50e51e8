"""Whether extrapolated values and theory agree over a whole table, whose cells are not independent."""

from __future__ import annotations

import numpy as np
import xarray as xr
from numpy.typing import NDArray
from scipy.stats import chi2 as chi_squared

from nsslib.analysis.sizes.extrapolation import FITTED, covariance, covariance_dof
from nsslib.model.observables import OBSERVABLES

_WORDS = {
    "chi2": "sum of z^2 over the cells, scaled to dof independent ones",
    "dof": "number of independent cells that vary as much: (trace C)^2 / trace C^2, C the correlations between cells",
    "p_value": "probability of a larger chi2",
    "cells": "number of cells compared: converged, with sizes that suffice",
    "within_1": "share of cells with |z| <= 1",
    "within_2": "share of cells with |z| <= 2",
    "largest_z": "z of the largest modulus",
    "largest_z_g": "coupling strength of that cell",
    "largest_z_beta": "inverse temperature of that cell",
}


def independent_cells(correlation: NDArray, dof: float) -> float:
    """Number of independent cells whose sum of squares has the mean and variance of correlated ones.

    With correlations from few disorder samples their matrix has no inverse, and the trace of its
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

    The sum of z^2 over cells is compared with chi2 of as many degrees of freedom as there are
    independent cells (`independent_cells`); no covariance is inverted.

    Parameters
    ----------
    fits, influences : Dataset
        As `nsslib.analysis.sizes.extrapolation.extrapolate` returns them.

    Returns
    -------
    Dataset
        Dims (gamma, observable): chi2, dof, p_value, cells, within_1, within_2, largest_z and its
        place; nan without cells.
    """
    shape = (fits.sizes["gamma"], len(FITTED))
    columns = {key: np.full(shape, np.nan) for key in _WORDS}
    for k, j in np.ndindex(shape):
        name = FITTED[j]
        cells = fits.isel(gamma=k).stack(cell=("g", "beta"))
        z = cells[f"{name}_z"].values
        usable = np.flatnonzero((cells["converged"].values > 0) & (cells[f"{name}_enough"].values > 0) & np.isfinite(z))
        columns["cells"][k, j] = len(usable)
        if not len(usable):
            continue
        spread = influences.isel(gamma=k, observable=j).stack(cell=("g", "beta")).isel(cell=usable)
        found = _compared(z[usable], cells.isel(cell=usable), spread)
        for key, value in found.items():
            columns[key][k, j] = value
    dims = ("gamma", "observable")
    table = xr.Dataset({key: (dims, values) for key, values in columns.items()}, {"gamma": fits["gamma"]})
    names = [OBSERVABLES[name].words for name in FITTED]
    table["observable"] = ("observable", list(FITTED), {"long_name": f"observable: {', '.join(names)}", "units": "1"})
    for key, words in _WORDS.items():
        table[key].attrs = {"long_name": words, "units": "1"}
    return table


def _compared(z: NDArray, cells: xr.Dataset, spread: xr.Dataset) -> dict[str, float]:
    """Columns of one observable, from its z in the cells that are usable and their influences."""
    C = covariance(spread)
    scale = np.sqrt(np.diag(C))
    dof = independent_cells(C / np.outer(scale, scale), covariance_dof(spread))
    chi2, worst = float(np.sum(z**2)) * dof / len(z), np.argmax(np.abs(z))
    return {
        "chi2": chi2,
        "dof": dof,
        "p_value": chi_squared.sf(chi2, dof),
        "within_1": np.mean(np.abs(z) <= 1.0),
        "within_2": np.mean(np.abs(z) <= 2.0),
        "largest_z": z[worst],
        "largest_z_g": cells["g"].values[worst],
        "largest_z_beta": cells["beta"].values[worst],
    }
