"""Fluctuation-response from samples: both sides of the relation between <x.phi> and the responses.

The exact relation at finite N (`nsslib.theory.replica.fluctuation_response`) needs the states of a shard, of which
the thinned trajectories hold enough: `shard_sides` when a shard is reduced. The replica form, (r - R)
[1 + beta g^2 (q - Q)(1 + gamma)]/sqrt(beta) with Q = R = 0 by symmetry, needs the tables only; it factorises
averages of products, and misses corrections of order 1/N.
"""

from __future__ import annotations

import numpy as np
import xarray as xr

from nsslib.analysis.intervals import TABLE, attrs
from nsslib.analysis.sizes.resampling import bootstrap_means, interval_variables
from nsslib.analysis.sizes.scatter import Floats
from nsslib.grid.sampling import Sampling
from nsslib.model.observables import OBSERVABLES
from nsslib.theory.replica.fluctuation_response import fluctuation_response, sampled_identity

FLIPS = 2000
"""Random signs of the realisations that a p value rests on."""
SIDES = ("x_phi", "x_phi_response")
"""Names of the two sides in the table per seed."""


def shard_sides(shard: Sampling, J0: Floats, trajectories: xr.Dataset) -> xr.Dataset:
    """Both sides of the exact relation at every point of a shard.

    Parameters
    ----------
    shard : Sampling
    J0 : (N, N) array
        Its couplings.
    trajectories : Dataset
        Its /trajectories group: x (draw, replica, g, beta, unit).

    Returns
    -------
    Dataset
        Dims (g, beta): x_phi and x_phi_response. They agree after the average over disorder only.
    """
    x = trajectories["x"].transpose("g", "beta", "replica", "draw", "unit")
    model = shard.model
    sides = np.empty((2, x.sizes["g"], x.sizes["beta"]))
    for i, g in enumerate(x["g"].values.tolist()):
        for j, beta in enumerate(x["beta"].values.tolist()):
            sides[:, i, j] = sampled_identity(x.values[i, j], J0, g, beta, shard.gamma, model.phi, model.diagonal)
    coords = {"g": x["g"], "beta": x["beta"]}
    return xr.Dataset(
        {name: (("g", "beta"), side, OBSERVABLES[name].attrs) for name, side in zip(SIDES, sides, strict=True)}, coords
    )


def response_check(table: xr.Dataset, seeds: xr.Dataset) -> xr.Dataset:
    """Both sides of the relation, and their difference in units of its error.

    Parameters
    ----------
    table : Dataset
        Order parameters, dims (gamma, N, g, beta).
    seeds : Dataset
        The same of every realisation, with x_phi and x_phi_response where trajectories were kept.

    Returns
    -------
    Dataset
        Dims (gamma, N, g, beta): correlation, response (exact at every N) and factorised (replica form), each
        with errors; residual = correlation - response and factorised_residual with errors and z. Dims (gamma, N):
        points and p_value, dims (gamma,): p_value_all, of residuals 0 at all converged points together.
    """
    table = table.transpose(*TABLE)
    result = xr.Dataset(coords={d: table[d] for d in TABLE})
    missing = xr.full_like(seeds["q"], np.nan)
    sides = [seeds.get(name, missing) for name in SIDES]
    left, right, q, r = (bootstrap_means(values) for values in (*sides, seeds["q"], seeds["r"]))
    gamma, g, beta = (table[d].values.reshape(shape) for d, shape in _SHAPES.items())
    replica_form = fluctuation_response(q, 0.0, r, 0.0, g, beta, gamma)
    count = sides[0].notnull().sum("seed").transpose(*TABLE).values
    for name, replicates, n, long_name in (
        ("correlation", left, count, "correlation of x and phi(x), x.phi(x)/N"),
        ("response", right, count, "the same from the responses, exact at every N"),
        ("factorised", replica_form, table["n_seeds"], "the same from q and r in the replica form with Q = R = 0"),
        ("residual", left - right, count, "correlation - response"),
        ("factorised_residual", left - replica_form, count, "correlation - factorised"),
    ):
        result.update(interval_variables(name, replicates, n, TABLE, long_name, against_zero="residual" in name))
    residual = (sides[0] - sides[1]).where(table["converged"] > 0)
    return result.assign(_together(residual.transpose(*TABLE, "seed").values))


def flipped_signs(residual: Floats, rng: np.random.Generator) -> Floats:
    """Sum of squared mean residuals over points, as it is and for random signs of the realisations.

    All points of a realisation change sign together, so that their correlations need no estimate; if residuals are
    as likely to be r as -r, all these sums are equally likely.

    Parameters
    ----------
    residual : (points, realisations) array
        nan where a realisation lacks a point.

    Returns
    -------
    (1 + FLIPS,) array
        First that of the residuals as they are; every point is scaled to mean 1 over the signs.
    """
    signs = np.where(rng.random((1 + FLIPS, residual.shape[1])) < 0.5, -1.0, 1.0)
    signs[0] = 1.0
    r = np.nan_to_num(residual)
    return np.sum((signs @ r.T) ** 2 / np.maximum(np.sum(r**2, axis=1), 1e-300), axis=1)


def joint_p_value(sums: Floats) -> float:
    """Share of sums, the first included, that are at least as large as the first (up to rounding)."""
    return float(np.mean(sums >= sums[0] * (1.0 - 1e-12)))


def _together(residual: Floats) -> dict[str, xr.Variable]:
    """Whether the residuals (gamma, N, g, beta, seed) are 0 together, at every size and at all."""
    shape = residual.shape[:2]
    points, sums, p = np.zeros(shape), np.zeros((*shape, 1 + FLIPS)), np.full(shape, np.nan)
    for index in np.ndindex(shape):
        of_points = residual[index].reshape(-1, residual.shape[-1])
        of_points = of_points[np.isfinite(of_points).sum(axis=1) > 1]
        if len(of_points):
            points[index], sums[index] = len(of_points), flipped_signs(of_points, np.random.default_rng(index))
            p[index] = joint_p_value(sums[index])
    p_all = np.where(points.any(axis=1), [joint_p_value(of_sizes.sum(axis=0)) for of_sizes in sums], np.nan)
    text = "probability of larger residuals at all converged points together, by signs of realisations"
    return {
        "points": xr.Variable(TABLE[:2], points, attrs("number of converged points with two realisations or more")),
        "p_value": xr.Variable(TABLE[:2], p, attrs(f"{text}, of one size")),
        "p_value_all": xr.Variable("gamma", p_all, attrs(f"{text}, of all sizes")),
    }


_SHAPES = {"gamma": (-1, 1, 1, 1), "g": (-1, 1), "beta": (-1,)}
