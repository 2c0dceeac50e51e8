"""Control variates: the moments of couplings have mean zero, and explain what theory says they do."""

import numpy as np
import pytest
import xarray as xr

from nsslib import couplings
from nsslib.analysis.sizes.control_variates import CONTROLLED, MOMENTS, controlled, coupling_moments
from nsslib.analysis.sizes.extrapolation import replica_value
from nsslib.theory.replica import solve

G, BETA, DIMS = [0.8, 1.1], [3.0, 30.0], ("gamma", "N", "g", "beta", "seed")


@pytest.mark.parametrize("diagonal", ["zero", "iid"])
@pytest.mark.parametrize("gamma", [-1.0, 0.0, 0.5, 1.0])
def test_moments_of_the_couplings_have_mean_zero_at_every_size(gamma, diagonal):
    samples = (couplings(8, gamma, seed, diagonal) for seed in range(600))
    found = np.array([list(coupling_moments(J0, gamma).values()) for J0 in samples])
    error = found.std(axis=0, ddof=1) / np.sqrt(len(found))
    assert (abs(found.mean(axis=0)) < 3.5 * error).all()
    if abs(gamma) == 1.0:
        np.testing.assert_allclose(found[:, 1], gamma * found[:, 0], atol=1e-12)


def samples(gamma, moments):
    """Order parameters that are those of theory at the strength and reciprocity of each sample."""
    a, b = moments
    values = {name: np.empty((1, 1, 2, 2, len(a))) for name in CONTROLLED}
    for k in range(len(a)):
        g = (np.array(G) * np.sqrt(1.0 + a[k])).tolist()
        found = solve(g, BETA, [(gamma + b[k]) / (1.0 + a[k])])
        for name in CONTROLLED:
            values[name][0, 0, ..., k] = replica_value(found, name).transpose("gamma", "g", "beta").values[0]
    data = {name: (DIMS, v) for name, v in values.items()}
    data |= {name: (DIMS, np.broadcast_to(m, (1, 1, 2, 2, len(a)))) for name, m in zip(MOMENTS, (a, b), strict=True)}
    origin = {"reference_g": ("gamma", G[:1]), "reference_beta": ("gamma", BETA[:1])}
    return xr.Dataset(data, origin | {"gamma": [gamma], "N": [64], "g": G, "beta": BETA, "seed": np.arange(len(a))})


@pytest.mark.parametrize("gamma", [0.0, 0.5])
def test_what_the_moments_explain_is_taken_off(gamma):
    moments = 0.004 * np.random.default_rng(0).standard_normal((2, 12))
    right = solve(G, BETA, [gamma])
    before, after = {}, {}
    for scale in (1.0, 0.5):
        seeds = samples(gamma, scale * moments)
        result = controlled(seeds)
        for name in CONTROLLED:
            before[name, scale], after[name, scale] = (
                abs(table[name] - replica_value(right, name)).max("seed") for table in (seeds, result)
            )
            assert result[name].dims == seeds[name].dims
    for name in CONTROLLED:
        assert (after[name, 1.0] <= 0.2 * before[name, 1.0] + 1e-8).all(), name
        assert (after[name, 0.5] <= 0.3 * after[name, 1.0] + 1e-8).all(), f"{name}: what remains is of second order"


def test_nothing_changes_without_deviations_or_without_a_theory():
    seeds = samples(0.0, np.zeros((2, 3)))
    xr.testing.assert_allclose(controlled(seeds), seeds)
    moved = seeds.assign({name: seeds[name] + 0.01 for name in MOMENTS})
    assert controlled(moved)["q"].notnull().all()
