"""One-step replica-symmetry breaking: consistent with the replica-symmetric theory, and with itself."""

from __future__ import annotations

import numpy as np
import pytest

from nsslib.errors import UserError
from nsslib.model.transfer import PHI
from nsslib.theory.replica import free_energy, solve
from nsslib.theory.replica.equations import Point, excess, field_nodes, site_moments
from nsslib.theory.replica.one_step import COARSE, evaluate, linearised, one_step, relative, scale
from nsslib.theory.replica.single_site import OutsideDomain

AT = Point(2.4, 0.1, -0.5, 0.0, PHI["tanh"])
FAR = np.array([0.39, 0.22, 0.15, 0.62, 0.18, 0.13, 4.3, 3.1, 2.0])
SMALL = ((12, 32), (8, 18))


def test_equal_overlaps_are_the_replica_symmetric_theory():
    s = solve(2.4, 10.0, -0.5)
    assert s.branch == "finite-overlap" and s.replicon > 1.0
    root = np.sqrt(10.0)
    q, Q, R, RQ, qh, Qh = (float(s[k]) for k in ("q", "Q", "r", "R", "qh", "Qh"))
    y = np.array([q, Q, Q, root * R, root * RQ, root * RQ, qh, Qh, Qh])
    for m in (0.2, 0.9):
        evaluated = evaluate(y, m, AT, (20, 72))
        np.testing.assert_allclose(evaluated.image, y, rtol=1e-9)
        np.testing.assert_allclose(evaluated.excess + 0.5 * np.log(0.2 * np.pi), s.free_energy, atol=1e-11)
        np.testing.assert_allclose(evaluated.slope, 0.0, atol=1e-12)


def test_one_cluster_is_the_replica_symmetric_theory():
    """At m = 1 the overlap within a cluster drops out, at any order parameters."""
    nodes, weights = field_nodes(24, 72)
    y = FAR[[0, 2, 3, 5, 6, 8]]
    symmetric = excess(y, AT, site_moments(y, AT, nodes), weights)
    np.testing.assert_allclose(evaluate(FAR, 1.0, AT, (24, 72)).excess, symmetric, atol=1e-9)
    np.testing.assert_allclose(
        free_energy(y / [1, 1, 10**0.5, 10**0.5, 1, 1], 2.4, 10.0, -0.5, nodes=60) - 0.5 * np.log(0.2 * np.pi),
        symmetric,
        atol=1e-9,
    )


def test_gradient_is_the_residual():
    m, b = 0.4, AT.g**2 * AT.gamma
    evaluated = evaluate(FAR, m, AT, *SMALL)
    d = evaluated.image - FAR
    expected = [d[6] / 2, -(1 - m) * d[7] / 2, -m * d[8] / 2, b * d[3], -(1 - m) * b * d[4], -m * b * d[5]]
    expected += [d[0] / 2, -(1 - m) * d[1] / 2, -m * d[2] / 2]
    for k in range(9):
        h = 1e-4 * FAR[k] * np.eye(9)[k]
        up, down = (evaluate(FAR + sign * h, m, AT, *SMALL).excess for sign in (1, -1))
        np.testing.assert_allclose((up - down) / (2 * h[k]), expected[k], rtol=1e-5, atol=1e-6)
    up, down = (evaluate(FAR, m + h, AT, *SMALL).excess for h in (1e-4, -1e-4))
    np.testing.assert_allclose((up - down) / 2e-4, evaluated.slope, rtol=1e-6)


def test_jacobian_is_the_derivative_of_the_residual():
    m, units = 0.4, np.append(scale(FAR), 1.0)
    F, J = linearised(FAR, m, AT, COARSE)
    np.testing.assert_array_equal(F, relative(FAR, evaluate(FAR, m, AT, *COARSE)))
    for k in range(10):
        h = 1e-5 * np.eye(10)[k]
        shifted = [(FAR + sign * h[:9] * units[:9], m + sign * h[9]) for sign in (1, -1)]
        up, down = (relative(y, evaluate(y, c, AT, *COARSE)) for y, c in shifted)
        np.testing.assert_allclose((up - down) / 2e-5, J[:, k], rtol=1e-6, atol=1e-6 * np.abs(J[:, k]).max())


def test_impossible_overlaps_are_refused():
    for k, value in ((1, 0.1), (7, 1.0), (0, 0.1)):
        y = FAR.copy()
        y[k] = value
        with pytest.raises(OutsideDomain):
            evaluate(y, 0.5, AT, *SMALL)
    with pytest.raises(OutsideDomain):
        evaluate(FAR, 1.5, AT, *SMALL)


def test_nothing_to_break():
    s = one_step(1.2, 100.0, 0.5)
    assert not s.converged and np.isnan(s.q)
    with pytest.raises(UserError, match="beta"):
        one_step(1.2, np.inf, -0.2)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("g", "beta", "gamma", "gain"),
    [
        (2.4, 10.0, -0.5, -9.824e-4),
        pytest.param(2.0, 10.0, -0.5, -9.887e-5, marks=pytest.mark.heavy),
        pytest.param(2.4, 1e3, -0.5, -1.9823e-3, marks=pytest.mark.heavy),
    ],
)
def test_one_step_lowers_the_replica_symmetric_value(g, beta, gamma, gain):
    s, symmetric = one_step(g, beta, gamma), solve(g, beta, gamma)
    assert s.converged and 0.0 < s.m < 1.0 and 0.0 < s.Q0 < s.Q1 < s.q
    np.testing.assert_allclose(s.gain, gain, rtol=1e-3)
    np.testing.assert_allclose(s.free_energy - s.gain, symmetric.free_energy, atol=1e-9)
    assert s.Q0 < symmetric.Q < s.Q1 and abs(s.q - symmetric.q) < 0.02 * symmetric.q
