"""Transition line, cusp, amplitudes and exponents: computed from the equations, against asymptotics."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.optimize import brentq

from nsslib.errors import UserError
from nsslib.model.couplings import couplings
from nsslib.model.transfer import transfer
from nsslib.theory.replica import linear_phase, solve, transition
from nsslib.theory.replica.equations import Point
from nsslib.theory.replica.expansions import (
    amplitude,
    asymptotic_activity,
    cubic,
    exponent,
    limits,
    linear_instability,
    onset,
    response_peak,
)
from nsslib.theory.replica.linear_phase import response_maximum
from nsslib.theory.replica.zero_overlap import paramagnets


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


def confined(g, gamma, eta):
    """R_int, beta q and excess of the linear phase by bisection of the three equations as printed, beta = 1."""

    def sides(q):
        """R_int, qh and 1/q - 1/<x^2>, where <x^2> is that of a Gaussian."""
        v = 1 + g**2 * q
        R = q / (v + g**2 * gamma * q)
        kappa = g**2 * gamma * R
        qh = g**2 * ((1 - kappa) ** 2 * q / v**2 - 1 / v)
        return R, qh, 1 / q - ((1 - kappa) ** 2 / v - qh + 2 * eta)

    q = brentq(lambda q: sides(q)[2], 1e-4, 1 / eta, xtol=1e-15, rtol=1e-14)
    R, qh, _ = sides(q)
    return R, q, np.log(q / (1 + g**2 * q)) / 2 - (q * qh + g**2 * gamma * R**2) / 2


@pytest.mark.parametrize("eta", [1e-3, 0.1, 2.0])
@pytest.mark.parametrize("gamma", [-1.0, -0.4, 0.0, 0.6, 1.0])
def test_confined_linear_phase_has_no_transition(gamma, eta):
    """eta > 0, beta = inf: one solution at every g, stable, analytic through g_c; and the limit of large beta."""
    g_c = min(float(transition(gamma)), 5.0)
    for g in (0.6 * g_c, g_c, 1.7 * g_c):
        exact, frozen = linear_phase(g, gamma, eta), solve(g, np.inf, gamma, eta)
        np.testing.assert_allclose(exact, confined(g, gamma, eta), rtol=1e-10)
        np.testing.assert_allclose(frozen.R_int, exact.R_int, rtol=1e-12)
        assert frozen.q == 0.0 and frozen.replicon < 1.0
        cold = solve(g, 1e8, gamma, eta, branch="zero-overlap")
        np.testing.assert_allclose([cold.R_int, 1e8 * cold.q], [exact.R_int, exact.beta_q], rtol=1e-3)
    # A polynomial in g reproduces it to its truncation error: a cusp or a kink would show at first order.
    g = g_c + 0.02 * np.cos(np.pi * (np.arange(16) + 0.5) / 16)
    at = np.linspace(g[-1], g[0], 101)
    for curve, values in zip(linear_phase(g, gamma, eta), linear_phase(at, gamma, eta), strict=True):
        fit = np.polynomial.Chebyshev.fit(g, curve, 15)
        np.testing.assert_allclose(fit(at), values, rtol=1e-7)


def test_confined_linear_phase_of_a_large_matrix():
    """beta q and the excess are spectral averages of (1 - J)^T (1 - J) + 2 eta, beyond g_c too."""
    A = np.eye(1000) - 1.4 * couplings(1000, 0.4, seed=2)
    hessian = A.T @ A + 0.1 * np.eye(1000)
    inverse = np.linalg.inv(hessian)
    measured = [np.trace(inverse @ A.T) / 1000, np.trace(inverse) / 1000, -np.linalg.slogdet(hessian)[1] / 2000]
    np.testing.assert_allclose(linear_phase(1.4, 0.4, 0.05), measured, rtol=0.01)


@pytest.mark.parametrize(("gamma", "eta"), [(0.2, 1e-3), (0.5, 1e-5), (0.5, 0.03), (1.0, 0.1)])
def test_maximum_that_confinement_leaves_of_the_cusp(gamma, eta):
    np.testing.assert_allclose(response_peak(gamma, eta=eta), response_maximum(gamma, eta), rtol=1e-6)


def test_the_maximum_becomes_the_cusp_and_vanishes():
    np.testing.assert_allclose(response_maximum(0.5, 1e-15), [1 / 1.5, 1.5], rtol=1e-4)
    # beta q ~ eta^(-1/3) at g_c.
    q = linear_phase(1 / 1.5, 0.5, np.array([1e-9, 1e-12])).beta_q
    np.testing.assert_allclose(q[1] / q[0], 10.0, rtol=1e-3)
    for call in (response_maximum, lambda gamma, eta: response_peak(gamma, eta=eta)):
        assert call(0.5, 0.0999)[0] < 0.1
        with pytest.raises(UserError, match="eta"):
            call(0.5, 0.1)


@pytest.mark.parametrize(("phi", "c"), [("tanh", 1 / 3), ("erf", np.pi / 12)])
@pytest.mark.parametrize("gamma", [0.0, 0.5, 1.0])
def test_onset_at_fixed_beta_eta(gamma, phi, c):
    h = 1.2 * c
    np.testing.assert_allclose(onset(gamma, phi, h), 1 / np.sqrt((1 + gamma) * (1 - h / (3 * c))), rtol=1e-6)
    with pytest.raises(UserError, match="confinement"):
        onset(gamma, phi, 3 * c)
    # Finite temperatures approach it: beta^(-1/2) below, the activity of beta = inf above.
    start, f = onset(gamma, phi, h), transfer(phi)
    between = 0.5 * (start + float(transition(gamma)))
    below = [float(solve(between, beta, gamma, h / beta, phi).q) for beta in (1e6, 1e8)]
    np.testing.assert_allclose(below[0] / below[1], 10.0, rtol=0.01)
    frozen = max(s.order.q for s in paramagnets([Point(1.1 * start, 0.0, gamma, h, f)])[0])
    away = [abs(float(solve(1.1 * start, beta, gamma, h / beta, phi).q) / frozen - 1.0) for beta in (1e6, 1e8)]
    assert away[1] < 2e-5 and away[1] < 0.02 * away[0]


@pytest.mark.parametrize("gamma", [-0.2, -0.8])
def test_confinement_removes_the_overlap(gamma):
    """gamma < 0: the zero-overlap branch is unstable in a window of g that closes as beta eta grows."""
    g = np.linspace(0.8, 2.5, 35) / (1 + gamma)
    unstable = [
        int((solve(g, 1e4, gamma, h / 1e4, branch="zero-overlap").replicon > 1.0).sum()) for h in (0.0, 0.03, 0.1, 1.0)
    ]
    assert unstable[0] >= unstable[1] > unstable[2] > unstable[3] == 0


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


@pytest.mark.parametrize("gamma", [-0.2, pytest.param(-0.5, marks=pytest.mark.heavy)])
def test_finite_overlap_starts_at_the_transition_line(gamma):
    """gamma < 0: at g_c the activity with overlap falls as beta^(-1/3), above it stays, below it is linear."""
    g_c = float(transition(gamma))
    at = [exponent(g_c, beta, gamma, branch="finite-overlap") for beta in (1e4, 1e6)]
    assert abs(at[1] - 1 / 3) < 3e-3 and abs(at[1] - 1 / 3) < abs(at[0] - 1 / 3)
    assert abs(exponent(1.1 * g_c, 1e6, gamma, branch="finite-overlap")) < 0.02
    below = solve(0.95 * g_c, 1e6, gamma)
    assert below.branch == "zero-overlap" and below.q < 1e-4 and below.replicon < 1.0
