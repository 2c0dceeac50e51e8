"""Chaos in mean field against tabulated values, its expansion near the transition, and a simulated network."""

from __future__ import annotations

import numpy as np
import pytest

from nsslib.errors import UserError
from nsslib.model.couplings import couplings
from nsslib.theory.mean_field.dynamic import chaotic_mean_field


@pytest.mark.parametrize(
    ("g", "l2", "speed", "lyapunov"),
    [(1.2, 0.242629, 9.476e-4, 0.01192), (2.0, 1.924805, 0.063954, 0.112458)],
)
def test_chaotic_network(g, l2, speed, lyapunov):
    """Tabulated values; the exponent at g = 2 is also that of a simulated network, below."""
    s = chaotic_mean_field(g)
    np.testing.assert_allclose([s.l2, s.speed, s.lyapunov], [l2, speed, lyapunov], rtol=6e-5)


def test_lyapunov_exponent_near_the_transition():
    """lambda_max -> (g - 1)^2/2 (Sompolinsky, Crisanti & Sommers)."""
    ratios = [chaotic_mean_field(1.0 + e).lyapunov / (0.5 * e**2) for e in (0.02, 0.01)]
    assert abs(2.0 * ratios[1] - ratios[0] - 1.0) < 0.01


def test_no_chaos_below_one():
    with pytest.raises(UserError, match="chaotic phase"):
        chaotic_mean_field(1.0)


@pytest.mark.heavy
def test_lyapunov_exponent_of_a_network():
    """Growth of a small difference in one large network at g = 2."""
    N, dt, steps = 1500, 0.05, 8000
    J = 2.0 * couplings(N, 0.0, seed=3, diagonal="iid").astype(np.float32)
    rng = np.random.default_rng(1)
    x = rng.standard_normal((N, 2)).astype(np.float32)
    x[:, 1] /= np.linalg.norm(x[:, 1])
    growth, norm, kinetic = 0.0, 0.0, 0.0

    def flow(y):
        p = np.tanh(y[:, 0])
        return J @ np.column_stack([p, (1.0 - p**2) * y[:, 1]]) - y

    for step in range(steps):
        first = flow(x)
        x = x + 0.5 * dt * (first + flow(x + dt * first))
        size = float(np.linalg.norm(x[:, 1]))
        x[:, 1] /= size
        if step >= steps // 5:
            growth += np.log(size)
            norm += float(x[:, 0] @ x[:, 0]) / N
            kinetic += 0.5 * float(first[:, 0] @ first[:, 0]) / N
    kept = steps - steps // 5
    s = chaotic_mean_field(2.0)
    np.testing.assert_allclose([norm / kept, kinetic / kept], [s.l2, s.speed], rtol=0.05)
    np.testing.assert_allclose(growth / (kept * dt), s.lyapunov, atol=0.008)
