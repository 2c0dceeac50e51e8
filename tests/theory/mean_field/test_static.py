"""Static mean field of the network against roots, quadrature and the replica theory."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.integrate import quad
from scipy.optimize import brentq

from nsslib.errors import UserError
from nsslib.model.transfer import transfer
from nsslib.theory.mean_field.static import static_mean_field
from nsslib.theory.replica import linear_phase, solve


def same_sign_root(n, w, phi):
    """x = n + w phi(x) with the sign of n; above the unit's own roots the left-hand side grows fastest."""
    return brentq(lambda x: x - n - w * float(phi.value(np.array(x))), 1e-12, n + abs(w) + 1.0, xtol=1e-14)


@pytest.mark.parametrize(
    ("g", "gamma", "phi"),
    [
        (1.1, 0.0, "tanh"),
        (0.75, 0.5, "tanh"),
        (1.2, 0.5, "erf"),
        (2.0, -0.3, "tanh"),
        (2.0, 1.0, "tanh"),
        (4.0, 0.8, "erf"),
    ],
)
def test_averages_over_the_noise(g, gamma, phi):
    """C and R = E[phi'/(1 - w phi')] as averages over n, x solved for at every n; bistable units included."""
    s, f = static_mean_field(g, gamma, phi), transfer(phi)
    width = g * np.sqrt(s.C)

    def average(observable):
        def integrand(n):
            x = np.array(same_sign_root(n, s.w, f))
            return float(observable(x)) * np.exp(-0.5 * (n / width) ** 2)

        value, _ = quad(integrand, 1e-13, 9.0 * width, limit=400, epsabs=1e-13, epsrel=1e-11, points=[0.01, 0.1, width])
        return value * 2.0 / (np.sqrt(2.0 * np.pi) * width)

    np.testing.assert_allclose(average(lambda x: f.value(x) ** 2), s.C, rtol=1e-8)
    np.testing.assert_allclose(average(lambda x: x**2), s.l2, rtol=1e-8)
    np.testing.assert_allclose(average(lambda x: f.derivative(x) / (1 - s.w * f.derivative(x))), s.R, rtol=1e-7)
    # Integration by parts: E[n phi]/width^2 is the response with the jumps at n = 0.
    n_phi = average(lambda x: (x - s.w * f.value(x)) * f.value(x)) / width**2
    np.testing.assert_allclose(n_phi, s.R + s.jump, rtol=1e-7)


@pytest.mark.parametrize(("g", "gamma"), [(2.0, 1.0), (3.0, 0.9)])
def test_probability_of_three_solutions(g, gamma):
    s = static_mean_field(g, gamma)
    rng = np.random.default_rng(1)
    n = g * np.sqrt(s.C) * np.abs(rng.standard_normal(400_000))
    x = -np.linspace(0.0, 3.0, 4001)
    # A second and a third root exist where x - w phi(x) exceeds n at some x < 0.
    highest = (x - s.w * np.tanh(x)).max()
    fraction = (n < highest).mean()
    assert s.w > 1.0
    np.testing.assert_allclose(fraction, s.multivalued, atol=4.0 * np.sqrt(s.multivalued / 4e5), rtol=1e-4)


@pytest.mark.parametrize("g", [1.05, 1.1, 1.5])
def test_replica_theory_without_reciprocity(g):
    """gamma = 0: C = q and R = R_int at beta = inf."""
    s, replica = static_mean_field(g), solve(g, np.inf)
    np.testing.assert_allclose([s.C, s.R, s.l2], [replica.q, replica.R_int, replica.l2], rtol=1e-8)


def test_reciprocity_separates_the_two_theories():
    """The static mean field is active from 1/(1 + gamma) on, the quasi-potential from 1/sqrt(1 + gamma) on."""
    assert static_mean_field(0.75, 0.5).C > 0.12 and solve(0.75, np.inf, 0.5).q == 0.0
    # The response of the published recursion, E[phi'](1 + w R), is smaller.
    s = static_mean_field(0.75, 0.5)
    n = np.linspace(-8.0, 8.0, 2001)
    weight = np.exp(-0.5 * n**2) / np.exp(-0.5 * n**2).sum()
    x = np.sign(n) * [same_sign_root(max(abs(m), 1e-9) * 0.75 * s.C**0.5, s.w, transfer("tanh")) for m in n]
    factorised = weight @ (1 - np.tanh(x) ** 2) * (1 + s.w * s.R)
    assert factorised < 0.995 * s.R


@pytest.mark.parametrize(("g", "gamma"), [(0.9, 0.0), (0.6, 0.5), (1.2, -0.3), (0.5, 1.0), (3.0, -1.0)])
def test_no_activity_up_to_the_transition(g, gamma):
    s = static_mean_field(g, gamma)
    assert (s.C, s.l2, s.multivalued, s.jump, s.residual) == (0.0, 0.0, 0.0, 0.0, 0.0)
    np.testing.assert_allclose([s.R, s.w], [linear_phase(g, gamma).R_int, g**2 * gamma * s.R], rtol=1e-14)


@pytest.mark.parametrize("phi", ["tanh", "erf"])
def test_every_point_of_a_wide_grid_converges(phi):
    for gamma in (-0.9, -0.3, 0.0, 0.4, 1.0):
        activity = 0.0
        for factor in (1.00005, 1.01, 1.3, 2.0, 4.0, 10.0):
            s = static_mean_field(factor / (1.0 + gamma), gamma, phi)
            assert s.residual < 1e-10 and activity < s.C < 1.0 and s.l2 > s.C
            activity = s.C


def test_response_is_continuous_at_the_transition():
    for gamma in (-0.5, 0.0, 0.7):
        g_c = 1.0 / (1.0 + gamma)
        above = static_mean_field(1.0001 * g_c, gamma)
        np.testing.assert_allclose(above.R, 1.0 + gamma, rtol=1e-3)
        assert 0.0 < above.C < 1e-3


@pytest.mark.parametrize(
    ("arguments", "word"),
    [
        ((0.0,), "g:"),
        ((np.nan,), "g:"),
        ((1.2, 1.5), "gamma:"),
        ((1.2, 0.0, "linear"), "phi:"),
        ((1.2, 0.0, "x"), "phi:"),
    ],
)
def test_errors_name_the_argument(arguments, word):
    with pytest.raises(UserError, match=word):
        static_mean_field(*arguments)
