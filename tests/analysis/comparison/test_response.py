"""Fluctuation-response from samples: the sides of a shard, and residuals with errors over disorder."""

import numpy as np
import pytest
import xarray as xr
from scipy.stats import binomtest

from nsslib import couplings
from nsslib.analysis.comparison.response import flipped_signs, joint_p_value, response_check, shard_sides
from nsslib.storage import store
from nsslib.theory.replica.fluctuation_response import fluctuation_response, sampled_identity
from tests.analysis.synthetic import coverage, tables

COORDS = {"gamma": [0.5], "N": [8], "g": np.linspace(0.5, 1.5, 100), "beta": [2.0, 5.0, 10.0], "seed": np.arange(16)}


def check(difference=0.0, seed=0, **changes):
    """Sides that scatter together over samples, and differ by `difference` and independent noise."""
    rng = np.random.default_rng(seed)
    shape = tuple(map(len, COORDS.values()))
    left = 0.3 + 0.1 * rng.standard_normal(shape)
    right = left - difference + 0.02 * rng.standard_normal(shape)
    values = {"q": 0.2, "r": 0.3, "x_phi": left, "x_phi_response": right} | changes
    return response_check(*tables(COORDS, **{k: v for k, v in values.items() if v is not None}))


def test_intervals_of_the_residual_cover_0_and_its_z_is_gaussian_over_300_points():
    found = check()
    near, far = coverage(found, "residual", 0.0)
    assert near == pytest.approx(0.683, abs=0.08)
    assert far == pytest.approx(0.95, abs=0.04)
    assert float(found["residual_z"].std()) == pytest.approx(1.0, abs=0.15)


@pytest.mark.parametrize("common", [0.0, 0.15, 0.4, 0.9])
@pytest.mark.parametrize("seeds", [8, 24])
def test_residuals_of_100_correlated_points_are_0_together_as_often_as_p_says(common, seeds):
    rng = np.random.default_rng(seeds)
    p = []
    for _ in range(300):
        shared = rng.standard_normal((1, seeds))
        residual = np.sqrt(common) * shared + np.sqrt(1.0 - common) * rng.standard_normal((100, seeds))
        p.append(joint_p_value(flipped_signs(residual, rng)))
    for level in (0.01, 0.05, 0.3):
        # 24 comparisons at 5 % together.
        assert binomtest(int(np.sum(np.array(p) <= level)), len(p), level).pvalue > 0.05 / 24


def test_a_size_that_is_off_is_found_among_others():
    coords = COORDS | {"N": [8, 16], "g": np.arange(8.0), "beta": [2.0], "seed": np.arange(12)}
    off = np.random.default_rng(1).standard_normal((1, 2, 8, 1, 12)) + np.array([0.0, 2.0])[:, None, None, None]
    table, seeds = tables(coords, q=0.2, r=0.3, x_phi=0.3 + 0.1 * off, x_phi_response=0.3)
    table["converged"][{"g": 0}] = 0
    found = response_check(table, seeds).isel(gamma=0)
    assert found["points"].values.tolist() == [7, 7]
    assert found["p_value"][0] > 0.05 and found["p_value"][1] < 0.01 and found["p_value_all"] < 0.01


def test_what_the_sides_share_is_not_in_the_error_of_the_residual():
    found = check()
    assert float(found["residual_err"].mean()) < 0.3 * float(found["correlation_err"].mean())


def test_a_violation_is_seen():
    assert float(check(0.05)["residual_z"].min()) > 3.0


def test_the_factorised_form_is_that_of_the_replica_theory_without_overlap():
    found = check().isel(gamma=0, N=0)
    for j, beta in enumerate(COORDS["beta"]):
        expected = fluctuation_response(0.2, 0.0, 0.3, 0.0, COORDS["g"], beta, 0.5)
        np.testing.assert_allclose(found["factorised"][:, j], expected)
    np.testing.assert_allclose(found["factorised_residual"], found["correlation"] - found["factorised"])


def test_without_trajectories_only_the_factorised_side_is_known():
    found = check(x_phi=None, x_phi_response=None)
    assert found["factorised_enough"].all()
    for name in ("correlation", "response", "residual"):
        assert np.isnan(found[name]).all() and not found[f"{name}_enough"].any()
    assert not found["points"].any() and np.isnan(found["p_value"]).all() and np.isnan(found["p_value_all"]).all()


def test_the_sides_of_a_shard_are_those_of_its_states_point_by_point(make_shard):
    shard = make_shard(gamma=[0.5], seeds=[3])
    x = np.random.default_rng(0).standard_normal((6, 2, 2, 2, 8))
    axes = {"g": list(shard.g), "beta": list(shard.beta)}
    J0 = couplings(8, 0.5, 3)
    found = shard_sides(shard, J0, xr.Dataset({"x": (("draw", "replica", "g", "beta", "unit"), x)}, axes))
    for i, j in np.ndindex(2, 2):
        states = np.swapaxes(x[:, :, i, j], 0, 1)
        expected = sampled_identity(states, J0, shard.g[i], shard.beta[j], 0.5)
        point = found.isel(g=i, beta=j)
        np.testing.assert_allclose((point["x_phi"], point["x_phi_response"]), expected)


def test_a_sweep_has_both_sides_of_every_sample(tiny_sweep):
    seeds = store.read_table(tiny_sweep[1], "order_parameters", "per_seed")
    for name in ("x_phi", "x_phi_response"):
        assert np.isfinite(seeds[name]).all() and seeds[name].attrs["long_name"]
    fits = store.read_table(tiny_sweep[1], "fits", "response")
    np.testing.assert_allclose(fits["correlation"], seeds["x_phi"].mean("seed"))
