"""Control variates: what the couplings of a realisation predict of its order parameters.

A realisation with sum_(i != j) J_ij^2 = (N - 1)(1 + a) and sum_(i != j) J_ij J_ji = (N - 1)(gamma + b) is, to
leading order, one at coupling strength g sqrt(1 + a) and reciprocity (gamma + b)/(1 + a). The means of a
and b over the disorder are exactly 0, so that x - (dx/dln g) a/2 - (dx/dgamma)(b - gamma a) has the mean of
x whatever the factors; with those of replica theory its scatter is smaller.
"""

from __future__ import annotations

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from nsslib.analysis.sizes.extrapolation import replica_value
from nsslib.model.observables import names
from nsslib.theory.replica import solve

MOMENTS = {
    "coupling_norm": "sum of J_ij^2 over i != j, over N - 1, minus its mean over the disorder, 1",
    "coupling_reciprocity": "sum of J_ij J_ji over i != j, over N - 1, minus its mean over the disorder, gamma",
}
CONTROLLED = names("controlled")
_STEP = 1e-3
_JUMP = 0.2
"""Relative change of q over a step that is taken for a jump between branches, where no slope is known."""


def coupling_moments(J0: NDArray, gamma: float) -> dict[str, float]:
    """a and b of couplings (N, N), as in the module's description."""
    J = J0 - np.diag(np.diag(J0))
    means = np.sum(J * J), np.sum(J * J.T)
    a, b = (float(m) / (len(J) - 1) - mean for m, mean in zip(means, (1.0, gamma), strict=True))
    return dict(zip(MOMENTS, (a, b), strict=True))


def controlled(seeds: xr.Dataset, eta: float = 0.0, phi: str = "tanh") -> xr.Dataset:
    """Order parameters of every realisation, minus what its couplings explain.

    Parameters
    ----------
    seeds : Dataset
        Dims (gamma, N, g, beta, seed): order parameters and the moments of the couplings.
    eta, phi
        Of the model.

    Returns
    -------
    Dataset
        The same, with `CONTROLLED` changed by terms whose mean over the disorder is 0.
    """
    g, gamma = seeds["g"].values, seeds["gamma"].values
    low, high = (np.clip(gamma + s * _STEP, -1.0, 1.0) for s in (-1.0, 1.0))

    def theory(g: NDArray, gamma: NDArray) -> xr.Dataset:
        solution = solve(g.tolist(), seeds["beta"].values.tolist(), gamma.tolist(), eta=eta, phi=phi)
        return solution.assign_coords(g=seeds["g"], gamma=seeds["gamma"])

    along_g = theory(g * (1.0 - _STEP), gamma), theory(g * (1.0 + _STEP), gamma)
    along_gamma = theory(g, low), theory(g, high)
    a, b = (seeds[name] for name in MOMENTS)
    steps = a / (4.0 * _STEP), (b - seeds["gamma"] * a) / xr.DataArray(high - low, dims="gamma")
    result = seeds.copy()
    for name in CONTROLLED:
        explained = _slope(*along_g, name, seeds) * steps[0] + _slope(*along_gamma, name, seeds) * steps[1]
        result[name] = (seeds[name] - explained).transpose(*seeds[name].dims).assign_attrs(seeds[name].attrs)
    return result


def _slope(below: xr.Dataset, above: xr.Dataset, name: str, seeds: xr.Dataset) -> xr.DataArray:
    """Difference of a replica value over a step; 0 where theory jumps or has no solution."""
    smooth = abs(above["q"] - below["q"]) <= _JUMP * below["q"]
    return (replica_value(above, name, seeds) - replica_value(below, name, seeds)).where(smooth, 0.0)
