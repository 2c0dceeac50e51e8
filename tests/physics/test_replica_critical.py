"""Transition line, cusp, amplitudes and exponents: computed from the equations, against asymptotics."""

from __future__ import annotations

import numpy as np
import pytest

from nsslib.errors import UserError
from nsslib.theory import solve, transition
from nsslib.theory.critical import (
    amplitude,
    asymptotic_activity,
    cubic,
    exponent,
    limits,
    linear_instability,
    onset,
    response_peak,
)


@pytest.mark.parametrize("gamma", [-0.8, -0.3, 0.0, 0.4, 1.0])
def test_transition_line(gamma):
    np.testing.assert_allclose(linear_instability(gamma), transition(gamma), rtol=1e-8)


@pytest.mark.parametrize("gamma", [0.2, 0.5, 1.0])
def test_cusp_of_the_response(gamma):
    np.testing.assert_allclose(response_peak(gamma), [1 / (1 + gamma), 1 + gamma], rtol=1e-6)
    g, height = response_peak(gamma, beta=1e4)
    assert height < 1 + gamma
    for h in (-1e-3, 1e-3):
        assert solve(g + h, 1e4, gamma, branch="zero-overlap").R_int < height
    with pytest.raises(UserError, match="gamma"):
        response_peak(-0.1)


@pytest.mark.parametrize(("phi", "c"), [("tanh", 1 / 3), ("erf", np.pi / 12)])
@pytest.mark.parametrize("gamma", [0.0, 0.2, 0.5, 1.0])
def test_onset_of_the_frozen_activity(gamma, phi, c):
    np.testing.assert_allclose(cubic(phi), c, rtol=1e-7)
    np.testing.assert_allclose(onset(gamma, phi), 1 / np.sqrt(1 + gamma), rtol=1e-7)
    np.testing.assert_allclose(amplitude(gamma, phi), np.sqrt(1 + gamma) / (c * (3 + gamma)), rtol=2e-6)


def test_no_onset_at_negative_gamma():
    for function in (onset, amplitude):
        with pytest.raises(UserError, match="gamma"):
            function(-0.2)


@pytest.mark.parametrize("gamma", [0.0, 0.2, 0.5, 1.0])
def test_activities_approach_their_asymptotes(gamma):
    """The corrections fall with beta as they must; so do those of the local exponents."""
    cold, colder = limits(gamma, 1e6), limits(gamma, 1e8)
    for name, tolerance in (("q", 0.02), ("exponent", 4e-3)):
        errors = [np.abs(s[name] / s[f"{name}_limit"] - 1).values for s in (cold, colder)]
        assert errors[1].max() < tolerance
        # The slowest correction is beta^(-1/4), a factor 0.32 from 1e6 to 1e8, with higher ones beside it.
        assert (errors[1] < 0.4 * errors[0]).all()


@pytest.mark.parametrize(("gamma", "g"), [(0.0, 0.99), (0.0, 1.0), (0.5, 0.667), (0.5, 0.7), (0.5, 0.815), (1.0, 0.5)])
def test_one_leading_order_for_all_regimes(gamma, g):
    for beta in (1e6, 1e8):
        q = float(solve(g, beta, gamma, branch="zero-overlap").q)
        # What is left out is smaller by a factor q, or t/q.
        np.testing.assert_allclose(asymptotic_activity(g, beta, gamma), q, rtol=q + 1 / (beta * q))


def test_exponent_is_the_local_slope():
    q = solve(0.75, [1e5 * np.exp(h) for h in (-0.01, 0.01)], 0.5, branch="zero-overlap").q.values
    np.testing.assert_allclose(exponent(0.75, 1e5, 0.5), -np.log(q[1] / q[0]) / 0.02, rtol=1e-5)
    assert np.isnan(exponent(0.9, 100.0, 0.5, branch="finite-overlap"))


@pytest.mark.parametrize("gamma", [-0.2, pytest.param(-0.5, marks=pytest.mark.slow)])
def test_finite_overlap_starts_at_the_transition_line(gamma):
    """gamma < 0: at g_c the activity with overlap falls as beta^(-1/3), above it stays, below it is linear."""
    g_c = float(transition(gamma))
    at = [exponent(g_c, beta, gamma, branch="finite-overlap") for beta in (1e4, 1e6)]
    assert abs(at[1] - 1 / 3) < 3e-3 and abs(at[1] - 1 / 3) < abs(at[0] - 1 / 3)
    assert abs(exponent(1.1 * g_c, 1e6, gamma, branch="finite-overlap")) < 0.02
    below = solve(0.95 * g_c, 1e6, gamma)
    assert below.branch == "zero-overlap" and below.q < 1e-4 and below.replicon < 1.0
