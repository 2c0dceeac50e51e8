"""Effective parameters: those of the theory the data were made from, within intervals that cover."""

import numpy as np
import pytest
import xarray as xr
from scipy.stats import binomtest

from nsslib.analysis.comparison.effective import OBSERVED, effective_parameters, fit_parameters, replica_curve
from nsslib.analysis.intervals import ONE_SIGMA, PROB, half_width
from nsslib.analysis.sizes.extrapolation import FITTED

TIMES = 300
# Errors of q, R_int, Y and l2, correlated as those of one set of samples are.
MIXING = np.array([[1.0, 0.0, 0.0, 0.0], [-0.5, 0.7, 0.0, 0.0], [0.1, 0.2, 0.6, 0.0], [1.2, 0.0, 0.1, 0.5]])


@pytest.mark.parametrize(("g", "beta", "gamma"), [(0.8, 10.0, 0.0), (1.2, 30.0, 0.0), (0.7, 20.0, 0.5)])
def test_parameters_of_the_theory_are_recovered(g, beta, gamma):
    measured = replica_curve(gamma, 0.0, "tanh", beta)(g, beta)
    # As sampled and taken for another g and beta.
    curve = replica_curve(gamma, 0.0, "tanh", beta)
    C = 1e-6 * MIXING @ MIXING.T
    found = fit_parameters(measured, C, 50.0, curve, 1.1 * g, 0.8 * beta, ("g", "beta"))
    np.testing.assert_allclose(found.values, [g, beta], rtol=1e-4)
    alone = fit_parameters(measured, C, 50.0, curve, 1.1 * g, beta, ("g",))
    np.testing.assert_allclose(alone.values, [g], rtol=1e-4)


def test_samples_of_another_beta_are_recognised():
    """R_int and Y of what is sampled at beta = 8 and analysed as if at 10."""
    at = replica_curve(0.0, 0.0, "tanh", 8.0)(1.1, 8.0)
    measured = np.array([at[0], at[1] * 10.0 / 8.0, (1.0 + at[2]) * 10.0 / 8.0 - 1.0, at[3]])
    found = fit_parameters(
        measured, 1e-6 * np.eye(4), np.inf, replica_curve(0.0, 0.0, "tanh", 10.0), 1.1, 10.0, ("g", "beta")
    )
    np.testing.assert_allclose(found.values, [1.1, 8.0], rtol=1e-4)


@pytest.mark.parametrize("names", [("g",), ("g", "beta")])
@pytest.mark.parametrize("dof", [8, 40])
def test_intervals_cover_and_p_values_are_even(dof, names):
    exact, rng = replica_curve(0.0, 0.0, "tanh", 30.0), np.random.default_rng(dof + len(names))
    middle, step = exact(1.2, 30.0), 1e-4
    slopes = [(exact(1.2 * (1 + a), 30.0 * (1 + b)) - middle) / step for a, b in ((step, 0.0), (0.0, step))]

    def straight(g, beta):
        return middle + np.log(g / 1.2) * slopes[0] + np.log(beta / 30.0) * slopes[1]

    covered, bad = {ONE_SIGMA: 0, PROB: 0}, 0
    for _ in range(TIMES):
        noise = 0.003 * rng.standard_normal((dof + 1, 4)) @ MIXING.T
        C = (noise[1:].T @ noise[1:]) / dof
        found = fit_parameters(middle + noise[0], C, dof, straight, 1.2, 30.0, names)
        off = abs(found.values[0] - 1.2)
        for prob in covered:
            covered[prob] += off <= half_width(found.std, found.t_dof, prob)[0]
        bad += found.p_value < 0.05
    for prob, times in covered.items():
        assert binomtest(int(times), TIMES, prob).pvalue > 0.01, times / TIMES
    assert binomtest(int(bad), TIMES, 0.05).pvalue > 0.01


@pytest.mark.parametrize(
    ("C", "dof", "shift"),
    [(np.eye(4), 3.0, 0.0), (np.ones((4, 4)), 50.0, 0.0), (1e-8 * np.eye(4), 50.0, 50.0)],
    ids=["too few samples", "singular", "out of range"],
)
def test_a_fit_that_fails_gives_nothing(C, dof, shift):
    curve = replica_curve(0.0, 0.0, "tanh", 10.0)
    assert fit_parameters(curve(1.0, 10.0) + shift, C, dof, curve, 1.0, 10.0, ("g",)) is None


def fitted_table(rng, seeds=16, std=0.002):
    """Points about theory as of `extrapolate`; the first is not converged, the second has too few sizes."""
    coords = {"gamma": [0.0], "g": [0.8, 1.2], "beta": [5.0, 20.0]}
    dims, shape = ("gamma", "g", "beta"), (1, 2, 2)
    noise = std * rng.standard_normal((*shape, seeds, 4)) @ MIXING.T
    influence = np.zeros((len(FITTED), *shape, 1, seeds))
    fits = xr.Dataset(coords=coords)
    for k, name in enumerate(OBSERVED):
        truth = [[replica_curve(0.0, 0.0, "tanh", b)(g, b)[k] for b in coords["beta"]] for g in coords["g"]]
        values = noise[..., k]
        fits[name] = (dims, truth + values.mean(-1))
        fits[f"{name}_enough"] = (dims, np.ones(shape))
        scale = np.sqrt(seeds * (seeds - 1))
        influence[FITTED.index(name), ..., 0, :] = (values - values.mean(-1, keepdims=True)) / scale
    fits["converged"] = (dims, np.array([[[0, 1], [1, 1]]]))
    fits["Y_enough"][{"g": 0, "beta": 1}] = 0
    influences = xr.Dataset(
        {
            "influence": (("observable", *dims, "N", "seed"), influence),
            "own": (("observable", *dims), np.zeros((len(FITTED), *shape))),
        },
        coords | {"observable": list(FITTED)},
    )
    return fits, influences


def test_a_table_made_from_theory_agrees_with_it():
    found = effective_parameters(*fitted_table(np.random.default_rng(0))).isel(gamma=0)
    assert np.all(np.abs(found["g_fit"] - found["g"]) < 3 * found["g_fit_err"])
    assert np.all(np.abs(found["g_eff"] - found["g"]) < 3 * found["g_eff_err"])
    assert np.all(np.abs(found["beta_eff"] - found["beta"]) < 3 * found["beta_eff_err"])
    np.testing.assert_array_equal(found["converged"], [[0, 0], [1, 1]])
    assert found["points"] == 2
    assert found["within_2"] == np.mean(abs(found["g_fit_z"].values[1]) <= 2.0)
    assert all(v.attrs["long_name"] and v.attrs["units"] == "1" for v in found.data_vars.values())


def test_a_point_without_values_stays_empty():
    fits, influences = fitted_table(np.random.default_rng(1))
    fits["q"][{"g": 0, "beta": 0}] = np.nan
    found = effective_parameters(fits, influences).isel(gamma=0)
    assert found["g_fit"].isnull().values.tolist() == [[True, False], [False, False]]
