"""Fluctuation-response from samples: both sides of the relation between <x.phi> and the responses.

The exact relation at finite N (`nsslib.theory.fluctuation_response`) needs the states of a shard, of which
the thinned trajectories hold enough: `shard_sides` when a shard is reduced. The replica form, (r - R)
[1 + beta g^2 (q - Q)(1 + gamma)]/sqrt(beta) with Q = R = 0 by symmetry, needs the tables only; it factorises
averages of products, and misses corrections of order 1/N.
"""

from __future__ import annotations

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from nsslib.analysis.agreement import chi2_of_correlated
from nsslib.analysis.bootstrap import attrs, bootstrap_means, described, sufficient, z_score
from nsslib.analysis.sizes import Floats
from nsslib.grid import Shard
from nsslib.model import couplings
from nsslib.theory.fluctuation_response import fluctuation_response, sampled_identity

SIDES = ("x_phi", "x_phi_response")
"""Names of the two sides in the table per seed."""


def shard_sides(shard: Shard, trajectories: xr.Dataset) -> xr.Dataset:
    """Both sides of the exact relation in every cell of a shard.

    Parameters
    ----------
    shard : Shard
    trajectories : Dataset
        Its /trajectories group: x (draw, replica, g, beta, unit).

    Returns
    -------
    Dataset
        Dims (g, beta): x_phi and x_phi_response. They agree after the average over disorder only.
    """
    x = trajectories["x"].transpose("g", "beta", "replica", "draw", "unit")
    model = shard.model
    J0 = couplings(shard.N, shard.gamma, shard.seed, model.diagonal)
    sides = np.empty((2, x.sizes["g"], x.sizes["beta"]))
    for i, g in enumerate(x["g"].values.tolist()):
        for j, beta in enumerate(x["beta"].values.tolist()):
            sides[:, i, j] = sampled_identity(x.values[i, j], J0, g, beta, shard.gamma, model.phi, model.diagonal)
    coords = {"g": x["g"], "beta": x["beta"]}
    return xr.Dataset({name: (("g", "beta"), side) for name, side in zip(SIDES, sides, strict=True)}, coords)


def response_check(table: xr.Dataset, seeds: xr.Dataset) -> xr.Dataset:
    """Both sides of the relation, and their difference in units of its error.

    Parameters
    ----------
    table : Dataset
        Order parameters, dims (gamma, N, g, beta).
    seeds : Dataset
        The same of every disorder sample, with x_phi and x_phi_response where trajectories were kept.

    Returns
    -------
    Dataset
        Dims (gamma, N, g, beta): correlation, response (exact at every N) and factorised (replica form), each
        with errors; residual = correlation - response and factorised_residual with errors and z. Dims (gamma, N):
        cells, the converged ones, and of their residuals chi2 with dof, scaled to independent cells.
    """
    dims = ("gamma", "N", "g", "beta")
    table = table.transpose(*dims)
    result = xr.Dataset(coords={d: table[d] for d in dims})
    missing = xr.full_like(seeds["q"], np.nan)
    left, right = (bootstrap_means(seeds.get(name, missing)) for name in SIDES)
    q, r = (bootstrap_means(seeds[name]) for name in ("q", "r"))
    gamma, g, beta = (table[d].values.reshape(shape) for d, shape in _SHAPES.items())
    replica_form = fluctuation_response(q, 0.0, r, 0.0, g, beta, gamma)
    n = seeds.get("x_phi", missing).notnull().sum("seed").transpose(*dims).values
    words = {
        "correlation": (left, "correlation of x and phi(x), x.phi(x)/N"),
        "response": (right, "the same from the responses, exact at every N"),
        "factorised": (replica_form, "the same from q and r in the replica form with Q = R = 0"),
        "residual": (left - right, "correlation - response"),
        "factorised_residual": (left - replica_form, "correlation - factorised"),
    }
    for name, (draws, long_name) in words.items():
        count = table["n_seeds"].values if name == "factorised" else n
        found = described(draws, count, dims, long_name)
        result.update({f"{name}{key}": value for key, value in found.items()})
        result.update(sufficient(name, found[""]))
        if "residual" in name:
            score = attrs(f"{long_name}, as a Gaussian z-score over disorder samples")
            result[f"{name}_z"] = xr.Variable(dims, z_score(draws, count), score)
    return result.assign(_over_cells(left - right, result["residual_z"].where(table["converged"] > 0), n))


def _over_cells(residual: Floats, z: xr.DataArray, n: NDArray[np.int64]) -> dict[str, xr.Variable]:
    """Whether the residuals of a size are 0 together: its cells share their disorder samples."""
    words = {
        "cells": "number of converged cells with saved trajectories",
        "chi2": "sum of residual_z^2 over them, scaled to dof independent ones",
        "dof": "number of independent cells that vary as much",
    }
    found = {key: np.zeros(z.shape[:2]) for key in words}
    for at in np.ndindex(z.shape[:2]):
        cells = np.isfinite(z.values[at])
        found["cells"][at] = cells.sum()
        if cells.any():
            draws = residual[1:, *at][:, cells]
            C = np.atleast_2d(np.cov(draws[np.isfinite(draws).all(axis=1)], rowvar=False))
            found["chi2"][at], found["dof"][at] = chi2_of_correlated(z.values[at][cells], C, n[at].max() - 1.0)
    return {key: xr.Variable(("gamma", "N"), found[key], attrs(text)) for key, text in words.items()}


_SHAPES = {"gamma": (-1, 1, 1, 1), "g": (-1, 1), "beta": (-1,)}
