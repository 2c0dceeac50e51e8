"""The fluctuation-response relation: on solutions of the theory, and on samples at finite N."""

from __future__ import annotations

import numpy as np
import pytest

from nsslib import couplings, simulate
from nsslib.errors import UserError
from nsslib.theory.replica import solve
from nsslib.theory.replica.fluctuation_response import (
    connected_correlation,
    fluctuation_response,
    sampled_identity,
)

ORDER = ("q", "Q", "r", "R", "qh", "Qh")


@pytest.mark.parametrize(
    ("g", "beta", "gamma", "eta", "phi"),
    [
        (0.9, 50.0, 0.4, 0.03, "tanh"),
        (1.1, 1e4, 0.0, 0.0, "tanh"),
        (1.2, 1e3, 0.5, 0.0, "erf"),
        (2.0, 10.0, -0.5, 0.0, "tanh"),
        (1.8, 50.0, -0.3, 0.0, "erf"),
    ],
)
def test_identity_on_solutions(g, beta, gamma, eta, phi):
    s = solve(g, beta, gamma, eta, phi)
    assert (float(s["Q"]) > 0.1) == (gamma < 0.0)
    sigma = fluctuation_response(s["q"], s["Q"], s["r"], s["R"], g, beta, gamma)
    direct = connected_correlation([float(s[name]) for name in ORDER], g, beta, gamma, eta, phi)
    np.testing.assert_allclose(sigma, direct, rtol=2e-9)


def test_identity_needs_a_solution():
    s = solve(1.2, 100.0)
    order = np.array([float(s[name]) for name in ORDER]) * [1.0, 1.0, 1.05, 1.0, 1.0, 1.0]
    direct = connected_correlation(order, 1.2, 100.0)
    assert abs(fluctuation_response(*order[:4], 1.2, 100.0) / direct - 1.0) > 0.04


def test_without_coupling_it_is_the_thermal_correlation():
    """g = 0: sigma = r/sqrt(beta) = E[phi']/beta."""
    s = solve(0.0, 4.0)
    x = np.linspace(-5.0, 5.0, 2001)
    weight = np.exp(-2.0 * x**2)
    expected = weight @ (x * np.tanh(x)) / weight.sum()
    np.testing.assert_allclose(fluctuation_response(s["q"], 0.0, s["r"], 0.0, 0.0, 4.0), expected, rtol=1e-9)


def test_sampled_identity_by_loops():
    """The vectorised estimator against its definition."""
    rng = np.random.default_rng(0)
    x, J0 = rng.standard_normal((3, 4, 5)), couplings(5, 0.3, seed=1)
    f, g, beta, gamma = np.tanh(x), 1.3, 7.0, 0.3
    v = x - g * np.einsum("ij,adj->adi", J0, f)
    rho = [v[a, d] @ f[a, d] / 5 for a in range(3) for d in range(4)]
    rho_q = [(v[a, d] @ f[a, d] / 5) * (f[a, d] @ f[a, d] / 5) for a in range(3) for d in range(4)]
    pairs = [(a, b, d) for a in range(3) for b in range(3) for d in range(4) if a != b]
    crossed = [(v[b, d] @ f[a, d] / 5) * (f[a, d] @ f[b, d] / 5) for a, b, d in pairs]
    D = [np.sum((v[a, d] * f[a, d] - v[b, d] * f[b, d]) * f[a, d] ** 2) / 25 for a, b, d in pairs]
    for diagonal, c in (("zero", 1.3), ("iid", 0.3)):
        identity = sampled_identity(x, J0, g, beta, gamma, diagonal=diagonal)
        expected = np.mean(rho) + beta * g**2 * (1.3 * (np.mean(rho_q) - np.mean(crossed)) - c * np.mean(D))
        np.testing.assert_allclose(identity, [np.mean(x * f), expected], rtol=1e-12)


def test_errors_name_the_argument():
    with pytest.raises(UserError, match="2 replicas"):
        sampled_identity(np.zeros((1, 4, 5)), np.zeros((5, 5)), 1.0, 1.0)


def average_over_couplings(gamma, diagonal, g=0.8, beta=1.0):
    """Terms (correlation, E<rho>, E<rho q> - E<rho_ba Q_ab>, E<D>) at N = 2, by quadrature over x and couplings."""
    n, w = np.polynomial.hermite_e.hermegauss(16 if diagonal == "zero" else 8)
    count = 2 if diagonal == "zero" else 4
    normal = np.stack(np.meshgrid(*[n] * count, indexing="ij"), -1).reshape(-1, count)
    weight = np.prod(np.stack(np.meshgrid(*[w / w.sum()] * count, indexing="ij"), -1).reshape(-1, count), axis=1)
    J = np.zeros((len(normal), 2, 2))
    J[:, 0, 1], J[:, 1, 0] = normal[:, 0], gamma * normal[:, 0] + np.sqrt(1.0 - gamma**2) * normal[:, 1]
    if diagonal == "iid":
        J[:, 0, 0], J[:, 1, 1] = normal[:, 2:].T
    axis = np.arange(-8.0, 8.1, 0.5)
    x = np.stack(np.meshgrid(axis, axis, indexing="ij"), -1).reshape(-1, 2)
    f = np.tanh(x)
    v = x - g * np.einsum("cij,mj->cmi", J / np.sqrt(2.0), f)
    p = np.exp(-0.5 * beta * (v**2).sum(axis=-1))
    p /= p.sum(axis=1, keepdims=True)
    vf, ff = np.einsum("cm,cmi,mj->cij", p, v, f), np.einsum("cm,mi,mj->cij", p, f, f)
    local = np.einsum("cm,cmi,mi->c", p, v, f**3) - np.einsum("cii,cii->c", vf, ff)
    rho_q = np.einsum("cm,cmi,mi,m->c", p, v, f, (f**2).mean(axis=1)) / 2
    terms = [p @ (x * f).mean(axis=1), np.einsum("cii->c", vf) / 2, rho_q - (vf * ff).sum(axis=(1, 2)) / 4, local / 4]
    return np.array(terms) @ weight


@pytest.mark.parametrize(("gamma", "diagonal"), [(0.5, "zero"), (-0.7, "zero"), (0.0, "iid"), (0.5, "iid")])
def test_the_identity_is_exact_at_two_units(gamma, diagonal):
    correlation, rho, connected, D = average_over_couplings(gamma, diagonal)
    c = 1.0 + gamma if diagonal == "zero" else gamma
    np.testing.assert_allclose(rho + 0.8**2 * ((1.0 + gamma) * connected - c * D), correlation, rtol=1e-6)
    # Neither term can be left out.
    assert abs(connected) > 0.02 and D > 0.02


def score(difference):
    """Mean over disorder samples in units of its standard error."""
    return difference.mean() / (difference.std(ddof=1) / np.sqrt(len(difference)))


@pytest.mark.heavy
@pytest.mark.parametrize(("diagonal", "gamma"), [("zero", 0.0), ("iid", 0.5)])
def test_samples(diagonal, gamma):
    """N = 8: both sides agree over disorder; without the overlap term they do not."""
    N, g, beta = 8, 1.2, 10.0
    exact, without = [], []
    for seed in range(60):
        shard = simulate(
            N=N, g=[0.9, g], beta=[3.0, beta], gamma=gamma, seed=seed, replicas=4, steps=2000, progress=False,
            diagonal=diagonal, save={"trajectories": 10},
        )  # fmt: skip
        x = shard["trajectories/x"].sel(g=g, beta=beta).transpose("replica", "draw", "unit").values.astype(float)
        J0 = couplings(N, gamma, seed, diagonal)
        exact.append(sampled_identity(x, J0, g, beta, gamma, diagonal=diagonal))
        f = np.tanh(x)
        v = x - g * f @ J0.T
        rho, q = (v * f).mean(axis=-1), (f * f).mean(axis=-1)
        alone = rho.mean() + beta * g**2 * (1.0 + gamma) * (rho * q).mean()
        without.append(alone)
    correlation, response = np.array(exact).T
    assert correlation.std(ddof=1) / np.sqrt(60) < 0.08 * correlation.mean()
    assert abs(score(correlation - response)) < 3.5
    if diagonal == "zero":
        assert score(correlation - without) < -4.0
