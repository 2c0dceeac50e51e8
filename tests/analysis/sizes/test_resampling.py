"""Bootstrap over seeds: points are resampled together, variances have no bias, few seeds are no Gaussian."""

import numpy as np
import pytest
import xarray as xr
from scipy.stats import norm, t

from nsslib.analysis.intervals import TABLE
from nsslib.analysis.sizes.resampling import bootstrap_means, interval_variables, resampled_seeds, variance


def per_seed(values):
    """(g, beta, seed) values at one gamma and N."""
    coords = {"gamma": [0.0], "N": [8]}
    return xr.DataArray(np.asarray(values, float)[None, None], coords, ("gamma", "N", "g", "beta", "seed"))


def test_resampled_seeds_are_the_same_every_time_and_others_for_another_size():
    assert (resampled_seeds(5, 8, 0.5) == resampled_seeds(5, 8, 0.5)).all()
    assert (resampled_seeds(5, 8, 0.5) != resampled_seeds(5, 16, 0.5)).any()
    assert (resampled_seeds(5, 8, 0.5) != resampled_seeds(5, 8, -0.5)).any()


def test_points_of_a_realisation_are_resampled_together():
    values = np.random.default_rng(0).standard_normal(6)
    replicates = bootstrap_means(per_seed([[values, 2.0 * values + 1.0]]))[:, 0, 0, 0]
    np.testing.assert_allclose(replicates[:, 1], 2.0 * replicates[:, 0] + 1.0)
    np.testing.assert_allclose(replicates[0, 0], values.mean())


@pytest.mark.parametrize("n", [2, 3, 20])
def test_the_variance_is_that_of_the_mean_without_bias(n):
    values = np.random.default_rng(1).standard_normal(n)
    found = variance(bootstrap_means(per_seed([[values]]), replicates=20000))
    assert found.item() == pytest.approx(values.var(ddof=1) / n, rel=0.05)


def test_seeds_that_lack_a_point_are_left_out_there():
    replicates = bootstrap_means(per_seed([[[1.0, 3.0, np.nan, np.nan], [1.0, 3.0, 5.0, 7.0], [9.0] + 3 * [np.nan]]]))
    assert replicates[0, 0, 0, 0].tolist() == [2.0, 4.0, 9.0]
    assert np.isnan(replicates[1:, 0, 0, 0, 2]).all(), "one seed says nothing about its scatter"


def test_one_seed_has_no_error_and_is_not_enough():
    found = interval_variables("x", bootstrap_means(per_seed([[[1.0]]])), np.ones((1, 1, 1, 1)), TABLE, "x")
    assert all(np.isnan(found[name].values).all() for name in ("x", "x_err", "x_interval"))
    assert not found["x_enough"].values.any()


def test_intervals_have_students_width_and_say_their_probability():
    replicates = np.concatenate([[0.5], np.random.default_rng(2).standard_normal(400)])
    found = xr.Dataset(interval_variables("x", replicates, np.array(3), (), "x"))
    width = np.sqrt(variance(replicates))
    assert float(found["x_err"]) == pytest.approx(t.ppf(norm.cdf(1.0), 2) * width)
    interval = found["x_interval"]
    assert interval.attrs["prob"] == 0.95
    assert float(interval.sel(bound="high")) == pytest.approx(0.5 + t.ppf(0.975, 2) * width)
    assert float(interval.sel(bound="low")) == pytest.approx(0.5 - t.ppf(0.975, 2) * width)
    assert found["x_enough"] and all(v.attrs["long_name"] and v.attrs["units"] == "1" for v in found.variables.values())


def test_the_distance_from_zero_has_the_probability_of_students_ratio():
    replicates = np.concatenate([[-6.0], np.random.default_rng(3).standard_normal(400)])
    ratio = 6.0 / np.sqrt(variance(replicates))

    def z(seeds):
        return float(interval_variables("x", replicates, np.array(seeds), (), "x", against_zero=True)["x_z"])

    assert norm.sf(-z(4)) == pytest.approx(t.sf(ratio, 3))
    assert z(10**6) == pytest.approx(-ratio, rel=1e-3)
