"""Agreement over a table: correlated points count for what they are worth."""

import numpy as np
import pytest
import xarray as xr
from scipy.stats import binomtest

from nsslib.analysis.comparison.agreement import agreement, independent_points
from nsslib.analysis.intervals import z_score
from nsslib.analysis.sizes.extrapolation import FITTED


def table(rng, points=20, seeds=8, common=0.6, shift=0.0, gammas=1):
    """Extrapolated values of two sizes' samples with correlated points, and their influences."""
    dims = ("observable", "gamma", "g", "beta", "N", "seed")
    shape = (len(FITTED), gammas, points, 1, 2, seeds)
    shared = rng.standard_normal((len(FITTED), gammas, 1, 1, 2, seeds))
    x = np.sqrt(common) * shared + np.sqrt(1.0 - common) * rng.standard_normal(shape)
    centred = (x - x.mean(-1, keepdims=True)) / np.sqrt(seeds * (seeds - 1))
    std = np.sqrt(np.sum(centred**2, axis=(-2, -1)))
    z = z_score(x.mean(-1).sum(-1) / std + shift, np.ones_like(std), np.full_like(std, 2 * (seeds - 1)))
    coords = {"gamma": np.arange(gammas) / 10, "g": np.arange(points) + 1.0, "beta": [1.0]}
    fits = xr.Dataset(coords=coords)
    for name, values in zip(FITTED, z, strict=True):
        fits[f"{name}_z"] = (dims[1:4], values)
        fits[f"{name}_enough"] = (dims[1:4], np.ones_like(values))
    fits["converged"] = (dims[1:4], np.ones(z.shape[1:]))
    influences = xr.Dataset({"influence": (dims, centred), "own": (dims[:4], np.zeros(z.shape))}, coords)
    return fits, influences.assign_coords(observable=list(FITTED))


@pytest.mark.parametrize("common", [0.0, 0.6, 0.95])
def test_p_values_of_a_true_theory_are_even(common):
    found = agreement(*table(np.random.default_rng(0), common=common, gammas=43))["p_value"].values.ravel()
    for level in (0.05, 0.3):
        assert binomtest(int(np.sum(found < level)), found.size, level).pvalue > 0.01, np.mean(found < level)


def test_a_wrong_theory_is_rejected():
    found = agreement(*table(np.random.default_rng(1), shift=4.0))
    assert (found["p_value"] < 1e-3).all()


def test_independent_points_count_fully_and_equal_ones_once():
    assert independent_points(np.eye(5), np.inf) == pytest.approx(5.0)
    assert independent_points(np.ones((5, 5)), np.inf) == pytest.approx(1.0)


def test_chance_correlations_of_few_samples_are_not_taken_for_true_ones():
    rng = np.random.default_rng(2)
    found = [independent_points(np.corrcoef(rng.standard_normal((50, 9))), 8.0) for _ in range(20)]
    assert np.mean(found) > 40


def test_only_converged_points_with_enough_sizes_are_compared():
    fits, influences = table(np.random.default_rng(3), points=4)
    fits["converged"][{"g": 0}] = 0
    fits["q_enough"][{"g": 1}] = 0
    fits["q_z"][{"g": 1}] = 99.0
    fits["q_z"][{"g": 3}] = -7.0
    found = agreement(fits, influences).isel(gamma=0)
    assert found["points"].sel(observable="q") == 2 and found["points"].sel(observable="Y") == 3
    assert found["largest_z"].sel(observable="q") == -7.0
    assert found["largest_z_g"].sel(observable="q") == 4.0
    assert all(v.attrs["long_name"] and v.attrs["units"] == "1" for v in found.data_vars.values())


def test_a_table_without_converged_points_has_no_verdict():
    fits, influences = table(np.random.default_rng(4), points=3)
    fits["converged"][:] = 0
    found = agreement(fits, influences)
    assert (found["points"] == 0).all() and found["p_value"].isnull().all()
