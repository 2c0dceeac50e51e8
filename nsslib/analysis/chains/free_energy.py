"""The sampled free energy: log Z over the grid, from the ratios along the links of the ladder."""

from __future__ import annotations

import numpy as np
import xarray as xr
from scipy.sparse import coo_array, diags_array
from scipy.sparse.csgraph import connected_components
from scipy.sparse.linalg import spsolve

from nsslib.model.observables import OBSERVABLES


def log_z(diagnostics: xr.Dataset) -> xr.DataArray:
    """Logarithm of Z of every point of the ladder, relative to the first one.

    Every link knows the difference between its ends; more links than points agree within their
    errors only. The values minimise the squared disagreement, weighted by the exchange
    acceptance (what overlaps well is known well).

    Parameters
    ----------
    diagnostics : Dataset
        The /diagnostics group of a shard.

    Returns
    -------
    (replica, g, beta) DataArray
        0 at the first point; nan where no chain of usable links leads to.
    """
    shape = diagnostics.sizes["g"], diagnostics.sizes["beta"]
    point = np.arange(np.prod(shape)).reshape(shape)
    links = np.concatenate(
        [[point[:, :-1].ravel(), point[:, 1:].ravel()], [point[:-1].ravel(), point[1:].ravel()]], axis=1
    )
    weight = np.concatenate([diagnostics[f"exchange_{axis}"].values.ravel() for axis in ("beta", "g")])
    differences = [diagnostics[f"log_z_{axis}"].values for axis in ("beta", "g")]
    solutions = [
        _least_squares(point.size, links, np.concatenate([d[r].ravel() for d in differences]), weight)
        for r in range(diagnostics.sizes["replica"])
    ]
    dims = ("replica", "g", "beta")
    return xr.DataArray(np.reshape(solutions, (-1, *shape)), {d: diagnostics[d] for d in dims}, dims)


def _least_squares(points: int, links: np.ndarray, difference: np.ndarray, weight: np.ndarray) -> np.ndarray:
    """Values y, y[0] = 0, that minimise the sum over links (a, b) of weight (y[b] - y[a] - difference)^2."""
    usable = np.isfinite(difference) & (weight > 0.0)
    (a, b), difference, weight = links[:, usable], difference[usable], weight[usable]
    couplings = coo_array((weight, (a, b)), shape=(points, points)).tocsr()
    couplings = couplings + couplings.T
    reached = connected_components(couplings)[1]
    reached = np.flatnonzero(reached == reached[0])[1:]
    laplacian = (diags_array(couplings.sum(axis=1)) - couplings).tocsc()
    force = np.bincount(b, weight * difference, points) - np.bincount(a, weight * difference, points)
    y = np.full(points, np.nan)
    y[0] = 0.0
    if len(reached):
        y[reached] = spsolve(laplacian[reached][:, reached], force[reached])
    return y


def free_energy(diagnostics: xr.Dataset, N: int, g: float, beta: float) -> xr.Dataset:
    """What log Z per unit has beyond equipartition, relative to one point.

    Parameters
    ----------
    diagnostics : Dataset
        The /diagnostics group of a shard.
    N : int
        Number of units.
    g, beta : float
        The point of reference, which is 0 by definition.

    Returns
    -------
    Dataset
        Dims (g, beta), visible points: log_z = (log Z - log Z_0) / N + log(beta / beta_0) / 2, and
        log_z_err, its thermal error from the spread of the replicas; nan if the ladder lacks the
        point of reference.
    """
    values = log_z(diagnostics)
    reference = values.where((values["g"] == g) & (values["beta"] == beta)).max(("g", "beta"))
    excess = (values - reference) / N + 0.5 * np.log(values["beta"] / beta)
    visible = {axis: np.flatnonzero(diagnostics[f"{axis}_visible"]) for axis in ("g", "beta")}
    excess = excess.isel(visible).drop_vars(["g_visible", "beta_visible"], errors="ignore")
    error = excess.std("replica", ddof=1) / np.sqrt(excess.sizes["replica"])
    entry = OBSERVABLES["log_z"]
    return xr.Dataset(
        {
            "log_z": excess.mean("replica").assign_attrs(entry.attrs),
            "log_z_err": error.assign_attrs({"long_name": f"{entry.words}: thermal error", "units": "1"}),
        }
    )
