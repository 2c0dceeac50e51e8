"""Scaling collapse: known g_c and nu come back with intervals that cover them; too little data gives none."""

import numpy as np
import pytest
import xarray as xr

from nsslib.analysis.comparison.collapse import (
    Scaling,
    collapse,
    crossings,
    lagrange,
    scaled,
    scaling,
    scaling_collapse,
)
from nsslib.analysis.sizes.resampling import interval_variables
from nsslib.theory.replica import solve
from tests.analysis.synthetic import coverage, tables

G, N, SEEDS = np.linspace(0.75, 1.25, 7), np.array([32, 64, 128]), 24
TRUE = {"g_c": 1.02, "nu": 2.0}
QUALITY = (0.70, 0.026)
"""Mean quality of a true collapse and its standard error, from 400 other experiments."""


def curves(g_c, nu, N=N):
    return 1.5 * np.tanh(0.5 * (G - g_c) * N[:, None] ** (1.0 / nu))


def resampled(rng, y, replicates=80, noise=0.15):
    """Mean and bootstrap means of realisations around the curves; one moves as a whole and point by point."""
    shape = (SEEDS, len(y), 1), (SEEDS, *y.shape)
    samples = y + sum(noise * rng.standard_normal(s) for s in shape)
    picked = rng.integers(SEEDS, size=(replicates, SEEDS, len(y)))
    mean = samples.mean(axis=0)
    means = samples[picked, np.arange(len(y))].mean(axis=1)
    return np.concatenate([mean[None], mean + np.sqrt(SEEDS / (SEEDS - 1.0)) * (means - mean)])


def test_noiseless_curves_give_the_exact_parameters():
    rng = np.random.default_rng(0)
    y = resampled(rng, curves(**TRUE), noise=1e-5)
    found, _ = collapse(G, N, y)
    assert found[0, 0] == pytest.approx(TRUE["g_c"], abs=0.002)
    assert 1.0 / found[0, 1] == pytest.approx(TRUE["nu"], rel=0.03)
    assert crossings(G, y)[0] == pytest.approx(np.full(2, TRUE["g_c"]), abs=0.003)


def experiments(count):
    """Collapses of `count` independent sets of realisations: g_c, nu and quality along `experiment`."""
    rng, found = np.random.default_rng(1), []
    for _ in range(count):
        fitted, quality = collapse(G, N, resampled(rng, curves(**TRUE)))
        numbers = interval_variables("g_c", fitted[:, 0], np.array(SEEDS), (), "g_c")
        numbers |= interval_variables("nu", 1.0 / fitted[:, 1], np.array(SEEDS), (), "nu")
        found.append(xr.Dataset(numbers).assign(quality=quality))
    return xr.concat(found, "experiment")


@pytest.mark.heavy
def test_intervals_of_g_c_and_nu_cover_the_truth_in_300_experiments():
    found = experiments(300)
    for name, true in TRUE.items():
        near, far = coverage(found, name, true)
        assert near == pytest.approx(0.683, abs=0.08)
        assert far == pytest.approx(0.95, abs=0.04)


@pytest.mark.slow
def test_the_quality_of_a_true_collapse_is_below_1_as_its_two_fitted_parameters_make_it():
    """Misfits of 21 points against two other sizes each are far from independent: two parameters take off a third."""
    quality = experiments(100)["quality"]
    error = np.hypot(float(quality.std(ddof=1)) / np.sqrt(quality.size), QUALITY[1])
    assert abs(float(quality.mean()) - QUALITY[0]) < 3.0 * error


def test_a_wrong_collapse_has_a_large_quality():
    y = resampled(np.random.default_rng(2), curves(**TRUE) + np.array([[0.0], [1.0], [0.0]]))
    _, quality = collapse(G, N, y)
    assert quality > 50.0


def test_an_optimum_on_the_border_of_what_is_searched_is_no_collapse():
    assert collapse(G, N, resampled(np.random.default_rng(5), curves(g_c=1.5, nu=2.0))) is None


def test_two_sizes_or_too_few_couplings_are_not_collapsed():
    rng = np.random.default_rng(3)
    assert collapse(G, N[:2], resampled(rng, curves(**TRUE, N=N[:2]))) is None
    y = resampled(rng, curves(**TRUE))
    y[:, 1, 3:] = np.nan
    assert collapse(G, N, y) is None


def test_curves_that_never_meet_do_not_cross():
    y = resampled(np.random.default_rng(4), np.zeros((3, len(G))) + np.array([[0.0], [5.0], [9.0]]))
    assert np.isnan(crossings(G, y)).all()


def test_local_interpolation_is_exact_for_cubics_and_at_its_nodes():
    x = np.array([0.1, 0.5, 0.6, 1.1, 1.5])
    at = np.array([0.2, 0.55, 1.4])
    np.testing.assert_allclose(lagrange(x, at) @ (x**3 - x), at**3 - at)
    np.testing.assert_allclose(lagrange(x, x), np.eye(5), atol=1e-12)


def test_activity_is_read_where_beta_grows_with_N():
    beta, powers = np.geomspace(1.0, 64.0, 7), Scaling(1.0, 0.5, 0.5)
    q = np.broadcast_to(beta**-0.7, (3, 3, len(G), 7)).copy()
    y, kappa = scaled(q, np.ones((3, len(G), 7), bool), np.array([16, 32, 64]), beta, powers)
    assert kappa == pytest.approx(1.0)
    np.testing.assert_allclose(y[0, :, 0], -0.7 * np.log([16, 32, 64]) + 0.5 * np.log([16, 32, 64]))


@pytest.mark.parametrize("gamma", [0.0, 0.5, 1.0])
def test_powers_of_beta_and_q_are_those_of_the_replica_equations_at_the_edge(gamma):
    """q ~ beta^-(b/a) at g_c."""
    powers = scaling(gamma)
    q = solve(1.0 / (1.0 + gamma), [1e7, 1e8], gamma, branch="zero-overlap")["q"].values
    assert np.log10(q[0] / q[1]) == pytest.approx(powers.q / powers.beta, abs=0.02)


@pytest.mark.parametrize("gamma", [0.0, 0.5, 1.0])
def test_the_power_of_g_is_that_of_the_replica_equations(gamma):
    """q(g_c + e)/q(g_c) depends on e beta^((1/nu)/a) alone."""
    powers = scaling(gamma)
    g_c, ratio = 1.0 / (1.0 + gamma), []
    for beta in (1e8, 1e9):
        e = 0.3 * beta ** (-powers.inverse_nu / powers.beta)
        q = solve([g_c, g_c + e], beta, gamma, branch="zero-overlap")["q"].values
        ratio.append(q[1] / q[0])
    assert ratio[0] > 1.05
    assert ratio[1] == pytest.approx(ratio[0], rel=0.02)


def test_a_first_order_transition_is_not_collapsed():
    coords = {"gamma": [-0.2], "N": N, "g": 1.25 * G, "beta": [1.0, 10.0], "seed": np.arange(4)}
    table, _ = tables(coords, q=1.0)
    q = np.ones((11, 1, 3, len(G), 2))
    found = scaling_collapse(q, np.ones((1, 3, len(G), 2), bool), table)
    assert scaling(-0.2) is None
    assert not found["collapse_nu_enough"].values.any() and np.isnan(found["nu_theory"].values).all()
