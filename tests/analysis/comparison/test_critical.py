"""Critical behaviour: known exponents and bends are recovered with honest errors, or said to be unknown."""

import numpy as np
import pytest
import xarray as xr

from nsslib.analysis.comparison.critical import asymptotic_exponent, critical_behaviour, sharpest_bend, vertex
from nsslib.theory.replica.expansions import exponent
from tests.analysis.synthetic import coverage, tables

BETA = np.geomspace(1.0, 1000.0, 7)


def stable(table):
    """Theory without an overlap and far from any instability."""
    shape = table["q"].values[:, -1].shape
    return {name: (("gamma", "g", "beta"), np.zeros(shape)) for name in ("replicon", "Q")}


def behaviour(coords, q=1.0, R_int=1.0, spoil=lambda table: None):
    table, seeds = tables(coords, q=q, R_int=R_int)
    spoil(table)
    theory = xr.Dataset(
        {name: (("gamma", "g", "beta"), table[name].values[:, -1]) for name in ("q", "R_int")} | stable(table),
        {k: coords[k] for k in ("gamma", "g", "beta")},
    )
    return critical_behaviour(table, seeds, theory)


def powers(slope, count, n, rng):
    """`count` independent experiments along g: q = beta^slope with noise that a sample shares over beta."""
    coords = {"gamma": [0.0], "N": [32], "g": 2.0 + np.arange(count), "beta": BETA, "seed": np.arange(n)}
    noise = 0.3 * rng.standard_normal((count, 1, n)) + 0.2 * rng.standard_normal((count, len(BETA), n))
    return coords, BETA[:, None] ** slope * (1.0 + noise)


@pytest.mark.parametrize("slope", [-1.0, -0.5, 0.0])
def test_a_known_exponent_is_recovered_and_its_intervals_cover_it_in_300_experiments(slope):
    coords, q = powers(slope, 300, 24, np.random.default_rng(0))
    found = behaviour(coords, q)
    near, far = coverage(found, "exponent", slope)
    assert near == pytest.approx(0.683, abs=0.08)
    assert far == pytest.approx(0.95, abs=0.04)
    assert abs(float(found["exponent"].mean()) - slope) < 0.01


def test_the_excess_over_theory_is_extrapolated_in_N_with_intervals_that_cover():
    rng, N, count, n = np.random.default_rng(4), np.array([32, 64, 128]), 300, 24
    coords = {"gamma": [0.0], "N": N, "g": 2.0 + np.arange(count), "beta": BETA, "seed": np.arange(n)}
    noise = 0.2 * rng.standard_normal((3, count, len(BETA), n))
    table, seeds = tables(coords, q=BETA[:, None] ** (-1.0 + 4.0 / N)[:, None, None, None] * (1.0 + noise), R_int=1.0)
    dims, shape = ("gamma", "g", "beta"), (1, count, len(BETA))
    curve = {"q": np.broadcast_to(BETA**-1.0, shape), "R_int": np.ones(shape)}
    theory = xr.Dataset({k: (dims, v) for k, v in curve.items()} | stable(table), {k: coords[k] for k in dims})
    found = critical_behaviour(table, seeds, theory)
    near, far = coverage(found, "exponent_excess", 0.0)
    assert near == pytest.approx(0.683, abs=0.08)
    assert far == pytest.approx(0.95, abs=0.04)
    assert float((abs(found["exponent_excess_z"]) < 2.0).mean()) == pytest.approx(0.954, abs=0.04)


def test_the_exponent_is_that_of_the_last_decade_of_converged_beta():
    coords, q = powers(-1.0, 1, 8, np.random.default_rng(1))
    q[..., BETA > 50.0, :] = 1.0  # not converged, and flat

    def spoil(table):
        table["converged"][..., BETA > 50.0] = 0

    found = behaviour(coords, q, spoil=spoil).squeeze()
    assert float(found["exponent"]) == pytest.approx(-1.0, abs=5 * float(found["exponent_err"]))
    assert float(found["exponent_beta_max"]) == pytest.approx(BETA[3])
    assert float(found["exponent_beta_min"]) == pytest.approx(BETA[1])


@pytest.mark.parametrize("left", [0, 2])
def test_fewer_than_three_converged_beta_give_no_exponent(left):
    coords, q = powers(-1.0, 1, 8, np.random.default_rng(2))

    def spoil(table):
        table["converged"][..., left:] = 0

    found = behaviour(coords, q, spoil=spoil).squeeze()
    assert np.isnan(found["exponent"]) and not found["exponent_enough"]


@pytest.mark.parametrize(
    ("gamma", "g"), [(0.0, 0.8), (0.0, 1.0), (0.0, 1.3), (0.5, 0.5), (0.5, 2 / 3), (0.5, 0.75), (0.5, 1.5**-0.5)]
)
def test_the_predicted_exponents_are_the_limits_of_the_equations(gamma, g):
    assert asymptotic_exponent(g, gamma) == pytest.approx(-exponent(g, 1e9, gamma), abs=0.03)


def test_nothing_is_predicted_where_the_branch_jumps_or_is_confined():
    assert np.isnan(asymptotic_exponent(0.9, -0.2))
    assert np.isnan(asymptotic_exponent(0.9, 0.0, eta=0.1))


def test_the_vertex_of_a_parabola_is_exact_on_any_grid():
    x = np.array([0.0, 0.2, 0.5, 0.9, 1.0, 1.4])
    assert vertex(x, 3.0 - (x - 0.61) ** 2) == pytest.approx(0.61)
    assert np.isnan(vertex(x, x)), "no maximum inside"
    assert np.isnan(vertex(x, np.where(x == 0.2, np.nan, 3.0 - (x - 0.61) ** 2))), "a neighbour is missing"


def test_a_kink_without_a_maximum_is_found():
    g = np.linspace(0.7, 1.3, 13)
    y = -0.05 * np.logaddexp(0.0, (g - 1.02) / 0.05)
    assert sharpest_bend(g, y) == pytest.approx(1.02, abs=0.005)
    assert np.isnan(vertex(g, y))


@pytest.mark.heavy
def test_the_maximum_of_the_response_is_extrapolated_in_N_with_intervals_that_cover():
    rng = np.random.default_rng(3)
    N, g, n, true = np.array([32, 64, 128]), np.linspace(0.5, 0.8, 7), 24, 2 / 3
    found = []
    for _ in range(300):
        maximum = true + 2.0 / N[:, None] + 0.01 * rng.standard_normal((3, n))
        curve = 1.5 - 4.0 * (g[:, None] - maximum[:, None, :]) ** 2
        coords = {"gamma": [0.5], "N": N, "g": g, "beta": [10.0], "seed": np.arange(n)}
        table, seeds = tables(coords, R_int=curve[None, :, :, None], q=1.0)
        theory = xr.Dataset(
            {k: (("gamma", "g", "beta"), np.ones((1, 7, 1))) for k in ("q", "R_int")} | stable(table),
            {k: coords[k] for k in ("gamma", "g", "beta")},
        )
        found.append(critical_behaviour(table, seeds, theory)[[f"peak_limit{k}" for k in ("", "_err", "_interval")]])
    near, far = coverage(xr.concat(found, "experiment"), "peak_limit", true)
    assert near == pytest.approx(0.683, abs=0.08)
    assert far == pytest.approx(0.95, abs=0.04)


def test_one_of_everything_is_flagged_and_nothing_breaks():
    coords = {"gamma": [0.0], "N": [8], "g": [1.0], "beta": [3.0], "seed": [0]}
    found = behaviour(coords)
    flags = [name for name in found if name.endswith("_enough")]
    assert len(flags) >= 6
    assert not any(found[name].any() for name in flags)


def test_every_variable_says_what_it_is():
    coords, q = powers(-1.0, 2, 4, np.random.default_rng(5))
    for variable in behaviour(coords, q).data_vars.values():
        assert variable.attrs["long_name"] and variable.attrs["units"] == "1"
