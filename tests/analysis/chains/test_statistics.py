"""Error bars mean what they say: known autocorrelation, coverage, R-hat, cold against hot."""

import numpy as np
import pytest
import xarray as xr
from scipy.stats import binomtest, chi2, norm, t

from nsslib.analysis.chains.statistics import chain_statistics, start_disagreement, two_level


def ar1(rho, shape, rng, mean=0.0):
    """Stationary AR(1) series of unit variance along the last axis; tau = (1 + rho) / (1 - rho)."""
    noise = rng.standard_normal(shape) * np.sqrt(1 - rho**2)
    x = np.empty(shape)
    x[..., 0] = rng.standard_normal(shape[:-1])
    for k in range(1, shape[-1]):
        x[..., k] = rho * x[..., k - 1] + noise[..., k]
    return x + mean


@pytest.mark.parametrize("rho", [0.0, 0.5, 0.9])
def test_tau_and_error_of_an_autoregressive_series(rho):
    series = xr.DataArray(ar1(rho, (160, 4, 2000), np.random.default_rng(1)), dims=("case", "replica", "draw"))
    found = chain_statistics(series, ("replica", "draw"))
    tau = (1 + rho) / (1 - rho)
    assert found["tau"].mean() == pytest.approx(tau, rel=0.08)
    assert np.sqrt((found["err"] ** 2).mean()) == pytest.approx(np.sqrt(tau / 8000), rel=0.08)
    scores = float(((found["mean"] / found["err"]) ** 2).sum())
    assert 0.005 < chi2(160).sf(scores) < 0.995
    assert (found["rhat"] < 1.05).all()


def test_rhat_sees_chains_that_disagree_and_a_single_chain_that_drifts():
    rng = np.random.default_rng(2)
    apart = ar1(0.5, (2, 500), rng) + np.array([[0.0], [2.0]])
    drifting = ar1(0.5, (1, 500), rng) + np.linspace(0, 4, 500)
    still = ar1(0.5, (1, 500), rng)
    rhat = [
        float(chain_statistics(xr.DataArray(x, dims=("pair", "draw")), ("pair", "draw"))["rhat"])
        for x in (apart, drifting, still)
    ]
    assert rhat[0] > 1.2
    assert rhat[1] > 1.2
    assert rhat[2] < 1.05


def test_a_constant_series_is_no_warning():
    found = chain_statistics(xr.DataArray(np.ones((2, 50)), dims=("replica", "draw")), ("replica", "draw"))
    assert float(found["mean"]) == 1.0
    assert np.isnan(found["rhat"])


def test_cold_and_hot_starts_that_disagree_are_seen():
    rng = np.random.default_rng(3)
    hot = xr.DataArray([False, True, False, True], dims="replica")
    same = xr.DataArray(ar1(0.8, (200, 4, 400), rng), dims=("case", "replica", "draw"))
    z = start_disagreement(same, "replica", hot, "draw")
    assert np.sqrt((z**2).mean()) == pytest.approx(1.0, abs=0.25)
    assert (start_disagreement(same + hot, "replica", hot, "draw") > 3).mean() > 0.95


def two_level_data(seeds, disorder, rng, cases=400, draws=400, rho=0.7):
    """Series of `seeds` samples with their own true means, two replicas each."""
    truth = disorder * rng.standard_normal((cases, seeds, 1, 1))
    series = xr.DataArray(ar1(rho, (cases, seeds, 2, draws), rng) + truth, dims=("case", "seed", "replica", "draw"))
    found = chain_statistics(series, ("replica", "draw"))
    return two_level(found["mean"], found["err"])


def covered(seeds, disorder, cases=400):
    """How often the error bar holds the true mean."""
    table = two_level_data(seeds, disorder, np.random.default_rng(seeds), cases=cases)
    return int((np.abs(table["mean"]) < table["err"]).sum())


@pytest.mark.slow
@pytest.mark.parametrize(("seeds", "disorder"), [(1, 0.0), (4, 0.5), (16, 0.3)])
def test_where_one_error_decides_the_bar_covers_68_percent(seeds, disorder):
    assert binomtest(covered(seeds, disorder), 400, 0.6827).pvalue > 0.01


@pytest.mark.slow
@pytest.mark.parametrize("disorder", [0.0, 0.05])
def test_the_larger_of_two_errors_covers_more_by_what_the_maximum_adds(disorder):
    seeds, thermal = 8, (1 + 0.7) / (1 - 0.7) / 800
    least, student = np.sqrt(thermal / (thermal + disorder**2)), t.ppf(norm.cdf(1.0), seeds - 1)
    width = np.maximum(least, student * np.sqrt(chi2(seeds - 1).ppf((np.arange(1000) + 0.5) / 1000) / (seeds - 1)))
    expected = np.mean(2.0 * norm.cdf(width) - 1.0)
    assert expected > 0.7
    assert binomtest(covered(seeds, disorder), 400, expected).pvalue > 0.01


def test_disorder_and_thermal_parts_are_told_apart():
    table = two_level_data(16, 0.3, np.random.default_rng(5), cases=100)
    assert float((table["err_disorder"] ** 2).mean()) == pytest.approx(0.3**2 / 16, rel=0.25)
    tau = (1 + 0.7) / (1 - 0.7)
    assert float((table["err_thermal"] ** 2).mean()) == pytest.approx(tau / 800 / 16, rel=0.15)


def test_absent_samples_are_left_out():
    mean = xr.DataArray([[1.0, 3.0, np.nan], [np.nan] * 3, [2.0, np.nan, np.nan]], dims=("cell", "seed"))
    table = two_level(mean, xr.full_like(mean, 0.1).where(mean.notnull()))
    assert table["n"].values.tolist() == [2, 0, 1]
    np.testing.assert_allclose(table["mean"], [2.0, np.nan, 2.0])
    np.testing.assert_allclose(table["err"][1:], [np.nan, 0.1])
