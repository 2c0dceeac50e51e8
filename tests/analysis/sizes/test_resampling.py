"""Bootstrap over seeds: cells are resampled together, variances have no bias, few seeds are no Gaussian."""

import numpy as np
import pytest
import xarray as xr
from scipy.stats import norm, t

from nsslib.analysis.sizes.resampling import bootstrap_means, described, resampled_seeds, variance, z_score


def per_seed(values):
    """(g, beta, seed) values at one gamma and N."""
    coords = {"gamma": [0.0], "N": [8]}
    return xr.DataArray(np.asarray(values, float)[None, None], coords, ("gamma", "N", "g", "beta", "seed"))


def test_resampled_seeds_are_the_same_every_time_and_others_for_another_size():
    assert (resampled_seeds(5, 8, 0.5) == resampled_seeds(5, 8, 0.5)).all()
    assert (resampled_seeds(5, 8, 0.5) != resampled_seeds(5, 16, 0.5)).any()
    assert (resampled_seeds(5, 8, 0.5) != resampled_seeds(5, 8, -0.5)).any()


def test_cells_of_a_sample_are_resampled_together():
    values = np.random.default_rng(0).standard_normal(6)
    draws = bootstrap_means(per_seed([[values, 2.0 * values + 1.0]]))[:, 0, 0, 0]
    np.testing.assert_allclose(draws[:, 1], 2.0 * draws[:, 0] + 1.0)
    np.testing.assert_allclose(draws[0, 0], values.mean())


@pytest.mark.parametrize("n", [2, 3, 20])
def test_the_variance_is_that_of_the_mean_without_bias(n):
    values = np.random.default_rng(1).standard_normal(n)
    found = variance(bootstrap_means(per_seed([[values]]), draws=20000))
    assert found.item() == pytest.approx(values.var(ddof=1) / n, rel=0.05)


def test_seeds_that_lack_a_cell_are_left_out_there():
    draws = bootstrap_means(per_seed([[[1.0, 3.0, np.nan, np.nan], [1.0, 3.0, 5.0, 7.0], [9.0] + 3 * [np.nan]]]))
    assert draws[0, 0, 0, 0].tolist() == [2.0, 4.0, 9.0]
    assert np.isnan(draws[1:, 0, 0, 0, 2]).all(), "one seed says nothing about its scatter"


def test_one_seed_has_no_error():
    found = described(bootstrap_means(per_seed([[[1.0]]])), np.ones((1, 1, 1, 1)), ("gamma", "N", "g", "beta"), "x")
    assert all(np.isnan(v.values).all() for v in found.values())


def test_intervals_have_students_width():
    draws = np.concatenate([[0.0], np.random.default_rng(2).standard_normal(400)])
    found = described(draws, np.array(3), (), "x")
    width = np.sqrt(variance(draws))
    assert float(found["_err"]) == pytest.approx(t.ppf(norm.cdf(1.0), 2) * width)
    assert float(found["_high"]) == pytest.approx(t.ppf(0.975, 2) * width)


def test_a_z_score_has_the_probability_of_students_ratio():
    draws = np.concatenate([[-6.0], np.random.default_rng(3).standard_normal(400)])
    ratio = 6.0 / np.sqrt(variance(draws))
    assert norm.sf(-z_score(draws, np.array(4))) == pytest.approx(t.sf(ratio, 3))
    assert z_score(draws, np.array(10**6)) == pytest.approx(-ratio, rel=1e-3)
