"""Convergence as a result: criteria that tell what passed, and the largest beta up to which all does."""

import numpy as np
import pytest
import xarray as xr

from nsslib.analysis.convergence import beta_table, convergence, shard_round_trips
from nsslib.analysis.order_parameters import SLOW
from nsslib.config import Convergence

DIMS = ("gamma", "N", "g", "beta", "seed")
G, BETA = [0.8, 1.0, 1.2], [3.0, 10.0, 30.0]


def tables(rng, seeds, limits):
    """Random criteria around their limits, some of them nan, and the cells that pass by them."""
    shape = (1, 2, len(G), len(BETA), seeds)
    around = {"rhat": 1.0 + (limits.rhat - 1.0) * 2.0, "ess": limits.ess * 2.0}
    data = {f"{name}_{key}": top * rng.random(shape) for name in SLOW for key, top in around.items()}
    data |= {f"{name}_rhat": 1.0 + (limits.rhat - 1.0) * 1.3 * rng.random(shape) for name in SLOW}
    data["q_cold_hot"] = 1.3 * limits.cold_hot * rng.random(shape)
    for values in data.values():
        values[rng.random(shape) < 0.05] = np.nan
    passed = data["q_cold_hot"] <= limits.cold_hot
    for name in SLOW:
        passed = passed & (data[f"{name}_rhat"] <= limits.rhat) & (data[f"{name}_ess"] >= limits.ess)
    data |= {"converged": passed.astype(float), "round_trips_beta": np.full(shape, 2.0)}
    data["round_trips_g"] = np.full(shape, np.nan)
    coords = {"gamma": [0.0], "N": [32, 64], "g": G, "beta": BETA, "seed": np.arange(seeds)}
    per_seed = xr.Dataset({name: (DIMS, values) for name, values in data.items()}, coords)
    return xr.Dataset({"converged": per_seed["converged"].mean("seed") >= limits.seeds}), per_seed


@pytest.mark.parametrize("seeds", [1, 2, 7, 10, 11])
@pytest.mark.parametrize("share", [0.1, 0.5, 0.9, 1.0])
def test_a_criterion_is_within_its_limit_if_and_only_if_enough_samples_are(seeds, share):
    limits = Convergence(seeds=share)
    table, per_seed = tables(np.random.default_rng(seeds), seeds, limits)
    found = convergence(table, per_seed, limits)
    worst_rhat = np.max([per_seed[f"{name}_rhat"].values for name in SLOW], axis=0)
    worst_ess = np.min([per_seed[f"{name}_ess"].values for name in SLOW], axis=0)
    passed = {
        "rhat": worst_rhat <= limits.rhat,
        "ess": worst_ess >= limits.ess,
        "cold_hot": per_seed["q_cold_hot"].values <= limits.cold_hot,
    }
    np.testing.assert_array_equal(found["rhat"] <= limits.rhat, passed["rhat"].mean(-1) >= share)
    np.testing.assert_array_equal(found["ess"] >= limits.ess, passed["ess"].mean(-1) >= share)
    np.testing.assert_array_equal(found["cold_hot"] <= limits.cold_hot, passed["cold_hot"].mean(-1) >= share)
    assert (found["round_trips_beta"] == 2.0).all() and found["round_trips_g"].isnull().all()
    assert all(v.attrs["long_name"] and v.attrs["units"] == "1" for v in found.data_vars.values())


@pytest.fixture
def reached():
    limits = Convergence()
    table, per_seed = tables(np.random.default_rng(0), 4, limits)
    table["converged"][:] = True
    table["converged"][0, 0, 0, 0] = table["converged"][0, 0, 1, 1] = False
    per_seed["converged"][0, 1, :, 2] = np.nan  # the larger size was sampled at two beta only
    per_seed["converged"][0, 1, 2, :] = np.nan  # and at two couplings
    return convergence(table, per_seed, limits).isel(gamma=0)


def test_the_largest_beta_has_no_unconverged_one_below(reached):
    np.testing.assert_array_equal(reached["beta_max"], [[np.nan, 3.0, 30.0], [10.0, 10.0, np.nan]])
    np.testing.assert_array_equal(reached["beta_sampled"], [[30.0, 30.0, 30.0], [10.0, 10.0, np.nan]])


def test_the_table_in_words(reached):
    header = [r"N \ g", "0.8", "1", "1.2"]
    assert beta_table(reached) == [header, ["32", "-", "3", "30"], ["64", "10", "10", ""]]
    assert beta_table(reached.isel(N=[1])) == [header[:3], ["64", "10", "10"]]


def test_round_trips_of_a_shard_are_means_over_its_chains():
    diagnostics = xr.Dataset(
        {
            "round_trips": (("axis", "chain"), [[1, 3], [0, 5]]),
            "exchange_beta": (("g", "beta_link"), [[0.2, 0.3], [0.2, 0.1], [0.2, 0.2]]),
            "exchange_g": (("g_link", "beta"), np.full((2, 3), np.nan)),
            "step_size": (("g", "beta"), np.ones((3, 3))),
        },
        {
            "g": G,
            "beta": BETA,
            "g_visible": ("g", [True, False, True]),
            "beta_visible": ("beta", [True, True, False]),
        },
    )
    found = shard_round_trips(diagnostics)
    assert dict(found.sizes) == {"g": 2, "beta": 2}
    assert (found["round_trips_beta"] == 2.0).all()
    assert found["round_trips_g"].isnull().all(), "no exchange in g"
